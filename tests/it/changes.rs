//! Changes to the example of five environments that open and close walls, each of the size of a
//! pull request: what its plan says of the walls, as an auditor would read it.
//!
//! `examples/five-environments/changes/NAME/before.patch` is there where the change needs something
//! to stand before; `change.patch` is the change. A plan's section lies in `snapshots/changes/`.

use std::collections::BTreeSet;

use crate::examples::{Walk, repository};
use crate::support;

const DIR: &str = "examples/five-environments";

/// A change, and what it does to one wall: its verdict before and after, and the plan's exit code.
struct Case {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    before: &'static str,
    after: &'static str,
    code: i32,
}

const CASES: &[Case] = &[
    Case {
        name: "chain",
        from: "dev-aws",
        to: "production",
        before: "isolated",
        after: "reachable",
        code: 3,
    },
    Case {
        name: "closed",
        from: "staging",
        to: "production",
        before: "reachable",
        after: "isolated",
        code: 0,
    },
    Case {
        name: "guardrail-detached",
        from: "dev-aws",
        to: "production",
        before: "isolated",
        after: "reachable",
        code: 3,
    },
    Case {
        name: "oidc-subject",
        from: "$external",
        to: "production",
        before: "conditional",
        after: "conditional",
        code: 0,
    },
    Case {
        name: "power",
        from: "dev-aws",
        to: "production",
        before: "isolated",
        after: "reachable",
        code: 3,
    },
    Case {
        name: "source-address",
        from: "dev-aws",
        to: "production",
        before: "isolated",
        after: "conditional",
        code: 3,
    },
    Case {
        name: "source-side",
        from: "dev-aws",
        to: "production",
        before: "isolated",
        after: "isolated",
        code: 0,
    },
    Case {
        name: "unread-account",
        from: "dev-aws",
        to: "production",
        before: "undetermined",
        after: "undetermined",
        code: 3,
    },
];

/// Applies a patch as its reader would: `git apply`, in the root of the repository.
fn patch(walk: &Walk, name: &str, what: &str) {
    let file = walk.path(&format!("{DIR}/changes/{name}/{what}.patch"));
    if !file.exists() && what == "before" {
        return;
    }
    let output = std::process::Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .arg(&file)
        .current_dir(walk.path(""))
        .output()
        .expect("git");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn run(name: &str) {
    let case = CASES.iter().find(|c| c.name == name).unwrap();
    let walk = Walk::new();
    patch(&walk, name, "before");
    walk.expect(DIR, &["fmt", "--check"], 0);
    walk.expect(DIR, &["apply", "--auto-approve"], 0);
    patch(&walk, name, "change");
    walk.enforce();
    walk.expect(DIR, &["fmt", "--check"], 0);
    let plan: serde_json::Value =
        serde_json::from_str(&walk.expect(DIR, &["plan", "--json"], case.code)).unwrap();
    let rows = plan["isolation"]["matrix"].as_array().unwrap();
    let row = rows.iter().find(|r| r["from"] == case.from && r["to"] == case.to).unwrap();
    assert_eq!((&row["before"], &row["after"]), (&case.before.into(), &case.after.into()), "{row}");
    if case.after == "undetermined" {
        let proofs = plan["isolation"]["proofs"].as_array().unwrap();
        assert!(proofs.iter().all(|proof| proof["verified"] == true), "{proofs:#?}");
        let said = walk.says(DIR, &["plan"], case.code);
        assert!(
            said.contains("5 walls that an isolation rule protects are undetermined"),
            "{said}"
        );
        // One call that was refused is one warning, whatever it was to read.
        assert_eq!(
            said.matches("iam:GetAccountAuthorizationDetails in production").count(),
            1,
            "{said}"
        );
    } else {
        crate::walls::proved(&plan, name);
    }
    let text = walk.expect(DIR, &["plan", "--full"], case.code);
    let section = &text[text.find("Isolation  ").unwrap()..];
    let wide = section.lines().filter(|l| l.chars().count() > 160).collect::<Vec<_>>();
    assert!(wide.is_empty(), "{wide:#?}");
    support::snapshots("changes").bind(|| insta::assert_snapshot!(name, section));
    // The same in every form that a pull request gets, by one run.
    let suffixes = [
        ("text", "txt"),
        ("markdown", "md"),
        ("sarif", "sarif"),
        ("html", "html"),
        ("json", "json"),
    ];
    let files = suffixes.map(|(format, suffix)| (format, walk.path(&format!("out.{suffix}"))));
    let outputs =
        files.iter().map(|(format, file)| format!("--output={format}={}", file.display()));
    let args: Vec<String> = std::iter::once("plan".to_owned()).chain(outputs).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    walk.expect(DIR, &args, case.code);
    let broken = plan["summary"]["isolation"]["broken"].as_u64().expect("a number");
    let sentence = if broken > 0 { "an isolation rule" } else { "No rule is broken" };
    for ((_, suffix), (format, file)) in suffixes.iter().zip(&files) {
        let text = std::fs::read_to_string(file).expect("the run has left it");
        // Long forms are kept by what a reader sees of them first.
        let text = match *suffix {
            "html" => support::page::visible(&text),
            "json" => support::outline::outline(&text),
            _ => text,
        };
        assert!(text.contains(sentence) || *suffix == "json", "{name} as {format}: {text}");
        let text = support::undated(&text);
        let name = format!("{name}.{suffix}");
        support::snapshots("changes").bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn every_change_is_told() {
    let folders: BTreeSet<String> = std::fs::read_dir(repository().join(DIR).join("changes"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, CASES.iter().map(|c| c.name.to_owned()).collect());
}

macro_rules! changes {
    ($($test:ident: $name:literal;)*) => {
        $(
            #[test]
            fn $test() {
                run($name);
            }
        )*
    };
}

changes! {
    a_chain_through_shared_services_opens_production: "chain";
    a_path_is_closed: "closed";
    a_detached_guardrail_opens_production: "guardrail-detached";
    a_weakened_oidc_subject_widens: "oidc-subject";
    a_role_passed_to_a_build_is_power_over_production: "power";
    a_path_from_the_office_is_conditional: "source-address";
    a_wall_is_held_shut_by_the_source_side_alone: "source-side";
    an_account_that_nobody_could_read_is_undetermined: "unread-account";
}
