//! What a plan does to the walls between environments: its two sides as access models, the configuration's rules
//! and what apply needs, put before [`crate::isolation`]; and the lines of the statements that it names.

mod places;
mod rules;
mod safeguards;

use super::access::{model_after, models};
use super::model::Plan;
use super::sides::Sides;
use crate::diag::Diagnostics;
use crate::eval::estate::Estate;
use crate::isolation::rules::Rule;
use crate::isolation::section::PathEnd;
use crate::isolation::walls::Walls;
use crate::isolation::who::{self, Ask, WhoCan};
use crate::isolation::{self, Analysis};
use safeguards::EstateSafeguards;

/// Analyses the sides of a plan and completes the plan with its isolation section, counts and the
/// paths of each account. The plan must be sealed afterwards ([`super::seal`]).
///
/// `today` (`YYYY-MM-DD`) decides which exceptions have expired, and what conditions say of days that have passed.
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
    let Analysis { mut section, .. } = analyse(estate, sides, today)?;
    let paths = section.changes.iter_mut().chain(&mut section.violations);
    places::refine(paths, &mut section.findings, &plan.resource_changes, estate);
    for account in &mut plan.accounts {
        let touches = |end: &PathEnd| {
            end.account.as_ref().is_some_and(|handle| handle.as_str() == account.account)
        };
        let paths = section.changes.iter().filter(|path| touches(&path.from) || touches(&path.to));
        account.isolation = paths.map(|path| path.id.clone()).collect();
    }
    plan.summary.isolation = section.summary();
    plan.isolation = section;
    Ok(())
}

/// The rules of a configuration: its `isolation` blocks.
///
/// # Errors
/// What is wrong with them, each at its place.
pub fn rules(estate: &Estate) -> Result<Vec<Rule>, Diagnostics> {
    rules::read(estate)
}

/// The analysis of a plan: its section, its counts, and what is wrong with the rules themselves.
///
/// # Errors
/// As [`complete`].
pub fn analyse(estate: &Estate, sides: &Sides, today: &str) -> Result<Analysis, Diagnostics> {
    judge(estate, sides, &rules::read(estate)?, today)
}

fn judge(
    estate: &Estate,
    sides: &Sides,
    rules: &[Rule],
    today: &str,
) -> Result<Analysis, Diagnostics> {
    let (before, after) = models(estate, sides);
    let (before, after) = (before.since_day(today), after.since_day(today));
    isolation::analyse(&before, &after, rules, &EstateSafeguards { estate, sides }, today)
}

/// Everything that is known of the walls of the after side of `sides`, which is called `side`.
///
/// # Errors
/// As [`complete`].
pub fn walls(
    estate: &Estate,
    sides: &Sides,
    side: &str,
    today: &str,
) -> Result<Walls, Diagnostics> {
    let rules = rules::read(estate)?;
    let analysis = judge(estate, sides, &rules, today)?;
    let mut walls = Walls::of(analysis, side);
    let paths = walls.paths.iter_mut().chain(&mut walls.violations);
    places::refine(paths, &mut walls.findings, &[], estate);
    Ok(walls)
}

/// Who can do what is asked, on the after side of `sides`, from the day `today` (`YYYY-MM-DD`) on.
///
/// # Errors
/// No account of the estate holds the resource.
pub fn who_can(
    estate: &Estate,
    sides: &Sides,
    ask: &Ask,
    today: &str,
) -> Result<WhoCan, Diagnostics> {
    let mut answer = who::who_can(&model_after(estate, sides).since_day(today), ask)?;
    places::refine_answer(&mut answer, estate);
    Ok(answer)
}
