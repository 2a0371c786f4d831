//! `no_drift`, `parity` and `isolation_unchanged`: opened and closed by what stands in AWS and in
//! the configuration.

use palisade::promotion::gate::GateOutcome;
use palisade::sandbox::{Faults, Service};

use super::stage::Stage;

const GATES: &str = r#"
gate "no_drift" "both" {}
gate "no_drift" "dev" {
  environments = [environment.dev]
}
gate "parity" "same" {}
gate "isolation_unchanged" "walls" {}
"#;

async fn put(stage: &Stage, account: &str, name: &str, value: &str) {
    aws_sdk_ssm::Client::new(&stage.sdk(account).await)
        .put_parameter()
        .name(name)
        .value(value)
        .r#type(aws_sdk_ssm::types::ParameterType::String)
        .overwrite(true)
        .send()
        .await
        .expect("put");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_changed_by_hand_is_drift_and_breaks_parity() {
    let mut stage = Stage::new(GATES).await;
    for label in ["no_drift.both", "no_drift.dev", "parity.same", "isolation_unchanged.walls"] {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Passed, "{label}: {}", evidence.summary);
    }

    // A key that may differ is drift all the same, but no break of parity.
    put(&stage, "production", "/acme/production/app/level", "error").await;
    stage.look_again().await;
    let both = stage.ask("no_drift.both").await;
    assert_eq!(both.outcome, GateOutcome::Failed);
    assert!(
        both.summary.contains("environment.production.config.app[\"level\"]"),
        "{}",
        both.summary
    );
    assert_eq!(stage.ask("no_drift.dev").await.outcome, GateOutcome::Passed);
    assert_eq!(stage.ask("parity.same").await.outcome, GateOutcome::Passed);

    put(&stage, "production", "/acme/production/app/color", "red").await;
    put(&stage, "dev", "/acme/dev/app/extra", "x").await;
    stage.look_again().await;
    let parity = stage.ask("parity.same").await;
    assert_eq!(parity.outcome, GateOutcome::Failed);
    assert_eq!(parity.detail["differing"], serde_json::json!(["app/color"]));
    assert_eq!(parity.detail["missing"], serde_json::json!(["app/extra"]));
    let dev = stage.ask("no_drift.dev").await;
    assert_eq!(dev.detail["drift"][0]["status"], "unmanaged", "{}", dev.summary);

    stage.program.run(&["apply", "--auto-approve"]).code(0);
    let ssm = aws_sdk_ssm::Client::new(&stage.sdk("dev").await);
    ssm.delete_parameter().name("/acme/dev/app/extra").send().await.expect("deleted");
    stage.look_again().await;
    for label in ["no_drift.both", "parity.same"] {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Passed, "{label}: {}", evidence.summary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_opens_a_wall_closes_the_gate() {
    let mut stage = Stage::new(GATES).await;
    let main = std::fs::read_to_string(stage.program.path().join("main.hcl")).expect("read");
    let trust = r#"environments = [environment.production]
  trust {"#;
    assert!(main.contains(trust));
    let opened = main.replace(trust, &format!("{trust}\n    aws = [iam_role.ci.at[\"dev\"].arn]"));
    let allowed = r#"environments = [environment.dev]
  trust {"#;
    let opened = opened.replace(
        allowed,
        "environments = [environment.dev]\n  statement \"enter\" {\n    effect = \"Allow\"\n    actions = [\"sts:AssumeRole\"]\n    resources = [\"*\"]\n  }\n  trust {",
    );
    stage.program.write("main.hcl", &opened);
    stage.look_again().await;
    let evidence = stage.ask("isolation_unchanged.walls").await;
    assert_eq!(evidence.outcome, GateOutcome::Failed, "{}", evidence.summary);
    assert!(evidence.summary.contains("from dev is added"), "{}", evidence.summary);

    // Once it stands, the next plan adds nothing.
    stage.program.run(&["apply", "--auto-approve"]).code(0);
    stage.look_again().await;
    let evidence = stage.ask("isolation_unchanged.walls").await;
    assert_eq!(evidence.outcome, GateOutcome::Passed, "{}", evidence.summary);
}

/// Nothing has changed, but nobody may look: what is not known opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_cannot_be_read_keeps_the_gates_closed() {
    let mut stage = Stage::new(GATES).await;
    stage
        .refusing(|service, operation| {
            service == Service::Ssm && operation.starts_with("GetParameters")
        })
        .await;
    stage.look_again().await;
    for (label, told) in [
        ("no_drift.both", "it is not known whether dev and production drifted"),
        ("no_drift.dev", "it is not known whether dev drifted"),
        ("parity.same", "it is not known whether production is like dev"),
    ] {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Unknown, "{label}: {}", evidence.summary);
        assert!(evidence.summary.contains(told), "{label}: {}", evidence.summary);
        let unread = evidence.detail["unread"].as_array().expect("what was not read");
        assert!(!unread.is_empty(), "{label}: {}", evidence.detail);
    }
    stage.world.sandbox.set_faults(Faults::default()).await;
    stage.look_again().await;
    for label in ["no_drift.both", "no_drift.dev", "parity.same", "isolation_unchanged.walls"] {
        let evidence = stage.ask(label).await;
        assert_eq!(evidence.outcome, GateOutcome::Passed, "{label}: {}", evidence.summary);
    }
}
