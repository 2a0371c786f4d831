//! One side of the estate, for the analyses that look at it and change nothing.

use crate::eval::estate::Estate;
use crate::plan::sides::Sides;

use super::error::EngineError;
use super::plan::{self, PlanRequest};
use super::refresh;
use super::workspace::{Variables, Workspace};

/// Which side of the estate is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LookAt {
    /// AWS as it is now.
    #[default]
    Live,
    /// AWS as it would be after an apply.
    Plan,
    /// What the state holds, without reading AWS.
    State,
}

impl LookAt {
    /// For tools: `live`, `plan` or `state`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Plan => "plan",
            Self::State => "state",
        }
    }
}

/// What is looked at.
pub struct EstateSide {
    /// What the configuration means.
    pub estate: Estate,
    /// The side in question is `after`; `before` is the same unless a plan is looked at.
    pub sides: Sides,
    /// The current day, `YYYY-MM-DD`.
    pub today: String,
}

/// Reads the side that is asked for.
///
/// # Errors
/// Everything that is wrong with the configuration, or that cannot be read.
pub async fn read(
    workspace: &Workspace,
    look_at: LookAt,
    variables: &Variables,
) -> Result<EstateSide, EngineError> {
    let mut request = PlanRequest::everything(variables);
    request.refresh = look_at != LookAt::State;
    let inputs = refresh::load_and_refresh(workspace, &request).await?;
    workspace.host.diagnostics(&inputs.warnings);
    let mut sides = plan::sides(workspace, &inputs, &request)?;
    if look_at != LookAt::Plan {
        sides.after = sides.before.clone();
    }
    let today = plan::day(&plan::timestamp(workspace)).to_owned();
    Ok(EstateSide { estate: inputs.estate, sides, today })
}
