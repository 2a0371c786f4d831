//! Announcing: the intents of a batch, in the journal before any of it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;

use super::{Prepared, Run};
use crate::apply::record;
use crate::apply::scope::ScopeRun;
use crate::apply::worker::OperationFailure;
use crate::diag::Diagnostic;
use crate::iam::Use;
use crate::plan::model::{Operation, OperationKind, OperationTarget, ResourceChange};
use crate::provider::REQUEST;
use crate::schema::{AccessPart, ManagedKind, PrincipalDeclaration, canonical_policy, kinds};
use crate::state::journal::Intent;
use crate::state::layout::scope_of;
use crate::state::model::ResourceState;
use crate::value::{Attrs, Value};

/// How many intents one journal object announces at most.
const BATCH: usize = 256;

/// A trust that lets no principal in, for a role that cannot have its own yet.
fn closed_trust() -> Value {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    canonical_policy(text, Use::Trust)
}

impl Run<'_> {
    /// Announces what is ready in the journals of its scopes, before any of it starts. A scope is
    /// asked again only when what was announced there has been started, so that batches form.
    pub(super) async fn announce(&mut self) {
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
                if self.looks_up_first(id) {
                    continue;
                }
                match self.prepare_operation(id) {
                    Ok(intent) => {
                        self.announced.insert(id);
                        let batch = intents.entry(self.journal_of(id, &scope)).or_default();
                        batch.extend(intent);
                    }
                    Err(problem) => self.failed(id, problem),
                }
            }
        }
        let ledger = &self.apply.ledger;
        let writes = self.scopes.iter_mut().filter_map(|(name, scope)| {
            let batch = intents.remove(name).filter(|b| !b.is_empty())?;
            let ids: Vec<u32> = batch.iter().map(|i| i.operation).collect();
            Some(async move { (ids, scope.journal(ledger, batch).await) })
        });
        for (ids, result) in join_all(writes).await {
            if let Err(error) = result {
                for id in ids {
                    self.failed(id, OperationFailure::outage((*error.diagnostic).clone()));
                }
            }
        }
    }

    /// Whether an operation waits for what its block looks up in an account that this run has made. The first time
    /// around the reading starts, beside everything else.
    fn looks_up_first(&mut self, id: u32) -> bool {
        let Some(operation) = self.operations.get(&id).copied() else { return false };
        let writes = matches!(
            operation.op,
            OperationKind::Create
                | OperationKind::Update
                | OperationKind::Move
                | OperationKind::Wait
        );
        if !writes || self.looked_up.contains(&id) {
            return false;
        }
        if !self.looking_up.contains(&id) {
            if !self.apply.desired.waits_for_lookups(&operation.address) {
                self.looked_up.insert(id);
                return false;
            }
            self.looking_up.insert(id);
            let desired = self.apply.desired;
            let reading = async move {
                desired.look_up(&operation.address).await;
                id
            };
            self.lookups.push(reading.boxed());
        }
        true
    }

    /// The scope in whose journal an operation is announced: its own, or the one that an object leaves.
    pub(super) fn journal_of(&self, id: u32, scope: &str) -> String {
        let operation = self.operations.get(&id).filter(|o| o.op == OperationKind::Rename);
        let previous = operation
            .and_then(|o| self.changes.get(&o.address))
            .and_then(|change| change.previous_address.as_ref());
        previous.map_or_else(|| scope.to_owned(), scope_of)
    }

    /// The intent of an operation that has to be announced: one that calls AWS, or that takes an
    /// object from one scope to another.
    fn prepare_operation(&mut self, id: u32) -> Result<Option<Intent>, OperationFailure> {
        let broken =
            || OperationFailure::certain(Diagnostic::error("the plan does not fit together"));
        let operation = *self.operations.get(&id).ok_or_else(broken)?;
        let change = Arc::clone(self.changes.get(&operation.address).ok_or_else(broken)?);
        let kind = kinds::kind(&change.kind).ok_or_else(broken)?;
        let scope = self.scopes.get(&operation.scope).ok_or_else(broken)?;
        if let Some(lost) = &scope.lost {
            return Err(OperationFailure::outage((*lost.diagnostic).clone()));
        }
        let wanted = match operation.op {
            // Only after waiting can an account be put where it belongs.
            OperationKind::Create
            | OperationKind::Update
            | OperationKind::Move
            | OperationKind::Wait => {
                let mut wanted = self.wanted(&change).map_err(OperationFailure::certain)?;
                if !change.writes_values() {
                    // What is recorded of a secret stands: its source is not asked for a tag.
                    wanted.retain(|_, value| !matches!(value.reveal(), Value::Secret(_)));
                }
                Some(wanted)
            }
            // What is never read back is what the block says; all else is recorded as it was read.
            OperationKind::Adopt if !change.sensitive.is_empty() => {
                let before = change.before.as_deref();
                let mut wanted = self.wanted(&change).map_err(OperationFailure::certain)?;
                wanted.retain(|name, value| {
                    let told = before.and_then(|before| before.get(name));
                    let is_told = told.is_some_and(|told| !told.is_null());
                    record::is_fingerprinted(value)
                        && !(is_told && matches!(value, Value::Sensitive(_)))
                });
                Some(wanted)
            }
            _ => None,
        };
        let wanted = match (kind.schema().meaning.access, wanted) {
            (
                AccessPart::Principal(PrincipalDeclaration { trust: Some(trust), .. }),
                Some(mut wanted),
            ) if operation.interim => {
                wanted.insert(trust.to_owned(), closed_trust());
                Some(wanted)
            }
            (_, wanted) => wanted,
        };
        let prepared = Prepared { wanted, meta: self.apply.desired.meta(&operation.address) };
        if operation.op == OperationKind::Rename {
            self.prepared.insert(id, prepared);
            return Ok(self.departure(operation, &change));
        }
        let intent = operation.op.step().map(|_| {
            let recorded = scope.resources.get(&operation.address);
            let key = match (operation.op, &prepared.wanted) {
                (OperationKind::Create, Some(wanted)) => kind.natural_key(wanted),
                _ => change.key.clone().or_else(|| recorded.map(|r| r.key.clone())),
            };
            Intent {
                operation: id,
                op: operation.op,
                address: operation.address.clone(),
                target: self.step_target(operation, scope),
                resource: self.expected(
                    kind,
                    &change,
                    operation,
                    recorded,
                    &prepared,
                    key.as_deref(),
                ),
                key,
            }
        });
        self.prepared.insert(id, prepared);
        Ok(intent)
    }

    /// The intent of a move from one scope to another; none within one, where one write does both.
    fn departure(&self, operation: &Operation, change: &ResourceChange) -> Option<Intent> {
        let previous = change.previous_address.as_ref()?;
        let from = scope_of(previous);
        let resource = self.scopes.get(&from)?.resources.get(previous)?;
        (from != operation.scope).then(|| Intent {
            operation: operation.id,
            op: operation.op,
            address: previous.clone(),
            key: Some(resource.key.clone()),
            target: Some(operation.address.canonical()),
            resource: resource.clone(),
        })
    }

    /// Desired attributes: the plan's own where they are whole, else as they can be resolved by now.
    fn wanted(&self, change: &ResourceChange) -> Result<Attrs, Diagnostic> {
        let whole = change.after_unknown.is_empty() && change.sensitive.is_empty();
        if let Some(after) = change.after.as_ref().filter(|a| whole && !holds_secret(a)) {
            return Ok(after.attrs().clone());
        }
        let resolved = self.apply.desired.resolve(&change.address);
        let mut attrs = resolved.map_err(|found| {
            found.into_iter().find(Diagnostic::is_error).unwrap_or_else(|| {
                Diagnostic::error(format!("`{}` cannot be resolved", change.display))
            })
        })?;
        if let Some(after) = &change.after {
            // What the block says nothing of is in the plan alone: what is made anew takes all of it, and what
            // stays keeps it, for AWS resets what a call leaves out.
            let computed = kinds::kind(&change.kind).map_or(&[][..], |k| k.schema().computed);
            for (name, value) in after.attrs() {
                let ours = computed.iter().all(|c| c.name != name.as_str());
                if ours && !value.is_null() && !attrs.contains_key(name) {
                    attrs.insert(name.clone(), value.clone());
                }
            }
        }
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
        kind: &'static dyn ManagedKind,
        change: &ResourceChange,
        operation: &Operation,
        recorded: Option<&ResourceState>,
        prepared: &Prepared,
        key: Option<&str>,
    ) -> ResourceState {
        let mut plain = prepared.wanted.clone().unwrap_or_default();
        for value in plain.values_mut() {
            if record::is_hidden(value) {
                *value = Value::Null;
            }
        }
        let mut expected = record::after(&record::Material {
            kind,
            change,
            op: operation.op,
            prior: recorded,
            wanted: Some(&plain),
            real: None,
            versions: &BTreeMap::new(),
            returned: &Attrs::new(),
            target: None,
            meta: &prepared.meta,
            prints: &self.shared.prints,
        });
        if let Some(key) = key {
            key.clone_into(&mut expected.key);
        }
        expected
    }

    pub(super) fn step_target(&self, operation: &Operation, scope: &ScopeRun) -> Option<String> {
        if operation.op == OperationKind::Wait {
            let latest = self.latest.get(&operation.address).and_then(|a| a.get(REQUEST));
            let request = latest.and_then(Value::as_str).map(ToOwned::to_owned);
            return request.or_else(|| {
                let recorded = scope.resources.get(&operation.address)?;
                recorded.meta.pending().map(ToOwned::to_owned)
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
}

fn holds_secret(attrs: &Attrs) -> bool {
    fn is(value: &Value) -> bool {
        match value {
            Value::Map(map) => {
                map.len() == 1 && map.get("secret").is_some_and(|v| v.as_str().is_some())
                    || holds_secret(map)
            }
            Value::List(list) => list.iter().any(is),
            _ => false,
        }
    }
    attrs.values().any(is)
}
