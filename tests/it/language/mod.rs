//! The language against Terraform 1.11.4: `recorded.jsonl` holds its answers, one a line. Where ours
//! differs on purpose, the line holds ours too, and `docs/language.md` says why.

use std::fs;
use std::path::Path;

use palisade::config::{LoadOptions, Loaded, VarArg, load};
use palisade::diag::Diagnostics;
use palisade::eval::estate::Estate;
use palisade::eval::{Evaluator, NothingKnown, evaluate_configuration};
use palisade::value::Value;
use serde_json::{Value as Json, json};

use crate::support::cli::Program;

#[derive(serde::Deserialize)]
struct Recorded {
    /// An expression, as `console` takes it.
    expression: Option<String>,
    /// The text of a file for `templatefile`.
    template: Option<String>,
    /// What Terraform makes of it.
    #[serde(default)]
    answer: Json,
    /// Whether Terraform refuses it.
    #[serde(default)]
    error: bool,
    /// What we make of it, where that differs on purpose.
    ours: Option<Json>,
}

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("file");
    }
}

fn loaded(files: &[(&str, &str)]) -> (tempfile::TempDir, Loaded) {
    let dir = tempfile::tempdir().expect("directory");
    write(dir.path(), files);
    let loaded = load(dir.path(), &LoadOptions::default());
    (dir, loaded)
}

fn estate(files: &[(&str, &str)]) -> Result<Estate, Diagnostics> {
    let (_dir, loaded) = loaded(files);
    if loaded.diagnostics.has_errors() {
        return Err(loaded.diagnostics);
    }
    evaluate_configuration(&loaded.configuration, &NothingKnown)
}

fn summaries(found: &Diagnostics) -> Vec<&str> {
    found.iter().map(|d| d.summary.as_str()).collect()
}

#[test]
fn recorded_answers_hold() {
    let (dir, loaded) = loaded(&[("main.hcl", "palisade {\n  name = \"cases\"\n}\n")]);
    let evaluator = Evaluator::new(&loaded.configuration, &NothingKnown);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("recorded.jsonl").lines() {
        let case: Recorded = serde_json::from_str(line).expect(line);
        count += 1;
        let text = match (&case.expression, &case.template) {
            (Some(text), _) => text.clone(),
            (None, Some(template)) => {
                write(dir.path(), &[("t.tftpl", template)]);
                "templatefile(\"t.tftpl\", {})".to_owned()
            }
            (None, None) => panic!("{line}"),
        };
        let got = evaluator.evaluate_text("case", &text).map(|value| value.to_json());
        let wanted = case.ours.unwrap_or(case.answer);
        match got {
            Ok(got) if !case.error && got == wanted => {}
            Err(_) if case.error => {}
            Ok(got) => wrong.push(format!("{text}\n   gives {got}\n  wanted {wanted}")),
            Err(errors) => wrong.push(format!("{text}\n   fails {errors}\n  wanted {wanted}")),
        }
    }
    assert!(count >= 165, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// An account whose id AWS assigns, and a local that holds it.
const UNKNOWN: &str = r#"
palisade {
  name = "cases"
}
organization "main" {}
account "dev" {
  name  = "dev"
  email = "dev@example.com"
}
environment "dev" {
  accounts = [account.dev]
}
locals {
  u = account.dev.id
}
"#;

#[test]
fn what_is_unknown_settles_nothing_and_keeps_its_length() {
    let (_dir, loaded) = loaded(&[("main.hcl", UNKNOWN)]);
    assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics);
    let evaluator = Evaluator::new(&loaded.configuration, &NothingKnown);
    let value =
        |text: &str| evaluator.evaluate_text("case", text).unwrap_or_else(|e| panic!("{e}"));
    for open in [
        "can(tonumber(local.u))",
        "try(tonumber(local.u), 1)",
        "try(split(\"-\", local.u)[7], \"none\")",
        "sort([\"b\", local.u])[0]",
        "index([local.u, \"a\"], \"a\")",
        "setproduct(toset([\"a\", local.u]), [\"b\"])",
    ] {
        assert!(value(open).is_unknown(), "{open}: {:?}", value(open));
    }
    for (text, wanted) in [
        ("length(sort([\"b\", local.u]))", json!(2)),
        ("length(setproduct([\"a\"], [local.u]))", json!(1)),
        ("setproduct([\"a\"], [local.u])[0][0]", json!("a")),
        ("index([\"a\", local.u], \"a\")", json!(0)),
        // A string has no attributes, whatever AWS assigns.
        ("try(local.u.nothing.at.all, 1)", json!(1)),
    ] {
        assert_eq!(value(text).to_json(), wanted, "{text}");
    }
    // A string that AWS assigns cannot fail, and its known pieces stay.
    assert!(matches!(
        value("try(\"arn:aws:iam::${local.u}:root\", \"\")"),
        Value::Unknown(unknown) if unknown.to_string() == "arn:aws:iam::${account.dev.id}:root"
    ));
}

/// A configuration with something of everything that has names.
const NAMES: &str = r#"
iam_role "r" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
}
iam_role "many" {
  for_each = toset(["a", "b"])
  accounts = [account.dev]
  name     = "many-${each.key}"
  trust { services = ["ec2.amazonaws.com"] }
}
data "region" "here" {}
module "m" {
  source = "./m"
}
variable "o" {
  type    = object({ a = optional(string), deep = optional(list(object({ b = string })), []) })
  default = {}
}
locals {
  role = iam_role.r
}
"#;

#[test]
fn nothing_hides_a_name_that_cannot_exist() {
    let module = (
        "m/main.hcl",
        "organizational_unit \"x\" {}\noutput \"unit\" { value = organizational_unit.x }\n",
    );
    let wrong = |value: &str| {
        let text = format!("{UNKNOWN}{NAMES}output \"t\" {{\n  value = {value}\n}}\n");
        let (_dir, loaded) = loaded(&[("main.hcl", &text), module]);
        assert!(!loaded.diagnostics.has_errors(), "{value}: {}", loaded.diagnostics);
        let found =
            palisade::engine::names::wrong_names(&loaded.configuration, &Diagnostics::new());
        summaries(&found).join("; ")
    };
    let names = [
        ("iam_role.r.typo", "`iam_role.r` has no attribute `typo`"),
        ("iam_role.r.at[\"dev\"].typo", "`iam_role.r` has no attribute `typo`"),
        ("iam_role.many[\"a\"].typo", "`iam_role.many` has no attribute `typo`"),
        ("iam_role.many[\"a\"].at[\"dev\"].typo", "`iam_role.many` has no attribute `typo`"),
        ("iam_role.many[*].typo", "`iam_role.many` has no attribute `typo`"),
        ("iam_role.r.account.typo", "the account of `iam_role.r` has no attribute `typo`"),
        ("account.dev.typo", "`account.dev` has no attribute `typo`"),
        ("local.role.typo", "`iam_role.r` has no attribute `typo`"),
        ("module.m.typo", "the module `m` has no output `typo`"),
        ("module.m.unit.typo", "`organizational_unit.x` has no attribute `typo`"),
        ("data.region.here.typo", "`data.region.here` has no attribute `typo`"),
        ("data.region.typo.name", "there is no `data.region.typo`"),
        ("var.typo", "there is no variable `typo`"),
        ("var.o.typo", "`var.o` has no attribute `typo` by its type"),
        ("var.o.deep[0].typo", "`var.o` has no attribute `typo` by its type"),
        ("local.typo.a", "there is no local value `typo`"),
        ("iam_role.typo.arn", "there is no `iam_role` block `typo`"),
        ("module.typo.a", "there is no module call `typo`"),
        ("environment.typo.name", "there is no environment `typo`"),
        ("path.typo", "`path` has no `typo`"),
        ("foo.bar", "there is no `foo`"),
        ("typo(1)", "there is no function `typo`"),
        ("upper(typo(1))", "there is no function `typo`"),
    ];
    let shapes: [fn(&str) -> String; 9] = [
        |name| format!("try({name}, 1)"),
        |name| format!("can({name})"),
        |name| format!("try(1, {name})"),
        |name| format!("true ? 1 : {name}"),
        |name| format!("true || {name}"),
        |name| format!("[for x in [] : try({name}, x)]"),
        |name| format!("{{ for k, v in {{}} : k => v if can({name}) }}"),
        |name| format!("\"%{{ if false }}${{try({name}, 1)}}%{{ endif }}\""),
        |name| format!("try([[{{ a = ({name}) }}]][0][0].a, try(1, can({name})))"),
    ];
    for (name, summary) in names {
        for shape in shapes {
            let text = shape(name);
            let found = wrong(&text);
            assert!(found.split("; ").all(|found| found == summary), "{text}: {found}");
        }
    }
    for (text, summary) in [
        ("[for r in iam_role.many : try(r.typo, 1)]", "`iam_role.many` has no attribute `typo`"),
        (
            "[for r in values(iam_role.many) : can(r.typo)]",
            "`iam_role.many` has no attribute `typo`",
        ),
        ("try([for o in var.o.deep : o.typo], [])", "`var.o` has no attribute `typo` by its type"),
    ] {
        assert_eq!(wrong(text), summary, "{text}");
    }
    for right in [
        "try(iam_role.r.arn, iam_role.r.at[\"dev\"].account.id, iam_role.many[*].name)",
        "[for r in [iam_role.r, account.dev] : try(r.trust, 1)]",
        "[for k, v in { a = 1 } : try(v.typo, k)]",
        "try(local.role.arn, local.role.account.handle, module.m.unit.id, var.o.a, var.o.deep[0].b)",
        "[for r in local.role : r]",
        "try({}.typo, [].typo, null)",
    ] {
        assert_eq!(wrong(right), "", "{right}");
    }
}

#[test]
fn names_of_the_place_are_checked_too() {
    let text = format!(
        "{UNKNOWN}{NAMES}{}",
        r#"
iam_role "placed" {
  for_each    = iam_role.many
  accounts    = [account.dev]
  name        = "placed-${each.key}"
  description = try(each.typo, each.account.typo, each.value.typo, "x")
  trust { services = ["ec2.amazonaws.com"] }
  lifecycle {
    postcondition {
      condition     = can(self.typo) || can(self.arn)
      error_message = "no"
    }
  }
}
"#
    );
    let module = ("m/main.hcl", "output \"unit\" { value = null }\n");
    let (_dir, loaded) = loaded(&[("main.hcl", &text), module]);
    assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics);
    let found = palisade::engine::names::wrong_names(&loaded.configuration, &Diagnostics::new());
    let mut found = summaries(&found);
    found.sort_unstable();
    let wanted = [
        "`each.account` has no attribute `typo`",
        "`each` has no `typo`",
        "`iam_role.many` has no attribute `typo`",
        "`self` has no attribute `typo`",
    ];
    assert_eq!(found, wanted);
}

/// A plan is as strict as `validate`, and so is the console.
#[test]
fn a_plan_refuses_what_validate_refuses() {
    let estate = |value: &str| {
        format!("palisade {{\n  name = \"x\"\n}}\noutput \"t\" {{\n  value = {value}\n}}\n")
    };
    let program = Program::new(&estate("try(local.typo, 1)"));
    for value in ["try(local.typo, 1)", "true ? 1 : typo(1)", "can(typo.a)"] {
        program.write("main.hcl", &estate(value));
        for command in ["validate", "plan"] {
            let run = program.run(&[command]).code(1);
            assert!(run.err.contains("typo`"), "{command} {value}: {}", run.err);
        }
    }
    program.write("main.hcl", &estate("1"));
    for text in ["try(local.typo, 1)", "try(typo(1), 1)", "can(typo.a)", "can(var.typo)"] {
        let run = program.run(&["console", "--eval", text]).code(1);
        assert!(run.err.contains("typo`"), "{text}: {}", run.err);
    }
}

#[test]
fn null_defaults_and_null() {
    let text = "palisade {\n  name = \"x\"\n}\nvariable \"x\" {\n  nullable = false\n  default = null\n}\n";
    let errors = estate(&[("main.hcl", text)]).expect_err("null");
    assert_eq!(summaries(&errors), ["the default of `x` is null"]);
}

#[test]
fn removed_and_import_are_written_as_in_terraform() {
    let text = format!(
        "{UNKNOWN}{}",
        r#"
locals {
  roles = { a = "role-a", b = "role-b" }
}
iam_role "r" {
  for_each = local.roles
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
}
import {
  for_each = local.roles
  to       = iam_role.r[each.key]
  id       = each.value
}
removed {
  from = iam_role.old
  lifecycle { destroy = false }
}
"#
    );
    let made = estate(&[("main.hcl", &text)]).unwrap_or_else(|e| panic!("{e}"));
    let imports: Vec<String> =
        made.imports.iter().map(|i| format!("{} {}", i.to.value, i.id.value)).collect();
    assert_eq!(imports, ["iam_role.r[\"a\"]@dev role-a", "iam_role.r[\"b\"]@dev role-b"]);
    assert_eq!(made.removed.iter().map(|r| r.value.as_str()).collect::<Vec<_>>(), ["iam_role.old"]);

    // A list of objects, as in Terraform's own example.
    let listed = text.replace(
        "for_each = local.roles\n  to       = iam_role.r[each.key]\n  id       = each.value",
        "for_each = [{ key = \"b\", id = \"role-b\" }, { key = \"a\", id = \"role-${local.roles.a}\" }]\n  to       = iam_role.r[each.value.key]\n  id       = \"${each.key} ${each.value.id}\"",
    );
    assert_ne!(listed, text);
    let made = estate(&[("main.hcl", &listed)]).unwrap_or_else(|e| panic!("{e}"));
    let imports: Vec<String> =
        made.imports.iter().map(|i| format!("{} {}", i.to.value, i.id.value)).collect();
    assert_eq!(imports, ["iam_role.r[\"b\"]@dev 0 role-b", "iam_role.r[\"a\"]@dev 1 role-role-a"]);

    let destroyed = text.replace("destroy = false", "destroy = true");
    let errors = estate(&[("main.hcl", &destroyed)]).expect_err("destroy");
    assert_eq!(summaries(&errors), ["a `removed` object is not destroyed"]);
    let missing = text.replace("iam_role.r[each.key]", "iam_role.r[each.nothing]");
    let errors = estate(&[("main.hcl", &missing)]).expect_err("a key");
    assert!(summaries(&errors).contains(&"this object has no attribute `nothing`"), "{errors}");
}

#[test]
fn json_values_are_read_and_other_files_of_terraform_are_named() {
    let dir = tempfile::tempdir().expect("directory");
    let text = "palisade {\n  name = \"x\"\n}\nvariable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\n\
                output \"all\" { value = [var.a, var.b, var.c] }\n";
    write(
        dir.path(),
        &[
            ("main.hcl", text),
            ("palisade.vars.json", r#"{"a": "${x} %{y} \"q\" \u00e9\u0001", "b": 1}"#),
            ("z.auto.vars.json", r#"{"b": [1.5, {"k": null}]}"#),
            ("given.json", r#"{"c": true}"#),
            ("terraform.tfvars", "a = 1\n"),
            ("more.tf.json", "{}"),
        ],
    );
    let options = LoadOptions {
        vars: vec![VarArg::File(dir.path().join("given.json"))],
        ..LoadOptions::default()
    };
    let loaded = load(dir.path(), &options);
    assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics);
    let named = ["`more.tf.json` is not read", "`terraform.tfvars` is not read"];
    assert_eq!(summaries(&loaded.diagnostics), named);
    let made = evaluate_configuration(&loaded.configuration, &NothingKnown).expect("an estate");
    let all = made.outputs.get("all").expect("output").value.to_json();
    assert_eq!(all, json!(["${x} %{y} \"q\" \u{e9}\u{1}", [1.5, {"k": null}], true]));

    // Beside Terraform's own configuration they are Terraform's.
    write(dir.path(), &[("main.tf", "")]);
    assert!(load(dir.path(), &options).diagnostics.is_empty());
    write(dir.path(), &[("palisade.vars.json", "{\"d\": 1}")]);
    let found = load(dir.path(), &options).diagnostics;
    assert_eq!(summaries(&found), ["there is no variable `d`"]);
}

/// The table of deliberate differences says what is so: examples that need nothing else are evaluated.
#[test]
fn the_table_of_differences_holds() {
    /// Examples that stand for a place in a configuration.
    const NO_EXPRESSIONS: [&str; 7] =
        ["var.", "iam_role", "account.", " = ", "lifecycle", ".tf.json", "x == null"];
    let page = include_str!("../../../docs/language.md");
    let table = page.split("| what | example | here |").nth(1).expect("the table");
    let (_dir, loaded) = loaded(&[("main.hcl", "palisade {\n  name = \"x\"\n}\n")]);
    let evaluator = Evaluator::new(&loaded.configuration, &NothingKnown);
    let codes = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let mut tried = 0;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, example, here] = cells.as_slice() else { panic!("three cells: {row}") };
        assert!(example.contains('`') || example.contains("<code>"), "an example: {row}");
        let refused =
            ["an error", "`division by zero`", "``no "].iter().any(|start| here.starts_with(start));
        let told = codes(here.split(';').next().unwrap_or_default());
        for (at, text) in codes(example).iter().enumerate() {
            if NO_EXPRESSIONS.iter().any(|word| text.contains(word)) && !text.starts_with('{') {
                continue;
            }
            let value = evaluator.evaluate_text("case", text);
            if refused {
                assert!(value.is_err(), "{text}: {value:?}");
            } else if here.starts_with('`') {
                let value = value.unwrap_or_else(|e| panic!("{text}: {e}")).to_json();
                let told = told.get(at).expect("an answer for each example");
                // A text may stand there without its quotes.
                let written = value.to_string();
                let is_told = serde_json::from_str(told).is_ok_and(|told: Json| told == value)
                    || value.as_str() == Some(told)
                    || written == *told;
                assert!(is_told, "{text}: {value}, not {told}");
            } else {
                assert!(value.is_ok(), "{text}: {value:?}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

/// `path.module` is the module's directory as seen from the root, `path.root` is `.`, and names start at the root.
#[test]
fn paths_are_those_of_terraform_in_every_module() {
    let program = Program::new(
        r#"palisade {
  name = "x"
}
module "a" {
  source = "./mods/a"
}
output "all" {
  value = concat([path.module, path.root, path.cwd], module.a.all)
}
"#,
    );
    for dir in ["mods/a/inner", "mods/b"] {
        fs::create_dir_all(program.path().join(dir)).expect("made");
    }
    let output = |more: &str| {
        format!("output \"all\" {{\n  value = concat([path.module, path.root], {more})\n}}\n")
    };
    program.write(
        "mods/a/main.hcl",
        &format!(
            "module \"inner\" {{\n  source = \"./inner\"\n}}\nmodule \"b\" {{\n  source = \"../b\"\n}}\n{}",
            output("concat(module.inner.all, module.b.all)")
        ),
    );
    program.write("mods/a/inner/main.hcl", &output("[file(\"${path.module}/own.txt\")]"));
    program.write("mods/a/inner/own.txt", "own");
    program.write(
        "mods/b/main.hcl",
        &output("[file(\"at-root.txt\"), templatefile(\"${path.module}/t.tpl\", { x = 1 })]"),
    );
    program.write("mods/b/t.tpl", "t${x}");
    program.write("at-root.txt", "root");
    program.run(&["apply", "--auto-approve"]).code(0);
    let all: Json =
        serde_json::from_str(&program.run(&["output", "--json"]).code(0).out).expect("JSON");
    let cwd = fs::canonicalize(program.path()).expect("a path");
    // What Terraform 1.11.4 gives for the same files.
    assert_eq!(
        all["all"]["value"],
        json!([
            ".",
            ".",
            cwd.to_str(),
            "mods/a",
            ".",
            "mods/a/inner",
            ".",
            "own",
            "mods/b",
            ".",
            "root",
            "t1"
        ])
    );
}

/// What Terraform would read of the environment and of the directory is named, and not read.
#[test]
fn variables_and_files_for_terraform_are_answered() {
    let program =
        Program::new("palisade {\n  name = \"x\"\n}\nvariable \"a\" {\n  default = \"d\"\n}\n");
    let run = |set: &[(&str, &str)]| {
        let mut command = program.command(&["console", "-e", "var.a"]);
        let output = command.envs(set.iter().copied()).output().expect("starts");
        (
            String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (out, err) = run(&[("TF_VAR_a", "t"), ("TF_VAR_other", "t")]);
    assert_eq!(out, "\"d\"");
    assert!(err.contains("`TF_VAR_a` is not read"), "{err}");
    assert!(err.contains("set `PALISADE_VAR_a`"), "{err}");
    assert!(!err.contains("TF_VAR_other"), "{err}");
    let (out, err) = run(&[("TF_VAR_a", "t"), ("PALISADE_VAR_a", "p")]);
    assert!(out == "\"p\"" && !err.contains("TF_VAR_a"), "{out}{err}");
    std::fs::remove_file(program.path().join("main.hcl")).expect("removed");
    program.write("main.tf.json", "{}");
    let run = program.run(&["validate"]).code(1);
    assert!(run.err.contains("in HCL, not in JSON"), "{}", run.err);
}

/// Numbers go through the state and come back whole: the next plan finds nothing to change.
#[test]
fn numbers_are_stored_without_loss() {
    let program = Program::new(
        r#"palisade {
  name = "x"
}
output "all" {
  value = {
    third     = 1 / 3
    large     = 123456789012345678901234567890
    sum       = 9223372036854775807 + 1
    digits    = parseint("ffffffffffffffffffffffffffffffff", 16)
    logarithm = log(50, 10)
    power     = pow(2, 200)
    decoded   = jsondecode("0.12345678901234567890")
    nested    = [{ small = 1e-30 }]
  }
}
"#,
    );
    program.run(&["apply", "--auto-approve"]).code(0);
    let out = program.run(&["output", "--json"]).code(0).out;
    for digits in [
        "0.33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333335",
        "123456789012345678901234567890",
        "9223372036854775808",
        "340282366920938463463374607431768211455",
        "1.6989700043360185",
        "1606938044258990300000000000000000000000000000000000000000000",
        "0.1234567890123456789",
        "0.000000000000000000000000000001",
    ] {
        assert!(out.contains(&format!(" {digits}")), "{digits}: {out}");
    }
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}
