//! What of one side bears on the closure, found out once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::changes::{Actor, account};
use super::super::crossing::{
    PathStep, StepSource, StepTarget, answer, asked, handing_tags_on, home, is_of_session,
    is_resource_tag,
};
use super::super::issuers::keys_of;
use super::super::paths::account_of;
use super::super::rights::{allows, may_change_policies, may_put_objects};
use super::super::running::{RunningCode, running};
use super::Search;
use crate::access::{AccessModel, AccountNode, NamedPolicy, PrincipalNode, STATE_STORE};
use crate::iam::symbolic::SymbolicAnswer;
use crate::iam::symbolic::question::variable_keys;
use crate::iam::{Document, Effect, Statement};
use crate::ids::Handle;

/// What of one side bears on the closure, found out once.
pub(super) struct Ground {
    /// Accounts from which a step leads out, or might.
    pub(super) exits: BTreeSet<Handle>,
    /// Accounts of which something lets in some principals and not others.
    pub(super) choosy: BTreeSet<Handle>,
    /// Principals that take steps or hold power, by account.
    pub(super) relevant: BTreeMap<Handle, Vec<String>>,
    /// Targets that let in whole accounts, by the ids of these.
    pub(super) whole: BTreeMap<String, Vec<StepTarget>>,
    /// Targets that let in everybody.
    pub(super) anybody: Vec<StepTarget>,
    /// Accounts of which a guardrail or a resource's policy asks how a session was begun.
    asks_sessions: BTreeSet<Handle>,
    /// Accounts of which a policy asks for tags of what somebody acts on.
    asks_tags: RefCell<BTreeMap<Handle, bool>>,
    /// Whether a role of some account lets in whoever signs with keys that lie in a bucket.
    pub(super) keys_in_buckets: bool,
    /// Accounts of which a bucket with such keys, or with the state, may itself let principals write, whatever their own
    /// policies say.
    pub(super) written_by_policy: BTreeSet<Handle>,
    /// Resources whose policies let somebody change what they run, by ARN.
    pub(super) running: BTreeMap<String, RunningCode>,
    /// Steps of identities whose tokens are checked with keys that lie in a bucket, by the bucket's ARN.
    pub(super) issuing: BTreeMap<String, Vec<PathStep>>,
    /// Steps that nothing but the target side's tags keep shut.
    pub(super) tag_held: BTreeMap<String, Vec<StepTarget>>,
    /// Steps that the source side alone holds shut.
    pub(super) held: BTreeMap<String, Vec<StepTarget>>,
    /// Roles whose sessions take over the tags of those that assume them, by the roles that may.
    pub(super) heirs: BTreeMap<String, Vec<String>>,
}

impl Ground {
    pub(super) fn new(search: &Search<'_, '_>) -> Self {
        let (model, result) = (search.model, search.result);
        let steps =
            || result.edges.keys().chain(result.closed.keys()).chain(result.undecided.keys());
        let mut exits = BTreeSet::new();
        let mut taking: BTreeSet<&str> = BTreeSet::new();
        for step in steps() {
            let (StepSource::Principal(arn), Some(own)) = (&step.source, home(model, &step.source))
            else {
                continue;
            };
            taking.insert(arn);
            if account_of(model, &step.target).is_some_and(|to| to != *own) {
                exits.insert(own.clone());
            }
        }
        let (whole, anybody) = (search.whole.clone(), anybody(model));
        let leads_out = |targets: &[StepTarget], own: &Handle| {
            targets.iter().any(|target| account_of(model, target).is_some_and(|to| to != *own))
        };
        let mut choosy = BTreeSet::new();
        for node in model.accounts.values() {
            let of_whole = whole.get(&node.id).map(Vec::as_slice).unwrap_or_default();
            let manages = node.membership.as_ref().is_some_and(|m| m.management_account);
            let keeps_state = model
                .state_bucket
                .as_ref()
                .is_some_and(|arn| super::bucket_owner(model, arn).as_ref() == Some(&node.handle));
            if manages
                || keeps_state
                || leads_out(of_whole, &node.handle)
                || leads_out(&anybody, &node.handle)
            {
                exits.insert(node.handle.clone());
            }
            // Who it is, or what it bears, may decide whether it is let in.
            if of_whole.iter().chain(&anybody).any(|target| asks_whom(model, target)) {
                choosy.insert(node.handle.clone());
            }
        }
        let mut issuing: BTreeMap<String, Vec<PathStep>> = BTreeMap::new();
        for step in result.edges.keys() {
            let StepSource::Federated(provider) = &step.source else { continue };
            let Some(bucket) = keys_of(provider) else { continue };
            let Some(owner) = super::bucket_owner(model, &bucket) else { continue };
            // Who is in the bucket's account gets out of it by the tokens.
            if account_of(model, &step.target).is_some_and(|to| to != owner) {
                exits.insert(owner);
            }
            issuing.entry(bucket).or_default().push(step.clone());
        }
        let keys: BTreeSet<String> = issuing.keys().cloned().collect();
        let written_by_policy: BTreeSet<Handle> = keys
            .iter()
            .chain(&model.state_bucket)
            .filter(|bucket| {
                let policy = model.resource_policy(bucket);
                policy.is_some_and(|policy| {
                    STATE_STORE.writes.iter().any(|action| allows(&policy.document, action))
                })
            })
            .filter_map(|bucket| super::bucket_owner(model, bucket))
            .collect();
        let relevant = exits
            .iter()
            .map(|account| {
                let all = model.principals_of(account).filter(|p| {
                    written_by_policy.contains(account)
                        || taking.contains(p.arn.as_str())
                        || may_change_policies(p)
                        || may_put_objects(p)
                });
                (account.clone(), all.map(|p| p.arn.clone()).collect())
            })
            .collect();
        let mut tag_held: BTreeMap<String, Vec<StepTarget>> = BTreeMap::new();
        let mut held: BTreeMap<String, Vec<StepTarget>> = BTreeMap::new();
        for step in result.closed.keys() {
            let StepSource::Principal(arn) = &step.source else { continue };
            if result.held_by_source.contains(step) {
                held.entry(arn.clone()).or_default().push(step.target.clone());
            }
            if matches!(step.target, StepTarget::Role(_))
                && asked(model, step).is_some_and(|asked| asked.looks_at_resource_tags())
            {
                let free =
                    asked(model, step).map(super::super::crossing::Asked::without_resource_tags);
                let open = free.map(|asked| answer(None, Some(&asked)).after);
                if matches!(open, Some(SymbolicAnswer::Open(_))) {
                    tag_held.entry(arn.clone()).or_default().push(step.target.clone());
                }
            }
        }
        let asks_sessions = asking_sessions(model, &exits);
        let mut heirs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for heir in model.principals.values() {
            for from in handing_tags_on(heir).into_iter().filter(|from| *from != heir.arn) {
                heirs.entry(from).or_default().push(heir.arn.clone());
            }
        }
        Self {
            exits,
            choosy,
            relevant,
            whole,
            anybody,
            asks_sessions,
            asks_tags: RefCell::default(),
            keys_in_buckets: !keys.is_empty(),
            written_by_policy,
            running: running(model),
            issuing,
            tag_held,
            held,
            heirs,
        }
    }

    /// Whether some policy over a principal asks how its session was begun.
    pub(super) fn sessions_matter(&self, principal: &PrincipalNode) -> bool {
        let mut own = principal.identity().iter().chain(principal.boundary());
        self.asks_sessions.contains(&principal.account) || own.any(|p| asks_session(&p.document))
    }

    /// Whether some policy over an account asks how sessions were begun.
    pub(super) fn asks_of_sessions(&self, account: &Handle) -> bool {
        self.asks_sessions.contains(account)
    }

    /// Whether some policy in an account, or over it, asks for tags of what somebody acts on.
    pub(super) fn asks_tags_of_targets(&self, model: &AccessModel, account: &Handle) -> bool {
        let mut known = self.asks_tags.borrow_mut();
        *known.entry(account.clone()).or_insert_with(|| asks_tags(model, account))
    }

    /// Steps that an actor may take once it, or the target, was changed.
    pub(super) fn steps(&self, model: &AccessModel, actor: &Actor) -> BTreeSet<StepTarget> {
        let mut found = BTreeSet::new();
        if let Actor::Known(arn) = actor {
            found.extend(self.held.get(arn).into_iter().flatten().cloned());
            found.extend(self.tag_held.get(arn).into_iter().flatten().cloned());
        }
        let id = account(model, actor).and_then(|a| model.accounts.get(a)).map(|a| &a.id);
        found.extend(id.and_then(|id| self.whole.get(id)).into_iter().flatten().cloned());
        found.extend(self.anybody.iter().cloned());
        found.retain(|target| !matches!(actor, Actor::Known(arn) if target.arn() == arn));
        found
    }
}

fn keys(document: &Document) -> impl Iterator<Item = String> {
    document.statements.iter().flat_map(|statement| {
        let tested = statement.conditions.iter().map(|c| c.key.to_ascii_lowercase());
        tested.chain(variable_keys(statement))
    })
}

pub(super) fn asks_session(document: &Document) -> bool {
    keys(document).any(|key| is_of_session(&key))
}

/// Whether a policy that permits or limits principals of an account, or could be given to one, asks for tags of what somebody
/// acts on.
fn asks_tags(model: &AccessModel, account: &Handle) -> bool {
    let asks = |policy: &NamedPolicy| keys(&policy.document).any(|key| is_resource_tag(&key));
    let Some(account) = model.accounts.get(account) else { return false };
    let over = account.service_control.iter().chain(&account.resource_control);
    let mut principals = model.principals_of(&account.handle);
    over.flat_map(|(_, policies)| policies).any(asks)
        || principals.any(|p| p.identity().iter().chain(p.boundary()).any(asks))
        || model.groups_of(&account.handle).flat_map(|group| group.identity()).any(asks)
        || model.managed_of(account).filter_map(|arn| model.managed(arn)).any(|p| asks(&p))
}

fn asking_sessions(model: &AccessModel, exits: &BTreeSet<Handle>) -> BTreeSet<Handle> {
    let asks = |account: &&AccountNode| {
        let over = account.service_control.iter().chain(&account.resource_control);
        over.flat_map(|(_, policies)| policies).any(|policy| asks_session(&policy.document))
            || model
                .resources_of(&account.handle)
                .filter_map(|resource| resource.document())
                .any(|policy| asks_session(&policy.document))
    };
    let all = exits.iter().filter_map(|handle| model.accounts.get(handle));
    all.filter(asks).map(|account| account.handle.clone()).collect()
}

fn allowing<'w>(
    model: &'w AccessModel,
    target: &StepTarget,
) -> impl Iterator<Item = &'w Statement> {
    let document = match target {
        StepTarget::Role(arn) => {
            model.principals.get(arn).and_then(|p| p.trust.as_ref()).map(|t| &t.document)
        }
        StepTarget::Resource(arn) => model.resource_policy(arn).map(|policy| &policy.document),
    };
    document.into_iter().flat_map(|d| &d.statements).filter(|s| s.effect == Effect::Allow)
}

pub(super) fn asks_whom(model: &AccessModel, target: &StepTarget) -> bool {
    allowing(model, target).any(|s| !s.conditions.is_empty())
}

/// Targets that let in everybody.
fn anybody(model: &AccessModel) -> Vec<StepTarget> {
    let roles = model.principals.values().filter(|p| p.trust.is_some());
    let roles = roles.map(|p| StepTarget::Role(p.arn.clone()));
    let resources = model.resource_policies().map(|(r, _)| StepTarget::Resource(r.arn.clone()));
    roles
        .chain(resources)
        .filter(|target| {
            allowing(model, target).any(|s| {
                s.not_principals.is_some()
                    || s.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone)
            })
        })
        .collect()
}
