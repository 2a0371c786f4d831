//! From the first release to the rollback.

use super::stage::{MAIN, Stage};
use crate::support::cli::Program;

#[test]
fn a_release_travels_from_its_entry_to_production_and_back() {
    let mut stage = Stage::new(MAIN);
    stage.apply();
    assert_eq!(stage.running("dev-localstack").as_deref(), Some("v1"));
    for place in ["dev-aws", "dev-aws-deployed", "staging", "production"] {
        assert!(stage.parameters(place).is_empty(), "{place}");
    }
    let entry = stage.parameters("dev-localstack");
    assert_eq!(entry["app/schema"], "42");
    let first = entry["app/digest"].clone();
    assert_eq!(stage.record("dev-localstack")["releases"]["app"]["verified"]["digest"], first);
    stage.run(&["plan", "--detailed-exitcode"], 0);

    // A gate that does not pass changes nothing.
    stage.script("tests", "exit 1");
    let refused = stage.promote("to_dev", 3);
    assert!(refused.err.contains("command.tests"), "{}", refused.err);
    assert!(stage.parameters("dev-aws").is_empty());
    stage.script("tests", "exit 0");

    // What it would do is shown without doing it.
    let dry = stage.run(&["promote", "to_dev", "--dry-run", "--json"], 0).json();
    assert_eq!(dry["digest"], first);
    assert_eq!(dry["gates"][0]["outcome"], "passed");
    assert!(stage.parameters("dev-aws").is_empty());

    stage.promote("to_dev", 0);
    assert_eq!(stage.parameters("dev-aws"), entry);
    stage.promote("to_deployed", 0);
    assert_eq!(stage.parameters("dev-aws-deployed"), entry);

    // An hour has to pass; it is the clock that says so.
    let early = stage.promote("to_staging", 3);
    assert!(early.err.contains("soak.an_hour"), "{}", early.err);
    stage.wait(2);
    stage.promote("to_staging", 0);
    assert_eq!(stage.running("staging").as_deref(), Some("v1"));

    let lonely = stage.promote("to_production", 3);
    assert!(lonely.err.contains("approval.board"), "{}", lonely.err);
    stage.approved();
    stage.promote("to_production", 0);
    assert_eq!(stage.parameters("production"), entry);
    let told = stage
        .run(&["console", "--eval", "environment.production.release[\"app\"].values.image"], 0);
    assert!(told.out.contains("v1"), "{}", told.out);

    // The next release moves nothing but its entry, whatever is applied.
    stage.image("v2");
    stage.apply();
    assert_eq!(stage.running("dev-localstack").as_deref(), Some("v2"));
    for place in ["dev-aws", "dev-aws-deployed", "staging", "production"] {
        assert_eq!(stage.parameters(place), entry, "{place}");
    }
    stage.advance(&["to_dev", "to_deployed", "to_staging"]);
    stage.approved();

    // Production does not verify it: the release before comes back, and nothing moves in.
    stage.script("smoke", "[ \"$(cat broken 2>/dev/null)\" != yes ]");
    stage.write("broken", "yes");
    let failed = stage.promote("to_production", 1);
    assert!(failed.err.contains("command.smoke"), "{}", failed.err);
    assert_eq!(stage.running("production").as_deref(), Some("v1"));
    let record = stage.record("production");
    assert_eq!(record["releases"]["app"]["current"]["digest"], first);
    assert!(record["hold"]["why"].as_str().unwrap().contains("verification failed"), "{record}");
    let held = stage.promote("to_production", 3);
    assert!(held.err.contains("--release-hold"), "{}", held.err);
    let status = stage.run(&["status"], 0).out;
    let next = "cannot move to production before `palisade promote to_production --release-hold`";
    assert!(
        status.contains(next) && !status.contains("`palisade promote to_production`"),
        "{status}"
    );

    // Mended: the hold is lifted by hand, and the change approved again, since production has moved.
    stage.write("broken", "no");
    stage.run(&["promote", "to_production", "--release-hold", "--auto-approve"], 3);
    stage.approved();
    stage.promote("to_production", 0);
    assert_eq!(stage.running("production").as_deref(), Some("v2"));

    // On a Saturday nothing goes forward, but back.
    stage.wait(24 * 5);
    stage.image("v3");
    stage.apply();
    stage.advance(&["to_dev", "to_deployed", "to_staging"]);
    stage.approved();
    let frozen = stage.promote("to_production", 3);
    assert!(frozen.err.contains("freeze.weekend"), "{}", frozen.err);
    let back = stage.run(&["rollback", "production", "--reason", "INC-7", "--auto-approve"], 0);
    let lifts = "production is held: nothing moves into it until `palisade promote to_production --release-hold`";
    assert!(back.err.contains(lifts) || back.out.contains(lifts), "{}{}", back.out, back.err);
    assert_eq!(stage.parameters("production"), entry);
    assert!(stage.record("production")["hold"]["why"].as_str().unwrap().contains("INC-7"));

    // Every move is written down, once.
    let moves: Vec<String> = (1..=4)
        .map(|n| {
            let moved = stage.stored(&format!("environments/production/moves/{n:08}.json"));
            format!("{} {}", moved["kind"].as_str().unwrap(), moved["end"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        moves,
        ["promotion verified", "promotion returned", "promotion verified", "rollback verified"]
    );
    stage.run(&["audit", "verify"], 0);
    let releases = stage.run(&["releases", "--json"], 0).json();
    assert_eq!(releases.as_array().unwrap().len(), 3);
    stage.run(&["plan", "--detailed-exitcode"], 0);
}

/// The script that the example's README gives, as it stands there.
#[test]
fn the_release_of_the_example_travels_and_comes_back() {
    let program = Program::new("");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script =
        "cp -r \"$ROOT/examples\" \"$ROOT/modules\" . && examples/five-environments/demo/travel.sh";
    let run = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(program.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", program.path())
        .env("ROOT", root)
        .env("NO_COLOR", "1")
        .env("PALISADE", Program::executable())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    let last = told.rsplit("$ palisade").next().unwrap_or_default();
    assert!(last.contains("the chain holds: ") && last.contains(" records"), "{told}");
}
