//! Whether a plan that is made again is the one that was saved, and what has moved since where it is not.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::EngineError;
use super::super::secret_versions;
use crate::diag::Diagnostic;
use crate::isolation::section::{AccessPath, ExceptionStatus, ExceptionUse, WallVerdict};
use crate::plan::model::{Action, IsolationSummary, Plan, PlanSummary};
use crate::plan::seal;

/// The plan that was approved and the one that follows from the world now must be the same.
///
/// # Errors
/// [`EngineError::Stale`], naming what moved; or the file shows something else than its digest stands for.
pub fn require_same(
    saved: &Plan,
    now: &Plan,
    configuration_digest: &str,
) -> Result<(), EngineError> {
    if saved.digest == now.digest {
        let mut again = saved.clone();
        seal(&mut again, configuration_digest);
        if again.digest == now.digest && shown(saved) == shown(now) {
            return Ok(());
        }
        return Err(EngineError::Stale(
            Diagnostic::error("the plan file is forged: it shows other changes than those that apply would make")
                .detail("Its digest is the digest of the plan that follows from configuration, state and AWS; its content differs from that plan.".to_owned())
                .help("nothing was changed; make the plan again, and find out who had the file")
                .into(),
        ));
    }
    let moved = what_moved(saved, now);
    Err(EngineError::Stale(
        Diagnostic::error("the plan is stale: what it was made from has moved")
            .detail(moved.join("\n"))
            .help("nothing was changed; make and approve a new plan")
            .into(),
    ))
}

/// What a person reads in a plan and its digest does not cover. Drift is left out: what others do in
/// other accounts is no matter of this plan. So is what the calendar alone makes of exceptions.
fn shown(plan: &Plan) -> serde_json::Value {
    let isolation = IsolationSummary {
        exceptions_ending: 0,
        exceptions_ended: 0,
        ..plan.summary.isolation.clone()
    };
    let summary = PlanSummary { drifted: 0, isolation, ..plan.summary.clone() };
    let estate = &plan.estate.name;
    let exceptions = plan.isolation.exceptions.iter();
    let exceptions: Vec<ExceptionUse> = exceptions
        .map(|permit| ExceptionUse {
            days_left: 0,
            status: ExceptionStatus::Unused,
            ..permit.clone()
        })
        .collect();
    serde_json::json!([
        [estate, summary, exceptions],
        plan.accounts,
        plan.outputs,
        plan.checks,
        plan.selection
    ])
}

fn what_moved(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut moved = secret_versions::moved(&saved.secret_sources, &now.secret_sources);
    for (scope, then) in &saved.state.scopes {
        match now.state.scopes.get(scope) {
            Some(basis) if basis == then => {}
            Some(basis) => moved.push(format!(
                "the state of `{scope}` went from serial {} to {}",
                then.serial, basis.serial
            )),
            None => moved.push(format!("the state of `{scope}` is gone")),
        }
    }
    for scope in now.state.scopes.keys().filter(|s| !saved.state.scopes.contains_key(*s)) {
        moved.push(format!("the state of `{scope}` is new"));
    }
    let changes = |plan: &Plan| -> BTreeMap<String, String> {
        plan.resource_changes
            .iter()
            .filter(|c| c.action != Action::NoOp)
            .map(|c| (c.display.clone(), serde_json::to_string(c).unwrap_or_default()))
            .collect()
    };
    let (then, present) = (changes(saved), changes(now));
    let names: BTreeSet<&String> = then.keys().chain(present.keys()).collect();
    let mut differing: Vec<String> = names
        .into_iter()
        .filter_map(|name| match (then.get(name), present.get(name)) {
            (Some(a), Some(b)) if a == b => None,
            (Some(_), Some(_)) => Some(format!("`{name}` would change otherwise")),
            (Some(_), None) => Some(format!("`{name}` would not change any more")),
            (None, _) => Some(format!("`{name}` would change too")),
        })
        .collect();
    let more = differing.len().saturating_sub(10);
    differing.truncate(10);
    moved.extend(differing);
    if more > 0 {
        moved.push(format!("and {more} more"));
    }
    if saved.palisade_version != now.palisade_version {
        moved.push(format!(
            "the plan was made by version {}, this is {}",
            saved.palisade_version, now.palisade_version
        ));
    }
    moved.extend(walls_moved(saved, now));
    if moved.is_empty() {
        moved.push("the configuration's files or variables differ".to_owned());
    }
    moved
}

/// What the walls do now that they did not when the plan was approved.
fn walls_moved(saved: &Plan, now: &Plan) -> Vec<String> {
    fn fresh<'a>(
        then: &'a [AccessPath],
        now: &'a [AccessPath],
    ) -> impl Iterator<Item = &'a AccessPath> {
        let known: BTreeSet<(&str, WallVerdict)> =
            then.iter().map(|path| (path.id.as_str(), path.verdict)).collect();
        now.iter().filter(move |path| !known.contains(&(path.id.as_str(), path.verdict)))
    }
    let paths = fresh(&saved.isolation.changes, &now.isolation.changes).map(|path| {
        format!(
            "the walls moved: {} -> {} {}, {} by the path `{}`",
            path.from.environment,
            path.to.environment,
            path.change.name(),
            path.verdict.name(),
            path.id
        )
    });
    let broken = fresh(&saved.isolation.violations, &now.isolation.violations).map(|path| {
        let (id, rule) = (&path.id, path.rule.as_deref().unwrap_or_default());
        match &path.expired_exception {
            None => format!("the path `{id}` breaks `{rule}`, and did not"),
            Some(ended) => {
                format!("the path `{id}` breaks `{rule}`: the exception `{ended}` has ended")
            }
        }
    });
    paths.chain(broken).collect()
}
