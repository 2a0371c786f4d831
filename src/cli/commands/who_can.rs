//! `palisade who-can`.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{LookArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::who_can::{self, WhoCanRequest};
use crate::render;
use crate::render::evidence::WithEvidence;

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
    side: LookArgs,
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
    let look_at = args.side.look_at();
    let request = WhoCanRequest {
        action: args.action.clone(),
        resource: args.resource.clone(),
        unknown_action: args.unknown_action,
        look_at,
        variables: args.vars.variables(),
    };
    let outcome = who_can::run(&context.workspace()?, &request).await?;
    let evidence = WithEvidence::of(&outcome.basis, &outcome.answer);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&evidence, &mut out)?;
    } else {
        evidence.head(context.style(), &mut out)?;
        render::who::text(&outcome.answer, render::side(look_at), context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
