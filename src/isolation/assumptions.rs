//! What the proof of a wall rests on that exists over there and was not looked at.
//!
//! Claim: where nothing is named here, a wall that is called isolated stays so whatever policies stand on
//! resources that no source has listed, and whatever code runs under the roles that the model knows.
//!
//! Argument. A proof goes over the grants of the model, so what can escape it is a grant outside the model, or
//! a principal that acts without any request of the model.
//!
//! * A resource policy of a type that was not listed, and grants on KMS keys whose policies were. It is taken to exist and to permit everybody everything:
//!   what is not asked to exist cannot be shown not to. Nothing of the resource's own side limits it then, so
//!   it lets the origin in unless guardrails of either side deny, and exactly that is asked, with the service
//!   control policies of the accounts that the origin owns or gets into and the resource control policies over
//!   the target. What the identities there may do today is left out of it: their own account can change that.
//!   Where a principal of such an account may leave the organization, and no guardrail keeps it from that, it is
//!   asked once more as a stranger's; and an origin that administers the organization is kept out by no guardrail.
//!   An account that does not exist yet holds nothing, and one that could not be read makes the wall
//!   undetermined, so neither is asked about.
//! * Code that runs under a role. Whether anything runs under a role is not read, so where a service may assume
//!   one, something does. What an origin that got into the role's account may make that code do
//!   (by a message, an object, a row) is no request on the role. So where such a role crosses a wall, the proof
//!   for an origin that enters the role's account, or writes into it, and is not that role itself, rests on
//!   the code; and so on from every account that such code gets into. An origin that does neither cannot
//!   speak to it, and one whose own account it is reaches the far side anyway.
//! * Access control lists. No source reads those of objects. Unless Object Ownership turns them off, they may grant access to any
//!   account, and to the public unless public lists are ignored. Guardrails of both sides limit what they grant, so exactly
//!   those are asked, as for policies.
//! * Delegated administrators. Which members are delegated administrators is not read. If the organization trusts a service that
//!   has them, and a principal of an account that the origin owns or gets into may use their actions, that account may be one.
//! * The management account. Whoever it lets in may do anything to its members, and where the estate does not declare it
//!   nothing of it was read. So every proof for an origin that guardrails let ask it for a role rests on whom it lets in.
//! * Who issues identities. A role that trusts the provider of an EKS cluster, or Cognito, lets in whoever administers the
//!   cluster or the pool, and neither is read: it may lie in any account. So it is with a bucket that holds an issuer's keys
//!   and that was not read. So where such a role crosses the wall, the
//!   proof for an origin with an account beside the role's own rests on where that is. (In the role's own account
//!   it is asked who may administer them.)

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::compare::{Pair, SideResult};
use super::crossing::{
    ANYBODY, PathStep, ROLES_ANYWHERE, StepSource, StepTarget, TargetResource, all_of, asked_at,
    home, is_closed, open_to_all,
};
use super::issuers::{TokenIssuer, keys_of};
use super::paths::{BySource, Origin, StepEdge, account_of, belongs_to, by_source, reach};
use super::power::PowerLink;
use super::rights::{
    guardrails_let_leave, guardrails_let_member_leave, is_for_management, may_administer,
    may_change_policies, may_change_policies_in, services_of,
};
use super::section::{Assumption, AssumptionKind};
use super::undetermined::opened;
use crate::access::{
    AccessLists, AccessModel, AccountNode, BUCKET, Coverage, FUNCTION, KEY, NamedPolicy,
    POLICY_BEARING_TYPES, PolicyBearing, PrincipalNode, ResourceNode, UndescribedMember,
};
use crate::iam::eval::rcp_services;
use crate::iam::symbolic::Space;
use crate::iam::symbolic::question::variable_keys;
use crate::iam::{Document, Effect, Item, PrincipalType, Principals, catalogue};
use crate::ids::{AccountId, Handle, Partition};

/// Answers by what they depend on, shared by both sides of a plan.
pub(super) type Memo = BTreeMap<Class, bool>;

/// What decides whether guardrails let a kind of caller at a type of resource: the documents of both sides by
/// where they lie, the places of both in the organization, and the service; the ids of both where a
/// policy can tell accounts apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    caller: Vec<usize>,
    caller_place: String,
    owner: Vec<usize>,
    owner_place: String,
    service: &'static str,
    ids: Option<(String, String)>,
    /// Whether the caller's account has left the organization.
    has_left: bool,
}

/// Roles whose code an origin can speak to, in the order of their ARNs, each with the environments that it gets into.
type RunningCode<'a> = Vec<(&'a PrincipalNode, Rc<BTreeSet<&'a str>>)>;

/// One side of a plan, and what its proofs rest on.
pub(super) struct Assumptions<'a> {
    model: &'a AccessModel,
    /// An organization lives in one.
    partition: Partition,
    /// A policy that permits everybody everything.
    open: NamedPolicy,
    /// Who asks for each origin.
    callers: BTreeMap<Origin, Vec<AskingAccount<'a>>>,
    /// Origins of which some principal administers the organization.
    administrating: BTreeSet<&'a Origin>,
    /// Roles whose code each origin can speak to, in the order of their ARNs, each with the environments that it gets into.
    code: BTreeMap<Origin, RunningCode<'a>>,
    /// The management account and who of each origin it may let in, where nothing of it is read.
    management: Option<(Handle, BTreeSet<Origin>)>,
    /// Accounts that may be delegated administrators, each with the services.
    administering: BTreeMap<&'a Handle, BTreeSet<&'static str>>,
    /// Accounts with roles for functions, each with the environments that those get into.
    functions: BTreeMap<&'a Handle, BTreeSet<&'a str>>,
    /// Whether guardrails say anything of a service, by where they lie.
    bearing: RefCell<HashMap<(usize, &'static str), bool>>,
    /// Roles that whoever issues identities of a cluster or pool gets into, each with the accounts that it gets into.
    issued: Vec<(&'a PrincipalNode, BTreeSet<Handle>)>,
}

impl<'a> Assumptions<'a> {
    pub(super) fn new(model: &'a AccessModel, result: &'a SideResult) -> Self {
        let open = NamedPolicy::new("a policy that was not looked at", "policy", open_to_all());
        let environments = model.accounts.values().flat_map(|a| &a.environments);
        let environments = environments.cloned().map(Origin::Environment);
        let others = [Origin::Management, Origin::Unassigned, Origin::External, Origin::Anonymous];
        let origins: BTreeSet<Origin> = environments.chain(others).collect();
        // Where the resource side tells accounts apart it may do so for every origin: then each counts.
        let over = model.accounts.values().flat_map(|a| documents(&a.resource_control));
        let over: BTreeMap<usize, &Arc<Document>> =
            over.map(|document| (Arc::as_ptr(document).addr(), document)).collect();
        let is_apart = over.values().any(|document| tells_accounts_apart(document));
        let entered = entered(model, result);
        let callers = origins.into_iter().map(|origin| {
            let callers = callers(model, &origin, entered.get(&origin), is_apart);
            (origin, callers)
        });
        let callers = callers.collect();
        let administrating = result.powers.administrators.keys().collect();
        let partition = partition(model);
        let (code, issued) = (code(model, result, &entered), issued(model, result));
        let (functions, management) = (functions(model, result), None);
        let administering =
            model.accounts.values().map(|node| (&node.handle, may_administer(model, node)));
        let administering = administering.collect();
        let mut all = Self {
            model,
            partition,
            open,
            callers,
            administrating,
            code,
            management,
            administering,
            functions,
            bearing: RefCell::default(),
            issued,
        };
        all.management = all.unread_management();
        all
    }

    /// What the proof of an isolated wall rests on.
    pub(super) fn of(&self, (origin, to): &Pair, memo: &mut Memo) -> Vec<Assumption> {
        let mut all = self.resource_policies(origin, to, memo);
        all.extend(self.access_lists(origin, to, memo));
        all.extend(self.delegated_administrators(origin, to));
        all.extend(self.running_code(origin, to));
        all.extend(self.identity_issuers(origin, to));
        all.extend(self.management_account(origin, to));
        all
    }

    /// The management account, where the estate does not declare it, and the origins of which guardrails let somebody ask it
    /// for a role.
    fn unread_management(&self) -> Option<(Handle, BTreeSet<Origin>)> {
        let mut members = self.model.members.iter();
        let (id, member) = members
            .find(|(_, member)| member.membership.management_account && !member.is_closed)?;
        let handle = Handle::from(&id.parse::<AccountId>().ok()?);
        let node = AccountNode {
            handle: handle.clone(),
            id: id.clone(),
            partition: self.partition,
            environments: BTreeSet::new(),
            emulated: false,
            membership: Some(member.membership.clone()),
            organization_path: Some(member.organization_path.clone()),
            service_control: member.service_control.clone(),
            resource_control: Vec::new(),
            coverage: Coverage::Unread("the estate does not declare it".to_owned()),
        };
        let asks = |(origin, callers): (&Origin, &Vec<AskingAccount<'a>>)| {
            // Without a signature no role is assumed, and who is in that account is in it.
            let applies = !matches!(origin, Origin::Anonymous | Origin::Management);
            let mut callers = callers.iter();
            let comes = applies
                && (callers.len() > MANY || callers.any(|caller| self.enters(caller, &node)));
            comes.then(|| origin.clone())
        };
        Some((handle, self.callers.iter().filter_map(asks).collect()))
    }

    /// Whether guardrails leave a caller the assumption of a role of an account that lets in everybody.
    fn enters(&self, caller: &AskingAccount<'_>, owner: &AccountNode) -> bool {
        if !caller.documents.iter().any(|document| bears_on(document, "sts")) {
            return true;
        }
        let place = TargetResource {
            owner,
            rule: Some(&self.open),
            restrict_public: false,
            unreadable: false,
            actions: vec![Space::One("sts:AssumeRole".to_owned())],
            resources: vec![Space::Below(format!(
                "arn:{}:iam::{}:role/",
                owner.partition, owner.id
            ))],
        };
        asked_at(self.model, &caller.source, place).is_none_or(|asked| !is_closed(&asked))
    }

    fn management_account(&self, origin: &Origin, to: &str) -> Option<Assumption> {
        let (handle, origins) = self.management.as_ref()?;
        let mut owners = self.model.accounts.values().filter(|account| {
            account.environments.contains(to)
                && account.coverage == Coverage::Read
                && account.membership.is_some()
        });
        (origins.contains(origin) && owners.next().is_some()).then(|| Assumption {
            account: handle.clone(),
            kind: AssumptionKind::ManagementAccount,
            objects: vec![handle.to_string()],
        })
    }

    /// Accounts that the origin owns or gets into and that may be delegated administrators for the far side.
    fn delegated_administrators(&self, origin: &Origin, to: &str) -> Vec<Assumption> {
        let is_member = |account: &&AccountNode| {
            account.environments.contains(to)
                && account.membership.as_ref().is_some_and(|of| !of.management_account)
        };
        // The management account needs no delegated administrator.
        if *origin == Origin::Management || !self.model.accounts.values().any(|a| is_member(&a)) {
            return Vec::new();
        }
        let callers = self.callers.get(origin).map(Vec::as_slice).unwrap_or_default();
        let accounts = callers.iter().flat_map(|caller| &caller.accounts);
        let accounts = accounts.filter(|account| !account.environments.contains(to));
        let assumption = |account: &&AccountNode| {
            let services = self.administering.get(&account.handle)?;
            let objects: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
            let (account, kind) = (account.handle.clone(), AssumptionKind::DelegatedAdministrators);
            (!objects.is_empty()).then_some(Assumption { account, kind, objects })
        };
        accounts.filter_map(assumption).collect()
    }

    /// Buckets of the far side whose access control lists may grant access to the origin.
    fn access_lists(&self, origin: &Origin, to: &str, memo: &mut Memo) -> Vec<Assumption> {
        let model = self.model;
        let is_bucket = |ty: &&PolicyBearing| ty.name == BUCKET.name;
        let Some(ty) = POLICY_BEARING_TYPES.iter().find(is_bucket) else { return Vec::new() };
        let callers = self.callers.get(origin).map(Vec::as_slice).unwrap_or_default();
        let mut all = Vec::new();
        for owner in model.accounts.values().filter(|account| {
            account.environments.contains(to)
                && account.coverage == Coverage::Read
                && !account.emulated
        }) {
            let counts = |bucket: &&ResourceNode| match bucket.access_lists {
                AccessLists::Off => false,
                AccessLists::NamedAccounts => *origin != Origin::Anonymous,
                AccessLists::Anybody => true,
            };
            let buckets = model.resources_of(&owner.handle).filter(counts);
            let objects: Vec<String> = buckets.map(|bucket| bucket.label.clone()).collect();
            if !objects.is_empty() && self.any_gets_in(callers, origin, owner, ty, memo) {
                let kind = AssumptionKind::AccessLists;
                all.push(Assumption { account: owner.handle.clone(), kind, objects });
            }
        }
        all
    }

    /// Whether guardrails let a principal of an origin through to a resource of a type whose own policy permits everything.
    fn any_gets_in(
        &self,
        callers: &[AskingAccount<'a>],
        origin: &Origin,
        owner: &AccountNode,
        ty: &'static PolicyBearing,
        memo: &mut Memo,
    ) -> bool {
        // So many that a policy tells apart are not asked one by one: one will do.
        callers.len() > MANY
            || self.administrating.contains(origin)
            || callers.iter().any(|caller| {
                caller.id != owner.id
                    && (self.lets_in(caller, owner, ty, false, memo)
                        || self.may_leave(caller) && self.lets_in(caller, owner, ty, true, memo))
            })
    }

    fn identity_issuers(&self, origin: &Origin, to: &str) -> Vec<Assumption> {
        let callers = self.callers.get(origin).map(Vec::as_slice).unwrap_or_default();
        let has_one_beside = |account: &Handle| {
            let is_there =
                |node: &&AccountNode| node.coverage != Coverage::Absent && node.handle != *account;
            callers
                .iter()
                .any(|caller| !caller.members.is_empty() || caller.accounts.iter().any(is_there))
        };
        let enters = |account: &Handle| {
            self.model.accounts.get(account).is_some_and(|node| node.environments.contains(to))
        };
        let mut found: BTreeMap<&Handle, Vec<String>> = BTreeMap::new();
        for (role, accounts) in &self.issued {
            if accounts.iter().any(enters)
                && !belongs_to(self.model, &role.account, origin)
                && has_one_beside(&role.account)
            {
                found.entry(&role.account).or_default().push(role.label.clone());
            }
        }
        let assumption = |(account, objects): (&Handle, Vec<String>)| Assumption {
            account: account.clone(),
            kind: AssumptionKind::IdentityIssuers,
            objects,
        };
        found.into_iter().map(assumption).collect()
    }

    fn resource_policies(&self, origin: &Origin, to: &str, memo: &mut Memo) -> Vec<Assumption> {
        let model = self.model;
        let owners = model.accounts.values().filter(|account| {
            account.environments.contains(to)
                && account.coverage == Coverage::Read
                && !account.emulated
        });
        let callers = self.callers.get(origin).map(Vec::as_slice).unwrap_or_default();
        let mut all = Vec::new();
        for owner in owners {
            let unseen =
                POLICY_BEARING_TYPES.iter().filter(|ty| !model.lists(&owner.handle, ty.name));
            let mut objects: Vec<String> = unseen
                .filter(|ty| ty.takes_unsigned || *origin != Origin::Anonymous)
                .filter(|ty| self.any_gets_in(callers, origin, owner, ty, memo))
                .map(|ty| model.unlisted(&owner.handle, ty.name))
                .collect();
            let keys = POLICY_BEARING_TYPES.iter().find(|ty| ty.name == KEY.name);
            if let Some(keys) = keys
                && model.lacks_grants(&owner.handle)
                && *origin != Origin::Anonymous
                && self.any_gets_in(callers, origin, owner, keys, memo)
            {
                objects.push(format!("grants of {}", keys.name));
            }
            if !objects.is_empty() {
                let kind = AssumptionKind::ResourcePolicies;
                all.push(Assumption { account: owner.handle.clone(), kind, objects });
            }
        }
        all.extend(self.function_policies(origin, to, memo));
        all
    }

    /// Accounts in between whose functions may let somebody in change what they run, which is then one of their roles.
    fn function_policies(&self, origin: &Origin, to: &str, memo: &mut Memo) -> Vec<Assumption> {
        let model = self.model;
        let is_function = |ty: &&PolicyBearing| ty.name == FUNCTION.name;
        let Some(ty) = POLICY_BEARING_TYPES.iter().find(is_function) else { return Vec::new() };
        let callers = self.callers.get(origin).map(Vec::as_slice).unwrap_or_default();
        let mut all = Vec::new();
        for (handle, environments) in &self.functions {
            let Some(owner) = model.accounts.get(*handle) else { continue };
            let is_between = environments.contains(to)
                && !owner.environments.contains(to)
                && owner.coverage == Coverage::Read
                && !owner.emulated
                && !model.lists(handle, ty.name)
                && !belongs_to(model, handle, origin)
                && *origin != Origin::Anonymous;
            if is_between
                && (callers.len() > MANY
                    || callers.iter().any(|caller| {
                        caller.id != owner.id && self.lets_in(caller, owner, ty, false, memo)
                    }))
            {
                all.push(Assumption {
                    account: owner.handle.clone(),
                    kind: AssumptionKind::ResourcePolicies,
                    objects: vec![model.unlisted(handle, ty.name)],
                });
            }
        }
        all
    }

    /// Whether some principal of the caller's accounts may take its account out of the organization, for all that
    /// guardrails say. Who may is looked at generously: whoever is allowed that, or allowed to change what somebody
    /// there is allowed, whatever denies it; and in an account that was not read, somebody. Roles that the management
    /// account alone assumes are left out: every proof trusts that one.
    fn may_leave(&self, caller: &AskingAccount<'_>) -> bool {
        let is_free = |account: &&AccountNode| {
            let own = self.model.principals_of(&account.handle);
            let mut own = own.filter(|principal| !is_for_management(self.model, principal));
            let roles = || self.model.principals_of(&account.handle);
            let changes = |principal: &PrincipalNode| may_change_policies_in(roles(), principal);
            (account.coverage != Coverage::Read || own.any(changes))
                && guardrails_let_leave(self.model, account)
        };
        let is_free_member = |(id, member): &(&str, &UndescribedMember)| {
            guardrails_let_member_leave(self.model, self.partition, id, member)
        };
        *caller.leaves.get_or_init(|| {
            caller.accounts.iter().any(is_free) || caller.members.iter().any(is_free_member)
        })
    }

    /// Whether guardrails leave a caller a request for a resource of a type whose policy permits everything, as a
    /// member of the organization or once its account has left that.
    fn lets_in(
        &self,
        caller: &AskingAccount<'_>,
        owner: &AccountNode,
        ty: &'static PolicyBearing,
        has_left: bool,
        memo: &mut Memo,
    ) -> bool {
        let over_owner = match rcp_services().contains(ty.service) {
            true => documents(&owner.resource_control),
            false => Vec::new(),
        };
        let both = || caller.documents.iter().chain(&over_owner);
        if !both().any(|document| self.bears_on(document, ty.service)) {
            return true;
        }
        let tells = caller.is_distinguished || over_owner.iter().any(|d| tells_accounts_apart(d));
        let class = Class {
            caller: places(&caller.documents),
            caller_place: match caller.source {
                StepSource::Anonymous => "nobody".to_owned(),
                _ => format!("in {}", caller.place),
            },
            owner: places(&over_owner),
            owner_place: owner.organization_path.clone().unwrap_or_default(),
            service: ty.service,
            ids: tells.then(|| (caller.id.to_owned(), owner.id.clone())),
            has_left,
        };
        if let Some(known) = memo.get(&class) {
            return *known;
        }
        let place = TargetResource {
            owner,
            rule: Some(&self.open),
            restrict_public: false,
            unreadable: false,
            actions: all_of(ty.service),
            resources: vec![Space::Below(format!("arn:{}:{}:", owner.partition, ty.service))],
        };
        let asked = asked_at(self.model, &caller.source, place);
        let asked = asked.map(|asked| if has_left { asked.outside_organization() } else { asked });
        let is_open = asked.is_none_or(|asked| !is_closed(&asked));
        memo.insert(class, is_open);
        is_open
    }

    /// The same as [`bears_on`], found out once for each guardrail.
    fn bears_on(&self, document: &Arc<Document>, service: &'static str) -> bool {
        let place = (Arc::as_ptr(document).addr(), service);
        let mut known = self.bearing.borrow_mut();
        *known.entry(place).or_insert_with(|| bears_on(document, service))
    }

    fn running_code(&self, origin: &Origin, to: &str) -> Vec<Assumption> {
        let roles = self.code.get(origin).into_iter().flatten();
        let mut found: BTreeMap<&Handle, Vec<String>> = BTreeMap::new();
        for (role, _) in roles.filter(|(_, environments)| environments.contains(to)) {
            found.entry(&role.account).or_default().push(role.label.clone());
        }
        let assumption = |(account, objects): (&Handle, Vec<String>)| Assumption {
            account: account.clone(),
            kind: AssumptionKind::RunningCode,
            objects,
        };
        found.into_iter().map(assumption).collect()
    }
}

/// Who asks for an origin: anybody in one of its accounts, or in one that it gets into.
struct AskingAccount<'a> {
    source: StepSource,
    /// The account; empty for outsiders.
    id: &'a str,
    /// Where that stands in the organization.
    place: &'a str,
    /// The service control policies over it.
    documents: Vec<&'a Arc<Document>>,
    /// Whether one of these may answer differently for another account of the same unit.
    is_distinguished: bool,
    /// The accounts that it stands for, as far as the model describes them.
    accounts: Vec<&'a AccountNode>,
    /// The others, by id: nothing of them was read.
    members: Vec<(&'a str, &'a UndescribedMember)>,
    /// Whether one of these may leave the organization, once that has been asked.
    leaves: OnceLock<bool>,
}

/// More callers than this are not asked one by one.
const MANY: usize = 64;

/// Those who ask for an origin: one for each of its accounts and of those that it gets into, and of accounts that no
/// policy tells apart one.
fn callers<'a>(
    model: &'a AccessModel,
    origin: &Origin,
    entered: Option<&BTreeSet<Handle>>,
    is_apart: bool,
) -> Vec<AskingAccount<'a>> {
    let partition = partition(model);
    let outsider = |source| AskingAccount {
        source,
        id: "",
        place: "",
        documents: Vec::new(),
        is_distinguished: false,
        accounts: Vec::new(),
        members: Vec::new(),
        leaves: OnceLock::new(),
    };
    let mut all: Vec<AskingAccount<'a>> = Vec::new();
    let manages = match origin {
        Origin::Anonymous => return vec![outsider(StepSource::Anonymous)],
        Origin::External => {
            all.push(outsider(StepSource::Foreign(root_arn(partition, ANYBODY))));
            None
        }
        Origin::Environment(_) => None,
        Origin::Management => Some(true),
        Origin::Unassigned => Some(false),
    };
    let gets_into = |handle: &Handle| entered.is_some_and(|entered| entered.contains(handle));
    let own = model.accounts.values().filter(|account| {
        let is_its = belongs_to(model, &account.handle, origin) || gets_into(&account.handle);
        is_its && !account.is_closed()
    });
    let own = own.map(|account| {
        let place = account.organization_path.as_deref().unwrap_or_default();
        let levels = &account.service_control;
        (account.id.as_str(), account.root_arn(), place, levels, Ok(account))
    });
    let members = model.members.iter().filter(|(_, member)| {
        Some(member.membership.management_account) == manages && !member.is_closed
    });
    let members = members.map(|(id, member)| {
        let arn = root_arn(partition, id);
        (id.as_str(), arn, member.organization_path.as_str(), &member.service_control, Err(member))
    });
    let mut seen: BTreeMap<(&str, Vec<usize>), usize> = BTreeMap::new();
    for (id, arn, place, levels, described) in own.chain(members) {
        let documents = documents(levels);
        let is_distinguished = documents.iter().any(|document| tells_accounts_apart(document));
        let first = *seen.entry((place, places(&documents))).or_insert(all.len());
        let is_like = !is_apart && !is_distinguished && first < all.len();
        if !is_like {
            let source = StepSource::Foreign(arn);
            all.push(AskingAccount { id, place, documents, is_distinguished, ..outsider(source) });
        }
        let caller = if is_like { all.get_mut(first) } else { all.last_mut() };
        match (described, caller) {
            (Ok(account), Some(caller)) => caller.accounts.push(account),
            (Err(member), Some(caller)) => caller.members.push((id, member)),
            (_, None) => {}
        }
    }
    all
}

/// An organization lives in one partition.
fn partition(model: &AccessModel) -> Partition {
    model.accounts.values().next().map(|a| a.partition).unwrap_or_default()
}

fn root_arn(partition: Partition, id: &str) -> String {
    format!("arn:{partition}:iam::{id}:root")
}

/// Where documents lie, which tells them apart.
fn places(documents: &[&Arc<Document>]) -> Vec<usize> {
    documents.iter().map(|document| Arc::as_ptr(document).addr()).collect()
}

/// Roles that whoever issues identities of an EKS cluster, a pool of Cognito or keys in a bucket gets into, each with the accounts that it is
/// in and gets into.
///
/// Source: EKS User Guide, "Authenticate to another account with IRSA"; Cognito Developer Guide, "IAM roles".
fn issued<'a>(
    model: &'a AccessModel,
    result: &SideResult,
) -> Vec<(&'a PrincipalNode, BTreeSet<Handle>)> {
    let by_source = by_source(&result.edges);
    let is_issued = |step: &&PathStep| match &step.source {
        // A trust anchor may rest on a certificate authority of any account (IAM Roles Anywhere User Guide, "Trust model").
        StepSource::Service(service) => service == ROLES_ANYWHERE,
        StepSource::Federated(provider) => match TokenIssuer::of(provider) {
            // Whose bucket holds the keys, and who may write there, is known of one that was read.
            Some(TokenIssuer::Bucket(_)) => {
                let keys = keys_of(provider).and_then(|bucket| model.resources.get(&bucket));
                keys.is_none_or(ResourceNode::is_unreadable)
            }
            issuer => issuer.is_some(),
        },
        _ => false,
    };
    let roles: BTreeSet<&str> =
        result.edges.keys().filter(is_issued).map(|step| step.target.arn()).collect();
    let roles = roles.into_iter().filter_map(|arn| model.principals.get(arn));
    let reaching = |role: &'a Arc<PrincipalNode>| {
        let mut accounts = onward(model, &by_source, &StepSource::Principal(role.arn.clone()));
        accounts.insert(role.account.clone());
        (role.as_ref(), accounts)
    };
    roles.map(reaching).collect()
}

/// Accounts with a role that Lambda may assume and that gets out of them, each with the environments that it gets into.
fn functions<'a>(
    model: &'a AccessModel,
    result: &'a SideResult,
) -> BTreeMap<&'a Handle, BTreeSet<&'a str>> {
    let by_source = by_source(&result.edges);
    let mut all: BTreeMap<&Handle, BTreeSet<&str>> = BTreeMap::new();
    for source in by_source.keys() {
        let StepSource::Principal(arn) = source else { continue };
        let Some(role) = model.principals.get(arn) else { continue };
        let runs = format!("{}.", FUNCTION.service);
        if !services_of(role).iter().any(|service| service.starts_with(&runs)) {
            continue;
        }
        let accounts = onward(model, &by_source, source);
        let nodes = accounts.iter().filter_map(|account| model.accounts.get(account));
        let environments = nodes.flat_map(|node| node.environments.iter().map(String::as_str));
        all.entry(&role.account).or_default().extend(environments);
    }
    all
}

/// The accounts of others that each origin gets into or writes into, or where it holds power.
fn entered(model: &AccessModel, result: &SideResult) -> BTreeMap<Origin, BTreeSet<Handle>> {
    let by_source = by_source(&result.edges);
    let mut reach = reach(model, &by_source, &result.passed);
    // Every proof says that it trusts the management account.
    reach.remove(&Origin::Management);
    // By power, too: there an account counts whatever environments it is in.
    let mut entered: BTreeMap<Origin, BTreeSet<Handle>> = result.powers.entered.clone();
    entered.remove(&Origin::Management);
    for (origin, reached) in &reach {
        let all = entered.entry(origin.clone()).or_default();
        for source in reached.keys() {
            all.extend(home(model, source).cloned());
            all.extend(written(model, &by_source, source));
        }
        all.retain(|account| !belongs_to(model, account, origin));
    }
    entered
}

/// The roles whose code each origin can speak to, with all environments that follow.
fn code<'a>(
    model: &'a AccessModel,
    result: &'a SideResult,
    entered: &BTreeMap<Origin, BTreeSet<Handle>>,
) -> BTreeMap<Origin, RunningCode<'a>> {
    let by_source = by_source(&result.edges);
    let mut reach = reach(model, &by_source, &result.passed);
    reach.remove(&Origin::Management);
    let strangers = entered.values().flatten().cloned().collect();
    let leads = leads(model, result, &by_source, &strangers);
    let mut all = BTreeMap::new();
    if leads.is_empty() {
        return all;
    }
    let mut by_account: BTreeMap<&Handle, Vec<&'a PrincipalNode>> = BTreeMap::new();
    for arn in leads.keys() {
        let Some(role) = model.principals.get(*arn) else { continue };
        by_account.entry(&role.account).or_default().push(role);
    }
    let onward = |arn: &str| leads.get(arn).into_iter().flatten().copied();
    for (origin, reached) in reach {
        let entered = entered.get(&origin).into_iter().flatten();
        let known = entered.filter_map(|account| model.accounts.get_key_value(account));
        let mut queue: Vec<&Handle> = known.map(|(account, _)| account).collect();
        let mut entered: BTreeSet<&Handle> = queue.iter().copied().collect();
        // Roles that its code speaks to, and where those that lie in an account lead.
        let mut roles: Vec<&PrincipalNode> = Vec::new();
        let mut steps: BTreeMap<&Handle, BTreeSet<&Handle>> = BTreeMap::new();
        while let Some(account) = queue.pop() {
            if belongs_to(model, account, &origin) {
                continue;
            }
            for role in by_account.get(account).into_iter().flatten() {
                if reached.contains_key(&StepSource::Principal(role.arn.clone())) {
                    continue;
                }
                roles.push(role);
                steps.entry(account).or_default().extend(onward(&role.arn));
                queue.extend(onward(&role.arn).filter(|next| entered.insert(next)));
            }
        }
        // What the code of one makes the code of another do counts for both.
        let environments = environments_behind(model, &steps);
        // Most roles of an account lead to the same ones.
        let mut known: BTreeMap<Vec<&Handle>, Rc<BTreeSet<&'a str>>> = BTreeMap::new();
        let mut behind = |role: &PrincipalNode| {
            let next: Vec<&Handle> = onward(&role.arn).collect();
            let union = |next: &Vec<&Handle>| -> BTreeSet<&'a str> {
                let all = next.iter().filter_map(|account| environments.get(account));
                all.flat_map(|all| all.iter().copied()).collect()
            };
            Rc::clone(known.entry(next).or_insert_with_key(|next| Rc::new(union(next))))
        };
        roles.sort_by(|one, other| one.arn.cmp(&other.arn));
        let speaks: Vec<_> = roles.into_iter().map(|role| (role, behind(role))).collect();
        if !speaks.is_empty() {
            all.insert(origin, speaks);
        }
    }
    all
}

/// The environments that each account leads to: its own, and those of the accounts behind it. Accounts that lead to each
/// other share them.
fn environments_behind<'a>(
    model: &'a AccessModel,
    steps: &BTreeMap<&'a Handle, BTreeSet<&'a Handle>>,
) -> BTreeMap<&'a Handle, Rc<BTreeSet<&'a str>>> {
    let mut graph: DiGraph<&Handle, ()> = DiGraph::new();
    let mut places: BTreeMap<&Handle, NodeIndex> = BTreeMap::new();
    for account in steps.keys().chain(steps.values().flatten()) {
        places.entry(account).or_insert_with(|| graph.add_node(account));
    }
    for (account, next) in steps {
        for next in next {
            if let (Some(from), Some(to)) = (places.get(account), places.get(next)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let mut found: BTreeMap<&Handle, Rc<BTreeSet<&str>>> = BTreeMap::new();
    // Successors come first.
    for alike in kosaraju_scc(&graph) {
        let accounts: Vec<&Handle> =
            alike.iter().filter_map(|place| graph.node_weight(*place).copied()).collect();
        let mut all: BTreeSet<&str> = BTreeSet::new();
        for account in &accounts {
            let own = model.accounts.get(*account).into_iter().flat_map(|node| &node.environments);
            all.extend(own.map(String::as_str));
            let behind = steps.get(account).into_iter().flatten();
            all.extend(behind.filter_map(|next| found.get(next)).flat_map(|next| next.iter()));
        }
        let all = Rc::new(all);
        found.extend(accounts.into_iter().map(|account| (account, Rc::clone(&all))));
    }
    found
}

/// The accounts that each role gets into which a service assumes, by ARN: by roles that it assumes, by what it
/// writes there, or by power. Power over its own account counts in those that `strangers` get into: there the
/// account's other principals do what the role makes of them.
fn leads<'a>(
    model: &'a AccessModel,
    result: &'a SideResult,
    by_source: &BySource<'a>,
    strangers: &BTreeSet<Handle>,
) -> BTreeMap<&'a str, BTreeSet<&'a Handle>> {
    let mut all: BTreeMap<&str, BTreeSet<&Handle>> = BTreeMap::new();
    let mut add = |arn: &str, accounts: BTreeSet<Handle>| {
        let Some((arn, role)) = model.principals.get_key_value(arn) else { return };
        let others = accounts.iter().filter(|account| **account != role.account);
        let others: Vec<&Handle> =
            others.filter_map(|account| Some(&model.accounts.get(account)?.handle)).collect();
        if !others.is_empty() && runs_code(model, arn) {
            all.entry(arn.as_str()).or_default().extend(others);
        }
    };
    for source in by_source.keys() {
        if let StepSource::Principal(arn) = source {
            add(arn, onward(model, by_source, source));
        }
    }
    for (account, targets) in opened(model, result) {
        if !strangers.contains(account) {
            continue;
        }
        let mut accounts: BTreeSet<Handle> =
            targets.iter().filter_map(|target| account_of(model, target)).collect();
        for target in &targets {
            let StepTarget::Role(arn) = target else { continue };
            let role = StepSource::Principal(arn.clone());
            if by_source.contains_key(&role) {
                accounts.extend(onward(model, by_source, &role));
            }
        }
        for role in model.principals_of(account).filter(|role| may_change_policies(role)) {
            add(&role.arn, accounts.clone());
        }
    }
    for path in &result.powers.paths {
        let steps = path.chain.iter().filter_map(|link| match link {
            PowerLink::PathStep(step) => match &step.source {
                StepSource::Principal(arn) => Some(arn),
                _ => None,
            },
            other => other.holder(),
        });
        for arn in steps.chain([&path.holder]) {
            add(arn, [path.to_account.clone()].into());
        }
    }
    all
}

/// The accounts that a principal gets into by open steps, or writes into.
fn onward(model: &AccessModel, by_source: &BySource<'_>, source: &StepSource) -> BTreeSet<Handle> {
    let mut accounts = BTreeSet::new();
    let mut seen = BTreeSet::from([source.clone()]);
    let mut queue = VecDeque::from([source.clone()]);
    while let Some(source) = queue.pop_front() {
        accounts.extend(written(model, by_source, &source));
        for edge in by_source.get(&source).into_iter().flatten() {
            if let StepTarget::Role(arn) = &edge.step.target {
                accounts.extend(account_of(model, &edge.step.target));
                let next = StepSource::Principal(arn.clone());
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }
    accounts
}

/// The accounts into whose resources somebody writes.
fn written(model: &AccessModel, by_source: &BySource<'_>, source: &StepSource) -> BTreeSet<Handle> {
    let writes = |edge: &&&StepEdge| {
        matches!(edge.step.target, StepTarget::Resource(_))
            && edge.openings.iter().any(|opening| is_write(&opening.witness.action))
    };
    let edges = by_source.get(source).into_iter().flatten();
    edges.filter(writes).filter_map(|edge| account_of(model, &edge.step.target)).collect()
}

/// Whether a service that runs code may assume a role. AWS alone decides what runs under the roles that it links to
/// its services.
fn runs_code(model: &AccessModel, arn: &str) -> bool {
    let role = model.principals.get(arn).filter(|_| !arn.contains(":role/aws-service-role/"));
    let trust = role.and_then(|role| role.trust.as_ref());
    let statements = trust.into_iter().flat_map(|trust| &trust.document.statements);
    let allowing = statements.filter(|statement| statement.effect == Effect::Allow);
    let mut named = allowing.flat_map(|s| s.principals.iter().flat_map(Principals::items));
    // What a service does with a role of which the data knows nothing nobody can tell.
    named.any(|(kind, _)| kind == PrincipalType::Service)
}

/// Whether an action carries anything in: all that is not known to read.
fn is_write(action: &str) -> bool {
    let known = catalogue().find(action).and_then(|id| catalogue().action(id));
    known.is_none_or(|action| !matches!(action.access, "List" | "Read"))
}

fn documents(levels: &[(String, Vec<NamedPolicy>)]) -> Vec<&Arc<Document>> {
    levels.iter().flat_map(|(_, policies)| policies.iter().map(|p| &p.document)).collect()
}

/// Whether a guardrail says anything of a service but that everything is allowed.
fn bears_on(document: &Document, service: &str) -> bool {
    let prefix = format!("{service}:");
    let everything = |items: &[Item]| items.iter().any(|item| item.text.known() == Some("*"));
    let speaks = |item: &Item| {
        let text = item.text.symbolic().to_ascii_lowercase();
        let head = text.split(['*', '?']).next().unwrap_or_default();
        prefix.starts_with(head) || head.starts_with(&prefix)
    };
    document.statements.iter().any(|statement| match statement.effect {
        Effect::Deny => statement.actions.is_empty() || statement.actions.iter().any(speaks),
        // An allow list is felt by what it leaves out.
        Effect::Allow => {
            !(everything(&statement.actions)
                && everything(&statement.resources)
                && statement.conditions.is_empty())
        }
    })
}

/// Whether a policy may answer differently for two accounts of one unit.
fn tells_accounts_apart(document: &Document) -> bool {
    const SHARED: [&str; 8] = [
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:sourceorgid",
        "aws:principalisawsservice",
        "aws:viaawsservice",
        "aws:securetransport",
    ];
    document.statements.iter().any(|statement| {
        let keys = statement.conditions.iter().map(|c| c.key.to_ascii_lowercase());
        let mut keys = keys.chain(variable_keys(statement));
        let resources = statement.resources.iter().chain(&statement.not_resources);
        let mut texts = resources.map(|item| item.text.symbolic());
        keys.any(|key| !SHARED.contains(&key.as_str())) || texts.any(|text| text != "*")
    })
}
