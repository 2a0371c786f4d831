//! `palisade history`.

use std::io::Write as _;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine;
use crate::promotion::figures::figures;
use crate::promotion::store;
use crate::render;
use crate::render::history::History;
use crate::schema::{duration, rules};

/// Flags of `history`.
#[derive(Debug, Args)]
#[command(
    after_help = "What moved where, when, by whom, under which plan, past which gates, and how long it took: the newest\n\
                        first. The figures count the same time and the same environments.\n\n\
                        Examples:\n  palisade history --environment production --since 30d\n  palisade history --since 2026-11-01 --json"
)]
pub struct HistoryArgs {
    /// Only moves into this environment; may be given several times
    #[arg(long, short, value_name = "NAME")]
    environment: Vec<String>,
    /// Only what ended since: a length of time such as `30d`, a day, or a moment in UTC
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the history.
///
/// # Errors
/// The backend cannot be read, or an environment is not known.
pub async fn run(args: &HistoryArgs, context: &Context) -> Result<(), Exit> {
    let since = match &args.since {
        Some(text) => Some(moment(text, context.clock.now())?),
        None => None,
    };
    let opened = engine::open::configured(&context.workspace()?).await?;
    let ledger = &opened.ledger;
    let reading = async {
        let known = store::list_environments(ledger).await?;
        let mut moves = Vec::new();
        for environment in &known {
            if args.environment.is_empty() || args.environment.contains(environment) {
                moves.extend(store::moves(ledger, environment).await?);
            }
        }
        Ok::<_, crate::state::StateError>((known, moves, ledger.audit_records().await?))
    };
    let (known, mut moves, records) = context.interruptible(reading).await??;
    if let Some(strange) = args.environment.iter().find(|e| !known.contains(e)) {
        let help = did_you_mean(strange, known.iter().map(String::as_str)).unwrap_or_else(|| {
            "no release has ever moved into it; `palisade releases` shows where they stand".into()
        });
        return Err(Diagnostic::error(format!("there is no history of `{strange}`"))
            .help(help)
            .into());
    }
    moves.retain(|m| since.is_none_or(|since| m.finished_at.is_some_and(|at| at >= since)));
    moves.sort_by(|a, b| {
        b.finished_at
            .cmp(&a.finished_at)
            .then_with(|| (&b.environment, b.number).cmp(&(&a.environment, a.number)))
    });
    let figures = figures(&moves, &records, since, &args.environment);
    let history = History { since, moves, figures };
    let mut out = context.stdout();
    if args.json {
        render::json::write(&history, &mut out)?;
    } else {
        if history.moves.is_empty() {
            context.say("Nothing has moved in that time.");
        }
        render::history::text(&history, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}

/// The moment that `--since` means.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Exit> {
    let ago = duration::seconds(text)
        .and_then(|seconds| now.checked_sub(SignedDuration::from_secs(seconds)).ok());
    let civil = || rules::moment(text).and_then(|at| at.to_zoned(TimeZone::UTC).ok());
    ago.or_else(|| text.parse().ok()).or_else(|| civil().map(|at| at.timestamp())).ok_or_else(|| {
        Diagnostic::error(format!("`{text}` is no time"))
            .help("write a length of time such as `30d`, a day such as `2026-11-01`, or a moment such as `2026-11-01T09:00:00Z`")
            .into()
    })
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
            assert_eq!(moment(text, now).unwrap().to_string(), at, "{text}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "99999999999999d"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
    }
}
