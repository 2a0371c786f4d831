//! Objects of the store as JSON: read, written, and refused where a newer palisade wrote them.

use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure};
use super::ledger::{Ledger, Versioned};
use super::scopes::FORMAT;
use super::store::Object;

impl Ledger {
    /// Reads a JSON object; `None` when there is none.
    ///
    /// # Errors
    /// The store cannot be read, or the object is malformed.
    pub async fn read_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<Versioned<T>>, StateError> {
        match self.store().get(key).await? {
            None => Ok(None),
            Some(object) => {
                Ok(Some(Versioned { value: self.decode(key, &object)?, etag: object.etag }))
            }
        }
    }

    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        key: &str,
        object: &Object,
    ) -> Result<T, StateError> {
        serde_json::from_slice(&object.bytes).map_err(|error| {
            StateError::new(
                StateFailure::Invalid,
                Diagnostic::error(format!(
                    "`{key}` in state backend `{}` is damaged: {error}",
                    self.store().location()
                ))
                .help(
                    "an earlier version of the object can be restored from the bucket's versions",
                ),
            )
        })
    }
}

/// Refuses an object that a newer palisade wrote: what it means by it is not known, whatever can be
/// read of it.
pub(super) fn refuse_newer(what: &str, object: &Object) -> Result<(), StateError> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<u64>,
    }
    match serde_json::from_slice(&object.bytes) {
        Ok(Head { format: Some(format) }) if format > u64::from(FORMAT) => Err(StateError::new(
            StateFailure::Invalid,
            Diagnostic::error(format!(
                "{what} has format {format}, and this version of palisade reads formats up to {FORMAT}"
            ))
            .help("use the newer palisade that wrote it"),
        )),
        _ => Ok(()),
    }
}

/// A JSON object as it is stored.
///
/// # Errors
/// A map key is no text.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        StateError::new(
            StateFailure::Invalid,
            Diagnostic::error(format!("an object cannot be written: {error}")),
        )
    })
}

/// Writes any serialisable value with its keys sorted, so that equal values give equal bytes.
///
/// # Errors
/// Those of the writer, and of values that JSON cannot hold (maps with keys that are no strings).
pub fn write_sorted(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let value = serde_json::to_value(value).map_err(io::Error::other)?;
    serde_json::to_writer_pretty(&mut *out, &sorted(value)).map_err(io::Error::other)?;
    writeln!(out)
}

/// The same value with every object's keys in order, whatever map serde_json was built with.
#[must_use]
pub fn sorted(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> =
                map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        Json::Array(list) => Json::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}
