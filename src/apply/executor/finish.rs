//! The end of a run: what was not started, the audit record, the states, the locks.

use std::time::Duration;

use futures::future::join_all;

use super::{Departure, Run};
use crate::address::ResourceAddr;
use crate::apply::events::ApplyEvent;
use crate::apply::scheduler::NodeState;
use crate::apply::summary::Skipped;
use crate::apply::worker::OperationFailure;
use crate::diag::Diagnostic;
use crate::plan::model::OperationKind;
use crate::state::audit_details::{EndOutcome, FinishDetails, OperationEnd};
use crate::state::layout::scope_of;
use crate::state::{AuditDetails, AuditEvent, StateError, StateFailure, errored};

/// How long leases are ended for when a run is left at once.
const LEAVING: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// Second Ctrl-C: what is in flight is dropped; the journal knows about it.
    /// The leases are ended and not given back: what has left may still arrive.
    pub(super) async fn leave(&mut self) {
        self.workers.abort_all();
        self.summary.interrupted = true;
        let running = |(id, state): (u32, NodeState)| (state == NodeState::Running).then_some(id);
        let running: Vec<u32> = self.scheduler.states().filter_map(running).collect();
        for id in running {
            let why = Diagnostic::error("it was in flight when this run was left");
            self.failed(id, OperationFailure { uncertain: true, ..OperationFailure::outage(why) });
        }
        tokio::select! {
            () = self.apply.ledger.end_held() => {}
            () = self.shared.clock.idle(LEAVING) => {}
        }
        self.tell_skipped();
        self.tell_unrecorded();
    }

    /// What was done and is recorded nowhere but in what the user reads.
    fn tell_unrecorded(&mut self) {
        for scope in self.scopes.values() {
            let addresses = scope.unrecorded().map(|finished| finished.address.clone());
            self.summary.unrecorded.extend(addresses.map(|a| (scope.name.clone(), a)));
        }
    }

    fn tell_skipped(&mut self) {
        for (id, state) in self.scheduler.states() {
            let Some(operation) = self.operations.get(&id) else { continue };
            let because = match state {
                NodeState::Skipped { because } => {
                    self.operations.get(&because).map(|o| (because, o.address.clone()))
                }
                NodeState::Succeeded | NodeState::Failed => continue,
                NodeState::Blocked(_) | NodeState::Ready | NodeState::Running => None,
            };
            self.summary.skipped.push(Skipped {
                id,
                op: operation.op,
                address: operation.address.clone(),
                scope: operation.scope.clone(),
                because,
            });
        }
    }

    /// The end: facts beside the attributes, the audit record, the states, the locks.
    pub(super) async fn finish(&mut self) {
        self.tell_skipped();
        self.withdraw();
        self.touch_up();
        let recorded = match self.audit_event().await {
            Ok(event) => self.apply.ledger.audit(Some(&self.head), event).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(head) => {
                self.summary.head = Some(head.clone());
                self.head = head;
            }
            Err(error) => self.summary.warnings.push(
                Diagnostic::warning("the end of this run is not in the audit log")
                    .detail(error.to_string())
                    .help("its beginning is; the next apply continues the log"),
            ),
        }
        for departure in &self.departures {
            if let Some(scope) = self.scopes.get_mut(&departure.to) {
                scope.continues(&departure.from);
            }
        }
        self.fold().await;
        // The second half of what moved between scopes, where the first is safe.
        let unsaved = |name: &str| self.summary.unsaved.iter().any(|(n, _)| n == name);
        let departures = std::mem::take(&mut self.departures);
        let safe: Vec<Departure> = departures.into_iter().filter(|d| !unsaved(&d.to)).collect();
        if !safe.is_empty() {
            for departure in safe {
                if let Some(scope) = self.scopes.get_mut(&departure.from) {
                    scope.finish(departure.gone);
                    scope.continued_by(&departure.to);
                }
            }
            self.fold().await;
        }
        self.save_unwritten();
        self.tell_unrecorded();
        let ledger = &self.apply.ledger;
        let all = self.scopes.values_mut().chain(&mut self.walls);
        let released = join_all(all.map(|scope| scope.release(ledger))).await;
        self.summary.warnings.extend(released.into_iter().flatten());
        // Some learn of it only when they give their leases back.
        let all = self.scopes.values().chain(&self.walls);
        let taken = all.filter(|scope| scope.is_taken_over()).map(|scope| scope.name.clone());
        self.summary.taken_over = taken.collect();
    }

    /// Writes the state of every scope with results that are not in it yet.
    async fn fold(&mut self) {
        let (stamp, head) = (self.stamp.clone(), self.head.clone());
        let ledger = &self.apply.ledger;
        let folds = self.scopes.values_mut().map(|scope| {
            let (stamp, head) = (stamp.clone(), head.clone());
            async move {
                let result = match &scope.lost {
                    Some(lost) if lost.failure == StateFailure::Conflict => Err(lost.clone()),
                    _ => scope.fold(ledger, stamp, Some(head)).await,
                };
                (scope, result)
            }
        });
        for (scope, result) in join_all(folds).await {
            match result {
                Ok(Some(serial)) => {
                    let saved = ApplyEvent::Saved { scope: scope.name.clone(), serial };
                    let _ = self.apply.events.send(saved);
                }
                Ok(None) => {}
                // The state is written; only clearing away the journal failed.
                Err(error) if !scope.is_dirty() => self.summary.warnings.push(*error.diagnostic),
                Err(error) => {
                    self.summary.unsaved.retain(|(name, _)| *name != scope.name);
                    self.summary.unsaved.push((scope.name.clone(), error));
                }
            }
        }
    }

    /// A state that the backend does not take is saved beside the configuration. One that lost
    /// against another writer's is not: its results are in the journal, for the next run to look at.
    fn save_unwritten(&mut self) {
        let location = self.apply.ledger.store().location();
        let mut saved = Vec::new();
        for (name, error) in &self.summary.unsaved {
            if error.failure == StateFailure::Conflict {
                continue;
            }
            let Some(scope) = self.scopes.get(name) else { continue };
            let state = scope.state(Some(self.head.clone()));
            match errored::save(&self.apply.errored_dir, &location, scope.basis(), &state) {
                Ok(path) => {
                    let command = format!("palisade state push {}", path.display());
                    saved.push((path, command));
                }
                Err(error) => self.summary.warnings.push(*error.diagnostic),
            }
        }
        self.summary.saved_to.extend(saved);
    }

    /// What was announced and never started has surely not happened.
    fn withdraw(&mut self) {
        for (id, state) in self.scheduler.states() {
            let unstarted = matches!(state, NodeState::Ready | NodeState::Blocked(_));
            if let Some(operation) = self.operations.get(&id).filter(|_| unstarted) {
                let journal = self.journal_of(id, &operation.scope);
                if let Some(scope) = self.scopes.get_mut(&journal) {
                    scope.withdraw(id);
                }
            }
        }
    }

    /// Facts beside the attributes follow the configuration in every scope that this run writes.
    fn touch_up(&mut self) {
        for (address, change) in &self.changes {
            if change.action != crate::plan::model::Action::NoOp {
                continue;
            }
            let name = scope_of(address);
            let meta = self.apply.desired.meta(address);
            let Some(scope) = self.scopes.get_mut(&name).filter(|s| s.is_dirty()) else { continue };
            let prints = self.shared.prints.at(address);
            scope.touch_up(|resources| {
                let Some(record) = resources.get_mut(address) else { return false };
                record.depends_on = change.depends_on.iter().cloned().collect();
                record.environments = change.environments.iter().cloned().collect();
                record.meta.keep(&meta, &prints);
                true
            });
        }
    }

    fn details(&self) -> Result<AuditDetails, StateError> {
        fn end(
            outcome: EndOutcome,
            id: u32,
            op: OperationKind,
            address: &ResourceAddr,
        ) -> OperationEnd<'_> {
            OperationEnd { id, op, address, outcome }
        }
        let summary = &self.summary;
        let done = summary.done.iter().map(|o| end(EndOutcome::Done, o.id, o.op, &o.address));
        let failed = summary.failed.iter().map(|o| {
            let outcome = if o.uncertain { EndOutcome::Unknown } else { EndOutcome::Failed };
            end(outcome, o.id, o.op, &o.address)
        });
        let skipped =
            summary.skipped.iter().map(|o| end(EndOutcome::Skipped, o.id, o.op, &o.address));
        let operations = done.chain(failed).chain(skipped).collect();
        AuditDetails::of(&FinishDetails { operations, interrupted: summary.interrupted })
    }

    async fn audit_event(&self) -> Result<AuditEvent, StateError> {
        let at = self.apply.ledger.now().await.unwrap_or(self.stamp.at);
        Ok(AuditEvent {
            at,
            who: self.apply.holder.who.clone(),
            run: self.apply.holder.run.clone(),
            action: format!("{}_finished", self.apply.holder.operation),
            plan: Some(self.apply.plan.digest.clone()),
            reason: self.apply.reason.clone(),
            scopes: self.scopes.keys().cloned().collect(),
            details: self.details()?,
        })
    }
}
