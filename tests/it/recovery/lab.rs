//! A machine that applies an estate to an embedded AWS, state in its S3, and a judge that reads
//! that AWS with plain SDK calls.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use palisade::address::ResourceAddr;
use palisade::apply::recover::Recovered;
use palisade::apply::{self, Apply, Cancel, Limits, Recovery, SecretValue, Secrets, Summary};
use palisade::cli::clock::WallClock;
use palisade::cli::context::Context;
use palisade::cli::environment::Environment;
use palisade::cli::interrupt::Interrupt;
use palisade::config::{Backend, load};
use palisade::diag::Diagnostic;
use palisade::engine::connect::Connection;
use palisade::engine::desired::{Growing, Resolver};
use palisade::engine::known::{Recorded, imports};
use palisade::engine::pipeline::{self, Request, World};
use palisade::engine::{Store, edit};
use palisade::plan::Mode;
use palisade::plan::model::{Left, Plan};
use palisade::provider::Provider;
use palisade::provider::aws::{AwsProvider, Embedded, Options};
use palisade::render::Style;
use palisade::sandbox::{self, Sandbox};
use palisade::state::bootstrap::{Bucket, create_backend};
use palisade::state::clock::SkippingClock;
use palisade::state::{Holder, Ledger, S3Store, StateError, Terms};

use crate::support::endpoint::enter;

use super::judge;

pub(crate) const BUCKET: &str = "recovery-state";
pub(crate) const SECRET: &str = "hunter2-correct-horse-battery";

/// An estate, an AWS, and where its state is.
pub(crate) struct Lab {
    pub sandbox: Sandbox,
    cx: Context,
    dir: PathBuf,
    errored: tempfile::TempDir,
    /// What is planned: what is declared, or that nothing stays.
    pub mode: Mode,
    /// Made once: building clients costs more than their calls.
    provider: tokio::sync::OnceCell<Arc<dyn Provider>>,
}

struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn resolve(&self, _reference: &str) -> Result<SecretValue, Diagnostic> {
        Ok(SecretValue::of(SECRET))
    }
}

pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/five-environments")
}

fn sdk(sandbox: &Sandbox, credentials: aws_credential_types::Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(sandbox.http_client())
        .retry_config(
            aws_config::retry::RetryConfig::standard()
                .with_max_attempts(8)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .build()
}

impl Lab {
    /// An empty AWS with a state bucket. Its ETags say nothing of what an object holds (SSE-KMS).
    pub(crate) async fn new(dir: &Path) -> Self {
        let sandbox = Sandbox::in_memory(sandbox::Options::default()).await;
        let client = aws_sdk_s3::Client::new(&sdk(&sandbox, sandbox.management_credentials()));
        let bucket = Bucket {
            name: BUCKET.to_owned(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            prefix: "estate".into(),
            kms_key: Some("alias/state".into()),
            require_conditional_writes: true,
            plain_http: true,
        };
        create_backend(&client, &bucket).await.unwrap();
        let style = Style { color: false, width: 100 };
        let env = Environment {
            vars: Default::default(),
            out: style,
            err: style,
            animate: false,
            ask: false,
        };
        let cx = Context {
            global: Default::default(),
            env,
            interrupt: Interrupt::default(),
            clock: WallClock::default(),
        };
        Self {
            sandbox,
            cx,
            dir: dir.to_owned(),
            errored: tempfile::tempdir().unwrap(),
            mode: Mode::Normal,
            provider: tokio::sync::OnceCell::new(),
        }
    }

    pub(crate) fn errored_dir(&self) -> &Path {
        self.errored.path()
    }

    pub(crate) fn sdk(&self) -> SdkConfig {
        sdk(&self.sandbox, self.sandbox.management_credentials())
    }

    /// The state, as a process sees it for which every process called `cut` is dead.
    pub(crate) fn ledger(&self) -> Ledger {
        let clock = Arc::new(SkippingClock::default());
        let store = S3Store::new(aws_sdk_s3::Client::new(&self.sdk()), BUCKET, "estate")
            .with_clock(clock.clone());
        Ledger::with_clock(Arc::new(store), clock)
            .with_witness(|holder: &Holder| holder.run.starts_with("cut"), true)
    }

    fn request(&self) -> Request {
        let mut request = Request::everything(&Default::default());
        request.options.mode = self.mode;
        request.versions = self.mode == Mode::Normal;
        request
    }

    /// A process of its own: configuration, state and AWS read anew. Like `plan`, without locks.
    pub(crate) async fn survey(&self) -> World {
        let loaded = load(&self.dir, &Default::default());
        assert!(loaded.diagnostics.is_empty(), "{}", loaded.diagnostics);
        let connection =
            Connection { sdk: self.sdk(), sandbox: Some(self.sandbox.clone()), sandbox_dir: None };
        let backend = Backend::Local { path: "unused".into() };
        let store = Store { ledger: self.ledger(), connection, backend };
        let snapshot = store.ledger.read_all().await.unwrap();
        pipeline::look(&self.cx, &self.request(), loaded.configuration, store, snapshot)
            .await
            .unwrap_or_else(|exit| panic!("{exit:?}"))
    }

    /// As [`Self::survey`], with what cut-off runs have left, as `plan` shows it.
    pub(crate) async fn view(&self) -> (World, Vec<Left>) {
        let world = self.survey().await;
        let world = pipeline::as_recovered(&self.cx, &self.request(), world).await;
        let world = world.unwrap_or_else(|exit| panic!("{exit:?}"));
        let left = world.left.clone();
        (world, left)
    }

    /// The plan, without its section on the walls, which nothing here is about.
    pub(crate) fn plan(&self, world: &World) -> Plan {
        let plan = pipeline::decide(world, &self.request(), "2026-11-23T00:00:00Z");
        plan.unwrap_or_else(|e| panic!("{e:?}")).0
    }

    async fn provider(&self) -> Arc<dyn Provider> {
        let options = Options {
            region: "eu-west-1".to_owned(),
            embedded: Some(Embedded {
                http_client: self.sandbox.http_client(),
                credentials: self.sandbox.management_credentials(),
            }),
            backoff: Duration::from_millis(1),
            poll: Duration::from_millis(1),
            ..Options::default()
        };
        let made = async || Arc::new(AwsProvider::new(options).await) as Arc<dyn Provider>;
        Arc::clone(self.provider.get_or_init(made).await)
    }

    async fn holder(world: &World, run: &str) -> Holder {
        Holder { run: run.to_owned(), ..edit::holder(&world.store, "apply").await }
    }

    pub(crate) async fn recover(&self, run: &str) -> Result<Recovered, StateError> {
        self.recover_from(&self.survey().await, run).await
    }

    /// As [`Self::recover`], on a world that was read already.
    pub(crate) async fn recover_from(
        &self,
        world: &World,
        run: &str,
    ) -> Result<Recovered, StateError> {
        let (events, _inbox) = tokio::sync::mpsc::unbounded_channel();
        apply::recover(&Recovery {
            ledger: &world.store.ledger,
            provider: self.provider().await,
            targets: world.targets.clone(),
            accounts: world.account_addresses(),
            holder: Self::holder(world, run).await,
            terms: Terms::default(),
            lock_timeout: Duration::ZERO,
            events,
        })
        .await
    }

    /// Plans and applies once.
    pub(crate) async fn apply(&self, run: &str) -> Result<Summary, StateError> {
        let world = self.survey().await;
        let plan = self.plan(&world);
        self.carry_out(run, &world, &plan).await
    }

    pub(crate) async fn carry_out(
        &self,
        run: &str,
        world: &World,
        plan: &Plan,
    ) -> Result<Summary, StateError> {
        let resources = world.snapshot.resources();
        let known = Growing::on(Recorded {
            resources: &resources,
            live: Some(&world.live),
            management: world.targets.management.id.clone(),
            releases: &world.releases,
            imports: imports(&world.estate),
        });
        let resolver = Resolver::new(world, &known);
        let (events, _inbox) = tokio::sync::mpsc::unbounded_channel();
        apply::apply(Apply {
            plan,
            ledger: world.store.ledger.clone(),
            provider: self.provider().await,
            desired: &resolver,
            secrets: Arc::new(Vault),
            targets: world.targets.clone(),
            accounts: world.account_addresses(),
            holder: Self::holder(world, run).await,
            terms: Terms::default(),
            lock_timeout: Duration::ZERO,
            limits: Limits::default(),
            recheck: None,
            reason: None,
            errored_dir: self.errored.path().to_owned(),
            events,
            cancel: Cancel::new(),
        })
        .await
    }

    /// Recovers, applies and checks that nothing is left to do.
    pub(crate) async fn converge(&self, run: &str) {
        self.recover(run).await.unwrap();
        let summary = self.apply(run).await.unwrap();
        assert!(summary.is_success(), "{run}: {summary:#?}");
        let world = self.survey().await;
        assert!(world.snapshot.dangling.is_empty(), "{run}: a journal is left");
        let plan = self.plan(&world);
        let left: Vec<_> = plan.operations.iter().map(|o| (o.op, o.address.to_string())).collect();
        assert!(left.is_empty(), "{run}: not converged: {left:?}");
    }

    /// Addresses that the state records.
    pub(crate) async fn recorded(&self) -> BTreeSet<String> {
        let snapshot = self.ledger().read_all().await.unwrap();
        snapshot.resources().into_keys().map(|a| a.canonical()).collect()
    }

    /// A way into the member account of a name, for somebody else.
    pub(crate) async fn member(&self, name: &str) -> SdkConfig {
        let org = aws_sdk_organizations::Client::new(&self.sdk());
        let pages: Vec<_> =
            org.list_accounts().into_paginator().send().try_collect().await.unwrap();
        let mut accounts = pages.iter().flat_map(|page| page.accounts());
        let found = accounts.find(|a| a.name() == Some(name)).and_then(|a| a.id());
        enter(&self.sdk(), found.unwrap_or_else(|| panic!("no account {name}"))).await
    }

    /// What AWS holds, as the SDK alone sees it.
    pub(crate) async fn listing(&self) -> Vec<String> {
        judge::made(self).await
    }

    /// What runs announced that were cut off, and said nothing more of.
    pub(crate) async fn open(&self) -> BTreeSet<ResourceAddr> {
        let ledger = self.ledger();
        let dangling = ledger.read_all().await.unwrap().dangling;
        let scopes = dangling.iter().map(|d| d.scope.clone()).collect();
        let mut open = BTreeSet::new();
        for mut journal in ledger.read_journals(&scopes).await.unwrap() {
            let left = dangling.iter().find(|d| d.scope == journal.scope && d.run == journal.run);
            journal.entries.retain(|e| left.is_some_and(|d| d.sequences.contains(&e.sequence)));
            open.extend(journal.dangling().into_iter().map(|intent| intent.address));
        }
        open
    }
}
