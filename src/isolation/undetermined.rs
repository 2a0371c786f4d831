//! Walls of which nobody can tell whether something crosses them: a step on the way could not be
//! decided, a policy says nothing that can be relied on, or an account in between was not read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::candidates::{accounts_entered, let_in_whole, steps_out_of, unclear, unread_steps};
use super::compare::{Pair, SideResult};
use super::crossing::{PathStep, StepSource, StepTarget, asked, home, home_of, is_closed};
use super::paths::{Origin, account_of, starts_in};
use super::power::bucket_owner;
use super::rights::{may_change_policies, may_put_objects};
use super::running::{RunningCode, running, which_role};
use crate::access::AccessModel;
use crate::ids::Handle;

/// A place that somebody may get to, and why that is not certain.
type OnwardStep = (StepTarget, Option<String>);

/// Every pair of origin and environment between which there may be a way, with what is not known of it.
/// Whoever might be in doubt is: an account that was not read is taken to let anybody in.
pub(super) fn doubtful(model: &AccessModel, result: &SideResult) -> BTreeMap<Pair, String> {
    let (unclear, unread) = (self::unclear(model), unread(model, result));
    let running = running(model);
    let mut onward_steps = between(model, result);
    let runs = |step: &PathStep| running.contains_key(step.target.arn());
    if result.undecided.is_empty()
        && unclear.is_empty()
        && unread.is_empty()
        && onward_steps.is_empty()
        && !result.edges.keys().any(runs)
    {
        return BTreeMap::new();
    }
    for step in result.edges.keys() {
        onward_steps.entry(step.source.clone()).or_default().push((step.target.clone(), None));
        onward_steps.entry(step.source.clone()).or_default().extend(
            running.get(step.target.arn()).into_iter().flat_map(|code| run(model, step, code)),
        );
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
    let undetermined = Undetermined {
        model,
        onward_steps,
        unclear,
        unread,
        running,
        opened: opened(model, result),
    };
    let mut found = BTreeMap::new();
    for (origin, sources) in starts {
        for (environment, why) in undetermined.from(&origin, sources) {
            found.insert((origin.clone(), environment), why);
        }
    }
    found
}

/// The roles that somebody may be who changes, by leave of a resource's policy, what that runs.
fn run(model: &AccessModel, step: &PathStep, code: &RunningCode) -> Vec<OnwardStep> {
    let may = asked(model, step).is_some_and(|asked| !is_closed(&asked.taking(&code.actions)));
    let roles = code.roles.iter().filter(|_| may);
    roles
        .map(|role| (StepTarget::Role(role.clone()), Some(which_role(step.target.arn()))))
        .collect()
}

/// Steps through accounts that are nobody's of the organization and that nobody reads: policies of a principal say by id
/// that it goes in there, and something lets in who comes out.
fn between(model: &AccessModel, result: &SideResult) -> BTreeMap<StepSource, Vec<OnwardStep>> {
    let mut entering: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for principal in model.principals.values() {
        for account in accounts_entered(model, principal) {
            entering.entry(account).or_default().push(&principal.arn);
        }
    }
    let mut found: BTreeMap<StepSource, Vec<OnwardStep>> = BTreeMap::new();
    let ids: BTreeSet<&str> = entering.keys().map(String::as_str).collect();
    for step in steps_out_of(model, &ids) {
        let StepSource::Foreign(arn) = &step.source else { continue };
        let Some(account) = arn.split(':').nth(4) else { continue };
        if !lets_in(model, result, &step) {
            continue;
        }
        for principal in entering.get(account).into_iter().flatten() {
            let why = format!(
                "`{}` lets in `{arn}`, and `{principal}` may go into the account `{account}`, which was not read: whom it lets in is not known",
                step.target.arn()
            );
            let source = StepSource::Principal((*principal).clone());
            found.entry(source).or_default().push((step.target.clone(), Some(why)));
        }
    }
    found
}

/// Whether a step may be taken, for all that is known.
fn lets_in(model: &AccessModel, result: &SideResult, step: &PathStep) -> bool {
    if result.closed.contains_key(step) {
        return false;
    }
    asked(model, step).is_some_and(|asked| !is_closed(&asked) || asked.why_undetermined.is_some())
}

/// Places that somebody of an account that was not read may be in, or may get into, for all that is known.
fn unread(model: &AccessModel, result: &SideResult) -> Vec<(StepTarget, String)> {
    let mut found = Vec::new();
    for step in unread_steps(model).into_iter().filter(|step| lets_in(model, result, step)) {
        let StepSource::Foreign(arn) = &step.source else { continue };
        let (account, lacks) = match home_of(model, arn) {
            Some(home) => (home.handle.as_str(), home.why_unknown()),
            None => (arn.split(':').nth(4).unwrap_or_default(), None),
        };
        let lacks = lacks.unwrap_or_else(|| "was not read".to_owned());
        let why = format!(
            "`{}` lets in `{arn}`, and the account `{account}` {lacks}: whom it lets in is not known",
            step.target.arn(),
        );
        found.push((step.target, why));
    }
    // A principal that was not read may be anybody there: by its trust, by credentials of its own making.
    let unread = |account: &Handle| model.accounts.get(account)?.why_unknown();
    for principal in model.principals.values() {
        let Some(lacks) = unread(&principal.account) else { continue };
        let why =
            format!("the account `{}` {lacks}: whom it lets in is not known", principal.account);
        found.push((StepTarget::Role(principal.arn.clone()), why));
    }
    // And may lift what that account alone holds shut.
    for step in &result.held_by_source {
        let account = home(model, &step.source);
        if let Some((account, lacks)) =
            account.and_then(|account| Some((account, unread(account)?)))
        {
            let why = format!(
                "the account `{account}` {lacks}: who there can permit what `{}` lets in is not known",
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
    /// Places whose policies say nothing that can be relied on: anybody may get there.
    unclear: BTreeMap<StepTarget, String>,
    /// Places where somebody of an account that was not read may be. Whoever gets into that account signs.
    unread: Vec<(StepTarget, String)>,
    /// Resources whose policies let somebody change what they run.
    running: BTreeMap<String, RunningCode>,
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
            self.unclear.iter().map(|(target, why)| (target.clone(), Some(why.clone()))).collect();
        if *origin != Origin::Anonymous {
            let unread = self.unread.iter();
            next.extend(unread.map(|(target, why)| (target.clone(), Some(why.clone()))));
        }
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
            if let Some(why) = &why {
                let roles = self.running_for(&source).map(|role| StepTarget::Role(role.clone()));
                next.extend(roles.map(|target| (target, Some(why.clone()))));
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

    /// Roles under which something may run that a policy of its own lets somebody change, of whom nobody can tell whether
    /// it is there: in its own account, or where it gets to.
    fn running_for<'s>(&'s self, source: &'s StepSource) -> impl Iterator<Item = &'s String> {
        let own = home(self.model, source);
        let onward = self.onward_steps.get(source).into_iter().flatten();
        let reached: BTreeSet<&str> = onward.map(|(target, _)| target.arn()).collect();
        let all = self.running.iter().filter(move |(resource, code)| {
            own == Some(&code.account) || reached.contains(resource.as_str())
        });
        all.flat_map(|(_, code)| &code.roles)
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
