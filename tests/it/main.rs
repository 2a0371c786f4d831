//! All integration tests, in one binary.

mod kinds_pure;
mod state;
mod support;
