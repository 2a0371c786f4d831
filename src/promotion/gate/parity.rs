//! `parity`: both ends of the edge hold the same config keys in AWS, and their values differ only
//! where that is allowed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::json;

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use super::no_drift;
use crate::address::CONFIG_KIND;
use crate::plan::Reading;
use crate::schema::gates;
use crate::value::Value;

/// The schema below which releases land: what moves is not compared.
const RELEASE: &str = "release/";
/// How many keys a summary names.
const NAMED: usize = 5;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::PARITY,
    judged_early: true,
    quotes_others: false,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Parity::read(block)),
};

/// Keys (`SCHEMA/KEY`, or a beginning and `*`) that may differ.
#[derive(Clone, Debug)]
struct Parity {
    allowed: Vec<String>,
}

impl Parity {
    fn read(block: &mut GateBlock<'_>) -> Self {
        Self { allowed: block.texts("allowed_differences").unwrap_or_default() }
    }
}

#[async_trait]
impl Gate for Parity {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let to = context.subject.to;
        let Some(from) = context.subject.from else {
            return GateFinding::new(
                GateOutcome::Failed,
                "parity compares the two ends of an edge, and here is only one",
                json!({"environment": to}),
            );
        };
        let unread = no_drift::unread(context, &BTreeSet::from([from.to_owned(), to.to_owned()]));
        if !unread.is_empty() {
            return GateFinding::new(
                GateOutcome::Unknown,
                format!("it is not known whether {to} is like {from}: {}", unread.join("; ")),
                json!({"unread": unread}),
            );
        }
        let declared = context.estate.environments.get(to);
        let allowed: Vec<&String> = declared
            .filter(|e| e.like.as_deref() == Some(from))
            .into_iter()
            .flat_map(|e| &e.allowed_differences)
            .chain(&self.allowed)
            .collect();
        let may_differ = |key: &str| {
            allowed.iter().any(|a| match a.strip_suffix('*') {
                Some(start) => key.starts_with(start),
                None => a.as_str() == key,
            })
        };
        let (here, there) = (parameters(context, from), parameters(context, to));
        let (missing, surplus) = (lacking(&here, &there), lacking(&there, &here));
        let differing: Vec<&String> = here
            .iter()
            .filter(|(key, values)| there.get(*key).is_some_and(|t| t != *values))
            .map(|(key, _)| key)
            .filter(|key| !may_differ(key) && !missing.contains(key) && !surplus.contains(key))
            .collect();
        let detail = json!({
            "from": from, "to": to, "keys": here.len(),
            "missing": missing, "surplus": surplus, "differing": differing,
        });
        if missing.is_empty() && surplus.is_empty() && differing.is_empty() {
            let keys = here.len();
            let summary = format!("{to} has the {keys} config keys of {from}");
            return GateFinding::new(GateOutcome::Passed, summary, detail);
        }
        let mut told = Vec::new();
        for (keys, what) in [
            (&missing, format!("missing in {}", place(to, &missing, &there))),
            (&surplus, format!("only in {to}")),
            (&differing, "different".to_owned()),
        ] {
            if !keys.is_empty() {
                let mut names: Vec<&str> = keys.iter().take(NAMED).map(|k| k.as_str()).collect();
                if keys.len() > NAMED {
                    names.push("...");
                }
                told.push(format!("{what}: {}", names.join(", ")));
            }
        }
        GateFinding::new(
            GateOutcome::Failed,
            format!("{to} is not like {from}; {}", told.join("; ")),
            detail,
        )
    }
}

/// Keys of one environment that another one lacks, or has in some of its accounts alone.
fn lacking<'a>(here: &'a Parameters, there: &Parameters) -> Vec<&'a String> {
    let lacks = |(key, values): &(&String, &BTreeSet<String>)| match there.get(*key) {
        None => true,
        Some(others) => others.contains(ABSENT) && !values.contains(ABSENT),
    };
    here.iter().filter(lacks).map(|(key, _)| key).collect()
}

/// Where these are missing, for people.
fn place(environment: &str, missing: &[&String], there: &Parameters) -> String {
    match missing.iter().any(|key| there.contains_key(*key)) {
        true => format!("an account of {environment}"),
        false => environment.to_owned(),
    }
}

/// By `SCHEMA/KEY`, the distinct types and values over an environment's accounts.
type Parameters = BTreeMap<String, BTreeSet<String>>;

/// In the place of a value, where an account of the environment has none.
const ABSENT: &str = "absent";

/// Config parameters of an environment as AWS holds them: by `SCHEMA/KEY`, the distinct types and
/// values over its accounts. Of a secret only its type is known, and values of secrets differ by nature.
fn parameters(context: &GateContext<'_>, environment: &str) -> Parameters {
    let prefix = format!("/{}/{environment}/", context.estate.name);
    let mut all = Parameters::new();
    let mut holding: BTreeMap<String, usize> = BTreeMap::new();
    let mut read = 0_usize;
    let serving =
        context.estate.accounts.iter().filter(|(_, a)| a.environments.contains(environment));
    for (handle, _) in serving {
        let Some(Reading::Read(index)) = context.live.accounts.get(handle) else { continue };
        read += 1;
        for ((kind, _), object) in &index.inventory().objects {
            let name =
                object.attrs.get("name").and_then(Value::as_str).filter(|_| *kind == CONFIG_KIND);
            let Some(key) = name.and_then(|n| n.strip_prefix(&prefix)) else { continue };
            if key.starts_with(RELEASE) {
                continue;
            }
            let part = |attr: &str| {
                object.attrs.get(attr).map(|v| v.to_json().to_string()).unwrap_or_default()
            };
            let value = format!("{} {}", part("type"), part("value"));
            all.entry(key.to_owned()).or_default().insert(value);
            *holding.entry(key.to_owned()).or_default() += 1;
        }
    }
    // One that an account lacks is another value there.
    for (key, count) in holding {
        if count < read {
            all.entry(key).or_default().insert(ABSENT.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_one_account_lacks_is_missing() {
        let of = |keys: &[(&str, &[&str])]| -> Parameters {
            let set = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
            keys.iter().map(|(key, values)| ((*key).to_owned(), set(values))).collect()
        };
        let here = of(&[("app/a", &["1"]), ("app/b", &["1"]), ("app/c", &["1", ABSENT])]);
        let there = of(&[("app/b", &["1", ABSENT]), ("app/c", &["1", ABSENT])]);
        assert_eq!(lacking(&here, &there), ["app/a", "app/b"]);
        assert!(lacking(&there, &here).is_empty());
        assert_eq!(place("staging", &[&"app/a".to_owned()], &there), "staging");
        assert_eq!(place("staging", &lacking(&here, &there), &there), "an account of staging");
    }
}
