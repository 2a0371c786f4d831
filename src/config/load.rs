//! Reads a configuration's files and follows its module calls.

mod directory;
mod modules;
mod packages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::packages::MissingPackage;
use self::packages::Packages;
use super::decode::PendingCall;
use super::files::{join, reason, repository};
use super::model::{Configuration, Module, ModuleId, Settings};
use super::package::ModuleLock;
use super::vars::{self, VarArg};
use crate::diag::{Diagnostic, Diagnostics, Loc, Source};
use crate::schema::ManagedKind;

/// What loading needs to know beside the directory.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// How the directory is named in messages: empty for the one where the user stands.
    pub display: String,
    /// This program's version, for `required_version`.
    pub version: semver::Version,
    /// `--var` and `--var-file`, in the order given.
    pub vars: Vec<VarArg>,
    /// The lock of modules from elsewhere, in place of the file's: `init` has one that is about to be written.
    pub lock: Option<ModuleLock>,
    /// `PALISADE_VAR_*` variables of the environment: names without the prefix, and values.
    pub env_vars: BTreeMap<String, String>,
    /// Names of `TF_VAR_*` variables of the environment, without the prefix: what Terraform would read.
    pub terraform_vars: BTreeSet<String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            display: String::new(),
            version: semver::Version::parse(env!("CARGO_PKG_VERSION"))
                .unwrap_or(semver::Version::new(0, 0, 0)),
            vars: Vec::new(),
            lock: None,
            env_vars: BTreeMap::new(),
            terraform_vars: BTreeSet::new(),
        }
    }
}

/// What loading yields.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, as far as it could be read.
    pub configuration: Configuration,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// Whether every file was parsed and every module found: only then is it worth looking for
    /// unknown references.
    pub complete: bool,
    /// Packages of modules that have to be fetched first.
    pub missing: Vec<MissingPackage>,
    /// Those that it uses, by [`super::package::PackageSource::key`].
    pub packages: BTreeSet<String>,
    /// Whole ranges of the blocks in which something is wrong.
    broken: Vec<Loc>,
}

impl Loaded {
    /// Of what a later pass found, what is news: not inside a block that is known to be wrong, nor
    /// at a place where something was found already.
    #[must_use]
    pub fn not_reported(&self, diagnostics: Diagnostics) -> Diagnostics {
        let known: Vec<Loc> = self.diagnostics.iter().filter_map(|d| d.loc.clone()).collect();
        let inside = |loc: &Loc, whole: &Loc| {
            loc.file() == whole.file()
                && whole.span().start <= loc.span().start
                && loc.span().end <= whole.span().end
        };
        diagnostics
            .into_iter()
            .filter(|d| {
                d.loc.as_ref().is_none_or(|loc| {
                    !known.contains(loc) && !self.broken.iter().any(|b| inside(loc, b))
                })
            })
            .collect()
    }

    /// The configuration and the warnings.
    ///
    /// # Errors
    /// All findings, when one of them is an error.
    pub fn into_result(self) -> Result<(Configuration, Diagnostics), Diagnostics> {
        if self.diagnostics.has_errors() {
            Err(self.diagnostics)
        } else {
            Ok((self.configuration, self.diagnostics))
        }
    }
}

/// Loads the configuration of a directory.
#[must_use]
pub fn load(dir: &Path, options: &LoadOptions) -> Loaded {
    crate::stack::deep(|| load_here(dir, options))
}

/// Loads a configuration that consists of texts, without looking at any file: for tools and tests.
/// It can call no modules.
#[must_use]
pub fn load_sources(sources: impl IntoIterator<Item = Arc<Source>>) -> Loaded {
    let mut loader = Loader::new();
    let mut module = Module::default();
    let mut calls = BTreeMap::new();
    for source in sources {
        let (module, calls) = (&mut module, &mut calls);
        crate::stack::deep(|| loader.read(source, module, calls, true));
    }
    for PendingCall { call } in calls.into_values() {
        loader.fail(
            Diagnostic::error(format!("module `{}` cannot be found", call.source.value))
                .at(call.source.loc)
                .detail("there are no directories here"),
        );
    }
    loader.modules.push(module);
    loader.finish(BTreeMap::new())
}

fn load_here(dir: &Path, options: &LoadOptions) -> Loaded {
    let mut loader = Loader::new();
    let mut supplied = BTreeMap::new();
    match fs::canonicalize(dir) {
        Ok(root) if root.is_dir() => {
            loader.boundary = repository(&root);
            loader.packages = Packages::of(&root, options.lock.clone());
            let named = options.vars.iter().filter_map(VarArg::file);
            loader.named = named.filter_map(|file| fs::canonicalize(file).ok()).collect();
            loader.module(&root, &options.display, &mut Vec::new());
            loader.check_calls();
            loader.check_version(&options.version);
            if let Some(module) = loader.modules.first() {
                loader.complete &=
                    vars::collect(module, options, &mut supplied, &mut loader.diagnostics);
            }
        }
        Ok(_) => loader.fail(Diagnostic::error(format!("`{}` is not a directory", dir.display()))),
        Err(error) => loader.fail(
            Diagnostic::error(format!("`{}` cannot be opened", dir.display()))
                .detail(reason(&error))
                .help("name a directory that holds `*.hcl` files with `-C DIR`"),
        ),
    }
    loader.finish(supplied)
}

struct Loader {
    kinds: &'static [&'static dyn ManagedKind],
    diagnostics: Diagnostics,
    complete: bool,
    modules: Vec<Module>,
    by_dir: BTreeMap<PathBuf, ModuleId>,
    settings: Settings,
    provider: Option<super::RawBlock>,
    /// The files that `--var-file` names.
    named: BTreeSet<PathBuf>,
    /// The repository's root: nothing outside of it is read.
    boundary: Option<PathBuf>,
    packages: Packages,
    broken: Vec<Loc>,
}

/// A module that is being loaded: its directory, its name, and the call that led to it.
struct LoadingModule {
    dir: PathBuf,
    name: String,
    call: Option<Loc>,
}

impl Loader {
    fn new() -> Self {
        Self {
            kinds: crate::schema::kinds(),
            diagnostics: Diagnostics::new(),
            complete: true,
            modules: Vec::new(),
            by_dir: BTreeMap::new(),
            settings: Settings::default(),
            provider: None,
            named: BTreeSet::new(),
            boundary: None,
            packages: Packages::default(),
            broken: Vec::new(),
        }
    }

    fn finish(mut self, supplied: BTreeMap<String, super::Supplied>) -> Loaded {
        if self.modules.is_empty() {
            self.modules.push(Module::default());
        }
        Loaded {
            configuration: Configuration {
                modules: self.modules,
                settings: self.settings,
                provider: self.provider,
                supplied,
            },
            diagnostics: self.diagnostics,
            complete: self.complete,
            packages: self.packages.used(),
            missing: self.packages.missing,
            broken: self.broken,
        }
    }

    fn fail(&mut self, diagnostic: Diagnostic) {
        self.complete = false;
        self.diagnostics.push(diagnostic);
    }

    /// Loads the module of a directory and all that it calls.
    fn module(&mut self, dir: &Path, name: &str, path: &mut Vec<LoadingModule>) -> ModuleId {
        let id = ModuleId(self.modules.len());
        self.by_dir.insert(dir.to_path_buf(), id);
        let mut module = Module {
            id,
            dir: dir.to_path_buf(),
            package: self.packages.around(dir),
            name: name.to_owned(),
            ..Module::default()
        };
        self.modules.push(module.clone());
        let mut calls = BTreeMap::new();
        let root = id == Configuration::ROOT;
        for file in self.files(dir, name, root) {
            let shown = join(name, &file);
            let source = match self.open(&dir.join(&file), &shown) {
                Ok(source) => source,
                Err(diagnostic) => {
                    self.fail(diagnostic);
                    continue;
                }
            };
            self.read(source, &mut module, &mut calls, root);
        }
        path.push(LoadingModule { dir: dir.to_path_buf(), name: name.to_owned(), call: None });
        for (label, PendingCall { mut call }) in calls {
            if let Some(last) = path.last_mut() {
                last.call = Some(call.source.loc.clone());
            }
            match self.follow(dir, name, &call, path) {
                Some(id) => {
                    call.module = id;
                    module.calls.insert(label, call);
                }
                None => self.complete = false,
            }
        }
        path.pop();
        if let Some(slot) = self.modules.get_mut(id.0) {
            *slot = module;
        }
        id
    }

    fn check_version(&mut self, version: &semver::Version) {
        if let Some(required) = &self.settings.required_version
            && !required.value.matches(version)
        {
            self.diagnostics.push(
                Diagnostic::error(format!(
                    "this configuration needs another version of Palisade than {version}"
                ))
                .at(required.loc.clone())
                .detail(format!("`{}` is required", required.value))
                .help("install a version that fits, or change `required_version`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_FILE;
    use super::*;

    fn write(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().expect("a file has a parent")).expect("mkdir");
            fs::write(path, text).expect("write");
        }
    }

    fn loaded(files: &[(&str, &str)]) -> Loaded {
        let dir = tempfile::tempdir().expect("tempdir");
        write(dir.path(), files);
        load(dir.path(), &LoadOptions::default())
    }

    fn summaries(files: &[(&str, &str)]) -> Vec<String> {
        loaded(files).diagnostics.iter().map(|d| d.summary.clone()).collect()
    }

    #[test]
    fn which_files_belong_to_a_configuration() {
        let found = loaded(&[
            ("a.hcl", "\u{feff}locals {\n  a = 1\n}\n"),
            ("b.hcl", "locals {\n  b = 2\n}\n"),
            ("c.hcl", "\u{feff}\n# nothing yet\n"),
            (".hidden.hcl", "?"),
            ("x.test.hcl", "?"),
            ("sub/c.hcl", "?"),
            ("notes.txt", "?"),
            ("d.hcl/inner.hcl", "?"),
        ]);
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        let names: Vec<_> = found.configuration.sources().map(|s| s.name().to_owned()).collect();
        assert_eq!(names, ["a.hcl", "b.hcl", "c.hcl"]);
        assert_eq!(found.configuration.root().locals.len(), 2);
    }

    #[test]
    fn every_broken_file_is_reported() {
        let found = summaries(&[("a.hcl", "a = \n"), ("b.hcl", "}\n"), ("c.hcl", "locals {}\n")]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        fs::write(dir.path().join("a.hcl"), b"locals {\n  a = \"\xff\"\n}\n").expect("write");
        let found = load(dir.path(), &LoadOptions::default()).diagnostics;
        assert_eq!(
            found.iter().next().map(|d| d.summary.as_str()),
            Some("`a.hcl` is not UTF-8 text")
        );
        let file = fs::File::create(dir.path().join("a.hcl")).expect("create");
        file.set_len(MAX_FILE + 1).expect("grow");
        let found = load(dir.path(), &LoadOptions::default()).diagnostics;
        assert_eq!(found.iter().next().map(|d| d.summary.as_str()), Some("`a.hcl` cannot be read"));
    }

    #[test]
    fn modules_are_loaded_once_and_circles_are_told() {
        let call = |source: &str| format!("module \"m\" {{\n  source = \"{source}\"\n}}\n");
        let found = loaded(&[
            ("main.hcl", &(call("./a") + "module \"n\" {\n  source = \"./b\"\n}\n")),
            ("a/main.hcl", &call("../b")),
            ("b/main.hcl", "locals {}\n"),
        ]);
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        assert_eq!(found.configuration.modules.len(), 3);
        let found = loaded(&[
            ("main.hcl", &call("./a")),
            ("a/main.hcl", &call("../a/../b")),
            ("b/main.hcl", &call("../a")),
        ]);
        let cycle = found.diagnostics.iter().next().expect("a cycle");
        assert_eq!(cycle.detail.as_deref(), Some("a -> b -> a"));
    }

    #[test]
    #[cfg(unix)]
    fn a_module_behind_a_link_out_of_the_tree_is_refused() {
        let outside = tempfile::tempdir().expect("tempdir");
        write(outside.path(), &[("main.hcl", "locals {}\n")]);
        let dir = tempfile::tempdir().expect("tempdir");
        write(dir.path(), &[("main.hcl", "module \"m\" {\n  source = \"./m\"\n}\n")]);
        std::os::unix::fs::symlink(outside.path(), dir.path().join("m")).expect("link");
        let found = load(dir.path(), &LoadOptions::default()).diagnostics;
        assert_eq!(found.len(), 1, "{found:?}");
        fs::create_dir(dir.path().join(".git")).expect("mkdir");
        std::os::unix::fs::symlink(outside.path().join("main.hcl"), dir.path().join("x.hcl"))
            .expect("link");
        let found = load(dir.path(), &LoadOptions::default()).diagnostics;
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
