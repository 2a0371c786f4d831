//! Works out as whom a plan reads and as whom an apply of it would write.

use crate::ids::ActingPrincipal;
use crate::provider::{AccessMode, Caller};

use super::model::{AccountPrincipals, PlanPrincipals};
use super::targets::Targets;

/// The principals of a run that reaches accounts as `targets` say. `caller` is whom AWS named; `refresh`
/// is whether accounts were read.
#[must_use]
pub fn principals(targets: &Targets, caller: Option<&Caller>, refresh: bool) -> PlanPrincipals {
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
