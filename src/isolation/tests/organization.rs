//! Power over the organization: what each of its calls takes away, and what it leaves.

use super::escalation::{by_service, document, may};
use super::hunt::{judge, scp};
use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const UNIT: &str = "ou-ab12-aaaaaaaa";

/// Dev's `ci` may use S3 and assume roles, and is the management account's `ops`, which may do this.
fn administered(rights: Vec<Json>) -> Fixture {
    Fixture::new()
        .account("management", "999999999999")
        .both(lambda("dev", "ci", document(vec![may("s3:*", "*"), may("sts:*", "*")])))
        .both(role("management", "ops", by("dev", "ci"), Some(document(rights))))
}

fn bucket(principal: Json, condition: Json) -> SideObject {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal,
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*", "Condition": condition}]});
    object(
        "s3_bucket",
        Some("production"),
        "data",
        json!({"bucket": "data", "policy": policy, "block_public_access": {}}),
    )
}

/// Production's bucket lets in dev's `ci`.
fn lets_in_ci() -> SideObject {
    bucket(json!({"AWS": CI}), json!({}))
}

fn policy(kind: &str, name: &str, targets: &[&str], statements: Vec<Json>) -> SideObject {
    object(kind, None, name, json!({"targets": targets, "content": document(statements)}))
}

/// AWS's own full access, attached to all but these.
fn full_access_but(left_out: &[&str]) -> SideObject {
    let all = ["r-ab12", UNIT, "111111111111", "222222222222", "333333333333", "999999999999"];
    let targets: Vec<&str> = all.into_iter().filter(|target| !left_out.contains(target)).collect();
    policy("service_control_policy", "FullAWSAccess", &targets, vec![may("*", "*")])
}

fn no_s3() -> Json {
    json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
}

fn keep_out() -> Json {
    json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "333333333333"}}})
}

/// An account that stands in a unit.
fn inside(fixture: Fixture, name: &str) -> Fixture {
    let mut account = object("account", None, name, json!({"id": id_of(name), "parent": UNIT}));
    account.address = Some(crate::address::ResourceAddr::new("account", name));
    let unit = json!({"id": UNIT, "parent": "r-ab12", "name": "workloads"});
    fixture
        .both(object("organizational_unit", None, "workloads", unit))
        .then(full_access_but(&[]))
        .then(account)
}

fn calls(actions: &[&str]) -> Vec<Json> {
    actions.iter().map(|action| may(&format!("organizations:{action}"), "*")).collect()
}

/// A call upon policies of a type alone.
fn of_type(action: &str, kind: &str) -> Json {
    json!({"Effect": "Allow", "Action": format!("organizations:{action}"), "Resource": "*",
        "Condition": {"StringEquals": {"organizations:PolicyType": kind}}})
}

type Case = (&'static str, Fixture, &'static str, &'static str, &'static str);

fn case(name: &'static str, fixture: Fixture, expected: &'static str) -> Case {
    (name, fixture, "dev", "production", expected)
}

const YES: &str = "reachable";
const NO: &str = "isolated";

#[test]
fn an_allow_list_is_lifted_by_what_is_attached_beside_it() {
    // Dev has a list of its own in the place of AWS's full access.
    let listed = |rights: Vec<Json>| {
        administered(rights).both(lets_in_ci()).then(full_access_but(&["111111111111"])).both(
            policy("service_control_policy", "list", &["111111111111"], vec![may("sts:*", "*")]),
        )
    };
    let on = |resources: &[&str]| {
        vec![
            json!({"Effect": "Allow", "Action": "organizations:AttachPolicy", "Resource": resources}),
        ]
    };
    let dev = "arn:aws:organizations::999999999999:account/o-aaaaaaaaaa/111111111111";
    let full = "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess";
    judge(vec![
        case("attached", listed(calls(&["AttachPolicy"])), YES),
        case("attached, a policy and an account by name", listed(on(&[dev, full])), YES),
        case("attached, an account and no policy", listed(on(&[dev])), NO),
        case("attached, a policy and no account", listed(on(&[full])), NO),
        case("the last one is not detached", listed(calls(&["DetachPolicy"])), NO),
        case("the account is moved", listed(calls(&["MoveAccount"])), NO),
        case("rewritten", listed(calls(&["UpdatePolicy"])), YES),
        case("switched off", listed(calls(&["DisablePolicyType"])), YES),
        case("made and not attached", listed(calls(&["CreatePolicy"])), NO),
        case("rewritten, if it tags", listed(vec![of_type("UpdatePolicy", "TAG_POLICY")]), NO),
        case(
            "rewritten, if it limits",
            listed(vec![of_type("UpdatePolicy", "SERVICE_CONTROL_POLICY")]),
            YES,
        ),
        case("attached, if it tags", listed(vec![of_type("AttachPolicy", "TAG_POLICY")]), NO),
        case(
            "switched off, if it backs up",
            listed(vec![of_type("DisablePolicyType", "BACKUP_POLICY")]),
            NO,
        ),
        case(
            "on a unit, attached",
            inside(administered(calls(&["AttachPolicy"])).both(lets_in_ci()), "dev")
                .then(full_access_but(&[UNIT]))
                .both(policy("service_control_policy", "list", &[UNIT], vec![may("sts:*", "*")])),
            YES,
        ),
        case(
            "on a unit, moved out of it",
            inside(administered(calls(&["MoveAccount"])).both(lets_in_ci()), "dev")
                .then(full_access_but(&[UNIT]))
                .both(policy("service_control_policy", "list", &[UNIT], vec![may("sts:*", "*")])),
            YES,
        ),
        // To assume a role instead of reading an object.
        case(
            "for a role",
            administered(calls(&["AttachPolicy"]))
                .both(role("shared", "relay", by("dev", "ci"), Some(allow("sts:AssumeRole", "*"))))
                .both(role("production", "deploy", by("dev", "ci"), None))
                .then(full_access_but(&["111111111111"]))
                .both(policy(
                    "service_control_policy",
                    "list",
                    &["111111111111"],
                    vec![may("sts:AssumeRole", "arn:aws:iam::999999999999:role/*")],
                )),
            YES,
        ),
    ]);
    let section = listed(calls(&["AttachPolicy", "DetachPolicy"])).rule(Vec::new()).analyse();
    let told = section.violations.iter().find(|path| path.grade == Grade::Power).expect("power");
    assert_eq!(
        told.actions,
        ["organizations:AttachPolicy"],
        "what opens it alone is told: {told:?}"
    );
}

#[test]
fn a_denial_is_lifted_by_what_takes_it_away() {
    let denied = |rights: Vec<Json>, target: &str| {
        administered(rights).both(lets_in_ci()).both(policy(
            "service_control_policy",
            "lock",
            &[target],
            vec![no_s3()],
        ))
    };
    let mixed = |rights: Vec<Json>, left_out: &[&str]| {
        administered(rights).both(lets_in_ci()).then(full_access_but(left_out)).both(policy(
            "service_control_policy",
            "list",
            &["111111111111"],
            vec![may("*", "*"), no_s3()],
        ))
    };
    let in_unit = |rights: Vec<Json>, target: &str| inside(denied(rights, target), "dev");
    let perimeter = |rights: Vec<Json>, target: &str| {
        let rcp = policy("resource_control_policy", "perimeter", &[target], vec![keep_out()]);
        inside(administered(rights).both(lets_in_ci()).both(rcp), "production")
    };
    judge(vec![
        case("detached", denied(calls(&["DetachPolicy"]), "111111111111"), YES),
        case(
            "something is attached beside it",
            denied(calls(&["AttachPolicy"]), "111111111111"),
            NO,
        ),
        case("it goes with the account", denied(calls(&["MoveAccount"]), "111111111111"), NO),
        case(
            "the account is removed",
            denied(calls(&["RemoveAccountFromOrganization"]), "111111111111"),
            YES,
        ),
        case("one that allows as well, beside another", mixed(calls(&["DetachPolicy"]), &[]), YES),
        case(
            "one that allows as well, alone",
            mixed(calls(&["DetachPolicy"]), &["111111111111"]),
            NO,
        ),
        case("on a unit, moved out of it", in_unit(calls(&["MoveAccount"]), UNIT), YES),
        case("on the root, moved below it", in_unit(calls(&["MoveAccount"]), "r-ab12"), NO),
        case("on the root, detached", in_unit(calls(&["DetachPolicy"]), "r-ab12"), YES),
        case("of resources, detached", perimeter(calls(&["DetachPolicy"]), "333333333333"), YES),
        case(
            "of resources, something attached",
            perimeter(calls(&["AttachPolicy"]), "333333333333"),
            NO,
        ),
        case("of resources, out of the unit", perimeter(calls(&["MoveAccount"]), UNIT), YES),
        case(
            "of resources, out of the organization",
            perimeter(calls(&["RemoveAccountFromOrganization"]), UNIT),
            YES,
        ),
    ]);
    // Both stand in the way: it takes both rights.
    let both = |actions: &[&str]| {
        denied(calls(actions), "111111111111").then(full_access_but(&["111111111111"])).both(
            policy("service_control_policy", "list", &["111111111111"], vec![may("sts:*", "*")]),
        )
    };
    judge(vec![
        case("a list and a denial, detached", both(&["DetachPolicy"]), NO),
        case("a list and a denial, attached", both(&["AttachPolicy"]), NO),
        case("a list and a denial, both", both(&["AttachPolicy", "DetachPolicy"]), YES),
        case(
            "one that allows as well, alone, once another one stands beside it",
            mixed(calls(&["AttachPolicy", "DetachPolicy"]), &["111111111111"]),
            YES,
        ),
    ]);
    // Either account has its own, of either type.
    let of_both = |actions: &[&str]| {
        let of_resources =
            policy("resource_control_policy", "out", &["333333333333"], vec![keep_out()]);
        denied(calls(actions), "111111111111").both(of_resources)
    };
    let list_and_perimeter = |actions: &[&str]| {
        perimeter(calls(actions), "333333333333").then(full_access_but(&["111111111111"])).both(
            policy("service_control_policy", "list", &["111111111111"], vec![may("sts:*", "*")]),
        )
    };
    judge(vec![
        case("both accounts, detached", of_both(&["DetachPolicy"]), YES),
        case("both accounts, removed", of_both(&["RemoveAccountFromOrganization"]), YES),
        case("a list and a perimeter, attached", list_and_perimeter(&["AttachPolicy"]), NO),
        case(
            "a list and a perimeter, attached and removed",
            list_and_perimeter(&["AttachPolicy", "RemoveAccountFromOrganization"]),
            YES,
        ),
    ]);
}

/// Nobody knows whether the service hands on the role that it is passed, which holds the power.
#[test]
fn a_right_that_is_held_by_a_way_in_doubt_leaves_the_wall_undetermined() {
    let administered = |rights: Vec<Json>| {
        let admin = by_service("novel.amazonaws.com");
        administered(vec![may("iam:PassRole", "*")]).both(role(
            "management",
            "admin",
            admin,
            Some(document(rights)),
        ))
    };
    let denied = |rights: Vec<Json>| {
        let lock = policy("service_control_policy", "lock", &["111111111111"], vec![no_s3()]);
        administered(rights).both(lets_in_ci()).both(lock)
    };
    judge(vec![
        case("detached", denied(calls(&["DetachPolicy"])), "undetermined"),
        case("of no bearing", denied(calls(&["ListPolicies"])), NO),
        case("something is attached beside it", denied(calls(&["AttachPolicy"])), NO),
        case("as the root", administered(vec![may("sts:AssumeRoot", "*")]), "undetermined"),
    ]);
}

#[test]
fn an_account_that_moves_tells_another_path() {
    let in_unit = format!("o-aaaaaaaaaa/r-ab12/{UNIT}/*");
    let asks = |key: &str| json!({"ForAnyValue:StringLike": {key: in_unit}});
    let of_callers = |rights: Vec<Json>| {
        administered(rights).both(bucket(json!("*"), asks("aws:PrincipalOrgPaths")))
    };
    let of_callers_of_roles = |rights: Vec<Json>| {
        let by_path = trust(json!({"Principal": "*", "Condition": asks("aws:PrincipalOrgPaths")}));
        administered(rights).both(role("production", "deploy", by_path, None))
    };
    let of_resources = |rights: Vec<Json>| {
        let mut only = no_s3();
        only["Condition"] =
            json!({"ForAllValues:StringNotLike": {"aws:ResourceOrgPaths": in_unit}});
        administered(rights).both(lets_in_ci()).both(scp("only", "dev", only))
    };
    judge(vec![
        case("the caller's account", of_callers(calls(&["MoveAccount"])), YES),
        case("which stays", of_callers(calls(&["DetachPolicy", "AttachPolicy"])), NO),
        case("the caller's account, for a role", of_callers_of_roles(calls(&["MoveAccount"])), YES),
        case("the resource's account", of_resources(calls(&["MoveAccount"])), YES),
        case("the resource's account, which stays", of_resources(calls(&["AttachPolicy"])), NO),
    ]);
}

/// What asks for a member of the organization lets in an account that somebody brings in.
#[test]
fn an_account_that_is_brought_in_is_of_the_organization() {
    let ours = || json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}});
    // No account of the estate may use S3.
    let held = |fixture: Fixture| {
        let targets = ["111111111111", "222222222222", "333333333333"];
        fixture.both(policy("service_control_policy", "lock", &targets, vec![no_s3()]))
    };
    let open = |rights: Vec<Json>| held(administered(rights).both(bucket(json!("*"), ours())));
    let by_role_of = |rights: &[&str], condition: Json| {
        let lock = json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::333333333333:role/*"});
        let by_member = trust(json!({"Principal": "*", "Condition": condition}));
        administered(calls(rights)).both(role("production", "deploy", by_member, None)).both(
            policy("service_control_policy", "lock", &["111111111111", "222222222222"], vec![lock]),
        )
    };
    let by_role = |condition: Json| by_role_of(&["CreateAccount"], condition);
    let moving = |condition: Json| by_role_of(&["CreateAccount", "MoveAccount"], condition);
    let at = |path: &str| json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path}});
    judge(vec![
        case("made", open(calls(&["CreateAccount"])), YES),
        case("invited", open(calls(&["InviteAccountToOrganization"])), YES),
        case("neither", open(calls(&["ListAccounts"])), NO),
        case("where the root holds it", open(calls(&["CreateAccount"]))
            .both(policy("service_control_policy", "all", &["r-ab12"], vec![no_s3()])), NO),
        case("where nothing lets in members", held(administered(calls(&["CreateAccount"])).both(lets_in_ci())), NO),
        case("for a role", by_role(ours()), YES),
        case("at the root of it", by_role(at("o-aaaaaaaaaa/r-ab12/*")), YES),
        case("in a unit, where it does not stand", by_role(at(&format!("o-aaaaaaaaaa/r-ab12/{UNIT}/*"))), NO),
        case("in a unit, into which it is moved", moving(at(&format!("o-aaaaaaaaaa/r-ab12/{UNIT}/*"))), YES),
        case("in a unit of another root", moving(at(&format!("o-aaaaaaaaaa/r-cd34/{UNIT}/*"))), NO),
        case("of an organization that is not ours", by_role(json!({"StringEquals": {"aws:PrincipalOrgID": "o-bbbbbbbbbb"}})), NO),
        // By way of a role in between.
        case("by a role in between", administered(calls(&["CreateAccount"]))
            .both(role("shared", "relay", trust(json!({"Principal": "*", "Condition": ours()})), Some(allow("sts:AssumeRole", "*"))))
            .both(role("production", "deploy", by("shared", "relay"), None))
            .both(policy("service_control_policy", "lock", &["111111111111"], vec![json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::222222222222:role/*"})])), YES),
    ]);
    let section = open(calls(&["CreateAccount"])).rule(Vec::new()).analyse();
    let told = section.violations.iter().find(|path| path.grade == Grade::Power).expect("power");
    assert_eq!(told.actions, ["organizations:CreateAccount"]);
    let power = told.power.as_deref().unwrap_or_default();
    assert!(power.contains("bring an account of its own into the organization"), "{power}");
}

/// Acting as root counts where the task lets somebody in.
#[test]
fn tasks_of_the_root_user_that_let_nobody_in_are_no_power() {
    let task = |name: &str| {
        administered(vec![
            json!({"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*", "Condition":
            {"ArnEquals": {"sts:TaskPolicyArn": format!("arn:aws:iam::aws:policy/root-task/{name}")}}}),
        ])
    };
    judge(vec![
        case("a password", task("IAMCreateRootUserPassword"), YES),
        case("a bucket's policy", task("S3UnlockBucketPolicy"), YES),
        case("looking", task("IAMAuditRootUserCredentials"), NO),
        case("taking credentials away", task("IAMDeleteRootUserCredentials"), NO),
    ]);
}
