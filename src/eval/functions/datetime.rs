//! Times as RFC 3339 writes them. There is no function for the current time: a plan must not
//! depend on when it is made.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::Value;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "formatdate",
        params: &["format", "time"],
        about: "A time in another format: `YYYY`, `MM`, `MMM`, `DD`, `EEE`, `hh`, `HH`, `AA`, `mm`, `ss`, `ZZZZZ`, text in single quotes.",
        copes: Copes::NOTHING,
        run: formatdate,
    },
    Function {
        name: "timeadd",
        params: &["time", "duration"],
        about: "A time moved by a duration such as `1h30m` or `-10s`.",
        copes: Copes::NOTHING,
        run: timeadd,
    },
    Function {
        name: "timecmp",
        params: &["time", "other"],
        about: "-1, 0 or 1 as the time is before, at or after the other.",
        copes: Copes::NOTHING,
        run: |call| {
            let (a, b) = (time(call, 0)?.instant(), time(call, 1)?.instant());
            Ok(Value::int(a.cmp(&b) as i64))
        },
    },
];

/// A local time and its distance from UTC in seconds.
#[derive(Clone, Copy)]
struct Moment {
    local: DateTime,
    offset: i32,
}

impl Moment {
    fn instant(self) -> DateTime {
        let offset = SignedDuration::from_secs(i64::from(self.offset));
        self.local.checked_sub(offset).unwrap_or(self.local)
    }

    /// `+0100` or `+01:00`.
    fn zone(self, colon: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    fn show(self) -> String {
        let local = self.local;
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second()
        );
        text.push_str(&if self.offset == 0 { "Z".to_owned() } else { self.zone(":") });
        text
    }
}

fn time(call: &Call<'_>, index: usize) -> Result<Moment, Diagnostic> {
    let text = call.text(index)?;
    parse(&text).map_err(|reason| {
        call.bad(index, format_args!("`{text}` is not a time: {reason}"))
            .help("a time is written as in `2026-03-31T12:00:00Z` (RFC 3339)")
    })
}

/// RFC 3339, section 5.6, without leap seconds.
fn parse(text: &str) -> Result<Moment, &'static str> {
    struct Reader<'t>(&'t str);
    impl<'t> Reader<'t> {
        fn digits(&mut self, count: usize, what: &'static str) -> Result<i16, &'static str> {
            let (head, rest) = self.0.split_at_checked(count).ok_or(what)?;
            let valid = head.bytes().all(|b| b.is_ascii_digit());
            self.0 = rest;
            head.parse().ok().filter(|_| valid).ok_or(what)
        }
        fn sign(&mut self, signs: &[char], what: &'static str) -> Result<char, &'static str> {
            let c = self.0.chars().next().filter(|c| signs.contains(c)).ok_or(what)?;
            self.0 = self.0.get(c.len_utf8()..).unwrap_or_default();
            Ok(c)
        }
    }
    let mut reader = Reader(text);
    let year = reader.digits(4, "the year needs four digits")?;
    reader.sign(&['-'], "a `-` must follow the year")?;
    let month = reader.digits(2, "the month needs two digits")?;
    reader.sign(&['-'], "a `-` must follow the month")?;
    let day = reader.digits(2, "the day needs two digits")?;
    reader.sign(&['T', 't'], "a `T` must stand between day and hour")?;
    let hour = reader.digits(2, "the hour needs two digits")?;
    reader.sign(&[':'], "a `:` must follow the hour")?;
    let minute = reader.digits(2, "the minute needs two digits")?;
    reader.sign(&[':'], "a `:` must follow the minute")?;
    let second = reader.digits(2, "the second needs two digits")?;
    let mut nanoseconds = 0;
    if let Some(fraction) = reader.0.strip_prefix('.') {
        let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == fraction.len() {
            return Err("digits must follow the decimal point");
        }
        // Digits beyond the ninth do not count.
        let digits = fraction.bytes().take(fraction.len() - rest.len());
        for digit in digits.chain(std::iter::repeat(b'0')).take(9) {
            nanoseconds = nanoseconds * 10 + i32::from(digit - b'0');
        }
        reader.0 = rest;
    }
    let zone = "the UTC offset must be `Z` or as in `+01:00`";
    let offset = match reader.sign(&['Z', 'z', '+', '-'], zone)? {
        'Z' | 'z' => 0,
        sign => {
            let hours = i32::from(reader.digits(2, zone)?);
            reader.sign(&[':'], zone)?;
            let minutes = i32::from(reader.digits(2, zone)?);
            if hours > 23 || minutes > 59 {
                return Err(zone);
            }
            (hours * 60 + minutes) * if sign == '-' { -60 } else { 60 }
        }
    };
    if !reader.0.is_empty() {
        return Err("something follows the UTC offset");
    }
    let narrow = |n: i16| i8::try_from(n).unwrap_or(i8::MAX);
    let date = Date::new(year, narrow(month), narrow(day)).map_err(|_| "there is no such day")?;
    let clock = Time::new(narrow(hour), narrow(minute), narrow(second), nanoseconds)
        .map_err(|_| "there is no such time of day")?;
    Ok(Moment { local: date.to_datetime(clock), offset })
}

fn timeadd(call: &Call<'_>) -> FunctionResult {
    let moment = time(call, 0)?;
    let text = call.text(1)?;
    let nanoseconds = duration(&text).ok_or_else(|| {
        call.bad(1, format_args!("`{text}` is not a duration"))
            .help("a duration is numbers with units, as in `1h30m` or `-10s`; the units are h, m, s, ms, us and ns")
    })?;
    // Fractions count, though the result is written without them.
    let nanoseconds = i64::try_from(nanoseconds).ok();
    nanoseconds
        .map(SignedDuration::from_nanos)
        .and_then(|duration| moment.local.checked_add(duration).ok())
        .map(|local| Moment { local, ..moment }.show().into())
        .ok_or_else(|| call.fail("the result is not between the years -9999 and 9999"))
}

/// A duration in nanoseconds, in Go's syntax.
fn duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let stop = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(stop)?;
        let factor: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(factor)?)?;
        let mut scale = factor;
        for digit in fraction.chars() {
            scale /= 10;
            total = total.checked_add(i128::from(digit.to_digit(10)?).checked_mul(scale)?)?;
        }
        rest = tail;
    }
    (total <= i128::from(i64::MAX)).then_some(if negative { -total } else { total })
}

fn formatdate(call: &Call<'_>) -> FunctionResult {
    let format = call.text(0)?;
    let moment = time(call, 1)?;
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                out.push('\'');
                continue;
            }
            loop {
                match chars.next() {
                    None => return Err(call.bad(0, "a single quote opens text and none closes it")),
                    Some('\'') if chars.next_if_eq(&'\'').is_some() => out.push('\''),
                    Some('\'') => break,
                    Some(other) => out.push(other),
                }
            }
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            out.push_str(&verb(call, moment, c, count)?);
        } else {
            out.push(c);
        }
    }
    Ok(out.into())
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn verb(call: &Call<'_>, moment: Moment, letter: char, count: usize) -> Result<String, Diagnostic> {
    let local = moment.local;
    let twelve = match local.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let name = |names: &'static [&'static str], index: i8| {
        usize::try_from(index).ok().and_then(|i| names.get(i)).copied().unwrap_or_default()
    };
    let month = name(&MONTHS, local.month() - 1);
    let day = name(&DAYS, local.weekday().to_monday_zero_offset());
    let half = if local.hour() < 12 { "AM" } else { "PM" };
    Ok(match (letter, count) {
        ('Y', 2) => format!("{:02}", local.year().rem_euclid(100)),
        ('Y', 4) => format!("{:04}", local.year()),
        ('M', 1) => local.month().to_string(),
        ('M', 2) => format!("{:02}", local.month()),
        ('M', 3) => month.chars().take(3).collect(),
        ('M', 4) => month.to_owned(),
        ('D', 1) => local.day().to_string(),
        ('D', 2) => format!("{:02}", local.day()),
        ('E', 3) => day.chars().take(3).collect(),
        ('E', 4) => day.to_owned(),
        ('h', 1) => local.hour().to_string(),
        ('h', 2) => format!("{:02}", local.hour()),
        ('H', 1) => twelve.to_string(),
        ('H', 2) => format!("{twelve:02}"),
        ('A', 2) => half.to_owned(),
        ('a', 2) => half.to_ascii_lowercase(),
        ('m', 1) => local.minute().to_string(),
        ('m', 2) => format!("{:02}", local.minute()),
        ('s', 1) => local.second().to_string(),
        ('s', 2) => format!("{:02}", local.second()),
        ('Z', 1) if moment.offset == 0 => "Z".to_owned(),
        ('Z', 3) if moment.offset == 0 => "UTC".to_owned(),
        ('Z', 3 | 4) => moment.zone(""),
        ('Z', 1 | 5) => moment.zone(":"),
        _ => {
            let verb: String = std::iter::repeat_n(letter, count.min(12)).collect();
            return Err(call.bad(0, format_args!("there is no date verb `{verb}`")).help(
                "the verbs are YY YYYY M MM MMM MMMM D DD EEE EEEE h hh H HH AA aa m mm s ss Z ZZZ ZZZZ ZZZZZ; other letters stand in single quotes",
            ));
        }
    })
}
