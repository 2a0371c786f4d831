//! `no_drift`: nothing in the environments was changed outside Palisade.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::plan::Reading;
use crate::plan::model::{Drift, DriftStatus};
use crate::schema::gates;

/// How many objects a summary names.
const NAMED: usize = 3;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::NO_DRIFT,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(NoDrift::read(block)),
};

/// The environments that are looked at; both ends of the edge when empty.
#[derive(Clone, Debug)]
struct NoDrift {
    environments: BTreeSet<String>,
}

impl NoDrift {
    fn read(block: &mut GateBlock<'_>) -> Self {
        let environments = block.texts("environments").unwrap_or_default();
        Self { environments: environments.into_iter().collect() }
    }
}

#[async_trait]
impl Gate for NoDrift {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let ends = context.subject.from.into_iter().chain([context.subject.to]).map(str::to_owned);
        let environments: BTreeSet<String> =
            if self.environments.is_empty() { ends.collect() } else { self.environments.clone() };
        let names = environments.iter().cloned().collect::<Vec<_>>().join(" and ");
        let unread = unread(context, &environments);
        let found: Vec<&Drift> = context
            .plan
            .drift
            .iter()
            .filter(|d| d.environments.iter().any(|e| environments.contains(e)))
            .collect();
        let detail = json!({
            "environments": environments,
            "drift": found.iter().map(|d| json!({
                "address": d.address, "status": d.status, "changed": d.changed,
            })).collect::<Vec<Json>>(),
            "unread": unread,
        });
        if !unread.is_empty() {
            let summary = format!("it is not known whether {names} drifted: {}", unread.join("; "));
            return GateFinding::new(GateOutcome::Unknown, summary, detail);
        }
        if found.is_empty() {
            return GateFinding::new(GateOutcome::Passed, format!("{names}: no drift"), detail);
        }
        let mut told: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|d| {
                let status = match d.status {
                    DriftStatus::Changed => "changed",
                    DriftStatus::Missing => "missing",
                    DriftStatus::Unmanaged => "unmanaged",
                };
                format!("{} ({status})", d.address)
            })
            .collect();
        if found.len() > NAMED {
            told.push(format!("{} more", found.len() - NAMED));
        }
        GateFinding::new(
            GateOutcome::Failed,
            format!("{names} drifted: {}", told.join(", ")),
            detail,
        )
    }
}

/// What of these environments was not read, and why.
pub(super) fn unread(context: &GateContext<'_>, environments: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    for (handle, account) in &context.estate.accounts {
        if account.environments.is_disjoint(environments) {
            continue;
        }
        match context.live.accounts.get(handle) {
            Some(Reading::Read(index)) => {
                let kinds = &index.inventory().unread;
                all.extend(kinds.iter().map(|(kind, why)| format!("{kind} in `{handle}`: {why}")));
            }
            Some(Reading::Unread(why)) => all.push(format!("`{handle}`: {why}")),
            Some(Reading::Absent) => {}
            None => all.push(format!("`{handle}` was not looked at")),
        }
    }
    all
}
