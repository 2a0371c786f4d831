//! The store on disk: one append-only log of row changes, one line per request that changed something.
//!
//! A line is appended before the request is answered, so a killed process loses nothing that was
//! answered. Every line carries a checksum and its number; a torn last line (the process died while
//! it wrote) is dropped, anything else that does not add up is refused. A lock file serialises
//! requests across processes, and each process reads what others appended before it serves the next
//! request. On opening, a log that is mostly history is rewritten and put in place by a rename.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Change;
use crate::diag::Diagnostic;

const MAGIC: &str = "palisade-sandbox";
/// The version of the store's format that this code reads and writes.
const FORMAT: u32 = 1;
const COMPACT_ABOVE: u64 = 4 << 20;

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    file: File,
    lock: File,
    /// How much of the file has been read or written by this process.
    offset: u64,
    next: u64,
    generation: String,
}

/// What another process has appended since this one last read the log.
pub(crate) enum LogDelta {
    /// Nothing.
    None,
    /// These changes, to be applied on top.
    Changes(Vec<Change>),
    /// The log was rewritten: forget everything and take these.
    Fresh(Vec<Change>),
}

/// Holds the lock across processes until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Log {
    /// Opens or creates the store in `dir`; returns it with everything that it holds.
    pub(crate) async fn open(
        dir: &Path,
        generation: &str,
    ) -> Result<(Self, Vec<Change>), Diagnostic> {
        let io = |what: &str, error: &std::io::Error| {
            Diagnostic::error(format!("cannot {what} the sandbox store in `{}`", dir.display()))
                .detail(error.to_string())
                .help("check the directory's permissions, or choose another with `--sandbox=DIR`")
        };
        std::fs::create_dir_all(dir).map_err(|e| io("create", &e))?;
        let ignore = dir.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(|e| io("create", &e))?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(dir.join("lock"))
            .map_err(|e| io("lock", &e))?;
        let held = acquire(&lock, dir).await?;
        let path = dir.join("store.log");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| io("open", &e))?;
        if file.metadata().map_err(|e| io("read", &e))?.len() == 0 {
            let header = format!("{MAGIC} {FORMAT} {generation}\n");
            file.write_all(header.as_bytes()).map_err(|e| io("write", &e))?;
            file.seek(SeekFrom::Start(0)).map_err(|e| io("read", &e))?;
        }
        let mut log =
            Self { dir: dir.to_owned(), file, lock, offset: 0, next: 0, generation: String::new() };
        let changes = log.read_all()?;
        drop(held);
        Ok((log, changes))
    }

    fn path(&self) -> PathBuf {
        self.dir.join("store.log")
    }

    fn broken(&self, line: u64, why: &str) -> Diagnostic {
        Diagnostic::error(format!(
            "the sandbox store `{}` is damaged at line {line}",
            self.path().display()
        ))
        .detail(why.to_owned())
        .help(format!(
            "restore the file from a copy, or start over with an empty sandbox: remove `{}`",
            self.dir.display()
        ))
    }

    fn failed(&self, error: &std::io::Error) -> Diagnostic {
        Diagnostic::error(format!("cannot use the sandbox store `{}`", self.path().display()))
            .detail(error.to_string())
    }

    /// Takes the lock; nobody else changes the store until it is dropped.
    pub(crate) async fn hold(&self) -> Result<FileLock, Diagnostic> {
        acquire(&self.lock, &self.dir).await
    }

    fn read_all(&mut self) -> Result<Vec<Change>, Diagnostic> {
        self.offset = 0;
        self.next = 0;
        self.file.seek(SeekFrom::Start(0)).map_err(|e| self.failed(&e))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(|e| self.failed(&e))?;
        let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        let header = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
        let mut words = header.split_whitespace();
        if words.next() != Some(MAGIC) {
            return Err(self.broken(1, "this is not a sandbox store"));
        }
        match words.next().and_then(|w| w.parse::<u32>().ok()) {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => {
                return Err(Diagnostic::error(format!(
                    "the sandbox store `{}` has format {newer}, this program reads format {FORMAT}",
                    self.path().display()
                ))
                .help("use the newer Palisade that wrote it, or another directory"));
            }
            _ => return Err(self.broken(1, "its header names no format version")),
        }
        self.generation = words.next().unwrap_or_default().to_owned();
        self.offset = u64::try_from(end).unwrap_or(u64::MAX);
        self.parse(bytes.get(end..).unwrap_or_default())
    }

    /// Reads complete lines; cuts a torn one off.
    fn parse(&mut self, bytes: &[u8]) -> Result<Vec<Change>, Diagnostic> {
        let mut changes = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
            let line = rest.get(..at).unwrap_or_default();
            rest = rest.get(at + 1..).unwrap_or_default();
            changes.extend(self.parse_line(line)?);
            self.offset += u64::try_from(at + 1).unwrap_or(0);
            self.next += 1;
        }
        if !rest.is_empty() {
            self.file.set_len(self.offset).map_err(|e| self.failed(&e))?;
        }
        Ok(changes)
    }

    fn parse_line(&self, line: &[u8]) -> Result<Vec<Change>, Diagnostic> {
        let number = self.next + 2;
        let text = std::str::from_utf8(line).map_err(|_| self.broken(number, "it is not text"))?;
        let (sum, json) =
            text.split_once(' ').ok_or_else(|| self.broken(number, "its checksum is missing"))?;
        if sum != checksum(self.next, json) {
            return Err(self.broken(
                number,
                "its checksum does not match: the line was changed, lost or reordered",
            ));
        }
        serde_json::from_str(json).map_err(|e| self.broken(number, &e.to_string()))
    }

    /// What others appended since the last look. Call with the lock held.
    pub(crate) fn delta(&mut self) -> Result<LogDelta, Diagnostic> {
        let current = std::fs::metadata(self.path())
            .map_err(|e| self.failed(&e).help("the sandbox was removed while this command ran"))?;
        let own = self.file.metadata().map_err(|e| self.failed(&e))?;
        if !same_file(&current, &own) || current.len() < self.offset {
            self.file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(self.path())
                .map_err(|e| self.failed(&e))?;
            return Ok(LogDelta::Fresh(self.read_all()?));
        }
        if current.len() == self.offset {
            return Ok(LogDelta::None);
        }
        self.file.seek(SeekFrom::Start(self.offset)).map_err(|e| self.failed(&e))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(|e| self.failed(&e))?;
        Ok(LogDelta::Changes(self.parse(&bytes)?))
    }

    /// Everything that is kept, read anew: for when a change could not be.
    pub(crate) fn reread(&mut self) -> Result<Vec<Change>, Diagnostic> {
        self.read_all()
    }

    /// Appends one line. Call with the lock held and after [`Log::delta`].
    pub(crate) fn append(&mut self, changes: &[Change]) -> Result<(), Diagnostic> {
        let line = self.line(self.next, changes)?;
        self.file.seek(SeekFrom::Start(self.offset)).map_err(|e| self.failed(&e))?;
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            let _ = self.file.set_len(self.offset); // half a line helps nobody
            return Err(self.failed(&error).help("free some space and run the command again"));
        }
        self.offset += u64::try_from(line.len()).unwrap_or(0);
        self.next += 1;
        Ok(())
    }

    fn line(&self, number: u64, changes: &[Change]) -> Result<String, Diagnostic> {
        let json =
            serde_json::to_string(changes).map_err(|e| self.broken(number, &e.to_string()))?;
        Ok(format!("{} {json}\n", checksum(number, &json)))
    }

    /// Rewrites the log with only `rows` when it has grown to mostly history.
    pub(crate) async fn compact(
        &mut self,
        rows: impl FnOnce() -> Vec<Change>,
    ) -> Result<(), Diagnostic> {
        if self.offset < COMPACT_ABOVE {
            return Ok(());
        }
        let held = self.hold().await?;
        if !matches!(self.delta()?, LogDelta::None) {
            return Ok(()); // somebody is at work: leave it for the next time
        }
        let rows = rows();
        let mut text = format!("{MAGIC} {FORMAT} {}\n", self.generation);
        let mut number = 0;
        for chunk in rows.chunks(64) {
            text.push_str(&self.line(number, chunk)?);
            number += 1;
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if length > self.offset / 2 {
            return Ok(());
        }
        let fresh = self.dir.join("store.log.new");
        let written = File::create(&fresh)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&fresh, self.path()))
            .and_then(|()| OpenOptions::new().read(true).write(true).open(self.path()));
        self.file = written.map_err(|e| self.failed(&e))?;
        self.offset = length;
        self.next = number;
        drop(held);
        Ok(())
    }
}

fn checksum(number: u64, json: &str) -> String {
    let digest = Sha256::new().chain_update(number.to_be_bytes()).chain_update(json).finalize();
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

#[cfg(unix)]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

async fn acquire(lock: &File, dir: &Path) -> Result<FileLock, Diagnostic> {
    let failed = |why: String| {
        Diagnostic::error(format!("cannot lock the sandbox store in `{}`", dir.display()))
            .detail(why)
    };
    for _ in 0..6000 {
        match lock.try_lock() {
            Ok(()) => {
                let mut file = lock.try_clone().map_err(|e| failed(e.to_string()))?;
                let _ = file.set_len(0);
                let _ = file.seek(SeekFrom::Start(0));
                let _ = write!(file, "{}", std::process::id());
                return Ok(FileLock(file));
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(TryLockError::Error(e)) => return Err(failed(e.to_string())),
        }
    }
    let holder = std::fs::read_to_string(dir.join("lock")).unwrap_or_default();
    Err(failed(format!("process {} has held it for 30 seconds", holder.trim()))
        .help("end that process, or use another directory with `--sandbox=DIR`"))
}
