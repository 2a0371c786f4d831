//! Archives: downloaded whole, and unpacked entry by entry.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use super::{Deadline, SMALLER};
use crate::config::package::{LINKS_FILE, MAX_BYTES, MAX_DEPTH, MAX_FILES};
use crate::diag::{Diagnostic, Loc};

/// Most bytes of an archive as it is sent.
const MAX_DOWNLOAD: usize = 64 * 1024 * 1024;

/// Most bytes of what describes an entry: its name, or where a link leads.
const MAX_NAME: u64 = 64 * 1024;

/// A tar archive.
pub(super) enum Archive {
    Plain(Vec<u8>),
    Compressed(Vec<u8>),
}

pub(super) async fn unpack(
    archive: Archive,
    to: PathBuf,
    loc: &Loc,
    key: &str,
) -> Result<(), Diagnostic> {
    let unpacking = tokio::task::spawn_blocking(move || match archive {
        Archive::Plain(bytes) => entries(&bytes, &to),
        Archive::Compressed(bytes) => {
            let mut plain = Vec::new();
            GzDecoder::new(bytes.as_slice()).take(MAX_BYTES + 1).read_to_end(&mut plain)?;
            entries(&plain, &to)
        }
    });
    let done = unpacking.await.map_err(io::Error::other).and_then(|done| done);
    done.map_err(|error| {
        Diagnostic::error(format!("the module `{key}` cannot be unpacked"))
            .at(loc.clone())
            .detail(error.to_string())
            .help(SMALLER)
    })
}

/// What is said of more than fits.
pub(super) fn too_large() -> String {
    format!("it holds more than {} MiB", MAX_BYTES / 1024 / 1024)
}

/// Writes files and directories, leaves out symbolic links, and refuses whatever else an archive can hold: devices, paths
/// that lead out, more than fits. Many repositories hold a link that no module reads; which were left out is written
/// down, so that a module that needs one is refused.
fn entries(bytes: &[u8], to: &Path) -> io::Result<()> {
    let too_large = || io::Error::other(too_large());
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    // Names beyond a header's are entries of their own, which are read into memory as a whole.
    for entry in tar::Archive::new(bytes).entries()?.raw(true) {
        let entry = entry?;
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_dir() && entry.size() > MAX_NAME {
            return Err(io::Error::other(format!(
                "a name or a link is longer than {MAX_NAME} bytes"
            )));
        }
    }
    std::fs::create_dir_all(to)?;
    let mut left = MAX_BYTES;
    let mut links = BTreeSet::new();
    let mut archive = tar::Archive::new(bytes);
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        // What describes the next entry, or the archive.
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = entry.path()?.into_owned();
        let refuse = |why: &str| io::Error::other(format!("`{}` {why}", path.display()));
        if count > MAX_FILES {
            return Err(io::Error::other(format!("it holds more than {MAX_FILES} files")));
        }
        let parts: Vec<Component<'_>> = path.components().collect();
        let inside =
            parts.iter().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || parts.len() > MAX_DEPTH {
            return Err(refuse("leads out of it, or too deep"));
        }
        let normal: PathBuf =
            parts.iter().filter(|part| matches!(part, Component::Normal(_))).collect();
        if normal == Path::new(LINKS_FILE) {
            return Err(refuse("bears a name that Palisade gives to a file of its own"));
        }
        let place = to.join(&path);
        if kind.is_symlink() {
            let name = normal.to_str().filter(|name| !name.contains(['\n', '\r']));
            links.insert(name.ok_or_else(|| refuse("has no name that is text"))?.to_owned());
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent)?;
            }
            continue;
        }
        if kind.is_dir() {
            std::fs::create_dir_all(&place)?;
            continue;
        }
        if !kind.is_file() {
            return Err(refuse("is neither a file nor a directory"));
        }
        left = left.checked_sub(entry.size()).ok_or_else(too_large)?;
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&place);
        let mut file = opened.map_err(|error| refuse(&format!("cannot be written: {error}")))?;
        io::copy(&mut entry, &mut file)?;
    }
    if !links.is_empty() {
        let list: String = links.into_iter().map(|name| name + "\n").collect();
        std::fs::write(to.join(LINKS_FILE), list)?;
    }
    Ok(())
}

/// Downloads an archive.
///
/// # Errors
/// What went wrong, and what to do about it.
pub(super) async fn download(
    url: &str,
    deadline: Deadline,
) -> Result<Vec<u8>, (String, &'static str)> {
    const AGAIN: &str =
        "check the address, the network and the proxy settings, and run `palisade init` again";
    let again = |error: reqwest::Error| match error.status() {
        Some(_) => (
            reason(error),
            "check the address; nothing is sent to say who asks, so an archive must be readable by everybody: use `git::` for a private repository",
        ),
        None if error.is_timeout() => (
            format!("no whole answer within {} s", deadline.limit.as_secs()),
            "check the network, and run `palisade init` again; `PALISADE_REQUEST_TIMEOUT` sets how long a package is waited for",
        ),
        None => (reason(error), AGAIN),
    };
    let client = reqwest::Client::builder()
        .https_only(url.starts_with("https://"))
        .timeout(deadline.left())
        .build()
        .map_err(again)?;
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(again)?;
    let mut all = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(again)? {
        all.extend_from_slice(&chunk);
        if all.len() > MAX_DOWNLOAD {
            let detail = format!("it is larger than {} MiB", MAX_DOWNLOAD / 1024 / 1024);
            return Err((detail, SMALLER));
        }
    }
    Ok(all)
}

/// An error with what caused it, which alone says what happened. The address is left out: a redirect leads to one that is
/// signed, which is as good as a password.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
