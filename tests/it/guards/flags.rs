//! Flags as people who come from Terraform type them.

use crate::support::cli::Program;
use crate::support::estates::two_environments;

fn files(program: &Program) -> Vec<String> {
    let entries = std::fs::read_dir(program.path()).expect("listed");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[test]
fn flags_of_terraform_do_what_they_do_there() {
    let program = Program::new(&two_environments(""));
    program.run(&["plan", "-out=a.plan", "-no-color"]).code(0);
    assert_eq!(files(&program), ["a.plan", "main.hcl"]);
    program.run(&["apply", "-auto-approve", "a.plan"]).code(0);
    let run = program.run(&["plan", "-target=account.dev", "-detailed-exitcode"]).code(0);
    assert!(run.out.contains("No changes"), "{}", run.out);
}

#[test]
fn what_palisade_does_not_have_is_refused_and_leaves_no_file() {
    let program = Program::new(&two_environments(""));
    for (flag, hint) in [
        ("-input=false", "--auto-approve"),
        ("-lock=false", "--lock-timeout"),
        ("-outt=a.plan", "did you mean `--out`?"),
        ("-out.plan", "did you mean `--out`?"),
    ] {
        let run = program.run(&["plan", flag]).code(1);
        assert!(run.err.contains(hint), "{flag}: {}", run.err);
    }
    assert_eq!(files(&program), ["main.hcl"]);
}

#[test]
fn a_secret_that_is_missing_stops_an_apply_before_its_first_call() {
    let program = Program::new(&two_environments(
        r#"config_schema "app" {
  key "a" {
    type   = string
    secret = true
  }
  key "b" {
    type   = string
    secret = true
  }
}
iam_role "first" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#,
    ));
    let main = std::fs::read_to_string(program.path().join("main.hcl")).expect("read");
    let main = main.replace(
        "environment \"dev\" {",
        "environment \"dev\" {\n  config \"app\" {\n    values = { a = secret(\"env:MISSING\"), b = secret(\"file:missing.txt\") }\n  }",
    );
    program.write("main.hcl", &main);
    // A plan asks no source.
    program.run(&["plan"]).code(0);
    let run = program.run(&["apply", "--auto-approve"]).code(1);
    assert!(run.err.contains("the environment variable `MISSING` is not set"), "{}", run.err);
    assert!(run.err.contains("missing.txt"), "{}", run.err);
    let listed = program.run(&["state", "list"]).code(0).out;
    assert!(listed.trim().is_empty(), "{listed}");
    let log = program.path().join(".palisade/sandbox");
    let made = std::fs::read_dir(log.join("palisade-state/scopes"));
    assert!(made.is_err(), "a scope was written");
}
