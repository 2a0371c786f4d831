//! Topics of SNS. Each has a policy, AWS's default where nobody wrote one (API Reference, `ListTopics`, `GetTopicAttributes`).

use async_trait::async_trait;

use super::{Listed, PolicyService, named};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Topics;

#[async_trait]
impl PolicyService for Topics {
    fn of(&self) -> &'static str {
        "AWS::SNS::Topic"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["sns:GetTopicAttributes", "sns:ListTopics"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_sns));
        let pages = client.list_topics().into_paginator().send().try_collect().await;
        let pages = pages.map_err(session.error("sns", "ListTopics"))?;
        let topics = pages.into_iter().flat_map(|page| page.topics.unwrap_or_default());
        let all = topics.map(|topic| {
            topic.topic_arn.map(|arn| Listed { name: arn.clone(), arn, closed: None })
        });
        named("sns", "ListTopics", session, all)
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_sns));
        let answer = client.get_topic_attributes().topic_arn(&listed.name).send().await;
        let answer = answer.map_err(session.error("sns", "GetTopicAttributes"))?;
        Ok(answer.attributes.and_then(|mut all| all.remove("Policy")))
    }
}
