//! Carries out one operation: guard, call, retries, and looking when an answer was lost.

mod guard;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::events::{ApplyEvent, Events, OperationRef};
use super::record::{Material, after as record_after};
use super::resolve;
use super::scope::LeaseState;
use super::seams::Secrets;
use crate::diag::Diagnostic;
use crate::difference::{self, StoredValues, difference};
use crate::plan::model::{Action, Operation, OperationKind, ResourceChange};
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::provider::{
    AccessMode, AccountTarget, Failure, LiveObject, Op, Permit, Provider, ProviderError,
    ProviderStep, REQUEST,
};
use crate::schema::ownership::owner;
use crate::schema::{ManagedKind, RecoveryMethod};
use crate::state::model::ResourceState;
use crate::state::{Clock, Fingerprinter};
use crate::value::{AttrPath, Attrs, Value};
use guard::Guarded;

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

/// Why an operation failed.
pub(super) struct OperationFailure {
    pub(super) why: Diagnostic,
    /// It may have been carried out all the same.
    pub(super) uncertain: bool,
    /// Nothing else will work either (expired credentials).
    pub(super) stop: bool,
    /// Something between here and AWS failed; nothing says that what was asked is wrong.
    pub(super) outage: bool,
    /// What a creation of several calls has made before one of them was refused: it is recorded, so that the next
    /// plan completes it, or deletes it where its block is gone.
    pub(super) made: Option<Box<Success>>,
}

impl OperationFailure {
    pub(super) fn certain(why: Diagnostic) -> Self {
        Self { why, uncertain: false, stop: false, outage: false, made: None }
    }

    /// The same, where a part of the object was made before.
    fn having_made(self, made: Success) -> Self {
        let part = "The part of it that was made is recorded.";
        let detail: Vec<&str> = self.why.detail.as_deref().into_iter().chain([part]).collect();
        let detail = detail.join(" ");
        Self { why: self.why.detail(detail), made: Some(Box::new(made)), ..self }
    }

    /// It surely was not carried out, for an outage on the way there.
    pub(super) fn outage(why: Diagnostic) -> Self {
        Self { outage: true, ..Self::certain(why) }
    }
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

/// What stands where an object is to come into being.
#[derive(PartialEq)]
enum Occupant {
    /// Nothing.
    Empty,
    /// An object.
    Taken(Attrs),
    /// It was not looked at: tags tell later, or it may not be read.
    Unread,
}

/// What was found where an answer was lost.
enum Probed {
    Ours(Attrs),
    NotOurs,
    Nothing,
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
                let found = resolve::real(secrets.as_ref(), sources, wanted).await;
                let found = found.map_err(OperationFailure::certain)?;
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

    /// What stands there of an object whose creation was refused, where it is this run's work. Where that cannot be
    /// told, the next plan looks.
    async fn made_so_far(&self, real: Option<&Attrs>) -> Option<Attrs> {
        if self.job.kind.schema().asynchronous || !self.job.permit.has_sent() {
            return None;
        }
        match self.probe(real, false).await {
            Ok(Probed::Ours(found)) => Some(found),
            Ok(Probed::NotOurs | Probed::Nothing) | Err(_) => None,
        }
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
            moved == moving && (root.is_none() || root != schema.attachments)
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

    /// Reads the object, patiently: a read can always be repeated.
    async fn read(&self, key: &str) -> Result<Option<LiveObject>, OperationFailure> {
        let kind = self.job.kind.schema().kind;
        let provider = &self.shared.provider;
        self.patiently(|| provider.read_object(&self.job.target, AccessMode::Write, kind, key))
            .await?
            .map_err(|error| problem(&error, false))
    }

    /// Reads an object that this operation is to make or may have made, with the tags that tell whose it is.
    async fn look_up(
        &self,
        key: &str,
    ) -> Result<Result<Option<LiveObject>, ProviderError>, OperationFailure> {
        let kind = self.job.kind.schema().kind;
        let provider = &self.shared.provider;
        self.patiently(|| provider.read_marked(&self.job.target, AccessMode::Write, kind, key))
            .await
    }

    async fn patiently<T, F>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<Result<T, ProviderError>, OperationFailure>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut retries = RetryProgress::default();
        loop {
            self.pass().await?;
            let asked = self.shared.clock.elapsed();
            let answer = call().await;
            retries.called(self.shared.clock.elapsed().saturating_sub(asked));
            match answer {
                Err(error) if self.again(&mut retries, &error).await => {}
                result => return Ok(result),
            }
        }
    }

    /// Waits until calls may be made. A gate that has closed for want of a look at the lease opens with the
    /// next one; that of a lease that is lost or over does not.
    async fn pass(&self) -> Result<(), OperationFailure> {
        while !self.job.permit.passes() {
            let scope = self.job.operation.scope.clone();
            let (answer, told) = oneshot::channel();
            let _ = self.shared.reports.send(WorkerReport::GateClosed { scope, answer });
            match told.await {
                Ok(LeaseState::Holds) => break,
                Ok(LeaseState::Unknown) => self.shared.clock.sleep(Duration::from_secs(1)).await,
                Ok(LeaseState::Over) | Err(_) => return Err(self.over()),
            }
        }
        Ok(())
    }

    fn over(&self) -> OperationFailure {
        let sent = self.job.permit.has_sent();
        let detail = if sent {
            "It could not be confirmed in time, so no further call was made; what was sent before may have been carried out."
        } else {
            "It could not be confirmed in time, so the call was not made."
        };
        let problem = OperationFailure::outage(
            Diagnostic::error(format!("the lock of scope `{}` ran out", self.job.operation.scope))
                .detail(detail)
                .help("run again: the next run looks up what was announced, and goes on"),
        );
        OperationFailure { uncertain: sent, ..problem }
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
                return Err(self.not_ours("Somebody made it after the plan was made.".to_owned()));
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
            .help("choose another name, or take it over with an `import` block"),
        )
    }

    /// What stands where an object is to come into being of which tags cannot tell at once whose it
    /// is. Only what was not there before the first call can be that call's work.
    async fn place(&self, real: &Attrs) -> Result<Occupant, OperationFailure> {
        let job = self.job;
        let schema = job.kind.schema();
        let key = job.kind.natural_key(real);
        let Some(key) = key.filter(|_| schema.recovery == RecoveryMethod::NaturalKey) else {
            return Ok(Occupant::Unread);
        };
        if schema.asynchronous {
            return Ok(Occupant::Unread);
        }
        if job.change.action == Action::Replace && job.change.key.as_deref() == Some(&key) {
            // This run has deleted what stood there.
            return Ok(Occupant::Empty);
        }
        Ok(match self.look_up(&key).await? {
            Ok(None) => Occupant::Empty,
            Ok(Some(live)) => Occupant::Taken(live.attrs),
            // The creation itself tells what it is not permitted.
            Err(_) => Occupant::Unread,
        })
    }

    /// After a creation without an answer: is the object there, and is it ours?
    async fn probe(
        &self,
        real: Option<&Attrs>,
        was_empty: bool,
    ) -> Result<Probed, OperationFailure> {
        let job = self.job;
        let schema = job.kind.schema();
        let Some(real) = real else { return Ok(Probed::Nothing) };
        if schema.asynchronous {
            let found = self
                .shared
                .provider
                .find_creation(&job.target, schema.kind, real, self.shared.since)
                .await
                .map_err(|e| problem(&e, true))?;
            return Ok(found.map_or(Probed::Nothing, Probed::Ours));
        }
        let Some(key) = job.kind.natural_key(real) else { return Ok(Probed::Nothing) };
        let live = self.look_up(&key).await?.map_err(|error| problem(&error, false))?;
        let Some(live) = live else { return Ok(Probed::Nothing) };
        let marked = owner(&live.attrs);
        let ours = match schema.recovery {
            RecoveryMethod::Tags => marked.is_some() && marked == owner(real),
            // Its tags come later: nothing stood there before we asked for it.
            RecoveryMethod::NaturalKey => match marked {
                Some(_) => marked == owner(real),
                None => was_empty,
            },
            RecoveryMethod::Singleton => true,
        };
        Ok(if ours { Probed::Ours(live.attrs) } else { Probed::NotOurs })
    }

    /// What is still missing of an object whose creation was interrupted half-way (a role without its
    /// inline policies); `None` when nothing is.
    fn completion(
        &self,
        step: &ProviderStep,
        live_now: &Attrs,
        real: Option<&Attrs>,
    ) -> Option<ProviderStep> {
        let schema = self.job.kind.schema();
        if schema.asynchronous {
            return None;
        }
        let mut changed = difference(schema, live_now, real?, StoredValues::default()).changed;
        changed.retain(|p| p.root().is_none() || p.root() != schema.attachments);
        (!changed.is_empty()).then(|| ProviderStep {
            op: Op::Update,
            before: Some(live_now.clone()),
            changed,
            ..step.clone()
        })
    }

    async fn other_request(&self, step: &ProviderStep) -> Option<ProviderStep> {
        let job = self.job;
        let wanted = job.latest.as_ref()?;
        let found = self
            .shared
            .provider
            .find_creation(&job.target, job.kind.schema().kind, wanted, self.shared.since)
            .await
            .ok()??;
        let request = found.get(REQUEST)?.as_str()?.to_owned();
        (Some(&request) != step.target.as_ref())
            .then(|| ProviderStep { target: Some(request), ..step.clone() })
    }

    fn policy(&self) -> RetryPolicy {
        let Job { new_account, on_new, operation, .. } = self.job;
        let creating = operation.op == OperationKind::Wait;
        RetryPolicy::Operation { new_account: *new_account, on_new: *on_new, creating }
    }

    /// Waits before another attempt, where one can help.
    async fn again(&self, retries: &mut RetryProgress, error: &ProviderError) -> bool {
        let pause = self.policy().pause(error.failure, retries);
        self.wait(pause, retries, error).await
    }

    async fn wait(
        &self,
        pause: Option<Duration>,
        retries: &RetryProgress,
        error: &ProviderError,
    ) -> bool {
        let Some(wait) = pause else { return false };
        let job = self.job;
        if error.failure == Failure::Throttled {
            let _ = self.shared.reports.send(WorkerReport::Throttled(job.operation.scope.clone()));
        }
        let _ = self.shared.events.send(ApplyEvent::Retrying {
            operation: job.display.clone(),
            attempt: retries.attempt,
            wait,
            reason: error.to_string(),
        });
        self.shared.clock.sleep(wait).await;
        true
    }
}

fn problem(error: &ProviderError, uncertain: bool) -> OperationFailure {
    let help = match error.failure {
        _ if error.advice().is_some() => error.advice(),
        Failure::AccessDenied => Some("let the access role make this call, then apply again"),
        Failure::CannotAssume => {
            Some("let the access role of the account trust the caller, then apply again")
        }
        Failure::Credentials => {
            Some("renew the credentials and apply again: what was done is recorded")
        }
        Failure::Throttled | Failure::Concurrent => {
            Some("AWS kept refusing for minutes; apply again later, or lower `--parallelism`")
        }
        Failure::NotImplemented => Some("this endpoint does not offer the operation"),
        Failure::NoAnswer | Failure::Fenced => {
            Some("the next run finds out whether the call was carried out")
        }
        _ => None,
    };
    let why = Diagnostic::error(error.to_string()).help_opt(help.map(ToOwned::to_owned));
    let outage = error.failure.is_outage();
    OperationFailure {
        why,
        uncertain,
        stop: error.failure == Failure::Credentials,
        outage,
        made: None,
    }
}
