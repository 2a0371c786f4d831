//! What happened: promotions, rollbacks, applies, and the figures that add up from them.

use std::io::{self, Write};

use crate::promotion::ReleaseMove;
use crate::promotion::figures::Figures;
use crate::state::audit::Record;

use super::super::history::{Figure, end, how, rows, took};
use super::super::style::{count, time};
use super::table::{Table, TableCell};
use super::text;

/// How many records of the audit log are shown, the newest first.
const RECORDS: usize = 200;

/// The success figures, each with what it aims at.
///
/// # Errors
/// Those of the writer.
pub(super) fn figures(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let table = Table::of_records("Success figures", &["figure", "value", "of", "aim"], out)?;
    for Figure { name, value, of, aim } in rows(figures) {
        let cells = [value, of, aim.to_owned()].map(TableCell::of);
        table.row(std::iter::once(TableCell::head(name.to_owned())).chain(cells), out)?;
    }
    table.end(out)
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
        let columns = ["environment", "release", "how", "ended", "when", "took", "by"];
        let table = Table::of_records(&caption, &columns, out)?;
        for one in moves {
            table.row(movement(one), out)?;
        }
        table.end(out)?;
    }
    writeln!(out, "<h3>Audit log</h3>")?;
    if audit.is_empty() {
        return writeln!(out, "<p>Nothing is recorded.</p>");
    }
    let shown = audit.len().min(RECORDS);
    let caption = format!("the newest {shown} of {}", count(audit.len(), "record", "records"));
    let columns = ["number", "when", "what", "who", "reason", "scopes"];
    let table = Table::of_records(&caption, &columns, out)?;
    for record in audit.iter().rev().take(RECORDS) {
        let event = &record.event;
        let cells = [
            TableCell::of(record.number.to_string()),
            TableCell::classed("nowrap", time(event.at)),
            TableCell::of(text(&event.action.replace('_', " "))),
            TableCell::code(&event.who),
            TableCell::of(text(event.reason.as_deref().unwrap_or_default())),
            TableCell::of(text(&event.scopes.join(", "))),
        ];
        table.row(cells, out)?;
    }
    table.end(out)
}

fn movement(one: &ReleaseMove) -> [TableCell; 7] {
    let (tone, end) = end(one);
    let overridden = one.overridden.as_ref().map_or_else(String::new, |overridden| {
        let gates = overridden.against.join(", ");
        let past = format!("past {gates}: {}", overridden.reason);
        format!("<br><span class=\"bad\">{}</span>", text(&past))
    });
    let release = format!("{} <code>{}</code>", text(&one.release), text(one.digest.short()));
    [
        TableCell::head(text(&one.environment)),
        TableCell::of(release),
        TableCell::of(format!("{}{overridden}", text(&how(one)))),
        TableCell::classed(tone.class(), end.to_owned()),
        TableCell::classed("nowrap", time(one.started_at)),
        TableCell::of(text(&took(one).unwrap_or_default())),
        TableCell::code(&one.author.arn),
    ]
}
