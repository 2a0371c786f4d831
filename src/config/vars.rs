//! Values for the root module's variables: from files, the command line and the environment.
//!
//! Precedence is Terraform's, weakest first: `PALISADE_VAR_name`, `palisade.vars.hcl`,
//! `palisade.vars.json`, `*.auto.vars.hcl` and `*.auto.vars.json` by name, then `--var` and `--var-file` in the order given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::Expression;
use hcl::edit::structure::Structure;

use super::expr::Expr;
use super::files::{join, read_source};
use super::json_values;
use super::load::LoadOptions;
use super::model::{Module, Supplied, SuppliedBy};
use super::syntax;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::value::json_once;

/// A variable's value on the command line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarArg {
    /// `--var NAME=EXPR`.
    Value {
        /// The variable.
        name: String,
        /// The text after `=`.
        text: String,
    },
    /// `--var-file FILE`, relative to where the user stands.
    File(PathBuf),
}

impl VarArg {
    /// The file that it names.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Value { .. } => None,
            Self::File(path) => Some(path),
        }
    }

    /// Reads the argument of `--var`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self::Value { name: name.trim().to_owned(), text: value.to_owned() })
            }
            _ => Err("it must be `NAME=VALUE`, as in `--var region=eu-west-1`".to_owned()),
        }
    }
}

/// Collects values for the variables of the root module; false when a file or text of them cannot
/// be read, so that some are missing.
pub(super) fn collect(
    module: &Module,
    options: &LoadOptions,
    values: &mut BTreeMap<String, Supplied>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut all = Collector { module, diagnostics, values, complete: true };
    for (name, text) in &options.env_vars {
        // The environment is shared with other configurations: a name that is none is no error.
        if module.variables.contains_key(name) {
            let source = Source::new(format!("PALISADE_VAR_{name}"), text.as_str());
            all.text(name, &source, SuppliedBy::Environment);
        }
    }
    for name in &options.terraform_vars {
        if module.variables.contains_key(name) && !options.env_vars.contains_key(name) {
            all.push(
                Diagnostic::warning(format!("`TF_VAR_{name}` is not read"))
                    .detail("it is a variable of the environment for Terraform")
                    .help(format!("set `PALISADE_VAR_{name}`")),
            );
        }
    }
    let mut auto = BTreeSet::new();
    for entry in fs::read_dir(&module.dir).into_iter().flatten().flatten() {
        if let Some(name) = entry.file_name().to_str()
            && (name.ends_with(".auto.vars.hcl") || name.ends_with(".auto.vars.json"))
            && !name.starts_with('.')
        {
            auto.insert(name.to_owned());
        }
    }
    for name in ["palisade.vars.hcl", "palisade.vars.json"] {
        let default = module.dir.join(name);
        if default.exists() {
            all.file(&default, &join(&module.name, name), SuppliedBy::DefaultFile);
        }
    }
    for name in auto {
        all.file(&module.dir.join(&name), &join(&module.name, &name), SuppliedBy::AutoFile);
    }
    for arg in &options.vars {
        match arg {
            VarArg::File(path) => {
                all.file(path, &path.display().to_string(), SuppliedBy::CommandLine);
            }
            VarArg::Value { name, text } => {
                let source = Source::new(format!("--var {name}"), text.as_str());
                if module.variables.contains_key(name) {
                    all.text(name, &source, SuppliedBy::CommandLine);
                } else {
                    let at = Loc::new(&source, 0..text.len());
                    all.unknown(name, at, "`--var` gives it a value");
                }
            }
        }
    }
    all.complete
}

struct Collector<'a> {
    module: &'a Module,
    diagnostics: &'a mut Diagnostics,
    values: &'a mut BTreeMap<String, Supplied>,
    complete: bool,
}

impl Collector<'_> {
    /// Text for one variable: taken as it is for a string, a number or a bool, else an expression.
    fn text(&mut self, name: &str, source: &Arc<Source>, by: SuppliedBy) {
        let ty = self.module.variables.get(name).and_then(|v| v.ty.as_ref());
        let plain = match ty.map(Expr::node) {
            None => true,
            Some(Expression::Variable(ty)) => {
                matches!(ty.as_str(), "string" | "number" | "bool")
            }
            Some(_) => false,
        };
        let trimmed;
        let (source, parsed) = if plain {
            (source, Ok(literal(source)))
        } else {
            trimmed = Source::new(source.name(), source.text().trim());
            (&trimmed, syntax::parse_expression(&trimmed))
        };
        match parsed {
            Ok(node) => {
                let value = Expr::new(node, source);
                self.values.insert(name.to_owned(), Supplied { value, by });
            }
            Err(diagnostic) => self.unreadable(diagnostic),
        }
    }

    /// A JSON file of values. Its strings are literal: nothing is interpolated in them.
    fn json(&mut self, path: &Path, shown: &str, by: SuppliedBy) {
        let values = read_source(path, shown).and_then(|source| {
            let wrong = |error: serde_json::Error| {
                let at = offset(source.text(), &error);
                let full = error.to_string();
                let reason = full.split(" at line ").next().unwrap_or(&full).to_owned();
                (reason, Loc::new(&source, at..at))
            };
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(source.text())
                .map_err(|error| {
                    let (reason, at) = wrong(error);
                    Diagnostic::error(format!("`{shown}` is not a JSON object"))
                        .at(at)
                        .detail(reason)
                })?;
            json_once::check(source.text()).map_err(|error| {
                let (reason, at) = wrong(error);
                Diagnostic::error(format!("`{shown}`: {reason}"))
                    .at(at)
                    .help("remove one of the two: readers of JSON do not agree on which counts")
            })?;
            Ok(source)
        });
        let source = match values {
            Ok(read) => read,
            Err(diagnostic) => return self.unreadable(diagnostic),
        };
        for member in json_values::members(source.text()) {
            if !self.module.variables.contains_key(&member.name) {
                let at = Loc::new(&source, member.at.clone());
                self.unknown(&member.name, at, "a value is given for it");
                continue;
            }
            match member.expression(&source) {
                Ok(value) => {
                    self.values.insert(member.name, Supplied { value, by });
                }
                Err(diagnostic) => self.unreadable(diagnostic),
            }
        }
    }

    fn file(&mut self, path: &Path, shown: &str, by: SuppliedBy) {
        if path.extension().is_some_and(|e| e == "json") {
            return self.json(path, shown, by);
        }
        let body = read_source(path, shown)
            .and_then(|source| syntax::parse_body(&source).map(|body| (source, body)));
        let (source, body) = match body {
            Ok(read) => read,
            Err(diagnostic) => return self.unreadable(diagnostic),
        };
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = attribute.key.as_str().to_owned();
                    if self.module.variables.contains_key(&name) {
                        let value = Expr::new(attribute.value, &source);
                        self.values.insert(name, Supplied { value, by });
                    } else {
                        let at = Loc::new(&source, attribute.key.span().unwrap_or(0..0));
                        self.unknown(&name, at, "a value is given for it");
                    }
                }
                Structure::Block(block) => self.push(
                    Diagnostic::error("a variables file holds only values")
                        .at(Loc::new(&source, block.ident.span().unwrap_or(0..0)))
                        .detail("not a block")
                        .help("write `name = value`; blocks belong in `*.hcl` files"),
                ),
            }
        }
    }

    /// Values that cannot be read are missing.
    fn unreadable(&mut self, diagnostic: Diagnostic) {
        self.complete = false;
        self.push(diagnostic);
    }

    /// Where some variable is sensitive, an excerpt shows no value: a slip may stand beside it, or in its name.
    fn push(&mut self, diagnostic: Diagnostic) {
        let sensitive = self.module.variables.values().any(|variable| variable.sensitive);
        self.diagnostics.push(if sensitive { diagnostic.without_values() } else { diagnostic });
    }

    fn unknown(&mut self, name: &str, at: Loc, detail: &str) {
        let names: Vec<&str> = self.module.variables.keys().map(String::as_str).collect();
        let help = did_you_mean(name, names)
            .unwrap_or_else(|| format!("declare it with `variable \"{name}\" {{}}`"));
        self.push(
            Diagnostic::error(format!("there is no variable `{name}`"))
                .at(at)
                .detail(detail)
                .help(help),
        );
    }
}

/// Where in a text an error is: by lines from 1, and bytes of the line.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let mut at = start.saturating_add(error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The whole text as a string.
fn literal(source: &Arc<Source>) -> Expression {
    Expression::String(hcl::edit::Decorated::new(source.text().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    #[test]
    fn precedence_is_terraforms() {
        let dir = tempfile::tempdir().expect("tempdir");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("write");
        write(
            "main.hcl",
            "variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {\n  type = list(string)\n}\nvariable \"d\" {}\n",
        );
        write("palisade.vars.hcl", "a = \"file\"\nb = \"file\"\nd = \"file\"\n");
        write("z.auto.vars.hcl", "b = \"z\"\n");
        write("a.auto.vars.hcl", "b = \"a\"\nd = \"auto\"\n");
        write("extra.hclvars", "a = \"extra\"\nd = \"extra\"\n");
        let options = LoadOptions {
            vars: vec![
                VarArg::parse("d=first").expect("var"),
                VarArg::File(dir.path().join("extra.hclvars")),
                VarArg::parse("c= [\"x\"]").expect("var"),
            ],
            env_vars: [
                ("a".to_owned(), "env".to_owned()),
                ("unrelated".to_owned(), "x".to_owned()),
            ]
            .into(),
            ..LoadOptions::default()
        };
        let loaded = load(dir.path(), &options);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let value = |name: &str| loaded.configuration.supplied[name].value.text().to_owned();
        assert_eq!(
            [value("a"), value("b"), value("c"), value("d")],
            ["\"extra\"", "\"z\"", "[\"x\"]", "\"extra\""]
        );
    }

    #[test]
    fn a_key_twice_in_json_is_refused_with_its_place() {
        let dir = tempfile::tempdir().expect("tempdir");
        fs::write(dir.path().join("main.hcl"), "variable \"a\" {}\n").expect("write");
        for text in ["{\n  \"a\": 1,\n  \"a\": 2\n}", "{\n  \"a\":\n {\"n\": 1, \"n\": 2}}"] {
            fs::write(dir.path().join("palisade.vars.json"), text).expect("write");
            let found = load(dir.path(), &LoadOptions::default()).diagnostics;
            let first = found.iter().next().expect("refused");
            assert!(first.summary.contains("occurs twice"), "{}", first.summary);
            assert_eq!(first.loc.as_ref().map(Loc::line), Some(3), "{text}");
        }
    }

    #[test]
    fn unknown_names_are_reported() {
        let dir = tempfile::tempdir().expect("tempdir");
        fs::write(dir.path().join("main.hcl"), "variable \"region\" {}\n").expect("write");
        fs::write(dir.path().join("palisade.vars.hcl"), "regon = 1\nx {\n}\n").expect("write");
        let options = LoadOptions {
            vars: vec![VarArg::parse("zone=1").expect("var")],
            ..LoadOptions::default()
        };
        let found = load(dir.path(), &options).diagnostics;
        let summaries: Vec<&str> = found.iter().map(|d| d.summary.as_str()).collect();
        assert_eq!(
            summaries,
            [
                "there is no variable `regon`",
                "a variables file holds only values",
                "there is no variable `zone`"
            ]
        );
        assert!(VarArg::parse("novalue").is_err());
    }
}
