//! Policies of the organization whose type is not enabled in the root: AWS attaches none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::live::{Live, Reading};
use crate::schema::{AccessPart, access_of};
use crate::value::{Attrs, Value};

/// Reports each type that the plan's policies need and that will not be enabled when they are attached. What the
/// organization will be counts, else what was read of it; where neither is known, nothing is reported.
pub(super) fn check(live: &Live, decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let Some((enabled, declared_at)) = enabled(live, decisions) else { return };
    let mut missing: BTreeMap<&str, Vec<&ObjectPlan<'_>>> = BTreeMap::new();
    for decision in decisions {
        let goes = matches!(decision.action, Action::Delete | Action::Forget);
        let Some(after) = decision.after.as_ref().filter(|_| !goes) else { continue };
        let Some(kind) = decision.kind.policy_type(after) else { continue };
        let is_attached = || {
            let attached = decision.kind.schema().attachments.and_then(|attr| after.get(attr));
            attached.is_some_and(|v| v.elements().is_none_or(|all| !all.is_empty()))
        };
        // A provider that finds its policies by listing their type finds none while the type is off.
        let is_unseen = matches!(decision.kind.schema().meaning.access, AccessPart::None);
        if !enabled.contains(kind) && (is_unseen || is_attached()) {
            missing.entry(kind).or_default().push(decision);
        }
    }
    for (kind, policies) in missing {
        let named = match policies.as_slice() {
            [] => continue,
            [one] => format!("`{}`", one.address),
            [one, others @ ..] => format!("`{}` and {} more", one.address, others.len()),
        };
        let first = policies.iter().find_map(|p| Some(&p.instance?.loc));
        let place = declared_at.as_ref().or(first).cloned();
        diagnostics.push(
            Diagnostic::error(format!("{named}: the policy type `{kind}` is not enabled"))
                .at_opt(place)
                .detail("AWS attaches a policy only where its type is enabled in the organization's root")
                .help(format!("add \"{kind}\" to `enabled_policy_types` of the `organization` block")),
        );
    }
}

/// The types that will be enabled, and the place where a block says so.
fn enabled(live: &Live, decisions: &[ObjectPlan<'_>]) -> Option<(BTreeSet<String>, Option<Loc>)> {
    let types = |attrs: &Attrs, attr: &str| -> Option<BTreeSet<String>> {
        let elements = attrs.get(attr).and_then(Value::elements)?;
        elements.iter().map(|t| t.as_str().map(str::to_owned)).collect()
    };
    let declared = decisions.iter().find_map(|d| {
        let of = d.kind.schema().meaning.access.organization()?;
        let after = d.after.as_ref().filter(|_| d.action != Action::Forget)?;
        let place = d.instance.map(|i| match i.body.get(of.policy_types) {
            Some(_) => i.body.loc_of(of.policy_types).clone(),
            None => i.loc.clone(),
        });
        let types = types(after, of.policy_types);
        // The API reference says that CreateOrganization enables SCPs; roots of new organizations that people show
        // have no type enabled. What the block asks for is enabled in either case.
        let types =
            if d.action == Action::Create { Some(types.unwrap_or_default()) } else { types };
        Some((types?, place))
    });
    let read = || {
        let Reading::Read(index) = &live.organization else { return None };
        index.inventory().objects.values().find_map(|object| {
            let of = access_of(object.kind)?.organization()?;
            Some((types(&object.attrs, of.policy_types)?, None))
        })
    };
    declared.or_else(read)
}
