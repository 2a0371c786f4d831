//! S3 buckets: the calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::operation::get_bucket_abac::GetBucketAbacOutput;
use aws_sdk_s3::operation::get_bucket_ownership_controls::GetBucketOwnershipControlsOutput;
use aws_sdk_s3::types::{
    AbacStatus, BlockedEncryptionTypes, BucketAbacStatus, BucketLocationConstraint,
    BucketNamespace, BucketVersioningStatus, CreateBucketConfiguration, EncryptionType,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use futures::{StreamExt, stream};

use crate::cause::wrapped_versioning;
use crate::iam::Use;
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::errors;
use crate::provider::aws::kind::{
    Bulk, BulkReader, BulkReading, BulkScope, KindProvider, OrAbsent, Wanted, WhyUnread, attrs,
    document, entries, live, optional, sorted, tags, texts,
};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::schema::canonical_policy;
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "s3_bucket";

/// The AWS half.
pub(in crate::provider::aws) struct S3Bucket;

/// `LocationConstraint` of the oldest region is absent, and of another old one is `EU`.
fn region_of(constraint: Option<&BucketLocationConstraint>) -> String {
    match constraint.map(BucketLocationConstraint::as_str) {
        None | Some("") => "us-east-1".to_owned(),
        Some("EU") => "eu-west-1".to_owned(),
        Some(region) => region.to_owned(),
    }
}

#[async_trait]
impl KindProvider for S3Bucket {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Account(&S3Bucket)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[
                "s3:GetBucketAbac",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:ListAllMyBuckets",
            ]),
            reads: strings(&[
                "s3:GetBucketAbac",
                "s3:GetBucketLocation",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
            ]),
            marks: strings(&[]),
            changes: strings(&[
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:PutBucketAbac",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:TagResource",
                "s3:UntagResource",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let (bucket, region) = (want.text("bucket")?, want.text("region")?);
        let s3 = session.s3(region);
        // The tags come with the first call: a guardrail may ask for them, and what was made by a run that
        // is cut off here is known by them.
        let set = tag_set(want.after("tags"));
        let tagged = !set.is_empty();
        let constraint = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
        let mut request = s3.create_bucket().bucket(bucket);
        // AWS keeps such names for the account and the region in them, and makes them only when asked for by name.
        if bucket.ends_with("-an")
            && bucket.ends_with(&format!("-{}-{region}-an", session.id().await?))
        {
            request = request.bucket_namespace(BucketNamespace::AccountRegional);
        }
        if tagged || constraint.is_some() {
            request = request.create_bucket_configuration(
                CreateBucketConfiguration::builder()
                    .set_location_constraint(constraint)
                    .set_tags(tagged.then_some(set))
                    .build(),
            );
        }
        if let Some(ownership) = want.after("object_ownership").as_str() {
            request = request.object_ownership(ObjectOwnership::from(ownership));
        }
        request.send().await.map_err(session.error("s3", "CreateBucket"))?;
        session
            .settle(|| put_public_access(session, &s3, bucket, want.after("block_public_access")))
            .await?;
        if want.after("versioning").as_bool() == Some(true) {
            session.settle(|| put_versioning(session, &s3, bucket, true)).await?;
        }
        let blocked = want.after("blocked_encryption_types");
        if !is_default(want.after("encryption")) || !blocked.is_null() {
            session
                .settle(|| put_encryption(session, &s3, bucket, want.after("encryption"), blocked))
                .await?;
        }
        if !want.after("policy").is_null() {
            session.settle(|| put_policy(session, &s3, bucket, want.after("policy"))).await?;
        }
        // Emulators older than the tags of CreateBucket (November 2025) make the bucket without them.
        if tagged {
            let missing = session.settle(|| is_untagged(session, &s3, bucket)).await?;
            if missing {
                session.settle(|| put_tags(session, &s3, bucket, want.after("tags"))).await?;
            }
        }
        if want.after("abac").as_bool() == Some(true) {
            session.settle(|| put_abac(session, &s3, bucket, true)).await?;
        }
        Ok(want.done([("id", bucket.into())]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let (bucket, region) = (want.text("bucket")?, want.text("region")?);
        let s3 = session.s3(region);
        // The block comes before a policy that it might have to refuse.
        if want.changes("block_public_access") {
            put_public_access(session, &s3, bucket, want.after("block_public_access")).await?;
        }
        if want.changes("object_ownership")
            && let Some(ownership) = want.after("object_ownership").as_str()
        {
            put_ownership(session, &s3, bucket, ownership).await?;
        }
        if want.changes("versioning") {
            let on = want.after("versioning").as_bool() == Some(true);
            put_versioning(session, &s3, bucket, on).await?;
        }
        if want.changes("encryption") || want.changes("blocked_encryption_types") {
            let blocked = want.after("blocked_encryption_types");
            put_encryption(session, &s3, bucket, want.after("encryption"), blocked).await?;
        }
        if want.changes("policy") {
            put_policy(session, &s3, bucket, want.after("policy")).await?;
        }
        let abac = want.after("abac").as_bool();
        if want.changes("abac")
            && let Some(on) = abac
        {
            put_abac(session, &s3, bucket, on).await?;
        }
        if want.changes("tags") {
            // Where tags decide about access, S3 takes them by other calls alone.
            match abac {
                Some(true) => change_tags(session, &want, bucket, region).await?,
                _ => put_tags(session, &s3, bucket, want.after("tags")).await?,
            }
        }
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let bucket = want.text("bucket")?;
        let region = want.text("region").unwrap_or(&session.region);
        let gone = session
            .s3(region)
            .delete_bucket()
            .bucket(bucket)
            .send()
            .await
            .map_err(session.error("s3", "DeleteBucket"))
            .absent();
        match gone {
            Err(error) if error.code.as_deref() == Some("BucketNotEmpty") => Err(ProviderError {
                failure: Failure::Refused,
                message: format!(
                    "`{bucket}` still holds objects or old versions, which Palisade does not delete: empty it first"
                ),
                ..error
            }),
            gone => gone.map(|_| ()),
        }
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let location = session
            .s3(&session.region)
            .get_bucket_location()
            .bucket(key)
            .send()
            .await
            .map_err(session.error("s3", "GetBucketLocation"))
            .absent()?;
        match location {
            Some(location) => {
                details(session, key, &region_of(location.location_constraint())).await
            }
            None => Ok(None),
        }
    }
}

#[async_trait]
impl BulkReader for S3Bucket {
    /// Every bucket of the account, and why some could not be read.
    async fn everything(&self, session: &Session, _scope: &BulkScope<'_>) -> BulkReading {
        let s3 = session.s3(&session.region);
        let mut pages = s3.list_buckets().into_paginator().page_size(1_000).send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(session.error("s3", "ListBuckets"))?;
            names.extend(page.buckets.unwrap_or_default());
        }
        let reads: Vec<_> = names
            .into_iter()
            .filter_map(|bucket| Some((bucket.name?, bucket.bucket_region)))
            .map(|(name, region)| async move {
                let read = match region.filter(|r| !r.is_empty()) {
                    Some(region) => details(session, &name, &region).await,
                    None => S3Bucket.read(session, &name).await,
                };
                (name, read)
            })
            .collect();
        let mut found = Vec::new();
        let mut unread = BTreeMap::new();
        let mut answers = stream::iter(reads).buffer_unordered(session.options.concurrency);
        while let Some((name, read)) = answers.next().await {
            match read {
                Ok(object) => found.extend(object),
                Err(error) if error.failure == Failure::AccessDenied || error.is_garbled() => {
                    unread.insert(name, WhyUnread::from(&error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((found, unread))
    }
}

async fn details(
    session: &Session,
    bucket: &str,
    region: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let s3 = session.s3(region);
    let versioning = s3.get_bucket_versioning().bucket(bucket).send();
    let encryption = s3.get_bucket_encryption().bucket(bucket).send();
    let public = s3.get_public_access_block().bucket(bucket).send();
    let policy = s3.get_bucket_policy().bucket(bucket).send();
    let tagging = s3.get_bucket_tagging().bucket(bucket).send();
    let abac = s3.get_bucket_abac().bucket(bucket).send();
    let ownership = s3.get_bucket_ownership_controls().bucket(bucket).send();
    let (versioning, encryption, public, policy, tagging, abac, ownership) =
        futures::join!(versioning, encryption, public, policy, tagging, abac, ownership);
    let versioning = match versioning {
        Ok(answer) => Ok(answer.status() == Some(&BucketVersioningStatus::Enabled)),
        // Some S3-compatible servers wrap the answer in another element, which the SDK cannot read;
        // the status in it is the same.
        Err(error) => match wrapped_versioning(error.raw_response()) {
            Some(status) => Ok(status == "Enabled"),
            None => Err(session.error("s3", "GetBucketVersioning")(error)),
        },
    };
    let Some(versioning) = versioning.absent()? else { return Ok(None) };
    let encryption = encryption.map_err(session.error("s3", "GetBucketEncryption")).absent()?;
    let public = public.map_err(session.error("s3", "GetPublicAccessBlock")).absent()?;
    let policy = policy.map_err(session.error("s3", "GetBucketPolicy")).absent()?;
    let tagging = tagging.map_err(session.error("s3", "GetBucketTagging")).absent()?;
    let abac = match abac {
        // Servers older than the call take it for a list of the bucket's objects.
        Err(error) if lists_objects(error.raw_response()) => Ok(None),
        answer => abac_of(answer.map_err(session.error("s3", "GetBucketAbac")))?,
    };
    let ownership = match ownership {
        Err(error) if lists_objects(error.raw_response()) => Ok(None),
        answer => {
            let answer = answer.map_err(session.error("s3", "GetBucketOwnershipControls"));
            ownership_of(answer.absent())?
        }
    };
    let rule = encryption
        .as_ref()
        .and_then(|e| e.server_side_encryption_configuration())
        .and_then(|c| c.rules().first());
    let public = public.as_ref().and_then(|p| p.public_access_block_configuration());
    let set = tagging.as_ref().map(|t| t.tag_set()).unwrap_or_default();
    let content = policy.as_ref().and_then(|p| p.policy());
    let role = Use::Resource("s3".to_owned());
    let blocked = rule.and_then(|rule| rule.blocked_encryption_types());
    let blocked = blocked.map(|blocked| {
        let types = sorted(blocked.encryption_type().iter().map(EncryptionType::as_str));
        ("blocked_encryption_types".to_owned(), types)
    });
    let mut attrs = attrs([
        ("bucket", bucket.into()),
        ("id", bucket.into()),
        ("arn", format!("arn:{}:s3:::{bucket}", session.partition()).into()),
        ("region", region.into()),
        ("versioning", versioning.into()),
        ("encryption", encryption_value(rule)),
        ("block_public_access", public_access_value(public)),
        ("policy", content.map_or(Value::Null, |text| canonical_policy(text, role))),
        ("tags", tags(set.iter().map(|t| (t.key(), t.value())))),
    ]);
    attrs.extend(blocked);
    let mut unread = BTreeMap::new();
    match abac {
        Ok(on) => attrs.extend(on.map(|on| ("abac".to_owned(), on.into()))),
        Err(why) => unread.extend([("abac", why)]),
    }
    match ownership {
        Ok(named) => attrs.extend(named.map(|named| ("object_ownership".to_owned(), named.into()))),
        Err(why) => unread.extend([("object_ownership", why)]),
    }
    Ok(live(KIND, attrs).map(|bucket| LiveObject { unread, ..bucket }))
}

/// Whether an answer is the list of a bucket's objects, which none of the questions about its settings asks for.
fn lists_objects(answer: Option<&HttpResponse>) -> bool {
    let body = answer.filter(|answer| answer.status().is_success()).and_then(|a| a.body().bytes());
    body.is_some_and(|body| String::from_utf8_lossy(body).contains("<ListBucketResult"))
}

/// Whether policies may ask for the bucket's tags; `None` where the endpoint has no such call. Where it is not told,
/// as to a role of before November 2025, the analysis takes both for possible, and the rest of the bucket is read.
fn abac_of(
    answer: Result<GetBucketAbacOutput, ProviderError>,
) -> Result<Result<Option<bool>, String>, ProviderError> {
    match answer {
        Ok(answer) => Ok(Ok(answer
            .abac_status()
            .and_then(|abac| abac.status())
            .map(|status| status == &BucketAbacStatus::Enabled))),
        Err(error) if error.failure == Failure::NotImplemented => Ok(Ok(None)),
        Err(error) if error.failure.is_transient() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// The Object Ownership of a bucket. `None` if it was never set, which means `ObjectWriter` (S3 User Guide, "Controlling
/// ownership of objects and disabling ACLs for your bucket"), or if the endpoint lacks the operation. If the call is refused,
/// the rest of the bucket is still read. In each of these cases the analysis assumes that access control lists are on.
fn ownership_of(
    answer: Result<Option<GetBucketOwnershipControlsOutput>, ProviderError>,
) -> Result<Result<Option<String>, String>, ProviderError> {
    match answer {
        Ok(answer) => {
            let rules = answer.as_ref().and_then(|a| a.ownership_controls()).map(|c| c.rules());
            let named = rules.and_then(|rules| rules.first()).map(|rule| rule.object_ownership());
            Ok(Ok(named.map(|named| named.as_str().to_owned())))
        }
        Err(error) if error.failure == Failure::NotImplemented => Ok(Ok(None)),
        Err(error) if error.failure.is_transient() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

async fn put_ownership(
    session: &Session,
    s3: &Client,
    bucket: &str,
    ownership: &str,
) -> Result<(), ProviderError> {
    let failed = |error: aws_smithy_types::error::operation::BuildError| {
        errors::refuse("s3", "PutBucketOwnershipControls", &session.account, error.to_string())
    };
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::from(ownership));
    let rule = rule.build().map_err(failed)?;
    s3.put_bucket_ownership_controls()
        .bucket(bucket)
        .ownership_controls(OwnershipControls::builder().rules(rule).build().map_err(failed)?)
        .send()
        .await
        .map_err(session.error("s3", "PutBucketOwnershipControls"))
        .map(|_| ())
}

async fn put_abac(
    session: &Session,
    s3: &Client,
    bucket: &str,
    on: bool,
) -> Result<(), ProviderError> {
    let status = if on { BucketAbacStatus::Enabled } else { BucketAbacStatus::Disabled };
    s3.put_bucket_abac()
        .bucket(bucket)
        .abac_status(AbacStatus::builder().status(status).build())
        .send()
        .await
        .map_err(session.error("s3", "PutBucketAbac"))
        .map(|_| ())
}

fn encryption_value(rule: Option<&ServerSideEncryptionRule>) -> Value {
    let by_default = rule.and_then(|r| r.apply_server_side_encryption_by_default());
    // S3 encrypts every bucket with SSE-S3 unless told otherwise (since January 2023).
    let algorithm = by_default.map_or("AES256", |d| d.sse_algorithm().as_str());
    let key = by_default.and_then(|d| d.kms_master_key_id());
    let bucket_key = rule.and_then(|r| r.bucket_key_enabled()).unwrap_or(false);
    Value::Map(Attrs::from([
        ("algorithm".to_owned(), algorithm.into()),
        ("kms_key_id".to_owned(), optional(key)),
        ("bucket_key".to_owned(), bucket_key.into()),
    ]))
}

fn is_default(encryption: &Value) -> bool {
    encryption.is_null() || encryption.reveal() == &encryption_value(None)
}

fn public_access_value(block: Option<&PublicAccessBlockConfiguration>) -> Value {
    let on = |get: fn(&PublicAccessBlockConfiguration) -> Option<bool>| {
        Value::Bool(block.and_then(get).unwrap_or(false))
    };
    Value::Map(Attrs::from([
        ("block_public_acls".to_owned(), on(|b| b.block_public_acls())),
        ("block_public_policy".to_owned(), on(|b| b.block_public_policy())),
        ("ignore_public_acls".to_owned(), on(|b| b.ignore_public_acls())),
        ("restrict_public_buckets".to_owned(), on(|b| b.restrict_public_buckets())),
    ]))
}

/// One switch of a public access block.
pub(in crate::provider::aws) fn switch(block: &Value, name: &str) -> bool {
    block.as_map().and_then(|b| b.get(name)).and_then(Value::as_bool).unwrap_or(false)
}

async fn put_public_access(
    session: &Session,
    s3: &Client,
    bucket: &str,
    block: &Value,
) -> Result<(), ProviderError> {
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(switch(block, "block_public_acls"))
        .block_public_policy(switch(block, "block_public_policy"))
        .ignore_public_acls(switch(block, "ignore_public_acls"))
        .restrict_public_buckets(switch(block, "restrict_public_buckets"))
        .build();
    s3.put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(configuration)
        .send()
        .await
        .map_err(session.error("s3", "PutPublicAccessBlock"))
        .map(|_| ())
}

async fn put_versioning(
    session: &Session,
    s3: &Client,
    bucket: &str,
    on: bool,
) -> Result<(), ProviderError> {
    let status =
        if on { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
    s3.put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(VersioningConfiguration::builder().status(status).build())
        .send()
        .await
        .map_err(session.error("s3", "PutBucketVersioning"))
        .map(|_| ())
}

async fn put_encryption(
    session: &Session,
    s3: &Client,
    bucket: &str,
    encryption: &Value,
    blocked: &Value,
) -> Result<(), ProviderError> {
    let part = |name: &str| encryption.as_map().and_then(|e| e.get(name));
    let algorithm = part("algorithm").and_then(Value::as_str).unwrap_or("AES256");
    let failed = |error: aws_smithy_types::error::operation::BuildError| {
        errors::refuse("s3", "PutBucketEncryption", &session.account, error.to_string())
    };
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(algorithm))
        .set_kms_master_key_id(part("kms_key_id").and_then(Value::as_str).map(str::to_owned))
        .build()
        .map_err(failed)?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(part("bucket_key").and_then(Value::as_bool).unwrap_or(false))
        .set_blocked_encryption_types((!blocked.is_null()).then(|| {
            let types = texts(blocked).into_iter().map(|text| EncryptionType::from(text.as_str()));
            BlockedEncryptionTypes::builder().set_encryption_type(Some(types.collect())).build()
        }))
        .build();
    let configuration =
        ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(failed)?;
    s3.put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(configuration)
        .send()
        .await
        .map_err(session.error("s3", "PutBucketEncryption"))
        .map(|_| ())
}

async fn put_policy(
    session: &Session,
    s3: &Client,
    bucket: &str,
    policy: &Value,
) -> Result<(), ProviderError> {
    if policy.is_null() {
        return s3
            .delete_bucket_policy()
            .bucket(bucket)
            .send()
            .await
            .map_err(session.error("s3", "DeleteBucketPolicy"))
            .absent()
            .map(|_| ());
    }
    s3.put_bucket_policy()
        .bucket(bucket)
        .policy(document(policy))
        .send()
        .await
        .map_err(session.error("s3", "PutBucketPolicy"))
        .map(|_| ())
}

/// The tags of a bucket, AWS's own (`aws:`) among them.
async fn tags_of(session: &Session, s3: &Client, bucket: &str) -> Result<Vec<Tag>, ProviderError> {
    let answer = s3
        .get_bucket_tagging()
        .bucket(bucket)
        .send()
        .await
        .map_err(session.error("s3", "GetBucketTagging"));
    match answer {
        Ok(answer) => Ok(answer.tag_set),
        Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn is_untagged(session: &Session, s3: &Client, bucket: &str) -> Result<bool, ProviderError> {
    match tags_of(session, s3, bucket).await {
        Ok(set) => Ok(set.is_empty()),
        // Who may not look at tags may still have set them with the bucket.
        Err(error) if error.failure == Failure::AccessDenied => Ok(false),
        Err(error) => Err(error),
    }
}

fn tag_set(wanted: &Value) -> Vec<Tag> {
    entries(wanted)
        .into_iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

/// Makes the tags what they shall be. S3 replaces the whole set at once and refuses a set without the tags
/// that AWS itself put there (CloudFormation's and Service Catalog's, `aws:...`): those are passed on.
async fn put_tags(
    session: &Session,
    s3: &Client,
    bucket: &str,
    wanted: &Value,
) -> Result<(), ProviderError> {
    let mut set = tags_of(session, s3, bucket).await?;
    set.retain(|tag| tag.key().starts_with("aws:"));
    set.extend(tag_set(wanted));
    if set.is_empty() {
        return s3
            .delete_bucket_tagging()
            .bucket(bucket)
            .send()
            .await
            .map_err(session.error("s3", "DeleteBucketTagging"))
            .absent()
            .map(|_| ());
    }
    let tagging = Tagging::builder().set_tag_set(Some(set)).build().map_err(|error| {
        errors::refuse("s3", "PutBucketTagging", &session.account, error.to_string())
    })?;
    s3.put_bucket_tagging()
        .bucket(bucket)
        .tagging(tagging)
        .send()
        .await
        .map_err(session.error("s3", "PutBucketTagging"))
        .map(|_| ())
}

/// Makes the tags what they shall be where policies may ask for them: `PutBucketTagging` is refused there (S3 API
/// Reference, `PutBucketAbac`). What it does not name stays, AWS's own tags among it.
async fn change_tags(
    session: &Session,
    want: &Wanted<'_>,
    bucket: &str,
    region: &str,
) -> Result<(), ProviderError> {
    let (set, removed) = want.map_changes("tags");
    let id = session.id().await?;
    let arn = format!("arn:{}:s3:::{bucket}", session.partition());
    let in_region = || {
        aws_sdk_s3control::config::Builder::new()
            .region(aws_sdk_s3control::config::Region::new(region.to_owned()))
    };
    let tags: Vec<_> = set
        .into_iter()
        .filter_map(|(key, value)| {
            aws_sdk_s3control::types::Tag::builder().key(key).value(value.as_str()?).build().ok()
        })
        .collect();
    if !tags.is_empty() {
        session
            .s3control()
            .tag_resource()
            .account_id(id.to_string())
            .resource_arn(&arn)
            .set_tags(Some(tags))
            .customize()
            .config_override(in_region())
            .send()
            .await
            .map_err(session.error("s3control", "TagResource"))?;
    }
    if !removed.is_empty() {
        session
            .s3control()
            .untag_resource()
            .account_id(id.to_string())
            .resource_arn(&arn)
            .set_tag_keys(Some(removed.into_iter().map(str::to_owned).collect()))
            .customize()
            .config_override(in_region())
            .send()
            .await
            .map_err(session.error("s3control", "UntagResource"))?;
    }
    Ok(())
}
