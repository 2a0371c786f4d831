//! `state rm`: objects that leave the state and stay in AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::address::ResourceAddr;
use crate::engine::error::EngineError;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::live::selection;
use crate::state::{ScopeState, StateError};

use super::editing::{Edit, Editing, require};

/// What is asked.
#[derive(Clone, Debug)]
pub struct ForgetRequest {
    /// Objects, blocks or modules.
    pub addresses: Vec<String>,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
}

/// Drops objects from the state, and returns which. Nothing depends on them any more.
///
/// # Errors
/// There is no such object; a scope is locked or has an unfinished run; another run wrote.
pub async fn run(
    workspace: &Workspace,
    request: &ForgetRequest,
) -> Result<BTreeSet<ResourceAddr>, EngineError> {
    let store = open::configured(workspace).await?;
    let before = store.ledger.read_all().await?;
    let resources = before.resources();
    for address in &request.addresses {
        require(&resources, address)?;
    }
    let gone: BTreeSet<ResourceAddr> =
        resources.into_keys().filter(|a| selection::names(&request.addresses, a)).collect();
    let touched = before.scopes.iter().filter(|(_, scope)| {
        let mut all = scope.value.resources.iter();
        all.any(|(a, r)| gone.contains(a) || r.depends_on.iter().any(|d| gone.contains(d)))
    });
    let scopes: BTreeSet<String> = touched.map(|(name, _)| name.clone()).collect();
    let timeout = request.lock_timeout;
    let editing = Editing::begin(workspace, &store, "state rm", &before, &scopes, timeout).await?;
    let next = without(&editing, &gone, &scopes).await;
    let addresses = gone.iter().map(ResourceAddr::canonical).collect();
    editing.finish(Edit::Removed { addresses }, next).await?;
    Ok(gone)
}

/// The states of all touched scopes without the objects.
async fn without(
    editing: &Editing<'_>,
    gone: &BTreeSet<ResourceAddr>,
    scopes: &BTreeSet<String>,
) -> Result<BTreeMap<String, ScopeState>, EngineError> {
    let mut next = editing.states(scopes).await?;
    let mut left = gone.len();
    for state in next.values_mut() {
        let before = state.resources.len();
        state.resources.retain(|address, _| !gone.contains(address));
        left = left.saturating_sub(before - state.resources.len());
        for resource in state.resources.values_mut() {
            resource.depends_on.retain(|d| !gone.contains(d));
        }
    }
    // Some were there before the leases were held, and are not now.
    if left > 0 { Err(StateError::conflict("the state").into()) } else { Ok(next) }
}
