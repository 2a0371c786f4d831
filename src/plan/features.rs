//! What AWS does only in an organization with all features, and only where the organization trusts a service. AWS says so
//! of the single call, in the middle of an apply; here it is said before anything is written.
//!
//! Sources: Organizations User Guide, "Available feature sets" (consolidated billing has no policies and no trusted
//! access); Account Management Reference Guide, "Enabling trusted access for AWS Account Management".

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::diag::{Diagnostic, Diagnostics};
use crate::live::{Live, Reading};
use crate::schema::{AccessPart, OrganizationDeclaration, access_of};
use crate::value::{Attrs, Value};

/// Reports what the organization will not be able to do.
pub(super) fn check(live: &Live, decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let Some((of, organization)) = organization(live, decisions) else { return };
    if organization.get(of.features).and_then(Value::as_str) == Some("CONSOLIDATED_BILLING") {
        all_features(&of, decisions, diagnostics);
    }
    let trusts = |service: &str| match organization.get(of.trusted_services).map(Value::elements) {
        Some(Some(services)) => services.iter().any(|s| s.as_str() == Some(service)),
        // Not read, or not known yet: AWS decides.
        _ => true,
    };
    let own = organization.get(of.management_account).and_then(Value::as_str);
    for decision in decisions.iter().filter(|d| d.action == Action::Update) {
        let AccessPart::Account(account) = decision.kind.schema().meaning.access else { continue };
        let renamed =
            decision.difference.changed.iter().any(|path| path.root() == Some(account.name));
        let id = decision.before.as_ref().and_then(|before| before.get("id")?.as_str());
        if !renamed || id == own || trusts(account.renamed_through) {
            continue;
        }
        let service = account.renamed_through;
        diagnostics.push(
            Diagnostic::error(format!("`{}` cannot be renamed: the organization does not trust `{service}`", decision.address))
                .at_opt(decision.instance.map(|i| i.body.loc_of(account.name).clone()))
                .detail("the management account renames members through Account Management, which needs trusted access")
                .help(format!("add \"{service}\" to `{}` of the `organization` block, in the same plan if you like", of.trusted_services)),
        );
    }
}

/// The organization as it will be, else as it was read.
fn organization<'a>(
    live: &'a Live,
    decisions: &'a [ObjectPlan<'_>],
) -> Option<(OrganizationDeclaration, &'a Attrs)> {
    let declared = decisions.iter().find_map(|d| {
        let of = d.kind.schema().meaning.access.organization()?;
        Some((of, d.after.as_ref().filter(|_| d.action != Action::Forget)?))
    });
    declared.or_else(|| {
        let Reading::Read(index) = &live.organization else { return None };
        index
            .inventory()
            .objects
            .values()
            .find_map(|object| Some((access_of(object.kind)?.organization()?, &object.attrs)))
    })
}

/// Reports what takes an organization with all features.
fn all_features(
    of: &OrganizationDeclaration,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) {
    let goes =
        |d: &&ObjectPlan<'_>| !matches!(d.action, Action::NoOp | Action::Delete | Action::Forget);
    for decision in decisions.iter().filter(goes) {
        let Some(after) = &decision.after else { continue };
        let is_policy = decision.kind.policy_type(after).is_some();
        let asks = |attr: &str| {
            let wanted = after.get(attr).and_then(Value::elements);
            wanted.is_some_and(|all| !all.is_empty())
        };
        let is_organization = decision.kind.schema().meaning.access.is_organization();
        let attr = match is_organization {
            true => [of.policy_types, of.trusted_services].into_iter().find(|attr| asks(attr)),
            false => None,
        };
        if !is_policy && attr.is_none() {
            continue;
        }
        let what = match attr {
            Some(attr) => format!("`{attr}` of `{}`", decision.address),
            None => format!("`{}`", decision.address),
        };
        let place = decision.instance.map(|i| match attr {
            Some(attr) => i.body.loc_of(attr).clone(),
            None => i.loc.clone(),
        });
        diagnostics.push(
            Diagnostic::error(format!("{what}: the organization has consolidated billing alone"))
                .at_opt(place)
                .detail("AWS has policies and trusted access only in an organization with all features")
                .help("`aws organizations enable-all-features` asks every invited account; accept the handshake when all have agreed, and plan again"),
        );
    }
}
