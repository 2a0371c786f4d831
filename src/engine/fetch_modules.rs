//! Fetches the packages that modules come from, and writes the lock file. `init` alone does this.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::config::package::{LOCK_FILE, ModuleLock};
use crate::config::{self, MissingPackage};
use crate::diag::Diagnostic;
use crate::fetch;

use super::connect;
use super::error::EngineError;
use super::host::Activity;
use super::load;
use super::workspace::{Variables, Workspace};

/// How often modules that were fetched may call for others.
const TURNS: usize = 32;

/// A package that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPackage {
    /// What the lock file calls it.
    pub source: String,
    /// The commit, where it is a repository's.
    pub commit: Option<String>,
}

/// Fetches what the configuration calls for and what is not there as the lock file has it. With `upgrade`,
/// branches and tags are looked up again, whatever the lock file says.
///
/// # Errors
/// A package cannot be fetched, or is not what the lock file says. What else is wrong with the configuration is left
/// for loading it.
pub(super) async fn run(
    workspace: &Workspace,
    variables: &Variables,
    upgrade: bool,
) -> Result<Vec<FetchedPackage>, EngineError> {
    load::require_configuration(&workspace.dir)?;
    let root = std::fs::canonicalize(&workspace.dir).map_err(|error| {
        Diagnostic::error("the configuration cannot be opened").detail(error.to_string())
    })?;
    // What is wrong with the file is told at the call that needs it.
    let Ok(old) = ModuleLock::read(&root) else { return Ok(Vec::new()) };
    let mut lock = match upgrade {
        true => ModuleLock { version: ModuleLock::VERSION, ..ModuleLock::default() },
        false => old.clone(),
    };
    let limit = connect::request_timeout(workspace)?.unwrap_or(fetch::LIMIT);
    let (mut fetched, mut is_whole) = (Vec::new(), false);
    for _ in 0..TURNS {
        let mut options = load::options(workspace, variables);
        options.lock = Some(lock.clone());
        let loaded = config::load(&root, &options);
        if loaded.missing.is_empty() {
            // What a file that cannot be read calls is not known: nothing is forgotten for it.
            match loaded.complete {
                true => {
                    lock.modules.retain(|key, _| loaded.packages.contains(key));
                    is_whole = true;
                }
                false => {
                    let known =
                        old.modules.iter().map(|(key, package)| (key.clone(), package.clone()));
                    for (key, package) in known {
                        lock.modules.entry(key).or_insert(package);
                    }
                }
            }
            break;
        }
        for missing in distinct(loaded.missing) {
            let key = missing.source.key();
            let wanted = if upgrade { None } else { old.modules.get(&key) };
            let package = workspace.interruptible(fetch::package(&root, &missing, wanted, limit));
            let activity = Activity::Fetching(key.clone());
            let package = workspace.lasting(activity, Some(limit), package).await??;
            fetched.push(FetchedPackage { source: key.clone(), commit: package.commit.clone() });
            lock.modules.insert(key, package);
        }
    }
    if lock != old {
        write(&root, &lock)?;
    }
    if is_whole {
        fetch::clear(&root, &lock);
    }
    Ok(fetched)
}

/// Each package once.
fn distinct(missing: Vec<MissingPackage>) -> Vec<MissingPackage> {
    let mut all: BTreeMap<String, MissingPackage> = BTreeMap::new();
    for one in missing {
        all.entry(one.source.key()).or_insert(one);
    }
    all.into_values().collect()
}

fn write(root: &Path, lock: &ModuleLock) -> Result<(), EngineError> {
    let failed = |error: io::Error| {
        Diagnostic::error(format!("`{LOCK_FILE}` cannot be written")).detail(error.to_string())
    };
    let new = root.join(format!(".{LOCK_FILE}.{}", std::process::id()));
    let written = lock.text().and_then(|text| std::fs::write(&new, text));
    Ok(written.and_then(|()| std::fs::rename(&new, root.join(LOCK_FILE))).map_err(failed)?)
}
