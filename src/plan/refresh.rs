//! Reads AWS for a plan: the organization first, then every account at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use tokio::sync::oneshot;

use super::live::{Index, Live, Reading};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::{Account, Estate, ProviderSettings};
use crate::ids::{AccountId, Handle};
use crate::provider::{Failure, Inventory, Provider, ProviderError, Target};
use crate::schema::{Home, kinds};

/// How the accounts of an estate are reached.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The management account.
    pub management: Target,
    /// The others, by handle; accounts without an id are not there yet.
    pub accounts: BTreeMap<Handle, Target>,
}

impl Targets {
    /// Works out the targets of an estate. `management_id` is the management account, as
    /// `organizations:DescribeOrganization` or the caller's own identity tells.
    #[must_use]
    pub fn of(estate: &Estate, management_id: Option<&AccountId>) -> Self {
        let settings = &estate.provider;
        let target = |account: &Account| Target {
            handle: account.handle.clone(),
            id: account.id.clone(),
            management: account.endpoint_url.is_none()
                && account.id.is_some()
                && account.id.as_ref() == management_id,
            access_role: account
                .access_role
                .clone()
                .unwrap_or_else(|| settings.access_role.clone()),
            read_role: account
                .read_role
                .clone()
                .or_else(|| settings.read_role.clone())
                .or_else(|| account.access_role.clone())
                .unwrap_or_else(|| settings.access_role.clone()),
            region: account.region.clone().unwrap_or_else(|| settings.region.clone()),
            endpoint_url: account.endpoint_url.clone(),
        };
        let accounts: BTreeMap<Handle, Target> =
            estate.accounts.iter().map(|(handle, a)| (handle.clone(), target(a))).collect();
        let management = accounts.values().find(|t| t.management).cloned();
        let management =
            management.unwrap_or_else(|| Self::management(settings, management_id.cloned()));
        Self { management, accounts }
    }

    /// The management account where no block declares it, or before it is known which it is.
    #[must_use]
    pub fn management(settings: &ProviderSettings, id: Option<AccountId>) -> Target {
        let read_role = settings.read_role.as_ref().unwrap_or(&settings.access_role);
        Target {
            handle: management_handle(),
            id,
            management: true,
            access_role: settings.access_role.clone(),
            read_role: read_role.clone(),
            region: settings.region.clone(),
            endpoint_url: None,
        }
    }

    /// The target of an object.
    #[must_use]
    pub fn of_address(
        &self,
        home: Home,
        address: &crate::address::ResourceAddr,
    ) -> Option<&Target> {
        match home {
            Home::Organization => Some(&self.management),
            Home::Account => self.accounts.get(address.account()?),
        }
    }
}

fn management_handle() -> Handle {
    "management".parse().unwrap_or_else(|_| unreachable!("a literal handle is valid"))
}

/// Reads every account of the estate that exists, `parallelism` at a time. An account that cannot
/// be entered is an error; an emulated one that does not answer is a warning unless it was selected.
///
/// # Errors
/// Accounts that could not be read, each with what to do.
pub async fn read_accounts(
    provider: &dyn Provider,
    targets: &Targets,
    estate: &Estate,
    selected: &BTreeSet<Handle>,
    parallelism: usize,
    warnings: &mut Diagnostics,
) -> Result<BTreeMap<Handle, Reading>, Diagnostics> {
    let kinds: BTreeSet<&'static str> = kinds::kinds()
        .iter()
        .map(|k| k.schema())
        .filter(|s| s.home == Home::Account)
        .map(|s| s.kind)
        .collect();
    let prefix = format!("/{}/", estate.name);
    let reads = targets.accounts.iter().map(|(handle, target)| {
        let (kinds, prefix) = (&kinds, &prefix);
        async move {
            if target.id.is_none() && target.endpoint_url.is_none() {
                return (handle, target, None);
            }
            (handle, target, Some(provider.read_account(target, kinds, prefix).await))
        }
    });
    let mut readings = BTreeMap::new();
    let mut errors = Diagnostics::new();
    let mut answers = stream::iter(reads).buffer_unordered(parallelism.max(1));
    let mut failures = Vec::new();
    while let Some((handle, target, answer)) = answers.next().await {
        let reading = match answer {
            None => Reading::Absent,
            Some(Ok(inventory)) => {
                for (kind, why) in &inventory.unread {
                    warnings.push(
                        Diagnostic::warning(format!("could not read {kind} in `{handle}`"))
                            .detail(why.clone()),
                    );
                }
                Reading::Read(Index::new(inventory))
            }
            Some(Err(error)) => {
                failures.push((handle.clone(), target.clone(), error.clone()));
                Reading::Unread(error.to_string())
            }
        };
        readings.insert(handle.clone(), reading);
    }
    failures.sort_by(|a, b| a.0.cmp(&b.0));
    for (handle, target, error) in failures {
        let loc = estate.accounts.get(&handle).map(|a| a.loc.clone());
        let finding = unreachable_account(&handle, &target, &error).at_opt(loc);
        if target.endpoint_url.is_some() && !selected.contains(&handle) {
            warnings.push(Diagnostic { severity: crate::diag::Severity::Warning, ..finding });
        } else {
            errors.push(finding);
        }
    }
    errors.into_result(readings)
}

fn unreachable_account(handle: &Handle, target: &Target, error: &ProviderError) -> Diagnostic {
    let help = match error.failure {
        Failure::CannotAssume => format!(
            "let `{}` in the account trust the caller, or name another role with `read_role` on the account or the provider",
            target.read_role
        ),
        Failure::Credentials => "sign in again (`aws sso login`) or refresh the credentials".to_owned(),
        Failure::AccessDenied => format!("`{}` needs read access (SecurityAudit and ssm:GetParametersByPath)", target.read_role),
        Failure::NoAnswer if target.endpoint_url.is_some() => {
            "start the emulator, or leave its environment out with `--environment`".to_owned()
        }
        Failure::NoAnswer => "check the network and the proxy settings, then run again".to_owned(),
        _ => "`--account` and `--environment` limit what changes; every account must be readable for the analysis".to_owned(),
    };
    Diagnostic::error(format!("cannot read the account `{handle}`"))
        .detail(error.to_string())
        .help(help)
}

/// Reads the organization; `announce` hears which account is the management account.
///
/// # Errors
/// It could not be read.
pub async fn read_organization(
    provider: &dyn Provider,
    management: &Target,
    announce: oneshot::Sender<Option<AccountId>>,
) -> Result<Inventory, Diagnostic> {
    provider.read_organization(management, announce).await.map_err(|error| {
        Diagnostic::error("cannot read the organization").detail(error.to_string()).help(match error.failure {
            Failure::AccessDenied => "the caller needs organizations:List* and organizations:Describe* in the management account",
            Failure::Credentials => "sign in to the management account first, or use `--sandbox` to try without one",
            Failure::CannotAssume => "check `management_role_arn` in the provider block",
            _ => "check the credentials, the region and the network; `--sandbox` needs none of them",
        })
    })
}

/// A plan's reading.
#[must_use]
pub fn live(organization: Inventory, accounts: BTreeMap<Handle, Reading>) -> Live {
    Live { organization: Reading::Read(Index::new(organization)), accounts }
}
