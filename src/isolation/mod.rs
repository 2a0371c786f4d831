//! What a plan does to the walls between environments.
//!
//! The input is an [`crate::access::AccessModel`] of either side. [`candidates`] finds the grants that name somebody outside,
//! [`crossing`] asks the symbolic engine about each, [`paths`] joins role assumptions into paths, [`compare`] sets both
//! sides against each other, [`power`] finds who may move a wall, [`deputy`] what can be talked into
//! crossing, [`lockout`] refuses plans that shut their own way back, [`rules`] judges paths by the
//! `isolation` blocks, and [`report`] writes the plan's section. [`walls`] and [`who`] answer
//! questions about one side alone.
//!
//! Architecture invariant: pure and offline. A verdict is data; nothing here stops a command.

mod candidates;
pub mod compare;
pub mod crossing;
pub mod deputy;
mod doubts;
mod findings;
pub mod lockout;
pub mod paths;
pub mod power;
pub mod proof;
mod replay;
pub mod report;
pub mod rights;
pub mod rules;
pub mod walls;
pub mod who;
mod workers;

#[cfg(test)]
mod tests;

use crate::diag::Diagnostics;
use crate::eval::estate::Estate;
use crate::plan::access::models;
use crate::plan::model::{Isolation, IsolationSummary, Plan};
use crate::plan::sides::Sides;

/// What a boundary between two environments is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Proved closed.
    Isolated,
    /// Not decided; never counts as isolated.
    Undetermined,
    /// Open under conditions that neither side chooses.
    Conditional,
    /// Open.
    Reachable,
    /// Both live in one account: there is no wall.
    SharedAccount,
}

/// How a path crosses a wall.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Grade {
    /// A request crosses: a role is assumed, a bucket read or written.
    A,
    /// Somebody there holds power over the wall itself.
    B,
    /// Data crosses by way of a service or of something that both sides use.
    C,
    /// A service or a third party can be talked into crossing: the confused deputy.
    D,
}

/// Analyses the sides of a plan and completes the plan with its isolation section, counts and the
/// paths of each account. The plan must be sealed afterwards ([`crate::plan::seal`]).
///
/// `today` (`YYYY-MM-DD`) decides which exceptions have expired.
///
/// # Errors
/// Rules that name what does not exist or lack what is required, each at its place; protected
/// principals that the plan would lock out.
pub fn complete(
    plan: &mut Plan,
    estate: &Estate,
    sides: &Sides,
    today: &str,
) -> Result<(), Diagnostics> {
    let Analysis { section, summary, .. } = analyse(estate, sides, today)?;
    for account in &mut plan.accounts {
        let touches = |side: &str, path: &serde_json::Value| {
            path.pointer(&format!("/{side}/account")).and_then(serde_json::Value::as_str)
                == Some(account.account.as_str())
        };
        account.isolation = section
            .changes
            .iter()
            .filter(|path| touches("from", path) || touches("to", path))
            .filter_map(|path| Some(path.get("id")?.as_str()?.to_owned()))
            .collect();
    }
    plan.summary.isolation = summary;
    plan.isolation = section;
    Ok(())
}

/// What an analysis found.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// The plan's section.
    pub section: Isolation,
    /// Its counts.
    pub summary: IsolationSummary,
    /// Every path of the after side, changed or standing, in the form of the section's changes.
    pub paths: Vec<serde_json::Value>,
}

/// The analysis of a plan: its section, its counts, and what is wrong with the rules themselves.
///
/// `today` (`YYYY-MM-DD`) decides which exceptions have expired.
///
/// # Errors
/// Rules that name what does not exist or lack what is required, each at its place; protected
/// principals that the plan would lock out.
pub fn analyse(estate: &Estate, sides: &Sides, today: &str) -> Result<Analysis, Diagnostics> {
    let rules = rules::read(estate)?;
    let (before, after) = models(estate, sides);
    let comparison = compare::compare(&before, &after);
    lockout::check(estate, sides, &comparison)?;
    Ok(report::report(estate, sides, &rules, &comparison, today))
}
