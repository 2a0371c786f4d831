//! Stands in every client and lets a changing request leave only through the permit of its step.
//!
//! The SDK calls it for each attempt, after signing and right before the request is handed to the transport.
//! Reads pass. Everything else needs a permit, which a step alone has: a request that no step makes is a
//! defect, and is refused rather than sent without a lease.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::provider::fence::Permit;

tokio::task_local! {
    /// The permit of the step that this task carries out. A step makes its calls in the task that began it.
    static PERMIT: Permit;
}

/// Does a step's work with its permit.
pub(super) async fn through<T>(permit: &Permit, work: impl Future<Output = T>) -> T {
    PERMIT.scope(permit.clone(), work).await
}

/// Why a request did not leave.
#[derive(Debug, thiserror::Error)]
#[error("the lease that this call stands on was not confirmed in time, so the call was not made")]
pub(super) struct Fenced;

/// The interceptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gatekeeper;

/// What reads by its name, in every service that is called here.
const READS: &[&str] = &["Get", "List", "Describe", "Head", "Lookup", "Simulate", "AssumeRole"];

/// Whether an operation changes something.
fn changes(operation: &str) -> bool {
    !READS.iter().any(|read| operation.starts_with(read))
}

#[dyn_dispatch_hint]
impl Intercept for Gatekeeper {
    fn name(&self) -> &'static str {
        "Gatekeeper"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        if !changes(operation) || PERMIT.try_with(Permit::admit).unwrap_or(false) {
            return Ok(());
        }
        Err(Fenced.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_read_changes() {
        for read in ["GetRole", "ListRoles", "DescribeAccount", "HeadBucket", "AssumeRole"] {
            assert!(!changes(read), "{read}");
        }
        for other in ["CreateRole", "PutRolePolicy", "TagRole", "AttachPolicy", "MoveAccount", ""] {
            assert!(changes(other), "{other}");
        }
    }
}
