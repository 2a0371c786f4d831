//! What happened: promotions, rollbacks, applies, and the figures that add up from them.

use std::io::{self, Write};

use crate::promotion::Move;
use crate::promotion::figures::{Figures, Spread};
use crate::promotion::record::{End, MoveKind};
use crate::schema::duration::for_people;
use crate::state::audit::Record;

use super::super::style::{count, time};
use super::{end_table, table, text};

/// How many records of the audit log are shown, the newest first.
const RECORDS: usize = 200;

/// The success figures, each with what it aims at.
///
/// # Errors
/// Those of the writer.
pub(super) fn figures(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let share = |percent: Option<f64>| percent.map_or("no record".to_owned(), |p| format!("{p}%"));
    let spread = |spread: Option<Spread>| {
        spread.map_or("no record".to_owned(), |s| {
            let (median, worst) = (for_people(s.median_seconds), for_people(s.worst_seconds));
            format!("median {median}, worst {worst}")
        })
    };
    table("Success figures", &["figure", "value", "of", "aim"], out)?;
    for (name, value, of, aim) in [
        (
            "promotion success",
            share(figures.promotion_success_percent),
            count(figures.promotions, "promotion", "promotions"),
            "over 95%",
        ),
        (
            "promotion time",
            spread(figures.promotion_time),
            count(figures.promotions_succeeded, "promotion", "promotions"),
            "under 30 min",
        ),
        (
            "rollback time",
            spread(figures.rollback_time),
            count(figures.rollbacks, "rollback", "rollbacks"),
            "under 10 min",
        ),
        (
            "configuration consistency",
            share(figures.configuration_consistency_percent),
            count(figures.applies, "apply", "applies"),
            "over 99%",
        ),
        (
            "isolation compliance",
            share(figures.isolation_compliance_percent),
            count(figures.applies, "apply", "applies"),
            "100%",
        ),
    ] {
        writeln!(
            out,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td><td>{of}</td><td>{aim}</td></tr>"
        )?;
    }
    end_table(out)
}

/// Moves of releases and the audit log.
///
/// # Errors
/// Those of the writer.
pub(super) fn history(moves: &[Move], audit: &[Record], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h3>Promotions and rollbacks</h3>")?;
    if moves.is_empty() {
        writeln!(out, "<p>No release has moved.</p>")?;
    } else {
        let caption = count(moves.len(), "move of a release", "moves of releases");
        table(&caption, &["environment", "release", "how", "ended", "when", "took", "by"], out)?;
        for one in moves {
            movement(one, out)?;
        }
        end_table(out)?;
    }
    writeln!(out, "<h3>Audit log</h3>")?;
    if audit.is_empty() {
        return writeln!(out, "<p>Nothing is recorded.</p>");
    }
    let shown = audit.len().min(RECORDS);
    let caption = format!("the newest {shown} of {}", count(audit.len(), "record", "records"));
    table(&caption, &["number", "when", "what", "who", "reason", "scopes"], out)?;
    for record in audit.iter().rev().take(RECORDS) {
        let event = &record.event;
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            record.number,
            time(event.at),
            text(&event.action.replace('_', " ")),
            text(&event.who),
            text(event.reason.as_deref().unwrap_or_default()),
            text(&event.scopes.join(", ")),
        )?;
    }
    end_table(out)
}

fn movement(one: &Move, out: &mut dyn Write) -> io::Result<()> {
    let how = match one.kind {
        MoveKind::Entry => "entered by apply".to_owned(),
        MoveKind::Promotion => format!("promoted by {}", one.edge.as_deref().unwrap_or("an edge")),
        MoveKind::Rollback => "rolled back".to_owned(),
    };
    let (class, end) = match one.end {
        Some(End::Verified) => ("good", "verified"),
        Some(End::Unverified) => ("warn", "not verified"),
        Some(End::Returned) => ("bad", "went back"),
        None => ("dim", "not finished"),
    };
    let took = one.finished_at.map(|end| end.duration_since(one.started_at).as_secs());
    let took = took.map(for_people).unwrap_or_default();
    let overridden = one.overridden.as_ref().map_or_else(String::new, |overridden| {
        let gates = overridden.against.join(", ");
        let past = format!("past {gates}: {}", overridden.reason);
        format!("<br><span class=\"bad\">{}</span>", text(&past))
    });
    writeln!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{} <code>{}</code></td><td>{}{overridden}</td><td class=\"{class}\">{end}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
        text(&one.environment),
        text(&one.release),
        text(one.digest.short()),
        text(&how),
        time(one.started_at),
        text(&took),
        text(&one.author.arn),
    )
}
