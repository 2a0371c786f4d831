//! Keys of instances in references.

use super::ModuleScope;
use crate::address::InstanceKey;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::expr::scope::{RefPath, RefStep};
use crate::eval::modules::instance::Keyed;
use crate::value::convert::text_of;
use crate::value::{Unknown, Value};

impl<'e, 'c> ModuleScope<'e, 'c> {
    /// The key in the step at `index`, or what it is unknown for.
    pub(super) fn key_step(
        &self,
        path: &RefPath<'_>,
        index: usize,
        keyed: Keyed,
    ) -> Result<Result<InstanceKey, Unknown>, Diagnostics> {
        let Some(RefStep::Key(value)) = path.step(index)? else {
            return Ok(Err(Unknown::default()));
        };
        let key = match (&value, keyed) {
            (Value::Unknown(unknown), _) => return Ok(Err(Unknown::opaque([unknown]))),
            (Value::String(text), Keyed::Count) => text.parse().ok().map(InstanceKey::Index),
            (Value::Number(number), Keyed::Count) => {
                number.as_i64().and_then(|n| u64::try_from(n).ok()).map(InstanceKey::Index)
            }
            (other, _) => text_of(other).map(InstanceKey::Name),
        };
        match key {
            Some(key) => Ok(Ok(key)),
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
