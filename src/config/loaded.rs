//! What loading yields.

use super::Configuration;
use crate::diag::{Diagnostics, Loc};

/// What loading yields.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, as far as it could be read.
    pub configuration: Configuration,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// Whether every file was parsed and every module found: only then is it worth looking for
    /// unknown references.
    pub complete: bool,
    /// Whole ranges of the blocks in which something is wrong.
    pub(super) broken: Vec<Loc>,
}

impl Loaded {
    /// Of what a later pass found, what is news: not inside a block that is known to be wrong, nor
    /// at a place where something was found already.
    #[must_use]
    pub fn news(&self, diagnostics: Diagnostics) -> Diagnostics {
        let known: Vec<Loc> = self.diagnostics.iter().filter_map(|d| d.loc.clone()).collect();
        let inside = |loc: &Loc, whole: &Loc| {
            loc.file() == whole.file()
                && whole.span().start <= loc.span().start
                && loc.span().end <= whole.span().end
        };
        diagnostics
            .into_iter()
            .filter(|d| {
                d.loc.as_ref().is_none_or(|loc| {
                    !known.contains(loc) && !self.broken.iter().any(|b| inside(loc, b))
                })
            })
            .collect()
    }

    /// The configuration and the warnings.
    ///
    /// # Errors
    /// All findings, when one of them is an error.
    pub fn into_result(self) -> Result<(Configuration, Diagnostics), Diagnostics> {
        if self.diagnostics.has_errors() {
            Err(self.diagnostics)
        } else {
            Ok((self.configuration, self.diagnostics))
        }
    }
}
