//! The access model: everything that decides who may reach what in a set of AWS accounts, as plain data.
//!
//! It is the only input of [`crate::isolation`], and no source of it is special: a plan's two sides, a live
//! read, a dump of `aws iam get-account-authorization-details`, a Terraform plan. A source writes down what it
//! knows as [`Facts`] (flat lists, in any order), and [`AccessModel::new`] derives what follows from them: which
//! guardrails bear on which account, who lives where.
//!
//! * [`Facts`] and [`AccountFacts`] are what a source fills in;
//! * [`Organization`] and [`Guardrails`] hold the tree and the policies attached to it;
//! * [`PrincipalNode`] and [`GroupNode`] are roles, users and groups, their policies read on first use;
//! * [`ResourceNode`] is every resource with a policy of its own, by the rows of [`RESOURCE_TYPES`];
//! * [`NamedPolicy`] is a policy document, compiled, under the name that reports cite.
//!
//! Invariants, which a source must keep and the analysis relies on:
//!
//! * what is unknown until apply is a symbol ([`crate::iam::Placeholder`]), the same for equal unknowns;
//! * an account that was not read whole is never [`Coverage::Read`]: its silence proves nothing;
//! * a policy that exists and cannot be read as a policy is said to be unreadable, never left out.

mod account;
mod aws_managed;
mod grants;
mod model;
mod organization;
mod policy;
mod principal;
mod queue_url;
mod resource;
mod statements;

#[cfg(test)]
mod tests;

pub use account::{AccountFacts, AccountNode, Coverage, UndescribedMember};
pub use model::{AccessModel, Facts};
pub use organization::{Guardrails, Organization, PolicyType};
pub use policy::{ManagedPolicies, ManagedPolicy, NamedPolicy, PART, levels};
pub use principal::{GroupNode, Permissions, PrincipalKind, PrincipalNode};
pub use queue_url::queue_arn;
pub use resource::{
    AccessLists, BACKUP_VAULT, BUCKET, CERTIFICATE_AUTHORITY, DefaultPolicy, EVENT_BUS, FUNCTION,
    KEY, LOG_DESTINATION, POLICY_BEARING_TYPES, PolicyBearing, QUEUE, REPOSITORY, RESOURCE_TYPES,
    ResourceNode, ResourcePolicy, ResourceTags, ResourceType, SECRET, STATE_STORE, STREAM, TABLE,
    TOPIC,
};
pub use statements::{Permission, bus_statement, statement_of};
