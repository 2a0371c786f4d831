//! What releases put into environments: config values under the schema `release`.
//!
//! A release's entry environment takes the values from configuration, every other one what is
//! recorded for it. Either way they become parameters like any others, `/ESTATE/ENVIRONMENT/release/NAME/KEY`.

use std::collections::BTreeMap;

use crate::address::ResourceAddr;
use crate::config::RawBlock;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::environments::config_values::{Entry, item_loc};
use crate::eval::estate::{Estate, ReleaseDecl};
use crate::eval::evaluator::Evaluator;
use crate::eval::release::{DIGEST_KEY, Release, SCHEMA};
use crate::value::{PlainValue, Value};

impl Evaluator<'_> {
    /// Labels of all `release` blocks.
    pub(in crate::eval) fn release_names(&self) -> impl Iterator<Item = &str> {
        let declarations = self.config.root().declarations.keys();
        declarations.filter(|(ty, _)| ty == "release").map(|(_, name)| name.as_str())
    }

    pub(in crate::eval) fn release_block(&self, name: &str) -> Option<&RawBlock> {
        self.config.root().declarations.get(&("release".to_owned(), name.to_owned()))
    }

    fn release_attr(&self, name: &str, attr: &str, loc: &Loc) -> Result<Value, Diagnostics> {
        self.declaration_attr(&ResourceAddr::new("release", name), attr, loc)
    }

    /// The environment that takes the values of a release from configuration.
    fn entry_of(&self, name: &str, loc: &Loc) -> Result<Option<String>, Diagnostics> {
        Ok(match self.release_attr(name, "entry", loc)?.reveal() {
            Value::Block(block) => Some(block.address.name.clone()),
            _ => None,
        })
    }

    /// The release that stands in an environment.
    pub(in crate::eval) fn release_in(
        &self,
        environment: &str,
        name: &str,
        loc: &Loc,
    ) -> Result<Option<Release>, Diagnostics> {
        if self.entry_of(name, loc)?.as_deref() == Some(environment) {
            let values = self.release_attr(name, "values", loc)?;
            return self.configured(name, &values, loc).map(Some);
        }
        Ok(self.known.release(environment, name))
    }

    /// A release of configured values.
    fn configured(&self, name: &str, given: &Value, loc: &Loc) -> Result<Release, Diagnostics> {
        let expr = self.release_block(name).and_then(|b| b.body.get("values"));
        let whole = expr.map_or_else(|| loc.clone(), crate::config::Expr::loc);
        let mut diagnostics = Diagnostics::new();
        let mut values = BTreeMap::new();
        if given.is_unknown() || matches!(given, Value::Sensitive(_)) {
            diagnostics.push(unfit("values", given, whole));
            return Err(diagnostics);
        }
        for (key, value) in given.as_map().into_iter().flatten() {
            let at = expr.and_then(|e| item_loc(e, key)).unwrap_or_else(|| whole.clone());
            if key == DIGEST_KEY {
                diagnostics.push(
                    Diagnostic::error(format!("a release cannot have a value `{DIGEST_KEY}`"))
                        .at(at)
                        .help("that name holds the release's own digest; choose another"),
                );
            } else if value.holds_secret() || value.has_sensitive() || value.has_unknown() {
                diagnostics.push(unfit(key, value, at));
            } else if !value.is_null() {
                values.insert(key.clone(), PlainValue::shown(value));
            }
        }
        diagnostics.into_result(Release::new(name, values))
    }

    /// Fills [`Estate::releases`].
    pub(in crate::eval) fn releases(&self, estate: &mut Estate, errors: &mut Diagnostics) {
        let root = self.config.root();
        for ((_, name), block) in root.declarations.iter().filter(|((ty, _), _)| ty == "release") {
            // What cannot be evaluated at all is reported where the whole block is.
            let (Ok(Some(entry)), Ok(values)) =
                (self.entry_of(name, &block.loc), self.release_attr(name, "values", &block.loc))
            else {
                continue;
            };
            match self.configured(name, &values, &block.loc) {
                Ok(configured) => {
                    let declared = ReleaseDecl { entry, configured, loc: block.loc.clone() };
                    estate.releases.insert(name.clone(), declared);
                }
                Err(more) => errors.extend(more),
            }
        }
    }

    /// What stands in one environment, as config values.
    pub(in crate::eval) fn release_entries(
        &self,
        environment: &str,
        estate: &Estate,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (name, declared) in &estate.releases {
            let stands = if declared.entry == environment {
                Some(declared.configured.clone())
            } else {
                self.known.release(environment, name)
            };
            let Some(release) = stands else { continue };
            let expr = self.release_block(name).and_then(|b| b.body.get("values"));
            let mut entry = |key: &str, value: Value| {
                let at = expr.and_then(|e| item_loc(e, key));
                entries.push(Entry {
                    schema: SCHEMA.to_owned(),
                    key: format!("{name}/{key}"),
                    value,
                    secret: false,
                    kms_key: None,
                    loc: at.unwrap_or_else(|| declared.loc.clone()),
                    is_refused: false,
                });
            };
            for (key, value) in &release.values {
                entry(key, Value::clone(value));
            }
            entry(DIGEST_KEY, Value::string(release.digest.as_str()));
        }
        entries
    }
}

fn unfit(key: &str, value: &Value, at: Loc) -> Diagnostic {
    let (what, help) = if value.has_unknown() {
        (
            "is not known before apply",
            "a release is named by the digest of its values: use values that are configured",
        )
    } else {
        (
            "is a secret",
            "a release is written down in the open; keep secrets in an environment's `config`",
        )
    };
    Diagnostic::error(format!("`{key}` of a release {what}")).at(at).help(help)
}
