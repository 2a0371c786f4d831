//! Service and resource control policies: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types::{PolicySummary, PolicyType, TargetType};
use futures::{StreamExt, TryStreamExt, stream};

use crate::iam::Use;
use crate::provider::aws::ROOT;
use crate::provider::aws::clients::Session;
use crate::provider::aws::kind::{
    Absent, Bulk, KindProvider, OrganizationReader, Wanted, attrs, document, live, optional,
    sorted, texts,
};
use crate::provider::aws::organization_read::{node_id, node_name};
use crate::provider::aws::organization_tags::{self, to_tags};
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::schema::{canonical_policy, is_aws_owned};
use crate::value::{Attrs, Value};

/// The AWS half of one of the two kinds.
pub(in crate::provider::aws) struct OrgPolicy {
    pub(in crate::provider::aws) kind: &'static str,
    pub(in crate::provider::aws) policy_type: PolicyType,
    pub(in crate::provider::aws) role: Use,
}

/// Service control policies.
pub(in crate::provider::aws) static SERVICE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "service_control_policy",
    policy_type: PolicyType::ServiceControlPolicy,
    role: Use::Scp,
};
/// Resource control policies.
pub(in crate::provider::aws) static RESOURCE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "resource_control_policy",
    policy_type: PolicyType::ResourceControlPolicy,
    role: Use::Rcp,
};

#[async_trait]
impl OrganizationReader for OrgPolicy {
    async fn everything(
        &self,
        session: &Session,
    ) -> Result<Result<Vec<LiveObject>, String>, ProviderError> {
        let pages = session
            .organizations()
            .list_policies()
            .filter(self.policy_type.clone())
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListPolicies"));
        let pages: Vec<_> = match pages {
            Ok(pages) => pages,
            // An emulator may not know the type; AWS lists a type that is not enabled as empty.
            Err(e) if matches!(e.failure, Failure::NotImplemented | Failure::Refused) => {
                return Ok(Err(e.to_string()));
            }
            Err(e) => return Err(e),
        };
        let listed = pages.into_iter().flat_map(|page| page.policies.unwrap_or_default());
        let reads: Vec<_> =
            listed.map(|summary| async move { object(session, self, &summary).await }).collect();
        let objects: Vec<Option<LiveObject>> =
            stream::iter(reads).buffer_unordered(session.options.concurrency).try_collect().await?;
        Ok(Ok(objects.into_iter().flatten().collect()))
    }
}

#[async_trait]
impl KindProvider for OrgPolicy {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Organization(self)
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let answer = session
            .organizations()
            .create_policy()
            .name(want.text("name")?)
            .description(want.after("description").as_str().unwrap_or_default())
            .content(document(want.after("content")))
            .r#type(self.policy_type.clone())
            .set_tags(to_tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("organizations", "CreatePolicy"))?;
        let summary = answer.policy().and_then(|p| p.policy_summary());
        let mut attrs = want.done([
            ("id", optional(summary.and_then(|s| s.id()))),
            ("arn", optional(summary.and_then(|s| s.arn()))),
        ]);
        // Attaching it is a step of its own for each target.
        attrs.insert("targets".to_owned(), Value::List(Vec::new()));
        Ok(attrs)
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        let (name, description, content) =
            (want.changes("name"), want.changes("description"), want.changes("content"));
        if name || description || content {
            let text = |name: &str| want.after(name).as_str().unwrap_or_default().to_owned();
            session
                .organizations()
                .update_policy()
                .policy_id(id)
                .set_name(name.then(|| text("name")))
                .set_description(description.then(|| text("description")))
                .set_content(content.then(|| document(want.after("content"))))
                .send()
                .await
                .map_err(session.error("organizations", "UpdatePolicy"))?;
        }
        organization_tags::change(session, id, &want).await?;
        let mut attrs = want.done([]);
        attrs.insert("targets".to_owned(), want.before("targets").clone());
        Ok(attrs)
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        let gone = session
            .organizations()
            .delete_policy()
            .policy_id(id)
            .send()
            .await
            .map_err(session.error("organizations", "DeletePolicy"))
            .absent();
        match gone {
            Err(error) if error.code.as_deref() == Some("PolicyInUseException") => {
                let targets = targets(session, id).await?;
                Err(ProviderError {
                    failure: Failure::Refused,
                    message: format!(
                        "the policy is still attached to {}, outside Palisade: detach it there first",
                        texts(&targets).join(", ")
                    ),
                    ..error
                })
            }
            gone => gone.map(|_| ()),
        }
    }

    async fn attach(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let target = want.target()?;
        let done = session
            .organizations()
            .attach_policy()
            .policy_id(want.text("id")?)
            .target_id(node_id(session, target).await?)
            .send()
            .await
            .map_err(session.error("organizations", "AttachPolicy"));
        match done {
            Err(e) if e.code.as_deref() == Some("DuplicatePolicyAttachmentException") => {}
            Err(e) if e.code.as_deref() == Some("PolicyTypeNotEnabledException") => {
                // Enabled moments ago, it is not known everywhere yet.
                return Err(ProviderError {
                    failure: Failure::NotFound,
                    message: format!(
                        "the policy type is not enabled: add `{}` to `enabled_policy_types` of the organization",
                        self.policy_type.as_str()
                    ),
                    ..e
                });
            }
            done => {
                done?;
            }
        }
        Ok(with_targets(&want, |targets| targets.push(target.to_owned())))
    }

    async fn detach(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let target = want.target()?;
        let done = session
            .organizations()
            .detach_policy()
            .policy_id(want.text("id")?)
            .target_id(node_id(session, target).await?)
            .send()
            .await
            .map_err(session.error("organizations", "DetachPolicy"));
        match done {
            Err(e)
                if matches!(
                    e.code.as_deref(),
                    Some("PolicyNotAttachedException" | "TargetNotFoundException")
                ) => {}
            done => {
                done?;
            }
        }
        Ok(with_targets(&want, |targets| targets.retain(|t| t != target)))
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        by_key(session, self, key).await
    }
}

/// The attributes after one attachment changed: each target is a step of its own, and what the
/// step says of the others is what they are now.
fn with_targets(want: &Wanted<'_>, change: impl FnOnce(&mut Vec<String>)) -> Attrs {
    let mut targets = texts(want.before("targets"));
    change(&mut targets);
    let mut attrs = want.done([]);
    attrs.insert("targets".to_owned(), sorted(targets));
    attrs
}

/// A policy as AWS lists it, with what it does not list: its document, its targets and its tags.
async fn object(
    session: &Session,
    kind: &OrgPolicy,
    summary: &PolicySummary,
) -> Result<Option<LiveObject>, ProviderError> {
    let id = summary.id().unwrap_or_default();
    let described = async {
        session
            .organizations()
            .describe_policy()
            .policy_id(id)
            .send()
            .await
            .map_err(session.error("organizations", "DescribePolicy"))
            .absent()
    };
    let aws_managed = summary.aws_managed();
    let tagged = async {
        // AWS's own policies carry no tags, and asking for them is refused.
        if aws_managed {
            Ok(Value::Map(Default::default()))
        } else {
            organization_tags::read(session, id).await
        }
    };
    let (described, targets, tags) = futures::try_join!(described, targets(session, id), tagged)?;
    let content = described.as_ref().and_then(|d| d.policy()).and_then(|p| p.content());
    let Some(content) = content else { return Ok(None) };
    let mut object = live(
        kind.kind,
        attrs([
            ("name", optional(summary.name())),
            ("description", optional(summary.description())),
            ("content", canonical_policy(content, kind.role.clone())),
            ("targets", targets),
            ("tags", tags),
            ("id", optional(summary.id())),
            ("arn", optional(summary.arn())),
        ]),
    );
    if let Some(object) = &mut object
        && (aws_managed || summary.name().is_some_and(is_aws_owned))
    {
        object.reserved = Some("a policy that AWS or Control Tower owns");
    }
    Ok(object)
}

/// What a policy is attached to, the root as `root`.
async fn targets(session: &Session, id: &str) -> Result<Value, ProviderError> {
    let targets = session
        .organizations()
        .list_targets_for_policy()
        .policy_id(id)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListTargetsForPolicy"))
        .absent()?
        .unwrap_or_default();
    Ok(sorted(targets.iter().flat_map(|page| page.targets()).filter_map(|target| {
        match target.r#type() {
            Some(TargetType::Root) => Some(ROOT),
            _ => target.target_id().map(node_name),
        }
    })))
}

/// A policy by its id or name.
async fn by_key(
    session: &Session,
    kind: &OrgPolicy,
    key: &str,
) -> Result<Option<LiveObject>, ProviderError> {
    let by_id = if key.parse::<crate::ids::PolicyId>().is_ok() {
        session
            .organizations()
            .describe_policy()
            .policy_id(key)
            .send()
            .await
            .map_err(session.error("organizations", "DescribePolicy"))
            .absent()?
            .and_then(|d| d.policy)
            .and_then(|p| p.policy_summary)
    } else {
        None
    };
    let summary = match by_id {
        Some(summary) => Some(summary),
        None => session
            .organizations()
            .list_policies()
            .filter(kind.policy_type.clone())
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListPolicies"))?
            .into_iter()
            .flat_map(|page| page.policies.unwrap_or_default())
            .find(|summary| summary.name() == Some(key)),
    };
    match summary {
        Some(summary) => object(session, kind, &summary).await,
        None => Ok(None),
    }
}
