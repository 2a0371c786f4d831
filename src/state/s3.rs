//! The S3 backend: conditional single-part writes in a versioned bucket.
//!
//! Conditions and their answers: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
//! (412 the condition did not hold, 409 another conditional write was in progress, 404 `If-Match` on
//! an absent object). Tags are opaque. Time is the `Date` header of the server's answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;

use super::clock::{Clock, SystemClock};
use super::store::{
    Listed, MAX_BYTES, Object, ObjectVersion, Put, StateStore, StoreError, StoreFailure,
    Versioning, WriteCondition, Written, too_large,
};
use crate::cause::{self, Cause, CauseKind};
use crate::patience::{Patience, backoff};
use crate::trace::{self, Destination};

/// How often a read is tried when the service is busy or does not answer (beside the SDK's retries).
const READ_ATTEMPTS: u32 = 5;
/// What the clients of the state are watched as ([`crate::trace::Observer`]).
pub const ACCOUNT: &str = "the state";

/// State below a prefix of a bucket.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    encryption: Encryption,
    clock: Arc<dyn Clock>,
    /// How long one object is waited for, its body and all repetitions included.
    deadline: Duration,
}

/// What every write says of its encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing: the bucket's default counts.
    #[default]
    OfBucket,
    /// S3's own keys, by name: some bucket policies ask for the header.
    Sse,
    /// This KMS key, or AWS's own for S3.
    Kms(Option<String>),
}

impl S3Store {
    /// State in `bucket` below `prefix` (empty, or with or without a final slash).
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self {
            client,
            bucket: bucket.into(),
            prefix,
            encryption: Encryption::default(),
            clock: Arc::new(SystemClock::new()),
            deadline: Patience::default().deadline,
        }
    }

    /// Says this of the encryption of every write.
    #[must_use]
    pub fn with_encryption(self, encryption: Encryption) -> Self {
        Self { encryption, ..self }
    }

    /// Waits between attempts on another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Waits so long for one object at most.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn failed<E>(
        &self,
        operation: &'static str,
        key: &str,
        error: SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (failure, message, advice) = classify(&error);
        let (location, key) = (self.location(), key.to_owned());
        StoreError { failure, location, operation, key, message, advice }
    }

    /// The deadline has passed, between two attempts or in the middle of an answer.
    fn late(&self) -> StoreError {
        self.no_answer("read", "", cause::out_of_time(Self::asked().as_ref()))
    }

    /// Nothing came, or nothing that counts as an answer.
    fn no_answer(&self, operation: &'static str, key: &str, cause: Cause) -> StoreError {
        StoreError {
            failure: StoreFailure::Unreachable,
            location: self.location(),
            operation,
            key: key.to_owned(),
            message: cause.message,
            advice: Some(cause.advice),
        }
    }

    /// Where the last request went.
    fn asked() -> Option<Destination> {
        trace::destination(ACCOUNT, "s3")
    }

    /// A listing that says that more follows, and not where. It must not pass for a whole one: a journal
    /// that it leaves out would never be recovered.
    fn cut(&self, operation: &'static str, prefix: &str) -> StoreError {
        StoreError {
            failure: StoreFailure::Other,
            location: self.location(),
            operation,
            key: prefix.to_owned(),
            message: "the listing is cut: it says that more follows, and not where".to_owned(),
            advice: Some(cause::garbled(Self::asked().as_ref()).advice),
        }
    }

    /// Repeats a read while the service is busy or silent: a read can always be repeated.
    async fn patiently<T, F>(&self, mut read: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            // The SDK bounds a request up to its answer's head; what comes after it may trickle.
            let left = self.deadline.saturating_sub(began.elapsed());
            let result = match tokio::time::timeout(left, read()).await {
                Ok(result) => result,
                Err(_) => return Err(self.late()),
            };
            match result {
                Err(error)
                    if error.failure == StoreFailure::Unreachable
                        && attempt + 1 < READ_ATTEMPTS
                        && began.elapsed() < self.deadline / 2 =>
                {
                    let wait = backoff(attempt, Duration::from_millis(100), Duration::from_secs(5));
                    self.clock.sleep(wait).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn get_object(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>, StoreError> {
        let result = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.full(key))
            .set_version_id(version.map(ToOwned::to_owned))
            .send()
            .await;
        let output = match result {
            Ok(output) => output,
            Err(error) => {
                let gone = matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion"));
                // A version that is a deletion marker answers 405.
                let marker = version.is_some() && status(&error) == Some(405);
                if gone || marker {
                    return Ok(None);
                }
                return Err(self.failed("read", key, error));
            }
        };
        let broken = |cause: Cause| self.no_answer("read", key, cause);
        let too_large = || StoreError {
            failure: StoreFailure::Other,
            location: self.location(),
            operation: "read",
            key: key.to_owned(),
            message: too_large(),
            advice: None,
        };
        let told = output.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        if told > MAX_BYTES {
            return Err(too_large());
        }
        let mut body = output.body;
        let mut bytes = Vec::with_capacity(usize::try_from(told).unwrap_or(0));
        let cut = |error| broken(cause::of_body(&error, Self::asked().as_ref()));
        while let Some(part) = body.try_next().await.map_err(cut)? {
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > MAX_BYTES {
                return Err(too_large());
            }
        }
        if let Some(page) = cause::page(&bytes) {
            return Err(broken(page));
        }
        // S3 sends one with every object.
        let etag = output.e_tag.ok_or_else(|| broken(cause::garbled(Self::asked().as_ref())))?;
        Ok(Some(Object { bytes, etag, version: output.version_id }))
    }

    /// Objects below a prefix, in the order of their keys.
    async fn listed(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let mut all = Vec::new();
        let mut after = after.map(|a| self.full(a));
        loop {
            // `StartAfter` pages as well as a token and survives a retry.
            let page = self
                .patiently(|| async {
                    self.client
                        .list_objects_v2()
                        .bucket(&self.bucket)
                        .prefix(self.full(prefix))
                        .set_start_after(after.clone())
                        .send()
                        .await
                        .map_err(|e| self.failed("list", prefix, e))
                })
                .await?;
            let last = all.len();
            for object in page.contents.unwrap_or_default() {
                let Some(full) = object.key else { continue };
                if let Some(key) = full.strip_prefix(&self.prefix) {
                    all.push(Listed { key: key.to_owned(), etag: object.e_tag });
                }
                after = Some(full);
            }
            if page.is_truncated != Some(true) {
                return Ok(all);
            }
            if all.len() == last {
                return Err(self.cut("list", prefix));
            }
        }
    }

    /// Versions and deletion markers below a prefix, newest first for each key.
    async fn all_versions(&self, prefix: &str) -> Result<Vec<(String, ObjectVersion)>, StoreError> {
        self.versions_below(prefix, None).await
    }

    /// The same of the first page alone, where it is limited: there the newest of the first key stand.
    async fn versions_below(
        &self,
        prefix: &str,
        limit: Option<i32>,
    ) -> Result<Vec<(String, ObjectVersion)>, StoreError> {
        let mut found = Vec::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let page = self
                .patiently(|| async {
                    self.client
                        .list_object_versions()
                        .bucket(&self.bucket)
                        .prefix(self.full(prefix))
                        .set_max_keys(limit)
                        .set_key_marker(key_marker.clone())
                        .set_version_id_marker(version_marker.clone())
                        .send()
                        .await
                        .map_err(|e| self.failed("list versions of", prefix, e))
                })
                .await?;
            let mut on_page = Vec::new();
            for version in page.versions.unwrap_or_default() {
                on_page.push((
                    version.key,
                    version.version_id,
                    version.last_modified,
                    version.size.unwrap_or(0),
                    false,
                ));
            }
            for marker in page.delete_markers.unwrap_or_default() {
                on_page.push((marker.key, marker.version_id, marker.last_modified, 0, true));
            }
            for (key, id, at, size, deleted) in on_page {
                let (Some(key), Some(id)) = (key, id) else { continue };
                let Some(key) = key.strip_prefix(&self.prefix) else { continue };
                let at = at.and_then(|at| Timestamp::new(at.secs(), 0).ok());
                let size = u64::try_from(size).unwrap_or(0);
                found.push((key.to_owned(), ObjectVersion { id, at, size, deleted }));
            }
            let next = (page.next_key_marker, page.next_version_id_marker);
            if page.is_truncated != Some(true) || limit.is_some() {
                break;
            }
            if next.0.is_none() || next.0 == key_marker && next.1 == version_marker {
                return Err(self.cut("list versions of", prefix));
            }
            (key_marker, version_marker) = next;
        }
        Ok(found)
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

fn has_body<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let body = error.raw_response().and_then(|raw| raw.body().bytes());
    body.is_some_and(|body| !body.is_empty())
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> (StoreFailure, String, Option<String>)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let message = || match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (Some(code), None) => code.to_owned(),
        _ => match status(error) {
            Some(status) => format!("the server answered with status {status}"),
            None => causes(error),
        },
    };
    let asked = trace::destination(ACCOUNT, "s3");
    // S3 says of what is not there what that is (`NoSuchKey`, `NoSuchBucket`); the SDK calls an answer without a body so.
    let nothing = error.code() == Some("NotFound") && !has_body(error);
    let nothing = nothing.then(|| cause::garbled(asked.as_ref()));
    if let Some(cause) = nothing.or_else(|| cause::of(error, asked.as_ref())) {
        let failure = match cause.kind {
            CauseKind::ClockSkew
            | CauseKind::UnknownKey
            | CauseKind::RegionDisabled
            | CauseKind::Expired
            | CauseKind::NoCredentials => StoreFailure::Credentials,
            CauseKind::Throttled
            | CauseKind::NoConnection
            | CauseKind::Silent
            | CauseKind::Garbled
            | CauseKind::WebPage => StoreFailure::Unreachable,
            CauseKind::NotImplemented => StoreFailure::Unsupported,
            CauseKind::AccountClosed | CauseKind::OtherRegion => StoreFailure::Other,
        };
        let advice = region_advice(error).unwrap_or(cause.advice);
        return (failure, cause.message, Some(advice));
    }
    let failure = match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | SdkError::DispatchFailure(_) => {
            StoreFailure::Unreachable
        }
        SdkError::ServiceError(_) => match (error.code(), status(error)) {
            (Some("SignatureDoesNotMatch"), _) => StoreFailure::Credentials,
            (Some("NoSuchBucket"), _) => StoreFailure::Missing,
            (_, Some(403 | 401)) => StoreFailure::Denied,
            (Some("RequestTimeout"), _) | (_, Some(500 | 502 | 503 | 504)) => {
                StoreFailure::Unreachable
            }
            _ => StoreFailure::Other,
        },
        _ => StoreFailure::Other,
    };
    (failure, message(), None)
}

/// What to do where the bucket lies in another region.
pub(super) fn region_advice<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let region = cause::region_of(error.raw_response()?)?;
    Some(format!("set `region` of the `backend` block to `{region}`"))
}

/// Every cause of an error in words, outermost first, each once.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let text = error.to_string();
        if !text.is_empty() && !texts.iter().any(|t| t.contains(&text)) {
            texts.push(text);
        }
        at = error.source();
    }
    texts.join(": ")
}

/// Keeps the `Date` header of an answer.
#[derive(Clone, Debug, Default)]
struct DateCapture(Arc<Mutex<Option<Timestamp>>>);

impl DateCapture {
    fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[dyn_dispatch_hint]
impl Intercept for DateCapture {
    fn name(&self) -> &'static str {
        "DateCapture"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context
            .response()
            .headers()
            .get("date")
            .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
            .map(|zoned| zoned.timestamp());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[async_trait]
impl StateStore for S3Store {
    fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.patiently(|| self.get_object(key, None)).await
    }

    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError> {
        let date = DateCapture::default();
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.full(key))
            .content_type("application/json")
            .body(ByteStream::from(bytes.to_vec()));
        let request = match &self.encryption {
            Encryption::OfBucket => request,
            Encryption::Sse => request.server_side_encryption(ServerSideEncryption::Aes256),
            Encryption::Kms(key) => request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .set_ssekms_key_id(key.clone()),
        };
        let request = match condition {
            WriteCondition::Absent => request.if_none_match("*"),
            WriteCondition::Etag(etag) => request.if_match(etag),
        };
        // One attempt: who writes decides before each whether it still may (`store::cas_while`).
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).interceptor(date.clone()).send().await {
            Ok(output) => match output.e_tag {
                Some(etag) => {
                    Ok(Put::Written(Written { etag, version: output.version_id, at: date.get() }))
                }
                None => {
                    let cause = cause::garbled(Self::asked().as_ref());
                    Ok(Put::Ambiguous(self.no_answer("write", key, cause).into()))
                }
            },
            Err(error) => {
                match (status(&error), error.code()) {
                    (Some(412), _) => return Ok(Put::Lost),
                    (Some(404), Some("NoSuchKey")) if *condition != WriteCondition::Absent => {
                        return Ok(Put::Lost);
                    }
                    (Some(409), _) => {
                        return Ok(Put::Ambiguous("another write was in progress (409)".into()));
                    }
                    _ => {}
                }
                let failed = self.failed("write", key, error);
                match failed.failure {
                    StoreFailure::Unreachable => Ok(Put::Ambiguous(failed.into())),
                    _ => Err(failed),
                }
            }
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        Ok(self.listed(prefix, after).await?.into_iter().map(|listed| listed.key).collect())
    }

    async fn list_tagged(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.listed(prefix, None).await
    }

    fn lists_tags(&self) -> bool {
        true
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        let all = self.all_versions(key).await?;
        Ok(all.into_iter().filter(|(k, _)| k == key).map(|(_, v)| v).collect())
    }

    async fn newest_versions(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, StoreError> {
        let page = i32::try_from(limit).ok();
        let all = self.versions_below(key, page).await?;
        Ok(all.into_iter().filter(|(k, _)| k == key).map(|(_, v)| v).collect())
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        let mut counts = std::collections::BTreeMap::<String, (usize, bool)>::new();
        for (key, version) in self.all_versions(prefix).await? {
            let entry = counts.entry(key).or_default();
            if version.deleted {
                entry.1 = true;
            } else {
                entry.0 += 1;
            }
        }
        Ok(counts.into_iter().map(|(key, (count, marker))| (key, count, marker)).collect())
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        self.patiently(|| self.get_object(key, Some(version))).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.patiently(|| async {
            self.client
                .delete_object()
                .bucket(&self.bucket)
                .key(self.full(key))
                .send()
                .await
                .map_err(|e| self.failed("delete", key, e))
        })
        .await?;
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.patiently(|| async {
            let date = DateCapture::default();
            let request = self.client.head_bucket().bucket(&self.bucket).customize();
            match request.interceptor(date.clone()).send().await {
                Ok(_) => Ok(date.get()),
                // HeadBucket answers without a body: the bare status is all there is.
                Err(error) if status(&error) == Some(404) => Err(StoreError {
                    failure: StoreFailure::Missing,
                    location: self.location(),
                    operation: "read",
                    key: String::new(),
                    message: format!("bucket `{}` does not exist", self.bucket),
                    advice: None,
                }),
                Err(error) => Err(self.failed("read the time", "", error)),
            }
        })
        .await
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        let on = self
            .patiently(|| async {
                let answer = self.client.get_bucket_versioning().bucket(&self.bucket).send().await;
                match answer {
                    Ok(output) => Ok(output.status == Some(BucketVersioningStatus::Enabled)),
                    // Some S3-compatible servers wrap the answer in another element, which the SDK
                    // cannot read; the status in it is the same.
                    Err(error) => match cause::wrapped_versioning(error.raw_response()) {
                        Some(status) => Ok(status == "Enabled"),
                        None => Err(self.failed("read the versioning", "", error)),
                    },
                }
            })
            .await?;
        Ok(match on {
            true => Versioning::On,
            _ => Versioning::Off(format!(
                "switch it on: `aws s3api put-bucket-versioning --bucket {} --versioning-configuration Status=Enabled`",
                self.bucket
            )),
        })
    }
}
