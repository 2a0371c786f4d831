//! `status`: one look at AWS and at what is recorded, put together by environment.

use std::path::Path;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::pipeline::{self, Request, World};
use crate::plan::model::Plan;
use crate::promotion::edge::{self, Edge};
use crate::promotion::figures::figures;
use crate::promotion::gate::{self, Evidence, GateContext, GateSpec, Passage, Purpose};
use crate::promotion::{EnvironmentRecord, doubt, store};
use crate::provider::Caller;
use crate::render::drift::DriftReport;
use crate::render::promotion::Place;
use crate::render::status::{EnvironmentStatus, Next, Standing, Status, UnderWay};

/// Looks at the environments; at all of them when none is named.
///
/// # Errors
/// The configuration is wrong, an environment is not declared, or something cannot be read.
pub async fn look(
    cx: &Context,
    vars: &VarArgs,
    parallelism: usize,
    named: &[String],
) -> Result<Status, Exit> {
    let mut request = Request::everything(vars);
    request.parallelism = parallelism;
    let world = pipeline::view(cx, &request).await?;
    let declared = &world.estate.environments;
    if let Some(strange) = named.iter().find(|name| !declared.contains_key(*name)) {
        let help = did_you_mean(strange, declared.keys().map(String::as_str));
        return Err(Diagnostic::error(format!("there is no environment `{strange}`"))
            .help_opt(help)
            .into());
    }
    let plan = pipeline::plan(cx, &world, &request)?;
    cx.tell(&world.warnings);
    let report = DriftReport::of(&plan);
    let edges = edge::edges(&world.estate)?;
    let caller = super::caller(world.provider.as_ref()).await?;
    let mut environments = Vec::new();
    let asked = declared.keys().filter(|name| named.is_empty() || named.contains(name));
    for name in edge::in_order(asked, &edges) {
        let record = record(&world, name);
        let mut next = Vec::new();
        for edge in edges.values().filter(|edge| edge.from == *name) {
            next.extend(nexts(cx, &world, &plan, edge, &record, &caller).await?);
        }
        environments.push(EnvironmentStatus {
            environment: name.clone(),
            releases: standing(cx, &world, &record),
            hold: record.hold.clone(),
            under_way: record.run.as_ref().map(|run| UnderWay {
                release: run.release.clone(),
                digest: run.digest.clone(),
                phase: run.phase,
                by: run.author.arn.clone(),
                since: run.started_at,
            }),
            drift: report.environments.get(name).cloned().unwrap_or_default(),
            next,
        });
    }
    let ledger = &world.store.ledger;
    let mut moves = Vec::new();
    for environment in &environments {
        moves.extend(store::moves(ledger, &environment.environment).await?);
    }
    let records = ledger.audit_records().await?;
    Ok(Status {
        at: cx.clock.now(),
        environments,
        consistency_percent: report.consistency_percent,
        isolation_violations: plan.isolation.violations.len(),
        figures: figures(&moves, &records, None, named),
    })
}

fn record(world: &World, environment: &str) -> EnvironmentRecord {
    let held = world.records.get(environment);
    held.map_or_else(|| EnvironmentRecord::new(environment), |held| held.record.clone())
}

fn standing(cx: &Context, world: &World, record: &EnvironmentRecord) -> Vec<Standing> {
    let releases = record.releases.iter().filter_map(|(release, standing)| {
        let current = standing.current.as_ref()?;
        let records = |name: &str| world.records.get(name).map(|held| &held.record);
        Some(Standing {
            release: release.clone(),
            digest: current.digest.clone(),
            by: current.by.clone(),
            stands_seconds: cx.clock.now().duration_since(current.since).as_secs(),
            place: Place {
                environment: record.environment.clone(),
                since: current.since,
                verified_since: standing.verified.as_ref().map(|v| v.since),
                revoked_at: standing.revoked.get(&current.digest).map(|r| r.at),
                overridden: current.overridden.clone(),
                doubts: doubt::doubts(records, &record.environment, release),
            },
        })
    });
    releases.collect()
}

/// The releases that are verified where an edge begins and stand not yet where it leads.
async fn nexts(
    cx: &Context,
    world: &World,
    plan: &Plan,
    edge: &Edge,
    from: &EnvironmentRecord,
    caller: &Caller,
) -> Result<Vec<Next>, Exit> {
    let to = record(world, &edge.to);
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
        let stored = store::get_release(&world.store.ledger, release, &verified.digest).await?;
        let values = stored.release.texts();
        let context = GateContext {
            now: cx.clock.now(),
            clock: &cx.clock,
            purpose: Purpose::Promote,
            passage: Passage {
                edge: &edge.name,
                from: Some(&edge.from),
                to: &edge.to,
                release,
                digest: verified.digest.as_str(),
                values: &values,
                replaces: there.map(crate::promotion::Digest::as_str),
            },
            estate: &world.estate,
            live: &world.live,
            plan,
            stands_since: Some(current.since.max(verified.since)),
            author: caller,
            approvals: &[],
            previous: &[],
            provider: world.provider.as_ref(),
            targets: &world.targets,
            dir: Path::new("."),
            vars: &cx.env.vars,
        };
        let (now, then): (Vec<&GateSpec>, Vec<&GateSpec>) =
            edge.gates.iter().partition(|gate| gate.is_judged_early());
        let mut gates: Vec<Evidence> = Vec::new();
        for gate in now {
            gates.push(cx.interrupt.or(gate::evaluate(gate, &context)).await?);
        }
        all.push(Next {
            edge: edge.name.clone(),
            to: edge.to.clone(),
            release: release.clone(),
            digest: verified.digest.clone(),
            gates,
            asked_then: then.into_iter().map(GateSpec::label).collect(),
        });
    }
    Ok(all)
}
