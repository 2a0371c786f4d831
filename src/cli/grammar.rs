//! The command line's grammar, and which function answers which command.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::args::Global;
use super::commands as c;
use super::context::Context;
use super::error::Exit;
use crate::engine::host::Urgency;

/// Plan and apply for multi-account AWS environments, with the walls between them in view.
#[derive(Debug, Parser)]
#[command(
    name = "palisade",
    version,
    propagate_version = false,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 success, 1 error, 2 changes present (drift, plan --detailed-exitcode), \
                  3 a rule is broken, 4 stale plan or state conflict, 5 locked by someone else, \
                  6 something could not be read (drift, plan --detailed-exitcode, adopt), 130 interrupted."
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prepare a directory: check the configuration, reach the backend
    Init(c::init::InitArgs),
    /// Check the whole configuration, offline and without credentials
    Validate(c::validate::ValidateArgs),
    /// Rewrite configuration files in the canonical style
    Fmt(c::fmt::FmtArgs),
    /// Show what apply would change, per account
    Plan(c::plan::PlanArgs),
    /// Show a saved plan, or what the state holds
    Show(c::show::ShowArgs),
    /// Change AWS as the configuration or a saved plan says
    Apply(c::apply::ApplyArgs),
    /// Delete everything that the configuration manages
    Destroy(c::destroy::DestroyArgs),
    /// Compare live AWS with state and configuration
    Drift(c::drift::DriftArgs),
    /// Bring one existing object under management
    Import(c::import::ImportArgs),
    /// Write configuration for what an account holds and nobody manages
    Adopt(c::adopt::AdoptArgs),
    /// Move a release along an edge, through its gates
    Promote(c::promote::PromoteArgs),
    /// Approve what a promotion would do, or take the approval back
    Approve(c::approve::ApproveArgs),
    /// Bring the last verified release back to an environment
    Rollback(c::rollback::RollbackArgs),
    /// Ask again whether what stands in an environment passes verification
    Verify(c::verify::VerifyArgs),
    /// List releases and where they stand
    Releases(c::releases::ReleasesArgs),
    /// Show what moved where, when, by whom and past which gates, with the success figures
    History(c::history::HistoryArgs),
    /// Show where every environment stands: releases, holds, drift, next gates
    Status(c::status::StatusArgs),
    /// Write a page for auditors: walls, exceptions, drift and history of the estate as it is now
    Report(c::report::ReportArgs),
    /// Look into the state, and repair it
    #[command(
        subcommand,
        after_help = "Examples:\n  palisade state list\n  palisade state show iam_role.deploy@staging\n  palisade state mv iam_role.ci iam_role.deploy"
    )]
    State(c::state::StateCommand),
    /// Draw what depends on what
    Graph(c::graph::GraphArgs),
    /// Evaluate expressions
    Console(c::console::ConsoleArgs),
    /// Print outputs of the last apply
    Output(c::output::OutputArgs),
    /// Show the walls between environments: verdicts, paths, exceptions, proofs
    Isolation(c::isolation::IsolationArgs),
    /// Judge what a Terraform plan or a CloudFormation template does to the walls between environments
    Review(Box<c::review::ReviewArgs>),
    /// List everybody who can do something to a resource, and through what
    WhoCan(c::who_can::WhoCanArgs),
    /// Tell whether a policy permits more than the one that it replaces
    ComparePolicies(c::compare_policies::ComparePoliciesArgs),
    /// Print the IAM policies that a plan or an apply of the configuration needs
    Permissions(c::permissions::PermissionsArgs),
    /// Judge requests against policy documents, as IAM would
    Simulate(c::simulate::SimulateArgs),
    /// Check the audit log
    #[command(subcommand, after_help = "Example:\n  palisade audit verify")]
    Audit(c::audit::AuditCommand),
    /// Write a completion script for a shell
    Completions(c::completions::CompletionsArgs),
    /// Print the version
    Version(c::version::VersionArgs),
}

/// What an interruption means for a command.
#[derive(Clone, Copy, Debug)]
pub struct Interruption {
    /// Whether the command may be left at once.
    pub has_nothing_to_finish: bool,
    /// Whether what it begins is recorded in a journal before.
    pub is_journaled: bool,
    /// What to do next.
    pub next: &'static str,
}

impl Interruption {
    /// How a run ends that was interrupted with this urgency.
    #[must_use]
    pub fn message(&self, urgency: Urgency) -> String {
        let begun = match urgency {
            _ if !self.is_journaled => "",
            Urgency::None | Urgency::Finish => "whatever had begun is recorded; ",
            Urgency::Leave => "what was in flight is looked up by the next run; ",
        };
        format!("interrupted: {begun}{}", self.next)
    }
}

impl Command {
    /// What an interruption means for the command.
    #[must_use]
    pub fn after_interruption(&self) -> Interruption {
        let (has_nothing_to_finish, next) = match self {
            Self::Apply(_) | Self::Destroy(_) | Self::Import(_) => {
                (false, "`palisade plan` shows what is left, `palisade apply` goes on from there")
            }
            Self::Promote(_) | Self::Rollback(_) | Self::Verify(_) => (
                false,
                "`palisade status` shows where the release stands, the same command goes on from there",
            ),
            Self::Init(_) | Self::State(_) | Self::Approve(_) | Self::Adopt(_) => {
                (false, "run the command again")
            }
            // Files are written one at a time, each whole.
            Self::Fmt(_) => (true, "run the command again"),
            Self::Validate(_)
            | Self::Plan(_)
            | Self::Show(_)
            | Self::Drift(_)
            | Self::Releases(_)
            | Self::History(_)
            | Self::Status(_)
            | Self::Report(_)
            | Self::Graph(_)
            | Self::Console(_)
            | Self::Output(_)
            | Self::Isolation(_)
            | Self::Review(_)
            | Self::WhoCan(_)
            | Self::ComparePolicies(_)
            | Self::Permissions(_)
            | Self::Simulate(_)
            | Self::Audit(_)
            | Self::Completions(_)
            | Self::Version(_) => (true, "nothing was changed"),
        };
        let is_journaled = matches!(
            self,
            Self::Apply(_)
                | Self::Destroy(_)
                | Self::Import(_)
                | Self::Promote(_)
                | Self::Rollback(_)
                | Self::Verify(_)
        );
        Interruption { has_nothing_to_finish, is_journaled, next }
    }
}

/// Runs a command.
///
/// # Errors
/// However the command ends other than by plain success.
pub async fn dispatch(command: Command, context: &Context) -> Result<(), Exit> {
    match command {
        Command::Init(args) => c::init::run(&args, context).await,
        Command::Validate(args) => c::validate::run(&args, context),
        Command::Fmt(args) => c::fmt::run(&args, context),
        Command::Plan(args) => c::plan::run(&args, context).await,
        Command::Show(args) => c::show::run(&args, context).await,
        Command::Apply(args) => c::apply::run(&args, context).await,
        Command::Destroy(args) => c::destroy::run(&args, context).await,
        Command::Drift(args) => c::drift::run(&args, context).await,
        Command::Import(args) => c::import::run(&args, context).await,
        Command::Adopt(args) => c::adopt::run(&args, context).await,
        Command::Approve(args) => c::approve::run(&args, context).await,
        Command::History(args) => c::history::run(&args, context).await,
        Command::Status(args) => c::status::run(&args, context).await,
        Command::Promote(args) => c::promote::run(&args, context).await,
        Command::Rollback(args) => c::rollback::run(&args, context).await,
        Command::Verify(args) => c::verify::run(&args, context).await,
        Command::Releases(args) => c::releases::run(&args, context).await,
        Command::Report(args) => c::report::run(&args, context).await,
        Command::State(command) => c::state::run(command, context).await,
        Command::Graph(args) => c::graph::run(&args, context),
        Command::Console(args) => c::console::run(&args, context).await,
        Command::Output(args) => c::output::run(&args, context).await,
        Command::Isolation(args) => c::isolation::run(&args, context).await,
        Command::Review(args) => c::review::run(&args, context).await,
        Command::WhoCan(args) => c::who_can::run(&args, context).await,
        Command::ComparePolicies(args) => c::compare_policies::run(&args, context),
        Command::Permissions(args) => c::permissions::run(&args, context),
        Command::Simulate(args) => c::simulate::run(&args, context),
        Command::Audit(command) => c::audit::run(command, context).await,
        Command::Completions(args) => c::completions::run(&args, Cli::command(), context),
        Command::Version(args) => c::version::run(&args, context),
    }
}

/// The whole grammar, for those who describe it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    check(sub, &path);
                } else {
                    let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(help.contains("Example"), "{path} has no example");
                    assert!(help.contains(&path), "{path}: its example does not run it");
                    // A longer one is wrapped, and what is copied then is no command.
                    let examples = help.split("Example").nth(1).unwrap_or_default();
                    let long = examples.lines().find(|line| line.chars().count() > 80);
                    assert_eq!(long, None, "{path}: cannot be copied from a terminal");
                }
            }
        }
        check(&Cli::command(), "palisade");
    }

    #[test]
    fn the_sandbox_takes_its_directory_only_with_an_equals_sign() {
        let parse = |args: &[&str]| Cli::try_parse_from(args).map(|c| c.global.sandbox);
        assert_eq!(parse(&["palisade", "version"]).unwrap(), None);
        assert_eq!(parse(&["palisade", "--sandbox", "version"]).unwrap(), Some(None));
        assert_eq!(parse(&["palisade", "version", "--sandbox=x"]).unwrap(), Some(Some("x".into())));
    }

    #[test]
    fn going_on_over_a_broken_rule_needs_a_reason() {
        assert!(Cli::try_parse_from(["palisade", "apply", "--fail-on", "none"]).is_err());
        assert!(
            Cli::try_parse_from(["palisade", "apply", "--fail-on", "none", "--reason", "x"])
                .is_ok()
        );
    }
}
