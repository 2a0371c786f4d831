//! Renderings of one realistic plan, of an empty one and of a hostile one.

use serde_json::Value as Json;

use super::*;
use crate::diag::{Diagnostic, Loc, Severity, Source};
use crate::isolation::section::FindingKind;
use crate::value::Plain;

mod alike;
mod comments;
mod pages;

const PLAN: &str = include_str!("../../tests/fixtures/render/plan.json");
const SCHEMA: &str = include_str!("../../docs/plan.schema.json");

fn realistic() -> Plan {
    serde_json::from_str(PLAN).expect("the fixture is a plan")
}

fn empty() -> Plan {
    let mut plan = realistic();
    plan.resource_changes.retain(|c| c.action == crate::plan::model::Action::NoOp);
    plan.summary = crate::plan::model::PlanSummary { no_op: 1, ..Default::default() };
    plan.accounts.clear();
    plan.operations.clear();
    plan.drift.clear();
    plan.isolation = Default::default();
    plan.limits.clear();
    plan.checks.clear();
    plan.outputs_changed.clear();
    plan.diagnostics.clear();
    plan
}

fn rendered(plan: &Plan, format: Format, style: &Style) -> String {
    let mut out = Vec::new();
    super::plan(plan, format, Detail { warnings: true, ..Detail::default() }, style, &mut out)
        .expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/render"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn text() {
    snapshot("plan.txt", &rendered(&realistic(), Format::Text, &Style::plain()));
}

#[test]
fn text_without_changes() {
    snapshot("plan-empty.txt", &rendered(&empty(), Format::Text, &Style::plain()));
}

#[test]
fn colours_change_no_character() {
    let plain = rendered(&realistic(), Format::Text, &Style::plain());
    let coloured = rendered(&realistic(), Format::Text, &Style::terminal(160));
    assert_ne!(plain, coloured);
    // On a terminal lines are folded at its edge.
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&plain).concat(), words(&strip(&coloured)).concat());
}

fn strip(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for c in chars.by_ref() {
                if c == 'm' {
                    break;
                }
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn markdown() {
    snapshot("plan.md", &rendered(&realistic(), Format::Markdown, &Style::plain()));
}

#[test]
fn html() {
    snapshot("plan.html", &rendered(&realistic(), Format::Html, &Style::plain()));
}

#[test]
fn sarif() {
    snapshot("plan.sarif", &rendered(&realistic(), Format::Sarif, &Style::plain()));
}

#[test]
fn json_is_sorted_and_fits_its_schema() {
    let schema: Json = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for plan in [realistic(), empty()] {
        let text = rendered(&plan, Format::Json, &Style::plain());
        let json: Json = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("a plan again"), plan);
        let first: Vec<&str> = text.lines().filter(|l| l.starts_with("  \"")).collect();
        assert!(first.is_sorted(), "{first:?}");
    }
    // What the schema calls findings is what they are called.
    for name in schema["$defs"]["finding_kind"]["enum"].as_array().expect("names") {
        serde_json::from_value::<FindingKind>(name.clone()).expect("a kind of finding");
    }
    // The schema is closed: a misspelt field is an error, not an extension.
    open_objects(&schema, "", &mut |path| panic!("open in the schema: {path}"));
    let plan = serde_json::to_value(realistic()).expect("JSON");
    for place in ["", "/isolation/matrix/0", "/isolation/changes/0", "/isolation/changes/0/via/0"] {
        let mut wrong = plan.clone();
        wrong.pointer_mut(place).expect(place)["misspelt"] = Json::Null;
        assert!(!validator.is_valid(&wrong), "{place}");
    }
}

/// Calls `open` with each place in a schema where an object takes members that the schema does not name: maps say of what.
fn open_objects(schema: &Json, path: &str, open: &mut impl FnMut(&str)) {
    match schema {
        Json::Object(members) => {
            let is_object = members.get("type").is_some_and(|ty| ty.to_string().contains("object"));
            let more = members.get("additionalProperties");
            let named = members.contains_key("properties");
            // A map says what it holds, if only that it may be anything.
            if (is_object && more.is_none()) || (named && more.is_none_or(|more| *more == true)) {
                open(path);
            }
            for (name, inner) in members {
                open_objects(inner, &format!("{path}/{name}"), open);
            }
        }
        Json::Array(items) => {
            items.iter().for_each(|inner| open_objects(inner, path, open));
        }
        _ => {}
    }
}

#[test]
fn hostile_names_stay_text() {
    let evil = "x\u{1b}[2J\u{2028}::error::x\n```\n</details><script>alert(1)</script> @everyone [x](https://evil.example) --> | \u{202e}";
    let mut plan = realistic();
    for change in &mut plan.resource_changes {
        change.display = evil.to_owned();
        change.reason = Some(evil.to_owned());
        if let Some(after) = &mut change.after {
            *after = with(
                after,
                "tags",
                serde_json::json!({ evil: evil, "multi": format!("a\n{evil}") }),
            );
        }
    }
    plan.drift[0].address = evil.to_owned();
    plan.diagnostics[0].summary = evil.to_owned();
    plan.checks[1].message = evil.to_owned();
    let section = &mut plan.isolation;
    section.findings[0].text = evil.to_owned();
    section.matrix[0].from = evil.to_owned();
    section.changes[0].from.environment = evil.to_owned();
    section.changes[0].id = evil.to_owned();
    section.changes[0].principal = Some(evil.to_owned());
    section.changes[0].power = Some(evil.to_owned());
    section.changes[0].via[0].granted_by[0].address = evil.to_owned();
    section.violations = section.changes.clone();
    section.violations[0].rule = Some(evil.to_owned());
    section.violations[0].caused_by = vec![evil.to_owned()];
    section.exceptions.push(crate::isolation::section::ExceptionUse {
        owner: Some(evil.to_owned()),
        approved_by: Some(evil.to_owned()),
        covers: vec![evil.to_owned()],
        days_left: 3,
        expires: evil.to_owned(),
        location: evil.to_owned(),
        name: evil.to_owned(),
        reason: evil.to_owned(),
        rule: evil.to_owned(),
        status: crate::isolation::section::ExceptionStatus::InForce,
    });
    plan.estate.name = evil.to_owned();
    plan.principals.caller = Some(evil.to_owned());
    plan.unread = vec![crate::plan::model::Unread {
        account: evil.to_owned(),
        environments: vec![evil.to_owned()],
        kinds: vec![evil.to_owned()],
        reason: evil.to_owned(),
        objects: vec![evil.to_owned()],
    }];
    for format in [Format::Text, Format::Markdown, Format::Html, Format::Sarif] {
        let text = rendered(&plan, format, &Style::plain());
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{format:?}");
        if format == Format::Sarif {
            // Messages hold links of the form `[text](place)`.
            assert!(!text.contains("]("), "{text}");
        }
        if format == Format::Html {
            assert!(!text.contains("<script"));
        }
        if format == Format::Markdown {
            // Outside the fenced blocks no tag of the input survives, and no fence is closed early.
            let mut fence: Option<&str> = None;
            for line in text.lines() {
                let ticks = line.len() - line.trim_start_matches('`').len();
                match fence {
                    None if ticks >= 3 => fence = Some(&line[..ticks]),
                    Some(open) if line == open => fence = None,
                    None => {
                        let evil = ["<script", " @every", "](", "https://evil"];
                        assert!(!evil.iter().any(|evil| line.contains(evil)), "{line}");
                    }
                    Some(_) => {}
                }
            }
            assert_eq!(fence, None);
        }
    }
}

/// Attributes with one more.
fn with(attrs: &Plain, name: &str, value: Json) -> Plain {
    let mut json = attrs.to_json();
    json[name] = value;
    serde_json::from_value(json).expect("attributes")
}

#[test]
fn the_heading_of_the_walls_stands_once() {
    for (format, heading) in [
        (Format::Text, "Isolation  "),
        (Format::Markdown, "<summary>Isolation"),
        (Format::Html, "<h2 id=\"walls-title\">"),
    ] {
        let text = rendered(&realistic(), format, &Style::plain());
        assert_eq!(text.matches(heading).count(), 1, "{format:?}");
    }
}

#[test]
fn a_comment_never_grows_past_what_github_takes() {
    let mut plan = realistic();
    let big = (0..20_000).map(|i| Json::from(format!("element {i}"))).collect();
    let after = plan.resource_changes[0].after.as_mut().expect("an update");
    *after = with(after, "big", big);
    let text = rendered(&plan, Format::Markdown, &Style::plain());
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("Left out for length: changed objects (1)"), "{text}");
}

#[test]
fn the_walls_of_a_plan_have_one_heading() {
    let of = |format| rendered(&realistic(), format, &Style::plain());
    let (markdown, html) = (of(Format::Markdown), of(Format::Html));
    assert_eq!(markdown.matches("<summary>Isolation").count(), 1, "{markdown}");
    let is_heading = |line: &&str| line.starts_with('#') && line.contains("Isolation");
    assert_eq!(markdown.lines().filter(is_heading).count(), 0, "{markdown}");
    assert_eq!(html.matches(">Isolation</h2>").count(), 1);
    assert_eq!(html.matches("Walls</h").count(), 0);
}

#[test]
fn drift_report() {
    let report = crate::engine::drift::DriftReport::of(&realistic());
    assert!(report.any());
    let mut out = Vec::new();
    drift::text(&report, &Style::plain(), &mut out).expect("writing to memory");
    snapshot("drift.txt", &String::from_utf8(out).expect("UTF-8"));
    snapshot("drift.json", &serde_json::to_string_pretty(&report).expect("JSON"));
    assert!(!crate::engine::drift::DriftReport::of(&empty()).any());
}

fn diagnostics_text(diagnostics: &[Diagnostic], style: &Style) -> String {
    let mut out = Vec::new();
    diagnostics::write(diagnostics, style, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn diagnostics_with_and_without_a_terminal() {
    let main = Source::new("main.hcl", "account \"a\" {\n\temail = varr.mail\n}\n");
    let other = Source::new("vars.hcl", "variable \"mail\" {}\n");
    let long = Source::new("min.json", format!("{{\"a\":{}}}", "x".repeat(5000)));
    let all = [
        Diagnostic::error("unknown name `varr`")
            .at(Loc::new(&main, 23..27))
            .detail("nothing of that name is in scope")
            .help("did you mean `var`?")
            .related(Loc::new(&main, 8..11), "in this block")
            .related(Loc::new(&other, 0..8), "variables are declared here"),
        Diagnostic::warning("account `a` serves no environment").at(Loc::new(&main, 8..11)),
        Diagnostic::error("the state is locked")
            .detail("by `ci`, since 10:00\nrun 7")
            .help("wait, or `palisade state unlock`"),
        Diagnostic::error("malformed policy")
            .at(Loc::new(&long, 10..3000))
            .detail("a brace is missing"),
    ];
    snapshot("diagnostics-plain.txt", &diagnostics_text(&all, &Style::plain()));
    snapshot("diagnostics-graphical.txt", &strip(&diagnostics_text(&all, &Style::terminal(80))));
    assert_eq!(diagnostics::tally(&all), "3 errors and 1 warning");
}

#[test]
fn odd_places_are_no_panic() {
    for text in ["", "\n", "ü", "\u{feff}a\r\nb", "日本\t語\n\n"] {
        let source = Source::new("f", text);
        for start in 0..=text.len() + 1 {
            for end in start..=text.len() + 1 {
                let d = [Diagnostic::error("e").at(Loc::new(&source, start..end)).detail("d")];
                for style in [Style::plain(), Style::terminal(0), Style::terminal(80)] {
                    assert!(diagnostics_text(&d, &style).contains('e'));
                }
            }
        }
    }
}

#[test]
fn floods_are_cut() {
    let all: Vec<Diagnostic> = (0..500).map(|i| Diagnostic::error(format!("e{i}"))).collect();
    let text = diagnostics_text(&all, &Style::plain());
    assert!(text.contains("e99") && !text.contains("e100") && text.contains("and 400 more errors"));
}

/// The role `deploy` of an account: it trusts its own account, and its policy permits `action`.
fn role(account: usize, action: &str) -> crate::plan::model::ResourceChange {
    let (handle, id) =
        (format!("team-{account:04}"), format!("{:012}", 100_000_000_000_usize + account));
    let mut change = realistic().resource_changes.swap_remove(0);
    change.address = format!("iam_role.deploy@{handle}").parse().expect("an address");
    change.display = change.address.to_string();
    change.kind = "iam_role".to_owned();
    change.account = Some(handle.parse().expect("a handle"));
    change.environments = vec![handle.clone()];
    change.category = crate::schema::Category::Iam;
    change.action = crate::plan::model::Action::Create;
    change.location = Some("access.hcl:3".to_owned());
    (change.reason, change.before, change.previous_address) = (None, None, None);
    change.after_unknown.clear();
    change.after_partial.clear();
    change.sensitive.clear();
    change.changed.clear();
    change.replace_because.clear();
    change.policy_diff.clear();
    let statement = |principal: Json, action: &str, resource: &str| {
        serde_json::json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Main", "Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
        ]})
    };
    change.after = serde_json::from_value(serde_json::json!({
        "name": "deploy",
        "description": format!("Deploys to {handle}"),
        "assume_role_policy": statement(
            serde_json::json!({"AWS": format!("arn:aws:iam::{id}:root")}), "sts:AssumeRole", "*"),
        "inline_policies": {"main": statement(Json::Null, action, &format!("arn:aws:s3:::{handle}-data/*"))},
        "tags": {"palisade:address": format!("v1:{handle}")},
    }))
    .expect("attributes");
    change
}

/// A plan of these changes, each in an account of its own.
fn plan_of(changes: Vec<crate::plan::model::ResourceChange>) -> Plan {
    let mut plan = empty();
    plan.summary.create = changes.len();
    plan.accounts = changes
        .iter()
        .map(|change| {
            let account = change.account.as_ref().expect("placed").to_string();
            let digits: String = account.chars().filter(char::is_ascii_digit).collect();
            let number: usize = digits.parse().expect("a number");
            crate::plan::model::AccountChanges {
                account_id: Some(
                    format!("{:012}", 100_000_000_000_usize + number).parse().expect("an id"),
                ),
                account,
                environments: change.environments.clone(),
                changes: [(change.category, vec![change.address.clone()])].into(),
                isolation: Vec::new(),
            }
        })
        .collect();
    plan.resource_changes = changes;
    plan.resource_changes.sort_by(|a, b| a.address.cmp(&b.address));
    plan
}

#[test]
fn one_statement_that_differs_among_two_hundred_is_shown() {
    let alike = rendered(
        &plan_of((0..200).map(|n| role(n, "s3:GetObject")).collect()),
        Format::Text,
        &Style::plain(),
    );
    assert!(alike.contains("iam_role.deploy in 200 accounts"), "{alike}");
    assert!(alike.contains("principal arn:aws:iam::{account_id}:root"), "{alike}");
    assert!(alike.contains("resource arn:aws:s3:::{environment}-data/*"), "{alike}");
    assert!(alike.lines().count() < 30, "{alike}");
    for (what, planted) in [
        ("an action", {
            let mut changes: Vec<_> = (0..200).map(|n| role(n, "s3:GetObject")).collect();
            changes[117] = role(117, "s3:*");
            changes
        }),
        ("another account", {
            let mut changes: Vec<_> = (0..200).map(|n| role(n, "s3:GetObject")).collect();
            let text = serde_json::to_string(&changes[117].after).expect("JSON");
            let text = text.replace("100000000117:root", "100000000003:root");
            changes[117].after = serde_json::from_str(&text).expect("attributes");
            changes
        }),
        ("an action that is named as the account", {
            // Account and environment are called as the action is.
            (0..200).map(|n| role(n, &format!("s3:team-{n:04}"))).collect()
        }),
    ] {
        for format in [Format::Text, Format::Markdown, Format::Html] {
            let text = rendered(&plan_of(planted.clone()), format, &Style::plain());
            let shown = match what {
                "an action" => text.contains("s3:*") && text.contains("iam_role.deploy@team-0117"),
                "another account" => text.contains("100000000003:root"),
                _ => {
                    text.contains("s3:team-0117")
                        || (format == Format::Markdown && text.contains("Left out"))
                }
            };
            assert!(shown, "{what} in {format:?}: {text}");
        }
    }
}

/// Accounts of one block, whose ids are not known yet, are one shape too.
#[test]
fn objects_in_new_accounts_of_one_block_fold() {
    let changes = (0..3).map(|n| {
        let mut change = role(n, "s3:GetObject");
        let (handle, id) = (format!("team.n{n}"), format!("{:012}", 100_000_000_000_usize + n));
        let text = serde_json::to_string(&change).expect("JSON");
        let text = text.replace(&format!("team-{n:04}"), &handle);
        change = serde_json::from_str(
            &text.replace(&id, &format!("${{account.team[\\\"n{n}\\\"].id}}")),
        )
        .expect("a change");
        change
    });
    let mut plan = plan_of(changes.collect());
    plan.accounts.iter_mut().for_each(|account| account.account_id = None);
    let text = rendered(&plan, Format::Text, &Style::plain());
    assert!(text.contains("iam_role.deploy in 3 accounts"), "{text}");
    assert!(text.contains("principal arn:aws:iam::{account_id}:root"), "{text}");
}

#[test]
fn instances_of_one_block_fold_by_their_names_and_never_by_whom_they_trust() {
    let person = |name: &str, trusted: &str| {
        let mut change = role(1, "s3:GetObject");
        change.address =
            format!("iam_role.person[\"{name}\"]@team-0001").parse().expect("an address");
        change.display = change.address.to_string();
        let mut after = change.after.as_ref().expect("attributes").to_json();
        after["name"] = name.into();
        after["assume_role_policy"]["Statement"][0]["Principal"] =
            serde_json::json!({"AWS": format!("arn:aws:iam::100000000001:user/{trusted}")});
        change.after = serde_json::from_value(after).expect("attributes");
        change
    };
    let of = |changes: Vec<crate::plan::model::ResourceChange>| {
        let mut plan = plan_of(vec![role(1, "s3:GetObject")]);
        let all = changes.iter().map(|c| c.address.clone()).collect();
        plan.accounts[0].changes = [(crate::schema::Category::Iam, all)].into();
        plan.resource_changes = changes;
        rendered(&plan, Format::Text, &Style::plain())
    };
    let same = of(["ann", "bob", "cleo"].map(|name| person(name, "all")).to_vec());
    assert!(same.contains("iam_role.person[\"{key}\"] (3 objects: ann, bob, cleo)"), "{same}");
    let own = of(["ann", "bob", "cleo"].map(|name| person(name, name)).to_vec());
    for name in ["ann", "bob", "cleo"] {
        assert!(own.contains(&format!("user/{name}")), "{own}");
    }
}

#[test]
fn what_was_not_read_is_said_first_and_by_name() {
    let mut plan = realistic();
    plan.isolation.violations.clear();
    plan.unread = vec![crate::plan::model::Unread {
        account: "production".to_owned(),
        environments: vec!["production".to_owned()],
        kinds: vec!["iam_role".to_owned()],
        reason: "iam:ListRoles is denied".to_owned(),
        objects: (0..200).map(|n| format!("iam_role.r{n}@production")).collect(),
    }];
    for format in [Format::Text, Format::Markdown, Format::Html, Format::Sarif] {
        let text = rendered(&plan, format, &Style::plain());
        for said in
            ["200 objects not read", "iam_role in production, 200 objects: iam:ListRoles is denied"]
        {
            let said = if format == Format::Markdown {
                said.replace('_', "&#95;")
            } else {
                said.to_owned()
            };
            assert!(text.contains(&said), "{format:?} lacks `{said}`: {text}");
        }
        if format == Format::Sarif {
            continue;
        }
        assert!(text.contains("r7"), "{format:?} names them: {text}");
        assert!(!text.contains("No changes. AWS matches"), "{format:?}: {text}");
    }
    let text = rendered(&plan, Format::Text, &Style::plain());
    assert!(text.contains("and 180 more objects: `--full` lists them"), "{text}");
    let mut out = Vec::new();
    let detail = Detail { full: true, ..Detail::default() };
    super::plan(&plan, Format::Text, detail, &Style::plain(), &mut out).expect("memory");
    assert!(String::from_utf8(out).expect("UTF-8").contains("iam_role.r199@production"));
}

#[test]
fn walls_that_are_not_decided_are_not_called_paths() {
    let mut plan = realistic();
    for path in &mut plan.isolation.violations {
        path.verdict = crate::isolation::section::WallVerdict::Undetermined;
    }
    let text = rendered(&plan, Format::Text, &Style::plain());
    assert!(text.contains("1 wall that an isolation rule protects is undetermined"), "{text}");
    assert!(!text.contains("path breaks"), "{text}");
}

#[test]
fn five_thousand_creations_are_readable_in_every_format() {
    // Every tenth account permits something of its own.
    let changes = (0..5_000).map(|n| match n % 10 {
        0 => role(n, &format!("s3:Get{n}")),
        _ => role(n, "s3:GetObject"),
    });
    let mut plan = plan_of(changes.collect());
    let violation = realistic().isolation.violations[0].clone();
    plan.isolation = realistic().isolation;
    plan.isolation.violations = (0..6_000)
        .map(|n| {
            let mut path = violation.clone();
            path.id = format!("P-{n:08x}");
            path
        })
        .collect();
    let text = rendered(&plan, Format::Text, &Style::plain());
    assert!(text.lines().count() < 2_500, "{}", text.lines().count());
    assert!(text.contains("iam_role.deploy in 4500 accounts"));
    let markdown = rendered(&plan, Format::Markdown, &Style::plain());
    assert!(markdown.chars().count() < 60_000, "{}", markdown.chars().count());
    assert!(markdown.contains("Left out for length"), "{markdown}");
    let sarif: Json =
        serde_json::from_str(&rendered(&plan, Format::Sarif, &Style::plain())).expect("JSON");
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().expect("a list").len(), 5_000);
    assert!(run["properties"]["results_left_out"].as_u64().expect("a number") > 1_000, "{run}");
    let html = rendered(&plan, Format::Html, &Style::plain());
    assert!(html.contains("iam_role.deploy in 4500 accounts"));
    assert!(rendered(&plan, Format::Json, &Style::plain()).contains("team-4999"));
}

#[test]
fn the_verdict_comes_first() {
    let plan = realistic();
    let sentence = "1 path breaks an isolation rule";
    for (format, lines) in [(Format::Text, 3), (Format::Markdown, 6), (Format::Html, 8)] {
        let text = rendered(&plan, format, &Style::plain());
        let head: Vec<&str> = text.lines().take(lines).collect();
        assert!(head.iter().any(|line| line.contains(sentence)), "{format:?}: {head:?}");
    }
    let json: Json =
        serde_json::from_str(&rendered(&plan, Format::Sarif, &Style::plain())).expect("JSON");
    let verdict = json["runs"][0]["properties"]["verdict"].as_str().expect("a text");
    assert!(verdict.starts_with(sentence), "{verdict}");
}

#[test]
fn every_result_of_code_scanning_has_a_place_in_the_checkout() {
    let mut plan = realistic();
    // What has no place of its own: a wall as a whole, a standing violation, a check, a diagnostic.
    let mut wall = plan.isolation.violations[0].clone();
    (wall.via, wall.locations, wall.witness) = (Vec::new(), None, None);
    wall.caused_by.clear();
    wall.id = "P-00000001".to_owned();
    plan.isolation.violations.push(wall);
    for check in &mut plan.checks {
        check.status = crate::plan::model::CheckStatus::Fail;
    }
    for diagnostic in &mut plan.diagnostics {
        diagnostic.location = None;
    }
    for (at, diagnostic) in plan.diagnostics.clone().into_iter().enumerate() {
        let file = ["/etc/passwd", "../../outside.hcl"][at % 2].to_owned();
        let location = Some(crate::plan::model::PlanLocation { file, line: 0, column: 0 });
        let severity = [Severity::Warning, Severity::Error][at % 2];
        plan.diagnostics.push(crate::plan::model::PlanDiagnostic {
            location,
            severity,
            ..diagnostic
        });
    }
    // Several grades of one list: each has a rule of its own, whose results agree with it.
    let mut doubtful = plan.isolation.violations[0].clone();
    doubtful.severity = crate::isolation::section::RuleSeverity::Warning;
    doubtful.rule = Some("isolation.doubtful".to_owned());
    plan.isolation.violations.push(doubtful);
    let mut out = Vec::new();
    let detail = Detail { below: "infra/estate", ..Detail::default() };
    super::plan(&plan, Format::Sarif, detail, &Style::plain(), &mut out)
        .expect("writing to memory");
    let json: Json = serde_json::from_slice(&out).expect("JSON");
    let run = &json["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in run["results"].as_array().expect("results") {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a file");
        assert!(uri.starts_with("infra/estate/"), "{result}");
        assert!(place["region"]["startLine"].as_u64().expect("a line") > 0, "{result}");
        let rule =
            &rules[usize::try_from(result["ruleIndex"].as_u64().expect("a rule")).expect("small")];
        assert_eq!(rule["id"], result["ruleId"]);
        // Who rewrites the log may leave `warning` out, and then the rule's own level holds.
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"], "{rule}");
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().expect("a text").is_empty(), "{rule}");
        }
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string(), "{result}");
    }
    assert_eq!(run["automationDetails"]["id"], "palisade/acme/");
}

#[test]
fn a_large_matrix_is_folded_in_a_comment_with_its_totals() {
    let mut plan = realistic();
    let row = plan.isolation.matrix[0].clone();
    plan.isolation.matrix = (0..200)
        .map(|n| {
            let mut row = row.clone();
            (row.from, row.to) = (format!("team-{n}"), format!("other-{n}"));
            let verdict = match n {
                7 => crate::isolation::section::WallVerdict::Reachable,
                _ => crate::isolation::section::WallVerdict::Isolated,
            };
            (row.before, row.after) = (verdict, verdict);
            row
        })
        .collect();
    let text = rendered(&plan, Format::Markdown, &Style::plain());
    assert!(text.contains("| team-7 | other-7 | reachable |"), "{text}");
    assert!(!text.contains("team-8"), "{text}");
    assert!(text.contains("199 of 200 walls are isolated, before and after."), "{text}");
}

#[test]
fn code_scanning_is_told_of_exceptions_that_end() {
    use crate::isolation::section::{ExceptionStatus, ExceptionUse};
    let mut plan = realistic();
    let permit = |name: &str, days_left, status| ExceptionUse {
        approved_by: Some("the board".to_owned()),
        covers: Vec::new(),
        days_left,
        expires: "2026-12-01".to_owned(),
        location: "rules.hcl:12".to_owned(),
        name: name.to_owned(),
        owner: Some("data".to_owned()),
        reason: "SEC-1".to_owned(),
        rule: "isolation.environments".to_owned(),
        status,
    };
    plan.isolation.exceptions = vec![
        permit("soon", 3, ExceptionStatus::InForce),
        permit("later", 300, ExceptionStatus::InForce),
        permit("over", -2, ExceptionStatus::Expired),
        permit("idle", 300, ExceptionStatus::Unused),
    ];
    let json: Json =
        serde_json::from_str(&rendered(&plan, Format::Sarif, &Style::plain())).expect("JSON");
    let results = json["runs"][0]["results"].as_array().expect("results");
    let said: Vec<(&str, &str, &str)> = results
        .iter()
        .filter(|r| r["ruleId"].as_str().is_some_and(|id| id.starts_with("exception/")))
        .map(|r| {
            let text = r["message"]["text"].as_str().expect("a text");
            assert!(text.contains("owner data; approved by the board"), "{text}");
            let place = &r["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "rules.hcl");
            assert_eq!(place["region"]["startLine"], 12);
            let name = text.split(' ').next().expect("a name");
            (r["ruleId"].as_str().expect("a rule"), r["level"].as_str().expect("a level"), name)
        })
        .collect();
    assert_eq!(
        said,
        [
            ("exception/ending", "warning", "isolation.environments.soon"),
            ("exception/ended", "warning", "isolation.environments.over"),
            ("exception/unused", "note", "isolation.environments.idle"),
        ]
    );
}

#[test]
fn exceptions_that_are_not_listed_are_counted_by_how_they_stand() {
    use super::style::Tone;
    use crate::isolation::section::{ExceptionStatus, ExceptionUse};
    let mut plan = realistic();
    let permit = |days_left, status| ExceptionUse {
        approved_by: None,
        covers: Vec::new(),
        days_left,
        expires: "2026-12-01".to_owned(),
        location: "rules.hcl:12".to_owned(),
        name: format!("e{days_left}"),
        owner: None,
        reason: "SEC-1".to_owned(),
        rule: "isolation.environments".to_owned(),
        status,
    };
    let mut rest = |more: Vec<ExceptionUse>| {
        let ended = (0..12).map(|n| permit(-100 - n, ExceptionStatus::Expired));
        plan.isolation.exceptions = ended.chain(more).collect();
        let facts = super::verdict::facts(&plan);
        let fact = facts.into_iter().find(|fact| fact.text.starts_with("and "));
        fact.map(|fact| (fact.text, fact.tone))
    };
    let ended = |n: i32| permit(-n, ExceptionStatus::Expired);
    let (soon, later) =
        (permit(3, ExceptionStatus::InForce), permit(300, ExceptionStatus::InForce));
    let idle = permit(4, ExceptionStatus::Unused);
    assert_eq!(rest(Vec::new()), None);
    for (more, text, tone) in [
        (vec![later.clone()], "and 1 more exception: 1 is in force", Tone::Plain),
        (vec![soon.clone(), later.clone()], "and 2 more exceptions: 2 are in force", Tone::Warn),
        (vec![idle.clone()], "and 1 more exception: 1 covers nothing", Tone::Warn),
        (vec![ended(1), ended(2), ended(3)], "and 3 more exceptions: 3 have ended", Tone::Bad),
        (
            vec![ended(1), later, idle],
            "and 3 more exceptions: 1 has ended, 1 is in force, 1 covers nothing",
            Tone::Bad,
        ),
    ] {
        assert_eq!(rest(more), Some((text.to_owned(), tone)));
    }
}

#[test]
fn lines_for_a_terminal_end_at_spaces() {
    let mut plan = plan_of((0..7).map(|n| role(n, "s3:GetObject")).collect());
    plan.isolation = realistic().isolation;
    // With and without colours.
    for (width, color) in [(80, true), (120, true), (80, false)] {
        let style = Style { color, ..Style::terminal(width) };
        let text = strip(&rendered(&plan, Format::Text, &style));
        for line in text.lines() {
            let longest = line.split(' ').map(style::columns).max().unwrap_or(0);
            let is_value = longest > width - 20;
            assert!(is_value || style::columns(line) <= width, "{width}: {line}");
        }
        assert!(text.contains("7 accounts: team-0000"), "{text}");
    }
}

#[test]
fn a_comment_is_found_again_by_its_estate_and_selection() {
    let mark = |plan: &Plan| {
        rendered(plan, Format::Markdown, &Style::plain()).lines().next().expect("a line").to_owned()
    };
    let mut plan = realistic();
    assert_eq!(mark(&plan), "<!-- palisade estate=acme environments= accounts= targets= -->");
    plan.selection.environments = vec!["dev".into(), "a-->b".into()];
    plan.estate.name = "x --> y\n".to_owned();
    assert_eq!(
        mark(&plan),
        "<!-- palisade estate=x%20%2D%2D%3E%20y%0A environments=dev,a%2D%2D%3Eb accounts= targets= -->"
    );
}

/// Sixty environments with the longest names that there are, each of which reaches ten others.
fn sixty_environments(name: &dyn Fn(usize) -> String) -> Plan {
    use crate::isolation::section::{
        ExceptionStatus, ExceptionUse, Finding, FindingKind, RuleSeverity, WallVerdict,
    };
    let mut plan = plan_of((0..60).map(|n| role(n, &format!("s3:Get{n}"))).collect());
    plan.isolation = realistic().isolation;
    let violation = plan.isolation.violations[0].clone();
    let (row, long) = (plan.isolation.matrix[0].clone(), "why ".repeat(200));
    let section = &mut plan.isolation;
    section.environments = (0..60).map(name).collect();
    section.matrix.clear();
    section.violations.clear();
    for from in 0..60 {
        for to in (0..60).filter(|to| *to != from) {
            let is_open = usize::is_multiple_of(to + from, 6);
            let mut wall = row.clone();
            (wall.from, wall.to) = (name(from), name(to));
            wall.before = WallVerdict::Isolated;
            wall.after = if is_open { WallVerdict::Reachable } else { WallVerdict::Isolated };
            section.matrix.push(wall);
            if is_open {
                let mut path = violation.clone();
                path.id = format!("P-{from:04}{to:04}");
                (path.from.environment, path.to.environment) = (name(from), name(to));
                (path.from.account, path.to.account) = (None, None);
                path.reason = Some(long.clone());
                section.violations.push(path);
            }
        }
    }
    section.changes = section.violations.clone();
    section.exceptions = (0..200)
        .map(|n| ExceptionUse {
            approved_by: Some(long.clone()),
            covers: Vec::new(),
            days_left: 200 - n,
            expires: "2026-12-01".to_owned(),
            location: "rules.hcl:12".to_owned(),
            name: format!("exception_{n}"),
            owner: Some(long.clone()),
            reason: long.clone(),
            rule: "isolation.environments".to_owned(),
            status: ExceptionStatus::InForce,
        })
        .collect();
    section.findings = (0..200)
        .map(|n| Finding {
            addresses: Vec::new(),
            also: Vec::new(),
            from: Some(name(n % 60)),
            granted_by: Vec::new(),
            kind: FindingKind::SharedResource,
            severity: RuleSeverity::Warning,
            text: format!("{n} {long}"),
            to: None,
        })
        .collect();
    plan.unread = (0..200)
        .map(|n| crate::plan::model::Unread {
            account: format!("account-{n}"),
            environments: vec![name(n % 60)],
            kinds: vec![long.clone()],
            reason: long.clone(),
            objects: (0..200).map(|n| format!("{n} {long}")).collect(),
        })
        .collect();
    plan
}

#[test]
fn a_comment_about_sixty_environments_holds_what_matters_first() {
    let short = |n: usize| format!("team-{n:02}");
    let long = |n: usize| format!("team-{n:02}-{}", "*_<".repeat(400));
    for (what, name) in [("short", &short as &dyn Fn(usize) -> String), ("long", &long)] {
        let text = rendered(&sixty_environments(name), Format::Markdown, &Style::plain());
        assert!(text.chars().count() < 60_000, "{what}: {}", text.chars().count());
        let place =
            |part: &str| text.find(part).unwrap_or_else(|| panic!("{what}: {part}: {text}"));
        let order = [
            "paths break an isolation rule",
            "**exception** isolation.environments.exception&#95;199",
            "188 more exceptions",
            "### Forbidden, new with this plan: ",
            "| account | environments | changes |",
            "<summary>Isolation: 3540 walls",
            "of 3540 walls are isolated, before and after.",
            "Left out for length",
        ];
        let places: Vec<usize> = order.iter().map(|part| place(part)).collect();
        assert!(places.is_sorted(), "{what}: {places:?}");
        // Only what is not isolated is listed.
        let table = &text[places[5]..places[6]];
        assert!(table.contains("| from | to | verdict |"), "{what}: {table}");
        assert!(!table.contains("| isolated |"), "{what}: {table}");
        // No part is cut in its middle.
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{what}");
    }
    // The many ways from one environment by one statement are one line.
    let text = rendered(&sixty_environments(&short), Format::Text, &Style::plain());
    let line = text.lines().find(|line| line.contains("team-00 -> ")).expect("a line");
    assert!(line.contains("team-06, team-12") && line.contains("alike)"), "{line}");
}
