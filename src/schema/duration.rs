//! Lengths of time as the language writes them: `"90s"`, `"1h"`, `"1h30m"`, `"7d"`, or seconds.

/// How many seconds a session of a role may last where its `max_session_duration` is not set; no role
/// may set fewer (IAM API Reference, `CreateRole`).
pub const ROLE_SESSION: i64 = 3_600;

/// Seconds of a length of time; `None` when the text is none or overflows.
#[must_use]
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut total: i64 = 0;
    let mut smallest = i64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        // Units fall, as in `1h30m`: anything else is a slip of the pen.
        if factor >= smallest {
            return None;
        }
        smallest = factor;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = tail.get(unit.len_utf8()..)?;
    }
    Some(total)
}

/// The shortest text for a length of time: `1h`, `90m`, `3601s`.
#[must_use]
pub fn text(seconds: i64) -> String {
    for (factor, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
        if seconds != 0 && seconds % factor == 0 {
            return format!("{}{unit}", seconds / factor);
        }
    }
    format!("{seconds}s")
}

/// A length of time for people, in its two largest units: `9h 40m`, `1d 1h`.
#[must_use]
pub fn for_people(seconds: i64) -> String {
    const UNITS: [(i64, i64, [&str; 2]); 3] =
        [(86_400, 3_600, ["d", "h"]), (3_600, 60, ["h", "m"]), (60, 1, ["m", "s"])];
    let seconds = seconds.max(0);
    for (factor, next, [large, small]) in UNITS {
        if seconds >= factor {
            let (first, rest) = (seconds / factor, seconds % factor / next);
            return match rest {
                0 => format!("{first}{large}"),
                _ => format!("{first}{large} {rest}{small}"),
            };
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, value) in [
            ("90s", 90),
            ("1h", 3600),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("3600", 3600),
            (" 2m ", 120),
        ] {
            assert_eq!(seconds(text), Some(value), "{text}");
        }
        for text in [
            "",
            "h",
            "1",
            "x",
            "1x",
            "30m1h",
            "1h2h",
            "-1h",
            "1.5h",
            "1 h",
            "99999999999999999999d",
            "1\u{b5}",
        ] {
            assert!(text == "1" || seconds(text).is_none(), "{text}");
        }
        for value in [0, 1, 60, 5400, 3600, 86_400, 90_000] {
            assert_eq!(seconds(&text(value)), Some(value));
        }
    }

    #[test]
    fn lengths_of_time_for_people() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (125, "2m 5s"),
            (7_500, "2h 5m"),
            (34_800, "9h 40m"),
            (86_400, "1d"),
            (90_061, "1d 1h"),
            (1_209_600, "14d"),
            (-5, "0s"),
        ] {
            assert_eq!(for_people(seconds), text);
        }
    }
}
