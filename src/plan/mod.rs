//! Planning: configuration, state and live AWS become a [`model::Plan`].
//!
//! [`refresh`] reads AWS (the only part that waits); [`compute`] is pure: the same estate, state
//! and reading give the same plan, byte for byte. Within it, [`decide`] says what happens to each
//! object, [`order`] in which order, and [`limits`],
//! [`quotas`] and [`named`] whether AWS would take it.
//!
//! Architecture invariant: apply reads the plan and decides nothing; whatever order or condition a
//! change needs is written into [`model::Operation`].

pub mod access;
mod adopt;
pub mod compute;
pub mod decide;
mod decision;
pub mod diff;
pub mod drift;
mod interim;
pub mod limits;
pub mod live;
pub mod marks;
pub mod model;
pub mod moves;
pub mod named;
mod options;
pub mod order;
pub mod policies;
mod principals;
pub mod quotas;
pub mod refresh;
mod renewed;
pub mod select;
pub mod sides;
mod stranded;
mod unread;
pub mod walls;

#[cfg(test)]
mod tests;

pub use adopt::{Adoptions, adoptions};
pub use compute::{Input, compute, prepare, seal};
pub use live::{Live, Reading};
pub use options::{Mode, Options};
pub use principals::principals;
