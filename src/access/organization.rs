//! The organization's tree, and the policies that are attached to it.

use std::collections::{BTreeMap, BTreeSet};

use super::NamedPolicy;

/// What is known of the organization itself.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    /// Its id, or a symbol.
    pub id: String,
    /// The id of its root, or a symbol.
    pub root: String,
    /// The id of its management account, or a symbol.
    pub management_account: String,
    /// Services that act in every account of it (Organizations User Guide, "Using AWS Organizations with
    /// other AWS services"); `None` where that is not known.
    pub trusted_services: Option<BTreeSet<String>>,
    /// All accounts known to be in it, by id, with what each stands under; the model's own may be among them.
    pub accounts: BTreeMap<String, String>,
    /// Those among them that AWS has closed, by id.
    pub closed: BTreeSet<String>,
}

/// The types of policies of an organization that bear on access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyType {
    /// Service control policies bound what the principals of an account may do.
    ServiceControl,
    /// Resource control policies bound what may be done to its resources.
    ResourceControl,
}

/// The units of an organization, and what is attached to root, units and accounts.
#[derive(Clone, Debug, Default)]
pub struct Guardrails {
    /// What each unit stands under, by id or symbol. The root may be called `root` or by its id.
    pub parents: BTreeMap<String, String>,
    /// Attached policies, by type and target. A policy of which nobody can tell what it denies is left out:
    /// it limits nothing.
    pub attached: BTreeMap<(PolicyType, String), Vec<NamedPolicy>>,
    /// What is about to be made, and to which AWS's full access stays attached for a moment only.
    pub bare: BTreeSet<String>,
    /// Policy types that are switched on; `None` where that is not known.
    pub enabled: Option<BTreeSet<PolicyType>>,
    /// Whether every attached policy is known, AWS's `FullAWSAccess` too. Where it is not, each level is taken to
    /// permit everything that no known policy denies.
    pub complete: bool,
}

impl Guardrails {
    /// Ids from the root down to `parent`.
    pub(super) fn above(&self, parent: &str, root: Option<&str>) -> Vec<String> {
        let mut levels = vec![parent.to_owned()];
        let mut at = parent;
        // An organization is at most five units deep; a longer walk is a loop in bad data.
        for _ in 0..32 {
            let Some(above) = self.parents.get(at) else { break };
            levels.push(above.clone());
            at = above;
        }
        levels.reverse();
        // A source may call the root `root`; AWS knows it by its id.
        if let (Some(first), Some(root)) = (levels.first_mut(), root)
            && first == "root"
        {
            root.clone_into(first);
        }
        levels
    }

    /// The type of each attached policy, by the label of its holder.
    pub(super) fn labels(&self) -> BTreeMap<String, PolicyType> {
        let all = self.attached.iter().flat_map(|((kind, _), policies)| {
            policies.iter().map(move |policy| (policy.label().to_owned(), *kind))
        });
        all.collect()
    }

    /// The levels above an account, root first, the account last.
    pub(super) fn chain(
        &self,
        kind: PolicyType,
        parent: &str,
        account: &str,
        root: Option<&str>,
    ) -> Vec<(String, Vec<NamedPolicy>)> {
        // Where a type of policies is switched off, none of them binds anybody. Where it is on, some
        // policy is attached: "you must have at least one SCP attached to each entity".
        let on = match &self.enabled {
            Some(enabled) => enabled.contains(&kind),
            None => self.attached.keys().any(|(attached, _)| *attached == kind),
        };
        if !on {
            return Vec::new();
        }
        let mut levels = self.above(parent, root);
        levels.push(account.to_owned());
        levels
            .into_iter()
            .map(|target| {
                // Attachments to the root stand under its canonical name or under its id.
                let at = |name: &str| self.attached.get(&(kind, name.to_owned()));
                let by_name = at("root").filter(|_| root == Some(target.as_str()));
                let all = at(&target).into_iter().chain(by_name).flatten();
                let mut policies: Vec<NamedPolicy> = all.cloned().collect();
                // AWS attaches its full access to a target that does not exist yet when it makes it; of one
                // that was not read nothing else can be assumed.
                let is_new = target.contains('\u{27e8}') && !self.bare.contains(&target);
                if kind == PolicyType::ServiceControl && (is_new || !self.complete) {
                    policies.push(NamedPolicy::full_access());
                }
                (target, policies)
            })
            .collect()
    }
}
