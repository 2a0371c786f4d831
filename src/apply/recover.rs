//! Finishing what a run that was cut off has left: no orphan, no duplicate, nothing lost.
//!
//! Results in the journal are folded into the state. Each intent without a result is looked up in
//! AWS by the object's natural key and ownership tags: what was created is adopted, what was not is
//! dropped, and the next plan sees the world as it is. A journal written under an epoch that the
//! state has passed is not believed: all that it names is looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::events::{Event, Events};
use super::record::{PENDING, deposed};
use super::worker::owner;
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::ids::{AccountId, Handle};
use crate::plan::diff::{Recorded, difference};
use crate::plan::refresh::Targets;
use crate::provider::{
    Access, Failure, LiveObject, Op, Provider, ProviderError, REQUEST, Step, Target,
};
use crate::schema::{Home, Kind, Recovery as By, kinds};
use crate::state::clock::backoff;
use crate::state::journal::{Finished, Intent, Outcome, RunJournal};
use crate::state::model::{ResourceState, Resources};
use crate::state::scopes::Folded;
use crate::state::{
    Event as AuditEvent, Fingerprinter, Holder, Lease, Ledger, ScopeState, Snapshot, Stamp,
    StateError, StateFailure, Terms,
};
use crate::value::{Attrs, Value};

/// Everything that recovery works with.
pub struct Recovery<'a> {
    /// Where state is.
    pub ledger: &'a Ledger,
    /// How AWS is reached.
    pub provider: Arc<dyn Provider>,
    /// How each account is reached.
    pub targets: Targets,
    /// Which `account` instance is which account.
    pub accounts: BTreeMap<ResourceAddr, Handle>,
    /// Who recovers.
    pub holder: Holder,
    /// How leases are held.
    pub terms: Terms,
    /// How long to wait for the lock of the run that was cut off to end.
    pub lock_timeout: Duration,
    /// Where events go.
    pub events: Events,
}

/// A run that has left a journal, for a plan to show.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// The scope.
    pub scope: String,
    /// The run.
    pub run: String,
    /// Who ran it.
    pub by: String,
    /// Whether it still holds its lock: it is at work, or was cut off a short while ago.
    pub active: bool,
    /// Objects with a change of which no result is recorded.
    pub dangling: Vec<ResourceAddr>,
    /// Number of results that wait to be folded into the state.
    pub results: usize,
}

/// What recovery did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Runs whose journals were folded: scope and run.
    pub runs: Vec<(String, String)>,
    /// Objects that had been created or changed without a recorded result, and are in the state now.
    pub adopted: Vec<ResourceAddr>,
    /// Changes that had not been carried out.
    pub dropped: Vec<ResourceAddr>,
    /// What still cannot be told; it stays in the journal.
    pub unsettled: Vec<Diagnostic>,
}

impl Recovered {
    /// Whether there was anything to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.adopted.is_empty() && self.unsettled.is_empty()
    }
}

/// Whether there is anything to recover: a journal that was left, or an account that was asked for
/// and not waited out.
#[must_use]
pub fn is_needed(snapshot: &Snapshot) -> bool {
    let mut records = snapshot.scopes.values().flat_map(|s| s.value.resources.values());
    !snapshot.dangling.is_empty() || records.any(|r| r.meta.contains_key(PENDING))
}

/// Looks at what runs have left, without changing anything: what a plan shows.
///
/// # Errors
/// The store cannot be read, or a journal is damaged.
pub async fn inspect(ledger: &Ledger, snapshot: &Snapshot) -> Result<Vec<Found>, StateError> {
    let scopes: BTreeSet<String> = snapshot.dangling.iter().map(|d| d.scope.clone()).collect();
    if scopes.is_empty() {
        return Ok(Vec::new());
    }
    let now = ledger.now().await?;
    let mut found = Vec::new();
    for journal in ledger.read_journals(&scopes).await? {
        let lock = ledger.read_lock(&journal.scope).await?;
        let active =
            lock.is_some_and(|l| l.holder.run == journal.run && !l.released && now < l.expires_at);
        found.push(Found {
            by: journal.entries.first().map(|e| e.by.clone()).unwrap_or_default(),
            active,
            dangling: journal.dangling().into_iter().map(|i| i.address).collect(),
            results: journal.entries.iter().map(|e| e.finished.len()).sum(),
            scope: journal.scope,
            run: journal.run,
        });
    }
    Ok(found)
}

/// Recovers every run that was cut off. Reads without locks first and takes none when there is
/// nothing to do. Waits for the lock of a run that is still at work.
///
/// # Errors
/// A scope is locked ([`StateFailure::Locked`]), or the store cannot be used.
pub async fn recover(cx: &Recovery<'_>) -> Result<Recovered, StateError> {
    let snapshot = cx.ledger.read_all().await?;
    let mut scopes: BTreeMap<String, u64> = BTreeMap::new();
    let epoch = |scope: &str| snapshot.scopes.get(scope).map_or(0, |s| s.value.epoch);
    for dangling in &snapshot.dangling {
        scopes.insert(dangling.scope.clone(), epoch(&dangling.scope));
    }
    for (name, scope) in &snapshot.scopes {
        if scope.value.resources.values().any(|r| r.meta.contains_key(PENDING)) {
            scopes.insert(name.clone(), epoch(name));
        }
    }
    let mut recovered = Recovered::default();
    if scopes.is_empty() {
        return Ok(recovered);
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
    let mut leases: Vec<Lease> = held.into_iter().map(|(lease, _)| lease).collect();
    // The organization first: members are reached by the account ids that it records.
    leases.sort_by_key(|l| (l.scope != crate::state::layout::ORG, l.scope.clone()));
    let mut targets = cx.targets.clone();
    let mut failure = None;
    for lease in &mut leases {
        if failure.is_none() {
            let work = recover_scope(cx, &mut targets, lease, &snapshot.lineage, &mut recovered);
            failure = work.await.err();
        }
    }
    for lease in &mut leases {
        let _ = cx.ledger.release(lease).await;
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(recovered),
    }
}

async fn recover_scope(
    cx: &Recovery<'_>,
    targets: &mut Targets,
    lease: &mut Lease,
    lineage: &str,
    recovered: &mut Recovered,
) -> Result<(), StateError> {
    let ledger = cx.ledger;
    let scope = lease.scope.clone();
    let basis = ledger.read_scope(&scope).await?;
    let at = ledger.now().await?;
    let stamp = Stamp {
        at,
        by: cx.holder.who.clone(),
        run: cx.holder.run.clone(),
        operation: "recover".to_owned(),
        plan: None,
    };
    let mut next = match &basis {
        Some(basis) => basis.value.clone(),
        None => {
            let lineage = if lineage.is_empty() {
                ledger.begin(&cx.holder.who).await?
            } else {
                lineage.to_owned()
            };
            ScopeState::new(lineage, &scope, stamp.clone())
        }
    };
    let known_epoch = next.epoch;
    let mut journals = ledger.read_journals(&[scope.clone()].into()).await?;
    let mut clean: Vec<(String, Vec<u64>)> = Vec::new();
    let mut settled_runs = Vec::new();
    for journal in &mut journals {
        // What the state holds already was only not cleared away.
        if let Some(folded) = next.folded.as_ref().filter(|f| f.run == journal.run) {
            let through = folded.sequence;
            let (old, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut journal.entries)
                .into_iter()
                .partition(|e| e.sequence <= through);
            journal.entries = rest;
            clean.push((journal.run.clone(), old.iter().map(|e| e.sequence).collect()));
        }
        if journal.entries.is_empty() {
            continue;
        }
        let trusted = journal.entries.iter().all(|e| e.epoch >= known_epoch);
        let mut open = journal.dangling();
        if trusted {
            journal.replay(&mut next.resources);
        } else {
            open = everything(journal);
        }
        let _ = cx.events.send(Event::Recovering {
            scope: scope.clone(),
            run: journal.run.clone(),
            dangling: open.len(),
        });
        learn_accounts(cx, targets, &next.resources);
        let since = journal.entries.first().map_or(0, |e| e.since.as_second());
        let mut unsettled = 0;
        for intent in open {
            let looked = Look { cx, targets, since }.settle(&intent, &mut next.resources).await;
            match looked {
                Ok(true) => recovered.adopted.push(intent.address.clone()),
                Ok(false) => recovered.dropped.push(intent.address.clone()),
                Err(diagnostic) => {
                    unsettled += 1;
                    recovered.unsettled.push(diagnostic);
                }
            }
        }
        if unsettled == 0 {
            settled_runs.push(Folded { run: journal.run.clone(), sequence: journal.last() });
            clean.push((journal.run.clone(), journal.entries.iter().map(|e| e.sequence).collect()));
        }
        recovered.runs.push((scope.clone(), journal.run.clone()));
    }
    learn_accounts(cx, targets, &next.resources);
    wait_for_pending(cx, targets, &mut next.resources, recovered).await;
    next.epoch = lease.lock.epoch;
    if let Some(folded) = settled_runs.last() {
        next.folded = Some(folded.clone());
    }
    let event = AuditEvent {
        at,
        who: cx.holder.who.clone(),
        run: cx.holder.run.clone(),
        action: "recovered".to_owned(),
        plan: None,
        reason: None,
        scopes: vec![scope.clone()],
        details: [
            ("runs".to_owned(), json!(journals.iter().map(|j| &j.run).collect::<Vec<_>>())),
            ("adopted".to_owned(), json!(recovered.adopted)),
            ("dropped".to_owned(), json!(recovered.dropped)),
        ]
        .into(),
    };
    next.audit = Some(ledger.audit(next.audit.as_ref(), event).await?);
    ledger.write_scope(basis.as_ref(), &next, stamp).await?;
    lease.lock.unfenced = false;
    for (run, sequences) in clean {
        ledger.remove_journal(&scope, &run, sequences).await?;
    }
    Ok(())
}

/// Every operation that a journal names, as if none had a result: the last intent of each, in order.
fn everything(journal: &RunJournal) -> Vec<Intent> {
    let mut all: BTreeMap<u32, Intent> = BTreeMap::new();
    for intent in journal.entries.iter().flat_map(|e| &e.intents) {
        all.insert(intent.operation, intent.clone());
    }
    all.into_values().collect()
}

/// Account ids that the state knows by now open the way into those accounts.
fn learn_accounts(cx: &Recovery<'_>, targets: &mut Targets, resources: &Resources) {
    for (address, handle) in &cx.accounts {
        let id = resources.get(address).and_then(|r| r.attrs.get("id")).and_then(Json::as_str);
        if let Some(id) = id.and_then(|id| id.parse::<AccountId>().ok())
            && let Some(target) = targets.accounts.get_mut(handle)
            && target.id.is_none()
        {
            target.id = Some(id);
        }
    }
}

/// Accounts whose creation was asked for and not waited out.
async fn wait_for_pending(
    cx: &Recovery<'_>,
    targets: &Targets,
    resources: &mut Resources,
    recovered: &mut Recovered,
) {
    let pending: Vec<(ResourceAddr, String)> = resources
        .iter()
        .filter_map(|(a, r)| Some((a.clone(), r.meta.get(PENDING)?.as_str()?.to_owned())))
        .collect();
    for (address, request) in pending {
        let Some(kind) = kinds::kind(&address.kind) else { continue };
        let Some(target) = targets.of_address(kind.schema().home, &address) else { continue };
        let step = Step {
            op: Op::Wait,
            kind: kind.schema().kind,
            address: address.clone(),
            before: None,
            after: resources.get(&address).map(attrs_of_record),
            changed: Vec::new(),
            meta: Attrs::new(),
            target: Some(request),
        };
        match patiently(cx, Duration::from_secs(1800), || cx.provider.execute(target, &step)).await
        {
            Ok(returned) => {
                if let Some(record) = resources.get_mut(&address) {
                    record.meta.remove(PENDING);
                    overlay(record, &returned);
                }
                recovered.adopted.push(address);
            }
            // It has failed for good: nothing came into being, and the next plan creates it.
            Err(error)
                if error.failure == Failure::Refused || error.failure == Failure::NotFound =>
            {
                resources.remove(&address);
                recovered.dropped.push(address);
            }
            Err(error) => recovered.unsettled.push(
                Diagnostic::error(format!("the creation of `{address}` is still in the balance"))
                    .detail(error.to_string()),
            ),
        }
    }
}

fn attrs_of_record(record: &ResourceState) -> Attrs {
    record.attrs.iter().map(|(k, v)| (k.clone(), Value::from_json(v))).collect()
}

/// What came back from AWS goes into a record; hidden values stay fingerprints.
fn overlay(record: &mut ResourceState, found: &Attrs) {
    // Live values that are sensitive are never compared by fingerprint here, so any key will do.
    let prints = Fingerprinter::new(vec![0; 32]);
    for (name, value) in found {
        let kept = record.attrs.get(name).is_some_and(|v| v.get("fingerprint").is_some());
        if name != REQUEST && !kept && !super::record::is_hidden(value) {
            record.attrs.insert(name.clone(), prints.conceal(value));
        }
    }
}

struct Look<'a> {
    cx: &'a Recovery<'a>,
    targets: &'a Targets,
    since: i64,
}

impl Look<'_> {
    /// Finds out what became of one intent and records it. True when the change (or a part of it)
    /// is there, false when it was not carried out.
    async fn settle(&self, intent: &Intent, resources: &mut Resources) -> Result<bool, Diagnostic> {
        let address = &intent.address;
        let unsettled = |error: &ProviderError| {
            Diagnostic::error(format!("it is not known what became of `{address}` ({})", intent.op))
                .detail(error.to_string())
                .help("the journal keeps it; run again when the account can be read")
        };
        let Some(kind) = kinds::kind(&address.kind) else {
            return Err(Diagnostic::error(format!("`{address}` is of an unknown kind")));
        };
        let schema = kind.schema();
        let target = match self.targets.of_address(schema.home, address) {
            Some(target) if schema.home == Home::Organization || reachable(target) => target,
            // An account that never came into being holds nothing.
            _ => return Ok(false),
        };
        if intent.op == "create" && schema.asynchronous {
            return self.settle_asynchronous(intent, kind, target, resources).await;
        }
        let live = match self.find(intent, kind, target, resources).await {
            Ok(live) => live,
            Err(error) => return Err(unsettled(&error)),
        };
        Ok(fold_found(intent, kind, live, resources))
    }

    /// A creation that was asked for and not answered, or answered and not waited for.
    async fn settle_asynchronous(
        &self,
        intent: &Intent,
        kind: &'static dyn Kind,
        target: &Target,
        resources: &mut Resources,
    ) -> Result<bool, Diagnostic> {
        let wanted = attrs_of_record(&intent.resource);
        let name = kind.schema().kind;
        let limit = Duration::from_secs(120);
        let found = patiently(self.cx, limit, || {
            self.cx.provider.find_creation(target, name, &wanted, self.since)
        })
        .await;
        let attrs = match found {
            Ok(Some(attrs)) => attrs,
            // No such request is known: an object with its key may be there all the same.
            Ok(None) => match self.find(intent, kind, target, resources).await {
                Ok(Some(live)) => live.attrs,
                Ok(None) => return Ok(false),
                Err(error) => {
                    return Err(Diagnostic::error(format!(
                        "it is not known whether `{}` was created",
                        intent.address
                    ))
                    .detail(error.to_string()));
                }
            },
            Err(error) => {
                return Err(Diagnostic::error(format!(
                    "it is not known whether `{}` was created",
                    intent.address
                ))
                .detail(error.to_string())
                .help("the journal keeps it; run again when the organization can be read"));
            }
        };
        let mut record = intent.resource.clone();
        overlay(&mut record, &attrs);
        let has_id = record.attrs.get("id").is_some_and(Json::is_string);
        if let Some(request) = attrs.get(REQUEST).filter(|_| !has_id) {
            record.meta.insert(PENDING.to_owned(), request.to_json());
        }
        resources.insert(intent.address.clone(), record);
        Ok(true)
    }

    /// The live object that an intent is about, where it is ours.
    async fn find(
        &self,
        intent: &Intent,
        kind: &'static dyn Kind,
        target: &Target,
        resources: &Resources,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let schema = kind.schema();
        let recorded = resources.get(&intent.address).filter(|_| intent.op != "create");
        let id = recorded.and_then(|r| r.attrs.get("id")).and_then(Json::as_str);
        let key = match (schema.home, id) {
            (Home::Organization, Some(id)) => Some(id.to_owned()),
            _ => intent.key.clone().or_else(|| recorded.map(|r| r.key.clone())),
        };
        let Some(key) = key.filter(|k| !k.is_empty()) else { return Ok(None) };
        let limit = Duration::from_secs(120);
        let found = patiently(self.cx, limit, || {
            self.cx.provider.read_object(target, Access::Write, schema.kind, &key)
        })
        .await?;
        Ok(found.filter(|live| {
            let wanted = attrs_of_record(&intent.resource);
            match schema.recovery {
                // Another's object of the same name is not what this run made.
                By::Tags => intent.op != "create" || owner(&live.attrs) == owner(&wanted),
                By::NaturalKey | By::Singleton => true,
            }
        }))
    }
}

fn reachable(target: &Target) -> bool {
    target.id.is_some() || target.endpoint_url.is_some() || target.management
}

/// Records what was found of an intent. The object is recorded as it is, so that the next plan shows
/// what is missing of the change.
fn fold_found(
    intent: &Intent,
    kind: &dyn Kind,
    live: Option<LiveObject>,
    resources: &mut Resources,
) -> bool {
    let address = &intent.address;
    // The old object of a replacement stands under its deposed address once the new one is recorded.
    let old = deposed(address);
    let record_at = match resources.get(&old) {
        Some(record) if intent.op == "delete" && Some(&record.key) == intent.key.as_ref() => &old,
        _ => address,
    };
    let finish =
        |outcome| Finished { operation: intent.operation, address: record_at.clone(), outcome };
    match (intent.op.as_str(), live) {
        ("delete", None) => {
            let was = resources.contains_key(record_at);
            finish(Outcome::Gone).fold(resources);
            was
        }
        (_, None) => false,
        // It is still there: nothing was done, and the next plan deletes it.
        ("delete", Some(_)) => false,
        ("create", Some(live)) => {
            // A record of this very object knows more (fingerprints) than its announcement did.
            let known = resources.get(address).filter(|r| r.key == live.key);
            let mut record = known.unwrap_or(&intent.resource).clone();
            record.key.clone_from(&live.key);
            overlay(&mut record, &live.attrs);
            if let Some((old, state)) = super::record::depose(resources, address, &record.key) {
                resources.insert(old, state);
            }
            finish(Outcome::Recorded(record)).fold(resources);
            true
        }
        (_, Some(live)) => {
            let wanted = attrs_of_record(&intent.resource);
            let done = difference(kind.schema(), &live.attrs, &wanted, Recorded(None)).is_empty();
            let mut record = resources.get(address).unwrap_or(&intent.resource).clone();
            overlay(&mut record, &live.attrs);
            finish(Outcome::Recorded(record)).fold(resources);
            done
        }
    }
}

/// Repeats a call while it fails in a way that passes, for at most `limit` of waiting.
async fn patiently<T, F>(
    cx: &Recovery<'_>,
    limit: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let (mut attempt, mut waited) = (0, Duration::ZERO);
    loop {
        match call().await {
            // A new account's role may take a while to be assumable.
            Err(error)
                if (error.failure.is_transient() || error.failure == Failure::CannotAssume)
                    && waited < limit =>
            {
                let wait = backoff(attempt, Duration::from_millis(300), Duration::from_secs(10));
                cx.ledger.clock().sleep(wait).await;
                attempt += 1;
                waited += wait;
            }
            result => return result,
        }
    }
}

/// A failure that recovery of one scope cannot go on from.
#[must_use]
pub fn is_contention(error: &StateError) -> bool {
    matches!(error.failure, StateFailure::Locked | StateFailure::Conflict)
}
