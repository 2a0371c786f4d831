//! Opens the backend that a configuration names, and the provider behind its `provider "aws"` block.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::cause::WholeAnswers;
use crate::config::{Backend, Settings, load};
use crate::eval::estate::ProviderSettings;
use crate::patience::RetryAfter;
use crate::provider::Provider;
use crate::provider::aws::{self, AwsProvider, Embedded};
use crate::state::{LeaseHolder, Ledger};
use crate::trace::Observer;

use super::connect::{self, Connection};
use super::error::EngineError;
use super::host::{Event, StatePrincipal};
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
    /// Who uses it, asked for once in a run.
    caller: Arc<OnceCell<String>>,
}

impl Store {
    /// Tells the host as whom the state is used, so far as is known.
    fn announce(&self, workspace: &Workspace) {
        let role = match &self.backend {
            Backend::Local { .. } => None,
            Backend::S3 { role_arn, .. } => role_arn.clone(),
        };
        workspace.host.event(Event::StatePrincipal(StatePrincipal {
            location: self.ledger.store().location(),
            role,
            caller: self.caller.get().cloned().or_else(|| self.local_user(workspace)),
        }));
    }

    /// Asks for the caller, for a host that names it, in a use case that has no need of its own to know.
    pub async fn name_caller(&self, workspace: &Workspace) {
        if workspace.host.names_caller() {
            self.caller(workspace).await;
        }
    }

    /// Who this is, for the locks and records of one run.
    pub async fn holder(&self, workspace: &Workspace, operation: &str) -> LeaseHolder {
        LeaseHolder {
            who: self.caller(workspace).await,
            host: workspace.origin.host.clone(),
            pid: workspace.origin.pid,
            process: workspace.origin.process.clone(),
            operation: operation.to_owned(),
            run: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Who uses the state, asked for once; the host hears of it.
    async fn caller(&self, workspace: &Workspace) -> String {
        let first = !self.caller.initialized();
        let caller = self.caller.get_or_init(|| self.ask_caller(workspace)).await;
        if first {
            self.announce(workspace);
        }
        caller.clone()
    }

    /// The user of this machine, where state is local and so is whoever uses it.
    fn local_user(&self, workspace: &Workspace) -> Option<String> {
        let is_local = matches!(self.backend, Backend::Local { .. });
        let user = &workspace.origin.user;
        (is_local && self.connection.sandbox.is_none()).then(|| format!("local:{user}"))
    }

    /// Who the ambient credentials are: the caller's ARN, or the local user where state is local
    /// and AWS cannot say.
    async fn ask_caller(&self, workspace: &Workspace) -> String {
        if let Some(user) = self.local_user(workspace) {
            return user;
        }
        let local = || format!("local:{}", workspace.origin.user);
        let config = aws_sdk_sts::config::Builder::from(&self.connection.sdk)
            .interceptor(Observer::of("the caller"))
            .interceptor(WholeAnswers)
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
    let store = named(workspace, &loaded.configuration.settings).await?;
    store.name_caller(workspace).await;
    Ok(store)
}

/// Opens the backend that settings name, or takes the state that the workspace brings.
///
/// # Errors
/// The sandbox cannot be opened.
pub(super) async fn named(
    workspace: &Workspace,
    settings: &Settings,
) -> Result<Store, EngineError> {
    let backend = backend::configured(settings);
    let estate = settings.name.as_ref().map(|name| name.value.as_str());
    let store = match &workspace.state {
        None => open(workspace, backend).await?,
        Some(ledger) => {
            let connection = connect::connect(workspace, backend::region(&backend)).await?;
            announced(workspace, ledger.clone(), connection, backend)
        }
    };
    Ok(Store { ledger: store.ledger.of_estate(estate), ..store })
}

fn announced(
    workspace: &Workspace,
    ledger: Ledger,
    connection: Connection,
    backend: Backend,
) -> Store {
    let store = Store { ledger, connection, backend, caller: Arc::default() };
    store.announce(workspace);
    store
}

/// Opens a backend.
///
/// # Errors
/// The sandbox cannot be opened.
pub(super) async fn open(workspace: &Workspace, backend: Backend) -> Result<Store, EngineError> {
    let connection = connect::connect(workspace, backend::region(&backend)).await?;
    let ledger = backend::open(&backend, &connection, workspace).await?;
    Ok(announced(workspace, ledger, connection, backend))
}

/// What reads and changes AWS, as the `provider "aws"` block says.
pub(super) async fn provider(
    connection: &Connection,
    settings: &ProviderSettings,
) -> Arc<dyn Provider> {
    let embedded = connection.sandbox.as_ref().map(|sandbox| Embedded {
        http_client: sandbox.http_client(),
        credentials: sandbox.management_credentials(),
    });
    let mut options = aws::AwsOptions {
        region: settings.region.to_string(),
        endpoint_url: settings.endpoint_url.clone(),
        management_role_arn: settings.management_role_arn.clone(),
        ambient: embedded.is_none().then(|| connection.sdk.clone()),
        embedded,
        patience: connection.patience.clone(),
        ..aws::AwsOptions::default()
    };
    if let Some(pace) = connection.pace {
        options.backoff = pace;
        options.poll = pace;
    }
    Arc::new(AwsProvider::new(options).await)
}
