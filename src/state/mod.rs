//! State: what was applied, kept so that it cannot be lost, forked or wedged.

pub mod model;
