//! The rows of Organizations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::sandbox::clock::Instant;
use crate::sandbox::state::{SandboxState, Tags};

/// The organization; there is one at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) root: String,
    pub(crate) management: String,
    #[serde(default)]
    pub(crate) policy_types: BTreeSet<String>,
    /// Service principals with trusted access, and since when.
    #[serde(default)]
    pub(crate) trusted: BTreeMap<String, Instant>,
    /// Delegated administrators: account, service, since when.
    #[serde(default)]
    pub(crate) delegated: BTreeMap<String, BTreeMap<String, Instant>>,
    #[serde(default)]
    pub(crate) root_tags: Tags,
    /// Without policies and trusted access.
    #[serde(default)]
    pub(crate) billing_alone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource_policy: Option<String>,
    /// `RootCredentialsManagement`, `RootSessions`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) root_features: BTreeSet<String>,
}

impl Organization {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:organizations::{}:organization/{}", self.management, self.id)
    }

    /// The ARN of something in it: `root`, `ou`, `account`.
    pub(crate) fn arn_of(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:organizations::{}:{kind}/{}/{id}", self.management, self.id)
    }
}

/// An account, in the organization or (with an empty parent) outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    /// `ACTIVE`, `CLOSED`, or another state that AWS gives an account by itself.
    #[serde(alias = "status")]
    pub(crate) state: String,
    /// `CREATED` or `INVITED`.
    pub(crate) joined_by: String,
    pub(crate) joined: Instant,
    pub(crate) parent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Instant>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// An organizational unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) parent: String,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// A customer's policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OrgPolicy {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// `SERVICE_CONTROL_POLICY`, `TAG_POLICY`, ...
    pub(crate) kind: String,
    pub(crate) content: String,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// A request to create an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CreateStatus {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    /// `IN_PROGRESS`, `SUCCEEDED`, `FAILED`.
    pub(crate) state: String,
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) tags: Tags,
    pub(crate) requested: Instant,
    /// How many looks still find it in progress.
    pub(crate) looks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completed: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// Service control policies, as the API names their type.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
/// Resource control policies.
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// The policies that AWS puts everywhere: id, name, description, type, content.
pub(crate) const AWS_POLICIES: [(&str, &str, &str, &str, &str); 2] = [
    (
        "p-FullAWSAccess",
        "FullAWSAccess",
        "Allows access to every operation",
        SCP,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        "Allows all access",
        RCP,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
    ),
];

impl SandboxState {
    /// The organization, if there is one.
    pub(crate) fn org(&self) -> Option<&Organization> {
        self.organization.get("org")
    }

    /// The id of the parent of an account or unit.
    pub(crate) fn parent_of(&self, id: &str) -> Option<&str> {
        let parent = match self.units.get(id) {
            Some(unit) => &unit.parent,
            None => &self.accounts.get(id)?.parent,
        };
        (!parent.is_empty()).then_some(parent)
    }

    /// The chain from the root down to `id`, both included.
    pub(crate) fn chain(&self, id: &str) -> Vec<String> {
        let mut chain = vec![id.to_owned()];
        let mut at = id.to_owned();
        while let Some(parent) = self.parent_of(&at) {
            if chain.len() > 16 {
                break;
            }
            at = parent.to_owned();
            chain.push(at.clone());
        }
        chain.reverse();
        chain
    }

    /// A policy's type, name and content, AWS's included.
    pub(crate) fn org_policy(&self, id: &str) -> Option<OrgPolicy> {
        if let Some(policy) = self.org_policies.get(id) {
            return Some(policy.clone());
        }
        AWS_POLICIES.iter().find(|(aws, ..)| *aws == id).map(
            |(id, name, description, kind, content)| OrgPolicy {
                id: (*id).to_owned(),
                name: (*name).to_owned(),
                description: (*description).to_owned(),
                kind: (*kind).to_owned(),
                content: (*content).to_owned(),
                tags: Tags::new(),
            },
        )
    }

    /// The policies of one type that are attached to a target, in the order of their ids.
    pub(crate) fn attached(&self, target: &str, kind: &str) -> Vec<OrgPolicy> {
        self.attachments
            .scan(&format!("{target}/"))
            .filter_map(|(key, _)| self.org_policy(key.rsplit('/').next()?))
            .filter(|policy| policy.kind == kind)
            .collect()
    }
}
