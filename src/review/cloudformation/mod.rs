//! Templates of CloudFormation stacks, as changes of the accounts that the stacks lie in.
//!
//! [`node`] reads YAML and JSON, [`template`] the sections, [`repeat`] unrolls loops, [`parameters`] and [`deployed`] read
//! what is beside a template, [`evaluate`] computes expressions to [`value`]s. [`side`] knows what resources are called in
//! AWS, [`pieces`] what they put into others, [`organization`] those of Organizations, [`types`] which types bear access;
//! [`prepared`] puts together what is known of each stack, those within others among them, and [`between`] what they tell
//! each other; [`stack`] compares the two sides and says what changes, and [`places`] where it is written.

mod between;
mod deployed;
mod evaluate;
mod node;
mod organization;
pub(crate) mod parameters;
mod pieces;
mod places;
mod prepared;
mod repeat;
mod side;
mod stack;
mod template;
mod value;
mod yaml;

pub(crate) use deployed::Deployed;
pub(crate) use places::TemplatePlaces;
pub(crate) use prepared::{NestedFile, StackFile};
pub(crate) use stack::works;
pub(crate) use template::{NESTED, Template};
