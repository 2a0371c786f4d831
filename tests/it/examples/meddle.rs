//! Somebody works by hand: one change to one object of each kind that an estate has.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_iam::types::PolicyScopeType;
use aws_sdk_organizations::types::PolicyType;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use aws_sdk_ssm::types::{Parameter, ParameterType};

use crate::support::endpoint::{Endpoint, s3};

const DOOR: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const HOLE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}]}"#;
const RESOURCE_HOLE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"*"}]}"#;
/// The tag by which a managed object is known.
const OWNED: &str = "palisade:address";

/// One change by hand, and what shows that it is undone.
#[derive(Debug)]
pub(crate) enum Trace {
    /// A role was given one policy more.
    Door { account: String, role: String },
    /// A parameter was deleted.
    Gone { account: String, parameter: String, value: String },
    /// A managed policy got another text.
    Version { account: String, arn: String, text: String },
    /// So did a policy of the organization.
    Rewritten { kind: &'static str, id: String, text: String },
    /// A bucket no longer keeps versions.
    Forgetful { account: String, bucket: String },
}

/// Changes the first managed object of each kind, wherever it is. Every estate has one at least.
pub(crate) async fn meddle(endpoint: &Endpoint) -> Vec<Trace> {
    let mut all: BTreeMap<&str, Trace> = BTreeMap::new();
    for account in endpoint.accounts().await.iter().filter(|a| a.status == "ACTIVE") {
        let sdk = endpoint.account(&account.id).await;
        let found = [
            door(&sdk, &account.id).await,
            gone(&sdk, &account.id).await,
            version(&sdk, &account.id).await,
            forgetful(&sdk, &account.id).await,
        ];
        for trace in found.into_iter().flatten() {
            all.entry(trace.kind()).or_insert(trace);
        }
    }
    for trace in rewritten(&endpoint.management()).await {
        all.entry(trace.kind()).or_insert(trace);
    }
    assert!(!all.is_empty(), "there is nothing to change by hand");
    for trace in all.values() {
        trace.strike(endpoint).await;
    }
    all.into_values().collect()
}

async fn door(sdk: &SdkConfig, account: &str) -> Option<Trace> {
    let iam = aws_sdk_iam::Client::new(sdk);
    for role in iam.list_roles().send().await.expect("listed").roles() {
        let tags = iam.list_role_tags().role_name(role.role_name()).send().await.expect("tags");
        if tags.tags().iter().any(|t| t.key() == OWNED) {
            let (account, role) = (account.to_owned(), role.role_name().to_owned());
            return Some(Trace::Door { account, role });
        }
    }
    None
}

async fn gone(sdk: &SdkConfig, account: &str) -> Option<Trace> {
    let ssm = aws_sdk_ssm::Client::new(sdk);
    let listed = ssm.get_parameters_by_path().path("/").recursive(true).send().await;
    let listed = listed.expect("listed");
    let plain = |p: &&Parameter| p.r#type() == Some(&ParameterType::String);
    let parameter = listed.parameters().iter().find(plain)?;
    Some(Trace::Gone {
        account: account.to_owned(),
        parameter: parameter.name().expect("a name").to_owned(),
        value: parameter.value().expect("a value").to_owned(),
    })
}

async fn version(sdk: &SdkConfig, account: &str) -> Option<Trace> {
    let iam = aws_sdk_iam::Client::new(sdk);
    let listed = iam.list_policies().scope(PolicyScopeType::Local).send().await.expect("listed");
    let arn = listed.policies().first()?.arn().expect("an ARN").to_owned();
    let text = default_version(&iam, &arn).await;
    Some(Trace::Version { account: account.to_owned(), arn, text })
}

async fn forgetful(sdk: &SdkConfig, account: &str) -> Option<Trace> {
    let client = s3(sdk);
    for bucket in client.list_buckets().send().await.expect("listed").buckets() {
        let bucket = bucket.name().expect("a name").to_owned();
        let versioning = client.get_bucket_versioning().bucket(&bucket).send().await;
        if versioning.expect("read").status() == Some(&BucketVersioningStatus::Enabled) {
            return Some(Trace::Forgetful { account: account.to_owned(), bucket });
        }
    }
    None
}

async fn rewritten(sdk: &SdkConfig) -> Vec<Trace> {
    let client = aws_sdk_organizations::Client::new(sdk);
    let mut all = Vec::new();
    for (kind, ty) in [
        ("service_control_policy", PolicyType::ServiceControlPolicy),
        ("resource_control_policy", PolicyType::ResourceControlPolicy),
    ] {
        let listed = client.list_policies().filter(ty).send().await.expect("listed");
        for policy in listed.policies().iter().filter(|p| !p.aws_managed()).take(1) {
            let id = policy.id().expect("an id").to_owned();
            let text = content(&client, &id).await;
            all.push(Trace::Rewritten { kind, id, text });
        }
    }
    all
}

async fn default_version(iam: &aws_sdk_iam::Client, arn: &str) -> String {
    let policy = iam.get_policy().policy_arn(arn).send().await.expect("read");
    let version = policy.policy().and_then(|p| p.default_version_id()).expect("a version");
    let version = iam.get_policy_version().policy_arn(arn).version_id(version).send().await;
    let version = version.expect("read");
    version.policy_version().and_then(|v| v.document()).expect("a text").to_owned()
}

async fn content(client: &aws_sdk_organizations::Client, id: &str) -> String {
    let read = client.describe_policy().policy_id(id).send().await.expect("read");
    read.policy().and_then(|p| p.content()).expect("a text").to_owned()
}

impl Trace {
    /// The kind of the object that was changed.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Door { .. } => "iam_role",
            Self::Gone { .. } => "config",
            Self::Version { .. } => "iam_policy",
            Self::Rewritten { kind, .. } => kind,
            Self::Forgetful { .. } => "s3_bucket",
        }
    }

    async fn strike(&self, endpoint: &Endpoint) {
        match self {
            Self::Door { account, role } => {
                let iam = aws_sdk_iam::Client::new(&endpoint.account(account).await);
                let put = iam.put_role_policy().role_name(role).policy_name("door");
                put.policy_document(DOOR).send().await.expect("put");
            }
            Self::Gone { account, parameter, .. } => {
                let ssm = aws_sdk_ssm::Client::new(&endpoint.account(account).await);
                ssm.delete_parameter().name(parameter).send().await.expect("deleted");
            }
            Self::Version { account, arn, .. } => {
                let iam = aws_sdk_iam::Client::new(&endpoint.account(account).await);
                let made = iam.create_policy_version().policy_arn(arn).set_as_default(true);
                made.policy_document(HOLE).send().await.expect("made");
            }
            Self::Rewritten { kind, id, .. } => {
                let client = aws_sdk_organizations::Client::new(&endpoint.management());
                let hole = if *kind == "resource_control_policy" { RESOURCE_HOLE } else { HOLE };
                client.update_policy().policy_id(id).content(hole).send().await.expect("written");
            }
            Self::Forgetful { account, bucket } => {
                let suspended = VersioningConfiguration::builder()
                    .status(BucketVersioningStatus::Suspended)
                    .build();
                let client = s3(&endpoint.account(account).await);
                let put = client.put_bucket_versioning().bucket(bucket);
                put.versioning_configuration(suspended).send().await.expect("put");
            }
        }
    }

    /// The endpoint holds again what it held before.
    pub(crate) async fn assert_undone(&self, endpoint: &Endpoint) {
        match self {
            Self::Door { account, role } => {
                let iam = aws_sdk_iam::Client::new(&endpoint.account(account).await);
                let door = iam.get_role_policy().role_name(role).policy_name("door").send().await;
                assert!(door.is_err(), "{self:?}");
            }
            Self::Gone { account, parameter, value } => {
                let ssm = aws_sdk_ssm::Client::new(&endpoint.account(account).await);
                let read = ssm.get_parameter().name(parameter).send().await.expect("it is back");
                assert_eq!(
                    read.parameter().and_then(|p| p.value()),
                    Some(value.as_str()),
                    "{self:?}"
                );
            }
            Self::Version { account, arn, text } => {
                let iam = aws_sdk_iam::Client::new(&endpoint.account(account).await);
                assert_eq!(&default_version(&iam, arn).await, text, "{self:?}");
            }
            Self::Rewritten { id, text, .. } => {
                let client = aws_sdk_organizations::Client::new(&endpoint.management());
                assert_eq!(&content(&client, id).await, text, "{self:?}");
            }
            Self::Forgetful { account, bucket } => {
                let client = s3(&endpoint.account(account).await);
                let read = client.get_bucket_versioning().bucket(bucket).send().await;
                let status = read.expect("read").status().cloned();
                assert_eq!(status, Some(BucketVersioningStatus::Enabled), "{self:?}");
            }
        }
    }
}
