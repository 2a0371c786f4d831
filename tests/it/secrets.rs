//! Secrets from each of their sources: named in the configuration, read by `apply` alone, and kept by
//! SSM as `SecureString`.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssm::types::ParameterType;
use palisade::sandbox::{Options, Sandbox};

use crate::support::cli::{Program, Run};

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

fn sdk(sandbox: &Sandbox, credentials: aws_credential_types::Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(sandbox.http_client())
        .build()
}

async fn sandbox(program: &Program) -> Sandbox {
    let dir = program.path().join(".palisade/sandbox");
    Sandbox::open(&dir, Options::default()).await.expect("a sandbox")
}

/// A secret in the management account, which `secret("ssm:...")` names.
async fn shared(program: &Program, value: &str) {
    let sandbox = sandbox(program).await;
    aws_sdk_ssm::Client::new(&sdk(&sandbox, sandbox.management_credentials()))
        .put_parameter()
        .name("/shared/token")
        .r#type(ParameterType::SecureString)
        .overwrite(true)
        .value(value)
        .send()
        .await
        .expect("put");
}

/// What SSM holds in the account `dev`: key, type, and the value in the open.
async fn held(program: &Program) -> Vec<(String, ParameterType, String)> {
    let sandbox = sandbox(program).await;
    let root = sdk(&sandbox, sandbox.management_credentials());
    let accounts =
        aws_sdk_organizations::Client::new(&root).list_accounts().send().await.expect("accounts");
    let dev = accounts.accounts().iter().find(|a| a.name() == Some("acme-dev")).expect("dev");
    let role = format!("arn:aws:iam::{}:role/OrganizationAccountAccessRole", dev.id().expect("id"));
    let sts = aws_sdk_sts::Client::new(&root);
    let given = sts.assume_role().role_arn(role).role_session_name("judge").send().await;
    let given = given.expect("assumed").credentials().expect("credentials").clone();
    let own = aws_credential_types::Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        None,
        "judge",
    );
    let answer = aws_sdk_ssm::Client::new(&sdk(&sandbox, own))
        .get_parameters_by_path()
        .path("/acme/dev/app/")
        .recursive(true)
        .with_decryption(true)
        .send()
        .await
        .expect("parameters");
    let mut all: Vec<_> = answer
        .parameters()
        .iter()
        .map(|p| {
            let name = p.name().expect("a name").rsplit('/').next().expect("a key").to_owned();
            (name, p.r#type().expect("a type").clone(), p.value().expect("a value").to_owned())
        })
        .collect();
    all.sort();
    all
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
