//! Named values of a module instance: variables, locals and outputs.

use std::sync::Arc;

use crate::config::{Expr, VariableDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::Node;
use crate::eval::expr::evaluate;
use crate::eval::expr::scope::Values;
use crate::eval::expr::types::parse_type;
use crate::eval::modules::instance::ModuleInst;
use crate::eval::modules::scope::ModuleScope;
use crate::schema::SensitiveTexts;
use crate::value::convert::{Type, convert};
use crate::value::{AttrPath, Value};

impl<'c> Evaluator<'c> {
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
                let value = evaluate(expr.node(), expr.source(), &Values::default());
                let value = match decl.sensitive {
                    true => value.map_err(|errors| without_values(name, errors)),
                    false => value,
                };
                value.map(|value| (value, expr.loc()))
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
            of_its_type(decl, &ty, value, at)
        })
    }

    /// Defaults that do not fit their types, whether anything needs them or not.
    pub(in crate::eval) fn wrong_defaults(&self, errors: &mut Diagnostics) {
        for decl in self.config.modules.iter().flat_map(|module| module.variables.values()) {
            let (Some(ty), Some(default)) = (&decl.ty, &decl.default) else { continue };
            let Ok(ty) = parse_type(ty.source(), ty.node()) else { continue };
            let value = evaluate(default.node(), default.source(), &Values::default());
            let fits = value.and_then(|value| of_its_type(decl, &ty, value, default.loc()));
            if let Err(more) = fits {
                errors.extend(more);
            }
        }
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
            Ok(value)
        })
    }
}

/// Errors in a sensitive value without any part of it: messages quote values, and excerpts show the whole line.
fn without_values(name: &str, errors: Diagnostics) -> Diagnostics {
    let hidden = |error: Diagnostic| {
        let mut hidden =
            Diagnostic::error(format!("the value of the sensitive variable `{name}` is not valid"))
                .help("the reason may quote the value, so it is not shown: try the expression with another value in `palisade console`");
        hidden.loc = error.loc.map(Loc::without_values);
        hidden
    };
    errors.into_iter().map(hidden).collect()
}

/// The value of a variable, converted to its type.
fn of_its_type(
    decl: &VariableDecl,
    ty: &Type,
    value: Value,
    at: Loc,
) -> Result<Value, Diagnostics> {
    let name = &decl.name.value;
    let value = if decl.sensitive { value.sensitive() } else { value };
    let secrets = SensitiveTexts::of(&value);
    convert(value, ty).map_err(|error| {
        let place = if error.path == AttrPath::default() {
            String::new()
        } else {
            format!(" at `{}`", error.path.to_string().replacen("$", name, 1))
        };
        let message = secrets.hidden_in(&error.message);
        let at = if decl.sensitive { at.without_values() } else { at };
        Diagnostic::error(format!(
            "the variable `{name}` has a value of the wrong type{place}: {message}"
        ))
        .at(at)
        .help_opt(error.help)
        .related(decl.loc.clone(), format!("it must be {}", ty.described()))
        .into()
    })
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
