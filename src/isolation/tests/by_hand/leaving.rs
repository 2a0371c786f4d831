//! Guardrails and who gets out from under them: by leaving the organization, by administering it, or by way of
//! another account. Each case stands beside the same one without the right.

use super::*;
use crate::isolation::assumptions::Assumptions;

const MANAGEMENT: &str = "999999999999";
const BUCKETS: &str = "AWS::S3::Bucket";

fn deny(actions: &Json, condition: &Json) -> Json {
    json!({"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition})
}

/// An SCP that keeps its accounts from the buckets of others and, if `stays`, in the organization.
fn keeps_in(stays: bool) -> Json {
    let foreign = json!({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}});
    let mut statements = vec![deny(&json!("s3:*"), &foreign)];
    if stays {
        let leaving = json!(["organizations:LeaveOrganization", "organizations:AcceptHandshake"]);
        statements.push(deny(&leaving, &json!({})));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A role whose trust names `trusted`.
fn named(arn: &str, trusted: &Json, actions: &[&str]) -> PrincipalNode {
    role(&json!({
        "Arn": arn,
        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": trusted})),
        "RolePolicyList": [{"PolicyName": "main", "PolicyDocument":
            statement(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}))}],
    }))
}

fn in_dev(name: &str, actions: &[&str]) -> PrincipalNode {
    let arn = format!("arn:aws:iam::{DEV}:role/{name}");
    named(&arn, &json!({"Service": "ec2.amazonaws.com"}), actions)
}

/// The accounts in an organization, each below a unit of its own, under policies that hang on these.
fn organized(principals: Vec<PrincipalNode>, attached: &[(PolicyType, &str, Json)]) -> Facts {
    let mut facts = facts(principals);
    for account in &mut facts.accounts {
        account.parent = Some(format!("ou-{}", account.handle));
    }
    facts.organization = Some(Organization {
        id: "o-aaaaaaaaaa".to_owned(),
        root: "r-ab12".to_owned(),
        management_account: MANAGEMENT.to_owned(),
        ..Organization::default()
    });
    let policy = |(kind, unit, json): &(PolicyType, &str, Json)| {
        let used = match kind {
            PolicyType::ServiceControl => Use::Scp,
            PolicyType::ResourceControl => Use::Rcp,
        };
        let policy = NamedPolicy::new("p-1", "content", document(json, used));
        ((*kind, (*unit).to_owned()), vec![policy])
    };
    facts.guardrails = Guardrails {
        parents: ["ou-dev", "ou-production", "ou-shared"]
            .map(|unit| (unit.to_owned(), "r-ab12".to_owned()))
            .into(),
        attached: attached.iter().map(policy).collect(),
        bare: BTreeSet::new(),
        enabled: None,
        complete: false,
    };
    facts
}

/// Whether the wall into production rests on policies of buckets there that nobody listed.
fn rests_on_buckets(facts: Facts, from: &Origin) -> bool {
    let (before, model) = (AccessModel::new(Facts::default()), AccessModel::new(facts));
    let compared = compare(&before, &model);
    let pair = (from.clone(), "production".to_owned());
    let all = Assumptions::new(&model, &compared.after.1).of(&pair, &mut Default::default());
    all.iter().any(|assumption| assumption.objects.iter().any(|object| object == BUCKETS))
}

fn dev() -> Origin {
    Origin::Environment("dev".to_owned())
}

#[test]
fn assumptions_hold_for_whoever_may_leave_the_organization() {
    let rests = |actions: &[&str], stays: bool| {
        let guardrail = (PolicyType::ServiceControl, "ou-dev", keeps_in(stays));
        rests_on_buckets(organized(vec![in_dev("ci", actions)], &[guardrail]), &dev())
    };
    for (actions, leaves) in [
        (&["s3:*"][..], false),
        (&["s3:*", "organizations:DescribeOrganization"], false),
        (&["organizations:LeaveOrganization"], true),
        (&["organizations:AcceptHandshake"], true),
        // Its own account can change what it may do.
        (&["iam:*"], true),
        (&["iam:PutRolePolicy"], true),
        (&["iam:GetRole"], false),
    ] {
        assert_eq!(rests(actions, false), leaves, "{actions:?}");
        assert!(!rests(actions, true), "{actions:?}, and a guardrail keeps the account in");
    }
}

/// `OrganizationAccountAccessRole` is for the management account, which may take its guardrails away without it.
#[test]
fn a_role_that_the_management_account_alone_assumes_is_left_out() {
    let access = |trusted: &str| {
        let arn = format!("arn:aws:iam::{DEV}:role/OrganizationAccountAccessRole");
        named(&arn, &json!({"AWS": format!("arn:aws:iam::{trusted}:root")}), &["*"])
    };
    let estate = |trusted: &str| {
        let guardrail = (PolicyType::ServiceControl, "ou-dev", keeps_in(false));
        let mut facts = organized(vec![in_dev("ci", &["s3:*"]), access(trusted)], &[guardrail]);
        let policy = statement(json!({"Effect": "Allow", "Action": "s3:GetObject",
            "Principal": {"AWS": format!("arn:aws:iam::{DEV}:role/ci")}, "Resource": "arn:aws:s3:::data/*"}));
        facts.resources = vec![resource(&BUCKET, "arn:aws:s3:::data", Some(&policy))];
        facts
    };
    assert_eq!(into_production(&AccessModel::new(estate(MANAGEMENT))), WallVerdict::Isolated);
    assert!(!rests_on_buckets(estate(MANAGEMENT), &dev()));
    assert_eq!(into_production(&AccessModel::new(estate(DEV))), WallVerdict::Reachable);
    assert!(rests_on_buckets(estate(DEV), &dev()));
}

#[test]
fn of_an_account_that_was_not_read_somebody_may_leave() {
    let rests = |stays: bool| {
        let guardrail = (PolicyType::ServiceControl, "ou-dev", keeps_in(stays));
        let mut facts = organized(Vec::new(), &[guardrail]);
        let organization = facts.organization.as_mut().expect("just set");
        organization.accounts.insert(SHARED.to_owned(), "ou-dev".to_owned());
        rests_on_buckets(facts, &Origin::Unassigned)
    };
    assert!(rests(false));
    assert!(!rests(true));
}

#[test]
fn whoever_administers_the_organization_is_kept_out_by_no_guardrail() {
    let rests = |action: &str| {
        let mut keep_out =
            deny(&json!("s3:*"), &json!({"StringNotEquals": {"aws:PrincipalAccount": PRODUCTION}}));
        keep_out["Principal"] = json!("*");
        let guardrail = (PolicyType::ResourceControl, "ou-production", statement(keep_out));
        let ci = in_dev("ci", &["sts:AssumeRole"]);
        let arn = format!("arn:aws:iam::{MANAGEMENT}:role/guardrails");
        let mut admin = named(&arn, &json!({"AWS": ci.arn}), &[action]);
        admin.account = handle("management");
        let mut facts = organized(vec![ci, admin], &[guardrail]);
        let management = account("management", MANAGEMENT);
        let parent = Some("r-ab12".to_owned());
        facts.accounts.push(AccountFacts { environments: BTreeSet::new(), parent, ..management });
        rests_on_buckets(facts, &dev())
    };
    assert!(rests("organizations:DetachPolicy"));
    assert!(!rests("organizations:DescribePolicy"));
}

#[test]
fn an_account_that_the_origin_gets_into_asks_for_it_too() {
    let rests = |trusted: &str| {
        let guardrail = (PolicyType::ServiceControl, "ou-dev", keeps_in(true));
        let ci = in_dev("ci", &["sts:AssumeRole"]);
        let hub = format!("arn:aws:iam::{SHARED}:role/hub");
        let trusted = json!({"AWS": format!("arn:aws:iam::{DEV}:role/{trusted}")});
        let mut facts = organized(vec![ci, named(&hub, &trusted, &["s3:*"])], &[guardrail]);
        let parent = Some("ou-shared".to_owned());
        facts.accounts.push(AccountFacts { parent, ..account("shared", SHARED) });
        rests_on_buckets(facts, &dev())
    };
    assert!(rests("ci"));
    assert!(!rests("other"));
}

/// Production's bucket lets in all of dev, and only a guardrail of dev's keeps that out.
#[test]
fn whoever_can_be_permitted_to_leave_lifts_its_guardrails() {
    let open = |principals: Vec<PrincipalNode>, stays: bool| {
        let guardrail = (PolicyType::ServiceControl, "ou-dev", keeps_in(stays));
        let mut facts = organized(principals, &[guardrail]);
        let arn = "arn:aws:s3:::data";
        let policy = statement(json!({"Effect": "Allow", "Action": "s3:GetObject",
            "Principal": {"AWS": format!("arn:aws:iam::{DEV}:root")}, "Resource": "arn:aws:s3:::data/*"}));
        facts.resources = vec![resource(&BUCKET, arn, Some(&policy))];
        into_production(&AccessModel::new(facts))
    };
    let leave = "organizations:LeaveOrganization";
    let cases: [(&str, &[&str], &[&str], bool); 8] = [
        ("as it stands", &["s3:*", leave], &[], true),
        ("by its own hand", &["s3:*", "iam:*"], &[], true),
        ("by one right", &["s3:*", "iam:PutRolePolicy"], &[], true),
        ("by one that it makes", &["s3:*", "iam:CreateRole", "iam:AttachRolePolicy"], &[], true),
        ("by a neighbour", &["s3:*"], &[leave], true),
        ("by a neighbour's own hand", &["s3:*"], &["iam:PutRolePolicy"], true),
        ("looking", &["s3:*", "iam:Get*"], &["iam:List*"], false),
        // What it may not reach as it stands is held by its own side, which a finding says.
        ("reaching nothing", &["iam:*"], &[], false),
    ];
    for (name, ci, other, leaves) in cases {
        let principals = || {
            let other = (!other.is_empty()).then(|| in_dev("other", other));
            [in_dev("ci", ci)].into_iter().chain(other).collect::<Vec<PrincipalNode>>()
        };
        let right = if leaves { WallVerdict::Reachable } else { WallVerdict::Isolated };
        assert_eq!(open(principals(), false), right, "{name}");
        assert_eq!(open(principals(), true), WallVerdict::Isolated, "{name}, and it is kept in");
    }
}

/// KMS Developer Guide, "Resource control policies in AWS KMS": "the kms:RetireGrant permission is not effective in an RCP".
#[test]
fn no_resource_control_policy_limits_the_retirement_of_grants() {
    let key = "arn:aws:kms:eu-west-1:222222222222:key/k1";
    let judged = |granted: &str| {
        let mut keep_out = deny(&json!("kms:*"), &json!({}));
        keep_out["Principal"] = json!("*");
        let guardrail = (PolicyType::ResourceControl, "ou-production", statement(keep_out));
        let mut facts = organized(vec![in_dev("ci", &["kms:*"])], &[guardrail]);
        let policy = statement(json!({"Effect": "Allow", "Action": granted, "Resource": "*",
            "Principal": {"AWS": format!("arn:aws:iam::{DEV}:role/ci")}}));
        facts.resources = vec![resource(&KEY, key, Some(&policy))];
        into_production(&AccessModel::new(facts))
    };
    assert_eq!(judged("kms:Decrypt"), WallVerdict::Isolated);
    assert_eq!(judged("kms:RetireGrant"), WallVerdict::Reachable);
    assert_eq!(judged("kms:*"), WallVerdict::Reachable);
}
