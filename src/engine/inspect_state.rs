//! Looking into the state without changing it: objects, scopes, versions, outputs, and the audit log's chain.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, did_you_mean};
use crate::live::selection;
use crate::plan::model::PlannedOutput;
use crate::state::Snapshot;
use crate::state::audit::AuditCheck;
use crate::state::audit_check::Anchor;
use crate::state::history::HistoryEntry;
use crate::state::model::Resources;

use super::edit_state::require;
use super::error::EngineError;
use super::open;
use super::outputs;
use super::workspace::Workspace;

/// The whole state.
///
/// # Errors
/// The backend cannot be read, or what it holds is damaged.
pub async fn snapshot(workspace: &Workspace) -> Result<Snapshot, EngineError> {
    let store = open::configured(workspace).await?;
    Ok(workspace.interruptible(store.ledger.read_all()).await??)
}

/// The objects that the patterns name: objects, blocks or modules; all where there is no pattern.
///
/// # Errors
/// A pattern names nothing, and those of [`snapshot`].
pub async fn objects(workspace: &Workspace, patterns: &[String]) -> Result<Resources, EngineError> {
    let mut resources = snapshot(workspace).await?.resources();
    if !patterns.is_empty() {
        for pattern in patterns {
            require(&resources, pattern)?;
        }
        resources.retain(|address, _| selection::names(patterns, address));
    }
    Ok(resources)
}

/// The whole state, or of its scopes one alone.
///
/// # Errors
/// There is no such scope, and those of [`snapshot`].
pub async fn scopes(workspace: &Workspace, only: Option<&str>) -> Result<Snapshot, EngineError> {
    let mut snapshot = snapshot(workspace).await?;
    if let Some(scope) = only {
        if !snapshot.scopes.contains_key(scope) {
            return Err(unknown_scope(&snapshot, scope));
        }
        snapshot.scopes.retain(|name, _| name == scope);
    }
    Ok(snapshot)
}

/// The newest versions of a scope's state, or of every scope's, at most `limit` of each.
///
/// # Errors
/// There is no such scope, or the backend cannot be read. A damaged state is no reason where the scope is
/// named: its history is needed most then.
pub async fn history(
    workspace: &Workspace,
    only: Option<&str>,
    limit: usize,
) -> Result<BTreeMap<String, Vec<HistoryEntry>>, EngineError> {
    let ledger = open::configured(workspace).await?.ledger;
    let snapshot = ledger.read_all().await;
    let scopes: Vec<String> = match (only, snapshot) {
        (Some(scope), Ok(snapshot)) if !snapshot.scopes.contains_key(scope) => {
            return Err(unknown_scope(&snapshot, scope));
        }
        (Some(scope), _) => vec![scope.to_owned()],
        (None, snapshot) => snapshot?.scopes.into_keys().collect(),
    };
    let mut all = BTreeMap::new();
    for scope in scopes {
        let versions = ledger.history(&scope, limit).await?;
        all.insert(scope, versions);
    }
    Ok(all)
}

/// The outputs of the last apply.
///
/// # Errors
/// The backend cannot be read, or they are damaged.
pub async fn outputs(
    workspace: &Workspace,
) -> Result<BTreeMap<String, PlannedOutput>, EngineError> {
    let ledger = open::configured(workspace).await?.ledger;
    workspace.interruptible(outputs::read(&ledger)).await?
}

/// Checks the audit log against everything that remembers it, a head that was kept elsewhere included. What is
/// wrong is a result, not an error.
///
/// # Errors
/// The backend cannot be read, or the anchor holds no head.
pub async fn verify_audit_log(
    workspace: &Workspace,
    anchor: Option<&str>,
) -> Result<AuditCheck, EngineError> {
    let ledger = open::configured(workspace).await?.ledger;
    let anchor = match anchor {
        None => None,
        Some(text) => Some(Anchor::read(text).ok_or_else(|| {
            EngineError::from(
                Diagnostic::error("the anchor holds no head of an audit log")
                    .help("as an apply prints it: `audit head: 12 sha256:...`"),
            )
        })?),
    };
    workspace.interruptible(super::audit::verify(&ledger, anchor.as_ref())).await?
}

fn unknown_scope(snapshot: &Snapshot, scope: &str) -> EngineError {
    let known: Vec<&str> = snapshot.scopes.keys().map(String::as_str).collect();
    let help =
        did_you_mean(scope, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => "the state is empty".to_owned(),
            known => format!("there are {}", known.join(", ")),
        });
    Diagnostic::error(format!("the state has no scope `{scope}`")).help(help).into()
}
