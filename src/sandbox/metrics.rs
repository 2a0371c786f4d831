//! CloudWatch's metrics: data points as they were put, and statistics over periods.
//!
//! The embedded service keeps no time stamps and computes no statistics, so these two calls are
//! answered here. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use winterbaume_cloudwatch::wire::{
    GetMetricDataOutput, MetricDataResult, serialize_get_metric_data_response,
};

use super::cbor;
use super::clock::Instant;
use super::state::SandboxState;
use super::wire::{Call, Refusal, Reply};

/// One data point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Datum {
    namespace: String,
    name: String,
    dimensions: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    at: i64,
    value: f64,
}

/// Answers the two calls about data points; `None` for all others.
pub(crate) fn serve(
    state: &mut SandboxState,
    call: &Call,
    account: &str,
    now: Instant,
) -> Option<Result<Reply, Refusal>> {
    // The query protocol's path names no operation; no SDK of today speaks it.
    let operation = call.path.split_once("/operation/")?.1;
    let place = format!("{account}/{}/", call.region);
    match operation {
        "PutMetricData" => Some(body(call).and_then(|b| put(state, &place, &b, now))),
        "GetMetricData" => Some(body(call).and_then(|b| get(state, &place, &b))),
        _ => None,
    }
}

fn body(call: &Call) -> Result<Value, Refusal> {
    cbor::read(&call.body)
        .ok_or_else(|| Refusal::new(400, "SerializationException", "Invalid CBOR body"))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValueException", message)
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn dimensions(value: &Value) -> BTreeMap<String, String> {
    let all = value.get("Dimensions").and_then(Value::as_array);
    all.into_iter().flatten().map(|d| (text(d, "Name"), text(d, "Value"))).collect()
}

fn millis(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_f64).map(|seconds| (seconds * 1000.0) as i64)
}

fn put(
    state: &mut SandboxState,
    place: &str,
    body: &Value,
    now: Instant,
) -> Result<Reply, Refusal> {
    let namespace = text(body, "Namespace");
    if namespace.is_empty() {
        return Err(invalid("The parameter Namespace is required."));
    }
    let data = body.get("MetricData").and_then(Value::as_array);
    for one in data.into_iter().flatten() {
        let value = one.get("Value").and_then(Value::as_f64);
        let values = one.get("Values").and_then(Value::as_array);
        let values = values.into_iter().flatten().filter_map(Value::as_f64);
        for value in value.into_iter().chain(values) {
            let datum = Datum {
                namespace: namespace.clone(),
                name: text(one, "MetricName"),
                dimensions: dimensions(one),
                at: millis(one.get("Timestamp")).unwrap_or(now.0),
                value,
            };
            let number = state.next("metrics");
            state.metrics.insert(format!("{place}{number:012}"), datum);
        }
    }
    let mut reply = Reply::new(200, "application/cbor", Bytes::from_static(&[0xa0]));
    reply.headers.push(("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned()));
    Ok(reply)
}

fn get(state: &SandboxState, place: &str, body: &Value) -> Result<Reply, Refusal> {
    let (Some(from), Some(to)) = (millis(body.get("StartTime")), millis(body.get("EndTime")))
    else {
        return Err(invalid("StartTime and EndTime are required."));
    };
    if from >= to {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let mut results = Vec::new();
    let queries = body.get("MetricDataQueries").and_then(Value::as_array);
    for query in queries.into_iter().flatten() {
        let Some(stat) = query.get("MetricStat") else {
            return Err(invalid("The sandbox computes no metric math: give a MetricStat."));
        };
        let metric = stat.get("Metric").unwrap_or(&Value::Null);
        let period = stat.get("Period").and_then(Value::as_i64).filter(|p| *p > 0);
        let period = period.ok_or_else(|| invalid("Period must be positive."))?;
        let statistic = text(stat, "Stat");
        let (namespace, name) = (text(metric, "Namespace"), text(metric, "MetricName"));
        let wanted = dimensions(metric);
        let mut periods: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (_, datum) in state.metrics.scan(place) {
            let same = datum.namespace == namespace
                && datum.name == name
                && datum.dimensions == wanted
                && (from..to).contains(&datum.at);
            if same {
                let start = datum.at.div_euclid(period * 1000) * period;
                periods.entry(start).or_default().push(datum.value);
            }
        }
        let mut values = Vec::new();
        for data in periods.values() {
            let value = over(&statistic, data);
            values.push(value.ok_or_else(|| invalid("The value of Stat is not valid."))?);
        }
        // The newest first, as CloudWatch answers.
        values.reverse();
        let times = periods.keys().rev().map(|start| *start as f64).collect();
        results.push(MetricDataResult {
            id: Some(text(query, "Id")),
            label: Some(name),
            timestamps: Some(times),
            values: Some(values),
            status_code: Some("Complete".to_owned()),
            ..Default::default()
        });
    }
    let answer = serialize_get_metric_data_response(&GetMetricDataOutput {
        metric_data_results: Some(results),
        ..Default::default()
    });
    let headers = answer
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    Ok(Reply { status: answer.status, headers, body: answer.body })
}

/// A statistic over the values of one period; `None` where it is none.
fn over(statistic: &str, data: &[f64]) -> Option<f64> {
    let count = data.len() as f64;
    let sum: f64 = data.iter().sum();
    match statistic {
        "Sum" => Some(sum),
        "SampleCount" => Some(count),
        "Average" => Some(sum / count),
        "Minimum" => data.iter().copied().reduce(f64::min),
        "Maximum" => data.iter().copied().reduce(f64::max),
        percentile => {
            let share: f64 = percentile.strip_prefix('p')?.parse().ok()?;
            let mut sorted = data.to_vec();
            sorted.sort_by(f64::total_cmp);
            let rank = (share / 100.0 * count).ceil().max(1.0) as usize;
            sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::over;

    #[test]
    fn statistics() {
        let data = [4.0, 1.0, 3.0, 2.0];
        for (statistic, value) in [
            ("Sum", 10.0),
            ("SampleCount", 4.0),
            ("Average", 2.5),
            ("Minimum", 1.0),
            ("Maximum", 4.0),
            ("p50", 2.0),
            ("p99", 4.0),
        ] {
            assert_eq!(over(statistic, &data), Some(value), "{statistic}");
        }
        assert_eq!(over("Median", &data), None);
    }
}
