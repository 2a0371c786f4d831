//! `palisade state push`, `rollback` and `unlock`: what is left to do when a run could not end well.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::plan::{self, PlanOutcome, PlanRequest};
use crate::engine::{Variables, open};
use crate::render;
use crate::state::{Event, StateFailure, errored, layout};

/// Flags of `state push`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state push errored.acct-production.state.json")]
pub struct PushArgs {
    /// The file that an apply left behind
    file: PathBuf,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Only the state goes back, not AWS: the plan that follows from it is shown.\n\n\
                        Example:\n  palisade state rollback acct-production --to 7"
)]
pub struct RollbackArgs {
    /// The scope: org, or acct-HANDLE
    scope: String,
    /// The serial to go back to; `state history` lists them
    #[arg(long, value_name = "SERIAL")]
    to: u64,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state unlock`.
#[derive(Debug, Args)]
#[command(
    after_help = "A lock ends by itself some minutes after its holder was last heard of. Breaking one whose holder\n\
                        still works makes that run fail with a state conflict; nothing is overwritten.\n\n\
                        Example:\n  palisade state unlock acct-production"
)]
pub struct UnlockArgs {
    /// Scopes; every locked one when none is named
    scopes: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    force: bool,
}

pub(super) async fn push(args: &PushArgs, cx: &Context) -> Result<(), Exit> {
    let saved = errored::load(&args.file)?;
    let workspace = cx.workspace()?;
    let store = open::configured(&workspace).await?;
    let scope = &saved.state.scope;
    if !layout::is_scope(scope) {
        return Err(Exit::error(format!(
            "`{}` is not a saved state: `{}` is no scope",
            args.file.display(),
            render::style::safe(scope)
        )));
    }
    // A run that could not write its state may have left its journal too; the saved state is what
    // settles it, so no check for unfinished runs here.
    let holder = store.holder(&workspace, "state push").await;
    let floors = BTreeMap::from([(scope.clone(), saved.state.epoch)]);
    let held = store
        .ledger
        .acquire_all(&floors, &holder, crate::state::Terms::default(), args.lock_timeout, |_, _| {})
        .await?;
    let stamp = crate::state::Stamp {
        at: store.ledger.now().await?,
        by: holder.who.clone(),
        run: holder.run.clone(),
        operation: holder.operation.clone(),
        plan: None,
    };
    let event = Event {
        at: stamp.at,
        who: stamp.by.clone(),
        run: stamp.run.clone(),
        action: "state_pushed".to_owned(),
        plan: None,
        reason: None,
        scopes: vec![scope.clone()],
        details: BTreeMap::from([("applied_by".to_owned(), json!(saved.state.stamp.by))]),
    };
    let mut end = Ok(());
    for (mut lease, _) in held {
        let pushed = async {
            store.ledger.audit(None, event.clone()).await?;
            store.ledger.push(&saved, lease.lock.epoch, stamp.clone()).await
        };
        end = end.and(pushed.await.map(|_| ()).map_err(Exit::from));
        let _ = store.ledger.release(&mut lease).await;
    }
    end?;
    cx.say(&format!(
        "the state of `{}` is written; `{}` can be deleted",
        scope,
        args.file.display()
    ));
    Ok(())
}

pub(super) async fn rollback(args: &RollbackArgs, cx: &Context) -> Result<(), Exit> {
    let workspace = cx.workspace()?;
    let store = open::configured(&workspace).await?;
    let ledger = &store.ledger;
    // The state may be damaged: that is what this command is for, so nothing else is read.
    let target = ledger.at_serial(&args.scope, args.to).await?;
    if !args.auto_approve {
        cx.confirm(&format!(
            "Make serial {} of `{}` ({}, {}) the current state? AWS is not touched.",
            args.to,
            args.scope,
            target.stamp.at,
            render::style::count(target.resources.len(), "object", "objects"),
        ))
        .await?;
    }
    let holder = store.holder(&workspace, "state rollback").await;
    let floor = ledger.floor(&args.scope).await?.max(target.epoch);
    let floors = BTreeMap::from([(args.scope.clone(), floor)]);
    let held = ledger
        .acquire_all(&floors, &holder, crate::state::Terms::default(), args.lock_timeout, |_, _| {})
        .await?;
    let mut end = Ok(());
    for (mut lease, _) in held {
        let done = async {
            let at = ledger.now().await?;
            let event = Event {
                at,
                who: holder.who.clone(),
                run: holder.run.clone(),
                action: "state_rolled_back".to_owned(),
                plan: None,
                reason: None,
                scopes: vec![args.scope.clone()],
                details: BTreeMap::from([("to".to_owned(), json!(args.to))]),
            };
            ledger.audit(None, event).await?;
            let stamp = crate::state::Stamp {
                at,
                by: holder.who.clone(),
                run: holder.run.clone(),
                operation: holder.operation.clone(),
                plan: None,
            };
            ledger.rollback(&lease, args.to, stamp).await
        }
        .await;
        let _ = ledger.release(&mut lease).await;
        match done {
            Ok(state) => cx.say(&format!(
                "serial {} of `{}` is a copy of serial {}",
                state.value.serial, args.scope, args.to
            )),
            Err(error) => end = Err(Exit::from(error)),
        }
    }
    end?;
    match follows(cx).await {
        Err(Exit::Interrupted) => Err(Exit::Interrupted),
        Err(exit) => {
            if let Some(why) = exit.diagnostics() {
                cx.tell(why);
            }
            cx.say("the state is rolled back; `palisade plan` shows what follows from it");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Prints the plan that follows from the state as it is now.
async fn follows(cx: &Context) -> Result<(), Exit> {
    let workspace = cx.workspace()?;
    let request = PlanRequest::everything(&Variables::default());
    let PlanOutcome { inputs, plan, .. } = plan::run(&workspace, &request).await?;
    plan::warn(&workspace, &inputs, &plan);
    let mut out = cx.stdout();
    render::text::plan(&plan, false, cx.style(), &mut out)?;
    Ok(out.flush()?)
}

pub(super) async fn unlock(args: &UnlockArgs, cx: &Context) -> Result<(), Exit> {
    let workspace = cx.workspace()?;
    let store = open::configured(&workspace).await?;
    let ledger = &store.ledger;
    let mut scopes = args.scopes.clone();
    for scope in &scopes {
        if !layout::is_scope(scope) {
            let text = format!("`{scope}` is no scope");
            return Err(Diagnostic::error(text).help("as in `org` or `acct-production`").into());
        }
    }
    if scopes.is_empty() {
        let keys = ledger
            .store()
            .list(layout::SCOPES, None)
            .await
            .map_err(crate::state::StateError::from)?;
        for key in keys {
            if let Some(layout::ScopeKey::Lock(scope)) = layout::parse(&key) {
                scopes.push(scope);
            }
        }
    }
    let mut locked = Vec::new();
    for scope in scopes {
        match ledger.read_lock(&scope).await {
            Ok(Some(lock)) if !lock.released => locked.push((scope, Some(lock))),
            // Whatever stands there is no lock that anybody could give back or take over.
            Err(error) if error.failure == StateFailure::Invalid => {
                cx.say(&format!(
                    "the lock of `{scope}` cannot be used: {}",
                    render::style::safe(&error.diagnostic.summary)
                ));
                locked.push((scope, None));
            }
            Err(error) => return Err(error.into()),
            _ if args.scopes.is_empty() => {}
            _ => cx.say(&format!("`{scope}` is not locked")),
        }
    }
    if locked.is_empty() {
        if args.scopes.is_empty() {
            cx.say("nothing is locked");
        }
        return Ok(());
    }
    for (scope, lock) in locked.iter().filter_map(|(s, l)| Some((s, l.as_ref()?))) {
        cx.say(&format!(
            "`{scope}` is locked by {} on {} (process {}) for `{}` since {}, until {}",
            render::style::safe(&lock.holder.who),
            render::style::safe(&lock.holder.host),
            lock.holder.pid,
            render::style::safe(&lock.holder.operation),
            lock.acquired_at.strftime("%H:%M:%SZ"),
            lock.expires_at.strftime("%H:%M:%SZ"),
        ));
    }
    if !args.force {
        cx.confirm("Break these locks?").await?;
    }
    let holder = store.holder(&workspace, "state unlock").await;
    for (scope, _) in locked {
        let Some(lock) = ledger.unlock(&scope).await? else { continue };
        let event = Event {
            at: ledger.now().await?,
            who: holder.who.clone(),
            run: holder.run.clone(),
            action: "unlocked".to_owned(),
            plan: None,
            reason: None,
            scopes: vec![scope.clone()],
            details: BTreeMap::from([
                ("held_by".to_owned(), json!(lock.holder.who)),
                ("run".to_owned(), json!(lock.holder.run)),
            ]),
        };
        ledger.audit(None, event).await?;
        cx.say(&format!("unlocked `{scope}`"));
    }
    Ok(())
}
