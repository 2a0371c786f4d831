//! A saved plan that was altered, cut short or forged is refused, and nobody but its owner reads it.

use palisade::state::scopes::digest;

use crate::support::cli::Program;
use crate::support::files::below;

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
variable "password" {
  type      = string
  sensitive = true
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      "token" = secret("env:APP_TOKEN")
      "mode"  = "safe"
    }
  }
}
config_schema "app" {
  key "token" {
    type   = string
    secret = true
  }
  key "mode" {
    type = string
  }
}
output "hidden" {
  value     = var.password
  sensitive = true
}
"#;

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
pub(super) const TOKEN: &str = "tok-9f8e7d6c5b4a";
pub(super) const PASSWORD: &str = "pass-1a2b3c4d5e6f";

pub(super) fn saved() -> (Program, String) {
    let p = Program::new(ESTATE);
    p.run(&["plan", "--out", "a.plan", "--var", &format!("password={PASSWORD}")]).code(0);
    let text = std::fs::read_to_string(p.path().join("a.plan")).expect("a file");
    (p, text)
}

pub(super) fn apply(p: &Program) -> crate::support::cli::Run {
    let secret = format!("password={PASSWORD}");
    let mut command = p.command(&["apply", "a.plan", "--var", &secret]);
    command.env("APP_TOKEN", TOKEN).output().expect("it starts").into()
}

/// A file of other content whose own checksum is right.
fn forged(text: &str, change: impl Fn(&mut serde_json::Value)) -> String {
    let mut json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    change(&mut json);
    sealed(json)
}

/// With a checksum that is right.
pub(super) fn sealed(mut json: serde_json::Value) -> String {
    json["checksum"] = ZERO.into();
    let text = serde_json::to_string_pretty(&json).expect("JSON");
    text.replacen(ZERO, &digest(text.as_bytes()), 1)
}

#[test]
fn a_plan_file_that_was_altered_by_a_byte_or_cut_short_is_refused() {
    let (p, text) = saved();
    let bytes = text.clone().into_bytes();
    // (Every byte and every length is tried where the file is read, in `planbytes`.)
    for at in (3..bytes.len()).step_by(bytes.len() / 10) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        std::fs::write(p.path().join("a.plan"), altered).expect("written");
        let refused = apply(&p).code(1);
        assert!(refused.err.contains("is not a saved plan"), "byte {at}: {}", refused.err);
        p.run(&["show", "a.plan"]).code(1);
    }
    std::fs::write(p.path().join("a.plan"), &bytes[..bytes.len() / 2]).expect("written");
    apply(&p).code(1);
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "nothing was applied");
    p.write("a.plan", &text);
    apply(&p).code(0);
}

#[test]
fn a_plan_file_that_was_forged_whole_is_refused() {
    let (p, text) = saved();
    type Forgery = Box<dyn Fn(&mut serde_json::Value)>;
    let forgeries: [(&str, Forgery); 6] = [
        (
            "a value",
            Box::new(|j| {
                let changes = j["plan"]["resource_changes"].as_array_mut().expect("changes");
                let mode =
                    changes.iter_mut().find(|c| c["after"]["value"] == "safe").expect("mode");
                mode["after"]["value"] = "unsafe".into();
            }),
        ),
        (
            "a hidden operation",
            Box::new(|j| {
                j["plan"]["operations"].as_array_mut().expect("operations").pop();
            }),
        ),
        (
            "a hidden change",
            Box::new(|j| {
                j["plan"]["resource_changes"].as_array_mut().expect("changes").pop();
            }),
        ),
        ("another count", Box::new(|j| j["plan"]["summary"]["create"] = 1.into())),
        ("another digest", Box::new(|j| j["plan"]["digest"] = ZERO.into())),
        ("another question", Box::new(|j| j["mode"] = "destroy".into())),
    ];
    for (what, forgery) in forgeries {
        p.write("a.plan", &forged(&text, forgery));
        p.run(&["show", "a.plan"]).code(0);
        let refused = apply(&p).code(4);
        assert!(
            refused.err.contains("forged") || refused.err.contains("stale"),
            "{what}: {}",
            refused.err
        );
    }
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "nothing was applied");
    // The forger's way of writing the file is not what is refused.
    p.write("a.plan", &forged(&text, |_| {}));
    apply(&p).code(0);
}

#[cfg(unix)]
#[test]
fn a_plan_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (p, _) = saved();
    let mode = std::fs::metadata(p.path().join("a.plan")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn no_secret_is_in_a_plan_a_state_a_log_or_an_error() {
    let (p, plan) = saved();
    let mut told = plan;
    let mut hear = |run: crate::support::cli::Run| {
        told.push_str(&run.out);
        told.push_str(&run.err);
    };
    hear(apply(&p).code(0));
    let secret = format!("password={PASSWORD}");
    for format in ["text", "json", "markdown", "html", "sarif"] {
        hear(p.run(&["plan", "--format", format, "--var", &secret]).code(0));
    }
    // A change of the secret alone, told and applied; and an error that has to do with it.
    let with = |token: &str, args: &[&str]| -> crate::support::cli::Run {
        p.command(args).env("APP_TOKEN", token).output().expect("it starts").into()
    };
    hear(with("another-token-0123", &["apply", "--auto-approve", "--var", &secret]).code(0));
    p.write("main.hcl", &ESTATE.replace("\"mode\"  = \"safe\"", "\"mode\"  = var.password"));
    hear(with(TOKEN, &["apply", "--auto-approve", "--var", &secret]));
    hear(p.run(&["plan"]));
    for args in [&["state", "pull"][..], &["output", "--json"], &["state", "history"], &["drift"]] {
        hear(p.run(args));
    }
    for value in [TOKEN, PASSWORD, "another-token-0123"] {
        assert!(!told.contains(value), "`{value}` was told");
    }
    // State, journals, audit log, every old version: everything but the emulated AWS itself.
    let all = below(&p.path().join(".palisade/sandbox/palisade-state"));
    assert!(all.len() > 10, "{all:?}");
    for path in all {
        let bytes = std::fs::read(&path).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        for value in [TOKEN, "another-token-0123"] {
            assert!(!text.contains(value), "{}", path.display());
        }
    }
}
