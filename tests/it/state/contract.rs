//! What every store must do: conditional writes, versions, lists, and compare-and-swap on top.

use std::sync::Arc;

use jiff::Timestamp;
use palisade::state::clock::Clock;
use palisade::state::journal::JournalWriter;
use palisade::state::lease::Acquired;
use palisade::state::store::{Cas, Versioning, cas_while};
use palisade::state::{
    Put, ScopeState, StateError, StateFailure, StateStore, Terms, WriteCondition,
};

use super::hostile::{begun, holder, quiet, stamp};
use super::stores::{Trouble, Wrapped, backends};
use crate::support::clock::SkippingClock;

async fn put(store: &dyn StateStore, key: &str, text: &str, condition: WriteCondition) -> Put {
    store.put_if(key, text.as_bytes(), &condition).await.unwrap()
}

fn etag(put: Put) -> String {
    match put {
        Put::Written(written) => written.etag,
        other => panic!("not written: {other:?}"),
    }
}

/// A conditional write that nothing forbids.
async fn cas(
    store: &dyn StateStore,
    clock: &dyn Clock,
    key: &str,
    bytes: &[u8],
    condition: &WriteCondition,
) -> Result<Cas, StateError> {
    cas_while(store, clock, key, bytes, condition, &|| true).await
}

#[tokio::test]
async fn a_write_is_carried_out_only_when_its_condition_holds() {
    for backend in backends().await {
        let (store, name) = (backend.store.as_ref(), backend.name);
        let key = "scopes/org/state.json";
        assert!(store.get(key).await.unwrap().is_none(), "{name}");
        let lost = put(store, key, "x", WriteCondition::Etag("\"none\"".into())).await;
        assert_eq!(lost, Put::Lost, "{name}: if-match on an absent object");
        let first = etag(put(store, key, "one", WriteCondition::Absent).await);
        assert_eq!(put(store, key, "two", WriteCondition::Absent).await, Put::Lost, "{name}");
        let second = etag(put(store, key, "two", WriteCondition::Etag(first.clone())).await);
        assert_eq!(
            put(store, key, "three", WriteCondition::Etag(first)).await,
            Put::Lost,
            "{name}"
        );
        let object = store.get(key).await.unwrap().unwrap();
        assert_eq!((object.bytes.as_slice(), &object.etag), (b"two".as_slice(), &second), "{name}");
    }
}

#[tokio::test]
async fn of_many_racers_one_wins() {
    for backend in backends().await {
        let mut tasks = tokio::task::JoinSet::new();
        for racer in 0..20 {
            let store = Arc::clone(&backend.store);
            tasks.spawn(async move {
                let text = format!("racer {racer}");
                matches!(
                    put(store.as_ref(), "race.json", &text, WriteCondition::Absent).await,
                    Put::Written(_)
                )
            });
        }
        let wins = tasks.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(wins, 1, "{}", backend.name);
    }
}

#[tokio::test]
async fn increments_under_compare_and_swap_are_never_lost() {
    for backend in backends().await {
        etag(put(backend.store.as_ref(), "n.json", "0", WriteCondition::Absent).await);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let store = Arc::clone(&backend.store);
            tasks.spawn(async move {
                loop {
                    let object = store.get("n.json").await.unwrap().unwrap();
                    let n: u32 = String::from_utf8(object.bytes).unwrap().parse().unwrap();
                    let next = (n + 1).to_string();
                    let done =
                        put(store.as_ref(), "n.json", &next, WriteCondition::Etag(object.etag))
                            .await;
                    if matches!(done, Put::Written(_)) {
                        return;
                    }
                }
            });
        }
        tasks.join_all().await;
        let object = backend.store.get("n.json").await.unwrap().unwrap();
        assert_eq!(object.bytes, b"12", "{}", backend.name);
        assert_eq!(backend.store.versions("n.json").await.unwrap().len(), 13, "{}", backend.name);
    }
}

#[tokio::test]
async fn old_versions_are_kept_newest_first() {
    for backend in backends().await {
        let (store, name) = (backend.store.as_ref(), backend.name);
        let mut condition = WriteCondition::Absent;
        for text in ["one", "two", "three"] {
            condition = WriteCondition::Etag(etag(put(store, "v/a.json", text, condition).await));
        }
        etag(put(store, "v/a.json.other", "x", WriteCondition::Absent).await);
        let versions = store.versions("v/a.json").await.unwrap();
        let mut texts = Vec::new();
        for version in &versions {
            let object = store.get_version("v/a.json", &version.id).await.unwrap().unwrap();
            assert_eq!(object.bytes.len() as u64, version.size, "{name}");
            texts.push(String::from_utf8(object.bytes).unwrap());
        }
        assert_eq!(texts, ["three", "two", "one"], "{name}");
        let counts = store.version_counts("v/").await.unwrap();
        let expected =
            vec![("v/a.json".to_owned(), 3, false), ("v/a.json.other".to_owned(), 1, false)];
        assert_eq!(counts, expected, "{name}");
    }
}

/// `audit verify` counts while others append: what it finds is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_versions_are_counted_is_not_told_as_deleted() {
    for backend in backends().await {
        let (store, name) = (Arc::clone(&backend.store), backend.name);
        let writes = tokio::spawn(async move {
            for n in 0..200 {
                etag(put(store.as_ref(), &format!("w/{n}"), "x", WriteCondition::Absent).await);
            }
        });
        loop {
            let ended = writes.is_finished();
            let counts = backend.store.version_counts("w/").await.unwrap();
            let gone: Vec<_> = counts.iter().filter(|(_, _, gone)| *gone).collect();
            assert!(gone.is_empty(), "{name}: {gone:?} of {}", counts.len());
            if ended {
                assert_eq!(counts.len(), 200, "{name}");
                break;
            }
        }
        writes.await.unwrap();
    }
}

#[tokio::test]
async fn lists_are_whole_ordered_and_start_where_told() {
    for backend in backends().await {
        let (store, name) = (backend.store.as_ref(), backend.name);
        for n in (0..25).rev() {
            etag(put(store, &format!("l/{n:02}.json"), "x", WriteCondition::Absent).await);
        }
        etag(put(store, "m/other.json", "x", WriteCondition::Absent).await);
        let keys = store.list("l/", None).await.unwrap();
        assert_eq!(keys.len(), 25, "{name}");
        assert!(keys.is_sorted(), "{name}");
        let tail = store.list("l/", Some("l/22.json")).await.unwrap();
        assert_eq!(tail, ["l/23.json", "l/24.json"], "{name}");
        store.delete("l/24.json").await.unwrap();
        store.delete("l/24.json").await.unwrap();
        assert_eq!(store.list("l/", Some("l/22.json")).await.unwrap(), ["l/23.json"], "{name}");
        assert!(store.get("l/24.json").await.unwrap().is_none(), "{name}");
        assert!(store.list("nothing/", None).await.unwrap().is_empty(), "{name}");
        assert!(store.server_time().await.unwrap().is_some(), "{name} tells the time");
        assert_eq!(store.versioning().await.unwrap(), Versioning::On, "{name}");
    }
}

#[tokio::test]
async fn after_an_ambiguous_answer_the_own_write_is_recognised() {
    use Trouble::{AnswerLost, Conflict, Repeated, RequestLost};
    for backend in backends().await {
        let store = Wrapped::new(Arc::clone(&backend.store));
        let clock = SkippingClock::default();
        let cases: [&[Trouble]; 6] = [
            &[AnswerLost],
            &[RequestLost],
            &[Conflict],
            &[Repeated],
            &[RequestLost, Conflict, AnswerLost],
            &[AnswerLost, RequestLost, RequestLost],
        ];
        for (at, troubles) in cases.iter().enumerate() {
            let key = format!("ambiguous/{at}.json");
            for (text, etag) in [("first", None), ("second", Some(()))] {
                let condition = match etag {
                    None => WriteCondition::Absent,
                    Some(()) => WriteCondition::Etag(store.get(&key).await.unwrap().unwrap().etag),
                };
                *store.troubles.lock().unwrap() = troubles.to_vec();
                let done = cas(&store, &clock, &key, text.as_bytes(), &condition).await.unwrap();
                let Cas::Won(written) = done else {
                    panic!("{}: {troubles:?}: held against itself", backend.name)
                };
                store.troubles.lock().unwrap().clear();
                let object = store.get(&key).await.unwrap().unwrap();
                assert_eq!(object.bytes, text.as_bytes());
                assert_eq!(object.etag, written.etag, "{}: {troubles:?}", backend.name);
            }
        }
        // Somebody else's object is somebody else's, however the answer came.
        for trouble in [AnswerLost, RequestLost, Conflict, Repeated] {
            *store.troubles.lock().unwrap() = vec![trouble];
            let done =
                cas(&store, &clock, "ambiguous/0.json", b"mine", &WriteCondition::Absent).await;
            assert!(matches!(done.unwrap(), Cas::Lost(Some(_))), "{}: {trouble:?}", backend.name);
        }
        // A backend that never answers gives an error that claims nothing.
        *store.troubles.lock().unwrap() = vec![RequestLost; 50];
        let error =
            cas(&store, &clock, "never.json", b"x", &WriteCondition::Absent).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Unavailable);
        assert!(error.to_string().contains("not known whether"), "{error}");
    }
}

#[tokio::test]
async fn an_own_write_that_was_superseded_at_once_still_counts_as_won() {
    for backend in backends().await {
        let store = Arc::new(Wrapped::new(Arc::clone(&backend.store)));
        let clock = SkippingClock::default();
        // The answer is lost, and before we look somebody who read our object writes over it.
        *store.troubles.lock().unwrap() = vec![Trouble::AnswerLost];
        let first =
            store.put_if("s.json", b"ours, lost answer", &WriteCondition::Absent).await.unwrap();
        assert!(matches!(first, Put::Ambiguous(_)));
        let etag_of_ours = store.get("s.json").await.unwrap().unwrap().etag;
        put(backend.store.as_ref(), "s.json", "theirs", WriteCondition::Etag(etag_of_ours)).await;
        *store.troubles.lock().unwrap() = vec![Trouble::Conflict];
        let done =
            cas(store.as_ref(), &clock, "s.json", b"ours, lost answer", &WriteCondition::Absent)
                .await;
        assert!(matches!(done.unwrap(), Cas::Won(_)), "{}", backend.name);
        assert_eq!(store.get("s.json").await.unwrap().unwrap().bytes, b"theirs");
    }
}

#[tokio::test]
async fn a_bucket_without_versions_is_refused_before_any_write() {
    for backend in backends().await {
        let Some((client, bucket)) = &backend.s3 else { continue };
        suspend(client, bucket).await;
        let error = backend.ledger().begin("me").await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Unsafe, "{}", backend.name);
        let help = error.diagnostic.help.unwrap();
        assert!(help.contains("put-bucket-versioning"), "{help}");
        assert!(backend.store.list("", None).await.unwrap().is_empty(), "{}", backend.name);
    }
}

/// They were on when the state was begun: no way of writing goes past the question.
#[tokio::test]
async fn a_bucket_whose_versions_are_switched_off_is_written_by_nobody() {
    for backend in backends().await {
        let Some((client, bucket)) = &backend.s3 else { continue };
        let (ledger, lineage) = begun(&backend).await;
        let mut lease = match ledger.acquire("acct-dev", &holder("a"), Terms::default(), 0).await {
            Ok(Acquired::Held(lease, _)) => *lease,
            other => panic!("{other:?}"),
        };
        let before = backend.store.version_counts("").await.unwrap();
        suspend(client, bucket).await;
        // As the next process finds it.
        let ledger = backend.ledger();
        let state = ledger.read_scope("acct-dev").await.unwrap();
        let next = ScopeState::new(&lineage, "org", stamp());
        let mut journal =
            JournalWriter::new(&lineage, "acct-dev", "r", 1, "me", "p", Timestamp::UNIX_EPOCH);
        let now = state.as_ref().unwrap().value.clone();
        let refused = [
            ledger.begin("me").await.map(drop),
            ledger.acquire("org", &holder("b"), Terms::default(), 0).await.map(drop),
            ledger.renew(&mut lease).await,
            ledger.release(&mut lease).await,
            ledger.unlock("acct-dev").await.map(drop),
            ledger.fence(&mut lease, &lineage, &stamp()).await.map(drop),
            ledger.write_scope(None, &next, stamp()).await.map(drop),
            ledger.write_scope(state.as_ref(), &now, stamp()).await.map(drop),
            ledger.rollback(&lease, 1, stamp()).await.map(drop),
            journal.write(&ledger, vec![], vec![]).await.map(drop),
            ledger.audit(None, quiet()).await.map(drop),
            ledger.fingerprinter().await.map(drop),
        ];
        for (number, result) in refused.into_iter().enumerate() {
            let error = result.expect_err("refused");
            assert_eq!(error.failure, StateFailure::Unsafe, "{}: {number}", backend.name);
            assert!(error.diagnostic.help.unwrap().contains("put-bucket-versioning"), "{number}");
        }
        assert_eq!(backend.store.version_counts("").await.unwrap(), before, "{}", backend.name);
        // Whoever only reads is not kept from it.
        ledger.read_all().await.unwrap();
    }
}

async fn suspend(client: &aws_sdk_s3::Client, bucket: &str) {
    let suspended = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Suspended)
        .build();
    let request = client.put_bucket_versioning().bucket(bucket);
    request.versioning_configuration(suspended).send().await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_apart_from_one_that_is_empty() {
    for backend in backends().await {
        let Some((client, _)) = &backend.s3 else { continue };
        let store = palisade::state::S3Store::new(client.clone(), "no-such-bucket-here", "");
        let error = store.get("palisade.json").await.unwrap_err();
        assert_eq!(error.failure, palisade::state::StoreFailure::Missing, "{error}");
        let error = palisade::state::StateError::from(error);
        assert!(error.diagnostic.help.unwrap().contains("--create-backend"));
    }
}
