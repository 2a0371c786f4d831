//! One file per command: its flags and its function.

pub mod adopt;
pub mod apply;
pub mod approve;
pub mod audit;
pub mod compare_policies;
pub mod completions;
pub mod console;
pub mod destroy;
pub mod drift;
pub mod fmt;
pub mod graph;
pub mod history;
pub mod import;
pub mod init;
pub mod isolation;
pub mod output;
pub mod plan;
pub mod promote;
pub mod releases;
pub mod rollback;
pub mod show;
pub mod simulate;
pub mod state;
pub mod status;
pub mod validate;
pub mod verify;
pub mod version;
pub mod who_can;

use super::args::Command;
use super::context::Context;
use super::error::Exit;

/// Runs a command.
///
/// # Errors
/// However the command ends other than by plain success.
pub async fn dispatch(command: Command, cx: &Context) -> Result<(), Exit> {
    match command {
        Command::Init(args) => init::run(&args, cx).await,
        Command::Validate(args) => validate::run(&args, cx),
        Command::Fmt(args) => fmt::run(&args, cx),
        Command::Plan(args) => plan::run(&args, cx).await,
        Command::Show(args) => show::run(&args, cx).await,
        Command::Apply(args) => apply::run(&args, cx).await,
        Command::Destroy(args) => destroy::run(&args, cx).await,
        Command::Drift(args) => drift::run(&args, cx).await,
        Command::Import(args) => import::run(&args, cx).await,
        Command::Adopt(args) => adopt::run(&args, cx).await,
        Command::Approve(args) => approve::run(&args, cx).await,
        Command::History(args) => history::run(&args, cx).await,
        Command::Status(args) => status::run(&args, cx).await,
        Command::Promote(args) => promote::run(&args, cx).await,
        Command::Rollback(args) => rollback::run(&args, cx).await,
        Command::Verify(args) => verify::run(&args, cx).await,
        Command::Releases(args) => releases::run(&args, cx).await,
        Command::State(command) => state::run(command, cx).await,
        Command::Graph(args) => graph::run(&args, cx),
        Command::Console(args) => console::run(&args, cx).await,
        Command::Output(args) => output::run(&args, cx).await,
        Command::Isolation(args) => isolation::run(&args, cx).await,
        Command::WhoCan(args) => who_can::run(&args, cx).await,
        Command::ComparePolicies(args) => compare_policies::run(&args, cx),
        Command::Simulate(args) => simulate::run(&args, cx),
        Command::Audit(command) => audit::run(command, cx).await,
        Command::Completions(args) => completions::run(&args, cx),
        Command::Version(args) => version::run(&args, cx),
    }
}
