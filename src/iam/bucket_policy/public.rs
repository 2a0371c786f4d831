//! Whether a bucket policy is public, as S3 Block Public Access judges it.
//!
//! Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of
//! public": a policy is public unless every grant to everybody is limited to *fixed values* (no
//! wildcard, no policy variable) of one of a list of keys.
//!
//! Where that text is ambiguous (keys that are newer than its list or gone from it, operators, of which it names none,
//! wildcards that leave the account or the organization fixed), each setting is read so that more gets in:
//!
//! - `RestrictPublicBuckets` cuts a public policy down, so a doubtful one is *not* public ([`is_public`]): what it
//!   grants across accounts counts.
//! - `BlockPublicPolicy` refuses to store a public policy, so a plan must not rely on S3's refusal, nor on its
//!   acceptance: the analysis ignores the setting, and the sandbox refuses whatever may be public ([`may_be_public`]),
//!   so that what passes there passes S3.

use ipnet::IpNet;

use crate::iam::catalogue::{ConditionKey, catalogue};
use crate::iam::document::{Condition, Document, Effect, LanguageVersion, Principals, Statement};
use crate::iam::operator::{SetPrefix, Test};
use crate::iam::values;

/// Keys that tie a request to a known party and that the page does not list: newer ones, those that name a principal otherwise,
/// and one that it listed once. A policy that is public only if one of these does not count is not called public here, for what
/// is public is cut down and lets fewer in.
const KINDRED_KEYS: [&str; 11] = [
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpcarn",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:principalorgpaths",
    "aws:principalisawsservice",
    "aws:principalservicenameslist",
    "aws:username",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Keys that the page lists, and those that name a principal, which it gives `aws:PrincipalOrgID` as an example of.
const LISTED_KEYS: [&str; 13] = [
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:principalorgid",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalservicename",
    "aws:userid",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:sourceip",
];

/// Whether the policy is surely public, as `RestrictPublicBuckets` reads it.
#[must_use]
pub fn is_public(document: &Document) -> bool {
    let version = document.version();
    grants_everybody(document, |condition| may_fix(condition, version))
}

/// Whether the policy may be public, so that `BlockPublicPolicy` may refuse it.
#[must_use]
pub fn may_be_public(document: &Document) -> bool {
    grants_everybody(document, surely_fixes)
}

fn grants_everybody(document: &Document, fixes: impl Fn(&Condition) -> bool) -> bool {
    let is_public = |statement: &Statement| {
        let everybody = statement.principals.as_ref().is_some_and(Principals::is_everyone)
            || statement.not_principals.is_some();
        statement.effect == Effect::Allow && everybody && !statement.conditions.iter().any(&fixes)
    };
    document.statements.iter().any(is_public)
}

/// Whether the condition grants access to fixed values alone by every reading of the page.
fn surely_fixes(condition: &Condition) -> bool {
    let key = condition.key.to_ascii_lowercase();
    let is_fixed = |text: &str| !has_wildcard(text) && !text.contains("${");
    let value_is_fixed = |text: &str| match key.as_str() {
        // The page lets the name of the access point be a wildcard, and nothing else of the ARN.
        "s3:dataaccesspointarn" => match text.rsplit_once(':') {
            Some((place, "accesspoint/*")) => is_fixed(place) && has_fixed_account(text),
            _ => is_fixed(text),
        },
        // "Outside the pattern AROLEID:*": the page does not say whether one named session is inside.
        "aws:userid" => is_fixed(text) && !(text.starts_with("AROA") && text.contains(':')),
        "aws:sourceip" => is_narrow(text, &[]),
        _ => is_fixed(text),
    };
    let test = condition.operator.test;
    let compares = match key.as_str() {
        "aws:sourceip" => test == Test::IpAddress,
        _ => {
            matches!(test, Test::StringEquals | Test::StringLike | Test::ArnEquals | Test::ArnLike)
        }
    };
    LISTED_KEYS.contains(&key.as_str())
        && !condition.operator.if_exists
        && condition.operator.prefix.is_none()
        && compares
        && !condition.values.is_empty()
        && condition.values.iter().all(|value| value.text.known().is_none_or(value_is_fixed))
}

/// Whether the condition grants access to fixed values alone by some reading of the page.
fn may_fix(condition: &Condition, version: LanguageVersion) -> bool {
    let key = condition.key.to_ascii_lowercase();
    // "When using multivalued context keys, you must use the ForAllValues or ForAnyValue set operators", and no word on who
    // lacks such a key. Of keys with one value the page asks for neither.
    let lets_absence_in = condition.operator.if_exists
        || condition.operator.prefix == Some(SetPrefix::ForAllValues)
            && !catalogue().find_global_key(&key).is_some_and(ConditionKey::is_multivalued);
    if !LISTED_KEYS.contains(&key.as_str()) && !KINDRED_KEYS.contains(&key.as_str())
        || lets_absence_in
        || condition.values.is_empty()
    {
        return false;
    }
    // What apply fills in counts as fixed.
    let every = |is_fixed: &dyn Fn(&str) -> bool| {
        condition.values.iter().all(|value| value.text.known().is_none_or(is_fixed))
    };
    let has_variable = |text: &str| version == LanguageVersion::V2012 && text.contains("${");
    match (key.as_str(), condition.operator.test) {
        // That the caller is some service keeps everybody else out; which one it is, the page does not ask.
        ("aws:principalisawsservice", test) => {
            matches!(
                test,
                Test::Bool | Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike
            ) && every(&|text| text.eq_ignore_ascii_case("true"))
        }
        // Without `10.0.0.0/8`, which is private, that range is one `/8`.
        ("aws:sourceip", Test::IpAddress) => every(&|text| is_narrow(text, &["10.0.0.0/7"])),
        // These compare `*` as the character that it is.
        (_, Test::StringEquals | Test::StringEqualsIgnoreCase) => {
            every(&|text| !has_variable(text))
        }
        (key, Test::StringLike | Test::ArnLike | Test::ArnEquals) => every(&|text| {
            !has_variable(text)
                && (!has_wildcard(text)
                    || key.ends_with("arn") && has_fixed_account(text)
                    || key.ends_with("orgpaths") && has_fixed_organization(text))
        }),
        _ => false,
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether the ARN names one account, whatever of its resources.
fn has_fixed_account(arn: &str) -> bool {
    arn.split(':').nth(4).is_some_and(|account| !account.is_empty() && !has_wildcard(account))
}

/// Whether the path begins at one organization, wherever in it an account may be.
fn has_fixed_organization(path: &str) -> bool {
    path.split_once('/').is_some_and(|(organization, _)| !has_wildcard(organization))
}

/// Whether the range is not "broader than /8 for IPv4 and /32 for IPv6 (excluding RFC1918 private ranges)", or one of `also`.
fn is_narrow(text: &str, also: &[&str]) -> bool {
    values::cidr(text).is_some_and(|net| match net {
        IpNet::V4(net) => net.prefix_len() >= 8 || also.contains(&net.trunc().to_string().as_str()),
        IpNet::V6(net) => net.prefix_len() >= 32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::document::Use;

    fn document(statement: &str) -> Document {
        let value = serde_json::from_str(&format!("{{\"Statement\":{statement}}}")).expect("json");
        Document::from_json(&value, Use::Resource("s3".into())).expect("valid").0
    }

    fn public(statement: &str) -> bool {
        is_public(&document(statement))
    }

    /// Where the page is ambiguous, the two settings are read apart; elsewhere alike.
    #[test]
    fn what_may_be_public_is_refused_and_what_surely_is_restricted() {
        let with = |condition: &str| {
            document(&format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{{{condition}}}}}"#
            ))
        };
        for (condition, restricted, refused) in [
            (r#""StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, false, false),
            (r#""StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}"#, false, false),
            (r#""StringEquals":{"aws:SourceOwner":"111122223333"}"#, false, false),
            (
                r#""ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:111122223333:accesspoint/*"}"#,
                false,
                false,
            ),
            (
                r#""ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:111122223333:accesspoint/*"}"#,
                false,
                true,
            ),
            (
                r#""ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:*:accesspoint/*"}"#,
                true,
                true,
            ),
            (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}"#, false, true),
            (r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:*"}"#, false, true),
            (r#""StringEquals":{"aws:PrincipalOrgID":"o-*"}"#, false, true),
            (r#""StringLike":{"aws:PrincipalOrgID":"o-*"}"#, true, true),
            (r#""StringEquals":{"aws:userid":"AROAEXAMPLEEXAMPLE12:one"}"#, false, true),
            (r#""StringEquals":{"aws:username":"reader"}"#, false, true),
            (
                r#""StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:111122223333:key/k"}"#,
                false,
                true,
            ),
            (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, false, false),
            (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/7"}"#, false, true),
            (r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","12.0.0.0/7"]}"#, true, true),
            (
                r#""ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/"}"#,
                false,
                true,
            ),
            (r#""ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, true, true),
            (r#""StringEqualsIfExists":{"aws:SourceVpce":"vpce-1a2b3c4d"}"#, true, true),
            (r#""StringNotEquals":{"aws:PrincipalAccount":"111122223333"}"#, true, true),
            (r#""Null":{"aws:PrincipalOrgID":"false"}"#, true, true),
            (r#""StringEquals":{"aws:SourceOrgID":"o-abcdefghij"}"#, false, true),
            (r#""StringEqualsIgnoreCase":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, false, true),
            (
                r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"}"#,
                false,
                true,
            ),
            (r#""ForAnyValue:StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, false, true),
            (r#""Bool":{"aws:PrincipalIsAWSService":"true"}"#, false, true),
            (r#""Bool":{"aws:PrincipalIsAWSService":"false"}"#, true, true),
            (r#""StringEquals":{"s3:prefix":"x"}"#, true, true),
        ] {
            let document = with(condition);
            assert_eq!(is_public(&document), restricted, "{condition}");
            assert_eq!(may_be_public(&document), refused, "{condition}");
        }
    }

    #[test]
    fn fixed_values_make_a_policy_not_public() {
        let with = |condition: &str| {
            format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{{{condition}}}}}"#
            )
        };
        for (condition, expected) in [
            ("", true),
            (r#""StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, false),
            (r#""StringLike":{"aws:PrincipalOrgID":"o-*"}"#, true),
            (r#""StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abcdefghij"}"#, true),
            (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, false),
            (r#""IpAddress":{"aws:SourceIp":"0.0.0.0/1"}"#, true),
            (r#""StringEquals":{"s3:prefix":"x"}"#, true),
            (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}"#, false),
            (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}"#, true),
            (r#""StringEquals":{"aws:PrincipalServiceName":"cloudtrail.amazonaws.com"}"#, false),
            (r#""StringLike":{"aws:PrincipalServiceName":"*.amazonaws.com"}"#, true),
            (
                r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/ou-*"}"#,
                false,
            ),
            (r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*/r-ab12/ou-ab12-1/"}"#, true),
            (r#""ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}"#, false),
            (r#""ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-*/r-ab12/*"}"#, true),
            (r#""StringEquals":{"aws:userid":"AIDAEXAMPLEEXAMPLE12"}"#, false),
            (r#""StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE12:*"}"#, true),
        ] {
            assert_eq!(public(&with(condition)), expected, "{condition}");
        }
        let versioned = |version: &str| {
            let statement =
                with(r#""StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}"#);
            let text = format!(r#"{{"Version":"{version}","Statement":{statement}}}"#);
            let value = serde_json::from_str(&text).expect("json");
            is_public(&Document::from_json(&value, Use::Resource("s3".into())).expect("valid").0)
        };
        assert!(versioned("2012-10-17"));
        assert!(!versioned("2008-10-17"), "the old version has no variables");
        assert!(!public(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#));
    }
}
