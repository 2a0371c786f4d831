//! Modules: what their expressions see, their values, calls and conditions.

mod calls;
pub(in crate::eval) mod conditions;
pub(in crate::eval) mod instance;
pub(in crate::eval) mod scope;
mod values;
