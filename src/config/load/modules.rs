//! Module calls: which directory a call means, whether it may be read, and whether calls give modules what they take.

use std::fs;
use std::path::{Component, Path};

use super::super::files::{holds_configuration, join, normal, reason};
use super::super::model::ModuleId;
use super::super::package::{SHAPES, is_remote, may_hold_credentials};
use super::{Loader, LoadingModule};
use crate::diag::{Diagnostic, Loc, did_you_mean};

/// How deep module calls may nest.
const MAX_MODULES_DEEP: usize = 32;

/// How many modules a configuration may have.
const MAX_MODULES: usize = 1_000;

impl Loader {
    pub(super) fn follow(
        &mut self,
        dir: &Path,
        name: &str,
        call: &super::super::CallDecl,
        path: &mut Vec<LoadingModule>,
    ) -> Option<ModuleId> {
        let source = &call.source;
        let text = source.value.as_str();
        let refuse = |summary: String| Diagnostic::error(summary).at(source.loc.clone());
        let local =
            ["./", "../"].iter().any(|p| text.starts_with(p)) || text == "." || text == "..";
        let remote = !local && is_remote(text);
        if !local && !remote || text.contains('\\') {
            if may_hold_credentials(text) {
                self.diagnostics.push(
                    Diagnostic::error("this is no source of a module")
                        .at(source.loc.clone().without_values())
                        .detail("it holds backslashes"),
                );
                return None;
            }
            let plain = text.trim_start_matches('/');
            let refused = refuse(format!("`{text}` is no source of a module"));
            let is_there = dir.join(plain).is_dir();
            self.diagnostics.push(if text.contains('\\') {
                refused.detail("it holds backslashes").help("write `/` between directories")
            } else if text.starts_with('/') && !is_there {
                refused.detail("it is a path of this machine alone").help(SHAPES)
            } else {
                let is_host = plain.split('/').next().is_some_and(|first| first.contains('.'));
                let help = match is_there || !is_host {
                    true => format!("write `./{plain}`"),
                    false => SHAPES.to_owned(),
                };
                refused.detail("a local module must start with `./` or `../`").help(help)
            });
            return None;
        }
        let (lexical, shown) = if remote {
            self.fetched(dir, source)?
        } else {
            (dir.join(text), normal(&join(name, text)))
        };
        let real = match fs::canonicalize(&lexical) {
            Ok(real) if real.is_dir() => real,
            Ok(_) => {
                self.diagnostics.push(
                    refuse(format!("`{text}` is not a directory"))
                        .help("a module is a directory of `*.hcl` files"),
                );
                return None;
            }
            Err(_) if !self.packages.links_at(&lexical).is_empty() => {
                self.diagnostics.push(
                    refuse(format!("module `{text}` is behind a symbolic link"))
                        .detail("packages are unpacked without symbolic links")
                        .help("name the directory that the link leads to"),
                );
                return None;
            }
            Err(error) => {
                self.diagnostics.push(
                    refuse(format!("module `{text}` cannot be found"))
                        .detail(format!("`{shown}`: {}", reason(&error)))
                        .help(match remote {
                            true => {
                                "what follows `//` starts at the root of the repository or archive"
                            }
                            false => {
                                "the path is relative to the directory of the file that holds it"
                            }
                        }),
                );
                return None;
            }
        };
        if let Some(package) = self.packages.around(if remote { &lexical } else { dir }) {
            if !real.starts_with(&package) {
                self.diagnostics.push(
                    refuse(format!("module `{text}` lies outside of its package"))
                        .detail("a module that was fetched calls what was fetched with it, or an address")
                        .help("use another version of the module, or copy it into the repository"),
                );
                return None;
            }
        } else if !self.inside(dir, text, &real) {
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
        let links = self.packages.links_at(&real);
        if let Some(link) = links.iter().find(|link| link.extension().is_some_and(|e| e == "hcl")) {
            self.diagnostics.push(
                refuse(format!("the file `{}` of the module `{text}` is a symbolic link", link.display()))
                    .detail("packages are unpacked without symbolic links")
                    .help("use a version of the module that holds the file itself, or copy it into the repository"),
            );
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
    pub(super) fn inside(&self, dir: &Path, text: &str, real: &Path) -> bool {
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
    pub(super) fn check_calls(&mut self) {
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
}

pub(super) fn cycle(steps: &[LoadingModule], at: Loc) -> Diagnostic {
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
