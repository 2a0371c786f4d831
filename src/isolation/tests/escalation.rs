//! What somebody who got into an account in between makes of it: every rule of the closure of power, alone and in
//! chains, and the bounds that nobody there can lift.

use super::hunt::{judge, scp, user, with};
use super::power::{ASSUME, statements};
use super::*;

pub(super) const LOW: &str = "arn:aws:iam::222222222222:role/low";
pub(super) const HOP: &str = "arn:aws:iam::222222222222:role/hop";

pub(super) fn document(all: Vec<Json>) -> Json {
    json!({"Version": "2012-10-17", "Statement": all})
}

pub(super) fn may(action: &str, resource: &str) -> Json {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

pub(super) fn denied(action: &str, resource: &str) -> Json {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

pub(super) fn by_service(name: &str) -> Json {
    trust(json!({"Principal": {"Service": name}}))
}

/// Dev's `ci` is shared's `low`, which has these policies; shared's `hop` is what production lets in.
pub(super) fn foothold(low: Json, hop: Json) -> Fixture {
    Fixture::new()
        .both(lambda("dev", "ci", statements(&[ASSUME])))
        .both(role("shared", "low", by("dev", "ci"), Some(low)))
        .both(role("shared", "hop", hop, Some(statements(&[ASSUME]))))
        .both(role("production", "deploy", by("shared", "hop"), None))
}

/// The same with a hop that a machine alone is.
pub(super) fn on_machine(low: Vec<Json>) -> Fixture {
    foothold(document(low), by_service("ec2.amazonaws.com"))
}

pub(super) fn managed(account: &str, name: &str, content: Json) -> SideObject {
    let arn = format!("arn:aws:iam::{}:policy/{name}", id_of(account));
    object("iam_policy", Some(account), name, json!({"arn": arn, "content": content}))
}

pub(super) fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::222222222222:policy/{name}")
}

#[test]
fn rights_are_granted_and_then_used() {
    let rewrite = || may("iam:UpdateAssumeRolePolicy", HOP);
    judge(vec![
        (
            "the own policy is written",
            on_machine(vec![may("iam:PutRolePolicy", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a neighbour's is",
            on_machine(vec![may("iam:PutRolePolicy", HOP)]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "everything is attached",
            on_machine(vec![may("iam:AttachRolePolicy", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "nothing but reading is attached",
            on_machine(vec![
                json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": LOW,
            "Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}}),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "what the account has is attached",
            on_machine(vec![
                json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": LOW,
            "Condition": {"ArnEquals": {"iam:PolicyARN": policy_arn("trusts")}}}),
            ])
            .both(managed("shared", "trusts", document(vec![rewrite()]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "an attached policy has another version",
            on_machine(vec![may("iam:CreatePolicyVersion", &policy_arn("low"))])
                .then(with(
                    role(
                        "shared",
                        "low",
                        by("dev", "ci"),
                        Some(document(vec![may("iam:CreatePolicyVersion", &policy_arn("low"))])),
                    ),
                    "managed_policies",
                    json!([policy_arn("low")]),
                ))
                .both(managed("shared", "low", document(vec![may("s3:ListAllMyBuckets", "*")]))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "SCPs bound what is granted",
            on_machine(vec![may("iam:PutRolePolicy", LOW)]).both(scp(
                "keep",
                "shared",
                json!({"Effect": "Deny", "Resource": "*",
                    "NotAction": ["iam:PutRolePolicy", "sts:AssumeRole", "s3:*"]}),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "an SCP that denies the granting itself",
            on_machine(vec![may("iam:PutRolePolicy", LOW)]).both(scp(
                "keep",
                "shared",
                denied("iam:*", "*"),
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a third one is permitted by a second",
            foothold(
                document(vec![may(
                    "iam:UpdateAssumeRolePolicy",
                    "arn:aws:iam::222222222222:role/second",
                )]),
                by_service("ec2.amazonaws.com"),
            )
            .both(role(
                "shared",
                "second",
                by_service("ec2.amazonaws.com"),
                Some(document(vec![
                    may("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/third"),
                    may("sts:AssumeRole", "*"),
                ])),
            ))
            .both(role("shared", "third", by("shared", "second"), None)),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

#[test]
fn what_may_be_removed_bounds_nothing() {
    let low = |own: Vec<Json>| role("shared", "low", by("dev", "ci"), Some(document(own)));
    let denying =
        || managed("shared", "deny", document(vec![denied("iam:UpdateAssumeRolePolicy", "*")]));
    let attached = |own: Vec<Json>| {
        on_machine(Vec::new())
            .then(with(low(own), "managed_policies", json!([policy_arn("deny")])))
            .both(denying())
    };
    let rewrite = || may("iam:UpdateAssumeRolePolicy", HOP);
    let bounded = |own: Vec<Json>| {
        on_machine(Vec::new())
            .then(with(low(own), "permissions_boundary", json!(policy_arn("bound"))))
            .both(managed("shared", "bound", document(vec![json!({"Effect": "Allow", "NotAction": "iam:UpdateAssumeRolePolicy", "Resource": "*"})])))
    };
    let must_follow = || {
        let create = || {
            json!({"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": policy_arn("delegated")}}})
        };
        let put = || may("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/new");
        let bound = document(vec![may("s3:*", "*"), create(), put()]);
        on_machine(vec![create(), put()]).both(managed("shared", "delegated", bound))
    };
    judge(vec![
        ("a Deny that stays", attached(vec![rewrite()]), "dev", "production", "isolated"),
        (
            "a Deny that is detached",
            attached(vec![rewrite(), may("iam:DetachRolePolicy", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a Deny of which another version is made",
            attached(vec![rewrite(), may("iam:CreatePolicyVersion", &policy_arn("deny"))]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a Deny that goes with what it stands beside",
            on_machine(vec![
                rewrite(),
                denied("iam:UpdateAssumeRolePolicy", "*"),
                may("iam:DeleteRolePolicy", LOW),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a Deny that is written over",
            on_machine(vec![
                rewrite(),
                denied("iam:UpdateAssumeRolePolicy", "*"),
                may("iam:PutRolePolicy", LOW),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        ("a boundary that stays", bounded(vec![rewrite()]), "dev", "production", "isolated"),
        (
            "a boundary that is taken away",
            bounded(vec![rewrite(), may("iam:DeleteRolePermissionsBoundary", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a boundary that is swapped",
            bounded(vec![rewrite(), may("iam:PutRolePermissionsBoundary", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a boundary that is swapped for itself alone",
            bounded(vec![
                rewrite(),
                json!({"Effect": "Allow", "Action": "iam:PutRolePermissionsBoundary", "Resource": LOW,
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": policy_arn("bound")}}}),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a boundary of which another version is made",
            bounded(vec![rewrite(), may("iam:CreatePolicyVersion", &policy_arn("bound"))]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a boundary that does not follow",
            bounded(vec![
                may("iam:CreateRole", "*"),
                may("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/new"),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        ("a boundary that must follow", must_follow(), "dev", "production", "isolated"),
    ]);
}

#[test]
fn principals_are_made_and_credentials_given() {
    let let_in = || {
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(super::power::lets_in_all_of_shared())
    };
    let low = |own: Vec<Json>| role("shared", "low", by("dev", "ci"), Some(document(own)));
    let new = "arn:aws:iam::222222222222:user/new";
    let user_arn = "arn:aws:iam::222222222222:user/op";
    let op = || user("shared", "op", document(vec![may("iam:UpdateAssumeRolePolicy", HOP)]));
    judge(vec![
        (
            "a user with a key",
            let_in().both(low(vec![
                may("iam:CreateUser", new),
                may("iam:CreateAccessKey", new),
                may("iam:AttachUserPolicy", new),
            ])),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a user without",
            let_in().both(low(vec![may("iam:CreateUser", new), may("iam:AttachUserPolicy", new)])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a user in a group that is written",
            let_in().both(low(vec![
                may("iam:CreateUser", new),
                may("iam:CreateLoginProfile", new),
                may("iam:AddUserToGroup", "*"),
                may("iam:CreateGroup", "*"),
                may("iam:PutGroupPolicy", "*"),
            ])),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a key of somebody with power",
            on_machine(vec![may("iam:CreateAccessKey", user_arn)]).both(op()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a login of somebody with power",
            on_machine(vec![may("iam:UpdateLoginProfile", user_arn)]).both(op()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a key of somebody else",
            on_machine(vec![may("iam:CreateAccessKey", "arn:aws:iam::222222222222:user/other")])
                .both(op()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a provider of SAML",
            foothold(
                document(vec![may("iam:UpdateSAMLProvider", "*")]),
                trust(json!({"Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": "arn:aws:iam::222222222222:saml-provider/idp"}, "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}})),
            ),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another provider of SAML",
            foothold(
                document(vec![may(
                    "iam:UpdateSAMLProvider",
                    "arn:aws:iam::222222222222:saml-provider/other",
                )]),
                trust(json!({"Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": "arn:aws:iam::222222222222:saml-provider/idp"}, "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}})),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a trust of AWS's own",
            foothold(
                document(vec![may("iam:*", "arn:aws:iam::222222222222:role/aws-reserved/*")]),
                by_service("ec2.amazonaws.com"),
            ),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn tags_are_given_where_a_neighbour_asks_for_them() {
    let tagged = |condition: Json| {
        trust(json!({"Principal": {"AWS": "222222222222"}, "Condition": condition}))
    };
    let of_caller = || tagged(json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}}));
    let of_role = |own: Vec<Json>| {
        let mut own = own;
        own.push(json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/open": "yes"}}}));
        foothold(document(own), tagged(json!({})))
    };
    judge(vec![
        (
            "its own tags",
            foothold(
                document(vec![may("iam:TagRole", LOW), may("sts:AssumeRole", HOP)]),
                of_caller(),
            ),
            "dev",
            "production",
            "reachable",
        ),
        (
            "no tags",
            foothold(document(vec![may("sts:AssumeRole", HOP)]), of_caller()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "another one's tags",
            foothold(
                document(vec![may("iam:TagRole", HOP), may("sts:AssumeRole", HOP)]),
                of_caller(),
            ),
            "dev",
            "production",
            "isolated",
        ),
        (
            "tags of the role that is assumed",
            of_role(vec![may("iam:TagRole", HOP)]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "which nobody gives",
            of_role(vec![may("iam:TagRole", LOW)]),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn the_management_account_is_an_account_like_any_other_and_more() {
    let management = |own: Vec<Json>| {
        Fixture::new()
            .account("management", "999999999999")
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("management", "ops", by("dev", "ci"), Some(document(own))))
            .both(role("production", "deploy", by("production", "nobody"), None))
    };
    let ops = "arn:aws:iam::999999999999:role/ops";
    let lock =
        || scp("lock", "shared", denied("sts:AssumeRole", "arn:aws:iam::333333333333:role/*"));
    let inside = |own: Vec<Json>| {
        let mut own = own;
        own.push(may("sts:AssumeRole", "*"));
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(role("shared", "low", by("dev", "ci"), Some(document(own))))
            .both(role("production", "deploy", by("shared", "low"), None))
            .both(lock())
    };
    judge(vec![
        (
            "root of a member",
            management(vec![may("sts:AssumeRoot", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "stacks in members",
            management(vec![
                may("cloudformation:CreateStackSet", "*"),
                may("cloudformation:CreateStackInstances", "*"),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a stack set without stacks",
            management(vec![may("cloudformation:CreateStackSet", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a stack of its own account",
            management(vec![may("cloudformation:CreateStack", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a permission set for somebody",
            management(vec![may("sso:CreateAccountAssignment", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a permission set that permits more",
            management(vec![
                may("sso:PutInlinePolicyToPermissionSet", "*"),
                may("sso:ProvisionPermissionSet", "*"),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a permission set that is not provisioned",
            management(vec![may("sso:PutInlinePolicyToPermissionSet", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "the token by which a directory writes users and groups",
            management(vec![may("sso-directory:CreateBearerToken", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a certificate that signs who somebody is",
            management(vec![may("sso-directory:ImportExternalIdPCertificate", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another provider that says who somebody is",
            management(vec![
                may("sso-directory:CreateExternalIdPConfigurationForDirectory", "*"),
                may("sso-directory:EnableExternalIdPConfigurationForDirectory", "*"),
            ]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "another provider that is not enabled",
            management(vec![may("sso-directory:CreateExternalIdPConfigurationForDirectory", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "looking at the directory",
            management(vec![may("sso-directory:List*", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "permission sets from a member",
            inside(vec![may("sso:CreateAccountAssignment", "*")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "root that only looks",
            management(vec![
                json!({"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*", "Condition":
            {"ArnEquals": {"sts:TaskPolicyArn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}}),
            ]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "root of another one",
            management(vec![may("sts:AssumeRoot", "arn:aws:iam::222222222222:root")]),
            "dev",
            "production",
            "isolated",
        ),
        (
            "root, once it is granted",
            management(vec![may("iam:PutRolePolicy", ops)]),
            "dev",
            "production",
            "reachable",
        ),
        ("a guardrail", inside(vec![]), "dev", "production", "isolated"),
        (
            "an invitation of another organization",
            inside(vec![may("organizations:AcceptHandshake", "*")]),
            "dev",
            "production",
            "reachable",
        ),
        (
            "leaving, once it is granted",
            inside(vec![may("iam:PutRolePolicy", LOW)]),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}

/// Ways to run code under a role: the service that it trusts, and the rights that are taken.
const WAYS: [(&str, &[&str]); 34] = [
    (
        "ecs-tasks.amazonaws.com",
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:CreateService"],
    ),
    ("ecs-tasks.amazonaws.com", &["iam:PassRole", "ecs:RunTask"]),
    ("ecs-tasks.amazonaws.com", &["ecs:ExecuteCommand"]),
    ("sagemaker.amazonaws.com", &["iam:PassRole", "sagemaker:CreateTrainingJob"]),
    ("sagemaker.amazonaws.com", &["iam:PassRole", "sagemaker:CreateNotebookInstance"]),
    ("sagemaker.amazonaws.com", &["sagemaker:UpdateNotebookInstance"]),
    ("tasks.apprunner.amazonaws.com", &["iam:PassRole", "apprunner:CreateService"]),
    ("tasks.apprunner.amazonaws.com", &["apprunner:UpdateService"]),
    ("rolesanywhere.amazonaws.com", &["iam:PassRole", "rolesanywhere:CreateProfile"]),
    (
        "cloudformation.amazonaws.com",
        &["iam:PassRole", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
    ),
    (
        "cloudformation.amazonaws.com",
        &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
    ),
    (
        "cloudformation.amazonaws.com",
        &["iam:PassRole", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"],
    ),
    ("cloudformation.amazonaws.com", &["cloudformation:UpdateStack"]),
    ("ec2.amazonaws.com", &["iam:PassRole", "ec2:AssociateIamInstanceProfile"]),
    ("ec2.amazonaws.com", &["iam:PassRole", "ec2:RequestSpotInstances"]),
    ("ec2.amazonaws.com", &["iam:PassRole", "autoscaling:CreateLaunchConfiguration"]),
    ("ec2.amazonaws.com", &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"]),
    ("ec2.amazonaws.com", &["ssm:StartSession"]),
    ("ec2.amazonaws.com", &["ssm:SendCommand"]),
    ("glue.amazonaws.com", &["iam:PassRole", "glue:UpdateJob", "glue:StartJobRun"]),
    ("glue.amazonaws.com", &["iam:PassRole", "glue:CreateDevEndpoint"]),
    ("glue.amazonaws.com", &["glue:UpdateDevEndpoint"]),
    (
        "codebuild.amazonaws.com",
        &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
    ),
    ("codebuild.amazonaws.com", &["codebuild:StartBuild"]),
    ("codebuild.amazonaws.com", &["codebuild:StartBuildBatch"]),
    (
        "datapipeline.amazonaws.com",
        &[
            "iam:PassRole",
            "datapipeline:CreatePipeline",
            "datapipeline:PutPipelineDefinition",
            "datapipeline:ActivatePipeline",
        ],
    ),
    (
        "bedrock-agentcore.amazonaws.com",
        &["iam:PassRole", "bedrock-agentcore:CreateCodeInterpreter"],
    ),
    (
        "bedrock-agentcore.amazonaws.com",
        &[
            "bedrock-agentcore:StartCodeInterpreterSession",
            "bedrock-agentcore:InvokeCodeInterpreter",
        ],
    ),
    ("lambda.amazonaws.com", &["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"]),
    ("lambda.amazonaws.com", &["lambda:UpdateFunctionCode"]),
    ("states.eu-west-1.amazonaws.com", &["iam:PassRole", "states:CreateStateMachine"]),
    ("pods.eks.amazonaws.com", &["iam:PassRole", "eks:CreatePodIdentityAssociation"]),
    ("scheduler.amazonaws.com", &["iam:PassRole", "scheduler:CreateSchedule"]),
    ("elasticmapreduce.amazonaws.com", &["iam:PassRole", "elasticmapreduce:RunJobFlow"]),
];

#[test]
fn code_runs_under_a_role_that_is_passed_or_swapped() {
    for (service, rights) in WAYS {
        let section = |rights: &[&str]| {
            let all = rights.iter().map(|right| may(right, "*")).collect();
            foothold(document(all), by_service(service)).analyse()
        };
        assert_eq!(
            after(&section(rights), "dev", "production"),
            "reachable",
            "{service} {rights:?}"
        );
        if rights.contains(&"iam:PassRole") {
            assert_eq!(
                after(&section(&["iam:PassRole"]), "dev", "production"),
                "isolated",
                "{service}"
            );
        }
        let elsewhere = foothold(
            document(rights.iter().map(|r| may(r, "*")).collect()),
            by_service("mediaconvert.amazonaws.com"),
        );
        assert_eq!(after(&elsewhere.analyse(), "dev", "production"), "isolated", "{rights:?}");
    }
}

/// Of a service that the data does not know, nobody can tell what it does with a role.
#[test]
fn a_role_for_an_unknown_service_is_not_closed_and_is_named() {
    let section = |rights: &[(&str, &str)]| {
        foothold(statements(rights), by_service("novel.amazonaws.com")).rule(Vec::new()).analyse()
    };
    let open = section(&[("iam:PassRole", "*")]);
    assert_eq!(after(&open, "dev", "production"), "undetermined");
    let told = serde_json::to_string(&open.violations).expect("JSON");
    assert!(told.contains("novel.amazonaws.com") && told.contains(HOP), "{told}");
    assert_eq!(after(&open, "$external", "production"), "isolated", "it is dev's way alone");
    assert_eq!(after(&section(&[("iam:GetRole", "*")]), "dev", "production"), "isolated");
    let proved = section(&[("iam:PassRole", "*"), ("iam:UpdateAssumeRolePolicy", "*")]);
    assert_eq!(after(&proved, "dev", "production"), "reachable");
}

/// What a witness names could exist: the ARN's form is the catalogue's, and the policy's where that says more.
#[test]
fn a_witness_of_a_right_over_whatever_there_is_names_a_whole_arn() {
    for (action, service, resource, expected) in [
        (
            "codebuild:StartBuild",
            "codebuild.amazonaws.com",
            "*",
            "arn:aws:codebuild:us-east-1:222222222222:project/any",
        ),
        (
            "lambda:UpdateFunctionCode",
            "lambda.amazonaws.com",
            "arn:aws:lambda:eu-west-1:*:function:app-*",
            "arn:aws:lambda:eu-west-1:222222222222:function:app-",
        ),
        (
            "ecs:ExecuteCommand",
            "ecs-tasks.amazonaws.com",
            "*",
            "arn:aws:ecs:us-east-1:222222222222:",
        ),
    ] {
        let section = foothold(document(vec![may(action, resource)]), by_service(service))
            .rule(Vec::new())
            .analyse();
        let path = section.violations.iter().find(|v| v.from.environment == "dev").expect("open");
        let witness = &path.witness.as_ref().expect("a witness").resource;
        assert!(witness.starts_with(expected), "{action}: {witness}");
    }
}

/// A member account that is made to administer others is the management account's equal there.
#[test]
fn who_may_delegate_administration_puts_what_it_likes_into_members() {
    let estate = |own: &str, ci: Vec<Json>| {
        let mut all = vec![may("sts:AssumeRole", "*")];
        all.extend(ci);
        Fixture::new()
            .account("management", "999999999999")
            .both(lambda("dev", "ci", document(all)))
            .both(role("management", "ops", by("dev", "ci"), Some(document(vec![may(own, "*")]))))
            .both(role("production", "deploy", by("production", "nobody"), None))
    };
    let stacks = || {
        ["cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"]
            .into_iter()
            .map(|action| may(action, "*"))
            .collect::<Vec<Json>>()
    };
    let delegate = "organizations:RegisterDelegatedAdministrator";
    let of_one = || {
        let mut fixture = estate("organizations:ListAccounts", stacks());
        let right = json!({"Effect": "Allow", "Action": delegate, "Resource": "*",
            "Condition": {"StringEquals": {"organizations:ServicePrincipal": "sso.amazonaws.com"}}});
        fixture =
            fixture.then(role("management", "ops", by("dev", "ci"), Some(document(vec![right]))));
        fixture
    };
    let case = |name, fixture, expected| (name, fixture, "dev", "production", expected);
    judge(vec![
        case("stack sets", estate(delegate, stacks()), "reachable"),
        case(
            "Identity Center",
            estate(delegate, vec![may("sso:CreateAccountAssignment", "*")]),
            "reachable",
        ),
        case("as root", estate(delegate, vec![may("sts:AssumeRoot", "*")]), "reachable"),
        case("by nobody there", estate(delegate, Vec::new()), "isolated"),
        case(
            "by somebody there who takes no step",
            estate(delegate, Vec::new()).both(role(
                "dev",
                "admin",
                by_service("ec2.amazonaws.com"),
                Some(document(stacks())),
            )),
            "reachable",
        ),
        case(
            "by who acts there for the management account",
            estate(delegate, Vec::new()).both(role(
                "dev",
                "access",
                trust(json!({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}})),
                Some(document(stacks())),
            )),
            "isolated",
        ),
        case("not delegated", estate("organizations:ListAccounts", stacks()), "isolated"),
        case("for one service", of_one(), "conditional"),
        case(
            "held by a guardrail",
            estate(delegate, stacks()).both(scp(
                "no-stacks",
                "dev",
                denied("cloudformation:*", "*"),
            )),
            "isolated",
        ),
    ]);
}
