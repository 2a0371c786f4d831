//! Stands in every client and takes no empty body for an answer.
//!
//! The SDK reads a JSON body that was cut away as an answer without members, and an organization that is not named
//! as one that is not there (aws-smithy-json 0.62). AWS answers what is read with a body always, if only `{}`.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::gatekeeper;

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
#[error("the answer has no body")]
struct Empty;

/// The interceptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoEmptyAnswers;

#[dyn_dispatch_hint]
impl Intercept for NoEmptyAnswers {
    fn name(&self) -> &'static str {
        "NoEmptyAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let answer = context.response();
        let is_empty = answer.body().bytes().is_some_and(<[u8]>::is_empty);
        if answer.status().is_success() && is_empty && !gatekeeper::changes(operation) {
            return Err(Empty.into());
        }
        Ok(())
    }
}
