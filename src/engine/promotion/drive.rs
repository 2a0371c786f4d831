//! Walks a move to its end. Every phase is written into the environment's record before it begins,
//! so that a move which is cut off anywhere is taken up where it was.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::FailOn;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::apply::{self, Approval};
use crate::engine::offline;
use crate::engine::pipeline::{self, Request, World};
use crate::plan::model::Plan;
use crate::promotion::edge::{self, Edge, OnFailure};
use crate::promotion::gate::{Evidence, Outcome};
use crate::promotion::record::{End, Hold, MoveKind, Phase};
use crate::promotion::store::{self, Held};
use crate::promotion::{Digest, Move, Release};
use crate::provider::Caller;
use crate::render;
use crate::state::{Event, Ledger};

use super::Settings;
use super::look;

/// A plan that is ready to be carried out, and what it was made of.
pub struct Prepared {
    /// How the plan was made.
    pub request: Request,
    /// What it was made of.
    pub world: World,
    /// The plan.
    pub plan: Plan,
}

/// A move under way.
pub struct Drive<'a> {
    /// Surroundings.
    pub cx: &'a Context,
    /// How it is done.
    pub settings: &'a Settings,
    /// State.
    pub ledger: &'a Ledger,
    /// The environment's record; its move is what is driven.
    pub held: Held,
    /// Who drives.
    pub caller: Caller,
    /// The edge, for promotions.
    pub edge: Option<Edge>,
    /// The approved plan of the first step; made anew after a cut.
    pub prepared: Option<Prepared>,
    /// Whether the move was begun by an earlier run.
    pub resumed: bool,
}

impl Drive<'_> {
    /// Drives the move to its end.
    ///
    /// # Errors
    /// A step could not be done; the move stays where it was, to be taken up again.
    pub async fn run(&mut self) -> Result<Move, Exit> {
        loop {
            let Some(run) = self.held.record.run.clone() else {
                return Err(Exit::error("there is no move under way"));
            };
            match run.phase {
                Phase::Applying => self.apply(&run).await?,
                Phase::Verifying => self.verify(&run).await?,
                Phase::Returning => self.go_back(&run).await?,
                Phase::Settling => return self.settle(&run).await,
            }
        }
    }

    async fn save(&mut self) -> Result<(), Exit> {
        Ok(store::write(self.ledger, &mut self.held).await?)
    }

    async fn apply(&mut self, run: &Move) -> Result<(), Exit> {
        match self.carry_out(run, &run.digest).await {
            Ok(()) => {
                self.held.record.applied(self.cx.clock.now());
                self.save().await
            }
            Err(Exit::Failed(why)) if self.returns() => {
                let Some(back) = self.way_back(run) else { return Err(Exit::Failed(why)) };
                self.cx.tell(&why);
                self.turn_back(
                    run,
                    back,
                    "the plan could not be carried out".to_owned(),
                    Vec::new(),
                )
                .await
            }
            Err(exit) => Err(exit),
        }
    }

    async fn verify(&mut self, run: &Move) -> Result<(), Exit> {
        let found = self.watch(run, &run.digest).await?;
        let at = self.cx.clock.now();
        if look::all_open(&found) {
            self.held.record.confirm(&run.release, at, found.clone());
            self.held.record.settle(at, End::Verified, found);
            if run.kind == MoveKind::Rollback {
                self.hold(run, "rolled back by hand".to_owned());
            }
            return self.save().await;
        }
        let why = format!("verification failed: {}", closed(&found));
        if self.returns()
            && let Some(back) = self.way_back(run)
        {
            return self.turn_back(run, back, why, found).await;
        }
        self.held.record.settle(at, End::Unverified, found);
        if run.kind != MoveKind::Entry {
            self.hold(run, why);
        }
        self.save().await
    }

    async fn go_back(&mut self, run: &Move) -> Result<(), Exit> {
        let Some(returned) = &run.returned else {
            return Err(Exit::error("the record says that a move goes back, but not where to"));
        };
        if returned.applied_at.is_none() {
            self.carry_out(run, &returned.digest).await?;
            self.held.record.turned_back(self.cx.clock.now());
            self.save().await?;
        }
        let found = self.watch(run, &returned.digest).await?;
        let at = self.cx.clock.now();
        if look::all_open(&found) {
            self.held.record.confirm(&run.release, at, found.clone());
        }
        self.held.record.settle(at, End::Returned, found);
        self.hold(run, returned.why.clone());
        self.save().await
    }

    /// Writes the move into the history and the audit log, then closes it. Each of the three may
    /// have been done before a cut.
    async fn settle(&mut self, run: &Move) -> Result<Move, Exit> {
        store::put_move(self.ledger, run).await?;
        let event = event(run);
        let told =
            self.resumed
                && self.ledger.audit_records().await?.iter().any(|record| {
                    record.event.run == run.id && record.event.action == event.action
                });
        if !told {
            self.ledger.audit(None, event).await?;
        }
        let finished = self.held.record.close().unwrap_or_else(|| run.clone());
        self.save().await?;
        Ok(finished)
    }

    /// Makes what has to be in force so: the approved plan, or after a cut a new one.
    async fn carry_out(&mut self, run: &Move, digest: &Digest) -> Result<(), Exit> {
        let cx = self.cx;
        let approval = Approval {
            fail_on: FailOn::Violation,
            reason: None,
            lock_timeout: self.settings.lock_timeout,
            parallelism: self.settings.parallelism,
        };
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => {
                let release = self.release(&run.release, digest).await?;
                let request = look::request(self.settings, &run.environment, Some(&release));
                let mut world = pipeline::survey(cx, &request).await?;
                if apply::recover(cx, &world, &approval).await? {
                    world = pipeline::survey(cx, &request).await?;
                }
                let plan = pipeline::plan(cx, &world, &request)?;
                pipeline::warn(cx, &world, &plan);
                show(cx, self.settings, &plan)?;
                pipeline::gate(&plan, FailOn::Violation, false)?;
                Prepared { request, world, plan }
            }
        };
        if !prepared.plan.has_changes() {
            return Ok(());
        }
        apply::run(cx, &prepared.world, &prepared.request, &prepared.plan, &approval).await
    }

    async fn watch(&self, run: &Move, digest: &Digest) -> Result<Vec<Evidence>, Exit> {
        let release = self.release(&run.release, digest).await?;
        let declared = {
            let offline = offline::read(self.cx, &self.settings.vars).await?;
            edge::verify(&offline.estate()?, &run.environment)?
        };
        look::watch(self.cx, self.settings, &run.environment, &release, &run.author, &declared)
            .await
    }

    async fn release(&self, name: &str, digest: &Digest) -> Result<Release, Exit> {
        Ok(store::get_release(self.ledger, name, digest).await?.release)
    }

    /// Whether a failure brings the release before back.
    fn returns(&self) -> bool {
        self.edge.as_ref().is_some_and(|e| e.on_failure == OnFailure::Rollback)
    }

    fn way_back(&self, run: &Move) -> Option<Digest> {
        self.held.record.way_back(&run.release, &run.digest).map(|v| v.digest.clone())
    }

    async fn turn_back(
        &mut self,
        run: &Move,
        back: Digest,
        why: String,
        found: Vec<Evidence>,
    ) -> Result<(), Exit> {
        self.cx.say(&format!(
            "{why}; {} goes back to release {} {}",
            run.environment,
            run.release,
            back.short()
        ));
        self.held.record.turn_back(self.cx.clock.now(), back, why, found);
        self.save().await
    }

    fn hold(&mut self, run: &Move, why: String) {
        let why = match &run.reason {
            Some(reason) => format!("{why}: {reason}"),
            None => why,
        };
        let since = self.cx.clock.now();
        let by = self.caller.arn.clone();
        self.held.record.hold(Hold { since, by, why, run: run.id.clone() });
    }
}

/// Shows a plan to people; a command that prints JSON shows it there.
///
/// # Errors
/// Those of the output.
pub fn show(cx: &Context, settings: &Settings, plan: &Plan) -> Result<(), Exit> {
    if settings.json {
        return Ok(());
    }
    use std::io::Write as _;
    let mut out = cx.stdout();
    render::text::plan(plan, false, cx.style(), &mut out)?;
    Ok(out.flush()?)
}

/// The gates that are closed, for a sentence.
#[must_use]
pub fn closed(found: &[Evidence]) -> String {
    let closed = found.iter().filter(|e| e.outcome != Outcome::Passed);
    closed.map(|e| format!("{} ({})", e.gate, e.summary)).collect::<Vec<_>>().join("; ")
}

/// The same, a line each; of a single one, which is named already, what it found.
#[must_use]
pub fn closed_lines(found: &[Evidence]) -> String {
    let closed: Vec<&Evidence> = found.iter().filter(|e| e.outcome != Outcome::Passed).collect();
    match closed.as_slice() {
        [one] => one.summary.clone(),
        several => {
            let lines = several.iter().map(|e| format!("{}: {}", e.gate, e.summary));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// What the audit log says of a finished move.
fn event(run: &Move) -> Event {
    let action = match (run.kind, run.end) {
        (MoveKind::Entry, _) => "release_entered",
        (MoveKind::Rollback, _) => "rolled_back",
        (MoveKind::Promotion, Some(End::Returned)) => "promotion_returned",
        (MoveKind::Promotion, Some(End::Unverified)) => "promotion_unverified",
        (MoveKind::Promotion, _) => "promoted",
    };
    let mut details = BTreeMap::from([
        ("environment".to_owned(), json!(run.environment)),
        ("release".to_owned(), json!(run.release)),
        ("digest".to_owned(), json!(run.digest)),
        ("move".to_owned(), json!(run.number)),
        ("gates".to_owned(), json!(outcomes(&run.gates))),
        ("verification".to_owned(), json!(outcomes(&run.verification))),
    ]);
    for (name, value) in [
        ("edge", json!(run.edge)),
        ("previous", json!(run.previous)),
        ("overridden", json!(run.overridden)),
        ("returned_to", json!(run.returned.as_ref().map(|r| &r.digest))),
    ] {
        if !value.is_null() {
            details.insert(name.to_owned(), value);
        }
    }
    Event {
        at: run.finished_at.unwrap_or(run.started_at),
        who: run.author.arn.clone(),
        run: run.id.clone(),
        action: action.to_owned(),
        plan: Some(run.plan.clone()),
        reason: run.overridden.as_ref().map(|o| o.reason.clone()).or_else(|| run.reason.clone()),
        scopes: Vec::new(),
        details,
    }
}

/// Gates and how they stood.
#[must_use]
pub fn outcomes(found: &[Evidence]) -> BTreeMap<String, Outcome> {
    found.iter().map(|e| (e.gate.clone(), e.outcome)).collect()
}

/// How a finished move is told, and whether it counts as a success.
///
/// # Errors
/// The release that moved in is not verified.
pub fn verdict(cx: &Context, done: &Move) -> Result<(), Exit> {
    let release = format!("release {} {}", done.release, done.digest.short());
    let place = &done.environment;
    match done.end {
        Some(End::Verified) | None => {
            cx.say(&format!("\n{release} stands in {place}, verified."));
            Ok(())
        }
        Some(End::Returned) => {
            let back = done.returned.as_ref();
            let to = back.map(|r| r.digest.short().to_owned()).unwrap_or_default();
            let why = back.map(|r| r.why.clone()).unwrap_or_default();
            Err(Diagnostic::error(format!("{release} did not stay in `{place}`"))
                .detail(format!("{why}. Release {} {to} stands there again.", done.release))
                .help(hold_help(done))
                .into())
        }
        Some(End::Unverified) if done.kind == MoveKind::Entry => {
            cx.tell(&[Diagnostic::warning(format!("{release} stands in `{place}`, not verified"))
                .detail(closed(&done.verification))
                .help(format!("`palisade verify {place}` looks again"))]);
            Ok(())
        }
        Some(End::Unverified) => {
            Err(Diagnostic::error(format!("{release} stands in `{place}`, but is not verified"))
                .detail(closed(&done.verification))
                .help(format!(
                    "`palisade rollback {place}` brings back the last verified one; {}",
                    hold_help(done)
                ))
                .into())
        }
    }
}

fn hold_help(done: &Move) -> String {
    let edge = done.edge.as_deref().unwrap_or("EDGE");
    format!(
        "nothing moves into {} until `palisade promote {edge} --release-hold`",
        done.environment
    )
}
