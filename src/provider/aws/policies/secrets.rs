//! Secrets of Secrets Manager (API Reference, `ListSecrets`, `GetResourcePolicy`).

use async_trait::async_trait;

use super::{Listed, PolicyService, named};
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

    /// Includes secrets that are scheduled for deletion. Neither they nor their policies can be read (User Guide, "Delete an AWS Secrets
    /// Manager secret") until a principal restores them, which the policy may permit to other accounts.
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
        let all = secrets.map(|secret| {
            let closed = secret.deleted_date.map(|_| "scheduled for deletion");
            secret.arn.map(|arn| Listed { name: arn.clone(), arn, closed })
        });
        named("secretsmanager", "ListSecrets", session, all)
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
