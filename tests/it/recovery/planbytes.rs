//! Every byte of a saved plan, every length of it, and every value in it: none can be another.

use std::collections::BTreeSet;

use palisade::config::{LoadOptions, VarArg, load};
use palisade::engine::saved_plan::{self, Saved};
use palisade::engine::{EngineError, digest};
use palisade::plan::seal;
use serde_json::Value as Json;

use super::planfile::{PASSWORD, TOKEN, apply, saved, sealed};
use crate::support::cli::Program;
use crate::support::estates::two_environments;

const SMALL: &str = r#"
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
"#;

fn open(bytes: &[u8]) -> Result<Saved, EngineError> {
    saved_plan::open("a.plan", bytes)
}

/// It is refused for what it is, with what to do.
#[track_caller]
fn refused(what: &str, bytes: &[u8]) {
    let Err(EngineError::Failed(found)) = open(bytes) else { panic!("{what} was accepted") };
    let told = found.iter().next().expect("told");
    assert!(told.summary.contains("`a.plan` is not a saved plan"), "{what}: {told}");
    assert!(told.help.as_ref().is_some_and(|h| h.contains("plan --out")), "{what}: {told}");
}

#[test]
fn no_byte_can_be_another_none_can_be_missing_and_none_more() {
    // A short one, for each of its bytes is a file to read.
    let p = Program::new(SMALL);
    p.run(&["plan", "--out", "a.plan"]).code(0);
    let bytes = std::fs::read(p.path().join("a.plan")).expect("a file");
    assert!(open(&bytes).is_ok() && bytes.len() > 2_000, "{} bytes", bytes.len());
    // Each in two ways, so that every bit of some byte has its turn.
    for at in 0..bytes.len() {
        for flip in [1 << (at % 8), 0x80] {
            let mut altered = bytes.clone();
            altered[at] ^= flip;
            refused(&format!("byte {at} ^ {flip:#x}"), &altered);
        }
    }
    for length in 0..bytes.len() {
        refused(&format!("cut to {length} bytes"), &bytes[..length]);
    }
    for more in [&b" "[..], b"\n", b"{}", b"\0", b"\xff"] {
        refused(&format!("with {more:?} behind it"), &[&bytes, more].concat());
        refused(&format!("with {more:?} before it"), &[more, &bytes].concat());
    }
}

/// Where every value of a document stands.
fn places(json: &Json, at: String, into: &mut Vec<String>) {
    match json {
        Json::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, format!("{at}/{name}"), into);
            }
        }
        Json::Array(list) if !list.is_empty() => {
            for (number, value) in list.iter().enumerate() {
                places(value, format!("{at}/{number}"), into);
            }
        }
        _ => into.push(at),
    }
}

/// Another value of the same type, and one of another.
fn others(value: &Json) -> [Json; 2] {
    match value {
        Json::String(text) => [format!("{text}x").into(), 7.into()],
        Json::Number(number) => [(number.as_f64().unwrap_or_default() + 1.0).into(), "7".into()],
        Json::Bool(is) => [(!is).into(), "true".into()],
        Json::Null => ["x".into(), 7.into()],
        _ => ["x".into(), Json::Null],
    }
}

/// What of a plan is not compared: it says how the plan came about, by whom, or what others do, and
/// neither says what is done nor decides it.
const BESIDE: [&str; 12] = [
    "/plan/format_version",
    "/plan/palisade_version",
    "/plan/generated_at",
    "/plan/estate/location",
    "/plan/principals",
    "/plan/recovery",
    "/plan/drift",
    "/plan/limits",
    "/plan/diagnostics",
    "/plan/outputs_changed",
    "/plan/summary/drifted",
    "/plan/isolation/findings",
];

#[test]
fn no_value_of_a_plan_can_be_another_though_the_checksum_is_right() {
    let (p, text) = saved();
    let now = open(text.as_bytes()).expect("a plan").plan;
    let var = VarArg::Value { name: "password".into(), text: PASSWORD.into() };
    let options = LoadOptions { vars: vec![var], ..LoadOptions::default() };
    let configuration = digest::configuration(&load(p.path(), &options).configuration);
    let mut again = now.clone();
    seal(&mut again, &configuration);
    assert_eq!(again.digest, now.digest, "the configuration is the one that was planned");

    let json: Json = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    places(&json["plan"], "/plan".to_owned(), &mut all);
    assert!(all.len() > 200, "{} values", all.len());
    let mut accepted = BTreeSet::new();
    for place in &all {
        for other in others(json.pointer(place).expect("it is there")) {
            let mut forged = json.clone();
            *forged.pointer_mut(place).expect("it is there") = other;
            let end = open(sealed(forged).as_bytes())
                .and_then(|forged| saved_plan::require_same(&forged.plan, &now, &configuration));
            match end {
                Ok(()) => {
                    accepted.insert(place.as_str());
                }
                Err(error) => {
                    let (EngineError::Failed(found) | EngineError::Stale(found)) = &error else {
                        panic!("{place}: {error:?}")
                    };
                    assert!(found.iter().all(|d| d.help.is_some()), "{place}: {error:?}");
                }
            }
        }
    }
    let compared = |place: &&&str| !BESIDE.iter().any(|beside| place.starts_with(beside));
    let wrong: Vec<_> = accepted.iter().filter(compared).collect();
    assert!(wrong.is_empty(), "these can be forged: {wrong:#?}");
}

/// Nothing of a plan can be left out, either.
#[test]
fn no_part_of_a_plan_file_can_be_missing_though_the_checksum_is_right() {
    let (_p, text) = saved();
    let json: Json = serde_json::from_str(&text).expect("JSON");
    for (part, within) in [("", &json), ("/plan", &json["plan"])] {
        for name in within.as_object().expect("an object").keys() {
            if part.is_empty() && name == "checksum" {
                continue;
            }
            let mut forged = json.clone();
            forged.pointer_mut(part).and_then(Json::as_object_mut).expect("it").remove(name);
            let end = open(sealed(forged).as_bytes());
            // (What older files did not have is empty where it is not said; an estate without a name is then
            // refused as another one's.)
            let may = part == "/plan"
                && ["recovery", "outputs_changed", "principals", "estate"].contains(&name.as_str());
            assert!(end.is_err() || may, "{part}/{name}");
        }
    }
}

#[test]
fn what_is_no_plan_is_told_whatever_it_is() {
    let checked = |text: &str| sealed(serde_json::from_str(text).expect("JSON")).into_bytes();
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(200_000), close.repeat(200_000));
        format!("{{\"palisade_plan_file\": 4, \"checksum\": \"x\", \"plan\": {open}1{close}}}")
    };
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("a word", b"plan".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        (
            "another tool's",
            b"{\"format_version\": \"1.2\", \"terraform_version\": \"1.9\"}".to_vec(),
        ),
        ("an archive", b"PK\x03\x04\x14\0\0\0".to_vec()),
        ("no text", b"{\"palisade_plan_file\": 3, \"checksum\": \"\xff\xfe\"}".to_vec()),
        ("no checksum", b"{\"palisade_plan_file\": 3}".to_vec()),
        ("an empty checksum", b"{\"palisade_plan_file\": 3, \"checksum\": \"\"}".to_vec()),
        ("a checksum that is a number", b"{\"palisade_plan_file\": 3, \"checksum\": 3}".to_vec()),
        ("an older format", checked("{\"palisade_plan_file\": 2, \"plan\": {}}")),
        ("a newer format", checked("{\"palisade_plan_file\": 18446744073709551615}")),
        ("a format of another type", checked("{\"palisade_plan_file\": \"3\"}")),
        ("nothing but the right checksum", checked("{\"palisade_plan_file\": 3}")),
        ("deep lists", deep("[", "]").into_bytes()),
        ("deep objects", deep("{\"a\":", "}").into_bytes()),
    ] {
        refused(what, &bytes);
    }
}

/// Plans outlive the program that made them: what a newer version adds is passed over, what it says in
/// words that this one does not know is refused, and what an older one did not say is empty.
#[test]
fn a_plan_of_another_version_is_read_or_refused_in_a_sentence() {
    let (p, text) = saved();
    let change = |change: &dyn Fn(&mut Json)| {
        let mut json: Json = serde_json::from_str(&text).expect("JSON");
        change(&mut json);
        p.write("a.plan", &sealed(json));
    };
    change(&|plan| plan["plan"]["invented_later"] = serde_json::json!({"deep": [1]}));
    p.run(&["show", "a.plan"]).code(0);
    change(&|plan| {
        plan["plan"].as_object_mut().expect("a plan").remove("principals");
    });
    let shown = p.run(&["show", "a.plan"]).code(0);
    assert!(!shown.out.contains("Caller"), "it says nothing of its principals: {}", shown.out);
    change(&|plan| plan["plan"]["resource_changes"][0]["action"] = "teleport".into());
    let refused = p.run(&["show", "a.plan"]).code(1);
    assert!(refused.err.contains("`a.plan` is not a saved plan: unknown variant `teleport`"));
    change(&|plan| plan["palisade_plan_file"] = 5.into());
    let refused = apply(&p).code(1);
    assert!(refused.err.contains("it has format 5, and this version reads 4"), "{}", refused.err);
    // A version whose digests covered something else: the plan is not the one that follows now.
    change(&|plan| {
        plan["plan"]["palisade_version"] = "0.0.1".into();
        plan["plan"]["digest"] = format!("sha256:{}", "0".repeat(64)).into();
    });
    let stale = apply(&p).code(4);
    assert!(stale.err.contains("the plan was made by version 0.0.1, this is"), "{}", stale.err);
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "nothing was applied");
}

/// Who approves a plan reads its exceptions; what the calendar makes of them is no part of that.
#[test]
fn exceptions_in_a_plan_file_are_those_of_the_configuration() {
    let p = Program::new(&two_environments(
        r#"
isolation "environments" {
  between = [environment.dev, environment.production]
  allow "copy" {
    from      = environment.dev
    to        = environment.production
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-masked/*"]
    reason    = "SEC-1"
    owner     = "data"
    expires   = "2099-01-01"
  }
}
"#,
    ));
    p.run(&["plan", "--out", "a.plan"]).code(0);
    let text = std::fs::read_to_string(p.path().join("a.plan")).expect("a file");
    let with = |name: &str, value: Json| {
        let mut json: Json = serde_json::from_str(&text).expect("JSON");
        json["plan"]["isolation"]["exceptions"][0][name] = value;
        p.write("a.plan", &sealed(json));
        p.run(&["apply", "a.plan"])
    };
    for (name, value) in [
        ("reason", "SEC-2"),
        ("owner", "security"),
        ("approved_by", "security"),
        ("expires", "2099-12-31"),
        ("name", "other"),
    ] {
        let refused = with(name, value.into()).code(4);
        assert!(refused.err.contains("the plan file is forged"), "{name}: {}", refused.err);
    }
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "nothing was applied");
    with("days_left", 5.into()).code(0);
}

/// What only a whole `apply FILE` can refuse: the question is another.
#[test]
fn a_plan_file_whose_question_was_forged_does_what_was_shown_or_nothing() {
    let (p, text) = saved();
    let json: Json = serde_json::from_str(&text).expect("JSON");
    let question = |name: &str, value: Json| {
        let mut forged = json.clone();
        forged[name] = value;
        sealed(forged)
    };
    let nowhere = serde_json::json!({"environments": ["no"], "accounts": [], "targets": []});
    let forgeries = [
        question("mode", "refresh_only".into()),
        question("mode", "everything".into()),
        question("replace", serde_json::json!(["../../etc/passwd"])),
        question("selection", nowhere),
        question("sensitive", serde_json::json!({})),
        question("salt", "another".into()),
        question("vars", serde_json::json!([{"file": "/dev/zero"}])),
    ];
    for (number, file) in forgeries.iter().enumerate() {
        p.write("a.plan", file);
        let run = apply(&p);
        assert!([1, 4].contains(&run.code), "{number}: {} {}", run.code, run.err);
        assert!(!run.err.contains("panicked"), "{number}: {}", run.err);
        assert!(!run.err.contains(TOKEN) && !run.err.contains(PASSWORD), "{number}: {}", run.err);
    }
    assert!(p.run(&["state", "list"]).code(0).out.is_empty(), "nothing was applied");
}

/// A file that says what terminals obey says it to nobody.
#[test]
fn what_a_forged_plan_shows_cannot_move_the_cursor() {
    let (p, text) = saved();
    let mut json: Json = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    places(&json["plan"], "/plan".to_owned(), &mut all);
    for place in all {
        if let Some(Json::String(text)) = json.pointer_mut(&place) {
            text.push_str("\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}2J\r\u{8}\u{202e}");
        }
    }
    p.write("a.plan", &sealed(json.clone()));
    // Most of these are refused; what is shown is shown without.
    for args in
        [&["show", "a.plan"][..], &["show", "--format", "markdown", "a.plan"], &["apply", "a.plan"]]
    {
        let run = p.run(args);
        let told = format!("{}{}", run.out, run.err);
        assert!(!told.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{8}']), "{args:?}: {told:?}");
    }
    // Names alone, in a plan that can be read.
    let mut json: Json = serde_json::from_str(&text).expect("JSON");
    for change in json["plan"]["resource_changes"].as_array_mut().expect("changes") {
        change["display"] = "\u{1b}[2Jx\u{9b}2J\u{7}".into();
    }
    p.write("a.plan", &sealed(json));
    let shown = p.run(&["show", "a.plan"]).code(0);
    assert!(!shown.out.contains(['\u{1b}', '\u{9b}', '\u{7}']), "{:?}", shown.out);
}
