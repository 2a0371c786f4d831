//! `palisade plan`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{FormatArgs, PlanOptions};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostics;
use crate::engine::pipeline::{self, Request, World};
use crate::engine::{compared, planfile};
use crate::plan::Mode;
use crate::plan::compute::diagnostic;
use crate::plan::model::{FORMAT_VERSION, Plan};
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
    /// Exit with code 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// How the plan is printed.
    #[command(flatten)]
    format: FormatArgs,
}

/// Makes and prints a plan.
///
/// # Errors
/// Whatever keeps it from being made, a broken rule, and with `--detailed-exitcode` its changes.
pub async fn run(args: &PlanArgs, cx: &Context) -> Result<(), Exit> {
    let format = args.format.format();
    let (request, world, plan) = match make(args, cx).await {
        Ok(made) => made,
        Err(exit) => {
            if let Some(diagnostics) = exit.diagnostics() {
                let mut out = cx.stdout();
                render::refusal::write(&refusal(diagnostics, cx), format, &mut out)?;
                out.flush()?;
            }
            return Err(exit);
        }
    };
    let text = format == Format::Text;
    if text {
        pipeline::warn(cx, &world, &plan);
    }
    let mut out = cx.stdout();
    render::plan(&plan, format, false, cx.style(), &mut out)?;
    out.flush()?;
    if let Some(path) = &args.out {
        planfile::save(path, &plan, &request, &world.configuration)?;
        cx.say(&format!(
            "\nsaved: `palisade apply {}` carries out exactly this plan",
            path.display()
        ));
    }
    pipeline::gate(&plan, args.options.fail_on, true)?;
    if args.detailed_exitcode && plan.has_changes() {
        return Err(Exit::Changes);
    }
    Ok(())
}

async fn make(args: &PlanArgs, cx: &Context) -> Result<(Request, World, Plan), Exit> {
    let mode = if args.destroy { Mode::Destroy } else { Mode::Normal };
    let mut request = Request::of(&args.options, mode)?;
    let world = pipeline::view(cx, &request).await?;
    request.options.secrets = compared::by_value(cx, &world).await?;
    let plan = pipeline::plan(cx, &world, &request)?;
    Ok((request, world, plan))
}

fn refusal(diagnostics: &Diagnostics, cx: &Context) -> Refusal {
    Refusal {
        format_version: FORMAT_VERSION.to_owned(),
        palisade_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: cx.now(),
        diagnostics: by_place(diagnostics).into_iter().map(diagnostic).collect(),
    }
}
