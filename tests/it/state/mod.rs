//! State: one contract for every backend, races, faults, and what is kept of an apply.

mod backend;
mod commands;
mod contract;
mod disk;
mod early;
mod formats;
mod hostile;
mod processes;
mod protocol;
mod shown;
mod stores;
mod way_back;
