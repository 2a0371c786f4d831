//! Loads the configuration of a workspace, and what is recorded of its environments. Asks AWS nothing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Configuration, Options, load};
use crate::diag::Diagnostic;
use crate::eval::Engine;
use crate::eval::estate::Estate;
use crate::promotion::store::VersionedRecord;
use crate::state::{Snapshot, StateError};

use super::error::EngineError;
use super::known_values::{Imports, KnownValues, ReleasesInForce};
use super::open::{self, Store};
use super::workspace::{Variables, Workspace};
use super::{backend, releases};

/// Loads the configuration; the host hears its warnings.
///
/// # Errors
/// Everything that is wrong with it.
pub fn configuration(
    workspace: &Workspace,
    variables: &Variables,
) -> Result<Configuration, EngineError> {
    require_configuration(&workspace.dir)?;
    let loaded = load(&workspace.dir, &options(workspace, variables));
    let (configuration, warnings) = loaded.into_result()?;
    workspace.host.diagnostics(&warnings);
    Ok(configuration)
}

/// What loading needs: the variables that were given, and those of the environment.
#[must_use]
pub fn options(workspace: &Workspace, variables: &Variables) -> Options {
    let env_vars: BTreeMap<String, String> = workspace
        .env
        .iter()
        .filter_map(|(k, v)| Some((k.strip_prefix("PALISADE_VAR_")?.to_owned(), v.clone())))
        .collect();
    Options { vars: variables.0.clone(), env_vars, ..Options::default() }
}

/// Makes sure that a directory holds a configuration at all.
///
/// # Errors
/// It does not.
pub fn require_configuration(dir: &Path) -> Result<(), EngineError> {
    let any = std::fs::read_dir(dir).is_ok_and(|mut entries| {
        entries.any(|e| e.is_ok_and(|e| e.path().extension().is_some_and(|x| x == "hcl")))
    });
    if any {
        return Ok(());
    }
    Err(Diagnostic::error("there is no configuration here: no file ends in `.hcl`")
        .help("go to the directory of the estate, or name it with `-C DIR`")
        .into())
}

/// What the configuration means, as far as `known` tells.
///
/// # Errors
/// What is wrong with it.
pub fn evaluate(
    configuration: &Configuration,
    known: &KnownValues<'_>,
) -> Result<Estate, EngineError> {
    Ok(Engine::new(configuration, known).estate()?)
}

/// What is known without asking AWS: configuration, state and releases.
pub struct OfflineInputs {
    /// What is declared.
    pub configuration: Configuration,
    /// State and the way to AWS.
    pub store: Store,
    /// What state holds.
    pub snapshot: Snapshot,
    /// What environments remember of releases.
    pub records: BTreeMap<String, VersionedRecord>,
    /// The releases that stand in environments.
    pub releases: ReleasesInForce,
}

/// Loads the configuration and reads what is recorded.
///
/// # Errors
/// The configuration is wrong, or the state cannot be read.
pub async fn offline(
    workspace: &Workspace,
    variables: &Variables,
) -> Result<OfflineInputs, EngineError> {
    let configuration = configuration(workspace, variables)?;
    let store = open::open(workspace, backend::configured(&configuration.settings)).await?;
    let reading = async {
        let snapshot = store.ledger.read_all().await?;
        let records = releases::records(&store.ledger, &configuration).await?;
        let releases = releases::in_force(&store.ledger, &records, None).await?;
        Ok::<_, StateError>((snapshot, records, releases))
    };
    let (snapshot, records, releases) = workspace.interruptible(reading).await??;
    Ok(OfflineInputs { configuration, store, snapshot, records, releases })
}

impl OfflineInputs {
    /// What the configuration means as far as state knows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn estate(&self) -> Result<Estate, EngineError> {
        let resources = self.snapshot.resources();
        let known = KnownValues {
            resources: &resources,
            live: None,
            management: None,
            releases: &self.releases,
            imports: Imports::new(),
        };
        evaluate(&self.configuration, &known)
    }
}
