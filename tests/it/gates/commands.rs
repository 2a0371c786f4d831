//! `approve`, `history` and `status` as people have them: who calls is set by the sandbox alone.

use serde_json::Value as Json;

use crate::support::cli::{Program, Run};
use crate::support::estates::two_environments;

/// A release that needs a second person and an hour of soak.
const PROMOTED: &str = r#"release "app" {
  entry  = environment.dev
  values = { image = "app@sha256:1" }
}
promotion "up" {
  from     = environment.dev
  to       = environment.production
  releases = [release.app]
  gate "approval" "second" {
    expires_after = "8h"
  }
  gate "soak" "an_hour" {
    duration = "1h"
  }
}
"#;

/// Somebody, at some time of one day.
fn at(program: &Program, who: &str, time: &str, args: &[&str]) -> Run {
    program
        .command(args)
        .env("PALISADE_SANDBOX_AS", who)
        .env("PALISADE_SANDBOX_CLOCK", format!("2026-11-24T{time}:00Z"))
        .output()
        .expect("the program starts")
        .into()
}

fn gate<'j>(gates: &'j Json, name: &str) -> &'j Json {
    gates.as_array().unwrap().iter().find(|g| g["gate"] == name).expect("the gate")
}

#[test]
fn a_release_needs_a_second_person_and_leaves_a_history() {
    let p = Program::new(&two_environments(PROMOTED));
    at(&p, "ann", "09:00", &["apply", "--auto-approve"]).code(0);

    let status = at(&p, "ann", "09:30", &["status", "--json"]).code(0).json();
    let dev = &status["environments"][0];
    assert_eq!(dev["name"], "dev");
    assert_eq!(dev["releases"][0]["stands_seconds"], 1_800);
    let next = &dev["next"][0];
    assert_eq!((next["edge"].as_str(), next["to"].as_str()), (Some("up"), Some("production")));
    assert_eq!(gate(&next["gates"], "soak.an_hour")["outcome"], "waiting");
    assert_eq!(next["asked_then"], serde_json::json!(["approval.second"]));
    assert_eq!(status["environments"][1]["releases"], serde_json::json!([]));

    let promote = ["promote", "up", "--auto-approve", "--json"];
    at(&p, "ann", "10:30", &promote).code(3);
    // One's own consent does not count.
    at(&p, "ann", "10:31", &["approve", "up"]).code(0);
    let own = at(&p, "ann", "10:32", &promote).code(3);
    assert!(own.out.contains("it is of who promotes"), "{}\n{}", own.out, own.err);
    // A consent that was taken back does not either.
    at(&p, "bob", "10:33", &["approve", "up"]).code(0);
    at(&p, "bob", "10:34", &["approve", "up", "--revoke"]).code(0);
    let revoked = at(&p, "ann", "10:35", &promote).code(3);
    assert!(revoked.out.contains("taken back"), "{}\n{}", revoked.out, revoked.err);
    let given = at(&p, "bob", "10:36", &["approve", "up", "--json", "--comment", "CHG-118"]);
    let given = given.code(0).json();
    assert!(given["by"]["arn"].as_str().unwrap().ends_with("/bob"), "{given}");
    // And one that is too old neither.
    at(&p, "ann", "18:37", &promote).code(3);
    at(&p, "bob", "18:38", &["approve", "up"]).code(0);
    at(&p, "ann", "18:40", &promote).code(0);

    let none = at(&p, "ann", "18:41", &["approve", "up"]).code(1);
    assert!(none.err.contains("there is nothing to approve"), "{}", none.err);

    let history = at(&p, "ann", "19:00", &["history", "--json", "--since", "2h"]).code(0).json();
    let moves = history["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 1, "{history}");
    assert_eq!(moves[0]["environment"], "production");
    assert!(moves[0]["author"]["arn"].as_str().unwrap().ends_with("/ann"));
    let approval = gate(&moves[0]["gates"], "approval.second");
    assert_eq!(approval["outcome"], "passed");
    assert!(approval["summary"].as_str().unwrap().contains("/bob"), "{approval}");
    assert_eq!(history["figures"]["promotion_success_percent"], 100.0);
    assert_eq!(history["figures"]["isolation_compliance_percent"], 100.0);
    assert_eq!(history["figures"]["configuration_consistency_percent"], 100.0);
    let all = at(&p, "ann", "19:00", &["history"]).code(0);
    assert!(all.out.contains("production  app ") && all.out.contains("dev  app "), "{}", all.out);
    let strange = at(&p, "ann", "19:00", &["history", "--environment", "prodution"]).code(1);
    assert!(strange.err.contains("did you mean `production`"), "{}", strange.err);
    at(&p, "ann", "19:00", &["history", "--since", "tomorrow"]).code(1);

    let after = at(&p, "ann", "19:00", &["status"]).code(0);
    assert!(after.out.contains("verified, for 20m, by"), "{}", after.out);
    at(&p, "ann", "19:00", &["audit", "verify"]).code(0);
}
