//! Leaving the organization, which takes an account out from under its guardrails.
//!
//! Source: Organizations User Guide, "Migrate an account to another organization".

use super::super::crossing::{Asked, StepSource, TargetResource, asked_at, is_closed};
use crate::access::{AccessModel, AccountNode, Coverage, PrincipalNode, UndescribedMember};
use crate::iam::symbolic::Space;
use crate::iam::{Effect, Item, PrincipalType};
use crate::ids::Partition;

/// What takes an account out of its organization: by itself, or by the invitation of another one.
const LEAVING: [&str; 2] = ["organizations:AcceptHandshake", "organizations:LeaveOrganization"];

/// Whether nobody but the management account assumes a role, as its trust has it (`OrganizationAccountAccessRole`): who
/// acts as that one is trusted by every proof, and may take guardrails away without it.
pub(in crate::isolation) fn is_for_management(
    model: &AccessModel,
    principal: &PrincipalNode,
) -> bool {
    let (Some(trust), Some(organization)) = (&principal.trust, &model.organization) else {
        return false;
    };
    let of_management = |(kind, item): (PrincipalType, &Item)| {
        let text = item.text.symbolic();
        let account = text
            .strip_prefix("arn:")
            .map_or(text.as_ref(), |_| text.split(':').nth(4).unwrap_or_default());
        kind == PrincipalType::Aws && account == organization.management_account
    };
    let mut allowing = trust.document.statements.iter().filter(|s| s.effect == Effect::Allow);
    allowing.all(|statement| {
        let principals = statement.principals.as_ref();
        principals.is_some_and(|p| !p.is_everyone() && p.items().all(of_management))
    })
}

/// Whether guardrails let anybody in an account take it out of its organization, if its own policies permit that.
pub(in crate::isolation) fn guardrails_let_leave(
    model: &AccessModel,
    account: &AccountNode,
) -> bool {
    let is_member = account.membership.as_ref().is_some_and(|m| !m.management_account);
    let source = StepSource::Foreign(account.root_arn());
    let lets = |action: &str| {
        let place = TargetResource {
            owner: account,
            rule: None,
            restrict_public: false,
            unreadable: false,
            actions: vec![Space::One(action.to_owned())],
            resources: vec![
                Space::One("*".to_owned()),
                Space::Below(format!("arn:{}:organizations::", account.partition)),
            ],
        };
        let asked: Option<Asked> = asked_at(model, &source, place);
        asked.is_none_or(|asked| !is_closed(&asked))
    };
    is_member && LEAVING.into_iter().any(lets)
}

/// The same of an account, by its id, of which nothing was read.
pub(in crate::isolation) fn guardrails_let_member_leave(
    model: &AccessModel,
    partition: Partition,
    id: &str,
    member: &UndescribedMember,
) -> bool {
    let Ok(handle) = format!("account-{id}").parse() else { return true };
    let account = AccountNode {
        handle,
        id: id.to_owned(),
        partition,
        environments: Default::default(),
        emulated: false,
        membership: Some(member.membership.clone()),
        organization_path: Some(member.organization_path.clone()),
        service_control: member.service_control.clone(),
        resource_control: Vec::new(),
        coverage: Coverage::Unread("nothing of it was read".to_owned()),
    };
    guardrails_let_leave(model, &account)
}
