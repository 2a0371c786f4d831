//! `moved` and `removed` blocks against state, and objects that move by themselves as `count` comes or goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::ids::Handle;
use crate::schema::{AccessPart, access_of};
use crate::state::model::Resources;

/// From old address to new, for what state holds under an old one. A `moved` block names one
/// instance, a whole block (`iam_role.a`), a module (`module.a`) or an account (`account.a`, which
/// takes everything placed in it along); chains of moves are followed.
#[must_use]
pub(crate) fn renames(
    estate: &Estate,
    prior: &Resources,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<ResourceAddr, ResourceAddr> {
    let mut renames = BTreeMap::new();
    let accounts = accounts_beside_count(estate, prior);
    let mut taken: BTreeSet<ResourceAddr> = BTreeSet::new();
    for address in prior.keys() {
        let mut now = address.clone();
        // As many steps as there are blocks: a chain may use each once, a cycle goes no further.
        for _ in 0..estate.moved.len() {
            let next = estate.moved.iter().find_map(|m| moved(&now, &m.from.value, &m.to.value));
            match next {
                Some(next) if next != now => now = next,
                _ => break,
            }
        }
        if !estate.instances.contains_key(&now)
            && let Some(counted) = beside_count(estate, prior, &accounts, &now)
            && taken.insert(counted.clone())
        {
            renames.insert(address.clone(), counted);
            continue;
        }
        if now == *address {
            continue;
        }
        let to = estate.moved.iter().find(|m| now.is_named_by(&m.to.value));
        let to = to.or_else(|| estate.moved.first()).map(|m| m.to.loc.clone());
        if let Some(error) = between_accounts(estate, address, &now) {
            diagnostics.push(error.at_opt(to));
            continue;
        }
        if !estate.instances.contains_key(&now) {
            diagnostics.push(
                Diagnostic::warning(format!("`{address}` does not move: there is no `{now}`"))
                    .at_opt(to)
                    .detail("The object is treated as if no `moved` block named it.")
                    .help("correct `to`, or leave the `moved` block out"),
            );
            continue;
        }
        if prior.contains_key(&now) {
            let loc = estate.moved.first().map(|m| m.to.loc.clone());
            diagnostics.push(
                Diagnostic::error(format!("`{address}` cannot move to `{now}`: state holds both"))
                    .at_opt(loc)
                    .help("use `palisade state rm` on the one that is no longer wanted, or leave the `moved` block out"),
            );
            continue;
        }
        renames.insert(address.clone(), now);
    }
    renames
}

/// Accounts whose handle changes because `count` is added to their block or taken away.
fn accounts_beside_count(estate: &Estate, prior: &Resources) -> BTreeMap<Handle, Handle> {
    let accounts = prior.keys().filter(|address| {
        access_of(&address.kind).is_some_and(AccessPart::is_account)
            && !estate.instances.contains_key(*address)
    });
    let moved = accounts.filter_map(|address| {
        let now = beside_count(estate, prior, &BTreeMap::new(), address)?;
        Some((address.handle().parse().ok()?, now.handle().parse().ok()?))
    });
    moved.collect()
}

/// The address that an object has now that `count` was added to its block, to a module around it or to its account,
/// or taken away. Nobody has to write a `moved` block for it, as in Terraform.
fn beside_count(
    estate: &Estate,
    prior: &Resources,
    accounts: &BTreeMap<Handle, Handle>,
    address: &ResourceAddr,
) -> Option<ResourceAddr> {
    let mut address = address.clone();
    let account = address.account().and_then(|account| accounts.get(account)).cloned();
    let is_elsewhere = account.is_some();
    if let (Some(placement), Some(account)) = (address.placement.as_mut(), account) {
        placement.account = account;
    }
    let itself = is_elsewhere.then(|| address.clone());
    let mut all = itself.into_iter().chain(address.beside_count());
    all.find(|other| estate.instances.contains_key(other) && !prior.contains_key(other))
}

/// An object stays in its account: with another handle only where the account itself got it.
fn between_accounts(estate: &Estate, from: &ResourceAddr, to: &ResourceAddr) -> Option<Diagnostic> {
    let (Some(was), Some(is)) = (from.account(), to.account()) else { return None };
    let renamed = estate.moved.iter().any(|m| {
        let account = |text: &str| {
            let address: ResourceAddr = text.parse().ok()?;
            let is_one = matches!(access_of(&address.kind), Some(AccessPart::Account(_)));
            is_one.then(|| address.handle().to_owned())
        };
        account(&m.from.value).as_deref() == Some(was.as_str())
            && account(&m.to.value).as_deref() == Some(is.as_str())
    });
    (was != is && !renamed).then(|| {
        Diagnostic::error(format!("`{from}` cannot move to `{to}`: that is another account")).help(
            "leave the `moved` block out: it is deleted in one account and created in the other",
        )
    })
}

fn moved(address: &ResourceAddr, from: &str, to: &str) -> Option<ResourceAddr> {
    let text = address.canonical();
    if text == from {
        return to.parse().ok();
    }
    let rest = text.strip_prefix(from);
    if let Some(rest) = rest.filter(|r| r.starts_with(['.', '[', '@'])) {
        return format!("{to}{rest}").parse().ok();
    }
    // An instance named without its environment, or an account renamed under what is placed in it.
    let from: ResourceAddr = from.parse().ok()?;
    let to: ResourceAddr = to.parse().ok()?;
    let is_account = |kind: &str| access_of(kind).is_some_and(AccessPart::is_account);
    if is_account(&from.kind) && is_account(&to.kind) {
        let mut placed = address.clone();
        let placement = placed.placement.as_mut()?;
        if placement.account.as_str() != from.handle() {
            return None;
        }
        placement.account = to.handle().parse().ok()?;
        return Some(placed);
    }
    let same_block = (&from.module, &from.kind, &from.name, &from.key)
        == (&address.module, &address.kind, &address.name, &address.key);
    let shortened = from.placement.is_some()
        && from.account() == address.account()
        && from.environment().is_none();
    if same_block && shortened {
        let mut renamed = to;
        if let (Some(placement), Some(environment)) =
            (renamed.placement.as_mut(), address.environment())
        {
            placement.environment.get_or_insert_with(|| environment.to_owned());
        }
        return Some(renamed);
    }
    None
}

/// Whether a `removed` block names the address, its block or a module around it.
#[must_use]
pub(crate) fn is_removed(estate: &Estate, address: &ResourceAddr) -> bool {
    estate.removed.iter().any(|removed| address.is_named_by(&removed.value))
}
