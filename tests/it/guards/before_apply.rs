//! What AWS would refuse in the middle of an apply is said by the plan before it, and what no waiting brings is not
//! waited for.

use crate::support::cli::Program;
use crate::support::front::{Front, Way};
use crate::true_to_aws::run;

const ESTATE: &str = r#"
palisade {
  name = "kestrel"
}
provider "aws" {
  region = "us-east-1"
}
organization "kestrel" {}
account "dev" {
  name  = "kestrel-dev"
  email = "aws+dev@kestrel.example"
}
account "prod" {
  name  = "kestrel-prod"
  email = "aws+prod@kestrel.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "prod" {
  accounts = [account.prod]
}
"#;

/// What a plan of the estate and more says, as one line without a frame.
fn plan(more: &str, code: i32) -> String {
    let program = Program::new(&format!("{ESTATE}{more}"));
    program.run(&["plan"]).code(code).err.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_policy_whose_type_is_not_enabled_is_refused() {
    let scp = r#"
service_control_policy "stay" {
  targets = [organization.kestrel]
  statement "Stay" {
    effect    = "Deny"
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
"#;
    let said = plan(scp, 1);
    assert!(said.contains("the policy type `SERVICE_CONTROL_POLICY` is not enabled"), "{said}");
    assert!(said.contains(r#"add "SERVICE_CONTROL_POLICY" to `enabled_policy_types`"#), "{said}");
    let tags = r#"
organization_policy "cost" {
  type    = "TAG_POLICY"
  targets = [organization.kestrel]
  content = { tags = { cost = { tag_key = { "@@assign" = "Cost" } } } }
}
"#;
    let said = plan(tags, 1);
    assert!(said.contains("the policy type `TAG_POLICY` is not enabled"), "{said}");
    // Not attached, an SCP waits for its type.
    plan(&scp.replace("targets = [organization.kestrel]", ""), 0);
}

#[test]
fn one_bucket_name_is_given_once_in_all_accounts() {
    let said = plan(
        r#"
s3_bucket "data" {
  environments = [environment.dev, environment.prod]
  bucket       = "kestrel-data"
}
"#,
        1,
    );
    assert!(said.contains("would both be an S3 bucket `kestrel-data` in AWS"), "{said}");
}

#[test]
fn a_slip_in_a_managed_policy_or_a_region_is_warned_of() {
    let said = plan(
        r#"
iam_role "reader" {
  environments     = [environment.dev]
  managed_policies = ["arn:aws:iam::aws:policy/ReadOnlyAcces"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
s3_bucket "data" {
  accounts = [account.dev]
  bucket   = "kestrel-data"
  region   = "eu-wast-1"
}
"#,
        0,
    );
    assert!(said.contains("did you mean `ReadOnlyAccess`?"), "{said}");
    assert!(said.contains("`eu-wast-1` is not a known AWS Region"), "{said}");
    assert!(said.contains("did you mean `eu-west-1`?"), "{said}");
}

#[test]
fn a_managed_policy_that_is_missing_is_not_waited_for() {
    let front = Front::open(Way::default());
    let role = r#"
iam_role "reader" {
  environments     = [environment.dev]
  managed_policies = ["arn:aws:iam::aws:policy/ReadOnlyAcces"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;
    let program = Program::new(&format!("{ESTATE}{role}"));
    let said = run(&program, &front, &["apply", "--auto-approve"]).code(1).err;
    assert!(said.contains("did you mean `ReadOnlyAccess`?"), "{said}");
    let asked =
        front.seen().iter().filter(|s| s.text().contains("Action=AttachRolePolicy")).count();
    assert_eq!(asked, 1, "{said}");
}

#[test]
fn the_state_of_another_estate_is_refused_until_the_estate_is_renamed() {
    let program = Program::new(ESTATE);
    program.run(&["apply", "--auto-approve"]).code(0);
    program.write("main.hcl", &ESTATE.replacen("name = \"kestrel\"", "name = \"merlin\"", 1));
    for args in [&["plan"][..], &["drift"], &["destroy", "--auto-approve"], &["init"]] {
        let said = program.run(args).code(1).err;
        let said = said.replace('\u{2502}', " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("belongs to the estate `kestrel`, and this configuration is of `merlin`"),
            "{args:?}: {said}"
        );
    }
    let said = program.run(&["init", "--rename-estate"]).code(0).out;
    assert!(said.contains("the estate was called `kestrel` before"), "{said}");
    program.run(&["plan"]).code(0);
    program.write("main.hcl", ESTATE);
    program.run(&["plan"]).code(1);
}
