//! Two environments are planned apart and applied apart.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::sync::Arc;

use palisade::state::{Acquired, LeaseHolder, Ledger, LocalStore, Terms};

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

/// Development's role may assume whatever trusts it; production's role trusts it. Each change is
/// harmless alone.
fn halves(apart: &str) -> (String, String) {
    let assuming = apart.replace(
        "[\"s3:GetObject\"]\n    resources = [\"arn:aws:s3:::acme-dev/*\"]",
        "[\"sts:AssumeRole\"]\n    resources = [\"*\"]",
    );
    let service = "iam_role \"target\" {\n  environments = [environment.production]\n  trust {\n    services = [\"ec2.amazonaws.com\"]";
    let trusting = apart.replace(service,
        "iam_role \"target\" {\n  environments = [environment.production]\n  trust {\n    aws = [\"arn:aws:iam::${account.dev.id}:role/app\"]");
    assert!(assuming != apart && trusting != apart);
    (assuming, trusting)
}

#[test]
fn two_plans_that_are_harmless_alone_open_no_wall_together() {
    let apart = two_environments(ROLES);
    let p = Program::new(&apart);
    p.run(&["apply", "--auto-approve"]).code(0);
    let (assuming, trusting) = halves(&apart);
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

/// The state of a program's sandbox, as another process sees it.
fn ledger(p: &Program) -> Ledger {
    Ledger::new(Arc::new(LocalStore::new(p.path().join(".palisade/sandbox/palisade-state"))))
}

/// One has computed its plan already and waits for a lock while the other applies: neither's plan
/// shows what both open together, so the walls are looked at again under their lock.
#[test]
fn of_two_applies_that_race_the_second_looks_at_the_walls_again() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let apart = two_environments(ROLES);
    let p = Program::new(&apart);
    p.run(&["apply", "--auto-approve"]).code(0);
    let (assuming, trusting) = halves(&apart);
    p.write("main.hcl", &trusting);
    p.run(&["plan", "--environment", "production", "--out", "prod.plan"]).code(0);
    let ledger = ledger(&p);
    let somebody = LeaseHolder {
        who: "somebody".to_owned(),
        host: "elsewhere".to_owned(),
        pid: 1,
        process: None,
        operation: "apply".to_owned(),
        run: "other".to_owned(),
    };
    let taken = runtime.block_on(ledger.acquire("acct-production", &somebody, Terms::default(), 0));
    let Ok(Acquired::Held(mut lease, _)) = taken else { panic!("not taken: {taken:?}") };
    let mut waiting = p
        .command(&["apply", "prod.plan", "--lock-timeout", "5m"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("waiting for") {
        let read = told.read_line(&mut text).expect("readable");
        assert!(read > 0, "it ended without waiting: {text}");
    }
    // Its plan stands; the other one comes first.
    p.write("main.hcl", &assuming);
    p.run(&["apply", "--environment", "dev", "--auto-approve"]).code(0);
    // The one that waits reads its configuration once more, as it was when it started.
    p.write("main.hcl", &trusting);
    runtime.block_on(ledger.release(&mut lease)).expect("released");
    told.read_to_string(&mut text).expect("readable");
    let ended = waiting.wait().expect("it ends");
    assert_eq!(ended.code(), Some(4), "{text}");
    assert!(text.contains("it would open more than was approved"), "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    let walls = p.run(&["isolation", "--json"]).code(0).out;
    assert!(!walls.contains("role/target"), "{walls}");
}
