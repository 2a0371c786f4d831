//! `audit verify` against what who holds the bucket can do to it: dropped tails, rewritten chains, states and moves
//! that no record names; and no alarm about what is in order.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value as Json, json};

use palisade::state::json::encode;
use palisade::state::scopes::{ScopeState, digest};
use palisade::state::{LocalStore, StateStore as _, WriteCondition};

use crate::support::cli::Program;
use crate::support::estates::{release, two_environments};
use crate::support::wire::{Arrived, Wire};

use super::commands::{applied, ledger};
use super::hostile::resealed;

fn records(p: &Program) -> Vec<PathBuf> {
    let dir = p.path().join(".palisade/sandbox/palisade-state/audit");
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// An estate with local state, and the audit head that its last apply printed.
fn with_head() -> (Program, String) {
    let [(_, p), _] = applied();
    p.write("more.hcl", "iam_role \"more\" {\n  environments = [environment.dev]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n");
    let run = p.run(&["apply", "--auto-approve"]).code(0);
    let head = run.err.lines().find(|line| line.starts_with("audit head: "));
    let head = head.unwrap_or_else(|| panic!("{}", run.err)).to_owned();
    p.write("anchor", &format!("{head}\n"));
    (p, head)
}

/// Rewrites one record and all that follow, so that the chain is whole again, and all their versions with them.
fn rewrite(p: &Program, from: usize, change: impl Fn(&mut Json)) {
    use palisade::state::audit::Record;
    let versions = p.path().join(".palisade/sandbox/palisade-state/.versions/audit");
    let mut previous: Option<String> = None;
    for (at, path) in records(p).into_iter().enumerate().skip(from) {
        let mut json = read(&path);
        if at == from {
            change(&mut json);
        }
        if let Some(previous) = &previous {
            json["previous"] = json!(previous);
        }
        json["hash"] = json!("");
        let mut record: Record = serde_json::from_value(json).unwrap();
        record.hash = digest(&encode(&record).unwrap());
        previous = Some(record.hash.clone());
        let bytes = encode(&record).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let kept = versions.join(path.file_name().unwrap());
        if let Ok(entries) = std::fs::read_dir(&kept) {
            for entry in entries {
                std::fs::write(entry.unwrap().path(), &bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_log_in_order_raises_no_alarm_and_says_what_was_not_seen() {
    for (name, p) in applied() {
        let run = p.run(&["audit", "verify"]).code(0);
        assert!(run.out.contains("the chain holds"), "{name}: {}", run.out);
        assert!(run.out.contains("not seen: "), "{name}: {}", run.out);
    }
    let (p, head) = with_head();
    let run = p.run(&["audit", "verify", "--anchor", "anchor", "--json"]).code(0);
    let found = run.json();
    assert_eq!(found["problems"], json!([]));
    let number = found["head"]["number"].as_u64().unwrap();
    assert!(head.contains(&format!(" {number} ")), "{head}: {found:#}");
    // Each record says which state it is about.
    let lineage = read(&p.path().join(".palisade/sandbox/palisade-state/palisade.json"));
    for path in records(&p) {
        assert_eq!(read(&path)["lineage"], lineage["lineage"]);
    }
    p.write("nothing", "no head");
    let refused = p.run(&["audit", "verify", "--anchor", "nothing"]).code(1);
    assert!(refused.err.contains("the anchor holds no head of an audit log"), "{}", refused.err);
}

#[test]
fn a_dropped_tail_and_a_rewritten_chain_show_against_the_anchor() {
    let (p, _) = with_head();
    let last = records(&p).pop().unwrap();
    std::fs::remove_file(last).unwrap();
    let found = p.run(&["audit", "verify", "--anchor", "anchor"]).code(1);
    assert!(found.err.contains("is missing: the anchor has seen it"), "{}", found.err);

    let (p, _) = with_head();
    let all = records(&p).len();
    rewrite(&p, all - 1, |record| record["event"]["who"] = json!("somebody else"));
    let found = p.run(&["audit", "verify", "--anchor", "anchor"]).code(1);
    assert!(
        found.err.contains("is not the one that the anchor has seen: the chain was rewritten"),
        "{}",
        found.err
    );
}

/// A plan says in its comment and in its JSON on which head it was made; either is an anchor as it is.
#[test]
fn the_comment_of_a_plan_is_an_anchor() {
    let (p, head) = with_head();
    let plan = ["plan", "--output", "markdown=comment.md", "--output", "json=plan.json"];
    p.run(&plan).code(0);
    let comment = std::fs::read_to_string(p.path().join("comment.md")).unwrap();
    let head = head.trim_start_matches("audit head: ");
    assert!(comment.contains(&format!("audit head: <code>{head}</code>")), "{comment}");
    for anchor in ["comment.md", "plan.json"] {
        let run = p.run(&["audit", "verify", "--anchor", anchor]).code(0);
        assert!(!run.out.contains("rewritten together"), "it counts: {}", run.out);
    }
    std::fs::remove_file(records(&p).pop().unwrap()).unwrap();
    for anchor in ["comment.md", "plan.json"] {
        let found = p.run(&["audit", "verify", "--anchor", anchor]).code(1);
        assert!(found.err.contains("the anchor has seen it"), "{anchor}: {}", found.err);
    }
}

#[test]
fn heads_that_old_versions_of_a_state_have_seen_count_too() {
    let (p, _) = with_head();
    rewrite(&p, 0, |record| record["event"]["who"] = json!("somebody else"));
    let found = p.run(&["audit", "verify"]).code(1);
    let told = found.err.matches("the chain was rewritten").count();
    assert!(told >= 2 && found.err.contains("serial 1 of scope"), "{}", found.err);
}

#[test]
fn a_damaged_state_is_a_finding_and_does_not_stop_the_check() {
    let (p, _) = with_head();
    let state = p.path().join(".palisade/sandbox/palisade-state/scopes/acct-dev/state.json");
    let text = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, &text[..text.len() / 2]).unwrap();
    let found = p.run(&["audit", "verify", "--anchor", "anchor"]).code(1);
    assert!(found.err.contains("the state of scope `acct-dev` cannot be read"), "{}", found.err);
    assert!(!found.err.contains("anchor has seen"), "the log itself is whole: {}", found.err);
}

#[test]
fn an_apply_that_no_state_holds_is_told() {
    let (p, _) = with_head();
    let all = records(&p).len();
    rewrite(&p, all - 1, |record| record["event"]["run"] = json!("a-run-that-never-was"));
    let found = p.run(&["audit", "verify"]).code(1);
    assert!(found.err.contains("run `a-run-that-never-was` changed something"), "{}", found.err);
}

/// A state as a server leaves it that let two writers through at once: one serial, and two contents.
#[tokio::test(flavor = "multi_thread")]
async fn a_serial_that_was_written_twice_is_told() {
    let (p, _) = with_head();
    let store = LocalStore::new(p.path().join(".palisade/sandbox/palisade-state"));
    let key = "scopes/acct-dev/state.json";
    let now = store.get(key).await.unwrap().unwrap();
    let text = String::from_utf8(now.bytes.to_vec()).unwrap();
    let own: Json = serde_json::from_str(&text).unwrap();
    let again = text
        .replace(own["write_id"].as_str().unwrap(), "of-the-other-one")
        .replace(own["stamp"]["run"].as_str().unwrap(), "the-other-run");
    store.put_if(key, resealed(&again).as_bytes(), &WriteCondition::Etag(now.etag)).await.unwrap();
    let found = p.run(&["audit", "verify", "--anchor", "anchor"]).code(1);
    let serial = &own["serial"];
    let told = format!("serial {serial} of scope `acct-dev` was written twice, by runs");
    assert!(found.err.contains(&told), "{}", found.err);
    assert!(found.err.contains("the-other-run"), "{}", found.err);
}

/// A state that somebody wrote past the program, with the next serial and a seal that is right.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_a_run_that_no_record_names_is_told() {
    for (name, p) in applied() {
        let run = p.run(&["audit", "verify"]).code(0);
        assert!(run.out.contains("not seen: what a state holds"), "{name}: {}", run.out);
        let backend = ledger(name, &p).await;
        let key = "scopes/acct-dev/state.json";
        let forged = async |change: fn(&mut ScopeState)| {
            let now = backend.store().get(key).await.unwrap().unwrap();
            let mut state = ScopeState::open("acct-dev", &now.bytes).unwrap();
            state.serial += 1;
            state.write_id = format!("forged-{}", state.serial);
            state.stamp.run = "of-nobody".to_owned();
            change(&mut state);
            let condition = WriteCondition::Etag(now.etag);
            backend.store().put_if(key, &state.seal().unwrap(), &condition).await.unwrap();
            state.serial
        };
        // As a successor's first write does, which shuts out whom it has taken over and changes nothing.
        forged(|state| state.epoch += 1).await;
        p.run(&["audit", "verify"]).code(0);
        let serial = forged(|state| state.resources.clear()).await;
        let found = p.run(&["audit", "verify"]).code(1);
        let told = format!(
            "serial {serial} of scope `acct-dev` was written by run `of-nobody`, which no record of it names"
        );
        assert!(found.err.contains(&told), "{name}: {}", found.err);
    }
}

/// Applies, approvals and edits append while the check reads: what it has seen of the states is in the log.
#[test]
fn others_that_append_meanwhile_raise_no_alarm() {
    for (name, p) in applied() {
        let roles = |count: usize| {
            p.write(
                "more.hcl",
                &format!(
                    "iam_role \"more\" {{\n  count = {count}\n  environments = [environment.dev]\n  trust {{\n    services = [\"ec2.amazonaws.com\"]\n  }}\n}}\n"
                ),
            );
        };
        let mut checked = 0;
        for count in [12, 4, 16] {
            roles(count);
            let mut apply = p.command(&["apply", "--auto-approve"]);
            apply.env("PALISADE_SANDBOX_FAULTS", "delay=40").stdout(Stdio::null());
            let mut apply = apply.stderr(Stdio::null()).spawn().unwrap();
            loop {
                let ended = apply.try_wait().unwrap();
                let found = p.run(&["audit", "verify"]);
                assert_eq!(found.code, 0, "{name}: {}", found.err);
                checked += 1;
                if let Some(ended) = ended {
                    assert!(ended.success(), "{name}");
                    break;
                }
            }
        }
        assert!(checked > 6, "{name}: {checked} checks were too few to meet an apply");
    }
}

/// A log that grows by as many records, moves and versions each time costs as many requests more each time, and no object
/// is read more often because there are others.
#[test]
fn the_work_of_a_check_grows_with_the_log_and_no_faster() {
    let backend = "palisade {\n  name = \"acme\"\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    prefix = \"estate\"\n    region = \"eu-west-1\"\n  }\n}\n";
    let estate = two_environments(&release(""));
    let estate = estate.replacen("palisade {\n  name = \"acme\"\n}\n", backend, 1);
    assert!(estate.contains("acme-state"));
    let (wire, p) = (Wire::new(), Program::new(&estate));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    let mut costs = Vec::new();
    for round in 0..4 {
        for step in 0..2 {
            let image = format!("image=v{round}-{step}");
            wire.run(&p, &["apply", "--auto-approve", "--var", &image]).code(0);
            let promote = ["promote", "to_production", "--auto-approve", "--var", &image];
            wire.run(&p, &promote).code(0);
        }
        wire.calm();
        let found = wire.run(&p, &["audit", "verify", "--json"]).code(0).json();
        let asked = wire.arrived();
        let mut reads = std::collections::BTreeMap::<&str, usize>::new();
        for Arrived { operation, path, .. } in &asked {
            if operation == "GET" && path.contains("x-id=GetObject") {
                *reads.entry(path).or_default() += 1;
            }
        }
        let most = reads.values().max().copied().unwrap_or_default();
        costs.push((found["records"].as_u64().unwrap(), asked.len(), most));
    }
    // The first round makes what later ones change.
    let [_, (r1, a1, m1), (r2, a2, _), (r3, a3, m3)] = costs[..] else { panic!("{costs:?}") };
    assert_eq!(r3 - r2, r2 - r1, "as many records each time: {costs:?}");
    assert_eq!(a3 - a2, a2 - a1, "as many requests each time: {costs:?}");
    assert!(r2 > r1 && a2 > a1 && m1 > 0, "{costs:?}");
    assert_eq!(m3, m1, "no object is read more often: {costs:?}");
}
