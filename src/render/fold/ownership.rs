//! Ownership tags in a change: they differ for every object and say nothing of what it is.

use serde_json::Value as Json;

use crate::plan::model::{Action, ResourceChange};
use crate::schema::ownership::{Ownership, owner, ownership};

pub(super) fn is_ownership_tag(path: &str) -> bool {
    path.starts_with("$.tags[\"palisade:")
}

/// Whether a change does nothing but write ownership tags: an earlier version wrote others, or none are there.
pub(super) fn renews_ownership_tags(change: &ResourceChange) -> bool {
    let mark = change.before.as_ref().and_then(|before| owner(before.attrs()));
    change.action == Action::Update
        && change.previous_address.is_none()
        && !change.changed.is_empty()
        && change.changed.iter().all(|path| is_ownership_tag(path))
        // A mark that names an estate is never old.
        && mark.is_none_or(|mark| ownership(mark, "") == Ownership::Unnamed)
}

/// Leaves out the ownership tags, which differ for every object and say nothing of what it is: those that the
/// other side, where there is one, has too.
pub(super) fn forget_ownership(attrs: &mut Json, other: Option<&Json>) {
    let Some(tags) = attrs.get_mut("tags").and_then(Json::as_object_mut) else { return };
    let other = other.map(|other| other.get("tags").and_then(Json::as_object));
    tags.retain(|name, value| {
        let is_same = other.is_none_or(|tags| tags.and_then(|tags| tags.get(name)) == Some(value));
        !(name.starts_with("palisade:") && is_same)
    });
}
