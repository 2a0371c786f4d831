//! Blocks of AWS resource types: from what is written to what Cloud Control holds.

use serde_json::{Value, json};

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;
use crate::support::snapshots;

const ESTATE: &str = r#"
palisade { name = "acme" }
provider "aws" {
  region       = "eu-west-1"
  default_tags = { owner = "platform" }
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
variable "days" { default = 30 }
variable "class" { default = "STANDARD" }
variable "cidr" { default = "10.0.0.0/16" }

resource "AWS::Logs::LogGroup" "app" {
  accounts = [account.dev]
  properties = {
    LogGroupName    = "/acme/app"
    RetentionInDays = var.days
    LogGroupClass   = var.class
  }
  tags = { team = "app" }
}

resource "AWS::EC2::VPC" "main" {
  accounts = [account.dev]
  properties = {
    CidrBlock          = var.cidr
    EnableDnsHostnames = true
  }
}

resource "AWS::EC2::Subnet" "each" {
  for_each = toset(["a", "b"])
  accounts = [account.dev]
  properties = {
    VpcId            = resource["AWS::EC2::VPC"].main.VpcId
    CidrBlock        = cidrsubnet(var.cidr, 8, each.key == "a" ? 1 : 2)
    AvailabilityZone = "eu-west-1${each.key}"
  }
}

output "log_group" { value = resource["AWS::Logs::LogGroup"].app.Arn }
"#;

struct Held {
    endpoint: Endpoint,
}

impl Held {
    async fn open(p: &Program) -> Self {
        Self { endpoint: Endpoint::open(&p.path().join(".palisade/sandbox")).await }
    }

    /// What Cloud Control holds of a type in the account `acme-dev`, by identifier.
    async fn of(&self, ty: &str) -> Vec<(String, Value)> {
        let accounts = self.endpoint.accounts().await;
        let id = accounts.iter().find(|a| a.name == "acme-dev").expect("there").id.clone();
        let client = aws_sdk_cloudcontrol::Client::new(&self.endpoint.account(&id).await);
        let pages = client.list_resources().type_name(ty).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("listed");
        let all = pages.iter().flat_map(|page| page.resource_descriptions());
        let of = |text: &str| serde_json::from_str(text).expect("a model");
        all.map(|one| {
            (one.identifier().expect("one").to_owned(), of(one.properties().expect("some")))
        })
        .collect()
    }
}

#[tokio::test]
async fn objects_of_any_type_are_made_changed_replaced_and_deleted() {
    let p = Program::new(ESTATE);
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains(r#"resource["AWS::Logs::LogGroup"].app@dev"#), "{plan}");
    p.run(&["apply", "--auto-approve"]).code(0);
    let output = p.run(&["output", "log_group"]).code(0).out;
    assert!(output.contains("arn:aws:logs:eu-west-1:"), "{output}");
    let held = Held::open(&p).await;
    let groups = held.of("AWS::Logs::LogGroup").await;
    let [(id, group)] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((id.as_str(), &group["RetentionInDays"]), ("/acme/app", &json!(30)));
    let tags: Vec<&str> = group["Tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| tag["Key"].as_str().expect("a key"))
        .collect();
    assert_eq!(tags, ["owner", "palisade:address", "palisade:name", "team"]);
    let vpcs = held.of("AWS::EC2::VPC").await;
    let subnets = held.of("AWS::EC2::Subnet").await;
    assert_eq!(subnets.len(), 2);
    assert!(subnets.iter().all(|(_, subnet)| subnet["VpcId"] == vpcs[0].0.as_str()), "{subnets:?}");
    drop(held);

    // What AWS filled in is no difference, and nothing else is.
    let again = p.run(&["plan", "--detailed-exitcode"]).code(0);
    assert!(again.out.contains("No changes"), "{}", again.out);
    p.run(&["drift"]).code(0);

    // In place: the smallest leaf.
    p.run(&["apply", "--auto-approve", "--var", "days=90"]).code(0);
    let held = Held::open(&p).await;
    assert_eq!(held.of("AWS::Logs::LogGroup").await[0].1["RetentionInDays"], json!(90));
    drop(held);
    p.run(&["plan", "--detailed-exitcode", "--var", "days=90"]).code(0);

    // What is settled at creation: the network and all that stands in it.
    let plan =
        p.run(&["plan", "--json", "--var", "days=90", "--var", "cidr=10.1.0.0/16"]).code(0).json();
    let action = |address: &str| {
        let all = plan["resource_changes"].as_array().expect("a list");
        all.iter().find(|c| c["address"] == address).unwrap_or_else(|| panic!("{address}"))["action"].clone()
    };
    assert_eq!(action(r#"resource["AWS::EC2::VPC"].main@dev"#), "replace");
    assert_eq!(action(r#"resource["AWS::EC2::Subnet"].each["a"]@dev"#), "replace");
    assert_eq!(action(r#"resource["AWS::Logs::LogGroup"].app@dev"#), "no_op");
    p.run(&["apply", "--auto-approve", "--var", "days=90", "--var", "cidr=10.1.0.0/16"]).code(0);
    let held = Held::open(&p).await;
    let now = held.of("AWS::EC2::VPC").await;
    assert_eq!((now.len(), &now[0].1["CidrBlock"]), (1, &json!("10.1.0.0/16")));
    assert_ne!(now[0].0, vpcs[0].0);
    drop(held);

    p.run(&[
        "destroy",
        "--auto-approve",
        "--var",
        "days=90",
        "--var",
        "cidr=10.1.0.0/16",
        "-t",
        "resource[\"AWS::EC2::VPC\"].main",
        "-t",
        "resource[\"AWS::EC2::Subnet\"].each",
        "-t",
        "resource[\"AWS::Logs::LogGroup\"].app",
    ])
    .code(0);
    let held = Held::open(&p).await;
    for ty in ["AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::Logs::LogGroup"] {
        assert!(held.of(ty).await.is_empty(), "{ty}");
    }
}

#[test]
fn what_a_schema_does_not_allow_is_told_at_its_place() {
    let p = Program::new(&ESTATE.replace(
        "RetentionInDays = var.days",
        "RetentionDays = 30\n    RetentionInDays = 31\n    Arn = \"x\"\n    Tags = []",
    ));
    p.write(
        "more.hcl",
        r#"
resource "AWS::Logs::LogGroops" "a" {
  accounts = [account.dev]
}
resource "AWS::IAM::Role" "b" {
  accounts = [account.dev]
}
resource "AWS::SQS::QueuePolicy" "c" {
  accounts = [account.dev]
}
resource "AWS::KMS::Key" "d" {
  accounts   = [account.dev]
  properties = { KeyPolicy = { Version = "2012-10-17" } }
}
resource "AWS::EFS::FileSystem" "e" {
  accounts   = [account.dev]
  properties = { Encrypted = true, FileSystemPolicy = { Version = "2012-10-17" } }
}
"#,
    );
    let refused = p.run(&["validate"]).code(1);
    snapshots("resources").bind(|| insta::assert_snapshot!("refused", refused.err));
}

/// Whatever is interrupted, nothing is made twice and nothing is lost: also where AWS chooses the name, so that only the
/// ownership tag tells what a lost answer has made.
#[tokio::test]
async fn an_apply_that_is_cut_off_anywhere_makes_each_object_once() {
    let account = "account \"dev\" {";
    let (head, blocks) = ESTATE.split_at(ESTATE.find("resource ").expect("blocks"));
    assert!(head.contains(account));
    let mut cuts = 0;
    for point in (4..).step_by(3) {
        let p = Program::new(head);
        p.run(&["apply", "--auto-approve"]).code(0);
        p.write("main.hcl", ESTATE);
        let mut command = p.command(&["apply", "--auto-approve"]);
        let cut = command.env("PALISADE_SANDBOX_CUT", point.to_string()).output().expect("runs");
        if cut.status.success() {
            break;
        }
        cuts += 1;
        p.run(&["apply", "--auto-approve"]).code(0);
        p.run(&["plan", "--detailed-exitcode"]).code(0);
        let held = Held::open(&p).await;
        let mut counts = Vec::new();
        for ty in ["AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::Logs::LogGroup"] {
            counts.push(held.of(ty).await.len());
        }
        assert_eq!(counts, [1, 2, 1], "cut at {point}");
    }
    assert!(cuts > 5, "{cuts} cuts of {}", blocks.len());
}

#[tokio::test]
async fn an_object_that_exists_is_imported_by_its_identifier() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    let held = Held::open(&p).await;
    let (vpc, _) = held.of("AWS::EC2::VPC").await.remove(0);
    drop(held);
    let forget = r#"resource["AWS::EC2::VPC"].main@dev"#;
    p.run(&["state", "rm", forget]).code(0);
    p.write(
        "import.hcl",
        &format!(
            "import {{\n  to = resource[\"AWS::EC2::VPC\"].main.at[\"dev\"]\n  id = \"{vpc}\"\n}}\n"
        ),
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    let held = Held::open(&p).await;
    let all = held.of("AWS::EC2::VPC").await;
    assert_eq!((all.len(), &all[0].0), (1, &vpc));
}
