//! Secrets from each of their sources: named in the configuration, read by `apply` alone, and kept by
//! SSM as `SecureString`.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{Parameter, ParameterType};

use crate::support::cli::{Program, Run};
use crate::support::judge;

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
config_schema "app" {
  key "of_env" {
    secret = true
  }
  key "of_file" {
    secret = true
  }
  key "of_ssm" {
    secret = true
  }
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      of_env  = secret("env:APP_TOKEN")
      of_file = secret("file:keys/token")
      of_ssm  = secret("ssm:/shared/token")
    }
  }
}
"#;

fn with(program: &Program, token: &str, args: &[&str]) -> Run {
    program.command(args).env("APP_TOKEN", token).output().expect("it starts").into()
}

/// A secret in the management account, which `secret("ssm:...")` names.
async fn shared(program: &Program, value: &str) {
    let sandbox = judge::sandbox(program.path()).await;
    aws_sdk_ssm::Client::new(&judge::sdk(&sandbox, sandbox.management_credentials()))
        .put_parameter()
        .name("/shared/token")
        .r#type(ParameterType::SecureString)
        .overwrite(true)
        .value(value)
        .send()
        .await
        .expect("put");
}

/// The parameters of the account `dev`, read with the SDK alone.
async fn parameters(program: &Program) -> Vec<Parameter> {
    let sandbox = judge::sandbox(program.path()).await;
    judge::parameters(&judge::member(&sandbox, "acme-dev").await, "/acme/dev/app/").await
}

fn key_of(parameter: &Parameter) -> String {
    parameter.name().expect("a name").rsplit('/').next().expect("a key").to_owned()
}

/// What SSM holds in the account `dev`: key, type, and the value in the open.
async fn held(program: &Program) -> Vec<(String, ParameterType, String)> {
    let mut all: Vec<_> = parameters(program)
        .await
        .iter()
        .map(|p| {
            let (kind, value) = (p.r#type().expect("a type"), p.value().expect("a value"));
            (key_of(p), kind.clone(), value.to_owned())
        })
        .collect();
    all.sort();
    all
}

/// How often each of them was written.
async fn versions(program: &Program) -> BTreeMap<String, i64> {
    parameters(program).await.iter().map(|p| (key_of(p), p.version())).collect()
}

fn secure(values: [(&str, &str); 3]) -> Vec<(String, ParameterType, String)> {
    values.map(|(n, v)| (n.to_owned(), ParameterType::SecureString, v.to_owned())).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_by_apply_alone_from_environment_file_and_ssm() {
    let p = Program::new(ESTATE);
    // A plan asks no source: none of them is there yet.
    p.run(&["plan", "--detailed-exitcode"]).code(2);
    let failed = p.run(&["apply", "--auto-approve"]).code(1);
    for told in [
        "the environment variable `APP_TOKEN` is not set",
        "keys/token",
        "the parameter `/shared/token` cannot be read",
    ] {
        assert!(failed.err.contains(told) || failed.out.contains(told), "{told}: {}", failed.err);
    }
    assert_eq!(held(&p).await, []);

    std::fs::create_dir(p.path().join("keys")).expect("made");
    p.write("keys/token", "from-a-file\n");
    shared(&p, "from-ssm").await;
    let empty = with(&p, "", &["apply", "--auto-approve"]).code(1);
    assert!(empty.err.contains("is empty") || empty.out.contains("is empty"), "{}", empty.err);
    with(&p, "from-the-environment", &["apply", "--auto-approve"]).code(0);
    let first = secure([
        ("of_env", "from-the-environment"),
        ("of_file", "from-a-file"),
        ("of_ssm", "from-ssm"),
    ]);
    assert_eq!(held(&p).await, first);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["drift"]).code(0);
}

/// Whether a text stands anywhere in what the backend keeps.
fn is_kept(program: &Program, text: &str) -> bool {
    fn holds(dir: &std::path::Path, text: &str) -> bool {
        std::fs::read_dir(dir).expect("readable").any(|entry| {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => holds(&path, text),
                false => {
                    String::from_utf8_lossy(&std::fs::read(path).expect("read")).contains(text)
                }
            }
        })
    }
    holds(&program.path().join(".palisade/sandbox/palisade-state"), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_is_seen_by_its_fingerprint_and_brought_in() {
    let p = Program::new(ESTATE);
    std::fs::create_dir(p.path().join("keys")).expect("made");
    p.write("keys/token", "file-1\n");
    shared(&p, "ssm-1").await;
    let apply = ["apply", "--auto-approve"];
    with(&p, "env-1", &apply).code(0);
    let mut written = versions(&p).await;

    // The same values: nothing is written.
    let same = with(&p, "env-1", &apply).code(0);
    assert!(same.out.contains("No changes"), "{}", same.out);
    assert_eq!(versions(&p).await, written);

    // Each source by itself: one change, of its parameter, that shows no value.
    let mut now = [("of_env", "env-1"), ("of_file", "file-1"), ("of_ssm", "ssm-1")];
    for (at, value) in ["env-2", "file-2", "ssm-2"].into_iter().enumerate() {
        now[at].1 = value;
        p.write("keys/token", now[1].1);
        shared(&p, now[2].1).await;
        // A plan asks no source, and so sees nothing.
        with(&p, now[0].1, &["plan", "--detailed-exitcode"]).code(0);
        let run = with(&p, now[0].1, &apply).code(0);
        let key = now[at].0;
        for told in [
            &format!("~ environment.dev.config.app[\"{key}\"]@dev"),
            "# its secret has another value than was applied",
            "1 to update",
        ] {
            assert!(run.out.contains(told), "{told}: {}", run.out);
        }
        for value in now.iter().map(|(_, value)| value).chain(&["env-1", "file-1", "ssm-1"]) {
            assert!(!run.out.contains(value) && !run.err.contains(value), "{value} is shown");
            assert!(!is_kept(&p, value), "{value} is kept in the state");
        }
        assert_eq!(held(&p).await, secure(now));
        *written.get_mut(key).expect("the key") += 1;
        assert_eq!(versions(&p).await, written, "{key}");
        let again = with(&p, now[0].1, &apply).code(0);
        assert!(again.out.contains("No changes"), "{}", again.out);
    }

    // A source that is gone: what was applied stays, and that is told.
    let gone = p.run(&apply).code(0);
    let told = "`secret(\"env:APP_TOKEN\")` cannot be compared with what was applied from it";
    assert!(gone.err.contains(told), "{}", gone.err);
    assert_eq!(versions(&p).await, written);

    // Nobody asked for a secret when a plan was saved: it leaves the new value out, and says so.
    with(&p, "env-2", &["plan", "--out", "saved.plan"]).code(0);
    let saved = with(&p, "env-3", &["apply", "saved.plan"]).code(0);
    let told =
        "`environment.dev.config.app[\"of_env\"]@dev` has another secret by now than was applied";
    assert!(saved.err.contains(told), "{}", saved.err);
    assert_eq!(saved.err.matches("has another secret").count(), 1, "{}", saved.err);
    assert_eq!(versions(&p).await, written);
    with(&p, "env-3", &apply).code(0);
    assert_eq!(held(&p).await[0].2, "env-3");
}

/// The value of a sensitive variable is known to a plan, but what SSM holds is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_variable_that_changes_is_a_change_of_its_parameter() {
    let p = Program::new(&format!(
        "{}variable \"token\" {{\n  type      = string\n  sensitive = true\n}}\n",
        ESTATE
            .replace("secret(\"env:APP_TOKEN\")", "var.token")
            .replace("secret(\"file:keys/token\")", "var.token")
            .replace("secret(\"ssm:/shared/token\")", "var.token")
    ));
    let run = |value: &str, args: &[&str]| -> Run {
        p.command(args).env("PALISADE_VAR_token", value).output().expect("it starts").into()
    };
    run("one-1", &["apply", "--auto-approve"]).code(0);
    assert_eq!(
        held(&p).await,
        secure([("of_env", "one-1"), ("of_file", "one-1"), ("of_ssm", "one-1")])
    );
    run("one-1", &["plan", "--detailed-exitcode"]).code(0);
    let plan = run("two-2", &["plan", "--detailed-exitcode", "--out", "saved.plan"]).code(2);
    assert!(plan.out.contains("3 to update"), "{}", plan.out);
    assert!(!plan.out.contains("one-1") && !plan.out.contains("two-2"), "{}", plan.out);
    run("one-1", &["apply", "saved.plan"]).code(4);
    run("two-2", &["apply", "saved.plan"]).code(0);
    assert_eq!(
        held(&p).await,
        secure([("of_env", "two-2"), ("of_file", "two-2"), ("of_ssm", "two-2")])
    );
    assert!(!is_kept(&p, "one-1") && !is_kept(&p, "two-2"));
    run("two-2", &["plan", "--detailed-exitcode"]).code(0);
}
