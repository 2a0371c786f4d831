//! What expressions of a module instance see: variables, locals, modules, blocks, environments.

mod blocks;
mod calls;
mod data;
pub(in crate::eval) mod keys;

use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::config::Expr;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::environments::reference::environment_value;
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::Node;
use crate::eval::expr::evaluate_with;
use crate::eval::expr::meter::WorkMeter;
use crate::eval::expr::scope::{EvalResult, RefPath, RefStep, Resolved, Scope, suggest};
use crate::eval::functions::FunctionContext;
use crate::eval::instances::object::{ExpandedInstance, MANY};
use crate::eval::modules::instance::ModuleInst;
use crate::schema::blocks::DATA;
use crate::schema::kind;
use crate::value::convert::text_of;
use crate::value::{Attrs, BlockRef, Value};

/// The scope of one module instance, or of one managed instance in it.
pub(in crate::eval) struct ModuleScope<'e, 'c> {
    pub(in crate::eval) evaluator: &'e Evaluator<'c>,
    pub(in crate::eval) module: Arc<ModuleInst<'c>>,
    /// The instance whose body is evaluated: bare references mean its account and environment.
    pub(in crate::eval) from: Option<Arc<ExpandedInstance<'c>>>,
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
        from: Option<Arc<ExpandedInstance<'c>>>,
    ) -> Self {
        Self { evaluator, module, from }
    }

    /// Evaluates an expression of the module, with more names in scope.
    pub(in crate::eval) fn evaluate(&self, expr: &Expr, names: &[(&str, &Value)]) -> EvalResult {
        evaluate_with(expr.node(), expr.source(), self, names)
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
                let element = name.and_then(|name| map.get(&name));
                // What it names is looked for in all of it.
                element.map_or(Ok(()), |element| path.looks_through(element))?;
                element
            }
            _ => None,
        };
        self.evaluator.refers_to_part(&node, element);
        Ok(Resolved { value, consumed })
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
                .certain()
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
                .certain()
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
            Some("values of `terraform` do not exist here, and there are no workspaces: declare environments, and `each.environment.name` says which one a block stands in".to_owned())
        } else {
            let roots = ["var", "local", "module", "path", "environment", "each", "count"];
            let kinds = crate::schema::kinds().iter().map(|k| k.schema().kind);
            did_you_mean(name, roots.into_iter().chain(kinds))
                .or_else(|| path.is_empty().then(|| format!("a text stands in quotes: \"{name}\"")))
        };
        error.help_opt(help).certain().into()
    }
}

fn incomplete(path: &RefPath<'_>, what: &str, needs: &str, example: &str) -> Diagnostics {
    Diagnostic::error(format!("`{what}` must be followed by {needs}"))
        .at(path.loc().clone())
        .help(format!("as in `{example}`"))
        .certain()
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
                        .certain()
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
                        .certain()
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
            DATA => self.data_reference(path),
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
                        .certain()
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
