//! Evaluation: expressions, functions, and the whole configuration into an [`estate::Estate`].

pub mod estate;
pub mod functions;
pub mod types;
