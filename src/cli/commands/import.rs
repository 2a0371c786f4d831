//! `palisade import`.

use std::io::Write as _;

use clap::Args;

use crate::address::ResourceAddr;
use crate::cli::args::{FailOn, VarArgs, duration};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::apply::{self, Approval};
use crate::engine::pipeline::{self, Request};
use crate::render;

/// Flags of `import`.
#[derive(Debug, Args)]
#[command(
    after_help = "The object must be declared first (`palisade adopt` writes declarations). What differs from them is\n\
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
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: std::time::Duration,
}

/// Plans the import of one object, asks, and carries it out.
///
/// # Errors
/// The object is not declared, not there, or managed already.
pub async fn run(args: &ImportArgs, cx: &Context) -> Result<(), Exit> {
    let address: ResourceAddr = args.address.parse().map_err(|e: crate::address::AddrError| {
        Exit::from(Diagnostic::error(e.to_string()).help("as in `iam_role.deploy@production`"))
    })?;
    let mut request = Request::everything(&args.vars);
    request.imports.push((address.clone(), args.id.clone()));
    request.options.selection.targets.push(address.to_string());
    let approval = Approval {
        fail_on: FailOn::Violation,
        reason: None,
        lock_timeout: args.lock_timeout,
        parallelism: request.parallelism,
    };
    let mut world = pipeline::survey(cx, &request).await?;
    if apply::recover(cx, &world, &approval).await? {
        world = pipeline::survey(cx, &request).await?;
    }
    let plan = pipeline::plan(cx, &world, &request)?;
    pipeline::warn(cx, &world, &plan);
    let mut out = cx.stdout();
    render::text::plan(&plan, false, cx.style(), &mut out)?;
    out.flush()?;
    if !plan.has_changes() {
        return Err(Exit::error(format!("`{address}` is managed already")));
    }
    if !args.auto_approve {
        cx.confirm("Import it?").await?;
    }
    apply::run(cx, &world, &request, &plan, &approval).await
}
