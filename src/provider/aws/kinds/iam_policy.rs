//! Customer-managed policies: the calls.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_iam::types::{ManagedPolicyDetail, Policy};
use futures::{StreamExt, TryStreamExt, stream};

use super::iam_role::tags;
use crate::iam::Use;
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::iam_read::{AwsPolicies, IamAnswers, decoded, iam_tags};
use crate::provider::aws::kind::{
    Bulk, IamPart, KindProvider, OrAbsent, Wanted, attrs, document, live, optional,
};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::value::Attrs;

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "iam_policy";

/// The AWS half.
pub(in crate::provider::aws) struct IamPolicy;

#[async_trait]
impl IamPart for IamPolicy {
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError> {
        let details = iam.details().await?;
        let (own, of_aws) = futures::join!(
            policies(iam.session, &details.policies),
            aws_policies(iam.session, iam.scope.aws_policies, details.aws_policies()),
        );
        let (mut own, of_aws) = (own?, of_aws?);
        own.extend(of_aws);
        Ok(own)
    }
}

#[async_trait]
impl KindProvider for IamPolicy {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Iam(&IamPolicy)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&["iam:GetPolicy", "iam:GetPolicyVersion"]),
            reads: strings(&["iam:GetPolicy", "iam:GetPolicyVersion"]),
            marks: strings(&[]),
            changes: strings(&[
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:ListEntitiesForPolicy",
                "iam:ListPolicyVersions",
                "iam:TagPolicy",
                "iam:UntagPolicy",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let answer = session
            .iam()
            .create_policy()
            .policy_name(want.text("name")?)
            .path(want.text("path")?)
            .policy_document(document(want.after("content")))
            .set_description(want.after("description").as_str().map(str::to_owned))
            .set_tags(tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("iam", "CreatePolicy"))?;
        let policy = answer.policy();
        Ok(want.done([
            ("arn", optional(policy.and_then(|p| p.arn()))),
            ("unique_id", optional(policy.and_then(|p| p.policy_id()))),
        ]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let arn = want.text("arn")?;
        if want.changes("content") {
            let content = document(want.after("content"));
            match new_version(session, arn, &content).await {
                Err(error)
                    if matches!(
                        error.code.as_deref(),
                        Some("LimitExceeded" | "LimitExceededException")
                    ) =>
                {
                    // AWS keeps five versions: the oldest that is not in force makes room.
                    prune(session, arn, 1).await?;
                    new_version(session, arn, &content).await?;
                }
                done => done?,
            }
        }
        let (set, gone) = want.tag_changes();
        if !gone.is_empty() {
            session
                .iam()
                .untag_policy()
                .policy_arn(arn)
                .set_tag_keys(Some(gone))
                .send()
                .await
                .map_err(session.error("iam", "UntagPolicy"))?;
        }
        if let Some(set) = tags(&set) {
            session
                .iam()
                .tag_policy()
                .policy_arn(arn)
                .set_tags(Some(set))
                .send()
                .await
                .map_err(session.error("iam", "TagPolicy"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let arn = want.text("arn")?;
        match delete_policy(session, arn).await {
            Err(error) if error.code.as_deref() == Some("DeleteConflict") => {
                let users = users(session, arn).await?;
                if !users.is_empty() {
                    return Err(ProviderError {
                        failure: Failure::Refused,
                        message: format!(
                            "the policy is still used by {}: detach it there first",
                            users.join(", ")
                        ),
                        ..error
                    });
                }
                prune(session, arn, usize::MAX).await?;
                delete_policy(session, arn).await
            }
            done => done,
        }
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let arn = if key.starts_with("arn:") {
            key.to_owned()
        } else {
            format!("arn:{}:iam::{}:policy/{key}", session.partition(), session.id().await?)
        };
        by_arn(session, &arn).await
    }
}

async fn new_version(session: &Session, arn: &str, content: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .create_policy_version()
        .policy_arn(arn)
        .policy_document(content)
        .set_as_default(true)
        .send()
        .await
        .map_err(session.error("iam", "CreatePolicyVersion"))
        .map(|_| ())
}

async fn delete_policy(session: &Session, arn: &str) -> Result<(), ProviderError> {
    session
        .iam()
        .delete_policy()
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "DeletePolicy"))
        .absent()
        .map(|_| ())
}

/// Deletes up to `most` of the versions that are not in force, the oldest first.
async fn prune(session: &Session, arn: &str, most: usize) -> Result<(), ProviderError> {
    let versions = session
        .iam()
        .list_policy_versions()
        .policy_arn(arn)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(session.error("iam", "ListPolicyVersions"))?;
    // Version ids count up: v1, v2, ... v10.
    let mut old: Vec<(u64, String)> = versions
        .into_iter()
        .filter(|v| !v.is_default_version())
        .filter_map(|v| {
            let id = v.version_id?;
            Some((id.trim_start_matches('v').parse().ok()?, id))
        })
        .collect();
    old.sort();
    for (_, version) in old.into_iter().take(most) {
        session
            .iam()
            .delete_policy_version()
            .policy_arn(arn)
            .version_id(version)
            .send()
            .await
            .map_err(session.error("iam", "DeletePolicyVersion"))
            .absent()?;
    }
    Ok(())
}

/// Who uses a policy, as permissions or as boundary.
async fn users(session: &Session, arn: &str) -> Result<Vec<String>, ProviderError> {
    let mut pages =
        session.iam().list_entities_for_policy().policy_arn(arn).into_paginator().send();
    let mut users = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(session.error("iam", "ListEntitiesForPolicy"))?;
        let roles = page.policy_roles().iter().filter_map(|r| r.role_name());
        users.extend(roles.map(|name| format!("role `{name}`")));
        let names = page.policy_users().iter().filter_map(|u| u.user_name());
        users.extend(names.map(|name| format!("user `{name}`")));
        let groups = page.policy_groups().iter().filter_map(|g| g.group_name());
        users.extend(groups.map(|name| format!("group `{name}`")));
    }
    Ok(users)
}

/// What `GetAccountAuthorizationDetails` shows of a policy.
fn attrs_of(detail: &ManagedPolicyDetail) -> Attrs {
    let current = detail.policy_version_list().iter().find(|v| v.is_default_version());
    attrs([
        ("name", optional(detail.policy_name())),
        ("path", optional(detail.path())),
        ("content", decoded(current.and_then(|v| v.document()), Use::Managed)),
        ("arn", optional(detail.arn())),
        ("unique_id", optional(detail.policy_id())),
    ])
}

/// A policy without its document, where there is one.
async fn get_policy(session: &Session, arn: &str) -> Result<Option<Policy>, ProviderError> {
    let answer = session
        .iam()
        .get_policy()
        .policy_arn(arn)
        .send()
        .await
        .map_err(session.error("iam", "GetPolicy"))
        .absent()?;
    Ok(answer.and_then(|a| a.policy))
}

/// What it does not show.
async fn beyond_details(session: &Session, arn: &str) -> Result<Option<Attrs>, ProviderError> {
    Ok(get_policy(session, arn).await?.map(|policy| {
        // Name, path and id are among the details on AWS, but not on every server.
        attrs([
            ("name", optional(policy.policy_name())),
            ("path", optional(policy.path())),
            ("unique_id", optional(policy.policy_id())),
            ("description", optional(policy.description())),
            ("tags", iam_tags(policy.tags())),
        ])
    }))
}

/// A managed policy by its ARN: the version that is in force.
async fn by_arn(session: &Session, arn: &str) -> Result<Option<LiveObject>, ProviderError> {
    let Some(policy) = get_policy(session, arn).await? else { return Ok(None) };
    let version = session
        .iam()
        .get_policy_version()
        .policy_arn(arn)
        .version_id(policy.default_version_id().unwrap_or_default())
        .send()
        .await
        .map_err(session.error("iam", "GetPolicyVersion"))
        .absent()?;
    let Some(version) = version.and_then(|v| v.policy_version) else { return Ok(None) };
    Ok(live(
        KIND,
        attrs([
            ("name", optional(policy.policy_name())),
            ("path", optional(policy.path())),
            ("description", optional(policy.description())),
            ("content", decoded(version.document(), Use::Managed)),
            ("tags", iam_tags(policy.tags())),
            ("arn", optional(policy.arn())),
            ("unique_id", optional(policy.policy_id())),
        ]),
    ))
}

/// The account's own policies. Their tags and descriptions can only be asked for one by one.
async fn policies(
    session: &Session,
    details: &[ManagedPolicyDetail],
) -> Result<Vec<LiveObject>, ProviderError> {
    let reads: Vec<_> = details
        .iter()
        .map(|detail| async move {
            let mut attrs = attrs_of(detail);
            if let Some(extra) = beyond_details(session, detail.arn().unwrap_or_default()).await? {
                attrs.extend(extra);
            }
            Ok::<_, ProviderError>(live(KIND, attrs))
        })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}

/// AWS's own policies with these ARNs, with their documents.
async fn aws_policies(
    session: &Session,
    cache: &AwsPolicies,
    used: BTreeSet<String>,
) -> Result<Vec<LiveObject>, ProviderError> {
    let reads: Vec<_> = used
        .into_iter()
        .map(|arn| async move {
            let cell = cache.cell(&arn);
            let read = || async { Ok(by_arn(session, &arn).await?.map(|object| object.attrs)) };
            let attrs = cell.get_or_try_init(read).await?.clone();
            Ok::<_, ProviderError>(attrs.map(|attrs| LiveObject {
                reserved: Some("a policy that AWS manages"),
                ..LiveObject::new(KIND, arn, attrs)
            }))
        })
        .collect();
    let objects: Vec<Option<LiveObject>> =
        stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
    Ok(objects.into_iter().flatten().collect())
}
