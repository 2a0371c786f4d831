//! What happens to an object that has no block any more, or where everything is to be destroyed.

use super::super::model::Action;
use super::super::object_plan::ObjectPlan;
use crate::diag::{Diagnostic, Diagnostics};
use crate::live::Live;
use crate::schema::{AccountState, ManagedKind, OnDestroy, account_state};
use crate::value::Attrs;

impl<'a> ObjectPlan<'a> {
    /// The object has no block any more (or everything is to be destroyed).
    pub(super) fn gone(&mut self, live: &Live, lineage: &str, diagnostics: &mut Diagnostics) {
        let Some(recorded) = self.recorded else { return };
        let attrs = recorded.attrs.attrs().clone();
        if self.kind.only_declared(&attrs) {
            self.key = Some(recorded.key.clone());
            self.before = Some(attrs);
            self.action = Action::Forget;
            return;
        }
        if let Some(instance) = self.instance.filter(|_| self.on_destroy_differs()) {
            diagnostics.push(
                Diagnostic::error(format!("`on_destroy` of `{}` is not applied yet", self.address))
                    .at(instance.loc.clone())
                    .help("apply first: what goes is treated as the last apply was told"),
            );
        }
        self.see(live, None);
        if let Some(state) =
            self.before.as_ref().and_then(|before| closed_account(self.kind, before))
        {
            self.reason = Some(format!("{state}: there is nothing left to do"));
            self.action = Action::Forget;
            return;
        }
        if let Some(other) = self.other_estate(lineage) {
            self.reason = Some(format!("the estate with the state `{other}` has adopted it"));
            self.action = Action::Forget;
            return;
        }
        self.action = match (&self.before, self.kind.on_destroy(recorded.meta.facts())) {
            (None, _) => {
                self.reason = Some("it is gone from AWS already".to_owned());
                Action::Forget
            }
            (Some(_), OnDestroy::Retain) => {
                self.reason = Some("it is retained: it stays in AWS".to_owned());
                Action::Forget
            }
            (Some(_), OnDestroy::Close) => {
                self.reason = Some("AWS closes it, and deletes it after 90 days".to_owned());
                Action::Delete
            }
            (Some(_), OnDestroy::Leave) => {
                self.reason = Some("it leaves the organization and goes on alone".to_owned());
                Action::Delete
            }
            (Some(_), OnDestroy::Delete) => {
                self.reason = None;
                Action::Delete
            }
        };
    }

    /// Whether the block says something else than state of what becomes of the object without it.
    pub(super) fn on_destroy_differs(&self) -> bool {
        let Some(recorded) = self.recorded else { return false };
        let now = self.kind.on_destroy(&self.meta);
        now != self.kind.on_destroy(recorded.meta.facts())
    }
}

/// Why an account is on its way out, from its attributes; `None` for other kinds.
pub(in crate::plan) fn closed_account(
    kind: &dyn ManagedKind,
    attrs: &Attrs,
) -> Option<&'static str> {
    if !kind.schema().meaning.access.is_account() {
        return None;
    }
    match account_state(attrs) {
        Some(AccountState::Closed) => Some("the account is closed"),
        Some(AccountState::PendingClosure) => Some("the account is being closed"),
        _ => None,
    }
}
