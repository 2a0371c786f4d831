//! One side of the estate, for the analyses that look at it and change nothing.

use std::collections::BTreeMap;

use crate::eval::estate::Estate;
use crate::ids::Handle;
use crate::plan::sides::Sides;

use super::error::EngineError;
use super::plan::{self, FailedLookups, PlanRequest};
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

/// What an answer about a side stands on, which makes it evidence: of which estate it is, when it was found, and
/// what was read for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerBasis {
    /// The estate.
    pub estate: String,
    /// When it was found, in UTC (RFC 3339).
    pub generated_at: String,
    /// Whether AWS was read.
    pub live: bool,
    /// Accounts that were read.
    pub accounts: Vec<Handle>,
    /// Accounts that exist and were not read, and why.
    pub unread: BTreeMap<Handle, String>,
}

/// What is looked at.
pub(super) struct EstateSide {
    /// What the configuration means.
    pub(super) estate: Estate,
    /// The side in question is `after`; `before` is the same unless a plan is looked at.
    pub(super) sides: Sides,
    /// When it was read, in UTC (RFC 3339).
    pub(super) read_at: String,
}

impl EstateSide {
    /// The day on which it was read, `YYYY-MM-DD`.
    pub(super) fn today(&self) -> &str {
        plan::day(&self.read_at)
    }

    /// What an answer about it stands on.
    pub(super) fn basis(&self) -> AnswerBasis {
        AnswerBasis {
            estate: self.estate.name.clone(),
            generated_at: self.read_at.clone(),
            live: self.sides.live,
            accounts: self.sides.read.clone(),
            unread: self.sides.unread.clone(),
        }
    }
}

/// Reads the side that is asked for.
///
/// # Errors
/// Everything that is wrong with the configuration, or that cannot be read.
pub(super) async fn read(
    workspace: &Workspace,
    look_at: LookAt,
    variables: &Variables,
) -> Result<EstateSide, EngineError> {
    let mut request = PlanRequest::everything(variables);
    request.refresh = look_at != LookAt::State;
    // What is there does not depend on what the configuration looks up.
    if look_at != LookAt::Plan {
        request.failed_lookups = FailedLookups::LeftOut;
    }
    let inputs = refresh::load_and_refresh(workspace, &request).await?;
    workspace.host.diagnostics(&inputs.warnings);
    let mut sides = plan::sides(workspace, &inputs, &request)?;
    if look_at != LookAt::Plan {
        sides.after = sides.before.clone();
    }
    Ok(EstateSide { estate: inputs.estate, sides, read_at: plan::timestamp(workspace) })
}
