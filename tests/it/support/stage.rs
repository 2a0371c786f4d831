//! An estate in a directory, an AWS in memory, and hosts that work on both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use palisade::engine::apply::ApplyRequest;
use palisade::engine::carry_out::ApplyApproval;
use palisade::engine::connect::{Aws, Connection};
use palisade::engine::origin::RunOrigin;
use palisade::engine::plan::{FailOn, PlanRequest};
use palisade::engine::promotion::MoveSettings;
use palisade::engine::promotion::promote::PromotionRequest;
use palisade::engine::{Variables, Workspace};
use palisade::plan::Mode;
use palisade::plan::model::Selection;
use palisade::sandbox::{self, Sandbox};

use crate::support::endpoint::enter;
use crate::support::host::TestHost;

pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Stage {
    pub(crate) async fn new(main: &str) -> Self {
        let stage = Self {
            dir: tempfile::tempdir().expect("a directory"),
            sandbox: Sandbox::in_memory(sandbox::Options::default()).await,
        };
        stage.write("main.hcl", main);
        stage
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("written");
    }

    /// Sets the variable from which the release takes its image.
    pub(crate) fn image(&self, image: &str) {
        self.write("palisade.vars.hcl", &format!("image = \"{image}\"\n"));
    }

    /// The image of the release that stands in an account.
    pub(crate) async fn running(&self, account: &str) -> Option<String> {
        self.parameters(account).await.remove("image")
    }

    pub(crate) fn sdk(&self) -> SdkConfig {
        let credentials = SharedCredentialsProvider::new(self.sandbox.management_credentials());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(credentials)
            .http_client(self.sandbox.http_client())
            .build()
    }

    /// One process with this host. Its state lies beside the configuration.
    pub(crate) fn workspace(&self, host: &Arc<TestHost>) -> Workspace {
        let connection = Connection {
            sdk: self.sdk(),
            sandbox: Some(self.sandbox.clone()),
            sandbox_dir: Some(self.dir.path().to_owned()),
            pace: Some(Duration::from_millis(1)),
            patience: Default::default(),
        };
        let origin = RunOrigin::of_this_process(&BTreeMap::new());
        let aws = Aws::Connected(Box::new(connection));
        Workspace::new(self.dir.path().to_owned(), origin, aws, Arc::clone(host) as Arc<_>)
    }

    /// A process with this host that every other takes for dead: its id belongs to another one now.
    pub(crate) fn workspace_of_a_dead_process(&self, host: &Arc<TestHost>) -> Workspace {
        let mut workspace = self.workspace(host);
        let process = workspace.origin.process.as_mut().expect("the system tells processes apart");
        process.started = process.started.wrapping_sub(1);
        workspace
    }

    /// The names of the roles of an account, as the SDK alone sees them; none where there is no account.
    pub(crate) async fn roles(&self, account: &str) -> BTreeSet<String> {
        let Some(sdk) = self.member(account).await else { return BTreeSet::new() };
        let client = aws_sdk_iam::Client::new(&sdk);
        let pages: Vec<_> =
            client.list_roles().into_paginator().send().try_collect().await.expect("roles");
        let all = pages.iter().flat_map(|page| page.roles()).map(|role| role.role_name());
        all.filter(|name| name.starts_with("app-")).map(str::to_owned).collect()
    }

    /// The parameters of an account below `/palisade`, by the last part of their names.
    pub(crate) async fn parameters(&self, account: &str) -> BTreeMap<String, String> {
        let Some(sdk) = self.member(account).await else { return BTreeMap::new() };
        let client = aws_sdk_ssm::Client::new(&sdk);
        let asking = client.get_parameters_by_path().path("/").recursive(true).into_paginator();
        let pages: Vec<_> = asking.send().try_collect().await.expect("parameters");
        let all = pages.iter().flat_map(|page| page.parameters());
        all.filter_map(|p| Some((p.name()?.rsplit('/').next()?.to_owned(), p.value()?.to_owned())))
            .collect()
    }

    /// A session in a member account; none where there is no such account.
    pub(crate) async fn member(&self, name: &str) -> Option<SdkConfig> {
        let organizations = aws_sdk_organizations::Client::new(&self.sdk());
        // Before the first apply there is no organization to list.
        let pages: Vec<_> =
            organizations.list_accounts().into_paginator().send().try_collect().await.ok()?;
        let mut accounts = pages.iter().flat_map(|page| page.accounts());
        let id = accounts.find(|a| a.name() == Some(name))?.id()?.to_owned();
        Some(enter(&self.sdk(), &id).await)
    }
}

pub(crate) fn plan_request() -> PlanRequest {
    PlanRequest::of(Mode::Normal, Selection::default(), &Variables::default(), true)
}

pub(crate) fn apply_request() -> ApplyRequest {
    let approval = ApplyApproval {
        fail_on: FailOn::Violation,
        reason: None,
        lock_timeout: Duration::ZERO,
        parallelism: 4,
    };
    ApplyRequest { plan: plan_request(), approval }
}

/// Along the edge to production, whatever release may move.
pub(crate) fn promotion_request() -> PromotionRequest {
    PromotionRequest {
        edge: "to_production".to_owned(),
        release: None,
        dry_run: false,
        overriding: None,
        release_hold: false,
        reason: None,
        settings: move_settings(),
    }
}

pub(crate) fn move_settings() -> MoveSettings {
    MoveSettings { variables: Variables::default(), parallelism: 4, lock_timeout: Duration::ZERO }
}
