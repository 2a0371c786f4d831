//! What somebody who got into an account does there with its rights: changes that AWS would carry out, carried out
//! on a copy of the estate, so that the next request is judged by what they left.
//!
//! Nothing here knows how the analysis closes over power. A move is a request to IAM; where the judge allows it, the
//! copy is changed as the API says it would be.

use std::collections::BTreeSet;

use palisade::iam::{Request, evaluate};
use palisade::isolation::crossing::StepSource;
use serde_json::{Value as Json, json};

use super::estate::{Identity, Model, everything, id_of};
use super::random::Random;

/// How a role is put to use: the service that it trusts, whether it is passed, and what else that takes, on what.
/// (Service Authorization Reference; AWS Lambda, Glue and CodeBuild API References for what runs already.)
const WAYS: &[(&str, bool, &str, &str)] = &[
    ("ec2.amazonaws.com", true, "ec2:RunInstances", "ec2:us-east-1:ACCOUNT:instance/i-1"),
    ("ecs-tasks.amazonaws.com", true, "ecs:RunTask", "ecs:us-east-1:ACCOUNT:task-definition/t:1"),
    ("lambda.amazonaws.com", true, "lambda:CreateFunction", "lambda:us-east-1:ACCOUNT:function:f"),
    (
        "lambda.amazonaws.com",
        false,
        "lambda:UpdateFunctionCode",
        "lambda:us-east-1:ACCOUNT:function:f",
    ),
    ("glue.amazonaws.com", false, "glue:UpdateJob", "glue:us-east-1:ACCOUNT:job/j"),
    (
        "codebuild.amazonaws.com",
        false,
        "codebuild:StartBuild",
        "codebuild:us-east-1:ACCOUNT:project/p",
    ),
];

/// The boundary's policy of an identity, by ARN.
fn boundary_arn(identity: &Identity) -> String {
    format!("arn:aws:iam::{}:policy/{}-boundary", id_of(identity.account), identity.name)
}

impl Model {
    /// Whether a principal may do something in its own account.
    fn may(&self, holder: &str, action: &str, resource: &str, context: &[(&str, &str)]) -> bool {
        let source = StepSource::Principal(holder.to_owned());
        let mut request: Request = self.request(&source, action, resource);
        let account = self.identity_of(holder).map(|i| id_of(i.account).to_owned());
        request.resource_account = account;
        for (key, value) in context {
            request.context.set(key, *value);
        }
        evaluate(&request, &self.own(holder)).is_allowed()
    }

    /// Tries one move of somebody reached; what it is as well after it.
    pub(super) fn move_of(
        &mut self,
        holder: &str,
        homes: &BTreeSet<&str>,
        random: &mut Random,
    ) -> Option<StepSource> {
        let account = self.identity_of(holder)?.account;
        if homes.contains(account) {
            return None;
        }
        let near: Vec<String> = self
            .identities
            .iter()
            .filter(|i| i.account == account)
            .map(|i| i.arn.clone())
            .collect();
        let whom = random.of(&near).clone();
        let is_user = whom.contains(":user/");
        let kind = if is_user { "User" } else { "Role" };
        let at = self.identities.iter().position(|i| i.arn == whom)?;
        let action = |what: &str, of: &str| format!("iam:{what}{kind}{of}");
        // The boundary that is set on the one that is changed.
        let set =
            self.identities[at].boundary.is_some().then(|| boundary_arn(&self.identities[at]));
        let bound: Vec<(&str, &str)> =
            set.iter().map(|arn| ("iam:PermissionsBoundary", arn.as_str())).collect();
        match random.below(13) {
            0 if self.may(holder, &action("Put", "Policy"), &whom, &bound) => {
                // Under the name of the first, which goes.
                self.identities[at].policies[0] = everything();
            }
            1 if self.may(holder, &action("Delete", "Policy"), &whom, &bound) => {
                let last = self.identities[at].policies.len() - 1;
                if last > 0 {
                    self.identities[at].policies.remove(last);
                }
            }
            2 if !is_user && self.may(holder, "iam:UpdateAssumeRolePolicy", &whom, &[]) => {
                self.identities[at].trust = Some(trusting(holder));
            }
            3 if is_user && self.may(holder, "iam:CreateAccessKey", &whom, &[]) => {
                return Some(StepSource::Principal(whom));
            }
            4 if self.may(holder, &action("Tag", ""), &whom, &[]) => {
                let team = (*random.of(&["data", "web"])).to_owned();
                self.identities[at].tags.insert("team".to_owned(), team);
            }
            5 if self.may(holder, &action("Delete", "PermissionsBoundary"), &whom, &bound) => {
                self.identities[at].boundary = None;
            }
            6 if !is_user => {
                // A role is put to use by a service that it trusts.
                let (service, passes, action, resource) = *random.of(WAYS);
                let resource = format!("arn:aws:{resource}").replace("ACCOUNT", id_of(account));
                let may_pass = !passes
                    || self.may(holder, "iam:PassRole", &whom, &[("iam:PassedToService", service)]);
                if serves(&self.identities[at], service)
                    && may_pass
                    && self.may(holder, action, &resource, &[])
                {
                    return Some(StepSource::Principal(whom));
                }
            }
            7 => {
                let made = format!("arn:aws:iam::{}:role/made", id_of(account));
                let may = |action: &str| self.may(holder, action, &made, &[]);
                if !near.contains(&made) && may("iam:CreateRole") && may("iam:PutRolePolicy") {
                    self.identities.push(Identity {
                        account,
                        arn: made,
                        name: "made".to_owned(),
                        policies: vec![everything()],
                        boundary: None,
                        trust: Some(trusting(holder)),
                        tags: std::collections::BTreeMap::new(),
                        called: None,
                    });
                }
            }
            8 => {
                // Whatever one likes is attached; the policy that is attached is in the request.
                let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
                let mut context = bound.clone();
                context.push(("iam:PolicyARN", admin));
                if self.may(holder, &action("Attach", "Policy"), &whom, &context) {
                    self.identities[at].policies.push(everything());
                }
            }
            9 if is_user && self.may(holder, "iam:CreateLoginProfile", &whom, &[]) => {
                return Some(StepSource::Principal(whom));
            }
            10 if self.may(
                holder,
                &action("Put", "PermissionsBoundary"),
                &whom,
                &[("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")],
            ) =>
            {
                self.identities[at].boundary =
                    self.identities[at].boundary.is_some().then(everything);
            }
            11 if is_user => {
                // It takes the right to both names (IAM API Reference, `UpdateUser`).
                let new = format!("arn:aws:iam::{}:user/ops/alice", id_of(account));
                let now = self.identities[at].called.as_ref().unwrap_or(&whom);
                if [now, &new].iter().all(|name| self.may(holder, "iam:UpdateUser", name, &[])) {
                    self.identities[at].called = Some(new);
                }
            }
            _ => {}
        }
        None
    }
}

fn trusting(arn: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": arn}}]})
}

fn serves(identity: &Identity, service: &str) -> bool {
    let statements = identity.trust.iter().flat_map(|t| t["Statement"].as_array().unwrap());
    statements.into_iter().any(|s| s["Effect"] == "Allow" && s["Principal"]["Service"] == service)
}
