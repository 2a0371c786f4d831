//! No secret stands in what a promotion keeps, whatever a gate's program prints and however it is called.

use std::path::PathBuf;

use crate::support::cli::{Program, Run};
use crate::support::estates::{release, two_environments};
use crate::support::files::below;

const SECRET: &str = "PLANTED-db-pass-91x";
const SENSITIVE: &str = "PLANTED-sensitive-var-77";
const PIN: &str = "7391";

const SECRETS: &str = r#"variable "sv" {
  type      = string
  sensitive = true
}
config_schema "app" {
  key "a" {
    type   = string
    secret = true
  }
  key "p" {
    type   = string
    secret = true
  }
  key "v" {
    type   = string
    secret = true
  }
}
"#;

fn estate() -> Program {
    let gate = "  gate \"command\" \"leaks\" {\n    command = [\"sh\", \"leak.sh\"]\n  }\n";
    let main = two_environments(&format!("{SECRETS}{}", release(gate)));
    let config = "environment \"dev\" {\n  config \"app\" {\n    values = { a = secret(\"env:DBPASS\"), p = secret(\"env:DB_PIN\"), v = var.sv }\n  }";
    let program = Program::new(&main.replace("environment \"dev\" {", config));
    // Its own environment and its parent's, plain and in the forms in which programs print.
    program.write(
        "leak.sh",
        r#"env
tr '\000' '\n' < /proc/$PPID/environ
echo "x$(printf %s "user:$1" | base64)"
s=$(tr '\000' '\n' < /proc/$PPID/environ | sed -n 's/^DBPASS=//p')
printf %s "user:$s!" | base64
printf %s "$s" | od -An -tx1 | tr -d ' \n'; echo
printf '{"%s": "pass %s", "pin": 7391}\n' DBPASS "$s"
exit 1
"#,
    );
    program
}

fn with(program: &Program, args: &[&str]) -> Run {
    let mut command = program.command(args);
    command.env("DBPASS", SECRET).env("DB_PIN", PIN).env("PALISADE_VAR_sv", SENSITIVE);
    command.output().expect("started").into()
}

/// Every file of the state, as text.
fn texts(program: &Program) -> Vec<(String, String)> {
    let files = below(&program.path().join(".palisade/sandbox/palisade-state")).into_iter();
    let text = |file: PathBuf| {
        let bytes = std::fs::read(&file).expect("read");
        (file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
    };
    files.map(text).collect()
}

#[test]
fn what_a_gate_prints_is_kept_without_secrets() {
    let program = estate();
    with(&program, &["apply", "--auto-approve"]).code(0);
    let reason = format!("the password is {SECRET}");
    let args = ["promote", "to_production", "--auto-approve", "--override", "--reason", &reason];
    let run = with(&program, &args).code(0);
    assert!(
        run.err.contains("too short to be hidden by value everywhere: `env:DB_PIN`"),
        "{}",
        run.err
    );
    let mut kept = texts(&program);
    let history = with(&program, &["history", "--json"]).code(0);
    kept.push(("history".to_owned(), history.out.clone()));
    // The reason is shown to who gives it as it was given.
    kept.push(("output".to_owned(), format!("{}{}", run.out, run.err).replace(&reason, "")));
    let hex: String = SECRET.bytes().map(|b| format!("{b:02x}")).collect();
    // `base64("user:" + SECRET + "!")` without its first and last group.
    let encoded = "UExBTlRFRC1kYi1wYXNzLTkx";
    for (name, text) in &kept {
        let base64 = text.contains(&encoded[..12])
            || text.contains("TEFOVEVELWRi")
            || text.contains("QTEFOVEVE");
        assert!(!base64, "base64 in {name}: {text}");
        for secret in [SECRET, SENSITIVE, "DB_PIN=7391", hex.as_str()] {
            assert!(!text.contains(secret), "{secret} in {name}: {text}");
        }
    }
    // What is no secret is kept, keys of what it printed too.
    let moved = &history.out;
    assert!(moved.contains("(hidden)") && moved.contains("\"DBPASS\""), "{moved}");
    assert!(kept.iter().any(|(_, text)| text.contains("the password is (hidden)")));
}

#[test]
fn a_gates_program_does_not_get_the_secrets() {
    let program = estate();
    with(&program, &["apply", "--auto-approve"]).code(0);
    program.write("leak.sh", "test -z \"$DBPASS$DB_PIN$PALISADE_VAR_sv\" && test -n \"$OTHER\"\n");
    let mut command = program.command(&["promote", "to_production", "--dry-run"]);
    command.env("DBPASS", SECRET).env("DB_PIN", PIN).env("PALISADE_VAR_sv", SENSITIVE);
    let run: Run = command.env("OTHER", "x").output().expect("started").into();
    run.code(0);
}

/// A fingerprint is as good as its key: where whoever reads the one reads the other, `init` says so.
#[test]
fn init_says_what_it_means_that_the_key_of_fingerprints_lies_beside_the_state() {
    let program = Program::new(&two_environments(""));
    let said = program.run(&["init"]).code(0).err.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "the key of secrets' fingerprints is stored beside this state",
        "whoever can read the state can find out short secrets by trying them",
        "a backend in S3 with a `kms_key_id`",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

/// Reasons are written before anything is planned: where a hold is lifted, and where a promotion that was interrupted
/// is turned back.
#[test]
fn the_first_reason_of_a_run_is_kept_without_secrets() {
    let program = estate();
    let reason = format!("{SECRET} and {SENSITIVE}");
    with(&program, &["apply", "--auto-approve"]).code(0);
    program.write("leak.sh", "exit 0\n");
    with(&program, &["promote", "to_production", "--auto-approve"]).code(0);
    with(&program, &["apply", "--auto-approve", "--var", "image=v2"]).code(0);

    let promote = ["promote", "to_production", "--auto-approve", "--var", "image=v2"];
    let mut turned = false;
    for point in (0..80).step_by(2) {
        let mut cut = program.command(&promote);
        cut.env("DBPASS", SECRET).env("DB_PIN", PIN).env("PALISADE_VAR_sv", SENSITIVE);
        let cut = cut.env("PALISADE_SANDBOX_CUT", point.to_string()).output().expect("started");
        assert!(cut.status.code().is_none(), "no cut while the release is applied: {cut:?}");
        let record = program
            .path()
            .join(".palisade/sandbox/palisade-state/environments/production/promotion.json");
        let record = std::fs::read_to_string(record).expect("a record");
        if record.contains("\"phase\":\"applying\"") || record.contains("\"phase\": \"applying\"") {
            let back = ["rollback", "production", "--auto-approve", "--reason", &reason];
            with(&program, &back).code(0);
            turned = true;
            break;
        }
    }
    assert!(turned, "no promotion was interrupted while its release was applied");
    let lift = ["--release-hold", "--reason", &reason];
    with(&program, &[&promote[..], &lift[..]].concat()).code(0);

    let kept = texts(&program);
    for (name, text) in &kept {
        for secret in [SECRET, SENSITIVE] {
            assert!(!text.contains(secret), "{secret} in {name}: {text}");
        }
    }
    for what in ["hold_released", "rolled back by"] {
        let told = |text: &str| text.contains(what) && text.contains("(hidden) and (hidden)");
        assert!(kept.iter().any(|(_, text)| told(text)), "{what}: no reason is kept");
    }
}
