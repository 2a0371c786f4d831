//! One apply: order, requests, guards, retries, failures, interruption, state that cannot be written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use palisade::apply::{ApplyEvent, ApplyLimits, Cancel};
use palisade::provider::Failure;
use palisade::state::{StateFailure, Terms, errored};
use palisade::value::Value;

use super::estate::{Lab, SECRET, address, estate, plan};

#[tokio::test]
async fn an_estate_is_created_changed_and_removed() {
    let lab = Lab::new();
    let declared = estate(4);
    let summary = lab.converge("create", &declared).await;
    assert_eq!(summary.done.len(), 17);
    assert_eq!(lab.aws.overlaps.load(Ordering::SeqCst), 0, "Organizations writes are serialised");
    let snapshot = lab.snapshot().await;
    assert_eq!(snapshot.resources().len(), lab.aws.listing().len());
    assert!(snapshot.interrupted.is_empty());
    assert_eq!(
        snapshot.interrupted.iter().map(|d| d.run.clone()).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let serials: Vec<u64> = snapshot.scopes.values().map(|s| s.value.serial).collect();
    assert_eq!(serials, [1, 1, 1], "one state write for each scope");
    // A second apply has nothing to do; a change of one role rewrites one scope.
    let mut changed = declared.clone();
    let role = changed.iter_mut().find(|d| d.address == address("iam_role.r1@dev")).unwrap();
    role.attrs["inline_policies"]["p"]["Statement"][0]["Sid"] = "new".into();
    lab.converge("change", &changed).await;
    let serials: Vec<u64> = lab.snapshot().await.scopes.values().map(|s| s.value.serial).collect();
    assert_eq!(serials, [2, 1, 1]);
    lab.converge("destroy", &[]).await;
    let left: Vec<_> = lab.aws.listing().into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(left, ["account", "account"], "accounts are retained");
    assert!(lab.snapshot().await.resources().is_empty());
    let verification = lab.ledger.check_audit(None).await.unwrap().0;
    assert_eq!((verification.records, verification.problems.len()), (6, 0));
}

#[tokio::test]
async fn a_role_with_an_inline_policy_costs_little_more_than_its_two_calls() {
    let lab = Lab::new();
    lab.converge("base", &estate(1)).await;
    lab.power.cut_at(None);
    lab.converge("roles", &estate(301)).await;
    let requests = lab.power.requests();
    assert!(requests <= 600 * 22 / 10, "{requests} requests for 600 roles");
    assert!(lab.aws.widest.load(Ordering::SeqCst) > 10, "accounts are worked on side by side");
}

#[tokio::test]
async fn no_secret_is_ever_stored() {
    let lab = Lab::new();
    lab.converge("create", &estate(2)).await;
    let everything = lab.store.everything();
    assert!(!everything.contains(SECRET));
    assert!(everything.contains("hmac-sha256:") && everything.contains("env:TOKEN"));
    let events = format!("{:?}", lab.events.lock().unwrap());
    assert!(!events.contains(SECRET));
    let id = lab.snapshot().await.resources()[&address("account.dev")].attrs["id"].clone();
    let parameter = lab.aws.object(id.as_str().unwrap(), "config", "/x/dev/token").unwrap();
    assert_eq!(parameter["value"].as_str(), Some(SECRET), "AWS gets the value itself");
}

#[tokio::test]
async fn one_failing_account_leaves_the_others_done_and_says_what_it_skipped() {
    let lab = Lab::new();
    let declared = estate(3);
    *lab.aws.fault.lock().unwrap() = Some(Box::new(|operation, _| {
        (operation == "Create iam_role.r0@dev").then_some(Failure::AccessDenied)
    }));
    let first = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("first", &declared, &first).await.unwrap();
    let failed: Vec<String> = summary.failed.iter().map(|f| f.address.to_string()).collect();
    assert_eq!(failed, ["iam_role.r0@dev"]);
    assert!(summary.failed[0].why.help.as_ref().unwrap().contains("access role"));
    let skipped: Vec<_> = summary
        .skipped
        .iter()
        .map(|s| (s.address.to_string(), s.because.clone().unwrap().1.to_string()))
        .collect();
    let token = "environment.dev.config.app[\"token\"]@dev".to_owned();
    assert_eq!(skipped, [(token, "iam_role.r0@dev".to_owned())]);
    assert!(lab.snapshot().await.interrupted.is_empty(), "a refusal is settled");
    *lab.aws.fault.lock().unwrap() = None;
    lab.converge("second", &declared).await;
}

#[tokio::test]
async fn throttling_bursts_and_lost_answers_are_ridden_out_without_a_duplicate() {
    let lab = Lab::new();
    *lab.aws.fault.lock().unwrap() = Some(Box::new(|operation, call| {
        let dice = (call * 7919 + 13) % 100;
        match dice {
            0..30 => Some(Failure::Throttled),
            30..40 => Some(Failure::NotYetVisible),
            40..55 if !operation.starts_with("Read") => Some(Failure::NoAnswer),
            _ => None,
        }
    }));
    let declared = estate(12);
    let first = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("rough", &declared, &first).await.unwrap();
    assert!(summary.is_success(), "{:#?}", summary.failed);
    *lab.aws.fault.lock().unwrap() = None;
    lab.converge("calm", &declared).await;
    let mut created = lab.aws.created();
    let count = created.len();
    created.sort();
    created.dedup();
    assert_eq!(created.len(), count, "something was created twice");
    assert!(lab.events.lock().unwrap().iter().any(|e| matches!(e, ApplyEvent::Retrying { .. })));
}

#[tokio::test]
async fn an_account_whose_request_was_not_answered_is_asked_for_once() {
    let lab = Lab::new();
    let lost = AtomicUsize::new(0);
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |operation, _| {
        let first =
            operation == "CreateAccount account.dev" && lost.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Failure::NoAnswer)
    }));
    lab.power.cut_at(None);
    lab.converge("lost", &estate(2)).await;
    let log = lab.power.log.lock().unwrap().clone();
    for account in ["dev", "live"] {
        let request = format!("CreateAccount account.{account}");
        assert_eq!(log.iter().filter(|what| **what == request).count(), 1, "{account}");
    }
    assert!(log.iter().any(|what| what == "ListCreateAccountStatus"), "it was looked for");
}

#[tokio::test]
async fn refusals_are_never_repeated() {
    for failure in
        [Failure::AccessDenied, Failure::Refused, Failure::NotImplemented, Failure::AlreadyExists]
    {
        let lab = Lab::new();
        lab.converge("base", &estate(1)).await;
        *lab.aws.fault.lock().unwrap() =
            Some(Box::new(move |operation, _| operation.starts_with("Create").then_some(failure)));
        let declared = estate(2);
        let before = lab.aws.calls();
        let next = plan(&declared, &lab.snapshot().await, &lab.aws);
        let summary = lab.apply("refused", &declared, &next).await.unwrap();
        assert_eq!(summary.failed.len(), 2, "{failure:?}");
        let calls = lab.aws.calls() - before;
        if failure == Failure::AlreadyExists {
            // What AWS says exists and does not show may only be too new to be seen everywhere.
            assert!((4..60).contains(&calls), "{calls} calls");
        } else {
            // One call for each, and one look at what it may have left half made.
            assert_eq!(calls, 4, "{failure:?} was repeated");
        }
    }
}

#[tokio::test]
async fn expired_credentials_stop_everything_that_has_not_started() {
    let lab = Lab { limits: ApplyLimits { total: 1, per_account: 1 }, ..Lab::new() };
    lab.converge("base", &estate(1)).await;
    *lab.aws.fault.lock().unwrap() =
        Some(Box::new(|o, _| o.contains("r3").then_some(Failure::Credentials)));
    let declared = estate(8);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("expired", &declared, &next).await.unwrap();
    assert_eq!(summary.failed.len(), 1);
    assert!(summary.failed[0].why.help.as_ref().unwrap().contains("renew the credentials"));
    assert!(!summary.skipped.is_empty());
    *lab.aws.fault.lock().unwrap() = None;
    lab.converge("again", &declared).await;
}

#[tokio::test]
async fn an_object_that_was_changed_after_the_plan_is_left_alone() {
    let lab = Lab::new();
    let mut declared = estate(3);
    lab.converge("base", &declared).await;
    for n in [1, 2] {
        let name = address(&format!("iam_role.r{n}@dev"));
        let role = declared.iter_mut().find(|d| d.address == name).unwrap();
        role.attrs["path"] = "/new/".into();
    }
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let id = lab.snapshot().await.resources()[&address("account.dev")].attrs["id"].clone();
    let place = id.as_str().unwrap().to_owned();
    lab.aws.meddle(&place, "iam_role", "r1", "assume_role_policy", Value::string("theirs"));
    let summary = lab.apply("guarded", &declared, &next).await.unwrap();
    assert_eq!(summary.failed.len(), 1);
    let why = summary.failed[0].why.to_string();
    assert!(
        why.contains("after the plan was made") && why.contains("$.assume_role_policy"),
        "{why}"
    );
    let theirs = lab.aws.object(&place, "iam_role", "r1").unwrap();
    assert_eq!(theirs["assume_role_policy"], Value::string("theirs"));
    assert_eq!(theirs["path"], Value::string("/"), "nothing was written");
    let other = lab.aws.object(&place, "iam_role", "r2").unwrap();
    assert_eq!(other["path"], Value::string("/new/"), "the other one went on");
}

#[tokio::test]
async fn a_plan_that_another_apply_overtook_is_refused_before_any_call() {
    let lab = Lab::new();
    let declared = estate(2);
    let old = plan(&declared, &lab.snapshot().await, &lab.aws);
    lab.converge("other", &declared).await;
    let calls = lab.aws.calls();
    let error = lab.apply("late", &declared, &old).await.unwrap_err();
    assert_eq!(error.failure, StateFailure::Conflict);
    assert!(error.to_string().contains("stale"), "{error}");
    assert!(error.to_string().contains("user/other"), "{error}");
    assert_eq!(lab.aws.calls(), calls);
    assert!(lab.ledger.read_lock("org").await.unwrap().unwrap().released);
}

#[tokio::test]
async fn an_apply_to_one_account_leaves_the_plan_of_another_valid() {
    let lab = Lab::new();
    let base = estate(1);
    lab.converge("base", &base).await;
    let only = |account: &str| {
        let mut declared = base.clone();
        let name = address(&format!("environment.{account}.config.app[\"token\"]@{account}"));
        let config = declared.iter_mut().find(|d| d.address == name).unwrap();
        config.attrs["type"] = "String".into();
        declared
    };
    let (dev, live) = (only("dev"), only("live"));
    let snapshot = lab.snapshot().await;
    let (plan_dev, plan_live) = (plan(&dev, &snapshot, &lab.aws), plan(&live, &snapshot, &lab.aws));
    for (run, declared, plan) in [("dev", &dev, &plan_dev), ("live", &live, &plan_live)] {
        let summary = lab.apply(run, declared, plan).await.unwrap();
        assert!(summary.is_success(), "{summary:#?}");
    }
}

#[tokio::test]
async fn ctrl_c_finishes_what_runs_and_starts_nothing_new() {
    let lab = Lab { limits: ApplyLimits { total: 2, per_account: 2 }, ..Lab::new() };
    lab.converge("base", &estate(1)).await;
    let cancel = Cancel::new();
    let (seen, presser) = (AtomicUsize::new(0), cancel.clone());
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |operation, _| {
        if operation.starts_with("Create") && seen.fetch_add(1, Ordering::SeqCst) == 3 {
            presser.press();
        }
        None
    }));
    let declared = estate(20);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply_with("stopped", &declared, &next, cancel).await.unwrap();
    assert!(summary.interrupted && !summary.is_success());
    assert!(summary.failed.is_empty() && !summary.done.is_empty());
    assert_eq!(summary.done.len() + summary.skipped.len(), next.operations.len());
    let snapshot = lab.snapshot().await;
    assert!(snapshot.interrupted.is_empty(), "everything that ran is recorded");
    assert_eq!(snapshot.resources().len(), lab.aws.listing().len());
    *lab.aws.fault.lock().unwrap() = None;
    lab.converge("rest", &declared).await;
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_at_once_and_the_next_run_recovers() {
    let lab = Lab::new();
    lab.converge("base", &estate(1)).await;
    let cancel = Cancel::new();
    let (seen, presser) = (AtomicUsize::new(0), cancel.clone());
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |operation, _| {
        if operation.starts_with("Create") && seen.fetch_add(1, Ordering::SeqCst) == 3 {
            presser.press();
            presser.press();
        }
        None
    }));
    let declared = estate(20);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    lab.apply_with("left", &declared, &next, cancel).await.unwrap();
    *lab.aws.fault.lock().unwrap() = None;
    lab.recover("recovery").await.unwrap();
    let snapshot = lab.snapshot().await;
    assert_eq!(snapshot.resources().len(), lab.aws.listing().len(), "no orphan");
    lab.converge("rest", &declared).await;
}

#[tokio::test]
async fn a_state_that_cannot_be_written_is_saved_and_pushed_back() {
    let lab = Lab::new();
    lab.converge("base", &estate(1)).await;
    let store = std::sync::Arc::clone(&lab.store);
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |operation, _| {
        if operation.starts_with("PutRolePolicy iam_role.r1@live") {
            store.gone.store(true, Ordering::SeqCst);
        }
        None
    }));
    let declared = estate(2);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("doomed", &declared, &next).await.unwrap();
    assert!(!summary.is_success() && !summary.saved_to.is_empty(), "{summary:#?}");
    *lab.aws.fault.lock().unwrap() = None;
    lab.store.gone.store(false, Ordering::SeqCst);
    for (path, command) in &summary.saved_to {
        assert!(command.starts_with("palisade state push "));
        let saved = errored::load(path).unwrap();
        let stamp = saved.state.stamp.clone();
        lab.ledger.push(&saved, saved.state.epoch, stamp).await.unwrap();
    }
    let snapshot = lab.snapshot().await;
    assert_eq!(snapshot.resources().len(), lab.aws.listing().len());
}

#[tokio::test]
async fn a_scope_that_somebody_else_works_on_ends_the_run_before_any_call() {
    let lab = Lab::new();
    let declared = estate(1);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    lab.ledger.acquire("acct-dev", &Lab::holder("other"), Terms::default(), 0).await.unwrap();
    let error = lab.apply("late", &declared, &next).await.unwrap_err();
    assert_eq!(error.failure, StateFailure::Locked);
    assert_eq!(lab.aws.calls(), 0);
    let _ = Duration::ZERO;
}
