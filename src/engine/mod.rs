//! The use cases: init, open, refresh, plan, apply, recover, promote, adopt, saved plans, edits of the state. Plain
//! requests in, typed outcomes and one error out, so that a command line, a server and a test can all
//! drive them.
//!
//! Everything that a use case would pick up from its process stands in a [`workspace::Workspace`]; everything that it
//! says or asks goes through [`host::Host`]. Architecture invariants: nothing here prints, reads an
//! environment variable, a terminal or a clock, or knows an exit code.

pub mod adopt;
pub mod adopt_types;
mod applied_values;
pub mod apply;
mod audit;
mod aws_policies;
mod backend;
pub mod carry_out;
pub mod compare_policies;
mod compare_secrets;
pub mod connect;
pub mod console;
pub mod declared_estate;
pub mod digest;
pub mod drift;
pub mod edit_state;
pub mod error;
pub mod fetch_modules;
pub mod format;
pub mod graph;
pub mod host;
pub mod init;
pub mod inspect_state;
pub mod isolation;
pub mod known_values;
mod leaving;
mod load;
mod lookups;
mod member_credentials;
pub mod names;
pub mod open;
pub mod origin;
mod outputs;
mod ownership_tags;
pub mod permissions;
pub mod plan;
mod plan_request;
mod power_cut;
pub mod promotion;
mod read_estate;
pub mod read_live;
mod recheck;
pub mod recover;
mod redacting;
pub mod refresh;
pub mod refusal;
pub mod releases_in_force;
pub mod report;
pub mod review;
pub mod saved_plan;
mod secret_versions;
mod secrets;
pub mod side;
pub mod simulate;
mod state_bucket;
pub mod validate;
mod waiting;
pub mod who_can;
pub mod workspace;

pub use error::EngineError;
pub use host::Host;
pub use workspace::{Variables, Workspace};
