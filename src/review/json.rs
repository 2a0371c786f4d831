//! JSON that other tools wrote, read as a known shape: an error names the place, also in a line of many megabytes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

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
    serde_json::from_str(&text).map_err(|error| not_read(name, &error))
}

/// Why a file is not what it should be. Neither the text around the place nor a value of it is shown: a plan holds variables
/// and providers' keys in the clear.
fn not_read(name: &str, error: &serde_json::Error) -> Diagnostic {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    // "invalid type: string \"...\", expected a map"; "unknown variant `...`, expected ..."
    let why = match (error.classify(), said.split_once(':'), said.rsplit_once(", expected ")) {
        (Category::Data, Some((what, _)), Some((_, expected))) => {
            format!("{what}, expected {expected}")
        }
        (Category::Data, None, Some((_, expected))) => format!("expected {expected}"),
        // Names of fields are those that are looked for.
        (Category::Data, ..) if !said.contains(" field `") => "it has another shape".to_owned(),
        _ => said.to_owned(),
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    // The place is told by a source of empty lines.
    let lines = "\n".repeat(error.line().saturating_sub(1));
    let source = Source::new(name, lines.as_str());
    Diagnostic::error(format!("`{name}` cannot be read: {why}"))
        .detail(format!("at {place}"))
        .at(Loc::new(&source, lines.len()..lines.len()))
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
