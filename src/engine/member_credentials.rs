//! Credentials of a member account where those of the management account are needed: told before anything is written.
//!
//! AWS answers such a caller that it has no permission, which no policy of its own mends. What the management account
//! holds would be read in the wrong account, and what only it may do would fail half-way through an apply.
//! A delegated administrator reads the organization, and may change its policies: so far it is let through.
//! (Organizations User Guide, "Delegated administrator for AWS Organizations".)

use crate::diag::Diagnostic;
use crate::ids::AccountId;
use crate::live::Targets;
use crate::plan::model::{OperationKind, Plan};
use crate::schema::{Home, kinds};

/// Says so of a caller in `account`; `because` says what the management account is needed for.
#[must_use]
pub(super) fn refusal(account: &AccountId, management: &AccountId, because: String) -> Diagnostic {
    Diagnostic::error(format!(
        "these credentials are of the account `{account}`, a member of the organization, and not of its management account `{management}`"
    ))
    .detail(because)
    .help("use credentials of the management account (`AWS_PROFILE`), or name a role in it that they may assume: `management_role_arn` of the `provider \"aws\"` block")
}

/// That a declared management account would be read as the caller's own.
#[must_use]
pub(super) fn reading(caller: Option<&AccountId>, targets: &Targets) -> Option<Diagnostic> {
    let declared = targets.accounts.values().find(|target| target.management)?;
    let (caller, management) = (caller?, declared.id.as_ref()?);
    (caller != management).then(|| {
        let because = format!(
            "the account `{}` is the management account, and would be read",
            declared.handle
        );
        refusal(caller, management, format!("{because} with them"))
    })
}

/// That a plan changes what the management account alone may change: anything of the organization but its policies.
#[must_use]
pub(super) fn writing(
    caller: Option<&AccountId>,
    targets: &Targets,
    plan: &Plan,
) -> Option<Diagnostic> {
    let (caller, management) = (caller?, targets.management.id.as_ref()?);
    if caller == management {
        return None;
    }
    let in_state_alone = |kind| matches!(kind, OperationKind::Adopt | OperationKind::Forget);
    let own = plan.operations.iter().filter(|o| !in_state_alone(o.op)).find(|operation| {
        let schema = kinds::kind(&operation.address.kind).map(|kind| kind.schema());
        schema.is_some_and(|s| s.home == Home::Organization && s.attachments.is_none())
    })?;
    let because = format!("only the management account may change `{}`", own.address);
    Some(refusal(caller, management, because))
}
