//! `palisade state ...`: look into the state, and repair it.

mod push;
mod rename;
mod rollback;
mod show;
mod unlock;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine;
use crate::plan::select;
use crate::state::Snapshot;
use crate::state::model::Resources;

use push::PushArgs;
use rename::{MvArgs, RmArgs};
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
        StateCommand::Rm(args) => rename::rm(&args, context).await,
        StateCommand::Pull(args) => show::pull(&args, context).await,
        StateCommand::Push(args) => push::push(&args, context).await,
        StateCommand::History(args) => show::history(&args, context).await,
        StateCommand::Rollback(args) => rollback::rollback(&args, context).await,
        StateCommand::Unlock(args) => unlock::unlock(&args, context).await,
    }
}

async fn read(context: &Context) -> Result<Snapshot, Exit> {
    let store = engine::open::configured(&context.workspace()?).await?;
    Ok(context.interruptible(store.ledger.read_all()).await??)
}

fn require(resources: &Resources, pattern: &str) -> Result<(), Exit> {
    if resources.keys().any(|a| select::names(&[pattern.to_owned()], a)) {
        return Ok(());
    }
    let known: Vec<String> = resources.keys().map(ToString::to_string).collect();
    let help = did_you_mean(pattern, known.iter().map(String::as_str))
        .unwrap_or_else(|| "`palisade state list` shows the addresses".to_owned());
    Err(Diagnostic::error(format!("the state holds nothing at `{pattern}`")).help(help).into())
}

fn unknown_scope(snapshot: &Snapshot, scope: &str) -> Exit {
    let known: Vec<&str> = snapshot.scopes.keys().map(String::as_str).collect();
    let help =
        did_you_mean(scope, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => "the state is empty".to_owned(),
            known => format!("there are {}", known.join(", ")),
        });
    Diagnostic::error(format!("the state has no scope `{scope}`")).help(help).into()
}
