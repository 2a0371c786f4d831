//! `history`: what moved where, when, by whom, under which plan, past which gates; and the figures.

use std::io::{self, Write};

use crate::engine::promotion::history::History;
use crate::promotion::ReleaseMove;
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

fn entry(one: &ReleaseMove, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (tone, end) = end(one);
    let title = format!("{}  {} {}", one.environment, one.release, one.digest.short());
    writeln!(
        out,
        "{}  {}, {}",
        style.paint(Tone::Heading, &safe(&title)),
        safe(&how(one)),
        style.paint(tone, end)
    )?;
    let took = took(one).map(|took| format!(", took {took}")).unwrap_or_default();
    let line = format!("{}{took}, by {}", time(one.started_at), safe(&one.author.arn));
    writeln!(out, "  {}", style.fold(&line, 4))?;
    for resumed in &one.resumed_by {
        writeln!(out, "  resumed after an interruption by {}", safe(resumed))?;
    }
    for stop in &one.stops {
        let line = format!("stopped at {}: {}", time(stop.at), safe(&stop.why));
        writeln!(out, "  {}", style.fold(&line, 4))?;
    }
    if let Some(previous) = &one.previous {
        writeln!(out, "  in place of {}", previous.short())?;
    }
    if !one.plan.is_empty() {
        writeln!(out, "  {}", style.fold(&format!("plan {}", safe(&one.plan)), 4))?;
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

/// How a release came to an environment.
pub(super) fn how(one: &ReleaseMove) -> String {
    match one.kind {
        MoveKind::Entry => "entered by apply".to_owned(),
        MoveKind::Promotion => format!("promoted by {}", one.edge.as_deref().unwrap_or("an edge")),
        MoveKind::Rollback => "rolled back".to_owned(),
    }
}

/// How a move ended.
pub(super) fn end(one: &ReleaseMove) -> (Tone, &'static str) {
    match one.end {
        Some(End::Verified) => (Tone::Good, "verified"),
        Some(End::Unverified) => (Tone::Warn, "not verified"),
        Some(End::Returned) => (Tone::Bad, "went back"),
        None => (Tone::Dim, "not finished"),
    }
}

/// How long a move took, where it has ended.
pub(super) fn took(one: &ReleaseMove) -> Option<String> {
    let seconds = one.finished_at?.duration_since(one.started_at).as_secs();
    Some(for_people(seconds))
}

/// A success figure.
pub(super) struct Figure {
    /// What it measures.
    pub(super) name: &'static str,
    /// Its value, or that nothing is recorded to compute it from.
    pub(super) value: String,
    /// What it is computed from.
    pub(super) of: String,
    /// What it aims at.
    pub(super) aim: &'static str,
}

/// The success figures.
pub(super) fn rows(figures: &Figures) -> [Figure; 5] {
    let share = |percent: Option<f64>| percent.map_or("no record".to_owned(), |p| format!("{p}%"));
    let spread = |spread: Option<Spread>| {
        spread.map_or("no record".to_owned(), |s| {
            let (median, worst) = (for_people(s.median_seconds), for_people(s.worst_seconds));
            format!("median {median}, worst {worst}")
        })
    };
    let promotions = count(figures.promotions, "promotion", "promotions");
    let verified = count(figures.promotions_succeeded, "promotion", "promotions");
    let applies = count(figures.applies, "apply", "applies");
    let figure = |name, value, of, aim| Figure { name, value, of, aim };
    [
        figure(
            "promotions verified",
            share(figures.promotion_success_percent),
            format!("{} of {promotions}", figures.promotions_succeeded),
            "over 95%",
        ),
        figure("promotion time", spread(figures.promotion_time), verified, "under 30 min"),
        figure(
            "rollback time",
            spread(figures.rollback_time),
            count(figures.rollbacks, "rollback", "rollbacks"),
            "under 10 min",
        ),
        figure(
            "configuration consistency",
            share(figures.configuration_consistency_percent),
            applies.clone(),
            "over 99%",
        ),
        figure(
            "isolation compliance",
            share(figures.isolation_compliance_percent),
            applies,
            "100%",
        ),
    ]
}

/// Writes the figures.
///
/// # Errors
/// Those of the writer.
pub fn figures(figures: &Figures, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Heading, "Figures"))?;
    for Figure { name, value, of, aim } in rows(figures) {
        let beside = style.paint(Tone::Dim, &format!("({of}; aim: {aim})"));
        writeln!(out, "  {name:<26} {value} {beside}")?;
    }
    Ok(())
}
