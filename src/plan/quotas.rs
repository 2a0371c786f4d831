//! Quotas that count objects: per account, the depth of units, accounts that may be closed, and how
//! large an object is.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::QuotaLimits;
use super::model::{Action, LimitUse, OperationTarget};
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::iam::{Use, measured_size};
use crate::ids::{AccountId, Handle};
use crate::live::{Live, Reading};
use crate::schema::{Measure, Quota, kinds};
use crate::value::{Attrs, Value};

/// Counts, and reports what AWS would refuse.
pub fn check(
    estate: &Estate,
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    uses: &mut Vec<LimitUse>,
    diagnostics: &mut Diagnostics,
) {
    let limits = QuotaLimits::of(estate);
    per_account(&limits, live, decisions, uses, diagnostics);
    depth(&limits, decisions, diagnostics);
    closures(&limits, live, decisions, diagnostics);
    management(live, decisions, diagnostics);
    for decision in decisions {
        object(&limits, decision, uses);
    }
    uses.sort();
}

/// How large the documents of an object that changes are, and how much is attached to it, where that is
/// half of what AWS allows or more. Whatever is too large was refused where it is written.
fn object(limits: &QuotaLimits<'_>, decision: &ObjectPlan<'_>, uses: &mut Vec<LimitUse>) {
    if matches!(decision.action, Action::NoOp | Action::Delete | Action::Forget) {
        return;
    }
    let mut add = |limit: &str, measure: &dyn Fn(&Attrs) -> u64| {
        let allowed = limits.get(limit);
        let used = decision.after.as_ref().map_or(0, measure);
        if used.saturating_mul(2) >= allowed {
            let before = decision.before.as_ref().map_or(0, measure);
            let (target, limit) = (decision.address.to_string(), limit.to_owned());
            uses.push(LimitUse { target, limit, before, used, allowed });
        }
    };
    for quota in decision.kind.schema().meaning.quotas {
        if let Quota::Size { limit, measure } = quota {
            add(limit, &|attrs| measured(*measure, attrs));
        }
    }
}

/// How much of an object a quota counts.
fn measured(measure: Measure, attrs: &Attrs) -> u64 {
    match measure {
        Measure::Document(attr, role) => size(attrs.get(attr), &role()),
        Measure::Documents(attr, role) => {
            let all = attrs.get(attr).and_then(Value::as_map);
            all.into_iter().flatten().map(|(_, one)| size(Some(one), &role())).sum()
        }
        Measure::Elements(attr) => {
            attrs.get(attr).and_then(Value::elements).map_or(0, |all| all.len() as u64)
        }
    }
}

/// The size of a document as AWS counts it.
fn size(document: Option<&Value>, role: &Use) -> u64 {
    let document = document.and_then(crate::difference::policies::document);
    document.map_or(0, |document| measured_size(&document, role) as u64)
}

fn per_account(
    limits: &QuotaLimits<'_>,
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    uses: &mut Vec<LimitUse>,
    diagnostics: &mut Diagnostics,
) {
    let counted = kinds().iter().flat_map(|kind| {
        let schema = kind.schema();
        schema.meaning.quotas.iter().filter_map(move |quota| match *quota {
            Quota::PerAccount { limit, what } => Some((schema.kind, limit, what)),
            _ => None,
        })
    });
    for (kind, limit, what) in counted {
        let allowed = limits.get(limit);
        let mut used: BTreeMap<&Handle, u64> = BTreeMap::new();
        for (handle, reading) in &live.accounts {
            if let Reading::Read(index) = reading {
                // AWS's own policies are listed where they are attached, and count nowhere.
                let own = |key: &str| !key.contains(":iam::aws:");
                let objects = index.inventory().objects.keys();
                let count = objects.filter(|(k, key)| *k == kind && own(key)).count();
                used.insert(handle, count as u64);
            }
        }
        let before = used.clone();
        let mut made: BTreeMap<&Handle, &ObjectPlan<'_>> = BTreeMap::new();
        for decision in decisions.iter().filter(|d| d.kind.schema().kind == kind) {
            let Some(handle) = decision.address.account() else { continue };
            let count = used.entry(handle).or_default();
            match decision.action {
                Action::Create => {
                    *count += 1;
                    made.insert(handle, decision);
                }
                Action::Delete => *count = count.saturating_sub(1),
                _ => {}
            }
        }
        for (handle, used) in used {
            if used > allowed
                && let Some(decision) = made.get(handle)
            {
                // AWS raises these for single accounts, which only the account's owner knows.
                diagnostics.push(
                    Diagnostic::warning(format!("account.{handle}: {used} of {allowed} {what}"))
                        .at_opt(decision.instance.map(|i| i.loc.clone()))
                        .detail(format!("AWS allows {allowed} {what} in one account unless it was asked for more"))
                        .help(format!("raise `{limit}` in `organization {{ limits {{}} }}` if AWS granted you more")),
                );
            }
            if used > 0 {
                let target = format!("account.{handle}");
                let before = before.get(handle).copied().unwrap_or(0);
                uses.push(LimitUse { target, limit: limit.to_owned(), before, used, allowed });
            }
        }
    }
}

/// Units nest so deep below the root, and no deeper.
fn depth(limits: &QuotaLimits<'_>, decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let limit = |d: &ObjectPlan<'_>| {
        d.kind.schema().meaning.quotas.iter().find_map(|quota| match *quota {
            Quota::Depth { limit, parent } => Some((limit, parent)),
            _ => None,
        })
    };
    let units = || decisions.iter().filter(|d| limit(d).is_some());
    let Some((limit, parent_attr)) = units().find_map(limit) else { return };
    let allowed = limits.get(limit);
    let by_id: BTreeMap<&str, &ResourceAddr> = units()
        .filter_map(|d| Some((d.before.as_ref()?.get("id")?.as_str()?, &d.address)))
        .collect();
    let parents: BTreeMap<&ResourceAddr, Option<ResourceAddr>> = units()
        .filter(|d| !matches!(d.action, Action::Delete | Action::Forget))
        .map(|d| {
            let parent = d.after.as_ref().and_then(|a| OperationTarget::of(a.get(parent_attr)?));
            let parent = match parent {
                Some(OperationTarget::IdOf(address)) => Some(address),
                Some(OperationTarget::Id(id)) => by_id.get(id.as_str()).map(|a| (*a).clone()),
                None => None,
            };
            (&d.address, parent)
        })
        .collect();
    for decision in units().filter(|d| matches!(d.action, Action::Create | Action::Update)) {
        let mut seen = BTreeSet::from([&decision.address]);
        let mut at = parents.get(&decision.address).and_then(Option::as_ref);
        while let Some(parent) = at.filter(|parent| seen.insert(*parent)) {
            at = parents.get(parent).and_then(Option::as_ref);
        }
        let depth = seen.len() as u64;
        if depth > allowed {
            diagnostics.push(
                Diagnostic::error(format!("{}: {depth} of {allowed} levels", decision.address))
                    .at_opt(decision.instance.map(|i| i.body.loc_of(parent_attr).clone()))
                    .detail(format!("AWS nests units {allowed} levels below the root"))
                    .help("hang it higher up"),
            );
        }
    }
}

/// In 30 days a tenth of the members may be closed, at least 10 and at most 1,000 of them.
fn closures(
    limits: &QuotaLimits<'_>,
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) {
    let limited = kinds().iter().find_map(|kind| {
        let mut quotas = kind.schema().meaning.quotas.iter();
        quotas.find_map(|quota| match *quota {
            Quota::Closures { limit } => Some((kind.schema().kind, limit)),
            _ => None,
        })
    });
    let Some((kind, limit)) = limited else { return };
    let closes = |d: &&ObjectPlan<'_>| d.kind.schema().kind == kind && d.closes();
    let closing = decisions.iter().filter(closes).count() as u64;
    let Reading::Read(index) = &live.organization else { return };
    let members = index.inventory().objects.keys().filter(|(k, _)| *k == kind).count();
    let tenth = members as u64 * limits.get(limit) / 100;
    let allowed = tenth.clamp(10, 1_000);
    if closing > allowed {
        diagnostics.push(
            Diagnostic::error(format!("the plan closes {closing} accounts, of {allowed} that AWS closes in 30 days"))
                .detail(format!("the organization has {members} accounts"))
                .help("close the rest later (`--target`), or ask AWS for more and raise `account_closures_percent` in `organization { limits {} }`"),
        );
    }
}

/// The management account stays where its organization has it.
fn management(live: &Live, decisions: &[ObjectPlan<'_>], diagnostics: &mut Diagnostics) {
    let id = |attrs: &Option<Attrs>| attrs.as_ref()?.get("id")?.as_str().map(str::to_owned);
    let founder = live.founder.as_ref().map(AccountId::as_str);
    let Some(management) = super::drift::management(live).or(founder) else { return };
    let is_account = |d: &&ObjectPlan<'_>| d.kind.schema().meaning.access.is_account();
    for decision in decisions.iter().filter(is_account) {
        if id(&decision.before).as_deref() != Some(management) {
            continue;
        }
        let (what, help) = match decision.action {
            Action::Delete => (
                "be closed or removed from the organization",
                "set `on_destroy = \"retain\"` and apply, then remove the block",
            ),
            Action::Update | Action::Adopt if decision.changes_place() => {
                ("be moved", "leave its `parent` out")
            }
            _ => continue,
        };
        let address = &decision.address;
        diagnostics.push(
            Diagnostic::error(format!("`{address}` is the management account: it cannot {what}"))
                .at_opt(decision.instance.map(|i| i.loc.clone()))
                .help(help),
        );
    }
}
