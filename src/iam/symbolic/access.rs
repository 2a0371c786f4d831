//! Does a policy permit what another one did not? What IAM Access Analyzer calls
//! `CheckNoNewAccess`, offline and with a request as evidence.
//!
//! The policy stands alone: an identity policy as if nothing else limited its principal, a
//! resource policy as if every caller's own side allowed everything, an SCP as if every identity
//! policy did. Access to some resources (roles, KMS keys) always takes their own policy: for these, the
//! comparison assumes a resource policy that allows everyone. Context keys are independent of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::ask::ask_both;
use super::globs::{Glob, regions};
use super::keys::DERIVED;
use super::opening::Opening;
use super::question::{Caps, Question, Space};
use super::subsumption::permits_no_more;
use crate::iam::catalogue::{ActionId, catalogue};
use crate::iam::document::{Document, Effect, Item, PrincipalType, Principals, Statement};
use crate::iam::eval::{ChainLevel, Policies, evaluate};
use crate::iam::policy::Policy;
use crate::iam::request::{Principal, Request};
use crate::ids::Partition;

/// What the policies are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// A role, user or group.
    Identity,
    /// A resource; trust policies too.
    Resource,
    /// A root, unit or account, as a service control policy.
    ServiceControl,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonResult {
    /// Proved: whatever the new policy permits, the old one permitted.
    NoNewAccess,
    /// The new policy permits a request that the old one did not.
    NewAccess,
    /// Neither could be shown.
    Undetermined,
}

/// A request that one of the policies permits and the other does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Who asks; `any principal` where the policy names none.
    pub principal: String,
    /// The action.
    pub action: String,
    /// How many further actions of the catalogue both policies treat alike.
    pub actions_alike: usize,
    /// The resource.
    pub resource: String,
    /// Context keys of the request.
    pub context: BTreeMap<String, Vec<String>>,
    /// What the request needs from its context.
    pub conditions: Vec<String>,
    /// Statements that permit it in the one policy: their sid, or index.
    pub permitted_by: Vec<String>,
    /// Statements that deny it in the other; empty when nothing there allows it.
    pub denied_by: Vec<String>,
}

/// The comparison of two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessComparison {
    /// What they are attached to.
    pub kind: PolicyKind,
    /// The outcome.
    pub verdict: ComparisonResult,
    /// What only the new policy permits.
    pub gained: Vec<Access>,
    /// What only the old policy permitted.
    pub lost: Vec<Access>,
    /// Why the outcome is not certain, where it is not.
    pub why_undetermined: Vec<String>,
}

/// Of the keys that follow from a request ([`DERIVED`]), the ones that stay open for any principal of one account ...
const OF_ACCOUNT: [&str; 4] =
    ["aws:principalarn", "aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid"];

/// ... for one principal by name ...
const OF_ORGANIZATION: [&str; 3] =
    ["aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid"];

/// ... and for services, providers and anonymous callers.
const OF_RESOURCE: [&str; 2] = ["aws:resourceaccount", "aws:resourceorgid"];

/// An account that no policy names: AWS gives out ids from 1 on.
const NOBODY: &str = "000000000000";

/// How many statements are looked at in all, over all questions. The largest policies that AWS takes need a
/// hundredth of it; what would need more is left undetermined instead of taking hours.
const MOST_WORK: usize = 1_000_000;

/// Compares two policies of one kind.
#[must_use]
pub fn compare(old: &Document, new: &Document, kind: PolicyKind) -> AccessComparison {
    let mut found = AccessComparison {
        kind,
        verdict: ComparisonResult::NoNewAccess,
        gained: Vec::new(),
        lost: Vec::new(),
        why_undetermined: Vec::new(),
    };
    let (before, after) = (policies(old, kind), policies(new, kind));
    let open = (with_open_resource(before.clone()), with_open_resource(after.clone()));
    let subjects = subjects(old, new, kind, &mut found.why_undetermined);
    // What a trust policy permits, it permits on its role: no statement tells resources apart.
    let mut statements = old.statements.iter().chain(&new.statements);
    let resources = match statements.any(|s| !s.resources.is_empty() || !s.not_resources.is_empty())
    {
        true => vec![Space::One("*".to_owned()), Space::Below("arn:".to_owned())],
        false => vec![Space::One("*".to_owned())],
    };
    let mut work = 0_usize;
    let mut cut = false;
    for action in actions(old, new, &mut found.why_undetermined) {
        // Even to find the statements that concern an action, all of them are looked at.
        work = work.saturating_add((old.statements.len() + new.statements.len()) / 16);
        if work > MOST_WORK {
            cut = true;
            break;
        }
        let (was, is) = (concerning(old, &action.name), concerning(new, &action.name));
        if was.statements == is.statements && was.version() == is.version() {
            continue;
        }
        let known = (found.gained.len(), found.lost.len());
        for subject in &subjects {
            // The other subject has found a difference for this action already.
            let is_reported = known != (found.gained.len(), found.lost.len());
            if subject.has_open_resource && is_reported {
                continue;
            }
            let looked_at = was.statements.len() + is.statements.len() + 1;
            work = work.saturating_add(looked_at.saturating_mul(looked_at));
            if work > MOST_WORK {
                cut = true;
                break;
            }
            let question = |policies, document| Question {
                request: subject.request.clone(),
                policies,
                documents: vec![document],
                actions: vec![Space::One(action.name.clone())],
                resources: resources.clone(),
                never: BTreeSet::new(),
                free: subject.free.clone(),
                domains: BTreeMap::new(),
                optional: BTreeSet::new(),
                always: BTreeSet::new(),
                chosen: BTreeSet::new(),
                refused: BTreeSet::new(),
                beside: Vec::new(),
            };
            let (before, after) = match subject.has_open_resource {
                true => (&open.0, &open.1),
                false => (&before, &after),
            };
            let sides = (question(before, &was), question(after, &is));
            let answers = ask_both(Some(&sides.0), Some(&sides.1), Caps::default());
            found.why_undetermined.extend(answers.inexact);
            for (openings, here, there, into) in [
                (&answers.gained, after, before, &mut found.gained),
                (&answers.lost, before, after, &mut found.lost),
            ] {
                for opening in openings {
                    match access(opening, subject, &action, here, there) {
                        Some(access) => into.push(access),
                        None => found
                            .why_undetermined
                            .push(format!("a witness for `{}` could not be replayed", action.name)),
                    }
                }
            }
        }
    }
    if cut {
        found.why_undetermined.push(format!(
            "the policies are so large that not every request was compared: {} and {} statements, {} principals",
            old.statements.len(),
            new.statements.len(),
            subjects.len()
        ));
    }
    let size = |document: &Document| {
        let all = document.statements.iter();
        all.map(|s| s.actions.len().max(1) * s.resources.len().max(1)).sum::<usize>()
    };
    let few = size(old).saturating_mul(size(new)) <= MOST_WORK;
    if found.gained.is_empty() && few && permits_no_more(old, new) {
        found.why_undetermined.clear();
    }
    found.why_undetermined.sort();
    found.why_undetermined.dedup();
    found.verdict = match (found.gained.is_empty(), found.why_undetermined.is_empty()) {
        (false, _) => ComparisonResult::NewAccess,
        (true, false) => ComparisonResult::Undetermined,
        (true, true) => ComparisonResult::NoNewAccess,
    };
    found
}

fn everything() -> Arc<Policy> {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    Arc::new(Policy::new("everything", &Document::new([statement])))
}

fn policies(document: &Document, kind: PolicyKind) -> Policies {
    let policy = Arc::new(Policy::new("policy", document));
    match kind {
        PolicyKind::Identity => Policies { identity: vec![policy], ..Policies::default() },
        PolicyKind::Resource => {
            Policies { identity: vec![everything()], resource: Some(policy), ..Policies::default() }
        }
        PolicyKind::ServiceControl => Policies {
            identity: vec![everything()],
            service_control: vec![ChainLevel { target: "root".to_owned(), policies: vec![policy] }],
            ..Policies::default()
        },
    }
}

/// The same for a resource whose own policy allows everyone.
fn with_open_resource(policies: Policies) -> Policies {
    let mut statement = Statement::new(Effect::Allow);
    statement.principals = Some(Principals::All);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    let open = Policy::new("everybody", &Document::new([statement]));
    Policies { resource: Some(Arc::new(open)), ..policies }
}

/// Somebody that the policies may treat unlike everybody else.
struct Subject {
    name: String,
    request: Request,
    free: BTreeSet<String>,
    /// Whether the resource is in another account and its policy allows everyone, so that only the compared policy decides.
    has_open_resource: bool,
}

impl Subject {
    fn new(name: impl Into<String>, principal: Principal, free: &[&str]) -> Self {
        let mut request = Request::new(principal, "", "");
        request.resource_account = Some("000000000001".to_owned());
        let free = free.iter().map(|key| (*key).to_owned()).collect();
        Self { name: name.into(), request, free, has_open_resource: false }
    }
}

/// The principals to ask for: nobody in particular, and everyone that a resource policy names.
fn subjects(
    old: &Document,
    new: &Document,
    kind: PolicyKind,
    why_undetermined: &mut Vec<String>,
) -> Vec<Subject> {
    let partition = partition_of(old, new);
    let role = |account: &str, name: &str| {
        Principal::Arn(format!("arn:{partition}:sts::{account}:assumed-role/{name}/session"))
    };
    if kind != PolicyKind::Resource {
        let mut any = Subject::new(
            "any principal",
            Principal::Arn(format!("arn:{partition}:iam::000000000001:user/any")),
            &DERIVED,
        );
        any.request.resource_account = Some("000000000001".to_owned());
        let mut across = Subject::new("any principal", any.request.principal.clone(), &DERIVED);
        across.request.resource_account = Some("000000000002".to_owned());
        across.has_open_resource = true;
        return vec![any, across];
    }
    let mut found = vec![
        Subject::new("anonymous", Principal::Anonymous, &OF_RESOURCE),
        Subject::new("any principal", role(NOBODY, "any"), &DERIVED),
    ];
    let mut named: BTreeSet<(PrincipalType, String)> = BTreeSet::new();
    for statement in old.statements.iter().chain(&new.statements) {
        let both = statement.principals.iter().chain(&statement.not_principals);
        named.extend(
            both.flat_map(|p| p.items())
                .map(|(kind, item)| (kind, item.text.symbolic().into_owned())),
        );
    }
    let mut accounts = BTreeSet::new();
    for (kind, text) in &named {
        match kind {
            PrincipalType::Aws if text == "*" => {}
            PrincipalType::Aws if !text.starts_with("arn:") || text.ends_with(":root") => {
                let account = text.split(':').nth(4).unwrap_or(text);
                if crate::iam::values::is_account_id(account) {
                    accounts.insert(account.to_owned());
                } else {
                    why_undetermined.push(format!(
                        "`{text}` names a principal by an id that nobody can resolve"
                    ));
                }
            }
            PrincipalType::Aws => {
                let account = text.split(':').nth(4).unwrap_or_default();
                accounts.insert(account.to_owned());
                let principal = match text.split_once(":role/") {
                    Some((_, path)) => role(account, path.rsplit('/').next().unwrap_or(path)),
                    None => Principal::Arn(text.clone()),
                };
                let mut subject = Subject::new(text.clone(), principal, &OF_ORGANIZATION);
                if text.contains(":role/") {
                    subject.request.context.set("aws:PrincipalArn", text.as_str());
                }
                found.push(subject);
            }
            PrincipalType::Service => {
                let principal = Principal::Service(text.clone());
                found.push(Subject::new(text.clone(), principal, &OF_RESOURCE));
            }
            PrincipalType::Federated => {
                let principal = Principal::Federated(text.clone());
                found.push(Subject::new(text.clone(), principal, &OF_RESOURCE));
            }
            PrincipalType::CanonicalUser => {
                why_undetermined
                    .push(format!("the canonical user `{text}` cannot be compared with a caller"));
            }
        }
    }
    for account in accounts {
        let name = format!("any principal of {account}");
        found.push(Subject::new(name, role(&account, "any"), &OF_ACCOUNT));
    }
    found
}

/// The partition that the policies are written for: that of the first ARN in them, as no policy names
/// principals or resources of two.
fn partition_of(old: &Document, new: &Document) -> Partition {
    let arns = new.statements.iter().chain(&old.statements).flat_map(|s| {
        let principals = s.principals.iter().chain(&s.not_principals).flat_map(|p| p.items());
        let resources = s.resources.iter().chain(&s.not_resources);
        let values = s.conditions.iter().flat_map(|c| &c.values);
        principals.map(|(_, item)| item).chain(resources).chain(values)
    });
    let mut partitions = arns.filter_map(|item| Partition::of_arn(&item.text.symbolic()));
    partitions.next().unwrap_or_default()
}

/// Actions that every pattern of both policies treats alike, by one of them.
struct Class {
    name: String,
    alike: usize,
    /// Those that the catalogue knows.
    known: Vec<ActionId>,
}

impl Class {
    /// One of the actions that acts on a resource, as its service describes it: a request that a reader can
    /// recognize. No statement tells it from the others.
    fn acting_on(&self, resource: &str) -> Option<String> {
        // The name of a bucket has no slash, so the pattern of buckets fits no object.
        let slashes = |text: &str| text.matches('/').count();
        let fits = |id: &&ActionId| {
            let mut globs = catalogue().resource_types(**id).map(|kind| kind.glob());
            globs.any(|glob| {
                slashes(&glob) == slashes(resource) && Glob::like(&glob).matches(resource)
            })
        };
        catalogue().full_name(*self.known.iter().find(fits)?)
    }
}

fn actions(old: &Document, new: &Document, why_undetermined: &mut Vec<String>) -> Vec<Class> {
    let mut patterns: BTreeSet<String> = BTreeSet::new();
    for statement in old.statements.iter().chain(&new.statements) {
        let items = statement.actions.iter().chain(&statement.not_actions);
        patterns.extend(items.map(|item| item.text.symbolic().to_ascii_lowercase()));
    }
    let sets: Vec<_> = patterns.iter().map(|pattern| catalogue().expand(pattern)).collect();
    let mut classes: BTreeMap<Vec<bool>, Class> = BTreeMap::new();
    for service in 0..catalogue().services().len() {
        let Ok(service) = u32::try_from(service) else { continue };
        for id in catalogue().actions_of(crate::iam::ServiceId(service)) {
            let vector: Vec<bool> = sets.iter().map(|set| set.contains(id)).collect();
            let Some(name) = catalogue().full_name(id) else { continue };
            classes
                .entry(vector)
                .and_modify(|class| {
                    class.alike += 1;
                    class.known.push(id);
                })
                .or_insert(Class { name, alike: 0, known: vec![id] });
        }
    }
    // Actions that the catalogue does not know yet: per service, over its own patterns.
    let globs: Vec<Glob> = patterns.iter().map(|pattern| Glob::like(pattern)).collect();
    let services: BTreeSet<&str> = patterns
        .iter()
        .filter_map(|pattern| pattern.split_once(':'))
        .map(|(service, _)| service)
        .filter(|service| !service.contains(['*', '?']))
        .collect();
    for service in services.into_iter().chain(["unknown-service"]) {
        let prefix = format!("{service}:");
        let bearing: Vec<Glob> = patterns
            .iter()
            .filter(|p| {
                p.starts_with(&prefix) || p.split(':').next().is_none_or(|s| s.contains(['*', '?']))
            })
            .map(|pattern| Glob::like(pattern))
            .collect();
        match regions(&bearing, &prefix, true, Caps::default().states) {
            Ok(texts) => {
                for text in texts {
                    let vector: Vec<bool> = globs.iter().map(|glob| glob.matches(&text)).collect();
                    classes.entry(vector).or_insert(Class {
                        name: text,
                        alike: 0,
                        known: Vec::new(),
                    });
                }
            }
            Err(_) => why_undetermined.push(format!(
                "the patterns for `{service}` cut its actions into too many classes"
            )),
        }
    }
    classes.into_values().collect()
}

/// The statements that an action can match.
fn concerning(document: &Document, action: &str) -> Document {
    let action = action.to_ascii_lowercase();
    let mut part = document.clone();
    part.statements.retain(|statement| super::question::concerns(statement, &action));
    part
}

fn access(
    opening: &Opening,
    subject: &Subject,
    action: &Class,
    here: &Policies,
    there: &Policies,
) -> Option<Access> {
    let judged = |witness: &Request| {
        let (permits, refuses) = (evaluate(witness, here), evaluate(witness, there));
        (permits.is_allowed() && !refuses.is_allowed()).then_some((permits, refuses))
    };
    let better = action.acting_on(&opening.witness.resource).and_then(|action| {
        let witness = Request { action, ..opening.witness.clone() };
        Some((judged(&witness)?, witness))
    });
    let ((permits, refuses), witness) = match better {
        Some(found) => found,
        None => (judged(&opening.witness)?, opening.witness.clone()),
    };
    let by = |decision: &crate::iam::Decision, effect: Effect| -> Vec<String> {
        let own = decision.matched.iter().filter(|m| m.policy == "policy" && m.effect == effect);
        own.map(|m| m.statement.clone()).collect()
    };
    Some(Access {
        principal: subject.name.clone(),
        action: witness.action.clone(),
        actions_alike: action.alike,
        resource: witness.resource.clone(),
        context: witness
            .context
            .iter()
            .map(|(key, value)| (key.to_owned(), value.values().to_vec()))
            .collect(),
        conditions: opening.requirements.iter().map(|r| r.text.clone()).collect(),
        permitted_by: by(&permits, Effect::Allow),
        denied_by: by(&refuses, Effect::Deny),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::iam::Use;

    fn document(statements: Json, kind: PolicyKind) -> Document {
        let role = match kind {
            PolicyKind::Identity => Use::Identity,
            PolicyKind::Resource => Use::Resource(String::new()),
            PolicyKind::ServiceControl => Use::Scp,
        };
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        Document::from_json(&policy, role).expect("valid").0
    }

    fn compared(old: Json, new: Json, kind: PolicyKind) -> AccessComparison {
        compare(&document(old, kind), &document(new, kind), kind)
    }

    fn allow(action: &str, resource: &str) -> Json {
        json!([{"Sid": "one", "Effect": "Allow", "Action": action, "Resource": resource}])
    }

    #[test]
    fn a_wider_pattern_is_new_access_and_the_reverse_is_not() {
        let (narrow, wide) =
            (allow("s3:Get*", "arn:aws:s3:::a/*"), allow("s3:*", "arn:aws:s3:::a/*"));
        let found = compared(narrow.clone(), wide.clone(), PolicyKind::Identity);
        assert_eq!(found.verdict, ComparisonResult::NewAccess);
        assert!(found.lost.is_empty());
        assert!(found.gained.iter().all(|a| !a.action.starts_with("s3:Get")), "{:?}", found.gained);
        assert_eq!(found.gained[0].permitted_by, ["one"]);
        assert!(found.gained.iter().any(|a| a.actions_alike > 50), "{:?}", found.gained);
        let back = compared(wide, narrow, PolicyKind::Identity);
        assert_eq!(back.verdict, ComparisonResult::NoNewAccess);
        assert!(!back.lost.is_empty());
    }

    /// Access to a role or a KMS key always takes its own policy, which is not part of the comparison.
    #[test]
    fn removing_a_denial_over_roles_or_keys_is_new_access() {
        for (action, resource) in [
            ("sts:AssumeRole", "arn:aws:iam::222222222222:role/*"),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:222222222222:key/*"),
        ] {
            let all = json!({"Sid": "all", "Effect": "Allow", "Action": "*", "Resource": "*"});
            let deny =
                json!({"Sid": "no", "Effect": "Deny", "Action": action, "Resource": resource});
            for kind in [PolicyKind::Identity, PolicyKind::ServiceControl] {
                let (held, free) = (json!([all, deny]), json!([all]));
                let found = compared(held.clone(), free.clone(), kind);
                assert_eq!(found.verdict, ComparisonResult::NewAccess, "{action} {kind:?}");
                let [gained] = &found.gained[..] else { panic!("{:?}", found.gained) };
                assert_eq!(
                    (gained.action.as_str(), &gained.denied_by[..]),
                    (action, &["no".to_owned()][..])
                );
                let back = compared(free, held, kind);
                assert_eq!(back.verdict, ComparisonResult::NoNewAccess, "{action} {kind:?}");
                assert!(!back.lost.is_empty());
            }
        }
    }

    /// Of actions that no statement tells apart the one is shown that acts on what the witness names.
    #[test]
    fn an_example_fits_its_resource() {
        let found = compared(
            allow("s3:GetObject", "arn:aws:s3:::a/*"),
            allow("s3:Get*", "arn:aws:s3:::a/*"),
            PolicyKind::Identity,
        );
        let [gained] = found.gained.as_slice() else { panic!("{:?}", found.gained) };
        assert!(gained.resource.starts_with("arn:aws:s3:::a/"), "{gained:?}");
        let id = catalogue().find(&gained.action).expect("known");
        assert!(catalogue().resource_types(id).any(|kind| kind.name == "object"), "{gained:?}");
    }

    #[test]
    fn a_resource_less_is_decided_whatever_the_rest_is() {
        let all = |resources: &[String]| json!([{"Sid": "own", "Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}]);
        let home = "arn:aws:s3:::home/${aws:username}/*".to_owned();
        let buckets: Vec<String> = (0..7).map(|n| format!("arn:aws:s3:::acme-*-{n}/*")).collect();
        let folders: Vec<String> = (0..7).map(|n| format!("arn:aws:s3:::acme/*/t{n}/*")).collect();
        let homes = vec![home.clone(), "arn:aws:s3:::shared/*".to_owned()];
        for many in [buckets, folders, homes] {
            for left_out in 0..many.len() {
                let mut fewer = many.clone();
                fewer.remove(left_out);
                let less = compared(all(&many), all(&fewer), PolicyKind::Identity);
                assert_eq!(less.verdict, ComparisonResult::NoNewAccess, "{fewer:?}: {less:?}");
                let more = compared(all(&fewer), all(&many), PolicyKind::Identity);
                assert_eq!(more.verdict, ComparisonResult::NewAccess, "{fewer:?}: {more:?}");
            }
        }
        let whole = vec!["arn:aws:s3:::home/*".to_owned()];
        let own = compared(all(&whole), all(std::slice::from_ref(&home)), PolicyKind::Identity);
        assert_eq!(own.verdict, ComparisonResult::NoNewAccess, "{own:?}");
        let whole = compared(all(&[home]), all(&whole), PolicyKind::Identity);
        assert_eq!(whole.verdict, ComparisonResult::NewAccess, "{whole:?}");
    }

    #[test]
    fn the_same_in_other_words_is_no_new_access() {
        let one = json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}]);
        let other = json!([
            {"Effect": "Allow", "Action": "s3:?etObject", "Resource": "arn:aws:s3:::a/*"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
            {"Effect": "Allow", "Action": "S3:PUTOBJECT", "Resource": "arn:aws:s3:::?/*"},
            {"Effect": "Deny", "Action": "s3:PutObject", "NotResource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}]);
        let found = compared(one.clone(), other.clone(), PolicyKind::Identity);
        // `s3:?etObject` would also match an action that nobody knows yet.
        assert_eq!(found.verdict, ComparisonResult::NewAccess, "{found:?}");
        assert!(found.gained.iter().all(|a| a.action.ends_with("etobject")), "{:?}", found.gained);
        assert_eq!(compared(other, one, PolicyKind::Identity).gained, []);
    }

    #[test]
    fn a_lifted_deny_and_a_dropped_condition_are_new_access() {
        let deny = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": "leave", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}]);
        let found = compared(deny, allow("*", "*"), PolicyKind::ServiceControl);
        assert_eq!(found.gained[0].action, "organizations:LeaveOrganization");
        assert_eq!(found.gained[0].denied_by, ["leave"]);
        let conditioned = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]);
        let found = compared(conditioned.clone(), allow("s3:GetObject", "*"), PolicyKind::Identity);
        assert_eq!(found.verdict, ComparisonResult::NewAccess);
        let found = compared(allow("s3:GetObject", "*"), conditioned, PolicyKind::Identity);
        assert_eq!(found.verdict, ComparisonResult::NoNewAccess);
    }

    #[test]
    fn a_new_principal_of_a_resource_policy_is_new_access() {
        let read = |principal: Json| {
            json!([{"Sid": "read", "Effect": "Allow", "Principal": principal,
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}])
        };
        let (role, account) = ("arn:aws:iam::111122223333:role/ci", "111122223333");
        let one = read(json!({"AWS": role}));
        let whole = read(json!({"AWS": account}));
        let found = compared(one.clone(), whole.clone(), PolicyKind::Resource);
        assert_eq!(found.gained[0].principal, "any principal of 111122223333");
        assert_eq!(
            compared(whole.clone(), one, PolicyKind::Resource).verdict,
            ComparisonResult::NoNewAccess
        );
        let found = compared(whole, read(json!("*")), PolicyKind::Resource);
        assert!(found.gained.iter().any(|a| a.principal == "anonymous"), "{:?}", found.gained);
    }

    #[test]
    fn a_weakened_subject_of_a_trust_policy_is_new_access() {
        let trust = |subject: &str| {
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": subject}}}]});
            Document::from_json(&policy, Use::Trust).expect("valid").0
        };
        let found = compare(&trust("repo:acme/app:*"), &trust("repo:acme/*"), PolicyKind::Resource);
        assert_eq!(found.verdict, ComparisonResult::NewAccess, "{found:?}");
        assert_eq!(found.gained.len(), 1, "a trust names no resource to tell from others");
        let subject = &found.gained[0].context["token.actions.githubusercontent.com:sub"];
        assert!(subject[0].starts_with("repo:acme/") && !subject[0].starts_with("repo:acme/app:"));
        assert_eq!(
            compare(&trust("repo:acme/*"), &trust("repo:acme/app:*"), PolicyKind::Resource).verdict,
            ComparisonResult::NoNewAccess
        );
    }
}
