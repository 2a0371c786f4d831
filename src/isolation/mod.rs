//! What a change does to the walls between environments.
//!
//! The input is an [`AccessModel`] of either side, wherever that comes from; the output is [`section`]. [`candidates`] finds the grants that name somebody outside,
//! [`crossing`] asks the symbolic engine about each, [`paths`] joins role assumptions into paths, [`compare`] sets both
//! sides against each other, [`power`] finds who may move a wall, [`causes`] which changes of a plan that comes from, [`deputy`] what can be talked into
//! crossing, [`assumptions`] what a proof rests on, [`lockout`] refuses changes that shut their own way back, [`rules`] judges paths by the
//! `isolation` blocks, and [`report`] writes the section. [`walls`] and [`who`] answer
//! questions about one side alone.
//!
//! Architecture invariant: pure and offline. A verdict is data; nothing here stops a command.

mod assumptions;
mod candidates;
mod causes;
pub mod changes;
pub mod compare;
pub mod crossing;
pub mod deputy;
mod exceptions;
mod findings;
mod issuers;
mod lifting;
pub mod lockout;
pub mod not_modelled;
pub mod paths;
mod plausible;
pub mod power;
pub mod proof;
mod replay;
pub mod report;
pub mod rights;
pub mod rules;
mod running;
pub mod section;
mod undetermined;
pub mod walls;
pub mod who;

#[cfg(test)]
mod tests;

use crate::access::AccessModel;
use crate::diag::Diagnostics;
use lockout::Safeguards;
use rules::Rule;

pub use report::Analysis;
pub use section::{Grade, WallVerdict};

/// The analysis of a change: what it does to the walls, and whether it shuts its own way back.
///
/// `today` (`YYYY-MM-DD`) decides which exceptions have expired.
///
/// # Errors
/// Protected principals that the change would lock out, each at the policy that does it.
pub fn analyse(
    before: &AccessModel,
    after: &AccessModel,
    rules: &[Rule],
    safeguards: &dyn Safeguards,
    today: &str,
) -> Result<Analysis, Diagnostics> {
    let comparison = compare::compare(before, after);
    lockout::check(safeguards, &comparison)?;
    Ok(report::report(rules, &comparison, today))
}
