//! Two environments are planned apart and applied apart.

use crate::support::cli::Program;

/// A role in development and one in production.
const APART: &str = r#"
palisade {
  name = "acme"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "prod" {
  name  = "acme-prod"
  email = "prod@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "prod" {
  accounts = [account.prod]
}
iam_role "app" {
  environments = [environment.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "own" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-dev/*"]
  }
}
iam_role "target" {
  environments = [environment.prod]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "own" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-prod/*"]
  }
}
"#;

#[test]
fn a_saved_plan_of_one_environment_outlives_an_apply_to_another() {
    let p = Program::new(APART);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write(
        "main.hcl",
        &APART.replace("acme-dev/*", "acme-dev/a/*").replace("acme-prod/*", "acme-prod/a/*"),
    );
    p.run(&["plan", "--account", "dev", "--out", "dev.plan"]).code(0);
    p.run(&["plan", "--account", "prod", "--out", "prod.plan"]).code(0);
    p.run(&["apply", "dev.plan"]).code(0);
    p.run(&["apply", "prod.plan"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}
