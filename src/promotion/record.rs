//! What one environment remembers: which releases stand there, which of them count as verified, the
//! move that is under way, and whether anything may move at all.
//!
//! The functions here are the only ways a record changes, and each is one step of a move. A step is
//! written before what it announces begins, so that whoever finds a record knows what was under way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gate::Evidence;
use super::variable_prints::VariablePrints;
use crate::eval::release::Digest;
use crate::provider::Caller;
use crate::redact::{Audience, Redactions};

/// Version of the format that is written.
pub const FORMAT: u32 = 1;
/// How many verified releases are remembered to go back to.
const REMEMBERED: usize = 20;

/// `environments/ENV/promotion.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// Which environment it is about.
    pub environment: String,
    /// Random for each write.
    pub write_id: String,
    /// How many moves are finished; each is an object of its own.
    pub moves: u64,
    /// What stands there, by the release's name.
    #[serde(default)]
    pub releases: BTreeMap<String, RecordedRelease>,
    /// Nothing moves in while this is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The move that is under way, or was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ReleaseMove>,
}

/// How one release stands in an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedRelease {
    /// What is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Arrival>,
    /// That the current one counts as verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verification>,
    /// Releases that were verified here before, the newest last.
    #[serde(default)]
    pub before: Vec<Verification>,
    /// Verifications that were taken back, by release.
    #[serde(default)]
    pub revoked: BTreeMap<Digest, Revocation>,
}

/// A release that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Which one.
    pub digest: Digest,
    /// Since when it has been current without a break.
    pub since: Timestamp,
    /// ARN of whoever moved it.
    pub by: String,
    /// Id of the move.
    pub run: String,
    /// On the strength of what it was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<PromotedOn>,
    /// The override that brought it past a closed gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
}

/// That a release counts as verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Which one.
    pub digest: Digest,
    /// Since when, without a break.
    pub since: Timestamp,
    /// When it was looked at last.
    pub checked_at: Timestamp,
    /// What its gates found then; empty where none are declared.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// That a verification was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// ARN of whoever looked.
    pub by: String,
    /// What its gates found.
    pub evidence: Vec<Evidence>,
}

/// Why nothing moves in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// ARN of whoever's move set it.
    pub by: String,
    /// What happened.
    pub why: String,
    /// Id of the move that set it.
    pub run: String,
}

/// What kind of move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// `apply` brought the configured values into the release's entry environment.
    Entry,
    /// `promote` along an edge.
    Promotion,
    /// `rollback` by hand.
    Rollback,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The plan is being carried out.
    Applying,
    /// It is carried out, and verification is watched.
    Verifying,
    /// Verification failed, and the release before it is being brought back.
    Returning,
    /// The end is known and being written down.
    Settling,
}

impl Phase {
    /// What a move does in it, for a sentence: `is being applied`.
    #[must_use]
    pub fn under_way(self) -> &'static str {
        match self {
            Self::Applying => "being applied",
            Self::Verifying => "being verified",
            Self::Returning => "going back",
            Self::Settling => "being written down",
        }
    }
}

/// How a move ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The release is current and counts as verified.
    Verified,
    /// The release is current and does not count as verified.
    Unverified,
    /// The release before it was brought back.
    Returned,
}

/// On the strength of what a release was promoted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromotedOn {
    /// The environment where it was verified.
    pub environment: String,
    /// Since when it was verified there; `None` when an override did without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_since: Option<Timestamp>,
}

/// That somebody went past a closed gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// The recorded reason.
    pub reason: String,
    /// What stood against it: gates as `TYPE.NAME`, `verified` for a release that is not verified
    /// where the edge begins, `hold` for a held environment.
    pub against: Vec<String>,
}

/// The way back of a move whose verification failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Return {
    /// What is brought back.
    pub digest: Digest,
    /// Why.
    pub why: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
}

/// That a run which drove a move ended before the move did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub at: Timestamp,
    /// What it was doing.
    pub phase: Phase,
    /// Why it ended.
    pub why: String,
}

/// One move of one release into one environment: under way in its record, finished in the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseMove {
    /// Random; locks, audit log and state name the same run.
    pub id: String,
    /// Its number in the environment's history, from 1.
    pub number: u64,
    /// What kind.
    pub kind: MoveKind,
    /// The environment.
    pub environment: String,
    /// Label of the edge, for promotions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// On the strength of what, for promotions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<PromotedOn>,
    /// Name of the release.
    pub release: String,
    /// Which one moves in.
    pub digest: Digest,
    /// Which one stood there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Digest of the plan that was approved.
    pub plan: String,
    /// Digest of the configuration that the plan was made of: a resumption needs the same.
    pub configuration: String,
    /// What its sensitive variables were, which neither digest has: a resumption needs the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<VariablePrints>,
    /// Who began it.
    pub author: Caller,
    /// ARNs of those who went on after it was interrupted.
    #[serde(default)]
    pub resumed_by: Vec<String>,
    /// The override, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// The reason that was given for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the edge's gates found.
    #[serde(default)]
    pub gates: Vec<Evidence>,
    /// What the environment's own gates found after it was applied, last look.
    #[serde(default)]
    pub verification: Vec<Evidence>,
    /// When it began.
    pub started_at: Timestamp,
    /// When the plan was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    /// The rollback, where there had to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Return>,
    /// What stopped it on its way and says nothing of the release, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Stop>,
    /// How far it has come.
    pub phase: Phase,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl ReleaseMove {
    /// Takes secrets out of what people wrote into it; what gates found holds none.
    pub(super) fn redact(&mut self, redactions: &Redactions) {
        let texts = [
            self.reason.as_mut(),
            self.overridden.as_mut().map(|o| &mut o.reason),
            self.returned.as_mut().map(|r| &mut r.why),
        ];
        for text in texts.into_iter().flatten() {
            *text = redactions.text(text, Audience::Record).into_owned();
        }
    }

    /// A move that begins: nothing is applied, nothing was asked.
    #[must_use]
    pub fn new(
        kind: MoveKind,
        id: impl Into<String>,
        environment: impl Into<String>,
        release: impl Into<String>,
        digest: Digest,
        author: Caller,
        started_at: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            number: 0,
            kind,
            environment: environment.into(),
            edge: None,
            basis: None,
            release: release.into(),
            digest,
            previous: None,
            plan: String::new(),
            configuration: String::new(),
            variables: None,
            author,
            resumed_by: Vec::new(),
            overridden: None,
            reason: None,
            gates: Vec::new(),
            verification: Vec::new(),
            started_at,
            applied_at: None,
            returned: None,
            stops: Vec::new(),
            phase: Phase::Applying,
            end: None,
            finished_at: None,
        }
    }

    /// The release that has to be in force now: what moves in, or what is brought back.
    #[must_use]
    pub fn in_force(&self) -> &Digest {
        self.returned.as_ref().map_or(&self.digest, |r| &r.digest)
    }
}

impl EnvironmentRecord {
    /// The run that drives the move under way ends here, for a reason that is not the release's.
    pub fn stopped(&mut self, at: Timestamp, why: String) {
        let Some(run) = &mut self.run else { return };
        run.stops.push(Stop { at, phase: run.phase, why });
        let surplus = run.stops.len().saturating_sub(REMEMBERED);
        run.stops.drain(..surplus);
    }

    /// Of an environment into which nothing has moved yet.
    #[must_use]
    pub fn new(environment: impl Into<String>) -> Self {
        Self {
            format: FORMAT,
            environment: environment.into(),
            write_id: String::new(),
            moves: 0,
            releases: BTreeMap::new(),
            hold: None,
            run: None,
        }
    }

    /// Takes secrets out of what people wrote into it.
    pub(super) fn redact(&mut self, redactions: &Redactions) {
        if let Some(run) = &mut self.run {
            run.redact(redactions);
        }
        let overridden = self.releases.values_mut().filter_map(|s| s.current.as_mut());
        let overridden = overridden.filter_map(|arrival| arrival.overridden.as_mut());
        let reasons = overridden.map(|overridden| &mut overridden.reason);
        for text in reasons.chain(self.hold.as_mut().map(|hold| &mut hold.why)) {
            *text = redactions.text(text, Audience::Record).into_owned();
        }
    }

    /// Names of the releases that stand there or are moving in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let moving = self.run.as_ref().map(|run| run.release.as_str());
        let recorded = self.releases.keys().map(String::as_str);
        recorded.chain(moving.filter(|name| !self.releases.contains_key(*name)))
    }

    /// How a release stands.
    #[must_use]
    pub fn recorded(&self, release: &str) -> Option<&RecordedRelease> {
        self.releases.get(release)
    }

    /// The release that is applied.
    #[must_use]
    pub fn current(&self, release: &str) -> Option<&Arrival> {
        self.recorded(release)?.current.as_ref()
    }

    /// That the applied release counts as verified.
    #[must_use]
    pub fn verified(&self, release: &str) -> Option<&Verification> {
        self.recorded(release)?.verified.as_ref()
    }

    /// What the last verification found, of the applied release or, while that waits for its first one, of the release
    /// before it.
    #[must_use]
    pub fn last_verified(&self, release: &str) -> Option<&Verification> {
        let recorded = self.recorded(release)?;
        recorded.verified.as_ref().or_else(|| recorded.before.last())
    }

    /// The release that every plan has to be made with: the applied one, or while a move is under
    /// way the one that moves in, so that a plain `apply` in between undoes nothing.
    #[must_use]
    pub fn in_force(&self, release: &str) -> Option<&Digest> {
        match &self.run {
            Some(run) if run.release == release => Some(run.in_force()),
            _ => self.current(release).map(|a| &a.digest),
        }
    }

    /// The last verified release other than `from`: where a rollback leads.
    #[must_use]
    pub fn rollback_target(&self, release: &str, from: &Digest) -> Option<&Verification> {
        let recorded = self.recorded(release)?;
        let trusted =
            |v: &&Verification| v.digest != *from && !recorded.revoked.contains_key(&v.digest);
        recorded.verified.iter().chain(recorded.before.iter().rev()).find(trusted)
    }

    /// A move begins.
    pub fn begin(&mut self, mut next: ReleaseMove) {
        next.number = self.moves + 1;
        next.phase = Phase::Applying;
        self.run = Some(next);
    }

    /// The plan of the move under way is carried out: its release is current, not yet verified.
    pub fn applied(&mut self, at: Timestamp) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::Verifying;
        run.applied_at = Some(at);
        let arrival = Arrival {
            digest: run.digest.clone(),
            since: at,
            by: run.author.arn.clone(),
            run: run.id.clone(),
            basis: run.basis.clone(),
            overridden: run.overridden.clone(),
        };
        let recorded = self.releases.entry(run.release.clone()).or_default();
        recorded.arrive(arrival);
    }

    /// Verification failed: `back` is to be brought back.
    pub fn turn_back(&mut self, at: Timestamp, back: Digest, why: String, evidence: Vec<Evidence>) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::Returning;
        run.verification = evidence;
        run.returned = Some(Return { digest: back, why, started_at: at, applied_at: None });
    }

    /// What was to be brought back is applied; it is verified again by [`Self::confirm`].
    pub fn turned_back(&mut self, at: Timestamp) {
        let Some(run) = &mut self.run else { return };
        let Some(returned) = &mut run.returned else { return };
        returned.applied_at = Some(at);
        let recorded = self.releases.entry(run.release.clone()).or_default();
        recorded.arrive(Arrival {
            digest: returned.digest.clone(),
            since: at,
            by: run.author.arn.clone(),
            run: run.id.clone(),
            basis: None,
            overridden: None,
        });
    }

    /// The end is known. Of a move that went back, the look that turned it back stays.
    pub fn settle(&mut self, at: Timestamp, end: End, verification: Vec<Evidence>) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::Settling;
        run.end = Some(end);
        run.finished_at = Some(at);
        if run.returned.is_none() {
            run.verification = verification;
        }
    }

    /// The move is written down; nothing is under way any more.
    pub fn close(&mut self) -> Option<ReleaseMove> {
        let run = self.run.take()?;
        self.moves = self.moves.max(run.number);
        Some(run)
    }

    /// Nothing moves in from now on.
    pub fn hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// The applied release was looked at again and still counts, or counts now.
    pub fn confirm(&mut self, release: &str, at: Timestamp, evidence: Vec<Evidence>) {
        let Some(recorded) = self.releases.get_mut(release) else { return };
        let Some(current) = recorded.current.as_ref().map(|c| c.digest.clone()) else { return };
        recorded.confirm(&current, at, evidence);
    }

    /// The applied release was looked at again and does not count any more. True when it did before.
    pub fn revoke(&mut self, release: &str, revocation: Revocation) -> bool {
        let Some(recorded) = self.releases.get_mut(release) else { return false };
        let Some(verified) = recorded.verified.take() else { return false };
        recorded.before.retain(|v| v.digest != verified.digest);
        recorded.revoked.insert(verified.digest, revocation);
        true
    }
}

impl ReleaseMove {
    /// The move as reports show it: fingerprints of sensitive variables are for its resumption alone.
    #[must_use]
    pub fn without_prints(&self) -> Self {
        Self { variables: None, ..self.clone() }
    }
}

impl RecordedRelease {
    /// Another release is current; the one before it is remembered when it was verified. A release
    /// that arrives again keeps its time.
    fn arrive(&mut self, arrival: Arrival) {
        if self.current.as_ref().is_some_and(|c| c.digest == arrival.digest) {
            return;
        }
        if let Some(verified) = self.verified.take() {
            self.before.retain(|v| v.digest != verified.digest);
            self.before.push(verified);
            let surplus = self.before.len().saturating_sub(REMEMBERED);
            self.before.drain(..surplus);
        }
        self.current = Some(arrival);
    }

    fn confirm(&mut self, digest: &Digest, at: Timestamp, evidence: Vec<Evidence>) {
        self.revoked.remove(digest);
        let unbroken = self.verified.as_ref().filter(|v| v.digest == *digest).map(|v| v.since);
        self.verified = Some(Verification {
            digest: digest.clone(),
            since: unbroken.unwrap_or(at),
            checked_at: at,
            evidence,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_has_arrived_is_compared_with_the_one_before_it() {
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
        let digest = |c: &str| -> Digest {
            serde_json::from_value(format!("sha256:{}", c.repeat(64)).into()).expect("a digest")
        };
        let arrival = |of: &Digest| Arrival {
            digest: of.clone(),
            since: at,
            by: "ann".to_owned(),
            run: "r".to_owned(),
            basis: None,
            overridden: None,
        };
        let mut record = EnvironmentRecord::new("staging");
        let (first, second) = (digest("1"), digest("2"));
        let of = |record: &EnvironmentRecord| record.last_verified("app").map(|v| v.digest.clone());
        record.releases.entry("app".to_owned()).or_default().arrive(arrival(&first));
        assert_eq!(of(&record), None);
        record.confirm("app", at, Vec::new());
        assert_eq!(of(&record), Some(first.clone()));
        record.releases.entry("app".to_owned()).or_default().arrive(arrival(&second));
        assert_eq!(of(&record), Some(first));
        record.confirm("app", at, Vec::new());
        assert_eq!(of(&record), Some(second));
    }
}
