//! Gates: what must hold for a release to move along an edge, or to count as verified.
//!
//! One file per type of gate, and one line in [`TYPES`]. Each reads its block once
//! ([`GateSpec::read`]), looks at the world through [`GateContext`], and answers with [`Evidence`],
//! which is kept with the promotion.
//!
//! Architecture invariant: a gate never passes because something could not be seen. What is
//! unknown keeps it closed, and the evidence says what was unknown.

mod alarm;
pub mod approval;
mod block;
mod command;
mod freeze;
mod http;
mod isolation_unchanged;
mod metric;
mod no_drift;
mod parity;
mod soak;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::estate::Estate;
use crate::plan::Live;
use crate::plan::model::Plan;
use crate::plan::refresh::Targets;
use crate::provider::{Caller, Provider};
use crate::schema::Body;
use crate::state::Clock;

pub use approval::Approval;

/// A gate as its block declares it.
#[derive(Clone, Debug)]
pub struct GateSpec {
    /// Its type: `soak`.
    pub ty: String,
    /// Its name: `one_day`.
    pub name: String,
    /// Where it is declared.
    pub loc: Loc,
    judged_early: bool,
    gate: Arc<dyn Gate>,
}

/// Judges one gate, as its block declares it.
#[async_trait]
trait Gate: fmt::Debug + Send + Sync {
    /// Waits for programs, servers and AWS where the gate asks them, never longer than the gate's
    /// `timeout`.
    async fn judge(&self, cx: &GateContext<'_>) -> Finding;
}

/// A type of gate: the one row by which this module knows it.
struct GateType {
    /// The first label of its block. Its schema in `schema/gates.rs` has the same name.
    name: &'static str,
    /// Whether it can be judged before the plan of the move is made, and without starting a
    /// program or asking a URL.
    judged_early: bool,
    /// Reads its block; what is wrong with it goes into the block's diagnostics.
    read: fn(&mut block::Block<'_>) -> Box<dyn Gate>,
}

/// Every type of gate.
static TYPES: [&GateType; 10] = [
    &alarm::TYPE,
    &approval::TYPE,
    &command::TYPE,
    &freeze::TYPE,
    &http::TYPE,
    &isolation_unchanged::TYPE,
    &metric::TYPE,
    &no_drift::TYPE,
    &parity::TYPE,
    &soak::TYPE,
];

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is open.
    Passed,
    /// It is closed, and time or people will open it: a soak, an approval, a freeze.
    Waiting,
    /// It is closed.
    Failed,
}

/// What a gate saw, and what it made of it. Kept with the promotion's record; holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `TYPE.NAME`: `soak.one_day`.
    pub gate: String,
    /// How it stands.
    pub outcome: Outcome,
    /// One line for people.
    pub summary: String,
    /// What was seen, by the gate's type.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub detail: Json,
    /// When it was judged.
    pub at: Timestamp,
}

/// Why gates are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A release is to move forward along an edge.
    Promote,
    /// An environment goes back to an earlier release.
    Rollback,
    /// A release that has arrived is verified.
    Verify,
}

/// What moves, and where.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// Name of the edge, or of the environment whose `verify` block is judged.
    pub edge: &'a str,
    /// Where the release comes from; absent when it is verified.
    pub from: Option<&'a str>,
    /// Where it goes, or where it is verified.
    pub to: &'a str,
    /// The release's name.
    pub release: &'a str,
    /// The release's digest.
    pub digest: &'a str,
    /// Its values.
    pub values: &'a BTreeMap<String, String>,
    /// Digest of the release that is current in `to` before the move.
    pub replaces: Option<&'a str>,
}

/// What gates look at.
#[derive(Clone, Copy)]
pub struct GateContext<'a> {
    /// Now: the moment that every gate of one evaluation is judged at.
    pub now: Timestamp,
    /// For pauses between repeated looks.
    pub clock: &'a dyn Clock,
    /// Why they are asked.
    pub purpose: Purpose,
    /// What moves.
    pub passage: Passage<'a>,
    /// The configuration, evaluated.
    pub estate: &'a Estate,
    /// What AWS held when the plan was made.
    pub live: &'a Live,
    /// The plan that the move would carry out in `to`, or a fresh one when verifying.
    pub plan: &'a Plan,
    /// Since when the release has been current and verified in `from` without a break; absent
    /// when it is not.
    pub stands_since: Option<Timestamp>,
    /// Who promotes.
    pub author: &'a Caller,
    /// The last word of everybody who approved or revoked on this edge for this release.
    pub approvals: &'a [Approval],
    /// Evidence of the last successful move into `to`: baselines of metrics.
    pub previous: &'a [Evidence],
    /// What reads CloudWatch.
    pub provider: &'a dyn Provider,
    /// How accounts are reached.
    pub targets: &'a Targets,
    /// The configuration's directory.
    pub dir: &'a Path,
    /// Environment variables of the process.
    pub vars: &'a BTreeMap<String, String>,
}

/// What a gate found, before it is stamped.
struct Finding {
    outcome: Outcome,
    summary: String,
    detail: Json,
}

impl Finding {
    fn new(outcome: Outcome, summary: impl Into<String>, detail: Json) -> Self {
        Self { outcome, summary: summary.into(), detail }
    }
}

impl GateSpec {
    /// The gates of a `promotion` block, or of a `verify` block, in the order of the source.
    ///
    /// # Errors
    /// Values that are not known before apply, or make no sense together.
    pub fn read(body: &Body) -> Result<Vec<Self>, Diagnostics> {
        let mut gates = Vec::new();
        let mut found = Diagnostics::new();
        for nested in body.nested("gate") {
            let label = |at: usize| nested.labels.get(at).map(|l| l.value.clone());
            let (Some(ty), Some(name)) = (label(0), label(1)) else { continue };
            let Some(row) = TYPES.iter().find(|t| t.name == ty) else {
                found.push(
                    Diagnostic::error(format!("there is no gate `{ty}`"))
                        .at(nested.body.loc.clone()),
                );
                continue;
            };
            let label = format!("{ty}.{name}");
            let mut block = block::Block::new(&label, &nested.body);
            let gate = (row.read)(&mut block);
            let wrong = block.found.has_errors();
            found.extend(block.found);
            if !wrong {
                gates.push(Self {
                    ty,
                    name,
                    loc: nested.body.loc.clone(),
                    judged_early: row.judged_early,
                    gate: gate.into(),
                });
            }
        }
        found.into_result(gates)
    }

    /// Whether it can be judged before the plan of the move is made, and without starting a program
    /// or asking a URL.
    #[must_use]
    pub fn is_judged_early(&self) -> bool {
        self.judged_early
    }

    /// `TYPE.NAME`, as evidence names it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}.{}", self.ty, self.name)
    }
}

/// Judges one gate. Waits for programs, servers and AWS where the gate asks them, never longer
/// than the gate's `timeout`.
pub async fn evaluate(spec: &GateSpec, cx: &GateContext<'_>) -> Evidence {
    let Finding { outcome, summary, detail } = spec.gate.judge(cx).await;
    Evidence { gate: spec.label(), outcome, summary, detail, at: cx.now }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TYPES;

    #[test]
    fn every_gate_of_the_schema_can_be_judged() {
        let judged: BTreeSet<&str> = TYPES.iter().map(|t| t.name).collect();
        let declared: BTreeSet<&str> = crate::schema::gates::gates().iter().map(|g| g.ty).collect();
        assert_eq!(judged, declared);
    }
}
