//! What blocks may hold: one declaration per kind, read by the loader, the planner, the provider and the docs.
//!
//! [`BlockSchema`] says what a block looks like in HCL. [`KindSchema`] adds what a *managed* kind
//! is: where it lives, how it is found again after a crash, which attributes force a replacement.
//! [`ManagedKind`] is the pure half of a managed kind (block -> desired attributes); its other half is a
//! provider file that talks to AWS.
//!
//! Architecture invariant: nothing here performs I/O, and no other layer matches on a kind's name
//! to decide what to do with it.

mod access;
mod additive;
mod block_schema;
pub mod blocks;
mod body;
mod checks;
pub mod civil;
pub mod data;
pub mod duration;
pub mod endpoint;
pub mod gates;
mod kind_schema;
pub mod kinds;
pub mod management_policy;
mod meaning;
mod observed;
mod oidc;
pub mod ownership;
mod policy;
mod policy_blocks;
mod policy_unknown;
mod pure_half;
mod read;
pub mod resource;
pub mod rules;
mod sensitive;
mod statement_place;
mod tags;
mod trust;

pub use access::{
    AccessPart, AccountDeclaration, EncryptionDeclaration, Guardrail, OrganizationDeclaration,
    PolicyAttributes, PolicyOnResource, PrincipalDeclaration, ResourceDeclaration,
    StatementOnResource,
};
pub use block_schema::{Attr, BlockSchema, Nested, Ty};
pub use body::{Body, NestedBody, Spanned};
pub use kind_schema::{Category, Computed, Fixed, Home, KindSchema, RecoveryMethod};
pub use kinds::account::{AccountState, CREATED_ROLE, RENAMES_ACCOUNTS, account_state};
pub use kinds::org_policy::is_aws_owned;
pub use kinds::organization::limits_of;
pub use kinds::organizational_unit::ROOT;
pub use kinds::{access_of, kind, kind_of_arn, kinds, observed};
pub use meaning::{ArnForm, Meaning, Measure, NameSpace, Naming, Quota, Repair};
pub use observed::Observed;
pub use policy::{canonical as canonical_policy, document_of_statements};
pub use policy_blocks::{POLICY_BLOCKS, TRUST_PARTS};
pub use pure_half::{KindContext, ManagedKind, OnDestroy};
pub use sensitive::{SensitiveTexts, desired};
pub use statement_place::statement_place;
pub use tags::sensitive_tags;
