//! The drift report: live AWS against state and configuration, per environment.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use crate::plan::model::{Action, Drift, DriftStatus, Plan};

use super::lines;
use super::style::{Style, Tone, columns, count, pad, safe};
use super::view;

/// What `palisade drift` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// Managed objects that are as state and configuration say, of 100; two decimals.
    pub consistency_percent: f64,
    /// Per environment; objects that belong to none stand under `-`.
    pub environments: BTreeMap<String, EnvironmentDrift>,
    /// Every difference between AWS and state, unmanaged objects included.
    pub drift: Vec<Drift>,
    /// Objects whose configuration asks for a change that is not applied yet.
    pub pending: Vec<String>,
}

/// One environment's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EnvironmentDrift {
    /// Objects that Palisade manages.
    pub managed: usize,
    /// Managed ones that were changed in AWS.
    pub changed: usize,
    /// Managed ones that are gone from AWS.
    pub missing: usize,
    /// Objects in AWS that no state knows.
    pub unmanaged: usize,
    /// Managed ones whose configuration moved and is not applied.
    pub pending: usize,
    /// Managed objects without any of these, of 100.
    pub consistency_percent: f64,
}

impl DriftReport {
    /// From a plan that was refreshed against live AWS.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut environments: BTreeMap<String, EnvironmentDrift> = BTreeMap::new();
        let drifted: BTreeSet<&str> =
            view::managed_drift(plan).into_iter().map(|d| d.address.as_str()).collect();
        let mut pending = Vec::new();
        let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
        let (mut managed_all, mut wrong_all) = (0, 0);
        for change in &plan.resource_changes {
            let canonical = change.address.canonical();
            let has_drift =
                drifted.contains(canonical.as_str()) || drifted.contains(change.display.as_str());
            let is_pending = change.action != Action::NoOp && !has_drift;
            // What is not there yet is no managed object, only a wish.
            let managed = change.before.is_some() || has_drift;
            if is_pending {
                pending.push(change.display.clone());
            }
            managed_all += usize::from(managed);
            wrong_all += usize::from(managed && (has_drift || is_pending));
            for name in names(&change.environments) {
                let entry = environments.entry(name.clone()).or_default();
                entry.managed += usize::from(managed);
                entry.pending += usize::from(is_pending);
                *wrong.entry(name).or_default() +=
                    usize::from(managed && (has_drift || is_pending));
            }
        }
        for drift in &plan.drift {
            for name in names(&drift.environments) {
                let entry = environments.entry(name).or_default();
                match drift.status {
                    DriftStatus::Changed => entry.changed += 1,
                    DriftStatus::Missing => entry.missing += 1,
                    DriftStatus::Unmanaged => entry.unmanaged += 1,
                }
            }
        }
        for (name, entry) in &mut environments {
            let wrong = wrong.get(name).copied().unwrap_or(0);
            entry.consistency_percent = percent(entry.managed, wrong);
        }
        Self {
            consistency_percent: percent(managed_all, wrong_all),
            environments,
            drift: plan.drift.clone(),
            pending,
        }
    }

    /// Whether anything in AWS differs from state, unmanaged objects included.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.drift.is_empty()
    }
}

fn names(environments: &[String]) -> Vec<String> {
    if environments.is_empty() { vec!["-".to_owned()] } else { environments.to_vec() }
}

/// Two decimals, never rounded up to 100.
fn percent(managed: usize, wrong: usize) -> f64 {
    if managed == 0 || wrong == 0 {
        return 100.0;
    }
    let hundredths = (managed - wrong.min(managed)) * 10_000 / managed;
    f64::from(u32::try_from(hundredths).unwrap_or(0)) / 100.0
}

/// Writes the report as text.
///
/// # Errors
/// Those of the writer.
pub fn text(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let managed = report.drift.iter().filter(|d| d.status != DriftStatus::Unmanaged);
    let mut any = false;
    for drift in managed {
        any = true;
        let sign = view::drift_sign(drift.status);
        let note = match drift.status {
            DriftStatus::Missing => "gone from AWS",
            _ => "changed outside Palisade",
        };
        writeln!(
            out,
            "{} {} {}",
            style.paint(sign.tone(), &format!("{:>3}", sign.symbol())),
            style.paint(Tone::Bold, &safe(&drift.address)),
            style.paint(Tone::Warn, note)
        )?;
        if drift.status == DriftStatus::Changed {
            for line in lines::drifted(drift) {
                let indent = " ".repeat(6 + line.depth * 4);
                let symbol = style.paint(line.sign.tone(), line.sign.symbol());
                writeln!(out, "{}", format!("{indent}{symbol} {}", line.text).trim_end())?;
            }
        }
    }
    if any {
        writeln!(out)?;
    }
    unmanaged(report, style, out)?;
    if !report.pending.is_empty() {
        let objects = count(report.pending.len(), "object has", "objects have");
        let text = format!(
            "{objects} configured changes that are not applied yet: `palisade plan` shows them."
        );
        writeln!(out, "{}\n", style.paint(Tone::Dim, &text))?;
    }
    table(report, style, out)?;
    if report.any() {
        let count = count(report.drift.len(), "difference", "differences");
        let text = format!("{count}; {}% consistent.", report.consistency_percent);
        writeln!(out, "{}", style.paint(Tone::Warn, &text))
    } else {
        writeln!(out, "{}", style.paint(Tone::Good, "No drift: AWS is as the state says."))
    }
}

fn unmanaged(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut accounts: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for drift in report.drift.iter().filter(|d| d.status == DriftStatus::Unmanaged) {
        accounts
            .entry(&drift.account)
            .or_default()
            .entry(&drift.kind)
            .or_default()
            .push(&drift.address);
    }
    if accounts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", style.paint(Tone::Heading, "In AWS, not managed"))?;
    for (account, kinds) in accounts {
        writeln!(out, "  {}", style.paint(Tone::Bold, &safe(account)))?;
        for (kind, addresses) in kinds {
            for address in addresses {
                let shown = address
                    .strip_prefix(kind)
                    .and_then(|a| a.strip_prefix('/'))
                    .and_then(|a| a.strip_suffix(account))
                    .and_then(|a| a.strip_suffix('@'))
                    .unwrap_or(address);
                writeln!(out, "    {} {}", style.paint(Tone::Dim, &safe(kind)), safe(shown))?;
            }
        }
    }
    writeln!(out)
}

fn table(report: &DriftReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.environments.is_empty() {
        return Ok(());
    }
    let width = report.environments.keys().map(|k| columns(k)).max().unwrap_or(0).max(11);
    let header = format!(
        "{}  {:>7}  {:>7}  {:>7}  {:>9}  {:>7}  {:>10}",
        pad("environment", width),
        "managed",
        "changed",
        "missing",
        "unmanaged",
        "pending",
        "consistent"
    );
    writeln!(out, "{}", style.paint(Tone::Dim, &header))?;
    for (name, e) in &report.environments {
        let tone = if e.consistency_percent < 100.0 { Tone::Warn } else { Tone::Plain };
        let percent = style.paint(tone, &format!("{:>9}%", e.consistency_percent));
        writeln!(
            out,
            "{}  {:>7}  {:>7}  {:>7}  {:>9}  {:>7}  {percent}",
            pad(&safe(name), width),
            e.managed,
            e.changed,
            e.missing,
            e.unmanaged,
            e.pending
        )?;
    }
    writeln!(out)
}
