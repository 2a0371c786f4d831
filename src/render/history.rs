//! `history`: what moved where, when, by whom, under which plan, past which gates; and the figures.

use std::io::{self, Write};

use crate::engine::promotion::history::History;
use crate::promotion::Move;
use crate::promotion::figures::{Figures, Spread};
use crate::promotion::record::{End, MoveKind};
use crate::schema::duration::for_people;

use super::promotion::gates;
use super::style::{Style, Tone, count, safe, time};

/// Writes the history as text.
///
/// # Errors
/// Those of the writer.
pub fn text(history: &History, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for one in &history.moves {
        entry(one, style, out)?;
        writeln!(out)?;
    }
    figures(&history.figures, style, out)
}

fn entry(one: &Move, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let what = match one.kind {
        MoveKind::Entry => "entered by apply".to_owned(),
        MoveKind::Promotion => format!("promoted by {}", one.edge.as_deref().unwrap_or("an edge")),
        MoveKind::Rollback => "rolled back".to_owned(),
    };
    let (tone, end) = match one.end {
        Some(End::Verified) => (Tone::Good, "verified"),
        Some(End::Unverified) => (Tone::Warn, "not verified"),
        Some(End::Returned) => (Tone::Bad, "went back"),
        None => (Tone::Dim, "not finished"),
    };
    let title = format!("{}  {} {}", one.environment, one.release, one.digest.short());
    writeln!(
        out,
        "{}  {}, {}",
        style.paint(Tone::Heading, &safe(&title)),
        safe(&what),
        style.paint(tone, end)
    )?;
    let took = one.finished_at.map(|end| end.duration_since(one.started_at).as_secs());
    let took = took.map(|s| format!(", took {}", for_people(s))).unwrap_or_default();
    writeln!(out, "  {}{took}, by {}", time(one.started_at), safe(&one.author.arn))?;
    for resumed in &one.resumed_by {
        writeln!(out, "  taken up after a cut by {}", safe(resumed))?;
    }
    for stop in &one.stops {
        writeln!(out, "  stopped at {}: {}", stop.at, style.fold(&safe(&stop.why), 4))?;
    }
    if let Some(previous) = &one.previous {
        writeln!(out, "  in place of {}", previous.short())?;
    }
    if !one.plan.is_empty() {
        writeln!(out, "  plan {}", safe(&one.plan))?;
    }
    if let Some(reason) = &one.reason {
        writeln!(out, "  reason: {}", style.fold(&safe(reason), 4))?;
    }
    if let Some(overridden) = &one.overridden {
        let line =
            format!("override past {}: {}", overridden.against.join(", "), overridden.reason);
        writeln!(out, "  {}", style.paint(Tone::Bad, &style.fold(&safe(&line), 4)))?;
    }
    gates(&one.gates, style, out)?;
    if !one.verification.is_empty() {
        writeln!(out, "  verification")?;
        gates(&one.verification, style, out)?;
    }
    if let Some(returned) = &one.returned {
        let line = format!("went back to {}: {}", returned.digest.short(), returned.why);
        writeln!(out, "  {}", style.paint(Tone::Bad, &style.fold(&safe(&line), 4)))?;
    }
    Ok(())
}

/// Writes the figures.
///
/// # Errors
/// Those of the writer.
pub fn figures(figures: &Figures, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Heading, "Figures"))?;
    let share = |percent: Option<f64>| percent.map_or("-".to_owned(), |p| format!("{p}%"));
    let spread = |spread: Option<Spread>| {
        spread.map_or("-".to_owned(), |s| {
            format!(
                "median {}, worst {}",
                for_people(s.median_seconds),
                for_people(s.worst_seconds)
            )
        })
    };
    let of = format!("{} of {}", figures.promotions_succeeded, figures.promotions);
    for (name, value) in [
        ("promotions verified", format!("{} ({of})", share(figures.promotion_success_percent))),
        ("promotion time", spread(figures.promotion_time)),
        (
            "rollback time",
            format!(
                "{} ({})",
                spread(figures.rollback_time),
                count(figures.rollbacks, "rollback", "rollbacks")
            ),
        ),
        ("configuration consistency", share(figures.configuration_consistency_percent)),
        ("isolation compliance", share(figures.isolation_compliance_percent)),
    ] {
        writeln!(out, "  {name:<26} {value}")?;
    }
    Ok(())
}
