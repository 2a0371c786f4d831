//! Root outputs, kept beside the state so that reading them does not need it.

use std::collections::BTreeMap;

use crate::cli::error::Exit;
use crate::plan::model::Output;
use crate::state::json::encode;
use crate::state::{Condition, Ledger, StateError, layout};

/// What `outputs.json` holds.
#[derive(serde::Serialize, serde::Deserialize)]
struct Recorded {
    format: u32,
    write_id: String,
    outputs: BTreeMap<String, Output>,
}

/// Outputs of the last apply.
///
/// # Errors
/// The backend cannot be read.
pub async fn read(ledger: &Ledger) -> Result<BTreeMap<String, Output>, StateError> {
    let found = ledger.read_json::<Recorded>(&layout::outputs(layout::ORG)).await?;
    Ok(found.map(|f| f.value.outputs).unwrap_or_default())
}

/// Records outputs, if they are not recorded so already. Whoever writes last wins: they follow from
/// the state, which has been written under its lock before.
///
/// # Errors
/// The backend cannot be written.
pub async fn write(ledger: &Ledger, outputs: &BTreeMap<String, Output>) -> Result<(), Exit> {
    let key = layout::outputs(layout::ORG);
    for _ in 0..5 {
        let found = ledger.read_json::<Recorded>(&key).await?;
        let condition = match &found {
            Some(found) if found.value.outputs == *outputs => return Ok(()),
            None if outputs.is_empty() => return Ok(()),
            Some(found) => Condition::Etag(found.etag.clone()),
            None => Condition::Absent,
        };
        let next = Recorded {
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
