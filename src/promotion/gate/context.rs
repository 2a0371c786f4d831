//! What gates look at: the move, and everything that was read for it. A gate sees nothing else of the
//! engine.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::approval::RoleSource;
use super::approval::consent::Approval;
use super::evidence::Evidence;
use crate::config::Configuration;
use crate::eval::estate::Estate;
use crate::live::Targets;
use crate::plan::Live;
use crate::plan::model::Plan;
use crate::provider::{Caller, Provider};
use crate::redact::Redactions;
use crate::state::Clock;

/// Why gates are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A release is to move forward along an edge.
    Promote,
    /// An environment goes back to an earlier release.
    Rollback,
    /// A release that has arrived is verified.
    Verify,
}

/// What moves, and where.
#[derive(Clone, Copy, Debug)]
pub struct GateSubject<'a> {
    /// Name of the edge, or of the environment whose `verify` block is judged.
    pub edge: &'a str,
    /// Where the release comes from; absent when it is verified.
    pub from: Option<&'a str>,
    /// Where it goes, or where it is verified.
    pub to: &'a str,
    /// The release's name.
    pub release: &'a str,
    /// The release's digest.
    pub digest: &'a str,
    /// Its values.
    pub values: &'a BTreeMap<String, String>,
    /// Digest of the release that is current in `to` before the move.
    pub replaces: Option<&'a str>,
}

impl<'a> GateContext<'a> {
    /// Where the roles behind sessions are looked up.
    pub(super) fn roles(&self) -> RoleSource<'a> {
        RoleSource { provider: self.provider, targets: self.targets, live: self.live }
    }
}

/// What gates look at.
#[derive(Clone, Copy)]
pub struct GateContext<'a> {
    /// Now: the moment that every gate of one evaluation is judged at.
    pub now: Timestamp,
    /// For pauses between repeated looks.
    pub clock: &'a dyn Clock,
    /// Why they are asked.
    pub purpose: Purpose,
    /// What moves.
    pub subject: GateSubject<'a>,
    /// The configuration, with the variables that it was given.
    pub configuration: &'a Configuration,
    /// The configuration, evaluated.
    pub estate: &'a Estate,
    /// What AWS held when the plan was made.
    pub live: &'a Live,
    /// The plan that the move would carry out in `to`, or a fresh one when verifying.
    pub plan: &'a Plan,
    /// Since when the release has been current and verified in `from` without a break; absent
    /// when it is not.
    pub stands_since: Option<Timestamp>,
    /// Who promotes.
    pub author: &'a Caller,
    /// The last word of everybody who approved or revoked on this edge for this release.
    pub approvals: &'a [Approval],
    /// Evidence of the last successful move into `to`: baselines of metrics.
    pub previous: &'a [Evidence],
    /// What reads CloudWatch.
    pub provider: &'a dyn Provider,
    /// How accounts are reached.
    pub targets: &'a Targets,
    /// The configuration's directory.
    pub dir: &'a Path,
    /// The secrets that the run knows: no gate shows them, and no program gets them.
    pub redactions: &'a Redactions,
    /// Environment variables of the process.
    pub vars: &'a BTreeMap<String, String>,
}
