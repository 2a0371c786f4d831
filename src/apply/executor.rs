//! The loop that walks a plan: it alone owns the scheduler, the leases and the state of each scope.
//!
//! A turn of the loop: results are recorded; what is ready is announced in the journal, one object
//! for a whole batch of a scope; what is announced and has room is started; then it waits for a
//! worker, for Ctrl-C, or for the time to flush results and renew leases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cancel::{Cancel, Urgency};
use super::events::{Event, Events, OperationRef};
use super::record::{PENDING, deposed};
use super::scheduler::{Node, NodeState, Scheduler};
use super::scope::ScopeRun;
use super::seams::{Desired, Recheck, Secrets};
use super::summary::{Done, Failed, Skipped, Summary};
use super::worker::{self, Job, Problem, Report, Shared, Success};
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::ids::{AccountId, Handle};
use crate::plan::compute::attrs_of;
use crate::plan::model::{Operation, OperationKind, OperationTarget, Plan, ResourceChange};
use crate::plan::refresh::Targets;
use crate::provider::{Provider, REQUEST};
use crate::schema::{Category, Kind, kinds};
use crate::state::journal::{Finished, Intent, JournalWriter, Outcome};
use crate::state::model::ResourceState;
use crate::state::scopes::AuditHead;
use crate::state::{
    Event as AuditEvent, Holder, Ledger, ScopeState, Stamp, StateError, StateFailure, Terms,
    Versioned, errored, layout,
};
use crate::value::{Attrs, Value};

/// How much at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations in all.
    pub total: usize,
    /// Operations in one account.
    pub per_account: usize,
}

impl Default for Limits {
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
    pub holder: Holder,
    /// How leases are held.
    pub terms: Terms,
    /// How long to wait for somebody else's lock.
    pub lock_timeout: Duration,
    /// How much at a time.
    pub limits: Limits,
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

/// How many intents one journal object announces at most.
const BATCH: usize = 256;
/// After how many results without a state write one is made in mid-run.
const FOLD_EVERY: usize = 500;
/// How many results may wait for the next flush.
const FLUSH_AT: usize = 64;
/// How often results are flushed and leases looked at.
const TICK: Duration = Duration::from_secs(1);

/// Carries out a plan. What fails on the way is in the [`Summary`]; nothing is lost of what was done.
///
/// # Errors
/// It could not begin: a scope is locked ([`StateFailure::Locked`]), the state moved since the plan
/// ([`StateFailure::Conflict`]), the walls got worse, the store cannot be used.
pub async fn apply(cx: Apply<'_>) -> Result<Summary, StateError> {
    if cx.plan.operations.is_empty() {
        return Ok(Summary { run: cx.holder.run.clone(), ..Summary::default() });
    }
    let lineage = cx.ledger.begin(&cx.holder.who).await?;
    let mut scopes: BTreeMap<String, u64> = BTreeMap::new();
    let mut names: BTreeSet<String> = cx.plan.operations.iter().map(|o| o.scope.clone()).collect();
    for change in &cx.plan.resource_changes {
        if let (Some(previous), true) = (&change.previous_address, renames(cx.plan, change)) {
            names.insert(scope_of(previous));
        }
    }
    if touches_walls(cx.plan) {
        names.insert(layout::WALLS.to_owned());
    }
    for (name, state) in read_scopes(&cx.ledger, &names).await? {
        scopes.insert(name, state.map_or(0, |s| s.value.epoch));
    }
    let events = cx.events.clone();
    let held = cx
        .ledger
        .acquire_all(&scopes, &cx.holder, cx.terms, cx.lock_timeout, |scope, lock| {
            let _ = events.send(Event::WaitingForLock {
                scope: scope.to_owned(),
                who: lock.holder.who.clone(),
                host: lock.holder.host.clone(),
                operation: lock.holder.operation.clone(),
            });
        })
        .await?;
    let mut leases = Vec::new();
    let mut taken_over = BTreeSet::new();
    for (lease, previous) in held {
        if previous.is_some() {
            taken_over.insert(lease.scope.clone());
        }
        leases.push(lease);
    }
    match prepare(&cx, &lineage, &mut leases, &taken_over).await {
        Ok(run) => Ok(run.walk().await),
        Err(error) => {
            for lease in &mut leases {
                // It ends by itself where this fails.
                let _ = cx.ledger.release(lease).await;
            }
            Err(error)
        }
    }
}

type Read = BTreeMap<String, Option<Versioned<ScopeState>>>;

async fn read_scopes(ledger: &Ledger, names: &BTreeSet<String>) -> Result<Read, StateError> {
    let reads: Vec<_> = names
        .iter()
        .map(|name| async move { Ok((name.clone(), ledger.read_scope(name).await?)) })
        .collect();
    stream::iter(reads).buffered(32).try_collect().await
}

fn renames(plan: &Plan, change: &ResourceChange) -> bool {
    plan.operations.iter().any(|o| o.op == OperationKind::Rename && o.address == change.address)
}

/// The scope of an address, as the plan assigns it.
pub(super) fn scope_of(address: &ResourceAddr) -> String {
    let home = kinds::kind(&address.kind).map(|k| k.schema().home);
    crate::plan::order::scope_of(home.unwrap_or(crate::schema::Home::Account), address)
}

/// Whether a plan can change the walls between accounts: it changes identities, the organization or data.
fn touches_walls(plan: &Plan) -> bool {
    let touched: BTreeSet<&ResourceAddr> = plan.operations.iter().map(|o| &o.address).collect();
    plan.resource_changes.iter().any(|c| {
        matches!(c.category, Category::Iam | Category::Organization | Category::Data)
            && touched.contains(&c.address)
    })
}

fn stale(scope: &str, detail: String) -> StateError {
    StateError::new(
        StateFailure::Conflict,
        Diagnostic::error(format!("the plan is stale: scope `{scope}` has changed since"))
            .detail(detail)
            .help("plan again and look at what is left to do"),
    )
}

async fn prepare<'a>(
    cx: &'a Apply<'_>,
    lineage: &str,
    leases: &mut Vec<crate::state::Lease>,
    taken_over: &BTreeSet<String>,
) -> Result<Run<'a>, StateError> {
    let ledger = &cx.ledger;
    let at = ledger.now().await?;
    let stamp = Stamp {
        at,
        by: cx.holder.who.clone(),
        run: cx.holder.run.clone(),
        operation: cx.holder.operation.clone(),
        plan: Some(cx.plan.digest.clone()),
    };
    let names: BTreeSet<String> = leases.iter().map(|l| l.scope.clone()).collect();
    if let Some(journal) = ledger.read_journals(&names).await?.first() {
        return Err(stale(
            &journal.scope,
            format!("Run `{}` was cut off there and has to be recovered first.", journal.run),
        ));
    }
    // Read under the locks: nobody who respects them writes from here on.
    let mut bases = BTreeMap::new();
    let mut read = read_scopes(ledger, &names).await?;
    for lease in leases.iter_mut().filter(|l| l.scope != layout::WALLS) {
        let basis = read.remove(&lease.scope).flatten();
        let planned = cx.plan.state.scopes.get(&lease.scope);
        let same = match (&basis, planned) {
            (None, None) => true,
            (Some(b), Some(p)) => b.etag == p.etag && b.value.serial == p.serial,
            _ => false,
        };
        if !same {
            let was = planned.map_or("no state".to_owned(), |p| format!("serial {}", p.serial));
            let is = basis.map_or("no state".to_owned(), |b| {
                format!("serial {} by {} at {}", b.value.serial, b.value.stamp.by, b.value.stamp.at)
            });
            return Err(stale(
                &lease.scope,
                format!("The plan was made on {was}; there is {is} now."),
            ));
        }
        let basis = if taken_over.contains(&lease.scope) {
            Some(ledger.fence(lease, lineage, &stamp).await?)
        } else {
            basis
        };
        bases.insert(lease.scope.clone(), basis);
    }
    if let Some(recheck) = cx.recheck.filter(|_| names.contains(layout::WALLS)) {
        recheck
            .recheck()
            .await
            .map_err(|diagnostic| StateError::new(StateFailure::Conflict, diagnostic))?;
    }
    let scheduler = scheduler(cx)?;
    let prints = ledger.fingerprinter().await?;
    let head = bases.values().flatten().filter_map(|b| b.value.audit.clone()).max();
    let event = AuditEvent {
        at,
        who: cx.holder.who.clone(),
        run: cx.holder.run.clone(),
        action: format!("{}_started", cx.holder.operation),
        plan: Some(cx.plan.digest.clone()),
        reason: cx.reason.clone(),
        scopes: names.iter().cloned().collect(),
        details: [("operations".to_owned(), json!(cx.plan.operations.len()))].into(),
    };
    let head = ledger.audit(head.as_ref(), event).await?;
    let clock: Arc<dyn crate::state::Clock> = ledger.shared_clock();
    let mut scopes = BTreeMap::new();
    let mut walls = None;
    for lease in leases.drain(..) {
        let template = match bases.get(&lease.scope) {
            Some(Some(basis)) => basis.value.clone(),
            _ => ScopeState::new(lineage, &lease.scope, stamp.clone()),
        };
        let writer = JournalWriter::new(
            &lease.scope,
            &cx.holder.run,
            lease.lock.epoch,
            &cx.holder.who,
            &cx.plan.digest,
            at,
        );
        let basis = bases.remove(&lease.scope).flatten();
        let name = lease.scope.clone();
        let scope = ScopeRun::new(lease, cx.terms, basis, template, writer, clock.as_ref());
        if name == layout::WALLS {
            walls = Some(scope);
        } else {
            scopes.insert(name, scope);
        }
    }
    let (reports, inbox) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        provider: Arc::clone(&cx.provider),
        secrets: Arc::clone(&cx.secrets),
        prints,
        clock,
        events: cx.events.clone(),
        reports,
        since: at.as_second(),
    });
    Ok(Run {
        operations: cx.plan.operations.iter().map(|o| (o.id, o)).collect(),
        changes: cx
            .plan
            .resource_changes
            .iter()
            .map(|c| (c.address.clone(), Arc::new(c.clone())))
            .collect(),
        targets: cx.targets.clone(),
        summary: Summary { run: cx.holder.run.clone(), ..Summary::default() },
        cx,
        scheduler,
        scopes,
        walls,
        stamp,
        head,
        shared,
        inbox,
        workers: JoinSet::new(),
        tasks: BTreeMap::new(),
        prepared: BTreeMap::new(),
        announced: BTreeSet::new(),
        latest: BTreeMap::new(),
        created: BTreeSet::new(),
        new_accounts: BTreeSet::new(),
        calm: BTreeMap::new(),
        left: cx.plan.operations.iter().fold(BTreeMap::new(), |mut left, o| {
            *left.entry(o.address.clone()).or_default() += 1;
            left
        }),
        urgent: BTreeSet::new(),
    })
}

fn scheduler(cx: &Apply<'_>) -> Result<Scheduler, StateError> {
    let nodes = cx.plan.operations.iter().map(|o| Node {
        id: o.id,
        after: o.after.clone(),
        group: o.scope.clone(),
        // AWS serialises Organizations writes; waiting for an account only reads.
        exclusive: o.scope == layout::ORG && o.op != OperationKind::Wait,
    });
    Scheduler::new(nodes, cx.limits.total, cx.limits.per_account).map_err(|error| {
        StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!("the plan cannot be walked: {error}"))
                .help("it was altered or is damaged: plan again"),
        )
    })
}

struct Run<'a> {
    cx: &'a Apply<'a>,
    operations: BTreeMap<u32, &'a Operation>,
    changes: BTreeMap<ResourceAddr, Arc<ResourceChange>>,
    scheduler: Scheduler,
    scopes: BTreeMap<String, ScopeRun>,
    walls: Option<ScopeRun>,
    targets: Targets,
    stamp: Stamp,
    head: AuditHead,
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Report>,
    workers: JoinSet<()>,
    tasks: BTreeMap<tokio::task::Id, u32>,
    /// Desired attributes of announced operations.
    prepared: BTreeMap<u32, Option<Attrs>>,
    announced: BTreeSet<u32>,
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
    summary: Summary,
}

impl Run<'_> {
    async fn walk(mut self) -> Summary {
        self.emit(Event::Begun { operations: self.operations.len() });
        let mut urgency = Urgency::None;
        let cancel = self.cx.cancel.clone();
        loop {
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
            let clock = Arc::clone(&self.shared.clock);
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
                () = cancel.risen(urgency) => {
                    urgency = cancel.urgency();
                    self.scheduler.stop();
                    self.summary.interrupted = true;
                    self.emit(Event::Stopping { running: self.scheduler.running() });
                    if urgency == Urgency::Leave {
                        return self.leave().await;
                    }
                }
                () = clock.idle(TICK) => self.tick().await,
            }
            self.settle().await;
        }
        self.finish().await
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
            self.failed(id, Problem { why, uncertain: true, stop: false });
        }
    }

    fn emit(&self, event: Event) {
        // A receiver that is gone is no error.
        let _ = self.cx.events.send(event);
    }

    /// Nothing runs and nothing can be started: every scope with something left is lost.
    fn is_stuck(&self) -> bool {
        self.scheduler.running() == 0 && self.scheduler.ready().next().is_none()
    }

    fn reference(&self, id: u32) -> Option<OperationRef> {
        let operation = self.operations.get(&id)?;
        let display = self.changes.get(&operation.address).map_or_else(
            || operation.address.clone(),
            |c| ResourceAddr { short: !c.display.contains('/'), ..operation.address.clone() },
        );
        let account = operation.scope.strip_prefix("acct-").unwrap_or(&operation.scope);
        Some(OperationRef { id, op: operation.op, address: display, account: account.to_owned() })
    }

    /// Announces what is ready in the journals of its scopes, before any of it starts. A scope is
    /// asked again only when what was announced there has been started, so that batches form.
    async fn announce(&mut self) {
        let mut fresh: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut waiting: BTreeSet<&str> = BTreeSet::new();
        for id in self.scheduler.ready() {
            let Some(operation) = self.operations.get(&id) else { continue };
            if self.announced.contains(&id) {
                waiting.insert(&operation.scope);
            } else {
                fresh.entry(operation.scope.clone()).or_default().push(id);
            }
        }
        fresh.retain(|scope, _| !waiting.contains(scope.as_str()));
        let mut intents: BTreeMap<String, Vec<Intent>> = BTreeMap::new();
        for (scope, ids) in fresh {
            for id in ids.into_iter().take(BATCH) {
                match self.prepare_operation(id) {
                    Ok(intent) => {
                        self.announced.insert(id);
                        let batch = intents.entry(scope.clone()).or_default();
                        batch.extend(intent);
                    }
                    Err(problem) => self.failed(id, problem),
                }
            }
        }
        let ledger = &self.cx.ledger;
        let writes = self.scopes.iter_mut().filter_map(|(name, scope)| {
            let batch = intents.remove(name).filter(|b| !b.is_empty())?;
            let ids: Vec<u32> = batch.iter().map(|i| i.operation).collect();
            Some(async move { (ids, scope.journal(ledger, batch).await) })
        });
        for (ids, result) in join_all(writes).await {
            if let Err(error) = result {
                for id in ids {
                    self.failed(id, Problem::certain((*error.diagnostic).clone()));
                }
            }
        }
    }

    /// The intent of an operation that calls AWS; `None` for one that does not.
    fn prepare_operation(&mut self, id: u32) -> Result<Option<Intent>, Problem> {
        let broken = || Problem::certain(Diagnostic::error("the plan does not fit together"));
        let operation = *self.operations.get(&id).ok_or_else(broken)?;
        let change = Arc::clone(self.changes.get(&operation.address).ok_or_else(broken)?);
        let kind = kinds::kind(&change.kind).ok_or_else(broken)?;
        let scope = self.scopes.get(&operation.scope).ok_or_else(broken)?;
        if let Some(lost) = &scope.lost {
            return Err(Problem::certain((*lost.diagnostic).clone()));
        }
        let wanted = match operation.op {
            // Only after waiting can an account be put where it belongs.
            OperationKind::Create
            | OperationKind::Update
            | OperationKind::Move
            | OperationKind::Wait => Some(self.wanted(&change).map_err(Problem::certain)?),
            _ => None,
        };
        let intent = operation.op.step().map(|_| {
            let recorded = scope.resources.get(&operation.address);
            let key = match (operation.op, &wanted) {
                (OperationKind::Create, Some(wanted)) => kind.natural_key(wanted),
                _ => change.key.clone().or_else(|| recorded.map(|r| r.key.clone())),
            };
            Intent {
                operation: id,
                op: name_of(operation.op).to_owned(),
                address: operation.address.clone(),
                target: self.step_target(operation, scope, wanted.as_ref()),
                resource: self.expected(
                    kind,
                    &change,
                    operation,
                    recorded,
                    wanted.as_ref(),
                    key.as_deref(),
                ),
                key,
            }
        });
        self.prepared.insert(id, wanted);
        Ok(intent)
    }

    /// Desired attributes: the plan's own where they are whole, else as they can be resolved by now.
    fn wanted(&self, change: &ResourceChange) -> Result<Attrs, Diagnostic> {
        let whole = change.after_unknown.is_empty() && change.sensitive.is_empty();
        if let Some(after) = change.after.as_ref().filter(|a| whole && !holds_secret(a)) {
            return Ok(attrs_of(after));
        }
        let resolved = self.cx.desired.resolve(&change.address);
        let attrs = resolved.map_err(|found| {
            found.into_iter().find(Diagnostic::is_error).unwrap_or_else(|| {
                Diagnostic::error(format!("`{}` cannot be resolved", change.display))
            })
        })?;
        match attrs.iter().find(|(_, value)| value.has_unknown()) {
            None => Ok(attrs),
            Some((name, _)) => Err(Diagnostic::error(format!(
                "`{name}` of `{}` is still not known",
                change.display
            ))
            .help("apply again: what it waits for is recorded by then")),
        }
    }

    /// What recovery records should it find the object; hidden values are left out, so that the next
    /// plan writes them again.
    fn expected(
        &self,
        kind: &'static dyn Kind,
        change: &ResourceChange,
        operation: &Operation,
        recorded: Option<&ResourceState>,
        wanted: Option<&Attrs>,
        key: Option<&str>,
    ) -> ResourceState {
        let mut plain = wanted.cloned().unwrap_or_default();
        for value in plain.values_mut() {
            if super::record::is_hidden(value) {
                *value = Value::Null;
            }
        }
        let mut expected = super::record::after(&super::record::Material {
            kind,
            change,
            op: operation.op,
            prior: recorded,
            wanted: Some(&plain),
            real: None,
            returned: &Attrs::new(),
            target: None,
            meta: &self.cx.desired.meta(&operation.address),
            prints: &self.shared.prints,
        });
        if let Some(key) = key {
            key.clone_into(&mut expected.key);
        }
        expected
    }

    fn step_target(
        &self,
        operation: &Operation,
        scope: &ScopeRun,
        _wanted: Option<&Attrs>,
    ) -> Option<String> {
        if operation.op == OperationKind::Wait {
            let latest = self.latest.get(&operation.address).and_then(|a| a.get(REQUEST));
            let request = latest.and_then(Value::as_str).map(ToOwned::to_owned);
            return request.or_else(|| {
                let recorded = scope.resources.get(&operation.address)?;
                recorded.meta.get(PENDING)?.as_str().map(ToOwned::to_owned)
            });
        }
        match operation.target.as_ref()? {
            OperationTarget::Id(id) => Some(id.clone()),
            OperationTarget::IdOf(address) => {
                let known = self.latest.get(address).and_then(|a| a.get("id"));
                known.and_then(Value::as_str).map(ToOwned::to_owned).or_else(|| {
                    let recorded = self.scopes.values().find_map(|s| s.resources.get(address))?;
                    recorded.attrs.get("id")?.as_str().map(ToOwned::to_owned)
                })
            }
        }
    }

    /// Starts what is announced and has room.
    fn start(&mut self) {
        loop {
            let mut progress = false;
            for id in self.scheduler.startable(|id| self.announced.contains(&id)) {
                if self.scheduler.start(id).is_err() {
                    continue;
                }
                progress = true;
                self.launch(id);
            }
            if !progress {
                return;
            }
        }
    }

    fn launch(&mut self, id: u32) {
        let (Some(operation), Some(display)) =
            (self.operations.get(&id).copied(), self.reference(id))
        else {
            return;
        };
        self.emit(Event::Started(display.clone()));
        let wanted = self.prepared.remove(&id).flatten();
        if operation.op.step().is_none() {
            let result = self.local(operation);
            self.ended(id, result);
            return;
        }
        let parts = self.changes.get(&operation.address).cloned().and_then(|change| {
            let kind = kinds::kind(&change.kind)?;
            let target = self.targets.of_address(kind.schema().home, &operation.address)?.clone();
            let scope = self.scopes.get(&operation.scope)?;
            Some((change, kind, target, scope))
        });
        let Some((change, kind, target, scope)) = parts else {
            let why = Diagnostic::error(format!(
                "the account of `{}` cannot be reached: it is not in the configuration",
                display.address
            ))
            .help("keep the `account` block until what is in the account has been removed");
            self.ended(id, Err(Problem::certain(why)));
            return;
        };
        // The old object of a replacement that came second is not what this run has just made.
        let replaced =
            operation.op == OperationKind::Delete && self.created.contains(&operation.address);
        let recorded = if replaced {
            scope.resources.get(&deposed(&operation.address))
        } else {
            scope.resources.get(&operation.address)
        };
        let job = Job {
            operation: operation.clone(),
            display,
            kind,
            new_account: self.new_accounts.contains(&target.handle),
            target,
            prior: recorded.cloned(),
            latest: self.latest.get(&operation.address).filter(|_| !replaced).cloned(),
            step_target: self.step_target(operation, scope, wanted.as_ref()),
            wanted,
            meta: self.cx.desired.meta(&operation.address),
            gate: scope.gate.clone(),
            change,
        };
        let task = self.workers.spawn(worker::run(Arc::clone(&self.shared), job));
        self.tasks.insert(task.id(), id);
    }

    /// Operations that only change the record.
    fn local(&mut self, operation: &Operation) -> Result<Success, Problem> {
        let broken = || Problem::certain(Diagnostic::error("the plan does not fit together"));
        let change = Arc::clone(self.changes.get(&operation.address).ok_or_else(broken)?);
        let kind = kinds::kind(&change.kind).ok_or_else(broken)?;
        match operation.op {
            OperationKind::Forget => Ok(Success { record: None, attrs: Attrs::new() }),
            OperationKind::Rename => {
                let previous = change.previous_address.clone().ok_or_else(broken)?;
                let old_scope = self.scopes.get_mut(&scope_of(&previous)).ok_or_else(broken)?;
                let mut record = old_scope.resources.get(&previous).cloned().ok_or_else(|| {
                    Problem::certain(Diagnostic::error(format!("`{previous}` is not recorded")))
                })?;
                record.depends_on = change.depends_on.iter().cloned().collect();
                record.environments = change.environments.iter().cloned().collect();
                let gone =
                    Finished { operation: operation.id, address: previous, outcome: Outcome::Gone };
                old_scope.finish(gone);
                Ok(Success { record: Some(record), attrs: Attrs::new() })
            }
            _ => {
                let before = change.before.as_ref().map(attrs_of).unwrap_or_default();
                let scope = self.scopes.get(&operation.scope).ok_or_else(broken)?;
                let mut record = super::record::after(&super::record::Material {
                    kind,
                    change: &change,
                    op: operation.op,
                    prior: scope.resources.get(&operation.address),
                    wanted: None,
                    real: None,
                    returned: &before,
                    target: None,
                    meta: &self.cx.desired.meta(&operation.address),
                    prints: &self.shared.prints,
                });
                if let (Some(name), Some(before)) = (kind.schema().attachments, &change.before)
                    && let Some(attached) = before.get(name)
                {
                    record.attrs.insert(name.to_owned(), attached.clone());
                }
                Ok(Success { record: Some(record), attrs: before })
            }
        }
    }

    fn receive(&mut self, report: Report) {
        match report {
            Report::Throttled(scope) => {
                let limit = self.scheduler.group_limit(&scope);
                self.scheduler.limit_group(&scope, limit.div_ceil(2));
                self.calm.insert(scope, 0);
            }
            Report::Ended { id, result } => self.ended(id, result),
        }
    }

    fn ended(&mut self, id: u32, result: Result<Success, Problem>) {
        let Some(operation) = self.operations.get(&id).copied() else { return };
        let success = match result {
            Ok(success) => success,
            Err(problem) => return self.failed(id, problem),
        };
        self.record(operation, &success);
        if let Some(display) = self.reference(id) {
            self.emit(Event::Succeeded(display));
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
            && let Err(found) = self.cx.desired.postconditions(&operation.address)
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
                None if replaced => scope.finish(finish(deposed(address), Outcome::Gone)),
                None => scope.finish(finish(address.clone(), Outcome::Gone)),
                Some(record) => {
                    if record.meta.contains_key(PENDING) {
                        self.urgent.insert(operation.scope.clone());
                    }
                    if operation.op == OperationKind::Create
                        && let Some((old, state)) =
                            super::record::depose(&scope.resources, address, &record.key)
                    {
                        scope.finish(finish(old, Outcome::Recorded(state)));
                    }
                    scope.finish(finish(address.clone(), Outcome::Recorded(record.clone())));
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
            self.cx.desired.learned(address, &success.attrs);
        }
        if let Some(handle) = self.cx.accounts.get(address) {
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

    fn failed(&mut self, id: u32, problem: Problem) {
        let Some(operation) = self.operations.get(&id).copied() else { return };
        if let Some(display) = self.reference(id) {
            self.emit(Event::Failed { operation: display, reason: problem.why.to_string() });
        }
        if !problem.uncertain
            && let Some(scope) = self.scopes.get_mut(&operation.scope)
            && self.announced.contains(&id)
            && operation.op.step().is_some()
        {
            scope.finish(Finished {
                operation: id,
                address: operation.address.clone(),
                outcome: Outcome::Failed(problem.why.summary.clone()),
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
        });
        let skipped = self.scheduler.fail(id).unwrap_or_default();
        for other in skipped {
            if let (Some(operation), Some(because)) = (self.reference(other), self.reference(id)) {
                self.emit(Event::Skipped { operation, because });
            }
        }
    }

    /// Writes what must not wait: the request of an asynchronous creation, and many results.
    async fn settle(&mut self) {
        let ledger = &self.cx.ledger;
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

    async fn tick(&mut self) {
        let ledger = &self.cx.ledger;
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

    /// Second Ctrl-C: what is in flight is dropped; the journal knows about it.
    async fn leave(mut self) -> Summary {
        self.workers.abort_all();
        let ledger = &self.cx.ledger;
        let all = self.scopes.values_mut().chain(&mut self.walls);
        let leaving = join_all(all.map(|scope| scope.abandon(ledger)));
        tokio::select! {
            _ = leaving => {}
            () = self.shared.clock.idle(Duration::from_secs(3)) => {}
        }
        self.tell_skipped();
        self.summary
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
    async fn finish(mut self) -> Summary {
        self.tell_skipped();
        self.withdraw();
        self.touch_up();
        match self.cx.ledger.audit(Some(&self.head), self.audit_event().await).await {
            Ok(head) => self.head = head,
            Err(error) => self.summary.warnings.push(
                Diagnostic::warning("the end of this run is not in the audit log")
                    .detail(error.to_string())
                    .help("its beginning is; the next apply continues the log"),
            ),
        }
        let (stamp, head) = (self.stamp.clone(), self.head.clone());
        let ledger = &self.cx.ledger;
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
        let mut notes = Vec::new();
        for (scope, result) in join_all(folds).await {
            match result {
                Ok(Some(serial)) => {
                    let saved = Event::Saved { scope: scope.name.clone(), serial };
                    let _ = self.cx.events.send(saved);
                }
                Ok(None) => {}
                // The state is written; only clearing away the journal failed.
                Err(error) if !scope.is_dirty() => notes.push(*error.diagnostic),
                Err(error) => self.summary.unsaved.push((scope.name.clone(), error)),
            }
        }
        self.summary.warnings.extend(notes);
        self.save_unwritten();
        let all = self.scopes.values_mut().chain(&mut self.walls);
        let released = join_all(all.map(|scope| scope.release(ledger))).await;
        self.summary.warnings.extend(released.into_iter().flatten());
        self.summary
    }

    /// A state that the backend does not take is saved beside the configuration. One that lost
    /// against another writer's is not: its results are in the journal, for the next run to look at.
    fn save_unwritten(&mut self) {
        let location = self.cx.ledger.store().location();
        let mut saved = Vec::new();
        for (name, error) in &self.summary.unsaved {
            if error.failure == StateFailure::Conflict {
                continue;
            }
            let Some(scope) = self.scopes.get(name) else { continue };
            let state = scope.state(Some(self.head.clone()));
            match errored::save(&self.cx.errored_dir, &location, scope.basis(), &state) {
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
            if let Some(operation) = self.operations.get(&id).filter(|_| unstarted)
                && let Some(scope) = self.scopes.get_mut(&operation.scope)
            {
                scope.withdraw(id);
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
            let meta = self.cx.desired.meta(address);
            let Some(scope) = self.scopes.get_mut(&name).filter(|s| s.is_dirty()) else { continue };
            let prints = &self.shared.prints;
            scope.touch_up(|resources| {
                let Some(record) = resources.get_mut(address) else { return false };
                record.depends_on = change.depends_on.iter().cloned().collect();
                record.environments = change.environments.iter().cloned().collect();
                for (name, value) in meta {
                    record.meta.insert(name, prints.conceal(&value));
                }
                true
            });
        }
    }

    async fn audit_event(&self) -> AuditEvent {
        let outcome = |ok: &str, id: u32, op: OperationKind, address: &ResourceAddr| json!({"id": id, "op": op, "address": address, "outcome": ok});
        let done = self.summary.done.iter().map(|o| outcome("done", o.id, o.op, &o.address));
        let failed = self.summary.failed.iter().map(|o| {
            let how = if o.uncertain { "unknown" } else { "failed" };
            outcome(how, o.id, o.op, &o.address)
        });
        let skipped =
            self.summary.skipped.iter().map(|o| outcome("skipped", o.id, o.op, &o.address));
        let operations: Vec<_> = done.chain(failed).chain(skipped).collect();
        let at = self.cx.ledger.now().await.unwrap_or(self.stamp.at);
        AuditEvent {
            at,
            who: self.cx.holder.who.clone(),
            run: self.cx.holder.run.clone(),
            action: format!("{}_finished", self.cx.holder.operation),
            plan: Some(self.cx.plan.digest.clone()),
            reason: self.cx.reason.clone(),
            scopes: self.scopes.keys().cloned().collect(),
            details: [
                ("operations".to_owned(), json!(operations)),
                ("interrupted".to_owned(), json!(self.summary.interrupted)),
            ]
            .into(),
        }
    }
}

/// How journals name an operation.
pub(super) fn name_of(op: OperationKind) -> &'static str {
    match op {
        OperationKind::Create => "create",
        OperationKind::Update => "update",
        OperationKind::Delete => "delete",
        OperationKind::Attach => "attach",
        OperationKind::Detach => "detach",
        OperationKind::Move => "move",
        OperationKind::Wait => "wait",
        OperationKind::Adopt => "adopt",
        OperationKind::Forget => "forget",
        OperationKind::Rename => "rename",
    }
}

fn holds_secret(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Object(o) => {
            o.len() == 1 && o.get("secret").is_some_and(serde_json::Value::is_string)
                || o.values().any(holds_secret)
        }
        serde_json::Value::Array(a) => a.iter().any(holds_secret),
        _ => false,
    }
}
