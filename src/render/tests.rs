//! Renderings of one realistic plan, of an empty one and of a hostile one.

use serde_json::Value as Json;

use super::*;
use crate::diag::{Diagnostic, Loc, Source};
use crate::value::Plain;

const PLAN: &str = include_str!("../../tests/fixtures/render/plan.json");
const SCHEMA: &str = include_str!("../../docs/plan.schema.json");

fn realistic() -> Plan {
    serde_json::from_str(PLAN).expect("the fixture is a plan")
}

fn empty() -> Plan {
    let mut plan = realistic();
    plan.resource_changes.retain(|c| c.action == crate::plan::model::Action::NoOp);
    plan.summary = crate::plan::model::Summary { no_op: 1, ..Default::default() };
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
    super::plan(plan, format, true, style, &mut out).expect("writing to memory");
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
    let coloured = rendered(&realistic(), Format::Text, &Style::terminal(100));
    assert_ne!(plain, coloured);
    assert_eq!(plain, strip(&coloured));
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
    // The schema is closed: a misspelt field is an error, not an extension.
    let mut wrong = serde_json::to_value(realistic()).expect("JSON");
    wrong["resource_chagnes"] = Json::Null;
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn hostile_names_stay_text() {
    let evil = "x\u{1b}[2J\n```\n</details><script>alert(1)</script> @everyone | \u{202e}";
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
    for format in [Format::Text, Format::Markdown, Format::Html] {
        let text = rendered(&plan, format, &Style::plain());
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{format:?}");
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
                        assert!(!line.contains("<script") && !line.contains(" @every"), "{line}")
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
        (Format::Markdown, "Isolation"),
        (Format::Html, "Isolation"),
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
    assert!(text.contains("left out"));
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
    assert!(text.contains("e99") && !text.contains("e100") && text.contains("and 400 errors more"));
}
