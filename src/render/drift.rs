//! The drift report as text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::engine::drift::DriftReport;
use crate::plan::model::DriftStatus;

use super::lines;
use super::style::{Style, Tone, columns, count, pad, safe};
use super::view;

/// Writes the report as text.
///
/// # Errors
/// Those of the writer.
pub fn text(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let managed = report.drift.iter().filter(|d| d.status != DriftStatus::Unmanaged);
    let mut any = false;
    for drift in managed {
        any = true;
        let sign = view::drift_sign(drift.status);
        let note = match drift.status {
            DriftStatus::Missing => "gone from AWS",
            _ => "changed outside Palisade",
        };
        writeln!(
            out,
            "{} {} {}",
            style.paint(sign.tone(), &format!("{:>3}", sign.symbol())),
            style.paint(Tone::Bold, &safe(&drift.address)),
            style.paint(Tone::Warn, note)
        )?;
        if drift.status == DriftStatus::Changed {
            for line in lines::drifted(drift) {
                let indent = " ".repeat(6 + line.depth * 4);
                let symbol = style.paint(line.sign.tone(), line.symbol());
                writeln!(out, "{}", format!("{indent}{symbol} {}", line.text).trim_end())?;
            }
        }
    }
    if any {
        writeln!(out)?;
    }
    unmanaged(report, style, out)?;
    if !report.pending.is_empty() {
        let objects = count(report.pending.len(), "object has", "objects have");
        let text = format!(
            "{objects} configured changes that are not applied yet: `palisade plan` shows them."
        );
        writeln!(out, "{}\n", style.paint(Tone::Dim, &style.fold(&text, 0)))?;
    }
    super::text::unread(&report.unread, usize::MAX, style, out)?;
    table(report, style, out)?;
    let mut parts = Vec::new();
    if report.any() {
        parts.push(count(report.drift.len(), "difference", "differences"));
    } else if report.is_complete() {
        return writeln!(out, "{}", style.paint(Tone::Good, "No drift: AWS matches the state."));
    } else {
        parts.push("Nothing differs in what was read".to_owned());
    }
    if !report.pending.is_empty() {
        parts.push(format!("{} pending", report.pending.len()));
    }
    parts.extend(view::not_read(&report.unread));
    parts.extend(report.consistency_percent.map(|percent| format!("{percent}% consistent")));
    writeln!(out, "{}", style.paint(Tone::Warn, &format!("{}.", parts.join("; "))))
}

fn unmanaged(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut accounts: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for drift in report.drift.iter().filter(|d| d.status == DriftStatus::Unmanaged) {
        accounts
            .entry(&drift.account)
            .or_default()
            .entry(&drift.kind)
            .or_default()
            .push(&drift.address);
    }
    if accounts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", style.paint(Tone::Heading, "In AWS, not managed"))?;
    for (account, kinds) in accounts {
        writeln!(out, "  {}", style.paint(Tone::Bold, &safe(account)))?;
        for (kind, addresses) in kinds {
            for address in addresses {
                let shown = address
                    .strip_prefix(kind)
                    .and_then(|a| a.strip_prefix('/'))
                    .and_then(|a| a.strip_suffix(account))
                    .and_then(|a| a.strip_suffix('@'))
                    .unwrap_or(address);
                writeln!(out, "    {} {}", style.paint(Tone::Dim, &safe(kind)), safe(shown))?;
            }
        }
    }
    writeln!(out)
}

fn table(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.environments.is_empty() {
        return Ok(());
    }
    let width = report.environments.keys().map(|k| columns(k)).max().unwrap_or(0).max(11);
    let complete = report.is_complete();
    let unread = |text: &str| if complete { String::new() } else { format!("  {text:>7}") };
    let header = format!(
        "{}  {:>7}  {:>7}  {:>7}  {:>9}  {:>7}{}  {:>10}",
        pad("environment", width),
        "managed",
        "changed",
        "missing",
        "unmanaged",
        "pending",
        unread("unread"),
        "consistent"
    );
    writeln!(out, "{}", style.paint(Tone::Dim, &header))?;
    for (name, e) in &report.environments {
        let all = e.consistency_percent.is_some_and(|percent| percent >= 100.0);
        let tone = if all { Tone::Plain } else { Tone::Warn };
        let percent = e.consistency_percent.map_or("?".to_owned(), |percent| format!("{percent}%"));
        writeln!(
            out,
            "{}  {:>7}  {:>7}  {:>7}  {:>9}  {:>7}{}  {}",
            pad(&safe(name), width),
            e.managed,
            e.changed,
            e.missing,
            e.unmanaged,
            e.pending,
            unread(&e.unread.to_string()),
            style.paint(tone, &format!("{percent:>10}"))
        )?;
    }
    writeln!(out)
}
