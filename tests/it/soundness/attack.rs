//! Attempts to cross a wall: requests built at random and from the policies' own strings.

use std::collections::{BTreeMap, BTreeSet};

use palisade::iam::{ContextValue, Membership, Policies, Principal, Request, evaluate};
use palisade::isolation::crossing::{StepSource, StepTarget};
use palisade::isolation::paths::Origin;

use super::estate::{
    ACCOUNTS, Bucket, IDENTITY_POOLS, Identity, Model, ORGANIZATION, OTHERS, PARTNER, id_of,
};
use super::random::Random;

/// Somebody who starts in an origin and becomes whom it can.
pub(super) struct Attacker {
    /// The estate as its moves have left it.
    model: Model,
    /// Accounts of its own, in which it changes nothing.
    homes: BTreeSet<&'static str>,
    /// Everybody that it is or has become.
    reached: BTreeSet<StepSource>,
    /// What its sessions of a role may bear of the tag `team`, which they hand on.
    tags: BTreeMap<String, BTreeSet<String>>,
    /// What bears on a step, put together once.
    policies: BTreeMap<(StepSource, StepTarget), Policies>,
    pub(super) requests: usize,
}

/// A request that crosses a wall.
#[derive(Debug)]
pub(super) struct Crossing {
    #[expect(dead_code, reason = "for the message of a failure")]
    pub(super) request: Request,
}

impl Attacker {
    pub(super) fn new(model: &Model, origin: &Origin) -> Self {
        let of = |account: &str| {
            let own = model.identities.iter().filter(|i| i.account == account);
            own.map(|i| StepSource::Principal(i.arn.clone())).collect::<BTreeSet<_>>()
        };
        let reached = match origin {
            Origin::Environment(name) => of(name),
            Origin::Unassigned => of("shared"),
            Origin::External => {
                let mut all: BTreeSet<StepSource> = [
                    format!("arn:aws:iam::{PARTNER}:role/tool"),
                    format!("arn:aws:iam::{PARTNER}:role/else"),
                    format!("arn:aws:iam::{PARTNER}:role/deploy-x"),
                    "arn:aws:iam::777777777777:role/stranger".to_owned(),
                ]
                .map(StepSource::Foreign)
                .into();
                all.extend(ACCOUNTS.iter().map(|(_, id, _)| {
                    StepSource::Federated(format!(
                        "arn:aws:iam::{id}:oidc-provider/token.actions.githubusercontent.com"
                    ))
                }));
                all.insert(StepSource::Federated(IDENTITY_POOLS.to_owned()));
                all
            }
            _ => [StepSource::Anonymous].into(),
        };
        let homes = ACCOUNTS
            .iter()
            .map(|(handle, ..)| *handle)
            .filter(|handle| match origin {
                Origin::Environment(name) => name == handle,
                Origin::Unassigned => *handle == "shared",
                _ => false,
            })
            .collect();
        let model = model.clone();
        let (tags, policies) = (BTreeMap::new(), BTreeMap::new());
        Self { model, homes, reached, tags, policies, requests: 0 }
    }

    /// Tries to get into an environment; a request that does is returned.
    pub(super) fn attack(
        &mut self,
        to: &str,
        tries: usize,
        random: &mut Random,
    ) -> Option<Crossing> {
        for _ in 0..tries {
            let sources: Vec<StepSource> = self.reached.iter().cloned().collect();
            let source = random.of(&sources).clone();
            if let (StepSource::Principal(arn), true) = (&source, random.percent(35)) {
                let became = self.model.move_of(arn, &self.homes, random);
                self.requests += 1;
                self.policies.clear();
                self.reached.extend(became);
                continue;
            }
            let roles: Vec<(String, &str)> = self
                .model
                .identities
                .iter()
                .filter(|i| i.trust.is_some())
                .map(|i| (i.arn.clone(), i.account))
                .collect();
            // Assuming a role takes a signature or an assertion (STS API Reference, `AssumeRole`).
            let bucket = source == StepSource::Anonymous || random.percent(40);
            let (target, account, action, resource) = if bucket {
                let inside: Vec<&Bucket> =
                    self.model.buckets.iter().filter(|bucket| bucket.account == to).collect();
                let bucket = *random.of(&inside);
                let key = *random.of(&[
                    "",
                    "/k",
                    "/exports/k",
                    "/donn\u{e9}es/k",
                    "/donn\u{e9}es/\u{20ac}",
                    "/111111111111/k",
                    "/222222222222/k",
                    "/333333333333/k",
                    "/555555555555/k",
                ]);
                // What acts on objects has a key, and what acts on the bucket none.
                let action = if key.is_empty() {
                    *random.of(&["s3:ListBucket", "s3:DeleteBucket", "s3:GetBucketAcl"])
                } else {
                    *random.of(&["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
                };
                (
                    StepTarget::Resource(bucket.arn.clone()),
                    bucket.account,
                    action,
                    format!("{}{key}", bucket.arn),
                )
            } else {
                let (arn, account) = random.of(&roles);
                let action = match source {
                    StepSource::Federated(_) => "sts:AssumeRoleWithWebIdentity",
                    _ => "sts:AssumeRole",
                };
                (StepTarget::Role(arn.clone()), *account, action, arn.clone())
            };
            let (step, model) = ((source.clone(), target.clone()), &self.model);
            let policies = self.policies.entry(step).or_insert_with(|| {
                model.policies(&source, &target).expect("both are in the model")
            });
            let mut request = self.model.request(&source, action, &resource);
            request.resource_account = Some(id_of(account).to_owned());
            surroundings(&mut request, random);
            self.model.who(&source, &mut request, random);
            let worn = match &source {
                StepSource::Principal(arn) => self.tags.get(arn).into_iter().flatten().collect(),
                _ => Vec::new(),
            };
            let worn =
                (!worn.is_empty() && random.percent(60)).then(|| (*random.of(&worn)).clone());
            if let Some(team) = &worn {
                request.context.set("aws:PrincipalTag/team", team.as_str());
            }
            self.requests += 1;
            if !evaluate(&request, policies).is_allowed() {
                continue;
            }
            let StepTarget::Role(arn) = target else {
                if account == to {
                    return Some(Crossing { request });
                }
                continue;
            };
            // A tag that is handed on takes the right to tag as one that is passed does, and no one can change it (IAM
            // User Guide, "Pass session tags in AWS STS").
            let may_pass = matches!(source, StepSource::Principal(_) | StepSource::Foreign(_));
            let teams = ["data", "web"].into_iter().filter(|_| may_pass);
            let passed: Vec<&str> =
                teams.filter(|team| tags(&request, policies, Some(team))).collect();
            let hands_on =
                worn.as_ref().is_some_and(|_| !passed.is_empty() || tags(&request, policies, None));
            if worn.is_some() && !hands_on {
                continue;
            }
            if account == to {
                return Some(Crossing { request });
            }
            match worn {
                Some(team) => {
                    self.tags.entry(arn.clone()).or_default().insert(team);
                }
                None => {
                    let passed = passed.into_iter().map(str::to_owned);
                    self.tags.entry(arn.clone()).or_default().extend(passed);
                }
            }
            self.reached.insert(StepSource::Principal(arn));
        }
        None
    }
}

/// Whether who assumes a role by this request may tag its session: with a team, or with nothing.
fn tags(request: &Request, policies: &Policies, team: Option<&str>) -> bool {
    let mut tagging = request.clone();
    tagging.action = "sts:TagSession".to_owned();
    let keys = team.iter().map(|_| "team".to_owned()).collect();
    tagging.context.set("aws:TagKeys", ContextValue::Many(keys));
    if let Some(team) = team {
        tagging.context.set("aws:RequestTag/team", team);
    }
    evaluate(&tagging, policies).is_allowed()
}

/// Values that the generator's conditions tell apart.
fn surroundings(request: &mut Request, random: &mut Random) {
    let keys: &[(&str, &[&str])] = &[
        ("aws:SourceIp", &["10.1.2.3", "192.0.2.7", "203.0.113.9", "2001:db8::1", "::1"]),
        ("aws:MultiFactorAuthPresent", &["true", "false"]),
        ("aws:MultiFactorAuthAge", &["10", "3599", "3600", "9000"]),
        ("aws:SecureTransport", &["true", "false"]),
        ("sts:ExternalId", &["blue", "red"]),
        (
            "s3:prefix",
            &[
                "home/111111111111/a",
                "home/222222222222/a",
                "home/333333333333/a",
                "home/555555555555/a",
                "home/444444444444/a",
                "x",
            ],
        ),
        ("aws:CurrentTime", &["2026-11-23T10:00:00Z", "2027-06-01T00:00:00Z"]),
        ("aws:SourceVpce", &["vpce-1"]),
        (
            "token.actions.githubusercontent.com:sub",
            &[
                "repo:acme/app:ref:refs/heads/main",
                "repo:acme/x:pull_request",
                "repo:evil/x:ref:refs/heads/main",
            ],
        ),
        ("cognito-identity.amazonaws.com:aud", &["us-east-1:pool", "us-east-1:else"]),
    ];
    for (key, values) in keys {
        if random.percent(60) {
            request.context.set(key, *random.of(values));
        }
    }
    match random.below(4) {
        0 => request.context.set("aws:TagKeys", ContextValue::Many(vec!["team".to_owned()])),
        1 => request
            .context
            .set("aws:TagKeys", ContextValue::Many(vec!["team".to_owned(), "secret".to_owned()])),
        2 => request.context.set("aws:TagKeys", ContextValue::Many(Vec::new())),
        _ => {}
    }
    // Tags of principals outside the estate are anybody's guess.
    if !matches!(&request.principal, Principal::Arn(arn) if ACCOUNTS.iter().any(|(_, id, _)| arn.contains(id)))
        && matches!(request.principal, Principal::Arn(_))
        && random.percent(50)
    {
        request.context.set("aws:PrincipalTag/team", *random.of(&["data", "web"]));
    }
}

impl Model {
    /// What is anybody's guess about who asks, and what cannot be.
    fn who(&self, source: &StepSource, request: &mut Request, random: &mut Random) {
        if let Principal::Arn(arn) = &mut request.principal
            && random.percent(50)
        {
            // Whoever assumes a role names its session.
            *arn = arn.replace("/attack", "/release");
        }
        if request.action.starts_with("sts:") {
            // Tags are passed of their own (`tags`), and keys of S3 are S3's.
            request.context.remove("aws:TagKeys");
            request.context.remove("s3:prefix");
        } else {
            request.context.remove("sts:ExternalId");
        }
        if source.name() == IDENTITY_POOLS {
            // Every token of a pool says which pool, and whether its holder is a guest.
            let key = "cognito-identity.amazonaws.com:aud";
            if request.context.get(key).is_none() {
                request.context.set(key, "us-east-1:else");
            }
            let amr = *random.of(&["authenticated", "unauthenticated"]);
            let amr = ContextValue::Many(vec![amr.to_owned()]);
            request.context.set("cognito-identity.amazonaws.com:amr", amr);
        }
        match source {
            StepSource::Anonymous => {
                request.context.remove("aws:MultiFactorAuthAge");
                request.context.remove("aws:MultiFactorAuthPresent");
            }
            StepSource::Foreign(_) if random.percent(50) => {
                let others = Membership { id: OTHERS.to_owned(), management_account: false };
                request.principal_organization = Some(others);
            }
            StepSource::Principal(arn)
                if self.identity_of(arn).is_some_and(Identity::is_for_services) =>
            {
                // A session that a service or a provider has begun carries no second factor.
                request.context.remove("aws:MultiFactorAuthAge");
                if request.context.get("aws:MultiFactorAuthPresent").is_some() {
                    request.context.set("aws:MultiFactorAuthPresent", "false");
                }
            }
            _ => {}
        }
    }

    /// A request with all that follows from who asks.
    pub(super) fn request(&self, source: &StepSource, action: &str, resource: &str) -> Request {
        let principal = match source {
            StepSource::Anonymous => Principal::Anonymous,
            StepSource::Federated(provider) => Principal::Federated(provider.clone()),
            StepSource::Service(service) => Principal::Service(service.clone()),
            StepSource::Principal(arn) | StepSource::Foreign(arn) => {
                Principal::Arn(match arn.split_once(":role/") {
                    Some((head, name)) => {
                        let head = head.replace(":iam:", ":sts:");
                        format!("{head}:assumed-role/{name}/attack")
                    }
                    None => arn.clone(),
                })
            }
        };
        let mut request = Request::new(principal, action, resource);
        let member = Some(Membership { id: ORGANIZATION.to_owned(), management_account: false });
        request.resource_organization = member.clone();
        if let StepSource::Principal(arn) = source {
            let identity = self.identity_of(arn).expect("in the model");
            let (_, _, unit) =
                ACCOUNTS.iter().find(|(handle, ..)| *handle == identity.account).expect("known");
            request.principal_organization = member;
            request
                .context
                .set("aws:PrincipalArn", identity.called.as_ref().unwrap_or(arn).as_str());
            if let Some(called) = &identity.called {
                let name = called.rsplit('/').next().expect("a name");
                request.context.set("aws:username", name);
            }
            request.context.set(
                "aws:PrincipalOrgPaths",
                ContextValue::Many(vec![format!("{ORGANIZATION}/r-ab12/{unit}/")]),
            );
            for (key, value) in &identity.tags {
                request.context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
        request
    }
}
