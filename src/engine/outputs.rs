//! Root outputs, kept beside the state so that reading them does not need it.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::plan::model::PlannedOutput;
use crate::state::json::encode;
use crate::state::{Ledger, StateError, StateFailure, WriteCondition, layout};

use super::error::EngineError;

/// What `outputs.json` holds.
#[derive(serde::Serialize, serde::Deserialize)]
struct RecordedOutputs {
    format: u32,
    write_id: String,
    outputs: BTreeMap<String, PlannedOutput>,
}

/// Outputs of the last apply.
///
/// # Errors
/// The backend cannot be read, or they are damaged.
pub(super) async fn read(ledger: &Ledger) -> Result<BTreeMap<String, PlannedOutput>, EngineError> {
    Ok(kept(ledger).await?)
}

async fn kept(ledger: &Ledger) -> Result<BTreeMap<String, PlannedOutput>, StateError> {
    let found = ledger.read_json::<RecordedOutputs>(&layout::outputs(layout::ORG)).await;
    let found = found.map_err(|error| match error.failure {
        StateFailure::Invalid => {
            let help = "nothing is lost by it: the next `palisade apply` writes it anew";
            StateError::new(error.failure, error.diagnostic.help(help))
        }
        _ => error,
    })?;
    Ok(found.map(|f| f.value.outputs).unwrap_or_default())
}

/// As [`read`], where outputs matter little: what is damaged is a warning.
///
/// # Errors
/// The backend cannot be read.
pub(super) async fn read_or_warn(
    ledger: &Ledger,
    warnings: &mut Diagnostics,
) -> Result<BTreeMap<String, PlannedOutput>, EngineError> {
    match kept(ledger).await {
        Err(error) if error.failure == StateFailure::Invalid => {
            warnings.push(Diagnostic { severity: Severity::Warning, ..*error.diagnostic });
            Ok(BTreeMap::new())
        }
        result => Ok(result?),
    }
}

/// Records outputs, if they are not recorded so already. Whoever writes last wins: they follow from
/// the state, which has been written under its lock before.
///
/// # Errors
/// The backend cannot be written.
pub(super) async fn write(
    ledger: &Ledger,
    outputs: &BTreeMap<String, PlannedOutput>,
) -> Result<(), EngineError> {
    let key = layout::outputs(layout::ORG);
    for _ in 0..5 {
        let condition = match ledger.store().get(&key).await.map_err(StateError::from)? {
            None if outputs.is_empty() => return Ok(()),
            None => WriteCondition::Absent,
            Some(found) => {
                let recorded = serde_json::from_slice::<RecordedOutputs>(&found.bytes);
                if recorded.is_ok_and(|recorded| recorded.outputs == *outputs) {
                    return Ok(());
                }
                WriteCondition::Etag(found.etag)
            }
        };
        let next = RecordedOutputs {
            format: 1,
            write_id: uuid::Uuid::new_v4().to_string(),
            outputs: outputs.clone(),
        };
        if let crate::state::store::Cas::Won(_) =
            ledger.swap(&key, &encode(&next)?, &condition).await?
        {
            return Ok(());
        }
    }
    Err(StateError::conflict("the outputs").into())
}
