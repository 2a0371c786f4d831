//! The commands' reference, written from the command line's own grammar: `docs/commands.md`.

use std::fmt::Write as _;

use clap::Command;

use super::grammar;

const HEAD: &str = "\
# Commands

<!-- Written from the program's own grammar; a test keeps it so. -->

Data goes to standard output, everything else to standard error. Colours and progress are left out
when the stream is no terminal, with `NO_COLOR`, in CI and with `--no-color`.

| exit code | means |
|---|---|
| 0 | success |
| 1 | an error |
| 2 | there are changes (`plan --detailed-exitcode`) or drift (`drift`) |
| 3 | a rule is broken |
| 4 | the plan is stale, or the state was changed by someone else |
| 5 | locked by someone else |
| 6 | incomplete: something could not be read (`plan --detailed-exitcode`, `drift`, `adopt`) |
| 130 | interrupted |

Where several hold, the first of 1, 4, 5, 3, 6, 2 is the code.

Ctrl-C once: nothing new is started, what is in flight is finished and recorded. Twice: leaves at
once, and the next run recovers.

## Environment variables

| variable | does |
|---|---|
| `PALISADE_SANDBOX` | as `--sandbox`: a directory, or `1` for the default one |
| `PALISADE_SANDBOX_ENFORCE` | `1`: the sandbox judges every call by the policies in it |
| `PALISADE_SANDBOX_FAULTS` | fault injection in the sandbox: `seed=7 eventual=3 throttle=10 lose=5 slow-accounts=4 delay=20` |
| `PALISADE_SANDBOX_AS` | in the sandbox alone: the user who calls, made when there is none of that name |
| `PALISADE_SANDBOX_CLOCK` | in the sandbox alone: the time that it is there, `2026-11-23T09:00:00Z` |
| `PALISADE_SANDBOX_CUT` | in the sandbox alone: the process ends by itself before (even) or after (odd) that write of state, counted from 0 in half steps |
| `PALISADE_LOG` | what the run reports about itself on standard error, in place of what `-v` selects: `debug`, or `palisade::request=debug,palisade=info` |
| `PALISADE_VAR_name` | a value for the variable `name` |
| `AWS_PROFILE`, `AWS_CA_BUNDLE`, ... | who calls and how, as the AWS CLI has it: [AWS configuration](aws-configuration.md) |
| `PALISADE_REQUEST_TIMEOUT` | how long a request to AWS is waited for over all its attempts, as in `30s` or `2m` (default 100 s); `init` waits so long for one package (default 300 s) |
| `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE` | how often a request is tried, and how attempts are paced (also `max_attempts` and `retry_mode` of a profile); an apply repeats an operation that may yet succeed for two minutes, however often each of its requests is tried |
| `AWS_ENDPOINT_URL` | an emulator's endpoint |
| `NO_COLOR`, `CI` | no colours, no animation |

";

/// The reference in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut cli = grammar::command();
    cli.build();
    let mut out = HEAD.to_owned();
    out.push_str("## Global options\n\n");
    options(&cli, true, &mut out);
    for command in documented(&cli) {
        section(command, "palisade", &mut out);
    }
    out
}

/// The commands below one; `help` is a way to the flags that stand here.
fn documented(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help")
}

fn section(command: &Command, parent: &str, out: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        for sub in documented(command) {
            section(sub, &name, out);
        }
        return;
    }
    let _ = writeln!(out, "\n## {name}\n");
    if let Some(about) = command.get_about() {
        let _ = writeln!(out, "{about}.\n");
    }
    let positionals: Vec<String> = command
        .get_positionals()
        .map(|arg| {
            let value = value_names(arg).unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
            let many = arg.get_num_args().is_some_and(|n| n.max_values() > 1);
            let dots = if many { "..." } else { "" };
            if arg.is_required_set() {
                format!("{value}{dots}")
            } else {
                format!("[{value}]{dots}")
            }
        })
        .collect();
    let tail = positionals.iter().fold(String::new(), |all, p| all + " " + p);
    let _ = writeln!(out, "```text\n{name} [OPTIONS]{tail}\n```\n");
    options(command, false, out);
    if let Some(help) = command.get_after_help() {
        let text = help.to_string();
        let (prose, examples) = text.split_once("Example").unwrap_or((&text, ""));
        if !prose.trim().is_empty() {
            let _ = writeln!(out, "\n{}", prose.trim());
        }
        let lines: Vec<&str> = examples
            .lines()
            .skip(1)
            .map(|l| l.strip_prefix("  ").unwrap_or(l).trim_end())
            .filter(|l| !l.is_empty())
            .collect();
        if !lines.is_empty() {
            let _ = writeln!(out, "\n```sh\n{}\n```", lines.join("\n"));
        }
    }
}

fn value_names(arg: &clap::Arg) -> Option<String> {
    let names = arg.get_value_names()?;
    Some(names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(" "))
}

fn options(command: &Command, globals: bool, out: &mut String) {
    let mut rows = Vec::new();
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        if matches!(id, "help" | "version") || arg.is_hide_set() || arg.is_global_set() != globals {
            continue;
        }
        let takes = arg.get_action().takes_values();
        let value = if takes { value_names(arg) } else { None };
        let mut name = String::new();
        if arg.is_positional() {
            name.push_str(&value.unwrap_or_else(|| id.to_uppercase()));
        } else {
            if let Some(short) = arg.get_short() {
                let _ = write!(name, "-{short}, ");
            }
            let _ = write!(name, "--{}", arg.get_long().unwrap_or(id));
            if let Some(value) = value {
                let optional = arg.get_num_args().is_some_and(|n| n.min_values() == 0);
                let equals = arg.is_require_equals_set();
                let text = if equals { format!("={value}") } else { format!(" {value}") };
                name.push_str(&if optional { format!("[{text}]") } else { text });
            }
        }
        let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<String> =
            arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
        if takes && !values.is_empty() && !arg.is_hide_possible_values_set() {
            let _ = write!(help, ": {}", values.join(", "));
        }
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|d| d.to_string_lossy().into_owned()).collect();
        if takes && !defaults.is_empty() {
            let _ = write!(help, " (default {})", defaults.join(", "));
        }
        rows.push(format!("| `{name}` | {} |", help.replace('|', "\\|")));
    }
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "| option | does |\n|---|---|\n{}", rows.join("\n"));
}
