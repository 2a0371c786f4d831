//! Makes plans from the inputs that were read. A plan writes nothing, takes no lock and changes nothing.

mod failed_lookups;
mod permitted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::plan::model::{PlanLocation, ScopeBasis, StateBasis};
use crate::plan::sides::Sides;
use crate::plan::{Input, compute, prepare, seal, walls};
use crate::state::layout;
use crate::state::model::Resources;

use super::compare_secrets;
use super::declared_estate::{self, DeclaredEstate};
use super::error::EngineError;
use super::host::Activity;
use super::known_values::KnownValues;
use super::load;
use super::redacting;
use super::refresh::{self, PlanInputs};
use super::workspace::Workspace;

pub(super) use permitted::rules_broken;
pub use permitted::{JudgedFor, require_isolation, require_read};

pub use super::plan_request::{
    FailOn, FailedLookups, Mode, PlanRequest, ReleaseOverride, Selection,
};
pub use crate::plan::model::{FORMAT_VERSION, Plan};

/// A plan, and what it was made from.
pub struct PlanOutcome {
    /// What was asked, with what hidden values were compared by.
    pub request: PlanRequest,
    /// What the plan was made from.
    pub inputs: PlanInputs,
    /// The plan.
    pub plan: Plan,
}

impl PlanOutcome {
    /// Reports what was doubtful while the estate was read, and what the plan itself warns about.
    pub fn warn(&self, workspace: &Workspace) {
        warn(workspace, &self.inputs, &self.plan);
    }

    /// The estate at a glance.
    ///
    /// # Errors
    /// What is wrong with the declared edges.
    pub fn declared_estate(&self) -> Result<DeclaredEstate, EngineError> {
        declared_estate::of(&self.inputs)
    }
}

/// Reads everything and makes a plan, interrupted runs counted as recovered. Asks no source of secrets
/// for a value.
///
/// # Errors
/// Everything that is wrong with the configuration, that cannot be read, or that AWS would refuse.
pub async fn run(workspace: &Workspace, request: &PlanRequest) -> Result<PlanOutcome, EngineError> {
    let mut request = request.clone();
    let inputs = refresh::load_and_refresh_recovered(workspace, &request).await?;
    request.options.secrets = compare_secrets::by_value(workspace, &inputs).await?;
    let plan = make(workspace, &inputs, &request)?;
    Ok(PlanOutcome { request, inputs, plan })
}

/// Makes the plan.
///
/// # Errors
/// Everything that AWS or the configuration's own rules would refuse.
pub fn make(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
) -> Result<Plan, EngineError> {
    let now = timestamp(workspace);
    let Decided { mut plan, sides, renewed } = decide(inputs, request, &now)?;
    let estate = renewed.as_ref().unwrap_or(&inputs.estate);
    if request.failed_lookups == FailedLookups::RefusedWhereNeeded {
        failed_lookups::require_unneeded(&plan, estate, &inputs.configuration)?;
        failed_lookups::leave_aside(&mut plan, estate, &inputs.outputs);
    }
    let busy = workspace.begin(Activity::JudgingWalls);
    let span = tracing::info_span!("isolation").entered();
    walls::complete(&mut plan, estate, &sides, day(&now))?;
    drop((span, busy));
    let section = &mut plan.isolation;
    let paths = section.changes.iter_mut().chain(&mut section.violations);
    redacting::redact_paths(workspace, estate, paths);
    plan.estate.location = place(&inputs.configuration);
    seal(&mut plan, &inputs.digest);
    let changed =
        plan.outputs.iter().filter(|(name, output)| inputs.outputs.get(*name) != Some(output));
    let gone = inputs.outputs.keys().filter(|name| !plan.outputs.contains_key(*name));
    let names: BTreeSet<&String> = changed.map(|(name, _)| name).chain(gone).collect();
    plan.outputs_changed = names.into_iter().cloned().collect();
    plan.diagnostics.extend(inputs.warnings.iter().map(compute::diagnostic));
    Ok(plan)
}

/// Where the configuration names the estate; its first line where it does not.
fn place(configuration: &Configuration) -> Option<PlanLocation> {
    let settings = configuration.settings.loc.as_ref().map(compute::location);
    let first = || {
        let file = configuration.sources().next()?.name().to_owned();
        Some(PlanLocation { file, line: 1, column: 1 })
    };
    settings.or_else(first)
}

/// Reports what was doubtful while the estate was read, and what the plan itself warns about.
pub fn warn(workspace: &Workspace, inputs: &PlanInputs, plan: &Plan) {
    workspace.host.diagnostics(&inputs.warnings);
    let own = plan.diagnostics.len().saturating_sub(inputs.warnings.iter().count());
    let warnings = plan.diagnostics.iter().take(own).map(|warning| Diagnostic {
        detail: warning.detail.clone(),
        help: warning.help.clone(),
        ..Diagnostic::warning(warning.summary.clone())
    });
    workspace.host.diagnostics(&warnings.collect::<Diagnostics>());
}

/// The estate before and after a plan, which itself is not asked for.
///
/// # Errors
/// As [`make`].
pub fn sides(
    workspace: &Workspace,
    inputs: &PlanInputs,
    request: &PlanRequest,
) -> Result<Sides, EngineError> {
    Ok(decide(inputs, request, &timestamp(workspace))?.sides)
}

/// The current time in UTC, to the second (RFC 3339).
#[must_use]
pub fn timestamp(workspace: &Workspace) -> String {
    workspace.host.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The day of a time, `YYYY-MM-DD`.
#[must_use]
pub fn day(now: &str) -> &str {
    now.get(..10).unwrap_or(now)
}

/// A plan without its section on the walls, and what that is analysed from.
struct Decided {
    plan: Plan,
    sides: Sides,
    /// The estate, where the plan makes objects anew: what AWS assigned to the old ones is unknown in it.
    renewed: Option<Estate>,
}

/// Decides. What AWS assigned to an object that the plan replaces (the unique id of a role) is not what it will assign
/// to its successor, so what refers to that is evaluated again without it, until nothing more is replaced.
///
/// # Errors
/// As [`make`].
fn decide(inputs: &PlanInputs, request: &PlanRequest, now: &str) -> Result<Decided, EngineError> {
    let _span = tracing::info_span!("decide").entered();
    let resources = inputs.snapshot.resources();
    let basis = StateBasis {
        lineage: inputs.snapshot.lineage.clone(),
        scopes: inputs
            .snapshot
            .versions()
            .into_iter()
            // A scope of which only a journal exists has no version yet.
            .filter(|(_, (serial, _))| *serial > 0)
            .map(|(scope, (serial, etag))| (scope, ScopeBasis { serial, etag }))
            .collect::<BTreeMap<_, _>>(),
    };
    let mut options = request.options.clone();
    options.secrets.versions.clone_from(&inputs.secret_versions);
    let mut renewed = None;
    let mut made_anew = BTreeSet::new();
    let (mut plan, sides) = loop {
        let (plan, sides) = prepare(Input {
            estate: renewed.as_ref().unwrap_or(&inputs.estate),
            configuration_digest: &inputs.digest,
            prior: &resources,
            basis: &basis,
            live: &inputs.live,
            options: &options,
            generated_at: now,
        })?;
        let replaced = plan.made_anew();
        if replaced.is_subset(&made_anew) {
            break (plan, sides);
        }
        made_anew.extend(replaced);
        renewed = Some(without_the_old(inputs, &resources, made_anew.clone())?);
    };
    plan.recovery.clone_from(&inputs.interrupted);
    plan.principals.clone_from(&inputs.principals);
    plan.audit_head = inputs.snapshot.audit_head().cloned();
    if request.options.selection != Selection::default() {
        let touched = scopes(&plan);
        plan.state.scopes.retain(|scope, _| touched.contains(scope));
    }
    Ok(Decided { plan, sides, renewed })
}

/// The estate as it is evaluated when what AWS assigned to these objects is not known.
///
/// # Errors
/// What is wrong with it: a `for_each` over an id that nobody knows yet.
fn without_the_old(
    inputs: &PlanInputs,
    resources: &Resources,
    renewed: BTreeSet<ResourceAddr>,
) -> Result<Estate, EngineError> {
    let known = KnownValues {
        live: Some(&inputs.live),
        management: inputs.targets.management.id.clone(),
        lookups: Arc::clone(&inputs.lookups),
        adopted: inputs.adopted.clone(),
        renewed,
        ..KnownValues::of_state(resources, &inputs.snapshot.lineage, &inputs.releases)
    };
    let mut estate = load::evaluate(&inputs.configuration, &known)?;
    // Those that the command line asks for stand in no file.
    estate.imports.clone_from(&inputs.estate.imports);
    Ok(estate)
}

/// The scopes that a limited plan stands on: an apply elsewhere leaves it, and what was approved of
/// it, valid.
fn scopes(plan: &Plan) -> BTreeSet<String> {
    let accounts = plan.resource_changes.iter().filter_map(|c| c.address.account());
    let own = accounts.map(|handle| layout::account_scope(handle.as_str()));
    own.chain([layout::ORG.to_owned(), layout::WALLS.to_owned()]).collect()
}
