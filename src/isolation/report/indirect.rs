//! Data paths and confused deputies in the plan's section: findings, and violations where a rule lists
//! their grade.

use std::collections::BTreeSet;

use super::super::deputy::{IndirectPath, indirect_paths};
use super::super::findings;
use super::super::rules::Bound;
use super::super::section::{
    AccessPath, FindingKind, Grade, Hop, Isolation, NEW_WITH_PLAN, PathChange, PathEnd, WallVerdict,
};
use super::Writer;
use super::id::digest;
use crate::access::ResourceType;

impl Writer<'_, '_> {
    /// `paths` are those of requests and power, judged by the rules.
    pub(super) fn indirect_paths(
        &self,
        paths: &[AccessPath],
        used: &mut BTreeSet<(String, String)>,
        section: &mut Isolation,
    ) {
        let before = indirect_paths(self.comparison.before.0, &self.comparison.before.1);
        let after = indirect_paths(self.comparison.after.0, &self.comparison.after.1);
        for (path, grants) in &after {
            let standing = before.contains_key(path);
            let (kind, name, actions) = kind(path);
            let text =
                if standing { path.text.clone() } else { format!("{}{NEW_WITH_PLAN}", path.text) };
            let bound = Bound { actions: actions.clone(), resources: vec![path.resource.clone()] };
            let sides = (&path.from, path.to.as_str());
            let bounds = [vec![bound]];
            let judged = self.judge_bounds(sides, path.grade, &path.principal, &bounds, used);
            // What an exception permits is no warning in every plan, nor is what comes back by a request that one permits.
            let permitted = judged.exception.is_some()
                || judged.rule.is_none() && is_read_by_permission(path, paths);
            if !permitted {
                let found = findings::finding(kind, text, path.addresses.clone());
                let found = findings::granted_by(found, grants.iter().cloned());
                section.findings.push(findings::of_wall(found, &path.from, &path.to));
            }
            if judged.rule.is_none() || judged.exception.is_some() {
                continue;
            }
            let parts = [name, path.from.name(), &path.to, &path.principal, &path.resource];
            let step = Hop {
                action: actions.first().cloned().unwrap_or_default(),
                granted_by: grants.iter().cloned().collect(),
                principal: path.principal.clone(),
                resource: path.resource.clone(),
            };
            section.violations.push(AccessPath {
                actions,
                also_needs: None,
                caused_by: path.addresses.clone(),
                change: if standing { PathChange::Standing } else { PathChange::Added },
                conditions: Vec::new(),
                exception: None,
                expired_exception: judged.expired,
                from: PathEnd { account: None, environment: path.from.name().to_owned() },
                grade: path.grade,
                id: format!("P-{}", digest(&parts)),
                limits: None,
                locations: None,
                power: Some(path.text.clone()),
                principal: Some(path.principal.clone()),
                reason: None,
                replay: None,
                resources: vec![path.resource.clone()],
                rule: judged.rule,
                severity: judged.severity,
                to: PathEnd {
                    account: Some(path.to_account.clone()),
                    environment: path.to.clone(),
                },
                verdict: WallVerdict::Conditional,
                via: if grants.is_empty() { Vec::new() } else { vec![step] },
                witness: None,
            });
        }
    }
}

/// Whether the data comes by requests alone that cross the wall the other way, each under an exception in force.
fn is_read_by_permission(data: &IndirectPath, paths: &[AccessPath]) -> bool {
    let reads = |path: &&AccessPath| {
        let inside = |hop: &Hop| {
            let rest = hop.resource.strip_prefix(&data.resource);
            hop.principal == data.principal
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        path.from.environment == data.to
            && path.to.environment == data.from.name()
            && path.via.last().is_some_and(inside)
    };
    let mut reading = paths.iter().filter(reads).peekable();
    data.grade == Grade::DataPath
        && reading.peek().is_some()
        && reading.all(|path| path.exception.is_some())
}

/// The kind of finding, its name in the id of a violation, and the actions in question.
fn kind(path: &IndirectPath) -> (FindingKind, &'static str, Vec<String>) {
    let all = |actions: &[&str]| actions.iter().map(|action| (*action).to_owned()).collect();
    match (path.grade, ResourceType::of_arn(&path.resource)) {
        (Grade::DataPath, kind) => {
            let reads = kind.map_or(&[][..], |kind| kind.reads);
            (FindingKind::SharedResource, "shared_resource", all(reads))
        }
        (_, Some(kind)) => {
            let actions = vec![format!("{}:*", kind.service)];
            (FindingKind::ConfusedDeputy, "confused_deputy", actions)
        }
        (_, None) => {
            (FindingKind::ConfusedDeputy, "confused_deputy", vec!["sts:AssumeRole".to_owned()])
        }
    }
}
