//! What `audit verify` finds in what promotions and approvals leave: objects that no record names, and records of
//! objects that are gone.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::stage::{MAIN, Stage};
use crate::support::files::below;

/// An object of the backend.
fn kept(stage: &Stage, key: &str) -> PathBuf {
    stage.path(".palisade/sandbox/palisade-state").join(key)
}

fn read(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_move_without_a_record_and_a_record_without_a_move_are_told() {
    let stage = Stage::new(MAIN);
    stage.apply();
    stage.promote("to_dev", 0);
    stage.run(&["audit", "verify"], 0);

    let first = kept(&stage, "environments/dev-aws/moves/00000001.json");
    let mut invented = read(&first);
    invented["number"] = json!(2);
    invented["id"] = json!("a-run-that-never-was");
    let second = kept(&stage, "environments/dev-aws/moves/00000002.json");
    std::fs::write(&second, invented.to_string()).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("move 2 into `dev-aws` has no record"), "{}", found.err);

    std::fs::remove_file(second).unwrap();
    std::fs::remove_file(first).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    let told = "names move 1 into `dev-aws`, which is not there";
    assert!(found.err.contains(told), "{}", found.err);
}

/// Where no policy of the bucket keeps people from it, somebody writes an approval in another's name, as the program
/// writes them. The log has no record of it.
#[test]
fn an_approval_that_was_invented_is_told() {
    let main = MAIN.replace(
        "  gate \"command\" \"tests\" {\n    command = [\"./tests\"]\n  }\n",
        "  gate \"approval\" \"board\" {\n    count = 2\n  }\n",
    );
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.who = "bea";
    stage.run(&["approve", "to_dev", "--auto-approve"], 0);
    stage.who = "ann";
    stage.run(&["audit", "verify"], 0);

    let own = below(&kept(&stage, "approvals/to_dev")).pop().unwrap();
    let mut word = read(&own);
    for (name, of_cem) in [("arn", "arn:aws:iam::111111111111:user/cem"), ("user_id", "AIDACEM")] {
        word["by"][name] = json!(of_cem);
    }
    let invented = own.parent().unwrap().with_file_name("AIDACEM").join("00000001.json");
    std::fs::create_dir(invented.parent().unwrap()).unwrap();
    std::fs::write(&invented, word.to_string()).unwrap();
    // It opens the gate: nothing in the bucket says that it was never given.
    stage.wait(1);
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("an approval of `to_dev` by"), "{}", found.err);
    assert!(
        found.err.contains("user/cem at") && found.err.contains("has no record"),
        "{}",
        found.err
    );
    assert_eq!(found.err.matches("has no record").count(), 1, "bea's own has one: {}", found.err);
    // Dated into the time to come it is as little recorded, and never expires by itself.
    word["at"] = json!("2099-01-01T00:00:00Z");
    std::fs::write(&invented, word.to_string()).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert_eq!(found.err.matches("has no record").count(), 1, "{}", found.err);
    let gates = stage.run(&["promote", "to_dev", "--dry-run"], 3);
    assert!(!gates.out.contains("2 of 2"), "{}", gates.out);
}

/// A copy of a recorded approval is another one as soon as it says something else, and a record outlives its approval.
#[test]
fn an_approval_that_was_altered_or_removed_is_told() {
    let main = MAIN.replace(
        "  gate \"command\" \"tests\" {\n    command = [\"./tests\"]\n  }\n",
        "  gate \"approval\" \"board\" {\n    count = 1\n  }\n",
    );
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.who = "bea";
    stage.run(&["approve", "to_dev", "--auto-approve"], 0);
    stage.run(&["approve", "to_dev", "--revoke", "--auto-approve"], 0);
    stage.who = "ann";
    stage.run(&["audit", "verify"], 0);
    let all = below(&kept(&stage, "approvals/to_dev"));
    assert_eq!(all.len(), 2, "{all:?}");
    let (given, taken_back) = match read(&all[0])["word"] == json!("approve") {
        true => (&all[0], &all[1]),
        false => (&all[1], &all[0]),
    };

    // About another plan, with everything else as it was recorded.
    stage.wait(1);
    let mut copy = read(given);
    copy["plan"] = json!("another plan");
    let third = given.with_file_name("00000003.json");
    std::fs::write(&third, copy.to_string()).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert_eq!(found.err.matches("has no record").count(), 1, "{}", found.err);
    // By another caller than the id is of: it does not count, either.
    let mut copy = read(given);
    copy["by"]["arn"] = json!("arn:aws:sts::111111111111:assumed-role/board/chief");
    std::fs::write(&third, copy.to_string()).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert_eq!(found.err.matches("has no record").count(), 1, "{}", found.err);
    let gates = stage.run(&["promote", "to_dev", "--dry-run"], 3);
    assert!(gates.out.contains("it was forged"), "{}", gates.out);
    std::fs::remove_file(&third).unwrap();

    std::fs::remove_file(taken_back).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    let told = "names that an approval was taken back by arn:aws:iam::111111111111:user/bea, which is not there";
    assert!(found.err.contains(told), "{}", found.err);
}
