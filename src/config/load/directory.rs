//! The files of one directory: which of them are configuration, and reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::decode::{self, DecodeTarget, PendingCall};
use super::super::files::{join, read_source, reason};
use super::super::model::Module;
use super::super::syntax;
use super::Loader;
use crate::diag::{Diagnostic, Source};

/// How many files one module may have.
const MAX_FILES: usize = 2_000;

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

impl Loader {
    /// Decodes one file into its module.
    pub(super) fn read(
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
    pub(super) fn files(&mut self, dir: &Path, name: &str, root: bool) -> Vec<String> {
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
            let is_read = |file: &&String| {
                fs::canonicalize(dir.join(file)).is_ok_and(|file| self.named.contains(&file))
            };
            let left_out: Vec<&String> = others.iter().filter(|file| !is_read(file)).collect();
            for file in left_out {
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

    pub(super) fn open(&self, path: &Path, shown: &str) -> Result<Arc<Source>, Diagnostic> {
        if let (Some(boundary), Ok(real)) = (&self.boundary, fs::canonicalize(path))
            && !real.starts_with(boundary)
            && !self.packages.hold(&real)
        {
            return Err(Diagnostic::error(format!("`{shown}` leads out of the repository"))
                .detail("it is a symbolic link")
                .help("keep the file itself in the repository"));
        }
        read_source(path, shown)
    }
}
