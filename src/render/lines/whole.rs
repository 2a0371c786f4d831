//! An object that comes or goes as a whole, in few lines: what a first plan of hundreds of objects is read in.
//!
//! Every attribute that a user set or that grants something stands here, none is cut; attributes of one value
//! share lines, a statement is one sentence. Left out is what AWS assigns or what follows from the rest: computed
//! attributes, and tags that every object carries, which the plan says once.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    Differ, Line, Lines, Sign, is_hidden, is_nothing, is_ownership, is_policy, name, scalar, secret,
};
use super::{statement_header, statement_items, statement_name, statements};
use crate::plan::model::{Action, Plan, ResourceChange};
use crate::render::fold::ShownBefore;
use crate::render::style::{columns, safe, wrap};
use crate::schema::{KindSchema, kinds};
use crate::value::{AttrPath, Plain, path::AttrStep};

/// A list of more values than these is long: where an earlier statement has it too, it is said once.
const LONG: usize = 12;

/// Tags, by their names.
pub(in crate::render) type Tags = BTreeMap<String, String>;

/// Tags that every object with tags carries which comes into being: a plan says them once. None where fewer
/// than three do.
pub(in crate::render) fn common_tags(plan: &Plan) -> Tags {
    tags_of(plan.resource_changes.iter())
}

/// The same of some changes.
pub(in crate::render) fn tags_of<'a>(changes: impl Iterator<Item = &'a ResourceChange>) -> Tags {
    let created = changes.filter(|c| c.action == Action::Create);
    let tags = created.filter_map(|c| {
        let tags = c.after.as_ref()?.attrs().get("tags")?.to_json();
        Some(own_tags(tags.as_object()?))
    });
    let mut count = 0;
    let common = tags.inspect(|_| count += 1).reduce(|mut common, tags| {
        common.retain(|name, value| tags.get(name) == Some(value));
        common
    });
    common.filter(|_| count > 2).unwrap_or_default()
}

fn own_tags(tags: &Map<String, Json>) -> Tags {
    let own = tags.iter().filter(|(name, _)| !name.starts_with("palisade:"));
    own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Whether an object's only line may stand beside its name.
pub(in crate::render) fn is_short(change: &ResourceChange, line: &Line) -> bool {
    let is_whole = matches!(change.action, Action::Create | Action::Delete);
    is_whole && line.note.is_none() && change.previous_address.is_none() && change.reason.is_none()
}

/// The lines of an object that comes or goes, at most `width` columns each where words allow it; `None` for
/// any other change. What `base` holds too is left out.
pub(in crate::render) fn of_whole(
    change: &ResourceChange,
    base: Option<&ShownBefore>,
    said: &Tags,
    width: usize,
) -> Option<Vec<Line>> {
    let (side, sign) = match change.action {
        Action::Create => (&change.after, Sign::Add),
        Action::Delete => (&change.before, Sign::Remove),
        _ => return None,
    };
    let object = side.as_ref().map(Plain::to_json);
    let differ = Differ::of(change);
    let mut whole = Whole { differ: &differ, base, said, width, sign, out: Lines::default() };
    let mut shown = object.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
    if let Some(kind) = kinds::kind(&change.kind) {
        let follows = |name: &str, value: &Json| follows(kind.schema(), change, name, value);
        shown.retain(|name, value| !follows(name, value));
    }
    whole.object(&shown);
    Some(whole.out.0)
}

/// Whether an attribute says nothing that the object's title, its block or AWS does not say: what is computed,
/// a name that is the block's label, and what a block cannot set and is settled when the object comes.
fn follows(schema: &KindSchema, change: &ResourceChange, name: &str, value: &Json) -> bool {
    let is_computed = schema.computed.iter().any(|computed| computed.name == name);
    let is_label = schema.meaning.naming.label == Some(name)
        && value.as_str() == Some(change.address.name.as_str());
    let is_settled =
        schema.replaces(name) && !schema.block.attrs.iter().any(|attr| attr.name == name);
    let is_derived = value.is_string() && (is_settled || schema.derived.contains(&name));
    is_computed || is_label || is_derived
}

struct Whole<'a> {
    differ: &'a Differ<'a>,
    base: Option<&'a ShownBefore>,
    said: &'a Tags,
    width: usize,
    sign: Sign,
    out: Lines,
}

impl Whole<'_> {
    fn object(&mut self, object: &Map<String, Json>) {
        let root = AttrPath::default();
        let mut simple = Vec::new();
        let mut large = Vec::new();
        for (key, value) in object {
            let at = root.key(key);
            let is_same = |name: &str| self.base.is_some_and(|base| base.same.contains(name));
            if is_same(key) {
                continue;
            }
            if is_nothing(Some(value)) && !self.differ.unknown_below(&at.to_string()) {
                continue;
            }
            match value {
                Json::Object(map)
                    if !is_policy(Some(value)) && map.values().any(|v| is_policy(Some(v))) =>
                {
                    let other = map.iter().filter(|(k, _)| !is_same(&format!("{key}.{k}")));
                    large.extend(
                        other.map(|(k, v)| (format!("{}.{}", name(key), name(k)), at.key(k), v)),
                    );
                }
                _ if is_policy(Some(value)) || is_text(value) => large.push((name(key), at, value)),
                _ => simple
                    .extend(self.inline(&at, value).map(|text| format!("{} = {text}", name(key)))),
            }
        }
        let missing = self.base.iter().flat_map(|base| &base.missing);
        simple.extend(missing.map(|attribute| format!("no {}", safe(attribute))));
        self.packed(0, "", &simple, ", ");
        for (label, at, value) in large {
            match value.as_str() {
                Some(text) if !self.is_hidden(&at, value) => {
                    self.out.push(0, self.sign, format!("{label}:"));
                    for line in text.lines() {
                        self.out.push(1, self.sign, safe(line));
                    }
                }
                _ if is_policy(Some(value)) && !self.is_hidden(&at, value) => {
                    self.policy(&label, &at, value)
                }
                _ => {
                    let text = self.inline(&at, value).unwrap_or_default();
                    self.packed(0, "", &[format!("{label} = {text}")], ", ");
                }
            }
        }
    }

    fn policy(&mut self, label: &str, at: &AttrPath, document: &Json) {
        let all = statements(document);
        let is_single = all.len() == 1;
        if !is_single {
            self.out.push(0, self.sign, format!("{label}:"));
        }
        let mut long: Vec<(String, String, Vec<String>)> = Vec::new();
        for (index, statement) in all.iter().enumerate() {
            let at = at.key("Statement").join(AttrStep::Index(index));
            let unknown = |path: &str| {
                let known_later = self.differ.unknown.contains(path);
                known_later.then(|| self.differ.unknown_text(path).trim_matches('"').to_owned())
            };
            // One element with all its values: `action s3:GetObject, s3:ListBucket`.
            let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
            for (label, value) in statement_items(statement, &at, &unknown) {
                match grouped.last_mut() {
                    Some((last, values)) if *last == label && label != "condition" => {
                        values.push(value);
                    }
                    _ => grouped.push((label, vec![value])),
                }
            }
            for (label, values) in grouped.iter_mut().filter(|(_, values)| values.len() > LONG) {
                let same = long.iter().find(|(_, l, v)| l == label && v == values);
                match same.map(|(name, ..)| format!("as in {name}")) {
                    Some(text) => *values = vec![text],
                    None => {
                        long.push((
                            statement_name(statement, index),
                            label.clone(),
                            values.clone(),
                        ));
                    }
                }
            }
            let elements = elements(&grouped);
            let header = format!("{} ", statement_header(statement, index));
            match is_single {
                true => self.packed(0, &format!("{label}: {header}"), &elements, " "),
                false => self.packed(1, &header, &elements, " "),
            }
        }
    }

    /// Pieces side by side, in as many lines as it takes; lines that go on are indented. A piece that is longer
    /// than a line is broken at its spaces.
    fn packed(&mut self, depth: usize, head: &str, pieces: &[String], between: &str) {
        let room = self.width.saturating_sub(depth * 4);
        let mut line = head.to_owned();
        let mut first = true;
        let mut is_empty = true;
        for piece in pieces {
            let gap = if is_empty { "" } else { between };
            let fits = columns(&line) + columns(gap) + columns(piece) <= room;
            if !fits && !line.trim().is_empty() {
                self.line(depth, &format!("{line}{gap}"), room, &mut first);
                line.clear();
            } else {
                line.push_str(gap);
            }
            line.push_str(piece);
            is_empty = false;
        }
        if !line.trim().is_empty() {
            self.line(depth, &line, room, &mut first);
        }
    }

    fn line(&mut self, depth: usize, line: &str, room: usize, first: &mut bool) {
        for text in broken(line.trim_end(), room) {
            match std::mem::replace(first, false) {
                true => self.out.push(depth, self.sign, text),
                false => self.out.go_on(depth, self.sign, format!("  {text}")),
            }
        }
    }

    fn is_hidden(&self, at: &AttrPath, value: &Json) -> bool {
        let text = at.to_string();
        let differ = self.differ;
        differ.sensitive.contains(text.as_str())
            || differ.unknown.contains(text.as_str())
            || is_hidden(Some(value))
    }

    /// A value on one line; `None` for one that says nothing.
    fn inline(&self, at: &AttrPath, value: &Json) -> Option<String> {
        let text = at.to_string();
        if self.differ.sensitive.contains(text.as_str()) || is_hidden(Some(value)) {
            return Some("(sensitive value)".to_owned());
        }
        if self.differ.unknown.contains(text.as_str()) {
            return Some(self.differ.unknown_text(&text));
        }
        match value {
            Json::Null => None,
            Json::Object(_) if secret(Some(value)).is_some() => {
                Some(format!("{} (verified at apply)", scalar(value)))
            }
            Json::Object(map) => {
                let is_tags = at.0.len() == 1 && at.root() == Some("tags");
                let entries: Vec<String> = map
                    .iter()
                    .filter(|(key, value)| {
                        let is_said =
                            is_tags && self.said.get(*key).map(String::as_str) == value.as_str();
                        let is_same = is_tags
                            && self
                                .base
                                .is_some_and(|base| base.same.contains(&format!("tags.{key}")));
                        !(is_ownership(at, key) || is_same || is_said && value.is_string())
                    })
                    .filter_map(|(key, value)| {
                        Some(format!("{} = {}", name(key), self.inline(&at.key(key), value)?))
                    })
                    .collect();
                (!entries.is_empty()).then(|| format!("{{ {} }}", of_one_value(entries).join(", ")))
            }
            Json::Array(list) => {
                let texts: Vec<String> = list
                    .iter()
                    .enumerate()
                    .filter_map(|(index, value)| {
                        self.inline(&at.join(AttrStep::Index(index)), value)
                    })
                    .collect();
                Some(format!("[{}]", texts.join(", ")))
            }
            other => Some(scalar(other)),
        }
    }
}

/// Three and more entries of a map that all have the same value: the names, and the value once.
fn of_one_value(entries: Vec<String>) -> Vec<String> {
    let parts: Vec<(&str, &str)> =
        entries.iter().filter_map(|entry| entry.split_once(" = ")).collect();
    let value = parts.first().map_or("", |(_, value)| *value);
    let is_one = parts.len() == entries.len() && parts.iter().all(|(_, other)| *other == value);
    if !is_one || parts.len() < 3 {
        return entries;
    }
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    vec![format!("{} = {value}", names.join(", "))]
}

/// A text in lines of at most `room` columns: broken behind commas, and at other spaces where there is none.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for part in text.split_inclusive(", ") {
        if columns(&line) + columns(part.trim_end()) > room && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        line.push_str(part);
        if columns(line.trim_end()) > room {
            let mut pieces = wrap(line.trim_end(), room);
            let rest = pieces.pop().unwrap_or_default();
            lines.extend(pieces);
            line = if part.ends_with(' ') { format!("{rest} ") } else { rest };
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// A text of several lines.
fn is_text(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.trim_end().contains('\n'))
}

/// The elements of a statement in pieces that stand side by side, with what separates them.
fn elements(grouped: &[(String, Vec<String>)]) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for (label, values) in grouped {
        if let Some(last) = pieces.last_mut() {
            last.push(';');
        }
        for (at, value) in values.iter().enumerate() {
            match at {
                0 => pieces.push(format!("{label} {value}")),
                _ => {
                    if let Some(last) = pieces.last_mut() {
                        last.push(',');
                    }
                    pieces.push(value.clone());
                }
            }
        }
    }
    pieces
}
