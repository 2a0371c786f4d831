//! Reads a gate's evaluated block. Its shape and ranges were checked with the configuration
//! (`schema/rules.rs`); what is left to find here is what is not known before apply.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, Diagnostics};
use crate::schema::Body;
use crate::value::Value;

/// A gate's block, and what is wrong with it.
pub(super) struct GateBlock<'a> {
    /// `TYPE.NAME`, as evidence names the gate.
    pub(super) label: &'a str,
    pub(super) body: &'a Body,
    pub(super) diagnostics: Diagnostics,
}

impl<'a> GateBlock<'a> {
    pub(super) fn new(label: &'a str, body: &'a Body) -> Self {
        Self { label, body, diagnostics: Diagnostics::new() }
    }

    /// The known value of an attribute.
    fn known(&mut self, name: &str) -> Option<&'a Value> {
        let given = self.body.get(name)?;
        if given.value.has_unknown() {
            self.diagnostics.push(
                Diagnostic::error(format!("`{name}` of a gate must be known before apply"))
                    .at(given.loc.clone())
                    .help("use values that are configured, not ids that AWS assigns"),
            );
            return None;
        }
        Some(given.value.reveal()).filter(|v| !v.is_null())
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.known(name)?.as_str().map(str::to_owned)
    }

    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        match self.known(name)? {
            Value::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    pub(super) fn count(&mut self, name: &str) -> Option<usize> {
        self.known(name)?.as_i64().and_then(|n| usize::try_from(n).ok())
    }

    /// A length of time in seconds.
    pub(super) fn seconds(&mut self, name: &str) -> Option<i64> {
        self.known(name)?.as_i64()
    }

    /// The texts of a list or set; of references, the names of what they refer to.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let elements = self.known(name)?.elements()?;
        Some(elements.into_iter().filter_map(text_of).collect())
    }

    pub(super) fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let map = self.known(name).and_then(Value::as_map);
        map.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), text_of(v)?))).collect()
    }

    /// The texts of attributes that are sensitive as a whole or in part.
    pub(super) fn sensitive(&self, names: &[&str]) -> Vec<String> {
        let given = names.iter().filter_map(|name| self.body.get(name)).map(|a| &a.value);
        let mut found = Vec::new();
        for value in given.filter(|v| v.has_sensitive()) {
            let list = value.elements().unwrap_or_default();
            let map = value.as_map().into_iter().flatten().map(|(_, v)| v);
            found.extend(list.into_iter().chain(map).filter_map(text_of));
        }
        found
    }
}

/// A text, or the name of the block that is referred to.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value.reveal() {
        Value::String(text) => Some(text.clone()),
        Value::Block(block) => Some(block.address.name.clone()),
        _ => None,
    }
}
