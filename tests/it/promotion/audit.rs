//! What `audit verify` finds in what promotions and approvals leave: objects that no record names or that say something
//! else than their records, and records of objects that are gone.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::stage::{MAIN, Stage};
use crate::support::cli::Run;
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

/// Changes an object as somebody does who may write it: by hand, past the program.
fn altered(stage: &Stage, key: &str, change: impl Fn(&mut Json)) -> Run {
    let path = kept(stage, key);
    let was = std::fs::read(&path).unwrap();
    let mut json = read(&path);
    change(&mut json);
    std::fs::write(&path, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    std::fs::write(&path, was).unwrap();
    found
}

/// Its author, its release and what its gates saw are in the log with it.
#[test]
fn a_move_that_was_altered_is_told() {
    let stage = Stage::before_second_release();
    stage.promote("to_dev", 0);
    stage.run(&["audit", "verify"], 0);
    let key = "environments/dev-aws/moves/00000002.json";
    let changes: [fn(&mut Json); 6] = [
        |run| run["author"]["arn"] = json!("arn:aws:iam::111111111111:user/eve"),
        |run| run["digest"] = json!(format!("sha256:{}", "0".repeat(64))),
        |run| run["previous"] = json!(format!("sha256:{}", "0".repeat(64))),
        |run| run["gates"][0]["summary"] = json!("all is well"),
        |run| run["verification"] = json!([]),
        |run| run["plan"] = json!("sha256:another"),
    ];
    for change in changes {
        let found = altered(&stage, key, change);
        let told = "move 2 into `dev-aws` was changed: record ";
        assert!(found.err.contains(told), "{}", found.err);
        let told = format!("`{key}` has 2 versions: moves are written once");
        assert!(found.err.contains(&told), "{}", found.err);
    }
    let found = altered(&stage, key, |run| run["number"] = json!(7));
    let told = "move 2 into `dev-aws` says that it is move 7 into `dev-aws`";
    assert!(found.err.contains(told), "{}", found.err);
    stage.run(&["audit", "verify"], 0);
}

/// What stands in an environment and whether it is held follows from its moves and from the log.
#[test]
fn a_record_of_an_environment_that_its_moves_contradict_is_told() {
    let stage = Stage::before_second_release();
    let key = "environments/dev-aws/promotion.json";
    let before = std::fs::read(kept(&stage, key)).unwrap();
    stage.promote("to_dev", 0);
    let reason = ["rollback", "dev-aws", "--reason", "INC-7", "--auto-approve"];
    stage.run(&reason, 0);
    let run = stage.run(&["audit", "verify"], 0);
    for told in ["what `promotion.json` says of verifications", "outputs, locks, journals"] {
        assert!(run.out.contains(told), "{}", run.out);
    }

    let found = altered(&stage, key, |record| record["hold"] = Json::Null);
    let told = "has no hold, move 3 has left one, and no record says that it was lifted";
    assert!(found.err.contains(told), "{}", found.err);
    let found = altered(&stage, key, |record| record["hold"]["run"] = json!("none-of-these"));
    assert!(found.err.contains("has a hold of run `none-of-these`"), "{}", found.err);
    let second = stage.stored("environments/dev-aws/moves/00000002.json")["digest"].clone();
    let found = altered(&stage, key, |record| {
        record["releases"]["app"]["current"]["digest"] = second.clone();
    });
    assert!(found.err.contains("as the current release of `app`, and move 3"), "{}", found.err);
    let found = altered(&stage, key, |record| {
        record["releases"]["app"]["current"]["by"] = json!("arn:aws:iam::111111111111:user/eve");
    });
    assert!(found.err.contains("says that arn:aws:iam::111111111111:user/eve"), "{}", found.err);
    let found = altered(&stage, key, |record| record["releases"]["app"]["current"] = Json::Null);
    assert!(found.err.contains("has no current release of `app`, and move 3"), "{}", found.err);
    let found = altered(&stage, key, |record| record["moves"] = json!(9));
    assert!(found.err.contains("counts 9 moves, and 3 are there"), "{}", found.err);

    // An earlier version of it, or none at all.
    let now = std::fs::read(kept(&stage, key)).unwrap();
    std::fs::write(kept(&stage, key), before).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("counts 1 move, and move 3 is there"), "{}", found.err);
    std::fs::remove_file(kept(&stage, key)).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("counts 0 moves, and move 3 is there"), "{}", found.err);
    std::fs::write(kept(&stage, key), now).unwrap();
    stage.run(&["audit", "verify"], 0);

    // The hold is lifted, and the log says by whom.
    stage.run(&["promote", "to_dev", "--release-hold", "--auto-approve"], 0);
    stage.run(&["audit", "verify"], 0);
}

#[test]
fn a_release_that_was_altered_or_removed_is_told() {
    let stage = Stage::new(MAIN);
    stage.apply();
    stage.run(&["audit", "verify"], 0);
    let release = below(&kept(&stage, "releases/app")).pop().unwrap();
    let was = std::fs::read_to_string(&release).unwrap();
    std::fs::write(&release, was.replace("\"v1\"", "\"v9\"")).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("does not have the digest that names it"), "{}", found.err);
    assert!(found.err.contains("2 versions: releases are written once"), "{}", found.err);
    std::fs::remove_file(&release).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("there is no release `app` with the digest"), "{}", found.err);
    assert!(found.err.contains("and was deleted: releases are written once"), "{}", found.err);
}

/// Others promote and approve while the check reads.
#[test]
fn promotions_and_approvals_meanwhile_raise_no_alarm() {
    let stage = Stage::before_second_release();
    let of_bea = |args: &[&str]| {
        let run: Run =
            stage.command(args).env("PALISADE_SANDBOX_AS", "bea").output().unwrap().into();
        run.code(0);
    };
    let others = || {
        for next in ["v3", "v4"] {
            stage.promote("to_dev", 0);
            stage.run(&["verify", "dev-aws"], 0);
            stage.run(&["rollback", "dev-aws", "--auto-approve"], 0);
            of_bea(&["approve", "to_dev", "--auto-approve"]);
            of_bea(&["approve", "to_dev", "--revoke", "--auto-approve"]);
            stage.run(&["promote", "to_dev", "--release-hold", "--auto-approve"], 0);
            stage.image(next);
            stage.apply();
        }
    };
    let mut checked = 0;
    std::thread::scope(|scope| {
        let others = scope.spawn(others);
        loop {
            let ended = others.is_finished();
            stage.run(&["audit", "verify"], 0);
            checked += 1;
            if ended {
                break;
            }
        }
    });
    assert!(checked > 10, "{checked} checks were too few to meet a promotion");
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
    // The approval itself once more, behind what took it back.
    std::fs::copy(given, &third).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    assert!(found.err.contains("is there more than once: it was copied"), "{}", found.err);
    std::fs::remove_file(&third).unwrap();

    std::fs::remove_file(taken_back).unwrap();
    let found = stage.run(&["audit", "verify"], 1);
    let told = "names that an approval was taken back by arn:aws:iam::111111111111:user/bea, which is not there";
    assert!(found.err.contains(told), "{}", found.err);
}
