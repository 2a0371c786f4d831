//! The context of a request as far as the caller does not choose it: which keys requests carry, which a caller leaves
//! out, and which follow from the principal. The sources stand at each table.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{PrincipalNode, RESOURCE_TYPES};
use crate::iam::symbolic::Domain;
use crate::iam::symbolic::question::{concerns, variable_keys};
use crate::iam::{Document, Effect, PrincipalType, RequestContext, catalogue};

/// Whether a key, in whatever case, is a tag of the resource.
pub(in crate::isolation) fn is_resource_tag(key: &str) -> bool {
    let starts = |family: &str| {
        let head = key.get(..family.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(family))
            && key.get(family.len()..).is_some_and(|tag| tag.starts_with('/'))
    };
    let of_types = RESOURCE_TYPES.iter().filter_map(|of| of.tag_keys);
    ["aws:ResourceTag", "iam:ResourceTag"].into_iter().chain(of_types).any(starts)
}

/// Whether a key, in lower case, tells how a session was begun: with which tags, with a second factor or without.
pub(in crate::isolation) fn is_of_session(key: &str) -> bool {
    key.starts_with("aws:principaltag/")
        || key.starts_with("aws:multifactorauth")
        || key == SOURCE_IDENTITY
}

/// Keys that requests carry, in lower case, by who makes them: what is listed here is compared, never left out. Of
/// every other key it is taken that a request may lack it.
///
/// Source: IAM User Guide, "AWS global condition context keys", the availability of each key; STS API Reference,
/// `AssumeRole` (`RoleSessionName` is required).
pub(super) const CARRIED: [(Carrier, &[&str]); 4] = [
    (
        Carrier::Everybody,
        &[
            "aws:currenttime",
            "aws:epochtime",
            "aws:principaltype",
            "aws:requestedregion",
            "aws:securetransport",
            "aws:useragent",
            "aws:viaawsservice",
        ],
    ),
    (
        Carrier::Signed,
        &["aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:userid"],
    ),
    (Carrier::RoleSession, &["aws:tokenissuetime"]),
    (Carrier::AssumingRole, &["sts:rolesessionname"]),
];

/// Who carries a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Every request.
    Everybody,
    /// Requests of roles, users and root users.
    Signed,
    /// Requests with a role's temporary credentials.
    RoleSession,
    /// Calls of `sts:AssumeRole` and its kin.
    AssumingRole,
}

/// Keys, in lower case, that every token of a provider of web identities brings: those of Cognito an audience (the
/// identity pool), a subject and how whoever holds it was authenticated; those of OpenID Connect the first two.
///
/// Source: IAM User Guide, "Available keys for AWS web identity federation"; Cognito Developer Guide, "IAM roles";
/// OpenID Connect Core 1.0, section 2.
pub(super) fn claims_of(provider: &str) -> Vec<String> {
    let issuer = match provider.split_once(":oidc-provider/") {
        Some((_, issuer)) => issuer,
        None if provider.starts_with("cognito-identity.") => provider,
        None => return Vec::new(),
    };
    let claims: &[&str] = if provider == issuer { &["amr", "aud", "sub"] } else { &["aud", "sub"] };
    claims.iter().map(|claim| format!("{}:{claim}", issuer.to_ascii_lowercase())).collect()
}

/// Keys that a caller leaves out by going over the internet, by itself.
pub(super) const OVER_THE_INTERNET: [&str; 10] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
];

/// Whether a key, in lower case, is of a family.
pub(super) type Family = fn(&str) -> bool;

/// What sets keys of a session, and which keys.
pub(super) const SESSION_KEYS: [(&str, Family); 2] = [
    ("sts:tagsession", |key| {
        key.starts_with("aws:requesttag/") || matches!(key, "aws:tagkeys" | "sts:transitivetagkeys")
    }),
    ("sts:setsourceidentity", |key| key == "sts:sourceidentity"),
];

/// A session of a role that services alone assume carries no second factor (IAM User Guide, "AWS global
/// condition context keys", `aws:MultiFactorAuthPresent`).
pub(super) fn second_factor(principal: &PrincipalNode) -> Option<Domain> {
    let trust = principal.trust.as_ref()?;
    let by_services =
        trust.document.statements.iter().filter(|s| s.effect == Effect::Allow).all(|s| {
            s.principals.as_ref().is_some_and(|principals| {
                !principals.is_everyone()
                    && principals.items().all(|(kind, _)| kind == PrincipalType::Service)
            })
        });
    by_services.then(|| Domain::These(vec![None, Some("false".into())]))
}

/// Whether whoever assumes a role may set its session's tags.
pub(super) fn lets_tag(principal: &PrincipalNode) -> bool {
    lets_set(principal, "sts:tagsession")
}

/// The name that the first of a chain of sessions was given, which stays with it. Who assumes a role with one needs
/// the role's trust for that, at every step (IAM User Guide, "Monitor and control actions taken with assumed roles").
pub(super) const SOURCE_IDENTITY: &str = "aws:sourceidentity";

/// Whether a role's trust lets somebody do this, in lower case, as it assumes the role.
pub(super) fn lets_set(principal: &PrincipalNode, action: &str) -> bool {
    let mut statements = principal.trust.iter().flat_map(|t| &t.document.statements);
    principal.has_unreadable_trust()
        || statements.any(|s| s.effect == Effect::Allow && concerns(s, action))
}

/// Whether a key, in lower case, says where the caller's credentials come from: whatever service is asked for, the
/// session carries it (IAM User Guide, "AWS global condition context keys", "Properties of a role session"; the catalogue
/// lists some of them as global).
pub(super) fn is_of_credentials(key: &str) -> bool {
    const MORE: [&str; 3] =
        ["codebuild:buildarn", "codebuild:projectarn", "sagemaker:credentialissuingservice"];
    let global = catalogue().find_global_key(key);
    MORE.contains(&key) || global.is_some() && !key.starts_with("aws:")
}

/// Tags of a named principal are constants, unless its trust lets the one who assumes it set them.
pub(super) fn tags(
    principal: &PrincipalNode,
    context: &mut RequestContext,
    never: &mut BTreeSet<String>,
    documents: &[Arc<Document>],
) {
    if lets_tag(principal) {
        return;
    }
    for (key, value) in principal.tags() {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    never.extend(
        keys_of(documents)
            .filter(|k| k.starts_with("aws:principaltag/") && context.get(k).is_none()),
    );
}

/// The keys that documents look at, in lower case: in conditions, and in variables of conditions and resources.
pub(super) fn keys_of(documents: &[Arc<Document>]) -> impl Iterator<Item = String> + '_ {
    documents.iter().flat_map(|d| &d.statements).flat_map(|s| {
        let tested = s.conditions.iter().map(|c| c.key.to_ascii_lowercase());
        tested.chain(variable_keys(s))
    })
}
