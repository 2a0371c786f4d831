//! What a promotion would do: the release that moves, and the plan of its target with it. Promotions
//! and approvals both make it, so that an approval binds to the very plan that is carried out.

use crate::engine::error::EngineError;
use crate::engine::load::{self, OfflineInputs};
use crate::engine::plan::{self, PlanRequest};
use crate::engine::refresh::{self, PlanInputs};
use crate::engine::workspace::Workspace;
use crate::plan::model::Plan;
use crate::promotion::candidate::{self, Candidate, Choosing, Refusal};
use crate::promotion::edge::{self, Edge};
use crate::promotion::gate::Evidence;
use crate::promotion::store;
use crate::promotion::{EnvironmentRecord, Release};

use super::report::PromotionReport;
use super::{MoveSettings, gates};

/// What is known of an edge without asking AWS.
pub(super) struct EdgeInputs {
    /// Configuration, state and releases.
    pub offline: OfflineInputs,
    /// The edge.
    pub edge: Edge,
}

/// A release that is to move, and the plan that moves it.
pub(super) struct PromotionPreview {
    /// The release.
    pub candidate: Candidate,
    /// Its content.
    pub release: Release,
    /// How the plan was made.
    pub request: PlanRequest,
    /// What it was made from.
    pub inputs: PlanInputs,
    /// The plan.
    pub plan: Plan,
}

/// What a promotion along an edge would do.
pub(super) enum PreviewResult {
    /// A release moves.
    Moves(Box<PromotionPreview>),
    /// The target has it already.
    Settled(String),
}

impl EdgeInputs {
    /// Reads the configuration and what is recorded.
    ///
    /// # Errors
    /// The configuration is wrong, there is no such edge, or the backend cannot be read.
    pub(super) async fn read(
        workspace: &Workspace,
        settings: &MoveSettings,
        edge: &str,
    ) -> Result<Self, EngineError> {
        Self::of(workspace, load::offline(workspace, &settings.variables).await?, edge)
    }

    /// Reads what is recorded once more, now that no other run changes it. The configuration and the way to the
    /// backend are those of the first time.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) async fn read_again(self, workspace: &Workspace) -> Result<Self, EngineError> {
        let OfflineInputs { configuration, store, .. } = self.offline;
        let offline = load::offline_of(workspace, configuration, store).await?;
        Self::of(workspace, offline, &self.edge.name)
    }

    fn of(workspace: &Workspace, offline: OfflineInputs, edge: &str) -> Result<Self, EngineError> {
        let edges = edge::edges(&offline.estate(workspace)?)?;
        let edge = edge::find(&edges, edge)?.clone();
        Ok(Self { offline, edge })
    }

    /// What an environment remembers.
    #[must_use]
    pub(super) fn record(&self, environment: &str) -> EnvironmentRecord {
        let versioned = self.offline.records.get(environment);
        versioned.map_or_else(
            || EnvironmentRecord::new(environment),
            |versioned| versioned.record.clone(),
        )
    }

    /// Chooses the release and makes the plan.
    ///
    /// # Errors
    /// Nothing is verified where the edge begins ([`EngineError::RuleBroken`]); what was asked for is
    /// unclear; the plan cannot be made.
    pub(super) async fn preview(
        &self,
        workspace: &Workspace,
        settings: &MoveSettings,
        wanted: Option<&str>,
        overriding: bool,
    ) -> Result<PreviewResult, EngineError> {
        let ledger = &self.offline.store.ledger;
        let known = store::list_releases(ledger).await?;
        let (from, to) = (self.record(&self.edge.from), self.record(&self.edge.to));
        let candidate = match candidate::choose(&self.edge, wanted, &from, &to, &known, overriding)
        {
            Ok(Choosing::Moves(candidate)) => candidate,
            Ok(Choosing::Settled(why)) => return Ok(PreviewResult::Settled(why)),
            Err(Refusal::Unclear(why)) => return Err(why.into()),
            Err(Refusal::NotVerified(why)) => return Err(EngineError::RuleBroken(why.into())),
        };
        let release =
            store::get_release(ledger, &candidate.release, &candidate.digest).await?.release;
        let request = gates::request(settings, &self.edge.to, Some(&release));
        let inputs = refresh::load_and_refresh(workspace, &request).await?;
        let plan = plan::make(workspace, &inputs, &request)?;
        let preview = PromotionPreview { candidate, release, request, inputs, plan };
        Ok(PreviewResult::Moves(Box::new(preview)))
    }

    /// What would move, with its plan, and with what gates found where they were evaluated.
    #[must_use]
    pub(super) fn report(
        &self,
        preview: &PromotionPreview,
        evidence: &[Evidence],
        overriding: Option<&str>,
        dry_run: bool,
    ) -> PromotionReport {
        PromotionReport {
            edge: self.edge.name.clone(),
            from: self.edge.from.clone(),
            to: self.edge.to.clone(),
            release: preview.candidate.release.clone(),
            digest: preview.candidate.digest.clone(),
            previous: preview.candidate.previous.clone(),
            verified_since: preview.candidate.basis.verified_since,
            values: preview.release.values.clone(),
            gates: evidence.to_vec(),
            hold: self.record(&self.edge.to).hold,
            overriding: overriding.map(str::to_owned),
            dry_run,
            plan: preview.plan.clone(),
        }
    }
}
