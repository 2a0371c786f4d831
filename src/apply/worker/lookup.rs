//! Looks an object up in AWS: what stands where one is to come into being, and what a call has made of which the answer was
//! lost, or which was refused half-way.

use super::Worker;
use super::failure::{OperationFailure, problem};
use crate::difference::{StoredValues, difference};
use crate::plan::model::Action;
use crate::provider::{AccessMode, LiveObject, Op, ProviderError, ProviderStep, REQUEST};
use crate::schema::RecoveryMethod;
use crate::schema::ownership::owner;
use crate::value::Attrs;

/// What stands where an object is to come into being.
#[derive(PartialEq)]
pub(super) enum Occupant {
    /// Nothing.
    Empty,
    /// An object.
    Taken(Attrs),
    /// It was not looked at: tags tell later, or it may not be read.
    Unread,
}

/// What was found where an answer was lost.
pub(super) enum Probed {
    Ours(Attrs),
    NotOurs,
    Nothing,
}

impl Worker<'_> {
    /// Reads the object, patiently: a read can always be repeated.
    pub(super) async fn read(&self, key: &str) -> Result<Option<LiveObject>, OperationFailure> {
        let kind = self.job.kind.schema().kind;
        let provider = &self.shared.provider;
        self.patiently(|| provider.read_object(&self.job.target, AccessMode::Write, kind, key))
            .await?
            .map_err(|error| problem(&error, false))
    }

    /// Reads an object that this operation is to make or may have made, with the tags that tell whose it is.
    pub(super) async fn look_up(
        &self,
        key: &str,
    ) -> Result<Result<Option<LiveObject>, ProviderError>, OperationFailure> {
        let kind = self.job.kind.schema().kind;
        let provider = &self.shared.provider;
        self.patiently(|| provider.read_marked(&self.job.target, AccessMode::Write, kind, key))
            .await
    }

    /// What stands where an object is to come into being of which tags cannot tell at once whose it
    /// is. Only what was not there before the first call can be that call's work.
    pub(super) async fn place(&self, real: &Attrs) -> Result<Occupant, OperationFailure> {
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
    pub(super) async fn probe(
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
    pub(super) fn completion(
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
        let by_calls = [schema.attachments, schema.detachments];
        changed.retain(|p| p.root().is_none() || !by_calls.contains(&p.root()));
        (!changed.is_empty()).then(|| ProviderStep {
            op: Op::Update,
            before: Some(live_now.clone()),
            changed,
            ..step.clone()
        })
    }

    /// What stands there of an object whose creation was refused, where it is this run's work. Where that cannot be
    /// told, the next plan looks.
    pub(super) async fn made_so_far(&self, real: Option<&Attrs>) -> Option<Attrs> {
        if self.job.kind.schema().asynchronous || !self.job.permit.has_sent() {
            return None;
        }
        match self.probe(real, false).await {
            Ok(Probed::Ours(found)) => Some(found),
            Ok(Probed::NotOurs | Probed::Nothing) | Err(_) => None,
        }
    }

    pub(super) async fn other_request(&self, step: &ProviderStep) -> Option<ProviderStep> {
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
}
