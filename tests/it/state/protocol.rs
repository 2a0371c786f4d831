//! The protocol on every store: leases, fencing, history, the audit chain, plans that write nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use palisade::state::audit::Record;
use palisade::state::json::encode;
use palisade::state::lease::Acquired;
use palisade::state::scopes::digest;
use palisade::state::{
    AuditEvent, LeaseHolder, Ledger, ScopeState, Snapshot, Stamp, StateFailure, Terms,
    WriteCondition,
};

use super::stores::{Backend, Wrapped, backends, remove};
use crate::support::clock::SkippingClock;

pub(super) fn holder(run: &str) -> LeaseHolder {
    LeaseHolder {
        who: format!("arn:aws:iam::111111111111:user/{run}"),
        host: "runner".into(),
        pid: 1,
        process: None,
        operation: "apply".into(),
        run: run.into(),
    }
}

fn stamp(run: &str) -> Stamp {
    Stamp {
        at: Timestamp::UNIX_EPOCH,
        by: format!("arn:aws:iam::111111111111:user/{run}"),
        run: run.into(),
        operation: "apply".into(),
        plan: Some("sha256:0".into()),
    }
}

/// A lease that is over as soon as it is taken.
const EXPIRED: Terms = Terms { length: Duration::ZERO, request_timeout: Duration::ZERO };

async fn held(ledger: &Ledger, scope: &str, run: &str, terms: Terms) -> palisade::state::Lease {
    match ledger.acquire(scope, &holder(run), terms, 0).await.unwrap() {
        Acquired::Held(lease, _) => *lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lease_is_held_by_one_renewed_released_and_its_epoch_rises() {
    for backend in backends().await {
        let ledger = backend.ledger();
        let mut lease = held(&ledger, "org", "a", Terms::default()).await;
        assert_eq!(lease.lock.epoch, 1);
        match ledger.acquire("org", &holder("b"), Terms::default(), 0).await.unwrap() {
            Acquired::Busy(lock) => assert_eq!(lock.holder.run, "a"),
            other => panic!("{}: two holders: {other:?}", backend.name),
        }
        ledger.renew(&mut lease).await.unwrap();
        ledger.release(&mut lease).await.unwrap();
        assert_eq!(held(&ledger, "org", "b", Terms::default()).await.lock.epoch, 2);
        // A lock that somebody removed does not bring old epochs back.
        match ledger.acquire("acct-x", &holder("c"), Terms::default(), 41).await.unwrap() {
            Acquired::Held(lease, None) => assert_eq!(lease.lock.epoch, 42),
            other => panic!("{}: {other:?}", backend.name),
        }
    }
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_its_holder_is_shut_out() {
    for backend in backends().await {
        let ledger = backend.ledger();
        let lineage = ledger.begin("me").await.unwrap();
        let mut paused = held(&ledger, "org", "paused", EXPIRED).await;
        let seen = ledger.read_scope("org").await.unwrap();
        let short = Terms { request_timeout: Duration::ZERO, ..Terms::default() };
        let mut second = match ledger.acquire("org", &holder("next"), short, 0).await {
            Ok(Acquired::Held(lease, Some(previous))) => {
                assert_eq!(previous.holder.run, "paused");
                *lease
            }
            other => panic!("{}: {other:?}", backend.name),
        };
        ledger.fence(&mut second, &lineage, &stamp("next")).await.unwrap();
        // The first one wakes up: it can neither renew, nor release, nor write.
        for error in [
            ledger.renew(&mut paused).await.unwrap_err(),
            ledger.release(&mut paused).await.unwrap_err(),
        ] {
            assert_eq!(error.failure, StateFailure::Conflict, "{}", backend.name);
            assert!(error.to_string().contains("user/next"), "{error}");
        }
        let mut late = ScopeState::new(&lineage, "org", stamp("paused"));
        late.epoch = paused.lock.epoch;
        let error = ledger.write_scope(seen.as_ref(), &late, stamp("paused")).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Conflict, "{}", backend.name);
        // Nor over what it finds there now, of which the tag alone would let it.
        let seen = ledger.read_scope("org").await.unwrap();
        let error = ledger.write_scope(seen.as_ref(), &late, stamp("paused")).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Conflict, "{}", backend.name);
        let now = ledger.read_scope("org").await.unwrap().unwrap();
        assert_eq!((now.value.epoch, now.value.stamp.run.as_str()), (2, "next"));
    }
}

#[tokio::test]
async fn a_lock_broken_by_force_leaves_its_holder_shut_out_too() {
    for backend in backends().await {
        let ledger = backend.ledger();
        let lineage = ledger.begin("me").await.unwrap();
        let mut first = held(&ledger, "org", "first", Terms::default()).await;
        assert_eq!(ledger.unlock("org").await.unwrap().unwrap().holder.run, "first");
        assert!(ledger.unlock("org").await.unwrap().is_none());
        let Acquired::Held(mut second, Some(_)) =
            ledger.acquire("org", &holder("second"), Terms::default(), 0).await.unwrap()
        else {
            panic!("{}: the successor must know that somebody may still be at work", backend.name)
        };
        ledger.fence(&mut second, &lineage, &stamp("second")).await.unwrap();
        assert_eq!(ledger.renew(&mut first).await.unwrap_err().failure, StateFailure::Conflict);
        ledger.release(&mut second).await.unwrap();
        let Acquired::Held(_, None) =
            ledger.acquire("org", &holder("third"), Terms::default(), 0).await.unwrap()
        else {
            panic!("{}: a fenced scope is clean again", backend.name)
        };
    }
}

#[tokio::test]
async fn without_a_server_time_nothing_is_taken_over() {
    for backend in backends().await {
        held(&backend.ledger(), "org", "a", EXPIRED).await;
        let mute = Wrapped { no_time: true, ..Wrapped::new(Arc::clone(&backend.store)) };
        let ledger = Ledger::with_clock(Arc::new(mute), Arc::new(SkippingClock::default()));
        let error = ledger.acquire("org", &holder("b"), EXPIRED, 0).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Unsafe, "{}", backend.name);
    }
}

#[tokio::test]
async fn many_tasks_under_one_lock_never_overlap() {
    for backend in backends().await {
        let (inside, total) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let ledger = backend.ledger();
            let (inside, total) = (Arc::clone(&inside), Arc::clone(&total));
            tasks.spawn(async move {
                let scopes: BTreeMap<String, u64> = match n % 2 {
                    0 => [("acct-a".into(), 0), ("acct-b".into(), 0)].into(),
                    _ => [("acct-b".into(), 0), ("acct-c".into(), 0), ("walls".into(), 0)].into(),
                };
                let timeout = Duration::from_secs(1_000_000);
                let run = format!("run{n}");
                let held = ledger
                    .acquire_all(&scopes, &holder(&run), Terms::default(), timeout, |_, _| {})
                    .await
                    .unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two in acct-b");
                tokio::task::yield_now().await;
                total.fetch_add(1, Ordering::SeqCst);
                inside.fetch_sub(1, Ordering::SeqCst);
                for (mut lease, _) in held {
                    ledger.release(&mut lease).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(total.load(Ordering::SeqCst), 8, "{}", backend.name);
    }
}

#[tokio::test]
async fn waiting_for_a_lock_ends_with_who_holds_it_and_gives_back_what_was_taken() {
    for backend in backends().await {
        let ledger = backend.ledger();
        let _held = held(&ledger, "acct-b", "other", Terms::default()).await;
        let scopes: BTreeMap<String, u64> =
            [("acct-a".into(), 0), ("acct-b".into(), 0), ("acct-c".into(), 0)].into();
        let mut told = Vec::new();
        let error = ledger
            .acquire_all(
                &scopes,
                &holder("me"),
                Terms::default(),
                Duration::from_secs(60),
                |s, l| {
                    told.push((s.to_owned(), l.holder.run.clone()));
                },
            )
            .await
            .unwrap_err();
        assert_eq!(error.failure, StateFailure::Locked, "{}", backend.name);
        assert!(error.to_string().contains("user/other"), "{error}");
        assert_eq!(told, [("acct-b".to_owned(), "other".to_owned())]);
        for free in ["acct-a", "acct-c"] {
            assert!(
                ledger.read_lock(free).await.unwrap().unwrap().released,
                "{}: {free}",
                backend.name
            );
        }
    }
}

async fn three_serials(backend: &Backend) -> Ledger {
    let ledger = backend.ledger();
    let lineage = ledger.begin("me").await.unwrap();
    let mut basis = None;
    for run in ["one", "two", "three"] {
        let next = ScopeState::new(&lineage, "org", stamp(run));
        basis = Some(ledger.write_scope(basis.as_ref(), &next, stamp(run)).await.unwrap());
    }
    ledger
}

#[tokio::test]
async fn history_is_listed_and_an_old_serial_becomes_a_new_one() {
    for backend in backends().await {
        let ledger = three_serials(&backend).await;
        let history = ledger.history("org", 10).await.unwrap();
        let seen: Vec<(u64, String)> = history
            .iter()
            .map(|h| {
                let state = h.state.as_ref().unwrap();
                (state.serial, state.stamp.run.clone())
            })
            .collect();
        let expected = [(3, "three".to_owned()), (2, "two".to_owned()), (1, "one".to_owned())];
        assert_eq!(seen, expected, "{}", backend.name);
        let lease = held(&ledger, "org", "back", Terms::default()).await;
        let now = ledger.rollback(&lease, 1, stamp("back")).await.unwrap();
        assert_eq!((now.value.serial, now.value.stamp.run.as_str()), (4, "back"));
        assert!(ledger.rollback(&lease, 9, stamp("back")).await.is_err());
    }
}

#[tokio::test]
async fn a_damaged_state_is_refused_and_can_be_rolled_back() {
    for backend in backends().await {
        let ledger = three_serials(&backend).await;
        let key = "scopes/org/state.json";
        let object = backend.store.get(key).await.unwrap().unwrap();
        let text = String::from_utf8(object.bytes).unwrap();
        let edited = text.replace("\"serial\": 3", "\"serial\": 7");
        backend
            .store
            .put_if(key, edited.as_bytes(), &WriteCondition::Etag(object.etag))
            .await
            .unwrap();
        let error = ledger.read_all().await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid, "{}", backend.name);
        assert!(error.to_string().contains("edited"), "{error}");
        let help = error.diagnostic.help.unwrap();
        assert!(help.contains("state rollback org --to 3"), "{help}");
        let lease = held(&ledger, "org", "back", Terms::default()).await;
        let now = ledger.rollback(&lease, 3, stamp("back")).await.unwrap();
        assert_eq!(now.value.serial, 5, "{}: counts on from the damaged one", backend.name);
        ledger.read_all().await.unwrap();
    }
}

#[tokio::test]
async fn reading_everything_takes_no_lock_and_writes_nothing() {
    for backend in backends().await {
        three_serials(&backend).await;
        let watched = Arc::new(Wrapped::new(Arc::clone(&backend.store)));
        let ledger = Ledger::with_clock(
            Arc::clone(&watched) as Arc<dyn palisade::state::StateStore>,
            Arc::new(SkippingClock::default()),
        );
        let snapshot = ledger.read_all().await.unwrap();
        assert_eq!(snapshot.scopes["org"].value.serial, 3);
        ledger.read_journals(&["org".to_owned()].into()).await.unwrap();
        ledger.history("org", 10).await.unwrap();
        ledger.verify_audit(&snapshot).await.unwrap();
        assert_eq!(watched.writes.load(Ordering::SeqCst), 0, "{}", backend.name);
        assert!(ledger.read_lock("org").await.unwrap().is_none());
    }
}

fn event(action: &str) -> AuditEvent {
    AuditEvent {
        at: Timestamp::UNIX_EPOCH,
        who: "me".into(),
        run: "r".into(),
        action: action.into(),
        plan: None,
        reason: None,
        scopes: vec![],
        details: Default::default(),
    }
}

/// A log of five records whose last head a scope has seen.
async fn log(backend: &Backend) -> (Ledger, Snapshot) {
    let ledger = backend.ledger();
    let lineage = ledger.begin("me").await.unwrap();
    let mut head = None;
    for n in 0..5 {
        head = Some(ledger.audit(head.as_ref(), event(&format!("apply{n}"))).await.unwrap());
    }
    let mut state = ScopeState::new(&lineage, "org", stamp("r"));
    state.audit = head;
    ledger.write_scope(None, &state, stamp("r")).await.unwrap();
    let snapshot = ledger.read_all().await.unwrap();
    (ledger, snapshot)
}

#[tokio::test]
async fn the_audit_chain_shows_every_kind_of_tampering() {
    for backend in backends().await {
        let (ledger, snapshot) = log(&backend).await;
        let clean = ledger.verify_audit(&snapshot).await.unwrap();
        assert_eq!((clean.records, clean.problems.as_slice()), (5, &[][..]), "{}", backend.name);
        let store = backend.store.as_ref();
        let key = |n: u64| format!("audit/{n:08}.json");
        let original = store.get(&key(3)).await.unwrap().unwrap();
        // One record changed.
        let text = String::from_utf8(original.bytes.clone()).unwrap();
        let forged = text.replace("apply2", "nothing");
        store
            .put_if(&key(3), forged.as_bytes(), &WriteCondition::Etag(original.etag))
            .await
            .unwrap();
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems.join("; ");
        assert!(found.contains("record 3 was changed"), "{}: {found}", backend.name);
        assert!(found.contains("has 2 versions"), "{}: {found}", backend.name);
        // The tail dropped.
        store.delete(&key(5)).await.unwrap();
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems.join("; ");
        assert!(found.contains("record 5 is missing"), "{}: {found}", backend.name);
        // One dropped in the middle.
        store.delete(&key(2)).await.unwrap();
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems.join("; ");
        assert!(found.contains("records 2 to 2 are missing"), "{}: {found}", backend.name);
    }
}

#[tokio::test]
async fn a_chain_rewritten_whole_does_not_match_what_states_have_seen() {
    for backend in backends().await {
        let (ledger, snapshot) = log(&backend).await;
        // A forger with the bucket in hand makes a new, consistent chain elsewhere and moves it in.
        let forge = backends().await.remove(0);
        let forger = forge.ledger();
        let mut head = None;
        for n in 0..5 {
            head = Some(forger.audit(head.as_ref(), event(&format!("harmless{n}"))).await.unwrap());
        }
        for n in 1..=5 {
            let key = format!("audit/{n:08}.json");
            let bytes = forge.store.get(&key).await.unwrap().unwrap().bytes;
            let etag = backend.store.get(&key).await.unwrap().unwrap().etag;
            backend.store.put_if(&key, &bytes, &WriteCondition::Etag(etag)).await.unwrap();
        }
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems.join("; ");
        assert!(found.contains("the chain was rewritten"), "{}: {found}", backend.name);
        // Two records swapped: each is where the other belongs.
        let (a, b) = ("audit/00000001.json", "audit/00000002.json");
        let (one, two) = (
            backend.store.get(a).await.unwrap().unwrap(),
            backend.store.get(b).await.unwrap().unwrap(),
        );
        backend.store.put_if(a, &two.bytes, &WriteCondition::Etag(one.etag)).await.unwrap();
        backend.store.put_if(b, &one.bytes, &WriteCondition::Etag(two.etag)).await.unwrap();
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems.join("; ");
        assert!(found.contains("holds record 2"), "{}: {found}", backend.name);
    }
}

/// As a forger makes it who knows how records are sealed.
fn sealed(record: Record) -> Vec<u8> {
    let mut record = Record { hash: String::new(), ..record };
    record.hash = digest(&encode(&record).unwrap());
    encode(&record).unwrap()
}

#[tokio::test]
async fn a_record_that_does_not_follow_is_told_though_all_else_of_it_is_right() {
    for backend in backends().await {
        let ledger = backend.ledger();
        for n in 0..2 {
            ledger.audit(None, event(&format!("apply{n}"))).await.unwrap();
        }
        let third = Record {
            number: 3,
            previous: digest(b"another record"),
            write_id: "w".into(),
            lineage: String::new(),
            event: event("apply2"),
            hash: String::new(),
        };
        let key = "audit/00000003.json";
        backend.store.put_if(key, &sealed(third), &WriteCondition::Absent).await.unwrap();
        ledger.audit(None, event("apply3")).await.unwrap();
        let found = ledger.verify_audit(&Snapshot::default()).await.unwrap();
        let told = "record 3 does not follow the one before it: the chain was rewritten";
        assert_eq!((found.records, found.problems), (4, vec![told.to_owned()]), "{}", backend.name);
    }
}

#[tokio::test]
async fn a_record_that_was_changed_and_sealed_anew_is_told_by_the_next() {
    for backend in backends().await {
        let (ledger, snapshot) = log(&backend).await;
        let object = backend.store.get("audit/00000003.json").await.unwrap().unwrap();
        let mut record: Record = serde_json::from_slice(&object.bytes).unwrap();
        record.event.action = "nothing".into();
        let condition = WriteCondition::Etag(object.etag);
        backend.store.put_if("audit/00000003.json", &sealed(record), &condition).await.unwrap();
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems;
        let told = "record 4 does not follow the one before it";
        assert!(found.iter().any(|p| p.starts_with(told)), "{}: {found:?}", backend.name);
    }
}

#[tokio::test]
async fn a_last_record_that_no_state_has_seen_is_missed_too() {
    for backend in backends().await {
        let (ledger, snapshot) = log(&backend).await;
        ledger.audit(None, event("unlocked")).await.unwrap();
        assert_eq!(ledger.verify_audit(&snapshot).await.unwrap().problems, Vec::<String>::new());
        let key = "audit/00000006.json";
        remove(&backend, key).await;
        let found = ledger.verify_audit(&snapshot).await.unwrap().problems;
        assert_eq!(found.len(), 1, "{}: {found:?}", backend.name);
        assert!(found[0].contains(key) && found[0].contains("was deleted"), "{found:?}");
    }
}

#[tokio::test]
async fn concurrent_writers_append_to_one_chain() {
    for backend in backends().await {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..10 {
            let ledger = backend.ledger();
            tasks.spawn(async move { ledger.audit(None, event(&format!("e{n}"))).await.unwrap() });
        }
        tasks.join_all().await;
        let ledger = backend.ledger();
        let found = ledger.verify_audit(&Snapshot::default()).await.unwrap();
        assert_eq!((found.records, found.problems.len()), (10, 0), "{}: {found:?}", backend.name);
    }
}

#[tokio::test]
async fn many_scopes_are_read_at_once_and_migrated() {
    for backend in backends().await {
        let ledger = backend.ledger();
        let lineage = ledger.begin("me").await.unwrap();
        let scopes = 200;
        for n in 0..scopes {
            let state = ScopeState::new(&lineage, format!("acct-a{n}"), stamp("r"));
            ledger.write_scope(None, &state, stamp("r")).await.unwrap();
        }
        let snapshot = ledger.read_all().await.unwrap();
        assert_eq!(snapshot.scopes.len(), scopes, "{}", backend.name);
        let target = backends().await.remove(0);
        let copied = ledger.migrate(&target.ledger(), Terms::default()).await.unwrap();
        assert_eq!(copied, scopes + 1, "{}", backend.name);
        let there = target.ledger().read_all().await.unwrap();
        assert_eq!(there.lineage, lineage);
        assert_eq!(there.scopes.len(), scopes);
        assert!(
            ledger.migrate(&target.ledger(), Terms::default()).await.is_err(),
            "not over another state"
        );
    }
}
