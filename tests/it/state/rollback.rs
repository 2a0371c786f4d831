//! Whatever stands where a state or a lock belongs, there is a command that leads back: nothing is
//! wedged for good.

use palisade::state::lease::Acquired;
use palisade::state::{Ledger, ScopeState, StateFailure, Terms, layout};
use serde_json::json;

use super::hostile::{begun, forged, holder, plant, resealed, stamp};
use super::stores::{backends, remove};

/// As `palisade state rollback` does it.
async fn roll_back(ledger: &Ledger, to: u64) -> ScopeState {
    let floor = ledger.floor("acct-dev").await.unwrap();
    let taken = ledger.acquire("acct-dev", &holder("back"), Terms::default(), floor).await.unwrap();
    let Acquired::Held(mut lease, _) = taken else { panic!("busy") };
    let now = ledger.rollback(&lease, to, stamp()).await.unwrap();
    ledger.release(&mut lease).await.unwrap();
    assert_eq!(ledger.read_all().await.unwrap().scopes["acct-dev"], now);
    now.value
}

#[tokio::test]
async fn a_state_that_was_removed_is_missed_and_brought_back() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        // (Whoever wrote it held its lock.)
        assert_eq!(roll_back(&ledger, 1).await.serial, 2);
        remove(&backend, &layout::state("acct-dev")).await;
        let error = ledger.read_all().await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid, "{}", backend.name);
        assert!(error.to_string().contains("`acct-dev` in"), "{error}");
        assert!(error.to_string().contains("was removed"), "{error}");
        let help = error.diagnostic.help.unwrap();
        assert!(help.contains("state rollback acct-dev --to 2"), "{}: {help}", backend.name);
        let serials: Vec<_> = ledger.history("acct-dev", 9).await.unwrap();
        let serials: Vec<_> = serials.into_iter().map(|h| h.state.unwrap().serial).collect();
        assert_eq!(serials, [2, 1], "{}", backend.name);
        assert!(roll_back(&ledger, 2).await.serial > 2, "{}: serials rise", backend.name);
    }
}

#[tokio::test]
async fn a_root_that_was_removed_comes_back_as_it_was() {
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        remove(&backend, layout::ROOT).await;
        assert_eq!(ledger.read_all().await.unwrap().lineage, lineage, "{}", backend.name);
        assert_eq!(ledger.begin("me").await.unwrap(), lineage, "{}", backend.name);
        assert_eq!(ledger.read_root().await.unwrap().unwrap().value.lineage, lineage);
    }
}

#[tokio::test]
async fn a_lock_without_a_state_is_no_state_that_was_removed() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        for scope in ["acct-new", "walls", "env-dev"] {
            ledger.acquire(scope, &holder("a"), Terms::default(), 0).await.unwrap();
        }
        assert_eq!(ledger.read_all().await.unwrap().scopes.len(), 1, "{}", backend.name);
    }
}

#[tokio::test]
async fn a_state_whose_counters_were_forged_is_refused_or_gone_back_from() {
    const END: u64 = 1 << 53;
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let sealed = |serial: u64, epoch: u64| {
            let text = String::from_utf8(forged(&lineage, "{}")).unwrap();
            let text = text
                .replace("\"serial\": 2", &format!("\"serial\": {serial}"))
                .replace("\"epoch\": 1", &format!("\"epoch\": {epoch}"));
            resealed(&text).into_bytes()
        };
        for (serial, epoch) in [(u64::MAX, 1), (END, 1), (7, u64::MAX), (7, END)] {
            plant(&backend, &layout::state("acct-dev"), &sealed(serial, epoch)).await;
            let error = ledger.read_all().await.unwrap_err();
            assert!(error.to_string().contains("which no state ever reaches"), "{error}");
            let help = error.diagnostic.help.unwrap();
            assert!(help.contains("state rollback acct-dev --to"), "{help}");
            let now = roll_back(&ledger, 1).await;
            assert!(now.serial < 100 && now.epoch < 100, "{}: {now:?}", backend.name);
        }
        // At the last number there is, and somewhere before it.
        for (serial, epoch) in [(END - 1, 1), (7, END - 1), (END - 1, END - 1), (7, 1 << 40)] {
            plant(&backend, &layout::state("acct-dev"), &sealed(serial, epoch)).await;
            ledger.read_all().await.unwrap();
            let now = roll_back(&ledger, 1).await;
            assert!(now.serial < 100, "{}: {now:?}", backend.name);
            assert!(now.epoch < END - 1, "{}: {now:?}", backend.name);
        }
    }
}

#[tokio::test]
async fn a_lock_that_is_none_or_was_forged_is_told_and_replaced_by_a_free_one() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        let key = layout::lock("acct-dev");
        let taken = ledger.acquire("acct-dev", &holder("a"), Terms::default(), 0).await.unwrap();
        let Acquired::Held(lease, _) = taken else { panic!("busy") };
        let lock = serde_json::to_value(&lease.lock).unwrap();
        let with = |name: &str, value: serde_json::Value| {
            let mut lock = lock.clone();
            lock[name] = value;
            lock.to_string().into_bytes()
        };
        let mut released = lease.lock.clone();
        (released.released, released.epoch) = (true, u64::MAX);
        let deep = format!("{{\"id\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("no JSON", b"{".to_vec()),
            ("not UTF-8", b"{\"id\": \"\xff\"}".to_vec()),
            ("a list", b"[]".to_vec()),
            ("nested deeply", deep.into_bytes()),
            ("of another type", with("pid", json!(-1))),
            ("of no date", with("expires_at", json!("tomorrow"))),
            ("of the last epoch", with("epoch", json!(u64::MAX))),
            ("of an epoch beyond all", with("epoch", json!(1_u64 << 60))),
            ("free, of the last epoch", serde_json::to_vec(&released).unwrap()),
        ] {
            plant(&backend, &key, &bytes).await;
            for error in [
                ledger.read_lock("acct-dev").await.unwrap_err(),
                ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await.unwrap_err(),
            ] {
                assert_eq!(error.failure, StateFailure::Invalid, "{}: {what}", backend.name);
                let help = error.diagnostic.help.unwrap();
                assert!(help.contains("palisade state unlock acct-dev"), "{what}: {help}");
            }
            ledger.unlock("acct-dev").await.unwrap().unwrap();
            // Whoever comes next knows that somebody may still be at work.
            let taken =
                ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await.unwrap();
            let Acquired::Held(mut lease, Some(_)) = taken else { panic!("{what}: {taken:?}") };
            assert!(lease.lock.epoch < 100, "{}: {what}", backend.name);
            ledger.release(&mut lease).await.unwrap();
        }
    }
}
