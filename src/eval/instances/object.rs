//! Managed instances as data: one instance before its body is evaluated, all instances of a block,
//! and which of them a reference means. Nothing here asks the evaluator.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{InstanceKey, Placement, ResourceAddr};
use crate::config::ResourceDecl;
use crate::eval::expr::scope::suggest;
use crate::eval::modules::instance::{Keyed, ModuleIx};
use crate::ids::Handle;
use crate::schema::ManagedKind;
use crate::value::Value;

/// Above this many, the instances that a collection refers to are not all dependencies of whoever
/// gets one element of it: those in the element are.
pub(in crate::eval) const MANY: usize = 64;

/// A managed instance, by its place in the evaluator's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::eval) struct ObjectIx(pub(in crate::eval) usize);

/// One place of a block: the account's instance, and how addresses and references name it.
#[derive(Clone, Debug)]
pub(in crate::eval) struct InstancePlace {
    pub(in crate::eval) account: ObjectIx,
    pub(in crate::eval) placement: Placement,
}

/// One managed instance before its body is evaluated.
pub(in crate::eval) struct ExpandedInstance<'c> {
    pub(in crate::eval) ix: ObjectIx,
    pub(in crate::eval) address: ResourceAddr,
    pub(in crate::eval) module: ModuleIx,
    pub(in crate::eval) decl: &'c ResourceDecl,
    pub(in crate::eval) kind: &'static dyn ManagedKind,
    /// `each` or `count`, as its body sees them.
    pub(in crate::eval) names: Vec<(&'static str, Value)>,
    pub(in crate::eval) place: Option<InstancePlace>,
    /// An account's handle.
    pub(in crate::eval) handle: Option<Handle>,
    /// What its `for_each` element refers to.
    pub(in crate::eval) deps: BTreeSet<ObjectIx>,
}

impl ExpandedInstance<'_> {
    /// What its body sees besides its module's names.
    pub(in crate::eval) fn names(&self) -> Vec<(&str, &Value)> {
        self.names.iter().map(|(n, v)| (*n, v)).collect()
    }
}

/// The instances of a block.
pub(in crate::eval) struct Expansion {
    pub(in crate::eval) keyed: Keyed,
    pub(in crate::eval) placed: bool,
    /// By key, then by place.
    pub(in crate::eval) instances:
        BTreeMap<Option<InstanceKey>, BTreeMap<Option<Placement>, ObjectIx>>,
}

/// What a place determines for the instances there.
#[derive(Default)]
pub(in crate::eval) struct HomeFacts {
    pub(in crate::eval) account_id: Value,
    /// The environment's region, else the account's.
    pub(in crate::eval) region: Option<String>,
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
        suggest(if matches!(self, Self::Several) { "" } else { wanted }, &near)
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
        from: Option<&ExpandedInstance<'_>>,
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
