//! State: one contract for every backend, races, faults, and what is kept of an apply.

mod backend;
mod commands;
mod contract;
mod hostile;
mod protocol;
mod stores;
