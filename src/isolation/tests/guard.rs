//! What is refused, warned about or left undecided beside the paths themselves.

use super::*;
use crate::eval::estate::{Instance, Lifecycle};
use crate::ids::Partition;

const ENTRY: &str = "OrganizationAccountAccessRole";

fn refused(fixture: &Fixture) -> Vec<(String, String)> {
    let sides = Sides {
        before: Side { objects: fixture.before.clone() },
        after: Side { objects: fixture.after.clone() },
        read: fixture.estate.accounts.keys().cloned().collect(),
        live: true,
        guardrails_read: true,
        ..Sides::default()
    };
    let found = analyse(&fixture.estate, &sides, "2026-11-23").err().unwrap_or_default();
    let text =
        |d: &crate::diag::Diagnostic| (d.summary.clone(), d.detail.clone().unwrap_or_default());
    found.iter().map(text).collect()
}

fn entry() -> SideObject {
    let root = trust(json!({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}));
    role("dev", ENTRY, root, Some(allow("*", "*")))
}

fn scp(name: &str, statement: Json) -> SideObject {
    let content = json!({"Version": "2012-10-17", "Statement": [statement]});
    let attrs = json!({"targets": ["111111111111"], "content": content});
    object("service_control_policy", None, name, attrs)
}

#[test]
fn a_guardrail_that_shuts_out_the_way_in_is_refused() {
    let fixture = || Fixture::new().both(entry()).both(lambda("dev", "app", allow("s3:*", "*")));
    let deny = |more: Json| {
        let mut statement =
            json!({"Sid": "NoIam", "Effect": "Deny", "Action": "iam:Put*", "Resource": "*"});
        if more.is_object() {
            statement["Condition"] = more;
        }
        scp("no_iam", statement)
    };
    assert!(refused(&fixture()).is_empty());
    let found = refused(&fixture().then(deny(Json::Null)));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].0.contains("would lock out `arn:aws:iam::111111111111:role/Organization"),
        "{found:?}"
    );
    assert!(found[0].1.contains("`iam:PutRolePolicy`"), "{found:?}");
    assert!(
        found[0].1.contains("statement `NoIam` of `service_control_policy/no_iam`"),
        "{found:?}"
    );
    // Exempt, or denied already: not the plan's doing.
    let exempt =
        json!({"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::*:role/{ENTRY}")}});
    assert!(refused(&fixture().then(deny(exempt))).is_empty());
    assert!(refused(&fixture().both(deny(Json::Null))).is_empty());
    // Another region than the one that the account works in.
    let regions = |region: &str| {
        scp(
            "regions",
            json!({"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
                   "Condition": {"StringNotEquals": {"aws:RequestedRegion": region}}}),
        )
    };
    let attrs = json!({"bucket": "acme", "policy": null});
    let bucket = object("s3_bucket", Some("dev"), "acme", attrs);
    assert!(refused(&fixture().both(bucket.clone()).then(regions("us-east-1"))).is_empty());
    assert_eq!(refused(&fixture().both(bucket).then(regions("eu-west-1"))).len(), 1);
}

#[test]
fn a_trust_that_lets_nobody_in_any_more_is_refused() {
    let shut =
        role("dev", ENTRY, trust(json!({"Principal": {"Service": "ec2.amazonaws.com"}})), None);
    let found = refused(&Fixture::new().both(entry()).then(shut));
    assert!(found.iter().any(|(_, why)| why.contains("nobody may after the plan")), "{found:?}");
}

/// A first apply makes the way in and what shuts it: there is no before to compare with, and the next plan could not even
/// read.
#[test]
fn what_the_plan_makes_is_guarded_as_what_stands_is() {
    let made = || Fixture::new().then(entry());
    let rcp = |name: &str, statement: Json| {
        let content = json!({"Version": "2012-10-17", "Statement": [statement]});
        let attrs = json!({"targets": ["111111111111"], "content": content});
        object("resource_control_policy", None, name, attrs)
    };
    let deny = |actions: Json, condition: Json| json!({"Sid": "No", "Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition});
    let deny_all = |actions: Json, condition: Json| {
        let mut statement = deny(actions, condition);
        statement["Principal"] = json!("*");
        statement
    };
    let bucket = |condition: Json| {
        let policy =
            json!({"Version": "2012-10-17", "Statement": [deny_all(json!("s3:*"), condition)]});
        object("s3_bucket", Some("dev"), "acme", json!({"bucket": "acme", "policy": policy}))
    };
    let exempt =
        || json!({"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::*:role/{ENTRY}")}});
    let own_account = || json!({"StringNotEquals": {"aws:PrincipalAccount": "111111111111"}});
    let manager = || json!({"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}});

    assert_eq!(refused(&made()), []);
    for (name, fixture, says) in [
        (
            "its rights",
            made().then(scp("s", deny(json!("iam:*"), json!({})))),
            "the plan makes it, and it may not call `iam:",
        ),
        (
            "whoever enters",
            made().then(rcp("r", deny_all(json!("sts:AssumeRole"), own_account()))),
            "nobody may assume it: statement `No`",
        ),
        (
            "its bucket, by a guardrail",
            made().then(bucket(exempt())).then(rcp("r", deny_all(json!("s3:*"), manager()))),
            "the plan makes it, and it may not call `s3:",
        ),
        (
            "the policy of a new bucket",
            made().then(bucket(json!({}))),
            "it may not call `s3:GetBucketPolicy` on `arn:aws:s3:::acme` (and 1 more), which the plan makes",
        ),
    ] {
        let found = refused(&fixture);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(
            found[0]
                .0
                .contains(&format!("would lock out `arn:aws:iam::111111111111:role/{ENTRY}`")),
            "{name}: {found:?}"
        );
        assert!(found[0].1.contains(says), "{name}: {found:?}");
    }
    for (name, fixture) in [
        ("it is exempt", made().then(scp("s", deny(json!("iam:*"), exempt())))),
        (
            "the manager may enter",
            made().then(rcp("r", deny_all(json!("sts:AssumeRole"), manager()))),
        ),
        (
            "its own policies permit nothing",
            Fixture::new().then(role(
                "dev",
                ENTRY,
                trust(json!({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}})),
                None,
            )),
        ),
        (
            "somebody else",
            Fixture::new()
                .then(lambda("dev", "app", allow("*", "*")))
                .then(scp("s", deny(json!("iam:*"), json!({})))),
        ),
    ] {
        assert_eq!(refused(&fixture), [], "{name}");
    }
}

#[test]
fn protected_principals_are_guarded_like_the_way_in() {
    let mut fixture = Fixture::new()
        .both(lambda("dev", "app", allow("s3:*", "*")))
        .both(lambda("dev", "break-glass", allow("iam:*", "*")))
        .then(lambda("dev", "break-glass", allow("s3:*", "*")));
    assert!(refused(&fixture).is_empty());
    let address = crate::address::ResourceAddr::new("organization", "acme");
    let declared = Instance {
        address: address.clone(),
        loc: loc(),
        body: body(json!({"protect_principals": ["arn:aws:iam::*:role/break-*"]}), Vec::new()),
        desired: Attrs::default(),
        computed: Attrs::default(),
        depends_on: BTreeSet::new(),
        lifecycle: Lifecycle::default(),
        environments: BTreeSet::new(),
    };
    fixture.estate.instances.insert(address, declared);
    let found = refused(&fixture);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("no statement allows it any more"), "{found:?}");
}

#[test]
fn whoever_can_be_talked_into_it_is_findings() {
    let vendor = |condition: Json| {
        let mut trust = trust(json!({"Principal": {"AWS": "arn:aws:iam::777777777777:root"}}));
        if condition.is_object() {
            trust["Statement"][0]["Condition"] = condition;
        }
        Fixture::new().both(role("production", "vendor", trust, None)).rule(Vec::new()).analyse()
    };
    assert!(
        findings(&vendor(Json::Null), FindingKind::ConfusedDeputy)[0].contains("sts:ExternalId")
    );
    let asked = vendor(json!({"StringEquals": {"sts:ExternalId": "acme-1"}}));
    assert!(findings(&asked, FindingKind::ConfusedDeputy).is_empty());
    let service = |name: &str, condition: Json| {
        let mut trust = trust(json!({"Principal": {"Service": name}}));
        trust["Statement"][0]["Condition"] = condition;
        Fixture::new().both(role("production", "logs", trust, None)).analyse()
    };
    let found = service("delivery.logs.amazonaws.com", json!({}));
    assert!(findings(&found, FindingKind::ConfusedDeputy)[0].contains("aws:SourceAccount"));
    let guarded = json!({"StringEquals": {"aws:SourceAccount": "333333333333"}});
    assert!(
        findings(&service("delivery.logs.amazonaws.com", guarded), FindingKind::ConfusedDeputy)
            .is_empty()
    );
    assert!(
        findings(&service("lambda.amazonaws.com", json!({})), FindingKind::ConfusedDeputy)
            .is_empty()
    );
}

#[test]
fn a_rule_that_lists_grade_d_is_broken_by_it() {
    let mut fixture = Fixture::new().rule(Vec::new()).both(role(
        "production",
        "vendor",
        trust(json!({"Principal": {"AWS": "777777777777"}, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})),
        None,
    ));
    let attrs = json!({"from": ["$external"], "to": ["production"], "grades": ["D"]});
    let rules = fixture.estate.declarations.get_mut("isolation").expect("declared");
    rules.insert("environments".to_owned(), body(attrs, Vec::new()));
    let section = fixture.analyse();
    assert_eq!(section.violations.len(), 1, "{:?}", section.violations);
    assert_eq!(section.violations[0].grade, Grade::ConfusedDeputy);
}

#[test]
fn data_that_crosses_through_a_bucket_in_between_is_findings() {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"}, "Action": "s3:PutObject",
         "Resource": "arn:aws:s3:::exchange/*"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::333333333333:role/app"}, "Action": "s3:Get*",
         "Resource": "arn:aws:s3:::exchange/*"}]});
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("s3:*", "*")))
        .both(lambda("production", "app", allow("s3:*", "*")))
        .both(object(
            "s3_bucket",
            Some("shared"),
            "exchange",
            json!({"bucket": "exchange", "policy": policy}),
        ))
        .analyse();
    let found = findings(&section, FindingKind::SharedResource);
    assert!(found.iter().any(|t| t.contains("data of dev reaches production")), "{found:?}");
    assert!(!found.iter().any(|t| t.contains("data of production reaches dev")), "{found:?}");
}

#[test]
fn regions_of_actions_are_called_by_the_name_of_an_action() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"}, "Action": "s3:Get*", "Resource": "arn:aws:s3:::data/*"}]});
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("s3:*", "*")))
        .then(object(
            "s3_bucket",
            Some("production"),
            "data",
            json!({"bucket": "data", "policy": policy}),
        ))
        .analyse();
    let action = &section.changes[0].witness.as_ref().expect("a witness").action;
    assert!(crate::iam::catalogue().find(action).is_some(), "{action}");
    assert!(action.starts_with("s3:Get"), "{action}");
    assert_eq!(&section.changes[0].via[0].action, action);
}

#[test]
fn an_undetermined_wall_may_be_let_pass() {
    let mut fixture = Fixture::new().rule(Vec::new());
    fixture.unread.insert(handle("production"), "access denied".to_owned());
    let rules = fixture.estate.declarations.get_mut("isolation").expect("declared");
    let warn = Spanned { value: Value::from_json(&json!("warn")), loc: loc() };
    rules.get_mut("environments").expect("there").attrs.insert("undetermined".to_owned(), warn);
    let section = fixture.analyse();
    assert!(section.violations.is_empty(), "{:?}", section.violations);
    assert_eq!(findings(&section, FindingKind::Undetermined).len(), 2);
}

#[test]
fn an_exception_that_ended_is_named_on_the_path_that_it_covered() {
    let allow_deploy = NestedBody {
        name: "allow".to_owned(),
        labels: vec![Spanned { value: "deploy".to_owned(), loc: loc() }],
        body: body(
            json!({"actions": ["sts:AssumeRole"], "resources": ["arn:aws:iam::333333333333:role/deploy"],
                   "reason": "SEC-1", "expires": "2026-11-22"}),
            Vec::new(),
        ),
    };
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
        .both(role("production", "deploy", by("dev", "ci"), None))
        .rule(vec![allow_deploy])
        .analyse();
    assert_eq!(section.violations[0].change, PathChange::Standing);
    assert_eq!(section.violations[0].expired_exception.as_deref(), Some("deploy"));
}

/// `Deny s3:*` to everyone is a lock-out wherever it stands: in an SCP, in an RCP, in the bucket's own policy.
#[test]
fn whatever_shuts_out_the_way_in_is_refused_at_that_policy() {
    let denied = || json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let bucket = |statement: Option<Json>| {
        let policy = statement.map(|s| json!({"Version": "2012-10-17", "Statement": [s]}));
        object("s3_bucket", Some("dev"), "acme", json!({"bucket": "acme", "policy": policy}))
    };
    let fixture = || Fixture::new().both(entry());
    let rcp = |statement: Json| {
        let content = json!({"Version": "2012-10-17", "Statement": [statement]});
        let attrs = json!({"targets": ["111111111111"], "content": content});
        object("resource_control_policy", None, "shut", attrs)
    };
    let unless_entry = |mut statement: Json| {
        statement["Condition"] =
            json!({"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::*:role/{ENTRY}")}});
        statement
    };
    let of_principals = || {
        let mut statement = denied();
        statement.as_object_mut().expect("an object").remove("Principal");
        statement
    };
    for (name, fixture, culprit) in [
        (
            "an SCP",
            fixture().both(bucket(None)).then(scp("shut", of_principals())),
            "service_control_policy/shut",
        ),
        (
            "an RCP",
            fixture().both(bucket(None)).then(rcp(denied())),
            "resource_control_policy/shut",
        ),
        (
            "the bucket's policy",
            fixture().both(bucket(None)).then(bucket(Some(denied()))),
            "s3_bucket.acme@dev",
        ),
    ] {
        let found = refused(&fixture);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(found[0].1.contains("`s3:GetBucketPolicy`"), "{name}: {found:?}");
        assert!(found[0].1.contains(&format!("of `{culprit}` denies it")), "{name}: {found:?}");
    }
    for (name, fixture) in [
        ("an exempt RCP", fixture().both(bucket(None)).then(rcp(unless_entry(denied())))),
        (
            "an exempt bucket policy",
            fixture().both(bucket(None)).then(bucket(Some(unless_entry(denied())))),
        ),
        ("a Deny that stands", fixture().both(bucket(Some(denied())))),
        (
            "an RCP on a bucket that is shut already",
            fixture().both(bucket(Some(denied()))).then(rcp(denied())),
        ),
    ] {
        assert!(refused(&fixture).is_empty(), "{name}: {:?}", refused(&fixture));
    }
    let nobody_assumes =
        rcp(json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"}));
    let found = refused(&fixture().then(nobody_assumes));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("of `resource_control_policy/shut` denies it"), "{found:?}");
}

/// The way in is known by the ARNs of its account's partition, and so is what shuts it.
#[test]
fn the_way_in_is_guarded_alike_in_every_partition() {
    for partition in Partition::ALL {
        let mut fixture = Fixture::new();
        fixture.estate.provider.region = partition.global_region().parse().expect("a region");
        let there = |mut object: SideObject| {
            let attrs = serde_json::to_string(&Value::Map(object.attrs).to_json()).expect("JSON");
            let attrs = attrs.replace("arn:aws:", &format!("arn:{partition}:"));
            let attrs = serde_json::from_str(&attrs).expect("JSON");
            object.attrs = Value::from_json(&attrs).as_map().expect("an object").clone();
            object
        };
        let bucket = |policy: Json| {
            let attrs = json!({"bucket": "acme", "policy": policy});
            there(object("s3_bucket", Some("dev"), "acme", attrs))
        };
        fixture = fixture.both(there(entry())).both(bucket(Json::Null));
        let mut shut = |resource: &str| {
            let statement =
                json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource});
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
            fixture.after = fixture.before.clone();
            fixture.after.retain(|object| object.kind != "s3_bucket");
            fixture.after.push(bucket(policy));
            refused(&fixture)
        };
        let found = shut("arn:aws:s3:::acme");
        let role = format!("`arn:{partition}:iam::111111111111:role/{ENTRY}`");
        assert_eq!(found.len(), 1, "{partition}: {found:?}");
        assert!(found[0].0.contains(&role), "{partition}: {found:?}");
        assert!(shut("arn:aws:s3:::other").is_empty(), "{partition}");
    }
}

/// The role that reads an account, and the role of the state's backend, are ways in as well.
#[test]
fn the_roles_that_read_and_that_keep_the_state_are_guarded() {
    let no_reading =
        || scp("blind", json!({"Effect": "Deny", "Action": "iam:Get*", "Resource": "*"}));
    let mut fixture =
        Fixture::new().both(lambda("dev", "reader", allow("iam:Get*", "*"))).then(no_reading());
    assert!(refused(&fixture).is_empty());
    fixture.estate.provider.read_role = Some("reader".to_owned());
    let found = refused(&fixture);
    assert!(found[0].1.contains("`iam:GetAccountAuthorizationDetails`"), "{found:?}");
    fixture.estate.provider.read_role = None;
    fixture.estate.state_role = Some("arn:aws:iam::111111111111:role/reader".to_owned());
    assert_eq!(refused(&fixture).len(), 1);
}

#[test]
fn a_plan_that_lets_nobody_keep_the_state_is_refused() {
    let state = |statement: Option<Json>| {
        let policy = statement.map(|s| json!({"Version": "2012-10-17", "Statement": [s]}));
        object(
            "s3_bucket",
            Some("shared"),
            "acme-state",
            json!({"bucket": "acme-state", "policy": policy}),
        )
    };
    let keeper = || lambda("shared", "keeper", allow("s3:*", "*"));
    let fixture = |estate: Fixture| {
        let mut estate = estate;
        estate.estate.state_bucket = Some("acme-state".to_owned());
        estate.estate.state_role = Some("arn:aws:iam::222222222222:role/keeper".to_owned());
        estate
    };
    let deny_writes = |but: Option<&str>| {
        let mut statement = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-state/*"});
        if let Some(role) = but {
            statement["Condition"] = json!({"ArnNotEquals": {"aws:PrincipalArn": format!("arn:aws:iam::222222222222:role/{role}")}});
        }
        statement
    };
    let planned = |statement: Json| {
        let base = Fixture::new().both(keeper()).both(state(None)).then(state(Some(statement)));
        refused(&fixture(base))
    };
    let found = planned(deny_writes(None));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.contains("out of the state in `arn:aws:s3:::acme-state`"), "{found:?}");
    assert!(found[0].1.contains("of `s3_bucket.acme-state@shared` denies it"), "{found:?}");
    assert!(planned(deny_writes(Some("keeper"))).is_empty());
    assert_eq!(planned(deny_writes(Some("other"))).len(), 1);
}

/// A bucket that nobody may keep, from the plan on that makes it: S3 itself asks for a confirmation.
#[test]
fn what_the_plan_makes_may_be_kept() {
    let bucket = |policy: Json| {
        let attrs = json!({"bucket": "acme-new", "arn": "arn:aws:s3:::acme-new", "policy": policy});
        let mut bucket = object("s3_bucket", Some("dev"), "acme-new", attrs);
        bucket.address = Some("s3_bucket.new@dev".parse().expect("an address"));
        bucket
    };
    let deny = |condition: Json| {
        let mut statement = json!({"Sid": "Shut", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let rcp = |content: Json| {
        let attrs = json!({"targets": ["111111111111"], "content": content});
        object("resource_control_policy", None, "shut", attrs)
    };
    let but_entry =
        json!({"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::*:role/{ENTRY}")}});
    let fixture = || Fixture::new().both(entry());
    let cases = [
        ("its own policy", fixture().then(bucket(deny(Json::Null))), 1),
        (
            "its own policy, which leaves the way in",
            fixture().then(bucket(deny(but_entry.clone()))),
            0,
        ),
        (
            "its own policy, on a condition",
            fixture().then(bucket(deny(json!({"StringNotLike": {"aws:userid": "AIDAEXAMPLE*"}})))),
            0,
        ),
        ("an RCP beside it", fixture().then(bucket(Json::Null)).then(rcp(deny(Json::Null))), 1),
        ("an RCP that stands", fixture().both(rcp(deny(Json::Null))).then(bucket(Json::Null)), 1),
        (
            "an RCP that leaves the way in",
            fixture().both(rcp(deny(but_entry))).then(bucket(Json::Null)),
            0,
        ),
        ("with the way in", Fixture::new().then(entry()).then(bucket(deny(Json::Null))), 1),
        ("no policy", fixture().then(bucket(Json::Null)), 0),
    ];
    for (name, fixture, expected) in cases {
        let found = refused(&fixture);
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        assert!(found.iter().all(|(what, _)| what.contains(ENTRY)), "{name}: {found:?}");
    }
}
