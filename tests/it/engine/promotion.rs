//! A release from its first environment into the next, through a gate, and back.

use std::sync::Arc;

use palisade::engine::apply;
use palisade::engine::host::Event;
use palisade::engine::promotion::promote::{self, PromotionOutcome, PromotionRequest};
use palisade::engine::promotion::rollback::{self, RollbackRequest};
use palisade::engine::promotion::status::{self, StatusRequest};
use palisade::engine::{EngineError, Variables};
use palisade::promotion::record::{End, MoveKind};

use crate::support::estates::{release, two_environments};
use crate::support::evaluations::{evaluations, loads};
use crate::support::host::TestHost;
use crate::support::stage::{Stage, apply_request, move_settings, promotion_request};

const GATE: &str =
    "  gate \"command\" \"tests\" {\n    command = [\"/bin/sh\", \"-c\", \"test -e ready\"]\n  }\n";

async fn staged() -> Stage {
    let stage = Stage::new(&two_environments(&release(GATE))).await;
    stage.image("v1");
    stage
}

#[tokio::test]
async fn a_promotion_is_refused_by_its_gate_and_moves_once_that_is_open() {
    let stage = staged().await;
    let host = Arc::new(TestHost::default());
    let applied = apply::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
    let entered = applied.entered.first().expect("the release entered");
    assert_eq!((entered.kind, entered.end), (MoveKind::Entry, Some(End::Verified)));
    assert_eq!(stage.running("acme-dev").await.as_deref(), Some("v1"));
    assert_eq!(stage.running("acme-production").await, None);

    let host = Arc::new(TestHost::default());
    let outcome =
        promote::run(&stage.workspace(&host), &promotion_request()).await.expect("an outcome");
    let PromotionOutcome::Refused { report, refusal } = outcome else { panic!("{outcome:?}") };
    assert!(refusal.to_string().contains("command.tests"), "{refusal}");
    assert_eq!(host.shown(), std::slice::from_ref(&report.plan.digest));
    assert!(host.questions().is_empty(), "what a gate refuses is not asked");
    assert_eq!(stage.running("acme-production").await, None, "and not moved");

    stage.write("ready", "");
    let dry = PromotionRequest { dry_run: true, ..promotion_request() };
    let (outcome, evaluated) =
        evaluations(Box::pin(promote::run(&stage.workspace(&host), &dry))).await;
    let outcome = outcome.expect("an outcome");
    assert_eq!(evaluated, 2, "for the edge, and for the plan");
    assert!(matches!(outcome, PromotionOutcome::Previewed { refusal: None, .. }), "{outcome:?}");
    assert_eq!(stage.running("acme-production").await, None, "a dry run moves nothing");

    let no = Arc::new(TestHost::refusing());
    let refused = promote::run(&stage.workspace(&no), &promotion_request()).await;
    assert!(matches!(refused, Err(EngineError::Failed(_))), "{refused:?}");
    assert_eq!(stage.running("acme-production").await, None);

    let host = Arc::new(TestHost::default());
    let (outcome, evaluated) =
        evaluations(Box::pin(promote::run(&stage.workspace(&host), &promotion_request()))).await;
    let outcome = outcome.expect("an outcome");
    assert_eq!(evaluated, 3, "under the lock, for the plan, and once the release has arrived");
    let PromotionOutcome::Moved(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!((done.kind, done.end), (MoveKind::Promotion, Some(End::Verified)));
    assert_eq!(host.questions().len(), 1);
    assert_eq!(stage.running("acme-production").await.as_deref(), Some("v1"));

    let outcome =
        promote::run(&stage.workspace(&host), &promotion_request()).await.expect("an outcome");
    assert!(matches!(outcome, PromotionOutcome::Settled { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_rollback_brings_the_release_before_back_and_holds_the_environment() {
    let stage = staged().await;
    stage.write("ready", "");
    let host = Arc::new(TestHost::default());
    let workspace = stage.workspace(&host);
    for version in ["v1", "v2"] {
        stage.image(version);
        apply::run(&workspace, &apply_request()).await.expect("applied");
        let outcome = promote::run(&workspace, &promotion_request()).await.expect("an outcome");
        assert!(matches!(outcome, PromotionOutcome::Moved(_)), "{outcome:?}");
        assert_eq!(stage.running("acme-production").await.as_deref(), Some(version));
    }
    let back = RollbackRequest {
        environment: "production".to_owned(),
        release: None,
        reason: Some("INC-7".to_owned()),
        settings: move_settings(),
    };
    let outcome = rollback::run(&workspace, &back).await.expect("rolled back");
    assert_eq!(outcome.edges, ["to_production"], "the way on is named");
    assert_eq!(stage.running("acme-production").await.as_deref(), Some("v1"));
    assert!(host.events().iter().any(|e| matches!(e, Event::RollingBack { .. })));

    let asked = StatusRequest {
        variables: Variables::default(),
        parallelism: 4,
        environments: vec!["production".to_owned()],
    };
    let status = status::run(&workspace, &asked).await.expect("a status");
    let production = status.environments.first().expect("production");
    assert!(production.hold.as_ref().is_some_and(|hold| hold.why.contains("INC-7")));

    let outcome = promote::run(&workspace, &promotion_request()).await.expect("an outcome");
    let PromotionOutcome::Refused { refusal, .. } = outcome else { panic!("{outcome:?}") };
    assert!(refusal.to_string().contains("held"), "{refusal}");
}

#[tokio::test]
async fn what_a_gate_writes_into_the_configuration_is_for_the_next_run() {
    // The gate of the edge breaks the files, and declares a verification that nobody has approved before it does.
    let gate = r#"  gate "command" "meddles" {
    command = ["/bin/sh", "-c", "printf 'environment \"x\" {' >> main.hcl"]
  }
"#;
    let stage = Stage::new(&two_environments(&release(gate))).await;
    stage.image("v1");
    let host = Arc::new(TestHost::default());
    let (applied, read) =
        loads(Box::pin(apply::run(&stage.workspace(&host), &apply_request()))).await;
    applied.expect("applied");
    assert_eq!(read, 1, "an apply by which a release arrives");
    let (outcome, read) =
        loads(Box::pin(promote::run(&stage.workspace(&host), &promotion_request()))).await;
    let outcome = outcome.expect("an outcome");
    assert_eq!(read, 1, "a promotion");
    let PromotionOutcome::Moved(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!(done.end, Some(End::Verified));
    assert_eq!(stage.running("acme-production").await.as_deref(), Some("v1"));
    let next = promote::run(&stage.workspace(&host), &promotion_request()).await;
    assert!(next.is_err(), "the next run reads what is there");
}
