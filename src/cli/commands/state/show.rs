//! `palisade state list`, `show`, `pull` and `history`: what is recorded, and what was.

use std::io::Write as _;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::inspect_state;
use crate::render;

/// Flags of `state list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state list module.baseline")]
pub struct ListArgs {
    /// Only these objects, blocks or modules
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `state show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state show iam_role.deploy@production")]
pub struct ShowArgs {
    /// The object
    address: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `state pull`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state pull > backup.json")]
pub struct PullArgs {
    /// Only this scope: org, or acct-HANDLE
    #[arg(long)]
    scope: Option<String>,
}

/// Flags of `state history`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state history acct-production")]
pub struct HistoryArgs {
    /// A scope: org, or acct-HANDLE; all of them when none is named
    scope: Option<String>,
    /// At most so many versions of each scope
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(args: &ListArgs, context: &Context) -> Result<(), Exit> {
    let found = inspect_state::objects(&context.workspace()?, &args.addresses).await;
    let resources = context.looked_up(found)?;
    if resources.is_empty() && !args.json {
        context.say_empty("The state is empty.");
    }
    let mut out = context.stdout();
    if args.json {
        render::state::list_json(&resources, &mut out)?;
    } else {
        render::state::list(&resources, &mut out)?;
    }
    Ok(out.flush()?)
}

pub(super) async fn show(args: &ShowArgs, context: &Context) -> Result<(), Exit> {
    let pattern = [args.address.clone()];
    let found = inspect_state::objects(&context.workspace()?, &pattern).await;
    let resources = context.looked_up(found)?;
    let mut out = context.stdout();
    if args.json {
        render::state::objects_json(&resources, &mut out)?;
    } else {
        render::state::objects(&resources, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}

pub(super) async fn pull(args: &PullArgs, context: &Context) -> Result<(), Exit> {
    let snapshot = inspect_state::scopes(&context.workspace()?, args.scope.as_deref()).await?;
    let mut out = context.stdout();
    render::state::scopes_json(&snapshot, &mut out)?;
    Ok(out.flush()?)
}

pub(super) async fn history(args: &HistoryArgs, context: &Context) -> Result<(), Exit> {
    let (scope, limit) = (args.scope.as_deref(), usize::from(args.limit));
    let versions = inspect_state::history(&context.workspace()?, scope, limit).await?;
    let mut out = context.stdout();
    if args.json {
        render::state::history_json(&versions, &mut out)?;
    } else {
        render::state::history(&versions, context.style(), &mut out)?;
    }
    Ok(out.flush()?)
}
