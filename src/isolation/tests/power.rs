//! Power over a wall: rights over there, in between, and over the guardrails.

use super::super::section::Replayed;
use super::*;
use crate::iam;

pub(super) fn power<'i>(section: &'i Isolation, from: &str) -> Vec<&'i AccessPath> {
    let all = section.changes.iter().chain(&section.violations);
    all.filter(|c| c.grade == Grade::Power && c.from.environment == from).collect()
}

pub(super) fn statements(all: &[(&str, &str)]) -> Json {
    let all: Vec<Json> = all
        .iter()
        .map(
            |(action, resource)| json!({"Effect": "Allow", "Action": action, "Resource": resource}),
        )
        .collect();
    json!({"Version": "2012-10-17", "Statement": all})
}

pub(super) const ASSUME: (&str, &str) = ("sts:AssumeRole", "*");

/// Dev's `ci` reaches shared's `hub`; production's `deploy` lets in shared's `bridge` alone.
fn in_between(hub: &[(&str, &str)], bridge_trust: Json) -> Isolation {
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "bridge", bridge_trust, Some(statements(&[ASSUME]))))
        .both(role("production", "deploy", by("shared", "bridge"), None))
        .rule(Vec::new())
        .then(role("shared", "hub", by("dev", "ci"), Some(statements(hub))))
        .analyse()
}

#[test]
fn whoever_gets_in_and_may_change_trust_there_holds_power() {
    let deploy = |rights: &[(&str, &str)]| {
        role("production", "deploy", by("dev", "ci"), Some(statements(rights)))
    };
    let open = |rights: &[(&str, &str)]| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(deploy(&[]))
            .rule(Vec::new())
            .then(deploy(rights))
            .analyse()
    };
    let section = open(&[("iam:UpdateAssumeRolePolicy", "arn:aws:iam::333333333333:role/app-*")]);
    let found = power(&section, "dev");
    assert_eq!(found[0].change, PathChange::Added, "{found:?}");
    assert_eq!(found[0].actions, ["iam:UpdateAssumeRolePolicy"]);
    assert_eq!(found[0].resources, ["arn:aws:iam::333333333333:role/app-*"]);
    assert_eq!(found[0].via.len(), 2);
    assert_eq!(found[0].caused_by, ["iam_role.deploy@production"]);
    let replay = found[0].replay.as_ref().expect("replayed");
    let decision = |side: &Option<Replayed>| match side {
        Some(Replayed::Judged { decision, .. }) => *decision,
        other => panic!("not judged: {other:?}"),
    };
    let decisions = (decision(&replay.before), decision(&replay.after));
    assert_eq!(decisions, (iam::PolicyDecision::ImplicitDeny, iam::PolicyDecision::Allow));
    let limits = found[0].limits.as_ref().expect("limits");
    assert_eq!(limits.service_control_policies, ["r-ab12", "production"], "{found:?}");
    assert_eq!(section.violations.len(), 2, "the standing path, and the new power");
    assert!(power(&open(&[("iam:GetRole", "*")]), "dev").is_empty());
    // Rights in another account's name are none here.
    let elsewhere = open(&[("iam:*", "arn:aws:iam::111111111111:role/*")]);
    assert!(power(&elsewhere, "dev").is_empty());
    let wide = open(&[("iam:*", "*")]);
    let actions = power(&wide, "dev")[0].actions.clone();
    for action in
        ["iam:CreatePolicyVersion", "iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"]
    {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
}

#[test]
fn a_bucket_policy_over_there_can_be_rewritten_from_inside_only() {
    let bucket = object(
        "s3_bucket",
        Some("production"),
        "acme-data",
        json!({"bucket": "acme-data", "policy": null, "block_public_access": {}}),
    );
    let rights = statements(&[("s3:PutBucketPolicy", "arn:aws:s3:::acme-data")]);
    let section = Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(bucket)
        .then(role("production", "deploy", by("dev", "ci"), Some(rights)))
        .analyse();
    let found = power(&section, "dev");
    assert_eq!(found[0].actions, ["s3:PutBucketPolicy"]);
    assert_eq!(found[0].resources, ["arn:aws:s3:::acme-data"]);
}

#[test]
fn a_trust_that_can_be_rewritten_in_between_is_a_way() {
    let service = || trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}}));
    let bridge = "arn:aws:iam::222222222222:role/bridge";
    let section = in_between(&[("iam:UpdateAssumeRolePolicy", bridge)], service());
    assert_eq!(row(&section, "dev", "production").before, WallVerdict::Isolated);
    assert_eq!(row(&section, "dev", "production").after, WallVerdict::Reachable);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    let found = power(&section, "dev");
    assert_eq!(found[0].change, PathChange::Added);
    assert!(
        found[0]
            .power
            .as_ref()
            .is_some_and(|p| p.contains("can make itself") && p.contains(bridge)),
        "{found:?}"
    );
    assert_eq!(section.violations.len(), 1);
    let other = in_between(
        &[("iam:UpdateAssumeRolePolicy", "arn:aws:iam::222222222222:role/x")],
        service(),
    );
    assert_eq!(after(&other, "dev", "production"), "isolated");
}

#[test]
fn a_role_is_passed_to_a_service_that_it_trusts_and_that_may_be_started() {
    let bridge = "arn:aws:iam::222222222222:role/bridge";
    let trusting = |service: &str| trust(json!({"Principal": {"Service": service}}));
    let both = [("iam:PassRole", bridge), ("lambda:CreateFunction", "*")];
    let section = in_between(&both, trusting("lambda.amazonaws.com"));
    assert_eq!(after(&section, "dev", "production"), "reachable");
    assert_eq!(power(&section, "dev")[0].actions, ["iam:PassRole"]);
    for (rights, service) in [
        (&both[..], "ec2.amazonaws.com"),
        (&both[..1], "lambda.amazonaws.com"),
        (&both[1..], "lambda.amazonaws.com"),
    ] {
        let section = in_between(rights, trusting(service));
        assert_eq!(after(&section, "dev", "production"), "isolated", "{rights:?} {service}");
    }
}

#[test]
fn whoever_may_lift_its_own_limits_in_between_is_a_way() {
    let open = |rights: &[(&str, &str)]| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("production", "deploy", by("shared", "hub"), None))
            .then(role("shared", "hub", by("dev", "ci"), Some(statements(rights))))
            .analyse()
    };
    let hub = "arn:aws:iam::222222222222:role/hub";
    let dev_only = ("sts:AssumeRole", "arn:aws:iam::111111111111:role/*");
    let section = open(&[dev_only, ("iam:PutRolePolicy", hub)]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    assert_eq!(power(&section, "dev")[0].actions, ["iam:PutRolePolicy"]);
    let section = open(&[dev_only, ("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/x")]);
    assert_eq!(after(&section, "dev", "production"), "isolated");
}

fn lock() -> SideObject {
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole",
        "Resource": "arn:aws:iam::333333333333:role/*"}]});
    let attrs = json!({"targets": ["111111111111"], "content": deny});
    object("service_control_policy", None, "lock", attrs)
}

#[test]
fn leaving_the_organization_takes_its_guardrails_away() {
    let held = |rights: &[(&str, &str)]| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(rights)))
            .both(role("production", "deploy", by("dev", "ci"), None))
            .both(lock())
            .rule(Vec::new())
            .analyse()
    };
    assert_eq!(after(&held(&[ASSUME]), "dev", "production"), "isolated");
    let section = held(&[ASSUME, ("organizations:LeaveOrganization", "*")]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    let found = power(&section, "dev");
    assert_eq!(found[0].change, PathChange::Standing);
    assert_eq!(found[0].actions, ["organizations:LeaveOrganization"]);
    // Who may permit itself to leave holds the same power, and shows the right that it has.
    let section = held(&[ASSUME, ("iam:PutRolePolicy", "arn:aws:iam::111111111111:role/*")]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    assert_eq!(power(&section, "dev")[0].actions, ["iam:PutRolePolicy"]);
    // Where its own policies keep it out as well, the finding names it.
    let section = held(&[("iam:PutRolePolicy", "arn:aws:iam::111111111111:role/*")]);
    assert_eq!(after(&section, "dev", "production"), "isolated");
    let told = findings(&section, FindingKind::HeldBySourceSide);
    assert!(told.iter().any(|text| text.contains("by leaving it `iam_role.ci")), "{told:?}");
}

#[test]
fn whoever_administers_the_organization_holds_every_guardrail() {
    let section = Fixture::new()
        .account("management", "999999999999")
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("production", "deploy", by("dev", "ci"), None))
        .both(lock())
        .then(role(
            "management",
            "guardrails",
            by("dev", "ci"),
            Some(statements(&[("organizations:DetachPolicy", "*")])),
        ))
        .analyse();
    let found = power(&section, "dev");
    assert_eq!(found[0].actions, ["organizations:DetachPolicy"], "{found:?}");
    assert_eq!(found[0].to.environment, "production");
    let powers = findings(&section, FindingKind::OrganizationPower);
    assert!(powers[0].contains("role/guardrails"), "{powers:?}");
}

#[test]
fn a_rule_may_leave_power_out_and_an_exception_for_requests_covers_none() {
    let fixture = || {
        Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
            "production",
            "deploy",
            by("dev", "ci"),
            Some(statements(&[("iam:*", "*")])),
        ))
    };
    let allow = NestedBody {
        name: "allow".to_owned(),
        labels: vec![Spanned { value: "deploy".to_owned(), loc: loc() }],
        body: body(
            json!({"actions": ["sts:AssumeRole"], "resources": ["arn:aws:iam::333333333333:role/deploy"],
                   "reason": "SEC-1", "expires": "2027-03-31"}),
            Vec::new(),
        ),
    };
    let section = fixture().rule(vec![allow.clone()]).analyse();
    assert_eq!(section.violations.len(), 1);
    assert_eq!(section.violations[0].grade, Grade::Power);
    let mut narrow = fixture().rule(vec![allow]);
    let rules = narrow.estate.declarations.get_mut("isolation").expect("declared");
    let grades = Spanned { value: Value::from_json(&json!(["A"])), loc: loc() };
    rules.get_mut("environments").expect("there").attrs.insert("grades".to_owned(), grades);
    assert!(narrow.analyse().violations.is_empty());
}

/// Whoever writes the state of the estate decides what the next apply does everywhere.
#[test]
fn whoever_writes_the_state_holds_power_over_every_environment() {
    let bucket = |policy: Json| {
        object(
            "s3_bucket",
            Some("shared"),
            "acme-state",
            json!({"bucket": "acme-state", "policy": policy}),
        )
    };
    let kept = |identity: &[(&str, &str)], policy: Json| {
        let mut fixture = Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME, ("s3:*", "*")])))
            .both(role("shared", "hub", by("dev", "ci"), Some(statements(identity))))
            .both(bucket(policy))
            .rule(Vec::new());
        fixture.estate.state_bucket = Some("acme-state".to_owned());
        fixture.analyse()
    };
    let section = kept(&[("s3:PutObject", "arn:aws:s3:::acme-state/estate/*")], Json::Null);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    let found = power(&section, "dev");
    assert_eq!(found[0].actions, ["s3:PutObject"], "{found:?}");
    assert_eq!(found[0].via.len(), 2, "the role, and the state: {found:?}");
    assert!(found[0].power.as_ref().is_some_and(|p| p.contains("state of the estate")));
    assert_eq!(after(&section, "$unassigned", "production"), "reachable");
    // Reading it, or writing other objects, is none.
    assert_eq!(after(&kept(&[("s3:GetObject", "*")], Json::Null), "dev", "production"), "isolated");
    let elsewhere = kept(&[("s3:PutObject", "arn:aws:s3:::other/*")], Json::Null);
    assert_eq!(after(&elsewhere, "dev", "production"), "isolated");
    // From another account by the bucket's policy.
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::acme-state/*"}]});
    let section = kept(&[], policy);
    assert_eq!(
        power(&section, "dev")[0].principal.as_deref(),
        Some("arn:aws:iam::111111111111:role/ci")
    );
    assert_eq!(section.violations.len(), 1, "{:?}", section.violations);
}

/// Production's role lets in whatever the account in between permits.
pub(super) fn lets_in_all_of_shared() -> SideObject {
    role("production", "deploy", trust(json!({"Principal": {"AWS": "222222222222"}})), None)
}

/// Production lets in whatever the account in between permits. Nobody there may assume its role; but
/// whoever got in may let itself, or another one.
#[test]
fn whoever_may_permit_itself_in_between_is_a_way_through_a_whole_account() {
    let open = |hub: &[(&str, &str)]| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "hub", by("dev", "ci"), Some(statements(hub))))
            .both(lets_in_all_of_shared())
            .analyse()
    };
    let section = open(&[("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/hub")]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    assert_eq!(after(&section, "dev", "production"), "reachable");
    let section = open(&[("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/else")]);
    assert_eq!(after(&section, "dev", "production"), "isolated");
    // By one that it makes, or that is there and lets itself be told who may be it.
    let arn = |name: &str| format!("arn:aws:iam::222222222222:role/{name}");
    for (be, whom, permit, which, found) in [
        ("iam:CreateRole", "new-*", "iam:PutRolePolicy", "new-1*", "reachable"),
        ("iam:CreateRole", "new-*", "iam:AttachRolePolicy", "*", "reachable"),
        ("iam:CreateRole", "new-*", "iam:PutRolePolicy", "old-*", "isolated"),
        ("iam:CreateRole", "new-*", "iam:GetRolePolicy", "*", "isolated"),
        // Nobody can be a role that is not there.
        ("iam:UpdateAssumeRolePolicy", "else", "iam:PutRolePolicy", "else", "isolated"),
    ] {
        let section = open(&[(be, &arn(whom)), (permit, &arn(which))]);
        let told = format!("{be} on {whom}, {permit} on {which}");
        assert_eq!(after(&section, "dev", "production"), found, "{told}");
    }
    let user = "arn:aws:iam::222222222222:user/*";
    let make =
        [("iam:CreateUser", user), ("iam:CreateAccessKey", user), ("iam:PutUserPolicy", user)];
    assert_eq!(after(&open(&make), "dev", "production"), "reachable");
    for left_out in 0..make.len() {
        let rights: Vec<(&str, &str)> =
            make.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, r)| *r).collect();
        assert_eq!(after(&open(&rights), "dev", "production"), "isolated", "{rights:?}");
    }
    // By a neighbour's hand: it may not itself, and production lets in another one.
    let neighbour = |rights: &[(&str, &str)]| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "hub", by("dev", "ci"), Some(statements(rights))))
            .both(role("shared", "bridge", by("dev", "ci"), Some(statements(&[("s3:*", "*")]))))
            .both(role("production", "deploy", by("shared", "bridge"), None))
            .analyse()
    };
    let section = neighbour(&[("iam:AttachRolePolicy", "arn:aws:iam::222222222222:role/bridge")]);
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    assert_eq!(after(&neighbour(&[("iam:GetRole", "*")]), "dev", "production"), "isolated");
}

/// What is attached to a principal in between may be rewritten where it is.
#[test]
fn whoever_may_rewrite_a_policy_attached_to_it_may_permit_itself() {
    let own = "arn:aws:iam::222222222222:policy/hub";
    let open = |action: &str, over: &str| {
        let mut hub = role("shared", "hub", by("dev", "ci"), None);
        hub.attrs.insert("managed_policies".to_owned(), Value::from_json(&json!([own])));
        let content = statements(&[(action, over)]);
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(hub)
            .both(object(
                "iam_policy",
                Some("shared"),
                "hub",
                json!({"arn": own, "content": content}),
            ))
            .both(lets_in_all_of_shared())
            .analyse()
    };
    let section = open("iam:CreatePolicyVersion", "arn:aws:iam::222222222222:policy/h*");
    assert_eq!(row(&section, "dev", "production").grade, Some(Grade::Power));
    assert_eq!(after(&section, "dev", "production"), "reachable");
    let section = open("iam:CreatePolicyVersion", "arn:aws:iam::222222222222:policy/other");
    assert_eq!(after(&section, "dev", "production"), "isolated");
}
