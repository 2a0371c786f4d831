//! Before the first call: the states as they stand under the locks, the walls, the audit record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Apply, Run};
use crate::address::ResourceAddr;
use crate::apply::held::{HeldLease, keep_all};
use crate::apply::scheduler::{Scheduler, SchedulerNode};
use crate::apply::scope::ScopeRun;
use crate::apply::summary::ApplySummary;
use crate::apply::worker::WorkerShared;
use crate::diag::Diagnostic;
use crate::plan::model::{Action, OperationKind, Plan, ResourceChange, StartDetails};
use crate::schema::{AccessPart, Category, kinds};
use crate::state::journal::{JournalWriter, RunJournal};
use crate::state::{
    AuditDetails, AuditEvent, Folded, Ledger, ScopeState, Stamp, StateError, StateFailure,
    Versioned, layout,
};

type Read = BTreeMap<String, Option<Versioned<ScopeState>>>;

pub(super) async fn read_scopes(
    ledger: &Ledger,
    names: &BTreeSet<String>,
) -> Result<Read, StateError> {
    let reads: Vec<_> = names
        .iter()
        .map(|name| async move { Ok((name.clone(), ledger.read_scope(name).await?)) })
        .collect();
    stream::iter(reads).buffered(32).try_collect().await
}

pub(super) fn renames(plan: &Plan, change: &ResourceChange) -> bool {
    plan.operations.iter().any(|o| o.op == OperationKind::Rename && o.address == change.address)
}

/// Whether a plan can change the walls between accounts: it changes identities, the organization or data.
pub(super) fn touches_walls(plan: &Plan) -> bool {
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

/// Removes what a run left of its journal when it was interrupted after its results had come into the
/// state: the next fold would make it look unfinished.
async fn clean_up(
    ledger: &Ledger,
    journal: &RunJournal,
    folded: Option<&Folded>,
) -> Result<(), StateError> {
    let contained = folded.filter(|f| f.run == journal.run).map_or(0, |f| f.sequence);
    if journal.entries.iter().any(|entry| entry.sequence > contained) {
        return Err(stale(
            &journal.scope,
            format!("Run `{}` was interrupted there and has to be recovered first.", journal.run),
        ));
    }
    let sequences = journal.entries.iter().map(|entry| entry.sequence);
    ledger.remove_journal(&journal.scope, &journal.run, sequences).await
}

/// Takes up the states under the locks, looks at the walls once more, and appends the beginning to the audit log. While
/// it writes a state, `writes_state` is set.
pub(super) async fn prepare<'a>(
    apply: &'a Apply<'_>,
    lineage: &str,
    leases: &mut Vec<HeldLease>,
    taken_over: &BTreeSet<String>,
    writes_state: &AtomicBool,
) -> Result<Run<'a>, StateError> {
    let ledger = &apply.ledger;
    let at = ledger.now().await?;
    let stamp = Stamp { plan: Some(apply.plan.digest.clone()), ..apply.holder.stamp(at) };
    let names: BTreeSet<String> = leases.iter().map(|held| held.lease.scope.clone()).collect();
    // Read under the locks: nobody who respects them writes from here on.
    let mut bases = BTreeMap::new();
    let mut read = read_scopes(ledger, &names).await?;
    for journal in ledger.read_journals(&names).await? {
        let state = read.get(&journal.scope).and_then(Option::as_ref);
        clean_up(ledger, &journal, state.and_then(|s| s.value.folded.as_ref())).await?;
    }
    for HeldLease { lease, .. } in
        leases.iter_mut().filter(|held| held.lease.scope != layout::WALLS)
    {
        let basis = read.remove(&lease.scope).flatten();
        let planned = apply.plan.state.scopes.get(&lease.scope);
        let same = match (&basis, planned) {
            (None, None) => true,
            (Some(b), Some(p)) => b.etag == p.etag && b.value.serial == p.serial,
            _ => false,
        };
        if !same {
            let was = planned.map_or("no state".to_owned(), |p| format!("serial {}", p.serial));
            let is = basis.map_or("no state".to_owned(), |b| {
                format!(
                    "serial {} by {} at {:.0}",
                    b.value.serial, b.value.stamp.by, b.value.stamp.at
                )
            });
            return Err(stale(
                &lease.scope,
                format!("The plan was made on {was}; there is {is} now."),
            ));
        }
        let basis = if taken_over.contains(&lease.scope) {
            writes_state.store(true, Ordering::Release);
            let fenced = ledger.fence(lease, lineage, &stamp).await?;
            writes_state.store(false, Ordering::Release);
            Some(fenced)
        } else {
            basis
        };
        bases.insert(lease.scope.clone(), basis);
    }
    if let Some(recheck) = apply.recheck.filter(|_| names.contains(layout::WALLS)) {
        // The whole estate is read again, and the leases must last as long.
        tokio::select! {
            checked = recheck.recheck() => {
                checked.map_err(|why| StateError::new(StateFailure::Conflict, why))?;
            }
            lost = keep_all(ledger, leases) => return Err(lost),
        }
    }
    let scheduler = scheduler(apply)?;
    let prints = ledger.fingerprinter().await?;
    let head = bases.values().flatten().filter_map(|b| b.value.audit.clone()).max();
    let event = AuditEvent {
        at,
        who: apply.holder.who.clone(),
        run: apply.holder.run.clone(),
        action: format!("{}_started", apply.holder.operation),
        plan: Some(apply.plan.digest.clone()),
        reason: apply.reason.clone(),
        scopes: names.iter().cloned().collect(),
        details: AuditDetails::of(&StartDetails {
            operations: apply.plan.operations.len(),
            seen: apply.plan.seen(),
        })?,
    };
    let head = ledger.audit(head.as_ref(), event).await?;
    let mut scopes = BTreeMap::new();
    let mut walls = None;
    for held in leases.drain(..) {
        let lease = &held.lease;
        let template = match bases.get(&lease.scope) {
            Some(Some(basis)) => basis.value.clone(),
            _ => ScopeState::new(lineage, &lease.scope, stamp.clone()),
        };
        let writer = JournalWriter::new(
            lineage,
            &lease.scope,
            &apply.holder.run,
            lease.lock.epoch,
            &apply.holder.who,
            &apply.plan.digest,
            at,
        );
        let basis = bases.remove(&lease.scope).flatten();
        let name = lease.scope.clone();
        let scope = ScopeRun::new(held, basis, template, writer);
        if name == layout::WALLS {
            walls = Some(scope);
        } else {
            scopes.insert(name, scope);
        }
    }
    let (reports, inbox) = mpsc::unbounded_channel();
    let shared = Arc::new(WorkerShared {
        provider: Arc::clone(&apply.provider),
        secrets: Arc::clone(&apply.secrets),
        sources: apply.plan.secret_sources.clone(),
        prints,
        config_prefix: format!("/{}/", apply.plan.estate.name),
        going: going(&apply.plan.resource_changes),
        leaving: leaving(&apply.plan.resource_changes),
        clock: ledger.shared_clock(),
        events: apply.events.clone(),
        reports,
        since: at.as_second(),
    });
    Ok(Run {
        operations: apply.plan.operations.iter().map(|o| (o.id, o)).collect(),
        changes: apply
            .plan
            .resource_changes
            .iter()
            .map(|c| (c.address.clone(), Arc::new(c.clone())))
            .collect(),
        targets: apply.targets.clone(),
        summary: ApplySummary { run: apply.holder.run.clone(), ..ApplySummary::default() },
        apply,
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
        lookups: FuturesUnordered::new(),
        looking_up: BTreeSet::new(),
        looked_up: BTreeSet::new(),
        latest: BTreeMap::new(),
        created: BTreeSet::new(),
        new_accounts: BTreeSet::new(),
        calm: BTreeMap::new(),
        left: apply.plan.operations.iter().fold(BTreeMap::new(), |mut left, o| {
            *left.entry(o.address.clone()).or_default() += 1;
            left
        }),
        urgent: BTreeSet::new(),
        asks: Vec::new(),
        departures: Vec::new(),
    })
}

fn scheduler(apply: &Apply<'_>) -> Result<Scheduler, StateError> {
    let nodes = apply.plan.operations.iter().map(|o| SchedulerNode {
        id: o.id,
        after: o.after.clone(),
        group: o.scope.clone(),
        // AWS serialises Organizations writes; waiting for an account only reads.
        exclusive: o.scope == layout::ORG && o.op != OperationKind::Wait,
    });
    Scheduler::new(nodes, apply.limits.total, apply.limits.per_account).map_err(|error| {
        StateError::new(
            StateFailure::Refused,
            Diagnostic::error(format!("the plan cannot be walked: {error}"))
                .help("it was altered or is damaged: plan again"),
        )
    })
}

/// Principals that a plan deletes, by their unique ids.
fn going(changes: &[ResourceChange]) -> BTreeMap<String, String> {
    let go = |change: &&ResourceChange| matches!(change.action, Action::Delete | Action::Replace);
    let id = |change: &ResourceChange| {
        let principal = kinds::kind(&change.kind)?.schema().meaning.access.principal()?;
        change.unique_id(principal.unique_id)
    };
    changes.iter().filter(go).filter_map(id).collect()
}

/// The ids of units that a plan deletes.
fn leaving(changes: &[ResourceChange]) -> BTreeSet<String> {
    let access = |kind: &str| kinds::kind(kind).map(|kind| kind.schema().meaning.access);
    let units = changes.iter().filter(|change| {
        change.action == Action::Delete && access(&change.kind).is_some_and(AccessPart::is_unit)
    });
    units.filter_map(|unit| Some(unit.before.as_deref()?.get("id")?.as_str()?.to_owned())).collect()
}
