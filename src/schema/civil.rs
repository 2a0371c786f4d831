//! Days, moments and hours as blocks write them, without a time zone.

use jiff::civil::{Date, DateTime, Time};

/// The days of a `freeze` window.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A day, `2026-12-20`.
#[must_use]
pub fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// A moment, `2026-12-20T18:00`; a day alone is its midnight.
#[must_use]
pub fn moment(text: &str) -> Option<DateTime> {
    match date(text) {
        Some(day) => Some(day.at(0, 0, 0, 0)),
        None => text.contains('T').then(|| text.parse().ok()).flatten(),
    }
}

/// Hours of the day, `18:00-06:00`: start and end; the end may be before the start.
#[must_use]
pub fn hours(text: &str) -> Option<(Time, Time)> {
    let (from, to) = text.split_once('-')?;
    let clock = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        if hour.len() != 2 || minute.len() != 2 {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    Some((clock(from)?, clock(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_hours() {
        assert!(date("2026-12-20").is_some());
        assert!(date("2026-13-20").is_none());
        assert!(date("next year").is_none());
        assert!(moment("2026-12-20T18:00").is_some());
        assert!(moment("2026-12-20").is_some());
        assert!(moment("18:00").is_none());
        assert!(hours("18:00-06:00").is_some());
        assert!(hours("24:00-06:00").is_none());
        assert!(hours("8-17").is_none());
    }
}
