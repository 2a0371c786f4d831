//! The part of a configuration that says which walls there are: accounts, environments and rules. The rest is evaluated
//! only where these refer to it, so that nothing else has to be complete.

use std::collections::BTreeMap;

use crate::diag::Diagnostics;
use crate::eval::estate::{Environment, Estate};
use crate::eval::evaluator::Evaluator;
use crate::eval::modules::instance::ModuleIx;
use crate::eval::modules::scope::ModuleScope;
use crate::schema::{AccessPart, Body, access_of};
use crate::value::Sorted;

/// The type of the blocks that hold rules.
const RULES: &str = "isolation";

impl Evaluator<'_> {
    /// Accounts, environments with their accounts, and `isolation` blocks; nothing else of the estate.
    pub(in crate::eval) fn assemble_walls(&self, errors: &mut Diagnostics) -> Estate {
        let mut estate = Estate { name: self.estate_name(), ..Estate::default() };
        match self.provider() {
            Ok(provider) => estate.provider = (*provider).clone(),
            Err(more) => errors.extend(more),
        }
        let root = self.module(ModuleIx(0));
        let scope = ModuleScope::new(self, std::sync::Arc::clone(&root), None);
        self.variable_values(&root, &scope, errors);
        for ((kind, label), decl) in &root.module.resources {
            if access_of(kind).is_some_and(AccessPart::is_account)
                && let Err(more) = self.expand_block(&root, kind, label, Some(&decl.label.loc))
            {
                errors.extend(more);
            }
        }
        for (name, block) in &self.config.root().environments {
            match self.environment_accounts(name, &block.loc) {
                Ok(accounts) => {
                    let handles = accounts.iter().filter_map(|account| account.handle.clone());
                    let environment = Environment {
                        name: name.clone(),
                        accounts: handles.collect(),
                        like: None,
                        allowed_differences: std::collections::BTreeSet::new(),
                        tags: BTreeMap::new(),
                        region: None,
                        body: Body {
                            loc: block.loc.clone(),
                            attrs: Sorted::new(),
                            blocks: Vec::new(),
                        },
                    };
                    estate.environments.insert(name.clone(), environment);
                }
                Err(more) => errors.extend(more),
            }
        }
        // Those that environments name in modules are expanded by now.
        self.accounts(&self.all_objects(), &mut estate, errors);
        for (name, environment) in &estate.environments {
            for handle in &environment.accounts {
                if let Some(account) = estate.accounts.get_mut(handle) {
                    account.environments.insert(name.clone());
                }
            }
        }
        self.declarations(&mut estate, |ty| ty == RULES, errors);
        estate
    }
}
