//! Objects: put, get, head, delete, copy, tags; conditional requests; versions and delete markers.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;

use super::model::XMLNS;
use super::model::{Blob, Bucket, Version};
use super::{S3Answer, not_emulated, plain_body, xml};
use crate::sandbox::state::{LOWER, SandboxState, Tags};
use crate::sandbox::wire::{Call, Ctx, Refusal, Reply, form};
use crate::sandbox::xml::{Xml, inner_of, text_of, texts_of};

/// Headers that a GET returns as the PUT sent them.
const KEPT: [&str; 6] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
];

pub(super) fn serve(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str) -> S3Answer {
    if key.len() > 1024 || key.contains('\0') {
        return Err(Refusal::new(400, "KeyTooLongError", "Your key is too long"));
    }
    match call.operation.as_str() {
        "PutObject" => put(ctx, call, bucket, key),
        "CopyObject" => copy(ctx, call, bucket, key),
        "GetObject" => get(ctx, call, bucket, key, true),
        "HeadObject" => get(ctx, call, bucket, key, false),
        "DeleteObject" => delete(ctx, call, bucket, key),
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => {
            tagging(ctx, call, bucket, key)
        }
        _ => Err(not_emulated(call)),
    }
}

fn no_such_key() -> Refusal {
    Refusal::new(404, "NoSuchKey", "The specified key does not exist.")
}

fn precondition() -> Refusal {
    Refusal::new(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

/// The newest version of a key, a delete marker included.
fn newest<'w>(state: &'w SandboxState, bucket: &str, key: &str) -> Option<(&'w str, &'w Version)> {
    state.versions.scan(&format!("{bucket}\0{key}\0")).next()
}

fn live<'w>(state: &'w SandboxState, bucket: &str, key: &str) -> Option<(&'w str, &'w Version)> {
    newest(state, bucket, key).filter(|(_, version)| !version.marker)
}

fn by_id<'w>(
    state: &'w SandboxState,
    bucket: &str,
    key: &str,
    id: &str,
) -> Option<(&'w str, &'w Version)> {
    state.versions.scan(&format!("{bucket}\0{key}\0")).find(|(_, version)| version.id == id)
}

fn remove(state: &mut SandboxState, row: &str) {
    state.versions.remove(row);
    state.blobs.remove(row);
}

/// Puts a version in front of the others; without versioning it replaces the `null` one.
fn insert(
    state: &mut SandboxState,
    bucket: &Bucket,
    mut version: Version,
    body: Option<Bytes>,
) -> String {
    let number = state.next("s3-version");
    if bucket.versioning.as_deref() == Some("Enabled") {
        version.id = state.mint("s3", &format!("{}/{}", bucket.name, version.key), LOWER, 32);
    } else {
        version.id = "null".to_owned();
        let old = by_id(state, &bucket.name, &version.key, "null").map(|(row, _)| row.to_owned());
        if let Some(old) = old {
            remove(state, &old);
        }
    }
    let id = version.id.clone();
    let row = format!("{}\0{}\0{:020}", bucket.name, version.key, u64::MAX - number);
    if let Some(body) = body {
        state.blobs.insert(row.clone(), Blob(body));
    }
    state.versions.insert(row, version);
    id
}

fn with_version(reply: Reply, bucket: &Bucket, id: &str) -> Reply {
    if bucket.versioning.is_some() { reply.with("x-amz-version-id", id) } else { reply }
}

/// Conditional writes. Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
fn check_write(state: &SandboxState, call: &Call, bucket: &str, key: &str) -> Result<(), Refusal> {
    let current = live(state, bucket, key).map(|(_, version)| version.etag.as_str());
    if let Some(condition) = call.header("if-none-match") {
        if condition != "*" {
            return Err(Refusal::new(
                501,
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
            ));
        }
        if current.is_some() {
            return Err(precondition());
        }
    }
    match (call.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_such_key()),
        (Some(wanted), Some(etag)) if same_etag(wanted, etag) => Ok(()),
        (Some(_), Some(_)) => Err(precondition()),
    }
}

fn same_etag(wanted: &str, etag: &str) -> bool {
    wanted
        .split(',')
        .any(|one| one.trim() == "*" || one.trim().trim_matches('"') == etag.trim_matches('"'))
}

/// The encryption that a new object gets: from the request, else from the bucket.
fn encryption(call: &Call, bucket: &Bucket) -> (String, Option<String>) {
    if let Some(asked) = call.header("x-amz-server-side-encryption") {
        let key = call.header("x-amz-server-side-encryption-aws-kms-key-id").map(str::to_owned);
        return (asked.to_owned(), key);
    }
    let config = bucket.config.get("encryption").map(String::as_str).unwrap_or_default();
    let algorithm = text_of(config, "SSEAlgorithm").unwrap_or_else(|| "AES256".to_owned());
    (algorithm, text_of(config, "KMSMasterKeyID"))
}

fn etag_of(state: &mut SandboxState, algorithm: &str, body: &[u8]) -> String {
    if algorithm.starts_with("aws:kms") {
        // no digest of the content: opaque, and different each time
        let number = state.next("s3-etag").to_string();
        return format!(
            "\"{}\"",
            crate::sandbox::state::derive(&format!("etag/{number}"), b"0123456789abcdef", 32)
        );
    }
    let digest = Md5::digest(body);
    format!("\"{}\"", digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn put(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str) -> S3Answer {
    check_write(ctx.state, call, &bucket.name, key)?;
    let body = plain_body(call)?;
    if let Some(sent) = call.header("content-md5") {
        use base64::Engine as _;
        let own = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&body));
        if sent != own {
            return Err(Refusal::new(
                400,
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
    }
    let tags: Tags = call.header("x-amz-tagging").map(form).unwrap_or_default();
    let headers: BTreeMap<String, String> = call
        .headers
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()) || name.starts_with("x-amz-meta-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    store(ctx, call, bucket, key, body, headers, tags)
}

fn store(
    ctx: &mut Ctx<'_>,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    body: Bytes,
    mut headers: BTreeMap<String, String>,
    tags: Tags,
) -> S3Answer {
    let metadata: usize = headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-amz-meta-"))
        .map(|(name, value)| name.len() - "x-amz-meta-".len() + value.len())
        .sum();
    if metadata > 2048 {
        return Err(Refusal::new(
            400,
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        ));
    }
    let (algorithm, kms) = encryption(call, bucket);
    headers.insert("x-amz-server-side-encryption".to_owned(), algorithm.clone());
    if let Some(kms) = kms {
        headers.insert("x-amz-server-side-encryption-aws-kms-key-id".to_owned(), kms);
    }
    let etag = etag_of(ctx.state, &algorithm, &body);
    let version = Version {
        key: key.to_owned(),
        id: String::new(),
        marker: false,
        etag: etag.clone(),
        size: u64::try_from(body.len()).unwrap_or(u64::MAX),
        modified: ctx.now,
        headers,
        tags,
    };
    let id = insert(ctx.state, bucket, version, Some(body));
    let reply =
        Reply::empty(200).with("etag", etag).with("x-amz-server-side-encryption", algorithm);
    Ok(with_version(reply, bucket, &id))
}

fn copy(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str) -> S3Answer {
    check_write(ctx.state, call, &bucket.name, key)?;
    let source = call.header("x-amz-copy-source").unwrap_or_default();
    let (path, id) = match source.split_once("?versionId=") {
        Some((path, id)) => (path, Some(id)),
        None => (source, None),
    };
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
    let (from, from_key) = path.split_once('/').ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    })?;
    let owner = ctx.state.buckets.get(from).map(|b| b.account.as_str());
    if owner.is_none() {
        return Err(Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist"));
    }
    if owner != Some(ctx.caller.account.as_str()) {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    let found = match id {
        Some(id) => by_id(ctx.state, from, from_key, id).filter(|(_, v)| !v.marker),
        None => live(ctx.state, from, from_key),
    };
    let (row, version) = found.ok_or_else(no_such_key)?;
    let (version, body) =
        (version.clone(), ctx.state.blobs.get(row).map(|b| b.0.clone()).unwrap_or_default());
    let mut headers = version.headers;
    headers.retain(|name, _| !name.starts_with("x-amz-server-side-encryption"));
    let reply = store(ctx, call, bucket, key, body, headers, version.tags)?;
    let etag = reply.headers.iter().find(|(n, _)| n == "etag").map(|(_, v)| v.clone());
    let inner = Xml::new().opt("ETag", etag).text("LastModified", ctx.now.iso_millis());
    let mut answer = xml("CopyObjectResult", inner);
    answer.headers.extend(reply.headers.into_iter().filter(|(name, _)| name != "etag"));
    Ok(answer)
}

/// The version that a read asks for; a delete marker in its place is a refusal that says so.
fn wanted<'c>(
    ctx: &'c Ctx<'_>,
    call: &Call,
    bucket: &Bucket,
    key: &str,
) -> Result<(&'c str, &'c Version), Reply> {
    let refuse = |refusal: &Refusal, marker: Option<&Version>| {
        let reply = crate::sandbox::protocol::refuse(call, refusal, "read");
        match marker {
            Some(marker) => {
                with_version(reply.with("x-amz-delete-marker", "true"), bucket, &marker.id)
            }
            None => reply,
        }
    };
    match call.param("versionId") {
        Some(id) => match by_id(ctx.state, &bucket.name, key, id) {
            Some((_, marker)) if marker.marker => Err(refuse(
                &Refusal::new(
                    405,
                    "MethodNotAllowed",
                    "The specified method is not allowed against this resource.",
                ),
                Some(marker),
            )),
            Some(found) => Ok(found),
            None => Err(refuse(
                &Refusal::new(404, "NoSuchVersion", "The specified version does not exist."),
                None,
            )),
        },
        None => match newest(ctx.state, &bucket.name, key) {
            Some((_, marker)) if marker.marker => Err(refuse(&no_such_key(), Some(marker))),
            Some(found) => Ok(found),
            None => Err(refuse(&no_such_key(), None)),
        },
    }
}

fn get(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str, with_body: bool) -> S3Answer {
    let (row, version) = match wanted(ctx, call, bucket, key) {
        Ok(found) => found,
        Err(reply) => return Ok(reply),
    };
    if call.header("if-match").is_some_and(|etag| !same_etag(etag, &version.etag)) {
        return Err(precondition());
    }
    let mut reply = Reply::empty(200)
        .with("etag", version.etag.clone())
        .with("last-modified", version.modified.http())
        .with("accept-ranges", "bytes");
    if call.header("if-none-match").is_some_and(|etag| same_etag(etag, &version.etag)) {
        reply.status = 304;
        return Ok(with_version(reply, bucket, &version.id));
    }
    for (name, value) in &version.headers {
        reply = reply.with(name, value.clone());
    }
    if !version.headers.contains_key("content-type") {
        reply = reply.with("content-type", "binary/octet-stream");
    }
    if !version.tags.is_empty() {
        reply = reply.with("x-amz-tagging-count", version.tags.len().to_string());
    }
    reply = with_version(reply, bucket, &version.id);
    let body = ctx.state.blobs.get(row).map(|blob| blob.0.clone()).unwrap_or_default();
    let body = match call.header("range") {
        None => body,
        Some(range) => {
            let (from, to) = byte_range(range, body.len()).ok_or_else(|| {
                Refusal::new(416, "InvalidRange", "The requested range is not satisfiable")
            })?;
            reply.status = 206;
            reply = reply.with("content-range", format!("bytes {from}-{}/{}", to - 1, body.len()));
            body.slice(from..to)
        }
    };
    if with_body {
        reply.body = body;
    } else {
        reply = reply.with("content-length", body.len().to_string());
    }
    Ok(reply)
}

/// `bytes=a-b`, `bytes=a-`, `bytes=-n` as a half-open range.
fn byte_range(header: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (from.parse::<usize>().ok(), to.parse::<usize>().ok()) {
        (Some(from), Some(to)) => (from, to.saturating_add(1).min(length)),
        (Some(from), None) => (from, length),
        (None, Some(last)) => (length.saturating_sub(last), length),
        (None, None) => return None,
    };
    (range.0 < range.1).then_some(range)
}

/// Deletes one; returns the version id concerned and whether it is a delete marker's.
fn delete_one(
    ctx: &mut Ctx<'_>,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
) -> Option<(String, bool)> {
    if let Some(id) = id {
        let (row, version) = by_id(ctx.state, &bucket.name, key, id)?;
        let (row, gone) = (row.to_owned(), (version.id.clone(), version.marker));
        remove(ctx.state, &row);
        return Some(gone);
    }
    if bucket.versioning.is_none() {
        let row = newest(ctx.state, &bucket.name, key).map(|(row, _)| row.to_owned())?;
        remove(ctx.state, &row);
        return None;
    }
    let marker = Version {
        key: key.to_owned(),
        id: String::new(),
        marker: true,
        etag: String::new(),
        size: 0,
        modified: ctx.now,
        headers: BTreeMap::new(),
        tags: Tags::new(),
    };
    Some((insert(ctx.state, bucket, marker, None), true))
}

fn delete(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str) -> S3Answer {
    let id = call.param("versionId");
    if let Some(etag) = call.header("if-match") {
        let current = match id {
            Some(id) => by_id(ctx.state, &bucket.name, key, id),
            None => live(ctx.state, &bucket.name, key),
        };
        match current {
            None => return Err(no_such_key()),
            Some((_, version)) if !same_etag(etag, &version.etag) => return Err(precondition()),
            Some(_) => {}
        }
    }
    let mut reply = Reply::empty(204);
    if let Some((id, marker)) = delete_one(ctx, bucket, key, id) {
        if marker {
            reply = reply.with("x-amz-delete-marker", "true");
        }
        reply = with_version(reply, bucket, &id);
    }
    Ok(reply)
}

pub(super) fn delete_many(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    let body = plain_body(call)?;
    let document = String::from_utf8_lossy(&body).into_owned();
    let quiet = text_of(&document, "Quiet").as_deref() == Some("true");
    let objects = inner_of(&document, "Object");
    if objects.is_empty() || objects.len() > 1000 {
        return Err(Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    }
    let mut inner = Xml::new();
    for object in objects {
        let key = text_of(&object, "Key").unwrap_or_default();
        let id = text_of(&object, "VersionId");
        let gone = delete_one(ctx, bucket, &key, id.as_deref());
        if quiet {
            continue;
        }
        let mut one = Xml::new().text("Key", &key).opt("VersionId", id.as_ref());
        if let Some((version, true)) = gone {
            one = one.text("DeleteMarker", "true").text("DeleteMarkerVersionId", version);
        }
        inner = inner.node("Deleted", one);
    }
    Ok(xml("DeleteResult", inner))
}

fn tagging(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket, key: &str) -> S3Answer {
    let row = match wanted(ctx, call, bucket, key) {
        Ok((row, _)) => row.to_owned(),
        Err(reply) => return Ok(reply),
    };
    let body = plain_body(call)?;
    let document = String::from_utf8_lossy(&body).into_owned();
    let Some(version) = ctx.state.versions.reach(&row, call.method != "GET") else {
        return Err(no_such_key());
    };
    match call.method.as_str() {
        "PUT" => {
            let (keys, values) = (texts_of(&document, "Key"), texts_of(&document, "Value"));
            if keys.len() > 10 {
                return Err(Refusal::new(
                    400,
                    "BadRequest",
                    "Object tags cannot be greater than 10",
                ));
            }
            version.tags = keys.into_iter().zip(values).collect();
            Ok(Reply::empty(200))
        }
        "DELETE" => {
            version.tags.clear();
            Ok(Reply::empty(204))
        }
        _ => {
            let mut set = Xml::new();
            for (key, value) in &version.tags {
                set = set.node("Tag", Xml::new().text("Key", key).text("Value", value));
            }
            let body = Xml::new().node("TagSet", set).document("Tagging", XMLNS);
            Ok(Reply::new(200, "application/xml", body))
        }
    }
}
