//! Tags: what AWS allows in them, and how those of the provider, the environment and the block merge.

use super::{Attr, Ty};

/// The `tags` attribute.
pub(super) const TAGS: Attr = Attr::optional(
    "tags",
    Ty::Map(&Ty::String),
    "Tags; they win over the environment's and the provider's `default_tags`.",
);
