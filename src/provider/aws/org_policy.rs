//! Service and resource control policies: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types::PolicyType;

use super::clients::Session;
use super::kind::{Absent, Bulk, KindProvider, Wanted, document, optional, sorted, texts};
use super::organization_read::{self, node_id};
use super::organization_tags::{self, to_tags};
use crate::iam::Use;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::value::{Attrs, Value};

/// The AWS half of one of the two kinds.
pub(super) struct OrgPolicy {
    pub(super) kind: &'static str,
    pub(super) policy_type: PolicyType,
    pub(super) role: Use,
}

/// Service control policies.
pub(super) static SERVICE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "service_control_policy",
    policy_type: PolicyType::ServiceControlPolicy,
    role: Use::Scp,
};
/// Resource control policies.
pub(super) static RESOURCE_CONTROL_POLICY: OrgPolicy = OrgPolicy {
    kind: "resource_control_policy",
    policy_type: PolicyType::ResourceControlPolicy,
    role: Use::Rcp,
};

#[async_trait]
impl KindProvider for OrgPolicy {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn bulk(&self) -> Bulk {
        Bulk::Organization
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
                let targets = organization_read::targets(session, id).await?;
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
        organization_read::policy(session, self, key).await
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
