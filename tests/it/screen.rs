//! What people and programs are shown beside a plan: events by line, pages, evidence, help, and the words at
//! the end of a run.

use serde_json::Value as Json;

use crate::support::cli::Program;
use crate::support::estates::two_environments;
use crate::support::wire::Wire;

/// Two environments; from `production` a role trusts the other one's account.
fn estate() -> String {
    two_environments(
        r#"
iam_role "reader" {
  accounts = [account.production]
  trust {
    aws = [account.dev]
  }
}
"#,
    )
}

/// A rule that the role breaks.
const RULE: &str = r#"
isolation "environments" {
  between = [environment.dev, environment.production]
}
"#;

fn lines(out: &str) -> Vec<Json> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

#[test]
fn an_apply_tells_programs_what_happens_line_by_line() {
    let p = Program::new(&estate());
    let unasked = p.run(&["apply", "--json"]).code(1);
    assert!(unasked.err.contains("asks no question") && unasked.out.is_empty(), "{}", unasked.err);

    let plan = p.run(&["plan", "--json"]).code(0).json();
    let events = lines(&p.run(&["apply", "--auto-approve", "--json"]).code(0).out);
    for event in &events {
        let at = event["at"].as_str().expect("a time");
        assert!(at.ends_with('Z') && at.len() == "2026-01-01T00:00:00Z".len(), "{event}");
        assert!(event["type"].is_string(), "{event}");
    }
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert_eq!((&first["type"], &first["estate"]), (&"plan".into(), &"acme".into()));
    assert_eq!(first["digest"], plan["digest"], "the plan that was shown before");
    assert_eq!((&last["type"], &last["success"]), (&"ended".into(), &true.into()));
    let head = last["audit_head"]["hash"].as_str();
    assert!(head.is_some_and(|hash| hash.starts_with("sha256:")), "{last}");
    let of = |what: &str| events.iter().filter(|e| e["type"] == what).count();
    let operations = plan["operations"].as_array().expect("a list").len();
    assert_eq!((of("started"), of("succeeded")), (operations, operations));
    assert_eq!(last["done"], operations);
    // An object has the name that the plan gives it.
    let planned = plan["resource_changes"].as_array().expect("a list").iter();
    for name in planned.map(|c| &c["address"]) {
        assert!(events.iter().any(|e| e["type"] == "succeeded" && e["address"] == *name), "{name}");
    }

    let again = lines(&p.run(&["apply", "--auto-approve", "--json"]).code(0).out);
    let types: Vec<&Json> = again.iter().map(|e| &e["type"]).collect();
    assert_eq!(types, ["plan", "ended"]);
    assert_eq!(again[1]["done"], 0);

    p.write("main.hcl", &estate().replace("account.dev]\n  }", "account.production]\n  }"));
    p.run(&["plan", "--out", "two.plan"]).code(0);
    let saved = lines(&p.run(&["apply", "two.plan", "--json"]).code(0).out);
    assert_eq!(saved.last().expect("an end")["done"], 1);
    // A refusal is an end, too, and the only one.
    let refused = |args: &[&str], code: i32, kind: &str| {
        let events = lines(&p.run(args).code(code).out);
        let ends: Vec<&Json> = events.iter().filter(|e| e["type"] == "ended").collect();
        let last = events.last().expect("an end");
        assert_eq!((ends.len(), &last["type"]), (1, &"ended".into()), "{events:?}");
        assert_eq!((&last["success"], &last["error"]["kind"]), (&false.into(), &kind.into()));
        assert!(last["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{last}");
    };
    refused(&["apply", "two.plan", "--json"], 4, "stale");
    refused(&["apply", "no.plan", "--json"], 1, "failed");
    p.write("main.hcl", &format!("{}{RULE}", estate()));
    refused(&["apply", "--auto-approve", "--json"], 3, "rule_broken");
    p.run(&["plan", "--out", "three.plan"]).code(3);
    refused(&["apply", "three.plan", "--json"], 3, "rule_broken");
    p.write("main.hcl", &estate());
    let gone = lines(&p.run(&["destroy", "--auto-approve", "--json"]).code(0).out);
    assert_eq!(gone.last().expect("an end")["success"], true);
}

#[test]
fn a_managed_object_is_not_imported_again_nor_changed_by_it() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate().replace("  trust {", "  description = \"new\"\n  trust {"));
    let args = ["import", "iam_role.reader@production", "reader", "--auto-approve"];
    let refused = p.run(&args).code(1);
    assert!(refused.err.contains("is managed already"), "{}", refused.err);
    assert!(refused.out.is_empty(), "{}", refused.out);
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("Plan: 1 to update."), "{plan}");
}

#[test]
fn a_mistyped_scope_is_no_scope_without_a_lock() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    for args in [
        &["state", "unlock", "acct-prodction", "--force"][..],
        &["state", "rollback", "acct-prodction", "--to", "1", "--auto-approve"],
    ] {
        let run = p.run(args).code(1);
        assert!(run.err.contains("did you mean `acct-production`?"), "{args:?}: {}", run.err);
    }
    p.run(&["state", "unlock", "acct-production", "--force"]).code(0);
    let history = p.run(&["history", "-e", "prodction"]).code(1).err;
    assert!(history.contains("did you mean `production`?"), "{history}");
}

#[test]
fn outputs_do_not_overwrite_each_other() {
    let p = Program::new(&estate());
    for args in [
        &["plan", "--output", "sarif=a", "--output", "markdown=a"][..],
        &["plan", "--out", "a", "--output", "markdown=a"],
    ] {
        let run = p.run(args).code(1);
        assert!(run.err.contains("two outputs would be written into `a`"), "{}", run.err);
        assert!(!p.path().join("a").exists(), "{args:?}");
    }
    // A directory that is not there is told before a plan is made that would be lost.
    let wire = Wire::new();
    for args in [
        &["plan", "--output", "sarif=no/such/a"][..],
        &["plan", "--output", "text=a", "--out", "no/such/b"],
    ] {
        wire.calm();
        let run = wire.run(&p, args).code(1);
        assert!(run.err.contains("its directory does not exist"), "{args:?}: {}", run.err);
        assert_eq!(wire.arrived().len(), 0, "{args:?}");
    }
    // It takes no lock, and so waits for none.
    p.run(&["plan", "--lock-timeout", "5s"]).code(1);
}

#[test]
fn times_in_json_are_whole_seconds() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    let json = p.run(&["state", "history", "--json"]).code(0).out;
    let mut times = json.split('"').filter(|text| text.starts_with("20") && text.ends_with('Z'));
    assert_eq!(times.find(|time| time.contains('.')), None, "{json}");
}

/// The numbers at the end of a run are those that its plan began with.
#[test]
fn an_apply_counts_objects_as_its_plan_does() {
    let p = Program::new(&estate());
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("Plan: 4 to create."), "{plan}");
    let said = p.run(&["apply", "--auto-approve"]).code(0).err;
    assert!(said.contains("Apply complete: 4 created ("), "{said}");
    let said = p.run(&["destroy", "--auto-approve"]).code(0).err;
    assert!(said.contains("Destroy complete: 1 deleted, 3 forgotten"), "{said}");
}

/// What a reader of one screen sees, in its order: both streams in one file.
fn screen(p: &Program, args: &[&str]) -> String {
    let path = p.path().join("screen.txt");
    let file = std::fs::File::create(&path).expect("a file");
    let mut command = p.command(args);
    command.stdout(file.try_clone().expect("the same file")).stderr(file);
    command.status().expect("the program starts");
    std::fs::read_to_string(path).expect("UTF-8")
}

#[test]
fn the_verdict_comes_before_what_is_doubtful() {
    let p = Program::new(&format!(
        "{}{}",
        estate(),
        r#"
iam_oidc_provider "github" {
  accounts  = [account.dev]
  url       = "https://token.actions.githubusercontent.com"
  audiences = ["sts.amazonaws.com"]
}

iam_role "ci" {
  accounts = [account.dev]
  trust {
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/*"]
    }
  }
}
"#
    ));
    for args in [&["plan"][..], &["apply", "--auto-approve"]] {
        let screen = screen(&p, args);
        let at = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text}: {screen}"));
        assert!(at("No rule is broken") < at("names an owner that somebody else can become"));
    }
}

#[test]
fn a_mistyped_selection_costs_no_request() {
    let (p, wire) = (Program::new(&estate()), Wire::new());
    for (flag, name, help) in [("-e", "prodction", "`production`"), ("-a", "deb", "`dev`")] {
        for command in ["plan", "drift", "apply", "destroy"] {
            wire.calm();
            let run = wire.run(&p, &[command, flag, name]);
            assert_eq!(run.code, 1, "{command} {flag}: {}{}", run.out, run.err);
            assert!(
                run.err.contains(&format!("`{name}`")) && run.err.contains(help),
                "{}",
                run.err
            );
            let arrived = wire.arrived().len();
            assert_eq!(arrived, 0, "{command} {flag}: {arrived} requests");
        }
    }
    for args in [&["status", "-e", "prodction"][..], &["adopt", "-a", "prodction"]] {
        wire.calm();
        let run = wire.run(&p, args).code(1);
        assert!(run.err.contains("did you mean `production`?"), "{args:?}: {}", run.err);
        assert_eq!(wire.arrived().len(), 0, "{args:?}");
    }
    let both = wire.run(&p, &["status", "-e", "prodction", "-e", "dve"]).code(1);
    assert!(both.err.contains("`prodction`") && both.err.contains("`dve`"), "{}", both.err);
    let none = Program::new("palisade {\n  name = \"acme\"\n}\n");
    let none = wire.run(&none, &["plan", "-e", "dev"]).code(1);
    assert!(none.err.contains("the configuration declares no environment"), "{}", none.err);
    wire.calm();
    wire.run(&p, &["plan", "-e", "production"]).code(0);
    assert!(!wire.arrived().is_empty());
}

#[test]
fn a_report_is_a_page_of_its_own() {
    let p = Program::new(&format!("{}{RULE}", estate()));
    p.run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"]).code(0);
    // It breaks no report that a rule is broken.
    let page = p.run(&["report"]).code(0).out;
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("@import"));
    for part in [
        "Palisade report of acme",
        "1 path breaks an isolation rule",
        "isolation.environments",
        "<h2 id=\"estate-title\">",
        "<h2 id=\"walls-title\">",
        "<h2 id=\"exceptions-title\">",
        "<h2 id=\"drift-title\">",
        "<h2 id=\"history-title\">",
        "Success figures",
        "Audit log",
    ] {
        assert!(page.contains(part), "`{part}` is missing in {page}");
    }
    assert!(p.run(&["report", "--out", "page.html"]).code(0).out.is_empty());
    assert!(std::fs::read_to_string(p.path().join("page.html")).expect("a page").contains("acme"));
    let refused = p.run(&["report", "--out", "no/such/page.html"]).code(1);
    assert!(refused.err.contains("cannot write `no/such/page.html`"), "{}", refused.err);
    p.run(&["drift"]).code(0);
}

#[test]
fn answers_say_what_they_stand_on() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    let role = p.run(&["state", "show", "iam_role.reader@production", "--json"]).code(0).json();
    let arn =
        role["iam_role.reader@production"]["attrs"]["arn"].as_str().expect("an ARN").to_owned();
    for args in [&["isolation"][..], &["who-can", "sts:AssumeRole", &arn]] {
        let text = p.run(args).code(0).out;
        let head = text.lines().next().expect("a line");
        assert!(head.starts_with("Estate acme, 20"), "{head}");
        assert!(head.contains(concat!("by Palisade ", env!("CARGO_PKG_VERSION"))), "{head}");
        assert!(head.contains("accounts read: dev, production"), "{head}");
        let json = p.run(&[args, &["--json"]].concat()).code(0).json();
        assert_eq!(json["estate"], "acme");
        assert_eq!(json["palisade_version"], env!("CARGO_PKG_VERSION"));
        let at = json["generated_at"].as_str().expect("a time");
        assert!(at.ends_with('Z') && !at.contains('.'), "{at}");
        assert_eq!(
            json["read"],
            serde_json::json!({
                "live": true, "accounts": ["dev", "production"], "unread": {},
            })
        );
        let offline = p.run(&[args, &["--state", "--json"]].concat()).code(0).json();
        assert_eq!(offline["read"]["live"], false, "{offline}");
    }
}

#[test]
fn an_object_has_one_name_wherever_it_is_named() {
    let p = Program::new(&two_environments(
        r#"
iam_role "app" {
  environments = [environment.dev, environment.production]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#,
    ));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let changes = plan["resource_changes"].as_array().expect("a list").iter();
    let mut names: Vec<&str> = changes.map(|c| c["display"].as_str().expect("a name")).collect();
    names.sort_unstable();
    assert!(names.contains(&"iam_role.app@dev"), "{names:?}");
    let said = p.run(&["apply", "--auto-approve"]).code(0).err;
    let listed = p.run(&["state", "list"]).code(0).out;
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, names);
    let shown = p.run(&["show"]).code(0).out;
    let gone = p.run(&["plan", "--destroy", "--full"]).code(0).out;
    let near = p.run(&["state", "show", "iam_role.ap@dev"]).code(1).err;
    assert!(near.contains("did you mean `iam_role.app@dev`?"), "{near}");
    for name in names {
        assert!(said.contains(&format!("created {name}\n")), "{name}: {said}");
        assert!(shown.lines().any(|line| line == name), "{name}: {shown}");
        assert!(gone.contains(name), "{name}: {gone}");
        assert!(p.run(&["state", "show", name]).code(0).out.starts_with(&format!("{name}\n")));
    }
}

/// One of the configuration and one that has left it.
#[test]
fn an_object_that_leaves_the_configuration_keeps_its_name() {
    let role = |name: &str, environments: &str| {
        format!(
            "iam_role \"{name}\" {{\n  environments = [{environments}]\n  trust {{\n    aws = [account.production]\n  }}\n}}\n"
        )
    };
    let both = "environment.dev, environment.production";
    let all = format!("{}{}{RULE}", role("app", both), role("cross", "environment.dev"));
    let p = Program::new(&two_environments(&all));
    let regardless = ["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"];
    p.run(&regardless).code(0);
    p.write("main.hcl", &two_environments(&format!("{}{RULE}", role("app", both))));
    for format in ["text", "markdown", "html", "sarif"] {
        let plan = p.run(&["plan", "--format", format]);
        let plan = plan.out.replace("&#64;", "@").replace("&#95;", "_").replace("<wbr>", "");
        assert!(format == "sarif" || plan.contains("iam_role.cross@dev"), "{format}: {plan}");
        assert!(!plan.contains("iam_role.cross@dev/dev"), "{format}: {plan}");
    }
    let said = p.run(&regardless).code(0).err;
    assert!(said.contains("deleted iam_role.cross@dev\n"), "{said}");
    let forgot = p.run(&["state", "rm", "iam_role.app"]).code(0).err;
    assert!(forgot.contains("forgot iam_role.app@dev; it stays in AWS"), "{forgot}");
}

/// A file that a pipeline prints holds no command to its runner, either.
#[test]
fn files_of_a_plan_hold_no_command() {
    let p = Program::new(&estate().replace(
        "iam_role \"reader\" {",
        "iam_role \"reader\" {\n  description = \"a\\n::error::x\\n##[group]x\"",
    ));
    p.run(&["plan", "--output", "text=plan.txt", "--output", "markdown=plan.md"]).code(0);
    for file in ["plan.txt", "plan.md"] {
        let text = std::fs::read_to_string(p.path().join(file)).expect("a file");
        assert!(text.contains("error::x"), "{file}: {text}");
        let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        assert_eq!(text.lines().find(is_command), None, "{file}: {text}");
    }
}

#[test]
fn nothing_left_is_not_called_unchanged() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["destroy", "--auto-approve", "-a", "production"]).code(0);
    let again = p.run(&["destroy", "--auto-approve", "-a", "production"]).code(0).out;
    assert!(!again.contains("No changes"), "{again}");
    assert!(again.contains("Nothing is left to delete."), "{again}");
    let everything = p.run(&["plan", "--destroy", "--output", "markdown=gone.md"]);
    assert!(everything.out.contains("Plan: 3 to forget."), "{}", everything.out);
    p.run(&["destroy", "--auto-approve"]).code(0);
    let gone = p.run(&["plan", "--destroy", "--output", "markdown=gone.md"]).code(0).out;
    assert!(gone.contains("Nothing is left to delete.") && !gone.contains("No changes"), "{gone}");
    let comment = std::fs::read_to_string(p.path().join("gone.md")).expect("a comment");
    assert!(comment.contains("Nothing is left to delete."), "{comment}");
}

#[test]
fn a_saved_plan_that_apply_refuses_is_not_announced_as_one_to_carry_out() {
    let p = Program::new(&format!("{}{RULE}", estate()));
    let refused = p.run(&["plan", "--out", "one.plan"]).code(3);
    assert!(
        refused.err.contains("for review only: `palisade apply` refuses it"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains("carries out exactly this plan"), "{}", refused.err);
    p.run(&["apply", "one.plan"]).code(3);
    p.write("main.hcl", &estate());
    let saved = p.run(&["plan", "--out", "two.plan"]).code(0);
    assert!(saved.err.contains("`palisade apply two.plan` carries out exactly this plan"));
    // It is judged by what `apply` is told, not by what this command was told.
    let strict = p.run(&["plan", "--out", "two.plan", "--fail-on", "widening"]).code(3);
    assert!(strict.err.contains("`palisade apply two.plan` carries out exactly this plan"));
    p.write("main.hcl", &format!("{}{RULE}", estate()));
    let regardless = ["--fail-on", "none", "--reason", "a test"];
    let told = p.run(&[&["plan", "--out", "three.plan"], &regardless[..]].concat()).code(0).err;
    assert!(told.contains("`palisade apply three.plan --fail-on none --reason \"...\"`"), "{told}");
    let refused = p.run(&["apply", "three.plan"]).code(3);
    assert!(refused.err.contains("`palisade show FILE` names each path"), "{}", refused.err);
    p.run(&[&["apply", "three.plan"], &regardless[..]].concat()).code(0);
    // What stands holds no apply up, and a plan that reports it says so.
    let standing = p.run(&["plan", "--out", "four.plan"]).code(3);
    assert!(standing.err.contains("`palisade apply four.plan` carries out"), "{}", standing.err);
    assert!(standing.err.contains("no apply is held up"), "{}", standing.err);
    assert!(standing.out.contains("it existed before this plan."), "{}", standing.out);
    p.run(&["apply", "--auto-approve"]).code(0);
}

#[test]
fn help_of_a_command_is_asked_for_either_way() {
    let p = Program::new("");
    for command in [&["plan"][..], &["state", "show"], &["audit", "verify"], &["completions"]] {
        let asked = p.run(&[&["help"], command].concat()).code(0).out;
        assert_eq!(asked, p.run(&[command, &["--help"]].concat()).code(0).out);
        assert!(asked.contains("Example"), "{asked}");
    }
    assert!(p.run(&["--help"]).code(0).out.contains("6 something could not be read"));
}

#[test]
fn habits_of_terraform_get_an_answer() {
    let p = Program::new("output \"x\" {\n  value = terraform.workspace\n}\n");
    let workspace = p.run(&["validate"]).code(1).err;
    assert!(workspace.contains("there are no workspaces: declare environments"), "{workspace}");
    let p = Program::new(&estate());
    p.write("terraform.tfvars", "a = 1\n");
    let file = p.run(&["validate"]);
    assert!(
        file.err.contains("`palisade.vars.hcl`") && file.err.contains("--var-file"),
        "{}",
        file.err
    );
    let named = p.run(&["plan", "--var-file", "terraform.tfvars"]).err;
    assert!(!named.contains("is not read"), "{named}");
    let p = Program::new("");
    std::fs::remove_file(p.path().join("main.hcl")).expect("removed");
    p.write("main.tf", "");
    let theirs = p.run(&["plan"]).code(1).err;
    assert!(theirs.contains("`palisade review --terraform-plan FILE`"), "{theirs}");
    // All that a block lacks is said at once.
    let p = Program::new("check \"names\" {\n  assert {}\n}\nmoved {}\n");
    let missing = p.run(&["validate"]).code(1).err;
    for needs in ["needs `condition` and `error_message`", "needs `from` and `to`"] {
        assert!(missing.contains(needs), "{missing}");
    }
    let p = Program::new("check \"names\" {}\n");
    let missing = p.run(&["validate"]).code(1).err;
    assert!(missing.contains("needs an `assert` block"), "{missing}");
}

#[test]
fn a_result_about_a_deleted_block_stands_where_its_object_has_its_home() {
    const GUARDRAIL: &str = r#"
service_control_policy "hold" {
  targets = [account.dev]
  statement "assume" {
    effect    = "Deny"
    actions   = ["sts:AssumeRole", "organizations:*"]
    resources = ["*"]
  }
}
"#;
    let estate = format!("{}{RULE}", estate()).replace(
        "organization \"acme\" {}",
        "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n}",
    );
    let p = Program::new(&format!("{estate}{GUARDRAIL}"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate);
    let log = p.run(&["plan", "--format", "sarif"]).code(3).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let broken = |r: &&Json| r["ruleId"].as_str().is_some_and(|id| id.starts_with("isolation/"));
    let broken: Vec<&Json> = results.iter().filter(broken).collect();
    assert!(!broken.is_empty(), "{log}");
    let line =
        |text: &str| 1 + estate.lines().position(|line| line.starts_with(text)).expect("a line");
    for result in broken {
        let text = result["message"]["text"].as_str().expect("a text");
        assert!(
            text.contains("Caused by service_control_policy.hold, which this plan deletes"),
            "{text}"
        );
        let at = |place: &Json| {
            let place = &place["physicalLocation"];
            (place["artifactLocation"]["uri"].clone(), place["region"]["startLine"].clone())
        };
        let place = at(&result["locations"][0]);
        assert_eq!(place, ("main.hcl".into(), line("organization \"acme\"").into()), "{result}");
        // The grant, which stands unchanged, is beside it.
        let related = result["relatedLocations"].as_array().expect("a list");
        let (first, last) = (line("iam_role \"reader\""), line("isolation \"environments\""));
        let is_grant = |place: &Json| {
            at(place).1.as_u64().is_some_and(|at| (first as u64..last as u64).contains(&at))
        };
        assert!(related.iter().any(is_grant), "{result}");
    }
}

/// A guardrail that is taken off an account.
#[test]
fn a_result_about_an_argument_stands_at_its_line() {
    let of = |target: &str| {
        format!(
            "{}{RULE}\nservice_control_policy \"hold\" {{\n  targets = [account.{target}]\n  statement \"assume\" {{\n    effect    = \"Deny\"\n    actions   = [\"sts:AssumeRole\", \"organizations:*\"]\n    resources = [\"*\"]\n  }}\n}}\n",
            estate()
        )
        .replace(
            "organization \"acme\" {}",
            "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n}",
        )
    };
    let p = Program::new(&of("dev"));
    p.run(&["apply", "--auto-approve"]).code(0);
    let moved = of("production");
    p.write("main.hcl", &moved);
    let log = p.run(&["plan", "--format", "sarif"]).code(3).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let is_broken = |r: &&Json| r["ruleId"].as_str().is_some_and(|id| id.starts_with("isolation/"));
    let broken = results.iter().find(is_broken).unwrap_or_else(|| panic!("{log}"));
    let line = 1 + moved.lines().position(|l| l.starts_with("  targets")).expect("a line");
    let place = &broken["locations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!(*place, line, "{broken}");
}

/// A third party that is let in without a condition, by the second statement of a role's trust.
#[test]
fn a_finding_stands_at_the_line_of_its_statement() {
    let role = r#"
iam_role "vendor" {
  accounts = [account.production]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  trust {
    aws = ["777777777777"]
  }
}
"#;
    let main = format!("{}{role}", estate());
    let p = Program::new(&main);
    let own = |line: &str| line.contains("777777777777");
    // Its block begins a line before.
    let line = main.lines().position(own).expect("a line");
    let log = p.run(&["plan", "--format", "sarif"]).code(0).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let found = results.iter().find(|r| r["ruleId"] == "finding/confused_deputy");
    let found = found.unwrap_or_else(|| panic!("{log}"));
    let place = &found["locations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!(*place, line, "{found}");
    for format in ["text", "markdown", "html"] {
        let plan = p.run(&["plan", "--format", format]).code(0).out;
        assert!(plan.contains(&format!("main.hcl:{line}")), "{format}: {plan}");
    }
    // The place of a result is no part of what it says: it is read from the root of the repository.
    let text = found["message"]["text"].as_str().expect("a text");
    assert!(!text.contains("main.hcl"), "{text}");
}

/// A block makes a statement of each kind of principal, and of each provider.
#[test]
fn a_statement_of_a_block_that_makes_several_has_its_own_line() {
    let role = r#"
iam_oidc_provider "github" {
  accounts  = [account.production]
  url       = "https://token.actions.githubusercontent.com"
  audiences = ["sts.amazonaws.com"]
}

iam_role "vendor" {
  accounts = [account.production]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  trust {
    services = ["ec2.amazonaws.com"]
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/one:environment:production"]
    }
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/two:environment:production"]
    }
    aws = ["777777777777"]
  }
}
"#;
    let main = two_environments(role);
    let p = Program::new(&main);
    let line = |text: &str| 1 + main.lines().position(|l| l.contains(text)).expect("a line");
    let log = p.run(&["plan", "--format", "sarif"]).code(0).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let found = results.iter().find(|r| r["ruleId"] == "finding/confused_deputy");
    let found = found.unwrap_or_else(|| panic!("{log}"));
    let place = &found["locations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!(*place, line("777777777777"), "{found}");
    p.run(&["apply", "--auto-approve"]).code(0);
    let role = p.run(&["state", "show", "iam_role.vendor@production", "--json"]).code(0).json();
    let arn = role["iam_role.vendor@production"]["attrs"]["arn"].as_str().expect("an ARN");
    let who = p.run(&["who-can", "sts:AssumeRoleWithWebIdentity", arn]).code(0).out;
    // The block begins two lines before.
    let at = line("repo:acme/one:") - 2;
    assert!(who.contains(&format!("main.hcl:{at}")), "{who}");
    // The other repository gets in, too.
    assert!(who.contains("others may permit it under theirs"), "{who}");
}

/// What would be read as "nobody can" is a slip of the pen.
#[test]
fn a_role_that_is_not_there_is_not_said_to_be_out_of_reach() {
    let p = Program::new(&estate().replace("  trust {", "  path = \"/audit/\"\n  trust {"));
    p.run(&["apply", "--auto-approve"]).code(0);
    let role = p.run(&["state", "show", "iam_role.reader@production", "--json"]).code(0).json();
    let arn =
        role["iam_role.reader@production"]["attrs"]["arn"].as_str().expect("an ARN").to_owned();
    p.run(&["who-can", "sts:AssumeRole", &arn]).code(0);
    let wrong = arn.replace("/audit/", "/");
    let refused = p.run(&["who-can", "sts:AssumeRole", &wrong]).code(1).err;
    assert!(refused.contains("the account `production` has no role"), "{refused}");
    assert!(refused.contains(&format!("did you mean `{arn}`?")), "{refused}");
    // It may be asked who can make it.
    let made = p.run(&["who-can", "iam:CreateRole", &wrong]).code(0).out;
    assert!(made.contains("has no role") && made.contains("2 principals can"), "{made}");
    let offline = p.run(&["who-can", "sts:AssumeRole", &wrong, "--state"]).code(0).out;
    assert!(!offline.contains("has no role"), "{offline}");
}

/// `status` says what is, not what the configuration would make of it.
#[test]
fn a_rule_that_only_a_plan_would_break_is_not_broken_now() {
    let p = Program::new(&format!("{}{RULE}", two_environments("")));
    p.run(&["apply", "--auto-approve"]).code(0);
    let broken = |number: usize| {
        let status = p.run(&["status", "--json"]).code(0).json();
        assert_eq!(status["isolation_violations"], number, "{status}");
    };
    broken(0);
    p.write("main.hcl", &format!("{}{RULE}", estate()));
    p.run(&["plan"]).code(3);
    broken(0);
    p.run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"]).code(0);
    broken(1);
    p.write("main.hcl", &format!("{}{RULE}", two_environments("")));
    p.run(&["plan"]).code(0);
    broken(1);
}

#[test]
fn advice_fits_what_breaks_the_rule() {
    let p = Program::new(&format!("{}{RULE}", estate()));
    let new = p.run(&["plan"]).code(3).err;
    assert!(new.contains("permit it with an `allow` block"), "{new}");
    let ended = RULE.replace(
        "}\n",
        "  allow \"x\" {\n    from    = environment.dev\n    to      = environment.production\n    \
         actions = [\"sts:AssumeRole\"]\n    \
         resources = [\"arn:aws:iam::*:role/reader\"]\n    reason  = \"a test\"\n    expires = \"2026-01-31\"\n  }\n}\n",
    );
    p.write("main.hcl", &format!("{}{ended}", estate()));
    let ended = p.run(&["plan"]).code(3).err;
    assert!(ended.contains("give its exception a new end"), "{ended}");
    // Who leaves the instance out means the block.
    let near = p.run(&["plan", "-t", "iam_role.raeder"]).code(1).err;
    assert!(near.contains("did you mean `iam_role.reader`?"), "{near}");
}

#[test]
fn findings_that_differ_in_their_environment_stand_as_one() {
    let p = Program::new(&two_environments(
        r#"
account "shared" {
  email = "aws+shared@acme.example"
}

iam_role "audit" {
  environments = [environment.dev, environment.production]
  trust {
    aws = [account.shared]
    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = ["arn:aws:iam::${account.shared.id}:role/auditors/*"]
    }
  }
}
"#,
    ));
    p.run(&["apply", "--auto-approve"]).code(0);
    let text = p.run(&["isolation"]).code(0).out;
    let held = text.matches("stays closed only because of the source side").count();
    assert!(held == 1 && text.contains("likewise for production"), "{text}");
    let json = p.run(&["isolation", "--json"]).code(0).json();
    let all = json["findings"].as_array().expect("a list").iter();
    assert_eq!(all.filter(|f| f["kind"] == "held_by_source_side").count(), 2, "{json}");
}

/// The management account reaches every member in the same way.
#[test]
fn paths_that_differ_in_where_they_lead_stand_as_one() {
    let p = Program::new(&two_environments(""));
    p.run(&["apply", "--auto-approve"]).code(0);
    let text = p.run(&["isolation"]).code(0).out;
    let paths = text.lines().filter(|line| line.trim_start().starts_with("$management ->"));
    assert_eq!(paths.count(), 1, "{text}");
    let json = p.run(&["isolation", "--json"]).code(0).json();
    let all = json["paths"].as_array().expect("a list").iter();
    let of_management: Vec<&Json> =
        all.filter(|path| path["from"]["environment"] == "$management").collect();
    assert_eq!(of_management.len(), 2, "{json}");
    for path in of_management {
        assert!(text.contains(path["id"].as_str().expect("an id")), "{text}");
    }
}

#[test]
fn what_a_block_lacks_is_one_error() {
    let only = |block: &str| {
        let errors = Program::new(&two_environments(block)).run(&["validate"]).code(1).err;
        assert!(errors.contains("is not valid: 1 error\n"), "{errors}");
        errors
    };
    let unplaced = only("iam_oidc_provider \"github\" {}\n");
    assert!(unplaced.contains("is not placed, and needs `url`"), "{unplaced}");
    assert!(unplaced.contains("environment.NAME") && unplaced.contains("The issuer"), "{unplaced}");
    let nobody = only("iam_role \"x\" {\n  accounts = [account.dev]\n  trust {}\n}\n");
    assert!(nobody.contains("the trust block names nobody"), "{nobody}");
    only("iam_role \"x\" {\n  accounts = [account.dev]\n  trust {\n    aws = 7\n  }\n}\n");
}

#[test]
fn a_rule_that_only_warns_is_not_called_kept_nor_broken() {
    let rule = RULE.replace("}\n", "  on_violation = \"warn\"\n}\n");
    let p = Program::new(&format!("{}{rule}", estate()));
    p.run(&["apply", "--auto-approve"]).code(0);
    for args in [&["plan"][..], &["plan", "--full"], &["plan", "--format", "markdown"]] {
        let plan = p.run(args).code(0).out;
        assert!(plan.contains("1 path breaks a warning-only rule; no wall changes."), "{plan}");
        assert!(plan.contains("Warned of by a rule"), "{plan}");
        assert!(!plan.contains("Forbidden, "), "{plan}");
        assert!(!plan.contains("breaks a rule"), "{plan}");
    }
    let html = p.run(&["plan", "--format", "html"]).code(0).out;
    assert!(
        html.contains("breaks a warning-only rule") && !html.contains("breaks a rule"),
        "{html}"
    );
    let report = p.run(&["report"]).code(0).out;
    assert!(report.contains("1 path breaks a warning-only rule. "), "{report}");
}

#[test]
fn the_first_cause_is_what_the_configuration_declares() {
    let p = Program::new(&two_environments(&format!(
        r#"
s3_bucket "data" {{
  environments = [environment.production]
  bucket       = "acme-production-data"
  statement "read" {{
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-production-data/*"]
    principals {{
      type        = "AWS"
      identifiers = [account.dev]
    }}
  }}
}}
{RULE}"#
    )));
    // The account's own access role comes with the account, and would close the path as well.
    let plan = p.run(&["plan"]).code(3).out;
    let line = plan.lines().find(|line| line.contains("dev -> production")).expect("a path");
    let statement = "s3_bucket.data@production policy[read]  main.hcl:26";
    assert!(line.contains(statement), "{line}");
    let json = p.run(&["plan", "--json"]).code(3).json();
    for path in json["isolation"]["violations"].as_array().expect("a list") {
        assert_eq!(path["caused_by"], serde_json::json!(["s3_bucket.data@production"]), "{path}");
    }
}

/// A newcomer who has applied in the sandbox forgets the flag.
#[test]
fn who_asks_the_state_without_the_sandbox_is_sent_there() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    let hint = "a sandbox was used here and has a state of its own: add `--sandbox`";
    let outside = |args: &[&str]| {
        crate::support::cli::Run::from(
            p.command(args).env_remove("PALISADE_SANDBOX").output().expect("the program starts"),
        )
    };
    for args in [&["show"][..], &["state", "list"], &["output"]] {
        let run = outside(args).code(0);
        assert!(run.err.contains(hint), "{args:?}: {}", run.err);
        assert!(!p.run(args).code(0).err.contains(hint), "{args:?}");
    }
    for args in
        [&["state", "show", "account.dev"][..], &["state", "list", "account.dev"], &["output", "x"]]
    {
        let run = outside(args).code(1);
        assert!(run.err.contains(hint), "{args:?}: {}", run.err);
    }
}

#[test]
fn renaming_in_the_state_says_what_else_is_to_be_renamed() {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve"]).code(0);
    let moved = p.run(&["state", "mv", "iam_role.reader", "iam_role.auditor"]).code(0);
    assert!(moved.err.contains("rename the block too"), "{}", moved.err);
    let refused = p.run(&["plan"]).code(1);
    // What the advice shows can be pasted.
    let help = refused.err.split("help:").nth(1).expect("advice");
    let block: Vec<&str> = help
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "moved {")
        .take_while(|line| !line.is_empty())
        .collect();
    p.write("moved.hcl", &block.join("\n"));
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("Plan: no object changes; 1 operation on the state."), "{plan}");
}
