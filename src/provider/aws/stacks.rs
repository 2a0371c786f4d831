//! CloudFormation stacks as they stand.

use aws_sdk_cloudformation::types::{ResourceStatus, StackStatus, TemplateStage};

use super::session::Session;
use crate::provider::{ProviderError, Stack, StackResource};

/// A stack by its name or ARN; `None` where there is none.
pub(super) async fn read(session: &Session, name: &str) -> Result<Option<Stack>, ProviderError> {
    let client = session.client(super::clients::watched!(aws_sdk_cloudformation));
    let described = client.describe_stacks().stack_name(name).send().await;
    let described = match described.map_err(session.error("cloudformation", "DescribeStacks")) {
        Ok(described) => described,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(stack) = described.stacks().first() else { return Ok(None) };
    // A change set that would make a stack has a stack without resources until it is executed (CloudFormation User Guide,
    // "Stack status codes").
    let is_there = stack.stack_status().is_none_or(|status| {
        ![StackStatus::ReviewInProgress, StackStatus::DeleteComplete].contains(status)
    });
    if !is_there {
        return Ok(None);
    }
    let mut read =
        Stack { arn: stack.stack_id().unwrap_or_default().to_owned(), ..Stack::default() };
    for parameter in stack.parameters() {
        let value = parameter.resolved_value().or(parameter.parameter_value());
        if let (Some(key), Some(value)) = (parameter.parameter_key(), value) {
            read.parameters.insert(key.to_owned(), value.to_owned());
        }
    }
    let template = client
        .get_template()
        .stack_name(name)
        .template_stage(TemplateStage::Processed)
        .send()
        .await
        .map_err(session.error("cloudformation", "GetTemplate"))?;
    template.template_body().unwrap_or_default().clone_into(&mut read.template);
    let pages = client
        .list_stack_resources()
        .stack_name(name)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("cloudformation", "ListStackResources"))?;
    for resource in pages.iter().flat_map(|page| page.stack_resource_summaries()) {
        if resource.resource_status() == Some(&ResourceStatus::DeleteComplete) {
            continue;
        }
        if let (Some(logical), Some(physical)) =
            (resource.logical_resource_id(), resource.physical_resource_id())
        {
            read.resources.push(StackResource {
                logical: logical.to_owned(),
                physical: physical.to_owned(),
                kind: resource.resource_type().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(Some(read))
}

/// CloudFormation has no code of its own for a stack that does not exist (API Reference, "DescribeStacks").
fn is_absent(error: &ProviderError) -> bool {
    error.code.as_deref() == Some("ValidationError") && error.message.contains("does not exist")
}
