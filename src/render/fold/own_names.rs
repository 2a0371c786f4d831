//! What is an object's own: the names that follow from its account, environment, region and key, and where in a change they
//! may be replaced by marks.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::id_of;
use super::ownership::{forget_ownership, is_ownership_tag};
use super::shape::ChangeShape;
use crate::ids::AccountId;
use crate::plan::model::{PolicyChange, ResourceChange};
use crate::schema::{AccessPart, access_of, kinds};
use crate::value::Plain;

/// Stand in a shape for what is an object's own.
const ACCOUNT: char = '\u{e000}';
const ID: char = '\u{e001}';
const ENVIRONMENT: char = '\u{e002}';
const REGION: char = '\u{e003}';
const KEY: char = '\u{e004}';

/// The marks, with how a reader sees them where members differ.
pub(super) const MARKS: [(char, &str); 5] = [
    (ACCOUNT, "{account}"),
    (ID, "{account_id}"),
    (ENVIRONMENT, "{environment}"),
    (REGION, "{region}"),
    (KEY, "{key}"),
];

/// What AWS assigns to each object by itself: it differs in every account and says nothing of what the object is.
const ASSIGNED: [&str; 4] = ["id", "root_id", "unique_id", "version"];

/// What is an object's own, and may differ between objects that fold.
pub(super) struct OwnNames<'a> {
    account: Option<&'a str>,
    /// Its account's id, or the words that stand for an id that AWS has yet to assign.
    id: Option<String>,
    environment: Option<&'a str>,
    region: Option<String>,
    /// The key of its instance.
    key: Option<String>,
    /// The label of a block that is an account: its own handle.
    is_account: bool,
}

/// What may be replaced in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marking {
    /// It names the object itself: its instance's key too.
    Name,
    /// Anything else that is no word of a policy's grammar.
    Text,
    /// Nothing.
    Word,
}

impl<'a> OwnNames<'a> {
    pub(super) fn of(change: &'a ResourceChange, id: Option<&AccountId>) -> Self {
        let address = &change.address;
        let is_account = access_of(&change.kind).is_some_and(AccessPart::is_account);
        let account = match address.account() {
            Some(handle) => Some(handle.as_str()),
            None if is_account && address.key.is_none() => Some(address.name.as_str()),
            None => None,
        };
        let unknown = || Some(format!("${{{}}}", id_of(account?)));
        let environment = address.environment().or(match change.environments.as_slice() {
            [one] => Some(one.as_str()),
            _ => None,
        });
        let side = change.after.as_ref().or(change.before.as_ref());
        let region =
            side.and_then(|attrs| attrs.attrs().get("region")?.as_str().map(str::to_owned));
        Self {
            account,
            id: id.map(ToString::to_string).or_else(unknown),
            environment,
            region,
            key: address.key.as_ref().map(|key| match key {
                crate::address::InstanceKey::Name(name) => name.clone(),
                crate::address::InstanceKey::Index(index) => index.to_string(),
            }),
            is_account,
        }
    }

    pub(super) fn word(&self, mark: char) -> Option<&str> {
        match mark {
            ACCOUNT => self.account,
            ID => self.id.as_deref(),
            ENVIRONMENT => self.environment,
            REGION => self.region.as_deref(),
            _ => self.key.as_deref(),
        }
    }

    /// How it is told from others of its account.
    pub(super) fn listed_as(&self) -> Option<&str> {
        self.key.as_deref().or(self.account.filter(|_| self.is_account))
    }

    /// The shape of a change; `None` where the change holds a mark itself, and so must not fold.
    pub(super) fn shape(&self, change: &ResourceChange) -> Option<ChangeShape> {
        let schema = kinds::kind(&change.kind).map(|kind| kind.schema());
        let names = schema.as_ref().map_or(&[][..], |schema| schema.meaning.naming.identity);
        let is_assigned = |name: &str| {
            let mut computed = schema.iter().flat_map(|schema| schema.computed);
            ASSIGNED.contains(&name) && computed.any(|computed| computed.name == name)
        };
        let (was, is) = (json(&change.before), json(&change.after));
        let side = |attrs: &Option<Json>, other: &Option<Json>| -> Option<Json> {
            let mut attrs = attrs.clone()?;
            forget_ownership(&mut attrs, other.as_ref());
            let object = attrs.as_object()?;
            let own = object.iter().filter(|(name, _)| !is_assigned(name));
            let marked = own.map(|(name, value)| {
                let is_name = names.contains(&name.as_str())
                    || matches!(name.as_str(), "arn" | "id" | "description" | "tags");
                let part = if is_name { Marking::Name } else { Marking::Text };
                (name.clone(), self.marked(value, part))
            });
            Some(Json::Object(marked.collect()))
        };
        let own = |path: &str, text: &str| {
            path.strip_prefix("$.").is_some_and(|p| text == format!("${{{}.{p}}}", change.display))
        };
        // The tag by which an object is known as managed names it, and says nothing of what it is.
        let is_mark = is_ownership_tag;
        let partial = change.after_partial.iter();
        let partial = partial.filter(|(path, text)| !own(path, text) && !is_mark(path));
        let partial: BTreeMap<String, String> =
            partial.map(|(path, text)| (path.clone(), self.text(text, Marking::Text))).collect();
        let policies: Vec<PolicyChange> = change
            .policy_diff
            .iter()
            .map(|policy| PolicyChange {
                lines: policy.lines.iter().map(|line| self.line(line)).collect(),
                ..policy.clone()
            })
            .collect();
        let placed = change.address.placement.is_some();
        let at = change.display.rfind('@').filter(|_| placed);
        let label = change.display.get(..at.unwrap_or(change.display.len())).unwrap_or_default();
        let name = self.name(label);
        let display = format!("{name}{}", if placed { "@\u{e000}" } else { "" });
        let (before, after) = (side(&was, &is), side(&is, &was));
        let reason = change.reason.as_ref().map(|reason| self.text(reason, Marking::Name));
        let previous = change.previous_address.as_ref().map(ToString::to_string);
        let raw = serde_json::to_string(change).unwrap_or_default();
        if raw.contains(MARKS.map(|(mark, _)| mark)) {
            return None;
        }
        let unknown: Vec<&String> =
            change.after_unknown.iter().filter(|path| !is_mark(path)).collect();
        let key = json!([
            [change.kind, name, change.action, change.category, change.create_before_destroy],
            [before, after, unknown, partial, change.sensitive],
            [change.changed, change.replace_because, policies, reason, previous],
        ]);
        let unknown = unknown.into_iter().chain(&change.sensitive).cloned().collect();
        let key = key.to_string();
        Some(ChangeShape { key, name, display, before, after, partial, unknown, policies, reason })
    }

    /// An object's label: its key, and the environment or the account in it, are its own.
    fn name(&self, label: &str) -> String {
        let mut name = label.to_owned();
        if let Some(key) = &self.key
            && let Some(start) = name.strip_suffix(']').and_then(|rest| {
                rest.strip_suffix(&format!("[{}", serde_json::to_string(key).unwrap_or_default()))
                    .or_else(|| rest.strip_suffix(&format!("[{key}")))
            })
        {
            name = format!("{start}[\"{KEY}\"]");
        }
        if let Some(environment) = self.environment
            && let Some(rest) = name.strip_prefix(&format!("environment.{environment}."))
        {
            name = format!("environment.{ENVIRONMENT}.{rest}");
        }
        if self.is_account
            && let Some(account) = self.account
            && let Some(kind) = name.strip_suffix(account)
        {
            name = format!("{kind}{ACCOUNT}");
        }
        name
    }

    fn marked(&self, value: &Json, part: Marking) -> Json {
        match value {
            Json::String(text) => Json::String(self.text(text, part)),
            Json::Array(list) => list.iter().map(|v| self.marked(v, part)).collect(),
            Json::Object(map) if map.contains_key("Statement") => self.policy(map),
            Json::Object(map) => {
                map.iter().map(|(k, v)| (k.clone(), self.marked(v, part))).collect()
            }
            other => other.clone(),
        }
    }

    fn policy(&self, document: &Map<String, Json>) -> Json {
        let entries = document.iter().map(|(name, value)| {
            let statements = match value {
                Json::Array(list) if name == "Statement" => {
                    list.iter().map(|s| self.statement(s)).collect()
                }
                one if name == "Statement" => self.statement(one),
                other => other.clone(),
            };
            (name.clone(), statements)
        });
        Json::Object(entries.collect())
    }

    fn statement(&self, statement: &Json) -> Json {
        let Json::Object(elements) = statement else { return statement.clone() };
        let marked = elements.iter().map(|(element, value)| {
            let value = match element.as_str() {
                "Resource" | "NotResource" | "Condition" => self.marked(value, Marking::Text),
                "Principal" | "NotPrincipal" => self.principals(value),
                _ => self.marked(value, Marking::Word),
            };
            (element.clone(), value)
        });
        Json::Object(marked.collect())
    }

    fn principals(&self, value: &Json) -> Json {
        let Json::Object(by_type) = value else { return self.marked(value, Marking::Text) };
        let marked = by_type.iter().map(|(kind, values)| {
            let part = if kind == "Service" { Marking::Word } else { Marking::Text };
            (kind.clone(), self.marked(values, part))
        });
        Json::Object(marked.collect())
    }

    /// A line of a policy's difference: `- principal arn:...`, `+ condition StringEquals KEY = VALUE`. Of a
    /// condition the values alone are replaced.
    fn line(&self, line: &str) -> String {
        let Some((sign, rest)) = line.split_at_checked(2) else { return line.to_owned() };
        match rest.split_once(' ') {
            Some((
                label @ ("principal" | "not_principal" | "resource" | "not_resource"),
                value,
            )) => {
                format!("{sign}{label} {}", self.text(value, Marking::Text))
            }
            Some(("condition", condition)) => match condition.split_once(" = ") {
                Some((key, values)) => {
                    let values = values.split(", ").map(|value| self.text(value, Marking::Text));
                    let values = values.collect::<Vec<_>>().join(", ");
                    format!("{sign}condition {key} = {values}")
                }
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        }
    }

    fn text(&self, text: &str, part: Marking) -> String {
        if part == Marking::Word {
            return text.to_owned();
        }
        let id: Vec<(&str, char)> = self.id.as_deref().map(|id| (id, ID)).into_iter().collect();
        let region = self.region.as_deref().map(|region| (region, REGION));
        let mut words: Vec<(&str, char)> = id.clone();
        let account = self.account.map(|account| (account, ACCOUNT));
        words.extend(account.filter(|_| self.is_account));
        words.extend(self.environment.map(|environment| (environment, ENVIRONMENT)));
        words.extend(account.filter(|_| !self.is_account));
        words.extend(region);
        if part == Marking::Name {
            words.extend(self.key.as_deref().map(|key| (key, KEY)));
        }
        // The longest first, and of equal ones the environment: `dev-aws` is more than `dev`.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let [arn @ "arn", partition, service, place, account, resource] = fields.as_slice() else {
            return replaced(text, &words);
        };
        if *account == "aws" {
            return text.to_owned();
        }
        let region: Vec<(&str, char)> = region.into_iter().collect();
        let (place, account) = (replaced(place, &region), replaced(account, &id));
        format!("{arn}:{partition}:{service}:{place}:{account}:{}", replaced(resource, &words))
    }
}

fn json(attrs: &Option<Plain>) -> Option<Json> {
    attrs.as_ref().map(Plain::to_json)
}

/// `text` with marks for these words, where they stand whole.
fn replaced(text: &str, words: &[(&str, char)]) -> String {
    let is_inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut previous) = (text, None);
    while let Some(c) = rest.chars().next() {
        let found = words.iter().find_map(|(word, mark)| {
            let after = rest.strip_prefix(word).filter(|_| word.len() > 1)?;
            let opens = is_inside(previous) && is_inside(word.chars().next());
            let goes_on = is_inside(after.chars().next()) && is_inside(word.chars().last());
            (!opens && !goes_on).then_some((after, *mark))
        });
        let after = match found {
            Some((after, mark)) => {
                out.push(mark);
                previous = None;
                after
            }
            None => {
                out.push(c);
                previous = Some(c);
                rest.get(c.len_utf8()..).unwrap_or_default()
            }
        };
        rest = after;
    }
    out
}

/// `text` with words in place of its marks.
pub(super) fn plain(text: &str, words: &[(char, String)]) -> String {
    let mut out = text.to_owned();
    for (mark, word) in words {
        if out.contains(*mark) {
            out = out.replace(*mark, word);
        }
    }
    out
}

pub(super) fn unmarked(value: &Json, words: &[(char, String)]) -> Json {
    match value {
        Json::String(text) => Json::String(plain(text, words)),
        Json::Array(list) => list.iter().map(|v| unmarked(v, words)).collect(),
        Json::Object(map) => map.iter().map(|(k, v)| (k.clone(), unmarked(v, words))).collect(),
        other => other.clone(),
    }
}

/// `text` with `mark` for each place where `word` stands whole.
pub(in crate::render) fn whole_words(text: &str, word: &str, mark: &str) -> String {
    replaced(text, &[(word, ACCOUNT)]).replace(ACCOUNT, mark)
}
