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
pub mod diff;
pub mod drift;
pub mod limits;
pub mod live;
pub mod model;
pub mod moves;
pub mod named;
pub mod order;
pub mod policies;
pub mod quotas;
pub mod refresh;
mod renewed;
pub mod select;
pub mod sides;
mod stranded;
pub mod walls;

#[cfg(test)]
mod tests;

pub use compute::{Input, compute, prepare, seal};
pub use live::{Live, Reading};

/// What kind of plan is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Make AWS what the configuration says.
    #[default]
    Normal,
    /// Remove everything that is managed.
    Destroy,
    /// Change nothing in AWS; take what is there into state.
    RefreshOnly,
}

/// How a plan is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What kind of plan.
    pub mode: Mode,
    /// What it is limited to.
    pub selection: model::Selection,
    /// `--replace`: addresses to replace though nothing forces it.
    pub replace: Vec<String>,
    /// By what hidden values are compared. `apply` alone asks the sources of secrets for values;
    /// a plan knows the versions of those that are SSM parameters.
    pub secrets: diff::Secrets,
}
