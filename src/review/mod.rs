//! Judges changes that other tools make: what a Terraform plan opens between environments, over the accounts as they
//! are.
//!
//! * [`AccountsSnapshot`] is what stands in the accounts, as plain data that can be changed;
//! * [`dumps`] reads it from a folder of `aws` command line output;
//! * [`terraform`] reads plans and carries them out on a copy of it;
//! * [`one_policy`] does the same with a policy on its own;
//! * [`model`] turns either side into the [`crate::access::AccessModel`] that the analysis takes.
//!
//! Invariant: what was not read, and what is not understood, leaves the account unread that it may bear on
//! ([`AccountSnapshot::unread`]), so that no wall of that account is proved closed. Nothing is guessed.

mod document;
pub(crate) mod dumps;
mod json;
pub(crate) mod model;
pub(crate) mod one_policy;
mod snapshot;
pub(crate) mod terraform;

pub(crate) use document::PolicyText;
pub(crate) use snapshot::{
    AccountSnapshot, AccountsSnapshot, Group, Identity, ManagedDocument, OrganizationPolicy,
    OrganizationSnapshot, Resource, Tree,
};
