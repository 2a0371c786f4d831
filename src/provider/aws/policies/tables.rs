//! Tables of DynamoDB (API Reference, `ListTables`, `GetResourcePolicy`). Their streams have policies of their own, which are not
//! read: walls name them ([`POLICY_BEARING_TYPES`]).
//!
//! [`POLICY_BEARING_TYPES`]: crate::access::POLICY_BEARING_TYPES

use async_trait::async_trait;

use super::{Listed, PolicyService};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Tables;

#[async_trait]
impl PolicyService for Tables {
    fn of(&self) -> &'static str {
        "AWS::DynamoDB::Table"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["dynamodb:GetResourcePolicy", "dynamodb:ListTables"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_dynamodb));
        let names = client.list_tables().into_paginator().items().send().try_collect().await;
        let names = names.map_err(session.error("dynamodb", "ListTables"))?;
        let (account, partition) = (session.id().await?, session.partition());
        let arn = |name: &str| format!("arn:{partition}:dynamodb:{region}:{account}:table/{name}");
        Ok(names.into_iter().map(|name| Listed { arn: arn(&name), name, closed: None }).collect())
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_dynamodb));
        let answer = client.get_resource_policy().resource_arn(&listed.arn).send().await;
        answer.map(|told| told.policy).map_err(session.error("dynamodb", "GetResourcePolicy"))
    }
}
