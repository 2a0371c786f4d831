//! All that is known of the walls of one side of the estate. Changes nothing.

use crate::diag::Diagnostic;
use crate::isolation::section::crossed_and_undecided;
use crate::isolation::walls::Walls;
use crate::plan::model::AccountChanges;
use crate::plan::{compute, walls};

use super::error::EngineError;
use super::host::Activity;
use super::plan;
use super::redacting;
use super::side::{self, AnswerBasis, LookAt};
use super::workspace::{Variables, Workspace};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct IsolationRequest {
    /// Which side.
    pub look_at: LookAt,
    /// Values for variables.
    pub variables: Variables,
}

/// The walls, and what is known of them.
#[derive(Clone, Debug)]
pub struct IsolationOutcome {
    /// What was read.
    pub basis: AnswerBasis,
    /// Verdicts, paths, exceptions, findings and proofs.
    pub walls: Walls,
    /// The accounts, by which findings are known to differ only in the environment that they are about.
    pub accounts: Vec<AccountChanges>,
}

/// Reads the side and analyses it. A broken rule is a result, not an error ([`require_rules`]).
///
/// # Errors
/// The configuration is wrong, or the side cannot be read.
pub async fn run(
    workspace: &Workspace,
    request: &IsolationRequest,
) -> Result<IsolationOutcome, EngineError> {
    let side = side::read(workspace, request.look_at, &request.variables).await?;
    let busy = workspace.begin(Activity::JudgingWalls);
    let mut walls = walls::walls(&side.estate, &side.sides, request.look_at.name(), side.today())?;
    drop(busy);
    let paths = walls.paths.iter_mut().chain(&mut walls.violations);
    redacting::redact_paths(workspace, &side.estate, paths);
    let accounts = compute::by_account(&side.estate, &[]);
    Ok(IsolationOutcome { basis: side.basis(), walls, accounts })
}

/// Whether the walls stand as the rules ask.
///
/// # Errors
/// [`EngineError::RuleBroken`].
pub fn require_rules(outcome: &IsolationOutcome) -> Result<(), EngineError> {
    let help = match crossed_and_undecided(&outcome.walls.violations) {
        (0, 0) => return Ok(()),
        (0, _) => "each wall above says why; make readable what could not be read",
        _ => "close the path, or permit it with an `allow` block that has a reason and an end",
    };
    let (crossed, undecided) = crossed_and_undecided(&outcome.walls.violations);
    let summary = plan::rules_broken(crossed, undecided);
    Err(EngineError::RuleBroken(Diagnostic::error(summary).help(help).into()))
}
