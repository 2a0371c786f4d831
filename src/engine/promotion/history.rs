//! What moved where, when, by whom; and the figures of the same time.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::load as configuration;
use crate::engine::open;
use crate::engine::workspace::{Variables, Workspace};
use crate::promotion::ReleaseMove;
use crate::promotion::figures::{Figures, figures};
use crate::promotion::store;
use crate::schema::{civil, duration};
use crate::state::StateError;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// Only moves into these environments; into all where the list is empty.
    pub environments: Vec<String>,
    /// Only what ended since.
    pub since: Option<Since>,
}

/// When a time begins that lasts until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(SignedDuration),
    /// At this moment.
    At(Timestamp),
}

impl Since {
    /// The moment; none where it lies before the calendar.
    fn moment(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).ok(),
            Self::At(at) => Some(at),
        }
    }
}

/// A length of time such as `30d`, a day, or a moment in UTC.
impl FromStr for Since {
    type Err = Diagnostic;

    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let ago = duration::seconds(text).map(SignedDuration::from_secs).map(Self::Ago);
        let start = || civil::moment(text).and_then(|at| at.to_zoned(TimeZone::UTC).ok());
        ago.or_else(|| text.parse().ok().map(Self::At))
            .or_else(|| start().map(|at| Self::At(at.timestamp())))
            .ok_or_else(|| no_time(text))
    }
}

fn no_time(text: &str) -> Diagnostic {
    Diagnostic::error(format!("`{text}` is no time"))
        .help("write a length of time such as `30d`, a day such as `2026-11-01`, or a moment such as `2026-11-01T09:00:00Z`")
}

/// Moves and figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// From when on.
    pub since: Option<Timestamp>,
    /// Finished moves, the newest first.
    pub moves: Vec<ReleaseMove>,
    /// Figures of the same time.
    pub figures: Figures,
}

/// Reads the history.
///
/// # Errors
/// The backend cannot be read, or nothing has ever moved into an environment that is asked for.
pub async fn run(workspace: &Workspace, request: &HistoryRequest) -> Result<History, EngineError> {
    let environments = &request.environments;
    let now = workspace.now();
    let since = match request.since.map(|since| since.moment(now).ok_or(since)) {
        None => None,
        Some(Ok(since)) => Some(since),
        Some(Err(_)) => {
            return Err(EngineError::failed("the history cannot begin before the calendar does"));
        }
    };
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
        // Declared environments are meant as well, where nothing has moved into them yet.
        let configuration = configuration::configuration(workspace, &Variables::default())?;
        let declared: Vec<&str> =
            configuration.root().environments.keys().map(String::as_str).collect();
        let names = known.iter().map(String::as_str).chain(declared.iter().copied());
        let near = (!declared.contains(&strange.as_str())).then(|| did_you_mean(strange, names));
        let help = near.flatten().unwrap_or_else(|| {
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
    let figures = figures(&moves, &records, since, environments);
    let moves = moves.iter().map(ReleaseMove::without_prints).collect();
    Ok(History { since, moves, figures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_days_and_moments() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        for (text, at) in [
            ("30d", "2026-10-25T10:00:00Z"),
            ("90m", "2026-11-24T08:30:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T09:00", "2026-11-01T09:00:00Z"),
            ("2026-11-01T09:00:00+01:00", "2026-11-01T08:00:00Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.moment(now).unwrap().to_string(), at, "{text}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "99999999999999d"] {
            let since = wrong.parse::<Since>().ok();
            assert!(since.and_then(|since| since.moment(now)).is_none(), "{wrong}");
        }
    }
}
