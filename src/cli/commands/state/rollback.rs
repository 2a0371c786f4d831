//! `palisade state rollback`: makes an earlier version of one scope's state the current one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::plan::{self, PlanOutcome, PlanRequest};
use crate::engine::{Variables, open};
use crate::render;
use crate::state::Event;

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
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn rollback(args: &RollbackArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
    let store = open::configured(&workspace).await?;
    let ledger = &store.ledger;
    // The state may be damaged: that is what this command is for, so nothing else is read.
    let target = ledger.at_serial(&args.scope, args.to).await?;
    if !args.auto_approve {
        context
            .confirm(&format!(
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
            Ok(state) => context.say(&format!(
                "serial {} of `{}` is a copy of serial {}",
                state.value.serial, args.scope, args.to
            )),
            Err(error) => end = Err(Exit::from(error)),
        }
    }
    end?;
    match follows(context).await {
        Err(Exit::Interrupted) => Err(Exit::Interrupted),
        Err(exit) => {
            if let Some(why) = exit.diagnostics() {
                context.tell(why);
            }
            context.say("the state is rolled back; `palisade plan` shows what follows from it");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Prints the plan that follows from the state as it is now.
async fn follows(context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
    let request = PlanRequest::everything(&Variables::default());
    let PlanOutcome { inputs, plan, .. } = plan::run(&workspace, &request).await?;
    plan::warn(&workspace, &inputs, &plan);
    let mut out = context.stdout();
    render::text::plan(&plan, false, context.style(), &mut out)?;
    Ok(out.flush()?)
}
