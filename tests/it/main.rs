//! All integration tests, in one binary.

mod apply;
mod bad_configs;
mod cli;
mod docs;
mod examples;
mod kinds_docs;
mod kinds_live;
mod kinds_pure;
mod layers;
mod state;
mod style;
mod support;
