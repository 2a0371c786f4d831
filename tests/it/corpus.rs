//! Real policies of other people, planned and applied: `PALISADE_CORPUS` names a folder with one
//! service control policy a file. Without it there is nothing to read.

use std::path::PathBuf;

use crate::support::cli::Program;

/// The one that is no JSON, and the line that says so.
const MALFORMED: (&str, &str) = (
    "Service-specific-controls--AWS-IAM--deny-service-specific-credential-by-type.json",
    "policies/Service-specific-controls--AWS-IAM--deny-service-specific-credential-by-type.json:15:",
);

fn estate(names: &[String]) -> String {
    let blocks = names.iter().enumerate().map(|(at, name)| {
        format!("service_control_policy \"p{at}\" {{\n  content = file(\"policies/{name}\")\n}}\n")
    });
    let organization =
        "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n}\n";
    std::iter::once(organization.to_owned()).chain(blocks).collect()
}

#[test]
fn real_policies_are_planned_applied_and_settled() {
    let Some(folder) = std::env::var_os("PALISADE_CORPUS").map(PathBuf::from) else { return };
    let p = Program::new("");
    std::fs::create_dir(p.path().join("policies")).expect("made");
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        std::fs::copy(&path, p.path().join("policies").join(&name)).expect("copied");
        names.push(name);
    }
    names.sort();
    p.write("main.hcl", &estate(&names));
    let refused = p.run(&["validate"]).code(1);
    assert!(refused.err.contains(MALFORMED.1), "{}", refused.err);
    assert!(refused.err.contains("not valid: 1 error"), "{}", refused.err);
    names.retain(|name| name != MALFORMED.0);
    p.write("main.hcl", &estate(&names));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["summary"]["create"], names.len() + 1);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}
