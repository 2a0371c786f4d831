//! What a change of a path comes from, what a plan says of walls that become undetermined, what the rules say of open
//! ones, and how findings are counted.

use super::super::section::Ruling;
use super::escalation::{by_service, document, foothold, managed, may, policy_arn};
use super::hunt::{scp, with};
use super::power::{ASSUME, lets_in_all_of_shared, power, statements};
use super::*;

fn changed<'i>(section: &'i Isolation, from: &str) -> &'i AccessPath {
    let mut all = section.changes.iter();
    all.find(|c| c.from.environment == from && c.to.environment == "production").expect("a change")
}

fn data(policy: Json) -> SideObject {
    object(
        "s3_bucket",
        Some("production"),
        "data",
        json!({"bucket": "data", "policy": policy, "block_public_access": {}}),
    )
}

fn lets_in(role: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::111111111111:role/{role}")},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]})
}

#[test]
fn a_deny_that_only_tightens_is_no_cause() {
    let section = Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .then(scp("tight", "dev", json!({"Effect": "Deny", "Action": "ec2:*", "Resource": "*"})))
        .then(lambda(
            "dev",
            "ci",
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
                {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}),
        ))
        .then(role("production", "deploy", by("dev", "ci"), None))
        .analyse();
    assert_eq!(changed(&section, "dev").caused_by, ["iam_role.deploy@production"]);
}

/// One of two changes that a path takes is enough to close it; two that each open it must both go.
#[test]
fn the_causes_are_a_smallest_set_that_closes_the_path() {
    let either = Fixture::new()
        .both(lambda("dev", "ci", statements(&[("s3:ListAllMyBuckets", "*")])))
        .both(role("production", "deploy", by("production", "nobody"), None))
        .then(lambda("dev", "ci", statements(&[ASSUME])))
        .then(role("production", "deploy", by("dev", "ci"), None))
        .analyse();
    assert_eq!(changed(&either, "dev").caused_by.len(), 1, "{:?}", changed(&either, "dev"));
    let reading = |name: &str, action: &str| managed("dev", name, document(vec![may(action, "*")]));
    let arn = |name: &str| format!("arn:aws:iam::111111111111:policy/{name}");
    let ci = || {
        with(
            lambda("dev", "ci", statements(&[("s3:ListAllMyBuckets", "*")])),
            "managed_policies",
            json!([arn("one"), arn("two"), arn("three")]),
        )
    };
    let both = Fixture::new()
        .both(ci())
        .both(data(lets_in("ci")))
        .both(reading("one", "ec2:*"))
        .both(reading("two", "ec2:*"))
        .both(reading("three", "ec2:*"))
        .then(reading("one", "s3:Get*"))
        .then(reading("two", "s3:GetObject"))
        .then(reading("three", "sqs:*"))
        .analyse();
    assert_eq!(changed(&both, "dev").caused_by, ["iam_policy.one@dev", "iam_policy.two@dev"]);
}

#[test]
fn what_was_only_attached_is_the_principals_change() {
    let arn = "arn:aws:iam::111111111111:policy/read";
    let ci = |attached: Json| {
        let role = lambda("dev", "ci", statements(&[("s3:ListAllMyBuckets", "*")]));
        with(role, "managed_policies", attached)
    };
    let section = Fixture::new()
        .both(ci(json!([])))
        .both(managed("dev", "read", document(vec![may("s3:Get*", "*")])))
        .both(data(lets_in("ci")))
        .then(ci(json!([arn])))
        .analyse();
    assert_eq!(changed(&section, "dev").caused_by, ["iam_role.ci@dev"]);
}

#[test]
fn a_path_that_goes_names_what_would_open_it_again() {
    let lock = || {
        scp("lock", "dev", json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}))
    };
    let open =
        || {
            Fixture::new()
                .both(lambda("dev", "ci", statements(&[ASSUME, ("s3:*", "*")])))
                .both(role("production", "deploy", by("dev", "ci"), None))
        };
    let more = || lambda("dev", "ci", statements(&[ASSUME, ("s3:*", "*"), ("sqs:*", "*")]));
    let one = open().then(lock()).then(more()).analyse();
    assert_eq!(changed(&one, "dev").change, PathChange::Removed);
    assert_eq!(changed(&one, "dev").caused_by, ["service_control_policy/lock"]);
    let shut = role("production", "deploy", by("production", "nobody"), None);
    let two = open().then(lock()).then(shut).analyse();
    let expected = ["iam_role.deploy@production", "service_control_policy/lock"];
    assert_eq!(changed(&two, "dev").caused_by, expected);
}

/// A path that a plan adds has a cause, whatever it comes from.
#[test]
fn no_added_path_stands_without_a_cause() {
    let tagged = |value: &str| {
        with(lambda("dev", "ci", statements(&[ASSUME])), "tags", json!({"team": value}))
    };
    let asks = trust(
        json!({"Principal": {"AWS": "111111111111"}, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "ops"}}}),
    );
    let by_tag = Fixture::new()
        .both(tagged("web"))
        .both(role("production", "deploy", asks, None))
        .then(tagged("ops"))
        .analyse();
    assert_eq!(changed(&by_tag, "dev").caused_by, ["iam_role.ci@dev"]);
    // A guardrail that goes.
    let lock = scp("lock", "dev", json!({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}));
    let mut freed = Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
        "production",
        "deploy",
        by("dev", "ci"),
        None,
    ));
    freed.before.push(lock);
    assert_eq!(changed(&freed.analyse(), "dev").caused_by, ["service_control_policy/lock"]);
    // Power, by the right that is given, by the trust that lets everything in, and by who is made in the middle.
    let rights = |rights: &[(&str, &str)]| {
        let low = role("shared", "low", by("dev", "ci"), Some(statements(rights)));
        foothold(document(Vec::new()), by_service("ec2.amazonaws.com"))
            .both(role(
                "shared",
                "low",
                by("dev", "ci"),
                Some(statements(&[("iam:ListRoles", "*")])),
            ))
            .then(low)
            .analyse()
    };
    let given = rights(&[("iam:UpdateAssumeRolePolicy", "*")]);
    assert_eq!(power(&given, "dev")[0].caused_by, ["iam_role.low@shared"]);
    let trusting = Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role(
            "shared",
            "low",
            by("dev", "ci"),
            Some(statements(&[("iam:PutRolePolicy", "*")])),
        ))
        .both(role("production", "deploy", by("production", "nobody"), None))
        .then(lets_in_all_of_shared())
        .analyse();
    let found = power(&trusting, "dev");
    assert_eq!(found[0].caused_by, ["iam_role.deploy@production"], "{found:?}");
    let attached = foothold(
        document(vec![may("iam:CreatePolicyVersion", &policy_arn("hop"))]),
        by_service("ec2.amazonaws.com"),
    );
    for section in [given, trusting, attached.analyse()] {
        for path in section.changes.iter().filter(|path| path.change.widens()) {
            assert!(!path.caused_by.is_empty(), "{path:?}");
        }
    }
    // An account that comes to serve an environment.
    let mut joined = Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
        "shared",
        "hub",
        by("dev", "ci"),
        None,
    ));
    let shared = joined.estate.accounts.get_mut(&handle("shared")).expect("there");
    shared.environments = ["production".to_owned()].into();
    let section = joined.analyse();
    assert_eq!(after(&section, "dev", "production"), "reachable");
}

#[test]
fn a_wall_that_becomes_undetermined_is_among_the_added_and_says_why() {
    let fixture = || {
        foothold(statements(&[("iam:PassRole", "*")]), by_service("ec2.amazonaws.com")).then(role(
            "shared",
            "hop",
            by_service("novel.amazonaws.com"),
            Some(statements(&[ASSUME])),
        ))
    };
    for section in [fixture().analyse(), fixture().rule(Vec::new()).analyse()] {
        let wall = changed(&section, "dev");
        assert_eq!((wall.change, wall.verdict), (PathChange::Added, WallVerdict::Undetermined));
        let why = wall.reason.as_deref().expect("a reason");
        assert!(why.contains("novel.amazonaws.com"), "{why}");
    }
    let standing =
        foothold(statements(&[("iam:PassRole", "*")]), by_service("novel.amazonaws.com"));
    assert!(standing.analyse().changes.is_empty());
    let ruled = fixture().rule(Vec::new()).analyse();
    let wall = ruled.violations.iter().find(|v| v.from.environment == "dev").expect("a violation");
    assert_eq!(wall.id, changed(&ruled, "dev").id);
}

#[test]
fn the_matrix_tells_what_is_permitted_from_what_is_forbidden() {
    let open = || {
        Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
            "production",
            "deploy",
            by("dev", "ci"),
            None,
        ))
    };
    let exception = |expires: &str| NestedBody {
        name: "allow".to_owned(),
        labels: vec![Spanned { value: "deploy".to_owned(), loc: loc() }],
        body: body(
            json!({"actions": ["sts:AssumeRole"], "resources": ["arn:aws:iam::333333333333:role/deploy"], "reason": "SEC-1", "expires": expires}),
            Vec::new(),
        ),
    };
    let ruling = |fixture: Fixture| row(&fixture.analyse(), "dev", "production").ruling;
    assert_eq!(ruling(open()), None);
    assert_eq!(ruling(open().rule(Vec::new())), Some(Ruling::Forbidden));
    assert_eq!(ruling(open().rule(vec![exception("2027-03-31")])), Some(Ruling::Permitted));
    assert_eq!(ruling(open().rule(vec![exception("2026-11-22")])), Some(Ruling::Forbidden));
    // One way more, which no exception covers.
    let more = open().both(role("production", "other", by("dev", "ci"), None));
    assert_eq!(ruling(more.rule(vec![exception("2027-03-31")])), Some(Ruling::Forbidden));
    assert_eq!(ruling(Fixture::new().rule(Vec::new())), None);
}

#[test]
fn findings_are_one_a_wall_and_kind_and_none_where_they_are_permitted() {
    let vendor = |name: &str| {
        role("production", name, trust(json!({"Principal": {"AWS": "777777777777"}})), None)
    };
    let fixture = || Fixture::new().both(vendor("one")).both(vendor("two"));
    let section = fixture().analyse();
    let found: Vec<_> =
        section.findings.iter().filter(|f| f.kind == FindingKind::ConfusedDeputy).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].also.len(), 1);
    assert_eq!(
        (found[0].from.as_deref(), found[0].to.as_deref()),
        (Some("$external"), Some("production"))
    );
    assert_eq!(found[0].addresses, ["iam_role.one@production", "iam_role.two@production"]);
    let statements: Vec<String> =
        found[0].granted_by.iter().map(|g| format!("{} {}", g.address, g.statement)).collect();
    assert_eq!(
        statements,
        ["iam_role.one@production trust[0]", "iam_role.two@production trust[0]"]
    );
    let mut permitted = fixture();
    let allow = NestedBody {
        name: "allow".to_owned(),
        labels: vec![Spanned { value: "vendor".to_owned(), loc: loc() }],
        body: body(
            json!({"reason": "SEC-2", "expires": "2027-03-31", "principals": ["777777777777"]}),
            Vec::new(),
        ),
    };
    let attrs = json!({"from": ["$external"], "to": ["production"], "grades": ["A", "B", "D"]});
    permitted = permitted.rule(Vec::new());
    let rules = permitted.estate.declarations.get_mut("isolation").expect("declared");
    rules.insert("environments".to_owned(), body(attrs, vec![allow]));
    let section = permitted.analyse();
    assert!(findings(&section, FindingKind::ConfusedDeputy).is_empty(), "{:?}", section.findings);
}

/// What a right is over may be new: then the way that it opens is new, though the right stood.
#[test]
fn a_standing_right_over_something_new_is_an_added_path() {
    let machine = || by_service("ec2.amazonaws.com");
    let saml = || {
        trust(json!({"Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": "arn:aws:iam::222222222222:saml-provider/idp"}}))
    };
    let hop = |trust: Json| role("shared", "hop", trust, Some(statements(&[ASSUME])));
    let powerless = |arns: Json| {
        with(
            role(
                "shared",
                "low",
                by("dev", "ci"),
                Some(statements(&[("iam:CreatePolicyVersion", &policy_arn("own"))])),
            ),
            "managed_policies",
            arns,
        )
    };
    for (name, fixture) in [
        (
            "a service that it is passed to",
            foothold(statements(&[("iam:PassRole", "*"), ("ecs:RunTask", "*")]), machine())
                .then(hop(by_service("ecs-tasks.amazonaws.com"))),
        ),
        (
            "a service that runs it already",
            foothold(statements(&[("glue:UpdateJob", "*")]), machine())
                .then(hop(by_service("glue.amazonaws.com"))),
        ),
        (
            "a provider that it trusts",
            foothold(statements(&[("iam:UpdateSAMLProvider", "*")]), machine()).then(hop(saml())),
        ),
        (
            "a policy that is attached",
            foothold(document(Vec::new()), machine())
                .both(managed("shared", "own", document(vec![may("s3:ListAllMyBuckets", "*")])))
                .both(powerless(json!([])))
                .then(powerless(json!([policy_arn("own")])))
                .then(role("production", "deploy", by("shared", "low"), None)),
        ),
    ] {
        let section = fixture.analyse();
        assert_eq!(row(&section, "dev", "production").before, WallVerdict::Isolated, "{name}");
        assert_eq!(after(&section, "dev", "production"), "reachable", "{name}");
        let path = changed(&section, "dev");
        assert_eq!(path.change, PathChange::Added, "{name}");
        assert!(!path.caused_by.is_empty(), "{name}: {path:?}");
    }
}
