//! What commands are composed of: load the configuration, open the backend, reach AWS.

pub mod apply;
pub mod backend;
pub mod compared;
pub mod connect;
mod cut;
pub mod desired;
pub mod digest;
pub mod edit;
pub mod known;
pub mod look;
pub mod offline;
pub mod outputs;
pub mod pipeline;
pub mod planfile;
pub mod process;
pub mod promotion;
mod recheck;
pub mod releases;
pub mod secrets;
pub mod versions;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Backend, Configuration, Options, load};
use crate::diag::Diagnostic;
use crate::eval::estate::ProviderSettings;
use crate::provider::Provider;
use crate::provider::aws::{self, AwsProvider, Embedded};
use crate::state::Ledger;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use connect::Connection;

/// The backend of a configuration, and the way to AWS.
pub struct Store {
    /// State.
    pub ledger: Ledger,
    /// The way to AWS.
    pub connection: Connection,
    /// What was configured.
    pub backend: Backend,
}

impl Store {
    /// Who the ambient credentials are: the caller's ARN, or the local user where state is local
    /// and nobody can be asked.
    pub async fn caller(&self) -> String {
        let local = || {
            let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
            format!("local:{}", user.unwrap_or_else(|_| "unknown".to_owned()))
        };
        if matches!(self.backend, Backend::Local { .. }) && self.connection.sandbox.is_none() {
            return local();
        }
        let client = aws_sdk_sts::Client::new(&self.connection.sdk);
        match client.get_caller_identity().send().await {
            Ok(answer) => answer.arn().map_or_else(local, str::to_owned),
            Err(_) => local(),
        }
    }
}

/// What reads and changes AWS, as the `provider "aws"` block says.
pub async fn provider(connection: &Connection, settings: &ProviderSettings) -> Arc<dyn Provider> {
    let embedded = connection.sandbox.as_ref().map(|sandbox| Embedded {
        http_client: sandbox.http_client(),
        credentials: sandbox.management_credentials(),
    });
    let mut options = aws::Options {
        region: settings.region.to_string(),
        endpoint_url: settings.endpoint_url.clone(),
        management_role_arn: settings.management_role_arn.clone(),
        embedded,
        ..aws::Options::default()
    };
    if options.embedded.is_some() {
        // Nothing is far away there, and nothing takes its time.
        options.backoff = Duration::from_millis(20);
        options.poll = Duration::from_millis(20);
    }
    Arc::new(AwsProvider::new(options).await)
}

/// Loads the configuration of the current directory; its warnings are told.
///
/// # Errors
/// Everything that is wrong with it.
pub fn configuration(cx: &Context, vars: &VarArgs) -> Result<Configuration, Exit> {
    let loaded = load(&cx.dir(), &options(cx, vars));
    let (configuration, warnings) = loaded.into_result()?;
    cx.tell(&warnings);
    Ok(configuration)
}

/// What loading needs.
#[must_use]
pub fn options(cx: &Context, vars: &VarArgs) -> Options {
    let env_vars: BTreeMap<String, String> = cx
        .env
        .vars
        .iter()
        .filter_map(|(k, v)| Some((k.strip_prefix("PALISADE_VAR_")?.to_owned(), v.clone())))
        .collect();
    Options { vars: vars.0.clone(), env_vars, ..Options::default() }
}

/// Opens the backend of the configuration in the current directory. A configuration that is wrong
/// elsewhere is good enough for that: state can be looked at while its configuration is repaired.
///
/// # Errors
/// The directory holds no configuration, or its files cannot be parsed.
pub async fn store(cx: &Context) -> Result<Store, Exit> {
    let loaded = load(&cx.dir(), &options(cx, &VarArgs::default()));
    if !loaded.complete {
        return Err(loaded.diagnostics.into());
    }
    open(cx, backend::configured(&loaded.configuration.settings)).await
}

/// Opens a backend.
///
/// # Errors
/// The sandbox cannot be opened.
pub async fn open(cx: &Context, backend: Backend) -> Result<Store, Exit> {
    let connection = connect::connect(cx, backend::region(&backend)).await?;
    let cut = cx.env.sandbox_cut(&cx.global);
    let ledger = backend::open(&backend, &connection, &cx.clock, cut).await?;
    Ok(Store { ledger, connection, backend })
}

/// Makes sure that the current directory holds a configuration at all.
///
/// # Errors
/// It does not.
pub fn require_configuration(dir: &Path) -> Result<(), Exit> {
    let any = std::fs::read_dir(dir).is_ok_and(|mut entries| {
        entries.any(|e| e.is_ok_and(|e| e.path().extension().is_some_and(|x| x == "hcl")))
    });
    if any {
        return Ok(());
    }
    Err(Diagnostic::error("there is no configuration here: no file ends in `.hcl`")
        .help("go to the directory of the estate, or name it with `-C DIR`")
        .into())
}
