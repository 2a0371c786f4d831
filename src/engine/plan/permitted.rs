//! Whether a plan may be carried out: AWS was read where it would change something, and the walls permit it.

use crate::diag::{Diagnostic, count};
use crate::engine::error::EngineError;
use crate::engine::plan_request::FailOn;
use crate::isolation::section::{AccessPath, PathChange, crossed_and_undecided};
use crate::plan::model::Plan;

/// Whether AWS was read where the plan would change it: an object that could not be read may be there already,
/// gone, or another one than the state says.
///
/// # Errors
/// It was not.
pub fn require_read(plan: &Plan) -> Result<(), EngineError> {
    /// How many objects are named.
    const NAMED: usize = 10;
    let unread = plan.rests_on_unread();
    if unread.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> =
        unread.iter().take(NAMED).map(|(object, why)| format!("`{object}`: {why}")).collect();
    if unread.len() > NAMED {
        lines.push(format!("and {} more", unread.len() - NAMED));
    }
    let objects = count(unread.len(), "object that was", "objects that were");
    Err(Diagnostic::error(format!("the plan would change {objects} not read"))
        .detail(lines.join("\n"))
        .help("nothing was changed; make them readable and run again, or leave them out with `--environment`, `--account` or `--target`")
        .into())
}

/// What a plan is judged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgedFor {
    /// Reading: paths that existed before count as well.
    Reading,
    /// Applying: a path that existed before blocks nothing.
    Applying,
    /// The same of a saved plan, which is not shown again.
    ApplyingSaved,
}

/// Whether the walls permit the plan, as `--fail-on` asks. What stood open before counts only where the plan is
/// judged to be read; but a path whose exception has ended is open without permission from that day on.
///
/// # Errors
/// They do not.
pub fn require_isolation(
    plan: &Plan,
    fail_on: FailOn,
    judged: JudgedFor,
) -> Result<(), EngineError> {
    let holds_up = |path: &&AccessPath| {
        path.change != PathChange::Standing || path.expired_exception.is_some()
    };
    let all = || plan.isolation.violations.iter();
    let (crossed, undecided) =
        crossed_and_undecided(all().filter(|path| judged == JudgedFor::Reading || holds_up(path)));
    let widened = plan.isolation.changes.iter().filter(|path| path.change.widens()).count();
    let assuming = plan.isolation.matrix.iter().filter(|row| !row.assumptions_added.is_empty());
    let assuming = assuming.count();
    let summary = match fail_on {
        FailOn::None => return Ok(()),
        FailOn::Violation | FailOn::Widening if crossed + undecided > 0 => {
            rules_broken(crossed, undecided)
        }
        FailOn::Violation => return Ok(()),
        FailOn::Widening if widened == 0 && assuming == 0 => return Ok(()),
        FailOn::Widening if widened == 0 => {
            format!("{} on a new assumption", count(assuming, "wall rests", "walls rest"))
        }
        FailOn::Widening => format!("{} added or widened", count(widened, "path is", "paths are")),
    };
    let is_old =
        fail_on == FailOn::Violation && crossed_and_undecided(all().filter(holds_up)) == (0, 0);
    let has_ended = all().any(|path| path.expired_exception.is_some());
    let told = match judged {
        JudgedFor::Reading | JudgedFor::Applying => "the isolation section",
        JudgedFor::ApplyingSaved => "`palisade show FILE`",
    };
    let remedy = match (crossed, undecided) {
        (0, 0) => format!("{told} names each path and what causes it"),
        (0, _) => format!("{told} says why of each wall: make readable what could not be read"),
        _ if has_ended => format!(
            "{told} names each path and what causes it: close it, or give its exception a new end"
        ),
        _ => format!(
            "{told} names each path and what causes it: close it, or permit it with an `allow` block that has a reason and an end"
        ),
    };
    let anyway = match is_old {
        true => "no apply is held up by what existed before its plan",
        false => "`--fail-on none --reason \"...\"` goes on regardless and is recorded",
    };
    let help = format!("{remedy}; {anyway}");
    Err(EngineError::RuleBroken(Diagnostic::error(summary).help(help).into()))
}

/// `2 paths break an isolation rule, 1 wall that an isolation rule protects is undetermined`.
pub(in crate::engine) fn rules_broken(crossed: usize, undecided: usize) -> String {
    let mut parts = Vec::new();
    if crossed > 0 {
        parts.push(format!("{} an isolation rule", count(crossed, "path breaks", "paths break")));
    }
    if undecided > 0 {
        let are = if undecided == 1 { "is" } else { "are" };
        let walls = count(undecided, "wall", "walls");
        parts.push(format!("{walls} that an isolation rule protects {are} undetermined"));
    }
    parts.join(", ")
}
