//! Whole configurations into estates, and what is said about wrong ones.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::address::ResourceAddr;
use crate::config::{Configuration, LoadOptions, VarArg, load};
use crate::diag::Diagnostics;
use crate::eval::*;
use crate::value::{Attrs, Value};

struct Dir(tempfile::TempDir);

impl Dir {
    /// Files by name; a text without a name is `main.hcl`.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn load(&self) -> Configuration {
        let loaded = load(self.0.path(), &LoadOptions::default());
        assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics);
        loaded.configuration
    }
}

fn estate_of(files: &[(&str, &str)]) -> Result<estate::Estate, Diagnostics> {
    let dir = Dir::new(files);
    evaluate_configuration(&dir.load(), &NothingKnown)
}

const BASE: &str = r#"
palisade { name = "acme" }
provider "aws" { region = "eu-west-1" }
account "dev" {
  id = "111111111111"
}
account "production" {
  email = "aws+production@acme.example"
}
environment "dev" { accounts = [account.dev] }
environment "dev-aws" { accounts = [account.dev] }
environment "production" { accounts = [account.production] }
"#;

#[track_caller]
fn good(text: &str) -> estate::Estate {
    match estate_of(&[("base.hcl", BASE), ("main.hcl", text)]) {
        Ok(estate) => estate,
        Err(errors) => panic!("{errors}"),
    }
}

/// The summary of the first error, its help, and the text that it underlines.
#[track_caller]
fn bad(text: &str) -> (String, String, String) {
    let errors = match estate_of(&[("base.hcl", BASE), ("main.hcl", text)]) {
        Ok(_) => panic!("accepted: {text}"),
        Err(errors) => errors,
    };
    let first = errors.iter().next().unwrap();
    let loc = first.loc.clone().unwrap();
    (
        first.summary.clone(),
        first.help.clone().unwrap_or_default(),
        loc.source().text()[loc.span()].to_owned(),
    )
}

#[track_caller]
fn fails(text: &str, at: &str, summary: &str, help: &str) {
    let (s, h, t) = bad(text);
    assert!(s.contains(summary), "summary: {s}");
    assert!(h.contains(help), "help: {h}");
    assert_eq!(t, at, "{s}");
}

fn instance<'e>(estate: &'e estate::Estate, address: &str) -> &'e estate::Instance {
    let address: ResourceAddr = address.parse().unwrap();
    estate
        .instances
        .iter()
        .find(|(a, _)| a.to_string() == address.to_string() || **a == address)
        .map(|(_, i)| i)
        .unwrap_or_else(|| {
            panic!(
                "{address}: {:?}",
                estate.instances.keys().map(ToString::to_string).collect::<Vec<_>>()
            )
        })
}

fn output(estate: &estate::Estate, name: &str) -> String {
    estate.outputs[name].value.to_json().to_string()
}

const TRUST: &str = "trust { services = [\"ec2.amazonaws.com\"] }";

#[test]
fn variables_locals_outputs_and_functions() {
    let estate = good(
        r#"
variable "names" {
  type    = list(string)
  default = ["a", 2]
}
locals {
  upper = [for n in var.names : upper(n)]
  deep  = { x = { y = local.upper[0] } }
}
output "all" { value = local.upper }
output "y" { value = local.deep.x.y }
output "path" { value = "${path.module} ${path.root}" }
"#,
    );
    assert_eq!(output(&estate, "all"), "[\"A\",\"2\"]");
    assert_eq!(output(&estate, "y"), "\"A\"");
    assert_eq!(output(&estate, "path"), "\". .\"");
    assert_eq!(estate.name, "acme");
}

#[test]
fn placed_blocks_have_one_instance_for_each_account_and_environment() {
    let estate = good(&format!(
        r#"
iam_role "deploy" {{
  environments = [environment.dev, environment.dev-aws, environment.production]
  name         = "deploy-${{each.environment.name}}"
  {TRUST}
}}
iam_role "audit" {{
  accounts = [account.dev, account.production]
  {TRUST}
}}
iam_role "team" {{
  for_each = {{ a = "x", b = "y" }}
  accounts = [account.dev]
  description = "${{each.key}}-${{each.value}}-${{each.account.handle}}"
  {TRUST}
}}
output "ids" {{ value = [for h, r in iam_role.audit.at : "${{h}}=${{r.name}}"] }}
output "one" {{ value = iam_role.deploy.at["dev/dev-aws"].name }}
output "two" {{ value = iam_role.deploy.at["production"].name }}
output "team" {{ value = [for k, r in iam_role.team : "${{k}}:${{r.arn}}"] }}
output "keyed" {{ value = iam_role.team["a"].at["dev"].description }}
"#
    ));
    let names: Vec<String> =
        estate.instances.keys().filter(|a| a.kind == "iam_role").map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "iam_role.audit@dev",
            "iam_role.audit@production",
            "iam_role.deploy@dev/dev",
            "iam_role.deploy@dev/dev-aws",
            "iam_role.deploy@production",
            "iam_role.team[\"a\"]@dev",
            "iam_role.team[\"b\"]@dev",
        ]
    );
    assert_eq!(output(&estate, "ids"), "[\"dev=audit\",\"production=audit\"]");
    assert_eq!(output(&estate, "one"), "\"deploy-dev-aws\"");
    assert_eq!(output(&estate, "two"), "\"deploy-production\"");
    assert_eq!(
        output(&estate, "team"),
        "[\"a:arn:aws:iam::111111111111:role/team-a\",\"b:arn:aws:iam::111111111111:role/team-b\"]"
    );
    assert_eq!(output(&estate, "keyed"), "\"a-x-dev\"");
    let deploy = instance(&estate, "iam_role.deploy@production/production");
    assert_eq!(deploy.desired["name"].as_str(), Some("deploy-production"));
    assert_eq!(deploy.environments, ["production".to_owned()].into());
    assert_eq!(deploy.depends_on, ["account.production".parse().unwrap()].into());
    let audit = instance(&estate, "iam_role.audit@dev");
    assert_eq!(audit.environments, ["dev".to_owned(), "dev-aws".to_owned()].into());
    assert_eq!(audit.computed["arn"].as_str(), Some("arn:aws:iam::111111111111:role/audit"));
}

#[test]
fn an_unknown_account_id_leaves_the_rest_of_an_arn_readable() {
    let estate = good(&format!(
        r#"
iam_role "audit" {{
  accounts = [account.production]
  {TRUST}
}}
output "arn" {{ value = iam_role.audit.arn }}
"#
    ));
    let Value::Unknown(unknown) = &estate.outputs["arn"].value else { panic!() };
    assert_eq!(unknown.to_string(), "arn:aws:iam::${account.production.id}:role/audit");
    assert_eq!(
        estate.outputs["arn"].depends_on,
        ["iam_role.audit@production/".trim_end_matches('/').parse().unwrap()].into()
    );
}

#[test]
fn a_bare_reference_means_the_same_account() {
    let estate = good(&format!(
        r#"
iam_policy "boundary" {{
  accounts = [account.dev, account.production]
  statement {{
    actions   = ["s3:*"]
    resources = ["*"]
  }}
}}
iam_role "deploy" {{
  environments         = [environment.dev, environment.production]
  permissions_boundary = iam_policy.boundary
  {TRUST}
}}
"#
    ));
    let role = instance(&estate, "iam_role.deploy@dev/dev");
    assert_eq!(
        role.desired["permissions_boundary"].as_str(),
        Some("arn:aws:iam::111111111111:policy/boundary")
    );
    assert!(
        role.depends_on.contains(&"iam_policy.boundary@dev".parse().unwrap()),
        "{:?}",
        role.depends_on
    );
    fails(
        "iam_role \"r\" {\n accounts = [account.dev, account.production]\n trust { services = [\"ec2.amazonaws.com\"] }\n}\noutput \"x\" { value = iam_role.r.arn }",
        "iam_role.r",
        "placed in several accounts",
        "`iam_role.r.at[\"dev\"]`, `iam_role.r.at[\"production\"]`",
    );
}

#[test]
fn blocks_may_name_each_others_arns() {
    let estate = good(
        r#"
iam_role "a" {
  accounts = [account.dev]
  trust { aws = [iam_role.b.arn] }
}
iam_role "b" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
  statement "assume" {
    actions   = ["sts:AssumeRole"]
    resources = [iam_role.a.arn]
  }
}
"#,
    );
    assert!(
        instance(&estate, "iam_role.a@dev").depends_on.contains(&"iam_role.b@dev".parse().unwrap())
    );
    assert!(
        instance(&estate, "iam_role.b@dev").depends_on.contains(&"iam_role.a@dev".parse().unwrap())
    );
}

#[test]
fn dynamic_blocks_expand_with_their_iterator() {
    let estate = good(
        r#"
iam_policy "p" {
  accounts = [account.dev]
  dynamic "statement" {
    for_each = { read = ["s3:GetObject"], write = ["s3:PutObject"] }
    iterator = it
    labels   = [it.key]
    content {
      actions   = it.value
      resources = ["arn:aws:s3:::${each.account.id}/*"]
      dynamic "condition" {
        for_each = it.key == "write" ? ["x"] : []
        content {
          test     = "StringEquals"
          variable = "aws:PrincipalTag/team"
          values   = [condition.value]
        }
      }
    }
  }
}
"#,
    );
    let policy = instance(&estate, "iam_policy.p@dev");
    let statements: Vec<_> = policy.body.nested("statement").collect();
    assert_eq!(statements.len(), 2);
    assert_eq!(statements[0].labels[0].value, "read");
    let document = policy.desired.get("content").unwrap().to_json();
    assert_eq!(document["Statement"][1]["Condition"]["StringEquals"]["aws:PrincipalTag/team"], "x");
    assert_eq!(document["Statement"][0]["Resource"], "arn:aws:s3:::111111111111/*");
}

#[test]
fn modules_take_arguments_and_give_outputs() {
    let module = r#"
variable "accounts" {}
variable "prefix" {
  type     = string
  default  = "std"
  nullable = false
}
variable "size" {
  type = number
  validation {
    condition     = var.size > 0
    error_message = "size must be positive, not ${var.size}"
  }
}
iam_role "audit" {
  accounts = var.accounts
  name     = "${var.prefix}-audit-${var.size}"
  trust { services = ["ec2.amazonaws.com"] }
}
output "names" { value = { for h, r in iam_role.audit.at : h => r.name } }
output "root" { value = "${path.root} ${path.module} ${file("where.txt")} ${file("${path.module}/where.txt")}" }
"#;
    let text = r#"
module "one" {
  source   = "./modules/audit"
  accounts = [account.dev, account.production]
  size     = "3"
  prefix   = null
}
module "many" {
  for_each = toset(["x", "y"])
  source   = "./modules/audit"
  accounts = [account.dev]
  size     = 1
  prefix   = each.key
}
output "one" { value = module.one.names }
output "many" { value = { for k, m in module.many : k => m.names["dev"] } }
output "x" { value = "${module.many["x"].names.dev} ${module.many.y.names.dev}" }
output "root" { value = module.one.root }
"#;
    let estate = estate_of(&[
        ("base.hcl", BASE),
        ("main.hcl", text),
        ("where.txt", "root"),
        ("modules/audit/main.hcl", module),
        ("modules/audit/where.txt", "module"),
    ])
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(output(&estate, "one"), r#"{"dev":"std-audit-3","production":"std-audit-3"}"#);
    assert_eq!(output(&estate, "many"), r#"{"x":"x-audit-1","y":"y-audit-1"}"#);
    assert_eq!(output(&estate, "x"), "\"x-audit-1 y-audit-1\"");
    assert_eq!(output(&estate, "root"), "\". modules/audit root module\"");
    let address = estate.instances.keys().find(|a| a.to_string().contains("many[\"y\"]")).unwrap();
    assert_eq!(address.to_string(), "module.many[\"y\"].iam_role.audit@dev");
    let wrong = text.replace("size     = \"3\"", "size     = 0");
    let errors = estate_of(&[
        ("base.hcl", BASE),
        ("main.hcl", &wrong),
        ("where.txt", "root"),
        ("modules/audit/main.hcl", module),
        ("modules/audit/where.txt", "module"),
    ])
    .unwrap_err();
    let first = errors.iter().next().unwrap();
    assert_eq!(first.summary, "size must be positive, not 0");
    assert_eq!(first.loc.as_ref().unwrap().file().rsplit('/').next(), Some("main.hcl"));
}

#[test]
fn cycles_are_printed() {
    fails(
        "locals {\n a = local.b\n b = [local.c]\n c = local.a\n}",
        "local.a",
        "references form a cycle: local.a -> local.b -> local.c -> local.a",
        "break it",
    );
    fails("locals {\n a = local.a\n}", "local.a", "`local.a` refers to itself", "");
    fails(
        "iam_role \"a\" {\n accounts = [account.dev]\n name = iam_role.b.name\n trust { services = [\"ec2.amazonaws.com\"] }\n}\niam_role \"b\" {\n accounts = [account.dev]\n name = iam_role.a.name\n trust { services = [\"ec2.amazonaws.com\"] }\n}",
        "iam_role.b",
        "references form a cycle: iam_role.b@dev -> iam_role.a@dev -> iam_role.b@dev",
        "",
    );
}

#[test]
fn long_chains_do_not_overflow() {
    let chain = |n: usize| {
        let mut text = String::from("locals {\n v0 = 1\n");
        for i in 1..n {
            text.push_str(&format!(" v{i} = local.v{} + 1\n", i - 1));
        }
        // Asked for from its end.
        text.push_str(&format!("}}\noutput \"a\" {{ value = local.v{} }}\n", n - 1));
        text
    };
    assert_eq!(output(&good(&chain(1_500)), "a"), "1500");
    let nested = |n: usize| {
        let mut text = String::from("locals {\n v0 = 1\n");
        for i in 1..n {
            text.push_str(&format!(" v{i} = [local.v{}]\n", i - 1));
        }
        text + "}\n"
    };
    good(&nested(150));
    assert!(bad(&nested(400)).0.contains("nests deeper than"));
}

#[test]
fn references_are_checked_with_suggestions() {
    fails("output \"x\" { value = var.nope }", "nope", "no variable `nope`", "there are none");
    fails(
        "variable \"region\" { default = 1 }\noutput \"x\" { value = var.regoin }",
        "regoin",
        "no variable `regoin`",
        "did you mean `region`?",
    );
    fails(
        "output \"x\" { value = account.prod }",
        "prod",
        "no `account` block `prod`",
        "did you mean `production`?",
    );
    fails(
        "output \"x\" { value = acount.dev }",
        "acount",
        "no `acount`",
        "did you mean `account`?",
    );
    fails(
        "output \"x\" { value = environment.prod.name }",
        "prod",
        "no environment `prod`",
        "did you mean `production`?",
    );
    fails(
        "output \"x\" { value = account.dev.emial }",
        "emial",
        "`account.dev` has no attribute `emial`",
        "did you mean `email`?",
    );
    fails("output \"x\" { value = each.key }", "each", "`each` does not exist here", "for_each");
    fails("variable \"x\" { default = 1 }\noutput \"x\" { value = x }", "x", "no `x`", "`var.x`");
    fails("output \"x\" { value = module.a.b }", "a", "no module call `a`", "");
    fails(
        "iam_role \"r\" {\n accounts = [environment.dev]\n trust { services = [\"a.amazonaws.com\"] }\n}",
        "environment.dev",
        "must be a reference to an account",
        "account.production",
    );
    fails(
        "iam_role \"r\" {\n accounts = [account.dev]\n permissions_boundary = account.dev\n trust { services = [\"a.amazonaws.com\"] }\n}",
        "account.dev",
        "a reference to",
        "",
    );
    fails(
        "iam_role \"r\" {\n accounts = [account.dev]\n description = [1]\n trust { services = [\"a.amazonaws.com\"] }\n}",
        "[1]",
        "string",
        "",
    );
    fails(
        "iam_role \"r\" {\n accounts = [account.dev]\n trust { services = \"a.amazonaws.com\" }\n}",
        "\"a.amazonaws.com\"",
        "must be a list, not a string",
        "[\"a.amazonaws.com\"]",
    );
}

#[test]
fn two_objects_cannot_have_one_name_in_one_account() {
    let (summary, help, _) = bad(&format!(
        "iam_role \"r\" {{\n environments = [environment.dev, environment.dev-aws]\n {TRUST}\n}}"
    ));
    assert!(
        summary.contains("iam_role.r@dev/dev") && summary.contains("iam_role.r@dev/dev-aws"),
        "{summary}"
    );
    assert!(help.contains("each.environment.name"), "{help}");
}

#[test]
fn for_each_and_count_say_what_they_take() {
    let block =
        |meta: &str| format!("iam_role \"r\" {{\n {meta}\n accounts = [account.dev]\n {TRUST}\n}}");
    fails(&block("for_each = [\"a\"]"), "[\"a\"]", "not a list", "toset");
    fails(&block("for_each = null"), "null", "null", "{}");
    fails(
        &block("for_each = toset([account.production.id])"),
        "toset([account.production.id])",
        "not known until apply",
        "map",
    );
    fails(&block("count = -1"), "-1", "`count` must be 0 to", "");
    fails(&block("count = 1.5"), "1.5", "whole number", "");
    assert_eq!(
        good(&block("count = 2")).instances.keys().filter(|a| a.kind == "iam_role").count(),
        2
    );
    assert_eq!(
        good(&block("for_each = {}")).instances.keys().filter(|a| a.kind == "iam_role").count(),
        0
    );
}

mod rules;
