//! A value of the language as HCL would write it.

use std::io::{self, Write};

use crate::engine::console::ConsoleValue;
use crate::value::Value;

use super::json;

use super::style::{is_unsafe, safe};

/// Writes what an expression of the console is.
///
/// # Errors
/// Those of the writer.
pub fn console(value: &ConsoleValue, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    match value {
        ConsoleValue::Sensitive => writeln!(out, "(sensitive value)"),
        ConsoleValue::Unknown(unknown) => writeln!(out, "{}", safe(unknown)),
        ConsoleValue::Known(value) if as_json => json::write(&value.to_json(), out),
        ConsoleValue::Known(value) => writeln!(out, "{}", text(value)),
    }
}

/// Several lines for lists and maps, one for everything else.
#[must_use]
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth + 1);
    let close = "  ".repeat(depth);
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Unknown(unknown) => out.push_str(&safe(&unknown.to_string())),
        Value::Secret(reference) => out.push_str(&format!("secret({})", quoted(reference))),
        Value::Sensitive(_) => out.push_str("(sensitive value)"),
        Value::Block(block) => out.push_str(&safe(&block.address.to_string())),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::List(items) => sequence(items.iter(), ("[", "]"), &indent, &close, depth, out),
        Value::Set(items) if items.is_empty() => out.push_str("toset([])"),
        Value::Set(items) => {
            sequence(items.iter(), ("toset([", "])"), &indent, &close, depth, out);
        }
        Value::Map(map) if map.is_empty() => out.push_str("{}"),
        Value::Map(map) => {
            out.push_str("{\n");
            for (key, value) in map {
                out.push_str(&indent);
                out.push_str(&quoted(key));
                out.push_str(" = ");
                write(value, depth + 1, out);
                out.push('\n');
            }
            out.push_str(&close);
            out.push('}');
        }
    }
}

fn sequence<'a>(
    items: impl Iterator<Item = &'a Value>,
    (open, shut): (&str, &str),
    indent: &str,
    close: &str,
    depth: usize,
    out: &mut String,
) {
    out.push_str(open);
    out.push('\n');
    for item in items {
        out.push_str(indent);
        write(item, depth + 1, out);
        out.push_str(",\n");
    }
    out.push_str(close);
    out.push_str(shut);
}

/// A string literal that HCL reads back as the same text.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            // Two of them may begin a command to a pipeline's runner.
            '#' if chars.peek() == Some(&'#') => out.push_str("\\u0023"),
            c if is_unsafe(c) => out.push_str(&match u32::from(c) {
                short @ ..=0xffff => format!("\\u{short:04x}"),
                long => format!("\\U{long:08x}"),
            }),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_hcl() {
        let value = Value::from_json(&serde_json::json!({
            "a": [1, 2.5, "x\"${y}"], "b": {}, "c": null, "d": true
        }));
        assert_eq!(
            text(&value),
            "{\n  \"a\" = [\n    1,\n    2.5,\n    \"x\\\"$${y}\",\n  ]\n  \"b\" = {}\n  \"c\" = null\n  \"d\" = true\n}"
        );
        assert_eq!(text(&Value::string("s").sensitive()), "(sensitive value)");
    }
}
