//! One side of the estate, for the commands that look at it and change nothing.

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::eval::estate::Estate;
use crate::plan::sides::Sides;

use super::pipeline::{self, Request};

/// Which side of the estate is looked at.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "What is looked at")]
pub struct LookArgs {
    /// AWS as it is now (the default)
    #[arg(long, conflicts_with_all = ["plan", "state"])]
    live: bool,
    /// AWS as it would be after `palisade apply`
    #[arg(long, conflicts_with = "state")]
    plan: bool,
    /// What the state holds, without reading AWS
    #[arg(long)]
    state: bool,
}

/// What is looked at.
pub struct View {
    /// What the configuration means.
    pub estate: Estate,
    /// The side in question is `after`; `before` is the same unless a plan is looked at.
    pub sides: Sides,
    /// For headings: `AWS as it is now`.
    pub what: &'static str,
    /// For tools: `live`, `plan` or `state`.
    pub name: &'static str,
    /// The current day, `YYYY-MM-DD`.
    pub today: String,
}

/// Reads the side that is asked for.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub async fn look(cx: &Context, args: LookArgs, vars: &VarArgs) -> Result<View, Exit> {
    let mut request = Request::everything(vars);
    request.refresh = !args.state;
    let world = pipeline::survey(cx, &request).await?;
    cx.tell(&world.warnings);
    let mut sides = pipeline::sides(cx, &world, &request)?;
    let (name, what) = match (args.plan, args.state) {
        (true, _) => ("plan", "AWS as it would be after apply"),
        (_, true) => ("state", "what the state holds, AWS unread"),
        _ => ("live", "AWS as it is now"),
    };
    if !args.plan {
        sides.after = sides.before.clone();
    }
    let today = pipeline::day(&cx.now()).to_owned();
    Ok(View { estate: world.estate, sides, what, name, today })
}
