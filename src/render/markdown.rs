//! A plan as Markdown, for a pull request's comment: the verdict and what is forbidden first, details folded.
//!
//! A comment holds at most 65,536 characters. Whatever does not fit is left out from the end of what a
//! reader needs least, and the comment says how much of it there is and where to read it. What comes from
//! AWS or from configuration stays text: it can close no fence and no comment, open no tag, mention nobody
//! and become no link.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::diag::Severity;
use crate::isolation::section::{AccessPath, Isolation};
use crate::plan::model::{AccountChanges, CheckStatus, Plan, PlanDiagnostic, Selection};

use super::fold::{self, ShownChange};
use super::form::Detail;
use super::isolation::{markdown as isolation, view as walls};
use super::lines::{self, Line, Sign, whole};
use super::refusal::summary;
use super::style::{Tone, count, safe};
use super::verdict::Headline;
use super::verdict::path_lines::{PathClass, PathLine};
use super::view;
use crate::engine::refusal::PlanRefusal;

/// GitHub refuses comments over 65,536 characters. Counted in bytes, which are never fewer.
const BUDGET: usize = 59_000;
/// What is kept back for the lines that say what was left out.
const RESERVE: usize = 2_500;
/// Longest text in a cell or a line, in characters. What is longer says that it was cut.
const CELL: usize = 1_000;
/// Longest part of the mark, in bytes.
const MARK: usize = 300;
/// Where a reader finds the rest of a text that was cut.
const CUT: &str = "... (cut: the job's log has all of it)";
/// Columns of what stands in a fence.
const WIDTH: usize = 110;
/// Room that is kept for the walls, whatever else there is to say.
const WALLS: usize = 15_000;
/// How many accounts are listed before the rest is counted.
const ACCOUNTS: usize = 60;
/// How many objects of a part that was not read are listed before the rest is counted.
const UNREAD: usize = 20;

/// Writes the plan.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, detail: Detail<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut comment = Comment::new(&plan.estate.name, &plan.selection);
    let headline = Headline::of(plan);
    comment.verdict(plan, &headline, detail.destroys);
    comment.keep_room_for_walls(&plan.isolation, &plan.accounts);
    for (class, paths) in &headline.classes {
        comment.paths(*class, paths);
    }
    comment.unread(plan);
    comment.broken(plan, &headline);
    for check in plan.checks.iter().filter(|c| c.status == CheckStatus::Fail) {
        let text =
            format!("> **Check failed:** {}: {}\n\n", inline(&check.name), inline(&check.message));
        comment.line(&text, "failed checks");
    }
    let sections = fold::sections(plan, detail.full);
    comment.accounts(&sections);
    comment.drift(plan);
    for section in &sections {
        comment.changes(section, plan, detail);
    }
    comment.walls();
    comment.limits(plan);
    diagnostics(&plan.diagnostics, &mut comment);
    let mut last = format!("<sub>digest <code>{}</code>", inline(&plan.digest));
    if let Some(head) = &plan.audit_head {
        last.push_str(&format!(
            "<br>audit head: <code>{} {}</code>",
            head.number,
            inline(&head.hash)
        ));
    }
    comment.end(&format!("{last}</sub>"), out)
}

/// Writes why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &PlanRefusal, out: &mut dyn Write) -> io::Result<()> {
    let mut comment = Comment::new(&refusal.estate, &refusal.selection);
    comment.alert(&summary(refusal), Tone::Bad);
    diagnostics(&refusal.diagnostics, &mut comment);
    comment.end("", out)
}

/// A comment under way.
pub(super) struct Comment {
    text: String,
    /// What was left out: how many of what.
    left_out: Vec<(usize, &'static str)>,
    /// Where a reader finds that.
    elsewhere: &'static str,
    /// The walls, which stand far below and for which room is kept.
    walls: Option<String>,
}

impl Comment {
    /// Begins with the mark by which a later run finds the comment that it replaces: one an estate and
    /// selection, so that several estates of one repository keep a comment each.
    fn new(estate: &str, selection: &Selection) -> Self {
        let accounts: Vec<String> = selection.accounts.iter().map(ToString::to_string).collect();
        let mark = format!(
            "estate={} environments={} accounts={} targets={}",
            token(estate),
            tokens(&selection.environments),
            tokens(&accounts),
            tokens(&selection.targets),
        );
        Self::marked(
            &mark,
            &super::view::titled(estate, selection),
            "The job's log, `palisade plan --full` and `palisade plan --format html` show them.",
        )
    }

    /// The same with a mark and a title of its own.
    pub(super) fn marked(mark: &str, title: &str, elsewhere: &'static str) -> Self {
        let text = format!("<!-- palisade {mark} -->\n## {}\n\n", inline(title));
        Self { text, left_out: Vec::new(), elsewhere, walls: None }
    }

    /// The answer, coloured by GitHub as what it is.
    pub(super) fn alert(&mut self, sentence: &str, tone: Tone) {
        let alert = match tone {
            Tone::Bad => "CAUTION",
            Tone::Warn => "WARNING",
            _ => "TIP",
        };
        self.text.push_str(&format!("> [!{alert}]\n> **{}**\n\n", inline(sentence)));
    }

    /// How many bytes may follow.
    fn room(&self) -> usize {
        let kept = self.walls.as_ref().map_or(0, String::len);
        BUDGET.saturating_sub(self.text.len() + kept + RESERVE)
    }

    /// Adds a line or a block, or counts it as left out.
    pub(super) fn line(&mut self, text: &str, what: &'static str) -> bool {
        let fits = text.len() <= self.room();
        if fits {
            self.text.push_str(text);
        } else {
            self.leave_out(1, what);
        }
        fits
    }

    fn leave_out(&mut self, number: usize, what: &'static str) {
        match self.left_out.iter_mut().find(|(_, known)| *known == what) {
            Some((all, _)) => *all += number,
            None => self.left_out.push((number, what)),
        }
    }

    pub(super) fn end(mut self, last: &str, out: &mut dyn Write) -> io::Result<()> {
        if !self.left_out.is_empty() {
            let parts: Vec<String> =
                self.left_out.iter().map(|(number, what)| format!("{what} ({number})")).collect();
            self.text.push_str(&format!(
                "> [!NOTE]\n> Left out for length: {}. {}\n\n",
                parts.join(", "),
                self.elsewhere
            ));
        }
        writeln!(out, "{}{last}", self.text)
    }

    /// Title and body of a part that unfolds.
    pub(super) fn folded(&mut self, title: &str, body: &str, what: &'static str) {
        self.line(&unfolding(title, body), what);
    }

    fn verdict(&mut self, plan: &Plan, headline: &Headline<'_>, destroys: bool) {
        self.alert(&headline.sentence, headline.tone);
        self.text.push_str(&format!("**{}**\n\n", inline(&view::summary(plan, destroys))));
        for fact in &headline.facts {
            self.line(&format!("- **{}** {}\n", fact.label, inline(&fact.text)), "facts");
        }
        self.text.push('\n');
    }

    pub(super) fn paths(&mut self, class: PathClass, paths: &[PathLine<'_>]) {
        let number: usize = paths.iter().map(|path| path.members).sum();
        let title = format!("{}: {}", class.title(), count(number, "path", "paths"));
        let is_open = class.is_refused()
            || matches!(class, PathClass::Standing | PathClass::StillUndetermined);
        let mut table = String::from(
            "| | from, to | principal | may | cause | verdict |\n|---|---|---|---|---|---|\n",
        );
        let mut shown = 0;
        let room = self.room() / 2;
        for path in paths {
            let row = format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                walls::sign(path.path, path.path.breaks_rule()),
                inline(&path.route),
                code(&path.principal),
                code(&path.actions),
                code(&path.cause),
                inline(&path.remark),
            );
            if table.len() + row.len() > room {
                break;
            }
            table.push_str(&row);
            shown += path.members;
        }
        if shown < number {
            self.leave_out(number - shown, "paths");
        }
        if shown == 0 {
            return;
        }
        if is_open {
            self.line(&format!("### {title}\n\n{table}\n"), "paths");
        } else {
            self.folded(&title, table.trim_end(), "paths");
        }
    }

    /// What could not be read, by place, reason and name.
    fn unread(&mut self, plan: &Plan) {
        let Some(counted) = view::not_read(&plan.unread) else { return };
        let mut body = String::new();
        for part in &plan.unread {
            let (name, reason) = (view::unread_part(part), part.reason.replace('\n', " "));
            body.push_str(&format!("- **{}**: {}\n", inline(&name), inline(&reason)));
            for object in part.objects.iter().take(UNREAD) {
                body.push_str(&format!("  - {}\n", code(object)));
            }
            if let Some(more) = part.objects.len().checked_sub(UNREAD).filter(|n| *n > 0) {
                body.push_str(&format!("  - and {}\n", count(more, "more object", "more objects")));
            }
        }
        self.folded(&format!("Not read: {counted}"), body.trim_end(), "lists of what was not read");
    }

    /// The evidence of what breaks a rule: of the paths that have a line, before those that are like them.
    fn broken(&mut self, plan: &Plan, headline: &Headline<'_>) {
        let lines = headline.classes.iter().flat_map(|(_, lines)| lines);
        let listed: BTreeSet<&str> = lines.map(|line| line.path.id.as_str()).collect();
        let broken = plan.isolation.violations.iter().filter(|path| walls::has_evidence(path));
        let (first, alike): (Vec<_>, Vec<_>) =
            broken.partition(|path| listed.contains(path.id.as_str()));
        self.evidence(first.into_iter().chain(alike));
    }

    /// Everything that is known of paths, in half of the room: the changes come after it.
    pub(super) fn evidence<'a>(&mut self, paths: impl Iterator<Item = &'a AccessPath>) {
        let mut room = self.room() / 2;
        for path in paths {
            let title = format!("Evidence of {}: {}", path.id, walls::route(path));
            let part = unfolding(&title, &isolation::evidence(path));
            match room.checked_sub(part.len()) {
                Some(left) => {
                    room = left;
                    self.text.push_str(&part);
                }
                None => self.leave_out(1, "pieces of evidence"),
            }
        }
    }

    fn accounts(&mut self, sections: &[fold::Section<'_>]) {
        if sections.is_empty() {
            return;
        }
        let head = "| account | environments | changes |\n|---|---|---|\n";
        if !self.line(head, "accounts") {
            return;
        }
        for section in sections.iter().take(ACCOUNTS) {
            let serves = section.serves.as_deref().unwrap_or("");
            let serves =
                serves.trim_start_matches("environments ").trim_start_matches("environment ");
            let row = format!(
                "| {} | {} | {} |\n",
                inline(&section.title),
                inline(serves),
                section.counts
            );
            self.line(&row, "accounts");
        }
        if let Some(more) = sections.len().checked_sub(ACCOUNTS).filter(|more| *more > 0) {
            self.leave_out(more, "accounts");
        }
        self.text.push('\n');
    }

    fn drift(&mut self, plan: &Plan) {
        let drifted = view::managed_drift(plan);
        if drifted.is_empty() {
            return;
        }
        let room = self.room() / 2;
        let (mut diff, mut left) = (String::new(), 0);
        for (drift, note) in &drifted {
            let mut text = String::new();
            head(&mut text, view::drift_sign(drift.status), &drift.address, Some(note));
            if drift.status == crate::plan::model::DriftStatus::Changed {
                body(&mut text, &lines::drifted(drift));
            }
            if diff.len() + text.len() > room {
                left += 1;
            } else {
                diff.push_str(&text);
            }
        }
        if left > 0 {
            self.leave_out(left, "drifted objects");
        }
        let objects = count(drifted.len(), "object", "objects");
        self.folded(
            &format!("Drift: {objects} changed outside Palisade"),
            &fence("diff", &diff),
            "lists of drifted objects",
        );
    }

    /// The changes of a section: those that fit; of the rest the names, as far as they fit.
    fn changes(&mut self, section: &fold::Section<'_>, plan: &Plan, detail: Detail<'_>) {
        let mut said = whole::common_tags(plan);
        said.extend(section.tags.clone());
        let room = self.room().saturating_sub(2 * CELL);
        let mut diff = String::new();
        let tags: Vec<String> =
            said.iter().map(|(k, v)| format!("{} = \"{}\"", safe(k), safe(v))).collect();
        if !tags.is_empty() && !detail.full {
            diff.push_str(&format!("# objects with tags carry {{ {} }}\n", tags.join(", ")));
        }
        let mut left = 0;
        for (heading, entries) in &section.parts {
            let mut titled = false;
            for entry in entries {
                let mut text = String::new();
                if !titled {
                    text.push_str(&format!("# {heading}\n"));
                }
                change(&mut text, entry, &said, detail);
                if diff.len() + text.len() > room {
                    left += entry.members;
                    continue;
                }
                titled = true;
                diff.push_str(&text);
            }
        }
        if left > 0 {
            self.leave_out(left, "changed objects");
        }
        if !diff.is_empty() {
            let title = format!("{}: {}", section.title, section.counts);
            self.folded(&title, &fence("diff", &diff), "sections");
        }
    }

    /// Nothing that comes before the walls takes their room.
    pub(super) fn keep_room_for_walls(&mut self, section: &Isolation, accounts: &[AccountChanges]) {
        if section.basis.is_some() {
            let (title, body) =
                (isolation::title(section), isolation::body(section, accounts, WALLS));
            self.walls = Some(unfolding(&title, &body));
        }
    }

    /// The walls, folded; nothing where no analysis has run.
    pub(super) fn walls(&mut self) {
        if let Some(part) = self.walls.take() {
            self.line(&part, "tables of walls");
        }
    }

    fn limits(&mut self, plan: &Plan) {
        let limits = view::limits(plan);
        if limits.is_empty() || !self.line("| limits | used |\n|---|---|\n", "limits") {
            return;
        }
        for limit in limits {
            self.line(&format!("| {} | {} |\n", code(&limit.target), view::usage(limit)), "limits");
        }
        self.text.push('\n');
    }
}

/// Title and body of a part that unfolds.
fn unfolding(title: &str, body: &str) -> String {
    format!("<details><summary>{}</summary>\n\n{body}\n\n</details>\n\n", inline(title))
}

/// One paragraph each.
fn diagnostics(all: &[PlanDiagnostic], comment: &mut Comment) {
    for d in all {
        let place = d
            .location
            .as_ref()
            .map(|l| format!(" ({})", code(&format!("{}:{}", l.file, l.line))))
            .unwrap_or_default();
        let detail = d.detail.as_ref().map(|d| format!(": {}", inline(&d.replace('\n', " "))));
        let detail = detail.unwrap_or_default();
        let (title, what) = match d.severity {
            Severity::Error => ("Error", "errors"),
            Severity::Warning => ("Warning", "warnings"),
        };
        let help = d.help.as_ref().map(|help| {
            let lines: Vec<String> = help.lines().map(inline).collect();
            format!("\n> <br>help: {}", lines.join("<br>"))
        });
        let help = help.unwrap_or_default();
        let text = format!("> **{title}:** {}{detail}{place}{help}\n\n", inline(&d.summary));
        comment.line(&text, what);
    }
}

fn change(diff: &mut String, entry: &ShownChange<'_>, said: &whole::Tags, detail: Detail<'_>) {
    let change = entry.change.as_ref();
    let sign = Sign::of(change.action, change.create_before_destroy);
    let short = || whole::of_whole(change, entry.base.as_ref(), said, WIDTH);
    let lines = if detail.full { None } else { short() };
    let lines = lines.unwrap_or_else(|| lines::of_change(change));
    let as_other = entry.base.as_ref().filter(|_| !detail.full).map(|base| {
        let but = if lines.is_empty() { "" } else { ", but for" };
        format!("like {}{but}", safe(&base.name))
    });
    let note = view::remark(change).map(|(_, n)| n).or(as_other.as_deref());
    head(diff, sign, &entry.name, note);
    let previous = change.previous_address.as_ref().map(|p| format!("moved from {p}"));
    for text in previous.iter().chain(&change.reason) {
        diff.push_str(&format!("      # {}\n", safe(text)));
    }
    body(diff, &lines);
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

/// Text in a fence that is longer than any run of backticks inside it, and so cannot be closed from inside.
pub(super) fn fence(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A name as code: nothing in it is a mention or a link, and it can be copied. Empty stays empty.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // Links are made of what is written, before entities are characters.
    let (kept, rest) = cut(text);
    let text = entities(kept).replace("://", "&#58;//").replace("www.", "&#119;ww.");
    format!("<code>{text}</code>{rest}")
}

/// Prose that stays text in a line or a table's cell. What stands between backticks, and what is an ARN, is code
/// and can be copied; in the rest GitHub looks for mentions, issues, links and emoji in what is rendered already,
/// where an entity is a character again: a space of no width stands between.
pub(super) fn inline(text: &str) -> String {
    let (text, rest) = cut(text);
    let pieces: Vec<&str> = text.split('`').collect();
    // One backtick too many is a character like others.
    if pieces.len().is_multiple_of(2) {
        return format!("{}{rest}", words(text));
    }
    let piece = |(at, piece): (usize, &&str)| match at % 2 {
        0 => words(piece),
        _ => code(piece),
    };
    let all: String = pieces.iter().enumerate().map(piece).collect();
    format!("{all}{rest}")
}

/// Words of prose.
fn words(text: &str) -> String {
    let word = |word: &str| {
        let name = word.trim_end_matches(['.', ',', ':', ';', ')']);
        match name.starts_with("arn:") {
            true => format!("{}{}", code(name), word.get(name.len()..).unwrap_or_default()),
            false => apart(word),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A word that GitHub makes nothing else of.
fn apart(word: &str) -> String {
    const NOTHING: char = '\u{200b}';
    let word = safe(word);
    let mut out = String::with_capacity(word.len());
    let mut rest: &str = &word;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        out.push(c);
        let is_before = |is: &dyn Fn(char) -> bool| {
            after.split_once(':').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is))
        };
        let splits = match c {
            '@' | '#' => true,
            ':' => {
                after.starts_with("//")
                    || is_before(&|c| {
                        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '+' | '-')
                    })
            }
            '-' => after.starts_with(|c: char| c.is_ascii_digit()) && is_issue(&out),
            'w' => after.starts_with('.') && out.ends_with("www"),
            _ => false,
        };
        if splits {
            out.push(NOTHING);
        }
        rest = after;
    }
    escaped(&out).replace(NOTHING, "&#8203;")
}

/// Whether a text ends in GitHub's other sign of an issue.
fn is_issue(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next();
    word.is_some_and(|word| word.eq_ignore_ascii_case("gh-"))
}

/// At most [`CELL`] characters, whole words where there are any; and what is to be said of the rest.
fn cut(text: &str) -> (&str, &'static str) {
    let Some((at, _)) = text.char_indices().nth(CELL) else { return (text, "") };
    let kept = text.get(..at).unwrap_or_default();
    let word = kept.rfind(' ').filter(|end| *end > CELL / 2);
    (word.and_then(|end| kept.get(..end)).unwrap_or(kept), CUT)
}

/// Text in which nothing is markup, by entities instead of backslashes: they hold in tables and in HTML.
fn entities(text: &str) -> String {
    escaped(&safe(text))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '@' | '#' | '!' | '$' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// Names in the mark of a comment.
pub(super) fn tokens(names: &[String]) -> String {
    names.iter().map(|name| token(name)).collect::<Vec<_>>().join(",")
}

/// A name in the mark of a comment: nothing in it ends the mark.
fn token(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    // Names of hundreds of targets would fill the comment.
    if out.len() > MARK {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(out.as_bytes());
        out = data_encoding::HEXLOWER.encode(&hash);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_ends_with_a_word_and_says_so() {
        let short = "word ".repeat(150);
        assert!(!inline(&short).contains("cut") && inline(&short).contains(short.trim_end()));
        let long = "word ".repeat(400);
        assert!(inline(&long).ends_with(&format!("word{CUT}")), "{}", inline(&long));
        let name = "x".repeat(2_000);
        assert!(code(&name).ends_with(&format!("x</code>{CUT}")));
    }
}
