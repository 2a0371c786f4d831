//! `soak`: the release has been current and verified where it comes from, without a break.

use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::json;

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::schema::{duration, gates};

pub(super) static TYPE: GateType = GateType {
    schema: &gates::SOAK,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Soak::read(block)),
};

/// How long a release must have stood.
#[derive(Clone, Copy, Debug)]
struct Soak {
    seconds: i64,
}

impl Soak {
    fn read(block: &mut GateBlock<'_>) -> Self {
        Self { seconds: block.seconds("duration").unwrap_or(0) }
    }
}

#[async_trait]
impl Gate for Soak {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let place = context.subject.from.unwrap_or(context.subject.to);
        let wanted = duration::text(self.seconds);
        let Some(since) = context.stands_since else {
            return GateFinding::new(
                GateOutcome::Failed,
                format!("the release is not current and verified in {place}"),
                json!({"duration": wanted, "since": null}),
            );
        };
        let until = since.saturating_add(SignedDuration::from_secs(self.seconds));
        let stood = context.now.duration_since(since).as_secs();
        let until = until.unwrap_or(jiff::Timestamp::MAX);
        let detail = json!({
            "duration": wanted, "since": since, "until": until, "stood_seconds": stood,
        });
        if context.now < until {
            let summary = format!(
                "it has stood in {place} for {} of {wanted}; open from {until:.0}",
                duration::for_people(stood)
            );
            return GateFinding::new(GateOutcome::Waiting, summary, detail);
        }
        let summary = format!(
            "it has stood in {place} for {}, since {since:.0}",
            duration::for_people(stood)
        );
        GateFinding::new(GateOutcome::Passed, summary, detail)
    }
}
