//! Data paths and confused deputies (grades C and D): data that crosses by way of a resource which both sides use, and grants that a
//! service or a third party can be talked into using for somebody else (the confused deputy).
//!
//! A grant to a service is judged by what it lets in, not by which keys it names: the service is asked to act for an
//! account that nobody here knows, and for each account that the grant names.
//!
//! Source: IAM User Guide, "The confused deputy problem".

use std::collections::{BTreeMap, BTreeSet};

use super::compare::SideResult;
use super::crossing::{Asked, PathStep, StepSource, StepTarget, answer, asked, home, service_of};
use super::paths::{Origin, StepEdge, account_of, origins_of};
use super::report::{grant, granted_by};
use super::section::{Grade, Grant};
use crate::access::{AccessModel, AccountNode, NamedPolicy, ResourceType};
use crate::iam::symbolic::{Domain, SymbolicAnswer, Texts};
use crate::iam::{Condition, Effect, PrincipalType, Statement, Test, passing};
use crate::ids::{Handle, Partition};

/// Keys by which a grant to a service says for whom the service may use it.
const SOURCES: [&str; 4] =
    ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Keys that requests of services alone carry, or that tell services from everybody else: beside those, what says which
/// service it is.
const OF_SERVICES: [&str; 2] = ["aws:principalisawsservice", SERVICE_NAME];

const SERVICE_NAME: &str = "aws:principalservicename";

/// How policies name an origin access identity of CloudFront.
const ORIGIN_ACCESS_IDENTITY: &str = ":iam::cloudfront:user/";

/// A path without a request of its own: data that passes through a shared resource, or a deputy that does not ask for whom it acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndirectPath {
    /// Where it starts.
    pub from: Origin,
    /// The environment that it enters.
    pub to: String,
    /// The account that it enters.
    pub to_account: Handle,
    /// [`Grade::DataPath`] or [`Grade::ConfusedDeputy`].
    pub grade: Grade,
    /// Who uses it: an ARN, a service, an account.
    pub principal: String,
    /// What is used: the ARN of a role or a resource.
    pub resource: String,
    /// What it is, for people.
    pub text: String,
    /// Objects whose policies make it possible.
    pub addresses: Vec<String>,
}

/// Indirect paths, in order, each with the statements that make it possible. A statement that bears another name than
/// before makes no other path.
pub type IndirectPaths = BTreeMap<IndirectPath, BTreeSet<Grant>>;

/// All indirect paths of one side.
#[must_use]
pub fn indirect_paths(model: &AccessModel, result: &SideResult) -> IndirectPaths {
    let mut found = deputies(model);
    found.extend(shared_resources(model, result));
    found
}

/// Grants to services and third parties that do not say for whom.
fn deputies(model: &AccessModel) -> IndirectPaths {
    let trusts = model
        .principals
        .values()
        .filter_map(|p| Some((&p.arn, &p.account, &p.label, p.trust.as_ref()?, true)));
    let resources = model.resource_policies();
    let resources = resources.map(|(r, policy)| (&r.arn, &r.account, &r.label, policy, false));
    let mut found = IndirectPaths::new();
    for (arn, account, label, rule, is_trust) in trusts.chain(resources) {
        // AWS writes the trust of service-linked roles, and nobody else can change it.
        if arn.contains(":role/aws-service-role/") {
            continue;
        }
        let Some(node) = model.accounts.get(account) else { continue };
        let target = if is_trust {
            StepTarget::Role(arn.clone())
        } else {
            StepTarget::Resource(arn.clone())
        };
        let unguarded = unguarded(model, rule, &target, &node.environments);
        for ((from, principal, text), statements) in unguarded {
            let grants = statements.iter().filter_map(|at| grant(model, rule, *at));
            let grants: BTreeSet<Grant> = grants.collect();
            for to in &node.environments {
                let path = IndirectPath {
                    from: from.clone(),
                    to: to.clone(),
                    to_account: account.clone(),
                    grade: Grade::ConfusedDeputy,
                    principal: principal.clone(),
                    resource: arn.clone(),
                    text: format!("`{label}` lets in `{principal}` {text}"),
                    addresses: vec![label.clone()],
                };
                found.entry(path).or_default().extend(grants.iter().cloned());
            }
        }
    }
    found
}

/// Who can be talked into using a policy: for whom, by what name, and what is missing.
type Unguarded = (Origin, String, String);

/// Principals of a policy that can be talked into using it, with the numbers of the statements that let them in.
fn unguarded(
    model: &AccessModel,
    rule: &NamedPolicy,
    target: &StepTarget,
    own: &BTreeSet<String>,
) -> BTreeMap<Unguarded, BTreeSet<usize>> {
    let is_trust = matches!(target, StepTarget::Role(_));
    let mut found: BTreeMap<Unguarded, BTreeSet<usize>> = BTreeMap::new();
    let mut services: BTreeMap<String, Vec<(usize, &Statement)>> = BTreeMap::new();
    let statements = rule.document.statements.iter().enumerate();
    for (at, statement) in statements.filter(|(_, s)| s.effect == Effect::Allow) {
        for name in let_in_by_condition(statement) {
            if !(is_trust && passing::runs_code_of_its_account(&name)) {
                services.entry(name).or_default().push((at, statement));
            }
        }
        for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
            let name = item.text.symbolic().into_owned();
            match kind {
                // Whoever passes a role to a service must stand in the role's own account.
                PrincipalType::Service if is_trust && passing::runs_code_of_its_account(&name) => {}
                PrincipalType::Service => {
                    services.entry(name).or_default().push((at, statement));
                }
                // CloudFront Developer Guide, "Restrict access to an Amazon S3 origin": what a distribution of that
                // identity may read, it serves to whoever asks it, and no policy says whose distribution it is.
                PrincipalType::Aws if name.contains(ORIGIN_ACCESS_IDENTITY) => {
                    let text = "and so whoever asks a distribution of that identity: what it asks of its viewers is not read";
                    let way = (Origin::External, name, text.to_owned());
                    found.entry(way).or_default().insert(at);
                }
                PrincipalType::Aws
                    if is_trust
                        && name != "*"
                        && outside_estate(model, &name)
                        && !asks(statement, &["sts:externalid"]) =>
                {
                    let text = "of another organization without asking for sts:ExternalId: its other customers may be served through it";
                    let way = (Origin::External, name, text.to_owned());
                    found.entry(way).or_default().insert(at);
                }
                _ => {}
            }
        }
    }
    // A service serves its own partition alone.
    let partition = Partition::of_arn(target.arn()).unwrap_or_default();
    for (service, statements) in services {
        let step =
            PathStep { source: StepSource::Service(service.clone()), target: target.clone() };
        let is_open = |asked: Option<Asked>, keys: Vec<(String, Domain)>| {
            let asked = asked.map(|asked| asked.knowing(keys));
            matches!(asked.map(|a| answer(None, Some(&a)).after), Some(SymbolicAnswer::Open(_)))
        };
        let serves = |keys| is_open(asked(model, &step), keys);
        // A service that acts for a resource says whose that is, so that is what a guardrail asks of which the policy does
        // not. Where the policy asks, and takes a request that does not say, that counts.
        let whose = |is_told| of_external_principals(model, partition, is_told);
        let alone = || asked(model, &step).map(Asked::without_guardrails);
        if serves(whose(true)) || (!is_open(alone(), whose(true)) && serves(whose(false))) {
            let open: BTreeSet<usize> =
                statements.iter().filter(|(_, s)| !asks(s, &SOURCES)).map(|(at, _)| *at).collect();
            let text = if !open.is_empty() {
                "whoever the service acts for: the statement asks for none of aws:SourceAccount, aws:SourceArn, aws:SourceOrgID and aws:SourceOrgPaths"
            } else {
                "for accounts that nobody here knows: its conditions on aws:SourceAccount, aws:SourceArn, aws:SourceOrgID and aws:SourceOrgPaths leave the account open"
            };
            let all = || statements.iter().map(|(at, _)| *at).collect();
            let by = if open.is_empty() { all() } else { open };
            found
                .entry((Origin::External, service.clone(), text.to_owned()))
                .or_default()
                .extend(by);
        }
        for (id, account, at) in named_accounts(model, &statements) {
            if account.environments.is_disjoint(own) && serves(of_account(model, partition, &id)) {
                let text =
                    format!("for the account `{}`, for which it may be used", account.handle);
                for from in account.environments.iter().cloned().map(Origin::Environment) {
                    found.entry((from, service.clone(), text.clone())).or_default().insert(at);
                }
            }
        }
    }
    found
}

/// The services that a statement lets in which names everybody and asks for what only services have: by the names that it
/// asks for, or those in the ARNs of their sources; any service where neither says which.
fn let_in_by_condition(statement: &Statement) -> BTreeSet<String> {
    let everyone = statement.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone);
    let asked = statement.conditions.iter().filter(|condition| {
        let key = condition.key.to_ascii_lowercase();
        let known = SOURCES.into_iter().chain(OF_SERVICES).any(|of_service| of_service == key);
        let operator = condition.operator;
        known && !operator.if_exists && !operator.test.negated() && operator.test != Test::Null
    });
    let asked: Vec<&Condition> = asked.collect();
    if !everyone || asked.is_empty() {
        return BTreeSet::new();
    }
    let values = |key: &str| -> Vec<String> {
        let own = asked.iter().filter(|c| c.key.eq_ignore_ascii_case(key));
        own.flat_map(|c| &c.values).map(|item| item.text.symbolic().into_owned()).collect()
    };
    let is_plain = |text: &String| !text.is_empty() && !text.contains(['*', '?', '$']);
    let mut found: BTreeSet<String> = values(SERVICE_NAME).into_iter().filter(is_plain).collect();
    if found.is_empty() {
        let sources = values("aws:sourcearn");
        let named = sources.iter().filter_map(|arn| service_of(arn)).map(str::to_owned);
        found.extend(named.filter(is_plain).map(|service| format!("{service}.amazonaws.com")));
    }
    if found.is_empty() {
        found.insert("any AWS service".to_owned());
    }
    found
}

/// The source of a service's request, where that is somebody in an account that is not known. What has no account
/// in its ARN (a bucket) is known by its name. Where it is told, the request says whose account that is.
fn of_external_principals(
    model: &AccessModel,
    partition: Partition,
    is_told: bool,
) -> Vec<(String, Domain)> {
    let ids = || model.accounts.values().map(|a| &a.id).chain(model.members.keys());
    let known = ids().cloned().collect();
    let arns = ids().map(|id| format!("arn:*:*:*:{id}:*")).chain(["arn:*:*:::*".to_owned()]);
    let ours = model.organization.iter().map(|o| o.id.clone());
    let paths = model.organization.iter().map(|o| format!("{}/*", o.id));
    let mut keys = sources(partition, known, arns.collect(), ours.collect(), paths.collect());
    for (key, domain) in &mut keys {
        if let (true, Domain::Texts(texts)) = (is_told && key == "aws:sourceaccount", domain) {
            texts.absent = false;
        }
    }
    keys
}

fn sources(
    partition: Partition,
    accounts: Vec<String>,
    arns: Vec<String>,
    organizations: Vec<String>,
    paths: Vec<String>,
) -> Vec<(String, Domain)> {
    let texts = |key: &str, prefix: &str, except: Vec<String>| {
        let texts = Texts { prefixes: vec![prefix.to_owned()], except, absent: true };
        (key.to_owned(), Domain::Texts(texts))
    };
    vec![
        texts("aws:sourceaccount", "", accounts),
        texts("aws:sourcearn", &format!("arn:{partition}:"), arns),
        texts("aws:sourceorgid", "o-", organizations),
        texts("aws:sourceorgpaths", "o-", paths),
    ]
}

/// The same where that is somebody in this account.
fn of_account(model: &AccessModel, partition: Partition, id: &str) -> Vec<(String, Domain)> {
    let others = model.accounts.values().map(|a| &a.id).chain(model.members.keys());
    let others = others.filter(|other| *other != id).map(|other| format!("arn:*:*:*:{other}:*"));
    let arns = others.chain(["arn:*:*:::*".to_owned()]).collect();
    let mut keys = sources(partition, Vec::new(), arns, Vec::new(), Vec::new());
    let account = Domain::These(vec![Some(id.into())]);
    keys.retain(|(key, _)| key != "aws:sourceaccount");
    keys.push(("aws:sourceaccount".to_owned(), account));
    keys
}

/// Accounts of the estate that statements name as the source of a service's requests, with the number of the statement.
fn named_accounts<'m>(
    model: &'m AccessModel,
    statements: &[(usize, &Statement)],
) -> Vec<(String, &'m AccountNode, usize)> {
    let mut found = BTreeMap::new();
    for (at, statement) in statements {
        let sources = statement.conditions.iter().filter(|c| {
            matches!(c.key.to_ascii_lowercase().as_str(), "aws:sourceaccount" | "aws:sourcearn")
        });
        for value in sources.flat_map(|c| &c.values) {
            let text = value.text.symbolic();
            let id = match text.strip_prefix("arn:") {
                Some(_) => text.split(':').nth(4).unwrap_or_default(),
                None => &text,
            };
            let account = model.account_by_id.get(id).and_then(|h| model.accounts.get(h));
            if let Some(account) = account {
                found.insert((id.to_owned(), *at), account);
            }
        }
    }
    found.into_iter().map(|((id, at), account)| (id, account, at)).collect()
}

fn asks(statement: &Statement, keys: &[&str]) -> bool {
    statement.conditions.iter().any(|c| keys.contains(&c.key.to_ascii_lowercase().as_str()))
}

/// Whether a named principal lies in an account of neither the estate nor its organization.
fn outside_estate(model: &AccessModel, name: &str) -> bool {
    let account = match name.strip_prefix("arn:") {
        Some(_) => name.split(':').nth(4).unwrap_or_default(),
        None => name,
    };
    let declared = model.account_by_id.contains_key(account);
    account.len() == 12 && !declared && !model.members.contains_key(account)
}

/// Resources into which one environment writes and out of which another one reads.
fn shared_resources(model: &AccessModel, result: &SideResult) -> IndirectPaths {
    let mut writers: BTreeMap<&str, BTreeMap<Origin, &PathStep>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&StepEdge>> = BTreeMap::new();
    for edge in result.edges.values() {
        let (StepTarget::Resource(resource), Some(own)) =
            (&edge.step.target, home(model, &edge.step.source))
        else {
            continue;
        };
        let Some(kind) = model.resources.get(resource).map(|node| node.kind) else {
            continue;
        };
        if kind.writes.iter().any(|action| permits(model, edge, action)) {
            for origin in origins_of(model, own) {
                writers.entry(resource).or_default().entry(origin).or_insert(&edge.step);
            }
        }
        if kind.reads.iter().any(|action| permits(model, edge, action)) {
            readers.entry(resource).or_default().push(edge);
        }
    }
    let mut found = IndirectPaths::new();
    for (resource, edges) in readers {
        for edge in edges {
            let step = &edge.step;
            let grants = granting(model, edge);
            let Some(own) = home(model, &step.source) else { continue };
            let Some(reader) = model.accounts.get(own) else { continue };
            let owner = account_of(model, &step.target).map(|a| origins_of(model, &a));
            let mut origins: BTreeSet<Origin> =
                writers.get(resource).into_iter().flat_map(|w| w.keys().cloned()).collect();
            origins.extend(owner.into_iter().flatten());
            let StepSource::Principal(arn) = &step.source else { continue };
            for to in &reader.environments {
                for from in origins.iter().filter(|o| **o != Origin::Environment(to.clone())) {
                    let path = IndirectPath {
                        from: from.clone(),
                        to: to.clone(),
                        to_account: own.clone(),
                        grade: Grade::DataPath,
                        principal: arn.clone(),
                        resource: resource.to_owned(),
                        text: format!(
                            "data of {} reaches {to} by way of `{resource}`: `{arn}` may read it",
                            from.name()
                        ),
                        addresses: model
                            .resources
                            .get(resource)
                            .map(|node| node.label.clone())
                            .into_iter()
                            .collect(),
                    };
                    found.entry(path).or_default().extend(grants.iter().cloned());
                }
            }
        }
    }
    found
}

/// The statements by which the target of a step lets in, or where it has none the source's own: never those of others
/// that limit both, such as a boundary.
fn granting(model: &AccessModel, edge: &StepEdge) -> BTreeSet<Grant> {
    let all: Vec<Grant> = edge.openings.iter().flat_map(|o| granted_by(o, model)).collect();
    let target = model.resources.get(edge.step.target.arn()).map(|node| &node.label);
    let source = model.principals.get(edge.step.source.name()).map(|p| &p.label);
    let of = |label: Option<&String>| -> BTreeSet<Grant> {
        all.iter().filter(|grant| Some(&grant.address) == label).cloned().collect()
    };
    let of_target = of(target);
    if of_target.is_empty() { of(source) } else { of_target }
}

/// Whether an open step permits that action, as its witnesses stand.
fn permits(model: &AccessModel, edge: &StepEdge, action: &str) -> bool {
    let Some(asked) = asked(model, &edge.step) else { return false };
    edge.openings.iter().any(|opening| {
        let mut request = opening.witness.clone();
        action.clone_into(&mut request.action);
        // Data lies in what a resource holds, where its type holds anything, else in itself.
        let kind = ResourceType::of_arn(&request.resource);
        let separator = kind.and_then(|kind| kind.contents);
        separator.is_none_or(|separator| request.resource.contains(separator))
            && asked.judge(&request).is_allowed()
    })
}
