//! What a run tells of itself: on standard error alone, only where it is asked for, and never a secret.

use crate::support::cli::{Program, Run};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
variable "salt" {
  type      = string
  sensitive = true
}
config_schema "app" {
  key "token" {
    secret = true
  }
  key "salt" {
    secret = true
  }
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      token = secret("env:APP_TOKEN")
      salt  = var.salt
    }
  }
}
"#;

/// What must not be read anywhere.
const TOKEN: &str = "hunter2-correct-horse";
const SALT: &str = "battery-staple-of-salt";

/// Everything that makes a run talk, from nothing to all there is.
const VOLUMES: [(&[&str], &str); 6] = [
    (&[], ""),
    (&["-v"], ""),
    (&["-vv"], ""),
    (&["-vvv"], ""),
    (&[], "trace"),
    (&["-vv"], "trace,aws_smithy_runtime=trace,aws_sdk_ssm=trace,hyper=trace,palisade=trace"),
];

fn run(program: &Program, args: &[&str], volume: (&[&str], &str)) -> Run {
    let all: Vec<&str> = args.iter().chain(volume.0).copied().collect();
    program
        .command(&all)
        .env("PALISADE_LOG", volume.1)
        .env("APP_TOKEN", TOKEN)
        .env("PALISADE_VAR_salt", SALT)
        .env("PALISADE_SANDBOX_CLOCK", "2026-11-23T09:00:00Z")
        .output()
        .expect("it starts")
        .into()
}

#[test]
fn a_run_tells_of_itself_on_standard_error_alone() {
    let program = Program::new(ESTATE);
    let plan = ["plan", "--format", "json"];
    let quiet = run(&program, &plan, VOLUMES[0]).code(0);
    assert!(!quiet.err.contains("palisade::"), "{}", quiet.err);
    for volume in VOLUMES.into_iter().skip(1) {
        let loud = run(&program, &plan, volume).code(0);
        assert_eq!(loud.out, quiet.out, "{volume:?}");
        assert!(loud.err.contains("palisade::"), "{volume:?}: {}", loud.err);
    }
}

#[test]
fn no_secret_is_told_at_any_volume() {
    for volume in VOLUMES {
        let program = Program::new(ESTATE);
        let apply = run(&program, &["apply", "--auto-approve"], volume).code(0);
        let plan = run(&program, &["plan", "--format", "json"], volume).code(0);
        for text in [&apply.out, &apply.err, &plan.out, &plan.err] {
            for secret in [TOKEN, SALT] {
                assert!(!text.contains(secret), "{volume:?}: {text}");
            }
        }
    }
}

#[test]
fn a_verbose_run_ends_with_what_aws_was_asked_and_what_was_waited_for() {
    let program = Program::new(ESTATE);
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);
    let plan = run(&program, &["plan"], VOLUMES[1]).code(0);
    let (_, end) = plan.err.split_once(" requests\n").expect("a table of requests");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = end.lines().map(words).collect();
    assert_eq!(rows[0], ["where", "service", "requests", "retries", "waited", "time"]);
    // Six reads of IAM in bulk, and two for AWS's own policy; nothing had to be asked twice.
    let of_iam = rows.iter().find(|row| row[..2] == ["dev", "IAM"]).expect("IAM of dev");
    assert_eq!(of_iam[2..4], ["7", "0"], "{end}");
    assert!(end.contains("waited for one after another: "), "{end}");
    // An account is entered before it is read: that is in the chain, in this order.
    let (assumed, read) = (end.find("STS:AssumeRole"), end.find("IAM:GetPolicyVersion"));
    assert!(assumed.is_some() && assumed < read, "{end}");

    // Two throttled answers, and they show.
    let faulty = program
        .command(&["plan", "-v"])
        .env("PALISADE_VAR_salt", SALT)
        .env("APP_TOKEN", TOKEN)
        .env("PALISADE_SANDBOX_FAULTS", "seed=3 throttle=20")
        .output()
        .expect("it starts");
    let faulty = Run::from(faulty).code(0);
    let (_, end) = faulty.err.split_once(" requests\n").expect("a table of requests");
    let retries = end.lines().skip(1).take_while(|line| !line.is_empty()).filter_map(|line| {
        line.split_whitespace().rev().nth(4).and_then(|cell| cell.parse::<u64>().ok())
    });
    assert!(retries.sum::<u64>() > 0, "{end}");
}

#[test]
fn directives_that_cannot_be_read_end_the_run() {
    let program = Program::new(ESTATE);
    let wrong = run(&program, &["version"], (&[], "palisade=loud")).code(1);
    assert!(wrong.err.contains("`PALISADE_LOG` cannot be read"), "{}", wrong.err);
}
