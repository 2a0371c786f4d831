//! From a directory to everything that a plan is made from: configuration, state and live AWS. This is
//! the one place that loads, evaluates and reads; what it reads, no later step reads again.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{Either, ready};

use crate::address::ResourceAddr;
use crate::apply::{self, Inspection};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, count};
use crate::eval::estate::{Estate, ProviderSettings};
use crate::ids::{AccountId, Handle};
use crate::live::{Adoptions, Live, PlanPrincipals, Targets, principals, selection};
use crate::plan::model::{
    InDoubtChange, InDoubtOutcome, InterruptedRun, OperationKind, PlannedOutput,
};
use crate::promotion::store::VersionedRecord;
use crate::provider::Provider;
use crate::state::Snapshot;

use super::error::EngineError;
use super::host::Event;
use super::known_values::ReleasesInForce;
use super::load::{self, Opened, RecordedEstate, evaluate};
use super::lookups::LookupResults;
use super::open::{self, Store};
use super::plan_request::PlanRequest;
use super::read_estate::{EstateRead, EstateReader};
use super::workspace::Workspace;
use super::{digest, redacting, releases_in_force};

/// Everything that a plan is made from, and that apply goes on with.
pub struct PlanInputs {
    /// What is declared.
    pub configuration: Arc<Configuration>,
    /// Its digest.
    pub digest: String,
    /// What it means.
    pub estate: Estate,
    /// State and the way to AWS.
    pub store: Store,
    /// What state holds.
    pub snapshot: Snapshot,
    /// Outputs of the last apply.
    pub outputs: BTreeMap<String, PlannedOutput>,
    /// What environments remember of releases.
    pub records: BTreeMap<String, VersionedRecord>,
    /// The releases that stand in environments.
    pub releases: ReleasesInForce,
    /// What was looked up for `data` blocks.
    pub lookups: Arc<LookupResults>,
    /// What AWS holds.
    pub live: Live,
    /// Objects that exist, that no state has, and that a block adopts.
    pub adopted: Adoptions,
    /// Versions of the SSM parameters that secrets come from, by reference, where they were asked.
    pub secret_versions: BTreeMap<String, i64>,
    /// As whom AWS was read, and as whom it would be written.
    pub principals: PlanPrincipals,
    /// The account of the caller that reads and changes the organization; absent where AWS was not asked.
    pub caller: Option<AccountId>,
    /// How accounts are reached.
    pub targets: Targets,
    /// What reads and changes AWS.
    pub provider: Arc<dyn Provider>,
    /// What interrupted runs have left, where `snapshot` stands as recovery would leave it.
    pub interrupted: Vec<InterruptedRun>,
    /// Warnings of the evaluation and of reading, to be shown with the plan.
    pub warnings: Diagnostics,
}

/// Loads, reads and evaluates. Writes nothing and changes nothing in AWS.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub async fn load_and_refresh(
    workspace: &Workspace,
    request: &PlanRequest,
) -> Result<PlanInputs, EngineError> {
    let configuration = Arc::new(load::configuration(workspace, &request.variables)?);
    // Before the backend is opened: a name that nothing declares needs no credentials to be refused.
    selection::check_declared(&request.options.selection, &configuration)?;
    selection::check_declared(&request.about, &configuration)?;
    let store = open::named(workspace, &configuration.settings).await?;
    Box::pin(refresh(workspace, request, configuration, store, None)).await
}

/// The same with a configuration that this run has loaded, and its backend.
///
/// # Errors
/// Those of [`load_and_refresh`].
pub(super) async fn refresh_opened(
    workspace: &Workspace,
    request: &PlanRequest,
    opened: Opened,
) -> Result<PlanInputs, EngineError> {
    let Opened { configuration, store } = opened;
    selection::check_declared(&request.options.selection, &configuration)?;
    Box::pin(refresh(workspace, request, configuration, store, None)).await
}

/// As [`load_and_refresh`], for use cases that change nothing: what an interrupted run has left is
/// looked up, reported, and counted as if it had been recovered.
///
/// # Errors
/// Those of [`load_and_refresh`], and a journal that cannot be read.
pub async fn load_and_refresh_recovered(
    workspace: &Workspace,
    request: &PlanRequest,
) -> Result<PlanInputs, EngineError> {
    let inputs = load_and_refresh(workspace, request).await?;
    as_recovered(workspace, request, inputs).await
}

/// The inputs as they will be once interrupted runs are recovered. Writes nothing.
///
/// # Errors
/// A journal, or AWS, cannot be read.
async fn as_recovered(
    workspace: &Workspace,
    request: &PlanRequest,
    inputs: PlanInputs,
) -> Result<PlanInputs, EngineError> {
    if !apply::recover::is_needed(&inputs.snapshot) {
        return Ok(inputs);
    }
    let inspection = Inspection {
        ledger: &inputs.store.ledger,
        provider: Arc::clone(&inputs.provider),
        targets: inputs.targets.clone(),
        accounts: inputs.account_addresses(),
    };
    let mut snapshot = inputs.snapshot.clone();
    let looking = apply::inspect(&inspection, &mut snapshot);
    let interrupted = workspace.interruptible(looking).await??;
    let mut inputs =
        refresh(workspace, request, inputs.configuration, inputs.store, Some(snapshot)).await?;
    inputs.warnings.extend(interrupted.iter().map(interrupted_run));
    inputs.interrupted = interrupted;
    Ok(inputs)
}

/// What an interrupted run has left, as a warning.
fn interrupted_run(run: &InterruptedRun) -> Diagnostic {
    let InterruptedRun { scope, run: id, by, .. } = run;
    if run.active {
        return Diagnostic::warning(format!("`{by}` is at work in scope `{scope}` (run {id})"))
            .detail("What it has changed so far may look like drift here.".to_owned())
            .help("plan again when it has ended");
    }
    let mut lines = Vec::new();
    if run.results > 0 {
        let results = count(run.results, "of its results is", "of its results are");
        lines.push(format!("{results} not in the state yet."));
    }
    let is_told = |change: &&InDoubtChange| {
        change.op != OperationKind::Wait || change.outcome != InDoubtOutcome::Done
    };
    let mut told: Vec<(String, usize)> = Vec::new();
    for change in run.changes.iter().filter(is_told) {
        let became = match change.outcome {
            InDoubtOutcome::Done => "was carried out",
            InDoubtOutcome::NotDone => "was not carried out",
            InDoubtOutcome::Unknown => "cannot be told yet",
        };
        let why = change.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let line = format!("{} `{}` {became}{why}", change.op.name(), change.address);
        match told.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => told.push((line, 1)),
        }
    }
    // A guardrail has an operation for each of its targets.
    lines.extend(told.into_iter().map(|(line, times)| match times {
        1 => line,
        _ => format!("{line} ({times} operations)"),
    }));
    let warning = Diagnostic::warning(format!(
        "a run of `{by}` was interrupted in scope `{scope}` (run {id})"
    ));
    let warning = if lines.is_empty() { warning } else { warning.detail(lines.join("\n")) };
    warning.help(
        "`palisade apply` records this before anything else; the plan here counts with it already",
    )
}

/// Reads state and AWS, and evaluates. A `snapshot` is a state that has been read already.
///
/// Whatever needs nothing of each other starts together: the state and what is recorded beside it, the
/// organization, the caller. An account is read as soon as state tells its id and the organization its
/// management account; the rest of the organization is read meanwhile.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub(super) async fn refresh(
    workspace: &Workspace,
    request: &PlanRequest,
    configuration: Arc<Configuration>,
    store: Store,
    snapshot: Option<Snapshot>,
) -> Result<PlanInputs, EngineError> {
    if !request.refresh {
        store.name_caller(workspace).await;
    }
    let reading = async {
        let outline = load::outline(&configuration);
        let recorded =
            load::recorded(workspace, &configuration, &store, request, snapshot, &outline.scopes);
        let (settings, recorded) = match outline.settings {
            Some(settings) => (settings, Either::Left(recorded)),
            // How AWS is reached needs what state knows, so the state is read before anything else.
            None => {
                let recorded = recorded.await?;
                let resources = recorded.snapshot.resources();
                let estate = evaluate(&configuration, &recorded.known(&resources))?;
                (estate.provider, Either::Right(ready(Ok(recorded))))
            }
        };
        let reader =
            EstateReader { workspace, request, configuration: &configuration, store: &store };
        // Boxed: what waits for a whole estate is too large to be handed around on the stack.
        let read = Box::pin(reader.read(&settings, recorded)).await?;
        if reach_alike(&settings, &read.estate.provider) {
            return Ok(read);
        }
        // The provider block means something else now that state is known: all was read elsewhere.
        let settings = read.estate.provider;
        Box::pin(reader.read(&settings, ready(Ok(read.recorded)))).await
    };
    let read: EstateRead = workspace.interruptible(Box::pin(reading)).await??;
    let EstateRead { recorded, estate, live, adopted, management, caller, provider, .. } = read;
    let RecordedEstate { snapshot, outputs, records, releases, lookups, .. } = recorded;
    redacting::learn_estate(workspace, &estate);
    let mut warnings = read.warnings;
    warnings.extend(releases_in_force::overridden(&records, &request.options.selection));
    warnings.extend(read.secret_warnings);
    let mut targets = Targets::of(&estate, management.as_ref());
    targets.read_through_access_role(&read.through_access_role);
    let principals = principals(&targets, caller.as_ref(), request.refresh);
    let mut announced = principals.clone();
    if !request.refresh && workspace.host.names_caller() {
        // For the host alone: the plan is the same, whether it is asked for or not.
        let caller = workspace.interruptible(provider.caller()).await?;
        announced.caller = caller.ok().map(|caller| caller.arn);
    }
    workspace.host.event(Event::Principals(Box::new(announced)));
    let digest = digest::configuration(&configuration);
    Ok(PlanInputs {
        digest,
        configuration,
        estate,
        store,
        snapshot,
        outputs,
        records,
        releases,
        lookups,
        live,
        adopted,
        secret_versions: read.secret_versions,
        principals,
        caller: caller.map(|caller| caller.account),
        targets,
        provider,
        interrupted: Vec::new(),
        warnings,
    })
}

/// Whether two provider blocks lead to the same AWS.
fn reach_alike(one: &ProviderSettings, other: &ProviderSettings) -> bool {
    one.region == other.region
        && one.endpoint_url == other.endpoint_url
        && one.management_role_arn == other.management_role_arn
        && Targets::management(one, None) == Targets::management(other, None)
}

impl PlanInputs {
    /// The configuration and the backend, to go on with.
    #[must_use]
    pub(super) fn opened(&self) -> Opened {
        Opened { configuration: Arc::clone(&self.configuration), store: self.store.clone() }
    }

    /// Which `account` block is which account.
    #[must_use]
    pub fn account_addresses(&self) -> BTreeMap<ResourceAddr, Handle> {
        let all = self.estate.accounts.values();
        all.map(|a| (a.address.clone(), a.handle.clone())).collect()
    }
}
