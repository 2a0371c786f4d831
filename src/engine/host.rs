//! Everything that a use case says, asks and hears while it works. A terminal, a server and a test
//! implement [`Host`]; nothing in the engine prints, reads a terminal or looks at a clock of its own.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::address::ResourceAddr;
use crate::diag::Diagnostics;
use crate::plan::model::{Plan, PlanPrincipals};
use crate::promotion::Digest;
use crate::promotion::ReleaseMove;
use crate::state::{LeaseHolder, Lock};
use crate::trace::Waiting;

use super::error::EngineError;
use super::promotion::report::PromotionReport;

pub use crate::apply::cancel::{Cancel, Urgency};
pub use crate::apply::{ApplyEvent, ApplySummary};
pub use crate::state::Clock;

/// Who runs a use case. Calls may come from several tasks, but those of one use case come in order.
#[async_trait]
pub trait Host: Send + Sync {
    /// The calendar time, which stamps records and decides exceptions, soaks and freezes.
    fn now(&self) -> Timestamp;

    /// The clock that waiting is done on.
    fn clock(&self) -> &dyn Clock;

    /// The request to stop. Reading stops at once, an apply finishes what is in flight.
    fn cancel(&self) -> &Cancel;

    /// Something happened. Nothing depends on what the host makes of it.
    fn event(&self, event: Event);

    /// Whether to ask for the caller where nothing but this host wants to know: a request to STS.
    fn names_caller(&self) -> bool {
        false
    }

    /// Warnings, and errors that do not end the use case, as they arise.
    fn diagnostics(&self, diagnostics: &Diagnostics);

    /// Shows what is about to be done, before any question about it.
    ///
    /// # Errors
    /// [`EngineError::Unshown`]: it cannot be shown, so the use case ends, and nothing is done unseen. A reader that
    /// went away is no such error: the use case goes on without it.
    fn show(&self, shown: Shown<'_>) -> Result<(), EngineError>;

    /// Returns when the answer is yes.
    ///
    /// # Errors
    /// Any other answer, nobody to ask, and [`EngineError::Interrupted`].
    async fn confirm(&self, question: ConfirmationQuestion<'_>) -> Result<(), EngineError>;

    /// The code that an MFA device shows now: the role of the AWS profile in use asks for it. Absent where there is no
    /// one to ask.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`], or the answer cannot be read.
    async fn mfa_code(&self, device: &str, profile: &str) -> Result<Option<String>, EngineError>;
}

/// Something that takes a while; it begins and ends with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The state is read.
    ReadingState,
    /// The organization is read.
    ReadingOrganization,
    /// This many accounts are read.
    ReadingAccounts(usize),
    /// The package of a module is fetched.
    Fetching(String),
    /// What so many `data` blocks ask for is read.
    LookingUp(usize),
    /// SSM is asked for the versions of secrets.
    ReadingSecretVersions,
    /// The walls are judged.
    JudgingWalls,
    /// A gate is evaluated.
    Gate(String),
    /// A plan is carried out, or a run that was interrupted is recovered.
    Applying,
}

/// What an interrupted move waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumption {
    /// This use case goes on with it.
    Now,
    /// The next promotion goes on with it; this use case only looks.
    NextPromotion,
    /// This rollback takes it to its end, or turns it back.
    Rollback,
}

/// Something that happened in a use case.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something that takes a while began.
    Began(Activity),
    /// It ended, well or not.
    Ended(Activity),
    /// AWS is read: as whom, and as whom it would be written. It comes again once more of that is known.
    Principals(Box<PlanPrincipals>),
    /// The state is used: as whom. It comes again once more of that is known.
    StatePrincipal(StatePrincipal),
    /// From the executor of a plan or of a recovery.
    Apply(ApplyEvent),
    /// A plan was carried out, to its end or not.
    Applied(Box<ApplySummary>),
    /// A run that was interrupted is folded into the state of a scope.
    Recovered {
        /// The scope.
        scope: String,
        /// The run.
        run: String,
    },
    /// An object that an interrupted run had made is recorded now.
    Adopted(ResourceAddr),
    /// The plan has no changes.
    NothingToApply,
    /// Another run holds the lock of a scope whose state is to be edited.
    WaitingForScope {
        /// The scope.
        scope: String,
        /// Who holds it.
        holder: LeaseHolder,
    },
    /// A scope is not locked, though its lock was to be broken.
    NotLocked {
        /// The scope.
        scope: String,
    },
    /// The lock of a scope is broken.
    Unlocked {
        /// The scope.
        scope: String,
    },
    /// An old version of a scope's state is the current one again.
    StateRolledBack {
        /// The scope.
        scope: String,
        /// The serial that it has now.
        serial: u64,
        /// The serial that it is a copy of.
        to: u64,
    },
    /// The bucket of the state is made and set up; a local backend has none.
    BackendReady {
        /// Its name.
        bucket: Option<String>,
    },
    /// Another move into the same environment holds its lock.
    WaitingForMove(LeaseHolder),
    /// A move was interrupted by the end of its run.
    MoveInterrupted {
        /// The move.
        run: Box<ReleaseMove>,
        /// What becomes of it.
        resumption: Resumption,
    },
    /// An environment is no longer held.
    HoldLifted {
        /// The environment.
        environment: String,
    },
    /// A move failed, and the release that was verified before comes back.
    TurningBack {
        /// Why.
        why: String,
        /// The environment.
        environment: String,
        /// The release's name.
        release: String,
        /// Which one comes back.
        to: Digest,
    },
    /// A rollback begins.
    RollingBack {
        /// The environment.
        environment: String,
        /// The release's name.
        release: String,
        /// Which one stands there.
        from: Digest,
        /// Which one comes back.
        to: Digest,
    },
    /// A release entered its first environment by an apply.
    Entered(Box<ReleaseMove>),
    /// Nothing has been answered for some seconds.
    Waiting {
        /// The request that has waited longest.
        request: Waiting,
        /// When it is given up.
        until: Option<Timestamp>,
    },
    /// Something that is waited for as a whole, such as a gate or a download, has not ended for some seconds. Single
    /// requests to AWS that it makes are told by `Waiting`.
    Lasting {
        /// What.
        activity: Activity,
        /// How long it has taken.
        lasted: Duration,
        /// When it is given up.
        until: Option<Timestamp>,
    },
}

/// Where the state lies, and as whom it is read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePrincipal {
    /// The directory, or bucket and prefix.
    pub location: String,
    /// The role that the backend names, by ARN.
    pub role: Option<String>,
    /// The caller as locks and records name it: its ARN, or `local:USER`. Absent where the use case has not asked.
    pub caller: Option<String>,
}

/// A lock that is to be broken.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakableLock {
    /// The scope.
    pub scope: String,
    /// The lock; where the object in its place cannot be given back or taken over, why not.
    pub lock: Result<Lock, String>,
}

/// What is about to be done.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A plan.
    Plan(&'a Plan),
    /// A promotion: its release, its gates and its plan.
    Promotion(&'a PromotionReport),
    /// What an approval would approve; gates were not asked.
    Approval(&'a PromotionReport),
    /// Locks that are about to be broken.
    Locks(&'a [BreakableLock]),
}

/// A question that only yes answers.
#[derive(Clone, Copy, Debug)]
pub enum ConfirmationQuestion<'a> {
    /// Carry the plan out?
    Apply,
    /// Delete what the plan deletes?
    Destroy,
    /// Take the object over, and change what differs?
    Import,
    /// Move the release?
    Promote {
        /// The release's name.
        release: &'a str,
        /// Which one.
        digest: &'a Digest,
        /// Where it goes.
        to: &'a str,
    },
    /// Go on with the interrupted promotion?
    Resume,
    /// Bring the release back?
    BringBack {
        /// The release's name.
        release: &'a str,
        /// Which one comes back.
        digest: &'a Digest,
        /// Where to.
        environment: &'a str,
    },
    /// Make an old version of a scope's state the current one?
    RollBackState {
        /// The scope.
        scope: &'a str,
        /// The version's serial.
        serial: u64,
        /// When it was written.
        written_at: Timestamp,
        /// How many objects it records.
        objects: usize,
    },
    /// Break the locks?
    BreakLocks,
    /// Approve the promotion? A host with nobody to ask may take the call itself for the answer.
    Approve {
        /// Who approves, as AWS says.
        by: &'a str,
        /// The release's name.
        release: &'a str,
        /// Which one.
        digest: &'a Digest,
        /// Where it goes.
        to: &'a str,
    },
}
