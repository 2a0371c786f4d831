//! Whether one policy permits what another did not, from their texts alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, Source};
use crate::iam::symbolic::access::{AccessComparison, ComparisonResult, compare};
use crate::iam::{Document, Use};

use super::error::EngineError;

pub use crate::iam::symbolic::access::PolicyKind;

/// A file larger than this is refused: of the policies that AWS takes none is larger than 32 KiB.
const MAX_BYTES: u64 = 512 << 10;

/// What is asked.
#[derive(Clone, Debug)]
pub struct PolicyComparisonRequest {
    /// The file of the policy as it is.
    pub old: PathBuf,
    /// The file of the policy as it would be.
    pub new: PathBuf,
    /// What both are; where it is not said, their texts tell.
    pub kind: Option<PolicyKind>,
}

/// The answer, and what is doubtful in the policies.
#[derive(Debug)]
pub struct PolicyComparisonOutcome {
    /// The answer.
    pub comparison: AccessComparison,
    /// Warnings of both texts.
    pub warnings: Diagnostics,
}

/// Compares.
///
/// # Errors
/// A file cannot be read, or holds no policy of its kind.
pub fn run(request: &PolicyComparisonRequest) -> Result<PolicyComparisonOutcome, EngineError> {
    let (old, new) = (source(&request.old)?, source(&request.new)?);
    let kind = request.kind.unwrap_or_else(|| {
        // A statement names principals where it stands on a resource, and nowhere else.
        let texts = [old.text(), new.text()];
        let named =
            |text: &str| text.contains("\"Principal\"") || text.contains("\"NotPrincipal\"");
        if texts.into_iter().any(named) { PolicyKind::Resource } else { PolicyKind::Identity }
    });
    let (old, mut warnings) = Document::parse(&old, 0, role(&old, kind))?;
    let (new, more) = Document::parse(&new, 0, role(&new, kind))?;
    warnings.extend(more);
    Ok(PolicyComparisonOutcome { comparison: compare(&old, &new, kind), warnings })
}

/// Whether the new policy permits no more than the old one.
///
/// # Errors
/// [`EngineError::RuleBroken`]: it does, or that cannot be ruled out.
pub fn require_no_new_access(outcome: &PolicyComparisonOutcome) -> Result<(), EngineError> {
    let summary = match outcome.comparison.verdict {
        ComparisonResult::NoNewAccess => return Ok(()),
        ComparisonResult::NewAccess => "the new policy permits more than the old one",
        ComparisonResult::Undetermined => "it cannot be ruled out that the new policy permits more",
    };
    Err(EngineError::RuleBroken(Diagnostic::error(summary).into()))
}

fn source(path: &Path) -> Result<Arc<Source>, EngineError> {
    let name = path.display().to_string();
    let unreadable = |e: io::Error| EngineError::failed(format!("cannot read `{name}`: {e}"));
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Diagnostic::error(format!("`{name}` is larger than {} KiB", MAX_BYTES >> 10))
            .help("AWS takes no policy of more than 32 KiB; compare the policies of one object at a time")
            .into());
    }
    Ok(Source::new(name, text))
}

fn role(source: &Source, kind: PolicyKind) -> Use {
    let text = source.text();
    match kind {
        PolicyKind::Identity => Use::Identity,
        PolicyKind::ServiceControl => Use::Scp,
        // A trust policy has no resource; any other resource policy has one.
        PolicyKind::Resource
            if text.contains("\"Resource\"") || text.contains("\"NotResource\"") =>
        {
            Use::Resource(String::new())
        }
        PolicyKind::Resource => Use::Trust,
    }
}
