//! From a directory to everything that a plan is made from: configuration, state and live AWS. This is
//! the one place that loads, evaluates and reads; what it reads, no later step reads again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::apply::{self, Inspection};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::eval::estate::{Estate, Import};
use crate::ids::{AccountId, Handle};
use crate::plan::Live;
use crate::plan::model::{InDoubtOutcome, InterruptedRun, Output};
use crate::plan::refresh::{self, Targets};
use crate::promotion::store::VersionedRecord;
use crate::provider::{Inventory, Provider};
use crate::schema::{AccessPart, Spanned, access_of};
use crate::state::{Snapshot, StateError};

use super::error::EngineError;
use super::host::Activity;
use super::known_values::{Imports, KnownValues, ReleasesInForce, imports};
use super::load::{self, evaluate};
use super::open::{self, Store};
use super::plan::PlanRequest;
use super::workspace::Workspace;
use super::{backend, digest, outputs, releases, secret_versions, secrets};

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
    pub outputs: BTreeMap<String, Output>,
    /// What environments remember of releases.
    pub records: BTreeMap<String, VersionedRecord>,
    /// The releases that stand in environments.
    pub releases: ReleasesInForce,
    /// What AWS holds.
    pub live: Live,
    /// Versions of the SSM parameters that secrets come from, by reference, where they were asked.
    pub secret_versions: BTreeMap<String, i64>,
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
    let configuration = load::configuration(workspace, &request.variables)?;
    let store = open::open(workspace, backend::configured(&configuration.settings)).await?;
    let busy = workspace.begin(Activity::ReadingState);
    let snapshot = workspace.interruptible(store.ledger.read_all()).await??;
    drop(busy);
    Box::pin(refresh(workspace, request, Arc::new(configuration), store, snapshot)).await
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
pub async fn as_recovered(
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
        refresh(workspace, request, inputs.configuration, inputs.store, snapshot).await?;
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
    let mut lines = vec![format!("{} of its results are not in the state yet.", run.results)];
    for change in &run.changes {
        let became = match change.outcome {
            InDoubtOutcome::Done => "was carried out",
            InDoubtOutcome::NotDone => "was not carried out",
            InDoubtOutcome::Unknown => "cannot be told yet",
        };
        let why = change.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("{} `{}` {became}{why}", change.op.name(), change.address));
    }
    Diagnostic::warning(format!("a run of `{by}` was cut off in scope `{scope}` (run {id})"))
        .detail(lines.join("\n"))
        .help("`palisade apply` records this before anything else; the plan here counts with it already")
}

/// Reads AWS and evaluates, on a state as it was read.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub async fn refresh(
    workspace: &Workspace,
    request: &PlanRequest,
    configuration: Arc<Configuration>,
    store: Store,
    mut snapshot: Snapshot,
) -> Result<PlanInputs, EngineError> {
    let mut warnings = Diagnostics::new();
    let outputs = outputs::read_or_warn(&store.ledger, &mut warnings);
    let outputs = workspace.interruptible(outputs).await??;
    let reading = async {
        let records = releases::records(&store.ledger, &configuration).await?;
        let releases =
            releases::in_force(&store.ledger, &records, request.release.as_ref()).await?;
        Ok::<_, StateError>((records, releases))
    };
    let (records, releases) = workspace.interruptible(reading).await??;
    let resources = snapshot.resources();
    let first = evaluate(
        &configuration,
        &KnownValues {
            resources: &resources,
            live: None,
            management: None,
            releases: &releases,
            imports: Imports::new(),
        },
    )?;
    let provider = open::provider(&store.connection, &first.provider).await;
    let handles: Vec<Handle> = first.accounts.keys().cloned().collect();
    let (live, management) = if request.refresh {
        let reading = read(workspace, provider.as_ref(), &first, request, &mut warnings);
        workspace.interruptible(reading).await??
    } else {
        (Live::unread("refresh is off", handles), recorded_management(&first))
    };
    live.share_with_state(snapshot.resources_mut());
    let resources = snapshot.resources();
    let known = KnownValues {
        resources: &resources,
        live: Some(&live),
        management: management.clone(),
        releases: &releases,
        imports: imports(&first),
    };
    // The second evaluation knows more; both at once would be held twice.
    drop(first);
    let mut estate = evaluate(&configuration, &known)?;
    live.share_with_estate(&mut estate, &resources);
    warnings.extend(std::mem::take(&mut estate.warnings));
    warnings.extend(releases::overridden(&records, &request.options.selection));
    for (address, id) in &request.imports {
        take_over(&mut estate, address, id)?;
    }
    let mut secret_versions = BTreeMap::new();
    if request.secret_versions {
        let client = secrets::client(&store.connection, &estate.provider);
        let selection = &request.options.selection;
        let asking = secret_versions::ask(workspace, &client, &estate, selection, &mut warnings);
        secret_versions = workspace.interruptible(asking).await?;
    }
    let targets = Targets::of(&estate, management.as_ref());
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
        live,
        secret_versions,
        targets,
        provider,
        interrupted: Vec::new(),
        warnings,
    })
}

impl PlanInputs {
    /// Which `account` block is which account.
    #[must_use]
    pub fn account_addresses(&self) -> BTreeMap<ResourceAddr, Handle> {
        let all = self.estate.accounts.values();
        all.map(|a| (a.address.clone(), a.handle.clone())).collect()
    }
}

async fn read(
    workspace: &Workspace,
    provider: &dyn Provider,
    estate: &Estate,
    request: &PlanRequest,
    warnings: &mut Diagnostics,
) -> Result<(Live, Option<AccountId>), EngineError> {
    let busy = workspace.begin(Activity::ReadingOrganization);
    let unknown = Targets::of(estate, None);
    let organization = refresh::read_organization(
        provider,
        &unknown.management,
        tokio::sync::oneshot::channel().0,
    )
    .await?;
    let management = management_account(provider, &organization).await?;
    drop(busy);
    let targets = Targets::of(estate, Some(&management));
    let selected: BTreeSet<Handle> = estate
        .accounts
        .values()
        .filter(|a| {
            request.options.selection.accounts.contains(&a.handle)
                || request.options.selection.environments.iter().any(|e| a.environments.contains(e))
        })
        .map(|a| a.handle.clone())
        .collect();
    let busy = workspace.begin(Activity::ReadingAccounts(targets.accounts.len()));
    let accounts = refresh::read_accounts(
        provider,
        &targets,
        estate,
        &selected,
        request.parallelism,
        warnings,
    )
    .await?;
    drop(busy);
    Ok((refresh::live(organization, accounts), Some(management)))
}

/// The management account: as the organization says, else the caller's own.
async fn management_account(
    provider: &dyn Provider,
    organization: &Inventory,
) -> Result<AccountId, EngineError> {
    let told = organization
        .objects
        .values()
        .filter(|o| is_organization(o.kind))
        .find_map(|o| o.attrs.get("management_account_id")?.as_str()?.parse().ok());
    if let Some(id) = told {
        return Ok(id);
    }
    match provider.caller().await {
        Ok(caller) => Ok(caller.account),
        Err(error) => Err(Diagnostic::error("cannot tell who is calling")
            .detail(error.to_string())
            .help("sign in first (`aws sso login`), or try without an account: `--sandbox`")
            .into()),
    }
}

fn is_organization(kind: &str) -> bool {
    access_of(kind) == Some(AccessPart::Organization)
}

fn recorded_management(estate: &Estate) -> Option<AccountId> {
    estate
        .instances
        .values()
        .filter(|i| is_organization(&i.address.kind))
        .find_map(|i| i.computed.get("management_account_id")?.as_str()?.parse().ok())
}

/// Adds what `palisade import` asks for, as if an `import` block stood in the configuration.
fn take_over(estate: &mut Estate, address: &ResourceAddr, id: &str) -> Result<(), EngineError> {
    let Some(known) = estate
        .instances
        .keys()
        .find(|a| *a == address || a.to_string() == address.to_string())
        .cloned()
    else {
        let names: Vec<String> = estate.instances.keys().map(ToString::to_string).collect();
        let help = did_you_mean(&address.to_string(), names.iter().map(String::as_str))
            .unwrap_or_else(|| {
                "declare the object first, or let `palisade adopt` write its configuration"
                    .to_owned()
            });
        return Err(Diagnostic::error(format!("the configuration declares no `{address}`"))
            .help(help)
            .into());
    };
    let source = Source::new("command line", format!("{known} {id}"));
    let loc = Loc::whole(&source);
    estate.imports.push(Import {
        to: Spanned { value: known, loc: loc.clone() },
        id: Spanned { value: id.to_owned(), loc },
    });
    Ok(())
}
