//! A plan as one self-contained HTML page: no script, no request to anywhere.

use std::io::{self, Write};

use crate::diag::Severity;
use crate::plan::model::{CheckStatus, Plan, PlanDiagnostic};

use super::lines::{self, Line, Sign};
use super::refusal::Refusal;
use super::style::{Tone, count, safe};
use super::{principals, view};

/// Text that is safe between tags and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const CSS: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#6a737d;--line:#d8dee4;--add:#1a7f37;\
--remove:#cf222e;--change:#9a6700;--replace:#8250df;--adopt:#0969da;--panel:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#8b949e;--line:#30363d;\
--add:#3fb950;--remove:#f85149;--change:#d29922;--replace:#bc8cff;--adopt:#58a6ff;--panel:#161b22}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;\
margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}\
h3{font-size:1rem;margin:1rem 0 .3rem}pre{font:13px/1.45 ui-monospace,monospace;margin:0;\
overflow-x:auto}details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;\
background:var(--panel)}summary{cursor:pointer;padding:.35rem .7rem;font-family:ui-monospace,\
monospace;font-size:13px}details table{margin:.2rem .7rem .7rem}details pre{padding:.2rem .7rem .6rem 2rem}table{border-collapse:collapse}\
td,th{border:1px solid var(--line);padding:.25rem .6rem;text-align:left}.dim{color:var(--dim)}\
.add,.good{color:var(--add)}.remove,.bad{color:var(--remove)}.change,.warn{color:var(--change)}\
.replace{color:var(--replace)}.adopt{color:var(--adopt)}.bold,.bad,.warn{font-weight:600}\
.summary{font-size:1.1rem;font-weight:600}";

/// Writes the page.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    head(&view::summary(plan), out)?;
    writeln!(
        out,
        "<p class=\"dim\">Made {} by Palisade {}, digest <code>{}</code></p>",
        escape(&safe(&plan.generated_at)),
        escape(&safe(&plan.palisade_version)),
        escape(&safe(&plan.digest))
    )?;
    if let Some(line) = principals::sentence(&plan.principals) {
        writeln!(out, "<p class=\"dim\">{}</p>", escape(&line))?;
    }
    unread(plan, out)?;
    let drifted = view::managed_drift(plan);
    if !drifted.is_empty() {
        writeln!(
            out,
            "<h2>Drift <span class=\"dim\">changed in AWS since the last apply</span></h2>"
        )?;
        for drift in drifted {
            let note = view::drift_remark(plan, drift);
            let lines = match drift.status {
                crate::plan::model::DriftStatus::Changed => lines::drifted(drift),
                _ => Vec::new(),
            };
            object(
                view::drift_sign(drift.status),
                &drift.address,
                &[(Tone::Warn, note)],
                &lines,
                out,
            )?;
        }
    }
    for account in view::accounts(plan) {
        let serves = account.serves.as_deref().unwrap_or_default();
        writeln!(
            out,
            "<h2>{} <span class=\"dim\">{}</span></h2>",
            escape(&safe(&account.title)),
            escape(serves)
        )?;
        for (heading, changes) in account.sections {
            writeln!(out, "<h3>{heading}</h3>")?;
            for change in changes {
                let sign = Sign::of(change.action, change.create_before_destroy);
                let mut notes: Vec<(Tone, &str)> = view::remark(change).into_iter().collect();
                let moved = change.previous_address.as_ref().map(|p| format!("moved from {p}"));
                notes.extend(moved.as_deref().map(|m| (Tone::Adopt, m)));
                notes.extend(change.reason.as_deref().map(|r| (Tone::Dim, r)));
                notes.extend(change.location.as_deref().map(|l| (Tone::Dim, l)));
                object(sign, &change.display, &notes, &lines::of_change(change), out)?;
            }
        }
    }
    super::isolation::html::section(&plan.isolation, out)?;
    if !plan.limits.is_empty() {
        let tight = plan.limits.iter().filter(|l| view::is_tight(l)).count();
        let open = if tight > 0 { " open" } else { "" };
        let counted = count(plan.limits.len(), "limit", "limits");
        writeln!(
            out,
            "<h2>Limits</h2><details{open}><summary>{counted}, {tight} nearly used up</summary>"
        )?;
        writeln!(out, "<table><tr><th>of</th><th>used</th></tr>")?;
        for limit in &plan.limits {
            let class = match limit.used {
                used if used > limit.allowed => " class=\"bad\"",
                _ if view::is_tight(limit) => " class=\"warn\"",
                _ => "",
            };
            let (target, usage) = (escape(&safe(&limit.target)), view::usage(limit));
            writeln!(out, "<tr><td>{target}</td><td{class}>{usage}</td></tr>")?;
        }
        writeln!(out, "</table></details>")?;
    }
    if !plan.checks.is_empty() || !plan.diagnostics.is_empty() {
        writeln!(out, "<h2>Checks and warnings</h2><ul>")?;
        for check in &plan.checks {
            let class = if check.status == CheckStatus::Pass { "good" } else { "warn" };
            writeln!(
                out,
                "<li><span class=\"{class}\">{}</span> {} {}</li>",
                check.status.name(),
                escape(&safe(&check.name)),
                escape(&safe(&check.message))
            )?;
        }
        diagnostics(&plan.diagnostics, out)?;
        writeln!(out, "</ul>")?;
    }
    let unmanaged = view::unmanaged(plan);
    if unmanaged > 0 {
        let objects = count(unmanaged, "object", "objects");
        writeln!(out, "<p class=\"dim\">{objects} in AWS not managed here.</p>")?;
    }
    writeln!(out, "</body></html>")
}

/// What could not be read.
fn unread(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    if plan.unread.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Not read <span class=\"dim\">what is said of these rests on the state alone</span></h2><ul>"
    )?;
    for part in &plan.unread {
        let (name, reason) = (view::unread_part(part), part.reason.replace('\n', " "));
        write!(
            out,
            "<li><b>{}</b> <span class=\"warn\">{}</span>",
            escape(&safe(&name)),
            escape(&safe(&reason))
        )?;
        if !part.objects.is_empty() {
            write!(out, "<ul>")?;
            for object in &part.objects {
                write!(out, "<li>{}</li>", escape(&safe(object)))?;
            }
            write!(out, "</ul>")?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

/// Writes the page that says why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &Refusal, out: &mut dyn Write) -> io::Result<()> {
    head(&refusal.summary(), out)?;
    writeln!(
        out,
        "<p class=\"dim\">Tried {} by Palisade {}</p>\n<ul>",
        escape(&safe(&refusal.generated_at)),
        escape(&safe(&refusal.palisade_version))
    )?;
    diagnostics(&refusal.diagnostics, out)?;
    writeln!(out, "</ul>\n</body></html>")
}

fn head(summary: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")?;
    writeln!(out, "<title>Palisade plan</title><style>{CSS}</style></head><body>")?;
    writeln!(out, "<h1>Palisade plan</h1>\n<p class=\"summary\">{}</p>", escape(summary))
}

fn diagnostics(all: &[PlanDiagnostic], out: &mut dyn Write) -> io::Result<()> {
    for d in all {
        let place = d.location.as_ref().map(|l| format!(" ({}:{})", l.file, l.line));
        let detail = d.detail.as_ref().map(|d| format!(": {}", d.replace('\n', " ")));
        let class = match d.severity {
            Severity::Error => "bad",
            Severity::Warning => "warn",
        };
        writeln!(
            out,
            "<li><span class=\"{class}\">{}</span> {}{}{}</li>",
            d.severity.name(),
            escape(&safe(&d.summary)),
            escape(&safe(&detail.unwrap_or_default())),
            escape(&safe(&place.unwrap_or_default()))
        )?;
    }
    Ok(())
}

fn object(
    sign: Sign,
    name: &str,
    notes: &[(Tone, &str)],
    lines: &[Line],
    out: &mut dyn Write,
) -> io::Result<()> {
    let notes: String = notes
        .iter()
        .map(|(tone, n)| format!(" <span class=\"{}\">{}</span>", tone.class(), escape(&safe(n))))
        .collect();
    let symbol = escape(sign.symbol());
    let class = sign.tone().class();
    writeln!(
        out,
        "<details open><summary><b class=\"{class}\">{symbol}</b> {}{notes}</summary><pre>",
        escape(&safe(name))
    )?;
    for line in lines {
        let note = line.note.as_ref().map_or_else(String::new, |(tone, n)| {
            format!("  <span class=\"{}\"># {}</span>", tone.class(), escape(n))
        });
        writeln!(
            out,
            "{}<span class=\"{}\">{} {}</span>{note}",
            " ".repeat(line.depth * 4),
            line.sign.tone().class(),
            escape(line.sign.symbol()),
            escape(&line.text)
        )?;
    }
    writeln!(out, "</pre></details>")
}
