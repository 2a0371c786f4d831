//! Opens the backend that a configuration names, and the provider behind its `provider "aws"` block.

use std::sync::Arc;

use crate::config::{Backend, load};
use crate::eval::estate::ProviderSettings;
use crate::patience::RetryAfter;
use crate::provider::Provider;
use crate::provider::aws::{self, AwsProvider, Embedded};
use crate::state::{Holder, Ledger};
use crate::trace::Observer;

use super::connect::{self, Connection};
use super::error::EngineError;
use super::workspace::{Variables, Workspace};
use super::{backend, load as configuration};

/// The backend of a configuration, and the way to AWS.
#[derive(Clone)]
pub struct Store {
    /// State.
    pub ledger: Ledger,
    /// The way to AWS.
    pub connection: Connection,
    /// What was configured.
    pub backend: Backend,
}

impl Store {
    /// Who this is, for the locks and records of one run.
    pub async fn holder(&self, workspace: &Workspace, operation: &str) -> Holder {
        Holder {
            who: self.caller(workspace).await,
            host: workspace.origin.host.clone(),
            pid: workspace.origin.pid,
            process: workspace.origin.process.clone(),
            operation: operation.to_owned(),
            run: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Who the ambient credentials are: the caller's ARN, or the local user where state is local
    /// and AWS cannot say.
    async fn caller(&self, workspace: &Workspace) -> String {
        let local = || format!("local:{}", workspace.origin.user);
        if matches!(self.backend, Backend::Local { .. }) && self.connection.sandbox.is_none() {
            return local();
        }
        let config = aws_sdk_sts::config::Builder::from(&self.connection.sdk)
            .interceptor(Observer::of("the caller"))
            .retry_classifier(RetryAfter)
            .build();
        let client = aws_sdk_sts::Client::from_conf(config);
        match client.get_caller_identity().send().await {
            Ok(answer) => answer.arn().map_or_else(local, str::to_owned),
            Err(_) => local(),
        }
    }
}

/// Opens the backend of the configuration in the workspace. A configuration that is wrong elsewhere is
/// good enough for that: state can be looked at while its configuration is repaired.
///
/// # Errors
/// The directory holds no configuration, or its files cannot be parsed.
pub async fn configured(workspace: &Workspace) -> Result<Store, EngineError> {
    let options = configuration::options(workspace, &Variables::default());
    let loaded = load(&workspace.dir, &options);
    if !loaded.complete {
        return Err(loaded.diagnostics.into());
    }
    open(workspace, backend::configured(&loaded.configuration.settings)).await
}

/// Opens a backend.
///
/// # Errors
/// The sandbox cannot be opened.
pub async fn open(workspace: &Workspace, backend: Backend) -> Result<Store, EngineError> {
    let connection = connect::connect(workspace, backend::region(&backend)).await?;
    let ledger = backend::open(&backend, &connection, workspace).await?;
    Ok(Store { ledger, connection, backend })
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
        ambient: embedded.is_none().then(|| connection.sdk.clone()),
        embedded,
        patience: connection.patience.clone(),
        ..aws::Options::default()
    };
    if let Some(pace) = connection.pace {
        options.backoff = pace;
        options.poll = pace;
    }
    Arc::new(AwsProvider::new(options).await)
}
