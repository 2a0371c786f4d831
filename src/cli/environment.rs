//! The one place where environment variables, the terminal and the clock are read.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::diag::Diagnostic;
use crate::render::Style;
use crate::sandbox::Faults;

use super::args::Global;
use super::clock::WallClock;
use super::error::Exit;

/// Where the sandbox keeps its accounts unless a directory is named.
pub(super) const SANDBOX: &str = ".palisade/sandbox";

/// What the process stands in.
#[derive(Clone, Debug)]
pub struct ProcessEnvironment {
    /// Environment variables that are text.
    pub vars: BTreeMap<String, String>,
    /// How to write to standard output.
    pub out: Style,
    /// How to write to standard error.
    pub err: Style,
    /// Whether progress may be drawn (standard error is a terminal, and nobody asked for quiet).
    pub animate: bool,
    /// Whether a question can be asked (standard input and standard error are terminals).
    pub ask: bool,
}

impl ProcessEnvironment {
    /// Reads it. `NO_COLOR` (<https://no-color.org>), `CI`, `TERM=dumb` and `--no-color` switch
    /// colours off; so does a pipe, for the stream that goes into it.
    #[must_use]
    pub fn read(global: &Global) -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        let set = |name: &str| vars.get(name).is_some_and(|v| !v.is_empty());
        let quiet = global.no_color
            || set("NO_COLOR")
            || set("CI")
            || vars.get("TERM").is_some_and(|t| t == "dumb");
        let columns = console_width(&vars);
        let style = |tty: bool| Style { color: tty && !quiet, terminal: tty, width: columns };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let out = style(out);
        let no_animation = set("CI") || vars.get("TERM").is_some_and(|t| t == "dumb");
        Self {
            out,
            err: style(err),
            // What is told line by line would be written into what is drawn.
            animate: err && !no_animation && global.verbose == 0 && !set("PALISADE_LOG"),
            ask: std::io::stdin().is_terminal() && err,
            vars,
        }
    }

    /// The current directory from the root of the Git repository that it is in, with `/` between names;
    /// empty in the root, and outside of any.
    #[must_use]
    pub fn below_repository(&self) -> String {
        let Ok(here) = std::env::current_dir().and_then(|dir| dir.canonicalize()) else {
            return String::new();
        };
        let root = here.ancestors().find(|dir| dir.join(".git").exists());
        let below = root.and_then(|root| here.strip_prefix(root).ok());
        let names = below.into_iter().flat_map(std::path::Path::components);
        let names: Vec<_> = names.map(|name| name.as_os_str().to_string_lossy()).collect();
        names.join("/")
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Where the sandbox keeps its accounts, when one was asked for.
    #[must_use]
    pub fn sandbox(&self, global: &Global) -> Option<PathBuf> {
        let dir = match (&global.sandbox, self.var("PALISADE_SANDBOX")) {
            (Some(Some(dir)), _) => dir.clone(),
            (Some(None), Some(dir)) | (None, Some(dir)) if !is_flag(dir) => PathBuf::from(dir),
            (Some(None), _) | (None, Some(_)) => PathBuf::from(SANDBOX),
            (None, None) => return None,
        };
        Some(dir)
    }

    /// Fault injection in the sandbox.
    ///
    /// # Errors
    /// What is wrong with `PALISADE_SANDBOX_FAULTS`.
    pub fn sandbox_faults(&self) -> Result<Faults, Diagnostic> {
        self.var("PALISADE_SANDBOX_FAULTS").unwrap_or_default().parse().map_err(|why: String| {
            Diagnostic::error(format!("`PALISADE_SANDBOX_FAULTS` is wrong: {why}"))
                .help("as in `PALISADE_SANDBOX_FAULTS=\"seed=7 eventual=3 throttle=10\"`")
        })
    }

    /// The clock: the machine's, or in the sandbox the one that `PALISADE_SANDBOX_CLOCK` sets.
    ///
    /// # Errors
    /// The variable is set and no moment, or there is no sandbox: real accounts know one time alone.
    pub fn sandbox_clock(&self, global: &Global) -> Result<WallClock, Exit> {
        let Some(text) = self.var("PALISADE_SANDBOX_CLOCK") else {
            return Ok(WallClock::default());
        };
        if self.sandbox(global).is_none() {
            return Err(Diagnostic::error(
                "`PALISADE_SANDBOX_CLOCK` is set, but this is no sandbox",
            )
            .help("unset it, or work in the sandbox with `--sandbox`")
            .into());
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(WallClock::sandbox(at)),
            Err(_) => Err(Diagnostic::error(format!(
                "`PALISADE_SANDBOX_CLOCK` is not a valid timestamp: `{text}`"
            ))
            .help("write it as in `2026-11-23T09:00:00Z`")
            .into()),
        }
    }

    /// At which point of the state's writes the process shall end by itself: in the sandbox alone.
    #[must_use]
    pub fn sandbox_cut(&self, global: &Global) -> Option<u64> {
        self.sandbox(global)?;
        self.var("PALISADE_SANDBOX_CUT")?.parse().ok()
    }

    /// Who calls in the sandbox, when `PALISADE_SANDBOX_AS` says so.
    ///
    /// # Errors
    /// The name is none that IAM takes for a user.
    pub fn sandbox_operator(&self) -> Result<Option<String>, Exit> {
        let Some(name) = self.var("PALISADE_SANDBOX_AS") else { return Ok(None) };
        let valid = name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        if valid {
            return Ok(Some(name.to_owned()));
        }
        Err(Diagnostic::error(format!("`PALISADE_SANDBOX_AS` is no name of a user: `{name}`"))
            .help("letters, digits and `+=,.@_-`, at most 64")
            .into())
    }

    /// Whether the sandbox shall judge every call by the policies in it.
    #[must_use]
    pub fn sandbox_enforces(&self) -> bool {
        self.var("PALISADE_SANDBOX_ENFORCE").is_some_and(|v| v != "0" && v != "false")
    }
}

/// `PALISADE_SANDBOX=1` means the default directory.
fn is_flag(text: &str) -> bool {
    matches!(text, "1" | "true")
}

fn console_width(vars: &BTreeMap<String, String>) -> usize {
    let told = vars.get("COLUMNS").and_then(|c| c.parse().ok());
    told.or_else(|| terminal_columns().map(usize::from)).unwrap_or(100).clamp(40, 200)
}

fn terminal_columns() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}
