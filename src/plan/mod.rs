//! Planning: configuration, state and live AWS become a [`model::Plan`].
//!
//! Pure: the engine has read AWS before, and nothing here waits. [`compute`] gives the same plan for the same estate,
//! state and reading, byte for byte. Within it, [`decide`] says what happens to each
//! object, [`order`] in which order, and [`limits`],
//! [`quotas`] and [`named`] whether AWS would take it.
//!
//! Architecture invariant: apply reads the plan and decides nothing; whatever order or condition a
//! change needs is written into [`model::Operation`].

pub mod access;
mod adopt;
mod allow_lists;
pub mod compute;
pub mod decide;
pub mod drift;
mod features;
mod interim;
pub mod limits;
pub mod model;
pub mod named;
mod object_plan;
mod options;
pub mod order;
mod policy_types;
pub mod quotas;
mod renewed;
pub mod select;
pub mod severed;
mod shut;
pub mod sides;
mod stranded;
mod unread;
pub mod walls;

#[cfg(test)]
mod tests;

pub use crate::difference::{SecretComparison, SecretText, StoredValues, difference};
pub use crate::live::{Adoptions, Index, Live, Reading, Targets};
pub use compute::{Input, compute, prepare, seal};
pub use options::{ComputeOptions, Mode};
pub(crate) use unread::LOOKED_UP;
