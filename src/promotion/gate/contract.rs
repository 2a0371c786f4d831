//! What each type of gate brings: how its block is read, and how it judges.
//!
//! The gates stand on this file and the table of them in `mod.rs` stands on the gates, so a gate is read
//! without the others.

use std::fmt;

use async_trait::async_trait;

use super::block::Block;
use super::context::GateContext;
use super::evidence::Finding;

/// Judges one gate, as its block declares it.
#[async_trait]
pub(super) trait Gate: fmt::Debug + Send + Sync {
    /// Waits for programs, servers and AWS where the gate asks them, never longer than the gate's
    /// `timeout`.
    async fn judge(&self, context: &GateContext<'_>) -> Finding;
}

/// A type of gate: the one row by which the table of gates knows it.
pub(super) struct GateType {
    /// The first label of its block. Its schema in `schema/gates.rs` has the same name.
    pub(super) name: &'static str,
    /// Whether it can be judged before the plan of the move is made, and without starting a
    /// program or asking a URL.
    pub(super) judged_early: bool,
    /// Reads its block; what is wrong with it goes into the block's diagnostics.
    pub(super) read: fn(&mut Block<'_>) -> Box<dyn Gate>,
}
