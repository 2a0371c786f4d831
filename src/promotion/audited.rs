//! What the audit log says of moves, gates, approvals and holds, beside who did it and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gate::approval::Consent;
use super::gate::{Evidence, GateOutcome};
use super::record::{Hold, Override, ReleaseMove};
use crate::eval::release::Digest;

/// Gates by their names, and how they stood.
pub type GateOutcomes<'a> = BTreeMap<&'a str, GateOutcome>;

/// How gates stood.
#[must_use]
pub fn outcomes(evidence: &[Evidence]) -> GateOutcomes<'_> {
    evidence.iter().map(|one| (one.gate.as_str(), one.outcome)).collect()
}

/// A move that is over.
#[derive(Clone, Debug, Serialize)]
pub struct MoveDetails<'a> {
    environment: &'a str,
    release: &'a str,
    digest: &'a Digest,
    #[serde(rename = "move")]
    number: u64,
    gates: GateOutcomes<'a>,
    verification: GateOutcomes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overridden: Option<&'a Override>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned_to: Option<&'a Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl<'a> MoveDetails<'a> {
    /// Of its record, and the hash of the object that holds it. Records of earlier versions have no hash.
    #[must_use]
    pub fn of(run: &'a ReleaseMove, content: Option<&'a str>) -> Self {
        Self {
            environment: &run.environment,
            release: &run.release,
            digest: &run.digest,
            number: run.number,
            gates: outcomes(&run.gates),
            verification: outcomes(&run.verification),
            edge: run.edge.as_deref(),
            previous: run.previous.as_ref(),
            overridden: run.overridden.as_ref(),
            returned_to: run.returned.as_ref().map(|returned| &returned.digest),
            content,
        }
    }
}

/// What is read of [`MoveDetails`] where the whole move is compared.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct MoveContent<'a> {
    /// Hash of the object that holds it.
    pub content: &'a str,
}

/// Which move a record is about, for every record of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct MoveName<'a> {
    /// The environment into which it goes.
    pub environment: &'a str,
    /// Its number there.
    #[serde(rename = "move")]
    pub number: u64,
}

/// A promotion that closed gates refused, with what they saw.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalDetails<'a> {
    /// The edge.
    pub edge: &'a str,
    /// The environment into which it goes.
    pub environment: &'a str,
    /// The release.
    pub release: &'a str,
    /// Which one of that name.
    pub digest: &'a Digest,
    /// What the gates saw.
    pub gates: &'a [Evidence],
}

/// A release that was verified once more.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationDetails<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The release.
    pub release: &'a str,
    /// Which one of that name.
    pub digest: &'a Digest,
    /// How the gates stood.
    pub verification: GateOutcomes<'a>,
}

/// The action of a record of an approval.
pub const APPROVED: &str = "approved";

/// The action of a record of an approval that was taken back.
pub const REVOKED: &str = "approval_revoked";

/// The action of the record of what somebody said.
#[must_use]
pub fn action_of(consent: Consent) -> &'static str {
    match consent {
        Consent::Approve => APPROVED,
        Consent::Revoke => REVOKED,
    }
}

/// An approval that was given or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDetails<'a> {
    /// The edge.
    pub edge: &'a str,
    /// The release.
    #[serde(default)]
    pub release: &'a str,
    /// Which one of that name.
    pub digest: &'a str,
    /// Who, by the id that AWS never gives again.
    pub user_id: &'a str,
}

/// What is read of [`HoldDetails`].
#[derive(Clone, Debug, Deserialize)]
pub struct LiftedHold {
    /// The environment.
    pub environment: String,
    /// What it said.
    pub hold: Hold,
}

/// The action of the record of a hold that was lifted.
pub const HOLD_LIFTED: &str = "hold_released";

/// A hold that was lifted.
#[derive(Clone, Debug, Serialize)]
pub struct HoldDetails<'a> {
    /// The environment.
    pub environment: &'a str,
    /// What it said.
    pub hold: &'a Hold,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::promotion::record::MoveKind;
    use crate::provider::Caller;
    use crate::state::AuditDetails;

    fn text(details: &impl Serialize) -> String {
        serde_json::to_string(&AuditDetails::of(details).unwrap()).unwrap()
    }

    /// Records of before are compared with their hashes: what is written now has the same form.
    #[test]
    fn details_are_written_as_they_always_were() {
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let author = Caller {
            account: "111111111111".parse().unwrap(),
            arn: "arn:aws:iam::111111111111:user/ann".to_owned(),
            user_id: "AIDAANN".to_owned(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let mut run =
            ReleaseMove::new(MoveKind::Promotion, "m", "dev", "app", digest.clone(), author, at);
        run.number = 7;
        let gate = |outcome| Evidence {
            gate: "soak".to_owned(),
            outcome,
            summary: "one line".to_owned(),
            detail: json!({"z": 1, "a": 2}),
            at,
        };
        run.gates = vec![gate(GateOutcome::Passed)];
        assert_eq!(
            text(&MoveDetails::of(&run, None)),
            format!(
                r#"{{"digest":"{digest}","environment":"dev","gates":{{"soak":"passed"}},"move":7,"release":"app","verification":{{}}}}"#
            )
        );
        run.edge = Some("to_dev".to_owned());
        run.previous = Some(digest.clone());
        let details = AuditDetails::of(&MoveDetails::of(&run, None)).unwrap();
        assert_eq!(
            serde_json::to_string(&details).unwrap(),
            format!(
                r#"{{"digest":"{digest}","edge":"to_dev","environment":"dev","gates":{{"soak":"passed"}},"move":7,"previous":"{digest}","release":"app","verification":{{}}}}"#
            )
        );
        assert_eq!(details.read(), Some(MoveName { environment: "dev", number: 7 }));
        assert!(details.read::<MoveContent<'_>>().is_none());
        let details = AuditDetails::of(&MoveDetails::of(&run, Some("sha256:ab"))).unwrap();
        assert_eq!(details.read().map(|MoveContent { content }| content), Some("sha256:ab"));
        let refusal = RefusalDetails {
            edge: "to_dev",
            environment: "dev",
            release: "app",
            digest: &digest,
            gates: &[gate(GateOutcome::Failed)],
        };
        assert_eq!(
            text(&refusal),
            format!(
                r#"{{"digest":"{digest}","edge":"to_dev","environment":"dev","gates":[{{"at":"1970-01-01T00:00:00Z","detail":{{"a":2,"z":1}},"gate":"soak","outcome":"failed","summary":"one line"}}],"release":"app"}}"#
            )
        );
        let approval = ApprovalDetails {
            edge: "to_dev",
            release: "app",
            digest: digest.as_str(),
            user_id: "A",
        };
        let details = AuditDetails::of(&approval).unwrap();
        assert_eq!(
            serde_json::to_string(&details).unwrap(),
            format!(r#"{{"digest":"{digest}","edge":"to_dev","release":"app","user_id":"A"}}"#)
        );
        assert_eq!(details.read(), Some(approval));
        assert_eq!(details.read::<MoveName<'_>>(), None);
    }
}
