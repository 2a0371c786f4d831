//! Questions of principals of an account that somebody brings into the organization: nobody knows the account, and what is
//! known of it is where it stands.
//!
//! Claim: whatever such a principal may do, this question allows. The account stands under the root, where AWS puts it, and
//! under AWS's `FullAWSAccess`; its own policies are its owner's to choose. Somebody who may move it puts it anywhere
//! ([`super::Lift::Places`]).
//!
//! Source: Organizations API Reference, `CreateAccount`; Organizations User Guide, "SCP evaluation".

use super::Asked;
use super::outsiders::ANYBODY;
use crate::access::{AccessModel, AccountNode, NamedPolicy, UndescribedMember};
use crate::iam::Membership;

/// The ARN by which questions know the root of an account that is brought into the organization.
pub(in crate::isolation) fn newcomer(model: &AccessModel) -> String {
    let partition = model.accounts.values().next().map(|a| a.partition).unwrap_or_default();
    format!("arn:{partition}:iam::{ANYBODY}:root")
}

impl Asked {
    /// The question of [`newcomer`] where its account is in the organization; `None` where there is none.
    pub(in crate::isolation) fn admitted(mut self, model: &AccessModel) -> Option<Self> {
        let organization = model.organization.as_ref()?;
        let is_member = |account: &&AccountNode| {
            account.membership.as_ref().is_some_and(|m| !m.management_account)
        };
        let described = model.accounts.values().filter(is_member).map(|a| &a.service_control);
        let others = model.members.values().filter(|m| !m.membership.management_account);
        let mut levels = described.chain(others.map(|member| &member.service_control));
        // Whatever is attached to the root stands above all members.
        let root = levels.find_map(|levels| levels.first()).cloned();
        let own = ("its own account".to_owned(), vec![NamedPolicy::full_access()]);
        self.member(&UndescribedMember {
            membership: Membership { id: organization.id.clone(), management_account: false },
            organization_path: format!("{}/{}/", organization.id, organization.root),
            service_control: root.into_iter().flat_map(|root| [root, own.clone()]).collect(),
            is_closed: false,
        });
        Some(self)
    }
}
