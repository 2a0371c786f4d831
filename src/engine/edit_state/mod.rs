//! Changing state by hand: `state mv`, `rm`, `push`, `rollback`, `unlock`. Each change holds the leases of
//! the scopes it touches, writes by compare-and-swap, and leaves a record in the audit log.
//!
//! [`rename`] and [`forget`] work on objects of a state that can be read, through [`editing::Editing`].
//! [`push`], [`rollback`] and [`unlock`] are repairs: they read nothing of a state but what they replace, for
//! a damaged one is what they are for.

mod editing;
pub mod forget;
pub mod push;
pub mod rename;
mod repair;
pub mod rollback;
pub mod unlock;

pub(in crate::engine) use editing::require;
