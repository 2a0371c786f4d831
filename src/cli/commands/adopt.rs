//! `palisade adopt`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::address::CONFIG_KIND;
use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::fmt;
use crate::diag::{Diagnostic, Source, did_you_mean};
use crate::engine::plan::{self, PlanRequest};
use crate::engine::refresh;
use crate::ids::Handle;
use crate::plan::live::Reading;
use crate::plan::model::DriftStatus;
use crate::render;
use crate::render::hcl::Existing;
use crate::schema::{Home, ManagedKind, kinds};

/// Flags of `adopt`.
#[derive(Debug, Args)]
#[command(
    after_help = "Writes blocks and `import` blocks and changes nothing: review them, plan, and apply.\n\n\
                        Example:\n  palisade adopt --account dev --out dev-adopted.hcl"
)]
pub struct AdoptArgs {
    /// The account to look into
    #[arg(long, short = 'a', value_name = "ACCOUNT")]
    account: String,
    /// Only objects of this kind, such as iam_role; repeatable
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Write to FILE, which must not exist yet
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
}

/// Reads the account and writes configuration.
///
/// # Errors
/// There is no such account, it cannot be read, or the file exists.
pub async fn run(args: &AdoptArgs, context: &Context) -> Result<(), Exit> {
    let adoptable: Vec<&'static dyn ManagedKind> = kinds::kinds()
        .iter()
        .copied()
        .filter(|k| k.schema().home == Home::Account && k.schema().kind != CONFIG_KIND)
        .collect();
    for name in &args.kind {
        if !adoptable.iter().any(|k| k.schema().kind == name) {
            let names: Vec<&str> = adoptable.iter().map(|k| k.schema().kind).collect();
            let help = did_you_mean(name, names.iter().copied())
                .unwrap_or_else(|| format!("there are {}", names.join(", ")));
            let text = format!("objects of the kind `{name}` cannot be adopted");
            return Err(Diagnostic::error(text).help(help).into());
        }
    }
    let workspace = context.workspace()?;
    let request = PlanRequest::everything(&args.vars.variables());
    let inputs = refresh::load_and_refresh_recovered(&workspace, &request).await?;
    let plan = plan::make(&workspace, &inputs, &request)?;
    let reading = args.account.parse::<Handle>().ok().and_then(|h| inputs.live.accounts.get(&h));
    let Some(reading) = reading else {
        let names: Vec<&str> = inputs.estate.accounts.keys().map(Handle::as_str).collect();
        let help = did_you_mean(&args.account, names.iter().copied())
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        let text = format!("there is no account `{}`", args.account);
        return Err(Diagnostic::error(text).help(help).into());
    };
    let Reading::Read(index) = reading else {
        let text = format!("the account `{}` does not exist yet or was not read", args.account);
        return Err(Exit::error(text));
    };
    let mut found: Vec<Existing<'_>> = Vec::new();
    for drift in &plan.drift {
        if drift.status != DriftStatus::Unmanaged || drift.account != args.account {
            continue;
        }
        let Some(kind) = adoptable.iter().find(|k| k.schema().kind == drift.kind) else { continue };
        if !args.kind.is_empty() && !args.kind.contains(&drift.kind) {
            continue;
        }
        let key = drift
            .address
            .strip_prefix(&format!("{}/", drift.kind))
            .and_then(|a| a.strip_suffix(&format!("@{}", drift.account)));
        let object = key
            .and_then(|key| index.inventory().objects.get(&(kind.schema().kind, key.to_owned())));
        if let Some(object) = object {
            found.push(Existing { kind: *kind, key: &object.key, attrs: &object.attrs });
        }
    }
    context.tell(&inputs.warnings);
    if found.is_empty() {
        context.say(&format!("nothing in `{}` is left to adopt", args.account));
        return Ok(());
    }
    let text = render::hcl::blocks(&found, &args.account);
    // In canonical style, so that `fmt --check` in CI takes it as it is.
    let text = fmt::format(&Source::new("adopted", text.clone())).unwrap_or(text);
    let count = render::style::count(found.len(), "object", "objects");
    let Some(path) = &args.out else {
        let mut out = context.stdout();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    };
    let name = path.display();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| Exit::error(format!("cannot write `{name}`: {e}")))?;
    file.write_all(text.as_bytes())
        .map_err(|e| Exit::error(format!("cannot write `{name}`: {e}")))?;
    context.say(&format!("wrote {count} to `{name}`: review it, then `palisade plan`"));
    Ok(())
}
