//! Walks a move to its end. Every phase is written into the environment's record before it begins,
//! so that a move which is interrupted anywhere is taken up where it was.

use crate::diag::Diagnostic;
use crate::engine::carry_out::{ApplyApproval, carry_out};
use crate::engine::error::EngineError;
use crate::engine::host::{Event as HostEvent, Shown};
use crate::engine::load::{self, Opened};
use crate::engine::plan::{self, FailOn, JudgedFor, PlanRequest};
use crate::engine::recover;
use crate::engine::refresh::PlanInputs;
use crate::engine::workspace::Workspace;
use crate::plan::model::Plan;
use crate::promotion::audited::MoveDetails;
use crate::promotion::edge::{self, Edge, OnFailure};
use crate::promotion::gate::{Evidence, closed};
use crate::promotion::record::{End, Hold, MoveKind, Phase};
use crate::promotion::store::{self, VersionedRecord};
use crate::promotion::{Digest, Release, ReleaseMove};
use crate::provider::Caller;
use crate::state::{AuditDetails, AuditEvent, Ledger, StateError};

use super::MoveSettings;
use super::gates::{all_open, request, require_asked, watch};

/// A plan that is ready to be carried out, and what it was made of.
pub(super) struct Prepared {
    /// How the plan was made.
    pub request: PlanRequest,
    /// What it was made from.
    pub inputs: PlanInputs,
    /// The plan.
    pub plan: Plan,
}

/// A move under way.
pub(super) struct Drive<'a> {
    /// Where it is driven.
    pub workspace: &'a Workspace,
    /// How it is done.
    pub settings: &'a MoveSettings,
    /// The configuration that the run has loaded, and its backend.
    pub opened: &'a Opened,
    /// The environment's record; its move is what is driven.
    pub versioned: VersionedRecord,
    /// Who drives.
    pub caller: Caller,
    /// The edge, for promotions.
    pub edge: Option<Edge>,
    /// The approved plan of the first step; made anew after a cut.
    pub prepared: Option<Prepared>,
    /// Whether the move was begun by an earlier run.
    pub resumed: bool,
}

impl<'a> Drive<'a> {
    /// Drives the move to its end.
    ///
    /// # Errors
    /// A step could not be done; the move stays where it was, to be taken up again.
    pub(super) async fn run(&mut self) -> Result<ReleaseMove, EngineError> {
        let end = self.walk().await;
        if let Err(error) = &end {
            self.record_failure(error).await;
            self.tell_how_to_go_on(error);
        }
        end
    }

    /// Says how a move that was stopped goes on: the record that tells it may be what could not be written.
    fn tell_how_to_go_on(&self, error: &EngineError) {
        let Some(run) = &self.versioned.record.run else { return };
        if matches!(error, EngineError::Interrupted) {
            return; // That is said of every run that was interrupted.
        }
        let (release, environment) = (&run.release, &run.environment);
        let back = format!("`palisade rollback {environment}` brings back what stood there before");
        let help = match (run.kind, &run.edge) {
            (MoveKind::Promotion, Some(edge)) => {
                format!("`palisade promote {edge}` goes on with it, {back}")
            }
            (MoveKind::Entry, _) => "the next `palisade apply` goes on with it".to_owned(),
            _ => format!("`palisade rollback {environment}` goes on with it"),
        };
        let told = Diagnostic::warning(format!(
            "the move of release {release} into `{environment}` is still under way"
        ));
        self.workspace.host.diagnostics(&told.help(help).into());
    }

    /// Writes down what stopped the move, where the record can be written: whoever finds it under way reads
    /// why. That this fails changes nothing, the move stays where it was.
    async fn record_failure(&mut self, error: &EngineError) {
        let first = error.diagnostics().and_then(|all| all.into_iter().find(|d| d.is_error()));
        let Some(why) = first.map(|diagnostic| diagnostic.summary.clone()) else { return };
        if self.versioned.record.run.is_some() {
            self.versioned.record.stopped(self.workspace.now(), why);
            let _ = self.save().await;
        }
    }

    async fn walk(&mut self) -> Result<ReleaseMove, EngineError> {
        loop {
            let Some(run) = self.versioned.record.run.clone() else {
                return Err(EngineError::failed("there is no move under way"));
            };
            match run.phase {
                Phase::Applying => self.apply(&run).await?,
                Phase::Verifying => self.verify(&run).await?,
                Phase::Returning => self.go_back(&run).await?,
                Phase::Settling => return self.settle(&run).await,
            }
        }
    }

    fn ledger(&self) -> &'a Ledger {
        &self.opened.store.ledger
    }

    async fn save(&mut self) -> Result<(), EngineError> {
        Ok(store::write(self.ledger(), &mut self.versioned).await?)
    }

    async fn apply(&mut self, run: &ReleaseMove) -> Result<(), EngineError> {
        match self.carry_out(run, &run.digest).await {
            Ok(()) => {
                self.versioned.record.applied(self.workspace.now());
                self.save().await
            }
            // What AWS refuses is the release's failure. Trouble on the way there is the runner's: the move
            // stays under way, and the next run takes it up.
            Err(EngineError::Refused(why)) if self.returns() => {
                let Some(back) = self.rollback_target(run) else {
                    return Err(EngineError::Refused(why));
                };
                self.workspace.host.diagnostics(&why);
                let cause = why.into_iter().find(Diagnostic::is_error).map(|d| d.summary);
                let reason = match cause {
                    Some(cause) => format!("the plan could not be carried out: {cause}"),
                    None => "the plan could not be carried out".to_owned(),
                };
                self.turn_back(run, back, reason, Vec::new()).await
            }
            Err(error) => Err(error),
        }
    }

    async fn verify(&mut self, run: &ReleaseMove) -> Result<(), EngineError> {
        let found = self.watch(run, &run.digest).await?;
        let at = self.workspace.now();
        if all_open(&found) {
            self.versioned.record.confirm(&run.release, at, found.clone());
            self.versioned.record.settle(at, End::Verified, found);
            if run.kind == MoveKind::Rollback {
                self.hold(run, "rolled back by hand".to_owned());
            }
            return self.save().await;
        }
        require_asked(&found, &run.release, &run.environment)?;
        let why = format!("verification failed: {}", closed(&found));
        if self.returns()
            && let Some(back) = self.rollback_target(run)
        {
            return self.turn_back(run, back, why, found).await;
        }
        self.versioned.record.settle(at, End::Unverified, found);
        if run.kind != MoveKind::Entry {
            self.hold(run, why);
        }
        self.save().await
    }

    async fn go_back(&mut self, run: &ReleaseMove) -> Result<(), EngineError> {
        let Some(returned) = &run.returned else {
            return Err(EngineError::failed(
                "the record says that a move goes back, but not where to",
            ));
        };
        if returned.applied_at.is_none() {
            self.carry_out(run, &returned.digest).await?;
            self.versioned.record.turned_back(self.workspace.now());
            self.save().await?;
        }
        let found = self.watch(run, &returned.digest).await?;
        let at = self.workspace.now();
        if all_open(&found) {
            self.versioned.record.confirm(&run.release, at, found.clone());
        }
        self.versioned.record.settle(at, End::Returned, found);
        self.hold(run, returned.why.clone());
        self.save().await
    }

    /// Writes the move into the history and the audit log, then closes it. Each of the three may
    /// have been done before a cut.
    async fn settle(&mut self, run: &ReleaseMove) -> Result<ReleaseMove, EngineError> {
        let content = store::put_move(self.ledger(), run).await?;
        let event = finished_event(run, Some(&content))?;
        let told =
            self.resumed
                && self.ledger().audit_records().await?.iter().any(|record| {
                    record.event.run == run.id && record.event.action == event.action
                });
        if !told {
            self.ledger().audit(None, event).await?;
        }
        let finished = self.versioned.record.close().unwrap_or_else(|| run.clone());
        self.save().await?;
        Ok(finished)
    }

    /// Makes what has to be in force so: the approved plan, or after a cut a new one.
    async fn carry_out(&mut self, run: &ReleaseMove, digest: &Digest) -> Result<(), EngineError> {
        let approval = ApplyApproval {
            fail_on: FailOn::Violation,
            reason: None,
            lock_timeout: self.settings.lock_timeout,
            parallelism: self.settings.parallelism,
        };
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => {
                let release = self.release(&run.release, digest).await?;
                let request = request(self.settings, &run.environment, Some(&release));
                let timeout = self.settings.lock_timeout;
                let opened = self.opened.clone();
                let reading = recover::refresh_recovered(self.workspace, &request, timeout, opened);
                let inputs = Box::pin(reading).await?;
                let plan = plan::make(self.workspace, &inputs, &request)?;
                self.workspace.host.show(Shown::Plan(&plan))?;
                plan::warn(self.workspace, &inputs, &plan);
                plan::require_isolation(&plan, FailOn::Violation, JudgedFor::Applying)?;
                plan::require_read(&plan)?;
                Prepared { request, inputs, plan }
            }
        };
        if !prepared.plan.has_changes() {
            return Ok(());
        }
        let Prepared { request, inputs, plan } = &prepared;
        Box::pin(carry_out(self.workspace, inputs, request, plan, &approval)).await.map(|_| ())
    }

    async fn watch(
        &self,
        run: &ReleaseMove,
        digest: &Digest,
    ) -> Result<Vec<Evidence>, EngineError> {
        let release = self.release(&run.release, digest).await?;
        let declared = {
            let offline = load::offline_of(self.workspace, self.opened.clone()).await?;
            edge::verify(&offline.estate(self.workspace)?, &run.environment)?
        };
        let (place, author) = (&run.environment, &run.author);
        watch(self.workspace, self.settings, self.opened, place, &release, author, &declared).await
    }

    async fn release(&self, name: &str, digest: &Digest) -> Result<Release, EngineError> {
        Ok(store::get_release(self.ledger(), name, digest).await?.release)
    }

    /// Whether a failure brings the release before back.
    fn returns(&self) -> bool {
        self.edge.as_ref().is_some_and(|e| e.on_failure == OnFailure::Rollback)
    }

    fn rollback_target(&self, run: &ReleaseMove) -> Option<Digest> {
        self.versioned.record.rollback_target(&run.release, &run.digest).map(|v| v.digest.clone())
    }

    async fn turn_back(
        &mut self,
        run: &ReleaseMove,
        back: Digest,
        why: String,
        evidence_seen: Vec<Evidence>,
    ) -> Result<(), EngineError> {
        self.workspace.host.event(HostEvent::TurningBack {
            why: why.clone(),
            environment: run.environment.clone(),
            release: run.release.clone(),
            to: back.clone(),
        });
        self.versioned.record.turn_back(self.workspace.now(), back, why, evidence_seen);
        self.save().await
    }

    fn hold(&mut self, run: &ReleaseMove, why: String) {
        let why = match &run.reason {
            Some(reason) => format!("{why}: {reason}"),
            None => why,
        };
        let since = self.workspace.now();
        let by = self.caller.arn.clone();
        self.versioned.record.hold(Hold { since, by, why, run: run.id.clone() });
    }
}

/// What the audit log says of a finished move, `content` being the hash of the object that holds it.
pub(in crate::engine) fn finished_event(
    run: &ReleaseMove,
    content: Option<&str>,
) -> Result<AuditEvent, StateError> {
    let action = match (run.kind, run.end) {
        (MoveKind::Entry, _) => "release_entered",
        (MoveKind::Rollback, _) => "rolled_back",
        (MoveKind::Promotion, Some(End::Returned)) => "promotion_returned",
        (MoveKind::Promotion, Some(End::Unverified)) => "promotion_unverified",
        (MoveKind::Promotion, _) => "promoted",
    };
    Ok(AuditEvent {
        at: run.finished_at.unwrap_or(run.started_at),
        who: run.author.arn.clone(),
        run: run.id.clone(),
        action: action.to_owned(),
        plan: Some(run.plan.clone()),
        reason: run.overridden.as_ref().map(|o| o.reason.clone()).or_else(|| run.reason.clone()),
        scopes: Vec::new(),
        details: AuditDetails::of(&MoveDetails::of(run, content))?,
    })
}
