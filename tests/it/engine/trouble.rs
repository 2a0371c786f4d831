//! Trouble of the runner in the middle of a promotion: the move stays under way with its cause in the record,
//! nothing is turned back and nothing held, and the next run takes it to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use palisade::engine::promotion::promote::{self, PromotionOutcome};
use palisade::engine::promotion::status::{self, StatusRequest};
use palisade::engine::{EngineError, Variables, apply};
use palisade::promotion::record::End;
use palisade::sandbox::{FaultAction, Faults, Hook, Phase, RequestInfo};
use palisade::state::bootstrap::{Bucket, create_backend};

use crate::support::endpoint::s3;
use crate::support::estates::{release, two_environments};
use crate::support::host::TestHost;
use crate::support::stage::{Stage, apply_request, promotion_request};

const BACKEND: &str = r#"palisade {
  name = "acme"
  backend "s3" {
    bucket = "trouble-state"
    prefix = "estate"
    region = "eu-west-1"
  }
}
"#;

/// `v1` stands in production, and `v2` in dev, whence it may move.
async fn staged() -> Stage {
    let main = two_environments(&release("  on_failure = \"rollback\"\n"));
    let main = main.replacen("palisade {\n  name = \"acme\"\n}\n", BACKEND, 1);
    let stage = Stage::new(&main).await;
    let bucket = Bucket {
        name: "trouble-state".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        prefix: "estate".into(),
        kms_key: None,
        require_conditional_writes: true,
        plain_http: true,
    };
    create_backend(&s3(&stage.sdk()), &bucket).await.expect("a bucket");
    let host = Arc::new(TestHost::default());
    for image in ["v1", "v2"] {
        stage.image(image);
        apply::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
        if image == "v1" {
            promote::run(&stage.workspace(&host), &promotion_request()).await.expect("promoted");
        }
    }
    stage
}

/// Answers of a kind, once the move is under way: to so many requests after the first ones that match.
fn failing(
    matches: impl Fn(&RequestInfo) -> bool + Send + Sync + 'static,
    skip: usize,
    times: usize,
    answer: FaultAction,
) -> Hook {
    let seen = AtomicUsize::new(0);
    Arc::new(move |info: &RequestInfo, phase| {
        if phase != Phase::Before || !matches(info) {
            return FaultAction::Continue;
        }
        let number = seen.fetch_add(1, Ordering::SeqCst);
        if (skip..skip + times).contains(&number) { answer.clone() } else { FaultAction::Continue }
    })
}

fn fail(status: u16, code: &str) -> FaultAction {
    FaultAction::Fail { status, code: code.into(), message: format!("{code} of the test") }
}

#[tokio::test]
async fn trouble_of_the_runner_leaves_a_move_under_way() {
    let ssm = |info: &RequestInfo| info.operation == "PutParameter";
    let state = |info: &RequestInfo| info.operation == "PutObject";
    let mut stopped = 0;
    let mut cases: Vec<(String, Hook)> = vec![
        ("expired".into(), failing(ssm, 1, 1000, fail(400, "ExpiredTokenException"))),
        ("region".into(), failing(ssm, 0, 1000, fail(503, "ServiceUnavailable"))),
        ("cut".into(), failing(ssm, 0, 1000, FaultAction::Disconnect)),
    ];
    for skip in 0..14 {
        let hook = failing(state, skip, 1, fail(403, "AccessDenied"));
        cases.push((format!("state write {skip}"), hook));
    }
    for (name, hook) in cases {
        let stage = staged().await;
        stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
        let host = Arc::new(TestHost::default());
        let first = promote::run(&stage.workspace(&host), &promotion_request()).await;
        stage.sandbox.set_faults(Faults::default()).await;
        if let Err(error) = &first {
            stopped += 1;
            assert!(
                matches!(error, EngineError::Failed(_) | EngineError::Locked(_)),
                "{name}: {error:?}"
            );
            let asked = StatusRequest {
                variables: Variables::default(),
                parallelism: 4,
                environments: vec!["production".to_owned()],
            };
            let status = status::run(&stage.workspace(&host), &asked).await.expect("a status");
            let production = &status.environments[0];
            assert!(production.hold.is_none(), "{name}: {production:?}");
            if matches!(name.as_str(), "expired" | "region" | "cut") {
                let run = production.under_way.as_ref().expect("it is under way");
                assert!(run.stopped.is_some(), "{name}: the cause is in the record");
                let said = host.diagnostics_text();
                assert!(said.contains("into `production` is still under way"), "{name}: {said}");
            }
        }
        let again = promote::run(&stage.workspace(&host), &promotion_request()).await;
        let again = again.unwrap_or_else(|error| panic!("{name}: {first:?}, then {error:?}"));
        match again {
            PromotionOutcome::Moved(done) => assert_eq!(done.end, Some(End::Verified), "{name}"),
            PromotionOutcome::Settled { .. } => assert!(first.is_ok(), "{name}: {first:?}"),
            other => panic!("{name}: {other:?}"),
        }
        let running = stage.running("acme-production").await;
        assert_eq!(running.as_deref(), Some("v2"), "{name}");
    }
    assert!(stopped >= 6, "only {stopped} cases stopped a move");
}

/// What nobody may read says nothing of the release: it stays, and the same command goes on verifying it.
#[tokio::test]
async fn a_verification_that_cannot_look_leaves_a_move_under_way() {
    let stage = staged().await;
    let main = two_environments(&release("")).replacen(
        "environment \"production\" {\n",
        "environment \"production\" {\n  verify {\n    gate \"no_drift\" \"here\" {}\n  }\n",
        1,
    );
    stage.write("main.hcl", &main.replacen("palisade {\n  name = \"acme\"\n}\n", BACKEND, 1));
    let written = AtomicUsize::new(0);
    let hook: Hook = Arc::new(move |info: &RequestInfo, phase| {
        if phase != Phase::Before {
            return FaultAction::Continue;
        }
        if info.operation == "PutParameter" {
            written.fetch_add(1, Ordering::SeqCst);
        }
        let looks = info.operation == "GetAccountAuthorizationDetails";
        let verifying = written.load(Ordering::SeqCst) > 0;
        if looks && verifying { fail(403, "AccessDenied") } else { FaultAction::Continue }
    });
    stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
    let host = Arc::new(TestHost::in_time_lapse());
    let first = promote::run(&stage.workspace(&host), &promotion_request()).await;
    assert!(matches!(first, Err(EngineError::Failed(_))), "{first:?}");
    stage.sandbox.set_faults(Faults::default()).await;
    let asked = StatusRequest {
        variables: Variables::default(),
        parallelism: 4,
        environments: vec!["production".to_owned()],
    };
    let status = status::run(&stage.workspace(&host), &asked).await.expect("a status");
    let production = &status.environments[0];
    assert!(production.hold.is_none() && production.under_way.is_some(), "{production:?}");
    assert_eq!(stage.running("acme-production").await.as_deref(), Some("v2"));
    let again = promote::run(&stage.workspace(&host), &promotion_request()).await;
    let PromotionOutcome::Moved(done) = again.expect("an outcome") else { panic!("it moves") };
    assert_eq!(done.end, Some(End::Verified));
}

/// The lease of the move is renewed while the gate that verifies takes its time; the first renewal is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_renewal_neither_drops_a_move_nor_locks_its_environment() {
    let stage = staged().await;
    let main = two_environments(&release("")).replacen(
        "environment \"production\" {\n",
        "environment \"production\" {\n  verify {\n    gate \"command\" \"slow\" {\n      command = [\"sleep\", \"2\"]\n    }\n  }\n",
        1,
    );
    stage.write("main.hcl", &main.replacen("palisade {\n  name = \"acme\"\n}\n", BACKEND, 1));
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&writes);
    let lock = |info: &RequestInfo| {
        info.operation == "PutObject" && info.subject.ends_with("env-production/lock.json")
    };
    let hook: Hook = Arc::new(move |info: &RequestInfo, phase| {
        let number = match phase == Phase::Before && lock(info) {
            true => counted.fetch_add(1, Ordering::SeqCst),
            false => return FaultAction::Continue,
        };
        if number == 1 { fail(403, "AccessDenied") } else { FaultAction::Continue }
    });
    stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
    let host = Arc::new(TestHost::in_time_lapse());
    let moved = promote::run(&stage.workspace(&host), &promotion_request()).await;
    let PromotionOutcome::Moved(done) = moved.expect("an outcome") else { panic!("it moves") };
    assert_eq!(done.end, Some(End::Verified));
    // Taken, refused, renewed at least once, and given back.
    assert!(writes.load(Ordering::SeqCst) >= 4, "{writes:?}");
    stage.sandbox.set_faults(Faults::default()).await;
    // The next one need not wait: its clock stands still where it would.
    let patient = stage.workspace(&Arc::new(TestHost::default()));
    let next = promote::run(&patient, &promotion_request()).await.expect("nothing is locked");
    assert!(matches!(next, PromotionOutcome::Settled { .. }), "{next:?}");
}

#[tokio::test]
async fn what_aws_refuses_is_the_failure_of_the_release_and_the_hold_names_it() {
    let stage = staged().await;
    let ssm = |info: &RequestInfo| info.operation == "PutParameter";
    let hook = failing(ssm, 0, 1, fail(400, "ParameterPatternMismatchException"));
    stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
    let host = Arc::new(TestHost::default());
    let outcome =
        promote::run(&stage.workspace(&host), &promotion_request()).await.expect("an outcome");
    let PromotionOutcome::Moved(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!(done.end, Some(End::Returned));
    let why = &done.returned.as_ref().expect("it was turned back").why;
    assert!(why.contains("ParameterPatternMismatchException"), "{why}");
}
