//! Analyses in which a rule of the closure is left out.

use std::mem::discriminant;

use super::{RightsCache, RightsScope};
use crate::access::AccessModel;

/// What asks as ever, but for one kind of scope.
pub(in crate::isolation) fn leaving_out<'w>(
    before: &'w AccessModel,
    after: &'w AccessModel,
    scope: &RightsScope,
) -> RightsCache<'w> {
    let mut cache = RightsCache::new(before, after);
    cache.left_out = Some(discriminant(scope));
    cache
}
