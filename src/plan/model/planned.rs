//! What the objects that a plan changes shall be, as an apply needs it: whole, with what is sensitive and what is unknown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::value::Attrs;

/// What an object shall be, as it was decided.
pub struct PlannedObject {
    /// What its block says, with what is live and shall be left alone; nothing of what AWS assigns. Secrets stand as
    /// references.
    pub desired: Attrs,
    /// Settings of the block that only Palisade knows (`on_destroy`, `exclusive`).
    pub meta: Attrs,
}

/// What the objects that a plan changes shall be.
///
/// It is kept in memory alone, beside the plan that was just made, so that an apply decides nothing a second time. A plan
/// that was saved is made again before it is carried out, and so has it, too.
#[derive(Clone, Default)]
pub struct PlannedObjects(Arc<BTreeMap<ResourceAddr, PlannedObject>>);

impl PlannedObjects {
    /// What an object shall be, where the plan changes it.
    #[must_use]
    pub fn get(&self, address: &ResourceAddr) -> Option<&PlannedObject> {
        self.0.get(address)
    }
}

impl FromIterator<(ResourceAddr, PlannedObject)> for PlannedObjects {
    fn from_iter<I: IntoIterator<Item = (ResourceAddr, PlannedObject)>>(objects: I) -> Self {
        Self(Arc::new(objects.into_iter().collect()))
    }
}

/// Two plans are equal by what they say; this says it once more.
impl PartialEq for PlannedObjects {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// No value of it: some are sensitive.
impl fmt::Debug for PlannedObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlannedObjects({})", self.0.len())
    }
}
