//! What AWS has assigned so far, from state and from what was read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::eval::estate::Estate;
use crate::eval::release::Release;
use crate::eval::{Looked, ValueSource};
use crate::ids::AccountId;
use crate::live::{Adoptions, Live, LiveLookup};
use crate::schema::data::Lookup;
use crate::schema::kinds;
use crate::state::model::Resources;
use crate::value::{Attrs, Value};

use super::lookups::LookupResults;
use super::plan_request::FailedLookups;

/// State, and what was read from AWS over it.
pub struct KnownValues<'a> {
    /// What state holds.
    pub resources: &'a Resources,
    /// The lineage of the state; empty before the first apply.
    pub lineage: &'a str,
    /// What was read; state alone counts where nothing was.
    pub live: Option<&'a Live>,
    /// The management account, once discovered.
    pub management: Option<AccountId>,
    /// The releases that stand in environments.
    pub releases: &'a ReleasesInForce,
    /// What was looked up for `data` blocks.
    pub lookups: Arc<LookupResults>,
    /// What is about to be adopted: its id is known before state holds it.
    pub adopted: Adoptions,
    /// What a plan makes anew: what AWS assigned to the old object is not what it will assign to the new one.
    pub renewed: BTreeSet<ResourceAddr>,
}

impl<'a> KnownValues<'a> {
    /// What state alone tells.
    #[must_use]
    pub(super) fn of_state(
        resources: &'a Resources,
        lineage: &'a str,
        releases: &'a ReleasesInForce,
    ) -> Self {
        Self {
            resources,
            lineage,
            live: None,
            management: None,
            releases,
            lookups: Arc::default(),
            adopted: Adoptions::new(),
            renewed: BTreeSet::new(),
        }
    }
}

/// The releases that plans are made with: by environment, then by the release's name.
pub type ReleasesInForce = BTreeMap<String, BTreeMap<String, Release>>;

impl ValueSource for KnownValues<'_> {
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs> {
        if self.renewed.contains(address) {
            return None;
        }
        let Some(recorded) = self.resources.get(address) else {
            let (key, live) = (self.adopted.get(address)?, self.live?);
            let schema = kinds::kind(&address.kind)?.schema();
            let object = live.by_key(schema, address, key).object();
            return object.map(|object| object.attrs.clone());
        };
        let state =
            || recorded.attrs.iter().map(|(k, v)| (k.clone(), revealed(v))).collect::<Attrs>();
        let Some(live) = self.live else { return Some(state()) };
        match live.recorded(address, recorded) {
            LiveLookup::Object(object) => {
                let mut attrs = object.attrs.clone();
                for name in object.unread.keys() {
                    attrs
                        .extend(state().get(name).map(|value| ((*name).to_owned(), value.clone())));
                }
                Some(attrs)
            }
            LiveLookup::Unread(_) => Some(state()),
            // Gone: what it had is no more, and what its successor will have is not known yet.
            LiveLookup::Missing => None,
        }
    }

    fn recorded_text(&self, address: &ResourceAddr, attr: &str) -> Option<String> {
        self.resources.get(address)?.attrs.get(attr)?.as_str().map(str::to_owned)
    }

    fn management_account(&self) -> Option<AccountId> {
        self.management.clone()
    }

    fn lineage(&self) -> Option<&str> {
        Some(self.lineage).filter(|lineage| !lineage.is_empty())
    }

    fn looked_up(&self, lookup: &Lookup) -> Option<Looked> {
        self.lookups.get(lookup)
    }

    fn reads_lookups(&self) -> bool {
        true
    }

    fn is_deferred(&self, lookup: &Lookup) -> bool {
        self.lookups.is_deferred(lookup)
    }

    fn requires_lookups(&self) -> bool {
        self.lookups.failed() == FailedLookups::Refused
    }

    fn release(&self, environment: &str, release: &str) -> Option<Release> {
        self.releases.get(environment)?.get(release).cloned()
    }
}

impl KnownValues<'_> {
    /// The first attribute of which `before` told something else than is known now, among those that
    /// evaluation asks for: what AWS assigns to the objects of the estate.
    #[must_use]
    pub fn difference<'e>(
        &self,
        before: &KnownValues<'_>,
        estate: &'e Estate,
    ) -> Option<(&'e ResourceAddr, &'static str)> {
        fn known<'a>(attrs: Option<&'a Attrs>, name: &str) -> Option<&'a Value> {
            attrs?.get(name).filter(|value| !value.is_null())
        }
        estate.instances.iter().find_map(|(address, instance)| {
            let kind = kinds::kind(&address.kind)?;
            let schema = kind.schema();
            let computed = schema.computed;
            // What AWS gives a new object where its block says nothing is asked for as it stands.
            let is_given = |name: &str| {
                instance.computed.contains_key(name) && computed.iter().all(|c| c.name != name)
            };
            let given = schema.block.attrs.iter().map(|a| a.name).filter(|name| is_given(name));
            // Where an object is declared and not compared with AWS, AWS has nothing to say of it.
            if computed.is_empty() || kind.only_declared(&instance.desired) {
                return None;
            }
            let (before, now) = (before.attrs(address), self.attrs(address));
            // What is declared is not asked for, and neither is what follows from what is declared, as
            // most ARNs do: of that nothing was told before, and it is known all the same.
            let asked = |name: &str, before: Option<&Value>| {
                !instance.desired.contains_key(name)
                    && (before.is_some()
                        || is_given(name)
                        || instance.computed.get(name).is_none_or(Value::has_unknown))
            };
            let differs = |name| {
                let before = known(before.as_ref(), name);
                before != known(now.as_ref(), name) && asked(name, before)
            };
            let mut names = computed.iter().map(|c| c.name).chain(given);
            Some((address, names.find(|name| differs(name))?))
        })
    }
}

/// A value as state keeps it; of a sensitive one nothing but its fingerprint is there.
fn revealed(value: &Value) -> Value {
    match value.as_map() {
        Some(object) if object.len() == 1 && object.contains_key("fingerprint") => {
            Value::Null.sensitive()
        }
        _ => value.clone(),
    }
}
