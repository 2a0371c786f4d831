//! Names that cannot exist, wherever they stand: no `try` hides them, and no branch that is not taken.

use crate::config::Configuration;
use crate::diag::Diagnostics;
use crate::{eval, graph};

/// Those at places where nothing was found yet.
#[must_use]
pub fn wrong_names(configuration: &Configuration, already: &Diagnostics) -> Diagnostics {
    let mut found = graph::unknown_names(configuration);
    found.extend(eval::wrong_names(configuration));
    found.elsewhere_than(already)
}
