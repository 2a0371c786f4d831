//! Who can do something to a resource, on one side of the estate. Changes nothing.

use crate::isolation::who::{Ask, WhoCan};
use crate::plan::walls;

use super::error::EngineError;
use super::host::Activity;
use super::redacting;
use super::side::{self, AnswerBasis, LookAt};
use super::workspace::{Variables, Workspace};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct WhoCanRequest {
    /// The action, as in `s3:GetObject` or `s3:Put*`.
    pub action: String,
    /// The ARN of the resource; `*` for an action that has none.
    pub resource: String,
    /// Whether the action may be newer than the list of AWS's actions.
    pub unknown_action: bool,
    /// Which side.
    pub look_at: LookAt,
    /// Values for variables.
    pub variables: Variables,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct WhoCanOutcome {
    /// What was read.
    pub basis: AnswerBasis,
    /// Who can.
    pub answer: WhoCan,
}

/// Asks for every principal of the side.
///
/// # Errors
/// The question makes no sense, which is said before anything is read; or the side cannot be read.
pub async fn run(
    workspace: &Workspace,
    request: &WhoCanRequest,
) -> Result<WhoCanOutcome, EngineError> {
    let ask = Ask::parse(&request.action, &request.resource, request.unknown_action)?;
    let side = side::read(workspace, request.look_at, &request.variables).await?;
    let busy = workspace.begin(Activity::JudgingWalls);
    let mut answer = walls::who_can(&side.estate, &side.sides, &ask, side.today())?;
    drop(busy);
    redacting::redact_answer(workspace, &side.estate, &mut answer);
    Ok(WhoCanOutcome { basis: side.basis(), answer })
}
