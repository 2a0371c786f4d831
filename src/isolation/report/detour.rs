//! Data paths and confused deputies in the plan's section: findings, and violations where a rule lists
//! their grade.

use std::collections::BTreeSet;

use super::super::deputy::{Detour, detours};
use super::super::rules::Bound;
use super::super::section::{AccessPath, FindingKind, Isolation, PathChange, PathEnd};
use super::super::{Grade, Verdict, findings};
use super::{Writer, digest};

impl Writer<'_, '_> {
    pub(super) fn detours(&self, used: &mut BTreeSet<(String, String)>, section: &mut Isolation) {
        let before = detours(self.comparison.before.0, &self.comparison.before.1);
        let after = detours(self.comparison.after.0, &self.comparison.after.1);
        for detour in &after {
            let standing = before.contains(detour);
            let (kind, name, actions) = kind(detour);
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
            let parts = [name, detour.from.name(), &detour.to, &detour.principal, &detour.resource];
            section.violations.push(AccessPath {
                actions,
                also_needs: None,
                caused_by: detour.addresses.clone(),
                change: if standing { PathChange::Standing } else { PathChange::Added },
                conditions: Vec::new(),
                exception: None,
                expired_exception: judged.expired,
                from: PathEnd { account: None, environment: detour.from.name().to_owned() },
                grade: detour.grade,
                id: format!("P-{}", digest(&parts)),
                limits: None,
                locations: None,
                power: Some(detour.text.clone()),
                principal: Some(detour.principal.clone()),
                reason: None,
                replay: None,
                resources: vec![detour.resource.clone()],
                rule: judged.rule,
                severity: judged.severity,
                to: PathEnd {
                    account: Some(detour.to_account.clone()),
                    environment: detour.to.clone(),
                },
                verdict: Verdict::Conditional,
                via: Vec::new(),
                witness: None,
            });
        }
    }
}

/// The kind of finding, its name in the id of a violation, and the actions in question.
fn kind(detour: &Detour) -> (FindingKind, &'static str, Vec<String>) {
    let is_role = detour.resource.starts_with("arn:aws:iam:");
    match (detour.grade, is_role) {
        (Grade::DataPath, _) => {
            (FindingKind::SharedBucket, "shared_bucket", vec!["s3:GetObject".to_owned()])
        }
        (_, true) => {
            (FindingKind::ConfusedDeputy, "confused_deputy", vec!["sts:AssumeRole".to_owned()])
        }
        (_, false) => (FindingKind::ConfusedDeputy, "confused_deputy", vec!["s3:*".to_owned()]),
    }
}
