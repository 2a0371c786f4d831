//! The answer that every rendering of a plan begins with: is a rule broken, which walls open, what does the
//! verdict rest on; then one line a path, forbidden ones first.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Handle;
use crate::isolation::section::{
    AccessPath, ExceptionStatus, ExceptionUse, Grant, Isolation, MatrixRow, PathChange, WallVerdict,
};
use crate::isolation::walls::Walls;
use crate::plan::model::{AccountChanges, Plan};
use crate::state::layout;

use super::fold::{id_of, some_of, whole_words};
use super::isolation::view;
use super::principals;
use super::style::{Tone, count};

/// How many paths of one class are listed before the rest is counted.
pub(super) const LISTED: usize = 50;

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

/// What the rules say of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathClass {
    /// It breaks a rule, and comes with this plan.
    Forbidden,
    /// It stood before, and the exception that permitted it has ended.
    Ended,
    /// It breaks a rule, and stood before.
    Standing,
    /// It breaks a rule now, whatever a plan may do.
    Broken,
    /// It breaks a rule that only warns.
    Warned,
    /// A rule forbids it, and an exception permits it.
    Permitted,
    /// No rule forbids it.
    Unruled,
    /// It goes, or becomes narrower.
    Closing,
}

impl PathClass {
    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Forbidden => "Forbidden, new with this plan",
            Self::Ended => "Forbidden, its exception has ended",
            Self::Standing => "Forbidden, existing before this plan",
            Self::Broken => "Forbidden",
            Self::Warned => "Warned of by a rule",
            Self::Permitted => "Permitted by an exception",
            Self::Unruled => "Forbidden by no rule",
            Self::Closing => "Closed or narrowed",
        }
    }

    /// Its colour.
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Forbidden | Self::Ended | Self::Standing | Self::Broken => Tone::Bad,
            Self::Warned | Self::Permitted | Self::Unruled => Tone::Warn,
            Self::Closing => Tone::Good,
        }
    }

    /// Whether paths of it break a rule, be it one that only warns.
    fn breaks_rule(self) -> bool {
        match self {
            Self::Forbidden | Self::Ended | Self::Standing | Self::Broken | Self::Warned => true,
            Self::Permitted | Self::Unruled | Self::Closing => false,
        }
    }

    /// Whether an apply is refused for paths of it.
    pub(super) fn is_refused(self) -> bool {
        matches!(self, Self::Forbidden | Self::Ended)
    }

    fn of(path: &AccessPath) -> Self {
        match path.change {
            change if change.narrows() => Self::Closing,
            _ if path.only_warns() => Self::Warned,
            PathChange::Standing if path.breaks_rule() => match path.expired_exception {
                Some(_) => Self::Ended,
                None => Self::Standing,
            },
            _ if path.breaks_rule() => Self::Forbidden,
            _ if path.exception.is_some() => Self::Permitted,
            _ => Self::Unruled,
        }
    }
}

/// One path, or several that differ only in the environment that they enter or the instance that they lead to.
pub(super) struct PathLine<'a> {
    /// The path; of several the first.
    pub(super) path: &'a AccessPath,
    /// `dev-aws -> staging, production`.
    pub(super) route: String,
    /// Who starts it.
    pub(super) principal: String,
    /// What it may do.
    pub(super) actions: String,
    /// What causes it: the address and `file:line`.
    pub(super) cause: String,
    /// The verdict, and the exception or rule.
    pub(super) remark: String,
    /// How many paths it stands for.
    pub(super) members: usize,
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
        let of = |class| broken().filter(|v| PathClass::of(v) == class).count();
        let (new, ended) = (of(PathClass::Forbidden), of(PathClass::Ended));
        let what = paths_break("an isolation rule", broken());
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

/// How an exception stands, in words.
pub(super) fn state(permit: &ExceptionUse) -> (&'static str, Tone) {
    match permit.status {
        ExceptionStatus::Expired => ("has ended", Tone::Bad),
        ExceptionStatus::Unused => ("covers nothing", Tone::Warn),
        ExceptionStatus::InForce if permit.ends_soon() => ("in force, ends soon", Tone::Warn),
        ExceptionStatus::InForce => ("in force", Tone::Plain),
    }
}

/// An exception in one line: what it is, what it covers, how long it counts, and why it exists.
pub(super) fn exception(permit: &ExceptionUse) -> (String, Tone) {
    let name = format!("{}.{}", permit.rule, permit.name);
    let (state, tone) = state(permit);
    (format!("{name} {state}: {}", terms(permit)), tone)
}

/// How many exceptions stand below those that are listed, and how: as loud as the worst of them.
fn more_exceptions(rest: &[&ExceptionUse]) -> (String, Tone) {
    let parts: Vec<String> = [
        (ExceptionStatus::Expired, "has ended", "have ended"),
        (ExceptionStatus::InForce, "is in force", "are in force"),
        (ExceptionStatus::Unused, "covers nothing", "cover nothing"),
    ]
    .into_iter()
    .map(|(status, one, many)| (rest.iter().filter(|p| p.status == status).count(), one, many))
    .filter(|(number, _, _)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let has = |tone| rest.iter().any(|permit| state(permit).1 == tone);
    let tone = [Tone::Bad, Tone::Warn].into_iter().find(|tone| has(*tone)).unwrap_or(Tone::Plain);
    let all = count(rest.len(), "more exception", "more exceptions");
    (format!("and {all}: {}", parts.join(", ")), tone)
}

/// How long an exception counts, why, and who stands for it.
pub(super) fn terms(permit: &ExceptionUse) -> String {
    let left = days_left(permit.days_left);
    let mut text = format!("until {} ({left}), {}", permit.expires, permit.reason);
    for (what, who) in [("owner", &permit.owner), ("approved by", &permit.approved_by)] {
        text.extend(who.iter().map(|who| format!("; {what} {who}")));
    }
    text
}

/// `3 days left`, `today is its last day`, `2 days ago`.
pub(super) fn days_left(days: i32) -> String {
    let number = usize::try_from(days.unsigned_abs()).unwrap_or(usize::MAX);
    match days {
        0 => "today is its last day".to_owned(),
        days if days < 0 => count(number, "day ago", "days ago"),
        _ => format!("{} left", count(number, "day", "days")),
    }
}

/// The paths that a change brings, widens, narrows or removes, and those that break a rule, by class.
pub(super) fn classes<'a>(section: &'a Isolation, accounts: &[AccountChanges]) -> Classes<'a> {
    let shown = view::SectionView::of(section);
    let changed = shown.changes.into_iter().map(|(path, _)| path);
    in_classes(accounts, changed.chain(shown.standing).map(|path| (PathClass::of(path), path)))
}

/// Paths by class.
pub(super) type Classes<'a> = Vec<(PathClass, Vec<PathLine<'a>>)>;

/// Every path that there is now, by class.
pub(super) fn standing<'a>(accounts: &[AccountChanges], walls: &'a Walls) -> Classes<'a> {
    let known = |path: &&AccessPath| !walls.paths.iter().any(|p| p.id == path.id);
    let all = walls.paths.iter().chain(walls.violations.iter().filter(known));
    in_classes(
        accounts,
        all.map(|path| match (path.breaks_rule(), &path.exception) {
            (true, _) if path.only_warns() => (PathClass::Warned, path),
            (true, _) => (PathClass::Broken, path),
            (false, Some(_)) => (PathClass::Permitted, path),
            (false, None) => (PathClass::Unruled, path),
        }),
    )
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

fn in_classes<'a>(
    accounts: &[AccountChanges],
    paths: impl Iterator<Item = (PathClass, &'a AccessPath)>,
) -> Classes<'a> {
    let mut classes: BTreeMap<PathClass, Vec<&AccessPath>> = BTreeMap::new();
    for (class, path) in paths {
        classes.entry(class).or_default().push(path);
    }
    let lines = classes.into_iter().map(|(class, paths)| {
        // What breaks a rule stands for itself, as long as a reader can take it in.
        let is_broken = class.breaks_rule();
        let folds = !is_broken || paths.len() > LISTED;
        (class, lines(accounts, &paths, folds))
    });
    lines.collect()
}

/// One line a path; with `folds`, one for all that are alike.
fn lines<'a>(
    accounts: &[AccountChanges],
    paths: &[&'a AccessPath],
    folds: bool,
) -> Vec<PathLine<'a>> {
    let mut lines: Vec<(PathLine<'a>, BTreeSet<String>)> = Vec::new();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let line = line(accounts, path);
        let to = view::end(&path.to);
        if folds {
            let key = likeness(accounts, path, &line);
            let known = alike.get(&key).copied();
            if let Some((first, entered)) = known.and_then(|at| lines.get_mut(at)) {
                first.members += 1;
                entered.insert(to);
                continue;
            }
            alike.insert(key, lines.len());
        }
        lines.push((line, BTreeSet::from([to])));
    }
    let routed = lines.into_iter().map(|(line, entered)| {
        let entered: Vec<&str> = entered.iter().map(String::as_str).collect();
        let route = format!("{} -> {}", view::end(&line.path.from), some_of(&entered));
        PathLine { route, ..line }
    });
    routed.collect()
}

fn line<'a>(accounts: &[AccountChanges], path: &'a AccessPath) -> PathLine<'a> {
    let principal = match (&path.principal, &path.reason) {
        (Some(principal), _) => short(accounts, path, principal),
        (None, Some(reason)) => reason.clone(),
        (None, None) => path.power.clone().unwrap_or_default(),
    };
    let actions = match path.actions.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
    };
    let mut remark = format!("{}{}", view::change(path), view::words(path.verdict));
    if path.grade != crate::isolation::Grade::Request {
        remark.push_str(&format!(", grade {}", path.grade.letter()));
    }
    let rule = path.rule.iter().filter(|_| path.breaks_rule());
    for text in path.exception.iter().chain(rule) {
        remark.push_str(&format!(", {text}"));
    }
    if let Some(ended) = &path.expired_exception {
        remark.push_str(&format!(", {ended} has ended"));
    }
    let cause = cause(path);
    PathLine { path, route: String::new(), principal, actions, cause, remark, members: 1 }
}

/// The first cause with its place: an added grant where there is one.
fn cause(path: &AccessPath) -> String {
    let grants: Vec<&Grant> = path.via.iter().rev().flat_map(|hop| &hop.granted_by).collect();
    let is_cause = |grant: &&&Grant| path.caused_by.contains(&grant.address);
    let grant = grants.iter().find(is_cause).or(grants.first());
    if let Some(grant) = grant.filter(|g| is_cause(g) || path.caused_by.is_empty()) {
        let place = grant.location.as_ref().map(|at| format!("  {at}")).unwrap_or_default();
        return format!("{} {}{place}", grant.address, grant.statement);
    }
    let Some(first) = path.caused_by.first() else { return String::new() };
    let at = path.locations.as_ref().and_then(|all| all.get(first));
    at.map_or_else(|| first.clone(), |at| format!("{first}  {at}"))
}

/// A principal without what the ends of its path say already: the account that it is in.
fn short(accounts: &[AccountChanges], path: &AccessPath, principal: &str) -> String {
    let fields: Vec<&str> = principal.splitn(6, ':').collect();
    let ["arn", _, "iam" | "sts", "", account, name] = fields.as_slice() else {
        return principal.to_owned();
    };
    let is_at = |handle: &Handle| {
        let known = accounts.iter().find(|a| a.account == handle.as_str());
        let id = known.and_then(|a| a.account_id.as_ref()).map(ToString::to_string);
        id.as_deref() == Some(*account)
            || account.trim_matches(['⟨', '⟩', '$', '{', '}']) == id_of(handle.as_str())
    };
    // Whom another account's provider vouches for comes from outside, and is known by the provider.
    let is_provider = name.starts_with("oidc-provider/") || name.starts_with("saml-provider/");
    let at = path.from.account.iter().chain(path.to.account.iter().filter(|_| is_provider));
    let is_said = at.into_iter().any(is_at);
    if is_said && !name.is_empty() { (*name).to_owned() } else { principal.to_owned() }
}

/// Equal for paths that differ only in the environment that they enter, or in the instance of the block that
/// causes them and that they lead to: never in who starts them, nor in what they may do and when.
fn likeness(accounts: &[AccountChanges], path: &AccessPath, line: &PathLine<'_>) -> String {
    let mut words: Vec<String> = vec![path.to.environment.clone()];
    if let Some(account) = &path.to.account {
        let known = accounts.iter().find(|a| a.account == account.as_str());
        words.extend(known.and_then(|a| a.account_id.as_ref()).map(ToString::to_string));
        words.push(format!("⟨{}⟩", id_of(account.as_str())));
        words.push(format!("${{{}}}", id_of(account.as_str())));
        words.push(account.to_string());
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mark = |text: &str| {
        words.iter().fold(text.to_owned(), |text, word| whole_words(&text, word, "\u{e000}"))
    };
    let keys = keys(&line.cause);
    let named = [
        mark(&line.principal),
        mark(&path.conditions.join(" ")),
        mark(&path.power.clone().unwrap_or_default()),
    ];
    let instance = [path.resources.join(" "), line.cause.clone()]
        .map(|part| mark(&keys.iter().fold(part, |text, key| whole_words(&text, key, "\u{e001}"))));
    let literal = [path.from.environment.as_str(), &path.actions.join(" "), &line.remark];
    format!("{}\u{0}{}\u{0}{}", literal.join("\u{0}"), named.join("\u{0}"), instance.join("\u{0}"))
}

/// The keys of the instance that a cause names: `shop` of `module.deploy["shop"].iam_role.deploy@staging`.
fn keys(cause: &str) -> Vec<&str> {
    let pieces = cause.split("[\"").skip(1);
    pieces.filter_map(|piece| Some(piece.split_once("\"]")?.0)).collect()
}
