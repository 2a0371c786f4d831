//! How AWS is reached: the standard credential chain, or the sandbox. Nothing below the engine knows
//! which of the two it talks to.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::diag::Diagnostic;
use crate::patience::{Patience, retry_mode};
use crate::provider::aws::{self, MfaCodes};
use crate::sandbox::{self, Sandbox};
use crate::schema::duration;

use super::error::EngineError;
use super::host::Host;
use super::workspace::Workspace;

/// How long to wait between two attempts in the sandbox: nothing is far away there.
const SANDBOX_PACE: Duration = Duration::from_millis(20);

/// How long a request is waited for over all its attempts.
const REQUEST_TIMEOUT: &str = "PALISADE_REQUEST_TIMEOUT";
/// How often a request is tried.
const MAX_ATTEMPTS: &str = "AWS_MAX_ATTEMPTS";
/// How attempts are paced.
const RETRY_MODE: &str = "AWS_RETRY_MODE";

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
    /// How long AWS is waited for.
    pub patience: Patience,
}

/// Opens the way to AWS; makes no call, unless a profile asks for the code of a device.
///
/// # Errors
/// The sandbox's directory cannot be used; the profile that was named cannot be used; a variable that says
/// how long to wait cannot be read.
pub async fn connect(
    workspace: &Workspace,
    region: Option<&str>,
) -> Result<Connection, EngineError> {
    match &workspace.aws {
        Aws::Ambient => workspace.interruptible(Box::pin(ambient(workspace, region))).await?,
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
                patience: Patience::default(),
            })
        }
        Aws::Connected(connection) => Ok((**connection).clone()),
    }
}

async fn ambient(workspace: &Workspace, region: Option<&str>) -> Result<Connection, EngineError> {
    let mut patience = patience(workspace)?;
    let codes = Arc::new(HostCodes(Arc::clone(&workspace.host)));
    let sdk = aws::load(&workspace.env, region, codes, &mut patience).await?;
    let retries = patience.retries(RetryConfig::standard().with_max_attempts(5));
    let sdk = sdk.to_builder().retry_config(retries).build();
    Ok(Connection { sdk, sandbox: None, sandbox_dir: None, pace: None, patience })
}

/// How long AWS is waited for, as the environment says: `PALISADE_REQUEST_TIMEOUT` for a request over all
/// its attempts, `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE` as for every AWS SDK.
///
/// # Errors
/// One of them cannot be read.
fn patience(workspace: &Workspace) -> Result<Patience, EngineError> {
    let mut patience = Patience::default();
    patience.deadline = request_timeout(workspace)?.unwrap_or(patience.deadline);
    let get = |name: &str| variable(workspace, name);
    if let Some(text) = get(MAX_ATTEMPTS) {
        patience.attempts = match text.parse() {
            Ok(attempts) if attempts > 0 => Some(attempts),
            _ => return Err(unreadable(MAX_ATTEMPTS, text, "a number from 1").into()),
        };
    }
    if let Some(text) = get(RETRY_MODE) {
        patience.mode = match retry_mode(text) {
            Some(mode) => Some(mode),
            None => {
                return Err(unreadable(RETRY_MODE, text, "`standard` or `adaptive`").into());
            }
        };
    }
    Ok(patience)
}

/// How long the environment says that a request is waited for: one to AWS, or all of those for a package of modules.
///
/// # Errors
/// It cannot be read.
pub(super) fn request_timeout(workspace: &Workspace) -> Result<Option<Duration>, Diagnostic> {
    let Some(text) = variable(workspace, REQUEST_TIMEOUT) else { return Ok(None) };
    let seconds = duration::seconds(text).and_then(|seconds| u64::try_from(seconds).ok());
    match seconds {
        Some(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(unreadable(REQUEST_TIMEOUT, text, "as in `30s` or `2m`")),
    }
}

/// A variable of the environment that is not empty.
fn variable<'a>(workspace: &'a Workspace, name: &str) -> Option<&'a String> {
    workspace.env.get(name).filter(|text| !text.is_empty())
}

fn unreadable(name: &str, text: &str, help: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` cannot be read: it is `{text}`")).help(help.to_owned())
}

/// The host, as one who knows the codes of devices.
struct HostCodes(Arc<dyn Host>);

impl fmt::Debug for HostCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostCodes")
    }
}

#[async_trait]
impl MfaCodes for HostCodes {
    async fn code(&self, device: &str, profile: &str) -> Result<String, Diagnostic> {
        match self.0.mfa_code(device, profile).await {
            Ok(Some(code)) => Ok(code),
            Ok(None) => Err(Diagnostic::error(format!(
                "the AWS profile `{profile}` asks for a code of `{device}`"
            ))
            .detail("there is no terminal to ask at")
            .help(format!(
                "take a session first and hand it over: \
                 eval \"$(aws configure export-credentials --profile {profile} --format env)\""
            ))),
            Err(_) => Err(Diagnostic::error("interrupted before a code was given")),
        }
    }
}
