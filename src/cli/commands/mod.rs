//! One file per command: its flags and its function.

pub mod audit;
pub mod completions;
pub mod simulate;
pub mod state;
pub mod version;

use super::args::Command;
use super::context::Context;
use super::error::Exit;

/// Runs a command.
///
/// # Errors
/// However the command ends other than by plain success.
pub async fn dispatch(command: Command, cx: &Context) -> Result<(), Exit> {
    match command {
        Command::State(command) => state::run(command, cx).await,
        Command::Simulate(args) => simulate::run(&args, cx),
        Command::Audit(command) => audit::run(command, cx).await,
        Command::Completions(args) => completions::run(&args, cx),
        Command::Version(args) => version::run(&args, cx),
    }
}
