//! The checker: whether a claim about a closed step is true, by the judge on one request and by comparing
//! texts. It searches nothing but the statements themselves.
//!
//! Claim: where [`Case::check`] says yes, no request of the step is allowed. The argument, by kind of claim:
//!
//! - A request needs an `Allow` in every layer of [`Case::layers`]. In one of them every statement is dead: its actions,
//!   resources or principals leave out all of the step, a condition of it is false whatever the request is, a `Deny`
//!   that applies takes back all that it allows, or it has no request in common with any statement of another layer.
//! - Or a `Deny` of some layer covers all of the step.
//! - Or the bucket's block of public access refuses whoever is neither of its account nor a service.
//!
//! A condition is a constant where its key is (it follows from who asks and of whom, or no request carries it), or where
//! the judge gives one answer for all values that the key may have; where those are texts below a prefix, by comparing
//! that prefix with the condition's patterns. A condition decides another on the same key where it names the values of
//! that key and the judge gives one answer to the other for each of them, where the patterns of both have no text in
//! common or all of its own lie within the other's, and where the other asks for the key alone. A variable in a resource stands for the constant that its key is;
//! without one it matches nothing, and neither does its text. Whatever cannot be told so is not claimed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::crossing::{Parts, PathStep, StepSource};
use super::texts::{all_apart, covers, disjoint, folded, lower, spans, within};
use super::{GrantExclusion, StepDenial};
use crate::iam::bucket_policy::public::is_public;
use crate::iam::matching::{completed, is_malformed};
use crate::iam::symbolic::{Domain, Space};
use crate::iam::{
    ActionId, Condition, ContextValue, Document, Effect, Item, LanguageVersion, Policies, Policy,
    Principal, Principals, Request, SetPrefix, Statement, Test, catalogue, evaluate,
};
use crate::ids::Partition;

/// The policies of one layer that a step has to pass.
struct Layer<'a> {
    name: String,
    /// Name and document; `None` for a policy whose document is not known.
    policies: Vec<(&'a str, Option<&'a Document>)>,
    /// Whether its statements name principals.
    resource_side: bool,
    completes: bool,
}

/// A statement, and what decides how it is read.
struct Line<'l> {
    policy: &'l str,
    label: String,
    statement: &'l Statement,
    version: LanguageVersion,
    /// Whether its policy names principals.
    named: bool,
    /// Whether AWS completes ARNs with fewer fields than six in it.
    completes: bool,
}

impl Layer<'_> {
    /// Whether every policy's document is known.
    fn is_known(&self) -> bool {
        self.policies.iter().all(|(_, document)| document.is_some())
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let (named, completes) = (self.resource_side, self.completes);
        let known = self.policies.iter().filter_map(|(name, document)| Some((*name, (*document)?)));
        known.flat_map(move |(policy, document)| {
            document.statements.iter().enumerate().map(move |(at, statement)| Line {
                policy,
                label: statement.label(at),
                statement,
                version: document.version.unwrap_or(LanguageVersion::V2008),
                named,
                completes,
            })
        })
    }

    fn allowing(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines().filter(|line| line.statement.effect == Effect::Allow)
    }
}

/// A step's policies taken apart.
pub(super) struct Case<'a> {
    parts: Parts<'a>,
    layers: Vec<Layer<'a>>,
    /// Layers of which only denials count.
    denying: Vec<Layer<'a>>,
}

impl<'a> Case<'a> {
    pub(super) fn of(parts: Parts<'a>, step: &PathStep) -> Self {
        let documents: BTreeMap<&str, &Document> =
            parts.rules.iter().map(|r| (r.policy.name(), r.document.as_ref())).collect();
        let named =
            |policy: &'a Arc<Policy>| (policy.name(), documents.get(policy.name()).copied());
        let layer =
            |name: &str, policies: Vec<(&'a str, Option<&'a Document>)>, resource_side| Layer {
                name: name.to_owned(),
                policies,
                resource_side,
                completes: matches!(name, "identity policies" | "permissions boundary"),
            };
        let policies = parts.policies;
        let resource =
            layer("resource policy", policies.resource.iter().map(named).collect(), true);
        let (mut layers, mut denying) = (vec![resource], Vec::new());
        // Service-linked roles are outside SCPs and RCPs, the management account's resources outside RCPs.
        let linked = matches!(&step.source, StepSource::Principal(arn) if arn.contains(":role/aws-service-role/"));
        let managing =
            parts.request.resource_organization.as_ref().is_some_and(|o| o.management_account);
        if !linked && !managing {
            for level in &policies.resource_control {
                let name = format!("resource control policies of {}", level.target);
                denying.push(layer(&name, level.policies.iter().map(named).collect(), true));
            }
        }
        if matches!(step.source, StepSource::Principal(_)) {
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

    fn line(&self, policy: &str, label: &str) -> Option<Line<'_>> {
        let all = self.layers.iter().chain(&self.denying).flat_map(Layer::lines);
        let mut own = all.filter(|line| line.policy == policy);
        own.find(|line| line.label == label)
    }

    fn denials(&self) -> impl Iterator<Item = Line<'_>> {
        let all = self.layers.iter().chain(&self.denying).flat_map(Layer::lines);
        all.filter(|line| line.statement.effect == Effect::Deny)
    }

    /// Looks for a proof that holds for every case of a step.
    pub(super) fn explain(cases: &[Self]) -> Option<StepDenial> {
        let holds = |claim: &StepDenial| cases.iter().all(|case| case.check(claim));
        let first = cases.first()?;
        if holds(&StepDenial::Restricted) {
            return Some(StepDenial::Restricted);
        }
        for line in first.denials() {
            let claim = StepDenial::Denied(line.policy.to_owned(), line.label.clone());
            if holds(&claim) {
                return Some(claim);
            }
        }
        first.layers.iter().find_map(|layer| {
            let mut excluded = Vec::new();
            // Sessions that policies name may be left out for another reason than the rest.
            for case in cases {
                for line in case.layer(&layer.name)?.allowing() {
                    let why = case.excluded(&line, &layer.name)?;
                    let entry = (line.policy.to_owned(), line.label.clone(), why);
                    if !excluded.contains(&entry) {
                        excluded.push(entry);
                    }
                }
            }
            let claim = StepDenial::NotAllowed(layer.name.clone(), excluded);
            holds(&claim).then_some(claim)
        })
    }

    fn layer(&self, name: &str) -> Option<&Layer<'a>> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// Why a statement of a layer allows nothing of the step.
    fn excluded(&self, line: &Line<'_>, layer: &str) -> Option<GrantExclusion> {
        self.excluded_alone(line).or_else(|| {
            let others = self.layers.iter().filter(|other| other.name != layer);
            let claims = others.map(|other| GrantExclusion::Elsewhere(other.name.clone()));
            claims.into_iter().find(|claim| self.is_dead(line, claim))
        })
    }

    /// The same without a look at other layers.
    fn excluded_alone(&self, line: &Line<'_>) -> Option<GrantExclusion> {
        let conditions = line.statement.conditions.iter();
        let conditions = conditions.map(|c| GrantExclusion::Condition(c.key.to_ascii_lowercase()));
        let denied = self.denials().map(|d| GrantExclusion::Denied(d.policy.to_owned(), d.label));
        let cited = |d: &Line<'_>| (d.policy.to_owned(), d.label.clone());
        let outside = self.denials().filter(|d| !d.statement.not_resources.is_empty());
        let divided = outside.flat_map(|outside| {
            let inside = self.denials().filter(|d| !d.statement.resources.is_empty());
            let both =
                inside.map(|inside| GrantExclusion::DeniedTwice([cited(&inside), cited(&outside)]));
            both.collect::<Vec<_>>()
        });
        [GrantExclusion::Action, GrantExclusion::Resource, GrantExclusion::Principal]
            .into_iter()
            .chain(conditions)
            .chain(denied)
            .chain(divided)
            .find(|claim| self.is_dead(line, claim))
    }

    /// Whether a claim is true.
    pub(super) fn check(&self, claim: &StepDenial) -> bool {
        match claim {
            StepDenial::Denied(policy, label) => {
                self.line(policy, label).is_some_and(|line| self.denies(&line, None))
            }
            StepDenial::NotAllowed(name, excluded) => self.layer(name).is_some_and(|layer| {
                layer.is_known()
                    && layer.allowing().all(|line| {
                        let mut own = excluded.iter().filter(|(policy, label, _)| {
                            (policy.as_str(), label) == (line.policy, &line.label)
                        });
                        own.any(|(_, _, why)| {
                            *why != GrantExclusion::Elsewhere(name.clone())
                                && self.is_dead(&line, why)
                        })
                    })
            }),
            StepDenial::Restricted => self.is_restricted(),
        }
    }

    /// Whether the bucket's block of public access refuses the step (S3 User Guide, "Blocking public access to your
    /// Amazon S3 storage", `RestrictPublicBuckets`: a public policy lets in AWS services and the owner's account).
    fn is_restricted(&self) -> bool {
        let policies = self.parts.policies;
        let public = policies.resource.iter().any(|policy| {
            let mut own =
                self.parts.rules.iter().filter(|rule| rule.policy.name() == policy.name());
            own.any(|rule| is_public(&rule.document))
        });
        let outside = match &self.parts.request.principal {
            Principal::Service(_) => false,
            caller => home_of(caller) != self.parts.request.resource_account,
        };
        policies.restrict_public_buckets && public && outside
    }

    fn is_dead(&self, line: &Line<'_>, claim: &GrantExclusion) -> bool {
        let statement = line.statement;
        match claim {
            GrantExclusion::Action if statement.actions.is_empty() => {
                // `NotAction`: dead where one pattern leaves all of the step's actions out.
                self.parts.actions.iter().all(|space| {
                    statement.not_actions.iter().any(|item| covers(&lower(item), &folded(space)))
                })
            }
            GrantExclusion::Action => {
                let left: Vec<String> = statement
                    .actions
                    .iter()
                    .map(lower)
                    .filter(|action| !self.is_refused(action))
                    .collect();
                let spaces: Vec<Space> = self.parts.actions.iter().map(folded).collect();
                disjoint(&left, &spaces)
            }
            GrantExclusion::Resource if !statement.not_resources.is_empty() => {
                let patterns = self.patterns(line, &statement.not_resources);
                let mut spaces = self.parts.resources.iter();
                spaces.all(|space| patterns.iter().any(|pattern| covers(pattern, space)))
            }
            GrantExclusion::Resource => {
                !statement.resources.is_empty()
                    && (disjoint(&self.patterns(line, &statement.resources), self.parts.resources)
                        || self.acts_on_nothing(line))
            }
            GrantExclusion::Principal => {
                (statement.principals.is_some() || statement.not_principals.is_some())
                    && !self.names(statement)
            }
            GrantExclusion::Condition(key) => {
                let own = statement.conditions.iter().filter(|c| c.key.eq_ignore_ascii_case(key));
                let own: Vec<&Condition> = own.collect();
                let excluded =
                    |a: &Condition| own.iter().any(|b| self.decided_by(a, b) == Some(false));
                own.iter().any(|c| self.constant(line.version, c) == Some(false) || excluded(c))
            }
            GrantExclusion::Denied(policy, label) => {
                self.line(policy, label).is_some_and(|denial| self.denies(&denial, Some(line)))
            }
            GrantExclusion::DeniedTwice([one, other]) => {
                let both = [one, other].map(|(policy, label)| self.line(policy, label));
                matches!(&both, [Some(inside), Some(outside)] if self.divide(inside, outside, line))
            }
            GrantExclusion::Elsewhere(name) => self.layer(name).is_some_and(|layer| {
                layer.is_known()
                    && layer.allowing().all(|other| {
                        self.excludes(line, &other) || self.excluded_alone(&other).is_some()
                    })
            }),
        }
    }

    /// The patterns of a resource element, variables filled in with what they are for every request of the step, and
    /// without those that then match nothing.
    fn patterns(&self, line: &Line<'_>, items: &[Item]) -> Vec<String> {
        // Of what an allowance names, everything counts that it might match; of what a denial names, and of what an
        // allowance leaves out, that alone which it surely does.
        let widens =
            line.statement.effect == Effect::Allow && line.statement.not_resources.is_empty();
        let texts = items.iter().flat_map(|item| {
            let text = item.text.symbolic();
            let whole = completed(&text).into_owned();
            match (is_malformed(&text), widens) {
                (true, true) => vec![text.into_owned(), whole],
                (true, false) => Vec::new(),
                // Elsewhere than in an identity policy nothing says that AWS completes it.
                (false, false) if !line.completes => vec![text.into_owned()],
                (false, _) => vec![whole],
            }
        });
        texts.filter_map(|text| self.filled(line.version, text)).collect()
    }

    /// A pattern with its variables filled in, as it stands where one may be several texts; `None` where one is never
    /// there, so that the pattern matches nothing (IAM User Guide, "Policy elements: Variables and tags").
    fn filled(&self, version: LanguageVersion, text: String) -> Option<String> {
        if version == LanguageVersion::V2008 {
            return Some(text);
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((key, after)) = after.split_once('}') else { return Some(text) };
            match self.value(&key.trim().to_ascii_lowercase()) {
                // A default, or what stands for a character, is no key, and nothing is known of it.
                Value::Open => return Some(text),
                Value::Absent => return None,
                Value::Is(value) if value.contains(['*', '?', '$']) => return Some(text),
                Value::Is(value) => out.extend([before, value.as_str()]),
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// What a key is for every request of the step, as far as variables ask for it.
    fn value(&self, key: &str) -> Value {
        let request = self.parts.request;
        if self.parts.never.contains(key) {
            return Value::Absent;
        }
        if self.parts.domains.contains_key(key) {
            return Value::Open;
        }
        let or_absent = |value: Option<String>| value.map_or(Value::Absent, Value::Is);
        match (request.context.get(key), key) {
            (Some(ContextValue::One(value)), _) => Value::Is(value.clone()),
            (None, "aws:principalaccount") => or_absent(home_of(&request.principal)),
            (None, "aws:resourceaccount") => or_absent(request.resource_account.clone()),
            (None, "aws:username") => or_absent(user_of(&request.principal)),
            _ => Value::Open,
        }
    }

    /// Whether no request that one statement allows is allowed by the other.
    fn excludes(&self, one: &Line<'_>, other: &Line<'_>) -> bool {
        let actions =
            |line: &Line<'_>| -> Vec<String> { line.statement.actions.iter().map(lower).collect() };
        let not_actions = |line: &Line<'_>| -> Vec<String> {
            line.statement.not_actions.iter().map(lower).collect()
        };
        let resources = |line: &Line<'_>| self.patterns(line, &line.statement.resources);
        let not_resources = |line: &Line<'_>| self.patterns(line, &line.statement.not_resources);
        let left_out = |narrow: &Line<'_>, wide: &Line<'_>| {
            let narrowed = !narrow.statement.actions.is_empty();
            let bounded = !narrow.statement.resources.is_empty();
            (narrowed && within(&actions(narrow), &not_actions(wide)))
                || (bounded
                    && are_read_alike(&resources(narrow), narrow, wide)
                    && within(&resources(narrow), &not_resources(wide)))
        };
        let both = |pick: fn(&Statement) -> &Vec<Item>| {
            !pick(one.statement).is_empty() && !pick(other.statement).is_empty()
        };
        (both(|s| &s.actions) && all_apart(&actions(one), &actions(other)))
            || (both(|s| &s.resources) && all_apart(&resources(one), &resources(other)))
            || left_out(one, other)
            || left_out(other, one)
            || one.statement.conditions.iter().any(|a| {
                let mut conditions = other.statement.conditions.iter();
                conditions.any(|b| {
                    self.decided_by(a, b) == Some(false) || self.decided_by(b, a) == Some(false)
                })
            })
    }

    /// What a condition is where another on the same key holds, if that names the values of the key one by one or by
    /// patterns.
    fn decided_by(&self, given: &Condition, asked: &Condition) -> Option<bool> {
        let operator = given.operator;
        // A token has one subject (OpenID Connect Core, "ID Token").
        let single = given.key.ends_with(":sub")
            || catalogue().find_global_key(&given.key).is_some_and(|key| !key.is_multivalued());
        if !given.key.eq_ignore_ascii_case(&asked.key)
            || !single
            || operator.prefix.is_some()
            || operator.if_exists
            || !is_plain(given)
            || !is_plain(asked)
        {
            return None;
        }
        if !matches!(operator.test, Test::StringEquals | Test::Bool | Test::NumericEquals) {
            return decided_by_patterns(given, asked);
        }
        let told = given.values.iter().map(|item| {
            let value = ContextValue::One(item.text.symbolic().into_owned());
            self.holds(asked, Some(&Some(value)))
        });
        same(told)
    }

    /// Whether the actions of a statement about S3 act on nothing that its resources name: an action on objects does not act
    /// on a bucket, nor the other way round (Service Authorization Reference, "Actions defined by Amazon S3").
    fn acts_on_nothing(&self, line: &Line<'_>) -> bool {
        let statement = line.statement;
        let is_s3 = |space: &Space| matches!(space, Space::Below(prefix) if prefix == "s3:");
        if statement.actions.is_empty() || !self.parts.actions.iter().all(is_s3) {
            return false;
        }
        let all = catalogue();
        let acts_on = |what: &str| {
            statement.actions.iter().any(|item| {
                let known = all.expand(&lower(item));
                // Of an action that is not known nobody can tell.
                known.known().is_empty()
                    || known
                        .known()
                        .iter()
                        .any(|id| all.resource_types(ActionId(id)).any(|kind| kind.name == what))
            })
        };
        let on = |space: &Space| match space {
            Space::One(_) => "bucket",
            Space::Below(_) => "object",
        };
        let patterns = self.patterns(line, &statement.resources);
        self.parts
            .resources
            .iter()
            .all(|space| disjoint(&patterns, std::slice::from_ref(space)) || !acts_on(on(space)))
    }

    /// Whether an action, in lower case, is refused whatever policies say; a pattern, where all that it is known to
    /// match is.
    fn is_refused(&self, action: &str) -> bool {
        if self.parts.refused.is_empty() || self.parts.refused.contains(action) {
            return self.parts.refused.contains(action);
        }
        let all = catalogue();
        let known = all.expand(action);
        let mut names =
            known.known().iter().filter_map(|id| all.full_name(ActionId(id))).peekable();
        names.peek().is_some()
            && names.all(|name| self.parts.refused.contains(&name.to_ascii_lowercase()))
    }

    /// Whether two denials take back all that a statement allows: one some resources, and one all others.
    fn divide(&self, inside: &Line<'_>, outside: &Line<'_>, allowed: &Line<'_>) -> bool {
        let left = &outside.statement.not_resources;
        let left: Vec<String> = left.iter().map(|item| item.text.symbolic().into_owned()).collect();
        !left.is_empty()
            && left.iter().all(|text| !text.contains("${"))
            && within(&left, &self.patterns(inside, &inside.statement.resources))
            && self.denies_within(inside, Some(allowed))
            && self.denies_within(outside, Some(allowed))
    }

    /// Whether a statement surely denies all of the step, or all of it that `allowed` allows.
    fn denies(&self, line: &Line<'_>, allowed: Option<&Line<'_>>) -> bool {
        self.denies_everywhere(line, allowed) && self.denies_within(line, allowed)
    }

    /// Whether a denial takes in all resources of the step, or all of those that `allowed` allows.
    fn denies_everywhere(&self, line: &Line<'_>, allowed: Option<&Line<'_>>) -> bool {
        let denial = line.statement;
        let narrow = allowed
            .map(|other| (other, self.patterns(other, &other.statement.resources)))
            .filter(|(other, texts)| !texts.is_empty() && are_read_alike(texts, line, other))
            .map(|(_, texts)| texts);
        if !denial.not_resources.is_empty() {
            // A variable without a value might make the whole statement void, so here it is not taken for nothing.
            let left = denial.not_resources.iter().flat_map(|item| {
                let text = item.text.symbolic();
                let whole = completed(&text).into_owned();
                // What such a text leaves out, AWS does not say: all that it might.
                let as_it_stands = is_malformed(&text).then(|| text.into_owned());
                as_it_stands.into_iter().chain([whole])
            });
            let left = left.map(|text| self.filled(line.version, text.clone()).unwrap_or(text));
            let left: Vec<String> = left.collect();
            return disjoint(&left, self.parts.resources)
                || narrow.is_some_and(|narrow| all_apart(&narrow, &left));
        }
        if denial.resources.is_empty() {
            return line.named;
        }
        let patterns = self.patterns(line, &denial.resources);
        let mut spaces = self.parts.resources.iter();
        spaces.all(|space| patterns.iter().any(|pattern| covers(pattern, space)))
            || narrow.is_some_and(|narrow| within(&narrow, &patterns))
    }

    /// Whether a denial, on the resources that it takes in, denies all of the step, or all of it that `allowed` allows.
    fn denies_within(&self, line: &Line<'_>, allowed: Option<&Line<'_>>) -> bool {
        let denial = line.statement;
        let lower_all = |items: &[Item]| items.iter().map(lower).collect::<Vec<_>>();
        let narrow = allowed.map(|other| lower_all(&other.statement.actions));
        let narrow = narrow.filter(|texts| !texts.is_empty());
        let spaces: Vec<Space> = self.parts.actions.iter().map(folded).collect();
        let about_actions = if denial.actions.is_empty() {
            let left = lower_all(&denial.not_actions);
            disjoint(&left, &spaces) || narrow.is_some_and(|narrow| all_apart(&narrow, &left))
        } else {
            let actions = lower_all(&denial.actions);
            spaces.iter().all(|space| actions.iter().any(|action| covers(action, space)))
                || narrow.is_some_and(|narrow| within(&narrow, &actions))
        };
        denial.effect == Effect::Deny
            && about_actions
            && (!line.named || self.is_hit(denial))
            && denial.conditions.iter().all(|condition| {
                self.constant(line.version, condition) == Some(true)
                    || allowed.is_some_and(|other| {
                        let alike = other.version == line.version || is_plain(condition);
                        let mut given = other.statement.conditions.iter();
                        given.any(|c| {
                            (alike && say_the_same(c, condition))
                                || self.decided_by(c, condition) == Some(true)
                        })
                    })
            })
    }

    /// Whether the principal element of a denial names the one who asks, by the judge.
    fn is_hit(&self, denial: &Statement) -> bool {
        // One request stands for all of an account, of which `NotPrincipal` may leave some out.
        if denial.principals.is_none() && self.parts.domains.contains_key("aws:principalarn") {
            return false;
        }
        let mut bare = open_statement();
        bare.effect = Effect::Deny;
        bare.principals.clone_from(&denial.principals);
        bare.not_principals.clone_from(&denial.not_principals);
        let mut all = open_statement();
        all.principals = Some(Principals::All);
        let (allowed, agreed) =
            Self::judged(self.parts.request.clone(), [all, bare], "000000000002");
        !allowed && agreed
    }

    /// Whether a statement's principal element names the one who asks, by the judge.
    fn names(&self, statement: &Statement) -> bool {
        let mut bare = open_statement();
        bare.principals.clone_from(&statement.principals);
        bare.not_principals.clone_from(&statement.not_principals);
        Self::passes(self.parts.request.clone(), bare, "000000000002").0
    }

    /// What a condition of a policy of that version is for every request of this step; `None` where it may be either.
    fn constant(&self, version: LanguageVersion, condition: &Condition) -> Option<bool> {
        // Written down once more on purpose: a checker that read the engine's list would share its errors.
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
        if condition.operator.test == Test::Null && self.parts.always.contains(&key) {
            let present = |item: &Item| item.text.symbolic().eq_ignore_ascii_case("false");
            return Some(condition.values.iter().any(present));
        }
        let operator = condition.operator;
        let value = |item: &Item| self.filled(version, item.text.symbolic().into_owned());
        let without = condition.values.iter().all(|item| value(item).is_none());
        if without
            && !operator.test.negated()
            && !operator.if_exists
            && operator.prefix != Some(SetPrefix::ForAllValues)
        {
            // It is compared with variables that have no value: nothing equals that, and neither does an absent key.
            return Some(false);
        }
        if let (Some(domain), false) =
            (self.parts.domains.get(&key), self.parts.never.contains(&key))
        {
            return self.constant_within(condition, domain);
        }
        let settled = FOLLOWS.contains(&key.as_str())
            || self.parts.never.contains(&key)
            || self.parts.request.context.get(&key).is_some();
        // The judge fills in what the request tells; of other variables nothing is known.
        let told = |item: &Item| value(item).is_some_and(|text| !text.contains("${"));
        let filled = version == LanguageVersion::V2012 && condition.values.iter().all(told);
        if !settled || !(is_plain(condition) || filled) {
            return None;
        }
        self.holds(condition, None)
    }

    /// The same where the key is open, and it is known what it may be.
    fn constant_within(&self, condition: &Condition, domain: &Domain) -> Option<bool> {
        if !is_plain(condition) {
            return None;
        }
        let texts = match domain {
            Domain::These(all) => {
                return same(all.iter().map(|value| self.holds(condition, Some(value))));
            }
            Domain::Texts(texts) => texts,
        };
        let operator = condition.operator;
        let patterns = matches!(
            operator.test.positive(),
            Test::StringEquals | Test::StringLike | Test::ArnEquals | Test::ArnLike
        );
        let spaces: Vec<Space> = texts.prefixes.iter().cloned().map(Space::Below).collect();
        let values: Vec<String> =
            condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect();
        let exact = operator.test.positive() == Test::StringEquals;
        let outside = |text: &String| {
            if exact && texts.prefixes.iter().all(|prefix| !text.starts_with(prefix.as_str())) {
                return true;
            }
            let excepted = |pattern: &String| pattern == text || spans(pattern, text);
            texts.except.iter().any(excepted) || disjoint(std::slice::from_ref(text), &spaces)
        };
        let likes = matches!(operator.test.positive(), Test::StringLike);
        if likes
            && operator.prefix.is_none()
            && spaces.iter().all(|space| values.iter().any(|value| covers(value, space)))
        {
            // Whatever the key is, one of the condition's patterns matches it.
            return match (operator.test.negated(), texts.absent, operator.if_exists) {
                (false, false, _) | (false, true, true) => Some(true),
                (true, false, _) => Some(false),
                _ => None,
            };
        }
        if !patterns || !values.iter().all(outside) {
            return None;
        }
        // No value that the key may have is among those of the condition.
        match (operator.test.negated(), operator.prefix, texts.absent) {
            (true, None, _) => Some(true),
            (true, Some(_), _) => None,
            (false, Some(SetPrefix::ForAllValues), _) => None,
            (false, _, true) if operator.if_exists => None,
            (false, ..) => Some(false),
        }
    }

    /// Whether a condition holds of the request, with its key set to a value or taken away where one is
    /// given; `None` where the judge's sources differ.
    fn holds(&self, condition: &Condition, value: Option<&Option<ContextValue>>) -> Option<bool> {
        let mut bare = open_statement();
        bare.principals = Some(Principals::All);
        bare.conditions = vec![condition.clone()];
        let account = self.parts.request.resource_account.clone().unwrap_or_default();
        let mut request = self.parts.request.clone();
        match value {
            Some(Some(value)) => request.context.set(&condition.key, value.clone()),
            Some(None) => request.context.remove(&condition.key),
            None => {}
        }
        let (holds, agreed) = Self::passes(request, bare, &account);
        agreed.then_some(holds)
    }

    /// What the judge says when this statement is the whole policy of a role in an account and
    /// nothing else limits; and whether its sources agree.
    fn passes(request: Request, statement: Statement, account: &str) -> (bool, bool) {
        Self::judged(request, [statement], account)
    }

    fn judged<const N: usize>(
        mut request: Request,
        statements: [Statement; N],
        account: &str,
    ) -> (bool, bool) {
        let document =
            Document { version: Some(LanguageVersion::V2012), ..Document::new(statements) };
        let everything = Document::new([open_statement()]);
        let same = home_of(&request.principal).as_deref() == Some(account);
        let policies = Policies {
            identity: if same {
                Vec::new()
            } else {
                vec![Arc::new(Policy::new("all", &everything))]
            },
            resource: Some(Arc::new(Policy::new("one", &document))),
            ..Policies::default()
        };
        "sts:AssumeRole".clone_into(&mut request.action);
        let partition = match &request.principal {
            Principal::Arn(arn) => Partition::of_arn(arn),
            _ => None,
        };
        let partition = partition.unwrap_or_default();
        request.resource = format!("arn:{partition}:iam::{account}:role/any");
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

/// Whether texts mean the same in two statements: two versions of the language read a variable unlike.
fn are_read_alike(texts: &[String], one: &Line<'_>, other: &Line<'_>) -> bool {
    one.version == other.version || texts.iter().all(|text| !text.contains("${"))
}

/// What a variable stands for.
enum Value {
    /// This, in every request.
    Is(String),
    /// Nothing: no request carries the key.
    Absent,
    /// Nothing is known.
    Open,
}

/// The answer that all of them give; `None` where there is none.
fn same(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let first = answers.next().flatten()?;
    answers.all(|answer| answer == Some(first)).then_some(first)
}

/// What a condition is where another on the same key holds whose patterns match its one value; both compare with plain
/// texts.
fn decided_by_patterns(given: &Condition, asked: &Condition) -> Option<bool> {
    let texts = |condition: &Condition| -> Vec<String> {
        condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect()
    };
    let (ours, theirs) = (texts(given), texts(asked));
    // An ARN with fewer fields is disputed: it may be completed, or match nothing.
    let is_whole = |text: &String| text.matches(':').count() >= 5;
    let by_fields = |test| matches!(test, Test::ArnEquals | Test::ArnLike);
    let matches_patterns = match given.operator.test {
        Test::StringLike => true,
        test => by_fields(test) && ours.iter().all(is_whole),
    };
    if !matches_patterns || asked.operator.prefix.is_some() {
        return None;
    }
    let (test, negated) = (asked.operator.test.positive(), asked.operator.test.negated());
    match test {
        // A value that a pattern matches is there.
        Test::Null => Some(theirs.iter().any(|text| text.eq_ignore_ascii_case("false"))),
        Test::StringEquals | Test::StringLike if all_apart(&ours, &theirs) => Some(negated),
        test if by_fields(test) && theirs.iter().all(is_whole) && all_apart(&ours, &theirs) => {
            Some(negated)
        }
        Test::StringLike if within(&ours, &theirs) => Some(!negated),
        _ => None,
    }
}

/// Whether two conditions are the same one, however they are written: values stand in any order, once or twice, and
/// keys compare without regard to case.
fn say_the_same(one: &Condition, other: &Condition) -> bool {
    let holds = |items: &[Item], item: &Item| items.contains(item);
    one.operator == other.operator
        && one.key.eq_ignore_ascii_case(&other.key)
        && one.values.iter().all(|item| holds(&other.values, item))
        && other.values.iter().all(|item| holds(&one.values, item))
}

/// Whether a condition compares with texts alone, and not with what variables stand for.
fn is_plain(condition: &Condition) -> bool {
    condition.values.iter().all(|v| !v.text.symbolic().contains("${"))
}

/// The name of a user; nobody else has one.
fn user_of(principal: &Principal) -> Option<String> {
    let Principal::Arn(arn) = principal else { return None };
    let (_, name) = arn.split_once(":user/")?;
    name.rsplit('/').next().map(str::to_owned)
}

fn home_of(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Arn(arn) => arn.split(':').nth(4).map(str::to_owned),
        _ => None,
    }
}
