//! An account's alias, password policy and S3 public access block: the calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3control::types::PublicAccessBlockConfiguration;

use super::s3_bucket::switch;
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::kind::{
    Bulk, BulkReader, BulkReading, BulkScope, KindProvider, OrAbsent, Wanted, attrs, live,
    optional, texts,
};
use crate::provider::aws::session::Session;
use crate::provider::{LiveObject, ProviderError, ProviderStep};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "account_baseline";

/// The AWS half.
pub(in crate::provider::aws) struct AccountBaseline;

#[async_trait]
impl BulkReader for AccountBaseline {
    async fn everything(&self, session: &Session, _scope: &BulkScope<'_>) -> BulkReading {
        Ok((self.read(session, "").await?.into_iter().collect(), BTreeMap::new()))
    }
}

#[async_trait]
impl KindProvider for AccountBaseline {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Account(&AccountBaseline)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[
                "iam:GetAccountPasswordPolicy",
                "iam:ListAccountAliases",
                "s3:GetAccountPublicAccessBlock",
            ]),
            reads: strings(&[
                "iam:GetAccountPasswordPolicy",
                "iam:ListAccountAliases",
                "s3:GetAccountPublicAccessBlock",
            ]),
            marks: strings(&[]),
            changes: strings(&[
                "iam:CreateAccountAlias",
                "iam:DeleteAccountAlias",
                "iam:DeleteAccountPasswordPolicy",
                "iam:UpdateAccountPasswordPolicy",
                "s3:PutAccountPublicAccessBlock",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        self.update(session, step).await
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        if want.changes("alias") {
            set_alias(session, want.before("alias").as_str(), want.after("alias").as_str()).await?;
        }
        if want.changes("password_policy") {
            set_password_policy(session, want.after("password_policy")).await?;
        }
        if want.changes("s3_block_public_access") {
            set_public_access(session, want.after("s3_block_public_access")).await?;
        }
        Ok(want.done([("id", session.id().await?.to_string().into())]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        // Only what the block managed is undone; a state without that note managed what it recorded.
        let manages = match step.meta.get("manages") {
            None | Some(Value::Null) => vec![
                "alias".to_owned(),
                "password_policy".to_owned(),
                "s3_block_public_access".to_owned(),
            ],
            Some(parts) => texts(parts),
        };
        for part in manages {
            match part.as_str() {
                "alias" => set_alias(session, want.before("alias").as_str(), None).await?,
                "password_policy" => set_password_policy(session, &Value::Null).await?,
                "s3_block_public_access" => set_public_access(session, &Value::Null).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn read(
        &self,
        session: &Session,
        _key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let id = session.id().await?.to_string();
        let aliases = session.iam().list_account_aliases().send();
        let password = session.iam().get_account_password_policy().send();
        let public = session.s3control().get_public_access_block().account_id(&id).send();
        let (aliases, password, public) = futures::join!(aliases, password, public);
        let aliases = aliases.map_err(session.error("iam", "ListAccountAliases"))?;
        let password =
            password.map_err(session.error("iam", "GetAccountPasswordPolicy")).absent()?;
        let public = public.map_err(session.error("s3control", "GetPublicAccessBlock")).absent()?;
        let public = public.as_ref().and_then(|p| p.public_access_block_configuration());
        let policy = password.as_ref().and_then(|p| p.password_policy());
        let policy = policy.map_or(Value::Null, |p| {
            Value::Map(Attrs::from([
                ("minimum_length".to_owned(), p.minimum_password_length().map(i64::from).into()),
                ("require_lowercase".to_owned(), p.require_lowercase_characters().into()),
                ("require_uppercase".to_owned(), p.require_uppercase_characters().into()),
                ("require_numbers".to_owned(), p.require_numbers().into()),
                ("require_symbols".to_owned(), p.require_symbols().into()),
                ("allow_users_to_change".to_owned(), p.allow_users_to_change_password().into()),
                ("hard_expiry".to_owned(), p.hard_expiry().unwrap_or(false).into()),
                ("max_age".to_owned(), limit(p.max_password_age())),
                ("reuse_prevention".to_owned(), limit(p.password_reuse_prevention())),
            ]))
        });
        let on = |get: fn(&PublicAccessBlockConfiguration) -> Option<bool>| {
            Value::Bool(public.and_then(get).unwrap_or(false))
        };
        let public = Value::Map(Attrs::from([
            ("block_public_acls".to_owned(), on(|b| b.block_public_acls())),
            ("block_public_policy".to_owned(), on(|b| b.block_public_policy())),
            ("ignore_public_acls".to_owned(), on(|b| b.ignore_public_acls())),
            ("restrict_public_buckets".to_owned(), on(|b| b.restrict_public_buckets())),
        ]));
        Ok(live(
            KIND,
            attrs([
                ("alias", optional(aliases.account_aliases().first().map(String::as_str))),
                ("password_policy", policy),
                ("s3_block_public_access", public),
                ("id", id.into()),
            ]),
        ))
    }
}

/// Zero stands for "no limit" where an emulator writes one.
fn limit(value: Option<i32>) -> Value {
    value.filter(|n| *n > 0).map(i64::from).into()
}

async fn set_alias(
    session: &Session,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<(), ProviderError> {
    // An account has one alias: the old one goes first.
    if let Some(old) = before.filter(|old| Some(*old) != after) {
        session
            .iam()
            .delete_account_alias()
            .account_alias(old)
            .send()
            .await
            .map_err(session.error("iam", "DeleteAccountAlias"))
            .absent()?;
    }
    if let Some(new) = after.filter(|new| Some(*new) != before) {
        session
            .iam()
            .create_account_alias()
            .account_alias(new)
            .send()
            .await
            .map_err(session.error("iam", "CreateAccountAlias"))?;
    }
    Ok(())
}

async fn set_password_policy(session: &Session, policy: &Value) -> Result<(), ProviderError> {
    let Some(policy) = policy.as_map() else {
        return session
            .iam()
            .delete_account_password_policy()
            .send()
            .await
            .map_err(session.error("iam", "DeleteAccountPasswordPolicy"))
            .absent()
            .map(|_| ());
    };
    let flag = |name: &str| policy.get(name).and_then(Value::as_bool).unwrap_or(false);
    let int =
        |name: &str| policy.get(name).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
    session
        .iam()
        .update_account_password_policy()
        .set_minimum_password_length(int("minimum_length"))
        .require_lowercase_characters(flag("require_lowercase"))
        .require_uppercase_characters(flag("require_uppercase"))
        .require_numbers(flag("require_numbers"))
        .require_symbols(flag("require_symbols"))
        .allow_users_to_change_password(flag("allow_users_to_change"))
        .set_hard_expiry(Some(flag("hard_expiry")))
        .set_max_password_age(int("max_age"))
        .set_password_reuse_prevention(int("reuse_prevention"))
        .send()
        .await
        .map_err(session.error("iam", "UpdateAccountPasswordPolicy"))
        .map(|_| ())
}

async fn set_public_access(session: &Session, block: &Value) -> Result<(), ProviderError> {
    let id = session.id().await?.to_string();
    if block.is_null() {
        return session
            .s3control()
            .delete_public_access_block()
            .account_id(id)
            .send()
            .await
            .map_err(session.error("s3control", "DeletePublicAccessBlock"))
            .absent()
            .map(|_| ());
    }
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(switch(block, "block_public_acls"))
        .block_public_policy(switch(block, "block_public_policy"))
        .ignore_public_acls(switch(block, "ignore_public_acls"))
        .restrict_public_buckets(switch(block, "restrict_public_buckets"))
        .build();
    session
        .s3control()
        .put_public_access_block()
        .account_id(id)
        .public_access_block_configuration(configuration)
        .send()
        .await
        .map_err(session.error("s3control", "PutPublicAccessBlock"))
        .map(|_| ())
}
