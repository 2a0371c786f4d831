//! Terraform states of a review: read from files and buckets, and added to what stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::ReviewRequest;
use crate::config::Backend;
use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::error::EngineError;
use crate::engine::workspace::Workspace;
use crate::engine::{backend, connect};
use crate::ids::Handle;
use crate::isolation::WallVerdict;
use crate::isolation::section::{AccessPath, Isolation, PathChange};
use crate::review::AccountsSnapshot;
use crate::review::terraform::{self, PlanFile, WrittenPolicies};
use crate::state::S3Store;
use crate::state::store::StateStore as _;

/// A state as it was read.
#[derive(Clone, Default)]
pub struct StateText {
    /// The file, or where it lies in S3.
    pub name: String,
    /// What it holds, secrets in the clear among it.
    pub text: String,
}

/// Its content may hold secrets.
impl std::fmt::Debug for StateText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateText").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads states: files, and objects of S3 (`s3://BUCKET/KEY`) with the caller's credentials.
///
/// # Errors
/// One cannot be read.
pub async fn terraform_states(
    workspace: &Workspace,
    names: &[String],
) -> Result<Vec<StateText>, EngineError> {
    let mut client = None;
    let mut states = Vec::new();
    for name in names {
        let text = match name.strip_prefix("s3://") {
            None => fs::read_to_string(name)
                .map_err(|error| Diagnostic::error(format!("cannot read `{name}`: {error}")))?,
            Some(object) => {
                let place = object.split_once('/').filter(|(b, k)| !b.is_empty() && !k.is_empty());
                let Some((bucket, key)) = place else {
                    return Err(Diagnostic::error(format!("`{name}` names no object"))
                        .help("write `s3://BUCKET/KEY`, as in `s3://acme-state/network/terraform.tfstate`")
                        .into());
                };
                if client.is_none() {
                    let connection = connect::connect(workspace, None).await?;
                    let local = Backend::Local { path: PathBuf::new() };
                    client = Some(backend::s3_client(&local, &connection).await);
                }
                let Some(client) = &client else { continue };
                let store = S3Store::new(client.clone(), bucket, "");
                let read = workspace.interruptible(store.get(key)).await?;
                object_text(name, read.map(|object| object.map(|object| object.bytes)))?
            }
        };
        states.push(StateText { name: name.clone(), text });
    }
    Ok(states)
}

/// The text of an object of S3.
fn object_text<E: std::fmt::Display>(
    name: &str,
    read: Result<Option<Vec<u8>>, E>,
) -> Result<String, Diagnostic> {
    const ADVICE: &str =
        "the caller needs `s3:GetObject` on it, and `AWS_REGION` must be the Region of the bucket";
    match read {
        Ok(Some(bytes)) => String::from_utf8(bytes)
            .map_err(|_| Diagnostic::error(format!("`{name}` is no text in UTF-8"))),
        Ok(None) => Err(Diagnostic::error(format!("there is no object `{name}`"))
            .help("name the key of the state in its `backend` block, with the workspace's prefix (`env:/NAME/`)")),
        Err(error) => Err(Diagnostic::error(format!("cannot read `{name}`"))
            .detail(error.to_string())
            .help(ADVICE)),
    }
}

/// Adds what the states describe to what stands.
///
/// # Errors
/// What is no state; an object whose account is not known.
pub(super) fn add(
    request: &ReviewRequest,
    before: &mut AccountsSnapshot,
) -> Result<(), Diagnostics> {
    if request.terraform_states.is_empty() {
        return Ok(());
    }
    let mut diagnostics = Diagnostics::new();
    let mut files = Vec::new();
    for StateText { name, text } in &request.terraform_states {
        match terraform::read_state(name, text.clone()) {
            Ok(plan) => files.push(PlanFile {
                name: name.clone(),
                plan,
                providers: request.providers.clone(),
                written: WrittenPolicies::default(),
            }),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    terraform::add_states(&files, before, request.named(), &mut diagnostics);
    diagnostics.into_result(())
}

/// Accounts of which states alone say something, and the environments that they serve.
pub(super) struct OfStates {
    /// Their handles by their ids.
    accounts: BTreeMap<String, Handle>,
    environments: BTreeSet<String>,
}

/// The accounts of which states alone say something.
pub(super) fn described(after: &AccountsSnapshot) -> OfStates {
    let all = || after.accounts.values().filter(|account| account.is_of_states());
    OfStates {
        accounts: all().map(|account| (account.id.clone(), account.handle.clone())).collect(),
        environments: all().flat_map(|account| account.environments.iter().cloned()).collect(),
    }
}

impl OfStates {
    /// What denies access there may be attached outside of the states: an open path is open under that condition.
    pub(super) fn qualify(&self, isolation: &mut Isolation) {
        let Isolation { changes, violations, matrix, .. } = isolation;
        for path in changes.iter_mut().chain(violations) {
            let ends = [&path.from, &path.to].into_iter().filter_map(|end| end.account.clone());
            let of_states = |end: &Handle| self.accounts.values().any(|handle| handle == end);
            let mut on_the_way: BTreeSet<Handle> = ends.filter(of_states).collect();
            let hops = path.via.iter().flat_map(|hop| [&hop.principal, &hop.resource]);
            let passed = hops.filter_map(|arn| self.accounts.get(arn.split(':').nth(4)?));
            on_the_way.extend(passed.cloned());
            for handle in on_the_way {
                self.condition(path, &handle);
            }
        }
        for row in matrix {
            if !self.environments.contains(&row.from) && !self.environments.contains(&row.to) {
                continue;
            }
            for verdict in [&mut row.before, &mut row.after] {
                if *verdict == WallVerdict::Reachable {
                    *verdict = WallVerdict::Conditional;
                }
            }
        }
    }

    fn condition(&self, path: &mut AccessPath, handle: &Handle) {
        let is_open = matches!(path.verdict, WallVerdict::Reachable | WallVerdict::Conditional);
        if !is_open || path.change == PathChange::Removed {
            return;
        }
        path.verdict = WallVerdict::Conditional;
        path.conditions.push(format!(
            "not known: what else is attached in `{handle}`, which only Terraform states describe"
        ));
    }
}
