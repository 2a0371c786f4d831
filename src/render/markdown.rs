//! A plan as Markdown, for a pull request's comment.

use std::io::{self, Write};

use crate::diag::Severity;
use crate::plan::model::{CheckStatus, Plan, PlanDiagnostic};

use super::isolation::markdown as isolation;
use super::lines::{self, Line, Sign};
use super::refusal::Refusal;
use super::style::{count, safe};
use super::{principals, view};

/// GitHub refuses comments over 65,536 characters; details beyond this are left out, counts never.
const BUDGET: usize = 60_000;

/// Writes the plan; per-account details are collapsed, and left out once the comment would grow
/// past what GitHub takes.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let mut left = BUDGET;
    writeln!(out, "## Palisade\n\n**{}**\n", view::summary(plan))?;
    if let Some(line) = principals::sentence(&plan.principals) {
        writeln!(out, "<sub>{}</sub>\n", inline(&line))?;
    }
    violations(plan, out)?;
    unread(plan, &mut left, out)?;
    let accounts = view::accounts(plan);
    if !accounts.is_empty() {
        writeln!(out, "| account | environments | changes |\n|---|---|---|")?;
        for account in &accounts {
            let serves = account.serves.as_deref().unwrap_or("");
            let serves =
                serves.trim_start_matches("environments ").trim_start_matches("environment ");
            writeln!(out, "| {} | {} | {} |", cell(&account.title), cell(serves), account.counts)?;
        }
        writeln!(out)?;
    }
    let drifted = view::managed_drift(plan);
    if !drifted.is_empty() {
        let mut diff = String::new();
        for drift in &drifted {
            let note = view::drift_remark(plan, drift);
            head(&mut diff, view::drift_sign(drift.status), &drift.address, Some(note));
            if drift.status == crate::plan::model::DriftStatus::Changed {
                body(&mut diff, &lines::drifted(drift));
            }
        }
        let title = format!(
            "Drift: {} changed outside Palisade",
            count(drifted.len(), "object", "objects")
        );
        details(&title, &diff, &mut left, out)?;
    }
    for account in &accounts {
        let mut diff = String::new();
        for (heading, changes) in &account.sections {
            if !diff.is_empty() {
                diff.push('\n');
            }
            diff.push_str(&format!("# {heading}\n"));
            for change in changes {
                let sign = Sign::of(change.action, change.create_before_destroy);
                head(&mut diff, sign, &change.display, view::remark(change).map(|(_, n)| n));
                if let Some(previous) = &change.previous_address {
                    diff.push_str(&format!("      # moved from {}\n", safe(&previous.to_string())));
                }
                if let Some(reason) = &change.reason {
                    diff.push_str(&format!("      # {}\n", safe(reason)));
                }
                body(&mut diff, &lines::of_change(change));
            }
        }
        details(&format!("{}: {}", account.title, account.counts), &diff, &mut left, out)?;
    }
    if plan.isolation.basis.is_some() {
        let title = isolation::title(&plan.isolation);
        folded(&title, &isolation::body(&plan.isolation), &mut left, out)?;
    }
    let limits = view::limits(plan);
    if !limits.is_empty() {
        writeln!(out, "| limits | used |\n|---|---|")?;
        for limit in limits {
            writeln!(out, "| {} | {} |", cell(&limit.target), view::usage(limit))?;
        }
        writeln!(out)?;
    }
    for check in plan.checks.iter().filter(|c| c.status == CheckStatus::Fail) {
        writeln!(out, "> **Check failed:** {}: {}\n", inline(&check.name), inline(&check.message))?;
    }
    diagnostics(&plan.diagnostics, out)?;
    writeln!(out, "<sub>digest <code>{}</code></sub>", inline(&plan.digest))
}

/// Writes why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &Refusal, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Palisade\n\n**{}**\n", refusal.summary())?;
    diagnostics(&refusal.diagnostics, out)
}

/// One paragraph each, as far as a comment has room.
fn diagnostics(all: &[PlanDiagnostic], out: &mut dyn Write) -> io::Result<()> {
    let mut left = BUDGET / 4;
    for (at, d) in all.iter().enumerate() {
        let place = d
            .location
            .as_ref()
            .map(|l| format!(" ({}:{})", inline(&l.file), l.line))
            .unwrap_or_default();
        let detail = d.detail.as_ref().map(|d| format!(": {}", inline(&d.replace('\n', " "))));
        let detail = detail.unwrap_or_default();
        let title = match d.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        let text = format!("> **{title}:** {}{detail}{place}\n", inline(&d.summary));
        if text.len() > left {
            return writeln!(out, "> and {} more, see the job's log.\n", all.len() - at);
        }
        left -= text.len();
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn violations(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let broken = plan.isolation.violations.len();
    if broken == 0 {
        return Ok(());
    }
    let paths = count(broken, "path breaks", "paths break");
    writeln!(out, "> [!CAUTION]\n> {paths} an isolation rule.\n")
}

/// What could not be read: a warning that stays, and the names below it as far as there is room.
fn unread(plan: &Plan, left: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    let Some(counted) = view::not_read(&plan.unread) else { return Ok(()) };
    writeln!(
        out,
        "> [!WARNING]\n> {counted}: what the plan says of it rests on the state alone.\n"
    )?;
    let mut body = String::new();
    for part in &plan.unread {
        let (name, reason) = (view::unread_part(part), part.reason.replace('\n', " "));
        body.push_str(&format!("- **{}**: {}\n", inline(&name), inline(&reason)));
        for object in &part.objects {
            body.push_str(&format!("  - {}\n", inline(object)));
        }
    }
    folded("Not read", body.trim_end(), left, out)
}

fn head(diff: &mut String, sign: Sign, name: &str, note: Option<&str>) {
    let note = note.map(|n| format!("  # {n}")).unwrap_or_default();
    diff.push_str(&format!("{} {}{note}\n", column(sign), safe(name)));
}

fn body(diff: &mut String, lines: &[Line]) {
    for line in lines {
        let indent = " ".repeat(4 + line.depth * 4);
        let note = line.note.as_ref().map(|(_, n)| format!("  # {n}")).unwrap_or_default();
        let text = format!("{}{indent}{}{note}", column(line.sign), line.text);
        diff.push_str(text.trim_end());
        diff.push('\n');
    }
}

/// The first column of a diff block: what GitHub colours by.
fn column(sign: Sign) -> &'static str {
    match sign {
        Sign::Add | Sign::Adopt => "+",
        Sign::Remove => "-",
        Sign::Change | Sign::Replace | Sign::ReplaceNewFirst => "!",
        Sign::Forget | Sign::None => " ",
    }
}

fn details(title: &str, diff: &str, left: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    folded(title, &fence("diff", diff), left, out)
}

/// A part that unfolds, or how long it is where the comment has no room for it.
fn folded(title: &str, body: &str, left: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    if body.len() > *left {
        let lines = count(body.lines().count(), "line", "lines");
        return writeln!(out, "{}: {lines} left out, see the job's log.\n", inline(title));
    }
    *left -= body.len();
    writeln!(out, "<details><summary>{}</summary>\n\n{body}\n\n</details>\n", inline(title))
}

/// Text in a fence that is longer than any run of backticks inside it, and so cannot be closed from inside.
pub(super) fn fence(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Text that stays text in a line or a table's cell.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = super::html::escape(&safe(text));
    for c in ['\\', '`', '*', '_', '[', ']', '~', '|', '@', '#', '!'] {
        if escaped.contains(c) {
            // Entities instead of backslashes: they hold in tables, in HTML and against mentions.
            let entity = format!("&#{};", u32::from(c));
            escaped = if c == '#' { hash(&escaped) } else { escaped.replace(c, &entity) };
        }
    }
    escaped
}

/// `#` as an entity, except inside entities already written.
fn hash(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in text.chars() {
        if c == '#' && previous != '&' {
            out.push_str("&#35;");
        } else {
            out.push(c);
        }
        previous = c;
    }
    out
}

fn cell(text: &str) -> String {
    inline(text)
}
