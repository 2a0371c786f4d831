//! The organization: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types::{OrganizationFeatureSet, PolicyType};

use super::clients::Session;
use super::kind::{Bulk, KindProvider, Wanted, optional};
use super::{errors, organization_read};
use crate::provider::{Failure, LiveObject, ProviderError, Step};
use crate::value::Attrs;

/// Its name.
pub(super) const KIND: &str = "organization";

/// The AWS half.
pub(super) struct Organization;

#[async_trait]
impl KindProvider for Organization {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&self) -> Bulk {
        Bulk::Organization
    }

    async fn create(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let answer = cx
            .organizations()
            .create_organization()
            .feature_set(OrganizationFeatureSet::All)
            .send()
            .await
            .map_err(cx.error("organizations", "CreateOrganization"))?;
        cx.settle(|| async { cx.root().await.map(|_| ()) }).await?;
        let (types, _) = want.list_changes("enabled_policy_types");
        for name in types {
            cx.settle(|| enable_type(cx, name)).await?;
        }
        let (services, _) = want.list_changes("trusted_services");
        for name in services {
            cx.settle(|| trust(cx, name)).await?;
        }
        let made = answer.organization();
        let root = cx.root().await?;
        Ok(want.done([
            ("id", optional(made.and_then(|o| o.id()))),
            ("arn", optional(made.and_then(|o| o.arn()))),
            ("management_account_id", optional(made.and_then(|o| o.master_account_id()))),
            ("root_id", root.into()),
        ]))
    }

    async fn update(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let (added, removed) = want.list_changes("enabled_policy_types");
        for name in added {
            enable_type(cx, name).await?;
        }
        for name in removed {
            let done = cx
                .organizations()
                .disable_policy_type()
                .root_id(cx.root().await?)
                .policy_type(PolicyType::from(name))
                .send()
                .await
                .map_err(cx.error("organizations", "DisablePolicyType"));
            match done {
                Err(e) if e.code.as_deref() == Some("PolicyTypeNotEnabledException") => {}
                done => {
                    done?;
                }
            }
        }
        let (added, removed) = want.list_changes("trusted_services");
        for name in added {
            trust(cx, name).await?;
        }
        for name in removed {
            cx.organizations()
                .disable_aws_service_access()
                .service_principal(name)
                .send()
                .await
                .map_err(cx.error("organizations", "DisableAWSServiceAccess"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, cx: &Session, _step: &Step) -> Result<(), ProviderError> {
        // The plan forgets it; a plan that says otherwise was made by something else.
        Err(errors::refuse(
            "organizations",
            "DeleteOrganization",
            &cx.account,
            "Palisade never deletes an organization",
        ))
    }

    async fn read(&self, cx: &Session, _key: &str) -> Result<Option<LiveObject>, ProviderError> {
        organization_read::organization(cx).await
    }
}

async fn enable_type(cx: &Session, name: &str) -> Result<(), ProviderError> {
    let done = cx
        .organizations()
        .enable_policy_type()
        .root_id(cx.root().await?)
        .policy_type(PolicyType::from(name))
        .send()
        .await
        .map_err(cx.error("organizations", "EnablePolicyType"));
    match done {
        // Asked for a moment ago, perhaps by this very run.
        Err(e) if e.code.as_deref() == Some("PolicyTypeAlreadyEnabledException") => Ok(()),
        Err(e) if e.code.as_deref() == Some("PolicyTypeNotAvailableForOrganizationException") => {
            Err(ProviderError {
                failure: Failure::Refused,
                message: format!("{}: the organization must have all features enabled", e.message),
                ..e
            })
        }
        done => done.map(|_| ()),
    }
}

async fn trust(cx: &Session, service: &str) -> Result<(), ProviderError> {
    cx.organizations()
        .enable_aws_service_access()
        .service_principal(service)
        .send()
        .await
        .map_err(cx.error("organizations", "EnableAWSServiceAccess"))
        .map(|_| ())
}
