//! What became of one intent without a result: the object is looked up in AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::address::ResourceAddr;
use crate::apply::events::Events;
use crate::apply::record::deposed;
use crate::diag::Diagnostic;
use crate::difference::{StoredValues, difference};
use crate::ids::Handle;
use crate::live::Targets;
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::provider::{
    AccessMode, AccountTarget, LiveObject, Permit, Provider, ProviderError, REQUEST,
};
use crate::schema::ownership::owner;
use crate::schema::{Computed, Home, KindSchema, ManagedKind, RecoveryMethod as By, kinds};
use crate::state::fingerprint::{is_fingerprint, kept};
use crate::state::journal::{Finished, Intent, OperationOutcome};
use crate::state::model::{ResourceState, Resources};
use crate::state::{Clock, OperationKind};
use crate::value::{Attrs, Value};

pub(super) fn attrs_of_record(record: &ResourceState) -> Attrs {
    record.attrs.attrs().clone()
}

/// What came back from AWS goes into a record; hidden values stay fingerprints, at whatever depth.
pub(super) fn overlay(record: &mut ResourceState, found: &Attrs) {
    for (name, value) in found {
        let recorded = record.attrs.get(name);
        let stays = recorded.is_some_and(is_fingerprint);
        if name != REQUEST && !stays && !crate::apply::record::is_hidden(value) {
            let kept = kept(recorded, value);
            record.attrs.insert(name.clone(), &kept);
        }
    }
    // What AWS names has had no key until now.
    let kind = kinds::kind(&record.kind).filter(|kind| kind.schema().asynchronous);
    if let Some(key) = kind.and_then(|kind| kind.natural_key(record.attrs.attrs())) {
        record.key = key;
    }
}

/// How recovery reads AWS.
#[derive(Clone)]
pub(super) struct Probe<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) clock: &'a dyn Clock,
    /// Which `account` instance is which account.
    pub(super) accounts: &'a BTreeMap<ResourceAddr, Handle>,
    /// Through which role.
    pub(super) access: AccessMode,
    /// How long a read is repeated while it fails in a way that passes.
    pub(super) patience: Duration,
    /// Whether accounts that are being created are waited for (which also puts them where they belong).
    pub(super) waits: bool,
    pub(super) events: Option<&'a Events>,
    /// What the changing requests of waiting go through.
    pub(super) permit: Permit,
}

/// Finds out what became of the intents of one run.
pub(super) struct IntentProbe<'a> {
    pub(super) probe: &'a Probe<'a>,
    pub(super) targets: &'a Targets,
    /// When the run began, seconds since 1970 by the store's clock.
    pub(super) since: i64,
}

impl IntentProbe<'_> {
    /// Finds out what became of one intent and records it. True when the change (or a part of it)
    /// is there, false when it was not carried out.
    pub(super) async fn settle(
        &self,
        intent: &Intent,
        resources: &mut Resources,
    ) -> Result<bool, Diagnostic> {
        let address = &intent.address;
        let unsettled = |error: &ProviderError| {
            Diagnostic::error(format!(
                "it is not known what became of `{address}` ({})",
                intent.op.name()
            ))
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
        if intent.op == OperationKind::Create && schema.asynchronous {
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
        kind: &'static dyn ManagedKind,
        target: &AccountTarget,
        resources: &mut Resources,
    ) -> Result<bool, Diagnostic> {
        let wanted = attrs_of_record(&intent.resource);
        let name = kind.schema().kind;
        let probe = self.probe;
        let found = probe
            .patiently(probe.patience, || {
                probe.provider.find_creation(target, name, &wanted, self.since)
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
        let has_id = record.attrs.get("id").is_some_and(|id| id.as_str().is_some());
        if let Some(request) = attrs.get(REQUEST).filter(|_| !has_id) {
            record.meta.await_request(request);
        }
        resources.insert(intent.address.clone(), record);
        Ok(true)
    }

    /// The live object that an intent is about, where it is ours.
    async fn find(
        &self,
        intent: &Intent,
        kind: &'static dyn ManagedKind,
        target: &AccountTarget,
        resources: &Resources,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let schema = kind.schema();
        let recorded =
            resources.get(&intent.address).filter(|_| intent.op != OperationKind::Create);
        let id = recorded.and_then(|r| r.attrs.get("id")).and_then(Value::as_str);
        let key = match (schema.home, id) {
            (Home::Organization, Some(id)) => Some(id.to_owned()),
            _ => intent.key.clone().or_else(|| recorded.map(|r| r.key.clone())),
        };
        let Some(key) = key.filter(|k| !k.is_empty()) else { return Ok(None) };
        let probe = self.probe;
        let found = probe
            .patiently(probe.patience, || {
                probe.provider.read_marked(target, probe.access, schema.kind, &key)
            })
            .await?;
        Ok(found.filter(|live| {
            let wanted = attrs_of_record(&intent.resource);
            let (marked, ours) = (owner(&live.attrs), owner(&wanted));
            // Another's object of the same name is not what this run made.
            intent.op != OperationKind::Create
                || match schema.recovery {
                    By::Tags => marked == ours,
                    // Its tags may be missing still; the plan saw nothing there.
                    By::NaturalKey => marked.is_none() || ours.is_none() || marked == ours,
                    By::Singleton => true,
                }
        }))
    }
}

fn reachable(target: &AccountTarget) -> bool {
    target.id.is_some() || target.endpoint_url.is_some() || target.management
}

/// Records what was found of an intent. The object is recorded as it is, so that the next plan shows
/// what is missing of the change.
fn fold_found(
    intent: &Intent,
    kind: &dyn ManagedKind,
    live: Option<LiveObject>,
    resources: &mut Resources,
) -> bool {
    let address = &intent.address;
    // The old object of a replacement stands under its deposed address once the new one is recorded.
    let old = deposed(address);
    let record_at = match resources.get(&old) {
        Some(record)
            if intent.op == OperationKind::Delete && Some(&record.key) == intent.key.as_ref() =>
        {
            &old
        }
        _ => address,
    };
    let finish =
        |outcome| Finished { operation: intent.operation, address: record_at.clone(), outcome };
    match (intent.op, live) {
        (OperationKind::Delete, None) => {
            let was = resources.contains_key(record_at);
            finish(OperationOutcome::Gone).fold(resources);
            was
        }
        (_, None) => false,
        // It is still there, and maybe less of it: the next plan deletes what is left.
        (OperationKind::Delete, Some(live)) => {
            if let Some(mut record) = resources.get(record_at).cloned() {
                overlay(&mut record, &live.attrs);
                finish(OperationOutcome::Recorded(record)).fold(resources);
            }
            false
        }
        (OperationKind::Create, Some(live)) => {
            // A record of this very object knows more (fingerprints) than its announcement did.
            let known = resources.get(address).filter(|r| r.key == live.key);
            let mut record = known.unwrap_or(&intent.resource).clone();
            record.key.clone_from(&live.key);
            overlay(&mut record, &live.attrs);
            if let Some((old, state)) =
                crate::apply::record::depose(resources, address, &record.key)
            {
                resources.insert(old, state);
            }
            finish(OperationOutcome::Recorded(record)).fold(resources);
            true
        }
        (_, Some(live)) => {
            let known = resources.get(address).map(|record| record.attrs.attrs());
            let done = is_carried_out(intent, kind.schema(), &live.attrs, known);
            let mut record = resources.get(address).unwrap_or(&intent.resource).clone();
            overlay(&mut record, &live.attrs);
            finish(OperationOutcome::Recorded(record)).fold(resources);
            done
        }
    }
}

/// Whether AWS holds what a change announced, by what the change was to make different: all else of its announcement is
/// as it was known to be before, and what AWS computes (a parameter's version) moves on with every change.
fn is_carried_out(
    intent: &Intent,
    schema: &KindSchema,
    live: &Attrs,
    known: Option<&Attrs>,
) -> bool {
    let announced = intent.resource.attrs.attrs();
    let computed = |name: &str| schema.computed.iter().any(|computed| computed.name == name);
    let set = announced.iter().filter(|(name, _)| !computed(name));
    let changed = set.clone().filter(|(name, value)| {
        let was = known.and_then(|known| known.get(name)).unwrap_or(&Value::Null);
        known.is_none() || was != *value
    });
    let mut wanted: Attrs = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
    if wanted.is_empty() {
        wanted = set.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    // AWS does not show what is kept as a fingerprint. That something was written shows by what it computes.
    let shown = wanted.len();
    wanted.retain(|_, value| !is_fingerprint(value));
    let moved = || {
        schema.computed.iter().any(|Computed { name, .. }| {
            let was = known.and_then(|known| known.get(name));
            live.get(name).is_some_and(|now| was.is_some_and(|was| was != now))
        })
    };
    difference(schema, live, &wanted, StoredValues::default()).is_empty()
        && (wanted.len() == shown || moved())
}

impl Probe<'_> {
    /// Repeats a call while it fails in a way that passes, for at most `limit`.
    pub(super) async fn patiently<T, F>(
        &self,
        limit: Duration,
        mut call: impl FnMut() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut progress = RetryProgress::default();
        loop {
            let asked = self.clock.elapsed();
            let answer = call().await;
            progress.called(self.clock.elapsed().saturating_sub(asked));
            let Err(error) = answer else { return answer };
            match RetryPolicy::Recovery(limit).pause(error.failure, &mut progress) {
                Some(pause) => self.clock.sleep(pause).await,
                None => return Err(error),
            }
        }
    }
}
