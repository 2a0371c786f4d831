//! The sides of a plan as access models: what the isolation analysis looks at.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use super::sides::{Side, SideObject, Sides};
use crate::access::{
    AccessLists, AccessModel, AccountFacts, Coverage, Facts, NamedPolicy, Permissions,
    PrincipalKind, PrincipalNode, ResourceNode, ResourcePolicy, ResourceTags, ResourceType,
    STATE_STORE,
};
use crate::address::ResourceAddr;
use crate::eval::estate::{Account, Estate};
use crate::iam::{Document, Effect, Item, PrincipalType, Principals, Statement};
use crate::ids::{Handle, Partition};
use crate::schema::{
    AccessPart, AccountState, CREATED_ROLE, EncryptionDeclaration, ResourceDeclaration, access_of,
    account_state, kind_of_arn, kinds,
};
use crate::value::{Unknown, Value};

mod organization;
mod policies;
mod principals;

use organization::{guardrails, has_service_control, organization, parent};
use policies::{PolicyCache, SharedPolicies};
use principals::{is_aws_managed, managed_policies, principals};

/// Both sides, before and after.
#[must_use]
pub fn models(estate: &Estate, sides: &Sides) -> (AccessModel, AccessModel) {
    let cache = SharedPolicies::default();
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
    AccessModel::new(facts(estate, &sides.after, sides, &SharedPolicies::default()))
}

/// What one side says.
fn facts(estate: &Estate, side: &Side, sides: &Sides, cache: &SharedPolicies) -> Facts {
    let organization = organization(side);
    let complete = sides.guardrails_read && has_service_control(&sides.before);
    let accounts = accounts(estate, side, sides);
    let managed = Arc::new(managed_policies(side, cache));
    let (mut principals, groups) = principals(side, &managed, cache);
    if let Some(organization) = &organization {
        add_default_roles(&accounts, &organization.management_account, side, &mut principals);
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
        resources: resources(estate, side, cache),
        listed_types: listed_types(),
        listed_beside: BTreeMap::new(),
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

/// The types of resources that a bulk read lists whole.
fn listed_types() -> BTreeSet<&'static str> {
    let parts = kinds().iter().map(|kind| kind.schema().meaning.access);
    let listed = parts.filter_map(|part| match part {
        AccessPart::Resource(says) => ResourceType::of_service(says.service),
        _ => None,
    });
    listed.map(|kind| kind.name).collect()
}

/// Resources with a policy of their own, of whatever kind.
fn resources(estate: &Estate, side: &Side, cache: &PolicyCache) -> Vec<ResourceNode> {
    let blocks = |o: &SideObject, switch: &str| match part(o) {
        Some(AccessPart::AccountSettings { public_access_block }) => {
            is_on(o, public_access_block, switch)
        }
        _ => false,
    };
    let accounts_that = |switch: &'static str| -> BTreeSet<&Handle> {
        let all = side.objects.iter().filter(|o| blocks(o, switch));
        all.filter_map(|o| o.account.as_ref()).collect()
    };
    let (blocking, ignoring) = (accounts_that(RESTRICT_PUBLIC), accounts_that(IGNORE_PUBLIC));
    let node = |object: &SideObject| {
        let Some(AccessPart::Resource(says)) = part(object) else { return None };
        let kind = ResourceType::of_service(says.service)?;
        let account = object.account.clone()?;
        let attribute = object.attrs.get(says.policy).filter(|p| !p.is_null());
        let is_empty = |p: &Value| p.as_map().is_some_and(|m| m.is_empty());
        let policy = match attribute {
            None => ResourcePolicy::Absent,
            Some(value) if is_empty(value) => ResourcePolicy::Absent,
            Some(_) => match policy(object, says.policy, "policy", cache) {
                Some(policy) => ResourcePolicy::Document(policy),
                None => ResourcePolicy::Unreadable,
            },
        };
        let own_block = says.public_access_block;
        Some(ResourceNode {
            kind,
            arn: arn_of(object, says, estate.accounts.get(&account).map(|a| partition(estate, a)))?,
            label: label(object),
            location: object.location.clone(),
            policy,
            // The account's own block holds for every bucket in it (S3 User Guide, "Blocking public
            // access to your Amazon S3 storage").
            restrict_public: own_block.is_some_and(|own| {
                blocking.contains(&account) || is_on(object, own, RESTRICT_PUBLIC)
            }),
            access_lists: match says.ownership {
                Some(ownership) => AccessLists::of(
                    object.attrs.get(ownership).and_then(Value::as_str),
                    ignoring.contains(&account)
                        || own_block.is_some_and(|own| is_on(object, own, IGNORE_PUBLIC)),
                ),
                None => AccessLists::Off,
            },
            key: says.encryption.and_then(|of| key_of(object, says.service, of)),
            tags: tags_of(object, says.tags_count),
            account,
        })
    };
    side.objects.iter().filter_map(node).collect()
}

/// The ARN of a resource; one that follows from a global name is there before AWS has answered.
fn arn_of(
    resource: &SideObject,
    says: ResourceDeclaration,
    partition: Option<Partition>,
) -> Option<String> {
    match says.global_name.and_then(|attr| resource.attrs.get(attr)) {
        Some(name) => {
            let of = ResourceType::of_service(says.service)?;
            Some(of.global_arn(partition.unwrap_or_default(), &symbol(name)))
        }
        None => resource.attrs.get("arn").map(symbol),
    }
}

/// The block of public access under which public policies let in the account's own alone.
const RESTRICT_PUBLIC: &str = "restrict_public_buckets";

/// The one under which public access control lists let nobody in.
const IGNORE_PUBLIC: &str = "ignore_public_acls";

/// Whether a switch is on among the blocks of public access that an object sets.
fn is_on(object: &SideObject, attr: &str, switch: &str) -> bool {
    let blocks = object.attrs.get(attr).and_then(Value::as_map);
    blocks.and_then(|b| b.get(switch)?.as_bool()).unwrap_or(false)
}

/// The KMS key of a resource's default encryption; AWS's own of that service where none is named.
fn key_of(resource: &SideObject, service: &str, declared: EncryptionDeclaration) -> Option<String> {
    let encryption = resource.attrs.get(declared.attr).and_then(Value::as_map)?;
    let by_kms = encryption.get(declared.algorithm)?.as_str()?.starts_with("aws:kms");
    let key = encryption.get(declared.key).filter(|key| !key.is_null()).map(symbol);
    by_kms.then(|| key.unwrap_or_else(|| format!("aws/{service}")))
}

/// The tags of a resource as policies see them.
fn tags_of(resource: &SideObject, count: Option<&str>) -> ResourceTags {
    match count.and_then(|attr| resource.attrs.get(attr)?.as_bool()) {
        Some(false) => ResourceTags::Hidden,
        Some(true) => match resource.attrs.get("tags").and_then(Value::as_map) {
            Some(tags) => {
                let pair = |(key, value): (&String, &Value)| {
                    (key.clone(), value.as_str().map(str::to_owned))
                };
                ResourceTags::Known(tags.iter().map(pair).collect())
            }
            None => ResourceTags::Unknown,
        },
        None => ResourceTags::Unknown,
    }
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
