//! `palisade compare-policies`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, Source};
use crate::engine::compare_policies::{self, PolicyComparisonOutcome, PolicyComparisonRequest};
use crate::iam::symbolic::access::{Comparison, ComparisonResult, PolicyKind};
use crate::render;

/// A file larger than this is refused.
const MAX_BYTES: u64 = 512 << 10;

/// Flags of `compare-policies`.
#[derive(Debug, Args)]
#[command(
    after_help = "Answers what IAM Access Analyzer's CheckNoNewAccess answers, offline, with a request as evidence.\n\
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
    let request =
        PolicyComparisonRequest { old: source(&args.old)?, new: source(&args.new)?, kind };
    let PolicyComparisonOutcome { comparison, warnings } = compare_policies::run(&request)?;
    context.tell(&warnings);
    let mut out = context.stdout();
    if args.json {
        render::json::write(&comparison, &mut out)?;
    } else {
        render::access::text(&comparison, context.style(), &mut out)?;
    }
    out.flush()?;
    verdict(&comparison)
}

fn verdict(comparison: &Comparison) -> Result<(), Exit> {
    let told = match comparison.verdict {
        ComparisonResult::NoNewAccess => return Ok(()),
        ComparisonResult::NewAccess => {
            Diagnostic::error("the new policy permits more than the old one")
        }
        ComparisonResult::Undetermined => {
            Diagnostic::error("it cannot be ruled out that the new policy permits more")
        }
    };
    Err(Exit::RuleBroken(told.into()))
}

/// A policy's source: of the policies that AWS takes none is larger than 32 KiB.
fn source(path: &Path) -> Result<Arc<Source>, Exit> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| Exit::error(format!("cannot read `{name}`: {e}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Diagnostic::error(format!("`{name}` is larger than {} KiB", MAX_BYTES >> 10))
            .help("AWS takes no policy of more than 32 KiB; compare the policies of one object at a time")
            .into());
    }
    Ok(Source::new(name, text))
}
