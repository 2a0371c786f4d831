//! Opens the backend that a configuration names.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};

use crate::cause::WholeAnswers;
use crate::config::{Backend, Settings};
use crate::patience::RetryAfter;
use crate::state::s3::ACCOUNT;
use crate::state::{Encryption, Ledger, LocalStore, S3Store, StateStore, SystemClock};
use crate::trace::Observer;

use super::connect::Connection;
use super::error::EngineError;
use super::power_cut::PowerCut;
use super::workspace::Workspace;

/// How many times faster waits pass in the sandbox.
const HURRY: u32 = 20;

/// The backend of a configuration; the default is a local directory.
#[must_use]
pub(super) fn configured(settings: &Settings) -> Backend {
    settings.backend.as_ref().map_or_else(default_backend, |b| b.value.clone())
}

/// `.palisade/state`.
#[must_use]
pub(super) fn default_backend() -> Backend {
    Backend::Local { path: PathBuf::from(".palisade/state") }
}

/// The region that a backend asks for.
#[must_use]
pub(super) fn region(backend: &Backend) -> Option<&str> {
    match backend {
        Backend::Local { .. } => None,
        Backend::S3 { region, .. } => region.as_deref(),
    }
}

/// Opens a backend; makes no call.
///
/// State of the sandbox never mixes with state of real accounts: under `--sandbox` a local backend
/// lies in the sandbox's own directory, and an S3 backend in the sandbox's S3.
///
/// # Errors
/// None today; a backend that cannot be used shows with the first read.
pub(super) async fn open(
    backend: &Backend,
    connection: &Connection,
    workspace: &Workspace,
) -> Result<Ledger, EngineError> {
    let mut store: Arc<dyn StateStore> = match backend {
        Backend::Local { path } => {
            let path = match &connection.sandbox_dir {
                Some(dir) => dir.join(sandboxed(path)),
                None => path.clone(),
            };
            let host = Arc::clone(&workspace.host);
            Arc::new(LocalStore::with_clock(path, Arc::new(move || host.now())))
        }
        Backend::S3 { bucket, prefix, kms_key_id, encryption, .. } => {
            let store = S3Store::new(s3_client(backend, connection).await, bucket, prefix);
            let encryption = encrypted(kms_key_id.as_ref(), encryption.as_deref());
            Arc::new(store.with_deadline(connection.patience.deadline).with_encryption(encryption))
        }
    };
    if let Some(at) = workspace.power_cut {
        store = Arc::new(PowerCut::new(store, at));
    }
    // The sandbox's accounts are ready in no time, so there is less to wait for.
    let clock = match connection.sandbox {
        Some(_) => SystemClock::hurried(HURRY),
        None => SystemClock::new(),
    };
    let ledger = Ledger::with_clock(store, Arc::new(clock));
    let host = Arc::clone(&workspace.host);
    let ledger = match (backend, &connection.sandbox) {
        (Backend::S3 { .. }, None) => ledger.with_proof(),
        _ => ledger,
    };
    Ok(ledger
        .with_witness(super::origin::is_gone, connection.sandbox.is_some())
        .hiding(workspace.redactions.clone())
        .with_calendar(move || host.now()))
}

/// What each write says of its encryption. Without a word of the configuration's it says nothing, or it
/// would put state under another key than the bucket's own default.
fn encrypted(key: Option<&String>, algorithm: Option<&str>) -> Encryption {
    match (key, algorithm) {
        (None, None) => Encryption::OfBucket,
        (None, Some("AES256")) => Encryption::Sse,
        (key, _) => Encryption::Kms(key.cloned()),
    }
}

/// Where the state of a local backend lies below the sandbox's directory: every path of its own, so
/// that two estates may share a sandbox, wherever their configurations stand.
fn sandboxed(path: &Path) -> String {
    let mut name = String::from("palisade-state");
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    for part in parts.filter(|part| !matches!(*part, ".palisade" | "state")) {
        name.push('-');
        name.push_str(part);
    }
    name
}

/// A client for the bucket of an S3 backend, through its role where it names one.
pub(super) async fn s3_client(backend: &Backend, connection: &Connection) -> aws_sdk_s3::Client {
    let mut sdk: SdkConfig = connection.sdk.clone();
    let mut endpoint = None;
    if let Backend::S3 { region, role_arn, endpoint_url, .. } = backend {
        let mut builder = sdk.to_builder();
        if let Some(region) = region {
            builder = builder.region(Region::new(region.clone()));
        }
        sdk = builder.build();
        if let Some(role) = role_arn {
            let provider = AssumeRoleProvider::builder(role)
                .session_name("palisade-state")
                .configure(&sdk)
                .build()
                .await;
            let credentials =
                aws_credential_types::provider::SharedCredentialsProvider::new(provider);
            sdk = sdk.to_builder().credentials_provider(credentials).build();
        }
        if connection.sandbox.is_none() {
            endpoint.clone_from(endpoint_url);
        }
    }
    let emulated = endpoint.is_some() || sdk.endpoint_url().is_some();
    let mut config = aws_sdk_s3::config::Builder::from(&sdk)
        .force_path_style(emulated)
        .interceptor(Observer::of(ACCOUNT))
        .interceptor(WholeAnswers)
        .retry_classifier(RetryAfter);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_s3::Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estates_of_one_sandbox_keep_their_state_apart() {
        for (path, name) in [
            (".palisade/state", "palisade-state"),
            ("../.palisade/state", "palisade-state"),
            (".palisade/by-hand", "palisade-state-by-hand"),
            ("/srv/states/acme", "palisade-state-srv-states-acme"),
        ] {
            assert_eq!(sandboxed(Path::new(path)), name);
        }
    }
}
