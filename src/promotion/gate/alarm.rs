//! `alarm`: CloudWatch alarms are in state OK.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::json;

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use super::watched::{Watched, outcome, unknown};
use crate::provider::Alarm;
use crate::schema::gates;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::ALARM,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Alarms::read(block)),
};

/// The alarms that are looked at.
#[derive(Clone, Debug)]
struct Alarms {
    names: BTreeSet<String>,
    /// Whether an alarm without enough data passes.
    insufficient_passes: bool,
    watched: Watched,
}

impl Alarms {
    fn read(block: &mut GateBlock<'_>) -> Self {
        Self {
            names: block.texts("alarms").unwrap_or_default().into_iter().collect(),
            insufficient_passes: block.text("insufficient_data").as_deref() == Some("pass"),
            watched: Watched::read(block),
        }
    }
}

#[async_trait]
impl Gate for Alarms {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let target = match self.watched.target(context) {
            Ok(target) => target,
            Err(why) => {
                return GateFinding::new(GateOutcome::Failed, why, json!({"alarms": self.names}));
            }
        };
        let place = format!("`{}` ({})", target.handle, target.region);
        let found: BTreeMap<String, Alarm> =
            match context.provider.alarms(&target, &self.names).await {
                Ok(found) => found.into_iter().map(|a| (a.name.clone(), a)).collect(),
                Err(error) => {
                    return GateFinding::new(
                        outcome(&error),
                        unknown(&error),
                        json!({"alarms": self.names}),
                    );
                }
            };
        let mut wrong = Vec::new();
        for name in &self.names {
            match found.get(name) {
                None => wrong.push(format!(
                    "there is no alarm `{name}` in {place}: create it, or correct its name"
                )),
                Some(alarm) => match alarm.state.as_str() {
                    "OK" => {}
                    "INSUFFICIENT_DATA" if self.insufficient_passes => {}
                    state => wrong.push(format!("`{name}` is in state {state}: {}", alarm.reason)),
                },
            }
        }
        let detail = json!({
            "account": target.handle,
            "region": target.region,
            "alarms": self.names.iter().map(|name| {
                let alarm = found.get(name);
                (name.clone(), json!({
                    "state": alarm.map(|a| a.state.as_str()),
                    "reason": alarm.map(|a| a.reason.as_str()),
                    "since": alarm.and_then(|a| a.since),
                }))
            }).collect::<BTreeMap<_, _>>(),
        });
        if wrong.is_empty() {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let verb = if names.len() == 1 { "is" } else { "are" };
            return GateFinding::new(
                GateOutcome::Passed,
                format!("{} {verb} OK", names.join(", ")),
                detail,
            );
        }
        GateFinding::new(GateOutcome::Failed, wrong.join("; "), detail)
    }
}
