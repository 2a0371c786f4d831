//! Packages of modules, from git repositories and archives.
//!
//! Nothing of what is fetched is run: git gets no hooks, no submodules and, where it unpacks, no filters; an archive holds
//! files and directories below one place, and nothing else.

mod archive;
mod git;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::archive::{Archive, unpack};
use self::git::Git;
use crate::config::MissingPackage;
use crate::config::package::{self, LOCK_FILE, LockedPackage, ModuleLock, PackageOrigin};
use crate::diag::Diagnostic;

/// How long a package may take, where nobody says it.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// When a package is given up, over all that is asked for it.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// What helps where a package is not of a form or a size that is taken.
const SMALLER: &str =
    "keep modules in a repository or an archive of their own, with files and directories alone";

/// What helps where a file or directory of one's own gets in the way.
const OWN_FILES: &str =
    "see to the directory `.palisade` beside the configuration: `init` writes there";

/// How old what an unfinished run has left must be: another one may be under way.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Removes packages that the lock file does not name, and what unfinished runs have left. What cannot be removed stays: it
/// is in nobody's way.
pub(crate) fn clear(root: &Path, lock: &ModuleLock) {
    let all = package::packages(root);
    // A link, on the way too, leads to what others use as well.
    let real = std::fs::canonicalize(root).map(|root| package::packages(&root));
    if !std::fs::canonicalize(&all).is_ok_and(|there| real.is_ok_and(|here| here == there)) {
        return;
    }
    let named: BTreeSet<PathBuf> =
        lock.modules.keys().map(|key| package::place(root, key)).collect();
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(".new-");
        let age = entry.metadata().and_then(|data| data.modified());
        let age = age.ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        if named.contains(&entry.path()) || is_unfinished && age < LEFT_BEHIND {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => drop(std::fs::remove_dir_all(entry.path())),
            _ => drop(std::fs::remove_file(entry.path())),
        }
    }
}

/// Fetches one package into its place below the configuration's directory, within `limit`. `wanted` is what the lock file says
/// of it.
///
/// # Errors
/// It cannot be fetched or unpacked, or it is not what the lock file says.
pub(crate) async fn package(
    root: &Path,
    missing: &MissingPackage,
    wanted: Option<&LockedPackage>,
    limit: Duration,
) -> Result<LockedPackage, Diagnostic> {
    let deadline = Deadline { at: Instant::now() + limit, limit };
    let (source, loc) = (&missing.source, &missing.loc);
    let key = source.key();
    let failed = |detail: String| {
        Diagnostic::error(format!("the module `{key}` cannot be fetched"))
            .at(loc.clone())
            .detail(detail)
    };
    let own_files = |error: io::Error| failed(error.to_string()).help(OWN_FILES);
    let all = package::packages(root);
    std::fs::create_dir_all(&all).map_err(own_files)?;
    let work = tempfile::Builder::new().prefix(".new-").tempdir_in(&all).map_err(own_files)?;
    let unpacked = work.path().join("package");
    let commit = match &source.origin {
        PackageOrigin::Git { url, .. } | PackageOrigin::Archive { url }
            if missing.from_package && (url.starts_with("file:") || url.starts_with("http:")) =>
        {
            return Err(failed(
                "it lies on this machine, and a module that was fetched names it".to_owned(),
            )
            .help("use another version of the module that calls it"));
        }
        PackageOrigin::Git { url, reference } => {
            let git = Git { dir: work.path().join("git"), loc, key: &key, deadline };
            let locked = wanted.and_then(|wanted| wanted.commit.as_deref());
            let commit = git.fetch(url, reference.as_deref(), locked).await?;
            let tar = git.archive(&commit).await?;
            unpack(tar, unpacked.clone(), loc, &key).await?;
            Some(commit)
        }
        PackageOrigin::Archive { url } => {
            let bytes = archive::download(url, deadline)
                .await
                .map_err(|(detail, help)| failed(detail).help(help))?;
            unpack(Archive::Compressed(bytes), unpacked.clone(), loc, &key).await?;
            None
        }
    };
    let hash = package::hash(&unpacked).map_err(own_files)?;
    if let Some(wanted) = wanted
        && wanted.hash != hash
    {
        return Err(Diagnostic::error(format!("the module `{key}` is not what it was"))
            .at(loc.clone())
            .detail(format!("`{LOCK_FILE}` has {}, and {hash} was fetched", wanted.hash))
            .help("find out who changed it; `palisade init --upgrade` takes it as it is now"));
    }
    let place = package::place(root, &key);
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(own_files)?;
    }
    std::fs::rename(&unpacked, &place).map_err(own_files)?;
    Ok(LockedPackage { commit, hash })
}
