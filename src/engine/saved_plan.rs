//! Saved plans: `plan --out FILE`, `apply FILE`, `show FILE`.
//!
//! A saved plan holds the plan and how it was asked for. A checksum over the whole file shows that
//! none of it was altered. It cannot show who made it, so `apply` computes the plan again from the
//! same question and compares; nothing is ever carried out from the file alone.

mod moved;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::EngineError;
use super::plan::{FailedLookups, PlanOutcome, PlanRequest};
use super::workspace::Variables;
use crate::config::{Configuration, VarArg};
use crate::diag::{Diagnostic, Diagnostics};
use crate::plan::model::{Plan, Selection};
use crate::plan::{ComputeOptions, Mode};
use crate::promotion::variable_prints;

pub use moved::require_same;

/// Version of the file.
const FORMAT: u32 = 4;
/// What stands in place of the checksum while it is computed.
const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// A plan file larger than this is refused unread (bytes).
const MAX_BYTES: u64 = 256 << 20;

/// A saved plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// SHA-256 over the file's bytes with zeros in this place.
    checksum: String,
    palisade_plan_file: u32,
    mode: String,
    refresh: bool,
    replace: Vec<String>,
    selection: Selection,
    /// Values of variables on the command line, in their order, without the sensitive ones.
    vars: Vec<VarArg>,
    /// Sensitive variables that were supplied: they must be supplied again.
    sensitive: BTreeMap<String, String>,
    salt: String,
    /// Whether sensitive values were compared with what was applied: `apply` does as the plan did.
    compares: bool,
    /// The plan.
    pub plan: Plan,
}

/// Saves a plan, readable by its owner only.
///
/// # Errors
/// The file cannot be written.
pub fn save(path: &Path, outcome: &PlanOutcome) -> Result<(), EngineError> {
    let PlanOutcome { request, inputs, plan } = outcome;
    let configuration = &inputs.configuration;
    let salt = uuid::Uuid::new_v4().to_string();
    let declared = &configuration.root().variables;
    let is_sensitive = |name: &str| declared.get(name).is_some_and(|v| v.sensitive);
    let saved = Saved {
        checksum: ZERO.to_owned(),
        palisade_plan_file: FORMAT,
        mode: match request.options.mode {
            Mode::Normal => "normal",
            Mode::Destroy => "destroy",
            Mode::RefreshOnly => "refresh_only",
        }
        .to_owned(),
        refresh: request.refresh,
        replace: request.options.replace.clone(),
        selection: request.options.selection.clone(),
        vars: request
            .variables
            .0
            .iter()
            .filter(|v| !matches!(v, VarArg::Value { name, .. } if is_sensitive(name)))
            .cloned()
            .collect(),
        sensitive: variable_prints::prints(configuration, &salt),
        salt,
        compares: request.options.secrets.prints.is_some(),
        plan: plan.clone(),
    };
    let fail =
        |e: std::io::Error| EngineError::failed(format!("cannot write `{}`: {e}", path.display()));
    let mut bytes = Vec::new();
    crate::state::json::write_sorted(&saved, &mut bytes).map_err(fail)?;
    let text = String::from_utf8_lossy(&bytes);
    let bytes = text.replacen(ZERO, &crate::state::scopes::digest(text.as_bytes()), 1);
    // A device or a directory is no place for a plan, and renaming over a device would replace it.
    if std::fs::symlink_metadata(path).is_ok_and(|m| !m.is_file()) {
        return Err(EngineError::failed(format!("`{}` is not a regular file", path.display())));
    }
    // Beside the target and renamed over it: a plan file is whole or not there.
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    // What an earlier process of this id left there, or somebody else put there, is not written into.
    let _ = std::fs::remove_file(&temporary);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(fail)
}

/// Reads a saved plan.
///
/// # Errors
/// The file cannot be read, or is no plan of this version.
pub fn load(path: &Path) -> Result<Saved, EngineError> {
    let name = path.display();
    let fail = |why: String| not_saved(&name.to_string(), &why);
    let unreadable = |e: std::io::Error| EngineError::failed(format!("cannot read `{name}`: {e}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(fail("it is not a file".to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(fail(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    open(&name.to_string(), &std::fs::read(path).map_err(unreadable)?)
}

/// A saved plan from the bytes of its file, which is called `name`.
///
/// # Errors
/// They are no plan of this version, or were altered after they were saved.
pub fn open(name: &str, bytes: &[u8]) -> Result<Saved, EngineError> {
    let fail = |why: String| not_saved(name, &why);
    let nothing = || fail("it says nothing of being one".to_owned());
    // No more than this is kept of what nobody has vouched for.
    let head: Head = serde_json::from_slice(bytes).map_err(|e| match e.is_data() {
        true => nothing(),
        false => fail(format!("it is not JSON (line {}, column {})", e.line(), e.column())),
    })?;
    match head.palisade_plan_file {
        Some(version) if version == u64::from(FORMAT) => {}
        Some(version) => {
            return Err(fail(format!("it has format {version}, and this version reads {FORMAT}")));
        }
        None => return Err(nothing()),
    }
    let told = &head.checksum;
    let zeroed = String::from_utf8_lossy(bytes).replacen(told, ZERO, 1);
    if told.is_empty() || crate::state::scopes::digest(zeroed.as_bytes()) != *told {
        return Err(fail("it was altered after it was saved".to_owned()));
    }
    serde_json::from_slice(bytes).map_err(|e| fail(e.to_string()))
}

/// What tells whether the rest is read.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    checksum: String,
    palisade_plan_file: Option<u64>,
}

fn not_saved(name: &str, why: &str) -> EngineError {
    Diagnostic::error(format!("`{name}` is not a saved plan: {why}"))
        .help("`palisade plan --out FILE` makes one")
        .into()
}

impl Saved {
    /// Whether the plan compares sensitive values with what was applied.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.compares
    }

    /// The question that the plan answered.
    ///
    /// # Errors
    /// The file's mode is unknown.
    pub fn request(
        &self,
        variables: &Variables,
        parallelism: usize,
    ) -> Result<PlanRequest, EngineError> {
        let mode = match self.mode.as_str() {
            "normal" => Mode::Normal,
            "destroy" => Mode::Destroy,
            "refresh_only" => Mode::RefreshOnly,
            other => {
                return Err(EngineError::failed(format!(
                    "the saved plan has an unknown mode `{other}`"
                )));
            }
        };
        let all = Variables(self.vars.iter().chain(&variables.0).cloned().collect());
        Ok(PlanRequest {
            options: ComputeOptions {
                mode,
                selection: self.selection.clone(),
                replace: self.replace.clone(),
                ..ComputeOptions::default()
            },
            variables: all,
            refresh: self.refresh,
            resource_policies: true,
            for_apply: true,
            parallelism,
            about: Selection::default(),
            imports: Vec::new(),
            listed_types: Vec::new(),
            secret_versions: !self.plan.secret_sources.is_empty(),
            failed_lookups: FailedLookups::of(mode, &self.selection),
            release: None,
        })
    }

    /// Whether it deletes what it selects.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.mode == "destroy"
    }

    /// Sensitive variables must have the values that the plan was made with.
    ///
    /// # Errors
    /// One is missing or has another value.
    pub fn check_sensitive(&self, configuration: &Configuration) -> Result<(), EngineError> {
        let now = variable_prints::prints(configuration, &self.salt);
        let mut diagnostics = Diagnostics::new();
        for name in self.sensitive.keys().chain(now.keys()) {
            match (self.sensitive.get(name), now.get(name)) {
                (Some(then), Some(now)) if then == now => {}
                (Some(_), None) => diagnostics.push(
                    Diagnostic::error(format!("the sensitive variable `{name}` is not given"))
                        .help("a saved plan does not hold it: supply it again, as for the plan"),
                ),
                _ => diagnostics.push(Diagnostic::error(format!(
                    "the sensitive variable `{name}` has another value than for the plan"
                ))),
            }
        }
        if diagnostics.is_empty() { Ok(()) } else { Err(EngineError::Stale(diagnostics)) }
    }
}
