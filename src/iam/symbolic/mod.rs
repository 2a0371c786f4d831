//! Symbolic reach: is there *any* request that these policies allow?
//!
//! Every predicate that policies apply to a request looks at one thing: the action, the resource,
//! or one context key. For each of these, the predicates cut all possible values into finitely
//! many regions inside which every predicate has the same answer. [`globs`] finds the regions of
//! texts, [`resources`] which of them are asked about, [`keys`] those of context keys; [`ask`](mod@ask) asks the concrete judge about one
//! representative of every combination ([`judged`]: once for all that no statement tells apart). An allowed representative is a witness; when none is
//! allowed, no request is, and that is the proof. [`access`] compares two policies in the same way,
//! and where that gives up, [`subsumption`] by their statements.

pub mod access;
mod actions;
mod ask;
mod choices;
mod domain;
pub mod globs;
mod judged;
pub mod keys;
mod opening;
pub mod question;
mod resources;
mod subsumption;
pub mod variables;
mod witness;

pub use ask::{ask, ask_both, is_closed};
pub use domain::{Domain, Moments, Texts};
pub use opening::{Opening, Requirement};
pub use question::{Answers, Caps, Companion, Question, Space, SymbolicAnswer};
