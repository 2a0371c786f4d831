//! The declared edges along which releases move, and what verifies them where they arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::gate::GateSpec;
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::eval::estate::Estate;
use crate::schema::Body;
use crate::value::Value;

/// What happens when verification fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The last verified release is brought back, and a hold is set.
    #[default]
    Rollback,
    /// A hold is set, and nothing else.
    Hold,
}

/// A `promotion` block.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Its label.
    pub name: String,
    /// Where a release must be verified.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// The releases that move along it.
    pub releases: BTreeSet<String>,
    /// What happens when verification fails.
    pub on_failure: OnFailure,
    /// What must pass first.
    pub gates: Vec<GateSpec>,
    /// Where it is declared.
    pub loc: Loc,
}

/// The `verify` block of an environment; without one a successful apply is enough.
#[derive(Clone, Debug, Default)]
pub struct Verify {
    /// What must pass for a release to count as verified.
    pub gates: Vec<GateSpec>,
    /// How long they are looked at again; they are looked at once without it.
    pub timeout: Duration,
}

/// Environments, each behind those that releases come to it from; else by name.
#[must_use]
pub fn in_order<'n>(
    names: impl Iterator<Item = &'n String>,
    edges: &BTreeMap<String, Edge>,
) -> Vec<&'n String> {
    let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
    // No way through a graph without cycles is longer than the number of its edges.
    for _ in 0..edges.len() {
        for edge in edges.values() {
            let behind = steps.get(edge.from.as_str()).map_or(1, |from| from + 1);
            let to = steps.entry(&edge.to).or_default();
            *to = behind.max(*to);
        }
    }
    let mut all: Vec<&String> = names.collect();
    all.sort_by_key(|name| (steps.get(name.as_str()).copied().unwrap_or_default(), *name));
    all
}

fn names(body: &Body, attr: &str) -> BTreeSet<String> {
    let block = |value: &Value| match value.reveal() {
        Value::Block(block) => Some(block.address.name.clone()),
        _ => None,
    };
    match body.get(attr) {
        Some(given) => match given.value.elements() {
            Some(all) => all.into_iter().filter_map(block).collect(),
            None => block(&given.value).into_iter().collect(),
        },
        None => BTreeSet::new(),
    }
}

/// The environment that a value names; empty where it names none, or is not known yet.
#[must_use]
pub fn environment(value: &Value) -> String {
    match value.reveal() {
        Value::Block(block) => block.address.name.clone(),
        _ => String::new(),
    }
}

fn name(body: &Body, attr: &str) -> String {
    names(body, attr).pop_first().unwrap_or_default()
}

/// All edges of an estate, by label.
///
/// # Errors
/// A gate whose values are not known before apply.
pub fn edges(estate: &Estate) -> Result<BTreeMap<String, Edge>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut edges = BTreeMap::new();
    for (label, body) in estate.declarations.get("promotion").into_iter().flatten() {
        let gates = GateSpec::read(body).unwrap_or_else(|more| {
            diagnostics.extend(more);
            Vec::new()
        });
        let hold = body.get("on_failure").and_then(|v| v.value.as_str()) == Some("hold");
        let edge = Edge {
            name: label.clone(),
            from: name(body, "from"),
            to: name(body, "to"),
            releases: names(body, "releases"),
            on_failure: if hold { OnFailure::Hold } else { OnFailure::Rollback },
            gates,
            loc: body.loc.clone(),
        };
        edges.insert(label.clone(), edge);
    }
    diagnostics.into_result(edges)
}

/// The edge of that name, or what else is known of edges by their names.
///
/// # Errors
/// There is none.
pub fn find<'e, E>(edges: &'e BTreeMap<String, E>, name: &str) -> Result<&'e E, Diagnostic> {
    edges.get(name).ok_or_else(|| {
        let help = did_you_mean(name, edges.keys().map(String::as_str)).unwrap_or_else(|| {
            if edges.is_empty() {
                "declare one: `promotion \"NAME\" { from = ... to = ... releases = [...] }`".into()
            } else {
                let all: Vec<&str> = edges.keys().map(String::as_str).collect();
                format!("declared are {}", all.join(", "))
            }
        });
        Diagnostic::error(format!("there is no promotion edge `{name}`")).help(help)
    })
}

/// What verifies a release in an environment.
///
/// # Errors
/// A gate whose values are not known before apply.
pub fn verify(estate: &Estate, environment: &str) -> Result<Verify, Diagnostics> {
    let Some(environment) = estate.environments.get(environment) else {
        return Ok(Verify::default());
    };
    let mut verify = Verify::default();
    for block in environment.body.nested("verify") {
        verify.gates.extend(GateSpec::read(&block.body)?);
        let seconds = block.body.get("timeout").and_then(|v| v.value.reveal().as_i64());
        verify.timeout = Duration::from_secs(seconds.and_then(|s| s.try_into().ok()).unwrap_or(0));
    }
    Ok(verify)
}
