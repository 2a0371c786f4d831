//! What an evaluation is asked for from outside: all of it, or the part that a run needs now.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{CONFIG_KIND, ResourceAddr};
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::{Estate, Instance, Output, ProviderSettings};
use crate::eval::evaluator::{Evaluator, lock};
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::syntax::evaluate_text;
use crate::eval::value_source::ValueSource;
use crate::ids::Handle;

/// Evaluates a whole configuration.
///
/// # Errors
/// Everything that is wrong in it, as far as one run finds.
pub fn evaluate_configuration(
    config: &Configuration,
    known: &dyn ValueSource,
) -> Result<Estate, Diagnostics> {
    Evaluator::new(config, known).estate()
}

impl<'c> Evaluator<'c> {
    /// Evaluates everything.
    ///
    /// # Errors
    /// Everything that is wrong in the configuration, as far as one run finds.
    pub fn estate(&self) -> Result<Estate, Diagnostics> {
        let _turn = self.turn();
        let _span = tracing::info_span!("evaluate").entered();
        crate::stack::deep(|| {
            let mut diagnostics = Diagnostics::new();
            let mut estate = self.assemble(&mut diagnostics);
            diagnostics.extend(std::mem::take(&mut estate.warnings));
            estate.lookups = self.unread_lookups();
            let missing = std::mem::take(&mut *lock(&self.missing));
            if !estate.lookups.is_empty() || !missing.is_empty() {
                // What waits for them is evaluated once they are read; what cannot be read is told as such.
                let (waiting, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
                    diagnostics.into_iter().partition(|d| d.needs_value);
                diagnostics = others.into_iter().collect();
                estate.unevaluated = waiting.into_iter().collect();
            }
            estate.missing.clone_from(&missing);
            diagnostics.extend(missing.into_values().map(Diagnostic::into_warning));
            let (estate, warnings) = diagnostics.with_warnings(estate)?;
            Ok(Estate { warnings, ..estate })
        })
    }

    /// Evaluates what says which walls there are: accounts, environments and rules, with what these refer to. Nothing is
    /// looked up for it, so what waits for a lookup is an error.
    ///
    /// # Errors
    /// Everything that is wrong in that part.
    pub fn walls(&self) -> Result<Estate, Diagnostics> {
        const WRITE_IT: &str = "nothing is looked up here: write the value itself";
        let _turn = self.turn();
        crate::stack::deep(|| {
            let mut diagnostics = Diagnostics::new();
            let estate = self.assemble_walls(&mut diagnostics);
            let told =
                diagnostics.into_iter().map(|one| match one.needs_value && one.help.is_none() {
                    true => one.help(WRITE_IT),
                    false => one,
                });
            let (estate, warnings) = told.collect::<Diagnostics>().with_warnings(estate)?;
            Ok(Estate { warnings, ..estate })
        })
    }

    /// The `provider` block alone: what it takes to reach AWS, before anything else is evaluated.
    ///
    /// # Errors
    /// What is wrong in it, or needs what is not known yet.
    pub fn provider_settings(&self) -> Result<ProviderSettings, Diagnostics> {
        let _turn = self.turn();
        crate::stack::deep(|| self.provider().map(|settings| (*settings).clone()))
    }

    /// The handles of accounts, as far as they can be told before the rest is evaluated. What is wrong
    /// is left for [`Evaluator::estate`] to report.
    #[must_use]
    pub fn account_handles(&self) -> BTreeSet<Handle> {
        let _turn = self.turn();
        crate::stack::deep(|| {
            self.expand_modules(&mut Diagnostics::new());
            self.all_objects().iter().filter_map(|object| object.handle.clone()).collect()
        })
    }

    /// Evaluates one instance, or evaluates it again after more became known ([`Evaluator::known_moved`]).
    /// Of everything else only what it refers to is evaluated.
    ///
    /// # Errors
    /// There is no such instance, or what is wrong in it.
    pub fn resolve(&self, address: &ResourceAddr) -> Result<Instance, Diagnostics> {
        let _turn = self.turn();
        crate::stack::deep(|| {
            if address.kind == CONFIG_KIND {
                return self.resolve_config(address);
            }
            let object = self.object_at(address).or_else(|| {
                self.expand_modules(&mut Diagnostics::new());
                self.object_at(address)
            });
            match object {
                Some(object) => self.instance(&object).map(|(instance, _)| instance),
                None => Err(Diagnostic::error(format!("there is no instance `{address}`")).into()),
            }
        })
    }

    /// Root outputs, evaluated again as far as they were unknown.
    ///
    /// # Errors
    /// What is wrong in them.
    pub fn outputs(&self) -> Result<BTreeMap<String, Output>, Diagnostics> {
        let _turn = self.turn();
        crate::stack::deep(|| {
            let mut errors = Diagnostics::new();
            let outputs = self.root_outputs(&mut errors);
            // What waits for a lookup that may fail is left out.
            let waits = |error: &Diagnostic| error.needs_value && !self.known.requires_lookups();
            let errors: Diagnostics = errors.into_iter().filter(|error| !waits(error)).collect();
            errors.into_result(outputs)
        })
    }

    /// One attribute of a declaration (`promotion`, `release`). Of everything else only what it refers to is evaluated.
    ///
    /// # Errors
    /// There is no such declaration or attribute, or what is wrong in it.
    pub fn declared(&self, kind: &str, label: &str, attr: &str) -> EvalResult {
        let _turn = self.turn();
        crate::stack::deep(|| {
            let declarations = &self.config.root().declarations;
            let block = declarations.get(&(kind.to_owned(), label.to_owned()));
            let Some(block) = block else {
                return Err(
                    Diagnostic::error(format!("there is no `{kind}` block `{label}`")).into()
                );
            };
            self.declaration_attr(&ResourceAddr::new(kind, label), attr, &block.loc)
        })
    }

    /// Evaluates an expression in the root module, as `console` does.
    ///
    /// # Errors
    /// Syntax errors and what is wrong in it.
    pub fn evaluate_text(&self, name: &str, text: &str) -> EvalResult {
        let _turn = self.turn();
        crate::stack::deep(|| evaluate_text(name, text, &self.root_scope()))
    }
}
