//! Asks gates, and watches verification until it passes or its time is up.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::pipeline::{self, Request, Shift, World};
use crate::plan::model::{Plan, Selection};
use crate::promotion::edge::{self, Verify};
use crate::promotion::gate::{
    self, Approval, Evidence, GateContext, GateSpec, Outcome, Passage, Purpose,
};
use crate::promotion::{Digest, Release};
use crate::provider::Caller;
use crate::state::Clock as _;

use super::Settings;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// What gates are asked about.
pub struct Look<'a> {
    /// The world that the plan was made of.
    pub world: &'a World,
    /// The plan that would be carried out, or a fresh one.
    pub plan: &'a Plan,
    /// Why they are asked.
    pub purpose: Purpose,
    /// The edge, or the environment whose `verify` block is asked.
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

impl Look<'_> {
    /// Asks the gates one after the other, all at the same moment's time.
    pub async fn at(&self, cx: &Context, gates: &[GateSpec]) -> Vec<Evidence> {
        let values = self.release.texts();
        let context = GateContext {
            now: cx.clock.now(),
            clock: &cx.clock,
            purpose: self.purpose,
            passage: Passage {
                edge: self.edge,
                from: self.from,
                to: self.to,
                release: &self.release.name,
                digest: self.release.digest.as_str(),
                values: &values,
                replaces: self.replaces.map(Digest::as_str),
            },
            estate: &self.world.estate,
            live: &self.world.live,
            plan: self.plan,
            stands_since: self.stands_since,
            author: self.author,
            approvals: self.approvals,
            previous: self.previous,
            provider: self.world.provider.as_ref(),
            targets: &self.world.targets,
            dir: Path::new("."),
            vars: &cx.env.vars,
        };
        let progress = cx.progress();
        let mut found = Vec::new();
        for spec in gates {
            let step = progress.step(&format!("gate {}", spec.label()));
            found.push(gate::evaluate(spec, &context).await);
            step.done();
        }
        found
    }
}

/// Whether every gate is open.
#[must_use]
pub fn all_open(evidence: &[Evidence]) -> bool {
    evidence.iter().all(|e| e.outcome == Outcome::Passed)
}

/// The request that plans one environment with one release in it.
#[must_use]
pub fn request(settings: &Settings, environment: &str, release: Option<&Release>) -> Request {
    let mut request = Request::everything(&settings.vars);
    request.parallelism = settings.parallelism;
    request.versions = true;
    request.options.selection =
        Selection { environments: vec![environment.to_owned()], ..Selection::default() };
    request.shift = release
        .map(|release| Shift { environment: environment.to_owned(), release: release.clone() });
    request
}

/// Watches the gates that verify a release where it stands: until all are open, or until the time
/// that the `verify` block allows is up. The world is read again for every look.
///
/// # Errors
/// The world cannot be read.
pub async fn watch(
    cx: &Context,
    settings: &Settings,
    environment: &str,
    release: &Release,
    author: &Caller,
    declared: &Verify,
) -> Result<Vec<Evidence>, Exit> {
    if declared.gates.is_empty() {
        return Ok(Vec::new());
    }
    let patience = SignedDuration::try_from(declared.timeout).unwrap_or(SignedDuration::MAX);
    let deadline = cx.clock.now().checked_add(patience).unwrap_or(Timestamp::MAX);
    loop {
        let found = once(cx, settings, environment, release, author, declared).await?;
        let left = deadline.duration_since(cx.clock.now());
        if all_open(&found) || !left.is_positive() {
            return Ok(found);
        }
        let pause = PAUSE.min(left.unsigned_abs());
        cx.interrupt.or(cx.clock.sleep(pause)).await?;
    }
}

async fn once(
    cx: &Context,
    settings: &Settings,
    environment: &str,
    release: &Release,
    author: &Caller,
    declared: &Verify,
) -> Result<Vec<Evidence>, Exit> {
    let mut request = request(settings, environment, Some(release));
    // Nothing is to be applied.
    request.versions = false;
    let world = pipeline::survey(cx, &request).await?;
    let plan = pipeline::plan(cx, &world, &request)?;
    let standing = world.records.get(environment).map(|held| &held.record);
    let previous = standing.and_then(|r| r.verified(&release.name)).map(|v| v.evidence.as_slice());
    let look = Look {
        world: &world,
        plan: &plan,
        purpose: Purpose::Verify,
        edge: environment,
        from: None,
        to: environment,
        release,
        replaces: None,
        stands_since: standing
            .and_then(|r| r.current(&release.name))
            .filter(|c| c.digest == release.digest)
            .map(|c| c.since),
        author,
        approvals: &[],
        previous: previous.unwrap_or_default(),
    };
    cx.interrupt.or(look.at(cx, &declared.gates)).await
}

/// The gates that verify a release in an environment.
///
/// # Errors
/// A gate whose values are not known before apply.
pub fn verifying(world: &World, environment: &str) -> Result<Verify, Exit> {
    Ok(edge::verify(&world.estate, environment)?)
}
