//! Placement: in which accounts (and environments) a block has instances, and which instance a reference means.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{ACCOUNT, InstanceKey, Placement};
use crate::config::{Expr, ResourceDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::engine::{Engine, ObjectIx};
use crate::eval::instances::{Expansion, Object};
use crate::eval::modules::scope::ModuleScope;
use crate::ids::Handle;
use crate::value::Value;

/// One place of a block: the account's instance, and how addresses and references name it.
#[derive(Clone, Debug)]
pub(in crate::eval) struct Place {
    pub(in crate::eval) account: ObjectIx,
    pub(in crate::eval) placement: Placement,
}

/// Why `.at["..."]` names no instance.
pub(in crate::eval) enum AtProblem {
    /// There is none there.
    None,
    /// The account serves several environments.
    Several,
}

impl AtProblem {
    pub(in crate::eval) fn summary(&self) -> &'static str {
        match self {
            Self::None => "has no instance at",
            Self::Several => "has several instances at",
        }
    }

    pub(in crate::eval) fn choices(
        &self,
        expansion: &Expansion,
        key: Option<&InstanceKey>,
        wanted: &str,
    ) -> String {
        let places: Vec<String> = expansion.places(key).into_iter().map(|(p, _)| p).collect();
        let near: Vec<&str> = match self {
            Self::Several => places
                .iter()
                .filter(|p| p.split('/').next() == Some(wanted))
                .map(String::as_str)
                .collect(),
            Self::None => places.iter().map(String::as_str).collect(),
        };
        crate::eval::expr::scope::suggest(
            if matches!(self, Self::Several) { "" } else { wanted },
            &near,
        )
    }
}

/// The instances in one account: neighbours in the order of places.
fn in_account<'p>(
    places: &'p BTreeMap<Option<Placement>, ObjectIx>,
    account: &Handle,
) -> impl Iterator<Item = (&'p Placement, ObjectIx)> {
    let first = Some(Placement { account: account.clone(), environment: None });
    places
        .range(first..)
        .map_while(move |(p, ix)| Some((p.as_ref().filter(|p| p.account == *account)?, *ix)))
}

impl Expansion {
    fn of(&self, key: Option<&InstanceKey>) -> Option<&BTreeMap<Option<Placement>, ObjectIx>> {
        self.instances.get(&key.cloned())
    }

    /// The places of one key as `.at` names them: the account's handle, with the environment where
    /// the account alone would be ambiguous.
    pub(in crate::eval) fn places(&self, key: Option<&InstanceKey>) -> Vec<(String, ObjectIx)> {
        let Some(places) = self.of(key) else { return Vec::new() };
        let mut per_account: BTreeMap<&str, usize> = BTreeMap::new();
        for place in places.keys().flatten() {
            *per_account.entry(place.account.as_str()).or_default() += 1;
        }
        places
            .iter()
            .filter_map(|(place, ix)| {
                let place = place.as_ref()?;
                let account = place.account.as_str();
                Some(match &place.environment {
                    Some(environment) if per_account.get(account).is_some_and(|n| *n > 1) => {
                        (format!("{account}/{environment}"), *ix)
                    }
                    _ => (account.to_owned(), *ix),
                })
            })
            .collect()
    }

    /// The instance that `.at["account"]` or `.at["account/environment"]` names.
    pub(in crate::eval) fn at(
        &self,
        key: Option<&InstanceKey>,
        wanted: &str,
    ) -> Result<ObjectIx, AtProblem> {
        let places = self.of(key).ok_or(AtProblem::None)?;
        let (account, environment) = match wanted.split_once('/') {
            Some((account, environment)) => (account, Some(environment)),
            None => (wanted, None),
        };
        let Ok(account) = account.parse::<Handle>() else { return Err(AtProblem::None) };
        let mut found = in_account(places, &account)
            .filter(|(p, _)| environment.is_none() || p.environment.as_deref() == environment)
            .map(|(_, ix)| ix);
        match (found.next(), found.next()) {
            (Some(ix), None) => Ok(ix),
            (None, _) => Err(AtProblem::None),
            (Some(_), Some(_)) => Err(AtProblem::Several),
        }
    }

    /// The instance that a bare reference means: that in the account and environment of the one
    /// that refers, else the only one in its account, else the only one at all.
    pub(in crate::eval) fn bare(
        &self,
        key: Option<&InstanceKey>,
        from: Option<&Object<'_>>,
    ) -> Result<ObjectIx, ()> {
        let places = self.of(key).ok_or(())?;
        if let Some(here) = from.and_then(|f| f.place.as_ref()).map(|p| &p.placement) {
            if let Some(ix) = places.get(&Some(here.clone())) {
                return Ok(*ix);
            }
            let bare = Placement { environment: None, ..here.clone() };
            if let Some(ix) = places.get(&Some(bare)) {
                return Ok(*ix);
            }
            let mut same = in_account(places, &here.account);
            if let (Some((_, ix)), None) = (same.next(), same.next()) {
                return Ok(ix);
            }
        }
        let mut all = places.values();
        match (all.next(), all.next()) {
            (Some(ix), None) => Ok(*ix),
            _ => Err(()),
        }
    }
}

impl<'c> Engine<'c> {
    /// Where a block is placed, evaluated with the names of one of its elements in scope.
    pub(in crate::eval) fn placed_at(
        &self,
        scope: &ModuleScope<'_, 'c>,
        decl: &'c ResourceDecl,
        names: &[(&str, &Value)],
    ) -> Result<Vec<Place>, Diagnostics> {
        let mut places = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |account: &Object<'_>, environment: Option<&str>| {
            let Some(handle) = account.handle.clone() else { return };
            let environment = environment.map(str::to_owned);
            let placement = Placement { account: handle, environment };
            if seen.insert(placement.clone()) {
                places.push(Place { account: account.ix, placement });
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
    ) -> Result<Vec<std::sync::Arc<Object<'c>>>, Diagnostics> {
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
                let what = match other {
                    Value::Block(block) => format!("`{}`", block.address),
                    Value::Unknown(_) => "a value that is not known until apply".to_owned(),
                    Value::Null => "null".to_owned(),
                    other => format!("a {}", other.type_name()),
                };
                errors.push(
                    Diagnostic::error(format!("this must be a reference to an {kind}, not {what}"))
                        .at(loc)
                        .help(format!("as in `{example}`")),
                );
            }
        }
    }
    errors.into_result(found)
}
