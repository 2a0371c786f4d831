//! Grades C and D in the plan's section: findings, and violations where a rule lists the grade.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::deputy::{Detour, detours};
use super::super::rules::Bound;
use super::super::{Grade, Verdict, findings};
use super::{Writer, digest};
use crate::plan::model::Isolation;

impl Writer<'_, '_> {
    pub(super) fn detours(&self, used: &mut BTreeSet<(String, String)>, section: &mut Isolation) {
        let before = detours(self.comparison.before.0, &self.comparison.before.1);
        let after = detours(self.comparison.after.0, &self.comparison.after.1);
        for detour in &after {
            let standing = before.contains(detour);
            let (kind, actions) = kind(detour);
            let text = if standing {
                detour.text.clone()
            } else {
                format!("{} (new with this plan)", detour.text)
            };
            section.findings.push(findings::finding(kind, text, detour.addresses.clone()));
            let bound =
                Bound { actions: actions.clone(), resources: vec![detour.resource.clone()] };
            let sides = (&detour.from, detour.to.as_str());
            let bounds = [vec![bound]];
            let judged = self.judge_bounds(sides, detour.grade, &detour.principal, &bounds, used);
            if judged.rule.is_none() || judged.exception.is_some() {
                continue;
            }
            let parts = [kind, detour.from.name(), &detour.to, &detour.principal, &detour.resource];
            section.violations.push(json!({
                "id": format!("P-{}", digest(&parts)),
                "change": if standing { "standing" } else { "added" },
                "grade": detour.grade,
                "from": {"environment": detour.from.name(), "account": null},
                "to": {"environment": detour.to, "account": detour.to_account},
                "verdict": Verdict::Conditional,
                "power": detour.text,
                "principal": detour.principal,
                "actions": actions,
                "resources": [detour.resource],
                "via": [],
                "conditions": [],
                "witness": null,
                "caused_by": detour.addresses,
                "rule": judged.rule,
                "exception": null,
                "expired_exception": judged.expired,
                "severity": judged.severity,
            }));
        }
    }
}

/// The kind of finding, and the actions in question.
fn kind(detour: &Detour) -> (&'static str, Vec<String>) {
    let is_role = detour.resource.starts_with("arn:aws:iam:");
    match (detour.grade, is_role) {
        (Grade::C, _) => ("shared_bucket", vec!["s3:GetObject".to_owned()]),
        (_, true) => ("confused_deputy", vec!["sts:AssumeRole".to_owned()]),
        (_, false) => ("confused_deputy", vec!["s3:*".to_owned()]),
    }
}
