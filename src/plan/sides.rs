//! The estate before and after a plan, as objects: what the isolation analysis compares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::ids::Handle;
use crate::live::{Live, Reading};
use crate::provider::PolicyReadings;
use crate::schema::{AccessPart, Guardrail, Home, access_of};
use crate::value::{Attrs, Value};

/// An object of one side.
#[derive(Clone, Debug)]
pub struct SideObject {
    /// Its kind; also kinds that are only read (`iam_user`).
    pub kind: String,
    /// Its natural key.
    pub key: String,
    /// Its account; `None` for the organization's objects.
    pub account: Option<Handle>,
    /// Its address, when it is managed.
    pub address: Option<ResourceAddr>,
    /// Where it is declared, `file:line`.
    pub location: Option<String>,
    /// Canonical and computed attributes; after the plan they may be unknown in part.
    pub attrs: Attrs,
}

/// One side.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// All objects, managed or not.
    pub objects: Vec<SideObject>,
}

/// Both sides, and what was read to know them.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// As AWS is now.
    pub before: Side,
    /// As it will be.
    pub after: Side,
    /// Accounts that were read.
    pub read: Vec<Handle>,
    /// Accounts that exist and were not read, and why.
    pub unread: BTreeMap<Handle, String>,
    /// Accounts that do not exist yet.
    pub absent: Vec<Handle>,
    /// Whether anything was read live.
    pub live: bool,
    /// Whether the organization's policies were read: those that nobody manages are seen too.
    pub guardrails_read: bool,
    /// Policies on the resources of the accounts that were read.
    pub policies: BTreeMap<Handle, Arc<PolicyReadings>>,
    /// Managed objects that the plan deletes or replaces, as they are now.
    pub gone: Vec<SideObject>,
}

/// Builds both sides. `selected` says whether a decision is carried out by this plan.
pub(super) fn sides(
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    selected: impl Fn(&ObjectPlan<'_>) -> bool,
) -> Sides {
    let mut sides = Sides::default();
    let mut managed: BTreeMap<(Option<&Handle>, &str, &str), &ObjectPlan<'_>> = BTreeMap::new();
    for decision in decisions {
        if let (Some(key), true) = (&decision.key, decision.before.is_some()) {
            managed.insert((place(decision), decision.kind.schema().kind, key), decision);
        }
        let object = |attrs: &Attrs| SideObject {
            kind: decision.kind.schema().kind.to_owned(),
            key: decision.key.clone().unwrap_or_default(),
            account: place(decision).cloned(),
            address: Some(decision.address.clone()),
            location: decision.instance.map(|i| i.loc.to_string()),
            attrs: attrs.clone(),
        };
        let mut before = decision.before.clone();
        // What is never read back is as the block says it, where nothing of the object has changed.
        if let (Action::NoOp, Some(before), Some(after)) =
            (decision.action, &mut before, &decision.after)
            && matches!(access_of(decision.kind.schema().kind), Some(AccessPart::StatementOf(_)))
        {
            for (name, value) in after {
                if before.get(name).is_none_or(Value::is_null) {
                    before.insert(name.clone(), value.clone());
                }
            }
        }
        sides.before.objects.extend(before.as_ref().map(object));
        if selected(decision) && matches!(decision.action, Action::Delete | Action::Replace) {
            sides.gone.extend(decision.before.as_ref().map(object));
        }
        let after = if selected(decision) {
            match decision.action {
                Action::Delete => None,
                // What is forgotten stays as it is, unless it has to move first.
                Action::Forget if decision.difference.is_empty() => decision.before.as_ref(),
                // Computed attributes that the plan does not name stay what they are.
                _ => decision.after.as_ref(),
            }
        } else {
            decision.before.as_ref()
        };
        sides.after.objects.extend(after.map(object));
    }
    let places = std::iter::once((None, &live.organization))
        .chain(live.accounts.iter().map(|(handle, reading)| (Some(handle), reading)));
    for (handle, reading) in places {
        match (handle, reading) {
            (_, Reading::Read(index)) => {
                sides.live = true;
                let unread = &index.inventory().unread;
                // An account of which one kind that grants access was not read is not known.
                let grants = |kind: &str| access_of(kind).is_some_and(AccessPart::grants);
                let policies = &index.inventory().policies;
                let missing = unread.iter().find(|(kind, _)| grants(kind));
                let of_types =
                    || policies.unread.iter().map(|(of, unread)| (of, &unread.why)).next();
                let missing = missing.or_else(of_types);
                if let Some(handle) = handle {
                    sides.policies.insert(handle.clone(), Arc::clone(policies));
                }
                match (handle, missing) {
                    (None, _) => {
                        sides.guardrails_read = !unread.keys().any(|kind| limits_principals(kind));
                    }
                    (Some(handle), None) => sides.read.push(handle.clone()),
                    (Some(handle), Some((kind, why))) => {
                        sides.unread.insert(handle.clone(), format!("{kind}: {why}"));
                    }
                }
                for ((kind, key), object) in &index.inventory().objects {
                    if managed.contains_key(&(handle, *kind, key.as_str())) {
                        continue;
                    }
                    let object = SideObject {
                        kind: (*kind).to_owned(),
                        key: key.clone(),
                        account: handle.cloned(),
                        address: None,
                        location: None,
                        attrs: object.attrs.clone(),
                    };
                    sides.before.objects.push(object.clone());
                    sides.after.objects.push(object);
                }
            }
            (Some(handle), Reading::Absent) => sides.absent.push(handle.clone()),
            (Some(handle), Reading::Unread(why)) => {
                sides.unread.insert(handle.clone(), why.clone());
            }
            (None, _) => {}
        }
    }
    for object in &live.shared {
        let object = SideObject {
            kind: object.kind.to_owned(),
            key: object.key.clone(),
            account: None,
            address: None,
            location: None,
            attrs: object.attrs.clone(),
        };
        sides.before.objects.push(object.clone());
        sides.after.objects.push(object);
    }
    sides
}

fn limits_principals(kind: &str) -> bool {
    matches!(access_of(kind), Some(AccessPart::Guardrail { limits: Guardrail::Principals, .. }))
}

fn place<'d>(decision: &'d ObjectPlan<'_>) -> Option<&'d Handle> {
    match decision.kind.schema().home {
        Home::Organization => None,
        Home::Account => decision.address.account(),
    }
}
