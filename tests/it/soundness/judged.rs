//! A generated estate as the judge reads it: put together from the model alone.

use std::sync::Arc;

use palisade::iam::{ChainLevel, Document, Policies, Policy, Use};
use palisade::isolation::crossing::{StepSource, StepTarget};
use serde_json::{Value as Json, json};

use super::estate::{ACCOUNTS, Identity, Model, ROOT, everything};

fn compiled(name: &str, json: &Json, role: Use) -> Arc<Policy> {
    let (document, _) = Document::from_json(json, role).unwrap_or_else(|e| panic!("{e}: {json}"));
    Arc::new(Policy::new(name, &document))
}

/// What is attached above an account, `first` at every level.
fn chain(
    account: &str,
    first: &[Arc<Policy>],
    controls: &[(Vec<String>, Json)],
    role: Use,
) -> Vec<ChainLevel> {
    let (_, id, unit) = ACCOUNTS.iter().find(|(handle, ..)| *handle == account).unwrap();
    [ROOT, unit, id]
        .into_iter()
        .map(|level| {
            let here = controls.iter().filter(|(targets, _)| targets.iter().any(|t| t == level));
            let here = here.map(|(_, content)| compiled("control", content, role.clone()));
            let policies = first.iter().cloned().chain(here).collect();
            ChainLevel { target: level.to_owned(), policies }
        })
        .collect()
}

impl Model {
    /// Everything in it, for the message of a failure.
    pub(super) fn told(&self) -> String {
        let identities = self.identities.iter().map(|i| {
            json!({"arn": i.arn, "policies": i.policies, "boundary": i.boundary, "trust": i.trust,
                   "tags": i.tags})
        });
        let buckets = self.buckets.iter().map(|b| {
            json!({"arn": b.arn, "policy": b.policy,
            "restricted": b.restricted})
        });
        let controls = self.controls.iter().chain(&self.resource_controls);
        let controls = controls.map(|(targets, content)| json!([targets, content]));
        let restricting = [json!({"restricting": self.restricting})];
        let all: Vec<Json> = identities.chain(buckets).chain(controls).chain(restricting).collect();
        all.iter().map(|line| format!("{line}\n")).collect()
    }

    /// SCPs over an account.
    fn over_principals(&self, account: &str) -> Vec<ChainLevel> {
        let full = [compiled("FullAWSAccess", &everything(), Use::Scp)];
        chain(account, &full, &self.controls, Use::Scp)
    }

    /// RCPs over an account. `RCPFullAWSAccess` is always attached, so that only denials matter.
    fn over_resources(&self, account: &str) -> Vec<ChainLevel> {
        chain(account, &[], &self.resource_controls, Use::Rcp)
    }

    /// The policies of a principal's own side.
    pub(super) fn own(&self, arn: &str) -> Policies {
        let Some(identity) = self.identity_of(arn) else { return Policies::default() };
        let own = identity.policies.iter().map(|p| compiled("identity", p, Use::Identity));
        Policies {
            identity: own.collect(),
            boundary: identity.boundary.as_ref().map(|b| compiled("boundary", b, Use::Boundary)),
            service_control: self.over_principals(identity.account),
            ..Policies::default()
        }
    }

    pub(super) fn identity_of(&self, arn: &str) -> Option<&Identity> {
        self.identities.iter().find(|i| i.arn == arn)
    }

    /// All policies that bear on a step.
    pub(super) fn policies(&self, source: &StepSource, target: &StepTarget) -> Option<Policies> {
        let mut policies = Policies::default();
        let account = match target {
            StepTarget::Role(arn) => {
                let role = self.identity_of(arn)?;
                policies.resource = Some(compiled("trust", role.trust.as_ref()?, Use::Trust));
                role.account
            }
            StepTarget::Resource(arn) => {
                let bucket = self.buckets.iter().find(|b| b.arn == *arn)?;
                let role = Use::Resource("s3".to_owned());
                policies.resource = bucket.policy.as_ref().map(|p| compiled("bucket", p, role));
                policies.restrict_public_buckets =
                    bucket.restricted || self.restricting.contains(&bucket.account);
                bucket.account
            }
        };
        policies.resource_control = self.over_resources(account);
        match source {
            StepSource::Principal(arn) => {
                let identity = self.identity_of(arn)?;
                let own = identity.policies.iter().map(|p| compiled("identity", p, Use::Identity));
                policies.identity = own.collect();
                policies.boundary =
                    identity.boundary.as_ref().map(|b| compiled("boundary", b, Use::Boundary));
                policies.service_control = self.over_principals(identity.account);
                if arn.contains(":user/") {
                    // What a federated session of it may do is its own choice.
                    policies.session = vec![compiled("session", &everything(), Use::Identity)];
                }
            }
            StepSource::Foreign(_) => {
                policies.identity = vec![compiled("its own", &everything(), Use::Identity)];
            }
            StepSource::Federated(_) | StepSource::Service(_) | StepSource::Anonymous => {}
        }
        Some(policies)
    }
}
