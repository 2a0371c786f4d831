//! `palisade adopt`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::adopt::{self, AdoptPlace, AdoptRequest};
use crate::engine::format;
use crate::render;

/// Flags of `adopt`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("place").required(true),
    after_help = "Writes blocks and `import` blocks and changes nothing: review them, plan, and apply. Exits with code 6 when something could not be read. Objects that AWS or one of its services owns are left out, and so is what has no block of its own, such as values of `config`; a line says so. Objects of AWS resource types are written for the types in `--type`.\n\n\
                        Examples:\n  palisade adopt --organization --out organization.hcl\n  palisade adopt --account dev --out dev-adopted.hcl\n  palisade adopt --account dev --type AWS::EC2::VPC --out network.hcl"
)]
pub struct AdoptArgs {
    /// The account to look into
    #[arg(long, short = 'a', value_name = "ACCOUNT", group = "place")]
    account: Option<String>,
    /// Look into the organization instead: its settings, units, accounts and policies
    #[arg(long, group = "place")]
    organization: bool,
    /// Only objects of this kind, such as iam_role; repeatable
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only objects of this AWS resource type, such as AWS::EC2::VPC; repeatable
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Write to FILE, which must not exist yet
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
}

/// Reads the account or the organization and writes configuration.
///
/// # Errors
/// There is no such account, it cannot be read, or the file exists; [`Exit::Incomplete`] when part of it could not be read.
pub async fn run(args: &AdoptArgs, context: &Context) -> Result<(), Exit> {
    let place = match &args.account {
        Some(account) => AdoptPlace::Account(account.clone()),
        None => AdoptPlace::Organization,
    };
    let request = AdoptRequest {
        place,
        kinds: args.kind.clone(),
        types: args.types.clone(),
        variables: args.vars.variables(),
    };
    let adoptable = adopt::run(&context.workspace()?, &request).await?;
    let is_complete = adoptable.unread.is_empty();
    let ended = || if is_complete { Ok(()) } else { Err(Exit::Incomplete) };
    for line in render::hcl::unread(&adoptable) {
        context.say(&line);
    }
    for left in &adoptable.left_out {
        let count = render::style::count(left.count, "object", "objects");
        context.say(&format!("{count} of the kind `{}` not written: {}", left.kind, left.why));
    }
    if adoptable.objects.is_empty() {
        let place = args.account.as_ref().map(|account| format!("`{account}`"));
        let place = place.unwrap_or_else(|| "the organization".to_owned());
        context.say(&match is_complete {
            true => format!("nothing in {place} is left to adopt"),
            false => format!("nothing of what was read in {place} is left to adopt"),
        });
        return ended();
    }
    let text = render::hcl::blocks(&adoptable);
    // In canonical style, so that `fmt --check` in CI takes it as it is.
    let text = format::text("adopted", text.clone()).map_or(text, |formatted| formatted.after);
    let Some(path) = &args.out else {
        let mut out = context.stdout();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        return ended();
    };
    let name = path.display();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| Exit::error(format!("cannot write `{name}`: {e}")))?;
    file.write_all(text.as_bytes())
        .map_err(|e| Exit::error(format!("cannot write `{name}`: {e}")))?;
    let count = render::style::count(adoptable.objects.len(), "object", "objects");
    context.say(&format!("wrote {count} to `{name}`: review it, then `palisade plan`"));
    ended()
}
