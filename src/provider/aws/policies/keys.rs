//! Keys of KMS. Each has one policy, AWS's own keys too, and up to 50,000 grants (KMS API Reference, `ListKeys`, `GetKeyPolicy`,
//! `ListGrants`; KMS Developer Guide, "Quotas").

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_kms::types::GrantListEntry;

use super::{Listed, PolicyService, named};
use crate::iam::KeyGrant;
use crate::iam::grant::GrantConstraints;
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::kind::OrAbsent as _;
use crate::provider::aws::session::Session;

pub(super) struct Keys;

#[async_trait]
impl PolicyService for Keys {
    fn of(&self) -> &'static str {
        "AWS::KMS::Key"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["kms:GetKeyPolicy", "kms:ListGrants", "kms:ListKeys"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_kms));
        let pages = client.list_keys().into_paginator().page_size(1000).send().try_collect().await;
        let pages = pages.map_err(session.error("kms", "ListKeys"))?;
        let keys = pages.into_iter().flat_map(|page| page.keys.unwrap_or_default());
        let all =
            keys.map(|key| Some(Listed { arn: key.key_arn?, name: key.key_id?, closed: None }));
        named("kms", "ListKeys", session, all)
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

    async fn grants(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<Vec<KeyGrant>>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_kms));
        let account = session.id().await?;
        let mut pages =
            client.list_grants().key_id(&listed.name).into_paginator().page_size(100).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            // A key that is gone by now has none.
            let page = page.map_err(session.error("kms", "ListGrants")).absent()?;
            let Some(page) = page else { break };
            let grants = page.grants.unwrap_or_default().into_iter().map(grant);
            let grants = named("kms", "ListGrants", session, grants)?.into_iter();
            // Services make one for every volume: those that cross no wall are not kept.
            all.extend(grants.filter(|grant| grant.crosses(account.as_str())));
        }
        Ok(Some(all))
    }
}

/// A grant; `None` where it does not say who may do what.
fn grant(told: GrantListEntry) -> Option<KeyGrant> {
    let constraints = told.constraints.map(|told| GrantConstraints {
        encryption_context_subset: told.encryption_context_subset.map(BTreeMap::from_iter),
        encryption_context_equals: told.encryption_context_equals.map(BTreeMap::from_iter),
    });
    let operations = told.operations.filter(|operations| !operations.is_empty())?;
    let grantee = told.grantee_principal.as_ref().or(told.grantee_service_principal.as_ref());
    grantee?;
    Some(KeyGrant {
        grant_id: told.grant_id?,
        grantee_principal: told.grantee_principal,
        grantee_service_principal: told.grantee_service_principal,
        operations: operations.iter().map(|one| one.as_str().to_owned()).collect(),
        constraints: constraints.filter(|constraints| *constraints != GrantConstraints::default()),
    })
}
