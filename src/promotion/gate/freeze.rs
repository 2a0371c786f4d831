//! `freeze`: now is outside every window in which nothing moves.
//!
//! Windows are written in local time. Where the clocks go back, a window is as long as either
//! reading makes it; where they go forward, what falls into the gap starts or ends at its edge.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::block::{GateBlock, text_of};
use super::context::{GateContext, Purpose};
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::diag::Diagnostic;
use crate::schema::{Body, civil, gates};

/// How many windows may follow each other without a break before the end is not searched further.
const LINKED: usize = 400;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::FREEZE,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: true,
    judged_again: true,
    read: |block| Box::new(Freeze::read(block)),
};

/// The windows.
#[derive(Clone, Debug)]
struct Freeze {
    zone: TimeZone,
    zone_name: String,
    permits_rollback: bool,
    windows: Vec<Window>,
}

/// A time in which nothing moves: what all its parts have in common.
#[derive(Clone, Debug, Default)]
struct Window {
    /// First moment.
    from: Option<DateTime>,
    /// The moment after the last.
    to: Option<DateTime>,
    /// The days on which `hours`, or the whole day, count; every day when empty.
    weekdays: BTreeSet<i8>,
    hours: Option<(Time, Time)>,
    reason: Option<String>,
}

/// A stretch of time, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
}

impl Freeze {
    fn read(block: &mut GateBlock<'_>) -> Self {
        let zone_name = block.text("timezone").unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZoneDatabase::bundled().get(&zone_name).unwrap_or_else(|_| {
            block.diagnostics.push(
                Diagnostic::error(format!("`{zone_name}` is no time zone"))
                    .at(block.body.loc_of("timezone").clone())
                    .help("write an IANA name such as `Europe/Berlin`, or `UTC`"),
            );
            TimeZone::UTC
        });
        let permits = block.texts("permits").unwrap_or_default();
        let windows = block.body.nested("window").map(|w| Window::read(&w.body)).collect();
        Self { zone, zone_name, permits_rollback: permits.iter().any(|p| p == "rollback"), windows }
    }

    /// The first moment after `now` that no window covers; `None` when there is none in sight.
    fn open_again(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        for _ in 0..LINKED {
            let ends = self.windows.iter().filter_map(|w| w.covering(&self.zone, at));
            match ends.map(|s| s.to).max() {
                None => return Some(at),
                Some(end) if end == Timestamp::MAX => return None,
                Some(end) => at = end,
            }
        }
        None
    }
}

#[async_trait]
impl Gate for Freeze {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let local = self.zone.to_datetime(context.now);
        let zone = &self.zone_name;
        let Some(window) =
            self.windows.iter().find(|w| w.covering(&self.zone, context.now).is_some())
        else {
            return GateFinding::new(
                GateOutcome::Passed,
                format!("no freeze at {local} {zone}"),
                json!({"local": local, "timezone": zone}),
            );
        };
        let until = self.open_again(context.now);
        let reason = window.reason.as_deref();
        let detail = json!({
            "local": local, "timezone": zone, "until": until, "reason": reason,
            "permits": if self.permits_rollback { vec!["rollback"] } else { Vec::new() },
        });
        let because = reason.map(|r| format!(": {r}")).unwrap_or_default();
        let end = until.map_or("without an end".to_owned(), |u| {
            format!("until {} {zone}", self.zone.to_datetime(u))
        });
        if context.purpose == Purpose::Rollback && self.permits_rollback {
            let summary = format!("frozen {end}, which permits a rollback{because}");
            return GateFinding::new(GateOutcome::Passed, summary, detail);
        }
        GateFinding::new(GateOutcome::Waiting, format!("frozen {end}{because}"), detail)
    }
}

impl Window {
    fn read(body: &Body) -> Self {
        let text = |name: &str| body.get(name).and_then(|a| text_of(&a.value));
        let days = body.get("weekdays").and_then(|a| a.value.elements()).unwrap_or_default();
        let weekdays = days
            .into_iter()
            .filter_map(text_of)
            .filter_map(|day| civil::WEEKDAYS.iter().position(|w| *w == day))
            .filter_map(|at| i8::try_from(at).ok())
            .collect();
        let to = text("to").and_then(|text| match civil::date(&text) {
            // The last day belongs to the window.
            Some(day) => day.tomorrow().ok().map(|d| d.at(0, 0, 0, 0)),
            None => civil::moment(&text),
        });
        Self {
            from: text("from").and_then(|t| civil::moment(&t)),
            to,
            weekdays,
            hours: text("hours").and_then(|t| civil::hours(&t)),
            reason: text("reason"),
        }
    }

    /// The stretch of this window that covers a moment.
    fn covering(&self, zone: &TimeZone, now: Timestamp) -> Option<Stretch> {
        let whole = Stretch {
            from: self.from.map_or(Timestamp::MIN, |from| starts(zone, from)),
            to: self.to.map_or(Timestamp::MAX, |to| ends(zone, to)),
        };
        let daily = if self.weekdays.is_empty() && self.hours.is_none() {
            whole
        } else {
            // Hours over midnight belong to the day on which they start.
            let today = zone.to_datetime(now).date();
            let days = [today.yesterday().ok(), Some(today)].into_iter().flatten();
            days.filter(|day| self.is_on(*day))
                .filter_map(|day| self.on(zone, day))
                .filter(|s| s.covers(now))
                .max_by_key(|s| s.to)?
        };
        let both = Stretch { from: whole.from.max(daily.from), to: whole.to.min(daily.to) };
        both.covers(now).then_some(both)
    }

    fn is_on(&self, day: Date) -> bool {
        let number = day.weekday().since(Weekday::Monday);
        self.weekdays.is_empty() || self.weekdays.contains(&number)
    }

    /// Its hours on one day; the whole day where it has none.
    fn on(&self, zone: &TimeZone, day: Date) -> Option<Stretch> {
        let midnight = Time::midnight();
        let (from, to) = self.hours.unwrap_or((midnight, midnight));
        let last = if to <= from { day.checked_add(1.day()).ok()? } else { day };
        Some(Stretch {
            from: starts(zone, day.to_datetime(from)),
            to: ends(zone, last.to_datetime(to)),
        })
    }
}

impl Stretch {
    fn covers(self, now: Timestamp) -> bool {
        self.from <= now && now < self.to
    }
}

/// The moment at which something starts in local time: the first of two, or the end of the gap.
fn starts(zone: &TimeZone, at: DateTime) -> Timestamp {
    moment(zone, at, true).unwrap_or(Timestamp::MIN)
}

/// The moment at which something ends in local time: the second of two, or the end of the gap.
fn ends(zone: &TimeZone, at: DateTime) -> Timestamp {
    moment(zone, at, false).unwrap_or(Timestamp::MAX)
}

fn moment(zone: &TimeZone, at: DateTime, first: bool) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().ok(),
        AmbiguousOffset::Fold { .. } if first => ambiguous.earlier().ok(),
        AmbiguousOffset::Fold { .. } => ambiguous.later().ok(),
        // With the offset after the gap, a time inside it lies before the change.
        AmbiguousOffset::Gap { after, .. } => {
            let before = after.to_timestamp(at).ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freeze(zone: &str, windows: Vec<Window>) -> Freeze {
        Freeze {
            zone: TimeZoneDatabase::bundled().get(zone).unwrap(),
            zone_name: zone.to_owned(),
            permits_rollback: false,
            windows,
        }
    }

    fn window(from: Option<&str>, to: Option<&str>, days: &[i8], hours: Option<&str>) -> Window {
        Window {
            from: from.map(|t| civil::moment(t).unwrap()),
            to: to.map(|t| civil::moment(t).unwrap()),
            weekdays: days.iter().copied().collect(),
            hours: hours.map(|h| civil::hours(h).unwrap()),
            reason: None,
        }
    }

    /// Until when it is frozen at a moment; `open` when it is not.
    #[track_caller]
    fn at(freeze: &Freeze, now: &str) -> String {
        let now: Timestamp = now.parse().unwrap();
        let frozen = freeze.windows.iter().any(|w| w.covering(&freeze.zone, now).is_some());
        match (frozen, freeze.open_again(now)) {
            (false, _) => "open".to_owned(),
            (true, Some(until)) => until.to_string(),
            (true, None) => "for ever".to_owned(),
        }
    }

    #[test]
    fn weekends_end_on_monday_morning() {
        let weekend = freeze("Europe/Dublin", vec![window(None, None, &[5, 6], None)]);
        assert_eq!(at(&weekend, "2026-11-27T23:59:59Z"), "open");
        assert_eq!(at(&weekend, "2026-11-28T00:00:00Z"), "2026-11-30T00:00:00Z");
        assert_eq!(at(&weekend, "2026-11-29T23:59:59Z"), "2026-11-30T00:00:00Z");
        assert_eq!(at(&weekend, "2026-11-30T00:00:00Z"), "open");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_start() {
        let friday = freeze("UTC", vec![window(None, None, &[4], Some("18:00-06:00"))]);
        assert_eq!(at(&friday, "2026-11-27T17:59:00Z"), "open");
        assert_eq!(at(&friday, "2026-11-27T18:00:00Z"), "2026-11-28T06:00:00Z");
        assert_eq!(at(&friday, "2026-11-28T05:59:00Z"), "2026-11-28T06:00:00Z");
        assert_eq!(at(&friday, "2026-11-28T18:30:00Z"), "open");
        assert_eq!(at(&friday, "2026-11-27T05:00:00Z"), "open");
    }

    #[test]
    fn windows_that_touch_are_one() {
        let nights = window(None, None, &[], Some("18:00-06:00"));
        let weekend = window(None, None, &[5, 6], None);
        let both = freeze("UTC", vec![nights, weekend]);
        // Friday evening, the weekend, and the night before Monday's morning.
        assert_eq!(at(&both, "2026-11-27T20:00:00Z"), "2026-11-30T06:00:00Z");
        let always = freeze("UTC", vec![window(None, None, &[], Some("00:00-00:00"))]);
        assert_eq!(at(&always, "2026-11-27T20:00:00Z"), "for ever");
        let from = freeze("UTC", vec![window(Some("2026-12-20"), None, &[], None)]);
        assert_eq!(at(&from, "2026-12-19T23:59:59Z"), "open");
        assert_eq!(at(&from, "2026-12-20T00:00:00Z"), "for ever");
    }

    #[test]
    fn a_window_of_days_and_hours_is_what_they_share() {
        let evenings =
            window(Some("2026-12-20"), Some("2026-12-24T20:00"), &[], Some("18:00-22:00"));
        let evenings = freeze("UTC", vec![evenings]);
        assert_eq!(at(&evenings, "2026-12-19T19:00:00Z"), "open");
        assert_eq!(at(&evenings, "2026-12-20T19:00:00Z"), "2026-12-20T22:00:00Z");
        assert_eq!(at(&evenings, "2026-12-20T12:00:00Z"), "open");
        assert_eq!(at(&evenings, "2026-12-24T19:00:00Z"), "2026-12-24T20:00:00Z");
        assert_eq!(at(&evenings, "2026-12-24T20:00:00Z"), "open");
    }

    #[test]
    fn where_the_clocks_go_forward_the_gap_holds_no_time() {
        // 2026-03-29, 02:00 becomes 03:00 in Berlin: 01:00 UTC.
        let inside = freeze("Europe/Berlin", vec![window(None, None, &[], Some("02:00-03:00"))]);
        assert_eq!(at(&inside, "2026-03-29T00:59:59Z"), "open");
        assert_eq!(at(&inside, "2026-03-29T01:00:00Z"), "open");
        assert_eq!(at(&inside, "2026-03-28T01:30:00Z"), "2026-03-28T02:00:00Z");
        let over = freeze("Europe/Berlin", vec![window(None, None, &[], Some("02:30-06:00"))]);
        assert_eq!(at(&over, "2026-03-29T00:59:59Z"), "open");
        assert_eq!(at(&over, "2026-03-29T01:00:00Z"), "2026-03-29T04:00:00Z");
        let into = freeze("Europe/Berlin", vec![window(None, None, &[], Some("01:00-02:30"))]);
        assert_eq!(at(&into, "2026-03-29T00:30:00Z"), "2026-03-29T01:00:00Z");
    }

    #[test]
    fn where_the_clocks_go_back_both_hours_count_and_no_hole_is_left() {
        // 2026-10-25, 03:00 becomes 02:00 in Berlin: 01:00 UTC. 02:30 is 00:30 and 01:30 UTC.
        let night = freeze("Europe/Berlin", vec![window(None, None, &[], Some("22:00-02:30"))]);
        assert_eq!(at(&night, "2026-10-25T00:29:00Z"), "2026-10-25T01:30:00Z");
        assert_eq!(at(&night, "2026-10-25T00:45:00Z"), "2026-10-25T01:30:00Z");
        assert_eq!(at(&night, "2026-10-25T01:30:00Z"), "open");
        let from = window(Some("2026-10-25T02:30"), Some("2026-10-25T12:00"), &[], None);
        let from = freeze("Europe/Berlin", vec![from]);
        assert_eq!(at(&from, "2026-10-25T00:29:59Z"), "open");
        assert_eq!(at(&from, "2026-10-25T00:30:00Z"), "2026-10-25T11:00:00Z");
        // On the Azores 01:00 becomes 00:00: the day's first hour comes twice.
        let sunday = freeze("Atlantic/Azores", vec![window(None, None, &[6], None)]);
        assert_eq!(at(&sunday, "2026-10-24T23:59:59Z"), "open");
        assert_eq!(at(&sunday, "2026-10-25T00:00:00Z"), "2026-10-26T01:00:00Z");
        assert_eq!(at(&sunday, "2026-10-26T01:00:00Z"), "open");
    }
}
