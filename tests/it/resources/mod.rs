//! Blocks of AWS resource types: from what is written to what Cloud Control holds.

mod adopted;
mod every_type;

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
        self.within("eu-west-1", ty).await
    }

    /// The same in another Region.
    async fn within(&self, region: &'static str, ty: &str) -> Vec<(String, Value)> {
        let accounts = self.endpoint.accounts().await;
        let id = accounts.iter().find(|a| a.name == "acme-dev").expect("there").id.clone();
        let config = self.endpoint.account(&id).await.to_builder();
        let config = config.region(aws_config::Region::new(region)).build();
        let client = aws_sdk_cloudcontrol::Client::new(&config);
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

/// One account, the same identifier in two Regions: each is an object of its own for plans, state, imports and drift.
#[tokio::test]
async fn an_object_stands_in_the_region_that_its_block_says() {
    let begin = ESTATE.find("resource ").expect("blocks");
    let head = ESTATE.get(..begin).expect("a head");
    let estate = |regions: &str, days: u8| {
        format!(
            r#"{head}
resource "AWS::Logs::LogGroup" "each" {{
  regions  = {regions}
  accounts = [account.dev]
  properties = {{
    LogGroupName    = "/acme/app"
    RetentionInDays = each.key == "us-east-1" ? {days} : 30
  }}
}}
resource "AWS::EC2::VPC" "far" {{
  region   = "us-west-2"
  accounts = [account.dev]
  properties = {{
    CidrBlock = "10.1.0.0/16"
  }}
}}
"#
        )
    };
    let p = Program::new(&estate("[\"eu-west-1\", \"us-east-1\"]", 7));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let held = Held::open(&p).await;
    let days = async |held: &Held, region: &'static str| -> Vec<(String, Value)> {
        let all = held.within(region, "AWS::Logs::LogGroup").await;
        all.into_iter().map(|(id, model)| (id, model["RetentionInDays"].clone())).collect()
    };
    let named = |days: u8| vec![("/acme/app".to_owned(), Value::from(days))];
    assert_eq!(days(&held, "eu-west-1").await, named(30));
    assert_eq!(days(&held, "us-east-1").await, named(7));
    assert_eq!(held.within("us-west-2", "AWS::EC2::VPC").await.len(), 1);
    assert!(held.within("eu-west-1", "AWS::EC2::VPC").await.is_empty());
    drop(held);

    // A change of the one is none of the other.
    p.write("main.hcl", &estate("[\"eu-west-1\", \"us-east-1\"]", 14));
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("app") || plan.contains("each[\"us-east-1\"]"), "{plan}");
    assert!(!plan.contains("each[\"eu-west-1\"]"), "{plan}");
    p.run(&["apply", "--auto-approve"]).code(0);
    let held = Held::open(&p).await;
    assert_eq!(days(&held, "eu-west-1").await, named(30));
    assert_eq!(days(&held, "us-east-1").await, named(14));
    drop(held);

    // What is imported is the object of that Region.
    p.run(&["state", "rm", r#"resource["AWS::Logs::LogGroup"].each["us-east-1"]@dev"#]).code(0);
    p.write(
        "import.hcl",
        "import {\n  to = resource[\"AWS::Logs::LogGroup\"].each[\"us-east-1\"].at[\"dev\"]\n  id = \"/acme/app\"\n}\n",
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.write("import.hcl", "");

    // Another Region is another object.
    let far = |region: &str| estate("[\"eu-west-1\"]", 14).replace("us-west-2", region);
    p.write("main.hcl", &far("us-west-1"));
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("1 to replace") && plan.contains("1 to delete"), "{plan}");
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let held = Held::open(&p).await;
    assert_eq!(days(&held, "eu-west-1").await, named(30));
    assert!(days(&held, "us-east-1").await.is_empty());
    assert!(held.within("us-west-2", "AWS::EC2::VPC").await.is_empty());
    assert_eq!(held.within("us-west-1", "AWS::EC2::VPC").await.len(), 1);
}

#[test]
fn a_region_that_cannot_be_meant_is_told_at_its_place() {
    let block = |says: &str| {
        let begin = ESTATE.find("resource ").expect("blocks");
        let head = ESTATE.get(..begin).expect("a head");
        format!(
            "{head}\nresource \"AWS::EC2::VPC\" \"main\" {{\n  {says}\n  accounts   = [account.dev]\n  properties = {{ CidrBlock = \"10.0.0.0/16\" }}\n}}\n"
        )
    };
    for (says, told) in [
        ("region = \"eu-wset-1\"", "there is no Region `eu-wset-1`"),
        ("region = \"eu-wset-1\"", "did you mean `eu-west-1`?"),
        ("region = \"cn-north-1\"", "`cn-north-1` is in the partition `aws-cn`"),
        ("regions = [\"eu-west-1\", \"eu-wset-2\"]", "there is no Region `eu-wset-2`"),
        ("regions = [\"eu-west-1\"]\n  region = \"eu-west-1\"", "`regions` and `region` exclude"),
        ("regions = [\"eu-west-1\"]\n  for_each = {}", "`regions` and `for_each` exclude"),
    ] {
        let refused = Program::new(&block(says)).run(&["validate"]).code(1).err;
        assert!(refused.contains(told), "{says}: {refused}");
        assert!(refused.contains("main.hcl:"), "{says}: {refused}");
    }
}

/// What one Region serves for all is managed there, whatever Region the account has, and appears once.
#[tokio::test]
async fn what_is_global_is_managed_in_one_region() {
    let begin = ESTATE.find("resource ").expect("blocks");
    let head = ESTATE.get(..begin).expect("a head");
    let block = |says: &str| {
        format!(
            "{head}\nresource \"AWS::Route53::HostedZone\" \"acme\" {{\n  {says}\n  accounts   = [account.dev]\n  properties = {{ Name = \"acme.example\" }}\n}}\nresource \"AWS::WAFv2::IPSet\" \"front\" {{\n  accounts   = [account.dev]\n  properties = {{ Scope = \"CLOUDFRONT\", IPAddressVersion = \"IPV4\", Addresses = [] }}\n}}\n"
        )
    };
    let p = Program::new(&block(""));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let held = Held::open(&p).await;
    assert_eq!(held.within("us-east-1", "AWS::Route53::HostedZone").await.len(), 1);
    assert!(held.within("eu-west-1", "AWS::Route53::HostedZone").await.is_empty());
    drop(held);
    for says in ["region = \"eu-west-1\"", "regions = [\"us-east-1\", \"eu-west-1\"]"] {
        p.write("main.hcl", &block(says));
        let refused = p.run(&["validate"]).code(1).err;
        let told = "objects of `AWS::Route53::HostedZone` are the same in every Region, and managed in `us-east-1`";
        assert!(refused.contains(told) && refused.contains("main.hcl:"), "{says}: {refused}");
    }
}
