//! What a plan reports beside changes: limits, checks, outputs, warnings.

use serde::{Deserialize, Serialize};

use crate::diag::Severity;
use crate::eval::estate;
use crate::value::PlainValue;

/// Usage of one AWS limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitUse {
    /// What is limited.
    pub target: String,
    /// The limit's name in `organization { limits {} }`.
    pub limit: String,
    /// Used before this plan.
    #[serde(default)]
    pub before: u64,
    /// Used after this plan.
    pub used: u64,
    /// Allowed.
    pub allowed: u64,
}

/// A check's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its label.
    pub name: String,
    /// How it came out.
    pub status: CheckStatus,
    /// Its message.
    pub message: String,
    /// Where its assertion stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<PlanLocation>,
}

/// The estate that a plan is of. Several estates may stand in one repository and comment on one pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEstate {
    /// Its name.
    pub name: String,
    /// Where the configuration says so: the place of what has no place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<PlanLocation>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Its assertions hold.
    Pass,
    /// One of its assertions does not hold.
    Fail,
    /// An assertion waits for what is known only after apply.
    Unknown,
}

impl CheckStatus {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// A root output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedOutput {
    /// Its value; null when hidden or unknown.
    pub value: PlainValue,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// Whether it is known only after apply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

impl PlannedOutput {
    /// Of an output as it was evaluated: what is sensitive or not known yet stays out.
    #[must_use]
    pub fn of(output: &estate::Output) -> Self {
        let sensitive = output.sensitive || output.value.has_sensitive();
        let unknown = output.value.has_unknown();
        let value = match sensitive || unknown {
            true => PlainValue::default(),
            false => PlainValue::shown(&output.value),
        };
        Self { value, sensitive, unknown }
    }
}

/// A diagnostic in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDiagnostic {
    /// Whether it stops the command.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// More.
    pub detail: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where.
    pub location: Option<PlanLocation>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLocation {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}
