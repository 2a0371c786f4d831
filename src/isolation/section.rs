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

use crate::iam;
use crate::ids::Handle;

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

/// What a wall between an origin and an environment is. The order is by openness: the verdict on a wall is
/// the greatest among those on its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WallVerdict {
    /// AWS has closed every account of one side: nobody can act there now, though somebody may reopen one. It
    /// breaks no rule and proves nothing.
    Closed,
    /// Proved closed.
    Isolated,
    /// Not decided; never counts as isolated.
    Undetermined,
    /// Open under conditions that neither side chooses.
    Conditional,
    /// Open.
    Reachable,
    /// Both live in one account: there is no wall.
    SharedAccount,
}

impl WallVerdict {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Isolated => "isolated",
            Self::Undetermined => "undetermined",
            Self::Conditional => "conditional",
            Self::Reachable => "reachable",
            Self::SharedAccount => "shared_account",
        }
    }

    /// Whether no way across is known: nobody can act on one side, proved closed, or not decided.
    #[must_use]
    pub fn is_shut(self) -> bool {
        matches!(self, Self::Closed | Self::Isolated | Self::Undetermined)
    }
}

/// How a path crosses a wall. Configuration and output name grades by their letters, `A` to `D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// `A`: a request crosses; a role is assumed, a bucket read or written.
    #[serde(rename = "A")]
    Request,
    /// `B`: a principal holds power over the wall itself and can open it (privilege escalation).
    #[serde(rename = "B")]
    Power,
    /// `C`: data crosses by way of a service, or of something that both sides use.
    #[serde(rename = "C")]
    DataPath,
    /// `D`: a service or a third party can be talked into crossing (the confused deputy).
    #[serde(rename = "D")]
    ConfusedDeputy,
}

impl Grade {
    /// All grades, in order.
    pub const ALL: [Self; 4] = [Self::Request, Self::Power, Self::DataPath, Self::ConfusedDeputy];

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Request => "A",
            Self::Power => "B",
            Self::DataPath => "C",
            Self::ConfusedDeputy => "D",
        }
    }
}

/// What a plan does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathChange {
    /// It becomes possible.
    Added,
    /// It stops being possible.
    Removed,
    /// It permits more, or under fewer conditions.
    Widened,
    /// It permits less, or under more conditions.
    Narrowed,
    /// It stays as it is.
    Standing,
}

impl PathChange {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Standing => "standing",
        }
    }

    /// Whether the plan allows more requests than are allowed now.
    #[must_use]
    pub fn widens(self) -> bool {
        matches!(self, Self::Added | Self::Widened)
    }

    /// Whether the plan allows fewer requests than are allowed now.
    #[must_use]
    pub fn narrows(self) -> bool {
        matches!(self, Self::Removed | Self::Narrowed)
    }
}

/// How grave an entry of the section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSeverity {
    /// No rule forbids it, or an exception permits it.
    Info,
    /// Worth a look: a finding, or a violation of a rule with `on_violation = "warn"`.
    Warning,
    /// A violation that stops an apply.
    Error,
}

impl RuleSeverity {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The verdict on one wall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// After the plan.
    pub after: WallVerdict,
    /// What the proof of an isolated wall rests on that exists there and was not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// What of it the proof before the plan did not rest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions_added: Vec<Assumption>,
    /// Before the plan.
    pub before: WallVerdict,
    /// The origin: an environment, `$management`, `$unassigned`, `$external` or `$anonymous`.
    pub from: String,
    /// [`Grade::Power`] where no request crosses after the plan, but a principal of `from`
    /// holds power over the wall; otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The verdict on the managed objects alone, where an account of either side was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_only: Option<WallVerdict>,
    /// What the rules say of a wall that is open after the plan; absent where it is not, and where no rule speaks
    /// of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    /// The environment that the wall protects.
    pub to: String,
}

impl MatrixRow {
    /// Whether the wall is closed by a proof that rests on nothing but what every proof trusts.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.after == WallVerdict::Isolated && self.assumptions.is_empty()
    }
}

/// Something that exists in an account, was not looked at, and would open a wall if it were not as the proof
/// takes it to be. What was not listed counts as existing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assumption {
    /// Where it is.
    pub account: Handle,
    /// What it is.
    pub kind: AssumptionKind,
    /// Which: types of resources, or addresses of roles.
    pub objects: Vec<String>,
}

/// What an assumption is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumptionKind {
    /// Policies of resources of these types let nobody across.
    ResourcePolicies,
    /// Code that runs under these roles does nothing for those who get into their account.
    RunningCode,
}

/// What the rules say of an open wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// An exception in force permits each way across.
    Permitted,
    /// Some way across breaks a rule.
    Forbidden,
}

impl Ruling {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Forbidden => "forbidden",
        }
    }
}

/// One end of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEnd {
    /// The account; `None` outside the estate, and for walls as a whole.
    #[serde(default)]
    pub account: Option<Handle>,
    /// The environment, or an origin that is none ([`MatrixRow::from`]).
    pub environment: String,
}

/// A way across a wall, or a wall that does not hold as a whole.
///
/// Which optional parts it has depends on its grade: a request has `also_needs`, power over a wall and
/// indirect paths have `power`; the first two have `replay`, `limits` and `locations`; a wall as a whole has only
/// its `reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPath {
    /// Patterns of the actions that the granting statements permit.
    pub actions: Vec<String>,
    /// Authorizations beside the last step's own that are not looked at, such as of a bucket's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also_needs: Option<Vec<String>>,
    /// Addresses of the objects that the change comes from: a smallest set that, put back, closes a path that is
    /// added or widened, and opens one that is removed or narrowed. Empty for a standing path.
    #[serde(default)]
    pub caused_by: Vec<String>,
    /// What the plan does to it.
    pub change: PathChange,
    /// What the surroundings must bring along, a sentence each; empty for a path that is
    /// [`WallVerdict::Reachable`].
    #[serde(default)]
    pub conditions: Vec<String>,
    /// The exception of the rule that permits it.
    #[serde(default)]
    pub exception: Option<String>,
    /// The exception that permitted it until it ended. Such a path blocks an apply even where it stands.
    #[serde(default)]
    pub expired_exception: Option<String>,
    /// Where it starts.
    pub from: PathEnd,
    /// How it crosses.
    pub grade: Grade,
    /// `P-` and eight hexadecimal digits of a hash of what makes the path this path: equal in two plans
    /// for the same way.
    pub id: String,
    /// What could hold the last step and does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<StepLimits>,
    /// Where the objects of `caused_by` are declared, `file:line` by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<BTreeMap<String, String>>,
    /// What the power is over, or what is used on the way, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<String>,
    /// Who starts it: an ARN, a service, the ARN of an identity provider, or `*`.
    pub principal: Option<String>,
    /// Why a wall as a whole is none, or is not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the judge says of the witness on either side of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// Patterns of the resources that the granting statements permit.
    pub resources: Vec<String>,
    /// Address of the rule that it falls under, `isolation.NAME`.
    #[serde(default)]
    pub rule: Option<String>,
    /// How grave it is.
    pub severity: RuleSeverity,
    /// The environment that it enters.
    pub to: PathEnd,
    /// How open it is.
    pub verdict: WallVerdict,
    /// The steps, in order; the last one crosses the wall or exercises the power.
    #[serde(default)]
    pub via: Vec<Hop>,
    /// A request of the last step that the judge allows.
    #[serde(default)]
    pub witness: Option<Witness>,
}

impl AccessPath {
    /// Whether it falls under a rule and no exception permits it.
    #[must_use]
    pub fn breaks_rule(&self) -> bool {
        self.rule.is_some() && self.exception.is_none()
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The action, or one of [`Hop::BECOMES`], [`Hop::PERMITS`] and [`Hop::MAKES`].
    pub action: String,
    /// The statements that grant it; guardrails grant nothing and are not among them.
    #[serde(default)]
    pub granted_by: Vec<Grant>,
    /// Who takes it.
    pub principal: String,
    /// On what.
    pub resource: String,
}

impl AccessPath {
    /// Replaces what `hide` finds in its witness and in the sentences about it.
    pub fn redact(&mut self, hide: &dyn Fn(&str) -> String) {
        let sentences = self.conditions.iter_mut().chain(&mut self.power).chain(&mut self.reason);
        sentences.for_each(|sentence| *sentence = hide(sentence));
        if let Some(witness) = &mut self.witness {
            witness.redact(hide);
        }
    }
}

impl Witness {
    /// Replaces what `hide` finds in what the caller and its surroundings bring along.
    pub fn redact(&mut self, hide: &dyn Fn(&str) -> String) {
        let hidden = self.context.iter().map(|(key, value)| {
            let value = match value {
                iam::ContextValue::One(value) => iam::ContextValue::One(hide(value)),
                iam::ContextValue::Many(values) => {
                    iam::ContextValue::Many(values.iter().map(|value| hide(value)).collect())
                }
            };
            (key.to_owned(), value)
        });
        let hidden: Vec<_> = hidden.collect();
        hidden.into_iter().for_each(|(key, value)| self.context.set(&key, value));
    }
}

impl Hop {
    /// Stands for an action where a principal makes itself another one by the power that it holds, in no
    /// single request.
    pub const BECOMES: &'static str = "(becomes)";
    /// The same where a principal changes what another one of its account may do.
    pub const PERMITS: &'static str = "(permits)";
    /// The same where a principal makes another one in the account that the hop names.
    pub const MAKES: &'static str = "(makes one in)";
}

/// A statement that grants a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// Address of the object whose policy it stands in; kind and name where it is not managed.
    pub address: String,
    /// Where that object is declared, `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The policy's part and the statement in brackets: `trust[0]`, `inline.main[ReadAll]`.
    pub statement: String,
}

/// A request that the judge allows: the evidence of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The action.
    pub action: String,
    /// What the caller and its surroundings bring along.
    #[serde(default)]
    pub context: iam::RequestContext,
    /// Who asks.
    pub principal: iam::Principal,
    /// The resource's ARN.
    pub resource: String,
}

/// What the judge says of a path's steps on both sides of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// After the plan; `None` for a path without a step.
    pub after: Option<Replayed>,
    /// Before the plan.
    pub before: Option<Replayed>,
}

/// What the judge says of a path's steps on one side: of the first that is not allowed, otherwise of the
/// last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Replayed {
    /// The step can be asked about.
    Judged {
        /// The layer of policies that decided.
        decided_by: iam::DecidedBy,
        /// The decision.
        decision: iam::PolicyDecision,
        /// Statements that deny it.
        #[serde(default)]
        denied_by: Vec<String>,
        /// The ARN of what the step is on.
        step: String,
    },
    /// A part of the step does not exist on that side.
    Absent {
        /// Always [`Absent::Absent`].
        decision: Absent,
        /// What does not exist.
        missing: String,
        /// The ARN of what the step is on.
        step: String,
    },
}

impl Replayed {
    /// That `missing` does not exist on this side, and so `step` cannot be asked about.
    #[must_use]
    pub fn absent(step: impl Into<String>, missing: impl Into<String>) -> Self {
        Self::Absent { decision: Absent::Absent, missing: missing.into(), step: step.into() }
    }

    /// Whether the judge allows the step.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Judged { decision: iam::PolicyDecision::Allow, .. })
    }
}

/// The word that stands in place of a decision where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// A part of the step does not exist.
    Absent,
}

/// What could hold a step: the boundary of the principal that takes it, and the levels of the
/// organization whose guardrails bear on it, root first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLimits {
    /// The address of its permissions boundary.
    pub boundary: Option<String>,
    /// Levels whose resource control policies bear on the step.
    pub resource_control_policies: Vec<String>,
    /// Levels whose service control policies bear on the step.
    pub service_control_policies: Vec<String>,
}

/// What an auditor should know beside the paths. Findings of one kind about one wall stand as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The objects in question.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Further findings of the same kind about the same wall, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The origin, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is about.
    pub kind: FindingKind,
    /// How grave it is.
    pub severity: RuleSeverity,
    /// One sentence.
    pub text: String,
    /// The environment, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Finding {
    /// Its one line for people: the first sentence, and how many more there are of the kind about the same wall.
    #[must_use]
    pub fn line(&self) -> std::borrow::Cow<'_, str> {
        match self.also.len() {
            0 => self.text.as_str().into(),
            more => format!("{} (and {more} more of this kind)", self.text).into(),
        }
    }

    /// Makes one of those that are of one kind about one wall; the order of the first ones is kept.
    #[must_use]
    pub fn folded(all: Vec<Self>) -> Vec<Self> {
        let mut folded: Vec<Self> = Vec::new();
        let mut seen: BTreeMap<(Option<String>, Option<String>, FindingKind, RuleSeverity), usize> =
            BTreeMap::new();
        for finding in all {
            let about_a_wall = finding.from.is_some() || finding.to.is_some();
            let key = (finding.from.clone(), finding.to.clone(), finding.kind, finding.severity);
            let first = seen.get(&key).and_then(|at| folded.get_mut(*at));
            match first.filter(|_| about_a_wall) {
                Some(first) => {
                    if first.text != finding.text && !first.also.contains(&finding.text) {
                        first.also.push(finding.text);
                    }
                    for address in finding.addresses {
                        if !first.addresses.contains(&address) {
                            first.addresses.push(address);
                        }
                    }
                }
                None => {
                    seen.insert(key, folded.len());
                    folded.push(finding);
                }
            }
        }
        folded
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A grant that a service or a third party can be talked into using.
    ConfusedDeputy,
    /// An exception has ended.
    ExceptionExpired,
    /// An exception ends soon.
    ExceptionExpiring,
    /// An exception permits no path.
    ExceptionUnused,
    /// The source side alone holds a wall shut.
    HeldBySourceSide,
    /// A principal that an origin reaches can detach the organization's guardrails.
    OrganizationPower,
    /// What an origin may change about the walls is undecided.
    PowerUndetermined,
    /// An opening did not come out the same when it was replayed: a fault of the analysis.
    ReplayFailed,
    /// Two environments live in one account.
    SharedAccount,
    /// One environment writes a bucket that another one reads.
    SharedBucket,
    /// A policy lets in an account that AWS has closed.
    NamesClosedAccount,
    /// A wall is undetermined, and its rule lets that pass.
    Undetermined,
}

/// An exception of a rule, and what it permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionUse {
    /// Who has approved it, as its block says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Ids of the paths that it covers.
    pub covers: Vec<String>,
    /// Days from the day of the analysis to its last day; negative once that has passed.
    pub days_left: i32,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub expires: String,
    /// Where it is declared, `file:line`.
    pub location: String,
    /// Its label.
    pub name: String,
    /// Who answers for it, as its block says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why it exists.
    pub reason: String,
    /// The rule's address.
    pub rule: String,
    /// How it stands.
    pub status: ExceptionStatus,
}

impl ExceptionUse {
    /// How many days before its end an exception is warned about.
    pub const NOTICE_DAYS: i32 = 30;

    /// Whether it counts, and its last day is near.
    #[must_use]
    pub fn ends_soon(&self) -> bool {
        (0..=Self::NOTICE_DAYS).contains(&self.days_left)
    }
}

/// How an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionStatus {
    /// It covers a path and counts.
    InForce,
    /// It counts and covers nothing.
    Unused,
    /// Its last day has passed.
    Expired,
}

/// Why a wall is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The origin.
    pub from: String,
    /// Grants that could let `from` in and why each does not; the first ones where there are many.
    #[serde(default)]
    pub grants: Vec<ConsideredGrant>,
    /// How many grants of `to` to principals outside their own account were considered.
    #[serde(default)]
    pub grants_considered: usize,
    /// The claim, as a sentence.
    pub statement: String,
    /// The environment.
    pub to: String,
    /// Whom the proof relies on, a noun phrase each.
    #[serde(default)]
    pub trusted: Vec<String>,
    /// Whether the separate checker has confirmed every grant, those left out of `grants` included.
    /// `None` where no checker has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A grant that a proof has considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsideredGrant {
    /// What kills it, a line a statement; `None` where only the search says that it is closed.
    #[serde(rename = "killed_by")]
    pub denied_by: Option<Vec<String>>,
    /// The principal that it names.
    pub principal: String,
    /// What it is on.
    pub resource: String,
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
            r#"{"addresses":[],"also":["another"],"from":"dev","kind":"shared_bucket","severity":"warning","text":"a sentence","to":"prod"}],"#,
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

    #[test]
    fn findings_of_one_kind_about_one_wall_are_one_line() {
        let finding = |from: Option<&str>, text: &str, address: &str| Finding {
            addresses: vec![address.to_owned()],
            also: Vec::new(),
            from: from.map(str::to_owned),
            kind: FindingKind::SharedBucket,
            severity: RuleSeverity::Warning,
            text: text.to_owned(),
            to: from.map(|_| "prod".to_owned()),
        };
        let folded = Finding::folded(vec![
            finding(Some("dev"), "one", "a"),
            finding(None, "apart", "c"),
            finding(Some("dev"), "two", "b"),
            finding(Some("staging"), "three", "a"),
            finding(None, "alone", "c"),
            finding(Some("dev"), "one", "a"),
        ]);
        let lines: Vec<String> = folded.iter().map(|f| f.line().into_owned()).collect();
        assert_eq!(lines, ["one (and 1 more of this kind)", "apart", "three", "alone"]);
        assert_eq!(folded[0].addresses, ["a", "b"]);
    }
}
