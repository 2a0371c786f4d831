//! Keys of KMS. Each has one policy, AWS's own keys too (KMS API Reference, `ListKeys`, `GetKeyPolicy`).

use async_trait::async_trait;

use super::{Listed, PolicyService};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Keys;

#[async_trait]
impl PolicyService for Keys {
    fn of(&self) -> &'static str {
        "AWS::KMS::Key"
    }

    fn actions(&self) -> [&'static str; 2] {
        ["kms:GetKeyPolicy", "kms:ListKeys"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_kms));
        let pages = client.list_keys().into_paginator().page_size(1000).send().try_collect().await;
        let pages = pages.map_err(session.error("kms", "ListKeys"))?;
        let keys = pages.into_iter().flat_map(|page| page.keys.unwrap_or_default());
        Ok(keys.filter_map(|key| Some(Listed { arn: key.key_arn?, name: key.key_id? })).collect())
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_kms));
        let answer = client.get_key_policy().key_id(&listed.name).policy_name("default").send();
        answer.await.map(|told| told.policy).map_err(session.error("kms", "GetKeyPolicy"))
    }
}
