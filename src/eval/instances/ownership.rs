//! The tags that mark an object as Palisade's, by which it is found again after a crash.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::address::ResourceAddr;

/// `palisade:address`: `v1:` and the base32 SHA-256 of the canonical address, because tag values
/// allow only letters, digits, spaces and `_.:/=+-@`. `palisade:name`: a readable form of it.
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html>.
#[must_use]
pub(in crate::eval) fn ownership_tags(address: &ResourceAddr) -> BTreeMap<String, String> {
    let canonical = address.canonical();
    let digest = BASE32_NOPAD.encode(&Sha256::digest(canonical.as_bytes()));
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
        ("palisade:address".to_owned(), format!("v1:{digest}")),
        ("palisade:name".to_owned(), readable),
    ])
}
