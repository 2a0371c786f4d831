//! Exceptions in words: how one stands, how long it counts, and why.

use crate::isolation::section::{ExceptionStatus, ExceptionUse};
use crate::render::style::{Tone, count};

/// How an exception stands, in words.
pub(in crate::render) fn state(permit: &ExceptionUse) -> (&'static str, Tone) {
    match permit.status {
        ExceptionStatus::Expired => ("has ended", Tone::Bad),
        ExceptionStatus::Unused => ("covers nothing", Tone::Warn),
        ExceptionStatus::InForce if permit.ends_soon() => ("in force, ends soon", Tone::Warn),
        ExceptionStatus::InForce => ("in force", Tone::Plain),
    }
}

/// An exception in one line: what it is, what it covers, how long it counts, and why it exists.
pub(in crate::render) fn exception(permit: &ExceptionUse) -> (String, Tone) {
    let name = format!("{}.{}", permit.rule, permit.name);
    let (state, tone) = state(permit);
    (format!("{name} {state}: {}", terms(permit)), tone)
}

/// How many exceptions stand below those that are listed, and how: as loud as the worst of them.
pub(in crate::render) fn more_exceptions(rest: &[&ExceptionUse]) -> (String, Tone) {
    let parts: Vec<String> = [
        (ExceptionStatus::Expired, "has ended", "have ended"),
        (ExceptionStatus::InForce, "is in force", "are in force"),
        (ExceptionStatus::Unused, "covers nothing", "cover nothing"),
    ]
    .into_iter()
    .map(|(status, one, many)| (rest.iter().filter(|p| p.status == status).count(), one, many))
    .filter(|(number, _, _)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let has = |tone| rest.iter().any(|permit| state(permit).1 == tone);
    let tone = [Tone::Bad, Tone::Warn].into_iter().find(|tone| has(*tone)).unwrap_or(Tone::Plain);
    let all = count(rest.len(), "more exception", "more exceptions");
    (format!("and {all}: {}", parts.join(", ")), tone)
}

/// How long an exception counts, why, and who stands for it.
pub(in crate::render) fn terms(permit: &ExceptionUse) -> String {
    let left = days_left(permit.days_left);
    let mut text = format!("until {} ({left}), {}", permit.expires, permit.reason);
    for (what, who) in [("owner", &permit.owner), ("approved by", &permit.approved_by)] {
        text.extend(who.iter().map(|who| format!("; {what} {who}")));
    }
    text
}

/// `3 days left`, `today is its last day`, `2 days ago`.
pub(in crate::render) fn days_left(days: i32) -> String {
    let number = usize::try_from(days.unsigned_abs()).unwrap_or(usize::MAX);
    match days {
        0 => "today is its last day".to_owned(),
        days if days < 0 => count(number, "day ago", "days ago"),
        _ => format!("{} left", count(number, "day", "days")),
    }
}
