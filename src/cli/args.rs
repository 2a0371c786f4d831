//! The command line's grammar.

use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::commands as c;
use crate::config::VarArg;

/// Plan and apply for multi-account AWS environments, with the walls between them in view.
#[derive(Debug, Parser)]
#[command(
    name = "palisade",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 success, 1 error, 2 changes present (drift, plan --detailed-exitcode),\n\
                  3 a rule is broken, 4 stale plan or state conflict, 5 locked by someone else, 130 interrupted."
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Work as if started in DIR
    #[arg(short = 'C', long = "chdir", value_name = "DIR", global = true)]
    pub chdir: Option<PathBuf>,
    /// Use embedded AWS accounts, kept under DIR (default .palisade/sandbox), instead of real ones
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, global = true)]
    pub sandbox: Option<Option<PathBuf>>,
    /// Write no colours
    #[arg(long, global = true)]
    pub no_color: bool,
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
    /// Look into the state, and repair it
    #[command(subcommand)]
    State(c::state::StateCommand),
    /// Draw what depends on what
    Graph(c::graph::GraphArgs),
    /// Evaluate expressions
    Console(c::console::ConsoleArgs),
    /// Print outputs of the last apply
    Output(c::output::OutputArgs),
    /// Show the walls between environments: verdicts, paths, exceptions, proofs
    Isolation(c::isolation::IsolationArgs),
    /// List everybody who can do something to a resource, and through what
    WhoCan(c::who_can::WhoCanArgs),
    /// Tell whether a policy permits more than the one that it replaces
    ComparePolicies(c::compare_policies::ComparePoliciesArgs),
    /// Judge requests against policy documents, as IAM would
    Simulate(c::simulate::SimulateArgs),
    /// Check the audit log
    #[command(subcommand)]
    Audit(c::audit::AuditCommand),
    /// Write a completion script for a shell
    Completions(c::completions::CompletionsArgs),
    /// Print the version
    Version(c::version::VersionArgs),
}

/// The two flags that give values to variables.
#[derive(Args)]
#[command(next_help_heading = "Variables")]
struct VarFlags {
    /// Set a variable; repeatable, and what comes later wins
    #[arg(long = "var", value_name = "NAME=VALUE", action = ArgAction::Append, value_parser = VarArg::parse)]
    _var: Vec<VarArg>,
    /// Read variables from a file; repeatable, and what comes later wins
    #[arg(long = "var-file", value_name = "FILE", action = ArgAction::Append)]
    _var_file: Vec<PathBuf>,
}

/// Values for variables, in the order in which `--var` and `--var-file` give them.
#[derive(Clone, Debug, Default)]
pub struct VarArgs(pub Vec<VarArg>);

impl FromArgMatches for VarArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        fn placed<T: Clone + Send + Sync + 'static>(
            matches: &ArgMatches,
            id: &str,
        ) -> Vec<(usize, T)> {
            let places = matches.indices_of(id).into_iter().flatten();
            places.zip(matches.get_many::<T>(id).into_iter().flatten().cloned()).collect()
        }
        let files = placed::<PathBuf>(matches, "_var_file").into_iter();
        let mut all = placed::<VarArg>(matches, "_var");
        all.extend(files.map(|(place, file)| (place, VarArg::File(file))));
        all.sort_by_key(|(place, _)| *place);
        Ok(Self(all.into_iter().map(|(_, var)| var).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for VarArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        VarFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VarFlags::augment_args_for_update(command)
    }
}

/// What a plan is limited to. The rest is still read and analysed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Only what belongs to this environment; repeatable
    #[arg(long, short = 'e', value_name = "ENVIRONMENT", action = ArgAction::Append)]
    pub environment: Vec<String>,
    /// Only what lives in this account; repeatable
    #[arg(long, short = 'a', value_name = "ACCOUNT", action = ArgAction::Append)]
    pub account: Vec<String>,
    /// Only this object, block or module, and what it needs; repeatable
    #[arg(long, short = 't', value_name = "ADDRESS", action = ArgAction::Append)]
    pub target: Vec<String>,
}

/// How a plan is made.
#[derive(Clone, Debug, Args)]
pub struct PlanOptions {
    /// What the plan is limited to.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Values for variables.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Replace this object though nothing forces it; repeatable
    #[arg(long, value_name = "ADDRESS", action = ArgAction::Append)]
    pub replace: Vec<String>,
    /// Read AWS first; `--refresh=false` plans from state alone
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = ArgAction::Set, hide_possible_values = true)]
    pub refresh: bool,
    /// Change nothing in AWS: take what drifted into state
    #[arg(long, conflicts_with = "replace")]
    pub refresh_only: bool,
    /// What makes the plan fail with exit code 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Violation)]
    pub fail_on: FailOn,
    /// Why `--fail-on none` is right; goes into the audit log
    #[arg(long, value_name = "TEXT", required_if_eq("fail_on", "none"))]
    pub reason: Option<String>,
    /// How many accounts are worked on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: u16,
    /// Wait so long for a lock that somebody else holds, as in `30s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
}

/// What makes a plan fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A path between environments that breaks an isolation rule.
    #[default]
    Violation,
    /// Any path that this plan adds or widens.
    Widening,
    /// Nothing; needs `--reason`.
    None,
}

/// Formats of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For people.
    #[default]
    Text,
    /// For tools.
    Json,
    /// For pull requests.
    Markdown,
    /// A page of its own.
    Html,
    /// For code scanning.
    Sarif,
}

/// `--format`, and `--json` for short.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FormatArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Text, conflicts_with = "json")]
    pub format: FormatArg,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

impl FormatArgs {
    /// The format asked for.
    #[must_use]
    pub fn format(self) -> crate::render::Format {
        use crate::render::Format;
        if self.json {
            return Format::Json;
        }
        match self.format {
            FormatArg::Text => Format::Text,
            FormatArg::Json => Format::Json,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Html => Format::Html,
            FormatArg::Sarif => Format::Sarif,
        }
    }
}

/// `90`, `90s`, `5m`, `1h`.
///
/// # Errors
/// Anything else, and more than a day.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("use s, m or h, as in `30s`".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "it must be a number and s, m or h, as in `30s`")?;
    match number.checked_mul(unit) {
        Some(seconds) if seconds <= 86_400 => Ok(std::time::Duration::from_secs(seconds)),
        _ => Err("more than a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

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

    #[test]
    fn variables_keep_their_order() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            vars: VarArgs,
        }
        let line = ["x", "--var", "a=1", "--var-file=f", "--var", "a = 2=3"];
        let value =
            |name: &str, text: &str| VarArg::Value { name: name.to_owned(), text: text.to_owned() };
        let expected = [value("a", "1"), VarArg::File("f".into()), value("a", " 2=3")];
        assert_eq!(Line::try_parse_from(line).unwrap().vars.0, expected);
        assert!(Line::try_parse_from(["x"]).unwrap().vars.0.is_empty());
        assert!(Line::try_parse_from(["x", "--var", "a"]).is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90"), Ok(std::time::Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(std::time::Duration::from_secs(300)));
        for wrong in ["", "s", "-1s", "5d", "99999999999999999999", "25h", "1.5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
