//! Which questions tell whether somebody holds a right, for each scope.
//!
//! Claim: a right that [`RightsScope`] names and that some request exercises is found on the side where it is held. The match
//! below has a case for each scope, so that a new one does not compile without its questions, and
//! `every_rule_of_the_closure_is_needed_by_some_wall` holds for each that some wall stands by it alone.
//!
//! Source: Service Authorization Reference; Organizations User Guide, "Managing organization policies".

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::changes::PolicySite;
use super::super::crossing::Right;
use super::super::issuers::keys_of;
use super::actions::{
    ADMIT, ATTACH, CREDENTIALS, DELEGATE, GROUP, JOIN, MEMBERS, ORGANIZATION, RENAME, RENAME_GROUP,
    ROLE, USER, is_of_aws,
};
use super::boundary::{any_policy_but, bounded};
use super::cache::RightsSource;
use super::giving::{Gift, PATHS_OF_AWS};
use super::held::{RightHolder, Rights, RightsScope};
use super::names::NewNames;
use super::questions::{Questions, below, is_reserved, kind, right};
use crate::access::{AccountNode, STATE_STORE};
use crate::iam::ContextValue;
use crate::iam::symbolic::{Domain, Space};
use crate::ids::Partition;

impl RightsSource for Questions<'_> {
    fn ask(&self, holder: &RightHolder, scope: &RightsScope) -> Rights {
        let mut rights = Rights::default();
        let Some(home) = self.home(holder) else { return rights };
        let AccountNode { id, partition, .. } = home;
        let iam = |kind: &str| below(home, kind);
        let put = |rights: &mut Rights, actions: &[&str], resources: Vec<Space>, policy| {
            rights.add(self.question(holder, Right { policy, ..right(actions, resources) }));
        };
        let one = |arn: &String| vec![Space::One(arn.clone())];
        match scope {
            RightsScope::Account => {
                put(&mut rights, &ROLE, vec![iam("role")], None);
                put(&mut rights, &USER, vec![iam("user")], None);
                put(&mut rights, &GROUP, vec![iam("group")], None);
                rights.add_all(self.rewriting(holder, vec![iam("policy")]));
                put(&mut rights, &["iam:UpdateSAMLProvider"], vec![iam("saml-provider")], None);
                for (arn, (kind, policy)) in self.resources(home) {
                    put(&mut rights, kind.policy_actions, vec![Space::One(arn)], policy);
                }
                self.pass(holder, home, |_| true, &mut rights);
            }
            RightsScope::Organization => {
                let all = || vec![Space::Below(format!("arn:{partition}:organizations::{id}:"))];
                let (of_policies, others): (Vec<&str>, Vec<&str>) =
                    ORGANIZATION.into_iter().partition(|action| names_a_type(action));
                put(&mut rights, &others, all(), None);
                let guardrail = Right { domains: vec![guardrails()], ..right(&of_policies, all()) };
                rights.add(self.question(holder, guardrail));
                rights.join(self.attaching_to_targets(holder, home));
            }
            // An account leaves by itself, or by accepting the invitation of another organization (Organizations User
            // Guide, "Migrate an account to another organization").
            RightsScope::Membership => {
                put(
                    &mut rights,
                    &["organizations:LeaveOrganization"],
                    vec![Space::One("*".to_owned())],
                    None,
                );
                put(
                    &mut rights,
                    &["organizations:AcceptHandshake"],
                    vec![Space::Below(format!("arn:{partition}:organizations::"))],
                    None,
                );
            }
            RightsScope::Admission | RightsScope::Placement => {
                let accounts = format!("arn:{partition}:organizations::{id}:account/");
                let whom = vec![Space::One("*".to_owned()), Space::Below(accounts)];
                let actions: &[&str] = match scope {
                    RightsScope::Admission => &ADMIT,
                    _ => &["organizations:MoveAccount"],
                };
                put(&mut rights, actions, whom, None);
            }
            RightsScope::Delegation => {
                let accounts = format!("arn:{partition}:organizations::{id}:account/");
                put(&mut rights, &[DELEGATE], vec![Space::Below(accounts)], None);
            }
            RightsScope::Root => rights.add(self.question(holder, self.root(*partition))),
            RightsScope::Members => {
                for set in MEMBERS {
                    let mut all = set.iter().map(|action| self.of_service(holder, home, &[action]));
                    let Some(first) = all.next() else { continue };
                    rights.join(all.fold(first, Rights::and));
                }
            }
            RightsScope::Become(arn) => {
                if arn.contains(":user/") {
                    put(&mut rights, &CREDENTIALS, one(arn), None);
                    if !rights.suffice(holder) {
                        rights.join(self.by_another_name(holder, home, RENAME, arn, |name| {
                            let mut be = Rights::default();
                            put(&mut be, &CREDENTIALS, one(name), None);
                            be
                        }));
                    }
                } else if !is_reserved(arn) {
                    put(&mut rights, &["iam:UpdateAssumeRolePolicy"], one(arn), None);
                    for ((provider, actions), there) in self.providers(arn) {
                        let mut own = Rights::default();
                        if actions.iter().all(|action| action.starts_with("iam:")) {
                            put(&mut own, actions, vec![Space::One(provider)], None);
                        } else if let Some(bucket) = keys_of(&provider) {
                            if self.resources(home).contains_key(&bucket) {
                                own = self.writing_objects(holder, home, &bucket);
                            }
                        } else {
                            own = self.of_service(holder, home, actions);
                        }
                        rights.join(own.only(there));
                    }
                    self.pass(holder, home, |role| role == arn, &mut rights);
                }
            }
            RightsScope::Objects(arn) => rights = self.writing_objects(holder, home, arn),
            RightsScope::Tags(arn) => rights = self.retagging(holder, arn),
            RightsScope::Trust(arn) => {
                if !arn.contains(":user/") && !is_reserved(arn) {
                    put(&mut rights, &["iam:UpdateAssumeRolePolicy"], one(arn), None);
                    rights = self.letting_tag(holder, arn, rights);
                }
            }
            RightsScope::Session(arn) => rights.add(self.tagging_sessions(holder, arn)),
            RightsScope::Permissions(arn) => {
                let bound = self.bound(arn);
                let give = |arn: &String, rights: &mut Rights| {
                    self.giving(holder, home, arn, bound.as_ref(), Gift::Everything, rights);
                };
                give(arn, &mut rights);
                if arn.contains(":user/") && !rights.suffice(holder) {
                    rights.join(self.by_another_name(holder, home, RENAME, arn, |name| {
                        let mut given = Rights::default();
                        give(name, &mut given);
                        given
                    }));
                }
            }
            RightsScope::Attaching(arn) => {
                let bound = self.bound(arn);
                self.giving(holder, home, arn, bound.as_ref(), Gift::Some, &mut rights);
            }
            RightsScope::Attach(arn, policy) => {
                let bound = self.bound(arn);
                self.giving(holder, home, arn, bound.as_ref(), Gift::Policy(policy), &mut rights);
            }
            RightsScope::AttachUnknown(arn) => {
                let (known, bound) = (self.of_aws(home), self.bound(arn));
                for path in PATHS_OF_AWS {
                    let gift = Gift::UnknownBut(path, &known);
                    self.giving(holder, home, arn, bound.as_ref(), gift, &mut rights);
                }
                rights.doubt(self.name(holder));
            }
            RightsScope::Boundary(arn) => {
                let bounds = self.bounds(arn);
                self.boundary(holder, *partition, arn, &bounds, &mut rights);
            }
            RightsScope::Unbound(arn) => {
                let mut known = self.swaps(home);
                known.extend(self.bounds(arn));
                self.boundary(holder, *partition, arn, &known, &mut rights);
            }
            RightsScope::Rebound(arn, policy) => {
                let action = format!("iam:Put{}PermissionsBoundary", kind(arn));
                let mut put = right(&[&action], one(arn));
                put.context.push(("iam:PermissionsBoundary".to_owned(), policy.clone()));
                rights.add(self.question(holder, put));
            }
            RightsScope::Rewrite(arn, standing) => match standing {
                PolicySite::Inline => {
                    put(&mut rights, &[&format!("iam:Put{}Policy", kind(arn))], one(arn), None)
                }
                PolicySite::InGroup(group) => {
                    put(&mut rights, &["iam:PutGroupPolicy"], one(group), None)
                }
                PolicySite::Managed(policy) | PolicySite::ToGroup(_, policy) => {
                    if !is_of_aws(policy) {
                        rights.add_all(self.rewriting(holder, one(policy)));
                    }
                }
            },
            RightsScope::Remove(arn, standing) => {
                let (action, over) = match standing {
                    PolicySite::Inline => (format!("iam:Delete{}Policy", kind(arn)), arn),
                    PolicySite::Managed(_) => (format!("iam:Detach{}Policy", kind(arn)), arn),
                    PolicySite::InGroup(group) => ("iam:DeleteGroupPolicy".to_owned(), group),
                    PolicySite::ToGroup(group, _) => ("iam:DetachGroupPolicy".to_owned(), group),
                };
                let mut right = bounded(right(&[&action], one(over)), self.bound(arn).as_ref());
                if let PolicySite::Managed(policy) | PolicySite::ToGroup(_, policy) = standing {
                    right.context.push(("iam:PolicyARN".to_owned(), policy.clone()));
                }
                rights.add(self.question(holder, right));
                if let PolicySite::InGroup(group) | PolicySite::ToGroup(group, _) = standing {
                    let mut leave = Rights::default();
                    let right = self::right(&["iam:RemoveUserFromGroup"], one(group));
                    leave.add(self.question(holder, right));
                    rights.join(leave);
                }
            }
            RightsScope::Join(group) => {
                put(&mut rights, &[JOIN], one(group), None);
                if !rights.suffice(holder) {
                    rights.join(self.by_another_name(holder, home, RENAME_GROUP, group, |name| {
                        let mut join = Rights::default();
                        put(&mut join, &[JOIN], one(name), None);
                        join
                    }));
                }
            }
            RightsScope::Rename(arn) => self.renaming(holder, home, arn, &mut rights),
            RightsScope::Authoring => self.authoring(holder, home, &mut rights),
            RightsScope::Erasing(policy) => {
                put(&mut rights, &["iam:DeletePolicy"], one(policy), None);
            }
            RightsScope::Recreating(policy) => {
                put(&mut rights, &["iam:CreatePolicy"], one(policy), None);
            }
            RightsScope::Detaching(policy, whom) => {
                let kind = match whom.contains(":group/") {
                    true => "Group".to_owned(),
                    false => kind(whom).to_string(),
                };
                let mut detach = right(&[&format!("iam:Detach{kind}Policy")], one(whom));
                if !whom.contains(":group/") {
                    detach = bounded(detach, self.bound(whom).as_ref());
                }
                detach.context.push(("iam:PolicyARN".to_owned(), policy.clone()));
                rights.add(self.question(holder, detach));
            }
            RightsScope::Unbinding(new) => {
                let (bound, bounds) = (new.bound.as_ref(), new.bound.iter().cloned().collect());
                self.unbinding(holder, *partition, (&new.name, bound), &bounds, &mut rights);
            }
            RightsScope::Creating => self.creating(holder, home, &mut rights),
            RightsScope::Naming(bound) => self.naming(holder, home, bound.as_ref(), &mut rights),
            RightsScope::Making(new) => {
                self.making(holder, home, new, Gift::Everything, &mut rights);
            }
            RightsScope::MakingWithSome(new) => {
                self.making(holder, home, new, Gift::Some, &mut rights);
            }
            RightsScope::MakingWith(new, gift) => {
                let gift = match gift.contains(":group/") {
                    true => Gift::Group(gift),
                    false => Gift::Policy(gift),
                };
                self.making(holder, home, new, gift, &mut rights);
            }
            RightsScope::MakingWithUnknown(new) => {
                let known = self.of_aws(home);
                for path in PATHS_OF_AWS {
                    let gift = Gift::UnknownBut(path, &known);
                    self.making(holder, home, new, gift, &mut rights);
                }
                rights.doubt(self.name(holder));
            }
        }
        rights
    }

    fn names(&self, account: &AccountNode) -> Rc<NewNames> {
        self.new_names(account)
    }

    fn other_names(&self, account: &AccountNode) -> BTreeSet<String> {
        self.user_names(account).all()
    }

    fn policies_alone(&self, account: &AccountNode) -> BTreeSet<String> {
        Self::policies_alone(self, account)
    }
}

/// Whether an action upon organizations tells the type of the policies that it is about (Service Authorization Reference,
/// `organizations:PolicyType`).
fn names_a_type(action: &str) -> bool {
    ["DetachPolicy", "DisablePolicyType", "UpdatePolicy"].iter().any(|name| action.ends_with(name))
}

/// The types of policies that limit what principals and resources are permitted, or who reaches a resource: others hold no
/// wall (Organizations User Guide, "Managing organization policies").
fn guardrails() -> (String, Domain) {
    let types = [
        "SERVICE_CONTROL_POLICY",
        "RESOURCE_CONTROL_POLICY",
        "DECLARATIVE_POLICY_EC2",
        "S3_POLICY",
    ];
    let types = types.into_iter().map(|kind| Some(ContextValue::from(kind)));
    ("organizations:policytype".to_owned(), Domain::These(types.collect()))
}

impl Questions<'_> {
    /// Writing objects into a bucket of one's account, or the policy that lets others do so.
    fn writing_objects(&self, holder: &RightHolder, home: &AccountNode, bucket: &String) -> Rights {
        let policy = self.resources(home).remove(bucket).and_then(|(_, policy)| policy);
        let mut rights = Rights::default();
        let objects = vec![Space::Below(format!("{bucket}/"))];
        let write = right(STATE_STORE.writes, objects);
        rights.add(self.question(holder, Right { policy: policy.clone(), ..write }));
        if !rights.suffice(holder) {
            let rewrite = right(STATE_STORE.letting_in, vec![Space::One(bucket.clone())]);
            rights.join({
                let mut rewriting = Rights::default();
                rewriting.add(self.question(holder, Right { policy, ..rewrite }));
                rewriting
            });
        }
        rights
    }

    /// Managed policies of AWS's of which it is known what they permit, by ARN.
    fn of_aws(&self, home: &AccountNode) -> BTreeSet<String> {
        self.sides().into_iter().flat_map(|model| model.managed_by_aws(home.partition)).collect()
    }

    /// Attaching a policy to a root, a unit or an account, which takes the right to both: to one of the organization's own,
    /// or to one of AWS's (Organizations User Guide, "Attach organization policies with AWS Organizations").
    fn attaching_to_targets(&self, holder: &RightHolder, home: &AccountNode) -> Rights {
        let prefix = format!("arn:{}:organizations::", home.partition);
        let asked = |kinds: &[String]| {
            let below = kinds.iter().map(|kind| Space::Below(format!("{prefix}{kind}")));
            let mut rights = Rights::default();
            let right = right(&[ATTACH], below.collect());
            rights.add(self.question(holder, Right { domains: vec![guardrails()], ..right }));
            rights
        };
        let policies = [&home.id, "aws"].map(|owner| format!("{owner}:policy/"));
        let of_home = |kind: &str| format!("{}{kind}", home.id);
        let targets = [":account/", ":ou/", ":root/"].map(of_home);
        let policy = asked(&policies);
        if policy.is_empty() { policy } else { policy.and(asked(&targets)) }
    }

    /// Acting as the root of member accounts. Two tasks let nobody in: one only looks, the other takes the root user's
    /// credentials away (IAM User Guide, "Perform a privileged task on an AWS Organizations member account").
    fn root(&self, partition: Partition) -> Right {
        let accounts = self.sides().into_iter().flat_map(|model| model.accounts.values());
        let roots: BTreeSet<String> = accounts.map(AccountNode::root_arn).collect();
        let harmless = ["IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"]
            .map(|task| format!("arn:{partition}:iam::aws:policy/root-task/{task}"));
        let tasks = any_policy_but(partition, &harmless.into());
        Right {
            domains: vec![("sts:taskpolicyarn".to_owned(), tasks)],
            ..right(&["sts:AssumeRoot"], roots.into_iter().map(Space::One).collect())
        }
    }
}
