//! The same question once a call to the organization has taken away what it can: no call takes away everything.
//!
//! Claim: what a step may do once somebody has made such calls, any number of them, is allowed under one of these. A call
//! takes away no more than is said here, so a step that stays closed is closed by what the caller cannot lift.
//!
//! - A policy that is detached denies no longer, and allows no longer either; the last service control policy of a target
//!   cannot be detached. (Of a policy that denies as well as allows the Allow is kept: no less than it may come to.)
//! - A policy that is attached allows, and denies nothing that was allowed before. AWS's own `FullAWSAccess` is always there to
//!   be attached; resource control policies allow everything anyway.
//! - An account that is moved stands under the root, or in another unit: what is attached to the root and to itself
//!   stays. It tells the path of its new place.
//! - An account that is removed is of no organization.
//!
//! Source: Organizations User Guide, "SCP evaluation", "Attaching and detaching service control policies"; Organizations API
//! Reference, `DetachPolicy`, `MoveAccount`, `RemoveAccountFromOrganization`; IAM User Guide, "AWS global condition context keys".

use std::sync::Arc;

use super::Asked;
use crate::access::NamedPolicy;
use crate::iam::symbolic::{Domain, Texts};
use crate::iam::{ChainLevel, Document, Effect, Policy};

/// What a call to the organization takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lift {
    /// All guardrails.
    Everything,
    /// What service control policies do not allow. Before the denials: what is attached beside a policy lets that be
    /// detached.
    AllowLists,
    /// Policies that deny, where another one stays.
    Denials,
    /// The places of both accounts in the organization, with what is attached there.
    Places,
    /// The membership of the source's account.
    SourceMembership,
    /// That of the target's.
    TargetMembership,
}

impl Lift {
    /// What an action takes away. Of one that is not known it is everything.
    #[must_use]
    pub fn of(action: &str) -> &'static [Self] {
        match action.strip_prefix("organizations:").unwrap_or_default() {
            "AttachPolicy" => &[Self::AllowLists],
            "DetachPolicy" => &[Self::Denials],
            "MoveAccount" => &[Self::Places],
            "AcceptHandshake" | "LeaveOrganization" => &[Self::SourceMembership],
            "RemoveAccountFromOrganization" => &[Self::SourceMembership, Self::TargetMembership],
            _ => &[Self::Everything],
        }
    }

    /// Whether it changes what an account is, and does not only take limits away from it.
    #[must_use]
    pub fn is_of_membership(self) -> bool {
        matches!(self, Self::SourceMembership | Self::TargetMembership)
    }
}

impl Asked {
    /// The same question once that is taken away.
    #[must_use]
    pub fn lifted(mut self, lift: Lift) -> Self {
        match lift {
            Lift::Everything => return self.without_guardrails(),
            Lift::SourceMembership => return self.outside_organization(),
            Lift::Denials => self.without_denials(),
            Lift::AllowLists => {
                let full = NamedPolicy::full_access().policy;
                for level in &mut self.policies.service_control {
                    level.policies.push(Arc::clone(&full));
                }
            }
            Lift::Places => {
                for levels in
                    [&mut self.policies.service_control, &mut self.policies.resource_control]
                {
                    // The account stands last, and the root first, where it is known.
                    let last = levels.len().saturating_sub(1);
                    let mut at = 0..;
                    levels.retain(|level| {
                        let is_root = |at: &usize| *at == 0 && !level.target.starts_with("ou-");
                        at.next().is_some_and(|at| at == last || is_root(&at))
                    });
                }
                self.anywhere("aws:PrincipalOrgPaths");
                self.anywhere("aws:ResourceOrgPaths");
            }
            Lift::TargetMembership => {
                self.policies.resource_control.clear();
                self.request.resource_organization = None;
                self.request.context.remove("aws:ResourceOrgPaths");
                self.never.extend(["aws:resourceorgid", "aws:resourceorgpaths"].map(str::to_owned));
            }
        }
        self
    }

    /// Without policies that deny, as far as they can be detached.
    fn without_denials(&mut self) {
        let rules = &self.rules;
        let document = |policy: &Arc<Policy>| {
            let rule = rules.iter().find(|rule| rule.policy.name() == policy.name());
            rule.map(|rule| Arc::clone(&rule.document))
        };
        let allowing = |policy: &Arc<Policy>| -> Option<Arc<Policy>> {
            let Some(document) = document(policy) else { return Some(Arc::clone(policy)) };
            let (denying, rest): (Vec<_>, Vec<_>) =
                document.statements.iter().partition(|s| s.effect == Effect::Deny);
            match (denying.is_empty(), rest.is_empty()) {
                (true, _) => Some(Arc::clone(policy)),
                (false, true) => None,
                (false, false) => {
                    let rest = Document::new(rest.into_iter().cloned());
                    Some(Arc::new(Policy::new(policy.name(), &rest)))
                }
            }
        };
        let lift = |level: &mut ChainLevel| {
            level.policies = level.policies.iter().filter_map(allowing).collect();
        };
        let several = |level: &&mut ChainLevel| level.policies.len() > 1;
        self.policies.service_control.iter_mut().filter(several).for_each(lift);
        // Beside these AWS's own policy that allows everything is always attached.
        self.policies.resource_control.iter_mut().for_each(lift);
    }

    /// Where it is known where an account stands in its organization: anywhere there.
    fn anywhere(&mut self, key: &str) {
        let path = self.request.context.get(key).and_then(|path| path.values().first().cloned());
        let Some(path) = path else { return };
        self.request.context.remove(key);
        let root: Vec<&str> = path.split('/').take(2).collect();
        let texts = Texts { prefixes: vec![root.join("/")], except: Vec::new(), absent: false };
        self.domains.insert(key.to_ascii_lowercase(), Domain::Texts(texts));
    }
}
