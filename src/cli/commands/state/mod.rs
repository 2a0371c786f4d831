//! `palisade state ...`: look into the state, and repair it.

mod forget;
mod push;
mod rename;
mod rollback;
mod show;
mod unlock;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::error::Exit;

use forget::RmArgs;
use push::PushArgs;
use rename::MvArgs;
use rollback::RollbackArgs;
use show::{HistoryArgs, ListArgs, PullArgs, ShowArgs};
use unlock::UnlockArgs;

/// `palisade state ...`
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses of everything that is managed
    List(ListArgs),
    /// Show one object as it was last applied
    Show(ShowArgs),
    /// Give an object, a block or a module another address
    Mv(MvArgs),
    /// Forget an object; it stays in AWS
    Rm(RmArgs),
    /// Print the whole state as JSON
    Pull(PullArgs),
    /// Write back a state that an apply had to save to a file
    Push(PushArgs),
    /// List the versions of the state
    History(HistoryArgs),
    /// Make an old version of one scope's state the current one
    Rollback(RollbackArgs),
    /// Break a lock whose holder is gone
    Unlock(UnlockArgs),
}

/// Runs a state command.
///
/// # Errors
/// Those of the command.
pub async fn run(command: StateCommand, context: &Context) -> Result<(), Exit> {
    match command {
        StateCommand::List(args) => show::list(&args, context).await,
        StateCommand::Show(args) => show::show(&args, context).await,
        StateCommand::Mv(args) => rename::mv(&args, context).await,
        StateCommand::Rm(args) => forget::rm(&args, context).await,
        StateCommand::Pull(args) => show::pull(&args, context).await,
        StateCommand::Push(args) => push::push(&args, context).await,
        StateCommand::History(args) => show::history(&args, context).await,
        StateCommand::Rollback(args) => rollback::rollback(&args, context).await,
        StateCommand::Unlock(args) => unlock::unlock(&args, context).await,
    }
}
