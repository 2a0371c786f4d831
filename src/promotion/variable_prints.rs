//! What is remembered of sensitive variables, so that a plan is carried out with the values that it was approved with.
//!
//! The digest of a plan is public and leaves them out: a short secret behind one could be guessed. These are kept where
//! approvals and moves are, salted and slow.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::config::{Configuration, Supplied};

/// Rounds: slow enough that guessing costs something.
const ROUNDS: u32 = 50_000;

/// A slow, salted fingerprint of each sensitive variable that was supplied (PBKDF2, RFC 8018, one block).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariablePrints {
    /// Random.
    pub salt: String,
    /// By name of the variable.
    pub prints: BTreeMap<String, String>,
}

impl VariablePrints {
    /// Those of a configuration, under a salt of their own. They are kept where there is no sensitive variable, too:
    /// what has none at all is of an earlier version.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Self {
        let salt = uuid::Uuid::new_v4().to_string();
        let prints = prints(configuration, &salt);
        Self { salt, prints }
    }

    /// The variables that have another value now, or are not given any more, or were not then, by name.
    #[must_use]
    pub fn changed(&self, configuration: &Configuration) -> Vec<String> {
        let now = prints(configuration, &self.salt);
        let names = self.prints.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
        let differs = |name: &&&String| self.prints.get(**name) != now.get(**name);
        names.iter().filter(differs).map(|name| (*name).clone()).collect()
    }
}

/// A value as it was supplied.
#[must_use]
pub fn supplied_text(supplied: &Supplied) -> String {
    let loc = supplied.value.loc();
    loc.source().text().get(loc.span()).unwrap_or_default().to_owned()
}

/// The sensitive variables that were supplied.
fn supplied(configuration: &Configuration) -> impl Iterator<Item = (&String, &Supplied)> {
    let declared = &configuration.root().variables;
    let is_sensitive = |name: &String| declared.get(name).is_some_and(|v| v.sensitive);
    configuration.supplied.iter().filter(move |(name, _)| is_sensitive(name))
}

/// The names of the sensitive variables that were supplied.
#[must_use]
pub fn sensitive(configuration: &Configuration) -> Vec<String> {
    supplied(configuration).map(|(name, _)| name.clone()).collect()
}

/// The fingerprint of each sensitive variable under a salt.
#[must_use]
pub fn prints(configuration: &Configuration, salt: &str) -> BTreeMap<String, String> {
    supplied(configuration)
        .map(|(name, supplied)| {
            let secret = supplied.text();
            let salt = format!("{salt}/{name}");
            (name.clone(), pbkdf2(secret.as_bytes(), salt.as_bytes()))
        })
        .collect()
}

fn pbkdf2(secret: &[u8], salt: &[u8]) -> String {
    // A key of any length is fit for HMAC.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    let prf = |data: &[&[u8]]| -> [u8; 32] {
        let mut mac = keyed.clone();
        for part in data {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let mut block = prf(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = block;
    for _ in 1..ROUNDS {
        block = prf(&[&block]);
        for (s, b) in sum.iter_mut().zip(block) {
            *s ^= b;
        }
    }
    data_encoding::HEXLOWER.encode(&sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pbkdf2_is_pbkdf2() {
        // RFC 7914 section 11 has PBKDF2-HMAC-SHA-256 vectors for other round counts; the single
        // block here is checked for being keyed, salted and stable.
        let a = pbkdf2(b"secret", b"salt");
        assert_eq!(a, pbkdf2(b"secret", b"salt"));
        assert_ne!(a, pbkdf2(b"secret", b"other"));
        assert_ne!(a, pbkdf2(b"other", b"salt"));
        assert_eq!(a.len(), 64);
    }
}
