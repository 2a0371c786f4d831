//! `palisade promote`.

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::promotion::Settings;
use crate::engine::promotion::promote::{self, Promotion};

/// Flags of `promote`.
#[derive(Debug, Args)]
#[command(
    after_help = "Takes the release that is verified where the edge begins, asks every gate, shows the plan of the target,\n\
                        carries it out and watches verification. A closed gate: exit code 3, and nothing is changed. A promotion\n\
                        that was cut off is taken up where it was.\n\n\
                        Examples:\n  palisade promote to_staging --dry-run\n  palisade promote to_production\n  \
                        palisade promote to_production --override --reason \"INC-7: certificate expires\""
)]
pub struct PromoteArgs {
    /// The edge: label of a `promotion` block
    edge: String,
    /// Which release: its name, its digest (first digits), or NAME@DIGEST; by default the verified one
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Ask the gates and show the plan only
    #[arg(long)]
    dry_run: bool,
    /// Go past closed gates
    #[arg(long = "override", requires = "reason", conflicts_with = "dry_run")]
    overriding: bool,
    /// Why; goes into the audit log and every report
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Lift the hold of the target first
    #[arg(long)]
    release_hold: bool,
    #[command(flatten)]
    move_args: MoveArgs,
}

/// What the commands that move releases have in common.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// How many accounts are worked on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
    /// Wait so long for a lock that somebody else holds, as in `30s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::cli::args::duration)]
    lock_timeout: std::time::Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl MoveArgs {
    /// As the session takes them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            vars: self.vars.clone(),
            auto_approve: self.auto_approve,
            json: self.json,
            parallelism: usize::from(self.parallelism),
            lock_timeout: self.lock_timeout,
        }
    }
}

/// Promotes a release.
///
/// # Errors
/// A closed gate, somebody else at work, or a step that failed.
pub async fn run(args: &PromoteArgs, cx: &Context) -> Result<(), Exit> {
    let asked = Promotion {
        edge: args.edge.clone(),
        release: args.release.clone(),
        dry_run: args.dry_run,
        overriding: args.reason.clone().filter(|_| args.overriding),
        release_hold: args.release_hold,
        reason: args.reason.clone(),
        settings: args.move_args.settings(),
    };
    promote::run(cx, &asked).await
}
