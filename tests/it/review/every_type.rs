//! Every type of Terraform's AWS provider that can grant access, from the table itself: access within the own account opens
//! nothing, and everything else that is not judged is reported.

use palisade::engine::review::ReviewOutcome;
use palisade::isolation::WallVerdict::{self, Conditional, Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{
    Change, DEV, Lab, PRODUCTION, Plan, TOOLS, allow, document, lets_in, root, trust, wall,
};

const TYPES: &str = include_str!("../../../src/review/terraform/types.txt");

/// The types of one row kind, each with the argument that has the principal.
fn rows(bearing: &str) -> Vec<(&'static str, &'static str)> {
    let all = TYPES.lines().filter(|line| !line.starts_with('#'));
    let split = all.filter_map(|row| row.split_once(' '));
    split
        .filter_map(|(name, what)| {
            let (what, attr) = what.split_once(' ').unwrap_or((what, ""));
            (what == bearing).then_some((name, attr))
        })
        .collect()
}

fn address(name: &str) -> &'static str {
    Box::leak(format!("aws_{name}.t").into_boxed_str())
}

/// The argument with the policy of a type.
fn policy_of(name: &str) -> &'static str {
    match name {
        "elasticsearch_domain"
        | "elasticsearch_domain_policy"
        | "opensearch_domain"
        | "opensearch_domain_policy" => "access_policies",
        "cloudsearch_domain_service_access_policy" | "glacier_vault" => "access_policy",
        "cloudwatch_log_destination_policy" => "access_policy",
        "cloudwatch_log_resource_policy"
        | "codeartifact_domain_permissions_policy"
        | "codeartifact_repository_permissions_policy"
        | "prometheus_resource_policy"
        | "xray_resource_policy" => "policy_document",
        "s3tables_table_bucket_policy"
        | "s3tables_table_policy"
        | "sagemaker_model_package_group_policy" => "resource_policy",
        _ => "policy",
    }
}

/// `builder` has `*` on `*`.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.edit_role(DEV, "builder", |builder| {
        builder["RolePolicyList"][0]["PolicyDocument"] = document(json!([allow("*", "*")]));
    });
    lab
}

fn review(changes: Vec<Change>) -> ReviewOutcome {
    lab().plan(&Plan::new(changes)).review().expect("a review")
}

#[track_caller]
fn is(changes: Vec<Change>, expected: WallVerdict) -> ReviewOutcome {
    let outcome = review(changes);
    assert_eq!(wall(&outcome, "dev", "production").1, expected, "{:#?}", outcome.change);
    outcome
}

/// Each of these changes is reported as not judged, and the wall is undetermined.
#[track_caller]
fn all_are_reported(changes: Vec<Change>) {
    let addresses: Vec<&str> = changes.iter().map(|change| change.address).collect();
    let outcome = is(changes, Undetermined);
    let named = |address: &&str| {
        outcome.change.not_judged.iter().any(|why| why.contains(&format!("`{address}`")))
    };
    let missing: Vec<_> = addresses.into_iter().filter(|address| !named(address)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Types with a test of their own: the policy of an access point depends on the access point, and an API is open without a
/// policy.
const APART: [&str; 2] = ["s3control_access_point_policy", "api_gateway_rest_api"];

fn documents() -> Vec<&'static str> {
    let all = [rows("document"), rows("policy")].concat();
    all.into_iter().map(|(name, _)| name).filter(|name| !APART.contains(name)).collect()
}

#[test]
fn a_policy_that_stays_in_its_account_opens_nothing() {
    let with = |policy: Value| -> Vec<Change> {
        let one = |name| Change {
            address: address(name),
            after: json!({policy_of(name): policy.to_string()}),
            ..Change::default()
        };
        documents().into_iter().map(one).collect()
    };
    let closed = is(with(lets_in(&root(PRODUCTION), "*", "*")), Isolated);
    assert_eq!(closed.change.not_judged, Vec::<String>::new());
    assert!(closed.change.harmless >= 30, "{}", closed.change.harmless);
    let mut of_account = lets_in("*", "*", "*");
    of_account["Statement"][0]["Condition"] =
        json!({"StringEquals": {"aws:PrincipalAccount": PRODUCTION}});
    is(with(of_account.clone()), Isolated);
    all_are_reported(with(lets_in(&root(DEV), "*", "*")));
    all_are_reported(with(lets_in("*", "*", "*")));
    of_account["Statement"][0]["Condition"] =
        json!({"StringEquals": {"aws:PrincipalAccount": [PRODUCTION, DEV]}});
    all_are_reported(with(of_account));
    let later = documents().into_iter().map(|name| Change {
        address: address(name),
        after: json!({}),
        unknown: json!({policy_of(name): true}),
        expressions: json!({policy_of(name): {"references": ["aws_iam_role.r.arn", "aws_iam_role.r"]}}),
        ..Change::default()
    });
    all_are_reported(later.collect());
    // Deleting a policy removes access, except for a file system, which is then open to its network.
    let gone = |name| Change {
        address: address(name),
        actions: &["delete"],
        before: json!({"arn": format!("arn:aws:x:us-east-1:{PRODUCTION}:y"), policy_of(name): lets_in("*", "*", "*").to_string()}),
        ..Change::default()
    };
    let (network, others): (Vec<_>, Vec<_>) =
        documents().into_iter().partition(|name| *name == "efs_file_system_policy");
    is(others.into_iter().map(gone).collect(), Isolated);
    all_are_reported(network.into_iter().map(gone).collect());
}

#[test]
fn a_principal_of_its_own_account_opens_nothing() {
    let of = |principal: Value| -> Vec<Change> {
        let one = |(name, attr): (&str, &str)| Change {
            address: address(name),
            after: json!({attr: principal}),
            ..Change::default()
        };
        rows("principal").into_iter().map(one).collect()
    };
    assert!(rows("principal").len() >= 10);
    let closed = is(of(json!(PRODUCTION)), Isolated);
    assert_eq!(closed.change.not_judged, Vec::<String>::new());
    is(of(json!(format!("arn:aws:iam::{PRODUCTION}:role/settle"))), Isolated);
    all_are_reported(of(json!(DEV)));
    all_are_reported(of(json!("*")));
    all_are_reported(of(Value::Null));
    let shared = Change {
        address: "aws_lambda_layer_version_permission.t",
        after: json!({"principal": PRODUCTION, "organization_id": "o-abcdefghij"}),
        ..Change::default()
    };
    all_are_reported(vec![shared]);
}

#[test]
fn an_access_point_of_an_own_bucket_stays_in_its_account() {
    let policy = lets_in(&root(PRODUCTION), "s3:*", "*").to_string();
    let point = |bucket_account: Value| Change {
        address: "aws_s3_access_point.a",
        after: json!({"name": "a", "bucket": "acme-ledger", "bucket_account_id": bucket_account}),
        ..Change::default()
    };
    let put_on = || Change {
        address: "aws_s3control_access_point_policy.p",
        after: json!({"policy": policy}),
        unknown: json!({"access_point_arn": true}),
        expressions: json!({"access_point_arn": {"references": ["aws_s3_access_point.a.arn", "aws_s3_access_point.a"]}}),
        ..Change::default()
    };
    is(vec![point(Value::Null), put_on()], Isolated);
    is(vec![point(json!(PRODUCTION)), put_on()], Isolated);
    is(vec![point(json!(DEV)), put_on()], Undetermined);
    is(vec![put_on()], Undetermined);
}

#[test]
fn types_that_are_not_judged_are_reported() {
    let plain = |(name, _): (&str, &str)| Change {
        address: address(name),
        after: json!({"name": "x"}),
        ..Change::default()
    };
    let all: Vec<_> = [rows("bears"), rows("runs")].concat();
    assert!(all.len() > 80, "{}", all.len());
    all_are_reported(all.into_iter().map(plain).collect());
    let harmless = rows("none");
    let count = harmless.len();
    let outcome = is(harmless.into_iter().map(plain).collect(), Isolated);
    assert_eq!(outcome.change.harmless, count);
    let api = Change {
        address: "aws_api_gateway_rest_api.t",
        after: json!({"policy": lets_in(&root(PRODUCTION), "execute-api:Invoke", "*").to_string()}),
        ..Change::default()
    };
    all_are_reported(vec![api]);
}

/// Policies of other resources, each closed, open, open under a condition, unknown and deleted.
#[test]
fn policies_on_resources_are_carried_out() {
    let arn = |rest: &str| {
        let (service, rest) = rest.split_once(':').expect("a service");
        format!("arn:aws:{service}:us-east-1:{PRODUCTION}:{rest}")
    };
    for (kind, names, named, rest, action) in [
        (
            "acmpca_policy",
            "resource_arn",
            "",
            "acm-pca:certificate-authority/1234",
            "acm-pca:IssueCertificate",
        ),
        (
            "backup_vault_policy",
            "backup_vault_name",
            "orders",
            "backup:backup-vault:orders",
            "backup:CopyIntoBackupVault",
        ),
        (
            "cloudwatch_event_bus_policy",
            "event_bus_name",
            "orders",
            "events:event-bus/orders",
            "events:PutEvents",
        ),
        (
            "cloudwatch_log_destination_policy",
            "destination_name",
            "orders",
            "logs:destination:orders",
            "logs:PutSubscriptionFilter",
        ),
        (
            "dynamodb_resource_policy",
            "resource_arn",
            "",
            "dynamodb:table/orders",
            "dynamodb:GetItem",
        ),
        (
            "ecr_repository_policy",
            "repository",
            "orders",
            "ecr:repository/orders",
            "ecr:BatchGetImage",
        ),
        (
            "kinesis_resource_policy",
            "resource_arn",
            "",
            "kinesis:stream/orders",
            "kinesis:GetRecords",
        ),
        ("kms_key_policy", "key_id", "1234", "kms:key/1234", "kms:Decrypt"),
        (
            "secretsmanager_secret_policy",
            "secret_arn",
            "",
            "secretsmanager:secret:orders-AbCdEf",
            "secretsmanager:GetSecretValue",
        ),
        ("sns_topic_policy", "arn", "", "sns:orders", "sns:Publish"),
        ("sqs_queue_policy", "queue_url", "", "sqs:orders", "sqs:ReceiveMessage"),
    ] {
        let arn = arn(rest);
        let holding = |policy: Value| {
            let lab = lab();
            lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
                let all = dump["resources"].as_array_mut().expect("resources");
                all.push(json!({"arn": arn, "policy": policy}));
            });
            lab
        };
        let named = if named.is_empty() { arn.as_str() } else { named };
        let with = |policy: Value| json!({names: named, policy_of(kind): policy.to_string()});
        let becomes = |lab: Lab, change: Change, expected: (WallVerdict, WallVerdict)| {
            let outcome = lab.plan(&Plan::new(vec![change])).review().expect("a review");
            assert_eq!(
                wall(&outcome, "dev", "production"),
                expected,
                "{kind} {:#?}",
                outcome.change
            );
        };
        let (own, open) = (lets_in(&root(PRODUCTION), "*", "*"), lets_in(&root(DEV), action, "*"));
        let mut condition = open.clone();
        condition["Statement"][0]["Condition"] =
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
        let address = address(kind);
        for (policy, expected) in [(&own, Isolated), (&open, Reachable), (&condition, Conditional)]
        {
            let change = Change { address, after: with(policy.clone()), ..Change::default() };
            becomes(holding(own.clone()), change, (Isolated, expected));
        }
        let later = Change {
            address,
            after: json!({names: named}),
            unknown: json!({policy_of(kind): true}),
            ..Change::default()
        };
        becomes(holding(own.clone()), later, (Isolated, Undetermined));
        let gone = Change {
            address,
            actions: &["delete"],
            before: with(open.clone()),
            ..Change::default()
        };
        becomes(holding(open), gone, (Reachable, Isolated));
    }
}

/// A policy is attached to a key or certificate authority that the same plan creates.
#[test]
fn keys_of_every_origin_and_new_authorities_hold_policies() {
    let open = |action: &str| lets_in(&root(DEV), action, "*").to_string();
    for name in ["kms_external_key", "kms_replica_key", "kms_replica_external_key"] {
        let key = |policy: Value| Change {
            address: address(name),
            after: json!({"policy": policy}),
            unknown: json!({"arn": true, "key_id": true, "id": true}),
            ..Change::default()
        };
        is(vec![key(json!(open("kms:Decrypt")))], Reachable);
        is(vec![key(json!(lets_in(&root(PRODUCTION), "kms:*", "*").to_string()))], Isolated);
        is(vec![key(Value::Null)], Isolated);
    }
    let authority = Change {
        address: "aws_acmpca_certificate_authority.new",
        after: json!({"type": "ROOT"}),
        unknown: json!({"arn": true, "id": true}),
        ..Change::default()
    };
    let policy = Change {
        address: "aws_acmpca_policy.new",
        after: json!({"policy": open("acm-pca:IssueCertificate")}),
        unknown: json!({"resource_arn": true}),
        expressions: json!({"resource_arn": {"references": ["aws_acmpca_certificate_authority.new.arn", "aws_acmpca_certificate_authority.new"]}}),
        ..Change::default()
    };
    let outcome = is(vec![authority, policy], Reachable);
    assert_eq!(outcome.change.not_judged, Vec::<String>::new());
}

/// `settle` trusts `ann`, who is in `crew` and may assume roles by a policy of her own or of the group.
fn ann(holder: &str) -> Lab {
    let mut lab = Lab::new();
    lab.environments = vec![("dev", TOOLS), ("production", PRODUCTION)];
    lab.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(&format!("arn:aws:iam::{TOOLS}:user/ann"));
    });
    let walk = document(json!([allow("sts:AssumeRole", "*")]));
    lab.edit(&format!("accounts/{TOOLS}/account-authorization-details.json"), |details| {
        details["UserDetailList"][0]["GroupList"] = json!(["crew"]);
        let (list, policies) = match holder.split_once(' ').expect("a holder") {
            ("user", how) => ("UserDetailList", ("UserPolicyList", how)),
            (_, how) => ("GroupDetailList", ("GroupPolicyList", how)),
        };
        let holder = &mut details[list][0];
        match policies.1 {
            "inline" => {
                holder[policies.0] = json!([{"PolicyName": "walk", "PolicyDocument": walk}])
            }
            _ => {
                let arn = format!("arn:aws:iam::{TOOLS}:policy/walk");
                holder["AttachedManagedPolicies"] =
                    json!([{"PolicyName": "walk", "PolicyArn": arn}]);
            }
        }
    });
    lab
}

/// A deleted object loses its access, and so does what an exclusive list leaves out.
#[test]
fn deleted_objects_lose_their_access() {
    let tools = "aws.tools";
    let gone = |address: &'static str, before: Value| Change {
        address,
        provider: tools,
        actions: &["delete"],
        before,
        ..Change::default()
    };
    let only = |address: &'static str, after: Value| Change {
        address,
        provider: tools,
        after,
        ..Change::default()
    };
    let user = json!({"name": "ann", "path": "/", "arn": format!("arn:aws:iam::{TOOLS}:user/ann"), "unique_id": "AIDAANN"});
    let group =
        json!({"name": "crew", "path": "/", "arn": format!("arn:aws:iam::{TOOLS}:group/crew")});
    let membership = json!({"user": "ann", "groups": ["crew"]});
    for (holder, changes) in [
        ("user inline", vec![gone("aws_iam_user.ann", user)]),
        (
            "group inline",
            vec![
                gone("aws_iam_group.crew", group),
                gone("aws_iam_user_group_membership.ann", membership),
            ],
        ),
        (
            "user inline",
            vec![only(
                "aws_iam_user_policies_exclusive.ann",
                json!({"user_name": "ann", "policy_names": []}),
            )],
        ),
        (
            "user attached",
            vec![only(
                "aws_iam_user_policy_attachments_exclusive.ann",
                json!({"user_name": "ann", "policy_arns": []}),
            )],
        ),
        (
            "group inline",
            vec![only(
                "aws_iam_group_policies_exclusive.crew",
                json!({"group_name": "crew", "policy_names": []}),
            )],
        ),
        (
            "group attached",
            vec![only(
                "aws_iam_group_policy_attachments_exclusive.crew",
                json!({"group_name": "crew", "policy_arns": []}),
            )],
        ),
    ] {
        let address = changes[0].address;
        let outcome = ann(holder).plan(&Plan::new(changes)).review().expect("a review");
        assert_eq!(
            wall(&outcome, "dev", "production"),
            (Reachable, Isolated),
            "{address} {:#?}",
            outcome.change
        );
    }
    let stream = format!("arn:aws:kinesis:us-east-1:{PRODUCTION}:stream/orders");
    let function = format!("arn:aws:lambda:us-east-1:{PRODUCTION}:function:orders");
    for (address, before, arn, action) in [
        (
            "aws_kinesis_stream.orders",
            json!({"name": "orders", "arn": stream}),
            &stream,
            "kinesis:GetRecords",
        ),
        (
            "aws_lambda_function.orders",
            json!({"function_name": "orders", "arn": function}),
            &function,
            "lambda:InvokeFunction",
        ),
    ] {
        let lab = lab();
        lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
            let all = dump["resources"].as_array_mut().expect("resources");
            all.push(json!({"arn": arn, "policy": lets_in(&root(DEV), action, "*")}));
        });
        let change = Change { address, actions: &["delete"], before, ..Change::default() };
        let outcome = lab.plan(&Plan::new(vec![change])).review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Isolated), "{address}");
    }
}

/// A new unit denies nothing, because AWS attaches `FullAWSAccess` to it: an account that moves into it leaves the policies of
/// its old unit behind.
#[test]
fn a_new_unit_allows_what_no_policy_denies() {
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(&format!("arn:aws:iam::{DEV}:role/builder"));
    });
    let deny = document(json!([{"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}]));
    lab.organize(&[("p-stay", deny, &["ou-build"])], &[]);
    let unit = Change {
        address: "aws_organizations_organizational_unit.fresh",
        provider: "aws",
        after: json!({"name": "fresh", "parent_id": "r-root"}),
        unknown: json!({"id": true, "arn": true}),
        ..Change::default()
    };
    let moved = Change {
        address: "aws_organizations_account.dev",
        provider: "aws",
        actions: &["update"],
        before: json!({"id": DEV, "name": "dev", "parent_id": "ou-build"}),
        after: json!({"id": DEV, "name": "dev"}),
        unknown: json!({"parent_id": true}),
        expressions: json!({"parent_id": {"references": ["aws_organizations_organizational_unit.fresh.id", "aws_organizations_organizational_unit.fresh"]}}),
    };
    let outcome = lab.plan(&Plan::new(vec![unit, moved])).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable), "{:#?}", outcome.change);
}

/// Every judged type occurs in a test of this folder.
#[test]
fn every_judged_type_is_carried_out_by_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/review");
    let files = std::fs::read_dir(folder).expect("tests").map(|file| file.expect("a file").path());
    let files = files.filter(|file| file.is_file());
    let text: String = files.map(|file| std::fs::read_to_string(file).expect("text")).collect();
    let untried: Vec<_> = rows("judged")
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            ![format!("aws_{name}."), format!("(\"{name}\""), format!("\"{name}\"")]
                .iter()
                .any(|form| text.contains(form))
        })
        .collect();
    assert!(untried.is_empty(), "{untried:?}");
}
