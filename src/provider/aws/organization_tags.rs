//! Tags of units, accounts and organization policies.

use aws_sdk_organizations::types::Tag;

use super::kind::{OrAbsent, Wanted, entries, tags};
use super::session::Session;
use crate::provider::ProviderError;
use crate::value::Value;

/// Tags as Organizations takes them; none rather than an empty list.
pub(super) fn to_tags(value: &Value) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = entries(value)
        .into_iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    Some(tags).filter(|t| !t.is_empty())
}

/// The tags of an object; none when it is gone.
pub(super) async fn read(session: &Session, id: &str) -> Result<Value, ProviderError> {
    let found = session
        .organizations()
        .list_tags_for_resource()
        .resource_id(id)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(session.error("organizations", "ListTagsForResource"))
        .absent()?
        .unwrap_or_default();
    Ok(tags(found.iter().map(|tag| (tag.key(), tag.value()))))
}

/// Brings the tags of an object from what they were to what they shall be.
pub(super) async fn change(
    session: &Session,
    id: &str,
    want: &Wanted<'_>,
) -> Result<(), ProviderError> {
    let (set, gone) = want.tag_changes();
    if !gone.is_empty() {
        session
            .organizations()
            .untag_resource()
            .resource_id(id)
            .set_tag_keys(Some(gone))
            .send()
            .await
            .map_err(session.error("organizations", "UntagResource"))?;
    }
    if let Some(set) = to_tags(&set) {
        session
            .organizations()
            .tag_resource()
            .resource_id(id)
            .set_tags(Some(set))
            .send()
            .await
            .map_err(session.error("organizations", "TagResource"))?;
    }
    Ok(())
}
