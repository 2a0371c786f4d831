//! `status`: each environment's releases, how long they stand, what holds them, what comes next.

use std::io::{self, Write};

use crate::engine::drift::EnvironmentDrift;
use crate::engine::promotion::status::{EnvironmentStatus, Status};
use crate::schema::duration::for_people;

use super::history::figures;
use super::promotion::{gates, remarks};
use super::style::{Style, Tone, columns, count, safe, time};
use super::verdict::broken_rules;
use super::view;

/// Writes the status as text.
///
/// # Errors
/// Those of the writer.
pub fn text(status: &Status, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for environment in &status.environments {
        one(environment, style, out)?;
        writeln!(out)?;
    }
    let paths = |number| count(number, "path breaks", "paths break");
    let walls = match (status.isolation_violations, status.isolation_warnings) {
        (0, 0) if status.unread.is_empty() => {
            style.paint(Tone::Good, "no isolation rule is broken")
        }
        (0, 0) => style.paint(Tone::Warn, "no isolation rule is known to be broken"),
        (0, n) => style.paint(Tone::Warn, &format!("{} a warning-only isolation rule", paths(n))),
        (n, _) => {
            let undecided = status.isolation_undetermined;
            let text = broken_rules("an isolation rule", n.saturating_sub(undecided), undecided);
            style.paint(Tone::Bad, &text)
        }
    };
    super::text::unread(&status.unread, usize::MAX, style, out)?;
    let consistent = match status.consistency_percent {
        Some(percent) => format!("{percent}% consistent"),
        None => "consistency not known".to_owned(),
    };
    let unread = view::not_read(&status.unread)
        .map(|unread| format!(", {}", style.paint(Tone::Warn, &unread)))
        .unwrap_or_default();
    writeln!(out, "Now: {consistent}{unread}; {walls}.\n")?;
    figures(&status.figures, style, out)
}

fn one(environment: &EnvironmentStatus, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let name = safe(&environment.name);
    writeln!(out, "{}  {}", style.paint(Tone::Heading, &name), drift(&environment.drift, style))?;
    if environment.releases.is_empty() {
        writeln!(out, "  {}", style.paint(Tone::Dim, "no release here"))?;
    }
    for recorded in &environment.releases {
        let (tone, word) = match (recorded.place.verified_since, recorded.place.revoked_at) {
            (Some(_), _) => (Tone::Good, "verified"),
            (None, Some(_)) => (Tone::Bad, "verification revoked"),
            (None, None) => (Tone::Warn, "not verified"),
        };
        let title = format!("{} {}", recorded.release, recorded.digest.short());
        let stands = format!("for {}, by {}", for_people(recorded.stands_seconds), recorded.by);
        writeln!(
            out,
            "  {}  {}, {}",
            safe(&title),
            style.paint(tone, word),
            style.fold(&safe(&stands), 2 + columns(&title) + 2 + columns(word) + 2)
        )?;
        for line in remarks(&recorded.place) {
            writeln!(out, "    {}", style.paint(Tone::Bad, &style.fold(&safe(&line), 6)))?;
        }
    }
    if let Some(hold) = &environment.hold {
        let line = format!("held since {} by {}: {}", time(hold.since), hold.by, hold.why);
        writeln!(out, "  {}", style.paint(Tone::Bad, &style.fold(&safe(&line), 4)))?;
    }
    if let Some(run) = &environment.under_way {
        let line = format!(
            "under way: {} {} since {}, by {}",
            run.release,
            run.digest.short(),
            time(run.since),
            run.by
        );
        writeln!(out, "  {}", style.paint(Tone::Warn, &style.fold(&safe(&line), 4)))?;
        if let Some(stop) = &run.stopped {
            let line = format!("stopped at {}: {}", time(stop.at), stop.why);
            writeln!(out, "    {}", style.paint(Tone::Warn, &style.fold(&safe(&line), 6)))?;
        }
    }
    for next in &environment.next {
        let (release, digest) = (&next.release, next.digest.short());
        let line = if next.is_held {
            format!(
                "held: {release} {digest} cannot move to {} before `palisade promote {} --release-hold`",
                next.to, next.edge
            )
        } else {
            format!("next: {release} {digest} to {}, `palisade promote {}`", next.to, next.edge)
        };
        let tone = if next.is_held { Tone::Bad } else { Tone::Plain };
        writeln!(out, "  {}", style.paint(tone, &style.fold(&safe(&line), 4)))?;
        gates(&next.gates, style, out)?;
        if !next.asked_then.is_empty() {
            let line = format!("asked at promotion: {}", next.asked_then.join(", "));
            writeln!(out, "  {}", style.paint(Tone::Dim, &style.fold(&safe(&line), 4)))?;
        }
    }
    Ok(())
}

fn drift(drift: &EnvironmentDrift, style: &Style) -> String {
    let parts: Vec<String> = [
        (drift.changed, "changed"),
        (drift.missing, "missing"),
        (drift.unmanaged, "unmanaged"),
        (drift.pending, "pending"),
        (drift.unread, "not read"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    if parts.is_empty() && drift.complete {
        return style.paint(Tone::Good, "no drift");
    }
    let mut text = parts.join(", ");
    if parts.is_empty() {
        text.push_str("not wholly read");
    }
    if let Some(percent) = drift.consistency_percent {
        text.push_str(&format!(" ({percent}% consistent)"));
    }
    style.paint(Tone::Warn, &text)
}
