//! Tables over the whole expression language, and hcl-rs as an oracle.

use super::*;
use crate::address::ResourceAddr;
use crate::diag::Diagnostics;
use crate::eval::functions::FunctionContext;
use crate::eval::{Values, evaluate_text};
use crate::value::{AttrRef, Number};

fn account(name: &str) -> ResourceAddr {
    ResourceAddr::new("account", name)
}

fn unknown_id() -> Value {
    Value::Unknown(Unknown::attr(account("new"), "id"))
}

fn opaque() -> Value {
    Value::Unknown(Unknown::opaque([&Unknown::attr(account("new"), "id")]))
}

fn scope() -> Values {
    let block = crate::value::BlockRef {
        address: account("prod"),
        attrs: [("id".to_owned(), Value::string("333333333333"))]
            .into_iter()
            .collect::<crate::value::Attrs>()
            .into(),
    };
    Values::new(
        [
            ("id".to_owned(), unknown_id()),
            ("any".to_owned(), opaque()),
            ("password".to_owned(), Value::string("hunter2").sensitive()),
            ("s".to_owned(), Value::string("text")),
            ("n".to_owned(), Value::int(3)),
            ("nothing".to_owned(), Value::Null),
            ("list".to_owned(), ["a", "b", "c"].into_iter().collect()),
            (
                "map".to_owned(),
                Value::Map(
                    [("x".to_owned(), Value::int(1)), ("y".to_owned(), Value::int(2))].into(),
                ),
            ),
            ("set".to_owned(), Value::set([Value::string("p"), Value::string("q")].into())),
            (
                "users".to_owned(),
                Value::list(vec![
                    Value::Map(
                        [
                            ("name".to_owned(), Value::string("ann")),
                            ("age".to_owned(), Value::int(30)),
                        ]
                        .into(),
                    ),
                    Value::Map(
                        [
                            ("name".to_owned(), Value::string("bob")),
                            ("age".to_owned(), Value::int(20)),
                        ]
                        .into(),
                    ),
                ]),
            ),
            (
                "secret_map".to_owned(),
                Value::Map([("k".to_owned(), Value::string("v"))].into()).sensitive(),
            ),
            ("account".to_owned(), Value::Block(block)),
        ],
        FunctionContext::default(),
    )
}

fn eval(text: &str) -> EvalResult {
    crate::stack::deep(|| evaluate_text("test", text, &scope()))
}

#[track_caller]
fn yields(text: &str, expected: impl Into<Value>) {
    match eval(text) {
        Ok(value) => assert_eq!(value, expected.into(), "{text}"),
        Err(errors) => panic!("{text}: {errors}"),
    }
}

/// The value as JSON, to write lists and objects shortly.
#[track_caller]
fn json(text: &str, expected: &str) {
    match eval(text) {
        Ok(value) => {
            assert!(!value.has_unknown() && !value.has_sensitive(), "{text}: {value:?}");
            assert_eq!(value.to_json().to_string(), expected, "{text}");
        }
        Err(errors) => panic!("{text}: {errors}"),
    }
}

/// One error whose summary contains `summary` and whose range is the text `at`.
#[track_caller]
fn fails(text: &str, at: &str, summary: &str) {
    let errors: Diagnostics = match eval(text) {
        Ok(value) => panic!("{text} gave {value:?}"),
        Err(errors) => errors,
    };
    let first = errors.iter().next().unwrap();
    let loc = first.loc.clone().unwrap();
    assert!(first.summary.contains(summary), "{text}: {}", first.summary);
    assert_eq!(&loc.source().text()[loc.span()], at, "{text}: {}", first.summary);
}

#[test]
fn literals_and_operators() {
    yields("1 + 2 * 3", 7);
    yields("(1 + 2) * 3", 9);
    yields("7 / 2", Value::Number(Number::parse("3.5").unwrap()));
    yields("6 / 2", 3);
    yields("7 % 3", 1);
    yields("-7 % 3", -1);
    yields("5.5 % 2", Value::Number(Number::parse("1.5").unwrap()));
    yields("\"3\" + 4", 7);
    yields("-n", -3);
    yields("!true", false);
    yields("!\"false\"", true);
    yields("1 == 1.0", true);
    yields("1 == \"1\"", false);
    yields("null == nothing", true);
    yields("list == [\"a\", \"b\", \"c\"]", true);
    yields("{a = 1} != {a = 2}", true);
    yields("2 < 10", true);
    yields("\"2\" < \"10\"", true);
    yields("9223372036854775807 + 1", Value::Number(Number::parse("9223372036854775808").unwrap()));
    yields(
        "-9223372036854775807 - 10",
        Value::Number(Number::parse("-9223372036854775817").unwrap()),
    );
    yields("true && false || true", true);
}

#[test]
fn logic_short_circuits() {
    yields("false && nope.x", false);
    yields("true || 1 / 0 == 1", true);
    yields("any && false", false);
    yields("any || true", true);
    yields("any && true", opaque());
    fails("true && nope.x", "nope", "no `nope`");
    fails("true && 1", "1", "must be true or false");
}

#[test]
fn arithmetic_errors_stand_at_their_operand() {
    fails("1 / 0", "0", "division by zero");
    fails("1 % (n - 3)", "(n - 3)", "division by zero");
    fails("1 + list", "list", "must be a number, not a list");
    fails("\"a\" + 1", "\"a\"", "a string that is no number");
    fails("nothing + 1", "nothing", "not null");
    let product = "tonumber(\"1e4000\") * tonumber(\"1e4000\")";
    fails(product, product, "too large");
    fails("any + list", "list", "must be a number");
    fails("-s", "s", "must be a number");
}

#[test]
fn conditionals_count_only_the_taken_branch() {
    yields("true ? 1 : nope", 1);
    yields("false ? 1 / 0 : 2", 2);
    yields("any ? 1 : 1", 1);
    yields("any ? 1 : 2", opaque());
    yields("any ? nope : 2", opaque());
    yields("true ? 1 : \"x\"", "1");
    yields("false ? \"${s}-x\" : true", "true");
    yields("true ? 1 : \"${n}\"", 1);
    // A set and a list written out are a set, a map and an object a map.
    json("false ? toset([\"b\", \"a\"]) : [\"b\", \"a\", \"b\"]", "[\"a\",\"b\"]");
    json("length(false ? toset([\"x\"]) : [\"a\", \"a\"])", "1");
    json("[for k, v in (true ? [\"b\"] : toset([])) : k]", "[\"b\"]");
    json("true ? { a = 1, b = true } : tomap({ b = \"x\" })", "{\"a\":\"1\",\"b\":\"true\"}");
    json("true ? tomap({ a = 1 }) : tomap({ a = \"x\" })", "{\"a\":\"1\"}");
    yields("password == \"x\" ? 1 : 2", Value::int(2).sensitive());
    fails("nothing ? 1 : 2", "nothing", "null");
    fails("n ? 1 : 2", "n", "must be true or false, not a number");
    fails("true ? nope : 1", "nope", "no `nope`");
}

#[test]
fn collections_collect_all_errors() {
    json("[1, \"a\", true, null]", "[1,\"a\",true,null]");
    json(
        "{ a = 1, \"b\" : 2, (s) = 3, \"${s}2\" = 4 }",
        "{\"a\":1,\"b\":2,\"text\":3,\"text2\":4}",
    );
    json("{ 1 = 2 }", "{\"1\":2}");
    assert_eq!(eval("[nope1, 1, nope2, { a = nope3 }]").unwrap_err().len(), 3);
    assert_eq!(eval("nope1 + nope2").unwrap_err().len(), 2);
    fails("{ a = 1, \"a\" = 2 }", "\"a\"", "given twice");
    fails("{ (nothing) = 1 }", "(nothing)", "null");
    fails("{ map.x = 1 }", "map.x", "ambiguous");
    yields("{ (any) = 1 }", opaque());
    yields(
        "{ (password) = 1 }",
        Value::Map([("hunter2".to_owned(), Value::int(1))].into()).sensitive(),
    );
}

#[test]
fn traversals() {
    yields("map.x", 1);
    yields("map[\"y\"]", 2);
    yields("list[0]", "a");
    yields("list[\"1\"]", "b");
    yields("list.2", "c");
    yields("users[1].name", "bob");
    yields("[1, 2, 3][1]", 2);
    yields("{ a = { b = 5 } }.a[\"b\"]", 5);
    json("users[*].name", "[\"ann\",\"bob\"]");
    json("users.*.name", "[\"ann\",\"bob\"]");
    yields("users.*.name[1]", "bob");
    json("nothing[*].name", "[]");
    json("map[*].x", "[1]");
    json("set[*]", "[\"p\",\"q\"]");
    json("[[1, 2], [3]][*][0]", "[1,3]");
    yields("account.id", "333333333333");
    yields("account[\"id\"]", "333333333333");
    yields("any.x[0].y", opaque());
    yields("any[*].x", opaque());
    yields("list[any]", opaque());
    fails("map.z", "z", "no attribute `z`");
    fails("map[\"z\"]", "\"z\"", "no key `z`");
    fails("list[7]", "7", "no element at index 7");
    fails("list[-1]", "-1", "no element at index -1");
    fails("list[1.5]", "1.5", "whole number");
    fails("users.name", "name", "a list has no attribute");
    fails("users[*].nam", "nam", "no attribute `nam`");
    fails("nothing.x", "x", "null has no attribute");
    fails("set[0]", "0", "no order");
    fails("s[0]", "0", "a string has no elements");
    fails("account.arm", "arm", "`account.prod` has no attribute `arm`");
    fails("nope.x", "nope", "there is no `nope`");
    let help = eval("map.xx").unwrap_err().iter().next().unwrap().help.clone().unwrap();
    assert!(help.contains("`x`"), "{help}");
}

#[test]
fn for_expressions() {
    json("[for v in list : \"${v}!\"]", "[\"a!\",\"b!\",\"c!\"]");
    json("[for i, v in list : i if v != \"b\"]", "[0,2]");
    json("{ for k, v in map : v => k }", "{\"1\":\"x\",\"2\":\"y\"}");
    json(
        "{ for u in users : substr => u.name... if true }".replace("substr", "u.age > 25").as_str(),
        "{\"false\":[\"bob\"],\"true\":[\"ann\"]}",
    );
    json("[for k, v in { b = 1, a = 2 } : k]", "[\"a\",\"b\"]");
    json("[for v in set : v]", "[\"p\",\"q\"]");
    json("[for a in [[1, 2], [3]] : [for b in a : b * 2]]", "[[2,4],[6]]");
    json("[for n in [1] : n]", "[1]");
    yields("[for x in any : x]", opaque());
    yields("[for x in list : x if any]", opaque());
    yields("{ for x in list : any => x }", opaque());
    json("[for x in [\"a\"] : x if x == \"b\" || true]", "[\"a\"]");
    assert_eq!(eval("[for x in [id] : x]").unwrap(), Value::list(vec![unknown_id()]));
    assert!(matches!(eval("[for k, v in secret_map : v]").unwrap(), Value::Sensitive(_)));
    fails("{ for x in [1, 1] : x => x }", "x", "the key `1` comes up twice");
    fails("[for x in nothing : x]", "nothing", "null cannot be iterated");
    fails("[for x in s : x]", "s", "a string cannot be iterated");
    fails("[for x in list : y]", "y", "no `y`");
    fails("[for x in list : x if x]", "x", "must be true or false");
}

#[test]
fn templates() {
    yields("\"a${1 + 1}b\"", "a2b");
    yields("\"${n}\"", 3);
    yields("\"${true}x\"", "truex");
    yields("\"$${aws:username} %%{if}\"", "${aws:username} %{if}");
    yields("\"&{aws:username}\"", "&{aws:username}");
    yields("\"a\\n\\\"b\\u00e9\"", "a\n\"b\u{e9}");
    yields("\"%{ if n > 2 }big%{ else }small%{ endif }\"", "big");
    yields("\"%{ for i, x in list }${i}=${x};%{ endfor }\"", "0=a;1=b;2=c;");
    yields("\"a  ${~ s ~}  b\"", "atextb");
    yields("\"x %{~ if true ~} y %{~ endif ~} z\"", "xyz");
    fails("\"a${nothing}\"", "nothing", "null cannot be part of a string");
    fails("\"a${list}\"", "list", "a list cannot be part of a string");
    fails("\"a${account}\"", "account", "the block `account.prod` cannot be part of a string");
    assert_eq!(eval("\"${nope1}-${nope2}\"").unwrap_err().len(), 2);
}

#[test]
fn heredocs() {
    yields("<<EOT\nline ${n}\n  two\nEOT\n", "line 3\n  two\n");
    yields("<<-EOT\n    a\n      b\n    EOT\n", "a\n  b\n");
    yields(
        "<<-EOT\n    %{ for x in list ~}\n    - ${x}\n    %{ endfor ~}\n    end\n    EOT\n",
        // A line whose break a marker takes joins the next one, and keeps its indentation.
        "    - a\n    - b\n    - c\n    end\n",
    );
    yields("<<-EOT\n    a\n\n      $${b}\n    EOT\n", "a\n\n  ${b}\n");
    yields("<<-EOT\n  ${s}\n    x\n  EOT\n", "text\n  x\n");
    yields(
        "<<-EOT\n  %{ if true }\n    yes\n  %{ else }\n    no\n  %{ endif }\n  EOT\n",
        "\n  yes\n\n",
    );
    yields("<<EOT\n\\n stays\nEOT\n", "\\n stays\n");
    yields("<<-EOT\n\ta\n\tb\n\tEOT\n", "a\nb\n");
    yields("<<EOT\nEOT\n", "");
}

/// What is known of a string that AWS assigns: its type, and what it begins with.
#[test]
fn unknown_strings_are_strings_and_begin_as_they_do() {
    for (text, known) in [
        ("startswith(\"abc-${id}\", \"abc\")", Some(true)),
        ("startswith(\"abc-${id}\", \"x\")", Some(false)),
        ("startswith(\"abc-${id}\", \"abc-1\")", None),
        ("startswith(id, \"a\")", None),
        ("\"abc-${id}\" == \"\"", Some(false)),
        ("\"abc-${id}\" != \"x\"", Some(true)),
        ("\"abc-${id}\" == \"abc-1\"", None),
        ("jsonencode({ a = id }) == \"\"", Some(false)),
    ] {
        assert_eq!(eval(text).unwrap().as_bool(), known, "{text}");
    }
    for text in ["id.foo", "id[0]", "\"abc-${id}\".foo"] {
        let errors = eval(text).expect_err(text);
        assert!(errors.iter().any(|e| e.summary.contains("a string has no")), "{text}");
    }
    assert_eq!(eval("try(id.foo, \"none\")").unwrap(), Value::string("none"));
}

#[test]
fn unknown_strings_keep_their_parts() {
    let parts = |text: &str| match eval(text).unwrap() {
        Value::Unknown(unknown) => unknown.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(parts("\"arn:aws:iam::${id}:root\""), "arn:aws:iam::${account.new.id}:root");
    assert_eq!(parts("\"${\"a${id}\"}b\""), "a${account.new.id}b");
    assert_eq!(parts("<<-EOT\n  x ${id}\n  EOT\n"), "x ${account.new.id}\n");
    assert_eq!(parts("\"${id}${any}\""), "(known after apply)");
    assert_eq!(eval("id").unwrap(), unknown_id());
    yields("id == id", true);
    yields("id == null", false);
    yields("id == \"1\"", opaque());
    yields("\"%{ if any }a%{ endif }\"", opaque());
    assert_eq!(
        eval("\"${any}\"").unwrap().unknowns()[0].waits_for,
        [AttrRef { address: account("new"), attr: "id".to_owned() }].into()
    );
}

#[test]
fn sensitive_travels() {
    for text in [
        "password",
        "\"x${password}\"",
        "password == \"y\"",
        "secret_map.k",
        "secret_map[\"k\"]",
        "[for k, v in secret_map : k]",
        "password != null && true",
        "list[password == \"x\" ? 0 : 1]",
        "\"%{ if password == \"x\" }a%{ endif }\"",
        "[password] == [\"a\"]",
    ] {
        assert!(matches!(eval(text).unwrap(), Value::Sensitive(_)), "{text}");
    }
    assert_eq!(
        eval("[password, 1]").unwrap(),
        Value::list(vec![Value::string("hunter2").sensitive(), Value::int(1)])
    );
    for text in ["secret_map.z", "secret_map[\"z\"]", "password.x", "password + 1", "[1][password]"]
    {
        let errors = eval(text).unwrap_err();
        let all = format!("{errors:?}");
        assert!(!all.contains("hunter2"), "{text}: {all}");
    }
}

#[test]
fn functions_of_the_evaluator() {
    yields("try(nope.x, map.q, 5)", 5);
    yields("can(map.x)", true);
    yields("can(map.q)", false);
    fails("try(nope)", "try(nope)", "none of the expressions");
    fails("try()", "try()", "at least one");
    fails("tri(1)", "tri", "no function `tri`");
    fails("a::b(1)", "b", "functions of providers");
    fails("try(list...)", "try(list...)", "at least one");
    assert_eq!(eval("secret(\"env:X\")").unwrap(), Value::Secret("env:X".to_owned()));
    fails("secret(\"vault:X\")", "\"vault:X\"", "no source of secrets `vault`");
    fails("secret(id)", "id", "must be known");
    fails("\"a${secret(\"env:X\")}\"", "secret(\"env:X\")", "secret reference cannot be part");
    fails("secret(\"env:X\") == \"a\"", "secret(\"env:X\")", "nothing can be computed");
}

#[test]
fn iam_variables_get_advice() {
    for text in [
        "\"arn:aws:s3:::b/${aws:username}/*\"",
        "\"${aws:PrincipalTag/team}\"",
        "<<EOT\n{\"a\": \"${aws:username}\"}\nEOT\n",
    ] {
        let errors = eval(text).unwrap_err();
        let first = errors.iter().next().unwrap();
        assert!(first.summary.contains("${aws:"), "{text}: {}", first.summary);
        assert!(first.help.as_deref().unwrap().contains("$${aws:"), "{text}");
    }
    assert!(eval("\"${1 +}\"").unwrap_err().iter().next().unwrap().summary.len() > 5);
}

#[test]
fn templates_are_rendered_from_strings() {
    yields(
        r#"templatestring("$${greeting}, %%{for n in names}$${n};%%{endfor}", { greeting = "hi", names = ["a", "b"] })"#,
        "hi, a;b;",
    );
    for (text, part) in [
        (r#"templatestring("$${nobody}", {})"#, "nobody"),
        (r#"templatestring("$${", {})"#, ""),
        (r#"templatestring("x", [])"#, "the variables of a template must be an object, not a list"),
        (r#"templatestring(["x"], {})"#, "a template must be a string, not a list"),
        (r#"templatestring("x")"#, "function `templatestring` takes 2 arguments, not 1"),
        (r#"templatestring("$${templatestring(\"x\", {})}", {})"#, "a template cannot call"),
    ] {
        let errors = eval(text).unwrap_err();
        let summary = &errors.iter().next().unwrap().summary;
        assert!(summary.contains(part), "{text}: {summary}");
    }
    let hidden = eval(r#"templatestring(sensitive("hunter2 $${x}"), {})"#).unwrap_err();
    assert!(!format!("{hidden:?}").contains("hunter2"));
    yields(r#"secret("file:tokens/a")"#, Value::Secret("file:tokens/a".to_owned()));
}

#[test]
fn no_call_tells_a_sensitive_argument() {
    let beside = ["1", "\"a\"", "list", "map", "[\"a\", password]"];
    let mut refused = 0;
    for name in crate::eval::functions::names().chain(["templatefile", "templatestring", "secret"])
    {
        for count in 1..=3 {
            for at in 0..count {
                for other in beside {
                    for hidden in ["password", "[password]", "{ (password) = password }"] {
                        let args: Vec<&str> =
                            (0..count).map(|i| if i == at { hidden } else { other }).collect();
                        let text = format!("{name}({})", args.join(", "));
                        let Err(errors) = eval(&text) else { continue };
                        assert!(!format!("{errors:?}").contains("hunter2"), "{text}: {errors:?}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 1_000, "only {refused} calls were refused");
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(eval(&deep).is_err());
    let chain = vec!["1"; 5_000].join(" + ");
    assert!(eval(&chain).is_err());
    let allowed = vec!["1"; 100].join(" + ");
    yields(&allowed, 100);
    let not = format!("{}true", "!".repeat(10_000));
    assert!(eval(&not).is_err());
    let conditional = format!("{}1", "false ? 0 : ".repeat(10_000));
    assert!(eval(&conditional).is_err());
    let steps = format!("any{}", ".a".repeat(100_000));
    yields(&steps, opaque());
    assert!(eval(&format!("list{}", "[*]".repeat(10_000))).is_err());
    yields(&format!("list{}[0]", ".*".repeat(10_000)), "a");
    for open in ["[", "{a=", "\"${", "-", "[for x in "] {
        assert!(eval(&open.repeat(20_000)).is_err());
    }
}

#[test]
fn growth_is_bounded() {
    let big = "x".repeat(60_000);
    for text in [
        "[for a in range(60000) : range(60000)]".to_owned(),
        "{ for a in range(60000) : a => range(60000) }".to_owned(),
        format!("\"%{{ for a in range(60000) }}{big}%{{ endfor }}\""),
        format!("[for a in range(60000) : \"{big}${{a}}\"]"),
    ] {
        let errors = eval(&text).unwrap_err();
        let summary = &errors.iter().next().unwrap().summary;
        assert!(summary.contains("grows beyond 256 MiB"), "{summary}");
    }
}

mod oracle {
    //! On what is wholly known, and where Terraform agrees with hcl-rs, both must agree. At line
    //! breaks they differ: a strip marker of hcl-rs takes one, one of Terraform all.

    use super::*;
    use hcl::eval::{Context, Evaluate};
    use proptest::prelude::*;

    fn number_leaf() -> BoxedStrategy<String> {
        prop_oneof![
            (0..50_i64).prop_map(|n| n.to_string()),
            Just("n".to_owned()),
            Just("map.x".to_owned()),
            Just("users[0].age".to_owned())
        ]
        .boxed()
    }

    fn numeric() -> BoxedStrategy<String> {
        number_leaf()
            .prop_recursive(4, 24, 3, |inner| {
                prop_oneof![
                    (inner.clone(), prop_oneof!["\\+", "-", "\\*"], inner.clone())
                        .prop_map(|(a, o, b)| format!("{a} {} {b}", o.replace('\\', ""))),
                    inner.clone().prop_map(|a| format!("({a})")),
                    (boolean_of(inner.clone().boxed()), inner.clone(), inner.clone())
                        .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
                    inner.clone().prop_map(|a| format!("[{a}, 2][0]")),
                ]
            })
            .boxed()
    }

    fn boolean_of(numbers: BoxedStrategy<String>) -> impl Strategy<Value = String> {
        (numbers.clone(), prop_oneof!["<", "<=", ">", ">=", "==", "!="], numbers, any::<bool>())
            .prop_map(
                |(a, o, b, not)| {
                    if not { format!("!({a} {o} {b})") } else { format!("({a} {o} {b})") }
                },
            )
    }

    fn text() -> BoxedStrategy<String> {
        let piece = prop_oneof![
            "[a-zé ]{0,4}",
            numeric().prop_map(|n| format!("${{{n}}}")),
            numeric().prop_map(|n| format!("${{~ {n} ~}}")),
            boolean_of(numeric())
                .prop_map(|b| format!("%{{ if {b} ~}} yes %{{~ else }} no %{{ endif }}")),
            Just("%{ for x in list }<${x}>%{ endfor ~} ".to_owned()),
            Just("$${x}".to_owned()),
        ];
        prop::collection::vec(piece, 1..5).prop_map(|p| format!("\"{}\"", p.concat())).boxed()
    }

    fn expression() -> BoxedStrategy<String> {
        prop_oneof![
            numeric(),
            text(),
            boolean_of(numeric()),
            prop::collection::vec(prop_oneof![numeric(), text()], 0..4)
                .prop_map(|v| format!("[{}]", v.join(", "))),
            (numeric(), text()).prop_map(|(a, b)| format!("{{ a = {a}, b = {b} }}")),
            (numeric(), boolean_of(Just("v.age".to_owned()).boxed()))
                .prop_map(|(a, c)| format!("[for i, v in users : v.age + i * {a} if {c}]")),
            numeric().prop_map(|a| format!("{{ for i, v in list : v => i + {a} }}")),
            Just("users[*].name".to_owned()),
            Just("users.*.age".to_owned()),
        ]
        .boxed()
    }

    /// `hcl` knows nothing of numbers that are kept as text.
    fn their_value(json: &serde_json::Value) -> hcl::Value {
        match json {
            serde_json::Value::Null => hcl::Value::Null,
            serde_json::Value::Bool(b) => (*b).into(),
            serde_json::Value::Number(n) => n.as_i64().expect("whole").into(),
            serde_json::Value::String(s) => s.as_str().into(),
            serde_json::Value::Array(a) => a.iter().map(their_value).collect(),
            serde_json::Value::Object(o) => {
                o.iter().map(|(k, v)| (k.clone(), their_value(v))).collect()
            }
        }
    }

    fn canonical(json: serde_json::Value) -> serde_json::Value {
        match json {
            serde_json::Value::Number(n) => serde_json::json!(n.as_f64()),
            serde_json::Value::Array(a) => a.into_iter().map(canonical).collect(),
            serde_json::Value::Object(o) => {
                serde_json::Value::Object(o.into_iter().map(|(k, v)| (k, canonical(v))).collect())
            }
            other => other,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn agrees(text in expression()) {
            let ours = eval(&text);
            let mut context = Context::new();
            for name in ["n", "list", "map", "users"] {
                let json = scope().values[name].to_json();
                context.declare_var(name, their_value(&json));
            }
            let theirs = text.parse::<hcl::Expression>().unwrap().evaluate(&context).unwrap();
            let theirs = serde_json::to_value(&theirs).unwrap();
            let ours = ours.unwrap_or_else(|e| panic!("{text}: {e}")).to_json();
            prop_assert_eq!(canonical(ours), canonical(theirs), "{}", text);
        }

        #[test]
        fn never_panics(text in "[-a-z0-9 \"${}%~.\\[\\](),:?=!<>&|*/+\n]{0,60}") {
            let _ = eval(&text);
        }
    }
}

/// Evaluates with a bound on the work that is small enough to meet.
fn bounded(text: &str) -> EvalResult {
    let source = crate::diag::Source::new("test", text);
    crate::stack::deep(|| {
        let expr = crate::config::parse_expression(&source).unwrap();
        let meter = super::meter::Meter::with_work(4 << 20);
        super::ExprEvaluator::new(&source, &scope(), &meter).evaluate(&expr)
    })
}

#[test]
fn what_functions_and_comparisons_look_at_is_metered() {
    let list = "[for i in range(2000) : \"element-${i}\"]";
    for at in [
        "contains(l, \"x\")",
        "index(l, \"element-1999\")",
        "distinct(l)",
        "l == l",
        "sha256(t)",
        "base64gzip(t)",
        "regexall(\"-(1+)\", t)",
        "replace(t, \"/t-/\", \"\")",
        "jsondecode(jsonencode(l))",
        "templatestring(t, {})",
    ] {
        // Neither `can` nor `try` makes an answer of an end that came too early.
        for inner in [at.to_owned(), format!("can({at})"), format!("try({at}, null)")] {
            let text = format!(
                "[for l in [{list}] : [for t in [join(\"\", l)] : [for i in range(2000) : {inner}]]]"
            );
            let errors = bounded(&text).expect_err(at);
            let first = errors.iter().next().unwrap();
            assert!(first.summary.contains("look at more than"), "{at}: {}", first.summary);
            let loc = first.loc.clone().unwrap();
            let found = loc.source().text()[loc.span()].to_owned();
            assert!(at.contains(&found), "{at}: {found}");
            assert_eq!(errors.iter().count(), 1, "{at}");
        }
    }
    assert!(bounded(&format!("length({list})")).is_ok());
}
