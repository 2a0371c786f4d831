//! Promotions and releases for people: gates and how they stand, where releases are.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::plan::model::Plan;
use crate::promotion::Digest;
use crate::promotion::doubt::Doubt;
use crate::promotion::gate::{Evidence, Outcome};
use crate::promotion::record::{Hold, Override};

use super::style::{Style, Tone, columns, pad, safe};
use super::text;

/// What a promotion would do, and what stands against it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The edge.
    pub edge: String,
    /// Where the release comes from.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Which one stands in `to`.
    pub previous: Option<Digest>,
    /// Since when it is verified in `from`; absent when it is not.
    pub verified_since: Option<Timestamp>,
    /// What it consists of.
    pub values: BTreeMap<String, Json>,
    /// The gates and how they stand.
    pub gates: Vec<Evidence>,
    /// Why nothing may move into `to`.
    pub hold: Option<Hold>,
    /// The reason for going past closed gates.
    pub overriding: Option<String>,
    /// Whether nothing is done.
    pub dry_run: bool,
    /// The plan of `to`.
    pub plan: Plan,
}

/// How an outcome is painted and called.
#[must_use]
pub fn mark(outcome: Outcome) -> (Tone, &'static str) {
    match outcome {
        Outcome::Passed => (Tone::Good, "open"),
        Outcome::Waiting => (Tone::Warn, "waiting"),
        Outcome::Failed => (Tone::Bad, "closed"),
    }
}

/// Writes gates, one a line.
///
/// # Errors
/// Those of the writer.
pub fn gates(found: &[Evidence], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = found.iter().map(|e| columns(&e.gate)).max().unwrap_or(0);
    for evidence in found {
        let (tone, word) = mark(evidence.outcome);
        let indent = 2 + 7 + 2 + width + 2;
        writeln!(
            out,
            "  {}  {}  {}",
            style.paint(tone, &pad(word, 7)),
            pad(&safe(&evidence.gate), width),
            style.fold(&safe(&evidence.summary), indent)
        )?;
    }
    Ok(())
}

/// Writes what would move: the release, where from, where to, and what it takes the place of.
///
/// # Errors
/// Those of the writer.
pub fn head(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let title = format!(
        "Promotion {}: release {} {} from {} to {}",
        report.edge,
        report.release,
        report.digest.short(),
        report.from,
        report.to
    );
    writeln!(out, "{}", style.paint(Tone::Heading, &safe(&title)))?;
    for (key, value) in &report.values {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "  {} = {}", safe(key), safe(&value))?;
    }
    match &report.previous {
        Some(previous) if *previous == report.digest => {
            writeln!(out, "  stands in {} already, not verified", report.to)?;
        }
        Some(previous) => writeln!(out, "  takes the place of {}", previous.short())?,
        None => writeln!(out, "  is the first in {}", report.to)?,
    }
    match report.verified_since {
        Some(since) => writeln!(out, "  verified in {} since {since}", report.from)?,
        None => writeln!(
            out,
            "  {}",
            style.paint(Tone::Bad, &format!("not verified in {}", report.from))
        )?,
    }
    if let Some(hold) = &report.hold {
        let text = format!("{} is held since {}: {}", report.to, hold.since, hold.why);
        writeln!(out, "  {}", style.paint(Tone::Bad, &style.fold(&safe(&text), 4)))?;
    }
    writeln!(out)
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn text(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    head(report, style, out)?;
    if report.gates.is_empty() {
        writeln!(out, "No gates stand on this edge.\n")?;
    } else {
        writeln!(out, "{}", style.paint(Tone::Heading, "Gates"))?;
        gates(&report.gates, style, out)?;
        writeln!(out)?;
    }
    if let Some(reason) = &report.overriding {
        let line = style.fold(&safe(&format!("Going past closed gates: {reason}")), 2);
        writeln!(out, "{}\n", style.paint(Tone::Bad, &line))?;
    }
    text::plan(&report.plan, false, style, out)?;
    writeln!(out, "Approvals bind to plan {}", report.plan.digest)
}

/// A release and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseView {
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// What it consists of.
    pub values: BTreeMap<String, Json>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// The environments where it is current.
    pub stands_in: Vec<Place>,
}

/// How a release stands in one environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The environment.
    pub environment: String,
    /// Since when it is current.
    pub since: Timestamp,
    /// Since when it counts as verified.
    pub verified_since: Option<Timestamp>,
    /// When its verification was taken back.
    pub revoked_at: Option<Timestamp>,
    /// The override that brought it there.
    pub overridden: Option<Override>,
    /// What it stands on that counts no more.
    pub doubts: Vec<Doubt>,
}

/// Writes releases, the newest first.
///
/// # Errors
/// Those of the writer.
pub fn releases(all: &[ReleaseView], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, view) in all.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = format!("{} {}", view.release, view.digest.short());
        let since = format!("since {} by {}", view.created_at, view.created_by);
        writeln!(
            out,
            "{}  {}",
            style.paint(Tone::Heading, &safe(&title)),
            style.fold(&safe(&since), columns(&title) + 2)
        )?;
        for (key, value) in &view.values {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            writeln!(out, "  {} = {}", safe(key), safe(&value))?;
        }
        if view.stands_in.is_empty() {
            writeln!(out, "  {}", style.paint(Tone::Dim, "stands nowhere"))?;
        }
        let width = view.stands_in.iter().map(|p| columns(&p.environment)).max().unwrap_or(0);
        for place in &view.stands_in {
            let (tone, word) = match (place.verified_since, place.revoked_at) {
                (Some(_), _) => (Tone::Good, "verified"),
                (None, Some(_)) => (Tone::Bad, "revoked"),
                (None, None) => (Tone::Warn, "not verified"),
            };
            writeln!(
                out,
                "  {}  {}  since {}",
                pad(&safe(&place.environment), width),
                style.paint(tone, &pad(word, 12)),
                place.since
            )?;
            for line in remarks(place) {
                writeln!(out, "    {}", style.paint(Tone::Bad, &style.fold(&safe(&line), 6)))?;
            }
        }
    }
    Ok(())
}

/// What has to be said of a release in a place.
#[must_use]
pub fn remarks(place: &Place) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(overridden) = &place.overridden {
        lines.push(format!(
            "override past {}: {}",
            overridden.against.join(", "),
            overridden.reason
        ));
    }
    for doubt in &place.doubts {
        lines.push(match doubt.revoked_at {
            Some(at) => format!(
                "promoted on the strength of {}, whose verification was revoked at {at}",
                doubt.environment
            ),
            None => format!("was never verified in {}", doubt.environment),
        });
    }
    lines
}
