//! How well promotions went, computed from what is recorded: moves in the environments' histories,
//! and what each apply saw, in the audit log.

use jiff::Timestamp;
use serde::Serialize;

use super::record::{End, MoveKind, ReleaseMove};
use crate::plan::model::{Seen, SeenObjects, StartDetails};
use crate::state::audit::Record;

/// The figures; absent where nothing is recorded to compute them from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Finished promotions.
    pub promotions: usize,
    /// Those after which the release stood verified in the target.
    pub promotions_succeeded: usize,
    /// Of 100, two decimals.
    pub promotion_success_percent: Option<f64>,
    /// From the beginning of a successful promotion to its verification.
    pub promotion_time: Option<Spread>,
    /// Finished rollbacks, by hand and after a failed verification.
    pub rollbacks: usize,
    /// From the beginning of a rollback to its end.
    pub rollback_time: Option<Spread>,
    /// Plans that were applied.
    pub applies: usize,
    /// Managed objects that were read and as recorded when those plans were made, of 100; two decimals.
    pub configuration_consistency_percent: Option<f64>,
    /// Of those plans, the ones that left no isolation rule broken, of 100; two decimals.
    pub isolation_compliance_percent: Option<f64>,
}

/// Times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half took no longer.
    pub median_seconds: i64,
    /// The longest.
    pub worst_seconds: i64,
}

impl Spread {
    fn of(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let median = seconds.get(seconds.len().checked_sub(1)? / 2)?;
        Some(Self { median_seconds: *median, worst_seconds: *seconds.last()? })
    }
}

/// Computes the figures of what ended at or after `since`: of these moves, and of the applies to
/// these environments, or of all applies where none is named.
#[must_use]
pub fn figures(
    moves: &[ReleaseMove],
    records: &[Record],
    since: Option<Timestamp>,
    environments: &[String],
) -> Figures {
    let counts = |at: Timestamp| since.is_none_or(|since| at >= since);
    let mut figures = Figures::default();
    let (mut forward, mut back) = (Vec::new(), Vec::new());
    for one in moves {
        let Some(end) = one.finished_at.filter(|at| counts(*at)) else { continue };
        match one.kind {
            MoveKind::Promotion => {
                figures.promotions += 1;
                if one.end == Some(End::Verified) {
                    figures.promotions_succeeded += 1;
                    forward.push(seconds(one.started_at, end));
                }
                if let Some(returned) = &one.returned {
                    figures.rollbacks += 1;
                    back.push(seconds(returned.started_at, end));
                }
            }
            MoveKind::Rollback => {
                figures.rollbacks += 1;
                back.push(seconds(one.started_at, end));
            }
            MoveKind::Entry => {}
        }
    }
    let (mut managed, mut consistent, mut judged, mut compliant) = (0, 0, 0, 0);
    for record in records.iter().filter(|r| counts(r.event.at)) {
        let Some(seen) = seen(record) else { continue };
        let objects: Vec<SeenObjects> = if environments.is_empty() {
            vec![seen.objects]
        } else {
            environments.iter().filter_map(|name| seen.environments.get(name)).copied().collect()
        };
        if objects.is_empty() {
            continue;
        }
        figures.applies += 1;
        for one in objects {
            managed += one.managed;
            consistent += one.managed.saturating_sub(one.drifted).saturating_sub(one.unread);
        }
        if let Some(violations) = seen.violations {
            judged += 1;
            compliant += usize::from(violations == 0);
        }
    }
    figures.promotion_success_percent = percent(figures.promotions_succeeded, figures.promotions);
    figures.promotion_time = Spread::of(forward);
    figures.rollback_time = Spread::of(back);
    figures.configuration_consistency_percent = percent(consistent, managed);
    figures.isolation_compliance_percent = percent(compliant, judged);
    figures
}

/// What an apply saw when it began.
fn seen(record: &Record) -> Option<Seen> {
    record.event.details.read::<StartDetails>().map(|details| details.seen)
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}

/// Two decimals, never rounded up to 100.
fn percent(part: usize, whole: usize) -> Option<f64> {
    let hundredths = part.min(whole).checked_mul(10_000)?.checked_div(whole)?;
    Some(f64::from(u32::try_from(hundredths).ok()?) / 100.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::promotion::record::Return;
    use crate::provider::Caller;
    use crate::state::{AuditDetails, AuditEvent};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn digest() -> crate::promotion::Digest {
        format!("sha256:{}", "0".repeat(64)).parse().unwrap()
    }

    fn finished(kind: MoveKind, from: i64, to: i64, end: End) -> ReleaseMove {
        let author = Caller {
            account: "111111111111".parse().unwrap(),
            arn: "arn:aws:iam::111111111111:user/ann".to_owned(),
            user_id: "AIDAANN".to_owned(),
        };
        let mut one = ReleaseMove::new(kind, "m", "production", "app", digest(), author, at(from));
        one.end = Some(end);
        one.finished_at = Some(at(to));
        one
    }

    fn applied(minute: i64, seen: serde_json::Value) -> Record {
        let event = AuditEvent {
            at: at(minute),
            who: "somebody".to_owned(),
            run: "r".to_owned(),
            action: "apply_started".to_owned(),
            plan: None,
            reason: None,
            scopes: Vec::new(),
            details: AuditDetails::of(&BTreeMap::from([("seen", seen)])).unwrap(),
        };
        Record {
            number: 1,
            previous: String::new(),
            write_id: String::new(),
            lineage: String::new(),
            event,
            hash: String::new(),
        }
    }

    #[test]
    fn nothing_recorded_claims_nothing() {
        assert_eq!(figures(&[], &[], None, &[]), Figures::default());
        // Records are hostile input: what cannot be read counts for nothing.
        let odd = [applied(0, json!({"managed": -1})), applied(0, json!("x"))];
        assert_eq!(figures(&[], &odd, None, &[]), Figures::default());
    }

    #[test]
    fn successes_times_and_since() {
        let mut back = finished(MoveKind::Promotion, 30, 50, End::Returned);
        back.returned = Some(Return {
            digest: digest(),
            why: "verification failed".to_owned(),
            started_at: at(45),
            applied_at: Some(at(48)),
        });
        let moves = [
            finished(MoveKind::Entry, 0, 1, End::Verified),
            finished(MoveKind::Promotion, 0, 4, End::Verified),
            finished(MoveKind::Promotion, 10, 20, End::Verified),
            finished(MoveKind::Promotion, 20, 26, End::Verified),
            back,
            finished(MoveKind::Rollback, 60, 63, End::Verified),
        ];
        let records = [
            applied(0, json!({"managed": 10, "drifted": 0, "violations": 0})),
            applied(40, json!({"managed": 10, "drifted": 1, "violations": 2})),
            applied(41, json!({"managed": 20, "drifted": 0, "violations": null})),
        ];
        let all = figures(&moves, &records, None, &[]);
        assert_eq!((all.promotions, all.promotions_succeeded), (4, 3));
        assert_eq!(all.promotion_success_percent, Some(75.0));
        let forward = all.promotion_time.unwrap();
        assert_eq!((forward.median_seconds, forward.worst_seconds), (360, 600));
        let back = all.rollback_time.unwrap();
        assert_eq!((all.rollbacks, back.median_seconds, back.worst_seconds), (2, 180, 300));
        assert_eq!(all.configuration_consistency_percent, Some(97.5));
        assert_eq!(all.isolation_compliance_percent, Some(50.0));

        // Of environments only what their own plans saw counts.
        let records = [
            applied(
                0,
                json!({"managed": 9, "drifted": 1, "violations": 0, "environments":
                {"dev": {"managed": 5, "drifted": 1}, "staging": {"managed": 4, "drifted": 0}}}),
            ),
            applied(
                1,
                json!({"managed": 4, "drifted": 2, "violations": 1, "environments":
                {"staging": {"managed": 4, "drifted": 2}}}),
            ),
            applied(2, json!({"managed": 4, "drifted": 4, "violations": 1})),
        ];
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = figures(&[], &records, None, &names);
            let consistent = found.configuration_consistency_percent;
            (found.applies, consistent, found.isolation_compliance_percent)
        };
        assert_eq!(of(&["dev"]), (1, Some(80.0), Some(100.0)));
        assert_eq!(of(&["staging"]), (2, Some(75.0), Some(50.0)));
        assert_eq!(of(&["dev", "staging"]), (2, Some(76.92), Some(50.0)));
        assert_eq!(of(&["production"]), (0, None, None));
    }

    #[test]
    fn since_counts_from_the_moment_itself() {
        let moves = [
            finished(MoveKind::Promotion, 20, 26, End::Verified),
            finished(MoveKind::Promotion, 30, 50, End::Returned),
        ];
        let records = [
            applied(40, json!({"managed": 10, "drifted": 1, "violations": 2})),
            applied(41, json!({"managed": 20, "drifted": 0, "violations": null})),
        ];
        let late = figures(&moves, &records, Some(at(26)), &[]);
        assert_eq!((late.promotions, late.promotions_succeeded), (2, 1));
        assert_eq!(late.configuration_consistency_percent, Some(96.66));
        assert_eq!(late.isolation_compliance_percent, Some(0.0));
    }
}
