//! The section of a plan that says what could not be read, by place and reason.

use std::collections::{BTreeMap, BTreeSet};

use super::drift;
use super::model::{Action, Selection, Unread};
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::eval::estate::Estate;
use crate::ids::Handle;
use crate::live::{Live, Reading};
use crate::provider::Inventory;
use crate::schema::Home;
use crate::schema::data::Lookup;
use crate::state::layout;
use crate::value::Value;

/// What one reason kept from being read in one place.
#[derive(Default)]
struct UnreadPart<'a> {
    kinds: BTreeSet<&'a str>,
    objects: BTreeSet<String>,
}

/// Everything that could not be read, as far as the selection asks for it: objects of the plan, and
/// places that may hold objects which nothing manages.
pub(super) fn unread(
    estate: &Estate,
    live: &Live,
    selection: &Selection,
    decisions: &[ObjectPlan<'_>],
    selected: Option<&BTreeSet<ResourceAddr>>,
) -> Vec<Unread> {
    let mut all = left_out(estate, decisions);
    if !live.refreshed {
        return all;
    }
    let places = std::iter::once((None, &live.organization))
        .chain(live.accounts.iter().map(|(handle, reading)| (Some(handle), reading)));
    for (handle, reading) in places {
        let here: Vec<&ObjectPlan<'_>> = decisions.iter().filter(|d| place(d) == handle).collect();
        let mut parts: BTreeMap<&str, UnreadPart<'_>> = BTreeMap::new();
        match reading {
            Reading::Unread(why) => {
                parts.entry(why).or_default();
            }
            Reading::Read(index) => of_kinds(index.inventory(), handle, &here, &mut parts),
            Reading::Absent => continue,
        }
        let account = handle.and_then(|handle| estate.accounts.get(handle));
        let environments: Vec<String> =
            account.iter().flat_map(|a| a.environments.iter().cloned()).collect();
        let chosen = *selection == Selection::default()
            || handle.is_some_and(|handle| selection.accounts.contains(handle))
            || environments.iter().any(|e| selection.environments.contains(e));
        if !chosen {
            parts.clear();
        }
        for decision in here {
            let counts = selected.is_none_or(|selected| selected.contains(&decision.address));
            if let Some(why) = decision.unread.as_ref().filter(|_| counts) {
                let part = parts.entry(why).or_default();
                part.objects.insert(decision.address.to_string());
                if !matches!(reading, Reading::Unread(_)) {
                    part.kinds.insert(decision.kind.schema().kind);
                }
            }
        }
        all.extend(parts.into_iter().map(|(reason, part)| Unread {
            account: handle.map_or(layout::ORG, |handle| handle.as_str()).to_owned(),
            environments: environments.clone(),
            kinds: part.kinds.into_iter().map(str::to_owned).collect(),
            reason: reason.to_owned(),
            objects: part.objects.into_iter().collect(),
        }));
    }
    all
}

/// How the kind of what could not be looked up begins.
pub(crate) const LOOKED_UP: &str = "data ";

/// How many blocks that are left out are named.
const NAMED: usize = 5;

/// What could not be looked up, and the blocks that are not evaluated without it.
fn left_out(estate: &Estate, decisions: &[ObjectPlan<'_>]) -> Vec<Unread> {
    let errors = estate.unevaluated.iter().filter(|d| d.is_error());
    let places: BTreeSet<String> =
        errors.filter_map(|d| d.loc.as_ref()?.to_string().into()).collect();
    let more = places.len().saturating_sub(NAMED);
    let mut named = places.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let left_out = match named.is_empty() {
        true => String::new(),
        false => format!(": what needs it is left out, at {named}"),
    };
    // Of what was made with it nobody can say whether it is as it should be.
    let waits = |d: &&ObjectPlan<'_>| {
        let instance = d.instance.filter(|_| d.action != Action::Delete);
        instance.is_some_and(|instance| instance.desired.values().any(Value::needs_lookup))
    };
    let waiting: Vec<String> = match estate.missing.is_empty() {
        true => Vec::new(),
        false => decisions.iter().filter(waits).map(|d| d.address.to_string()).collect(),
    };
    let part = |(lookup, why): (&Lookup, &Diagnostic)| {
        let account = lookup.account();
        let serves = account.and_then(|account| estate.accounts.get(account));
        Unread {
            account: account.map_or(layout::ORG, Handle::as_str).to_owned(),
            environments: serves.iter().flat_map(|a| a.environments.iter().cloned()).collect(),
            kinds: vec![format!("{LOOKED_UP}{}", lookup.data_type())],
            reason: format!("{}{left_out}", why.summary),
            objects: waiting.clone(),
        }
    };
    estate.missing.iter().map(part).collect()
}

/// Kinds, and single objects of them, that could not be read in a place that was read otherwise.
fn of_kinds<'a>(
    inventory: &'a Inventory,
    handle: Option<&Handle>,
    here: &[&ObjectPlan<'_>],
    parts: &mut BTreeMap<&'a str, UnreadPart<'a>>,
) {
    for (kind, why) in &inventory.unread {
        let Some(objects) = inventory.unread_objects.get(kind) else {
            // An endpoint can hold nothing of a kind that it does not implement, and a singleton that
            // every account has is no find.
            if !inventory.unimplemented.contains(kind) && drift::counts(kind) {
                parts.entry(why).or_default().kinds.insert(kind);
            }
            continue;
        };
        for (key, why) in objects {
            let managed = here
                .iter()
                .any(|d| d.kind.schema().kind == *kind && d.key.as_deref() == Some(key.as_str()));
            if !managed {
                let part = parts.entry(why).or_default();
                part.kinds.insert(kind);
                let place = handle.map_or(layout::ORG, |handle| handle.as_str());
                part.objects.insert(format!("{kind}/{key}@{place}"));
            }
        }
    }
}

fn place<'d>(decision: &'d ObjectPlan<'_>) -> Option<&'d Handle> {
    match decision.kind.schema().home {
        Home::Organization => None,
        Home::Account => decision.address.account(),
    }
}
