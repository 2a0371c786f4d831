//! What every service of IAM's API here shares: how it refuses, what it checks of names, paths and tags, how it cuts a list into
//! pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::sandbox::params::{Params, lower_first};
use crate::sandbox::state::Tags;
use crate::sandbox::wire::Refusal;
use crate::sandbox::xml::Xml;

/// What an operation answers.
pub(super) type IamAnswer = Result<Xml, Refusal>;

pub(super) fn no_such(what: &str, name: &str) -> Refusal {
    Refusal::new(404, "NoSuchEntity", format!("The {what} with name {name} cannot be found."))
}

pub(super) fn limit(message: impl Into<String>) -> Refusal {
    Refusal::new(409, "LimitExceeded", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

pub(super) fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

/// `[\w+=,.@-]`, the characters of names.
pub(super) fn check_name(member: &str, name: &str, longest: usize) -> Result<(), Refusal> {
    let fits = name.chars().count() <= longest
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if fits {
        return Ok(());
    }
    Err(invalid(format!(
        "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most {longest} long",
        lower_first(member)
    )))
}

/// `/` or `/.../` of printable ASCII.
pub(super) fn check_path(path: &str) -> Result<(), Refusal> {
    let fits = path.len() <= 512
        && path.starts_with('/')
        && path.ends_with('/')
        && path.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if fits {
        return Ok(());
    }
    Err(invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

/// One page of a list: `Marker` and `MaxItems` honoured. Items come with their sort keys.
pub(super) fn page<T>(
    params: &Params,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<(Vec<T>, Xml), Refusal> {
    let size = match params.int("MaxItems")? {
        None => 100,
        Some(n) if (1..=1000).contains(&n) => usize::try_from(n).unwrap_or(100),
        Some(n) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{n}' at 'maxItems' failed to satisfy constraint: Member must be between 1 and 1000"
            )));
        }
    };
    let after = match params.get("Marker") {
        None => None,
        Some(marker) => Some(
            URL_SAFE_NO_PAD
                .decode(marker)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| invalid("Invalid Marker."))?,
        ),
    };
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|a| key > a));
    let mut page = Vec::new();
    let mut last = String::new();
    for (key, item) in rest.by_ref().take(size) {
        page.push(item);
        last = key;
    }
    let tail = if rest.next().is_some() {
        Xml::new().text("IsTruncated", "true").text("Marker", URL_SAFE_NO_PAD.encode(last))
    } else {
        Xml::new().text("IsTruncated", "false")
    };
    Ok((page, tail))
}

/// Checks tags as IAM does.
pub(super) fn check_tags(pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    for (key, value) in pairs {
        let ok = |text: &str| {
            text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        if key.is_empty() || key.chars().count() > 128 || !ok(key) {
            return Err(invalid(format!(
                "Tag key `{key}` is not valid: 1 to 128 letters, numbers, spaces and _.:/=+-@"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "Tag keys starting with aws: are reserved for system use.",
            ));
        }
        if value.chars().count() > 256 || !ok(value) {
            return Err(invalid(format!(
                "Tag value `{value}` is not valid: at most 256 letters, numbers, spaces and _.:/=+-@"
            )));
        }
    }
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(at + 1).any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    if pairs.len() > 50 {
        return Err(limit("Cannot exceed quota for TagsPerResource: 50"));
    }
    Ok(())
}

pub(super) fn tags_xml(tags: &Tags) -> Vec<Xml> {
    tags.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value)).collect()
}
