//! What a principal may be given: whatever one likes, or one managed policy or group; and principals that are made and
//! given something.
//!
//! Claim: where somebody may give a principal permissions, by whatever call of IAM, the right is found, and what it gives
//! is no less than what the call can give. A text of one's own is given by writing it where the principal has it (inline, in
//! a group, as a version of a policy attached already), or by attaching a policy that the holder may write: one that it
//! makes (`iam:CreatePolicy`), or one that stands there (`iam:CreatePolicyVersion`). Names that it may write and names that
//! it may attach meet in some region of the patterns that its policies hold, so one name of each region is enough.
//! What one holder writes or makes another one may attach, or give something: names are then those that the policies of the
//! whole account tell apart.
//! A policy of AWS's of which nobody here knows what it permits may permit anything: attaching it is undetermined.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
//! Management"; IAM User Guide, "Adding and removing IAM identity permissions".

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::changes::under;
use super::super::crossing::{Asked, Right, patterns_of, texts_of};
use super::actions::{CREDENTIALS, JOIN, POLICY, may_change_policies};
use super::boundary::bounded;
use super::held::{NewPrincipal, OnSides, RightHolder, Rights, Sided, alike, note};
use super::questions::{
    Questions, below, by_resource, everything, is_open, is_reserved, kind, right, speaks,
};
use crate::access::{AccountNode, PrincipalKind};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Answers, Domain, Space, SymbolicAnswer, Texts};
use crate::iam::{ContextValue, Document};

/// Whether IAM takes the path and name of such an ARN: they hold no colon (IAM API Reference, `CreatePolicy`, `CreateRole`).
pub(super) fn is_name(arn: &str) -> bool {
    arn.split(':').count() == 6
}

/// The paths at which AWS has managed policies that principals of an account can be given (AWS Managed Policy Reference
/// Guide; those at `aws-service-role/` are for service-linked roles alone).
pub(super) const PATHS_OF_AWS: [&str; 3] = ["", "job-function/", "service-role/"];

/// What is given.
#[derive(Clone, Copy)]
pub(super) enum Gift<'g> {
    /// Whatever one likes.
    Everything,
    /// Some managed policy.
    Some,
    /// A managed policy, by ARN.
    Policy(&'g str),
    /// One of these managed policies, by ARN.
    OneOf(&'g [String]),
    /// A managed policy of AWS's at this path but these, by ARN.
    UnknownBut(&'static str, &'g BTreeSet<String>),
    /// What the users of a group have, by its ARN.
    Group(&'g str),
}

impl Gift<'_> {
    /// The right to attach that.
    fn named(self, home: &AccountNode, mut right: Right) -> Right {
        const KEY: &str = "iam:policyarn";
        match self {
            Self::Everything => {
                right.context.push(("iam:PolicyARN".to_owned(), everything(home.partition)));
            }
            Self::Policy(arn) => {
                right.context.push(("iam:PolicyARN".to_owned(), arn.to_owned()));
            }
            Self::Some | Self::Group(_) => {}
            Self::OneOf(policies) => {
                let policies = policies.iter().map(|arn| Some(ContextValue::from(arn.as_str())));
                right.domains.push((KEY.to_owned(), Domain::These(policies.collect())));
            }
            Self::UnknownBut(path, known) => {
                let prefix = format!("arn:{}:iam::aws:policy/{path}", home.partition);
                let below = format!("{prefix}*/*");
                let except = known.iter().cloned().chain([below]).collect();
                let texts = Texts { prefixes: vec![prefix], except, absent: false };
                right.domains.push((KEY.to_owned(), Domain::Texts(texts)));
            }
        }
        right
    }
}

/// Policies of which a holder may decide the text, by ARN, each with the right to that.
#[derive(Default)]
pub(super) struct Authored {
    by_name: BTreeMap<String, Rights>,
    undecided: [Option<String>; 2],
}

/// Principals that a holder may make and be, by ARN, one of each region of names.
#[derive(Default)]
pub(super) struct Made {
    by_name: Vec<(String, Rights)>,
    undecided: [Option<String>; 2],
}

impl Questions<'_> {
    /// Rights by which a principal may be given something.
    pub(super) fn giving(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        arn: &str,
        bound: Option<&String>,
        gift: Gift<'_>,
        rights: &mut Rights,
    ) {
        let kind = kind(arn);
        let own = vec![Space::One(arn.to_owned())];
        if is_reserved(arn) {
            return;
        }
        let join = |groups| self.question(holder, right(&[JOIN], groups));
        if let Gift::Group(group) = gift {
            if kind == PrincipalKind::User {
                rights.add(join(vec![Space::One(group.to_owned())]));
            }
            return;
        }
        let whatever = matches!(gift, Gift::Everything);
        if whatever {
            let put = bounded(right(&[&format!("iam:Put{kind}Policy")], own.clone()), bound);
            rights.add(self.question(holder, put));
        }
        let attach = bounded(right(&[&format!("iam:Attach{kind}Policy")], own), bound);
        rights.add(self.question(holder, gift.named(home, attach)));
        let one = |found: Vec<String>| found.into_iter().map(Space::One).collect();
        let boundary: BTreeSet<String> = self.bounds(arn);
        let (mut attached, mut groups): (Sided<String>, Sided<String>) = Default::default();
        for (at, model) in self.sides().into_iter().enumerate() {
            let Some(node) = model.principals.get(arn) else { continue };
            for policy in node.attached().iter().filter(|arn| !boundary.contains(*arn)) {
                note(&mut attached, policy.clone(), at);
            }
            for group in node.groups() {
                note(&mut groups, group.clone(), at);
            }
        }
        // What is attached to it may be rewritten where it is.
        for (there, attached) in alike(attached).into_iter().filter(|_| whatever) {
            let mut own = Rights::default();
            own.add_all(self.rewriting(holder, one(attached)));
            rights.join(own.only(there));
        }
        for (there, groups) in alike(groups) {
            let mut own = Rights::default();
            self.giving_group(holder, home, one(groups), gift, &mut own);
            rights.join(own.only(there));
        }
        let standing = match kind {
            PrincipalKind::User => self.groups_to_join(holder, home),
            PrincipalKind::Role => Vec::new(),
        };
        if !standing.is_empty() {
            let groups = join(standing);
            if matches!(gift, Gift::Some) {
                rights.add(groups.clone());
            }
            for (resource, sides) in by_resource(&[&groups]) {
                let mut more = Rights::default();
                self.giving_group(holder, home, vec![Space::One(resource)], gift, &mut more);
                rights.join(sides.and(more));
            }
        }
        if whatever && (rights.before.is_empty() || rights.after.is_empty()) {
            rights.join(self.giving_authored(holder, home, arn, bound));
        }
    }

    fn giving_group(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        groups: Vec<Space>,
        gift: Gift<'_>,
        rights: &mut Rights,
    ) {
        if matches!(gift, Gift::Everything) {
            rights.add(self.question(holder, right(&["iam:PutGroupPolicy"], groups.clone())));
        }
        let attach = gift.named(home, right(&["iam:AttachGroupPolicy"], groups));
        rights.add(self.question(holder, attach));
    }

    /// The same, by attaching a policy whose text the holder decides.
    fn giving_authored(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        arn: &str,
        bound: Option<&String>,
    ) -> Rights {
        let authored = self.authored(holder, home);
        let mut found = Rights { undecided: authored.undecided.clone(), ..Rights::default() };
        let on = |side: fn(&Rights) -> bool| -> Vec<String> {
            let held = authored.by_name.iter().filter(|(_, rights)| side(rights));
            held.map(|(name, _)| name.clone()).collect()
        };
        let lists = [on(|rights| !rights.before.is_empty()), on(|rights| !rights.after.is_empty())];
        let lists: BTreeSet<Vec<String>> = lists.into_iter().filter(|l| !l.is_empty()).collect();
        for names in lists {
            let mut attach = Rights::default();
            self.giving(holder, home, arn, bound, Gift::OneOf(&names), &mut attach);
            let openings = attach.before.iter().chain(&attach.after);
            let attached: BTreeSet<String> = openings
                .filter_map(|opening| opening.witness.context.get("iam:policyarn"))
                .flat_map(|policy| policy.values().to_vec())
                .collect();
            let asks_nothing = attached.is_empty() && !attach.is_empty();
            for (name, write) in &authored.by_name {
                if asks_nothing || attached.contains(name) {
                    let mut give = attach.clone();
                    for openings in [&mut give.before, &mut give.after] {
                        openings.retain(|opening| {
                            let named = opening.witness.context.get("iam:policyarn");
                            named.is_none_or(|named| named.values().contains(name))
                        });
                    }
                    found.join(write.clone().with(give));
                }
                if asks_nothing && !found.is_empty() {
                    break;
                }
            }
        }
        found
    }

    /// Policies of the account whose text a holder may decide: one of each region of names that it may make, and those
    /// that stand there.
    fn authored(&self, holder: &RightHolder, home: &AccountNode) -> Rc<Authored> {
        if let Some(known) = self.authored.borrow().get(holder) {
            return Rc::clone(known);
        }
        let mut found = Authored::default();
        let speaks =
            |action: &str| self.sides().into_iter().any(|model| speaks(model, holder, action));
        let attaches = ["Group", "Role", "User"].map(|kind| format!("iam:Attach{kind}Policy"));
        if attaches.iter().any(|action| speaks(action)) {
            let mut take = |answers: Answers, there: OnSides| {
                let each = by_resource(&[&answers]).into_iter();
                found.by_name.extend(each.map(|(name, rights)| (name, rights.only(there))));
                let answers = [answers.before, answers.after];
                for (answer, undecided) in answers.into_iter().zip(&mut found.undecided) {
                    if let SymbolicAnswer::Undecided(why) = answer {
                        undecided.get_or_insert(why);
                    }
                }
            };
            if speaks("iam:CreatePolicy") {
                for (there, names) in self.not_taken(home, self.policy_names(holder, home)) {
                    take(self.question(holder, right(&["iam:CreatePolicy"], names)), there);
                }
            }
            if POLICY.into_iter().any(speaks) {
                for answers in self.rewriting(holder, self.policies_of(home)) {
                    take(answers, [true, true]);
                }
            }
        }
        let found = Rc::new(found);
        self.authored.borrow_mut().insert(holder.clone(), Rc::clone(&found));
        found
    }

    /// The managed policies that an account has of its own, on either side.
    fn policies_of(&self, home: &AccountNode) -> Vec<Space> {
        let standing = self.sides().into_iter().flat_map(|model| model.managed_of(home));
        let standing: BTreeSet<&String> = standing.collect();
        standing.into_iter().cloned().map(Space::One).collect()
    }

    /// A name of a policy for every region of names that the holder's policies tell apart.
    fn policy_names(&self, holder: &RightHolder, home: &AccountNode) -> BTreeSet<String> {
        let below = below(home, "policy");
        let create = right(&["iam:CreatePolicy"], vec![below.clone()]);
        let mut names = BTreeSet::new();
        for asked in self.asked_by(holder, &create) {
            let globs: BTreeSet<Glob> = patterns_of(asked.documents(), "iam:policyarn").collect();
            let regions = texts_of(globs.clone(), &below);
            let regions = regions.into_iter().map(|arn| self.beside(home, &globs, arn));
            names.extend(regions.filter(|arn| is_name(arn)));
        }
        names
    }

    /// Another name of the same region for one that a policy of the account has already: IAM makes no second one of a name
    /// (IAM API Reference, `CreatePolicy`, `EntityAlreadyExists`). A name that is alone in its region stays.
    fn beside(&self, home: &AccountNode, globs: &BTreeSet<Glob>, arn: String) -> String {
        let is_taken = |arn: &String| {
            self.sides().iter().all(|model| model.managed_of(home).any(|a| a == arn))
        };
        if !is_taken(&arn) {
            return arn;
        }
        let start = arn.find('/').map_or(arn.len(), |at| at + 1);
        let places = (start..=arn.len()).rev().filter(|at| arn.is_char_boundary(*at));
        let mut others = places.map(|at| {
            let mut other = arn.clone();
            other.insert(at, '0');
            other
        });
        let is_alike = |other: &String| {
            globs.iter().all(|glob| glob.matches(other) == glob.matches(&arn)) && !is_taken(other)
        };
        others.find(is_alike).unwrap_or(arn)
    }

    /// Policies of an account, by ARN, whose names are alone in what policies tell apart: no other name does for them.
    pub(super) fn policies_alone(&self, home: &AccountNode) -> BTreeSet<String> {
        let names = self.names_of(home, "policy");
        let stand = self.sides().into_iter().flat_map(|model| model.managed_of(home));
        stand.filter(|arn| names.contains(*arn)).cloned().collect()
    }

    /// Names of policies that are to be made, by the sides on which none of the account's has them.
    fn not_taken(
        &self,
        home: &AccountNode,
        names: impl IntoIterator<Item = String>,
    ) -> BTreeMap<OnSides, Vec<Space>> {
        let taken = self.sides().map(|model| model.managed_of(home).collect::<BTreeSet<_>>());
        let mut found: BTreeMap<OnSides, Vec<Space>> = BTreeMap::new();
        for name in names {
            let free = taken.each_ref().map(|taken| !taken.contains(&name));
            found.entry(free).or_default().push(Space::One(name));
        }
        found.remove(&[false, false]);
        found
    }

    /// The same names for everybody in the account, so that one may write what another one may attach.
    pub(super) fn authoring(&self, holder: &RightHolder, home: &AccountNode, rights: &mut Rights) {
        let speaks = |action: &str| self.sides().iter().any(|model| speaks(model, holder, action));
        if speaks("iam:CreatePolicy") {
            let names = self.names_of(home, "policy");
            for (there, names) in self.not_taken(home, names.iter().cloned()) {
                let mut write = Rights::default();
                write.add(self.question(holder, right(&["iam:CreatePolicy"], names)));
                rights.join(write.only(there));
            }
        }
        if POLICY.into_iter().any(speaks) {
            rights.add_all(self.rewriting(holder, self.policies_of(home)));
        }
    }

    /// Making a principal and being it, which another one may then give something.
    pub(super) fn creating(&self, holder: &RightHolder, home: &AccountNode, rights: &mut Rights) {
        let speaks = |action: &str| self.sides().iter().any(|model| speaks(model, holder, action));
        for (kind, create) in [("role", "iam:CreateRole"), ("user", "iam:CreateUser")] {
            if !speaks(create) {
                continue;
            }
            let names = self.names_of(home, kind).iter().cloned().map(Space::One).collect();
            let mut create = right(&[create], names);
            create.absent.push("iam:permissionsboundary".to_owned());
            let made = self.question(holder, create);
            if kind == "role" {
                let mut roles = Rights::default();
                roles.add(made);
                let free = |arn: &str| self.is_free(holder, home, arn);
                roles.before.retain(|opening| free(&opening.witness.resource)[0]);
                roles.after.retain(|opening| free(&opening.witness.resource)[1]);
                rights.join(roles);
                continue;
            }
            for (resource, made) in by_resource(&[&made]) {
                let made = made.only(self.is_free(holder, home, &resource));
                let mut be = Rights::default();
                be.add(self.question(holder, right(&CREDENTIALS, vec![Space::One(resource)])));
                rights.join(made.and(be));
            }
        }
    }

    /// The same of each name that is told apart, under no boundary, or under this one.
    pub(super) fn naming(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        bound: Option<&String>,
        rights: &mut Rights,
    ) {
        let made = self.made(holder, home, bound);
        made.by_name.iter().for_each(|(_, made)| rights.join(made.clone()));
        for (own, why) in rights.undecided.iter_mut().zip(&made.undecided) {
            *own = own.take().or_else(|| why.clone());
        }
    }

    /// ARNs of a kind that a holder may be permitted to make something by: all, or one of each region where policies that
    /// ask who somebody is tell some apart.
    fn new_names_by(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        (kind, create): (&str, &str),
    ) -> Vec<Space> {
        let (below, names) = (below(home, kind), self.new_names(home));
        if names.asking().is_empty() {
            return vec![below];
        }
        let mut globs: BTreeSet<Glob> = names.asking().iter().cloned().collect();
        for asked in self.asked_by(holder, &right(&[create], vec![below.clone()])) {
            globs.extend(patterns_of(asked.documents(), "iam:permissionsboundary"));
        }
        texts_of(globs, &below).into_iter().map(Space::One).collect()
    }

    /// A right as each side puts it to a holder.
    pub(super) fn asked_by(&self, holder: &RightHolder, right: &Right) -> Vec<Asked> {
        let unchanged = Default::default();
        let changes = holder.changed.as_ref().map_or(&unchanged, |(_, changes)| changes);
        let sides = self.sides().into_iter().flat_map(|model| {
            let source = super::super::changes::source(model, &holder.actor);
            under(model, &holder.actor, changes, || Asked::within(model, &source, right))
        });
        sides.collect()
    }

    /// A name of a kind for every region of names that policies of an account's principals, and guardrails over it, tell
    /// apart.
    pub(super) fn names_of(&self, home: &AccountNode, kind: &'static str) -> Rc<BTreeSet<String>> {
        let key = (home.handle.clone(), kind);
        if let Some(known) = self.names.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut documents: Vec<Arc<Document>> = Vec::new();
        for model in self.sides() {
            let principals = model.principals_of(&home.handle);
            let changing = principals.filter(|p| may_change_policies(p));
            let own = changing.flat_map(|p| p.identity().iter().chain(p.boundary()));
            documents.extend(own.map(|policy| Arc::clone(&policy.document)));
            let over = model.accounts.get(&home.handle).into_iter();
            let over = over.flat_map(|a| a.service_control.iter().flat_map(|(_, all)| all));
            documents.extend(over.map(|policy| Arc::clone(&policy.document)));
        }
        let names = self.new_names(home);
        let globs = patterns_of(&documents, "iam:policyarn").chain(names.asking().iter().cloned());
        // Of a boundary policies ask by another key.
        let bounding = patterns_of(&documents, "iam:permissionsboundary");
        let bounding = bounding.filter(|_| kind == "policy");
        let globs: BTreeSet<Glob> = globs.chain(bounding).collect();
        let found = texts_of(globs.clone(), &below(home, kind)).into_iter();
        let found = found.map(|arn| match kind {
            "policy" => self.beside(home, &globs, arn),
            _ => arn,
        });
        let found = Rc::new(found.filter(|arn| is_name(arn)).collect());
        self.names.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    /// Making another principal, being it, and giving it something, all of one name that nothing tells from this one.
    pub(super) fn making(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        new: &NewPrincipal,
        gift: Gift<'_>,
        rights: &mut Rights,
    ) {
        let bound = new.bound.as_ref();
        let (made, names) = (self.made(holder, home, bound), self.new_names(home));
        let alike = made.by_name.iter().filter(|(name, _)| names.are_alike(name, &new.name));
        for (resource, made) in alike {
            let mut give = Rights::default();
            self.giving(holder, home, resource, bound, gift, &mut give);
            rights.join(made.clone().and(give));
        }
        for (own, why) in rights.undecided.iter_mut().zip(&made.undecided) {
            *own = own.take().or_else(|| why.clone());
        }
    }

    fn made(&self, holder: &RightHolder, home: &AccountNode, bound: Option<&String>) -> Rc<Made> {
        let key = (holder.clone(), bound.cloned());
        if let Some(known) = self.made.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut found = Made::default();
        for (kind, create) in [("role", "iam:CreateRole"), ("user", "iam:CreateUser")] {
            if !self.sides().into_iter().any(|model| speaks(model, holder, create)) {
                continue;
            }
            let all = self.new_names_by(holder, home, (kind, create));
            let mut first = right(&[create], all.clone());
            match bound {
                None => first.absent.push("iam:permissionsboundary".to_owned()),
                Some(arn) => {
                    first.context.push(("iam:PermissionsBoundary".to_owned(), arn.clone()));
                }
            }
            let free = self.question(holder, first);
            let mut unbound = None;
            if bound.is_none() && (all.len() > 1 || !is_open(&free)) {
                // A boundary that leaves everything is none either.
                let mut any = right(&[create], all);
                let everything = everything(home.partition);
                any.context.push(("iam:PermissionsBoundary".to_owned(), everything));
                unbound = Some(self.question(holder, any));
            }
            let all: Vec<&Answers> = std::iter::once(&free).chain(&unbound).collect();
            for (resource, made) in by_resource(&all).into_iter().filter(|(arn, _)| is_name(arn)) {
                let Some((resource, mut made)) =
                    self.under_a_free_name(holder, home, (create, bound), (resource, made))
                else {
                    continue;
                };
                if kind == "user" {
                    let mut be = Rights::default();
                    let one = vec![Space::One(resource.clone())];
                    be.add(self.question(holder, right(&CREDENTIALS, one)));
                    made = made.and(be);
                }
                found.by_name.push((resource, made));
            }
            let answers = [&free.before, &free.after];
            for (answer, undecided) in answers.into_iter().zip(&mut found.undecided) {
                if let SymbolicAnswer::Undecided(why) = answer {
                    undecided.get_or_insert_with(|| why.clone());
                }
            }
        }
        let found = Rc::new(found);
        self.made.borrow_mut().insert(key, Rc::clone(&found));
        found
    }
}
