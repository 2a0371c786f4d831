//! A repository's files at a revision.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::archive::{Archive, too_large};
use super::{Deadline, SMALLER};
use crate::config::package::{LOCK_FILE, MAX_BYTES};
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
    pub(super) deadline: Deadline,
}

impl Git<'_> {
    fn failed(&self, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::error(format!("the module `{}` cannot be fetched", self.key))
            .at(self.loc.clone())
            .detail(detail)
    }

    /// git, in the repository: without hooks, submodules, and protocols that run programs. Nobody is asked for anything.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null"])
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

    /// How git calls ssh where nobody has said it: so that it asks for nothing at the terminal, where progress is shown and
    /// nobody answers in a pipeline (git(1), `GIT_SSH_COMMAND`; ssh_config(5), `BatchMode`).
    async fn ssh(&self) -> Option<String> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_set("GIT_SSH_COMMAND") || is_set("GIT_SSH") {
            return None;
        }
        let own = self.run(&["config", "--get", "core.sshCommand"]).await.unwrap_or_default();
        let own = String::from_utf8_lossy(&own).trim().to_owned();
        Some(format!("{} -oBatchMode=yes", if own.is_empty() { "ssh" } else { &own }))
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Diagnostic> {
        self.output(self.command(arguments)).await
    }

    async fn output(&self, mut command: Command) -> Result<Vec<u8>, Diagnostic> {
        let child = command.spawn().map_err(|error| {
            self.failed(format!("git cannot be started: {error}"))
                .help("install git, or use the address of an archive")
        })?;
        match tokio::time::timeout(self.deadline.left(), ended(child, MAX_BYTES)).await {
            Err(_) => Err(self
                .failed(format!("git did not end within {} s", self.deadline.limit.as_secs()))
                .help("check the network, and run `palisade init` again; `PALISADE_REQUEST_TIMEOUT` sets how long a package is waited for")),
            Ok(Err(error)) => Err(self
                .failed(format!("git cannot be waited for: {error}"))
                .help("run `palisade init` again")),
            Ok(Ok(Ended::Written(output))) => Ok(output),
            Ok(Ok(Ended::TooLarge)) => Err(self.failed(too_large()).help(SMALLER)),
            Ok(Ok(Ended::Failed(said))) => {
                let said = String::from_utf8_lossy(&said);
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
        let ssh = match url.starts_with("ssh:") || !url.contains("://") {
            true => self.ssh().await,
            false => None,
        };
        let ask = |arguments: &[&str]| {
            let mut command = self.command(arguments);
            command.envs(ssh.iter().map(|ssh| ("GIT_SSH_COMMAND", ssh)));
            self.output(command)
        };
        let arguments = ["fetch", "--quiet", "--no-tags", "--end-of-options", url];
        let revision = reference.unwrap_or("HEAD");
        if let Some(commit) = locked {
            // Most servers give a commit by its id; where one does not, the revision's history has it.
            let by_id =
                ["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", url, commit];
            if ask(&by_id).await.is_err() {
                ask(&[arguments.as_slice(), &[revision]].concat()).await?;
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
        let fetched = ask(&shallow).await;
        if is_short_commit(revision) {
            fetched.map_err(|error| {
                error.help(format!(
                    "if `{revision}` is a commit, write all of its 40 digits: servers give none by the first few"
                ))
            })?;
        } else {
            fetched?;
        }
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
        written.map_err(|error| {
            self.failed(error.to_string()).help("see to the directory `.palisade`")
        })?;
        Ok(Archive::Plain(self.output(command).await?))
    }
}

/// Whether a revision looks like the beginning of a commit's id.
fn is_short_commit(revision: &str) -> bool {
    (7..40).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// How a call of git ended.
enum Ended {
    /// Well, having written this.
    Written(Vec<u8>),
    /// It writes more than a package may hold.
    TooLarge,
    /// With an error, of which it says this.
    Failed(Vec<u8>),
}

/// Most bytes that are read of what git says is wrong.
const MAX_WORDS: u64 = 64 * 1024;

/// Reads what a program writes as it comes, so that no more of it is kept than may be.
async fn ended(mut child: Child, most: u64) -> io::Result<Ended> {
    let (written, said) = (child.stdout.take(), child.stderr.take());
    let writing = async {
        let mut output = Vec::new();
        if let Some(written) = written {
            written.take(most + 1).read_to_end(&mut output).await?;
        }
        io::Result::Ok(output)
    };
    let saying = async {
        let mut words = Vec::new();
        if let Some(mut said) = said {
            (&mut said).take(MAX_WORDS).read_to_end(&mut words).await?;
            tokio::io::copy(&mut said, &mut tokio::io::sink()).await?;
        }
        io::Result::Ok(words)
    };
    tokio::pin!(writing, saying);
    let (output, words) = tokio::select! {
        output = &mut writing => {
            let output = output?;
            // A program that is not read any more does not end, and says nothing.
            if output.len() as u64 > most {
                return Ok(Ended::TooLarge);
            }
            (output, saying.await?)
        }
        words = &mut saying => (writing.await?, words?),
    };
    if output.len() as u64 > most {
        return Ok(Ended::TooLarge);
    }
    Ok(match child.wait().await?.success() {
        true => Ended::Written(output),
        false => Ended::Failed(words),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(script: &str) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
        ended(command.kill_on_drop(true).spawn().unwrap(), 1024).await.unwrap()
    }

    #[tokio::test]
    async fn a_program_that_writes_without_end_is_ended() {
        assert!(matches!(run("yes").await, Ended::TooLarge));
        let wordy = run("yes | head -c 3000000 >&2; exit 3").await;
        assert!(matches!(wordy, Ended::Failed(words) if words.len() as u64 == MAX_WORDS));
        assert!(matches!(run("echo fits").await, Ended::Written(output) if output == b"fits\n"));
    }
}
