//! The stores that the contract runs on, and decorators that make them unpleasant.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::retry::RetryConfig;
use jiff::Timestamp;
use palisade::sandbox::{self, Sandbox};
use palisade::state::bootstrap::{Bucket, create_backend};
use palisade::state::store::Versioning;
use palisade::state::{
    Ledger, LocalStore, Object, ObjectVersion, Put, S3Store, StateStore, StoreError, StoreFailure,
    WriteCondition,
};

use crate::support::clock::SkippingClock;

/// A backend under test; what it needs lives as long as it does.
pub(crate) struct Backend {
    pub name: &'static str,
    pub store: Arc<dyn StateStore>,
    pub s3: Option<(aws_sdk_s3::Client, String)>,
    _dir: Option<tempfile::TempDir>,
}

impl Backend {
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::with_clock(Arc::clone(&self.store), Arc::new(SkippingClock::default()))
    }
}

/// Takes an object away, as somebody does who has the bucket or the directory in hand.
pub(crate) async fn remove(backend: &Backend, key: &str) {
    match &backend.s3 {
        Some((client, bucket)) => {
            let key = format!("estate/{key}");
            client.delete_object().bucket(bucket).key(key).send().await.unwrap();
        }
        None => {
            let dir = std::path::PathBuf::from(backend.store.location());
            std::fs::remove_file(dir.join(key)).unwrap();
        }
    }
}

/// Clients for an in-process emulation.
pub(crate) fn sandbox_config(sandbox: &Sandbox) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(sandbox.management_credentials()))
        .http_client(sandbox.http_client())
        .retry_config(RetryConfig::disabled())
        .build()
}

fn bucket(name: &str) -> Bucket {
    Bucket {
        name: name.to_owned(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        prefix: "estate".into(),
        kms_key: None,
        require_conditional_writes: false,
        plain_http: false,
    }
}

/// Every backend: a directory, the emulation's S3, and, where `PALISADE_TEST_S3_ENDPOINT` names one, a
/// server such as moto.
pub(crate) async fn backends() -> Vec<Backend> {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalStore::new(dir.path().join("state"));
    let mut all =
        vec![Backend { name: "local", store: Arc::new(local), s3: None, _dir: Some(dir) }];
    let sandbox = Sandbox::in_memory(sandbox::Options::default()).await;
    let client = aws_sdk_s3::Client::new(&sandbox_config(&sandbox));
    create_backend(&client, &bucket("contract-state")).await.unwrap();
    all.push(s3("sandbox", client, "contract-state"));
    if let Ok(endpoint) = std::env::var("PALISADE_TEST_S3_ENDPOINT") {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(
                aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test"),
            ))
            .endpoint_url(endpoint)
            .build();
        let settings = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let client = aws_sdk_s3::Client::from_conf(settings);
        let name = format!("contract-{}", uuid::Uuid::new_v4());
        // The statement that asks for TLS stays out: this server does not speak it.
        let bucket = Bucket { plain_http: true, ..bucket(&name) };
        create_backend(&client, &bucket).await.unwrap();
        // The tests of tampering do what its policy keeps everybody from.
        client.delete_bucket_policy().bucket(&name).send().await.unwrap();
        all.push(s3("endpoint", client, &name));
    }
    all
}

fn s3(name: &'static str, client: aws_sdk_s3::Client, bucket: &str) -> Backend {
    let store = S3Store::new(client.clone(), bucket, "estate")
        .with_clock(Arc::new(SkippingClock::default()));
    Backend { name, store: Arc::new(store), s3: Some((client, bucket.to_owned())), _dir: None }
}

/// What goes wrong with the next conditional writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Carried out, and the answer is lost.
    AnswerLost,
    /// Not carried out, and nobody says so.
    RequestLost,
    /// 409: another write was in progress.
    Conflict,
    /// The transport repeats a carried-out write by itself: 412.
    Repeated,
}

/// Passes everything on, with trouble in writes, and counts what it sees.
pub(crate) struct Wrapped {
    pub inner: Arc<dyn StateStore>,
    pub troubles: Mutex<Vec<Trouble>>,
    pub writes: AtomicUsize,
    pub reads: AtomicUsize,
    /// Reads that are under way, and the most that were at one time.
    pub reading: AtomicUsize,
    pub most_reading: AtomicUsize,
    pub no_time: bool,
    pub gone: std::sync::atomic::AtomicBool,
}

impl Wrapped {
    pub(crate) fn new(inner: Arc<dyn StateStore>) -> Self {
        Self {
            inner,
            troubles: Mutex::default(),
            writes: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            reading: AtomicUsize::new(0),
            most_reading: AtomicUsize::new(0),
            no_time: false,
            gone: std::sync::atomic::AtomicBool::new(false),
        }
    }

    fn check(&self, operation: &'static str, key: &str) -> Result<(), StoreError> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(StoreError {
                failure: StoreFailure::Missing,
                location: self.inner.location(),
                operation,
                key: key.to_owned(),
                message: "the specified bucket does not exist (NoSuchBucket)".into(),
                advice: None,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl StateStore for Wrapped {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.check("read", key)?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_reading.fetch_max(reading, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let object = self.inner.get(key).await;
        self.reading.fetch_sub(1, Ordering::SeqCst);
        object
    }

    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError> {
        self.check("write", key)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        let trouble = self.troubles.lock().unwrap().pop();
        match trouble {
            None => self.inner.put_if(key, bytes, condition).await,
            Some(Trouble::AnswerLost) => {
                self.inner.put_if(key, bytes, condition).await?;
                Ok(Put::Ambiguous("connection reset".into()))
            }
            Some(Trouble::RequestLost) => Err(StoreError {
                failure: StoreFailure::Unreachable,
                location: self.location(),
                operation: "write",
                key: key.to_owned(),
                message: "timed out".into(),
                advice: None,
            }),
            Some(Trouble::Conflict) => Ok(Put::Ambiguous("409".into())),
            Some(Trouble::Repeated) => {
                self.inner.put_if(key, bytes, condition).await?;
                self.inner.put_if(key, bytes, condition).await
            }
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        self.check("list", prefix)?;
        self.inner.list(prefix, after).await
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        self.check("list versions of", key)?;
        self.inner.versions(key).await
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        self.inner.version_counts(prefix).await
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        self.inner.get_version(key, version).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.check("delete", key)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.delete(key).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.check("read", "")?;
        if self.no_time {
            return Ok(None);
        }
        self.inner.server_time().await
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        self.inner.versioning().await
    }
}
