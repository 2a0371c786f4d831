//! Broken rules as SARIF 2.1.0, for code scanning: violations of the walls, failed checks, and what is
//! wrong with the configuration.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::diag;
use crate::isolation::section::Severity;
use crate::plan::model::{CheckStatus, Plan, PlanDiagnostic};

use super::isolation::view;
use super::refusal::Refusal;
use super::style::safe;

/// A place: file, line and, where it is known, column.
type At<'a> = (&'a str, usize, Option<usize>);

/// Writes the log. Results stand at the declaration of the first object that causes them.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let places: BTreeMap<String, &str> = plan
        .resource_changes
        .iter()
        .filter_map(|c| Some((c.address.canonical(), c.location.as_deref()?)))
        .chain(
            plan.resource_changes
                .iter()
                .filter_map(|c| Some((c.display.clone(), c.location.as_deref()?))),
        )
        .collect();
    let mut results = Vec::new();
    for violation in &plan.isolation.violations {
        let rule = violation.rule.as_deref().unwrap_or("isolation");
        let level = match violation.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let message = format!(
            "{} can reach {}: {} may {} on {} ({})",
            safe(&view::end(&violation.from)),
            safe(&view::end(&violation.to)),
            violation.principal.as_deref().unwrap_or("a principal"),
            violation.actions.join(", "),
            violation.resources.join(", "),
            violation.verdict.name(),
        );
        let at = violation.caused_by.iter().find_map(|address| places.get(address).copied());
        let (at, id) = (at.and_then(split), Some(violation.id.as_str()));
        results.push(result("isolation/", rule, level, &message, at, id));
    }
    for check in plan.checks.iter().filter(|c| c.status == CheckStatus::Fail) {
        results.push(result("check/", &check.name, "warning", &check.message, None, None));
    }
    results.extend(plan.diagnostics.iter().map(configuration));
    log(&plan.palisade_version, &results, out)
}

/// Writes why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &Refusal, out: &mut dyn Write) -> io::Result<()> {
    let results: Vec<Json> = refusal.diagnostics.iter().map(configuration).collect();
    log(&refusal.palisade_version, &results, out)
}

fn configuration(d: &PlanDiagnostic) -> Json {
    let level = match d.severity {
        diag::Severity::Error => "error",
        diag::Severity::Warning => "warning",
    };
    let message = match &d.detail {
        Some(detail) => format!("{}: {detail}", d.summary),
        None => d.summary.clone(),
    };
    let at = d.location.as_ref().map(|l| (l.file.as_str(), l.line, Some(l.column)));
    result("", "configuration", level, &message, at, None)
}

fn log(version: &str, results: &[Json], out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<&str> = results.iter().filter_map(|r| r.get("ruleId")?.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Json> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "palisade", "version": version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    super::json::write(&log, out)
}

fn split(location: &str) -> Option<At<'_>> {
    let (file, line) = location.rsplit_once(':')?;
    Some((file, line.parse().ok()?, None))
}

fn result(
    prefix: &str,
    rule: &str,
    level: &str,
    message: &str,
    at: Option<At<'_>>,
    fingerprint: Option<&str>,
) -> Json {
    let mut result = json!({
        "ruleId": format!("{prefix}{rule}"),
        "level": level,
        "message": {"text": message},
    });
    if let Some(object) = result.as_object_mut() {
        if let Some((file, line, column)) = at {
            let region = match column {
                Some(column) => json!({"startLine": line, "startColumn": column}),
                None => json!({"startLine": line}),
            };
            let place = json!([{"physicalLocation": {
                "artifactLocation": {"uri": file.replace('\\', "/")},
                "region": region,
            }}]);
            object.insert("locations".to_owned(), place);
        }
        if let Some(id) = fingerprint {
            object.insert("partialFingerprints".to_owned(), json!({"palisade/path/v1": id}));
        }
    }
    result
}
