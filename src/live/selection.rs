//! Which part of an estate a run is about: `--environment`, `--account`, `--target`.

use serde::{Deserialize, Serialize};

use crate::address::{ACCOUNT, ResourceAddr};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::ids::Handle;
use crate::schema::{AccessPart, access_of};

/// What a plan was limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Environment names.
    pub environments: Vec<String>,
    /// Account handles.
    pub accounts: Vec<Handle>,
    /// Addresses (whole blocks or instances) as typed.
    pub targets: Vec<String>,
}

/// Whether one of the typed patterns names the address.
#[must_use]
pub(crate) fn names(patterns: &[String], address: &ResourceAddr) -> bool {
    patterns.iter().any(|pattern| address.is_named_by(pattern))
}

/// Whether a selection names an object itself, which `serves` some environments; what it needs to
/// exist comes along with `plan::select`.
#[must_use]
pub(crate) fn picks(
    selection: &Selection,
    address: &ResourceAddr,
    serves: impl Fn(&str) -> bool,
) -> bool {
    *selection == Selection::default()
        || names(&selection.targets, address)
        || address.account().is_some_and(|a| selection.accounts.contains(a))
        || selection.environments.iter().any(|e| match address.environment() {
            Some(own) => own == e,
            None => address.account().is_some() && serves(e),
        })
}

/// Checks the names of environments and accounts against what is declared, before anything is evaluated or
/// read: a mistyped name costs no round to AWS.
///
/// # Errors
/// A name that nothing declares.
pub(crate) fn check_declared(
    selection: &Selection,
    configuration: &Configuration,
) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let environments: Vec<&str> =
        configuration.root().environments.keys().map(String::as_str).collect();
    for name in selection.environments.iter().filter(|n| !environments.contains(&n.as_str())) {
        diagnostics.push(unknown("environment", name, environments.clone()));
    }
    let declared = configuration.modules.iter().flat_map(|module| module.resources.keys());
    let accounts: Vec<&str> = declared
        .filter(|(kind, _)| access_of(kind).is_some_and(AccessPart::is_account))
        .map(|(_, label)| label.as_str())
        .collect();
    for handle in &selection.accounts {
        // Of accounts of one block the handle is the label and a key.
        let label = handle.as_str().split('.').next().unwrap_or_default();
        if !accounts.contains(&label) {
            diagnostics.push(unknown(ACCOUNT, handle.as_str(), accounts.clone()));
        }
    }
    diagnostics.into_result(())
}

/// That nothing bears a name, with the nearest that something bears.
pub(crate) fn unknown(what: &str, name: &str, known: Vec<&str>) -> Diagnostic {
    let help =
        did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => format!("the configuration declares no {what}"),
            known => format!("known: {}", known.join(", ")),
        });
    Diagnostic::error(format!("there is no {what} `{name}`")).help(help)
}
