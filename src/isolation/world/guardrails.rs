//! The organization's tree, and the policies that are attached to it.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{Library, Rule};
use super::symbol;
use crate::plan::sides::Side;
use crate::value::Value;

/// What is known of the organization itself.
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) root: String,
    pub(super) management_account: String,
    pub(super) trusted_services: BTreeSet<String>,
}

/// The organization's tree and what is attached to it.
pub(super) struct Guardrails {
    pub(super) organization: Option<Organization>,
    parents: BTreeMap<String, String>,
    attached: BTreeMap<(String, String), Vec<Rule>>,
    /// Policy types that are switched on, in lower case; `None` where that is not known.
    enabled: Option<BTreeSet<String>>,
    /// Whether every attached policy is known: unmanaged ones too, and AWS's `FullAWSAccess`. It is
    /// not where this plan switches SCPs on.
    read: bool,
}

impl Guardrails {
    pub(super) fn new(side: &Side, read: bool, library: &Library) -> Self {
        let mut guard = Self {
            organization: None,
            parents: BTreeMap::new(),
            attached: BTreeMap::new(),
            enabled: None,
            read,
        };
        guard.read &= side
            .objects
            .iter()
            .any(|o| o.kind == "service_control_policy" && o.key == "FullAWSAccess");
        for object in &side.objects {
            let text = |name: &str| object.attrs.get(name).map(symbol);
            match object.kind.as_str() {
                "organization" => {
                    guard.organization = Some(Organization {
                        id: text("id").unwrap_or_default(),
                        root: text("root_id").unwrap_or_default(),
                        management_account: text("management_account_id").unwrap_or_default(),
                        trusted_services: object
                            .attrs
                            .get("trusted_services")
                            .and_then(Value::elements)
                            .into_iter()
                            .flatten()
                            .map(symbol)
                            .collect(),
                    });
                    let types = object.attrs.get("enabled_policy_types").and_then(Value::elements);
                    guard.enabled = types.map(|types| {
                        types.iter().map(|t| symbol(t).to_ascii_lowercase()).collect()
                    });
                }
                "organizational_unit" => {
                    if let (Some(id), Some(parent)) = (text("id"), text("parent")) {
                        guard.parents.insert(id, parent);
                    }
                }
                kind @ ("service_control_policy" | "resource_control_policy") => {
                    // What a policy that cannot be read permits, nobody knows: it limits nothing.
                    let rule = super::rule(object, "content", "content", library);
                    let full =
                        || library.full_access().filter(|_| kind == "service_control_policy");
                    let Some(rule) = rule.or_else(full) else { continue };
                    let targets = object.attrs.get("targets").and_then(Value::elements);
                    for target in targets.into_iter().flatten() {
                        let place = (kind.to_owned(), symbol(target));
                        guard.attached.entry(place).or_default().push(rule.clone());
                    }
                }
                _ => {}
            }
        }
        guard
    }

    /// Ids from the root down to `parent`.
    pub(super) fn above(&self, parent: &str) -> Vec<String> {
        let mut levels = vec![parent.to_owned()];
        let mut at = parent;
        // An organization is at most five units deep; a longer walk is a loop in bad data.
        for _ in 0..32 {
            let Some(above) = self.parents.get(at) else { break };
            levels.push(above.clone());
            at = above;
        }
        levels.reverse();
        // Canonical attributes call the root `root`; AWS knows it by its id.
        if let (Some(first), Some(organization)) = (levels.first_mut(), &self.organization)
            && first == "root"
        {
            first.clone_from(&organization.root);
        }
        levels
    }

    /// The levels above an account, root first, the account last.
    pub(super) fn chain(
        &self,
        kind: &str,
        parent: &str,
        account: &str,
        library: &Library,
    ) -> Vec<(String, Vec<Rule>)> {
        // Where a type of policies is switched off, none of them binds anybody. Where it is on, some
        // policy is attached: "you must have at least one SCP attached to each entity".
        let on = match &self.enabled {
            Some(enabled) => enabled.contains(kind),
            None => self.attached.keys().any(|(attached, _)| attached == kind),
        };
        if !on {
            return Vec::new();
        }
        let mut levels = self.above(parent);
        levels.push(account.to_owned());
        let root = self.organization.as_ref().map(|o| o.root.as_str());
        levels
            .into_iter()
            .map(|target| {
                // Attachments to the root stand under its canonical name or under its id.
                let at = |name: &str| self.attached.get(&(kind.to_owned(), name.to_owned()));
                let by_name = at("root").filter(|_| root == Some(target.as_str()));
                let rules: Option<Vec<Rule>> = match (at(&target), by_name) {
                    (None, None) => None,
                    (a, b) => Some(a.into_iter().chain(b).flatten().cloned().collect()),
                };
                let mut rules = rules.unwrap_or_default();
                // A target that does not exist yet is born with AWS's full access attached; of one
                // that was not read nothing else can be assumed.
                let born = target.contains('\u{27e8}');
                if kind == "service_control_policy" && (born || !self.read) {
                    rules.extend(library.full_access());
                }
                (target, rules)
            })
            .collect()
    }
}

/// Whether SCPs are switched on, as far as is known. AWS attaches `FullAWSAccess` to the root, to every
/// unit and to every account when they are switched on (Organizations guide, "Enabling a policy type").
pub(super) fn limited(side: &Side) -> bool {
    let mut organizations = side.objects.iter().filter(|o| o.kind == "organization");
    organizations.all(|organization| {
        let types = organization.attrs.get("enabled_policy_types").and_then(Value::elements);
        types.is_none_or(|types| {
            types.iter().any(|t| symbol(t).eq_ignore_ascii_case("service_control_policy"))
        })
    })
}
