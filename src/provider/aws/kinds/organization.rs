//! The organization: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types::{
    self, OrganizationFeatureSet, PolicyType, PolicyTypeStatus, Root,
};

use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::errors;
use crate::provider::aws::kind::{Bulk, KindProvider, Wanted, attrs, live, optional, sorted};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "organization";

/// The AWS half.
pub(in crate::provider::aws) struct Organization;

#[async_trait]
impl KindProvider for Organization {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Tree
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[
                "organizations:DescribeOrganization",
                "organizations:ListAWSServiceAccessForOrganization",
                "organizations:ListRoots",
            ]),
            reads: strings(&[]),
            marks: strings(&[]),
            changes: strings(&[
                "organizations:CreateOrganization",
                "organizations:DisableAWSServiceAccess",
                "organizations:DisablePolicyType",
                "organizations:EnableAWSServiceAccess",
                "organizations:EnablePolicyType",
                "organizations:DeleteOrganization",
            ]),
            conditional: &[],
            served_by: None,
        }
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
        current(session).await
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

/// The organization itself; `None` when the account is in none.
pub(in crate::provider::aws) async fn current(
    session: &Session,
) -> Result<Option<LiveObject>, ProviderError> {
    let (described, root, services) =
        futures::join!(describe(session), root(session), trusted_services(session));
    let Some(described) = described? else { return Ok(None) };
    Ok(object(&described, root?.as_ref(), services?))
}

/// What AWS says of the organization; nothing where the account is in none.
pub(in crate::provider::aws) async fn describe(
    session: &Session,
) -> Result<Option<types::Organization>, ProviderError> {
    let described = session
        .organizations()
        .describe_organization()
        .send()
        .await
        .map_err(session.error("organizations", "DescribeOrganization"));
    match described {
        Err(e) if e.code.as_deref() == Some("AWSOrganizationsNotInUseException") => Ok(None),
        described => Ok(described?.organization),
    }
}

/// The root of its tree.
pub(in crate::provider::aws) async fn root(
    session: &Session,
) -> Result<Option<Root>, ProviderError> {
    let roots = session
        .organizations()
        .list_roots()
        .send()
        .await
        .map_err(session.error("organizations", "ListRoots"))?;
    Ok(roots.roots.unwrap_or_default().into_iter().next())
}

/// The services that may work in all accounts; `None` where the endpoint does not know of such.
pub(in crate::provider::aws) async fn trusted_services(
    session: &Session,
) -> Result<Option<Value>, ProviderError> {
    let services = session
        .organizations()
        .list_aws_service_access_for_organization()
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListAWSServiceAccessForOrganization"));
    match services {
        Ok(services) => {
            let names = services
                .iter()
                .flat_map(|page| page.enabled_service_principals())
                .filter_map(|s| s.service_principal());
            Ok(Some(sorted(names)))
        }
        Err(error) if error.failure == Failure::NotImplemented => Ok(None),
        // With consolidated billing alone there are none.
        Err(error) if error.code.as_deref() == Some("ConstraintViolationException") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The policy types that are enabled in the root.
pub(in crate::provider::aws) fn enabled_types(root: Option<&Root>) -> Vec<PolicyType> {
    let types = root.map(|root| root.policy_types()).unwrap_or_default();
    let enabled = types.iter().filter(|one| {
        matches!(one.status(), Some(PolicyTypeStatus::Enabled | PolicyTypeStatus::PendingEnable))
    });
    enabled.filter_map(|one| one.r#type().cloned()).collect()
}

/// The organization with its root and its trusted services.
pub(in crate::provider::aws) fn object(
    described: &types::Organization,
    root: Option<&Root>,
    services: Option<Value>,
) -> Option<LiveObject> {
    let types = enabled_types(root);
    let mut attrs = attrs([
        ("id", optional(described.id())),
        ("arn", optional(described.arn())),
        ("root_id", optional(root.and_then(|r| r.id()))),
        ("management_account_id", optional(described.master_account_id())),
        ("feature_set", optional(described.feature_set().map(|f| f.as_str()))),
        ("enabled_policy_types", sorted(types.iter().map(PolicyType::as_str))),
    ]);
    if let Some(services) = services {
        attrs.insert("trusted_services".to_owned(), services);
    }
    live(KIND, attrs)
}
