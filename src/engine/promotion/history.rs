//! What moved where, when, by whom; and the figures of the same time.

use jiff::Timestamp;
use serde::Serialize;

use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::promotion::Move;
use crate::promotion::figures::{Figures, figures};
use crate::promotion::store;
use crate::state::StateError;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// Only moves into these environments; into all where the list is empty.
    pub environments: Vec<String>,
    /// Only what ended since.
    pub since: Option<Timestamp>,
}

/// Moves and figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// From when on.
    pub since: Option<Timestamp>,
    /// Finished moves, the newest first.
    pub moves: Vec<Move>,
    /// Figures of the same time.
    pub figures: Figures,
}

/// Reads the history.
///
/// # Errors
/// The backend cannot be read, or nothing has ever moved into an environment that is asked for.
pub async fn run(workspace: &Workspace, request: &HistoryRequest) -> Result<History, EngineError> {
    let HistoryRequest { environments, since } = request;
    let ledger = open::configured(workspace).await?.ledger;
    let reading = async {
        let known = store::list_environments(&ledger).await?;
        let mut moves = Vec::new();
        for environment in &known {
            if environments.is_empty() || environments.contains(environment) {
                moves.extend(store::moves(&ledger, environment).await?);
            }
        }
        Ok::<_, StateError>((known, moves, ledger.audit_records().await?))
    };
    let (known, mut moves, records) = workspace.interruptible(reading).await??;
    if let Some(strange) = environments.iter().find(|e| !known.contains(e)) {
        let help = did_you_mean(strange, known.iter().map(String::as_str)).unwrap_or_else(|| {
            "no release has ever moved into it; `palisade releases` shows where they stand".into()
        });
        let text = format!("there is no history of `{strange}`");
        return Err(Diagnostic::error(text).help(help).into());
    }
    moves.retain(|m| since.is_none_or(|since| m.finished_at.is_some_and(|at| at >= since)));
    moves.sort_by(|a, b| {
        b.finished_at
            .cmp(&a.finished_at)
            .then_with(|| (&b.environment, b.number).cmp(&(&a.environment, a.number)))
    });
    let figures = figures(&moves, &records, *since, environments);
    Ok(History { since: *since, moves, figures })
}
