//! What the journals of some scopes come to: states worked out in memory, nothing written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::in_order;
use super::probe::{IntentProbe, Probe, attrs_of_record, overlay};
use crate::address::ResourceAddr;
use crate::apply::events::ApplyEvent;
use crate::diag::Diagnostic;
use crate::ids::AccountId;
use crate::live::Targets;
use crate::provider::{AccountTarget, Failure, Op, ProviderError, ProviderStep};
use crate::schema::{ManagedKind, kinds};
use crate::state::journal::{Intent, OperationOutcome, RunJournal};
use crate::state::layout::scope_of;
use crate::state::model::{ResourceState, Resources};
use crate::state::scopes::Folded;
use crate::state::{Ledger, OperationKind, ScopeState, StateError, Versioned};
use crate::value::Attrs;

/// What became of a change without a recorded result.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SettledOutcome {
    /// It (or a part of it) is there.
    Done,
    /// It was not carried out.
    NotDone,
    /// It cannot be told.
    Unknown(Diagnostic),
}

/// One change without a recorded result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SettledIntent {
    pub(super) address: ResourceAddr,
    pub(super) op: OperationKind,
    pub(super) verdict: SettledOutcome,
}

/// What one run left in one scope.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunFindings {
    pub(super) run: String,
    pub(super) by: String,
    /// Results that the state does not hold yet.
    pub(super) results: usize,
    pub(super) findings: Vec<SettledIntent>,
}

/// What a scope's journals come to.
pub(super) struct Settlement {
    pub(super) scope: String,
    /// The state as it is.
    pub(super) basis: Option<Versioned<ScopeState>>,
    /// The objects as they are.
    pub(super) resources: Resources,
    pub(super) runs: Vec<RunFindings>,
    /// Accounts whose creation was asked for and recorded, and not waited out.
    pub(super) pending: Vec<SettledIntent>,
    /// What of the last run is in `resources`.
    pub(super) folded: Option<Folded>,
    /// Journal objects that are not needed any more once `resources` are written.
    pub(super) clean: Vec<(String, Vec<u64>)>,
    /// The scope that objects of this one have moved to.
    pub(super) moved_to: Option<String>,
    moves: Vec<(usize, Intent)>,
}

impl Settlement {
    pub(super) fn findings(&self) -> impl Iterator<Item = &SettledIntent> {
        self.runs.iter().flat_map(|r| &r.findings).chain(&self.pending)
    }
}

/// Settles the journals of `scopes`. Runs for which `wanted(scope, run)` is false are left alone.
/// The result is in the order in which it has to be written: what objects moved to comes before what
/// they left.
///
/// # Errors
/// The store cannot be read, or a journal is damaged.
pub(super) async fn all(
    probe: &Probe<'_>,
    ledger: &Ledger,
    mut targets: Targets,
    scopes: Vec<String>,
    wanted: &dyn Fn(&str, &str) -> bool,
) -> Result<Vec<Settlement>, StateError> {
    let mut settled = Vec::new();
    for scope in in_order(scopes) {
        let basis = ledger.read_scope(&scope).await?;
        let journals = ledger.read_journals(&[scope.clone()].into()).await?;
        let journals = journals.into_iter().filter(|j| wanted(&scope, &j.run)).collect();
        settled.push(one(probe, &mut targets, scope, basis, journals).await);
    }
    finish_moves(ledger, &mut settled).await?;
    settled.sort_by_key(|s| !s.moves.is_empty());
    Ok(settled)
}

async fn one(
    probe: &Probe<'_>,
    targets: &mut Targets,
    scope: String,
    basis: Option<Versioned<ScopeState>>,
    journals: Vec<RunJournal>,
) -> Settlement {
    let state = basis.as_ref().map(|b| &b.value);
    let known_epoch = state.map_or(0, |s| s.epoch);
    let folded = state.and_then(|s| s.folded.clone());
    let mut settlement = Settlement {
        resources: state.map(|s| s.resources.clone()).unwrap_or_default(),
        scope,
        basis,
        runs: Vec::new(),
        pending: Vec::new(),
        folded: None,
        clean: Vec::new(),
        moved_to: None,
        moves: Vec::new(),
    };
    for mut journal in journals {
        // What the state holds already was only not cleared away.
        if let Some(folded) = folded.as_ref().filter(|f| f.run == journal.run) {
            let (old, rest): (Vec<_>, Vec<_>) =
                journal.entries.into_iter().partition(|e| e.sequence <= folded.sequence);
            journal.entries = rest;
            let old = old.iter().map(|e| e.sequence).collect();
            settlement.clean.push((journal.run.clone(), old));
        }
        if !journal.entries.is_empty() {
            run(probe, targets, &mut settlement, &journal, known_epoch).await;
        }
    }
    probe.learn_accounts(targets, &settlement.resources);
    settle_pending(probe, targets, &mut settlement).await;
    settlement
}

/// Settles what one run left.
async fn run(
    probe: &Probe<'_>,
    targets: &mut Targets,
    settlement: &mut Settlement,
    journal: &RunJournal,
    known_epoch: u64,
) {
    let trusted = journal.entries.iter().all(|e| e.epoch >= known_epoch);
    let open = if trusted {
        journal.replay(&mut settlement.resources);
        journal.in_doubt()
    } else {
        everything(journal)
    };
    if let Some(events) = probe.events {
        let _ = events.send(ApplyEvent::Recovering {
            scope: settlement.scope.clone(),
            run: journal.run.clone(),
            in_doubt: open.len(),
        });
    }
    probe.learn_accounts(targets, &settlement.resources);
    let first = journal.entries.first();
    let since = first.map_or(0, |e| e.since.as_second());
    let mut findings = Vec::new();
    for intent in open {
        if intent.op == OperationKind::Rename {
            settlement.moves.push((settlement.runs.len(), intent));
            continue;
        }
        let intent_probe = IntentProbe { probe, targets, since };
        let verdict = match intent_probe.settle(&intent, &mut settlement.resources).await {
            Ok(true) => SettledOutcome::Done,
            Ok(false) => SettledOutcome::NotDone,
            Err(why) => SettledOutcome::Unknown(why),
        };
        findings.push(SettledIntent { address: intent.address, op: intent.op, verdict });
    }
    if !findings.iter().any(|f| matches!(f.verdict, SettledOutcome::Unknown(_))) {
        settlement.folded = Some(Folded { run: journal.run.clone(), sequence: journal.last() });
        let all = journal.entries.iter().map(|e| e.sequence).collect();
        settlement.clean.push((journal.run.clone(), all));
    }
    settlement.runs.push(RunFindings {
        run: journal.run.clone(),
        by: first.map(|e| e.by.clone()).unwrap_or_default(),
        results: journal.entries.iter().map(|e| e.finished.len()).sum(),
        findings,
    });
}

/// Every operation that a journal names, as if none had a result: the last intent of each, in order. A
/// result of which the announcement is gone (it was folded before) says as well where to look.
fn everything(journal: &RunJournal) -> Vec<Intent> {
    let mut all: BTreeMap<u32, Intent> = BTreeMap::new();
    for finished in journal.entries.iter().flat_map(|e| &e.finished) {
        if let OperationOutcome::Recorded(resource) = &finished.outcome {
            let intent = Intent {
                operation: finished.operation,
                op: OperationKind::Create,
                address: finished.address.clone(),
                key: Some(resource.key.clone()),
                target: None,
                resource: resource.clone(),
            };
            all.insert(finished.operation, intent);
        }
    }
    for intent in journal.entries.iter().flat_map(|e| &e.intents) {
        all.insert(intent.operation, intent.clone());
    }
    all.into_values().collect()
}

/// Objects that were to move to another scope: where that one holds them, the move is finished here;
/// where it does not, they have stayed.
async fn finish_moves(ledger: &Ledger, settled: &mut [Settlement]) -> Result<(), StateError> {
    let moves: Vec<(usize, usize, Intent)> = settled
        .iter()
        .enumerate()
        .flat_map(|(at, s)| s.moves.iter().map(move |(run, intent)| (at, *run, intent.clone())))
        .collect();
    let mut elsewhere: BTreeMap<String, BTreeSet<ResourceAddr>> = BTreeMap::new();
    for (at, run, intent) in moves {
        let to: Option<ResourceAddr> = intent.target.as_deref().and_then(|t| t.parse().ok());
        let scope = to.as_ref().map(scope_of).unwrap_or_default();
        let arrived = match (&to, settled.iter().find(|s| s.scope == scope)) {
            (None, _) => false,
            (Some(to), Some(settlement)) => settlement.resources.contains_key(to),
            (Some(to), None) => {
                if !elsewhere.contains_key(&scope) {
                    let state = ledger.read_scope(&scope).await?;
                    let held = state.map(|s| s.value.resources.into_keys().collect());
                    elsewhere.insert(scope.clone(), held.unwrap_or_default());
                }
                elsewhere.get(&scope).is_some_and(|held| held.contains(to))
            }
        };
        let Some(settlement) = settled.get_mut(at) else { continue };
        if arrived {
            settlement.resources.remove(&intent.address);
            settlement.moved_to = Some(scope);
        }
        let verdict = if arrived { SettledOutcome::Done } else { SettledOutcome::NotDone };
        let finding = SettledIntent { address: intent.address, op: intent.op, verdict };
        if let Some(run) = settlement.runs.get_mut(run) {
            run.findings.push(finding);
        }
    }
    Ok(())
}

/// Accounts whose creation was asked for and not waited out.
async fn settle_pending(probe: &Probe<'_>, targets: &Targets, settlement: &mut Settlement) {
    let pending: Vec<(ResourceAddr, String)> = settlement
        .resources
        .iter()
        .filter_map(|(a, r)| Some((a.clone(), r.meta.pending()?.to_owned())))
        .collect();
    for (address, request) in pending {
        let verdict = wait(probe, targets, &mut settlement.resources, &address, request).await;
        settlement.pending.push(SettledIntent { address, op: OperationKind::Wait, verdict });
    }
}

async fn wait(
    probe: &Probe<'_>,
    targets: &Targets,
    resources: &mut Resources,
    address: &ResourceAddr,
    request: String,
) -> SettledOutcome {
    let unknown = |why: String| {
        SettledOutcome::Unknown(
            Diagnostic::error(format!("the creation of `{address}` is still in the balance"))
                .detail(why)
                .help("AWS may take some minutes; `palisade apply` waits for it"),
        )
    };
    let (Some(kind), Some(record)) = (kinds::kind(&address.kind), resources.get_mut(address))
    else {
        return unknown("it is of an unknown kind".to_owned());
    };
    let Some(target) = targets.of_address(kind.schema().home, address) else {
        return unknown("its account cannot be reached".to_owned());
    };
    let look = Look { kind, target, key: record.key.clone(), announced: attrs_of_record(record) };
    if !probe.waits {
        return match look.up(probe).await {
            Ok(Some(found)) => {
                take_in(kind, record, &found);
                SettledOutcome::Done
            }
            Ok(None) => unknown(format!("Request `{request}` is in progress.")),
            Err(error) => unknown(error.to_string()),
        };
    }
    let step = ProviderStep {
        op: Op::Wait,
        kind: kind.schema().kind,
        address: address.clone(),
        before: None,
        after: Some(look.announced.clone()),
        changed: Vec::new(),
        meta: Attrs::new(),
        target: Some(request),
    };
    let waited = probe
        .patiently(Duration::from_secs(1800), || {
            probe.provider.execute(target, &step, &probe.permit)
        })
        .await;
    let failed =
        |f: Failure| matches!(f, Failure::Refused | Failure::NotFound | Failure::AlreadyExists);
    match waited {
        Ok(returned) => {
            record.meta.settle_request();
            take_in(kind, record, &returned);
            SettledOutcome::Done
        }
        // The request came to nothing, or is forgotten: the account itself tells.
        Err(error) if failed(error.failure) => match look.up(probe).await {
            Ok(Some(found)) => {
                record.meta.settle_request();
                take_in(kind, record, &found);
                SettledOutcome::Done
            }
            // Nothing came into being, and the next plan creates it.
            Ok(None) => {
                resources.remove(address);
                SettledOutcome::NotDone
            }
            Err(error) => unknown(error.to_string()),
        },
        Err(error) => unknown(error.to_string()),
    }
}

/// What is looked for where a creation was asked for and not waited out.
struct Look<'a> {
    kind: &'static dyn ManagedKind,
    target: &'a AccountTarget,
    /// Empty where AWS chooses it and has not told it yet.
    key: String,
    announced: Attrs,
}

impl Look<'_> {
    async fn up(&self, probe: &Probe<'_>) -> Result<Option<Attrs>, ProviderError> {
        let name = self.kind.schema().kind;
        if self.key.is_empty() {
            // An object without a name tells by its ownership tag that it was made, whenever that was.
            let find = || probe.provider.find_creation(self.target, name, &self.announced, 0);
            return probe.patiently(probe.patience, find).await;
        }
        let read = || probe.provider.read_object(self.target, probe.access, name, &self.key);
        Ok(probe.patiently(probe.patience, read).await?.map(|live| live.attrs))
    }
}

/// Records an object as it was found, with the key that AWS has chosen.
fn take_in(kind: &dyn ManagedKind, record: &mut ResourceState, found: &Attrs) {
    overlay(record, found);
    if record.key.is_empty()
        && let Some(key) = kind.natural_key(found)
    {
        record.key = key;
    }
}

impl Probe<'_> {
    /// Account ids that the state knows by now open the way into those accounts.
    fn learn_accounts(&self, targets: &mut Targets, resources: &Resources) {
        for (address, handle) in self.accounts {
            let id =
                resources.get(address).and_then(|r| r.attrs.get("id")).and_then(|id| id.as_str());
            if let Some(id) = id.and_then(|id| id.parse::<AccountId>().ok())
                && let Some(target) = targets.accounts.get_mut(handle)
                && target.id.is_none()
            {
                target.id = Some(id);
            }
        }
    }
}
