//! Every function by its documented examples, its errors, and what it does with unknown and
//! sensitive values.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Expression, ObjectKey};

use super::{FAMILIES, FunctionContext, SPECIAL, call, find, names, reference};
use crate::diag::{Diagnostic, Loc, Source};
use crate::eval::expr::types::constant;
use crate::value::{AttrRef, Attrs, StringPart, Unknown, Value};

const CASES: &str = include_str!("cases.txt");

/// Literals, collections and calls: all that the cases need.
fn evaluate(
    context: &FunctionContext,
    source: &Arc<Source>,
    expr: &Expression,
) -> Result<Value, Diagnostic> {
    match expr {
        Expression::Array(array) => array
            .iter()
            .map(|e| evaluate(context, source, e))
            .collect::<Result<_, _>>()
            .map(Value::list),
        Expression::Object(object) => {
            let mut map = Attrs::new();
            for (key, value) in object {
                let ObjectKey::Ident(key) = key else { panic!("{key:?}") };
                map.insert(key.to_string(), evaluate(context, source, value.expr())?);
            }
            Ok(Value::Map(map))
        }
        Expression::FuncCall(function) => {
            let mut args = Vec::new();
            for arg in function.args.iter() {
                args.push(evaluate(context, source, arg)?);
            }
            if function.args.expand_final() {
                let Some(Value::List(last)) = args.pop() else { panic!("not a list") };
                args.extend(last);
            }
            run_in(context, source, function.name.name.as_str(), args, expr.span())
        }
        other => Ok(constant(source, other, 0).unwrap_or_else(|| panic!("{other:?}"))),
    }
}

fn run_in(
    context: &FunctionContext,
    source: &Arc<Source>,
    name: &str,
    args: Vec<Value>,
    span: Option<std::ops::Range<usize>>,
) -> Result<Value, Diagnostic> {
    let loc = Loc::new(source, span.unwrap_or(0..0));
    let arg_locs = vec![loc.clone(); args.len()];
    call(name, args, arg_locs, loc, context, |_| Ok(()))
        .map_err(|errors| errors.into_iter().next().expect("an error"))
}

fn run(name: &str, args: Vec<Value>) -> Result<Value, Diagnostic> {
    run_in(&FunctionContext::default(), &Source::new("t.hcl", "x"), name, args, None)
}

#[cfg(unix)]
fn estate(dir: &Path) -> FunctionContext {
    use std::os::unix::fs::symlink;
    let root = dir.join("estate");
    std::fs::create_dir_all(root.join("sub/deep")).unwrap();
    std::fs::create_dir_all(root.join(".git")).unwrap();
    for (name, content) in [
        ("hello.txt", "hello!"),
        ("sub/a.json", "{}"),
        ("sub/b.yaml", "a: 1"),
        ("sub/deep/c.json", "[]"),
        (".git/config", "token"),
        ("../outside.txt", "secret"),
    ] {
        std::fs::write(root.join(name), content).unwrap();
    }
    std::fs::write(root.join("binary"), [0xff, 0]).unwrap();
    std::fs::File::create(root.join("big")).unwrap().set_len(9 * 1024 * 1024).unwrap();
    symlink("hello.txt", root.join("link.txt")).unwrap();
    symlink("../outside.txt", root.join("escape.txt")).unwrap();
    symlink("..", root.join("escape-dir")).unwrap();
    symlink(".git", root.join("git-link")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
    assert!(made.success());
    FunctionContext {
        root_dir: root.clone(),
        module_dir: root,
        allowed_dirs: Vec::new(),
        package: None,
    }
}

#[cfg(unix)]
#[test]
fn cases_hold() {
    let dir = tempfile::tempdir().unwrap();
    let context = estate(dir.path());
    let mut failures = Vec::new();
    let mut called = BTreeSet::new();
    let mut count = 0;
    for line in CASES.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (text, expected) = line
            .split_once(" => ")
            .map(|(call, json)| (call, Ok(json)))
            .or_else(|| line.split_once(" !! ").map(|(call, part)| (call, Err(part))))
            .unwrap_or_else(|| panic!("{line}"));
        count += 1;
        let source = Source::new("case.hcl", text);
        let expr: Expression = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        if let Expression::FuncCall(function) = &expr {
            called.insert(function.name.name.to_string());
        }
        match (evaluate(&context, &source, &expr), expected) {
            (Ok(value), Ok(json)) => {
                let wanted = Value::from_json(&serde_json::from_str(json).unwrap());
                if value.to_json() != wanted.to_json() {
                    failures.push(format!("{text}\n   gives {}\n  wanted {json}", value.to_json()));
                }
            }
            (Err(error), Err(part)) => {
                assert!(error.loc.is_some(), "{text}");
                if !error.summary.contains(part) {
                    failures.push(format!("{text}\n   fails {}\n  wanted {part}", error.summary));
                }
            }
            (Ok(value), Err(part)) => {
                failures.push(format!("{text}\n   gives {}\n  wanted {part}", value.to_json()));
            }
            (Err(error), Ok(json)) => {
                failures.push(format!("{text}\n   fails {}\n  wanted {json}", error.summary));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 400, "{count}");
    let special: BTreeSet<_> = SPECIAL.iter().copied().collect();
    let untested: Vec<_> =
        names().filter(|n| !called.contains(*n) && !special.contains(n)).collect();
    assert_eq!(untested, ["base64gzip", "filebase64sha512", "filesha512"]);
}

#[test]
fn compression_survives_and_repeats() {
    use base64::Engine as _;
    use std::io::Read as _;
    let text = run("base64gzip", vec!["test".into()]).unwrap();
    assert_eq!(text, run("base64gzip", vec!["test".into()]).unwrap());
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, "test");
}

fn account_id() -> (AttrRef, Unknown) {
    let address: crate::address::ResourceAddr = "account.new".parse().unwrap();
    let unknown = Unknown::attr(address.clone(), "id");
    (AttrRef { address, attr: "id".to_owned() }, unknown)
}

#[test]
fn known_pieces_of_unknown_strings_stay() {
    let (reference, unknown) = account_id();
    let id = Value::Unknown(unknown);
    let arn = |before: &str, after: &str| {
        Value::Unknown(Unknown::string([
            StringPart::Text(before.to_owned()),
            StringPart::Ref(reference.clone()),
            StringPart::Text(after.to_owned()),
        ]))
    };
    let list = Value::list(vec!["a".into(), id.clone()]);
    assert_eq!(
        run("format", vec!["arn:aws:iam::%s:root".into(), id.clone()]).unwrap(),
        arn("arn:aws:iam::", ":root")
    );
    assert_eq!(run("join", vec![",".into(), list.clone()]).unwrap(), arn("a,", ""));
    let document = Value::Map([("AWS".to_owned(), list.clone())].into());
    assert_eq!(run("jsonencode", vec![document]).unwrap(), arn(r#"{"AWS":["a",""#, r#""]}"#));
    assert_eq!(
        run("formatlist", vec!["<%s>".into(), list.clone()]).unwrap(),
        Value::list(vec!["<a>".into(), arn("<", ">")])
    );
    assert_eq!(
        run(
            "arn_build",
            ["aws", "iam", ""]
                .map(Value::from)
                .into_iter()
                .chain([id.clone(), "root".into()])
                .collect()
        )
        .unwrap(),
        arn("arn:aws:iam::", ":root")
    );
    assert_eq!(run("length", vec![list.clone()]).unwrap(), Value::int(2));
    assert_eq!(run("concat", vec![list.clone(), Value::list(vec![])]).unwrap(), list);
    assert_eq!(run("contains", vec![list.clone(), "a".into()]).unwrap(), true.into());
    assert!(run("contains", vec![list.clone(), "b".into()]).unwrap().is_unknown());
    assert!(run("upper", vec![id.clone()]).unwrap().is_unknown());
    assert!(run("length", vec![Value::Unknown(Unknown::default())]).unwrap().is_unknown());
    assert_eq!(run("coalesce", vec!["".into(), id.clone()]).unwrap(), id);
    assert_eq!(
        run("lookup", vec![Value::Map([("k".to_owned(), id.clone())].into()), "k".into()]).unwrap(),
        id
    );
    assert_eq!(
        run("anytrue", vec![Value::list(vec![id.clone(), true.into()])]).unwrap(),
        true.into()
    );
}

#[test]
fn marks_stay_where_they_are_or_cover_the_result() {
    let secret = Value::from("hunter2").sensitive();
    let list = Value::list(vec!["a".into(), secret.clone()]);
    assert_eq!(run("upper", vec![secret.clone()]).unwrap(), Value::from("HUNTER2").sensitive());
    assert_eq!(run("concat", vec![list.clone(), Value::list(vec![])]).unwrap(), list);
    assert_eq!(run("length", vec![list.clone()]).unwrap(), Value::int(2));
    assert_eq!(run("length", vec![secret.clone()]).unwrap(), Value::int(7).sensitive());
    assert_eq!(
        run("join", vec!["-".into(), list.clone()]).unwrap(),
        Value::from("a-hunter2").sensitive()
    );
    let map = Value::Map([("k".to_owned(), secret.clone())].into());
    assert_eq!(run("merge", vec![map.clone(), Value::Map([].into())]).unwrap(), map);
    assert_eq!(
        run("merge", vec![map.clone().sensitive(), Value::Map([].into())]).unwrap(),
        map.clone().sensitive()
    );
    assert_eq!(run("keys", vec![map.clone()]).unwrap(), Value::list(vec!["k".into()]));
    assert_eq!(run("nonsensitive", vec![secret.clone()]).unwrap(), "hunter2".into());
    assert_eq!(run("coalesce", vec![secret.clone(), "x".into()]).unwrap(), secret);
    for (name, args) in [
        ("tonumber", vec![secret.clone()]),
        ("lookup", vec![Value::Map([].into()), secret.clone()]),
    ] {
        let error = run(name, args).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn missing_functions_say_why() {
    let help = |name: &str| run(name, vec![]).unwrap_err().help.unwrap();
    assert_eq!(help("lenght"), "did you mean `length`?");
    assert!(help("timestamp").contains("would make every plan differ"));
    assert!(help("bcrypt").contains("every plan would differ"));
    assert!(help("map").contains("write `{ key = value }`"));
}

#[test]
fn growth_is_bounded() {
    let text = "x".repeat(1024 * 1024);
    let cases = [
        ("replace", vec![text.clone().into(), "x".into(), text.clone().into()]),
        ("replace", vec![text.clone().into(), "/x/".into(), text.clone().into()]),
        ("replace", vec![text.clone().into(), "".into(), text.clone().into()]),
        ("join", vec![text.clone().into(), Value::list(vec!["".into(); 1000])]),
        ("format", vec![Value::from("%[1]s".repeat(1000)), text.clone().into()]),
        (
            "formatlist",
            vec!["%s%s".into(), text.clone().into(), Value::list(vec!["".into(); 1000])],
        ),
        ("indent", vec![Value::int(1_000_000), "\n".repeat(1000).into()]),
    ];
    for (name, args) in cases {
        let error = run(name, args).unwrap_err();
        assert!(error.summary.contains("larger than"), "{name}: {}", error.summary);
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = "[".repeat(100_000);
    for name in ["jsondecode", "yamldecode"] {
        run(name, vec![deep.clone().into()]).unwrap_err();
    }
    let wide = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(2000), "*a,".repeat(2000));
    let error = run("yamldecode", vec![wide.into()]).unwrap_err();
    assert!(error.summary.contains("more than 200000 nodes"), "{}", error.summary);
}

#[test]
fn tables_are_sound() {
    let mut seen = BTreeSet::new();
    for (_, tables) in FAMILIES {
        for function in tables.iter().flat_map(|t| t.iter()) {
            assert!(seen.insert(function.name), "{} twice", function.name);
            assert!(find(function.name).is_some());
            assert!(function.about.ends_with('.'), "{}", function.name);
        }
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let wanted = reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "run this test with UPDATE_DOCS=1 to write docs/functions.md");
}

/// Every function with every pair of nasty values, and threes of some: errors are fine, panics are not.
#[test]
fn no_arguments_make_a_function_panic() {
    let (_, unknown) = account_id();
    let deep = (0..150).fold(Value::int(1), |v, _| Value::list(vec![v]));
    let map = |entries: Vec<(&str, Value)>| {
        Value::Map(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    };
    let pool = [
        Value::Null,
        true.into(),
        Value::int(0),
        Value::int(-1),
        Value::int(3),
        Value::int(i64::MAX),
        Value::int(i64::MIN),
        Value::Number(crate::value::Number::parse("0.5").unwrap()),
        Value::Number(crate::value::Number::parse("-1e300").unwrap()),
        "".into(),
        "é👨‍👩‍👧\u{301}\n".into(),
        "%[2]*d%s%%%v%".into(),
        "10.0.0.0/8".into(),
        "::/0".into(),
        "2024-02-29T23:59:59+23:59".into(),
        "-9999999h".into(),
        "/(a*)*/".into(),
        "../..".into(),
        "{\"a\":[1,".into(),
        "- &a [*a]".into(),
        Value::list(vec![]),
        Value::list(vec![Value::Null, Value::int(1), "x".into()]),
        Value::list(vec!["b".into(), Value::Unknown(unknown.clone())]),
        Value::set(["a".into(), Value::Unknown(Unknown::default())].into()),
        map(vec![("k", "v".into()), ("", Value::list(vec!["x".into()]))]),
        map(vec![("s", Value::from("hidden").sensitive())]),
        Value::Unknown(unknown),
        Value::from("hidden").sensitive(),
        Value::Secret("env:X".to_owned()),
        deep,
    ];
    let mut calls = 0;
    for (_, tables) in FAMILIES {
        for function in tables.iter().flat_map(|t| t.iter()) {
            for a in &pool {
                let _ = run(function.name, vec![a.clone()]);
                for b in &pool {
                    let _ = run(function.name, vec![a.clone(), b.clone()]);
                    for c in pool.iter().skip(calls % 13).step_by(13) {
                        let result = run(function.name, vec![a.clone(), b.clone(), c.clone()]);
                        if let Err(error) = result {
                            assert!(!error.summary.contains("hidden"), "{}", error.summary);
                        }
                        calls += 1;
                    }
                }
            }
        }
    }
    assert!(calls > 50_000);
}
