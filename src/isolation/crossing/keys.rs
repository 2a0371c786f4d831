//! The context of a request as far as the caller does not choose it: which keys requests carry, which a caller leaves
//! out, and which follow from the principal. The sources stand at each table.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::issuers::is_identity_pool;
use super::Asked;
use crate::access::{AccessModel, PrincipalNode, RESOURCE_TYPES};
use crate::iam::symbolic::globs::Glob;
use crate::iam::symbolic::question::{concerns, variable_keys};
use crate::iam::symbolic::{Companion, Domain, Moments};
use crate::iam::{
    Condition, ContextValue, Document, Effect, PrincipalType, SetPrefix, Statement, Test,
    catalogue, values,
};

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
    (Carrier::RoleSession, &[TOKEN_ISSUE_TIME]),
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
        None if is_identity_pool(provider) => provider,
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

/// Keys of the contexts that whoever assumes a role may hand in, signed by Identity Center, and need not (STS API Reference,
/// `AssumeRole`, `ProvidedContexts`; Service Authorization Reference, AWS STS).
pub(super) fn is_of_provided_context(key: &str) -> bool {
    key == "sts:requestcontextproviders" || key.starts_with("sts:requestcontext/")
}

/// Whether a range of addresses holds all of one version of the protocol: whoever calls over the internet is in it, by whichever
/// version it likes.
pub(super) fn is_every_address(range: &str) -> bool {
    range.trim().ends_with("/0")
}

/// Requests with the credentials of `sts:AssumeRoot` alone carry it: those of no role and no user (IAM User Guide, "AWS
/// global condition context keys", `aws:AssumedRoot`).
pub(super) const ASSUMED_ROOT: &str = "aws:assumedroot";

/// What sets keys of a session, and which keys.
pub(super) const SESSION_KEYS: [Companion; 2] = [
    Companion::with_keys("sts:tagsession", |key| {
        key.starts_with("aws:requesttag/") || matches!(key, "aws:tagkeys" | "sts:transitivetagkeys")
    }),
    Companion::with_keys("sts:setsourceidentity", |key| key == "sts:sourceidentity"),
];

/// A session that a service or an identity provider begins carries no second factor: neither has a device (IAM User Guide,
/// "Secure API access with MFA"; STS API Reference, `AssumeRole`, `SerialNumber`: that of the user who calls). So with
/// Identity Center, whose roles a SAML provider assumes. Whether the factor of one session stays with the role that it
/// assumes next AWS nowhere says, so it may.
pub(super) fn second_factor(principal: &PrincipalNode) -> Option<Domain> {
    let trust = principal.trust.as_ref()?;
    let has_none = |(kind, text): (PrincipalType, &str)| match kind {
        PrincipalType::Service | PrincipalType::Federated => true,
        PrincipalType::Aws => text.contains(":federated-user/"),
        PrincipalType::CanonicalUser => false,
    };
    let without = allowing(&trust.document).all(|s| {
        s.principals.as_ref().is_some_and(|principals| {
            let all = principals.items().map(|(kind, item)| (kind, item.text.symbolic()));
            !principals.is_everyone() && all.into_iter().all(|(kind, text)| has_none((kind, &text)))
        })
    });
    without.then(|| Domain::These(vec![None, Some("false".into())]))
}

fn allowing(document: &Document) -> impl Iterator<Item = &Statement> {
    document.statements.iter().filter(|s| s.effect == Effect::Allow)
}

/// What a key, in lower case, of the call that begins a role's sessions may be, where every statement that lets somebody
/// assume the role asks for it. Each of its sessions then bears one of these: its name, its source identity, which nobody
/// changes later, or a tag, which goes before the role's own (STS API Reference, `AssumeRole`; IAM User Guide, "Monitor and
/// control actions taken with assumed roles", "Pass session tags in AWS STS").
pub(super) fn demanded(principal: &PrincipalNode, key: &str) -> Option<BTreeSet<String>> {
    let trust = principal.trust.as_ref().filter(|_| !principal.has_unreadable_trust())?;
    let mut found = BTreeSet::new();
    for statement in allowing(&trust.document).filter(is_of_assuming) {
        let asking = statement.conditions.iter().filter(|c| c.key.eq_ignore_ascii_case(key));
        let values = asking.filter_map(|condition| {
            let texts = condition.values.iter().map(|v| v.text.symbolic().into_owned());
            let texts: BTreeSet<String> = texts.collect();
            let operator = condition.operator;
            let plain = operator.prefix.is_none()
                && !operator.if_exists
                && !texts.iter().any(|text| text.contains("${"))
                && match operator.test {
                    Test::StringEquals => true,
                    Test::StringLike => !texts.iter().any(|text| text.contains(['*', '?'])),
                    _ => false,
                };
            plain.then_some(texts)
        });
        let all = values.reduce(|one, other| one.intersection(&other).cloned().collect());
        found.extend(all?);
    }
    (!found.is_empty()).then_some(found)
}

/// Whether every statement that lets somebody assume a role takes a key, in lower case, with the call.
pub(super) fn is_demanded(principal: &PrincipalNode, key: &str) -> bool {
    let Some(trust) = principal.trust.as_ref().filter(|_| !principal.has_unreadable_trust()) else {
        return false;
    };
    let takes = |condition: &Condition| {
        let operator = condition.operator;
        let is_no = |item: &crate::iam::Item| item.text.symbolic().eq_ignore_ascii_case("false");
        condition.key.eq_ignore_ascii_case(key)
            && operator.prefix != Some(SetPrefix::ForAllValues)
            && !operator.if_exists
            && match operator.test {
                Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => true,
                Test::Null => condition.values.iter().all(is_no),
                _ => false,
            }
    };
    let mut statements = allowing(&trust.document).filter(is_of_assuming).peekable();
    statements.peek().is_some() && statements.all(|s| s.conditions.iter().any(takes))
}

/// Whether a statement is about assuming a role.
fn is_of_assuming(statement: &&Statement) -> bool {
    const ASSUMING: [&str; 3] =
        ["sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"];
    ASSUMING.iter().any(|action| concerns(statement, action))
}

/// The condition key, in lower case, by which whoever assumes a role names the session.
pub(super) const SESSION_NAME: &str = "sts:rolesessionname";

/// Whether credentials of a role can be those of an EC2 instance.
pub(super) fn is_for_instances(principal: &PrincipalNode) -> bool {
    let named = |s: &Statement| {
        let mut all = s.principals.iter().flat_map(|p| p.items());
        s.not_principals.is_some()
            || s.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone)
            || all.any(|(kind, item)| {
                kind == PrincipalType::Service && item.text.symbolic().starts_with("ec2.")
            })
    };
    principal.has_unreadable_trust()
        || principal.trust.iter().flat_map(|trust| allowing(&trust.document)).any(named)
}

/// Whether nobody but EC2 assumes a role.
pub(super) fn is_for_instances_alone(principal: &PrincipalNode) -> bool {
    let Some(trust) = principal.trust.as_ref().filter(|_| !principal.has_unreadable_trust()) else {
        return false;
    };
    let by_ec2 = |s: &Statement| {
        let mut all = s.principals.iter().flat_map(|principals| principals.items());
        s.principals.is_some()
            && all.all(|(kind, item)| {
                let text = item.text.symbolic();
                kind == PrincipalType::Service
                    && matches!(text.as_ref(), "ec2.amazonaws.com" | "ec2.amazonaws.com.cn")
            })
            && !s.principals.as_ref().is_some_and(crate::iam::Principals::is_everyone)
    };
    let mut statements = allowing(&trust.document).filter(is_of_assuming).peekable();
    statements.peek().is_some() && statements.all(by_ec2)
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

/// What whoever assumes a role may set a tag of its session to, by the tag's key in lower case; `None` for anything. A
/// trust lets in what the conditions of its allowing statements leave of `aws:RequestTag` and `aws:TagKeys`. What a
/// session inherits from the one that assumes the role nobody passes, so that it counts whatever those say (IAM User
/// Guide, "Pass session tags in AWS STS", "Chaining roles with session tags").
pub(super) fn session_tag(
    model: &AccessModel,
    principal: &PrincipalNode,
    key: &str,
) -> Option<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    session_tag_but(model, principal, key, &mut seen)
}

/// The roles, by ARN, of which a role lets sessions in that may hand their tags on to its own.
pub(in crate::isolation) fn handing_tags_on(principal: &PrincipalNode) -> BTreeSet<String> {
    if !lets_tag(principal) {
        return BTreeSet::new();
    }
    let trust = principal.trust.iter().flat_map(|trust| allowing(&trust.document));
    let assuming = trust.filter(|s| concerns(s, "sts:assumerole"));
    let items = assuming.flat_map(|s| s.principals.iter().flat_map(|all| all.items()));
    let named = items.filter(|(kind, _)| *kind == PrincipalType::Aws);
    let names = named.map(|(_, item)| item.text.symbolic().into_owned());
    names.filter(|name| name.contains(":role/")).collect()
}

/// How many roles are followed: behind more of them a tag may be anything, which is never too little.
const MOST_ROLES: usize = 256;

fn session_tag_but<'m>(
    model: &'m AccessModel,
    principal: &'m PrincipalNode,
    key: &str,
    seen: &mut BTreeSet<&'m str>,
) -> Option<BTreeSet<String>> {
    if principal.has_unreadable_trust() || seen.len() >= MOST_ROLES {
        return None;
    }
    let trust = principal.trust.as_ref().map(|trust| allowing(&trust.document));
    let statements: Vec<&Statement> = trust.into_iter().flatten().collect();
    let tagging = || statements.iter().filter(|s| concerns(s, "sts:tagsession"));
    let mut found = BTreeSet::new();
    if tagging().next().is_none() || !seen.insert(&principal.arn) {
        return Some(found);
    }
    for statement in tagging() {
        found.extend(passed_tag(statement, key)?);
    }
    for statement in statements.iter().filter(|s| concerns(s, "sts:assumerole")) {
        let principals = statement.principals.as_ref().filter(|all| !all.is_everyone())?;
        for (_, item) in principals.items().filter(|(kind, _)| *kind == PrincipalType::Aws) {
            let text = item.text.symbolic();
            if !text.contains(":user/") {
                found.extend(session_tag_but(model, model.principals.get(&*text)?, key, seen)?);
            }
        }
    }
    Some(found)
}

/// What a statement that allows `sts:TagSession` lets a tag be; `None` for anything.
fn passed_tag(statement: &Statement, key: &str) -> Option<BTreeSet<String>> {
    let texts = |condition: &Condition| -> Vec<String> {
        condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect()
    };
    let tag = format!("aws:requesttag/{key}");
    let mut found: Option<BTreeSet<String>> = None;
    for condition in &statement.conditions {
        let (told, operator) = (texts(condition), condition.operator);
        if told.iter().any(|text| text.contains("${")) {
            continue;
        }
        let tested = condition.key.to_ascii_lowercase();
        let is_plain = |text: &String| !text.contains(['*', '?']);
        let values: BTreeSet<String> = match (operator.test, operator.prefix) {
            // A key of a tag is the same in either case.
            (Test::StringEquals | Test::StringLike, Some(SetPrefix::ForAllValues))
                if tested == "aws:tagkeys"
                    && !told.iter().any(|t| Glob::like(&t.to_ascii_lowercase()).matches(key)) =>
            {
                BTreeSet::new()
            }
            (Test::StringEquals, None) if tested == tag => told.into_iter().collect(),
            (Test::StringLike, None) if tested == tag && told.iter().all(is_plain) => {
                told.into_iter().collect()
            }
            (Test::Null, None) if tested == tag && told.iter().all(|t| t == "true") => {
                BTreeSet::new()
            }
            _ => continue,
        };
        found = Some(match found {
            Some(known) => known.intersection(&values).cloned().collect(),
            None => values,
        });
    }
    found
}

impl Asked {
    /// Tags of a named principal are constants, unless its trust lets the one who assumes it set them: then they are what
    /// that leaves, or the role's own.
    pub(super) fn tags_of(&mut self, model: &AccessModel, principal: &PrincipalNode) {
        const FAMILY: &str = "aws:principaltag/";
        let is_fixed = !lets_tag(principal);
        if is_fixed {
            for (key, value) in principal.tags() {
                self.request.context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
        let asked: BTreeSet<String> =
            keys_of(&self.documents).filter(|key| key.starts_with(FAMILY)).collect();
        for name in asked {
            let key = name.get(FAMILY.len()..).unwrap_or_default();
            let mut tags = principal.tags().iter();
            let own = tags.find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, tag)| tag);
            let passed = demanded(principal, &format!("aws:requesttag/{key}"));
            if let Some(passed) = passed.filter(|_| !is_fixed) {
                let all = passed.iter().map(|value| Some(ContextValue::from(value.as_str())));
                self.domains.insert(name, Domain::These(all.collect()));
                continue;
            }
            match session_tag(model, principal, key) {
                Some(set) if set.is_empty() => match own {
                    Some(own) => self.request.context.set(&name, own.as_str()),
                    None => {
                        self.never.insert(name);
                    }
                },
                Some(set) => {
                    let set = set.iter().map(|value| Some(ContextValue::from(value.as_str())));
                    let own = own.map(|own| ContextValue::from(own.as_str()));
                    let all = std::iter::once(own).chain(set).collect();
                    self.domains.insert(name, Domain::These(all));
                }
                None => {}
            }
        }
    }

    /// What is known of moments: a request is made from this one on. A session may have begun before, which lasts up to 36
    /// hours (STS API Reference, `GetSessionToken`, `DurationSeconds`).
    pub(super) fn know_moments(&mut self, since: Timestamp) {
        let begun = since.checked_sub(SignedDuration::from_hours(36)).unwrap_or(Timestamp::MIN);
        let keys = [
            ("aws:currenttime", since.to_string(), false),
            ("aws:epochtime", since.as_second().to_string(), false),
            (TOKEN_ISSUE_TIME, begun.to_string(), true),
        ];
        self.domains.extend(keys.map(|(key, first, absent)| {
            (key.to_owned(), Domain::Moments(Moments { first, absent }))
        }));
    }

    /// The values that conditions compare a key with.
    pub(super) fn compared_with<'a>(&'a self, key: &'a str) -> impl Iterator<Item = String> + 'a {
        let conditions =
            self.documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
        let asking = conditions.filter(move |c| c.key.eq_ignore_ascii_case(key));
        asking.flat_map(|c| &c.values).map(|item| item.text.symbolic().into_owned())
    }

    /// Whether policies ask no more of a session than to have begun by the end of that day: whoever begins a new one
    /// meets that.
    pub(super) fn takes_a_new_session(&self, since: Timestamp) -> bool {
        let ends = since.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        let mut tested = self.compared_with(TOKEN_ISSUE_TIME).peekable();
        tested.peek().is_some()
            && tested
                .all(|text| values::instant(&text).is_some_and(|at| at <= ends.as_millisecond()))
    }
}

/// By which version of the instance metadata service an EC2 instance got its credentials (Amazon EC2 User Guide, "Example
/// policies to control access to the Amazon EC2 API"): the code on it asks for those by whichever it likes.
const ROLE_DELIVERY: &str = "ec2:roledelivery";

/// Keys that only requests with the credentials of an EC2 instance have (IAM User Guide, "AWS global condition context keys", `ec2:SourceInstanceARN`,
/// `aws:EC2InstanceSourceVPC`, `aws:EC2InstanceSourcePrivateIPv4`).
pub(super) const OF_INSTANCES: [&str; 4] = [
    ROLE_DELIVERY,
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "ec2:sourceinstancearn",
];

/// The unique id in a value of [`USER_ID`], without the session name.
pub(super) fn id_of(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

/// The unique id of the caller; for a session, the id of its role and the session name.
pub(super) const USER_ID: &str = "aws:userid";

/// When the credentials of a session were given out.
pub(super) const TOKEN_ISSUE_TIME: &str = "aws:tokenissuetime";

/// The keys that documents look at, in lower case: in conditions, and in variables of conditions and resources.
pub(super) fn keys_of(documents: &[Arc<Document>]) -> impl Iterator<Item = String> + '_ {
    documents.iter().flat_map(|d| &d.statements).flat_map(|s| {
        let tested = s.conditions.iter().map(|c| c.key.to_ascii_lowercase());
        tested.chain(variable_keys(s))
    })
}
