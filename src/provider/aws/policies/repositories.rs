//! Repositories of ECR (API Reference, `DescribeRepositories`, `GetRepositoryPolicy`).

use async_trait::async_trait;

use super::{Listed, PolicyService, named};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Repositories;

#[async_trait]
impl PolicyService for Repositories {
    fn of(&self) -> &'static str {
        "AWS::ECR::Repository"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["ecr:DescribeRepositories", "ecr:GetRepositoryPolicy"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_ecr));
        let pages =
            client.describe_repositories().into_paginator().page_size(1000).send().try_collect();
        let pages = pages.await.map_err(session.error("ecr", "DescribeRepositories"))?;
        let all = pages.into_iter().flat_map(|page| page.repositories.unwrap_or_default());
        let all = all.map(|repository| {
            Some(Listed {
                arn: repository.repository_arn?,
                name: repository.repository_name?,
                closed: None,
            })
        });
        named("ecr", "DescribeRepositories", session, all)
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_ecr));
        let answer = client.get_repository_policy().repository_name(&listed.name).send().await;
        answer.map(|told| told.policy_text).map_err(session.error("ecr", "GetRepositoryPolicy"))
    }
}
