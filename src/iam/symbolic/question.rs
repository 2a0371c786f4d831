//! One question: can this principal do anything to this resource?

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::domain::Domain;
use super::globs::{Glob, TooMany};
use super::judged::Judge;
use super::keys::{DERIVED, KeySpace, space, tests_by_key};
use super::opening::{Opening, open};
use super::resources::{Resources, cut, some_resources};
use super::variables::{self, PolicyVariables, VariableValues};
use crate::iam::catalogue;
use crate::iam::condition::CompiledCondition;
use crate::iam::document::{Document, Item, LanguageVersion};
use crate::iam::eval::{Policies, evaluate};
use crate::iam::request::{Caller, ContextValue, Request, RequestFacts};

/// Bounds of one question; past them the answer is [`SymbolicAnswer::Undecided`].
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// States of one automaton.
    pub states: usize,
    /// Combinations of key values for one action on one resource.
    pub combinations: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { states: 20_000, combinations: 20_000 }
    }
}

/// The texts that an action or resource may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Space {
    /// This one.
    One(String),
    /// Everything that starts with this and is longer.
    Below(String),
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Principal, accounts, organizations and the context keys that the model fixes; action and
    /// resource are filled in from the spaces.
    pub request: Request,
    /// The policies, compiled for the judge.
    pub policies: &'a Policies,
    /// The same policies as documents: whose predicates cut the regions.
    pub documents: Vec<&'a Document>,
    /// Actions asked about.
    pub actions: Vec<Space>,
    /// Resources asked about.
    pub resources: Vec<Space>,
    /// Keys, in lower case, that a request of this principal can never carry.
    pub never: BTreeSet<String>,
    /// Keys, in lower case, that would follow from the principal and are left open: it stands for
    /// many.
    pub free: BTreeSet<String>,
    /// The same for keys, in lower case, of which it is known what they may be.
    pub domains: BTreeMap<String, Domain>,
    /// Keys, in lower case, that the caller leaves out if it likes.
    pub optional: BTreeSet<String>,
    /// Keys, in lower case, that every request of this caller carries.
    pub always: BTreeSet<String>,
    /// Keys, in lower case, whose value this caller chooses, though others cannot.
    pub chosen: BTreeSet<String>,
    /// Actions, in lower case, that are refused whatever policies say.
    pub refused: BTreeSet<String>,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub enum SymbolicAnswer {
    /// No request is allowed: so many representatives were judged.
    Closed {
        /// How many.
        judged: usize,
    },
    /// These are.
    Open(Vec<Opening>),
    /// It could not be decided.
    Undecided(String),
}

/// Answers a question. Every opening is a request that the judge allows.
#[must_use]
pub fn ask(question: &Question<'_>, caps: Caps) -> SymbolicAnswer {
    ask_both(None, Some(question), caps).after
}

/// Whether the answer is [`SymbolicAnswer::Closed`], without saying what is open where it is not: it stops at the first
/// request that is allowed.
#[must_use]
pub fn is_closed(question: &Question<'_>, caps: Caps) -> bool {
    let documents = awake(question);
    let documents = documents.iter().map(Cow::as_ref).collect();
    let side = Question { documents, ..question.clone() };
    let sides = [&side];
    let variables = variables(&sides, caps);
    let (Ok(actions), Ok(resources)) =
        (actions(&sides, caps), Resources::of(&sides, &variables, caps))
    else {
        return false;
    };
    let acts = Acts::new(&sides);
    let closed = |action: &String, resource: &String| {
        let Some(action) = acts.on(action, resource) else { return true };
        let here = in_region(&side, &Space::One(resource.clone()));
        let side = here.as_ref().unwrap_or(&side);
        let request = about(side, action, resource);
        let spaces = key_spaces(&[side], action, &variables, caps);
        let mut judge = Judge::new(side, &request, &spaces, false);
        spaces.iter().all(|space| space.complete)
            && size(&spaces, caps)
                .is_some_and(|size| !(0..size).any(|n| judge.allows(&choice(n, &spaces))))
    };
    actions.iter().all(|action| resources.texts.iter().all(|resource| closed(action, resource)))
}

/// A question asked on both sides of a change, over the same regions.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The answer before.
    pub before: SymbolicAnswer,
    /// The answer after.
    pub after: SymbolicAnswer,
    /// Requests that are allowed after and were not before.
    pub gained: Vec<Opening>,
    /// Requests that were allowed before and are not after.
    pub lost: Vec<Opening>,
    /// Why something may be missing from `gained` and `lost`; `None` when they are complete.
    pub inexact: Option<String>,
}

/// Answers a question on both sides. The predicates of both sides cut the regions, so that what is
/// gained or lost is exact, not a difference of two approximations. An absent side allows nothing.
#[must_use]
pub fn ask_both(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    caps: Caps,
) -> Answers {
    let documents = [before, after].map(|side| side.map(awake));
    let [before, after] =
        [(before, &documents[0]), (after, &documents[1])].map(|(side, documents)| {
            let documents = documents.as_ref()?.iter().map(Cow::as_ref).collect();
            Some(Question { documents, ..side?.clone() })
        });
    let (before, after) = (before.as_ref(), after.as_ref());
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    let mut judged = 0;
    let (mut undecided, mut inexact): (Option<String>, Option<String>) = (None, None);
    let (mut is, mut was, mut gained, mut lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let variables = variables(&sides, caps);
    match (actions(&sides, caps), Resources::of(&sides, &variables, caps)) {
        (Ok(actions), Ok(resources)) => {
            if !resources.complete {
                inexact = Some("the patterns cut texts into too many regions".to_owned());
            }
            let acts = Acts::new(&sides);
            for action in &actions {
                for resource in &resources.texts {
                    let Some(action) = acts.on(action, resource) else { continue };
                    let asked = (action, resource.as_str());
                    match combination(before, after, asked, &variables, caps, &mut judged) {
                        Ok(found) => {
                            was.extend(found.was);
                            is.extend(found.is);
                            gained.extend(found.gained);
                            lost.extend(found.lost);
                            inexact = inexact.or(found.inexact);
                        }
                        Err(why) => undecided = Some(why),
                    }
                }
            }
        }
        (Ok(actions), Err(TooMany)) => {
            // Witnesses for single patterns: what they show is true, and nothing else is known.
            let why = "the patterns cut texts into too many regions".to_owned();
            let acts = Acts::new(&sides);
            for resource in some_resources(&sides, &variables, caps) {
                for action in &actions {
                    let Some(action) = acts.on(action, &resource) else { continue };
                    let asked = (action, resource.as_str());
                    if let Ok(found) =
                        combination(before, after, asked, &variables, caps, &mut judged)
                    {
                        was.extend(found.was);
                        is.extend(found.is);
                        gained.extend(found.gained);
                        lost.extend(found.lost);
                    }
                }
            }
            undecided = Some(why);
        }
        _ => undecided = Some("the patterns cut texts into too many regions".to_owned()),
    }
    let answer = |side: Option<&Question<'_>>, openings: Vec<Opening>| match (
        side,
        openings.is_empty(),
        &undecided,
    ) {
        (None, ..) | (_, true, None) => SymbolicAnswer::Closed { judged },
        (_, false, _) => SymbolicAnswer::Open(openings),
        (_, true, Some(why)) => SymbolicAnswer::Undecided(why.clone()),
    };
    let inexact = undecided.clone().or(inexact);
    Answers { before: answer(before, was), after: answer(after, is), gained, lost, inexact }
}

/// The documents of a side without the statements that apply to none of its requests: one of their conditions is false
/// whatever is left open, so that nothing else that they ask cuts a region. Guardrails that spare whoever bears no tag
/// ask about a dozen keys of whoever does.
fn awake<'d>(side: &Question<'d>) -> Vec<Cow<'d, Document>> {
    let request = &side.request;
    let caller = Caller::new(&request.principal, &request.context);
    let mut facts = RequestFacts::of(request, &caller, request.resource_account.as_deref());
    let is_settled = |key: &str| {
        // Of a resource without a known owner the judge looks further.
        (side.never.contains(key) || is_fixed(side, key))
            && (request.resource_account.is_some() || !key.starts_with("aws:resource"))
    };
    let mut is_idle = |statement: &crate::iam::Statement, version: LanguageVersion| {
        statement.conditions.iter().any(|condition| {
            let plain = condition.values.iter().all(|item| !item.text.symbolic().contains("${"));
            plain
                && is_settled(&condition.key.to_ascii_lowercase())
                && !CompiledCondition::new(condition, version).holds(&mut facts).may
        })
    };
    let mut without_idle = |document: &Document| {
        let version = document.version();
        let idle: Vec<bool> =
            document.statements.iter().map(|statement| is_idle(statement, version)).collect();
        idle.contains(&true).then(|| {
            let mut left = document.clone();
            let mut idle = idle.into_iter();
            left.statements.retain(|_| idle.next() != Some(true));
            left
        })
    };
    let documents = side.documents.iter();
    documents.map(|d| without_idle(d).map_or(Cow::Borrowed(*d), Cow::Owned)).collect()
}

fn action_globs(sides: &[&Question<'_>]) -> Vec<Glob> {
    let items = |s: &crate::iam::Statement| {
        s.actions.iter().chain(&s.not_actions).map(lower).collect::<Vec<_>>()
    };
    let mut globs: Vec<Glob> =
        statements(sides).flat_map(items).map(|text| Glob::like(&text)).collect();
    globs.sort();
    globs.dedup();
    globs
}

fn actions(sides: &[&Question<'_>], caps: Caps) -> Result<Vec<String>, TooMany> {
    let globs = action_globs(sides);
    let lower: Vec<Space> = sides
        .iter()
        .flat_map(|side| &side.actions)
        .map(|space| match space {
            Space::One(action) => Space::One(action.clone()),
            Space::Below(prefix) => Space::Below(prefix.to_ascii_lowercase()),
        })
        .collect();
    cut(&lower, &globs, caps)
}

/// Which actions of S3 act on what: an action on objects does not act on a bucket, whatever a pattern matches, and
/// the other way round (Service Authorization Reference, "Actions defined by Amazon S3").
struct Acts {
    globs: Vec<Glob>,
    /// Names of known actions, in lower case, by which patterns match them; nothing where it does not matter.
    known: BTreeMap<Vec<bool>, Vec<(String, Vec<&'static str>)>>,
    refused: BTreeSet<String>,
}

impl Acts {
    fn new(sides: &[&Question<'_>]) -> Self {
        let of_buckets = |space: &Space| matches!(space, Space::Below(prefix) if prefix == "s3:");
        let refused = sides.iter().flat_map(|side| side.refused.iter().cloned()).collect();
        let mut acts = Self { globs: Vec::new(), known: BTreeMap::new(), refused };
        if !sides.iter().all(|side| side.actions.iter().all(of_buckets)) {
            return acts;
        }
        acts.globs = action_globs(sides);
        let all = catalogue();
        for id in all.find_service("s3").into_iter().flat_map(|service| all.actions_of(service)) {
            let Some(name) = all.full_name(id) else { continue };
            let types = all.resource_types(id).map(|kind| kind.name).collect();
            let entry = acts.known.entry(acts.region(&name)).or_default();
            entry.push((name.to_ascii_lowercase(), types));
        }
        acts
    }

    fn region(&self, action: &str) -> Vec<bool> {
        let action = action.to_ascii_lowercase();
        self.globs.iter().map(|glob| glob.matches(&action)).collect()
    }

    /// An action of the same region that acts on the resource; the action itself where the catalogue knows none
    /// of its region.
    fn on<'a>(&'a self, action: &'a str, resource: &str) -> Option<&'a str> {
        if self.known.is_empty() {
            return (!self.refused.contains(action)).then_some(action);
        }
        let Some(region) = self.known.get(&self.region(action)) else { return Some(action) };
        let wanted = if resource.contains('/') { "object" } else { "bucket" };
        let fits = |(name, types): &&(String, Vec<&'static str>)| {
            types.contains(&wanted) && !self.refused.contains(name)
        };
        let own = region.iter().find(|(name, _)| name == action).filter(fits);
        own.or_else(|| region.iter().find(fits)).map(|(name, _)| name.as_str())
    }
}

/// The keys that the variables of a statement name, in lower case.
pub fn variable_keys(statement: &crate::iam::Statement) -> BTreeSet<String> {
    let resources = statement.resources.iter().chain(&statement.not_resources);
    let values = statement.conditions.iter().flat_map(|c| &c.values);
    resources.chain(values).flat_map(|item| variables::keys(&item.text.symbolic())).collect()
}

/// What variables stand for: the value that each side fixes; values to try for what stays open.
fn variables(sides: &[&Question<'_>], caps: Caps) -> PolicyVariables {
    let mut found = PolicyVariables::default();
    for key in statements(sides).flat_map(variable_keys) {
        if found.0.contains_key(&key) {
            continue;
        }
        let mut values = VariableValues::default();
        for side in sides {
            if side.never.contains(&key) {
                continue;
            }
            if is_fixed(side, &key) {
                values.texts.extend(fixed(side, &key));
            } else {
                values.open = true;
            }
        }
        found.0.insert(key, values);
    }
    let tests = tests_by_key(statements(sides));
    let nothing = PolicyVariables::default();
    for (key, values) in found.0.iter_mut().filter(|(_, values)| values.open) {
        let tests = tests.get(key).map(Vec::as_slice).unwrap_or_default();
        let domains = domains(sides, key);
        let space = space(key, tests, &nothing, &domains, false, caps.states);
        for value in space.values.into_iter().flatten() {
            if let ContextValue::One(text) = value {
                values.texts.insert(text);
            }
        }
        if domains.is_empty() {
            values.texts.insert("x".to_owned());
        }
    }
    found
}

/// What a key may be on the sides that leave it open; nothing where some side leaves it open wholly.
fn domains<'a>(sides: &[&'a Question<'_>], key: &str) -> Vec<&'a Domain> {
    let open = sides.iter().filter(|side| !side.never.contains(key) && !is_fixed(side, key));
    let domains: Option<Vec<_>> = open.map(|side| side.domains.get(key)).collect();
    domains.unwrap_or_default()
}

/// The value that a side's request gives a key.
fn fixed(side: &Question<'_>, key: &str) -> Option<String> {
    let caller = Caller::new(&side.request.principal, &side.request.context);
    let account = side.request.resource_account.as_deref();
    RequestFacts::of(&side.request, &caller, account).variable(key).map(str::to_owned)
}

fn lower(item: &Item) -> String {
    item.text.symbolic().to_ascii_lowercase()
}

pub(super) fn statements<'a>(
    sides: &'a [&Question<'_>],
) -> impl Iterator<Item = &'a crate::iam::Statement> + 'a {
    sides.iter().flat_map(|side| &side.documents).flat_map(|d| &d.statements)
}

#[derive(Default)]
struct OpeningsSeen {
    was: Option<Opening>,
    is: Option<Opening>,
    gained: Option<Opening>,
    lost: Option<Opening>,
    inexact: Option<String>,
}

/// One action on one resource: every combination of key values, judged on both sides.
fn combination(
    before: Option<&Question<'_>>,
    after: Option<&Question<'_>>,
    (action, resource): (&str, &str),
    variables: &PolicyVariables,
    caps: Caps,
    judged: &mut usize,
) -> Result<OpeningsSeen, String> {
    // A resource that is known lies in a known region, and is asked for there.
    let known = Space::One(resource.to_owned());
    let here = before.and_then(|side| in_region(side, &known));
    let there = after.and_then(|side| in_region(side, &known));
    let (before, after) = (here.as_ref().or(before), there.as_ref().or(after));
    let request = |side: &Question<'_>| about(side, action, resource);
    let requests = (before.map(request), after.map(request));
    let sides: Vec<&Question<'_>> = before.into_iter().chain(after).collect();
    let spaces = key_spaces(&sides, action, variables, caps);
    // Else the spaces hold what is possible on either side, and nothing more.
    let mixed = before.zip(after).is_some_and(|(a, b)| a.domains != b.domains);
    let Some(size) = size(&spaces, caps) else {
        let hunt = Hunt { spaces: &spaces, mixed };
        if let Some(found) = hunt.both((before, &requests.0), (after, &requests.1), judged) {
            return Ok(found);
        }
        return Err(format!(
            "conditions on {} have too many combinations",
            spaces.iter().map(|s| s.key.as_str()).collect::<Vec<_>>().join(", ")
        ));
    };
    // By its number, whether each choice is allowed.
    let judge = |side: Option<&Question<'_>>, request: &Option<Request>| -> Vec<bool> {
        let Some((side, request)) = side.zip(request.as_ref()) else { return vec![false; size] };
        let mut judge = Judge::new(side, request, &spaces, mixed);
        (0..size).map(|number| judge.allows(&choice(number, &spaces))).collect()
    };
    let (was, is) = (judge(before, &requests.0), judge(after, &requests.1));
    *judged += size * sides.len();
    let complete = spaces.iter().all(|s| s.complete);
    let inexact = (!complete)
        .then(|| "a condition compares with values that cannot be enumerated".to_owned());
    if let (false, false, Some(why)) = (was.contains(&true), is.contains(&true), &inexact) {
        return Err(why.clone());
    }
    let without = |all: &[bool], other: &[bool]| -> Vec<bool> {
        all.iter().zip(other).map(|(all, other)| *all && !other).collect()
    };
    let opening = |side: Option<&Question<'_>>,
                   request: &Option<Request>,
                   from: &[bool],
                   all: &[bool]| {
        let among = |choices: &[bool], choice: &[usize]| {
            choices.get(number(choice, &spaces)).copied().unwrap_or_default()
        };
        let these = (0..size).filter(|number| from.get(*number) == Some(&true));
        let these: Vec<Vec<usize>> =
            these.take(SAMPLED).map(|number| choice(number, &spaces)).collect();
        let (shows, allowed) =
            (|choice: &Vec<usize>| among(from, choice), |choice: &Vec<usize>| among(all, choice));
        open(side?, request.as_ref()?, &spaces, &these, &shows, &allowed, mixed)
    };
    Ok(OpeningsSeen {
        was: opening(before, &requests.0, &was, &was),
        is: opening(after, &requests.1, &is, &is),
        gained: opening(after, &requests.1, &without(&is, &was), &is),
        lost: opening(before, &requests.0, &without(&was, &is), &was),
        inexact,
    })
}

/// How many choices are looked at for the one that asks least: any allowed choice is a true witness.
const SAMPLED: usize = 512;

/// Looks for witnesses where there are too many combinations to try: what some statement asks for, and from there
/// one key at a time. What it finds is true; that it finds nothing says nothing.
struct Hunt<'a> {
    spaces: &'a [KeySpace],
    mixed: bool,
}

impl Hunt<'_> {
    /// Most requests that are judged.
    const REQUESTS: usize = 4_000;

    fn both(
        &self,
        before: (Option<&Question<'_>>, &Option<Request>),
        after: (Option<&Question<'_>>, &Option<Request>),
        judged: &mut usize,
    ) -> Option<OpeningsSeen> {
        let was = self.one(before, judged);
        let is = self.one(after, judged);
        let inexact = Some("conditions have too many combinations to try them all".to_owned());
        type AskedSide<'q> = (Option<&'q Question<'q>>, &'q Option<Request>);
        let allows = |(side, request): AskedSide<'_>, choice: &Vec<usize>| {
            side.zip(request.as_ref()).is_some_and(|(s, r)| self.allows(s, r, choice))
        };
        // A choice that one side allows; and, where the other is asked for, the other does not.
        let opening =
            |own: AskedSide<'_>, other: Option<AskedSide<'_>>, choice: &Option<Vec<usize>>| {
                let shows = |choice: &Vec<usize>| {
                    allows(own, choice) && !other.is_some_and(|other| allows(other, choice))
                };
                let choice = choice.clone().filter(&shows)?;
                let allowed = |choice: &Vec<usize>| allows(own, choice);
                let (side, request) = (own.0?, own.1.as_ref()?);
                open(side, request, self.spaces, &[choice], &shows, &allowed, self.mixed)
            };
        (was.is_some() || is.is_some()).then(|| OpeningsSeen {
            gained: opening(after, Some(before), &is),
            lost: opening(before, Some(after), &was),
            was: opening(before, None, &was),
            is: opening(after, None, &is),
            inexact,
        })
    }

    fn allows(&self, side: &Question<'_>, request: &Request, choice: &[usize]) -> bool {
        (!self.mixed || is_possible(side, self.spaces, choice))
            && evaluate(&with(side, request, self.spaces, choice), side.policies).is_allowed()
    }

    fn one(
        &self,
        (side, request): (Option<&Question<'_>>, &Option<Request>),
        judged: &mut usize,
    ) -> Option<Vec<usize>> {
        let (side, request) = (side?, request.as_ref()?);
        let mut left = Self::REQUESTS;
        for start in self.starts(side) {
            let mut choice = start;
            loop {
                let allowed = self.allows(side, request, &choice);
                *judged += 1;
                left = left.checked_sub(1)?;
                if allowed {
                    return Some(choice);
                }
                // One key away.
                let mut near = (0..self.spaces.len()).flat_map(|key| {
                    let values = self.spaces.get(key).map_or(0, |space| space.values.len());
                    (0..values).map(move |value| (key, value))
                });
                let next = near.find_map(|(key, value)| {
                    let mut other = choice.clone();
                    *other.get_mut(key)? = value;
                    *judged += 1;
                    left = left.checked_sub(1)?;
                    self.allows(side, request, &other).then_some(other)
                });
                match next {
                    Some(found) => choice = found,
                    None => break,
                }
            }
        }
        None
    }

    /// What statements ask for: each one, and each with one of every other policy.
    fn starts(&self, side: &Question<'_>) -> Vec<Vec<usize>> {
        let plain = vec![0; self.spaces.len()];
        let meets = |from: &[usize], statement: &crate::iam::Statement| -> Vec<usize> {
            let mut choice = from.to_vec();
            for (space, chosen) in self.spaces.iter().zip(&mut choice) {
                let asked: Vec<_> = statement
                    .conditions
                    .iter()
                    .filter(|c| c.key.eq_ignore_ascii_case(&space.key))
                    .collect();
                if let Some(value) = space.meeting(&asked).filter(|_| !asked.is_empty()) {
                    *chosen = value;
                }
            }
            choice
        };
        let allowing = || {
            let all = side.documents.iter().flat_map(|d| &d.statements);
            all.filter(|s| s.effect == crate::iam::Effect::Allow && !s.conditions.is_empty())
        };
        let mut starts = vec![plain.clone()];
        for statement in allowing().take(32) {
            let one = meets(&plain, statement);
            starts.extend(allowing().take(32).map(|other| meets(&one, other)));
            starts.push(one);
        }
        starts.sort();
        starts.dedup();
        starts
    }
}

fn key_spaces(
    sides: &[&Question<'_>],
    action: &str,
    variables: &PolicyVariables,
    caps: Caps,
) -> Vec<KeySpace> {
    let action = action.to_ascii_lowercase();
    // A key is settled when no side leaves it open.
    let open =
        |key: &String| sides.iter().any(|side| !side.never.contains(key) && !is_fixed(side, key));
    // A statement that the action cannot match has no say, nor have its keys.
    let relevant: Vec<&crate::iam::Statement> =
        statements(sides).filter(|statement| concerns(statement, &action)).collect();
    let mut tests = tests_by_key(relevant.iter().copied());
    let named = relevant.into_iter().flat_map(variable_keys);
    for key in named.collect::<BTreeSet<String>>() {
        tests.entry(key).or_default();
    }
    tests
        .into_iter()
        .filter(|(key, _)| open(key))
        .map(|(key, tests)| {
            let mut open = sides.iter().filter(|s| !s.never.contains(&key) && !is_fixed(s, &key));
            let carried = open.all(|side| side.always.contains(&key));
            space(&key, &tests, variables, &domains(sides, &key), carried, caps.states)
        })
        .collect()
}

/// Whether a statement is about an action, in lower case.
#[must_use]
pub fn concerns(statement: &crate::iam::Statement, action: &str) -> bool {
    let matches = |item: &Item| {
        crate::iam::matching::Pattern::new(
            &lower(item),
            crate::iam::matching::Wildcards::Active,
            crate::iam::LanguageVersion::V2008,
        )
        .matches_plain(action)
    };
    if statement.actions.is_empty() {
        !statement.not_actions.iter().any(matches)
    } else {
        statement.actions.iter().any(matches)
    }
}

/// The question about a resource that it names, where the region of that settles what the question leaves open.
fn in_region<'q>(side: &Question<'q>, resource: &Space) -> Option<Question<'q>> {
    const KEY: &str = "aws:requestedregion";
    let Space::One(arn) = resource else { return None };
    let conditions = side.documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
    let asks = || conditions.clone().any(|c| c.key.eq_ignore_ascii_case(KEY));
    if !side.resources.contains(resource) || is_fixed(side, KEY) || !asks() {
        return None;
    }
    let mut side = side.clone();
    arn.clone_into(&mut side.request.resource);
    let region = side.request.resource_region()?.to_owned();
    side.request.context.set(KEY, region);
    Some(side)
}

/// Keys whose value follows from the request, or was fixed by the model.
fn is_fixed(side: &Question<'_>, key: &str) -> bool {
    !side.free.contains(key)
        && !side.domains.contains_key(key)
        && (DERIVED.contains(&key) || side.request.context.get(key).is_some())
}

/// The request of a side about an action on a resource.
fn about(side: &Question<'_>, action: &str, resource: &str) -> Request {
    let mut request = side.request.clone();
    action.clone_into(&mut request.action);
    resource.clone_into(&mut request.resource);
    request
}

/// How many choices there are; `None` where they are too many to try.
fn size(spaces: &[KeySpace], caps: Caps) -> Option<usize> {
    let size = spaces.iter().try_fold(1_usize, |n, s| n.checked_mul(s.values.len()));
    size.filter(|n| *n <= caps.combinations)
}

fn choice(number: usize, spaces: &[KeySpace]) -> Vec<usize> {
    let mut rest = number;
    spaces
        .iter()
        .map(|space| {
            let at = rest % space.values.len();
            rest /= space.values.len();
            at
        })
        .collect()
}

/// The number of a choice.
fn number(choice: &[usize], spaces: &[KeySpace]) -> usize {
    choice.iter().zip(spaces).rev().fold(0, |number, (at, space)| number * space.values.len() + at)
}

/// Whether every key is what it may be on this side.
pub(super) fn is_possible(side: &Question<'_>, spaces: &[KeySpace], choice: &[usize]) -> bool {
    side.domains.is_empty()
        || spaces.iter().zip(choice).all(|(space, at)| {
            let domain = side.domains.get(&space.key);
            let value = space.values.get(*at).and_then(Option::as_ref);
            domain.is_none_or(|domain| side.never.contains(&space.key) || domain.has(value))
        })
}

pub(super) fn with(
    side: &Question<'_>,
    request: &Request,
    spaces: &[KeySpace],
    choice: &[usize],
) -> Request {
    let mut request = request.clone();
    for (space, at) in spaces.iter().zip(choice) {
        let settled = side.never.contains(&space.key) || is_fixed(side, &space.key);
        if let (Some(Some(value)), false) = (space.values.get(*at), settled) {
            request.context.set(&space.key, value.clone());
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::iam::Policy;
    use crate::iam::Use;
    use crate::iam::request::Principal;

    fn document(json: serde_json::Value, role: Use) -> Document {
        Document::from_json(&json, role).expect("valid").0
    }

    /// Asks whether dev's role `ci` can read below the bucket, given both policies' conditions.
    fn bucket(
        resource_condition: serde_json::Value,
        deny: Option<serde_json::Value>,
    ) -> SymbolicAnswer {
        let mut statements = vec![
            json!({"Sid": "ci", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/exports/*", "Condition": resource_condition}),
        ];
        statements.extend(deny);
        let resource = document(
            json!({"Version": "2012-10-17", "Statement": statements}),
            Use::Resource("s3".to_owned()),
        );
        let identity = document(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}),
            Use::Identity,
        );
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &identity))],
            resource: Some(Arc::new(Policy::new("bucket", &resource))),
            ..Policies::default()
        };
        let mut request = Request::new(
            Principal::Arn("arn:aws:sts::111111111111:assumed-role/ci/any".to_owned()),
            "",
            "",
        );
        request.resource_account = Some("333333333333".to_owned());
        ask(
            &Question {
                request,
                policies: &policies,
                documents: vec![&identity, &resource],
                actions: vec![Space::Below("s3:".to_owned())],
                resources: vec![
                    Space::One("arn:aws:s3:::data".to_owned()),
                    Space::Below("arn:aws:s3:::data/".to_owned()),
                ],
                never: BTreeSet::new(),
                free: BTreeSet::new(),
                domains: BTreeMap::new(),
                optional: BTreeSet::new(),
                always: BTreeSet::new(),
                chosen: BTreeSet::new(),
                refused: BTreeSet::new(),
            },
            Caps::default(),
        )
    }

    fn opening(answer: SymbolicAnswer) -> Opening {
        match answer {
            SymbolicAnswer::Open(mut openings) => openings.remove(0),
            other => panic!("not open: {other:?}"),
        }
    }

    #[test]
    fn an_open_path_has_a_witness_and_asks_nothing() {
        let opening = opening(bucket(json!({}), None));
        assert_eq!(opening.witness.action, "s3:getobject");
        assert!(opening.witness.resource.starts_with("arn:aws:s3:::data/exports/"));
        assert!(opening.requirements.is_empty());
    }

    #[test]
    fn a_condition_on_the_network_is_named() {
        let opening = opening(bucket(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), None));
        assert_eq!(opening.requirements[0].text, "aws:SourceIp in 10.0.0.0/8");
    }

    /// Variables in values and in resources, a key that tells who calls, sets, and keys that are settled.
    #[test]
    fn choices_that_no_statement_tells_apart_get_the_answer_that_each_would() {
        let resource = document(
            json!({"Version": "2012-10-17", "Statement": [
                {"Sid": "own", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
                 "Action": "s3:*", "Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
                 "Condition": {"StringEquals": {"aws:SourceVpce": "${aws:PrincipalTag/vpce}"}}},
                {"Sid": "known", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
                 "Condition": {"StringLike": {"aws:userid": "AROACI:*"}, "Bool": {"aws:SecureTransport": "true"}}},
                {"Sid": "tags", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": ["a*", "b"]},
                               "StringNotEqualsIfExists": {"aws:PrincipalTag/team": "admin"}}},
                {"Sid": "network", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"},
                               "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"},
                               "BoolIfExists": {"aws:ViaAWSService": "false"},
                               "StringEquals": {"aws:PrincipalTag/network": "true"}}}]}),
            Use::Resource("s3".to_owned()),
        );
        let identity = document(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
            Use::Identity,
        );
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &identity))],
            resource: Some(Arc::new(Policy::new("bucket", &resource))),
            ..Policies::default()
        };
        let ci = "arn:aws:sts::111111111111:assumed-role/ci/any".to_owned();
        let mut request = Request::new(Principal::Arn(ci), "s3:GetObject", "arn:aws:s3:::data/a/x");
        request.resource_account = Some("333333333333".to_owned());
        let question = Question {
            request: request.clone(),
            policies: &policies,
            documents: vec![&identity, &resource],
            actions: vec![Space::One("s3:GetObject".to_owned())],
            resources: vec![Space::One("arn:aws:s3:::data/a/x".to_owned())],
            never: BTreeSet::new(),
            free: BTreeSet::new(),
            domains: BTreeMap::new(),
            optional: BTreeSet::new(),
            always: BTreeSet::new(),
            chosen: BTreeSet::new(),
            refused: BTreeSet::new(),
        };
        let caps = Caps::default();
        let variables = variables(&[&question], caps);
        let spaces = key_spaces(&[&question], "s3:getobject", &variables, caps);
        let mut judge = Judge::new(&question, &request, &spaces, false);
        let size = size(&spaces, Caps { combinations: 1 << 20, ..caps }).expect("not too many");
        let (mut open, mut shut) = (0, 0);
        for number in 0..size {
            let choice = choice(number, &spaces);
            assert_eq!(super::number(&choice, &spaces), number);
            let alone = with(&question, &request, &spaces, &choice);
            let allowed = evaluate(&alone, &policies).is_allowed();
            assert_eq!(judge.allows(&choice), allowed, "{alone:?}");
            *(if allowed { &mut open } else { &mut shut }) += 1;
        }
        assert!(open > 0 && shut > 0 && judge.answers.len() * 4 < size, "{open} {shut} {size}");
    }

    /// Keys that are asked of nobody but those who bear a tag cut nothing for one who does not.
    #[test]
    fn a_statement_that_a_settled_key_rules_out_asks_about_nothing() {
        let documents = [document(
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                {"Effect": "Deny", "Action": "s3:*", "Resource": "*",
                 "Condition": {"StringEquals": {"aws:PrincipalTag/network": "true"},
                               "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}]}),
            Use::Identity,
        )];
        let policies = Policies {
            identity: vec![Arc::new(Policy::new("identity", &documents[0]))],
            ..Policies::default()
        };
        let ci = Principal::Arn("arn:aws:iam::111111111111:role/ci".to_owned());
        let mut question = Question {
            request: Request::new(ci, "", ""),
            policies: &policies,
            documents: documents.iter().collect(),
            actions: vec![Space::One("s3:GetObject".to_owned())],
            resources: vec![Space::One("arn:aws:s3:::data/a/x".to_owned())],
            never: BTreeSet::from(["aws:principaltag/network".to_owned()]),
            free: BTreeSet::new(),
            domains: BTreeMap::new(),
            optional: BTreeSet::new(),
            always: BTreeSet::new(),
            chosen: BTreeSet::new(),
            refused: BTreeSet::new(),
        };
        assert_eq!(awake(&question)[0].statements.len(), 1);
        assert!(opening(ask(&question, Caps::default())).requirements.is_empty());
        assert!(!is_closed(&question, Caps::default()));
        question.never.clear();
        assert_eq!(awake(&question)[0].statements.len(), 2);
    }

    /// A queue is asked for in its own region, whatever region the policies would like better.
    #[test]
    fn a_resource_is_asked_for_in_its_region() {
        let asked = |region: &str| {
            let (identity, arn) = (
                document(
                    json!({"Version": "2012-10-17", "Statement": [
                        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
                        {"Effect": "Deny", "Action": "*", "Resource": "*",
                         "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}),
                    Use::Identity,
                ),
                format!("arn:aws:sqs:{region}:111111111111:jobs"),
            );
            let policies = Policies {
                identity: vec![Arc::new(Policy::new("identity", &identity))],
                ..Policies::default()
            };
            let ci = Principal::Arn("arn:aws:iam::111111111111:user/ci".to_owned());
            let question = Question {
                request: Request::new(ci, "", ""),
                policies: &policies,
                documents: vec![&identity],
                actions: vec![Space::One("sqs:SendMessage".to_owned())],
                resources: vec![Space::One(arn)],
                never: BTreeSet::new(),
                free: BTreeSet::new(),
                domains: BTreeMap::new(),
                optional: BTreeSet::new(),
                always: BTreeSet::new(),
                chosen: BTreeSet::new(),
                refused: BTreeSet::new(),
            };
            ask(&question, Caps::default())
        };
        let witness = opening(asked("eu-west-1")).witness;
        assert_eq!(witness.contradiction(), None);
        assert!(matches!(asked("eu-central-1"), SymbolicAnswer::Closed { .. }));
    }

    /// A choice that meets both would be allowed without either, and asks for something all the same.
    #[test]
    fn what_either_of_two_things_opens_asks_for_one_of_them() {
        let other = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/exports/*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}});
        let network = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        let opening = opening(bucket(network, Some(other)));
        assert_eq!(opening.requirements.len(), 1, "{:?}", opening.requirements);
    }

    #[test]
    fn variables_stand_for_their_values() {
        let own = |key: &str| {
            json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "NotResource": format!("arn:aws:s3:::data/exports/${{{key}}}/*")})
        };
        let fixed = opening(bucket(json!({}), Some(own("aws:PrincipalAccount"))));
        assert!(fixed.witness.resource.starts_with("arn:aws:s3:::data/exports/111111111111/"));
        let open = opening(bucket(json!({}), Some(own("aws:PrincipalTag/team"))));
        assert!(open.witness.resource.starts_with("arn:aws:s3:::data/exports/"), "{open:?}");
        let nobody = json!({"StringEquals": {"s3:prefix": "${aws:username}"}});
        assert!(
            matches!(bucket(nobody, None), SymbolicAnswer::Closed { .. }),
            "a role has no user name"
        );
    }

    #[test]
    fn what_the_caller_chooses_is_no_condition() {
        let opening = opening(bucket(json!({"StringEquals": {"s3:VersionId": "7"}}), None));
        assert!(opening.requirements.is_empty(), "{:?}", opening.requirements);
    }

    #[test]
    fn a_deny_on_the_rest_closes() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                          "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "333333333333"}}});
        assert!(matches!(bucket(json!({}), Some(deny)), SymbolicAnswer::Closed { .. }));
    }

    #[test]
    fn conditions_that_exclude_each_other_close() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                          "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
        let answer = bucket(json!({"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}), Some(deny));
        assert!(matches!(answer, SymbolicAnswer::Closed { .. }), "{answer:?}");
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/exports/secret*"});
        assert_eq!(opening(bucket(json!({}), Some(deny))).requirements, []);
    }
}
