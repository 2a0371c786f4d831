//! What a newer palisade wrote is refused, whatever of it could be read, and nothing is written over it;
//! what an older one wrote is read, and written anew in today's format.

use palisade::state::lease::Acquired;
use palisade::state::{StateError, StateFailure, Terms, errored, layout};

use super::hostile::{begun, forged, holder, plant, resealed, stamp};
use super::stores::backends;

fn told(what: &str, error: &StateError) {
    assert_eq!(error.failure, StateFailure::Invalid, "{what}: {error}");
    assert!(error.diagnostic.summary.contains("reads formats up to 2"), "{what}: {error}");
    let help = error.diagnostic.help.clone().unwrap_or_default();
    assert!(help.contains("newer palisade"), "{what}: {error}");
}

/// The next format, which can be read as if it were this one; and one of another shape altogether.
fn newer(object: &[u8]) -> [Vec<u8>; 2] {
    let mut json: serde_json::Value = serde_json::from_slice(object).unwrap();
    json["format"] = 3.into();
    [json.to_string().into_bytes(), br#"{"format": 18446744073709551615, "new": []}"#.to_vec()]
}

#[tokio::test]
async fn a_backend_of_a_newer_format_is_neither_read_nor_begun_anew() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        let root = backend.store.get(layout::ROOT).await.unwrap().unwrap();
        for bytes in newer(&root.bytes) {
            plant(&backend, layout::ROOT, &bytes).await;
            told(backend.name, &ledger.read_all().await.unwrap_err());
            told(backend.name, &ledger.begin("me").await.unwrap_err());
            assert_eq!(backend.store.get(layout::ROOT).await.unwrap().unwrap().bytes, bytes);
        }
    }
}

#[tokio::test]
async fn a_journal_of_a_newer_format_is_left_to_the_palisade_that_wrote_it() {
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let (key, entry) = super::hostile::journal(&backend, &lineage).await.remove(0);
        for bytes in newer(entry.to_string().as_bytes()) {
            plant(&backend, &key, &bytes).await;
            let scopes = ["acct-dev".to_owned()].into();
            told(backend.name, &ledger.read_journals(&scopes).await.unwrap_err());
        }
    }
}

#[tokio::test]
async fn a_key_of_a_newer_format_makes_no_fingerprint() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        ledger.fingerprinter().await.unwrap();
        let key = backend.store.get(layout::FINGERPRINT).await.unwrap().unwrap();
        for bytes in newer(&key.bytes) {
            plant(&backend, layout::FINGERPRINT, &bytes).await;
            told(backend.name, &ledger.fingerprinter().await.unwrap_err());
            told(backend.name, &ledger.existing_fingerprinter().await.unwrap_err());
        }
    }
}

#[tokio::test]
async fn a_state_of_a_newer_format_is_refused_with_the_version_to_go_back_to() {
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let state = String::from_utf8(forged(&lineage, "{}")).unwrap();
        for format in ["3", "18446744073709551615"] {
            let newer = state.replace("\"format\": 2", &format!("\"format\": {format}"));
            plant(&backend, &layout::state("acct-dev"), newer.as_bytes()).await;
            let error = ledger.read_all().await.unwrap_err();
            assert_eq!(error.failure, StateFailure::Invalid, "{}", backend.name);
            assert!(error.to_string().contains("a newer palisade wrote it"), "{error}");
            let help = error.diagnostic.help.unwrap();
            assert!(help.contains("state rollback acct-dev --to 1"), "{help}");
        }
    }
}

#[tokio::test]
async fn a_state_of_the_first_format_is_read_written_anew_and_gone_back_to() {
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let role =
            r#"{"address": "iam_role.a@dev", "kind": "iam_role", "key": "a", "attrs": {"n": 0.1}}"#;
        let old = String::from_utf8(forged(&lineage, &format!("[{role}]"))).unwrap();
        let old = resealed(&old.replace("\"format\": 2", "\"format\": 1"));
        let key = layout::state("acct-dev");
        plant(&backend, &key, old.as_bytes()).await;
        let read = ledger.read_all().await.unwrap().scopes["acct-dev"].clone();
        assert_eq!((read.value.serial, read.value.resources.len()), (2, 1), "{}", backend.name);
        let mut next = read.value.clone();
        next.resources.clear();
        ledger.write_scope(Some(&read), &next, stamp()).await.unwrap();
        let written = backend.store.get(&key).await.unwrap().unwrap().bytes;
        assert!(String::from_utf8(written).unwrap().contains("\"format\": 2"), "{}", backend.name);
        let taken = ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await.unwrap();
        let Acquired::Held(lease, _) = taken else { panic!("busy") };
        let back = ledger.rollback(&lease, 2, stamp()).await.unwrap().value;
        assert_eq!((back.serial, back.resources), (4, read.value.resources), "{}", backend.name);
        // One of two records at one address would be lost without a word.
        let twice = forged(&lineage, &format!("[{role}, {role}]"));
        let twice = String::from_utf8(twice).unwrap().replace("\"format\": 2", "\"format\": 1");
        plant(&backend, &key, resealed(&twice).as_bytes()).await;
        let error = ledger.read_all().await.unwrap_err().to_string();
        assert!(error.contains("is recorded twice"), "{}: {error}", backend.name);
    }
}

#[test]
fn a_saved_state_of_a_newer_format_is_not_pushed() {
    for bytes in [&br#"{"format": 3}"#[..], br#"{"format": 18446744073709551615, "state": 7}"#] {
        let why = errored::open(bytes).unwrap_err();
        assert!(why.contains("a newer palisade wrote it"), "{why}");
    }
}
