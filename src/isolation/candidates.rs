//! Steps that are worth asking about, read off the resource side: a trust or bucket policy that names
//! nobody outside lets nobody in, so work follows the grants that exist.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::crossing::{
    ANY_PROVIDER, ANYBODY, PathStep, ROLES_ANYWHERE, StepSource, StepTarget, named_in_conditions,
};
use super::paths::account_of;
use crate::access::{AccessModel, Coverage, PrincipalKind, PrincipalNode, ResourceType};
use crate::iam::symbolic::question::concerns;
use crate::iam::values::is_account_id;
use crate::iam::{Document, Effect, PrincipalType};
use crate::ids::Partition;

/// The steps that the grants of one side make worth asking about.
#[must_use]
pub(super) fn candidates(model: &AccessModel) -> BTreeSet<PathStep> {
    let index = Index::new(model);
    let mut steps = BTreeSet::new();
    for role in model.principals.values() {
        let Some(trust) = &role.trust else { continue };
        let target = StepTarget::Role(role.arn.clone());
        let partition = model.partition_of(&role.account);
        for source in sources(model, &index, partition, &trust.document, Reached::Role(&role.arn)) {
            steps.insert(PathStep { source, target: target.clone() });
        }
    }
    for (resource, policy) in model.resource_policies() {
        let target = StepTarget::Resource(resource.arn.clone());
        let partition = model.partition_of(&resource.account);
        let reached = Reached::Resource(resource.kind);
        for source in sources(model, &index, partition, &policy.document, reached) {
            let same_account = match &source {
                StepSource::Principal(arn) => {
                    model.principals.get(arn).is_some_and(|p| p.account == resource.account)
                }
                _ => false,
            };
            if !same_account {
                steps.insert(PathStep { source, target: target.clone() });
            }
        }
    }
    steps
}

/// What a policy lets in to.
#[derive(Clone, Copy)]
enum Reached<'w> {
    /// A role, by ARN.
    Role(&'w str),
    /// A resource of this type.
    Resource(&'static ResourceType),
}

/// Principals by account id, those that may assume roles apart.
struct Index<'w> {
    by_account: BTreeMap<&'w str, Vec<&'w PrincipalNode>>,
    known_accounts: BTreeSet<&'w str>,
    /// ARNs by unique id, once some policy names one: what tells it is read with a principal's permissions.
    by_unique_id: OnceCell<BTreeMap<&'w str, &'w str>>,
}

/// Whether a principal is named by a unique id, and not by an ARN or an account (IAM User Guide, "IAM identifiers",
/// "Unique identifiers").
fn is_unique_id(text: &str) -> bool {
    ["AIDA", "AROA"].iter().any(|prefix| text.starts_with(prefix))
}

impl<'w> Index<'w> {
    fn by_unique_id(&self, model: &'w AccessModel) -> &BTreeMap<&'w str, &'w str> {
        self.by_unique_id.get_or_init(|| {
            let all = model.principals.values();
            all.filter_map(|p| Some((p.unique_id()?, p.arn.as_str()))).collect()
        })
    }

    fn new(model: &'w AccessModel) -> Self {
        let mut by_account: BTreeMap<&str, Vec<&PrincipalNode>> = BTreeMap::new();
        for account in model.accounts.values() {
            by_account.entry(&account.id).or_default().extend(model.principals_of(&account.handle));
        }
        Self {
            by_account,
            known_accounts: model.accounts.values().map(|a| a.id.as_str()).collect(),
            by_unique_id: OnceCell::new(),
        }
    }
}

fn sources<'w>(
    model: &'w AccessModel,
    index: &Index<'w>,
    partition: Partition,
    document: &Document,
    reached: Reached<'_>,
) -> BTreeSet<StepSource> {
    let mut found = BTreeSet::new();
    let (role, is_signed) = match reached {
        Reached::Role(role) => (Some(role), true),
        Reached::Resource(kind) => (None, !kind.takes_unsigned()),
    };
    // Nobody reaches a resource of another partition: its accounts are other accounts.
    let root = |account: &str| StepSource::Foreign(format!("arn:{partition}:iam::{account}:root"));
    let able = |p: &PrincipalNode| match role {
        Some(role) => p.arn != role && may_assume(p, role),
        None => true,
    };
    let read = |account: &str| {
        let node = model.account_by_id.get(account).and_then(|handle| model.accounts.get(handle));
        node.is_some_and(|node| node.coverage == Coverage::Read)
    };
    // Within an account a policy that names everybody asks nothing of the caller's own side.
    let beside = |p: &PrincipalNode| {
        let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
        role.is_some_and(|role| p.arn != role && account(&p.arn) == account(role))
    };
    let everyone = |found: &mut BTreeSet<StepSource>| {
        let all = model.principals.values().filter(|p| able(p) || beside(p));
        found.extend(all.map(|p| StepSource::Principal(p.arn.clone())));
        found.insert(root(ANYBODY));
        found.extend(named_in_conditions(model, document).iter().map(|id| root(id)));
        // Assuming a role takes a signature or an assertion; reading an object need not.
        match role {
            Some(_) => {
                found.insert(StepSource::Federated(ANY_PROVIDER.to_owned()));
            }
            None if is_signed => {}
            None => {
                found.insert(StepSource::Anonymous);
            }
        }
        let open = model.members.iter().filter(|(_, member)| !member.is_closed);
        found.extend(open.map(|(id, _)| root(id)));
    };
    for statement in document.statements.iter().filter(|s| s.effect == Effect::Allow) {
        if statement.not_principals.is_some() {
            everyone(&mut found);
        }
        let Some(principals) = &statement.principals else { continue };
        if principals.is_everyone() {
            everyone(&mut found);
            continue;
        }

        for (kind, item) in principals.items() {
            let text = item.text.symbolic();
            match kind {
                PrincipalType::Aws if text == "*" => everyone(&mut found),
                // One that the estate does not know is of a principal that was deleted.
                PrincipalType::Aws if is_unique_id(&text) => {
                    let named = index.by_unique_id(model).get(text.as_ref());
                    found.extend(named.map(|arn| StepSource::Principal((*arn).to_owned())));
                }
                PrincipalType::Aws => {
                    let account = text
                        .strip_prefix("arn:")
                        .map_or(text.as_ref(), |_| text.split(':').nth(4).unwrap_or_default());
                    let whole = !text.starts_with("arn:") || text.ends_with(":root");
                    let inside = index.known_accounts.contains(account);
                    if model.is_closed(account) {
                        // Nobody can act from there.
                    } else if whole && inside {
                        let all = index.by_account.get(account).into_iter().flatten().copied();
                        found.extend(
                            all.filter(|p| able(p)).map(|p| StepSource::Principal(p.arn.clone())),
                        );
                    } else if whole {
                        found.insert(root(account));
                    } else {
                        let arn = principal_of(&text, index);
                        if model.principals.contains_key(&arn) {
                            found.insert(StepSource::Principal(arn));
                        } else if inside && text.contains(":federated-user/") && read(account) {
                            // A user alone begins such a session (STS API Reference, `GetFederationToken`).
                            let all = index.by_account.get(account).into_iter().flatten();
                            let users = all.filter(|p| p.kind == PrincipalKind::User);
                            found.extend(users.map(|p| StepSource::Principal(p.arn.clone())));
                        } else if !inside || text.contains(":federated-user/") {
                            found.insert(StepSource::Foreign(arn));
                        }
                    }
                }
                PrincipalType::Federated => {
                    found.insert(StepSource::Federated(text.into_owned()));
                }
                PrincipalType::Service if role.is_some() && text == ROLES_ANYWHERE => {
                    found.insert(StepSource::Service(text.into_owned()));
                }
                _ => {}
            }
        }
    }
    found
}

/// The role of a session's ARN where the estate knows it; any other ARN as it is.
fn principal_of(arn: &str, index: &Index<'_>) -> String {
    let Some((head, session)) = arn.split_once(":assumed-role/") else { return arn.to_owned() };
    let account = head.split(':').nth(4).unwrap_or_default();
    let name = session.split('/').next().unwrap_or_default();
    let roles = index.by_account.get(account).into_iter().flatten();
    roles
        .map(|p| &p.arn)
        .find(|a| a.rsplit('/').next() == Some(name) && a.contains(":role/"))
        .cloned()
        .unwrap_or_else(|| arn.to_owned())
}

/// Whether any identity statement could allow assuming that role: a quick, generous look. A trust
/// policy that names the principal itself needs no identity policy in its own account, so
/// principals named one by one never pass through here.
fn may_assume(principal: &PrincipalNode, role: &str) -> bool {
    let _ = role;
    principal.is_unreadable()
        || principal.identity().iter().flat_map(|r| &r.document.statements).any(|s| {
            s.effect == Effect::Allow && {
                let action = |item: &crate::iam::Item| {
                    let text = item.text.symbolic().to_ascii_lowercase();
                    let head = text.split(['*', '?']).next().unwrap_or_default().to_owned();
                    "sts:assumerole".starts_with(&head) || text == "sts:assumerole"
                };
                s.actions.iter().any(action) || (s.actions.is_empty() && !s.not_actions.is_empty())
            }
        })
}

/// Targets that let in whole accounts, by the ids of these.
pub(super) fn let_in_whole(model: &AccessModel) -> BTreeMap<String, Vec<StepTarget>> {
    let mut targets: BTreeMap<String, Vec<StepTarget>> = BTreeMap::new();
    for (target, ids) in whole_accounts(model) {
        for id in ids {
            targets.entry(id).or_default().push(target.clone());
        }
    }
    targets
}

/// What can be reached, with the policy that says who comes in: roles with their trust, resources with their policy.
fn letting_in(model: &AccessModel) -> impl Iterator<Item = (StepTarget, &Arc<Document>)> {
    let trusts = model
        .principals
        .values()
        .filter_map(|p| Some((StepTarget::Role(p.arn.clone()), &p.trust.as_ref()?.document)));
    let resources = model
        .resource_policies()
        .map(|(resource, policy)| (StepTarget::Resource(resource.arn.clone()), &policy.document));
    trusts.chain(resources)
}

/// Targets that let in whatever a whole account permits, with the ids of those accounts; none for
/// everybody.
#[must_use]
pub(super) fn whole_accounts(model: &AccessModel) -> BTreeMap<StepTarget, BTreeSet<String>> {
    letting_in(model)
        .filter_map(|(target, document)| {
            let allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
            let named = allowing.flat_map(|s| &s.principals).flat_map(|p| p.items());
            let accounts: BTreeSet<String> = named
                .filter(|(kind, _)| *kind == PrincipalType::Aws)
                .filter_map(|(_, item)| {
                    let text = item.text.symbolic();
                    match text.strip_suffix(":root") {
                        Some(arn) => Some(arn.split(':').nth(4)?.to_owned()),
                        None => {
                            (!text.starts_with("arn:") && text != "*").then(|| text.into_owned())
                        }
                    }
                })
                .filter(|id| !model.is_closed(id))
                .collect();
            (!accounts.is_empty()).then_some((target, accounts))
        })
        .collect()
}

/// Steps out of an account that nobody could read, or of one of the organization that the estate does not declare, by
/// those in it whom the estate does not know: whoever a policy names there, and anybody at all where one lets in the whole account.
#[must_use]
pub(super) fn unread_steps(model: &AccessModel) -> BTreeSet<PathStep> {
    let unread = model.accounts.values().filter(|a| !a.is_read()).map(|a| a.id.as_str());
    // Of the members that the estate does not declare nothing is read; the management account is trusted.
    let others = model
        .members
        .iter()
        .filter(|(_, member)| !member.is_closed && !member.membership.management_account);
    steps_out_of(model, &unread.chain(others.map(|(id, _)| id.as_str())).collect())
}

/// The accounts, beside those of the estate and of its organization, that policies of a principal name as whose roles it
/// may assume, by id.
#[must_use]
pub(super) fn accounts_entered(model: &AccessModel, principal: &PrincipalNode) -> BTreeSet<String> {
    let statements = principal.identity().iter().flat_map(|r| &r.document.statements);
    let allowing = statements.filter(|s| s.effect == Effect::Allow);
    let entering = allowing.filter(|s| concerns(s, "sts:assumerole"));
    let ids = entering.flat_map(|s| &s.resources).filter_map(|item| {
        let text = item.text.symbolic();
        text.split(':').nth(4).map(str::to_owned)
    });
    let is_of_nobody = |id: &String| {
        is_account_id(id)
            && !model.account_by_id.contains_key(id)
            && !model.members.contains_key(id)
            && !model.is_closed(id)
    };
    ids.filter(is_of_nobody).collect()
}

/// The same out of some accounts, by id.
#[must_use]
pub(super) fn steps_out_of(model: &AccessModel, unread: &BTreeSet<&str>) -> BTreeSet<PathStep> {
    if unread.is_empty() {
        return BTreeSet::new();
    }
    let mut steps = BTreeSet::new();
    for (target, document) in letting_in(model) {
        let mut named = BTreeSet::new();
        let owner = account_of(model, &target);
        let partition = owner.map(|owner| model.partition_of(&owner)).unwrap_or_default();
        let root = |account: &str| format!("arn:{partition}:iam::{account}:root");
        for statement in document.statements.iter().filter(|s| s.effect == Effect::Allow) {
            let everyone = statement.not_principals.is_some()
                || statement.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone);
            if everyone {
                named.extend(unread.iter().map(|id| root(id)));
            }
            for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
                let text = item.text.symbolic();
                let arn = match text.starts_with("arn:") {
                    true => text.into_owned(),
                    false => root(&text),
                };
                let inside = arn.split(':').nth(4).is_some_and(|id| unread.contains(id));
                if kind == PrincipalType::Aws && inside && !model.principals.contains_key(&arn) {
                    named.insert(arn);
                }
            }
        }
        let step = |arn| PathStep { source: StepSource::Foreign(arn), target: target.clone() };
        steps.extend(named.into_iter().map(step));
    }
    steps
}

/// Places whose policies say nothing that can be relied on, and why: whoever they let in is not known.
#[must_use]
pub(super) fn unclear(model: &AccessModel) -> BTreeMap<StepTarget, String> {
    let canonical = |document: &Document| {
        let allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
        let mut named = allowing.flat_map(|s| &s.principals).flat_map(|p| p.items());
        named.any(|(kind, _)| kind == PrincipalType::CanonicalUser)
    };
    let mut found = BTreeMap::new();
    for role in model.principals.values().filter(|p| p.has_unreadable_trust()) {
        let why = format!("the trust policy of `{}` could not be read", role.label);
        found.insert(StepTarget::Role(role.arn.clone()), why);
    }
    for resource in model.resources.values().filter(|r| r.is_unreadable()) {
        let why = format!("the policy of `{}` could not be read", resource.label);
        found.insert(StepTarget::Resource(resource.arn.clone()), why);
    }
    for (resource, _) in model.resource_policies().filter(|(_, p)| canonical(&p.document)) {
        let why = format!(
            "`{}` lets in a canonical user, of whom nobody can tell whose account it is",
            resource.label
        );
        found.insert(StepTarget::Resource(resource.arn.clone()), why);
    }
    found
}
