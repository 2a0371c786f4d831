//! Managed instances: what a block expands to, where its instances are placed, what can be read of
//! one, and its evaluated whole.

mod attributes;
mod context;
mod evaluate;
mod expand;
pub(in crate::eval) mod object;
mod placement;
