//! A path across a wall: its steps, the request that shows it, and what the judge says of it on both sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::iam;
use crate::ids::Handle;

use super::rule::RuleSeverity;
use super::wall::{Grade, WallVerdict};

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
    /// What the context must bring along, a sentence each; empty for a path that is
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

    /// Whether it breaks a rule that only warns: no apply stops at it.
    #[must_use]
    pub fn only_warns(&self) -> bool {
        self.breaks_rule() && self.severity == RuleSeverity::Warning
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The action, or one of [`Hop::BECOMES`], [`Hop::PERMITS`], [`Hop::MAKES`] and [`Hop::ADMITS`].
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
        self.via.iter_mut().for_each(|hop| hop.resource = hide(&hop.resource));
        if let Some(witness) = &mut self.witness {
            witness.redact(hide);
        }
    }
}

impl Witness {
    /// Replaces what `hide` finds in what the caller and its context bring along.
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
    /// The same where a principal brings an account into the organization.
    pub const ADMITS: &'static str = "(brings an account into)";
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
    /// What the caller and its context bring along.
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
