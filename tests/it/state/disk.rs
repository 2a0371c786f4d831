//! What a directory needs to give the guarantees of versioned S3: a write that is interrupted anywhere is done
//! or not done, every content stays as a version, and nobody else reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use palisade::state::{Ledger, LocalStore, Put, StateStore, WriteCondition};

use super::hostile::{begun, holder};
use super::stores::backends;
use crate::support::clock::SkippingClock;

const KEY: &str = "scopes/org/state.json";

struct Disk {
    dir: tempfile::TempDir,
    store: LocalStore,
}

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::new(dir.path());
        Self { dir, store }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.path().join(key)
    }

    fn version(&self, number: usize) -> PathBuf {
        self.path(&format!(".versions/{KEY}/{number:08}"))
    }

    /// Writes over what stands there.
    async fn write(&self, text: &str) {
        let now = self.store.get(KEY).await.unwrap();
        let condition =
            now.map_or(WriteCondition::Absent, |object| WriteCondition::Etag(object.etag));
        let put = self.store.put_if(KEY, text.as_bytes(), &condition).await.unwrap();
        assert!(matches!(put, Put::Written(_)), "{put:?}");
    }

    async fn read(&self) -> Option<String> {
        let object = self.store.get(KEY).await.unwrap();
        object.map(|object| String::from_utf8(object.bytes).unwrap())
    }

    /// Every version, newest first, each read by its id.
    async fn history(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for version in self.store.versions(KEY).await.unwrap() {
            let object = self.store.get_version(KEY, &version.id).await.unwrap().unwrap();
            assert_eq!(object.bytes.len() as u64, version.size);
            texts.push(String::from_utf8(object.bytes).unwrap());
        }
        texts
    }
}

/// What a process leaves that is killed in the middle of a write, from the first step of it to the last,
/// and whether the write counts.
type Left = (&'static str, bool, fn(&Disk));

const LEFT: [Left; 6] = [
    ("half of the new file", false, |disk| fs::write(disk.path(".staged"), "thr").unwrap()),
    ("the new file, not in its place", false, |disk| {
        fs::write(disk.path(".staged"), "three").unwrap();
    }),
    ("the old one kept twice", false, |disk| {
        fs::write(disk.path(".staged"), "three").unwrap();
        fs::hard_link(disk.path(KEY), disk.version(3)).unwrap();
    }),
    ("the new file, no version yet", true, |disk| {
        fs::write(disk.path(".staged"), "three").unwrap();
        fs::rename(disk.path(".staged"), disk.path(KEY)).unwrap();
    }),
    ("half of its copy", true, |disk| {
        fs::write(disk.path(".staged"), "three").unwrap();
        fs::rename(disk.path(".staged"), disk.path(KEY)).unwrap();
        fs::write(disk.path(".staged"), "thr").unwrap();
    }),
    ("all of it", true, |disk| {
        fs::write(disk.path(".staged"), "three").unwrap();
        fs::rename(disk.path(".staged"), disk.path(KEY)).unwrap();
        fs::write(disk.version(3), "three").unwrap();
    }),
];

#[tokio::test]
async fn a_write_that_is_cut_off_anywhere_is_done_or_not_done() {
    for (what, counts, leave) in LEFT {
        let disk = Disk::new();
        disk.write("one").await;
        disk.write("two").await;
        leave(&disk);
        let now = if counts { vec!["three", "two", "one"] } else { vec!["two", "one"] };
        assert_eq!(disk.read().await.as_deref(), Some(now[0]), "{what}");
        assert_eq!(disk.history().await, now, "{what}");
        assert_eq!(disk.store.list("", None).await.unwrap(), [KEY], "{what}");
        // The next one goes on from there, and nothing is lost of what was.
        disk.write("four").await;
        let expected: Vec<&str> = std::iter::once("four").chain(now).collect();
        assert_eq!(disk.history().await, expected, "{what}");
        let counts = disk.store.version_counts("scopes/").await.unwrap();
        assert_eq!(counts, [(KEY.to_owned(), expected.len(), false)], "{what}");
    }
}

#[tokio::test]
async fn a_first_write_that_is_cut_off_is_done_or_not_done() {
    let disk = Disk::new();
    fs::write(disk.path(".staged"), "on").unwrap();
    assert_eq!(disk.read().await, None);
    disk.write("one").await;
    assert_eq!(disk.history().await, ["one"]);
    fs::remove_file(disk.version(1)).unwrap();
    assert_eq!(disk.history().await, ["one"], "it stands there, kept or not");
    disk.write("two").await;
    assert_eq!(disk.history().await, ["two", "one"]);
}

#[tokio::test]
async fn what_is_removed_by_hand_has_versions_still_and_what_palisade_deletes_has_none() {
    let disk = Disk::new();
    disk.write("one").await;
    fs::remove_file(disk.path(KEY)).unwrap();
    assert_eq!(disk.history().await, ["one"]);
    let counts = disk.store.version_counts("scopes/org/").await.unwrap();
    assert_eq!(counts, [(KEY.to_owned(), 1, true)]);
    disk.write("two").await;
    assert_eq!(disk.history().await, ["two", "one"]);
    disk.store.delete(KEY).await.unwrap();
    assert_eq!(disk.history().await, Vec::<String>::new());
    assert!(disk.store.version_counts("").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_edited_in_place_stands_beside_what_was_written() {
    let disk = Disk::new();
    disk.write("one").await;
    disk.write("two").await;
    fs::write(disk.path(KEY), "edited").unwrap();
    assert_eq!(disk.history().await, ["edited", "two", "one"]);
    disk.write("three").await;
    assert_eq!(disk.history().await, ["three", "edited", "two", "one"]);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_owner_reads_any_of_it() {
    use std::os::unix::fs::PermissionsExt as _;
    fn all(dir: &Path, into: &mut Vec<(PathBuf, u32)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            into.push((path.clone(), fs::metadata(&path).unwrap().permissions().mode() & 0o777));
            if path.is_dir() {
                all(&path, into);
            }
        }
    }
    let disk = Disk::new();
    let root = disk.path("below/state");
    let store = Arc::new(LocalStore::new(&root)) as Arc<dyn StateStore>;
    let ledger = Ledger::with_clock(store, Arc::new(SkippingClock::default()));
    ledger.begin("me").await.unwrap();
    ledger.fingerprinter().await.unwrap();
    let terms = palisade::state::Terms::default();
    ledger.acquire("org", &holder("a"), terms, 0).await.unwrap();
    ledger.unlock("org").await.unwrap().unwrap();
    let mut found = Vec::new();
    all(disk.dir.path(), &mut found);
    assert!(found.iter().any(|(path, _)| path.ends_with("keys/fingerprint.json")), "{found:?}");
    for (path, mode) in found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_told_and_neither_followed_nor_waited_for() {
    use std::os::unix::fs::symlink;
    type Plant<'a> = (&'a str, &'a dyn Fn(&Path));
    let pipe = |path: &Path| {
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
    };
    let disk = Disk::new();
    let outside = disk.path("outside");
    let plant: [Plant<'_>; 4] = [
        ("a pipe", &pipe),
        ("a link", &|path| symlink(&outside, path).unwrap()),
        ("a link to a directory", &|path| symlink("/", path).unwrap()),
        ("a directory", &|path| fs::create_dir(path).unwrap()),
    ];
    for (what, plant) in plant {
        fs::write(&outside, "theirs").unwrap();
        disk.write("ours").await;
        fs::remove_file(disk.path(KEY)).unwrap();
        plant(&disk.path(KEY));
        let put = disk.store.put_if(KEY, b"x", &WriteCondition::Absent);
        let put = tokio::time::timeout(Duration::from_secs(20), put).await.expect("it ends");
        let told = put.unwrap_err().to_string();
        assert!(told.contains("not a regular file"), "{what}: {told}");
        let read = disk.store.get(KEY);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await.expect("it ends");
        assert!(read.unwrap_err().to_string().contains("take it away"), "{what}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "theirs", "{what}");
        let path = disk.path(KEY);
        if fs::remove_file(&path).is_err() {
            fs::remove_dir(&path).unwrap();
        }
    }
}

/// Where a file of somebody else's has a name that no key has.
#[tokio::test]
async fn a_key_never_leaves_the_directory() {
    let disk = Disk::new();
    fs::write(disk.path("secret"), "theirs").unwrap();
    let below = LocalStore::new(disk.path("state"));
    for key in
        ["../secret", "a/../../secret", "/etc/passwd", "./a", "a/./b", ".lock", ".versions/a"]
    {
        assert!(below.get(key).await.is_err(), "{key}");
        assert!(below.put_if(key, b"x", &WriteCondition::Absent).await.is_err(), "{key}");
        assert!(below.delete(key).await.is_err(), "{key}");
        assert!(below.versions(key).await.is_err(), "{key}");
        assert!(below.list(key, None).await.is_err(), "{key}");
    }
    assert_eq!(fs::read_to_string(disk.path("secret")).unwrap(), "theirs");
}

#[tokio::test]
async fn a_ledger_that_reads_a_directory_makes_nothing_in_it() {
    for backend in backends().await.into_iter().filter(|b| b.s3.is_none()) {
        let (ledger, _) = begun(&backend).await;
        let root = PathBuf::from(backend.store.location());
        let before = fs::metadata(&root).unwrap().modified().unwrap();
        let snapshot = ledger.read_all().await.unwrap();
        ledger.verify_audit(&snapshot).await.unwrap();
        ledger.history("acct-dev", 9).await.unwrap();
        assert_eq!(fs::metadata(&root).unwrap().modified().unwrap(), before);
    }
}
