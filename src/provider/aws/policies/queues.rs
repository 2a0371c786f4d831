//! Queues of SQS (API Reference, `ListQueues`, `GetQueueAttributes`).

use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{Listed, PolicyService};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Queues;

#[async_trait]
impl PolicyService for Queues {
    fn of(&self) -> &'static str {
        "AWS::SQS::Queue"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["sqs:GetQueueAttributes", "sqs:ListQueues"]
    }

    /// Without a page size the list ends after a thousand, and does not say that it does.
    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_sqs));
        let pages =
            client.list_queues().into_paginator().page_size(1000).send().try_collect().await;
        let pages = pages.map_err(session.error("sqs", "ListQueues"))?;
        let urls = pages.into_iter().flat_map(|page| page.queue_urls.unwrap_or_default());
        let account = session.id().await?;
        Ok(urls
            .filter_map(|url| {
                let queue = url.rsplit('/').next()?;
                let partition = session.partition();
                let arn = format!("arn:{partition}:sqs:{region}:{account}:{queue}");
                Some(Listed { arn, name: url, closed: None })
            })
            .collect())
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_sqs));
        let answer = client
            .get_queue_attributes()
            .queue_url(&listed.name)
            .attribute_names(QueueAttributeName::Policy)
            .send()
            .await
            .map_err(session.error("sqs", "GetQueueAttributes"))?;
        let policy = answer.attributes.and_then(|mut all| all.remove(&QueueAttributeName::Policy));
        Ok(policy.filter(|policy| !policy.is_empty()))
    }
}
