//! What AWS has assigned so far: the source of values that no expression can compute.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::eval::release::Release;
use crate::ids::AccountId;
use crate::schema::data::Lookup;
use crate::value::Attrs;

/// What AWS says to a [`Lookup`]: what it tells of it, nothing where there is no such thing, or why it could
/// not be asked.
pub type Looked = Result<Option<Arc<LookedUp>>, LookupFailure>;

/// What AWS tells of something that was looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// What could be read.
    pub attrs: Attrs,
    /// Attributes that could not be read, and why.
    pub unread: BTreeMap<String, String>,
}

/// Why something could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupFailure {
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub advice: Option<String>,
    /// Whether it may pass by itself, such as in an account that was made a moment ago.
    pub passes: bool,
}

/// What is known of objects that exist. Plan fills it from state and live reads; apply adds to it
/// as objects come into being.
pub trait ValueSource: Send + Sync {
    /// Canonical and computed attributes of an object that exists.
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs>;

    /// A text that state records of an object under this very address.
    fn recorded_text(&self, _address: &ResourceAddr, _attr: &str) -> Option<String> {
        None
    }

    /// The management account, where it has been discovered.
    fn management_account(&self) -> Option<AccountId> {
        None
    }

    /// The lineage of the estate's state; `None` before the first apply.
    fn lineage(&self) -> Option<&str> {
        None
    }

    /// What was looked up for a `data` block; `None` where that was not asked yet.
    fn looked_up(&self, _lookup: &Lookup) -> Option<Looked> {
        None
    }

    /// Whether lookups that are not there yet will be read, and everything evaluated again.
    fn reads_lookups(&self) -> bool {
        false
    }

    /// Whether a lookup waits for an apply: its account is made there.
    fn is_deferred(&self, _lookup: &Lookup) -> bool {
        false
    }

    /// Whether what cannot be looked up is an error. Where it is none it is unknown, and what needs it is left out.
    fn requires_lookups(&self) -> bool {
        true
    }

    /// The release that stands in an environment, by its name. Not asked about the release's entry
    /// environment: that one takes it from configuration.
    fn release(&self, _environment: &str, _release: &str) -> Option<Release> {
        None
    }
}

/// Nothing exists yet, or nothing may be asked (`validate`).
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl ValueSource for NothingKnown {
    fn reads_lookups(&self) -> bool {
        true
    }

    fn attrs(&self, _address: &ResourceAddr) -> Option<Attrs> {
        None
    }
}
