//! What every use case works in: one estate's directory, the settings that were handed in, and the
//! host. Whatever a process would otherwise pick up by itself (environment variables, its own name,
//! where AWS is) stands here, so that equal workspaces give equal results.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::apply::Secrets;
use crate::apply::cancel::Urgency;
use crate::redact::Redactions;
use crate::state::{Ledger, Terms, to_the_second};

use super::connect::Aws;
use super::error::EngineError;
use super::host::{Activity, Event, Host};
use super::origin::RunOrigin;
use super::waiting;

pub use crate::config::VarArg;

/// Values for variables, in the order in which they were given: a later one wins.
#[derive(Clone, Debug, Default)]
pub struct Variables(pub Vec<VarArg>);

/// One estate, its settings, and who runs its use cases.
#[derive(Clone)]
pub struct Workspace {
    /// The directory of the configuration; gates' commands run there, secrets' files lie below it.
    pub dir: PathBuf,
    /// Where a state is saved that could not be written to the backend.
    pub errored_dir: PathBuf,
    /// The environment's variables: `PALISADE_VAR_name`, `secret("env:NAME")`, gates' commands.
    pub env: BTreeMap<String, String>,
    /// Which process this is, for locks and records.
    pub origin: RunOrigin,
    /// How AWS is reached.
    pub aws: Aws,
    /// State that is open already, in place of the backend that the configuration names.
    pub state: Option<Ledger>,
    /// Where secrets come from, in place of the environment, files and SSM.
    pub secrets: Option<Arc<dyn Secrets>>,
    /// The secrets that this run knows by now. Whatever it keeps or shows holds none of them.
    pub redactions: Redactions,
    /// Ends the process at this write of state, in the sandbox alone (see [`super::power_cut`]).
    pub power_cut: Option<u64>,
    /// How the leases are held under which AWS is called.
    pub terms: Terms,
    /// Who runs it.
    pub host: Arc<dyn Host>,
}

impl Workspace {
    /// The calendar time, to the second, as records hold it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        to_the_second(self.host.now())
    }

    /// An estate's directory, with no environment and secrets from where its configuration says.
    #[must_use]
    pub fn new(dir: PathBuf, origin: RunOrigin, aws: Aws, host: Arc<dyn Host>) -> Self {
        Self {
            errored_dir: dir.clone(),
            dir,
            env: BTreeMap::new(),
            origin,
            aws,
            state: None,
            secrets: None,
            redactions: Redactions::default(),
            power_cut: None,
            terms: Terms::default(),
            host,
        }
    }

    /// `work`, unless the host asks to stop first. For work that may be dropped anywhere: reading.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`].
    pub async fn interruptible<T>(&self, work: impl Future<Output = T>) -> Result<T, EngineError> {
        tokio::select! {
            done = work => Ok(done),
            () = self.host.cancel().risen(Urgency::None) => Err(EngineError::Interrupted),
        }
    }

    /// Tells the host that something begins which takes a while; it ends when the guard is dropped.
    pub(super) fn begin(&self, activity: Activity) -> Busy<'_> {
        tracing::info!(?activity, "began");
        self.host.event(Event::Began(activity.clone()));
        Busy { host: self.host.as_ref(), activity, began: self.host.clock().elapsed() }
    }

    /// Does something that takes a while and makes no request to AWS: the host hears that it begins and ends, and what is
    /// waited for meanwhile. It is given up after `limit`.
    pub(super) async fn lasting<T>(
        &self,
        activity: Activity,
        limit: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> T {
        let busy = self.begin(activity);
        waiting::lasting(self.host.as_ref(), &busy.activity, limit, work).await
    }

    /// Has the host told, from now to the end of the runtime, what is waited for when nothing comes: whatever a use case
    /// does, no wait is without a word.
    pub fn tell_of_waits(&self) {
        waiting::watch(Arc::clone(&self.host));
    }
}

/// Something that takes a while and has not ended.
pub(super) struct Busy<'a> {
    host: &'a dyn Host,
    activity: Activity,
    began: Duration,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let took = self.host.clock().elapsed().saturating_sub(self.began);
        tracing::info!(activity = ?self.activity, ?took, "ended");
        self.host.event(Event::Ended(self.activity.clone()));
    }
}
