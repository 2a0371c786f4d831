//! Whether secrets are still what was applied: told by fingerprints, since state holds nothing else.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;

use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::difference::{SecretComparison, SecretText, StoredValues};
use crate::live::selection;
use crate::plan::Mode;
use crate::plan::model::{Action, Plan, Selection};
use crate::value::Value;

use super::error::EngineError;
use super::plan_request::PlanRequest;
use super::refresh::PlanInputs;
use super::secrets;
use super::workspace::Workspace;

/// How many sources are asked at once.
const SIDE_BY_SIDE: usize = 8;

/// What a plan compares hidden values by: sensitive values that are given to this run, where the key
/// of fingerprints may be read. No source of secrets is asked.
pub(super) async fn by_value(
    workspace: &Workspace,
    inputs: &PlanInputs,
) -> Result<SecretComparison, EngineError> {
    let mut values = inputs.estate.instances.values().flat_map(|i| i.desired.values());
    let given = |v: &Value| v.has_sensitive() && !matches!(v.reveal(), Value::Secret(_));
    if !values.any(given) {
        return Ok(SecretComparison::default());
    }
    let reading = workspace.interruptible(inputs.store.ledger.existing_fingerprinter()).await?;
    // A role that plans need not be able to read the key: then apply finds out.
    Ok(SecretComparison { prints: reading.ok().flatten(), ..SecretComparison::default() })
}

/// What `apply` compares hidden values by: the sources of all secrets that it applied before are
/// asked. One that does not answer keeps what stands there, and is told of.
///
/// # Errors
/// The key of fingerprints cannot be read.
pub(super) async fn by_source(
    workspace: &Workspace,
    inputs: &mut PlanInputs,
    request: &PlanRequest,
) -> Result<SecretComparison, EngineError> {
    if request.options.mode != Mode::Normal {
        return Ok(SecretComparison::default());
    }
    let reading = workspace.interruptible(inputs.store.ledger.existing_fingerprinter());
    let Some(prints) = reading.await?? else {
        return Ok(SecretComparison::default());
    };
    let sources = secrets::sources(workspace, &inputs.store.connection, &inputs.estate.provider);
    let asking = applied(inputs, &request.options.selection).into_iter().map(|reference| async {
        let answer = sources.resolve(&reference).await;
        (reference, answer)
    });
    let asking = futures::stream::iter(asking).buffered(SIDE_BY_SIDE).collect::<Vec<_>>();
    let mut found = BTreeMap::new();
    for (reference, answer) in workspace.interruptible(asking).await? {
        match answer {
            Ok(secret) => {
                found.insert(reference, SecretText(secret.text));
            }
            Err(why) => inputs.warnings.push(
                Diagnostic::warning(format!(
                    "`secret(\"{reference}\")` cannot be compared with what was applied from it"
                ))
                .detail(why.to_string())
                .help("what was applied stays as it is"),
            ),
        }
    }
    Ok(SecretComparison { prints: Some(prints), sources: found, ..SecretComparison::default() })
}

/// Every secret that is applied already and still wanted: address, attribute, value.
fn hidden(inputs: &PlanInputs) -> impl Iterator<Item = (&ResourceAddr, &str, &Value)> {
    inputs.estate.instances.iter().flat_map(|(address, instance)| {
        instance.desired.iter().map(move |(name, value)| (address, name.as_str(), value))
    })
}

/// References of the secrets that were applied from where they are wanted from now.
fn applied(inputs: &PlanInputs, selection: &Selection) -> BTreeSet<String> {
    let resources = inputs.snapshot.resources();
    let references = hidden(inputs).filter_map(|(address, name, value)| {
        let Value::Secret(reference) = value.reveal() else { return None };
        let recorded = resources.get(address)?;
        let selected = selection::picks(selection, address, |e| recorded.environments.contains(e));
        let from = recorded.attrs.get(name)?.as_map()?.get("reference")?.as_str()?;
        (selected && from == reference).then(|| reference.clone())
    });
    references.collect()
}

/// Secrets with another value than was applied, which a saved plan says nothing of: it was made
/// without asking their sources.
#[must_use]
pub(super) fn left_out(
    inputs: &PlanInputs,
    plan: &Plan,
    secrets: &SecretComparison,
) -> Vec<Diagnostic> {
    let resources = inputs.snapshot.resources();
    let idle: BTreeSet<&ResourceAddr> = plan
        .resource_changes
        .iter()
        .filter(|change| change.action == Action::NoOp)
        .map(|change| &change.address)
        .collect();
    hidden(inputs)
        .filter(|(address, name, value)| {
            let attrs = resources.get(*address).map(|recorded| recorded.attrs.attrs());
            idle.contains(*address)
                && StoredValues { attrs, secrets: Some(secrets) }.is_renewed(name, value)
        })
        .map(|(address, _, _)| {
            Diagnostic::warning(format!(
                "the secret of `{address}` has changed since the last apply"
            ))
            .detail("The saved plan was made without asking for it, and leaves it as it is.")
            .help("`palisade apply` without a saved plan brings it in")
        })
        .collect()
}
