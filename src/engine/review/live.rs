//! Reads the accounts of an organization as they are, for a review: read-only, through a role in each account.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream;

use super::{DeclaredWalls, StackRequest, observed};
use crate::diag::Diagnostic;
use crate::engine::connect::{self, Connection};
use crate::engine::error::EngineError;
use crate::engine::host::Activity;
use crate::engine::open;
use crate::engine::workspace::Workspace;
use crate::eval::estate::ProviderSettings;
use crate::ids::{AccountId, Handle, Region};
use crate::provider::{AccountTarget, Announcements, Inventory, Provider, Stack};
use crate::review::cloudformation::NESTED;
use crate::review::dumps::files::{AccountDump, Dumps, OrganizationDump};
use crate::schema::blocks::POLICIES_READ;
use crate::schema::{
    AccessPart, AccountState, CREATED_ROLE, Home, access_of, account_state, kinds,
};

/// How accounts are entered.
#[derive(Clone, Debug, Default)]
pub struct LiveRequest {
    /// The role that stands in for the management account; without one the caller reads the organization.
    pub management_role: Option<String>,
    /// The name of the role to assume in each account; the one that Organizations makes where it is absent.
    pub read_role: Option<String>,
    /// Roles of accounts that have one of their own, where no role is given for all.
    pub read_roles: BTreeMap<AccountId, String>,
    /// The Region; that of the caller's configuration where it is absent.
    pub region: Option<Region>,
    /// Endpoint of an emulator.
    pub endpoint_url: Option<String>,
    /// How many accounts are read at once.
    pub parallelism: usize,
}

impl LiveRequest {
    /// With what a configuration says of the way to AWS, where this says nothing.
    #[must_use]
    pub fn completed_by(self, declared: &DeclaredWalls) -> Self {
        let Some(provider) = &declared.provider else { return self };
        let own = match self.read_role {
            Some(_) => BTreeMap::new(),
            None => declared.read_roles.clone(),
        };
        let role = || provider.read_role.clone().unwrap_or_else(|| provider.access_role.clone());
        Self {
            management_role: self.management_role.or_else(|| provider.management_role_arn.clone()),
            read_role: Some(self.read_role.unwrap_or_else(role)),
            read_roles: own,
            region: Some(provider.region.clone()),
            endpoint_url: provider.endpoint_url.clone(),
            parallelism: self.parallelism,
        }
    }
}

/// The Region where the caller's configuration names none.
const DEFAULT_REGION: &str = "us-east-1";

/// A stack as it stands, with those within it by their logical ids.
#[derive(Debug)]
pub(super) struct LiveStack {
    /// The deployed stack; `None` if it does not exist.
    pub(super) stack: Option<Stack>,
    /// Stacks within it, or why one could not be read.
    pub(super) nested: LiveStacks,
}

/// Stacks by their names, or why one could not be read.
pub(super) type LiveStacks = BTreeMap<String, Result<LiveStack, String>>;

/// What is read of AWS.
#[derive(Debug, Default)]
pub(super) struct LiveReading {
    /// Organization and accounts.
    pub(super) dumps: Dumps,
    /// The stacks that are asked for.
    pub(super) stacks: LiveStacks,
}

/// Deepest stack in a stack that is read.
const DEEPEST: usize = 10;

/// Reads the organization, every account in it that can be entered, those that are named, and the stacks of which nothing
/// else says how they stand. What cannot be read is said in the dump of its account.
///
/// # Errors
/// AWS does not say who calls, or the run is interrupted.
pub(super) async fn read(
    workspace: &Workspace,
    request: &LiveRequest,
    named: &BTreeSet<AccountId>,
    stacks: &[StackRequest],
) -> Result<LiveReading, EngineError> {
    workspace.interruptible(Box::pin(reading(workspace, request, named, stacks))).await?
}

async fn reading(
    workspace: &Workspace,
    request: &LiveRequest,
    named: &BTreeSet<AccountId>,
    stacks: &[StackRequest],
) -> Result<LiveReading, EngineError> {
    let connection = connect::connect(workspace, None).await?;
    let read_role = request.read_role.clone().unwrap_or_else(|| CREATED_ROLE.to_owned());
    let settings = ProviderSettings {
        region: region(request, &connection)?,
        access_role: read_role.clone(),
        read_role: Some(read_role.clone()),
        management_role_arn: request.management_role.clone(),
        endpoint_url: request.endpoint_url.clone(),
        default_tags: BTreeMap::new(),
    };
    let provider = open::provider(&connection, &settings).await;
    let caller = provider.caller().await.map_err(|error| {
        let advice =
            error.advice().unwrap_or("check the credentials, or try with dumps: `--accounts DIR`");
        Diagnostic::error("cannot tell who is calling").detail(error.to_string()).help(advice)
    })?;
    let target = |id: &AccountId, management: bool| AccountTarget {
        handle: Handle::from(id),
        id: Some(id.clone()),
        management,
        access_role: read_role.clone(),
        read_role: request.read_roles.get(id).unwrap_or(&read_role).clone(),
        region: settings.region.clone(),
        endpoint_url: None,
    };
    let busy = workspace.begin(Activity::ReadingOrganization);
    let organization =
        provider.read_organization(&target(&caller.account, true), Announcements::unheard()).await;
    drop(busy);
    let mut dumps = Dumps::default();
    // Those that are named are tried, unless the organization says that nobody is let in.
    let mut entered: BTreeMap<AccountId, bool> =
        named.iter().map(|id| (id.clone(), true)).collect();
    dumps.organization = Some(match &organization {
        Ok(read) => {
            entered.extend(members(read));
            observed::organization(read)
        }
        Err(error) => OrganizationDump::unread(error.to_string()),
    });
    // An account in no organization reads itself.
    if entered.is_empty() {
        entered.insert(caller.account.clone(), true);
    }
    let entered = entered.into_iter().filter(|(_, can_be_entered)| *can_be_entered);
    let targets: Vec<(AccountId, AccountTarget)> = entered
        .map(|(id, _)| {
            let target = target(&id, id == caller.account);
            (id, target)
        })
        .collect();
    let busy = workspace.begin(Activity::ReadingAccounts(targets.len()));
    let reads = targets.iter().map(|(id, target)| {
        let provider = provider.as_ref();
        async move { (id.clone(), account(provider, target).await) }
    });
    dumps.accounts =
        stream::iter(reads).buffer_unordered(request.parallelism.max(1)).collect().await;
    let mut reading = LiveReading { dumps, ..LiveReading::default() };
    for stack in stacks.iter().filter(|stack| stack.deployed.is_empty() && !stack.is_new) {
        // Whose account it lies in is asked for where it is judged.
        let Some(id) = &stack.account else { continue };
        let mut target = target(id, *id == caller.account);
        if let Some(region) = stack.region.as_ref().and_then(|region| region.parse().ok()) {
            target.region = region;
        }
        let name = stack.name_in_aws.as_ref().unwrap_or(&stack.name);
        let read = read_stack(provider.as_ref(), &target, name, 0).await;
        reading.stacks.insert(stack.name.clone(), read);
    }
    drop(busy);
    Ok(reading)
}

/// The Region that is given, or that of the caller's configuration.
fn region(request: &LiveRequest, connection: &Connection) -> Result<Region, Diagnostic> {
    if let Some(region) = &request.region {
        return Ok(region.clone());
    }
    let named = connection.sdk.region().map_or(DEFAULT_REGION, |region| region.as_ref());
    named.parse().map_err(|error| Diagnostic::error(format!("`{named}` is no Region: {error}")))
}

/// A stack and those within it.
async fn read_stack(
    provider: &dyn Provider,
    target: &AccountTarget,
    name: &str,
    depth: usize,
) -> Result<LiveStack, String> {
    let stack = provider.stack(target, name).await.map_err(|error| error.to_string())?;
    let mut nested = LiveStacks::new();
    for resource in stack.iter().flat_map(|stack| &stack.resources) {
        if resource.kind == NESTED && depth < DEEPEST {
            let read = Box::pin(read_stack(provider, target, &resource.physical, depth + 1)).await;
            nested.insert(resource.logical.clone(), read);
        }
    }
    Ok(LiveStack { stack, nested })
}

/// An account with the policies on its resources, or why it could not be entered.
async fn account(provider: &dyn Provider, target: &AccountTarget) -> AccountDump {
    let (kinds, types) = (bearing_access(), POLICIES_READ.into_iter().collect());
    let account = provider.read_account(target, &kinds, "/");
    match futures::try_join!(account, provider.read_policies(target, &types)) {
        Ok((read, policies)) => observed::account(&read, &policies),
        Err(error) => AccountDump::unread(error.to_string()),
    }
}

/// The kinds of an account that bear on access.
fn bearing_access() -> BTreeSet<&'static str> {
    let all = kinds::kinds().iter().map(|kind| kind.schema());
    let of_accounts = all.filter(|schema| schema.home == Home::Account);
    of_accounts
        .filter(|schema| {
            let part = schema.meaning.access;
            part.grants() || matches!(part, AccessPart::AccountSettings { .. })
        })
        .map(|schema| schema.kind)
        .collect()
}

/// The accounts of an organization, each with whether AWS lets anybody in.
fn members(read: &Inventory) -> impl Iterator<Item = (AccountId, bool)> {
    let objects = read.objects.values();
    let accounts = objects.filter(|o| access_of(o.kind).is_some_and(AccessPart::is_account));
    accounts.filter_map(|o| {
        let id = o.attrs.get("id")?.as_str()?.parse().ok()?;
        Some((id, account_state(&o.attrs).is_none_or(AccountState::can_be_entered)))
    })
}
