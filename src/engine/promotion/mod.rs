//! Promotions: the release is chosen, the plan of its target made, the gates evaluated, and the move
//! carried out step by step, each written down before it begins.
//!
//! [`preview`] is what a promotion would do; [`promote`] and [`rollback`] do it; [`drive`] walks a
//! move to its end, from its beginning or from where its run was interrupted; [`entry`] records what
//! an apply brought into a release's first environment; [`gates`] evaluates gates; [`history`] reads what moved.

pub mod approve;
mod drive;
pub mod entry;
mod gates;
pub mod history;
mod lease;
mod preview;
pub mod promote;
pub mod releases;
pub mod report;
pub mod rollback;
pub mod status;
pub mod verify;

use std::time::Duration;

use crate::diag::Diagnostic;
use crate::promotion::record::{End, MoveKind};
use crate::provider::{Caller, Provider};

use super::error::EngineError;
use super::workspace::Variables;

pub use crate::promotion::ReleaseMove;
pub(super) use drive::finished_event;

/// What the use cases that move releases have in common.
#[derive(Clone, Debug)]
pub struct MoveSettings {
    /// Values for variables.
    pub variables: Variables,
    /// How many accounts are worked on at once.
    pub parallelism: usize,
    /// How long to wait for a lock that another run holds.
    pub lock_timeout: Duration,
}

/// Who calls, as AWS says.
///
/// # Errors
/// No valid credentials.
async fn caller(provider: &dyn Provider) -> Result<Caller, EngineError> {
    provider.identity().await.map_err(|error| {
        Diagnostic::error("cannot tell who is calling")
            .detail(error.to_string())
            .help(error.advice().unwrap_or("check the credentials"))
            .into()
    })
}

/// Whether a finished move left its environment as it was asked to. An entry that is not verified yet is
/// as it was asked: its first verification may come later.
#[must_use]
pub fn ended_well(done: &ReleaseMove) -> bool {
    match done.end {
        Some(End::Verified) | None => true,
        Some(End::Unverified) => done.kind == MoveKind::Entry,
        Some(End::Returned) => false,
    }
}
