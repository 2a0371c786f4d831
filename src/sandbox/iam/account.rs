//! What an account has once: alias, password policy, summary.

use super::answers::{IamAnswer, invalid};
use super::model::{IamSettings, IdentityKind, PasswordPolicy};
use crate::iam::Limits;
use crate::sandbox::params::Params;
use crate::sandbox::wire::{Ctx, Refusal};
use crate::sandbox::xml::Xml;

fn change(ctx: &mut Ctx<'_>, change: impl FnOnce(&mut IamSettings)) {
    let account = ctx.caller.account.clone();
    let mut settings = ctx.state.iam_settings.get(&account).cloned().unwrap_or_default();
    change(&mut settings);
    ctx.state.iam_settings.insert(account, settings);
}

/// Sets the alias in place of the one there was: an account has at most one, and aliases are unique over all accounts.
pub(super) fn create_alias(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let alias = params.need("AccountAlias")?;
    let fits = (3..=63).contains(&alias.len())
        && alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !alias.starts_with('-')
        && !alias.ends_with('-')
        && !alias.contains("--")
        && (alias.len() != 12 || !alias.bytes().all(|b| b.is_ascii_digit()));
    if !fits {
        return Err(invalid(
            "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        ));
    }
    let own = &ctx.caller.account;
    let taken = ctx
        .state
        .iam_settings
        .iter()
        .any(|(account, settings)| account != own && settings.alias.as_deref() == Some(alias));
    if taken {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("The account alias {alias} already exists."),
        ));
    }
    let alias = alias.to_owned();
    change(ctx, |settings| settings.alias = Some(alias));
    Ok(Xml::new())
}

pub(super) fn delete_alias(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let alias = params.need("AccountAlias")?;
    let own = ctx.state.iam_settings.get(&ctx.caller.account).and_then(|s| s.alias.as_deref());
    if own != Some(alias) {
        return Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("The account alias {alias} cannot be found."),
        ));
    }
    change(ctx, |settings| settings.alias = None);
    Ok(Xml::new())
}

pub(super) fn list_aliases(ctx: &mut Ctx<'_>) -> Xml {
    let alias = ctx.state.iam_settings.get(&ctx.caller.account).and_then(|s| s.alias.as_deref());
    Xml::new().texts("AccountAliases", alias).text("IsTruncated", "false")
}

/// Central root access: what the management account has switched on for all members
/// (IAM API Reference, `ListOrganizationsFeatures`).
pub(super) fn root_features(ctx: &mut Ctx<'_>, operation: &str) -> IamAnswer {
    let Some(org) = ctx.state.org().cloned() else {
        return Err(Refusal::new(400, "OrganizationNotFound", "There is no organization."));
    };
    if ctx.caller.account != org.management {
        let code = "AccountNotManagementOrDelegatedAdministrator";
        return Err(Refusal::new(400, code, "The account is not the management account."));
    }
    if !org.trusted.contains_key("iam.amazonaws.com") {
        let message = "Trusted access is not enabled for IAM in AWS Organizations.";
        return Err(Refusal::new(400, "ServiceAccessNotEnabled", message));
    }
    let mut features = org.root_features;
    let (switches_on, rest) = match operation.strip_prefix("Enable") {
        Some(rest) => (true, Some(rest)),
        None => (false, operation.strip_prefix("Disable")),
    };
    if let Some(feature) = rest.and_then(|rest| rest.strip_prefix("Organizations")) {
        match switches_on {
            true => features.insert(feature.to_owned()),
            false => features.remove(feature),
        };
        if let Some(row) = ctx.state.organization.get_mut("org") {
            row.root_features.clone_from(&features);
        }
    }
    let names = features.iter().map(String::as_str);
    Ok(Xml::new().texts("EnabledFeatures", names).text("OrganizationId", &org.id))
}

pub(super) fn update_password_policy(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let within = |name: &str, low: i64, high: i64| match params.int(name)? {
        Some(n) if !(low..=high).contains(&n) => Err(invalid(format!(
            "1 validation error detected: Value '{n}' at '{}' failed to satisfy constraint: Member must be between {low} and {high}",
            crate::sandbox::params::lower_first(name)
        ))),
        other => Ok(other),
    };
    let flag = |name: &str| params.flag(name).unwrap_or(false);
    // what a call leaves out goes back to its default
    let policy = PasswordPolicy {
        minimum_length: within("MinimumPasswordLength", 6, 128)?.unwrap_or(6),
        symbols: flag("RequireSymbols"),
        numbers: flag("RequireNumbers"),
        uppercase: flag("RequireUppercaseCharacters"),
        lowercase: flag("RequireLowercaseCharacters"),
        users_may_change: flag("AllowUsersToChangePassword"),
        max_age: within("MaxPasswordAge", 1, 1095)?,
        reuse_prevention: within("PasswordReusePrevention", 1, 24)?,
        hard_expiry: params.flag("HardExpiry"),
    };
    change(ctx, |settings| settings.password_policy = Some(policy));
    Ok(Xml::new())
}

fn no_password_policy(account: &str) -> Refusal {
    Refusal::new(
        404,
        "NoSuchEntity",
        format!("The Password Policy with domain name {account} cannot be found."),
    )
}

pub(super) fn get_password_policy(ctx: &mut Ctx<'_>) -> IamAnswer {
    let account = &ctx.caller.account;
    let policy = ctx
        .state
        .iam_settings
        .get(account)
        .and_then(|settings| settings.password_policy.as_ref())
        .ok_or_else(|| no_password_policy(account))?;
    let xml = Xml::new()
        .num("MinimumPasswordLength", policy.minimum_length)
        .num("RequireSymbols", policy.symbols)
        .num("RequireNumbers", policy.numbers)
        .num("RequireUppercaseCharacters", policy.uppercase)
        .num("RequireLowercaseCharacters", policy.lowercase)
        .num("AllowUsersToChangePassword", policy.users_may_change)
        .num("ExpirePasswords", policy.max_age.is_some())
        .opt("MaxPasswordAge", policy.max_age.map(|n| n.to_string()))
        .opt("PasswordReusePrevention", policy.reuse_prevention.map(|n| n.to_string()))
        .opt("HardExpiry", policy.hard_expiry.map(|b| b.to_string()));
    Ok(Xml::new().node("PasswordPolicy", xml))
}

pub(super) fn delete_password_policy(ctx: &mut Ctx<'_>) -> IamAnswer {
    let account = ctx.caller.account.clone();
    if ctx.state.iam_settings.get(&account).is_none_or(|s| s.password_policy.is_none()) {
        return Err(no_password_policy(&account));
    }
    change(ctx, |settings| settings.password_policy = None);
    Ok(Xml::new())
}

pub(super) fn summary(ctx: &mut Ctx<'_>) -> Xml {
    let (state, account) = (&*ctx.state, &ctx.caller.account);
    let of =
        |kind: IdentityKind| state.identities.scan(&format!("{account}/{}/", kind.lower())).count();
    let policies = state.managed_policies.scan(&format!("{account}/"));
    let (count, versions) = policies.fold((0, 0), |(n, v), (_, p)| (n + 1, v + p.versions.len()));
    let alias = state.iam_settings.get(account).is_some_and(|s| s.alias.is_some());
    let entries = [
        ("Users", of(IdentityKind::User)),
        ("Groups", of(IdentityKind::Group)),
        ("Roles", of(IdentityKind::Role)),
        ("Policies", count),
        ("PolicyVersionsInUse", versions),
        ("InstanceProfiles", state.instance_profiles.scan(&format!("{account}/")).count()),
        ("Providers", state.oidc_providers.scan(&format!("{account}/")).count()),
        ("AccountMFAEnabled", 1),
        ("AccountAccessKeysPresent", 0),
        ("AccountPasswordPresent", usize::from(alias)),
        ("UsersQuota", 5000),
        ("GroupsQuota", 300),
        ("RolesQuota", Limits::AWS.roles_per_account),
        ("PoliciesQuota", Limits::AWS.managed_policies_per_account),
        ("AttachedPoliciesPerRoleQuota", Limits::AWS.managed_policies_per_role),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AssumeRolePolicySizeQuota", Limits::AWS.trust_policy_size),
        ("PolicySizeQuota", Limits::AWS.managed_policy_size),
        ("RolePolicySizeQuota", Limits::AWS.role_inline_size),
        ("UserPolicySizeQuota", 2048),
        ("GroupPolicySizeQuota", 5120),
        ("VersionsPerPolicyQuota", 5),
    ];
    let mut map = Xml::new();
    for (key, value) in entries {
        map = map.node("entry", Xml::new().text("key", key).num("value", value));
    }
    Xml::new().node("SummaryMap", map)
}
