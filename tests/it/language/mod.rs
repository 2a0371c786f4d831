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
        ("try(local.u.nothing.at.all, 1)", json!(null)),
    ] {
        assert_eq!(value(text).to_json(), wanted, "{text}");
    }
    // A string that AWS assigns cannot fail, and its known pieces stay.
    assert!(matches!(
        value("try(\"arn:aws:iam::${local.u}:root\", \"\")"),
        Value::Unknown(unknown) if unknown.to_string() == "arn:aws:iam::${account.dev.id}:root"
    ));
}

#[test]
fn try_hides_no_name_that_is_known_to_be_wrong() {
    let text = format!(
        "{UNKNOWN}{}",
        r#"
iam_role "r" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
}
output "t" { value = try(iam_role.r.typo, can(iam_role.r.at["dev"].arn), iam_role.r.name, "x") }
"#
    );
    let (_dir, loaded) = loaded(&[("main.hcl", &text)]);
    let found = palisade::engine::graph::check(&loaded.configuration);
    assert_eq!(summaries(&found), ["`iam_role.r` has no attribute `typo`"]);
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
