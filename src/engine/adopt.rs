//! Objects of an account that no state manages and that a configuration could take over. Changes nothing.

use std::collections::BTreeSet;

use crate::address::CONFIG_KIND;
use crate::diag::{Diagnostic, did_you_mean};
use crate::ids::Handle;
use crate::live::Reading;
use crate::plan::model::{DriftStatus, Unread};
use crate::schema::{Home, ManagedKind, kinds};
use crate::value::Attrs;

use super::error::EngineError;
use super::plan::{self, PlanRequest};
use super::refresh;
use super::workspace::{Variables, Workspace};

/// What is asked.
#[derive(Clone, Debug)]
pub struct AdoptRequest {
    /// The account's handle.
    pub account: String,
    /// Only these kinds; all where the list is empty.
    pub kinds: Vec<String>,
    /// Values for variables.
    pub variables: Variables,
}

/// An object that could be adopted.
#[derive(Clone)]
pub struct AdoptableObject {
    /// Its kind.
    pub kind: &'static dyn ManagedKind,
    /// Its natural key.
    pub key: String,
    /// Its attributes as they are in AWS.
    pub attrs: Attrs,
}

/// What could be adopted, and what new blocks may not be called.
pub struct Adoptable {
    /// The objects, in the order of their addresses.
    pub objects: Vec<AdoptableObject>,
    /// Kinds and labels of the blocks that the configuration has already.
    pub declared: BTreeSet<(String, String)>,
    /// What of the account could not be read, and may hold more.
    pub unread: Vec<Unread>,
}

/// The adoptable objects of one account.
///
/// # Errors
/// A kind cannot be adopted, there is no such account, or it cannot be read.
pub async fn run(workspace: &Workspace, request: &AdoptRequest) -> Result<Adoptable, EngineError> {
    let adoptable = adoptable();
    for name in &request.kinds {
        if !adoptable.iter().any(|k| k.schema().kind == name) {
            let names: Vec<&str> = adoptable.iter().map(|k| k.schema().kind).collect();
            let help = did_you_mean(name, names.iter().copied())
                .unwrap_or_else(|| format!("there are {}", names.join(", ")));
            let text = format!("objects of the kind `{name}` cannot be adopted");
            return Err(Diagnostic::error(text).help(help).into());
        }
    }
    let account = &request.account;
    let handle: Handle =
        account.parse().map_err(|error| EngineError::failed(format!("{error}")))?;
    let mut everything = PlanRequest::everything(&request.variables);
    everything.about.accounts.push(handle.clone());
    let inputs = refresh::load_and_refresh_recovered(workspace, &everything).await?;
    let plan = plan::make(workspace, &inputs, &everything)?;
    let Some(reading) = inputs.live.accounts.get(&handle) else {
        let names: Vec<&str> = inputs.estate.accounts.keys().map(Handle::as_str).collect();
        let help = did_you_mean(account, names.iter().copied())
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        let text = format!("there is no account `{account}`");
        return Err(Diagnostic::error(text).help(help).into());
    };
    let Reading::Read(index) = reading else {
        let text = format!("the account `{account}` does not exist yet or was not read");
        return Err(EngineError::failed(text));
    };
    workspace.host.diagnostics(&inputs.warnings);
    let objects = plan.drift.iter().filter_map(|drift| {
        if drift.status != DriftStatus::Unmanaged || drift.account != *account {
            return None;
        }
        if !request.kinds.is_empty() && !request.kinds.contains(&drift.kind) {
            return None;
        }
        let kind = *adoptable.iter().find(|k| k.schema().kind == drift.kind)?;
        let key = drift.address.strip_prefix(&format!("{}/", drift.kind))?;
        let key = key.strip_suffix(&format!("@{account}"))?;
        let object = index.inventory().objects.get(&(kind.schema().kind, key.to_owned()))?;
        Some(AdoptableObject { kind, key: object.key.clone(), attrs: object.attrs.clone() })
    });
    let own = inputs.estate.instances.keys().filter(|address| address.module.is_root());
    let declared = own.map(|address| (address.kind.clone(), address.name.clone())).collect();
    let asked = |kind: &String| match request.kinds.as_slice() {
        [] => adoptable.iter().any(|k| k.schema().kind == kind),
        kinds => kinds.contains(kind),
    };
    let parts = plan.unread.iter().filter(|part| part.account == *account);
    let parts = parts.map(|part| {
        let kinds = part.kinds.iter().filter(|kind| asked(kind)).cloned().collect();
        Unread { kinds, ..part.clone() }
    });
    let unread = parts.filter(|part| !part.kinds.is_empty()).collect();
    Ok(Adoptable { objects: objects.collect(), declared, unread })
}

/// The kinds whose objects can be declared for an account by hand.
fn adoptable() -> Vec<&'static dyn ManagedKind> {
    let all = kinds::kinds().iter().copied();
    all.filter(|k| k.schema().home == Home::Account && k.schema().kind != CONFIG_KIND).collect()
}
