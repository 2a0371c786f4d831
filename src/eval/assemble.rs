//! The whole estate: every declaration evaluated, every finding collected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl::edit::expr::Expression;

use crate::address::{CONFIG_KIND, InstanceKey, ResourceAddr};
use crate::config::{Configuration, Expr, ImportTarget, TargetAddr, target_address};
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::body::evaluate_body;
use crate::eval::environments::reference::{region_of, schema_of};
use crate::eval::estate::{
    Account, Estate, Import, Instance, MovedBlock, Output, ProviderSettings,
};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::Node;
use crate::eval::expr::evaluate_with;
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::syntax::evaluate_text;
use crate::eval::instances::object::Object;
use crate::eval::modules::conditions::{check, require};
use crate::eval::modules::instance::{ModuleInst, ModuleIx};
use crate::eval::modules::scope::ModuleScope;
use crate::eval::value_source::ValueSource;
use crate::ids::{Handle, Region};
use crate::schema::{Body, Category, NameSpace, SensitiveTexts, Spanned, kind, rules};
use crate::value::convert::text_of;
use crate::value::{Sorted, Value};

/// How many errors one run collects before it stops looking for more.
const ENOUGH: usize = 200;

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
            let (estate, warnings) = diagnostics.with_warnings(estate)?;
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
            errors.into_result(outputs)
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

    fn assemble(&self, errors: &mut Diagnostics) -> Estate {
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
        let modules = self.expand_modules(errors);
        for module in &modules {
            self.module_values(module, &mut estate, errors);
        }
        let objects = self.all_objects();
        self.accounts(&objects, &mut estate, errors);
        for (name, block) in &self.config.root().environments {
            if let Some(environment) = self.environment(name, block, errors) {
                let secrets = SensitiveTexts::of_block(&environment.body);
                errors.extend(secrets.taken_out(rules::check_environment(&environment.body)));
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
        self.declarations(&mut estate, errors);
        self.imports(&mut estate, errors);
        if errors.len() >= ENOUGH {
            errors.push(Diagnostic::warning(
                "there may be more errors; these are enough for one run",
            ));
        }
        estate
    }

    /// Every module instance, and with it every managed instance.
    fn expand_modules(&self, errors: &mut Diagnostics) -> Vec<Arc<ModuleInst<'c>>> {
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
                        require(&scope, &[], validation, "validation", &mut own);
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

    fn accounts(&self, objects: &[Arc<Object<'c>>], estate: &mut Estate, errors: &mut Diagnostics) {
        let mut first: BTreeMap<Handle, Arc<Object<'c>>> = BTreeMap::new();
        for object in objects {
            let Some(handle) = &object.handle else { continue };
            if let Some(other) = first.get(handle) {
                errors.push(
                    Diagnostic::error(format!(
                        "two accounts have the handle `{handle}`: `{}` and `{}`",
                        other.address, object.address
                    ))
                    .at(object.decl.label.loc.clone())
                    .related(other.decl.label.loc.clone(), "the other one")
                    .help("an account's handle is its label (with its key), unique in the estate, modules included"),
                );
                continue;
            }
            first.insert(handle.clone(), Arc::clone(object));
            match self.account(handle, object) {
                Ok(account) => {
                    estate.accounts.insert(handle.clone(), account);
                }
                Err(more) => errors.extend(more),
            }
        }
    }

    fn account(&self, handle: &Handle, object: &Arc<Object<'c>>) -> Result<Account, Diagnostics> {
        let loc = object.decl.loc.clone();
        let mut errors = Diagnostics::new();
        let mut text = |name: &str| -> Option<Spanned<Value>> {
            match self.object_attr(object, name, &loc) {
                Ok(value) if value.is_null() => None,
                Ok(value) => {
                    let loc = object.decl.body.get(name).map_or_else(|| loc.clone(), |e| e.loc());
                    Some(Spanned { value, loc })
                }
                Err(more) => {
                    errors.extend(more);
                    None
                }
            }
        };
        let string =
            |value: Option<Spanned<Value>>| value.and_then(|v| v.value.as_str().map(str::to_owned));
        let id = text("id");
        let name = string(text("name"));
        let access_role = string(text("access_role"));
        let read_role = string(text("read_role"));
        let endpoint_url = string(text("endpoint_url"));
        let region = text("region");
        let id = match id.as_ref().map(|v| (v.value.as_str().map(str::parse), &v.loc)) {
            Some((Some(Ok(id)), _)) => Some(id),
            Some((Some(Err(error)), loc)) => {
                let error: crate::ids::IdError = error;
                errors.push(Diagnostic::error(error.to_string()).at(loc.clone()));
                None
            }
            _ => None,
        };
        let mut body = Body { loc: loc.clone(), attrs: Sorted::new(), blocks: Vec::new() };
        body.attrs.extend(region.map(|r| ("region".to_owned(), r)));
        let region = region_of(&body, &mut errors);
        errors.into_result(Account {
            handle: handle.clone(),
            address: object.address.clone(),
            id,
            name: name.unwrap_or_else(|| handle.to_string()),
            access_role,
            read_role,
            endpoint_url,
            region,
            environments: BTreeSet::new(),
            loc,
        })
    }

    /// Fills in the environments that an instance belongs to.
    fn serve(&self, instance: &mut Instance, object: &Object<'c>, estate: &Estate) {
        if !instance.environments.is_empty() {
            return;
        }
        let handle = object.handle.as_ref().or(object.address.account());
        if let Some(account) = handle.and_then(|h| estate.accounts.get(h)) {
            instance.environments = account.environments.clone();
        }
    }

    fn root_outputs(&self, errors: &mut Diagnostics) -> BTreeMap<String, Output> {
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

    fn declarations(&self, estate: &mut Estate, errors: &mut Diagnostics) {
        for ((ty, label), block) in &self.config.root().declarations {
            let body =
                evaluate_body(&self.root_scope(), &Vec::new(), &block.body, schema_of(ty), errors);
            let secrets = SensitiveTexts::of_block(&body);
            errors.extend(secrets.taken_out(rules::check_declaration(ty, label, &body)));
            estate.declarations.entry(ty.clone()).or_default().insert(label.clone(), body);
        }
    }

    fn imports(&self, estate: &mut Estate, errors: &mut Diagnostics) {
        let root = self.config.root();
        for import in &root.imports {
            match &import.to {
                ImportTarget::One(to) => self.import(to, &import.id, &[], estate, errors),
                ImportTarget::Each { over, to } => {
                    let scope = self.root_scope();
                    let elements = match self.elements(&scope, Some(over), None) {
                        Ok((_, elements)) => elements,
                        Err(more) => {
                            errors.extend(more);
                            continue;
                        }
                    };
                    for each in elements.into_iter().filter_map(|element| element.name) {
                        let each = Value::Map(each.1);
                        let names = [("each", &each)];
                        match self.import_target(to, &names) {
                            Ok(to) => self.import(&to, &import.id, &names, estate, errors),
                            Err(more) => errors.extend(more),
                        }
                    }
                }
            }
        }
        for removed in &root.removed {
            let text = removed.from.value.to_string();
            if estate.instances.keys().any(|a| a.is_named_by(&text)) {
                errors.push(
                    Diagnostic::error(format!(
                        "`{text}` is declared, so it cannot be `removed` too"
                    ))
                    .at(removed.from.loc.clone())
                    .help("delete its block; `removed` tells that the object stays in AWS"),
                );
            }
            let loc = removed.from.loc.clone();
            estate.removed.push(Spanned { value: text, loc });
        }
    }

    /// The address of an import with `for_each`, its keys evaluated for one element.
    fn import_target(
        &self,
        to: &Expr,
        names: &[(&str, &Value)],
    ) -> Result<Spanned<ResourceAddr>, Diagnostics> {
        let scope = self.root_scope();
        let mut wrong = std::cell::RefCell::new(Diagnostics::new());
        let key = |key: &Expression| match evaluate_with(key, to.source(), &scope, names) {
            Ok(value) => match value.reveal() {
                Value::Number(_) => {
                    value.as_i64().and_then(|n| u64::try_from(n).ok()).map(InstanceKey::Index)
                }
                other => other.as_str().map(|name| InstanceKey::Name(name.to_owned())),
            },
            Err(more) => {
                wrong.borrow_mut().extend(more);
                None
            }
        };
        let found = target_address(to.node(), &key);
        if wrong.get_mut().has_errors() {
            return Err(wrong.into_inner());
        }
        match found {
            Ok(TargetAddr::Object(value)) => Ok(Spanned { value, loc: to.loc() }),
            Ok(TargetAddr::Module(_)) => {
                Err(Diagnostic::error("a whole module cannot be imported")
                    .at(to.loc())
                    .help("name one object of it")
                    .into())
            }
            Err(rule) => Err(Diagnostic::error("this is not an address")
                .at(to.loc())
                .detail(rule)
                .help("as in `iam_role.deploy[each.key]`, whose key is a known string or number")
                .into()),
        }
    }

    fn import(
        &self,
        to: &Spanned<ResourceAddr>,
        id: &Expr,
        names: &[(&str, &Value)],
        estate: &mut Estate,
        errors: &mut Diagnostics,
    ) {
        let address = match self.find(&to.value, &to.loc, estate) {
            Ok(address) => address,
            Err(error) => return errors.push(*error),
        };
        match self.root_scope().evaluate(id, names) {
            Ok(value) => match text_of(value.reveal()) {
                Some(text) => estate.imports.push(Import {
                    to: Spanned { value: address, loc: to.loc.clone() },
                    id: Spanned { value: text, loc: id.loc() },
                }),
                None => errors.push(
                    Diagnostic::error(format!(
                        "the id of an import must be a known string, not a {}",
                        value.type_name()
                    ))
                    .at(id.loc()),
                ),
            },
            Err(more) => errors.extend(more),
        }
    }

    /// The instance that an address means; the environment may be left out where that is unambiguous.
    fn find(
        &self,
        address: &ResourceAddr,
        loc: &Loc,
        estate: &Estate,
    ) -> Result<ResourceAddr, Box<Diagnostic>> {
        if estate.instances.contains_key(address) || self.object_at(address).is_some() {
            return Ok(address.clone());
        }
        let block = address.block();
        let candidates: Vec<ResourceAddr> = self
            .all_objects()
            .iter()
            .map(|o| o.address.clone())
            .filter(|a| a.block() == block && a.key == address.key)
            .collect();
        let near: Vec<&ResourceAddr> = candidates
            .iter()
            .filter(|a| address.placement.is_none() || a.account() == address.account())
            .collect();
        if let [only] = near.as_slice() {
            return Ok((*only).clone());
        }
        let shown: Vec<String> = candidates.iter().take(8).map(|a| format!("`{a}`")).collect();
        let help = if shown.is_empty() {
            "add its block first".to_owned()
        } else {
            format!("there are {}", shown.join(", "))
        };
        Err(Box::new(
            Diagnostic::error(format!("there is no instance `{address}`"))
                .at(loc.clone())
                .help(help),
        ))
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
                    Diagnostic::warning(format!("`{region}` is not a known AWS region"))
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
            let mut error = Diagnostic::error(format!(
                "`{}` and `{address}` would both be {} `{name}` in {place}",
                first.address,
                schema.what.trim_start_matches("the ")
            ))
            .at(instance.body.loc_of(naming.label.unwrap_or("name")).clone())
            .help("give them different names, for example with `${each.environment.name}` in it");
            if first.loc != instance.loc {
                error = error.related(first.loc.clone(), "the other one");
            }
            errors.push(error);
        }
    }
}
