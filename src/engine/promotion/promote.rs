//! `promote`: along an edge, through its gates, or on from where a promotion was cut off.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::FailOn;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::{digest, edit, pipeline, versions};
use crate::promotion::choice::{self, Choice, Strength};
use crate::promotion::gate::approval;
use crate::promotion::gate::{Evidence, Purpose};
use crate::promotion::record::{Hold, MoveKind, Override, Phase};
use crate::promotion::store;
use crate::promotion::{EnvironmentRecord, Move};
use crate::provider::Caller;
use crate::render::promotion::Report;
use crate::state::{Event, Holder};

use super::drive::{Drive, Prepared};
use super::look::{self, Look};
use super::prospect::{Outlook, Prospect, Survey};
use super::{Settings, caller, drive, lease, print, show};

/// What is asked of a promotion.
#[derive(Clone, Debug)]
pub struct Promotion {
    /// The edge.
    pub edge: String,
    /// `--release`.
    pub release: Option<String>,
    /// Evaluate and show only.
    pub dry_run: bool,
    /// Go past closed gates, for this reason.
    pub overriding: Option<String>,
    /// Lift the target's hold first.
    pub release_hold: bool,
    /// `--reason`, for the hold too.
    pub reason: Option<String>,
    /// How it is done.
    pub settings: Settings,
}

/// Promotes.
///
/// # Errors
/// A gate is closed or the target is held ([`Exit::RuleBroken`]), somebody else is at it
/// ([`Exit::Locked`]), or a step failed.
pub async fn run(cx: &Context, asked: &Promotion) -> Result<(), Exit> {
    let survey = Survey::of(cx, &asked.settings, &asked.edge).await?;
    if asked.dry_run {
        return dry(cx, asked, &survey).await;
    }
    let operation = format!("promote {}", asked.edge);
    let holder = edit::holder(&survey.offline.store, &operation).await;
    let ledger = survey.offline.store.ledger.clone();
    ledger.begin(&holder.who).await?;
    let to = survey.edge.to.clone();
    // What is read is read under the lock, so that nobody moves anything in between.
    let work = async {
        drop(survey);
        let mut survey = Survey::of(cx, &asked.settings, &asked.edge).await?;
        if survey.record(&survey.edge.to).run.is_some() {
            return resume(cx, asked, &survey, &holder).await;
        }
        if asked.release_hold {
            lift(cx, &mut survey, &holder, asked.reason.as_deref()).await?;
        }
        fresh(cx, asked, &survey, &holder).await
    };
    lease::under(cx, &ledger, &to, &holder, asked.settings.lock_timeout, work).await
}

async fn dry(cx: &Context, asked: &Promotion, survey: &Survey) -> Result<(), Exit> {
    let to = survey.record(&survey.edge.to);
    if let Some(run) = &to.run {
        cx.say(&format!(
            "A move of release {} {} into {} was cut off while {}; the next `promote` goes on with it.",
            run.release,
            run.digest.short(),
            run.environment,
            doing(run.phase)
        ));
    }
    let overriding = asked.overriding.is_some();
    let outlook = survey.outlook(cx, &asked.settings, asked.release.as_deref(), overriding).await?;
    let Outlook::Moves(prospect) = outlook else { return settled(cx, asked, survey, outlook) };
    pipeline::warn(cx, &prospect.world, &prospect.plan);
    let caller = caller(prospect.world.provider.as_ref()).await?;
    let evidence = ask(cx, survey, &prospect, &caller).await?;
    let report = report(survey, &prospect, &evidence, asked.overriding.as_deref(), asked.dry_run);
    show(cx, &report, asked.settings.json)?;
    refuse(survey, &prospect.choice, &to, &evidence, asked).map(|_| ())
}

fn settled(cx: &Context, asked: &Promotion, survey: &Survey, outlook: Outlook) -> Result<(), Exit> {
    if let Outlook::Settled(why) = outlook {
        if asked.settings.json {
            print(cx, &json!({"edge": survey.edge.name, "settled": why}))?;
        } else {
            cx.say(&format!("Nothing to do: {why}."));
        }
    }
    Ok(())
}

async fn fresh(
    cx: &Context,
    asked: &Promotion,
    survey: &Survey,
    holder: &Holder,
) -> Result<(), Exit> {
    let to = survey.record(&survey.edge.to);
    let overriding = asked.overriding.is_some();
    let outlook = survey.outlook(cx, &asked.settings, asked.release.as_deref(), overriding).await?;
    let Outlook::Moves(prospect) = outlook else { return settled(cx, asked, survey, outlook) };
    pipeline::warn(cx, &prospect.world, &prospect.plan);
    let author = caller(prospect.world.provider.as_ref()).await?;
    let evidence = ask(cx, survey, &prospect, &author).await?;
    let report = report(survey, &prospect, &evidence, asked.overriding.as_deref(), asked.dry_run);
    if !asked.settings.json {
        show(cx, &report, false)?;
    }
    let overridden = match refuse(survey, &prospect.choice, &to, &evidence, asked) {
        Ok(overridden) => overridden,
        Err(exit) => {
            if asked.settings.json {
                show(cx, &report, true)?;
            }
            refused(survey, &prospect, &evidence, &author, holder).await?;
            return Err(exit);
        }
    };
    pipeline::gate(&prospect.plan, FailOn::Violation, false)?;
    if !asked.settings.auto_approve {
        cx.confirm(&format!(
            "Promote release {} {} into {}?",
            prospect.choice.release,
            prospect.choice.digest.short(),
            survey.edge.to
        ))
        .await?;
    }
    let Prospect { choice, request, world, plan, .. } = *prospect;
    let ledger = &survey.offline.store.ledger;
    still_stands(survey, &choice).await?;
    versions::require_same(cx, &world, &plan).await?;
    let mut held = store::read(ledger, &survey.edge.to).await?;
    let Choice { release, digest, previous, basis, .. } = choice;
    let (id, kind, at) = (holder.run.as_str(), MoveKind::Promotion, cx.clock.now());
    held.record.begin(Move {
        edge: Some(survey.edge.name.clone()),
        basis: Some(basis),
        previous,
        plan: plan.digest.clone(),
        configuration: world.digest.clone(),
        overridden,
        gates: evidence,
        ..Move::new(kind, id, &survey.edge.to, release, digest, author.clone(), at)
    });
    store::write(ledger, &mut held).await?;
    let mut drive = Drive {
        cx,
        settings: &asked.settings,
        ledger,
        held,
        caller: author,
        edge: Some(survey.edge.clone()),
        prepared: Some(Prepared { request, world, plan }),
        resumed: false,
    };
    finish(cx, asked, drive.run().await?)
}

/// Gates and people take their time. Where the edge begins nobody is kept out meanwhile: what the
/// gates were asked about has to be so when the move begins, too.
async fn still_stands(survey: &Survey, choice: &Choice) -> Result<(), Exit> {
    let (ledger, from) = (&survey.offline.store.ledger, &survey.edge.from);
    let then =
        Strength { verified_since: choice.basis.verified_since, stands_since: choice.stands_since };
    let now =
        choice::strength(&store::read(ledger, from).await?.record, &choice.release, &choice.digest);
    if now == then {
        return Ok(());
    }
    let what = format!("release {} {}", choice.release, choice.digest.short());
    let (summary, help) = if then.verified_since.is_some() && now.verified_since.is_none() {
        (
            format!("{what} is not verified in `{from}` any more"),
            format!("see what it fails there (`palisade verify {from}`), then promote again"),
        )
    } else {
        (
            format!("{what} does not stand in `{from}` as it did when the gates were asked"),
            format!("promote again: the gates are asked anew (`palisade status {from}`)"),
        )
    };
    Err(Exit::Stale(
        Diagnostic::error(summary)
            .detail("It changed while the gates were asked; nothing was moved.")
            .help(help)
            .into(),
    ))
}

/// Goes on with a promotion that was cut off.
async fn resume(
    cx: &Context,
    asked: &Promotion,
    survey: &Survey,
    holder: &Holder,
) -> Result<(), Exit> {
    let ledger = &survey.offline.store.ledger;
    let mut held = store::read(ledger, &survey.edge.to).await?;
    let Some(run) = &mut held.record.run else {
        return Err(Exit::error("the move that was under way has ended in the meantime"));
    };
    let what = format!("release {} {}", run.release, run.digest.short());
    if run.edge.as_deref() != Some(survey.edge.name.as_str()) {
        let command = match (&run.kind, &run.edge) {
            (MoveKind::Promotion, Some(edge)) => format!("palisade promote {edge}"),
            (MoveKind::Entry, _) => "palisade apply".to_owned(),
            _ => format!("palisade rollback {}", run.environment),
        };
        return Err(Exit::RuleBroken(
            Diagnostic::error(format!("another move into `{}` was cut off", run.environment))
                .detail(format!("{what} was {} when it stopped.", doing(run.phase)))
                .help(format!("`{command}` takes it to its end first"))
                .into(),
        ));
    }
    let now = digest::configuration(&survey.offline.configuration);
    if now != run.configuration && run.phase == Phase::Applying {
        return Err(Exit::Stale(
            Diagnostic::error(format!("the promotion of {what} was cut off, and the configuration has changed since"))
                .detail("What its gates and approvals were about is not what would be applied now.")
                .help(format!(
                    "go on from the configuration and variables that it began with, or bring back what stood there before: `palisade rollback {}`",
                    run.environment
                ))
                .into(),
        ));
    }
    cx.say(&format!(
        "The promotion of {what} into {} was cut off while {}; going on with it.",
        run.environment,
        doing(run.phase)
    ));
    if !asked.settings.auto_approve {
        cx.confirm("Go on?").await?;
    }
    run.resumed_by.push(holder.who.clone());
    let author = run.author.clone();
    store::write(ledger, &mut held).await?;
    let mut drive = Drive {
        cx,
        settings: &asked.settings,
        ledger,
        held,
        caller: author,
        edge: Some(survey.edge.clone()),
        prepared: None,
        resumed: true,
    };
    finish(cx, asked, drive.run().await?)
}

fn finish(cx: &Context, asked: &Promotion, done: Move) -> Result<(), Exit> {
    if asked.settings.json {
        print(cx, &done)?;
    }
    drive::verdict(cx, &done)
}

/// Asks every gate of the edge.
async fn ask(
    cx: &Context,
    survey: &Survey,
    prospect: &Prospect,
    author: &Caller,
) -> Result<Vec<Evidence>, Exit> {
    let edge = &survey.edge;
    let ledger = &survey.offline.store.ledger;
    let digest = prospect.choice.digest.as_str();
    let approvals = approval::last_words(ledger, &edge.name, digest).await?;
    let to = survey.record(&edge.to);
    let last = store::moves(ledger, &edge.to).await?;
    let previous = last
        .iter()
        .rev()
        .find(|m| m.edge.as_deref() == Some(&edge.name) && m.release == prospect.choice.release)
        .map(|m| m.gates.as_slice());
    let look = Look {
        world: &prospect.world,
        plan: &prospect.plan,
        purpose: Purpose::Promote,
        edge: &edge.name,
        from: Some(&edge.from),
        to: &edge.to,
        release: &prospect.release,
        replaces: to.current(&prospect.choice.release).map(|a| &a.digest),
        stands_since: prospect.choice.stands_since,
        author,
        approvals: &approvals,
        previous: previous.unwrap_or_default(),
    };
    cx.interrupt.or(look.at(cx, &edge.gates)).await
}

/// What would move, with its plan, and with what gates found where they were asked.
#[must_use]
pub fn report(
    survey: &Survey,
    prospect: &Prospect,
    evidence: &[Evidence],
    overriding: Option<&str>,
    dry_run: bool,
) -> Report {
    let to = survey.record(&survey.edge.to);
    Report {
        edge: survey.edge.name.clone(),
        from: survey.edge.from.clone(),
        to: survey.edge.to.clone(),
        release: prospect.choice.release.clone(),
        digest: prospect.choice.digest.clone(),
        previous: prospect.choice.previous.clone(),
        verified_since: prospect.choice.basis.verified_since,
        values: prospect.release.values.clone(),
        gates: evidence.to_vec(),
        hold: to.hold.clone(),
        overriding: overriding.map(str::to_owned),
        dry_run,
        plan: prospect.plan.clone(),
    }
}

/// What stands against the promotion: gates, the release not being verified, a hold. An override
/// goes past all but the hold, and is returned to be recorded.
fn refuse(
    survey: &Survey,
    choice: &Choice,
    to: &EnvironmentRecord,
    evidence: &[Evidence],
    asked: &Promotion,
) -> Result<Option<Override>, Exit> {
    if let Some(hold) = &to.hold
        && !(asked.release_hold && asked.dry_run)
    {
        return Err(Exit::RuleBroken(held_back(hold, &survey.edge.to, &survey.edge.name).into()));
    }
    let mut against: Vec<String> = evidence
        .iter()
        .filter(|e| !look::all_open(std::slice::from_ref(e)))
        .map(|e| e.gate.clone())
        .collect();
    if choice.basis.verified_since.is_none() {
        against.insert(0, "verified".to_owned());
    }
    match &asked.overriding {
        Some(reason) => {
            Ok((!against.is_empty()).then(|| Override { reason: reason.clone(), against }))
        }
        None if against.is_empty() => Ok(None),
        None => {
            let number = against.len();
            let summary = if number == 1 {
                format!("the gate {} of `{}` is closed", against.join(""), survey.edge.name)
            } else {
                format!(
                    "{number} gates of `{}` are closed: {}",
                    survey.edge.name,
                    against.join(", ")
                )
            };
            let first = against.first();
            let gate = survey.edge.gates.iter().find(|g| Some(&g.label()) == first);
            Err(Exit::RuleBroken(
                Diagnostic::error(summary)
                    .at(gate.map_or(&survey.edge.loc, |g| &g.loc).clone())
                    .detail(drive::closed_lines(evidence))
                    .help("nothing was moved; `--override --reason \"...\"` goes past closed gates, and the reason stays in every report")
                    .into(),
            ))
        }
    }
}

fn held_back(hold: &Hold, environment: &str, edge: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "nothing moves into `{environment}`: it is held since {}",
        hold.since
    ))
    .detail(format!("{} ({})", hold.why, hold.by))
    .help(format!("once that is mended, `palisade promote {edge} --release-hold`"))
}

/// Lifts the hold of the target.
async fn lift(
    cx: &Context,
    survey: &mut Survey,
    holder: &Holder,
    reason: Option<&str>,
) -> Result<(), Exit> {
    let ledger = survey.offline.store.ledger.clone();
    let mut held = store::read(&ledger, &survey.edge.to).await?;
    let Some(hold) = held.record.hold.take() else { return Ok(()) };
    let event = Event {
        at: cx.clock.now(),
        who: holder.who.clone(),
        run: holder.run.clone(),
        action: "hold_released".to_owned(),
        plan: None,
        reason: reason.map(str::to_owned),
        scopes: Vec::new(),
        details: BTreeMap::from([
            ("environment".to_owned(), json!(survey.edge.to)),
            ("hold".to_owned(), json!(hold)),
        ]),
    };
    ledger.audit(None, event).await?;
    store::write(&ledger, &mut held).await?;
    cx.say(&format!("The hold of {} is lifted.", survey.edge.to));
    survey.offline.records.insert(survey.edge.to.clone(), held);
    Ok(())
}

/// Writes down that gates were closed, with what they found.
async fn refused(
    survey: &Survey,
    prospect: &Prospect,
    evidence: &[Evidence],
    author: &Caller,
    holder: &Holder,
) -> Result<(), Exit> {
    let event = Event {
        at: evidence.iter().map(|e| e.at).max().unwrap_or_default(),
        who: author.arn.clone(),
        run: holder.run.clone(),
        action: "promotion_refused".to_owned(),
        plan: Some(prospect.plan.digest.clone()),
        reason: None,
        scopes: Vec::new(),
        details: BTreeMap::from([
            ("edge".to_owned(), json!(survey.edge.name)),
            ("environment".to_owned(), json!(survey.edge.to)),
            ("release".to_owned(), json!(prospect.choice.release)),
            ("digest".to_owned(), json!(prospect.choice.digest)),
            ("gates".to_owned(), json!(evidence)),
        ]),
    };
    survey.offline.store.ledger.audit(None, event).await?;
    Ok(())
}

/// What a move was doing in a phase.
#[must_use]
pub fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Applying => "being applied",
        Phase::Verifying => "being verified",
        Phase::Returning => "going back",
        Phase::Settling => "being written down",
    }
}
