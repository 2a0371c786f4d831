//! Object storage: what the state backend and bucket management need, exact about conditional writes,
//! versions, delete markers and pages.
//!
//! Own code rather than winterbaume's: its lists of versions cannot be paged, its pages with a delimiter
//! lose prefixes, and a new version drops the delete markers before it. Multipart uploads, ACLs and
//! the rest are not emulated and say so.

mod bucket;
mod list;
pub(crate) mod model;
mod object;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::{Bytes, BytesMut};
use percent_encoding::percent_decode_str;

use super::wire::{Call, Ctx, Refusal, Reply, Service};
use super::xml::Xml;
use model::{Bucket, XMLNS};

type S3Answer = Result<Reply, Refusal>;

/// What a request is aimed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct S3Target {
    pub(crate) bucket: String,
    pub(crate) key: Option<String>,
}

impl fmt::Display for S3Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}/{key}", self.bucket),
            None => f.write_str(&self.bucket),
        }
    }
}

/// The bucket and key of a request, in virtual-hosted or path style; `None` for the service itself.
pub(crate) fn target(call: &Call) -> Option<S3Target> {
    let path = call.path.strip_prefix('/').unwrap_or(&call.path);
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let host = call.host.split(':').next().unwrap_or_default();
    let hosted = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))
        .and_then(|rest| rest.rfind(".s3").map(|at| rest.split_at(at).0))
        .filter(|bucket| !bucket.is_empty());
    let (bucket, key) = match hosted {
        Some(bucket) => (bucket.to_owned(), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (decode(bucket), key),
            None => (decode(path), ""),
        },
    };
    if bucket.is_empty() {
        return None;
    }
    Some(S3Target { bucket, key: (!key.is_empty()).then(|| decode(key)) })
}

/// Sub-resources of a bucket that are kept as they are put: query name, operation's name, XML root,
/// and the refusal where there is none.
const CONFIGS: [(&str, &str, &str, &str); 13] = [
    ("policy", "BucketPolicy", "", "NoSuchBucketPolicy"),
    (
        "publicAccessBlock",
        "PublicAccessBlock",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
    ),
    (
        "encryption",
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    ("tagging", "BucketTagging", "Tagging", "NoSuchTagSet"),
    ("abac", "BucketAbac", "AbacStatus", ""),
    (
        "ownershipControls",
        "BucketOwnershipControls",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
    ),
    (
        "lifecycle",
        "BucketLifecycleConfiguration",
        "LifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
    ),
    ("cors", "BucketCors", "CORSConfiguration", "NoSuchCORSConfiguration"),
    (
        "replication",
        "BucketReplication",
        "ReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
    ),
    (
        "object-lock",
        "ObjectLockConfiguration",
        "ObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
    ),
    ("website", "BucketWebsite", "WebsiteConfiguration", "NoSuchWebsiteConfiguration"),
    ("logging", "BucketLogging", "BucketLoggingStatus", ""),
    ("notification", "BucketNotificationConfiguration", "NotificationConfiguration", ""),
];

/// The API's name for a request.
pub(crate) fn operation(call: &Call) -> String {
    let target = target(call);
    let method = match call.method.as_str() {
        "PUT" => "Put",
        "DELETE" => "Delete",
        "HEAD" => "Head",
        "POST" => "Post",
        _ => "Get",
    };
    let has = |name: &str| call.query.contains_key(name);
    let Some(target) = target else { return "ListBuckets".to_owned() };
    if target.key.is_some() {
        let name = match (method, ()) {
            _ if has("uploads") || has("uploadId") => "MultipartUpload",
            _ if has("tagging") => "ObjectTagging",
            _ if has("acl") => "ObjectAcl",
            _ if has("attributes") => "ObjectAttributes",
            _ if has("legal-hold") => "ObjectLegalHold",
            _ if has("retention") => "ObjectRetention",
            ("Put", ()) if call.header("x-amz-copy-source").is_some() => {
                return "CopyObject".to_owned();
            }
            _ => "Object",
        };
        return format!("{method}{name}");
    }
    if let Some((_, name, ..)) = CONFIGS.iter().find(|(query, ..)| has(query)) {
        return format!("{method}{name}");
    }
    match method {
        "Put" if has("versioning") => "PutBucketVersioning",
        "Get" if has("versioning") => "GetBucketVersioning",
        "Get" if has("location") => "GetBucketLocation",
        "Get" if has("policyStatus") => "GetBucketPolicyStatus",
        "Get" if has("versions") => "ListObjectVersions",
        "Get" if has("uploads") => "ListMultipartUploads",
        "Get" if has("acl") => "GetBucketAcl",
        "Get" if has("requestPayment") => "GetBucketRequestPayment",
        "Get" if has("accelerate") => "GetBucketAccelerateConfiguration",
        "Put" if has("acl") => "PutBucketAcl",
        "Get" if call.param("list-type") == Some("2") => "ListObjectsV2",
        "Post" if has("delete") => "DeleteObjects",
        "Get" => "ListObjects",
        "Put" => "CreateBucket",
        "Head" => "HeadBucket",
        "Delete" => "DeleteBucket",
        _ => "PostObject",
    }
    .to_owned()
}

/// Serves one request.
pub(crate) fn serve(ctx: &mut Ctx<'_>, call: &Call) -> S3Answer {
    let Some(target) = target(call) else { return Ok(bucket::list_all(ctx)) };
    if call.operation == "CreateBucket" {
        return bucket::create(ctx, call, &target.bucket);
    }
    let bucket = find(ctx, &target.bucket)?.clone();
    if let Some(wanted) = call.header("x-amz-expected-bucket-owner")
        && wanted != bucket.account
    {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    if bucket.region != call.region && call.operation != "GetBucketLocation" {
        let refusal = Refusal::new(
            301,
            "PermanentRedirect",
            format!(
                "The bucket you are attempting to access must be addressed using the endpoint of region {}.",
                bucket.region
            ),
        );
        return Ok(super::protocol::refuse(call, &refusal, "redirect")
            .with("x-amz-bucket-region", bucket.region));
    }
    match &target.key {
        Some(key) => object::serve(ctx, call, &bucket, key),
        None => bucket::serve(ctx, call, &bucket),
    }
}

/// Whether `RestrictPublicBuckets` holds for a bucket, by its own block or its account's.
pub(crate) fn restricts_public(state: &super::state::SandboxState, bucket: &Bucket) -> bool {
    let account = state.public_access.get(&bucket.account).copied().unwrap_or_default();
    let own = bucket.config.get("publicAccessBlock").map(|text| bucket::public_access(text));
    account.restrict_buckets || own.unwrap_or_default().restrict_buckets
}

fn find<'c>(ctx: &'c Ctx<'_>, name: &str) -> Result<&'c Bucket, Refusal> {
    match ctx.state.buckets.get(name) {
        Some(bucket) => Ok(bucket),
        None => Err(Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist")),
    }
}

fn not_emulated(call: &Call) -> Refusal {
    Refusal::not_emulated(Service::S3, &call.operation)
}

fn xml(root: &str, inner: Xml) -> Reply {
    Reply::new(200, "application/xml", inner.document(root, XMLNS))
}

/// A request's body without the SDK's chunk framing (`aws-chunked`, used for streams).
fn plain_body(call: &Call) -> Result<Bytes, Refusal> {
    let framed = call.header("content-encoding").is_some_and(|e| e.contains("aws-chunked"))
        || call.header("x-amz-content-sha256").is_some_and(|h| h.starts_with("STREAMING-"));
    if !framed {
        return Ok(call.body.clone());
    }
    let broken = || Refusal::new(400, "IncompleteBody", "The chunked body is not complete.");
    let mut rest: &[u8] = &call.body;
    let mut out = BytesMut::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").ok_or_else(broken)?;
        let line = rest.get(..end).ok_or_else(broken)?;
        let line = std::str::from_utf8(line).map_err(|_| broken())?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken())?;
        if size == 0 {
            return Ok(out.freeze());
        }
        let from = end + 2;
        let to = from.checked_add(size).ok_or_else(broken)?;
        out.extend_from_slice(rest.get(from..to).ok_or_else(broken)?);
        rest = rest.get(to + 2..).ok_or_else(broken)?;
    }
}
