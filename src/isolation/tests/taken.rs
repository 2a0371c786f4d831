//! Names that are taken and groups that are not there: IAM makes no second principal of a name, and puts nobody into a group that
//! does not exist (IAM API Reference, `CreateRole`, `DeleteRole`, `AddUserToGroup`).

use super::escalation::{by_service, document, managed, may, policy_arn};
use super::hunt::{judge, user, with};
use super::power::{ASSUME, statements};
use super::*;

const GATE: &str = "arn:aws:iam::222222222222:role/gate";

/// Shared's `low` may do this; production lets in whoever of shared is called `gate`, which is a machine's role there.
fn gated(rights: Vec<Json>, policies: &Json) -> Fixture {
    let gate = role("shared", "gate", by_service("ec2.amazonaws.com"), None);
    let called = trust(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": GATE}}}));
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
        .both(with(gate, "managed_policies", policies.clone()))
        .both(managed("shared", "read", document(vec![may("s3:ListAllMyBuckets", "*")])))
        .both(role("production", "deploy", called, None))
}

#[test]
fn a_name_that_is_taken_is_given_to_nobody_else() {
    let made = |arn: &str| vec![may("iam:CreateRole", arn), may("iam:PutRolePolicy", arn)];
    let and = |arn: &str, more: &[&str]| {
        let mut all = made(arn);
        all.extend(more.iter().map(|action| may(action, GATE)));
        all
    };
    let (none, read) = (json!([]), json!([policy_arn("read")]));
    let capital = "arn:aws:iam::222222222222:role/GATE";
    let elsewhere = "arn:aws:iam::222222222222:role/p/gate";
    let delete = "iam:DeleteRole";
    let any = || {
        let any = trust(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}));
        let of =
            |arn: &str| gated(made(arn), &none).both(role("production", "open", any.clone(), None));
        (of("arn:aws:iam::222222222222:role/gat*"), of(capital), of(elsewhere))
    };
    let (pattern, of_capital, of_path) = any();
    let case = |name, fixture, right| (name, fixture, "dev", "production", right);
    judge(vec![
        case("it stands", gated(made(GATE), &none), "isolated"),
        case("it may be deleted first", gated(and(GATE, &[delete]), &none), "reachable"),
        case("a policy is in the way", gated(and(GATE, &[delete]), &read), "isolated"),
        case(
            "which may be detached",
            gated(and(GATE, &[delete, "iam:DetachRolePolicy"]), &read),
            "reachable",
        ),
        case("in capital letters", of_capital, "isolated"),
        case("at another path", of_path, "isolated"),
        case("a pattern with free names", pattern, "reachable"),
    ]);
}

#[test]
fn nobody_joins_a_group_that_is_not_there() {
    let group = "arn:aws:iam::222222222222:group/new/*";
    let rights = |more: &[(&str, &str)]| {
        let own = [("iam:PutGroupPolicy", group), ("iam:AddUserToGroup", group)];
        let mut all: Vec<Json> = own.iter().map(|(action, on)| may(action, on)).collect();
        all.push(may("iam:CreateAccessKey", "*"));
        all.extend(more.iter().map(|(action, on)| may(action, on)));
        all
    };
    let of = |rights: Vec<Json>| {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
            .both(user("shared", "ann", document(vec![may("s3:ListAllMyBuckets", "*")])))
            .both(role(
                "production",
                "deploy",
                trust(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:user/ann"}})),
                None,
            ))
    };
    let held = |rights: Vec<Json>| {
        // Ann is let in by the whole account, and needs a right of her own.
        of(rights).then(role(
            "production",
            "deploy",
            trust(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}})),
            None,
        ))
    };
    let case = |name, fixture, right| (name, fixture, "dev", "production", right);
    judge(vec![
        case("none is there", held(rights(&[])), "isolated"),
        case("one may be made", held(rights(&[("iam:CreateGroup", group)])), "reachable"),
    ]);
}

/// A boundary that somebody may swap leaves what the other one leaves (IAM API Reference, `PutRolePermissionsBoundary`).
#[test]
fn a_boundary_is_swapped_for_what_the_other_one_leaves() {
    let put = |policy: &str| {
        let mut put = may("iam:PutRolePermissionsBoundary", "*");
        put["Condition"] = json!({"ArnEquals": {"iam:PermissionsBoundary": policy_arn(policy)}});
        put
    };
    let of = |rights: Vec<Json>| {
        let hop = role("shared", "hop", by("shared", "low"), Some(statements(&[ASSUME])));
        let mut rights = rights;
        rights.push(may("sts:AssumeRole", "*"));
        let only = |action: &str| document(vec![may(action, "*")]);
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
            .both(with(hop, "permissions_boundary", json!(policy_arn("bound"))))
            .both(managed("shared", "bound", only("s3:*")))
            .both(managed("shared", "narrow", only("ec2:*")))
            .both(managed("shared", "wide", only("sts:*")))
            .both(role("production", "deploy", by("shared", "hop"), None))
    };
    let write = || may("iam:CreatePolicyVersion", &policy_arn("narrow"));
    let any = || vec![may("iam:PutRolePermissionsBoundary", "*")];
    let case = |name, fixture, right| (name, fixture, "dev", "production", right);
    judge(vec![
        case("one that leaves it out", of(vec![put("narrow")]), "isolated"),
        case("one that leaves it in", of(vec![put("wide")]), "reachable"),
        case("one whose text it decides", of(vec![put("narrow"), write()]), "reachable"),
        case("any", of(any()), "reachable"),
    ]);
}

/// IAM User Guide, "Tags for IAM roles": who makes a role with tags needs `iam:TagRole`.
#[test]
fn a_role_is_made_with_tags_by_whom_may_tag_it() {
    let new = "arn:aws:iam::222222222222:role/new/*";
    let of = |more: &[&str]| {
        let mut create = may("iam:CreateRole", new);
        create["Condition"] = json!({"StringEquals": {"aws:RequestTag/owner": "low"}});
        let mut rights = vec![create, may("iam:PutRolePolicy", new)];
        rights.extend(more.iter().map(|action| may(action, new)));
        let any = trust(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}));
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
            .both(role("production", "deploy", any, None))
    };
    let case = |name, fixture, right| (name, fixture, "dev", "production", right);
    judge(vec![
        case("it may not", of(&[]), "isolated"),
        case("it may", of(&["iam:TagRole"]), "reachable"),
    ]);
}
