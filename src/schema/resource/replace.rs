//! Which changes replace an object: of what is settled when it is created, at whatever depth.

use crate::resource_types::{Handler, PropertyPath, PropertyStep, TypeSchema};
use crate::value::{AttrPath, AttrStep, Attrs, Value};

/// Whether a change at `path` can be made by replacing the object alone.
pub(super) fn replaces(ty: &TypeSchema, path: &AttrPath, before: &Attrs, after: &Attrs) -> bool {
    if !ty.handlers.contains_key(&Handler::Update) {
        return true;
    }
    // AWS checks the whole that a change leaves, which lacks what is never read back; what is settled at creation beside that
    // cannot be sent again.
    let shape = ty.shape();
    let required = shape.required();
    let is_lost = |path: &&PropertyPath| {
        path.is_top() && required.contains(path.root()) && ty.create_only.contains(path)
    };
    if ty.write_only.iter().any(|path| is_lost(&path)) {
        return true;
    }
    let steps: Vec<PropertyStep> = path.0.iter().map(step).collect();
    ty.create_only.iter().any(|fixed| {
        fixed.covers(&steps)
            // A list is compared as a whole: what is fixed in its elements may be what they were.
            || fixed.is_below(&steps) && values_at(fixed, before) != values_at(fixed, after)
    })
}

fn step(step: &AttrStep) -> PropertyStep {
    match step {
        AttrStep::Key(name) => PropertyStep::Name(name.clone()),
        AttrStep::Index(_) => PropertyStep::Each,
    }
}

/// The values at a path, those in elements too.
fn values_at<'a>(path: &PropertyPath, attrs: &'a Attrs) -> Vec<&'a Value> {
    let Some((PropertyStep::Name(root), below)) = path.0.split_first() else { return Vec::new() };
    let mut values: Vec<&Value> = attrs.get(root).into_iter().collect();
    for step in below {
        values = match step {
            PropertyStep::Name(name) => {
                values.into_iter().filter_map(|value| value.as_map()?.get(name)).collect()
            }
            PropertyStep::Each => {
                let inside = |value: &'a Value| -> Vec<&'a Value> {
                    let of_map = || value.as_map().map(|map| map.values().collect());
                    value.elements().or_else(of_map).unwrap_or_default()
                };
                values.into_iter().flat_map(inside).collect()
            }
        };
    }
    values.into_iter().filter(|value| !value.is_null()).collect()
}
