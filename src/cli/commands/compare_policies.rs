//! `palisade compare-policies`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::compare_policies::{self, PolicyComparisonRequest, PolicyKind};
use crate::render;

/// Flags of `compare-policies`.
#[derive(Debug, Args)]
#[command(
    after_help = "Answers what IAM Access Analyzer's CheckNoNewAccess answers, offline, with a request as evidence. \
                  Exits with code 3 when the new policy permits what the old one did not, or when that cannot be \
                  ruled out.\n\n\
                  Examples:\n  palisade compare-policies old.json new.json\n  \
                  palisade compare-policies --resource old.json new.json --json"
)]
pub struct ComparePoliciesArgs {
    /// The policy as it is
    old: PathBuf,
    /// The policy as it would be
    new: PathBuf,
    /// Both are identity policies (the default where no statement names principals)
    #[arg(long, conflicts_with_all = ["resource", "scp"])]
    identity: bool,
    /// Both are resource policies, trust policies included (the default where statements name principals)
    #[arg(long, conflicts_with = "scp")]
    resource: bool,
    /// Both are service control policies: what they let through
    #[arg(long)]
    scp: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Compares two policies.
///
/// # Errors
/// A file is no policy; and new access.
pub fn run(args: &ComparePoliciesArgs, context: &Context) -> Result<(), Exit> {
    let kind = match (args.identity, args.resource, args.scp) {
        (true, ..) => Some(PolicyKind::Identity),
        (_, true, _) => Some(PolicyKind::Resource),
        (.., true) => Some(PolicyKind::ServiceControl),
        _ => None,
    };
    let request = PolicyComparisonRequest { old: args.old.clone(), new: args.new.clone(), kind };
    let outcome = compare_policies::run(&request)?;
    context.tell(&outcome.warnings);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&outcome.comparison, &mut out)?;
    } else {
        render::access::text(&outcome.comparison, context.style(), &mut out)?;
    }
    out.flush()?;
    Ok(compare_policies::require_no_new_access(&outcome)?)
}
