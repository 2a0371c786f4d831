//! Modules: what their expressions see, their values and calls, the bodies and conditions of their blocks.

pub(in crate::eval) mod body;
mod calls;
pub(in crate::eval) mod conditions;
pub(in crate::eval) mod instance;
pub(in crate::eval) mod scope;
mod values;
