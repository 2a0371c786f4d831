//! What the types of arguments cannot say about `isolation`, `release`, `promotion` and gates.
//!
//! The engines that read these blocks can rely on it: choices are among those listed, dates and
//! hours are well formed, counts are possible. Unknown values are left alone.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZoneDatabase;

use super::body::{Body, NestedBody};
use super::gates::gate;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::ids::Region;
use crate::value::Value;

/// Origins that are no environment.
pub const PSEUDO_ORIGINS: [&str; 4] = ["$management", "$unassigned", "$external", "$anonymous"];
/// The days of a `freeze` window.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Checks an evaluated `isolation`, `release` or `promotion` block.
#[must_use]
pub fn check_declaration(ty: &str, label: &str, body: &Body) -> Diagnostics {
    let mut rules = Rules { diagnostics: Diagnostics::new() };
    match ty {
        "isolation" => rules.isolation(label, body),
        "promotion" => rules.promotion(label, body),
        _ => {}
    }
    rules.diagnostics
}

/// Checks the gates of an evaluated `environment` block's `verify`.
#[must_use]
pub fn check_environment(body: &Body) -> Diagnostics {
    let mut rules = Rules { diagnostics: Diagnostics::new() };
    for verify in body.nested("verify") {
        rules.gates(&verify.body);
    }
    rules.diagnostics
}

struct Rules {
    diagnostics: Diagnostics,
}

/// The known value of an attribute and its place.
fn known<'a>(body: &'a Body, name: &str) -> Option<(&'a Value, Loc)> {
    let attr = body.get(name)?;
    let value = attr.value.reveal();
    (!value.is_null() && !value.is_unknown()).then(|| (value, attr.loc.clone()))
}

/// The known texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    value.elements().unwrap_or_default().into_iter().filter_map(Value::as_str).collect()
}

/// How a side of a rule is told from another.
fn side(value: &Value) -> Option<String> {
    match value.reveal() {
        Value::Block(block) => Some(block.address.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

impl Rules {
    fn error(&mut self, at: Loc, summary: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(summary).at(at).help(help));
    }

    fn choice(&mut self, body: &Body, name: &str, choices: &[&str]) {
        let Some((value, loc)) = known(body, name) else { return };
        let given = match value.as_str() {
            Some(text) => vec![text],
            None => texts(value),
        };
        for text in given {
            if !choices.contains(&text) {
                let help = did_you_mean(text, choices.iter().copied())
                    .unwrap_or_else(|| format!("write one of `{}`", choices.join("`, `")));
                self.error(loc.clone(), format!("`{text}` is no choice for `{name}`"), help);
            }
        }
    }

    fn isolation(&mut self, label: &str, body: &Body) {
        let has = |name: &str| body.get(name).is_some();
        match (has("between"), has("from"), has("to")) {
            (true, false, false) | (false, true, true) => {}
            (true, ..) => self.error(
                body.loc_of(if has("from") { "from" } else { "to" }).clone(),
                "`between` excludes `from` and `to`",
                "`between` means every pair of its environments; write two rules for both",
            ),
            (false, true, false) | (false, false, true) => self.error(
                body.loc.clone(),
                format!("`isolation.{label}` has one side only"),
                "give both `from` and `to`",
            ),
            (false, false, false) => self.error(
                body.loc.clone(),
                format!("`isolation.{label}` separates nothing"),
                "give `between`, or `from` and `to`",
            ),
        }
        if let Some((value, loc)) = known(body, "between")
            && value.elements().is_some_and(|e| e.len() < 2)
        {
            self.error(loc, "`between` needs two environments at least", "add the other one");
        }
        for name in ["from", "to"] {
            if let Some((value, loc)) = known(body, name) {
                for text in texts(value) {
                    self.origin(text, name, loc.clone());
                }
            }
        }
        self.choice(body, "on_violation", &["error", "warn"]);
        self.choice(body, "undetermined", &["error", "warn"]);
        self.choice(body, "assumptions", &["warn", "error"]);
        self.choice(body, "grades", &["A", "B", "C", "D"]);
        for allow in body.nested("allow") {
            self.allow(allow);
        }
    }

    fn origin(&mut self, text: &str, name: &str, loc: Loc) {
        if name == "to" {
            self.error(
                loc,
                format!("`{text}` cannot be entered"),
                "`to` takes environments: `environment.production`",
            );
        } else if !PSEUDO_ORIGINS.contains(&text) {
            let help = did_you_mean(text, PSEUDO_ORIGINS).unwrap_or_else(|| {
                format!("write `environment.NAME`, or one of \"{}\"", PSEUDO_ORIGINS.join("\", \""))
            });
            self.error(loc, format!("`{text}` is no origin"), help);
        }
    }

    fn allow(&mut self, allow: &NestedBody) {
        let body = &allow.body;
        let (from, to) = (known(body, "from"), known(body, "to"));
        for (name, given) in [("from", &from), ("to", &to)] {
            if let Some((value, loc)) = given
                && let Some(text) = value.as_str()
            {
                self.origin(text, name, loc.clone());
            }
        }
        if let (Some((from, _)), Some((to, loc))) = (from, to)
            && side(from).is_some()
            && side(from) == side(to)
        {
            self.error(
                loc,
                "an exception leads from one environment into another",
                "these are one",
            );
        }
        for name in ["actions", "resources"] {
            let Some((value, loc)) = known(body, name) else { continue };
            if value.elements().is_some_and(|e| e.is_empty()) {
                self.error(loc, format!("`{name}` is empty"), "an exception says what it allows");
            } else if name == "resources" && texts(value).contains(&"*") {
                self.error(
                    loc,
                    "an exception cannot allow every resource",
                    "name what may be reached, such as `arn:aws:s3:::acme-masked/*`",
                );
            }
        }
        if let Some((value, loc)) = known(body, "reason")
            && value.as_str().is_some_and(|t| t.trim().is_empty())
        {
            self.error(
                loc,
                "the reason is empty",
                "say who decided it and where, such as `SEC-412`",
            );
        }
        if let Some((value, loc)) = known(body, "expires")
            && let Some(text) = value.as_str()
            && date(text).is_none()
        {
            self.error(
                loc,
                format!("`{text}` is no date"),
                "write `YYYY-MM-DD`, such as `2027-03-31`",
            );
        }
    }

    fn promotion(&mut self, label: &str, body: &Body) {
        if let (Some((from, _)), Some((to, loc))) = (known(body, "from"), known(body, "to"))
            && side(from).is_some()
            && side(from) == side(to)
        {
            let summary = format!("`promotion.{label}` leads back to where it starts");
            self.error(loc, summary, "`from` and `to` are two environments");
        }
        if let Some((value, loc)) = known(body, "releases")
            && value.elements().is_some_and(|e| e.is_empty())
        {
            self.error(
                loc,
                "no release moves along this edge",
                "write `releases = [release.NAME]`",
            );
        }
        self.choice(body, "on_failure", &["rollback", "hold"]);
        self.gates(body);
    }

    fn gates(&mut self, body: &Body) {
        for block in body.nested("gate") {
            let Some(ty) = block.labels.first().and_then(|l| gate(&l.value)) else { continue };
            let body = &block.body;
            for attr in ["timeout", "interval", "duration", "expires_after", "period"] {
                if let Some((value, loc)) = known(body, attr)
                    && value.as_i64() == Some(0)
                {
                    self.error(
                        loc,
                        format!("`{attr}` is zero"),
                        "write a length of time such as `5m`",
                    );
                }
            }
            if let Some((value, loc)) = known(body, "count")
                && value.as_i64().is_none_or(|n| !(1..=1_000).contains(&n))
            {
                self.error(loc, "`count` must be 1 to 1000", "a whole number");
            }
            match ty.ty {
                "command" => self.command(body),
                "http" => self.http(body),
                "approval" => self.approval(body),
                "alarm" => {
                    self.choice(body, "insufficient_data", &["fail", "pass"]);
                    self.alarms(body);
                    self.region(body);
                }
                "metric" => {
                    self.region(body);
                    let limits = ["max", "min", "max_increase_percent"];
                    if !limits.iter().any(|l| body.get(l).is_some()) {
                        let help = "give `max`, `min` or `max_increase_percent`";
                        self.error(body.loc.clone(), "the metric has no limit", help);
                    }
                }
                "freeze" => self.freeze(body),
                _ => {}
            }
        }
    }

    fn approval(&mut self, body: &Body) {
        let Some((value, loc)) = known(body, "principals") else { return };
        if texts(value).is_empty() && !value.has_unknown() {
            let help = "name ARNs or patterns, or leave `principals` out: then everybody may who can write to the backend";
            self.error(loc, "nobody may approve: `principals` is empty", help);
            return;
        }
        for text in texts(value).into_iter().filter(|t| !t.starts_with("arn:") && !t.contains('*'))
        {
            let help = "write `arn:aws:iam::111111111111:role/board-*`, for instance";
            self.error(loc.clone(), format!("`{text}` is no ARN and no pattern"), help);
        }
    }

    fn alarms(&mut self, body: &Body) {
        let Some((value, loc)) = known(body, "alarms") else { return };
        let names = texts(value);
        if (names.is_empty() && !value.has_unknown()) || names.contains(&"") {
            self.error(loc, "the gate names no alarm", "write `alarms = [\"shop-5xx\"]`");
        }
    }

    fn region(&mut self, body: &Body) {
        if let Some((value, loc)) = known(body, "region")
            && let Some(text) = value.as_str()
            && let Err(error) = text.parse::<Region>()
        {
            self.error(loc, error.to_string(), "write one such as `eu-west-1`");
        }
    }

    fn command(&mut self, body: &Body) {
        if let Some((value, loc)) = known(body, "command")
            && (value.elements().is_some_and(|e| e.is_empty()) || texts(value).first() == Some(&""))
        {
            self.error(
                loc,
                "the command is empty",
                "write `command = [\"./smoke-test\", \"--fast\"]`",
            );
        }
    }

    fn http(&mut self, body: &Body) {
        if let Some((value, loc)) = known(body, "url")
            && let Some(text) = value.as_str()
            && !["http://", "https://"]
                .iter()
                .any(|p| text.strip_prefix(p).is_some_and(|r| !r.is_empty()))
        {
            self.error(
                loc,
                format!("`{text}` is no URL"),
                "it must start with `https://` or `http://`",
            );
        }
        if let Some((value, loc)) = known(body, "status")
            && value.as_i64().is_none_or(|n| !(100..=599).contains(&n))
        {
            self.error(loc, "`status` must be an HTTP status", "100 to 599, such as 200");
        }
        if let Some((value, loc)) = known(body, "body")
            && let Some(text) = value.as_str()
            && let Err(error) = regex::Regex::new(text)
        {
            let why = error.to_string();
            let why =
                why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.error(
                loc,
                format!("`body` is no regular expression: {why}"),
                "escape it with `\\\\`",
            );
        }
    }

    fn freeze(&mut self, body: &Body) {
        self.choice(body, "permits", &["rollback"]);
        if let Some((value, loc)) = known(body, "timezone")
            && let Some(text) = value.as_str()
            && TimeZoneDatabase::bundled().get(text).is_err()
        {
            self.error(
                loc,
                format!("`{text}` is no time zone"),
                "write an IANA name such as `Europe/Berlin`, or `UTC`",
            );
        }
        for window in body.nested("window") {
            let body = &window.body;
            self.choice(body, "weekdays", &WEEKDAYS);
            if !["from", "to", "weekdays", "hours"].iter().any(|n| body.get(n).is_some()) {
                let help = "give `from` and `to`, `weekdays` or `hours`";
                self.error(body.loc.clone(), "the window says no time", help);
            }
            let mut moments = Vec::new();
            for name in ["from", "to"] {
                let Some((value, loc)) = known(body, name) else { continue };
                let Some(text) = value.as_str() else { continue };
                match moment(text) {
                    Some(at) => moments.push((name, at, loc)),
                    None => self.error(
                        loc,
                        format!("`{text}` is neither a day nor a moment"),
                        "write `2026-12-20`, or `2026-12-20T18:00`",
                    ),
                }
            }
            if let [(_, from, _), (_, to, loc)] = moments.as_slice()
                && to < from
            {
                self.error(
                    loc.clone(),
                    "the window ends before it starts",
                    "exchange `from` and `to`",
                );
            }
            if let Some((value, loc)) = known(body, "hours")
                && let Some(text) = value.as_str()
                && hours(text).is_none()
            {
                self.error(loc, format!("`{text}` are no hours"), "write `18:00-06:00`");
            }
        }
    }
}

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
