//! `palisade promote`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::MoveArgs;
use crate::cli::context::Context;
use crate::cli::endings;
use crate::cli::error::Exit;
use crate::cli::host::Manner;
use crate::engine::promotion::promote::{self, PromotionOutcome, PromotionRequest};
use crate::render;

/// Flags of `promote`.
#[derive(Debug, Args)]
#[command(
    after_help = "Takes the release that is verified where the edge begins, asks every gate, shows the plan of the target, \
                        carries it out and watches verification. A closed gate: exit code 3, and nothing is changed. A promotion \
                        that was interrupted is taken up where it was.\n\n\
                        Examples:\n  palisade promote to_staging --dry-run\n  palisade promote to_production\n  \
                        palisade promote to_production --override --reason \"INC-7: expiry\""
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

/// Promotes a release.
///
/// # Errors
/// A closed gate, somebody else at work, or a step that failed.
pub async fn run(args: &PromoteArgs, context: &Context) -> Result<(), Exit> {
    let (settings, json) = (args.move_args.settings(), args.move_args.json);
    let request = PromotionRequest {
        edge: args.edge.clone(),
        release: args.release.clone(),
        dry_run: args.dry_run,
        overriding: args.reason.clone().filter(|_| args.overriding),
        release_hold: args.release_hold,
        reason: args.reason.clone(),
        settings,
    };
    let manner = Manner { auto_approve: args.move_args.auto_approve, json, ..Manner::default() };
    let outcome = promote::run(&context.workspace_in(manner)?, &request).await?;
    let mut out = context.stdout();
    match outcome {
        PromotionOutcome::Settled { edge, why } => {
            if json {
                render::promotion::settled_json(&edge, &why, &mut out)?;
            } else {
                context.say(&format!("Nothing to do: {why}."));
            }
            Ok(out.flush()?)
        }
        PromotionOutcome::Previewed { report, refusal } => {
            if json {
                render::json::write(&report, &mut out)?;
            } else {
                render::promotion::text(&report, context.style(), &mut out)?;
            }
            out.flush()?;
            refusal.map_or(Ok(()), |why| Err(Exit::RuleBroken(why)))
        }
        PromotionOutcome::Refused { report, refusal } => {
            // As text it was shown before the gates had their say.
            if json {
                render::json::write(&report, &mut out)?;
            }
            out.flush()?;
            Err(Exit::RuleBroken(refusal))
        }
        PromotionOutcome::Moved(done) => {
            if json {
                render::json::write(&done.without_prints(), &mut out)?;
            }
            out.flush()?;
            endings::moved(&done, context)
        }
    }
}
