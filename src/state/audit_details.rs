//! What an audit record says beyond who did what, when and why.
//!
//! Each action has a type of its own for that, beside the code that writes it; here is what they have in common. A
//! record is read by other versions than the one that wrote it, and its hash covers every byte: what this version does
//! not know stays as it was read, and a type reads the fields that it knows.

use std::collections::BTreeMap;

use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::error::{StateError, StateFailure};
use super::operation::OperationKind;
use crate::address::ResourceAddr;
use crate::diag::Diagnostic;
use crate::redact::{Audience, Redactions, is_left_of};

/// The details of one audit record, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuditDetails(BTreeMap<String, Json>);

impl AuditDetails {
    /// Of a type whose fields are the details.
    ///
    /// # Errors
    /// It is not written as a JSON object.
    pub fn of(details: &impl Serialize) -> Result<Self, StateError> {
        match serde_json::to_value(details) {
            Ok(Json::Object(entries)) => Ok(Self(entries.into_iter().collect())),
            Ok(_) => Err(malformed("they have no names")),
            Err(error) => Err(malformed(&error.to_string())),
        }
    }

    /// The fields of a type, where the record has them; `None` where one is missing or of another form, as in a
    /// record of another action.
    #[must_use]
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        let entries = self.0.iter().map(|(name, value)| (name.as_str(), value));
        T::deserialize(MapDeserializer::<_, serde_json::Error>::new(entries)).ok()
    }

    /// Whether these, as they were recorded, say what `known` says; what was hidden in them may have been anything.
    pub(super) fn tell(&self, known: &Self) -> bool {
        fn same(recorded: &Json, known: &Json) -> bool {
            match (recorded, known) {
                (Json::String(recorded), Json::String(known)) => is_left_of(recorded, known),
                (Json::Array(recorded), Json::Array(known)) => {
                    recorded.len() == known.len()
                        && recorded.iter().zip(known).all(|(r, k)| same(r, k))
                }
                (Json::Object(recorded), Json::Object(known)) => {
                    recorded.len() == known.len()
                        && recorded
                            .iter()
                            .all(|(name, r)| known.get(name).is_some_and(|k| same(r, k)))
                }
                (recorded, known) => recorded == known,
            }
        }
        self.0.len() == known.0.len()
            && self.0.iter().all(|(name, r)| known.0.get(name).is_some_and(|k| same(r, k)))
    }

    /// Takes secrets out of what people and programs wrote into them.
    pub(super) fn redact(&mut self, redactions: &Redactions) {
        for detail in self.0.values_mut() {
            redactions.json(detail, Audience::Record);
        }
    }
}

fn malformed(why: &str) -> StateError {
    let error =
        Diagnostic::error(format!("the details of an audit record cannot be written: {why}"));
    StateError::new(StateFailure::Invalid, error)
}

/// What a finished apply did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinishDetails<'a> {
    /// What came of each operation that was planned.
    pub operations: Vec<OperationEnd<'a>>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// How one operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationEnd<'a> {
    /// Its number in the plan.
    pub id: u32,
    /// What it does.
    pub op: OperationKind,
    /// To which object.
    pub address: &'a ResourceAddr,
    /// How it ended.
    pub outcome: EndOutcome,
}

/// How an operation ended, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOutcome {
    /// AWS has done it.
    Done,
    /// AWS has not done it.
    Failed,
    /// Whether AWS has done it is not known.
    Unknown,
    /// It was not begun.
    Skipped,
}

/// What a recovery settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecoveryDetails<'a> {
    /// The interrupted runs.
    pub runs: Vec<&'a str>,
    /// Objects that they had made, and that state now holds.
    pub adopted: &'a [ResourceAddr],
    /// Objects that they had not made.
    pub dropped: &'a [ResourceAddr],
}

/// Whose lock was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnlockDetails<'a> {
    /// The ARN of its holder.
    pub held_by: &'a str,
    /// The holder's run.
    pub run: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of before are compared with their hashes: what is written now has the same form.
    #[test]
    fn details_are_written_as_they_always_were() {
        let address: ResourceAddr = "iam_role.a@dev".parse().unwrap();
        let end = |id, outcome| OperationEnd {
            id,
            op: OperationKind::Create,
            address: &address,
            outcome,
        };
        let finished = FinishDetails {
            operations: vec![end(0, EndOutcome::Done), end(1, EndOutcome::Unknown)],
            interrupted: false,
        };
        let adopted = std::slice::from_ref(&address);
        let runs = RecoveryDetails { runs: vec!["r1"], adopted, dropped: &[] };
        let text = |details: AuditDetails| serde_json::to_string(&details).unwrap();
        assert_eq!(
            text(AuditDetails::of(&finished).unwrap()),
            r#"{"interrupted":false,"operations":[{"address":"iam_role.a@dev","id":0,"op":"create","outcome":"done"},{"address":"iam_role.a@dev","id":1,"op":"create","outcome":"unknown"}]}"#
        );
        assert_eq!(
            text(AuditDetails::of(&runs).unwrap()),
            r#"{"adopted":["iam_role.a@dev"],"dropped":[],"runs":["r1"]}"#
        );
        assert_eq!(
            text(AuditDetails::of(&UnlockDetails { held_by: "arn", run: "r1" }).unwrap()),
            r#"{"held_by":"arn","run":"r1"}"#
        );
        assert!(AuditDetails::of(&"a text").is_err());
    }

    #[test]
    fn what_another_version_wrote_survives_and_what_is_known_of_it_is_read() {
        #[derive(Deserialize, PartialEq, Debug)]
        struct Known<'a> {
            run: &'a str,
            count: u64,
        }
        let text = r#"{"count":3,"news":{"z":[1.0,null],"a":18446744073709551615},"run":"r1"}"#;
        let details: AuditDetails = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&details).unwrap(),
            r#"{"count":3,"news":{"a":18446744073709551615,"z":[1.0,null]},"run":"r1"}"#
        );
        assert_eq!(details.read(), Some(Known { run: "r1", count: 3 }));
        for other in [r#"{"run":"r1"}"#, r#"{"run":1,"count":3}"#, r#"{"run":"r1","count":-1}"#] {
            let details: AuditDetails = serde_json::from_str(other).unwrap();
            assert_eq!(details.read::<Known<'_>>(), None, "{other}");
        }
    }
}
