//! Waits have words and bounds: against endpoints that keep silent, trickle, swallow and ask for patience.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::cli::Program;
use crate::support::estates::two_environments;
use crate::support::wire::{Act, Arrived, Wire};

const ESTATE: &str = r#"
palisade {
  name = "acme"
  backend "s3" {
    bucket = "acme-state"
    prefix = "estate"
    region = "eu-west-1"
  }
}
provider "aws" {
  region = "eu-west-1"
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
variable "text" {
  default = "one"
}
iam_role "web" {
  accounts    = [account.dev, account.prod]
  description = var.text
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

/// An estate with its state in S3, applied over the wire.
fn applied() -> (Wire, Program) {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    (wire, p)
}

struct Ended {
    code: i32,
    out: String,
    err: String,
    took: Duration,
}

/// Runs with a deadline for each request.
fn run(wire: &Wire, p: &Program, timeout: &str, args: &[&str]) -> Ended {
    let began = Instant::now();
    let output = wire
        .command(p, args)
        .env("PALISADE_REQUEST_TIMEOUT", timeout)
        .output()
        .expect("the program starts");
    Ended {
        code: output.status.code().expect("a code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
        took: began.elapsed(),
    }
}

#[test]
fn silence_ends_and_is_told_while_it_lasts() {
    let (wire, p) = applied();
    let host = wire.url.trim_start_matches("http://").to_owned();
    for service in ["s3", "sts", "iam", "organizations"] {
        wire.rule(move |a| if a.service == service { Act::Silent } else { Act::Pass });
        let ended = run(&wire, &p, "7s", &["drift"]);
        assert!([1, 6].contains(&ended.code), "{service}: {}\n{}", ended.out, ended.err);
        assert!(ended.took < Duration::from_secs(16), "{service}: {:?}\n{}", ended.took, ended.err);
        assert!(!ended.out.contains("No drift:"), "{service}: {}", ended.out);
        let word = format!("waiting for `{host}`: {service}:");
        let said = ended.err.lines().find(|line| line.starts_with(&word));
        let said = said.unwrap_or_else(|| panic!("{service}: no word\n{}", ended.err));
        assert!(said.contains("no answer for 5 s, attempt 2 of "), "{said}");
        assert!(said.contains(", until ") && said.ends_with('Z'), "{said}");
        let all = format!("{}{}", ended.out, ended.err);
        assert!(all.contains(&format!("`{host}` gave no answer in time")), "{service}: {all}");
        assert!(all.contains("PALISADE_REQUEST_TIMEOUT"), "{service}: {all}");
    }
}

#[test]
fn bodies_that_trickle_end_too() {
    let (wire, p) = applied();
    let slow = Act::Trickle(Duration::from_millis(300));
    type Slow = fn(&Arrived) -> bool;
    let kinds: [(&str, Slow); 2] = [
        ("state", |a| a.service == "s3" && a.path.contains("state.json")),
        ("roles", |a| a.operation == "ListRoles"),
    ];
    for (what, slows) in kinds {
        let slow = slow.clone();
        wire.rule(move |a| if slows(a) { slow.clone() } else { Act::Pass });
        let ended = run(&wire, &p, "4s", &["drift"]);
        assert!([1, 6].contains(&ended.code), "{what}: {}\n{}", ended.out, ended.err);
        assert!(ended.took < Duration::from_secs(14), "{what}: {:?}\n{}", ended.took, ended.err);
    }
}

#[test]
fn an_apply_whose_writes_are_swallowed_ends_and_loses_nothing() {
    let (wire, p) = applied();
    let change = ["apply", "--auto-approve", "--var", "text=two"];
    // The first answer to a write of state is lost, and what was written stands.
    wire.rule(|a| {
        let state = a.operation == "PUT" && a.path.contains("state.json");
        if state && a.nth < 4 { Act::Swallow } else { Act::Pass }
    });
    let ended = run(&wire, &p, "6s", &change);
    assert!(ended.took < Duration::from_secs(90), "{:?}\n{}", ended.took, ended.err);
    assert_eq!(ended.code, 0, "{}", ended.err);
    wire.calm();
    wire.run(&p, &["plan", "--detailed-exitcode", "--var", "text=two"]).code(0);

    // The first writes to IAM are carried out and not answered, every attempt of them.
    wire.rule(|a| match a.service == "iam" && a.operation.starts_with("Update") && a.nth < 4 {
        true => Act::Swallow,
        false => Act::Pass,
    });
    let ended = run(&wire, &p, "3s", &["apply", "--auto-approve", "--var", "text=six"]);
    assert!(ended.took < Duration::from_secs(60), "{:?}\n{}", ended.took, ended.err);
    wire.calm();
    wire.run(&p, &["apply", "--auto-approve", "--var", "text=six", "--lock-timeout", "1s"]).code(0);
    wire.run(&p, &["plan", "--detailed-exitcode", "--var", "text=six"]).code(0);
}

#[test]
fn who_asks_for_a_pause_gets_it() {
    let (wire, p) = applied();
    for service in ["s3", "iam", "organizations"] {
        wire.rule(move |a| match a.service == service && a.nth == 0 {
            true => Act::Say {
                status: 429,
                headers: vec![
                    ("retry-after", "2".to_owned()),
                    ("content-type", "text/html".into()),
                ],
                body: "<html>slow down</html>".to_owned(),
            },
            false => Act::Pass,
        });
        let ended = run(&wire, &p, "30s", &["plan", "--detailed-exitcode"]);
        assert_eq!(ended.code, 0, "{service}: {}", ended.err);
        // Every operation's first call was sent away; its second one came after the pause.
        let arrived = wire.arrived();
        let of_service: Vec<&Arrived> = arrived.iter().filter(|a| a.service == service).collect();
        assert!(of_service.iter().any(|a| a.nth == 1), "{service}: {of_service:?}");
        for first in of_service.iter().filter(|a| a.nth == 0) {
            // The same call in another account is not sent away, and does not count.
            let again = of_service.iter().any(|a| {
                (&a.operation, &a.path, &a.body) == (&first.operation, &first.path, &first.body)
                    && a.at.saturating_duration_since(first.at) >= Duration::from_millis(1900)
            });
            assert!(again, "{service}: never again, or too early: {first:?} of {of_service:?}");
        }
    }
    // One that asks for more than anybody waits is told as what it is, at once.
    wire.rule(|a| match a.service == "organizations" {
        true => Act::Say {
            status: 429,
            headers: vec![("retry-after", "3600".into())],
            body: String::new(),
        },
        false => Act::Pass,
    });
    let ended = run(&wire, &p, "60s", &["plan"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert!(ended.err.contains("throttled:"), "{}", ended.err);
}

#[test]
fn a_state_that_is_throttled_until_time_runs_out_is_told_as_throttled() {
    let (wire, p) = applied();
    // Whichever bound is met first, that of the request or that of the object, and in whichever pause.
    for timeout in ["2s", "3s", "4s"] {
        wire.rule(|a| match a.service == "s3" {
            true => Act::s3(503, "SlowDown", "Please reduce your request rate."),
            false => Act::Pass,
        });
        let ended = run(&wire, &p, timeout, &["plan"]);
        assert_eq!(ended.code, 1, "{timeout}: {}", ended.err);
        assert!(ended.err.contains("throttled"), "{timeout}: {}", ended.err);
        assert!(ended.err.contains("--parallelism"), "{timeout}: {}", ended.err);
        assert!(!ended.err.contains("gave no answer"), "{timeout}: {}", ended.err);
    }
}

/// How often `ListRoles` is asked in one account when it is never answered well.
fn attempts(wire: &Wire, p: &Program, set: &[(&str, &str)]) -> usize {
    wire.rule(|a| match a.operation == "ListRoles" {
        true => Act::xml(503, "ServiceUnavailable", "come again"),
        false => Act::Pass,
    });
    let mut command = wire.command(p, &["plan"]);
    command.envs(set.iter().copied());
    command.output().expect("the program starts");
    wire.arrived().iter().filter(|a| a.operation == "ListRoles").count()
}

#[test]
fn the_standard_variables_say_how_often_a_request_is_tried() {
    let (wire, p) = applied();
    let accounts = 2;
    assert_eq!(attempts(&wire, &p, &[("AWS_MAX_ATTEMPTS", "1")]), accounts);
    let legacy = [("AWS_MAX_ATTEMPTS", "3"), ("AWS_RETRY_MODE", "legacy")];
    assert_eq!(attempts(&wire, &p, &legacy), 3 * accounts);
    std::fs::create_dir(p.path().join(".aws")).expect("made");
    p.write(".aws/config", "[default]\nmax_attempts = 2\nretry_mode = standard\n");
    assert_eq!(attempts(&wire, &p, &[]), 2 * accounts);
    assert_eq!(attempts(&wire, &p, &[("AWS_MAX_ATTEMPTS", "1")]), accounts, "before the profile");
    for (name, value) in [
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_RETRY_MODE", "never"),
        ("PALISADE_REQUEST_TIMEOUT", "soon"),
        ("PALISADE_REQUEST_TIMEOUT", "0s"),
    ] {
        let run = wire.command(&p, &["plan"]).env(name, value).output().expect("starts");
        let err = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{err}");
        assert!(err.contains(&format!("`{name}` cannot be read: it is `{value}`")), "{err}");
    }
}

/// A server that takes every connection and says nothing.
fn mute() -> (String, impl Drop) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address").to_string();
    // What is not accepted is held by the system, which takes the connection.
    struct Held(#[expect(dead_code, reason = "it is open as long as this is")] TcpListener);
    impl Drop for Held {
        fn drop(&mut self) {}
    }
    (address, Held(listener))
}

#[test]
fn a_package_whose_server_keeps_silent_is_told_and_given_up() {
    let (address, _held) = mute();
    for (source, why) in [
        (format!("git::https://{address}/modules.git?ref=v1"), "git did not end within 7 s"),
        (format!("https://{address}/modules.tar.gz"), "no whole answer within 7 s"),
    ] {
        let p = Program::new(&format!(
            "palisade {{\n  name = \"acme\"\n}}\nmodule \"names\" {{\n  source = \"{source}\"\n}}\n"
        ));
        let began = Instant::now();
        let mut init = p.command(&["init"]);
        let ended = init.env("PALISADE_REQUEST_TIMEOUT", "7s").output().expect("starts");
        let err = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(1), "{err}");
        assert!(began.elapsed() < Duration::from_secs(14), "{:?}: {err}", began.elapsed());
        let word = format!("waiting for the module {source}: not done after 5 s, until ");
        assert!(err.lines().any(|l| l.starts_with(&word) && l.ends_with('Z')), "{err}");
        assert!(err.contains(why) && err.contains("PALISADE_REQUEST_TIMEOUT"), "{err}");
    }
}

#[test]
fn a_gate_that_takes_its_time_says_until_when() {
    let (address, _held) = mute();
    let p = Program::new(&two_environments(&format!(
        r#"release "app" {{
  entry  = environment.dev
  values = {{ image = "app@sha256:1" }}
}}
promotion "up" {{
  from     = environment.dev
  to       = environment.production
  releases = [release.app]
  gate "command" "slow" {{
    command = ["sleep", "6"]
    timeout = "1m"
  }}
  gate "http" "mute" {{
    url     = "http://{address}/"
    timeout = "7s"
  }}
}}
"#
    )));
    p.run(&["apply", "--auto-approve"]).code(0);
    let began = Instant::now();
    let closed = p.run(&["promote", "up", "--auto-approve"]).code(3);
    assert!(began.elapsed() > Duration::from_secs(12), "both were asked: {}", closed.err);
    for gate in ["command.slow", "http.mute"] {
        let word = format!("waiting for gate {gate}: not done after 5 s, until ");
        assert!(closed.err.lines().any(|l| l.starts_with(&word)), "{gate}: {}", closed.err);
    }
}

/// An apply whose last writes of the state were refused: the next plan says of each change what became of it.
#[test]
fn what_was_carried_out_is_not_said_not_to_be() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    let more = r#"
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = { level = var.text }
  }
}
config_schema "app" {
  key "level" {}
}
s3_bucket "data" {
  accounts = [account.dev]
  bucket   = "acme-dev-data"
  tags     = { text = var.text }
}
"#;
    p.write("more.hcl", more);
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.rule(|a| match a.operation == "PUT" && a.path.contains("acct-dev/state.json") {
        true => Act::s3(503, "SlowDown", "slow"),
        false => Act::Pass,
    });
    let change = ["apply", "--auto-approve", "--var", "text=two", "--account", "dev"];
    let ended = run(&wire, &p, "4s", &change);
    assert_eq!(ended.code, 1, "{}", ended.err);
    wire.calm();
    let plan = wire.run(&p, &["plan", "--var", "text=two"]);
    assert!(!plan.err.contains("was not carried out"), "{}", plan.err);
    for object in ["config.app", "s3_bucket.data", "iam_role.web"] {
        let told = plan.err.lines().find(|l| l.contains(object) && l.contains("was carried out"));
        assert!(told.is_some(), "{object}: {}", plan.err);
    }
}
