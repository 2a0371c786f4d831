//! Secrets of Secrets Manager (API Reference, `ListSecrets`, `GetResourcePolicy`).

use async_trait::async_trait;

use super::{Listed, PolicyService};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct StoredSecrets;

#[async_trait]
impl PolicyService for StoredSecrets {
    fn of(&self) -> &'static str {
        "AWS::SecretsManager::Secret"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["secretsmanager:GetResourcePolicy", "secretsmanager:ListSecrets"]
    }

    /// Those that are about to be deleted too: they can be restored with their policies.
    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_secretsmanager));
        let pages = client
            .list_secrets()
            .include_planned_deletion(true)
            .into_paginator()
            .page_size(100)
            .send()
            .try_collect()
            .await
            .map_err(session.error("secretsmanager", "ListSecrets"))?;
        let secrets = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
        let arns = secrets.filter_map(|secret| secret.arn);
        Ok(arns.map(|arn| Listed { name: arn.clone(), arn }).collect())
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_secretsmanager));
        let answer = client.get_resource_policy().secret_id(&listed.name).send().await;
        answer
            .map(|told| told.resource_policy)
            .map_err(session.error("secretsmanager", "GetResourcePolicy"))
    }
}
