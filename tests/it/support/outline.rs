//! What a plan's JSON says first, in few lines: its verdict, its changes by name, and its paths. The whole form is
//! compared with `docs/plan.schema.json` by the tests of the renderer.

use serde_json::{Map, Value as Json, json};

/// Parts of a path that say who reaches what, and why.
const OF_PATH: [&str; 12] = [
    "id",
    "from",
    "to",
    "change",
    "verdict",
    "grade",
    "principal",
    "actions",
    "resources",
    "caused_by",
    "locations",
    "rule",
];

/// The outline of a plan, as indented JSON.
pub(crate) fn outline(plan: &str) -> String {
    let plan: Json = serde_json::from_str(plan).expect("JSON");
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let paths = |value: &Json| -> Vec<Json> {
        let parts = |path: &Json| {
            let part = |name: &&str| Some(((*name).to_owned(), path.get(*name)?.clone()));
            Json::Object(OF_PATH.iter().filter_map(part).collect::<Map<_, _>>())
        };
        list(value).iter().map(parts).collect()
    };
    let changes = list(&plan["resource_changes"]);
    let changes = changes.iter().filter(|change| change["action"] != "no_op");
    let changes = changes.map(|change| {
        format!("{} {}", change["action"].as_str().unwrap(), change["display"].as_str().unwrap())
    });
    let isolation = &plan["isolation"];
    let matrix = list(&isolation["matrix"]);
    let matrix = matrix.iter().map(|row| {
        let word = |name: &str| row[name].as_str().unwrap().to_owned();
        format!("{} -> {}: {} -> {}", word("from"), word("to"), word("before"), word("after"))
    });
    let drift = list(&plan["drift"]);
    let drift = drift.iter().map(|drift| {
        format!("{} {}", drift["status"].as_str().unwrap(), drift["address"].as_str().unwrap())
    });
    let outline = json!({
        "summary": plan["summary"],
        "changes": changes.collect::<Vec<_>>(),
        "drift": drift.collect::<Vec<_>>(),
        "matrix": matrix.collect::<Vec<_>>(),
        "paths": paths(&isolation["changes"]),
        "violations": paths(&isolation["violations"]),
        "exceptions": isolation["exceptions"],
    });
    let text = serde_json::to_string_pretty(&outline).expect("JSON");
    // Days pass.
    let days = |line: &str| match line.split_once("\"days_left\": ") {
        Some((head, _)) => format!("{head}\"days_left\": N,\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(days).collect()
}
