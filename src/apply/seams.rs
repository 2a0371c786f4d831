//! What apply needs from above: values that become known on the way, secrets, a last look at the walls.

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::value::Attrs;

/// The desired attributes of objects, resolved as the world fills in what the plan left unknown.
pub trait Desired: Send + Sync {
    /// The canonical attributes that an object shall have, as planned: what the block says, with what
    /// is live and shall be left alone. Secrets stand as references. Nothing may be unknown any more.
    ///
    /// # Errors
    /// What is still unknown, or what AWS would refuse now that it is known.
    fn resolve(&self, address: &ResourceAddr) -> Result<Attrs, Diagnostics>;

    /// Whether the object's block asks something of AWS that can be read only now, because this apply has made the
    /// account it stands in. Then [`Self::look_up`] comes before [`Self::resolve`].
    fn waits_for_lookups(&self, _address: &ResourceAddr) -> bool {
        false
    }

    /// Reads what the object's block asks of AWS. What goes wrong shows in [`Self::resolve`].
    fn look_up<'s>(&'s self, _address: &'s ResourceAddr) -> BoxFuture<'s, ()> {
        futures::future::ready(()).boxed()
    }

    /// An operation on the object is done: these are its canonical and computed attributes now.
    fn learned(&self, address: &ResourceAddr, attrs: &Attrs);

    /// Settings of the block that only Palisade knows (`on_destroy`, `exclusive`).
    fn meta(&self, _address: &ResourceAddr) -> Attrs {
        Attrs::new()
    }

    /// Checks the object's postconditions, now that it is as desired.
    ///
    /// # Errors
    /// Those that do not hold.
    fn postconditions(&self, _address: &ResourceAddr) -> Result<(), Diagnostics> {
        Ok(())
    }
}

/// What stands behind the reference of a secret.
pub struct SecretValue {
    /// The secret itself: for the call that writes it, and for its fingerprint.
    pub text: String,
    /// The version of the source that it was read from, where the source has versions.
    pub version: Option<i64>,
}

impl SecretValue {
    /// Of a source without versions.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), version: None }
    }
}

/// Where secret values come from. Asked only by an apply, only for what it writes.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value behind a reference such as `env:API_TOKEN`.
    ///
    /// # Errors
    /// There is none, or it cannot be read. The message must not hold the value.
    async fn resolve(&self, reference: &str) -> Result<SecretValue, Diagnostic>;
}

/// A last look before the first call, when all locks are held: whether any verdict about the walls
/// is worse than the one that was approved (two changes, each harmless alone, can open one together).
#[async_trait(?Send)]
pub trait Recheck {
    /// Looks.
    ///
    /// # Errors
    /// What got worse; the apply ends with exit code 4 before any change.
    async fn recheck(&self) -> Result<(), Diagnostic>;
}
