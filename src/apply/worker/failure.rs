//! Why an operation failed, and what that says of the rest of the run.

use super::Success;
use crate::diag::Diagnostic;
use crate::provider::{Failure, ProviderError};

/// Why an operation failed.
pub(in crate::apply) struct OperationFailure {
    pub(in crate::apply) why: Diagnostic,
    /// It may have been carried out all the same.
    pub(in crate::apply) uncertain: bool,
    /// Nothing else will work either (expired credentials).
    pub(in crate::apply) stop: bool,
    /// Something between here and AWS failed; nothing says that what was asked is wrong.
    pub(in crate::apply) outage: bool,
    /// What a creation of several calls has made before one of them was refused: it is recorded, so that the next
    /// plan completes it, or deletes it where its block is gone.
    pub(in crate::apply) made: Option<Box<Success>>,
}

impl OperationFailure {
    pub(in crate::apply) fn certain(why: Diagnostic) -> Self {
        Self { why, uncertain: false, stop: false, outage: false, made: None }
    }

    /// The same, where a part of the object was made before.
    pub(super) fn having_made(self, made: Success) -> Self {
        let part = "The part of it that was made is recorded.";
        let detail: Vec<&str> = self.why.detail.as_deref().into_iter().chain([part]).collect();
        let detail = detail.join(" ");
        Self { why: self.why.detail(detail), made: Some(Box::new(made)), ..self }
    }

    /// It surely was not carried out, for an outage on the way there.
    pub(in crate::apply) fn outage(why: Diagnostic) -> Self {
        Self { outage: true, ..Self::certain(why) }
    }
}

pub(in crate::apply) fn problem(error: &ProviderError, uncertain: bool) -> OperationFailure {
    let help = match error.failure {
        _ if error.advice().is_some() => error.advice(),
        Failure::AccessDenied => Some("let the access role make this call, then apply again"),
        Failure::CannotAssume => {
            Some("let the access role of the account trust the caller, then apply again")
        }
        Failure::Credentials => {
            Some("renew the credentials and apply again: what was done is recorded")
        }
        Failure::Throttled | Failure::Concurrent => {
            Some("AWS kept refusing for minutes; apply again later, or lower `--parallelism`")
        }
        Failure::NotImplemented => Some("this endpoint does not offer the operation"),
        Failure::NoAnswer | Failure::Fenced => {
            Some("the next run finds out whether the call was carried out")
        }
        _ => None,
    };
    let why = Diagnostic::error(error.to_string()).help_opt(help.map(ToOwned::to_owned));
    let outage = error.failure.is_outage();
    OperationFailure {
        why,
        uncertain,
        stop: error.failure == Failure::Credentials,
        outage,
        made: None,
    }
}
