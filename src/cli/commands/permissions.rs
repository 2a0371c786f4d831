//! `palisade permissions`.

use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::permissions::{self, PermissionsRequest, PermittedOperation};
use crate::render;

/// Flags of `permissions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Computed from the configuration alone, without credentials. A policy that would be larger than IAM accepts is \
                  split into several.\n\n\
                  Examples:\n  palisade permissions plan\n  palisade permissions apply --format json\n  \
                  palisade permissions plan --format hcl > permissions.hcl"
)]
pub struct PermissionsArgs {
    /// What the permissions are for
    #[arg(value_enum, value_name = "OPERATION")]
    operation: OperationArg,
    /// How they are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatArg::Text)]
    format: FormatArg,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OperationArg {
    /// Plans, and what else only reads.
    Plan,
    /// Applies, with the plans that they make.
    Apply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people.
    Text,
    /// Policy documents as IAM takes them.
    Json,
    /// Blocks of the configuration language.
    Hcl,
}

/// Computes and prints the permissions.
///
/// # Errors
/// The configuration is wrong.
pub fn run(args: &PermissionsArgs, context: &Context) -> Result<(), Exit> {
    let operation = match args.operation {
        OperationArg::Plan => PermittedOperation::Plan,
        OperationArg::Apply => PermittedOperation::Apply,
    };
    let request = PermissionsRequest { variables: args.vars.variables(), operation };
    let needed = permissions::run(&context.offline(), &request)?;
    let mut out = context.stdout();
    match args.format {
        FormatArg::Text => render::permissions::text(&needed, context.style(), &mut out)?,
        FormatArg::Json => {
            render::json::write(&render::permissions::documents(&needed), &mut out)?;
        }
        FormatArg::Hcl => render::permissions::hcl(&needed, &mut out)?,
    }
    Ok(out.flush()?)
}
