//! `isolation_unchanged`: the plan adds and widens no path into the target, and leaves no pair
//! undecided that was decided.

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::isolation::section::{AccessPath, MatrixRow, WallVerdict};
use crate::schema::gates;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::ISOLATION_UNCHANGED,
    judged_early: false,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |_| Box::new(IsolationUnchanged),
};

#[derive(Debug)]
struct IsolationUnchanged;

#[async_trait]
impl Gate for IsolationUnchanged {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let to = context.subject.to;
        let section = &context.plan.isolation;
        if section.basis.is_none() {
            return GateFinding::new(
                GateOutcome::Failed,
                "the walls were not analysed",
                Json::Null,
            );
        }
        let opens = |path: &&AccessPath| path.to.environment == to && path.change.widens();
        let paths: Vec<&AccessPath> = section.changes.iter().filter(opens).collect();
        // A path carries its change; a wall that is lost as a whole only shows in the matrix.
        let worse: Vec<&MatrixRow> = section
            .matrix
            .iter()
            .filter(|row| row.to == to && row.before != row.after)
            .filter(|row| {
                matches!(row.after, WallVerdict::Undetermined | WallVerdict::SharedAccount)
            })
            .collect();
        let detail = json!({
            "paths": paths.iter().map(|path| json!({
                "id": path.id, "change": path.change, "from": path.from,
                "principal": path.principal, "caused_by": path.caused_by,
            })).collect::<Vec<Json>>(),
            "undecided": worse,
        });
        if paths.is_empty() && worse.is_empty() {
            let summary = format!("no path into {to} is added or widened");
            return GateFinding::new(GateOutcome::Passed, summary, detail);
        }
        let paths = paths.iter().map(|path| {
            format!("path {} from {} is {}", path.id, path.from.environment, path.change.name())
        });
        let worse =
            worse.iter().map(|row| format!("from {} it becomes {}", row.from, row.after.name()));
        let opened: Vec<String> = paths.chain(worse).collect();
        let summary = format!("the walls of {to} open: {}", opened.join(", "));
        GateFinding::new(GateOutcome::Failed, summary, detail)
    }
}
