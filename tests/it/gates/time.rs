//! `soak` and `freeze`: gates that time opens.

use palisade::promotion::gate::{GateOutcome, Purpose};

use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_counts_from_when_the_release_stood_without_a_break() {
    let mut stage = Stage::new("gate \"soak\" \"a_day\" {\n duration = \"24h\"\n}").await;
    let never = stage.ask("soak.a_day").await;
    assert_eq!(never.outcome, GateOutcome::Failed);
    assert!(never.summary.contains("not current and verified in dev"), "{}", never.summary);

    stage.stands_since = Some("2026-11-23T10:00:01Z".parse().unwrap());
    let short = stage.ask("soak.a_day").await;
    assert_eq!(short.outcome, GateOutcome::Waiting);
    assert!(short.summary.contains("open from 2026-11-24T10:00:01Z"), "{}", short.summary);
    assert_eq!(short.detail["stood_seconds"], 86_399);

    stage.now = "2026-11-24T10:00:01Z".parse().unwrap();
    assert_eq!(stage.ask("soak.a_day").await.outcome, GateOutcome::Passed);

    // A record from the future opens nothing.
    stage.stands_since = Some("2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(stage.ask("soak.a_day").await.outcome, GateOutcome::Waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_says_until_when_and_why_and_lets_a_rollback_pass() {
    let mut stage = Stage::new(
        r#"
gate "freeze" "weekend" {
  timezone = "Europe/Dublin"
  permits  = ["rollback"]
  window {
    weekdays = ["sat", "sun"]
    reason   = "nobody watches"
  }
}
gate "freeze" "strict" {
  window {
    from  = "2026-11-28"
    to    = "2026-11-29"
    hours = "09:00-17:00"
  }
}
"#,
    )
    .await;
    for label in ["freeze.weekend", "freeze.strict"] {
        assert_eq!(stage.ask(label).await.outcome, GateOutcome::Passed, "{label}");
    }
    stage.now = "2026-11-28T10:00:00Z".parse().unwrap();
    let weekend = stage.ask("freeze.weekend").await;
    assert_eq!(weekend.outcome, GateOutcome::Waiting);
    assert_eq!(weekend.summary, "frozen until 2026-11-30T00:00:00 Europe/Dublin: nobody watches");
    assert_eq!(weekend.detail["until"], "2026-11-30T00:00:00Z");
    assert_eq!(stage.ask("freeze.strict").await.detail["until"], "2026-11-28T17:00:00Z");

    stage.purpose = Purpose::Rollback;
    assert_eq!(stage.ask("freeze.weekend").await.outcome, GateOutcome::Passed);
    assert_eq!(stage.ask("freeze.strict").await.outcome, GateOutcome::Waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_keeps_its_hours_where_the_clocks_change() {
    let mut stage = Stage::new(
        r#"
gate "freeze" "night" {
  timezone = "Europe/Berlin"
  window {
    hours = "22:00-06:00"
  }
}
"#,
    )
    .await;
    // Eight hours by the clock are seven in the night to 29 March, and nine in the one to 25 October.
    for (now, until) in [
        ("2026-03-28T21:00:00Z", Some("2026-03-29T04:00:00Z")),
        ("2026-03-29T03:59:59Z", Some("2026-03-29T04:00:00Z")),
        ("2026-03-29T04:00:00Z", None),
        ("2026-10-24T20:00:00Z", Some("2026-10-25T05:00:00Z")),
        ("2026-10-25T04:59:59Z", Some("2026-10-25T05:00:00Z")),
        ("2026-10-25T05:00:00Z", None),
    ] {
        stage.now = now.parse().unwrap();
        let evidence = stage.ask("freeze.night").await;
        let outcome = if until.is_some() { GateOutcome::Waiting } else { GateOutcome::Passed };
        assert_eq!(evidence.outcome, outcome, "{now}: {}", evidence.summary);
        assert_eq!(evidence.detail["until"].as_str(), until, "{now}");
    }
}
