//! Promotions and releases for people: gates and how they stand, where releases are.

use std::io::{self, Write};

use crate::diag::Diagnostic;
use crate::engine::promotion::report::{PromotionReport, ReleasePlace, ReleaseSummary};
use crate::engine::promotion::verify::VerificationOutcome;
use crate::promotion::ReleaseMove;
use crate::promotion::gate::{Evidence, GateOutcome, closed};
use crate::promotion::record::{End, MoveKind};

use super::form::Detail;
use super::style::{Style, Tone, columns, pad, safe, time};
use super::text;

/// How an outcome is painted and called.
#[must_use]
pub fn mark(outcome: GateOutcome) -> (Tone, &'static str) {
    match outcome {
        GateOutcome::Passed => (Tone::Good, "open"),
        GateOutcome::Waiting => (Tone::Warn, "waiting"),
        GateOutcome::Unknown => (Tone::Warn, "unknown"),
        GateOutcome::Failed => (Tone::Bad, "closed"),
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
pub fn head(report: &PromotionReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
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
        let value = value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
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
        Some(since) => writeln!(out, "  verified in {} since {}", report.from, time(since))?,
        None => writeln!(
            out,
            "  {}",
            style.paint(Tone::Bad, &format!("not verified in {}", report.from))
        )?,
    }
    if let Some(hold) = &report.hold {
        let text = format!("{} is held since {}: {}", report.to, time(hold.since), hold.why);
        writeln!(out, "  {}", style.paint(Tone::Bad, &style.fold(&safe(&text), 4)))?;
    }
    writeln!(out)
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn text(report: &PromotionReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
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
    text::plan(&report.plan, Detail::default(), style, out)?;
    writeln!(out, "Approvals bind to plan {}", report.plan.digest)
}

/// Writes releases, the newest first.
///
/// # Errors
/// Those of the writer.
pub fn releases(all: &[ReleaseSummary], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, view) in all.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = format!("{} {}", view.release, view.digest.short());
        let since = format!("since {} by {}", time(view.created_at), view.created_by);
        writeln!(
            out,
            "{}  {}",
            style.paint(Tone::Heading, &safe(&title)),
            style.fold(&safe(&since), columns(&title) + 2)
        )?;
        for (key, value) in &view.values {
            let value = value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
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
                time(place.since)
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
pub fn remarks(place: &ReleasePlace) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(overridden) = &place.overridden {
        lines.push(format!(
            "override past {}: {}",
            overridden.against.join(", "),
            overridden.reason
        ));
    }
    for revoked in &place.revoked_verifications {
        lines.push(match revoked.revoked_at {
            Some(at) => format!(
                "promoted on the strength of {}, whose verification was revoked at {}",
                revoked.environment,
                time(at)
            ),
            None => format!("was never verified in {}", revoked.environment),
        });
    }
    lines
}

/// How a finished move ended: a line where it is as it was asked to be, a warning for a release that
/// entered without being verified yet, an error otherwise.
///
/// # Errors
/// The release is not verified where it moved.
pub fn ending(done: &ReleaseMove) -> Result<String, Diagnostic> {
    let release = format!("release {} {}", done.release, done.digest.short());
    let place = &done.environment;
    match done.end {
        Some(End::Verified) | None => Ok(format!("\n{release} stands in {place}, verified.")),
        Some(End::Returned) => {
            let back = done.returned.as_ref();
            let to = back.map(|r| r.digest.short().to_owned()).unwrap_or_default();
            let why = back.map(|r| r.why.clone()).unwrap_or_default();
            Err(Diagnostic::error(format!("{release} did not stay in `{place}`"))
                .detail(format!("{why}. Release {} {to} stands there again.", done.release))
                .help(hold_help(done)))
        }
        Some(End::Unverified) if done.kind == MoveKind::Entry => {
            Err(Diagnostic::warning(format!("{release} stands in `{place}`, not verified"))
                .detail(closed(&done.verification))
                .help(format!("`palisade verify {place}` looks again")))
        }
        Some(End::Unverified) => {
            Err(Diagnostic::error(format!("{release} stands in `{place}`, but is not verified"))
                .detail(closed(&done.verification))
                .help(format!(
                    "`palisade rollback {place}` brings back the last verified one; {}",
                    hold_help(done)
                )))
        }
    }
}

/// Writes for tools that there is nothing to move.
///
/// # Errors
/// Those of the writer.
pub fn settled_json(edge: &str, why: &str, out: &mut dyn Write) -> io::Result<()> {
    super::json::write(&serde_json::json!({"edge": edge, "settled": why}), out)
}

/// What a rollback says of the promotion that it turned back; nothing where it moved a release of its own.
#[must_use]
pub fn turned_back(done: &ReleaseMove) -> Option<String> {
    let back = done.returned.as_ref().filter(|_| done.kind == MoveKind::Promotion)?;
    let (release, place) = (&done.release, &done.environment);
    Some(format!("\nrelease {release} {} stands in {place} again.", back.digest.short()))
}

fn hold_help(done: &ReleaseMove) -> String {
    let edge = done.edge.as_deref().unwrap_or("EDGE");
    format!(
        "nothing moves into {} until `palisade promote {edge} --release-hold`",
        done.environment
    )
}

/// Writes whether one release passes verification, and what its gates found.
///
/// # Errors
/// Those of the writer.
pub fn verification(
    one: &VerificationOutcome,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = if one.verified { "verified" } else { "not verified" };
    let what = format!("release {} {}", one.release, one.digest.short());
    writeln!(out, "{}: {what} is {word}", one.environment)?;
    gates(&one.gates, style, out)
}

/// A release that does not pass verification.
#[must_use]
pub fn unverified(one: &VerificationOutcome) -> Diagnostic {
    let what = format!("release {} {}", one.release, one.digest.short());
    let place = &one.environment;
    let mut error = Diagnostic::error(format!("{what} does not pass verification in `{place}`"));
    if !one.built_on.is_empty() {
        let list = one.built_on.join(", ");
        error = error.detail(format!("On its strength it was promoted into {list}."));
    }
    error.help(format!("it cannot be promoted from here until `palisade verify {place}` passes"))
}
