//! What the parts of planning pass on: an object, and what happens to it. [`super::decide`] fills it in;
//! order, quotas, drift and the plan itself are read from it.

use std::collections::BTreeSet;

use super::model::{Action, DriftStatus, OperationTarget};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::difference::Difference;
use crate::eval::estate::Instance;
use crate::schema::{ManagedKind, OnDestroy};
use crate::state::model::ResourceState;
use crate::value::{AttrPath, Attrs};

/// What happens to one object, before it is ordered and written down.
#[derive(Clone)]
pub struct ObjectPlan<'a> {
    /// The address.
    pub address: ResourceAddr,
    /// Its kind.
    pub kind: &'static dyn ManagedKind,
    /// The configured instance.
    pub instance: Option<&'a Instance>,
    /// What of its block only Palisade knows.
    pub meta: Attrs,
    /// What state records.
    pub recorded: Option<&'a ResourceState>,
    /// What is wrong with it: it counts where the plan is about the object.
    pub problems: Diagnostics,
    /// Where state had it, when it moved.
    pub previous_address: Option<ResourceAddr>,
    /// The live object, or what state says of it where it was not read.
    pub before: Option<Attrs>,
    /// Its natural key.
    pub key: Option<String>,
    /// What it shall be.
    pub after: Option<Attrs>,
    /// The action.
    pub action: Action,
    /// What differs.
    pub difference: Difference,
    /// What forces a replacement.
    pub replace_because: Vec<String>,
    /// On replacement, the new one first.
    pub create_before_destroy: bool,
    /// Why, for people.
    pub reason: Option<String>,
    /// What it depends on: what its expressions name, its account, and the organization.
    pub depends_on: BTreeSet<ResourceAddr>,
    /// Its trust comes in a second call, which waits for these as well.
    pub interim: Option<BTreeSet<ResourceAddr>>,
    /// How live differs from state.
    pub drift: Option<(DriftStatus, Vec<String>)>,
    /// Whether it goes down with an account that AWS has closed: there is nothing left to protect.
    pub account_is_closed: bool,
    /// Why it could not be read, where AWS was asked and did not tell.
    pub unread: Option<String>,
}

impl<'a> ObjectPlan<'a> {
    /// Whether what a call of its own changes is to change: an account goes below another unit.
    pub(super) fn changes_place(&self) -> bool {
        let moves = self.kind.schema().moves.map(AttrPath::attr);
        moves.is_some_and(|moves| self.difference.changed.contains(&moves))
    }

    /// Whether the plan lets AWS close it: an account, which stays where it is for 90 days.
    pub(super) fn closes(&self) -> bool {
        let on_destroy = |recorded: &ResourceState| self.kind.on_destroy(recorded.meta.facts());
        self.action == Action::Delete && self.recorded.map(on_destroy) == Some(OnDestroy::Close)
    }

    /// Nothing is known yet of what is there, and nothing happens.
    pub(super) fn new(
        address: ResourceAddr,
        kind: &'static dyn ManagedKind,
        instance: Option<&'a Instance>,
        recorded: Option<&'a ResourceState>,
        previous_address: Option<ResourceAddr>,
    ) -> Self {
        Self {
            address,
            kind,
            instance,
            meta: instance.map(|instance| kind.meta(&instance.body)).unwrap_or_default(),
            recorded,
            previous_address,
            before: None,
            key: None,
            after: None,
            action: Action::NoOp,
            difference: Difference::default(),
            replace_because: Vec::new(),
            create_before_destroy: false,
            reason: None,
            depends_on: BTreeSet::new(),
            interim: None,
            drift: None,
            account_is_closed: false,
            unread: None,
            problems: Diagnostics::new(),
        }
    }

    /// Whether it is a unit that goes, with all that is attached to it.
    pub(super) fn is_leaving_unit(&self) -> bool {
        self.action == Action::Delete && self.kind.schema().meaning.access.is_unit()
    }

    /// Warns of an account that leaves its unit, and the guardrails attached there, only because its block names no
    /// parent: the root is the default, which is easily overlooked where an existing account is adopted.
    pub(super) fn warn_of_default_place(&self, found: &mut Diagnostics) {
        let (Some(attr), Some(instance)) = (self.kind.schema().moves, self.instance) else {
            return;
        };
        let is_given = instance.body.get(attr).is_some_and(|given| !given.value.is_null());
        let changes = matches!(self.action, Action::Update | Action::Adopt) && self.changes_place();
        let Some(was) = self.before.as_ref().and_then(|b| b.get(attr)?.as_str()) else { return };
        if is_given || !changes {
            return;
        }
        found.push(
            Diagnostic::warning(format!("`{}` moves from `{was}` to the root", self.address))
                .at(instance.loc.clone())
                .detail(format!("Its block has no `{attr}`, so that the root is meant. Policies attached to `{was}` and above it, below the root, apply to the account no longer"))
                .help(format!("to leave it where it is, write `{attr} = \"{was}\"`, or refer to the unit's block")),
        );
    }

    /// What the plan makes, from which the object is detached as soon as it is there.
    pub(super) fn detached_when_made(&self) -> impl Iterator<Item = OperationTarget> {
        let attr = self.kind.schema().detachments;
        let named = attr.and_then(|attr| self.after.as_ref()?.get(attr)?.elements());
        named.into_iter().flatten().filter_map(OperationTarget::of)
    }

    /// As what operations of others name it, where it has an id.
    pub(super) fn as_target(&self) -> Option<OperationTarget> {
        let id = self.before.as_ref()?.get("id")?.as_str()?;
        Some(OperationTarget::Id(id.to_owned()))
    }

    /// The environments that it belongs to.
    #[must_use]
    pub fn environments(&self) -> BTreeSet<&'a str> {
        let names = match (self.instance, self.recorded) {
            (Some(instance), _) => &instance.environments,
            (None, Some(recorded)) => &recorded.environments,
            (None, None) => return BTreeSet::new(),
        };
        names.iter().map(String::as_str).collect()
    }
}
