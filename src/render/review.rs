//! A review: what a change of another tool does to the walls.

use std::io::{self, Write};
use std::path::Path;

use super::isolation::{text as section_text, view as section_view};
use super::markdown::{Comment, inline, tokens};
use super::style::{Style, Tone, count, safe, wrap};
use super::text;
use super::verdict::{exceptions, path_lines};
use super::walls;
use crate::engine::review::{DumpOutcome, ReviewOutcome};
use crate::isolation::section::{PathChange, WallVerdict};

/// The verdict in one line.
pub(super) fn sentence(outcome: &ReviewOutcome) -> String {
    let changes = &outcome.isolation.changes;
    let number = |change: PathChange| changes.iter().filter(|path| path.change == change).count();
    let (crossed, undecided) = outcome.isolation.crossed_and_undecided();
    let rows = outcome.isolation.matrix.iter();
    let undetermined = match undecided {
        0 => rows.filter(|r| r.after == WallVerdict::Undetermined).count(),
        // Those that a rule protects are said first, and the matrix shows them all.
        _ => 0,
    };
    let parts: Vec<String> = [
        (number(PathChange::Added), "path added", "paths added"),
        (number(PathChange::Widened), "widened", "widened"),
        (number(PathChange::Narrowed), "narrowed", "narrowed"),
        (number(PathChange::Removed), "removed", "removed"),
        (undetermined, "wall undetermined", "walls undetermined"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let mut broken = Vec::new();
    if crossed > 0 {
        broken.push(format!("{} a wall", count(crossed, "path crosses", "paths cross")));
    }
    if undecided > 0 {
        broken.push(format!("{} cannot be decided", count(undecided, "wall", "walls")));
    }
    let rest = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    match broken.as_slice() {
        [] if parts.is_empty() => "Every wall is as it was.".to_owned(),
        [] => format!("No wall is broken{rest}."),
        broken => format!("{}{rest}.", broken.join(", ")),
    }
}

/// Names of the judged plans and templates.
fn files(outcome: &ReviewOutcome) -> Vec<&str> {
    let change = &outcome.change;
    let all = change.terraform_plans.iter().chain(&change.cloudformation_templates);
    all.map(String::as_str).collect()
}

/// What was judged and by which rules, in one line.
pub(super) fn basis(outcome: &ReviewOutcome) -> String {
    let states = outcome.change.terraform_states.join(", ");
    let change = match states.as_str() {
        "" => changed(outcome),
        states => format!("{} States: {states}.", changed(outcome)),
    };
    let Some(by) = &outcome.change.declared else { return change };
    let rules = match by.rules {
        0 => "every pair of environments is a wall".to_owned(),
        some => count(some, "rule", "rules"),
    };
    let others = match by.other_blocks {
        0 => String::new(),
        1 => " What its other block declares is not judged.".to_owned(),
        some => format!(" What its other {some} blocks declare is not judged."),
    };
    format!("{change} Walls of `{}`: {rules}.{others}", by.directory)
}

/// What was judged, in one line.
fn changed(outcome: &ReviewOutcome) -> String {
    let change = &outcome.change;
    if let Some(since) = &change.since {
        return format!("The accounts as they are, compared with {since}.");
    }
    if let Some(tried) = &change.policy {
        let plans = match files(outcome).as_slice() {
            [] => String::new(),
            files => format!("{}, and ", files.join(", ")),
        };
        return format!("{plans}{} on {}.", tried.file, tried.targets.join(", "));
    }
    let files = files(outcome);
    if files.is_empty() && !change.terraform_states.is_empty() {
        return "What is known of the accounts; no change was given.".to_owned();
    }
    if files.is_empty() {
        return "The accounts as they are; no change was given.".to_owned();
    }
    format!(
        "{}: {} access, {} none.",
        files.join(", "),
        count(change.judged, "change bears on", "changes bear on"),
        count(change.harmless, "bears on", "bear on"),
    )
}

/// What a folder of dumps holds, and what it lacks.
///
/// # Errors
/// Writing failed.
pub fn dumped(outcome: &DumpOutcome, dir: &Path, out: &mut dyn Write) -> io::Result<()> {
    let dumps = count(outcome.accounts, "dump of an account", "dumps of accounts");
    writeln!(out, "wrote {dumps} to `{}`", safe(&dir.display().to_string()))?;
    for unread in &outcome.not_read {
        writeln!(out, "not read: {}", safe(unread))?;
    }
    Ok(())
}

/// For a terminal.
///
/// # Errors
/// Those of the writer.
pub fn text(outcome: &ReviewOutcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let section = &outcome.isolation;
    writeln!(out, "{}", style.paint(tone(outcome), &sentence(outcome)))?;
    writeln!(out, "{}", style.paint(Tone::Dim, &safe(&basis(outcome))))?;
    text::paths(&path_lines::classes(section, &[]), false, style, out)?;
    writeln!(out)?;
    for (heading, all) in lists(outcome) {
        writeln!(out, "{}", style.paint(Tone::Heading, heading))?;
        for one in all {
            for line in wrap(&safe(one), style.width.saturating_sub(4).max(40)) {
                writeln!(out, "  {line}")?;
            }
        }
        writeln!(out)?;
    }
    let mut walls = Vec::new();
    section_text::section(section, &[], true, style, &mut walls)?;
    // What follows begins with an empty line of its own.
    out.write_all(walls.trim_ascii_end())?;
    writeln!(out)?;
    if !section.exceptions.is_empty() {
        walls::exceptions(&section.exceptions, style, out)?;
        writeln!(out)?;
    }
    section_text::unread(section.basis.as_ref(), style, out)?;
    section_text::assumptions(&section.matrix, style, out)
}

/// How serious the outcome is.
pub(super) fn tone(outcome: &ReviewOutcome) -> Tone {
    if outcome.isolation.broken() == 0 { Tone::Good } else { Tone::Bad }
}

/// What is not in the verdicts, by heading.
pub(super) fn lists(outcome: &ReviewOutcome) -> impl Iterator<Item = (&'static str, &[String])> {
    let change = &outcome.change;
    let all = [
        ("Not judged, so the affected walls are undetermined", change.not_judged.as_slice()),
        ("Not read, so the walls of these accounts are undetermined", change.not_read.as_slice()),
        ("Not known, so no path is called reachable", change.guardrails_unknown.as_slice()),
    ];
    all.into_iter().filter(|(_, all)| !all.is_empty())
}

/// For a pull request's comment, within its bounds.
///
/// # Errors
/// Those of the writer.
pub fn markdown(outcome: &ReviewOutcome, out: &mut dyn Write) -> io::Result<()> {
    let section = &outcome.isolation;
    // Several reviews of one repository keep a comment each.
    let mut mark = format!(
        "review environments={} plans={}",
        tokens(&section.environments),
        tokens(&outcome.change.terraform_plans)
    );
    if !outcome.change.cloudformation_templates.is_empty() {
        let templates = tokens(&outcome.change.cloudformation_templates);
        mark.push_str(&format!(" templates={templates}"));
    }
    if outcome.change.since.is_some() {
        mark.push_str(" since");
    }
    if let Some(tried) = &outcome.change.policy {
        mark.push_str(&format!(" policy={}", tokens(std::slice::from_ref(&tried.file))));
    }
    let mut comment = Comment::marked(
        &mark,
        "Palisade review",
        "`palisade review` as text and as JSON shows them.",
    );
    comment.alert(&sentence(outcome), tone(outcome));
    comment.line(&format!("{}\n\n", inline(&basis(outcome))), "sources");
    let unread = section_view::unread(section.basis.as_ref());
    for text in unread.map(|text| format!("Not read: {text}.")).iter() {
        comment.line(&format!("- {}\n", inline(text)), "facts");
    }
    let notes = section_view::assumptions(&section.matrix);
    for text in notes.into_iter().chain(section_view::squattable(&section.matrix)) {
        comment.line(&format!("- {}\n", inline(&text)), "facts");
    }
    for permit in &section.exceptions {
        let text = format!("Exception {}.", exceptions::exception(permit).0);
        comment.line(&format!("- {}\n", inline(&text)), "exceptions");
    }
    comment.line("\n", "lines");
    comment.keep_room_for_walls(section, &[]);
    for (class, paths) in path_lines::classes(section, &[]) {
        comment.paths(class, &paths);
    }
    for (heading, all) in lists(outcome) {
        comment.line(&format!("**{heading}**\n\n"), "headings");
        for one in all {
            comment.line(&format!("- {}\n", inline(one)), "objects that were not judged");
        }
        comment.line("\n", "lines");
    }
    let standing = section_view::SectionView::of(section).standing;
    comment.evidence(section.changes.iter().chain(standing));
    comment.walls();
    comment.end("", out)
}
