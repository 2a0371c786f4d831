//! Puts a plan together.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::decide::decide;
use super::model::{
    AccountChanges, Action, Check, CheckStatus, FORMAT_VERSION, Isolation, Plan, PlanDiagnostic,
    PlanEstate, PlanLocation, PlanPrincipals, PlanSummary, PlannedObject, PlannedOutput,
    ResourceChange, Selection, StateBasis, unread_objects,
};
use super::object_plan::ObjectPlan;
use super::options::{ComputeOptions, Mode};
use super::sides::{self, Sides};
use super::{
    allow_lists, drift, features, limits, named, order, policy_types, quotas, select, severed,
};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::difference::{PolicyChange, SecretComparison};
use crate::eval::estate::Estate;
use crate::live::Live;
use crate::schema::{Category, Home};
use crate::state::layout;
use crate::state::model::Resources;
use crate::value::{Plain, Value, path};

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The evaluated configuration.
    pub estate: &'a Estate,
    /// SHA-256 of the configuration's sources, variables included.
    pub configuration_digest: &'a str,
    /// What state holds, all scopes together.
    pub prior: &'a Resources,
    /// The versions of that state.
    pub basis: &'a StateBasis,
    /// What was read from AWS.
    pub live: &'a Live,
    /// How to plan.
    pub options: &'a ComputeOptions,
    /// The time, RFC 3339.
    pub generated_at: &'a str,
}

/// Makes the plan without the walls.
///
/// # Errors
/// As [`prepare`].
pub fn compute(input: Input<'_>) -> Result<Plan, Diagnostics> {
    prepare(input).map(|(plan, _)| plan)
}

/// Makes the plan, and the two sides that the isolation analysis compares. The analysis fills
/// [`Plan::isolation`]; [`seal`] must follow it.
///
/// # Errors
/// Everything that AWS or the configuration's own rules would refuse.
pub fn prepare(input: Input<'_>) -> Result<(Plan, Sides), Diagnostics> {
    let Input { estate, prior, live, options, .. } = input;
    let mut diagnostics = Diagnostics::new();
    let mut decisions =
        decide(estate, prior, live, options, &input.basis.lineage, &mut diagnostics);
    select::check(&options.selection, &options.replace, estate, &decisions, &mut diagnostics);
    let selected = select::select(&options.selection, &decisions);
    let drift = drift::drift(estate, live, &decisions);
    let unread =
        super::unread::unread(estate, live, &options.selection, &decisions, selected.as_ref());
    if options.mode == Mode::RefreshOnly {
        refresh_only(&mut decisions);
    }
    let sides = sides::sides(live, &decisions, |d| {
        selected.as_ref().is_none_or(|selected| selected.contains(&d.address))
    });
    if options.mode == Mode::Normal {
        let is_selected =
            |d: &ObjectPlan<'_>| selected.as_ref().is_none_or(|all| all.contains(&d.address));
        severed::warn(live, &decisions, is_selected, &mut diagnostics);
    }
    if let Some(selected) = &selected {
        decisions.retain(|d| selected.contains(&d.address));
    }
    for decision in &mut decisions {
        diagnostics.extend(std::mem::take(&mut decision.problems));
    }
    for decision in &decisions {
        decision.guard_destruction(&mut diagnostics);
        decision.warn_of_default_place(&mut diagnostics);
    }
    let mut usage = limits::usage(estate, live, &decisions, &mut diagnostics);
    quotas::check(estate, live, &decisions, &mut usage.uses, &mut diagnostics);
    named::check(estate, live, &decisions, &mut diagnostics);
    policy_types::check(live, &decisions, &mut diagnostics);
    features::check(live, &decisions, &mut diagnostics);
    allow_lists::warn(live, &decisions, &mut diagnostics);
    let operations = order::operations(&decisions, &usage, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let resource_changes: Vec<ResourceChange> = decisions.iter().map(change).collect();
    let mut plan = Plan {
        format_version: FORMAT_VERSION.to_owned(),
        palisade_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: input.generated_at.to_owned(),
        digest: input.configuration_digest.to_owned(),
        principals: PlanPrincipals::default(),
        state: input.basis.clone(),
        audit_head: None,
        selection: options.selection.clone(),
        summary: summary(&resource_changes, drift.len(), unread_objects(&unread)),
        accounts: by_account(estate, &decisions),
        resource_changes,
        operations,
        secret_sources: sources(&decisions, &options.secrets),
        recovery: Vec::new(),
        drift,
        unread,
        refreshed: live.refreshed,
        isolation: Isolation::default(),
        limits: usage.uses,
        checks: checks(estate),
        // Where everything goes, so do the outputs.
        outputs: if everything_goes(options) { BTreeMap::new() } else { outputs(estate) },
        outputs_changed: Vec::new(),
        estate: PlanEstate { name: estate.name.clone(), location: None },
        diagnostics: diagnostics.iter().map(diagnostic).collect(),
        planned: decisions.into_iter().filter_map(planned).collect(),
    };
    seal(&mut plan, input.configuration_digest);
    Ok((plan, sides))
}

/// Versions of the SSM parameters that the plan's secrets come from.
fn sources(decisions: &[ObjectPlan<'_>], secrets: &SecretComparison) -> BTreeMap<String, i64> {
    let wanted = decisions.iter().filter_map(|d| d.after.as_ref()).flat_map(|attrs| attrs.values());
    let references = wanted.filter_map(|value| match value.reveal() {
        Value::Secret(reference) => Some(reference),
        _ => None,
    });
    references.filter_map(|r| Some((r.clone(), *secrets.versions.get(r)?))).collect()
}

/// Computes the digest that approvals and saved plans bind to: configuration, state versions of the
/// scopes that it touches (an apply to another environment leaves it valid), changes, operations, the
/// walls and the versions of what secrets come from; not dates and not diagnostics. Findings and how exceptions stand are for people, and some
/// of that comes with the calendar: an exception that ends soon makes no other plan.
pub fn seal(plan: &mut Plan, configuration_digest: &str) {
    /// Hashes what is written, so that no second copy of a large plan is made.
    struct Hashing(Sha256);
    impl std::io::Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let findings = std::mem::take(&mut plan.isolation.findings);
    let exceptions = std::mem::take(&mut plan.isolation.exceptions);
    let touched = plan.operations.iter().map(|o| o.scope.clone());
    let left = plan
        .resource_changes
        .iter()
        .filter_map(|c| c.previous_address.as_ref())
        .map(layout::scope_of);
    let touched: BTreeSet<String> = touched.chain(left).collect();
    let scopes: BTreeMap<_, _> =
        plan.state.scopes.iter().filter(|(scope, _)| touched.contains(*scope)).collect();
    let bound = (
        configuration_digest,
        &plan.state.lineage,
        &scopes,
        &plan.resource_changes,
        &plan.operations,
        &plan.isolation,
    );
    let mut hash = Hashing(Sha256::new());
    if let Err(error) = serde_json::to_writer(&mut hash, &bound) {
        // Nothing in a plan can fail to be JSON; if it did, no other plan may have the same digest.
        hash.0.update(format!("{} {error}", plan.generated_at));
    }
    // Apart, so that a plan without any has the digest that it always had.
    for (reference, version) in &plan.secret_sources {
        hash.0.update(format!("\n{reference}\n{version}"));
    }
    plan.digest = format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash.0.finalize()));
    plan.isolation.findings = findings;
    plan.isolation.exceptions = exceptions;
}

/// Under `--refresh-only` nothing in AWS changes: what drifted is taken into state, what is gone leaves it.
fn refresh_only(decisions: &mut Vec<ObjectPlan<'_>>) {
    decisions.retain(|d| d.recorded.is_some());
    for decision in decisions {
        decision.difference = crate::difference::Difference::default();
        decision.replace_because.clear();
        decision.action = match (&decision.before, &decision.drift) {
            (None, _) => Action::Forget,
            (Some(_), Some(_)) => Action::Adopt,
            (Some(_), None) => Action::NoOp,
        };
        decision.after.clone_from(&decision.before);
        if decision.action == Action::Adopt {
            decision.reason = Some("what is in AWS is accepted into state".to_owned());
        }
    }
}

fn change(decision: &ObjectPlan<'_>) -> ResourceChange {
    let schema = decision.kind.schema();
    let gone = match decision.action {
        Action::Delete => true,
        Action::Forget => decision.difference.is_empty(),
        _ => false,
    };
    let after = decision.after.clone().filter(|_| !gone).map(Value::Map);
    let before = decision.before.clone().map(Value::Map);
    let mut sensitive: BTreeSet<String> = BTreeSet::new();
    for value in [&before, &after].into_iter().flatten() {
        sensitive.extend(path::sensitive_paths(value).iter().map(ToString::to_string));
    }
    let shown = |value: &Option<Value>| Some(Plain::shown(value.as_ref()?.as_map()?, &sensitive));
    let (was, is) = (shown(&before), shown(&after));
    let unknown = after.as_ref().map(path::unknown_paths).unwrap_or_default();
    let partial = after.as_ref().map(partial_strings).unwrap_or_default();
    ResourceChange {
        address: decision.address.clone(),
        display: decision.address.to_string(),
        kind: schema.kind.to_owned(),
        account: decision.address.account().filter(|_| schema.home == Home::Account).cloned(),
        environments: decision.environments().iter().map(ToString::to_string).collect(),
        category: schema.category,
        action: decision.action,
        reason: decision.reason.clone(),
        location: decision.instance.map(|i| i.loc.to_string()),
        key: decision.key.clone(),
        before: was,
        after: is,
        after_unknown: unknown.iter().map(ToString::to_string).collect(),
        after_partial: partial,
        policy_diff: shown_policies(&decision.difference.policies, &sensitive),
        sensitive: sensitive.into_iter().collect(),
        changed: decision.difference.changed.iter().map(ToString::to_string).collect(),
        replace_because: decision.replace_because.clone(),
        create_before_destroy: decision.create_before_destroy,
        previous_address: decision.previous_address.clone(),
        depends_on: decision.depends_on.iter().cloned().collect(),
    }
}

/// What an object that changes shall be.
fn planned(decision: ObjectPlan<'_>) -> Option<(ResourceAddr, PlannedObject)> {
    let ObjectPlan { address, kind, instance, meta, after, action, .. } = decision;
    instance.filter(|_| action != Action::NoOp)?;
    let mut desired = after?;
    for computed in kind.schema().computed {
        desired.remove(computed.name);
    }
    Some((address, PlannedObject { desired, meta }))
}

/// The differences between policies, without the lines of those that hold a sensitive value: a line tells it.
fn shown_policies(changes: &[PolicyChange], sensitive: &BTreeSet<String>) -> Vec<PolicyChange> {
    let lies_in = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let hides = |path: &str| sensitive.iter().any(|s| lies_in(s, path) || lies_in(path, s));
    let shown = changes.iter().map(|change| match hides(&change.path) {
        true => PolicyChange { lines: vec![HIDDEN.to_owned()], ..change.clone() },
        false => change.clone(),
    });
    shown.collect()
}

/// What stands for the lines of a policy that holds a sensitive value.
const HIDDEN: &str = "(sensitive values)";

fn partial_strings(value: &Value) -> BTreeMap<String, String> {
    path::unknown_paths(value)
        .into_iter()
        .filter_map(|path| {
            let found = path.0.iter().try_fold(value, |at, step| match (at.reveal(), step) {
                (Value::Map(map), path::AttrStep::Key(key)) => map.get(key),
                (Value::List(list), path::AttrStep::Index(index)) => list.get(*index),
                _ => None,
            })?;
            match found.reveal() {
                Value::Unknown(unknown) if !unknown.parts.is_empty() => {
                    Some((path.to_string(), unknown.to_string()))
                }
                _ => None,
            }
        })
        .collect()
}

fn summary(changes: &[ResourceChange], drifted: usize, unread: usize) -> PlanSummary {
    let count = |action| changes.iter().filter(|c| c.action == action).count();
    PlanSummary {
        create: count(Action::Create),
        update: count(Action::Update),
        replace: count(Action::Replace),
        delete: count(Action::Delete),
        adopt: count(Action::Adopt),
        forget: count(Action::Forget),
        no_op: count(Action::NoOp),
        drifted,
        unread,
        ..PlanSummary::default()
    }
}

/// The accounts of the organization and of the estate, each with its changes.
pub fn by_account(estate: &Estate, decisions: &[ObjectPlan<'_>]) -> Vec<AccountChanges> {
    let mut changes: BTreeMap<String, BTreeMap<Category, Vec<ResourceAddr>>> = BTreeMap::new();
    for decision in decisions.iter().filter(|d| d.action != Action::NoOp) {
        let schema = decision.kind.schema();
        let place = match (schema.home, decision.address.account()) {
            (Home::Account, Some(handle)) => handle.to_string(),
            _ => layout::ORG.to_owned(),
        };
        let in_place = changes.entry(place).or_default();
        in_place.entry(schema.category).or_default().push(decision.address.clone());
    }
    let mut all = vec![AccountChanges {
        account: layout::ORG.to_owned(),
        account_id: None,
        environments: Vec::new(),
        changes: changes.remove(layout::ORG).unwrap_or_default(),
        isolation: Vec::new(),
    }];
    for account in estate.accounts.values() {
        all.push(AccountChanges {
            account: account.handle.to_string(),
            account_id: account.id.clone(),
            environments: account.environments.iter().cloned().collect(),
            changes: changes.remove(account.handle.as_str()).unwrap_or_default(),
            isolation: Vec::new(),
        });
    }
    // Accounts that state still knows and the configuration no longer names.
    for (account, changes) in changes {
        all.push(AccountChanges {
            account,
            account_id: None,
            environments: Vec::new(),
            changes,
            isolation: Vec::new(),
        });
    }
    all
}

fn checks(estate: &Estate) -> Vec<Check> {
    let status = |passed| match passed {
        Some(true) => CheckStatus::Pass,
        Some(false) => CheckStatus::Fail,
        None => CheckStatus::Unknown,
    };
    estate
        .checks
        .iter()
        .map(|c| Check {
            name: c.name.clone(),
            status: status(c.passed),
            message: c.message.clone(),
            location: Some(location(&c.loc)),
        })
        .collect()
}

/// Whether a plan leaves nothing that it manages.
fn everything_goes(options: &ComputeOptions) -> bool {
    options.mode == Mode::Destroy && options.selection == Selection::default()
}

fn outputs(estate: &Estate) -> BTreeMap<String, PlannedOutput> {
    estate.outputs.iter().map(|(name, output)| (name.clone(), PlannedOutput::of(output))).collect()
}

/// A diagnostic as plans hold it.
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic) -> PlanDiagnostic {
    PlanDiagnostic {
        severity: diagnostic.severity,
        summary: diagnostic.summary.clone(),
        detail: diagnostic.detail.clone(),
        help: diagnostic.help.clone(),
        location: diagnostic.loc.as_ref().map(location),
    }
}

/// A place as plans hold it.
#[must_use]
pub fn location(loc: &Loc) -> PlanLocation {
    PlanLocation { file: loc.file().to_owned(), line: loc.line(), column: loc.column() }
}
