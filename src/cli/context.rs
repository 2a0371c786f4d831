//! What every command gets: flags, surroundings, and where to write.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::diag::{Diagnostic, Diagnostics};
use crate::render::progress::Progress;
use crate::render::{self, Style};

use super::args::Global;
use super::clock::WallClock;
use super::environment::Environment;
use super::error::Exit;
use super::interrupt::Interrupt;

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// Flags of every command.
    pub global: Global,
    /// Variables and terminal.
    pub env: Environment,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// Time.
    pub clock: WallClock,
}

impl Context {
    /// The directory of the configuration: the current one, since `-C` has been obeyed.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        PathBuf::from(".")
    }

    /// Standard output, buffered; flush it. A reader that went away ends the command quietly.
    #[must_use]
    pub fn stdout(&self) -> io::BufWriter<io::Stdout> {
        io::BufWriter::new(io::stdout())
    }

    /// How standard output looks.
    #[must_use]
    pub fn style(&self) -> &Style {
        &self.env.out
    }

    /// One line of progress or remark on standard error.
    pub fn say(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Progress, as this terminal can show it.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(self.env.animate)
    }

    /// Tells diagnostics on standard error.
    pub fn tell<'a>(&self, diagnostics: impl IntoIterator<Item = &'a Diagnostic>) {
        let _ = render::diagnostics::write(diagnostics, &self.env.err, &mut io::stderr().lock());
    }

    /// Tells what is worth a warning and goes on, or fails with everything found.
    ///
    /// # Errors
    /// All findings, when one is an error.
    pub fn accept(&self, found: Diagnostics) -> Result<(), Exit> {
        if found.has_errors() {
            return Err(found.into());
        }
        self.tell(&found);
        Ok(())
    }

    /// The current time, in UTC, to the second (RFC 3339).
    #[must_use]
    pub fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The next line of standard input; `None` at its end.
    ///
    /// # Errors
    /// It cannot be read, and Ctrl-C.
    pub async fn read_line(&self) -> Result<Option<String>, Exit> {
        let reading = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
        });
        let read = self.interrupt.or(reading).await?;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        read.map_err(|error| Exit::error(format!("cannot read standard input: {error}")))
    }

    /// Asks a question that only `yes` answers.
    ///
    /// # Errors
    /// Anything but `yes`, the end of input, and Ctrl-C.
    pub async fn confirm(&self, question: &str) -> Result<(), Exit> {
        let mut err = io::stderr();
        let _ = write!(err, "\n{question}\nOnly `yes` is accepted: ");
        let _ = err.flush();
        let answer = self.read_line().await;
        let _ = writeln!(err);
        match answer? {
            Some(answer) if answer.trim() == "yes" => Ok(()),
            Some(_) => Err(Exit::error("not confirmed; nothing was changed")),
            None => Err(Diagnostic::error("there is nobody to ask: standard input has ended")
                .help(
                    "pass `--auto-approve`, or apply a plan saved with `palisade plan --out FILE`",
                )
                .into()),
        }
    }
}
