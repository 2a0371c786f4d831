//! A plan as text, for terminals and logs.

use std::io::{self, Write};

use crate::plan::model::{CheckStatus, Plan, Unread};

use super::fold::{self, Section, ShownChange};
use super::form::Detail;
use super::isolation::view as walls;
use super::lines::{self, Line, Sign, whole};
use super::style::{Style, Tone, columns, count, pad, safe};
use super::verdict::Headline;
use super::verdict::path_lines::{self, Classes, PathLine};
use super::{value, view};

/// Writes the plan: the verdict and the paths, then the changes by account, then what they rest on. Warnings
/// are part of it only where `detail` asks for them: the commands that make a plan have already shown them
/// with their source.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, detail: Detail<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let p = Printer { style, detail, said: whole::common_tags(plan) };
    p.verdict(plan, out)?;
    unread(&plan.unread, if detail.full { usize::MAX } else { UNREAD }, style, out)?;
    p.drift(plan, out)?;
    p.legend(plan, out)?;
    for section in fold::sections(plan, detail.full) {
        p.section(&section, out)?;
    }
    p.outputs(plan, out)?;
    p.checks(plan, out)?;
    super::isolation::text::section(&plan.isolation, &plan.accounts, detail.full, style, out)?;
    p.limits(plan, out)?;
    if detail.warnings {
        p.warnings(plan, out)?;
    }
    let tone = match (plan.has_changes(), plan.unread.is_empty()) {
        (_, false) => Tone::Warn,
        (true, true) => Tone::Bold,
        (false, true) => Tone::Good,
    };
    writeln!(out, "{}", style.paint(tone, &view::summary(plan, detail.destroys)))?;
    let unmanaged = view::unmanaged(plan);
    if unmanaged > 0 {
        let objects = count(unmanaged, "object is", "objects are");
        let them = if unmanaged == 1 { "it" } else { "them" };
        let text = format!("{objects} in AWS and not managed here: `palisade drift` lists {them}.");
        writeln!(out, "{}", style.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

/// What could not be read, by place, reason and name; of each place at most `limit` names.
///
/// # Errors
/// Those of the writer.
pub(super) fn unread(
    unread: &[Unread],
    limit: usize,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if unread.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", style.paint(Tone::Heading, view::NOT_READ))?;
    for part in unread {
        writeln!(out, "  {}", style.paint(Tone::Bold, &safe(&view::unread_part(part))))?;
        let reason = style.fold(&safe(&part.reason.replace('\n', " ")), 4);
        writeln!(out, "    {}", style.paint(Tone::Warn, &reason))?;
        for object in part.objects.iter().take(limit) {
            writeln!(out, "    {} {}", style.paint(Tone::Warn, "?"), safe(object))?;
        }
        if let Some(more) = part.objects.len().checked_sub(limit).filter(|more| *more > 0) {
            let text =
                format!("and {}: `--full` lists them", count(more, "more object", "more objects"));
            writeln!(out, "      {}", style.paint(Tone::Dim, &text))?;
        }
    }
    writeln!(out)
}

/// How many objects of a part that was not read are listed before the rest is counted.
const UNREAD: usize = 20;
/// Columns where there is no terminal.
const PLAIN: usize = 160;

/// The paths, one line each, by class.
///
/// # Errors
/// Those of the writer.
pub(super) fn paths(
    classes: &Classes<'_>,
    full: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (class, paths) in classes {
        writeln!(out, "\n{}", style.paint(class.tone(), class.title()))?;
        let listed = if full { paths.len() } else { path_lines::LISTED };
        for line in paths.iter().take(listed) {
            path(line, style, out)?;
        }
        let more: usize = paths.iter().skip(listed).map(|line| line.members).sum();
        if more > 0 {
            let text =
                format!("and {}: `--full` lists them", count(more, "more path", "more paths"));
            writeln!(out, "    {}", style.paint(Tone::Dim, &text))?;
        }
    }
    Ok(())
}

/// One path in one line; on a terminal that is too narrow it goes on below.
fn path(line: &PathLine<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let broken = line.path.breaks_rule();
    let rest = [&line.principal, &line.actions, &line.cause, &line.remark];
    let rest: Vec<_> = rest.iter().filter(|part| !part.is_empty()).map(|p| safe(p)).collect();
    let mut text = format!("{}  {}", safe(&line.route), rest.join("  "));
    if line.members > 1 {
        text.push_str(&format!("  ({} alike)", line.members));
    } else {
        text.push_str(&format!("  {}", safe(&line.path.id)));
    }
    let sign = style.paint(walls::path_tone(line.path, broken), walls::sign(line.path, broken));
    writeln!(out, "  {sign} {}", style.fold(&text, 8))
}

struct Printer<'a> {
    style: &'a Style,
    detail: Detail<'a>,
    /// Tags that are said once for all objects.
    said: whole::Tags,
}

impl Printer<'_> {
    /// The first screen: what the rules say, what it rests on, and one line a path.
    fn verdict(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let headline = Headline::of(plan);
        let style = self.style;
        writeln!(out, "{}", style.paint(Tone::Heading, &safe(&view::title(plan))))?;
        writeln!(out, "{}", style.paint(headline.tone, &style.fold(&headline.sentence, 0)))?;
        for fact in &headline.facts {
            let label = style.paint(Tone::Dim, &pad(fact.label, 10));
            // The mark of walls in the matrix, which stands in the whole plan alone.
            let text =
                if self.detail.full { &fact.text } else { fact.text.trim_start_matches("* ") };
            let text = style.fold(&safe(text), 13);
            writeln!(out, "  {label} {}", style.paint(fact.tone, &text))?;
        }
        paths(&headline.classes, self.detail.full, style, out)?;
        writeln!(out)
    }

    fn section(&self, section: &Section<'_>, out: &mut dyn Write) -> io::Result<()> {
        let style = self.style;
        let title = style.paint(Tone::Heading, &safe(&section.title));
        let serves = section.serves.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
        // The heading of an only part stands beside the title.
        let only = match section.parts.as_slice() {
            [(heading, _)] => format!("{heading}: "),
            _ => String::new(),
        };
        let text = format!("{serves}  {only}{}", section.counts);
        let is_long = columns(&section.title) + columns(&text) > style.width;
        if style.terminal && is_long {
            let title = style.fold(&safe(&section.title), 2);
            writeln!(out, "{}", style.paint(Tone::Heading, &title))?;
            let text = style.fold(text.trim_start(), 2);
            writeln!(out, "  {}", style.paint(Tone::Dim, &text))?;
        } else {
            writeln!(out, "{title}{}", style.paint(Tone::Dim, &text))?;
        }
        let more = section.tags.iter().filter(|(name, _)| !self.said.contains_key(*name));
        let more: Vec<String> =
            more.map(|(k, v)| format!("{} = \"{}\"", safe(k), safe(v))).collect();
        if !more.is_empty() && !self.detail.full {
            let text = format!("  # objects with tags carry {{ {} }} too", more.join(", "));
            writeln!(out, "{}", style.paint(Tone::Dim, &text))?;
        }
        let mut said = self.said.clone();
        said.extend(section.tags.clone());
        for (heading, entries) in &section.parts {
            if only.is_empty() {
                writeln!(out, "  {}", style.paint(Tone::Bold, heading))?;
            }
            for entry in entries {
                self.change(entry, &said, out)?;
            }
        }
        writeln!(out)
    }

    /// Columns of an object's lines. A file is no terminal, and its lines need not end early.
    fn width(&self) -> usize {
        let all = if self.style.terminal { self.style.width } else { self.style.width.max(PLAIN) };
        all.saturating_sub(12).max(60)
    }

    fn legend(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let s = &plan.summary;
        let replaced = |new_first: bool| {
            s.replace > 0
                && plan.resource_changes.iter().any(|c| {
                    c.action == crate::plan::model::Action::Replace
                        && c.create_before_destroy == new_first
                })
        };
        let signs: Vec<Sign> = [
            (s.create > 0, Sign::Add),
            (s.update > 0, Sign::Change),
            (replaced(false), Sign::Replace),
            (replaced(true), Sign::ReplaceNewFirst),
            (s.delete > 0, Sign::Remove),
            (s.adopt > 0, Sign::Adopt),
            (s.forget > 0, Sign::Forget),
        ]
        .into_iter()
        .filter_map(|(used, sign)| used.then_some(sign))
        .collect();
        if signs.is_empty() {
            return Ok(());
        }
        let signs: Vec<String> = signs
            .into_iter()
            .map(|sign| {
                let symbol = self.style.paint(sign.tone(), sign.symbol());
                format!("{symbol} {}", self.style.paint(Tone::Dim, sign.meaning()))
            })
            .collect();
        write!(out, "{}", signs.join("   "))?;
        if !self.said.is_empty() && !self.detail.full {
            let tags: Vec<String> =
                self.said.iter().map(|(k, v)| format!("{} = \"{}\"", safe(k), safe(v))).collect();
            let text = format!("# objects with tags carry {{ {} }}", tags.join(", "));
            let gap = if self.style.terminal { "\n" } else { "   " };
            let text = self.style.paint(Tone::Dim, &self.style.fold(&text, 0));
            write!(out, "{gap}{text}")?;
        }
        writeln!(out, "\n")
    }

    fn drift(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let drifted = view::managed_drift(plan);
        if drifted.is_empty() {
            return Ok(());
        }
        let title = "Drift: what changed in AWS since the last apply";
        writeln!(out, "{}\n", self.style.paint(Tone::Heading, title))?;
        for (drift, note) in drifted {
            let sign = view::drift_sign(drift.status);
            self.head(sign, &drift.address, Some((Tone::Warn, note)), None, out)?;
            if drift.status == crate::plan::model::DriftStatus::Changed {
                let lines = lines::drifted(drift);
                self.lines(&lines, out)?;
            }
        }
        writeln!(out)
    }

    fn change(
        &self,
        entry: &ShownChange<'_>,
        said: &whole::Tags,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let change = entry.change.as_ref();
        let sign = Sign::of(change.action, change.create_before_destroy);
        let note = view::remark(change);
        let width = self.width();
        let whole = || whole::of_whole(change, entry.base.as_ref(), said, width);
        let lines = if self.detail.full { None } else { whole() };
        let lines = lines.unwrap_or_else(|| lines::of_change(change));
        let as_other = entry.base.as_ref().filter(|_| !self.detail.full).map(|base| {
            let but = if lines.is_empty() { "" } else { ", but for" };
            format!("like {}{but}", safe(&base.name))
        });
        // What is said in a few words stands beside the name.
        if let ([only], None) = (lines.as_slice(), &note)
            && whole::is_short(change, only)
        {
            let as_other = as_other.as_ref().map(|text| format!("{text} ")).unwrap_or_default();
            let beside = format!("{as_other}{}", only.text);
            if columns(&entry.name) + columns(&beside) + 9 <= width {
                return self.beside(sign, &entry.name, &beside, change.location.as_deref(), out);
            }
        }
        let note = note.or(as_other.as_deref().map(|text| (Tone::Dim, text)));
        self.head(sign, &entry.name, note, change.location.as_deref(), out)?;
        let previous = change.previous_address.as_ref().map(|p| format!("moved from {p}"));
        for text in previous.iter().chain(&change.reason) {
            let text = format!("# {}", safe(text));
            writeln!(out, "          {}", self.style.paint(Tone::Dim, &text))?;
        }
        self.lines(&lines, out)
    }

    fn beside(
        &self,
        sign: Sign,
        name: &str,
        text: &str,
        location: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let symbol = self.style.paint(sign.tone(), &format!("{:>5}", sign.symbol()));
        write!(out, "{symbol} {}  {text}", self.style.paint(Tone::Bold, &safe(name)))?;
        if let Some(location) = location {
            write!(out, "  {}", self.style.paint(Tone::Dim, &safe(location)))?;
        }
        writeln!(out)
    }

    fn head(
        &self,
        sign: Sign,
        name: &str,
        note: Option<(Tone, &str)>,
        location: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let symbol = self.style.paint(sign.tone(), &format!("{:>5}", sign.symbol()));
        write!(out, "{symbol} {}", self.style.paint(Tone::Bold, &safe(name)))?;
        let mut taken = 6 + columns(name);
        let parts = note.into_iter().chain(location.map(|location| (Tone::Dim, location)));
        for (at, (tone, part)) in parts.enumerate() {
            let part = safe(part);
            let is_note = at == 0 && note.is_some_and(|(_, note)| !note.starts_with("like "));
            let gap = if is_note { 1 } else { 2 };
            taken += gap + columns(&part);
            // What does not fit stands below the name.
            if self.style.terminal && taken > self.style.width {
                write!(out, "\n          {}", self.style.paint(tone, &part))?;
                taken = 10 + columns(&part);
            } else {
                write!(out, "{}{}", " ".repeat(gap), self.style.paint(tone, &part))?;
            }
        }
        writeln!(out)
    }

    fn lines(&self, lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
        for line in lines {
            let indent = " ".repeat(8 + line.depth * 4);
            let symbol = self.style.paint(line.sign.tone(), line.symbol());
            let text = self.style.fold(&line.text, indent.len() + 4);
            let text = match line.sign {
                Sign::None if text.starts_with('#') => self.style.paint(Tone::Dim, &text),
                _ => text,
            };
            let note = line.note.as_ref().map_or_else(String::new, |(tone, note)| {
                format!("  {}", self.style.paint(*tone, &format!("# {note}")))
            });
            writeln!(out, "{}", format!("{indent}{symbol} {text}{note}").trim_end())?;
        }
        Ok(())
    }

    fn outputs(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let changed: Vec<_> =
            plan.outputs_changed.iter().map(|name| (name, plan.outputs.get(name))).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let heading = self.style.paint(Tone::Heading, "Outputs");
        let width = changed.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
        let (later, known): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(_, o)| o.is_some_and(|o| o.unknown && !o.sensitive));
        if later.is_empty() {
            writeln!(out, "{heading}")?;
        } else {
            let names: Vec<_> = later.iter().map(|(name, _)| safe(name)).collect();
            let text = format!("known after apply: {}", names.join(", "));
            let text = self.style.paint(Tone::Dim, &self.style.fold(&text, 9));
            writeln!(out, "{heading}  {text}")?;
        }
        for (name, output) in known {
            let value = match output {
                None => "(removed)".to_owned(),
                Some(output) if output.sensitive => "(sensitive value)".to_owned(),
                Some(output) => value::text(&output.value).replace('\n', "\n  "),
            };
            writeln!(out, "  {} = {value}", pad(&safe(name), width))?;
        }
        writeln!(out)
    }

    fn checks(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let failed: Vec<_> = plan.checks.iter().filter(|c| c.status == CheckStatus::Fail).collect();
        if failed.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.style.paint(Tone::Heading, "Checks"))?;
        for check in failed {
            let mark = self.style.paint(Tone::Warn, "failed");
            writeln!(out, "  {mark} {}: {}", safe(&check.name), safe(&check.message))?;
        }
        writeln!(out)
    }

    fn limits(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let (tight, roomy): (Vec<_>, Vec<_>) = view::limits(plan)
            .into_iter()
            .partition(|limit| self.detail.full || view::is_tight(limit));
        if tight.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.style.paint(Tone::Heading, "Limits"))?;
        for limit in tight {
            let tone = match limit.used {
                used if used > limit.allowed => Tone::Bad,
                _ if view::is_tight(limit) => Tone::Warn,
                _ => Tone::Dim,
            };
            let usage = self.style.paint(tone, &view::usage(limit));
            writeln!(out, "  {}: {usage}", safe(&limit.target))?;
        }
        if !roomy.is_empty() {
            let text = format!("and {} with room: `--full` shows them", roomy.len());
            writeln!(out, "  {}", self.style.paint(Tone::Dim, &text))?;
        }
        writeln!(out)
    }

    fn warnings(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        if plan.diagnostics.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.style.paint(Tone::Heading, "Warnings"))?;
        for d in &plan.diagnostics {
            let place = d
                .location
                .as_ref()
                .map(|l| format!("{}:{}: ", safe(&l.file), l.line))
                .unwrap_or_default();
            let detail = d.detail.as_deref().map(|t| format!(": {}", safe(t))).unwrap_or_default();
            writeln!(out, "  {}{}{detail}", self.style.paint(Tone::Dim, &place), safe(&d.summary))?;
        }
        writeln!(out)
    }
}
