//! Starting: a worker for what calls AWS, at once for what only changes records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Departure, Prepared, Run};
use crate::apply::events::ApplyEvent;
use crate::apply::record::{self, deposed};
use crate::apply::scope::ScopeRun;
use crate::apply::worker::{self, Job, OperationFailure, Success};
use crate::diag::Diagnostic;
use crate::plan::model::{Operation, OperationKind};
use crate::provider::Permit;
use crate::schema::kinds;
use crate::state::journal::{Finished, OperationOutcome};
use crate::state::layout::scope_of;
use crate::value::Attrs;

impl Run<'_> {
    /// Starts what is announced and has room.
    pub(super) fn start(&mut self) {
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
        self.emit(ApplyEvent::Started(display.clone()));
        let Prepared { wanted, meta } = self.prepared.remove(&id).unwrap_or_default();
        if operation.op.step().is_none() {
            let result = self.local(operation, wanted.as_ref(), &meta);
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
            self.ended(id, Err(OperationFailure::certain(why)));
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
        // What changes the walls stands on their lock too.
        let walls = self.walls.as_ref().map(ScopeRun::gate);
        let gates = std::iter::once(scope.gate()).chain(walls).collect();
        let job = Job {
            operation: operation.clone(),
            display,
            kind,
            new_account: !target.management && self.new_accounts.contains(&target.handle),
            on_new: self.latest.contains_key(&operation.address)
                || change.depends_on.iter().any(|a| self.latest.contains_key(a)),
            target,
            prior: recorded.cloned(),
            latest: self.latest.get(&operation.address).filter(|_| !replaced).cloned(),
            step_target: self.step_target(operation, scope),
            wanted,
            meta,
            permit: Permit::through(gates),
            change,
        };
        let task = self.workers.spawn(worker::run(Arc::clone(&self.shared), job));
        self.tasks.insert(task.id(), id);
    }

    /// Operations that only change the record.
    fn local(
        &mut self,
        operation: &Operation,
        wanted: Option<&Attrs>,
        meta: &Attrs,
    ) -> Result<Success, OperationFailure> {
        let broken =
            || OperationFailure::certain(Diagnostic::error("the plan does not fit together"));
        let change = Arc::clone(self.changes.get(&operation.address).ok_or_else(broken)?);
        let kind = kinds::kind(&change.kind).ok_or_else(broken)?;
        match operation.op {
            OperationKind::Forget => Ok(Success { record: None, attrs: Attrs::new() }),
            OperationKind::Rename => {
                let previous = change.previous_address.clone().ok_or_else(broken)?;
                let old_scope = self.scopes.get_mut(&scope_of(&previous)).ok_or_else(broken)?;
                let mut record = old_scope.resources.get(&previous).cloned().ok_or_else(|| {
                    OperationFailure::certain(Diagnostic::error(format!(
                        "`{previous}` is not recorded"
                    )))
                })?;
                record.depends_on = change.depends_on.iter().cloned().collect();
                record.environments = change.environments.iter().cloned().collect();
                let from = old_scope.name.clone();
                let gone = Finished {
                    operation: operation.id,
                    address: previous,
                    outcome: OperationOutcome::Gone,
                };
                if from == operation.scope {
                    old_scope.finish(gone);
                } else {
                    self.departures.push(Departure { from, to: operation.scope.clone(), gone });
                }
                Ok(Success { record: Some(record), attrs: Attrs::new() })
            }
            _ => {
                let before = change.before.as_deref().cloned().unwrap_or_default();
                let scope = self.scopes.get(&operation.scope).ok_or_else(broken)?;
                let mut record = record::after(&record::Material {
                    kind,
                    change: &change,
                    op: operation.op,
                    prior: scope.resources.get(&operation.address),
                    wanted,
                    real: None,
                    versions: &BTreeMap::new(),
                    returned: &before,
                    target: None,
                    meta,
                    prints: &self.shared.prints,
                });
                if let (Some(name), Some(before)) = (kind.schema().attachments, &change.before)
                    && let Some(attached) = before.get(name)
                {
                    record.attrs.insert(name.to_owned(), &attached.to_json());
                }
                Ok(Success { record: Some(record), attrs: before })
            }
        }
    }
}
