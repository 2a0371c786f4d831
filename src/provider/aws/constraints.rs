//! What to do about a `ConstraintViolationException` of AWS Organizations, by its `Reason`.
//!
//! One code stands for some forty reasons; the message names the fact, rarely the way out.
//! Source: AWS Organizations API Reference, `ConstraintViolationException`.

use serde_json::Value as Json;

/// The reason in an answer, and what to do about it where that is known.
pub(super) fn reason(body: &[u8]) -> Option<(String, Option<&'static str>)> {
    let body: Json = serde_json::from_slice(body).ok()?;
    let reason = body.get("Reason")?.as_str()?.to_owned();
    let advice = advice(&reason);
    Some((reason, advice))
}

fn advice(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "CLOSE_ACCOUNT_QUOTA_EXCEEDED" => {
            "AWS closes at most 10 % of the members in 30 days: close the others later"
        }
        "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED" => {
            "AWS closes only a few accounts at the same time: apply again when they are closed"
        }
        "CANNOT_CLOSE_MANAGEMENT_ACCOUNT" => "close or remove every member first",
        "CANNOT_CLOSE_DELEGATED_ADMIN" | "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG" => {
            "deregister it first: `aws organizations list-delegated-services-for-account`, then `deregister-delegated-administrator`"
        }
        "ACCOUNT_NUMBER_LIMIT_EXCEEDED" => {
            "raise the quota of accounts in the organization with AWS Support"
        }
        "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED" => {
            "too many accounts in a short time: apply again later"
        }
        "ACCOUNT_CREATION_NOT_COMPLETE" => "the account is not ready yet: apply again in an hour",
        "ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA" | "ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION" => {
            "its root user has to complete the account's sign-up before it can stand alone"
        }
        "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED" => {
            "give the account a payment method of its own before it leaves"
        }
        "WAIT_PERIOD_ACTIVE" => "an account can leave four days after it was created",
        "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED" => {
            "detach another policy of this type from the target first"
        }
        "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED" => {
            "one policy of this type stays on every target: attach another one first"
        }
        "POLICY_NUMBER_LIMIT_EXCEEDED" => "delete policies of this type that nothing uses",
        "POLICY_CONTENT_LIMIT_EXCEEDED" => "shorten the policy, or split it in two",
        "OU_DEPTH_LIMIT_EXCEEDED" => "units nest at most five deep below the root",
        "OU_NUMBER_LIMIT_EXCEEDED" => {
            "delete units that nothing uses, or raise the quota with AWS Support"
        }
        "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE" => {
            "the organization has consolidated billing alone: `aws organizations enable-all-features` asks the members first"
        }
        "MAX_TAG_LIMIT_EXCEEDED" => "an object of an organization has at most 50 tags",
        "TAG_POLICY_VIOLATION" => "a tag policy of the organization forbids one of the tags",
        "MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED" | "INVALID_PAYMENT_INSTRUMENT" => {
            "give the management account a valid payment method"
        }
        "MASTER_ACCOUNT_MISSING_CONTACT_INFO" => {
            "complete the contact information of the management account"
        }
        "MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED" => {
            "the management account has no access to AWS GovCloud (US)"
        }
        "SERVICE_ACCESS_NOT_ENABLED" => {
            "enable trusted access of the service first (`trusted_services`)"
        }
        "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"
        | "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE" => {
            "deregister another delegated administrator of the service first"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_brings_its_own_advice() {
        let of = |body: &str| reason(body.as_bytes());
        let (name, advice) = of(r#"{"Reason":"CANNOT_CLOSE_DELEGATED_ADMIN"}"#).unwrap_or_default();
        assert_eq!(name, "CANNOT_CLOSE_DELEGATED_ADMIN");
        assert!(advice.is_some_and(|a| a.contains("deregister") && !a.contains("10 %")));
        assert_eq!(of(r#"{"Reason":"NEW_REASON"}"#), Some(("NEW_REASON".to_owned(), None)));
        assert_eq!(of("<xml/>"), None);
    }
}
