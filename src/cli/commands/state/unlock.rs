//! `palisade state unlock`: breaks locks whose holders are gone.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::edit_state::unlock::{self, UnlockRequest};

/// Flags of `state unlock`.
#[derive(Debug, Args)]
#[command(
    after_help = "A lock ends by itself some minutes after its holder was last heard of. Breaking one whose holder \
                        still works makes that run fail with a state conflict; nothing is overwritten.\n\n\
                        Example:\n  palisade state unlock acct-production"
)]
pub struct UnlockArgs {
    /// Scopes; every locked one when none is named
    scopes: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    force: bool,
}

pub(super) async fn unlock(args: &UnlockArgs, context: &Context) -> Result<(), Exit> {
    let manner = Manner { auto_approve: args.force, ..Manner::default() };
    let request = UnlockRequest { scopes: args.scopes.clone() };
    let broken = unlock::run(&context.workspace_in(manner)?, &request).await?;
    if broken.is_empty() && args.scopes.is_empty() {
        context.say("nothing is locked");
    }
    Ok(())
}
