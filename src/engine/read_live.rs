//! Reads AWS for a plan: the organization, and every account at once. What cannot be read is said of the account
//! that it belongs to, and whether that ends the use case is for [`judge_failures`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;

use crate::address::ResourceAddr;
use crate::cause::CauseKind;
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::eval::estate::{Estate, Import};
use crate::ids::{AccountId, Handle, Partition};
use crate::live::{Index, Live, Reading};
use crate::provider::{
    AccountListing, AccountTarget, Failure, Inventory, PolicyReadings, PolicyTypes, Provider,
    ProviderError, SoughtResources, UnreadAdvice, UnreadType,
};
use crate::resource_types::{TypePlacement, placement};
use crate::schema::resource::{REGION, resource_type};
use crate::schema::{AccessPart, AccountState, Home, access_of, kinds};
use crate::state::model::Resources;
use crate::value::{Attrs, Value};

use super::error::EngineError;
use super::member_credentials;

/// How accounts are read.
#[derive(Clone, Copy, Debug)]
pub struct AccountRequest<'a> {
    /// Accounts that are not entered, with the reason: AWS lets nobody into them.
    pub shut: &'a BTreeMap<Handle, String>,
    /// How the others stand, as AWS tells meanwhile.
    pub states: &'a watch::Receiver<AccountListing>,
    /// Whether the plan is carried out: an account whose read role cannot be assumed, which may be what the
    /// plan makes, is then read through its access role.
    pub for_apply: bool,
    /// How many accounts are read at once.
    pub parallelism: usize,
    /// What state records.
    pub recorded: &'a Resources,
    /// The types of resources whose policies are read.
    pub policies: &'a PolicyTypes,
    /// Accounts in which objects of resource types are listed beside those that configuration or state know, and the types.
    pub listed: (&'a [Handle], &'a [&'static str]),
}

/// The objects of AWS resource types that configuration or state know in each account.
fn sought<'a>(
    estate: &'a Estate,
    recorded: &'a Resources,
) -> BTreeMap<&'a Handle, SoughtResources> {
    let mut all: BTreeMap<&Handle, SoughtResources> = BTreeMap::new();
    let mut add = |address: &'a ResourceAddr, key: Option<String>, attrs: &Attrs| {
        let (Some(account), Some(ty)) = (address.account(), resource_type(&address.kind)) else {
            return;
        };
        let names = ty.shape().names();
        let said = attrs.keys().filter(|name| names.contains(name.as_str())).cloned();
        let regions = all.entry(account).or_default().entry(ty.name.as_str()).or_default();
        let region = attrs.get(REGION).and_then(Value::as_str).map(str::to_owned);
        let objects = regions.entry(region).or_default();
        if let Some(key) = key {
            objects.said.entry(key).or_default().extend(said);
        }
    };
    let imports: BTreeMap<&ResourceAddr, &Import> =
        estate.imports.iter().map(|import| (&import.to.value, import)).collect();
    for (address, instance) in &estate.instances {
        if resource_type(&address.kind).is_none() {
            continue;
        }
        let Some(kind) = kinds::kind(&address.kind) else { continue };
        let key = match imports.get(address) {
            Some(import) => Some(kind.import_key_of(&import.id.value, &instance.desired)),
            None => kind.natural_key(&instance.desired),
        };
        add(address, key, &instance.desired);
    }
    for (address, recorded) in recorded {
        add(
            address,
            Some(recorded.key.clone()).filter(|key| !key.is_empty()),
            recorded.attrs.attrs(),
        );
    }
    all
}

/// What reading accounts came to.
#[derive(Debug, Default)]
pub struct AccountReadings {
    /// Each account's reading.
    pub readings: BTreeMap<Handle, Reading>,
    /// Accounts that could not be entered.
    pub failures: BTreeMap<Handle, AccountFailure>,
    /// Accounts that were read through their access roles.
    pub through_access_role: BTreeSet<Handle>,
    /// Kinds of objects that could not be read in accounts that were entered.
    pub warnings: Diagnostics,
}

/// Why an account could not be entered.
#[derive(Debug)]
pub struct AccountFailure {
    /// Whether AWS keeps the caller out, which a restriction of the account may explain. Throttling, a clock
    /// that is off or a cut connection says nothing of the account.
    pub is_refusal: bool,
    /// An error, with what to do about it.
    pub diagnostic: Diagnostic,
}

/// What is to be said of accounts that could not be read. One that is `required` is an error, unless AWS keeps
/// everyone out of it; any other leaves its own objects and walls unknown and stops nothing, so it is a warning.
///
/// # Errors
/// Required accounts that could not be read.
pub fn judge_failures(
    failures: BTreeMap<Handle, AccountFailure>,
    required: &BTreeSet<Handle>,
    warnings: &mut Diagnostics,
) -> Result<(), EngineError> {
    let mut errors = Diagnostics::new();
    for (handle, AccountFailure { diagnostic: failure, .. }) in failures {
        if required.contains(&handle) && failure.is_error() {
            errors.push(failure);
        } else {
            warnings.push(Diagnostic { severity: Severity::Warning, ..failure });
        }
    }
    Ok(errors.into_result(())?)
}

/// Reads accounts of the estate, as far as they exist.
pub async fn read_accounts(
    provider: &dyn Provider,
    targets: &BTreeMap<Handle, AccountTarget>,
    estate: &Estate,
    request: AccountRequest<'_>,
) -> AccountReadings {
    let kinds: BTreeSet<&'static str> = kinds::kinds()
        .iter()
        .map(|k| k.schema())
        .filter(|s| s.home == Home::Account)
        .map(|s| s.kind)
        .collect();
    let prefix = format!("/{}/", estate.name);
    let mut sought = sought(estate, request.recorded);
    let (accounts, types) = request.listed;
    for (account, ty) in
        accounts.iter().flat_map(|account| types.iter().map(move |ty| (account, *ty)))
    {
        // In the account's own Region, or in the one that serves the type for all. Blocks say the same Region by its name.
        let Some(target) = targets.get(account) else { continue };
        let partition = Partition::of_region(target.region.as_str());
        let region = match placement(ty) {
            TypePlacement::Global | TypePlacement::Single => partition.global_region(),
            TypePlacement::Regional | TypePlacement::GlobalWhere { .. } => target.region.as_str(),
        };
        let regions = sought.entry(account).or_default().entry(ty).or_default();
        regions.entry(Some(region.to_owned())).or_default().others = true;
    }
    let nothing = SoughtResources::new();
    let reads = targets.iter().map(|(handle, target)| {
        let bulk = BulkRead {
            kinds: &kinds,
            prefix: &prefix,
            resources: sought.get(handle).unwrap_or(&nothing),
            policies: request.policies,
        };
        async move {
            let answer = match request.shut.get(handle) {
                Some(why) => AccountAnswer::Shut(why.clone()),
                None if target.id.is_none() && target.endpoint_url.is_none() => {
                    AccountAnswer::Absent
                }
                None => match shut_now(request.states, target).await {
                    Some(why) => AccountAnswer::Shut(why),
                    None => enter(provider, target, bulk, request.for_apply).await,
                },
            };
            (handle, target, answer)
        }
    });
    let mut all = AccountReadings::default();
    let mut answers = stream::iter(reads).buffer_unordered(request.parallelism.max(1));
    while let Some((handle, target, answer)) = answers.next().await {
        let reading = match answer {
            AccountAnswer::Absent => Reading::Absent,
            AccountAnswer::Shut(why) => Reading::Unread(why),
            AccountAnswer::Read { inventory, through_access_role } => {
                if through_access_role {
                    all.through_access_role.insert(handle.clone());
                }
                // One call reads several kinds: what it said is said once.
                let mut by_reason: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
                let policies = &inventory.policies;
                for (kind, why) in &inventory.unread {
                    by_reason.entry(why).or_default().push(kind);
                }
                for (why, kinds) in by_reason {
                    let kinds = kinds.join(", ");
                    let warning =
                        Diagnostic::warning(format!("could not read {kinds} in `{handle}`"))
                            .detail(why.clone());
                    let help = inventory.advice.get(why).map(|advice| advised(advice, target));
                    all.warnings.push(match help {
                        Some(help) => warning.help(help),
                        None => warning,
                    });
                }
                all.warnings.extend(unread_types(target, policies));
                all.warnings.extend(unread_policies(handle, policies));
                Reading::Read(Index::new(*inventory))
            }
            AccountAnswer::Failed(error) => {
                let loc = estate.accounts.get(handle).map(|a| a.loc.clone());
                let diagnostic = unreachable_account(handle, target, &error).at_opt(loc);
                let is_refusal = is_refusal(&error);
                all.failures.insert(handle.clone(), AccountFailure { is_refusal, diagnostic });
                Reading::Unread(error.to_string())
            }
        };
        all.readings.insert(handle.clone(), reading);
    }
    all
}

/// What is said of types of resources of which no policy could be read: once for each kind of failure, with the words of the
/// first type, since every service words the same refusal its own way.
fn unread_types(target: &AccountTarget, policies: &PolicyReadings) -> Vec<Diagnostic> {
    let mut by_kind: BTreeMap<Failure, Vec<(&str, &UnreadType)>> = BTreeMap::new();
    for (name, unread) in &policies.unread {
        by_kind.entry(unread.failure).or_default().push((name, unread));
    }
    let warning = |all: &Vec<(&str, &UnreadType)>| {
        let (first, unread) = all.first()?;
        let what = match all.len() {
            1 => format!("`{first}`"),
            many => format!("{many} resource types"),
        };
        let others: Vec<&str> = all.iter().skip(1).map(|(name, _)| *name).collect();
        let also = match others.as_slice() {
            [] => String::new(),
            others => format!("; also of {}", others.join(", ")),
        };
        let warning = Diagnostic::warning(format!(
            "could not read the policies of {what} in `{}`",
            target.handle
        ))
        .detail(format!("{first}: {}{also}", unread.why));
        Some(match &unread.advice {
            Some(advice) => warning.help(advised(advice, target)),
            None => warning,
        })
    };
    by_kind.values().filter_map(warning).collect()
}

fn advised(advice: &UnreadAdvice, target: &AccountTarget) -> String {
    match advice {
        UnreadAdvice::Do(what) => what.clone(),
        UnreadAdvice::Allow => may_read(target),
    }
}

/// What is said of single policies on resources, and grants on keys, that could not be read: their number, by type and reason.
fn unread_policies(account: &Handle, policies: &PolicyReadings) -> Vec<Diagnostic> {
    let mut counted: BTreeMap<(&str, [&str; 2], &str), usize> = BTreeMap::new();
    for resource in policies.resources.values() {
        if let Err(why) = &resource.policy {
            let what = ["the policy of one", "policies of"];
            *counted.entry((resource.kind, what, why)).or_default() += 1;
        }
        if let Err(why) = &resource.grants {
            let what = ["the grants on one", "the grants on"];
            *counted.entry((resource.kind, what, why)).or_default() += 1;
        }
    }
    let warning = |((kind, [one, several], why), count): ((&str, [&str; 2], &str), usize)| {
        let what = if count == 1 { one } else { several };
        let many = if count == 1 { String::new() } else { format!("{count} ") };
        Diagnostic::warning(format!("could not read {what} {many}`{kind}` in `{account}`"))
            .detail(why.to_owned())
            .help("the walls of the account are undetermined until they can be read, or `walls` leaves the type out")
    };
    counted.into_iter().map(warning).collect()
}

/// Why AWS lets nobody into an account.
#[must_use]
pub fn why_shut(state: AccountState) -> String {
    format!("the account is {}", state.described())
}

/// Why an account is not entered, as AWS has listed it by now; state may have seen it otherwise. An account that is not
/// listed is tried.
async fn shut_now(
    states: &watch::Receiver<AccountListing>,
    target: &AccountTarget,
) -> Option<String> {
    let id = target.id.as_ref().filter(|_| target.endpoint_url.is_none() && !target.management)?;
    let mut states = states.clone();
    let is_told = |listing: &AccountListing| listing.ended || listing.states.contains_key(id);
    let listing = states.wait_for(is_told).await.ok()?;
    let state = *listing.states.get(id)?;
    (!state.can_be_entered()).then(|| why_shut(state))
}

/// What one account's reading came to.
enum AccountAnswer {
    Absent,
    Shut(String),
    Read { inventory: Box<Inventory>, through_access_role: bool },
    Failed(ProviderError),
}

/// What is read of an account.
#[derive(Clone, Copy)]
struct BulkRead<'a> {
    kinds: &'a BTreeSet<&'static str>,
    /// The path below which parameters are read.
    prefix: &'a str,
    resources: &'a SoughtResources,
    policies: &'a PolicyTypes,
}

impl BulkRead<'_> {
    async fn of(
        self,
        provider: &dyn Provider,
        target: &AccountTarget,
    ) -> Result<Inventory, ProviderError> {
        let account = provider.read_account(target, self.kinds, self.prefix);
        let resources = async {
            match self.resources.is_empty() {
                true => Ok(Inventory::default()),
                false => provider.read_resources(target, self.resources).await,
            }
        };
        // What lies in an emulator is no resource of AWS's.
        let policies = async {
            match self.policies.is_empty() || target.endpoint_url.is_some() {
                true => Ok(PolicyReadings::default()),
                false => provider.read_policies(target, self.policies).await,
            }
        };
        let (mut inventory, resources, policies) =
            futures::try_join!(account, resources, policies)?;
        inventory.absorb(resources);
        inventory.policies = Arc::new(policies);
        Ok(inventory)
    }
}

async fn enter(
    provider: &dyn Provider,
    target: &AccountTarget,
    bulk: BulkRead<'_>,
    for_apply: bool,
) -> AccountAnswer {
    let error = match bulk.of(provider, target).await {
        Ok(inventory) => {
            return AccountAnswer::Read {
                inventory: Box::new(inventory),
                through_access_role: false,
            };
        }
        Err(error) => error,
    };
    let has_another = target.read_role != target.access_role && !target.management;
    if !(for_apply && has_another && error.failure == Failure::CannotAssume) {
        return AccountAnswer::Failed(error);
    }
    let other = AccountTarget { read_role: target.access_role.clone(), ..target.clone() };
    match bulk.of(provider, &other).await {
        Ok(inventory) => {
            AccountAnswer::Read { inventory: Box::new(inventory), through_access_role: true }
        }
        // What the user asked for is the read role, so that is what is told.
        Err(_) => AccountAnswer::Failed(error),
    }
}

/// Which rights a reader of an account has to have.
fn may_read(target: &AccountTarget) -> String {
    let reader = match target.management {
        true => "the caller".to_owned(),
        false => format!("`{}`", target.read_role),
    };
    format!(
        "{reader} needs read access (SecurityAudit, ssm:GetParametersByPath and ssm:DescribeParameters)"
    )
}

fn is_refusal(error: &ProviderError) -> bool {
    let is_closed =
        error.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::AccountClosed);
    is_closed || matches!(error.failure, Failure::CannotAssume | Failure::AccessDenied)
}

fn unreachable_account(
    handle: &Handle,
    target: &AccountTarget,
    error: &ProviderError,
) -> Diagnostic {
    let help = match error.failure {
        _ if error.advice().is_some() && target.endpoint_url.is_none() => {
            error.advice().unwrap_or_default().to_owned()
        }
        Failure::CannotAssume => format!(
            "let `{}` in the account trust the caller, or name another role with `read_role` on the account or the provider",
            target.read_role
        ),
        Failure::Credentials => "renew the credentials and run again".to_owned(),
        Failure::AccessDenied => may_read(target),
        Failure::NoAnswer if target.endpoint_url.is_some() => {
            "start the emulator, or leave its environment out with `--environment`".to_owned()
        }
        Failure::Refused if target.endpoint_url.is_some() => {
            "write the `id` of the account that the endpoint is, or let `endpoint_url` name the account that is meant".to_owned()
        }
        Failure::NoAnswer => "check the network and the proxy settings, then run again".to_owned(),
        _ => "`--account` and `--environment` limit what changes; the walls of an account that is not read are undetermined".to_owned(),
    };
    Diagnostic::error(format!("cannot read the account `{handle}`"))
        .detail(error.to_string())
        .help(help)
}

/// Why the organization could not be read. `caller` and `management` are the account of the caller and the management
/// account, as far as they are known.
#[must_use]
pub fn unread_organization(
    error: &ProviderError,
    caller: Option<&AccountId>,
    management: Option<&AccountId>,
) -> Diagnostic {
    if let (Failure::AccessDenied, Some(caller), Some(management)) =
        (error.failure, caller, management)
        && caller != management
    {
        let because = format!("the organization cannot be read with them: {error}");
        return member_credentials::refusal(caller, management, because);
    }
    let advice = error.advice().map(str::to_owned);
    Diagnostic::error("cannot read the organization").detail(error.to_string()).help(advice.as_deref().unwrap_or(match error.failure {
        Failure::AccessDenied => "the caller needs organizations:List* and organizations:Describe* in the management account",
        Failure::Credentials => "sign in to the management account first, or use `--sandbox` to try without one",
        Failure::CannotAssume => "check `management_role_arn` in the provider block",
        _ => "check the credentials, the Region and the network; `--sandbox` needs none of them",
    }))
}

/// A plan's reading. `management` is the management account of the organization, or the account that calls
/// where there is no organization.
#[must_use]
pub fn live(
    organization: Inventory,
    accounts: BTreeMap<Handle, Reading>,
    management: Option<AccountId>,
) -> Live {
    let is_organization = |kind: &str| access_of(kind).is_some_and(AccessPart::is_organization);
    let exists = organization.objects.values().any(|object| is_organization(object.kind));
    Live {
        organization: Reading::Read(Index::new(organization)),
        accounts,
        founder: management.filter(|_| !exists),
        refreshed: true,
        shared: Vec::new(),
    }
}
