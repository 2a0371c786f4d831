//! What AWS has assigned so far: the source of values that no expression can compute.

use crate::address::ResourceAddr;
use crate::eval::release::Release;
use crate::ids::AccountId;
use crate::value::Attrs;

/// What is known of objects that exist. Plan fills it from state and live reads; apply adds to it
/// as objects come into being.
pub trait ValueSource: Send + Sync {
    /// Canonical and computed attributes of an object that exists.
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs>;

    /// The management account, where it has been discovered.
    fn management_account(&self) -> Option<AccountId> {
        None
    }

    /// The lineage of the estate's state; `None` before the first apply.
    fn lineage(&self) -> Option<&str> {
        None
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
    fn attrs(&self, _address: &ResourceAddr) -> Option<Attrs> {
        None
    }
}
