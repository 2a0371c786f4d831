//! A plan, and the report of an estate, as one self-contained HTML page: no script, no request to anywhere.
//!
//! The page reads without colours (words say what a colour says), in light and dark, at 420 pixels, on paper,
//! by keyboard and by screen reader: one heading a section, a caption a table, regions that scroll can be
//! focused. What can be opened is a `details` element, which browsers open by themselves where a link leads
//! into it.

use std::io::{self, Write};

use crate::diag::Severity;
use crate::engine::report::Report;
use crate::ids::Handle;
use crate::isolation::section::ExceptionUse;
use crate::plan::model::{CheckStatus, Plan, PlanDiagnostic};

use super::fold::{self, ShownChange};
use super::form::Detail;
use super::lines::{self, Line, Sign, whole};
use super::refusal::summary;
use super::style::{Tone, count, safe};
use super::verdict::path_lines::{self, PathClass, PathLine};
use super::verdict::{self, Headline, exceptions};
use super::view;
use crate::engine::refusal::PlanRefusal;

mod estate;
mod history;
pub mod review;
mod style;
pub(super) mod table;

use table::{Table, TableCell};

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

/// The same of what comes from AWS or from configuration.
pub(super) fn text(text: &str) -> String {
    escape(&safe(text))
}

/// A sentence in which names stand between backticks.
pub(super) fn prose(sentence: &str) -> String {
    let pieces: Vec<&str> = sentence.split('`').collect();
    // One backtick too many is a character like others.
    if pieces.len().is_multiple_of(2) {
        return text(sentence);
    }
    let piece = |(at, piece): (usize, &&str)| match at % 2 {
        0 => text(piece),
        _ => format!("<code>{}</code>", breakable(piece)),
    };
    pieces.iter().enumerate().map(piece).collect()
}

/// From one end to the other, or from one verdict to the next, with an arrow that no line breaks apart.
pub(super) fn arrows(route: &str) -> String {
    text(route).replace(" -&gt; ", " &#8594; ")
}

/// A name or an ARN that breaks between its parts where it has to, and not within a word.
pub(super) fn breakable(name: &str) -> String {
    let parts = ['.', ':', '/', '@', '_'];
    parts.iter().fold(text(name), |name, end| name.replace(*end, &format!("{end}<wbr>")))
}

/// Columns of an object's lines.
const WIDTH: usize = 110;

/// Writes a plan's page.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, detail: Detail<'_>, out: &mut dyn Write) -> io::Result<()> {
    let declared = detail.estate;
    let headline = Headline::of(plan);
    let title = view::title(plan);
    head(&title, out)?;
    let is_refused = headline.classes.iter().any(|(class, _)| class.is_refused());
    let word = word(headline.tone, is_refused);
    banner(&title, word, &headline.sentence, headline.tone, &made("Planned", plan), out)?;
    let mut parts = vec![("verdict", "Verdict")];
    parts.extend(declared.map(|_| ("estate", "Estate")));
    parts.extend([("walls", "Isolation"), ("exceptions", "Exceptions"), ("drift", "Drift")]);
    parts.extend([("changes", "Changes"), ("limits", "Limits"), ("checks", "Checks")]);
    navigation(&parts, out)?;
    open("verdict", "Verdict", out)?;
    facts(&headline, out)?;
    unread(plan, out)?;
    let summary = text(&view::summary(plan, detail.destroys));
    writeln!(out, "<p><strong>{summary}</strong></p>")?;
    for (class, paths) in &headline.classes {
        table_of_paths(*class, paths, out)?;
    }
    close(out)?;
    if let Some(declared) = declared {
        open("estate", "Estate", out)?;
        estate::draw(declared, out)?;
        close(out)?;
    }
    walls(plan, None, out)?;
    exceptions(&plan.isolation.exceptions, out)?;
    drift(plan, out)?;
    open("changes", "Changes by account", out)?;
    changes(plan, detail, out)?;
    close(out)?;
    limits(plan, out)?;
    checks(plan, out)?;
    foot(plan, out)
}

/// Writes the report of an estate as it is now.
///
/// # Errors
/// Those of the writer.
pub fn report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let plan = &report.plan;
    let title = match plan.estate.name.as_str() {
        "" => "Palisade report".to_owned(),
        name => format!("Palisade report of {name}"),
    };
    head(&title, out)?;
    let (sentence, tone) = verdict::now(&report.walls);
    banner(&title, word(tone, false), &sentence, tone, &made("Read", plan), out)?;
    navigation(
        &[
            ("verdict", "Verdict"),
            ("estate", "Estate"),
            ("walls", "Isolation"),
            ("exceptions", "Exceptions"),
            ("drift", "Drift"),
            ("history", "History"),
            ("limits", "Limits"),
            ("checks", "Checks"),
        ],
        out,
    )?;
    open("verdict", "Verdict", out)?;
    facts(&Headline::of(plan), out)?;
    unread(plan, out)?;
    history::figures(&report.figures, out)?;
    for (class, paths) in path_lines::standing(&plan.accounts, &report.walls) {
        table_of_paths(class, &paths, out)?;
    }
    close(out)?;
    open("estate", "Estate", out)?;
    estate::draw(&report.estate, out)?;
    close(out)?;
    walls(plan, Some(&report.walls.paths), out)?;
    exceptions(&plan.isolation.exceptions, out)?;
    drift(plan, out)?;
    open("history", "History", out)?;
    history::history(&report.moves, &report.audit, out)?;
    close(out)?;
    limits(plan, out)?;
    checks(plan, out)?;
    foot(plan, out)
}

/// What could not be read, by place, reason and name.
fn unread(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    if plan.unread.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3 class=\"warn\">{}</h3><ul>", text(view::NOT_READ))?;
    for part in &plan.unread {
        let (name, reason) = (view::unread_part(part), part.reason.replace('\n', " "));
        write!(out, "<li><b>{}</b> {}", text(&name), text(&reason))?;
        if !part.objects.is_empty() {
            let objects = count(part.objects.len(), "object", "objects");
            write!(out, "<details><summary>{objects}</summary><ul>")?;
            for object in &part.objects {
                write!(out, "<li><code>{}</code></li>", text(object))?;
            }
            write!(out, "</ul></details>")?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

/// Writes the page that says why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &PlanRefusal, out: &mut dyn Write) -> io::Result<()> {
    let title = view::titled(&refusal.estate, &refusal.selection);
    head(&title, out)?;
    let made = format!(
        "Tried {} by Palisade {}",
        text(&refusal.generated_at),
        text(&refusal.palisade_version)
    );
    banner(&title, word(Tone::Bad, true), &summary(refusal), Tone::Bad, &made, out)?;
    writeln!(out, "<main id=\"main\"><ul>")?;
    diagnostics(&refusal.diagnostics, out)?;
    writeln!(out, "</ul></main>\n</body></html>")
}

/// When it was made, by which version, of what: what makes the page evidence.
fn made(what: &str, plan: &Plan) -> String {
    let read = match &plan.isolation.basis {
        Some(basis) if basis.live && !basis.accounts_read.is_empty() => {
            let names: Vec<&str> = basis.accounts_read.iter().map(Handle::as_str).collect();
            format!("; accounts read: {}", text(&names.join(", ")))
        }
        Some(basis) if basis.live => String::new(),
        _ => "; AWS not read".to_owned(),
    };
    format!(
        "{what} {} by Palisade {}, digest <code>{}</code>{read}",
        text(&plan.generated_at),
        text(&plan.palisade_version),
        text(&plan.digest)
    )
}

fn head(title: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")?;
    writeln!(out, "<title>{}</title><style>{}</style></head><body>", text(title), style::CSS)?;
    writeln!(out, "<a class=\"skip\" href=\"#main\">Skip to the content</a>")
}

/// What a verdict's colour says, in a word. What stood before a plan breaks a rule and blocks no apply.
fn word(tone: Tone, is_refused: bool) -> &'static str {
    match tone {
        Tone::Bad if is_refused => "Refused",
        Tone::Bad => "Broken",
        Tone::Warn => "Attention",
        _ => "In order",
    }
}

fn banner(
    title: &str,
    word: &str,
    sentence: &str,
    tone: Tone,
    made: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<header><h1>{}</h1>", text(title))?;
    writeln!(
        out,
        "<p class=\"banner {}\" role=\"status\"><span class=\"word\">{word}</span> {}</p>",
        tone.class(),
        text(sentence)
    )?;
    writeln!(out, "<p class=\"dim\">{made}</p></header>")
}

fn navigation(parts: &[(&str, &str)], out: &mut dyn Write) -> io::Result<()> {
    let links: Vec<String> =
        parts.iter().map(|(id, name)| format!("<li><a href=\"#{id}\">{name}</a></li>")).collect();
    writeln!(out, "<nav aria-label=\"Sections\"><ul>{}</ul></nav>", links.join(""))?;
    writeln!(out, "<main id=\"main\">")
}

fn open(id: &str, title: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>"
    )
}

fn close(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</section>")
}

fn foot(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let unmanaged = view::unmanaged(plan);
    if unmanaged > 0 {
        let objects = count(unmanaged, "object", "objects");
        writeln!(out, "<p class=\"dim\">{objects} in AWS not managed here.</p>")?;
    }
    writeln!(out, "</main></body></html>")
}

fn facts(headline: &Headline<'_>, out: &mut dyn Write) -> io::Result<()> {
    if headline.facts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<dl class=\"facts\">")?;
    for fact in &headline.facts {
        let class = fact.tone.class();
        writeln!(out, "<dt>{}</dt><dd class=\"{class}\">{}</dd>", fact.label, prose(&fact.text))?;
    }
    writeln!(out, "</dl>")
}

fn table_of_paths(class: PathClass, paths: &[PathLine<'_>], out: &mut dyn Write) -> io::Result<()> {
    let number: usize = paths.iter().map(|path| path.members).sum();
    let title = format!("{}: {}", class.title(), count(number, "path", "paths"));
    writeln!(out, "<h3 class=\"{}\">{}</h3>", class.tone().class(), text(&title))?;
    let columns = ["from, to", "verdict", "principal", "may", "cause"];
    let table = Table::of_records(&title, &columns, out)?;
    for line in paths {
        let alike = match line.members {
            1 => String::new(),
            members => format!(" ({members} alike)"),
        };
        let route = format!("<a href=\"#{}\">{}</a>", text(&line.path.id), arrows(&line.route));
        let cells = [
            TableCell::of(route),
            TableCell::of(format!("{}{alike}", text(&line.remark))),
            TableCell::code(&line.principal),
            TableCell::code(&line.actions),
            TableCell::code(&line.cause),
        ];
        table.row(cells, out)?;
    }
    table.end(out)
}

fn walls(
    plan: &Plan,
    paths: Option<&[crate::isolation::section::AccessPath]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    open("walls", "Isolation", out)?;
    super::isolation::html::section(&plan.isolation, &plan.accounts, paths, out)?;
    close(out)
}

fn exceptions(all: &[ExceptionUse], out: &mut dyn Write) -> io::Result<()> {
    open("exceptions", "Exceptions", out)?;
    if all.is_empty() {
        writeln!(out, "<p>No rule has an exception.</p>")?;
        return close(out);
    }
    let caption = count(all.len(), "exception", "exceptions");
    let columns = ["exception", "state", "reason", "who", "permits"];
    let table = Table::of_records(&caption, &columns, out)?;
    for permit in all {
        let (state, tone) = exceptions::state(permit);
        let covers: Vec<String> = permit
            .covers
            .iter()
            .map(|id| format!("<a class=\"nowrap\" href=\"#{}\">{}</a>", text(id), text(id)))
            .collect();
        let who = |who: &Option<String>| text(who.as_deref().unwrap_or("not named"));
        let cells = [
            TableCell::head(format!(
                "{}<br><code>{}</code>",
                breakable(&format!("{}.{}", permit.rule, permit.name)),
                text(&permit.location)
            )),
            TableCell::classed(
                tone.class(),
                format!(
                    "{state}<br><span class=\"nowrap\">until {}</span><br>({})",
                    text(&permit.expires),
                    exceptions::days_left(permit.days_left)
                ),
            ),
            TableCell::classed("wide", text(&permit.reason)),
            TableCell::of(format!(
                "owner {}<br>approved by {}",
                who(&permit.owner),
                who(&permit.approved_by)
            )),
            TableCell::of(covers.join(" ")),
        ];
        table.row(cells, out)?;
    }
    table.end(out)?;
    close(out)
}

fn drift(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    open("drift", "Drift", out)?;
    let drifted = view::managed_drift(plan);
    if drifted.is_empty() {
        writeln!(out, "<p>Nothing that is managed was changed outside Palisade.</p>")?;
    }
    for (drift, note) in drifted {
        let lines = match drift.status {
            crate::plan::model::DriftStatus::Changed => lines::drifted(drift),
            _ => Vec::new(),
        };
        let sign = view::drift_sign(drift.status);
        object(sign, &drift.address, &[(Tone::Warn, note)], &lines, true, out)?;
    }
    close(out)
}

/// Changes under the titles of their accounts; opened where there are few.
fn changes(plan: &Plan, detail: Detail<'_>, out: &mut dyn Write) -> io::Result<()> {
    const FEW: usize = 30;
    let sections = fold::sections(plan, detail.full);
    let entries: usize = sections.iter().flat_map(|s| &s.parts).map(|(_, all)| all.len()).sum();
    if entries == 0 {
        writeln!(out, "<p>No object changes.</p>")?;
    }
    let common = whole::common_tags(plan);
    if !detail.full {
        carried("Objects with tags carry", &common, out)?;
    }
    for section in &sections {
        let about: Vec<&str> =
            section.serves.iter().chain([&section.counts]).map(String::as_str).collect();
        writeln!(
            out,
            "<h3>{} <span class=\"dim\">{}</span></h3>",
            text(&section.title),
            text(&about.join(": "))
        )?;
        let mut said = common.clone();
        said.extend(section.tags.clone());
        if !detail.full {
            let more = section.tags.iter().filter(|(name, _)| !common.contains_key(*name));
            let more = more.map(|(name, value)| (name.clone(), value.clone())).collect();
            carried("Objects with tags carry too", &more, out)?;
        }
        for (heading, entries_of) in &section.parts {
            writeln!(out, "<h4>{heading}</h4>")?;
            for entry in entries_of {
                change(entry, &said, detail, entries <= FEW, out)?;
            }
        }
    }
    Ok(())
}

/// Tags that are said once for many objects.
fn carried(what: &str, tags: &whole::Tags, out: &mut dyn Write) -> io::Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let tags: Vec<String> = tags.iter().map(|(k, v)| format!("{k} = \"{v}\"")).collect();
    writeln!(out, "<p class=\"dim\">{what} <code>{}</code>.</p>", text(&tags.join(", ")))
}

fn change(
    entry: &ShownChange<'_>,
    said: &whole::Tags,
    detail: Detail<'_>,
    opened: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let change = entry.change.as_ref();
    let sign = Sign::of(change.action, change.create_before_destroy);
    let short = || whole::of_whole(change, entry.base.as_ref(), said, WIDTH);
    let lines = if detail.full { None } else { short() };
    let lines = lines.unwrap_or_else(|| lines::of_change(change));
    let base = entry.base.as_ref().filter(|_| !detail.full);
    let like = base.map(|base| format!("like {}", base.name));
    let moved = change.previous_address.as_ref().map(|p| format!("moved from {p}"));
    let mut notes: Vec<(Tone, &str)> = view::remark(change).into_iter().collect();
    notes.extend(like.as_deref().map(|text| (Tone::Dim, text)));
    notes.extend(moved.as_deref().map(|text| (Tone::Adopt, text)));
    notes.extend(change.reason.as_deref().map(|text| (Tone::Dim, text)));
    notes.extend(change.location.as_deref().map(|text| (Tone::Dim, text)));
    object(sign, &entry.name, &notes, &lines, opened, out)
}

fn object(
    sign: Sign,
    name: &str,
    notes: &[(Tone, &str)],
    lines: &[Line],
    opened: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let notes: String = notes
        .iter()
        .map(|(tone, n)| format!(" <span class=\"{}\">{}</span>", tone.class(), text(n)))
        .collect();
    let (symbol, class) = (escape(sign.symbol()), sign.tone().class());
    let title = format!(
        "<b class=\"{class}\" aria-label=\"{}\">{symbol}</b> {}{notes}",
        sign.meaning(),
        text(name)
    );
    if lines.is_empty() {
        return writeln!(out, "<p class=\"object\">{title}</p>");
    }
    let opened = if opened { " open" } else { "" };
    writeln!(out, "<details{opened}><summary>{title}</summary><pre tabindex=\"0\">")?;
    for line in lines {
        let note = line.note.as_ref().map_or_else(String::new, |(tone, n)| {
            format!("  <span class=\"{}\"># {}</span>", tone.class(), escape(n))
        });
        writeln!(
            out,
            "{}<span class=\"{}\">{} {}</span>{note}",
            " ".repeat(line.depth * 4),
            line.sign.tone().class(),
            escape(line.symbol()),
            escape(&line.text)
        )?;
    }
    writeln!(out, "</pre></details>")
}

fn limits(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    open("limits", "Limits", out)?;
    let tight = plan.limits.iter().filter(|l| view::is_tight(l)).count();
    let opened = if tight > 0 { " open" } else { "" };
    let counted = count(plan.limits.len(), "limit", "limits");
    writeln!(out, "<details{opened}><summary>{counted}, {tight} nearly used up</summary>")?;
    let table = Table::of_records("AWS limits", &["of", "used"], out)?;
    for limit in &plan.limits {
        let class = match limit.used {
            used if used > limit.allowed => Tone::Bad.class(),
            _ if view::is_tight(limit) => Tone::Warn.class(),
            _ => "",
        };
        let used = TableCell::classed(class, text(&view::usage(limit)));
        table.row([TableCell::of(text(&limit.target)), used], out)?;
    }
    table.end(out)?;
    writeln!(out, "</details>")?;
    close(out)
}

fn checks(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    open("checks", "Checks and warnings", out)?;
    if plan.checks.is_empty() && plan.diagnostics.is_empty() {
        writeln!(out, "<p>No check is declared, and nothing is doubtful.</p>")?;
        return close(out);
    }
    writeln!(out, "<ul>")?;
    for check in &plan.checks {
        let class = if check.status == CheckStatus::Pass { "good" } else { "warn" };
        writeln!(
            out,
            "<li><span class=\"{class}\">{}</span> {} {}</li>",
            check.status.name(),
            text(&check.name),
            text(&check.message)
        )?;
    }
    diagnostics(&plan.diagnostics, out)?;
    writeln!(out, "</ul>")?;
    close(out)
}

fn diagnostics(all: &[PlanDiagnostic], out: &mut dyn Write) -> io::Result<()> {
    for d in all {
        let place = d.location.as_ref().map(|l| format!(" ({}:{})", l.file, l.line));
        let detail = d.detail.as_ref().map(|d| format!(": {}", d.replace('\n', " ")));
        let class = match d.severity {
            Severity::Error => "bad",
            Severity::Warning => "warn",
        };
        let help = d.help.iter().flat_map(|help| help.lines());
        let help: String = help.map(|line| format!("<br>help: {}", prose(line))).collect();
        writeln!(
            out,
            "<li><span class=\"{class}\">{}</span> {}{}{}{help}</li>",
            d.severity.name(),
            prose(&d.summary),
            prose(&detail.unwrap_or_default()),
            text(&place.unwrap_or_default())
        )?;
    }
    Ok(())
}
