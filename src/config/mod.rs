//! From files to declarations: a [`Configuration`] whose shape is checked and whose expressions are not yet evaluated.
//!
//! [`load`] reads the `*.hcl` files of a directory and of the modules that it calls, decodes every
//! block against its schema, and collects as many errors as it can. What it yields is what is
//! written: references are not followed and no expression is evaluated here. Unknown and cyclic
//! references are what the `graph` module finds; values are what the evaluator finds.

mod decode;
mod every;
mod expr;
mod files;
pub mod fmt;
mod json_values;
mod lex;
mod literals;
mod load;
mod model;
pub mod package;
mod raw;
mod refs;
mod syntax;
#[cfg(test)]
mod tests;
mod vars;

pub use decode::target_address;
pub use every::{ExprPlace, every_expression};
pub use expr::Expr;
pub use files::{MAX_FILE, read_source};
pub use load::{LoadOptions, Loaded, MissingPackage, load, load_sources};
pub use model::{
    Backend, CallDecl, CheckDecl, ConditionBlock, Configuration, DataDecl, IgnoreChanges,
    ImportDecl, ImportTarget, LifecycleDecl, LocalDecl, Meta, Module, ModuleId, MovedDecl,
    OutputDecl, RemovedDecl, ResourceDecl, Settings, SpannedTarget, Supplied, SuppliedBy,
    TargetAddr, VariableDecl, WallsSettings,
};
pub use raw::{Dynamic, RawAttr, RawBlock, RawBody, RawNested};
pub use refs::{
    FunctionCall, RefPart, Reference, body_references, references, references_and_calls,
    resource_type,
};
pub use syntax::{MAX_NESTING, parse_body, parse_expression, parse_template};
pub use vars::VarArg;
