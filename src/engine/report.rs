//! Reports: everything that an auditor reads about an estate as it is now, from one reading of AWS and of the
//! records. Writes nothing and takes no lock.

use crate::isolation::walls::Walls;
use crate::plan::model::Plan;
use crate::plan::{Mode, walls};
use crate::promotion::figures::{Figures, figures};
use crate::promotion::{ReleaseMove, store};
use crate::state::audit::Record;

use super::declared_estate::{self, DeclaredEstate};
use super::error::EngineError;
use super::host::Activity;
use super::plan::{self, FailedLookups, PlanOutcome, PlanRequest};
use super::side::LookAt;
use super::workspace::{Variables, Workspace};

/// What is asked of a report.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// Values for variables.
    pub variables: Variables,
    /// How many accounts are read at once.
    pub parallelism: usize,
}

/// An estate as it is now.
#[derive(Clone, Debug)]
pub struct Report {
    /// A plan that changes nothing in AWS: its drift, its checks, and what was read.
    pub plan: Plan,
    /// The walls as they are now, with every path.
    pub walls: Walls,
    /// The estate at a glance.
    pub estate: DeclaredEstate,
    /// Every finished move of a release, the newest first.
    pub moves: Vec<ReleaseMove>,
    /// The audit log.
    pub audit: Vec<Record>,
    /// Figures from the records.
    pub figures: Figures,
}

/// Reads AWS and the records.
///
/// # Errors
/// The configuration is wrong, or something cannot be read.
pub async fn run(workspace: &Workspace, request: &ReportRequest) -> Result<Report, EngineError> {
    let mut question = PlanRequest::everything(&request.variables);
    question.options.mode = Mode::RefreshOnly;
    question.parallelism = request.parallelism;
    question.failed_lookups = FailedLookups::LeftOut;
    let PlanOutcome { request: question, inputs, plan } = plan::run(workspace, &question).await?;
    let mut sides = plan::sides(workspace, &inputs, &question)?;
    sides.after = sides.before.clone();
    let today = plan::timestamp(workspace);
    let busy = workspace.begin(Activity::JudgingWalls);
    let walls = walls::walls(&inputs.estate, &sides, LookAt::Live.name(), plan::day(&today))?;
    drop(busy);
    let ledger = &inputs.store.ledger;
    let reading = async {
        let mut moves = Vec::new();
        for environment in store::list_environments(ledger).await? {
            moves.extend(store::moves(ledger, &environment).await?);
        }
        Ok::<_, EngineError>((moves, ledger.audit_records().await?))
    };
    let (mut moves, audit) = workspace.interruptible(reading).await??;
    moves.sort_by(|a, b| {
        (b.finished_at, &b.environment, b.number).cmp(&(a.finished_at, &a.environment, a.number))
    });
    let figures = figures(&moves, &audit, None, &[]);
    let estate = declared_estate::of(&inputs)?;
    Ok(Report { plan, walls, estate, moves, audit, figures })
}
