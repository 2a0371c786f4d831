//! The concrete judge: one request against all the policies that bear on it.
//!
//! Sources: IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities",
//! "AWS JSON policy elements: Principal", "Cross-account policy evaluation logic"; Organizations
//! User Guide, "Service control policies", "Resource control policies". Where they leave a question
//! open, `Allow` is read widest and `Deny` narrowest, and a decision that depends on the reading
//! says so in [`Decision::disputed`].

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::decision::{DecidedBy, Decision, Matched, PolicyDecision};
use super::document::Effect;
use super::policy::{Hit, Mismatch, Policy, Query};
use super::principal::PrincipalNaming;
use super::request::{CallerKind, PrincipalNames, Request, RequestFacts};

/// One level of an SCP or RCP chain: the root, a unit or the account.
#[derive(Clone, Debug, Default)]
pub struct ChainLevel {
    /// Its id or name.
    pub target: String,
    /// The policies attached there.
    pub policies: Vec<Arc<Policy>>,
}

/// All policies that bear on a request. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Identity policies of the principal, groups included.
    pub identity: Vec<Arc<Policy>>,
    /// Its permissions boundary.
    pub boundary: Option<Arc<Policy>>,
    /// Session policies; together they are one limit.
    pub session: Vec<Arc<Policy>>,
    /// SCPs by level, root first. Empty: none apply.
    pub service_control: Vec<ChainLevel>,
    /// RCPs by level, root first. `RCPFullAWSAccess` is implied.
    pub resource_control: Vec<ChainLevel>,
    /// The resource's policy: bucket, key, trust policy, ...
    pub resource: Option<Arc<Policy>>,
    /// The policy of the VPC endpoint in use.
    pub endpoint: Option<Arc<Policy>>,
    /// Whether `RestrictPublicBuckets` holds for the bucket.
    pub restrict_public_buckets: bool,
}

/// How disputed lines are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// `Allow` widest, `Deny` narrowest.
    Generous,
    /// `Allow` narrowest, `Deny` widest.
    Strict,
}

/// The statements of one kind of policy that match the request.
#[derive(Default)]
struct Layer<'p> {
    hits: Vec<Hit<'p>>,
}

impl<'p> Layer<'p> {
    fn counts(hit: &Hit<'_>, reading: Reading) -> bool {
        match (hit.effect, reading) {
            (Effect::Allow, Reading::Generous) | (Effect::Deny, Reading::Strict) => hit.tri.may,
            (Effect::Allow, Reading::Strict) | (Effect::Deny, Reading::Generous) => hit.tri.must,
        }
    }

    fn effective(&self, effect: Effect, reading: Reading) -> impl Iterator<Item = &Hit<'p>> {
        self.hits.iter().filter(move |hit| hit.effect == effect && Self::counts(hit, reading))
    }

    fn denies(&self, reading: Reading) -> bool {
        self.effective(Effect::Deny, reading).next().is_some()
    }

    fn allows(&self, reading: Reading) -> bool {
        self.effective(Effect::Allow, reading).next().is_some()
    }

    fn naming(&self, reading: Reading) -> Option<PrincipalNaming> {
        self.effective(Effect::Allow, reading).map(|hit| hit.naming).max()
    }
}

/// Everything matched, so that both readings are decided from one pass.
struct Matches<'p> {
    service_control: Vec<Layer<'p>>,
    resource_control: Vec<Layer<'p>>,
    identity: Layer<'p>,
    boundary: Option<Layer<'p>>,
    session: Option<Layer<'p>>,
    resource: Layer<'p>,
    endpoint: Option<Layer<'p>>,
}

/// Actions of those services on which RCPs do not bear (KMS Developer Guide, "Resource control policies in AWS KMS").
pub const OUTSIDE_RCPS: [&str; 1] = ["kms:RetireGrant"];

/// Services whose resources RCPs cover, as lower-case action prefixes; dated data.
#[must_use]
pub fn rcp_services() -> &'static BTreeSet<&'static str> {
    static SERVICES: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    SERVICES.get_or_init(|| {
        include_str!("data/rcp-services.txt")
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    })
}

/// Judges a request.
#[must_use]
pub fn evaluate(request: &Request, policies: &Policies) -> Decision {
    let caller = PrincipalNames::new(&request.principal, &request.context);
    let action = request.action.to_ascii_lowercase();
    let resource_account = owner(request, &caller);
    let mut facts = RequestFacts::of(request, &caller, resource_account);
    let mut notes = Vec::new();
    let case = Case::new(request, policies, &caller, &action, resource_account);
    let matches = case.gather(&mut facts, &mut notes);
    let (decision, decided_by) = case.decide(&matches, Reading::Generous);
    let mut disputed = Vec::new();
    let strict = case.decide(&matches, Reading::Strict).0;
    if strict != decision {
        disputed = matches
            .layers()
            .flat_map(|layer| &layer.hits)
            .filter(|hit| hit.tri.may != hit.tri.must)
            .map(|hit| {
                format!(
                    "policy `{}` statement `{}`: sources differ on whether it matches",
                    hit.policy, hit.statement
                )
            })
            .collect();
        if disputed.is_empty() {
            disputed.push(
                "a session named in a resource policy against a silent session policy: sources differ"
                    .to_owned(),
            );
        }
    }
    // IAM User Guide, "Compare AWS STS credentials", `GetFederationToken`.
    let of_identities = action.starts_with("iam:") || action.starts_with("sts:");
    if caller.kind == CallerKind::FederatedUser
        && decision == PolicyDecision::Allow
        && of_identities
        && decided_by != DecidedBy::AlwaysAllowed
    {
        notes.push(
            "a session of GetFederationToken calls IAM and STS from the console alone, not by API or CLI"
                .to_owned(),
        );
    }
    disputed.extend(notes);
    let matched = matches
        .layers()
        .flat_map(|layer| &layer.hits)
        .filter(|hit| Layer::counts(hit, Reading::Generous))
        .map(|hit| Matched {
            policy: hit.policy.to_owned(),
            statement: hit.statement.to_owned(),
            effect: hit.effect,
        })
        .collect();
    let missing_context = facts.missing().into_iter().collect();
    Decision { decision, decided_by, matched, missing_context, disputed }
}

/// A statement that was looked at for a request, whether it matched or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The kind of policy.
    pub layer: DecidedBy,
    /// The level of the organization that it is attached to, for SCPs and RCPs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The policy's name.
    pub policy: String,
    /// The statement's sid, or its zero-based index.
    pub statement: String,
    /// Its effect.
    pub effect: Effect,
    /// Whether it matches the request.
    pub matches: bool,
    /// What of it does not match: `action`, `principal`, `resource`, or `condition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    /// The keys of the conditions that do not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// The account that the resource lies in: as the request says, else as its ARN does, else the caller's own.
fn owner<'r>(request: &'r Request, caller: &'r PrincipalNames) -> Option<&'r str> {
    let named = || request.resource.split(':').nth(4).filter(|account| !account.is_empty());
    request.resource_account.as_deref().or_else(named).or(caller.account.as_deref())
}

/// Every statement of the policies that apply to a request, and why it matches or does not.
#[must_use]
pub fn explain(request: &Request, policies: &Policies) -> Vec<Considered> {
    let caller = PrincipalNames::new(&request.principal, &request.context);
    let action = request.action.to_ascii_lowercase();
    let resource_account = owner(request, &caller);
    let mut facts = RequestFacts::of(request, &caller, resource_account);
    Case::new(request, policies, &caller, &action, resource_account).consider(&mut facts)
}

/// Judges a call that needs several authorizations, such as a read of an object under SSE-KMS
/// (`s3:GetObject` on the object and `kms:Decrypt` on the key): allowed when each is. Returns the
/// first decision that is not, else the last; `None` for no authorization at all.
#[must_use]
pub fn evaluate_all<'a>(
    authorizations: impl IntoIterator<Item = (&'a Request, &'a Policies)>,
) -> Option<Decision> {
    let mut last = None;
    for (request, policies) in authorizations {
        let decision = evaluate(request, policies);
        let allowed = decision.is_allowed();
        last = Some(decision);
        if !allowed {
            break;
        }
    }
    last
}

impl<'p> Matches<'p> {
    fn layers(&self) -> impl Iterator<Item = &Layer<'p>> {
        self.service_control
            .iter()
            .chain(&self.resource_control)
            .chain([&self.identity])
            .chain(&self.boundary)
            .chain(&self.session)
            .chain([&self.resource])
            .chain(&self.endpoint)
    }
}

/// The parts of a request that the rules ask about.
struct Case<'r> {
    policies: &'r Policies,
    caller: &'r PrincipalNames,
    action: &'r str,
    resource: &'r str,
    same_account: bool,
    scps_apply: bool,
    rcps_apply: bool,
}

impl<'r> Case<'r> {
    fn new(
        request: &'r Request,
        policies: &'r Policies,
        caller: &'r PrincipalNames,
        action: &'r str,
        resource_account: Option<&str>,
    ) -> Self {
        let service = action.split(':').next().unwrap_or_default();
        let manages = |organization: &Option<super::request::Membership>| {
            organization.as_ref().is_some_and(|o| o.management_account)
        };
        Self {
            policies,
            caller,
            action,
            resource: &request.resource,
            same_account: caller.account.is_some() && caller.account.as_deref() == resource_account,
            // SCPs bind users, roles and root users of member accounts, delegated administrators
            // included; not the management account, not service-linked roles.
            scps_apply: caller.account.is_some()
                && !manages(&request.principal_organization)
                && !caller.service_linked,
            // RCPs bind whoever calls, services too; not resources of the management account, not
            // service-linked roles; and some actions "even if the Action element specifies * as a wildcard".
            rcps_apply: !OUTSIDE_RCPS.iter().any(|one| one.eq_ignore_ascii_case(action))
                && !manages(&request.resource_organization)
                && !caller.service_linked
                && rcp_services().contains(service),
        }
    }

    fn has_identity(&self) -> bool {
        matches!(self.caller.kind, CallerKind::Role | CallerKind::User | CallerKind::FederatedUser)
    }

    fn gather(&self, facts: &mut RequestFacts<'_>, notes: &mut Vec<String>) -> Matches<'r> {
        use DecidedBy as By;
        let has_identity = self.has_identity();
        let boundary = self.policies.boundary.as_ref().filter(|_| has_identity);
        let mut layer = |policies: &'r [Arc<Policy>], by: DecidedBy| {
            let query = self.query(by, boundary.is_some());
            let mut hits = Vec::new();
            for policy in policies {
                policy.matching(&query, facts, &mut hits, notes);
            }
            Layer { hits }
        };
        let chain = |levels: &'r [ChainLevel], applies: bool| {
            levels.iter().filter(move |_| applies).map(|level| level.policies.as_slice())
        };
        let service_control = chain(&self.policies.service_control, self.scps_apply)
            .map(|policies| layer(policies, By::ServiceControlPolicy))
            .collect();
        let resource_control = chain(&self.policies.resource_control, self.rcps_apply)
            .map(|policies| layer(policies, By::ResourceControlPolicy))
            .collect();
        let identity = if has_identity { self.policies.identity.as_slice() } else { &[] };
        let sessions = Some(&self.policies.session).filter(|s| has_identity && !s.is_empty());
        Matches {
            service_control,
            resource_control,
            identity: layer(identity, By::Identity),
            boundary: boundary.map(|policy| layer(std::slice::from_ref(policy), By::Boundary)),
            session: sessions.map(|policies| layer(policies, By::Session)),
            resource: layer(self.policies.resource.as_slice(), By::ResourcePolicy),
            endpoint: self
                .policies
                .endpoint
                .as_ref()
                .map(|policy| layer(std::slice::from_ref(policy), By::Endpoint)),
        }
    }

    /// What the statements of a kind of policy are matched against.
    fn query(&self, by: DecidedBy, bounded: bool) -> Query<'r> {
        use DecidedBy as By;
        Query {
            caller: self.caller,
            action: self.action,
            resource: self.resource,
            bounded,
            resource_side: matches!(
                by,
                By::ResourceControlPolicy | By::ResourcePolicy | By::Endpoint
            ),
            completes: matches!(by, By::Identity | By::Boundary),
        }
    }

    /// All statements of the policies that apply, in the order of the layers.
    fn consider(&self, facts: &mut RequestFacts<'_>) -> Vec<Considered> {
        use DecidedBy as By;
        let own = self.has_identity();
        let mut found = Vec::new();
        let mut layer = |by: By, level: Option<&String>, policies: &[Arc<Policy>]| {
            let query = self.query(by, own && self.policies.boundary.is_some());
            for policy in policies {
                for (statement, effect, mismatch) in policy.considered(&query, facts) {
                    let (because, keys) = match &mismatch {
                        None => (None, Vec::new()),
                        Some(Mismatch::Action) => (Some("action"), Vec::new()),
                        Some(Mismatch::Principal) => (Some("principal"), Vec::new()),
                        Some(Mismatch::Resource) => (Some("resource"), Vec::new()),
                        Some(Mismatch::Conditions(keys)) => (Some("condition"), keys.clone()),
                    };
                    found.push(Considered {
                        layer: by,
                        level: level.cloned(),
                        policy: policy.name().to_owned(),
                        statement: statement.to_owned(),
                        effect,
                        matches: mismatch.is_none(),
                        because,
                        keys,
                    });
                }
            }
        };
        let all = self.policies;
        for level in all.service_control.iter().filter(|_| self.scps_apply) {
            layer(By::ServiceControlPolicy, Some(&level.target), &level.policies);
        }
        for level in all.resource_control.iter().filter(|_| self.rcps_apply) {
            layer(By::ResourceControlPolicy, Some(&level.target), &level.policies);
        }
        if own {
            layer(By::Identity, None, &all.identity);
            layer(By::Boundary, None, all.boundary.as_slice());
            layer(By::Session, None, &all.session);
        }
        layer(By::ResourcePolicy, None, all.resource.as_slice());
        layer(By::Endpoint, None, all.endpoint.as_slice());
        found
    }

    /// Trust and key policies alone open their resource: identity policies never suffice (KMS
    /// Developer Guide, "Key policies in AWS KMS"; IAM User Guide, "Roles terms and concepts").
    fn resource_policy_required(&self) -> bool {
        let resource = self.resource.splitn(6, ':').nth(5).unwrap_or_default();
        (self.action.starts_with("sts:") && resource.starts_with("role/"))
            || (self.action.starts_with("kms:") && resource.starts_with("key/"))
    }

    fn decide(&self, m: &Matches<'_>, reading: Reading) -> (PolicyDecision, DecidedBy) {
        use DecidedBy as By;
        // No permission is needed for it, and a policy that denies it changes nothing (STS API
        // Reference, GetCallerIdentity).
        if self.action == "sts:getcalleridentity" {
            return (PolicyDecision::Allow, By::AlwaysAllowed);
        }
        if self.caller.kind == CallerKind::Unknown {
            return (PolicyDecision::ImplicitDeny, By::UnknownPrincipal);
        }
        let denies = |layer: &Layer<'_>| layer.denies(reading);
        let optional = |layer: &Option<Layer<'_>>| layer.as_ref().is_some_and(denies);
        let deny = [
            (m.service_control.iter().any(denies), By::ServiceControlPolicy),
            (m.resource_control.iter().any(denies), By::ResourceControlPolicy),
            (denies(&m.identity), By::Identity),
            (optional(&m.boundary), By::Boundary),
            (optional(&m.session), By::Session),
            (denies(&m.resource), By::ResourcePolicy),
            (optional(&m.endpoint), By::Endpoint),
        ];
        if let Some((_, by)) = deny.into_iter().find(|(denied, _)| *denied) {
            return (PolicyDecision::ExplicitDeny, by);
        }
        let implicit = |by| (PolicyDecision::ImplicitDeny, by);
        if !m.service_control.iter().all(|level| level.allows(reading)) {
            return implicit(By::ServiceControlPolicy);
        }
        if m.endpoint.as_ref().is_some_and(|layer| !layer.allows(reading)) {
            return implicit(By::Endpoint);
        }
        let mut naming = m.resource.naming(reading);
        // RestrictPublicBuckets limits a bucket with a public policy to AWS services and to
        // authorized users of the owner's account (S3 User Guide, "Blocking public access").
        let restricted = self.policies.restrict_public_buckets
            && self.policies.resource.as_ref().is_some_and(|p| p.is_public())
            && !self.same_account
            && self.caller.kind != CallerKind::Service;
        if restricted && naming.take().is_some() {
            return implicit(By::BlockPublicAccess);
        }
        match self.caller.kind {
            CallerKind::Anonymous | CallerKind::Service | CallerKind::Federated => match naming {
                Some(_) => (PolicyDecision::Allow, By::ResourcePolicy),
                None => implicit(By::ResourcePolicy),
            },
            // Root credentials cannot call AssumeRole (STS API Reference, AssumeRole).
            CallerKind::Root if self.action.starts_with("sts:assumerole") => implicit(By::RootUser),
            _ => self.signed(m, naming, reading),
        }
    }

    fn signed(
        &self,
        m: &Matches<'_>,
        naming: Option<PrincipalNaming>,
        reading: Reading,
    ) -> (PolicyDecision, DecidedBy) {
        use DecidedBy as By;
        let implicit = |by| (PolicyDecision::ImplicitDeny, by);
        // Without a session policy such a session has no permissions of its own (STS API Reference,
        // GetFederationToken).
        let identity = match self.caller.kind {
            CallerKind::Root => true,
            CallerKind::FederatedUser if m.session.is_none() => false,
            _ => m.identity.allows(reading),
        };
        let boundary = m.boundary.as_ref().is_none_or(|layer| layer.allows(reading));
        let session = m.session.as_ref().is_none_or(|layer| layer.allows(reading));
        let limits = |identity_needed: bool, by: By| {
            if identity_needed && !identity {
                implicit(By::Identity)
            } else if !boundary {
                implicit(By::Boundary)
            } else if !session {
                implicit(By::Session)
            } else {
                (PolicyDecision::Allow, by)
            }
        };
        if !self.same_account {
            return match naming {
                None => implicit(By::ResourcePolicy),
                Some(_) => limits(true, By::Identity),
            };
        }
        match naming {
            // Within an account a grant to a user's or session's own ARN is not limited by an
            // implicit deny of identity policy, boundary or session policy (IAM User Guide,
            // "Policy evaluation for requests within a single account").
            Some(PrincipalNaming::Direct) => {
                // For the session policy the sources differ.
                let silent = !session;
                if silent && reading == Reading::Strict {
                    implicit(By::Session)
                } else {
                    (PolicyDecision::Allow, By::ResourcePolicy)
                }
            }
            Some(PrincipalNaming::Role) => limits(false, By::ResourcePolicy),
            Some(PrincipalNaming::Account) => limits(true, By::Identity),
            None if self.resource_policy_required() => implicit(By::ResourcePolicy),
            None => limits(true, By::Identity),
        }
    }
}
