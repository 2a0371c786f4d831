//! `palisade state ...` and `audit verify` as users have them, on a directory and on S3 alike.

use std::sync::Arc;

use palisade::sandbox::{self, Sandbox};
use palisade::state::{LeaseHolder, Ledger, LocalStore, S3Store, Terms, errored, lease::Acquired};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use super::stores::sandbox_config;
use crate::support::cli::Program;

const ESTATE: &str = r#"
palisade {
  name = "acme"
  BACKEND
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
iam_role "deploy" {
  environments = [environment.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
}
"#;

const S3: &str = r#"
  backend "s3" {
    bucket = "acme-state"
    prefix = "estate/"
    region = "eu-west-1"
  }
"#;

/// An estate that is applied, its state on each backend in turn.
pub(super) fn applied() -> [(&'static str, Program); 2] {
    ["local", "s3"].map(|name| {
        let backend = if name == "s3" { S3 } else { "" };
        let p = Program::new(&ESTATE.replace("BACKEND", backend));
        if name == "s3" {
            p.run(&["init", "--create-backend"]).code(0);
        }
        p.run(&["apply", "--auto-approve"]).code(0);
        (name, p)
    })
}

/// The same state, as another process sees it.
pub(super) async fn ledger(name: &str, p: &Program) -> Ledger {
    let dir = p.path().join(".palisade/sandbox");
    if name == "local" {
        return Ledger::new(Arc::new(LocalStore::new(dir.join("palisade-state"))));
    }
    let sandbox = Sandbox::open(&dir, sandbox::Options::default()).await.expect("opens");
    let client = aws_sdk_s3::Client::new(&sandbox_config(&sandbox));
    Ledger::new(Arc::new(S3Store::new(client, "acme-state", "estate")))
}

#[test]
fn every_state_command_works_on_both_backends() {
    for (name, p) in applied() {
        let run = |args: &[&str], code| {
            let run = p.run(args);
            assert_eq!(run.code, code, "{name}: {args:?}\n{}\n{}", run.out, run.err);
            run
        };
        let role = "iam_role.deploy@dev";
        assert!(run(&["state", "list"], 0).out.contains(role));
        let listed: Vec<String> =
            serde_json::from_str(&run(&["state", "list", "--json"], 0).out).expect("JSON");
        assert!(listed.iter().any(|a| a == "iam_role.deploy@dev/dev"), "{listed:?}");
        let shown = run(&["state", "show", role, "--json"], 0).json();
        assert_eq!(shown["iam_role.deploy@dev/dev"]["key"], "deploy");
        assert!(run(&["state", "show", role], 0).out.contains("codebuild.amazonaws.com"));
        run(&["state", "mv", "iam_role.deploy", "iam_role.ship"], 0);
        assert!(run(&["state", "list"], 0).out.contains("iam_role.ship@dev"));
        run(&["state", "mv", "iam_role.ship", "iam_role.deploy"], 0);
        run(&["plan", "--detailed-exitcode"], 0);
        run(&["state", "rm", role], 0);
        assert!(!run(&["state", "list"], 0).out.contains("iam_role"));
        // History names serial, operation and plan; an old serial becomes a new one.
        let history = run(&["state", "history", "acct-dev", "--json"], 0).json();
        let history = history["acct-dev"].as_array().expect("a list").clone();
        let serials: Vec<u64> = history.iter().filter_map(|h| h["serial"].as_u64()).collect();
        assert_eq!(serials, [4, 3, 2, 1], "{name}");
        let operations: Vec<&str> =
            history.iter().filter_map(|h| h["stamp"]["operation"].as_str()).collect();
        assert_eq!(operations, ["state rm", "state mv", "state mv", "apply"], "{name}");
        assert!(history[3]["stamp"]["plan"].as_str().is_some_and(|p| p.starts_with("sha256:")));
        assert!(history[3]["stamp"]["by"].as_str().is_some_and(|b| b.starts_with("arn:aws:")));
        let text = run(&["state", "history", "acct-dev"], 0).out;
        assert!(text.contains("apply") && text.contains("sha256:"), "{text}");
        // The role that the serial before it did not record is there all the same.
        let back = run(&["state", "rollback", "acct-dev", "--to", "1", "--auto-approve"], 0);
        assert!(back.err.contains("serial 5 of `acct-dev` is a copy of serial 1"), "{}", back.err);
        assert!(back.out.contains("No changes"), "{name}: {}", back.out);
        run(&["plan", "--detailed-exitcode"], 0);
        let pulled = run(&["state", "pull", "--scope", "acct-dev"], 0).json();
        assert_eq!(pulled["scopes"]["acct-dev"]["serial"], 5, "{name}");
        assert!(pulled["scopes"].get("org").is_none());
        // What is not there, or no scope at all, is told.
        for args in [
            &["state", "rollback", "acct-dev", "--to", "99", "--auto-approve"][..],
            &["state", "rollback", "../../acct-dev", "--to", "1", "--auto-approve"],
            &["state", "history", "acct-nope"],
            &["state", "pull", "--scope", "acct-nope"],
            &["state", "unlock", "../acct-dev", "--force"],
            &["state", "push", "nothing.json"],
        ] {
            run(args, 1);
        }
        assert!(run(&["audit", "verify"], 0).out.contains("the chain holds"));
    }
}

#[test]
fn a_lock_is_shown_waited_for_and_broken_on_both_backends() {
    let runtime = Runtime::new().expect("a runtime");
    for (name, p) in applied() {
        let other = LeaseHolder {
            who: "arn:aws:iam::111111111111:user/other".to_owned(),
            host: "elsewhere".to_owned(),
            pid: 4711,
            process: None,
            operation: "apply".to_owned(),
            run: "other".to_owned(),
        };
        runtime.block_on(async {
            let ledger = ledger(name, &p).await;
            let held =
                ledger.acquire("acct-dev", &other, Terms::default(), 0).await.expect("taken");
            assert!(matches!(held, Acquired::Held(..)), "{name}");
        });
        let changed = std::fs::read_to_string(p.path().join("main.hcl"))
            .expect("readable")
            .replace("codebuild.amazonaws.com", "ec2.amazonaws.com");
        p.write("main.hcl", &changed);
        p.run(&["plan", "--detailed-exitcode"]).code(2);
        let locked = p.run(&["apply", "--auto-approve"]).code(5);
        for part in ["user/other", "elsewhere", "4711", "state unlock acct-dev"] {
            assert!(locked.err.contains(part), "{name}: no `{part}` in {}", locked.err);
        }
        let waited = std::time::Instant::now();
        p.run(&["apply", "--auto-approve", "--lock-timeout", "20s"]).code(5);
        assert!(waited.elapsed().as_millis() > 500, "{name}: it waited");
        p.run(&["state", "rm", "iam_role.deploy@dev"]).code(5);
        let broken = p.run(&["state", "unlock", "acct-dev", "--force"]).code(0);
        assert!(broken.err.contains("user/other"), "{name}: {}", broken.err);
        p.run(&["apply", "--auto-approve"]).code(0);
        p.run(&["audit", "verify"]).code(0);
    }
}

#[test]
fn a_saved_state_is_pushed_back_once_and_never_over_another() {
    let runtime = Runtime::new().expect("a runtime");
    for (name, p) in applied() {
        // As an apply leaves it that has forgotten the role and could not write that down.
        let (path, again) = runtime.block_on(async {
            let ledger = ledger(name, &p).await;
            let basis = ledger.read_scope("acct-dev").await.expect("read").expect("there");
            let mut state = basis.value.clone();
            state.resources.clear();
            let location = ledger.store().location();
            let save = || errored::save(p.path(), &location, Some(&basis), &state).expect("saved");
            (save(), save())
        });
        // What an earlier run saved is not written over.
        let second = again.file_name().and_then(|n| n.to_str());
        assert_eq!(second, Some("errored.acct-dev.2.state.json"));
        assert_eq!(path.file_name().and_then(|n| n.to_str()), Some("errored.acct-dev.state.json"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let file = path.to_str().expect("UTF-8");
        let text = std::fs::read_to_string(&path).expect("readable");
        let forged = |change: &dyn Fn(&mut Json)| {
            let mut json: Json = serde_json::from_str(&text).expect("JSON");
            change(&mut json);
            p.write("forged.json", &json.to_string());
            p.run(&["state", "push", "forged.json"])
        };
        let refused = forged(&|j| j["state"]["lineage"] = "another".into()).code(1);
        assert!(refused.err.contains("belongs to lineage"), "{}", refused.err);
        let refused = forged(&|j| j["state"]["scope"] = "../../outside".into()).code(1);
        assert!(refused.err.contains("is no scope"), "{}", refused.err);
        forged(&|j| j["state"]["scope"] = "acct-other".into()).code(4);
        forged(&|j| j["format"] = 99.into()).code(1);
        for none in [".", "/dev/null", "/dev/zero", "nothing.json", "main.hcl"] {
            let refused = p.run(&["state", "push", none]).code(1);
            assert!(refused.err.contains("is not a saved state"), "{none}: {}", refused.err);
        }
        forged(&|j| j["basis_serial"] = 7.into()).code(4);
        assert!(p.run(&["state", "list"]).code(0).out.contains("iam_role.deploy"), "{name}");
        p.run(&["state", "push", file]).code(0);
        assert!(!p.run(&["state", "list"]).code(0).out.contains("iam_role.deploy"), "{name}");
        let again = p.run(&["state", "push", file]).code(4);
        assert!(again.err.contains("changed by someone else"), "{}", again.err);
        let history = p.run(&["state", "history", "acct-dev"]).code(0).out;
        assert!(history.contains("state push"), "{history}");
        let records = p.run(&["audit", "verify", "--json"]).code(0).json();
        assert!(records["records"].as_u64().is_some_and(|n| n >= 3), "{records}");
    }
}

#[test]
fn outputs_that_are_damaged_stop_no_apply_and_are_written_anew() {
    let p = Program::new(&format!(
        "{}output \"name\" {{\n  value = \"acme\"\n}}\n",
        ESTATE.replace("BACKEND", "")
    ));
    p.run(&["apply", "--auto-approve"]).code(0);
    let path = p.path().join(".palisade/sandbox/palisade-state/scopes/org/outputs.json");
    let wrong = r#"{"format": 1, "write_id": "w", "outputs": {"name": 7}}"#;
    for junk in [&b""[..], b"{", b"[]", b"\xff", wrong.as_bytes()] {
        std::fs::write(&path, junk).expect("written");
        let refused = p.run(&["output"]).code(1);
        assert!(refused.err.contains("`palisade apply` writes it anew"), "{}", refused.err);
        let plan = p.run(&["plan"]).code(0);
        assert!(plan.err.contains("is damaged"), "{}", plan.err);
        p.run(&["apply", "--auto-approve"]).code(0);
        assert!(p.run(&["output"]).code(0).out.contains("acme"));
    }
}
