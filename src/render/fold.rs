//! Changes folded by likeness: of objects that are equal but for their account, their region and the names
//! derived from them, one is shown, and the accounts that it stands in.
//!
//! **Claim**: nothing that grants access and differs is folded away. Two changes fold only where their whole
//! shapes are equal: every attribute of both sides, hidden or not, what is unknown and sensitive, the policies'
//! differences. A shape is the change with the object's *own* account id, handle, environment and region
//! replaced by marks, so from a shape and a member's account the member can be written out again: folding
//! loses nothing but the ids and numbers that AWS assigned to it (`own_names.rs`). Marks stand only for whole words, and never in actions, effects, sids, condition
//! operators and keys, names of services, or the partition and service of an ARN. The key of an instance is replaced
//! only where it names the object itself, never in a policy or in what is attached to a principal: two roles
//! of one block that trust two people stay two.
//!
//! An object that comes or goes and has much in common with one of its block that is shown already is shown by
//! what differs ([`ShownBefore`]): whole attributes and whole policies, so that what it grants can be read without
//! a comparison.

mod own_names;
mod ownership;
mod shape;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

pub(super) use own_names::whole_words;
pub(super) use shape::ShownBefore;

use super::lines::whole::{Tags, tags_of};
use super::style::{count, safe};
use super::view;
use crate::plan::model::{Action, Plan, PlanSummary, PolicyChange, ResourceChange};
use crate::schema::Category;

use own_names::{MARKS, OwnNames, plain, unmarked};
use ownership::renews_ownership_tags;
use shape::{ChangeShape, unkeyed};

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
    pub(super) parts: Vec<(&'static str, Vec<ShownChange<'a>>)>,
    /// `2 to create, 1 to update`.
    pub(super) counts: String,
}

/// A change, or the shape of several.
pub(super) struct ShownChange<'a> {
    /// What changes; names of several objects have marks in words.
    pub(super) change: Cow<'a, ResourceChange>,
    /// How many objects it stands for.
    pub(super) members: usize,
    /// `iam_role.deploy in 4 accounts`.
    pub(super) name: String,
    /// What is shown already and holds for it too.
    pub(super) base: Option<ShownBefore>,
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
type Shown = BTreeMap<String, Arc<(String, ChangeShape)>>;

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
    shape: Option<ChangeShape>,
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
    let mut parts: BTreeMap<(bool, Option<Category>), Vec<ShownChange<'a>>> = BTreeMap::new();
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

    fn entry(mut self, shown: &mut Shown) -> ShownChange<'a> {
        if self.category.is_none() {
            return self.renewal();
        }
        let shape = self.shape.take();
        let mut entry = match &shape {
            Some(shape) if !self.more.is_empty() => self.folded(shape),
            _ => ShownChange {
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
    fn renewal(&self) -> ShownChange<'a> {
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
        ShownChange { change: Cow::Owned(change), members, name, base: None }
    }

    fn folded(&self, shape: &ChangeShape) -> ShownChange<'a> {
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
        ShownChange { change: Cow::Owned(shown), members, name, base: None }
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
