//! Policies on the resources of an account, by the calls of their own services: one list for each type and Region, and one read for
//! each policy (for a key another one for its grants), at most [`AwsOptions::concurrency`] calls at a time.
//!
//! [`AwsOptions::concurrency`]: crate::provider::aws::AwsOptions::concurrency

mod functions;
mod keys;
mod queues;
mod regions;
mod repositories;
mod secrets;
mod tables;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::errors;
use super::kind::OrAbsent as _;
use super::session::Session;
use crate::iam::KeyGrant;
use crate::provider::{
    Failure, PolicyReadings, PolicyTypes, ProviderError, ResourceReading, UnreadType,
};

/// How the policies of one type are read.
#[async_trait]
trait PolicyService: Send + Sync {
    /// The CloudFormation name of the type.
    fn of(&self) -> &'static str;

    /// The actions of IAM that its calls take.
    fn actions(&self) -> &'static [&'static str];

    /// The resources of the type in a Region.
    async fn list(&self, session: &Session, region: &str) -> Result<Vec<Listed>, ProviderError>;

    /// The policy of one of them, as JSON; `None` where it has none.
    async fn policy(
        &self,
        session: &Session,
        region: &str,
        listed: &Listed,
    ) -> Result<Option<String>, ProviderError>;

    /// The grants on one of them that may let in somebody of another account; `None` where the type has none.
    async fn grants(
        &self,
        _session: &Session,
        _region: &str,
        _listed: &Listed,
    ) -> Result<Option<Vec<KeyGrant>>, ProviderError> {
        Ok(None)
    }
}

/// The entries of a list. If one has no name, the resource cannot be read, so the whole list is an error.
fn named<T>(
    service: &'static str,
    operation: &'static str,
    session: &Session,
    all: impl IntoIterator<Item = Option<T>>,
) -> Result<Vec<T>, ProviderError> {
    let all: Option<Vec<T>> = all.into_iter().collect();
    all.ok_or_else(|| {
        let why = "an entry of the list has no name".to_owned();
        errors::refuse(service, operation, &session.account, why)
    })
}

/// A resource that a list tells.
struct Listed {
    arn: String,
    /// Why neither it nor its policy can be read at present.
    closed: Option<&'static str>,
    /// What the read of its policy calls it.
    name: String,
}

/// Every type that can be read.
const SERVICES: [&dyn PolicyService; 7] = [
    &functions::Functions,
    &keys::Keys,
    &queues::Queues,
    &repositories::Repositories,
    &secrets::StoredSecrets,
    &tables::Tables,
    &topics::Topics,
];

/// The actions of IAM that reading the policies of types takes.
pub(super) fn actions(types: &PolicyTypes) -> BTreeSet<String> {
    let services = SERVICES.iter().filter(|service| types.contains(service.of()));
    let mut all: BTreeSet<String> =
        services.flat_map(|service| service.actions()).map(|action| (*action).to_owned()).collect();
    if !all.is_empty() {
        all.insert(regions::ACTION.to_owned());
    }
    all
}

/// Reads the policies of types in every Region that the account has enabled.
///
/// # Errors
/// The account cannot be entered.
pub(super) async fn read(
    session: &Session,
    types: &PolicyTypes,
) -> Result<PolicyReadings, ProviderError> {
    let services: Vec<_> =
        SERVICES.into_iter().filter(|service| types.contains(service.of())).collect();
    if services.is_empty() {
        return Ok(PolicyReadings::default());
    }
    let enabled = match regions::enabled(session).await {
        Ok(enabled) => enabled,
        Err(error) if matches!(error.failure, Failure::CannotAssume | Failure::Credentials) => {
            return Err(error);
        }
        // Which Regions to read is not known.
        Err(error) => {
            let unread = UnreadType {
                failure: error.failure,
                why: error.to_string(),
                advice: error.unread_advice(),
            };
            let unread = services.iter().map(|service| (service.of(), unread.clone())).collect();
            return Ok(PolicyReadings { unread, ..PolicyReadings::default() });
        }
    };
    let permits = Semaphore::new(session.options.concurrency.max(1));
    let jobs = services.iter().flat_map(|service| {
        let (permits, regions) = (&permits, &enabled.names);
        regions.iter().map(move |region| async move {
            (service.of(), region, in_region(*service, session, region, permits).await)
        })
    });
    let mut policies = PolicyReadings::default();
    let mut barred: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    let mut closed: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for (of, region, answer) in join_all(jobs).await {
        match answer {
            Ok(read) => {
                policies.resources.extend(read.resources);
                if !read.closed.is_empty() {
                    closed.entry(of).or_default().extend(read.closed);
                }
            }
            // Guardrails often close the Regions that an organization does not use, to those who read them too.
            Err(error) if *region != session.region && is_by_guardrail(&error) => {
                barred.entry(of).or_default().insert(region);
            }
            Err(error) if error.failure == Failure::CannotAssume => return Err(error),
            Err(error) => {
                policies.unread.entry(of).or_insert_with(|| UnreadType {
                    failure: error.failure,
                    why: format!("{region}: {error}"),
                    advice: error.unread_advice(),
                });
            }
        }
    }
    for of in services.iter().map(|service| service.of()) {
        if policies.unread.contains_key(of) {
            continue;
        }
        let mut beyond: Vec<String> = enabled.beyond.iter().cloned().collect();
        if let (None, Some(regions)) = (&enabled.beyond, barred.get(of)) {
            let regions: Vec<&str> = regions.iter().copied().collect();
            beyond.push(format!("in {}", regions.join(", ")));
        }
        beyond.extend(closed.get(of).into_iter().flatten().map(|why| (*why).to_owned()));
        let beyond = beyond.join(", or ");
        policies.read.insert(of, Some(beyond).filter(|beyond| !beyond.is_empty()));
    }
    Ok(policies)
}

/// Whether a guardrail denies the call (IAM User Guide, "Troubleshoot access denied error messages").
fn is_by_guardrail(error: &ProviderError) -> bool {
    error.failure == Failure::AccessDenied && error.message.contains("service control policy")
}

/// What one type has in one Region.
#[derive(Default)]
struct RegionReading {
    resources: Vec<(String, ResourceReading)>,
    /// Why other resources cannot be read at present.
    closed: BTreeSet<&'static str>,
}

/// The resources of one type in one Region, with their policies.
async fn in_region(
    service: &dyn PolicyService,
    session: &Session,
    region: &str,
    permits: &Semaphore,
) -> Result<RegionReading, ProviderError> {
    let listed = {
        let _permit = permits.acquire().await;
        match service.list(session, region).await {
            // The endpoint does not have the service, so it holds none of its resources.
            Err(error) if error.failure == Failure::NotImplemented => {
                return Ok(RegionReading::default());
            }
            listed => listed?,
        }
    };
    let closed = listed.iter().filter_map(|listed| listed.closed).collect();
    let open = listed.into_iter().filter(|listed| listed.closed.is_none());
    let reads = open.map(|listed| async move {
        let policy = async {
            let _permit = permits.acquire().await;
            service.policy(session, region, &listed).await.absent()
        };
        let grants = async {
            let _permit = permits.acquire().await;
            service.grants(session, region, &listed).await
        };
        let (policy, grants) = futures::join!(policy, grants);
        let policy = policy.map(Option::flatten).map_err(|error| error.to_string());
        let grants = grants.map_err(|error| error.to_string());
        (listed.arn, ResourceReading { kind: service.of(), policy, grants })
    });
    Ok(RegionReading { resources: join_all(reads).await, closed })
}
