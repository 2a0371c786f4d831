//! Terraform states as what stands: what they describe opens paths, and proves nothing closed.

use std::fs;

use palisade::engine::review::{ReviewOutcome, StateText, run};
use palisade::isolation::WallVerdict::*;
use serde_json::{Value, json};

use super::lab::*;
use crate::support::cli::Program;
use crate::support::endpoint::{Endpoint, s3};

const AWS: &str = "registry.terraform.io/hashicorp/aws";

/// An object of a state: its address without module, its provider's alias, its attributes.
fn object(address: &str, alias: &str, attributes: Value) -> Value {
    let (kind, name) = address.split_once('.').expect("TYPE.NAME");
    let alias = if alias.is_empty() { String::new() } else { format!(".{alias}") };
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": format!("provider[\"{AWS}\"]{alias}"),
        "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}]
    })
}

fn state(resources: &[Value]) -> String {
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 3,
        "lineage": "5d1c2b6e-0000-4000-8000-000000000000", "outputs": {}, "resources": resources,
        "check_results": null
    })
    .to_string()
}

/// The same as `terraform show -json` prints it: without the providers' aliases.
fn shown(resources: &[Value]) -> String {
    let objects = resources.iter().map(|block| {
        let (kind, name) = (&block["type"], &block["name"]);
        json!({
            "address": format!("{}.{}", kind.as_str().expect("a type"), name.as_str().expect("a name")),
            "mode": "managed", "type": kind, "name": name, "provider_name": AWS, "schema_version": 0,
            "values": block["instances"][0]["attributes"], "sensitive_values": {}
        })
    });
    json!({
        "format_version": "1.0", "terraform_version": "1.11.4",
        "values": {"root_module": {"child_modules": [{"resources": objects.collect::<Vec<_>>(), "address": "module.m"}]}}
    })
    .to_string()
}

fn iam(id: &str, rest: &str) -> String {
    format!("arn:aws:iam::{id}:{rest}")
}

fn role_of(id: &str, name: &str, trusted: &str) -> Value {
    json!({
        "arn": iam(id, &format!("role/{name}")), "name": name, "id": name, "path": "/",
        "unique_id": format!("AROA{}", name.to_uppercase()), "permissions_boundary": "",
        "assume_role_policy": trust(trusted).to_string(), "inline_policy": [], "managed_policy_arns": [],
        "tags": null, "tags_all": {}
    })
}

/// `dev` has `pipeline`, which may assume any role; `production` has `orders`, which lets the development account in, and a
/// bucket that lets its role in.
fn objects() -> Vec<Value> {
    let assumes = document(json!([allow("sts:AssumeRole", "*"), allow("s3:*", "*")])).to_string();
    let lets = lets_in(&root(DEV), "s3:GetObject", "arn:aws:s3:::acme-orders/*").to_string();
    vec![
        object("aws_iam_role.pipeline", "dev", role_of(DEV, "pipeline", "ec2.amazonaws.com")),
        object(
            "aws_iam_role_policy.work",
            "dev",
            json!({"role": "pipeline", "name": "work", "policy": assumes}),
        ),
        object("aws_iam_role.orders", "production", role_of(PRODUCTION, "orders", &root(DEV))),
        object(
            "aws_s3_bucket.orders",
            "production",
            json!({"bucket": "acme-orders", "id": "acme-orders", "arn": "arn:aws:s3:::acme-orders", "policy": ""}),
        ),
        object(
            "aws_s3_bucket_policy.orders",
            "production",
            json!({"bucket": "acme-orders", "policy": lets}),
        ),
        object(
            "aws_vpc.v",
            "production",
            json!({"id": "vpc-1", "arn": format!("arn:aws:ec2:us-east-1:{PRODUCTION}:vpc/vpc-1")}),
        ),
    ]
}

fn review(lab: &Lab, dumps: bool, states: &[String]) -> ReviewOutcome {
    run(&request(lab, dumps, states)).unwrap_or_else(|error| {
        panic!(
            "{:?}",
            error
                .diagnostics()
                .map(|all| all.iter().map(|d| d.summary.clone()).collect::<Vec<_>>())
        )
    })
}

fn request(lab: &Lab, dumps: bool, states: &[String]) -> palisade::engine::review::ReviewRequest {
    let mut request = lab.request();
    if !dumps {
        request.accounts = None;
    }
    let text = |(n, text): (usize, &String)| StateText {
        name: format!("{n}.tfstate"),
        text: text.clone(),
    };
    request.terraform_states = states.iter().enumerate().map(text).collect();
    request
}

fn refusal(lab: &Lab, text: &str) -> String {
    let error = run(&request(lab, false, &[text.to_owned()])).expect_err("refused");
    let all = error.diagnostics().expect("a reason").iter();
    let said: Vec<String> = all
        .map(|d| {
            format!(
                "{} {} {}",
                d.summary,
                d.detail.as_deref().unwrap_or(""),
                d.help.as_deref().unwrap_or("")
            )
        })
        .collect();
    said.join("\n")
}

fn opened(outcome: &ReviewOutcome) -> Vec<String> {
    let all = outcome.isolation.violations.iter().filter(|path| !path.via.is_empty());
    let mut all: Vec<String> =
        all.map(|path| path.via.last().expect("a step").resource.clone()).collect();
    all.sort();
    all.dedup();
    all
}

/// States alone open paths under the condition of what they do not hold, and nothing is proved closed by them.
#[test]
fn what_states_describe_opens_paths_and_closes_none() {
    let lab = Lab::new();
    let outcome = review(&lab, false, &[state(&objects())]);
    assert_eq!(wall(&outcome, "dev", "production").1, Conditional);
    assert_eq!(wall(&outcome, "production", "dev").1, Undetermined);
    let resources = opened(&outcome);
    for part in ["role/orders", "acme-orders"] {
        assert!(resources.iter().any(|resource| resource.contains(part)), "{part}: {resources:?}");
    }
    let isolated = outcome.isolation.matrix.iter().filter(|row| row.after == Isolated);
    assert_eq!(
        isolated.map(|row| format!("{} {}", row.from, row.to)).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let told = outcome.change.not_read.join("\n");
    assert!(told.contains("only Terraform states describe it"), "{told}");
    assert_eq!(outcome.change.terraform_states, ["0.tfstate"]);
    // What denies is not known, be it of the organization or attached by someone else.
    assert!(!outcome.change.guardrails_unknown.is_empty());
    let conditions: Vec<&String> =
        outcome.isolation.violations.iter().flat_map(|path| &path.conditions).collect();
    assert!(
        conditions.iter().any(|one| one.contains("which only Terraform states describe")),
        "{conditions:?}"
    );

    // Two states of one estate, split at any place, say the same.
    for at in 1..objects().len() - 1 {
        let (one, two) = (state(&objects()[..at]), state(&objects()[at..]));
        if at == 1 || at == 4 {
            // A provider without an ARN in its own state.
            continue;
        }
        let split = review(&lab, false, &[one, two]);
        assert_eq!(opened(&split), resources, "{at}");
    }
}

/// A plan is judged over the states of which it is a change.
#[test]
fn a_plan_is_judged_over_states() {
    let closed = |trusted: &str| {
        let mut all = objects();
        all[2]["instances"][0]["attributes"] = role_of(PRODUCTION, "orders", trusted);
        all.truncate(3);
        state(&all)
    };
    let body = |trusted: &str| role_of(PRODUCTION, "orders", trusted);
    let lab = Lab::new().plan(&Plan::new(vec![Change {
        address: "aws_iam_role.orders",
        actions: &["update"],
        before: body(&root(PRODUCTION)),
        after: body(&root(DEV)),
        ..Change::default()
    }]));
    let outcome = review(&lab, false, &[closed(&root(PRODUCTION))]);
    assert_eq!(wall(&outcome, "dev", "production"), (Undetermined, Conditional));
    let added: Vec<_> =
        outcome.isolation.changes.iter().filter(|path| !path.via.is_empty()).collect();
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].caused_by, ["aws_iam_role.orders"]);
    assert!(added[0].via[0].principal.contains("pipeline"), "{:?}", added[0].via);
}

/// Of what a dump describes a state changes nothing; what the dump has not is added.
#[test]
fn dumps_take_precedence_over_states() {
    let lab = Lab::new();
    assert_eq!(wall(&review(&lab, true, &[]), "dev", "production").1, Isolated);
    // `settle` trusts its own account in the dump and the other one in the state: the dump stands.
    let old = state(&[
        object("aws_iam_role.settle", "production", role_of(PRODUCTION, "settle", &root(DEV))),
        object(
            "aws_iam_role_policy_attachment.a",
            "production",
            json!({"role": "settle", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ),
        object(
            "aws_s3_bucket.ledger",
            "production",
            json!({"bucket": "acme-ledger", "id": "acme-ledger", "arn": "arn:aws:s3:::acme-ledger"}),
        ),
        object(
            "aws_s3_bucket_policy.ledger",
            "production",
            json!({"bucket": "acme-ledger", "policy": lets_in(&root(DEV), "s3:GetObject", "arn:aws:s3:::acme-ledger/*").to_string()}),
        ),
    ]);
    let outcome = review(&lab, true, &[old]);
    assert_eq!(wall(&outcome, "dev", "production").1, Isolated);
    assert_eq!(outcome.change.not_read, Vec::<String>::new());
    // `orders` is in the state alone, and the dump's `builder` may assume it: guardrails are known, both accounts are read.
    let outcome = review(&lab, true, &[state(&objects()[2..3])]);
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
    assert!(
        opened(&outcome).iter().all(|resource| resource.ends_with("role/orders")),
        "{:?}",
        opened(&outcome)
    );
}

/// Every part of the access model, in the forms that states have.
#[test]
fn every_form_of_the_model_is_read_from_a_state() {
    let assumes =
        document(json!([allow("sts:AssumeRole", iam(PRODUCTION, "role/orders").as_str())]))
            .to_string();
    let pipeline = |edit: &dyn Fn(&mut Value)| {
        let mut role = role_of(DEV, "pipeline", "ec2.amazonaws.com");
        edit(&mut role);
        object("aws_iam_role.pipeline", "dev", role)
    };
    let plain = || pipeline(&|_| {});
    let policy = || {
        object(
            "aws_iam_policy.walk",
            "dev",
            json!({"name": "walk", "path": "/", "arn": iam(DEV, "policy/walk"), "policy": assumes}),
        )
    };
    let ann = || {
        object(
            "aws_iam_user.ann",
            "dev",
            json!({"name": "ann", "path": "/", "arn": iam(DEV, "user/ann"), "unique_id": "AIDAANN"}),
        )
    };
    let crew = || {
        object(
            "aws_iam_group.crew",
            "dev",
            json!({"name": "crew", "path": "/", "arn": iam(DEV, "group/crew")}),
        )
    };
    let attach = |kind: &str, content: Value| object(kind, "dev", content);
    let walk = iam(DEV, "policy/walk");
    let cases: Vec<(&str, Vec<Value>)> = vec![
        (
            "inline of a role",
            vec![
                plain(),
                attach(
                    "aws_iam_role_policy.p",
                    json!({"role": "pipeline", "name": "p", "policy": assumes}),
                ),
            ],
        ),
        (
            "inline block",
            vec![pipeline(&|role| {
                role["inline_policy"] =
                    json!([{"name": "", "policy": ""}, {"name": "p", "policy": assumes}])
            })],
        ),
        (
            "managed arns",
            vec![pipeline(&|role| role["managed_policy_arns"] = json!([walk])), policy()],
        ),
        (
            "attachment",
            vec![
                plain(),
                policy(),
                attach(
                    "aws_iam_role_policy_attachment.a",
                    json!({"role": "pipeline", "policy_arn": walk}),
                ),
            ],
        ),
        (
            "exclusive attachment",
            vec![
                plain(),
                policy(),
                attach(
                    "aws_iam_policy_attachment.a",
                    json!({"name": "a", "roles": ["pipeline"], "users": [], "groups": [], "policy_arn": walk}),
                ),
            ],
        ),
        (
            "exclusive list",
            vec![
                plain(),
                policy(),
                attach(
                    "aws_iam_role_policy_attachments_exclusive.a",
                    json!({"role_name": "pipeline", "policy_arns": [walk]}),
                ),
            ],
        ),
        (
            "inline of a user",
            vec![
                ann(),
                attach(
                    "aws_iam_user_policy.p",
                    json!({"user": "ann", "name": "p", "policy": assumes}),
                ),
            ],
        ),
        (
            "user attachment",
            vec![
                ann(),
                policy(),
                attach(
                    "aws_iam_user_policy_attachment.a",
                    json!({"user": "ann", "policy_arn": walk}),
                ),
            ],
        ),
        (
            "membership of a user",
            vec![
                ann(),
                crew(),
                attach(
                    "aws_iam_group_policy.p",
                    json!({"group": "crew", "name": "p", "policy": assumes}),
                ),
                attach(
                    "aws_iam_user_group_membership.m",
                    json!({"user": "ann", "groups": ["crew"]}),
                ),
            ],
        ),
        (
            "membership of a group",
            vec![
                ann(),
                crew(),
                policy(),
                attach(
                    "aws_iam_group_policy_attachment.p",
                    json!({"group": "crew", "policy_arn": walk}),
                ),
                attach(
                    "aws_iam_group_membership.m",
                    json!({"group": "crew", "name": "m", "users": ["ann"]}),
                ),
            ],
        ),
    ];
    let lab = Lab::new();
    for (name, mut all) in cases {
        all.push(object(
            "aws_iam_role.orders",
            "production",
            role_of(PRODUCTION, "orders", &root(DEV)),
        ));
        let outcome = review(&lab, false, &[state(&all)]);
        assert!(
            opened(&outcome).iter().any(|r| r.ends_with("role/orders")),
            "{name}: {:?}",
            outcome.isolation.violations.iter().map(|p| &p.reason).collect::<Vec<_>>()
        );
        // Without what grants it nothing is open.
        let without = review(&lab, false, &[state(&[plain(), all.pop().expect("the role")])]);
        assert!(!opened(&without).iter().any(|r| r.ends_with("role/orders")), "{name}");
    }
    // A boundary and a policy that is marked sensitive.
    let bounded = pipeline(&|role| {
        role["permissions_boundary"] = json!(iam(DEV, "policy/none"));
        role["inline_policy"] = json!([{"name": "p", "policy": assumes}]);
    });
    let none = object(
        "aws_iam_policy.none",
        "dev",
        json!({"name": "none", "path": "/", "arn": iam(DEV, "policy/none"), "policy": document(json!([allow("s3:ListBucket", "*")])).to_string()}),
    );
    let orders =
        || object("aws_iam_role.orders", "production", role_of(PRODUCTION, "orders", &root(DEV)));
    let outcome = review(&lab, false, &[state(&[bounded, none, orders()])]);
    assert!(!opened(&outcome).iter().any(|r| r.ends_with("role/orders")));
    let mut hidden = attach(
        "aws_iam_role_policy.p",
        json!({"role": "pipeline", "name": "p", "policy": assumes}),
    );
    hidden["instances"][0]["sensitive_attributes"] =
        json!([[{"type": "get_attr", "value": "policy"}]]);
    let outcome = review(&lab, false, &[state(&[plain(), hidden, orders()])]);
    assert!(!opened(&outcome).iter().any(|r| r.ends_with("role/orders")));
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
}

/// Keys of instances, modules and deposed objects: each stands, under its address.
#[test]
fn every_instance_stands() {
    let mut orders = object("aws_iam_role.orders", "production", Value::Null);
    orders["module"] = json!("module.m[\"one\"]");
    orders["instances"] = json!([
        {"index_key": "a", "attributes": role_of(PRODUCTION, "orders-a", &root(DEV))},
        {"index_key": 1, "attributes": role_of(PRODUCTION, "orders-1", &root(DEV))},
        {"index_key": 1, "deposed": "0123abcd", "attributes": role_of(PRODUCTION, "orders-old", &root(DEV))}
    ]);
    let mut all = objects();
    all.truncate(2);
    all.push(orders);
    let outcome = review(&Lab::new(), false, &[state(&all)]);
    let resources = opened(&outcome);
    for name in ["orders-a", "orders-1", "orders-old"] {
        assert!(resources.iter().any(|r| r.ends_with(name)), "{name}: {resources:?}");
    }
    let grants: Vec<String> = outcome
        .isolation
        .violations
        .iter()
        .flat_map(|p| &p.via)
        .flat_map(|hop| &hop.granted_by)
        .map(|grant| format!("{grant:?}"))
        .collect();
    let text = grants.join("\n");
    assert!(text.contains("module.m[\\\"one\\\"].aws_iam_role.orders[\\\"a\\\"]"), "{text}");
    assert!(text.contains("(deposed 0123abcd)"), "{text}");
}

/// Whose account an object is in is told by its ARN, its provider's other objects or its caller, or by `--provider`.
#[test]
fn an_account_is_told_or_asked_for() {
    let lonely = object(
        "aws_iam_role_policy.work",
        "dev",
        json!({"role": "pipeline", "name": "work", "policy": "{}"}),
    );
    let mut lab = Lab::new();
    let said = refusal(&lab, &state(std::slice::from_ref(&lonely)));
    assert!(said.contains("the account of `aws_iam_role_policy.work` is not known"), "{said}");
    assert!(
        said.contains("in the state `0.tfstate`")
            && said.contains("--provider 'aws.dev=111111111111'"),
        "{said}"
    );
    let caller = json!({
        "mode": "data", "type": "aws_caller_identity", "name": "me", "provider": format!("provider[\"{AWS}\"].dev"),
        "instances": [{"attributes": {"account_id": DEV, "arn": format!("arn:aws:sts::{DEV}:assumed-role/ci/x")}}]
    });
    review(&lab, false, &[state(&[caller, lonely.clone()])]);
    // The output of `show -json` has no aliases: an ARN of one object tells nothing of another.
    let all = [objects()[0].clone(), lonely.clone()];
    let said = refusal(&lab, &shown(&all));
    assert!(
        said.contains("terraform state pull") && said.contains("--provider 'aws=111111111111'"),
        "{said}"
    );
    lab.providers.insert("aws".to_owned(), DEV.to_owned());
    let outcome = review(&lab, false, &[shown(&objects()[..3])]);
    assert!(opened(&outcome).iter().any(|r| r.ends_with("role/orders")), "{:?}", opened(&outcome));
    let mut given = Lab::new();
    given.providers.insert("aws.dev".to_owned(), DEV.to_owned());
    review(&given, false, &[state(&[lonely])]);
}

/// Objects that can grant access and are not in the model are named.
#[test]
fn what_is_not_judged_is_named() {
    let point =
        object("aws_acmpca_permission.p", "production", json!({"principal": "acm.amazonaws.com"}));
    let mut all = objects();
    all.push(point);
    let outcome = review(&Lab::new(), false, &[state(&all)]);
    let told = outcome.change.not_read.join("\n");
    assert!(told.contains("not judged: aws_acmpca_permission"), "{told}");
}

/// What is no state, or none that can be read, is refused with advice.
#[test]
fn what_is_no_state_is_refused() {
    let lab = Lab::new();
    for (text, says) in [
        (json!({"version": 3, "backend": {"type": "s3"}}).to_string(), &["has the format 3", "terraform state pull"][..]),
        (json!({"version": 5, "resources": []}).to_string(), &["has the format 5", "format 4 is"]),
        (json!({"serial": 1, "lineage": "x", "meta": {}, "encrypted_data": "c2VjcmV0", "encryption_version": "v0"}).to_string(), &["is encrypted", "tofu state pull"]),
        (Plan::new(Vec::new()).json().to_string(), &["is a plan and no state", "--terraform-plan"]),
        (json!({"format_version": "2.0", "values": {}}).to_string(), &["has the format 2.0"]),
        (json!({"RoleDetailList": []}).to_string(), &["is no state", "terraform state pull"]),
        (json!({"version": 4, "resources": [{"mode": "managed", "type": "aws_iam_role", "name": "r", "instances": [{"attributes_flat": {"arn": "x"}}]}]}).to_string(), &["has no attributes of `aws_iam_role.r`", "0.11"]),
    ] {
        let said = refusal(&lab, &text);
        for part in says {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
    // Empty ones are none, and hold nothing.
    for text in [json!({"format_version": "1.0"}).to_string(), state(&[])] {
        let outcome = review(&lab, false, &[text]);
        assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    }
}

/// Given as a plan, a state is sent to the flag for it.
#[test]
fn a_state_in_place_of_a_plan_names_the_flag() {
    for text in [state(&objects()), shown(&objects())] {
        let said = Lab::new().plan_text(&text).refusal();
        assert!(
            said.contains("is a state and no plan") && said.contains("--terraform-state"),
            "{said}"
        );
    }
}

/// Secrets of a state reach no output: values of other attributes, and policies that are marked sensitive.
#[test]
fn secrets_of_a_state_are_not_shown() {
    const SECRET: &str = "s3cr3t-in-the-state";
    let mut all = objects();
    all.push(object(
        "aws_db_instance.d",
        "production",
        json!({"password": SECRET, "arn": format!("arn:aws:rds:us-east-1:{PRODUCTION}:db:d")}),
    ));
    let keyed = document(json!([{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root(DEV)},
        "Condition": {"StringEquals": {"sts:ExternalId": SECRET}}
    }]));
    let mut hidden = role_of(PRODUCTION, "partner", &root(DEV));
    hidden["assume_role_policy"] = json!(keyed.to_string());
    let mut partner = object("aws_iam_role.partner", "production", hidden);
    partner["instances"][0]["sensitive_attributes"] =
        json!([[{"type": "get_attr", "value": "assume_role_policy"}]]);
    partner["instances"][0]["private"] = json!(SECRET);
    all.push(partner);
    let mut text: Value = serde_json::from_str(&state(&all)).expect("JSON");
    text["outputs"] = json!({"password": {"value": SECRET, "type": "string", "sensitive": true}});
    let p = Program::new("");
    fs::write(p.path().join("prod.tfstate"), text.to_string()).expect("written");
    for format in ["text", "json", "markdown", "html", "sarif"] {
        let run = p.run(&[
            "review",
            "--terraform-state",
            "prod.tfstate",
            "-e",
            "dev=111111111111",
            "-e",
            "production=222222222222",
            "--format",
            format,
        ]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.out.contains("role/orders"), "{format}: {}", run.out);
        assert!(!run.out.contains(SECRET) && !run.err.contains(SECRET), "{format}");
    }
    // Nor an error: of a wrong shape, cut off, or without an account.
    let whole = text.to_string();
    for text in [
        whole.replace("\"mode\":\"managed\"", &format!("\"mode\":[\"{SECRET}\"]")),
        whole[..whole.len() - 9].to_owned(),
    ] {
        fs::write(p.path().join("prod.tfstate"), text).expect("written");
        let run = p
            .run(&["review", "--terraform-state", "prod.tfstate", "-e", "dev=111111111111"])
            .code(1);
        assert!(run.err.contains("prod.tfstate") && !run.err.contains(SECRET), "{}", run.err);
    }
}

/// A state in S3 is read with the caller's credentials.
#[test]
fn a_state_is_read_from_a_bucket() {
    let p = Program::new("");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
        let region = aws_config::Region::new("us-east-1");
        let client = s3(&endpoint.management().to_builder().region(region).build());
        client.create_bucket().bucket("acme-state").send().await.expect("made");
        let body = state(&objects()).into_bytes();
        let put = client.put_object().bucket("acme-state").key("apps/terraform.tfstate");
        put.body(body.into()).send().await.expect("put");
    });
    let run = |name: &str, code: i32| {
        let names = ["-e", "dev=111111111111", "-e", "production=222222222222", "--json"];
        p.run(&[&["review", "--terraform-state", name], &names[..]].concat()).code(code)
    };
    let review = run("s3://acme-state/apps/terraform.tfstate", 3).json();
    let rows = review.pointer("/isolation/matrix").and_then(Value::as_array).expect("a matrix");
    let row = rows.iter().find(|row| row["from"] == "dev" && row["to"] == "production");
    assert_eq!(row.expect("a wall")["after"], "conditional");
    assert_eq!(
        review["change"]["terraform_states"],
        json!(["s3://acme-state/apps/terraform.tfstate"])
    );
    for (name, says) in [
        ("s3://acme-state", "s3://BUCKET/KEY"),
        ("s3://acme-state/", "s3://BUCKET/KEY"),
        ("s3://acme-state/other.tfstate", "there is no object `s3://acme-state/other.tfstate`"),
        ("s3://nobody-s-state/apps.tfstate", "cannot read `s3://nobody-s-state/apps.tfstate`"),
        ("nowhere.tfstate", "cannot read `nowhere.tfstate`"),
    ] {
        let said = run(name, 1).err;
        assert!(said.contains(says), "{says}: {said}");
    }
}
