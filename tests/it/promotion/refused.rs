//! What is not let through: skipped edges, interrupted soaks, two at a time.

use super::stage::{MAIN, Stage};

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
    let unknown = stage.run(&["promote", "to_prod"], 1);
    assert!(unknown.err.contains("to_production"), "{}", unknown.err);
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

#[test]
fn a_verification_that_fails_later_is_revoked_and_told_where_it_counted() {
    let main = MAIN.replace(
        "environment \"dev-aws\" {\n",
        "environment \"dev-aws\" {\n  verify {\n    gate \"command\" \"alive\" {\n      command = [\"./alive\"]\n    }\n  }\n",
    );
    let stage = Stage::new(&main);
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

#[test]
fn one_promotion_at_a_time_moves_into_an_environment() {
    let mut stage = Stage::new(&MAIN.replace("    count = 2\n", "    count = 1\n"));
    stage.apply();
    stage.advance(&["to_dev", "to_deployed", "to_staging"]);
    stage.approved();
    stage.script("smoke", "touch started\nwhile [ ! -e go ]; do sleep 0.05; done");
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
