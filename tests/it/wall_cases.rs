//! Walls judged by hand, from configuration to verdict: `tests/walls/`, one file a kind of mistake that was made once,
//! each case a configuration with the verdict that AWS's documentation gives it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use crate::support::cli::Program;

/// Four accounts below one unit: `dev`, `shared` (environment `tools`), `prod`, and `loose` in no environment.
const ESTATE: &str = include_str!("../walls/estate.hcl");
/// The principal of `dev` where a case declares none.
const CI: &str = include_str!("../walls/ci.hcl");

/// One case of a file.
struct Case {
    name: String,
    from: String,
    to: String,
    verdict: String,
    /// A kind of finding about `to` that the plan has to have, or must not have.
    finding: Option<(bool, String)>,
    body: String,
}

/// A case begins with `# == NAME`; the next line says `# FROM -> TO: VERDICT`, and maybe `, finding KIND` or
/// `, no finding KIND`. Blocks before the first case belong to every case of the file.
fn cases(text: &str) -> Vec<Case> {
    let (common, _) = text.split_once("# == ").expect("a case");
    let parse = |part: &str| {
        let (name, rest) = part.split_once('\n').expect("a name");
        let (head, body) = rest.split_once('\n').expect("a body");
        let (wall, says) = head.trim_start_matches("# ").split_once(": ").expect("a verdict");
        let (from, to) = wall.split_once(" -> ").expect("a wall");
        let (verdict, finding) = says.split_once(", ").map_or((says, None), |(v, f)| (v, Some(f)));
        let finding = finding.map(|text| {
            let (no, kind) = match text.strip_prefix("no finding ") {
                Some(kind) => (true, kind),
                None => (false, text.strip_prefix("finding ").expect("a finding")),
            };
            (!no, kind.to_owned())
        });
        let owned = str::to_owned;
        Case {
            name: owned(name),
            from: owned(from),
            to: owned(to),
            verdict: owned(verdict),
            finding,
            body: format!("{common}{body}"),
        }
    };
    text.split("# == ").skip(1).map(parse).collect()
}

/// What is wrong about a case.
fn wrong(program: &Program, case: &Case) -> Option<String> {
    let ci = if case.body.contains("iam_role \"ci\"") { "" } else { CI };
    program.write("main.hcl", &format!("{ESTATE}{ci}{}", case.body));
    let args = ["plan", "--format", "json", "--fail-on", "none", "--reason", "a case"];
    let run = program.run(&args).code(0);
    let plan: Json = serde_json::from_str(&run.out).expect("JSON");
    let section = &plan["isolation"];
    let rows = section["matrix"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["from"] == *case.from && row["to"] == *case.to);
    let after = &row.expect("a row")["after"];
    if *after != *case.verdict {
        return Some(format!("is {after}, right is {}", case.verdict));
    }
    let (is_wanted, kind) = case.finding.as_ref()?;
    let findings = section["findings"].as_array().expect("findings");
    let has = findings.iter().any(|f| f["kind"] == **kind && f["to"] == *case.to);
    (has != *is_wanted).then(|| format!("finding `{kind}`: {has}, right is {is_wanted}"))
}

/// Every file has at least three cases beside the one that showed its kind, which stands elsewhere, and both an open
/// wall and one that is not: a judge that always says the same is right about neither.
#[test]
fn every_kind_of_wall_is_judged_right() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/walls");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.file_name().is_some_and(|name| name != "estate.hcl" && name != "ci.hcl")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 18, "{files:?}");
    let program = Program::new(ESTATE);
    let (mut all, mut told) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let cases = cases(&text);
        let said: BTreeSet<String> =
            cases.iter().map(|c| format!("{} {:?}", c.verdict, c.finding)).collect();
        assert!(cases.len() >= 3 && said.len() >= 2, "{}: {said:?}", file.display());
        for case in &cases {
            all += 1;
            if let Some(what) = wrong(&program, case) {
                told.push(format!("{}: {}: {what}", file.display(), case.name));
            }
        }
    }
    println!("{all} walls");
    assert!(told.is_empty(), "{}", told.join("\n"));
}
