//! When the state cannot be written: saving it beside the configuration, and pushing it back.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure};
use super::json::encode;
use super::ledger::{Ledger, Versioned};
use super::scopes::{FORMAT, ScopeState, Stamp};
use super::store::{MAX_BYTES, too_large};

/// How many files are left for one scope before no more are made.
const FILES: u32 = 1000;

/// `errored.SCOPE.state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errored {
    /// Format of the layout.
    pub format: u32,
    /// Where it belongs.
    pub backend: String,
    /// Serial of the state that it was to replace; 0 for none.
    pub basis_serial: u64,
    /// Tag of that state.
    pub basis_etag: Option<String>,
    /// The state that could not be written.
    pub state: ScopeState,
}

/// Saves a state that could not be written, readable by its owner only; returns the file's path. What
/// an earlier run saved stays as it is: it may hold what no journal does.
///
/// # Errors
/// The file cannot be written either; the error holds what to do.
pub fn save(
    dir: &Path,
    backend: &str,
    basis: Option<&Versioned<ScopeState>>,
    state: &ScopeState,
) -> Result<PathBuf, StateError> {
    let errored = Errored {
        format: FORMAT,
        backend: backend.to_owned(),
        basis_serial: basis.map_or(0, |b| b.value.serial),
        basis_etag: basis.map(|b| b.etag.clone()),
        state: state.clone(),
    };
    let mut path = dir.join(format!("errored.{}.state.json", state.scope));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut write = || -> std::io::Result<()> {
        let bytes = encode(&errored).map_err(std::io::Error::other)?;
        let mut file = options.open(&path);
        for number in 2..FILES {
            if !file.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::AlreadyExists) {
                break;
            }
            path = dir.join(format!("errored.{}.{number}.state.json", state.scope));
            file = options.open(&path);
        }
        let mut file = file?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(path),
        Err(error) => Err(StateError::new(
            StateFailure::Unavailable,
            Diagnostic::error(format!(
                "the state of scope `{}` could be written neither to `{backend}` nor to `{}`: {error}",
                state.scope,
                path.display()
            ))
            .help("what was applied is in the journal as far as the backend took it: the next apply looks up the rest"),
        )),
    }
}

/// Reads a saved state.
///
/// # Errors
/// The file cannot be read or is no saved state.
pub fn load(path: &Path) -> Result<Errored, StateError> {
    let refuse = |why: String| {
        StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!("`{}` is not a saved state: {why}", path.display()))
                .help("an apply that could not write its state leaves one, called `errored.SCOPE.state.json`"),
        )
    };
    let metadata = std::fs::metadata(path).map_err(|e| refuse(e.to_string()))?;
    if !metadata.is_file() {
        return Err(refuse("it is not a file".to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(refuse(too_large()));
    }
    let bytes = std::fs::read(path).map_err(|e| refuse(e.to_string()))?;
    open(&bytes).map_err(refuse)
}

/// A saved state from the bytes of its file.
///
/// # Errors
/// They are none, as a sentence.
pub fn open(bytes: &[u8]) -> Result<Errored, String> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<u64>,
    }
    if let Ok(Head { format: Some(format) }) = serde_json::from_slice(bytes)
        && format > u64::from(FORMAT)
    {
        return Err(format!("a newer palisade wrote it (format {format})"));
    }
    serde_json::from_slice(bytes).map_err(|e| e.to_string())
}

impl Ledger {
    /// Writes a saved state back, if the backend's state is still the one that it was to replace.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] when the backend's state has moved on.
    pub async fn push(
        &self,
        errored: &Errored,
        epoch: u64,
        stamp: Stamp,
    ) -> Result<Versioned<ScopeState>, StateError> {
        Self::require_scope(&errored.state.scope)?;
        let lineage = self.begin(&stamp.by).await?;
        if lineage != errored.state.lineage {
            return Err(StateError::new(
                StateFailure::Refused,
                Diagnostic::error(format!(
                    "the saved state belongs to lineage `{}`, and `{}` holds `{lineage}`",
                    errored.state.lineage,
                    self.store().location()
                ))
                .help("push it from the directory of the estate whose apply left it"),
            ));
        }
        let current = self.read_scope(&errored.state.scope).await?;
        let same = match (&current, &errored.basis_etag) {
            (None, None) => true,
            (Some(current), Some(_)) => current.value.serial == errored.basis_serial,
            _ => false,
        };
        // A fence of a later holder raises the serial and leaves the objects alone.
        if !same {
            return Err(StateError::conflict(&format!("state of scope `{}`", errored.state.scope)));
        }
        let mut next = errored.state.clone();
        next.epoch = epoch.max(next.epoch);
        self.write_scope(current.as_ref(), &next, stamp).await
    }
}
