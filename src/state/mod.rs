//! State: what was applied, kept so that it cannot be lost, forked or wedged.
//!
//! [`store::StateStore`] is a small object store (get, compare-and-swap put, list, versions) with
//! two backends, [`local`] and [`s3`]. Everything above it is independent of the backend:
//! [`scopes`] is what one state object holds and how it is verified, [`ledger`] reads and writes
//! scopes, [`lease`] locks them, [`journal`] is the write-ahead log of an apply.
//!
//! Architecture invariants: a plan only calls functions that read; no object but a folded journal
//! is ever deleted; every write is a compare-and-swap; no secret value gets here.

pub mod audit;
pub mod audit_check;
pub mod audit_details;
pub mod bootstrap;
pub mod clock;
pub mod error;
pub mod errored;
pub mod fingerprint;
pub mod history;
pub mod journal;
pub mod json;
pub mod layout;
pub mod lease;
mod leases;
pub mod ledger;
pub mod local;
mod lock;
pub mod migrate;
pub mod model;
mod operation;
mod prove;
pub mod s3;
pub mod scopes;
mod snapshot;
pub mod store;

pub use audit::AuditEvent;
pub use audit_details::AuditDetails;
pub use clock::{Clock, SystemClock, to_the_second};
pub use error::{StateError, StateFailure};
pub use fingerprint::Fingerprinter;
pub use lease::{Acquired, Lease};
pub use ledger::{Ledger, Versioned};
pub use local::LocalStore;
pub use lock::{LeaseHolder, Lock, Process, Terms};
pub use operation::OperationKind;
pub use s3::{Encryption, S3Store};
pub use scopes::{Folded, ScopeState, Stamp};
pub use snapshot::{InterruptedJournal, Snapshot};
pub use store::{
    Listed, Object, ObjectVersion, Put, StateStore, StoreError, StoreFailure, WriteCondition,
    Written,
};
