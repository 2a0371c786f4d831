//! A generated estate and a change of it, written in no format.
//!
//! In policies, `@role:dev:r0@` stands for the ARN of a role, `@id:dev@` for the id of an account and `@org@` for that of
//! the organization.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::soundness::random::Random;

/// Accounts with the unit that they begin in; `tools` is in no environment.
pub(super) const ACCOUNTS: [(&str, &str); 4] =
    [("dev", "build"), ("staging", "build"), ("tools", "build"), ("production", "live")];
/// Accounts that are environments.
pub(super) const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];
pub(super) const UNITS: [&str; 2] = ["build", "live"];
/// The name of the managed policy in each account.
pub(super) const MANAGED: &str = "shared";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Role {
    pub(super) account: &'static str,
    pub(super) name: String,
    pub(super) trust: Value,
    pub(super) inline: BTreeMap<String, Value>,
    /// Whether the account's managed policy is attached to it.
    pub(super) attached: bool,
    /// Whether that policy bounds it.
    pub(super) bounded: bool,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) account: &'static str,
    pub(super) policy: Option<Value>,
    /// Whether public access is blocked.
    pub(super) blocked: bool,
}

/// A service or resource control policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Control {
    pub(super) name: String,
    pub(super) on_resources: bool,
    pub(super) content: Value,
    /// Units and accounts.
    pub(super) targets: BTreeSet<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Estate {
    pub(super) roles: Vec<Role>,
    /// The managed policy of each account.
    pub(super) managed: BTreeMap<&'static str, Value>,
    pub(super) buckets: Vec<Bucket>,
    pub(super) controls: Vec<Control>,
    /// The unit that each account is in.
    pub(super) parents: BTreeMap<&'static str, &'static str>,
}

impl Role {
    pub(super) fn key(&self) -> (&'static str, &str) {
        (self.account, &self.name)
    }

    fn mention(&self) -> String {
        format!("@role:{}:{}@", self.account, self.name)
    }
}

impl Bucket {
    pub(super) fn name(&self) -> String {
        format!("acme-forms-{}", self.account)
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Whether S3 may take a policy to be public.
fn is_public(policy: &Value) -> bool {
    policy["Statement"][0]["Principal"] == json!("*")
}

impl Estate {
    pub(super) fn generate(random: &mut Random) -> Self {
        let mut estate = Self {
            roles: Vec::new(),
            managed: BTreeMap::new(),
            buckets: Vec::new(),
            controls: Vec::new(),
            parents: ACCOUNTS.into(),
        };
        for number in 0..2 {
            // Who trusts whom follows the order in which they are made: in every second estate production comes first.
            let mut accounts: Vec<&'static str> = ACCOUNTS.iter().map(|(name, _)| *name).collect();
            if random.percent(50) {
                accounts.reverse();
            }
            for account in accounts {
                let role = estate.role(account, format!("r{number}"), random);
                estate.roles.push(role);
            }
        }
        for (account, _) in ACCOUNTS {
            estate.managed.insert(account, estate.permissions(random));
            let policy = random.percent(60).then(|| estate.bucket_policy(account, random));
            // S3 takes no public policy where public access is blocked.
            let public = policy.as_ref().is_some_and(is_public);
            estate.buckets.push(Bucket { account, policy, blocked: !public && random.percent(60) });
        }
        for number in 0..random.below(3) {
            let control = estate.control(format!("keep{number}"), random.percent(40), random);
            estate.controls.push(control);
        }
        estate
    }

    /// A role that may trust those that are there already.
    fn role(&self, account: &'static str, name: String, random: &mut Random) -> Role {
        let mut inline = BTreeMap::new();
        for policy in ["work", "extra"] {
            if random.percent(60) {
                inline.insert(policy.to_owned(), self.permissions(random));
            }
        }
        let mut tags = BTreeMap::new();
        if random.percent(40) {
            tags.insert("team".to_owned(), (*random.of(&["data", "web"])).to_owned());
        }
        Role {
            account,
            name,
            trust: self.trust(self.roles.len(), random),
            inline,
            attached: random.percent(40),
            bounded: random.percent(20),
            tags,
        }
    }

    /// A trust policy that names only the first so many roles.
    fn trust(&self, before: usize, random: &mut Random) -> Value {
        let mut statements = Vec::new();
        if random.percent(70) {
            let service = *random.of(&["ec2.amazonaws.com", "lambda.amazonaws.com"]);
            statements.push(json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}));
        }
        if statements.is_empty() || random.percent(60) {
            let mut statement = json!({"Effect": "Allow", "Principal": self.principal(before, random), "Action": "sts:AssumeRole"});
            self.maybe_condition(35, &mut statement, random);
            statements.push(statement);
        }
        document(statements)
    }

    fn principal(&self, before: usize, random: &mut Random) -> Value {
        let account = random.of(&ACCOUNTS).0;
        match random.below(10) {
            0 => json!("*"),
            1 => json!({"AWS": "arn:aws:iam::444444444444:root"}),
            2 | 3 => json!({"AWS": format!("arn:aws:iam::@id:{account}@:root")}),
            4 => json!({"AWS": format!("@id:{account}@")}),
            _ => match self.roles.get(..before) {
                Some([]) | None => json!({"AWS": format!("arn:aws:iam::@id:{account}@:root")}),
                Some(roles) => json!({"AWS": random.of(roles).mention()}),
            },
        }
    }

    fn maybe_condition(&self, percent: usize, statement: &mut Value, random: &mut Random) {
        if !random.percent(percent) {
            return;
        }
        let account = random.of(&ACCOUNTS).0;
        statement["Condition"] = match random.below(7) {
            0 => json!({"StringEquals": {"aws:PrincipalOrgID": "@org@"}}),
            1 => json!({"StringEquals": {"sts:ExternalId": "blue"}}),
            2 => json!({"StringEquals": {"aws:PrincipalTag/team": "data"}}),
            3 => json!({"StringNotEquals": {"aws:PrincipalAccount": format!("@id:{account}@")}}),
            4 => json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            5 => json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            _ => json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r0"}}),
        };
    }

    fn statement(&self, random: &mut Random) -> Value {
        let actions = [
            "sts:AssumeRole",
            "sts:*",
            "s3:GetObject",
            "s3:*",
            "*",
            "iam:PutRolePolicy",
            "iam:PassRole",
            "lambda:*",
        ];
        let bucket = format!("arn:aws:s3:::acme-forms-{}", random.of(&ACCOUNTS).0);
        let account = random.of(&ACCOUNTS).0;
        let resource = match random.below(6) {
            0 => json!(format!("arn:aws:iam::@id:{account}@:role/*")),
            1 => json!([bucket.clone(), format!("{bucket}/*")]),
            2 => json!(format!("{bucket}/${{aws:PrincipalAccount}}/*")),
            _ => json!("*"),
        };
        let mut statement =
            json!({"Effect": "Allow", "Action": *random.of(&actions), "Resource": resource});
        self.maybe_condition(15, &mut statement, random);
        statement
    }

    fn permissions(&self, random: &mut Random) -> Value {
        let mut statements = vec![self.statement(random)];
        if random.percent(20) {
            let mut deny = self.statement(random);
            deny["Effect"] = json!("Deny");
            statements.push(deny);
        }
        document(statements)
    }

    fn bucket_policy(&self, account: &str, random: &mut Random) -> Value {
        let bucket = format!("arn:aws:s3:::acme-forms-{account}");
        let mut statement = json!({
            "Effect": "Allow", "Principal": self.principal(self.roles.len(), random),
            "Action": *random.of(&["s3:GetObject", "s3:*"]), "Resource": [bucket.clone(), format!("{bucket}/*")]
        });
        self.maybe_condition(35, &mut statement, random);
        document(vec![statement])
    }

    fn control(&self, name: String, on_resources: bool, random: &mut Random) -> Control {
        let action = *random.of(&["sts:AssumeRole", "s3:*"]);
        let mut statement = json!({"Effect": "Deny", "Action": action, "Resource": "*"});
        if on_resources {
            // Whoever applies comes from outside of the accounts to begin with.
            statement["Action"] = json!("s3:*");
            statement["Principal"] = json!("*");
        }
        self.maybe_condition(60, &mut statement, random);
        // An apply has to get in itself.
        let own = "arn:aws:iam::*:role/OrganizationAccountAccessRole";
        if statement["Condition"]["ArnLike"].is_null() {
            statement["Condition"]["ArnNotLike"] = json!({"aws:PrincipalArn": own});
        }
        let targets = [*random.of(&["build", "live", "dev", "production", "tools"])].into();
        Control { name, on_resources, content: document(vec![statement]), targets }
    }

    /// The same with one to three edits.
    pub(super) fn changed(&self, random: &mut Random) -> Self {
        let mut after = self.clone();
        let edits = 1 + random.below(3);
        let mut tries = 0;
        while tries < 20 && (tries < edits || after == *self) {
            tries += 1;
            after.edit(random);
        }
        after
    }

    fn edit(&mut self, random: &mut Random) {
        let at = random.below(self.roles.len());
        match random.below(15) {
            0..=2 => self.roles[at].trust = self.trust(at, random),
            3 => {
                let policy = self.permissions(random);
                self.roles[at].inline.insert("work".to_owned(), policy);
            }
            4 => {
                self.roles[at].inline.pop_first();
            }
            5 => self.roles[at].attached ^= true,
            6 => self.roles[at].bounded ^= true,
            7 => {
                let account = random.of(&ACCOUNTS).0;
                let name = format!("n{}", self.roles.len());
                let role = self.role(account, name, random);
                self.roles.push(role);
            }
            8 => {
                let mention = self.roles[at].mention();
                let others = self.roles.iter().map(|role| role.trust.to_string());
                let policies = self.buckets.iter().flat_map(|b| b.policy.as_ref());
                let mut all = others.chain(policies.map(Value::to_string));
                if !all.any(|text| text.contains(&mention)) {
                    self.roles.remove(at);
                }
            }
            9 | 10 => {
                let account = random.of(&ACCOUNTS).0;
                let policy = random.percent(70).then(|| self.bucket_policy(account, random));
                let bucket = self.buckets.iter_mut().find(|b| b.account == account);
                let bucket = bucket.expect("every account has one");
                bucket.blocked &= !policy.as_ref().is_some_and(is_public);
                bucket.policy = policy;
            }
            11 => {
                let at = random.below(self.buckets.len());
                let bucket = &mut self.buckets[at];
                bucket.blocked = !bucket.blocked && !bucket.policy.as_ref().is_some_and(is_public);
            }
            12 => {
                let policy = self.permissions(random);
                self.managed.insert(random.of(&ACCOUNTS).0, policy);
            }
            13 => match self.controls.first_mut() {
                Some(control) if random.percent(50) => {
                    control.targets = [*random.of(&["build", "live", "dev"])].into();
                }
                Some(_) => {
                    self.controls.remove(0);
                }
                None => {
                    let control = self.control("made".to_owned(), random.percent(40), random);
                    self.controls.push(control);
                }
            },
            _ => {
                let account = random.of(&ACCOUNTS).0;
                let unit = *random.of(&UNITS);
                self.parents.insert(account, unit);
            }
        }
    }
}
