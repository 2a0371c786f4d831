//! Packages of modules, from git repositories and archives.
//!
//! Nothing of what is fetched is run: git gets no hooks, no submodules and, where it unpacks, no filters; an archive holds
//! files and directories below one place, and nothing else.

mod archive;
mod git;

use std::path::Path;
use std::time::Duration;

use self::archive::{Archive, unpack};
use self::git::Git;
use crate::config::MissingPackage;
use crate::config::package::{self, LOCK_FILE, LockedPackage, PackageOrigin};
use crate::diag::Diagnostic;

/// How long one call of git, or one download, may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Fetches one package into its place below the configuration's directory. `wanted` is what the lock file says of it.
///
/// # Errors
/// It cannot be fetched or unpacked, or it is not what the lock file says.
pub(crate) async fn package(
    root: &Path,
    missing: &MissingPackage,
    wanted: Option<&LockedPackage>,
) -> Result<LockedPackage, Diagnostic> {
    let (source, loc) = (&missing.source, &missing.loc);
    let key = source.key();
    let failed = |detail: String| {
        Diagnostic::error(format!("the module `{key}` cannot be fetched"))
            .at(loc.clone())
            .detail(detail)
    };
    let all = package::packages(root);
    std::fs::create_dir_all(&all).map_err(|error| failed(error.to_string()))?;
    let work = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(&all)
        .map_err(|error| failed(error.to_string()))?;
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
            let git = Git { dir: work.path().join("git"), loc, key: &key };
            let locked = wanted.and_then(|wanted| wanted.commit.as_deref());
            let commit = git.fetch(url, reference.as_deref(), locked).await?;
            let tar = git.archive(&commit).await?;
            unpack(tar, unpacked.clone(), loc, &key).await?;
            Some(commit)
        }
        PackageOrigin::Archive { url } => {
            let bytes = archive::download(url).await.map_err(failed)?;
            unpack(Archive::Compressed(bytes), unpacked.clone(), loc, &key).await?;
            None
        }
    };
    let hash = package::hash(&unpacked).map_err(|error| failed(error.to_string()))?;
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
        std::fs::remove_dir_all(&place).map_err(|error| failed(error.to_string()))?;
    }
    std::fs::rename(&unpacked, &place).map_err(|error| failed(error.to_string()))?;
    Ok(LockedPackage { commit, hash })
}
