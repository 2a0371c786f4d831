//! Modules from elsewhere: what a source means, where its package lies once `init` has fetched it, and what the lock
//! file says of it.
//!
//! A **package** is what is fetched as a whole, a repository at a revision or an archive; a module is a directory in it.
//! Nothing here opens a connection: a package that is not there, or that is not what the lock says, is an error.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The lock file, beside the configuration.
pub const LOCK_FILE: &str = "palisade.lock.json";

/// The file of a package that lists the symbolic links that were left out of it, by their names from its root.
pub const LINKS_FILE: &str = ".palisade-links";

/// The symbolic links that were left out of a package, by their names from its root.
#[must_use]
pub fn links_left_out(package: &Path) -> Vec<PathBuf> {
    // Most packages have no such list.
    let list = fs::read_to_string(package.join(LINKS_FILE)).unwrap_or_default();
    list.lines().map(PathBuf::from).collect()
}

/// Where packages lie, below the configuration's directory.
const DIRECTORY: &str = ".palisade/modules";

/// Most files of a package, and how deep they may lie.
pub const MAX_FILES: usize = 20_000;
/// How deep directories of a package may nest.
pub const MAX_DEPTH: usize = 32;
/// Most bytes of a package, unpacked.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// How a package is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageOrigin {
    /// With git.
    Git {
        /// What git takes as a repository.
        url: String,
        /// A branch, a tag or a commit; the default branch without it.
        reference: Option<String>,
    },
    /// A compressed tar archive over HTTPS.
    Archive {
        /// Its address.
        url: String,
    },
}

/// A `source` that is not a local path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageSource {
    /// How it is fetched.
    pub origin: PackageOrigin,
    /// The module's directory in it; empty for the whole.
    pub directory: String,
}

impl PackageSource {
    /// The name by which the lock file knows the package.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.origin {
            PackageOrigin::Git { url, reference: None } => format!("git::{url}"),
            PackageOrigin::Git { url, reference: Some(reference) } => {
                format!("git::{url}?ref={reference}")
            }
            PackageOrigin::Archive { url } => url.clone(),
        }
    }

    /// Reads a source as Terraform writes them.
    ///
    /// # Errors
    /// Why it is none that can be fetched, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        Self::read(text).map_err(|error| SourceError {
            holds_credentials: error.holds_credentials || may_hold_credentials(text),
            ..error
        })
    }

    fn read(text: &str) -> Result<Self, SourceError> {
        let wrong = |detail: &str, help: &str| {
            let (detail, help) = (detail.to_owned(), help.to_owned());
            Err(SourceError { detail, help, holds_credentials: false })
        };
        let credentials = || SourceError {
            detail: "it holds credentials".to_owned(),
            help: "leave them to git's credential helper or to an SSH key".to_owned(),
            holds_credentials: true,
        };
        if text.chars().any(|c| c.is_control() || c == ' ' || c == '\\') {
            return wrong("it holds spaces, backslashes or control characters", SHAPES);
        }
        let (address, arguments) = match text.split_once('?') {
            Some((address, arguments)) => (address, Some(arguments)),
            None => (text, None),
        };
        let (forced, address) = match address.strip_prefix("git::") {
            Some(rest) => (true, rest),
            None => (false, address),
        };
        let (repository, directory) = split_directory(address);
        let host = repository.split_once('/').map_or(repository, |(host, _)| host);
        let url = if repository.starts_with("git@") {
            // As `git clone` writes it: the part behind the colon is a path.
            repository.to_owned()
        } else if !repository.contains("://") && ["github.com", "gitlab.com"].contains(&host) {
            if repository.split('/').count() != 3 {
                return wrong(
                    "a repository there has an owner and a name",
                    "a directory in it follows `//`: `github.com/acme/modules//baseline`",
                );
            }
            format!("https://{}.git", repository.trim_end_matches(".git"))
        } else if repository.contains("://") {
            repository.to_owned()
        } else if repository.split('/').count() >= 3 {
            return wrong(
                "there is no registry of modules",
                "write the repository: `git::https://github.com/OWNER/REPOSITORY.git//DIRECTORY?ref=v1.2.3`",
            );
        } else {
            return wrong("it is neither a path nor an address", SHAPES);
        };
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        // A token may stand in the place of a name; of SSH the name says which account of the machine it is.
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let of_ssh = scheme == Some("ssh");
        if user.is_some_and(|user| !of_ssh || user.contains([':', '@']))
            || scheme.is_none() && url.matches('@').count() > 1
        {
            return Err(credentials());
        }
        let is_local = ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|host| authority == *host || authority.starts_with(&format!("{host}:")));
        let archive = [".tar.gz", ".tgz"].iter().any(|end| url.ends_with(end));
        let origin = match scheme {
            Some("https") if !forced && archive => {
                if arguments.is_some() {
                    return wrong("an archive takes no arguments", "write its address alone");
                }
                PackageOrigin::Archive { url }
            }
            Some(_) if !forced && archive && is_local && url.starts_with("http:") => {
                PackageOrigin::Archive { url }
            }
            Some("https" | "ssh" | "file") | None
                if forced || scheme.is_none() || host_is_known(repository, host) =>
            {
                PackageOrigin::Git { url, reference: reference(arguments)? }
            }
            Some(_) if url.starts_with("http:") => {
                return wrong(
                    "it is fetched over a connection that anybody can change",
                    "write `https://`",
                );
            }
            Some("https") => {
                return wrong(
                    "it says neither that it is a repository nor that it is an archive",
                    "write `git::https://...` for a repository; an archive ends in `.tar.gz` or `.tgz`",
                );
            }
            _ => return wrong("its scheme is unknown", SHAPES),
        };
        let parts = Path::new(directory).components();
        if parts.into_iter().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return wrong(
                &format!("`{directory}` leads out of what is fetched"),
                "name a directory below it",
            );
        }
        Ok(Self { origin, directory: directory.to_owned() })
    }
}

/// How the source of a module is written.
pub const SHAPES: &str = "local modules begin with `./` or `../`, others with `git::`, `github.com/`, `git@` or `https://`";

/// Why a source cannot be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    pub help: String,
    /// Whether the source must not be shown.
    pub holds_credentials: bool,
}

/// Whether a source may contain a password, a token or a key and must not be shown: it has a user other than `git`, or an
/// argument other than `ref` and `depth`.
#[must_use]
pub fn may_hold_credentials(text: &str) -> bool {
    let (address, arguments) = text.split_once('?').unwrap_or((text, ""));
    let address = address.trim_start().trim_start_matches("git::").trim_start_matches("ssh://");
    let user = address.rsplit_once('@').map(|(user, _)| user);
    let names = arguments.split('&').map(|argument| argument.split('=').next().unwrap_or_default());
    user.is_some_and(|user| user != "git")
        || names.into_iter().any(|name| !["", "depth", "ref"].contains(&name))
}

/// Whether a text is an address of a package, and not a local path.
#[must_use]
pub fn is_remote(text: &str) -> bool {
    text.contains("://")
        || text.contains("::")
        || ["git@", "github.com/", "gitlab.com/"].iter().any(|start| text.starts_with(start))
        || text.split('/').count() >= 3 && !text.starts_with(['/', '.'])
}

/// The shorthands of hosts mean their repositories.
fn host_is_known(repository: &str, host: &str) -> bool {
    !repository.contains("://") && !host.is_empty()
}

/// What stands before `//` that belongs to no scheme, and the directory behind it.
fn split_directory(address: &str) -> (&str, &str) {
    let begin = address.find("://").map_or(0, |at| at + 3);
    match address.get(begin..).and_then(|rest| rest.find("//")) {
        Some(at) => {
            let (repository, rest) = address.split_at(begin + at);
            (repository, rest.trim_start_matches('/').trim_end_matches('/'))
        }
        None => (address.trim_end_matches('/'), ""),
    }
}

fn reference(arguments: Option<&str>) -> Result<Option<String>, SourceError> {
    let mut found = None;
    for argument in arguments.into_iter().flat_map(|a| a.split('&')) {
        match argument.split_once('=') {
            // The depth of the history is nothing that the result depends on.
            Some(("depth", _)) => {}
            Some(("ref", text)) if found.is_none() && is_revision(text) => {
                found = Some(text.to_owned());
            }
            _ => {
                let name = argument.split('=').next().unwrap_or_default();
                return Err(SourceError {
                    detail: format!("the argument `{name}` means nothing here"),
                    help: "a revision is written `?ref=v1.2.3`, behind the directory: `//names?ref=v1.2.3`".to_owned(),
                    holds_credentials: false,
                });
            }
        }
    }
    Ok(found)
}

/// What begins with a dash would be an option, and what holds two slashes a directory in the wrong place.
fn is_revision(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.contains("//") && !text.contains('#')
}

/// What the lock file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleLock {
    /// The version of its form.
    pub version: u32,
    /// Packages by [`PackageSource::key`].
    pub modules: BTreeMap<String, LockedPackage>,
}

/// What a package is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// The commit that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// `sha256:` and the digest of all its files ([`hash`]).
    pub hash: String,
}

impl ModuleLock {
    /// The form that this version writes.
    pub const VERSION: u32 = 1;

    /// Reads the lock file of a configuration; an empty one where there is none.
    ///
    /// # Errors
    /// It is not readable, or not of a form that this version knows.
    pub fn read(root: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(root.join(LOCK_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { version: Self::VERSION, ..Self::default() });
            }
            Err(error) => return Err(error.to_string()),
        };
        let lock: Self = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if lock.version != Self::VERSION {
            return Err(format!("its version is {}, not {}", lock.version, Self::VERSION));
        }
        Ok(lock)
    }

    /// As the file holds it.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn text(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Where all packages of a configuration lie.
#[must_use]
pub fn packages(root: &Path) -> PathBuf {
    root.join(DIRECTORY)
}

/// Where the package of that key lies, below the configuration's directory: by its name and a digest of the key, so
/// that no key can name another place.
#[must_use]
pub fn relative_place(key: &str) -> String {
    let address = key.split('?').next().unwrap_or_default().trim_end_matches('/');
    let name = address.rsplit(['/', ':']).next().unwrap_or_default();
    let name =
        [".git", ".tar.gz", ".tgz"].iter().fold(name, |name, end| name.trim_end_matches(end));
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = name.chars().filter(plain).take(40).collect();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(key));
    format!("{DIRECTORY}/{name}-{}", digest.split_at(16).0)
}

/// The same as a path.
#[must_use]
pub fn place(root: &Path, key: &str) -> PathBuf {
    root.join(relative_place(key))
}

/// The digest of a directory: of the sorted list of its files' digests and names. Modes and times are no part of
/// it; a link has no business in a package, and is an error.
///
/// # Errors
/// The directory cannot be read, or holds something that is neither a file nor a directory.
pub fn hash(dir: &Path) -> io::Result<String> {
    let mut files = BTreeMap::new();
    collect(dir, "", 0, &mut files)?;
    let mut whole = Sha256::new();
    for (name, path) in files {
        let digest = Sha256::digest(fs::read(path)?);
        whole.update(data_encoding::HEXLOWER.encode(&digest));
        whole.update(b"  ");
        whole.update(name.as_bytes());
        whole.update(b"\n");
    }
    Ok(format!("sha256:{}", data_encoding::HEXLOWER.encode(&whole.finalize())))
}

fn collect(
    dir: &Path,
    name: &str,
    depth: usize,
    files: &mut BTreeMap<String, PathBuf>,
) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other(format!("`{name}` lies more than {MAX_DEPTH} levels deep")));
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.file_name();
        let Some(file) = file.to_str() else {
            return Err(io::Error::other(format!("`{}` is not UTF-8 text", file.display())));
        };
        // The list that is hashed has a line for each.
        if file.chars().any(char::is_control) {
            return Err(io::Error::other(format!("{file:?} holds control characters")));
        }
        let name = if name.is_empty() { file.to_owned() } else { format!("{name}/{file}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &name, depth + 1, files)?;
        } else if kind.is_file() {
            files.insert(name, entry.path());
            if files.len() > MAX_FILES {
                return Err(io::Error::other(format!("it holds more than {MAX_FILES} files")));
            }
        } else {
            return Err(io::Error::other(format!("`{name}` is neither a file nor a directory")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_terraform_writes_them() {
        let git = |url: &str, reference: Option<&str>, directory: &str| PackageSource {
            origin: PackageOrigin::Git {
                url: url.to_owned(),
                reference: reference.map(str::to_owned),
            },
            directory: directory.to_owned(),
        };
        let archive = |url: &str, directory: &str| PackageSource {
            origin: PackageOrigin::Archive { url: url.to_owned() },
            directory: directory.to_owned(),
        };
        let cases = [
            ("git::https://example.com/vpc.git", git("https://example.com/vpc.git", None, "")),
            (
                "git::https://example.com/vpc.git//modules/a?ref=v1.2.0",
                git("https://example.com/vpc.git", Some("v1.2.0"), "modules/a"),
            ),
            (
                "git::ssh://git@example.com/storage.git?depth=1&ref=main",
                git("ssh://git@example.com/storage.git", Some("main"), ""),
            ),
            ("git@github.com:acme/m.git//x", git("git@github.com:acme/m.git", None, "x")),
            ("github.com/acme/m//x?ref=1", git("https://github.com/acme/m.git", Some("1"), "x")),
            ("github.com/acme/m.git", git("https://github.com/acme/m.git", None, "")),
            ("git::file:///srv/m.git", git("file:///srv/m.git", None, "")),
            (
                "https://example.com/m.tar.gz//m-1/x",
                archive("https://example.com/m.tar.gz", "m-1/x"),
            ),
            ("https://example.com/m.tgz", archive("https://example.com/m.tgz", "")),
        ];
        for (text, wanted) in cases {
            assert!(is_remote(text), "{text}");
            assert_eq!(PackageSource::parse(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_fetched_is_said() {
        let cases = [
            ("hashicorp/consul/aws", "no registry"),
            ("https://example.com/m.git", "neither that it is a repository"),
            ("http://example.com/m.tar.gz", "anybody can change"),
            ("git::http://example.com/m.git", "anybody can change"),
            ("git::ext::sh -c x", "spaces"),
            ("git::ext::sh", "neither a path nor an address"),
            ("s3::https://s3.amazonaws.com/b/m.zip", "scheme"),
            ("git::https://u:p@example.com/m.git", "credentials"),
            ("git::https://ghp_token@example.com/m.git", "credentials"),
            ("git@user:pw@example.com:m.git", "credentials"),
            ("git::https://example.com/m.git?ref=v1//names", "means nothing"),
            ("git::https://example.com/m.git?ref=v1&ref=v2", "means nothing"),
            ("git::https://example.com/m.git?ref=--upload-pack=x", "means nothing"),
            ("git::https://example.com/m.git?sshkey=x", "means nothing"),
            ("git::https://example.com/m.git//../x", "leads out"),
            ("github.com/acme/m/x", "owner and a name"),
            ("https://example.com/m.tar.gz?archive=false", "takes no arguments"),
        ];
        for (text, wanted) in cases {
            let error = PackageSource::parse(text).expect_err(text);
            assert!(error.detail.contains(wanted), "{text}: {}", error.detail);
        }
    }

    /// Whatever else is wrong with it, and in whatever form it holds one.
    #[test]
    fn a_source_that_may_hold_a_password_is_not_shown() {
        let secret = [
            "git::https://u:p@example.com/m.git",
            "git::https://token@example.com/m.git",
            "git::https://u:p@example.com/m.git ",
            "git::https://example.com/m.git?sshkey=x",
            "https://example.com/m.tar.gz?token=x",
            "git::bob:x@example.com/a/m.git",
            "git::x@github.com:a/m.git",
            "git@user:pw@example.com:m.git",
            "git::ssh://git:x@example.com/m.git\\",
        ];
        for text in secret {
            let error = PackageSource::parse(text).expect_err(text);
            assert!(error.holds_credentials, "{text}");
            assert!(!error.detail.contains("=x"), "{text}: {}", error.detail);
        }
        for text in ["hashicorp/consul/aws", "git::http://example.com/m.git?ref=v1", "git::ext::sh"]
        {
            assert!(!PackageSource::parse(text).expect_err(text).holds_credentials, "{text}");
        }
    }

    #[test]
    fn a_hash_tells_names_and_contents_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("a.hcl", "one");
        write("sub/b.hcl", "two");
        let first = hash(dir.path()).expect("read");
        assert_eq!(first, hash(dir.path()).expect("read"));
        write("sub/b.hcl", "three");
        let second = hash(dir.path()).expect("read");
        fs::rename(dir.path().join("a.hcl"), dir.path().join("c.hcl")).expect("renamed");
        let third = hash(dir.path()).expect("read");
        assert!(first != second && second != third && first != third);
        write("x\n  y", "four");
        assert!(hash(dir.path()).is_err(), "a name that could stand for two lines");
        fs::remove_file(dir.path().join("x\n  y")).expect("removed");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hosts", dir.path().join("link")).expect("made");
            let error = hash(dir.path()).expect_err("a link").to_string();
            assert!(error.contains("link"), "{error}");
        }
    }
}
