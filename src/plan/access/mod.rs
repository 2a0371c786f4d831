//! The sides of a plan as access models: what the isolation analysis looks at.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use super::sides::{Side, SideObject, Sides};
use crate::access::{
    AccessModel, AccountFacts, Coverage, Facts, KEY, NamedPolicy, Permissions, PrincipalKind,
    PrincipalNode, ResourceType, STATE_STORE,
};
use crate::address::ResourceAddr;
use crate::eval::estate::{Account, Estate};
use crate::iam::{Document, Effect, Item, KeyGrant, PrincipalType, Principals, Statement};
use crate::ids::{Handle, Partition};
use crate::provider::PolicyReadings;
use crate::schema::{
    AccessPart, AccountState, CREATED_ROLE, access_of, account_state, kind_of_arn, kinds,
};
use crate::value::{Unknown, Value};

mod arns;
mod organization;
mod policies;
mod principals;
mod resources;

use arns::ComingArns;
use organization::{guardrails, has_service_control, organization, parent};
use policies::{PolicyCache, SharedPolicies};
use principals::{is_aws_managed, managed_policies, principals};
use resources::ResourceNodes;

/// Both sides, before and after.
#[must_use]
pub fn models(estate: &Estate, sides: &Sides) -> (AccessModel, AccessModel) {
    let cache = SharedPolicies::new(PolicyCache::new(ComingArns::of(estate, &sides.after)));
    let model = |side| AccessModel::new(facts(estate, side, sides, &cache));
    thread::scope(|scope| {
        let before = thread::Builder::new().spawn_scoped(scope, || model(&sides.before));
        let after = model(&sides.after);
        match before.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(before)) => (before, after),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread was to be had: the work is done here.
            Err(_) => (model(&sides.before), after),
        }
    })
}

/// The after side alone.
#[must_use]
pub fn model_after(estate: &Estate, sides: &Sides) -> AccessModel {
    let cache = SharedPolicies::new(PolicyCache::new(ComingArns::of(estate, &sides.after)));
    AccessModel::new(facts(estate, &sides.after, sides, &cache))
}

/// What one side says.
fn facts(estate: &Estate, side: &Side, sides: &Sides, cache: &SharedPolicies) -> Facts {
    let organization = organization(side);
    let complete = sides.guardrails_read && has_service_control(&sides.before);
    let mut accounts = accounts(estate, side, sides);
    let ResourceNodes { nodes: resources, unjudged } =
        resources::of(estate, side, sides, &accounts, cache);
    let managed = Arc::new(managed_policies(side, cache));
    let (mut principals, groups) = principals(side, &managed, cache);
    if let Some(organization) = &organization {
        add_default_roles(&accounts, &organization.management_account, side, &mut principals);
    }
    for account in &mut accounts {
        // Of an account that the plan makes, what it puts there is known.
        let is_known = matches!(account.coverage, Coverage::Read | Coverage::Absent);
        if let (true, Some(why)) = (is_known, unjudged.get(&account.handle)) {
            account.coverage = Coverage::Unjudged(why.clone());
        }
    }
    let is_principal = |o: &SideObject| part(o).is_some_and(AccessPart::is_principal);
    let others = side.objects.iter().filter(|o| !is_principal(o));
    Facts {
        live: sides.live,
        organization,
        guardrails: guardrails(side, complete, cache),
        accounts,
        principals,
        groups,
        managed_policies: managed,
        resources,
        listed_types: listed_types(),
        listed_beside: listed_beside(sides),
        listed_in_part: listed_in_part(sides),
        grants: grants(sides),
        lists_grants: lists_grants(sides),
        state_bucket: estate.state_bucket.as_ref().map(|name| {
            let partition = Partition::of_region(estate.provider.region.as_str());
            STATE_STORE.global_arn(partition, name)
        }),
        locations: others.filter_map(|o| Some((label(o), o.location.clone()?))).collect(),
    }
}

fn accounts(estate: &Estate, side: &Side, sides: &Sides) -> Vec<AccountFacts> {
    let objects: HashMap<&ResourceAddr, &SideObject> = side
        .objects
        .iter()
        .filter(|o| part(o).is_some_and(AccessPart::is_account))
        .filter_map(|o| Some((o.address.as_ref()?, o)))
        .collect();
    let facts = estate.accounts.values().map(|account| {
        let object = objects.get(&account.address);
        let id = object
            .and_then(|o| o.attrs.get("id"))
            .map(symbol)
            .or_else(|| account.id.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| {
                symbol(&Value::Unknown(Unknown::attr(account.address.clone(), "id")))
            });
        let is_closed =
            object.is_some_and(|o| account_state(&o.attrs) == Some(AccountState::Closed));
        let coverage = match sides.unread.get(&account.handle) {
            _ if is_closed => Coverage::Closed,
            Some(why) => Coverage::Unread(why.clone()),
            None if sides.absent.contains(&account.handle) => Coverage::Absent,
            None => Coverage::Read,
        };
        AccountFacts {
            handle: account.handle.clone(),
            id,
            partition: partition(estate, account),
            environments: account.environments.clone(),
            parent: object.and_then(|o| o.attrs.get(parent(o)?)).map(symbol),
            emulated: account.endpoint_url.is_some(),
            coverage,
        }
    });
    facts.collect()
}

fn partition(estate: &Estate, account: &Account) -> Partition {
    Partition::of_region(account.region.as_ref().unwrap_or(&estate.provider.region).as_str())
}

/// What creation gives an account that does not exist yet: the role through which the management
/// account enters it (Organizations guide, "Accessing member accounts").
fn add_default_roles(
    accounts: &[AccountFacts],
    management: &str,
    side: &Side,
    principals: &mut Vec<Arc<PrincipalNode>>,
) {
    let objects = side.objects.iter().filter(|o| part(o).is_some_and(AccessPart::is_account));
    let planned: HashSet<String> = objects.filter_map(|o| o.attrs.get("id").map(symbol)).collect();
    let known: BTreeSet<String> = principals.iter().map(|p| p.arn.clone()).collect();
    let absent = accounts.iter().filter(|a| a.coverage == Coverage::Absent);
    for account in absent.filter(|a| planned.contains(&a.id)) {
        let name = CREATED_ROLE;
        let partition = account.partition;
        let resource = format!("role/{name}");
        let arn = format!("arn:{partition}:iam::{}:{resource}", account.id);
        if known.contains(&arn) {
            continue;
        }
        let kind = kind_of_arn("iam", &resource).unwrap_or_default();
        let label = format!("{kind}/{name}@{}", account.handle);
        let permissions =
            || Permissions { identity: vec![NamedPolicy::full_access()], ..Permissions::default() };
        let mut trust = Statement::new(Effect::Allow);
        trust.actions = vec![Item::new("sts:AssumeRole")];
        let root = format!("arn:{partition}:iam::{management}:root");
        trust.principals = Some(Principals::of(PrincipalType::Aws, [root.as_str()]));
        let trust = NamedPolicy::new(&label, "trust", Document::new([trust]));
        let kind = PrincipalKind::Role;
        let mut node = PrincipalNode::new(arn, account.handle.clone(), kind, label, permissions);
        node.trust = Some(trust);
        principals.push(Arc::new(node));
    }
}

/// The types whose policies were read in every Region of an account.
fn listed_beside(sides: &Sides) -> BTreeMap<Handle, BTreeSet<&'static str>> {
    let whole = |policies: &PolicyReadings| {
        let read = policies.read.iter().filter(|(_, beyond)| beyond.is_none());
        read.map(|(of, _)| *of).collect()
    };
    sides.policies.iter().map(|(handle, policies)| (handle.clone(), whole(policies))).collect()
}

/// The types whose policies were read in some Regions of an account alone, and where not.
fn listed_in_part(sides: &Sides) -> BTreeMap<Handle, BTreeMap<&'static str, String>> {
    let in_part = |policies: &PolicyReadings| {
        let read = policies.read.iter();
        read.filter_map(|(of, beyond)| Some((*of, beyond.clone()?))).collect()
    };
    sides.policies.iter().map(|(handle, policies)| (handle.clone(), in_part(policies))).collect()
}

/// The grants on keys, each with the ARN of its key.
fn grants(sides: &Sides) -> Vec<(String, KeyGrant)> {
    let resources = sides.policies.values().flat_map(|policies| &policies.resources);
    let grants = resources.flat_map(|(arn, reading)| {
        reading.grants.iter().flatten().flatten().map(|grant| (arn.clone(), grant.clone()))
    });
    grants.collect()
}

/// The accounts of which the grants on every key that was listed are known; one where they could not be read is not judged.
fn lists_grants(sides: &Sides) -> BTreeSet<Handle> {
    let all = sides.policies.iter();
    let read = all.filter(|(_, policies)| policies.read.contains_key(KEY.name));
    read.map(|(handle, _)| handle.clone()).collect()
}

/// The types of resources that a bulk read lists whole.
fn listed_types() -> BTreeSet<&'static str> {
    let parts = kinds().iter().map(|kind| kind.schema().meaning.access);
    let listed = parts.filter_map(|part| match part {
        AccessPart::Resource(says) => ResourceType::of_service(says.service),
        _ => None,
    });
    listed.map(|kind| kind.name).collect()
}

/// The part that an object plays in access.
fn part(object: &SideObject) -> Option<AccessPart> {
    access_of(&object.kind)
}

/// How reports call an object.
fn label(object: &SideObject) -> String {
    match (&object.address, &object.account) {
        (Some(address), _) => address.to_string(),
        // AWS's own policies are the same in every account.
        (None, _) if is_aws_managed(&object.key) => object.key.clone(),
        (None, Some(account)) => format!("{}/{}@{account}", object.kind, object.key),
        (None, None) => format!("{}/{}", object.kind, object.key),
    }
}

/// A text with the parts that are unknown until apply as symbols, the same for equal unknowns.
#[must_use]
pub fn symbol(value: &Value) -> String {
    use crate::iam::Placeholder;
    use crate::value::StringPart;
    match value.reveal() {
        Value::String(text) => text.clone(),
        Value::Unknown(unknown) => unknown
            .parts
            .iter()
            .map(|part| match part {
                StringPart::Text(text) => text.clone(),
                StringPart::Ref(reference) => Placeholder::new(reference.to_string()).symbol(),
            })
            .collect(),
        other => other.to_json().to_string(),
    }
}

fn policy(object: &SideObject, attr: &str, part: &str, cache: &PolicyCache) -> Option<NamedPolicy> {
    cache.policy(object.attrs.get(attr)?, &label(object), part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that says that its objects carry a policy is judged: the analysis has a row for it.
    #[test]
    fn every_kind_with_a_policy_has_a_row() {
        let mut judged = 0;
        for kind in kinds() {
            if let AccessPart::Resource(says) = kind.schema().meaning.access {
                assert!(ResourceType::of_service(says.service).is_some(), "{}", kind.schema().kind);
                judged += 1;
            }
        }
        assert!(judged > 0);
    }
}
