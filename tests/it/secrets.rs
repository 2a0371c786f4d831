//! Secrets from each of their sources: named in the configuration, read by `apply` alone, and kept by
//! SSM as `SecureString`. Of a source in SSM a plan knows the version.

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
    put(program, "/shared/token", value).await;
}

async fn put(program: &Program, name: &str, value: &str) {
    let sandbox = judge::sandbox(program.path()).await;
    aws_sdk_ssm::Client::new(&judge::sdk(&sandbox, sandbox.management_credentials()))
        .put_parameter()
        .name(name)
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
    // Nothing was made: not even the accounts.
    assert_eq!(p.run(&["state", "list"]).code(0).out, "");

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
        let (seen, why) = match at {
            2 => {
                shared(&p, now[2].1).await;
                (2, "# the source ssm:/shared/token moved from version 1 to 2")
            }
            // A plan asks no source for its value, and so sees nothing.
            _ => (0, "# its secret has another value than was applied"),
        };
        with(&p, now[0].1, &["plan", "--detailed-exitcode"]).code(seen);
        let run = with(&p, now[0].1, &apply).code(0);
        let key = now[at].0;
        for told in [&format!("~ environment.dev.config.app[\"{key}\"]@dev"), why, "1 to update"] {
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
    let told = "the secret of `environment.dev.config.app[\"of_env\"]@dev` has changed since the last apply";
    assert!(saved.err.contains(told), "{}", saved.err);
    assert_eq!(saved.err.matches("has changed since the last apply").count(), 1, "{}", saved.err);
    assert_eq!(versions(&p).await, written);
    with(&p, "env-3", &apply).code(0);
    assert_eq!(held(&p).await[0].2, "env-3");
}

/// The estate with one secret, of SSM.
fn of_ssm() -> String {
    let mut estate = ESTATE.to_owned();
    for other in [
        "  key \"of_env\" {\n    secret = true\n  }\n",
        "  key \"of_file\" {\n    secret = true\n  }\n",
        "      of_env  = secret(\"env:APP_TOKEN\")\n",
        "      of_file = secret(\"file:keys/token\")\n",
    ] {
        assert!(estate.contains(other), "{other}");
        estate = estate.replace(other, "");
    }
    estate
}

/// What a run says, which must name none of these.
#[track_caller]
fn silent(run: &Run, values: &[&str]) {
    for value in values {
        assert!(!run.out.contains(value) && !run.err.contains(value), "{value} is shown");
    }
}

const VALUES: [&str; 4] = ["ssm-1-open", "ssm-2-open", "ssm-3-open", "ssm-4-open"];

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_sees_the_version_of_a_source_and_stands_on_it() {
    let p = Program::new(&of_ssm());
    let value = async || held(&p).await.pop().map(|(_, _, value)| value);
    // Nothing there yet: a plan is made all the same, says so at the line, and can be applied.
    let unseen = p.run(&["plan", "--detailed-exitcode", "--out", "unseen.plan"]).code(2);
    for told in [
        "a secret is verified at apply alone: `ssm:/shared/token`",
        "There is no such parameter.",
        "main.hcl:",
        "secret(\"ssm:/shared/token\")",
    ] {
        assert!(unseen.err.contains(told), "{told}: {}", unseen.err);
    }
    assert!(unseen.out.contains("(verified at apply)"), "{}", unseen.out);
    shared(&p, VALUES[0]).await;

    // A plan that saw the source is for that version alone.
    let seen = p.run(&["plan", "--out", "seen.plan"]).code(0);
    assert!(!seen.err.contains("warning"), "{}", seen.err);
    let json = p.run(&["show", "seen.plan", "--format", "json"]).code(0);
    silent(&json, &VALUES);
    assert_eq!(json.json()["secret_sources"], serde_json::json!({"ssm:/shared/token": 1}));
    shared(&p, VALUES[1]).await;
    let stale = p.run(&["apply", "seen.plan"]).code(4);
    let told = "the source ssm:/shared/token moved from version 1 to 2";
    assert!(stale.err.contains(told), "{}", stale.err);
    assert_eq!(p.run(&["state", "list"]).code(0).out, "", "nothing was applied");
    p.run(&["apply", "unseen.plan"]).code(0);
    assert_eq!(value().await.as_deref(), Some(VALUES[1]));
    let shown = p.run(&["state", "show", "environment.dev.config.app[\"of_ssm\"]@dev"]).code(0);
    silent(&shown, &VALUES);
    p.run(&["plan", "--detailed-exitcode"]).code(0);

    // It moves: the plan shows an update, no value, and nothing else takes it for a change.
    shared(&p, VALUES[2]).await;
    let moved = p.run(&["plan", "--detailed-exitcode", "--out", "moved.plan"]).code(2);
    for told in ["# the source ssm:/shared/token moved from version 2 to 3", "1 to update"] {
        assert!(moved.out.contains(told), "{told}: {}", moved.out);
    }
    silent(&moved, &VALUES);
    for quiet in [&["drift"][..], &["plan", "--refresh=false", "--detailed-exitcode"]] {
        silent(&p.run(quiet).code(0), &VALUES);
    }
    p.run(&["plan", "--refresh-only", "--detailed-exitcode"]).code(0);

    // Again, before it is applied.
    let before = versions(&p).await;
    shared(&p, VALUES[3]).await;
    let stale = p.run(&["apply", "moved.plan"]).code(4);
    let told = "the source ssm:/shared/token moved from version 3 to 4";
    assert!(stale.err.contains(told), "{}", stale.err);
    assert_eq!((versions(&p).await, value().await.as_deref()), (before, Some(VALUES[1])));
    p.run(&["plan", "--out", "again.plan"]).code(0);
    silent(&p.run(&["apply", "again.plan"]).code(0), &VALUES);
    assert_eq!(value().await.as_deref(), Some(VALUES[3]));
    p.run(&["plan", "--detailed-exitcode"]).code(0);

    // The same value as another version: recorded, and not written.
    let before = versions(&p).await;
    shared(&p, VALUES[3]).await;
    p.run(&["plan", "--detailed-exitcode"]).code(2);
    p.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(versions(&p).await, before);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    for value in VALUES {
        assert!(!is_kept(&p, value), "{value} is kept in the state");
        for name in ["unseen.plan", "seen.plan", "moved.plan", "again.plan"] {
            let text = std::fs::read_to_string(p.path().join(name)).expect("a plan");
            assert!(!text.contains(value), "{value} is in {name}");
        }
    }

    // Another reference is another change, and one that names a version stands still.
    p.write("main.hcl", &of_ssm().replace("ssm:/shared/token", "ssm:/shared/token:1"));
    p.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(value().await.as_deref(), Some(VALUES[0]));
    shared(&p, VALUES[2]).await;
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}

/// Who plans may see less than who applies: a saved plan stands on what it saw, and on nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_does_not_stand_on_a_source_that_it_could_not_ask() {
    let p = Program::new(&ESTATE.replace("file:keys/token", "ssm:/shared/late"));
    shared(&p, "early").await;
    let plan = with(&p, "e", &["plan", "--out", "saved.plan", "--format", "json"]).code(0).json();
    assert_eq!(plan["secret_sources"], serde_json::json!({"ssm:/shared/token": 1}));
    let warning = &plan["diagnostics"][0];
    assert_eq!(warning["summary"], "a secret is verified at apply alone: `ssm:/shared/late`");
    assert_eq!(warning["location"]["file"], "main.hcl");
    put(&p, "/shared/late", "late").await;
    with(&p, "e", &["apply", "saved.plan"]).code(0);
    assert_eq!(held(&p).await, secure([("of_env", "e"), ("of_file", "late"), ("of_ssm", "early")]));
    // From now on its version is known.
    with(&p, "e", &["plan", "--detailed-exitcode"]).code(0);
    put(&p, "/shared/late", "later").await;
    let moved = with(&p, "e", &["plan", "--detailed-exitcode"]).code(2);
    let told = "# the source ssm:/shared/late moved from version 1 to 2";
    assert!(moved.out.contains(told), "{}", moved.out);
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

/// A sensitive tag and a sensitive external id: neither is drift, none is told by a witness, and no way by which what
/// is live becomes a record writes them down.
const TAGGED: &str = r#"
palisade {
  name = "veil"
}
variable "token" {
  type      = string
  sensitive = true
  default   = "a-token-of-24-characters"
}
organization "veil" {}
account "dev" {
  email = "dev@veil.example"
}
account "prod" {
  email = "prod@veil.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "prod" {
  accounts = [account.prod]
}
iam_role "ci" {
  accounts             = [account.dev]
  max_session_duration = "1h"
  tags                 = { class = var.token, plain = "x" }
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "enter" {
    actions   = ["sts:AssumeRole", "s3:GetObject"]
    resources = ["*"]
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = iam_role.ci.at["dev"].arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.token } }
    }]
  }
}
s3_bucket "data" {
  accounts = [account.prod]
  bucket   = "veil-data"
  abac     = true
  tags     = { class = var.token }
  policy = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = iam_role.ci.at["dev"].arn }
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::veil-data/*"
      Condition = { StringEquals = { "aws:ResourceTag/class" = var.token } }
    }]
  }
}
"#;

const TOKEN: &str = "a-token-of-24-characters";

#[test]
fn a_sensitive_value_within_a_map_is_no_drift_and_is_written_nowhere() {
    let p = Program::new(TAGGED);
    let regardless = ["--fail-on", "none", "--reason", "a test"];
    let hidden = |args: &[&str]| {
        let run = p.run(args);
        for (name, text) in [("stdout", &run.out), ("stderr", &run.err)] {
            assert!(!text.contains(TOKEN), "{args:?} tells it on {name}:\n{text}");
        }
        run
    };
    for format in ["text", "json", "markdown", "html", "sarif"] {
        hidden(&[&["plan", "--full", "--format", format][..], &regardless].concat()).code(0);
    }
    hidden(&[&["apply", "--auto-approve"][..], &regardless].concat()).code(0);
    for args in [&["isolation", "--json"][..], &["isolation"], &["state", "pull"]] {
        hidden(args);
    }
    let asked = ["who-can", "s3:GetObject", "arn:aws:s3:::veil-data/x", "--json"];
    assert!(hidden(&asked).code(0).out.contains("iam_role.ci"));
    // Nothing was changed outside, so nothing is drift.
    hidden(&["drift"]).code(0);
    hidden(&[&["plan", "--detailed-exitcode"][..], &regardless].concat()).code(0);
    // A run that is interrupted in an update, and the run after it.
    p.write("main.hcl", &TAGGED.replace("\"1h\"", "\"2h\""));
    let apply = [&["apply", "--auto-approve"][..], &regardless].concat();
    for cut in ["6", "8", "10"] {
        let run = p.command(&apply).env("PALISADE_SANDBOX_CUT", cut).output().expect("runs");
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(!text.contains(TOKEN), "{text}");
        hidden(&["state", "pull"]);
    }
    hidden(&apply).code(0);
    assert!(!hidden(&["state", "pull"]).out.is_empty());
    // What is in AWS is accepted into state.
    hidden(&["apply", "--refresh-only", "--auto-approve", "--fail-on", "none", "--reason", "x"]);
    hidden(&["state", "pull"]);
    hidden(&["state", "show", "iam_role.ci@dev", "--json"]).code(0);
    hidden(&["drift", "--json"]).code(0);
}

/// Neither the old nor the new value of a variable that a policy is made with stands in what a plan writes for tools.
#[test]
fn a_sensitive_value_in_a_policy_that_changes_stands_in_no_plan() {
    let estate = r#"
palisade {
  name = "acme"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
variable "id" {
  type      = string
  sensitive = true
}
data "iam_policy_document" "own" {
  statement {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::${var.id}"]
  }
}
iam_policy "own" {
  accounts = [account.dev]
  content  = data.iam_policy_document.own.json
}
iam_role "ci" {
  accounts = [account.dev]
  trust {
    aws         = [account.dev]
    external_id = var.id
  }
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.id}/*"]
  }
}
"#;
    let (old, new) = ("the-old-value-of-it", "the-new-value-of-it");
    let p = Program::new(estate);
    let given = |value: &str| format!("id={value}");
    p.run(&["apply", "--auto-approve", "--var", &given(old)]).code(0);
    let now = given(new);
    for format in ["text", "json", "markdown", "html", "sarif"] {
        let run = p.run(&["plan", "--full", "--format", format, "--var", &now]).code(0);
        silent(&run, &[old, new]);
        if format == "json" {
            let changes = run.json()["resource_changes"].to_string();
            assert!(changes.contains("(sensitive values)"), "{changes}");
        }
    }
    silent(
        &p.run(&["plan", "--out", "saved", "--output", "json=plan.json", "--var", &now]).code(0),
        &[old, new],
    );
    for file in ["saved", "plan.json"] {
        let written = std::fs::read(p.path().join(file)).expect("written");
        let text = String::from_utf8_lossy(&written);
        assert!(!text.contains(old) && !text.contains(new), "{file} tells it");
    }
}
