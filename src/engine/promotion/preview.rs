//! What a promotion would do: the release that moves, and the plan of its target with it. Promotions
//! and approvals both make it, so that an approval binds to the very plan that is carried out.

use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::load::{self, OfflineInputs};
use crate::engine::plan::{self, PlanRequest};
use crate::engine::refresh::{self, PlanInputs};
use crate::engine::workspace::Workspace;
use crate::eval::Evaluator;
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

/// Where an edge leads, before that environment is locked.
pub(super) struct EdgeTarget {
    /// Configuration, state and releases.
    pub offline: OfflineInputs,
    /// The edge's name.
    edge: String,
    /// The environment.
    pub to: String,
}

impl EdgeTarget {
    /// Reads the configuration and what is recorded, and evaluates where the edge leads: nothing else of it counts
    /// before the lock.
    ///
    /// # Errors
    /// The configuration is wrong, there is no such edge, or the backend cannot be read.
    pub(super) async fn read(
        workspace: &Workspace,
        settings: &MoveSettings,
        edge: &str,
    ) -> Result<Self, EngineError> {
        let offline = load::offline(workspace, &settings.variables).await?;
        let declared = offline.configuration.root().declarations.iter();
        let declared = declared.filter(|((kind, _), _)| kind == "promotion");
        let edges = declared.map(|((_, label), block)| (label.clone(), block)).collect();
        edge::find(&edges, edge)?;
        let resources = offline.snapshot.resources();
        let known = offline.known(&resources);
        let to =
            Evaluator::new(&offline.configuration, &known).declared("promotion", edge, "to")?;
        let to = edge::environment(&to);
        Ok(Self { offline, edge: edge.to_owned(), to })
    }

    /// Reads what is recorded once more, now that no other run changes it. The configuration and the way to the
    /// backend are those of the first time.
    ///
    /// # Errors
    /// As [`EdgeInputs::read`]; the edge leads to another environment now ([`EngineError::Stale`]).
    pub(super) async fn locked(self, workspace: &Workspace) -> Result<EdgeInputs, EngineError> {
        let offline = load::offline_of(workspace, self.offline.opened()).await?;
        let inputs = EdgeInputs::of(workspace, offline, &self.edge)?;
        still_leads_to(&inputs.edge, &self.to)?;
        Ok(inputs)
    }
}

/// Refuses an edge that leads to another environment than the one that was locked for it.
fn still_leads_to(edge: &Edge, locked: &str) -> Result<(), EngineError> {
    if edge.to == locked {
        return Ok(());
    }
    let (name, to) = (&edge.name, &edge.to);
    Err(EngineError::Stale(
        Diagnostic::error(format!("promotion `{name}` leads to `{to}` now, not to `{locked}`"))
            .at(edge.loc.clone())
            .detail(format!(
                "Its `to` follows from the state, which changed before `{locked}` was locked; nothing was moved."
            ))
            .help(format!("look at what it would do now: `palisade promote {name} --dry-run`; then promote again"))
            .into(),
    ))
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
        let inputs = refresh::refresh_opened(workspace, &request, self.offline.opened()).await?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::diag::{Loc, Source};
    use crate::promotion::edge::OnFailure;

    #[test]
    fn nothing_moves_into_an_environment_that_is_not_locked() {
        let edge = Edge {
            name: "up".to_owned(),
            from: "dev".to_owned(),
            to: "staging".to_owned(),
            releases: BTreeSet::new(),
            on_failure: OnFailure::default(),
            gates: Vec::new(),
            loc: Loc::new(&Source::new("main.hcl", "promotion"), 0..9),
        };
        still_leads_to(&edge, "staging").expect("the same");
        match still_leads_to(&edge, "production") {
            Err(EngineError::Stale(told)) => {
                let told: Vec<&str> = told.iter().map(|d| d.summary.as_str()).collect();
                assert_eq!(told, ["promotion `up` leads to `staging` now, not to `production`"]);
            }
            other => panic!("{other:?}"),
        }
    }
}
