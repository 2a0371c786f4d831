//! Grants on KMS keys: each counts as a statement of the key's policy and one of the grantee's own policies, under the grant's
//! conditions, so that SCPs, RCPs and every Deny bear on it as on a policy.
//!
//! Grants to services are ignored: the service uses the key for a single object, on behalf of a principal that has access to the key
//! (KMS Developer Guide, "Grants in AWS KMS"). Grants to principals in the key's own account are ignored, too: they cross no wall.
//!
//! AWS does not say which principals can use a grant to an account or a session, or whether a permissions boundary limits a grant. If
//! that matters, the account of the key is undetermined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AccountNode, Coverage, NamedPolicy, PrincipalNode, ResourceNode, ResourcePolicy};
use crate::iam::{
    Document, Effect, Grantee, Item, KeyGrant, LanguageVersion, Policies, Principal, Principals,
    Request, Statement, evaluate,
};
use crate::ids::Handle;

/// What grants change.
pub(super) struct GrantTargets<'m> {
    pub(super) accounts: &'m mut BTreeMap<Handle, AccountNode>,
    pub(super) principals: &'m mut BTreeMap<String, Arc<PrincipalNode>>,
    pub(super) resources: &'m mut BTreeMap<String, ResourceNode>,
}

impl GrantTargets<'_> {
    /// Puts the grants, each with the ARN of its key, where the analysis looks.
    pub(super) fn apply(&mut self, grants: Vec<(String, KeyGrant)>) {
        let mut own: BTreeMap<String, Vec<NamedPolicy>> = BTreeMap::new();
        let mut of_keys: BTreeMap<String, Vec<Statement>> = BTreeMap::new();
        let accounts: BTreeSet<String> =
            self.principals.keys().map(|arn| account_of(arn).to_owned()).collect();
        for (key, grant) in grants {
            let Some(node) = self.resources.get_mut(&key) else { continue };
            let Some(account) = self.accounts.get_mut(&node.account) else { continue };
            if !grant.crosses(&account.id) {
                continue;
            }
            let (named, identity) = match grant.grantee() {
                Grantee::Service => continue,
                Grantee::Identity(named) => (named, self.principals.get(named)),
                Grantee::Other(named) => (named, None),
            };
            let unclear = match (grant.grantee(), identity) {
                (_, Some(principal)) if !boundary_permits(principal, &key, &grant) => Some(
                    format!("whether the permissions boundary of `{}` limits", principal.label),
                ),
                (Grantee::Other(named), _)
                    if named.is_empty() || accounts.contains(account_of(named)) =>
                {
                    Some(format!("who in `{named}` may use"))
                }
                _ => None,
            };
            match (unclear, identity) {
                (Some(what), _) => {
                    if account.coverage == Coverage::Read {
                        let id = &grant.grant_id;
                        let why =
                            format!("it is not known {what} the grant `{id}` on `{}`", node.label);
                        account.coverage = Coverage::Unjudged(why);
                    }
                }
                (None, Some(principal)) => {
                    let part = format!("grant {}", grant.grant_id);
                    let document = Document::new(grant.statements(&key, None));
                    let policies = own.entry(principal.arn.clone()).or_default();
                    policies.push(NamedPolicy::new(&node.label, &part, document));
                }
                (None, None) => {}
            }
            of_keys.entry(key.clone()).or_default().extend(grant.statements(&key, Some(named)));
        }
        for (key, statements) in of_keys {
            if let Some(node) = self.resources.get_mut(&key) {
                let_in(node, statements);
            }
        }
        for (arn, policies) in own {
            if let Some(principal) = self.principals.get_mut(&arn) {
                *principal = Arc::new(PrincipalNode::with_policies(principal, policies));
            }
        }
    }
}

/// The account of an ARN, or the id of an account itself.
fn account_of(named: &str) -> &str {
    named.split(':').nth(4).unwrap_or(named)
}

/// Adds statements to the policy of a key; one that could not be read stays so.
fn let_in(node: &mut ResourceNode, statements: Vec<Statement>) {
    let mut document = match &node.policy {
        ResourcePolicy::Unreadable => return,
        ResourcePolicy::Absent => Document::new([]),
        ResourcePolicy::Document(policy) => (*policy.document).clone(),
    };
    // Its version says whether `${` begins a variable, which it does in the statements of a grant.
    if document.version() == LanguageVersion::V2008 {
        document.version = Some(LanguageVersion::V2012);
    }
    document.statements.extend(statements);
    node.policy = ResourcePolicy::Document(NamedPolicy::new(&node.label, "policy", document));
}

/// Whether the permissions boundary of a grantee permits all that the grant does, whatever the request.
fn boundary_permits(principal: &PrincipalNode, key: &str, grant: &KeyGrant) -> bool {
    let Some(boundary) = principal.boundary() else { return true };
    // The requests are not known here, so conditions cannot be evaluated.
    if boundary.document.statements.iter().any(|statement| !statement.conditions.is_empty()) {
        return false;
    }
    let mut open = Statement::new(Effect::Allow);
    open.principals = Some(Principals::All);
    open.actions = vec![Item::new("*")];
    open.resources = vec![Item::new("*")];
    let open = NamedPolicy::new("", "", Document::new([open]));
    let policies = Policies {
        identity: vec![NamedPolicy::full_access().policy],
        boundary: Some(Arc::clone(&boundary.policy)),
        resource: Some(open.policy),
        ..Policies::default()
    };
    grant.actions().all(|action| {
        let request = Request::new(Principal::Arn(principal.arn.clone()), &action, key);
        evaluate(&request, &policies).is_allowed()
    })
}
