//! `palisade apply`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::PlanOptions;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::apply::{self, Approval};
use crate::engine::pipeline::{self, Request, World};
use crate::engine::promotion::entry;
use crate::engine::{compared, planfile};
use crate::plan::Mode;
use crate::plan::model::Plan;
use crate::render;

/// Flags of `apply`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a file, makes a plan and asks before it is carried out. With a saved plan, computes it again\n\
                        and carries it out only if nothing has moved since (exit code 4 otherwise).\n\n\
                        Examples:\n  palisade apply\n  palisade apply staging.plan\n  palisade apply --auto-approve --environment staging"
)]
pub struct ApplyArgs {
    /// A plan saved with `palisade plan --out FILE`
    file: Option<PathBuf>,
    /// How the plan is made.
    #[command(flatten)]
    options: PlanOptions,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
}

/// Makes a plan, asks, and carries it out.
///
/// # Errors
/// Whatever keeps the plan from being made, approved or carried out.
pub async fn run(args: &ApplyArgs, cx: &Context) -> Result<(), Exit> {
    let approval = Approval {
        fail_on: args.options.fail_on,
        reason: args.options.reason.clone(),
        lock_timeout: args.options.lock_timeout,
        parallelism: usize::from(args.options.parallelism),
    };
    if let Some(path) = &args.file {
        return saved(args, path, &approval, cx).await;
    }
    fresh(&args.options, Mode::Normal, args.auto_approve, &approval, cx).await
}

/// Plan, question, apply: what `apply` and `destroy` share.
///
/// # Errors
/// Whatever keeps the plan from being made, approved or carried out.
pub async fn fresh(
    options: &PlanOptions,
    mode: Mode,
    auto_approve: bool,
    approval: &Approval,
    cx: &Context,
) -> Result<(), Exit> {
    let mut request = Request::of(options, mode)?;
    let mut world = pipeline::survey(cx, &request).await?;
    if apply::recover(cx, &world, approval).await? {
        // What a run before this one left behind is settled: look again.
        world = pipeline::survey(cx, &request).await?;
    }
    request.options.secrets = compared::by_source(cx, &mut world, &request).await?;
    let plan = pipeline::plan(cx, &world, &request)?;
    pipeline::warn(cx, &world, &plan);
    let mut out = cx.stdout();
    render::text::plan(&plan, false, cx.style(), &mut out)?;
    out.flush()?;
    pipeline::gate(&plan, options.fail_on, false)?;
    if !plan.has_changes() {
        apply::finish_without_changes(cx, &world, &plan).await?;
        return enter(cx, &world, &request, &plan, approval).await;
    }
    if !auto_approve {
        let question = match mode {
            Mode::Destroy => "Delete all of this?",
            Mode::Normal | Mode::RefreshOnly => "Apply this plan?",
        };
        cx.confirm(question).await?;
    }
    apply::run(cx, &world, &request, &plan, approval).await?;
    enter(cx, &world, &request, &plan, approval).await
}

/// Records the releases that have arrived in their entry environments.
async fn enter(
    cx: &Context,
    world: &World,
    request: &Request,
    plan: &Plan,
    approval: &Approval,
) -> Result<(), Exit> {
    if request.options.mode != Mode::Normal {
        return Ok(());
    }
    entry::record(cx, world, request, &plan.digest, approval.lock_timeout).await
}

async fn saved(
    args: &ApplyArgs,
    path: &std::path::Path,
    approval: &Approval,
    cx: &Context,
) -> Result<(), Exit> {
    planfile::refuse_flags(&args.options)?;
    let saved = planfile::load(path)?;
    let mut request = saved.request(&args.options.vars, usize::from(args.options.parallelism))?;
    let mut world = pipeline::survey(cx, &request).await?;
    if apply::recover(cx, &world, approval).await? {
        world = pipeline::survey(cx, &request).await?;
    }
    saved.check_sensitive(&world.configuration)?;
    // What the plan could not ask it does not stand on: that is verified as it is applied.
    world.versions.retain(|reference, _| saved.plan.secret_sources.contains_key(reference));
    let now = compared::by_source(cx, &mut world, &request).await?;
    if saved.compares() {
        request.options.secrets.prints.clone_from(&now.prints);
    }
    let plan = pipeline::plan(cx, &world, &request)?;
    planfile::require_same(&saved.plan, &plan, &world.digest)?;
    cx.tell(&compared::left_out(&world, &plan, &now));
    pipeline::gate(&plan, args.options.fail_on, false)?;
    if !plan.has_changes() {
        cx.say("No changes: there is nothing to apply.");
        apply::finish_without_changes(cx, &world, &plan).await?;
        return enter(cx, &world, &request, &plan, approval).await;
    }
    apply::run(cx, &world, &request, &plan, approval).await?;
    enter(cx, &world, &request, &plan, approval).await
}
