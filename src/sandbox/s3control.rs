//! Account-wide settings of object storage: the public access block.

use super::s3::model::PublicAccess;
use super::wire::{Call, Ctx, Refusal, Reply, Service};
use super::xml::{Xml, text_of};

const XMLNS: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";

fn is_block(call: &Call) -> bool {
    call.path.ends_with("/configuration/publicAccessBlock")
}

/// The API's name for a request.
pub(crate) fn operation(call: &Call) -> String {
    match call.method.as_str() {
        "GET" if is_block(call) => "GetPublicAccessBlock",
        "PUT" if is_block(call) => "PutPublicAccessBlock",
        "DELETE" if is_block(call) => "DeletePublicAccessBlock",
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
        _ => Err(Refusal::not_emulated(
            Service::S3Control,
            &format!("{} {}", call.method, call.path),
        )),
    }
}
