//! What the types of arguments cannot say about `isolation`, `release` and `promotion`; gates are checked
//! by their declarations ([`super::gates`]).
//!
//! The engines that read these blocks can rely on it: choices are among those listed, dates and
//! hours are well formed, counts are possible. Unknown values are left alone.

use super::body::{Body, NestedBody};
use super::checks::{Checks, known, texts};
use super::civil::date;
use super::gates;
use super::sensitive::cannot_be_sensitive;
use crate::diag::{Diagnostics, Loc, did_you_mean};
use crate::value::Value;

/// Origins that are no environment.
pub const PSEUDO_ORIGINS: [&str; 4] = ["$management", "$unassigned", "$external", "$anonymous"];

/// Checks an evaluated `isolation`, `release` or `promotion` block.
#[must_use]
pub fn check_declaration(ty: &str, label: &str, body: &Body) -> Diagnostics {
    let mut checks = Checks::default();
    match ty {
        "isolation" => isolation(&mut checks, label, body),
        "promotion" => promotion(&mut checks, label, body),
        _ => {}
    }
    checks.diagnostics
}

/// Checks the gates of an evaluated `environment` block's `verify`.
#[must_use]
pub fn check_environment(body: &Body) -> Diagnostics {
    let mut checks = Checks::default();
    for verify in body.nested("verify") {
        gates::check(&mut checks, &verify.body);
    }
    checks.diagnostics
}

/// How a side of a rule is told from another.
fn side(value: &Value) -> Option<String> {
    match value.reveal() {
        Value::Block(block) => Some(block.address.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn isolation(checks: &mut Checks, label: &str, body: &Body) {
    let has = |name: &str| body.get(name).is_some();
    match (has("between"), has("from"), has("to")) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => checks.error(
            body.loc_of(if has("from") { "from" } else { "to" }).clone(),
            "`between` excludes `from` and `to`",
            "`between` means every pair of its environments; write two rules for both",
        ),
        (false, true, false) | (false, false, true) => checks.error(
            body.loc.clone(),
            format!("`isolation.{label}` has one side only"),
            "give both `from` and `to`",
        ),
        (false, false, false) => checks.error(
            body.loc.clone(),
            format!("`isolation.{label}` separates nothing"),
            "give `between`, or `from` and `to`",
        ),
    }
    if let Some((value, loc)) = known(body, "between")
        && value.elements().is_some_and(|e| e.len() < 2)
    {
        checks.error(loc, "`between` needs two environments at least", "add the other one");
    }
    for name in ["from", "to"] {
        if let Some((value, loc)) = known(body, name) {
            for text in texts(value) {
                origin(checks, text, name, loc.of_element(text));
            }
        }
    }
    checks.choice(body, "on_violation", &["error", "warn"]);
    checks.choice(body, "undetermined", &["error", "warn"]);
    checks.choice(body, "assumptions", &["warn", "error"]);
    checks.choice(body, "grades", &["A", "B", "C", "D"]);
    shown(checks, body);
    for allow in body.nested("allow") {
        shown(checks, &allow.body);
        exception(checks, allow);
    }
}

/// Rules and exceptions stand in every plan, whole.
fn shown(checks: &mut Checks, body: &Body) {
    for (name, given) in body.attrs.iter().filter(|(_, given)| given.value.has_sensitive()) {
        checks.diagnostics.push(cannot_be_sensitive(
            name,
            "isolation rules are shown",
            given.loc.clone(),
        ));
    }
}

fn origin(checks: &mut Checks, text: &str, name: &str, loc: Loc) {
    if name == "to" {
        checks.error(
            loc,
            format!("`{text}` cannot be entered"),
            "`to` takes environments: `environment.production`",
        );
    } else if !PSEUDO_ORIGINS.contains(&text) {
        let help = did_you_mean(text, PSEUDO_ORIGINS).unwrap_or_else(|| {
            format!("write `environment.NAME`, or one of \"{}\"", PSEUDO_ORIGINS.join("\", \""))
        });
        checks.error(loc, format!("`{text}` is no origin"), help);
    }
}

fn exception(checks: &mut Checks, allow: &NestedBody) {
    let body = &allow.body;
    let (from, to) = (known(body, "from"), known(body, "to"));
    for (name, given) in [("from", &from), ("to", &to)] {
        if let Some((value, loc)) = given
            && let Some(text) = value.as_str()
        {
            origin(checks, text, name, loc.clone());
        }
    }
    if let (Some((from, _)), Some((to, loc))) = (from, to)
        && side(from).is_some()
        && side(from) == side(to)
    {
        checks.error(loc, "an exception leads from one environment into another", "these are one");
    }
    for name in ["actions", "resources"] {
        let Some((value, loc)) = known(body, name) else { continue };
        if value.elements().is_some_and(|e| e.is_empty()) {
            checks.error(loc, format!("`{name}` is empty"), "an exception says what it allows");
        } else if name == "resources" && texts(value).contains(&"*") {
            checks.error(
                loc.of_element("*"),
                "an exception cannot allow every resource",
                "name what may be reached, such as `arn:aws:s3:::acme-masked/*`",
            );
        }
    }
    if let Some((value, loc)) = known(body, "reason")
        && value.as_str().is_some_and(|t| t.trim().is_empty())
    {
        checks.error(loc, "the reason is empty", "say who decided it and where, such as `SEC-412`");
    }
    if let Some((value, loc)) = known(body, "expires")
        && let Some(text) = value.as_str()
        && date(text).is_none()
    {
        checks.error(
            loc,
            format!("`{text}` is no date"),
            "write `YYYY-MM-DD`, such as `2027-03-31`",
        );
    }
}

fn promotion(checks: &mut Checks, label: &str, body: &Body) {
    if let (Some((from, _)), Some((to, loc))) = (known(body, "from"), known(body, "to"))
        && side(from).is_some()
        && side(from) == side(to)
    {
        let summary = format!("`promotion.{label}` leads back to where it starts");
        checks.error(loc, summary, "`from` and `to` are two environments");
    }
    if let Some((value, loc)) = known(body, "releases")
        && value.elements().is_some_and(|e| e.is_empty())
    {
        checks.error(loc, "no release moves along this edge", "write `releases = [release.NAME]`");
    }
    checks.choice(body, "on_failure", &["rollback", "hold"]);
    gates::check(checks, body);
}
