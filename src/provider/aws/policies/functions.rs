//! Lambda functions. Their versions and aliases have policies of their own, which are not read (API Reference,
//! `ListFunctions`, `GetPolicy`).

use async_trait::async_trait;

use super::{Listed, PolicyService, named};
use crate::provider::ProviderError;
use crate::provider::aws::clients::watched;
use crate::provider::aws::session::Session;

pub(super) struct Functions;

#[async_trait]
impl PolicyService for Functions {
    fn of(&self) -> &'static str {
        "AWS::Lambda::Function"
    }

    fn actions(&self) -> &'static [&'static str] {
        &["lambda:GetPolicy", "lambda:ListFunctions"]
    }

    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_lambda));
        let pages = client.list_functions().into_paginator().send().try_collect().await;
        let pages = pages.map_err(session.error("lambda", "ListFunctions"))?;
        let functions = pages.into_iter().flat_map(|page| page.functions.unwrap_or_default());
        let all = functions.map(|function| {
            Some(Listed {
                arn: function.function_arn?,
                name: function.function_name?,
                closed: None,
            })
        });
        named("lambda", "ListFunctions", session, all)
    }

    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError> {
        let client = session.client_in(region, watched!(aws_sdk_lambda));
        let answer = client.get_policy().function_name(&listed.name).send().await;
        answer.map(|told| told.policy).map_err(session.error("lambda", "GetPolicy"))
    }
}
