//! The walls as text: a plan's section, and the parts that other reports print too.

use std::io::{self, Write};

use crate::isolation::section::{AccessPath, Basis, Finding, Isolation, MatrixRow, RuleSeverity};

use crate::plan::model::AccountChanges;

use super::super::fold::some_of;
use super::super::style::{Style, Tone, columns, count, pad, safe, wrap};
use super::view::{self, ChangedWalls, Matrix, Row, SectionView};

/// How many findings and paths with their evidence are shown before the rest is counted.
const SHOWN: usize = 20;

/// The isolation section: the evidence of paths that break a rule, what the walls are, findings. `full` adds
/// the evidence of every other path that the plan changes. Says nothing about the walls where no analysis has
/// run. What the verdicts rest on stands elsewhere: in the head of a plan.
///
/// # Errors
/// Those of the writer.
pub(in crate::render) fn section(
    section: &Isolation,
    accounts: &[AccountChanges],
    full: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if section.basis.is_none() {
        return Ok(());
    }
    let counts = style.fold(&view::counts(section), 11);
    let gap = if counts.is_empty() { "" } else { "  " };
    let heading = style.paint(Tone::Heading, "Isolation");
    writeln!(out, "{heading}{gap}{}", style.paint(Tone::Dim, &counts))?;
    let view = SectionView::of(section);
    if view.is_empty() {
        writeln!(out, "  {}", view::NOTHING_CHANGES)?;
    }
    let limit = if full { usize::MAX } else { SHOWN };
    let broken = view.changes.iter();
    let broken = broken.filter(|(path, broken)| full || (*broken && view::has_evidence(path)));
    let mut left = 0;
    for (at, (entry, broken)) in broken.enumerate() {
        if at < limit { path(entry, *broken, style, out)? } else { left += 1 }
    }
    let standing = || view.standing.iter().filter(|path| full || view::has_evidence(path));
    if standing().next().is_some() {
        writeln!(out, "\n  {}", style.paint(Tone::Bold, "Standing violations"))?;
    }
    for (at, entry) in standing().enumerate() {
        if at < limit { path(entry, true, style, out)? } else { left += 1 }
    }
    more(left, "path", "paths", style, out)?;
    if full {
        matrix(&section.matrix, &ChangedWalls::of(&section.changes), style, out)?;
        findings(&section.findings, style, out)?;
    } else {
        open_walls(&section.matrix, &ChangedWalls::of(&section.changes), style, out)?;
        folded_findings(&section.findings, accounts, SHOWN, style, out)?;
    }
    writeln!(out)
}

/// How many were left out, and where they are.
fn more(
    number: usize,
    one: &str,
    many: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if number == 0 {
        return Ok(());
    }
    let text = format!("and {} more: `--full` shows them", count(number, one, many));
    writeln!(out, "    {}", style.paint(Tone::Dim, &text))
}

/// Walls that are not isolated or change, those of one origin and one verdict on one line.
fn open_walls(
    rows: &[MatrixRow],
    changed: &ChangedWalls<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for ((from, text, tone), to) in view::open_walls(rows, changed) {
        let route = format!("{} -> {}:", safe(from), safe(&some_of(&to)));
        let fits = !style.terminal || 5 + columns(&route) + columns(&text) <= style.width;
        let (route, gap) = match fits {
            true => (route, " ".to_owned()),
            false => (style.fold(&route, 8), format!("\n{}", " ".repeat(8))),
        };
        writeln!(out, "    {route}{gap}{}", style.paint(tone, &text))?;
    }
    Ok(())
}

/// What the proofs of isolated walls rest on, and which subjects of tokens a name hands on.
pub(in crate::render) fn assumptions(
    rows: &[MatrixRow],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for text in view::assumptions(rows).into_iter().chain(view::squattable(rows)) {
        writeln!(out)?;
        for line in wrap(&safe(&text), style.width.saturating_sub(2).max(40)) {
            writeln!(out, "  {}", style.paint(Tone::Warn, &line))?;
        }
    }
    Ok(())
}

/// One path with its evidence.
pub(in crate::render) fn path(
    path: &AccessPath,
    broken: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let sign = format!("{:>5}", view::sign(path, broken));
    let verdict = style.paint(view::verdict_tone(path.verdict), &view::words(path.verdict));
    let breaks = view::breaks(path, broken);
    let told = [view::change(path), view::words(path.verdict), path.id.clone()];
    let taken = columns(&view::route(path)) + told.iter().map(|text| columns(text)).sum::<usize>();
    // Room for the longest remark, so that lines break alike.
    let fits = !style.terminal || taken + "breaks a warning-only rule".len() + 11 <= style.width;
    let gap = if fits { " ".to_owned() } else { format!("\n{}", " ".repeat(10)) };
    let breaks = breaks.map(|(tone, text)| format!("  {}", style.paint(tone, text)));
    let breaks = breaks.unwrap_or_default();
    writeln!(
        out,
        "{} {}{gap}{}{verdict}  {}{breaks}",
        style.paint(view::path_tone(path, broken), &sign),
        style.paint(Tone::Bold, &safe(&view::route(path))),
        view::change(path),
        style.paint(Tone::Dim, &safe(&path.id)),
    )?;
    rows(&view::rows(path), 10, style, out)
}

/// Rows below a title, `indent` columns in.
pub(in crate::render) fn rows(
    rows: &[Row],
    indent: usize,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    /// Columns of a sentence's line in a file, whose lines end nowhere else.
    const PROSE: usize = 120;
    for row in rows {
        let lines = match (style.terminal, row.prose) {
            (true, _) => wrap(&row.text, style.width.saturating_sub(indent + 11).max(20)),
            (false, true) => wrap(&row.text, PROSE),
            (false, false) => vec![row.text.clone()],
        };
        let mut label = row.label.as_str();
        for line in lines {
            let indent = " ".repeat(indent);
            writeln!(out, "{indent}{} {}", style.paint(Tone::Dim, &pad(label, 10)), safe(&line))?;
            label = "";
        }
    }
    Ok(())
}

/// Warnings about the walls, each by itself.
fn findings(findings: &[Finding], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let lines = findings.iter().map(|f| (f.severity, f.line(f.location(), None)));
    finding_lines(lines, style, out)
}

/// Warnings about the walls, those that say the same of several environments once; after `limit` the rest is counted.
pub(in crate::render) fn folded_findings(
    findings: &[Finding],
    accounts: &[AccountChanges],
    limit: usize,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let folded = view::alike(findings, accounts);
    let shown = folded.get(..limit).unwrap_or(&folded);
    let texts = shown.iter().map(|entry| (entry.0.severity, view::finding(entry)));
    finding_lines(texts, style, out)?;
    more(folded.len() - shown.len(), "finding", "findings", style, out)
}

fn finding_lines(
    findings: impl Iterator<Item = (RuleSeverity, String)>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    // A file is no terminal, and its lines need not end early.
    let width = if style.terminal { style.width } else { style.width.max(160) };
    for (at, (severity, text)) in findings.enumerate() {
        if at == 0 {
            writeln!(out, "\n  {}", style.paint(Tone::Bold, "Findings"))?;
        }
        let tone = if severity == RuleSeverity::Error { Tone::Bad } else { Tone::Warn };
        let mut mark = style.paint(tone, severity.name());
        for line in wrap(&safe(&text), width.saturating_sub(13).max(40)) {
            writeln!(out, "    {mark} {line}")?;
            mark = " ".repeat(columns(severity.name()));
        }
    }
    Ok(())
}

/// Accounts that were not read.
pub(in crate::render) fn unread(
    basis: Option<&Basis>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(text) = view::unread(basis) else { return Ok(()) };
    let text = format!("Not read: {text}.");
    writeln!(out, "\n  {}", style.paint(Tone::Warn, &safe(&text)))
}

/// Verdicts of all ordered pairs, as a table, or one pair a line where the terminal is too narrow.
pub(in crate::render) fn matrix(
    rows: &[MatrixRow],
    changed: &ChangedWalls<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut matrix = Matrix::of(rows, changed);
    let names: Vec<_> = matrix.to.iter().map(|to| safe(to)).collect();
    matrix.to = names.iter().map(AsRef::as_ref).collect();
    let origins: Vec<_> = matrix.from.iter().map(|(from, _)| safe(from)).collect();
    for (row, origin) in matrix.from.iter_mut().zip(&origins) {
        row.0 = origin;
    }
    writeln!(out, "\n  {}", style.paint(Tone::Bold, "From \\ to"))?;
    let widths: Vec<usize> = matrix
        .to
        .iter()
        .enumerate()
        .map(|(at, to)| {
            let cells = matrix.from.iter().filter_map(|(_, cells)| cells.get(at)?.as_ref());
            cells.map(|(text, _)| columns(text)).max().unwrap_or(0).max(columns(to)) + 2
        })
        .collect();
    let first = matrix.from.iter().map(|(from, _)| columns(from)).max().unwrap_or(0);
    if first + widths.iter().sum::<usize>() + 4 > style.width {
        // Too wide for a table: one pair a line.
        for (from, cells) in &matrix.from {
            for (to, cell) in matrix.to.iter().zip(cells) {
                let Some((text, tone)) = cell else { continue };
                writeln!(out, "    {from} -> {to}: {}", style.paint(*tone, text))?;
            }
        }
        return Ok(());
    }
    let header: String = matrix.to.iter().zip(&widths).map(|(to, width)| pad(to, *width)).collect();
    writeln!(out, "    {}  {}", " ".repeat(first), style.paint(Tone::Dim, header.trim_end()))?;
    for (from, cells) in &matrix.from {
        let mut line = format!("    {}  ", pad(from, first));
        for (cell, width) in cells.iter().zip(&widths) {
            match cell {
                Some((text, tone)) => {
                    line.push_str(&style.paint(*tone, text));
                    line.push_str(&" ".repeat(width.saturating_sub(columns(text))));
                }
                None => line.push_str(&pad("-", *width)),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_broken_between_words_at_the_edge_of_a_terminal() {
        let text =
            "iam_role/OrganizationAccountAccessRole@production inline_policies  access.hcl:75";
        let write = |style: &Style| {
            let mut out = Vec::new();
            rows(&[Row::new("granted by", text)], 10, style, &mut out).expect("written");
            String::from_utf8(out).expect("UTF-8")
        };
        let terminal = Style { terminal: true, width: 80, ..Style::plain() };
        let shown = write(&terminal);
        assert!(shown.lines().count() == 2 && shown.lines().all(|l| columns(l) < 80), "{shown}");
        assert!(shown.lines().all(|line| line.starts_with("          ")), "{shown}");
        assert_eq!(write(&Style::plain()).lines().count(), 1);
    }
}
