//! Giving a user or a group another name: policies may know either by its ARN, and its credentials, policies and members stay.
//!
//! Claim: where somebody may give a user a name that some policy tells from its own, a name of that kind is found. It takes
//! `iam:UpdateUser` on the old ARN and on the new one, and a right over ARNs that the user can be called by is a right over
//! the user. Names that a holder may give and names that policies ask for meet in some region of all their patterns, so
//! one name of each region is enough. Roles and managed policies keep their names.
//!
//! Source: IAM User Guide, "Rename an IAM user"; IAM API Reference, `UpdateUser`, `UpdateGroup`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::crossing::{both_readings, patterns_of, texts_of};
use super::actions::RENAME;
use super::giving::is_name;
use super::held::{RightHolder, Rights};
use super::names::tells_kinds;
use super::questions::{Questions, below, by_resource, right, speaks};
use crate::access::{AccessModel, AccountNode, ResourceTags};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Opening, Space};
use crate::iam::values::is_account_id;
use crate::iam::{Condition, Document, Item};

/// Names that users of an account may be given, and the patterns by which policies ask who somebody is.
#[derive(Default)]
pub(super) struct UserNames {
    asking: Vec<Glob>,
    names: Vec<String>,
}

impl UserNames {
    /// All the names.
    pub(super) fn all(&self) -> BTreeSet<String> {
        self.names.iter().cloned().collect()
    }

    /// Which of the patterns a name is of.
    fn kind_of(&self, name: &str) -> Vec<bool> {
        self.asking.iter().map(|glob| glob.matches(name)).collect()
    }
}

impl Questions<'_> {
    /// Giving a user another name: of each kind that policies tell apart, and from its own, one.
    pub(super) fn renaming(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        arn: &str,
        rights: &mut Rights,
    ) {
        if !self.sides().into_iter().any(|model| speaks(model, holder, RENAME)) {
            return;
        }
        let known = self.user_names(home);
        if known.names.is_empty() {
            return;
        }
        let (mut from, mut to) = (Rights::default(), Rights::default());
        from.add(self.question(holder, right(&[RENAME], vec![Space::One(arn.to_owned())])));
        if !from.is_empty() {
            let names = known.names.iter().cloned().map(Space::One).collect();
            to.add(self.question(holder, right(&[RENAME], names)));
        }
        let own = known.kind_of(arn);
        let few = |openings: &mut Vec<Opening>| {
            // A name that is whole is told before a mere path.
            openings
                .sort_by_key(|o| (!o.requirements.is_empty(), o.witness.resource.ends_with('/')));
            let mut kinds = BTreeSet::from([own.clone()]);
            openings.retain(|o| kinds.insert(known.kind_of(&o.witness.resource)));
        };
        [&mut to.before, &mut to.after].into_iter().for_each(few);
        rights.join(from.and(to));
    }

    /// What somebody may do to a user or group once it has given that another name, which takes this action.
    pub(super) fn by_another_name(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        rename: &str,
        arn: &str,
        then: impl Fn(&String) -> Rights,
    ) -> Rights {
        let mut found = Rights::default();
        if !self.sides().into_iter().any(|model| speaks(model, holder, rename)) {
            return found;
        }
        let mut from = Rights::default();
        from.add(self.question(holder, right(&[rename], vec![Space::One(arn.to_owned())])));
        if from.is_empty() {
            return found;
        }
        let kind = if arn.contains(":user/") { "user" } else { "group" };
        let names = self.names_of(home, kind).iter().cloned().map(Space::One).collect();
        let to = self.question(holder, right(&[rename], names));
        for (name, to) in by_resource(&[&to]) {
            let done = then(&name);
            if !done.is_empty() {
                found.join(from.clone().and(to).with(done));
            }
        }
        found
    }

    pub(super) fn user_names(&self, home: &AccountNode) -> Rc<UserNames> {
        if let Some(known) = self.user_names.borrow().get(&home.handle) {
            return Rc::clone(known);
        }
        let mut asking: BTreeSet<Glob> = BTreeSet::new();
        let mut own: Vec<Arc<Document>> = Vec::new();
        for (model, of_all) in self.sides().into_iter().zip(self.asked_of_all()) {
            let principals = model.principals_of(&home.handle);
            let policies = principals.flat_map(|p| p.identity().iter().chain(p.boundary()));
            own.extend(policies.map(|policy| Arc::clone(&policy.document)));
            let conditions = own.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
            let conditions: Vec<&Condition> = conditions.collect();
            asking.extend(conditions.iter().flat_map(|condition| asked_by(condition)));
            asking.extend(of_all.asking(home).cloned());
            let mut all = conditions.iter();
            if of_all.compares_names_to_tags || all.any(|one| compares_names_to_tags(one)) {
                asking.extend(
                    tag_values(model).iter().map(|value| Glob::like(&format!("*/{value}"))),
                );
            }
        }
        let space = below(home, "user");
        let mut found = UserNames::default();
        // Patterns of roles, or of users elsewhere, tell no names apart here.
        asking.retain(|glob| {
            !texts_of([glob.clone()].into(), &space).iter().all(|name| !glob.matches(name))
        });
        if !asking.is_empty() {
            let globs = patterns_of(&own, "iam:policyarn").chain(asking.iter().cloned());
            let names = texts_of(globs.collect(), &space).into_iter().filter(|arn| is_name(arn));
            // (A path alone is no name yet.)
            let whole = |name: String| match name.ends_with('/') {
                true => vec![format!("{name}any"), name],
                false => vec![name],
            };
            found.names = names.flat_map(whole).collect();
            found.asking = asking.into_iter().collect();
        }
        let found = Rc::new(found);
        self.user_names.borrow_mut().insert(home.handle.clone(), Rc::clone(&found));
        found
    }
}

/// What the policies of a side that bear on more principals than those who have them ask about who somebody is.
#[derive(Debug, Default)]
pub(super) struct AskedOfAll {
    /// Patterns of ARNs, by the id of the account that a pattern names.
    asking: BTreeMap<Option<String>, BTreeSet<Glob>>,
    /// Whether one tells users from roles by other keys than their names.
    pub(super) tells_kinds: bool,
    compares_names_to_tags: bool,
}

impl AskedOfAll {
    pub(super) fn of(model: &AccessModel) -> Self {
        let mut found = Self::default();
        for document in bearing(model) {
            found.tells_kinds |= tells_kinds(&document);
            for condition in document.statements.iter().flat_map(|s| &s.conditions) {
                found.compares_names_to_tags |= compares_names_to_tags(condition);
                for value in &condition.values {
                    let globs = asked_of_value(condition, value);
                    if !globs.is_empty() {
                        found.asking.entry(account_named(value)).or_default().extend(globs);
                    }
                }
            }
        }
        found
    }

    /// Patterns that may be of principals of an account.
    pub(super) fn asking(&self, home: &AccountNode) -> impl Iterator<Item = &Glob> {
        let anywhere = self.asking.get(&None).into_iter().flatten();
        anywhere.chain(self.asking.get(&Some(home.id.clone())).into_iter().flatten())
    }
}

/// The account that a pattern of ARNs is of, where it says so.
fn account_named(value: &Item) -> Option<String> {
    let text = value.text.symbolic();
    let id = text.strip_prefix("arn:")?.split(':').nth(3)?;
    let head = text.split_once(id)?.0;
    (is_account_id(id) && !head.contains(['*', '?', '$'])).then(|| id.to_owned())
}

/// The policies of a side that bear on more principals than those who have them.
fn bearing(model: &AccessModel) -> Vec<Arc<Document>> {
    let trusts = model.principals.values().filter_map(|p| p.trust.as_ref());
    let resources = model.resource_policies().map(|(_, policy)| policy);
    let accounts = model.accounts.values();
    let levels = accounts.flat_map(|a| a.service_control.iter().chain(&a.resource_control));
    let all = trusts.chain(resources).chain(levels.flat_map(|(_, policies)| policies));
    let mut found: BTreeMap<*const Document, Arc<Document>> = BTreeMap::new();
    for policy in all {
        found.entry(Arc::as_ptr(&policy.document)).or_insert_with(|| Arc::clone(&policy.document));
    }
    found.into_values().collect()
}

/// The patterns of users' ARNs that a condition asks for.
pub(super) fn asked_by(condition: &Condition) -> Vec<Glob> {
    condition.values.iter().flat_map(|value| asked_of_value(condition, value)).collect()
}

/// The same of one of its values.
fn asked_of_value(condition: &Condition, value: &Item) -> Vec<Glob> {
    if condition.key.eq_ignore_ascii_case("aws:principalarn") {
        both_readings(value).into_iter().collect()
    } else if condition.key.eq_ignore_ascii_case("aws:username") {
        vec![Glob::like(&format!("*/{}", value.text.symbolic()))]
    } else {
        Vec::new()
    }
}

/// Whether a condition asks for a tag that tells a user's name.
fn compares_names_to_tags(condition: &Condition) -> bool {
    let is_tag = condition.key.to_ascii_lowercase().contains("tag/");
    is_tag && {
        let mut texts = condition.values.iter().map(|v| v.text.symbolic().to_ascii_lowercase());
        texts.any(|text| text.contains("${aws:username"))
    }
}

/// The values of tags that are known.
fn tag_values(model: &AccessModel) -> BTreeSet<&String> {
    let of_principals = model.principals.values().flat_map(|p| p.tags().values());
    let of_resources = model.resources.values().flat_map(|resource| match &resource.tags {
        ResourceTags::Known(tags) => tags.values().flatten().collect(),
        _ => Vec::new(),
    });
    of_principals.chain(of_resources).collect()
}
