//! State: one contract for every backend, races, faults, and what is kept of an apply.

mod contract;
mod protocol;
mod stores;
