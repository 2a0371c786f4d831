//! A plan's isolation section as Markdown: the evidence of a path in a fence, the matrix as a table, findings
//! as a list.

use crate::isolation::section::{AccessPath, Isolation};

use crate::plan::model::AccountChanges;

use super::super::fold::some_of;
use super::super::markdown::{fence, inline};
use super::super::style::{count, pad, safe};
use super::view::{self, ChangedWalls, Matrix, SectionView};

/// How many findings are listed before the rest is counted.
const FINDINGS: usize = 20;
/// A matrix of more walls than this is shown without those that are isolated and stay so.
const WALLS: usize = 80;
/// How many lines walls that are not isolated take before the rest is counted.
const ROWS: usize = 100;

/// The heading: the section's name and its counts.
pub(in crate::render) fn title(section: &Isolation) -> String {
    match view::counts(section) {
        counts if counts.is_empty() => "Isolation".to_owned(),
        counts => format!("Isolation: {counts}"),
    }
}

/// What stands below the heading, in at most about `room` bytes: the whole matrix where it is small, else the
/// walls that are not isolated, as many as there is room for, with their totals; then findings.
pub(in crate::render) fn body(
    section: &Isolation,
    accounts: &[AccountChanges],
    room: usize,
) -> String {
    let mut parts = Vec::new();
    if SectionView::of(section).is_empty() {
        parts.push(view::NOTHING_CHANGES.to_owned());
    }
    if !section.matrix.is_empty() {
        let for_walls = room / 3 * 2;
        let whole = Some(section.matrix.len()).filter(|walls| *walls <= WALLS);
        let whole = whole
            .map(|_| matrix(&Matrix::of(&section.matrix, &ChangedWalls::of(&section.changes))));
        let whole = whole.filter(|whole| whole.len() <= for_walls);
        parts.push(whole.unwrap_or_else(|| open(section, for_walls)));
    }
    if !section.findings.is_empty() {
        let left = room.saturating_sub(parts.iter().map(String::len).sum());
        let folded = view::alike(&section.findings, accounts);
        let lines = folded.iter().map(|entry| {
            format!("- **{}:** {}", entry.0.severity.name(), inline(&view::finding(entry)))
        });
        let (mut lines, more) = fitting(lines, FINDINGS, left);
        if more > 0 {
            lines.push(format!("- and {}", count(more, "more finding", "more findings")));
        }
        parts.push(lines.join("\n"));
    }
    parts.join("\n\n")
}

/// The first lines, at most `most` and as many as fit; and how many do not.
fn fitting(
    lines: impl ExactSizeIterator<Item = String>,
    most: usize,
    room: usize,
) -> (Vec<String>, usize) {
    let all = lines.len();
    let mut taken = 0;
    let fits = |line: &String| {
        taken += line.len() + 1;
        taken <= room
    };
    let lines: Vec<String> = lines.take(most).take_while(fits).collect();
    let more = all - lines.len();
    (lines, more)
}

/// Everything that is known of a path, in a fence.
pub(in crate::render) fn evidence(path: &AccessPath) -> String {
    let mut out = String::new();
    for row in view::rows(path) {
        let line = format!("{} {}", pad(&row.label, 10), safe(&row.text));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    fence("text", &out)
}

/// The walls that are not isolated, as many as fit, with how many are.
fn open(section: &Isolation, room: usize) -> String {
    let walls = view::open_walls(&section.matrix, &ChangedWalls::of(&section.changes));
    let listed: usize = walls.iter().map(|(_, to)| to.len()).sum();
    let rows = walls.iter().map(|((from, text, _), to)| {
        format!("| {} | {} | {} |", inline(from), inline(&some_of(to)), inline(text))
    });
    let (rows, more) = fitting(rows, ROWS, room);
    let mut text = String::new();
    if !rows.is_empty() {
        text = format!("| from | to | verdict |\n|---|---|---|\n{}\n\n", rows.join("\n"));
    }
    if more > 0 {
        text.push_str(&format!("and {} of walls\n\n", count(more, "more row", "more rows")));
    }
    let isolated = section.matrix.len() - listed;
    let walls = count(section.matrix.len(), "wall", "walls");
    text.push_str(&format!("{isolated} of {walls} are isolated, before and after."));
    text
}

fn matrix(matrix: &Matrix<'_>) -> String {
    let line = |first: &str, cells: &[String]| format!("| {first} | {} |", cells.join(" | "));
    let header: Vec<String> = matrix.to.iter().map(|to| inline(to)).collect();
    let mut lines = vec![line("from \\ to", &header)];
    lines.push(format!("|---|{}", "---|".repeat(header.len())));
    for (from, cells) in &matrix.from {
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| cell.as_ref().map_or_else(|| "-".to_owned(), |(text, _)| inline(text)))
            .collect();
        lines.push(line(&inline(from), &cells));
    }
    lines.join("\n")
}
