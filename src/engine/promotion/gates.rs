//! Evaluates gates, and watches verification until it passes or its time is up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::diag::Diagnostic;
use crate::engine::error::EngineError;
use crate::engine::host::Activity;
use crate::engine::load::Opened;
use crate::engine::plan::{self, PlanRequest, ReleaseOverride};
use crate::engine::redacting;
use crate::engine::refresh::{self, PlanInputs};
use crate::engine::workspace::Workspace;
use crate::plan::model::{Plan, Selection};
use crate::promotion::edge::Verify;
use crate::promotion::gate::{
    self, Approval, Evidence, GateContext, GateOutcome, GateSpec, GateSubject, Purpose,
};
use crate::promotion::{Digest, Release};
use crate::provider::Caller;

use super::MoveSettings;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// What gates are evaluated on.
pub(super) struct GateEvaluation<'a> {
    /// What the plan was made from.
    pub inputs: &'a PlanInputs,
    /// The plan that would be carried out, or a fresh one.
    pub plan: &'a Plan,
    /// Why they are evaluated.
    pub purpose: Purpose,
    /// The edge, or the environment whose `verify` block it is.
    pub edge: &'a str,
    /// Where the release comes from.
    pub from: Option<&'a str>,
    /// Where it goes or stands.
    pub to: &'a str,
    /// The release.
    pub release: &'a Release,
    /// What stands in `to` before the move.
    pub replaces: Option<&'a Digest>,
    /// Since when the release has stood in `from` without a break.
    pub stands_since: Option<Timestamp>,
    /// Who promotes.
    pub author: &'a Caller,
    /// Who approved.
    pub approvals: &'a [Approval],
    /// What gates found when the last release moved in.
    pub previous: &'a [Evidence],
}

impl GateEvaluation<'_> {
    /// Evaluates gates one after the other, all at the same moment's time.
    pub(super) async fn evaluate(
        &self,
        workspace: &Workspace,
        gates: &[GateSpec],
    ) -> Vec<Evidence> {
        let values = self.release.texts();
        let redactions = &workspace.redactions;
        if gates.iter().any(GateSpec::quotes_others) {
            workspace.host.diagnostics(&redacting::too_short(redactions));
        }
        let context = GateContext {
            now: workspace.now(),
            clock: workspace.host.clock(),
            purpose: self.purpose,
            subject: GateSubject {
                edge: self.edge,
                from: self.from,
                to: self.to,
                release: &self.release.name,
                digest: self.release.digest.as_str(),
                values: &values,
                replaces: self.replaces.map(Digest::as_str),
            },
            configuration: &self.inputs.configuration,
            estate: &self.inputs.estate,
            live: &self.inputs.live,
            plan: self.plan,
            stands_since: self.stands_since,
            author: self.author,
            approvals: self.approvals,
            previous: self.previous,
            provider: self.inputs.provider.as_ref(),
            targets: &self.inputs.targets,
            dir: &workspace.dir,
            redactions,
            vars: &workspace.env,
        };
        let mut found = Vec::new();
        for spec in gates {
            let (activity, judging) =
                (Activity::Gate(spec.label()), gate::evaluate(spec, &context));
            found.push(workspace.lasting(activity, spec.limit(), judging).await);
        }
        found
    }
}

/// Whether every gate is open.
#[must_use]
pub(super) fn all_open(evidence: &[Evidence]) -> bool {
    evidence.iter().all(|e| e.outcome == GateOutcome::Passed)
}

/// The closed gates, a line each; of a single one, which is named already, what it found.
#[must_use]
pub(super) fn closed_lines(found: &[Evidence]) -> String {
    let closed: Vec<&Evidence> =
        found.iter().filter(|e| e.outcome != GateOutcome::Passed).collect();
    match closed.as_slice() {
        [one] => one.summary.clone(),
        several => {
            let lines = several.iter().map(|e| format!("{}: {}", e.gate, e.summary));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The request that plans one environment with one release in it.
#[must_use]
pub(super) fn request(
    settings: &MoveSettings,
    environment: &str,
    release: Option<&Release>,
) -> PlanRequest {
    let mut request = PlanRequest::everything(&settings.variables);
    request.parallelism = settings.parallelism;
    request.secret_versions = true;
    request.options.selection =
        Selection { environments: vec![environment.to_owned()], ..Selection::default() };
    request.release = release.map(|release| ReleaseOverride {
        environment: environment.to_owned(),
        release: release.clone(),
    });
    request
}

/// Whether every gate that verifies a release could look. What nobody could read is no verdict on the release.
///
/// # Errors
/// One could not, with the reason.
pub(super) fn require_asked(
    found: &[Evidence],
    release: &str,
    environment: &str,
) -> Result<(), EngineError> {
    let Some(unasked) = found.iter().find(|e| e.outcome == GateOutcome::Unknown) else {
        return Ok(());
    };
    Err(Diagnostic::error(format!(
        "the verification of release {release} in `{environment}` could not be carried out"
    ))
    .detail(format!("{}: {}", unasked.gate, unasked.summary))
    .help("nothing says that the release is wrong: it stays where it is, and running the same again goes on with verifying it")
    .into())
}

/// Watches the gates that verify a release where it stands: until all are open, or until the time
/// that the `verify` block allows is up. State and AWS are read again for every look.
///
/// # Errors
/// Something cannot be read.
pub(super) async fn watch(
    workspace: &Workspace,
    settings: &MoveSettings,
    opened: &Opened,
    environment: &str,
    release: &Release,
    author: &Caller,
    declared: &Verify,
) -> Result<Vec<Evidence>, EngineError> {
    if declared.gates.is_empty() {
        return Ok(Vec::new());
    }
    let patience = SignedDuration::try_from(declared.timeout).unwrap_or(SignedDuration::MAX);
    let deadline = workspace.now().checked_add(patience).unwrap_or(Timestamp::MAX);
    loop {
        let found =
            once(workspace, settings, opened, environment, release, author, declared).await?;
        let left = deadline.duration_since(workspace.now());
        if all_open(&found) || !left.is_positive() {
            return Ok(found);
        }
        let pause = PAUSE.min(left.unsigned_abs());
        workspace.interruptible(workspace.host.clock().sleep(pause)).await?;
    }
}

async fn once(
    workspace: &Workspace,
    settings: &MoveSettings,
    opened: &Opened,
    environment: &str,
    release: &Release,
    author: &Caller,
    declared: &Verify,
) -> Result<Vec<Evidence>, EngineError> {
    let mut request = request(settings, environment, Some(release));
    // Nothing is to be applied.
    request.secret_versions = false;
    let inputs = refresh::refresh_opened(workspace, &request, opened.clone()).await?;
    let plan = plan::make(workspace, &inputs, &request)?;
    let recorded = inputs.records.get(environment).map(|versioned| &versioned.record);
    let previous = recorded.and_then(|r| r.last_verified(&release.name));
    let previous = previous.map(|verification| verification.evidence.as_slice());
    let evaluation = GateEvaluation {
        inputs: &inputs,
        plan: &plan,
        purpose: Purpose::Verify,
        edge: environment,
        from: None,
        to: environment,
        release,
        replaces: None,
        stands_since: recorded
            .and_then(|r| r.current(&release.name))
            .filter(|c| c.digest == release.digest)
            .map(|c| c.since),
        author,
        approvals: &[],
        previous: previous.unwrap_or_default(),
    };
    workspace.interruptible(evaluation.evaluate(workspace, &declared.gates)).await
}
