//! Changes folded by likeness: of objects that are equal but for their account, their region and the names
//! derived from them, one is shown, and the accounts that it stands in.
//!
//! **Claim**: nothing that grants access and differs is folded away. Two changes fold only where their whole
//! shapes are equal: every attribute of both sides, hidden or not, what is unknown and sensitive, the policies'
//! differences. A shape is the change with the object's *own* account id, handle, environment and region
//! replaced by marks, so from a shape and a member's account the member can be written out again: folding
//! loses nothing but the ids and numbers that AWS assigned to it ([`ASSIGNED`]). Marks stand only for whole words, and never in actions, effects, sids, condition operators
//! and keys, names of services, or the partition and service of an ARN. The key of an instance is replaced
//! only where it names the object itself, never in a policy or in what is attached to a principal: two roles
//! of one block that trust two people stay two.
//!
//! An object that comes or goes and has much in common with one of its block that is shown already is shown by
//! what differs ([`Base`]): whole attributes and whole policies, so that what it grants can be read without
//! a comparison.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::ids::AccountId;
use crate::plan::model::{Action, Plan, PlanSummary, PolicyChange, ResourceChange};
use crate::schema::ownership::{Ownership, owner, ownership};
use crate::schema::{AccessPart, Category, access_of, kinds};
use crate::value::Plain;

use super::lines::whole::{Tags, tags_of};
use super::style::{count, safe};
use super::view;

/// Stand in a shape for what is an object's own.
const ACCOUNT: char = '\u{e000}';
const ID: char = '\u{e001}';
const ENVIRONMENT: char = '\u{e002}';
const REGION: char = '\u{e003}';
const KEY: char = '\u{e004}';
/// The marks, with how a reader sees them where members differ.
const MARKS: [(char, &str); 5] = [
    (ACCOUNT, "{account}"),
    (ID, "{account_id}"),
    (ENVIRONMENT, "{environment}"),
    (REGION, "{region}"),
    (KEY, "{key}"),
];

/// What AWS assigns to each object by itself: it differs in every account and says nothing of what the object is.
const ASSIGNED: [&str; 4] = ["id", "root_id", "unique_id", "version"];

/// How many accounts or names a title lists.
const LISTED: usize = 8;

/// Changes of the same accounts under one title.
pub(super) struct Section<'a> {
    /// `production (333333333333)`, or `4 accounts: dev, security, staging, production`.
    pub(super) title: String,
    /// `environment production`, where it is one account that serves any.
    pub(super) serves: Option<String>,
    /// Tags that every object of it that comes into being carries.
    pub(super) tags: Tags,
    /// Changes under their headings.
    pub(super) parts: Vec<(&'static str, Vec<Entry<'a>>)>,
    /// `2 to create, 1 to update`.
    pub(super) counts: String,
}

/// A change, or the shape of several.
pub(super) struct Entry<'a> {
    /// What changes; names of several objects have marks in words.
    pub(super) change: Cow<'a, ResourceChange>,
    /// How many objects it stands for.
    pub(super) members: usize,
    /// `iam_role.deploy in 4 accounts`.
    pub(super) name: String,
    /// What is shown already and holds for it too.
    pub(super) base: Option<Base>,
}

/// An object of the same block that is shown before.
pub(super) struct Base {
    /// Its name.
    pub(super) name: String,
    /// The attributes that both have alike, and policies and tags of maps, as `inline_policies.deploy`.
    pub(super) same: BTreeSet<String>,
    /// The attributes, policies and tags that it has and this one does not.
    pub(super) missing: Vec<String>,
}

/// All changes of a plan by account, folded unless `full`.
pub(super) fn sections(plan: &Plan, full: bool) -> Vec<Section<'_>> {
    let places = plan.accounts.iter().enumerate();
    let order: BTreeMap<&str, usize> = places.map(|(at, a)| (a.account.as_str(), at)).collect();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut by_shape: BTreeMap<String, usize> = BTreeMap::new();
    let mut renewed: Vec<Member<'_>> = Vec::new();
    for account in &plan.accounts {
        for (category, addresses) in &account.changes {
            let changes = addresses.iter().filter_map(|a| plan.change(a));
            for change in
                changes.filter(|c| c.action != Action::NoOp || c.previous_address.is_some())
            {
                let own = OwnNames::of(change, account.account_id.as_ref());
                let account = account.account.as_str();
                if !full && renews_ownership_tags(change) {
                    renewed.push(Member { account, change, own });
                    continue;
                }
                let shape = if full { None } else { own.shape(change) };
                let member = Member { account, change, own };
                let at = shape.as_ref().and_then(|shape| by_shape.get(&shape.key).copied());
                if let Some(group) = at.and_then(|at| groups.get_mut(at)) {
                    group.more.push(member);
                    continue;
                }
                if let Some(shape) = &shape {
                    by_shape.insert(shape.key.clone(), groups.len());
                }
                groups.push(Group {
                    category: Some(*category),
                    first: member,
                    more: Vec::new(),
                    shape,
                });
            }
        }
    }
    let mut renewed = renewed.into_iter();
    if let Some(first) = renewed.next() {
        groups.push(Group { category: None, first, more: renewed.collect(), shape: None });
    }
    let mut placed: BTreeMap<(bool, Vec<usize>), Vec<Group<'_>>> = BTreeMap::new();
    for group in groups {
        let places: BTreeSet<usize> =
            group.members().filter_map(|m| order.get(m.account).copied()).collect();
        let is_one = places.len() == 1;
        placed.entry((is_one, places.into_iter().collect())).or_default().push(group);
    }
    let mut shown: Shown = BTreeMap::new();
    let sections = placed.into_iter();
    sections.map(|((_, places), groups)| section(plan, &places, groups, &mut shown)).collect()
}

/// What is shown already, with its name, by instance and by block.
type Shown = BTreeMap<String, Arc<(String, Shape)>>;

/// One object of a group.
struct Member<'a> {
    account: &'a str,
    change: &'a ResourceChange,
    own: OwnNames<'a>,
}

/// Objects of one shape.
struct Group<'a> {
    /// `None` where they have nothing in common but that their ownership tags are renewed.
    category: Option<Category>,
    first: Member<'a>,
    more: Vec<Member<'a>>,
    shape: Option<Shape>,
}

fn section<'a>(
    plan: &'a Plan,
    places: &[usize],
    groups: Vec<Group<'a>>,
    shown: &mut Shown,
) -> Section<'a> {
    let accounts: Vec<_> = places.iter().filter_map(|at| plan.accounts.get(*at)).collect();
    let (title, serves) = match accounts.as_slice() {
        [one] => view::account_title(one),
        many => {
            let names: Vec<&str> = many.iter().map(|a| a.account.as_str()).collect();
            (format!("{} accounts: {}", many.len(), some_of(&names)), None)
        }
    };
    let mut summary = PlanSummary::default();
    let mut parts: BTreeMap<(bool, Option<Category>), Vec<Entry<'a>>> = BTreeMap::new();
    for group in groups {
        for member in group.members() {
            view::tally(&mut summary, member.change.action);
        }
        parts
            .entry((group.category.is_none(), group.category))
            .or_default()
            .push(group.entry(shown));
    }
    let tags = tags_of(parts.values().flatten().map(|entry| entry.change.as_ref()));
    let heading = |category: Option<Category>| category.map_or("Ownership tags", view::heading);
    let parts = parts.into_iter().map(|((_, category), entries)| (heading(category), entries));
    let parts = parts.collect();
    Section { title, serves, tags, parts, counts: view::counts(&summary) }
}

/// Names with commas, as many as a title takes.
pub(super) fn some_of(names: &[&str]) -> String {
    let shown = names.iter().take(LISTED).map(|n| safe(n)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl<'a> Group<'a> {
    fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn entry(mut self, shown: &mut Shown) -> Entry<'a> {
        if self.category.is_none() {
            return self.renewal();
        }
        let shape = self.shape.take();
        let mut entry = match &shape {
            Some(shape) if !self.more.is_empty() => self.folded(shape),
            _ => Entry {
                change: Cow::Borrowed(self.first.change),
                members: 1,
                name: self.first.change.display.clone(),
                base: None,
            },
        };
        let change = entry.change.as_ref();
        let is_whole = matches!(change.action, Action::Create | Action::Delete);
        if let (Some(shape), true) = (shape, is_whole) {
            // The same instances elsewhere come before others of the block.
            let of = |name: &str| format!("{:?} {} {name}", change.action, change.kind);
            let (instance, block) = (of(&shape.name), of(&unkeyed(&shape.name)));
            let base = shown.get(&instance).or_else(|| shown.get(&block)).cloned();
            entry.base = base.and_then(|base| shape.beside(&base.0, &base.1));
            let this = Arc::new((entry.name.clone(), shape));
            for name in [instance, block] {
                shown.entry(name).or_insert_with(|| Arc::clone(&this));
            }
        }
        entry
    }

    /// One line for all: which objects they are changes nothing of what a reader decides.
    fn renewal(&self) -> Entry<'a> {
        let members = self.members().count();
        let places: BTreeSet<&str> = self.members().map(|member| member.account).collect();
        let objects = count(members, "object", "objects");
        let name = match places.len() {
            1 => format!("ownership tags of {objects}"),
            many => format!("ownership tags of {objects} in {many} accounts"),
        };
        let reason =
            "they do not name this estate yet: an earlier version wrote them, or they are gone";
        let change = ResourceChange {
            before: None,
            after: None,
            reason: Some(reason.to_owned()),
            location: None,
            ..self.first.change.clone()
        };
        Entry { change: Cow::Owned(change), members, name, base: None }
    }

    fn folded(&self, shape: &Shape) -> Entry<'a> {
        let change = self.first.change;
        // What all members have in common is written as it is.
        let words = MARKS.map(|(mark, placeholder)| {
            let values: BTreeSet<Option<&str>> =
                self.members().map(|member| member.own.word(mark)).collect();
            match values.first() {
                Some(Some(one)) if values.len() == 1 => (mark, (*one).to_owned()),
                _ => (mark, placeholder.to_owned()),
            }
        });
        let members = self.members().count();
        let places: BTreeSet<&str> = self.members().map(|member| member.account).collect();
        let locations: BTreeSet<Option<&String>> =
            self.members().map(|member| member.change.location.as_ref()).collect();
        let written = |json: &Json| serde_json::from_value(unmarked(json, &words)).ok();
        let lines = |policy: &PolicyChange| PolicyChange {
            lines: policy.lines.iter().map(|line| plain(line, &words)).collect(),
            ..policy.clone()
        };
        let texts = |(path, text): (&String, &String)| (path.clone(), plain(text, &words));
        let shown = ResourceChange {
            before: shape.before.as_ref().and_then(written),
            after: shape.after.as_ref().and_then(written),
            after_partial: shape.partial.iter().map(texts).collect(),
            policy_diff: shape.policies.iter().map(lines).collect(),
            reason: shape.reason.as_ref().map(|text| plain(text, &words)),
            display: plain(&shape.display, &words),
            location: change.location.clone().filter(|_| locations.len() == 1),
            ..change.clone()
        };
        let name = plain(&shape.name, &words);
        let one_each = members == places.len();
        let names: BTreeSet<&str> =
            self.members().filter_map(|member| member.own.listed_as()).collect();
        let listed = match some_of(&names.into_iter().collect::<Vec<_>>()) {
            names if names.is_empty() => names,
            names => format!(": {names}"),
        };
        let name = match places.len() {
            1 => format!("{name} ({}{listed})", count(members, "object", "objects")),
            many if one_each => format!("{name} in {many} accounts"),
            many => format!("{name} ({members} objects in {many} accounts{listed})"),
        };
        Entry { change: Cow::Owned(shown), members, name, base: None }
    }
}

/// What is an object's own, and may differ between objects that fold.
struct OwnNames<'a> {
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

/// A change with marks in place of what is the object's own.
struct Shape {
    /// Equal for changes that fold, and for no others.
    key: String,
    name: String,
    display: String,
    before: Option<Json>,
    after: Option<Json>,
    partial: BTreeMap<String, String>,
    /// Paths that are unknown, and those that are hidden.
    unknown: Vec<String>,
    policies: Vec<PolicyChange>,
    reason: Option<String>,
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

impl Shape {
    /// What of it stands in `base` already, which is shown as `name`; `None` where that is little.
    fn beside(&self, name: &str, base: &Self) -> Option<Base> {
        let side = |shape: &Self| shape.after.clone().or_else(|| shape.before.clone());
        let (Json::Object(own), Json::Object(other)) = (side(self)?, side(base)?) else {
            return None;
        };
        let is_policy = |value: &Json| value.get("Statement").is_some();
        let entries = |attrs: &Map<String, Json>, attribute: &str| {
            attrs.get(attribute).and_then(Json::as_object).cloned().unwrap_or_default()
        };
        let mut same = BTreeSet::new();
        let mut missing = Vec::new();
        let mut policies = 0;
        for attribute in own.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            let (mine, theirs) = (own.get(attribute), other.get(attribute));
            let alike = self.is_known_alike(base, &format!("$.{attribute}"));
            if alike && mine == theirs {
                policies += usize::from(mine.is_some_and(is_policy));
                same.insert(attribute.clone());
            }
            if !mine.is_some_and(is_set) && theirs.is_some_and(is_set) {
                missing.push(attribute.clone());
                continue;
            }
            let mine = entries(&own, attribute);
            if attribute == "tags" {
                for (key, tag) in &entries(&other, attribute) {
                    match mine.get(key) {
                        None => missing.push(format!("tags.{key}")),
                        Some(own) if alike && own == tag => {
                            same.insert(format!("tags.{key}"));
                        }
                        Some(_) => {}
                    }
                }
            }
            for (key, policy) in entries(&other, attribute).iter().filter(|(_, v)| is_policy(v)) {
                let path = format!("{attribute}.{key}");
                match mine.get(key) {
                    None => missing.push(path),
                    Some(own) if alike && own == policy => {
                        policies += 1;
                        same.insert(path);
                    }
                    Some(_) => {}
                }
            }
        }
        let set = same.iter().filter(|name| own.get(*name).is_some_and(is_set)).count();
        (policies > 0 || set > 4).then(|| Base { name: name.to_owned(), same, missing })
    }

    /// Whether both know the same of what stands below a path.
    fn is_known_alike(&self, base: &Self, path: &str) -> bool {
        let unknown = |shape: &Self| -> Vec<String> {
            shape.unknown.iter().filter(|at| at.starts_with(path)).cloned().collect()
        };
        let partial = |shape: &Self| -> Vec<(String, String)> {
            let below = shape.partial.iter().filter(|(at, _)| at.starts_with(path));
            below.map(|(at, text)| (at.clone(), text.clone())).collect()
        };
        unknown(self) == unknown(base) && partial(self) == partial(base)
    }
}

fn is_set(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Object(map) => !map.is_empty(),
        Json::Array(list) => !list.is_empty(),
        _ => true,
    }
}

/// A name without the keys in it: `module.deploy["shop"].iam_role.deploy` is of the block of
/// `module.deploy["search"].iam_role.deploy`.
fn unkeyed(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("[\"") {
        out.push_str(before);
        rest = after.split_once("\"]").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

impl<'a> OwnNames<'a> {
    fn of(change: &'a ResourceChange, id: Option<&AccountId>) -> Self {
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

    fn word(&self, mark: char) -> Option<&str> {
        match mark {
            ACCOUNT => self.account,
            ID => self.id.as_deref(),
            ENVIRONMENT => self.environment,
            REGION => self.region.as_deref(),
            _ => self.key.as_deref(),
        }
    }

    /// How it is told from others of its account.
    fn listed_as(&self) -> Option<&str> {
        self.key.as_deref().or(self.account.filter(|_| self.is_account))
    }

    /// The shape of a change; `None` where the change holds a mark itself, and so must not fold.
    fn shape(&self, change: &ResourceChange) -> Option<Shape> {
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
        Some(Shape { key, name, display, before, after, partial, unknown, policies, reason })
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

fn is_ownership_tag(path: &str) -> bool {
    path.starts_with("$.tags[\"palisade:")
}

/// Whether a change does nothing but write ownership tags: an earlier version wrote others, or none are there.
fn renews_ownership_tags(change: &ResourceChange) -> bool {
    let mark = change.before.as_ref().and_then(|before| owner(before.attrs()));
    change.action == Action::Update
        && change.previous_address.is_none()
        && !change.changed.is_empty()
        && change.changed.iter().all(|path| is_ownership_tag(path))
        // A mark that names an estate is never old.
        && mark.is_none_or(|mark| ownership(mark, "") == Ownership::Unnamed)
}

/// Leaves out the ownership tags, which differ for every object and say nothing of what it is: those that the
/// other side, where there is one, has too.
fn forget_ownership(attrs: &mut Json, other: Option<&Json>) {
    let Some(tags) = attrs.get_mut("tags").and_then(Json::as_object_mut) else { return };
    let other = other.map(|other| other.get("tags").and_then(Json::as_object));
    tags.retain(|name, value| {
        let is_same = other.is_none_or(|tags| tags.and_then(|tags| tags.get(name)) == Some(value));
        !(name.starts_with("palisade:") && is_same)
    });
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
fn plain(text: &str, words: &[(char, String)]) -> String {
    let mut out = text.to_owned();
    for (mark, word) in words {
        if out.contains(*mark) {
            out = out.replace(*mark, word);
        }
    }
    out
}

fn unmarked(value: &Json, words: &[(char, String)]) -> Json {
    match value {
        Json::String(text) => Json::String(plain(text, words)),
        Json::Array(list) => list.iter().map(|v| unmarked(v, words)).collect(),
        Json::Object(map) => map.iter().map(|(k, v)| (k.clone(), unmarked(v, words))).collect(),
        other => other.clone(),
    }
}

/// How an account's id is written while it is unknown: `account.dev.id`, or `account.team["a"].id` for one of
/// several accounts of a block.
pub(super) fn id_of(handle: &str) -> String {
    match handle.split_once('.') {
        Some((block, key)) if key.bytes().all(|b| b.is_ascii_digit()) => {
            format!("account.{block}[{key}].id")
        }
        Some((block, key)) => format!("account.{block}[\"{key}\"].id"),
        None => format!("account.{handle}.id"),
    }
}

/// `text` with `mark` for each place where `word` stands whole.
pub(super) fn whole_words(text: &str, word: &str, mark: &str) -> String {
    replaced(text, &[(word, ACCOUNT)]).replace(ACCOUNT, mark)
}
