//! How a plan is made: what the caller of the planner chooses.

use super::model::Selection;
use crate::difference::SecretComparison;

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
pub struct ComputeOptions {
    /// What kind of plan.
    pub mode: Mode,
    /// What it is limited to.
    pub selection: Selection,
    /// `--replace`: addresses to replace though nothing forces it.
    pub replace: Vec<String>,
    /// By what hidden values are compared. `apply` alone asks the sources of secrets for values;
    /// a plan knows the versions of those that are SSM parameters.
    pub secrets: SecretComparison,
}
