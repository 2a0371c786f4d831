//! Rights that move a wall: who may change trust and identity policies, boundaries, bucket
//! policies and guardrails, or become another principal of the same account.
//!
//! Source: Service Authorization Reference; IAM User Guide, "Grant a user permissions to pass a
//! role to an AWS service"; Organizations User Guide, "Managing organization policies".

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::crossing::{Asked, Right, answer};
use super::replay::replay;
use crate::access::{AccessModel, NamedPolicy, PrincipalNode, ResourceType};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::{Answer, Answers, Opening, Space};
use crate::iam::{Effect, PrincipalType};
use crate::ids::Handle;

/// What can be done to a role: its trust, its policies, its boundary; or one of one's own making.
const ROLE: [&str; 8] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
];

/// What can be done to a user: its policies, its boundary, its credentials.
const USER: [&str; 9] = [
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachUserPolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:UpdateLoginProfile",
];

/// What can be done to a group, and so to its users.
const GROUP: [&str; 5] = [
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:DeleteGroupPolicy",
    "iam:DetachGroupPolicy",
    "iam:PutGroupPolicy",
];

/// What can be done to a managed policy, wherever it is attached.
const POLICY: [&str; 2] = ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"];

/// What can be done to the organization's guardrails, from the management account.
const ORGANIZATION: [&str; 8] = [
    "organizations:DeregisterDelegatedAdministrator",
    "organizations:DetachPolicy",
    "organizations:DisablePolicyType",
    "organizations:MoveAccount",
    "organizations:PutResourcePolicy",
    "organizations:RegisterDelegatedAdministrator",
    "organizations:RemoveAccountFromOrganization",
    "organizations:UpdatePolicy",
];

/// Rights over one identity that change what it may do.
const IDENTITY: [&str; 6] = [
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
];

/// What makes a user one of a group.
const JOIN: &str = "iam:AddUserToGroup";

/// Rights over the groups of a user that change what it may do.
const MEMBERSHIP: [&str; 2] = ["iam:AttachGroupPolicy", "iam:PutGroupPolicy"];

/// How to be another principal, and how to permit that one what one likes, by the kind of principal.
const MAKING: [(&str, &[&str], &[&str]); 2] = [
    (
        "role",
        &["iam:CreateRole", "iam:UpdateAssumeRolePolicy"],
        &["iam:AttachRolePolicy", "iam:PutRolePolicy"],
    ),
    (
        "user",
        &["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"],
        &["iam:AttachUserPolicy", "iam:PutUserPolicy"],
    ),
];

/// What can be done to the objects of a bucket.
const OBJECTS: [&str; 1] = ["s3:PutObject"];

/// Rights over the tags of one identity, by which policies may tell it from others.
const TAGS: [&str; 4] = ["iam:TagRole", "iam:TagUser", "iam:UntagRole", "iam:UntagUser"];

/// Services that run what they are given under a role that the caller passes to them, with the
/// call that starts it.
pub(super) const COMPUTE: [(&str, &str); 9] = [
    ("cloudformation.amazonaws.com", "cloudformation:CreateStack"),
    ("codebuild.amazonaws.com", "codebuild:CreateProject"),
    ("ec2.amazonaws.com", "ec2:RunInstances"),
    ("ecs-tasks.amazonaws.com", "ecs:RunTask"),
    ("glue.amazonaws.com", "glue:CreateJob"),
    ("lambda.amazonaws.com", "lambda:CreateFunction"),
    ("pods.eks.amazonaws.com", "eks:CreatePodIdentityAssociation"),
    ("sagemaker.amazonaws.com", "sagemaker:CreateNotebookInstance"),
    ("states.amazonaws.com", "states:CreateStateMachine"),
];

/// What a principal's power is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The walls of its own account: every trust, policy, boundary and bucket policy in it.
    Account,
    /// The organization's guardrails.
    Organization,
    /// Its own account's membership in the organization.
    Membership,
    /// Another principal of its account, by ARN: it can act as that one.
    Become(String),
    /// What a principal of its account may do, by ARN.
    Permissions(String),
    /// Another principal of its account, old or new, that it can be and permit what it likes.
    Making,
    /// Who is in a group of its account, by ARN.
    Join(String),
    /// The objects of a bucket of its account, by the bucket's ARN.
    Objects(String),
    /// The tags of a principal of its account, by ARN.
    Tags(String),
}

/// What a principal may do about a wall, on both sides of a plan.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Before the plan.
    pub before: Vec<Opening>,
    /// After it.
    pub after: Vec<Opening>,
    /// Whether the plan adds to them.
    pub gained: bool,
    /// Whether the plan takes from them.
    pub lost: bool,
    /// Why the question could not be decided, before and after.
    pub undecided: [Option<String>; 2],
}

/// Answers about rights, each asked once.
pub struct Book<'w> {
    before: &'w AccessModel,
    after: &'w AccessModel,
    known: BTreeMap<(String, Scope), Rights>,
    /// Roles by the compute service that they trust on either side, by account.
    services: RefCell<BTreeMap<Handle, Rc<Services>>>,
}

/// A resource's type and policy.
type Owned = (&'static ResourceType, Option<NamedPolicy>);

/// Roles, by ARN, by the compute service that they trust.
type Services = BTreeMap<&'static str, BTreeSet<String>>;

impl<'w> Book<'w> {
    /// A book over both sides of a plan.
    #[must_use]
    pub fn new(before: &'w AccessModel, after: &'w AccessModel) -> Self {
        Self { before, after, known: BTreeMap::new(), services: RefCell::default() }
    }

    /// What a principal, by ARN, may do.
    pub fn of(&mut self, holder: &str, scope: &Scope) -> &Rights {
        let key = (holder.to_owned(), scope.clone());
        if !self.known.contains_key(&key) {
            let rights = self.ask(holder, scope);
            self.known.insert(key.clone(), rights);
        }
        self.known.entry(key).or_default()
    }

    fn ask(&self, holder: &str, scope: &Scope) -> Rights {
        let mut rights = Rights::default();
        let node = self.after.principals.get(holder).or_else(|| self.before.principals.get(holder));
        let Some(node) = node else { return rights };
        let account = self.after.accounts.get(&node.account);
        let Some(id) = account.map(|a| a.id.as_str()) else { return rights };
        let iam = |kind: &str| Space::Below(format!("arn:aws:iam::{id}:{kind}/"));
        let mut put = |actions: &[&str], resources: Vec<Space>, policy| {
            let right = Right {
                actions: actions.iter().map(|a| (*a).to_owned()).collect(),
                resources,
                policy,
                context: Vec::new(),
            };
            rights.add(self.question(holder, right));
        };
        match scope {
            Scope::Account => {
                put(&ROLE, vec![iam("role")], None);
                put(&USER, vec![iam("user")], None);
                put(&GROUP, vec![iam("group")], None);
                put(&POLICY, vec![iam("policy")], None);
                put(&["iam:UpdateSAMLProvider"], vec![iam("saml-provider")], None);
                for (arn, (kind, policy)) in self.resources(node) {
                    put(kind.policy_actions, vec![Space::One(arn)], policy);
                }
                self.pass(node, |_| true, &mut rights);
            }
            Scope::Organization => {
                put(
                    &ORGANIZATION,
                    vec![Space::Below(format!("arn:aws:organizations::{id}:"))],
                    None,
                );
            }
            Scope::Membership => {
                put(&["organizations:LeaveOrganization"], vec![Space::One("*".to_owned())], None);
            }
            Scope::Become(arn) if arn.contains(":user/") => {
                let keys =
                    ["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"];
                put(&keys, vec![Space::One(arn.clone())], None);
            }
            Scope::Become(arn) => {
                put(&["iam:UpdateAssumeRolePolicy"], vec![Space::One(arn.clone())], None);
                self.pass(node, |role| role == arn, &mut rights);
            }
            Scope::Objects(arn) => {
                let policy = self.resources(node).remove(arn).and_then(|(_, policy)| policy);
                put(&OBJECTS, vec![Space::Below(format!("{arn}/"))], policy);
            }
            Scope::Tags(arn) => {
                let kind = if arn.contains(":user/") { "User" } else { "Role" };
                let actions: Vec<&str> =
                    TAGS.into_iter().filter(|action| action.ends_with(kind)).collect();
                put(&actions, vec![Space::One(arn.clone())], None);
            }
            Scope::Permissions(arn) => {
                let kind = if arn.contains(":user/") { "User" } else { "Role" };
                let actions: Vec<&str> =
                    IDENTITY.into_iter().filter(|action| action.contains(kind)).collect();
                put(&actions, vec![Space::One(arn.clone())], None);
                // What is attached to it may be rewritten where it is.
                let one = |found: BTreeSet<String>| found.into_iter().map(Space::One).collect();
                let nodes =
                    || [self.before, self.after].into_iter().filter_map(|w| w.principals.get(arn));
                let attached: BTreeSet<String> =
                    nodes().flat_map(|p| p.attached()).cloned().collect();
                let groups: BTreeSet<String> = nodes().flat_map(|p| p.groups()).cloned().collect();
                put(&POLICY, one(attached), None);
                put(&MEMBERSHIP, one(groups), None);
                if kind == "User" {
                    self.make(holder, iam("group"), &[JOIN], &MEMBERSHIP, &mut rights);
                }
            }
            Scope::Join(group) => put(&[JOIN], vec![Space::One(group.clone())], None),
            Scope::Making => {
                for (kind, be, permit) in MAKING {
                    self.make(holder, iam(kind), be, permit, &mut rights);
                }
                let residents = [self.before, self.after].map(|w| w.principals_of(&node.account));
                let all: BTreeSet<&String> =
                    residents.into_iter().flatten().map(|p| &p.arn).collect();
                for other in all.into_iter().filter(|other| *other != holder) {
                    let be = self.ask(holder, &Scope::Become(other.clone()));
                    if !be.is_empty() {
                        let permit = self.ask(holder, &Scope::Permissions(other.clone()));
                        rights.join(be.and(permit));
                    }
                }
            }
        }
        rights
    }

    /// Asks both sides, unless no statement of the holder speaks of any of the actions.
    fn question(&self, holder: &str, right: Right) -> Answers {
        let side = |model: &AccessModel| {
            let node = model.principals.get(holder)?;
            let may = node.is_unreadable() || right.actions.iter().any(|action| may(node, action));
            may.then(|| Asked::within(model, holder, &right)).flatten()
        };
        let (before, after) = (side(self.before), side(self.after));
        let mut answers = answer(before.as_ref(), after.as_ref());
        for (asked, answer) in [(&before, &mut answers.before), (&after, &mut answers.after)] {
            let Some(asked) = asked else { continue };
            let why = match &answer {
                Answer::Open(openings) => openings.iter().find_map(|o| replay(asked, o).err()),
                Answer::Closed { .. } => asked.doubt.clone(),
                Answer::Undecided(_) => None,
            };
            if let Some(why) = why {
                *answer = Answer::Undecided(why);
            }
        }
        answers
    }

    /// Resources of the holder's account, with their policies as they will be. What a policy that cannot be
    /// read says of the holder is not known; whom it lets in is in doubt without the holder's help.
    fn resources(&self, holder: &PrincipalNode) -> BTreeMap<String, Owned> {
        let mut found: BTreeMap<String, Owned> = BTreeMap::new();
        for model in [self.before, self.after] {
            let readable = model.resources_of(&holder.account).filter(|r| !r.is_unreadable());
            let owned = readable.map(|r| (r.arn.clone(), (r.kind, r.document().cloned())));
            found.extend(owned);
        }
        found
    }

    /// Roles of an account by the compute service that they trust, on either side.
    fn services(&self, account: &Handle) -> Rc<Services> {
        let read = || {
            let mut found = Services::default();
            for role in [self.before, self.after].iter().flat_map(|w| w.principals_of(account)) {
                for (service, _) in COMPUTE.iter().filter(|(service, _)| trusts(role, service)) {
                    found.entry(*service).or_default().insert(role.arn.clone());
                }
            }
            Rc::new(found)
        };
        let mut known = self.services.borrow_mut();
        Rc::clone(known.entry(account.clone()).or_insert_with(read))
    }

    /// Passing one of those roles to a service takes the service's own action as well.
    fn pass(&self, node: &PrincipalNode, which: impl Fn(&String) -> bool, rights: &mut Rights) {
        let (holder, services) = (&node.arn, self.services(&node.account));
        for (service, action) in COMPUTE {
            let roles = services.get(service).into_iter().flatten();
            let roles: Vec<Space> = roles
                .filter(|role| *role != holder && which(role))
                .map(|role| Space::One(role.clone()))
                .collect();
            if roles.is_empty() {
                continue;
            }
            let prefix = action.split(':').next().unwrap_or_default();
            let start = self.question(
                holder,
                Right {
                    actions: vec![action.to_owned()],
                    resources: vec![Space::Below(format!("arn:aws:{prefix}:"))],
                    ..Right::default()
                },
            );
            let is_closed = |answer: &Answer| matches!(answer, Answer::Closed { .. });
            let closed = [is_closed(&start.before), is_closed(&start.after)];
            if closed == [true, true] {
                continue;
            }
            let mut pass = self.question(
                holder,
                Right {
                    actions: vec!["iam:PassRole".to_owned()],
                    resources: roles,
                    context: vec![("iam:PassedToService".to_owned(), service.to_owned())],
                    ..Right::default()
                },
            );
            takes(&mut pass, closed);
            rights.add(pass);
        }
    }

    /// Being another principal takes one right, and permitting that one what one likes takes another one,
    /// over the same principal.
    fn make(&self, holder: &str, among: Space, be: &[&str], permit: &[&str], rights: &mut Rights) {
        let right = |actions: &[&str], resources: Vec<Space>| Right {
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources,
            ..Right::default()
        };
        let being = self.question(holder, right(be, vec![among]));
        let openings = |answer: &Answer| match answer {
            Answer::Open(openings) => openings.clone(),
            _ => Vec::new(),
        };
        let mut by_resource: BTreeMap<String, [Vec<Opening>; 2]> = BTreeMap::new();
        for (side, answer) in [&being.before, &being.after].into_iter().enumerate() {
            for opening in openings(answer) {
                let sides = by_resource.entry(opening.witness.resource.clone()).or_default();
                sides.iter_mut().skip(side).take(1).for_each(|found| found.push(opening.clone()));
            }
        }
        for (resource, [before, after]) in by_resource {
            let mut answers = self.question(holder, right(permit, vec![Space::One(resource)]));
            takes(&mut answers, [before.is_empty(), after.is_empty()]);
            rights.add(answers);
        }
        for (answer, undecided) in
            [&being.before, &being.after].into_iter().zip(&mut rights.undecided)
        {
            if let Answer::Undecided(why) = answer {
                *undecided = Some(why.clone());
            }
        }
    }
}

impl Rights {
    /// Whether there is nothing to tell, on either side.
    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.undecided == [None, None]
    }

    /// What takes two rights: the second, on the sides where the first is held as well.
    #[must_use]
    pub fn and(self, second: Self) -> Self {
        let held = |first: &[Opening], second: Vec<Opening>| match first {
            [] => Vec::new(),
            _ => second,
        };
        let before = held(&self.before, second.before);
        let after = held(&self.after, second.after);
        let [one, other] = [self.undecided, second.undecided];
        let [first, last] = one;
        let [also_first, also_last] = other;
        Self {
            gained: !after.is_empty() && (before.is_empty() || self.gained || second.gained),
            lost: !before.is_empty() && (after.is_empty() || self.lost || second.lost),
            before,
            after,
            undecided: [first.or(also_first), last.or(also_last)],
        }
    }

    /// Adds what is held as well.
    fn join(&mut self, other: Self) {
        self.before.extend(other.before);
        self.after.extend(other.after);
        self.gained |= other.gained;
        self.lost |= other.lost;
        for (undecided, why) in self.undecided.iter_mut().zip(other.undecided) {
            *undecided = undecided.take().or(why);
        }
    }

    fn add(&mut self, answers: Answers) {
        self.gained |= !answers.gained.is_empty();
        self.lost |= !answers.lost.is_empty();
        let [before, after] = &mut self.undecided;
        for (answer, openings, undecided) in
            [(answers.before, &mut self.before, before), (answers.after, &mut self.after, after)]
        {
            match answer {
                Answer::Open(found) => openings.extend(found),
                Answer::Undecided(why) => *undecided = Some(why),
                Answer::Closed { .. } => {}
            }
        }
    }
}

/// Closes the answer to what takes another right too, on the sides where that other one is closed.
fn takes(answers: &mut Answers, closed: [bool; 2]) {
    let [before, after] = closed;
    if before {
        answers.before = Answer::Closed { judged: 0 };
        answers.lost.clear();
        if let Answer::Open(openings) = &answers.after {
            answers.gained.clone_from(openings);
        }
    }
    if after {
        answers.after = Answer::Closed { judged: 0 };
        answers.gained.clear();
        if let Answer::Open(openings) = &answers.before {
            answers.lost.clone_from(openings);
        }
    }
}

/// Whether its policies speak of a right that moves a wall at all: a quick, generous look.
pub(super) fn wields(principal: &PrincipalNode) -> bool {
    let others = ["iam:PassRole", "organizations:LeaveOrganization"];
    let rights = ROLE.iter().chain(&USER).chain(&GROUP).chain(&POLICY).chain(&TAGS).chain(&others);
    principal.is_unreadable() || rights.into_iter().any(|action| may(principal, action))
}

/// The same for the right to write objects.
pub(super) fn puts(principal: &PrincipalNode) -> bool {
    principal.is_unreadable() || OBJECTS.iter().any(|action| may(principal, action))
}

/// Whether any identity statement speaks of allowing the action: a quick, generous look.
fn may(principal: &PrincipalNode, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let names = |item: &crate::iam::Item| {
        Glob::like(&item.text.symbolic().to_ascii_lowercase()).matches(&action)
    };
    principal.identity().iter().flat_map(|rule| &rule.document.statements).any(|s| {
        s.effect == Effect::Allow
            && (s.actions.iter().any(names) || (s.actions.is_empty() && !s.not_actions.is_empty()))
    })
}

/// Whether a role's trust names the service.
fn trusts(role: &PrincipalNode, service: &str) -> bool {
    role.trust.iter().flat_map(|t| &t.document.statements).any(|s| {
        s.effect == Effect::Allow
            && s.principals.as_ref().is_some_and(|principals| {
                principals.is_everyone()
                    || principals.items().any(|(kind, item)| {
                        kind == PrincipalType::Service && item.text.symbolic() == service
                    })
            })
    })
}
