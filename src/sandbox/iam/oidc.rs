//! OpenID Connect providers.

use super::answers::{IamAnswer, check_tags, invalid, limit, tags_xml};
use super::model::OidcProvider;
use crate::iam::Limits;
use crate::sandbox::params::Params;
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

/// Providers in one account.
const PROVIDER_LIMIT: usize = Limits::AWS.oidc_providers_per_account;

fn find(ctx: &mut Ctx<'_>, params: &Params) -> Result<(String, OidcProvider), Refusal> {
    let arn = params.need("OpenIDConnectProviderArn")?;
    let account = &ctx.caller.account;
    let key = arn
        .strip_prefix(&format!("arn:aws:iam::{account}:oidc-provider/"))
        .map(|url| format!("{account}/{url}"));
    match key.and_then(|key| ctx.state.oidc_providers.get(&key).map(|p| (key, p.clone()))) {
        Some(found) if !ctx.consistency.is_delayed("read", arn) => Ok(found),
        _ => Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("OpenIDConnect Provider not found for arn {arn}"),
        )),
    }
}

fn check_thumbprints(prints: &[&str]) -> Result<(), Refusal> {
    if prints.len() > 5 {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            "Thumbprint list must contain fewer than 5 entries.",
        ));
    }
    if prints.iter().all(|p| p.len() == 40 && p.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(());
    }
    Err(invalid(
        "1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must have length equal to 40",
    ))
}

pub(super) fn create(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let given = params.need("Url")?;
    let url = given
        .strip_prefix("https://")
        .filter(|rest| {
            !rest.is_empty() && !rest.contains(['?', '#', ' ', ':']) && rest.contains('.')
        })
        .ok_or_else(|| invalid("Invalid Open ID Connect Provider URL"))?
        .to_owned();
    let clients = params.list("ClientIDList").unwrap_or_default();
    let prints = params.list("ThumbprintList").unwrap_or_default();
    check_thumbprints(&prints)?;
    if clients.len() > 100 {
        return Err(limit("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"));
    }
    let tags = params.pairs("Tags");
    check_tags(&tags)?;
    let account = ctx.caller.account.clone();
    let key = format!("{account}/{url}");
    if ctx.state.oidc_providers.contains(&key) {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("Provider with url https://{url} already exists."),
        ));
    }
    if ctx.state.oidc_providers.scan(&format!("{account}/")).count() >= PROVIDER_LIMIT {
        return Err(limit(format!(
            "Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDER_LIMIT}"
        )));
    }
    let provider = OidcProvider {
        arn: format!("arn:aws:iam::{account}:oidc-provider/{url}"),
        url,
        clients: clients.into_iter().map(str::to_owned).collect(),
        thumbprints: prints.into_iter().map(str::to_owned).collect(),
        created: ctx.now,
        tags: tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    };
    ctx.consistency.created(&provider.arn, &["read"]);
    let answer = Xml::new()
        .text("OpenIDConnectProviderArn", &provider.arn)
        .list("Tags", tags_xml(&provider.tags));
    ctx.state.oidc_providers.insert(key, provider);
    Ok(answer)
}

pub(super) fn get(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (_, provider) = find(ctx, params)?;
    Ok(Xml::new()
        .text("Url", &provider.url)
        .texts("ClientIDList", provider.clients.iter().map(String::as_str))
        .texts("ThumbprintList", provider.thumbprints.iter().map(String::as_str))
        .text("CreateDate", provider.created.iso())
        .list("Tags", tags_xml(&provider.tags)))
}

pub(super) fn list(ctx: &mut Ctx<'_>) -> IamAnswer {
    let providers = ctx.state.oidc_providers.scan(&format!("{}/", ctx.caller.account));
    Ok(Xml::new().list(
        "OpenIDConnectProviderList",
        providers.map(|(_, provider)| Xml::new().text("Arn", &provider.arn)),
    ))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, _) = find(ctx, params)?;
    ctx.state.oidc_providers.remove(&key);
    Ok(Xml::new())
}

pub(super) fn add_client(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, provider) = find(ctx, params)?;
    let client = params.need("ClientID")?;
    if provider.clients.len() >= 100 {
        return Err(limit("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"));
    }
    if let Some(provider) = ctx.state.oidc_providers.get_mut(&key)
        && !provider.clients.iter().any(|c| c == client)
    {
        provider.clients.push(client.to_owned());
    }
    Ok(Xml::new())
}

pub(super) fn remove_client(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, _) = find(ctx, params)?;
    let client = params.need("ClientID")?;
    if let Some(provider) = ctx.state.oidc_providers.get_mut(&key) {
        provider.clients.retain(|c| c != client);
    }
    Ok(Xml::new())
}

pub(super) fn update_thumbprints(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let (key, _) = find(ctx, params)?;
    let prints = params.list("ThumbprintList").unwrap_or_default();
    check_thumbprints(&prints)?;
    if let Some(provider) = ctx.state.oidc_providers.get_mut(&key) {
        provider.thumbprints = prints.into_iter().map(str::to_owned).collect();
    }
    Ok(Xml::new())
}
