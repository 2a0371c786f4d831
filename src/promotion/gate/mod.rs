//! Gates: what must hold for a release to move along an edge, or to count as verified.
//!
//! One file per type of gate, and one line in [`TYPES`]; what its block holds stands in `schema/gates.rs`. Each reads its block once
//! ([`GateSpec::read`]), looks at the world through [`GateContext`], and answers with [`Evidence`],
//! which is kept with the promotion.
//!
//! Architecture invariant: a gate never passes because something could not be seen. What is
//! unknown keeps it closed, and the evidence says what was unknown.

mod alarm;
pub mod approval;
mod block;
mod command;
mod context;
mod contract;
mod evidence;
mod freeze;
mod http;
mod isolation_unchanged;
mod metric;
mod no_drift;
mod parity;
mod soak;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::provider::Caller;
use crate::redact::Audience;
use crate::schema::Body;

use contract::{Gate, GateType};
use evidence::GateFinding;

pub use crate::redact::Redactions;
pub use approval::Approval;
pub use context::{GateContext, GateSubject, Purpose};
pub use evidence::{Evidence, GateOutcome, closed};

/// A gate as its block declares it.
#[derive(Clone, Debug)]
pub struct GateSpec {
    ty: &'static GateType,
    /// Its name: `one_day`.
    pub name: String,
    /// Where it is declared.
    pub loc: Loc,
    gate: Arc<dyn Gate>,
}

/// Every type of gate.
static TYPES: &[&GateType] = &[
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

impl GateSpec {
    /// The gates of a `promotion` block, or of a `verify` block, in the order of the source.
    ///
    /// # Errors
    /// Values that are not known before apply, or make no sense together.
    pub fn read(body: &Body) -> Result<Vec<Self>, Diagnostics> {
        let mut gates = Vec::new();
        let mut diagnostics = Diagnostics::new();
        for nested in body.nested("gate") {
            let label = |at: usize| nested.labels.get(at).map(|l| l.value.clone());
            let (Some(ty), Some(name)) = (label(0), label(1)) else { continue };
            let Some(row) = TYPES.iter().find(|row| row.schema.ty == ty) else {
                diagnostics.push(
                    Diagnostic::error(format!("there is no gate `{ty}`"))
                        .at(nested.body.loc.clone()),
                );
                continue;
            };
            let label = format!("{ty}.{name}");
            let mut block = block::GateBlock::new(&label, &nested.body);
            let gate = (row.read)(&mut block);
            let wrong = block.diagnostics.has_errors();
            diagnostics.extend(block.diagnostics);
            if !wrong {
                gates.push(Self { ty: row, name, loc: nested.body.loc.clone(), gate: gate.into() });
            }
        }
        diagnostics.into_result(gates)
    }

    /// Whether it can be judged before the plan of the move is made, and without starting a program
    /// or asking a URL.
    #[must_use]
    pub fn is_judged_early(&self) -> bool {
        self.ty.judged_early
    }

    /// Whether what it finds holds what a program printed or a server answered.
    #[must_use]
    pub fn quotes_others(&self) -> bool {
        self.ty.quotes_others
    }

    /// The longest that it may take, where it says so: requests to AWS have their own bound.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.gate.limit()
    }

    /// Whether it waits for people's approvals.
    #[must_use]
    pub fn takes_approvals(&self) -> bool {
        self.ty.takes_approvals
    }

    /// Why an approval of this caller would not count for it, whoever promotes.
    pub async fn refuses_approval(
        &self,
        by: &Caller,
        roles: approval::RoleSource<'_>,
    ) -> Option<approval::NotCounted> {
        self.gate.refuses_approval(by, roles).await
    }

    /// Whether rollbacks pass it as well as promotions.
    #[must_use]
    pub fn binds_rollbacks(&self) -> bool {
        self.ty.binds_rollbacks
    }

    /// Whether it is judged once more right before the move.
    #[must_use]
    pub fn is_judged_again(&self) -> bool {
        self.ty.judged_again
    }

    /// `TYPE.NAME`, as evidence names it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}.{}", self.ty.schema.ty, self.name)
    }
}

/// Judges one gate. Waits for programs, servers and AWS where the gate asks them, never longer
/// than the gate's `timeout`.
pub async fn evaluate(spec: &GateSpec, context: &GateContext<'_>) -> Evidence {
    let GateFinding { outcome, summary, mut detail } = spec.gate.judge(context).await;
    let summary = context.redactions.text(&summary, Audience::GateOutput).into_owned();
    context.redactions.json(&mut detail, Audience::GateOutput);
    Evidence { gate: spec.label(), outcome, summary, detail, at: context.now }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TYPES;

    #[test]
    fn every_gate_of_the_schema_can_be_judged() {
        let judged: BTreeSet<&str> = TYPES.iter().map(|row| row.schema.ty).collect();
        let declared: BTreeSet<&str> = crate::schema::gates::gates().iter().map(|g| g.ty).collect();
        assert_eq!(judged, declared);
    }
}
