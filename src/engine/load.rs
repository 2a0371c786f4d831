//! Loads the configuration of a workspace, and what is recorded of its environments. Asks AWS nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Configuration, LoadOptions, load};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::{Estate, ProviderSettings};
use crate::eval::{Evaluator, NothingKnown};
use crate::plan::model::PlannedOutput;
use crate::promotion::store::VersionedRecord;
use crate::state::model::Resources;
use crate::state::{Snapshot, layout};

use super::error::EngineError;
use super::host::Activity;
use super::known_values::{KnownValues, ReleasesInForce};
use super::lookups::LookupResults;
use super::names::wrong_names;
use super::open::{self, Store};
use super::plan_request::PlanRequest;
use super::workspace::{Variables, Workspace};
use super::{outputs, redacting, releases_in_force};

/// Loads the configuration; the host hears its warnings.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn configuration(
    workspace: &Workspace,
    variables: &Variables,
) -> Result<Configuration, EngineError> {
    let _span = tracing::info_span!("load").entered();
    require_configuration(&workspace.dir)?;
    let loaded = load(&workspace.dir, &options(workspace, variables));
    let (configuration, warnings) = loaded.into_result()?;
    workspace.host.diagnostics(&warnings);
    redacting::learn_variables(workspace, &configuration);
    Ok(configuration)
}

/// What loading needs: the variables that were given, and those of the environment.
#[must_use]
pub(super) fn options(workspace: &Workspace, variables: &Variables) -> LoadOptions {
    let env_vars: BTreeMap<String, String> = workspace
        .env
        .iter()
        .filter_map(|(k, v)| Some((k.strip_prefix("PALISADE_VAR_")?.to_owned(), v.clone())))
        .collect();
    let terraform_vars = workspace.env.keys().filter_map(|k| k.strip_prefix("TF_VAR_"));
    let terraform_vars = terraform_vars.map(str::to_owned).collect();
    LoadOptions { vars: variables.0.clone(), env_vars, terraform_vars, ..LoadOptions::default() }
}

/// Makes sure that a directory holds a configuration at all.
///
/// # Errors
/// It does not.
pub(super) fn require_configuration(dir: &Path) -> Result<(), EngineError> {
    let has = |extension: &str| {
        std::fs::read_dir(dir).is_ok_and(|mut entries| {
            entries.any(|e| e.is_ok_and(|e| e.path().extension().is_some_and(|x| x == extension)))
        })
    };
    if has("hcl") {
        return Ok(());
    }
    let is_json = |name: &str| name.ends_with(".tf.json") || name.ends_with(".hcl.json");
    let has_json = std::fs::read_dir(dir).is_ok_and(|mut entries| {
        entries.any(|e| e.is_ok_and(|e| e.file_name().to_str().is_some_and(is_json)))
    });
    let help = match has("tf") {
        false if has_json => {
            "configuration is written in HCL, not in JSON: write the `*.json` files here as `*.hcl`"
        }
        true => {
            "the `*.tf` files here are Terraform's: `palisade review --terraform-plan FILE` judges what a plan of theirs does to the walls"
        }
        false => "go to the directory of the estate, or name it with `-C DIR`",
    };
    Err(Diagnostic::error("there is no configuration here: no file ends in `.hcl`")
        .help(help)
        .into())
}

/// What the configuration means, as far as `known` tells.
///
/// # Errors
/// What is wrong with it.
pub(super) fn evaluate(
    configuration: &Configuration,
    known: &KnownValues<'_>,
) -> Result<Estate, EngineError> {
    let estate = Evaluator::new(configuration, known).estate()?;
    Ok(wrong_names(configuration, &Diagnostics::new()).into_result(estate)?)
}

/// What a configuration says of where to read, before anything is read.
pub(super) struct Outline {
    /// How AWS is reached; absent where that needs what state knows, or is wrong.
    pub(super) settings: Option<ProviderSettings>,
    /// The scopes whose states there probably are.
    pub(super) scopes: Vec<String>,
}

/// A glance at a configuration. What is wrong in it is left for [`evaluate`] to report, and what was computed is not
/// kept: it is what the provider block and the handles of accounts need, seen without the state.
#[must_use]
pub(super) fn outline(configuration: &Configuration) -> Outline {
    let evaluator = Evaluator::new(configuration, &NothingKnown);
    let settings = evaluator.provider_settings().ok();
    let handles = evaluator.account_handles();
    let accounts = handles.iter().map(|handle| layout::account_scope(handle.as_str()));
    Outline { settings, scopes: accounts.chain([layout::ORG.to_owned()]).collect() }
}

/// What is recorded of an estate: its state, and what stands beside it.
pub(super) struct RecordedEstate {
    /// What state holds.
    pub(super) snapshot: Snapshot,
    /// Outputs of the last apply.
    pub(super) outputs: BTreeMap<String, PlannedOutput>,
    /// What environments remember of releases.
    pub(super) records: BTreeMap<String, VersionedRecord>,
    /// The releases that stand in environments.
    pub(super) releases: ReleasesInForce,
    /// What was looked up for `data` blocks.
    pub(super) lookups: Arc<LookupResults>,
    /// What of it is damaged and matters little.
    pub(super) warnings: Diagnostics,
}

impl RecordedEstate {
    /// What is known by it, with the state's own objects.
    #[must_use]
    pub(super) fn known<'a>(&'a self, resources: &'a Resources) -> KnownValues<'a> {
        let of_state = KnownValues::of_state(resources, &self.snapshot.lineage, &self.releases);
        KnownValues { lookups: Arc::clone(&self.lookups), ..of_state }
    }
}

/// Reads what is recorded, all of it at once. A `snapshot` is a state that has been read already;
/// `scopes` are those that there probably are.
///
/// # Errors
/// The backend cannot be read, or what it holds is damaged.
pub(super) async fn recorded(
    workspace: &Workspace,
    configuration: &Configuration,
    store: &Store,
    request: &PlanRequest,
    snapshot: Option<Snapshot>,
    scopes: &[String],
) -> Result<RecordedEstate, EngineError> {
    let busy = workspace.begin(Activity::ReadingState);
    let mut warnings = Diagnostics::new();
    let state = async {
        match snapshot {
            Some(snapshot) => Ok(snapshot),
            None => store.ledger.read_expecting(scopes).await,
        }
    };
    let outputs = outputs::read_or_warn(&store.ledger, &mut warnings);
    let releases = releases_in_force::read(&store.ledger, configuration, request.release.as_ref());
    let (snapshot, outputs, releases) = futures::join!(state, outputs, releases);
    drop(busy);
    let (snapshot, outputs) = (snapshot?, outputs?);
    let (records, releases) = releases?;
    let lookups = Arc::new(LookupResults::new(request.failed_lookups));
    Ok(RecordedEstate { snapshot, outputs, records, releases, lookups, warnings })
}

/// A configuration as a run has loaded it, and the backend that it names. A run loads once: what its gates or
/// other people do to the files meanwhile is for the next run.
#[derive(Clone)]
pub(super) struct Opened {
    /// What is declared.
    pub(super) configuration: Arc<Configuration>,
    /// State and the way to AWS.
    pub(super) store: Store,
}

/// What is known without asking AWS: configuration, state and releases.
pub(super) struct OfflineInputs {
    /// What is declared.
    pub(super) configuration: Arc<Configuration>,
    /// State and the way to AWS.
    pub(super) store: Store,
    /// What state holds.
    pub(super) snapshot: Snapshot,
    /// What environments remember of releases.
    pub(super) records: BTreeMap<String, VersionedRecord>,
    /// The releases that stand in environments.
    pub(super) releases: ReleasesInForce,
}

/// Loads the configuration and reads what is recorded.
///
/// # Errors
/// The configuration is wrong, or the state cannot be read.
pub(super) async fn offline(
    workspace: &Workspace,
    variables: &Variables,
) -> Result<OfflineInputs, EngineError> {
    let configuration = Arc::new(configuration(workspace, variables)?);
    let store = open::named(workspace, &configuration.settings).await?;
    offline_of(workspace, Opened { configuration, store }).await
}

/// The same for a configuration that is loaded, and a backend that is open.
///
/// # Errors
/// The state cannot be read.
pub(super) async fn offline_of(
    workspace: &Workspace,
    opened: Opened,
) -> Result<OfflineInputs, EngineError> {
    let Opened { configuration, store } = opened;
    let scopes = outline(&configuration).scopes;
    let reading = async {
        let releases = releases_in_force::read(&store.ledger, &configuration, None);
        let caller = store.name_caller(workspace);
        futures::join!(store.ledger.read_expecting(&scopes), releases, caller)
    };
    let (snapshot, releases, ()) = workspace.interruptible(reading).await?;
    let snapshot = snapshot?;
    let (records, releases) = releases?;
    Ok(OfflineInputs { configuration, store, snapshot, records, releases })
}

impl OfflineInputs {
    /// The configuration and the backend, to go on with.
    #[must_use]
    pub(super) fn opened(&self) -> Opened {
        Opened { configuration: Arc::clone(&self.configuration), store: self.store.clone() }
    }

    /// What is known by it, with the state's own objects.
    #[must_use]
    pub(super) fn known<'a>(&'a self, resources: &'a Resources) -> KnownValues<'a> {
        KnownValues::of_state(resources, &self.snapshot.lineage, &self.releases)
    }

    /// What the configuration means as far as state knows; the run hides its secrets from then on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn estate(&self, workspace: &Workspace) -> Result<Estate, EngineError> {
        let resources = self.snapshot.resources();
        let estate = evaluate(&self.configuration, &self.known(&resources))?;
        redacting::learn_estate(workspace, &estate);
        Ok(estate)
    }
}
