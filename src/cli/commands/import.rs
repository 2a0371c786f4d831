//! `palisade import`.

use clap::Args;

use crate::address::ResourceAddr;
use crate::cli::args::{VarArgs, duration};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::diag::Diagnostic;
use crate::engine::apply;

/// Flags of `import`.
#[derive(Debug, Args)]
#[command(
    after_help = "The object must be declared first (`palisade adopt` writes declarations). What differs from them is \
                        changed with it, after a question. An `import` block does the same for everybody.\n\n\
                        Example:\n  palisade import iam_role.deploy@production deploy"
)]
pub struct ImportArgs {
    /// Where it is declared
    address: String,
    /// Its id, name or ARN in AWS
    id: String,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: std::time::Duration,
}

/// Plans the import of one object, asks, and carries it out.
///
/// # Errors
/// The object is not declared, not there, or managed already.
pub async fn run(args: &ImportArgs, context: &Context) -> Result<(), Exit> {
    let address: ResourceAddr = args.address.parse().map_err(|e: crate::address::AddrError| {
        Exit::from(Diagnostic::error(e.to_string()).help("as in `iam_role.deploy@production`"))
    })?;
    let workspace =
        context.workspace_in(Manner { auto_approve: args.auto_approve, ..Manner::default() })?;
    let variables = args.vars.variables();
    apply::import(&workspace, &address, &args.id, &variables, args.lock_timeout).await?;
    Ok(())
}
