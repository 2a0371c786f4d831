//! Releases and their way through the environments: what moves, along which edge, past which gates,
//! and what is remembered of it.
//!
//! [`Release`] is what moves, [`record`] what one environment remembers, [`store`] where that is
//! kept; [`edge`] is a way, [`gate`] judges whether it is open,
//! [`candidate`] says which release goes. Everything is plain data in the state's
//! backend, and each write is a compare-and-swap.
//!
//! Architecture invariants: nothing here reads a clock or an environment variable, and nothing here
//! changes AWS. A release gets into an environment by a plan that apply carries out, like any other
//! value; a promotion only decides which release that plan is made with.

pub mod audited;
pub mod candidate;
pub mod edge;
pub mod figures;
pub mod gate;
pub mod left_by_moves;
pub mod record;
pub mod revoked_verification;
pub mod store;
pub mod variable_prints;

pub use crate::eval::release::{Digest, Release};
pub use record::{EnvironmentRecord, ReleaseMove};
