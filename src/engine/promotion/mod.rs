//! Promotions: the release is chosen, the plan of its target made, the gates asked, and the move
//! carried out step by step, each written down before it begins.
//!
//! [`prospect`] is what a promotion would do; [`promote`] and [`rollback`] do it; [`drive`] walks a
//! move to its end, from its beginning or from wherever it was cut off; [`entry`] records what
//! `apply` brought into a release's first environment; [`look`] asks gates.

pub mod approve;
pub mod drive;
pub mod entry;
mod lease;
pub mod look;
pub mod promote;
pub mod prospect;
pub mod rollback;
pub mod status;
pub mod verify;

use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::provider::{Caller, Provider};
use crate::render;
use crate::render::promotion::Report;

/// What the commands that move releases have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Values for variables.
    pub vars: VarArgs,
    /// Ask nothing.
    pub auto_approve: bool,
    /// Print JSON: the plan is not shown on the way.
    pub json: bool,
    /// How many accounts are worked on at once.
    pub parallelism: usize,
    /// How long to wait for somebody else's lock.
    pub lock_timeout: Duration,
}

/// Prints JSON.
///
/// # Errors
/// Those of the output.
pub fn print(cx: &Context, value: &impl Serialize) -> Result<(), Exit> {
    let mut out = cx.stdout();
    render::json::write(value, &mut out)?;
    Ok(out.flush()?)
}

/// Shows what a promotion would do.
fn show(cx: &Context, report: &Report, json: bool) -> Result<(), Exit> {
    if json {
        return print(cx, report);
    }
    let mut out = cx.stdout();
    render::promotion::text(report, cx.style(), &mut out)?;
    Ok(out.flush()?)
}

/// Who is calling, as AWS says.
///
/// # Errors
/// Nobody is signed in.
pub async fn caller(provider: &dyn Provider) -> Result<Caller, Exit> {
    provider.identity().await.map_err(|error| {
        crate::diag::Diagnostic::error("cannot tell who is calling")
            .detail(error.to_string())
            .help("sign in first (`aws sso login`)")
            .into()
    })
}
