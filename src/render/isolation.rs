//! The walls between environments as text: a plan's section, and the rows and paths that other
//! reports show too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value as Json;

use crate::plan::model::Isolation;

use super::lines::Sign;
use super::style::{Style, Tone, columns, count, pad, safe, wrap};
use super::view;

/// The isolation section: changed paths with their evidence, the matrix, findings. Says nothing
/// about the walls where no analysis has run.
///
/// # Errors
/// Those of the writer.
pub fn section(section: &Isolation, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if section.basis.is_none() {
        return Ok(());
    }
    let heading = style.paint(Tone::Heading, "Isolation");
    writeln!(out, "{heading}{}", style.paint(Tone::Dim, &counts(section)))?;
    if section.changes.is_empty() && section.violations.is_empty() {
        writeln!(out, "  No path between environments is added, widened or removed.")?;
    }
    let is_broken =
        |entry: &Json| section.violations.iter().any(|v| v.get("id") == entry.get("id"));
    for entry in &section.changes {
        path(entry, is_broken(entry), style, out)?;
    }
    let standing: Vec<&Json> = section
        .violations
        .iter()
        .filter(|v| !section.changes.iter().any(|c| c.get("id") == v.get("id")))
        .collect();
    if !standing.is_empty() {
        writeln!(out, "\n  {}", style.paint(Tone::Bold, "Standing violations"))?;
    }
    for entry in standing {
        path(entry, true, style, out)?;
    }
    matrix(&section.matrix, style, out)?;
    findings(&section.findings, style, out)?;
    unread(section.basis.as_ref(), style, out)?;
    not_modelled(section.basis.as_ref(), style, out)?;
    writeln!(out)
}

/// How many walls there are, what happens to them, and how many are proved closed.
fn counts(section: &Isolation) -> String {
    if section.matrix.is_empty() {
        return String::new();
    }
    let closed = |verdict: &str| matches!(verdict, "isolated" | "undetermined");
    let (mut opened, mut shut, mut other) = (0, 0, 0);
    for row in &section.matrix {
        let before = view::text(row, &["before"]).unwrap_or_default();
        let after = view::text(row, &["after"]).unwrap_or_default();
        match (closed(before), closed(after)) {
            _ if before == after => {}
            (true, false) => opened += 1,
            (false, true) => shut += 1,
            _ => other += 1,
        }
    }
    let mut told = Vec::new();
    for (number, what) in [(opened, "opened"), (shut, "closed"), (other, "changed")] {
        if number > 0 {
            told.push(format!("{number} {what}"));
        }
    }
    told.push(format!("{} unchanged", section.matrix.len() - opened - shut - other));
    let unverified =
        section.proofs.iter().filter(|p| p.get("verified") == Some(&Json::Bool(false))).count();
    let checked = match unverified {
        0 => String::new(),
        some => format!(", {some} of them by search alone"),
    };
    format!(
        "  {} between {}: {}; {} proved closed{checked}",
        count(section.matrix.len(), "wall", "walls"),
        count(section.environments.len(), "environment", "environments"),
        told.join(", "),
        section.proofs.len(),
    )
}

/// What the analysis does not look at.
pub(super) fn not_modelled(
    basis: Option<&Json>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names = basis.map(|b| view::texts(b, "not_modelled")).unwrap_or_default();
    if names.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let text = format!("Not modelled: {}.", names.join(", "));
    for line in wrap(&safe(&text), style.width.saturating_sub(2).max(40)) {
        writeln!(out, "  {}", style.paint(Tone::Dim, &line))?;
    }
    Ok(())
}

/// One path with its evidence.
pub(super) fn path(
    entry: &Json,
    broken: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let change = view::text(entry, &["change"]).unwrap_or("standing");
    let verdict = view::text(entry, &["verdict"]).unwrap_or("undetermined");
    let sign = view::path_sign(change);
    let tone = match change {
        "removed" | "narrowed" => Tone::Good,
        "standing" if !broken => Tone::Dim,
        _ => Tone::Bad,
    };
    let changed = if change == "standing" { String::new() } else { format!("{change}, ") };
    let symbol = if sign == Sign::None && broken { "!" } else { sign.symbol() };
    let route = format!("{} -> {}", view::side(entry, "from"), view::side(entry, "to"));
    let id = view::text(entry, &["id"]).unwrap_or_default();
    writeln!(
        out,
        "{} {} {changed}{}  {}{}",
        style.paint(tone, &format!("{symbol:>5}")),
        style.paint(Tone::Bold, &route),
        style.paint(view::verdict_tone(verdict), &verdict.replace('_', " ")),
        style.paint(Tone::Dim, &safe(id)),
        if broken {
            format!("  {}", style.paint(Tone::Bad, "breaks a rule"))
        } else {
            String::new()
        },
    )?;
    let mut row = |label: &str, text: &str| {
        writeln!(out, "          {} {}", style.paint(Tone::Dim, &pad(label, 10)), safe(text))
    };
    if let Some(power) = view::text(entry, &["power"]) {
        let mut label = "power";
        for line in wrap(power, 120) {
            row(label, &line)?;
            label = "";
        }
    }
    if let Some(principal) = view::text(entry, &["principal"]) {
        row("principal", principal)?;
    }
    for (label, key) in
        [("action", "actions"), ("resource", "resources"), ("only if", "conditions")]
    {
        for text in view::texts(entry, key) {
            row(label, text)?;
        }
    }
    for address in view::texts(entry, "caused_by") {
        let at = entry.get("locations").and_then(|l| l.get(address)).and_then(Json::as_str);
        row("caused by", &located(address, at))?;
    }
    hops(entry, &mut row)?;
    if let Some(witness) = entry.get("witness").filter(|w| !w.is_null()) {
        request(witness, &mut row)?;
    }
    replay(entry, change, &mut row)?;
    limits(entry, &mut row)?;
    for text in view::texts(entry, "also_needs") {
        row("also needs", text)?;
    }
    for (label, key) in [
        ("because", "reason"),
        ("rule", "rule"),
        ("exception", "exception"),
        ("expired", "expired_exception"),
    ] {
        if let Some(text) = view::text(entry, &[key]) {
            row(label, text)?;
        }
    }
    Ok(())
}

fn located(address: &str, at: Option<&str>) -> String {
    at.map_or_else(|| address.to_owned(), |at| format!("{address}  {at}"))
}

/// The steps of a way, each with the statements that grant it; of a single step only these.
pub(super) fn hops(
    entry: &Json,
    row: &mut dyn FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    let via = entry.get("via").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, hop) in via.iter().enumerate() {
        let mut label = "granted by";
        if via.len() > 1 {
            let who = view::text(hop, &["principal"]).unwrap_or("?");
            let action = view::text(hop, &["action"]).unwrap_or("?");
            row(&format!("step {}", index + 1), &format!("{who} {action}"))?;
            row("", &format!("on {}", view::text(hop, &["resource"]).unwrap_or("?")))?;
            label = "";
        }
        for grant in hop.get("granted_by").and_then(Json::as_array).into_iter().flatten() {
            let address = view::text(grant, &["address"]).unwrap_or("?");
            let statement = view::text(grant, &["statement"]).unwrap_or("?");
            let text = located(&format!("{address} {statement}"), view::text(grant, &["location"]));
            let by = if via.len() > 1 { format!("by {text}") } else { text };
            row(label, &by)?;
            label = "";
        }
    }
    Ok(())
}

/// A request: who, what, on what, and what the caller or its surroundings bring along.
pub(super) fn request(
    witness: &Json,
    row: &mut dyn FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    let principal = match witness.get("principal") {
        Some(Json::String(text)) => text.as_str(),
        Some(Json::Object(map)) => map.values().next().and_then(Json::as_str).unwrap_or("?"),
        _ => "?",
    };
    row("witness", principal)?;
    let action = view::text(witness, &["action"]).unwrap_or("?");
    let resource = view::text(witness, &["resource"]).unwrap_or("?");
    row("", &format!("{action} on {resource}"))?;
    // What follows from who asks need not be repeated.
    let brought = witness.get("context").and_then(Json::as_object).into_iter().flatten().filter(
        |(key, _)| !key.starts_with("aws:principal") && !key.starts_with("aws:resourceorg"),
    );
    for (key, value) in brought {
        match value {
            Json::String(text) => row("", &format!("with {key} = {text}"))?,
            other => row("", &format!("with {key} = {other}"))?,
        }
    }
    Ok(())
}

/// What the judge says of the witness on the side where the path is closed.
fn replay(
    entry: &Json,
    change: &str,
    row: &mut dyn FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    let side = match change {
        "added" | "widened" => "before",
        "removed" | "narrowed" => "after",
        _ => return Ok(()),
    };
    let Some(told) = entry.get("replay").and_then(|r| r.get(side)).filter(|t| !t.is_null()) else {
        return Ok(());
    };
    let step = view::text(told, &["step"]).unwrap_or("?");
    let decision = view::text(told, &["decision"]).unwrap_or("?");
    let by = view::text(told, &["decided_by"]).unwrap_or("?").replace('_', " ");
    let text = match decision {
        "absent" => {
            format!("there is no {}", view::text(told, &["missing"]).unwrap_or(step))
        }
        "explicit_deny" => {
            format!("denied by {}", view::texts(told, "denied_by").join(" and "))
        }
        "implicit_deny" => format!("denied: nothing in the {by} allows {step}"),
        // Power over a wall takes a right and something that the right is over.
        "allow" if matches!(change, "added" | "removed") => {
            format!("the same right over {step}, and nothing behind it that opens a wall")
        }
        _ => return Ok(()),
    };
    row(side, &text)
}

/// What could have held the last step and does not.
fn limits(entry: &Json, row: &mut dyn FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
    let Some(limits) = entry.get("limits").filter(|l| !l.is_null()) else { return Ok(()) };
    let chain = |key: &str, none: &str, effect: &str| match view::texts(limits, key) {
        levels if levels.is_empty() => none.to_owned(),
        levels => format!("{}: {effect}", levels.join(" > ")),
    };
    let boundary = match view::text(limits, &["boundary"]) {
        Some(address) => format!("boundary {address}: allows"),
        None => "no boundary".to_owned(),
    };
    row("limits", &boundary)?;
    row("", &format!("SCPs {}", chain("service_control_policies", "none", "allow")))?;
    row("", &format!("RCPs {}", chain("resource_control_policies", "none", "no deny")))
}

/// Warnings about the walls.
pub(super) fn findings(entries: &[Json], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {}", style.paint(Tone::Bold, "Findings"))?;
    for finding in entries {
        let severity = view::text(finding, &["severity"]).unwrap_or("info");
        let tone = if severity == "error" { Tone::Bad } else { Tone::Warn };
        let text = view::text(finding, &["text"]).unwrap_or_default();
        let mut mark = style.paint(tone, severity);
        for line in wrap(&safe(text), style.width.saturating_sub(13).max(40)) {
            writeln!(out, "    {mark} {line}")?;
            mark = " ".repeat(columns(severity));
        }
    }
    Ok(())
}

/// What was not read.
pub(super) fn unread(basis: Option<&Json>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let unread = basis.map(|b| view::texts(b, "accounts_unread")).filter(|u| !u.is_empty());
    let Some(unread) = unread else { return Ok(()) };
    let text = format!(
        "Not read: {}. Verdicts on them stand on managed objects alone.",
        unread.join(", ")
    );
    writeln!(out, "\n  {}", style.paint(Tone::Warn, &safe(&text)))
}

/// Verdicts of all ordered pairs, as a table, or one pair a line where the terminal is too narrow.
pub(super) fn matrix(rows: &[Json], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut cells: BTreeMap<&str, BTreeMap<&str, (String, Tone)>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    let mut columns_: Vec<&str> = Vec::new();
    for entry in rows {
        let from = view::text(entry, &["from"]).unwrap_or("?");
        let to = view::text(entry, &["to"]).unwrap_or("?");
        if !order.contains(&from) {
            order.push(from);
        }
        if !columns_.contains(&to) {
            columns_.push(to);
        }
        cells.entry(from).or_default().insert(to, view::cell(entry));
    }
    // Environments in the order of the rows, which have all of them.
    columns_.sort_by_key(|to| order.iter().position(|from| from == to));
    writeln!(out, "\n  {}", style.paint(Tone::Bold, "From \\ to"))?;
    let width_of = |to: &str| {
        let texts = cells.values().filter_map(|r| r.get(to)).map(|(t, _)| columns(t)).max();
        texts.unwrap_or(0).max(columns(to)) + 2
    };
    let wide: usize = columns_.iter().map(|c| width_of(c)).sum();
    let first = order.iter().map(|o| columns(o)).max().unwrap_or(0);
    if first + wide + 4 > style.width {
        // Too wide for a table: one pair a line.
        for from in &order {
            for (to, (text, tone)) in cells.get(from).into_iter().flatten() {
                writeln!(out, "    {} -> {}: {}", safe(from), safe(to), style.paint(*tone, text))?;
            }
        }
        return Ok(());
    }
    let header: String = columns_.iter().map(|c| pad(c, width_of(c))).collect();
    writeln!(out, "    {}  {}", " ".repeat(first), style.paint(Tone::Dim, header.trim_end()))?;
    for from in order {
        let mut line = format!("    {}  ", pad(from, first));
        for to in &columns_ {
            let width = width_of(to);
            match cells.get(from).and_then(|r| r.get(to)) {
                Some((text, tone)) => {
                    line.push_str(&style.paint(*tone, text));
                    line.push_str(&" ".repeat(width.saturating_sub(columns(text))));
                }
                None => line.push_str(&pad("-", width)),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
