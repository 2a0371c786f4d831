//! `palisade init`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::init::{self, InitRequest, MigrationSource};
use crate::render;

/// Flags of `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Changes nothing unless a flag asks for it. Palisade never manages the bucket of its own state.\n\n\
                        Examples:\n  palisade init\n  palisade init --create-backend\n  palisade init --migrate-state"
)]
pub struct InitArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Fetch modules from git and archives again, and update the lock file
    #[arg(long)]
    upgrade: bool,
    /// Make the state bucket: versioned, encrypted, not public, TLS only
    #[arg(long)]
    create_backend: bool,
    /// Copy the state from where it was: from .palisade/state to the configured bucket, or from --from
    #[arg(long)]
    migrate_state: bool,
    /// Where the state is now: s3://BUCKET/PREFIX, or a directory
    #[arg(long, value_name = "BACKEND", requires = "migrate_state")]
    from: Option<String>,
    /// Go on with the state of an estate of another name: after a new `name` in the `palisade` block
    #[arg(long)]
    rename_estate: bool,
}

/// Checks configuration and backend, and prepares the backend where it is asked to.
///
/// # Errors
/// The configuration is wrong, or the backend cannot be used.
pub async fn run(args: &InitArgs, context: &Context) -> Result<(), Exit> {
    let migrate = args.migrate_state.then(|| match &args.from {
        Some(from) => MigrationSource::Named(from.clone()),
        None => MigrationSource::DefaultDirectory,
    });
    let request = InitRequest {
        variables: args.vars.variables(),
        upgrade: args.upgrade,
        create_backend: args.create_backend,
        migrate,
        rename_estate: args.rename_estate,
    };
    let ready = init::run(&context.workspace()?, &request).await?;
    if ready.key_beside_state {
        let warning =
            Diagnostic::warning("the key of secrets' fingerprints is stored beside this state")
                .detail("whoever can read the state can find out short secrets by trying them")
                .help(
                    "give the state a backend in S3 with a `kms_key_id` before secrets are applied",
                );
        context.tell([&warning]);
    }
    let mut out = context.stdout();
    render::init::text(&ready, &mut out)?;
    Ok(out.flush()?)
}
