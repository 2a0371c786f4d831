//! A plan's changes as signed lines: the one form that text, Markdown and HTML are printed from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use crate::difference;
use crate::plan::model::{Action, Drift, PolicyChange, ResourceChange};
use crate::value::{AttrPath, Plain, Value, path::AttrStep};

use super::style::{Tone, safe};

mod policies;
pub(super) mod whole;

use policies::{
    is_policy, policy_change, statement_header, statement_items, statement_name, statements,
    statements_text,
};

/// What happens to the thing that a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Appears.
    Add,
    /// Goes.
    Remove,
    /// Changes in place.
    Change,
    /// Goes, then comes again.
    Replace,
    /// Comes again, then the old one goes.
    ReplaceNewFirst,
    /// Exists and is taken over.
    Adopt,
    /// Leaves the state, stays in AWS.
    Forget,
    /// Context.
    None,
}

impl Sign {
    /// Of an action.
    #[must_use]
    pub fn of(action: Action, new_first: bool) -> Self {
        match action {
            Action::Create => Self::Add,
            Action::Update => Self::Change,
            Action::Replace if new_first => Self::ReplaceNewFirst,
            Action::Replace => Self::Replace,
            Action::Delete => Self::Remove,
            Action::Adopt => Self::Adopt,
            Action::Forget => Self::Forget,
            Action::NoOp => Self::None,
        }
    }

    /// As people know it from Terraform.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Remove => "-",
            Self::Change => "~",
            Self::Replace => "-/+",
            Self::ReplaceNewFirst => "+/-",
            Self::Adopt => "=",
            Self::Forget => ".",
            Self::None => " ",
        }
    }

    /// Its colour.
    #[must_use]
    pub fn tone(self) -> Tone {
        match self {
            Self::Add => Tone::Add,
            Self::Remove => Tone::Remove,
            Self::Change => Tone::Change,
            Self::Replace | Self::ReplaceNewFirst => Tone::Replace,
            Self::Adopt | Self::Forget => Tone::Adopt,
            Self::None => Tone::Plain,
        }
    }

    /// For a legend.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Add => "create",
            Self::Remove => "delete",
            Self::Change => "update in place",
            Self::Replace => "delete, then create again",
            Self::ReplaceNewFirst => "create anew, then delete the old",
            Self::Adopt => "adopt what exists",
            Self::Forget => "forget, leaving it in AWS",
            Self::None => "unchanged",
        }
    }
}

/// One line of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Nesting below the object's own line.
    pub depth: usize,
    /// What happens.
    pub sign: Sign,
    /// What it says; safe to print.
    pub text: String,
    /// A remark behind it.
    pub note: Option<(Tone, String)>,
    /// Whether it goes on with the line before, and so has no symbol of its own.
    pub goes_on: bool,
}

impl Line {
    /// What stands in front of it.
    #[must_use]
    pub fn symbol(&self) -> &'static str {
        if self.goes_on { " " } else { self.sign.symbol() }
    }
}

/// The attribute lines of one object's change; none for `no_op`, and for `forget` only where AWS changes too.
#[must_use]
pub fn of_change(change: &ResourceChange) -> Vec<Line> {
    let differ = Differ::of(change);
    let empty = Json::Object(serde_json::Map::new());
    let mut lines = Lines::default();
    let json = |side: &Option<Plain>| side.as_ref().map(Plain::to_json);
    // What is forgotten stays as it is, but for an account whose unit goes: it moves to the root first.
    let is_untouched = match change.action {
        Action::NoOp => true,
        Action::Forget => change.changed.is_empty(),
        _ => false,
    };
    if is_untouched {
        return Vec::new();
    }
    let (before, after) = (json(&change.before), json(&change.after));
    match change.action {
        Action::NoOp => {}
        Action::Create => {
            differ.children(&AttrPath::default(), None, after.as_ref(), 0, &mut lines);
        }
        Action::Delete => {
            differ.children(&AttrPath::default(), before.as_ref(), None, 0, &mut lines);
        }
        Action::Update | Action::Replace | Action::Adopt | Action::Forget => {
            let before = before.as_ref().unwrap_or(&empty);
            let after = after.as_ref().unwrap_or(&empty);
            differ.children(&AttrPath::default(), Some(before), Some(after), 0, &mut lines);
        }
    }
    lines.0
}

/// The lines of a drifted object: from what was recorded to what was found.
#[must_use]
pub fn drifted(drift: &Drift) -> Vec<Line> {
    let json = |side: &Option<Plain>| side.as_ref().map(Plain::to_json);
    between(json(&drift.expected).as_ref(), json(&drift.actual).as_ref())
}

/// The lines between two states of an object.
#[must_use]
pub fn between(before: Option<&Json>, after: Option<&Json>) -> Vec<Line> {
    let none = BTreeMap::new();
    let differ = Differ {
        own: "",
        unknown: BTreeSet::new(),
        partial: &none,
        sensitive: BTreeSet::new(),
        replace: BTreeSet::new(),
        policies: &[],
    };
    let mut lines = Lines::default();
    differ.children(&AttrPath::default(), before, after, 0, &mut lines);
    lines.0
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn push(&mut self, depth: usize, sign: Sign, text: impl Into<String>) {
        self.0.push(Line { depth, sign, text: text.into(), note: None, goes_on: false });
    }

    fn go_on(&mut self, depth: usize, sign: Sign, text: String) {
        self.0.push(Line { depth, sign, text, note: None, goes_on: true });
    }

    fn note(&mut self, tone: Tone, note: &str) {
        if let Some(last) = self.0.last_mut() {
            last.note = Some((tone, note.to_owned()));
        }
    }
}

struct Differ<'a> {
    /// How the object names itself in partly unknown texts.
    own: &'a str,
    unknown: BTreeSet<&'a str>,
    partial: &'a BTreeMap<String, String>,
    sensitive: BTreeSet<&'a str>,
    replace: BTreeSet<&'a str>,
    policies: &'a [PolicyChange],
}

impl<'a> Differ<'a> {
    fn of(change: &'a ResourceChange) -> Self {
        Self {
            own: &change.display,
            unknown: change.after_unknown.iter().map(String::as_str).collect(),
            partial: &change.after_partial,
            sensitive: change.sensitive.iter().map(String::as_str).collect(),
            replace: change.replace_because.iter().map(String::as_str).collect(),
            policies: &change.policy_diff,
        }
    }
}

impl Differ<'_> {
    /// The entries of a map (or of an object's attributes).
    fn children(
        &self,
        path: &AttrPath,
        before: Option<&Json>,
        after: Option<&Json>,
        depth: usize,
        out: &mut Lines,
    ) {
        let (old, new) = (before.and_then(Json::as_object), after.and_then(Json::as_object));
        let keys: BTreeSet<&String> =
            old.into_iter().chain(new).flat_map(serde_json::Map::keys).collect();
        let shown: Vec<(&String, Option<&Json>, Option<&Json>)> = keys
            .into_iter()
            .map(|k| (k, old.and_then(|o| o.get(k)), new.and_then(|n| n.get(k))))
            .collect();
        let mut hidden = 0;
        let mut assigned = Vec::new();
        let mut visible = Vec::new();
        for (key, b, a) in shown {
            let at = path.key(key);
            let text = at.to_string();
            let unknown = self.unknown_below(&text);
            if is_ownership(path, key) && (before.is_none() || after.is_none()) {
                continue;
            }
            let marked_anew = b != a && is_some_object(b) && is_some_object(a);
            let nothing = is_nothing(b) && is_nothing(a) && !marked_anew;
            if nothing && !self.unknown_beside_marks(&text) {
                continue;
            }
            if b.is_none_or(Json::is_null) && self.is_assigned(&text, key) {
                assigned.push(name(key));
                continue;
            }
            if b == a && !unknown && before.is_some() {
                hidden += 1;
                continue;
            }
            visible.push((key, at, b, a));
        }
        let width =
            visible.iter().map(|(k, ..)| super::style::columns(&name(k))).max().unwrap_or(0);
        for (key, at, b, a) in visible {
            // Inside a side that is wholly there or wholly gone, an absent counterpart is no null.
            let sides =
                (before.is_some().then_some(b).flatten(), after.is_some().then_some(a).flatten());
            self.value(&at, &name(key), width, sides.0, sides.1, depth, out);
        }
        if !assigned.is_empty() {
            let text = format!("# known after apply: {}", assigned.join(", "));
            out.push(depth, Sign::None, text);
        }
        if hidden > 0 && after.is_some() {
            let what = if hidden == 1 { "attribute" } else { "attributes" };
            out.push(depth, Sign::None, format!("# {hidden} unchanged {what} hidden"));
        }
    }

    /// Whether the value at a path is what AWS gives to the object itself: an id, an ARN.
    fn is_assigned(&self, path: &str, key: &str) -> bool {
        let own = |text: &String| *text == format!("${{{}.{key}}}", self.own);
        self.unknown.contains(path) && self.partial.get(path).is_none_or(own)
    }

    fn unknown_below(&self, text: &str) -> bool {
        self.unknown_at(text).next().is_some()
    }

    /// Of something else than ownership tags, of which a first apply makes the lineage.
    fn unknown_beside_marks(&self, text: &str) -> bool {
        self.unknown_at(text).any(|path| !path.starts_with("$.tags[\"palisade:"))
    }

    fn unknown_at<'t>(&'t self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let below = self.unknown.range(text..).take_while(move |p| p.starts_with(text));
        below.copied().filter(move |p| {
            p.len() == text.len() || matches!(p.as_bytes().get(text.len()), Some(b'.' | b'['))
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one recursive step with both sides and its place"
    )]
    fn value(
        &self,
        path: &AttrPath,
        label: &str,
        width: usize,
        before: Option<&Json>,
        after: Option<&Json>,
        depth: usize,
        out: &mut Lines,
    ) {
        let text = path.to_string();
        let unknown = self.unknown.contains(text.as_str());
        let before = before.filter(|b| !b.is_null());
        let after = after.filter(|a| !a.is_null());
        let sign = match (before, after.is_some() || self.unknown_below(&text)) {
            (None, _) => Sign::Add,
            (Some(_), false) => Sign::Remove,
            (Some(_), true) => Sign::Change,
        };
        let first = out.0.len();
        if self.sensitive.contains(text.as_str()) || is_hidden(before) || is_hidden(after) {
            let shown = match sign {
                Sign::Change => "(sensitive value) -> (sensitive value)",
                _ => "(sensitive value)",
            };
            out.push(depth, sign, format!("{} = {shown}", super::style::pad(label, width)));
        } else if unknown {
            let new = self.unknown_text(&text);
            let old = before.filter(|b| is_scalar(b)).map(|b| format!("{} -> ", scalar(b)));
            let label = super::style::pad(label, width);
            out.push(depth, sign, format!("{label} = {}{new}", old.unwrap_or_default()));
        } else if is_policy(before) || is_policy(after) {
            self.policy(path, label, before, after, depth, sign, out);
        } else {
            self.plain(path, label, width, before, after, depth, sign, out);
        }
        if self.replace.contains(text.as_str())
            && let Some(line) = out.0.get_mut(first)
        {
            line.note = Some((Tone::Replace, "forces replacement".to_owned()));
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one recursive step with both sides and its place"
    )]
    fn plain(
        &self,
        path: &AttrPath,
        label: &str,
        width: usize,
        before: Option<&Json>,
        after: Option<&Json>,
        depth: usize,
        sign: Sign,
        out: &mut Lines,
    ) {
        let padded = super::style::pad(label, width);
        match (before, after) {
            (Some(Json::Object(_)), Some(Json::Object(_)))
            | (None, Some(Json::Object(_)))
            | (Some(Json::Object(_)), None)
                if secret(before).is_none() && secret(after).is_none() =>
            {
                out.push(depth, sign, label);
                self.children(path, before, after, depth + 1, out);
            }
            (Some(Json::Array(_)) | None, Some(Json::Array(_))) | (Some(Json::Array(_)), None) => {
                self.list(path, &padded, before, after, depth, sign, out);
            }
            (Some(Json::String(old)), Some(Json::String(new)))
                if old.contains('\n') || new.contains('\n') =>
            {
                out.push(depth, sign, format!("{label}:"));
                for op in TextDiff::from_lines(old, new).iter_all_changes() {
                    let sign = match op.tag() {
                        ChangeTag::Equal => Sign::None,
                        ChangeTag::Delete => Sign::Remove,
                        ChangeTag::Insert => Sign::Add,
                    };
                    out.push(depth + 1, sign, safe(op.value().trim_end_matches('\n')));
                }
            }
            (None, Some(Json::String(text))) | (Some(Json::String(text)), None)
                if text.trim_end().contains('\n') =>
            {
                out.push(depth, sign, format!("{label}:"));
                for line in text.lines() {
                    out.push(depth + 1, sign, safe(line));
                }
            }
            (Some(old), Some(new)) => {
                out.push(depth, sign, format!("{padded} = {} -> {}", scalar(old), scalar(new)));
                if secret(after).is_some() {
                    out.note(Tone::Dim, "verified at apply");
                }
            }
            (Some(old), None) if sign == Sign::Change => {
                let text = format!("{padded} = {} -> (known after apply)", scalar(old));
                out.push(depth, sign, text);
            }
            (Some(only), None) | (None, Some(only)) => {
                out.push(depth, sign, format!("{padded} = {}", scalar(only)));
                if secret(after).is_some() {
                    out.note(Tone::Dim, "verified at apply");
                }
            }
            (None, None) => {
                out.push(depth, sign, format!("{padded} = (known after apply)"));
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one recursive step with both sides and its place"
    )]
    fn list(
        &self,
        path: &AttrPath,
        padded: &str,
        before: Option<&Json>,
        after: Option<&Json>,
        depth: usize,
        sign: Sign,
        out: &mut Lines,
    ) {
        let empty = Vec::new();
        let old = before.and_then(Json::as_array).unwrap_or(&empty);
        let new = after.and_then(Json::as_array).unwrap_or(&empty);
        let element = |index: usize, value: &Json| {
            let at = path.join(AttrStep::Index(index)).to_string();
            if self.sensitive.contains(at.as_str()) {
                "(sensitive value)".to_owned()
            } else if self.unknown.contains(at.as_str()) {
                self.unknown_text(&at)
            } else {
                scalar(value)
            }
        };
        let new_texts: Vec<String> = new.iter().enumerate().map(|(i, v)| element(i, v)).collect();
        let old_texts: Vec<String> = old.iter().map(scalar).collect();
        if sign != Sign::Change {
            let texts = if sign == Sign::Add { &new_texts } else { &old_texts };
            let whole = format!("{padded} = [{}]", texts.join(", "));
            if texts.len() <= 1 || super::style::columns(&whole) <= 80 {
                out.push(depth, sign, whole);
            } else {
                out.push(depth, sign, format!("{padded} = ["));
                for text in texts {
                    out.push(depth + 1, sign, format!("{text},"));
                }
                out.push(depth, Sign::None, "]");
            }
            return;
        }
        out.push(depth, sign, format!("{padded} = ["));
        let mut same = 0;
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, &old_texts, &new_texts) {
            for change in op.iter_changes(&old_texts, &new_texts) {
                match change.tag() {
                    ChangeTag::Equal => same += 1,
                    ChangeTag::Delete => {
                        out.push(depth + 1, Sign::Remove, format!("{},", change.value()))
                    }
                    ChangeTag::Insert => {
                        out.push(depth + 1, Sign::Add, format!("{},", change.value()))
                    }
                }
            }
        }
        if same > 0 {
            let what = if same == 1 { "element" } else { "elements" };
            out.push(depth + 1, Sign::None, format!("# {same} unchanged {what} hidden"));
        }
        out.push(depth, Sign::None, "]");
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one recursive step with both sides and its place"
    )]
    fn policy(
        &self,
        path: &AttrPath,
        label: &str,
        before: Option<&Json>,
        after: Option<&Json>,
        depth: usize,
        sign: Sign,
        out: &mut Lines,
    ) {
        let text = path.to_string();
        let diffs: Vec<&PolicyChange> = self.policies.iter().filter(|p| p.path == text).collect();
        out.push(depth, sign, format!("{label}:"));
        if sign == Sign::Change && !diffs.is_empty() {
            for diff in diffs {
                policy_change(diff, depth + 1, out);
            }
            return;
        }
        // Drift brings no diff by meaning along.
        if let (Sign::Change, Some(before), Some(after)) = (sign, before, after) {
            let (before, after) = (Value::from_json(before), Value::from_json(after));
            let made = difference::between_policies(&text, &before, &after);
            if !made.is_empty() {
                for diff in &made {
                    policy_change(diff, depth + 1, out);
                }
                return;
            }
        }
        let (document, sign) = match (before, after) {
            (_, Some(after)) if sign != Sign::Remove => (after, sign),
            (Some(before), _) => (before, sign),
            _ => return,
        };
        if sign == Sign::Change {
            // No policy that can be read: the documents' lines.
            let old = before.map(statements_text).unwrap_or_default();
            let new = statements_text(document);
            for op in TextDiff::from_lines(&old, &new).iter_all_changes() {
                let sign = match op.tag() {
                    ChangeTag::Equal => continue,
                    ChangeTag::Delete => Sign::Remove,
                    ChangeTag::Insert => Sign::Add,
                };
                out.push(depth + 1, sign, op.value().trim_end_matches('\n'));
            }
            return;
        }
        for (index, statement) in statements(document).iter().enumerate() {
            let at = path.key("Statement").join(AttrStep::Index(index));
            out.push(depth + 1, sign, statement_header(statement, index));
            let unknown = |path: &str| {
                let known_later = self.unknown.contains(path);
                known_later.then(|| self.unknown_text(path).trim_matches('"').to_owned())
            };
            for (label, value) in statement_items(statement, &at, &unknown) {
                out.push(depth + 2, sign, format!("{label} {value}"));
            }
        }
    }

    fn unknown_text(&self, path: &str) -> String {
        match self.partial.get(path) {
            Some(text) => format!("\"{}\"", safe(text)),
            None => "(known after apply)".to_owned(),
        }
    }
}

/// Ownership tags are Palisade's own bookkeeping: shown only where they change by themselves.
fn is_ownership(parent: &AttrPath, key: &str) -> bool {
    key.starts_with("palisade:") && parent.root() == Some("tags")
}

fn is_nothing(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::Array(a)) => a.is_empty(),
        Some(Json::Object(o)) => o.is_empty() || o.keys().all(|k| k.starts_with("palisade:")),
        Some(_) => false,
    }
}

fn is_some_object(value: Option<&Json>) -> bool {
    value.and_then(Json::as_object).is_some_and(|object| !object.is_empty())
}

fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// A sensitive value as state keeps it.
fn is_hidden(value: Option<&Json>) -> bool {
    value.and_then(Json::as_object).is_some_and(|o| o.len() == 1 && o.contains_key("fingerprint"))
}

fn secret(value: Option<&Json>) -> Option<&str> {
    let object = value?.as_object()?;
    if object.len() == 1 { object.get("secret")?.as_str() } else { None }
}

/// A map's key as configuration writes it.
fn name(key: &str) -> String {
    let plain =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if plain { key.to_owned() } else { format!("\"{}\"", safe(key)) }
}

/// A value on one line.
fn scalar(value: &Json) -> String {
    if let Some(reference) = secret(Some(value)) {
        return format!("secret(\"{}\")", safe(reference));
    }
    match value {
        Json::String(text) => {
            format!("\"{}\"", safe(&text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        Json::Array(list) => {
            format!("[{}]", list.iter().map(scalar).collect::<Vec<_>>().join(", "))
        }
        Json::Object(map) if map.is_empty() => "{}".to_owned(),
        Json::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(k, v)| format!("{} = {}", name(k), scalar(v))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
