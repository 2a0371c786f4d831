//! What each type of gate brings: how its block is read, and how it judges.
//!
//! The gates stand on this file and the table of them in `mod.rs` stands on the gates, so a gate is read
//! without the others.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::approval::{NotCounted, RoleSource};
use super::block::GateBlock;
use super::context::GateContext;
use super::evidence::GateFinding;
use crate::provider::Caller;
use crate::schema::gates::GateSchema;

/// Judges one gate, as its block declares it.
#[async_trait]
pub(super) trait Gate: fmt::Debug + Send + Sync {
    /// Waits for programs, servers and AWS where the gate asks them, never longer than the gate's
    /// `timeout`.
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding;

    /// Why an approval of this caller would not count for it, whoever promotes; nothing where it would, and where it
    /// takes none.
    async fn refuses_approval(&self, _by: &Caller, _roles: RoleSource<'_>) -> Option<NotCounted> {
        None
    }

    /// The longest that it may take, where its block says so.
    fn limit(&self) -> Option<Duration> {
        None
    }
}

/// A type of gate: the one row by which the table of gates knows it.
#[derive(Debug)]
pub(super) struct GateType {
    /// What its block holds, and its name.
    pub(super) schema: &'static GateSchema,
    /// Whether it can be judged before the plan of the move is made, and without starting a
    /// program or asking a URL.
    pub(super) judged_early: bool,
    /// Whether what it finds holds what a program printed or a server answered.
    pub(super) quotes_others: bool,
    /// Whether it waits for people's approvals.
    pub(super) takes_approvals: bool,
    /// Whether rollbacks pass it as well as promotions.
    pub(super) binds_rollbacks: bool,
    /// Whether it may close while others are judged and people are asked, and is judged once more right before the
    /// move.
    pub(super) judged_again: bool,
    /// Reads its block; what is wrong with it goes into the block's diagnostics.
    pub(super) read: fn(&mut GateBlock<'_>) -> Box<dyn Gate>,
}
