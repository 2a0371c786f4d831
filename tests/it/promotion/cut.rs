//! The power goes at every write of a promotion; the next one takes it to its end.

use serde_json::Value as Json;

use super::stage::Stage;

/// Every point with `PALISADE_SWEEP=full`, else a sample that is always the same.
fn step(sampled: u64) -> u64 {
    if std::env::var("PALISADE_SWEEP").as_deref() == Ok("full") { 1 } else { sampled }
}

/// Cuts the promotion at one point and returns in which phase that was; `None` when it got through.
fn cut(stage: &Stage, point: u64) -> Option<String> {
    let output = stage
        .command(&["promote", "to_dev", "--auto-approve"])
        .env("PALISADE_SANDBOX_CUT", point.to_string())
        .output()
        .unwrap();
    if output.status.code().is_some() {
        return None;
    }
    let record = stage.record("dev-aws");
    Some(record["run"]["phase"].as_str().unwrap_or("outside").to_owned())
}

fn audited(stage: &Stage, action: &str) -> usize {
    let dir = stage.path(".palisade/sandbox/palisade-state/audit");
    let records = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    records
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| serde_json::from_slice::<Json>(&std::fs::read(path).unwrap()).unwrap())
        .filter(|record| {
            record["event"]["action"] == action
                && record["event"]["details"]["environment"] == "dev-aws"
        })
        .count()
}

/// Sweeps over all points; returns the phases that were cut.
fn sweep(smoke: &str, step: u64, judge: impl Fn(&Stage, &str)) -> Vec<String> {
    let stage = Stage::before_second_release();
    stage.script("smoke", smoke);
    let mut phases = Vec::new();
    let mut point = 0;
    loop {
        let mut fork = stage.fork();
        let Some(phase) = cut(&fork, point) else { return phases };
        let place = format!("point {point}, {phase}");
        // The dead one's leases are over by then.
        fork.wait(1);
        judge(&fork, &place);
        assert!(fork.record("dev-aws")["run"].is_null(), "{place}");
        fork.run(&["audit", "verify"], 0);
        phases.push(phase);
        point += step;
    }
}

fn assert_phases(found: &[String], wanted: &[&str]) {
    for phase in wanted {
        assert!(found.iter().any(|f| f == phase), "no cut while {phase}: {found:?}");
    }
}

#[test]
fn a_promotion_cut_off_at_any_write_is_taken_to_its_end() {
    let phases = sweep("exit 0", step(3), |stage, place| {
        stage.promote("to_dev", 0);
        assert_eq!(stage.running("dev-aws").as_deref(), Some("v2"), "{place}");
        assert_eq!(stage.record("dev-aws")["moves"], 2, "{place}");
        assert_eq!(audited(stage, "promoted"), 2, "{place}");
    });
    println!("cut at {} points: {phases:?}", phases.len());
    assert_phases(&phases, &["outside", "applying", "verifying", "settling"]);
}

#[test]
fn a_promotion_cut_off_on_its_way_back_gets_back() {
    let smoke = "echo \"$PALISADE_RELEASE_VALUES\" | grep -q '\"v1\"'";
    let phases = sweep(smoke, step(7), |stage, place| {
        let run = stage.command(&["promote", "to_dev", "--auto-approve"]).output().unwrap();
        assert!(matches!(run.status.code(), Some(1 | 3)), "{place}: {run:?}");
        assert_eq!(stage.running("dev-aws").as_deref(), Some("v1"), "{place}");
        assert!(stage.record("dev-aws")["hold"].is_object(), "{place}");
        assert_eq!(audited(stage, "promotion_returned"), 1, "{place}");
    });
    println!("cut at {} points: {phases:?}", phases.len());
    assert_phases(&phases, &["applying", "returning"]);
}

#[test]
fn a_promotion_that_was_cut_off_can_be_rolled_back_instead() {
    let stage = Stage::before_second_release();
    stage.script("smoke", "echo \"$PALISADE_RELEASE_VALUES\" | grep -q '\"v1\"' || kill -9 $PPID");
    let killed = stage.command(&["promote", "to_dev", "--auto-approve"]).output().unwrap();
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert_eq!(stage.record("dev-aws")["run"]["phase"], "verifying");
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v2"));

    // A plain apply in between keeps what is moving in.
    let mut stage = stage;
    stage.wait(1);
    stage.apply();
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v2"));
    stage.run(&["rollback", "dev-aws", "--auto-approve"], 0);
    assert_eq!(stage.running("dev-aws").as_deref(), Some("v1"));
    let moved = stage.stored("environments/dev-aws/moves/00000002.json");
    assert_eq!((&moved["kind"], &moved["end"]), (&"promotion".into(), &"returned".into()));
}
