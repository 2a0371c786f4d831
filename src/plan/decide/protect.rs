//! What may not happen to an object: its destruction, or a change of what is settled when it comes into being.

use super::super::model::Action;
use super::super::object_plan::ObjectPlan;
use super::gone::closed_account;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Instance;
use crate::value::{Attrs, Value};

impl<'a> ObjectPlan<'a> {
    /// Some attributes are settled when an object comes into being.
    pub(super) fn refuse_what_is_fixed(
        &self,
        instance: &Instance,
        before: &Attrs,
        after: &Attrs,
        diagnostics: &mut Diagnostics,
    ) {
        let schema = self.kind.schema();
        let differs = |name: &str| self.difference.changed.iter().any(|p| p.root() == Some(name));
        for fixed in schema.fixed.iter().filter(|f| differs(f.name)) {
            let shown = |attrs: &Attrs| match attrs.get(fixed.name) {
                Some(Value::Sensitive(_)) => "(sensitive)".to_owned(),
                Some(Value::Unknown(_)) => "(known after apply)".to_owned(),
                Some(value) => value.to_json().to_string(),
                None => "not there".to_owned(),
            };
            diagnostics.push(
                Diagnostic::error(format!("`{}` of `{}` cannot change", fixed.name, self.address))
                    .at(instance.body.loc_of(fixed.name).clone())
                    .detail(format!("it is {}, not {}", shown(before), shown(after)))
                    .help(format!("{}; or make the block match", fixed.instead)),
            );
        }
    }

    /// Whether there is something left that the state would no longer know of.
    fn stays_in_aws(&self) -> bool {
        !self.account_is_closed
            && self
                .before
                .as_ref()
                .is_some_and(|before| closed_account(self.kind, before).is_none())
    }

    /// A replacement under the same natural key cannot put the new object first.
    pub(super) fn settle_replacement(&mut self, diagnostics: &mut Diagnostics) {
        if self.action != Action::Replace {
            return;
        }
        let new_key = self.after.as_ref().and_then(|after| self.kind.natural_key(after));
        if self.create_before_destroy && new_key == self.key {
            self.create_before_destroy = false;
            if let Some(instance) = self.instance {
                diagnostics.push(
                    Diagnostic::warning(format!(
                        "`{}` is deleted before it is created again",
                        self.address
                    ))
                    .at(instance.loc.clone())
                    .detail("the new object would have the same name as the old one, so it cannot come first")
                    .help("give it a new name in the same change"),
                );
            }
        }
    }

    /// Refuses what may not go: what can be made only once, and what `prevent_destroy` protects. An object
    /// that is retained is protected too: without its record nobody would manage it any more. What is gone
    /// from AWS already, an account that is closed too, is beyond protection.
    pub(in crate::plan) fn guard_destruction(&self, diagnostics: &mut Diagnostics) {
        let schema = self.kind.schema();
        if self.action == Action::Replace && !schema.fixed.is_empty() {
            diagnostics.push(
                Diagnostic::error(format!("`{}` cannot be replaced", self.address))
                    .at_opt(self.instance.map(|i| i.loc.clone()))
                    .detail(format!(
                        "{} is made once: another one would not be the same",
                        schema.what
                    ))
                    .help("leave it out of `--replace` and `replace_triggered_by`"),
            );
            return;
        }
        let what = match self.action {
            Action::Delete => "delete",
            Action::Replace => "replace",
            Action::Forget if self.stays_in_aws() => "forget",
            _ => return,
        };
        let Some(instance) = self.instance.filter(|i| i.lifecycle.prevent_destroy) else { return };
        let mut error =
            Diagnostic::error(format!("the plan would {what} `{}`, which is protected", self.address))
                .at(instance.loc.clone())
                .help("take `prevent_destroy` out of its lifecycle block in a change of its own if this is meant");
        if !self.replace_because.is_empty() {
            error =
                error.detail(format!("replaced because of {}", self.replace_because.join(", ")));
        }
        diagnostics.push(error);
    }
}
