//! `palisade state list`, `show`, `pull` and `history`: what is recorded, and what was.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::Args;
use serde_json::json;

use super::{read, require, unknown_scope};
use crate::address::ResourceAddr;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine;
use crate::plan::select;
use crate::render;
use crate::render::style::{count, pad, safe};
use crate::state::ScopeState;
use crate::state::model::Resources;

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
    let mut resources = read(context).await?.resources();
    if !args.addresses.is_empty() {
        for address in &args.addresses {
            require(&resources, address)?;
        }
        resources.retain(|a, _| select::names(&args.addresses, a));
    }
    let mut out = context.stdout();
    if args.json {
        let all: Vec<String> = resources.keys().map(ResourceAddr::canonical).collect();
        render::json::write(&all, &mut out)?;
    } else {
        render::state::list(&resources, &mut out)?;
    }
    Ok(out.flush()?)
}

pub(super) async fn show(args: &ShowArgs, context: &Context) -> Result<(), Exit> {
    let resources = read(context).await?.resources();
    require(&resources, &args.address)?;
    let pattern = [args.address.clone()];
    let found: Resources =
        resources.into_iter().filter(|(a, _)| select::names(&pattern, a)).collect();
    let mut out = context.stdout();
    if args.json {
        let all: BTreeMap<String, _> = found.into_iter().map(|(a, r)| (a.canonical(), r)).collect();
        render::json::write(&all, &mut out)?;
    } else {
        for (index, (address, resource)) in found.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            render::state::show(address, resource, context.style(), &mut out)?;
        }
    }
    Ok(out.flush()?)
}

pub(super) async fn pull(args: &PullArgs, context: &Context) -> Result<(), Exit> {
    let snapshot = read(context).await?;
    if let Some(scope) = &args.scope
        && !snapshot.scopes.contains_key(scope)
    {
        return Err(unknown_scope(&snapshot, scope));
    }
    let scopes: BTreeMap<&String, &ScopeState> = snapshot
        .scopes
        .iter()
        .filter(|(name, _)| args.scope.as_ref().is_none_or(|s| s == *name))
        .map(|(name, scope)| (name, &scope.value))
        .collect();
    let mut out = context.stdout();
    render::json::write(&json!({"lineage": snapshot.lineage, "scopes": scopes}), &mut out)?;
    Ok(out.flush()?)
}

pub(super) async fn history(args: &HistoryArgs, context: &Context) -> Result<(), Exit> {
    let store = engine::open::configured(&context.workspace()?).await?;
    let snapshot = store.ledger.read_all().await;
    let scopes: Vec<String> = match (&args.scope, snapshot) {
        (Some(scope), Ok(snapshot)) if !snapshot.scopes.contains_key(scope) => {
            return Err(unknown_scope(&snapshot, scope));
        }
        // A damaged state is when its history is needed most.
        (Some(scope), _) => vec![scope.clone()],
        (None, snapshot) => snapshot?.scopes.into_keys().collect(),
    };
    let mut out = context.stdout();
    let mut all = BTreeMap::new();
    for scope in scopes {
        let entries = store.ledger.history(&scope, usize::from(args.limit)).await?;
        if args.json {
            let list: Vec<_> = entries.iter().map(version_json).collect();
            all.insert(scope, list);
            continue;
        }
        writeln!(out, "{}", context.style().paint(render::style::Tone::Bold, &scope))?;
        for entry in entries {
            match &entry.state {
                Ok(state) => {
                    let plan = state.stamp.plan.as_deref().unwrap_or_default();
                    let plan: String = plan.chars().take(19).collect();
                    let plan = if plan.is_empty() { plan } else { format!("  {}", safe(&plan)) };
                    writeln!(
                        out,
                        "  {:>5}  {}  {}  {}  {}{plan}",
                        state.serial,
                        state.stamp.at.strftime("%Y-%m-%d %H:%M:%SZ"),
                        pad(&count(state.resources, "object", "objects"), 12),
                        safe(&state.stamp.operation),
                        safe(&state.stamp.by),
                    )?;
                }
                Err(reason) => writeln!(out, "      ?  unreadable: {}", safe(reason))?,
            }
        }
    }
    if args.json {
        render::json::write(&all, &mut out)?;
    }
    Ok(out.flush()?)
}

fn version_json(entry: &crate::state::history::HistoryEntry) -> serde_json::Value {
    let stored = entry.stored_at.map(|t| t.to_string());
    match &entry.state {
        Ok(state) => json!({
            "version": entry.version, "stored_at": stored, "size": entry.size,
            "serial": state.serial, "resources": state.resources, "stamp": state.stamp,
        }),
        Err(reason) => json!({
            "version": entry.version, "stored_at": stored, "size": entry.size, "error": reason,
        }),
    }
}
