//! Tags: what AWS allows in them, and how those of the provider, the environment and the block merge.

use std::collections::BTreeMap;

use super::block_schema::{Attr, Ty};
use super::pure_half::KindContext;
use super::read::{Reader, scalar};
use super::sensitive::cannot_be_sensitive;
use crate::diag::{Diagnostic, Loc};
use crate::value::{Attrs, Value};

/// The `tags` attribute.
pub(super) const TAGS: Attr = Attr::optional(
    "tags",
    Ty::Map(&Ty::String),
    "Tags; they win over the environment's and the provider's `default_tags`.",
);

/// Most tags of one object, for every service that Palisade manages.
const MOST: usize = 50;

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, the characters of tags in IAM, Organizations and SSM.
fn tag_char(c: char) -> bool {
    c.is_alphanumeric()
        || c == ' '
        || (c.is_whitespace() && !c.is_control())
        || "_.:/=+-@".contains(c)
}

/// That tags are sensitive where they are shown: a map as a whole, its keys too (one sensitive key makes it so), or tags
/// that many objects bear.
#[must_use]
pub fn sensitive_tags(attr: &str, loc: Loc) -> Diagnostic {
    cannot_be_sensitive(attr, "tags are shown", loc)
}

/// All tags of an object: defaults, then the block's, then those that mark ownership.
pub(super) fn read(reader: &mut Reader<'_>, context: &KindContext, keys: TagKeys) -> Value {
    let mut tags: Attrs =
        context.default_tags.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let given = reader.body.get("tags");
    if let Some(given) = given.filter(|t| matches!(t.value, Value::Sensitive(_))) {
        reader.diagnostics.push(sensitive_tags(TAGS.name, given.loc.clone()));
    }
    let given = given.map(|t| t.value.reveal());
    match given {
        None | Some(Value::Null) => {}
        Some(Value::Map(map)) => {
            for (key, value) in map {
                match scalar(value) {
                    _ if value.is_null() => {
                        tags.remove(key);
                    }
                    Some(text) => {
                        tags.insert(key.clone(), text);
                    }
                    None => reader.error(
                        "tags",
                        format!(
                            "the value of tag `{key}` must be a string, not {}",
                            value.type_name()
                        ),
                        "",
                    ),
                }
            }
        }
        Some(Value::Unknown(unknown)) => return Value::Unknown(unknown.clone()),
        Some(other) => reader.error(
            "tags",
            format!("`tags` must be a map of strings, not {}", other.type_name()),
            "",
        ),
    }
    check(reader, &tags, keys);
    for (key, value) in &context.ownership_tags {
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > MOST {
        reader.error(
            "tags",
            format!("{} tags, but AWS allows {MOST} on one object", tags.len()),
            "default tags and the two ownership tags of Palisade count too",
        );
    }
    Value::Map(tags)
}

/// Whether keys that differ in case alone are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKeys {
    /// They are, as in IAM (IAM User Guide, "Tags for IAM resources", "Rules for tagging").
    IgnoreCase,
    /// They are two, as in S3, Systems Manager and Organizations.
    MindCase,
}

fn check(reader: &mut Reader<'_>, tags: &Attrs, keys: TagKeys) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in tags {
        let lower = key.to_lowercase();
        let help = "keys hold 1 to 128, values up to 256 letters, digits, spaces and `_.:/=+-@`";
        if lower.starts_with("aws:") {
            reader.error(
                "tags",
                format!("the tag `{key}` is reserved to AWS"),
                "choose a key that does not begin with `aws:`",
            );
        } else if lower.starts_with("palisade:") {
            reader.error(
                "tags",
                format!("the tag `{key}` is reserved to Palisade"),
                "choose another key: these mark what Palisade owns",
            );
        } else if !(1..=128).contains(&key.chars().count()) || !key.chars().all(tag_char) {
            reader.error("tags", format!("`{key}` is no valid tag key"), help);
        }
        if let Some(text) = value.as_str()
            && (text.chars().count() > 256 || !text.chars().all(tag_char))
        {
            reader.error("tags", format!("the tag `{key}` has a value that AWS refuses"), help);
        }
        if keys == TagKeys::IgnoreCase
            && let Some(other) = seen.insert(lower, key)
        {
            reader.error(
                "tags",
                format!("the tags `{other}` and `{key}` differ in case alone"),
                "IAM treats them as the same key: keep one",
            );
        }
    }
}
