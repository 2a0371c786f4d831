//! Who administers the organization beside the principals of its management account, for `data` blocks: central root
//! access, the policy that delegates Organizations itself, and the administrators of single services. It is what section
//! 2.1 of the CIS AWS Foundations Benchmark 7.0.0 looks at.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::kind::OrAbsent as _;
use super::session::Session;
use crate::provider::{Administration, ProviderError};
use crate::value::{Attrs, Value};

/// The actions of IAM that it takes.
pub(super) const ACTIONS: [&str; 4] = [
    "iam:ListOrganizationsFeatures",
    "organizations:DescribeResourcePolicy",
    "organizations:ListDelegatedAdministrators",
    "organizations:ListDelegatedServicesForAccount",
];

/// Everything that the management account is told. A part that is refused is unread; the others count.
pub(super) async fn read(session: &Session) -> Administration {
    let (features, policy, administrators) = futures::join!(
        root_features(session),
        delegation_policy(session),
        delegated_administrators(session)
    );
    let mut read = Administration::default();
    for (name, part) in [
        ("root_features", features),
        ("delegation_policy", policy),
        ("delegated_administrators", administrators),
    ] {
        match part {
            Ok(value) => {
                read.attrs.insert(name.to_owned(), value);
            }
            Err(error) => {
                read.unread.insert(name, error.to_string());
            }
        }
    }
    read
}

/// Which parts of central root access are switched on. Without trusted access of IAM none can be
/// (IAM API Reference, `ListOrganizationsFeatures`).
async fn root_features(session: &Session) -> Result<Value, ProviderError> {
    let answer = session.iam().list_organizations_features().send().await;
    match answer.map_err(session.error("iam", "ListOrganizationsFeatures")) {
        Ok(told) => {
            let mut names: Vec<&str> =
                told.enabled_features().iter().map(|feature| feature.as_str()).collect();
            names.sort_unstable();
            Ok(names.into_iter().collect())
        }
        Err(error) if is_off(error.code.as_deref()) => Ok(Value::list(Vec::new())),
        Err(error) => Err(error),
    }
}

fn is_off(code: Option<&str>) -> bool {
    let off = [
        "ServiceAccessNotEnabled",
        "OrganizationNotInAllFeaturesMode",
        "OrganizationNotFound",
        "AWSOrganizationsNotInUse",
    ];
    code.is_some_and(|code| off.contains(&code.trim_end_matches("Exception")))
}

/// The policy by which members manage policies of the organization, as JSON; null where there is none
/// (Organizations API Reference, `DescribeResourcePolicy`).
async fn delegation_policy(session: &Session) -> Result<Value, ProviderError> {
    let answer = session.organizations().describe_resource_policy().send().await;
    let answer = answer.map_err(session.error("organizations", "DescribeResourcePolicy"));
    let answer = match answer {
        Err(error) if is_off(error.code.as_deref()) => None,
        answer => answer.absent()?,
    };
    let content = answer.and_then(|told| told.resource_policy).and_then(|policy| policy.content);
    Ok(content.map_or(Value::Null, Value::String))
}

/// The members that administer a service for the whole organization, by service
/// (Organizations API Reference, `ListDelegatedAdministrators` and `ListDelegatedServicesForAccount`).
async fn delegated_administrators(session: &Session) -> Result<Value, ProviderError> {
    let pages = session.organizations().list_delegated_administrators().into_paginator().send();
    let pages = pages.try_collect().await;
    let pages = match pages.map_err(session.error("organizations", "ListDelegatedAdministrators")) {
        Err(error) if is_off(error.code.as_deref()) => return Ok(Value::Map(Attrs::new())),
        pages => pages?,
    };
    let accounts = pages.iter().flat_map(|page| page.delegated_administrators());
    let services = accounts.filter_map(|account| account.id()).map(|id| async move {
        let pages = session
            .organizations()
            .list_delegated_services_for_account()
            .account_id(id)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListDelegatedServicesForAccount"))?;
        let names = pages.into_iter().flat_map(|page| page.delegated_services.unwrap_or_default());
        let names = names.filter_map(|service| service.service_principal);
        Ok::<_, ProviderError>((id.to_owned(), names.collect::<Vec<_>>()))
    });
    let mut by_service: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, services) in try_join_all(services).await? {
        for service in services {
            by_service.entry(service).or_default().insert(id.clone());
        }
    }
    let ids = |(service, ids): (String, BTreeSet<String>)| (service, ids.into_iter().collect());
    Ok(Value::Map(by_service.into_iter().map(ids).collect::<Attrs>()))
}
