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
use palisade::apply::{ApplySummary, SecretValue, Secrets};
use palisade::diag::Diagnostic;
use palisade::engine::apply::{self, ApplyRequest};
use palisade::engine::carry_out::{ApplyApproval, carry_out};
use palisade::engine::connect::{Aws, Connection};
use palisade::engine::origin::RunOrigin;
use palisade::engine::plan::{self, FailOn, PlanOutcome, PlanRequest};
use palisade::engine::refresh::{self, PlanInputs};
use palisade::engine::{EngineError, Workspace, recover};
use palisade::plan::Mode;
use palisade::plan::model::{InterruptedRun, Plan};
use palisade::sandbox::{self, Sandbox};
use palisade::state::bootstrap::{Bucket, create_backend};
use palisade::state::{LeaseHolder, Ledger, S3Store};

use crate::support::clock::SkippingClock;
use crate::support::endpoint::enter;
use crate::support::host::TestHost;

use super::judge;

pub(crate) const BUCKET: &str = "recovery-state";
pub(crate) const SECRET: &str = "hunter2-correct-horse-battery";

/// An estate, an AWS, and where its state is.
pub(crate) struct Lab {
    pub sandbox: Sandbox,
    dir: PathBuf,
    errored: tempfile::TempDir,
    /// What is planned: what is declared, or that nothing stays.
    pub mode: Mode,
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

fn approval() -> ApplyApproval {
    ApplyApproval {
        fail_on: FailOn::Violation,
        reason: None,
        lock_timeout: Duration::ZERO,
        parallelism: 10,
    }
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
        Self {
            sandbox,
            dir: dir.to_owned(),
            errored: tempfile::tempdir().unwrap(),
            mode: Mode::Normal,
        }
    }

    pub(crate) fn errored_dir(&self) -> &Path {
        self.errored.path()
    }

    pub(crate) fn sdk(&self) -> SdkConfig {
        sdk(&self.sandbox, self.sandbox.management_credentials())
    }

    /// The state, as a process sees it for which every machine called `cut` is dead.
    pub(crate) fn ledger(&self) -> Ledger {
        let clock = Arc::new(SkippingClock::default());
        let store = S3Store::new(aws_sdk_s3::Client::new(&self.sdk()), BUCKET, "estate")
            .with_clock(clock.clone());
        Ledger::with_clock(Arc::new(store), clock)
            .with_witness(|holder: &LeaseHolder| holder.host.starts_with("cut"), true)
    }

    /// One process, on a machine called `run`.
    fn workspace(&self, run: &str, host: Arc<TestHost>) -> Workspace {
        let origin = RunOrigin {
            host: run.to_owned(),
            user: "lab".to_owned(),
            pid: std::process::id(),
            process: None,
        };
        let aws = Aws::Connected(Box::new(self.connection()));
        Workspace {
            errored_dir: self.errored.path().to_owned(),
            state: Some(self.ledger()),
            secrets: Some(Arc::new(Vault)),
            ..Workspace::new(self.dir.clone(), origin, aws, host)
        }
    }

    fn connection(&self) -> Connection {
        Connection {
            sdk: self.sdk(),
            sandbox: Some(self.sandbox.clone()),
            sandbox_dir: None,
            pace: Some(Duration::from_millis(1)),
            patience: Default::default(),
        }
    }

    fn request(&self) -> PlanRequest {
        let mut request = PlanRequest::everything(&Default::default());
        request.options.mode = self.mode;
        request.secret_versions = self.mode == Mode::Normal;
        request
    }

    /// A process of its own: configuration, state and AWS read anew. Like `plan`, without locks.
    pub(crate) async fn survey(&self) -> PlanInputs {
        let workspace = self.workspace("reader", Arc::default());
        let inputs = refresh::load_and_refresh(&workspace, &self.request()).await;
        inputs.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// As [`Self::survey`], with what interrupted runs have left, as `plan` shows it.
    pub(crate) async fn view(&self) -> (PlanInputs, Vec<InterruptedRun>) {
        let workspace = self.workspace("reader", Arc::default());
        let inputs = refresh::load_and_refresh_recovered(&workspace, &self.request()).await;
        let inputs = inputs.unwrap_or_else(|error| panic!("{error:?}"));
        let interrupted = inputs.interrupted.clone();
        (inputs, interrupted)
    }

    /// A plan, as `palisade plan` makes it.
    pub(crate) async fn preview(&self) -> PlanOutcome {
        let workspace = self.workspace("reader", Arc::default());
        let outcome = plan::run(&workspace, &self.request()).await;
        outcome.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// The plan that these inputs make.
    pub(crate) fn plan(&self, inputs: &PlanInputs) -> Plan {
        let workspace = self.workspace("reader", Arc::default());
        let plan = plan::make(&workspace, inputs, &self.request());
        plan.unwrap_or_else(|e| panic!("{e:?}"))
    }

    pub(crate) async fn recover(&self, run: &str) -> Result<Recovered, EngineError> {
        self.recover_from(&self.survey().await, run).await
    }

    /// As [`Self::recover`], on inputs that were read already.
    pub(crate) async fn recover_from(
        &self,
        inputs: &PlanInputs,
        run: &str,
    ) -> Result<Recovered, EngineError> {
        recover::execute(&self.workspace(run, Arc::default()), inputs, Duration::ZERO).await
    }

    /// Applies once, as `palisade apply` does. An apply that failed has its summary, too, once it has begun.
    pub(crate) async fn apply(&self, run: &str) -> Result<ApplySummary, EngineError> {
        let host = Arc::new(TestHost::default());
        let request = ApplyRequest { plan: self.request(), approval: approval() };
        let ended = apply::run(&self.workspace(run, Arc::clone(&host)), &request).await;
        match host.summary() {
            Some(summary) => Ok(summary),
            None => ended.map(|outcome| outcome.summary.unwrap_or_default()),
        }
    }

    /// The second half of an apply, for a test in which something happens after the plan.
    pub(crate) async fn carry_out(
        &self,
        run: &str,
        inputs: &PlanInputs,
        plan: &Plan,
    ) -> Result<ApplySummary, EngineError> {
        let host = Arc::new(TestHost::default());
        let workspace = self.workspace(run, Arc::clone(&host));
        let ended = carry_out(&workspace, inputs, &self.request(), plan, &approval()).await;
        host.summary().map_or(ended, Ok)
    }

    /// Recovers, applies and checks that nothing is left to do.
    pub(crate) async fn converge(&self, run: &str) {
        self.recover(run).await.unwrap();
        self.finish(run).await;
    }

    /// What follows a recovery: applies and checks that nothing is left to do.
    pub(crate) async fn finish(&self, run: &str) {
        let summary = self.apply(run).await.unwrap();
        assert!(summary.is_success(), "{run}: {summary:#?}");
        let world = self.survey().await;
        assert!(world.snapshot.interrupted.is_empty(), "{run}: a journal is left");
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

    /// What runs announced that were interrupted, and said nothing more of.
    pub(crate) async fn open(&self) -> BTreeSet<ResourceAddr> {
        let ledger = self.ledger();
        let interrupted = ledger.read_all().await.unwrap().interrupted;
        let scopes = interrupted.iter().map(|d| d.scope.clone()).collect();
        let mut open = BTreeSet::new();
        for mut journal in ledger.read_journals(&scopes).await.unwrap() {
            let left =
                interrupted.iter().find(|d| d.scope == journal.scope && d.run == journal.run);
            journal.entries.retain(|e| left.is_some_and(|d| d.sequences.contains(&e.sequence)));
            open.extend(journal.in_doubt().into_iter().map(|intent| intent.address));
        }
        open
    }
}
