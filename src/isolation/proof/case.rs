//! The checker: whether a claim about a closed step is true, by the judge on one request and by comparing
//! texts. It searches nothing but the statements themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::crossing::{Parts, PathStep, StepSource};
use super::{Dead, Killed};
use crate::iam::matching::{Pattern, Wildcards, completed};
use crate::iam::symbolic::{Domain, Space};
use crate::iam::{
    ActionId, Condition, ContextValue, Document, Effect, Item, Policies, Policy, Principal,
    Principals, Request, SetPrefix, Statement, Test, Version, catalogue, evaluate,
};
use crate::ids::Partition;

/// The policies of one layer that a step has to pass.
struct Layer<'a> {
    name: String,
    /// Name and document; `None` for a policy whose document is not known.
    policies: Vec<(&'a str, Option<&'a Document>)>,
    /// Whether its statements name principals.
    resource_side: bool,
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
        let layer = |name: &str, policies: Vec<(&'a str, Option<&'a Document>)>, resource_side| {
            Layer { name: name.to_owned(), policies, resource_side }
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
    pub(super) fn explain(&self) -> Option<Killed> {
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
    pub(super) fn check(&self, claim: &Killed) -> bool {
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
            Dead::Action => {
                let all = statement.actions.iter().map(lower);
                all.clone().all(|action| self.parts.refused.contains(&action))
                    || disjoint(
                        &statement
                            .actions
                            .iter()
                            .filter(|item| !self.parts.refused.contains(&lower(item)))
                            .cloned()
                            .collect::<Vec<Item>>(),
                        self.parts.actions,
                        true,
                    )
            }
            Dead::Resource if !statement.not_resources.is_empty() => {
                self.parts.resources.iter().all(|space| {
                    let mut items = statement.not_resources.iter();
                    items.any(|item| covers(&completed(&item.text.symbolic()), space))
                })
            }
            Dead::Resource => {
                !statement.resources.is_empty()
                    && (disjoint(&statement.resources, self.parts.resources, false)
                        || self.acts_on_nothing(statement))
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

    /// Whether the actions of a statement about S3 act on nothing that its resources name: an action on objects does not act
    /// on a bucket, nor the other way round (Service Authorization Reference, "Actions defined by Amazon S3").
    fn acts_on_nothing(&self, statement: &Statement) -> bool {
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
        self.parts.resources.iter().all(|space| {
            disjoint(&statement.resources, std::slice::from_ref(space), false)
                || !acts_on(on(space))
        })
    }

    /// Whether a statement surely denies all of the step, or all of it that `allowed` allows.
    fn denies(&self, denial: &Statement, named: bool, allowed: Option<&Statement>) -> bool {
        let texts = |items: &[Item]| -> Vec<String> {
            items.iter().map(|item| completed(&item.text.symbolic()).into_owned()).collect()
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
        Self::passes(self.parts.request.clone(), bare, "000000000002").0
    }

    /// What a condition is for every request of this step; `None` where it may be either.
    fn constant(&self, condition: &Condition) -> Option<bool> {
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
        if let (Some(domain), false) =
            (self.parts.domains.get(&key), self.parts.never.contains(&key))
        {
            return self.constant_within(condition, domain);
        }
        // The owner of what is asked for, which is one of S3's own keys too.
        let settled = FOLLOWS.contains(&key.as_str())
            || self.parts.never.contains(&key)
            || self.parts.request.context.get(&key).is_some();
        let plain = condition.values.iter().all(|v| !v.text.symbolic().contains("${"));
        if !settled || !plain {
            return None;
        }
        self.holds(condition, None)
    }

    /// The same where the key is open, and it is known what it may be.
    fn constant_within(&self, condition: &Condition, domain: &Domain) -> Option<bool> {
        if condition.values.iter().any(|v| v.text.symbolic().contains("${")) {
            return None;
        }
        let texts = match domain {
            Domain::These(all) => {
                let mut told = all.iter().map(|value| self.holds(condition, Some(value)));
                let first = told.next().flatten()?;
                return told.all(|holds| holds == Some(first)).then_some(first);
            }
            Domain::Texts(texts) => texts,
        };
        let operator = condition.operator;
        let patterns = matches!(
            operator.test.positive(),
            Test::StringEquals | Test::StringLike | Test::ArnEquals | Test::ArnLike
        );
        let spaces: Vec<Space> = texts.prefixes.iter().cloned().map(Space::Below).collect();
        let outside = |item: &Item| {
            let text = item.text.symbolic();
            let excepted = |pattern: &String| *pattern == text || spans(pattern, &text);
            texts.except.iter().any(excepted)
                || disjoint(std::slice::from_ref(item), &spaces, false)
        };
        if !patterns || !condition.values.iter().all(outside) {
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
    fn passes(mut request: Request, statement: Statement, account: &str) -> (bool, bool) {
        let document = Document { version: Some(Version::V2012), ..Document::new([statement]) };
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

fn home_of(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Arn(arn) => arn.split(':').nth(4).map(str::to_owned),
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
        let text = item.text.symbolic();
        let pattern = if fold { lower(item) } else { completed(&text).into_owned() };
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::collections::BTreeSet;

    use super::*;
    use crate::access::PART;
    use crate::isolation::crossing::StepTarget;

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
            crate::access::NamedPolicy {
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
        let (rules, never, domains) = ([trust, identity], BTreeSet::new(), BTreeMap::new());
        let (actions, resources) =
            ([Space::One("sts:AssumeRole".to_owned())], [Space::One(role.to_owned())]);
        let parts = Parts {
            request: &request,
            policies: &policies,
            rules: &rules,
            actions: &actions,
            resources: &resources,
            never: &never,
            always: &BTreeSet::new(),
            domains: &domains,
            refused: &BTreeSet::new(),
        };
        let step = PathStep {
            source: StepSource::Principal("arn:aws:iam::111111111111:role/ci".to_owned()),
            target: StepTarget::Role(role.to_owned()),
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
