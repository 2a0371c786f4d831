//! OIDC identity providers: the calls.

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use super::iam_role::tags;
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::iam_read::{IamAnswers, iam_tags};
use crate::provider::aws::kind::{
    Bulk, IamPart, KindProvider, OrAbsent, Wanted, attrs, live, optional, sorted, texts,
};
use crate::provider::aws::session::Session;
use crate::provider::{LiveObject, ProviderError, ProviderStep};
use crate::value::Attrs;

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "iam_oidc_provider";

/// The AWS half.
pub(in crate::provider::aws) struct IamOidcProvider;

#[async_trait]
impl IamPart for IamOidcProvider {
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError> {
        let session = iam.session;
        let answer = session
            .iam()
            .list_open_id_connect_providers()
            .send()
            .await
            .map_err(session.error("iam", "ListOpenIDConnectProviders"))?;
        let reads: Vec<_> = answer
            .open_id_connect_provider_list()
            .iter()
            .filter_map(|entry| entry.arn().map(str::to_owned))
            .map(|arn| async move { by_arn(session, &arn).await })
            .collect();
        let objects: Vec<Option<LiveObject>> =
            stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
        Ok(objects.into_iter().flatten().collect())
    }
}

#[async_trait]
impl KindProvider for IamOidcProvider {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Iam(&IamOidcProvider)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&["iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviders"]),
            reads: strings(&["iam:GetOpenIDConnectProvider"]),
            marks: strings(&[]),
            changes: strings(&[
                "iam:AddClientIDToOpenIDConnectProvider",
                "iam:CreateOpenIDConnectProvider",
                "iam:DeleteOpenIDConnectProvider",
                "iam:RemoveClientIDFromOpenIDConnectProvider",
                "iam:TagOpenIDConnectProvider",
                "iam:UntagOpenIDConnectProvider",
                "iam:UpdateOpenIDConnectProviderThumbprint",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let thumbprints = texts(want.after("thumbprints"));
        let answer = session
            .iam()
            .create_open_id_connect_provider()
            .url(format!("https://{}", want.text("url")?))
            .set_client_id_list(Some(texts(want.after("audiences"))))
            .set_thumbprint_list(Some(thumbprints).filter(|t| !t.is_empty()))
            .set_tags(tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("iam", "CreateOpenIDConnectProvider"))?;
        Ok(want.done([("arn", optional(answer.open_id_connect_provider_arn()))]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let arn = want.text("arn")?;
        let (added, removed) = want.list_changes("audiences");
        for audience in added {
            session
                .iam()
                .add_client_id_to_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .client_id(audience)
                .send()
                .await
                .map_err(session.error("iam", "AddClientIDToOpenIDConnectProvider"))?;
        }
        for audience in removed {
            session
                .iam()
                .remove_client_id_from_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .client_id(audience)
                .send()
                .await
                .map_err(session.error("iam", "RemoveClientIDFromOpenIDConnectProvider"))?;
        }
        if want.changes("thumbprints") {
            session
                .iam()
                .update_open_id_connect_provider_thumbprint()
                .open_id_connect_provider_arn(arn)
                .set_thumbprint_list(Some(texts(want.after("thumbprints"))))
                .send()
                .await
                .map_err(session.error("iam", "UpdateOpenIDConnectProviderThumbprint"))?;
        }
        let (set, gone) = want.tag_changes();
        if !gone.is_empty() {
            session
                .iam()
                .untag_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .set_tag_keys(Some(gone))
                .send()
                .await
                .map_err(session.error("iam", "UntagOpenIDConnectProvider"))?;
        }
        if let Some(set) = tags(&set) {
            session
                .iam()
                .tag_open_id_connect_provider()
                .open_id_connect_provider_arn(arn)
                .set_tags(Some(set))
                .send()
                .await
                .map_err(session.error("iam", "TagOpenIDConnectProvider"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        session
            .iam()
            .delete_open_id_connect_provider()
            .open_id_connect_provider_arn(want.text("arn")?)
            .send()
            .await
            .map_err(session.error("iam", "DeleteOpenIDConnectProvider"))
            .absent()
            .map(|_| ())
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let arn = if key.starts_with("arn:") {
            key.to_owned()
        } else {
            let url = key.trim_start_matches("https://");
            format!("arn:{}:iam::{}:oidc-provider/{url}", session.partition(), session.id().await?)
        };
        by_arn(session, &arn).await
    }
}

/// An OIDC provider by its ARN.
async fn by_arn(session: &Session, arn: &str) -> Result<Option<LiveObject>, ProviderError> {
    let answer = session
        .iam()
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "GetOpenIDConnectProvider"))
        .absent()?;
    let Some(found) = answer else { return Ok(None) };
    // AWS tells the URL without its scheme; the ARN carries it too.
    let url = found.url().or_else(|| arn.split_once(":oidc-provider/").map(|(_, url)| url));
    let url = url.map(|url| url.trim_start_matches("https://"));
    Ok(live(
        KIND,
        attrs([
            ("url", optional(url)),
            ("audiences", sorted(found.client_id_list().iter().map(String::as_str))),
            ("thumbprints", sorted(found.thumbprint_list().iter().map(String::as_str))),
            ("tags", iam_tags(found.tags())),
            ("arn", arn.into()),
        ]),
    ))
}
