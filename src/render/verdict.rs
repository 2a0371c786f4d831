//! The answer that every rendering of a plan begins with: is a rule broken, which walls open, what does the
//! verdict rest on.

pub(super) mod exceptions;
pub(super) mod path_lines;

use crate::isolation::section::{
    AccessPath, ExceptionStatus, ExceptionUse, MatrixRow, WallVerdict,
};
use crate::isolation::walls::Walls;
use crate::plan::model::{AccountChanges, Plan};
use crate::state::layout;

use self::exceptions::{exception, more_exceptions};
use self::path_lines::{Classes, PathClass, classes};
use super::isolation::view;
use super::principals;
use super::style::{Tone, count};

/// How many facts of one kind stand below the verdict before the rest is counted.
const FACTS: usize = 12;

/// One fact below the verdict.
pub(super) struct VerdictFact {
    /// What it is about.
    pub(super) label: &'static str,
    /// The fact.
    pub(super) text: String,
    /// How grave it is.
    pub(super) tone: Tone,
}

/// The first screen of a plan.
pub(super) struct Headline<'a> {
    /// One sentence.
    pub(super) sentence: String,
    /// Whether it is good.
    pub(super) tone: Tone,
    /// What it rests on.
    pub(super) facts: Vec<VerdictFact>,
    /// The paths, by class; classes without any are left out.
    pub(super) classes: Classes<'a>,
}

impl<'a> Headline<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let section = &plan.isolation;
        let (mut sentence, mut tone) = sentence(plan);
        if let Some(unread) = super::view::not_read(&plan.unread) {
            sentence = format!("{}; {unread}.", sentence.trim_end_matches('.'));
            if tone != Tone::Bad {
                tone = Tone::Warn;
            }
        }
        Self { sentence, tone, facts: facts(plan), classes: classes(section, &plan.accounts) }
    }
}

fn sentence(plan: &Plan) -> (String, Tone) {
    let section = &plan.isolation;
    if section.basis.is_none() {
        return ("The walls between environments were not analysed.".to_owned(), Tone::Warn);
    }
    let s = section.summary();
    if s.broken > 0 {
        let broken = || section.violations.iter().filter(|v| !v.only_warns());
        let new = broken().filter(|v| PathClass::of(v).is_new()).count();
        let ended = broken().filter(|v| PathClass::of(v) == PathClass::Ended).count();
        let what = paths_break("an isolation rule", broken());
        if broken().all(|v| PathClass::of(v) == PathClass::StillUndetermined) {
            return (format!("{what}, as before this plan."), Tone::Bad);
        }
        return (format!("{what}: {}.", since_when(new, ended, s.broken - new - ended)), Tone::Bad);
    }
    if section.matrix.is_empty() {
        return (
            "No rule is broken: there are no two environments to keep apart.".to_owned(),
            Tone::Good,
        );
    }
    let mut parts = Vec::new();
    for (number, what) in [(s.opened, "opens"), (s.widened, "widens"), (s.closed, "closes")] {
        if number > 0 {
            parts.push(format!("{what} {}", count(number, "wall", "walls")));
        }
    }
    let warned = s.violations - s.broken;
    let rule = rules_kept(&section.violations);
    let (walls, tone) = match parts.as_slice() {
        [] => ("no wall changes".to_owned(), Tone::Good),
        parts if s.opened + s.widened == 0 => {
            (format!("the plan {}", parts.join(", ")), Tone::Good)
        }
        parts => (format!("the plan {}", parts.join(", ")), Tone::Warn),
    };
    let undecided = match s.undetermined {
        0 => String::new(),
        1 => "; 1 wall is undetermined".to_owned(),
        some => format!("; {some} walls are undetermined"),
    };
    let tone = if s.undetermined > 0 || warned > 0 { Tone::Warn } else { tone };
    (format!("{rule}; {walls}{undecided}."), tone)
}

/// Since when rules are broken: by how many paths that are new, whose exception has ended, and that are old.
fn since_when(new: usize, ended: usize, old: usize) -> String {
    match (new, ended, old) {
        (_, 0, 0) => "new with this plan".to_owned(),
        (0, 1, 0) => "its exception has ended".to_owned(),
        (0, _, 0) => "their exceptions have ended".to_owned(),
        (0, 0, 1) => "it existed before this plan".to_owned(),
        (0, 0, _) => "all of them existed before this plan".to_owned(),
        (new, ended, old) => {
            let parts = [
                (new, "new with this plan"),
                (ended, "since an exception ended"),
                (old, "existing before"),
            ];
            let some = parts.into_iter().filter(|(number, _)| *number > 0);
            some.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What is said of the rules where none is broken that stops an apply: what breaks one that only warns, if anything.
fn rules_kept(violations: &[AccessPath]) -> String {
    match violations {
        [] => "No rule is broken".to_owned(),
        warned => paths_break("a warning-only rule", warned.iter()),
    }
}

/// `2 paths break an isolation rule, 1 wall that an isolation rule protects is undetermined`.
pub(super) fn broken_rules(rule: &str, crossed: usize, undecided: usize) -> String {
    let mut parts = Vec::new();
    if crossed > 0 {
        parts.push(format!("{} {rule}", count(crossed, "path breaks", "paths break")));
    }
    match undecided {
        0 => {}
        1 => parts.push(format!("1 wall that {rule} protects is undetermined")),
        some => parts.push(format!("{some} walls that {rule} protects are undetermined")),
    }
    parts.join(", ")
}

/// The same of paths.
fn paths_break<'a>(rule: &str, broken: impl Iterator<Item = &'a AccessPath>) -> String {
    let (undecided, crossed): (Vec<_>, Vec<_>) =
        broken.partition(|path| path.verdict == WallVerdict::Undetermined);
    broken_rules(rule, crossed.len(), undecided.len())
}

pub(super) fn facts(plan: &Plan) -> Vec<VerdictFact> {
    let section = &plan.isolation;
    let s = section.summary();
    let mut facts = Vec::new();
    let mut fact = |label, tone, text: String| facts.push(VerdictFact { label, text, tone });
    if !section.matrix.is_empty() {
        let all = section.matrix.len();
        let mut parts = view::verdict_counts(&s);
        let mut proved = view::proved(&section.matrix, section.proofs.len());
        let is_new = |a: &AccountChanges| a.account != layout::ORG && a.account_id.is_none();
        if let Some(last) = proved.last_mut().filter(|_| plan.accounts.iter().any(is_new)) {
            last.push_str(" (accounts that do not exist yet hold nothing)");
        }
        parts.extend(proved);
        if s.undetermined > 0 {
            parts.push(format!("{} undetermined", s.undetermined));
        }
        let between = count(section.environments.len(), "environment", "environments");
        let tone = if s.opened + s.widened > 0 { Tone::Warn } else { Tone::Plain };
        fact("walls", tone, format!("{all} between {between}: {}", parts.join(", ")));
    }
    for text in view::assumptions(&section.matrix) {
        let tone = if text.starts_with("New: ") { Tone::Warn } else { Tone::Plain };
        fact("assumed", tone, text);
    }
    for text in view::squattable(&section.matrix) {
        fact("unpinned", Tone::Warn, text);
    }
    let mut worth: Vec<&ExceptionUse> = section
        .exceptions
        .iter()
        .filter(|permit| permit.status != ExceptionStatus::Unused || permit.ends_soon())
        .collect();
    // Those that have ended and those that end next come first.
    worth.sort_by_key(|permit| permit.days_left);
    let (listed, rest) = worth.split_at(worth.len().min(FACTS));
    for permit in listed {
        let (text, tone) = exception(permit);
        fact("exception", tone, text);
    }
    if !rest.is_empty() {
        let (text, tone) = more_exceptions(rest);
        fact("exception", tone, text);
    }
    if !plan.refreshed {
        let text = "AWS: the plan compares the configuration with the state alone";
        fact("not read", Tone::Warn, text.to_owned());
    }
    for part in plan.unread.iter().take(FACTS) {
        let objects = match part.objects.len() {
            0 => String::new(),
            some => format!(", {}", count(some, "object", "objects")),
        };
        let reason = part.reason.lines().next().unwrap_or_default();
        let text = format!("{}{objects}: {reason}", super::view::unread_part(part));
        fact("not read", Tone::Warn, text);
    }
    if let Some(more) = plan.unread.len().checked_sub(FACTS).filter(|more| *more > 0) {
        fact("not read", Tone::Warn, format!("and {}", count(more, "more place", "more places")));
    }
    if let Some(text) = view::unread(section.basis.as_ref()) {
        fact("not read", Tone::Warn, text);
    }
    if let Some(text) = principals::sentence(&plan.principals) {
        fact("as", Tone::Dim, text);
    }
    facts
}

/// What the rules say of walls as they are now.
pub(super) fn now(walls: &Walls) -> (String, Tone) {
    let of = |verdict| walls.matrix.iter().filter(|row| row.after == verdict).count();
    let undetermined = of(WallVerdict::Undetermined);
    let rest = standing_walls(walls.paths.len(), &walls.matrix, walls.proofs.len(), undetermined);
    match walls.broken() {
        0 if undetermined > 0 => (format!("No rule is known to be broken. {rest}"), Tone::Warn),
        0 => {
            let tone = if walls.violations.is_empty() { Tone::Good } else { Tone::Warn };
            (format!("{}. {rest}", rules_kept(&walls.violations)), tone)
        }
        _ => {
            let broken = walls.violations.iter().filter(|v| !v.only_warns());
            (format!("{}. {rest}", paths_break("an isolation rule", broken)), Tone::Bad)
        }
    }
}

/// `11 paths are open; 20 of 28 walls are isolated, all on assumptions.`
fn standing_walls(open: usize, rows: &[MatrixRow], isolated: usize, undetermined: usize) -> String {
    let mut text = match open {
        0 => "No path is open".to_owned(),
        open => count(open, "path is open", "paths are open"),
    };
    if !rows.is_empty() {
        let assumed = rows.iter().filter(|row| !row.assumptions.is_empty()).count();
        let walls = count(rows.len(), "wall", "walls");
        let verb = if isolated == 1 { "is" } else { "are" };
        text.push_str(&format!("; {isolated} of {walls} {verb} isolated"));
        match assumed {
            0 => {}
            all if all == isolated && all > 1 => text.push_str(", all on assumptions"),
            1 if isolated == 1 => text.push_str(", on assumptions"),
            some => text.push_str(&format!(", {some} of them on assumptions")),
        }
        if undetermined > 0 {
            let are = count(undetermined, "is", "are");
            text.push_str(&format!("; {are} undetermined"));
        }
    }
    text + "."
}
