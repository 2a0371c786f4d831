//! The tags that mark an object as an estate's own, by which it is found again after a crash.
//!
//! `palisade:address` holds `v2:LINEAGE:DIGEST`: the lineage of the state that manages the object, and the
//! base32 SHA-256 of its canonical address, because tag values allow only letters, digits, spaces and
//! `_.:/=+-@`. Two estates may well use the same address (`iam_role.deploy@dev`); only the lineage tells
//! their objects apart. `palisade:name` is a readable form of the address.
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html>.
//!
//! Earlier versions wrote `v1:DIGEST`, which names no estate: an object that state records keeps its place
//! and gets the new tag by the next apply, and one that no state records is nobody's own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::address::ResourceAddr;
use crate::value::{Attrs, StringPart, Unknown, Value};

/// The tag that says whose an object is.
const OWNER: &str = "palisade:address";

/// The tags of an object. Until an estate has a state its lineage is unknown, and so is the mark.
#[must_use]
pub fn tags(address: &ResourceAddr, lineage: Option<&str>) -> BTreeMap<String, Value> {
    let canonical = address.canonical();
    let readable: String = canonical
        .chars()
        .map(|c| match c {
            '[' => ':',
            c if c.is_ascii_alphanumeric() || "_.:/=+-@ ".contains(c) => c,
            _ => ' ',
        })
        .filter(|c| *c != ' ')
        .take(128)
        .collect();
    BTreeMap::from([
        (OWNER.to_owned(), mark(&canonical, lineage)),
        ("palisade:name".to_owned(), readable.into()),
    ])
}

/// Whether a tag's key is one of those.
#[must_use]
pub fn is_mark(key: &str) -> bool {
    key.starts_with("palisade:")
}

fn mark(canonical: &str, lineage: Option<&str>) -> Value {
    let digest = BASE32_NOPAD.encode(&Sha256::digest(canonical.as_bytes()));
    match lineage {
        Some(lineage) => format!("v2:{}:{digest}", as_tag(lineage)).into(),
        None => {
            let state = ResourceAddr::new("palisade", "state");
            let lineage = Unknown::attr(state, "lineage");
            let parts = [StringPart::Text("v2:".to_owned())]
                .into_iter()
                .chain(lineage.parts.iter().cloned())
                .chain([StringPart::Text(format!(":{digest}"))]);
            Value::Unknown(Unknown::string(parts))
        }
    }
}

/// A lineage as a tag may hold it: states are hostile too, and AWS refuses a tag with other characters
/// only when half of the objects are made.
fn as_tag(lineage: &str) -> Cow<'_, str> {
    let plain = (1..=64).contains(&lineage.len())
        && lineage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match plain {
        true => Cow::Borrowed(lineage),
        false => Cow::Owned(BASE32_NOPAD.encode(&Sha256::digest(lineage.as_bytes()))),
    }
}

/// Fills the lineage into the mark of an object that was planned before there was one.
pub fn settle(desired: &mut Attrs, address: &ResourceAddr, lineage: &str) {
    let Some(Value::Map(tags)) = desired.get("tags") else { return };
    if tags.get(OWNER).is_some_and(Value::is_unknown) {
        let mut tags = tags.clone();
        tags.insert(OWNER.to_owned(), mark(&address.canonical(), Some(lineage)));
        desired.insert("tags".to_owned(), Value::Map(tags));
    }
}

/// The mark that an object bears, where it bears one.
#[must_use]
pub fn owner(attrs: &Attrs) -> Option<&str> {
    attrs.get("tags")?.as_map()?.get(OWNER)?.as_str()
}

/// What a mark says about the estate that set it, as seen from the estate with `lineage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership<'a> {
    /// This one.
    Own,
    /// Another one, by its lineage.
    Other(&'a str),
    /// It names none: an earlier version set it, or no version at all.
    Unnamed,
}

/// Reads the estate out of a mark.
#[must_use]
pub fn ownership<'a>(mark: &'a str, lineage: &str) -> Ownership<'a> {
    let named = mark.strip_prefix("v2:").and_then(|rest| rest.split_once(':'));
    match named {
        Some((named, _)) if !lineage.is_empty() && named == as_tag(lineage) => Ownership::Own,
        Some((named, _)) => Ownership::Other(named),
        None => Ownership::Unnamed,
    }
}

/// Whether a mark of any estate is of the object at this address.
#[must_use]
pub fn is_of_address(mark: &str, address: &ResourceAddr) -> bool {
    let digest = BASE32_NOPAD.encode(&Sha256::digest(address.canonical().as_bytes()));
    mark.rsplit(':').next() == Some(digest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_its_estate() {
        let address: ResourceAddr = "iam_role.deploy@dev".parse().unwrap();
        let tags = tags(&address, Some("1b0c-2"));
        let mark = tags.get(OWNER).unwrap().as_str().unwrap();
        assert_eq!(ownership(mark, "1b0c-2"), Ownership::Own);
        assert_eq!(ownership(mark, "other"), Ownership::Other("1b0c-2"));
        // Without a state nothing is this estate's own.
        assert_eq!(ownership(mark, ""), Ownership::Other("1b0c-2"));
        assert_eq!(ownership("v1:ABC", "1b0c-2"), Ownership::Unnamed);
        assert!(is_of_address(mark, &address));
        assert!(!is_of_address(mark, &"iam_role.deploy@prod".parse().unwrap()));
    }

    #[test]
    fn what_was_unknown_is_filled_in_as_if_it_had_been_known() {
        let address: ResourceAddr = "iam_role.deploy@dev".parse().unwrap();
        let map = |lineage| {
            let tags: Attrs = tags(&address, lineage).into_iter().collect();
            Attrs::from([("tags".to_owned(), Value::Map(tags))])
        };
        let mut desired = map(None);
        assert!(owner(&desired).is_none());
        settle(&mut desired, &address, "1b0c-2");
        assert_eq!(owner(&desired), owner(&map(Some("1b0c-2"))));
    }

    #[test]
    fn a_lineage_that_no_tag_may_hold_is_hashed() {
        let address: ResourceAddr = "iam_role.deploy@dev".parse().unwrap();
        let tags = tags(&address, Some("{*}\n"));
        let mark = tags.get(OWNER).unwrap().as_str().unwrap();
        assert!(mark.len() < 256 && mark.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'));
        assert_eq!(ownership(mark, "{*}\n"), Ownership::Own);
    }
}
