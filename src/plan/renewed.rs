//! AWS moves no unit: one that shall hang elsewhere is made anew, and must be empty before it goes.

use super::decide::Decision;
use super::model::Action;
use crate::diag::{Diagnostic, Diagnostics};
use crate::schema::Home;
use crate::value::{Attrs, Value};

/// Refuses to replace what something else in the organization hangs on by the id that AWS gave it.
pub(super) fn refuse(decisions: &[Decision<'_>], found: &mut Diagnostics) {
    let organization = || decisions.iter().filter(|d| d.kind.schema().home == Home::Organization);
    for decision in organization().filter(|d| d.action == Action::Replace) {
        let Some(id) = decision.before.as_ref().and_then(|b| b.get("id")?.as_str()) else {
            continue;
        };
        let stays = |d: &&Decision<'_>| !matches!(d.action, Action::Delete | Action::Forget);
        let on_it: Vec<String> = organization()
            .filter(|other| other.address != decision.address)
            .filter(stays)
            .filter(|other| other.after.as_ref().is_some_and(|after| names(after, id)))
            .map(|other| format!("`{}`", other.address))
            .collect();
        if on_it.is_empty() {
            continue;
        }
        found.push(
            Diagnostic::error(format!(
                "`{}` cannot be replaced: {} would be left behind",
                decision.address,
                on_it.join(", ")
            ))
            .at_opt(decision.instance.map(|i| i.loc.clone()))
            .detail("AWS moves no unit, and deletes none that is not empty")
            .help("give the block another label and every reference to it, without `moved`: then the new one is made first, all that hangs on the old one follows, and the old one goes"),
        );
    }
}

/// Whether an attribute is this id, or a list with it.
fn names(attrs: &Attrs, id: &str) -> bool {
    attrs.iter().any(|(_, value)| match value {
        Value::String(text) => text == id,
        Value::List(list) => list.iter().any(|one| one.as_str() == Some(id)),
        _ => false,
    })
}
