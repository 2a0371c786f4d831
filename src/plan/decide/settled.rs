//! What an object shall be that exists: what its block says, with what is live and shall be left alone.

use crate::eval::estate::Instance;
use crate::schema::ManagedKind;
use crate::state::model::ResourceState;
use crate::value::{Attrs, Value};

/// What an object that exists shall be: what its block says, with what is live and shall be left alone.
#[must_use]
pub fn settled(
    kind: &dyn ManagedKind,
    instance: &Instance,
    meta: &Attrs,
    before: &Attrs,
    recorded: Option<&ResourceState>,
) -> Attrs {
    // Of a list that others add to, state records what is there; what the block declared is a fact of its own.
    let declared = recorded.and_then(|r| r.meta.declared());
    let mut applied = recorded.map(|r| r.attrs.attrs().clone()).unwrap_or_default();
    applied.extend(declared.cloned().unwrap_or_default());
    let mut after = kind.reconcile(instance.desired.clone(), before, &applied, meta);
    ignore_changes(&mut after, before, &instance.lifecycle.ignore_changes);
    after
}

fn ignore_changes(after: &mut Attrs, before: &Attrs, ignored: &[String]) {
    for path in ignored {
        if path == "all" {
            for (name, value) in after.iter_mut() {
                *value = before.get(name).cloned().unwrap_or_default();
            }
            return;
        }
        let mut steps = path.split(['.', '[']).map(|s| s.trim_matches(['"', ']']));
        let Some(name) = steps.next() else { continue };
        let is = before.get(name).cloned().unwrap_or_default();
        match (steps.next(), after.get_mut(name)) {
            (None, Some(value)) => *value = is,
            (Some(key), Some(Value::Map(map))) => match is.as_map().and_then(|m| m.get(key)) {
                Some(value) => {
                    map.insert(key.to_owned(), value.clone());
                }
                None => {
                    map.remove(key);
                }
            },
            _ => {}
        }
    }
}

/// An object that is made anew also gets what an existing one would have been left with, and what
/// AWS computes is not that of the old one.
pub(super) fn anew(after: &mut Attrs, instance: &Instance) {
    for (name, value) in instance.desired.iter() {
        if !after.contains_key(name) {
            after.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in instance.computed.iter() {
        after.insert(name.clone(), value.clone());
    }
}
