//! What a principal may do about a wall, asked once for each holder and each scope.
//!
//! Claim: a right that [`RightsScope`] names and that some request exercises is found on the side where it is held. A question is
//! skipped only where no policy speaks of any of its actions (`actions.rs`); an opening is believed only once the judge has
//! decided the same about its witness, and a question that cannot be decided says so.
//!
//! Source: Service Authorization Reference; IAM User Guide, "Grant a user permissions to pass a
//! role to an AWS service"; Organizations User Guide, "Managing organization policies".

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::{Discriminant, discriminant};
use std::rc::Rc;

use super::super::changes::{self, Actor, Changes, PolicySite, boundary_arn, under};
use super::super::crossing::{Asked, Right, answer, open_to_all};
use super::super::plausible::name_resource;
use super::super::replay::replay;
use super::actions::{
    CLUSTERS, CREDENTIALS, GROUP, JOIN, MEMBERS, ORGANIZATION, POLICY, POOLS, ROLE, TAGS, USER,
    allows, may,
};
use super::giving::{Authored, Gift, Made, PATHS_OF_AWS};
use super::held::{OnSides, RightHolder, Rights, RightsScope, Time};
use crate::access::{AccessModel, AccountNode, BUCKET, NamedPolicy, PrincipalNode, ResourceType};
use crate::iam::symbolic::{Answers, Domain, Space, SymbolicAnswer, Texts};
use crate::iam::{Effect, PrincipalType, catalogue, passing};
use crate::ids::{Handle, Partition};

/// Answers about rights, each asked once.
pub struct RightsCache<'w> {
    before: &'w AccessModel,
    after: &'w AccessModel,
    known: BTreeMap<(RightHolder, RightsScope), Rights>,
    /// Roles by the services that they trust on either side, by account.
    services: RefCell<BTreeMap<Handle, Rc<Services>>>,
    /// Policies whose text somebody may decide.
    pub(super) authored: RefCell<BTreeMap<RightHolder, Rc<Authored>>>,
    /// Names of a kind in an account, one of each region that policies of it tell apart.
    pub(super) names: RefCell<Names>,
    /// Principals that somebody may make, by the boundary that they are made under.
    pub(super) made: RefCell<MadeBy>,
    /// A kind of scope of which no right is known. Tests alone leave one out, to see that some wall is then called
    /// closed which is open: a rule of which that cannot be seen says nothing.
    pub(super) left_out: Option<Discriminant<RightsScope>>,
}

/// A provider of identities, by ARN, and the actions that let others be whom it vouches for.
type Provider = (String, &'static [&'static str]);

/// A resource's type and policy.
type Owned = (&'static ResourceType, Option<NamedPolicy>);

/// Things with the sides on which they hold.
pub(super) type Sided<T> = BTreeMap<T, OnSides>;

/// Roles, by ARN, by the service principals that they trust.
type Services = BTreeMap<String, Sided<String>>;

/// Names of a kind in an account.
type Names = BTreeMap<(Handle, &'static str), Rc<BTreeSet<String>>>;

/// Principals that somebody may make, by the boundary that they are made under.
type MadeBy = BTreeMap<(RightHolder, Option<String>), Rc<Made>>;

/// Actions of one question about a service: enough to find the one that is held, few enough to answer fast.
const AT_ONCE: usize = 8;

impl<'w> RightsCache<'w> {
    /// A cache over both sides of a plan.
    #[must_use]
    pub fn new(before: &'w AccessModel, after: &'w AccessModel) -> Self {
        Self {
            before,
            after,
            known: BTreeMap::new(),
            services: RefCell::default(),
            authored: RefCell::default(),
            names: RefCell::default(),
            made: RefCell::default(),
            left_out: None,
        }
    }

    /// What a principal, by ARN, may do.
    pub fn of(&mut self, holder: &str, scope: &RightsScope) -> &Rights {
        self.of_holder(&RightHolder::standing(holder), scope)
    }

    /// What somebody may do.
    pub fn of_holder(&mut self, holder: &RightHolder, scope: &RightsScope) -> &Rights {
        let key = (holder.clone(), scope.clone());
        if !self.known.contains_key(&key) {
            let rights = self.ask(holder, scope);
            self.known.insert(key.clone(), rights);
        }
        self.known.entry(key).or_default()
    }

    pub(super) fn sides(&self) -> [&'w AccessModel; 2] {
        [self.before, self.after]
    }

    /// The boundary of a principal, by ARN.
    fn bound(&self, arn: &str) -> Option<String> {
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

    /// The account of a holder.
    fn home(&self, holder: &RightHolder) -> Option<&'w AccountNode> {
        let handle = match &holder.actor {
            Actor::Known(arn) => {
                let node = self.after.principals.get(arn);
                &node.or_else(|| self.before.principals.get(arn))?.account
            }
            Actor::Made { account, .. } => account,
        };
        self.after.accounts.get(handle)
    }

    fn ask(&self, holder: &RightHolder, scope: &RightsScope) -> Rights {
        let mut rights = Rights::default();
        if self.left_out == Some(discriminant(scope)) {
            return rights;
        }
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
                put(&mut rights, &POLICY, vec![iam("policy")], None);
                put(&mut rights, &["iam:UpdateSAMLProvider"], vec![iam("saml-provider")], None);
                for (arn, (kind, policy)) in self.resources(home) {
                    put(&mut rights, kind.policy_actions, vec![Space::One(arn)], policy);
                }
                self.pass(holder, home, |_| true, &mut rights);
            }
            RightsScope::Organization => {
                put(
                    &mut rights,
                    &ORGANIZATION,
                    vec![Space::Below(format!("arn:{partition}:organizations::{id}:"))],
                    None,
                );
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
                } else if !is_reserved(arn) {
                    put(&mut rights, &["iam:UpdateAssumeRolePolicy"], one(arn), None);
                    for ((provider, actions), there) in self.providers(arn) {
                        let mut own = Rights::default();
                        if actions.iter().all(|action| action.starts_with("iam:")) {
                            put(&mut own, actions, vec![Space::One(provider)], None);
                        } else {
                            own = self.of_service(holder, home, actions);
                        }
                        rights.join(own.only(there));
                    }
                    self.pass(holder, home, |role| role == arn, &mut rights);
                }
            }
            RightsScope::Objects(arn) => {
                let policy = self.resources(home).remove(arn).and_then(|(_, policy)| policy);
                put(&mut rights, BUCKET.writes, vec![Space::Below(format!("{arn}/"))], policy);
            }
            RightsScope::Tags(arn) => {
                let kind = kind(arn);
                let actions: Vec<&str> =
                    TAGS.into_iter().filter(|action| action.ends_with(kind)).collect();
                put(&mut rights, &actions, one(arn), None);
            }
            RightsScope::Trust(arn) => {
                if !arn.contains(":user/") && !is_reserved(arn) {
                    put(&mut rights, &["iam:UpdateAssumeRolePolicy"], one(arn), None);
                    rights = self.letting_tag(holder, arn, rights);
                }
            }
            RightsScope::Permissions(arn) => {
                let bound = self.bound(arn);
                self.giving(holder, home, arn, bound.as_ref(), Gift::Everything, &mut rights);
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
            RightsScope::Boundary(arn) => self.boundary(holder, *partition, arn, &mut rights),
            RightsScope::Rewrite(arn, standing) => match standing {
                PolicySite::Inline => {
                    put(&mut rights, &[&format!("iam:Put{}Policy", kind(arn))], one(arn), None)
                }
                PolicySite::InGroup(group) => {
                    put(&mut rights, &["iam:PutGroupPolicy"], one(group), None)
                }
                PolicySite::Managed(policy) | PolicySite::ToGroup(_, policy) => {
                    put(&mut rights, &POLICY, one(policy), None);
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
            RightsScope::Join(group) => put(&mut rights, &[JOIN], one(group), None),
            RightsScope::Authoring => self.authoring(holder, home, &mut rights),
            RightsScope::Creating => self.creating(holder, home, &mut rights),
            RightsScope::Making(bound) => {
                self.making(holder, home, bound.as_ref(), Gift::Everything, &mut rights);
            }
            RightsScope::MakingWithSome(bound) => {
                self.making(holder, home, bound.as_ref(), Gift::Some, &mut rights);
            }
            RightsScope::MakingWith(bound, gift) => {
                let gift = match gift.contains(":group/") {
                    true => Gift::Group(gift),
                    false => Gift::Policy(gift),
                };
                self.making(holder, home, bound.as_ref(), gift, &mut rights);
            }
            RightsScope::MakingWithUnknown(bound) => {
                let known = self.of_aws(home);
                for path in PATHS_OF_AWS {
                    let gift = Gift::UnknownBut(path, &known);
                    self.making(holder, home, bound.as_ref(), gift, &mut rights);
                }
                rights.doubt(self.name(holder));
            }
        }
        rights
    }

    /// Managed policies of AWS's of which it is known what they permit, by ARN.
    fn of_aws(&self, home: &AccountNode) -> BTreeSet<String> {
        self.sides().into_iter().flat_map(|model| model.managed_by_aws(home.partition)).collect()
    }

    /// A right over a role's trust, where whoever the trust then lets in may pass tags as well: it takes
    /// `sts:TagSession` (IAM User Guide, "Pass session tags in AWS STS"). Where the holder may not call that even so,
    /// somebody of another account may, who is let in; of whom that is so is not asked.
    fn letting_tag(&self, holder: &RightHolder, role: &str, rewriting: Rights) -> Rights {
        let open = NamedPolicy::new("a trust that was rewritten", "trust", open_to_all());
        let tag = Right {
            policy: Some(open),
            ..right(&["sts:TagSession"], vec![Space::One(role.to_owned())])
        };
        let tag = self.question(holder, tag);
        let tags = [&tag.before, &tag.after].map(|a| matches!(a, SymbolicAnswer::Open(_)));
        let mut rights = rewriting.clone().only(tags);
        let sides = [(rewriting.before, tags[0]), (rewriting.after, tags[1])];
        for ((held, tags), undecided) in sides.into_iter().zip(&mut rights.undecided) {
            if !(held.is_empty() || tags) {
                undecided.get_or_insert_with(|| {
                    format!(
                        "`{}` may rewrite the trust of `{role}`, and whether somebody whom that lets in may tag its session is not known",
                        self.name(holder)
                    )
                });
            }
        }
        rights
    }

    /// Rights by which a principal's boundary binds it no longer. Another boundary than its own counts as none:
    /// what it leaves was not chosen to hold this principal.
    fn boundary(&self, holder: &RightHolder, partition: Partition, arn: &str, rights: &mut Rights) {
        let kind = kind(arn);
        let own = vec![Space::One(arn.to_owned())];
        let delete = right(&[&format!("iam:Delete{kind}PermissionsBoundary")], own.clone());
        rights.add(self.question(holder, bounded(delete, self.bound(arn).as_ref())));
        let bounds = self.bounds(arn);
        let mut put = right(&[&format!("iam:Put{kind}PermissionsBoundary")], own);
        put.domains
            .push(("iam:permissionsboundary".to_owned(), any_policy_but(partition, &bounds)));
        rights.add(self.question(holder, put));
        let own_policies = bounds.into_iter().filter(|arn| arn.split(':').nth(4) != Some("aws"));
        let rewrite: Vec<Space> = own_policies.map(Space::One).collect();
        if !rewrite.is_empty() {
            rights.add(self.question(holder, right(&POLICY, rewrite)));
        }
    }

    /// Acting as the root of member accounts. `IAMAuditRootUserCredentials` alone only looks (IAM User Guide,
    /// "Perform a privileged task on an AWS Organizations member account").
    fn root(&self, partition: Partition) -> Right {
        let accounts = self.sides().into_iter().flat_map(|model| model.accounts.values());
        let roots: BTreeSet<String> = accounts.map(AccountNode::root_arn).collect();
        let looking =
            format!("arn:{partition}:iam::aws:policy/root-task/IAMAuditRootUserCredentials");
        let tasks = any_policy_but(partition, &[looking].into());
        Right {
            domains: vec![("sts:taskpolicyarn".to_owned(), tasks)],
            ..right(&["sts:AssumeRoot"], roots.into_iter().map(Space::One).collect())
        }
    }

    /// Identity providers of a role's account that its trust names, and what lets others be whom they vouch for:
    /// another metadata document, another client (IAM User Guide, "Create a SAML identity provider in IAM", "Create
    /// an OpenID Connect (OIDC) identity provider in IAM").
    fn providers(&self, role: &str) -> Sided<Provider> {
        let mut found = Sided::new();
        let sides = self.sides().into_iter().enumerate();
        let trusts = sides.flat_map(|(at, model)| {
            let trust = model.principals.get(role).and_then(|p| p.trust.as_ref());
            let statements = trust.into_iter().flat_map(|t| &t.document.statements);
            statements.map(move |statement| (at, statement))
        });
        for (at, statement) in trusts.filter(|(_, s)| s.effect == Effect::Allow) {
            let asks_whom = statement.conditions.iter().any(|c| {
                let key = c.key.to_ascii_lowercase();
                key.ends_with(":sub") || key.ends_with(":amr") || key.ends_with(":oaud")
            });
            for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
                let arn = item.text.symbolic().into_owned();
                let actions: &[&str] = match kind {
                    PrincipalType::Federated if arn.contains(":saml-provider/") => {
                        &["iam:CreateSAMLProvider", "iam:UpdateSAMLProvider"]
                    }
                    // Who administers a cluster runs a pod under any service account of it, whatever `sub` asks for (EKS
                    // User Guide, "IAM roles for service accounts", "Grant IAM users access to Kubernetes with EKS
                    // access entries").
                    PrincipalType::Federated if arn.contains(":oidc-provider/oidc.eks.") => {
                        &CLUSTERS
                    }
                    // Whoever may issue a pool's tokens, or open it to guests, is whom it vouches for (Cognito
                    // Developer Guide, "Developer-authenticated identities", "Identity pools (federated identities)").
                    PrincipalType::Federated if arn == "cognito-identity.amazonaws.com" => &POOLS,
                    PrincipalType::Federated if arn.contains(":oidc-provider/") && !asks_whom => {
                        &["iam:AddClientIDToOpenIDConnectProvider"]
                    }
                    _ => continue,
                };
                note(&mut found, (arn, actions), at);
            }
        }
        found
    }

    /// Asks the sides that the holder is there on, unless no statement of it speaks of any of the actions.
    pub(super) fn question(&self, holder: &RightHolder, right: Right) -> Answers {
        let on = |time: Time| holder.changed.as_ref().is_none_or(|(changed, _)| *changed == time);
        let unchanged = Changes::default();
        let changes = holder.changed.as_ref().map_or(&unchanged, |(_, changes)| changes);
        let side = |model: &AccessModel, time: Time| -> Vec<Asked> {
            // In its own account a resource's policy grants by itself, whatever the holder's own policies say.
            let granted = |action: &String| {
                right.policy.as_ref().is_some_and(|policy| allows(&policy.document, action))
            };
            let mut actions = right.actions.iter();
            if !on(time) || !actions.any(|a| granted(a) || speaks(model, holder, a)) {
                return Vec::new();
            }
            let Some(source) = changes::source(model, &holder.actor) else { return Vec::new() };
            under(model, &holder.actor, changes, || Asked::within(model, &source, &right))
        };
        let (before, after) = (side(self.before, Time::Before), side(self.after, Time::After));
        // A changed holder may be asked in several ways; any of them will do.
        let ways = before.len().max(after.len()).max(1);
        let mut found: Option<Answers> = None;
        for way in 0..ways {
            let (before, after) = (before.get(way), after.get(way));
            let mut answers = answer(before, after);
            for (asked, answer) in [(before, &mut answers.before), (after, &mut answers.after)] {
                let Some(asked) = asked else { continue };
                if let (SymbolicAnswer::Open(openings), Some(home)) =
                    (&mut *answer, self.home(holder))
                {
                    openings.iter_mut().for_each(|one| name_resource(asked, home, one));
                }
                let why = match &answer {
                    SymbolicAnswer::Open(openings) => {
                        openings.iter().find_map(|o| replay(asked, o).err())
                    }
                    SymbolicAnswer::Closed { .. } => asked.why_undetermined.clone(),
                    SymbolicAnswer::Undecided(_) => None,
                };
                if let Some(why) = why {
                    *answer = SymbolicAnswer::Undecided(why);
                }
            }
            let open = is_open(&answers);
            if open || found.is_none() {
                found = Some(answers);
            }
            if open {
                break;
            }
        }
        found.unwrap_or_else(|| answer(None, None))
    }

    /// Resources of an account, with their policies as they will be. What a policy that cannot be read says of a
    /// holder is not known; whom it lets in is in doubt without the holder's help.
    fn resources(&self, home: &AccountNode) -> BTreeMap<String, Owned> {
        let mut found: BTreeMap<String, Owned> = BTreeMap::new();
        for model in self.sides() {
            let readable = model.resources_of(&home.handle).filter(|r| !r.is_unreadable());
            let owned = readable.map(|r| (r.arn.clone(), (r.kind, r.document().cloned())));
            found.extend(owned);
        }
        found
    }

    /// Roles of an account by the services that they trust, with the sides on which they do.
    fn services(&self, account: &Handle) -> Rc<Services> {
        let read = || {
            let mut found = Services::default();
            for (at, model) in self.sides().into_iter().enumerate() {
                for role in model.principals_of(account) {
                    for service in services_of(role) {
                        note(found.entry(service).or_default(), role.arn.clone(), at);
                    }
                }
            }
            Rc::new(found)
        };
        let mut known = self.services.borrow_mut();
        Rc::clone(known.entry(account.clone()).or_insert_with(read))
    }

    /// Running code under one of those roles: by passing it to a service that it trusts, which takes an action
    /// of that service as well, or by swapping the code of what runs under it already.
    fn pass(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        which: impl Fn(&String) -> bool,
        rights: &mut Rights,
    ) {
        for (service, roles) in self.services(&home.handle).iter() {
            let apt = |role: &String| !holder.is(role) && !is_reserved(role) && which(role);
            let roles: Sided<&String> =
                roles.iter().filter(|(role, _)| apt(role)).map(|(r, on)| (r, *on)).collect();
            for (there, roles) in alike(roles) {
                let mut own = Rights::default();
                self.pass_to(holder, home, service, &roles, &mut own);
                rights.join(own.only(there));
            }
        }
    }

    /// The same for one service and the roles that trust it.
    fn pass_to(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        service: &str,
        roles: &[&String],
        rights: &mut Rights,
    ) {
        let handed = || {
            self.question(
                holder,
                Right {
                    actions: vec!["iam:PassRole".to_owned()],
                    resources: roles.iter().map(|role| Space::One((*role).clone())).collect(),
                    context: vec![("iam:PassedToService".to_owned(), service.to_owned())],
                    ..Right::default()
                },
            )
        };
        let Some(ways) = passing::of(service) else {
            rights.unknown(handed(), self.name(holder), service);
            return;
        };
        let speaks =
            |action: &str| self.sides().into_iter().any(|model| speaks(model, holder, action));
        let swap: Vec<&str> = ways.swap.into_iter().filter(|action| speaks(action)).collect();
        for some in swap.chunks(AT_ONCE) {
            rights.join(self.of_service(holder, home, some));
            if !rights.before.is_empty() && !rights.after.is_empty() {
                break;
            }
        }
        for set in ways.swap_together.iter().filter(|set| set.iter().all(|action| speaks(action))) {
            let mut all = set.iter().map(|action| self.of_service(holder, home, &[action]));
            let Some(first) = all.next() else { continue };
            rights.join(all.fold(first, Rights::and));
        }
        if !speaks("iam:PassRole") {
            return;
        }
        let actions: Vec<&str> =
            ways.pass.iter().map(String::as_str).filter(|action| speaks(action)).collect();
        let mut start = Rights::default();
        for some in actions.chunks(AT_ONCE) {
            start.join(self.of_service(holder, home, some));
            if !start.before.is_empty() && !start.after.is_empty() {
                break;
            }
        }
        if !start.is_empty() {
            let mut pass = Rights::default();
            pass.add(handed());
            rights.join(start.and(pass));
        }
    }

    /// Actions of services on whatever of theirs there is.
    fn of_service(&self, holder: &RightHolder, home: &AccountNode, actions: &[&str]) -> Rights {
        let mut rights = Rights::default();
        let mut by_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for action in actions {
            let prefix = action.split(':').next().unwrap_or_default();
            by_service.entry(prefix).or_default().push((*action).to_owned());
        }
        for (prefix, actions) in by_service {
            let known = actions.iter().filter_map(|action| catalogue().find(action));
            let types = known.flat_map(|id| catalogue().resource_types(id));
            // An ARN's service need not be the action's: a command of Systems Manager acts on an instance of EC2.
            let services: BTreeSet<&str> =
                types.filter_map(|t| t.arn.split(':').nth(2)).chain([prefix]).collect();
            let partition = home.partition;
            let below = services.into_iter().map(|s| Space::Below(format!("arn:{partition}:{s}:")));
            let resources = below.collect();
            rights.add(self.question(holder, Right { actions, resources, ..Right::default() }));
        }
        rights
    }

    fn name<'h>(&self, holder: &'h RightHolder) -> &'h str {
        match &holder.actor {
            Actor::Known(arn) => arn,
            Actor::Made { account, .. } => account.as_str(),
        }
    }
}

/// Notes that something holds on a side: 0 before, 1 after.
pub(super) fn note<T: Ord>(found: &mut Sided<T>, thing: T, side: usize) {
    let on = found.entry(thing).or_default();
    if let Some(here) = on.get_mut(side) {
        *here = true;
    }
}

/// Things by the sides on which they hold.
pub(super) fn alike<T>(found: Sided<T>) -> BTreeMap<OnSides, Vec<T>> {
    let mut groups: BTreeMap<OnSides, Vec<T>> = BTreeMap::new();
    for (thing, on) in found {
        groups.entry(on).or_default().push(thing);
    }
    groups
}

pub(super) fn right(actions: &[&str], resources: Vec<Space>) -> Right {
    let actions = actions.iter().map(|action| (*action).to_owned()).collect();
    Right { actions, resources, ..Right::default() }
}

/// What IAM holds of a kind in an account.
pub(super) fn below(home: &AccountNode, kind: &str) -> Space {
    Space::Below(format!("arn:{}:iam::{}:{kind}/", home.partition, home.id))
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

/// `User` or `Role`, as actions call what an ARN names.
pub(super) fn kind(arn: &str) -> &'static str {
    if arn.contains(":user/") { "User" } else { "Role" }
}

/// Roles that AWS alone can change: those of its services, and those of Identity Center (IAM User Guide, "Use
/// service-linked roles"; IAM Identity Center User Guide, "Referencing permission sets in resource policies").
pub(super) fn is_reserved(arn: &str) -> bool {
    arn.contains(":role/aws-service-role/") || arn.contains(":role/aws-reserved/")
}

/// The policy that stands for whatever one likes to attach, by its ARN in a partition.
pub(in crate::isolation) fn everything(partition: Partition) -> String {
    format!("arn:{partition}:iam::aws:policy/AdministratorAccess")
}

/// What a caller may name where it may name any policy of its partition but these.
fn any_policy_but(partition: Partition, except: &BTreeSet<String>) -> Domain {
    Domain::Texts(Texts {
        prefixes: vec![format!("arn:{partition}:iam::")],
        except: except.iter().cloned().collect(),
        absent: false,
    })
}

pub(super) fn is_open(answers: &Answers) -> bool {
    [&answers.before, &answers.after].into_iter().any(|a| matches!(a, SymbolicAnswer::Open(_)))
}

/// What is open, by the resource of the witness.
pub(super) fn by_resource(all: &[&Answers]) -> BTreeMap<String, Rights> {
    let mut found: BTreeMap<String, Rights> = BTreeMap::new();
    let openings = |answer: &SymbolicAnswer| match answer {
        SymbolicAnswer::Open(openings) => openings.clone(),
        _ => Vec::new(),
    };
    for answers in all {
        for opening in openings(&answers.before) {
            let resource = opening.witness.resource.clone();
            found.entry(resource).or_default().before.push(opening);
        }
        for opening in openings(&answers.after) {
            let resource = opening.witness.resource.clone();
            found.entry(resource).or_default().after.push(opening);
        }
    }
    found
}

/// Whether a holder may be permitted an action at all on one side: a quick, generous look.
pub(super) fn speaks(model: &AccessModel, holder: &RightHolder, action: &str) -> bool {
    let Actor::Known(arn) = &holder.actor else { return true };
    let changes = holder.changed.as_ref().map(|(_, changes)| changes);
    let more =
        changes.is_some_and(|c| c.permitted || !c.groups.is_empty() || !c.attached.is_empty());
    more || model.principals.get(arn).is_some_and(|p| p.is_unreadable() || may(p, action))
}

/// The services that a role's trust names. Where it names everybody, services are the least of it.
pub(super) fn services_of(role: &PrincipalNode) -> BTreeSet<String> {
    let allowing = role.trust.iter().flat_map(|t| &t.document.statements);
    let named = allowing.filter(|s| s.effect == Effect::Allow).flat_map(|s| &s.principals);
    named
        .flat_map(|principals| principals.items())
        .filter(|(kind, _)| *kind == PrincipalType::Service)
        .map(|(_, item)| item.text.symbolic().into_owned())
        .collect()
}
