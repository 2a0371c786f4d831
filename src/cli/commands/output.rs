//! `palisade output`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::inspect_state;
use crate::render;

/// Flags of `output`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade output deploy_role_arn --raw")]
pub struct OutputArgs {
    /// One output; all of them when none is named
    name: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Print the text of one output and nothing else
    #[arg(long, requires = "name")]
    raw: bool,
}

/// Prints the outputs of the last apply.
///
/// # Errors
/// There is no such output, or the backend cannot be read.
pub async fn run(args: &OutputArgs, context: &Context) -> Result<(), Exit> {
    let all = inspect_state::outputs(&context.workspace()?).await?;
    let mut out = context.stdout();
    let Some(name) = &args.name else {
        if args.json {
            render::json::write(&all, &mut out)?;
        } else if all.is_empty() {
            context.say_empty("There are no outputs.");
        } else {
            render::outputs::all(&all, &mut out)?;
        }
        return Ok(out.flush()?);
    };
    let Some(output) = all.get(name) else {
        let help = did_you_mean(name, all.keys().map(String::as_str))
            .unwrap_or_else(|| "outputs are recorded by `palisade apply`".to_owned());
        let error = Diagnostic::error(format!("there is no output `{name}`")).help(help);
        return context.looked_up(Err(error.into()));
    };
    if args.json {
        render::json::write(output, &mut out)?;
    } else if output.sensitive {
        return Err(Diagnostic::error(format!(
            "the output `{name}` is sensitive, and sensitive values are not kept"
        ))
        .into());
    } else if args.raw {
        let Some(text) = render::outputs::raw(output) else {
            return Err(Diagnostic::error(format!("the output `{name}` is no plain value"))
                .help("use `--json`")
                .into());
        };
        let mut out = context.raw_stdout();
        write!(out, "{text}")?;
        out.flush()?;
    } else {
        render::outputs::one(output, &mut out)?;
    }
    Ok(out.flush()?)
}
