//! The digest of a configuration: what it is made of and the values that it was given.

use sha2::{Digest, Sha256};

use crate::config::Configuration;
use crate::promotion::variable_prints::supplied_text;

/// SHA-256 over every file that was read and every variable that was supplied, in hexadecimal.
/// Values of sensitive variables are left out: a digest is public, and a short secret behind one
/// could be guessed. A saved plan keeps a slow fingerprint of those instead.
#[must_use]
pub fn configuration(configuration: &Configuration) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for source in configuration.sources() {
        part(source.name());
        part(source.text());
    }
    part("variables");
    let declared = &configuration.root().variables;
    for (name, supplied) in &configuration.supplied {
        if declared.get(name).is_some_and(|v| v.sensitive) {
            continue;
        }
        part(name);
        part(&supplied_text(supplied));
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}
