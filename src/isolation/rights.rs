//! Rights that move a wall: who may change trust and identity policies, boundaries, bucket
//! policies and guardrails, or become another principal of the same account.
//!
//! [`actions`] lists the calls that do it, [`held`] says over what and by whom, [`scopes`] what to ask for each right, and
//! [`questions`] asks; [`leaving`] asks what guardrails say of an account that leaves them.

mod actions;
mod administering;
mod boundary;
mod cache;
mod giving;
mod held;
mod leaving;
mod names;
mod passing;
mod pinned;
mod questions;
mod renaming;
mod scopes;
mod tagging;
mod taken;
#[cfg(test)]
pub(super) mod tests;
mod trust;
mod wanted;

pub(super) use actions::{
    allows, may_change_policies, may_change_policies_in, may_put_objects, services_of,
};
pub(super) use administering::may_administer;
pub use cache::{ClosureRule, RightsCache};
pub use held::{NewPrincipal, RightHolder, Rights, RightsScope, Time};
pub(super) use leaving::{guardrails_let_leave, guardrails_let_member_leave, is_for_management};
pub use names::NewNames;
pub(super) use passing::serves;
pub(super) use questions::{everything, is_reserved};
