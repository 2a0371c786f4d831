//! State as hostile input: whatever stands in the backend, it is refused with a reason, and nothing
//! panics, hangs, fills the memory or reaches outside.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use palisade::state::journal::{JournalWriter, RunJournal};
use palisade::state::layout;
use palisade::state::lease::Acquired;
use palisade::state::scopes::digest;
use palisade::state::store::MAX_BYTES;
use palisade::state::{
    AuditEvent, LeaseHolder, Ledger, LocalStore, ScopeState, Snapshot, Stamp, StateError,
    StateFailure, StateStore, Terms, WriteCondition, errored,
};
use serde_json::{Value as Json, json};

use super::stores::{Backend, backends};

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const KEY: &str = "scopes/acct-dev/state.json";

pub(super) fn stamp() -> Stamp {
    Stamp {
        at: Timestamp::UNIX_EPOCH,
        by: "arn:aws:iam::111111111111:user/me".into(),
        run: "r".into(),
        operation: "apply".into(),
        plan: None,
    }
}

pub(super) fn holder(run: &str) -> LeaseHolder {
    LeaseHolder {
        who: "me".into(),
        host: "here".into(),
        pid: 1,
        process: None,
        operation: "apply".into(),
        run: run.into(),
    }
}

/// Puts an object there, whatever stands there now.
pub(super) async fn plant(backend: &Backend, key: &str, bytes: &[u8]) {
    let now = backend.store.get(key).await.unwrap();
    let condition = now.map_or(WriteCondition::Absent, |object| WriteCondition::Etag(object.etag));
    backend.store.put_if(key, bytes, &condition).await.unwrap();
}

fn resource(depends_on: &[&str]) -> Json {
    json!({"kind": "iam_role", "key": "/a", "attrs": {}, "depends_on": depends_on})
}

/// A state object whose checksum is right, as a forger makes it.
pub(super) fn forged(lineage: &str, resources: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"checksum": "{ZERO}", "format": 2, "lineage": "{lineage}", "scope": "acct-dev", "serial": 2, "epoch": 1,
            "write_id": "w", "stamp": {}, "resources": {resources}}}"#,
        serde_json::to_string(&stamp()).unwrap()
    );
    text.replacen(ZERO, &digest(text.as_bytes()), 1).into_bytes()
}

/// A state object that was changed, with its checksum right again.
pub(crate) fn resealed(text: &str) -> String {
    let seal = text.split('"').nth(3).unwrap().to_owned();
    let text = text.replace(&seal, ZERO);
    text.replacen(ZERO, &digest(text.as_bytes()), 1)
}

/// A backend's ledger with one good state, and its lineage.
pub(super) async fn begun(backend: &Backend) -> (Ledger, String) {
    let ledger = backend.ledger();
    let lineage = ledger.begin("me").await.unwrap();
    let state = ScopeState::new(&lineage, "acct-dev", stamp());
    ledger.write_scope(None, &state, stamp()).await.unwrap();
    (ledger, lineage)
}

#[tokio::test]
async fn a_forged_state_is_refused_with_a_reason_and_the_version_to_go_back_to() {
    let role = resource(&[]).to_string();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let attrs = |value: &str| {
        let role = resource(&[])
            .to_string()
            .replace("\"attrs\":{}", &format!("\"attrs\":{{\"a\":{value}}}"));
        format!(r#"{{"iam_role.a@dev": {role}}}"#)
    };
    let cases: Vec<(&str, String, &str)> = vec![
        (
            "twice",
            format!(r#"{{"iam_role.a@dev": {role}, "iam_role.a@dev": {role}}}"#),
            "recorded twice",
        ),
        ("a list", format!("[{role}]"), "malformed"),
        ("a number", "7".into(), "malformed"),
        ("a resource that is text", r#"{"iam_role.a@dev": "x"}"#.into(), "malformed"),
        ("no address", format!(r#"{{"../../etc/passwd": {role}}}"#), "malformed"),
        ("another account's", format!(r#"{{"iam_role.a@prod": {role}}}"#), "does not belong"),
        ("another kind", format!(r#"{{"iam_policy.a@dev": {role}}}"#), "recorded with kind"),
        (
            "itself",
            format!(r#"{{"iam_role.a@dev": {}}}"#, resource(&["iam_role.a@dev"])),
            "depends on itself",
        ),
        (
            "a cycle",
            format!(
                r#"{{"iam_role.a@dev": {}, "iam_role.b@dev": {}, "iam_role.c@dev": {}}}"#,
                resource(&["iam_role.b@dev"]),
                resource(&["iam_role.c@dev"]),
                resource(&["iam_role.a@dev"])
            ),
            "through other resources",
        ),
        ("deeply nested", attrs(&deep), "recursion limit"),
        ("no number", attrs("1e999999"), "number out of range"),
    ];
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        for (what, resources, reason) in &cases {
            plant(&backend, KEY, &forged(&lineage, resources)).await;
            let error = ledger.read_all().await.unwrap_err();
            assert_eq!(error.failure, StateFailure::Invalid, "{}: {what}", backend.name);
            let text = error.diagnostic.summary.clone();
            assert!(text.contains(reason), "{}: {what}: {text}", backend.name);
            assert!(text.len() < 2_000, "{what}: {} bytes of error", text.len());
            let help = error.diagnostic.help.unwrap();
            assert!(help.contains("state rollback acct-dev --to 1"), "{what}: {help}");
        }
        for bytes in
            [&b"\xff\xfe\x00{}"[..], b"", b"null", b"{}", b"{\"format\": -1}", b"\x1f\x8b\x08\x00"]
        {
            plant(&backend, KEY, bytes).await;
            let error = ledger.read_all().await.unwrap_err();
            assert_eq!(error.failure, StateFailure::Invalid, "{}: {bytes:?}", backend.name);
        }
        // A forged state that is sound in itself is still of another scope, or another estate.
        let moved = String::from_utf8(forged(&lineage, "{}")).unwrap();
        let moved = resealed(&moved.replace("\"acct-dev\"", "\"acct-prod\""));
        plant(&backend, KEY, moved.as_bytes()).await;
        let error = ledger.read_all().await.unwrap_err();
        assert!(error.to_string().contains("it is the state of scope `acct-prod`"), "{error}");
        plant(&backend, KEY, &forged("another", "{}")).await;
        let error = ledger.read_all().await.unwrap_err();
        assert!(error.to_string().contains("is foreign"), "{error}");
        // And the way back is open.
        let Acquired::Held(lease, _) =
            ledger.acquire("acct-dev", &holder("back"), Terms::default(), 0).await.unwrap()
        else {
            panic!("busy")
        };
        ledger.rollback(&lease, 1, stamp()).await.unwrap();
        ledger.read_all().await.unwrap();
    }
}

#[tokio::test]
async fn counters_at_their_end_stop_with_an_error() {
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let last = ledger.read_scope("acct-dev").await.unwrap().unwrap();
        let mut end = last.clone();
        end.value.serial = u64::MAX;
        let error = ledger.write_scope(Some(&end), &last.value, stamp()).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid, "{}: {error}", backend.name);
        // A lock of the last epoch cannot be taken over, held or free.
        let Acquired::Held(lease, _) =
            ledger.acquire("acct-dev", &holder("a"), Terms::default(), 0).await.unwrap()
        else {
            panic!("busy")
        };
        let mut lock = lease.lock.clone();
        lock.epoch = u64::MAX;
        plant(&backend, &layout::lock("acct-dev"), &serde_json::to_vec(&lock).unwrap()).await;
        let taken = ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await;
        assert_eq!(taken.unwrap_err().failure, StateFailure::Invalid, "{}", backend.name);
        lock.released = true;
        plant(&backend, &layout::lock("acct-dev"), &serde_json::to_vec(&lock).unwrap()).await;
        let taken = ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await;
        assert_eq!(taken.unwrap_err().failure, StateFailure::Invalid, "{}", backend.name);
        let floor = ledger.acquire("org", &holder("b"), Terms::default(), u64::MAX).await;
        assert_eq!(floor.unwrap_err().failure, StateFailure::Invalid, "{}", backend.name);
        let _ = lineage;
    }
}

#[tokio::test]
async fn a_lock_that_ends_in_the_far_future_is_told_and_can_be_broken() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        let Acquired::Held(lease, _) =
            ledger.acquire("acct-dev", &holder("a"), Terms::default(), 0).await.unwrap()
        else {
            panic!("busy")
        };
        let mut lock = lease.lock.clone();
        lock.acquired_at = Timestamp::MIN;
        lock.expires_at = Timestamp::MAX;
        plant(&backend, &layout::lock("acct-dev"), &serde_json::to_vec(&lock).unwrap()).await;
        let scopes = [("acct-dev".to_owned(), 0)].into();
        let wait = Duration::from_secs(3600);
        let error = ledger
            .acquire_all(&scopes, &holder("b"), Terms::default(), wait, |_, _| {})
            .await
            .unwrap_err();
        assert_eq!(error.failure, StateFailure::Locked, "{}", backend.name);
        let told = error.diagnostic.detail.clone().unwrap();
        assert!(told.contains("longer than any lease"), "{told}");
        assert!(
            error.diagnostic.help.clone().unwrap().contains("state unlock acct-dev"),
            "{error}"
        );
        ledger.unlock("acct-dev").await.unwrap().unwrap();
        let taken = ledger.acquire("acct-dev", &holder("b"), Terms::default(), 0).await.unwrap();
        assert!(matches!(taken, Acquired::Held(..)), "{}", backend.name);
        // What is no lock at all is told, and not waited for.
        for junk in [&b"{"[..], b"[]", b"{\"released\": true}", b"\xff"] {
            plant(&backend, &layout::lock("acct-dev"), junk).await;
            let taken = ledger.acquire("acct-dev", &holder("c"), Terms::default(), 0).await;
            assert_eq!(taken.unwrap_err().failure, StateFailure::Invalid, "{}", backend.name);
        }
    }
}

/// Three objects of one run's journal, as they are stored.
pub(super) async fn journal(backend: &Backend, lineage: &str) -> Vec<(String, Json)> {
    let mut writer =
        JournalWriter::new(lineage, "acct-dev", "run", 1, "me", "p", Timestamp::UNIX_EPOCH);
    let mut stored = Vec::new();
    for sequence in 1..=3 {
        writer.write(&backend.ledger(), vec![], vec![]).await.unwrap();
        let key = layout::journal("acct-dev", "run", sequence);
        let object = backend.store.get(&key).await.unwrap().unwrap();
        stored.push((key, serde_json::from_slice(&object.bytes).unwrap()));
    }
    stored
}

#[tokio::test]
async fn a_journal_that_is_foreign_or_has_a_gap_is_not_believed() {
    async fn read(ledger: &Ledger) -> Result<Vec<RunJournal>, StateError> {
        ledger.read_journals(&["acct-dev".to_owned()].into()).await
    }
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let stored = journal(&backend, &lineage).await;
        assert_eq!(read(&ledger).await.unwrap()[0].entries.len(), 3);
        let refused = |what: &'static str, result: Result<Vec<RunJournal>, StateError>| {
            let error = result.expect_err(what);
            assert_eq!(error.failure, StateFailure::Invalid, "{}: {what}", backend.name);
            error.to_string()
        };
        let (key, middle) = &stored[1];
        for (what, name, value) in [
            ("another state's", "lineage", json!("another")),
            ("another run's", "run", json!("other")),
            ("another scope's", "scope", json!("org")),
            ("another place's", "sequence", json!(7)),
            ("of another shape", "intents", json!({"a": 1})),
            (
                "of another account's",
                "intents",
                json!([{"operation": 1, "op": "create", "address": "iam_role.a@prod",
                "resource": {"kind": "iam_role", "key": "a", "attrs": {}}}]),
            ),
            (
                "of another kind",
                "intents",
                json!([{"operation": 1, "op": "create", "address": "iam_role.a@dev",
                "resource": {"kind": "iam_policy", "key": "a", "attrs": {}}}]),
            ),
            (
                "of a result of another account's",
                "finished",
                json!([{"operation": 1, "address": "iam_role.a@prod", "outcome": "gone"}]),
            ),
            (
                "of a result that moves it elsewhere",
                "finished",
                json!([{"operation": 1, "address": "iam_role.a@dev", "outcome": {"renamed": {
                "to": "iam_role.a@prod", "resource": {"kind": "iam_role", "key": "a", "attrs": {}}}}}]),
            ),
            (
                "of a circle",
                "finished",
                json!([{"operation": 1, "address": "iam_role.a@dev", "outcome": {"recorded":
                {"kind": "iam_role", "key": "a", "attrs": {}, "depends_on": ["iam_role.a@dev"]}}}]),
            ),
            (
                "of another address",
                "intents",
                json!([{"operation": 1, "op": "create", "address": "../../x",
                "resource": {"kind": "iam_role", "key": "a", "attrs": {}}}]),
            ),
        ] {
            let mut changed = middle.clone();
            changed[name] = value;
            plant(&backend, key, changed.to_string().as_bytes()).await;
            refused(what, read(&ledger).await);
        }
        backend.store.delete(key).await.unwrap();
        assert!(refused("with a gap", read(&ledger).await).contains("a part is gone"));
        // Another scope's or run's, with nothing beside it: only its name tells.
        for (scope, run) in [("org", "run"), ("acct-dev", "other")] {
            let name = layout::journal(scope, run, 1);
            plant(&backend, &name, stored[0].1.to_string().as_bytes()).await;
            let found = ledger.read_journals(&[scope.to_owned()].into()).await;
            let told = refused("under another name", found);
            assert!(told.contains("is not what its name says"), "{}: {told}", backend.name);
            backend.store.delete(&name).await.unwrap();
        }
        // What is not named as journals are is none.
        for name in ["2.json", "+0000002.json", "x.json"] {
            let name = format!("scopes/acct-dev/journal/stray/{name}");
            plant(&backend, &name, middle.to_string().as_bytes()).await;
        }
        assert!(ledger.read_all().await.unwrap().interrupted.iter().all(|d| d.run == "run"));
        // A tail, as a crash leaves it while results are cleared away, is whole.
        backend.store.delete(&stored[0].0).await.unwrap();
        assert_eq!(read(&ledger).await.unwrap()[0].entries.len(), 1);
    }
}

pub(super) fn quiet() -> AuditEvent {
    AuditEvent {
        at: Timestamp::UNIX_EPOCH,
        who: "me".into(),
        run: "r".into(),
        action: String::new(),
        plan: None,
        reason: None,
        scopes: vec![],
        details: Default::default(),
    }
}

#[tokio::test]
async fn an_audit_log_in_disorder_is_told_and_never_appended_to_for_ever() {
    let event = AuditEvent { action: "apply_started".into(), ..quiet() };
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        for _ in 0..3 {
            ledger.audit(None, event.clone()).await.unwrap();
        }
        let second = backend.store.get(&layout::audit(2)).await.unwrap().unwrap();
        plant(&backend, &layout::audit(3), &second.bytes).await;
        let error = ledger.audit(None, event.clone()).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid, "{}", backend.name);
        assert!(error.diagnostic.help.unwrap().contains("audit verify"));
        // The last number there is.
        let mut last: Json = serde_json::from_slice(&second.bytes).unwrap();
        last["number"] = json!(u64::MAX);
        plant(&backend, &layout::audit(u64::MAX), last.to_string().as_bytes()).await;
        let error = ledger.audit(None, event.clone()).await.unwrap_err();
        assert_eq!(error.failure, StateFailure::Invalid, "{}: {error}", backend.name);
        for stray in ["99999999999999999999999", "9", "+0000009", "x"] {
            plant(&backend, &format!("audit/{stray}.json"), b"{}").await;
        }
        let found = ledger.verify_audit(&Snapshot::default()).await.unwrap();
        assert!(found.problems.len() > 3, "{}: {found:#?}", backend.name);
    }
}

#[tokio::test]
async fn a_stray_object_among_the_records_stops_nobody_and_is_told() {
    for backend in backends().await {
        let (ledger, _) = begun(&backend).await;
        let event = || AuditEvent { action: "apply_started".into(), ..quiet() };
        ledger.audit(None, event()).await.unwrap();
        let first = backend.store.get(&layout::audit(1)).await.unwrap().unwrap();
        for stray in ["9", "+0000009", "00000009x"] {
            plant(&backend, &format!("audit/{stray}.json"), &first.bytes).await;
        }
        assert_eq!(ledger.audit(None, event()).await.unwrap().number, 2, "{}", backend.name);
        let found = ledger.verify_audit(&Snapshot::default()).await.unwrap().problems.join("; ");
        assert!(found.contains("`audit/9.json` holds record 1"), "{}: {found}", backend.name);
    }
}

#[tokio::test]
async fn a_scope_that_is_a_path_reaches_nothing() {
    let outside = ["../../org", "acct-../x", "..", "/etc", "acct-", "org/../../x", "acct-a\0b", ""];
    for backend in backends().await {
        let (ledger, lineage) = begun(&backend).await;
        let before = backend.store.list("", None).await.unwrap();
        for scope in outside {
            assert_eq!(
                ledger.history(scope, 5).await.unwrap_err().failure,
                StateFailure::Refused,
                "{}: {scope}",
                backend.name
            );
            assert_eq!(
                ledger.at_serial(scope, 1).await.unwrap_err().failure,
                StateFailure::Refused,
                "{}: {scope}",
                backend.name
            );
            let saved = errored::Errored {
                format: 2,
                backend: backend.store.location(),
                basis_serial: 0,
                basis_etag: None,
                state: ScopeState::new(&lineage, scope, stamp()),
            };
            let error = ledger.push(&saved, 1, stamp()).await.unwrap_err();
            assert_eq!(error.failure, StateFailure::Refused, "{}: {scope}", backend.name);
        }
        assert_eq!(backend.store.list("", None).await.unwrap(), before, "{}", backend.name);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_object_of_any_size_is_refused_before_it_is_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::new(dir.path()));
    let ledger = Ledger::new(Arc::clone(&store) as Arc<dyn StateStore>);
    let lineage = ledger.begin("me").await.unwrap();
    let state = ScopeState::new(&lineage, "acct-dev", stamp());
    ledger.write_scope(None, &state, stamp()).await.unwrap();
    // A sparse file of a terabyte: whoever reads it whole has not that much memory.
    let file = std::fs::File::options().write(true).open(dir.path().join(KEY)).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = ledger.read_all().await.unwrap_err();
    assert!(error.to_string().contains(&format!("{} MiB", MAX_BYTES >> 20)), "{error}");
}
