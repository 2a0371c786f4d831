//! Paths as a reader takes them in: by what the rules say of them, one line for those that are alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Handle;
use crate::isolation::section::{AccessPath, Grant, Isolation, PathChange, WallVerdict};
use crate::isolation::walls::Walls;
use crate::plan::model::AccountChanges;
use crate::render::fold::{id_of, some_of, whole_words};
use crate::render::isolation::view;
use crate::render::style::Tone;

/// How many paths of one class are listed before the rest is counted.
pub(in crate::render) const LISTED: usize = 50;

/// What the rules say of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum PathClass {
    /// It breaks a rule, and comes with this plan.
    Forbidden,
    /// It stood before, and the exception that permitted it has ended.
    Ended,
    /// It breaks a rule, and stood before.
    Standing,
    /// A rule protects the wall, and since this plan nothing is known of it for certain.
    NewlyUndetermined,
    /// The same before this plan and after it.
    StillUndetermined,
    /// It breaks a rule now, whatever a plan may do.
    Broken,
    /// A rule protects the wall, and nothing is known of it for certain now.
    Undetermined,
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
    pub(in crate::render) fn title(self) -> &'static str {
        match self {
            Self::Forbidden => "Forbidden, new with this plan",
            Self::Ended => "Forbidden, its exception has ended",
            Self::Standing => "Forbidden, existing before this plan",
            Self::NewlyUndetermined => "Protected by a rule, undetermined with this plan",
            Self::StillUndetermined => "Protected by a rule, undetermined before this plan too",
            Self::Broken => "Forbidden",
            Self::Undetermined => "Protected by a rule, undetermined",
            Self::Warned => "Warned of by a rule",
            Self::Permitted => "Permitted by an exception",
            Self::Unruled => "Forbidden by no rule",
            Self::Closing => "Closed or narrowed",
        }
    }

    /// Its colour.
    pub(in crate::render) fn tone(self) -> Tone {
        match self {
            Self::Forbidden
            | Self::Ended
            | Self::Standing
            | Self::NewlyUndetermined
            | Self::StillUndetermined
            | Self::Broken
            | Self::Undetermined => Tone::Bad,
            Self::Warned | Self::Permitted | Self::Unruled => Tone::Warn,
            Self::Closing => Tone::Good,
        }
    }

    /// Whether paths of it break a rule, be it one that only warns.
    fn breaks_rule(self) -> bool {
        match self {
            Self::Permitted | Self::Unruled | Self::Closing => false,
            broken => broken.tone() == Tone::Bad || broken == Self::Warned,
        }
    }

    /// Whether an apply is refused for paths of it.
    pub(in crate::render) fn is_refused(self) -> bool {
        matches!(self, Self::Forbidden | Self::Ended | Self::NewlyUndetermined)
    }

    /// Whether its paths come with the plan.
    pub(in crate::render) fn is_new(self) -> bool {
        matches!(self, Self::Forbidden | Self::NewlyUndetermined)
    }

    pub(in crate::render) fn of(path: &AccessPath) -> Self {
        let is_undetermined = path.verdict == WallVerdict::Undetermined;
        match path.change {
            change if change.narrows() => Self::Closing,
            _ if path.only_warns() => Self::Warned,
            PathChange::Standing if path.breaks_rule() => match path.expired_exception {
                Some(_) => Self::Ended,
                None if is_undetermined => Self::StillUndetermined,
                None => Self::Standing,
            },
            _ if path.breaks_rule() && is_undetermined => Self::NewlyUndetermined,
            _ if path.breaks_rule() => Self::Forbidden,
            _ if path.exception.is_some() => Self::Permitted,
            _ => Self::Unruled,
        }
    }
}

/// One path, or several that differ only in the environment that they enter or the instance that they lead to.
pub(in crate::render) struct PathLine<'a> {
    /// The path; of several the first.
    pub(in crate::render) path: &'a AccessPath,
    /// `dev-aws -> staging, production`.
    pub(in crate::render) route: String,
    /// Who starts it.
    pub(in crate::render) principal: String,
    /// What it may do.
    pub(in crate::render) actions: String,
    /// What causes it: the address and `file:line`.
    pub(in crate::render) cause: String,
    /// The verdict, and the exception or rule.
    pub(in crate::render) remark: String,
    /// How many paths it stands for.
    pub(in crate::render) members: usize,
}

/// The paths that a change brings, widens, narrows or removes, and those that break a rule, by class.
pub(in crate::render) fn classes<'a>(
    section: &'a Isolation,
    accounts: &[AccountChanges],
) -> Classes<'a> {
    let shown = view::SectionView::of(section);
    let changed = shown.changes.into_iter().map(|(path, _)| path);
    in_classes(accounts, changed.chain(shown.standing).map(|path| (PathClass::of(path), path)))
}

/// Paths by class.
pub(in crate::render) type Classes<'a> = Vec<(PathClass, Vec<PathLine<'a>>)>;

/// Every path that there is now, by class.
pub(in crate::render) fn standing<'a>(
    accounts: &[AccountChanges],
    walls: &'a Walls,
) -> Classes<'a> {
    let known = |path: &&AccessPath| !walls.paths.iter().any(|p| p.id == path.id);
    let all = walls.paths.iter().chain(walls.violations.iter().filter(known));
    in_classes(
        accounts,
        all.map(|path| match (path.breaks_rule(), &path.exception) {
            (true, _) if path.only_warns() => (PathClass::Warned, path),
            (true, _) if path.verdict == WallVerdict::Undetermined => {
                (PathClass::Undetermined, path)
            }
            (true, _) => (PathClass::Broken, path),
            (false, Some(_)) => (PathClass::Permitted, path),
            (false, None) => (PathClass::Unruled, path),
        }),
    )
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
    let groups = match folds {
        true => alike(accounts, paths),
        false => paths.iter().map(|path| vec![*path]).collect(),
    };
    let lines = groups.iter().filter_map(|group| {
        let first = group.first()?;
        let entered: BTreeSet<String> = group.iter().map(|path| view::end(&path.to)).collect();
        let entered: Vec<&str> = entered.iter().map(String::as_str).collect();
        let route = format!("{} -> {}", view::end(&first.from), some_of(&entered));
        Some(PathLine { route, members: group.len(), ..line(accounts, first) })
    });
    lines.collect()
}

/// Paths that differ in nothing but what [`likeness`] leaves out, together, in the order of the first ones.
pub(in crate::render) fn alike<'a>(
    accounts: &[AccountChanges],
    paths: &[&'a AccessPath],
) -> Vec<Vec<&'a AccessPath>> {
    let mut groups: Vec<Vec<&AccessPath>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let key = likeness(accounts, path, &line(accounts, path));
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(path),
            None => groups.push(vec![*path]),
        }
    }
    groups
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
        let id = known.and_then(|a| a.account_id.as_ref()).map(ToString::to_string);
        // Where accounts are not told, what is reached tells in which one it lies.
        let is_id = |field: &&str| field.len() == 12 && field.bytes().all(|b| b.is_ascii_digit());
        let owner = || path.resources.iter().find_map(|arn| arn.split(':').nth(4).filter(is_id));
        words.extend(id.or_else(|| owner().map(str::to_owned)));
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
