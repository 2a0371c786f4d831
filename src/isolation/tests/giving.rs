//! What somebody in an account in between may give to whom, where that is less than everything: by groups, and by
//! users that it makes; and federated sessions of users.

use super::escalation::{document, managed, may, policy_arn};
use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

const OP: &str = "arn:aws:iam::222222222222:user/op";
const OPS: &str = "arn:aws:iam::222222222222:group/ops";
const TOPICS: &str = "arn:aws:iam::aws:policy/AmazonSNSFullAccess";
const BUCKETS: &str = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

/// Dev's `ci` is shared's `low`, which has these policies, and a bucket of production's lets in all of shared.
fn in_between(low: Vec<Json>) -> Fixture {
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "low", by("dev", "ci"), Some(document(low))))
        .both(lets_in("222222222222", &json!({})))
}

/// A bucket of production's that lets in a whole account, where a condition holds.
pub(super) fn lets_in(account: &str, condition: &Json) -> SideObject {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*", "Condition": condition});
    holding(vec![statement])
}

fn holding(all: Vec<Json>) -> SideObject {
    let attrs = json!({"bucket": "data", "policy": document(all), "block_public_access": {}});
    object("s3_bucket", Some("production"), "data", attrs)
}

fn ops(inline: Json) -> SideObject {
    object("iam_group", Some("shared"), "ops", json!({"arn": OPS, "inline_policies": inline}))
}

fn reads_buckets() -> Json {
    json!({"main": document(vec![may("s3:*", "*")])})
}

fn op(groups: Json) -> SideObject {
    with(user("shared", "op", document(vec![may("ec2:DescribeRegions", "*")])), "groups", groups)
}

fn attach_to_ops(policy: &str) -> Json {
    json!({"Effect": "Allow", "Action": "iam:AttachGroupPolicy", "Resource": OPS,
        "Condition": {"ArnEquals": {"iam:PolicyARN": policy}}})
}

#[test]
fn a_user_is_made_and_given_what_a_group_has() {
    let make = || vec![may("iam:CreateUser", "*"), may("iam:AddUserToGroup", OPS)];
    let and = |mut all: Vec<Json>, action: &str| {
        all.push(may(action, "*"));
        all
    };
    judge(vec![
        (
            "with keys",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(reads_buckets())),
            "dev",
            "production",
            "reachable",
        ),
        (
            "with a password",
            in_between(and(make(), "iam:CreateLoginProfile")).both(ops(reads_buckets())),
            "dev",
            "production",
            "reachable",
        ),
        (
            "with nothing to sign in by",
            in_between(make()).both(ops(reads_buckets())),
            "dev",
            "production",
            "isolated",
        ),
        (
            "into a group that has nothing",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(json!({}))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "and a guardrail keeps users from being made",
            in_between(and(make(), "iam:CreateAccessKey")).both(ops(reads_buckets())).both(scp(
                "users",
                "shared",
                json!({"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}),
            )),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn a_group_is_given_what_a_user_of_it_then_has() {
    let low = |policy: &str| vec![may("iam:CreateAccessKey", OP), attach_to_ops(policy)];
    let joining = |policy: &str| {
        let mut all = low(policy);
        all.push(may("iam:AddUserToGroup", OPS));
        all
    };
    judge(vec![
        (
            "of a user that is in it",
            in_between(low(BUCKETS)).both(ops(json!({}))).both(op(json!(["ops"]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "of a user that is put into it",
            in_between(joining(BUCKETS)).both(ops(json!({}))).both(op(json!([]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "of a user that is not in it",
            in_between(low(BUCKETS)).both(ops(json!({}))).both(op(json!([]))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "and what it is given is not known",
            in_between(low(TOPICS)).both(ops(json!({}))).both(op(json!(["ops"]))),
            "dev",
            "production",
            "undetermined",
        ),
    ]);
}

/// A policy that denies as well as allows takes away from what another one gives: each may be attached by itself.
#[test]
fn of_policies_that_deny_one_takes_what_one_likes() {
    let low = "arn:aws:iam::222222222222:role/low";
    let own = |name: &str| format!("arn:aws:iam::222222222222:policy/{name}");
    let attach = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| own(name)).collect();
        vec![json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": low,
            "Condition": {"ArnEquals": {"iam:PolicyARN": names}}})]
    };
    let managed = |name: &str, all: Vec<Json>| {
        let attrs = json!({"arn": own(name), "content": document(all)});
        object("iam_policy", Some("shared"), name, attrs)
    };
    let keep = || json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let estate = |names: &[&str]| {
        in_between(attach(names))
            .both(managed("reads", vec![may("s3:*", "*")]))
            .both(managed("keeps", vec![may("sqs:*", "*"), keep()]))
            .both(managed(
                "reads-some",
                vec![
                    may("s3:*", "*"),
                    json!({"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}),
                ],
            ))
    };
    judge(vec![
        ("both", estate(&["reads", "keeps"]), "dev", "production", "reachable"),
        (
            "one that denies something else",
            estate(&["reads-some", "keeps"]),
            "dev",
            "production",
            "reachable",
        ),
        ("the one that denies", estate(&["keeps"]), "dev", "production", "isolated"),
    ]);
}

/// IAM User Guide, "Compare AWS STS credentials", "AWS global condition context keys": a federated session has another
/// ARN, type and id than its user, and tags of its user's choice where that one may pass any.
#[test]
fn a_user_asks_as_a_federated_session_of_its_own() {
    const GUESTS: &str = "arn:aws:sts::111111111111:federated-user/*";
    let ann = |more: &[Json]| {
        let mut all = vec![may("s3:*", "*")];
        all.extend(more.iter().cloned());
        Fixture::new().both(user("dev", "ann", document(all)))
    };
    let begin = || may("sts:GetFederationToken", "*");
    let open =
        |fixture: Fixture, condition: Json| fixture.both(lets_in("111111111111", &condition));
    let tagged = || json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}});
    let is_type = || json!({"StringEquals": {"aws:PrincipalType": "FederatedUser"}});
    let is_id = || json!({"StringLike": {"aws:userid": "111111111111:*"}});
    let unless = |condition: Json| {
        let arn = "arn:aws:iam::111111111111:user/ann";
        let all = json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::data/*"});
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"], "Condition": condition});
        assert!(deny.to_string().contains(arn) || deny.to_string().contains("Null"));
        holding(vec![all, deny])
    };
    let by_arn =
        || json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/ann"}});
    judge(vec![
        (
            "with tags",
            open(ann(&[begin(), may("sts:TagSession", "*")]), tagged()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "without the right to tag",
            open(ann(&[begin()]), tagged()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "without the right to begin it",
            open(ann(&[may("sts:TagSession", "*")]), tagged()),
            "dev",
            "production",
            "isolated",
        ),
        ("by its type", open(ann(&[begin()]), is_type()), "dev", "production", "reachable"),
        ("a user is of another type", open(ann(&[]), is_type()), "dev", "production", "isolated"),
        ("by its id", open(ann(&[begin()]), is_id()), "dev", "production", "reachable"),
        (
            "by its ARN, of everybody",
            ann(&[begin()]).both(lets_in("*", &json!({"ArnLike": {"aws:PrincipalArn": GUESTS}}))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "past a Deny by the user's ARN",
            ann(&[begin()]).both(unless(by_arn())),
            "dev",
            "production",
            "reachable",
        ),
        (
            "which holds where there is none",
            ann(&[]).both(unless(by_arn())),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a guardrail keeps it from beginning one",
            open(ann(&[begin()]), is_type()).both(scp(
                "sts",
                "dev",
                json!({"Effect": "Deny", "Action": "sts:GetFederationToken", "Resource": "*"}),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "under names that the policy does not ask for",
            open(
                ann(&[may(
                    "sts:GetFederationToken",
                    "arn:aws:sts::111111111111:federated-user/tmp-*",
                )]),
                json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::111111111111:federated-user/ops-*"}}),
            ),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

/// STS is not called by API with such a session: a role is switched to from the console.
#[test]
fn a_federated_session_of_a_user_switches_roles_in_the_console_alone() {
    let ann = |more: &[Json]| {
        let mut all = vec![may("sts:AssumeRole", "*")];
        all.extend(more.iter().cloned());
        let asks = json!({"Principal": {"AWS": "111111111111"},
            "Condition": {"StringEquals": {"aws:PrincipalType": "FederatedUser"}}});
        Fixture::new().both(user("dev", "ann", document(all))).both(role(
            "production",
            "deploy",
            trust(asks),
            None,
        ))
    };
    let begin = may("sts:GetFederationToken", "*");
    judge(vec![
        ("a session", ann(&[begin]), "dev", "production", "conditional"),
        ("the user itself", ann(&[]), "dev", "production", "isolated"),
    ]);
}

/// Two that somebody got into do together what neither does alone.
#[test]
fn what_one_writes_or_makes_another_one_gives() {
    let own = |kind: &str, name: &str| format!("arn:aws:iam::222222222222:{kind}/{name}");
    let two = |first: Vec<Json>, second: Json| {
        let other = role("shared", "low2", by("dev", "ci"), Some(document(vec![second])));
        in_between(first).both(other)
    };
    let attach = |policies: &str| {
        json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*",
            "Condition": {"ArnLike": {"iam:PolicyARN": own("policy", policies)}}})
    };
    let user =
        || vec![may("iam:CreateUser", &own("user", "new-*")), may("iam:CreateAccessKey", "*")];
    judge(vec![
        (
            "a policy",
            two(vec![may("iam:CreatePolicy", "*")], attach("team/*")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a policy of another name",
            two(vec![may("iam:CreatePolicy", &own("policy", "a/*"))], attach("b/*")),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a role",
            two(vec![may("iam:CreateRole", "*")], may("iam:PutRolePolicy", &own("role", "new-*"))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a role of another name",
            two(
                vec![may("iam:CreateRole", &own("role", "a-*"))],
                may("iam:PutRolePolicy", &own("role", "b-*")),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a user, and a group",
            two(user(), may("iam:AddUserToGroup", OPS)).both(ops(reads_buckets())),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

/// IAM User Guide, "Permissions boundaries for IAM entities", "Delegating responsibility to others using permissions
/// boundaries": whoever delegates denies changes of the boundary for this reason.
#[test]
fn a_boundary_whose_text_the_maker_decides_binds_nobody() {
    let new = "arn:aws:iam::222222222222:role/new/*";
    let bound = policy_arn("bound");
    let only = |names: &str| {
        scp(
            "delegated",
            "shared",
            json!({"Effect": "Deny", "Action": ["iam:CreateRole", "iam:CreateUser"], "Resource": "*",
                "Condition": {"ArnNotLike": {"iam:PermissionsBoundary": names}}}),
        )
    };
    // What production lets in: whoever of shared reads objects, which the boundary leaves out.
    let estate = |more: Vec<Json>, names: &str, stands: bool| {
        let mut low = vec![may("iam:CreateRole", new), may("iam:PutRolePolicy", new)];
        low.extend(more);
        let fixture = in_between(low).both(only(names));
        let leaves = document(vec![may("ec2:DescribeRegions", "*")]);
        if stands { fixture.both(managed("shared", "bound", leaves)) } else { fixture }
    };
    let on = |action: &str| may(action, &bound);
    let remade = || vec![on("iam:DeletePolicy"), on("iam:CreatePolicy")];
    let worn = |fixture: Fixture| {
        let other = role("shared", "other", by("shared", "nobody"), None);
        fixture.both(with(other, "managed_policies", json!([bound])))
    };
    let worn_as_boundary = |fixture: Fixture| {
        let other = role("shared", "other", by("shared", "nobody"), None);
        fixture.both(with(other, "permissions_boundary", json!(bound)))
    };
    let detach = || {
        let mut all = remade();
        all.push(may("iam:DetachRolePolicy", "arn:aws:iam::222222222222:role/other"));
        all
    };
    let power_user = "arn:aws:iam::aws:policy/PowerUserAccess";
    let cases = [
        ("nothing more", estate(vec![], &bound, true), "isolated"),
        ("another version", estate(vec![on("iam:CreatePolicyVersion")], &bound, true), "reachable"),
        ("an old one", estate(vec![on("iam:SetDefaultPolicyVersion")], &bound, true), "reachable"),
        ("deleted and made again", estate(remade(), &bound, true), "reachable"),
        ("deleted alone", estate(vec![on("iam:DeletePolicy")], &bound, true), "isolated"),
        ("it stands already", estate(vec![on("iam:CreatePolicy")], &bound, true), "isolated"),
        ("it is not there yet", estate(vec![on("iam:CreatePolicy")], &bound, false), "reachable"),
        ("nor may it be made", estate(vec![], &bound, false), "isolated"),
        (
            "in any account",
            estate(vec![on("iam:CreatePolicy")], "arn:aws:iam::*:policy/bound", false),
            "reachable",
        ),
        (
            "one of those names",
            estate(vec![may("iam:CreatePolicy", "*")], &policy_arn("bound*"), true),
            "reachable",
        ),
        ("of those names none", estate(vec![], &policy_arn("bound*"), true), "isolated"),
        ("somebody has it", worn(estate(remade(), &bound, true)), "isolated"),
        ("who gives it back", worn(estate(detach(), &bound, true)), "reachable"),
        ("it binds somebody", worn_as_boundary(estate(remade(), &bound, true)), "isolated"),
        (
            "taken off again",
            estate(vec![may("iam:DeleteRolePermissionsBoundary", new)], &bound, true),
            "reachable",
        ),
        (
            "swapped for another one",
            estate(vec![may("iam:PutRolePermissionsBoundary", new)], &bound, true),
            "reachable",
        ),
        (
            "swapped for itself",
            estate(
                vec![
                    json!({"Effect": "Allow", "Action": "iam:PutRolePermissionsBoundary", "Resource": new,
                    "Condition": {"ArnEquals": {"iam:PermissionsBoundary": bound}}}),
                ],
                &bound,
                true,
            ),
            "isolated",
        ),
        ("one of AWS's that leaves it", estate(vec![], power_user, true), "reachable"),
        (
            "one of AWS's that does not",
            estate(vec![], "arn:aws:iam::aws:policy/AmazonSQSFullAccess", true),
            "undetermined",
        ),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}

/// What takes several of those who got in.
#[test]
fn one_deletes_a_policy_and_another_one_makes_it_again() {
    let bound = policy_arn("bound");
    let new = "arn:aws:iam::222222222222:role/new";
    let create = json!({"Effect": "Allow", "Action": "iam:CreateRole", "Resource": new,
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": bound}}});
    let low =
        |name: &str, own: Vec<Json>| role("shared", name, by("dev", "ci"), Some(document(own)));
    let all = |second: Vec<Json>| {
        in_between(vec![
            create.clone(),
            may("iam:PutRolePolicy", new),
            may("iam:CreatePolicy", &bound),
        ])
        .both(low("second", second))
        .both(managed("shared", "bound", document(vec![may("ec2:DescribeRegions", "*")])))
    };
    judge(vec![
        ("both", all(vec![may("iam:DeletePolicy", &bound)]), "dev", "production", "reachable"),
        (
            "another",
            all(vec![may("iam:DeletePolicy", &policy_arn("x"))]),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}
