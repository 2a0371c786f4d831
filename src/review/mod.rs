//! Judges changes that other tools make: what a Terraform plan or a CloudFormation template opens between environments,
//! given the current state of the accounts.
//!
//! * [`AccountsSnapshot`] is the state of the accounts, as plain data that can be changed;
//! * [`dumps`] reads it from a folder of `aws` command line output;
//! * [`terraform`] reads plans and states and [`cloudformation`] templates, and both translate changes into edits of an account (`edit`)
//!   and of the organization (`tree_edit`);
//! * [`change_set`] carries all of them out together on a copy of it;
//! * [`one_policy`] does the same with a policy on its own;
//! * [`model`] turns either side into the [`crate::access::AccessModel`] that the analysis takes.
//!
//! Invariant: what was not read, and what is not understood, leaves the account unread that it may bear on
//! ([`AccountSnapshot::unread`]), so that no wall of that account is proved closed. Nothing is guessed.

mod arns;
pub(crate) mod change_set;
pub(crate) mod cloudformation;
mod document;
pub(crate) mod dumps;
mod edit;
mod json;
pub(crate) mod model;
pub(crate) mod one_policy;
mod snapshot;
pub(crate) mod terraform;
mod tree_edit;

pub(crate) use document::{PolicyText, SharedTexts};
pub(crate) use snapshot::{
    AccountSnapshot, AccountsSnapshot, Group, Identity, ManagedDocument, NO_DUMP, ONLY_STATES,
    OrganizationPolicy, OrganizationSnapshot, Resource, Tree,
};
