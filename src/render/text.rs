//! A plan as text, for terminals and logs.

use std::io::{self, Write};

use crate::plan::model::{CheckStatus, Plan, ResourceChange, Unread};

use super::lines::{self, Line, Sign};
use super::style::{Style, Tone, columns, count, pad, safe};
use super::{principals, value, view};

/// Writes the whole plan. Warnings are part of it only where `warnings` asks for them: the
/// commands that make a plan have already shown them with their source.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, warnings: bool, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let p = Printer { style };
    if let Some(line) = principals::sentence(&plan.principals) {
        writeln!(out, "{}\n", style.paint(Tone::Dim, &style.fold(&line, 0)))?;
    }
    p.legend(plan, out)?;
    unread(&plan.unread, style, out)?;
    p.drift(plan, out)?;
    for account in view::accounts(plan) {
        let title = style.paint(Tone::Heading, &account.title);
        let serves = account.serves.map(|s| format!(" {s}")).unwrap_or_default();
        writeln!(out, "{title}{}", style.paint(Tone::Dim, &serves))?;
        for (heading, changes) in account.sections {
            writeln!(out, "\n  {}", style.paint(Tone::Bold, heading))?;
            for change in changes {
                p.change(change, out)?;
            }
        }
        writeln!(out)?;
    }
    p.outputs(plan, out)?;
    p.checks(plan, out)?;
    super::isolation::text::section(&plan.isolation, style, out)?;
    p.limits(plan, out)?;
    if warnings {
        p.warnings(plan, out)?;
    }
    let tone = match (plan.has_changes(), plan.unread.is_empty()) {
        (_, false) => Tone::Warn,
        (true, true) => Tone::Bold,
        (false, true) => Tone::Good,
    };
    writeln!(out, "{}", style.paint(tone, &view::summary(plan)))?;
    let unmanaged = view::unmanaged(plan);
    if unmanaged > 0 {
        let objects = count(unmanaged, "object is", "objects are");
        let text = format!("{objects} in AWS and not managed here: `palisade drift` lists them.");
        writeln!(out, "{}", style.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

/// What could not be read, by place, reason and name.
///
/// # Errors
/// Those of the writer.
pub(super) fn unread(unread: &[Unread], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if unread.is_empty() {
        return Ok(());
    }
    let title = "Not read: what is said of these rests on the state alone";
    writeln!(out, "{}\n", style.paint(Tone::Heading, title))?;
    for part in unread {
        writeln!(out, "  {}", style.paint(Tone::Bold, &safe(&view::unread_part(part))))?;
        let reason = style.fold(&safe(&part.reason.replace('\n', " ")), 4);
        writeln!(out, "    {}", style.paint(Tone::Warn, &reason))?;
        for object in &part.objects {
            writeln!(out, "    {} {}", style.paint(Tone::Warn, "?"), safe(object))?;
        }
    }
    writeln!(out)
}

struct Printer<'a> {
    style: &'a Style,
}

impl Printer<'_> {
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
        for sign in signs {
            let symbol = self.style.paint(sign.tone(), &format!("{:>3}", sign.symbol()));
            writeln!(out, "{symbol} {}", self.style.paint(Tone::Dim, sign.meaning()))?;
        }
        writeln!(out)
    }

    fn drift(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let drifted = view::managed_drift(plan);
        if drifted.is_empty() {
            return Ok(());
        }
        let title = "Drift: what changed in AWS since the last apply";
        writeln!(out, "{}\n", self.style.paint(Tone::Heading, title))?;
        for drift in drifted {
            let sign = view::drift_sign(drift.status);
            let note = view::drift_remark(plan, drift);
            self.head(sign, &drift.address, Some((Tone::Warn, note)), None, out)?;
            if drift.status == crate::plan::model::DriftStatus::Changed {
                let lines = lines::drifted(drift);
                self.lines(&lines, out)?;
            }
        }
        writeln!(out)
    }

    fn change(&self, change: &ResourceChange, out: &mut dyn Write) -> io::Result<()> {
        let sign = Sign::of(change.action, change.create_before_destroy);
        let note = view::remark(change);
        self.head(sign, &change.display, note, change.location.as_deref(), out)?;
        if let Some(previous) = &change.previous_address {
            let text = format!("# moved from {}", safe(&previous.to_string()));
            writeln!(out, "          {}", self.style.paint(Tone::Dim, &text))?;
        }
        if let Some(reason) = &change.reason {
            let text = format!("# {}", safe(reason));
            writeln!(out, "          {}", self.style.paint(Tone::Dim, &text))?;
        }
        self.lines(&lines::of_change(change), out)
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
        if let Some((tone, note)) = note {
            write!(out, " {}", self.style.paint(tone, note))?;
        }
        if let Some(location) = location {
            write!(out, "  {}", self.style.paint(Tone::Dim, &safe(location)))?;
        }
        writeln!(out)
    }

    fn lines(&self, lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
        for line in lines {
            let indent = " ".repeat(8 + line.depth * 4);
            let symbol = self.style.paint(line.sign.tone(), line.sign.symbol());
            let text = match line.sign {
                Sign::None if line.text.starts_with('#') => self.style.paint(Tone::Dim, &line.text),
                _ => line.text.clone(),
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
        writeln!(out, "{}", self.style.paint(Tone::Heading, "Outputs"))?;
        let width = changed.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
        for (name, output) in changed {
            let value = match output {
                None => "(removed)".to_owned(),
                Some(output) if output.sensitive => "(sensitive value)".to_owned(),
                Some(output) if output.unknown => "(known after apply)".to_owned(),
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
        let limits = view::limits(plan);
        if limits.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.style.paint(Tone::Heading, "Limits"))?;
        for limit in limits {
            let tone = match limit.used {
                used if used > limit.allowed => Tone::Bad,
                _ if view::is_tight(limit) => Tone::Warn,
                _ => Tone::Dim,
            };
            let usage = self.style.paint(tone, &view::usage(limit));
            writeln!(out, "  {}: {usage}", safe(&limit.target))?;
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
