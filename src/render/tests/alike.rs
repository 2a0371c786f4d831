//! What folds and what does not, and words that must not contradict each other.

use super::*;
use crate::isolation::section::{PathChange, WallVerdict};
use crate::plan::model::{Action, PolicyChange};

/// Paths to many instances of a block are one line; another principal, or another condition, has its own.
#[test]
fn paths_to_the_instances_of_a_block_are_one_line() {
    let path = realistic().isolation.violations[0].clone();
    let instance = |n: usize, principal: &str, condition: &str| {
        let mut path = path.clone();
        path.id = format!("P-{n:08x}");
        path.change = PathChange::Added;
        (path.rule, path.exception) = (None, None);
        path.principal = Some(principal.to_owned());
        path.resources = vec![format!("arn:aws:iam::333333333333:role/team-t{n}")];
        path.conditions = vec![condition.to_owned()];
        path.caused_by = vec![format!("iam_role.team[\"t{n}\"]@production")];
        for hop in &mut path.via {
            hop.granted_by.clear();
        }
        path
    };
    let (one, other) = ("arn:aws:iam::222222222222:role/ci", "arn:aws:iam::222222222222:role/ops");
    let mut plan = realistic();
    plan.isolation.violations.clear();
    plan.isolation.changes =
        (0..300).map(|n| instance(n, one, "aws:MultiFactorAuthPresent = true")).collect();
    let lines = |plan: &Plan| -> Vec<String> {
        let text = rendered(plan, Format::Text, &Style::plain());
        text.lines()
            .filter(|l| l.contains("iam_role.team[") && l.contains("->") || l.contains(" alike)"))
            .map(str::to_owned)
            .collect()
    };
    let alike = lines(&plan);
    assert!(alike.len() == 1 && alike[0].contains("(300 alike)"), "{alike:#?}");
    plan.isolation.changes.push(instance(300, other, "aws:MultiFactorAuthPresent = true"));
    plan.isolation.changes.push(instance(301, one, "aws:MultiFactorAuthPresent = false"));
    assert_eq!(lines(&plan).len(), 3, "{:#?}", lines(&plan));
}

/// An update of the same role in several accounts is one, though a condition names each environment; a
/// condition that differs otherwise is shown.
#[test]
fn updates_fold_over_what_conditions_say_of_their_own_environment() {
    let update = |n: usize, branch: &str| {
        let mut change = role(n, "s3:GetObject");
        let environment = format!("team-{n:04}");
        change.action = Action::Update;
        let side = |condition: Json| {
            let mut side = change.after.as_ref().expect("attributes").to_json();
            side["assume_role_policy"]["Statement"][0]["Condition"] = condition;
            Some(serde_json::from_value(side).expect("attributes"))
        };
        let (was, is) = (
            format!("repo:acme/shop:environment:{environment}"),
            format!("repo:acme/{environment}"),
        );
        let branch = format!("repo:acme/{branch}");
        (change.before, change.after) = (
            side(serde_json::json!({"StringEquals": {"x:sub": was}})),
            side(serde_json::json!({"StringLike": {"x:sub": [branch, is]}})),
        );
        change.changed = vec!["$.assume_role_policy".to_owned()];
        change.policy_diff = vec![PolicyChange {
            path: "$.assume_role_policy".to_owned(),
            lines: vec![
                format!("- condition StringEquals x:sub = {was}"),
                format!("+ condition StringLike x:sub = {branch}, {is}"),
            ],
            ..realistic_policy_change()
        }];
        change
    };
    let text = |branch: &dyn Fn(usize) -> &'static str| {
        let plan = plan_of((0..3).map(|n| update(n, branch(n))).collect());
        rendered(&plan, Format::Text, &Style::plain())
    };
    let alike = text(&|_| "main");
    assert!(alike.contains("iam_role.deploy in 3 accounts"), "{alike}");
    assert!(alike.contains("repo:acme/shop:environment:{environment}"), "{alike}");
    let other = text(&|n| if n == 1 { "*" } else { "main" });
    assert!(
        other.contains("iam_role.deploy@team-0001") && other.contains("repo:acme/*"),
        "{other}"
    );
}

/// What AWS assigned to each role keeps no two of them apart; what a user wrote does.
#[test]
fn updates_fold_over_the_ids_that_aws_assigned() {
    let update = |n: usize, session: u64| {
        let mut change = role(n, "s3:GetObject");
        change.action = Action::Update;
        let side = |session: u64| {
            let mut side = change.after.as_ref().expect("attributes").to_json();
            side["unique_id"] = format!("AROA{n:017}").into();
            side["max_session_duration"] = session.into();
            Some(serde_json::from_value(side).expect("attributes"))
        };
        (change.before, change.after) = (side(3_600), side(session));
        change.changed = vec!["$.max_session_duration".to_owned()];
        change
    };
    let text = |session: &dyn Fn(usize) -> u64| {
        let plan = plan_of((0..3).map(|n| update(n, session(n))).collect());
        rendered(&plan, Format::Text, &Style::plain())
    };
    let alike = text(&|_| 7_200);
    assert!(alike.contains("~ iam_role.deploy in 3 accounts"), "{alike}");
    assert!(!alike.contains("AROA") && alike.contains("3600 -> 7200"), "{alike}");
    let other = text(&|n| if n == 1 { 43_200 } else { 7_200 });
    assert!(
        other.contains("iam_role.deploy@team-0001") && other.contains("3600 -> 43200"),
        "{other}"
    );
}

fn realistic_policy_change() -> PolicyChange {
    let changes = realistic().resource_changes;
    let mut diffs = changes.iter().flat_map(|change| &change.policy_diff);
    diffs.next().expect("a policy that changes").clone()
}

/// The head of the section counts as the verdict does.
#[test]
fn a_wall_that_widens_is_not_called_unchanged() {
    let mut plan = realistic();
    let section = &mut plan.isolation;
    section.violations.clear();
    section.matrix.truncate(1);
    let row = &mut section.matrix[0];
    (row.before, row.after) = (WallVerdict::Reachable, WallVerdict::Reachable);
    let ends = (row.from.clone(), row.to.clone());
    section.changes.truncate(1);
    let path = &mut section.changes[0];
    (path.from.environment, path.to.environment) = ends;
    path.change = PathChange::Widened;
    for format in [Format::Text, Format::Markdown, Format::Html] {
        let text = rendered(&plan, format, &Style::plain());
        assert!(text.contains("1 widened, 0 unchanged"), "{format:?}: {text}");
    }
}
