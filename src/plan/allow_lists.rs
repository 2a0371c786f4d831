//! Allow lists beside a policy that allows everything: they limit nothing.
//!
//! At one level of the organization, an account may do what any of the SCPs attached there allows. AWS attaches
//! `FullAWSAccess` everywhere, so that an allow list does something only where that is detached.
//! See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::names_by_id;
use super::model::{Action, OperationTarget};
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::live::{Live, Reading};
use crate::schema::{AccessPart, Guardrail, access_of};
use crate::value::{Attrs, Value};

/// What a document allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allows {
    /// Everything, under no condition.
    Everything,
    /// Something.
    Something,
    /// Nothing: it only denies, or nobody knows yet.
    Nothing,
}

/// Warns of each allow list of this estate that limits nothing where it is attached.
pub(super) fn warn(live: &Live, decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let mut full: BTreeMap<OperationTarget, String> = BTreeMap::new();
    let mut before: BTreeSet<OperationTarget> = BTreeSet::new();
    let bare: BTreeSet<OperationTarget> =
        decisions.iter().flat_map(ObjectPlan::detached_when_made).collect();
    let mut lists: Vec<(&ObjectPlan<'_>, Vec<OperationTarget>)> = Vec::new();
    let mut ours: BTreeSet<(&str, &str)> = BTreeSet::new();
    for decision in decisions {
        let schema = decision.kind.schema();
        let Some((document, attr)) = limits_principals(schema.meaning.access, schema.attachments)
        else {
            continue;
        };
        ours.extend(decision.key.as_deref().map(|key| (schema.kind, key)));
        before.extend(decision.before.iter().flat_map(|attrs| targets(attrs, attr)));
        let stays = match decision.action {
            Action::Delete => continue,
            Action::Forget => &decision.before,
            _ => &decision.after,
        };
        let Some(attrs) = stays else { continue };
        let attached = targets(attrs, attr);
        match allows(attrs.get(document)) {
            Allows::Everything => {
                let named = || format!("`{}`", decision.address);
                full.extend(attached.into_iter().map(|target| (target, named())));
            }
            Allows::Something if decision.instance.is_some() => lists.push((decision, attached)),
            Allows::Something | Allows::Nothing => {}
        }
    }
    if lists.is_empty() {
        return;
    }
    if let Reading::Read(index) = &live.organization {
        for ((kind, key), object) in &index.inventory().objects {
            let schema = crate::schema::kind(kind).map(|kind| kind.schema());
            let access = access_of(kind).zip(schema);
            let declared = access.and_then(|(part, s)| limits_principals(part, s.attachments));
            let Some((document, attr)) = declared else { continue };
            if ours.contains(&(*kind, key.as_str())) {
                continue;
            }
            let attached = targets(&object.attrs, attr);
            before.extend(attached.iter().cloned());
            if allows(object.attrs.get(document)) == Allows::Everything {
                full.extend(attached.into_iter().map(|target| (target, format!("`{key}`"))));
            }
        }
    }
    let names = names_by_id(decisions);
    for (decision, attached) in lists {
        let mut idle: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for target in attached {
            let by = match full.get(&target) {
                Some(by) => by.clone(),
                // Where nothing was attached, AWS attaches its own: to what is new, and when SCPs are switched on.
                None if !before.contains(&target) && !bare.contains(&target) => {
                    "`FullAWSAccess`".to_owned()
                }
                None => continue,
            };
            idle.entry(by).or_default().insert(named(&target, &names));
        }
        for (by, places) in idle {
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            diagnostics.push(
                Diagnostic::warning(format!(
                    "what `{}` does not allow stays allowed at {places}: {by} is attached there too",
                    decision.address
                ))
                .at_opt(decision.instance.map(|i| i.loc.clone()))
                .detail("an account may do what any of the policies at one level allows, so an allow list beside a policy that allows everything limits nothing")
                .help("write it as `Deny` statements, or detach AWS's own on purpose: `service_control_policy \"full_access\"` with `name = \"FullAWSAccess\"` and `detached_from`"),
            );
        }
    }
}

/// The document and the attachments of a policy that limits principals.
fn limits_principals(
    part: AccessPart,
    attachments: Option<&'static str>,
) -> Option<(&'static str, &'static str)> {
    match part {
        AccessPart::Guardrail { limits: Guardrail::Principals, document } => {
            Some((document, attachments?))
        }
        _ => None,
    }
}

fn targets(attrs: &Attrs, attr: &str) -> Vec<OperationTarget> {
    let elements = attrs.get(attr).and_then(Value::elements).unwrap_or_default();
    elements.into_iter().filter_map(OperationTarget::of).collect()
}

fn named(target: &OperationTarget, names: &BTreeMap<String, &ResourceAddr>) -> String {
    match target {
        OperationTarget::Id(id) => {
            names.get(id).map_or_else(|| format!("`{id}`"), |address| format!("`{address}`"))
        }
        OperationTarget::IdOf(address) => format!("`{address}`"),
    }
}

/// What a document in its canonical form allows.
fn allows(document: Option<&Value>) -> Allows {
    let statements = document.and_then(|d| d.reveal().as_map()?.get("Statement")?.elements());
    let holds = |statement: &Attrs, name: &str| {
        let value = statement.get(name);
        let one = value.and_then(Value::as_str) == Some("*");
        one || value
            .and_then(Value::elements)
            .is_some_and(|all| all.iter().any(|item| item.as_str() == Some("*")))
    };
    let mut allowed = Allows::Nothing;
    for statement in statements.into_iter().flatten().filter_map(|s| s.reveal().as_map()) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            continue;
        }
        let all = holds(statement, "Action")
            && holds(statement, "Resource")
            && !statement.contains_key("Condition");
        if all {
            return Allows::Everything;
        }
        allowed = Allows::Something;
    }
    allowed
}
