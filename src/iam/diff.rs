//! What changed between two policies, statement by statement and by meaning.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::{Document, Effect, PrincipalType, Statement};
use super::normal::{NormalStatement, normalize_statement};
use super::operator::{Operator, SetPrefix, Test};
use super::text::Text;

/// How a statement changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only after.
    Added,
    /// Only before.
    Removed,
    /// Before and after, differently.
    Changed,
}

/// One changed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementChange {
    /// The statement's sid, or its index in brackets (in the document that has it; after, if both).
    pub statement: String,
    /// How it changed.
    pub change: ChangeKind,
    /// One line per changed thing: `- principal arn:...`, `+ action s3:GetObject`.
    pub details: Vec<String>,
    /// Whether something may become possible that this document alone did not make possible;
    /// `None` where that cannot be told from the texts.
    pub widens: Option<bool>,
}

/// What changed from `before` to `after`, in the order of `after`, removed statements last. Empty
/// exactly when the two mean the same. A changed version or id has an entry of its own, under the
/// element's name.
#[must_use]
pub fn diff(before: &Document, after: &Document) -> Vec<StatementChange> {
    let old: Vec<(usize, &Statement, NormalStatement)> = indexed(before);
    let new: Vec<(usize, &Statement, NormalStatement)> = indexed(after);
    let old_set: BTreeSet<&NormalStatement> = old.iter().map(|(_, _, n)| n).collect();
    let new_set: BTreeSet<&NormalStatement> = new.iter().map(|(_, _, n)| n).collect();
    let mut left: BTreeMap<usize, &(usize, &Statement, NormalStatement)> =
        old.iter().filter(|(_, _, n)| !new_set.contains(n)).map(|entry| (entry.0, entry)).collect();
    let spelling = Spelling::of(before, after);
    let mut changes = Vec::new();
    if before.version() != after.version() {
        changes.push(StatementChange {
            statement: "Version".to_owned(),
            change: ChangeKind::Changed,
            details: vec![format!(
                "~ version {} -> {}",
                before.version().as_str(),
                after.version().as_str()
            )],
            widens: None,
        });
    }
    let (old_id, new_id) =
        (before.id.as_deref().unwrap_or_default(), after.id.as_deref().unwrap_or_default());
    if old_id != new_id {
        changes.push(StatementChange {
            statement: "Id".to_owned(),
            change: ChangeKind::Changed,
            details: vec![format!("~ id {old_id} -> {new_id}")],
            widens: Some(false),
        });
    }
    let pending: Vec<_> = new.iter().filter(|(_, _, n)| !old_set.contains(n)).collect();
    // Pair by sid first, so that a statement without one cannot take a named one's partner.
    let mut partners: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, _, normal) in &pending {
        let partner = left
            .values()
            .find(|(_, _, o)| normal.sid.is_some() && o.sid == normal.sid)
            .map(|(old_index, ..)| *old_index);
        if let Some(partner) = partner {
            left.remove(&partner);
            partners.insert(*index, partner);
        }
    }
    for (index, _, normal) in &pending {
        if partners.contains_key(index) {
            continue;
        }
        let named_after = |o: &NormalStatement| {
            // Both named and differently: not the same statement, unless only the name changed.
            normal.sid.is_some() && o.sid.is_some()
        };
        let best = left
            .values()
            .map(|(old_index, _, o)| (likeness(o, normal, named_after(o)), *old_index))
            .filter(|(score, _)| *score > 0)
            .max_by_key(|(score, old_index)| (*score, std::cmp::Reverse(*old_index)));
        if let Some((_, partner)) = best {
            left.remove(&partner);
            partners.insert(*index, partner);
        }
    }
    for (index, statement, normal) in &pending {
        let label = statement.label(*index);
        let old = partners.get(index).and_then(|p| old.iter().find(|(i, ..)| i == p));
        changes.push(match old {
            Some((_, _, old)) => {
                let (details, widens) = compare(old, normal, &spelling);
                StatementChange { statement: label, change: ChangeKind::Changed, details, widens }
            }
            None => StatementChange {
                statement: label,
                change: ChangeKind::Added,
                details: describe(normal, '+', &spelling),
                widens: Some(normal.effect == Effect::Allow),
            },
        });
    }
    for (index, statement, normal) in left.values() {
        changes.push(StatementChange {
            statement: statement.label(*index),
            change: ChangeKind::Removed,
            details: describe(normal, '-', &spelling),
            widens: Some(normal.effect == Effect::Deny),
        });
    }
    changes
}

fn indexed(document: &Document) -> Vec<(usize, &Statement, NormalStatement)> {
    document.statements.iter().enumerate().map(|(i, s)| (i, s, normalize_statement(s))).collect()
}

/// How alike two statements are; zero when they are better shown as one removed and one added.
fn likeness(a: &NormalStatement, b: &NormalStatement, renamed: bool) -> usize {
    if a.effect != b.effect {
        return 0;
    }
    if renamed {
        let nameless = |s: &NormalStatement| NormalStatement { sid: None, ..s.clone() };
        return if nameless(a) == nameless(b) { 100 } else { 0 };
    }
    let same = [
        a.principals == b.principals && a.not_principals == b.not_principals,
        a.actions == b.actions && a.not_actions == b.not_actions,
        a.resources == b.resources && a.not_resources == b.not_resources,
        a.conditions == b.conditions,
    ];
    let shared = a.actions.intersection(&b.actions).count()
        + a.not_actions.intersection(&b.not_actions).count()
        + a.resources.intersection(&b.resources).count()
        + a.not_resources.intersection(&b.not_resources).count();
    let whole = same.iter().filter(|s| **s).count();
    if whole == 0 && shared == 0 { 0 } else { whole * 10 + shared }
}

/// How the documents write what is compared in lower case: actions, and keys of conditions.
#[derive(Default)]
struct Spelling {
    actions: BTreeMap<Text, Text>,
    keys: BTreeMap<String, String>,
}

impl Spelling {
    /// Of both documents; the later one's counts where they differ.
    fn of(before: &Document, after: &Document) -> Self {
        let mut spelling = Self::default();
        for statement in before.statements.iter().chain(&after.statements) {
            for item in statement.actions.iter().chain(&statement.not_actions) {
                let plain = item.text.map_literals(str::to_ascii_lowercase);
                spelling.actions.insert(plain, item.text.clone());
            }
            for condition in &statement.conditions {
                spelling.keys.insert(condition.key.to_ascii_lowercase(), condition.key.clone());
            }
        }
        spelling
    }

    fn action(&self, text: &Text) -> String {
        self.actions.get(text).unwrap_or(text).to_string()
    }

    fn key<'a>(&'a self, key: &'a str) -> &'a str {
        self.keys.get(key).map_or(key, String::as_str)
    }

    fn condition(&self, (operator, key, values): &(Operator, String, BTreeSet<Text>)) -> String {
        let key = self.key(key);
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        format!("condition {operator} {key} = {}", values.join(", "))
    }
}

fn principal(kind: PrincipalType, text: &Text) -> String {
    match kind {
        PrincipalType::Aws => text.to_string(),
        other => format!("{} {text}", other.as_str()),
    }
}

fn describe(s: &NormalStatement, sign: char, spelling: &Spelling) -> Vec<String> {
    let mut out = vec![format!("{sign} effect {}", s.effect)];
    for (name, set) in [("principal", &s.principals), ("not_principal", &s.not_principals)] {
        for (kind, text) in set.iter().flatten() {
            out.push(format!("{sign} {name} {}", principal(*kind, text)));
        }
    }
    for (name, set) in [("action", &s.actions), ("not_action", &s.not_actions)] {
        out.extend(set.iter().map(|text| format!("{sign} {name} {}", spelling.action(text))));
    }
    for (name, set) in [("resource", &s.resources), ("not_resource", &s.not_resources)] {
        out.extend(set.iter().map(|text| format!("{sign} {name} {text}")));
    }
    out.extend(s.conditions.iter().map(|c| format!("{sign} {}", spelling.condition(c))));
    out
}

/// Collects the lines of a changed statement and what they do to the set of requests it covers.
struct Comparison {
    details: Vec<String>,
    /// Some line makes the statement cover more.
    more: bool,
    /// Some line makes it cover less.
    less: bool,
    /// Some line cannot be judged from the texts.
    unclear: bool,
}

impl Comparison {
    /// Compares two sets whose members each widen what the statement covers (narrow it, with `not`).
    fn sets<T: Ord>(
        &mut self,
        name: &str,
        old: &BTreeSet<T>,
        new: &BTreeSet<T>,
        not: bool,
        show: impl Fn(&T) -> String,
        covers: impl Fn(&T, &T) -> bool,
    ) {
        for gone in old.difference(new) {
            self.details.push(format!("- {name} {}", show(gone)));
            if !new.iter().any(|wide| covers(wide, gone)) {
                self.mark(not);
            }
        }
        for come in new.difference(old) {
            self.details.push(format!("+ {name} {}", show(come)));
            if !old.iter().any(|wide| covers(wide, come)) {
                self.mark(!not);
            }
        }
    }

    fn mark(&mut self, more: bool) {
        if more {
            self.more = true;
        } else {
            self.less = true;
        }
    }
}

fn compare(
    old: &NormalStatement,
    new: &NormalStatement,
    spelling: &Spelling,
) -> (Vec<String>, Option<bool>) {
    let mut c = Comparison { details: Vec::new(), more: false, less: false, unclear: false };
    if old.sid != new.sid {
        let show = |sid: &Option<String>| sid.clone().unwrap_or_else(|| "(none)".to_owned());
        c.details.push(format!("~ sid {} -> {}", show(&old.sid), show(&new.sid)));
    }
    let flipped = old.effect != new.effect;
    if flipped {
        c.details.push(format!("~ effect {} -> {}", old.effect, new.effect));
    }
    for (name, a, b, not) in [
        ("principal", &old.principals, &new.principals, false),
        ("not_principal", &old.not_principals, &new.not_principals, true),
    ] {
        let (empty_a, empty_b) = (BTreeSet::new(), BTreeSet::new());
        let (a, b) = (a.as_ref().unwrap_or(&empty_a), b.as_ref().unwrap_or(&empty_b));
        // An element that comes or goes whole turns the meaning round: `sets` cannot judge it.
        c.unclear |= not && a.is_empty() != b.is_empty();
        c.sets(
            name,
            a,
            b,
            not,
            |(kind, text)| principal(*kind, text),
            |wide, narrow| {
                wide == narrow || (wide.0 == PrincipalType::Aws && wide.1.known() == Some("*"))
            },
        );
    }
    for (name, a, b, not) in [
        ("action", &old.actions, &new.actions, false),
        ("not_action", &old.not_actions, &new.not_actions, true),
        ("resource", &old.resources, &new.resources, false),
        ("not_resource", &old.not_resources, &new.not_resources, true),
    ] {
        c.unclear |= not && a.is_empty() != b.is_empty();
        c.sets(name, a, b, not, |text| spelling.action(text), covers);
    }
    conditions(&mut c, old, new, spelling);
    let (more, less) = match new.effect {
        Effect::Allow => (c.more, c.less),
        Effect::Deny => (c.less, c.more),
    };
    let widens = if flipped {
        Some(new.effect == Effect::Allow)
    } else if c.unclear {
        None
    } else {
        let _ = less;
        Some(more)
    };
    (c.details, widens)
}

/// Whether the pattern `wide` matches everything that `narrow` does; sound, not complete.
fn covers(wide: &Text, narrow: &Text) -> bool {
    match (wide.known(), narrow.known()) {
        (Some("*"), _) => true,
        (Some(wide), Some(narrow)) => {
            !wide.contains("${") && !narrow.contains("${") && glob_covers(wide, narrow)
        }
        _ => wide == narrow,
    }
}

/// A glob against a glob read as text: `*` of `narrow` is matched by `*` alone.
fn glob_covers(wide: &str, narrow: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    let (mut i, mut j) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(tc) = t.get(j) {
        match p.get(i) {
            Some('*') => {
                retry = Some((i + 1, j));
                i += 1;
            }
            Some('?') if *tc != '*' => {
                i += 1;
                j += 1;
            }
            Some(pc) if pc == tc => {
                i += 1;
                j += 1;
            }
            _ => match retry {
                Some((back, at)) => {
                    retry = Some((back, at + 1));
                    i = back;
                    j = at + 1;
                }
                None => return false,
            },
        }
    }
    p.iter().skip(i).all(|c| *c == '*')
}

fn conditions(
    c: &mut Comparison,
    old: &NormalStatement,
    new: &NormalStatement,
    spelling: &Spelling,
) {
    type Keyed<'a> = BTreeMap<(Operator, &'a str), Vec<&'a (Operator, String, BTreeSet<Text>)>>;
    fn keyed(s: &NormalStatement) -> Keyed<'_> {
        let mut map: Keyed<'_> = BTreeMap::new();
        for entry in &s.conditions {
            map.entry((entry.0, entry.1.as_str())).or_default().push(entry);
        }
        map
    }
    let (a, b) = (keyed(old), keyed(new));
    for (key, entries) in &a {
        match (entries.as_slice(), b.get(key).map(Vec::as_slice)) {
            ([before], Some([after])) if before != after => {
                let (operator, name) =
                    (key.0, format!("condition {} {}", key.0, spelling.key(key.1)));
                // A listed value widens a positive operator and narrows a negated one.
                let ordered = matches!(
                    operator.test.positive(),
                    Test::StringEquals
                        | Test::StringLike
                        | Test::ArnLike
                        | Test::StringEqualsIgnoreCase
                        | Test::NumericEquals
                        | Test::DateEquals
                        | Test::IpAddress
                        | Test::BinaryEquals
                );
                let globs = matches!(operator.test.positive(), Test::StringLike);
                c.unclear |= !ordered && operator.prefix == Some(SetPrefix::ForAllValues);
                c.sets(
                    &name,
                    &before.2,
                    &after.2,
                    operator.test.negated(),
                    |value| format!("= {value}"),
                    |wide, narrow| globs && covers(wide, narrow),
                );
            }
            (same, Some(other)) if same == other => {}
            (gone, other) => {
                for entry in gone {
                    c.details.push(format!("- {}", spelling.condition(entry)));
                }
                for entry in other.into_iter().flatten() {
                    c.details.push(format!("+ {}", spelling.condition(entry)));
                }
                match other {
                    None => c.more = true,
                    Some(_) => c.unclear = true,
                }
            }
        }
    }
    for (key, entries) in &b {
        if !a.contains_key(key) {
            for entry in entries {
                c.details.push(format!("+ {}", spelling.condition(entry)));
            }
            c.less = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Use;
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Document {
        Document::from_json(value, Use::Resource("ecr".into())).expect("valid").0
    }

    fn base() -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "ci", "Effect": "Allow",
             "Principal": {"AWS": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"]},
             "Action": ["s3:Get*", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*",
             "Condition": {"StringEquals": {"aws:x": ["1", "2"]}}},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})
    }

    fn change(from: &str, to: &str) -> Vec<StatementChange> {
        let text = base().to_string();
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        diff(&read(&base()), &read(&serde_json::from_str(&changed).expect("json")))
    }

    #[test]
    fn one_removed_principal_is_one_line() {
        let changes = change(r#","arn:aws:iam::111122223333:role/b""#, "");
        assert_eq!(
            changes,
            [StatementChange {
                statement: "ci".into(),
                change: ChangeKind::Changed,
                details: vec!["- principal arn:aws:iam::111122223333:role/b".into()],
                widens: Some(false),
            }]
        );
    }

    #[test]
    fn each_edit_says_whether_it_widens() {
        for (from, to, details, widens) in [
            (
                r#""s3:PutObject""#,
                r#""s3:PutObject","s3:PutObjectAcl""#,
                vec!["+ action s3:PutObjectAcl"],
                Some(true),
            ),
            (
                r#""s3:PutObject""#,
                r#""s3:PutObject","s3:GetObject""#,
                vec!["+ action s3:GetObject"],
                Some(false),
            ),
            (
                r#""s3:Get*""#,
                r#""s3:GetObject""#,
                vec!["- action s3:Get*", "+ action s3:GetObject"],
                Some(false),
            ),
            (r#"["1","2"]"#, r#"["1"]"#, vec!["- condition StringEquals aws:x = 2"], Some(false)),
            (
                r#"["1","2"]"#,
                r#"["1","2","3"]"#,
                vec!["+ condition StringEquals aws:x = 3"],
                Some(true),
            ),
            (
                r#""Condition":{"StringEquals":{"aws:x":["1","2"]}},"#,
                "",
                vec!["- condition StringEquals aws:x = 1, 2"],
                Some(true),
            ),
        ] {
            let changes = change(from, to);
            assert_eq!(changes.len(), 1, "{from}");
            assert_eq!(changes[0].details, details, "{from}");
            assert_eq!(changes[0].widens, widens, "{from} -> {to}");
        }
    }

    #[test]
    fn a_weakened_deny_widens() {
        let text = base().to_string();
        let mut after: Value = serde_json::from_str(&text).expect("json");
        after["Statement"].as_array_mut().expect("list").pop();
        let changes = diff(&read(&base()), &read(&after));
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (changes[0].statement.as_str(), changes[0].change),
            ("[1]", ChangeKind::Removed)
        );
        assert_eq!(changes[0].widens, Some(true));
        let changes = change(r#""Action":"s3:*""#, r#""Action":"s3:Get*""#);
        assert_eq!(changes[0].widens, Some(true));
    }

    #[test]
    fn reordering_is_no_change() {
        let mut after = base();
        after["Statement"].as_array_mut().expect("list").reverse();
        assert_eq!(diff(&read(&base()), &read(&after)), []);
    }
}
