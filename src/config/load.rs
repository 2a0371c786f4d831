//! Reads a configuration's files and follows its module calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::decode::{self, DecodeTarget, PendingCall};
use super::files::{holds_configuration, join, normal, read_source, reason, repository};
use super::model::{Configuration, Module, ModuleId, Settings};
use super::syntax;
use super::vars::{self, VarArg};
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::schema::ManagedKind;

/// How many files one module may have.
const MAX_FILES: usize = 2_000;
/// How deep module calls may nest.
const MAX_MODULES_DEEP: usize = 32;
/// How many modules a configuration may have.
const MAX_MODULES: usize = 1_000;

/// What loading needs to know beside the directory.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// How the directory is named in messages: empty for the one where the user stands.
    pub display: String,
    /// This program's version, for `required_version`.
    pub version: semver::Version,
    /// `--var` and `--var-file`, in the order given.
    pub vars: Vec<VarArg>,
    /// `PALISADE_VAR_*` variables of the environment: names without the prefix, and values.
    pub env_vars: BTreeMap<String, String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            display: String::new(),
            version: semver::Version::parse(env!("CARGO_PKG_VERSION"))
                .unwrap_or(semver::Version::new(0, 0, 0)),
            vars: Vec::new(),
            env_vars: BTreeMap::new(),
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
    /// The repository's root: nothing outside of it is read.
    boundary: Option<PathBuf>,
    broken: Vec<Loc>,
}

/// Why a file that looks like part of the configuration is not read, and what to write instead.
fn unread(file: &str) -> Option<(&'static str, &'static str)> {
    if file.ends_with(".tfvars") || file.ends_with(".tfvars.json") {
        return Some((
            "variables stand in `palisade.vars.hcl`, `*.auto.vars.hcl` or the same with `.json`",
            "rename it, or name it with `--var-file`",
        ));
    }
    if file.ends_with(".tf.json") || file.ends_with(".hcl.json") {
        return Some(("configuration is written in HCL, not in JSON", "write it as `*.hcl`"));
    }
    None
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
            boundary: None,
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
        self.modules.push(Module {
            id,
            dir: dir.to_path_buf(),
            name: name.to_owned(),
            ..Module::default()
        });
        let mut module =
            Module { id, dir: dir.to_path_buf(), name: name.to_owned(), ..Module::default() };
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

    /// Decodes one file into its module.
    fn read(
        &mut self,
        source: Arc<Source>,
        module: &mut Module,
        calls: &mut BTreeMap<String, PendingCall>,
        root: bool,
    ) {
        match syntax::parse_body(&source) {
            Ok(body) => {
                let mut to = DecodeTarget {
                    module,
                    calls,
                    settings: &mut self.settings,
                    provider: &mut self.provider,
                    broken: &mut self.broken,
                    root,
                    kinds: self.kinds,
                };
                decode::file(body, &source, &mut to, &mut self.diagnostics);
            }
            Err(diagnostic) => self.fail(diagnostic),
        }
        module.sources.push(source);
    }

    /// The configuration files of a directory, by name.
    fn files(&mut self, dir: &Path, name: &str, root: bool) -> Vec<String> {
        let shown = if name.is_empty() { "." } else { name };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(
                    Diagnostic::error(format!("`{shown}` cannot be opened")).detail(reason(&error)),
                );
                return Vec::new();
            }
        };
        let mut files = BTreeSet::new();
        let mut others = BTreeSet::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.fail(
                        Diagnostic::error(format!("`{shown}` cannot be read"))
                            .detail(reason(&error)),
                    );
                    continue;
                }
            };
            let file = entry.file_name();
            let Some(file) = file.to_str() else {
                if Path::new(&file).extension().is_some_and(|e| e == "hcl") {
                    self.fail(Diagnostic::error(format!(
                        "the name of `{}` is not UTF-8 text",
                        join(name, &file.to_string_lossy())
                    )));
                }
                continue;
            };
            let wanted = file.ends_with(".hcl")
                && !file.starts_with('.')
                && !file.ends_with(".test.hcl")
                && !file.ends_with(".vars.hcl");
            if wanted && !entry.path().is_dir() {
                files.insert(file.to_owned());
            } else {
                others.insert(file.to_owned());
            }
        }
        // Beside `*.tf` files they are Terraform's.
        if !others.iter().any(|file| file.ends_with(".tf")) {
            for file in &others {
                if let Some((why, help)) = unread(file) {
                    let warning =
                        Diagnostic::warning(format!("`{}` is not read", join(name, file)));
                    self.diagnostics.push(warning.detail(why).help(help));
                }
            }
        }
        if files.len() > MAX_FILES {
            self.fail(Diagnostic::error(format!(
                "`{shown}` holds {} configuration files, more than {MAX_FILES}",
                files.len()
            )));
            return Vec::new();
        }
        if files.is_empty() && root {
            self.fail(
                Diagnostic::error(format!("`{shown}` holds no configuration"))
                    .detail("there is no `*.hcl` file")
                    .help("name the directory of a configuration with `-C DIR`"),
            );
        }
        files.into_iter().collect()
    }

    fn open(&self, path: &Path, shown: &str) -> Result<Arc<Source>, Diagnostic> {
        if let (Some(boundary), Ok(real)) = (&self.boundary, fs::canonicalize(path))
            && !real.starts_with(boundary)
        {
            return Err(Diagnostic::error(format!("`{shown}` leads out of the repository"))
                .detail("it is a symbolic link")
                .help("keep the file itself in the repository"));
        }
        read_source(path, shown)
    }

    fn follow(
        &mut self,
        dir: &Path,
        name: &str,
        call: &super::CallDecl,
        path: &mut Vec<LoadingModule>,
    ) -> Option<ModuleId> {
        let source = &call.source;
        let text = source.value.as_str();
        let refuse = |summary: String| Diagnostic::error(summary).at(source.loc.clone());
        let local =
            ["./", "../"].iter().any(|p| text.starts_with(p)) || text == "." || text == "..";
        if !local || text.contains('\\') {
            let remote = text.contains("://")
                || text.contains("::")
                || text.starts_with("git@")
                || text.split('/').count() == 3 && !text.starts_with('/');
            self.diagnostics.push(
                refuse(format!("`{text}` is not a local module"))
                    .detail("it must start with `./` or `../`")
                    .help(if remote {
                        "modules are directories of the same repository: copy it there".to_owned()
                    } else {
                        format!("write `./{}`", text.trim_start_matches('/'))
                    }),
            );
            return None;
        }
        let lexical = dir.join(text);
        let shown = normal(&join(name, text));
        let real = match fs::canonicalize(&lexical) {
            Ok(real) if real.is_dir() => real,
            Ok(_) => {
                self.diagnostics.push(
                    refuse(format!("`{text}` is not a directory"))
                        .help("a module is a directory of `*.hcl` files"),
                );
                return None;
            }
            Err(error) => {
                self.diagnostics.push(
                    refuse(format!("module `{text}` cannot be found"))
                        .detail(format!("`{shown}`: {}", reason(&error)))
                        .help("the path is relative to the directory of the file that holds it"),
                );
                return None;
            }
        };
        if !self.inside(dir, text, &real) {
            self.diagnostics.push(
                refuse(format!("module `{text}` lies outside of the configuration"))
                    .detail("it leads out of the repository")
                    .help("copy the module into the repository"),
            );
            return None;
        }
        if let Some(start) = path.iter().position(|step| step.dir == real) {
            self.diagnostics.push(cycle(path.get(start..).unwrap_or_default(), source.loc.clone()));
            return None;
        }
        if let Some(id) = self.by_dir.get(&real) {
            return Some(*id);
        }
        if path.len() >= MAX_MODULES_DEEP || self.modules.len() >= MAX_MODULES {
            let summary = if path.len() >= MAX_MODULES_DEEP {
                format!("modules call each other more than {MAX_MODULES_DEEP} deep")
            } else {
                format!("the configuration has more than {MAX_MODULES} modules")
            };
            self.diagnostics.push(refuse(summary));
            return None;
        }
        if !holds_configuration(&real) {
            self.diagnostics.push(
                refuse(format!("module `{text}` is empty"))
                    .detail(format!("`{shown}` holds no `*.hcl` file")),
            );
            return None;
        }
        Some(self.module(&real, &shown, path))
    }

    /// Whether a module's real directory is one that the configuration may read: in the same
    /// repository, or, where there is none, not behind a symbolic link that leads elsewhere.
    fn inside(&self, dir: &Path, text: &str, real: &Path) -> bool {
        if let Some(boundary) = &self.boundary {
            return real.starts_with(boundary);
        }
        // `dir` is canonical, so going up from it is exact.
        let mut common = dir.to_path_buf();
        for component in Path::new(text).components() {
            match component {
                Component::ParentDir => {
                    common.pop();
                }
                Component::CurDir => {}
                _ => break,
            }
        }
        real.starts_with(&common)
    }

    /// Checks that calls give modules what they take.
    fn check_calls(&mut self) {
        let mut found = Vec::new();
        for module in &self.modules {
            for call in module.calls.values() {
                let Some(callee) = self.modules.get(call.module.0) else { continue };
                let name = &call.name.value;
                for (arg, attr) in &call.args {
                    if callee.variables.contains_key(arg) {
                        continue;
                    }
                    let names: Vec<&str> = callee.variables.keys().map(String::as_str).collect();
                    let help = did_you_mean(arg, names.iter().copied()).unwrap_or_else(|| {
                        if names.is_empty() {
                            "the module has no variables".to_owned()
                        } else {
                            format!("its variables are {}", names.join(", "))
                        }
                    });
                    found.push(
                        Diagnostic::error(format!("`module.{name}` has no variable `{arg}`"))
                            .at(attr.name_loc.clone())
                            .detail(format!("`{}` declares none of that name", callee.name))
                            .help(help),
                    );
                }
                for variable in callee.variables.values() {
                    let given = call.args.contains_key(&variable.name.value);
                    if given || variable.default.is_some() {
                        continue;
                    }
                    found.push(
                        Diagnostic::error(format!(
                            "`module.{name}` needs `{}`",
                            variable.name.value
                        ))
                        .at(call.loc.clone())
                        .detail("a variable without a default is not given")
                        .related(variable.loc.clone(), "declared here")
                        .help(match &variable.description {
                            Some(text) => format!("`{}`: {}", variable.name.value, text.trim()),
                            None => format!("add `{} = ...`", variable.name.value),
                        }),
                    );
                }
            }
        }
        // A module of which a file is unreadable may declare what seems to be missing.
        if self.complete {
            self.diagnostics.extend(found);
        }
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

fn cycle(steps: &[LoadingModule], at: Loc) -> Diagnostic {
    let shown = |step: &LoadingModule| {
        if step.name.is_empty() { ".".to_owned() } else { step.name.clone() }
    };
    let mut chain: Vec<String> = steps.iter().map(shown).collect();
    chain.extend(steps.first().map(shown));
    let mut diagnostic = Diagnostic::error("modules call each other in a circle")
        .at(at.clone())
        .detail(chain.join(" -> "))
        .help("take what both need out into a third module");
    for step in steps {
        if let Some(call) = &step.call
            && *call != at
        {
            diagnostic = diagnostic.related(call.clone(), "the circle goes through this call");
        }
    }
    diagnostic
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
            (".hidden.hcl", "?"),
            ("x.test.hcl", "?"),
            ("sub/c.hcl", "?"),
            ("notes.txt", "?"),
            ("d.hcl/inner.hcl", "?"),
        ]);
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        let names: Vec<_> = found.configuration.sources().map(|s| s.name().to_owned()).collect();
        assert_eq!(names, ["a.hcl", "b.hcl"]);
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
