//! Resources with a policy of their own, of whatever kind: those that were read, and what the plan's objects make of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::policies::PolicyCache;
use super::{label, part, partition, symbol};
use crate::access::{
    AccessLists, AccountFacts, NamedPolicy, ResourceNode, ResourcePolicy, ResourceTags,
    ResourceType, queue_arn, statement_of,
};
use crate::eval::estate::Estate;
use crate::iam::{Document, Statement};
use crate::ids::Handle;
use crate::plan::sides::{Side, SideObject, Sides};
use crate::provider::ResourceReading;
use crate::schema::resource::REGION;
use crate::schema::{
    AccessPart, EncryptionDeclaration, PolicyOnResource, ResourceDeclaration, StatementOnResource,
};
use crate::value::Value;

/// The resources of one side.
pub(super) struct ResourceNodes {
    pub(super) nodes: Vec<ResourceNode>,
    /// Accounts in which something grants access that is not judged, and what.
    pub(super) unjudged: BTreeMap<Handle, String>,
}

/// The resources of one side.
pub(super) fn of(
    estate: &Estate,
    side: &Side,
    sides: &Sides,
    accounts: &[AccountFacts],
    cache: &PolicyCache,
) -> ResourceNodes {
    let mut all = Assembly {
        estate,
        cache,
        blocks: AccountBlocks::of(side),
        accounts: accounts.iter().map(|account| (&account.handle, account)).collect(),
        nodes: BTreeMap::new(),
        named: BTreeMap::new(),
        attached: BTreeMap::new(),
        unjudged: BTreeMap::new(),
    };
    for (handle, policies) in &sides.policies {
        for (arn, reading) in &policies.resources {
            all.read(handle, arn, reading);
        }
    }
    // What the plan deletes or replaces was read and is not there afterwards.
    if !std::ptr::eq(side, &sides.before) {
        sides.gone.iter().for_each(|object| all.gone(object));
    }
    for object in &side.objects {
        all.own(object);
    }
    for object in &side.objects {
        all.attached(object);
        all.unjudged(object);
    }
    for object in &side.objects {
        all.statement(object);
    }
    for object in &side.objects {
        all.replicas(object);
    }
    ResourceNodes { nodes: all.nodes.into_values().collect(), unjudged: all.unjudged }
}

/// The resources while they are put together.
struct Assembly<'a> {
    estate: &'a Estate,
    cache: &'a PolicyCache,
    blocks: AccountBlocks<'a>,
    accounts: BTreeMap<&'a Handle, &'a AccountFacts>,
    nodes: BTreeMap<String, ResourceNode>,
    /// ARNs of resources that the side has as objects, by account, Region, service and what else names them.
    named: BTreeMap<(Handle, String, &'static str, String), String>,
    /// The objects that are policies, by the ARNs of their resources.
    attached: BTreeMap<String, String>,
    unjudged: BTreeMap<Handle, String>,
}

/// Attributes that name a resource beside its ARN.
const NAMES: [&str; 4] = ["id", "FunctionName", "Name", "QueueUrl"];

impl Assembly<'_> {
    /// A resource that was read.
    fn read(&mut self, account: &Handle, arn: &str, reading: &ResourceReading) {
        let Some(kind) = ResourceType::named(reading.kind) else { return };
        let label = read_label(kind, arn, account);
        let policy = match &reading.policy {
            Ok(None) => ResourcePolicy::Absent,
            Ok(Some(text)) => document(self.cache.text(text, kind.service, &label)),
            Err(_) => ResourcePolicy::Unreadable,
        };
        if let Err(why) = &reading.grants {
            self.unjudged
                .entry(account.clone())
                .or_insert_with(|| format!("the grants on `{label}` could not be read: {why}"));
        }
        let node = ResourceNode { policy, ..bare(kind, arn.to_owned(), account.clone(), label) };
        self.nodes.insert(arn.to_owned(), node);
    }

    /// A resource, or the policy of one, that the plan deletes.
    fn gone(&mut self, object: &SideObject) {
        match part(object) {
            Some(AccessPart::Resource(says)) => {
                let account = object.account.as_ref();
                if let Some(arn) = self.arn(object, says, account) {
                    self.nodes.remove(&arn);
                }
            }
            Some(AccessPart::PolicyOf(says)) => {
                let node = self.target(object, says).and_then(|arn| self.nodes.get_mut(&arn));
                if let Some(node) = node {
                    node.policy = ResourcePolicy::Absent;
                }
            }
            Some(AccessPart::StatementOf(says)) => {
                let sid = object.attrs.get(says.sid).map(symbol).unwrap_or_default();
                let node = self.holder(object, says).and_then(|arn| self.nodes.get_mut(&arn));
                if let Some(node) = node {
                    let label = node.label.clone();
                    let left = statements(node).into_iter();
                    let left = left.filter(|s| s.sid.as_deref() != Some(sid.as_str()));
                    node.policy = together(&label, left.collect());
                }
            }
            _ => {}
        }
    }

    /// A resource that the side has as an object.
    fn own(&mut self, object: &SideObject) {
        let Some(AccessPart::Resource(says)) = part(object) else { return };
        let (Some(kind), Some(account)) =
            (ResourceType::of_service(says.service), object.account.clone())
        else {
            return;
        };
        let Some(arn) = self.arn(object, says, Some(&account)) else { return };
        let region = self.region(object, &account).unwrap_or_default();
        let names = NAMES.iter().filter_map(|name| object.attrs.get(name));
        for name in names.filter(|name| !name.is_null()) {
            let place = (account.clone(), region.clone(), says.service, self.cache.symbol(name));
            self.named.insert(place, arn.clone());
        }
        let read = self.nodes.remove(&arn).map(|node| node.policy);
        let value = says.policy.and_then(|path| at(object, path)).filter(|value| !is_empty(value));
        let label = label(object);
        let policy = match (value, says.policy, read) {
            (Some(value), ..) => document(self.cache.resource(value, kind.service, &label)),
            // Nothing of the object says its policy, so it keeps the one that it has.
            (None, _, Some(read)) if says.policy.is_none() || object.address.is_none() => read,
            (None, Some(_), Some(read)) if !object.attrs.contains_key(root(says.policy)) => read,
            (None, ..) => self.default(kind, &account, &label),
        };
        let own_block = says.public_access_block;
        let node = ResourceNode {
            location: object.location.clone(),
            policy,
            // The account's own block holds for every bucket in it (S3 User Guide, "Blocking public
            // access to your Amazon S3 storage").
            restrict_public: own_block.is_some_and(|own| {
                self.blocks.restrict.contains(&account) || is_on(object, own, RESTRICT_PUBLIC)
            }),
            access_lists: match says.ownership {
                Some(ownership) => AccessLists::of(
                    object.attrs.get(ownership).and_then(Value::as_str),
                    self.blocks.ignore.contains(&account)
                        || own_block.is_some_and(|own| is_on(object, own, IGNORE_PUBLIC)),
                ),
                None => AccessLists::Off,
            },
            key: says.encryption.and_then(|of| key_of(object, says.service, of)),
            tags: tags_of(object, says.tags_count),
            ..bare(kind, arn.clone(), account, label)
        };
        self.nodes.insert(arn, node);
    }

    /// The policy that AWS gives a resource which is made without one.
    fn default(
        &self,
        kind: &'static ResourceType,
        account: &Handle,
        label: &str,
    ) -> ResourcePolicy {
        let (Some(account), Some(policy)) = (self.accounts.get(account), &kind.policy_by_default)
        else {
            return ResourcePolicy::Absent;
        };
        let text = policy.document(account.partition, &account.id).to_string();
        document(self.cache.text(&text, kind.service, label))
    }

    /// The policy of a resource that the side has as an object.
    fn attached(&mut self, object: &SideObject) {
        let Some(AccessPart::PolicyOf(says)) = part(object) else { return };
        let (Some(kind), Some(account)) =
            (ResourceType::of_service(says.service), object.account.clone())
        else {
            return;
        };
        let label = label(object);
        let Some(arn) = self.target(object, says) else {
            self.unjudged.entry(account).or_insert_with(|| {
                format!("the resource that `{label}` is the policy of is not known")
            });
            return;
        };
        if let Some(other) = self.attached.insert(arn.clone(), label.clone()) {
            self.unjudged.entry(account.clone()).or_insert_with(|| {
                format!("`{other}` and `{label}` are both the policy of one resource, and the one that is written last counts")
            });
        }
        let value = at(object, says.policy).filter(|value| !is_empty(value));
        let policy = match value {
            Some(value) => document(self.cache.resource(value, kind.service, &label)),
            None => ResourcePolicy::Absent,
        };
        let node = self
            .nodes
            .entry(arn.clone())
            .or_insert_with(|| bare(kind, arn, account, label.clone()));
        node.policy = policy;
        node.label = label;
        node.location.clone_from(&object.location);
    }

    /// A statement of the policy of a resource that the side has as an object.
    fn statement(&mut self, object: &SideObject) {
        let Some(AccessPart::StatementOf(says)) = part(object) else { return };
        let (Some(kind), Some(account)) =
            (ResourceType::of_service(says.service), object.account.clone())
        else {
            return;
        };
        let label = label(object);
        let Some(arn) = self.holder(object, says) else {
            self.unjudged.entry(account).or_insert_with(|| {
                format!("the resource to whose policy `{label}` adds a statement is not known")
            });
            return;
        };
        let made = self.made(object, says, &arn);
        let node = self
            .nodes
            .entry(arn.clone())
            .or_insert_with(|| bare(kind, arn, account, label.clone()));
        node.policy = match (made, node.is_unreadable()) {
            (Some(made), false) => {
                let mut all = statements(node);
                let sid = made.sid.clone();
                all.retain(|statement| statement.sid.is_none() || statement.sid != sid);
                all.push(made);
                together(&label, all)
            }
            _ => ResourcePolicy::Unreadable,
        };
        node.location.clone_from(&object.location);
    }

    /// The statement that a service makes of an object.
    fn made(&self, object: &SideObject, says: StatementOnResource, arn: &str) -> Option<Statement> {
        let said = object.attrs.iter().filter(|(_, value)| !value.is_null());
        let parts = ["Action", "Condition", "Principal", "Statement", says.sid, says.target];
        if parts.iter().any(|name| object.attrs.get(name as &str).is_some_and(is_opaque)) {
            return None;
        }
        let values: BTreeMap<&str, Json> =
            said.map(|(name, value)| (name.as_str(), symbolic(self.cache, value))).collect();
        let sid = values.get(says.sid).and_then(Json::as_str).unwrap_or_default();
        let account = object.account.as_ref().and_then(|handle| self.accounts.get(handle));
        let partition = account.map(|account| account.partition).unwrap_or_default();
        let statement = statement_of(says.service, &values, sid, arn, partition)?;
        let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let policy = self.cache.text(&text, says.service, "")?;
        policy.document.statements.first().cloned()
    }

    /// The ARN of the resource to whose policy a statement belongs.
    fn holder(&self, object: &SideObject, says: StatementOnResource) -> Option<String> {
        let handle = object.account.as_ref()?;
        let named = match object.attrs.get(says.target).filter(|name| !name.is_null()) {
            Some(named) if is_opaque(named) => return None,
            Some(named) => self.cache.symbol(named),
            None => says.unnamed?.to_owned(),
        };
        if named.starts_with("arn:") || self.nodes.contains_key(&named) {
            return Some(named);
        }
        let region = self.region(object, handle)?;
        let place = (handle.clone(), region.clone(), says.service, named.clone());
        if let Some(arn) = self.named.get(&place) {
            return Some(arn.clone());
        }
        let account = self.accounts.get(handle)?;
        let (partition, id) = (account.partition, &account.id);
        // A function may be named with its account before it: `123456789012:function:name`.
        let name = named.rsplit_once(":function:").map_or(named.as_str(), |(_, name)| name);
        Some(format!("arn:{partition}:{}:{region}:{id}:{}{name}", says.service, says.resource))
    }

    /// The copies of a resource in other Regions, which have its policy. If those Regions are not known, neither is what its account
    /// lets in.
    fn replicas(&mut self, object: &SideObject) {
        let Some(AccessPart::Resource(says)) = part(object) else { return };
        let Some(regions) = says.replicas.and_then(|attr| object.attrs.get(attr)) else { return };
        let Some(account) = object.account.clone() else { return };
        let node = self.arn(object, says, Some(&account)).and_then(|arn| self.nodes.get(&arn));
        let Some(node) = node.cloned() else { return };
        let listed = match regions.reveal() {
            Value::Null => return,
            Value::List(listed) => {
                listed.iter().map(|one| one.as_map()?.get("Region")?.as_str()).collect()
            }
            _ => None,
        };
        let Some(listed): Option<Vec<&str>> = listed else {
            let name = label(object);
            self.unjudged.entry(account).or_insert_with(|| {
                format!("the Regions that `{name}` is replicated to are not known")
            });
            return;
        };
        for region in listed {
            let mut parts: Vec<&str> = node.arn.split(':').collect();
            if let Some(own) = parts.get_mut(3) {
                *own = region;
            }
            let arn = parts.join(":");
            self.nodes.insert(arn.clone(), ResourceNode { arn, ..node.clone() });
        }
    }

    /// The Region that an object is in: its own, or its account's.
    fn region(&self, object: &SideObject, account: &Handle) -> Option<String> {
        if let Some(own) = object.attrs.get(REGION).and_then(Value::as_str) {
            return Some(own.to_owned());
        }
        let declared = self.estate.accounts.get(account)?;
        Some(declared.region.as_ref().unwrap_or(&self.estate.provider.region).to_string())
    }

    /// Something that grants access in a way that is not judged.
    fn unjudged(&mut self, object: &SideObject) {
        let Some(account) = object.account.clone() else { return };
        let (property, grants) = match part(object) {
            Some(AccessPart::Resource(says)) => {
                (says.unjudged, says.unjudged.is_some_and(|path| at(object, path).is_some()))
            }
            Some(AccessPart::Unjudged(None)) => (None, true),
            Some(AccessPart::Unjudged(Some(name))) => {
                let grants = object.attrs.iter().any(|(attr, value)| {
                    (attr == name && !value.is_null()) || has_property(value, name)
                });
                (Some(name), grants)
            }
            _ => return,
        };
        if grants {
            let name = label(object);
            self.unjudged.entry(account).or_insert_with(|| match property {
                Some(property) => {
                    format!("who gets access through `{property}` of `{name}` is not judged yet")
                }
                None => format!("who gets access through `{name}` is not judged yet"),
            });
        }
    }

    /// The ARN of a resource; one that follows from a global name is there before AWS has answered.
    fn arn(
        &self,
        resource: &SideObject,
        says: ResourceDeclaration,
        account: Option<&Handle>,
    ) -> Option<String> {
        match says.global_name.and_then(|attr| resource.attrs.get(attr)) {
            Some(name) => {
                let of = ResourceType::of_service(says.service)?;
                let account = account.and_then(|handle| self.estate.accounts.get(handle));
                let partition = account.map(|account| partition(self.estate, account));
                Some(of.global_arn(partition.unwrap_or_default(), &symbol(name)))
            }
            None => resource
                .attrs
                .get(says.arn)
                .filter(|arn| !arn.is_null())
                .map(|arn| self.cache.symbol(arn)),
        }
    }

    /// The ARN of the resource that a policy stands on.
    fn target(&self, object: &SideObject, says: PolicyOnResource) -> Option<String> {
        let named = self.cache.symbol(object.attrs.get(says.target)?);
        if named.starts_with("arn:") || self.nodes.contains_key(&named) {
            return Some(named);
        }
        let handle = object.account.as_ref()?;
        let region = self.region(object, handle)?;
        let place = (handle.clone(), region, says.service, named.clone());
        if let Some(arn) = self.named.get(&place) {
            return Some(arn.clone());
        }
        let account = self.accounts.get(handle)?;
        queue_arn(&named, account.partition.as_str())
    }
}

/// A resource of which nothing is known but what and where it is.
fn bare(kind: &'static ResourceType, arn: String, account: Handle, label: String) -> ResourceNode {
    ResourceNode {
        kind,
        arn,
        account,
        label,
        location: None,
        policy: ResourcePolicy::Absent,
        restrict_public: false,
        access_lists: AccessLists::Off,
        key: None,
        tags: ResourceTags::Unknown,
    }
}

/// The statements of the policy of a resource.
fn statements(node: &ResourceNode) -> Vec<Statement> {
    node.document().map(|policy| policy.document.statements.clone()).unwrap_or_default()
}

fn together(label: &str, statements: Vec<Statement>) -> ResourcePolicy {
    match statements.is_empty() {
        true => ResourcePolicy::Absent,
        false => {
            ResourcePolicy::Document(NamedPolicy::new(label, "policy", Document::new(statements)))
        }
    }
}

fn document(policy: Option<NamedPolicy>) -> ResourcePolicy {
    policy.map_or(ResourcePolicy::Unreadable, ResourcePolicy::Document)
}

/// How reports call a resource that no block declares: `AWS::SQS::Queue/eu-west-1/orders@production`.
fn read_label(kind: &ResourceType, arn: &str, account: &Handle) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        [_, _, _, region, _, rest] => {
            let name = rest.strip_prefix(kind.resource).unwrap_or(rest);
            format!("{}/{region}/{name}@{account}", kind.name)
        }
        _ => format!("{}/{arn}@{account}", kind.name),
    }
}

fn root(path: Option<&'static str>) -> &'static str {
    path.and_then(|path| path.split('.').next()).unwrap_or_default()
}

/// A value as JSON, with what is not known yet as symbols.
fn symbolic(cache: &PolicyCache, value: &Value) -> Json {
    match value.reveal() {
        Value::Map(map) => {
            map.iter().map(|(name, value)| (name.clone(), symbolic(cache, value))).collect()
        }
        Value::List(list) => list.iter().map(|value| symbolic(cache, value)).collect(),
        Value::String(_) | Value::Unknown(_) => cache.symbol(value).into(),
        other => other.to_json(),
    }
}

/// The value at the end of a path of attributes.
fn at<'o>(object: &'o SideObject, path: &str) -> Option<&'o Value> {
    let mut steps = path.split('.');
    let mut value = object.attrs.get(steps.next()?)?;
    for step in steps {
        // What is not known yet may hold it.
        if matches!(value.reveal(), Value::Unknown(_)) {
            break;
        }
        value = value.as_map()?.get(step)?;
    }
    Some(value).filter(|value| !value.is_null())
}

/// Whether a value is computed from what is not known yet, so that no piece of it is known.
fn is_opaque(value: &Value) -> bool {
    matches!(value.reveal(), Value::Unknown(unknown) if unknown.parts.is_empty())
}

fn is_empty(value: &Value) -> bool {
    value.as_map().is_some_and(|map| map.is_empty())
}

/// Whether a property of a name is set somewhere in a value.
fn has_property(value: &Value, property: &str) -> bool {
    match value.reveal() {
        Value::Map(map) => map.iter().any(|(name, value)| {
            (name == property && !value.is_null()) || has_property(value, property)
        }),
        Value::List(list) => list.iter().any(|value| has_property(value, property)),
        _ => false,
    }
}

/// Accounts that block public access to all their buckets.
struct AccountBlocks<'a> {
    restrict: BTreeSet<&'a Handle>,
    ignore: BTreeSet<&'a Handle>,
}

impl<'a> AccountBlocks<'a> {
    fn of(side: &'a Side) -> Self {
        let blocks = |object: &SideObject, switch: &str| match part(object) {
            Some(AccessPart::AccountSettings { public_access_block }) => {
                is_on(object, public_access_block, switch)
            }
            _ => false,
        };
        let accounts_that = |switch: &'static str| -> BTreeSet<&Handle> {
            let all = side.objects.iter().filter(|o| blocks(o, switch));
            all.filter_map(|o| o.account.as_ref()).collect()
        };
        Self { restrict: accounts_that(RESTRICT_PUBLIC), ignore: accounts_that(IGNORE_PUBLIC) }
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
