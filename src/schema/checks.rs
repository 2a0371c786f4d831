//! What checks of evaluated blocks share: known values with their places, choices, errors with advice.

use super::body::Body;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::value::Value;

/// The known value of an attribute and its place.
pub(super) fn known<'a>(body: &'a Body, name: &str) -> Option<(&'a Value, Loc)> {
    let attr = body.get(name)?;
    let value = attr.value.reveal();
    (!value.is_null() && !value.is_unknown()).then(|| (value, attr.loc.clone()))
}

/// The known texts of a list.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    value.elements().unwrap_or_default().into_iter().filter_map(Value::as_str).collect()
}

/// The errors that checks of blocks have added up to.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) diagnostics: Diagnostics,
}

impl Checks {
    pub(super) fn error(&mut self, at: Loc, summary: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(summary).at(at).help(help));
    }

    pub(super) fn choice(&mut self, body: &Body, name: &str, choices: &[&str]) {
        let Some((value, loc)) = known(body, name) else { return };
        let given = match value.as_str() {
            Some(text) => vec![text],
            None => texts(value),
        };
        for text in given {
            if !choices.contains(&text) {
                let help = did_you_mean(text, choices.iter().copied())
                    .unwrap_or_else(|| format!("write one of `{}`", choices.join("`, `")));
                self.error(
                    loc.of_element(text),
                    format!("`{text}` is no choice for `{name}`"),
                    help,
                );
            }
        }
    }
}
