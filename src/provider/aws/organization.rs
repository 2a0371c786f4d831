//! The organization: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types::{OrganizationFeatureSet, PolicyType};

use super::clients::Session;
use super::kind::{Bulk, KindProvider, Wanted, optional};
use super::{errors, organization_read};
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
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

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let answer = session
            .organizations()
            .create_organization()
            .feature_set(OrganizationFeatureSet::All)
            .send()
            .await
            .map_err(session.error("organizations", "CreateOrganization"))?;
        session.settle(|| async { session.root().await.map(|_| ()) }).await?;
        let (types, _) = want.list_changes("enabled_policy_types");
        for name in types {
            session.settle(|| enable_type(session, name)).await?;
        }
        let (services, _) = want.list_changes("trusted_services");
        for name in services {
            session.settle(|| trust(session, name)).await?;
        }
        let made = answer.organization();
        let root = session.root().await?;
        Ok(want.done([
            ("id", optional(made.and_then(|o| o.id()))),
            ("arn", optional(made.and_then(|o| o.arn()))),
            ("management_account_id", optional(made.and_then(|o| o.master_account_id()))),
            ("root_id", root.into()),
        ]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let (added, removed) = want.list_changes("enabled_policy_types");
        for name in added {
            enable_type(session, name).await?;
        }
        for name in removed {
            let done = session
                .organizations()
                .disable_policy_type()
                .root_id(session.root().await?)
                .policy_type(PolicyType::from(name))
                .send()
                .await
                .map_err(session.error("organizations", "DisablePolicyType"));
            match done {
                Err(e) if e.code.as_deref() == Some("PolicyTypeNotEnabledException") => {}
                done => {
                    done?;
                }
            }
        }
        let (added, removed) = want.list_changes("trusted_services");
        for name in added {
            trust(session, name).await?;
        }
        for name in removed {
            session
                .organizations()
                .disable_aws_service_access()
                .service_principal(name)
                .send()
                .await
                .map_err(session.error("organizations", "DisableAWSServiceAccess"))?;
        }
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, _step: &ProviderStep) -> Result<(), ProviderError> {
        // The plan forgets it; a plan that says otherwise was made by something else.
        Err(errors::refuse(
            "organizations",
            "DeleteOrganization",
            &session.account,
            "Palisade never deletes an organization",
        ))
    }

    async fn read(
        &self,
        session: &Session,
        _key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        organization_read::organization(session).await
    }
}

async fn enable_type(session: &Session, name: &str) -> Result<(), ProviderError> {
    let done = session
        .organizations()
        .enable_policy_type()
        .root_id(session.root().await?)
        .policy_type(PolicyType::from(name))
        .send()
        .await
        .map_err(session.error("organizations", "EnablePolicyType"));
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

async fn trust(session: &Session, service: &str) -> Result<(), ProviderError> {
    session
        .organizations()
        .enable_aws_service_access()
        .service_principal(service)
        .send()
        .await
        .map_err(session.error("organizations", "EnableAWSServiceAccess"))
        .map(|_| ())
}
