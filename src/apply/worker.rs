//! Carries out one operation: guard, call, retries, and looking when an answer was lost.

mod attempts;
mod failure;
mod guard;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::events::{Events, OperationRef};
use super::record::{Material, after as record_after};
use super::resolve;
use super::scope::LeaseState;
use super::seams::Secrets;
use crate::diag::Diagnostic;
use crate::difference::{self, StoredValues, difference};
use crate::plan::model::{Operation, ResourceChange};
use crate::provider::retry::RetryProgress;
use crate::provider::{AccountTarget, Failure, Op, Permit, Provider, ProviderStep};
use crate::schema::ManagedKind;
use crate::schema::ownership::owner;
use crate::state::model::ResourceState;
use crate::state::{Clock, Fingerprinter};
use crate::value::{AttrPath, Attrs, Value};

use failure::problem;
use guard::Guarded;
use lookup::{Occupant, Probed};

pub(super) use failure::OperationFailure;

/// What a worker shares with all others.
pub(super) struct WorkerShared {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) secrets: Arc<dyn Secrets>,
    /// Versions of the sources of secrets that the plan saw.
    pub(super) sources: BTreeMap<String, i64>,
    pub(super) prints: Fingerprinter,
    /// The path below which config parameters are read.
    pub(super) config_prefix: String,
    /// Unique ids of principals that this run deletes, with the ARNs that they stand for in policies.
    pub(super) going: BTreeMap<String, String>,
    /// Ids of units that this run deletes: what is attached to one goes from it with the unit.
    pub(super) leaving: BTreeSet<String>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: Events,
    pub(super) reports: mpsc::UnboundedSender<WorkerReport>,
    /// When this run began, seconds since 1970 by the store's clock.
    pub(super) since: i64,
}

/// One operation with everything that it needs.
pub(super) struct Job {
    pub(super) operation: Operation,
    pub(super) display: OperationRef,
    pub(super) change: Arc<ResourceChange>,
    pub(super) kind: &'static dyn ManagedKind,
    pub(super) target: AccountTarget,
    /// Whether the account was created in this run: its role may take a while to be assumable.
    pub(super) new_account: bool,
    /// Whether it stands on what this run made or changed: AWS may not know that everywhere yet.
    pub(super) on_new: bool,
    /// What is recorded of the object.
    pub(super) prior: Option<ResourceState>,
    /// What an earlier operation of this run left; replaces the guard's read.
    pub(super) latest: Option<Attrs>,
    /// Desired attributes, secrets as references; for create, update and move.
    pub(super) wanted: Option<Attrs>,
    pub(super) meta: Attrs,
    /// Attach, detach: the target's id; move: the new parent's; wait: the request.
    pub(super) step_target: Option<String>,
    /// What its changing requests go through.
    pub(super) permit: Permit,
}

/// A worker's message to the loop.
pub(super) enum WorkerReport {
    /// AWS asked to slow down in this scope.
    Throttled(String),
    /// The gate of a scope was found closed: is the lease still held?
    GateClosed { scope: String, answer: oneshot::Sender<LeaseState> },
    /// The operation ended.
    Ended { id: u32, result: Result<Success, OperationFailure> },
}

/// What an operation left.
pub(super) struct Success {
    /// The object's record; `None` when it is gone.
    pub(super) record: Option<ResourceState>,
    /// Its canonical and computed attributes, for what waits for them.
    pub(super) attrs: Attrs,
}

pub(super) async fn run(shared: Arc<WorkerShared>, job: Job) {
    let id = job.operation.id;
    let result = Worker { shared: &shared, job: &job }.work().await;
    // The loop is gone only when the run was left at once.
    let _ = shared.reports.send(WorkerReport::Ended { id, result });
}

struct Worker<'a> {
    shared: &'a WorkerShared,
    job: &'a Job,
}

impl Worker<'_> {
    async fn work(&self) -> Result<Success, OperationFailure> {
        let job = self.job;
        let Some(op) = job.operation.op.step() else {
            return Err(OperationFailure::certain(Diagnostic::error(
                "the operation calls nothing",
            )));
        };
        let schema = job.kind.schema();
        let (real, versions) = match &job.wanted {
            Some(wanted) => {
                let WorkerShared { secrets, sources, .. } = self.shared;
                let found = resolve::real(secrets.as_ref(), sources, wanted).await?;
                (Some(found.attrs), found.versions)
            }
            None => Default::default(),
        };
        let before = match op {
            Op::Create | Op::Wait => None,
            _ => match self.guard(real.as_ref()).await? {
                Guarded::Before(before) => Some(before),
                Guarded::AsWanted(found) => {
                    return Ok(self.success(real.as_ref(), &versions, found));
                }
                Guarded::Gone => return Ok(Success { record: None, attrs: Attrs::new() }),
            },
        };
        let changed = match (&before, &real, op) {
            (Some(before), Some(real), Op::Update | Op::Move) => {
                self.changed(before, real, op == Op::Move)
            }
            _ => Vec::new(),
        };
        let recorded = job.prior.as_ref().map(|prior| prior.meta.facts().clone());
        let meta = match op {
            Op::Delete => recorded.unwrap_or_default(),
            _ => job.meta.clone(),
        };
        let step = ProviderStep {
            op,
            kind: schema.kind,
            address: job.operation.address.clone(),
            before,
            after: real.clone(),
            changed,
            meta,
            target: job.step_target.clone(),
        };
        let success = |returned| self.success(real.as_ref(), &versions, returned);
        match self.execute(step, real.as_ref()).await {
            Ok(_) if op == Op::Delete => Ok(Success { record: None, attrs: Attrs::new() }),
            Ok(returned) => Ok(success(returned)),
            Err(failure) if op == Op::Create && !failure.uncertain => {
                Err(match self.made_so_far(real.as_ref()).await {
                    Some(found) => failure.having_made(success(found)),
                    None => failure,
                })
            }
            Err(failure) => Err(failure),
        }
    }

    /// What an operation leaves that made the object be as `returned` says.
    fn success(
        &self,
        real: Option<&Attrs>,
        versions: &BTreeMap<String, i64>,
        returned: Attrs,
    ) -> Success {
        let job = self.job;
        let record = record_after(&Material {
            kind: job.kind,
            change: &job.change,
            op: job.operation.op,
            prior: job.prior.as_ref(),
            wanted: job.wanted.as_ref(),
            real,
            versions,
            returned: &returned,
            target: job.step_target.as_deref(),
            meta: &job.meta,
            prints: &self.shared.prints,
        });
        let mut attrs = job.latest.clone().unwrap_or_default();
        if let Some(wanted) = &job.wanted {
            attrs.extend(wanted.clone());
        }
        attrs.extend(returned);
        Success { record: Some(record), attrs }
    }

    /// What differs from what is wanted and this call is to change.
    fn changed(&self, before: &Attrs, real: &Attrs, moving: bool) -> Vec<AttrPath> {
        let job = self.job;
        let schema = job.kind.schema();
        let wanted = job.wanted.as_ref().unwrap_or(real);
        let secrets = wanted.iter().filter_map(|(name, value)| {
            let Value::Secret(reference) = value.reveal() else { return None };
            let held = real.get(name)?.reveal().as_str()?;
            Some((reference.clone(), difference::SecretText(held.to_owned())))
        });
        let secrets = difference::SecretComparison {
            prints: Some(self.shared.prints.clone()),
            sources: secrets.collect(),
            ..difference::SecretComparison::default()
        };
        let attrs = job.prior.as_ref().map(|p| p.attrs.attrs());
        let recorded = StoredValues { attrs, secrets: Some(&secrets) };
        let mut paths = difference(schema, before, wanted, recorded).changed;
        paths.retain(|path| {
            let root = path.root();
            let moved = root.is_some() && root == schema.moves;
            let by_calls = [schema.attachments, schema.detachments];
            moved == moving && (root.is_none() || !by_calls.contains(&root))
        });
        // A policy that the plan writes again because its principal is made anew: a read may still show the
        // ARN for a moment, and what is not written now is severed then.
        if !moving && !self.shared.going.is_empty() {
            let again = schema.policies.iter().filter(|name| !name.contains('.'));
            let again = again.map(|name| AttrPath::attr(*name));
            let planned = |path: &AttrPath| job.change.changed.contains(&path.to_string());
            paths.extend(again.filter(planned));
            paths.sort();
            paths.dedup();
        }
        paths
    }

    async fn execute(
        &self,
        mut step: ProviderStep,
        real: Option<&Attrs>,
    ) -> Result<Attrs, OperationFailure> {
        let job = self.job;
        let mut retries = RetryProgress::default();
        let mut uncertain = false;
        let place = match (step.op, real) {
            (Op::Create, Some(real)) => self.place(real).await?,
            _ => Occupant::Unread,
        };
        if let Occupant::Taken(found) = &place {
            if owner(found).is_none() || owner(found) != real.and_then(owner) {
                return Err(self.not_ours("It was created after the plan was made.".to_owned()));
            }
            match self.completion(&step, found, real) {
                Some(next) => step = next,
                None => return Ok(found.clone()),
            }
        }
        loop {
            if let Err(problem) = self.pass().await {
                return Err(OperationFailure {
                    uncertain: uncertain || problem.uncertain,
                    ..problem
                });
            }
            let asked = self.shared.clock.elapsed();
            let executing = self.shared.provider.execute(&job.target, &step, &job.permit);
            let answer = executing.await;
            retries.called(self.shared.clock.elapsed().saturating_sub(asked));
            let error = match answer {
                Ok(attrs) => return Ok(attrs),
                Err(error) => error,
            };
            // An attempt that was refused at the gate may have come after one that had no answer.
            let unsent = error.failure == Failure::Fenced && !job.permit.has_sent();
            uncertain |= matches!(error.failure, Failure::NoAnswer | Failure::Fenced) && !unsent;
            if error.failure == Failure::Fenced {
                if let Err(problem) = self.pass().await {
                    return Err(OperationFailure { uncertain, ..problem });
                }
                if unsent {
                    continue;
                }
            }
            match (step.op, error.failure) {
                // Gone already, or attached already: what was wanted.
                (Op::Delete | Op::Detach, Failure::NotFound)
                | (Op::Attach, Failure::AlreadyExists) => return Ok(Attrs::new()),
                (Op::Create, Failure::NoAnswer | Failure::Fenced | Failure::AlreadyExists) => {
                    match self.probe(real, place == Occupant::Empty).await {
                        Ok(Probed::Ours(found)) => match self.completion(&step, &found, real) {
                            Some(next) => {
                                step = next;
                                continue;
                            }
                            None => return Ok(found),
                        },
                        Ok(Probed::NotOurs) => return Err(self.not_ours(error.to_string())),
                        Ok(Probed::Nothing) if error.failure == Failure::AlreadyExists => {
                            let pause = self.policy().pause_until_shown(&mut retries);
                            if self.wait(pause, &retries, &error).await {
                                continue;
                            }
                            return Err(OperationFailure { uncertain, ..problem(&error, false) });
                        }
                        Ok(Probed::Nothing) => {}
                        Err(problem) => return Err(OperationFailure { uncertain, ..problem }),
                    }
                }
                // A repeated CreateAccount of the SDK's own: the first request has won.
                (Op::Wait, Failure::AlreadyExists) => match self.other_request(&step).await {
                    Some(next) => {
                        step = next;
                        continue;
                    }
                    None => return Err(problem(&error, uncertain)),
                },
                _ => {}
            }
            if !self.again(&mut retries, &error).await {
                return Err(problem(&error, uncertain));
            }
        }
    }

    fn not_ours(&self, detail: String) -> OperationFailure {
        OperationFailure::certain(
            Diagnostic::error(format!(
                "`{}` exists already and belongs to something else",
                self.job.display.address
            ))
            .detail(detail)
            .help("choose another name, or adopt it with an `import` block"),
        )
    }
}
