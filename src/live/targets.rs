//! How the accounts of an estate are reached: which id, through which roles, in which Region.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::ResourceAddr;
use crate::eval::estate::{Account, Estate, ProviderSettings};
use crate::ids::{AccountId, Handle};
use crate::provider::{AccountTarget, MANAGEMENT_HANDLE};
use crate::schema::Home;

/// How the accounts of an estate are reached.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The management account.
    pub management: AccountTarget,
    /// The others, by handle; accounts without an id are not there yet.
    pub accounts: BTreeMap<Handle, AccountTarget>,
}

impl Targets {
    /// Works out the targets of an estate. `management_id` is the management account, as
    /// `organizations:DescribeOrganization` or the caller's own identity tells.
    #[must_use]
    pub fn of(estate: &Estate, management_id: Option<&AccountId>) -> Self {
        let settings = &estate.provider;
        let target = |account: &Account| AccountTarget {
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
        let accounts: BTreeMap<Handle, AccountTarget> =
            estate.accounts.iter().map(|(handle, a)| (handle.clone(), target(a))).collect();
        let management = accounts.values().find(|t| t.management).cloned();
        let management =
            management.unwrap_or_else(|| Self::management(settings, management_id.cloned()));
        Self { management, accounts }
    }

    /// The management account where no block declares it, or before it is known which it is.
    #[must_use]
    pub fn management(settings: &ProviderSettings, id: Option<AccountId>) -> AccountTarget {
        let read_role = settings.read_role.as_ref().unwrap_or(&settings.access_role);
        AccountTarget {
            handle: management_handle(),
            id,
            management: true,
            access_role: settings.access_role.clone(),
            read_role: read_role.clone(),
            region: settings.region.clone(),
            endpoint_url: None,
        }
    }

    /// Has these accounts read through their access roles from here on.
    pub fn read_through_access_role(&mut self, accounts: &BTreeSet<Handle>) {
        for handle in accounts {
            if let Some(target) = self.accounts.get_mut(handle) {
                target.read_role.clone_from(&target.access_role);
            }
        }
    }

    /// Whether a block declares it. The management account that none declares has a handle that a block may have too.
    #[must_use]
    pub fn declares(&self, target: &AccountTarget) -> bool {
        self.accounts.get(&target.handle) == Some(target)
    }

    /// The target of an object.
    #[must_use]
    pub fn of_address(&self, home: Home, address: &ResourceAddr) -> Option<&AccountTarget> {
        match home {
            Home::Organization => Some(&self.management),
            Home::Account => self.accounts.get(address.account()?),
        }
    }
}

fn management_handle() -> Handle {
    MANAGEMENT_HANDLE.parse().unwrap_or_else(|_| unreachable!("a literal handle is valid"))
}
