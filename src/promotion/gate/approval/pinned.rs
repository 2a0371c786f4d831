//! Whether the name of a role session says who it is: whether nobody can choose another.
//!
//! Two things pin a session's name: IAM Identity Center, which sets it, and a trust policy that lets
//! IAM users in under their own name alone.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_rolesessionname>

use crate::iam::document::LanguageVersion;
use crate::iam::operator::Test;
use crate::iam::{Condition, Document, Effect, Statement};

use super::role::SessionRole;

/// Names of the roles that IAM Identity Center makes begin so, and they are kept under this path.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html>
const IDENTITY_CENTER: (&str, &str) = ("AWSReservedSSO_", "/aws-reserved/sso.amazonaws.com/");
/// Variables that differ from user to user, and that only IAM users have (a role session's
/// `aws:userid` holds a colon, which no session's name may).
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>
const OF_A_USER: [&str; 2] = ["${aws:username}", "${aws:userid}"];
/// What a trust policy may allow beside becoming the role.
const BESIDE: [&str; 3] = ["sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"];

/// By what the name of a session says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// It is the name of a user of IAM Identity Center, of which an organization has one: in whatever role, it is
    /// that user.
    IdentityCenter,
    /// It is the name or the unique id of an IAM user, as the role's trust policy asks.
    User,
}

/// What pins the names of the sessions of a role, if anything does.
#[must_use]
pub(super) fn pin(name: &str, role: &SessionRole) -> Option<Pin> {
    match name.starts_with(IDENTITY_CENTER.0) {
        true => role.path.starts_with(IDENTITY_CENTER.1).then_some(Pin::IdentityCenter),
        false => pins(&role.trust).then_some(Pin::User),
    }
}

/// Whether a trust policy lets in nobody but IAM users, each under the own name.
fn pins(trust: &Document) -> bool {
    let mut entrances =
        trust.statements.iter().filter(|s| s.effect == Effect::Allow && !only_beside(s)).peekable();
    trust.version == Some(LanguageVersion::V2012)
        && entrances.peek().is_some()
        && entrances.all(|s| s.conditions.iter().any(names_the_user))
}

pub(super) fn only_beside(statement: &Statement) -> bool {
    !statement.actions.is_empty()
        && statement.actions.iter().all(|action| {
            let known = action.text.known().unwrap_or_default();
            BESIDE.iter().any(|b| b.eq_ignore_ascii_case(known))
        })
}

/// Whether a statement takes users' names for the names of sessions, and whether it takes their unique ids.
pub(super) fn names_and_ids(statement: &Statement) -> (bool, bool) {
    let naming = || statement.conditions.iter().filter(|c| names_the_user(c));
    let takes = |variable: &str| {
        naming().any(|c| c.values.iter().any(|value| value.text.known() == Some(variable)))
    };
    (takes(OF_A_USER[0]), takes(OF_A_USER[1]))
}

/// `"StringEquals": {"sts:RoleSessionName": "${aws:username}"}`, or `StringLike`.
fn names_the_user(condition: &Condition) -> bool {
    let operator = condition.operator;
    matches!(operator.test, Test::StringEquals | Test::StringLike)
        && operator.prefix.is_none()
        && !operator.if_exists
        && condition.key.eq_ignore_ascii_case("sts:RoleSessionName")
        && !condition.values.is_empty()
        && condition
            .values
            .iter()
            .all(|v| v.text.known().is_some_and(|text| OF_A_USER.contains(&text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::iam::Use;

    #[test]
    fn a_trust_pins_names_where_every_way_in_does() {
        let pinned = json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}});
        let way = |action: &str, condition: &serde_json::Value| {
            json!({"Effect": "Allow", "Action": action, "Principal": {"AWS": "111111111111"},
                   "Condition": condition})
        };
        let none = json!({});
        let judged = |version: &str, statements: &[serde_json::Value]| {
            let text = json!({"Version": version, "Statement": statements});
            let (document, _) = Document::from_json(&text, Use::Trust).expect("a trust policy");
            pins(&document)
        };
        let v2 = "2012-10-17";
        assert!(judged(v2, &[way("sts:AssumeRole", &pinned)]));
        assert!(judged(v2, &[way("sts:AssumeRole", &pinned), way("sts:TagSession", &none)]));
        let like = json!({"StringLike": {"STS:roleSessionName": ["${aws:userid}"]}});
        assert!(judged(v2, &[way("sts:AssumeRole", &like)]));
        // Without variables the text means itself.
        assert!(!judged("2008-10-17", &[way("sts:AssumeRole", &pinned)]));
        assert!(!judged(v2, &[way("sts:AssumeRole", &none)]));
        assert!(!judged(v2, &[way("sts:AssumeRole", &pinned), way("sts:*", &none)]));
        for loose in [
            json!({"StringLike": {"sts:RoleSessionName": "${aws:username}*"}}),
            json!({"StringLike": {"sts:RoleSessionName": ["${aws:username}", "ann"]}}),
            json!({"StringEqualsIfExists": {"sts:RoleSessionName": "${aws:username}"}}),
            json!({"ForAnyValue:StringEquals": {"sts:RoleSessionName": "${aws:username}"}}),
            json!({"StringNotEquals": {"sts:RoleSessionName": "${aws:username}"}}),
            json!({"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}),
            json!({"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/team}"}}),
        ] {
            assert!(!judged(v2, &[way("sts:AssumeRole", &loose)]), "{loose}");
        }
    }
}
