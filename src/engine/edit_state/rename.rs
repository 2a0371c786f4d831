//! `state mv`: objects that get another address in the state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::ids::Handle;
use crate::live::selection;
use crate::schema::{AccessPart, access_of};
use crate::state::model::Resources;
use crate::state::{ScopeState, StateError, layout};

use super::editing::{Edit, Editing, require};

/// What is asked of a renaming.
#[derive(Clone, Debug)]
pub struct RenameRequest {
    /// An object, a block or a module.
    pub from: String,
    /// Its new address.
    pub to: String,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
}

/// Gives objects another address, and returns which: by their old address. What depends on them follows.
///
/// # Errors
/// There is no such object, an address is taken, or of another kind; a scope is locked or has an unfinished
/// run; another run wrote.
pub async fn run(
    workspace: &Workspace,
    request: &RenameRequest,
) -> Result<BTreeMap<ResourceAddr, ResourceAddr>, EngineError> {
    let store = open::configured(workspace).await?;
    let before = store.ledger.read_all().await?;
    let resources = before.resources();
    require(&resources, &request.from)?;
    let renames = renames(&resources, &request.from, &request.to)?;
    let touched = before.scopes.iter().filter(|(_, scope)| {
        scope.value.resources.iter().any(|(address, resource)| {
            renames.contains_key(address)
                || resource.depends_on.iter().any(|d| renames.contains_key(d))
        })
    });
    let mut scopes: BTreeSet<String> = touched.map(|(name, _)| name.clone()).collect();
    scopes.extend(renames.values().map(layout::scope_of));
    let timeout = request.lock_timeout;
    let editing = Editing::begin(workspace, &store, "state mv", &before, &scopes, timeout).await?;
    let next = moved(&editing, &renames, &scopes).await;
    let edit = Edit::Moved { from: request.from.clone(), to: request.to.clone() };
    editing.finish(edit, next).await?;
    Ok(renames)
}

/// The states of all touched scopes after a renaming.
async fn moved(
    editing: &Editing<'_>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
    scopes: &BTreeSet<String>,
) -> Result<BTreeMap<String, ScopeState>, EngineError> {
    let mut next = editing.states(scopes).await?;
    let mut moving = Vec::new();
    for state in next.values_mut() {
        for (from, to) in renames {
            if let Some(resource) = state.resources.remove(from) {
                moving.push((to.clone(), resource));
            }
        }
        for resource in state.resources.values_mut() {
            redirect(&mut resource.depends_on, renames);
        }
    }
    // Some were there before the leases were held, and are not now.
    if moving.len() != renames.len() {
        return Err(StateError::conflict("the state").into());
    }
    for (to, mut resource) in moving {
        redirect(&mut resource.depends_on, renames);
        let Some(state) = next.get_mut(&layout::scope_of(&to)) else { continue };
        if state.resources.contains_key(&to) {
            return Err(EngineError::failed(format!("the state already holds `{to}`")));
        }
        state.resources.insert(to, resource);
    }
    Ok(next)
}

fn redirect(
    dependencies: &mut BTreeSet<ResourceAddr>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
) {
    *dependencies = dependencies.iter().map(|d| renames.get(d).unwrap_or(d).clone()).collect();
}

/// Which addresses change, and into what: `to` takes the place of `from` at the front of each.
fn renames(
    resources: &Resources,
    from: &str,
    to: &str,
) -> Result<BTreeMap<ResourceAddr, ResourceAddr>, EngineError> {
    let pattern = [from.to_owned()];
    let mut renames = BTreeMap::new();
    for address in resources.keys().filter(|a| selection::names(&pattern, a)) {
        let canonical = address.canonical();
        let rest = canonical.strip_prefix(from).unwrap_or_default();
        let renamed: ResourceAddr = format!("{to}{rest}").parse().map_err(|e| {
            EngineError::failed(format!("`{address}` cannot become `{to}{rest}`: {e}"))
        })?;
        if renamed.kind != address.kind {
            let text =
                format!("`{address}` is of kind `{}` and cannot become `{renamed}`", address.kind);
            return Err(EngineError::failed(text));
        }
        // Where the account itself was renamed before, its objects follow under the new handle.
        let account = |handle: &Handle| {
            let is_account =
                |a: &&ResourceAddr| matches!(access_of(&a.kind), Some(AccessPart::Account(_)));
            resources.keys().filter(is_account).any(|a| a.handle() == handle.as_str())
        };
        if let Some(was) = address.account().filter(|was| Some(*was) != renamed.account())
            && account(was)
        {
            return Err(Diagnostic::error(format!(
                "`{address}` is in the account `{was}` and cannot become `{renamed}`"
            ))
            .help("an object stays in its account: forget it there (`palisade state rm`) and create or adopt it in the other")
            .into());
        }
        if resources.contains_key(&renamed) {
            return Err(EngineError::failed(format!("the state already holds `{renamed}`")));
        }
        renames.insert(address.clone(), renamed);
    }
    Ok(renames)
}
