//! The whole estate: every declaration evaluated, every finding collected.

mod accounts;
mod imports;
mod walls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::TargetAddr;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::body::evaluate_body;
use crate::eval::data::until_looked_up;
use crate::eval::environments::reference::schema_of;
use crate::eval::estate::{Estate, Instance, MovedBlock, Output};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::Node;
use crate::eval::modules::conditions::{check, require};
use crate::eval::modules::instance::{ModuleInst, ModuleIx};
use crate::eval::modules::scope::ModuleScope;
use crate::ids::{Handle, Region};
use crate::schema::{Category, ManagedKind, NameSpace, SensitiveTexts, Spanned, kind, rules};
use crate::value::Value;

/// How many errors one run collects before it stops looking for more.
const ENOUGH: usize = 200;

impl<'c> Evaluator<'c> {
    pub(super) fn assemble(&self, errors: &mut Diagnostics) -> Estate {
        let mut estate = Estate {
            name: self.estate_name(),
            state_bucket: self.state_bucket(),
            state_role: self.state_role(),
            ..Estate::default()
        };
        match self.provider() {
            Ok(provider) => estate.provider = (*provider).clone(),
            Err(more) => errors.extend(more),
        }
        self.wrong_defaults(errors);
        let modules = self.expand_modules(errors);
        for module in &modules {
            self.module_data(module, errors);
            self.module_values(module, &mut estate, errors);
        }
        let objects = self.all_objects();
        self.accounts(&objects, &mut estate, errors);
        for (name, block) in &self.config.root().environments {
            if let Some(environment) = self.environment(name, block, errors) {
                let secrets = SensitiveTexts::of_block(&environment.body);
                let own = secrets.taken_out(rules::check_environment(&environment.body));
                errors.extend(until_looked_up(own, &environment.body));
                for handle in &environment.accounts {
                    if let Some(account) = estate.accounts.get_mut(handle) {
                        account.environments.insert(name.clone());
                    }
                }
                estate.environments.insert(name.clone(), environment);
            }
        }
        for object in &objects {
            if errors.len() >= ENOUGH {
                break;
            }
            match self.instance(object) {
                Ok((mut instance, warnings)) => {
                    estate.warnings.extend(warnings);
                    self.serve(&mut instance, object, &estate);
                    estate.instances.insert(instance.address.clone(), instance);
                }
                Err(more) => errors.extend(more),
            }
        }
        self.config_instances(&mut estate, errors);
        names_are_unique(&estate, errors);
        self.unlisted_regions(&mut estate);
        estate.outputs = self.root_outputs(errors);
        self.declarations(&mut estate, |_| true, errors);
        self.imports(&mut estate, errors);
        if errors.len() >= ENOUGH {
            errors.push(Diagnostic::warning(
                "there may be more errors; these are enough for one run",
            ));
        }
        estate
    }

    /// Every module instance, and with it every managed instance.
    pub(super) fn expand_modules(&self, errors: &mut Diagnostics) -> Vec<Arc<ModuleInst<'c>>> {
        let mut all = Vec::new();
        let mut queue = std::collections::VecDeque::from([ModuleIx(0)]);
        while let Some(ix) = queue.pop_front() {
            let module = self.module(ix);
            for (name, call) in &module.module.calls {
                match self.expand_call(&module, name, Some(&call.name.loc)) {
                    Ok(calls) => queue.extend(calls.instances.values().copied()),
                    Err(more) => errors.extend(more),
                }
            }
            for ((kind, label), decl) in &module.module.resources {
                if let Err(more) = self.expand_block(&module, kind, label, Some(&decl.label.loc)) {
                    errors.extend(more);
                }
            }
            all.push(module);
        }
        all
    }

    /// Variables with their validations, locals, outputs, checks and moves of one module instance.
    fn module_values(
        &self,
        module: &Arc<ModuleInst<'c>>,
        estate: &mut Estate,
        errors: &mut Diagnostics,
    ) {
        if errors.len() >= ENOUGH {
            return;
        }
        let scope = ModuleScope::new(self, Arc::clone(module), None);
        self.variable_values(module, &scope, errors);
        for (name, local) in &module.module.locals {
            if let Err(more) = self.local(module, name, &local.value, Some(&local.name.loc)) {
                errors.extend(more);
            }
        }
        for (name, output) in &module.module.outputs {
            if let Err(more) = self.output(module, name, Some(&output.name.loc)) {
                errors.extend(more);
            }
            for condition in &output.preconditions {
                require(&scope, &[], condition, "precondition", errors);
            }
        }
        for decl in module.module.checks.values() {
            check(&scope, decl, &mut estate.checks, errors);
        }
        for moved in &module.module.moved {
            let text = |target: &Spanned<TargetAddr>| Spanned {
                value: within(module, &target.value),
                loc: target.loc.clone(),
            };
            estate.moved.push(MovedBlock { from: text(&moved.from), to: text(&moved.to) });
        }
    }

    /// Variables of a module instance, with their validations.
    fn variable_values(
        &self,
        module: &Arc<ModuleInst<'c>>,
        scope: &ModuleScope<'_, 'c>,
        errors: &mut Diagnostics,
    ) {
        for decl in module.module.variables.values() {
            match self.variable(module, decl, None) {
                Ok(_) => {
                    for validation in &decl.validations {
                        let given = match &module.call {
                            Some((_, call)) => {
                                call.args.get(&decl.name.value).map(|a| a.value.loc())
                            }
                            None => {
                                self.config.supplied.get(&decl.name.value).map(|s| s.value.loc())
                            }
                        };
                        let given = match decl.sensitive {
                            true => given.map(Loc::without_values),
                            false => given,
                        };
                        let mut own = Diagnostics::new();
                        require(scope, &[], validation, "validation", &mut own);
                        // What is wrong is the value, wherever it was given.
                        errors.extend(own.into_iter().map(|mut error| {
                            if let (Some(given), true) = (&given, error.detail.is_some()) {
                                if let Some(rule) = error.loc.replace(given.clone()) {
                                    error.related.push((rule, "the rule".to_owned()));
                                }
                                error.detail = Some(format!(
                                    "the variable `{}` is not valid",
                                    decl.name.value
                                ));
                            }
                            error
                        }));
                    }
                }
                Err(more) => errors.extend(more),
            }
        }
    }

    pub(super) fn root_outputs(&self, errors: &mut Diagnostics) -> BTreeMap<String, Output> {
        let module = self.module(ModuleIx(0));
        let mut outputs = BTreeMap::new();
        for (name, decl) in &module.module.outputs {
            let value = match self.output(&module, name, Some(&decl.name.loc)) {
                Ok(value) => value,
                Err(more) => {
                    errors.extend(more);
                    continue;
                }
            };
            if value.has_sensitive() && !decl.sensitive {
                errors.push(
                    Diagnostic::error(format!("the output `{name}` holds a sensitive value"))
                        .at(decl.value.loc())
                        .help("write `sensitive = true`, or take the mark off with `nonsensitive(...)`"),
                );
            }
            if value.holds_secret() {
                errors.push(
                    Diagnostic::error(format!("the output `{name}` is a secret"))
                        .at(decl.value.loc())
                        .detail("outputs are stored in plain text, and a secret is not read before it is applied")
                        .help("let its readers ask the source of the secret itself"),
                );
            }
            let deps = self.deps_of(&Node::Output(module.ix, name.clone()));
            outputs.insert(
                name.clone(),
                Output {
                    value: (*value).clone(),
                    sensitive: decl.sensitive,
                    depends_on: deps
                        .iter()
                        .filter_map(|ix| Some(self.object(*ix)?.address.clone()))
                        .collect(),
                },
            );
        }
        outputs
    }

    /// The blocks that other layers read, of the types that are `asked` for.
    fn declarations(
        &self,
        estate: &mut Estate,
        asked: impl Fn(&str) -> bool,
        errors: &mut Diagnostics,
    ) {
        let all = self.config.root().declarations.iter();
        for ((ty, label), block) in all.filter(|((ty, _), _)| asked(ty)) {
            let (scope, schema, mut own) = (self.root_scope(), schema_of(ty), Diagnostics::new());
            let body = evaluate_body(&scope, &Vec::new(), &block.body, schema, &mut own);
            let secrets = SensitiveTexts::of_block(&body);
            own.extend(secrets.taken_out(rules::check_declaration(ty, label, &body)));
            errors.extend(until_looked_up(own, &body));
            if body.needs_lookup() {
                // Whoever reads it takes its values for what they are.
                let waits = format!("`{ty}.{label}` waits for a lookup");
                errors.push(Diagnostic::error(waits).at(block.loc.clone()).needing_value());
                continue;
            }
            estate.declarations.entry(ty.clone()).or_default().insert(label.clone(), body);
        }
    }
}

impl Evaluator<'_> {
    /// Warns of regions that no list has: an apply would find out when the endpoint's name is not resolved.
    fn unlisted_regions(&self, estate: &mut Estate) {
        let provider = self.config.provider.as_ref().and_then(|p| p.body.get("region"));
        let own = provider.map(|given| (estate.provider.region.to_string(), given.loc()));
        let bodies = estate.environments.values().map(|environment| &environment.body);
        let bodies = bodies.chain(estate.instances.values().map(|instance| &instance.body));
        let others = bodies.filter_map(|body| {
            let given = body.get("region")?;
            Some((given.value.as_str()?.to_owned(), given.loc.clone()))
        });
        let mut seen = BTreeSet::new();
        for (region, loc) in own.into_iter().chain(others).collect::<Vec<_>>() {
            let is_region = region.parse::<Region>().is_ok();
            if !is_region || Region::listed().binary_search(&region.as_str()).is_ok() {
                continue;
            }
            let near = did_you_mean(&region, Region::listed().iter().copied());
            // One block may make many instances.
            if seen.insert((loc.file().to_owned(), loc.span().start)) {
                estate.warnings.push(
                    Diagnostic::warning(format!("`{region}` is not a known AWS Region"))
                        .at(loc)
                        .help_opt(near),
                );
            }
        }
    }
}

/// A target in a module instance, as seen from the root.
fn within(module: &ModuleInst<'_>, target: &TargetAddr) -> String {
    if module.addr.is_root() { target.to_string() } else { format!("{}.{target}", module.addr) }
}

/// The attribute of a block that tells its object from others: that of which the natural key is made.
fn naming_attribute<'i>(kind: &dyn ManagedKind, instance: &'i Instance) -> &'i str {
    let key = kind.natural_key(&instance.desired);
    let names = |attr: &str| {
        let mut other = instance.desired.clone();
        other.insert(attr.to_owned(), "\u{e000}".into());
        kind.natural_key(&other) != key
    };
    let given = instance.body.attrs.iter().map(|(name, _)| name.as_str());
    let mut naming = given.filter(|name| instance.desired.contains_key(name) && names(name));
    // A unit is told by its parent too, which is seldom what was meant to differ.
    let label = kind.schema().meaning.naming.label.unwrap_or("name");
    naming.find(|name| *name != "parent").unwrap_or(label)
}

/// Two objects of one kind cannot have one name in one account, or in all of them.
fn names_are_unique(estate: &Estate, errors: &mut Diagnostics) {
    let mut seen: BTreeMap<(&str, Option<&Handle>, String), &Instance> = BTreeMap::new();
    for (address, instance) in &estate.instances {
        let Some(kind) = kind(&address.kind) else { continue };
        // Two units below one that does not exist yet are told apart by what its id will be.
        let key = kind.natural_key(&instance.desired).or_else(|| {
            let readable = instance.desired.iter().map(|(name, value)| match value {
                Value::Unknown(unknown) if !unknown.parts.is_empty() => {
                    (name.clone(), Value::String(unknown.to_string()))
                }
                _ => (name.clone(), value.clone()),
            });
            kind.natural_key(&readable.collect())
        });
        let Some(key) = key else { continue };
        let schema = kind.schema();
        let naming = schema.meaning.naming;
        // An emulator has names of its own.
        let is_emulated =
            |h: &&Handle| estate.accounts.get(*h).is_some_and(|a| a.endpoint_url.is_some());
        let home = match naming.unique_in {
            NameSpace::Account => address.account(),
            NameSpace::Partition => address.account().filter(is_emulated),
        };
        let name = key.clone();
        // IAM: "names are not distinguished by case".
        let key = match schema.category {
            Category::Iam => key.to_lowercase(),
            _ => key,
        };
        if let Some(first) = seen.insert((schema.kind, home, key), instance) {
            let place = match (home, naming.unique_in) {
                (Some(handle), _) => format!("the account `{handle}`"),
                (None, NameSpace::Account) => "the organization".to_owned(),
                (None, NameSpace::Partition) => {
                    "AWS, where all accounts share these names".to_owned()
                }
            };
            let attr = naming_attribute(kind, instance);
            let is_one_block = first.loc == instance.loc;
            let each = match is_one_block {
                true => ", for example with `${each.environment.name}` in it",
                false => "",
            };
            let mut error = Diagnostic::error(format!(
                "`{}` and `{address}` would both be {} `{name}` in {place}",
                first.address,
                schema.what.trim_start_matches("the ")
            ))
            .at(instance.body.loc_of(attr).clone())
            .help(format!("each needs `{attr}` of its own{each}"));
            if !is_one_block {
                error = error.related(first.body.loc_of(attr).clone(), "the other one");
            }
            errors.push(error);
        }
    }
}
