//! What the tests of the emulation share: SDK clients of its accounts.

mod kept;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;

use super::{Clock, Options, Sandbox};

/// A sandbox whose clock stands still.
pub(crate) async fn sandbox() -> Sandbox {
    with(options()).await
}

/// Options with a clock that stands still.
pub(crate) fn options() -> Options {
    Options { clock: Clock::manual(1_790_000_000), ..Options::default() }
}

pub(crate) async fn with(options: Options) -> Sandbox {
    Sandbox::in_memory(options).await
}

/// An SDK configuration on a sandbox.
pub(crate) fn config(sandbox: &Sandbox, credentials: Credentials) -> SdkConfig {
    config_in(sandbox, credentials, "eu-west-1")
}

pub(crate) fn config_in(sandbox: &Sandbox, credentials: Credentials, region: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            credentials,
        ))
        .http_client(sandbox.http_client())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build()
}

/// The management account's configuration.
pub(crate) fn management(sandbox: &Sandbox) -> SdkConfig {
    config(sandbox, sandbox.management_credentials())
}

/// Credentials of a role, assumed with those of `from`.
pub(crate) async fn assume(from: &SdkConfig, role: &str) -> Result<Credentials, String> {
    let answer = aws_sdk_sts::Client::new(from)
        .assume_role()
        .role_arn(role)
        .role_session_name("test")
        .send()
        .await
        .map_err(|e| code(&e))?;
    let credentials = answer.credentials().expect("credentials");
    Ok(Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(credentials.session_token().to_owned()),
        None,
        "test",
    ))
}

/// The AWS error code of a failed call.
pub(crate) fn code<E>(
    error: &aws_smithy_runtime_api::client::result::SdkError<
        E,
        aws_smithy_runtime_api::client::orchestrator::HttpResponse,
    >,
) -> String
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::fmt::Debug,
{
    match error.as_service_error() {
        Some(service) => service.code().unwrap_or("no code").to_owned(),
        None => format!("{error:?}"),
    }
}

/// An organization with one member account; returns the member's configuration and id.
pub(crate) async fn member(sandbox: &Sandbox, name: &str) -> (SdkConfig, String) {
    let root = management(sandbox);
    let organizations = aws_sdk_organizations::Client::new(&root);
    let _ = organizations.create_organization().send().await;
    let started = organizations
        .create_account()
        .account_name(name)
        .email(format!("{name}@example.com"))
        .send()
        .await
        .expect("created");
    let request = started.create_account_status().and_then(|s| s.id()).expect("id").to_owned();
    let mut id = None;
    while id.is_none() {
        let status = organizations
            .describe_create_account_status()
            .create_account_request_id(&request)
            .send()
            .await
            .expect("status");
        id = status.create_account_status().and_then(|s| s.account_id()).map(str::to_owned);
    }
    let id = id.expect("an id");
    let role = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    let mut credentials = assume(&root, &role).await;
    for _ in 0..20 {
        if credentials.is_ok() {
            break;
        }
        credentials = assume(&root, &role).await;
    }
    (config(sandbox, credentials.expect("assumed")), id)
}
