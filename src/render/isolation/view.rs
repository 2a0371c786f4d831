//! What every rendering of the walls shows, whatever its markup: sentences, and rows of a label and a text.
//!
//! Texts are as the plan holds them: each renderer makes them safe for its own markup.

use std::collections::{BTreeMap, BTreeSet};

use crate::iam;
use crate::iam::ContextValue;
use crate::isolation::section::{
    AccessPath, Assumption, AssumptionKind, Basis, Finding, Hop, Isolation, IsolationSummary,
    MatrixRow, PathChange, PathEnd, Replayed, Ruling, StepLimits, WallVerdict, Witness,
};

use crate::plan::model::AccountChanges;

use super::super::fold::whole_words;
use super::super::lines::Sign;
use super::super::style::{Tone, count};

/// One line about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render) struct Row {
    /// What the text is; empty where the row goes on with what the one before began.
    pub(in crate::render) label: String,
    /// The text.
    pub(in crate::render) text: String,
    /// Whether the text is a sentence, which may be broken into lines.
    pub(in crate::render) prose: bool,
}

impl Row {
    pub(in crate::render) fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: label.into(), text: text.into(), prose: false }
    }
}

/// What of a section is worth showing, in the order in which it is shown.
pub(in crate::render) struct SectionView<'a> {
    /// Paths that the plan changes, each with whether it breaks a rule.
    pub(in crate::render) changes: Vec<(&'a AccessPath, bool)>,
    /// Violations that stand without a change.
    pub(in crate::render) standing: Vec<&'a AccessPath>,
}

impl<'a> SectionView<'a> {
    pub(in crate::render) fn of(section: &'a Isolation) -> Self {
        let ids = |paths: &'a [AccessPath]| -> BTreeSet<&'a str> {
            paths.iter().map(|path| path.id.as_str()).collect()
        };
        let (violations, changes) = (ids(&section.violations), ids(&section.changes));
        let broken = |path: &AccessPath| violations.contains(path.id.as_str());
        let changed = |path: &AccessPath| changes.contains(path.id.as_str());
        Self {
            changes: section.changes.iter().map(|path| (path, broken(path))).collect(),
            standing: section.violations.iter().filter(|path| !changed(path)).collect(),
        }
    }

    /// Whether there is no path to show.
    pub(in crate::render) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.standing.is_empty()
    }
}

/// Stands where no path is shown.
pub(in crate::render) const NOTHING_CHANGES: &str =
    "No path between environments is added, widened or removed.";

/// How many walls there are, what happens to them, and how many are proved isolated; empty without walls.
pub(in crate::render) fn counts(section: &Isolation) -> String {
    if section.matrix.is_empty() {
        return String::new();
    }
    let summary = section.summary();
    let mut parts = verdict_counts(&summary);
    let changed = summary.opened + summary.widened + summary.narrowed + summary.closed;
    parts.push(format!("{} unchanged", section.matrix.len().saturating_sub(changed)));
    let proved = proved(&section.matrix, section.proofs.len());
    let proved = if proved.is_empty() { String::new() } else { format!("; {}", proved.join(", ")) };
    format!(
        "{} between {}: {}{proved}",
        count(section.matrix.len(), "wall", "walls"),
        count(section.environments.len(), "environment", "environments"),
        parts.join(", "),
    )
}

/// What a plan does to the walls: `1 opened`, `2 closed`.
pub(in crate::render) fn verdict_counts(summary: &IsolationSummary) -> Vec<String> {
    let all = [
        (summary.opened, "opened"),
        (summary.widened, "widened"),
        (summary.narrowed, "narrowed"),
        (summary.closed, "closed"),
    ];
    let some = all.into_iter().filter(|(number, _)| *number > 0);
    some.map(|(number, what)| format!("{number} {what}")).collect()
}

/// How many walls are proved isolated, and how many of the `proofs` rest on something that was not looked at.
pub(in crate::render) fn proved(rows: &[MatrixRow], proofs: usize) -> Vec<String> {
    let assumed = rows.iter().filter(|row| !row.assumptions.is_empty()).count();
    let proved = proofs.saturating_sub(assumed);
    let mut parts = Vec::new();
    if proved > 0 {
        parts.push(format!("{proved} proved isolated"));
    }
    if assumed > 0 {
        parts.push(format!("{assumed} isolated on assumptions"));
    }
    parts
}

/// What the proofs of isolated walls rest on that was not looked at: a line a kind, whatever the number of walls,
/// and one more for what is new. The JSON has it by wall.
pub(in crate::render) fn assumptions(rows: &[MatrixRow]) -> Vec<String> {
    let isolated = rows.iter().filter(|row| row.after == WallVerdict::Isolated).count();
    let mark = if has_mixed_proofs(rows) { "* " } else { "" };
    let mut lines = Vec::new();
    for kind in AssumptionKind::ALL {
        let resting = Resting::of(rows, kind, |row| &row.assumptions);
        if let Some(text) = resting.text(kind) {
            let rest = if resting.walls.len() == 1 { "rests" } else { "rest" };
            let walls = count(isolated, "isolated wall", "isolated walls");
            lines.push(format!("{mark}{} of {walls} {rest} on {text}.", resting.walls.len()));
        }
    }
    for kind in AssumptionKind::ALL {
        let resting = Resting::of(rows, kind, |row| &row.assumptions_added);
        if let Some(text) = resting.text(kind) {
            let rest = if resting.walls.len() == 1 { "rests" } else { "rest" };
            lines.push(format!("New: {} {rest} on {text}.", some(&resting.walls, "walls")));
        }
    }
    lines
}

/// Which subjects of tokens open walls to the next account with a name; one line each, with the walls.
pub(in crate::render) fn squattable(rows: &[MatrixRow]) -> Vec<String> {
    let mut by_subject: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        for subject in &row.squattable {
            by_subject.entry(subject).or_default().push(format!("{} -> {}", row.from, row.to));
        }
    }
    let text = |(subject, walls): (&str, Vec<String>)| {
        format!(
            "Unpinned subject `{subject}`: the next account that registers the name on GitHub crosses {}. `repository_id` and `repository_owner_id` pin it.",
            some(&walls, "walls")
        )
    };
    by_subject.into_iter().map(text).collect()
}

/// Whether some isolated walls are proved and others rest on assumptions: then cells tell them apart.
fn has_mixed_proofs(rows: &[MatrixRow]) -> bool {
    rows.iter().any(MatrixRow::is_proved) && rows.iter().any(|row| !row.assumptions.is_empty())
}

/// The walls that rest on one kind of assumption, and all that they rest on.
#[derive(Default)]
struct Resting<'a> {
    walls: Vec<String>,
    objects: Vec<&'a str>,
    accounts: std::collections::BTreeSet<&'a str>,
}

impl<'a> Resting<'a> {
    fn of(
        rows: &'a [MatrixRow],
        kind: AssumptionKind,
        list: impl Fn(&'a MatrixRow) -> &'a Vec<Assumption>,
    ) -> Self {
        let mut all = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for row in rows {
            let mut own = list(row).iter().filter(|a| a.kind == kind).peekable();
            if own.peek().is_some() {
                all.walls.push(format!("{} -> {}", row.from, row.to));
            }
            for assumption in own {
                all.accounts.insert(assumption.account.as_str());
                let new = assumption.objects.iter().filter(|object| seen.insert(object.as_str()));
                all.objects.extend(new.map(String::as_str));
            }
        }
        all
    }

    fn text(&self, kind: AssumptionKind) -> Option<String> {
        if self.walls.is_empty() {
            return None;
        }
        let accounts: Vec<String> = self.accounts.iter().map(|name| (*name).to_owned()).collect();
        let objects: Vec<String> = self.objects.iter().map(|name| (*name).to_owned()).collect();
        Some(match kind {
            AssumptionKind::ResourcePolicies => format!(
                "policies that were not looked at: {} in {}",
                some(&objects, "types"),
                some(&accounts, "accounts")
            ),
            AssumptionKind::RunningCode => {
                format!("code that runs under {}", some(&objects, "roles"))
            }
            AssumptionKind::IdentityIssuers => format!(
                "clusters, identity pools and certificate authorities elsewhere, whose identities may assume {}",
                some(&objects, "roles")
            ),
            AssumptionKind::AccessLists => format!(
                "access control lists of {}, which were not read (Object Ownership `BucketOwnerEnforced` turns them off)",
                some(&objects, "buckets")
            ),
            AssumptionKind::DelegatedAdministrators => format!(
                "delegated administration of {} by {}, which was not read",
                some(&objects, "services"),
                some(&accounts, "accounts")
            ),
            AssumptionKind::ManagementAccount => format!(
                "whom the management account {} lets in, which was not read (declare it as an `account`)",
                some(&objects, "accounts")
            ),
        })
    }
}

/// The first names, and how many more there are.
fn some(names: &[String], what: &str) -> String {
    const NAMES: usize = 3;
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    match names.len().saturating_sub(NAMES) {
        // One more name takes no more room than its number.
        0 | 1 => names.join(", "),
        more => format!("{} and {more} more {what}", shown.join(", ")),
    }
}

/// Which accounts were not read, where there are any, and what that means; to stand behind "not read".
pub(in crate::render) fn unread(basis: Option<&Basis>) -> Option<String> {
    let unread = basis.map(|basis| &basis.accounts_unread).filter(|unread| !unread.is_empty())?;
    let names: Vec<&str> = unread.iter().map(|handle| handle.as_str()).collect();
    let names = names.join(", ");
    Some(format!("{names}: verdicts stand on what is managed there, and on nothing else"))
}

/// One end of a path: `dev-aws`, or `dev-aws in dev`.
pub(in crate::render) fn end(end: &PathEnd) -> String {
    match &end.account {
        Some(account) if account.as_str() != end.environment => {
            format!("{} in {account}", end.environment)
        }
        _ => end.environment.clone(),
    }
}

/// Both ends of a path.
pub(in crate::render) fn route(path: &AccessPath) -> String {
    format!("{} -> {}", end(&path.from), end(&path.to))
}

/// What happens to a path and how open it is: `added, `, then `reachable`.
pub(in crate::render) fn change(path: &AccessPath) -> String {
    match path.change {
        PathChange::Standing => String::new(),
        change => format!("{}, ", change.name()),
    }
}

/// A verdict for people.
pub(in crate::render) fn words(verdict: WallVerdict) -> String {
    verdict.name().replace('_', " ")
}

/// Tone of a verdict.
pub(in crate::render) fn verdict_tone(verdict: WallVerdict) -> Tone {
    match verdict {
        WallVerdict::Closed => Tone::Dim,
        WallVerdict::Isolated => Tone::Good,
        WallVerdict::Reachable => Tone::Bad,
        WallVerdict::Conditional | WallVerdict::Undetermined | WallVerdict::SharedAccount => {
            Tone::Warn
        }
    }
}

/// Tone of a path's change.
pub(in crate::render) fn path_tone(path: &AccessPath, broken: bool) -> Tone {
    match path.change {
        change if change.narrows() => Tone::Good,
        PathChange::Standing if !broken => Tone::Dim,
        PathChange::Standing if path.only_warns() => Tone::Warn,
        _ => Tone::Bad,
    }
}

/// What stands behind a path that breaks a rule.
pub(in crate::render) fn breaks(path: &AccessPath, broken: bool) -> Option<(Tone, &'static str)> {
    if broken && path.verdict == WallVerdict::Undetermined {
        let tone = if path.only_warns() { Tone::Warn } else { Tone::Bad };
        return Some((tone, "a rule protects it"));
    }
    match (broken, path.only_warns()) {
        (false, _) => None,
        (true, true) => Some((Tone::Warn, "breaks a warning-only rule")),
        (true, false) => Some((Tone::Bad, "breaks a rule")),
    }
}

/// Sign of a path's change.
pub(in crate::render) fn sign(path: &AccessPath, broken: bool) -> &'static str {
    let sign = match path.change {
        PathChange::Added => Sign::Add,
        PathChange::Removed => Sign::Remove,
        PathChange::Widened | PathChange::Narrowed => Sign::Change,
        PathChange::Standing if broken => return "!",
        PathChange::Standing => Sign::None,
    };
    sign.symbol()
}

/// What a wall's cell says, and its tone.
pub(in crate::render) type Cell = (String, Tone);

/// The walls across which paths change, by their ends: by these a wall that stays open is widened or narrowed.
#[derive(Default)]
pub(in crate::render) struct ChangedWalls<'a> {
    wider: BTreeSet<(&'a str, &'a str)>,
    narrower: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> ChangedWalls<'a> {
    pub(in crate::render) fn of(changes: &'a [AccessPath]) -> Self {
        let walls = |is: &dyn Fn(PathChange) -> bool| {
            let paths = changes.iter().filter(|path| is(path.change));
            paths.map(|p| (p.from.environment.as_str(), p.to.environment.as_str())).collect()
        };
        Self { wider: walls(&PathChange::widens), narrower: walls(&PathChange::narrows) }
    }

    /// What a plan does to a wall that is open before and after.
    fn word(&self, row: &MatrixRow) -> &'static str {
        let wall = (row.from.as_str(), row.to.as_str());
        if row.before.is_shut() || row.after.is_shut() {
            ""
        } else if self.wider.contains(&wall) {
            ", widened"
        } else if self.narrower.contains(&wall) {
            ", narrowed"
        } else {
            ""
        }
    }
}

/// The verdicts of a wall, before and after, as one text.
pub(in crate::render) fn cell(row: &MatrixRow, changed: &ChangedWalls<'_>) -> Cell {
    let (before, after) = (words(row.before), words(row.after));
    let tone = match row.ruling {
        Some(Ruling::Permitted) => Tone::Plain,
        Some(Ruling::Forbidden) | None => verdict_tone(row.after),
    };
    let ruling = row.ruling.map(|ruling| format!(", {}", ruling.name())).unwrap_or_default();
    let grade = row.grade.map(|grade| format!(" ({})", grade.letter())).unwrap_or_default();
    let subject = if row.squattable.is_empty() { "" } else { ", unpinned subject" };
    let grade = format!("{grade}{}{subject}{ruling}", changed.word(row));
    if row.before == row.after {
        (format!("{after}{grade}"), tone)
    } else {
        (format!("{before} -> {after}{grade}"), tone)
    }
}

/// Findings that say the same of several environments, once: the first, and the environments that the others
/// are about. An environment is known by its name, and by the handle and the id of an account that serves it
/// alone.
pub(in crate::render) fn alike<'a>(
    findings: &'a [Finding],
    accounts: &'a [AccountChanges],
) -> Vec<(&'a Finding, Vec<&'a str>)> {
    let mut words: Vec<(String, &str)> = Vec::new();
    for account in accounts {
        words.extend(account.environments.iter().map(|name| (name.clone(), name.as_str())));
        if let [only] = account.environments.as_slice() {
            words.push((account.account.clone(), only));
            words.extend(account.account_id.iter().map(|id| (id.to_string(), only.as_str())));
        }
    }
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    let mut all: Vec<(&Finding, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let mut about: BTreeSet<&str> = BTreeSet::new();
        let key = words.iter().fold(finding.text.clone(), |text, (word, environment)| {
            let marked = whole_words(&text, word, "\u{e000}");
            if marked != text {
                about.insert(environment);
            }
            marked
        });
        // Of findings on several environments it is not clear which one is meant.
        let Some(name) = about.first().filter(|_| about.len() == 1) else {
            all.push((finding, Vec::new()));
            continue;
        };
        let at = finding.location().unwrap_or_default();
        let key = format!("{:?} {} {at} {key}", finding.kind, finding.also.len());
        let at = *known.entry(key).or_insert(all.len());
        match all.get_mut(at) {
            Some((_, others)) => others.push(name),
            None => all.push((finding, Vec::new())),
        }
    }
    all
}

/// The text of a finding with its place, and the environments of which the same is to be said.
pub(in crate::render) fn finding(entry: &(&Finding, Vec<&str>)) -> String {
    entry.0.line(entry.0.location(), likewise(&entry.1).as_deref())
}

/// The same where its place is told apart from the text.
pub(in crate::render) fn finding_placed_elsewhere(entry: &(&Finding, Vec<&str>)) -> String {
    entry.0.line(None, likewise(&entry.1).as_deref())
}

fn likewise(others: &[&str]) -> Option<String> {
    let others: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
    (!others.is_empty()).then(|| format!("likewise for {}", some(&others, "environments")))
}

/// Walls of one origin and one verdict (its words, and their tone), with the environments that they enter.
pub(in crate::render) type OpenWalls<'a> = ((&'a str, String, Tone), Vec<&'a str>);

/// The walls that are not isolated, or that the plan changes, by origin and verdict, with the environments
/// that they enter, in the order of the rows.
pub(in crate::render) fn open_walls<'a>(
    rows: &'a [MatrixRow],
    changed: &ChangedWalls<'_>,
) -> Vec<OpenWalls<'a>> {
    let mut walls: Vec<OpenWalls<'_>> = Vec::new();
    let mut at = BTreeMap::new();
    for row in rows.iter().filter(|r| r.after != WallVerdict::Isolated || r.before != r.after) {
        let (text, tone) = cell(row, changed);
        let place = *at.entry((row.from.as_str(), text.clone())).or_insert(walls.len());
        match walls.get_mut(place) {
            Some((_, to)) => to.push(&row.to),
            None => walls.push(((&row.from, text, tone), vec![&row.to])),
        }
    }
    walls
}

/// The matrix as a table: origins down, environments across, both in the order of the rows. A wall that no
/// row is about (an environment and itself) is `None`.
pub(in crate::render) struct Matrix<'a> {
    /// The environments across.
    pub(in crate::render) to: Vec<&'a str>,
    /// Each origin with its cells.
    pub(in crate::render) from: Vec<(&'a str, Vec<Option<Cell>>)>,
}

impl<'a> Matrix<'a> {
    pub(in crate::render) fn of(rows: &'a [MatrixRow], changed: &ChangedWalls<'_>) -> Self {
        let mut cells = BTreeMap::new();
        let is_mixed = has_mixed_proofs(rows);
        let (mut origins, mut to): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for row in rows {
            if !origins.contains(&row.from.as_str()) {
                origins.push(&row.from);
            }
            if !to.contains(&row.to.as_str()) {
                to.push(&row.to);
            }
            let (mut text, tone) = cell(row, changed);
            if is_mixed && !row.assumptions.is_empty() {
                text.push('*');
            }
            cells.insert((row.from.as_str(), row.to.as_str()), (text, tone));
        }
        // Every environment is an origin too, and those stand in the order of the configuration.
        to.sort_by_key(|to| origins.iter().position(|from| from == to));
        let from = origins
            .into_iter()
            .map(|from| (from, to.iter().map(|to| cells.remove(&(from, *to))).collect()))
            .collect();
        Self { to, from }
    }
}

/// Whether there is more to say of a path than fits in its line: a wall as a whole has only its reason.
pub(in crate::render) fn has_evidence(path: &AccessPath) -> bool {
    !path.via.is_empty() || path.witness.is_some()
}

/// Everything that is known of a path.
pub(in crate::render) fn rows(path: &AccessPath) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(power) = &path.power {
        rows.push(Row { prose: true, ..Row::new("power", power) });
    }
    rows.extend(path.principal.iter().map(|principal| Row::new("principal", principal)));
    rows.extend(path.actions.iter().map(|action| Row::new("action", action)));
    rows.extend(path.resources.iter().map(|resource| Row::new("resource", resource)));
    rows.extend(path.conditions.iter().map(|condition| Row::new("only if", condition)));
    let place = |address: &String| path.locations.as_ref()?.get(address).map(String::as_str);
    rows.extend(path.caused_by.iter().map(|a| Row::new("caused by", located(a, place(a)))));
    rows.extend(hops(&path.via));
    rows.extend(path.witness.iter().flat_map(request));
    rows.extend(replay(path));
    rows.extend(path.limits.iter().flat_map(limits));
    let needs = path.also_needs.iter().flatten();
    rows.extend(needs.map(|need| Row::new("also needs", need)));
    for (label, text) in [
        ("because", &path.reason),
        ("rule", &path.rule),
        ("exception", &path.exception),
        ("ended", &path.expired_exception),
    ] {
        rows.extend(text.iter().map(|text| Row::new(label, text)));
    }
    rows
}

fn located(address: &str, at: Option<&str>) -> String {
    at.map_or_else(|| address.to_owned(), |at| format!("{address}  {at}"))
}

/// The steps of a way, each with the statements that grant it; of a single step only these.
pub(in crate::render) fn hops(via: &[Hop]) -> Vec<Row> {
    let mut rows = Vec::new();
    let is_chain = via.len() > 1;
    for (index, hop) in via.iter().enumerate() {
        let mut label = "granted by";
        if is_chain {
            let step = format!("{} {}", hop.principal, hop.action);
            rows.push(Row::new(format!("step {}", index + 1), step));
            rows.push(Row::new("", format!("on {}", hop.resource)));
            label = "";
        }
        for grant in &hop.granted_by {
            let statement = format!("{} {}", grant.address, grant.statement);
            let text = located(&statement, grant.location.as_deref());
            rows.push(Row::new(label, if is_chain { format!("by {text}") } else { text }));
            label = "";
        }
    }
    rows
}

/// Beginnings of the context keys whose values the two ends of a request fix: the caller chooses none
/// of them, and the JSON has them all. Tags of what is reached are told: a policy asks for them.
const DERIVED: [&str; 5] =
    ["aws:principal", "aws:resourceaccount", "aws:resourceorg", "aws:userid", "s3:resourceaccount"];

/// A request: who, what, on what, and what the caller or its context bring along.
pub(in crate::render) fn request(witness: &Witness) -> Vec<Row> {
    let mut rows = vec![
        Row::new("witness", witness.principal.name()),
        Row::new("", format!("{} on {}", witness.action, witness.resource)),
    ];
    // What follows from the principal and from the resource need not be repeated.
    let brought =
        witness.context.iter().filter(|(key, _)| !DERIVED.iter().any(|p| key.starts_with(p)));
    rows.extend(brought.map(|(key, value)| match value {
        ContextValue::One(text) => Row::new("", format!("with {key} = {text}")),
        ContextValue::Many(all) => {
            let all = serde_json::to_string(all).unwrap_or_default();
            Row::new("", format!("with {key} = {all}"))
        }
    }));
    rows
}

/// What the judge says of the witness on the side where the path is closed.
fn replay(path: &AccessPath) -> Option<Row> {
    let replay = path.replay.as_ref()?;
    let (side, judged) = match path.change {
        change if change.widens() => ("before", replay.before.as_ref()?),
        change if change.narrows() => ("after", replay.after.as_ref()?),
        _ => return None,
    };
    let text = match judged {
        Replayed::Absent { missing, .. } => format!("there is no {missing}"),
        Replayed::Judged { decision: iam::PolicyDecision::ExplicitDeny, denied_by, .. } => {
            format!("denied by {}", denied_by.join(" and "))
        }
        Replayed::Judged {
            decision: iam::PolicyDecision::ImplicitDeny, decided_by, step, ..
        } => {
            format!("denied: nothing in the {} allows it on {step}", decided_by.words())
        }
        // Power over a wall takes a right and something that the right is over.
        Replayed::Judged { decision: iam::PolicyDecision::Allow, step, .. }
            if matches!(path.change, PathChange::Added | PathChange::Removed) =>
        {
            format!("the same right over {step}, and nothing behind it that opens a wall")
        }
        Replayed::Judged { .. } => return None,
    };
    Some(Row::new(side, text))
}

/// What could have held the last step and does not.
fn limits(limits: &StepLimits) -> [Row; 3] {
    let chain = |levels: &[String], none: &str, effect: &str| match levels {
        [] => none.to_owned(),
        levels => format!("{}: {effect}", levels.join(" > ")),
    };
    let boundary = match &limits.boundary {
        Some(address) => format!("boundary {address}: allows"),
        None => "no boundary".to_owned(),
    };
    let service = chain(&limits.service_control_policies, "none", "allow");
    let resource = chain(&limits.resource_control_policies, "none", "no deny");
    [
        Row::new("limits", boundary),
        Row::new("", format!("SCPs {service}")),
        Row::new("", format!("RCPs {resource}")),
    ]
}
