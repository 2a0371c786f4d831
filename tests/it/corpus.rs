//! Real policies of other people, planned and applied: `PALISADE_CORPUS` names a folder with one
//! service control policy a file. Where there is none, these tests are left out by name:
//! `PALISADE_CORPUS=... cargo test --test it corpus:: -- --ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use palisade::diag::Source;
use palisade::iam::{Document, Use, diff, semantic_eq};
use serde_json::{Value as Json, json};

use crate::support::cli::{Program, Run};

/// The one that is no JSON, and the line that says so.
const MALFORMED: &str =
    "Service-specific-controls--AWS-IAM--deny-service-specific-credential-by-type.json";
const MALFORMED_LINE: u64 = 15;

/// What may be said of a policy that AWS takes: both are worth a look, and true.
const TRUE_WARNINGS: [&str; 2] = [" is no IAM policy variable", "no known action matches"];

/// The corpus, by file name.
fn corpus() -> BTreeMap<String, String> {
    let folder = std::env::var_os("PALISADE_CORPUS").map(PathBuf::from);
    let folder = folder.expect("PALISADE_CORPUS names a folder of policies");
    let mut all = BTreeMap::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        all.insert(name, std::fs::read_to_string(&path).expect("a policy"));
    }
    assert!(all.len() > 50, "{} policies", all.len());
    all
}

/// An organization of these policies, read from `policies/`.
fn estate(kind: &str, policies: &BTreeMap<String, String>) -> Program {
    let p = Program::new("");
    std::fs::create_dir(p.path().join("policies")).expect("made");
    let ty = kind.to_uppercase();
    let mut main = format!("organization \"acme\" {{\n  enabled_policy_types = [\"{ty}\"]\n}}\n");
    for (at, (name, text)) in policies.iter().enumerate() {
        p.write(&format!("policies/{name}"), text);
        let block = format!("{kind} \"p{at}\" {{\n  content = file(\"policies/{name}\")\n}}\n");
        main.push_str(&block);
    }
    p.write("main.hcl", &main);
    p
}

/// The findings of a `validate`: severity, summary, file (without its folder) and line.
fn findings(run: &Run) -> Vec<(String, String, String, u64)> {
    let text = |found: &Json| found.as_str().expect("a text").to_owned();
    let report = run.json();
    let all = report["diagnostics"].as_array().expect("a list").iter();
    all.map(|d| {
        let file = text(&d["location"]["file"]);
        let name = file.strip_prefix("policies/").unwrap_or(&file).to_owned();
        let line = d["location"]["line"].as_u64().expect("a line");
        (text(&d["severity"]), text(&d["summary"]), name, line)
    })
    .collect()
}

/// Planned, applied and planned again without a change.
fn carried_out(p: &Program, policies: usize) {
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["summary"]["create"], policies + 1);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
#[ignore = "needs PALISADE_CORPUS, a folder of policies"]
fn real_policies_are_planned_applied_and_settled() {
    let mut policies = corpus();
    let p = estate("service_control_policy", &policies);
    let found = findings(&p.run(&["validate", "--json"]).code(1));
    let (wrong, odd): (Vec<_>, Vec<_>) = found.into_iter().partition(|(s, ..)| s == "error");
    let at: Vec<_> = wrong.iter().map(|(_, _, file, line)| (file.as_str(), *line)).collect();
    assert_eq!(at, [(MALFORMED, MALFORMED_LINE)]);
    for (_, summary, file, _) in odd {
        assert!(TRUE_WARNINGS.iter().any(|w| summary.contains(w)), "{file}: {summary}");
    }
    policies.remove(MALFORMED);
    carried_out(&estate("service_control_policy", &policies), policies.len());
}

#[test]
#[ignore = "needs PALISADE_CORPUS, a folder of policies"]
fn what_is_written_is_what_was_read() {
    for (name, text) in corpus() {
        let source = Source::new(name.as_str(), text.as_str());
        let Ok((document, _)) = Document::parse(&source, 0, Use::Scp) else {
            assert_eq!(name, MALFORMED);
            continue;
        };
        let original: Json = serde_json::from_str(&text).expect("JSON");
        for other in [original, document.to_json()] {
            let (other, _) = Document::from_json(&other, Use::Scp).expect("valid");
            assert!(semantic_eq(&document, &other), "{name}");
            assert!(diff(&document, &other).is_empty(), "{name}");
        }
    }
}

#[test]
#[ignore = "needs PALISADE_CORPUS, a folder of policies"]
fn what_resource_control_policies_cannot_have_is_refused_and_nothing_else() {
    let mut policies = corpus();
    policies.remove(MALFORMED);
    // As they are, they name no principal: that is all that is wrong with most of them.
    let as_they_are = estate("resource_control_policy", &policies);
    let found = findings(&as_they_are.run(&["validate", "--json"]).code(1));
    let unnamed = found.iter().filter(|(_, summary, ..)| {
        summary == "a statement of a resource control policy must have `Principal`"
    });
    let unnamed: BTreeSet<_> = unnamed.map(|(_, _, file, _)| file.clone()).collect();
    assert_eq!(unnamed, policies.keys().cloned().collect());

    // With everybody as their principal, each is as good as its actions.
    let mut refusals = BTreeSet::new();
    for (name, text) in &mut policies {
        let mut policy: Json = serde_json::from_str(text).expect("JSON");
        let statements = match &mut policy["Statement"] {
            Json::Array(all) => all.iter_mut().collect(),
            one => vec![one],
        };
        for statement in statements {
            statement["Principal"] = "*".into();
            if statement.get("NotAction").is_some() {
                let why = "a resource control policy cannot have `NotAction`";
                refusals.insert((why.to_owned(), name.clone()));
            }
            if [json!("*"), json!(["*"])].contains(&statement["Action"]) {
                let why = "a resource control policy cannot deny the action `*`";
                refusals.insert((why.to_owned(), name.clone()));
            }
        }
        *text = serde_json::to_string_pretty(&policy).expect("JSON");
    }
    let named = estate("resource_control_policy", &policies);
    let found = findings(&named.run(&["validate", "--json"]).code(1));
    let (wrong, odd): (Vec<_>, Vec<_>) = found.into_iter().partition(|(s, ..)| s == "error");
    let said: BTreeSet<_> = wrong.into_iter().map(|(_, why, file, _)| (why, file)).collect();
    assert_eq!(said, refusals);
    let beyond = "resource control policies do not reach the service";
    for (_, summary, file, _) in odd {
        let known = TRUE_WARNINGS.iter().any(|w| summary.contains(w));
        assert!(known || summary.starts_with(beyond), "{file}: {summary}");
    }
    policies.retain(|name, _| !refusals.iter().any(|(_, file)| file == name));
    assert!(policies.len() > 40, "{refusals:?}");
    carried_out(&estate("resource_control_policy", &policies), policies.len());
}
