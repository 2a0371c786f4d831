//! Why closed steps are closed, statement by statement, and the checker of such proofs.
//!
//! The engine closes a step by trying a representative of every region of requests. Here nothing is
//! tried: a proof names a layer of policies that must allow the step and says of each of its
//! statements why it cannot, or it names a statement that denies all of it. Such a claim is checked
//! by the judge on one request, and by comparing texts; no automaton, no enumeration, no code of the
//! symbolic engine takes part. A wall is verified when every step that could cross it has such a
//! proof; what needs a search to see stays unverified, and is reported as such.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::compare::SideResult;
use super::crossing::{Asked, Parts, Source, Step, Target, asked};
use super::paths::{Origin, account_of, origins_of, outside};
use super::world::{PART, World};
use crate::iam::matching::{Pattern, Wildcards};
use crate::iam::symbolic::Space;
use crate::iam::{
    Condition, Document, Effect, Item, Policies, Policy, Principals, Request, Statement, Version,
    evaluate,
};

/// Why a statement that allows something allows nothing of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dead {
    /// It names other actions.
    Action,
    /// It names other resources.
    Resource,
    /// It names other principals.
    Principal,
    /// A condition of it, on this key, is false whatever the request is.
    Condition(String),
    /// This statement denies all that it allows: policy and label.
    Denied(String, String),
}

/// Why a step is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Killed {
    /// A statement denies all of it: policy and label.
    Denied(String, String),
    /// A layer that has to allow it does not: its name, and each of its statements that allows
    /// anything, by policy and label, with what is wrong with it.
    NotAllowed(String, Vec<(String, String, Dead)>),
}

/// A step that could cross a wall, and why it does not; `None` where only a search can tell.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The step.
    pub step: Step,
    /// Why it is closed.
    pub killed: Option<Killed>,
}

/// The policies of one layer that a step has to pass.
struct Layer<'a> {
    name: String,
    /// Name and document; `None` for a policy whose document is not known.
    policies: Vec<(&'a str, Option<&'a Document>)>,
    /// Whether its statements name principals.
    resource_side: bool,
}

/// A step's policies taken apart.
struct Case<'a> {
    parts: Parts<'a>,
    layers: Vec<Layer<'a>>,
    /// Layers of which only denials count.
    denying: Vec<Layer<'a>>,
}

impl<'a> Case<'a> {
    fn of(parts: Parts<'a>, step: &Step) -> Self {
        let documents: BTreeMap<&str, &Document> =
            parts.rules.iter().map(|r| (r.policy.name(), r.document.as_ref())).collect();
        let named =
            |policy: &'a Arc<Policy>| (policy.name(), documents.get(policy.name()).copied());
        let layer = |name: &str, policies: Vec<(&'a str, Option<&'a Document>)>, resource_side| {
            Layer { name: name.to_owned(), policies, resource_side }
        };
        let policies = parts.policies;
        let resource =
            layer("resource policy", policies.resource.iter().map(named).collect(), true);
        let (mut layers, mut denying) = (vec![resource], Vec::new());
        // Service-linked roles are outside SCPs and RCPs, the management account's resources outside RCPs.
        let linked = matches!(&step.source, Source::Principal(arn) if arn.contains(":role/aws-service-role/"));
        let managing =
            parts.request.resource_organization.as_ref().is_some_and(|o| o.management_account);
        if !linked && !managing {
            for level in &policies.resource_control {
                let name = format!("resource control policies of {}", level.target);
                denying.push(layer(&name, level.policies.iter().map(named).collect(), true));
            }
        }
        if matches!(step.source, Source::Principal(_)) {
            let identity =
                layer("identity policies", policies.identity.iter().map(named).collect(), false);
            let boundary =
                layer("permissions boundary", policies.boundary.iter().map(named).collect(), false);
            let same_account = home_of(&parts.request.principal) == parts.request.resource_account;
            // In its own account a principal may be let in by name, whatever its own policies say.
            let own = if same_account { &mut denying } else { &mut layers };
            own.push(identity);
            if policies.boundary.is_some() {
                own.push(boundary);
            }
            for level in policies.service_control.iter().filter(|_| !linked) {
                let name = format!("service control policies of {}", level.target);
                layers.push(layer(&name, level.policies.iter().map(named).collect(), false));
            }
        }
        Self { parts, layers, denying }
    }

    fn statement(&self, policy: &str, label: &str) -> Option<(&Statement, bool)> {
        self.layers.iter().chain(&self.denying).find_map(|layer| {
            let (_, document) = layer.policies.iter().find(|(name, _)| *name == policy)?;
            let mut all = (*document)?.statements.iter().enumerate();
            all.find(|(at, s)| s.label(*at) == label).map(|(_, s)| (s, layer.resource_side))
        })
    }

    /// Every statement of an effect in some layers: policy, label, statement.
    fn statements<'l>(
        layers: impl Iterator<Item = &'l Layer<'a>>,
        effect: Effect,
    ) -> Vec<(&'a str, String, &'a Statement)>
    where
        'a: 'l,
    {
        layers
            .flat_map(|layer| &layer.policies)
            .filter_map(|(name, document)| Some((*name, (*document)?)))
            .flat_map(|(name, document)| {
                document.statements.iter().enumerate().map(move |(at, s)| (name, s.label(at), s))
            })
            .filter(|(_, _, statement)| statement.effect == effect)
            .collect()
    }

    /// Looks for a proof.
    fn explain(&self) -> Option<Killed> {
        let denials = Self::statements(self.layers.iter().chain(&self.denying), Effect::Deny);
        for (policy, label, _) in &denials {
            let claim = Killed::Denied((*policy).to_owned(), label.clone());
            if self.check(&claim) {
                return Some(claim);
            }
        }
        self.layers.iter().find_map(|layer| {
            let allowing = Self::statements(std::iter::once(layer), Effect::Allow);
            let dead: Option<Vec<_>> = allowing
                .into_iter()
                .map(|(policy, label, statement)| {
                    let why = self.dead(statement, &denials)?;
                    Some((policy.to_owned(), label, why))
                })
                .collect();
            let claim = Killed::NotAllowed(layer.name.clone(), dead?);
            self.check(&claim).then_some(claim)
        })
    }

    fn dead(&self, statement: &Statement, denials: &[(&str, String, &Statement)]) -> Option<Dead> {
        let conditions =
            statement.conditions.iter().map(|c| Dead::Condition(c.key.to_ascii_lowercase()));
        let denied = denials
            .iter()
            .map(|(policy, label, _)| Dead::Denied((*policy).to_owned(), label.clone()));
        [Dead::Action, Dead::Resource, Dead::Principal]
            .into_iter()
            .chain(conditions)
            .chain(denied)
            .find(|claim| self.is_dead(statement, claim))
    }

    /// Whether a claim is true.
    fn check(&self, claim: &Killed) -> bool {
        match claim {
            Killed::Denied(policy, label) => self
                .statement(policy, label)
                .is_some_and(|(statement, named)| self.denies(statement, named, None)),
            Killed::NotAllowed(name, dead) => {
                let Some(layer) = self.layers.iter().find(|l| l.name == *name) else {
                    return false;
                };
                layer.policies.iter().all(|(_, document)| document.is_some())
                    && Self::statements(std::iter::once(layer), Effect::Allow).iter().all(
                        |(policy, label, statement)| {
                            dead.iter()
                                .filter(|(p, l, _)| p == policy && l == label)
                                .any(|(_, _, why)| self.is_dead(statement, why))
                        },
                    )
            }
        }
    }

    fn is_dead(&self, statement: &Statement, claim: &Dead) -> bool {
        match claim {
            Dead::Action if statement.actions.is_empty() => {
                // `NotAction`: dead where one pattern leaves all of the step's actions out.
                self.parts.actions.iter().all(|space| {
                    statement.not_actions.iter().any(|item| covers(&lower(item), &folded(space)))
                })
            }
            Dead::Action => disjoint(&statement.actions, self.parts.actions, true),
            Dead::Resource if !statement.not_resources.is_empty() => {
                self.parts.resources.iter().all(|space| {
                    let mut items = statement.not_resources.iter();
                    items.any(|item| covers(&item.text.symbolic(), space))
                })
            }
            Dead::Resource => {
                !statement.resources.is_empty()
                    && disjoint(&statement.resources, self.parts.resources, false)
            }
            Dead::Principal => {
                (statement.principals.is_some() || statement.not_principals.is_some())
                    && !self.names(statement)
            }
            Dead::Condition(key) => statement
                .conditions
                .iter()
                .filter(|c| c.key.eq_ignore_ascii_case(key))
                .any(|condition| self.constant(condition) == Some(false)),
            Dead::Denied(policy, label) => self
                .statement(policy, label)
                .is_some_and(|(denial, named)| self.denies(denial, named, Some(statement))),
        }
    }

    /// Whether a statement surely denies all of the step, or all of it that `allowed` allows.
    fn denies(&self, denial: &Statement, named: bool, allowed: Option<&Statement>) -> bool {
        let texts = |items: &[Item]| -> Vec<String> {
            items.iter().map(|item| item.text.symbolic().into_owned()).collect()
        };
        let whole = |patterns: &[String], spaces: &[Space]| {
            spaces.iter().all(|space| patterns.iter().any(|pattern| covers(pattern, space)))
        };
        let part = |patterns: &[String], narrow: &[String]| {
            !narrow.is_empty()
                && narrow.iter().all(|text| patterns.iter().any(|p| p == text || spans(p, text)))
        };
        let actions: Vec<String> = denial.actions.iter().map(lower).collect();
        let folded: Vec<Space> = self.parts.actions.iter().map(folded).collect();
        let narrow_actions: Vec<String> =
            allowed.iter().flat_map(|a| &a.actions).map(lower).collect();
        let resources = texts(&denial.resources);
        let narrow_resources = allowed.map(|a| texts(&a.resources)).unwrap_or_default();
        let everywhere = denial.resources.is_empty() && denial.not_resources.is_empty() && named;
        denial.effect == Effect::Deny
            && (whole(&actions, &folded) || part(&actions, &narrow_actions))
            && (everywhere
                || whole(&resources, self.parts.resources)
                || part(&resources, &narrow_resources)
                || (!denial.not_resources.is_empty()
                    && disjoint(&denial.not_resources, self.parts.resources, false)))
            && (!named || (denial.principals.is_some() && self.names(denial)))
            && denial.conditions.iter().all(|condition| {
                self.constant(condition) == Some(true)
                    || allowed.is_some_and(|a| a.conditions.contains(condition))
            })
    }

    /// Whether a statement's principal element names the one who asks, by the judge.
    fn names(&self, statement: &Statement) -> bool {
        let mut bare = open_statement();
        bare.principals.clone_from(&statement.principals);
        bare.not_principals.clone_from(&statement.not_principals);
        self.passes(bare, "000000000002").0
    }

    /// What a condition is for every request of this step; `None` where it may be either.
    fn constant(&self, condition: &Condition) -> Option<bool> {
        const FOLLOWS: [&str; 9] = [
            "aws:principalarn",
            "aws:principalaccount",
            "aws:principaltype",
            "aws:principalisawsservice",
            "aws:principalservicename",
            "aws:principalorgid",
            "aws:username",
            "aws:resourceaccount",
            "aws:resourceorgid",
        ];
        let key = condition.key.to_ascii_lowercase();
        let settled = FOLLOWS.contains(&key.as_str())
            || self.parts.never.contains(&key)
            || self.parts.request.context.get(&key).is_some();
        let plain = condition.values.iter().all(|v| !v.text.symbolic().contains("${"));
        if !settled || !plain {
            return None;
        }
        let mut bare = open_statement();
        bare.principals = Some(Principals::All);
        bare.conditions = vec![condition.clone()];
        let account = self.parts.request.resource_account.clone().unwrap_or_default();
        let (holds, agreed) = self.passes(bare, &account);
        agreed.then_some(holds)
    }

    /// What the judge says when this statement is the whole policy of a role in an account and
    /// nothing else limits; and whether its sources agree.
    fn passes(&self, statement: Statement, account: &str) -> (bool, bool) {
        let document = Document { version: Some(Version::V2012), ..Document::new([statement]) };
        let everything = Document::new([open_statement()]);
        let same = home_of(&self.parts.request.principal).as_deref() == Some(account);
        let policies = Policies {
            identity: if same {
                Vec::new()
            } else {
                vec![Arc::new(Policy::new("all", &everything))]
            },
            resource: Some(Arc::new(Policy::new("one", &document))),
            ..Policies::default()
        };
        let mut request: Request = self.parts.request.clone();
        "sts:AssumeRole".clone_into(&mut request.action);
        request.resource = format!("arn:aws:iam::{account}:role/any");
        request.resource_account = Some(account.to_owned());
        let decision = evaluate(&request, &policies);
        (decision.is_allowed(), decision.disputed.is_empty())
    }
}

fn open_statement() -> Statement {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    statement
}

fn home_of(principal: &crate::iam::Principal) -> Option<String> {
    match principal {
        crate::iam::Principal::Arn(arn) => arn.split(':').nth(4).map(str::to_owned),
        _ => None,
    }
}

fn lower(item: &Item) -> String {
    item.text.symbolic().to_ascii_lowercase()
}

fn folded(space: &Space) -> Space {
    match space {
        Space::One(text) => Space::One(text.to_ascii_lowercase()),
        Space::Below(prefix) => Space::Below(prefix.to_ascii_lowercase()),
    }
}

/// The text before the first wildcard or variable.
fn head(pattern: &str) -> &str {
    pattern.split(['*', '?', '$']).next().unwrap_or_default()
}

/// Whether a pattern is plain text and one star at its end, whose text starts the other pattern.
fn spans(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|plain| head(plain) == plain && text.starts_with(plain))
}

/// Whether a pattern surely matches everything of a space.
fn covers(pattern: &str, space: &Space) -> bool {
    match space {
        Space::One(text) => {
            !pattern.contains("${")
                && Pattern::new(pattern, Wildcards::Active, Version::V2008).matches_plain(text)
                // What crosses a colon is disputed.
                && (pattern == "*" || spans(pattern, text) || pattern == text)
        }
        Space::Below(prefix) => pattern == "*" || spans(pattern, prefix),
    }
}

/// Whether no pattern can match anything of the spaces.
fn disjoint(items: &[Item], spaces: &[Space], fold: bool) -> bool {
    items.iter().all(|item| {
        let pattern = if fold { lower(item) } else { item.text.symbolic().into_owned() };
        spaces.iter().all(|space| {
            let space = if fold { folded(space) } else { space.clone() };
            let start = head(&pattern);
            match &space {
                Space::One(text) if pattern.contains("${") => !text.starts_with(start),
                Space::One(text) => {
                    !Pattern::new(&pattern, Wildcards::Active, Version::V2008).matches_plain(text)
                }
                Space::Below(prefix) => {
                    !start.starts_with(prefix.as_str()) && !prefix.starts_with(start)
                        || (start == pattern
                            && !(start.starts_with(prefix.as_str()) && start.len() > prefix.len()))
                }
            }
        })
    })
}

/// Why a step is closed; `None` where only a search can tell.
#[must_use]
pub fn explain(asked: &Asked, step: &Step) -> Option<Killed> {
    Case::of(asked.parts(), step).explain()
}

/// Whether a claim about a step is true.
#[must_use]
pub fn check(asked: &Asked, step: &Step, claim: &Killed) -> bool {
    Case::of(asked.parts(), step).check(claim)
}

/// Everybody that an origin is or can become, whatever the conditions.
fn reached(world: &World, result: &SideResult, origin: &Origin) -> BTreeSet<Source> {
    let starts = |source: &Source| match (origin, source) {
        (Origin::Anonymous, Source::Anonymous) | (Origin::External, Source::Federated(_)) => true,
        (_, Source::Foreign(arn)) => outside(world, arn) == *origin,
        (_, Source::Principal(arn)) => world
            .principals
            .get(arn)
            .is_some_and(|p| origins_of(world, &p.account).contains(origin)),
        _ => false,
    };
    let principals = world.principals.keys().map(|arn| Source::Principal(arn.clone()));
    let outsiders = result.edges.keys().chain(&result.closed).map(|step| step.source.clone());
    let mut found: BTreeSet<Source> = principals.chain(outsiders).filter(starts).collect();
    let mut queue: VecDeque<Source> = found.iter().cloned().collect();
    let mut by_source: BTreeMap<&Source, Vec<&Target>> = BTreeMap::new();
    for step in result.edges.keys() {
        by_source.entry(&step.source).or_default().push(&step.target);
    }
    while let Some(source) = queue.pop_front() {
        for target in by_source.get(&source).into_iter().flatten() {
            let Target::Role(arn) = target else { continue };
            let next = Source::Principal(arn.clone());
            if found.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    found
}

/// A closed step, and why, once that was looked for.
type Closed<'a> = (&'a Step, OnceCell<Option<Killed>>);

/// The proofs of one side. What is found out about a step or an origin is found out once.
pub struct Prover<'a> {
    world: &'a World,
    result: &'a SideResult,
    /// Closed steps into each environment.
    closed: BTreeMap<&'a str, Vec<Closed<'a>>>,
    /// Open steps into each environment, by who takes them.
    open: BTreeMap<&'a str, BTreeSet<&'a Source>>,
    reached: BTreeMap<Origin, BTreeSet<Source>>,
}

impl<'a> Prover<'a> {
    /// Over one side.
    #[must_use]
    pub fn new(world: &'a World, result: &'a SideResult) -> Self {
        let into = |step: &Step| {
            let account = account_of(world, &step.target);
            account.and_then(|a| world.accounts.get(&a)).map(|a| &a.environments)
        };
        let mut closed: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for step in &result.closed {
            for environment in into(step).into_iter().flatten() {
                closed.entry(environment).or_default().push((step, OnceCell::new()));
            }
        }
        let mut open: BTreeMap<&str, BTreeSet<&Source>> = BTreeMap::new();
        for step in result.edges.keys() {
            for environment in into(step).into_iter().flatten() {
                open.entry(environment).or_default().insert(&step.source);
            }
        }
        Self { world, result, closed, open, reached: BTreeMap::new() }
    }

    /// What could cross a wall that is called closed: every grant of `to` to somebody that `origin`
    /// is or can become, with what kills it. `None` when one of them is open after all.
    #[must_use]
    pub fn prove(&mut self, origin: &Origin, to: &str) -> Option<Vec<Entry>> {
        let (world, result) = (self.world, self.result);
        let reached =
            self.reached.entry(origin.clone()).or_insert_with(|| reached(world, result, origin));
        if self.open.get(to).is_some_and(|open| open.iter().any(|s| reached.contains(*s))) {
            return None;
        }
        let grants = self.closed.get(to).map(Vec::as_slice).unwrap_or_default();
        let bearing = grants.iter().filter(|(step, _)| reached.contains(&step.source));
        Some(
            bearing
                .map(|(step, known)| {
                    let killed = known.get_or_init(|| {
                        let asked = asked(world, step)?;
                        explain(&asked, step).filter(|claim| check(&asked, step, claim))
                    });
                    Entry { step: (*step).clone(), killed: killed.clone() }
                })
                .collect(),
        )
    }
}

/// A policy's name for readers: the address of what holds it, and the part.
fn cited(policy: &str, label: &str) -> String {
    match policy.split_once(PART) {
        Some((address, part)) => format!("{address} {part}[{label}]"),
        None => format!("{policy}[{label}]"),
    }
}

impl Killed {
    /// What kills the step, for readers: one line a statement.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Denied(policy, label) => vec![format!("{} denies it", cited(policy, label))],
            Self::NotAllowed(layer, dead) if dead.is_empty() => {
                vec![format!("nothing in the {layer} allows anything")]
            }
            Self::NotAllowed(_, dead) => dead
                .iter()
                .map(|(policy, label, why)| {
                    let why = match why {
                        Dead::Action => "is about other actions".to_owned(),
                        Dead::Resource => "is about other resources".to_owned(),
                        Dead::Principal => "names others".to_owned(),
                        Dead::Condition(key) => format!("never holds: its condition on {key}"),
                        Dead::Denied(policy, label) => {
                            format!("is taken back by {}", cited(policy, label))
                        }
                    };
                    format!("{} {why}", cited(policy, label))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(text: &str) -> Item {
        Item::new(text)
    }

    #[test]
    fn patterns_are_compared_carefully() {
        let one = Space::One("arn:aws:iam::1:role/x".to_owned());
        let below = Space::Below("arn:aws:s3:::b/".to_owned());
        assert!(covers("*", &below) && covers("arn:aws:s3:::b/*", &below));
        assert!(covers("arn:aws:s3:::b*", &below) && !covers("arn:aws:s3:::b/a*", &below));
        assert!(!covers("arn:*:s3:::b/*", &below), "a wildcard inside is not compared");
        assert!(covers("arn:aws:iam::1:role/*", &one) && !covers("arn:aws:iam::2:role/*", &one));
        assert!(!covers("arn:aws:iam::${aws:PrincipalAccount}:role/*", &one));
        let disjoint_from = |pattern: &str, space: &Space| {
            disjoint(&[item(pattern)], std::slice::from_ref(space), false)
        };
        assert!(
            disjoint_from("arn:aws:s3:::c/*", &below) && !disjoint_from("arn:aws:s3:::*", &below)
        );
        assert!(
            disjoint_from("arn:aws:s3:::b", &below) && !disjoint_from("arn:aws:s3:::b/k", &below)
        );
        assert!(disjoint_from("arn:aws:s3:::b/", &below), "what is below is longer");
        assert!(!disjoint_from("arn:aws:iam::${aws:PrincipalAccount}:role/x", &one));
        assert!(disjoint_from("arn:aws:s3:::${aws:PrincipalAccount}", &one));
    }

    /// A proof that is bent in any place is refused.
    #[test]
    fn a_false_claim_is_refused() {
        let rule = |name: &str, policy: serde_json::Value, role: crate::iam::Use| {
            let (document, _) = Document::from_json(&policy, role).expect("valid");
            super::super::world::Rule {
                policy: Arc::new(Policy::new(format!("{name}{PART}p"), &document)),
                document: Arc::new(document),
            }
        };
        let trust = rule(
            "target",
            json!({"Version": "2012-10-17", "Statement": [
                {"Sid": "other", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111111111111:role/other"}},
                {"Sid": "org", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*",
                 "Condition": {"StringEquals": {"aws:PrincipalAccount": "222222222222"}}}]}),
            crate::iam::Use::Trust,
        );
        let identity = rule(
            "source",
            json!({"Version": "2012-10-17", "Statement": [{"Sid": "all", "Effect": "Allow", "Action": "*", "Resource": "*"}]}),
            crate::iam::Use::Identity,
        );
        let role = "arn:aws:iam::333333333333:role/target";
        let policies = Policies {
            resource: Some(Arc::clone(&trust.policy)),
            identity: vec![Arc::clone(&identity.policy)],
            ..Policies::default()
        };
        let mut request = Request::new(
            crate::iam::Principal::Arn("arn:aws:sts::111111111111:assumed-role/ci/s".to_owned()),
            "",
            "",
        );
        request.resource_account = Some("333333333333".to_owned());
        let (rules, never) = ([trust, identity], BTreeSet::new());
        let (actions, resources) =
            ([Space::One("sts:AssumeRole".to_owned())], [Space::One(role.to_owned())]);
        let parts = Parts {
            request: &request,
            policies: &policies,
            rules: &rules,
            actions: &actions,
            resources: &resources,
            never: &never,
        };
        let step = Step {
            source: Source::Principal("arn:aws:iam::111111111111:role/ci".to_owned()),
            target: Target::Role(role.to_owned()),
        };
        let case = Case::of(parts, &step);
        let claim = case.explain().expect("a proof");
        let Killed::NotAllowed(layer, dead) = &claim else { panic!("{claim:?}") };
        assert_eq!(layer, "resource policy");
        assert_eq!(dead[0].2, Dead::Principal);
        assert_eq!(dead[1].2, Dead::Condition("aws:principalaccount".to_owned()));
        assert!(case.check(&claim));
        for bent in [
            Killed::NotAllowed(layer.clone(), dead[..1].to_vec()),
            Killed::NotAllowed(layer.clone(), Vec::new()),
            Killed::NotAllowed("identity policies".to_owned(), dead.clone()),
            Killed::NotAllowed("no such layer".to_owned(), Vec::new()),
            Killed::Denied(dead[0].0.clone(), dead[0].1.clone()),
            Killed::Denied("nobody".to_owned(), "0".to_owned()),
        ] {
            assert!(!case.check(&bent), "{bent:?}");
        }
        for (at, why) in [
            (0, Dead::Action),
            (0, Dead::Resource),
            (1, Dead::Principal),
            (0, Dead::Condition("x".to_owned())),
        ] {
            let mut bent = dead.clone();
            bent[at].2 = why;
            assert!(!case.check(&Killed::NotAllowed(layer.clone(), bent.clone())), "{bent:?}");
        }
    }
}
