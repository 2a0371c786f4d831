//! `palisade completions SHELL`.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;

/// Flags of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  palisade completions bash \\\n    > ~/.local/share/bash-completion/completions/palisade"
)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Writes the script for a grammar.
///
/// # Errors
/// Those of writing.
pub fn run(
    args: &CompletionsArgs,
    mut grammar: clap::Command,
    context: &Context,
) -> Result<(), Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut grammar, "palisade", &mut script);
    let mut out = context.raw_stdout();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
