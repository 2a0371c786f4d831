//! Flags as Terraform writes them: with one dash (`-out=FILE`, `-auto-approve`, `-target=X`).
//!
//! Read by the usual rules, `-out=FILE` is `-o ut=FILE` and writes the plan to a file of that name, and
//! `-auto-approve` is `-a uto-approve`, the account `uto-approve`. So a flag that Palisade has is taken as
//! Terraform means it, one that it does not have is refused with what to do instead, and so is whatever looks
//! like a misspelling of either. Short flags stay what they are.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

use crate::diag::Diagnostic;

/// Terraform's flags that Palisade has no use for, and what to do instead.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["input"], "Palisade asks on a terminal only; `--auto-approve` asks nothing"),
    (
        &["lock"],
        "an apply always holds its locks and a plan takes none; `--lock-timeout` waits for them",
    ),
    (
        &["state", "state-out", "backup"],
        "the `backend` block of the configuration says where the state is",
    ),
    (
        &["backend", "backend-config", "reconfigure", "force-copy"],
        "the `backend` block of the configuration says where the state is; `palisade init --migrate-state` moves it there",
    ),
    (&["upgrade", "get", "plugin-dir", "lockfile"], "there are no plugins to install"),
    (&["generate-config-out"], "`palisade adopt` writes the blocks of what an account holds"),
    (&["compact-warnings"], "warnings are always told in full"),
    (&["force"], "`--auto-approve` asks nothing; no check is switched off"),
];

/// Flags that other commands have and Terraform's users try with this one, and what to do instead.
const OF_OTHERS: &[(&str, &str, &str)] = &[
    ("plan", "lock-timeout", "a plan takes no lock: it waits for nobody"),
    (
        "apply",
        "out",
        "`palisade plan --out FILE` saves a plan, `palisade apply FILE` carries it out",
    ),
];

/// Terraform's commands that Palisade has no use for, and what to do instead.
const COMMANDS: &[(&str, &str)] = &[
    ("force-unlock", "`palisade state unlock` gives back a lock whose holder is gone"),
    ("get", "`palisade init` fetches modules"),
    ("login", "credentials come from the AWS configuration: `aws login`, `aws sso login`"),
    ("logout", "credentials come from the AWS configuration: `aws logout`, `aws sso logout`"),
    ("modules", "`palisade init` fetches modules, and `palisade.lock.json` lists them"),
    ("providers", "there are no plugins: the AWS provider is built in"),
    (
        "refresh",
        "`palisade drift` shows what moved, `palisade apply --refresh-only` takes it into state",
    ),
    ("taint", "`palisade apply --replace ADDRESS` makes an object anew"),
    (
        "test",
        "`palisade apply --sandbox` tries a configuration, `check` blocks hold what must be true",
    ),
    ("untaint", "nothing is marked for replacement: leave `--replace` out"),
    (
        "workspace",
        "environments take the place of workspaces: `environment` blocks, `--environment NAME`",
    ),
];

/// The arguments with Terraform's flags written as Palisade's.
///
/// # Errors
/// A command or a flag of Terraform's that Palisade does not have, or what is nearly a flag.
pub(super) fn translate(
    args: impl IntoIterator<Item = OsString>,
    grammar: &Command,
) -> Result<Vec<OsString>, Diagnostic> {
    let known = long_flags(grammar);
    let (mut out, mut command): (Vec<OsString>, Option<String>) = (Vec::new(), None);
    let mut args = args.into_iter();
    out.extend(args.next());
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            out.extend(args.by_ref());
            break;
        }
        // Of an expression a dash may be the first character.
        let expression = out.last().is_some_and(|last| last == "-e" || last == "--eval");
        let Some(text) = arg.to_str().filter(|_| !expression) else {
            out.push(arg);
            continue;
        };
        if command.is_none() && grammar.get_subcommands().any(|c| c.get_name() == text) {
            command = Some(text.to_owned());
        }
        if command.is_none()
            && let Some((name, help)) = COMMANDS.iter().find(|(name, _)| *name == text)
            && out.len() == 1
        {
            return Err(Diagnostic::error(format!("there is no command `{name}`")).help(*help));
        }
        let own = command
            .as_deref()
            .and_then(|name| grammar.find_subcommand(name))
            .map(|command| OwnFlags { all: long_flags(command), switches: switches(command) });
        match one(text, command.as_deref(), &known, own.as_ref())? {
            Some(flag) => out.push(flag.into()),
            None => out.push(arg),
        }
    }
    Ok(out)
}

/// The flag as Palisade writes it; `None` where there is nothing to change.
fn one(
    text: &str,
    command: Option<&str>,
    known: &BTreeSet<String>,
    own: Option<&OwnFlags>,
) -> Result<Option<String>, Diagnostic> {
    let Some(flag) = text.strip_prefix('-') else { return Ok(None) };
    let (dashes, flag) = match flag.strip_prefix('-') {
        Some(flag) => ("--", flag),
        None => ("-", flag),
    };
    let name = flag.split('=').next().unwrap_or_default();
    let refuse = |help: String| {
        Err(Diagnostic::error(format!("there is no flag `{dashes}{name}`")).help(help))
    };
    if (name, command) == ("destroy", Some("apply")) {
        return refuse(
            "`palisade destroy` plans to delete everything, asks, and does it".to_owned(),
        );
    }
    if let Some((.., help)) =
        OF_OTHERS.iter().find(|(of, flag, _)| (command, name) == (Some(*of), *flag))
    {
        return refuse((*help).to_owned());
    }
    // `-auto-approve=true`: a switch takes no value here.
    if let (Some(own), Some((_, "true"))) = (own, flag.split_once('='))
        && dashes == "-"
        && own.switches.contains(name)
    {
        return Ok(Some(format!("--{name}")));
    }
    let elsewhere = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    // Of a flag that another command has, Terraform's users may mean their own.
    if known.contains(name) && (elsewhere.is_none() || own.is_none_or(|own| own.all.contains(name)))
    {
        return Ok((dashes == "-").then(|| format!("--{flag}")));
    }
    if let Some((_, help)) = elsewhere {
        return refuse((*help).to_owned());
    }
    // Three letters and more of a long flag, or two and a value: this is never a short one with its value attached.
    let enough = if flag.contains('=') { 2 } else { 3 };
    let near = |long: &&String| {
        name.len() >= enough
            && long.len() >= 3
            && (name.starts_with(*long) || long.starts_with(name))
    };
    match known.iter().filter(|_| dashes == "-").find(near) {
        Some(long) => refuse(format!("did you mean `--{long}`?")),
        None => Ok(None),
    }
}

/// The long flags of a command.
struct OwnFlags {
    all: BTreeSet<String>,
    /// Those that take no value.
    switches: BTreeSet<String>,
}

fn switches(command: &Command) -> BTreeSet<String> {
    let args = command.get_arguments().filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
    args.filter_map(|arg| arg.get_long()).map(str::to_owned).collect()
}

fn long_flags(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned);
    let own = own.chain(["help".to_owned(), "version".to_owned()]);
    own.chain(command.get_subcommands().flat_map(long_flags)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> Result<String, String> {
        let args = line.split(' ').map(OsString::from);
        translate(args, &crate::cli::grammar::command())
            .map(|args| args.iter().filter_map(|a| a.to_str()).collect::<Vec<_>>().join(" "))
            .map_err(|refused| refused.help.unwrap_or_default())
    }

    #[test]
    fn what_terraform_writes_means_what_terraform_means() {
        for (typed, meant) in [
            ("palisade plan -out=a.plan", "palisade plan --out=a.plan"),
            ("palisade plan -out a.plan", "palisade plan --out a.plan"),
            ("palisade apply -auto-approve", "palisade apply --auto-approve"),
            ("palisade apply -auto-approve=true", "palisade apply --auto-approve"),
            ("palisade plan -target=iam_role.x", "palisade plan --target=iam_role.x"),
            ("palisade -chdir=x plan -no-color", "palisade --chdir=x plan --no-color"),
            ("palisade plan -refresh=false -json", "palisade plan --refresh=false --json"),
            ("palisade plan -help", "palisade plan --help"),
        ] {
            assert_eq!(translated(typed).as_deref(), Ok(meant));
        }
    }

    #[test]
    fn short_flags_stay_what_they_are() {
        for line in [
            "palisade plan -o a.plan -e dev -a prod -t iam_role.x",
            "palisade plan -oa.plan -edev -vv",
            "palisade plan -oa=b.plan",
            "palisade isolation --state",
            "palisade -C dir plan",
            "palisade console -e -out",
            "palisade show -- -out=x",
            "palisade plan --out=-target",
        ] {
            assert_eq!(translated(line).as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_to_do_instead() {
        for (line, hint) in [
            ("palisade apply -input=false", "--auto-approve"),
            ("palisade apply --input=false", "--auto-approve"),
            ("palisade plan -lock=false", "--lock-timeout"),
            ("palisade plan -upgrade", "no plugins"),
            ("palisade apply -destroy", "palisade destroy"),
            ("palisade plan -outt=x", "did you mean `--out`?"),
            ("palisade plan -out.plan", "did you mean `--out`?"),
            ("palisade apply -auto", "did you mean `--auto-approve`?"),
            ("palisade plan -targ=x", "did you mean `--target`?"),
            ("palisade plan -ou=x", "did you mean `--out`?"),
            ("palisade plan -state=x", "the `backend` block"),
            ("palisade apply --state=x", "the `backend` block"),
            ("palisade workspace select dev", "environments take the place"),
            ("palisade taint iam_role.x", "--replace"),
            ("palisade plan -lock-timeout=10s", "a plan takes no lock"),
            ("palisade apply -out=x", "palisade plan --out FILE"),
            ("palisade destroy -force", "--auto-approve"),
            ("palisade force-unlock 1", "palisade state unlock"),
        ] {
            let refused = translated(line).expect_err(line);
            assert!(refused.contains(hint), "{line}: {refused}");
        }
    }
}
