//! `rollback`: back to the last verified release, past the forward gates but not past a freeze that
//! does not permit it; or on from where a rollback was cut off.

use crate::cli::args::FailOn;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::{edit, offline, pipeline};
use crate::eval::estate::Estate;
use crate::promotion::edge;
use crate::promotion::gate::{Evidence, GateSpec, Purpose};
use crate::promotion::record::{MoveKind, Phase};
use crate::promotion::store::{self, Held};
use crate::promotion::{Digest, EnvironmentRecord, Move};
use crate::provider::Caller;
use crate::state::Holder;

use super::drive::{Drive, Prepared};
use super::look::{self, Look};
use super::{Settings, caller, drive, lease, print, promote};

/// What is asked of a rollback.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// The environment.
    pub environment: String,
    /// The release, where several stand there.
    pub release: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// How it is done.
    pub settings: Settings,
}

/// Rolls back.
///
/// # Errors
/// There is nothing to go back to, a freeze does not permit it ([`Exit::RuleBroken`]), somebody
/// else is at it ([`Exit::Locked`]), or a step failed.
pub async fn run(cx: &Context, asked: &Rollback) -> Result<(), Exit> {
    let offline = offline::read(cx, &asked.settings.vars).await?;
    let estate = offline.estate()?;
    known(&estate, &asked.environment)?;
    let operation = format!("rollback {}", asked.environment);
    let holder = edit::holder(&offline.store, &operation).await;
    let ledger = offline.store.ledger.clone();
    let work = async {
        let held = store::read(&ledger, &asked.environment).await?;
        match &held.record.run {
            Some(_) => resume(cx, asked, &offline.store, held, &holder).await,
            None => fresh(cx, asked, &estate, &offline.store, held, &holder).await,
        }
    };
    let timeout = asked.settings.lock_timeout;
    let done = lease::under(cx, &ledger, &asked.environment, &holder, timeout, work).await?;
    if asked.settings.json {
        print(cx, &done)?;
    }
    match (done.kind, done.returned.as_ref()) {
        (MoveKind::Promotion, Some(back)) => {
            cx.say(&format!(
                "\nrelease {} {} stands in {} again.",
                done.release,
                back.digest.short(),
                done.environment
            ));
        }
        _ => drive::verdict(cx, &done)?,
    }
    held(cx, &estate, &done)
}

/// Says that the environment is held now, and what lifts that.
fn held(cx: &Context, estate: &Estate, done: &Move) -> Result<(), Exit> {
    let edges = edge::edges(estate)?;
    let into = edges
        .values()
        .filter(|e| e.to == done.environment && e.releases.contains(&done.release))
        .map(|e| format!("`palisade promote {} --release-hold`", e.name))
        .collect::<Vec<_>>();
    if into.is_empty() {
        return Ok(());
    }
    cx.say(&format!(
        "{} is held: nothing moves into it until {}.",
        done.environment,
        into.join(" or ")
    ));
    Ok(())
}

fn known(estate: &Estate, environment: &str) -> Result<(), Exit> {
    if estate.environments.contains_key(environment) {
        return Ok(());
    }
    let help = did_you_mean(environment, estate.environments.keys().map(String::as_str));
    Err(Diagnostic::error(format!("there is no environment `{environment}`")).help_opt(help).into())
}

/// The release that goes back.
fn release_of(
    asked: &Rollback,
    estate: &Estate,
    record: &EnvironmentRecord,
) -> Result<String, Exit> {
    let standing: Vec<&str> = record
        .releases
        .iter()
        .filter(|(_, s)| s.current.is_some())
        .map(|(n, _)| n.as_str())
        .collect();
    let place = &asked.environment;
    let name = match (&asked.release, standing.as_slice()) {
        (Some(name), _) if standing.contains(&name.as_str()) => name.clone(),
        (Some(name), _) => {
            return Err(Diagnostic::error(format!("no release `{name}` stands in `{place}`"))
                .help_opt(did_you_mean(name, standing.iter().copied()))
                .into());
        }
        (None, [one]) => (*one).to_owned(),
        (None, []) => {
            return Err(Diagnostic::error(format!("no release stands in `{place}`"))
                .help(
                    "there is nothing to go back from; `palisade releases` shows what stands where",
                )
                .into());
        }
        (None, several) => {
            return Err(Diagnostic::error(format!("several releases stand in `{place}`"))
                .help(format!("name one with `--release`: {}", several.join(", ")))
                .into());
        }
    };
    if estate.releases.get(&name).is_some_and(|r| r.entry == *place) {
        return Err(Diagnostic::error(format!(
            "`{place}` takes release `{name}` from configuration"
        ))
        .help("put the earlier values back there and run `palisade apply`")
        .into());
    }
    Ok(name)
}

async fn fresh(
    cx: &Context,
    asked: &Rollback,
    estate: &Estate,
    store: &crate::engine::Store,
    mut held: Held,
    holder: &Holder,
) -> Result<Move, Exit> {
    let name = release_of(asked, estate, &held.record)?;
    let Some(current) = held.record.current(&name).map(|c| c.digest.clone()) else {
        return Err(Exit::error(format!("no release `{name}` stands in `{}`", asked.environment)));
    };
    let Some(back) = held.record.way_back(&name, &current).map(|v| v.digest.clone()) else {
        return Err(nothing_before(&asked.environment, &name, &current));
    };
    let ledger = &store.ledger;
    let release = store::get_release(ledger, &name, &back).await?.release;
    let request = look::request(&asked.settings, &asked.environment, Some(&release));
    let world = pipeline::survey(cx, &request).await?;
    let plan = pipeline::plan(cx, &world, &request)?;
    pipeline::warn(cx, &world, &plan);
    let author = caller(world.provider.as_ref()).await?;
    let freezes = freezes(&world.estate, &asked.environment, &name)?;
    let look = Look {
        world: &world,
        plan: &plan,
        purpose: Purpose::Rollback,
        edge: &asked.environment,
        from: None,
        to: &asked.environment,
        release: &release,
        replaces: Some(&current),
        stands_since: None,
        author: &author,
        approvals: &[],
        previous: &[],
    };
    let evidence = cx.interrupt.or(look.at(cx, &freezes)).await?;
    cx.say(&format!(
        "Rollback of {}: release {name} from {} to {}\n",
        asked.environment,
        current.short(),
        back.short()
    ));
    drive::show(cx, &asked.settings, &plan)?;
    permitted(&asked.environment, &evidence)?;
    pipeline::gate(&plan, FailOn::Violation, false)?;
    if !asked.settings.auto_approve {
        cx.confirm(&format!(
            "Bring release {name} {} back to {}?",
            back.short(),
            asked.environment
        ))
        .await?;
    }
    let (id, at) = (holder.run.as_str(), cx.clock.now());
    held.record.begin(Move {
        previous: Some(current),
        plan: plan.digest.clone(),
        configuration: world.digest.clone(),
        reason: asked.reason.clone(),
        gates: evidence,
        ..Move::new(MoveKind::Rollback, id, &asked.environment, name, back, author.clone(), at)
    });
    store::write(ledger, &mut held).await?;
    drive(cx, asked, ledger, held, author, Some(Prepared { request, world, plan })).await
}

async fn drive(
    cx: &Context,
    asked: &Rollback,
    ledger: &crate::state::Ledger,
    held: Held,
    caller: Caller,
    prepared: Option<Prepared>,
) -> Result<Move, Exit> {
    let resumed = prepared.is_none();
    let settings = &asked.settings;
    let mut drive = Drive { cx, settings, ledger, held, caller, edge: None, prepared, resumed };
    drive.run().await
}

/// Takes a rollback that was cut off to its end, and turns a promotion that was cut off back.
async fn resume(
    cx: &Context,
    asked: &Rollback,
    store: &crate::engine::Store,
    mut held: Held,
    holder: &Holder,
) -> Result<Move, Exit> {
    let Some(run) = held.record.run.clone() else {
        return Err(Exit::error("the move that was under way has ended in the meantime"));
    };
    let what = format!("release {} {}", run.release, run.digest.short());
    cx.say(&format!(
        "A move of {what} into {} was cut off while {}.",
        run.environment,
        promote::doing(run.phase)
    ));
    if asked.release.as_ref().is_some_and(|name| *name != run.release) {
        return Err(Exit::RuleBroken(
            Diagnostic::error(format!("{what} has to come to its end first"))
                .help(format!("`palisade rollback {}` without `--release`", run.environment))
                .into(),
        ));
    }
    let author = run.author.clone();
    let turning =
        run.kind == MoveKind::Promotion && matches!(run.phase, Phase::Applying | Phase::Verifying);
    if turning {
        let back = held.record.way_back(&run.release, &run.digest).map(|v| v.digest.clone());
        let Some(back) = back.or_else(|| run.previous.clone()) else {
            return Err(nothing_before(&run.environment, &run.release, &run.digest));
        };
        if !asked.settings.auto_approve {
            let to = back.short();
            cx.confirm(&format!("Bring release {} {to} back to {}?", run.release, run.environment))
                .await?;
        }
        let why = match &asked.reason {
            Some(reason) => format!("rolled back by {}: {reason}", holder.who),
            None => format!("rolled back by {}", holder.who),
        };
        held.record.turn_back(cx.clock.now(), back, why, run.verification.clone());
    }
    if let Some(run) = &mut held.record.run {
        run.resumed_by.push(holder.who.clone());
    }
    store::write(&store.ledger, &mut held).await?;
    drive(cx, asked, &store.ledger, held, author, None).await
}

fn nothing_before(environment: &str, release: &str, current: &Digest) -> Exit {
    Diagnostic::error(format!("there is nothing to go back to in `{environment}`"))
        .detail(format!("No release {release} other than {} was verified there.", current.short()))
        .help("promote another release into it, past its gates where that has to be (`--override`)")
        .into()
}

/// The freezes on all edges along which the release gets there.
fn freezes(estate: &Estate, environment: &str, release: &str) -> Result<Vec<GateSpec>, Exit> {
    let edges = edge::edges(estate)?;
    let into = edges.into_values().filter(|e| e.to == environment && e.releases.contains(release));
    Ok(into.flat_map(|e| e.gates).filter(|g| g.ty == "freeze").collect())
}

fn permitted(environment: &str, evidence: &[Evidence]) -> Result<(), Exit> {
    if look::all_open(evidence) {
        return Ok(());
    }
    Err(Exit::RuleBroken(
        Diagnostic::error(format!("`{environment}` is frozen, rollbacks included"))
            .detail(drive::closed(evidence))
            .help("give the freeze `permits = [\"rollback\"]` if going back is to be possible at any time")
            .into(),
    ))
}
