//! Permissions boundaries: which one binds a principal, and who may take it off.
//!
//! Claim: a principal is held by its boundary as long as nobody may delete it, set another one, or rewrite its policy.
//!
//! Source: IAM User Guide, "Permissions boundaries for IAM entities"; Service Authorization Reference, "Condition keys for AWS
//! Identity and Access Management".

use std::collections::BTreeSet;

use super::super::changes::boundary_arn;
use super::super::crossing::Right;
use super::actions::is_of_aws;
use super::held::{RightHolder, Rights};
use super::questions::{Questions, kind, right};
use crate::access::{AccessModel, AccountNode};
use crate::iam::symbolic::{Domain, Space, Texts};
use crate::ids::Partition;

impl Questions<'_> {
    /// The boundary of a principal, by ARN.
    pub(super) fn bound(&self, arn: &str) -> Option<String> {
        let [before, after] = self.sides();
        let node = after.principals.get(arn).or_else(|| before.principals.get(arn));
        node.and_then(|principal| {
            boundary_arn(after, principal).or_else(|| boundary_arn(before, principal))
        })
    }

    /// The same on either side.
    pub(super) fn bounds(&self, arn: &str) -> BTreeSet<String> {
        let of = |model: &AccessModel| boundary_arn(model, model.principals.get(arn)?);
        self.sides().into_iter().filter_map(of).collect()
    }

    /// Policies, by ARN, of which it is known on both sides what they leave whom they bind.
    pub(super) fn swaps(&self, home: &AccountNode) -> BTreeSet<String> {
        let [before, after] = self.sides();
        let known = |policy: &&String| {
            [before, after].iter().all(|model| {
                model.managed(policy).is_some() || model.managed_of(home).all(|arn| arn != *policy)
            })
        };
        let all = [before, after].into_iter().flat_map(|model| model.managed_of(home));
        all.filter(known).cloned().collect()
    }

    /// Rights by which a principal's boundary binds it no longer. Another boundary than these counts as none:
    /// what it leaves was not chosen to hold this principal.
    pub(super) fn boundary(
        &self,
        holder: &RightHolder,
        partition: Partition,
        arn: &str,
        known: &BTreeSet<String>,
        rights: &mut Rights,
    ) {
        let bounds = self.bounds(arn);
        let bound = self.bound(arn);
        self.unbinding(holder, partition, (arn, bound.as_ref()), known, rights);
        let own_policies = bounds.into_iter().filter(|arn| !is_of_aws(arn));
        let rewrite: Vec<Space> = own_policies.map(Space::One).collect();
        if !rewrite.is_empty() {
            rights.add_all(self.rewriting(holder, rewrite));
        }
    }

    /// The same without a word to the policy itself: the boundary is taken away, or swapped for another one.
    pub(super) fn unbinding(
        &self,
        holder: &RightHolder,
        partition: Partition,
        (arn, bound): (&str, Option<&String>),
        bounds: &BTreeSet<String>,
        rights: &mut Rights,
    ) {
        let kind = kind(arn);
        let own = vec![Space::One(arn.to_owned())];
        let delete = right(&[&format!("iam:Delete{kind}PermissionsBoundary")], own.clone());
        rights.add(self.question(holder, bounded(delete, bound)));
        let mut put = right(&[&format!("iam:Put{kind}PermissionsBoundary")], own);
        put.domains.push(("iam:permissionsboundary".to_owned(), any_policy_but(partition, bounds)));
        rights.add(self.question(holder, put));
    }
}

/// A right over a principal under that boundary, or under none: `iam:PermissionsBoundary` is the one that is set
/// (Service Authorization Reference, "Condition keys for AWS Identity and Access Management").
pub(super) fn bounded(mut right: Right, bound: Option<&String>) -> Right {
    match bound {
        Some(arn) => right.context.push(("iam:PermissionsBoundary".to_owned(), arn.clone())),
        None => right.absent.push("iam:permissionsboundary".to_owned()),
    }
    right
}

/// What a caller may name where it may name any policy of its partition but these.
pub(super) fn any_policy_but(partition: Partition, except: &BTreeSet<String>) -> Domain {
    Domain::Texts(Texts {
        prefixes: vec![format!("arn:{partition}:iam::")],
        except: except.iter().cloned().collect(),
        absent: false,
    })
}
