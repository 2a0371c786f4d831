//! Syntax errors in words, and what the parser must not be given.

use super::syntax::{MAX_NESTING, parse_body, parse_expression, parse_template};
use crate::diag::{Diagnostic, Source};

fn error(text: &str) -> Diagnostic {
    parse_body(&Source::new("main.hcl", text)).expect_err(text)
}

#[test]
fn slips_get_advice() {
    for (text, summary) in [
        ("a = 'x'\n", "strings are written in double quotes"),
        ("a: 1\n", "arguments are set with `=`, not `:`"),
        ("a\n", "`a` stands alone"),
        ("a =\n", "a value is missing after `=`"),
        ("a = 1,\n", "unexpected `,` after a value"),
        ("a = 1 b = 2\n", "unexpected `b` after a value"),
        ("a.b = 1\n", "an argument's name holds no dots"),
        ("a = [1 2]\n", "unexpected `2` in a list"),
        ("a = \"\\d\"\n", "a backslash must be followed by a known escape"),
        ("a = \"x\nb = 1\n", "a quoted string ends at the end of its line"),
        ("a = <<EOT\nx\n", "`<<EOT` is never closed"),
        ("a \"b\"\n{\n}\n", "a block's `{` stands on the line of its name"),
        ("a { b = 1, c = 2 }\n", "a block on one line holds at most one argument"),
        ("a = 1\na = 2\n", "`a` is set twice"),
        (
            "a = \"${aws:username}\"\n",
            "`${aws:username}` is read as an expression of the configuration",
        ),
        ("a {\n", "`{` is never closed"),
        ("}\n", "`}` closes nothing"),
        ("a = [1)\n", "`[` is closed by `)`"),
        ("/* a\n", "a comment is never closed"),
        ("\"a\" = 1\n", "an argument's name is not quoted"),
        ("a \"b\" = {\n}\n", "a block has no `=` before its brace"),
        ("a = { b 1 }\n", "unexpected `1` in an object"),
        ("a = 1e400\n", "`1e400` is no number"),
    ] {
        let found = error(text);
        assert_eq!(found.summary, summary, "{text}: {found:?}");
        assert!(found.help.is_some(), "{text}");
    }
}

#[test]
fn a_template_that_ends_too_early_shows_what_is_open() {
    for (text, at) in [
        ("a\n%{ if x }\nb\n", 2..11),
        ("%{ if x }%{ for y in z ~}\nb%{ endfor }", 0..9),
        ("%%{ if }\n%{~ for y in z ~}", 9..26),
    ] {
        let found = parse_template(&Source::new("a.tftpl", text)).expect_err(text);
        assert_eq!(found.summary, "a template directive is not ended", "{found:?}");
        assert_eq!(found.loc.expect("a place").span(), at, "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    for open in [
        "(", "[", "{a=", "a {\n", "\"${", "f(", "-", "!", "a ? b : ", "a ? ", "a.*", "a[", "1 + ",
        "%{if a}",
    ] {
        for prefix in ["", "a = ", "a = \"", "a = <<E\n"] {
            let text = format!("{prefix}{}", open.repeat(20_000));
            assert!(parse_body(&Source::new("main.hcl", text)).is_err(), "{prefix}{open}");
        }
        let text = open.repeat(20_000);
        let _ = parse_expression(&Source::new("main.hcl", text.as_str()));
        let _ = parse_template(&Source::new("main.hcl", text));
    }
    let text = format!("a = {}1{}\n", "(".repeat(MAX_NESTING), ")".repeat(MAX_NESTING));
    assert!(parse_body(&Source::new("main.hcl", text)).is_ok());
}
