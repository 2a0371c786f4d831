//! Palisade: plan and apply for multi-account AWS environments.

pub mod address;
pub mod diag;
pub mod iam;
pub mod ids;
pub mod sandbox;
pub mod value;
