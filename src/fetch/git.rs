//! A repository's files at a revision.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use super::LIMIT;
use super::archive::Archive;
use crate::config::package::LOCK_FILE;
use crate::diag::{Diagnostic, Loc};

/// What points git to another repository than the one that is named (`git rev-parse --local-env-vars`).
const OF_ANOTHER_REPOSITORY: [&str; 9] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Attributes over all others: files are what the repository holds, on every machine, and nothing is run for them
/// (gitattributes(5); `export-subst` can call GnuPG).
const PLAIN: &str =
    "* -text -eol -filter -ident -working-tree-encoding -export-subst -export-ignore\n";

/// A repository of its own for one fetch.
pub(super) struct Git<'a> {
    pub(super) dir: PathBuf,
    /// The call that asks for it.
    pub(super) loc: &'a Loc,
    /// What the lock file calls it.
    pub(super) key: &'a str,
}

impl Git<'_> {
    fn failed(&self, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::error(format!("the module `{}` cannot be fetched", self.key))
            .at(self.loc.clone())
            .detail(detail)
    }

    /// git, in the repository: without hooks, submodules, and protocols that run programs. It asks for nothing.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"])
            .args([
                "-c",
                "fetch.recurseSubmodules=false",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.attributesFile=/dev/null",
            ])
            .arg("--git-dir")
            .arg(&self.dir)
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_ALLOW_PROTOCOL", "https:ssh:file")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A hook of git's, out of which this may run, says which repository it is about.
        for name in OF_ANOTHER_REPOSITORY {
            command.env_remove(name);
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Diagnostic> {
        self.output(self.command(arguments)).await
    }

    async fn output(&self, mut command: Command) -> Result<Vec<u8>, Diagnostic> {
        let child = command.spawn().map_err(|error| {
            self.failed(format!("git cannot be started: {error}"))
                .help("install git, or use the address of an archive")
        })?;
        let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
        match ended {
            Err(_) => Err(self.failed(format!("git did not end within {} s", LIMIT.as_secs()))),
            Ok(Err(error)) => Err(self.failed(format!("git cannot be waited for: {error}"))),
            Ok(Ok(output)) if output.status.success() => Ok(output.stdout),
            Ok(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let lines: Vec<&str> =
                    said.lines().filter(|line| !line.trim().is_empty()).collect();
                let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
                Err(self
                    .failed(format!("git says: {}", last.join("\n")))
                    .help("try `git ls-remote` with that address; credentials are git's own"))
            }
        }
    }

    /// The commit that a revision is now, or the one that is locked. It is in the repository then.
    pub(super) async fn fetch(
        &self,
        url: &str,
        reference: Option<&str>,
        locked: Option<&str>,
    ) -> Result<String, Diagnostic> {
        self.run(&["init", "--quiet", "--bare", "--template="]).await?;
        let arguments = ["fetch", "--quiet", "--no-tags", "--end-of-options", url];
        let revision = reference.unwrap_or("HEAD");
        if let Some(commit) = locked {
            // Most servers give a commit by its id; where one does not, the revision's history has it.
            let by_id =
                ["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", url, commit];
            if self.run(&by_id).await.is_err() {
                self.run(&[arguments.as_slice(), &[revision]].concat()).await?;
                let there = self.run(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).await;
                there.map_err(|_| {
                    self.failed(format!("`{LOCK_FILE}` has the commit {commit}, which `{revision}` does not lead to any more"))
                        .help("find out who changed it; `palisade init --upgrade` takes it as it is now")
                })?;
            }
            return Ok(commit.to_owned());
        }
        let shallow =
            ["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", url, revision];
        self.run(&shallow).await?;
        let told = self.run(&["rev-parse", "--verify", "FETCH_HEAD^{commit}"]).await?;
        Ok(String::from_utf8_lossy(&told).trim().to_owned())
    }

    /// The files of a commit, as they are in the repository: no filter of the user's configuration is run on them.
    pub(super) async fn archive(&self, commit: &str) -> Result<Archive, Diagnostic> {
        let mut command = self.command(&["archive", "--format=tar", "--end-of-options", commit]);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG_PARAMETERS");
        let info = self.dir.join("info");
        let written = std::fs::create_dir_all(&info)
            .and_then(|()| std::fs::write(info.join("attributes"), PLAIN));
        written.map_err(|error| self.failed(error.to_string()))?;
        Ok(Archive::Plain(self.output(command).await?))
    }
}
