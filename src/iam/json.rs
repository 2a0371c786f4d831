//! A JSON reader that keeps the place of every key and value, for findings that underline.
//!
//! RFC 8259, strictly: no comments, no trailing commas. Objects keep their order and their
//! duplicate keys, because AWS refuses a policy with those and a reader that dropped one would
//! change the meaning. Nesting is limited, so hostile input cannot exhaust the stack.

use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, Loc, Source};

use super::node::{JsonMember, JsonNode, MAX_DEPTH, NodeKind, too_deep};
use super::text::{Text, TextRun};

/// Reads the JSON value that fills `range` of `source` (white space and a byte-order mark aside).
/// Duplicate keys go to `found`; the value is still returned.
///
/// # Errors
/// The first syntax error, underlined.
pub fn parse(
    source: &Arc<Source>,
    range: Range<usize>,
    diagnostics: &mut Diagnostics,
) -> Result<JsonNode, Diagnostic> {
    let loc = Loc::new(source, range);
    let span = loc.span();
    let text = source
        .text()
        .get(..span.end)
        .ok_or_else(|| Diagnostic::error("the JSON ends inside a character").at(loc.clone()))?;
    let mut reader = Reader { source, text, at: span.start, diagnostics };
    if reader.rest().starts_with('\u{feff}') {
        reader.at += '\u{feff}'.len_utf8();
    }
    reader.space();
    if reader.peek().is_none() {
        return Err(Diagnostic::error("the policy is empty").at(loc));
    }
    let node = reader.value(0)?;
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.unexpected("the end of the policy"));
    }
    Ok(node)
}

/// Reads JSON whose strings may hold placeholders. There is no source text to point into.
///
/// # Errors
/// The first syntax error; a placeholder outside a string value is one.
pub fn parse_text(text: &Text, diagnostics: &mut Diagnostics) -> Result<JsonNode, Diagnostic> {
    // Placeholders ride through the reader as private-use characters, counted from this one.
    const FIRST: u32 = 0xF_0000;
    let mut holders = Vec::new();
    let mut raw = String::new();
    for part in text.parts() {
        match part {
            TextRun::Literal(text) => {
                if text.chars().any(|c| u32::from(c) >= FIRST) {
                    return Err(Diagnostic::error("the policy holds private-use characters"));
                }
                raw.push_str(&text);
            }
            TextRun::Placeholder(placeholder) => {
                let code = u32::try_from(holders.len()).ok().and_then(|n| FIRST.checked_add(n));
                raw.push(code.and_then(char::from_u32).ok_or_else(|| {
                    Diagnostic::error("the policy holds too many values unknown until apply")
                })?);
                holders.push(placeholder);
            }
        }
    }
    let source = Source::new("policy", raw);
    let mut inner = Diagnostics::new();
    let mut node = parse(&source, 0..source.text().len(), &mut inner)
        .map_err(|error| Diagnostic { loc: None, ..error })?;
    diagnostics.extend(inner.into_iter().map(|d| Diagnostic { loc: None, ..d }));
    restore(&mut node, &holders)?;
    Ok(node)
}

fn restore(node: &mut JsonNode, holders: &[super::text::Placeholder]) -> Result<(), Diagnostic> {
    const FIRST: u32 = 0xF_0000;
    node.loc = None;
    match &mut node.kind {
        NodeKind::String(text) => {
            let Some(raw) = text.known() else { return Ok(()) };
            if raw.chars().any(|c| u32::from(c) >= FIRST) {
                let parts: Vec<TextRun> = raw
                    .chars()
                    .map(|c| {
                        u32::from(c)
                            .checked_sub(FIRST)
                            .and_then(|n| holders.get(usize::try_from(n).ok()?))
                            .map_or_else(
                                || TextRun::Literal(c.to_string()),
                                |holder| TextRun::Placeholder(holder.clone()),
                            )
                    })
                    .collect();
                *text = Text::from_parts(parts);
            }
        }
        NodeKind::Array(items) => {
            for item in items {
                restore(item, holders)?;
            }
        }
        NodeKind::Object(members) => {
            for member in members {
                member.key_loc = None;
                if member.key.chars().any(|c| u32::from(c) >= FIRST) {
                    return Err(Diagnostic::error(
                        "a key of the policy depends on a value unknown until apply",
                    )
                    .help("only the values of a policy may be unknown until apply"));
                }
                restore(&mut member.value, holders)?;
            }
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
    }
    Ok(())
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    at: usize,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn loc(&self, start: usize) -> Loc {
        Loc::new(self.source, start..self.at)
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            let end = self.text.trim_end().len();
            return Diagnostic::error("the policy is not valid JSON: it ends too early")
                .at(Loc::new(self.source, end.saturating_sub(1)..end))
                .detail(format!("expected {wanted}"));
        };
        let token = rest
            .find(|c: char| c.is_whitespace() || ",:{}[]\"".contains(c))
            .filter(|end| *end > 0)
            .unwrap_or(first.len_utf8());
        let shown: String = rest.get(..token).unwrap_or_default().chars().take(40).collect();
        let error =
            Diagnostic::error(format!("the policy is not valid JSON: unexpected `{shown}`"))
                .at(Loc::new(self.source, self.at..self.at + shown.len().max(1)))
                .detail(format!("expected {wanted}"));
        if rest.starts_with("//") || rest.starts_with("/*") || first == '#' {
            error.help("JSON has no comments: remove this one")
        } else if first == '}' || first == ']' {
            error.help("remove the comma before it")
        } else {
            error
        }
    }

    fn value(&mut self, depth: usize) -> Result<JsonNode, Diagnostic> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(too_deep().at(Loc::new(self.source, start..start + 1)));
        }
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => NodeKind::String(Text::from(self.string()?)),
            Some(b'-' | b'0'..=b'9') => NodeKind::Number(self.number()?),
            _ if self.word("true") => NodeKind::Bool(true),
            _ if self.word("false") => NodeKind::Bool(false),
            _ if self.word("null") => NodeKind::Null,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(JsonNode { kind, loc: Some(self.loc(start)) })
    }

    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest
            .strip_prefix(word)
            .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        if found {
            self.at += word.len();
        }
        found
    }

    fn array(&mut self, depth: usize) -> Result<NodeKind, Diagnostic> {
        self.at += 1;
        self.space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(NodeKind::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(NodeKind::Array(items));
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<NodeKind, Diagnostic> {
        self.at += 1;
        self.space();
        let mut members: Vec<JsonMember> = Vec::new();
        let mut seen = std::collections::BTreeMap::<String, Loc>::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(NodeKind::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a quoted key"));
            }
            let key = self.string()?;
            let key_loc = self.loc(start);
            if let Some(first) = seen.get(&key) {
                self.diagnostics.push(
                    Diagnostic::error(format!("the key `{key}` occurs twice"))
                        .at(key_loc.clone())
                        .detail("only one of the two would count")
                        .help("merge the two into one")
                        .related(first.clone(), "first here"),
                );
            } else {
                seen.insert(key.clone(), key_loc.clone());
            }
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            members.push(JsonMember { key, key_loc: Some(key_loc), value });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(NodeKind::Object(members));
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn number(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at > from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if !digits(self) {
            return Err(self.unexpected("a digit"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !digits(self) {
                return Err(self.unexpected("a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !digits(self) {
                return Err(self.unexpected("a digit"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default().to_owned())
    }

    fn string(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let run = self.rest();
            let stop = run.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20);
            let Some(stop) = stop else {
                let line = run.find('\n').unwrap_or(run.len());
                return Err(Diagnostic::error("the policy is not valid JSON: a string has no end")
                    .at(Loc::new(self.source, start..self.at + line))
                    .help("add the closing `\"`"));
            };
            out.push_str(run.get(..stop).unwrap_or_default());
            self.at += stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => {
                    return Err(Diagnostic::error(
                        "the policy is not valid JSON: a string holds a control character",
                    )
                    .at(Loc::new(self.source, start..self.at))
                    .detail(
                        "a line break or tab must be escaped, or the closing `\"` is missing",
                    ));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        self.at += 1;
        let code = self.peek();
        self.at += usize::from(code.is_some_and(|b| b.is_ascii()));
        Ok(match code {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let bad = |reader: &Self| {
                    Diagnostic::error("the policy is not valid JSON: bad `\\u` escape")
                        .at(reader.loc(start))
                };
                let high = self.hex4().ok_or_else(|| bad(self))?;
                let code = if (0xD800..0xDC00).contains(&high) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex4().ok_or_else(|| bad(self))?;
                    match low.checked_sub(0xDC00) {
                        Some(low) if low < 0x400 => 0x1_0000 + ((high - 0xD800) << 10) + low,
                        _ => return Err(bad(self)),
                    }
                } else {
                    high
                };
                char::from_u32(code).ok_or_else(|| bad(self))?
            }
            _ => {
                return Err(Diagnostic::error("the policy is not valid JSON: unknown escape")
                    .at(self.loc(start))
                    .help("write a backslash as `\\\\`"));
            }
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(JsonNode, Diagnostics), Diagnostic> {
        let mut diagnostics = Diagnostics::new();
        let source = Source::new("p.json", text);
        parse(&source, 0..text.len(), &mut diagnostics).map(|node| (node, diagnostics))
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_json() {
        for text in [
            "{}",
            "[]",
            "1",
            "-0.5e+10",
            "\"a\\u00e9\\ud83d\\ude00\"",
            "[1,[2,{\"a\":null}]]",
            " true ",
            "01",
            "1.",
            "-",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "\"\\ud800\"",
            "\"\\x\"",
            "nul",
            "truex",
            "\"a\nb\"",
            "[1 2]",
            "{\"a\" 1}",
            "",
            "  ",
            "\"abc",
            "// c\n1",
            "1 2",
            "{",
            "[",
            "\"\\u12",
            "\"\\\u{e9}\"",
            "\u{e9}",
        ] {
            let ours = read(text).is_ok();
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(ours, theirs, "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_ranges_are_exact() {
        let (node, _) = read("\u{feff} {\"k\": [1, \"x\"]}").expect("valid");
        let NodeKind::Object(members) = node.kind else { panic!("an object") };
        assert_eq!(members[0].key_loc.as_ref().expect("loc").span(), 5..8);
        assert_eq!(members[0].value.loc.as_ref().expect("loc").span(), 10..18);
    }

    #[test]
    fn nesting_is_limited() {
        for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
            let error = read(&deep).expect_err("too deep");
            assert!(error.summary.contains("nested"), "{}", error.summary);
        }
    }

    #[test]
    fn duplicate_keys_are_reported_with_both_places() {
        let (_, found) = read("{\"a\": 1,\n \"a\": 2}").expect("read");
        let first = found.iter().next().expect("one");
        assert_eq!(first.summary, "the key `a` occurs twice");
        assert_eq!(first.loc.as_ref().map(Loc::line), Some(2));
        assert_eq!(first.related.len(), 1);
    }

    #[test]
    fn placeholders_ride_in_strings_only() {
        let text = |before: &str, after: &str| {
            Text::from_parts([
                TextRun::Literal(before.into()),
                TextRun::Placeholder(super::super::text::Placeholder::new("account.a.id")),
                TextRun::Literal(after.into()),
            ])
        };
        let mut diagnostics = Diagnostics::new();
        let node = parse_text(&text("{\"a\": \"x", "y\"}"), &mut diagnostics).expect("valid");
        let NodeKind::Object(members) = node.kind else { panic!("an object") };
        let NodeKind::String(value) = &members[0].value.kind else { panic!("a string") };
        assert_eq!(*value, text("x", "y"));
        assert!(parse_text(&text("{\"a\": ", "}"), &mut diagnostics).is_err());
        assert!(parse_text(&text("{\"", "\": 1}"), &mut diagnostics).is_err());
    }
}
