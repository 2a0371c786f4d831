//! Files and lines of what a plan opens, where the `.tf` files are at hand, and the formats that show them.

use palisade::engine::review::ReviewOutcome;
use palisade::render;
use serde_json::{Value, json};

use super::lab::{Change, DEV, Lab, PRODUCTION, Plan, lets_in, root};

const LEDGER: &str = r#"# the bucket of the ledger
data "aws_iam_policy_document" "ledger" {
  statement {
    sid = "Own"
  }

  statement {
    sid       = "Export"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-ledger/*"]
  }
}

resource "aws_s3_bucket_policy" "ledger" {
  bucket = "acme-ledger"
  policy = data.aws_iam_policy_document.ledger.json
}
"#;

const SETTLE: &str = r#"resource "aws_iam_role" "settle" {
  name = "settle"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
      },
      { Effect = "Allow", Principal = { AWS = "111111111111" } },
    ]
  })
}
"#;

fn two(first: Value, second: Value) -> Value {
    let mut policy = first;
    let all = policy["Statement"].as_array_mut().expect("statements");
    all.push(second["Statement"][0].clone());
    policy
}

/// The policy of the bucket lets `dev` in by its second statement.
fn bucket(address: &'static str) -> Change {
    let own = lets_in(&root(PRODUCTION), "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
    let mut open = lets_in(&root(DEV), "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
    open["Statement"][0]["Sid"] = json!("Export");
    Change {
        address,
        after: json!({"bucket": "acme-ledger", "policy": two(own, open).to_string()}),
        ..Change::default()
    }
}

/// Places of the statements that grant what the plan adds.
fn statements(outcome: &ReviewOutcome) -> Vec<String> {
    let added = outcome.isolation.changes.iter().filter(|path| path.from.environment == "dev");
    let grants = added.flat_map(|path| &path.via).flat_map(|hop| &hop.granted_by);
    let mut all: Vec<String> = grants.filter_map(|grant| grant.location.clone()).collect();
    all.iter_mut().for_each(|place| {
        *place = place.rsplit('/').next().unwrap_or_default().to_owned();
    });
    all.sort();
    all.dedup();
    all
}

fn log(outcome: &ReviewOutcome) -> Value {
    let mut out = Vec::new();
    render::sarif::review(outcome, "", &mut out).expect("written");
    serde_json::from_slice(&out).expect("JSON")
}

#[test]
fn a_statement_has_the_line_that_it_is_written_in() {
    let lab = Lab::new();
    lab.write_text("ledger.tf", LEDGER);
    let outcome = lab
        .plan(&Plan::new(vec![bucket("aws_s3_bucket_policy.ledger")]))
        .review()
        .expect("a review");
    assert_eq!(statements(&outcome), ["ledger.tf:7"]);

    let lab = Lab::new();
    lab.write_text("roles.tf", SETTLE);
    let trusts = |id: &str| json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root(id)}}]);
    let both =
        json!({"Version": "2012-10-17", "Statement": [trusts(PRODUCTION)[0], trusts(DEV)[0]]});
    let own = json!({"Version": "2012-10-17", "Statement": trusts(PRODUCTION)});
    let arn = format!("arn:aws:iam::{PRODUCTION}:role/settle");
    let role = |trust: Value| json!({"name": "settle", "path": "/", "arn": arn, "assume_role_policy": trust.to_string()});
    let outcome = lab
        .plan(&Plan::new(vec![Change {
            address: "aws_iam_role.settle",
            actions: &["update"],
            before: role(own),
            after: role(both),
            ..Change::default()
        }]))
        .review()
        .expect("a review");
    assert_eq!(statements(&outcome), ["roles.tf:9"]);
}

#[test]
fn modules_are_followed_and_what_is_not_at_hand_has_no_place() {
    let lab = Lab::new();
    lab.write_text("main.tf", "module \"own\" {\n  source = \"./own\"\n}\n");
    lab.write_text("own/ledger.tf", LEDGER);
    let plan = |address: &'static str| {
        Plan::new(vec![bucket(address)]).with(|plan| {
            let change = &mut plan["resource_changes"][0];
            change["module_address"] = json!("module.own");
            change["type"] = json!("aws_s3_bucket_policy");
            change["name"] = json!("ledger");
        })
    };
    let lab = lab.plan(&plan("module.own.aws_s3_bucket_policy.ledger"));
    let outcome = lab.review().expect("a review");
    assert_eq!(statements(&outcome), ["ledger.tf:7"]);

    let nowhere = Lab::new().plan(&Plan::new(vec![bucket("aws_s3_bucket_policy.ledger")]));
    let outcome = nowhere.review().expect("a review");
    assert_eq!(statements(&outcome), Vec::<String>::new());
    // A file that cannot be read as configuration keeps nothing from being judged.
    let broken = Lab::new();
    broken.write_text("ledger.tf", "resource \"aws_s3_bucket_policy\" {{{");
    let broken = broken.plan(&Plan::new(vec![bucket("aws_s3_bucket_policy.ledger")]));
    let outcome = broken.review().expect("a review");
    assert_eq!(statements(&outcome), Vec::<String>::new());
    assert!(outcome.isolation.broken() > 0);
}

/// Code scanning shows a result at the line that causes it; without files, at the plan.
#[test]
fn a_log_for_code_scanning_and_a_page_show_what_was_found() {
    let lab = Lab::new();
    lab.write_text("ledger.tf", LEDGER);
    let lab = lab.plan(&Plan::new(vec![bucket("aws_s3_bucket_policy.ledger")]));
    let mut outcome = lab.review().expect("a review");
    for path in &mut outcome.isolation.violations {
        for grant in path.via.iter_mut().flat_map(|hop| &mut hop.granted_by) {
            grant.location = grant
                .location
                .take()
                .map(|at| at.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    let log = log(&outcome);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(!results.is_empty());
    let places: Vec<(&str, u64)> = results
        .iter()
        .map(|result| {
            let place = &result["locations"][0]["physicalLocation"];
            (
                place["artifactLocation"]["uri"].as_str().expect("a file"),
                place["region"]["startLine"].as_u64().expect("a line"),
            )
        })
        .collect();
    assert!(places.contains(&("ledger.tf", 7)), "{places:?}");

    let mut page = Vec::new();
    render::html::review::page(&outcome, &mut page).expect("written");
    let page = String::from_utf8(page).expect("text");
    assert!(page.contains("<title>Palisade review of dev, production</title>"), "{page}");
    assert!(page.contains("aws_s3_bucket_policy.ledger") && page.contains("ledger.tf:7"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}
