//! Resources of further services that carry a policy: topics, functions, tables, repositories and streams. A change of
//! it opens or closes the wall from `dev` to `production`.

use palisade::isolation::WallVerdict::{self, Conditional, Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{Change, DEV, Lab, PRODUCTION, Plan, allow, document, lets_in, root, wall};

const BUILDER: &str = "arn:aws:iam::111111111111:role/builder";
const TOPIC: &str = "arn:aws:sns:us-east-1:222222222222:orders";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:222222222222:function:orders";
const TABLE: &str = "arn:aws:dynamodb:us-east-1:222222222222:table/orders";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:222222222222:repository/team/orders";
const STREAM: &str = "arn:aws:kinesis:us-east-1:222222222222:stream/orders";

/// `builder` may do everything with these services anywhere.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.edit_role(DEV, "builder", |builder| {
        let services = ["sns", "lambda", "dynamodb", "ecr", "kinesis"];
        let all: Vec<Value> = services.iter().map(|s| allow(&format!("{s}:*"), "*")).collect();
        builder["RolePolicyList"][0]["PolicyDocument"] = document(json!(all));
    });
    lab
}

fn holding(arn: &str, policy: Value) -> Lab {
    let lab = lab();
    lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
        let all = dump["resources"].as_array_mut().expect("resources");
        all.push(json!({"arn": arn, "policy": policy}));
    });
    lab
}

#[track_caller]
fn becomes(lab: Lab, change: Change, expected: (WallVerdict, WallVerdict)) {
    let outcome = lab.plan(&Plan::new(vec![change])).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), expected, "{:#?}", outcome.change);
}

/// Each action that carries data, and one that its service keeps for the owner.
#[test]
fn what_a_resource_lets_in_is_judged() {
    for (arn, action, expected) in [
        (TOPIC, "sns:Publish", Reachable),
        (TOPIC, "sns:Subscribe", Reachable),
        (FUNCTION, "lambda:InvokeFunction", Reachable),
        (TABLE, "dynamodb:Query", Reachable),
        (TABLE, "dynamodb:PartiQLSelect", Isolated),
        (TABLE, "dynamodb:PutResourcePolicy", Isolated),
        (REPOSITORY, "ecr:BatchGetImage", Reachable),
        (STREAM, "kinesis:PutRecord", Reachable),
        (STREAM, "kinesis:PutResourcePolicy", Isolated),
    ] {
        let outcome = holding(arn, lets_in(&root(DEV), action, "*")).review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, expected, "{arn} {action}");
        let outcome = holding(arn, lets_in(&root(PRODUCTION), action, "*")).review().expect("one");
        assert_eq!(wall(&outcome, "dev", "production").1, Isolated, "{arn} {action}, its own");
    }
}

/// SNS makes each topic with a policy that lets in everybody whose account `aws:SourceOwner` calls the topic's own.
#[test]
fn the_policy_that_a_topic_is_made_with_lets_in_its_own_account() {
    let lets = |owner: &str| {
        document(
            json!([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["SNS:Publish", "SNS:Subscribe"],
            "Resource": TOPIC, "Condition": {"StringEquals": {"AWS:SourceOwner": owner}}}]),
        )
    };
    for (owner, from, expected) in [
        (PRODUCTION, "dev", Isolated),
        (PRODUCTION, "$external", Isolated),
        (DEV, "dev", Reachable),
    ] {
        let outcome = holding(TOPIC, lets(owner)).review().expect("a review");
        assert_eq!(wall(&outcome, from, "production").1, expected, "{owner} {from}");
    }
}

/// RCPs reach tables and repositories, and not topics, functions or streams.
#[test]
fn guardrails_on_resources_reach_some_of_them() {
    for (arn, action, expected) in [
        (TABLE, "dynamodb:GetItem", Isolated),
        (REPOSITORY, "ecr:BatchGetImage", Isolated),
        (TOPIC, "sns:Publish", Reachable),
        (FUNCTION, "lambda:InvokeFunction", Reachable),
        (STREAM, "kinesis:GetRecords", Reachable),
    ] {
        let lab = holding(arn, lets_in(&root(DEV), action, "*"));
        let denied =
            document(json!([{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalAccount": PRODUCTION}}}]));
        lab.organize(&[], &[("p-own", denied, &[PRODUCTION])]);
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, expected, "{arn}");
    }
}

#[test]
fn policies_of_topics_tables_repositories_and_streams_are_carried_out() {
    let open = |action: &str| lets_in(&root(DEV), action, "*").to_string();
    for (address, names, arn, action) in [
        ("aws_sns_topic_policy.p", "arn", TOPIC, "sns:Publish"),
        ("aws_dynamodb_resource_policy.p", "resource_arn", TABLE, "dynamodb:GetItem"),
        ("aws_ecr_repository_policy.p", "repository", "team/orders", "ecr:BatchGetImage"),
        ("aws_kinesis_resource_policy.p", "resource_arn", STREAM, "kinesis:GetRecords"),
    ] {
        let arn_of = if arn.starts_with("arn:") { arn } else { REPOSITORY };
        let policy = json!({names: arn, "policy": open(action)});
        let made = Change { address, after: policy.clone(), ..Change::default() };
        becomes(holding(arn_of, Value::Null), made, (Isolated, Reachable));
        let gone = Change { address, actions: &["delete"], before: policy, ..Change::default() };
        let lab = holding(arn_of, lets_in(&root(DEV), action, "*"));
        becomes(lab, gone, (Reachable, Isolated));
        let later = Change {
            address,
            after: json!({names: arn}),
            unknown: json!({"policy": true}),
            ..Change::default()
        };
        becomes(holding(arn_of, Value::Null), later, (Isolated, Undetermined));
    }
    let topic = Change {
        address: "aws_sns_topic.new",
        after: json!({"name": "new", "policy": open("sns:Publish")}),
        unknown: json!({"arn": true}),
        ..Change::default()
    };
    becomes(lab(), topic, (Isolated, Reachable));
    let gone = Change {
        address: "aws_dynamodb_table.orders",
        actions: &["delete"],
        before: json!({"name": "orders", "arn": TABLE}),
        ..Change::default()
    };
    becomes(holding(TABLE, lets_in(&root(DEV), "dynamodb:Scan", "*")), gone, (Reachable, Isolated));
}

/// A repository that the same plan makes is found by its name.
#[test]
fn a_policy_finds_the_repository_of_the_same_plan() {
    let plan = Plan::new(vec![
        Change {
            address: "aws_ecr_repository.new",
            after: json!({"name": "new"}),
            unknown: json!({"arn": true}),
            ..Change::default()
        },
        Change {
            address: "aws_ecr_repository_policy.new",
            after: json!({"repository": "new", "policy": lets_in(&root(DEV), "ecr:PutImage", "*").to_string()}),
            ..Change::default()
        },
    ]);
    let outcome = lab().plan(&plan).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable), "{:#?}", outcome.change);
    assert!(outcome.change.not_judged.is_empty(), "{:?}", outcome.change.not_judged);
}

fn permission(principal: &str, more: Value) -> Value {
    let mut all = json!({"function_name": "orders", "statement_id": "in", "principal": principal, "action": "lambda:InvokeFunction"});
    for (key, value) in more.as_object().expect("an object") {
        all[key] = value.clone();
    }
    all
}

fn made(after: Value) -> Change {
    Change { address: "aws_lambda_permission.in", after, ..Change::default() }
}

#[test]
fn permissions_are_statements_of_a_functions_policy() {
    let function = || holding(FUNCTION, Value::Null);
    for (name, after, expected) in [
        ("an account", permission(DEV, json!({})), Reachable),
        ("another account", permission("444444444444", json!({})), Isolated),
        ("a role", permission(BUILDER, json!({})), Reachable),
        ("by the function's ARN", permission(DEV, json!({"function_name": FUNCTION})), Reachable),
        (
            "by the end of its ARN",
            permission(DEV, json!({"function_name": format!("{PRODUCTION}:function:orders")})),
            Reachable,
        ),
        ("an alias", permission(DEV, json!({"qualifier": "live"})), Reachable),
        (
            "the organization",
            permission("*", json!({"principal_org_id": "o-exampleorgid"})),
            Reachable,
        ),
        ("another one", permission("*", json!({"principal_org_id": "o-another00000"})), Isolated),
        (
            "a URL with signatures",
            permission(
                "*",
                json!({"action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "AWS_IAM"}),
            ),
            Conditional,
        ),
    ] {
        let outcome = function().plan(&Plan::new(vec![made(after)])).review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, expected), "{name}");
    }
    becomes(
        function(),
        Change {
            unknown: json!({"source_account": true}),
            ..made(permission("s3.amazonaws.com", json!({})))
        },
        (Isolated, Undetermined),
    );
}

/// Of several permissions each adds and takes away its own statement.
#[test]
fn a_permission_that_goes_leaves_the_others() {
    let lets = |sid: &str, principal: &str| {
        json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": root(principal)},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION})
    };
    let gone = |sid: &str| Change {
        address: "aws_lambda_permission.in",
        actions: &["delete"],
        before: permission(DEV, json!({"statement_id": sid})),
        ..Change::default()
    };
    let both = || holding(FUNCTION, document(json!([lets("in", DEV), lets("own", PRODUCTION)])));
    becomes(both(), gone("in"), (Reachable, Isolated));
    let twice = || holding(FUNCTION, document(json!([lets("in", DEV), lets("too", DEV)])));
    becomes(twice(), gone("in"), (Reachable, Reachable));
    // The dump lacks what the plan saw: which of the two is older is not known.
    let outcome = holding(FUNCTION, document(json!([lets("own", PRODUCTION)])))
        .plan(&Plan::new(vec![gone("in")]))
        .review()
        .expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    // No dump says anything of the function.
    let mut by_arn = gone("in");
    by_arn.before["function_name"] = json!(FUNCTION);
    becomes(lab(), by_arn, (Reachable, Isolated));
}

/// Lambda answers unsigned requests to a function's URL alone.
#[test]
fn strangers_without_a_signature_reach_a_function_by_its_url_alone() {
    let everybody = |action: &str, condition: Value| {
        let mut lets =
            json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": FUNCTION});
        if !condition.is_null() {
            lets["Condition"] = condition;
        }
        holding(FUNCTION, document(json!([lets])))
    };
    let open = json!({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}});
    for (lab, from, expected) in [
        (everybody("lambda:InvokeFunction", Value::Null), "$anonymous", Isolated),
        (everybody("lambda:InvokeFunction", Value::Null), "$external", Reachable),
        (everybody("lambda:InvokeFunctionUrl", Value::Null), "$anonymous", Reachable),
        (everybody("lambda:InvokeFunctionUrl", open), "$anonymous", Conditional),
    ] {
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, from, "production").1, expected, "{from}");
    }
}

/// A service that acts for anybody is a deputy here as it is for queues.
#[test]
fn a_service_that_acts_for_anybody_is_told() {
    let by_service = |condition: Value| {
        let mut lets = json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish", "Resource": TOPIC});
        if !condition.is_null() {
            lets["Condition"] = condition;
        }
        holding(TOPIC, document(json!([lets]))).review().expect("a review")
    };
    let told = |outcome: &palisade::engine::review::ReviewOutcome| {
        outcome.isolation.findings.iter().filter(|f| format!("{f:?}").contains(TOPIC)).count()
    };
    assert!(told(&by_service(Value::Null)) > 0);
    let own = json!({"StringEquals": {"aws:SourceAccount": PRODUCTION}});
    assert_eq!(told(&by_service(own)), 0);
}
