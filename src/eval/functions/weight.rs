//! How large a value is, for the bounds on what one expression and one call may build.

use crate::value::Value;

/// Bytes of text in a value, plus a fixed cost for each value in it.
pub(crate) fn weight(value: &Value) -> usize {
    let mut total = 0_usize;
    value.visit(&mut |v| {
        let own = match v {
            Value::String(text) => text.len(),
            Value::Map(map) => map.keys().map(|key| key.len().saturating_add(48)).sum(),
            _ => 0,
        };
        total = total.saturating_add(own).saturating_add(std::mem::size_of::<Value>());
    });
    total
}
