//! Attempts of calls: each passes the gate of its lease, and one that failed is made again where `provider/retry.rs` says so.

use std::time::Duration;

use tokio::sync::oneshot;

use super::super::events::ApplyEvent;
use super::super::scope::LeaseState;
use super::failure::OperationFailure;
use super::{Job, Worker, WorkerReport};
use crate::diag::Diagnostic;
use crate::plan::model::OperationKind;
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::provider::{Failure, ProviderError};

impl Worker<'_> {
    pub(super) async fn patiently<T, F>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<Result<T, ProviderError>, OperationFailure>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut retries = RetryProgress::default();
        loop {
            self.pass().await?;
            let asked = self.shared.clock.elapsed();
            let answer = call().await;
            retries.called(self.shared.clock.elapsed().saturating_sub(asked));
            match answer {
                Err(error) if self.again(&mut retries, &error).await => {}
                result => return Ok(result),
            }
        }
    }

    /// Waits until calls may be made. A gate that has closed for want of a look at the lease opens with the
    /// next one; that of a lease that is lost or over does not.
    pub(super) async fn pass(&self) -> Result<(), OperationFailure> {
        while !self.job.permit.passes() {
            let scope = self.job.operation.scope.clone();
            let (answer, told) = oneshot::channel();
            let _ = self.shared.reports.send(WorkerReport::GateClosed { scope, answer });
            match told.await {
                Ok(LeaseState::Holds) => break,
                Ok(LeaseState::Unknown) => self.shared.clock.sleep(Duration::from_secs(1)).await,
                Ok(LeaseState::Over) | Err(_) => return Err(self.over()),
            }
        }
        Ok(())
    }

    pub(super) fn over(&self) -> OperationFailure {
        let sent = self.job.permit.has_sent();
        let detail = if sent {
            "It could not be confirmed in time, so no further call was made; what was sent before may have been carried out."
        } else {
            "It could not be confirmed in time, so the call was not made."
        };
        let problem = OperationFailure::outage(
            Diagnostic::error(format!("the lock of scope `{}` ran out", self.job.operation.scope))
                .detail(detail)
                .help("run again: the next run looks up what was announced, and goes on"),
        );
        OperationFailure { uncertain: sent, ..problem }
    }

    pub(super) fn policy(&self) -> RetryPolicy {
        let Job { new_account, on_new, operation, .. } = self.job;
        let creating = operation.op == OperationKind::Wait;
        RetryPolicy::Operation { new_account: *new_account, on_new: *on_new, creating }
    }

    /// Waits before another attempt, where one can help.
    pub(super) async fn again(&self, retries: &mut RetryProgress, error: &ProviderError) -> bool {
        let pause = self.policy().pause(error.failure, retries);
        self.wait(pause, retries, error).await
    }

    pub(super) async fn wait(
        &self,
        pause: Option<Duration>,
        retries: &RetryProgress,
        error: &ProviderError,
    ) -> bool {
        let Some(wait) = pause else { return false };
        let job = self.job;
        if error.failure == Failure::Throttled {
            let _ = self.shared.reports.send(WorkerReport::Throttled(job.operation.scope.clone()));
        }
        let _ = self.shared.events.send(ApplyEvent::Retrying {
            operation: job.display.clone(),
            attempt: retries.attempt,
            wait,
            reason: error.to_string(),
        });
        self.shared.clock.sleep(wait).await;
        true
    }
}
