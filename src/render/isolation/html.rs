//! A plan's isolation section as HTML: a foldable block a path, the matrix as a table, findings as a list.

use std::io::{self, Write};

use crate::isolation::section::{AccessPath, Finding, Isolation, Severity};

use super::super::html::escape;
use super::super::style::{Tone, safe};
use super::view::{self, Matrix, SectionView};

/// The section; nothing where no analysis has run.
///
/// # Errors
/// Those of the writer.
pub(in crate::render) fn section(section: &Isolation, out: &mut dyn Write) -> io::Result<()> {
    if section.basis.is_none() {
        return Ok(());
    }
    let counts = escape(&view::counts(section));
    writeln!(out, "<h2>Isolation <span class=\"dim\">{counts}</span></h2>")?;
    let view = SectionView::of(section);
    if view.is_empty() {
        writeln!(out, "<p>{}</p>", view::NOTHING_CHANGES)?;
    }
    for (entry, broken) in view.changes {
        path(entry, broken, out)?;
    }
    if !view.standing.is_empty() {
        writeln!(out, "<h3>Standing violations</h3>")?;
    }
    for entry in view.standing {
        path(entry, true, out)?;
    }
    if !section.matrix.is_empty() {
        matrix(&Matrix::of(&section.matrix), out)?;
    }
    findings(&section.findings, out)?;
    let basis = section.basis.as_ref();
    for text in view::unread(basis).into_iter().chain(view::assumptions(&section.matrix)) {
        writeln!(out, "<p class=\"warn\">{}</p>", escape(&safe(&text)))?;
    }
    Ok(())
}

fn path(path: &AccessPath, broken: bool, out: &mut dyn Write) -> io::Result<()> {
    let span = |tone: Tone, text: &str| {
        format!(" <span class=\"{}\">{}</span>", tone.class(), escape(&safe(text)))
    };
    let verdict = format!("{}{}", view::change(path), view::words(path.verdict));
    let breaks = if broken { span(Tone::Bad, "breaks a rule") } else { String::new() };
    writeln!(
        out,
        "<details open><summary><b class=\"{}\">{}</b> {}{}{}{breaks}</summary><table>",
        view::path_tone(path, broken).class(),
        escape(view::sign(path, broken)),
        escape(&safe(&view::route(path))),
        span(view::verdict_tone(path.verdict), &verdict),
        span(Tone::Dim, &path.id),
    )?;
    let mut rows = view::rows(path).into_iter().peekable();
    while let Some(row) = rows.next() {
        let mut text = escape(&safe(&row.text));
        // Rows without a label go on with the one before.
        while let Some(more) = rows.next_if(|next| next.label.is_empty()) {
            text.push_str("<br>");
            text.push_str(&escape(&safe(&more.text)));
        }
        writeln!(out, "<tr><th scope=\"row\">{}</th><td>{text}</td></tr>", escape(&row.label))?;
    }
    writeln!(out, "</table></details>")
}

fn matrix(matrix: &Matrix<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<table><tr><th>from \\ to</th>")?;
    for to in &matrix.to {
        write!(out, "<th scope=\"col\">{}</th>", escape(&safe(to)))?;
    }
    writeln!(out, "</tr>")?;
    for (from, cells) in &matrix.from {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(&safe(from)))?;
        for cell in cells {
            match cell {
                Some((text, tone)) => {
                    write!(out, "<td class=\"{}\">{}</td>", tone.class(), escape(text))?;
                }
                None => write!(out, "<td>-</td>")?,
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table>")
}

fn findings(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Findings</h3><ul>")?;
    for finding in findings {
        let tone = if finding.severity == Severity::Error { Tone::Bad } else { Tone::Warn };
        writeln!(
            out,
            "<li><span class=\"{}\">{}</span> {}</li>",
            tone.class(),
            finding.severity.name(),
            escape(&safe(&finding.line()))
        )?;
    }
    writeln!(out, "</ul>")
}
