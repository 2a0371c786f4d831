//! `palisade adopt`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::adopt::{self, AdoptRequest};
use crate::engine::format;
use crate::render;

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
    let request = AdoptRequest {
        account: args.account.clone(),
        kinds: args.kind.clone(),
        variables: args.vars.variables(),
    };
    let adoptable = adopt::run(&context.workspace()?, &request).await?;
    if adoptable.objects.is_empty() {
        context.say(&format!("nothing in `{}` is left to adopt", args.account));
        return Ok(());
    }
    let text = render::hcl::blocks(&adoptable, &args.account);
    // In canonical style, so that `fmt --check` in CI takes it as it is.
    let text = format::text("adopted", text.clone()).map_or(text, |formatted| formatted.after);
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
    let count = render::style::count(adoptable.objects.len(), "object", "objects");
    context.say(&format!("wrote {count} to `{name}`: review it, then `palisade plan`"));
    Ok(())
}
