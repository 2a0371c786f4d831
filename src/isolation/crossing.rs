//! A single step as a question: which requests a source may make of a target, and which policies of which side have a say.
//!
//! Claim: where the answer is closed, no request of the step is allowed on that side. Every policy that AWS looks at is in the
//! question (the target's own, the source's with its boundary, the guardrails over both); a key is fixed only where it
//! follows from the model ([`keys`]), and whatever cannot be read makes the answer one that nobody relies on
//! ([`Asked::why_undetermined`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{
    AccessModel, AccountNode, NamedPolicy, RESOURCE_TYPES, ResourceType, UndescribedMember, levels,
};
use crate::iam::eval::OUTSIDE_RCPS;
use crate::iam::symbolic::globs::{Glob, TooMany, regions};
use crate::iam::symbolic::{Caps, Companion, Domain, Space};
use crate::iam::{ContextValue, Decision, Document, Item, Policies, Principal, Request, evaluate};
use crate::ids::Handle;

mod admitted;
mod answer;
mod guises;
mod keys;
mod lifted;
pub(super) mod mixed;
mod outsiders;
mod source;
mod step;
mod variations;

pub(super) use admitted::newcomer;
pub use answer::{answer, is_closed};
use guises::FederatedSessions;
pub use guises::GuiseFacts;
pub(super) use guises::from_the_console;
pub(super) use keys::{handing_tags_on, is_of_session, is_resource_tag};
use keys::{is_every_address, keys_of};
pub use lifted::Lift;
pub(super) use outsiders::{ANYBODY, named_in_conditions};
use source::is_role;
pub use step::{ANY_PROVIDER, PathStep, ROLES_ANYWHERE, StepSource, StepTarget};
pub(super) use variations::open_to_all;

/// Actions that a principal may have on things in its own account.
#[derive(Clone, Debug, Default)]
pub struct Right {
    /// Actions.
    pub actions: Vec<String>,
    /// What they act on.
    pub resources: Vec<Space>,
    /// The policy of that, where it has one.
    pub policy: Option<NamedPolicy>,
    /// Context that the call itself sets.
    pub context: Vec<(String, String)>,
    /// What the call may choose of its context.
    pub domains: Vec<(String, Domain)>,
    /// Keys, in lower case, that the call leaves out.
    pub absent: Vec<String>,
    /// Actions, in lower case, that it also needs on the same resource.
    pub together: Vec<&'static str>,
}

/// What a step needs to be asked: the policies of its source and target on one side.
pub struct Asked {
    request: Request,
    policies: Policies,
    documents: Vec<Arc<Document>>,
    rules: Vec<NamedPolicy>,
    actions: Vec<Space>,
    resources: Vec<Space>,
    never: BTreeSet<String>,
    domains: BTreeMap<String, Domain>,
    /// Keys, in lower case, that the caller leaves out if it likes.
    optional: BTreeSet<String>,
    /// Keys, in lower case, that every request of the caller carries.
    always: BTreeSet<String>,
    /// Keys, in lower case, whose value the caller chooses, though others cannot.
    chosen: BTreeSet<String>,
    /// Actions, in lower case, that are refused whatever policies say.
    refused: BTreeSet<String>,
    /// Actions that some requests take beside the one that is asked about.
    beside: Vec<Companion>,
    /// Further names of the principal that policies may know it by: sessions, by ARN.
    sessions: BTreeSet<String>,
    /// The names of the principal's sessions, where its trust says what these may be.
    session_names: Option<BTreeSet<String>>,
    /// What the id of a session may be where that is the caller's to name.
    any_session_id: Option<Domain>,
    /// Whether each of its sessions has a source identity, by what its trust demands.
    bears_identity: bool,
    /// Federated sessions that the principal may begin, where policies tell them from it.
    federated: Option<FederatedSessions>,
    /// The moment from which on requests are made.
    since: Option<Timestamp>,
    /// Why the answer cannot be trusted when it says closed.
    pub why_undetermined: Option<String>,
    /// Why it cannot be trusted when it says open: a bound of the principal was not read.
    unread_bound: Option<String>,
}

/// What a source is asked about: a resource, whose it is, and its own policy.
#[derive(Clone, Debug)]
pub struct TargetResource<'w> {
    /// The account that the resource is in.
    pub owner: &'w AccountNode,
    /// The resource's own policy.
    pub rule: Option<&'w NamedPolicy>,
    /// Whether `RestrictPublicBuckets` holds.
    pub restrict_public: bool,
    /// Whether the resource's policy could not be read.
    pub unreadable: bool,
    /// Actions asked about.
    pub actions: Vec<Space>,
    /// Resources asked about.
    pub resources: Vec<Space>,
}

/// Puts a step as a question to one side; `None` when source or target is not there.
#[must_use]
pub fn asked(model: &AccessModel, step: &PathStep) -> Option<Asked> {
    Some(asked_alone(model, step)?.federating(model, &step.source))
}

/// The same of a source that begins no session of its own.
pub(super) fn asked_alone(model: &AccessModel, step: &PathStep) -> Option<Asked> {
    Some(asked_at(model, &step.source, place(model, step)?)?.reaching(model, step))
}

fn place<'w>(model: &'w AccessModel, step: &PathStep) -> Option<TargetResource<'w>> {
    let (account, rule, restrict_public) = match &step.target {
        StepTarget::Role(arn) => {
            let role = model.principals.get(arn)?;
            (&role.account, role.trust.as_ref()?, false)
        }
        StepTarget::Resource(arn) => {
            let resource = model.resources.get(arn)?;
            (&resource.account, resource.document()?, resource.restrict_public)
        }
    };
    let (actions, resources) = match (&step.target, &step.source) {
        (StepTarget::Role(arn), StepSource::Federated(provider)) => {
            let all = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
            let actions = match (provider.as_str(), provider.contains(":saml-provider/")) {
                (ANY_PROVIDER, _) => &all[..],
                (_, true) => &all[..1],
                (_, false) => &all[1..],
            };
            let actions = actions.iter().map(|action| Space::One((*action).to_owned()));
            (actions.collect(), vec![Space::One(arn.clone())])
        }
        (StepTarget::Role(arn), _) => {
            (vec![Space::One("sts:AssumeRole".to_owned())], vec![Space::One(arn.clone())])
        }
        (StepTarget::Resource(arn), source) => {
            let kind = model.resources.get(arn)?.kind;
            let answered = match source {
                StepSource::Anonymous => kind.unsigned_actions,
                _ => &[],
            };
            let answered = answered.iter().map(|action| Space::One((*action).to_owned()));
            let actions: Vec<Space> = answered.collect();
            match actions.is_empty() {
                true => (all_of(kind.service), kind.spaces(arn)),
                false => (actions, kind.spaces(arn)),
            }
        }
    };
    let owner = model.accounts.get(account)?;
    let unreadable = false;
    Some(TargetResource {
        owner,
        rule: Some(rule),
        restrict_public,
        unreadable,
        actions,
        resources,
    })
}

/// Asks a source about a place; `None` when the source is not there.
#[must_use]
pub fn asked_at(
    model: &AccessModel,
    source: &StepSource,
    place: TargetResource<'_>,
) -> Option<Asked> {
    let target = place.owner;
    let mut asked = Asked {
        request: Request::new(Principal::Anonymous, "", ""),
        policies: Policies {
            resource: place.rule.map(|rule| Arc::clone(&rule.policy)),
            resource_control: levels(&target.resource_control),
            restrict_public_buckets: place.restrict_public,
            ..Policies::default()
        },
        documents: place.rule.map(|rule| Arc::clone(&rule.document)).into_iter().collect(),
        rules: place.rule.cloned().into_iter().collect(),
        actions: place.actions,
        resources: place.resources,
        never: BTreeSet::new(),
        domains: BTreeMap::new(),
        optional: BTreeSet::new(),
        always: BTreeSet::new(),
        chosen: BTreeSet::new(),
        refused: BTreeSet::new(),
        beside: Vec::new(),
        sessions: BTreeSet::new(),
        session_names: None,
        any_session_id: None,
        bears_identity: false,
        federated: None,
        since: None,
        why_undetermined: place.unreadable.then(|| "its policy could not be read".to_owned()),
        unread_bound: None,
    };
    if let Some(since) = model.since {
        asked.since = Some(since);
        asked.know_moments(since);
    }
    asked.documents.extend(documents(&target.resource_control));
    asked.rules.extend(rules_of(&target.resource_control));
    asked.request.resource_account = Some(target.id.clone());
    asked.request.resource_organization.clone_from(&target.membership);
    let services: BTreeSet<&str> =
        asked.resources.iter().filter_map(|space| service_of(space.text())).collect();
    let types: Vec<&ResourceType> =
        RESOURCE_TYPES.into_iter().filter(|of| services.contains(of.service)).collect();
    for key in types.iter().filter_map(|of| of.owner_key) {
        asked.request.context.set(key, target.id.as_str());
    }
    if account_of_source(model, source) != Some(&target.id) {
        let of_owner = types.iter().flat_map(|of| of.of_the_owner);
        asked.refused.extend(of_owner.map(|action| (*action).to_owned()));
    }
    if let Some(path) = &target.organization_path {
        asked.request.context.set("aws:ResourceOrgPaths", ContextValue::Many(vec![path.clone()]));
    }
    match source {
        StepSource::Anonymous => asked.unsigned(),
        StepSource::Federated(provider) => {
            asked.request.principal = Principal::Federated(provider.clone());
        }
        StepSource::Service(service) => {
            asked.request.principal = Principal::Service(service.clone());
        }
        StepSource::Foreign(arn) => {
            asked.foreign(model, arn);
            if let Some(member) = member_of(model, arn) {
                asked.member(member);
            } else if let Some(home) = home_of(model, arn) {
                asked.belongs_to(home);
            }
        }
        StepSource::Principal(arn) => {
            let principal = model.principals.get(arn)?;
            let home = model.accounts.get(&principal.account)?;
            asked.principal(model, principal, home);
        }
    }
    asked.carries_always(source, is_role(model, source));
    let addresses: Vec<String> = asked.compared_with("aws:sourceip").collect();
    if !addresses.is_empty() && addresses.iter().all(|range| is_every_address(range)) {
        asked.chosen.insert("aws:sourceip".to_owned());
    }
    for key in types.iter().filter_map(|of| of.caller_key) {
        asked.caller_of(key, account_of_source(model, source));
    }
    Some(asked)
}

/// The id of the account that a source acts for, where that is known.
fn account_of_source<'s>(model: &'s AccessModel, source: &'s StepSource) -> Option<&'s String> {
    match source {
        StepSource::Principal(_) => Some(&model.accounts.get(home(model, source)?)?.id),
        StepSource::Foreign(arn) => match (home_of(model, arn), member_of(model, arn)) {
            (Some(home), _) => Some(&home.id),
            (None, Some(_)) => {
                model.members.get_key_value(arn.split(':').nth(4)?).map(|(id, _)| id)
            }
            (None, None) => None,
        },
        StepSource::Federated(_) | StepSource::Service(_) | StepSource::Anonymous => None,
    }
}

/// What making something with tags takes as well (IAM User Guide, "Tags for IAM roles", "Tags for IAM users", "Tags for customer
/// managed policies": the permissions required).
const TAGGED_AS_MADE: [(&str, Companion); 3] = {
    const fn tags(action: &'static str) -> Companion {
        Companion::with_keys(action, |key| {
            key.starts_with("aws:requesttag/") || key == "aws:tagkeys"
        })
    }
    [
        ("iam:CreateRole", tags("iam:tagrole")),
        ("iam:CreateUser", tags("iam:taguser")),
        ("iam:CreatePolicy", tags("iam:tagpolicy")),
    ]
};

/// All actions of a service: those on which another layer of policies bears are asked about by themselves.
pub(super) fn all_of(service: &str) -> Vec<Space> {
    let prefix = format!("{service}:");
    let apart = OUTSIDE_RCPS.iter().filter(|one| one.starts_with(&prefix));
    let apart: Vec<Space> = apart.map(|one| Space::One((*one).to_owned())).collect();
    std::iter::once(Space::Below(prefix)).chain(apart).collect()
}

/// The service that an ARN of whatever partition names; `None` for what is no ARN.
pub(super) fn service_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(1)
}

/// The account of the organization, beside the estate's, that an ARN lies in.
#[must_use]
pub fn member_of<'w>(model: &'w AccessModel, arn: &str) -> Option<&'w UndescribedMember> {
    model.members.get(arn.split(':').nth(4)?)
}

/// The account of the estate that an ARN lies in.
#[must_use]
pub fn home_of<'w>(model: &'w AccessModel, arn: &str) -> Option<&'w AccountNode> {
    // An emulator gives its accounts this id too.
    let id = arn.split(':').nth(4).filter(|id| *id != ANYBODY)?;
    model.accounts.get(model.account_by_id.get(id)?)
}

fn documents(chain: &[(String, Vec<NamedPolicy>)]) -> impl Iterator<Item = Arc<Document>> + '_ {
    chain.iter().flat_map(|(_, rules)| rules.iter().map(|r| Arc::clone(&r.document)))
}

fn rules_of(chain: &[(String, Vec<NamedPolicy>)]) -> impl Iterator<Item = NamedPolicy> + '_ {
    chain.iter().flat_map(|(_, rules)| rules.iter().cloned())
}

/// A question taken apart.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Who asks, with all that follows from that.
    pub request: &'a Request,
    /// The policies, for the judge.
    pub policies: &'a Policies,
    /// The same with their documents, as far as these are known.
    pub rules: &'a [NamedPolicy],
    /// Actions asked about.
    pub actions: &'a [Space],
    /// Resources asked about.
    pub resources: &'a [Space],
    /// Keys, in lower case, that no request of the step carries.
    pub never: &'a BTreeSet<String>,
    /// Keys, in lower case, that every request of the step carries.
    pub always: &'a BTreeSet<String>,
    /// Keys, in lower case, of which it is known what they may be.
    pub domains: &'a BTreeMap<String, Domain>,
    /// Actions, in lower case, that are refused whatever policies say.
    pub refused: &'a BTreeSet<String>,
    /// Actions that some requests take beside the one that is asked about.
    pub beside: &'a [Companion],
}

impl Asked {
    /// Its parts, for one of its [`Asked::requests`].
    #[must_use]
    pub fn parts<'a>(&'a self, facts: &'a GuiseFacts) -> Parts<'a> {
        Parts {
            request: &facts.request,
            policies: &self.policies,
            rules: &self.rules,
            actions: &self.actions,
            resources: &self.resources,
            never: &facts.never,
            always: &facts.always,
            domains: &facts.domains,
            refused: &self.refused,
            beside: &self.beside,
        }
    }

    /// The same question where it is known what the step reaches: the tags of that, and the keys that no request to it
    /// carries.
    #[must_use]
    pub(super) fn reaching(mut self, model: &AccessModel, step: &PathStep) -> Self {
        match &step.target {
            StepTarget::Role(arn) => {
                if let Some(role) = model.principals.get(arn) {
                    self = self.upon(role);
                    self.session_keys();
                    self.keys_of_others("sts");
                }
            }
            StepTarget::Resource(arn) => {
                if let Some(resource) = model.resources.get(arn) {
                    self.tags_of_resource(resource);
                    self.keys_of_others(resource.kind.service);
                }
            }
        }
        self
    }

    /// Whether a policy that bears on it asks for tags of the resource.
    pub(super) fn looks_at_resource_tags(&self) -> bool {
        keys_of(&self.documents).any(|key| is_resource_tag(&key))
    }

    /// The documents of the policies that bear on it, and maybe of others.
    #[must_use]
    pub(super) fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// What a principal may do in its own account: a question about rights, not about a step.
    /// `None` when it is not there.
    #[must_use]
    pub fn within(model: &AccessModel, source: &StepSource, right: &Right) -> Option<Self> {
        let home = match source {
            StepSource::Principal(arn) => {
                model.accounts.get(&model.principals.get(arn)?.account)?
            }
            StepSource::Foreign(arn) => home_of(model, arn)?,
            _ => return None,
        };
        let place = TargetResource {
            owner: home,
            rule: right.policy.as_ref(),
            restrict_public: false,
            unreadable: false,
            actions: right.actions.iter().cloned().map(Space::One).collect(),
            resources: right.resources.clone(),
        };
        let mut asked = asked_at(model, source, place)?;
        for (key, value) in &right.context {
            asked.request.context.set(key, value.as_str());
        }
        asked.domains.extend(right.domains.iter().cloned());
        asked.never.extend(right.absent.iter().cloned());
        let made =
            TAGGED_AS_MADE.iter().filter(|(make, _)| right.actions.iter().any(|a| a == make));
        asked.beside.extend(made.map(|(_, tagging)| *tagging));
        asked.beside.extend(right.together.iter().map(|action| Companion::always(action)));
        Some(asked)
    }

    /// Whether a target lets in whatever a whole account permits: the question of a role there
    /// that its own side forbids nothing. `None` when the account or the target is not there.
    #[must_use]
    pub fn anybody(model: &AccessModel, account: &Handle, target: &StepTarget) -> Option<Self> {
        let home = model.accounts.get(account)?;
        let step =
            PathStep { source: StepSource::Foreign(home.root_arn()), target: target.clone() };
        let mut asked = asked(model, &step)?;
        asked.policies.service_control.clear();
        Some(asked)
    }

    /// The policies that bear on the step: the resource's own first.
    #[must_use]
    pub fn rules(&self) -> &[NamedPolicy] {
        &self.rules
    }

    /// The same, as the judge has them.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// What the judge says of one request under these policies, or of the first that it takes beside and that is refused.
    #[must_use]
    pub fn judge(&self, request: &Request) -> Decision {
        let own = evaluate(request, &self.policies);
        if !own.is_allowed() {
            return own;
        }
        let beside = self.beside.iter().filter_map(|other| other.beside(request));
        let mut beside = beside.map(|other| evaluate(&other, &self.policies));
        beside.find(|decision| !decision.is_allowed()).unwrap_or(own)
    }
}

/// The patterns by which documents tell resources apart, and values of a key, in lower case.
pub(super) fn patterns_of<'d>(
    documents: &'d [Arc<Document>],
    key: &'d str,
) -> impl Iterator<Item = Glob> + 'd {
    let statements = || documents.iter().flat_map(|d| &d.statements);
    let resources = statements().flat_map(|s| s.resources.iter().chain(&s.not_resources));
    let conditions = statements().flat_map(|s| &s.conditions);
    let asking = conditions.filter(move |c| c.key.eq_ignore_ascii_case(key));
    resources.chain(asking.flat_map(|c| &c.values)).flat_map(both_readings)
}

/// A pattern as conditions read it, as an ARN and segment by segment, and as resources do, as a text.
pub(super) fn both_readings(item: &Item) -> [Glob; 2] {
    [Glob::like, Glob::arn].map(|of| of(&item.text.symbolic()))
}

/// A text for every region into which patterns cut a space.
pub(super) fn texts_of(globs: BTreeSet<Glob>, space: &Space) -> Vec<String> {
    let Space::Below(prefix) = space else { return Vec::new() };
    let globs: Vec<Glob> = globs.into_iter().collect();
    let states = Caps::default().states;
    regions(&globs, prefix, true, states).unwrap_or_else(|TooMany| {
        // Then every pattern by itself.
        let each = globs.iter().map(std::slice::from_ref);
        each.flat_map(|glob| regions(glob, prefix, true, states)).flatten().collect()
    })
}

/// The account that a source lives in.
#[must_use]
pub fn home<'w>(model: &'w AccessModel, source: &StepSource) -> Option<&'w Handle> {
    match source {
        StepSource::Principal(arn) => model.principals.get(arn).map(|p| &p.account),
        _ => None,
    }
}
