//! `isolation_unchanged`: the plan adds and widens no path into the target, and leaves no pair
//! undecided that was decided.

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{Finding, Gate, GateContext, GateType, Outcome};

pub(super) const TYPE: GateType = GateType {
    name: "isolation_unchanged",
    judged_early: false,
    read: |_| Box::new(IsolationUnchanged),
};

#[derive(Debug)]
struct IsolationUnchanged;

#[async_trait]
impl Gate for IsolationUnchanged {
    async fn judge(&self, cx: &GateContext<'_>) -> Finding {
        let to = cx.passage.to;
        let section = &cx.plan.isolation;
        if section.basis.is_none() {
            return Finding::new(Outcome::Failed, "the walls were not analysed", Json::Null);
        }
        let text =
            |json: &Json, at: &str| json.pointer(at).and_then(Json::as_str).map(str::to_owned);
        let into = |path: &&Json| text(path, "/to/environment").as_deref() == Some(to);
        let wider =
            |path: &&Json| matches!(text(path, "/change").as_deref(), Some("added" | "widened"));
        let paths: Vec<&Json> = section.changes.iter().filter(into).filter(wider).collect();
        // A path is told with its change; a wall that is lost as a whole only shows here.
        let worse: Vec<&Json> = section
            .matrix
            .iter()
            .filter(|pair| text(pair, "/to").as_deref() == Some(to))
            .filter(|pair| {
                let (before, after) = (text(pair, "/before"), text(pair, "/after"));
                before != after
                    && matches!(after.as_deref(), Some("undetermined" | "shared_account"))
            })
            .collect();
        let detail = json!({
            "paths": paths.iter().map(|path| json!({
                "id": path.get("id"), "change": path.get("change"), "from": path.get("from"),
                "principal": path.get("principal"), "caused_by": path.get("caused_by"),
            })).collect::<Vec<Json>>(),
            "undecided": worse,
        });
        if paths.is_empty() && worse.is_empty() {
            return Finding::new(
                Outcome::Passed,
                format!("no path into {to} is added or widened"),
                detail,
            );
        }
        let mut told: Vec<String> = paths
            .iter()
            .map(|path| {
                format!(
                    "path {} from {} is {}",
                    text(path, "/id").unwrap_or_default(),
                    text(path, "/from/environment").unwrap_or_default(),
                    text(path, "/change").unwrap_or_default()
                )
            })
            .collect();
        told.extend(worse.iter().map(|pair| {
            format!(
                "from {} it becomes {}",
                text(pair, "/from").unwrap_or_default(),
                text(pair, "/after").unwrap_or_default()
            )
        }));
        Finding::new(
            Outcome::Failed,
            format!("the walls of {to} open: {}", told.join(", ")),
            detail,
        )
    }
}
