//! Placement: in which accounts (and environments) a block has instances, and which instance a reference means.

use std::collections::BTreeSet;

use crate::address::{ACCOUNT, Placement};
use crate::config::{Expr, ResourceDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::Evaluator;
use crate::eval::instances::object::{ExpandedInstance, InstancePlace};
use crate::eval::modules::scope::ModuleScope;
use crate::value::Value;

impl<'c> Evaluator<'c> {
    /// Where a block is placed, evaluated with the names of one of its elements in scope.
    pub(in crate::eval) fn placed_at(
        &self,
        scope: &ModuleScope<'_, 'c>,
        decl: &'c ResourceDecl,
        names: &[(&str, &Value)],
    ) -> Result<Vec<InstancePlace>, Diagnostics> {
        let mut places = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |account: &ExpandedInstance<'_>, environment: Option<&str>| {
            let Some(handle) = account.handle.clone() else { return };
            let environment = environment.map(str::to_owned);
            let placement = Placement { account: handle, environment };
            if seen.insert(placement.clone()) {
                places.push(InstancePlace { account: account.ix, placement });
            }
        };
        match (&decl.meta.accounts, &decl.meta.environments) {
            (Some(expr), None) => {
                let value = scope.evaluate(expr, names)?;
                for account in self.accounts_in(&value, expr)? {
                    add(&account, None);
                }
            }
            (None, Some(expr)) => {
                let value = scope.evaluate(expr, names)?;
                for name in environments_in(&value, expr)? {
                    for account in self.environment_accounts(&name, &expr.loc())? {
                        add(&account, Some(&name));
                    }
                }
            }
            (Some(accounts), Some(environments)) => {
                return Err(Diagnostic::error("`accounts` and `environments` exclude each other")
                    .at(accounts.loc())
                    .related(environments.loc(), "`environments` is here")
                    .into());
            }
            (None, None) => {
                return Err(Diagnostic::error(format!(
                    "`{}.{}` is not placed: it has neither `accounts` nor `environments`",
                    decl.kind, decl.label.value
                ))
                .at(decl.loc.clone())
                .help("say where it lives, as in `environments = [environment.staging]` or `accounts = [account.audit]`")
                .into());
            }
        }
        Ok(places)
    }

    /// The account instances in a value.
    pub(in crate::eval) fn accounts_in(
        &self,
        value: &Value,
        expr: &Expr,
    ) -> Result<Vec<std::sync::Arc<ExpandedInstance<'c>>>, Diagnostics> {
        blocks_in(value, expr, ACCOUNT, "account.production")?
            .into_iter()
            .map(|(address, loc)| {
                self.object_at(&address).ok_or_else(|| {
                    Diagnostic::error(format!("there is no account `{address}`")).at(loc).into()
                })
            })
            .collect()
    }
}

fn environments_in(value: &Value, expr: &Expr) -> Result<Vec<String>, Diagnostics> {
    Ok(blocks_in(value, expr, "environment", "environment.staging")?
        .into_iter()
        .map(|(address, _)| address.name.clone())
        .collect())
}

/// Addresses of the blocks of one kind in a list, set, object or single reference.
fn blocks_in(
    value: &Value,
    expr: &Expr,
    kind: &str,
    example: &str,
) -> Result<Vec<(crate::address::ResourceAddr, Loc)>, Diagnostics> {
    let locs: Vec<Loc> = match expr.node() {
        hcl::edit::expr::Expression::Array(array) => array.iter().map(|e| expr.loc_of(e)).collect(),
        _ => Vec::new(),
    };
    let items: Vec<&Value> = match value.reveal() {
        Value::List(list) => list.iter().collect(),
        Value::Set(set) => set.iter().collect(),
        Value::Map(map) => map.values().collect(),
        one => vec![one],
    };
    let mut found = Vec::new();
    let mut errors = Diagnostics::new();
    for (index, item) in items.into_iter().enumerate() {
        let loc = locs.get(index).cloned().unwrap_or_else(|| expr.loc());
        match item.reveal() {
            Value::Block(block) if block.address.kind == kind => {
                found.push((block.address.clone(), loc));
            }
            // An element that is itself a multiplied block.
            Value::Map(map)
                if !map.is_empty()
                    && map
                        .values()
                        .all(|v| matches!(v, Value::Block(b) if b.address.kind == kind)) =>
            {
                for value in map.values() {
                    if let Value::Block(block) = value {
                        found.push((block.address.clone(), loc.clone()));
                    }
                }
            }
            other => {
                let what = match &other {
                    Value::Block(block) => format!("`{}`", block.address),
                    Value::Unknown(_) => "a value that is not known until apply".to_owned(),
                    Value::Null => "null".to_owned(),
                    other => format!("a {}", other.type_name()),
                };
                let error =
                    Diagnostic::error(format!("this must be a reference to an {kind}, not {what}"))
                        .at(loc)
                        .help(format!("as in `{example}`"));
                errors.push(match other {
                    Value::Unknown(_) => error.needing_value(),
                    _ => error,
                });
            }
        }
    }
    errors.into_result(found)
}
