//! IAM policy documents: parsing, meaning, validation, evaluation. Pure: no AWS calls, no clock.
//!
//! * [`document`] holds the typed policy document; [`decode`] reads it from JSON with the place of
//!   every element, [`encode`] writes it.
//! * [`normal`] compares documents by meaning, [`diff`] lists what changed statement by statement.
//! * [`validate`] finds what AWS would refuse, by the dated facts of [`limits`].
//! * [`matching`], [`condition`] and [`eval`] are the concrete judge: one request against all the
//!   policies that bear on it. [`simulate`] wraps it in JSON Lines.
//! * [`bucket_policy`] is what S3 asks of bucket policies beside.
//! * [`catalogue`] is the bundled list of actions, resource types and condition keys.
//! * [`grant`] says what a grant of KMS permits as statements.
//! * [`github`] tells subjects of GitHub's tokens that stay one owner's from those that a name hands on.
//! * [`managed_names`] is the bundled list of the names of AWS's managed policies.

pub mod bucket_policy;
pub mod catalogue;
pub mod condition;
mod decision;
pub mod decode;
pub mod diff;
pub mod document;
pub mod encode;
pub mod eval;
pub mod github;
pub mod grant;
pub mod json;
pub mod limits;
pub mod managed_names;
pub mod matching;
pub mod node;
pub mod normal;
pub mod operator;
pub mod passing;
mod policy;
mod principal;
pub mod request;
pub mod simulate;
pub mod size;
pub mod symbolic;
pub mod text;
mod three_valued;
pub mod validate;
pub mod values;

#[cfg(test)]
mod tests;

pub use catalogue::{ActionId, ActionSet, Catalogue, ServiceId, catalogue};
pub use decision::{DecidedBy, Decision, Matched, PolicyDecision};
pub use diff::{ChangeKind, StatementChange, diff};
pub use document::{
    Condition, Document, Effect, Item, LanguageVersion, PrincipalType, Principals, Statement, Use,
};
pub use eval::{ChainLevel, Considered, Policies, evaluate, evaluate_all, explain};
pub use grant::{Grantee, KeyGrant};
pub use limits::Limits;
pub use normal::{digest, semantic_eq};
pub use operator::{Operator, SetPrefix, Test};
pub use policy::Policy;
pub use principal::PrincipalNaming;
pub use request::{ContextValue, Membership, Principal, Request, RequestContext};
pub use simulate::{simulate_case, simulate_line};
pub use size::measured_size;
pub use text::{Placeholder, Text, TextRun};
pub use validate::{check, validate};
