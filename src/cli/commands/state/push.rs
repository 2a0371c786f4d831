//! `palisade state push`: writes the state that an apply had to save to a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::open;
use crate::render;
use crate::state::{Event, errored, layout};

/// Flags of `state push`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state push errored.acct-production.state.json")]
pub struct PushArgs {
    /// The file that an apply left behind
    file: PathBuf,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn push(args: &PushArgs, context: &Context) -> Result<(), Exit> {
    let saved = errored::load(&args.file)?;
    let workspace = context.workspace()?;
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
    context.say(&format!(
        "the state of `{}` is written; `{}` can be deleted",
        scope,
        args.file.display()
    ));
    Ok(())
}
