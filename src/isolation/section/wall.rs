//! The verdict on a wall, how a path crosses it, and what the proof of a closed one rests on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Handle;

use super::rule::Ruling;

/// What a wall between an origin and an environment is. The order is by openness: the verdict on a wall is
/// the greatest among those on its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WallVerdict {
    /// AWS has closed every account of one side: nobody can act there now, though somebody may reopen one. It
    /// breaks no rule and proves nothing.
    Closed,
    /// Proved closed.
    Isolated,
    /// Not decided; never counts as isolated.
    Undetermined,
    /// Open under conditions that neither side chooses.
    Conditional,
    /// Open.
    Reachable,
    /// Both live in one account: there is no wall.
    SharedAccount,
}

impl WallVerdict {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Isolated => "isolated",
            Self::Undetermined => "undetermined",
            Self::Conditional => "conditional",
            Self::Reachable => "reachable",
            Self::SharedAccount => "shared_account",
        }
    }

    /// Whether no way across is known: nobody can act on one side, proved closed, or not decided.
    #[must_use]
    pub fn is_shut(self) -> bool {
        matches!(self, Self::Closed | Self::Isolated | Self::Undetermined)
    }
}

/// How a path crosses a wall. Configuration and output name grades by their letters, `A` to `D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// `A`: a request crosses; a role is assumed, a bucket read or written.
    #[serde(rename = "A")]
    Request,
    /// `B`: a principal holds power over the wall itself and can open it (privilege escalation).
    #[serde(rename = "B")]
    Power,
    /// `C`: data crosses by way of a service, or of something that both sides use.
    #[serde(rename = "C")]
    DataPath,
    /// `D`: a service or a third party can be talked into crossing (the confused deputy).
    #[serde(rename = "D")]
    ConfusedDeputy,
}

impl Grade {
    /// All grades, in order.
    pub const ALL: [Self; 4] = [Self::Request, Self::Power, Self::DataPath, Self::ConfusedDeputy];

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Request => "A",
            Self::Power => "B",
            Self::DataPath => "C",
            Self::ConfusedDeputy => "D",
        }
    }
}

/// The verdict on one wall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// After the plan.
    pub after: WallVerdict,
    /// What the proof of an isolated wall rests on that exists there and was not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// What of it the proof before the plan did not rest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions_added: Vec<Assumption>,
    /// Before the plan.
    pub before: WallVerdict,
    /// The origin: an environment, `$management`, `$unassigned`, `$external` or `$anonymous`.
    pub from: String,
    /// [`Grade::Power`] where no request crosses after the plan, but a principal of `from`
    /// holds power over the wall; otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The verdict on the managed objects alone, where an account of either side was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_only: Option<WallVerdict>,
    /// Subjects of GitHub's tokens that open the wall after the plan and that somebody else can come to have: by a name
    /// that a wildcard lets in, or by one that is registered anew after a rename. One that ids pin is not among them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub squattable: BTreeSet<String>,
    /// What the rules say of a wall that is open after the plan; absent where it is not, and where no rule speaks
    /// of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    /// The environment that the wall protects.
    pub to: String,
}

impl MatrixRow {
    /// Whether the wall is closed by a proof that rests on nothing but what every proof trusts.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.after == WallVerdict::Isolated && self.assumptions.is_empty()
    }
}

/// Something that exists in an account, was not looked at, and would open a wall if it were not as the proof
/// takes it to be. What was not listed counts as existing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assumption {
    /// Where it is.
    pub account: Handle,
    /// What it is.
    pub kind: AssumptionKind,
    /// Its objects: types of resources, addresses of roles or buckets, services, or the id of the management account.
    pub objects: Vec<String>,
}

/// What an assumption is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumptionKind {
    /// Policies of resources of these types let nobody across.
    ResourcePolicies,
    /// Code that runs under these roles does nothing for those who get into their account.
    RunningCode,
    /// The clusters and pools whose identities may assume these roles lie in no account of the other side.
    IdentityIssuers,
    /// The management account, of which nothing was read, lets nobody of the other side in.
    ManagementAccount,
    /// Access control lists of these buckets and their objects grant no access across the wall.
    AccessLists,
    /// This account is not a delegated administrator for these services.
    DelegatedAdministrators,
}

impl AssumptionKind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] = [
        Self::ResourcePolicies,
        Self::AccessLists,
        Self::RunningCode,
        Self::IdentityIssuers,
        Self::ManagementAccount,
        Self::DelegatedAdministrators,
    ];
}
