//! What a right does not reach: other accounts, AWS's own policies, services that act for somebody else. And what it does,
//! once its holder has tagged what it acts on.

use super::escalation::{
    HOP, LOW, by_service, denied, document, foothold, managed, may, on_machine, policy_arn,
};
use super::hunt::{judge, with};
use super::power::{ASSUME, statements};
use super::*;

const YES: &str = "reachable";
const NO: &str = "isolated";

type Case = (&'static str, Fixture, &'static str, &'static str, &'static str);

fn case(name: &'static str, fixture: Fixture, expected: &'static str) -> Case {
    (name, fixture, "dev", "production", expected)
}

#[test]
fn what_runs_under_a_role_lies_in_the_role_s_account() {
    let on = |service: &str, action: &str, resource: &str| {
        foothold(
            document(vec![may(action, resource)]),
            by_service(&format!("{service}.amazonaws.com")),
        )
    };
    let both = |action: &str, resource: &str| {
        foothold(
            document(vec![may("iam:PassRole", HOP), may(action, resource)]),
            by_service("lambda.amazonaws.com"),
        )
    };
    let function = "arn:aws:lambda:*:333333333333:function:*";
    let own = "arn:aws:lambda:*:222222222222:function:*";
    judge(vec![
        case(
            "another account's functions",
            on("lambda", "lambda:UpdateFunctionCode", function),
            NO,
        ),
        case("its own", on("lambda", "lambda:UpdateFunctionCode", own), YES),
        case(
            "its own, in a region",
            on(
                "lambda",
                "lambda:UpdateFunctionCode",
                "arn:aws:lambda:eu-west-1:222222222222:function:app-*",
            ),
            YES,
        ),
        case(
            "anybody's",
            on("lambda", "lambda:UpdateFunctionCode", "arn:aws:lambda:*:*:function:*"),
            YES,
        ),
        case(
            "anybody's but its own",
            foothold(
                document(vec![
                    may("lambda:UpdateFunctionCode", "*"),
                    denied("lambda:UpdateFunctionCode", "arn:aws:lambda:*:222222222222:*"),
                ]),
                by_service("lambda.amazonaws.com"),
            ),
            NO,
        ),
        case(
            "another account's machines",
            on("ec2", "ssm:SendCommand", "arn:aws:ec2:*:111111111111:instance/*"),
            NO,
        ),
        case("its own machines", on("ec2", "ssm:SendCommand", "arn:aws:*:*:222222222222:*"), YES),
        case(
            "another account's functions, to be made",
            both("lambda:CreateFunction", function),
            NO,
        ),
        case("its own, to be made", both("lambda:CreateFunction", own), YES),
        // No account stands in such an ARN.
        case(
            "what tells no account",
            on("apigateway", "apigateway:*", "arn:aws:apigateway:*::/*"),
            YES,
        ),
    ]);
    let cluster = |resource: &str| {
        foothold(
            document(vec![may("eks:*", resource)]),
            trust(json!({"Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn:aws:iam::222222222222:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB"}})),
        )
    };
    judge(vec![
        case("another account's clusters", cluster("arn:aws:eks:*:111111111111:cluster/*"), NO),
        case("its own clusters", cluster("arn:aws:eks:*:222222222222:cluster/*"), YES),
    ]);
}

#[test]
fn aws_alone_changes_its_own_policies() {
    let deny = "arn:aws:iam::aws:policy/AWSDenyAll";
    // What keeps the hop from production is attached to it; whoever may write policies is let in to make keys of nothing else.
    let held_by = |arn: &str, rights: Vec<Json>| {
        let hop = role("shared", "hop", by("shared", "low"), Some(statements(&[ASSUME])));
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(rights))))
            .both(with(hop, "managed_policies", json!([arn])))
            .both(managed("shared", "deny", document(vec![denied("*", "*")])))
            .both(with(
                managed("shared", "AWSDenyAll", document(vec![denied("*", "*")])),
                "arn",
                json!("arn:aws:iam::aws:policy/AWSDenyAll"),
            ))
            .both(role("production", "deploy", by("shared", "hop"), None))
    };
    let version = || vec![may("iam:CreatePolicyVersion", "*"), may("sts:AssumeRole", HOP)];
    let detach = || vec![may("iam:DetachRolePolicy", HOP), may("sts:AssumeRole", HOP)];
    judge(vec![
        case("a version of AWS's policy", held_by(deny, version()), NO),
        case("a version of the account's", held_by(&policy_arn("deny"), version()), YES),
        case("AWS's policy is detached", held_by(deny, detach()), YES),
        case("the account's is", held_by(&policy_arn("deny"), detach()), YES),
    ]);
}

#[test]
fn a_service_is_handed_a_role_for_the_role_s_own_account() {
    let asks = |service: &str, condition: Json| {
        trust(json!({"Principal": {"Service": service}, "Condition": condition}))
    };
    let account = |id: &str| json!({"StringEquals": {"aws:SourceAccount": id}});
    let arn = |of: &str| json!({"ArnLike": {"aws:SourceArn": of}});
    let passing = |trust: Json| {
        foothold(document(vec![may("iam:PassRole", HOP), may("lambda:CreateFunction", "*")]), trust)
    };
    let swapping =
        |trust: Json| foothold(document(vec![may("lambda:UpdateFunctionCode", "*")]), trust);
    let lambda = |condition: Json| asks("lambda.amazonaws.com", condition);
    judge(vec![
        case("for production", passing(lambda(account("333333333333"))), NO),
        case("for its own account", passing(lambda(account("222222222222"))), YES),
        case(
            "for something of production",
            passing(lambda(arn("arn:aws:lambda:*:333333333333:function:*"))),
            NO,
        ),
        case(
            "for something of its own",
            passing(lambda(arn("arn:aws:lambda:*:222222222222:function:*"))),
            YES,
        ),
        case(
            "for something of anybody",
            passing(lambda(arn("arn:aws:lambda:*:*:function:app"))),
            YES,
        ),
        case(
            "for an account that nobody here knows",
            passing(lambda(arn("arn:aws:lambda:*:555555555555:function:*"))),
            NO,
        ),
        case(
            "for a bucket, whose ARN tells no account",
            foothold(
                document(vec![
                    may("iam:PassRole", HOP),
                    may("s3:PutReplicationConfiguration", "*"),
                ]),
                asks("s3.amazonaws.com", arn("arn:aws:s3:::mine")),
            ),
            YES,
        ),
        case(
            "for another organization",
            passing(lambda(json!({"StringEquals": {"aws:SourceOrgID": "o-bbbbbbbbbb"}}))),
            NO,
        ),
        case(
            "for its own organization",
            passing(lambda(json!({"StringEquals": {"aws:SourceOrgID": "o-aaaaaaaaaa"}}))),
            YES,
        ),
        case("code is swapped, for production", swapping(lambda(account("333333333333"))), NO),
        case(
            "code is swapped, for its own account",
            swapping(lambda(account("222222222222"))),
            YES,
        ),
        case(
            "another service, for production",
            foothold(
                document(vec![may("iam:PassRole", HOP), may("ec2:RunInstances", "*")]),
                asks("ec2.amazonaws.com", account("333333333333")),
            ),
            NO,
        ),
    ]);
}

/// What is the same on both sides is no change, also where it is a right of somebody who is made or changed on the way.
#[test]
fn what_stands_is_not_called_widened() {
    let asks = |action: &str, condition: Json| json!({"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition});
    let from_vpc = || json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
    for own in [
        vec![
            may("iam:CreateUser", "*"),
            may("iam:PutUserPolicy", "*"),
            asks("iam:CreateAccessKey", from_vpc()),
        ],
        vec![asks("iam:CreateRole", from_vpc()), may("iam:PutRolePolicy", "*")],
        vec![may("iam:CreateRole", "*"), may("iam:PutRolePolicy", "*")],
    ] {
        let standing = Fixture::new()
            .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
            .both(role("shared", "low", by("dev", "ci"), Some(document(own.clone()))))
            .both(role(
                "production",
                "deploy",
                trust(json!({"Principal": {"AWS": "222222222222"}})),
                None,
            ));
        let section = standing.analyse();
        assert!(section.changes.is_empty(), "{own:?}: {:#?}", section.changes);
        let after = row(&section, "dev", "production").after;
        assert_ne!(after, WallVerdict::Isolated, "{own:?}: it is a way");
    }
}

/// A launch is permitted where it is for all that it touches: the image, the instance, its interface, group and subnet. The
/// role comes in a profile, which the call names.
#[test]
fn a_launch_is_permitted_for_all_that_it_touches() {
    let launching = |statements: Vec<Json>| {
        let all = [vec![may("iam:PassRole", HOP)], statements].concat();
        foothold(document(all), by_service("ec2.amazonaws.com"))
    };
    let launches = || may("ec2:RunInstances", "*");
    let denied = |resource: &str, condition: Json| json!({"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": resource, "Condition": condition});
    let instance = "arn:aws:ec2:*:*:instance/*";
    let but_small = json!({"StringNotEquals": {"ec2:InstanceType": "t3.micro"}});
    let with_profile =
        |resource: &str| denied(resource, json!({"Null": {"ec2:InstanceProfile": "false"}}));
    judge(vec![
        case("everything", launching(vec![launches()]), YES),
        case("instances alone", launching(vec![may("ec2:RunInstances", instance)]), NO),
        case("all but instances", launching(vec![launches(), denied(instance, json!({}))]), NO),
        case(
            "all but images",
            launching(vec![launches(), denied("arn:aws:ec2:*::image/*", json!({}))]),
            NO,
        ),
        case(
            "small instances alone",
            launching(vec![launches(), denied(instance, but_small)]),
            "conditional",
        ),
        case(
            "from one address",
            launching(vec![
                json!({"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}),
            ]),
            "conditional",
        ),
        case("none with a profile", launching(vec![launches(), with_profile("*")]), NO),
        case(
            "no key pair",
            launching(vec![launches(), denied("arn:aws:ec2:*:*:key-pair/*", json!({}))]),
            YES,
        ),
    ]);
}

/// Whoever may tag what a right acts on meets what the right asks of tags.
#[test]
fn tags_that_the_holder_may_set_are_no_condition() {
    let tagged = |action: &str, resource: &str| {
        json!({"Effect": "Allow", "Action": action, "Resource": resource,
            "Condition": {"StringEquals": {"aws:ResourceTag/open": "yes"}}})
    };
    let untagged = json!({"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "*",
        "Condition": {"Null": {"aws:ResourceTag/locked": "true"}}});
    let attached = |own: Vec<Json>| {
        let low = role("shared", "low", by("dev", "ci"), Some(document(own)));
        on_machine(Vec::new())
            .then(with(low, "managed_policies", json!([policy_arn("own")])))
            .both(managed("shared", "own", document(vec![may("iam:GetUser", "*")])))
    };
    let version = || tagged("iam:CreatePolicyVersion", "*");
    let only_no = json!({"Effect": "Allow", "Action": "iam:TagPolicy", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/open": "no"}}});
    let federated = |own: Vec<Json>| {
        foothold(
            document(own),
            trust(json!({"Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": "arn:aws:iam::222222222222:saml-provider/idp"}})),
        )
    };
    let saml = || tagged("iam:UpdateSAMLProvider", "*");
    let code = |own: Vec<Json>| foothold(document(own), by_service("lambda.amazonaws.com"));
    let some = "conditional";
    judge(vec![
        case("a policy", attached(vec![version(), may("iam:TagPolicy", "*")]), YES),
        case("a policy, by nobody", attached(vec![version()]), some),
        case("a policy, with another value", attached(vec![version(), only_no]), some),
        case(
            "another policy",
            attached(vec![version(), may("iam:TagPolicy", &policy_arn("other"))]),
            some,
        ),
        case("another kind", attached(vec![version(), may("iam:TagRole", "*")]), some),
        case(
            "a tag that is taken away",
            attached(vec![untagged.clone(), may("iam:UntagPolicy", "*")]),
            YES,
        ),
        case(
            "a role",
            on_machine(vec![tagged("iam:PutRolePolicy", LOW), may("iam:TagRole", LOW)]),
            YES,
        ),
        case(
            "a provider of identities",
            federated(vec![saml(), may("iam:TagSAMLProvider", "*")]),
            YES,
        ),
        case("a provider of identities, by nobody", federated(vec![saml()]), some),
        case(
            "a function",
            code(vec![tagged("lambda:UpdateFunctionCode", "*"), may("lambda:TagResource", "*")]),
            YES,
        ),
        case("a function, by nobody", code(vec![tagged("lambda:UpdateFunctionCode", "*")]), some),
    ]);
}

/// A role whose trust can be rewritten is assumed with whatever tags one likes, and hands them on (IAM User Guide, "Pass
/// session tags in AWS STS", "Chaining roles with session tags").
#[test]
fn tags_of_a_session_that_anybody_may_begin_are_handed_on() {
    let arn = |name: &str| format!("arn:aws:iam::222222222222:role/{name}");
    let project = || json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["project"]}});
    // Both actions, tags only under this condition.
    let passing = |from: &str, condition: Option<Json>| {
        let whom = json!({"AWS": arn(from)});
        let mut tagging = json!({"Effect": "Allow", "Principal": whom, "Action": "sts:TagSession"});
        if let Some(condition) = condition {
            tagging["Condition"] = condition;
        }
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": whom, "Action": "sts:AssumeRole"}, tagging]})
    };
    let holding = |name: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": arn(name)}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "ops"}}}]});
        let attrs = json!({"bucket": "data", "policy": policy, "block_public_access": {}});
        object("s3_bucket", Some("production"), "data", attrs)
    };
    let reads = || Some(statements(&[ASSUME, ("sts:TagSession", "*"), ("s3:*", "*")]));
    let estate = |rights: &str, heir: Json| {
        let own = document(vec![may(rights, &arn("first")), may("sts:*", "*")]);
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(own)))
            .both(role(
                "shared",
                "first",
                by_service("ec2.amazonaws.com"),
                Some(statements(&[ASSUME, ("sts:TagSession", "*")])),
            ))
            .both(role("shared", "second", heir, reads()))
    };
    let rewriting = |heir| estate("iam:UpdateAssumeRolePolicy", heir);
    let third = || role("shared", "third", passing("second", Some(project())), reads());
    let untagged = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn("first")}, "Action": "sts:AssumeRole"}]});
    judge(vec![
        case(
            "to the next role",
            rewriting(passing("first", Some(project()))).both(holding("second")),
            YES,
        ),
        case(
            "without a limit",
            rewriting(passing("first", None)).both(holding("second")),
            "conditional",
        ),
        case(
            "and on",
            rewriting(passing("first", Some(project()))).both(third()).both(holding("third")),
            YES,
        ),
        case(
            "by nobody",
            estate("iam:GetRole", passing("first", Some(project()))).both(holding("second")),
            NO,
        ),
        case("to none that takes no tags", rewriting(untagged).both(holding("second")), NO),
    ]);
}

/// Where the cluster or the pool lies whose identities a role lets in, nobody has read.
#[test]
fn whoever_issues_identities_may_lie_in_any_account() {
    use super::super::section::AssumptionKind;
    let open = |provider: &str| {
        let trusting = json!({"Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"});
        Fixture::new().both(lambda("dev", "ci", statements(&[ASSUME]))).both(role(
            "production",
            "pod",
            trust(trusting),
            None,
        ))
    };
    let rests = |fixture: &Fixture, from: &str, to: &str| -> Vec<String> {
        let section = fixture.analyse();
        let row = row(&section, from, to);
        assert_eq!(row.after, WallVerdict::Isolated, "{from} -> {to}");
        let kinds = row.assumptions.iter().filter(|a| a.kind == AssumptionKind::IdentityIssuers);
        kinds.flat_map(|assumption| assumption.objects.clone()).collect()
    };
    let eks = "arn:aws:iam::333333333333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB";
    for provider in [
        eks,
        "arn:aws:iam::333333333333:oidc-provider/oidc-eks.eu-west-1.api.aws/id/AB",
        "arn:aws:iam::333333333333:oidc-provider/cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AB",
        "arn:aws:iam::333333333333:oidc-provider/keys.s3.eu-west-1.amazonaws.com",
        "cognito-identity.amazonaws.com",
        "cognito-identity-us-gov.amazonaws.com",
    ] {
        let fixture = open(provider);
        assert_eq!(rests(&fixture, "dev", "production"), ["iam_role.pod@production"], "{provider}");
        assert_eq!(rests(&fixture, "$unassigned", "production"), ["iam_role.pod@production"]);
        assert_eq!(rests(&fixture, "production", "dev"), [""; 0]);
    }
    let github = "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com";
    assert_eq!(rests(&open(github), "dev", "production"), [""; 0], "GitHub is nobody's account");
    // By way of a role in between.
    let relay = json!({"Principal": {"Federated": "arn:aws:iam::222222222222:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB"},
        "Action": "sts:AssumeRoleWithWebIdentity"});
    let chained = Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "relay", trust(relay), Some(statements(&[ASSUME]))))
        .both(role("production", "deploy", by("shared", "relay"), None));
    assert_eq!(rests(&chained, "dev", "production"), ["iam_role.relay@shared"]);
}

/// Systems Manager User Guide, "Restricting Run Command access based on tags"; Service Authorization Reference, `AttachVolume`
/// (volume and instance), `StartSession`.
#[test]
fn an_action_upon_several_things_takes_a_right_to_each() {
    let node = "arn:aws:ec2:*:*:instance/*";
    let run = |more: Vec<Json>| on_machine(more);
    let on = |action: &str, all: &[&str]| run(all.iter().map(|arn| may(action, arn)).collect());
    let shell = "arn:aws:ssm:*::document/AWS-RunShellScript";
    let update = "arn:aws:ssm:*:*:document/AWS-UpdateSSMAgent";
    let (send, attach, session) = ("ssm:SendCommand", "ec2:AttachVolume", "ssm:StartSession");
    judge(vec![
        case("a document alone", on(send, &["arn:aws:ssm:*:*:document/*"]), NO),
        case("a machine alone", on(send, &[node]), NO),
        case("both", on(send, &["arn:aws:ssm:*:*:document/*", node]), YES),
        case("a script of AWS's", on(send, &[shell, node]), YES),
        case("a document that does one thing", on(send, &[update, node]), NO),
        case("a managed node", on(send, &[shell, "arn:aws:ssm:*:*:managed-instance/*"]), YES),
        case("a volume alone", on(attach, &["arn:aws:ec2:*:*:volume/*"]), NO),
        case("a session's document", on(session, &["arn:aws:ssm:*:*:document/*"]), NO),
        case("a session", on(session, &[node]), YES),
    ]);
}
