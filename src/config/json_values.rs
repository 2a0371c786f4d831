//! The values in a JSON file of variables, as expressions that stand where the file has them.
//!
//! A JSON value is an expression of HCL but for its strings, in which nothing is interpolated. So only strings are
//! written anew, and a place in an expression is a place in the file.

use std::ops::Range;
use std::sync::Arc;

use hcl::edit::structure::Structure;

use super::expr::Expr;
use super::syntax;
use crate::diag::{Diagnostic, Source};

/// One member of the object that a file holds.
pub(super) struct Member {
    /// The variable.
    pub(super) name: String,
    /// Where its name stands.
    pub(super) at: Range<usize>,
    /// Where its value stands.
    value: Range<usize>,
}

impl Member {
    /// The value.
    ///
    /// # Errors
    /// It is no expression: it is nested too deep.
    pub(super) fn expression(&self, source: &Arc<Source>) -> Result<Expr, Diagnostic> {
        let text = source.text();
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let given = part(self.value.clone());
        let written = literal(given);
        // An attribute that ends up with its value where the file has it.
        let margin = self.value.start.saturating_sub(ATTRIBUTE.len());
        let alone = format!("{}{ATTRIBUTE}{written}\n", " ".repeat(margin));
        let shown = match written == given {
            true => Arc::clone(source),
            false => {
                let (before, after) = (part(0..self.value.start), part(self.value.end..text.len()));
                Source::new(source.name(), format!("{before}{written}{after}"))
            }
        };
        let body = syntax::parse_body(&Source::new(source.name(), alone))?;
        let value = body.into_iter().find_map(|structure| match structure {
            Structure::Attribute(attribute) => Some(attribute.value),
            Structure::Block(_) => None,
        });
        let value = value.ok_or_else(|| {
            Diagnostic::error(format!("the value of `{}` cannot be read", self.name))
        })?;
        Ok(Expr::new(value, &shown))
    }
}

/// What stands before a value to make an attribute of it. In a file of JSON a name, its quotes and a colon do.
const ATTRIBUTE: &str = "x=";

/// The members of a text that is known to be an object of JSON.
pub(super) fn members(text: &str) -> Vec<Member> {
    let mut members = Vec::new();
    let mut depth = 0_usize;
    let mut name: Option<(String, Range<usize>)> = None;
    // Where the value starts that is being passed, and how far it goes.
    let mut value: Option<Range<usize>> = None;
    for (token, at) in tokens(text) {
        match token {
            Token::String if depth == 1 && name.is_none() => {
                let text =
                    text.get(at.clone()).and_then(|quoted| serde_json::from_str(quoted).ok());
                name = Some((text.unwrap_or_default(), at));
                continue;
            }
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Colon if depth == 1 => continue,
            Token::String | Token::Other | Token::Colon | Token::Comma => {}
        }
        let is_end = depth == 0 || depth == 1 && token == Token::Comma;
        match (is_end, name.is_some()) {
            (true, _) => {
                if let (Some((name, at)), Some(value)) = (name.take(), value.take()) {
                    members.push(Member { name, at, value });
                }
            }
            (false, true) => {
                let start = value.as_ref().map_or(at.start, |value| value.start);
                value = Some(start..at.end);
            }
            (false, false) => {}
        }
    }
    members
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Colon,
    Comma,
    String,
    /// A number or a word, or a part of one.
    Other,
}

/// The tokens of a text of JSON, and where they are.
fn tokens(text: &str) -> impl Iterator<Item = (Token, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at;
            let next = rest.chars().next()?;
            at += next.len_utf8();
            let token = match next {
                '{' | '[' => Token::Open,
                '}' | ']' => Token::Close,
                ':' => Token::Colon,
                ',' => Token::Comma,
                '"' => {
                    at = start + string(rest);
                    Token::String
                }
                next if next.is_whitespace() => continue,
                _ => Token::Other,
            };
            return Some((token, start..at));
        }
    })
}

/// How long the string is that a text begins with, its quotes included.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// A JSON value as an HCL expression.
fn literal(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut end = 0;
    for (token, at) in tokens(json) {
        if token != Token::String {
            continue;
        }
        out.push_str(json.get(end..at.start).unwrap_or_default());
        let text: Option<String> =
            json.get(at.clone()).and_then(|quoted| serde_json::from_str(quoted).ok());
        quote(&text.unwrap_or_default(), &mut out);
        end = at.end;
    }
    out.push_str(json.get(end..).unwrap_or_default());
    out
}

/// A text as a string of HCL, in which nothing is interpolated.
fn quote(text: &str, into: &mut String) {
    into.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => into.extend(['\\', c]),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            // `$${` is `${` as text.
            '$' | '%' if chars.peek() == Some(&'{') => into.extend([c, c]),
            c if c.is_control() => into.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => into.push(c),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_the_file_has_them() {
        let text = "{\n  \"a\": [1, {\"b\": \"x,}\\\"\"}],\n  \"c\" : -1e3, \"d\": \"${x} \\u00e9\", \"e\": null }\n";
        let source = Source::new("x.json", text);
        let all = members(text);
        let parts: Vec<(&str, &str)> =
            all.iter().map(|m| (m.name.as_str(), &text[m.value.clone()])).collect();
        assert_eq!(
            parts,
            [
                ("a", r#"[1, {"b": "x,}\""}]"#),
                ("c", "-1e3"),
                ("d", r#""${x} \u00e9""#),
                ("e", "null")
            ]
        );
        for member in &all {
            let loc = member.expression(&source).expect(&member.name).loc();
            assert_eq!(loc.span().start, member.value.start, "{}", member.name);
        }
        assert_eq!(literal(r#""${x} \u00e9""#), "\"$${x} é\"");
        assert!(members("{}").is_empty());
    }
}
