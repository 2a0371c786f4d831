//! The walls as HTML: the matrix, whose cells lead to the evidence of their wall: paths with their witness and
//! causes, or the proof that it is closed; and what an auditor should know beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::isolation::section::{
    AccessPath, Isolation, MatrixRow, Proof, RuleSeverity, WallVerdict,
};

use crate::plan::model::AccountChanges;

use super::super::html::table::{Table, TableCell};
use super::super::html::{arrows, escape, prose, text};
use super::super::style::{Tone, count};
use super::view::{self, Cell, ChangedWalls, Matrix, SectionView};

/// A matrix of more walls than this shows those that are not isolated.
const WALLS: usize = 900;

/// The section; a word where no analysis has run. `paths` are those to show with their evidence; those that
/// the plan changes and those that break a rule where none are given.
///
/// # Errors
/// Those of the writer.
pub(in crate::render) fn section(
    section: &Isolation,
    accounts: &[AccountChanges],
    paths: Option<&[AccessPath]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if section.basis.is_none() {
        return writeln!(out, "<p>The walls were not analysed.</p>");
    }
    writeln!(out, "<p class=\"dim\">{}</p>", text(&view::counts(section)))?;
    let shown = SectionView::of(section);
    if shown.is_empty() && paths.is_none() {
        writeln!(out, "<p>{}</p>", view::NOTHING_CHANGES)?;
    }
    let changes = shown.changes.iter().map(|(path, _)| *path);
    let of_plan: Vec<&AccessPath> = changes.chain(shown.standing.iter().copied()).collect();
    let paths: Vec<&AccessPath> = match paths {
        // Walls as a whole are no path, and stand among the violations alone.
        Some(all) => {
            let ids: BTreeSet<&str> = all.iter().map(|path| path.id.as_str()).collect();
            let known = |path: &&AccessPath| !ids.contains(path.id.as_str());
            all.iter().chain(section.violations.iter().filter(known)).collect()
        }
        None => of_plan,
    };
    let mut evidence: BTreeMap<(&str, &str), Vec<&AccessPath>> = BTreeMap::new();
    for path in paths {
        let wall = (path.from.environment.as_str(), path.to.environment.as_str());
        evidence.entry(wall).or_default().push(path);
    }
    let proofs: BTreeMap<(&str, &str), &Proof> =
        section.proofs.iter().map(|p| ((p.from.as_str(), p.to.as_str()), p)).collect();
    let whole = section.matrix.len() <= WALLS;
    let changed = ChangedWalls::of(&section.changes);
    let rows: Vec<&MatrixRow> = section
        .matrix
        .iter()
        .filter(|row| whole || row.after != WallVerdict::Isolated || row.before != row.after)
        .collect();
    let numbers: BTreeMap<(&str, &str), usize> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| ((row.from.as_str(), row.to.as_str()), at))
        .collect();
    if whole {
        matrix(&Matrix::of(&section.matrix, &changed), &numbers, out)?;
    } else {
        let isolated = section.matrix.len() - rows.len();
        let of = count(section.matrix.len(), "wall", "walls");
        writeln!(
            out,
            "<p>{isolated} of {of} are isolated, before and after; the others follow.</p>"
        )?;
    }
    findings(section, accounts, out)?;
    if !rows.is_empty() {
        writeln!(out, "<h3>Wall by wall</h3>")?;
    }
    let violations: BTreeSet<&str> = section.violations.iter().map(|v| v.id.as_str()).collect();
    let broken = |path: &AccessPath| violations.contains(path.id.as_str());
    for (at, row) in rows.iter().enumerate() {
        let wall = (row.from.as_str(), row.to.as_str());
        let paths = evidence.get(&wall).map_or(&[][..], Vec::as_slice);
        one(at, view::cell(row, &changed), row, paths, &broken, proofs.get(&wall).copied(), out)?;
    }
    Ok(())
}

/// One wall: its verdict, and below it why. What a link leads to stands inside, so that the browser opens it.
fn one(
    at: usize,
    (verdict, tone): Cell,
    row: &MatrixRow,
    paths: &[&AccessPath],
    broken: &dyn Fn(&AccessPath) -> bool,
    proof: Option<&Proof>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "<details class=\"wall\"><summary>{} &#8594; {} <span class=\"{}\">{}</span></summary><div class=\"inside\" id=\"wall-{at}\" tabindex=\"-1\">",
        text(&row.from),
        text(&row.to),
        tone.class(),
        arrows(&verdict)
    )?;
    for entry in paths {
        path(entry, broken(entry), out)?;
    }
    match proof {
        Some(proof) => proved(proof, out)?,
        None if paths.is_empty() => {
            writeln!(
                out,
                "<p>The paths across this wall stand as before: <code>palisade isolation</code> lists them.</p>"
            )?;
        }
        None => {}
    }
    writeln!(out, "</div></details>")
}

fn proved(proof: &Proof, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<p><strong>Proof.</strong> {}.</p>", prose(&proof.statement))?;
    if !proof.trusted.is_empty() {
        writeln!(out, "<p class=\"dim\">It relies on {}.</p>", text(&proof.trusted.join("; ")))?;
    }
    if proof.grants.is_empty() {
        return Ok(());
    }
    let caption = format!(
        "{} of {} grants that were considered",
        proof.grants.len(),
        proof.grants_considered
    );
    let table = Table::of_records(&caption, &["principal", "on", "closed by"], out)?;
    for grant in &proof.grants {
        let denied = grant.denied_by.as_ref().map_or_else(
            || "the search alone".to_owned(),
            |lines| lines.iter().map(|line| text(line)).collect::<Vec<_>>().join("<br>"),
        );
        let cells = [
            TableCell::code(&grant.principal),
            TableCell::code(&grant.resource),
            TableCell::of(denied),
        ];
        table.row(cells, out)?;
    }
    table.end(out)
}

fn path(path: &AccessPath, broken: bool, out: &mut dyn Write) -> io::Result<()> {
    let span =
        |tone: Tone, said: &str| format!(" <span class=\"{}\">{}</span>", tone.class(), text(said));
    let verdict = format!("{}{}", view::change(path), view::words(path.verdict));
    let breaks =
        view::breaks(path, broken).map(|(tone, text)| span(tone, text)).unwrap_or_default();
    writeln!(
        out,
        "<h4 id=\"{}\"><span class=\"{}\">{}</span> {}{}{}{breaks}</h4>",
        text(&path.id),
        view::path_tone(path, broken).class(),
        escape(view::sign(path, broken)),
        arrows(&view::route(path)),
        span(view::verdict_tone(path.verdict), &verdict),
        span(Tone::Dim, &path.id),
    )?;
    writeln!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Evidence of {}\"><table class=\"evidence\"><tbody>",
        text(&path.id)
    )?;
    let mut rows = view::rows(path).into_iter().peekable();
    while let Some(row) = rows.next() {
        let mut said = text(&row.text);
        // Rows without a label go on with the one before.
        while let Some(more) = rows.next_if(|next| next.label.is_empty()) {
            said.push_str("<br>");
            said.push_str(&text(&more.text));
        }
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><code>{said}</code></td></tr>",
            escape(&row.label)
        )?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn matrix(
    matrix: &Matrix<'_>,
    numbers: &BTreeMap<(&str, &str), usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut columns = vec!["from \\ to"];
    columns.extend(matrix.to.iter().copied());
    let table = Table::matrix("Who reaches whom; a verdict leads to its evidence", &columns, out)?;
    for (from, cells) in &matrix.from {
        let verdicts = matrix.to.iter().zip(cells).map(|(to, cell)| {
            match (cell, numbers.get(&(*from, *to))) {
                (Some((said, tone)), Some(at)) => TableCell::classed(
                    tone.class(),
                    format!("<a href=\"#wall-{at}\">{}</a>", arrows(said)),
                ),
                _ => TableCell::of("-".to_owned()),
            }
        });
        table.row(std::iter::once(TableCell::head(text(from))).chain(verdicts), out)?;
    }
    table.end(out)
}

fn findings(
    section: &Isolation,
    accounts: &[AccountChanges],
    out: &mut dyn Write,
) -> io::Result<()> {
    if section.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Findings</h3><ul>")?;
    for entry in view::alike(&section.findings, accounts) {
        let finding = entry.0;
        let tone = if finding.severity == RuleSeverity::Error { Tone::Bad } else { Tone::Warn };
        writeln!(
            out,
            "<li><span class=\"{}\">{}</span> {}</li>",
            tone.class(),
            finding.severity.name(),
            prose(&view::finding(&entry))
        )?;
    }
    writeln!(out, "</ul>")
}
