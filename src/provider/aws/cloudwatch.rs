//! CloudWatch, as gates read it: states of alarms, values of metrics.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, StateValue,
};

use super::session::Session;
use crate::provider::{Alarm, MetricQuery, ProviderError};

/// Alarms that one call takes.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const NAMES: usize = 100;

/// Alarms by name, metric and composite ones.
pub(super) async fn alarms(
    session: &Session,
    names: &BTreeSet<String>,
) -> Result<Vec<Alarm>, ProviderError> {
    let names: Vec<String> = names.iter().cloned().collect();
    let mut found = Vec::new();
    for some in names.chunks(NAMES) {
        let pages = session
            .client(super::clients::watched!(aws_sdk_cloudwatch))
            .describe_alarms()
            .set_alarm_names(Some(some.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .max_records(100)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("cloudwatch", "DescribeAlarms"))?;
        for page in &pages {
            found.extend(page.metric_alarms().iter().filter_map(|a| {
                alarm(
                    a.alarm_name(),
                    a.state_value(),
                    a.state_reason(),
                    a.state_transitioned_timestamp().or(a.state_updated_timestamp()),
                )
            }));
            found.extend(page.composite_alarms().iter().filter_map(|a| {
                alarm(
                    a.alarm_name(),
                    a.state_value(),
                    a.state_reason(),
                    a.state_transitioned_timestamp().or(a.state_updated_timestamp()),
                )
            }));
        }
    }
    Ok(found)
}

fn alarm(
    name: Option<&str>,
    state: Option<&StateValue>,
    reason: Option<&str>,
    since: Option<&DateTime>,
) -> Option<Alarm> {
    Some(Alarm {
        name: name?.to_owned(),
        state: state?.as_str().to_owned(),
        reason: reason.unwrap_or_default().to_owned(),
        since: since.map(DateTime::secs),
    })
}

/// One value of a metric.
pub(super) async fn metric(
    session: &Session,
    query: &MetricQuery,
) -> Result<Option<f64>, ProviderError> {
    let dimensions = query
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    let metric = Metric::builder()
        .namespace(&query.namespace)
        .metric_name(&query.name)
        .set_dimensions(Some(dimensions))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(i32::try_from(query.period).unwrap_or(i32::MAX))
        .stat(&query.statistic)
        .build();
    let answer = session
        .client(super::clients::watched!(aws_sdk_cloudwatch))
        .get_metric_data()
        .metric_data_queries(MetricDataQuery::builder().id("value").metric_stat(stat).build())
        .start_time(DateTime::from_secs(query.from.as_second()))
        .end_time(DateTime::from_secs(query.to.as_second()))
        .send()
        .await
        .map_err(session.error("cloudwatch", "GetMetricData"))?;
    let result = answer.metric_data_results().iter().find(|r| r.id() == Some("value"));
    Ok(result.and_then(|r| r.values().first().copied()))
}
