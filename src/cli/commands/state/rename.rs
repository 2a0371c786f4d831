//! `palisade state mv` and `rm`: objects that get another address in the state, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;

use super::require;
use crate::address::ResourceAddr;
use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::edit_state::{Edit, Editing};
use crate::engine::open;
use crate::plan::select;
use crate::render;
use crate::state::model::Resources;
use crate::state::{ScopeState, StateError, layout};

/// Flags of `state mv`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `moved` block does the same for everybody who applies the configuration, and is reviewed like it.\n\n\
                        Example:\n  palisade state mv iam_role.ci iam_role.deploy"
)]
pub struct MvArgs {
    /// What to rename: an object, a block or a module
    from: String,
    /// Its new address
    to: String,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state rm`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `removed` block does the same for everybody who applies the configuration.\n\n\
                        Example:\n  palisade state rm iam_role.legacy@production"
)]
pub struct RmArgs {
    /// Objects, blocks or modules
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// How long to wait for a lock held by another process
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn mv(args: &MvArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
    let store = open::configured(&workspace).await?;
    let before = store.ledger.read_all().await?;
    require(&before.resources(), &args.from)?;
    let renames = renames(&before.resources(), &args.from, &args.to)?;
    let mut scopes = BTreeSet::new();
    for (name, scope) in &before.scopes {
        let touched = scope.value.resources.iter().any(|(address, resource)| {
            renames.contains_key(address)
                || resource.depends_on.iter().any(|d| renames.contains_key(d))
        });
        if touched {
            scopes.insert(name.clone());
        }
    }
    scopes.extend(renames.values().map(scope_of));
    let mut editing =
        Editing::begin(&workspace, &store, "state mv", &scopes, args.lock_timeout).await?;
    let (next, count) = match moved(&editing, &renames, &scopes).await {
        Ok(moved) => moved,
        Err(exit) => {
            editing.release().await;
            return Err(exit);
        }
    };
    let edit = Edit::Moved { from: args.from.clone(), to: args.to.clone() };
    editing.finish(edit, next).await?;
    context.say(&format!("moved {}", render::style::count(count, "object", "objects")));
    Ok(())
}

/// The states of all touched scopes after a renaming.
async fn moved(
    editing: &Editing<'_>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
    scopes: &BTreeSet<String>,
) -> Result<(BTreeMap<String, ScopeState>, usize), Exit> {
    let mut next = states(editing, scopes).await?;
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
    let count = moving.len();
    if count != renames.len() {
        return Err(StateError::conflict("the state").into());
    }
    for (to, mut resource) in moving {
        redirect(&mut resource.depends_on, renames);
        let Some(state) = next.get_mut(&scope_of(&to)) else { continue };
        if state.resources.contains_key(&to) {
            return Err(Exit::error(format!("the state already holds `{to}`")));
        }
        state.resources.insert(to, resource);
    }
    Ok((next, count))
}

fn redirect(
    dependencies: &mut BTreeSet<ResourceAddr>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
) {
    *dependencies = dependencies.iter().map(|d| renames.get(d).unwrap_or(d).clone()).collect();
}

/// Scope states to change, as they stand; new ones for scopes that do not exist yet.
async fn states(
    editing: &Editing<'_>,
    scopes: &BTreeSet<String>,
) -> Result<BTreeMap<String, ScopeState>, Exit> {
    let stamp = editing.stamp().await?;
    let snapshot = &editing.snapshot;
    Ok(scopes
        .iter()
        .map(|name| {
            let state = snapshot.scopes.get(name).map_or_else(
                || ScopeState::new(&snapshot.lineage, name, stamp.clone()),
                |s| s.value.clone(),
            );
            (name.clone(), state)
        })
        .collect())
}

/// Which addresses change, and into what: `to` takes the place of `from` at the front of each.
fn renames(
    resources: &Resources,
    from: &str,
    to: &str,
) -> Result<BTreeMap<ResourceAddr, ResourceAddr>, Exit> {
    let pattern = [from.to_owned()];
    let mut renames = BTreeMap::new();
    for address in resources.keys().filter(|a| select::names(&pattern, a)) {
        let canonical = address.canonical();
        let rest = canonical.strip_prefix(from).unwrap_or_default();
        let renamed: ResourceAddr = format!("{to}{rest}")
            .parse()
            .map_err(|e| Exit::error(format!("`{address}` cannot become `{to}{rest}`: {e}")))?;
        if renamed.kind != address.kind {
            let text =
                format!("`{address}` is of kind `{}` and cannot become `{renamed}`", address.kind);
            return Err(Exit::error(text));
        }
        if resources.contains_key(&renamed) {
            return Err(Exit::error(format!("the state already holds `{renamed}`")));
        }
        renames.insert(address.clone(), renamed);
    }
    Ok(renames)
}

fn scope_of(address: &ResourceAddr) -> String {
    address.account().map_or_else(|| layout::ORG.to_owned(), |a| layout::account_scope(a.as_str()))
}

pub(super) async fn rm(args: &RmArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
    let store = open::configured(&workspace).await?;
    let before = store.ledger.read_all().await?;
    for address in &args.addresses {
        require(&before.resources(), address)?;
    }
    let gone: BTreeSet<ResourceAddr> =
        before.resources().into_keys().filter(|a| select::names(&args.addresses, a)).collect();
    let scopes: BTreeSet<String> = before
        .scopes
        .iter()
        .filter(|(_, scope)| {
            scope
                .value
                .resources
                .iter()
                .any(|(a, r)| gone.contains(a) || r.depends_on.iter().any(|d| gone.contains(d)))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let mut editing =
        Editing::begin(&workspace, &store, "state rm", &scopes, args.lock_timeout).await?;
    let recorded = editing.snapshot.resources();
    let next = match gone.iter().all(|address| recorded.contains_key(address)) {
        true => states(&editing, &scopes).await,
        false => Err(StateError::conflict("the state").into()),
    };
    let mut next = match next {
        Ok(next) => next,
        Err(exit) => {
            editing.release().await;
            return Err(exit);
        }
    };
    for state in next.values_mut() {
        state.resources.retain(|a, _| !gone.contains(a));
        for resource in state.resources.values_mut() {
            resource.depends_on.retain(|d| !gone.contains(d));
        }
    }
    let addresses = gone.iter().map(ResourceAddr::canonical).collect();
    editing.finish(Edit::Removed { addresses }, next).await?;
    for address in &gone {
        context.say(&format!("forgot {address}; it stays in AWS"));
    }
    Ok(())
}
