//! What an auditor should know beside the paths: walls that are none, walls that one side alone
//! holds shut, and exceptions that are about to end or cover nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::Verdict;
use super::compare::{Pair, SideResult, accounts_of};
use super::crossing::{self, Source, Step, Target};
use super::paths::{Origin, account_of, origins_of};
use super::report::source_name;
use super::rules::Rule;
use super::world::World;

/// How many days before its end an exception is warned about.
const NOTICE_DAYS: i64 = 30;

/// One finding, a warning, as plans hold it.
pub(super) fn finding(kind: &str, text: String, addresses: Vec<String>) -> Json {
    json!({"kind": kind, "severity": "warning", "text": text, "addresses": addresses})
}

/// Findings about the walls themselves; `verdicts` holds each pair's verdict before and after.
pub(super) fn of_walls(
    world: &World,
    result: &SideResult,
    verdicts: &BTreeMap<&Pair, (Verdict, Verdict)>,
) -> Vec<Json> {
    let mut findings = Vec::new();
    for ((origin, to), (_, after)) in verdicts {
        if *after == Verdict::SharedAccount && origin.name() < to.as_str() {
            let text = format!(
                "{} and {to} live in one account: there is no wall between them",
                origin.name()
            );
            findings.push(finding("shared_account", text, Vec::new()));
        }
        if *after == Verdict::Isolated {
            for step in held(world, result, origin, to) {
                let text = format!(
                    "{} -> {to} is held shut by the source side alone: `{}` already lets `{}` in, and whoever may change its policies can open the wall",
                    origin.name(),
                    step.target.arn(),
                    source_name(&step.source),
                );
                findings.push(finding("held_by_source_side", text, labels(world, step)));
            }
        }
    }
    findings
}

/// Findings about exceptions: ended, about to end, or covering nothing. `used` names those that
/// cover a path, by rule and exception.
pub(super) fn of_rules(
    rules: &[Rule],
    used: &BTreeSet<(String, String)>,
    today: Date,
) -> Vec<Json> {
    let soon = today.checked_add(NOTICE_DAYS.days()).unwrap_or(Date::MAX);
    let mut findings = Vec::new();
    let mut add = |kind, text| findings.push(finding(kind, text, Vec::new()));
    for rule in rules {
        for exception in &rule.exceptions {
            let name = format!("isolation.{}.{}", rule.name, exception.name);
            let (end, loc) = (exception.expires, &exception.loc);
            if end < today {
                let text =
                    format!("the exception `{name}` expired on {end} and no longer counts ({loc})");
                add("exception_expired", text);
                continue;
            }
            if end <= soon {
                add(
                    "exception_expiring",
                    format!("the exception `{name}` expires on {end} ({loc})"),
                );
            }
            if !used.contains(&(rule.name.clone(), exception.name.clone())) {
                let text = format!("the exception `{name}` covers no path: it can go ({loc})");
                add("exception_unused", text);
            }
        }
    }
    findings
}

/// Steps into an environment by principals of the origin that only the source side keeps closed.
fn held<'r>(world: &World, result: &'r SideResult, origin: &Origin, to: &str) -> Vec<&'r Step> {
    let inside = accounts_of(world, to);
    result
        .held_by_source
        .iter()
        .filter(|step| {
            let enters = account_of(world, &step.target);
            let home = crossing::home(world, &step.source);
            enters.as_ref().is_some_and(|a| inside.contains(&a))
                && home
                    .is_some_and(|h| origins_of(world, h).contains(origin) && !inside.contains(&h))
        })
        .collect()
}

/// The objects at both ends of a step.
fn labels(world: &World, step: &Step) -> Vec<String> {
    let source = match &step.source {
        Source::Principal(arn) => world.principals.get(arn).map(|p| p.label.clone()),
        _ => None,
    };
    let target = match &step.target {
        Target::Role(arn) => world.principals.get(arn).map(|p| p.label.clone()),
        Target::Bucket(arn) => world.buckets.get(arn).map(|b| b.label.clone()),
    };
    target.into_iter().chain(source).collect()
}
