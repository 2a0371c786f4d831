//! What expressions of a module instance see: variables, locals, modules, blocks, environments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{InstanceKey, ResourceAddr};
use crate::config::Expr;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::environments::reference::environment_value;
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::Node;
use crate::eval::expr::evaluate_with;
use crate::eval::expr::meter::WorkMeter;
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::scope::{RefPath, RefStep, Resolved, Scope, suggest};
use crate::eval::functions::FunctionContext;
use crate::eval::instances::object::{MANY, Object, ObjectIx};
use crate::eval::modules::instance::{Keyed, ModuleInst, ModuleIx};
use crate::schema::kind;
use crate::value::convert::text_of;
use crate::value::{Attrs, BlockRef, Unknown, Value};

/// The scope of one module instance, or of one managed instance in it.
pub(in crate::eval) struct ModuleScope<'e, 'c> {
    pub(in crate::eval) evaluator: &'e Evaluator<'c>,
    pub(in crate::eval) module: Arc<ModuleInst<'c>>,
    /// The instance whose body is evaluated: bare references mean its account and environment.
    pub(in crate::eval) from: Option<Arc<Object<'c>>>,
}

/// Names that only some blocks see, and when.
const CONTEXTUAL: &[(&str, &str)] = &[
    (
        "each",
        "`each` exists in blocks with `for_each`, and in blocks placed by `accounts` or `environments`",
    ),
    ("count", "`count.index` exists in blocks with `count`"),
    ("self", "`self` exists in postconditions"),
];

impl<'e, 'c> ModuleScope<'e, 'c> {
    pub(in crate::eval) fn new(
        evaluator: &'e Evaluator<'c>,
        module: Arc<ModuleInst<'c>>,
        from: Option<Arc<Object<'c>>>,
    ) -> Self {
        Self { evaluator, module, from }
    }

    /// Evaluates an expression of the module, with more names in scope.
    pub(in crate::eval) fn evaluate(&self, expr: &Expr, names: &[(&str, &Value)]) -> EvalResult {
        evaluate_with(expr.node(), expr.source(), self, names)
    }

    fn module_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let Some(name) = path.attr(0) else {
            return Err(incomplete(path, "module", "a module call's name", "module.baseline"));
        };
        if !self.module.module.calls.contains_key(name) {
            let known: Vec<&str> = self.module.module.calls.keys().map(String::as_str).collect();
            return Err(Diagnostic::error(format!("there is no module call `{name}`"))
                .at(path.step_loc(0))
                .help(suggest(name, &known))
                .into());
        }
        let loc = path.loc_to(1);
        let calls = self.evaluator.expand_call(&self.module, name, Some(&loc))?;
        let mut consumed = 1;
        let mut chosen = None;
        match calls.keyed {
            Keyed::No => chosen = calls.instances.get(&None).copied(),
            Keyed::ForEach
                if path.attr(1).is_some_and(|attr| {
                    calls.instances.contains_key(&Some(InstanceKey::Name(attr.to_owned())))
                }) =>
            {
                let key = path.attr(1).map(|attr| InstanceKey::Name(attr.to_owned()));
                consumed = 2;
                chosen = calls.instances.get(&key).copied();
            }
            keyed if path.is_key(1) => {
                let Some(key) = self.key_step(path, 1, keyed)? else {
                    return Ok(Resolved::new(Value::Unknown(Unknown::default()), path.len()));
                };
                consumed = 2;
                chosen = calls.instances.get(&Some(key.clone())).copied();
                if chosen.is_none() {
                    let known: Vec<String> =
                        calls.instances.keys().flatten().map(|k| k.to_string()).collect();
                    return Err(no_instance(path, &format!("module.{name}"), &key, &known));
                }
            }
            _ => {}
        }
        let Some(ix) = chosen else {
            // The whole of a multiplied module: an object (or list) of its instances' outputs.
            if let Some(attr) = path.attr(1) {
                return Err(Diagnostic::error(format!(
                    "`module.{name}` has several instances, so it has no output `{attr}` of its own"
                ))
                .at(path.step_loc(1))
                .help(format!("name one, as in `module.{name}[...].{attr}`, or all: `[for m in module.{name} : m.{attr}]`"))
                .into());
            }
            let mut all = Vec::new();
            for (key, ix) in &calls.instances {
                all.push((key.clone(), self.all_outputs(*ix, &loc)?));
            }
            return Ok(Resolved::new(collect(calls.keyed, all), consumed));
        };
        let child = self.evaluator.module(ix);
        match path.attr(consumed) {
            Some(output) if child.module.outputs.contains_key(output) => {
                let loc = path.loc_to(consumed + 1);
                let value = self.evaluator.output(&child, output, Some(&loc))?;
                let node = Node::Output(child.ix, output.to_owned());
                self.named(node, value, path, consumed + 1)
            }
            Some(output) => {
                let known: Vec<&str> = child.module.outputs.keys().map(String::as_str).collect();
                Err(Diagnostic::error(format!("the module `{name}` has no output `{output}`"))
                    .at(path.step_loc(consumed))
                    .help(suggest(output, &known))
                    .into())
            }
            None => Ok(Resolved::new(self.all_outputs(ix, &loc)?, consumed)),
        }
    }

    fn all_outputs(&self, ix: ModuleIx, loc: &Loc) -> EvalResult {
        let child = self.evaluator.module(ix);
        let mut map = Attrs::new();
        for name in child.module.outputs.keys() {
            map.insert(name.clone(), (*self.evaluator.output(&child, name, Some(loc))?).clone());
            self.evaluator.refers_to_part(&Node::Output(child.ix, name.clone()), None);
        }
        Ok(Value::Map(map))
    }

    /// The key in the step at `index`; `None` when it is unknown.
    fn key_step(
        &self,
        path: &RefPath<'_>,
        index: usize,
        keyed: Keyed,
    ) -> Result<Option<InstanceKey>, Diagnostics> {
        let Some(RefStep::Key(value)) = path.step(index)? else { return Ok(None) };
        let key = match (&value, keyed) {
            (Value::Unknown(_), _) => return Ok(None),
            (Value::String(text), Keyed::Count) => text.parse().ok().map(InstanceKey::Index),
            (Value::Number(number), Keyed::Count) => {
                number.as_i64().and_then(|n| u64::try_from(n).ok()).map(InstanceKey::Index)
            }
            (other, _) => text_of(other).map(InstanceKey::Name),
        };
        match key {
            Some(key) => Ok(Some(key)),
            None => Err(Diagnostic::error(format!(
                "an instance's key must be a {}, not a {}",
                if keyed == Keyed::Count { "whole number" } else { "string" },
                value.type_name()
            ))
            .at(path.step_loc(index))
            .into()),
        }
    }

    /// `KIND.LABEL`, with a key, `.at["..."]`, or bare.
    fn block_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let kind_name = path.name();
        let Some(label) = path.attr(0) else {
            let example = format!("{kind_name}.example");
            return Err(incomplete(path, kind_name, "a block's label", &example));
        };
        let resources = &self.module.module.resources;
        if !resources.contains_key(&(kind_name.to_owned(), label.to_owned())) {
            return Err(self.no_block(path, kind_name, label));
        }
        let loc = path.loc_to(1);
        let expansion = self.evaluator.expand_block(&self.module, kind_name, label, Some(&loc))?;
        let mut consumed = 1;
        let mut keys: Vec<Option<InstanceKey>> = expansion.instances.keys().cloned().collect();
        let mut single = expansion.keyed == Keyed::No;
        if path.is_key(1) {
            if expansion.keyed == Keyed::No {
                return Err(Diagnostic::error(format!(
                    "`{kind_name}.{label}` has neither `for_each` nor `count`, so it has no keys"
                ))
                .at(path.step_loc(1))
                .help_opt(expansion.placed.then(|| {
                    format!("an account's instance is `{kind_name}.{label}.at[\"ACCOUNT\"]`")
                }))
                .into());
            }
            let Some(key) = self.key_step(path, 1, expansion.keyed)? else {
                return Ok(Resolved::new(Value::Unknown(Unknown::default()), path.len()));
            };
            if !expansion.instances.contains_key(&Some(key.clone())) {
                let known: Vec<String> = keys.iter().flatten().map(|k| k.to_string()).collect();
                return Err(no_instance(path, &format!("{kind_name}.{label}"), &key, &known));
            }
            keys = vec![Some(key)];
            single = true;
            consumed = 2;
        }
        let at = expansion.placed && path.attr(consumed) == Some("at");
        if at {
            consumed += 1;
            if path.is_key(consumed) {
                let wanted = match path.step(consumed)? {
                    Some(RefStep::Key(Value::Unknown(_))) => {
                        return Ok(Resolved::new(Value::Unknown(Unknown::default()), path.len()));
                    }
                    Some(RefStep::Key(value)) => text_of(&value).unwrap_or_default(),
                    _ => String::new(),
                };
                let mut chosen = Vec::new();
                for key in keys {
                    let ix = expansion.at(key.as_ref(), &wanted).map_err(|problem| {
                        Diagnostics::from(
                            Diagnostic::error(format!(
                                "`{kind_name}.{label}` {} `{wanted}`",
                                problem.summary()
                            ))
                            .at(path.step_loc(consumed))
                            .help(problem.choices(
                                &expansion,
                                key.as_ref(),
                                &wanted,
                            )),
                        )
                    })?;
                    chosen.push((key, self.block(ix, &loc)?));
                }
                let value = one_or_all(expansion.keyed, single, chosen);
                return Ok(Resolved::new(value, consumed + 1));
            }
            let mut by_place: BTreeMap<String, Vec<(Option<InstanceKey>, Value)>> = BTreeMap::new();
            for key in keys {
                for (place, ix) in expansion.places(key.as_ref()) {
                    by_place.entry(place).or_default().push((key.clone(), self.block(ix, &loc)?));
                }
            }
            let map = by_place
                .into_iter()
                .map(|(place, all)| (place, one_or_all(expansion.keyed, single, all)))
                .collect();
            return Ok(Resolved::new(Value::Map(map), consumed));
        }
        if let (false, Some(attr)) = (single, path.attr(consumed)) {
            let named = InstanceKey::Name(attr.to_owned());
            if !keys.contains(&Some(named)) {
                let name = format!("{kind_name}.{label}");
                return Err(Diagnostic::error(format!(
                    "`{name}` has several instances, so it has no attribute `{attr}` of its own"
                ))
                .at(path.step_loc(consumed))
                .help(format!(
                    "name one, as in `{name}[...].{attr}`, or all: `[for x in {name} : x.{attr}]`"
                ))
                .into());
            }
        }
        let mut chosen = Vec::new();
        for key in keys {
            let ix = expansion.bare(key.as_ref(), self.from.as_deref()).map_err(|()| {
                let name = path.text(consumed);
                let choices: Vec<String> = expansion
                    .places(key.as_ref())
                    .into_iter()
                    .map(|(place, _)| format!("`{name}.at[\"{place}\"]`"))
                    .collect();
                let shown: Vec<&str> = choices.iter().take(8).map(String::as_str).collect();
                let more = choices.len().saturating_sub(shown.len());
                let help = match (shown.is_empty(), more) {
                    (true, _) => "it has no instances".to_owned(),
                    (false, 0) => format!("name one: {}", shown.join(", ")),
                    (false, more) => format!("name one: {} and {more} more", shown.join(", ")),
                };
                let why = match &self.from {
                    Some(from) => format!(
                        "none of its instances is in the account of `{}`, or several are",
                        from.address
                    ),
                    None => {
                        "there is no account here that would tell which of its instances is meant"
                            .to_owned()
                    }
                };
                Diagnostics::from(
                    Diagnostic::error(format!(
                        "`{name}` is placed in several accounts or environments"
                    ))
                    .at(path.loc_to(consumed))
                    .detail(why)
                    .help(help),
                )
            })?;
            chosen.push((key, self.block(ix, &loc)?));
        }
        Ok(Resolved::new(one_or_all(expansion.keyed, single, chosen), consumed))
    }

    /// A named value, and what whoever takes that part of it depends on.
    fn named(
        &self,
        node: Node,
        value: Arc<Value>,
        path: &RefPath<'_>,
        consumed: usize,
    ) -> Result<Resolved, Diagnostics> {
        let element = match value.reveal() {
            Value::Map(map) if self.evaluator.deps_of(&node).len() > MANY => {
                let name = match path.step(consumed)? {
                    Some(RefStep::Attr(name)) => Some(name),
                    Some(RefStep::Key(key)) => text_of(&key),
                    _ => None,
                };
                name.and_then(|name| map.get(&name))
            }
            _ => None,
        };
        self.evaluator.refers_to_part(&node, element);
        Ok(Resolved { value, consumed })
    }

    fn block(&self, ix: ObjectIx, loc: &Loc) -> EvalResult {
        self.evaluator.refers_to(ix);
        self.evaluator.block_value(ix, Some(loc))
    }

    fn no_block(&self, path: &RefPath<'_>, kind_name: &str, label: &str) -> Diagnostics {
        let labels = |module: &'c crate::config::Module| {
            module
                .resources
                .keys()
                .filter(|(k, _)| k == kind_name)
                .map(|(_, l)| l.as_str())
                .collect::<Vec<_>>()
        };
        let here = labels(self.module.module);
        let error = Diagnostic::error(format!("there is no `{kind_name}` block `{label}`"))
            .at(path.step_loc(0));
        let in_root =
            !self.module.addr.is_root() && labels(self.evaluator.config.root()).contains(&label);
        let help = if in_root {
            format!(
                "`{kind_name}.{label}` belongs to the root module; pass it to this module as a variable"
            )
        } else if here.is_empty() {
            format!("this module has no `{kind_name}` blocks")
        } else {
            suggest(label, &here)
        };
        error.help(help).into()
    }

    fn environment_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let Some(name) = path.attr(0) else {
            return Err(incomplete(
                path,
                "environment",
                "an environment's name",
                "environment.staging",
            ));
        };
        let environments = &self.evaluator.config.root().environments;
        if !environments.contains_key(name) {
            let known: Vec<&str> = environments.keys().map(String::as_str).collect();
            return Err(Diagnostic::error(format!("there is no environment `{name}`"))
                .at(path.step_loc(0))
                .help(suggest(name, &known))
                .into());
        }
        if !self.module.addr.is_root() {
            return Err(Diagnostic::error(format!("`environment.{name}` belongs to the root module"))
                .at(path.loc_to(1))
                .help("pass it to this module as a variable; in placed blocks there is `each.environment`")
                .into());
        }
        Ok(Resolved::new(environment_value(name), 1))
    }

    fn unknown_root(&self, path: &RefPath<'_>) -> Diagnostics {
        let name = path.name();
        let error = Diagnostic::error(format!("there is no `{name}`")).at(path.loc().clone());
        if let Some((_, when)) = CONTEXTUAL.iter().find(|(n, _)| *n == name) {
            return Diagnostic::error(format!("`{name}` does not exist here"))
                .at(path.loc().clone())
                .help(*when)
                .into();
        }
        let module = self.module.module;
        let help = if module.variables.contains_key(name) {
            Some(format!("the variable is `var.{name}`"))
        } else if module.locals.contains_key(name) {
            Some(format!("the local value is `local.{name}`"))
        } else if name == "locals" {
            Some("a local value is read as `local.NAME`".to_owned())
        } else if name == "terraform" {
            Some("there are no workspaces: declare environments, and `each.environment.name` says which one a block stands in".to_owned())
        } else if name == "data" {
            Some("there are no data sources: name the object's id, or import it".to_owned())
        } else {
            let roots = ["var", "local", "module", "path", "environment", "each", "count"];
            let kinds = crate::schema::kinds().iter().map(|k| k.schema().kind);
            did_you_mean(name, roots.into_iter().chain(kinds))
                .or_else(|| path.is_empty().then(|| format!("a text stands in quotes: \"{name}\"")))
        };
        error.help_opt(help).into()
    }

    /// All instances that a reference to a whole block or module names (`depends_on`).
    pub(in crate::eval) fn whole_reference(
        &self,
        expr: &Expr,
    ) -> Result<BTreeSet<ObjectIx>, Diagnostics> {
        use hcl::edit::expr::{Expression, TraversalOperator};
        let steps = match expr.node() {
            Expression::Traversal(traversal) => match &traversal.expr {
                Expression::Variable(root) => Some((root.as_str(), &traversal.operators)),
                _ => None,
            },
            _ => None,
        };
        let label =
            steps.and_then(|(root, operators)| match operators.first().map(|o| o.value()) {
                Some(TraversalOperator::GetAttr(name)) => {
                    Some((root, name.as_str(), operators.len()))
                }
                _ => None,
            });
        match label {
            Some(("module", name, 1)) => {
                let calls = self.evaluator.expand_call(&self.module, name, Some(&expr.loc()))?;
                let mut all = BTreeSet::new();
                for ix in calls.instances.values() {
                    all.extend(self.evaluator.objects_within(*ix)?);
                }
                Ok(all)
            }
            Some((kind_name, label, 1))
                if self
                    .module
                    .module
                    .resources
                    .contains_key(&(kind_name.to_owned(), label.to_owned())) =>
            {
                let loc = expr.loc();
                let expansion =
                    self.evaluator.expand_block(&self.module, kind_name, label, Some(&loc))?;
                // Between blocks placed alike, the same account's instance is meant.
                let mut all = BTreeSet::new();
                for (key, places) in &expansion.instances {
                    match self.from.as_deref().map(|from| expansion.bare(key.as_ref(), Some(from)))
                    {
                        Some(Ok(ix)) => {
                            all.insert(ix);
                        }
                        _ => all.extend(places.values().copied()),
                    }
                }
                Ok(all)
            }
            _ => {
                let (result, found) = self.evaluator.recorded(|| self.evaluate(expr, &[]));
                let value = result?;
                if found.is_empty() {
                    return Err(Diagnostic::error("this refers to no managed block")
                        .at(expr.loc())
                        .help("name a block or a module, as in `iam_role.deploy` or `module.baseline`")
                        .into());
                }
                drop(value);
                Ok(found)
            }
        }
    }
}

fn one_or_all(keyed: Keyed, single: bool, mut all: Vec<(Option<InstanceKey>, Value)>) -> Value {
    if single { all.pop().map(|(_, v)| v).unwrap_or_default() } else { collect(keyed, all) }
}

fn collect(keyed: Keyed, all: Vec<(Option<InstanceKey>, Value)>) -> Value {
    if keyed == Keyed::Count {
        return Value::List(all.into_iter().map(|(_, v)| v).collect());
    }
    Value::Map(
        all.into_iter()
            .filter_map(|(key, value)| match key? {
                InstanceKey::Name(name) => Some((name, value)),
                InstanceKey::Index(index) => Some((index.to_string(), value)),
            })
            .collect(),
    )
}

fn incomplete(path: &RefPath<'_>, what: &str, needs: &str, example: &str) -> Diagnostics {
    Diagnostic::error(format!("`{what}` must be followed by {needs}"))
        .at(path.loc().clone())
        .help(format!("as in `{example}`"))
        .into()
}

fn no_instance(path: &RefPath<'_>, name: &str, key: &InstanceKey, known: &[String]) -> Diagnostics {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Diagnostic::error(format!("`{name}` has no instance `{key}`"))
        .at(path.step_loc(1))
        .help(suggest(&key.to_string(), &known))
        .into()
}

impl Scope for ModuleScope<'_, '_> {
    fn work(&self) -> Option<&WorkMeter> {
        Some(&self.evaluator.work)
    }

    fn resolve(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let module = self.module.module;
        match path.name() {
            "var" => {
                let Some(name) = path.attr(0) else {
                    return Err(incomplete(path, "var", "a variable's name", "var.region"));
                };
                let Some(decl) = module.variables.get(name) else {
                    let known: Vec<&str> = module.variables.keys().map(String::as_str).collect();
                    return Err(Diagnostic::error(format!("there is no variable `{name}`"))
                        .at(path.step_loc(0))
                        .help(suggest(name, &known))
                        .into());
                };
                let value = self.evaluator.variable(&self.module, decl, Some(&path.loc_to(1)))?;
                self.named(Node::Variable(self.module.ix, name.to_owned()), value, path, 1)
            }
            "local" => {
                let Some(name) = path.attr(0) else {
                    return Err(incomplete(path, "local", "a local value's name", "local.regions"));
                };
                let Some(decl) = module.locals.get(name) else {
                    let known: Vec<&str> = module.locals.keys().map(String::as_str).collect();
                    return Err(Diagnostic::error(format!("there is no local value `{name}`"))
                        .at(path.step_loc(0))
                        .help(suggest(name, &known))
                        .into());
                };
                let loc = path.loc_to(1);
                let value = self.evaluator.local(&self.module, name, &decl.value, Some(&loc))?;
                self.named(Node::Local(self.module.ix, name.to_owned()), value, path, 1)
            }
            "module" => self.module_reference(path),
            "path" => match path.attr(0) {
                Some("module") => {
                    Ok(Resolved::new(Value::string(self.module.module_path.as_str()), 1))
                }
                Some("root") => Ok(Resolved::new(Value::string("."), 1)),
                Some("cwd") => {
                    let root = self.module.functions.root_dir.display().to_string();
                    Ok(Resolved::new(Value::string(root), 1))
                }
                _ => Err(incomplete(path, "path", "`module`, `root` or `cwd`", "path.module")),
            },
            "environment" => self.environment_reference(path),
            name if kind(name).is_some_and(|k| k.schema().kind != crate::address::CONFIG_KIND) => {
                self.block_reference(path)
            }
            ty @ ("release" | "promotion" | "isolation") => {
                let Some(label) = path.attr(0) else {
                    let example = format!("{ty}.example");
                    return Err(incomplete(path, ty, "a block's label", &example));
                };
                let declarations = &self.evaluator.config.root().declarations;
                if !declarations.contains_key(&(ty.to_owned(), label.to_owned())) {
                    let known: Vec<&str> = declarations
                        .keys()
                        .filter(|(t, _)| t == ty)
                        .map(|(_, l)| l.as_str())
                        .collect();
                    return Err(Diagnostic::error(format!("there is no `{ty}` block `{label}`"))
                        .at(path.step_loc(0))
                        .help(suggest(label, &known))
                        .into());
                }
                let attrs = Attrs::from([("name".to_owned(), Value::string(label))]);
                let block =
                    BlockRef { address: ResourceAddr::new(ty, label), attrs: Arc::new(attrs) };
                Ok(Resolved::new(Value::Block(block), 1))
            }
            _ => Err(self.unknown_root(path)),
        }
    }

    fn block_attr(&self, block: &BlockRef, attr: &str, loc: &Loc) -> EvalResult {
        match block.address.kind.as_str() {
            "environment" => self.evaluator.environment_attr(&block.address.name, attr, loc),
            "release" | "promotion" | "isolation" => {
                self.evaluator.declaration_attr(&block.address, attr, loc)
            }
            _ => match self.evaluator.object_at(&block.address) {
                Some(object) => self.evaluator.object_attr(&object, attr, loc),
                None => block.attrs.get(attr).cloned().ok_or_else(|| {
                    let known: Vec<&str> = block.attrs.keys().map(String::as_str).collect();
                    Diagnostic::error(format!("`{}` has no attribute `{attr}`", block.address))
                        .at(loc.clone())
                        .help(suggest(attr, &known))
                        .into()
                }),
            },
        }
    }

    fn functions(&self) -> &FunctionContext {
        &self.module.functions
    }
}
