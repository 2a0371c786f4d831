//! Applying a plan: its execution graph is walked, each change written ahead, each result recorded.
//!
//! [`scheduler`] decides what may start (pure); [`executor`] is the one loop that owns it, the
//! leases and the state of every scope; [`worker`] carries out one operation and reports back;
//! [`recover`] finishes what a run that was interrupted has left.
//!
//! Architecture invariants: apply never decides what to change or in which order, the plan has;
//! no operation starts before its intent is durable; what a run could not settle stays in the
//! journal; an error of one account never stops another.

pub mod cancel;
pub mod events;
pub mod executor;
mod held;
mod record;
pub mod recover;
mod resolve;
pub mod scheduler;
mod scope;
pub mod seams;
pub mod summary;
mod worker;

pub use cancel::Cancel;
pub use events::ApplyEvent;
pub use executor::{Apply, ApplyLimits, apply};
pub use recover::{Inspection, Recovery, inspect, recover};
pub use seams::{Desired, Recheck, SecretValue, Secrets};
pub use summary::ApplySummary;
