//! A plan's isolation section as Markdown: paths in a fence, the matrix as a table, findings as a list.

use crate::isolation::section::{AccessPath, Isolation};

use super::super::markdown::{fence, inline};
use super::super::style::{pad, safe};
use super::view::{self, Matrix, SectionView};

/// The heading: the section's name and its counts.
pub(in crate::render) fn title(section: &Isolation) -> String {
    match view::counts(section) {
        counts if counts.is_empty() => "Isolation".to_owned(),
        counts => format!("Isolation: {counts}"),
    }
}

/// What stands below the heading.
pub(in crate::render) fn body(section: &Isolation) -> String {
    let view = SectionView::of(section);
    let mut parts = Vec::new();
    let mut paths = String::new();
    for (entry, broken) in &view.changes {
        path(entry, *broken, &mut paths);
    }
    if !view.standing.is_empty() {
        paths.push_str("# Standing violations\n");
    }
    for entry in &view.standing {
        path(entry, true, &mut paths);
    }
    parts.push(match view.is_empty() {
        true => view::NOTHING_CHANGES.to_owned(),
        false => fence("text", &paths),
    });
    if !section.matrix.is_empty() {
        parts.push(matrix(&Matrix::of(&section.matrix)));
    }
    if !section.findings.is_empty() {
        let findings = section.findings.iter();
        let lines: Vec<String> = findings
            .map(|finding| {
                format!("- **{}:** {}", finding.severity.name(), inline(&finding.line()))
            })
            .collect();
        parts.push(lines.join("\n"));
    }
    let basis = section.basis.as_ref();
    parts.extend(view::unread(basis).map(|text| format!("**{}**", inline(&text))));
    let assumed = view::assumptions(&section.matrix);
    parts.extend(assumed.iter().map(|text| inline(text)));
    parts.join("\n\n")
}

fn path(path: &AccessPath, broken: bool, out: &mut String) {
    let breaks = if broken { "  breaks a rule" } else { "" };
    out.push_str(&format!(
        "{} {} {}{}  {}{breaks}\n",
        view::sign(path, broken),
        safe(&view::route(path)),
        view::change(path),
        view::words(path.verdict),
        safe(&path.id),
    ));
    for row in view::rows(path) {
        let line = format!("    {} {}", pad(&row.label, 10), safe(&row.text));
        out.push_str(line.trim_end());
        out.push('\n');
    }
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
