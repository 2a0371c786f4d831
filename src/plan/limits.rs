//! Usage of AWS's limits after the plan, and plans that would go over.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Action, LimitUse, OperationTarget};
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::iam::Limits;
use crate::live::{Live, Reading};
use crate::schema::{Body, Home, Quota, access_of, kinds};
use crate::value::Value;

/// Usage, and the targets that have no free slot before the plan.
pub struct LimitUsage {
    /// For the plan.
    pub uses: Vec<LimitUse>,
    /// Targets where something must be detached before anything can be attached.
    pub full: BTreeSet<OperationTarget>,
    /// Units that go with a policy attached of which AWS detaches no last one.
    pub bare: BTreeSet<OperationTarget>,
}

/// Counts attachments per target and reports what AWS would refuse.
pub fn usage(
    estate: &Estate,
    live: &Live,
    decisions: &[ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) -> LimitUsage {
    let mut usage = LimitUsage { uses: Vec::new(), full: BTreeSet::new(), bare: BTreeSet::new() };
    let limits = QuotaLimits::of(estate);
    let names = names_by_id(decisions);
    let attached = kinds().iter().flat_map(|kind| {
        let schema = kind.schema();
        schema.meaning.quotas.iter().filter_map(move |quota| match *quota {
            Quota::PerTarget { limit, what, keeps_last } => {
                Some((schema.kind, schema.attachments?, limit, what, keeps_last))
            }
            _ => None,
        })
    });
    for (kind, targets_attr, limit, what, keeps_last) in attached {
        let allowed = limits.get(limit);
        let mut before: BTreeMap<OperationTarget, u64> = BTreeMap::new();
        let mut after: BTreeMap<OperationTarget, u64> = BTreeMap::new();
        let mut placed: BTreeMap<OperationTarget, &ObjectPlan<'_>> = BTreeMap::new();
        let mut ours: BTreeSet<&str> = BTreeSet::new();
        for decision in decisions.iter().filter(|d| d.kind.schema().kind == kind) {
            ours.extend(decision.key.as_deref());
            // What is forgotten stays where it is attached.
            let stays = decision.action == Action::Forget;
            let then = if stays { &decision.before } else { &decision.after };
            for (attrs, counts) in [(&decision.before, &mut before), (then, &mut after)] {
                let targets = attrs.as_ref().and_then(|a| a.get(targets_attr));
                for target in targets.and_then(Value::elements).into_iter().flatten() {
                    if let Some(target) = OperationTarget::of(target) {
                        *counts.entry(target).or_default() += 1;
                    }
                }
            }
            if !matches!(decision.action, Action::NoOp | Action::Delete | Action::Forget) {
                let targets = decision.after.as_ref().and_then(|a| a.get(targets_attr));
                for target in targets.and_then(Value::elements).into_iter().flatten() {
                    placed.extend(OperationTarget::of(target).map(|t| (t, decision)));
                }
            }
        }
        if let Reading::Read(index) = &live.organization {
            let foreign = index
                .inventory()
                .objects
                .iter()
                .filter(|((k, key), _)| *k == kind && !ours.contains(key.as_str()));
            for (_, object) in foreign {
                let targets = object.attrs.get(targets_attr);
                for target in targets.and_then(Value::elements).into_iter().flatten() {
                    if let Some(target) = OperationTarget::of(target) {
                        *before.entry(target.clone()).or_default() += 1;
                        *after.entry(target).or_default() += 1;
                    }
                }
            }
        }
        // AWS attaches its full-access policy to whatever comes into being, and to everything when policies of
        // this type are switched on; where they are, something is attached everywhere.
        let bare: BTreeSet<OperationTarget> = decisions
            .iter()
            .filter(|d| d.kind.schema().kind == kind)
            .flat_map(ObjectPlan::detached_when_made)
            .collect();
        if !matches!(live.organization, Reading::Unread(_)) {
            for (target, count) in &mut after {
                if !before.contains_key(target) && !bare.contains(target) {
                    *count += 1;
                }
            }
        }
        if keeps_last {
            for target in bare.iter().filter(|target| !after.contains_key(target)) {
                left_bare((kind, targets_attr), decisions, target, diagnostics);
            }
        }
        let all_read = matches!(&live.organization, Reading::Read(index)
            if index.inventory().complete.contains(kind));
        if keeps_last && all_read {
            let leaving = decisions.iter().filter(|d| d.is_leaving_unit());
            let bare = leaving.filter_map(ObjectPlan::as_target);
            usage.bare.extend(bare.filter(|t| before.contains_key(t) && !after.contains_key(t)));
            last_detached((kind, targets_attr), decisions, &names, (&before, &after), diagnostics);
        }
        usage.full.extend(before.iter().filter(|(_, n)| **n >= allowed).map(|(t, _)| t.clone()));
        let gone: BTreeSet<&ResourceAddr> =
            decisions.iter().filter(|d| d.action == Action::Delete).map(|d| &d.address).collect();
        for (target, used) in after {
            if matches!(&target, OperationTarget::Id(id) if names.get(id).is_some_and(|a| gone.contains(a)))
            {
                continue;
            }
            let name = match &target {
                OperationTarget::Id(id) => names.get(id).map_or(id.clone(), ToString::to_string),
                OperationTarget::IdOf(address) => address.to_string(),
            };
            if used > allowed
                && let Some(decision) = placed.get(&target)
            {
                let loc = decision.instance.map(|i| i.body.loc_of(targets_attr).clone());
                diagnostics.push(
                    Diagnostic::error(format!("{name}: {used} of {allowed} {what}"))
                        .at_opt(loc)
                        .detail(format!("AWS attaches at most {allowed} {what} to one target"))
                        .help(format!("join policies, attach one higher up, or raise `{limit}` in `organization {{ limits {{}} }}` if AWS granted you more")),
                );
            }
            let before = before.get(&target).copied().unwrap_or(0);
            let limit = limit.to_owned();
            usage.uses.push(LimitUse { target: name, limit, before, used, allowed });
        }
    }
    usage.uses.sort();
    usage
}

/// Where SCPs are switched on, AWS keeps at least one attached to the root, and to every unit and account
/// (`MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED`). Usually that is `FullAWSAccess`, until somebody detaches it.
fn last_detached(
    (kind, targets_attr): (&str, &str),
    decisions: &[ObjectPlan<'_>],
    names: &BTreeMap<String, &ResourceAddr>,
    (before, after): (&BTreeMap<OperationTarget, u64>, &BTreeMap<OperationTarget, u64>),
    diagnostics: &mut Diagnostics,
) {
    // A unit that goes takes it along.
    let leaving: BTreeSet<OperationTarget> = decisions
        .iter()
        .filter(|d| d.is_leaving_unit())
        .filter_map(ObjectPlan::as_target)
        .collect();
    let bare = before.keys().filter(|target| !after.contains_key(target));
    for target in bare.filter(|target| !leaving.contains(target)) {
        let OperationTarget::Id(id) = target else { continue };
        let Some(decision) = decisions.iter().find(|d| {
            let targets = d.before.as_ref().and_then(|b| b.get(targets_attr)?.elements());
            d.kind.schema().kind == kind
                && targets.is_some_and(|all| all.iter().any(|t| t.as_str() == Some(id)))
        }) else {
            continue;
        };
        let name = names.get(id).map_or(id.clone(), ToString::to_string);
        diagnostics.push(
            Diagnostic::error(format!("`{}` is the last SCP of `{name}`", decision.address))
                .at_opt(decision.instance.map(|i| i.body.loc_of(targets_attr).clone()))
                .detail("where SCPs are switched on, AWS does not detach the last one from the root, a unit or an account")
                .help(format!("attach another one there in the same plan, or give AWS's own back first: `aws organizations attach-policy --policy-id p-FullAWSAccess --target-id {id}`")),
        );
    }
}

/// Something that the plan makes, and from which AWS's own policy is to be detached though no other is attached.
fn left_bare(
    (kind, targets_attr): (&str, &str),
    decisions: &[ObjectPlan<'_>],
    target: &OperationTarget,
    diagnostics: &mut Diagnostics,
) {
    let detaches = |d: &&ObjectPlan<'_>| {
        d.kind.schema().kind == kind && d.detached_when_made().any(|t| t == *target)
    };
    let (Some(decision), OperationTarget::IdOf(name)) = (decisions.iter().find(detaches), target)
    else {
        return;
    };
    let attr = decision.kind.schema().detachments.unwrap_or(targets_attr);
    diagnostics.push(
        Diagnostic::error(format!("`{}` is the last SCP of `{name}`", decision.address))
            .at_opt(decision.instance.map(|i| i.body.loc_of(attr).clone()))
            .detail("where SCPs are switched on, AWS does not detach the last one from the root, a unit or an account")
            .help("attach another one there in the same plan"),
    );
}

/// Addresses by the ids that AWS has given.
pub(super) fn names_by_id<'a>(
    decisions: &'a [ObjectPlan<'_>],
) -> BTreeMap<String, &'a ResourceAddr> {
    let mut names = BTreeMap::new();
    // What lives in an account may call that account's id its own.
    for decision in decisions.iter().filter(|d| d.kind.schema().home == Home::Organization) {
        if decision.kind.schema().meaning.access.is_organization() {
            names.insert("root".to_owned(), &decision.address);
        }
        let root = decision.kind.schema().meaning.access.organization().map(|of| of.root);
        for attr in ["id"].into_iter().chain(root) {
            if let Some(id) = decision.before.as_ref().and_then(|b| b.get(attr)?.as_str()) {
                names.insert(id.to_owned(), &decision.address);
            }
        }
    }
    names
}

/// What the organization's `limits` block allows, else AWS's default.
pub struct QuotaLimits<'e>(Vec<&'e Body>);

impl<'e> QuotaLimits<'e> {
    /// Those of an estate.
    #[must_use]
    pub fn of(estate: &'e Estate) -> Self {
        let raised = estate.instances.values().filter_map(|instance| {
            let organization = access_of(&instance.address.kind)?.organization()?;
            Some(instance.body.nested(organization.limits))
        });
        Self(raised.flatten().map(|block| &block.body).collect())
    }

    /// How many, or how much, of that.
    #[must_use]
    pub fn get(&self, limit: &str) -> u64 {
        let overridden = self.0.iter().find_map(|body| body.get(limit)?.as_i64());
        let default = || Limits::default().get(limit).and_then(|n| u64::try_from(n).ok());
        overridden.and_then(|n| u64::try_from(n).ok()).or_else(default).unwrap_or(u64::MAX)
    }
}
