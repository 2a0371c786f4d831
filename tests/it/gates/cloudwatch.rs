//! `alarm` and `metric`: opened and closed by `SetAlarmState` and `PutMetricData`.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, MetricDatum, StandardUnit, StateValue, Statistic,
};
use palisade::promotion::gate::GateOutcome;
use palisade::sandbox::{Faults, Service};

use super::stage::Stage;

const GATES: &str = r#"
gate "alarm" "errors" {
  alarms = ["api-5xx"]
}
gate "alarm" "lenient" {
  alarms            = ["api-5xx"]
  insufficient_data = "pass"
}
gate "alarm" "elsewhere" {
  alarms = ["api-5xx"]
  region = "us-east-1"
}
gate "alarm" "dev" {
  alarms  = ["api-5xx"]
  account = account.dev
}
gate "metric" "latency" {
  namespace            = "Acme/Api"
  metric               = "Latency"
  dimensions           = { Stage = "live" }
  statistic            = "Average"
  max                  = 500
  max_increase_percent = 20
}
"#;

async fn make_alarm(client: &Client) {
    client
        .put_metric_alarm()
        .alarm_name("api-5xx")
        .namespace("Acme/Api")
        .metric_name("Errors")
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .send()
        .await
        .expect("an alarm");
}

async fn set(client: &Client, state: StateValue) {
    client
        .set_alarm_state()
        .alarm_name("api-5xx")
        .state_value(state)
        .state_reason("the test says so")
        .send()
        .await
        .expect("set");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_opens_and_closes_the_gate() {
    let stage = Stage::new(GATES).await;
    let missing = stage.ask("alarm.errors").await;
    assert_eq!(missing.outcome, GateOutcome::Failed);
    assert!(
        missing.summary.contains("there is no alarm `api-5xx` in `production` (eu-west-1)"),
        "{}",
        missing.summary
    );
    let client = Client::new(&stage.sdk("production").await);
    make_alarm(&client).await;
    for (state, strict, lenient) in [
        (StateValue::Ok, GateOutcome::Passed, GateOutcome::Passed),
        (StateValue::Alarm, GateOutcome::Failed, GateOutcome::Failed),
        (StateValue::InsufficientData, GateOutcome::Failed, GateOutcome::Passed),
        (StateValue::Ok, GateOutcome::Passed, GateOutcome::Passed),
    ] {
        set(&client, state.clone()).await;
        let evidence = stage.ask("alarm.errors").await;
        assert_eq!(evidence.outcome, strict, "{state:?}: {}", evidence.summary);
        assert_eq!(evidence.detail["alarms"]["api-5xx"]["state"], state.as_str());
        assert_eq!(stage.ask("alarm.lenient").await.outcome, lenient, "{state:?}");
    }
    // It stands in one region of one account only.
    for label in ["alarm.elsewhere", "alarm.dev"] {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Failed, "{label}");
        assert!(evidence.summary.contains("there is no alarm"), "{}", evidence.summary);
    }
}

async fn put(client: &Client, at: i64, value: f64) {
    let datum = MetricDatum::builder()
        .metric_name("Latency")
        .dimensions(Dimension::builder().name("Stage").value("live").build())
        .timestamp(DateTime::from_secs(at))
        .unit(StandardUnit::Milliseconds)
        .value(value)
        .build();
    client.put_metric_data().namespace("Acme/Api").metric_data(datum).send().await.expect("put");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_keeps_its_limit_and_its_distance_from_the_baseline() {
    let mut stage = Stage::new(GATES).await;
    let client = Client::new(&stage.sdk("production").await);
    let none = stage.ask("metric.latency").await;
    assert_eq!(none.outcome, GateOutcome::Failed);
    assert!(none.summary.contains("has no data in `production`"), "{}", none.summary);

    // The period before ten o'clock; what is later or earlier does not count.
    let now = stage.now.as_second();
    put(&client, now - 120, 90.0).await;
    put(&client, now - 60, 110.0).await;
    put(&client, now - 900, 9_000.0).await;
    let first = stage.ask("metric.latency").await;
    assert_eq!(first.outcome, GateOutcome::Passed, "{}", first.summary);
    assert_eq!(first.detail["value"], 100.0);
    assert!(first.summary.contains("baseline from now on"), "{}", first.summary);

    stage.previous = vec![first];
    stage.now = "2026-11-24T10:05:00Z".parse().unwrap();
    put(&client, now + 60, 119.0).await;
    let close = stage.ask("metric.latency").await;
    assert_eq!(close.outcome, GateOutcome::Passed, "{}", close.summary);
    assert_eq!(close.detail["baseline"], 100.0);

    put(&client, now + 90, 125.0).await;
    put(&client, now + 95, 125.0).await;
    let far = stage.ask("metric.latency").await;
    assert_eq!(far.outcome, GateOutcome::Failed);
    assert!(far.summary.contains("more than 20% above its baseline 100"), "{}", far.summary);

    stage.previous.clear();
    put(&client, now + 100, 90_000.0).await;
    let high = stage.ask("metric.latency").await;
    assert_eq!(high.outcome, GateOutcome::Failed);
    assert!(high.summary.contains("above 500"), "{}", high.summary);
}

/// What is not known opens nothing, though both stand well at the endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn alarms_and_metrics_that_cannot_be_read_keep_their_gates_closed() {
    let stage = Stage::new(GATES).await;
    let client = Client::new(&stage.sdk("production").await);
    make_alarm(&client).await;
    set(&client, StateValue::Ok).await;
    put(&client, stage.now.as_second() - 60, 100.0).await;
    let labels = ["alarm.errors", "alarm.lenient", "metric.latency"];
    for label in labels {
        assert_eq!(stage.ask(label).await.outcome, GateOutcome::Passed, "{label}");
    }
    stage.refusing(|service, _| service == Service::CloudWatch).await;
    for label in labels {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Unknown, "{label}");
        for told in ["CloudWatch cannot be asked", "not yours", "the read role needs cloudwatch:"] {
            assert!(evidence.summary.contains(told), "{label}: {}", evidence.summary);
        }
    }
    stage.world.sandbox.set_faults(Faults::default()).await;
    for label in labels {
        assert_eq!(stage.ask(label).await.outcome, GateOutcome::Passed, "{label}");
    }
}
