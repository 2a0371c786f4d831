//! `palisade completions SHELL`.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};

use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::cli::error::Exit;

/// Flags of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  palisade completions bash > ~/.local/share/bash-completion/completions/palisade"
)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Writes the script.
///
/// # Errors
/// Those of writing.
pub fn run(args: &CompletionsArgs, cx: &Context) -> Result<(), Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "palisade", &mut script);
    let mut out = cx.stdout();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
