//! A plan's isolation section as Markdown: the evidence of a path in a fence, the matrix as a table, findings
//! as a list.

use crate::isolation::section::{AccessPath, Isolation};

use crate::plan::model::AccountChanges;

use super::super::fold::some_of;
use super::super::markdown::{fence, inline};
use super::super::style::{count, pad, safe};
use super::view::{self, Matrix, SectionView};

/// How many findings are listed before the rest is counted.
const FINDINGS: usize = 20;
/// How many lines walls that are not isolated take before the rest is counted.
const ROWS: usize = 100;

/// The heading: the section's name and its counts.
pub(in crate::render) fn title(section: &Isolation) -> String {
    match view::counts(section) {
        counts if counts.is_empty() => "Isolation".to_owned(),
        counts => format!("Isolation: {counts}"),
    }
}

/// What stands below the heading: the whole matrix, or only the walls that are not isolated.
pub(in crate::render) fn body(
    section: &Isolation,
    accounts: &[AccountChanges],
    whole: bool,
) -> String {
    let mut parts = Vec::new();
    if SectionView::of(section).is_empty() {
        parts.push(view::NOTHING_CHANGES.to_owned());
    }
    if !section.matrix.is_empty() {
        parts.push(if whole { matrix(&Matrix::of(&section.matrix)) } else { open(section) });
    }
    if !section.findings.is_empty() {
        let folded = view::alike(&section.findings, accounts);
        let findings = folded.iter().take(FINDINGS);
        let mut lines: Vec<String> = findings
            .map(|entry| {
                format!("- **{}:** {}", entry.0.severity.name(), inline(&view::finding(entry)))
            })
            .collect();
        if let Some(more) = folded.len().checked_sub(FINDINGS).filter(|n| *n > 0) {
            lines.push(format!("- and {}", count(more, "finding more", "findings more")));
        }
        parts.push(lines.join("\n"));
    }
    parts.join("\n\n")
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

/// The walls that are not isolated, with how many are.
fn open(section: &Isolation) -> String {
    let walls = view::open_walls(&section.matrix);
    let listed: usize = walls.iter().map(|(_, to)| to.len()).sum();
    let mut lines = vec!["| from | to | verdict |".to_owned(), "|---|---|---|".to_owned()];
    for ((from, text, _), to) in walls.iter().take(ROWS) {
        lines.push(format!("| {} | {} | {} |", inline(from), inline(&some_of(to)), inline(text)));
    }
    let isolated = section.matrix.len() - listed;
    let mut text = lines.join("\n");
    if let Some(more) = walls.len().checked_sub(ROWS).filter(|more| *more > 0) {
        text.push_str(&format!("\n\nand {more} more lines"));
    }
    text.push_str(&format!(
        "\n\n{} of {} are isolated, before and after.",
        isolated,
        count(section.matrix.len(), "wall", "walls")
    ));
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
