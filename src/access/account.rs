//! Accounts: those that a source describes, and the rest of the organization.

use std::collections::BTreeSet;

use super::NamedPolicy;
use crate::iam::Membership;
use crate::ids::{Handle, Partition};

/// What is known of what an account holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// All of its principals and resource policies are in the model.
    #[default]
    Read,
    /// It exists and was not read whole, for this reason: what the model holds of it is a part.
    Unread(String),
    /// It was read, and something in it grants access in a way that is not judged, for this reason.
    Unjudged(String),
    /// It does not exist yet: it will hold what the model holds of it and nothing else.
    Absent,
    /// AWS has closed it: until it is reopened nobody can act in it or from it, and what it holds answers
    /// nobody (Account Management Reference Guide, "Close an AWS account").
    Closed,
}

/// What a source says of an account.
#[derive(Clone, Debug)]
pub struct AccountFacts {
    /// The name by which the model knows it; unique.
    pub handle: Handle,
    /// Its id, or a symbol for one that AWS has yet to assign.
    pub id: String,
    /// The partition that it lives in.
    pub partition: Partition,
    /// The environments that it serves.
    pub environments: BTreeSet<String>,
    /// The root or unit that it stands under, by id or symbol; `None` where that is not known.
    pub parent: Option<String>,
    /// Whether an emulator plays it: such an account is in no organization.
    pub emulated: bool,
    /// What is known of what it holds.
    pub coverage: Coverage,
}

/// An account, with what follows from its place in the organization.
#[derive(Clone, Debug)]
pub struct AccountNode {
    /// Its handle.
    pub handle: Handle,
    /// Its id, or a symbol for one that AWS has yet to assign.
    pub id: String,
    /// The partition that it lives in.
    pub partition: Partition,
    /// The environments that it serves.
    pub environments: BTreeSet<String>,
    /// Whether an emulator plays it.
    pub emulated: bool,
    /// Its organization; `None` for emulated accounts.
    pub membership: Option<Membership>,
    /// `o-.../r-.../ou-.../`, as `aws:PrincipalOrgPaths` holds it.
    pub organization_path: Option<String>,
    /// SCPs by level, root first; none for the management account.
    pub service_control: Vec<(String, Vec<NamedPolicy>)>,
    /// RCPs by level, root first; none for the management account.
    pub resource_control: Vec<(String, Vec<NamedPolicy>)>,
    /// What is known of what it holds.
    pub coverage: Coverage,
}

impl AccountNode {
    /// Whether everything that it holds is in the model.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !matches!(self.coverage, Coverage::Unread(_) | Coverage::Unjudged(_))
    }

    /// Why what it holds is not known, to be said after its name; `None` where it is known.
    #[must_use]
    pub fn why_unknown(&self) -> Option<String> {
        match &self.coverage {
            Coverage::Unread(_) => Some("was not read".to_owned()),
            Coverage::Unjudged(why) => Some(format!("is not judged whole ({why})")),
            _ => None,
        }
    }

    /// Whether AWS has closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.coverage == Coverage::Closed
    }

    /// The ARN of its root, by which policies name the account as a whole.
    #[must_use]
    pub fn root_arn(&self) -> String {
        format!("arn:{}:iam::{}:root", self.partition, self.id)
    }
}

/// An account of the organization that no [`AccountFacts`] describe: nothing in it was read.
#[derive(Clone, Debug)]
pub struct UndescribedMember {
    /// Its organization.
    pub membership: Membership,
    /// `o-.../r-.../ou-.../`, as `aws:PrincipalOrgPaths` holds it.
    pub organization_path: String,
    /// SCPs by level, root first; none for the management account.
    pub service_control: Vec<(String, Vec<NamedPolicy>)>,
    /// Whether AWS has closed it.
    pub is_closed: bool,
}
