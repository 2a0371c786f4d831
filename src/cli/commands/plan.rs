//! `palisade plan`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{FormatArgs, PlanOptions};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostics;
use crate::engine::Workspace;
use crate::engine::plan::{self, PlanOutcome};
use crate::engine::saved_plan;
use crate::plan::Mode;
use crate::plan::compute::diagnostic;
use crate::plan::model::FORMAT_VERSION;
use crate::render::diagnostics::by_place;
use crate::render::refusal::Refusal;
use crate::render::{self, Format};

/// Flags of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "A plan takes no lock, writes nothing and changes nothing.\n\n\
                        Examples:\n  palisade plan\n  palisade plan --environment staging --out staging.plan\n  \
                        palisade plan --format markdown > comment.md")]
pub struct PlanArgs {
    /// How the plan is made.
    #[command(flatten)]
    pub options: PlanOptions,
    /// Plan to delete everything that is managed
    #[arg(long, conflicts_with = "refresh_only")]
    destroy: bool,
    /// Save the plan to FILE, for `palisade apply FILE`
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with code 2 when there are changes, with 6 when something could not be read
    #[arg(long)]
    detailed_exitcode: bool,
    /// How the plan is printed.
    #[command(flatten)]
    format: FormatArgs,
}

/// Makes and prints a plan.
///
/// # Errors
/// Whatever keeps it from being made, a broken rule, and with `--detailed-exitcode` what could not be read
/// and its changes.
pub async fn run(args: &PlanArgs, context: &Context) -> Result<(), Exit> {
    let format = args.format.format();
    let workspace = context.workspace()?;
    let PlanOutcome { request, inputs, plan } = match make(args, &workspace).await {
        Ok(outcome) => outcome,
        Err(exit) => {
            if let Some(diagnostics) = exit.diagnostics() {
                let mut out = context.stdout();
                render::refusal::write(&refusal(diagnostics, context), format, &mut out)?;
                out.flush()?;
            }
            return Err(exit);
        }
    };
    let text = format == Format::Text;
    if text {
        plan::warn(&workspace, &inputs, &plan);
    }
    let mut out = context.stdout();
    render::plan(&plan, format, false, context.style(), &mut out)?;
    out.flush()?;
    if let Some(path) = &args.out {
        saved_plan::save(path, &plan, &request, &inputs.configuration)?;
        context.say(&format!(
            "\nsaved: `palisade apply {}` carries out exactly this plan",
            path.display()
        ));
    }
    plan::require_isolation(&plan, args.options.fail_on.fail_on(), true)?;
    match args.detailed_exitcode {
        true if !plan.unread.is_empty() => Err(Exit::Incomplete),
        true if plan.has_changes() => Err(Exit::Changes),
        _ => Ok(()),
    }
}

async fn make(args: &PlanArgs, workspace: &Workspace) -> Result<PlanOutcome, Exit> {
    let mode = if args.destroy { Mode::Destroy } else { Mode::Normal };
    Ok(plan::run(workspace, &args.options.request(mode)?).await?)
}

fn refusal(diagnostics: &Diagnostics, context: &Context) -> Refusal {
    Refusal {
        format_version: FORMAT_VERSION.to_owned(),
        palisade_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: context.now(),
        diagnostics: by_place(diagnostics).into_iter().map(diagnostic).collect(),
    }
}
