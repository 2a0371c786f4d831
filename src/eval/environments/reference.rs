//! What others know of an environment without evaluating it: its reference, the schemas of
//! top-level blocks, the `region` attribute.

use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::ids::Region;
use crate::schema::blocks::top_level;
use crate::schema::{BlockSchema, Body};
use crate::value::{Attrs, BlockRef, Value};

pub(super) static EMPTY: BlockSchema = BlockSchema { attrs: &[], blocks: &[] };

/// The schema of a top-level block that is no managed kind.
pub(in crate::eval) fn schema_of(ty: &str) -> &'static BlockSchema {
    top_level().iter().find(|t| t.name == ty).map_or(&EMPTY, |t| t.block)
}

/// A reference to an environment.
pub(in crate::eval) fn environment_value(name: &str) -> Value {
    Value::Block(BlockRef {
        address: ResourceAddr::new("environment", name),
        attrs: Arc::new(Attrs::from([("name".to_owned(), Value::string(name))])),
    })
}

/// The `region` attribute of a block.
pub(in crate::eval) fn region_of(body: &Body, errors: &mut Diagnostics) -> Option<Region> {
    let region = body.get("region")?;
    match region.value.as_str().map(str::parse::<Region>) {
        Some(Ok(region)) => Some(region),
        Some(Err(error)) => {
            errors.push(Diagnostic::error(error.to_string()).at(region.loc.clone()));
            None
        }
        None => {
            errors.push(
                Diagnostic::error("`region` must be known while planning")
                    .at(region.loc.clone())
                    .needing_value(),
            );
            None
        }
    }
}
