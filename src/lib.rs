//! Palisade: plan and apply for multi-account AWS environments.

pub mod access;
pub mod address;
pub mod apply;
mod cause;
pub mod cli;
pub mod config;
pub mod diag;
pub mod difference;
pub mod engine;
pub mod eval;
pub mod graph;
pub mod iam;
pub mod ids;
pub mod isolation;
mod patience;
pub mod plan;
pub mod promotion;
pub mod provider;
mod redact;
pub mod render;
mod review;
pub mod sandbox;
pub mod schema;
pub(crate) mod stack;
pub mod state;
pub(crate) mod trace;
pub mod value;
