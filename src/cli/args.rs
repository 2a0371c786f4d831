//! Flags that several commands share, and the requests that they come to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{ArgAction, ArgMatches, Args, FromArgMatches, ValueEnum};

use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::Variables;
use crate::engine::carry_out::ApplyApproval;
use crate::engine::plan::{FailOn, Mode, PlanRequest, Selection};
use crate::engine::promotion::MoveSettings;
use crate::engine::side::LookAt;
use crate::engine::workspace::VarArg;
use crate::ids::Handle;
use crate::render::Format;
use crate::render::inert::inert;

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Work as if started in DIR
    #[arg(short = 'C', long = "chdir", value_name = "DIR", global = true)]
    pub chdir: Option<PathBuf>,
    /// Use embedded AWS accounts, kept under DIR (default .palisade/sandbox), instead of real ones
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, global = true)]
    pub sandbox: Option<Option<PathBuf>>,
    /// Say on standard error what is done, and at the end as whom AWS and the state were used, what AWS was asked, and which answers
    /// the run waited for; -vv says every request
    #[arg(short = 'v', long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Write no colours
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The two flags that give values to variables. (A heading of the struct would hold for the flags of the command
/// that flattens it, too: clap's `next_help_heading` ends nowhere.)
#[derive(Args)]
struct VarFlags {
    /// Set a variable; repeatable, and what comes later wins
    #[arg(help_heading = "Variables", long = "var", value_name = "NAME=VALUE", action = ArgAction::Append, value_parser = VarArg::parse)]
    _var: Vec<VarArg>,
    /// Read variables from a file; repeatable, and what comes later wins
    #[arg(help_heading = "Variables", long = "var-file", value_name = "FILE", action = ArgAction::Append)]
    _var_file: Vec<PathBuf>,
}

/// Values for variables, in the order in which `--var` and `--var-file` give them.
#[derive(Clone, Debug, Default)]
pub struct VarArgs(pub Vec<VarArg>);

impl FromArgMatches for VarArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        fn placed<T: Clone + Send + Sync + 'static>(
            matches: &ArgMatches,
            id: &str,
        ) -> Vec<(usize, T)> {
            let places = matches.indices_of(id).into_iter().flatten();
            places.zip(matches.get_many::<T>(id).into_iter().flatten().cloned()).collect()
        }
        let files = placed::<PathBuf>(matches, "_var_file").into_iter();
        let mut all = placed::<VarArg>(matches, "_var");
        all.extend(files.map(|(place, file)| (place, VarArg::File(file))));
        all.sort_by_key(|(place, _)| *place);
        Ok(Self(all.into_iter().map(|(_, var)| var).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl VarArgs {
    /// As the engine takes them.
    #[must_use]
    pub fn variables(&self) -> Variables {
        Variables(self.0.clone())
    }
}

impl Args for VarArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        VarFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VarFlags::augment_args_for_update(command)
    }
}

/// What a plan is limited to. The rest is still read and analysed.
#[derive(Clone, Debug, Default, Args)]
pub struct SelectArgs {
    /// Only what belongs to this environment; repeatable
    #[arg(help_heading = "Selection", long, short = 'e', value_name = "ENVIRONMENT", action = ArgAction::Append)]
    pub environment: Vec<String>,
    /// Only what lives in this account; repeatable
    #[arg(help_heading = "Selection", long, short = 'a', value_name = "ACCOUNT", action = ArgAction::Append)]
    pub account: Vec<String>,
    /// Only this object, block or module, and what it needs; repeatable
    #[arg(help_heading = "Selection", long, short = 't', value_name = "ADDRESS", action = ArgAction::Append)]
    pub target: Vec<String>,
}

/// How a plan is made.
#[derive(Clone, Debug, Args)]
pub struct PlanOptions {
    /// What the plan is limited to.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Values for variables.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Replace this object though nothing forces it; repeatable
    #[arg(long, value_name = "ADDRESS", action = ArgAction::Append)]
    pub replace: Vec<String>,
    /// Read AWS first; `--refresh=false` plans from state alone
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = ArgAction::Set, hide_possible_values = true)]
    pub refresh: bool,
    /// Change nothing in AWS: take what drifted into state
    #[arg(long, conflicts_with = "replace")]
    pub refresh_only: bool,
    /// What makes the plan fail with exit code 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOnArg::Violation)]
    pub fail_on: FailOnArg,
    /// Why `--fail-on none` is right; goes into the audit log
    #[arg(long, value_name = "TEXT", required_if_eq("fail_on", "none"))]
    pub reason: Option<String>,
    /// Show every object and every path by itself, with all that is known of it
    #[arg(long)]
    pub full: bool,
    /// How many accounts are worked on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: u16,
}

/// How a plan is carried out; one that is only shown takes no lock.
#[derive(Clone, Debug, Args)]
pub struct ApplyOptions {
    /// How long to wait for a lock held by another process, as in `30s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: std::time::Duration,
}

impl ApplyOptions {
    /// What the flags approve.
    #[must_use]
    pub fn approval(&self, plan: &PlanOptions) -> ApplyApproval {
        ApplyApproval {
            fail_on: plan.fail_on.fail_on(),
            reason: plan.reason.clone(),
            lock_timeout: self.lock_timeout,
            parallelism: usize::from(plan.parallelism),
        }
    }
}

/// What makes a plan fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOnArg {
    /// A path between environments that breaks an isolation rule.
    #[default]
    Violation,
    /// Any path that this plan adds or widens.
    Widening,
    /// Nothing; needs `--reason`.
    None,
}

impl FailOnArg {
    /// As the engine takes it.
    #[must_use]
    pub fn fail_on(self) -> FailOn {
        match self {
            Self::Violation => FailOn::Violation,
            Self::Widening => FailOn::Widening,
            Self::None => FailOn::None,
        }
    }
}

impl SelectArgs {
    /// What the flags select.
    ///
    /// # Errors
    /// An account whose handle is not valid.
    pub fn selection(&self) -> Result<Selection, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let mut accounts = Vec::new();
        for text in &self.account {
            match text.parse::<Handle>() {
                Ok(handle) => accounts.push(handle),
                Err(error) => diagnostics.push(Diagnostic::error(error.to_string())),
            }
        }
        diagnostics.into_result(())?;
        Ok(Selection {
            environments: self.environment.clone(),
            accounts,
            targets: self.target.clone(),
        })
    }
}

impl PlanOptions {
    /// The request that the flags of `plan`, `apply` and `destroy` come to.
    ///
    /// # Errors
    /// An account whose handle is not valid, or flags that contradict each other.
    pub fn request(&self, mode: Mode) -> Result<PlanRequest, Diagnostics> {
        if self.refresh_only && !self.refresh {
            let text = "`--refresh-only` and `--refresh=false` contradict each other";
            return Err(Diagnostic::error(text).into());
        }
        let mode = if self.refresh_only { Mode::RefreshOnly } else { mode };
        let selection = self.select.selection()?;
        let variables = self.vars.variables();
        let mut request = PlanRequest::of(mode, selection, &variables, self.refresh);
        request.options.replace.clone_from(&self.replace);
        request.parallelism = usize::from(self.parallelism);
        Ok(request)
    }

    /// A saved plan is carried out as it was made: flags that would make another plan are refused.
    ///
    /// # Errors
    /// Such a flag was given.
    pub fn require_none_of_a_plan(&self) -> Result<(), Diagnostic> {
        let given = [
            (!self.select.environment.is_empty(), "--environment"),
            (!self.select.account.is_empty(), "--account"),
            (!self.select.target.is_empty(), "--target"),
            (!self.replace.is_empty(), "--replace"),
            (self.refresh_only, "--refresh-only"),
            (!self.refresh, "--refresh=false"),
        ];
        match given.iter().find(|(given, _)| *given) {
            Some((_, flag)) => Err(Diagnostic::error(format!(
                "`{flag}` cannot be used with a saved plan"
            ))
            .help(
                "the plan is carried out as it was made; make another one with `palisade plan --out`",
            )),
            None => Ok(()),
        }
    }
}

/// Which side of the estate is looked at.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct LookArgs {
    /// AWS as it is now (the default)
    #[arg(help_heading = "What is looked at", long, conflicts_with_all = ["plan", "state"])]
    live: bool,
    /// AWS as it would be after `palisade apply`
    #[arg(help_heading = "What is looked at", long, conflicts_with = "state")]
    plan: bool,
    /// What the state holds, without reading AWS
    #[arg(help_heading = "What is looked at", long)]
    state: bool,
}

impl LookArgs {
    /// As the engine takes it.
    #[must_use]
    pub fn look_at(self) -> LookAt {
        match (self.plan, self.state) {
            (true, _) => LookAt::Plan,
            (_, true) => LookAt::State,
            _ => LookAt::Live,
        }
    }
}

/// What the commands that move releases have in common.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Values for variables.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Ask nothing
    #[arg(long)]
    pub auto_approve: bool,
    /// How many accounts are worked on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: u16,
    /// How long to wait for a lock held by another process, as in `30s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl MoveArgs {
    /// As the engine takes them.
    #[must_use]
    pub fn settings(&self) -> MoveSettings {
        MoveSettings {
            variables: self.vars.variables(),
            parallelism: usize::from(self.parallelism),
            lock_timeout: self.lock_timeout,
        }
    }
}

/// Formats of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For people.
    #[default]
    Text,
    /// For tools.
    Json,
    /// For pull requests.
    Markdown,
    /// A page of its own.
    Html,
    /// For code scanning.
    Sarif,
}

impl FormatArg {
    fn format(self) -> Format {
        match self {
            Self::Text => Format::Text,
            Self::Json => Format::Json,
            Self::Markdown => Format::Markdown,
            Self::Html => Format::Html,
            Self::Sarif => Format::Sarif,
        }
    }
}

/// `--output FORMAT=FILE`: a plan that is written into a file beside what is printed.
#[derive(Clone, Debug)]
pub struct OutputArg {
    /// Its format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

impl OutputArg {
    /// Reads `FORMAT=FILE`.
    ///
    /// # Errors
    /// No format of that name, or no file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (format, file) =
            text.split_once('=').ok_or("write `FORMAT=FILE`, as in `sarif=plan.sarif`")?;
        if file.is_empty() {
            return Err(format!("name a file, as in `{format}=plan.{format}`"));
        }
        let format = FormatArg::from_str(format, false).map_err(|_| {
            format!("`{format}` is not a format: text, json, markdown, html or sarif")
        })?;
        Ok(Self { format: format.format(), path: PathBuf::from(file) })
    }

    /// Makes sure that no file is written twice, by one of these or as `other`.
    ///
    /// # Errors
    /// One is.
    pub fn require_apart(all: &[Self], other: Option<&Path>) -> Result<(), Diagnostic> {
        let mut seen: BTreeSet<&Path> = other.into_iter().collect();
        match all.iter().find(|output| !seen.insert(output.path.as_path())) {
            Some(twice) => Err(Diagnostic::error(format!(
                "two outputs would be written into `{}`",
                twice.path.display()
            ))
            .help("give each output a file of its own")),
            None => Ok(()),
        }
    }

    /// Whether each file has a directory to lie in: asked before a plan is made that would be lost.
    ///
    /// # Errors
    /// One has none.
    pub fn require_directories(all: &[Self], other: Option<&Path>) -> Result<(), Diagnostic> {
        let paths = all.iter().map(|output| output.path.as_path()).chain(other);
        let mut homeless = paths.filter(|path| {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            parent.is_some_and(|parent| !parent.is_dir())
        });
        match homeless.next() {
            Some(path) => Err(Diagnostic::error(format!(
                "cannot write `{}`: its directory does not exist",
                path.display()
            ))
            .help("make the directory first; a path is read from the directory of the estate, as `-C` sets it")),
            None => Ok(()),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(
        &self,
        content: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
    ) -> Result<(), Diagnostic> {
        let mut bytes = Vec::new();
        let path = &self.path;
        let cannot = |error: std::io::Error| {
            Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))
        };
        content(&mut bytes).map_err(cannot)?;
        let bytes = match self.format {
            // A pipeline may print it, and its runner takes commands out of what is printed.
            Format::Text | Format::Markdown => {
                inert(&String::from_utf8_lossy(&bytes), true).into_owned().into_bytes()
            }
            Format::Json | Format::Html | Format::Sarif => bytes,
        };
        std::fs::write(path, bytes).map_err(cannot)
    }
}

/// `--format`, and `--json` for short.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FormatArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Text, conflicts_with = "json")]
    pub format: FormatArg,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

impl FormatArgs {
    /// The format asked for.
    #[must_use]
    pub fn format(self) -> Format {
        if self.json { Format::Json } else { self.format.format() }
    }
}

/// `90`, `90s`, `5m`, `1h`.
///
/// # Errors
/// Anything else, and more than a day.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("use s, m or h, as in `30s`".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "it must be a number and s, m or h, as in `30s`")?;
    match number.checked_mul(unit) {
        Some(seconds) if seconds <= 86_400 => Ok(std::time::Duration::from_secs(seconds)),
        _ => Err("more than a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn variables_keep_their_order() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            vars: VarArgs,
        }
        let line = ["x", "--var", "a=1", "--var-file=f", "--var", "a = 2=3"];
        let value =
            |name: &str, text: &str| VarArg::Value { name: name.to_owned(), text: text.to_owned() };
        let expected = [value("a", "1"), VarArg::File("f".into()), value("a", " 2=3")];
        assert_eq!(Line::try_parse_from(line).unwrap().vars.0, expected);
        assert!(Line::try_parse_from(["x"]).unwrap().vars.0.is_empty());
        assert!(Line::try_parse_from(["x", "--var", "a"]).is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90"), Ok(std::time::Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(std::time::Duration::from_secs(300)));
        for wrong in ["", "s", "-1s", "5d", "99999999999999999999", "25h", "1.5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
