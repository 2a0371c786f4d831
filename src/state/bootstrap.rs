//! `init --create-backend`: a bucket fit for state. Palisade makes it and never manages it.
//!
//! Condition keys for conditional writes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::{Value as Json, json};

use crate::diag::Diagnostic;

use super::error::{StateError, StateFailure};
use crate::cause;
use crate::trace;

/// What bucket to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: String,
    /// The backend's prefix.
    pub prefix: String,
    /// A KMS key for encryption; S3's own keys otherwise.
    pub kms_key: Option<String>,
    /// Whether the policy refuses unconditional writes of state (not every S3-compatible server knows these keys).
    pub require_conditional_writes: bool,
    /// Whether the endpoint speaks plain HTTP, as an emulator does: then the policy is left out, for
    /// it would shut everybody out.
    pub plain_http: bool,
}

/// The bucket policy: TLS only; state is only written conditionally; records are neither overwritten
/// nor removed; an approval is written by its giver alone.
#[must_use]
pub fn policy(bucket: &Bucket) -> Json {
    let Bucket { name, partition, prefix, .. } = bucket;
    let prefix = prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let arn = format!("arn:{partition}:s3:::{name}");
    let mut statements = Vec::new();
    if !bucket.plain_http {
        statements.push(json!({
            "Sid": "DenyInsecureTransport", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }));
    }
    let records = ["releases/*", "approvals/*", "audit/*", "environments/*/moves/*"];
    let records = records.map(|key| format!("{arn}/{prefix}{key}"));
    // Whoever could remove a revocation would bring back what was revoked.
    statements.push(json!({
        "Sid": "DenyRemovingRecords", "Effect": "Deny", "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": records,
    }));
    if bucket.require_conditional_writes {
        let guarded = [
            "palisade.json",
            "keys/*",
            "scopes/*",
            "releases/*",
            "environments/*",
            "approvals/*",
            "audit/*",
        ];
        let guarded = guarded.map(|key| format!("{arn}/{prefix}{key}"));
        statements.push(json!({
            "Sid": "DenyUnconditionalWrites", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "Resource": guarded,
            "Condition": {
                "Null": {"s3:if-match": "true", "s3:if-none-match": "true"},
                // Parts of multipart uploads carry no condition; completing one does.
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        }));
        statements.push(json!({
            "Sid": "DenyOverwritingRecords", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "Resource": records,
            "Condition": {
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        }));
    }
    // An approval is written below the giver's own unique id: everything else below approvals/ is
    // out of reach. (`s3:key` is no condition key, so it is said by what the rule leaves alone.)
    statements.push(json!({
        "Sid": "DenyForeignApprovals", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "NotResource": [
            format!("{arn}/{prefix}palisade.json"),
            format!("{arn}/{prefix}keys/*"),
            format!("{arn}/{prefix}scopes/*"),
            format!("{arn}/{prefix}releases/*"),
            format!("{arn}/{prefix}environments/*"),
            format!("{arn}/{prefix}audit/*"),
            format!("{arn}/{prefix}approvals/*/${{aws:userid}}/*"),
        ],
    }));
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn failed<E: ProvideErrorMetadata + std::error::Error + 'static>(
    what: &str,
    bucket: &str,
    error: &SdkError<E, HttpResponse>,
) -> StateError {
    let again = "nothing was lost: the command can be run again, it finishes what is missing";
    let place = trace::destination(super::s3::ACCOUNT, "s3");
    let (message, help) = match cause::of(error, place.as_ref()) {
        Some(cause) => {
            let advice = super::s3::region_advice(error).unwrap_or(cause.advice);
            (cause.message, format!("{advice}; {again}"))
        }
        None => match (error.code(), error.message()) {
            (Some(code), Some(message)) => (format!("{message} ({code})"), again.to_owned()),
            _ => (super::s3::causes(error), again.to_owned()),
        },
    };
    StateError::new(
        StateFailure::Unavailable,
        Diagnostic::error(format!("cannot {what} bucket `{bucket}`: {message}")).help(help),
    )
}

/// How the bucket encrypts what says nothing of it: the algorithm, and the key where it is KMS's.
///
/// # Errors
/// It cannot be read.
pub async fn default_encryption(
    client: &Client,
    bucket: &str,
) -> Result<(String, Option<String>), StateError> {
    let answer = client.get_bucket_encryption().bucket(bucket).send().await;
    let rules = match &answer {
        Ok(answer) => answer.server_side_encryption_configuration().map(|c| c.rules()),
        Err(error) if error.code() == Some("ServerSideEncryptionConfigurationNotFoundError") => {
            None
        }
        Err(error) => return Err(failed("read the encryption of", bucket, error)),
    };
    let rule = rules.unwrap_or_default().first();
    let by_default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default());
    Ok((
        by_default.map_or("AES256", |d| d.sse_algorithm().as_str()).to_owned(),
        by_default.and_then(|d| d.kms_master_key_id()).map(str::to_owned),
    ))
}

/// The bucket's policy, where it has one.
///
/// # Errors
/// It cannot be read.
pub async fn bucket_policy(client: &Client, bucket: &str) -> Result<Option<String>, StateError> {
    match client.get_bucket_policy().bucket(bucket).send().await {
        Ok(answer) => Ok(answer.policy),
        Err(error) if error.code() == Some("NoSuchBucketPolicy") => Ok(None),
        Err(error) => Err(failed("read the policy of", bucket, &error)),
    }
}

/// Makes the bucket, or finishes one that this caller owns already, and switches everything on that
/// state relies on. Can be repeated.
///
/// # Errors
/// AWS refused a call, or the name belongs to somebody else.
pub async fn create_backend(client: &Client, bucket: &Bucket) -> Result<(), StateError> {
    let name = &bucket.name;
    let mut request = client.create_bucket().bucket(name);
    if bucket.region != "us-east-1" {
        request = request.create_bucket_configuration(
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(bucket.region.as_str()))
                .build(),
        );
    }
    if let Err(error) = request.send().await {
        match error.code() {
            Some("BucketAlreadyOwnedByYou") => {}
            Some("BucketAlreadyExists") => {
                return Err(StateError::new(
                    StateFailure::Refused,
                    Diagnostic::error(format!("bucket name `{name}` is taken by another account"))
                        .help("bucket names are global: choose one with your organization's name in it"),
                ));
            }
            _ => return Err(failed("create", name, &error)),
        }
    }
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    client
        .put_public_access_block()
        .bucket(name)
        .public_access_block_configuration(block)
        .send()
        .await
        .map_err(|e| failed("block public access to", name, &e))?;
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::BucketOwnerEnforced)
        .build()
        .map_err(|e| invalid(&e))?;
    let controls = OwnershipControls::builder().rules(rule).build().map_err(|e| invalid(&e))?;
    client
        .put_bucket_ownership_controls()
        .bucket(name)
        .ownership_controls(controls)
        .send()
        .await
        .map_err(|e| failed("set the ownership of", name, &e))?;
    client
        .put_bucket_versioning()
        .bucket(name)
        .versioning_configuration(
            VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build(),
        )
        .send()
        .await
        .map_err(|e| failed("switch on the versioning of", name, &e))?;
    let algorithm = match bucket.kms_key {
        Some(_) => ServerSideEncryption::AwsKms,
        None => ServerSideEncryption::Aes256,
    };
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(algorithm)
        .set_kms_master_key_id(bucket.kms_key.clone())
        .build()
        .map_err(|e| invalid(&e))?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .bucket_key_enabled(bucket.kms_key.is_some())
        .build();
    let encryption = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(|e| invalid(&e))?;
    client
        .put_bucket_encryption()
        .bucket(name)
        .server_side_encryption_configuration(encryption)
        .send()
        .await
        .map_err(|e| failed("encrypt", name, &e))?;
    client
        .put_bucket_policy()
        .bucket(name)
        .policy(policy(bucket).to_string())
        .send()
        .await
        .map_err(|e| failed("write the policy of", name, &e))?;
    Ok(())
}

fn invalid(error: &dyn std::error::Error) -> StateError {
    StateError::new(
        StateFailure::Refused,
        Diagnostic::error(format!("the bucket's settings are not valid: {error}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_shows_the_policy_that_is_written() {
        let bucket = Bucket {
            name: "acme-state".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
            prefix: String::new(),
            kms_key: None,
            require_conditional_writes: true,
            plain_http: false,
        };
        let guide = include_str!("../../docs/state.md");
        let shown = guide.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
        let shown: Vec<Json> = shown.filter_map(|text| serde_json::from_str(text).ok()).collect();
        assert!(shown.contains(&policy(&bucket)), "{shown:#?}");
    }
}
