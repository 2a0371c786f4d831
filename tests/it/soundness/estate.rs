//! Generated estates: what is in them.

use std::collections::BTreeMap;

use palisade::isolation::crossing::{StepSource, StepTarget};
use serde_json::{Value as Json, json};

use super::random::Random;

pub(super) const ENVIRONMENTS: &[&str] = &["dev", "production", "staging"];
pub(super) const ORGANIZATION: &str = "o-aaaaaaaaaa";
pub(super) const PARTNER: &str = "444444444444";
/// Another organization than ours.
pub(super) const OTHERS: &str = "o-others0000";
/// The provider of web identities that every account may name.
pub(super) const IDENTITY_POOLS: &str = "cognito-identity.amazonaws.com";
pub(super) const ROOT: &str = "r-ab12";
pub(super) const MANAGEMENT: &str = "999999999999";

/// Handle (the environment's name too, but for `shared`), id, unit.
pub(super) const ACCOUNTS: &[(&str, &str, &str)] = &[
    ("dev", "111111111111", "ou-ab12-nonprod1"),
    ("shared", "222222222222", "ou-ab12-nonprod1"),
    ("production", "333333333333", "ou-ab12-prod1234"),
    ("staging", "555555555555", "ou-ab12-nonprod1"),
];

pub(super) fn id_of(account: &str) -> &'static str {
    ACCOUNTS.iter().find(|(handle, ..)| *handle == account).unwrap().1
}

#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) account: &'static str,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) policies: Vec<Json>,
    pub(super) boundary: Option<Json>,
    /// For roles.
    pub(super) trust: Option<Json>,
    pub(super) tags: BTreeMap<String, String>,
    /// The ARN of the name that it was given, for users.
    pub(super) called: Option<String>,
}

impl Identity {
    /// Whether services and identity providers alone assume it.
    pub(super) fn is_for_services(&self) -> bool {
        let statements = self.trust.iter().flat_map(|t| t["Statement"].as_array().unwrap());
        self.trust.is_some()
            && statements.filter(|s| s["Effect"] == "Allow").all(|s| {
                ["Service", "Federated"].iter().any(|kind| s["Principal"].get(kind).is_some())
            })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) account: &'static str,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) policy: Option<Json>,
    /// Whether its own block of public access restricts a public policy.
    pub(super) restricted: bool,
}

/// What kind of estate is made, so that closed, open and conditional walls all come up often.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    /// How many roles and buckets of 100 let somebody else in.
    openness: usize,
    /// Grants of one that does.
    grants: usize,
    /// How many of 100 grants have a condition.
    conditions: usize,
    /// How many of 100 conditions are about the surroundings.
    surroundings: usize,
    /// How many principals of 100 may do everything.
    mighty: usize,
    /// How many of 100 grants are of rights that move walls.
    powers: usize,
}

impl Manner {
    fn of(seed: u64, random: &mut Random) -> Self {
        match seed % 3 {
            0 => Self {
                openness: 10 + random.below(40),
                grants: 1,
                conditions: 40,
                surroundings: 30,
                mighty: 5,
                powers: 45,
            },
            1 => Self {
                openness: 95,
                grants: 2,
                conditions: 15,
                surroundings: 30,
                mighty: 75,
                powers: 10,
            },
            _ => Self {
                openness: 95,
                grants: 2,
                conditions: 100,
                surroundings: 95,
                mighty: 75,
                powers: 10,
            },
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    manner: Manner,
    pub(super) identities: Vec<Identity>,
    pub(super) buckets: Vec<Bucket>,
    /// SCPs: targets and document.
    pub(super) controls: Vec<(Vec<String>, Json)>,
    /// RCPs: targets and document.
    pub(super) resource_controls: Vec<(Vec<String>, Json)>,
    /// Accounts that restrict public policies of all their buckets.
    pub(super) restricting: Vec<&'static str>,
    /// Accounts that a plan is about to take over: AWS alone tells their ids.
    pub(super) adopted: Vec<&'static str>,
}

/// The root, a unit or an account.
fn level(random: &mut Random) -> String {
    match random.below(3) {
        0 => ROOT.to_owned(),
        1 => (*random.of(&["ou-ab12-nonprod1", "ou-ab12-prod1234"])).to_owned(),
        _ => random.of(ACCOUNTS).1.to_owned(),
    }
}

/// Services that roles are for.
const SERVICES: &[&str] = &[
    "ec2.amazonaws.com",
    "ec2.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "lambda.amazonaws.com",
    "glue.amazonaws.com",
    "codebuild.amazonaws.com",
];

fn document(statements: Vec<Json>) -> Json {
    json!({"Version": "2012-10-17", "Statement": statements})
}

pub(super) fn everything() -> Json {
    document(vec![json!({"Effect": "Allow", "Action": "*", "Resource": "*"})])
}

impl Model {
    pub(super) fn generate(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let mut model = Self { manner: Manner::of(seed, random), ..Self::default() };
        for (account, id, _) in ACCOUNTS {
            for number in 0..2 + random.below(2) {
                let user = number == 2;
                let name = if user { "u0".to_owned() } else { format!("r{number}") };
                let kind = if user { "user" } else { "role" };
                let mut tags = BTreeMap::new();
                if random.percent(50) {
                    tags.insert("team".to_owned(), (*random.of(&["data", "web"])).to_owned());
                }
                model.identities.push(Identity {
                    account,
                    arn: format!("arn:aws:iam::{id}:{kind}/{name}"),
                    name,
                    policies: Vec::new(),
                    boundary: None,
                    trust: None,
                    tags,
                    called: None,
                });
            }
            model.buckets.push(Bucket {
                account,
                arn: format!("arn:aws:s3:::{account}-data"),
                name: format!("{account}-data"),
                policy: None,
                restricted: random.percent(15),
            });
            if random.percent(8) {
                model.restricting.push(account);
            }
        }
        for at in 0..model.identities.len() {
            let policies = (0..1 + random.below(2)).map(|_| model.identity(random)).collect();
            model.identities[at].policies = policies;
            if random.percent(model.manner.mighty) {
                model.identities[at].policies.push(everything());
            }
            if random.percent(20) {
                model.identities[at].boundary = Some(model.limit(random));
            }
            if model.identities[at].arn.contains(":role/") {
                model.identities[at].trust = Some(model.trust(at, random));
            }
        }
        for at in 0..model.buckets.len() {
            if random.percent(60) {
                model.buckets[at].policy = Some(model.bucket_policy(at, random));
            }
        }
        for _ in 0..random.below(3) {
            let mut statement = model.grant(random);
            statement["Effect"] = json!("Deny");
            model.controls.push((vec![level(random)], document(vec![statement])));
        }
        for _ in 0..random.below(2) {
            let statement = model.resource_control(random);
            model.resource_controls.push((vec![level(random)], document(vec![statement])));
        }
        let random = &mut Random::new(seed ^ 0xc0de);
        if random.percent(if seed.is_multiple_of(3) { 90 } else { 40 }) {
            model.add_relay(random);
        }
        model.let_tag(&mut Random::new(seed ^ 0x7a65));
        let random = &mut Random::new(seed ^ 0xad09);
        let adopted = ACCOUNTS.iter().filter(|_| random.percent(30));
        model.adopted = adopted.map(|(account, ..)| *account).collect();
        model
    }

    /// Adds an account in between that one account gets into, and whose service role gets into another: but for what
    /// code under that role may do, nothing leads from the one to the other.
    fn add_relay(&mut self, random: &mut Random) {
        let mut start = random.below(ACCOUNTS.len());
        if !ENVIRONMENTS.contains(&ACCOUNTS[(start + 2) % ACCOUNTS.len()].0) {
            start += 1;
        }
        let account = |step: usize| ACCOUNTS[(start + step) % ACCOUNTS.len()].0;
        let role = |model: &Self, account: &str, name: &str| {
            let mut all = model.identities.iter();
            all.position(|i| i.account == account && i.name == name).expect("every account has it")
        };
        let (guest, runner) = (role(self, account(1), "r1"), role(self, account(1), "r0"));
        let (caller, target) = (role(self, account(0), "r0"), role(self, account(2), "r0"));
        // Who gets in may do nothing there, so that the code is often all that leads on.
        let reads = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
        self.identities[guest].policies = vec![document(vec![reads])];
        for (source, target) in [(caller, guest), (runner, target)] {
            self.identities[source].boundary = None;
            let arn = self.identities[target].arn.clone();
            let enter = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn});
            self.identities[source].policies.push(document(vec![enter]));
            let mut trusted = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": self.identities[source].arn}});
            if source == runner && random.percent(80) {
                trusted["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
            }
            let trust = self.identities[target].trust.as_mut().expect("a role");
            trust["Statement"].as_array_mut().expect("a list").push(trusted);
        }
        // Services alone assume the role that goes on.
        let trust = self.identities[runner].trust.as_mut().expect("a role");
        trust["Statement"].as_array_mut().expect("a list").truncate(1);
    }

    /// Lets whom a role trusts tag its sessions, whatever it likes or within limits.
    fn let_tag(&mut self, random: &mut Random) {
        for identity in &mut self.identities {
            let Some(trust) = &mut identity.trust else { continue };
            let statements = trust["Statement"].as_array_mut().expect("a list");
            let assuming = |s: &&Json| {
                s["Effect"] == "Allow"
                    && s["Action"] == "sts:AssumeRole"
                    && s["Principal"].get("Service").is_none()
            };
            let trusted: Vec<Json> =
                statements.iter().filter(assuming).map(|s| s["Principal"].clone()).collect();
            for principal in trusted {
                if !random.percent(40) {
                    continue;
                }
                let mut tagging =
                    json!({"Effect": "Allow", "Action": "sts:TagSession", "Principal": principal});
                match random.below(3) {
                    0 => {}
                    1 => {
                        tagging["Condition"] =
                            json!({"StringEquals": {"aws:RequestTag/team": "web"}});
                    }
                    _ => {
                        tagging["Condition"] =
                            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}});
                    }
                }
                statements.push(tagging);
            }
        }
    }

    /// Adds an RCP over some actions, with a condition or without.
    pub(super) fn add_resource_control(&mut self, action: &str, random: &mut Random) {
        let mut statement = self.resource_control(random);
        statement["Action"] = json!(action);
        statement["Resource"] = json!("*");
        self.resource_controls.push((vec![level(random)], document(vec![statement])));
    }

    /// What RCPs are made of (Organizations User Guide, "RCP syntax": they deny, everybody).
    fn resource_control(&self, random: &mut Random) -> Json {
        let mut statement = json!({"Effect": "Deny", "Principal": "*",
            "Action": *random.of(&["s3:*", "s3:GetObject", "sts:AssumeRole", "sts:*"])});
        let bucket = &random.of(&self.buckets).arn;
        let resource = if random.percent(70) { "*".to_owned() } else { format!("{bucket}/*") };
        statement["Resource"] = json!(resource);
        if random.percent(80) {
            statement["Condition"] = self.condition(random);
        }
        statement
    }

    /// An action, a resource, perhaps a condition: what identity policies and SCPs are made of.
    fn grant(&self, random: &mut Random) -> Json {
        let mut statement = json!({"Effect": "Allow"});
        let actions = *random.of(&[
            "sts:AssumeRole",
            "sts:*",
            "sts:Assume*",
            "s3:GetObject",
            "s3:Get*",
            "s3:*",
            "*",
            "s3:PutObject",
            "STS:assumerole",
        ]);
        let actions = if random.percent(self.manner.powers) {
            *random.of(&[
                "iam:*",
                "iam:PutRolePolicy",
                "iam:UpdateAssumeRolePolicy",
                "iam:CreateAccessKey",
                "iam:PassRole",
                "iam:TagRole",
                "iam:CreateRole",
                "iam:Delete*",
                "iam:AttachRolePolicy",
                "iam:AttachUserPolicy",
                "iam:CreateLoginProfile",
                "iam:Update*",
                "iam:UpdateUser",
                "iam:PutRolePermissionsBoundary",
                "ec2:RunInstances",
                "ec2:*",
                "ecs:RunTask",
                "lambda:*",
                "glue:UpdateJob",
                "codebuild:StartBuild",
            ])
        } else {
            actions
        };
        if random.percent(8) {
            statement["NotAction"] = json!(*random.of(&["iam:*", "sts:AssumeRole", "s3:Put*"]));
        } else if random.percent(20) {
            statement["Action"] = json!([actions, "s3:ListBucket"]);
        } else {
            statement["Action"] = json!(actions);
        }
        let other = random.of(&self.identities).arn.clone();
        let bucket = random.of(&self.buckets).arn.clone();
        let account = random.of(ACCOUNTS).1;
        let resource = match random.below(10) {
            0..=3 => "*".to_owned(),
            4 => other,
            5 => format!("arn:aws:iam::{account}:role/*"),
            6 => "arn:aws:iam::*:role/r1".to_owned(),
            7 => format!("{bucket}/*"),
            8 => format!("{bucket}/${{aws:PrincipalAccount}}/*"),
            _ => "arn:aws:s3:::*-data*".to_owned(),
        };
        if random.percent(8) {
            statement["NotResource"] = json!(resource);
        } else {
            statement["Resource"] = json!(resource);
        }
        if random.percent(22) {
            statement["Condition"] = self.condition(random);
        }
        statement
    }

    fn identity(&self, random: &mut Random) -> Json {
        let mut statements = vec![self.grant(random)];
        if random.percent(25) {
            let mut deny = self.grant(random);
            deny["Effect"] = json!("Deny");
            statements.push(deny);
        }
        document(statements)
    }

    fn limit(&self, random: &mut Random) -> Json {
        let mut statements = vec![self.grant(random)];
        if random.percent(60) {
            statements = vec![json!({"Effect": "Allow", "Action": "*", "Resource": "*"})];
            let mut deny = self.grant(random);
            deny["Effect"] = json!("Deny");
            statements.push(deny);
        }
        document(statements)
    }

    fn trust(&self, at: usize, random: &mut Random) -> Json {
        let mut statements = vec![json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": *random.of(SERVICES)}})];
        for _ in 0..self.manner.grants {
            if !random.percent(self.manner.openness) {
                continue;
            }
            let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": self.principal(random)});
            if random.percent(self.manner.conditions) {
                statement["Condition"] = self.condition(random);
            }
            statements.push(statement);
        }
        if random.percent(self.manner.openness / 2) {
            statements.push(if random.percent(30) {
                let amr = *random.of(&["authenticated", "unauthenticated", "*"]);
                json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": {"Federated": IDENTITY_POOLS},
                    "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:pool"},
                        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": amr}}})
            } else {
                let account = id_of(self.identities[at].account);
                json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com")},
                    "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": *random.of(&["repo:acme/*", "repo:acme/app:ref:refs/heads/main", "*"])}}})
            });
        }
        if random.percent(20) {
            let mut deny = json!({"Effect": "Deny", "Action": *random.of(&["sts:AssumeRole", "sts:*"]),
                "Principal": self.principal(random)});
            if random.percent(60) {
                deny["Condition"] = self.condition(random);
            }
            statements.push(deny);
        }
        document(statements)
    }

    fn bucket_policy(&self, at: usize, random: &mut Random) -> Json {
        let arn = &self.buckets[at].arn;
        let mut statements = vec![json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")], "Condition": {"Bool": {"aws:SecureTransport": "false"}}})];
        if random.percent(self.manner.openness) {
            let resource = match random.below(5) {
                4 => format!("{arn}/donn\u{e9}es/?"),
                0 => arn.clone(),
                1 => format!("{arn}/exports/*"),
                2 => format!("{arn}/${{aws:PrincipalAccount}}/*"),
                _ => format!("{arn}/*"),
            };
            let mut statement = json!({"Effect": "Allow", "Principal": self.principal(random),
                "Action": *random.of(&["s3:GetObject", "s3:*", "s3:Get*", "s3:ListBucket"]), "Resource": resource});
            if random.percent(self.manner.conditions) {
                statement["Condition"] = self.condition(random);
            }
            statements.push(statement);
        }
        if random.percent(25) {
            let mut deny = json!({"Effect": "Deny", "Principal": self.principal(random),
                "Action": *random.of(&["s3:GetObject", "s3:*"]), "Resource": format!("{arn}*")});
            if random.percent(60) {
                deny["Condition"] = self.condition(random);
            }
            statements.push(deny);
        }
        document(statements)
    }

    fn principal(&self, random: &mut Random) -> Json {
        match random.below(13) {
            12 => {
                let arn = &random.of(&self.identities).arn;
                let session = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
                let is_role = arn.contains(":role/");
                json!({"AWS": if is_role { format!("{session}/release") } else { arn.clone() }})
            }
            0..=5 => json!({"AWS": random.of(&self.identities).arn}),
            6 | 7 => json!({"AWS": random.of(ACCOUNTS).1}),
            8 => json!({"AWS": format!("arn:aws:iam::{}:root", random.of(ACCOUNTS).1)}),
            9 => {
                json!({"AWS": [random.of(&self.identities).arn, format!("arn:aws:iam::{PARTNER}:root")]})
            }
            10 => json!({"AWS": format!("arn:aws:iam::{PARTNER}:role/tool")}),
            _ => json!("*"),
        }
    }

    fn condition(&self, random: &mut Random) -> Json {
        let around = random.percent(self.manner.surroundings);
        let pick = |random: &mut Random| {
            if around { *random.of(&[0, 1, 2, 3, 11, 12, 13]) } else { random.below(21) }
        };
        let one = |random: &mut Random| match pick(random) {
            0 => ("IpAddress", "aws:SourceIp", json!("10.0.0.0/8")),
            1 => ("NotIpAddress", "aws:SourceIp", json!(["192.0.2.0/24", "2001:db8::/32"])),
            2 => ("Bool", "aws:MultiFactorAuthPresent", json!("true")),
            3 => ("BoolIfExists", "aws:MultiFactorAuthPresent", json!("false")),
            4 => ("StringEquals", "aws:PrincipalTag/team", json!("data")),
            5 => ("StringNotEquals", "aws:PrincipalTag/team", json!("web")),
            6 => ("StringEquals", "aws:PrincipalOrgID", json!(ORGANIZATION)),
            7 => ("StringNotEquals", "aws:PrincipalAccount", json!(random.of(ACCOUNTS).1)),
            8 => ("ArnLike", "aws:PrincipalArn", json!("arn:aws:iam::*:role/r0")),
            9 => ("StringEquals", "sts:ExternalId", json!("blue")),
            10 => ("StringLike", "s3:prefix", json!("home/${aws:PrincipalAccount}/*")),
            11 => ("DateLessThan", "aws:CurrentTime", json!("2027-01-01T00:00:00Z")),
            12 => ("NumericLessThan", "aws:MultiFactorAuthAge", json!("3600")),
            13 => ("Null", "aws:SourceVpce", json!("false")),
            14 => (
                "ForAnyValue:StringLike",
                "aws:PrincipalOrgPaths",
                json!(format!("{ORGANIZATION}/{ROOT}/ou-ab12-nonprod1/*")),
            ),
            15 => ("StringEquals", "aws:PrincipalOrgID", json!([ORGANIZATION, OTHERS])),
            16 => ("StringEquals", "aws:PrincipalAccount", json!(PARTNER)),
            17 => (
                "ArnLike",
                "aws:PrincipalArn",
                json!(format!("arn:aws:iam::{PARTNER}:role/deploy-*")),
            ),
            18 => ("ArnLike", "aws:PrincipalArn", json!("arn:aws:iam::*:user/ops/*")),
            19 => ("StringEquals", "aws:username", json!("alice")),
            _ => ("ForAllValues:StringEquals", "aws:TagKeys", json!(["team", "cost"])),
        };
        let mut condition = json!({});
        for _ in 0..1 + usize::from(random.percent(30)) {
            let (operator, key, value) = one(random);
            condition[operator][key] = value;
        }
        condition
    }

    /// The same estate with one statement more or less so that `from` reaches `to`: a role there
    /// that trusts a principal here which may assume it. `None` when none of a few edits does.
    pub(super) fn open(&self, from: &str, to: &str, random: &mut Random) -> Option<Self> {
        for _ in 0..12 {
            let mut mutant = self.clone();
            let inside = |account: &str| {
                let all = self.identities.iter().enumerate();
                all.filter(|(_, i)| i.account == account).map(|(at, _)| at).collect::<Vec<_>>()
            };
            let roles: Vec<usize> =
                inside(to).into_iter().filter(|at| self.identities[*at].trust.is_some()).collect();
            let (source, target) = (*random.of(&inside(from)), *random.of(&roles));
            let arn = self.identities[source].arn.clone();
            let statement =
                json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arn}});
            let trust = mutant.identities[target].trust.as_mut().unwrap();
            trust["Statement"].as_array_mut().unwrap()[0] = statement;
            let step = (
                StepSource::Principal(arn.clone()),
                StepTarget::Role(self.identities[target].arn.clone()),
            );
            let policies = mutant.policies(&step.0, &step.1).unwrap();
            let request = mutant.request(&step.0, "sts:AssumeRole", step.1.arn());
            if palisade::iam::evaluate(&request, &policies).is_allowed() {
                return Some(mutant);
            }
        }
        None
    }
}
