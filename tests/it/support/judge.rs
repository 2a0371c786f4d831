//! The SDK in the sandbox of a program: what tests judge by, beside Palisade's own code.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssm::types::Parameter;
use palisade::sandbox::{Options, Sandbox};

/// The sandbox that programs in a directory use.
pub(crate) async fn sandbox(dir: &Path) -> Sandbox {
    let kept = dir.join(".palisade/sandbox");
    Sandbox::open(&kept, Options::default()).await.expect("a sandbox")
}

/// Calls with these credentials.
pub(crate) fn sdk(sandbox: &Sandbox, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(sandbox.http_client())
        .build()
}

/// Calls in the member account of that name.
pub(crate) async fn member(sandbox: &Sandbox, name: &str) -> SdkConfig {
    let management = sdk(sandbox, sandbox.management_credentials());
    let organizations = aws_sdk_organizations::Client::new(&management);
    let accounts = organizations.list_accounts().send().await.expect("accounts");
    let account = accounts.accounts().iter().find(|a| a.name() == Some(name)).expect(name);
    let role =
        format!("arn:aws:iam::{}:role/OrganizationAccountAccessRole", account.id().expect("an id"));
    let sts = aws_sdk_sts::Client::new(&management);
    let answer =
        sts.assume_role().role_arn(role).role_session_name("judge").send().await.expect("assumed");
    let got = answer.credentials().expect("credentials");
    let token = Some(got.session_token().to_owned());
    sdk(
        sandbox,
        Credentials::new(got.access_key_id(), got.secret_access_key(), token, None, "judge"),
    )
}

/// The parameters below a path, in the open.
pub(crate) async fn parameters(sdk: &SdkConfig, path: &str) -> Vec<Parameter> {
    let mut pages = aws_sdk_ssm::Client::new(sdk)
        .get_parameters_by_path()
        .path(path)
        .recursive(true)
        .with_decryption(true)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.expect("parameters").parameters().iter().cloned());
    }
    found
}
