//! Config values, conditions, sensitive values, and what becomes known later.

use super::*;

const SCHEMA: &str = r#"
config_schema "app" {
  key "log_level" {
    allowed = ["debug", "info", "warn"]
    default = "info"
  }
  key "replicas" {
    type = number
    min  = 1
    max  = 9
  }
  key "color" {
    pattern  = "[a-z]+"
    required = false
  }
  key "api/token" {
    secret   = true
    required = false
  }
}
"#;

fn with_config(dev: &str) -> String {
    format!(
        "{SCHEMA}\nenvironment \"staging\" {{\n accounts = [account.dev]\n config \"app\" {{\n values = {dev}\n }}\n}}"
    )
}

#[test]
fn config_values_follow_their_schema() {
    let estate = good(&with_config(r#"{ replicas = "3", "api/token" = secret("env:TOKEN") }"#));
    let names: Vec<String> =
        estate.instances.keys().filter(|a| a.kind == "config").map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "environment.staging.config.app[\"api/token\"]@dev",
            "environment.staging.config.app[\"log_level\"]@dev",
            "environment.staging.config.app[\"replicas\"]@dev",
        ]
    );
    let level = instance(&estate, "environment.staging.config.app[\"log_level\"]@dev");
    assert_eq!(level.body.get("value").unwrap().value, Value::from("info"));
    assert_eq!(level.environments, ["staging".to_owned()].into());
    fails(
        &with_config("{ replicas = 3, log_level = \"loud\" }"),
        "\"loud\"",
        "not one of those allowed",
        "debug",
    );
    fails(&with_config("{ replicas = 10 }"), "10", "too large", "at most 9");
    fails(&with_config("{ replicas = 0 }"), "0", "too small", "at least 1");
    fails(&with_config("{ replicas = \"x\" }"), "\"x\"", "does not fit its type", "");
    good(&with_config("{ replicas = 1, color = \"blue\" }"));
    // A pattern is about the whole value.
    fails(&with_config("{ replicas = 1, color = \"blue 2\" }"), "\"blue 2\"", "pattern", "[a-z]+");
    fails(&with_config("{ replica = 1 }"), "1", "has no key `replica`", "did you mean `replicas`?");
    fails(&with_config("{ }"), "{ }", "gives no value for the key `replicas`", "default");
    fails(
        &with_config("{ replicas = 1, \"api/token\" = \"hunter2\" }"),
        "*********",
        "written in the open",
        "secret(",
    );
    fails(
        &with_config("{ replicas = 1, log_level = secret(\"env:X\") }"),
        "secret(\"env:X\")",
        "not declared as a secret",
        "secret = true",
    );
}

#[test]
fn parity_names_what_differs() {
    let text = |differences: &str, replicas: u8| {
        format!(
            "{SCHEMA}\nenvironment \"a\" {{\n accounts = [account.dev]\n config \"app\" {{\n values = {{ replicas = 2 }}\n }}\n}}\nenvironment \"b\" {{\n accounts = [account.production]\n like = environment.a\n allowed_differences = [{differences}]\n config \"app\" {{\n values = {{ replicas = {replicas} }}\n }}\n}}"
        )
    };
    good(&text("", 2));
    good(&text("\"app/replicas\"", 5));
    fails(
        &text("", 5),
        "5",
        "`app/replicas` differs between `environment.b` and `environment.a`",
        "allowed_differences",
    );
}

#[test]
fn sensitive_values_stay_hidden() {
    let text = "variable \"p\" {\n default = \"hunter2\"\n sensitive = true\n}\n";
    fails(
        &format!("{text}output \"x\" {{ value = \"a${{var.p}}\" }}"),
        "\"a${var.p}\"",
        "holds a sensitive value",
        "sensitive = true",
    );
    let estate =
        good(&format!("{text}output \"x\" {{\n value = \"a${{var.p}}\"\n sensitive = true\n}}"));
    assert!(matches!(estate.outputs["x"].value, Value::Sensitive(_)));
}

#[test]
fn conditions_and_checks() {
    let role = |rest: &str| {
        format!(
            "iam_role \"r\" {{\n accounts = [account.dev]\n {TRUST}\n lifecycle {{\n {rest}\n }}\n}}"
        )
    };
    good(&role(
        "precondition {\n condition = each.account.handle == \"dev\"\n error_message = \"x\"\n}",
    ));
    fails(
        &role(
            "precondition {\n condition = each.account.handle == \"x\"\n error_message = \"only x, not ${each.account.handle}\"\n}",
        ),
        "each.account.handle == \"x\"",
        "only x, not dev",
        "",
    );
    fails(&role("postcondition {\n condition = length(self.name) > 5\n error_message = \"name ${self.name} is short\"\n}").replace("lifecycle", "name = \"abc\"\n lifecycle"), "length(self.name) > 5", "name abc is short", "");
    let estate = good(
        "check \"c\" {\n assert {\n condition = 1 > 2\n error_message = \"no\"\n }\n assert {\n condition = account.production.id != \"\"\n error_message = \"no\"\n }\n}",
    );
    assert_eq!(estate.checks.iter().map(|c| c.passed).collect::<Vec<_>>(), [Some(false), None]);
}

#[test]
fn many_errors_in_one_run() {
    let errors = estate_of(&[("base.hcl", BASE), ("main.hcl", "locals {\n a = nope1\n b = 1 / 0\n c = [nope2, nope3]\n d = local.a\n}\noutput \"o\" { value = var.x }")]).unwrap_err();
    assert_eq!(errors.len(), 5, "{errors}");
}

struct Grows(Mutex<BTreeMap<ResourceAddr, Attrs>>);

impl ValueSource for Grows {
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs> {
        self.0.lock().unwrap().get(address).cloned()
    }
}

#[test]
fn what_becomes_known_is_resolved_again() {
    let dir = Dir::new(&[
        ("base.hcl", BASE),
        (
            "main.hcl",
            &format!(
                r#"
locals {{ root = "arn:aws:iam::${{account.production.id}}:root" }}
iam_role "r" {{
  accounts = [account.production]
  description = local.root
  {TRUST}
}}
output "root" {{ value = local.root }}
{}
"#,
                with_config("{ replicas = 1 }").replace("[account.dev]", "[account.production]")
            ),
        ),
    ]);
    let config = dir.load();
    let known = Grows(Mutex::default());
    let evaluator = Evaluator::new(&config, &known);
    let estate = evaluator.estate().unwrap_or_else(|e| panic!("{e}"));
    let address: ResourceAddr = "iam_role.r@production".parse().unwrap();
    assert!(estate.instances[&address].desired["description"].is_unknown());
    known.0.lock().unwrap().insert(
        "account.production".parse().unwrap(),
        [("id".to_owned(), Value::from("333333333333"))].into(),
    );
    evaluator.known_moved();
    let now = evaluator.resolve(&address).unwrap();
    assert_eq!(now.desired["description"].as_str(), Some("arn:aws:iam::333333333333:root"));
    assert_eq!(now.computed["arn"].as_str(), Some("arn:aws:iam::333333333333:role/r"));
    assert_eq!(
        evaluator.outputs().unwrap()["root"].value.as_str(),
        Some("arn:aws:iam::333333333333:root")
    );
    assert_eq!(
        evaluator.evaluate_text("console", "account.production.id").unwrap().as_str(),
        Some("333333333333")
    );
    let config = evaluator
        .resolve(&"environment.staging.config.app[\"replicas\"]@production".parse().unwrap())
        .unwrap();
    assert!(config.computed["arn"].as_str().unwrap().contains("333333333333"));
}

#[test]
fn what_a_block_leaves_to_aws_is_read_as_it_stands() {
    let bucket = "s3_bucket \"b\" {\n accounts = [account.production]\n bucket = \"acme-b\"\n}";
    let dir = Dir::new(&[("base.hcl", BASE), ("main.hcl", bucket)]);
    let config = dir.load();
    let read = |known: BTreeMap<ResourceAddr, Attrs>| {
        let known = Grows(Mutex::new(known));
        let evaluator = Evaluator::new(&config, &known);
        let text = "s3_bucket.b.at[\"production\"].abac";
        evaluator.evaluate_text("console", text).unwrap_or_else(|e| panic!("{e}")).as_bool()
    };
    // A new bucket has it off.
    assert_eq!(read(BTreeMap::new()), Some(false));
    let on = [("abac".to_owned(), Value::from(true))].into();
    assert_eq!(read([("s3_bucket.b@production".parse().unwrap(), on)].into()), Some(true));
}

#[test]
fn moved_import_removed() {
    let estate = good(&format!(
        r#"
iam_role "new" {{
  environments = [environment.production]
  {TRUST}
}}
moved {{
  from = iam_role.old
  to   = iam_role.new
}}
import {{
  to = iam_role.new.at["production"]
  id = "new"
}}
removed {{ from = iam_role.gone }}
"#
    ));
    assert_eq!(estate.moved[0].from.value, "iam_role.old");
    assert_eq!(estate.imports[0].to.value.canonical(), "iam_role.new@production/production");
    assert_eq!(estate.removed[0].value.to_string(), "iam_role.gone");
}

#[test]
fn depends_on_and_triggers() {
    let estate = good(&format!(
        r#"
iam_policy "p" {{
  accounts = [account.dev, account.production]
  statement {{
    actions   = ["s3:*"]
    resources = ["*"]
  }}
}}
iam_role "r" {{
  accounts   = [account.dev]
  depends_on = [iam_policy.p]
  {TRUST}
  lifecycle {{ replace_triggered_by = [iam_policy.p.at["production"]] }}
}}
"#
    ));
    let role = instance(&estate, "iam_role.r@dev");
    assert!(role.depends_on.contains(&"iam_policy.p@dev".parse().unwrap()));
    assert_eq!(
        role.lifecycle.replace_triggered_by,
        ["iam_policy.p@production".parse().unwrap()].into()
    );
}

#[test]
fn root_variables_are_converted_where_they_are_given() {
    let dir = Dir::new(&[(
        "main.hcl",
        "variable \"n\" {\n type = number\n}\noutput \"n\" { value = var.n }",
    )]);
    let options = |text: &str| LoadOptions {
        vars: vec![{
            let (name, text) = text.split_once("=").unwrap();
            VarArg::Value { name: name.to_owned(), text: text.to_owned() }
        }],
        ..LoadOptions::default()
    };
    let loaded = load(dir.0.path(), &options("n=5"));
    assert_eq!(
        output(&evaluate_configuration(&loaded.configuration, &NothingKnown).unwrap(), "n"),
        "5"
    );
    let loaded = load(dir.0.path(), &options("n=five"));
    let errors = evaluate_configuration(&loaded.configuration, &NothingKnown).unwrap_err();
    assert!(errors.iter().next().unwrap().summary.contains("wrong type"), "{errors}");
}
