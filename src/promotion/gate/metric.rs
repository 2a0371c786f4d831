//! `metric`: a CloudWatch metric stays within limits, and within a distance of its baseline: the
//! value that the same gate saw at the last move into the environment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{Evidence, GateFinding, GateOutcome};
use super::watched::{Watched, outcome, unknown};
use crate::diag::Diagnostic;
use crate::provider::MetricQuery;
use crate::schema::gates;

/// Over how long the metric is taken when the gate says nothing, in seconds.
const PERIOD: i64 = 300;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::METRIC,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Metric::read(block)),
};

/// A metric and its limits.
#[derive(Clone, Debug)]
struct Metric {
    /// The gate itself in the evidence of earlier moves.
    label: String,
    namespace: String,
    name: String,
    dimensions: BTreeMap<String, String>,
    statistic: String,
    period: i64,
    max: Option<f64>,
    min: Option<f64>,
    max_increase_percent: Option<f64>,
    watched: Watched,
}

impl Metric {
    fn read(block: &mut GateBlock<'_>) -> Self {
        let period = block.seconds("period").unwrap_or(PERIOD);
        // <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>
        if !(matches!(period, 1 | 5 | 10 | 20 | 30) || period % 60 == 0) {
            block.diagnostics.push(
                Diagnostic::error("CloudWatch knows no such period")
                    .at(block.body.loc_of("period").clone())
                    .help("write 1, 5, 10, 20 or 30 seconds, or whole minutes"),
            );
        }
        Self {
            label: block.label.to_owned(),
            namespace: block.text("namespace").unwrap_or_default(),
            name: block.text("metric").unwrap_or_default(),
            dimensions: block.map("dimensions"),
            statistic: block.text("statistic").unwrap_or_default(),
            period,
            max: block.number("max"),
            min: block.number("min"),
            max_increase_percent: block.number("max_increase_percent"),
            watched: Watched::read(block),
        }
    }

    /// The limits that a value breaks.
    fn broken(&self, value: f64, baseline: Option<f64>) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(max) = self.max.filter(|max| value > *max) {
            wrong.push(format!("above {max}"));
        }
        if let Some(min) = self.min.filter(|min| value < *min) {
            wrong.push(format!("below {min}"));
        }
        if let (Some(percent), Some(baseline)) = (self.max_increase_percent, baseline)
            && value > baseline + baseline.abs() * percent / 100.0
        {
            wrong.push(format!("more than {percent}% above its baseline {baseline}"));
        }
        wrong
    }
}

#[async_trait]
impl Gate for Metric {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let baseline = baseline(context.previous, &self.label);
        let mut detail = json!({
            "namespace": self.namespace, "metric": self.name, "dimensions": self.dimensions,
            "statistic": self.statistic, "baseline": baseline,
        });
        let target = match self.watched.target(context) {
            Ok(target) => target,
            Err(why) => return GateFinding::new(GateOutcome::Failed, why, detail),
        };
        let Some((from, to)) = last_period(context.now, self.period) else {
            return GateFinding::new(
                GateOutcome::Failed,
                "the period lies before all time",
                detail,
            );
        };
        let query = MetricQuery {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            dimensions: self.dimensions.clone(),
            statistic: self.statistic.clone(),
            period: self.period,
            from,
            to,
        };
        let mut add = |name: &str, value: Json| {
            if let Some(detail) = detail.as_object_mut() {
                detail.insert(name.to_owned(), value);
            }
        };
        add("from", json!(from));
        add("to", json!(to));
        let what = format!("{} {} of {}", self.statistic, self.name, self.namespace);
        let value = match context.provider.metric(&target, &query).await {
            Ok(value) => value,
            Err(error) => return GateFinding::new(outcome(&error), unknown(&error), detail),
        };
        let Some(value) = value else {
            let place = format!("`{}` ({})", target.handle, target.region);
            return GateFinding::new(
                GateOutcome::Failed,
                format!(
                    "{what} has no data in {place} from {from} to {to}: check namespace, name and dimensions"
                ),
                detail,
            );
        };
        add("value", json!(value));
        let wrong = self.broken(value, baseline);
        if wrong.is_empty() {
            let first = match (self.max_increase_percent, baseline) {
                (Some(_), None) => "; it is the first, and the baseline from now on",
                _ => "",
            };
            return GateFinding::new(
                GateOutcome::Passed,
                format!("{what} is {value}{first}"),
                detail,
            );
        }
        GateFinding::new(
            GateOutcome::Failed,
            format!("{what} is {value}, {}", wrong.join(", ")),
            detail,
        )
    }
}

/// The value that the gate saw last.
fn baseline(previous: &[Evidence], label: &str) -> Option<f64> {
    previous.iter().rev().find(|e| e.gate == label)?.detail.get("value")?.as_f64()
}

/// The last whole period before `now`, as CloudWatch cuts time.
fn last_period(now: Timestamp, period: i64) -> Option<(Timestamp, Timestamp)> {
    let end = now.as_second().checked_div(period)?.checked_mul(period)?;
    let at = |second: i64| Timestamp::from_second(second).ok();
    Some((at(end.checked_sub(period)?)?, at(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole() {
        let now: Timestamp = "2026-11-23T10:07:31Z".parse().unwrap();
        let (from, to) = last_period(now, 300).unwrap();
        assert_eq!(from.to_string(), "2026-11-23T10:00:00Z");
        assert_eq!(to.to_string(), "2026-11-23T10:05:00Z");
        assert_eq!(last_period(now, 0), None);
    }
}
