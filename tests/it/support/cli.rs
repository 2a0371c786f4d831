//! The program as its users have it: started, fed, killed, and judged by exit code and output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory with a configuration, and the program in it.
pub(crate) struct Program {
    dir: TempDir,
}

/// What one run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The run itself, if it ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}: --- out\n{}\n--- err\n{}", self.out, self.err))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Program {
    /// With this `main.hcl`.
    pub(crate) fn new(main: &str) -> Self {
        let this = Self { dir: TempDir::new().expect("a directory") };
        this.write("main.hcl", main);
        this
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("written");
    }

    pub(crate) fn executable() -> PathBuf {
        PathBuf::from(env!("CARGO_BIN_EXE_palisade"))
    }

    /// The program with nothing of this machine's environment but its PATH, in the sandbox.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Self::executable());
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("PALISADE_SANDBOX", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().expect("the program starts").into()
    }

    /// With text on standard input.
    #[track_caller]
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Run {
        use std::io::Write as _;
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A program that does not read its input closes the pipe: not this test's concern.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends").into()
    }
}
