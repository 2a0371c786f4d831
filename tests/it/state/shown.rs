//! What stands in a state is shown as text: nothing in it can steer a terminal.

use std::path::PathBuf;

use crate::support::cli::Program;

use super::commands::applied;
use super::hostile::resealed;

const STEER: &str = "\\u001b[2J\\u001b]0;x\\u0007\\u009b31m\\r\\u202e";

/// An object of the local state, where a program has it in the sandbox.
fn object(p: &Program, key: &str) -> PathBuf {
    p.path().join(".palisade/sandbox/palisade-state").join(key)
}

fn edit(p: &Program, key: &str, change: impl Fn(&str) -> String) {
    let path = object(p, key);
    let text = std::fs::read_to_string(&path).expect("readable");
    let changed = change(&text);
    assert_ne!(changed, text);
    std::fs::write(path, changed).expect("written");
}

#[track_caller]
fn quiet(p: &Program, args: &[&str], code: i32) -> String {
    let run = p.run(args).code(code);
    let told = format!("{}{}", run.out, run.err);
    assert!(!told.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r', '\u{202e}']), "{args:?}: {told:?}");
    told
}

#[test]
fn what_was_put_into_a_state_a_lock_or_a_journal_cannot_steer_a_terminal() {
    let (_, p) = applied().into_iter().next().expect("a local one");
    edit(&p, "scopes/acct-dev/state.json", |text| {
        let text = text
            .replace("\"operation\": \"apply\"", &format!("\"operation\": \"{STEER}\""))
            .replace("\"by\": \"arn", &format!("\"by\": \"{STEER}arn"))
            .replace("\"plan\": \"sha256", &format!("\"plan\": \"{STEER}sha256"));
        resealed(&text)
    });
    let history = quiet(&p, &["state", "history", "acct-dev"], 0);
    assert!(history.contains("\\u{1b}"), "{history}");
    for args in [&["state", "list"][..], &["state", "show", "iam_role.deploy@dev"], &["show"]] {
        quiet(&p, args, 0);
    }
    quiet(&p, &["state", "rollback", "acct-dev", "--to", "1", "--auto-approve"], 0);
    // A lock that is held, and one that is none.
    edit(&p, "scopes/acct-dev/lock.json", |text| {
        text.replace("\"released\": true", "\"released\": false")
            .replace("\"who\": \"", &format!("\"who\": \"{STEER}"))
            .replace("\"operation\": \"", &format!("\"operation\": \"{STEER}"))
            .replace("\"boot\": \"", "\"boot\": \"another-")
            .replace("\"expires_at\": \"20", "\"expires_at\": \"90")
    });
    quiet(&p, &["state", "rm", "iam_role.deploy@dev"], 5);
    quiet(&p, &["state", "unlock", "acct-dev", "--force"], 0);
    edit(&p, "scopes/acct-dev/lock.json", |_| {
        format!("{{\"id\": \"{STEER}\", \"pid\": \"{STEER}\"}}")
    });
    let told = quiet(&p, &["state", "rm", "iam_role.deploy@dev"], 1);
    assert!(told.contains("palisade state unlock acct-dev"), "{told}");
    quiet(&p, &["state", "unlock", "--force"], 0);
    // A run whose very name is made of it.
    let run = "\u{1b}[2J\u{9b}31m";
    let state = std::fs::read_to_string(object(&p, "scopes/acct-dev/state.json")).expect("read");
    let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
    let entry = serde_json::json!({
        "format": 2, "write_id": "w", "run": run, "lineage": state["lineage"], "scope": "acct-dev",
        "sequence": 1, "epoch": 1, "by": run, "plan": run, "since": "2026-01-01T00:00:00Z",
        "finished": [], "intents": [],
    });
    let path = object(&p, &format!("scopes/acct-dev/journal/{run}/00000001.json"));
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, entry.to_string()).expect("written");
    quiet(&p, &["plan"], 0);
    quiet(&p, &["state", "rm", "iam_role.deploy@dev"], 1);
    quiet(&p, &["apply", "--auto-approve"], 0);
    assert!(!path.exists(), "it was recovered");
    quiet(&p, &["audit", "verify"], 0);
}
