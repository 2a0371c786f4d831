//! `palisade history`.

use std::io::Write as _;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::promotion::history::{self, HistoryRequest};
use crate::render;
use crate::schema::{civil, duration};

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
    let request = HistoryRequest { environments: args.environment.clone(), since };
    let history = history::run(&context.workspace()?, &request).await?;
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
    let start = || civil::moment(text).and_then(|at| at.to_zoned(TimeZone::UTC).ok());
    ago.or_else(|| text.parse().ok()).or_else(|| start().map(|at| at.timestamp())).ok_or_else(|| {
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
