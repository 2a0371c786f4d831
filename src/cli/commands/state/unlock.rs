//! `palisade state unlock`: breaks locks whose holders are gone.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::open;
use crate::render;
use crate::state::{Event, StateFailure, layout};

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

pub(super) async fn unlock(args: &UnlockArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
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
                context.say(&format!(
                    "the lock of `{scope}` cannot be used: {}",
                    render::style::safe(&error.diagnostic.summary)
                ));
                locked.push((scope, None));
            }
            Err(error) => return Err(error.into()),
            _ if args.scopes.is_empty() => {}
            _ => context.say(&format!("`{scope}` is not locked")),
        }
    }
    if locked.is_empty() {
        if args.scopes.is_empty() {
            context.say("nothing is locked");
        }
        return Ok(());
    }
    for (scope, lock) in locked.iter().filter_map(|(s, l)| Some((s, l.as_ref()?))) {
        context.say(&format!(
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
        context.confirm("Break these locks?").await?;
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
        context.say(&format!("unlocked `{scope}`"));
    }
    Ok(())
}
