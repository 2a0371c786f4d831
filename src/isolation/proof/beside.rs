//! Whether what a statement asks for takes an action beside the one that is asked about, which no such request is allowed.
//!
//! Claim: where [`Case::is_refused_beside`] says yes, no request of the step is allowed by way of the statement. It asks for a
//! key that takes the other action, without which one of its conditions is false, or every request of the step carries such a key. And of that action, asked for with the
//! same context, either a `Deny` applies wherever the statement's conditions hold, or in one layer every statement is dead
//! or has conditions that exclude these.

use super::case::{Case, ReadStatement};
use crate::iam::symbolic::Space;

impl Case<'_> {
    pub(super) fn is_refused_beside(&self, line: &ReadStatement<'_>, action: &str) -> bool {
        let mut beside = self.parts.beside.iter();
        let Some(companion) = beside.find(|companion| companion.action == action) else {
            return false;
        };
        let asks = line.statement.conditions.iter().any(|condition| {
            companion.is_needed_for(&condition.key.to_ascii_lowercase())
                && self.holds(condition, Some(&None)) == Some(false)
        });
        let carried = self.parts.request.context.iter().map(|(key, _)| key);
        let mut carried = carried.chain(self.parts.always.iter().map(String::as_str));
        let asks = asks || carried.any(|key| companion.is_needed_for(&key.to_ascii_lowercase()));
        let actions = [Space::One(companion.action.to_owned())];
        let other = self.about(&actions);
        asks && (other.denials().any(|denial| other.denies(&denial, Some(line)))
            || other.layers.iter().any(|layer| {
                layer.is_known()
                    && layer.allowing().all(|allowed| {
                        other.conditions_exclude(line.statement, allowed.statement)
                            || other.excluded_alone(&allowed).is_some()
                    })
            }))
    }

    /// The same of other actions, which take nothing beside.
    fn about<'b>(&'b self, actions: &'b [Space]) -> Case<'b> {
        let mut other: Case<'b> = self.clone();
        other.parts.actions = actions;
        other.parts.beside = &[];
        other
    }
}
