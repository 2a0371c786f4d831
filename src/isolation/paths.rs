//! From single steps to paths: chains of role assumptions that start in one environment and end
//! with the first step into another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::crossing::{PathStep, StepSource, StepTarget, answer, asked, home, home_of, member_of};
use super::issuers::{is_claim, keys_of};
use crate::access::AccessModel;
use crate::iam::symbolic::{Opening, Requirement, SymbolicAnswer};
use crate::ids::Handle;

/// One open step of one side.
#[derive(Clone, Debug)]
pub struct StepEdge {
    /// Who reaches what.
    pub step: PathStep,
    /// What is allowed, one entry per region of actions and resources.
    pub openings: Vec<Opening>,
}

impl StepEdge {
    /// Whether some opening asks nothing of the context.
    #[must_use]
    pub fn is_unconditional(&self) -> bool {
        self.openings.iter().any(|o| o.requirements.is_empty())
    }
}

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An environment of the estate.
    Environment(String),
    /// The management account.
    Management,
    /// Accounts of the organization that serve no environment.
    Unassigned,
    /// Other accounts, and identities of OIDC and SAML providers.
    External,
    /// Unsigned requests.
    Anonymous,
}

impl Origin {
    /// As it stands in plans.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Environment(name) => name,
            Self::Management => "$management",
            Self::Unassigned => "$unassigned",
            Self::External => "$external",
            Self::Anonymous => "$anonymous",
        }
    }
}

/// A path: a chain of assumed roles and the step that enters the other environment.
#[derive(Clone, Debug)]
pub struct Path {
    /// Where it starts.
    pub from: Origin,
    /// The environment that it enters.
    pub to: String,
    /// The account that it starts in; `None` for outsiders.
    pub from_account: Option<Handle>,
    /// The account that it enters.
    pub to_account: Handle,
    /// Steps before the last: role assumptions.
    pub chain: Vec<PathStep>,
    /// The step across the wall.
    pub last: PathStep,
    /// Whether every step asks nothing of the context.
    pub unconditional: bool,
}

/// The environments that an account stands for, as origins.
#[must_use]
pub fn origins_of(model: &AccessModel, account: &Handle) -> BTreeSet<Origin> {
    let Some(node) = model.accounts.get(account) else { return BTreeSet::new() };
    let mut origins: BTreeSet<Origin> =
        node.environments.iter().cloned().map(Origin::Environment).collect();
    // An environment in the management account reaches what that account reaches.
    if node.membership.as_ref().is_some_and(|m| m.management_account) {
        origins.insert(Origin::Management);
    }
    if origins.is_empty() {
        origins.insert(Origin::Unassigned);
    }
    origins
}

/// Whether an account stands for an origin: whether that is one of its [`origins_of`].
#[must_use]
pub fn belongs_to(model: &AccessModel, account: &Handle, origin: &Origin) -> bool {
    let Some(node) = model.accounts.get(account) else { return false };
    let manages = node.membership.as_ref().is_some_and(|m| m.management_account);
    match origin {
        Origin::Environment(name) => node.environments.contains(name),
        Origin::Management => manages,
        Origin::Unassigned => !manages && node.environments.is_empty(),
        Origin::External | Origin::Anonymous => false,
    }
}

/// The origins that somebody belongs to.
#[must_use]
pub fn starts_in(model: &AccessModel, source: &StepSource) -> BTreeSet<Origin> {
    match source {
        StepSource::Principal(arn) => match model.principals.get(arn) {
            Some(principal) => origins_of(model, &principal.account),
            None => BTreeSet::new(),
        },
        StepSource::Anonymous => [Origin::Anonymous].into(),
        StepSource::Foreign(arn) => match home_of(model, arn) {
            Some(home) => origins_of(model, &home.handle),
            None => [outside(model, arn)].into(),
        },
        StepSource::Federated(provider) => {
            // Whose bucket holds the keys says what the tokens are.
            let keys = keys_of(provider).and_then(|bucket| model.resources.get(&bucket));
            let owners = keys.map(|keys| origins_of(model, &keys.account));
            owners.into_iter().flatten().chain([Origin::External]).collect()
        }
        StepSource::Service(_) => [Origin::External].into(),
    }
}

/// The tags of a session that whoever begins it may choose, asking nothing of the surroundings: by the step that begins
/// it.
#[derive(Clone, Debug, Default)]
pub struct PassedTags(BTreeMap<PathStep, BTreeSet<Tags>>);

/// Tags by their keys, in lower case.
type Tags = Vec<(String, String)>;

impl PassedTags {
    /// Those that the steps after it ask for.
    #[must_use]
    pub fn of(model: &AccessModel, edges: &BTreeMap<PathStep, StepEdge>) -> Self {
        let mut wanted: BTreeMap<&String, BTreeSet<Tags>> = BTreeMap::new();
        for edge in edges.values().filter(|edge| !edge.is_unconditional()) {
            let StepSource::Principal(arn) = &edge.step.source else { continue };
            let tags = edge.openings.iter().map(tags_asked).filter(|tags| !tags.is_empty());
            wanted.entry(arn).or_default().extend(tags);
        }
        wanted.retain(|_, tags| !tags.is_empty());
        let mut passed = BTreeMap::new();
        for step in edges.keys() {
            let StepTarget::Role(role) = &step.target else { continue };
            let tags = wanted.get(role).into_iter().flatten();
            let free: BTreeSet<_> =
                tags.filter(|tags| may_pass(model, step, tags)).cloned().collect();
            if !free.is_empty() {
                passed.insert(step.clone(), free);
            }
        }
        Self(passed)
    }

    fn chosen(&self, before: Option<&PathStep>, opening: &Opening) -> bool {
        let passed = before.and_then(|step| self.0.get(step));
        passed.is_some_and(|passed| passed.contains(&tags_asked(opening)))
    }
}

const TAG: &str = "aws:principaltag/";

/// The tags of the session that an opening asks for, as its witness bears them. One that is to be absent is none that
/// somebody may pass.
fn tags_asked(opening: &Opening) -> Tags {
    let keys = opening.requirements.iter().map(|requirement| requirement.key.to_ascii_lowercase());
    let tags = keys.filter_map(|key| {
        let value = opening.witness.context.get(&key)?.values().first()?.clone();
        Some((key.strip_prefix(TAG)?.to_owned(), value))
    });
    tags.collect()
}

fn may_pass(model: &AccessModel, step: &PathStep, tags: &Tags) -> bool {
    let Some(asked) = asked(model, step).and_then(|asked| asked.passing(tags)) else {
        return false;
    };
    match answer(None, Some(&asked)).after {
        SymbolicAnswer::Open(openings) => openings.iter().any(|o| o.requirements.is_empty()),
        _ => false,
    }
}

/// What an opening of a step asks of the surroundings of an origin that takes it after another step. Who holds the bucket in
/// which an issuer's keys lie decides what the tokens claim; who begins a session may decide what tags it bears.
pub(super) fn asks<'o>(
    origin: &Origin,
    (before, step): (Option<&PathStep>, &PathStep),
    opening: &'o Opening,
    passed: &PassedTags,
) -> Vec<&'o Requirement> {
    let is_passed = passed.chosen(before, opening);
    let chosen = |key: &str| {
        is_passed
            && key.to_ascii_lowercase().starts_with(TAG)
            && opening.witness.context.get(key).is_some()
    };
    let issued_here = |key: &str| match &step.source {
        StepSource::Federated(provider) => {
            *origin != Origin::External && keys_of(provider).is_some() && is_claim(provider, key)
        }
        _ => false,
    };
    let is_asked = |asked: &&Requirement| !(issued_here(&asked.key) || chosen(&asked.key));
    opening.requirements.iter().filter(is_asked).collect()
}

/// The opening of a step that asks least of an origin.
pub(super) fn least<'o>(
    origin: &Origin,
    steps: (Option<&PathStep>, &PathStep),
    openings: &'o [Opening],
    passed: &PassedTags,
) -> Option<&'o Opening> {
    openings.iter().min_by_key(|opening| asks(origin, steps, opening, passed).len())
}

fn is_free(
    origin: &Origin,
    before: Option<&PathStep>,
    edge: &StepEdge,
    passed: &PassedTags,
) -> bool {
    let steps = (before, &edge.step);
    edge.openings.iter().any(|opening| asks(origin, steps, opening, passed).is_empty())
}

/// The origin of a principal that the estate does not declare.
pub(super) fn outside(model: &AccessModel, arn: &str) -> Origin {
    match member_of(model, arn) {
        Some(member) if member.membership.management_account => Origin::Management,
        Some(_) => Origin::Unassigned,
        None => Origin::External,
    }
}

/// How a principal was reached from an origin: the chain of steps, and how many of them ask
/// something of the context.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Role assumptions, in order; empty for a principal of the origin itself.
    pub chain: Vec<PathStep>,
    /// Steps that are open under conditions only.
    pub conditional: usize,
}

/// Whom each origin reaches, and how.
pub type Reach = BTreeMap<Origin, BTreeMap<StepSource, Reached>>;

/// Open steps by who takes them.
pub type BySource<'e> = BTreeMap<&'e StepSource, Vec<&'e StepEdge>>;

/// Open steps by who takes them.
#[must_use]
pub fn by_source(edges: &BTreeMap<PathStep, StepEdge>) -> BySource<'_> {
    let mut by_source: BySource<'_> = BTreeMap::new();
    for edge in edges.values() {
        by_source.entry(&edge.step.source).or_default().push(edge);
    }
    by_source
}

/// Whom each origin reaches by the open steps. From each origin, the cheapest chain to every
/// principal: fewest conditions, then fewest steps.
#[must_use]
pub fn reach(model: &AccessModel, by_source: &BySource<'_>, passed: &PassedTags) -> Reach {
    let mut starts: BTreeMap<Origin, BTreeSet<StepSource>> = BTreeMap::new();
    for source in by_source.keys() {
        for origin in starts_in(model, source) {
            starts.entry(origin).or_default().insert((*source).clone());
        }
    }
    let nowhere = |_: &PathStep| false;
    let spread = |(origin, sources)| {
        let reached = spread(by_source, &origin, sources, passed, &nowhere);
        (origin, reached)
    };
    starts.into_iter().map(spread).collect()
}

/// Everybody that some can become, without the steps that are to be left out.
fn spread(
    by_source: &BySource<'_>,
    origin: &Origin,
    sources: BTreeSet<StepSource>,
    passed: &PassedTags,
    left_out: &impl Fn(&PathStep) -> bool,
) -> BTreeMap<StepSource, Reached> {
    let mut queue: VecDeque<StepSource> = sources.iter().cloned().collect();
    let mut reached: BTreeMap<StepSource, Reached> =
        sources.into_iter().map(|s| (s, Reached::default())).collect();
    while let Some(source) = queue.pop_front() {
        let Some(here) = reached.get(&source).cloned() else { continue };
        for edge in by_source.get(&source).into_iter().flatten() {
            let StepTarget::Role(arn) = &edge.step.target else { continue };
            if left_out(&edge.step) {
                continue;
            }
            let next = StepSource::Principal(arn.clone());
            let mut chain = here.chain.clone();
            chain.push(edge.step.clone());
            let is_free = is_free(origin, here.chain.last(), edge, passed);
            let conditional = here.conditional + usize::from(!is_free);
            let better = reached.get(&next).is_none_or(|known| {
                (conditional, chain.len()) < (known.conditional, known.chain.len())
            });
            if better {
                reached.insert(next.clone(), Reached { chain, conditional });
                queue.push_back(next);
            }
        }
    }
    reached
}

/// All paths of one side: each way out of what an origin reaches into an environment.
#[must_use]
pub fn paths(
    model: &AccessModel,
    by_source: &BySource<'_>,
    reach: &Reach,
    passed: &PassedTags,
) -> Vec<Path> {
    let all = reach.iter();
    all.flat_map(|(origin, reached)| from(model, by_source, origin, reached, passed)).collect()
}

fn from(
    model: &AccessModel,
    by_source: &BySource<'_>,
    origin: &Origin,
    reached: &BTreeMap<StepSource, Reached>,
    passed: &PassedTags,
) -> Vec<Path> {
    let mut found = Vec::new();
    let mut around: BTreeMap<&String, BTreeMap<StepSource, Reached>> = BTreeMap::new();
    for (source, here) in reached {
        // A chain that has entered an environment is told as its first step into it, and what the
        // entered role reaches in that environment is inside; onward steps count for other walls.
        for edge in by_source.get(source).into_iter().flatten() {
            let Some(to_account) = account_of(model, &edge.step.target) else { continue };
            let Some(to) = model.accounts.get(&to_account) else { continue };
            let last_home = home(model, source);
            for environment in &to.environments {
                let inside = |account: &Handle| {
                    model
                        .accounts
                        .get(account)
                        .is_some_and(|a| a.environments.contains(environment))
                };
                if *origin == Origin::Environment(environment.clone())
                    || last_home.is_some_and(inside)
                {
                    continue;
                }
                let enters = |step: &PathStep| {
                    account_of(model, &step.target).is_some_and(|account| inside(&account))
                };
                let mut way = here;
                if here.chain.iter().any(enters) {
                    // The cheapest way has been inside before. There may be another one.
                    let others = around.entry(environment).or_insert_with(|| {
                        let starts = reached.iter().filter(|(_, r)| r.chain.is_empty());
                        let starts = starts.map(|(s, _)| s.clone()).collect();
                        spread(by_source, origin, starts, passed, &enters)
                    });
                    let Some(other) = others.get(source) else { continue };
                    way = other;
                }
                let first = way.chain.first().map_or(source, |s| &s.source);
                found.push(Path {
                    from: origin.clone(),
                    to: environment.clone(),
                    from_account: home(model, first).cloned(),
                    to_account: to_account.clone(),
                    chain: way.chain.clone(),
                    last: edge.step.clone(),
                    unconditional: way.conditional == 0
                        && is_free(origin, way.chain.last(), edge, passed),
                });
            }
        }
    }
    found
}

/// The account that a target lives in.
#[must_use]
pub fn account_of(model: &AccessModel, target: &StepTarget) -> Option<Handle> {
    match target {
        StepTarget::Role(arn) => model.principals.get(arn).map(|p| p.account.clone()),
        StepTarget::Resource(arn) => {
            let resource = model.resources.get(arn).filter(|resource| resource.has_policy());
            resource.map(|resource| resource.account.clone())
        }
    }
}
