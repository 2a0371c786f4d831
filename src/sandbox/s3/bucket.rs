//! Buckets and their configurations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::XMLNS;
use super::model::{Bucket, PublicAccess};
use super::{CONFIGS, S3Answer, list, not_emulated, object, xml};
use crate::iam::{self, Document, Limits};
use crate::sandbox::iam::document::{Named, Use, check, principals, resolve};
use crate::sandbox::wire::{Call, Ctx, Refusal, Reply};
use crate::sandbox::xml::{Xml, text_of, texts_of};

/// Bytes of a bucket policy.
const POLICY_LIMIT: usize = Limits::AWS.bucket_policy_size;

pub(super) fn list_all(ctx: &Ctx<'_>) -> Reply {
    let own = ctx.state.buckets.values().filter(|b| b.account == ctx.caller.account);
    let mut inner = Xml::new();
    for bucket in own {
        inner = inner.node(
            "Bucket",
            Xml::new()
                .text("Name", &bucket.name)
                .text("CreationDate", bucket.created.iso_millis())
                .text("BucketRegion", &bucket.region),
        );
    }
    let owner = Xml::new().text("ID", &ctx.caller.account);
    xml("ListAllMyBucketsResult", Xml::new().node("Owner", owner).node("Buckets", inner))
}

/// Source: S3 User Guide, "General purpose bucket naming rules".
fn valid_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| plain(b) || b == b'-' || b == b'.')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
        && !name.contains("..")
        && !name.starts_with("xn--")
        && !name.starts_with("sthree-")
        && !name.ends_with("-s3alias")
        && !name.ends_with("--ol-s3")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

pub(super) fn create(ctx: &mut Ctx<'_>, call: &Call, name: &str) -> S3Answer {
    if ctx.caller.account.is_empty() {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    if !valid_name(name) {
        return Err(Refusal::new(400, "InvalidBucketName", "The specified bucket is not valid."));
    }
    // Source: S3 User Guide, "Namespaces for general purpose buckets".
    let regional = call.header("x-amz-bucket-namespace") == Some("account-regional");
    let own = name.ends_with(&format!("-{}-{}-an", ctx.caller.account, ctx.region));
    if regional != own || (name.ends_with("-an") && !own) {
        return Err(Refusal::new(
            400,
            "InvalidBucketName",
            "A bucket whose name ends in -an is of its account's regional namespace: it is named after the account and the region, and made with the header x-amz-bucket-namespace: account-regional.",
        ));
    }
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let constraint = text_of(&body, "LocationConstraint");
    match constraint.as_deref() {
        None | Some("") if ctx.region == "us-east-1" => {}
        Some(region) if region == ctx.region && region != "us-east-1" => {}
        other => {
            return Err(Refusal::new(
                400,
                "IllegalLocationConstraintException",
                format!(
                    "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                    other.filter(|c| !c.is_empty()).unwrap_or("unspecified")
                ),
            ));
        }
    }
    if let Some(existing) = ctx.state.buckets.get(name) {
        if existing.account != ctx.caller.account {
            return Err(Refusal::new(
                409,
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
            ));
        }
        if ctx.region != "us-east-1" || existing.region != ctx.region {
            return Err(Refusal::new(
                409,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
        return Ok(Reply::empty(200).with("location", format!("/{name}")));
    }
    let locked = call.header("x-amz-bucket-object-lock-enabled") == Some("true");
    let mut config = BTreeMap::new();
    // what AWS gives every new bucket since 2023
    config.insert(
        "publicAccessBlock".to_owned(),
        public_access_xml(PublicAccess {
            block_acls: true,
            ignore_acls: true,
            block_policy: true,
            restrict_buckets: true,
        }),
    );
    config.insert("encryption".to_owned(), default_encryption());
    let ownership = call.header("x-amz-object-ownership").unwrap_or("BucketOwnerEnforced");
    config.insert(
        "ownershipControls".to_owned(),
        Xml::new()
            .node("Rule", Xml::new().text("ObjectOwnership", ownership))
            .document("OwnershipControls", XMLNS),
    );
    if locked {
        config.insert(
            "object-lock".to_owned(),
            Xml::new()
                .text("ObjectLockEnabled", "Enabled")
                .document("ObjectLockConfiguration", XMLNS),
        );
    }
    let tags = texts_of(&body, "Tag");
    if !tags.is_empty()
        && let Some(set) = crate::sandbox::xml::inner_of(&body, "Tags").first()
    {
        config.insert(
            "tagging".to_owned(),
            format!("<Tagging xmlns=\"{XMLNS}\"><TagSet>{set}</TagSet></Tagging>"),
        );
    }
    ctx.state.buckets.insert(
        name,
        Bucket {
            name: name.to_owned(),
            account: ctx.caller.account.clone(),
            region: ctx.region.to_owned(),
            created: ctx.now,
            versioning: locked.then(|| "Enabled".to_owned()),
            config,
        },
    );
    Ok(Reply::empty(200).with("location", format!("/{name}")))
}

fn default_encryption() -> String {
    let by_default = Xml::new().text("SSEAlgorithm", "AES256");
    let rule = Xml::new()
        .node("ApplyServerSideEncryptionByDefault", by_default)
        .text("BucketKeyEnabled", "false");
    Xml::new().node("Rule", rule).document("ServerSideEncryptionConfiguration", XMLNS)
}

pub(crate) fn public_access_xml(block: PublicAccess) -> String {
    Xml::new()
        .num("BlockPublicAcls", block.block_acls)
        .num("IgnorePublicAcls", block.ignore_acls)
        .num("BlockPublicPolicy", block.block_policy)
        .num("RestrictPublicBuckets", block.restrict_buckets)
        .document("PublicAccessBlockConfiguration", XMLNS)
}

pub(crate) fn public_access(document: &str) -> PublicAccess {
    let flag = |tag: &str| text_of(document, tag).as_deref() == Some("true");
    PublicAccess {
        block_acls: flag("BlockPublicAcls"),
        ignore_acls: flag("IgnorePublicAcls"),
        block_policy: flag("BlockPublicPolicy"),
        restrict_buckets: flag("RestrictPublicBuckets"),
    }
}

pub(super) fn serve(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    match call.operation.as_str() {
        "HeadBucket" => Ok(Reply::empty(200).with("x-amz-bucket-region", bucket.region.clone())),
        "DeleteBucket" => delete(ctx, bucket),
        "GetBucketLocation" => {
            let region = if bucket.region == "us-east-1" { "" } else { &bucket.region };
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"{XMLNS}\">{region}</LocationConstraint>"
            );
            Ok(Reply::new(200, "application/xml", body))
        }
        "GetBucketVersioning" => {
            Ok(xml("VersioningConfiguration", Xml::new().opt("Status", bucket.versioning.as_ref())))
        }
        "PutBucketVersioning" => {
            let status =
                text_of(&String::from_utf8_lossy(&call.body), "Status").unwrap_or_default();
            if !matches!(status.as_str(), "Enabled" | "Suspended") {
                return Err(Refusal::new(
                    400,
                    "IllegalVersioningConfigurationException",
                    "The Versioning element must be specified",
                ));
            }
            if status == "Suspended" && bucket.config.contains_key("object-lock") {
                return Err(Refusal::new(
                    409,
                    "InvalidBucketState",
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                ));
            }
            change(ctx, bucket, |row| row.versioning = Some(status));
            Ok(Reply::empty(200))
        }
        "GetBucketPolicyStatus" => {
            let policy = bucket.config.get("policy").ok_or_else(|| none("policy"))?;
            let public =
                read(policy).is_some_and(|p| iam::bucket_policy::public::is_public(&p)).to_string();
            Ok(xml("PolicyStatus", Xml::new().text("IsPublic", public)))
        }
        "GetBucketRequestPayment" => {
            Ok(xml("RequestPaymentConfiguration", Xml::new().text("Payer", "BucketOwner")))
        }
        "GetBucketAccelerateConfiguration" => Ok(xml("AccelerateConfiguration", Xml::new())),
        "GetBucketAcl" => {
            let owner = Xml::new().text("ID", &bucket.account);
            Ok(xml(
                "AccessControlPolicy",
                Xml::new().node("Owner", owner).node("AccessControlList", Xml::new()),
            ))
        }
        "ListObjectsV2" => list::objects_v2(ctx, call, bucket),
        "ListObjects" => list::objects(ctx, call, bucket),
        "ListObjectVersions" => list::versions(ctx, call, bucket),
        "DeleteObjects" => object::delete_many(ctx, call, bucket),
        _ => configuration(ctx, call, bucket),
    }
}

fn change(ctx: &mut Ctx<'_>, bucket: &Bucket, change: impl FnOnce(&mut Bucket)) {
    if let Some(row) = ctx.state.buckets.get_mut(&bucket.name) {
        change(row);
    }
}

fn delete(ctx: &mut Ctx<'_>, bucket: &Bucket) -> S3Answer {
    if ctx.state.versions.scan(&format!("{}\0", bucket.name)).next().is_some() {
        return Err(Refusal::new(
            409,
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        ));
    }
    ctx.state.buckets.remove(&bucket.name);
    Ok(Reply::empty(204))
}

fn none(query: &str) -> Refusal {
    let (code, message) = match query {
        "policy" => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        "tagging" => ("NoSuchTagSet", "The TagSet does not exist"),
        "publicAccessBlock" => (
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        other => {
            let code = CONFIGS.iter().find(|(q, ..)| *q == other).map_or("NotFound", |c| c.3);
            (code, "The configuration was not found")
        }
    };
    Refusal::new(404, code, message)
}

fn configuration(ctx: &mut Ctx<'_>, call: &Call, bucket: &Bucket) -> S3Answer {
    let Some((query, _, root, missing)) =
        CONFIGS.iter().find(|(query, ..)| call.query.contains_key(*query))
    else {
        return Err(not_emulated(call));
    };
    let current = bucket.config.get(*query);
    if *query == "tagging" && call.method != "GET" && bucket.tags_count() {
        // S3 API Reference, `PutBucketAbac`; which error it is, the page does not say.
        return Err(Refusal::new(
            400,
            "InvalidRequest",
            "Attribute-based access control is enabled for this bucket. Use TagResource and UntagResource to manage its tags.",
        ));
    }
    match call.method.as_str() {
        "GET" => match current {
            Some(text) if *query == "policy" => {
                Ok(Reply::new(200, "application/json", text.clone()))
            }
            Some(text) => Ok(Reply::new(200, "application/xml", text.clone())),
            None if *query == "abac" => Ok(xml(root, Xml::new().text("Status", "Disabled"))),
            None if missing.is_empty() => Ok(xml(root, Xml::new())),
            None => Err(none(query)),
        },
        "DELETE" => {
            let fallback = (*query == "encryption").then(default_encryption);
            change(ctx, bucket, |row| {
                match fallback {
                    Some(text) => row.config.insert((*query).to_owned(), text),
                    None => row.config.remove(*query),
                };
            });
            Ok(Reply::empty(204))
        }
        "PUT" => {
            let text = String::from_utf8(call.body.to_vec()).map_err(|_| {
                Refusal::new(400, "MalformedXML", "The XML you provided was not well-formed")
            })?;
            if *query == "policy" {
                check_policy(ctx, bucket, &text)?;
            } else {
                check_configuration(query, root, &text)?;
            }
            change(ctx, bucket, |row| {
                row.config.insert((*query).to_owned(), text);
            });
            Ok(Reply::empty(if *query == "policy" { 204 } else { 200 }))
        }
        _ => Err(not_emulated(call)),
    }
}

fn check_configuration(query: &str, root: &str, text: &str) -> Result<(), Refusal> {
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    };
    if !text.contains(&format!("<{root}")) {
        return Err(malformed());
    }
    match query {
        "encryption" => match text_of(text, "SSEAlgorithm").as_deref() {
            Some("AES256" | "aws:kms" | "aws:kms:dsse") => Ok(()),
            _ => Err(malformed()),
        },
        "ownershipControls" => match text_of(text, "ObjectOwnership").as_deref() {
            Some("BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter") => Ok(()),
            _ => Err(malformed()),
        },
        "abac" => match text_of(text, "Status").as_deref() {
            Some("Enabled" | "Disabled") => Ok(()),
            _ => Err(malformed()),
        },
        "tagging" => {
            let keys = texts_of(text, "Key");
            if keys.len() > 50 {
                return Err(Refusal::new(
                    400,
                    "BadRequest",
                    "Bucket tag count cannot be greater than 50",
                ));
            }
            for (at, key) in keys.iter().enumerate() {
                if key.is_empty()
                    || key.chars().count() > 128
                    || key.to_lowercase().starts_with("aws:")
                {
                    return Err(Refusal::new(
                        400,
                        "InvalidTag",
                        "The TagKey you have provided is invalid",
                    ));
                }
                if keys.iter().skip(at + 1).any(|other| other == key) {
                    return Err(Refusal::new(
                        400,
                        "InvalidTag",
                        "Cannot provide multiple Tags with the same key",
                    ));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A policy as the judge reads it; `None` for what is none.
fn read(policy: &str) -> Option<Document> {
    let document = serde_json::from_str(policy).ok()?;
    Document::from_json(&document, iam::Use::Resource("s3".to_owned())).ok().map(|(read, _)| read)
}

fn check_policy(ctx: &Ctx<'_>, bucket: &Bucket, text: &str) -> Result<(), Refusal> {
    let malformed = |message: String| Refusal::new(400, "MalformedPolicy", message);
    if text.len() > POLICY_LIMIT {
        return Err(Refusal::new(400, "PolicyTooLarge", "The bucket policy is larger than 20 KB"));
    }
    let document = check(text, Use::Resource).map_err(malformed)?;
    for name in principals(&document, "AWS") {
        if matches!(resolve(ctx.state, &name), Named::Missing) {
            return Err(malformed("Invalid principal in policy".to_owned()));
        }
    }
    let own = format!("arn:aws:s3:::{}", bucket.name);
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    for statement in &statements {
        let resources = match statement.get("Resource").or_else(|| statement.get("NotResource")) {
            Some(Value::Array(list)) => list.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        for resource in resources.iter().filter_map(Value::as_str) {
            let inside = resource == own || resource.starts_with(&format!("{own}/"));
            if !inside && !resource.contains('*') {
                return Err(malformed("Policy has invalid resource".to_owned()));
            }
        }
    }
    let read = read(text);
    let idle =
        read.as_ref().and_then(|p| iam::bucket_policy::actions::action_without_resource(p, &own));
    if idle.is_some() {
        let message = "Action does not apply to any resource(s) in statement";
        return Err(malformed(message.to_owned()));
    }
    let public = read.is_some_and(|p| iam::bucket_policy::public::may_be_public(&p));
    let account = ctx.state.public_access.get(&bucket.account).copied().unwrap_or_default();
    let own = bucket.config.get("publicAccessBlock").map(|t| public_access(t)).unwrap_or_default();
    if (account.block_policy || own.block_policy) && public {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        ));
    }
    Ok(())
}
