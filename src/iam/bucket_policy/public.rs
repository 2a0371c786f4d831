//! Whether a bucket policy is public, as S3 Block Public Access judges it.
//!
//! Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of
//! public": a policy is public unless every grant to everybody is limited to *fixed values* (no
//! wildcard, no policy variable) of one of a list of keys.
//!
//! Where that text is ambiguous (keys that are newer than its list, an organization's path, operators that ignore case
//! or test one of several values), each setting is read so that more gets in:
//!
//! - `RestrictPublicBuckets` cuts a public policy down, so a doubtful one is *not* public ([`is_public`]): what it
//!   grants across accounts counts.
//! - `BlockPublicPolicy` refuses to store a public policy, so a plan must not rely on S3's refusal, nor on its
//!   acceptance: the analysis ignores the setting, and the sandbox refuses whatever may be public ([`may_be_public`]),
//!   so that what passes there passes S3.

use crate::iam::document::{Condition, Document, Effect, Principals, Statement};
use crate::iam::operator::{SetPrefix, Test};
use crate::iam::text::Text;
use crate::iam::values;

/// Keys that tie a request to a known party: those that the page lists, and later ones of their kind. A
/// policy that is public only if one of these does not count is not called public here, for what
/// is public is cut down and lets fewer in.
const FIXING_KEYS: [&str; 23] = [
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpcarn",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:sourceip",
];

/// Keys that the page lists, and those that name a principal, which it gives `aws:PrincipalOrgID` as an example of.
const LISTED_KEYS: [&str; 14] = [
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
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:sourceip",
];

/// Whether the policy is surely public, as `RestrictPublicBuckets` reads it.
#[must_use]
pub fn is_public(document: &Document) -> bool {
    document.statements.iter().any(|statement| grants_everybody(statement, fixes))
}

/// Whether the policy may be public, so that `BlockPublicPolicy` may refuse it.
#[must_use]
pub fn may_be_public(document: &Document) -> bool {
    let surely = |condition: &Condition| {
        LISTED_KEYS.contains(&condition.key.to_ascii_lowercase().as_str())
            && condition.operator.prefix.is_none()
            && condition.operator.test != Test::StringEqualsIgnoreCase
            && fixes(condition)
    };
    document.statements.iter().any(|statement| grants_everybody(statement, surely))
}

fn grants_everybody(statement: &Statement, fixes: impl Fn(&Condition) -> bool) -> bool {
    let everybody = statement.principals.as_ref().is_some_and(Principals::is_everyone)
        || statement.not_principals.is_some();
    statement.effect == Effect::Allow && everybody && !statement.conditions.iter().any(fixes)
}

fn fixes(condition: &Condition) -> bool {
    let key = condition.key.to_ascii_lowercase();
    if !FIXING_KEYS.contains(&key.as_str())
        || condition.operator.if_exists
        || condition.operator.prefix == Some(SetPrefix::ForAllValues)
        || condition.values.is_empty()
    {
        return false;
    }
    let fixed = |text: &Text| match text.known() {
        Some(text) => !text.contains(['*', '?']) && !text.contains("${"),
        None => true,
    };
    // "arn:aws:s3:::bucket/*"-like wildcards in the resource part of an ARN keep the account fixed.
    let fixed_arn = |text: &Text| {
        let text = text.symbolic();
        let mut parts = text.split(':').skip(4);
        let account = parts.next().unwrap_or_default();
        !text.contains("${") && !account.is_empty() && !account.contains(['*', '?'])
    };
    // The organization is fixed, wherever in it one may be.
    let fixed_path = |text: &Text| {
        let text = text.symbolic();
        let organization = text.split('/').next().unwrap_or_default();
        key.ends_with("orgpaths")
            && text.contains('/')
            && !organization.contains(['*', '?'])
            && !text.contains("${")
    };
    // That the caller is some service keeps everybody else out, and which one it is, the page does not ask.
    if key == "aws:principalisawsservice" {
        let is_true =
            |text: &Text| text.known().is_none_or(|text| text.eq_ignore_ascii_case("true"));
        return matches!(condition.operator.test, Test::Bool | Test::StringEquals)
            && condition.values.iter().all(|v| is_true(&v.text));
    }
    match condition.operator.test {
        Test::StringEquals | Test::StringEqualsIgnoreCase => {
            condition.values.iter().all(|v| fixed(&v.text))
        }
        Test::StringLike | Test::ArnLike | Test::ArnEquals => {
            let arn = key.ends_with("arn");
            condition
                .values
                .iter()
                .all(|v| fixed(&v.text) || fixed_path(&v.text) || (arn && fixed_arn(&v.text)))
        }
        // Ranges wider than /8 (IPv4) and /32 (IPv6) are public.
        Test::IpAddress if key == "aws:sourceip" => condition.values.iter().all(|v| {
            v.text.known().and_then(values::cidr).is_some_and(|net| match net {
                ipnet::IpNet::V4(net) => net.prefix_len() >= 8,
                ipnet::IpNet::V6(net) => net.prefix_len() >= 32,
            })
        }),
        _ => false,
    }
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
            (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}"#, false, false),
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
            (r#""ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}"#, true),
            (r#""StringEquals":{"aws:userid":"AIDAEXAMPLEEXAMPLE12"}"#, false),
            (r#""StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE12:*"}"#, true),
        ] {
            assert_eq!(public(&with(condition)), expected, "{condition}");
        }
        assert!(!public(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#));
    }
}
