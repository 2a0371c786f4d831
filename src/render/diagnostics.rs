//! Diagnostics for people (by miette) and for tools.

use std::io::{self, Write};

use miette::{GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};
use serde_json::{Value as Json, json};

use crate::diag::{Diagnostic, Loc, by_place};
use crate::engine::validate::Validation;

use super::style::{Style, Tone, columns, count, is_unsafe, safe};

/// More than this many of one run are counted, not printed.
const SHOWN: usize = 100;
/// Lines longer than this (minified policies) are not quoted: a window of them is.
const LONGEST_LINE: usize = 400;

/// Writes diagnostics, errors last so that they are what stays on the screen.
///
/// # Errors
/// Those of the writer.
pub fn write<'a>(
    diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (warnings, errors): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        by_place(diagnostics).into_iter().partition(|d| !d.is_error());
    for (group, one, many) in
        [(&warnings, "more warning", "more warnings"), (&errors, "more error", "more errors")]
    {
        for diagnostic in group.iter().take(SHOWN) {
            one_diagnostic(diagnostic, style, out)?;
        }
        if group.len() > SHOWN {
            let rest = count(group.len() - SHOWN, one, many);
            writeln!(out, "{}", style.paint(Tone::Dim, &format!("and {rest}")))?;
        }
    }
    Ok(())
}

/// `3 errors and 1 warning`; empty for none.
#[must_use]
pub fn tally<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in diagnostics {
        if diagnostic.is_error() { errors += 1 } else { warnings += 1 }
    }
    match (errors, warnings) {
        (0, 0) => String::new(),
        (e, 0) => count(e, "error", "errors"),
        (0, w) => count(w, "warning", "warnings"),
        (e, w) => {
            format!("{} and {}", count(e, "error", "errors"), count(w, "warning", "warnings"))
        }
    }
}

fn one_diagnostic(diagnostic: &Diagnostic, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let quoted = diagnostic.loc.as_ref().is_none_or(|loc| quotable(loc, style.color));
    let shown = prepare(diagnostic, quoted, style.color);
    if !style.color {
        return plain(&shown, out);
    }
    let theme =
        GraphicalTheme { characters: ThemeCharacters::unicode(), styles: ThemeStyles::ansi() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width.max(40))
        .with_context_lines(1)
        .with_links(false);
    let shown = with_label_that_fits(shown, style.width.max(40));
    let mut text = String::new();
    handler.render_report(&mut text, &shown).map_err(io::Error::other)?;
    writeln!(out, "{}", text.trim_matches('\n'))?;
    writeln!(out)
}

/// A label that is too long for its place beside the source would be broken anywhere by the
/// terminal: it is said above the source instead, where it is folded.
fn with_label_that_fits(mut shown: Diagnostic, width: usize) -> Diagnostic {
    let Some(loc) = &shown.loc else { return shown };
    // The gutter, what stands before the range, half of the range, and the arrow.
    let before = loc.column() + loc.line().to_string().len() + 10;
    let half = loc.source().text().get(loc.span()).map_or(0, |range| columns(range) / 2);
    let too_long = |label: &str| label.lines().any(|l| before + half + columns(l) > width);
    if let Some(detail) = shown.detail.take_if(|detail| too_long(detail)) {
        shown.summary = format!("{}\n{detail}", shown.summary);
    }
    shown
}

/// Whether the line that a range stands in is short enough to be printed whole; and, where miette draws it,
/// whether it holds nothing that steers a terminal, for miette prints it as it is.
fn quotable(loc: &Loc, drawn: bool) -> bool {
    let text = loc.source().text();
    let span = loc.span();
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.start..).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default().len()
        + after.split('\n').next().unwrap_or_default().len();
    line <= LONGEST_LINE
        && text.get(span.clone()).is_none_or(|t| t.len() <= 4 * LONGEST_LINE)
        && !(drawn && steers(text, span))
}

/// Whether what would be printed of the source, a line more at either end, could steer a terminal.
fn steers(text: &str, span: std::ops::Range<usize>) -> bool {
    let line_start = |at: usize| text.get(..at).and_then(|t| t.rfind('\n')).unwrap_or(0);
    let line_end = |at: usize| {
        let rest = text.get(at..).and_then(|t| t.find('\n'));
        rest.map_or(text.len(), |end| at + end)
    };
    let first = line_start(line_start(span.start));
    let last = line_end((line_end(span.end) + 1).min(text.len()));
    let shown = text.get(first..last).unwrap_or_default();
    shown.chars().any(|c| !matches!(c, '\n' | '\r' | '\t') && is_unsafe(c))
}

/// What miette cannot show by itself is put into words: places in other files, unquotable ranges.
fn prepare(diagnostic: &Diagnostic, quoted: bool, drawn: bool) -> Diagnostic {
    let mut shown = diagnostic.clone();
    shown.summary = safe_lines(&shown.summary);
    shown.detail = shown.detail.as_deref().map(safe_lines);
    let mut help = shown.help.as_deref().map(safe_lines);
    let mut add = |text: String| {
        let sum = help.take().map_or_else(|| text.clone(), |h| format!("{h}\n{text}"));
        help = Some(sum);
    };
    for (at, label) in &diagnostic.related {
        let elsewhere = diagnostic
            .loc
            .as_ref()
            .is_none_or(|loc| !std::sync::Arc::ptr_eq(at.source(), loc.source()));
        if elsewhere || !quoted || !quotable(at, drawn) {
            add(format!("{} at {at}", safe(label)));
        }
    }
    shown.related.retain(|(at, _)| quoted && quotable(at, drawn));
    if let (false, Some(loc)) = (quoted, &diagnostic.loc) {
        let text = loc.source().text().get(loc.span()).unwrap_or_default();
        let window: String = text.chars().take(60).collect();
        let dots = if window.len() < text.len() { "..." } else { "" };
        add(format!(
            "at {}:{}:{}, `{}{dots}`",
            loc.file(),
            loc.line(),
            loc.column(),
            safe(&window)
        ));
        shown.loc = None;
    }
    shown.help = help;
    shown
}

fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// The form for logs: `error: summary`, place, source line with carets, advice. One fact a line,
/// no drawing, so that it can be searched.
fn plain(d: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    let severity = if d.is_error() { "error" } else { "warning" };
    writeln!(out, "{severity}: {}", d.summary)?;
    let mut detail = d.detail.as_deref();
    if let Some(loc) = &d.loc {
        excerpt(loc, detail.take(), out)?;
        for (at, label) in &d.related {
            if std::sync::Arc::ptr_eq(at.source(), loc.source()) {
                excerpt(at, Some(label), out)?;
            }
        }
    }
    if let Some(detail) = detail {
        for line in detail.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    for (index, line) in d.help.iter().flat_map(|h| h.lines()).enumerate() {
        writeln!(out, "  {} {line}", if index == 0 { "help:" } else { "     " })?;
    }
    writeln!(out)
}

fn excerpt(loc: &Loc, label: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let (line, column) = (loc.line(), loc.column());
    writeln!(out, "  --> {}:{line}:{column}", safe(loc.file()))?;
    let text = loc.source().text();
    let source = text.lines().nth(line - 1).unwrap_or_default();
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let expanded = source.trim_end_matches('\r').replace('\t', " ");
    writeln!(out, "  {gutter} |")?;
    writeln!(out, "  {number} | {}", safe(&expanded))?;
    let first = text.get(loc.span()).unwrap_or_default().lines().next().unwrap_or_default();
    let carets = "^".repeat(super::style::columns(first).max(1));
    let before: String = expanded.chars().take(column - 1).collect();
    let lead = " ".repeat(super::style::columns(&before));
    let mut lines = label.unwrap_or_default().lines();
    let head = lines.next().unwrap_or_default();
    writeln!(out, "{}", format!("  {gutter} | {lead}{carets} {head}").trim_end())?;
    for rest in lines {
        writeln!(out, "  {gutter} | {lead}{} {rest}", " ".repeat(carets.len()))?;
    }
    Ok(())
}

/// Writes what `palisade validate --json` says.
///
/// # Errors
/// Those of the writer.
pub fn validation_json(validation: &Validation, out: &mut dyn Write) -> io::Result<()> {
    let diagnostics = &validation.diagnostics;
    let count = |error: bool| diagnostics.iter().filter(|d| d.is_error() == error).count();
    let report = json!({
        "valid": !diagnostics.has_errors(),
        "error_count": count(true),
        "warning_count": count(false),
        "diagnostics": json(diagnostics),
    });
    super::json::write(&report, out)
}

/// For `--json`: severity, summary, detail, help and place of each.
#[must_use]
pub fn json<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Json {
    by_place(diagnostics)
        .into_iter()
        .map(|d| {
            let place = d
                .loc
                .as_ref()
                .map(|l| json!({"file": l.file(), "line": l.line(), "column": l.column()}));
            json!({
                "severity": if d.is_error() { "error" } else { "warning" },
                "summary": d.summary,
                "detail": d.detail,
                "help": d.help,
                "location": place,
            })
        })
        .collect()
}
