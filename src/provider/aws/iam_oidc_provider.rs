//! OIDC identity providers: the calls.

use async_trait::async_trait;

use super::clients::Session;
use super::iam_read;
use super::iam_role::tags;
use super::kind::{Absent, Bulk, KindProvider, Wanted, optional, texts};
use crate::provider::{LiveObject, ProviderError, Step};
use crate::value::{Attrs, Value};

/// Its name.
pub(super) const KIND: &str = "iam_oidc_provider";

/// The AWS half.
pub(super) struct IamOidcProvider;

#[async_trait]
impl KindProvider for IamOidcProvider {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&self) -> Bulk {
        Bulk::Account(&iam_read::IAM)
    }

    async fn create(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let thumbprints = texts(want.after("thumbprints"));
        let answer = cx
            .iam()
            .create_open_id_connect_provider()
            .url(format!("https://{}", want.text("url")?))
            .set_client_id_list(Some(texts(want.after("audiences"))))
            .set_thumbprint_list(Some(thumbprints).filter(|t| !t.is_empty()))
            .set_tags(tags(want.after("tags")))
            .send()
            .await
            .map_err(cx.error("iam", "CreateOpenIDConnectProvider"))?;
        Ok(want.done([("arn", optional(answer.open_id_connect_provider_arn()))]))
    }

    async fn update(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let arn = want.text("arn")?;
        let (added, removed) = want.list_changes("audiences");
        for audience in added {
            cx.iam()
                .add_client_id_to_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .client_id(audience)
                .send()
                .await
                .map_err(cx.error("iam", "AddClientIDToOpenIDConnectProvider"))?;
        }
        for audience in removed {
            cx.iam()
                .remove_client_id_from_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .client_id(audience)
                .send()
                .await
                .map_err(cx.error("iam", "RemoveClientIDFromOpenIDConnectProvider"))?;
        }
        if want.changes("thumbprints") {
            cx.iam()
                .update_open_id_connect_provider_thumbprint()
                .open_id_connect_provider_arn(arn)
                .set_thumbprint_list(Some(texts(want.after("thumbprints"))))
                .send()
                .await
                .map_err(cx.error("iam", "UpdateOpenIDConnectProviderThumbprint"))?;
        }
        let (set, gone) = want.map_changes("tags");
        if !gone.is_empty() {
            cx.iam()
                .untag_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .set_tag_keys(Some(gone.into_iter().map(str::to_owned).collect()))
                .send()
                .await
                .map_err(cx.error("iam", "UntagOpenIDConnectProvider"))?;
        }
        if !set.is_empty() {
            let set = Value::Map(set.into_iter().map(|(k, v)| (k.to_owned(), v.clone())).collect());
            cx.iam()
                .tag_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .set_tags(tags(&set))
                .send()
                .await
                .map_err(cx.error("iam", "TagOpenIDConnectProvider"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, cx: &Session, step: &Step) -> Result<(), ProviderError> {
        let want = Wanted::new(cx, step);
        cx.iam()
            .delete_open_id_connect_provider()
            .open_id_connect_provider_arn(want.text("arn")?)
            .send()
            .await
            .map_err(cx.error("iam", "DeleteOpenIDConnectProvider"))
            .absent()
            .map(|_| ())
    }

    async fn read(&self, cx: &Session, key: &str) -> Result<Option<LiveObject>, ProviderError> {
        let arn = if key.starts_with("arn:") {
            key.to_owned()
        } else {
            let url = key.trim_start_matches("https://");
            format!("arn:{}:iam::{}:oidc-provider/{url}", cx.partition(), cx.id().await?)
        };
        iam_read::oidc_provider(cx, &arn).await
    }
}
