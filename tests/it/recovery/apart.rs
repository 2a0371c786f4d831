//! Two environments are planned apart and applied apart.

use crate::support::cli::Program;
use crate::support::estates::two_environments;

/// A role in development and one in production.
const ROLES: &str = r#"iam_role "app" {
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
  environments = [environment.production]
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
    let apart = two_environments(ROLES);
    let p = Program::new(&apart);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write(
        "main.hcl",
        &apart.replace("acme-dev/*", "acme-dev/a/*").replace("acme-prod/*", "acme-prod/a/*"),
    );
    p.run(&["plan", "--account", "dev", "--out", "dev.plan"]).code(0);
    p.run(&["plan", "--account", "production", "--out", "prod.plan"]).code(0);
    p.run(&["apply", "dev.plan"]).code(0);
    p.run(&["apply", "prod.plan"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn two_plans_that_are_harmless_alone_open_no_wall_together() {
    let apart = two_environments(ROLES);
    let p = Program::new(&apart);
    p.run(&["apply", "--auto-approve"]).code(0);
    // One lets development's role assume whatever trusts it; the other trusts it.
    let assuming = apart.replace(
        "[\"s3:GetObject\"]\n    resources = [\"arn:aws:s3:::acme-dev/*\"]",
        "[\"sts:AssumeRole\"]\n    resources = [\"*\"]",
    );
    let service = "iam_role \"target\" {\n  environments = [environment.production]\n  trust {\n    services = [\"ec2.amazonaws.com\"]";
    let trusting = apart.replace(service,
        "iam_role \"target\" {\n  environments = [environment.production]\n  trust {\n    aws = [\"arn:aws:iam::${account.dev.id}:role/app\"]");
    assert!(assuming != apart && trusting != apart);
    for (text, environment, file) in
        [(&assuming, "dev", "dev.plan"), (&trusting, "production", "prod.plan")]
    {
        p.write("main.hcl", text);
        let plan =
            p.run(&["plan", "--environment", environment, "--out", file, "--format", "json"]);
        let plan = plan.code(0).json();
        assert_eq!(plan["isolation"]["changes"], serde_json::json!([]), "{environment}");
    }
    p.write("main.hcl", &assuming);
    p.run(&["apply", "dev.plan"]).code(0);
    p.write("main.hcl", &trusting);
    let refused = p.run(&["apply", "prod.plan"]).code(4);
    assert!(
        refused.err.contains("the walls moved: dev -> production added, reachable"),
        "{}",
        refused.err
    );
    // The trust policy is as it was.
    let walls = p.run(&["isolation", "--json"]).code(0).out;
    assert!(!walls.contains("role/target"), "{walls}");
}
