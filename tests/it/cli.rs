//! The program from end to end, in the sandbox: what a user types, and what comes back.

use crate::support::cli::Program;

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
variable "level" {
  type    = string
  default = "info"
}
variable "password" {
  type      = string
  default   = "none"
  sensitive = true
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
organizational_unit "workloads" {}
account "dev" {
  parent = organizational_unit.workloads
  name   = "acme-dev"
  email  = "dev@acme.example"
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = { level = var.level }
  }
}
config_schema "app" {
  key "level" {
    type = string
  }
}
iam_role "deploy" {
  environments = [environment.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "deploy" {
    effect    = "Allow"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-${each.environment.name}/*"]
  }
}
output "role" {
  value = iam_role.deploy.at["dev"].arn
}
output "hidden" {
  value     = var.password
  sensitive = true
}
"#;

#[test]
fn the_life_of_a_small_estate() {
    let p = Program::new(ESTATE);
    assert!(p.run(&["validate"]).code(0).out.contains("valid"));
    let plan = p.run(&["plan", "--detailed-exitcode"]).code(2);
    assert!(plan.out.contains("+ iam_role.deploy@dev"), "{}", plan.out);
    assert!(plan.out.contains("Plan: 5 to create."), "{}", plan.out);
    assert!(!plan.out.contains('\u{1b}') && !plan.err.contains('\u{1b}'), "escapes in a pipe");
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "a plan writes no state");

    p.run(&["apply", "--auto-approve"]).code(0);
    let again = p.run(&["plan", "--detailed-exitcode"]).code(0);
    assert!(again.out.contains("No changes."), "{}", again.out);
    let listed = p.run(&["state", "list"]).code(0).out;
    assert_eq!(listed.lines().count(), 5, "{listed}");
    let shown = p.run(&["state", "show", "iam_role.deploy@dev"]).code(0).out;
    assert!(shown.contains("max_session_duration"), "{shown}");

    let role = p.run(&["output", "role", "--raw"]).code(0).out;
    assert!(role.starts_with("arn:aws:iam::") && role.ends_with(":role/deploy"), "{role}");
    let hidden = p.run(&["output", "--json"]).code(0);
    assert_eq!(hidden.json()["hidden"]["value"], serde_json::Value::Null);

    p.run(&["apply", "--auto-approve", "--var", "level=debug"]).code(0);
    let level = r#"environment.dev.config.app["level"]@dev"#;
    let shown = p.run(&["state", "show", level, "--json"]).code(0).json();
    assert_eq!(shown[level]["attrs"]["value"], "debug");
    p.run(&["drift", "--managed-only"]).code(0);
    p.run(&["audit", "verify"]).code(0);

    p.run(&["destroy", "--auto-approve"]).code(0);
    assert!(p.run(&["state", "list"]).code(0).out.is_empty());
    assert!(
        p.run(&["plan", "--destroy", "--detailed-exitcode"])
            .code(0)
            .out
            .contains("Nothing is left to delete.")
    );
}

#[test]
fn a_saved_plan_is_carried_out_as_it_was_approved_or_not_at_all() {
    let p = Program::new(ESTATE);
    p.run(&["plan", "--out", "one.plan", "--var", "level=warn"]).code(0);
    assert!(p.run(&["show", "one.plan"]).code(0).out.contains("\"warn\""));
    let refused = p.run(&["apply", "one.plan", "--target", "account.dev"]).code(1);
    assert!(refused.err.contains("--target"), "{}", refused.err);
    p.run(&["apply", "one.plan"]).code(0);
    let stale = p.run(&["apply", "one.plan"]).code(4);
    assert!(
        stale.err.contains("stale") && stale.err.contains("the state of `acct-dev`"),
        "{}",
        stale.err
    );

    p.run(&["plan", "--out", "two.plan"]).code(0);
    p.write("main.hcl", &ESTATE.replace("s3:PutObject", "s3:GetObject"));
    let stale = p.run(&["apply", "two.plan"]).code(4);
    assert!(stale.err.contains("iam_role.deploy@dev"), "{}", stale.err);
    for wrong in ["main.hcl", "missing.plan", "."] {
        p.run(&["apply", wrong]).code(1);
    }
}

#[test]
fn progress_names_objects_as_the_plan_does() {
    let keyed = ESTATE.replace("level = var.level", "\"log/level\" = var.level");
    let p = Program::new(&keyed.replace("key \"level\"", "key \"log/level\""));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let said = p.run(&["apply", "--auto-approve"]).code(0).err;
    let planned = plan["resource_changes"].as_array().expect("a list").iter();
    for address in planned.map(|c| c["display"].as_str().expect("an address")) {
        assert!(said.contains(&format!("created {address}\n")), "{address} in {said}");
    }
}

#[test]
fn sensitive_variables_are_in_no_plan_and_must_be_given_again() {
    let p = Program::new(ESTATE);
    let secret = "password=hunter2-hunter2";
    p.run(&["plan", "--out", "s.plan", "--var", secret]).code(0);
    let file = std::fs::read_to_string(p.path().join("s.plan")).expect("a file");
    assert!(!file.contains("hunter2"));
    let missing = p.run(&["apply", "s.plan"]).code(4);
    assert!(missing.err.contains("`password` is not given"), "{}", missing.err);
    let other = p.run(&["apply", "s.plan", "--var", "password=else"]).code(4);
    assert!(other.err.contains("another value"), "{}", other.err);
    p.run(&["apply", "s.plan", "--var", secret]).code(0);
}

/// What the published schema has against a document.
pub(crate) fn against_schema(document: &serde_json::Value) -> Vec<String> {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../docs/plan.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors = validator.iter_errors(document);
    errors.map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn every_format_of_a_plan() {
    let p = Program::new(ESTATE);
    let mut first = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(against_schema(&first), [""; 0]);
    let mut second = p.run(&["plan", "--format", "json"]).code(0).json();
    for plan in [&mut first, &mut second] {
        plan["generated_at"] = "".into();
    }
    assert_eq!(first, second, "equal inputs, equal plans");
    let comment = p.run(&["plan", "--format", "markdown"]).code(0).out;
    assert!(comment.starts_with("<!-- palisade estate="), "{comment}");
    assert_eq!(comment.lines().nth(1), Some("## Palisade plan of acme"), "{comment}");
    assert!(p.run(&["plan", "--format", "html"]).code(0).out.starts_with("<!doctype html>"));
    assert_eq!(p.run(&["plan", "--format", "sarif"]).code(0).json()["version"], "2.1.0");
    p.run(&["plan", "--format", "yaml"]).code(1);
}

#[test]
fn a_plan_that_cannot_be_made_says_why_in_every_format() {
    let wrong = ESTATE.replace("unit.workloads", "unit.worklods");
    let found = wrong.lines().enumerate().find_map(|(at, l)| Some((at, l.find("worklods")?)));
    let (line, column) = found.map(|(line, column)| (line + 1, column + 1)).expect("a place");
    let p = Program::new(&wrong);
    let run = |format| p.run(&["plan", "--detailed-exitcode", "--format", format]).code(1);
    let json = run("json");
    assert!(json.err.contains("worklods"), "people read it too: {}", json.err);
    let json = json.json();
    assert_eq!(against_schema(&json), [""; 0]);
    assert!(json.get("digest").is_none(), "{json}");
    let said = json["diagnostics"].as_array().expect("a list");
    assert_eq!(said.len(), 1, "{json}");
    assert_eq!(
        said[0]["location"],
        serde_json::json!({"file": "main.hcl", "line": line, "column": column})
    );
    let summary = said[0]["summary"].as_str().expect("a text");
    assert!(summary.contains("worklods"), "{summary}");

    let sarif = run("sarif").json();
    let results = sarif["runs"][0]["results"].as_array().expect("a list");
    assert_eq!((sarif["version"].as_str(), results.len()), (Some("2.1.0"), 1), "{sarif}");
    assert_eq!(results[0]["level"], "error");
    let text = results[0]["message"]["text"].as_str().expect("a text");
    assert!(text.starts_with(summary) && text.contains("Help: did you mean"), "{text}");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "main.hcl");
    assert_eq!(place["region"], serde_json::json!({"startLine": line, "startColumn": column}));

    for (format, start) in [("markdown", "<!-- palisade estate="), ("html", "<!doctype html>")] {
        let out = run(format).out;
        assert!(out.starts_with(start) && out.contains("No plan: 1 error"), "{out}");
        assert!(out.contains("worklods") && out.contains(&format!("main.hcl:{line}")), "{out}");
        assert!(out.contains("did you mean"), "{format} gives no advice: {out}");
    }
    assert_eq!(run("text").out, "");

    // Whatever it is that keeps it from being made.
    let p = Program::new(ESTATE);
    let other = p.run(&["plan", "--json", "--target", "iam_role.nope"]).code(1).json();
    assert_eq!(against_schema(&other), [""; 0]);
    assert_eq!(other["diagnostics"][0]["severity"], "error");
}

#[test]
fn a_question_is_answered_with_yes_and_nothing_else() {
    let p = Program::new(ESTATE);
    let none = p.run(&["apply"]).code(1);
    assert!(none.err.contains("--auto-approve"), "{}", none.err);
    for answer in ["no\n", "y\n", "YES\n", "\n"] {
        p.feed(&["apply"], answer).code(1);
    }
    assert!(p.run(&["state", "list"]).code(0).out.is_empty());
    p.feed(&["apply"], "yes\n").code(0);
    assert!(!p.run(&["state", "list"]).code(0).out.is_empty());
}

#[test]
fn wrong_usage_is_an_error_and_never_reads_as_changes() {
    let p = Program::new(ESTATE);
    for args in [
        &[][..],
        &["plann"],
        &["plan", "--nope"],
        &["plan", "--parallelism", "0"],
        &["plan", "--lock-timeout", "5d"],
        &["plan", "--var", "level"],
        &["plan", "--var", "nope=1"],
        &["plan", "--account", "nope"],
        &["plan", "--environment", "nope"],
        &["plan", "--target", "iam_role.nope"],
        &["plan", "--refresh-only", "--refresh=false"],
        &["apply", "--fail-on", "none"],
        &["state", "show", "iam_role.nope@dev"],
        &["state", "rm"],
        &["import", "nonsense", "x"],
        &["adopt", "--account", "nope"],
        &["output", "nope"],
        &["-C", "missing", "plan"],
        &["completions", "nosuchshell"],
    ] {
        let run = p.run(args).code(1);
        assert!(!run.err.is_empty(), "{args:?} said nothing");
        assert!(!run.err.contains("panicked"), "{args:?}: {}", run.err);
    }
    for args in [&["--help"][..], &["plan", "--help"], &["--version"], &["version"]] {
        p.run(args).code(0);
    }
    let empty = Program::new("");
    std::fs::remove_file(empty.path().join("main.hcl")).expect("removed");
    assert!(empty.run(&["plan"]).code(1).err.contains("no configuration here"));
}

#[test]
fn wrong_configuration_is_told_with_its_place() {
    let p = Program::new("account \"a\" {\n  emial = \"x\"\n}\n");
    let told = p.run(&["validate"]).code(1);
    assert!(told.err.contains("main.hcl:2:3") && told.err.contains("email"), "{}", told.err);
    let json = p.run(&["validate", "--json"]).code(1).json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["diagnostics"][0]["location"]["line"], 2);
}

#[test]
fn what_is_doubtful_is_told_and_written_into_the_plan() {
    let p = Program::new(&ESTATE.replace("\"s3:PutObject\"", "\"s3:PutObjekt\", \"s3:GetObject\""));
    let told = p.run(&["validate"]).code(0);
    assert!(told.err.contains("s3:PutObjekt") && told.err.contains("main.hcl:"), "{}", told.err);
    let json = p.run(&["validate", "--json"]).code(0).json();
    assert_eq!((&json["valid"], &json["warning_count"]), (&true.into(), &1.into()), "{json}");
    let plan = p.run(&["plan"]).code(0);
    assert_eq!(plan.err.matches("no known action").count(), 1, "{}", plan.err);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let warnings = plan["diagnostics"].as_array().expect("a list");
    assert!(
        warnings.iter().any(|w| w["summary"].as_str().is_some_and(|s| s.contains("s3:PutObjekt"))),
        "{warnings:?}"
    );
    // An error does not hide what is doubtful beside it.
    p.write("more.hcl", "output \"x\" {\n  value = var.nope\n}\n");
    let told = p.run(&["validate"]).code(1);
    assert!(told.err.contains("s3:PutObjekt") && told.err.contains("nope"), "{}", told.err);
}

#[test]
fn an_account_is_not_renamed_without_trusted_access_and_the_plan_says_what_to_do() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &ESTATE.replace("\"acme-dev\"", "\"acme-development\""));
    let refused = p.run(&["plan"]).code(1);
    assert!(refused.err.contains("`account.dev` cannot be renamed"), "{}", refused.err);
    assert!(refused.err.contains("account.amazonaws.com"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl:20:12"), "{}", refused.err);
}

#[test]
fn of_two_values_for_a_variable_the_later_wins() {
    let p = Program::new("variable \"a\" {}\nvariable \"b\" {}\n");
    p.write("f.hclvars", "a = \"file\"\nb = \"file\"\n");
    let evaluated = |args: &[&str]| {
        let all: Vec<&str> =
            ["console", "-e", "var.a", "-e", "var.b"].iter().chain(args).copied().collect();
        p.run(&all).code(0).out
    };
    let first = ["--var", "a=flag", "--var-file", "f.hclvars", "--var", "b=flag"];
    assert_eq!(evaluated(&first), "\"file\"\n\"flag\"\n");
    let last = ["--var", "b=1", "--var", "b=2", "--var-file", "f.hclvars", "--var", "a=3"];
    assert_eq!(evaluated(&last), "\"3\"\n\"file\"\n");
}

#[test]
fn outputs_are_recorded_without_any_object() {
    let p = Program::new("output \"greeting\" {\n  value = \"hello\"\n}\n");
    p.run(&["output", "greeting"]).code(1);
    let applied = p.run(&["apply", "--auto-approve"]).code(0);
    assert!(applied.out.contains("greeting"), "{}", applied.out);
    assert_eq!(p.run(&["output", "greeting", "--raw"]).code(0).out, "hello");
    p.write("main.hcl", "");
    let applied = p.run(&["apply", "--auto-approve"]).code(0);
    assert!(applied.out.contains("greeting = (removed)"), "{}", applied.out);
    p.run(&["output", "greeting"]).code(1);
    // What everything was destroyed of tells nothing any more.
    p.write("main.hcl", ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["output", "role"]).code(0);
    p.run(&["destroy", "--auto-approve"]).code(0);
    p.run(&["output", "role"]).code(1);
}

#[test]
fn a_module_that_is_removed_leaves_its_objects_in_aws() {
    let p = Program::new(ESTATE);
    std::fs::create_dir(p.path().join("m")).expect("made");
    p.write("m/main.hcl", "variable \"account\" {}\niam_role \"x\" {\n  accounts = [var.account]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n");
    let call = "module \"m\" {\n  source  = \"./m\"\n  account = account.dev\n}\n";
    p.write("more.hcl", call);
    p.run(&["apply", "--auto-approve"]).code(0);
    assert!(p.run(&["state", "list"]).code(0).out.contains("module.m.iam_role.x@dev"));
    p.write("more.hcl", &format!("{call}removed {{\n  from = module.m\n}}\n"));
    let both = p.run(&["validate"]).code(1);
    assert!(both.err.contains("`module.m` is declared"), "{}", both.err);
    p.write("more.hcl", "removed {\n  from = module.m\n}\n");
    let plan = p.run(&["plan"]).code(0);
    assert!(plan.out.contains("1 to forget"), "{}", plan.out);
    p.run(&["apply", "--auto-approve"]).code(0);
    assert!(!p.run(&["state", "list"]).code(0).out.contains("module.m"));
    // It is still there, and its tags still say whose it is.
    p.write("more.hcl", call);
    let plan = p.run(&["plan"]).code(0);
    assert!(plan.out.contains("1 to adopt"), "{}", plan.out);
}

#[test]
fn accounts_of_one_block_keep_their_state() {
    let several = ESTATE
        .replace(
            "account \"dev\" {\n",
            "account \"member\" {\n  for_each = toset([\"dev\", \"live\"])\n",
        )
        .replace("acme-dev", "acme-${each.key}")
        .replace("dev@acme", "${each.key}@acme")
        .replace("[account.dev]", "[account.member[\"dev\"], account.member[\"live\"]]")
        .replace("at[\"dev\"]", "at[\"member.live\"]");
    let p = Program::new(&several);
    p.run(&["apply", "--auto-approve"]).code(0);
    let listed = p.run(&["state", "list"]).code(0).out;
    assert!(listed.contains("iam_role.deploy@member.live"), "{listed}");
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["destroy", "--auto-approve"]).code(0);
    assert_eq!(p.run(&["state", "list"]).code(0).out, "");
}

#[test]
fn drift_is_found_and_taken_in_or_put_right() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    // The same accounts through another configuration directory: somebody else's change.
    let other = Program::new(&ESTATE.replace("s3:PutObject", "s3:*"));
    let sandbox = p.path().join(".palisade/sandbox");
    let flag = format!("--sandbox={}", sandbox.display());
    other.run(&["apply", "--auto-approve", &flag]).code(0);
    // Its state is the same one: the sandbox keeps both. What it applied is no drift, but a change.
    let plan = p.run(&["plan", "--detailed-exitcode"]).code(2);
    let lower = plan.out.to_lowercase();
    assert!(
        lower.contains("- action s3:*") && lower.contains("+ action s3:putobject"),
        "{}",
        plan.out
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn state_can_be_renamed_forgotten_and_taken_back() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["state", "mv", "iam_role.deploy", "iam_role.ship"]).code(0);
    assert!(p.run(&["state", "list"]).code(0).out.contains("iam_role.ship@dev"));
    p.run(&["state", "mv", "iam_role.nope", "iam_role.x"]).code(1);
    p.run(&["state", "mv", "iam_role.ship", "account.dev"]).code(1);
    p.run(&["state", "mv", "iam_role.ship", "iam_role.deploy"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["state", "rm", "iam_role.deploy@dev"]).code(0);
    assert!(!p.run(&["state", "list"]).code(0).out.contains("iam_role"));
    p.run(&["import", "iam_role.deploy@dev", "deploy", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let history = p.run(&["state", "history", "acct-dev", "--json"]).code(0).json();
    let versions = history["acct-dev"].as_array().expect("a list").len();
    assert!(versions >= 4, "{history}");
    p.run(&["state", "rollback", "acct-dev", "--to", "1", "--auto-approve"]).code(0);
    p.run(&["state", "rollback", "acct-dev", "--to", "999", "--auto-approve"]).code(1);
    p.run(&["state", "unlock"]).code(0);
    p.run(&["audit", "verify"]).code(0);
    let pulled = p.run(&["state", "pull"]).code(0).json();
    assert!(pulled["scopes"]["acct-dev"]["resources"].is_object());
}

#[test]
fn what_nobody_manages_becomes_configuration() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["state", "rm", "iam_role.deploy"]).code(0);
    let start = ESTATE.find("iam_role \"deploy\"").expect("there");
    let end = ESTATE.find("output \"role\"").expect("there");
    let without = format!(
        "{}{}",
        &ESTATE[..start],
        &ESTATE[ESTATE.find("output \"hidden\"").expect("there")..]
    );
    assert!(start < end);
    p.write("main.hcl", &without);
    p.run(&["adopt", "--account", "dev", "--kind", "iam_role", "--out", "adopted.hcl"]).code(0);
    let text = std::fs::read_to_string(p.path().join("adopted.hcl")).expect("written");
    assert!(text.contains("iam_role \"deploy\"") && text.contains("import {"), "{text}");
    p.run(&["fmt", "--check", "adopted.hcl"]).code(0);
    let again = p.run(&["adopt", "--account", "dev", "--out", "adopted.hcl"]).code(0);
    assert!(again.err.contains("nothing in `dev` is left to adopt"), "{}", again.err);
    let plan = p.run(&["plan"]).code(0);
    assert!(plan.out.contains("exists and will be adopted"), "{}", plan.out);
}

#[test]
fn the_console_evaluates_and_fails_where_it_must() {
    let p = Program::new(ESTATE);
    let run = p.run(&["console", "-e", "upper(var.level)", "-e", "[1, {a = true}]"]).code(0);
    assert_eq!(run.out, "\"INFO\"\n[\n  1,\n  {\n    \"a\" = true\n  },\n]\n");
    p.run(&["console", "-e", "nope("]).code(1);
    assert_eq!(
        p.feed(&["console"], "1 + 1\n\nvar.password\nexit\n").code(0).out,
        "2\n(sensitive value)\n"
    );
}

#[test]
fn formatting_changes_nothing_it_is_not_asked_to() {
    let p = Program::new("# a comment\nlocals {\n      a=1\n}\n");
    p.run(&["fmt", "--check"]).code(1);
    let shown = p.run(&["fmt", "--check", "--diff"]).code(1).out;
    assert!(shown.contains("+  a = 1"), "{shown}");
    p.run(&["fmt"]).code(0);
    let text = std::fs::read_to_string(p.path().join("main.hcl")).expect("there");
    assert_eq!(text, "# a comment\nlocals {\n  a = 1\n}\n");
    assert!(p.run(&["fmt"]).code(0).out.is_empty());
    assert_eq!(p.feed(&["fmt", "-"], "a   =  1\n").code(0).out, "a = 1\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let p = Program::new(ESTATE);
    let mut child = p
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn state_moves_between_backends() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    let s3 = ESTATE.replace(
        "name = \"acme\"\n}",
        "name = \"acme\"\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    prefix = \"estate/\"\n    region = \"eu-west-1\"\n  }\n}",
    );
    p.write("main.hcl", &s3);
    let missing = p.run(&["plan"]).code(1);
    assert!(!missing.err.contains("DispatchFailure"), "{}", missing.err);
    p.run(&["init", "--create-backend", "--migrate-state"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["init", "--migrate-state"]).code(1);
    p.run(&["audit", "verify"]).code(0);
    // And back, from a bucket whose region nobody says. What was there before stays, so elsewhere.
    let back = ESTATE.replace(
        "name = \"acme\"\n}",
        "name = \"acme\"\n  backend \"local\" {\n    path = \"back\"\n  }\n}",
    );
    p.write("main.hcl", &back);
    let nowhere = p.run(&["init", "--migrate-state"]).code(1);
    assert!(nowhere.err.contains("--from s3://BUCKET/PREFIX"), "{}", nowhere.err);
    p.run(&["init", "--migrate-state", "--from", "s3://acme-state/estate"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["audit", "verify"]).code(0);
}
