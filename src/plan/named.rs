//! Policies and principals that a plan names by their ARNs: AWS refuses a boundary, an attachment or a
//! trust that names what does not exist, so the plan does.

use std::collections::BTreeSet;

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::diag::{Diagnostic, Diagnostics};
use crate::difference::policies;
use crate::eval::estate::Estate;
use crate::iam::{PrincipalType, managed_names};
use crate::live::{Live, Reading};
use crate::schema::{KindSchema, kind_of_arn};
use crate::value::{Attrs, Value};

/// Reports what is named and will not be there. Only accounts that were read to the end count.
pub fn check(
    estate: &Estate,
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) {
    let arn = |attrs: &Option<Attrs>| {
        attrs.as_ref().and_then(|a| a.get("arn")?.as_str()).map(str::to_owned)
    };
    let mut planned: BTreeSet<String> = BTreeSet::new();
    let mut going: BTreeSet<String> = BTreeSet::new();
    for decision in decisions {
        match decision.action {
            Action::Delete => going.extend(arn(&decision.before)),
            Action::Replace => {
                going.extend(arn(&decision.before));
                planned.extend(arn(&decision.after));
            }
            _ => planned.extend(arn(&decision.after)),
        }
    }
    let there = arns(live);
    for decision in decisions {
        let changes = matches!(
            decision.action,
            Action::Create | Action::Update | Action::Replace | Action::Adopt
        );
        let (true, Some(instance), Some(after)) = (changes, decision.instance, &decision.after)
        else {
            continue;
        };
        let changed: BTreeSet<&str> =
            decision.difference.changed.iter().filter_map(|p| p.root()).collect();
        for (attr, named) in names(decision.kind.schema(), after) {
            if let Some(near) = managed_names::unknown(&named)
                && changed.contains(attr.as_str())
                && !is_written(decision.before.as_ref(), &attr, &named)
            {
                diagnostics.push(
                    Diagnostic::warning(format!(
                        "`{attr}` of `{}` names `{named}`, and no managed policy of AWS is known by that name",
                        decision.address
                    ))
                    .at(instance.body.loc_of(&attr).clone())
                    .detail(format!("The list is of {}; AWS refuses what it cannot find", managed_names::as_of()))
                    .help_opt(near),
                );
            }
            let gone = changed.contains(attr.as_str())
                && !planned.contains(&named)
                && (going.contains(&named) || !there.contains(named.as_str()))
                && is_known(estate, live, &named);
            if gone {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "`{attr}` of `{}` names `{named}`, which does not exist",
                        decision.address
                    ))
                    .at(instance.body.loc_of(&attr).clone())
                    .detail("AWS refuses what it cannot find")
                    .help("declare it and refer to its block, or correct the ARN"),
                );
            }
        }
    }
}

/// Whether an attribute held that text before.
fn is_written(before: Option<&Attrs>, attr: &str, text: &str) -> bool {
    let value = before.and_then(|b| b.get(attr));
    let elements = value.and_then(Value::elements).unwrap_or_default();
    let one = value.and_then(Value::as_str);
    one.into_iter().chain(elements.iter().filter_map(|v| v.as_str())).any(|t| t == text)
}

/// ARNs in the attributes of an object, each with its attribute.
fn names(schema: &KindSchema, attrs: &Attrs) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for attr in schema.meaning.access.names_policies() {
        let value = attrs.get(attr).map(Value::reveal);
        let one = value.and_then(Value::as_str).into_iter();
        let list = value.and_then(Value::elements).unwrap_or_default();
        let texts = one.chain(list.iter().filter_map(|v| v.as_str()));
        all.extend(texts.map(|text| (attr.to_owned(), text.to_owned())));
    }
    all.extend(principals(schema, attrs));
    all
}

/// ARNs of the principals that an object's trust or resource policy names, each with the attribute.
pub(super) fn principals(schema: &KindSchema, attrs: &Attrs) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, value) in
        attrs.iter().filter(|(name, _)| policies::is_policy(schema.policies, &[name.as_str()]))
    {
        let Some(document) = policies::document(value) else { continue };
        for statement in &document.statements {
            for (kind, text) in statement.principals.iter().flat_map(|p| p.items()) {
                if let (PrincipalType::Aws, Some(text)) = (kind, text.text.known()) {
                    all.push((name.clone(), text.to_owned()));
                }
            }
        }
    }
    all
}

/// The ARNs of everything that was read in accounts.
fn arns(live: &Live) -> BTreeSet<&str> {
    let read = live.accounts.values().filter_map(|reading| match reading {
        Reading::Read(index) => Some(index.inventory().objects.values()),
        Reading::Absent | Reading::Unread(_) => None,
    });
    read.flatten().filter_map(|object| object.attrs.get("arn")?.as_str()).collect()
}

/// Whether an ARN names something in an account of which everything of that kind was read.
fn is_known(estate: &Estate, live: &Live, arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(_), Some(service), Some(""), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let kind = kind_of_arn(service, resource);
    let handle = estate
        .accounts
        .values()
        .find(|a| a.id.as_ref().is_some_and(|id| id.as_str() == account))
        .map(|a| &a.handle);
    match (kind, handle.and_then(|handle| live.accounts.get(handle))) {
        (Some(kind), Some(Reading::Read(index))) => {
            index.inventory().complete.contains(kind) && !resource.contains(['*', '?', '$'])
        }
        _ => false,
    }
}
