//! Module instances: variables, locals, outputs, and the expansion of `for_each` and `count`.

pub(in crate::eval) mod body;
pub(in crate::eval) mod conditions;
pub(in crate::eval) mod scope;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::{InstanceKey, ModuleAddr};
use crate::config::{CallDecl, Configuration, Expr, Module, VariableDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::engine::{Engine, ModuleIx, Node, Stored};
use crate::eval::expr::scope::Values;
use crate::eval::expr::types::parse_type;
use crate::eval::functions::FunctionContext;
use crate::eval::modules::scope::ModuleScope;
use crate::value::convert::{Type, convert};
use crate::value::{AttrPath, Attrs, Value};

/// How deep modules may call modules.
const MAX_MODULES: usize = 32;
/// How many instances `count` may make.
const MAX_COUNT: i64 = 100_000;

/// One instance of a module.
pub(in crate::eval) struct ModuleInst<'c> {
    pub(in crate::eval) ix: ModuleIx,
    pub(in crate::eval) addr: ModuleAddr,
    pub(in crate::eval) module: &'c Module,
    /// The call that made it, and where from; absent for the root.
    pub(in crate::eval) call: Option<(ModuleIx, &'c CallDecl)>,
    /// `each` or `count` of the call.
    pub(in crate::eval) names: Vec<(&'static str, Value)>,
    pub(in crate::eval) functions: FunctionContext,
    /// `path.root` as seen from this module.
    pub(in crate::eval) root_path: String,
}

/// The instances of a module call.
pub(in crate::eval) struct CallExpansion {
    pub(in crate::eval) keyed: Keyed,
    pub(in crate::eval) instances: BTreeMap<Option<InstanceKey>, ModuleIx>,
}

/// How a block is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eval) enum Keyed {
    No,
    Count,
    ForEach,
}

/// One element of an expansion: its key, and the name that its body sees (`each` or `count`).
pub(in crate::eval) struct Element {
    pub(in crate::eval) key: Option<InstanceKey>,
    pub(in crate::eval) name: Option<(&'static str, Attrs)>,
}

impl<'c> ModuleInst<'c> {
    pub(in crate::eval) fn root(config: &'c Configuration) -> Self {
        let module = config.root();
        Self {
            ix: ModuleIx(0),
            addr: ModuleAddr::root(),
            module,
            call: None,
            names: Vec::new(),
            functions: FunctionContext {
                root_dir: module.dir.clone(),
                module_dir: module.dir.clone(),
                allowed_dirs: config.modules.iter().map(|m| m.dir.clone()).collect(),
            },
            root_path: ".".to_owned(),
        }
    }
}

/// `to` as seen from `from`; both absolute.
fn relative(from: &Path, to: &Path) -> String {
    let (mut a, mut b) = (from.components().peekable(), to.components().peekable());
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
    }
    let path: PathBuf =
        a.map(|_| Path::new("..")).chain(b.map(|c| Path::new(c.as_os_str()))).collect();
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

impl<'c> Engine<'c> {
    /// The elements that `for_each` or `count` makes; one without a key when there is neither.
    pub(in crate::eval) fn elements(
        &self,
        scope: &ModuleScope<'_, 'c>,
        for_each: Option<&Expr>,
        count: Option<&Expr>,
    ) -> Result<(Keyed, Vec<Element>), Diagnostics> {
        match (for_each, count) {
            (None, None) => Ok((Keyed::No, vec![Element { key: None, name: None }])),
            (Some(expr), Some(count)) => {
                Err(Diagnostic::error("`for_each` and `count` exclude each other")
                    .at(count.loc())
                    .related(expr.loc(), "`for_each` is here")
                    .into())
            }
            (Some(expr), None) => {
                let value = scope.evaluate(expr, &[])?;
                for_each_elements(value, &expr.loc()).map(|e| (Keyed::ForEach, e))
            }
            (None, Some(expr)) => {
                let value = scope.evaluate(expr, &[])?;
                count_elements(value, &expr.loc()).map(|e| (Keyed::Count, e))
            }
        }
    }

    /// The instances of a module call.
    pub(in crate::eval) fn expand_call(
        &self,
        from: &Arc<ModuleInst<'c>>,
        name: &str,
        loc: Option<&Loc>,
    ) -> Result<Arc<CallExpansion>, Diagnostics> {
        let Some(call) = from.module.calls.get(name) else {
            return Err(Diagnostic::error(format!("there is no module call `{name}`"))
                .at_opt(loc.cloned())
                .into());
        };
        let stored = self.get(Node::Call(from.ix, name.to_owned()), loc, || {
            if from.addr.0.len() >= MAX_MODULES {
                return Err(Diagnostic::error(format!(
                    "modules nest deeper than {MAX_MODULES} levels"
                ))
                .at(call.loc.clone())
                .into());
            }
            let scope = ModuleScope::new(self, Arc::clone(from), None);
            let (keyed, elements) =
                self.elements(&scope, call.for_each.as_ref(), call.count.as_ref())?;
            let module = self.config.module(call.module);
            let mut instances = BTreeMap::new();
            for element in elements {
                let ix = self.add_module(ModuleInst {
                    ix: ModuleIx(0),
                    addr: from.addr.child(name, element.key.clone()),
                    module,
                    call: Some((from.ix, call)),
                    names: element.name.into_iter().map(|(n, m)| (n, Value::Map(m))).collect(),
                    functions: FunctionContext {
                        module_dir: module.dir.clone(),
                        ..from.functions.clone()
                    },
                    root_path: relative(&module.dir, &from.functions.root_dir),
                });
                instances.insert(element.key, ix);
            }
            Ok(Stored::Calls(Arc::new(CallExpansion { keyed, instances })))
        })?;
        match stored {
            Stored::Calls(calls) => Ok(calls),
            _ => Err(Diagnostics::new()),
        }
    }

    /// The value of a variable: what was given, else its default, converted to its type.
    pub(in crate::eval) fn variable(
        &self,
        module: &Arc<ModuleInst<'c>>,
        decl: &'c VariableDecl,
        loc: Option<&Loc>,
    ) -> Result<Arc<Value>, Diagnostics> {
        let name = &decl.name.value;
        self.value(Node::Variable(module.ix, name.clone()), loc, || {
            let ty = match &decl.ty {
                Some(expr) => parse_type(expr.source(), expr.node())?,
                None => Type::Any,
            };
            let literal = |expr: &Expr| {
                crate::eval::expr::evaluate(expr.node(), expr.source(), &Values::default())
                    .map(|v| (v, expr.loc()))
            };
            let given = match &module.call {
                None => self.config.supplied.get(name).map(|s| literal(&s.value)).transpose()?,
                Some((parent, call)) => match call.args.get(name) {
                    None => None,
                    Some(arg) => {
                        let scope = ModuleScope::new(self, self.module(*parent), None);
                        let names: Vec<(&str, &Value)> =
                            module.names.iter().map(|(n, v)| (*n, v)).collect();
                        Some((scope.evaluate(&arg.value, &names)?, arg.value.loc()))
                    }
                },
            };
            let default = || decl.default.as_ref().map(literal).transpose();
            let (value, at) = match given {
                Some((value, at)) if !value.is_null() || decl.nullable => (value, at),
                other => match (default()?, other) {
                    (Some(default), _) => default,
                    (None, Some((_, at))) => {
                        return Err(Diagnostic::error(format!(
                            "the variable `{name}` must not be null"
                        ))
                        .at(at)
                        .into());
                    }
                    (None, None) => {
                        return Err(missing_variable(module, decl).into());
                    }
                },
            };
            let hidden = decl.sensitive || value.has_sensitive();
            let value = convert(value, &ty).map_err(|error| {
                let place = if error.path == AttrPath::default() {
                    String::new()
                } else {
                    format!(" at `{}`", error.path.to_string().replacen("$", name, 1))
                };
                let message = if hidden && error.message.contains('`') {
                    "the value does not fit its type".to_owned()
                } else {
                    error.message.clone()
                };
                Diagnostic::error(format!(
                    "the variable `{name}` has a value of the wrong type{place}: {message}"
                ))
                .at(at)
                .help_opt(error.help.clone())
                .related(decl.loc.clone(), format!("it must be {}", ty.described()))
            })?;
            Ok(if decl.sensitive { value.sensitive() } else { value })
        })
    }

    /// The value of a local.
    pub(in crate::eval) fn local(
        &self,
        module: &Arc<ModuleInst<'c>>,
        name: &str,
        value: &Expr,
        loc: Option<&Loc>,
    ) -> Result<Arc<Value>, Diagnostics> {
        self.value(Node::Local(module.ix, name.to_owned()), loc, || {
            ModuleScope::new(self, Arc::clone(module), None).evaluate(value, &[])
        })
    }

    /// The value of an output.
    pub(in crate::eval) fn output(
        &self,
        module: &Arc<ModuleInst<'c>>,
        name: &str,
        loc: Option<&Loc>,
    ) -> Result<Arc<Value>, Diagnostics> {
        let Some(decl) = module.module.outputs.get(name) else { return Ok(Arc::default()) };
        self.value(Node::Output(module.ix, name.to_owned()), loc, || {
            let scope = ModuleScope::new(self, Arc::clone(module), None);
            let value = scope.evaluate(&decl.value, &[])?;
            for expr in &decl.depends_on {
                for object in scope.whole_reference(expr)? {
                    self.refers_to(object);
                }
            }
            Ok(if decl.sensitive { value.sensitive() } else { value })
        })
    }
}

fn missing_variable(module: &ModuleInst<'_>, decl: &VariableDecl) -> Diagnostic {
    let name = &decl.name.value;
    match &module.call {
        None => Diagnostic::error(format!("the variable `{name}` has no value"))
            .at(decl.loc.clone())
            .help(format!(
                "give it with `--var {name}=...`, in `palisade.vars.hcl`, or as `PALISADE_VAR_{name}`; or give it a `default`"
            )),
        Some((_, call)) => Diagnostic::error(format!(
            "the module `{}` needs the argument `{name}`",
            call.name.value
        ))
        .at(call.loc.clone())
        .related(decl.loc.clone(), "the variable has no default"),
    }
}

fn for_each_elements(value: Value, loc: &Loc) -> Result<Vec<Element>, Diagnostics> {
    let error = |summary: String, help: &str| {
        Err(Diagnostics::from(Diagnostic::error(summary).at(loc.clone()).help(help)))
    };
    let element = |key: String, value: Value| Element {
        key: Some(InstanceKey::Name(key.clone())),
        name: Some((
            "each",
            Attrs::from([("key".to_owned(), Value::String(key)), ("value".to_owned(), value)]),
        )),
    };
    match value {
        Value::Map(map) => Ok(map.into_iter().map(|(k, v)| element(k, v)).collect()),
        Value::Set(set) => {
            let mut all = Vec::with_capacity(set.len());
            for item in set {
                match item {
                    Value::String(text) => all.push(element(text.clone(), Value::String(text))),
                    Value::Unknown(unknown) => {
                        return error(
                            format!(
                                "an element of `for_each` is not known until apply: `{unknown}`"
                            ),
                            "use a map: its keys must be known, its values need not be",
                        );
                    }
                    Value::Sensitive(_) => {
                        return error(
                            "an element of `for_each` is sensitive, but keys are shown in addresses".to_owned(),
                            "use a map with keys that may be shown",
                        );
                    }
                    other => {
                        return error(
                            format!(
                                "`for_each` over a set takes strings, not a {}",
                                other.type_name()
                            ),
                            "use a map from names to values",
                        );
                    }
                }
            }
            Ok(all)
        }
        Value::Sensitive(_) => error(
            "`for_each` is sensitive, but keys are shown in addresses".to_owned(),
            "use `nonsensitive(...)` on keys that may be shown",
        ),
        Value::Unknown(_) => error(
            "`for_each` is not known until apply".to_owned(),
            "its keys must be known while planning; use keys that are written in the configuration, and put unknown values on the right-hand side",
        ),
        Value::List(_) => error(
            "`for_each` takes a map or a set of strings, not a list".to_owned(),
            "write `toset(...)`, or make a map: `{ for x in list : x.name => x }`",
        ),
        Value::Null => error("`for_each` is null".to_owned(), "use `{}` for no instances"),
        other => error(
            format!("`for_each` takes a map or a set of strings, not a {}", other.type_name()),
            "make a map from instance keys to values",
        ),
    }
}

fn count_elements(value: Value, loc: &Loc) -> Result<Vec<Element>, Diagnostics> {
    let error = |summary: String, help: &str| {
        Err(Diagnostics::from(Diagnostic::error(summary).at(loc.clone()).help(help)))
    };
    let help = "it must be a whole number, known while planning";
    let value = match convert(value, &Type::Number) {
        Ok(value) => value,
        Err(e) => return error(format!("`count` must be a number: {}", e.message), help),
    };
    if value.is_unknown() {
        return error("`count` is not known until apply".to_owned(), help);
    }
    match value.as_i64() {
        Some(count) if (0..=MAX_COUNT).contains(&count) => Ok((0..count)
            .map(|index| Element {
                key: Some(InstanceKey::Index(index.unsigned_abs())),
                name: Some(("count", Attrs::from([("index".to_owned(), Value::int(index))]))),
            })
            .collect()),
        Some(_) => error(format!("`count` must be 0 to {MAX_COUNT}"), help),
        None if value.is_null() => error("`count` is null".to_owned(), help),
        None => error("`count` must be a whole number".to_owned(), help),
    }
}
