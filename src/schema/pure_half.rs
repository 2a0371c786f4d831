//! The pure half of a managed kind: from its block to what AWS shall hold. A provider file of the same
//! name as the kind's is the other half.

use std::collections::BTreeMap;

use super::body::Body;
use super::kind_schema::KindSchema;
use crate::address::ResourceAddr;
use crate::diag::Diagnostics;
use crate::iam::Limits;
use crate::ids::Partition;
use crate::value::{AttrPath, Attrs, Value};

/// What the pure half of a kind may know beside its own block.
#[derive(Clone, Debug)]
pub struct KindContext {
    /// The instance.
    pub address: ResourceAddr,
    /// Its name where its block gives none.
    pub default_name: String,
    /// The estate's name (`palisade { name }`).
    pub estate: String,
    /// Id of the account that it lives in (management account for organization kinds); may be unknown.
    pub account_id: Value,
    /// The partition of ARNs.
    pub partition: Partition,
    /// The region of regional objects.
    pub region: String,
    /// `provider { default_tags }`, then the environment's tags; block tags win over both.
    pub default_tags: BTreeMap<String, String>,
    /// The tags that mark ownership ([`super::ownership`]); part of every desired `tags`.
    pub ownership_tags: BTreeMap<String, Value>,
    /// AWS's limits, with what `organization { limits {} }` overrides.
    pub limits: Limits,
}

/// What destroying an object does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDestroy {
    /// It is deleted in AWS.
    Delete,
    /// It stays in AWS and leaves the state.
    Retain,
    /// AWS closes it: for 90 days it stays where it is, out of use with all that is in it.
    Close,
    /// It leaves the organization and goes on alone.
    Leave,
}

impl OnDestroy {
    /// Whether a call to AWS does it: only what is retained needs none.
    #[must_use]
    pub const fn deletes(self) -> bool {
        !matches!(self, Self::Retain)
    }
}

/// The pure half of a managed kind.
///
/// *Canonical attributes* are the shape in which desired and live objects are compared: plain
/// values, ids instead of references, policy documents as objects, tags merged. `desired`, the
/// provider's bulk read and its single read all yield that same shape. They hold no `Set` and no
/// `Block`: what has no order is a sorted list without duplicates. What only Palisade knows about
/// an object and AWS does not hold (`on_destroy`, `exclusive`) is no canonical attribute; see [`ManagedKind::meta`].
/// The organization's root stands as `root` wherever a parent or a target is meant.
pub trait ManagedKind: Send + Sync {
    /// The declaration.
    fn schema(&self) -> &'static KindSchema;

    /// The canonical desired attributes of an evaluated block, computed ones excluded, and what is
    /// doubtful in it.
    ///
    /// # Errors
    /// Everything in the block that AWS would refuse, each at its place.
    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics>;

    /// The computed attributes as far as they are known before the object exists: an ARN is, an id
    /// that AWS assigns is [`Value::Unknown`].
    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs;

    /// Settings of the block that steer Palisade and are not in AWS: `on_destroy`, `exclusive`.
    /// They are kept beside the attributes in state and change nothing in AWS by themselves. A kind with
    /// lists that others may add to keeps under `declared` what the block itself put into each.
    fn meta(&self, _body: &Body) -> Attrs {
        Attrs::new()
    }

    /// The desired attributes in the presence of a live object: adds what is there and shall be left
    /// alone (additive lists of the organization, attachments under `exclusive = false`, protected
    /// policies). `recorded` is what state remembers of the last apply (empty when nothing), `declared`
    /// lists as they were declared then: what it lists and the block no longer does was Palisade's own and goes. The default leaves nothing
    /// alone.
    fn reconcile(&self, desired: Attrs, _live: &Attrs, _recorded: &Attrs, _meta: &Attrs) -> Attrs {
        desired
    }

    /// Whether the block only declares something that lies outside AWS (an emulated account): then
    /// there is nothing to create, to read or to delete, and state just knows of it.
    fn only_declared(&self, _desired: &Attrs) -> bool {
        false
    }

    /// For a policy of the organization: its type, which has to be enabled in the root before AWS attaches the policy
    /// (Organizations API Reference, `AttachPolicy`: `PolicyTypeNotEnabledException`).
    fn policy_type<'a>(&self, _attrs: &'a Attrs) -> Option<&'a str> {
        None
    }

    /// Whether a change at `path` can be made by replacing the object alone.
    fn replaces(&self, path: &AttrPath, _before: &Attrs, _after: &Attrs) -> bool {
        path.root().is_some_and(|root| self.schema().replaces(root))
    }

    /// What those who use the object meet while it changes in place, where that is more than the change; for the
    /// plan's reader.
    fn caution(&self, _before: &Attrs, _after: &Attrs) -> Option<String> {
        None
    }

    /// Whether the block names an object that AWS itself makes and keeps: such a one is adopted where it stands, never
    /// created and never deleted.
    fn is_given(&self, _desired: &Attrs) -> bool {
        false
    }

    /// What to do with the object in AWS when its block is gone.
    fn on_destroy(&self, _meta: &Attrs) -> OnDestroy {
        OnDestroy::Delete
    }

    /// The name that makes the object unique of its kind in its home, from canonical attributes
    /// (desired or live); `None` while a piece of it is unknown.
    fn natural_key(&self, attrs: &Attrs) -> Option<String>;

    /// The natural key that an `import` means: people write the same name in several ways.
    fn import_key(&self, id: &str) -> String {
        id.to_owned()
    }

    /// The same for a block that says where the object is.
    fn import_key_of(&self, id: &str, _desired: &Attrs) -> String {
        self.import_key(id)
    }
}
