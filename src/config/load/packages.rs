//! Modules from elsewhere, as they lie where `init` has fetched them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::super::files::join;
use super::super::package::{self, LOCK_FILE, ModuleLock, PackageSource, place};
use super::Loader;
use crate::diag::{Diagnostic, Loc};
use crate::schema::Spanned;

/// A package that a configuration calls for and that is not there as the lock file has it.
#[derive(Clone, Debug)]
pub struct MissingPackage {
    /// What it is.
    pub source: PackageSource,
    /// The call that asks for it.
    pub loc: Loc,
    /// Whether a module asks for it that was fetched itself.
    pub from_package: bool,
}

/// The packages of a configuration.
#[derive(Default)]
pub(super) struct Packages {
    root: PathBuf,
    lock: Option<Result<ModuleLock, String>>,
    /// Those that were looked at: where they lie, or `None` where they are missing.
    known: BTreeMap<String, Option<PathBuf>>,
    pub(super) missing: Vec<MissingPackage>,
}

impl Packages {
    pub(super) fn of(root: &Path, lock: Option<ModuleLock>) -> Self {
        Self { root: root.to_path_buf(), lock: lock.map(Ok), ..Self::default() }
    }

    pub(super) fn used(&self) -> BTreeSet<String> {
        self.known.keys().cloned().collect()
    }

    /// The package that a directory lies in.
    pub(super) fn around(&self, dir: &Path) -> Option<PathBuf> {
        // It may be a link to a cache; the directories of modules are canonical.
        let all = package::packages(&self.root);
        let all = fs::canonicalize(&all).unwrap_or(all);
        let first = dir.strip_prefix(&all).ok()?.components().next()?;
        Some(all.join(first))
    }

    /// Which symbolic links of a package were left out that lie in this directory, or are it or a directory around it.
    pub(super) fn links_at(&self, dir: &Path) -> Vec<PathBuf> {
        let Some(package) = self.around(dir) else { return Vec::new() };
        let Ok(within) = dir.strip_prefix(&package) else { return Vec::new() };
        let all = package::links_left_out(&package).into_iter();
        all.filter(|link| within.starts_with(link) || link.parent() == Some(within)).collect()
    }

    /// Whether a file, by its real path, lies in a package that is what the lock file names.
    pub(super) fn hold(&self, file: &Path) -> bool {
        let name = |path: &Path| path.file_name().map(ToOwned::to_owned);
        self.around(file).is_some_and(|package| {
            self.known.values().flatten().any(|known| name(known) == name(&package))
        })
    }
}

impl Loader {
    /// The directory that a source from elsewhere means, and how it is shown; what is wrong is reported.
    pub(super) fn fetched(
        &mut self,
        dir: &Path,
        source: &Spanned<String>,
    ) -> Option<(PathBuf, String)> {
        let text = source.value.as_str();
        let refuse = |summary: String| Diagnostic::error(summary).at(source.loc.clone());
        let parsed = match PackageSource::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let refused = match error.holds_credentials {
                    true => Diagnostic::error("this is no source of a module")
                        .at(source.loc.clone().without_values()),
                    false => refuse(format!("`{text}` is no source of a module")),
                };
                self.diagnostics.push(refused.detail(error.detail).help(error.help));
                return None;
            }
        };
        let from_package = self.packages.around(dir).is_some();
        let lock = self.packages.lock.get_or_insert_with(|| ModuleLock::read(&self.packages.root));
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) => {
                self.diagnostics.push(
                    refuse(format!("`{LOCK_FILE}` cannot be read")).detail(error.clone()).help(
                        "take it from version control again, or remove it and run `palisade init`",
                    ),
                );
                return None;
            }
        };
        let key = parsed.key();
        let locked = lock.modules.get(&key);
        let root = &self.packages.root;
        let known = self.packages.known.entry(key.clone()).or_insert_with(|| {
            let place = place(root, &key);
            // What is read is what the lock says, whoever was at the directory meanwhile.
            let is_it = locked.is_some_and(|l| package::hash(&place).is_ok_and(|h| h == l.hash));
            is_it.then_some(place)
        });
        let Some(place) = known.clone().map(|place| fs::canonicalize(&place).unwrap_or(place))
        else {
            let why = match locked {
                None => format!("`{LOCK_FILE}` does not name it"),
                Some(_) if package::place(root, &key).is_dir() => {
                    match package::hash(&package::place(root, &key)) {
                        Ok(_) => format!("what lies there is not what `{LOCK_FILE}` names"),
                        Err(error) => format!("what lies there cannot be read: {error}"),
                    }
                }
                Some(_) => "it is not there".to_owned(),
            };
            self.diagnostics.push(
                refuse(format!("the module `{text}` is not fetched"))
                    .detail(why)
                    .help("run `palisade init`: nothing else opens a connection for modules"),
            );
            let missing = MissingPackage { source: parsed, loc: source.loc.clone(), from_package };
            self.packages.missing.push(missing);
            return None;
        };
        let root = self.modules.first().map_or("", |module| module.name.as_str());
        let shown = join(&join(root, &package::relative_place(&key)), &parsed.directory);
        Some((place.join(parsed.directory), shown.trim_end_matches('/').to_owned()))
    }
}
