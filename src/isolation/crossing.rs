//! A single step as a question: which requests a source may make of a target, and which policies of which side have a say.
//!
//! Claim: where the answer is closed, no request of the step is allowed on that side. Every policy that AWS looks at is in the
//! question (the target's own, the source's with its boundary, the guardrails over both); a key is fixed only where it
//! follows from the model ([`keys`]), and whatever cannot be read makes the answer one that nobody relies on
//! ([`Asked::why_undetermined`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{
    AccessModel, AccountNode, NamedPolicy, PrincipalKind, PrincipalNode, ResourceTags,
    UndescribedMember, levels,
};
use crate::iam::symbolic::globs::{Glob, TooMany, regions};
use crate::iam::symbolic::question::concerns;
use crate::iam::symbolic::{
    Answers, Caps, Domain, Opening, Question, Space, SymbolicAnswer, Texts, ask_both,
};
use crate::iam::text::is_symbolic_account;
use crate::iam::{
    ContextValue, Decision, Document, Effect, Item, Policies, Policy, Principal, PrincipalType,
    Principals, Request, Statement, catalogue, evaluate,
};
use crate::ids::Handle;

mod guises;
mod keys;
pub(super) mod mixed;
mod outsiders;
mod step;

pub use guises::GuiseFacts;
pub(super) use guises::from_the_console;
use guises::{FederatedSessions, Guise};
use keys::{
    CARRIED, Carrier, OVER_THE_INTERNET, SESSION_KEYS, SOURCE_IDENTITY, claims_of,
    is_of_credentials, keys_of, lets_set, second_factor, tags,
};
pub(super) use keys::{is_of_session, is_resource_tag};
pub(super) use outsiders::ANYBODY;
pub use step::{ANY_PROVIDER, PathStep, ROLES_ANYWHERE, StepSource, StepTarget};

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
    /// Keys, in lower case, among `never` that only the principal's own policies keep it from setting.
    own_side: BTreeSet<String>,
    /// Keys, in lower case, that the caller leaves out if it likes.
    optional: BTreeSet<String>,
    /// Keys, in lower case, that every request of the caller carries.
    always: BTreeSet<String>,
    /// Keys, in lower case, whose value the caller chooses, though others cannot.
    chosen: BTreeSet<String>,
    /// Actions, in lower case, that are refused whatever policies say.
    refused: BTreeSet<String>,
    /// Further names of the principal that policies may know it by: sessions, by ARN.
    sessions: BTreeSet<String>,
    /// Federated sessions that the principal may begin, where policies tell them from it.
    federated: Option<FederatedSessions>,
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
    let asked = asked_at(model, &step.source, place(model, step)?)?;
    Some(asked.reaching(model, step).federating(model, &step.source))
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
        (StepTarget::Resource(arn), _) => {
            let kind = model.resources.get(arn)?.kind;
            (vec![kind.actions()], kind.spaces(arn))
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
        own_side: BTreeSet::new(),
        optional: BTreeSet::new(),
        always: BTreeSet::new(),
        chosen: BTreeSet::new(),
        refused: BTreeSet::new(),
        sessions: BTreeSet::new(),
        federated: None,
        why_undetermined: place.unreadable.then(|| "its policy could not be read".to_owned()),
        unread_bound: None,
    };
    asked.documents.extend(documents(&target.resource_control));
    asked.rules.extend(rules_of(&target.resource_control));
    asked.request.resource_account = Some(target.id.clone());
    asked.request.resource_organization.clone_from(&target.membership);
    let services: BTreeSet<&str> = asked
        .resources
        .iter()
        .filter_map(|space| {
            let (Space::One(text) | Space::Below(text)) = space;
            service_of(text)
        })
        .collect();
    let of_keys = services.contains("kms");
    if services.contains("s3") {
        // Service Authorization Reference, "Condition keys for Amazon S3": the owner of what is asked for.
        asked.request.context.set("s3:ResourceAccount", target.id.as_str());
    }
    if account_of_source(model, source) != Some(&target.id) {
        let of_owner = OF_THE_OWNER.iter().filter(|(service, _)| services.contains(service));
        let of_owner = of_owner.flat_map(|(_, actions)| actions.iter());
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
            asked.principal(principal, home);
        }
    }
    asked.carries_always(source, is_role(model, source));
    if of_keys {
        asked.caller_of_keys(account_of_source(model, source));
    }
    Some(asked)
}

/// The id of the account that a source acts for, where that is known.
fn account_of_source<'s>(model: &'s AccessModel, source: &'s StepSource) -> Option<&'s String> {
    match source {
        StepSource::Principal(_) => Some(&model.accounts.get(home(model, source)?)?.id),
        StepSource::Foreign(arn) => match (home_of(model, arn), member_of(model, arn)) {
            (Some(home), _) => Some(&home.id),
            (None, Some(_)) => model.members.keys().find(|id| arn.split(':').nth(4) == Some(id)),
            (None, None) => None,
        },
        StepSource::Federated(_) | StepSource::Service(_) | StepSource::Anonymous => None,
    }
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
        }
    }

    /// The same question where it is known what the step reaches: the tags of that, and the keys that no request to it
    /// carries.
    #[must_use]
    pub(super) fn reaching(mut self, model: &AccessModel, step: &PathStep) -> Self {
        match &step.target {
            StepTarget::Role(arn) => {
                if let Some(role) = model.principals.get(arn) {
                    let tags = role.tags().iter().map(|(key, value)| (key, Some(value)));
                    self.resource_tags(tags, ["aws:ResourceTag", "iam:ResourceTag"]);
                    self.session_keys(model, &step.source);
                    self.keys_of_others("sts");
                }
            }
            StepTarget::Resource(arn) => {
                if let Some(resource) = model.resources.get(arn) {
                    self.tags_of_resource(&resource.tags);
                    self.keys_of_others(resource.kind.service);
                }
            }
        }
        self
    }

    fn principal(&mut self, principal: &PrincipalNode, home: &AccountNode) {
        let arn = &principal.arn;
        let session = arn.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1);
        self.request.principal = Principal::Arn(if arn.contains(":role/") {
            // A session's ARN leaves out the role's path; the context tells the whole name.
            let (head, name) = session.split_once(":assumed-role/").unwrap_or((&session, ""));
            let name = name.rsplit('/').next().unwrap_or_default();
            format!("{head}:assumed-role/{name}/session")
        } else {
            arn.clone()
        });
        let context = &mut self.request.context;
        context.set("aws:PrincipalArn", arn.as_str());
        self.never.extend(
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"]
                .map(str::to_owned),
        );
        self.session_of(principal);
        if !lets_set(principal, "sts:setsourceidentity") {
            self.never.insert(SOURCE_IDENTITY.to_owned());
        }
        if let Some(domain) = second_factor(principal) {
            self.never.insert("aws:multifactorauthage".to_owned());
            self.domains.insert("aws:multifactorauthpresent".to_owned(), domain);
        }
        self.organized(home.membership.as_ref(), home.organization_path.as_ref());
        self.policies.identity =
            principal.identity().iter().map(|r| Arc::clone(&r.policy)).collect();
        self.policies.boundary = principal.boundary().map(|r| Arc::clone(&r.policy));
        self.policies.service_control = levels(&home.service_control);
        let own = principal.identity().iter().chain(principal.boundary());
        self.documents.extend(own.map(|r| Arc::clone(&r.document)));
        self.documents.extend(documents(&home.service_control));
        self.rules.extend(principal.identity().iter().chain(principal.boundary()).cloned());
        self.rules.extend(rules_of(&home.service_control));
        // Only now are all documents there that ask for tags: those of the principal's own side too.
        tags(principal, &mut self.request.context, &mut self.never, &self.documents);
        if principal.has_unread_boundary() {
            self.unread_bound =
                Some(format!("the permissions boundary of `{}` was not read", principal.label));
        }
        if principal.is_unreadable() && self.why_undetermined.is_none() {
            self.why_undetermined = Some("a policy of the principal could not be read".to_owned());
        }
        if self.why_undetermined.is_none() {
            self.why_undetermined =
                home.organization_path.as_ref().and_then(|path| self.unknown_unit(path));
        }
        if self.why_undetermined.is_none() {
            self.why_undetermined = self.unknown_account(&home.id);
        }
        self.name_sessions();
    }

    /// What whoever assumes a role may set of its session: tags and a source identity, only where the trust speaks of
    /// `sts:TagSession` and `sts:SetSourceIdentity`, and so do the caller's own policies, unless the trust of a role
    /// of its account names it (IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions taken
    /// with assumed roles").
    fn session_keys(&mut self, model: &AccessModel, source: &StepSource) {
        let own = match source {
            StepSource::Principal(arn) => model.principals.get(arn),
            _ => None,
        };
        let target = self.request.resource_account.as_ref();
        let neighbour = own.and_then(|p| model.accounts.get(&p.account)).map(|a| &a.id) == target;
        let Some(trust) = self.documents.first() else { return };
        let speaks = |document: &Document, action: &str| {
            let mut allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
            allowing.any(|s| concerns(s, action))
        };
        let may = |action: &str| {
            let by_trust = speaks(trust, action);
            let by_itself = own.is_none_or(|p| {
                neighbour
                    || p.is_unreadable()
                    || p.identity().iter().any(|rule| speaks(&rule.document, action))
            });
            (by_trust, by_itself)
        };
        for (action, is_set) in SESSION_KEYS {
            let (by_trust, by_itself) = may(action);
            let keys: Vec<String> = keys_of(&self.documents).filter(|key| is_set(key)).collect();
            if !(by_trust && by_itself) {
                self.never.extend(keys.iter().cloned());
            }
            if by_trust && !by_itself {
                self.own_side.extend(keys);
            }
        }
    }

    /// Keys of other services than the one that is asked for stand in no request to it, except those that say where
    /// the caller's credentials come from.
    fn keys_of_others(&mut self, service: &str) {
        let of_other = |key: &String| {
            let prefix = key.split(':').next().unwrap_or_default();
            let known = catalogue().find_service(prefix).is_some();
            known
                && prefix != service
                && !(service == "sts" && matches!(prefix, "iam" | "cognito-identity"))
                && !is_of_credentials(key)
        };
        let others: Vec<String> = keys_of(&self.documents).filter(of_other).collect();
        self.never.extend(others);
    }

    /// The tags of what is reached, which are known: those that it bears, and no others (IAM User Guide,
    /// "Controlling access to and for IAM users and roles using tags").
    fn resource_tags<'t>(
        &mut self,
        tags: impl IntoIterator<Item = (&'t String, Option<&'t String>)>,
        families: [&str; 2],
    ) {
        let mut borne = BTreeSet::new();
        for (key, value) in tags {
            for family in families {
                let key = format!("{family}/{key}");
                if let Some(value) = value {
                    self.request.context.set(&key, value.as_str());
                }
                borne.insert(key.to_ascii_lowercase());
            }
        }
        let asked = keys_of(&self.documents).filter(|key| is_resource_tag(key));
        self.never.extend(asked.filter(|key| !borne.contains(key)));
    }

    /// The tags of a bucket count where ABAC is on, for it and for what lies in it, and stand in no request where it is
    /// off (S3 User Guide, "Using tags with S3 general purpose buckets"). Whoever may change either of these has crossed
    /// already: both are actions on the bucket.
    fn tags_of_resource(&mut self, tags: &ResourceTags) {
        let families = ["aws:ResourceTag", "s3:BucketTag"];
        match tags {
            ResourceTags::Unknown => {}
            ResourceTags::Hidden => self.resource_tags([], families),
            ResourceTags::Known(tags) => {
                let tags = tags.iter().map(|(key, value)| (key, value.as_ref()));
                self.resource_tags(tags, families);
            }
        }
    }

    /// Who calls KMS: "the AWS account of the caller", which every request of one carries (KMS Developer Guide, "AWS KMS
    /// condition keys", `kms:CallerAccount`). An unknown one is none of the accounts that are known.
    fn caller_of_keys(&mut self, account: Option<&String>) {
        const KEY: &str = "kms:calleraccount";
        let principal = &self.request.principal;
        let own = match principal {
            Principal::Arn(arn) => arn.split(':').nth(4).filter(|id| *id != ANYBODY),
            Principal::Anonymous | Principal::Service(_) | Principal::Federated(_) => None,
        };
        match (account.map(String::as_str).or(own), principal) {
            (Some(id), _) => self.request.context.set(KEY, id),
            (None, Principal::Arn(_)) => {
                if let Some(domain) = self.domains.get("aws:principalaccount").cloned() {
                    self.domains.insert(KEY.to_owned(), domain);
                    self.always.insert(KEY.to_owned());
                }
            }
            (None, _) => {
                self.never.insert(KEY.to_owned());
            }
        }
    }

    /// What every request of such a caller carries.
    fn carries_always(&mut self, source: &StepSource, is_role: bool) {
        let assuming = |space: &Space| {
            let (Space::One(action) | Space::Below(action)) = space;
            action.to_ascii_lowercase().starts_with("sts:assumerole")
        };
        let assumes = !self.actions.is_empty() && self.actions.iter().all(assuming);
        for (carrier, keys) in CARRIED {
            let does = match carrier {
                Carrier::Everybody => true,
                Carrier::Signed => {
                    matches!(source, StepSource::Principal(_) | StepSource::Foreign(_))
                }
                Carrier::RoleSession => is_role,
                Carrier::AssumingRole => assumes,
            };
            if does {
                self.always.extend(keys.iter().map(|key| (*key).to_owned()));
            }
        }
        if let StepSource::Federated(provider) = source {
            self.always.extend(claims_of(provider));
        }
    }

    /// What every request of a principal of the estate carries, and what it need not carry.
    ///
    /// Source: IAM User Guide, "AWS global condition context keys", the availability of each key.
    fn session_of(&mut self, principal: &PrincipalNode) {
        self.optional.extend(OVER_THE_INTERNET.map(str::to_owned));
        let is_role = principal.kind == PrincipalKind::Role;
        if let Some(id) = principal.unique_id() {
            // `role-id:caller-specified-role-name`, or the user's id.
            if is_role && self.is_named(id) {
                self.request.context.set("aws:userid", format!("{id}:session"));
            } else if is_role {
                let texts = Texts { prefixes: vec![format!("{id}:")], ..Texts::default() };
                self.domains.insert("aws:userid".to_owned(), Domain::Texts(texts));
                self.chosen.insert("aws:userid".to_owned());
            } else {
                self.request.context.set("aws:userid", id);
            }
        } else {
            // Which one AWS gives it is still to be seen, but not of what form (IAM User Guide, "Unique identifiers").
            let prefix = if is_role { "AROA" } else { "AIDA" };
            let texts = Texts { prefixes: vec![prefix.to_owned()], ..Texts::default() };
            self.domains.insert("aws:userid".to_owned(), Domain::Texts(texts));
        }
        if !is_role {
            // Long-term keys carry neither of them.
            let keys =
                ["aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime"];
            self.optional.extend(keys.map(str::to_owned));
        }
    }

    /// Whether a policy names a principal by its unique id, and none asks for the ids of sessions: then every session
    /// has to tell whose it is.
    fn is_named(&self, id: &str) -> bool {
        let statements = || self.documents.iter().flat_map(|d| &d.statements);
        let principals = || statements().flat_map(|s| s.principals.iter().chain(&s.not_principals));
        principals().flat_map(|p| p.items()).any(|(_, item)| item.text.symbolic() == id)
            && !keys_of(&self.documents).any(|key| key == "aws:userid")
    }

    /// What an unsigned request does not carry: all that is known of callers (IAM User Guide, "AWS global condition
    /// context keys", "Properties of the principal", "Properties of a role session").
    fn unsigned(&mut self) {
        const OF_CALLERS: [&str; 16] = [
            "aws:assumedroot",
            "aws:federatedprovider",
            "aws:multifactorauthage",
            "aws:multifactorauthpresent",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:principalservicename",
            "aws:principalservicenameslist",
            "aws:signinsessionarn",
            "aws:sourceidentity",
            "aws:tokenissuetime",
            "aws:username",
            "aws:chatbotsourcearn",
            "aws:ec2instancesourcevpc",
            "aws:ec2instancesourceprivateipv4",
        ];
        self.optional.extend(OVER_THE_INTERNET.map(str::to_owned));
        // What it carries for one (IAM User Guide, "Principal key values").
        self.request.context.set("aws:userid", "anonymous");
        let of_credentials = keys_of(&self.documents).filter(|key| is_of_credentials(key));
        let of_credentials: Vec<String> = of_credentials.collect();
        self.never.extend(of_credentials);
        let direct =
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
        self.never.extend(OF_CALLERS.into_iter().chain(direct).map(str::to_owned));
        let tags: Vec<String> =
            keys_of(&self.documents).filter(|key| key.starts_with("aws:principaltag/")).collect();
        self.never.extend(tags);
    }

    /// Why it cannot be told what a condition on the path of the principal's account says: its unit is
    /// still to be made, and a pattern may match whatever id AWS gives it.
    fn unknown_unit(&self, path: &str) -> Option<String> {
        let conditions =
            self.documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
        let mut patterns = conditions
            .filter(|c| c.key.eq_ignore_ascii_case("aws:PrincipalOrgPaths"))
            .flat_map(|c| &c.values)
            .map(|v| v.text.symbolic());
        let half = |level: &str| level.starts_with("ou-") && level.contains(['*', '?']);
        (path.contains('\u{27e8}') && patterns.any(|p| p.split('/').any(half))).then(|| {
            "its account goes into an organizational unit whose id is not known yet".to_owned()
        })
    }

    /// The same for accounts that are still to be made, where a pattern matches some ids and not others.
    fn unknown_account(&self, home: &str) -> Option<String> {
        let target = self.request.resource_account.as_deref().unwrap_or_default();
        if ![home, target].iter().any(|id| is_symbolic_account(id)) {
            return None;
        }
        let statements = self.documents.iter().flat_map(|d| &d.statements);
        let half = |id: &str| id != "*" && id.contains(['*', '?']);
        let mut patterns = statements.flat_map(|s| {
            let values = s.conditions.iter().flat_map(|c| &c.values);
            s.resources.iter().chain(&s.not_resources).chain(values)
        });
        let found = patterns.any(|item| {
            let text = item.text.symbolic();
            text.starts_with("arn:") && text.split(':').nth(4).is_some_and(half)
        });
        found.then(|| {
            "a pattern takes some accounts, and the id of this one is not known yet".to_owned()
        })
    }

    /// Sessions of the principal that policies name: whoever assumes a role names its session.
    fn name_sessions(&mut self) {
        let Principal::Arn(own) = &self.request.principal else { return };
        let Some((role, _)) =
            own.rsplit_once('/').filter(|(role, _)| role.contains(":assumed-role/"))
        else {
            return;
        };
        let prefix = format!("{role}/");
        let statements = self.documents.iter().flat_map(|d| &d.statements);
        let named = statements.flat_map(|s| s.principals.iter().chain(&s.not_principals));
        let sessions: BTreeSet<String> = named
            .flat_map(|p| p.items())
            .map(|(_, item)| item.text.symbolic().into_owned())
            .filter(|arn| arn.starts_with(&prefix) && arn != own)
            .collect();
        self.sessions.extend(sessions);
    }

    /// The same question with a source side that permits everything: whether the target side alone
    /// would let it in.
    #[must_use]
    pub fn without_source_side(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self.policies.service_control.clear();
        self.permitted().without_tags().without_second_factor()
    }

    /// The same question with whatever tags its principal may be given.
    #[must_use]
    pub fn without_tags(mut self) -> Self {
        let is_tag = |key: &str| key.starts_with("aws:principaltag/") || key == SOURCE_IDENTITY;
        let keys: Vec<String> =
            self.request.context.iter().map(|(key, _)| key.to_owned()).collect();
        for key in keys.iter().filter(|key| is_tag(key)) {
            self.request.context.remove(key);
        }
        self.never.retain(|key| !is_tag(key));
        self
    }

    /// The same question where sessions of its principal are begun with a second factor or without.
    #[must_use]
    pub(super) fn without_second_factor(mut self) -> Self {
        self.domains.remove("aws:multifactorauthpresent");
        self.never.remove("aws:multifactorauthage");
        self
    }

    /// The same question where the source's account does as it likes and only the organization
    /// still holds it.
    #[must_use]
    pub fn without_own_policies(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self.permitted()
    }

    /// The same question where the principal's own policies keep it from setting nothing.
    #[must_use]
    pub(super) fn permitted(mut self) -> Self {
        let own_side = std::mem::take(&mut self.own_side);
        self.never.retain(|key| !own_side.contains(key));
        self
    }

    /// A policy that permits everything.
    pub(super) fn anything() -> Arc<Policy> {
        Arc::new(Policy::new("everything", &everything()))
    }

    /// Puts other identity policies in the place of the principal's own.
    pub(super) fn put_identity(&mut self, policies: Vec<Arc<Policy>>) {
        self.policies.identity = policies;
    }

    /// Puts another boundary in the place of the principal's own.
    pub(super) fn put_boundary(&mut self, boundary: Option<NamedPolicy>) {
        self.policies.boundary = boundary.as_ref().map(|rule| Arc::clone(&rule.policy));
        self.unread_bound = None;
        self.documents.extend(boundary.iter().map(|rule| Arc::clone(&rule.document)));
        self.rules.extend(boundary);
    }

    /// Whether a policy that bears on it asks for tags of the resource.
    pub(super) fn looks_at_resource_tags(&self) -> bool {
        keys_of(&self.documents).any(|key| is_resource_tag(&key))
    }

    /// The same question where this is known of some keys, in lower case.
    #[must_use]
    pub(super) fn knowing(mut self, keys: impl IntoIterator<Item = (String, Domain)>) -> Self {
        self.domains.extend(keys);
        self
    }

    /// The same question of a resource that may be given whatever tags.
    #[must_use]
    pub(super) fn without_resource_tags(mut self) -> Self {
        self.request.context.retain(|key| !is_resource_tag(key));
        self.never.retain(|key| !is_resource_tag(key));
        self
    }

    /// The documents of the policies that bear on it, and maybe of others.
    #[must_use]
    pub(super) fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// The same question where its principal has these policies too.
    #[must_use]
    pub fn with_policies(mut self, more: &[NamedPolicy]) -> Self {
        self.policies.identity.extend(more.iter().map(|rule| Arc::clone(&rule.policy)));
        self.documents.extend(more.iter().map(|rule| Arc::clone(&rule.document)));
        self.rules.extend(more.iter().cloned());
        self
    }

    /// The same question without the organization's guardrails on either side.
    #[must_use]
    pub fn without_guardrails(mut self) -> Self {
        self.policies.service_control.clear();
        self.policies.resource_control.clear();
        self
    }

    /// The same question once the source's account has left the organization.
    #[must_use]
    pub fn outside_organization(mut self) -> Self {
        self.policies.service_control.clear();
        self.request.principal_organization = None;
        self.request.context.remove("aws:PrincipalOrgPaths");
        self.never.extend(["aws:principalorgid", "aws:principalorgpaths"].map(str::to_owned));
        self
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

    /// What the judge says of one request under these policies.
    #[must_use]
    pub fn judge(&self, request: &Request) -> Decision {
        evaluate(request, &self.policies)
    }

    /// The question where no tag of what is reached is told but these, in lower case.
    fn question_of_tags<'a>(&'a self, guise: &Guise, tags: &BTreeSet<String>) -> Question<'a> {
        let mut question = self.question(guise);
        question.request.context.retain(|key| !is_resource_tag(key) || tags.contains(key));
        question
    }

    fn question(&self, guise: &Guise) -> Question<'_> {
        let facts = self.facts_as(guise);
        Question {
            request: facts.request,
            policies: &self.policies,
            documents: self.documents.iter().map(AsRef::as_ref).collect(),
            actions: self.actions.clone(),
            resources: self.resources.clone(),
            never: facts.never,
            free: BTreeSet::new(),
            domains: facts.domains,
            optional: facts.optional,
            always: facts.always,
            chosen: facts.chosen,
            refused: self.refused.clone(),
        }
    }
}

/// Actions, in lower case, that a service refuses to identities of other accounts than the resource's, whatever policies
/// say.
///
/// Source: S3 API Reference, `PutBucketPolicy`, `GetBucketPolicy`, `DeleteBucketPolicy` (405); KMS API Reference, the
/// operations that say "Cross-account use: No"; SQS Developer Guide, "Limitations of Amazon SQS custom policies".
const OF_THE_OWNER: [(&str, &[&str]); 3] = [
    ("s3", &["s3:deletebucketpolicy", "s3:getbucketpolicy", "s3:putbucketpolicy"]),
    (
        "kms",
        &[
            "kms:cancelkeydeletion",
            "kms:createalias",
            "kms:deletealias",
            "kms:deleteimportedkeymaterial",
            "kms:disablekey",
            "kms:disablekeyrotation",
            "kms:enablekey",
            "kms:enablekeyrotation",
            "kms:getkeylastusage",
            "kms:getkeypolicy",
            "kms:getparametersforimport",
            "kms:importkeymaterial",
            "kms:listkeypolicies",
            "kms:listkeyrotations",
            "kms:listresourcetags",
            "kms:putkeypolicy",
            "kms:replicatekey",
            "kms:rotatekeyondemand",
            "kms:schedulekeydeletion",
            "kms:tagresource",
            "kms:untagresource",
            "kms:updatealias",
            "kms:updatekeydescription",
            "kms:updateprimaryregion",
        ],
    ),
    (
        "sqs",
        &[
            "sqs:addpermission",
            "sqs:cancelmessagemovetask",
            "sqs:createqueue",
            "sqs:deletequeue",
            "sqs:listmessagemovetasks",
            "sqs:listqueues",
            "sqs:listqueuetags",
            "sqs:removepermission",
            "sqs:setqueueattributes",
            "sqs:startmessagemovetask",
            "sqs:tagqueue",
            "sqs:untagqueue",
        ],
    ),
];

fn is_role(model: &AccessModel, source: &StepSource) -> bool {
    let StepSource::Principal(arn) = source else { return false };
    model.principals.get(arn).is_some_and(|principal| principal.kind == PrincipalKind::Role)
}

/// A resource's policy that permits everybody everything.
pub(super) fn open_to_all() -> Document {
    let principals = Some(Principals::of(PrincipalType::Aws, ["*"]));
    Document::new([Statement { principals, ..allowing_everything() }])
}

fn everything() -> Document {
    Document::new([allowing_everything()])
}

fn allowing_everything() -> Statement {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    statement
}

/// A text for every region of a space that documents tell apart, by what they say of resources and of a key, in lower case.
pub(super) fn regions_of(documents: &[Arc<Document>], space: &Space, key: &str) -> Vec<String> {
    let Space::Below(prefix) = space else { return Vec::new() };
    let statements = || documents.iter().flat_map(|d| &d.statements);
    let resources = statements().flat_map(|s| s.resources.iter().chain(&s.not_resources));
    let conditions = statements().flat_map(|s| &s.conditions);
    let values = conditions.filter(|c| c.key.eq_ignore_ascii_case(key)).flat_map(|c| &c.values);
    // Conditions read a pattern as an ARN, segment by segment, and resources as a text.
    let both = |item: &Item| [Glob::like, Glob::arn].map(|of| of(&item.text.symbolic()));
    let globs: BTreeSet<Glob> = resources.chain(values).flat_map(both).collect();
    let globs: Vec<Glob> = globs.into_iter().collect();
    let states = Caps::default().states;
    regions(&globs, prefix, true, states).unwrap_or_else(|TooMany| {
        // Then every pattern by itself.
        let each = globs.iter().map(std::slice::from_ref);
        each.flat_map(|glob| regions(glob, prefix, true, states)).flatten().collect()
    })
}

/// Asks one step on both sides.
#[must_use]
pub fn answer(before: Option<&Asked>, after: Option<&Asked>) -> Answers {
    let guises: BTreeSet<Guise> =
        before.iter().chain(&after).flat_map(|asked| asked.guises()).collect();
    // Tags of what is reached that neither side asks for decide nothing, and would fill every witness.
    let documents = before.iter().chain(&after).flat_map(|asked| keys_of(&asked.documents));
    let tags: BTreeSet<String> = documents.filter(|key| is_resource_tag(key)).collect();
    let ask = |guise: &Guise| {
        let before = before.filter(|asked| asked.goes_by(guise));
        let after = after.filter(|asked| asked.goes_by(guise));
        let before = before.map(|asked| asked.question_of_tags(guise, &tags));
        let after = after.map(|asked| asked.question_of_tags(guise, &tags));
        ask_both(before.as_ref(), after.as_ref(), Caps::default())
    };
    let mut answers = ask(&Guise::Itself);
    for guise in guises.iter().filter(|guise| **guise != Guise::Itself) {
        let mut more = ask(guise);
        if matches!(guise, Guise::Federated(_)) {
            more.gained.retain(|one| !shows_as_much(&answers.gained, one));
            more.lost.retain(|one| !shows_as_much(&answers.lost, one));
        }
        answers.before = joined(answers.before, more.before);
        answers.after = joined(answers.after, more.after);
        answers.gained.extend(more.gained);
        answers.lost.extend(more.lost);
        answers.inexact = answers.inexact.or(more.inexact);
    }
    // A witness shows what the policies that were read allow, and a boundary that was not may deny all of it.
    for (asked, answer) in [(before, &mut answers.before), (after, &mut answers.after)] {
        let unread = asked.and_then(|asked| asked.unread_bound.as_ref());
        if let (Some(why), SymbolicAnswer::Open(_)) = (unread, &*answer) {
            *answer = SymbolicAnswer::Undecided(why.clone());
            answers.gained.clear();
            answers.lost.clear();
        }
    }
    answers
}

/// Whether no request of a step is allowed, which is less work than to say what is.
#[must_use]
pub fn is_closed(asked: &Asked) -> bool {
    let closed =
        |guise: &Guise| crate::iam::symbolic::is_closed(&asked.question(guise), Caps::default());
    asked.guises().iter().all(closed)
}

/// Whether one of some openings shows the same without asking anything.
fn shows_as_much(shown: &[Opening], more: &Opening) -> bool {
    shown.iter().any(|opening| {
        opening.requirements.is_empty()
            && opening.witness.action == more.witness.action
            && opening.witness.resource == more.witness.resource
    })
}

/// The answer to two questions at once.
fn joined(one: SymbolicAnswer, other: SymbolicAnswer) -> SymbolicAnswer {
    match (one, other) {
        (SymbolicAnswer::Open(mut all), SymbolicAnswer::Open(mut more)) => {
            more.retain(|one| !shows_as_much(&all, one));
            all.extend(more);
            SymbolicAnswer::Open(all)
        }
        (open @ SymbolicAnswer::Open(_), _) | (_, open @ SymbolicAnswer::Open(_)) => open,
        (undecided @ SymbolicAnswer::Undecided(_), _)
        | (_, undecided @ SymbolicAnswer::Undecided(_)) => undecided,
        (SymbolicAnswer::Closed { judged: a }, SymbolicAnswer::Closed { judged: b }) => {
            SymbolicAnswer::Closed { judged: a + b }
        }
    }
}

/// The account that a source lives in.
#[must_use]
pub fn home<'w>(model: &'w AccessModel, source: &StepSource) -> Option<&'w Handle> {
    match source {
        StepSource::Principal(arn) => model.principals.get(arn).map(|p| &p.account),
        _ => None,
    }
}
