//! Policies of the organization, of every type: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::operation::list_policies::ListPoliciesOutput;
use aws_sdk_organizations::types::{PolicySummary, PolicyType, TargetType};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};

use super::organization;
use crate::iam::Use;
use crate::provider::aws::ROOT;
use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::errors;
use crate::provider::aws::kind::{
    Bulk, EnabledTypes, KindProvider, OrAbsent, OrganizationReader, Wanted, attrs, document, live,
    optional, sorted, texts,
};
use crate::provider::aws::organization_read::{node_id, node_name};
use crate::provider::aws::organization_tags::{self, to_tags};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::schema::management_policy::canonical_content;
use crate::schema::{canonical_policy, is_aws_owned};
use crate::value::{Attrs, Value};

/// The AWS half of one of the three kinds.
pub(in crate::provider::aws) struct OrgPolicy {
    pub(in crate::provider::aws) kind: &'static str,
    /// The type of its policies, and what their documents are for; `None` where every policy says its type and is no
    /// policy of access.
    pub(in crate::provider::aws) access: Option<(PolicyType, Use)>,
}

/// Service control policies.
pub(in crate::provider::aws) static SERVICE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "service_control_policy",
    access: Some((PolicyType::ServiceControlPolicy, Use::Scp)),
};
/// Resource control policies.
pub(in crate::provider::aws) static RESOURCE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "resource_control_policy",
    access: Some((PolicyType::ResourceControlPolicy, Use::Rcp)),
};
/// Policies of every other type.
pub(in crate::provider::aws) static ORGANIZATION_POLICY: OrgPolicy =
    OrgPolicy { kind: "organization_policy", access: None };

impl OrgPolicy {
    /// The type of the policy that a step is about.
    fn type_of(&self, want: &Wanted<'_>) -> Result<PolicyType, ProviderError> {
        match &self.access {
            Some((policy_type, _)) => Ok(policy_type.clone()),
            None => Ok(PolicyType::from(want.text("type")?)),
        }
    }

    /// Policies of a type that is not enabled are not read, so that the next plan would make them again.
    async fn require_enabled(
        &self,
        session: &Session,
        policy_type: &PolicyType,
    ) -> Result<(), ProviderError> {
        if self.access.is_some() {
            return Ok(());
        }
        let root = organization::root(session).await?;
        if organization::enabled_types(root.as_ref()).contains(policy_type) {
            return Ok(());
        }
        let text = not_enabled(policy_type);
        // Enabled moments ago, it is not known everywhere yet.
        Err(ProviderError {
            failure: Failure::NotFound,
            ..errors::refuse("organizations", "CreatePolicy", &session.account, &text)
        })
    }

    /// The types whose policies are its objects, of those that are enabled.
    fn types(&self, enabled: &[PolicyType]) -> Vec<PolicyType> {
        match &self.access {
            Some((policy_type, _)) => vec![policy_type.clone()],
            None => {
                let of_access =
                    [PolicyType::ServiceControlPolicy, PolicyType::ResourceControlPolicy];
                enabled.iter().filter(|t| !of_access.contains(t)).cloned().collect()
            }
        }
    }
}

fn not_enabled(policy_type: &PolicyType) -> String {
    format!(
        "the policy type is not enabled: add `{}` to `enabled_policy_types` of the organization",
        policy_type.as_str()
    )
}

/// All policies of one type as AWS lists them; the refusal where the endpoint does not list that type.
async fn listed(
    session: &Session,
    policy_type: PolicyType,
) -> Result<Result<Vec<PolicySummary>, ProviderError>, ProviderError> {
    let pages = session
        .organizations()
        .list_policies()
        .filter(policy_type)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListPolicies"));
    match pages {
        Ok(pages) => {
            let pages: Vec<ListPoliciesOutput> = pages;
            Ok(Ok(pages.into_iter().flat_map(|page| page.policies.unwrap_or_default()).collect()))
        }
        // An emulator may not know the type; AWS lists a type that is not enabled as empty.
        Err(e) if matches!(e.failure, Failure::NotImplemented | Failure::Refused) => Ok(Err(e)),
        Err(e) => Err(e),
    }
}

/// The types that are enabled in the root of the organization, once it has been read.
async fn enabled(types: &EnabledTypes) -> Result<Vec<PolicyType>, String> {
    let mut types = types.clone();
    let known = types.wait_for(Option::is_some).await.ok();
    known.and_then(|known| known.clone()).ok_or_else(|| "the root was not read".to_owned())
}

#[async_trait]
impl OrganizationReader for OrgPolicy {
    async fn everything(
        &self,
        session: &Session,
        types: &EnabledTypes,
    ) -> Result<Result<Vec<LiveObject>, String>, ProviderError> {
        let types = match &self.access {
            Some(_) => self.types(&[]),
            None => match enabled(types).await {
                Ok(enabled) => self.types(&enabled),
                Err(why) => return Ok(Err(why)),
            },
        };
        let lists = types.into_iter().map(|policy_type| listed(session, policy_type));
        let mut summaries = Vec::new();
        for list in try_join_all(lists).await? {
            match list {
                Ok(all) => summaries.extend(all),
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        let reads: Vec<_> = summaries
            .into_iter()
            .map(|summary| async move { object(session, self, &summary).await })
            .collect();
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

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[
                "organizations:DescribePolicy",
                "organizations:ListPolicies",
                "organizations:ListTagsForResource",
                "organizations:ListTargetsForPolicy",
            ]),
            reads: strings(&[]),
            marks: strings(&[]),
            changes: strings(&[
                "organizations:AttachPolicy",
                "organizations:CreatePolicy",
                "organizations:DeletePolicy",
                "organizations:DetachPolicy",
                "organizations:TagResource",
                "organizations:UntagResource",
                "organizations:UpdatePolicy",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let policy_type = self.type_of(&want)?;
        self.require_enabled(session, &policy_type).await?;
        let answer = session
            .organizations()
            .create_policy()
            .name(want.text("name")?)
            .description(want.after("description").as_str().unwrap_or_default())
            .content(document(want.after("content")))
            .r#type(policy_type)
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
        attrs.insert("targets".to_owned(), Value::list(Vec::new()));
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
                    message: not_enabled(&self.type_of(&want)?),
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
    let mut attrs = attrs([
        ("name", optional(summary.name())),
        ("description", optional(summary.description())),
        ("targets", targets),
        ("tags", tags),
        ("id", optional(summary.id())),
        ("arn", optional(summary.arn())),
    ]);
    let content = match &kind.access {
        Some((_, role)) => canonical_policy(content, role.clone()),
        None => {
            let policy_type = summary.r#type().map(PolicyType::as_str);
            attrs.insert("type".to_owned(), optional(policy_type));
            canonical_content(content)
        }
    };
    attrs.insert("content".to_owned(), content);
    let mut object = live(kind.kind, attrs);
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
        None => {
            let types = match &kind.access {
                Some(_) => kind.types(&[]),
                None => {
                    let root = organization::root(session).await?;
                    kind.types(&organization::enabled_types(root.as_ref()))
                }
            };
            let (mut found, mut refused) = (None, None);
            for policy_type in types {
                match listed(session, policy_type).await? {
                    Ok(all) => {
                        found = found.or_else(|| all.into_iter().find(|s| s.name() == Some(key)));
                    }
                    Err(error) => refused = Some(error),
                }
            }
            match (&found, refused) {
                (None, Some(error)) if error.failure == Failure::Refused => return Err(error),
                _ => found,
            }
        }
    };
    match summary {
        Some(summary) => object(session, kind, &summary).await,
        None => Ok(None),
    }
}
