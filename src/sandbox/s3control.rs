//! Object storage by account: the public access block of all its buckets, and the tags of one.

use percent_encoding::percent_decode_str;

use super::s3::model::PublicAccess;
use super::tags::Tags;
use super::wire::{Call, Ctx, REPEATED, Refusal, Reply, Service};
use super::xml::{Xml, inner_of, text_of};

const XMLNS: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";

fn is_block(call: &Call) -> bool {
    call.path.ends_with("/configuration/publicAccessBlock")
}

/// The ARN whose tags a request is about.
pub(crate) fn tagged(call: &Call) -> Option<String> {
    let arn = call.path.strip_prefix("/v20180820/tags/")?;
    Some(percent_decode_str(arn).decode_utf8_lossy().into_owned())
}

/// The tags that a request sets.
pub(crate) fn given(call: &Call) -> Tags {
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let pair = |tag: &String| Some((text_of(tag, "Key")?, text_of(tag, "Value")?));
    inner_of(&body, "Tag").iter().filter_map(pair).collect()
}

/// The keys of the tags that a request takes away.
pub(crate) fn removed(call: &Call) -> Vec<String> {
    call.query
        .get("tagKeys")
        .into_iter()
        .flat_map(|keys| keys.split(REPEATED))
        .map(str::to_owned)
        .collect()
}

/// The API's name for a request.
pub(crate) fn operation(call: &Call) -> String {
    match call.method.as_str() {
        "GET" if is_block(call) => "GetPublicAccessBlock",
        "PUT" if is_block(call) => "PutPublicAccessBlock",
        "DELETE" if is_block(call) => "DeletePublicAccessBlock",
        "GET" if tagged(call).is_some() => "ListTagsForResource",
        "POST" if tagged(call).is_some() => "TagResource",
        "DELETE" if tagged(call).is_some() => "UntagResource",
        _ => "S3ControlOperation",
    }
    .to_owned()
}

/// Serves one request. The setting is one per account, whatever the region.
pub(crate) fn serve(ctx: &mut Ctx<'_>, call: &Call) -> Result<Reply, Refusal> {
    let account = ctx.caller.account.clone();
    let named = call
        .header("x-amz-account-id")
        .map_or_else(|| call.host.split('.').next().unwrap_or_default().to_owned(), str::to_owned);
    if named != account {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    match call.operation.as_str() {
        "GetPublicAccessBlock" => {
            let block = ctx.state.public_access.get(&account).ok_or_else(|| {
                Refusal::new(
                    404,
                    "NoSuchPublicAccessBlockConfiguration",
                    "The public access block configuration was not found",
                )
            })?;
            let inner = Xml::new()
                .num("BlockPublicAcls", block.block_acls)
                .num("IgnorePublicAcls", block.ignore_acls)
                .num("BlockPublicPolicy", block.block_policy)
                .num("RestrictPublicBuckets", block.restrict_buckets);
            Ok(Reply::new(
                200,
                "application/xml",
                inner.document("PublicAccessBlockConfiguration", XMLNS),
            ))
        }
        "PutPublicAccessBlock" => {
            let body = String::from_utf8_lossy(&call.body).into_owned();
            if !body.contains("PublicAccessBlockConfiguration") {
                return Err(Refusal::new(
                    400,
                    "MalformedXML",
                    "The XML you provided was not well-formed",
                ));
            }
            let flag = |tag: &str| text_of(&body, tag).as_deref() == Some("true");
            let block = PublicAccess {
                block_acls: flag("BlockPublicAcls"),
                ignore_acls: flag("IgnorePublicAcls"),
                block_policy: flag("BlockPublicPolicy"),
                restrict_buckets: flag("RestrictPublicBuckets"),
            };
            ctx.state.public_access.insert(account, block);
            Ok(Reply::empty(201))
        }
        "DeletePublicAccessBlock" => {
            ctx.state.public_access.remove(&account);
            Ok(Reply::empty(204))
        }
        "ListTagsForResource" | "TagResource" | "UntagResource" => tags(ctx, call, &account),
        _ => Err(Refusal::not_emulated(
            Service::S3Control,
            &format!("{} {}", call.method, call.path),
        )),
    }
}

/// The tags of a bucket, one by one, whether its policies may ask for them or not (S3 API Reference, `TagResource`).
fn tags(ctx: &mut Ctx<'_>, call: &Call, account: &str) -> Result<Reply, Refusal> {
    let arn = tagged(call).unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or_default();
    let bucket = ctx.state.buckets.get_mut(name).filter(|b| b.account == account);
    let missing = || Refusal::new(404, "NoSuchResource", "The specified resource does not exist");
    let bucket = bucket.ok_or_else(missing)?;
    let mut tags = bucket.tags();
    match call.operation.as_str() {
        "TagResource" => tags.extend(given(call)),
        "UntagResource" => {
            let gone = removed(call);
            tags.retain(|key, _| !gone.contains(key));
        }
        _ => {
            let set = tags.iter().fold(Xml::new(), |set, (key, value)| {
                set.node("Tag", Xml::new().text("Key", key).text("Value", value))
            });
            let answer = Xml::new().node("Tags", set).document("ListTagsForResourceResult", XMLNS);
            return Ok(Reply::new(200, "application/xml", answer));
        }
    }
    if tags.len() > 50 {
        return Err(Refusal::new(400, "TooManyTags", "A resource has at most 50 tags"));
    }
    bucket.put_tags(&tags);
    Ok(Reply::empty(204))
}
