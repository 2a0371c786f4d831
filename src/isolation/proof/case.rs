//! The checker: whether a claim about a closed step is true, by the judge on one request and by comparing
//! texts. It searches nothing but the statements themselves.
//!
//! Claim: where [`Case::check`] says yes, no request of the step is allowed. The argument, by kind of claim:
//!
//! - A request needs an `Allow` in every layer of [`Case::layers`]. In one of them every statement is dead: its actions,
//!   resources or principals leave out all of the step, a condition of it is false whatever the request is, a `Deny`
//!   that applies takes back all that it allows, it has no request in common with any statement of another layer, or it
//!   asks for what takes another action beside (tags of a session), and no request that it allows is allowed that one.
//! - Or a `Deny` of some layer covers all of the step.
//! - Or the bucket's block of public access refuses whoever is neither of its account nor a service.
//!
//! What a condition or a variable is for every request of the step, `conditions.rs` says; what a denial takes back,
//! `denials.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::crossing::{Parts, PathStep, StepSource};
use super::conditions::home_of;
use super::denials::{are_read_alike, divided_by};
use super::texts::{all_apart, covers, disjoint, lower, within};
use super::{GrantExclusion, StepDenial};
use crate::access::{RESOURCE_TYPES, ResourceType};
use crate::iam::bucket_policy::public::is_public;
use crate::iam::eval::OUTSIDE_RCPS;
use crate::iam::matching::{completed, is_malformed};
use crate::iam::symbolic::Space;
use crate::iam::{
    ActionId, ActionSet, Condition, Document, Effect, Item, LanguageVersion, Policy, Principal,
    Statement, catalogue,
};

/// The policies of one layer that a step has to pass.
#[derive(Clone)]
pub(super) struct Layer<'a> {
    pub(super) name: String,
    /// Name and document; `None` for a policy whose document is not known.
    policies: Vec<(&'a str, Option<&'a Document>)>,
    /// Whether its statements name principals.
    resource_side: bool,
    completes: bool,
}

/// A statement, and what decides how it is read.
pub(super) struct ReadStatement<'l> {
    pub(super) policy: &'l str,
    pub(super) label: String,
    pub(super) statement: &'l Statement,
    pub(super) version: LanguageVersion,
    /// Whether its policy names principals.
    pub(super) named: bool,
    /// Whether AWS completes ARNs with fewer fields than six in it.
    pub(super) completes: bool,
    /// Actions on which its policy does not bear, whatever it says.
    pub(super) spares: &'static [&'static str],
}

/// What the names of layers of resource control policies begin with.
const RESOURCE_CONTROL: &str = "resource control policies of ";

impl Layer<'_> {
    /// Whether every policy's document is known.
    pub(super) fn is_known(&self) -> bool {
        self.policies.iter().all(|(_, document)| document.is_some())
    }

    fn lines(&self) -> impl Iterator<Item = ReadStatement<'_>> {
        let (named, completes) = (self.resource_side, self.completes);
        let spares = self.is_resource_control();
        let known = self.policies.iter().filter_map(|(name, document)| Some((*name, (*document)?)));
        known.flat_map(move |(policy, document)| {
            document.statements.iter().enumerate().map(move |(at, statement)| ReadStatement {
                policy,
                label: statement.label(at),
                statement,
                version: document.version.unwrap_or(LanguageVersion::V2008),
                named,
                completes,
                spares: if spares { &OUTSIDE_RCPS } else { &[] },
            })
        })
    }

    /// Whether its policies are resource control policies.
    fn is_resource_control(&self) -> bool {
        self.name.starts_with(RESOURCE_CONTROL)
    }

    pub(super) fn allowing(&self) -> impl Iterator<Item = ReadStatement<'_>> {
        self.lines().filter(|line| line.statement.effect == Effect::Allow)
    }
}

/// A step's policies taken apart.
#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) layers: Vec<Layer<'a>>,
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
                let name = format!("{RESOURCE_CONTROL}{}", level.target);
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

    pub(super) fn line(&self, policy: &str, label: &str) -> Option<ReadStatement<'_>> {
        let all = self.layers.iter().chain(&self.denying).flat_map(Layer::lines);
        let mut own = all.filter(|line| line.policy == policy);
        own.find(|line| line.label == label)
    }

    pub(super) fn denials(&self) -> impl Iterator<Item = ReadStatement<'_>> {
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
    fn excluded(&self, line: &ReadStatement<'_>, layer: &str) -> Option<GrantExclusion> {
        self.excluded_alone(line).or_else(|| {
            let others = self.layers.iter().filter(|other| other.name != layer);
            let claims = others.map(|other| GrantExclusion::Elsewhere(other.name.clone()));
            claims.into_iter().find(|claim| self.is_excluded(line, claim))
        })
    }

    /// The same without a look at other layers.
    pub(super) fn excluded_alone(&self, line: &ReadStatement<'_>) -> Option<GrantExclusion> {
        let conditions = line.statement.conditions.iter();
        let conditions = conditions.map(|c| GrantExclusion::Condition(c.key.to_ascii_lowercase()));
        let denied = self.denials().map(|d| GrantExclusion::Denied(d.policy.to_owned(), d.label));
        let cited = |d: &ReadStatement<'_>| (d.policy.to_owned(), d.label.clone());
        let divided = self.denials().flat_map(|outside| {
            let leaves_out = !outside.statement.not_resources.is_empty();
            let inside = self.denials().filter(|inside| {
                leaves_out && !inside.statement.resources.is_empty()
                    || divided_by(inside.statement, outside.statement).is_some()
            });
            let both =
                inside.map(|inside| GrantExclusion::DeniedTwice([cited(&inside), cited(&outside)]));
            both.collect::<Vec<_>>()
        });
        let beside = self.parts.beside.iter();
        let beside = beside.map(|other| GrantExclusion::Beside(other.action.to_owned()));
        [GrantExclusion::Action, GrantExclusion::Resource, GrantExclusion::Principal]
            .into_iter()
            .chain(conditions)
            .chain(denied)
            .chain(divided)
            .chain(beside)
            .find(|claim| self.is_excluded(line, claim))
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
                                && self.is_excluded(&line, why)
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

    fn is_excluded(&self, line: &ReadStatement<'_>, claim: &GrantExclusion) -> bool {
        let statement = line.statement;
        match claim {
            GrantExclusion::Action if statement.actions.is_empty() => {
                // `NotAction`: dead where one pattern leaves all of the step's actions out.
                self.parts.actions.iter().all(|space| {
                    statement.not_actions.iter().any(|item| covers(&lower(item), &space.lower()))
                })
            }
            GrantExclusion::Action => {
                let left: Vec<String> = statement
                    .actions
                    .iter()
                    .map(lower)
                    .filter(|action| !self.is_refused(action))
                    .collect();
                let spaces: Vec<Space> = self.parts.actions.iter().map(Space::lower).collect();
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
                        || self.act_on_nothing(&[line]))
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
            GrantExclusion::Beside(action) => self.is_refused_beside(line, action),
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
    pub(super) fn patterns(&self, line: &ReadStatement<'_>, items: &[Item]) -> Vec<String> {
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

    /// Whether no request that one statement allows is allowed by the other.
    fn excludes(&self, one: &ReadStatement<'_>, other: &ReadStatement<'_>) -> bool {
        let actions = |line: &ReadStatement<'_>| -> Vec<String> {
            line.statement.actions.iter().map(lower).collect()
        };
        let not_actions = |line: &ReadStatement<'_>| -> Vec<String> {
            line.statement.not_actions.iter().map(lower).collect()
        };
        let resources = |line: &ReadStatement<'_>| self.patterns(line, &line.statement.resources);
        let not_resources =
            |line: &ReadStatement<'_>| self.patterns(line, &line.statement.not_resources);
        let left_out = |narrow: &ReadStatement<'_>, wide: &ReadStatement<'_>| {
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
            || self.conditions_exclude(one.statement, other.statement)
            || (both(|s| &s.resources) && all_apart(&resources(one), &resources(other)))
            || left_out(one, other)
            || left_out(other, one)
            || self.act_on_nothing(&[one, other])
    }

    /// Whether no request meets the conditions of both statements.
    pub(super) fn conditions_exclude(&self, one: &Statement, other: &Statement) -> bool {
        one.conditions.iter().any(|a| {
            let mut conditions = other.conditions.iter();
            conditions.any(|b| {
                self.decided_by(a, b) == Some(false) || self.decided_by(b, a) == Some(false)
            })
        })
    }

    /// Whether the actions that all of these statements have act on nothing that the resources of all name: an action on
    /// objects does not act on a bucket, nor the other way round (Service Authorization Reference, "Actions defined by
    /// Amazon S3").
    fn act_on_nothing(&self, lines: &[&ReadStatement<'_>]) -> bool {
        let asked_of =
            |of: &&ResourceType| self.parts.actions.iter().all(|space| *space == of.actions());
        let Some(kind) = RESOURCE_TYPES.into_iter().find(asked_of) else { return false };
        let Some((itself, content)) = kind.levels else { return false };
        let all = catalogue();
        // Of an action that is not known nobody can tell.
        let sets = |line: &&ReadStatement<'_>| -> Option<Vec<ActionSet>> {
            let sets = line.statement.actions.iter().map(|item| all.expand(&lower(item)));
            let sets: Vec<ActionSet> = sets.collect();
            (!sets.is_empty() && sets.iter().all(|set| !set.known().is_empty())).then_some(sets)
        };
        let Some(listed) = lines.iter().map(sets).collect::<Option<Vec<_>>>() else { return false };
        let of_all = |id: ActionId| {
            listed.iter().all(|sets| sets.iter().any(|set| set.contains(id)))
                && all
                    .full_name(id)
                    .is_some_and(|name| !self.is_refused(&name.to_ascii_lowercase()))
        };
        let service = all.find_service(kind.service).into_iter();
        let common: Vec<ActionId> =
            service.flat_map(|s| all.actions_of(s)).filter(|id| of_all(*id)).collect();
        let acts_on = |what: &str| {
            common.iter().any(|id| all.resource_types(*id).any(|kind| kind.name == what))
        };
        let on = |space: &Space| match space {
            Space::One(_) => itself,
            Space::Below(_) | Space::Shaped(_) => content,
        };
        let named = |line: &&ReadStatement<'_>| {
            (!line.statement.resources.is_empty())
                .then(|| self.patterns(line, &line.statement.resources))
        };
        let patterns: Vec<Vec<String>> = lines.iter().filter_map(named).collect();
        self.parts.resources.iter().all(|space| {
            let here = std::slice::from_ref(space);
            patterns.iter().any(|patterns| disjoint(patterns, here)) || !acts_on(on(space))
        })
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
}
