//! Tagging of every taggable kind: `Tag*`, `Untag*`, `List*Tags`.

use super::answers::{IamAnswer, check_tags, limit, page};
use super::model::{IdentityKind, identity_key};
use super::{aws_managed, policies};
use crate::sandbox::params::Params;
use crate::sandbox::state::Tags;
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

enum Deed {
    Tag,
    Untag,
    List,
}

/// Serves an operation if it is about tags.
pub(super) fn serve(ctx: &mut Ctx<'_>, operation: &str, params: &Params) -> Option<IamAnswer> {
    let (deed, kind) = if let Some(kind) = operation.strip_prefix("Tag") {
        (Deed::Tag, kind)
    } else if let Some(kind) = operation.strip_prefix("Untag") {
        (Deed::Untag, kind)
    } else {
        (Deed::List, operation.strip_prefix("List")?.strip_suffix("Tags")?)
    };
    if !matches!(kind, "Role" | "User" | "Policy" | "OpenIDConnectProvider" | "InstanceProfile") {
        return None;
    }
    Some(run(ctx, &deed, kind, params))
}

/// The tags of what a request names.
fn tags_of<'c>(
    ctx: &'c mut Ctx<'_>,
    kind: &str,
    params: &Params,
    write: bool,
) -> Result<&'c mut Tags, Refusal> {
    let account = &ctx.caller.account;
    let missing =
        |what: &str| Err(Refusal::new(404, "NoSuchEntity", format!("{what} cannot be found.")));
    let (found, what) = match kind {
        "Role" | "User" => {
            let kind = if kind == "Role" { IdentityKind::Role } else { IdentityKind::User };
            let name = params.need(kind.name_member())?;
            let key = identity_key(account, kind, name);
            let row = ctx.state.identities.reach(&key, write);
            if row.as_ref().is_some_and(|row| ctx.consistency.is_delayed("read", &row.arn)) {
                return missing(&format!("The {} with name {name}", kind.lower()));
            }
            (row.map(|row| &mut row.tags), format!("The {} with name {name}", kind.lower()))
        }
        "Policy" => {
            let arn = params.need("PolicyArn")?;
            if aws_managed::find(arn).is_some() {
                return Err(Refusal::new(
                    400,
                    "InvalidInput",
                    "AWS managed policies cannot be tagged.",
                ));
            }
            let row = policies::row_key(account, arn)
                .and_then(|key| ctx.state.managed_policies.reach(&key, write));
            (row.map(|row| &mut row.tags), format!("Policy {arn}"))
        }
        "OpenIDConnectProvider" => {
            let arn = params.need("OpenIDConnectProviderArn")?;
            let key = arn
                .strip_prefix(&format!("arn:aws:iam::{account}:oidc-provider/"))
                .map(|url| format!("{account}/{url}"))
                .unwrap_or_default();
            let row = ctx.state.oidc_providers.reach(&key, write);
            (row.map(|row| &mut row.tags), format!("OpenIDConnect Provider {arn}"))
        }
        _ => {
            let name = params.need("InstanceProfileName")?;
            let key = format!("{account}/{}", name.to_lowercase());
            let row = ctx.state.instance_profiles.reach(&key, write);
            (row.map(|row| &mut row.tags), format!("Instance Profile {name}"))
        }
    };
    match found {
        Some(tags) => Ok(tags),
        None => missing(&what),
    }
}

fn run(ctx: &mut Ctx<'_>, deed: &Deed, kind: &str, params: &Params) -> IamAnswer {
    let tags = tags_of(ctx, kind, params, !matches!(deed, Deed::List))?;
    match deed {
        Deed::Tag => {
            let pairs = params.pairs("Tags");
            check_tags(&pairs)?;
            let mut next = tags.clone();
            for (key, value) in pairs {
                next.retain(|old, _| !old.eq_ignore_ascii_case(key));
                next.insert(key.to_owned(), value.to_owned());
            }
            if next.len() > 50 {
                return Err(limit("Cannot exceed quota for TagsPerResource: 50"));
            }
            *tags = next;
            Ok(Xml::new())
        }
        Deed::Untag => {
            for key in params.list("TagKeys").unwrap_or_default() {
                tags.retain(|old, _| !old.eq_ignore_ascii_case(key));
            }
            Ok(Xml::new())
        }
        Deed::List => {
            let tags = tags.clone();
            let (items, tail) = page(
                params,
                tags.iter().map(|(key, value)| {
                    (key.clone(), Xml::new().text("Key", key).text("Value", value))
                }),
            )?;
            Ok(Xml::new().list("Tags", items).join(&tail))
        }
    }
}
