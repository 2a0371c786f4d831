//! Checks configuration and backend, makes the state's bucket, and moves a state from one backend to another.
//! Nothing is changed unless it is asked for.

use std::path::PathBuf;

use crate::config::Backend;
use crate::diag::Diagnostic;
use crate::ids::Partition;
use crate::state::bootstrap::{self, Bucket};
use crate::state::{StateError, StoreFailure};

use super::error::EngineError;
use super::fetch_modules::{self, FetchedPackage};
use super::host::Event;
use super::open::{self, Store};
use super::state_bucket::{self, Unreadable};
use super::workspace::{Variables, Workspace};
use super::{backend, load};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct InitRequest {
    /// Values for variables.
    pub variables: Variables,
    /// Fetch modules from elsewhere anew, whatever the lock file says.
    pub upgrade: bool,
    /// Make the state's bucket.
    pub create_backend: bool,
    /// Copy the state from where it was.
    pub migrate: Option<MigrationSource>,
    /// Take the state of an estate of another name for this one's.
    pub rename_estate: bool,
}

/// Where a state is that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationSource {
    /// In the directory where it lies while no backend is configured.
    DefaultDirectory,
    /// `s3://BUCKET/PREFIX`, or a directory.
    Named(String),
}

/// A workspace that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitOutcome {
    /// How many module calls the configuration has.
    pub modules: usize,
    /// What was fetched for them.
    pub fetched: Vec<FetchedPackage>,
    /// Where state lies.
    pub location: String,
    /// Whether the server of the state has still to prove that it honours conditions: nothing lies there yet that
    /// could be written over itself.
    pub unproved: bool,
    /// Whether a reader of the state can read the key of fingerprints too.
    pub key_beside_state: bool,
    /// What was copied, where that was asked for.
    pub migrated: Option<Migration>,
    /// The name that the estate of the state had before, where it was renamed.
    pub renamed_from: Option<String>,
}

/// A state that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// How many objects of the backend.
    pub objects: usize,
    /// Where from; what is there stays as it is.
    pub from: String,
}

/// Checks, and does what was asked.
///
/// # Errors
/// The configuration is wrong, the backend cannot be used, or it holds another state.
pub async fn run(workspace: &Workspace, request: &InitRequest) -> Result<InitOutcome, EngineError> {
    let fetched = fetch_modules::run(workspace, &request.variables, request.upgrade).await?;
    let configuration = load::configuration(workspace, &request.variables)?;
    let store = open::named(workspace, &configuration.settings).await?;
    if request.create_backend {
        let bucket = create(&store).await?;
        workspace.host.event(Event::BackendReady { bucket });
    }
    let renamed_from = if request.rename_estate {
        workspace.interruptible(store.ledger.rename_estate()).await??
    } else {
        None
    };
    let proved = check(workspace, &store).await?;
    let migrated = match &request.migrate {
        None => None,
        Some(source) => {
            let mut from = old_backend(source, &store)?;
            workspace.interruptible(locate(&mut from, &store)).await?;
            let old = open::open(workspace, from).await?;
            let moving = old.ledger.migrate(&store.ledger, workspace.terms);
            let objects = workspace.interruptible(moving).await??;
            workspace.interruptible(store.ledger.prove_versions()).await??;
            Some(Migration { objects, from: old.ledger.store().location() })
        }
    };
    // After the old backend was opened: the one that stays is named last.
    store.name_caller(workspace).await;
    Ok(InitOutcome {
        modules: configuration.modules.len().saturating_sub(1),
        fetched,
        unproved: !proved && migrated.is_none(),
        location: store.ledger.store().location(),
        key_beside_state: matches!(store.backend, Backend::Local { .. })
            || store.connection.sandbox.is_some(),
        migrated,
        renamed_from,
    })
}

/// Makes the bucket and returns its name; a local directory is made by the first write.
async fn create(store: &Store) -> Result<Option<String>, EngineError> {
    let Backend::S3 { bucket, prefix, region, kms_key_id, endpoint_url, .. } = &store.backend
    else {
        return Ok(None);
    };
    let client = backend::s3_client(&store.backend, &store.connection).await;
    let region = region
        .clone()
        .or_else(|| client.config().region().map(ToString::to_string))
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint_url.as_deref().or(store.connection.sdk.endpoint_url());
    let plain_http = store.connection.sandbox.is_none()
        && endpoint.is_some_and(|url| url.starts_with("http://"));
    // The sandbox knows the condition keys for conditional writes; other servers may not.
    let known = store.connection.sandbox.is_some()
        || (endpoint_url.is_none() && store.connection.sdk.endpoint_url().is_none());
    let bucket = Bucket {
        name: bucket.clone(),
        partition: Partition::of_region(&region).to_string(),
        region,
        prefix: prefix.clone(),
        kms_key: kms_key_id.clone(),
        require_conditional_writes: known,
        plain_http,
    };
    bootstrap::create_backend(&client, &bucket).await?;
    Ok(Some(bucket.name))
}

/// Checks that the backend can be read and keeps versions. Says whether it could show that it honours conditions, too.
async fn check(workspace: &Workspace, store: &Store) -> Result<bool, EngineError> {
    workspace.interruptible(store.ledger.read_root()).await??;
    match store.ledger.store().versioning().await {
        Err(error) if error.failure == StoreFailure::Missing => {
            let mut diagnostic = *StateError::from(error).diagnostic;
            diagnostic.help = Some("`palisade init --create-backend` makes the bucket".to_owned());
            Err(diagnostic.into())
        }
        Err(error) => Err(StateError::from(error).into()),
        Ok(_) => {
            let proved = store.ledger.prove_versions().await?;
            compare_keys(workspace, store).await;
            state_bucket::warn(workspace, store, Unreadable::Reported).await;
            Ok(proved)
        }
    }
}

/// Whether the bucket encrypts by itself under the key that every write of state names. Where it does
/// not, objects of both kinds lie in it, and a reader who has one of the keys alone misses some of them.
async fn compare_keys(workspace: &Workspace, store: &Store) {
    let Backend::S3 { bucket, kms_key_id: Some(declared), .. } = &store.backend else { return };
    let client = backend::s3_client(&store.backend, &store.connection).await;
    let warning = match bootstrap::default_encryption(&client, bucket).await {
        // A key is named by its ARN or by its id.
        Ok((_, Some(key)))
            if key == *declared
                || key.ends_with(&format!("/{declared}"))
                || declared.ends_with(&format!("/{key}")) =>
        {
            return;
        }
        Ok((algorithm, key)) => {
            let by = key.map_or(algorithm, |key| format!("the key `{key}`"));
            Diagnostic::warning(format!("the bucket `{bucket}` encrypts under {by} by default"))
                .detail(format!("Writes of state name `{declared}`; what others write there, and older state, does not have it."))
                .help("give the bucket the same default key, or change `kms_key_id` of the backend")
        }
        Err(error) => Diagnostic::warning(format!(
            "whether the bucket `{bucket}` encrypts under `kms_key_id` by default is not known"
        ))
        .detail(error.diagnostic.summary.clone()),
    };
    workspace.host.diagnostics(&warning.into());
}

/// Looks up the region of a bucket that was named without one. What cannot be told is left to the first
/// read, which says why.
async fn locate(backend: &mut Backend, store: &Store) {
    const EVERYWHERE: &str = "us-east-1";
    let mut asked = backend.clone();
    let (Backend::S3 { region: unknown @ None, .. }, Backend::S3 { bucket, region, .. }) =
        (backend, &mut asked)
    else {
        return;
    };
    let bucket = bucket.clone();
    // `GetBucketLocation` is answered there for the buckets of all regions.
    *region = Some(EVERYWHERE.to_owned());
    let client = backend::s3_client(&asked, &store.connection).await;
    if let Ok(answer) = client.get_bucket_location().bucket(bucket).send().await {
        // Two of the first regions answer with the names that they had then.
        *unknown = Some(match answer.location_constraint().map(|c| c.as_str()) {
            None | Some("") => EVERYWHERE.to_owned(),
            Some("EU") => "eu-west-1".to_owned(),
            Some(region) => region.to_owned(),
        });
    }
}

fn old_backend(source: &MigrationSource, store: &Store) -> Result<Backend, EngineError> {
    let from = match (source, &store.backend) {
        (MigrationSource::Named(from), _) => from,
        (MigrationSource::DefaultDirectory, Backend::S3 { .. }) => {
            return Ok(backend::default_backend());
        }
        (MigrationSource::DefaultDirectory, Backend::Local { .. }) => {
            return Err(Diagnostic::error("where is the state now?")
                .help("name it with `--from s3://BUCKET/PREFIX` or `--from DIRECTORY`")
                .into());
        }
    };
    let Some(rest) = from.strip_prefix("s3://") else {
        return Ok(Backend::Local { path: PathBuf::from(from) });
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(Diagnostic::error(format!("`{from}` names no bucket")).into());
    }
    let prefix = match prefix.trim_end_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    Ok(Backend::S3 {
        bucket: bucket.to_owned(),
        prefix,
        region: None,
        kms_key_id: None,
        encryption: None,
        role_arn: None,
        endpoint_url: None,
    })
}
