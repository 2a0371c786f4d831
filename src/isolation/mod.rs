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
pub mod changes;
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
use crate::plan::model::Plan;
use crate::plan::model::isolation::{AccessPath, Isolation, IsolationSummary, PathEnd};
use crate::plan::sides::Sides;

pub use crate::plan::model::isolation::{Grade, Verdict};

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
        let touches = |end: &PathEnd| {
            end.account.as_ref().is_some_and(|handle| handle.as_str() == account.account)
        };
        let paths = section.changes.iter().filter(|path| touches(&path.from) || touches(&path.to));
        account.isolation = paths.map(|path| path.id.clone()).collect();
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
    /// Every path of the after side, changed or standing.
    pub paths: Vec<AccessPath>,
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
