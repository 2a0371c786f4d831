//! State: one contract for every backend, races, faults, and what is kept of an apply.

mod audit_log;
mod backend;
mod commands;
mod contract;
mod disk;
mod early;
mod formats;
pub(crate) mod hostile;
mod processes;
mod protocol;
mod rollback;
mod servers;
mod shown;
pub(crate) mod stores;
