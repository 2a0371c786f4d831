//! What is not let through: skipped edges, interrupted soaks, two at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::stage::{MAIN, Stage};
use crate::support::cli::Program;
use crate::support::files::below;

#[test]
fn an_edge_cannot_be_skipped_but_with_a_reason_that_stays() {
    let stage = Stage::new(MAIN);
    stage.apply();
    let nothing = stage.promote("to_deployed", 3);
    assert!(nothing.err.contains("no release is verified in `dev-aws`"), "{}", nothing.err);
    let digest = stage.parameters("dev-localstack")["app/digest"].clone();
    let short = &digest["sha256:".len()..][..12];
    let skipping = ["promote", "to_deployed", "--release", short, "--auto-approve"];
    let refused = stage.run(&skipping, 3);
    assert!(refused.err.contains("is not verified in `dev-aws`"), "{}", refused.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());

    stage.run(&[&skipping[..], &["--override"]].concat(), 1);
    stage.run(&[&skipping[..], &["--override", "--reason", "INC-9"]].concat(), 0);
    assert_eq!(stage.parameters("dev-aws-deployed")["app/digest"], digest);
    let releases = stage.run(&["releases"], 0);
    assert!(releases.out.contains("INC-9"), "{}", releases.out);
    assert!(releases.out.contains("was never verified in dev-aws"), "{}", releases.out);
    every_report_tells(&stage, "dev-aws-deployed", "verified: INC-9");
    let unknown = stage.run(&["promote", "to_prod"], 1);
    assert!(unknown.err.contains("to_production"), "{}", unknown.err);
}

/// A hold and a broken isolation rule are no gates.
#[test]
fn an_override_goes_past_gates_and_nothing_else() {
    let stage = Stage::before_second_release();
    stage.script("smoke", "echo \"$PALISADE_RELEASE_VALUES\" | grep -q '\"v1\"'");
    stage.promote("to_dev", 1);
    stage.script("smoke", "exit 0");
    stage.script("tests", "exit 1");
    let past = |edge| ["promote", edge, "--auto-approve", "--override", "--reason", "INC-5"];
    let held = stage.run(&past("to_dev"), 3);
    assert!(held.err.contains("nothing moves into `dev-aws`: it is held"), "{}", held.err);
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v1"));

    stage.write("broken.hcl", super::figures::BROKEN);
    let broken = stage.run(&past("to_deployed"), 3);
    assert!(broken.err.contains("an isolation rule"), "{}", broken.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());
    stage.write("broken.hcl", "");
    stage.run(&past("to_deployed"), 0);

    stage.script("tests", "exit 0");
    stage.run(&["promote", "to_dev", "--auto-approve", "--release-hold"], 0);
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v2"));
}

#[test]
fn another_release_interrupts_a_soak() {
    let mut stage = Stage::new(MAIN);
    stage.apply();
    stage.advance(&["to_dev", "to_deployed"]);
    let first = stage.parameters("dev-aws-deployed")["app/digest"].clone();
    stage.wait(1);
    stage.image("v2");
    stage.apply();
    stage.advance(&["to_dev", "to_deployed"]);
    let waiting = stage.promote("to_staging", 3);
    assert!(waiting.err.contains("soak.an_hour"), "{}", waiting.err);
    // The first one stood for an hour, but stands there no more.
    let named = stage.run(&["promote", "to_staging", "--release", &first, "--auto-approve"], 3);
    assert!(named.err.contains("not current"), "{}", named.err);
    stage.wait(1);
    stage.promote("to_staging", 0);
    assert_eq!(stage.running("staging").as_deref(), Some("v2"));
}

/// The estate where the script `alive` verifies releases in `dev-aws`.
fn verified_by_a_script() -> String {
    MAIN.replace(
        "environment \"dev-aws\" {\n",
        "environment \"dev-aws\" {\n  verify {\n    gate \"command\" \"alive\" {\n      command = [\"./alive\"]\n    }\n  }\n",
    )
}

#[test]
fn a_verification_that_fails_later_is_revoked_and_told_where_it_counted() {
    let stage = Stage::new(&verified_by_a_script());
    stage.script("alive", "exit 0");
    stage.apply();
    stage.promote("to_dev", 0);
    stage.promote("to_deployed", 0);
    stage.script("alive", "exit 1");
    let revoked = stage.run(&["verify", "dev-aws"], 3);
    assert!(revoked.err.contains("dev-aws-deployed"), "{}", revoked.err);
    let releases = stage.run(&["releases"], 0);
    assert!(releases.out.contains("whose verification was revoked"), "{}", releases.out);
    stage.image("v2");
    stage.promote("to_deployed", 3);
    stage.script("alive", "exit 0");
    stage.run(&["verify", "dev-aws"], 0);
    let releases = stage.run(&["releases"], 0);
    assert!(!releases.out.contains("revoked"), "{}", releases.out);
}

/// What a gate could not find out takes no verification away.
#[test]
fn a_verification_that_could_not_look_revokes_nothing() {
    let stage = Stage::new(&verified_by_a_script());
    stage.script("alive", "exit 0");
    stage.apply();
    stage.promote("to_dev", 0);
    std::fs::remove_file(stage.path("alive")).unwrap();
    let asked = stage.run(&["verify", "dev-aws"], 1);
    assert!(asked.err.contains("could not be carried out"), "{}", asked.err);
    let releases = stage.run(&["releases"], 0);
    assert!(!releases.out.contains("revoked"), "{}", releases.out);
    stage.script("alive", "exit 0");
    stage.promote("to_deployed", 0);
}

#[test]
fn one_promotion_at_a_time_moves_into_an_environment() {
    let mut stage = Stage::new(&MAIN.replace("    count = 2\n", "    count = 1\n"));
    stage.apply();
    stage.advance(&["to_dev", "to_deployed", "to_staging"]);
    stage.approved();
    // Not for ever: should the second one get in, it has to come to its end.
    let smoke = "touch started\nfor i in $(seq 600); do [ -e go ] && exit 0; sleep 0.05; done";
    stage.script("smoke", smoke);
    let first = stage.command(&["promote", "to_production", "--auto-approve"]).spawn().unwrap();
    let patience = std::time::Instant::now();
    while !stage.path("started").exists() {
        assert!(
            patience.elapsed().as_secs() < 120,
            "the first promotion does not get to verification"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    stage.who = "bea";
    let second = stage.promote("to_production", 5);
    assert!(second.err.contains("user/ann"), "{}", second.err);
    let back = stage.run(&["rollback", "production", "--auto-approve"], 5);
    assert!(back.err.contains("promote to_production"), "{}", back.err);
    stage.write("go", "");
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(stage.running("production").as_deref(), Some("v1"));
}

/// What went past a gate is told by everything that looks at the place where it stands.
#[track_caller]
fn every_report_tells(stage: &Stage, environment: &str, told: &str) {
    for report in [
        &["history"][..],
        &["history", "--environment", environment],
        &["status"],
        &["releases"],
        &["plan"],
        &["plan", "--environment", environment, "--format", "markdown"],
    ] {
        let run = stage.run(report, 0);
        let all = format!("{}\n{}", run.out, run.err);
        assert!(all.contains(told), "{report:?}: {all}");
    }
    let (gate, reason) = told.split_once(": ").unwrap();
    let history = stage.run(&["history", "--json"], 0).json();
    let moves = history["moves"].as_array().unwrap();
    let here = moves.iter().find(|m| m["environment"] == environment).unwrap();
    assert_eq!(here["overridden"], serde_json::json!({"reason": reason, "against": [gate]}));
    let status = stage.run(&["status", "--json"], 0).json();
    let places = status["environments"].as_array().unwrap();
    let here = places.iter().find(|e| e["name"] == environment).unwrap();
    assert_eq!(here["releases"][0]["overridden"]["reason"], reason);
    let plan = stage.run(&["plan", "--format", "json"], 0).json();
    assert!(plan["diagnostics"].to_string().contains(reason), "{}", plan["diagnostics"]);
    // Another environment's plan has nothing to do with it.
    let other = stage.run(&["plan", "--environment", "staging", "--format", "json"], 0).json();
    assert!(!other["diagnostics"].to_string().contains(reason), "{}", other["diagnostics"]);
    let audit = std::fs::read_dir(stage.path(".palisade/sandbox/palisade-state/audit")).unwrap();
    let kept = audit
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .any(|record| record.contains("\"promoted\"") && record.contains(reason));
    assert!(kept, "the audit log does not say why");
}

#[test]
fn what_the_gates_were_asked_about_has_to_stand_when_the_move_begins() {
    let main = verified_by_a_script().replace(
        "  gate \"parity\" \"same\" {}\n",
        "  gate \"command\" \"meanwhile\" {\n    command = [\"./meanwhile\"]\n  }\n",
    );
    let stage = Stage::new(&main);
    stage.script("alive", "exit 0");
    stage.script("meanwhile", "exit 0");
    stage.apply();
    stage.promote("to_dev", 0);
    // While a gate is asked, somebody looks again and finds that the release is dead.
    let palisade = Program::executable();
    let verify = format!(
        "printf '#!/bin/sh\\nexit 1\\n' > alive; {} verify dev-aws; exit 0",
        palisade.display()
    );
    stage.script("meanwhile", &verify);
    let revoked = stage.promote("to_deployed", 4);
    assert!(revoked.err.contains("is not verified in `dev-aws` any more"), "{}", revoked.err);
    assert!(revoked.err.contains("palisade verify dev-aws"), "{}", revoked.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());
    assert!(!stage.path(".palisade/sandbox/palisade-state/environments/dev-aws-deployed").exists());

    // Or another release takes its place.
    stage.script("alive", "exit 0");
    stage.run(&["verify", "dev-aws"], 0);
    stage.image("v2");
    stage.apply();
    let promote =
        format!("[ -e done ] || {} promote to_dev --auto-approve; touch done", palisade.display());
    stage.script("meanwhile", &promote);
    let replaced = stage.promote("to_deployed", 4);
    assert!(replaced.err.contains("does not stand in `dev-aws` as it did"), "{}", replaced.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());
    stage.promote("to_deployed", 0);
    assert_eq!(stage.running("dev-aws-deployed").as_deref(), Some("v2"));
}

/// While one gate runs an approval may be taken back, and while people think it over a freeze may begin.
#[test]
fn an_approval_that_is_taken_back_meanwhile_does_not_count() {
    let main = MAIN.replace(
        "  gate \"parity\" \"same\" {}\n",
        "  gate \"approval\" \"one\" {}\n  gate \"command\" \"meanwhile\" {\n    command = [\"./meanwhile\"]\n  }\n",
    );
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.promote("to_dev", 0);
    stage.who = "bea";
    stage.run(&["approve", "to_deployed", "--auto-approve"], 0);
    stage.who = "ann";
    let revoke = format!(
        "[ -e done ] || PALISADE_SANDBOX_AS=bea {} approve to_deployed --revoke --auto-approve; touch done",
        Program::executable().display()
    );
    stage.script("meanwhile", &revoke);
    let closed = stage.promote("to_deployed", 4);
    let told = "the gate `approval.one` has closed in the meantime";
    assert!(closed.err.contains(told), "{}", closed.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());
    stage.promote("to_deployed", 3);
    stage.who = "bea";
    stage.run(&["approve", "to_deployed", "--auto-approve"], 0);
    stage.who = "ann";
    stage.promote("to_deployed", 0);
    assert_eq!(stage.running("dev-aws-deployed").as_deref(), Some("v1"));
}

/// An override is for the gates that were closed when it was given: no other one is passed, and one that has opened
/// meanwhile was not overridden.
#[test]
fn an_override_is_for_the_gates_that_were_closed_when_it_was_given() {
    let main = MAIN.replace(
        "  gate \"parity\" \"same\" {}\n",
        "  gate \"approval\" \"one\" {}\n  gate \"command\" \"meanwhile\" {\n    command = [\"./meanwhile\"]\n  }\n",
    );
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.promote("to_dev", 0);
    stage.who = "bea";
    stage.run(&["approve", "to_deployed", "--auto-approve"], 0);
    stage.who = "ann";
    let palisade = Program::executable();
    let as_bea = |what: &str| {
        let palisade = palisade.display();
        format!(
            "[ -e done ] || PALISADE_SANDBOX_AS=bea {palisade} approve to_deployed {what} --auto-approve; touch done; exit 1"
        )
    };
    stage.script("meanwhile", &as_bea("--revoke"));
    let past = ["promote", "to_deployed", "--auto-approve", "--override", "--reason", "INC-7"];
    let closed = stage.run(&past, 4);
    let told = "the gate `approval.one` has closed in the meantime";
    assert!(closed.err.contains(told), "{}", closed.err);
    assert!(!closed.err.contains("command.meanwhile:"), "{}", closed.err);
    assert!(closed.err.contains("the override was for the gates"), "{}", closed.err);
    assert!(stage.parameters("dev-aws-deployed").is_empty());
    // Closed at first, and given while the other one was asked.
    std::fs::remove_file(stage.path("done")).expect("removed");
    stage.script("meanwhile", &as_bea(""));
    stage.run(&past, 0);
    assert_eq!(stage.running("dev-aws-deployed").as_deref(), Some("v1"));
    let move_ = stage.stored("environments/dev-aws-deployed/moves/00000001.json");
    assert_eq!(move_["overridden"]["against"], serde_json::json!(["command.meanwhile"]));
    let outcome = |gate: &str| {
        let gates = move_["gates"].as_array().expect("gates");
        gates.iter().find(|g| g["gate"] == gate).expect("a gate")["outcome"].clone()
    };
    assert_eq!(outcome("approval.one"), "passed");
    assert_eq!(outcome("command.meanwhile"), "failed");
}

/// What earlier versions recorded holds no fingerprint: nobody said that a variable was another one.
#[test]
fn what_an_earlier_version_recorded_tells_nothing_of_sensitive_variables() {
    let main = MAIN.replace("  gate \"parity\" \"same\" {}\n", "  gate \"approval\" \"one\" {}\n");
    let mut stage = Stage::new(&format!("{main}variable \"token\" {{\n  sensitive = true\n}}\n"));
    let token = ["--var", "token=in-the-open"];
    let with = |args: &[&'static str]| [args, &token[..]].concat();
    stage.run(&with(&["apply", "--auto-approve"]), 0);
    stage.run(&with(&["promote", "to_dev", "--auto-approve"]), 0);
    stage.who = "bea";
    stage.run(&with(&["approve", "to_deployed", "--auto-approve"]), 0);
    let approvals = below(&stage.path(".palisade/sandbox/palisade-state/approvals/to_deployed"));
    let approval = approvals.iter().find(|file| file.ends_with("00000001.json")).expect("one");
    without_variables(approval, &[]);
    stage.who = "ann";
    let promote = with(&["promote", "to_deployed", "--auto-approve"]);
    let refused = stage.run(&promote, 3);
    let told = "an earlier version of Palisade recorded it, which kept nothing of the sensitive variable `token`: approve again";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert!(!refused.err.contains("another value"), "{}", refused.err);
    stage.who = "bea";
    stage.run(&with(&["approve", "to_deployed", "--auto-approve"]), 0);
    stage.who = "ann";

    // Nor does a move that was interrupted.
    let cut = |point: u64| {
        let mut command = stage.command(&promote);
        let output = command.env("PALISADE_SANDBOX_CUT", point.to_string()).output().unwrap();
        output.status.code().is_none()
    };
    let record = ".palisade/sandbox/palisade-state/environments/dev-aws-deployed/promotion.json";
    let mut point = 0;
    while !stage.path(record).exists() {
        assert!(cut(point), "no cut while the move is applied");
        point += 1;
    }
    assert_eq!(stage.record("dev-aws-deployed")["run"]["phase"], "applying");
    without_variables(&stage.path(record), &["run"]);
    stage.wait(1);
    let refused = stage.run(&promote, 4);
    let told = "an earlier version of Palisade began it, which kept nothing of the sensitive variable `token`";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert!(refused.err.contains("palisade rollback dev-aws-deployed"), "{}", refused.err);
}

/// Takes the fingerprints out of an object of the backend.
fn without_variables(file: &std::path::Path, place: &[&str]) {
    let mut whole: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let held = place.iter().fold(&mut whole, |value, name| &mut value[*name]);
    assert!(held.as_object_mut().unwrap().remove("variables").is_some());
    std::fs::write(file, whole.to_string()).unwrap();
}

/// A plan's digest leaves sensitive values out, and an approval does not.
#[test]
fn an_approval_is_for_the_sensitive_variables_that_its_giver_had() {
    let main = MAIN.replace("  gate \"parity\" \"same\" {}\n", "  gate \"approval\" \"one\" {}\n");
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.promote("to_dev", 0);
    // What does not exist yet has no fingerprint in the state that a plan could tell it by.
    stage.write(
        "runner.hcl",
        r#"
variable "document" {
  sensitive = true
}
iam_role "runner" {
  environments = [environment.dev-aws-deployed]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  inline_policy "run" {
    content = var.document
  }
}
"#,
    );
    let document = |action: &str| {
        format!(
            "document={{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"*\"}}]}}"
        )
    };
    let (small, large) = (document("logs:PutLogEvents"), document("logs:*"));
    stage.who = "bea";
    stage.run(&["approve", "to_deployed", "--auto-approve", "--var", &small], 0);
    let kept = stage.path(".palisade/sandbox/palisade-state/approvals/to_deployed");
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("read");
    let texts: Vec<String> = below(&kept).into_iter().map(read).collect();
    assert!(texts.iter().any(|text| text.contains("\"prints\"")), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("PutLogEvents")), "{texts:?}");
    stage.who = "ann";
    let other = ["promote", "to_deployed", "--auto-approve", "--var", &large];
    let refused = stage.run(&other, 3);
    let told = "the sensitive variable `document` has another value than it was given for";
    assert!(refused.err.contains(told) || refused.out.contains(told), "{}", refused.err);
    // What is cheap to see is seen first: fingerprints are slow.
    let mut late = stage.fork();
    late.wait(25);
    let expired = late.run(&other, 3);
    assert!(expired.err.contains("it expired at"), "{}", expired.err);
    assert!(!expired.err.contains("another value"), "{}", expired.err);
    // A file quotes the same text, and no report tells a fingerprint.
    let value = small.strip_prefix("document=").expect("a value").replace('"', "\\\"");
    stage.write("more.vars.hcl", &format!("document = \"{value}\"\n"));
    let from_file =
        ["promote", "to_deployed", "--auto-approve", "--json", "--var-file", "more.vars.hcl"];
    let moved = stage.run(&from_file, 0);
    assert!(moved.out.contains("\"digest\"") && !moved.out.contains("\"prints\""), "{}", moved.out);
    assert!(!stage.run(&["history", "--json"], 0).out.contains("\"prints\""));
    assert_eq!(stage.running("dev-aws-deployed").as_deref(), Some("v1"));
}

/// Every file that is kept: of the state, and of the sandbox.
fn kept(stage: &Stage) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = below(&stage.path(".palisade/sandbox/palisade-state")).into_iter();
    files.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect()
}

#[test]
fn a_dry_run_shows_gates_and_plan_and_leaves_nothing_behind() {
    let stage = Stage::new(MAIN);
    stage.apply();
    let before = kept(&stage);
    for (tests, code, outcome) in [("exit 0", 0, "passed"), ("exit 1", 3, "failed")] {
        stage.script("tests", tests);
        let text = stage.run(&["promote", "to_dev", "--dry-run"], code);
        assert!(text.out.contains("command.tests"), "{}", text.out);
        assert!(text.out.contains("Approvals bind to plan sha256:"), "{}", text.out);
        let json = stage.run(&["promote", "to_dev", "--dry-run", "--json"], code).json();
        assert_eq!(json["gates"][0]["outcome"], outcome);
        assert_eq!(json["dry_run"], true);
        assert_eq!(json["plan"]["summary"]["create"], 3, "{}", json["plan"]["summary"]);
        let changes = json["plan"]["resource_changes"].to_string();
        assert!(changes.contains("/acme/dev-aws/release/app/image"), "{changes}");
        let closed = text.err.contains("the gate command.tests of `to_dev` is closed");
        assert_eq!(closed, code == 3, "{}", text.err);
        // A gate's place is told.
        assert_eq!(text.err.contains("gate \"command\" \"tests\""), code == 3, "{}", text.err);
    }
    assert!(stage.parameters("dev-aws").is_empty());
    assert!(kept(&stage) == before, "a dry run has written to the state");
}

#[test]
fn a_freeze_without_a_permit_holds_rollbacks_too() {
    let main = MAIN.replace(
        "  gate \"command\" \"tests\" {\n    command = [\"./tests\"]\n  }\n",
        "  gate \"freeze\" \"weekend\" {\n    window {\n      weekdays = [\"sat\", \"sun\"]\n      reason   = \"nobody watches\"\n    }\n  }\n",
    );
    assert_ne!(main, MAIN);
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.promote("to_dev", 0);
    stage.image("v2");
    stage.apply();
    stage.promote("to_dev", 0);
    stage.wait(24 * 5);
    let rollback = ["rollback", "dev-aws", "--auto-approve"];
    let frozen = stage.run(&rollback, 3);
    assert!(frozen.err.contains("`dev-aws` is frozen, rollbacks included"), "{}", frozen.err);
    assert!(frozen.err.contains("2026-11-30T00:00:00"), "{}", frozen.err);
    assert!(frozen.err.contains("permits = [\"rollback\"]"), "{}", frozen.err);
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v2"));
    stage.wait(24 * 2);
    stage.run(&rollback, 0);
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v1"));
}
