//! Which credentials the shared AWS configuration names, decided from its files alone.
//!
//! Claim: a run acts as the profile that was named, or not at all. The SDK's default chain treats a
//! profile that it cannot find as one that was not asked for and goes on to whatever else is there; so
//! the files are resolved here, before any call, and the SDK is given the one provider that follows.
//! Sources: AWS SDKs and Tools Reference Guide, "Shared config and credentials files", "Assume role
//! credential provider"; AWS CLI User Guide, "Using an IAM role in the AWS CLI".

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use aws_runtime::env_config::property::PropertiesKey;

use crate::diag::{self, Diagnostic};
use crate::ids::Partition;
use crate::schema::endpoint::{ENDPOINT, is_endpoint};

/// What the roles of a profile are assumed with.
#[derive(Debug)]
pub(super) enum Base {
    /// The keys in environment variables.
    Environment,
    /// The container's endpoint.
    Container,
    /// The instance's metadata.
    Instance,
    /// Keys of a profile.
    Keys(Credentials),
    /// A token in a file, exchanged for the credentials of a role.
    WebIdentity(WebIdentity),
    /// Whatever this profile says, roles included, by the SDK's own reading of it.
    Profile(String),
}

/// A token in a file, and the role that it is exchanged for.
#[derive(Clone, Debug)]
pub(super) struct WebIdentity {
    pub(super) token_file: String,
    pub(super) role_arn: String,
    pub(super) session_name: Option<String>,
    /// The profile that names the file; `None` where the environment does.
    pub(super) profile: Option<String>,
}

/// A role to assume.
#[derive(Debug)]
pub(super) struct ProfileRole {
    /// The profile that names it, for messages.
    pub(super) profile: String,
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
    /// The device whose code the role's trust policy asks for.
    pub(super) mfa_serial: Option<String>,
    pub(super) duration: Option<Duration>,
}

/// How the credentials of a profile come about.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) base: Base,
    /// In the order in which they are assumed.
    pub(super) roles: Vec<ProfileRole>,
    /// The partition of the first role, which says where STS is asked when no region is set.
    pub(super) partition: Option<Partition>,
}

/// The profile that the environment names. The AWS CLI and the SDKs disagree on which of the two
/// variables goes first, so two different names are refused.
pub(super) fn selected(env: &BTreeMap<String, String>) -> Result<Option<String>, Diagnostic> {
    let named = |variable: &str| env.get(variable).map(|v| v.trim()).filter(|v| !v.is_empty());
    match (named("AWS_PROFILE"), named("AWS_DEFAULT_PROFILE")) {
        (Some(one), Some(other)) if one != other => Err(Diagnostic::error(format!(
            "`AWS_PROFILE` names the profile `{one}`, `AWS_DEFAULT_PROFILE` names `{other}`"
        ))
        .help("unset one of them: the AWS CLI and the SDKs do not agree on which goes first")),
        (Some(name), _) | (None, Some(name)) => Ok(Some(name.to_owned())),
        (None, None) => Ok(None),
    }
}

/// The profiles of the AWS CLI's files.
#[derive(Clone, Copy)]
pub(super) struct Profiles<'a> {
    /// Those of both files, joined.
    pub(super) all: &'a ProfileSet,
    /// Those of the credentials file alone: its keys go before what the config file says of other sources.
    pub(super) credentials: &'a ProfileSet,
}

/// Where the credentials of the profile `name` come from, in the AWS CLI's order: a role that it assumes, a web identity
/// (the environment's before its own), IAM Identity Center, keys of the credentials file, `login_session`,
/// `credential_process`, keys of the config file (botocore, `create_credential_resolver`). That the profile was named in
/// `AWS_PROFILE` changes nothing about it. `None` where nothing says anything of credentials, or where the profile is
/// the default one and absent.
pub(super) fn chain(
    env: &BTreeMap<String, String>,
    profiles: Profiles<'_>,
    name: &str,
    named: bool,
) -> Result<Option<Chain>, Diagnostic> {
    let set = profiles.all;
    let first = set.get_profile(name);
    if first.is_none() && named {
        return Err(missing(set, name, format!("there is no AWS profile `{name}`")));
    }
    let assumes = |profile: &Profile| {
        profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none()
    };
    if !first.is_some_and(assumes)
        && let Some(web) = web_identity(env, first)?
    {
        let partition = Partition::of_arn(&web.role_arn);
        return Ok(Some(Chain { base: Base::WebIdentity(web), roles: Vec::new(), partition }));
    }
    let Some(mut profile) = first else { return Ok(None) };
    let mut visited: Vec<&str> = Vec::new();
    let mut roles: Vec<ProfileRole> = Vec::new();
    // Of a source that has keys and something that goes before them, the SDK takes the keys.
    let mut differs = false;
    let base = loop {
        visited.push(profile.name());
        // A profile that another one names as its source, and that has keys, assumes no role itself.
        if visited.len() > 1
            && keys(profile)?.is_some()
            && let Some(base) = base(profiles, profile)?
        {
            differs = !matches!(base, Base::Keys(_));
            break base;
        }
        if !assumes(profile) {
            match base(profiles, profile)? {
                Some(base) => break base,
                None if visited.len() == 1 => return Ok(None),
                None => {
                    return Err(Diagnostic::error(format!(
                        "the AWS profile `{}` holds no credentials",
                        profile.name()
                    ))
                    .detail(format!("it is the source of the profile `{name}`"))
                    .help("give it keys, `sso_session`, `login_session`, `credential_process` or a role"));
                }
            }
        }
        roles.push(role(profile)?);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(Diagnostic::error(format!(
                    "the AWS profile `{}` has both `source_profile` and `credential_source`",
                    profile.name()
                ))
                .help("keep one of them"));
            }
            (None, None) => {
                return Err(Diagnostic::error(format!(
                    "the AWS profile `{}` has a `role_arn` and no credentials to assume it with",
                    profile.name()
                ))
                .help("add `source_profile` or `credential_source`"));
            }
            (None, Some(source)) => break credential_source(profile, source)?,
            (Some(source), None) if source == profile.name() => match keys(profile)? {
                Some(keys) => break Base::Keys(keys),
                None => break Base::Profile(profile.name().to_owned()),
            },
            (Some(source), None) => {
                if visited.contains(&source) {
                    return Err(Diagnostic::error(format!(
                        "AWS profiles name each other as their source: {} -> {source}",
                        visited.join(" -> ")
                    )));
                }
                profile = set.get_profile(source).ok_or_else(|| {
                    let summary = format!(
                        "the AWS profile `{}` names the source profile `{source}`, which does not exist",
                        profile.name()
                    );
                    missing(set, source, summary)
                })?;
            }
        }
    };
    roles.reverse();
    let partition = roles.first().map_or(profile.get("role_arn"), |role| Some(&*role.arn));
    let partition = partition.and_then(Partition::of_arn);
    // The SDK assumes roles by itself, but asks for no code and knows no `duration_seconds`.
    let ours = roles.iter().any(|role| role.mfa_serial.is_some() || role.duration.is_some());
    if !(ours || differs || roles.is_empty()) {
        return Ok(Some(Chain {
            base: Base::Profile(name.to_owned()),
            roles: Vec::new(),
            partition,
        }));
    }
    if let (Base::Profile(of), Some(first)) = (&base, roles.first())
        && *of == first.profile
    {
        return Err(Diagnostic::error(format!("the AWS profile `{of}` is its own source")).help(
            "move its credentials to a profile of their own and name that as `source_profile`",
        ));
    }
    Ok(Some(Chain { base, roles, partition }))
}

/// The web identity that the environment or the profile names: each of its three settings is the environment's where
/// that has it, as the AWS CLI reads them.
///
/// # Errors
/// There is a token and no role.
fn web_identity(
    env: &BTreeMap<String, String>,
    profile: Option<&Profile>,
) -> Result<Option<WebIdentity>, Diagnostic> {
    let set = |name: &str| env.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    let own = |key: &str| profile.and_then(|profile| profile.get(key));
    let either = |name, key| set(name).or_else(|| own(key)).map(str::to_owned);
    let by_environment = set(TOKEN_FILE).is_some();
    let Some(token_file) = either(TOKEN_FILE, "web_identity_token_file") else { return Ok(None) };
    let named_by = profile.filter(|_| !by_environment).map(|profile| profile.name().to_owned());
    let Some(role_arn) = either("AWS_ROLE_ARN", "role_arn") else {
        return Err(match &named_by {
            Some(name) => incomplete(name, "web_identity_token_file", "role_arn"),
            None => half_set(TOKEN_FILE, "AWS_ROLE_ARN"),
        });
    };
    let session_name = either("AWS_ROLE_SESSION_NAME", "role_session_name");
    Ok(Some(WebIdentity { token_file, role_arn, session_name, profile: named_by }))
}

/// The variable that names the file of a web identity's token.
pub(super) const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

fn missing(set: &ProfileSet, name: &str, summary: String) -> Diagnostic {
    // botocore splits the heading of a profile as a shell does; the SDK for Rust passes over names with other characters.
    if name.contains(char::is_whitespace) {
        return Diagnostic::error(summary)
            .detail("Palisade reads no profile whose name holds spaces")
            .help("rename the profile in the config file of the AWS CLI");
    }
    Diagnostic::error(summary)
        .detail("it stands neither in the config file nor in the credentials file of the AWS CLI")
        .help(diag::did_you_mean(name, set.profiles()).unwrap_or_else(|| {
            "`aws configure list-profiles` shows the profiles that exist".to_owned()
        }))
}

fn role(profile: &Profile) -> Result<ProfileRole, Diagnostic> {
    let own =
        |key: &str| profile.get(key).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    let duration = match own("duration_seconds") {
        None => None,
        // AssumeRole takes 15 minutes to 12 hours.
        Some(text) => match text.parse::<u64>() {
            Ok(seconds) if (900..=43_200).contains(&seconds) => Some(Duration::from_secs(seconds)),
            _ => {
                return Err(Diagnostic::error(format!(
                    "`duration_seconds` of the AWS profile `{}` is `{text}`",
                    profile.name()
                ))
                .help("a session lasts 900 to 43200 seconds"));
            }
        },
    };
    Ok(ProfileRole {
        profile: profile.name().to_owned(),
        arn: own("role_arn").unwrap_or_default(),
        external_id: own("external_id"),
        session_name: own("role_session_name"),
        mfa_serial: own("mfa_serial"),
        duration,
    })
}

fn credential_source(profile: &Profile, source: &str) -> Result<Base, Diagnostic> {
    match source {
        "Environment" => Ok(Base::Environment),
        "EcsContainer" => Ok(Base::Container),
        "Ec2InstanceMetadata" => Ok(Base::Instance),
        other => Err(Diagnostic::error(format!(
            "`credential_source` of the AWS profile `{}` is `{other}`",
            profile.name()
        ))
        .help("it is `Environment`, `EcsContainer` or `Ec2InstanceMetadata`")),
    }
}

/// Where a profile that assumes no role of another has its credentials from.
fn base(profiles: Profiles<'_>, profile: &Profile) -> Result<Option<Base>, Diagnostic> {
    let set = profiles.all;
    let name = profile.name();
    if let Some(source) = profile.get("credential_source") {
        return credential_source(profile, source).map(Some);
    }
    if profile.get("web_identity_token_file").is_some() {
        if profile.get("role_arn").is_none() {
            return Err(incomplete(name, "web_identity_token_file", "role_arn"));
        }
        return Ok(Some(Base::Profile(name.to_owned())));
    }
    if let Some(session) = profile.get("sso_session") {
        let Some(section) = set.sso_session(session) else {
            return Err(Diagnostic::error(format!(
                "the AWS profile `{name}` names the SSO session `{session}`, which does not exist"
            ))
            .help(diag::did_you_mean(session, set.sso_sessions()).unwrap_or_else(|| {
                "`aws configure sso` writes the profile and its session".to_owned()
            })));
        };
        for key in ["sso_region", "sso_start_url"] {
            if section.get(key).is_none() {
                return Err(Diagnostic::error(format!(
                    "the SSO session `{session}` has no `{key}`"
                )));
            }
        }
    }
    let sso = ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"];
    if let Some(present) = sso.into_iter().find(|key| profile.get(key).is_some()) {
        let needed: &[&str] = if profile.get("sso_session").is_some() {
            &["sso_account_id", "sso_role_name"]
        } else {
            &["sso_account_id", "sso_role_name", "sso_start_url", "sso_region"]
        };
        if let Some(absent) = needed.iter().find(|key| profile.get(key).is_none()) {
            return Err(incomplete(name, present, absent));
        }
        return Ok(Some(Base::Profile(name.to_owned())));
    }
    if let Some(own) = profiles.credentials.get_profile(name)
        && let Some(keys) = keys(own)?
    {
        return Ok(Some(Base::Keys(keys)));
    }
    if profile.get("login_session").is_some() || profile.get("credential_process").is_some() {
        return Ok(Some(Base::Profile(name.to_owned())));
    }
    Ok(keys(profile)?.map(Base::Keys))
}

fn keys(profile: &Profile) -> Result<Option<Credentials>, Diagnostic> {
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    let token = profile.get("aws_session_token");
    match (profile.get(id), profile.get(secret)) {
        (Some(id), Some(secret)) => {
            Ok(Some(Credentials::new(id, secret, token.map(str::to_owned), None, "profile")))
        }
        (Some(_), None) => Err(incomplete(profile.name(), id, secret)),
        (None, Some(_)) => Err(incomplete(profile.name(), secret, id)),
        (None, None) => Ok(None),
    }
}

/// The endpoints that the environment and the profile `name` name, for all services and for single ones.
///
/// # Errors
/// One of them is none.
pub(super) fn endpoints(
    env: &BTreeMap<String, String>,
    set: &ProfileSet,
    name: &str,
) -> Result<(), Diagnostic> {
    let profile = set.get_profile(name);
    let of_profile = |key: &str| profile.and_then(|profile| profile.get(key));
    if are_ignored(env, profile) {
        return Ok(());
    }
    let variables = env.iter().filter(|(variable, _)| {
        variable.strip_prefix(ALL).is_some_and(|rest| {
            // Those of services that are not called are others' business.
            let service = rest.strip_prefix('_').unwrap_or_default().to_ascii_lowercase();
            rest.is_empty() || SERVICES.contains(&service.as_str())
        })
    });
    let variables = variables.map(|(variable, url)| (format!("`{variable}`"), url.as_str()));
    let of_all = of_profile("endpoint_url")
        .map(|url| (format!("`endpoint_url` of the AWS profile `{name}`"), url));
    let services = of_profile("services").into_iter().flat_map(|section| {
        SERVICES.iter().filter_map(move |service| {
            let url = set.other_sections().get(
                &PropertiesKey::builder()
                    .section_key("services")
                    .section_name(section)
                    .property_name(*service)
                    .sub_property_name("endpoint_url")
                    .build()
                    .ok()?,
            )?;
            Some((
                format!("`endpoint_url` of `{service}` in the AWS services `{section}`"),
                url.as_str(),
            ))
        })
    });
    for (what, url) in variables.chain(of_all).chain(services) {
        if !url.is_empty() && !is_endpoint(url) {
            return Err(Diagnostic::error(format!("{what} is `{url}`, which is no endpoint"))
                .help(ENDPOINT));
        }
    }
    Ok(())
}

/// The endpoint of a profile where the variable that goes before it is set to nothing.
pub(super) fn endpoint_behind_nothing<'a>(
    env: &BTreeMap<String, String>,
    profile: Option<&'a Profile>,
) -> Option<&'a str> {
    let is_nothing = env.get(ALL).is_some_and(String::is_empty) && !are_ignored(env, profile);
    profile.filter(|_| is_nothing)?.get("endpoint_url").filter(|url| !url.is_empty())
}

/// Whether endpoints of the environment and of profiles do not count.
fn are_ignored(env: &BTreeMap<String, String>, profile: Option<&Profile>) -> bool {
    let is_true = |text: &str| text.trim().eq_ignore_ascii_case("true");
    let of_profile = || profile?.get("ignore_configured_endpoint_urls");
    let told = env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").map(String::as_str);
    told.or_else(of_profile).is_some_and(is_true)
}

/// The variable with the endpoint of all services.
const ALL: &str = "AWS_ENDPOINT_URL";

/// The services that are called, as the AWS configuration names them.
const SERVICES: &[&str] = &[
    "account",
    "cloudwatch",
    "iam",
    "organizations",
    "s3",
    "s3_control",
    "signin",
    "ssm",
    "sso",
    "sso_oidc",
    "sts",
];

fn incomplete(profile: &str, present: &str, absent: &str) -> Diagnostic {
    Diagnostic::error(format!("the AWS profile `{profile}` has `{present}` and no `{absent}`"))
        .help("complete the profile; Palisade does not look for other credentials in its place")
}

/// Keys in environment variables that are half there: the SDK goes on to other credentials.
///
/// # Errors
/// What is missing.
pub(super) fn environment(env: &BTreeMap<String, String>) -> Result<bool, Diagnostic> {
    let set = |name: &str| env.get(name).is_some_and(|v| !v.trim().is_empty());
    let pairs = [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ];
    match pairs.into_iter().find(|(present, absent)| set(present) && !set(absent)) {
        Some((present, absent)) => Err(half_set(present, absent)),
        None => Ok(set("AWS_ACCESS_KEY_ID")),
    }
}

fn half_set(present: &str, absent: &str) -> Diagnostic {
    Diagnostic::error(format!("`{present}` is set and `{absent}` is not"))
        .help("set both or neither; Palisade does not look for other credentials in their place")
}
