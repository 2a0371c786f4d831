//! `palisade graph`.

use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::graph::{self, GraphDrawing, GraphFormat, GraphRequest};

/// Flags of `graph`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  palisade graph | dot -Tsvg > estate.svg\n  palisade graph --format mermaid --of environments"
)]
pub struct GraphArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Language of the drawing
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatArg::Dot)]
    format: FormatArg,
    /// What is drawn
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Of::Blocks)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown viewers draw it.
    Mermaid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Blocks and what they refer to.
    Blocks,
    /// Environments, their accounts, and the edges between them.
    Environments,
}

/// Draws the configuration.
///
/// # Errors
/// The configuration is wrong.
pub fn run(args: &GraphArgs, context: &Context) -> Result<(), Exit> {
    let format = match args.format {
        FormatArg::Dot => GraphFormat::Dot,
        FormatArg::Mermaid => GraphFormat::Mermaid,
    };
    let drawing = match args.of {
        Of::Blocks => GraphDrawing::Blocks,
        Of::Environments => GraphDrawing::Promotion,
    };
    let request = GraphRequest { variables: args.vars.variables(), drawing, format };
    let drawing = graph::run(&context.offline(), &request)?;
    let mut out = context.stdout();
    out.write_all(drawing.as_bytes())?;
    Ok(out.flush()?)
}
