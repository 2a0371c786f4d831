//! Tests of the whole of `iam`: the evaluation matrix, the traps of naive engines, properties of generated documents.

mod matrix;
mod properties;
mod traps;
