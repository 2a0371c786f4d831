//! What can be known without asking AWS: configuration, state and releases.

use std::collections::BTreeMap;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::Configuration;
use crate::eval::estate::Estate;
use crate::promotion::store::Held;
use crate::state::{Snapshot, StateError};

use super::known::{Imports, InForce, Recorded};
use super::pipeline::evaluate;
use super::{Store, backend, releases};

/// What can be known without asking AWS.
pub struct Offline {
    /// What is declared.
    pub configuration: Configuration,
    /// State and the way to AWS.
    pub store: Store,
    /// What state holds.
    pub snapshot: Snapshot,
    /// What environments remember of releases.
    pub records: BTreeMap<String, Held>,
    /// The releases that stand in environments.
    pub releases: InForce,
}

/// Reads it.
///
/// # Errors
/// The configuration is wrong, or the state cannot be read.
pub async fn read(cx: &Context, vars: &VarArgs) -> Result<Offline, Exit> {
    super::require_configuration(&cx.dir())?;
    let configuration = super::configuration(cx, vars)?;
    let store = super::open(cx, backend::configured(&configuration.settings)).await?;
    let reading = async {
        let snapshot = store.ledger.read_all().await?;
        let records = releases::records(&store.ledger, &configuration).await?;
        let releases = releases::in_force(&store.ledger, &records, None).await?;
        Ok::<_, StateError>((snapshot, records, releases))
    };
    let (snapshot, records, releases) = cx.interrupt.or(reading).await??;
    Ok(Offline { configuration, store, snapshot, records, releases })
}

impl Offline {
    /// What the configuration means as far as state knows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn estate(&self) -> Result<Estate, Exit> {
        let resources = self.snapshot.resources();
        let known = Recorded {
            resources: &resources,
            live: None,
            management: None,
            releases: &self.releases,
            imports: Imports::new(),
        };
        evaluate(&self.configuration, &known)
    }
}
