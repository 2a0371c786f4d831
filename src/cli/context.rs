//! What every command gets: flags, settings, and where to write.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::engine::connect::Aws;
use crate::engine::host::{Cancel, Urgency};
use crate::engine::origin::RunOrigin;
use crate::engine::{EngineError, Workspace};
use crate::render::Style;
use crate::render::inert::Inert;
use crate::sandbox;

use super::args::Global;
use super::clock::WallClock;
use super::environment::{self, ProcessEnvironment};
use super::error::Exit;
use super::host::{self, EventLines, Manner, SharedPrincipals, Terminal};
use super::output::{self, Unread};

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// Flags of every command.
    pub global: Global,
    /// Variables and terminal.
    pub env: ProcessEnvironment,
    /// Ctrl-C.
    pub cancel: Cancel,
    /// Time.
    pub clock: WallClock,
    /// As whom the run works, once it knows.
    pub principals: SharedPrincipals,
    /// The events of `--json`.
    pub lines: EventLines,
}

impl Context {
    /// The directory of the configuration: the current one, since `-C` has been obeyed.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        PathBuf::from(".")
    }

    /// What the engine works in, for a command that asks and shows plans as text.
    ///
    /// # Errors
    /// What is wrong with the variables that set up the sandbox.
    pub fn workspace(&self) -> Result<Workspace, Exit> {
        self.workspace_in(Manner::default())
    }

    /// As [`Self::workspace`], for a command that talks in a manner of its own.
    ///
    /// # Errors
    /// What is wrong with the variables that set up the sandbox.
    pub fn workspace_in(&self, manner: Manner) -> Result<Workspace, Exit> {
        let aws = match self.env.sandbox(&self.global) {
            None => Aws::Ambient,
            Some(dir) => {
                let options = sandbox::Options {
                    enforce: self.env.sandbox_enforces(),
                    faults: self.env.sandbox_faults()?,
                    clock: self.clock.of_sandbox(),
                    operator: self.env.sandbox_operator()?,
                    ..sandbox::Options::default()
                };
                Aws::Sandbox { dir, options }
            }
        };
        Ok(self.workspace_at(aws, manner))
    }

    /// What the engine works in, for a command that reaches neither AWS nor the backend.
    #[must_use]
    pub fn offline(&self) -> Workspace {
        self.workspace_at(Aws::Ambient, Manner::default())
    }

    fn workspace_at(&self, aws: Aws, manner: Manner) -> Workspace {
        let (cancel, clock) = (self.cancel.clone(), self.clock.clone());
        let principals = self.principals.clone();
        let terminal =
            Terminal::new(&self.env, cancel, clock, manner, principals, self.lines.clone());
        let origin = RunOrigin::of_this_process(&self.env.vars);
        let workspace = Workspace {
            env: self.env.vars.clone(),
            power_cut: self.env.sandbox_cut(&self.global),
            ..Workspace::new(self.dir(), origin, aws, Arc::new(terminal))
        };
        workspace.tell_of_waits();
        workspace
    }

    /// What to try where the state holds nothing of what was asked for: a sandbox that was worked in here has a state
    /// of its own, and this run is in none.
    #[must_use]
    pub fn sandbox_hint(&self) -> Option<&'static str> {
        let is_elsewhere = self.env.sandbox(&self.global).is_none();
        let used = self.dir().join(environment::SANDBOX).is_dir();
        (is_elsewhere && used)
            .then_some("a sandbox was used here and has a state of its own: add `--sandbox`")
    }

    /// What looking into the state came to; an error says of the sandbox what [`Self::sandbox_hint`] says.
    ///
    /// # Errors
    /// That of the look.
    pub fn looked_up<T>(&self, result: Result<T, EngineError>) -> Result<T, Exit> {
        result.map_err(|error| match (Exit::from(error), self.sandbox_hint()) {
            (Exit::Failed(all), Some(hint)) => Exit::Failed(
                all.into_iter()
                    .map(|one| {
                        let help = one.help.as_ref().map(|help| format!("{help}\n"));
                        one.help(format!("{}{hint}", help.unwrap_or_default()))
                    })
                    .collect(),
            ),
            (exit, _) => exit,
        })
    }

    /// Says that the state is empty.
    pub fn say_empty(&self, what: &str) {
        output::say(what);
        if let Some(hint) = self.sandbox_hint() {
            output::say(hint);
        }
    }

    /// Standard output, buffered, for people and logs; flush it. The command goes on without a reader that
    /// went away.
    #[must_use]
    pub fn stdout(&self) -> Inert<io::BufWriter<Unread<io::Stdout>>> {
        Inert::new(self.raw_stdout())
    }

    /// The same for bytes that another program takes as they are.
    #[must_use]
    pub fn raw_stdout(&self) -> io::BufWriter<Unread<io::Stdout>> {
        output::stdout()
    }

    /// How standard output looks.
    #[must_use]
    pub fn style(&self) -> &Style {
        &self.env.out
    }

    /// A remark on standard error.
    pub fn say(&self, line: &str) {
        output::say(line);
    }

    /// Diagnostics on standard error.
    pub fn tell<'a>(&self, diagnostics: impl IntoIterator<Item = &'a Diagnostic>) {
        output::tell(diagnostics, &self.env.err);
    }

    /// What a command that prints events as lines came to: their end is the last line, also where nothing was begun.
    ///
    /// # Errors
    /// That of the command.
    pub fn ended(&self, end: Result<(), Exit>, lines: bool) -> Result<(), Exit> {
        if let (true, Err(exit)) = (lines, &end) {
            self.lines.refused(exit.name(), exit.diagnostics(), self.clock.now());
        }
        end
    }

    /// The current time, in UTC, to the second (RFC 3339).
    #[must_use]
    pub fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Whether Ctrl-C was pressed.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.cancel.urgency() != Urgency::None
    }

    /// The next line of standard input; `None` at its end.
    ///
    /// # Errors
    /// It cannot be read, and Ctrl-C.
    pub async fn read_line(&self) -> Result<Option<String>, Exit> {
        Ok(host::read_line(&self.cancel).await?)
    }
}
