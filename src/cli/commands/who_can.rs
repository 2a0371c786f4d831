//! `palisade who-can`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{LookArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::side;
use crate::isolation::who::Ask;
use crate::plan::walls::who_can;
use crate::render;
use crate::render::evidence::Evidence;

/// Flags of `who-can`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every role and user counts, managed or not, and whoever can become one of them by a chain of \
                  roles.\nACTION and RESOURCE may end in `*`: then it is asked for anything below.\n\n\
                  Examples:\n  palisade who-can s3:GetObject 'arn:aws:s3:::acme-production-data/*'\n  \
                  palisade who-can sts:AssumeRole arn:aws:iam::111111111111:role/deploy --plan"
)]
pub struct WhoCanArgs {
    /// The action, as in `s3:GetObject` or `s3:Put*`
    action: String,
    /// The ARN of the resource; `*` for an action that has none
    resource: String,
    /// Which side.
    #[command(flatten)]
    look: LookArgs,
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Ask for an action that Palisade does not know (its list of actions may be older than the action)
    #[arg(long)]
    unknown_action: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Asks for every principal of one side.
///
/// # Errors
/// The question makes no sense, or the estate cannot be read.
pub async fn run(args: &WhoCanArgs, context: &Context) -> Result<(), Exit> {
    let ask = Ask::parse(&args.action, &args.resource, args.unknown_action)?;
    let look_at = args.look.look_at();
    let side = side::read(&context.workspace()?, look_at, &args.vars.variables()).await?;
    let found = who_can(&side.estate, &side.sides, &ask)?;
    let evidence = Evidence::of(&side, context.now(), &found);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&evidence, &mut out)?;
    } else {
        evidence.head(context.style(), &mut out)?;
        render::who::text(&found, render::side(look_at), context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
