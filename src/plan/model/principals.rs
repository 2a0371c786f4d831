//! As whom a plan has read AWS, and as whom an apply of it would write.
//!
//! People read it to see whose rights a plan stands on. It is no part of what an approval binds to: a
//! plan is often made by one principal, with rights to read, and applied by another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::ids::ActingPrincipal;
use crate::ids::Handle;

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
