//! `palisade plan`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{FailOnArg, FormatArgs, OutputArg, PlanOptions};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostics;
use crate::engine::plan::{self, FailOn, JudgedFor, Mode, Plan, PlanOutcome};
use crate::engine::{Workspace, refusal, saved_plan};
use crate::render::{self, Detail, Format, Style};

/// Flags of `plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "A plan takes no lock, changes nothing, and writes only the files that you name.\n\n\
                        Examples:\n  palisade plan\n  palisade plan --environment staging --out staging.plan\n  \
                        palisade plan --output markdown=comment.md --output sarif=plan.sarif \\\n    \
                        --output json=plan.json"
)]
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
    /// Write the plan into a file too, in a format of its own, as in `sarif=plan.sarif`; repeatable
    #[arg(long, value_name = "FORMAT=FILE", action = clap::ArgAction::Append, value_parser = OutputArg::parse)]
    output: Vec<OutputArg>,
}

/// Makes and prints a plan.
///
/// # Errors
/// Whatever keeps it from being made, a broken rule, and with `--detailed-exitcode` what could not be read
/// and its changes.
pub async fn run(args: &PlanArgs, context: &Context) -> Result<(), Exit> {
    let format = args.format.format();
    OutputArg::require_apart(&args.output, args.out.as_deref())?;
    OutputArg::require_directories(&args.output, args.out.as_deref())?;
    let workspace = context.workspace()?;
    let outcome = match make(args, &workspace).await {
        Ok(outcome) => outcome,
        Err(exit) => {
            if let Some(diagnostics) = exit.diagnostics() {
                refused(diagnostics, args, &workspace, context)?;
            }
            return Err(exit);
        }
    };
    let below = context.env.below_repository();
    let (plan, estate) = (&outcome.plan, outcome.declared_estate()?);
    let detail = Detail {
        full: args.options.full,
        destroys: args.destroy,
        warnings: false,
        below: &below,
        estate: Some(&estate),
    };
    let mut out = context.stdout();
    render::plan(plan, format, detail, context.style(), &mut out)?;
    out.flush()?;
    // The verdict is what a plan begins with; warnings come with their source, where they can be read last.
    if format == Format::Text {
        outcome.warn(&workspace);
    }
    let detail = Detail { warnings: true, ..detail };
    for output in &args.output {
        output.write(|out| render::plan(plan, output.format, detail, &Style::plain(), out))?;
    }
    if let Some(path) = &args.out {
        saved_plan::save(path, &outcome)?;
        context
            .say(&format!("\n{}", saved(plan, &path.display().to_string(), args.options.fail_on)));
    }
    plan::require_isolation(plan, args.options.fail_on.fail_on(), JudgedFor::Reading)?;
    match args.detailed_exitcode {
        true if !plan.unread.is_empty() => Err(Exit::Incomplete),
        true if plan.has_changes() => Err(Exit::Changes),
        _ => Ok(()),
    }
}

/// What `palisade apply` makes of the saved plan: it judges by its own flags, whatever this command was told.
fn saved(plan: &Plan, path: &str, fail_on: FailOnArg) -> String {
    if plan::require_read(plan).is_err() {
        return format!(
            "saved in `{path}` for review only: `palisade apply` refuses it, because what it would change was not read"
        );
    }
    let is_refused = plan::require_isolation(plan, FailOn::Violation, JudgedFor::Applying).is_err();
    match (is_refused, fail_on) {
        (false, _) => format!("saved: `palisade apply {path}` carries out exactly this plan"),
        (true, FailOnArg::None) => format!(
            "saved: it breaks a rule, and `palisade apply {path} --fail-on none --reason \"...\"` carries it out regardless"
        ),
        (true, FailOnArg::Violation | FailOnArg::Widening) => format!(
            "saved in `{path}` for review only: `palisade apply` refuses it, because it breaks a rule"
        ),
    }
}

async fn make(args: &PlanArgs, workspace: &Workspace) -> Result<PlanOutcome, Exit> {
    let mode = if args.destroy { Mode::Destroy } else { Mode::Normal };
    Ok(plan::run(workspace, &args.options.request(mode)?).await?)
}

/// Writes why there is no plan wherever the plan was to stand.
fn refused(
    diagnostics: &Diagnostics,
    args: &PlanArgs,
    workspace: &Workspace,
    context: &Context,
) -> Result<(), Exit> {
    let selection = args.options.select.selection().unwrap_or_default();
    let refusal = refusal::of(workspace, selection, diagnostics);
    let mut out = context.stdout();
    let below = context.env.below_repository();
    let detail = Detail { below: &below, ..Detail::default() };
    render::refusal::write(&refusal, args.format.format(), detail, &mut out)?;
    out.flush()?;
    for output in &args.output {
        output.write(|out| match output.format {
            Format::Text => render::diagnostics::write(diagnostics, &Style::plain(), out),
            format => render::refusal::write(&refusal, format, detail, out),
        })?;
    }
    Ok(())
}
