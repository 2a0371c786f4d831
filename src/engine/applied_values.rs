//! What objects are to be, evaluated again during an apply as AWS assigns what the plan left unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::address::ResourceAddr;
use crate::apply::Desired;
use crate::diag::Diagnostics;
use crate::eval::release::Release;
use crate::eval::{Evaluator, Looked, LookupFailure, ValueSource};
use crate::ids::{AccountId, Handle};
use crate::plan::decide;
use crate::plan::model::PlannedObjects;
use crate::provider::Failure;
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::schema::data::Lookup;
use crate::schema::{kinds, ownership};
use crate::value::{Attrs, Value};

use super::known_values::KnownValues;
use super::refresh::PlanInputs;

/// What the plan knew, and over it what this apply has made.
pub(super) struct AppliedValues<'a> {
    base: KnownValues<'a>,
    accounts: BTreeMap<Handle, ResourceAddr>,
    learned: Mutex<BTreeMap<ResourceAddr, Attrs>>,
}

impl<'a> AppliedValues<'a> {
    /// On top of what a plan knew of these accounts.
    #[must_use]
    pub(super) fn over(base: KnownValues<'a>, accounts: BTreeMap<ResourceAddr, Handle>) -> Self {
        let accounts = accounts.into_iter().map(|(address, handle)| (handle, address)).collect();
        Self { base, accounts, learned: Mutex::default() }
    }

    /// The accounts that this apply has made, with their ids.
    fn made(&self) -> BTreeMap<&Handle, AccountId> {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let id = |address: &ResourceAddr| learned.get(address)?.get("id")?.as_str()?.parse().ok();
        self.accounts.iter().filter_map(|(handle, address)| Some((handle, id(address)?))).collect()
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

    fn recorded_text(&self, address: &ResourceAddr, attr: &str) -> Option<String> {
        self.base.recorded_text(address, attr)
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

    fn reads_lookups(&self) -> bool {
        self.base.lookups.has_deferred()
    }

    fn is_deferred(&self, lookup: &Lookup) -> bool {
        let is_made = || lookup.account().is_some_and(|account| self.made().contains_key(account));
        self.base.is_deferred(lookup) && !is_made()
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

    /// What an evaluation asks of AWS that waited for this apply and can be read by now. `evaluate` is that
    /// evaluation; what is wrong with it shows when its result is needed.
    fn to_look_up(&self, evaluate: &(dyn Fn() + Sync)) -> BTreeSet<Lookup> {
        if !self.known.base.lookups.has_deferred() {
            return BTreeSet::new();
        }
        self.evaluator.known_moved();
        evaluate();
        let mut asked = self.evaluator.unread_lookups();
        asked.retain(|lookup| self.known.looked_up(lookup).is_none());
        asked
    }

    /// Reads what an evaluation asks of AWS in the accounts that this apply has made. One lookup may say where
    /// another one looks.
    async fn read_deferred(&self, evaluate: &(dyn Fn() + Sync)) {
        const LONGEST_CHAIN: usize = 8;
        let (provider, lookups) = (self.inputs.provider.as_ref(), &self.known.base.lookups);
        let clock = self.inputs.store.ledger.shared_clock();
        for _ in 0..LONGEST_CHAIN {
            let asked = self.to_look_up(evaluate);
            if asked.is_empty() {
                return;
            }
            let mut targets = self.inputs.targets.clone();
            let mut made = BTreeSet::new();
            for (handle, id) in self.known.made() {
                if let Some(target) = targets.accounts.get_mut(handle)
                    && target.id.is_none()
                {
                    target.id = Some(id);
                    made.insert(handle.clone());
                }
            }
            // Nothing has made their read roles yet.
            targets.read_through_access_role(&made);
            let policy =
                RetryPolicy::Operation { new_account: true, on_new: true, creating: false };
            let (mut progress, mut asked) = (RetryProgress::default(), asked);
            loop {
                let caller = self.inputs.provider.caller().shared();
                lookups.read(provider, &caller, &targets, asked.clone(), asked.len()).await;
                asked.retain(|lookup| {
                    matches!(
                        self.known.looked_up(lookup),
                        Some(Err(LookupFailure { passes: true, .. }))
                    )
                });
                let pause = policy.pause(Failure::CannotAssume, &mut progress);
                match pause.filter(|_| !asked.is_empty()) {
                    Some(pause) => clock.sleep(pause).await,
                    None => break,
                }
            }
        }
    }

    /// Reads what the outputs ask of AWS in accounts that this apply has made.
    pub(super) async fn look_up_for_outputs(&self) {
        self.read_deferred(&|| drop(self.evaluator.outputs())).await;
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

    fn waits_for_lookups(&self, address: &ResourceAddr) -> bool {
        !self.to_look_up(&|| drop(self.evaluator.resolve(address))).is_empty()
    }

    fn look_up<'s>(&'s self, address: &'s ResourceAddr) -> BoxFuture<'s, ()> {
        async move { self.read_deferred(&|| drop(self.evaluator.resolve(address))).await }.boxed()
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
