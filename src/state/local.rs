//! The local backend: the same layout and the same guarantees in a directory of a POSIX file system.
//!
//! Each key is a file; its tag is the SHA-256 of its content. A write takes an exclusive `flock`
//! (released by the system when a process dies), compares, and renames the new file into place, so
//! that a reader sees one or the other whole. Each content is kept below `.versions/` too, before
//! another takes its place at the latest: what somebody edits or removes by hand is still there.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::scopes::digest;
use super::store::{
    MAX_BYTES, Object, ObjectVersion, Put, StateStore, StoreError, StoreFailure, Versioning,
    WriteCondition, Written, too_large,
};

/// The name of the first version of a key.
const FIRST: &str = "00000001";

/// State in a directory.
#[derive(Clone)]
pub struct LocalStore {
    root: Arc<PathBuf>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl LocalStore {
    /// State below `root`, which is made with the first write, readable by its owner only.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: Arc::new(root.into()), now: Arc::new(Timestamp::now) }
    }

    /// As [`Self::new`], with a clock for tests of leases.
    #[must_use]
    pub fn with_clock(
        root: impl Into<PathBuf>,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { root: Arc::new(root.into()), now }
    }

    fn error(&self, operation: &'static str, key: &str, error: &io::Error) -> StoreError {
        let failure = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreFailure::Denied
            }
            io::ErrorKind::NotFound => StoreFailure::Missing,
            _ => StoreFailure::Other,
        };
        StoreError {
            failure,
            location: self.location(),
            operation,
            key: key.to_owned(),
            message: error.to_string(),
            advice: None,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: &str,
        work: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let disk = Disk { root: Arc::clone(&self.root) };
        let checked = check(key);
        let result = match checked {
            Ok(()) => match tokio::task::spawn_blocking(move || work(&disk)).await {
                Ok(result) => result,
                Err(error) => Err(io::Error::other(error)),
            },
            Err(error) => Err(error),
        };
        result.map_err(|error| self.error(operation, key, &error))
    }
}

/// Keys come from code, but scope names come from handles: nothing may leave the directory.
fn check(key: &str) -> io::Result<()> {
    let bad = key.split('/').any(|part| part == ".." || part == "." || part.contains('\0'));
    if bad || key.starts_with('/') || key.starts_with('.') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a key"));
    }
    Ok(())
}

struct Disk {
    root: Arc<PathBuf>,
}

fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Makes directories that nobody else reads.
fn folder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Makes a directory and what is missing above it, each as durable as what is put into it.
fn make_dir(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    match folder().create(path) {
        // Another process was faster.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ => sync_dir(path),
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A new name is durable once its directory is.
fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

impl Disk {
    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn versions_dir(&self, key: &str) -> PathBuf {
        self.root.join(".versions").join(key)
    }

    fn read(path: &Path) -> io::Result<Option<Object>> {
        // A pipe would be waited for, and what a link leads to is not kept in versions.
        match optional(fs::symlink_metadata(path))? {
            None => return Ok(None),
            Some(found) if found.is_file() => {}
            Some(_) => {
                let why = "it is not a regular file; take it away, then `palisade state history` lists what stood there";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
        let Some(file) = optional(File::open(path))? else { return Ok(None) };
        let mut bytes = Vec::new();
        if optional(file.take(MAX_BYTES + 1).read_to_end(&mut bytes))?.is_none() {
            return Ok(None);
        }
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, too_large()));
        }
        let etag = digest(&bytes);
        Ok(Some(Object { bytes, version: Some(etag.clone()), etag }))
    }

    /// Old versions: sequence number and path, oldest first.
    fn archived(&self, key: &str) -> io::Result<Vec<(u64, PathBuf)>> {
        let Some(entries) = optional(fs::read_dir(self.versions_dir(key)))? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|n| n.parse().ok());
            if let Some(number) = number
                && entry.file_type()?.is_file()
            {
                found.push((number, entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Held until the file is dropped; the system lets go of it when the process dies.
    fn lock(&self) -> io::Result<File> {
        make_dir(&self.root)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(self.root.join(".lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn put(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> io::Result<Option<String>> {
        let _lock = self.lock()?;
        let path = self.path(key);
        let current = Self::read(&path)?;
        let holds = match (condition, &current) {
            (WriteCondition::Absent, None) => true,
            (WriteCondition::Etag(etag), Some(object)) => *etag == object.etag,
            _ => false,
        };
        if !holds {
            return Ok(None);
        }
        if let Some(parent) = path.parent() {
            make_dir(parent)?;
        }
        let staged = self.stage(bytes)?;
        staged.1.sync_all()?;
        if let Some(current) = current {
            self.retain(key, &current.etag)?;
        }
        fs::rename(&staged.0, &path)?;
        sync_dir(&path)?;
        let etag = digest(bytes);
        // It is written, whatever becomes of its copy: the next write makes it a version at the latest.
        let _ = self.keep(key, bytes, &etag);
        Ok(Some(etag))
    }

    /// A file of its own below the root, to be renamed into its place.
    fn stage(&self, bytes: &[u8]) -> io::Result<(PathBuf, File)> {
        let staged = self.root.join(".staged");
        let _ = optional(fs::remove_file(&staged))?;
        let mut file = create(&staged)?;
        file.write_all(bytes)?;
        Ok((staged, file))
    }

    /// Keeps a copy of what was written: whoever edits the file in place does not change it.
    fn keep(&self, key: &str, bytes: &[u8], etag: &str) -> io::Result<()> {
        let version = self.version_of(key, etag)?;
        fs::rename(self.stage(bytes)?.0, &version)
    }

    /// Makes the content that stands there, whose tag is `etag`, a version that lasts.
    fn retain(&self, key: &str, etag: &str) -> io::Result<()> {
        let version = self.version_of(key, etag)?;
        let link = self.root.join(".linked");
        let _ = optional(fs::remove_file(&link))?;
        fs::hard_link(self.path(key), &link)?;
        fs::rename(&link, &version)?;
        sync_dir(&version)?;
        if version.ends_with(FIRST) {
            // Its folders were made in passing.
            let mut folders =
                version.ancestors().skip(1).take_while(|folder| **folder != **self.root);
            folders.try_for_each(sync_dir)?;
        }
        Ok(())
    }

    /// Where a content is kept whose tag is `etag`: the newest version if it is that, else one more.
    fn version_of(&self, key: &str, etag: &str) -> io::Result<PathBuf> {
        let mut last = 0;
        if let Some((number, path)) = self.archived(key)?.pop() {
            if Self::read(&path)?.is_some_and(|object| object.etag == etag) {
                return Ok(path);
            }
            last = number;
        }
        let dir = self.versions_dir(key);
        folder().recursive(true).create(&dir)?;
        Ok(dir.join(format!("{:08}", last.saturating_add(1))))
    }

    /// Files below `dir`, as keys below `root`.
    fn walk(root: &Path, dir: &Path, into: &mut Vec<String>) -> io::Result<()> {
        let Some(entries) = optional(fs::read_dir(dir))? else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_none_or(|n| n.starts_with('.')) {
                continue;
            }
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                Self::walk(root, &path, into)?;
            } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                into.push(key.to_owned());
            }
        }
        Ok(())
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut keys = Vec::new();
        Self::walk(&self.root, &self.path(folder), &mut keys)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        Ok(keys)
    }

    /// Keys that are there or were: what somebody removed by hand has versions still.
    fn ever(&self, prefix: &str) -> io::Result<BTreeSet<String>> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let kept = self.root.join(".versions");
        let mut versions = Vec::new();
        Self::walk(&kept, &kept.join(folder), &mut versions)?;
        let keys =
            versions.iter().filter_map(|v| v.rsplit_once('/')).map(|(key, _)| key.to_owned());
        let all = keys.chain(self.list(prefix)?);
        Ok(all.filter(|key| key.starts_with(prefix)).collect())
    }

    fn versions(&self, key: &str) -> io::Result<Vec<ObjectVersion>> {
        let mut paths: Vec<PathBuf> = self.archived(key)?.into_iter().map(|(_, p)| p).collect();
        paths.push(self.path(key));
        let mut versions = Vec::new();
        for path in paths.into_iter().rev() {
            let Some(object) = Self::read(&path)? else { continue };
            // The current content is archived too, and after a crash in between maybe not yet.
            if versions.last().is_some_and(|last: &ObjectVersion| last.id == object.etag) {
                continue;
            }
            let at = fs::metadata(&path)?.modified().ok().and_then(|m| Timestamp::try_from(m).ok());
            let size = object.bytes.len() as u64;
            versions.push(ObjectVersion { id: object.etag, at, size, deleted: false });
        }
        Ok(versions)
    }
}

#[async_trait]
impl StateStore for LocalStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let name = key.to_owned();
        self.run("read", key, move |disk| Disk::read(&disk.path(&name))).await
    }

    async fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<Put, StoreError> {
        let (name, bytes, condition) = (key.to_owned(), bytes.to_vec(), condition.clone());
        let etag = self.run("write", key, move |disk| disk.put(&name, &bytes, &condition)).await?;
        Ok(match etag {
            None => Put::Lost,
            Some(etag) => {
                Put::Written(Written { version: Some(etag.clone()), etag, at: Some((self.now)()) })
            }
        })
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        let name = prefix.to_owned();
        let mut keys = self.run("list", prefix, move |disk| disk.list(&name)).await?;
        if let Some(after) = after {
            keys.retain(|key| key.as_str() > after);
        }
        Ok(keys)
    }

    async fn versions(&self, key: &str) -> Result<Vec<ObjectVersion>, StoreError> {
        let name = key.to_owned();
        self.run("list versions of", key, move |disk| disk.versions(&name)).await
    }

    async fn version_counts(&self, prefix: &str) -> Result<Vec<(String, usize, bool)>, StoreError> {
        let name = prefix.to_owned();
        self.run("list versions of", prefix, move |disk| {
            let mut counts = Vec::new();
            for key in disk.ever(&name)? {
                let count = disk.versions(&key)?.len();
                // A write puts the object before its version: looked for last, one that is written
                // meanwhile is there.
                let gone = optional(fs::symlink_metadata(disk.path(&key)))?.is_none();
                counts.push((key, count, gone));
            }
            Ok(counts)
        })
        .await
    }

    async fn get_version(&self, key: &str, version: &str) -> Result<Option<Object>, StoreError> {
        let (name, version) = (key.to_owned(), version.to_owned());
        self.run("read", key, move |disk| {
            let mut paths: Vec<PathBuf> =
                disk.archived(&name)?.into_iter().map(|(_, p)| p).collect();
            paths.push(disk.path(&name));
            for path in paths.iter().rev() {
                if let Some(object) = Disk::read(path)?
                    && object.etag == version
                {
                    return Ok(Some(object));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let name = key.to_owned();
        self.run("delete", key, move |disk| {
            let _lock = disk.lock()?;
            let path = disk.path(&name);
            optional(fs::remove_file(&path))?;
            optional(fs::remove_dir_all(disk.versions_dir(&name)))?;
            // An empty folder is noise in a directory that people look into.
            for folder in [path.parent(), disk.versions_dir(&name).parent()].into_iter().flatten() {
                let _ = fs::remove_dir(folder);
            }
            Ok(())
        })
        .await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(Some((self.now)()))
    }

    async fn versioning(&self) -> Result<Versioning, StoreError> {
        Ok(Versioning::On)
    }
}
