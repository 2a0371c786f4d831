//! Config values of many environments from one template: a module, locals, and what each environment
//! puts in their place, as SSM holds it.

use std::collections::BTreeMap;

use crate::support::cli::Program;
use crate::support::estates::ACCOUNTS;
use crate::support::judge;

/// What all environments share, made from what one of them is.
const MODULE: &str = r#"variable "stage" {
  type = string
}
variable "replicas" {
  type    = number
  default = 1
}
locals {
  host = "${var.stage}.acme.example"
}
output "values" {
  value = {
    "log_level" = "info"
    "replicas"  = var.replicas
    "urls/api"  = "https://api.${local.host}"
  }
}
"#;

const ESTATE: &str = r#"config_schema "app" {
  key "log_level" {
    type    = string
    allowed = ["debug", "info"]
  }
  key "replicas" {
    type = number
    max  = 9
  }
  key "urls/api" {
    type = string
  }
}
locals {
  sizes = { dev = 1, production = 7 }
}
module "template" {
  for_each = local.sizes
  source   = "./template"
  stage    = each.key
  replicas = each.value
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = merge(module.template["dev"].values, { "log_level" = "debug" })
  }
}
environment "production" {
  accounts            = [account.production]
  like                = environment.dev
  allowed_differences = ["app/log_level", "app/replicas", "app/urls*"]
  config "app" {
    values = module.template["production"].values
  }
}
"#;

fn program() -> Program {
    let p = Program::new(&format!("{ACCOUNTS}{ESTATE}"));
    std::fs::create_dir(p.path().join("template")).expect("made");
    p.write("template/main.hcl", MODULE);
    p
}

/// What SSM holds for an environment: keys and values.
async fn held(program: &Program, environment: &str) -> BTreeMap<String, String> {
    let sandbox = judge::sandbox(program.path()).await;
    let sdk = judge::member(&sandbox, &format!("acme-{environment}")).await;
    let path = format!("/acme/{environment}/");
    let found = judge::parameters(&sdk, &path).await.into_iter().map(|p| {
        let name = p.name().expect("a name").trim_start_matches(&path);
        (name.to_owned(), p.value().expect("a value").to_owned())
    });
    found.collect()
}

fn values(all: [(&str, &str); 3]) -> BTreeMap<String, String> {
    all.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_template_gives_every_environment_its_own_values() {
    let p = program();
    let applied = p.run(&["apply", "--auto-approve"]).code(0);
    // A slash in a key is no environment in an address.
    let told = "created environment.dev.config.app[\"urls/api\"]@dev\n";
    assert!(applied.err.contains(told), "{}", applied.err);
    let dev = values([
        ("app/log_level", "debug"),
        ("app/replicas", "1"),
        ("app/urls/api", "https://api.dev.acme.example"),
    ]);
    let production = |host: &str| {
        values([("app/log_level", "info"), ("app/replicas", "7"), ("app/urls/api", host)])
    };
    assert_eq!(held(&p, "dev").await, dev);
    assert_eq!(held(&p, "production").await, production("https://api.production.acme.example"));

    // The template changes, and with it every environment that it fills.
    p.write("template/main.hcl", &MODULE.replace("https://api.", "https://api-v2."));
    let plan = p.run(&["plan", "--detailed-exitcode"]).code(2);
    assert!(plan.out.contains("Plan: 2 to update."), "{}", plan.out);
    p.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(held(&p, "dev").await["app/urls/api"], "https://api-v2.dev.acme.example");
    assert_eq!(held(&p, "production").await, production("https://api-v2.production.acme.example"));

    // What differs and may not is an error; so is a value of a template that breaks its schema.
    let strict = ESTATE.replace("\"app/log_level\", ", "");
    p.write("main.hcl", &format!("{ACCOUNTS}{strict}"));
    let differs = p.run(&["validate"]).code(1);
    let told = "`app/log_level` differs between `environment.production` and `environment.dev`";
    assert!(differs.err.contains(told), "{}", differs.err);
    let large = ESTATE.replace("production = 7", "production = 10");
    p.write("main.hcl", &format!("{ACCOUNTS}{large}"));
    let broken = p.run(&["validate"]).code(1);
    assert!(broken.err.contains("the value of `replicas` is too large"), "{}", broken.err);
    let line = format!("{ACCOUNTS}{large}").lines().position(|l| l.contains("values = module"));
    let place = format!("main.hcl:{}:", line.expect("the line") + 1);
    assert!(broken.err.contains(&place), "{place}: {}", broken.err);
    assert_eq!(held(&p, "production").await["app/replicas"], "7");
}
