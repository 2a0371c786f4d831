//! What happened: promotions, rollbacks, applies, and the figures that add up from them.

use std::io::{self, Write};

use crate::promotion::ReleaseMove;
use crate::promotion::figures::Figures;
use crate::state::audit::Record;

use super::super::history::{Figure, end, how, rows, took};
use super::super::style::{count, time};
use super::{end_table, table, text};

/// How many records of the audit log are shown, the newest first.
const RECORDS: usize = 200;

/// The success figures, each with what it aims at.
///
/// # Errors
/// Those of the writer.
pub(super) fn figures(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    table("Success figures", &["figure", "value", "of", "aim"], out)?;
    for Figure { name, value, of, aim } in rows(figures) {
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
pub(super) fn history(
    moves: &[ReleaseMove],
    audit: &[Record],
    out: &mut dyn Write,
) -> io::Result<()> {
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
            "<tr><td>{}</td><td class=\"nowrap\">{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
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

fn movement(one: &ReleaseMove, out: &mut dyn Write) -> io::Result<()> {
    let (tone, end) = end(one);
    let class = tone.class();
    let took = took(one).unwrap_or_default();
    let overridden = one.overridden.as_ref().map_or_else(String::new, |overridden| {
        let gates = overridden.against.join(", ");
        let past = format!("past {gates}: {}", overridden.reason);
        format!("<br><span class=\"bad\">{}</span>", text(&past))
    });
    writeln!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{} <code>{}</code></td><td>{}{overridden}</td><td class=\"{class}\">{end}</td><td class=\"nowrap\">{}</td><td>{}</td><td><code>{}</code></td></tr>",
        text(&one.environment),
        text(&one.release),
        text(one.digest.short()),
        text(&how(one)),
        time(one.started_at),
        text(&took),
        text(&one.author.arn),
    )
}
