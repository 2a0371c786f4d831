//! The expansion of module calls, and of `for_each` and `count` wherever they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::InstanceKey;
use crate::config::Expr;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::functions::FunctionContext;
use crate::eval::modules::instance::{
    CallExpansion, Element, Keyed, ModuleInst, ModuleIx, relative,
};
use crate::eval::modules::scope::ModuleScope;
use crate::value::convert::{Type, convert};
use crate::value::{Attrs, Value};

/// How deep modules may call modules.
const MAX_MODULES: usize = 32;
/// How many instances `count` may make.
const MAX_COUNT: i64 = 100_000;

impl<'c> Evaluator<'c> {
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
            self.room_for_modules(elements.len(), &call.loc)?;
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
                        package: module.package.clone(),
                        ..from.functions.clone()
                    },
                    module_path: relative(&from.functions.root_dir, &module.dir),
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
    let unknown = |summary: String, help: &str| {
        let error = Diagnostic::error(summary).at(loc.clone()).help(help);
        Err(Diagnostics::from(error.needing_value()))
    };
    match value {
        Value::Map(map) => Ok(map.into_iter().map(|(k, v)| element(k, v)).collect()),
        Value::Set(set) => {
            let mut all = Vec::with_capacity(set.len());
            for item in set {
                match item {
                    Value::String(text) => all.push(element(text.clone(), Value::String(text))),
                    Value::Unknown(element) => {
                        return unknown(
                            format!(
                                "an element of `for_each` is not known until apply: `{element}`"
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
        Value::Unknown(_) => unknown(
            "`for_each` is not known until apply".to_owned(),
            "its keys must be known while planning; use keys that are written in the configuration, and put unknown values on the right-hand side",
        ),
        // One branch of a condition often is `[]`, of which nobody can tell whether it is a set.
        Value::List(list) if list.is_empty() => Ok(Vec::new()),
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
        let error = Diagnostic::error("`count` is not known until apply");
        return Err(error.at(loc.clone()).help(help).needing_value().into());
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
