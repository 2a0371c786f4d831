//! Names that are taken, and groups that are not there.
//!
//! Claim: a principal that somebody makes has a name that no other one of its kind in the account has, whatever the path and whether
//! letters are small or capital (IAM API Reference, `CreateRole`, `EntityAlreadyExists`; IAM User Guide, "IAM and AWS STS
//! quotas", "Name requirements"), unless somebody in the account may delete that one first, which takes its policies from it
//! (`DeleteRole`, `DeleteConflict`). Who may is looked at generously: whoever is allowed it upon anything, but for roles that the
//! management account alone assumes, which is trusted. Nobody is put into a
//! group that is not there, unless somebody may make one.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::crossing::patterns_of;
use super::actions::may;
use super::giving::is_name;
use super::held::{OnSides, RightHolder, Rights};
use super::leaving::is_for_management;
use super::questions::{Questions, below, by_resource, is_open, kind, right, speaks};
use crate::access::{AccessModel, AccountNode, PART, PrincipalKind, PrincipalNode};
use crate::iam::symbolic::Space;
use crate::iam::symbolic::globs::Glob;

/// More groups than this are not asked about one by one.
const MANY: usize = 64;

/// The name of a principal, as IAM compares it.
fn name(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or_default().to_lowercase()
}

impl Questions<'_> {
    /// Whether somebody may delete a principal.
    fn is_deletable(
        &self,
        model: &AccessModel,
        holder: &RightHolder,
        home: &AccountNode,
        node: &PrincipalNode,
    ) -> bool {
        let kind = kind(&node.arn);
        let bounds = self.bounds(&node.arn);
        let is_inline = |name: &str| name.split(PART).next() == Some(node.label.as_str());
        let mut actions = vec![format!("iam:Delete{kind}")];
        // What a user has may be of its groups.
        if node.kind == PrincipalKind::Role {
            let (inline, others): (Vec<_>, Vec<_>) =
                node.identity().iter().partition(|rule| is_inline(rule.policy.name()));
            if !others.is_empty() || node.attached().iter().any(|policy| !bounds.contains(policy)) {
                actions.push("iam:DetachRolePolicy".to_owned());
            }
            if !inline.is_empty() {
                actions.push("iam:DeleteRolePolicy".to_owned());
            }
        }
        actions
            .iter()
            .all(|action| speaks(model, holder, action) || others_may(model, home, action))
    }

    /// The sides on which a principal of such an ARN can be made.
    pub(super) fn is_free(&self, holder: &RightHolder, home: &AccountNode, arn: &str) -> OnSides {
        let (name_, kind_) = (name(arn), kind(arn));
        let read = || {
            let of = |model: &AccessModel| {
                let all = model.principals_of(&home.handle);
                all.map(|one| (one.kind, name(&one.arn))).collect()
            };
            Rc::new(self.sides().map(of))
        };
        let taken = Rc::clone(
            self.taken_names.borrow_mut().entry(home.handle.clone()).or_insert_with(read),
        );
        let borne = (kind_, name_.clone());
        if taken.iter().all(|names| !names.contains(&borne)) {
            return [true, true];
        }
        self.sides().map(|model| {
            let all = model.principals_of(&home.handle);
            let mut same = all.filter(|one| one.kind == kind_ && name(&one.arn) == name_);
            same.all(|one| self.is_deletable(model, holder, home, one))
        })
    }

    /// A right to make a principal, by its ARN, under a name that is free: another one of the same region of names where that one
    /// is taken.
    pub(super) fn under_a_free_name(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        (create, bound): (&str, Option<&String>),
        (arn, made): (String, Rights),
    ) -> Option<(String, Rights)> {
        let free = self.is_free(holder, home, &arn);
        if free == [true, true] {
            return Some((arn, made));
        }
        let below = below(home, if arn.contains(":user/") { "user" } else { "role" });
        let names = self.new_names(home);
        let mut globs: Vec<Glob> = names.asking().to_vec();
        for asked in self.asked_by(holder, &right(&[create], vec![below])) {
            globs.extend(patterns_of(asked.documents(), "iam:permissionsboundary"));
        }
        let start = arn.find('/').map_or(arn.len(), |at| at + 1);
        let places = (start..=arn.len()).rev().filter(|at| arn.is_char_boundary(*at));
        let mut others = places.map(|at| {
            let mut other = arn.clone();
            other.insert(at, '0');
            other
        });
        let is_alike = |other: &String| {
            globs.iter().all(|glob| glob.matches(other) == glob.matches(&arn))
                && is_name(other)
                && self.is_free(holder, home, other) == [true, true]
        };
        if let Some(other) = others.find(is_alike) {
            let mut create = right(&[create], vec![Space::One(other)]);
            match bound {
                None => create.absent.push("iam:permissionsboundary".to_owned()),
                Some(arn) => {
                    create.context.push(("iam:PermissionsBoundary".to_owned(), arn.clone()));
                }
            }
            let made = self.question(holder, create);
            if is_open(&made) {
                return by_resource(&[&made]).into_iter().next();
            }
        }
        let made = made.only(free);
        (!made.is_empty()).then_some((arn, made))
    }

    /// The groups of an account that a user may be put into, as far as they are there or may be made.
    pub(super) fn groups_to_join(&self, holder: &RightHolder, home: &AccountNode) -> Vec<Space> {
        const MAKE: &str = "iam:CreateGroup";
        let read = || {
            let all = self.sides().into_iter().flat_map(|model| model.groups_of(&home.handle));
            let all: BTreeSet<&str> = all.map(|group| group.arn.as_str()).collect();
            let mut sides = self.sides().into_iter();
            let is_made = sides.any(|model| others_may(model, home, MAKE));
            let standing = (!is_made && all.len() <= MANY)
                .then(|| all.into_iter().map(|arn| Space::One(arn.to_owned())).collect());
            Rc::new(standing)
        };
        let mut known = self.standing_groups.borrow_mut();
        let standing = Rc::clone(known.entry(home.handle.clone()).or_insert_with(read));
        let makes = self.sides().into_iter().any(|model| speaks(model, holder, MAKE));
        match standing.as_ref() {
            Some(standing) if !makes => standing.clone(),
            _ => vec![below(home, "group")],
        }
    }
}

/// Whether somebody in an account is allowed an action upon anything there, but for roles that the management account alone
/// assumes.
fn others_may(model: &AccessModel, home: &AccountNode, action: &str) -> bool {
    let mut all = model.principals_of(&home.handle);
    all.any(|one| (one.is_unreadable() || may(one, action)) && !is_for_management(model, one))
}
