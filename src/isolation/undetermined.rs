//! Walls of which nobody can tell whether something crosses them: a step on the way could not be
//! decided, a policy says nothing that can be relied on, or an account in between was not read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::candidates::{let_in_whole, unclear, unread_steps};
use super::compare::{Pair, SideResult};
use super::crossing::{PathStep, StepSource, StepTarget, asked, home, home_of, is_closed};
use super::paths::{Origin, account_of, starts_in};
use super::power::bucket_owner;
use super::rights::{may_change_policies, may_put_objects};
use crate::access::AccessModel;
use crate::ids::Handle;

/// A place that somebody may get to, and why that is not certain.
type OnwardStep = (StepTarget, Option<String>);

/// Every pair of origin and environment between which there may be a way, with what is not known of it.
/// Whoever might be in doubt is: an account that was not read is taken to let anybody in.
pub(super) fn doubtful(model: &AccessModel, result: &SideResult) -> BTreeMap<Pair, String> {
    let strange = strange(model, result);
    if result.undecided.is_empty() && strange.is_empty() {
        return BTreeMap::new();
    }
    let mut onward_steps: BTreeMap<StepSource, Vec<OnwardStep>> = BTreeMap::new();
    for step in result.edges.keys() {
        onward_steps.entry(step.source.clone()).or_default().push((step.target.clone(), None));
    }
    for (step, why) in &result.undecided {
        let told = format!("whether `{}` is entered is not decided: {why}", step.target.arn());
        onward_steps
            .entry(step.source.clone())
            .or_default()
            .push((step.target.clone(), Some(told)));
    }
    let mut starts: BTreeMap<Origin, BTreeSet<StepSource>> =
        [Origin::Management, Origin::Unassigned, Origin::External, Origin::Anonymous]
            .into_iter()
            .map(|origin| (origin, BTreeSet::new()))
            .collect();
    let environments = model.accounts.values().flat_map(|a| &a.environments);
    for name in environments {
        starts.entry(Origin::Environment(name.clone())).or_default();
    }
    for source in onward_steps.keys() {
        for origin in starts_in(model, source) {
            starts.entry(origin).or_default().insert(source.clone());
        }
    }
    let undetermined = Undetermined { model, onward_steps, strange, opened: opened(model, result) };
    let mut found = BTreeMap::new();
    for (origin, sources) in starts {
        for (environment, why) in undetermined.from(&origin, sources) {
            found.insert((origin.clone(), environment), why);
        }
    }
    found
}

/// Places that anybody may be in, or may get into, for all that is known.
fn strange(model: &AccessModel, result: &SideResult) -> Vec<(StepTarget, String)> {
    let mut found: Vec<(StepTarget, String)> = unclear(model).into_iter().collect();
    let lets_in = |step: &PathStep| {
        asked(model, step)
            .is_some_and(|asked| !is_closed(&asked) || asked.why_undetermined.is_some())
    };
    for step in unread_steps(model).into_iter().filter(lets_in) {
        let StepSource::Foreign(arn) = &step.source else { continue };
        let Some(home) = home_of(model, arn) else { continue };
        let why = format!(
            "`{}` lets in `{arn}`, and the account `{}` was not read: whom it lets in is not known",
            step.target.arn(),
            home.handle
        );
        found.push((step.target, why));
    }
    // A principal that was not read may be anybody there: by its trust, by credentials of its own making.
    let unread = |account: &Handle| model.accounts.get(account).is_some_and(|a| !a.is_read());
    for principal in model.principals.values().filter(|p| unread(&p.account)) {
        let why = format!(
            "the account `{}` was not read: whom it lets in is not known",
            principal.account
        );
        found.push((StepTarget::Role(principal.arn.clone()), why));
    }
    // And may lift what that account alone holds shut.
    for step in &result.held_by_source {
        if let Some(account) = home(model, &step.source).filter(|account| unread(account)) {
            let why = format!(
                "the account `{account}` was not read: who there can permit what `{}` lets in is not known",
                step.target.arn()
            );
            found.push((step.target.clone(), why));
        }
    }
    found
}

/// Everything that the search for steps in doubt looks at.
struct Undetermined<'a> {
    model: &'a AccessModel,
    onward_steps: BTreeMap<StepSource, Vec<OnwardStep>>,
    strange: Vec<(StepTarget, String)>,
    /// What somebody with power over an account may open.
    opened: BTreeMap<&'a Handle, Vec<StepTarget>>,
}

/// What power over an account opens: whatever that account alone holds shut, what lets all of it in, and
/// its own principals.
pub(super) fn opened<'a>(
    model: &'a AccessModel,
    result: &SideResult,
) -> BTreeMap<&'a Handle, Vec<StepTarget>> {
    let mut opened: BTreeMap<&Handle, Vec<StepTarget>> = BTreeMap::new();
    for step in &result.held_by_source {
        if let Some(account) = home(model, &step.source) {
            opened.entry(account).or_default().push(step.target.clone());
        }
    }
    let mut whole = let_in_whole(model);
    for account in model.accounts.values() {
        let targets = whole.remove(&account.id).unwrap_or_default();
        let residents =
            model.principals_of(&account.handle).map(|p| StepTarget::Role(p.arn.clone()));
        opened.entry(&account.handle).or_default().extend(targets.into_iter().chain(residents));
    }
    opened
}

impl Undetermined<'_> {
    /// The environments that an origin may get into, where that is not certain.
    fn from(&self, origin: &Origin, sources: BTreeSet<StepSource>) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let mut seen: BTreeSet<StepSource> = sources.clone();
        let mut held: BTreeSet<&Handle> = BTreeSet::new();
        let mut queue: VecDeque<(StepSource, Option<String>)> =
            sources.into_iter().map(|source| (source, None)).collect();
        let mut next: Vec<OnwardStep> =
            self.strange.iter().map(|(target, why)| (target.clone(), Some(why.clone()))).collect();
        loop {
            for (target, why) in next.drain(..) {
                let account =
                    account_of(self.model, &target).and_then(|a| self.model.accounts.get(&a));
                if let (Some(account), Some(why)) = (account, &why) {
                    for environment in &account.environments {
                        found.entry(environment.clone()).or_insert_with(|| why.clone());
                    }
                }
                // Without a signature no role is assumed.
                if let (StepTarget::Role(arn), false) = (target, *origin == Origin::Anonymous) {
                    let source = StepSource::Principal(arn);
                    if seen.insert(source.clone()) {
                        queue.push_back((source, why));
                    }
                }
            }
            let Some((source, why)) = queue.pop_front() else { return found };
            // Of whom nobody can tell whether it is reached may have power there.
            if let (Some(why), Some(account)) = (&why, self.power_over(&source))
                && held.insert(account)
            {
                let targets = self.opened.get(account).into_iter().flatten().cloned();
                next.extend(targets.map(|target| (target, Some(why.clone()))));
            }
            if let (Some(why), true) = (&why, self.writes_state(&source)) {
                for environment in self.model.accounts.values().flat_map(|a| &a.environments) {
                    found.entry(environment.clone()).or_insert_with(|| why.clone());
                }
            }
            let onward = self.onward_steps.get(&source).into_iter().flatten();
            next.extend(
                onward.map(|(target, more)| (target.clone(), why.clone().or_else(|| more.clone()))),
            );
        }
    }

    /// The account of a principal whose policies speak of rights that move walls at all.
    fn power_over(&self, source: &StepSource) -> Option<&Handle> {
        let StepSource::Principal(arn) = source else { return None };
        let node = self.model.principals.get(arn).filter(|node| may_change_policies(node))?;
        Some(&node.account)
    }
    /// Whether a principal may write the state of the estate, which decides what is applied everywhere.
    fn writes_state(&self, source: &StepSource) -> bool {
        let StepSource::Principal(arn) = source else { return false };
        let Some(bucket) = &self.model.state_bucket else { return false };
        let Some(node) = self.model.principals.get(arn) else { return false };
        let over_there = StepTarget::Resource(bucket.clone());
        let at_home = bucket_owner(self.model, bucket).as_ref() == Some(&node.account);
        (at_home && may_put_objects(node))
            || self
                .onward_steps
                .get(source)
                .into_iter()
                .flatten()
                .any(|(target, _)| *target == over_there)
    }
}
