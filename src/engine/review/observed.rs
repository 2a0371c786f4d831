//! What was read from AWS in the form of dumps, so that what is judged live and what is kept for later are the same.

use serde_json::Value as Json;

use crate::provider::{Inventory, LiveObject, PolicyReadings, ResourceReading};
use crate::review::PolicyText;
use crate::review::dumps::files::{
    AccountDump, AttachedPolicy, AuthorizationDetails, Boundary, BucketDump, Buckets, GroupDetail,
    InlinePolicy, MemberDump, OrganizationDump, OrganizationIds, PolicyDetail, PolicyDump,
    PolicyTypeDump, PolicyVersion, PublicAccessBlock, ResourceDump, ResourcePolicies, RoleDetail,
    RootDump, Tag, UnitDump, UserDetail,
};
use crate::schema::{
    AccessPart, Guardrail, PolicyAttributes, PrincipalDeclaration, ResourceDeclaration, access_of,
    kinds,
};
use crate::value::{Attrs, Value};

/// How parents and targets name the root of an organization.
const ROOT: &str = "root";

/// An organization; without one the dump says that there is none.
pub(super) fn organization(read: &Inventory) -> OrganizationDump {
    let mut dump = OrganizationDump {
        unread: unread(read),
        scps: Some(Vec::new()),
        rcps: Some(Vec::new()),
        ..OrganizationDump::default()
    };
    let objects = || read.objects.values().filter_map(|o| Some((o, access_of(o.kind)?)));
    let Some((object, declared)) = objects().find_map(|(o, part)| Some((o, part.organization()?)))
    else {
        return dump;
    };
    let root = text(&object.attrs, declared.root);
    let node = |id: String| if id == ROOT { root.clone() } else { id };
    dump.organization = Some(OrganizationIds {
        id: text(&object.attrs, "id"),
        management_account: text(&object.attrs, declared.management_account),
    });
    let services = object.attrs.get(declared.trusted_services);
    dump.trusted_services =
        services.map(|_| texts(&object.attrs, declared.trusted_services).into_iter().collect());
    let types = texts(&object.attrs, declared.policy_types).into_iter();
    let enabled = types.map(|r#type| PolicyTypeDump {
        r#type: r#type.to_ascii_uppercase(),
        status: "ENABLED".to_owned(),
    });
    dump.root = Some(RootDump { id: root.clone(), policy_types: Some(enabled.collect()) });
    for (object, part) in objects() {
        let attrs = &object.attrs;
        match part {
            AccessPart::OrganizationalUnit { parent } => {
                let parent = node(text(attrs, parent));
                dump.units.push(UnitDump { id: text(attrs, "id"), parent });
            }
            AccessPart::Account(account) => dump.accounts.push(MemberDump {
                id: text(attrs, "id"),
                name: some_text(attrs, account.name),
                parent: node(text(attrs, account.parent)),
                state: some_text(attrs, "state"),
                status: None,
            }),
            AccessPart::Guardrail { limits, document } => {
                let targets = kinds::kind(object.kind).and_then(|kind| kind.schema().attachments);
                let targets = targets.map(|attr| texts(attrs, attr)).unwrap_or_default();
                let policy = PolicyDump {
                    id: text(attrs, "id"),
                    name: text(attrs, "name"),
                    content: json(attrs, document),
                    targets: targets.into_iter().map(node).collect(),
                };
                match limits {
                    Guardrail::Principals => dump.scps.get_or_insert_default().push(policy),
                    Guardrail::Resources => dump.rcps.get_or_insert_default().push(policy),
                }
            }
            _ => {}
        }
    }
    dump
}

/// What could not be read of an organization and bears on access.
fn unread(read: &Inventory) -> Vec<String> {
    let bears = |kind: &str| access_of(kind).is_some_and(|part| part != AccessPart::None);
    let unread = read.unread.iter().filter(|(kind, _)| bears(kind));
    unread.map(|(kind, why)| format!("{kind} was not read: {why}")).collect()
}

/// An account, and the policies on its resources.
pub(super) fn account(read: &Inventory, policies: &PolicyReadings) -> AccountDump {
    let mut dump = AccountDump::default();
    let mut details = AuthorizationDetails::default();
    let mut buckets = Buckets::default();
    let (mut lacks_identities, mut lacks_buckets) = (false, false);
    for (kind, why) in &read.unread {
        let Some(part) = access_of(kind) else { continue };
        match part {
            AccessPart::Resource(says) if says.global_name.is_some() => lacks_buckets = true,
            AccessPart::Principal(_) | AccessPart::Group(_) | AccessPart::ManagedPolicy { .. } => {
                lacks_identities = true;
            }
            // Without the account's own block more is open than with it.
            _ => continue,
        }
        let why = format!("{kind} was not read: {why}");
        if !dump.unread.reasons.contains(&why) {
            dump.unread.reasons.push(why);
        }
    }
    for (kind, objects) in &read.unread_objects {
        let Some(part) = access_of(kind) else { continue };
        for (key, why) in objects {
            match part {
                AccessPart::Resource(says) if says.global_name.is_some() => {
                    buckets.buckets.push(BucketDump {
                        name: key.clone(),
                        unread: Some(why.clone()),
                        ..BucketDump::default()
                    });
                }
                AccessPart::None => {}
                _ => dump.unread.reasons.push(format!("{kind} `{key}` was not read: {why}")),
            }
        }
    }
    for object in read.objects.values() {
        match access_of(object.kind) {
            Some(AccessPart::Principal(of)) => principal(object, of, &mut details),
            Some(AccessPart::Group(of)) => details.group_detail_list.push(GroupDetail {
                arn: text(&object.attrs, "arn"),
                group_name: object.key.clone(),
                group_policy_list: inline(&object.attrs, of),
                attached_managed_policies: attached(&object.attrs, of),
            }),
            Some(AccessPart::ManagedPolicy { document }) => details.policies.push(PolicyDetail {
                arn: text(&object.attrs, "arn"),
                policy_version_list: vec![PolicyVersion {
                    version_id: None,
                    document: Some(json(&object.attrs, document))
                        .filter(|document| !document.is_null())
                        .map(|document| PolicyText::read(&document)),
                    is_default_version: true,
                }],
            }),
            Some(AccessPart::AccountSettings { public_access_block }) => {
                buckets.account_public_access_block = block(&object.attrs, public_access_block);
            }
            Some(AccessPart::Resource(says)) => {
                if let Some(name) = says.global_name {
                    buckets.buckets.push(bucket(object, name, says));
                }
            }
            _ => {}
        }
    }
    dump.details = (!lacks_identities).then_some(details);
    dump.buckets = (!lacks_buckets).then_some(buckets);
    dump.resource_policies = Some(resource_policies(policies));
    dump
}

/// The policies on an account's resources.
fn resource_policies(read: &PolicyReadings) -> ResourcePolicies {
    let resource = |(arn, reading): (&String, &ResourceReading)| {
        let (policy, unread) = match &reading.policy {
            // What is not JSON is kept as it is: it is read back as no policy.
            Ok(Some(text)) => {
                (Some(serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())), None)
            }
            Ok(None) => (None, None),
            Err(why) => (None, Some(why.clone())),
        };
        let (grants, grants_unread) = match &reading.grants {
            Ok(grants) => (grants.clone(), None),
            Err(why) => (None, Some(why.clone())),
        };
        ResourceDump { arn: arn.clone(), policy, unread, grants, grants_unread }
    };
    let types = read.read.iter().map(|(of, beyond)| ((*of).to_owned(), beyond.clone()));
    ResourcePolicies {
        resources: read.resources.iter().map(resource).collect(),
        types: Some(types.collect()),
        unread: read.unread.iter().map(|(of, no)| ((*of).to_owned(), no.why.clone())).collect(),
    }
}

fn principal(
    object: &LiveObject,
    declared: PrincipalDeclaration,
    details: &mut AuthorizationDetails,
) {
    let attrs = &object.attrs;
    let id = some_text(attrs, declared.unique_id);
    let boundary = some_text(attrs, declared.boundary);
    let permissions_boundary =
        boundary.map(|permissions_boundary_arn| Boundary { permissions_boundary_arn });
    let tags = attrs.get("tags").and_then(Value::as_map).into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| {
        Some(Tag { key: key.clone(), value: value.as_str()?.to_owned() })
    });
    match declared.trust {
        Some(trust) => details.role_detail_list.push(RoleDetail {
            arn: text(attrs, "arn"),
            role_name: object.key.clone(),
            role_id: id,
            assume_role_policy_document: PolicyText::read(&json(attrs, trust)),
            role_policy_list: inline(attrs, declared.policies),
            attached_managed_policies: attached(attrs, declared.policies),
            permissions_boundary,
            tags: tags.collect(),
        }),
        None => details.user_detail_list.push(UserDetail {
            arn: text(attrs, "arn"),
            user_name: object.key.clone(),
            user_id: id,
            user_policy_list: inline(attrs, declared.policies),
            group_list: declared
                .groups
                .map(|g| texts(attrs, g))
                .unwrap_or_default()
                .into_iter()
                .collect(),
            attached_managed_policies: attached(attrs, declared.policies),
            permissions_boundary,
            tags: tags.collect(),
        }),
    }
}

fn bucket(object: &LiveObject, name: &str, says: ResourceDeclaration) -> BucketDump {
    BucketDump {
        name: text(&object.attrs, name),
        policy: Some(policy(object, says)),
        public_access_block: says.public_access_block.and_then(|own| block(&object.attrs, own)),
        ownership: says.ownership.and_then(|attr| some_text(&object.attrs, attr)),
        unread: says.policy.and_then(|policy| object.unread.get(policy)).cloned(),
    }
}

/// The policy of a resource, where it has one.
fn policy(object: &LiveObject, says: ResourceDeclaration) -> Option<Json> {
    Some(json(&object.attrs, says.policy?)).filter(|policy| !policy.is_null())
}

fn inline(attrs: &Attrs, of: PolicyAttributes) -> Vec<InlinePolicy> {
    let policies = attrs.get(of.inline).and_then(Value::as_map).into_iter().flatten();
    let one = |(name, document): (&String, &Value)| InlinePolicy {
        policy_name: name.clone(),
        policy_document: PolicyText::read(&document.to_json()),
    };
    policies.map(one).collect()
}

fn attached(attrs: &Attrs, of: PolicyAttributes) -> Vec<AttachedPolicy> {
    let arns = texts(attrs, of.attached).into_iter();
    arns.map(|policy_arn| AttachedPolicy { policy_arn }).collect()
}

fn block(attrs: &Attrs, name: &str) -> Option<PublicAccessBlock> {
    let switches = attrs.get(name)?.as_map()?;
    let on = |name: &str| switches.get(name).and_then(Value::as_bool).unwrap_or(false);
    Some(PublicAccessBlock {
        restrict_public_buckets: on("restrict_public_buckets"),
        ignore_public_acls: on("ignore_public_acls"),
    })
}

fn json(attrs: &Attrs, name: &str) -> Json {
    attrs.get(name).map_or(Json::Null, Value::to_json)
}

fn some_text(attrs: &Attrs, name: &str) -> Option<String> {
    attrs.get(name)?.as_str().map(str::to_owned)
}

fn text(attrs: &Attrs, name: &str) -> String {
    some_text(attrs, name).unwrap_or_default()
}

fn texts(attrs: &Attrs, name: &str) -> Vec<String> {
    let elements = attrs.get(name).and_then(Value::elements);
    let texts = elements.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
