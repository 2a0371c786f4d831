//! Fingerprints of sensitive values: what state remembers in place of a secret.
//!
//! HMAC-SHA-256 under a random key that is an object of its own, readable by apply roles only, so
//! that a reader of a state or a plan cannot try out guesses. Where the key lies beside the state, in a
//! local directory and in the sandbox, a reader of one is a reader of the other, and can.
//!
//! A fingerprint is bound to the address of its object: `hmac-sha256:v2:SALT:HMAC`, the salt made of the
//! address and part of what is hashed, so that one secret in two places shows as two fingerprints. An
//! object that is renamed keeps its salt. Earlier versions wrote `hmac-sha256:HMAC`; both are compared.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::value::Value;

use super::error::{StateError, StateFailure};
use super::json::{encode, refuse_newer};
use super::layout;
use super::ledger::Ledger;
use super::scopes::FORMAT;
use super::store::{Cas, WriteCondition};

/// How a fingerprint starts.
pub const PREFIX: &str = "hmac-sha256:";

/// `keys/fingerprint.json`.
#[derive(Clone, Serialize, Deserialize)]
struct Key {
    format: u32,
    write_id: String,
    key: String,
}

/// Makes fingerprints.
#[derive(Clone)]
pub struct Fingerprinter {
    key: Vec<u8>,
    salt: Option<String>,
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprinter")
    }
}

impl Fingerprinter {
    /// Under a key of 32 bytes or more.
    #[must_use]
    pub fn new(key: Vec<u8>) -> Self {
        Self { key, salt: None }
    }

    /// The same for the object at an address.
    #[must_use]
    pub fn at(&self, address: &ResourceAddr) -> Self {
        let digest = Sha256::digest(address.canonical().as_bytes());
        let salt = data_encoding::BASE32_NOPAD.encode(digest.get(..10).unwrap_or_default());
        Self { key: self.key.clone(), salt: Some(salt) }
    }

    /// The fingerprint of a text.
    #[must_use]
    pub fn text(&self, secret: &str) -> String {
        self.salted(self.salt.as_deref(), secret)
    }

    fn salted(&self, salt: Option<&str>, secret: &str) -> String {
        // A key of any length is fit for HMAC; the error cannot occur and would leave nothing to show.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        if let Some(salt) = salt {
            mac.update(salt.as_bytes());
            mac.update(&[0]);
        }
        mac.update(secret.as_bytes());
        let hmac = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        match salt {
            Some(salt) => format!("{PREFIX}v2:{salt}:{hmac}"),
            None => format!("{PREFIX}{hmac}"),
        }
    }

    /// Whether a fingerprint of either form is that of a text.
    #[must_use]
    pub fn is_of(&self, fingerprint: &str, secret: &str) -> bool {
        let salt = fingerprint
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix("v2:")?.split_once(':'))
            .map(|(salt, _)| salt);
        self.salted(salt, secret) == fingerprint
    }

    /// A value as state keeps it: whatever is sensitive replaced by its fingerprint.
    #[must_use]
    pub fn conceal(&self, value: &Value) -> Json {
        match value {
            Value::Sensitive(inner) => json!({ "fingerprint": self.text(&text_of(inner)) }),
            Value::List(list) => list.iter().map(|v| self.conceal(v)).collect(),
            Value::Set(set) => set.iter().map(|v| self.conceal(v)).collect(),
            Value::Map(map) => {
                Json::Object(map.iter().map(|(k, v)| (k.clone(), self.conceal(v))).collect())
            }
            other => other.to_json(),
        }
    }
}

/// What is fingerprinted of a sensitive value.
#[must_use]
pub fn text_of(value: &Value) -> String {
    value.reveal().as_str().map_or_else(|| value.to_json().to_string(), str::to_owned)
}

/// Whether a recorded value stands for one that state does not hold.
#[must_use]
pub fn is_fingerprint(value: &Value) -> bool {
    let print = value.as_map().and_then(|kept| kept.get("fingerprint")?.as_str());
    print.is_some_and(|print| print.starts_with(PREFIX))
}

/// `walked` with another value wherever `recorded` holds a fingerprint and `walked` holds something: what `put` makes of the
/// two.
fn at_fingerprints(
    recorded: &Value,
    walked: &Value,
    put: &dyn Fn(&Value, &Value) -> Value,
) -> Value {
    match (recorded, walked) {
        (recorded, walked) if is_fingerprint(recorded) && !walked.is_null() => {
            put(recorded, walked)
        }
        (Value::Map(recorded), Value::Map(walked)) => {
            let part = |(key, value): (&String, &Value)| {
                let value = match recorded.get(key) {
                    Some(recorded) => at_fingerprints(recorded, value, put),
                    None => value.clone(),
                };
                (key.clone(), value)
            };
            // A part that is never read back is where it was recorded.
            let unread = recorded.iter().filter(|(key, value)| {
                is_fingerprint(value) && walked.get(key).is_none_or(Value::is_null)
            });
            let unread = unread.map(|(key, value)| (key.clone(), put(value, &Value::Null)));
            Value::Map(walked.iter().map(part).chain(unread).collect())
        }
        (Value::List(recorded), Value::List(walked)) if recorded.len() == walked.len() => {
            let pairs = recorded.iter().zip(walked);
            Value::List(pairs.map(|(r, w)| at_fingerprints(r, w, put)).collect())
        }
        (_, walked) => walked.clone(),
    }
}

/// A value as it was read, sensitive wherever state recorded a fingerprint in place of a part of it.
#[must_use]
pub fn veiled(recorded: &Value, live: &Value) -> Value {
    at_fingerprints(recorded, live, &|_, live| match live {
        Value::Null => Value::Null,
        live => live.clone().sensitive(),
    })
}

/// A value as it was read, without a difference to what was recorded wherever that is a fingerprint: by a fingerprint nobody
/// can tell whether the value has changed.
#[must_use]
pub fn unchanged(recorded: &Value, live: &Value) -> Value {
    at_fingerprints(recorded, live, &|recorded, _| recorded.clone())
}

/// What is recorded of a value that was read: fingerprints that were recorded of parts of it stay.
#[must_use]
pub fn kept(recorded: Option<&Value>, live: &Value) -> Json {
    // Nothing is compared with a fingerprint of what was read, so any key will do.
    let prints = Fingerprinter::new(vec![0; 32]);
    match recorded {
        Some(recorded) => prints.conceal(&unchanged(recorded, live)),
        None => prints.conceal(live),
    }
}

impl Ledger {
    /// The fingerprinter of this backend; its key is made with the first apply. For the write path only.
    ///
    /// # Errors
    /// The store cannot be used, or the key is damaged.
    pub async fn fingerprinter(&self) -> Result<Fingerprinter, StateError> {
        if self.store().get(layout::FINGERPRINT).await?.is_none() {
            let bytes: [u8; 32] = rand::random();
            let key = Key {
                format: FORMAT,
                write_id: uuid::Uuid::new_v4().to_string(),
                key: data_encoding::BASE64.encode(&bytes),
            };
            match self.swap(layout::FINGERPRINT, &encode(&key)?, &WriteCondition::Absent).await? {
                Cas::Won(_) | Cas::Lost(Some(_)) => {}
                Cas::Lost(None) => return Err(StateError::conflict("the key of fingerprints")),
            }
        }
        self.existing_fingerprinter().await?.ok_or_else(damaged)
    }

    /// The fingerprinter of this backend, where there is one already. For those who only read, too,
    /// where they may read its key.
    ///
    /// # Errors
    /// The store cannot be used, the key may not be read, or it is damaged.
    pub async fn existing_fingerprinter(&self) -> Result<Option<Fingerprinter>, StateError> {
        let Some(object) = self.store().get(layout::FINGERPRINT).await? else { return Ok(None) };
        refuse_newer(&format!("`{}`", layout::FINGERPRINT), &object)?;
        let key: Key = self.decode(layout::FINGERPRINT, &object)?;
        let bytes = data_encoding::BASE64.decode(key.key.as_bytes()).ok();
        let bytes = bytes.filter(|bytes| bytes.len() >= 32).ok_or_else(damaged)?;
        Ok(Some(Fingerprinter::new(bytes)))
    }
}

fn damaged() -> StateError {
    StateError::new(
        StateFailure::Invalid,
        Diagnostic::error(format!("`{}` is damaged", layout::FINGERPRINT)).help(
            "restore an earlier version of the object: with another key every secret looks changed",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_parts_are_replaced_and_equal_secrets_look_equal() {
        let prints = Fingerprinter::new(vec![7; 32]);
        let value = Value::Map(
            [
                ("plain".to_owned(), Value::string("seen")),
                ("secret".to_owned(), Value::string("hunter2").sensitive()),
            ]
            .into(),
        );
        let concealed = prints.conceal(&value);
        assert_eq!(concealed["plain"], "seen");
        assert!(!concealed.to_string().contains("hunter2"));
        assert_eq!(concealed["secret"]["fingerprint"], prints.text("hunter2"));
        assert_ne!(prints.text("hunter2"), Fingerprinter::new(vec![8; 32]).text("hunter2"));
    }

    #[test]
    fn one_secret_at_two_addresses_has_two_fingerprints() {
        let prints = Fingerprinter::new(vec![7; 32]);
        let at = |address: &str| prints.at(&address.parse().unwrap()).text("hunter2");
        let (one, other) = (at("iam_role.a@dev"), at("iam_role.b@dev"));
        assert_ne!(one.rsplit(':').next(), other.rsplit(':').next());
        // Whatever address asks, and whichever version wrote it.
        for print in [one, other, prints.text("hunter2")] {
            assert!(prints.is_of(&print, "hunter2") && !prints.is_of(&print, "hunter3"), "{print}");
        }
        assert!(!prints.is_of("hmac-sha256:v2:x", "hunter2"));
    }
}
