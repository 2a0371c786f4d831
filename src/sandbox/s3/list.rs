//! Lists: objects and versions, with prefix, delimiter and pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::model::{Bucket, Version};
use super::{S3Answer, xml};
use crate::sandbox::state::SandboxState;
use crate::sandbox::wire::{Call, Ctx, Refusal};
use crate::sandbox::xml::Xml;

/// What a walk over the keys of a bucket finds: an object or a common prefix.
enum Entry<'w> {
    Object(&'w Version),
    Prefix(String),
}

/// The first row of `versions` at or after a key of a bucket.
fn seek<'w>(state: &'w SandboxState, bucket: &str, from: &str) -> Option<(&'w str, &'w Version)> {
    let (row, version) = state.versions.at_or_after(from)?;
    row.strip_prefix(bucket)?.starts_with('\0').then_some((row, version))
}

/// Live objects and common prefixes after `after`, at most `limit`; and whether there are more.
fn walk<'w>(
    state: &'w SandboxState,
    bucket: &str,
    prefix: &str,
    delimiter: &str,
    after: &str,
    limit: usize,
) -> (Vec<Entry<'w>>, bool) {
    let mut found = Vec::new();
    let mut from = if after.is_empty() || after < prefix {
        format!("{bucket}\0{prefix}")
    } else {
        format!("{bucket}\0{after}\u{1}")
    };
    // a common prefix that ended the page before: everything in it is behind us
    if !delimiter.is_empty()
        && after.ends_with(delimiter)
        && after.starts_with(prefix)
        && after.len() > prefix.len()
    {
        from = format!("{bucket}\0{after}\u{10FFFF}");
    }
    while let Some((_, version)) = seek(state, bucket, &from) {
        let Some(rest) = version.key.strip_prefix(prefix) else { break };
        let key = &version.key;
        let cut = if delimiter.is_empty() { None } else { rest.find(delimiter) };
        let entry = match cut {
            Some(at) => {
                let end = prefix.len() + at + delimiter.len();
                let common = key.get(..end).unwrap_or(key).to_owned();
                // does anything live below it?
                from = format!("{bucket}\0{common}\u{10FFFF}");
                let (live, _) = walk(state, bucket, &common, "", "", 1);
                (!live.is_empty()).then_some(Entry::Prefix(common))
            }
            None => {
                from = format!("{bucket}\0{key}\u{1}");
                (!version.marker).then_some(Entry::Object(version))
            }
        };
        if let Some(entry) = entry {
            if found.len() == limit {
                return (found, true);
            }
            found.push(entry);
        }
    }
    (found, false)
}

fn max_keys(call: &Call) -> Result<usize, Refusal> {
    match call.param("max-keys") {
        None => Ok(1000),
        Some(text) => text.parse::<usize>().map(|n| n.min(1000)).map_err(|_| {
            Refusal::new(
                400,
                "InvalidArgument",
                "Provided max-keys not an integer or within integer range",
            )
        }),
    }
}

/// Keys go out URL-encoded when that was asked for.
fn shown(call: &Call, text: &str) -> String {
    if call.param("encoding-type") == Some("url") {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    } else {
        text.to_owned()
    }
}

fn object_xml(call: &Call, version: &Version) -> Xml {
    Xml::new()
        .text("Key", shown(call, &version.key))
        .text("LastModified", version.modified.iso_millis())
        .text("ETag", &version.etag)
        .num("Size", version.size)
        .text("StorageClass", "STANDARD")
}

fn last_of(entries: &[Entry<'_>]) -> String {
    match entries.last() {
        Some(Entry::Object(version)) => version.key.clone(),
        Some(Entry::Prefix(prefix)) => prefix.clone(),
        None => String::new(),
    }
}

fn entries_xml(call: &Call, entries: &[Entry<'_>]) -> Xml {
    let mut inner = Xml::new();
    for entry in entries {
        if let Entry::Object(version) = entry {
            inner = inner.node("Contents", object_xml(call, version));
        }
    }
    for entry in entries {
        if let Entry::Prefix(prefix) = entry {
            inner = inner.node("CommonPrefixes", Xml::new().text("Prefix", shown(call, prefix)));
        }
    }
    inner
}

pub(super) fn objects_v2(ctx: &Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    let (prefix, delimiter) =
        (call.param("prefix").unwrap_or_default(), call.param("delimiter").unwrap_or_default());
    let limit = max_keys(call)?;
    let after = match call.param("continuation-token") {
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| {
                Refusal::new(400, "InvalidArgument", "The continuation token provided is incorrect")
            })?,
        None => call.param("start-after").unwrap_or_default().to_owned(),
    };
    let (entries, more) = if limit == 0 {
        (Vec::new(), false)
    } else {
        walk(ctx.state, &bucket.name, prefix, delimiter, &after, limit)
    };
    let mut inner = Xml::new()
        .text("Name", &bucket.name)
        .text("Prefix", shown(call, prefix))
        .num("KeyCount", entries.len())
        .num("MaxKeys", limit)
        .num("IsTruncated", more)
        .opt("ContinuationToken", call.param("continuation-token"))
        .opt("StartAfter", call.param("start-after"))
        .opt("EncodingType", call.param("encoding-type"));
    if !delimiter.is_empty() {
        inner = inner.text("Delimiter", shown(call, delimiter));
    }
    if more {
        inner = inner.text("NextContinuationToken", URL_SAFE_NO_PAD.encode(last_of(&entries)));
    }
    Ok(xml("ListBucketResult", inner.join(&entries_xml(call, &entries))))
}

pub(super) fn objects(ctx: &Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    let (prefix, delimiter) =
        (call.param("prefix").unwrap_or_default(), call.param("delimiter").unwrap_or_default());
    let limit = max_keys(call)?;
    let marker = call.param("marker").unwrap_or_default();
    let (entries, more) = if limit == 0 {
        (Vec::new(), false)
    } else {
        walk(ctx.state, &bucket.name, prefix, delimiter, marker, limit)
    };
    let mut inner = Xml::new()
        .text("Name", &bucket.name)
        .text("Prefix", shown(call, prefix))
        .text("Marker", shown(call, marker))
        .num("MaxKeys", limit)
        .num("IsTruncated", more)
        .opt("EncodingType", call.param("encoding-type"));
    if !delimiter.is_empty() {
        inner = inner.text("Delimiter", shown(call, delimiter));
        if more {
            inner = inner.text("NextMarker", shown(call, &last_of(&entries)));
        }
    }
    Ok(xml("ListBucketResult", inner.join(&entries_xml(call, &entries))))
}

pub(super) fn versions(ctx: &Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    let (prefix, delimiter) =
        (call.param("prefix").unwrap_or_default(), call.param("delimiter").unwrap_or_default());
    let limit = max_keys(call)?;
    let name = &bucket.name;
    let marker = call.param("key-marker").unwrap_or_default();
    let mut from = if marker.is_empty() || marker < prefix {
        format!("{name}\0{prefix}")
    } else {
        format!("{name}\0{marker}\u{1}")
    };
    if let Some(id) = call.param("version-id-marker").filter(|id| !id.is_empty()) {
        let start = format!("{name}\0{marker}\0");
        let at = ctx.state.versions.scan(&start).find(|(_, v)| v.id == id).map(|(row, _)| row);
        let at =
            at.ok_or_else(|| Refusal::new(400, "InvalidArgument", "Invalid version id specified"))?;
        from = format!("{at}\u{1}");
    }
    let mut inner = Xml::new();
    let (mut count, mut more) = (0, false);
    let mut prefixes: Vec<String> = Vec::new();
    let mut last: Option<(String, String)> = None;
    while let Some((row, version)) = seek(ctx.state, name, &from) {
        let Some(rest) = version.key.strip_prefix(prefix) else { break };
        let cut = if delimiter.is_empty() { None } else { rest.find(delimiter) };
        if count == limit {
            more = true;
            break;
        }
        count += 1;
        if let Some(at) = cut {
            let end = prefix.len() + at + delimiter.len();
            let common = version.key.get(..end).unwrap_or(&version.key).to_owned();
            from = format!("{name}\0{common}\u{10FFFF}");
            last = Some((common.clone(), String::new()));
            prefixes.push(common);
            continue;
        }
        from = format!("{row}\u{1}");
        let start = format!("{name}\0{}\0", version.key);
        let latest = ctx.state.versions.scan(&start).next().is_some_and(|(first, _)| first == row);
        let mut one = Xml::new()
            .text("Key", shown(call, &version.key))
            .text("VersionId", &version.id)
            .num("IsLatest", latest)
            .text("LastModified", version.modified.iso_millis());
        if !version.marker {
            one = one
                .text("ETag", &version.etag)
                .num("Size", version.size)
                .text("StorageClass", "STANDARD");
        }
        inner = inner.node(if version.marker { "DeleteMarker" } else { "Version" }, one);
        last = Some((version.key.clone(), version.id.clone()));
    }
    for common in prefixes {
        inner = inner.node("CommonPrefixes", Xml::new().text("Prefix", shown(call, &common)));
    }
    let mut head = Xml::new()
        .text("Name", name)
        .text("Prefix", shown(call, prefix))
        .text("KeyMarker", shown(call, marker))
        .opt("VersionIdMarker", call.param("version-id-marker"))
        .num("MaxKeys", limit)
        .num("IsTruncated", more)
        .opt("EncodingType", call.param("encoding-type"));
    if !delimiter.is_empty() {
        head = head.text("Delimiter", shown(call, delimiter));
    }
    if let Some((key, id)) = last.filter(|_| more) {
        head = head.text("NextKeyMarker", shown(call, &key)).text("NextVersionIdMarker", id);
    }
    Ok(xml("ListVersionsResult", head.join(&inner)))
}
