//! Questions between the two sides of a plan: what a step comes to when some changed objects stand as they did
//! before, and the others as they will.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::keys::session_tag;
use super::{Asked, PathStep, StepSource, StepTarget, home_of, member_of};
use crate::access::{AccessModel, NamedPolicy, PART, levels};
use crate::iam::semantic_eq;

/// Policies by level of the organization, root first.
type Levels = Vec<(String, Vec<NamedPolicy>)>;

/// What bears on a step on one side, as far as objects of the estate declare it.
#[derive(Clone, Debug, Default)]
pub(in crate::isolation) struct StepBearing {
    /// Whether the one who takes the step is there, and what the step reaches.
    ends: (bool, bool),
    identity: Vec<NamedPolicy>,
    boundary: Option<NamedPolicy>,
    service_control: Levels,
    resource_control: Levels,
    resource: Option<NamedPolicy>,
    caller_tags: BTreeMap<String, String>,
    resource_tags: BTreeMap<String, String>,
}

/// How reports call the two ends of a step, and their accounts.
#[derive(Clone, Debug, Default)]
struct Names {
    caller: String,
    reached: String,
    home: String,
    owner: String,
}

/// A step with what bears on it on either side, and the objects in which the sides differ.
#[derive(Clone, Debug)]
pub(in crate::isolation) struct Mixed {
    step: PathStep,
    was: StepBearing,
    is: StepBearing,
    names: Names,
    /// The objects, by the labels that reports cite, in which the sides differ.
    pub(in crate::isolation) changed: BTreeSet<String>,
}

impl StepBearing {
    fn of(model: &AccessModel, step: &PathStep) -> Self {
        let mut bearing = Self::default();
        let caller = match &step.source {
            StepSource::Principal(arn) => model.principals.get(arn),
            _ => None,
        };
        bearing.ends.0 = caller.is_some() || !matches!(step.source, StepSource::Principal(_));
        let home = match (&step.source, caller) {
            (_, Some(caller)) => model.accounts.get(&caller.account),
            (StepSource::Foreign(arn), None) => home_of(model, arn),
            _ => None,
        };
        if let Some(caller) = caller {
            bearing.identity = caller.identity().to_vec();
            bearing.boundary = caller.boundary().cloned();
            bearing.caller_tags = caller.tags().clone();
        }
        bearing.service_control = match (home, &step.source) {
            (Some(home), _) => home.service_control.clone(),
            (None, StepSource::Foreign(arn)) => {
                member_of(model, arn).map(|m| m.service_control.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let owner = match &step.target {
            StepTarget::Role(arn) => model.principals.get(arn).map(|role| {
                bearing.resource = role.trust.clone();
                bearing.resource_tags = role.tags().clone();
                &role.account
            }),
            StepTarget::Resource(arn) => model.resources.get(arn).map(|resource| {
                bearing.resource = resource.document().cloned();
                &resource.account
            }),
        };
        bearing.ends.1 = owner.is_some();
        if let Some(owner) = owner.and_then(|account| model.accounts.get(account)) {
            bearing.resource_control = owner.resource_control.clone();
        }
        bearing
    }
}

impl Names {
    fn of(step: &PathStep, models: [&AccessModel; 2]) -> Self {
        let principal = |arn: &String| models.iter().find_map(|model| model.principals.get(arn));
        let account = |handle: &crate::ids::Handle| format!("account.{handle}");
        let mut names = Self::default();
        if let StepSource::Principal(arn) = &step.source
            && let Some(caller) = principal(arn)
        {
            names.caller.clone_from(&caller.label);
            names.home = account(&caller.account);
        }
        match &step.target {
            StepTarget::Role(arn) => {
                if let Some(role) = principal(arn) {
                    names.reached.clone_from(&role.label);
                    names.owner = account(&role.account);
                }
            }
            StepTarget::Resource(arn) => {
                let resource = models.iter().find_map(|model| model.resources.get(arn));
                if let Some(resource) = resource {
                    names.reached.clone_from(&resource.label);
                    names.owner = account(&resource.account);
                }
            }
        }
        names
    }
}

fn is_same(one: Option<&NamedPolicy>, other: Option<&NamedPolicy>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            Arc::ptr_eq(&one.document, &other.document)
                || semantic_eq(&one.document, &other.document)
        }
        _ => false,
    }
}

fn by_name(policies: &[NamedPolicy]) -> BTreeMap<&str, &NamedPolicy> {
    policies.iter().map(|policy| (policy.policy.name(), policy)).collect()
}

/// The object to which a difference in a principal's policies belongs: the one that holds the policy, or the
/// principal where that policy stands unchanged and was attached or detached.
fn holder<'n>(
    name: &'n str,
    (was, is): (Option<&NamedPolicy>, Option<&NamedPolicy>),
    models: [&AccessModel; 2],
    caller: &'n str,
) -> &'n str {
    let label = name.split(PART).next().unwrap_or_default();
    let [before, after] = models;
    let elsewhere = match (was, is) {
        (Some(was), None) => is_same(Some(was), after.policy(name).as_ref()),
        (None, Some(is)) => is_same(before.policy(name).as_ref(), Some(is)),
        _ => false,
    };
    if elsewhere { caller } else { label }
}

impl Mixed {
    /// A step on both sides of a plan.
    pub(in crate::isolation) fn new(
        before: &AccessModel,
        after: &AccessModel,
        step: &PathStep,
    ) -> Self {
        let models = [before, after];
        let (was, is) = (StepBearing::of(before, step), StepBearing::of(after, step));
        let names = Names::of(step, models);
        let mut mixed = Self { step: step.clone(), was, is, names, changed: BTreeSet::new() };
        mixed.changed = mixed.differences(models);
        mixed
    }

    /// What a principal of an account may do to something in that account, a resource with a policy or anything else.
    pub(in crate::isolation) fn within(
        before: &AccessModel,
        after: &AccessModel,
        source: &StepSource,
        resource: &str,
    ) -> Self {
        let models = [before, after];
        let step =
            PathStep { source: source.clone(), target: StepTarget::Resource(resource.to_owned()) };
        let bearing = |model: &AccessModel| {
            let mut bearing = StepBearing::of(model, &step);
            let caller = match source {
                StepSource::Principal(arn) => model.principals.get(arn),
                _ => None,
            };
            if let (false, Some(caller)) = (bearing.ends.1, caller) {
                let home = model.accounts.get(&caller.account);
                bearing.resource_control =
                    home.map(|home| home.resource_control.clone()).unwrap_or_default();
            }
            bearing.ends.1 = true;
            bearing
        };
        let (was, is) = (bearing(before), bearing(after));
        let mut names = Names::of(&step, models);
        if names.owner.is_empty() {
            names.owner.clone_from(&names.home);
        }
        let mut mixed = Self { step: step.clone(), was, is, names, changed: BTreeSet::new() };
        mixed.changed = mixed.differences(models);
        mixed
    }

    fn differences(&self, models: [&AccessModel; 2]) -> BTreeSet<String> {
        let Self { was, is, names, .. } = self;
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut labels: BTreeSet<String> = BTreeSet::new();
        if was.ends.0 != is.ends.0 || was.caller_tags != is.caller_tags {
            found.insert(&names.caller);
        }
        if was.ends.1 != is.ends.1 || was.resource_tags != is.resource_tags {
            found.insert(&names.reached);
        }
        if !is_same(was.resource.as_ref(), is.resource.as_ref()) {
            found.insert(&names.reached);
        }
        // Of an end that is new or goes, nothing else need be told.
        if was.ends.0 && is.ends.0 {
            let (old, new) = (by_name(&was.identity), by_name(&is.identity));
            for name in old.keys().chain(new.keys()) {
                let both = (old.get(name).copied(), new.get(name).copied());
                if !is_same(both.0, both.1) {
                    found.insert(holder(name, both, models, &names.caller));
                }
            }
            let both = (was.boundary.as_ref(), is.boundary.as_ref());
            if !is_same(both.0, both.1) {
                let name = both.1.or(both.0).map_or("", |b| b.policy.name());
                let same = both.0.is_some_and(|b| b.policy.name() == name) && both.1.is_some();
                found.insert(match same {
                    true => name.split(PART).next().unwrap_or_default(),
                    false => &names.caller,
                });
            }
        }
        for (old, new, account) in [
            (&was.service_control, &is.service_control, &names.home),
            (&was.resource_control, &is.resource_control, &names.owner),
        ] {
            if has_moved(old, new) {
                found.insert(account);
                continue;
            }
            let all = |levels: &Levels| -> BTreeMap<(String, String), NamedPolicy> {
                let each = levels.iter().flat_map(|(target, policies)| {
                    policies.iter().map(move |policy| {
                        ((target.clone(), policy.policy.name().to_owned()), policy.clone())
                    })
                });
                each.collect()
            };
            let (old, new) = (all(old), all(new));
            for key in old.keys().chain(new.keys()) {
                let (a, b) = (old.get(key), new.get(key));
                if !is_same(a, b) {
                    labels.extend(b.or(a).map(|policy| policy.label().to_owned()));
                }
            }
        }
        labels.extend(found.into_iter().filter(|label| !label.is_empty()).map(str::to_owned));
        labels
    }

    /// What bears on the step once these objects stand as they did before; `None` where the step has lost an end.
    fn with(&self, reverted: &BTreeSet<&str>, models: [&AccessModel; 2]) -> Option<StepBearing> {
        let Self { was, is, names, .. } = self;
        let undone = |label: &str| reverted.contains(label);
        let there = |pick: fn(&StepBearing) -> bool, label: &str| match pick(was) == pick(is) {
            true => pick(is),
            false if undone(label) => pick(was),
            false => pick(is),
        };
        if !(there(|b| b.ends.0, &names.caller) && there(|b| b.ends.1, &names.reached)) {
            return None;
        }
        // Where an end is there on one side alone, that side says all of it.
        let (caller_was, caller_is) = match (was.ends.0, is.ends.0) {
            (true, false) => (was, was),
            (false, true) => (is, is),
            _ => (was, is),
        };
        let (old, new) = (by_name(&caller_was.identity), by_name(&caller_is.identity));
        let names_of: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let identity = names_of.into_iter().filter_map(|name| {
            let both = (old.get(name).copied(), new.get(name).copied());
            let back =
                !is_same(both.0, both.1) && undone(holder(name, both, models, &names.caller));
            if back { both.0 } else { both.1 }.cloned()
        });
        let identity = identity.collect();
        let boundary = {
            let (old, new) = (caller_was.boundary.as_ref(), caller_is.boundary.as_ref());
            let label = |b: Option<&NamedPolicy>| b.map_or("", NamedPolicy::label).to_owned();
            let back = undone(&names.caller) || undone(&label(old)) || undone(&label(new));
            if back { old } else { new }.cloned()
        };
        let tags = |old: &BTreeMap<String, String>, new: &BTreeMap<String, String>, label: &str| {
            if undone(label) { old.clone() } else { new.clone() }
        };
        Some(StepBearing {
            ends: (true, true),
            identity,
            boundary,
            service_control: mixed_levels(
                &caller_was.service_control,
                &caller_is.service_control,
                &names.home,
                &undone,
            ),
            resource_control: mixed_levels(
                &was.resource_control,
                &is.resource_control,
                &names.owner,
                &undone,
            ),
            resource: if undone(&names.reached) { &was.resource } else { &is.resource }.clone(),
            caller_tags: tags(&caller_was.caller_tags, &caller_is.caller_tags, &names.caller),
            resource_tags: tags(&was.resource_tags, &is.resource_tags, &names.reached),
        })
    }

    /// The question once these objects stand as they did before; `None` where the step has lost an end, or what it
    /// reaches has no policy that could let it in. `asked` is the question on a side on which it can be asked.
    pub(in crate::isolation) fn asked(
        &self,
        asked: Asked,
        reverted: &BTreeSet<&str>,
        models: [&AccessModel; 2],
    ) -> Option<Asked> {
        let bearing = self.with(reverted, models)?;
        let caller = match &self.step.source {
            StepSource::Principal(arn) => models.iter().rev().find_map(|m| m.principals.get(arn)),
            _ => None,
        };
        let tagged = [&self.was, &self.is];
        let [_, after] = models;
        let is_fixed = |key: &str| {
            let set = |caller| session_tag(after, caller, &key.to_ascii_lowercase());
            caller.is_some_and(|caller| set(caller).is_some_and(|set| set.is_empty()))
        };
        Some(asked.under(&bearing, caller.is_some(), &is_fixed, tagged))
    }
}

/// Whether the account stands below other units on the two sides.
fn has_moved(was: &Levels, is: &Levels) -> bool {
    let targets = |levels: &Levels| levels.iter().map(|(t, _)| t.clone()).collect::<Vec<_>>();
    !was.is_empty() && !is.is_empty() && targets(was) != targets(is)
}

fn mixed_levels(was: &Levels, is: &Levels, account: &str, undone: &dyn Fn(&str) -> bool) -> Levels {
    if has_moved(was, is) {
        return if undone(account) { was.clone() } else { is.clone() };
    }
    let targets = if is.is_empty() { was } else { is };
    let at = |levels: &Levels, target: &str| -> Vec<NamedPolicy> {
        let found = levels.iter().find(|(own, _)| own == target);
        found.map(|(_, policies)| policies.clone()).unwrap_or_default()
    };
    let mixed = targets.iter().map(|(target, _)| {
        let kept = at(is, target).into_iter().filter(|policy| !undone(policy.label()));
        let back = at(was, target).into_iter().filter(|policy| undone(policy.label()));
        (target.clone(), kept.chain(back).collect::<Vec<_>>())
    });
    let mixed: Levels = mixed.collect();
    // A type of policies that is switched off has no policy anywhere, and then binds nobody.
    if mixed.iter().all(|(_, policies)| policies.is_empty()) { Vec::new() } else { mixed }
}

impl Asked {
    /// The same question under what bears on it between two sides. `is_fixed` says of a tag of the caller's whether no
    /// session sets it.
    fn under(
        mut self,
        bearing: &StepBearing,
        is_known: bool,
        is_fixed: &dyn Fn(&str) -> bool,
        sides: [&StepBearing; 2],
    ) -> Self {
        let compiled = |policies: &[NamedPolicy]| {
            policies.iter().map(|rule| Arc::clone(&rule.policy)).collect::<Vec<_>>()
        };
        if is_known {
            self.policies.identity = compiled(&bearing.identity);
            self.policies.boundary = bearing.boundary.as_ref().map(|b| Arc::clone(&b.policy));
        }
        self.policies.service_control = levels(&bearing.service_control);
        self.policies.resource_control = levels(&bearing.resource_control);
        self.policies.resource = bearing.resource.as_ref().map(|r| Arc::clone(&r.policy));
        let of_levels = bearing.service_control.iter().chain(&bearing.resource_control);
        let all = bearing.identity.iter().chain(&bearing.boundary).chain(&bearing.resource);
        for policy in all.chain(of_levels.flat_map(|(_, policies)| policies)) {
            if !self.documents.iter().any(|d| Arc::ptr_eq(d, &policy.document)) {
                self.documents.push(Arc::clone(&policy.document));
            }
        }
        let mut tag = |families: &[&str],
                       own: &BTreeMap<String, String>,
                       pick: fn(&StepBearing) -> &BTreeMap<String, String>,
                       is_told: &dyn Fn(&str) -> bool| {
            let keys: BTreeSet<&String> = sides.iter().flat_map(|side| pick(side).keys()).collect();
            for key in keys.into_iter().filter(|key| is_told(key)) {
                for family in families {
                    let name = format!("{family}/{key}");
                    match own.get(key) {
                        Some(value) => {
                            self.never.remove(&name.to_ascii_lowercase());
                            self.request.context.set(&name, value.as_str());
                        }
                        None => {
                            self.request.context.remove(&name);
                            self.never.insert(name.to_ascii_lowercase());
                        }
                    }
                }
            }
        };
        tag(&["aws:PrincipalTag"], &bearing.caller_tags, |side| &side.caller_tags, is_fixed);
        let of_resource = ["aws:ResourceTag", "iam:ResourceTag"];
        tag(&of_resource, &bearing.resource_tags, |side| &side.resource_tags, &|_| true);
        self
    }
}
