//! Two at work in one scope: one wins, the other stops; no state write of the loser survives, and
//! what it had in flight is found.
//!
//! A holder that is paused (as by SIGSTOP) stands still as a whole: its run has a thread of its own,
//! which blocks right before a request. When it wakes up the request is made.

use std::sync::Arc;
use std::time::Duration;

use palisade::address::ResourceAddr;
use palisade::apply::{ApplyLimits, ApplySummary};
use palisade::state::journal::{Finished, Intent, JournalWriter, OperationOutcome};
use palisade::state::model::ResourceState;
use palisade::state::{OperationKind, StateError, StateFailure, Terms};

use super::estate::{Lab, address, estate, plan};
use super::fake::Stall;

const ROLES: usize = 6;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Wakes whoever is held up, also where something goes wrong: a test that fails must not hang.
struct Waking<'a>(&'a Stall);

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// One applier is paused right before the first request that starts with `at`; `meanwhile` happens;
/// then it wakes up. Returns how it ended.
fn paused(lab: &Lab, at: &str, meanwhile: impl FnOnce()) -> Result<ApplySummary, StateError> {
    let declared = estate(ROLES);
    let stall = Stall::before(at);
    *lab.power.stall.lock().unwrap() = Some(Arc::clone(&stall));
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            run(async {
                let next = plan(&declared, &lab.snapshot().await, &lab.aws);
                lab.apply("paused", &declared, &next).await
            })
        });
        stall.wait_until_reached();
        let waking = Waking(&stall);
        meanwhile();
        drop(waking);
        sleeper.join().unwrap()
    })
}

/// What must hold after any race: AWS holds each object once, the state holds what AWS holds once the
/// journals are recovered, and nothing is left to do.
fn whole(lab: &Lab) {
    run(async {
        lab.recover("judge").await.unwrap();
        lab.converge("judge", &estate(ROLES)).await;
        let snapshot = lab.snapshot().await;
        assert!(snapshot.interrupted.is_empty());
        assert_eq!(snapshot.resources().len(), lab.aws.listing().len(), "orphans or losses");
        let mut created = lab.aws.created();
        let count = created.len();
        created.sort();
        created.dedup();
        assert_eq!(created.len(), count, "something was created twice");
        let found = lab.ledger.check_audit(None).await.unwrap().0;
        assert_eq!(found.problems, Vec::<String>::new());
    });
}

/// It stopped, and told that the lock was lost; nothing of what it wrote later is in a state.
fn stopped(lab: &Lab, ended: Result<ApplySummary, StateError>, at: &str) {
    match ended {
        Ok(summary) => {
            assert!(!summary.is_success(), "{at}: {summary:#?}");
            assert!(summary.has_conflict(), "{at}: exit code 4: {summary:#?}");
            assert!(summary.saved_to.is_empty(), "{at}: nothing to push over the winner's state");
        }
        Err(error) => assert!(
            matches!(error.failure, StateFailure::Conflict | StateFailure::Locked),
            "{at}: {error}"
        ),
    }
    let snapshot = run(lab.snapshot());
    for (scope, state) in &snapshot.scopes {
        assert_ne!(state.value.stamp.run, "paused", "{at}: `{scope}` was written by the loser");
    }
}

/// Where a holder is paused: at its first call, between calls, in its journal, at the last write.
const PLACES: [&str; 6] = [
    "Create organizational_unit",
    "CreateAccount account.dev",
    "Create iam_role.r3@dev",
    "PutRolePolicy iam_role.r2@live",
    "PutObject scopes/acct-dev/journal",
    "PutObject scopes/acct-live/state.json",
];

#[test]
fn a_paused_holder_whose_lock_was_broken_wakes_up_and_stops() {
    for at in PLACES {
        let lab = Lab::new();
        let ended = paused(&lab, at, || {
            run(async {
                for scope in ["org", "acct-dev", "acct-live", "walls"] {
                    lab.ledger.unlock(scope).await.unwrap();
                }
                lab.recover("winner").await.unwrap();
                lab.converge("winner", &estate(ROLES)).await;
            });
        });
        stopped(&lab, ended, at);
        whole(&lab);
    }
}

#[test]
fn a_holder_whose_lease_expires_in_mid_apply_is_taken_over_and_stops() {
    for at in PLACES {
        let lab = Lab::new();
        let terms = Terms::default();
        let ended = paused(&lab, at, || {
            run(async {
                // Before the lease is over nobody gets in, nor while a call of its last moment may
                // still be on its way.
                for passed in [Duration::ZERO, terms.length + Duration::from_secs(1)] {
                    lab.store.ahead(passed);
                    let next = plan(&estate(ROLES), &lab.snapshot().await, &lab.aws);
                    let error = lab.apply("early", &estate(ROLES), &next).await.unwrap_err();
                    assert_eq!(error.failure, StateFailure::Locked, "{at}");
                }
                lab.store.ahead(terms.request_timeout * 2);
                lab.recover("winner").await.unwrap();
                lab.converge("winner", &estate(ROLES)).await;
            });
        });
        stopped(&lab, ended, at);
        whole(&lab);
    }
}

/// The loser wakes up while the winner is at work and has written nothing yet but that it is there.
#[test]
fn a_holder_that_wakes_up_while_the_winner_works_writes_no_state_either() {
    let (lab, declared) = (Lab::new(), estate(ROLES));
    let held_up = |run_name: &'static str, at: &str| {
        let stall = Stall::before(at);
        *lab.power.stall.lock().unwrap() = Some(Arc::clone(&stall));
        let (lab, declared) = (&lab, &declared);
        let work = move || {
            run(async {
                let next = plan(declared, &lab.snapshot().await, &lab.aws);
                lab.apply(run_name, declared, &next).await
            })
        };
        (stall, work)
    };
    let (lost, won) = std::thread::scope(|scope| {
        // It holds its locks and has read the states, and nothing is in its journal.
        let (asleep, work) = held_up("paused", "PutObject audit/");
        let loser = scope.spawn(work);
        asleep.wait_until_reached();
        run(async {
            for name in ["org", "acct-dev", "acct-live", "walls"] {
                lab.ledger.unlock(name).await.unwrap();
            }
        });
        let (busy, work) = held_up("winner", "Create organizational_unit");
        let winner = scope.spawn(work);
        let (waking, working) = (Waking(&asleep), Waking(&busy));
        busy.wait_until_reached();
        drop(waking);
        let lost = loser.join().unwrap();
        drop(working);
        (lost, winner.join().unwrap())
    });
    stopped(&lab, lost, "while the winner works");
    assert!(won.is_ok(), "{won:?}");
    whole(&lab);
}

/// The lock is broken while it works, and nobody has come after it yet: nothing but the lock tells.
#[test]
fn a_holder_whose_lock_is_gone_starts_nothing_more_and_writes_no_state() {
    const LAST: &str = "Create iam_role.r3@dev";
    let lab = Lab { limits: ApplyLimits { total: 1, per_account: 1 }, ..Lab::new() };
    run(lab.converge("base", &estate(1)));
    let (ledger, clock) = (lab.ledger.clone(), Arc::clone(&lab.clock));
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |operation, _| {
        if operation == LAST {
            let unlock = || run(async { ledger.unlock("acct-dev").await.map(|_| ()) });
            std::thread::scope(|scope| scope.spawn(unlock).join().unwrap()).unwrap();
            // Time to renew, and far from the end of the lease.
            clock.advance(Terms::default().length / 2);
        }
        None
    }));
    let declared = estate(ROLES);
    let next = run(async { plan(&declared, &lab.snapshot().await, &lab.aws) });
    lab.power.cut_at(None);
    let ended = run(lab.apply("paused", &declared, &next));
    *lab.aws.fault.lock().unwrap() = None;
    let log = lab.power.log.lock().unwrap().clone();
    let after: Vec<&String> = log.iter().skip_while(|what| *what != LAST).skip(1).collect();
    let started = after.iter().filter(|what| what.ends_with("@dev") && !what.contains(".r3@"));
    assert_eq!(started.count(), 0, "{after:#?}");
    // The other account went on.
    assert!(after.iter().any(|what| what.starts_with("Create ") && what.ends_with("@live")));
    assert!(ended.as_ref().is_ok_and(ApplySummary::has_conflict), "{ended:#?}");
    let dev = run(lab.ledger.read_scope("acct-dev")).unwrap().unwrap().value;
    assert_eq!((dev.stamp.run.as_str(), dev.serial), ("base", 1));
    // What it did before is in its journal.
    whole(&lab);
}

#[test]
fn of_two_that_apply_the_same_at_once_one_wins_and_the_other_does_nothing() {
    for _ in 0..3 {
        let lab = Lab::new();
        let declared = estate(ROLES);
        let (first, second) = run(async {
            let next = plan(&declared, &lab.snapshot().await, &lab.aws);
            tokio::join!(lab.apply("one", &declared, &next), lab.apply("two", &declared, &next))
        });
        let (winner, loser) = match (first, second) {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            other => panic!("{other:?}"),
        };
        assert!(winner.is_success(), "{winner:#?}");
        assert!(
            matches!(loser.failure, StateFailure::Locked | StateFailure::Conflict),
            "exit code 4 or 5: {loser}"
        );
        let writers: std::collections::BTreeSet<String> =
            run(lab.snapshot()).scopes.into_values().map(|s| s.value.stamp.run).collect();
        assert_eq!(writers, [winner.run].into());
        whole(&lab);
    }
}

/// What somebody who was shut out has written since says nothing of what is there now.
#[tokio::test]
async fn a_journal_of_an_epoch_that_the_state_has_passed_is_not_believed() {
    let lab = Lab::new();
    lab.converge("base", &estate(2)).await;
    let before = lab.snapshot().await;
    let basis = &before.scopes["acct-dev"].value;
    assert!(basis.epoch > 0);
    let (kept, ghost) = (address("iam_role.r0@dev"), address("iam_role.r9@dev"));
    let record = basis.resources[&kept].clone();
    let mut absent = record.clone();
    absent.key = "r9".into();
    absent.attrs.insert("name".into(), &"r9".into());
    let intent =
        |operation, op: OperationKind, address: &ResourceAddr, resource: &ResourceState| Intent {
            operation,
            op,
            address: address.clone(),
            key: Some(resource.key.clone()),
            target: None,
            resource: resource.clone(),
        };
    let finished = |operation, address: &ResourceAddr, outcome| Finished {
        operation,
        address: address.clone(),
        outcome,
    };
    let at = basis.stamp.at;
    let mut journal =
        JournalWriter::new(&before.lineage, "acct-dev", "late", basis.epoch - 1, "late", "p", at);
    let intents = vec![
        intent(1, OperationKind::Delete, &kept, &record),
        intent(2, OperationKind::Create, &ghost, &absent),
    ];
    journal.write(&lab.ledger, vec![], intents).await.unwrap();
    let results = vec![
        finished(1, &kept, OperationOutcome::Gone),
        finished(2, &ghost, OperationOutcome::Recorded(absent)),
    ];
    journal.write(&lab.ledger, results, vec![]).await.unwrap();
    lab.recover("next").await.unwrap();
    let after = lab.snapshot().await;
    assert!(after.interrupted.is_empty());
    assert_eq!(after.resources(), before.resources(), "what is there was looked up");
}

#[tokio::test]
async fn leases_are_renewed_however_busy_the_run_is() {
    let lab = Lab { limits: ApplyLimits { total: 2, per_account: 2 }, ..Lab::new() };
    lab.converge("base", &estate(1)).await;
    let clock = Arc::clone(&lab.clock);
    // Each call takes ten seconds: the whole run lasts longer than any lease.
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |_, _| {
        clock.advance(Duration::from_secs(10));
        None
    }));
    lab.power.cut_at(None);
    let declared = estate(40);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("long", &declared, &next).await.unwrap();
    assert!(summary.is_success(), "{:#?}", summary.failed);
    let log = lab.power.log.lock().unwrap().clone();
    for scope in ["walls", "acct-dev", "acct-live"] {
        let key = format!("PutObject scopes/{scope}/lock.json");
        let writes = log.iter().filter(|what| **what == key).count();
        assert!(writes >= 6, "the lease of `{scope}` was written {writes} times");
    }
}

/// What is out of reach is not lost: the next renewal comes in time.
#[tokio::test]
async fn a_refused_renewal_drops_nothing_and_leaves_no_lock() {
    let lab = Lab { limits: ApplyLimits { total: 2, per_account: 2 }, ..Lab::new() };
    lab.converge("base", &estate(1)).await;
    let clock = Arc::clone(&lab.clock);
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |_, _| {
        clock.advance(Duration::from_secs(10));
        None
    }));
    // The first renewal of each lease, which follows the write that takes it.
    let mut written = std::collections::BTreeMap::<String, usize>::new();
    let refused = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    *lab.store.refuses.lock().unwrap() = Some(Box::new(move |key| {
        let count = written.entry(key.to_owned()).or_default();
        *count += usize::from(key.ends_with("lock.json"));
        let is_refused = *count == 2 && key.ends_with("lock.json");
        *count += usize::from(is_refused);
        counted.fetch_add(usize::from(is_refused), std::sync::atomic::Ordering::SeqCst);
        is_refused
    }));
    let declared = estate(40);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let summary = lab.apply("long", &declared, &next).await.unwrap();
    assert!(summary.is_success(), "{:#?}", summary.failed);
    assert!(refused.load(std::sync::atomic::Ordering::SeqCst) >= 3, "each lease was refused once");
    assert_eq!(lab.snapshot().await.resources().len(), lab.aws.listing().len());
    for scope in ["walls", "acct-dev", "acct-live"] {
        let lock = lab.ledger.read_lock(scope).await.unwrap().expect("a lock");
        assert!(lock.released, "{lock:?}");
    }
}

#[tokio::test]
async fn nothing_is_started_under_a_lease_that_runs_out() {
    let lab = Lab { limits: ApplyLimits { total: 1, per_account: 1 }, ..Lab::new() };
    lab.converge("base", &estate(1)).await;
    let (clock, store) = (Arc::clone(&lab.clock), Arc::clone(&lab.store));
    // Each call takes ten seconds, and from the first on no lock can be written.
    *lab.aws.fault.lock().unwrap() = Some(Box::new(move |_, _| {
        clock.advance(Duration::from_secs(10));
        *store.mute.lock().unwrap() = Some("lock.json");
        None
    }));
    let declared = estate(40);
    let next = plan(&declared, &lab.snapshot().await, &lab.aws);
    let (before, calls) = (lab.aws.listing().len(), lab.aws.calls());
    let summary = lab.apply("long", &declared, &next).await.unwrap();
    let stopped = summary.failed.iter().any(|f| f.why.summary.contains("ran out"));
    assert!(stopped, "{:#?}", summary.failed);
    // Five minutes, less twice the half minute that a call may take.
    let made = lab.aws.calls() - calls;
    assert!((2..=24).contains(&made), "{made} calls");
    // What was done is not lost.
    *lab.store.mute.lock().unwrap() = None;
    assert!(lab.aws.listing().len() > before);
    assert_eq!(lab.snapshot().await.resources().len(), lab.aws.listing().len());
}
