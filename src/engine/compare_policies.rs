//! Whether one policy permits what another did not, from their texts alone.

use std::sync::Arc;

use crate::diag::{Diagnostics, Source};
use crate::iam::symbolic::access::{Comparison, PolicyKind, compare};
use crate::iam::{Document, Use};

use super::error::EngineError;

/// What is asked.
#[derive(Clone, Debug)]
pub struct PolicyComparisonRequest {
    /// The policy as it is.
    pub old: Arc<Source>,
    /// The policy as it would be.
    pub new: Arc<Source>,
    /// What both are; where it is not said, their texts tell.
    pub kind: Option<PolicyKind>,
}

/// The answer, and what is doubtful in the policies.
#[derive(Debug)]
pub struct PolicyComparisonOutcome {
    /// The answer.
    pub comparison: Comparison,
    /// Warnings of both texts.
    pub warnings: Diagnostics,
}

/// Compares.
///
/// # Errors
/// A text is no policy of its kind.
pub fn run(request: &PolicyComparisonRequest) -> Result<PolicyComparisonOutcome, EngineError> {
    let kind = request.kind.unwrap_or_else(|| {
        // A statement names principals where it stands on a resource, and nowhere else.
        let texts = [request.old.text(), request.new.text()];
        let named =
            |text: &str| text.contains("\"Principal\"") || text.contains("\"NotPrincipal\"");
        if texts.into_iter().any(named) { PolicyKind::Resource } else { PolicyKind::Identity }
    });
    let (old, mut warnings) = Document::parse(&request.old, 0, role(&request.old, kind))?;
    let (new, more) = Document::parse(&request.new, 0, role(&request.new, kind))?;
    warnings.extend(more);
    Ok(PolicyComparisonOutcome { comparison: compare(&old, &new, kind), warnings })
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
