//! What `palisade compare-policies` says.

use std::io::{self, Write};

use crate::iam::symbolic::access::{Access, AccessComparison, ComparisonResult};

use super::style::{Style, Tone, count, pad, safe};

/// How many requests are shown of each side; JSON holds all.
const SHOWN: usize = 20;

/// Writes the verdict, with a request for everything gained and lost.
///
/// # Errors
/// Those of the writer.
pub fn text(comparison: &AccessComparison, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (tone, verdict) = match comparison.verdict {
        ComparisonResult::NoNewAccess => {
            (Tone::Good, "No new access: whatever the new policy permits, the old one permitted.")
        }
        ComparisonResult::NewAccess => (Tone::Bad, "New access."),
        ComparisonResult::Undetermined => (Tone::Warn, "Undetermined."),
    };
    writeln!(out, "{}", style.paint(tone, verdict))?;
    for (title, sign, tone, list) in [
        ("Only the new policy permits", "+", Tone::Add, &comparison.gained),
        ("Only the old policy permitted", "-", Tone::Remove, &comparison.lost),
    ] {
        if list.is_empty() {
            continue;
        }
        writeln!(out, "\n  {}", style.paint(Tone::Bold, title))?;
        for access in list.iter().take(SHOWN) {
            entry(access, sign, tone, style, out)?;
        }
        if list.len() > SHOWN {
            let more = format!("and {} more; `--json` lists all", list.len() - SHOWN);
            writeln!(out, "    {}", style.paint(Tone::Dim, &more))?;
        }
    }
    if !comparison.why_undetermined.is_empty() {
        writeln!(out, "\n  {}", style.paint(Tone::Bold, "Not decided"))?;
        for why in &comparison.why_undetermined {
            writeln!(out, "    {}", safe(why))?;
        }
    }
    Ok(())
}

fn entry(
    access: &Access,
    sign: &str,
    tone: Tone,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let alike = match access.actions_alike {
        0 => String::new(),
        n => format!(" and {}", count(n, "action like it", "actions like it")),
    };
    writeln!(
        out,
        "    {} {}{}",
        style.paint(tone, sign),
        style.paint(Tone::Bold, &safe(&access.action)),
        style.paint(Tone::Dim, &alike),
    )?;
    let mut row = |label: &str, text: &str| {
        writeln!(out, "        {} {}", style.paint(Tone::Dim, &pad(label, 10)), safe(text))
    };
    row("principal", &access.principal)?;
    row("resource", &access.resource)?;
    for condition in &access.conditions {
        row("only if", condition)?;
    }
    if access.conditions.is_empty() {
        for (key, values) in &access.context {
            row("with", &format!("{key} = {}", values.join(", ")))?;
        }
    }
    let statements = |list: &[String]| match list {
        [] => "no statement".to_owned(),
        list => format!("statement {}", list.join(", ")),
    };
    row("permitted", &format!("by {}", statements(&access.permitted_by)))?;
    if !access.denied_by.is_empty() {
        row("denied", &format!("by {} of the other policy", statements(&access.denied_by)))?;
    }
    Ok(())
}
