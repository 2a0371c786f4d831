//! `palisade compare-policies`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, Source};
use crate::iam::symbolic::access::{Comparison, PolicyKind, Verdict, compare};
use crate::iam::{Document, Use};
use crate::render;

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
    let (old, new) = (text(&args.old)?, text(&args.new)?);
    let named = |text: &str| text.contains("\"Principal\"") || text.contains("\"NotPrincipal\"");
    let kind = match (args.identity, args.resource, args.scp) {
        (true, ..) => PolicyKind::Identity,
        (_, true, _) => PolicyKind::Resource,
        (.., true) => PolicyKind::ServiceControl,
        _ if named(&old) || named(&new) => PolicyKind::Resource,
        _ => PolicyKind::Identity,
    };
    let old = document(context, &args.old, &old, kind)?;
    let new = document(context, &args.new, &new, kind)?;
    let comparison = compare(&old, &new, kind);
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
        Verdict::NoNewAccess => return Ok(()),
        Verdict::NewAccess => Diagnostic::error("the new policy permits more than the old one"),
        Verdict::Undetermined => {
            Diagnostic::error("it cannot be ruled out that the new policy permits more")
        }
    };
    Err(Exit::RuleBroken(told.into()))
}

fn text(path: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(path)
        .map_err(|e| Exit::error(format!("cannot read `{}`: {e}", path.display())))
}

fn document(
    context: &Context,
    path: &Path,
    text: &str,
    kind: PolicyKind,
) -> Result<Document, Exit> {
    let role = match kind {
        PolicyKind::Identity => Use::Identity,
        PolicyKind::ServiceControl => Use::Scp,
        // A trust policy has no resource; any other resource policy has one.
        PolicyKind::Resource
            if text.contains("\"Resource\"") || text.contains("\"NotResource\"") =>
        {
            Use::Resource(String::new())
        }
        PolicyKind::Resource => Use::Trust,
    };
    let source = Source::new(path.display().to_string(), text);
    let (document, warnings) = Document::parse(&source, 0, role)?;
    context.tell(&warnings);
    Ok(document)
}
