//! The organization of a side: its tree, and the policies that are attached to it.

use std::collections::{BTreeMap, BTreeSet};

use super::policies::PolicyCache;
use super::{part, policy, symbol};
use crate::access::{Guardrails, NamedPolicy, Organization, PolicyType};
use crate::plan::sides::{Side, SideObject};
use crate::schema::{AccessPart, AccountState, Guardrail, account_state, kinds};
use crate::value::Value;

/// The organization itself, and all accounts that are known to be in it.
pub(super) fn organization(side: &Side) -> Option<Organization> {
    let (object, declared) =
        side.objects.iter().rev().find_map(|o| Some((o, part(o)?.organization()?)))?;
    let text = |name: &str| object.attrs.get(name).map(symbol).unwrap_or_default();
    let services = object.attrs.get(declared.trusted_services).and_then(Value::elements);
    let accounts = || side.objects.iter().filter(|o| part(o).is_some_and(AccessPart::is_account));
    let closed = accounts().filter(|o| account_state(&o.attrs) == Some(AccountState::Closed));
    Some(Organization {
        id: text("id"),
        root: text(declared.root),
        management_account: text(declared.management_account),
        trusted_services: Some(services.into_iter().flatten().map(symbol).collect()),
        closed: closed.filter_map(|o| Some(symbol(o.attrs.get("id")?))).collect(),
        accounts: accounts()
            .filter_map(|o| Some((symbol(o.attrs.get("id")?), symbol(o.attrs.get(parent(o)?)?))))
            .collect(),
    })
}

/// Units, and what is attached to them. `complete` says whether policies that nobody manages are among the objects.
pub(super) fn guardrails(side: &Side, complete: bool, cache: &PolicyCache) -> Guardrails {
    let is_full_access = |o: &SideObject| {
        o.key == "FullAWSAccess"
            && matches!(part(o), Some(AccessPart::Guardrail { limits: Guardrail::Principals, .. }))
    };
    let mut guardrails = Guardrails {
        parents: BTreeMap::new(),
        attached: BTreeMap::new(),
        bare: BTreeSet::new(),
        enabled: None,
        complete: complete && side.objects.iter().any(is_full_access),
    };
    for object in &side.objects {
        let text = |name: &str| object.attrs.get(name).map(symbol);
        match part(object) {
            Some(AccessPart::Organization(of)) => {
                let types = object.attrs.get(of.policy_types).and_then(Value::elements);
                guardrails.enabled = types
                    .map(|types| types.iter().filter_map(|t| policy_type(&symbol(t))).collect());
            }
            Some(AccessPart::OrganizationalUnit { parent }) => {
                if let (Some(id), Some(parent)) = (text("id"), text(parent)) {
                    guardrails.parents.insert(id, parent);
                }
            }
            Some(AccessPart::Guardrail { limits, document }) => {
                let kind = type_of(limits);
                // What a policy that cannot be read permits is not known: it limits nothing.
                let read = policy(object, document, "content", cache);
                let full = || (kind == PolicyType::ServiceControl).then(NamedPolicy::full_access);
                let Some(read) = read.or_else(full) else { continue };
                let targets =
                    attachments(object).and_then(|attr| object.attrs.get(attr)?.elements());
                let schema = kinds::kind(&object.kind).map(|kind| kind.schema());
                let detached = schema.and_then(|s| object.attrs.get(s.detachments?)?.elements());
                guardrails.bare.extend(detached.into_iter().flatten().map(symbol));
                for target in targets.into_iter().flatten() {
                    let place = (kind, symbol(target));
                    guardrails.attached.entry(place).or_default().push(read.clone());
                }
            }
            _ => {}
        }
    }
    guardrails
}

/// The attribute of an account with what stands above it.
pub(super) fn parent(object: &SideObject) -> Option<&'static str> {
    match part(object)? {
        AccessPart::Account(account) => Some(account.parent),
        _ => None,
    }
}

/// The attribute with what an object is attached to.
fn attachments(object: &SideObject) -> Option<&'static str> {
    kinds::kind(&object.kind)?.schema().attachments
}

fn type_of(limits: Guardrail) -> PolicyType {
    match limits {
        Guardrail::Principals => PolicyType::ServiceControl,
        Guardrail::Resources => PolicyType::ResourceControl,
    }
}

/// The type of policies that Organizations calls so, in either case of letters.
fn policy_type(name: &str) -> Option<PolicyType> {
    let all = [Guardrail::Principals, Guardrail::Resources];
    let named = |limits: &Guardrail| limits.policy_type().eq_ignore_ascii_case(name);
    all.into_iter().find(named).map(type_of)
}

/// Whether SCPs are switched on, as far as is known. AWS attaches `FullAWSAccess` to the root, to every
/// unit and to every account when they are switched on (Organizations guide, "Enabling a policy type").
pub(super) fn has_service_control(side: &Side) -> bool {
    let mut organizations = side.objects.iter().filter_map(|o| Some((o, part(o)?.organization()?)));
    organizations.all(|(organization, declared)| {
        let types = organization.attrs.get(declared.policy_types).and_then(Value::elements);
        types.is_none_or(|types| {
            types.iter().any(|t| policy_type(&symbol(t)) == Some(PolicyType::ServiceControl))
        })
    })
}
