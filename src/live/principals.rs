//! As whom a plan has read AWS, and as whom an apply of it would write.
//!
//! People read it to see whose rights a plan stands on. It is no part of what an approval binds to: a
//! plan is often made by one principal, with rights to read, and applied by another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ActingPrincipal, Handle};
use crate::provider::{AccessMode, Caller};

use super::targets::Targets;

/// The principals of one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPrincipals {
    /// The caller's ARN, as `sts:GetCallerIdentity` tells it: it reads and changes the organization, and
    /// assumes the roles below. Absent where AWS was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Those in each account, the management account's among them where a block declares it.
    #[serde(default)]
    pub accounts: BTreeMap<Handle, AccountPrincipals>,
}

/// The principals in one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountPrincipals {
    /// As whom it was read. Absent where it was not: `--refresh=false`, or the account does not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_as: Option<ActingPrincipal>,
    /// As whom an apply would change it.
    pub writes_as: ActingPrincipal,
}

/// The principals of a run that reaches accounts as `targets` say. `caller` is whom AWS named; `refresh`
/// is whether accounts were read.
#[must_use]
pub(crate) fn principals(
    targets: &Targets,
    caller: Option<&Caller>,
    refresh: bool,
) -> PlanPrincipals {
    let accounts = targets.accounts.iter().map(|(handle, target)| {
        let reads_as = Some(target.principal(AccessMode::Read)).filter(|principal| {
            refresh && !matches!(principal, ActingPrincipal::RoleOfNewAccount(_))
        });
        (
            handle.clone(),
            AccountPrincipals { reads_as, writes_as: target.principal(AccessMode::Write) },
        )
    });
    PlanPrincipals { caller: caller.map(|caller| caller.arn.clone()), accounts: accounts.collect() }
}
