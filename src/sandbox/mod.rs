//! The embedded AWS emulation: a set of services for each account, in process, behind the SDK's own HTTP seam.
//!
//! [`Sandbox::http_client`] plugs into the SDK's configuration in place of a network, so that everything
//! above it is the code that talks to AWS. Requests are routed by the service that they are signed for
//! and by the account that their access key belongs to.
//!
//! Organizations, IAM and STS are strict: they refuse what AWS refuses, with AWS's error codes. What
//! differs from AWS is listed in `docs/sandbox.md`. The emulation keeps its own layers: `server` speaks
//! HTTP, one module per service answers, `state` holds the rows, `store` keeps them on disk.

mod account;
mod authorize;
mod caller;
mod cbor;
mod clock;
mod cloudcontrol;
mod cloudformation;
mod cloudwatch;
mod faults;
mod grants;
mod iam;
mod incoming;
mod metrics;
mod organizations;
mod params;
mod policies;
mod protocol;
mod s3;
mod s3control;
mod server;
mod ssm;
mod state;
mod store;
mod sts;
mod tags;
mod wire;
mod xml;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::diag::Diagnostic;
use crate::ids::AccountId;

pub use clock::{Clock, Instant};
pub use faults::{Arrival, Delay, FaultAction, Faults, Hook, Phase, RequestInfo};
pub use wire::Service;

/// How an emulation behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Faults to inject.
    pub faults: Faults,
    /// Authorise every call by the policies in force, not only assuming roles and reaching into other accounts.
    pub enforce: bool,
    /// Decides ids and keys of a new store.
    pub seed: u64,
    /// Where the time comes from.
    pub clock: Clock,
    /// Who calls: an administrator of that name in the management account, made when there is none;
    /// `palisade-operator` by default.
    pub operator: Option<String>,
    /// The management account of a new store; `111111111111` by default.
    pub management_account: Option<AccountId>,
}

/// A running emulation; clones share it.
#[derive(Clone, Debug)]
pub struct Sandbox {
    server: Arc<server::Server>,
}

impl Sandbox {
    /// Opens the emulation kept under `dir`, or creates it. Several processes may use one directory at a time.
    ///
    /// # Errors
    /// When the directory cannot be used, or the store is damaged or of a newer format: the diagnostic says what to do.
    pub async fn open(dir: &Path, options: Options) -> Result<Self, Diagnostic> {
        Ok(Self { server: Arc::new(server::Server::open(Some(dir), options).await?) })
    }

    /// A new emulation that is gone when its last clone is dropped.
    ///
    /// # Errors
    /// Never in practice: the signature is that of [`Sandbox::open`].
    pub async fn in_memory(options: Options) -> Self {
        match server::Server::open(None, options.clone()).await {
            Ok(server) => Self { server: Arc::new(server) },
            Err(_) => Self { server: Arc::new(server::Server::empty(options)) },
        }
    }

    /// The HTTP client to put into an SDK configuration.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(server::Client::new(Arc::clone(&self.server)))
    }

    /// Answers one request, for a server that puts the emulation behind a socket.
    ///
    /// # Errors
    /// The request cannot be read, or a fault breaks the connection.
    pub async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        server::Client::new(Arc::clone(&self.server)).answer(request).await
    }

    /// The management account.
    #[must_use]
    pub fn management_account(&self) -> AccountId {
        self.server.management.clone()
    }

    /// Credentials of an administrator in the management account.
    #[must_use]
    pub fn management_credentials(&self) -> Credentials {
        let (key, secret) = &self.server.management_key;
        Credentials::new(key, secret, None, None, "palisade-sandbox")
    }

    /// Every request so far, in the order of processing; throttled and refused ones too.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestInfo> {
        self.server.requests()
    }

    /// Forgets the recorded requests.
    pub fn clear_requests(&self) {
        self.server.clear_requests();
    }

    /// Ends a [`FaultAction::Halt`]: later calls are served again.
    pub fn resume(&self) {
        self.server.resume();
    }

    /// Puts an account into a state, as AWS does by itself: `SUSPENDED`, `PENDING_CLOSURE`, ...
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn set_account_state(&self, account: &str, state: &str) -> Result<(), Diagnostic> {
        self.server.set_account_state(account, state).await
    }

    /// Replaces the simulated troubles.
    pub async fn set_faults(&self, faults: Faults) {
        self.server.set_faults(faults).await;
    }
}
