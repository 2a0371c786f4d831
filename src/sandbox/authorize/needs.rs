//! What a call needs to be allowed: actions, resources and the context keys that the call itself sets.
//!
//! Source: Service Authorization Reference, for the services of the emulation.

use serde_json::Value;

use crate::sandbox::caller::Caller;
use crate::sandbox::iam::model::{IdentityKind, identity_key};
use crate::sandbox::params::Params;
use crate::sandbox::state::SandboxState;
use crate::sandbox::wire::{Call, Service};
use crate::sandbox::{account, cloudformation, policies, s3, s3control};

/// One authorization.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) context: Vec<(String, Vec<String>)>,
}

impl Need {
    fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: Vec::new() }
    }

    fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), vec![value.into()]));
        self
    }

    fn with_opt(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// All that a call needs.
pub(super) fn of(state: &SandboxState, caller: &Caller, call: &Call) -> Vec<Need> {
    let action = format!("{}:{}", call.service.prefix(), call.operation);
    match call.service {
        Service::Iam => vec![iam(state, caller, call, action)],
        Service::Organizations => organizations(state, call, &action),
        Service::Ssm => ssm(caller, call, &action),
        Service::S3 => object_storage(call),
        Service::S3Control => {
            if let Some(bucket) = s3control::tagged(call) {
                return vec![bucket_tags(call, bucket, action)];
            }
            let name = match call.operation.as_str() {
                "GetPublicAccessBlock" => "s3:GetAccountPublicAccessBlock",
                _ => "s3:PutAccountPublicAccessBlock",
            };
            vec![Need::new(name, "*")]
        }
        Service::Account => vec![Need::new(action, account::resource(state, caller, call))],
        Service::CloudFormation => {
            let params = Params::parse(&call.body);
            let stack = cloudformation::resource(&caller.account, &call.region, &params);
            vec![Need::new(action, stack)]
        }
        Service::Kms
        | Service::SecretsManager
        | Service::Sqs
        | Service::Sns
        | Service::Lambda
        | Service::DynamoDb
        | Service::Ecr => vec![Need::new(action, policies::resource(&caller.account, call))],
        Service::CloudControl | Service::CloudWatch | Service::Sts => vec![Need::new(action, "*")],
    }
}

fn iam(state: &SandboxState, caller: &Caller, call: &Call, action: String) -> Need {
    let params = Params::parse(&call.body);
    let account = &caller.account;
    let path = params.get("Path").unwrap_or("/");
    let mut boundary = params.get("PermissionsBoundary").map(str::to_owned);
    let mut tags: Vec<(String, String)> = Vec::new();
    let identity = [IdentityKind::Role, IdentityKind::User, IdentityKind::Group]
        .into_iter()
        .find_map(|kind| params.get(kind.name_member()).map(|name| (kind, name)));
    let resource = if let Some((kind, name)) = identity {
        match state.identities.get(&identity_key(account, kind, name)) {
            Some(row) => {
                if boundary.is_none() {
                    boundary.clone_from(&row.boundary);
                }
                tags = row.tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                row.arn.clone()
            }
            None => format!("arn:aws:iam::{account}:{}{path}{name}", kind.lower()),
        }
    } else if let Some(arn) = params.get("PolicyArn") {
        arn.to_owned()
    } else if let Some(name) = params.get("PolicyName") {
        format!("arn:aws:iam::{account}:policy{path}{name}")
    } else if let Some(arn) = params.get("OpenIDConnectProviderArn") {
        arn.to_owned()
    } else if let Some(url) = params.get("Url") {
        format!("arn:aws:iam::{account}:oidc-provider/{}", url.trim_start_matches("https://"))
    } else if let Some(name) = params.get("InstanceProfileName") {
        format!("arn:aws:iam::{account}:instance-profile{path}{name}")
    } else {
        "*".to_owned()
    };
    let mut need = Need::new(action, resource)
        .with_opt("iam:PermissionsBoundary", boundary.as_deref())
        .with_opt("iam:PolicyARN", params.get("PolicyArn"))
        .with_opt("iam:AWSServiceName", params.get("AWSServiceName"));
    for (key, value) in tags {
        need = need
            .with(format!("aws:ResourceTag/{key}"), value.clone())
            .with(format!("iam:ResourceTag/{key}"), value);
    }
    let pairs = params.pairs("Tags");
    let mut keys: Vec<String> = pairs.iter().map(|(key, _)| (*key).to_owned()).collect();
    keys.extend(params.list("TagKeys").unwrap_or_default().into_iter().map(str::to_owned));
    for (key, value) in pairs {
        need = need.with(format!("aws:RequestTag/{key}"), value);
    }
    if !keys.is_empty() {
        need.context.push(("aws:TagKeys".to_owned(), keys));
    }
    need
}

fn body(call: &Call) -> Value {
    serde_json::from_slice(&call.body).unwrap_or_default()
}

fn with_tags(mut need: Need, body: &Value) -> Need {
    let mut keys = Vec::new();
    for tag in body.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        if let Some(key) = tag.get("Key").and_then(Value::as_str) {
            let value = tag.get("Value").and_then(Value::as_str).unwrap_or_default();
            need = need.with(format!("aws:RequestTag/{key}"), value);
            keys.push(key.to_owned());
        }
    }
    for key in body.get("TagKeys").and_then(Value::as_array).into_iter().flatten() {
        keys.extend(key.as_str().map(str::to_owned));
    }
    if !keys.is_empty() {
        need.context.push(("aws:TagKeys".to_owned(), keys));
    }
    need
}

fn organizations(state: &SandboxState, call: &Call, action: &str) -> Vec<Need> {
    let body = body(call);
    let Some(org) = state.org() else { return vec![Need::new(action, "*")] };
    const MEMBERS: [&str; 9] = [
        "PolicyId",
        "AccountId",
        "OrganizationalUnitId",
        "ParentId",
        "TargetId",
        "ResourceId",
        "RootId",
        "SourceParentId",
        "DestinationParentId",
    ];
    let mut needs = Vec::new();
    for id in MEMBERS.iter().filter_map(|member| body.get(*member)?.as_str()) {
        let arn = if id.starts_with("p-") {
            match state.org_policy(id) {
                Some(policy) => format!(
                    "arn:aws:organizations::{}:policy/{}/{}/{id}",
                    org.management,
                    org.id,
                    policy.kind.to_lowercase()
                ),
                None => continue,
            }
        } else if id.starts_with("ou-") {
            org.arn_of("ou", id)
        } else if id.starts_with("r-") {
            org.arn_of("root", id)
        } else {
            org.arn_of("account", id)
        };
        needs.push(Need::new(action, arn));
    }
    if needs.is_empty() {
        needs.push(Need::new(action, "*"));
    }
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let policy_type = text("PolicyType").or_else(|| text("Type")).or_else(|| text("Filter"));
    needs
        .into_iter()
        .map(|need| {
            let need = need
                .with_opt("organizations:PolicyType", policy_type)
                .with_opt("organizations:ServicePrincipal", text("ServicePrincipal"));
            with_tags(need, &body)
        })
        .collect()
}

fn ssm(caller: &Caller, call: &Call, action: &str) -> Vec<Need> {
    let body = body(call);
    let arn = |name: &str| {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        let name = name.split(':').next().unwrap_or(name);
        let slash = if name.starts_with('/') { "" } else { "/" };
        format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", call.region, caller.account)
    };
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let names: Vec<&str> = match body.get("Names").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => ["Name", "Path", "ResourceId"].iter().find_map(|m| text(m)).into_iter().collect(),
    };
    if names.is_empty() {
        return vec![Need::new(action, "*")];
    }
    names
        .into_iter()
        .map(|name| {
            let recursive = body.get("Recursive").and_then(Value::as_bool).map(|b| b.to_string());
            let overwrite = body.get("Overwrite").and_then(Value::as_bool).map(|b| b.to_string());
            let need = Need::new(action, arn(name))
                .with_opt("ssm:Recursive", recursive.as_deref())
                .with_opt("ssm:Overwrite", overwrite.as_deref());
            with_tags(need, &body)
        })
        .collect()
}

fn bucket_tags(call: &Call, bucket: String, action: String) -> Need {
    let (given, removed) = (s3control::given(call), s3control::removed(call));
    let keys: Vec<String> = given.keys().cloned().chain(removed).collect();
    let mut need = Need::new(action, bucket);
    for (key, value) in given {
        need = need.with(format!("aws:RequestTag/{key}"), value);
    }
    if !keys.is_empty() {
        need.context.push(("aws:TagKeys".to_owned(), keys));
    }
    need
}

fn object_storage(call: &Call) -> Vec<Need> {
    let Some(target) = s3::target(call) else {
        return vec![Need::new("s3:ListAllMyBuckets", "*")];
    };
    let bucket = format!("arn:aws:s3:::{}", target.bucket);
    let versioned = call.param("versionId").is_some();
    let action = match (call.operation.as_str(), versioned) {
        ("HeadObject" | "GetObject", false) => "GetObject",
        ("HeadObject" | "GetObject", true) => "GetObjectVersion",
        ("DeleteObject", true) => "DeleteObjectVersion",
        ("CopyObject", _) => "PutObject",
        ("ListObjects" | "ListObjectsV2" | "HeadBucket", _) => "ListBucket",
        ("ListObjectVersions", _) => "ListBucketVersions",
        ("GetPublicAccessBlock", _) => "GetBucketPublicAccessBlock",
        ("PutPublicAccessBlock" | "DeletePublicAccessBlock", _) => "PutBucketPublicAccessBlock",
        ("GetBucketEncryption", _) => "GetEncryptionConfiguration",
        ("PutBucketEncryption" | "DeleteBucketEncryption", _) => "PutEncryptionConfiguration",
        ("GetBucketLifecycleConfiguration", _) => "GetLifecycleConfiguration",
        ("PutBucketLifecycleConfiguration" | "DeleteBucketLifecycleConfiguration", _) => {
            "PutLifecycleConfiguration"
        }
        ("GetBucketReplication", _) => "GetReplicationConfiguration",
        ("PutBucketReplication" | "DeleteBucketReplication", _) => "PutReplicationConfiguration",
        ("GetBucketCors", _) => "GetBucketCORS",
        ("PutBucketCors" | "DeleteBucketCors", _) => "PutBucketCORS",
        ("DeleteBucketTagging", _) => "PutBucketTagging",
        ("DeleteBucketOwnershipControls", _) => "PutBucketOwnershipControls",
        ("GetBucketNotificationConfiguration", _) => "GetBucketNotification",
        ("PutBucketNotificationConfiguration", _) => "PutBucketNotification",
        ("GetObjectLockConfiguration", _) => "GetBucketObjectLockConfiguration",
        ("PutObjectLockConfiguration", _) => "PutBucketObjectLockConfiguration",
        (other, _) => other,
    };
    if call.operation == "DeleteObjects" {
        let document = String::from_utf8_lossy(&call.body).into_owned();
        return crate::sandbox::xml::inner_of(&document, "Object")
            .iter()
            .map(|object| {
                let key = crate::sandbox::xml::text_of(object, "Key").unwrap_or_default();
                let version = crate::sandbox::xml::text_of(object, "VersionId").is_some();
                let action = if version { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
                Need::new(action, format!("{bucket}/{key}"))
            })
            .collect();
    }
    let resource = match &target.key {
        Some(key) => format!("{bucket}/{key}"),
        None => bucket,
    };
    let mut need = Need::new(format!("s3:{action}"), resource);
    if action == "ListBucket" || action == "ListBucketVersions" {
        need = need
            .with_opt("s3:prefix", call.param("prefix"))
            .with_opt("s3:delimiter", call.param("delimiter"))
            .with_opt("s3:max-keys", call.param("max-keys"));
    }
    let headers = [
        ("s3:if-match", "if-match"),
        ("s3:if-none-match", "if-none-match"),
        ("s3:x-amz-server-side-encryption", "x-amz-server-side-encryption"),
        (
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
            "x-amz-server-side-encryption-aws-kms-key-id",
        ),
        ("s3:x-amz-acl", "x-amz-acl"),
        ("s3:x-amz-copy-source", "x-amz-copy-source"),
    ];
    for (key, header) in headers {
        need = need.with_opt(key, call.header(header));
    }
    need = need.with_opt("s3:VersionId", call.param("versionId"));
    need = need.with_opt("aws:SecureTransport", (!call.secure).then_some("false"));
    if matches!(call.operation.as_str(), "PutObject" | "CopyObject") {
        need = need.with("s3:ObjectCreationOperation", "true");
    }
    let mut needs = vec![need];
    if call.operation == "CreateBucket" {
        // Source: S3 API Reference, CreateBucket, "Permissions": tags at creation need s3:TagResource as well.
        let body = String::from_utf8_lossy(&call.body);
        let of = |tag: &str, name| crate::sandbox::xml::text_of(tag, name).unwrap_or_default();
        let tags: Vec<(String, String)> = crate::sandbox::xml::inner_of(&body, "Tag")
            .iter()
            .map(|tag| (of(tag, "Key"), of(tag, "Value")))
            .collect();
        if !tags.is_empty() {
            needs.extend(
                needs.first().map(|need| Need::new("s3:TagResource", need.resource.clone())),
            );
            for need in &mut needs {
                let keys = tags.iter().map(|(key, _)| key.clone()).collect();
                need.context.push(("aws:TagKeys".to_owned(), keys));
                for (key, value) in &tags {
                    need.context.push((format!("aws:RequestTag/{key}"), vec![value.clone()]));
                }
            }
        }
    }
    if let Some(source) = call.header("x-amz-copy-source") {
        let path = source.split('?').next().unwrap_or(source).trim_start_matches('/');
        needs.push(Need::new("s3:GetObject", format!("arn:aws:s3:::{path}")));
    }
    needs
}
