//! What a newer palisade wrote is refused, whatever of it could be read, and nothing is written over it.

use palisade::state::{StateError, StateFailure, errored, layout};

use super::hostile::{begun, forged, plant};
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

#[test]
fn a_saved_state_of_a_newer_format_is_not_pushed() {
    for bytes in [&br#"{"format": 3}"#[..], br#"{"format": 18446744073709551615, "state": 7}"#] {
        let why = errored::open(bytes).unwrap_err();
        assert!(why.contains("a newer palisade wrote it"), "{why}");
    }
}
