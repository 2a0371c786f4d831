//! How AWS is reached: the standard credential chain, or the sandbox. Nothing below the engine knows
//! which of the two it talks to.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::sandbox::{self, Sandbox};

use super::error::EngineError;

/// How long to wait between two attempts in the sandbox: nothing is far away there.
const SANDBOX_PACE: Duration = Duration::from_millis(20);

/// Where AWS is.
#[derive(Clone, Debug)]
pub enum Aws {
    /// Where the standard credential chain leads.
    Ambient,
    /// The sandbox that is kept under a directory.
    Sandbox {
        /// The directory.
        dir: PathBuf,
        /// How it behaves.
        options: sandbox::Options,
    },
    /// Behind a connection that stands already.
    Connected(Box<Connection>),
}

impl Aws {
    /// Whether this is the sandbox.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        match self {
            Self::Ambient => false,
            Self::Sandbox { .. } => true,
            Self::Connected(connection) => connection.sandbox.is_some(),
        }
    }
}

/// A way to AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    /// For every client: credentials, region, transport, time-outs.
    pub sdk: SdkConfig,
    /// The embedded emulation, when it is what is talked to.
    pub sandbox: Option<Sandbox>,
    /// Where the sandbox is kept.
    pub sandbox_dir: Option<PathBuf>,
    /// How long to wait between two attempts, and between two looks at what AWS does in its own time;
    /// the provider's own measure where it is absent.
    pub pace: Option<Duration>,
}

/// Opens the way to AWS; makes no call.
///
/// # Errors
/// The sandbox's directory cannot be used.
pub async fn connect(aws: &Aws, region: Option<&str>) -> Result<Connection, EngineError> {
    match aws {
        Aws::Ambient => Ok(ambient(region).await),
        Aws::Sandbox { dir, options } => {
            let sandbox = Sandbox::open(dir, options.clone()).await?;
            let credentials = aws_credential_types::provider::SharedCredentialsProvider::new(
                sandbox.management_credentials(),
            );
            let sdk = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.unwrap_or("us-east-1").to_owned()))
                .credentials_provider(credentials)
                .http_client(sandbox.http_client())
                .retry_config(RetryConfig::standard().with_max_attempts(5))
                .build();
            Ok(Connection {
                sdk,
                sandbox: Some(sandbox),
                sandbox_dir: Some(dir.clone()),
                pace: Some(SANDBOX_PACE),
            })
        }
        Aws::Connected(connection) => Ok((**connection).clone()),
    }
}

async fn ambient(region: Option<&str>) -> Connection {
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
    Connection { sdk: loader.load().await, sandbox: None, sandbox_dir: None, pace: None }
}
