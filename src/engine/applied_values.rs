//! What objects are to be, evaluated again during an apply as AWS assigns what the plan left unknown.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::address::ResourceAddr;
use crate::apply::Desired;
use crate::diag::Diagnostics;
use crate::eval::release::Release;
use crate::eval::{Evaluator, Looked, ValueSource};
use crate::ids::AccountId;
use crate::plan::decide;
use crate::plan::model::PlannedObjects;
use crate::schema::data::Lookup;
use crate::schema::{kinds, ownership};
use crate::value::{Attrs, Value};

use super::known_values::KnownValues;
use super::refresh::PlanInputs;

/// What the plan knew, and over it what this apply has made.
pub(super) struct AppliedValues<'a> {
    base: KnownValues<'a>,
    learned: Mutex<BTreeMap<ResourceAddr, Attrs>>,
}

impl<'a> AppliedValues<'a> {
    /// On top of what a plan knew.
    #[must_use]
    pub(super) fn over(base: KnownValues<'a>) -> Self {
        Self { base, learned: Mutex::default() }
    }

    fn learn(&self, address: &ResourceAddr, attrs: &Attrs) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.insert(address.clone(), attrs.clone());
    }
}

impl ValueSource for AppliedValues<'_> {
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs> {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.get(address).cloned().or_else(|| self.base.attrs(address))
    }

    fn management_account(&self) -> Option<AccountId> {
        self.base.management_account()
    }

    fn lineage(&self) -> Option<&str> {
        self.base.lineage()
    }

    fn looked_up(&self, lookup: &Lookup) -> Option<Looked> {
        self.base.looked_up(lookup)
    }

    fn requires_lookups(&self) -> bool {
        self.base.requires_lookups()
    }

    fn release(&self, environment: &str, release: &str) -> Option<Release> {
        self.base.release(environment, release)
    }
}

/// Resolves objects of one estate during an apply. What the plan decided of an object stands; only an
/// object in which something was unknown is evaluated again, and of the rest of the configuration only
/// what it refers to.
pub(super) struct Resolver<'a> {
    evaluator: Evaluator<'a>,
    known: &'a AppliedValues<'a>,
    inputs: &'a PlanInputs,
    planned: PlannedObjects,
}

impl<'a> Resolver<'a> {
    /// Over the inputs that the plan was made from, and what it has decided.
    #[must_use]
    pub(super) fn new(
        inputs: &'a PlanInputs,
        known: &'a AppliedValues<'a>,
        planned: PlannedObjects,
    ) -> Self {
        Self { evaluator: Evaluator::new(&inputs.configuration, known), known, inputs, planned }
    }

    /// The evaluator, for outputs at the end.
    #[must_use]
    pub(super) fn evaluator(&self) -> &Evaluator<'a> {
        &self.evaluator
    }
}

impl Desired for Resolver<'_> {
    fn resolve(&self, address: &ResourceAddr) -> Result<Attrs, Diagnostics> {
        if let Some(planned) = self.planned.get(address) {
            let mut desired = planned.desired.clone();
            // The mark of a first apply is filled in here: nothing else of the object depends on it.
            ownership::settle(&mut desired, address, self.known.base.lineage);
            if !desired.values().any(Value::has_unknown) {
                return Ok(desired);
            }
        }
        self.evaluator.known_moved();
        let instance = self.evaluator.resolve(address)?;
        let Some(kind) = kinds::kind(&address.kind) else { return Ok(instance.desired) };
        let recorded = self.known.base.resources.get(address);
        let before = recorded.and_then(|r| self.inputs.live.recorded(address, r).object());
        Ok(match before {
            Some(before) => {
                let meta = kind.meta(&instance.body);
                decide::settled(kind, &instance, &meta, &before.attrs, recorded)
            }
            None => instance.desired,
        })
    }

    fn learned(&self, address: &ResourceAddr, attrs: &Attrs) {
        self.known.learn(address, attrs);
    }

    fn meta(&self, address: &ResourceAddr) -> Attrs {
        let instance = self.inputs.estate.instances.get(address);
        let (Some(instance), Some(kind)) = (instance, kinds::kind(&address.kind)) else {
            return Attrs::new();
        };
        let planned = self.planned.get(address).map(|planned| planned.meta.clone());
        let meta = planned.unwrap_or_else(|| kind.meta(&instance.body));
        if !meta.values().any(Value::has_unknown) {
            return meta;
        }
        // What the block declares may name what this run has made.
        self.evaluator.known_moved();
        self.evaluator.resolve(address).map_or(meta, |now| kind.meta(&now.body))
    }
}
