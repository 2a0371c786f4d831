//! How AWS is reached: the standard credential chain, or the sandbox. Nothing below the command
//! line knows which of the two it is talking to.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::sandbox::{self, Sandbox};

/// A way to AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    /// For every client: credentials, region, transport, time-outs.
    pub sdk: SdkConfig,
    /// The embedded emulation, when it is what is talked to.
    pub sandbox: Option<Sandbox>,
    /// Where the sandbox is kept.
    pub sandbox_dir: Option<PathBuf>,
}

/// Opens the way to AWS; makes no call.
///
/// # Errors
/// The sandbox's directory cannot be used.
pub async fn connect(cx: &Context, region: Option<&str>) -> Result<Connection, Exit> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let Some(dir) = cx.env.sandbox(&cx.global) else {
        return Ok(Connection { sdk: loader.load().await, sandbox: None, sandbox_dir: None });
    };
    let options = sandbox::Options {
        enforce: cx.env.sandbox_enforces(),
        faults: cx.env.sandbox_faults()?,
        clock: cx.clock.of_sandbox(),
        operator: cx.env.sandbox_operator()?,
        ..sandbox::Options::default()
    };
    let sandbox = Sandbox::open(&dir, options).await?;
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.unwrap_or("us-east-1").to_owned()))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            sandbox.management_credentials(),
        ))
        .http_client(sandbox.http_client())
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .build();
    Ok(Connection { sdk, sandbox: Some(sandbox), sandbox_dir: Some(dir) })
}
