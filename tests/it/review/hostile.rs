//! Files that nobody made by accident: huge, deep, forged. Each ends with an error that says which file it is, and shows
//! nothing of what it holds.

use palisade::engine::review::{StackRequest, StateText, run};
use serde_json::json;

use super::lab::{Lab, PRODUCTION, Plan};

const SECRET: &str = "s3cr3t-0123456789";

/// What a review of a lab says that is refused; nothing of it is the secret that the files hold.
#[track_caller]
fn refused(lab: &Lab, says: &str) {
    let said = lab.refusal();
    assert!(said.contains(says), "{says}: {}", said.chars().take(2_000).collect::<String>());
    assert!(!said.contains(SECRET), "{said}");
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}\"{SECRET}\"{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn plans_of_a_hostile_author_are_refused() {
    let deep = |depth: usize| format!("{{\"resource_changes\": {}}}", nested("[", "]", depth));
    let object = nested("{\"a\":", "}", 200_000);
    for (text, says) in [
        (deep(200_000), "plan-0.json"),
        (deep(100), "plan-0.json"),
        (object, "plan-0.json"),
        (
            format!(
                "{{\"format_version\": \"9.0\", \"resource_changes\": [], \"x\": \"{SECRET}\"}}"
            ),
            "9.0",
        ),
        (
            format!("{{\"values\": {{}}, \"format_version\": \"1.0\", \"x\": \"{SECRET}\"}}"),
            "plan-0.json",
        ),
        (format!("\"{SECRET}\""), "plan-0.json"),
        (format!("{{\"resource_changes\": [{{\"address\": \"{SECRET}\"}}]}}"), "plan-0.json"),
        ("\u{0}".to_owned(), "plan-0.json"),
        (String::new(), "plan-0.json"),
    ] {
        refused(&Lab::new().plan_text(&text), says);
    }
    // A large one is read: 40,000 changes that bear no access.
    let change = |n: usize| {
        json!({
            "address": format!("aws_vpc.v[{n}]"), "mode": "managed", "type": "aws_vpc", "name": "v",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": null, "after": {"tags": {"n": n}}, "after_unknown": {}}
        })
    };
    let plan = Plan::new(Vec::new())
        .with(|plan| plan["resource_changes"] = (0..40_000).map(change).collect());
    let outcome = Lab::new().plan(&plan).review().expect("a review");
    assert_eq!(outcome.change.harmless, 40_000);
}

#[test]
fn states_of_a_hostile_author_are_refused() {
    let lab = Lab::new();
    let review = |text: String| {
        let mut request = lab.request();
        request.terraform_states = vec![StateText { name: "own.tfstate".to_owned(), text }];
        run(&request)
    };
    let block = |content: &str| format!("{{\"version\": 4, \"resources\": [{content}]}}");
    for text in [
        nested("[", "]", 200_000),
        nested("{\"a\":", "}", 200_000),
        block(&nested("[", "]", 200_000)),
        block(&format!(
            "{{\"mode\": \"managed\", \"type\": \"aws_vpc\", \"name\": \"v\", \"instances\": [{{\"attributes\": {}}}]}}",
            nested("{\"a\":", "}", 200)
        )),
        format!(
            "{{\"format_version\": \"1.0\", \"values\": {{\"root_module\": {}}}}}",
            nested("{\"child_modules\":[", "]}", 100)
        ),
        format!("{{\"version\": \"{SECRET}\"}}"),
        format!("{{\"version\": 4, \"resources\": \"{SECRET}\"}}"),
        block(&format!("{{\"mode\": \"{SECRET}\"}}")),
        format!("\"{SECRET}\""),
        "\u{0}".to_owned(),
        String::new(),
    ] {
        let shown: String = text.chars().take(60).collect();
        let error = review(text).expect_err("refused");
        let said = format!("{:?}", error.diagnostics());
        assert!(said.contains("own.tfstate") && !said.contains(SECRET), "{shown}: {said}");
    }
    // Forged: an account that is none, ARNs of others, lists for texts. It is read or refused, and proves nothing closed.
    let object = |kind: &str, attributes: serde_json::Value| {
        json!({"mode": "managed", "type": kind, "name": "x", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
            "instances": [{"attributes": attributes, "sensitive_attributes": [[], [{}], 7, "x"]}]})
    };
    for (kind, attributes) in [
        ("aws_iam_role", json!({"arn": "arn:aws:iam::1:role/x", "name": "x"})),
        (
            "aws_iam_role",
            json!({"arn": format!("arn:aws:iam::{PRODUCTION}:role/x"), "name": ["x"], "assume_role_policy": 7}),
        ),
        (
            "aws_iam_role",
            json!({"arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "name": "other", "tags_all": [], "inline_policy": {}}),
        ),
        (
            "aws_iam_policy_attachment",
            json!({"policy_arn": format!("arn:aws:iam::{PRODUCTION}:policy/x"), "roles": "x", "arn": format!("arn:aws:iam::{PRODUCTION}:x")}),
        ),
        (
            "aws_s3_bucket_policy",
            json!({"bucket": "arn:aws:s3:::acme-ledger", "policy": "{", "arn": format!("arn:aws:iam::{PRODUCTION}:x")}),
        ),
        (
            "aws_lambda_permission",
            json!({"function_name": format!("arn:aws:lambda:us-east-1:{PRODUCTION}:function:f"), "statement_id": [], "principal": "*"}),
        ),
    ] {
        let _ = review(json!({"version": 4, "resources": [object(kind, attributes)]}).to_string());
    }
    // A large one is read: 40,000 objects that bear no access.
    let instance = |n: usize| json!({"index_key": n, "attributes": {"id": format!("vpc-{n}"), "tags": {"n": n}}});
    let mut many = object("aws_vpc", json!({}));
    many["instances"] = (0..40_000).map(instance).collect();
    review(json!({"version": 4, "resources": [many]}).to_string()).expect("a review");
}

#[test]
fn dumps_of_a_hostile_author_are_refused() {
    let deep = nested("[", "]", 200_000);
    let details = format!("accounts/{PRODUCTION}/account-authorization-details.json");
    let buckets = format!("accounts/{PRODUCTION}/buckets.json");
    let policies = format!("accounts/{PRODUCTION}/resource-policies.json");
    for name in [details.as_str(), &buckets, &policies, "organization.json"] {
        for text in [deep.as_str(), &format!("\"{SECRET}\""), &format!("{{\"{SECRET}\": "), "\u{0}"]
        {
            let lab = Lab::new();
            lab.write_text(name, text);
            refused(&lab, name.rsplit('/').next().unwrap_or_default());
        }
    }
    // Of another account than the folder's.
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |role| {
        role["Arn"] = json!("arn:aws:iam::444444444444:role/settle")
    });
    refused(&lab, "which is not of account");
}

#[test]
fn stacks_of_a_hostile_author_are_refused() {
    let template = "Resources: {R: {Type: 'AWS::EC2::VPC'}}";
    let with = |template: &str, deployed: Option<&str>| {
        let mut lab = Lab::new();
        lab.write_text("app.yaml", template);
        let mut stack = StackRequest {
            name: "app".to_owned(),
            template: lab.folder().join("app.yaml"),
            account: Some(PRODUCTION.parse().expect("an id")),
            is_new: deployed.is_none(),
            ..StackRequest::default()
        };
        if let Some(text) = deployed {
            lab.write_text("deployed.json", text);
            stack.deployed.push(lab.folder().join("deployed.json"));
        }
        lab.stacks.push(stack);
        lab
    };
    for (text, says) in [
        (nested("[", "]", 200_000), "app.yaml"),
        (nested("{a: ", "}", 50_000), "app.yaml"),
        (format!("{{\"TemplateBody\": \"{SECRET}\"}}"), "app.yaml"),
        ("- ".repeat(50_000), "nests deeper"),
    ] {
        refused(&with(&text, None), says);
    }
    // Each name stands for ten of the one before it.
    let mut laughs = String::from("Metadata:\n  a0: &a0 [x]\n");
    for n in 0..12 {
        let ten = vec![format!("*a{n}"); 10].join(", ");
        laughs.push_str(&format!("  a{}: &a{} [{ten}]\n", n + 1, n + 1));
    }
    refused(&with(&format!("{laughs}{template}"), None), "more than 500000 values");
    for text in [
        nested("[", "]", 200_000),
        format!("{{\"StackResources\": \"{SECRET}\"}}"),
        format!("{{\"{SECRET}\": 1}}"),
        format!("{{\"Stacks\": [{{}}, {{}}], \"x\": \"{SECRET}\"}}"),
        format!("{{\"TemplateBody\": {}}}", nested("[", "]", 60)),
    ] {
        refused(&with(template, Some(&text)), "deployed.json");
    }
    // A template that holds itself.
    let mut lab = with(
        "Resources: {A: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: app.yaml}}}",
        None,
    );
    lab.stacks[0].region = Some("us-east-1".to_owned());
    let outcome = lab.review().expect("a review");
    assert!(outcome.change.not_judged.join("\n").contains("more than 200 stacks within one"));
}
