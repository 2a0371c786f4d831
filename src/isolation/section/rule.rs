//! What rules say of a path or a wall, and what their exceptions permit.

use serde::{Deserialize, Serialize};

/// How grave an entry of the section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSeverity {
    /// No rule forbids it, or an exception permits it.
    Info,
    /// Worth a look: a finding, or a violation of a rule with `on_violation = "warn"`.
    Warning,
    /// A violation that stops an apply.
    Error,
}

impl RuleSeverity {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What the rules say of an open wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// An exception in force permits each way across.
    Permitted,
    /// Some way across breaks a rule.
    Forbidden,
}

impl Ruling {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Forbidden => "forbidden",
        }
    }
}

/// An exception of a rule, and what it permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionUse {
    /// Who has approved it, as its block says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Ids of the paths that it covers.
    pub covers: Vec<String>,
    /// Days from the day of the analysis to its last day; negative once that has passed.
    pub days_left: i32,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub expires: String,
    /// Where it is declared, `file:line`.
    pub location: String,
    /// Its label.
    pub name: String,
    /// Who answers for it, as its block says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why it exists.
    pub reason: String,
    /// The rule's address.
    pub rule: String,
    /// How it stands.
    pub status: ExceptionStatus,
}

impl ExceptionUse {
    /// How many days before its end an exception is warned about.
    pub const NOTICE_DAYS: i32 = 30;

    /// Whether it counts, and its last day is near.
    #[must_use]
    pub fn ends_soon(&self) -> bool {
        (0..=Self::NOTICE_DAYS).contains(&self.days_left)
    }
}

/// How an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionStatus {
    /// It covers a path and counts.
    InForce,
    /// It counts and covers nothing.
    Unused,
    /// Its last day has passed.
    Expired,
}
