//! The isolation section: what a plan does to the walls between environments, as data.
//!
//! A **wall** is an ordered pair of an origin and an environment; its verdict before and after the plan is
//! a [`MatrixRow`]. A **path** is a way across a wall: who starts it, over which steps, and which request
//! shows it ([`AccessPath`]). A **proof** says why a wall is closed ([`Proof`]). The isolation analysis
//! makes all of it; everything above reads these types, and JSON is made of them only at the edge.
//!
//! Invariants:
//!
//! - [`WallVerdict::Isolated`] stands in a matrix only with a [`Proof`] of the same pair;
//!   [`WallVerdict::Reachable`] and [`WallVerdict::Conditional`] of a request only with a [`Witness`] that the
//!   judge allows. Everything else is [`WallVerdict::Undetermined`].
//! - A path of [`Isolation::violations`] that the plan changes stands in [`Isolation::changes`] too, under
//!   the same id.
//! - The fields of a struct are declared in the order of their names: plans are written with sorted keys,
//!   and `plan::seal` binds approvals to these very bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::Handle;

mod finding;
mod path;
mod proof;
mod rule;
mod wall;

pub use finding::{Finding, FindingKind, NEW_WITH_PLAN};
pub use path::{
    Absent, AccessPath, Grant, Hop, PathChange, PathEnd, Replay, Replayed, StepLimits, Witness,
};
pub use proof::{ConsideredGrant, Proof};
pub use rule::{ExceptionStatus, ExceptionUse, RuleSeverity, Ruling};
pub use wall::{Assumption, AssumptionKind, Grade, MatrixRow, WallVerdict};

/// The isolation section. The default claims nothing: no analysis has run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    /// What the analysis has read; `None` where none has run, and then no verdict is claimed.
    pub basis: Option<Basis>,
    /// The environments between which walls are analysed.
    pub environments: Vec<String>,
    /// The verdict on every wall, before and after.
    pub matrix: Vec<MatrixRow>,
    /// Paths that this plan adds, removes, widens or narrows.
    pub changes: Vec<AccessPath>,
    /// Paths that break a rule after the plan, and walls that a rule protects and that do not hold.
    /// Standing ones are among them.
    pub violations: Vec<AccessPath>,
    /// What an auditor should know beside the paths.
    pub findings: Vec<Finding>,
    /// Why the isolated walls are closed.
    pub proofs: Vec<Proof>,
    /// The exceptions of all rules, with what each permits after the plan. How they stand depends on the
    /// calendar, so no approval binds to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionUse>,
    /// Where the rules stand, `file:line` by address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, String>,
}

impl Isolation {
    /// How many violations are errors, and not those of a rule that only warns.
    #[must_use]
    pub fn broken(&self) -> usize {
        broken(&self.violations)
    }

    /// The violations that are errors, counted apart: paths that are known to cross, and walls that a rule protects
    /// and of which nothing is known for certain.
    #[must_use]
    pub fn crossed_and_undecided(&self) -> (usize, usize) {
        crossed_and_undecided(&self.violations)
    }

    /// What the plan does to the walls, and what they rest on, in numbers.
    #[must_use]
    pub fn summary(&self) -> IsolationSummary {
        let paths = |is: &dyn Fn(PathChange) -> bool| {
            self.changes.iter().filter(|path| is(path.change)).count()
        };
        let mut summary = IsolationSummary {
            added: paths(&|change| change == PathChange::Added),
            removed: paths(&|change| change == PathChange::Removed),
            changed: paths(&|c| matches!(c, PathChange::Widened | PathChange::Narrowed)),
            violations: self.violations.len(),
            broken: self.broken(),
            ..IsolationSummary::default()
        };
        let pairs = |is: &dyn Fn(&AccessPath) -> bool| -> BTreeSet<(&str, &str)> {
            let paths = self.changes.iter().filter(|path| is(path));
            paths.map(|p| (p.from.environment.as_str(), p.to.environment.as_str())).collect()
        };
        let (wider, narrower) = (pairs(&|p| p.change.widens()), pairs(&|p| p.change.narrows()));
        for row in &self.matrix {
            let pair = (row.from.as_str(), row.to.as_str());
            match (row.before.is_shut(), row.after.is_shut()) {
                (true, false) => summary.opened += 1,
                (false, true) => summary.closed += 1,
                _ if row.after > row.before || wider.contains(&pair) => summary.widened += 1,
                _ if row.after < row.before || narrower.contains(&pair) => summary.narrowed += 1,
                _ => {}
            }
            summary.undetermined += usize::from(row.after == WallVerdict::Undetermined);
            summary.proved += usize::from(row.is_proved());
            summary.assumed += usize::from(!row.assumptions.is_empty());
            summary.assumptions_added += usize::from(!row.assumptions_added.is_empty());
        }
        for permit in &self.exceptions {
            summary.exceptions_used += usize::from(permit.status == ExceptionStatus::InForce);
            summary.exceptions_ending += usize::from(permit.ends_soon());
            summary.exceptions_ended += usize::from(permit.status == ExceptionStatus::Expired);
        }
        summary
    }
}

/// How many of these violations are errors, and not those of a rule that only warns.
#[must_use]
pub fn broken(violations: &[AccessPath]) -> usize {
    violations.iter().filter(|path| path.severity != RuleSeverity::Warning).count()
}

/// The violations that are errors, counted apart: paths that are known to cross, and walls that a rule protects
/// and of which nothing is known for certain.
pub fn crossed_and_undecided<'p>(
    violations: impl IntoIterator<Item = &'p AccessPath>,
) -> (usize, usize) {
    let errors: Vec<_> = violations.into_iter().filter(|path| !path.only_warns()).collect();
    let undecided = errors.iter().filter(|path| path.verdict == WallVerdict::Undetermined).count();
    (errors.len() - undecided, undecided)
}

/// Counts of the isolation section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationSummary {
    /// Paths that become possible.
    pub added: usize,
    /// Paths that stop being possible.
    pub removed: usize,
    /// Paths that widen or narrow.
    pub changed: usize,
    /// Paths that break a rule.
    pub violations: usize,
    /// Pairs that could not be decided.
    pub undetermined: usize,
    /// Those of the violations that stop an apply.
    #[serde(default)]
    pub broken: usize,
    /// Walls that no known way crossed and that one crosses after the plan.
    #[serde(default)]
    pub opened: usize,
    /// Walls that are open already and let more through after the plan.
    #[serde(default)]
    pub widened: usize,
    /// Walls that stay open and let less through after the plan.
    #[serde(default)]
    pub narrowed: usize,
    /// Walls that were open, and of which no way across is known after the plan.
    #[serde(default)]
    pub closed: usize,
    /// Walls that are isolated after the plan by a proof that rests on nothing but what every proof trusts.
    #[serde(default)]
    pub proved: usize,
    /// Walls that are isolated after the plan by a proof that rests on something that was not looked at.
    #[serde(default)]
    pub assumed: usize,
    /// Those among them whose proof rests on more than before the plan.
    #[serde(default)]
    pub assumptions_added: usize,
    /// Exceptions that permit a path.
    #[serde(default)]
    pub exceptions_used: usize,
    /// Exceptions whose last day is at most [`ExceptionUse::NOTICE_DAYS`] away.
    #[serde(default)]
    pub exceptions_ending: usize,
    /// Exceptions whose last day has passed.
    #[serde(default)]
    pub exceptions_ended: usize,
}

/// What the verdicts stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Accounts of which every principal and policy was read.
    #[serde(default)]
    pub accounts_read: Vec<Handle>,
    /// Accounts that were not read: verdicts on them stand on managed objects alone.
    #[serde(default)]
    pub accounts_unread: Vec<Handle>,
    /// Whether AWS was read at all.
    pub live: bool,
    /// What AWS has and the analysis does not look at, a noun phrase each.
    #[serde(default)]
    pub not_modelled: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a value from JSON and writes it again.
    fn again<T: serde::de::DeserializeOwned + Serialize>(json: &str) -> String {
        let value: T = serde_json::from_str(json).expect(json);
        serde_json::to_string(&value).expect("JSON")
    }

    /// A word as JSON writes it, without the quotes.
    fn written(word: &impl Serialize) -> String {
        serde_json::to_string(word).expect("JSON").trim_matches('"').to_owned()
    }

    /// Digests bind to these bytes: every key in the order of its name, and no optional part more or less.
    #[test]
    fn what_is_read_is_written_again_byte_for_byte() {
        let whole = concat!(
            r#"{"actions":["s3:GetObject"],"also_needs":[],"caused_by":["iam_role.ci@dev"],"change":"widened","#,
            r#""conditions":["aws:SourceIp in 10.0.0.0/8"],"exception":"exports","expired_exception":null,"#,
            r#""from":{"account":"dev","environment":"dev"},"grade":"A","id":"P-00c0ffee","#,
            r#""limits":{"boundary":null,"resource_control_policies":[],"service_control_policies":["r-ab12"]},"#,
            r#""locations":{"iam_role.ci@dev":"main.hcl:3"},"power":"over the wall","principal":"*","#,
            r#""reason":"one account","replay":{"after":{"decided_by":"identity","decision":"allow","denied_by":[],"#,
            r#""step":"arn:aws:s3:::data"},"before":{"decision":"absent","missing":"role","step":"arn:aws:s3:::data"}},"#,
            r#""resources":["arn:aws:s3:::data/*"],"rule":"isolation.environments","severity":"info","#,
            r#""to":{"account":null,"environment":"production"},"verdict":"conditional","#,
            r#""via":[{"action":"s3:GetObject","granted_by":[{"address":"iam_role.ci@dev","location":"main.hcl:3","#,
            r#""statement":"trust[0]"}],"principal":"*","resource":"arn:aws:s3:::data/a"}],"#,
            r#""witness":{"action":"s3:GetObject","context":{"aws:sourceip":"10.0.0.1","aws:tagkeys":["a","b"]},"#,
            r#""principal":"*","resource":"arn:aws:s3:::data/a"}}"#,
        );
        assert_eq!(again::<AccessPath>(whole), whole);
        let wall = concat!(
            r#"{"actions":[],"caused_by":[],"change":"standing","conditions":[],"exception":null,"#,
            r#""expired_exception":null,"from":{"account":null,"environment":"dev"},"grade":"D","id":"P-00c0ffee","#,
            r#""principal":null,"resources":[],"rule":null,"severity":"error","#,
            r#""to":{"account":"prod","environment":"production"},"verdict":"shared_account","via":[],"witness":null}"#,
        );
        assert_eq!(again::<AccessPath>(wall), wall);
        for principal in [
            r#""arn:aws:iam::111111111111:role/ci""#,
            r#"{"service":"lambda.amazonaws.com"}"#,
            r#"{"federated":"cognito-identity.amazonaws.com"}"#,
        ] {
            let witness = format!(
                r#"{{"action":"sts:AssumeRole","context":{{}},"principal":{principal},"resource":"*"}}"#
            );
            assert_eq!(again::<Witness>(&witness), witness);
        }
        for row in [
            r#"{"after":"reachable","before":"isolated","from":"dev","grade":"B","managed_only":"isolated","to":"prod"}"#,
            r#"{"after":"undetermined","before":"isolated","from":"$external","to":"prod"}"#,
            r#"{"after":"isolated","assumptions":[{"account":"prod","kind":"running_code","objects":["iam_role.x@prod"]}],"assumptions_added":[{"account":"prod","kind":"resource_policies","objects":["AWS::SQS::Queue"]}],"before":"isolated","from":"dev","to":"prod"}"#,
            r#"{"after":"reachable","before":"isolated","from":"dev","ruling":"permitted","to":"prod"}"#,
        ] {
            assert_eq!(again::<MatrixRow>(row), row);
        }
        let section = concat!(
            r#"{"basis":{"accounts_read":["dev"],"accounts_unread":["prod"],"live":true,"not_modelled":["kms"]},"#,
            r#""environments":["dev"],"matrix":[],"changes":[],"violations":[],"findings":["#,
            r#"{"addresses":[],"kind":"held_by_source_side","severity":"warning","text":"a sentence"},"#,
            r#"{"addresses":[],"also":["another"],"from":"dev","kind":"shared_resource","severity":"warning","text":"a sentence","to":"prod"}],"#,
            r#""proofs":[{"from":"dev","grants":[{"killed_by":null,"principal":"*","resource":"arn"},"#,
            r#"{"killed_by":["a line"],"principal":"*","resource":"arn"}],"grants_considered":2,"#,
            r#""statement":"a claim","to":"prod","trusted":["root users"],"verified":true}]}"#,
        );
        assert_eq!(again::<Isolation>(section), section);
    }

    #[test]
    fn a_word_that_no_set_holds_is_refused() {
        for json in [
            r#"{"after":"open","before":"isolated","from":"dev","to":"prod"}"#,
            r#"{"after":"isolated","before":"isolated","from":"dev","grade":"E","to":"prod"}"#,
        ] {
            assert!(serde_json::from_str::<MatrixRow>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn names_are_those_of_json() {
        for verdict in [
            WallVerdict::Closed,
            WallVerdict::Isolated,
            WallVerdict::Undetermined,
            WallVerdict::Conditional,
            WallVerdict::Reachable,
            WallVerdict::SharedAccount,
        ] {
            assert_eq!(written(&verdict), verdict.name());
        }
        for change in [
            PathChange::Added,
            PathChange::Removed,
            PathChange::Widened,
            PathChange::Narrowed,
            PathChange::Standing,
        ] {
            assert_eq!(written(&change), change.name());
        }
        for severity in [RuleSeverity::Info, RuleSeverity::Warning, RuleSeverity::Error] {
            assert_eq!(written(&severity), severity.name());
        }
        for ruling in [Ruling::Permitted, Ruling::Forbidden] {
            assert_eq!(written(&ruling), ruling.name());
        }
        for grade in Grade::ALL {
            assert_eq!(written(&grade), grade.letter());
        }
    }
}
