//! The modules in another partition: everything that they write bears its ARNs.
//!
//! The sandbox speaks of `aws` alone, so what stands between it and the program calls it `aws-us-gov`, both ways.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::cli::{Program, Run};
use crate::support::front::{Front, Way};

/// As ARNs are written, plain and as policies travel in a form.
const HERE: [&str; 2] = ["arn:aws-us-gov:", "arn%3Aaws-us-gov%3A"];
const BEHIND: [&str; 2] = ["arn:aws:", "arn%3Aaws%3A"];

fn renamed(text: &[u8], from: [&str; 2], to: [&str; 2]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
    let plain = text.replace(from[0], to[0]);
    plain.replace(from[1], to[1]).into_bytes()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true if entry.file_name() == ".palisade" => {}
            true => copy(&entry.path(), &target),
            false => {
                std::fs::copy(entry.path(), target).expect("copied");
            }
        }
    }
}

#[test]
fn modules_hold_in_another_partition() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for module in ["audit-role", "baseline", "data-perimeter", "deploy-role"] {
        let strays: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&strays);
        let way = Way::default()
            .instead(move |request| {
                let text = request.text();
                if let Some(at) = BEHIND.iter().find_map(|stray| text.find(stray)) {
                    let around = text.get(at..(at + 80).min(text.len())).unwrap_or_default();
                    let stray = format!("{}: {around}", request.operation());
                    seen.lock().expect("whole").push(stray);
                }
                request.body = renamed(&request.body, HERE, BEHIND);
                request.uri = request.uri.replace(HERE[1], BEHIND[1]);
                None
            })
            .after(|_, body| renamed(&body, BEHIND, HERE));
        let front = Front::open(way);
        let program = Program::new("");
        copy(&root.join("modules"), &program.path().join("modules"));
        let dir = program.path().join("modules").join(module).join("example");
        let main = dir.join("main.hcl");
        let text = std::fs::read_to_string(&main).expect("the example");
        let text = text.replace("\"eu-west-1\"", "\"us-gov-west-1\"");
        assert!(text.contains("us-gov-west-1"), "{module}");
        std::fs::write(&main, text).expect("written");
        let keys = front.sandbox.management_credentials();
        let run = |args: &[&str]| -> Run {
            let mut command = program.command(args);
            command
                .current_dir(&dir)
                .env_remove("PALISADE_SANDBOX")
                .env("AWS_ENDPOINT_URL", front.url())
                .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
                .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key());
            command.output().expect("starts").into()
        };
        run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "test"]).code(0);
        let again = run(&["plan", "--detailed-exitcode", "--json"]).code(0).json();
        assert!(!again.to_string().contains("arn:aws:"), "{module}");
        assert_eq!(*strays.lock().expect("whole"), Vec::<String>::new(), "{module}");
    }
}
