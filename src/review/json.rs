//! JSON that other tools wrote, read as a known shape: an error names the place, also in a line of many megabytes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::diag::{Diagnostic, Diagnostics, Loc, Source};

/// A file as JSON of a known shape; `None` where it is absent, or where an error says what is wrong.
pub(super) fn file<T: DeserializeOwned>(path: &Path, diagnostics: &mut Diagnostics) -> Option<T> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            diagnostics
                .push(Diagnostic::error(format!("cannot read `{}`: {error}", path.display())));
            return None;
        }
    };
    match parse(&path.display().to_string(), text) {
        Ok(value) => Some(value),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    }
}

/// JSON of a known shape.
///
/// # Errors
/// Where it is no JSON, or of another shape, with the place.
pub(super) fn parse<T: DeserializeOwned>(name: &str, text: String) -> Result<T, Diagnostic> {
    serde_json::from_str(&text).map_err(|error| {
        let line_start = |line: usize| {
            let ends = text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(text.len())
        };
        let start = (line_start(error.line()) + error.column().saturating_sub(1)).min(text.len());
        let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        // A dump may be one line of many megabytes: the excerpt is cut around the place.
        let (from, to) = (start.saturating_sub(60), (start + 60).min(text.len()));
        let from = (from..=start).find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        let to = (to..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let long = text.lines().any(|line| line.len() > 400);
        let diagnostic = Diagnostic::error(format!("`{name}` cannot be read: {why}"));
        if long {
            let excerpt = text.get(from..to).unwrap_or_default();
            return diagnostic.detail(format!(
                "line {}, column {}, near `{excerpt}`",
                error.line(),
                error.column()
            ));
        }
        let source = Source::new(name, text.as_str());
        diagnostic.at(Loc::new(&source, start..start))
    })
}

/// A string, number or boolean as a string; `None` for any other value.
pub(super) fn scalar(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value as Json;

    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
