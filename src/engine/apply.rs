//! Carries a plan out: events to the screen, Ctrl-C to the executor, the outcome to an exit code.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::address::ResourceAddr;
use crate::apply::events::OperationRef;
use crate::apply::{self, Apply, Cancel, Event, Limits, Recovery, Summary};
use crate::cli::args::FailOn;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, Diagnostics};
use crate::plan::Mode;
use crate::plan::model::{OperationKind, Output, Plan};
use crate::render::progress::{Progress, Step};
use crate::render::style::{Style, Tone, count, safe};
use crate::state::Terms;

use super::desired::{Growing, Resolver};
use super::known::{Recorded, imports};
use super::pipeline::{Request, World};
use super::recheck::Walls;
use super::secrets::{self, Sources};
use super::{edit, outputs};

/// What goes with an approval.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What makes a plan fail.
    pub fail_on: FailOn,
    /// Why a broken rule is accepted.
    pub reason: Option<String>,
    /// How long to wait for somebody else's lock.
    pub lock_timeout: Duration,
    /// How many operations run at once in one account.
    pub parallelism: usize,
}

/// Carries the plan out and tells how it went.
///
/// # Errors
/// Something failed, somebody else was faster, or Ctrl-C.
pub async fn run(
    cx: &Context,
    world: &World,
    request: &Request,
    plan: &Plan,
    approval: &Approval,
) -> Result<(), Exit> {
    let walls = Walls { cx, world, request, approved: plan };
    let resources = world.snapshot.resources();
    let known = Growing::on(Recorded {
        resources: &resources,
        live: Some(&world.live),
        management: world.targets.management.id.clone(),
        releases: &world.releases,
        imports: imports(&world.estate),
    });
    let resolver = Resolver::new(world, &known);
    let (events, received) = mpsc::unbounded_channel();
    let cancel = Cancel::new();
    let work = apply::apply(Apply {
        plan,
        ledger: world.store.ledger.clone(),
        provider: Arc::clone(&world.provider),
        desired: &resolver,
        secrets: Arc::new(Sources {
            dir: cx.dir(),
            vars: cx.env.vars.clone(),
            ssm: secrets::client(&world.store.connection, &world.estate.provider),
        }),
        targets: world.targets.clone(),
        accounts: world.account_addresses(),
        holder: edit::holder(&world.store, "apply").await,
        terms: Terms::default(),
        lock_timeout: approval.lock_timeout,
        limits: Limits { per_account: approval.parallelism, ..Limits::default() },
        recheck: Some(&walls),
        reason: approval.reason.clone().filter(|_| approval.fail_on == FailOn::None),
        errored_dir: PathBuf::from("."),
        events,
        cancel: cancel.clone(),
    });
    let progress = cx.progress();
    let show = show(&progress, &cx.env.err, received);
    let stop = async {
        cx.interrupt.wait().await;
        cancel.press();
        std::future::pending::<()>().await;
    };
    let summary = tokio::select! {
        (summary, ()) = async { tokio::join!(work, show) } => summary?,
        () = stop => return Err(Exit::Interrupted),
    };
    progress.clear();
    let mut found: Diagnostics = summary.warnings.iter().cloned().collect();
    if summary.failed.is_empty() && !summary.interrupted {
        let everything_goes = request.options.mode == Mode::Destroy && plan.outputs.is_empty();
        let now = if everything_goes { Ok(BTreeMap::new()) } else { outputs_now(&resolver) };
        match now {
            Ok(now) => outputs::write(&world.store.ledger, &now).await?,
            Err(more) => found.extend(more),
        }
    }
    cx.tell(&found);
    finish(cx, world, &summary)
}

/// A plan without changes still records outputs, which may have changed by themselves.
///
/// # Errors
/// The backend cannot be written.
pub async fn finish_without_changes(cx: &Context, world: &World, plan: &Plan) -> Result<(), Exit> {
    let known = plan.outputs.values().all(|o| !o.unknown);
    if known && plan.selection == crate::plan::model::Selection::default() {
        let ledger = &world.store.ledger;
        if world.snapshot.lineage.is_empty() && !plan.outputs.is_empty() {
            let by = edit::holder(&world.store, "apply").await.who;
            cx.interrupt.or(ledger.begin(&by)).await??;
        }
        cx.interrupt.or(outputs::write(ledger, &plan.outputs)).await??;
    }
    Ok(())
}

fn outputs_now(resolver: &Resolver<'_>) -> Result<BTreeMap<String, Output>, Diagnostics> {
    resolver.engine().known_moved();
    let all = resolver.engine().outputs()?;
    Ok(all.into_iter().map(|(name, output)| (name, Output::of(&output))).collect())
}

/// Finishes what a run before this one left behind; tells whether there was anything.
///
/// # Errors
/// It is still at work, or something about it cannot be told.
pub async fn recover(cx: &Context, world: &World, approval: &Approval) -> Result<bool, Exit> {
    if !apply::recover::is_needed(&world.snapshot) {
        return Ok(false);
    }
    let (events, received) = mpsc::unbounded_channel();
    let progress = cx.progress();
    let recovery = Recovery {
        ledger: &world.store.ledger,
        provider: Arc::clone(&world.provider),
        targets: world.targets.clone(),
        accounts: world.account_addresses(),
        holder: edit::holder(&world.store, "recovery").await,
        terms: Terms::default(),
        lock_timeout: approval.lock_timeout,
        events,
    };
    let work = async {
        let recovery = recovery;
        apply::recover(&recovery).await
    };
    let (recovered, ()) = tokio::join!(work, show(&progress, &cx.env.err, received));
    let recovered = recovered?;
    for (scope, run) in &recovered.runs {
        cx.say(&format!("recovered `{scope}`: run {} is folded into the state", safe(run)));
    }
    for address in &recovered.adopted {
        cx.say(&format!("  found and recorded {}", safe(&address.to_string())));
    }
    if recovered.unsettled.is_empty() {
        return Ok(!recovered.is_empty());
    }
    Err(Exit::Failed(recovered.unsettled.into_iter().collect()))
}

async fn show(progress: &Progress, style: &Style, mut events: mpsc::UnboundedReceiver<Event>) {
    let mut bar: Option<Step> = None;
    while let Some(event) = events.recv().await {
        match event {
            Event::Begun { operations } => bar = Some(progress.bar(operations, "applying")),
            Event::Started(operation) => {
                if let Some(bar) = &bar {
                    bar.now(&doing(operation.op, &operation.address));
                }
            }
            Event::Succeeded(operation) => {
                if let Some(bar) = &bar {
                    bar.tick();
                }
                let mark = style.paint(Tone::Good, "ok     ");
                progress.say(&format!("{mark} {}", done(&operation)));
            }
            Event::Failed { operation, reason } => {
                if let Some(bar) = &bar {
                    bar.tick();
                }
                let mark = style.paint(Tone::Bad, "failed ");
                progress.say(&format!(
                    "{mark} {}: {}",
                    doing(operation.op, &operation.address),
                    safe(&reason.replace('\n', ": "))
                ));
            }
            Event::Skipped { operation, because } => {
                if let Some(bar) = &bar {
                    bar.tick();
                }
                let mark = style.paint(Tone::Warn, "skipped");
                let why = safe(&because.address.to_string()).into_owned();
                progress.say(&format!(
                    "{mark} {}, because of {why}",
                    doing(operation.op, &operation.address)
                ));
            }
            Event::Retrying { operation, attempt, wait, reason } => {
                let text = format!(
                    "again   {} in {:.1} s (attempt {}): {}",
                    doing(operation.op, &operation.address),
                    wait.as_secs_f64(),
                    attempt + 1,
                    safe(&reason)
                );
                progress.say(&style.paint(Tone::Dim, &text));
            }
            Event::WaitingForLock { scope, who, host, operation } => {
                progress.say(&format!(
                    "waiting for `{scope}`, locked by {} on {} for `{}`",
                    safe(&who),
                    safe(&host),
                    safe(&operation)
                ));
            }
            Event::Stopping { running } => {
                let rest = count(running, "operation", "operations");
                let text = format!(
                    "stopping: {rest} in flight, nothing new is started; Ctrl-C again leaves at once"
                );
                progress.say(&style.paint(Tone::Warn, &text));
            }
            Event::Recovering { scope, run, dangling } => {
                let rest = count(dangling, "operation", "operations");
                let run = safe(&run);
                progress
                    .say(&format!("recovering `{scope}`: run {run} left {rest} without a result"));
            }
            Event::Saved { .. } => {}
        }
    }
}

fn doing(op: OperationKind, address: &ResourceAddr) -> String {
    let verb = match op {
        OperationKind::Create => "creating",
        OperationKind::Update => "updating",
        OperationKind::Delete => "deleting",
        OperationKind::Attach => "attaching",
        OperationKind::Detach => "detaching",
        OperationKind::Move => "moving",
        OperationKind::Wait => "waiting for",
        OperationKind::Adopt => "adopting",
        OperationKind::Forget => "forgetting",
        OperationKind::Rename => "renaming",
    };
    format!("{verb} {}", safe(&address.to_string()))
}

fn done(operation: &OperationRef) -> String {
    let verb = match operation.op {
        OperationKind::Create => "created",
        OperationKind::Update => "updated",
        OperationKind::Delete => "deleted",
        OperationKind::Attach => "attached",
        OperationKind::Detach => "detached",
        OperationKind::Move => "moved",
        OperationKind::Wait => "waited for",
        OperationKind::Adopt => "adopted",
        OperationKind::Forget => "forgot",
        OperationKind::Rename => "renamed",
    };
    let word = match operation.op {
        OperationKind::Attach | OperationKind::Move => "to",
        OperationKind::Detach => "from",
        _ => "",
    };
    let target = operation.target.as_ref().filter(|_| !word.is_empty());
    let target = target.map(|target| format!(" {word} {}", safe(target))).unwrap_or_default();
    format!("{verb} {}{target}", safe(&operation.address.to_string()))
}

/// The last words, and the exit code.
fn finish(cx: &Context, world: &World, summary: &Summary) -> Result<(), Exit> {
    let style = &cx.env.err;
    let tone = if summary.is_success() { Tone::Good } else { Tone::Warn };
    let mut text = count(summary.done.len(), "operation", "operations");
    text.push_str(" done");
    if !summary.failed.is_empty() {
        text.push_str(&format!(", {} failed", summary.failed.len()));
    }
    if !summary.skipped.is_empty() {
        text.push_str(&format!(", {} skipped", summary.skipped.len()));
    }
    let head = if summary.is_success() { "Apply complete" } else { "Apply incomplete" };
    cx.say(&format!("\n{}", style.paint(tone, &format!("{head}: {text}."))));
    let mut told = Diagnostics::new();
    for failed in &summary.failed {
        let mut why = failed.why.clone();
        why.summary = format!("{}: {}", doing(failed.op, &failed.address), why.summary);
        let instance = world.estate.instances.get(&failed.address);
        why.loc = why.loc.or_else(|| instance.map(|i| i.loc.clone()));
        if failed.uncertain {
            let more = "it may have been carried out all the same: the next apply looks and goes on from there";
            why.help = Some(match why.help {
                Some(help) => format!("{help}\n{more}"),
                None => more.to_owned(),
            });
        }
        told.push(why);
    }
    told.extend(summary.postconditions.iter().cloned());
    for (scope, error) in &summary.unsaved {
        let mut why = (*error.diagnostic).clone();
        why.summary = format!("the state of `{scope}` could not be written: {}", why.summary);
        told.push(why);
    }
    for (path, command) in &summary.saved_to {
        told.push(
            Diagnostic::error(format!("it is saved in `{}`", path.display()))
                .help(format!("`{command}` writes it back")),
        );
    }
    if summary.has_conflict() {
        return Err(Exit::Stale(told));
    }
    if summary.interrupted {
        cx.tell(&told);
        return Err(Exit::Interrupted);
    }
    if told.is_empty() && summary.is_success() {
        return Ok(());
    }
    if told.is_empty() {
        told.push(Diagnostic::error("the plan was not carried out to its end"));
    }
    Err(Exit::Failed(told))
}
