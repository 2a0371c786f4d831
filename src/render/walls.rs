//! What `palisade isolation` says: verdicts, paths, exceptions, findings and proofs of one side.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::isolation::section::{
    AccessPath, ExceptionStatus, ExceptionUse, Proof, WallVerdict, crossed_and_undecided,
};
use crate::isolation::walls::Walls;

use crate::plan::model::AccountChanges;

use super::isolation::text::{assumptions, folded_findings, matrix, path, rows, unread};
use super::isolation::view::{self, ChangedWalls, Row};
use super::style::{Style, Tone, count, safe, wrap};
use super::verdict::exceptions;
use super::verdict::path_lines::alike;

/// Writes everything; `what` names the side in the heading.
///
/// # Errors
/// Those of the writer.
pub fn text(
    walls: &Walls,
    accounts: &[AccountChanges],
    what: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Heading, &format!("Walls: {what}")))?;
    matrix(&walls.matrix, &ChangedWalls::default(), style, out)?;
    let is_broken = |path: &&AccessPath| walls.violations.iter().any(|v| v.id == path.id);
    let (broken, open): (Vec<_>, Vec<_>) = walls.paths.iter().partition(is_broken);
    let no_walls = walls.violations.iter().filter(|v| !walls.paths.iter().any(|p| p.id == v.id));
    let violations: Vec<&AccessPath> = broken.into_iter().chain(no_walls).collect();
    let is_crossed = |path: &&AccessPath| path.verdict != WallVerdict::Undetermined;
    let (violations, undecided): (Vec<_>, Vec<_>) = violations.into_iter().partition(is_crossed);
    for (title, entries, broken) in [
        ("Violations", violations, true),
        ("Undetermined walls that a rule protects", undecided, true),
        ("Open paths", open, false),
    ] {
        if entries.is_empty() {
            continue;
        }
        writeln!(out, "\n  {}", style.paint(Tone::Bold, title))?;
        let groups = match broken {
            true => entries.iter().map(|entry| vec![*entry]).collect(),
            false => alike(accounts, &entries),
        };
        for group in &groups {
            let [first, others @ ..] = group.as_slice() else { continue };
            path(first, broken, style, out)?;
            likewise(others, style, out)?;
        }
    }
    exceptions(&walls.exceptions, style, out)?;
    folded_findings(&walls.findings, accounts, usize::MAX, style, out)?;
    proofs(walls, style, out)?;
    unread(walls.basis.as_ref(), style, out)?;
    assumptions(&walls.matrix, style, out)?;
    let (broken, all) = (walls.broken(), walls.violations.len());
    let (crossed, _) = crossed_and_undecided(&walls.violations);
    let (tone, warned) = match all - broken {
        0 => (Tone::Good, None),
        some => (Tone::Warn, Some(count(some, "warning", "warnings"))),
    };
    let tone = if broken > 0 { Tone::Bad } else { tone };
    let undecided =
        walls.violations.iter().filter(|v| v.verdict == WallVerdict::Undetermined).count();
    let undecided =
        (undecided > 0).then(|| format!("{} undetermined", count(undecided, "wall", "walls")));
    let mut parts = vec![
        count(walls.paths.len(), "open path", "open paths"),
        count(crossed, "violation", "violations"),
    ];
    parts.extend(undecided);
    parts.extend(warned);
    parts.extend(view::proved(&walls.matrix, walls.proofs.len()));
    let summary = format!("{}.", parts.join(", "));
    writeln!(out, "\n{}", style.paint(tone, &summary))
}

/// The walls that others like a path cross, below its evidence.
fn likewise(others: &[&AccessPath], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    let all: Vec<String> =
        others.iter().map(|o| format!("{} ({})", view::end(&o.to), o.id)).collect();
    let row = Row { prose: true, ..Row::new("likewise", all.join(", ")) };
    rows(&[row], 10, style, out)
}

pub(super) fn exceptions(
    permits: &[ExceptionUse],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if permits.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {}", style.paint(Tone::Bold, "Exceptions"))?;
    for permit in permits {
        let (tone, stands) = match permit.status {
            ExceptionStatus::InForce => {
                (Tone::Good, format!("covers {}", permit.covers.join(", ")))
            }
            ExceptionStatus::Unused => (Tone::Warn, "covers nothing".to_owned()),
            ExceptionStatus::Expired => (Tone::Bad, "has ended".to_owned()),
        };
        writeln!(
            out,
            "    {}  {}  {}",
            style.paint(Tone::Bold, &safe(&format!("{}.{}", permit.rule, permit.name))),
            style.paint(tone, &safe(&stands)),
            style.paint(Tone::Dim, &safe(&permit.location)),
        )?;
        let terms = style.fold(&safe(&exceptions::terms(permit)), 6);
        writeln!(out, "      {terms}")?;
    }
    Ok(())
}

fn proofs(walls: &Walls, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if walls.proofs.is_empty() {
        return Ok(());
    }
    let is_assumed = walls.matrix.iter().any(|row| !row.assumptions.is_empty());
    let title = if is_assumed { "Isolated" } else { "Proved isolated" };
    writeln!(out, "\n  {}", style.paint(Tone::Bold, title))?;
    // Origins that one sentence speaks of stand together.
    let mut alike: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for proof in &walls.proofs {
        let Proof { from, to, statement, .. } = proof;
        alike
            .entry((to, statement.replace(&format!("lets {from} in"), "lets them in")))
            .or_default()
            .push(from);
    }
    for ((to, statement), from) in alike {
        let route = format!("{} -> {to}", from.join(", "));
        writeln!(out, "    {}", safe(&route))?;
        for line in wrap(&safe(&statement), style.width.saturating_sub(6).max(40)) {
            writeln!(out, "      {}", style.paint(Tone::Dim, &line))?;
        }
    }
    Ok(())
}
