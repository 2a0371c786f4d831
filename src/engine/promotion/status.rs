//! Where every environment stands: AWS and what is recorded, read once and put together by environment.

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::drift::{DriftReport, EnvironmentDrift};
use crate::engine::error::EngineError;
use crate::engine::host::Activity;
use crate::engine::plan::{self, FailedLookups, PlanRequest};
use crate::engine::refresh::{self, PlanInputs};
use crate::engine::side::LookAt;
use crate::engine::state_bucket::{self, Unreadable};
use crate::engine::workspace::{Variables, Workspace};
use crate::isolation::section::{self, AccessPath};
use crate::plan::model::{Plan, Unread};
use crate::plan::walls;
use crate::promotion::edge::{self, Edge};
use crate::promotion::figures::{Figures, figures};
use crate::promotion::gate::{self, Evidence, GateContext, GateSpec, GateSubject, Purpose};
use crate::promotion::record::{Hold, Phase, Stop};
use crate::promotion::{Digest, EnvironmentRecord, revoked_verification, store};
use crate::provider::Caller;

use super::report::ReleasePlace;

/// What is asked of a status.
#[derive(Clone, Debug)]
pub struct StatusRequest {
    /// Values for variables.
    pub variables: Variables,
    /// How many accounts are read at once.
    pub parallelism: usize,
    /// The environments; all of them when none is named.
    pub environments: Vec<String>,
}

/// Where every environment stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// When it was looked at.
    pub at: Timestamp,
    /// The environments, each behind those that releases come to it from.
    pub environments: Vec<EnvironmentStatus>,
    /// Managed objects that were read and are as state and configuration say now, of 100. Null where nothing is
    /// managed and not everything could be read.
    pub consistency_percent: Option<f64>,
    /// What could not be read: nothing is claimed of it.
    pub unread: Vec<Unread>,
    /// Paths and walls that break an isolation rule now, one that only warns aside.
    pub isolation_violations: usize,
    /// Of these, walls that are undetermined.
    pub isolation_undetermined: usize,
    /// Those that break one that only warns.
    pub isolation_warnings: usize,
    /// Figures from the records.
    pub figures: Figures,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentStatus {
    /// Its name.
    pub name: String,
    /// What stands there.
    pub releases: Vec<ReleaseStatus>,
    /// Why nothing moves in.
    pub hold: Option<Hold>,
    /// The move that is under way, or was interrupted.
    pub under_way: Option<UnderWay>,
    /// What differs from AWS.
    pub drift: EnvironmentDrift,
    /// What could move on from here.
    pub next: Vec<Next>,
}

/// A release in an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseStatus {
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Who moved it.
    pub by: String,
    /// How long it has stood, in seconds.
    pub stands_seconds: i64,
    /// Since when, verified or not, and what has to be said of it.
    #[serde(flatten)]
    pub place: ReleasePlace,
}

/// A move that is not finished.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnderWay {
    /// The release.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// How far it is.
    pub phase: Phase,
    /// Who began it.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// What stopped it last and says nothing of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
}

/// A release that is verified here and stands not yet where an edge leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// The edge.
    pub edge: String,
    /// Where it leads.
    pub to: String,
    /// Whether nothing moves in there, whatever the gates say.
    pub is_held: bool,
    /// The release.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Gates that can be judged now, and how they stand.
    pub gates: Vec<Evidence>,
    /// Gates that are only asked when the promotion is made.
    pub asked_then: Vec<String>,
}

/// Looks at the environments.
///
/// # Errors
/// The configuration is wrong, an environment is not declared, or something cannot be read.
pub async fn run(workspace: &Workspace, request: &StatusRequest) -> Result<Status, EngineError> {
    let named = request.environments.as_slice();
    let mut plan_request = PlanRequest::everything(&request.variables);
    plan_request.parallelism = request.parallelism;
    plan_request.about.environments = named.to_vec();
    plan_request.failed_lookups = FailedLookups::LeftOut;
    let inputs = refresh::load_and_refresh_recovered(workspace, &plan_request).await?;
    let declared = &inputs.estate.environments;
    let plan = plan::make(workspace, &inputs, &plan_request)?;
    workspace.host.diagnostics(&inputs.warnings);
    let violations = violations_now(workspace, &inputs, &plan_request, &plan)?;
    let report = DriftReport::of(&plan);
    let edges = edge::edges(&inputs.estate)?;
    let (caller, ()) = futures::join!(
        super::caller(inputs.provider.as_ref()),
        state_bucket::warn(workspace, &inputs.store, Unreadable::Skipped)
    );
    let caller = caller?;
    let mut environments = Vec::new();
    let asked = declared.keys().filter(|name| named.is_empty() || named.contains(name));
    for name in edge::in_order(asked, &edges) {
        let record = record(&inputs, name);
        let mut next = Vec::new();
        for edge in edges.values().filter(|edge| edge.from == *name) {
            next.extend(nexts(workspace, &inputs, &plan, edge, &record, &caller).await?);
        }
        environments.push(EnvironmentStatus {
            name: name.clone(),
            releases: current_releases(workspace, &inputs, &record),
            hold: record.hold.clone(),
            under_way: record.run.as_ref().map(|run| UnderWay {
                release: run.release.clone(),
                digest: run.digest.clone(),
                phase: run.phase,
                by: run.author.arn.clone(),
                since: run.started_at,
                stopped: run.stops.last().cloned(),
            }),
            drift: report.environments.get(name).cloned().unwrap_or_default(),
            next,
        });
    }
    let ledger = &inputs.store.ledger;
    let mut moves = Vec::new();
    for environment in &environments {
        moves.extend(store::moves(ledger, &environment.name).await?);
    }
    let records = ledger.audit_records().await?;
    Ok(Status {
        at: workspace.now(),
        environments,
        consistency_percent: report.consistency_percent,
        unread: report.unread,
        isolation_violations: section::broken(&violations),
        isolation_undetermined: section::crossed_and_undecided(&violations).1,
        isolation_warnings: violations.len() - section::broken(&violations),
        figures: figures(&moves, &records, None, named),
    })
}

/// What breaks a rule in AWS as it is now. The plan tells it too where it leaves every wall as it is.
fn violations_now(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
    plan: &Plan,
) -> Result<Vec<AccessPath>, EngineError> {
    let walls = &plan.isolation;
    if walls.changes.is_empty() && walls.matrix.iter().all(|row| row.before == row.after) {
        return Ok(walls.violations.clone());
    }
    let mut sides = plan::sides(workspace, inputs, request)?;
    sides.after = sides.before.clone();
    let now = plan::timestamp(workspace);
    let busy = workspace.begin(Activity::JudgingWalls);
    let walls = walls::walls(&inputs.estate, &sides, LookAt::Live.name(), plan::day(&now))?;
    drop(busy);
    Ok(walls.violations)
}

fn record(inputs: &PlanInputs, environment: &str) -> EnvironmentRecord {
    let versioned = inputs.records.get(environment);
    versioned
        .map_or_else(|| EnvironmentRecord::new(environment), |versioned| versioned.record.clone())
}

fn current_releases(
    workspace: &Workspace,
    inputs: &PlanInputs,
    record: &EnvironmentRecord,
) -> Vec<ReleaseStatus> {
    let releases = record.releases.iter().filter_map(|(release, recorded)| {
        let current = recorded.current.as_ref()?;
        let records = |name: &str| inputs.records.get(name).map(|versioned| &versioned.record);
        Some(ReleaseStatus {
            release: release.clone(),
            digest: current.digest.clone(),
            by: current.by.clone(),
            stands_seconds: workspace.now().duration_since(current.since).as_secs(),
            place: ReleasePlace {
                environment: record.environment.clone(),
                since: current.since,
                verified_since: recorded.verified.as_ref().map(|v| v.since),
                revoked_at: recorded.revoked.get(&current.digest).map(|r| r.at),
                overridden: current.overridden.clone(),
                revoked_verifications: revoked_verification::revoked_verifications(
                    records,
                    &record.environment,
                    release,
                ),
            },
        })
    });
    releases.collect()
}

/// The releases that are verified where an edge begins and do not stand yet where it leads.
async fn nexts(
    workspace: &Workspace,
    inputs: &PlanInputs,
    plan: &Plan,
    edge: &Edge,
    from: &EnvironmentRecord,
    caller: &Caller,
) -> Result<Vec<Next>, EngineError> {
    let to = record(inputs, &edge.to);
    let mut all = Vec::new();
    for release in &edge.releases {
        let (Some(verified), Some(current)) = (from.verified(release), from.current(release))
        else {
            continue;
        };
        let there = to.current(release).map(|c| &c.digest);
        if there == Some(&verified.digest) {
            continue;
        }
        let stored = store::get_release(&inputs.store.ledger, release, &verified.digest).await?;
        let values = stored.release.texts();
        let context = GateContext {
            now: workspace.now(),
            clock: workspace.host.clock(),
            purpose: Purpose::Promote,
            subject: GateSubject {
                edge: &edge.name,
                from: Some(&edge.from),
                to: &edge.to,
                release,
                digest: verified.digest.as_str(),
                values: &values,
                replaces: there.map(crate::promotion::Digest::as_str),
            },
            configuration: &inputs.configuration,
            estate: &inputs.estate,
            live: &inputs.live,
            plan,
            stands_since: Some(current.since.max(verified.since)),
            author: caller,
            approvals: &[],
            previous: &[],
            provider: inputs.provider.as_ref(),
            targets: &inputs.targets,
            dir: &workspace.dir,
            redactions: &workspace.redactions,
            vars: &workspace.env,
        };
        let (now, then): (Vec<&GateSpec>, Vec<&GateSpec>) =
            edge.gates.iter().partition(|gate| gate.is_judged_early());
        let mut gates: Vec<Evidence> = Vec::new();
        for gate in now {
            gates.push(workspace.interruptible(gate::evaluate(gate, &context)).await?);
        }
        all.push(Next {
            edge: edge.name.clone(),
            to: edge.to.clone(),
            is_held: to.hold.is_some(),
            release: release.clone(),
            digest: verified.digest.clone(),
            gates,
            asked_then: then.into_iter().map(GateSpec::label).collect(),
        });
    }
    Ok(all)
}
