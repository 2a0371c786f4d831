//! The use cases: open, refresh, plan, apply, recover, promote, saved plans, edits of the state. Plain
//! requests in, typed outcomes and one error out, so that a command line, a server and a test can all
//! drive them.
//!
//! Everything that a use case would pick up from its process stands in a [`workspace::Workspace`]; everything that it
//! says or asks goes through [`host::Host`]. Architecture invariants: nothing here prints, reads an
//! environment variable, a terminal or a clock, or knows an exit code.

pub mod applied_values;
pub mod apply;
pub mod backend;
pub mod compare_secrets;
pub mod connect;
pub mod digest;
pub mod drift;
pub mod edit_state;
pub mod error;
pub mod host;
pub mod known_values;
pub mod load;
pub mod open;
pub mod origin;
pub mod outputs;
pub mod plan;
mod power_cut;
pub mod promotion;
mod recheck;
pub mod recover;
pub mod refresh;
pub mod releases;
pub mod saved_plan;
pub mod secret_versions;
pub mod secrets;
pub mod side;
pub mod workspace;

pub use error::EngineError;
pub use host::Host;
pub use workspace::{Variables, Workspace};
