//! The loop that walks a plan: it alone owns the scheduler, the leases and the state of each scope.
//!
//! A turn of the loop: results are recorded; what is ready is announced in the journal, one object
//! for a whole batch of a scope ([`announce`]); what is announced and has room is started
//! ([`launch`]); then it waits for a worker, for Ctrl-C, or for the time to flush results and renew
//! leases. [`begin`] takes stock under the locks before the first turn, [`finish`] writes the states
//! after the last.

mod announce;
mod begin;
mod finish;
mod launch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::cancel::{Cancel, Urgency};
use super::events::{ApplyEvent, Events, OperationRef, waiting};
use super::held::HeldLease;
use super::record::deposed;
use super::scheduler::Scheduler;
use super::scope::{LeaseState, ScopeRun};
use super::seams::{Desired, Recheck, Secrets};
use super::summary::{ApplySummary, Done, Failed};
use super::worker::{OperationFailure, Success, WorkerReport, WorkerShared};
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::ids::{AccountId, Handle};
use crate::live::Targets;
use crate::plan::model::{Operation, OperationKind, OperationTarget, Plan, ResourceChange};
use crate::provider::Provider;
use crate::state::journal::{Finished, OperationOutcome};
use crate::state::scopes::AuditHead;
use crate::state::{LeaseHolder, Ledger, Stamp, StateError, Terms, layout};
use crate::value::{Attrs, Value};

/// How much at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyLimits {
    /// Operations in all.
    pub total: usize,
    /// Operations in one account.
    pub per_account: usize,
}

impl Default for ApplyLimits {
    fn default() -> Self {
        Self { total: 64, per_account: 10 }
    }
}

/// Everything that an apply works with.
pub struct Apply<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Where state is.
    pub ledger: Ledger,
    /// How AWS is reached.
    pub provider: Arc<dyn Provider>,
    /// Values as they become known.
    pub desired: &'a dyn Desired,
    /// Where secrets come from.
    pub secrets: Arc<dyn Secrets>,
    /// How each account is reached.
    pub targets: Targets,
    /// Which `account` instance is which account.
    pub accounts: BTreeMap<ResourceAddr, Handle>,
    /// Who applies; its `run` names the journals.
    pub holder: LeaseHolder,
    /// How leases are held.
    pub terms: Terms,
    /// How long to wait for somebody else's lock.
    pub lock_timeout: Duration,
    /// How much at a time.
    pub limits: ApplyLimits,
    /// A last look at the walls, for plans that can change them.
    pub recheck: Option<&'a dyn Recheck>,
    /// The reason that was given for applying a plan that breaks a rule.
    pub reason: Option<String>,
    /// Where a state that cannot be written is saved.
    pub errored_dir: PathBuf,
    /// Where events go.
    pub events: Events,
    /// Ctrl-C.
    pub cancel: Cancel,
}

/// After how many results without a state write one is made in mid-run.
const FOLD_EVERY: usize = 500;
/// How many results may wait for the next flush.
const FLUSH_AT: usize = 64;
/// How often results are flushed and leases looked at.
const TICK: Duration = Duration::from_secs(1);

/// Carries out a plan. What fails on the way is in the [`ApplySummary`]; nothing is lost of what was done.
///
/// # Errors
/// It could not begin: a scope is locked ([`StateFailure::Locked`]), the state moved since the plan
/// ([`StateFailure::Conflict`]), the walls got worse, the store cannot be used.
pub async fn apply(apply: Apply<'_>) -> Result<ApplySummary, StateError> {
    if apply.plan.operations.is_empty() {
        return Ok(ApplySummary { run: apply.holder.run.clone(), ..ApplySummary::default() });
    }
    let lineage = apply.ledger.begin(&apply.holder.who).await?;
    let mut scopes: BTreeMap<String, u64> = BTreeMap::new();
    let mut names: BTreeSet<String> =
        apply.plan.operations.iter().map(|o| o.scope.clone()).collect();
    for change in &apply.plan.resource_changes {
        if let (Some(previous), true) =
            (&change.previous_address, begin::renames(apply.plan, change))
        {
            names.insert(layout::scope_of(previous));
        }
    }
    if begin::touches_walls(apply.plan) {
        names.insert(layout::WALLS.to_owned());
    }
    for (name, state) in begin::read_scopes(&apply.ledger, &names).await? {
        scopes.insert(name, state.map_or(0, |s| s.value.epoch));
    }
    let interrupted = ApplySummary {
        run: apply.holder.run.clone(),
        interrupted: true,
        ..ApplySummary::default()
    };
    let acquiring = apply.ledger.acquire_unless_stopped(
        &scopes,
        &apply.holder,
        apply.terms,
        apply.lock_timeout,
        waiting(&apply.events, apply.terms),
        apply.cancel.risen(Urgency::None),
    );
    let Some(held) = acquiring.await? else { return Ok(interrupted) };
    let mut leases = Vec::new();
    let mut taken_over = BTreeSet::new();
    for (lease, previous) in held {
        if previous.is_some() {
            taken_over.insert(lease.scope.clone());
        }
        leases.push(HeldLease::new(lease, apply.ledger.shared_clock()));
    }
    let writes_state = AtomicBool::new(false);
    let prepared = tokio::select! {
        biased;
        () = apply.cancel.risen(Urgency::None) => {
            // A lock that was given back would not cover a write that is under way.
            match writes_state.load(Ordering::Acquire) {
                true => apply.ledger.end_held().await,
                false => apply.ledger.give_back(&scopes).await,
            }
            return Ok(interrupted);
        }
        prepared = begin::prepare(&apply, &lineage, &mut leases, &taken_over, &writes_state) => prepared,
    };
    match prepared {
        Ok(run) => Ok(run.walk().await),
        Err(error) => {
            for held in &mut leases {
                // It ends by itself where this fails.
                let _ = apply.ledger.release(&mut held.lease).await;
            }
            Err(error)
        }
    }
}

/// What an operation starts with, settled when it is announced.
#[derive(Default)]
struct Prepared {
    /// The attributes that its object shall have; for create, update, move and wait.
    wanted: Option<Attrs>,
    /// What of its block only Palisade knows.
    meta: Attrs,
}

struct Run<'a> {
    apply: &'a Apply<'a>,
    operations: BTreeMap<u32, &'a Operation>,
    changes: BTreeMap<ResourceAddr, Arc<ResourceChange>>,
    scheduler: Scheduler,
    scopes: BTreeMap<String, ScopeRun>,
    walls: Option<ScopeRun>,
    targets: Targets,
    stamp: Stamp,
    head: AuditHead,
    shared: Arc<WorkerShared>,
    inbox: mpsc::UnboundedReceiver<WorkerReport>,
    workers: JoinSet<()>,
    tasks: BTreeMap<tokio::task::Id, u32>,
    /// What announced operations start with.
    prepared: BTreeMap<u32, Prepared>,
    announced: BTreeSet<u32>,
    /// What blocks look up in accounts that this run has made, read beside everything else: each ends with its operation.
    lookups: FuturesUnordered<BoxFuture<'a, u32>>,
    /// Operations that wait for such a reading.
    looking_up: BTreeSet<u32>,
    /// Operations that wait for none any more.
    looked_up: BTreeSet<u32>,
    /// What operations of this run left.
    latest: BTreeMap<ResourceAddr, Attrs>,
    /// Objects that this run created.
    created: BTreeSet<ResourceAddr>,
    new_accounts: BTreeSet<Handle>,
    /// Successes since AWS last asked a scope to slow down.
    calm: BTreeMap<String, usize>,
    /// Operations of each object that have not succeeded yet.
    left: BTreeMap<ResourceAddr, usize>,
    /// Scopes with a result that must not wait for the next batch.
    urgent: BTreeSet<String>,
    /// Workers that found the gate of their scope closed, and wait for a look at its lease.
    asks: Vec<(String, oneshot::Sender<LeaseState>)>,
    /// Objects that moved to another scope: what is left to say in the old one.
    departures: Vec<Departure>,
    summary: ApplySummary,
}

/// An object that left one scope for another. The old scope forgets it only once the new scope's
/// state holds it, so that a run that is interrupted in between leaves it in at least one of them.
struct Departure {
    from: String,
    to: String,
    gone: Finished,
}

impl Run<'_> {
    async fn walk(mut self) -> ApplySummary {
        self.emit(ApplyEvent::Begun { operations: self.operations.len() });
        let cancel = self.apply.cancel.clone();
        let left = tokio::select! {
            biased;
            // Wherever it stands, also in a write that does not end.
            () = cancel.risen(Urgency::Finish) => true,
            () = self.work() => false,
        };
        if left {
            self.leave().await;
        }
        self.summary
    }

    /// Everything from the first operation to the locks given back.
    async fn work(&mut self) {
        let mut urgency = Urgency::None;
        let cancel = self.apply.cancel.clone();
        let clock = Arc::clone(&self.shared.clock);
        let mut ticked = clock.elapsed();
        loop {
            // Whatever keeps the loop busy, nothing is started after a signal.
            if cancel.urgency() > urgency {
                urgency = cancel.urgency();
                self.stop();
            }
            // What only changes records ends at once and may make others ready.
            loop {
                self.announce().await;
                let ended = self.summary.done.len() + self.summary.failed.len();
                self.start();
                if ended == self.summary.done.len() + self.summary.failed.len() {
                    break;
                }
            }
            if self.scheduler.is_finished() || self.is_stuck() {
                break;
            }
            let passed = clock.elapsed().saturating_sub(ticked);
            tokio::select! {
                biased;
                report = self.inbox.recv() => {
                    if let Some(report) = report {
                        self.receive(report);
                    }
                    // Whatever else has arrived shares the next journal object.
                    while let Ok(report) = self.inbox.try_recv() {
                        self.receive(report);
                    }
                }
                Some(joined) = self.workers.join_next_with_id() => self.joined(joined),
                Some(id) = self.lookups.next() => {
                    self.looked_up.insert(id);
                }
                () = cancel.risen(urgency) => {
                    urgency = cancel.urgency();
                    self.stop();
                }
                () = clock.idle(TICK.saturating_sub(passed)) => {}
            }
            self.settle().await;
            // However busy it is: a scope without results of its own has a lease to renew too.
            if clock.elapsed().saturating_sub(ticked) >= TICK {
                ticked = clock.elapsed();
                self.tick().await;
            }
        }
        self.finish().await;
    }

    /// Starts nothing more; what is in flight is finished.
    fn stop(&mut self) {
        self.scheduler.stop();
        self.summary.interrupted = true;
        self.emit(ApplyEvent::Stopping { running: self.scheduler.running() });
    }

    /// A worker has ended. It has reported before, unless a defect brought it down.
    fn joined(&mut self, joined: Result<(tokio::task::Id, ()), tokio::task::JoinError>) {
        let error = match joined {
            Ok((task, ())) => {
                self.tasks.remove(&task);
                return;
            }
            Err(error) => error,
        };
        if let Some(id) = self.tasks.remove(&error.id()) {
            let why =
                Diagnostic::error(format!("the operation broke off inside palisade: {error}"))
                    .help("this is a defect; the next run finds out how far the operation came");
            self.failed(id, OperationFailure { uncertain: true, ..OperationFailure::outage(why) });
        }
    }

    fn emit(&self, event: ApplyEvent) {
        // A receiver that is gone is no error.
        let _ = self.apply.events.send(event);
    }

    /// Nothing runs and nothing can be started: every scope with something left is lost.
    fn is_stuck(&self) -> bool {
        self.scheduler.running() == 0 && self.scheduler.ready().next().is_none()
    }

    fn reference(&self, id: u32) -> Option<OperationRef> {
        let operation = self.operations.get(&id)?;
        // As the plan prints it.
        let short = operation.address.shortened(true);
        let shown = self.changes.get(&operation.address).map(|c| c.display == short.to_string());
        let display = match shown {
            None => operation.address.clone(),
            Some(true) => short,
            Some(false) => operation.address.shortened(false),
        };
        let account = operation.scope.strip_prefix("acct-").unwrap_or(&operation.scope);
        let target = operation.target.as_ref().map(|target| match target {
            OperationTarget::Id(id) => id.clone(),
            OperationTarget::IdOf(address) => address.to_string(),
        });
        let (op, account) = (operation.op, account.to_owned());
        Some(OperationRef { id, op, address: display, target, account })
    }

    fn receive(&mut self, report: WorkerReport) {
        match report {
            WorkerReport::Throttled(scope) => {
                let limit = self.scheduler.group_limit(&scope);
                self.scheduler.limit_group(&scope, limit.div_ceil(2));
                self.calm.insert(scope, 0);
            }
            WorkerReport::GateClosed { scope, answer } => self.asks.push((scope, answer)),
            WorkerReport::Ended { id, result } => self.ended(id, result),
        }
    }

    fn ended(&mut self, id: u32, result: Result<Success, OperationFailure>) {
        let Some(operation) = self.operations.get(&id).copied() else { return };
        let success = match result {
            Ok(success) => success,
            Err(problem) => return self.failed(id, problem),
        };
        self.record(operation, &success);
        if let Some(display) = self.reference(id) {
            self.emit(ApplyEvent::Succeeded(display));
        }
        self.summary.done.push(Done {
            id,
            op: operation.op,
            address: operation.address.clone(),
            scope: operation.scope.clone(),
        });
        // Additive increase, after the halving that throttling brought.
        if let Some(calm) = self.calm.get_mut(&operation.scope) {
            *calm += 1;
            if calm.is_multiple_of(10) {
                let limit = self.scheduler.group_limit(&operation.scope);
                self.scheduler.limit_group(&operation.scope, limit + 1);
            }
        }
        let _ = self.scheduler.succeed(id);
        let left = self.left.get_mut(&operation.address).map(|left| {
            *left = left.saturating_sub(1);
            *left
        });
        if left == Some(0)
            && success.record.is_some()
            && let Err(found) = self.apply.desired.postconditions(&operation.address)
        {
            self.summary.postconditions.extend(found);
        }
    }

    fn record(&mut self, operation: &Operation, success: &Success) {
        let address = &operation.address;
        let finish =
            |address: ResourceAddr, outcome| Finished { operation: operation.id, address, outcome };
        let replaced = operation.op == OperationKind::Delete && self.created.contains(address);
        if let Some(scope) = self.scopes.get_mut(&operation.scope) {
            match &success.record {
                None if replaced => scope.finish(finish(deposed(address), OperationOutcome::Gone)),
                None => scope.finish(finish(address.clone(), OperationOutcome::Gone)),
                Some(record) => {
                    if record.meta.is_pending() {
                        self.urgent.insert(operation.scope.clone());
                    }
                    if operation.op == OperationKind::Create
                        && let Some((old, state)) =
                            super::record::depose(&scope.resources, address, &record.key)
                    {
                        scope.finish(finish(old, OperationOutcome::Recorded(state)));
                    }
                    scope.finish(finish(
                        address.clone(),
                        OperationOutcome::Recorded(record.clone()),
                    ));
                }
            }
        }
        if success.record.is_none() {
            if !replaced {
                self.latest.remove(address);
            }
            return;
        }
        if operation.op == OperationKind::Create {
            self.created.insert(address.clone());
        }
        if operation.op.step().is_some() {
            self.latest.insert(address.clone(), success.attrs.clone());
        }
        if !success.attrs.is_empty() {
            self.apply.desired.learned(address, &success.attrs);
        }
        if let Some(handle) = self.apply.accounts.get(address) {
            let id = success.attrs.get("id").and_then(Value::as_str);
            if let Some(id) = id.and_then(|id| id.parse::<AccountId>().ok())
                && let Some(target) = self.targets.accounts.get_mut(handle)
                && target.id.is_none()
            {
                target.id = Some(id);
                self.new_accounts.insert(handle.clone());
            }
        }
    }

    fn failed(&mut self, id: u32, problem: OperationFailure) {
        let Some(operation) = self.operations.get(&id).copied() else { return };
        if let Some(display) = self.reference(id) {
            self.emit(ApplyEvent::Failed { operation: display, reason: problem.why.to_string() });
        }
        let journal = self.journal_of(id, &operation.scope);
        if let Some(made) = &problem.made {
            self.record(operation, made);
        } else if !problem.uncertain
            && let Some(scope) = self.scopes.get_mut(&journal)
            && scope.is_open(id)
        {
            scope.finish(Finished {
                operation: id,
                address: operation.address.clone(),
                outcome: OperationOutcome::Failed(problem.why.summary.clone()),
            });
        }
        if problem.stop {
            self.scheduler.stop();
        }
        self.summary.failed.push(Failed {
            id,
            op: operation.op,
            address: operation.address.clone(),
            scope: operation.scope.clone(),
            why: problem.why,
            uncertain: problem.uncertain,
            outage: problem.outage,
        });
        let skipped = self.scheduler.fail(id).unwrap_or_default();
        for other in skipped {
            if let (Some(operation), Some(because)) = (self.reference(other), self.reference(id)) {
                self.emit(ApplyEvent::Skipped { operation, because });
            }
        }
    }

    /// Writes what must not wait: the request of an asynchronous creation, and many results.
    async fn settle(&mut self) {
        self.answer().await;
        let ledger = &self.apply.ledger;
        let urgent = std::mem::take(&mut self.urgent);
        let writes =
            self.scopes.iter_mut().filter(|(_, s)| s.lost.is_none()).filter_map(|(name, scope)| {
                let due = scope.pending() >= FLUSH_AT || urgent.contains(name);
                due.then(|| scope.journal(ledger, Vec::new()))
            });
        // A scope whose journal cannot be written is lost; what is ready there fails on its turn.
        join_all(writes).await;
        let stamp = self.stamp.clone();
        let head = self.head.clone();
        let folds = self
            .scopes
            .values_mut()
            .filter(|s| s.lost.is_none() && s.since_fold() >= FOLD_EVERY)
            .map(|scope| scope.fold(ledger, stamp.clone(), Some(head.clone())));
        join_all(folds).await;
    }

    /// Looks at the leases whose gates were found closed, and tells those who wait.
    async fn answer(&mut self) {
        let asks = std::mem::take(&mut self.asks);
        if asks.is_empty() {
            return;
        }
        let ledger = &self.apply.ledger;
        let asked: BTreeSet<&str> = asks.iter().map(|(scope, _)| scope.as_str()).collect();
        let scopes = self.scopes.iter_mut().filter(|(name, _)| asked.contains(name.as_str()));
        let looks = scopes
            .map(|(name, scope)| async move { (name.as_str(), scope.lease_state(ledger).await) });
        let walls = async {
            match &mut self.walls {
                Some(walls) => walls.lease_state(ledger).await,
                None => LeaseState::Holds,
            }
        };
        let (standings, walls) = futures::join!(join_all(looks), walls);
        let standings: BTreeMap<&str, LeaseState> = standings.into_iter().collect();
        let told: Vec<LeaseState> = asks
            .iter()
            .map(|(scope, _)| match (standings.get(scope.as_str()), walls) {
                (Some(LeaseState::Holds), LeaseState::Holds) => LeaseState::Holds,
                (None | Some(LeaseState::Over), _) | (_, LeaseState::Over) => LeaseState::Over,
                _ => LeaseState::Unknown,
            })
            .collect();
        let ran_out = |scope: &ScopeRun| scope.lost.is_none() && scope.is_over(ledger);
        let asked = |name: &String| asks.iter().any(|(scope, _)| scope == name);
        if self.scopes.iter().any(|(name, scope)| asked(name) && ran_out(scope))
            || self.walls.as_ref().is_some_and(ran_out)
        {
            // The store keeps silent. What is still to be started would wait for it as long, one after another.
            self.scheduler.stop();
        }
        for ((_, answer), lease_state) in asks.into_iter().zip(told) {
            // A worker that is gone does not wait any more.
            let _ = answer.send(lease_state);
        }
    }

    async fn tick(&mut self) {
        let ledger = &self.apply.ledger;
        let all = self.scopes.values_mut().chain(&mut self.walls);
        let work = all.filter(|s| s.lost.is_none()).map(|scope| async move {
            let kept = scope.keep(ledger).await;
            if kept.is_ok() && scope.pending() > 0 {
                // Failing here shows again, with consequences, at the next announcement.
                let _ = scope.journal(ledger, Vec::new()).await;
            }
            kept
        });
        let results = join_all(work).await;
        // Without the lock of the walls nobody may change them.
        let lost_walls = self.walls.as_ref().is_some_and(|w| w.lost.is_some());
        if lost_walls {
            self.scheduler.stop();
            for result in results {
                if let Err(error) = result {
                    self.summary.warnings.push(*error.diagnostic);
                }
            }
        }
    }
}
