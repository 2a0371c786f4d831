//! Lists and maps that others may add to beside Palisade.

use crate::value::{Attrs, Value};

/// What an additive collection shall hold: everything declared, and of what is live that which
/// Palisade did not put there. `recorded` is what state remembers of the last apply: an element
/// that it lists and the configuration no longer does goes away. With `exclusive` it is what was
/// declared and nothing else.
#[must_use]
pub(super) fn merge_additive(
    desired: &Value,
    recorded: Option<&Value>,
    live: Option<&Value>,
    exclusive: bool,
) -> Value {
    let Some(live) = live.filter(|_| !exclusive) else { return desired.clone() };
    match (desired.reveal(), live.reveal()) {
        (Value::Map(desired), Value::Map(live)) => {
            let ours = recorded.and_then(Value::as_map);
            let mut merged: Attrs = live
                .iter()
                .filter(|(key, _)| !ours.is_some_and(|ours| ours.contains_key(key)))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            merged.extend(desired.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::Map(merged)
        }
        (Value::List(desired), Value::List(live)) => {
            let ours = recorded.and_then(Value::elements).unwrap_or_default();
            let mut merged: Vec<Value> =
                live.iter().filter(|value| !ours.contains(value)).cloned().collect();
            merged.extend(desired.iter().cloned());
            merged.sort();
            merged.dedup();
            Value::list(merged)
        }
        _ => desired.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_added_stays_unless_exclusive() {
        let list = |items: &[&str]| items.iter().copied().collect::<Value>();
        let merged = merge_additive(
            &list(&["b", "c"]),
            Some(&list(&["a", "b"])),
            Some(&list(&["a", "b", "x"])),
            false,
        );
        assert_eq!(merged, list(&["b", "c", "x"]));
        let merged = merge_additive(&list(&["b"]), None, Some(&list(&["b", "x"])), true);
        assert_eq!(merged, list(&["b"]));
    }
}
