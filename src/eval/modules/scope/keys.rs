//! Keys of instances in references.

use super::ModuleScope;
use crate::address::InstanceKey;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::expr::scope::{RefPath, RefStep};
use crate::eval::modules::instance::Keyed;
use crate::value::Value;
use crate::value::convert::text_of;

impl<'e, 'c> ModuleScope<'e, 'c> {
    /// The key in the step at `index`; `None` when it is unknown.
    pub(super) fn key_step(
        &self,
        path: &RefPath<'_>,
        index: usize,
        keyed: Keyed,
    ) -> Result<Option<InstanceKey>, Diagnostics> {
        let Some(RefStep::Key(value)) = path.step(index)? else { return Ok(None) };
        let key = match (&value, keyed) {
            (Value::Unknown(_), _) => return Ok(None),
            (Value::String(text), Keyed::Count) => text.parse().ok().map(InstanceKey::Index),
            (Value::Number(number), Keyed::Count) => {
                number.as_i64().and_then(|n| u64::try_from(n).ok()).map(InstanceKey::Index)
            }
            (other, _) => text_of(other).map(InstanceKey::Name),
        };
        match key {
            Some(key) => Ok(Some(key)),
            None => Err(Diagnostic::error(format!(
                "an instance's key must be a {}, not a {}",
                if keyed == Keyed::Count { "whole number" } else { "string" },
                value.type_name()
            ))
            .at(path.step_loc(index))
            .into()),
        }
    }
}

pub(in crate::eval) fn collect(keyed: Keyed, all: Vec<(Option<InstanceKey>, Value)>) -> Value {
    if keyed == Keyed::Count {
        return Value::List(all.into_iter().map(|(_, v)| v).collect());
    }
    Value::Map(
        all.into_iter()
            .filter_map(|(key, value)| match key? {
                InstanceKey::Name(name) => Some((name, value)),
                InstanceKey::Index(index) => Some((index.to_string(), value)),
            })
            .collect(),
    )
}

pub(super) fn no_instance(
    path: &RefPath<'_>,
    name: &str,
    key: &InstanceKey,
    known: impl FnOnce() -> Vec<String>,
) -> Diagnostics {
    Diagnostic::error(format!("`{name}` has no instance `{key}`"))
        .at(path.step_loc(1))
        .help_opt(path.near(&key.to_string(), known))
        .into()
}
