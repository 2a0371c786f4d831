//! Roles, users and groups of a side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policies::SharedPolicies;
use super::{label, part, symbol};
use crate::access::{
    GroupNode, ManagedPolicies, ManagedPolicy, NamedPolicy, Permissions, PrincipalKind,
    PrincipalNode,
};
use crate::ids::Handle;
use crate::plan::sides::{Side, SideObject};
use crate::schema::{AccessPart, PolicyAttributes, PrincipalDeclaration};
use crate::value::{Attrs, Value};

/// The managed policies of a side, by ARN.
pub(super) fn managed_policies(side: &Side, cache: &SharedPolicies) -> ManagedPolicies {
    side.objects
        .iter()
        .filter_map(|object| {
            let Some(AccessPart::ManagedPolicy { document }) = part(object) else { return None };
            let label = label(object);
            let (content, cache) = (object.attrs.get(document).cloned(), Arc::clone(cache));
            let name = label.clone();
            let read = move || cache.policy(&content.unwrap_or_default(), &name, "content");
            Some((symbol(object.attrs.get("arn")?), ManagedPolicy::new(label, read)))
        })
        .collect()
}

/// The principals and groups of a side.
pub(super) fn principals(
    side: &Side,
    managed: &Arc<ManagedPolicies>,
    cache: &SharedPolicies,
) -> (Vec<Arc<PrincipalNode>>, Vec<GroupNode>) {
    let groups: BTreeMap<(&Handle, &str), &SideObject> = side
        .objects
        .iter()
        .filter(|o| part(o).is_some_and(|part| matches!(part, AccessPart::Group(_))))
        .filter_map(|o| Some(((o.account.as_ref()?, o.key.as_str()), o)))
        .collect();
    let own = |object: &SideObject| PermissionSources {
        label: label(object),
        attrs: object.attrs.clone(),
        principal: part(object).and_then(AccessPart::principal),
        policies: policies(object),
        groups: Vec::new(),
        lost_group: false,
        managed: Arc::clone(managed),
        cache: Arc::clone(cache),
    };
    let nodes = groups.iter().map(|((account, _), group)| {
        let arn = group.attrs.get("arn").map(symbol).unwrap_or_default();
        let own = own(group);
        GroupNode::new(arn, (*account).clone(), move || own.read())
    });
    let nodes = nodes.collect();
    let mut principals = Vec::new();
    for object in &side.objects {
        let Some(declared) = part(object).and_then(AccessPart::principal) else { continue };
        let Some(account) = object.account.clone() else { continue };
        let Some(arn) = object.attrs.get("arn").map(symbol) else { continue };
        let mut own = own(object);
        let member_of = declared.groups.and_then(|groups| object.attrs.get(groups)?.elements());
        for group in member_of.into_iter().flatten().filter_map(Value::as_str) {
            match groups.get(&(&account, group)) {
                Some(group) => {
                    own.groups.push((label(group), policies(group), group.attrs.clone()));
                }
                None => own.lost_group = true,
            }
        }
        let label = own.label.clone();
        let kind = if declared.trust.is_some() { PrincipalKind::Role } else { PrincipalKind::User };
        let trust = declared.trust.and_then(|trust| object.attrs.get(trust));
        let trust = trust.and_then(|trust| cache.policy(trust, &label, "trust"));
        let mut node = PrincipalNode::new(arn, account, kind, label, move || own.read());
        node.trust = trust;
        node.location.clone_from(&object.location);
        principals.push(Arc::new(node));
    }
    (principals, nodes)
}

/// Where a principal or group says what it may do.
fn policies(object: &SideObject) -> Option<PolicyAttributes> {
    match part(object)? {
        AccessPart::Principal(of) => Some(of.policies),
        AccessPart::Group(policies) => Some(policies),
        _ => None,
    }
}

/// What the permissions of a principal or group are read from.
struct PermissionSources {
    label: String,
    attrs: Attrs,
    /// Where it says what it is; none for a group.
    principal: Option<PrincipalDeclaration>,
    policies: Option<PolicyAttributes>,
    /// The groups that it is in: label, where its policies stand, and attributes.
    groups: Vec<(String, Option<PolicyAttributes>, Attrs)>,
    /// Whether it is in a group that was not read.
    lost_group: bool,
    managed: Arc<ManagedPolicies>,
    cache: SharedPolicies,
}

impl PermissionSources {
    fn read(&self) -> Permissions {
        let mut own = Permissions { unreadable: self.lost_group, ..Permissions::default() };
        self.identity(&self.label, self.policies, &self.attrs, &mut own);
        for (label, policies, attrs) in &self.groups {
            self.identity(label, *policies, attrs, &mut own);
        }
        let boundary = self.principal.and_then(|of| self.attrs.get(of.boundary));
        let boundary = boundary.filter(|b| !b.is_null());
        if let Some(boundary) = boundary {
            own.boundary = self.managed(boundary, "boundary");
            own.unread_boundary = own.boundary.is_none();
            own.unreadable |= own.unread_boundary;
        }
        let of_groups = self.groups.iter().map(|(_, policies, attrs)| (*policies, attrs));
        let lists = std::iter::once((self.policies, &self.attrs)).chain(of_groups);
        let listed = lists
            .filter_map(|(policies, attrs)| attrs.get(policies?.attached)?.elements())
            .flatten();
        let arns = listed.chain(boundary).map(symbol);
        own.attached = arns.filter(|arn| !is_aws_managed(arn)).collect();
        let groups = self.groups.iter().filter_map(|(_, _, attrs)| attrs.get("arn"));
        own.groups = groups.map(symbol).collect();
        // That of a principal which the plan makes is a symbol, by which policies of the same plan name it.
        let unique_id = self.principal.and_then(|of| self.attrs.get(of.unique_id));
        own.unique_id = unique_id.map(symbol).filter(|id| !id.is_empty() && id != "null");
        let tags = self.attrs.get("tags").and_then(Value::as_map);
        own.tags = tags.into_iter().flatten().map(|(k, v)| (k.clone(), symbol(v))).collect();
        own
    }

    fn identity(
        &self,
        label: &str,
        policies: Option<PolicyAttributes>,
        attrs: &Attrs,
        own: &mut Permissions,
    ) {
        let Some(policies) = policies else { return };
        let inline = attrs.get(policies.inline);
        own.unreadable |= inline.is_some_and(Value::is_unknown);
        let inline = inline.and_then(Value::as_map).into_iter().flatten();
        let inline = inline.map(|(name, value)| self.cache.policy(value, label, name));
        let attached = attrs.get(policies.attached).and_then(Value::elements);
        let attached = attached.into_iter().flatten().map(|arn| self.managed(arn, "content"));
        for policy in inline.chain(attached) {
            own.unreadable |= policy.is_none();
            own.identity.extend(policy);
        }
    }

    /// The managed policy of that ARN, as a part of what it is attached to.
    fn managed(&self, arn: &Value, part: &str) -> Option<NamedPolicy> {
        self.managed.get(&symbol(arn))?.part(part)
    }
}

/// Whether AWS owns the managed policy: it is the same in every account, and AWS alone changes it.
pub(super) fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}
