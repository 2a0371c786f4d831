//! Canonical style: what `palisade fmt` writes.
//!
//! Works on tokens, never on the syntax tree: only spaces, line ends and blank lines are touched,
//! so that nothing can get lost. Two spaces of indentation, `=` aligned in consecutive one-line
//! arguments, comments behind consecutive lines aligned, at most one blank line and none beside
//! braces. Strings, heredocs and comments stay as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use super::lex::{Token, TokenKind, lex};
use super::syntax::{MAX_NESTING, parse_body};
use crate::diag::{Diagnostic, Source};

/// The text of a file in canonical style.
///
/// # Errors
/// The file's syntax error: a file that cannot be parsed is not formatted.
pub fn format(source: &Arc<Source>) -> Result<String, Diagnostic> {
    let text = source.text();
    // A byte-order mark goes, and what the file's first line ends with, all lines end with.
    let source = match text.strip_prefix('\u{feff}') {
        Some(rest) => &Source::new(source.name(), rest),
        None => source,
    };
    let text = source.text();
    parse_body(source)?;
    let windows = text.split('\n').next().is_some_and(|line| line.ends_with('\r'));
    let formatted = render(text);
    let formatted = if windows { with_crlf(&formatted) } else { formatted };
    // The promise that nothing gets lost, kept even against a mistake in here.
    if same_tokens(text, &formatted) { Ok(formatted) } else { Ok(text.to_owned()) }
}

/// The text with `\r\n` at the end of every line.
fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                out.push_str(line.strip_suffix('\r').unwrap_or(line));
                out.push_str("\r\n");
            }
            None => out.push_str(line),
        }
    }
    out
}

/// The files that `fmt` looks at: every `*.hcl` of a directory (variables and tests too), with
/// `recursive` those of its subdirectories; hidden ones are left out, links are not followed.
///
/// # Errors
/// A directory that cannot be read.
pub fn files(dir: &Path, recursive: bool) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut queue = vec![dir.to_path_buf()];
    while let Some(dir) = queue.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ty = entry.file_type()?;
            if name.starts_with('.') {
                continue;
            }
            if ty.is_dir() && recursive {
                queue.push(entry.path());
            } else if ty.is_file() && name.ends_with(".hcl") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A unified diff of a file before and after formatting; empty when nothing changes.
#[must_use]
pub fn diff(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

/// Whether two texts differ in spaces and line ends only, and not inside a token.
fn same_tokens(a: &str, b: &str) -> bool {
    let solid = |text: &str| -> Vec<String> {
        lex(text, MAX_NESTING)
            .tokens
            .iter()
            .filter(|t| !matches!(t.kind, TokenKind::Space | TokenKind::Newline))
            .map(|t| text.get(t.span.clone()).unwrap_or_default().trim_end().to_owned())
            .collect()
    };
    solid(a) == solid(b)
}

/// A token and whether a space stood before it.
struct FormatWord<'a> {
    kind: TokenKind,
    text: &'a str,
    spaced: bool,
}

/// A line: its words, and how they will be laid out.
#[derive(Default)]
struct Line<'a> {
    words: Vec<FormatWord<'a>>,
    indent: usize,
    /// Everything up to the `=` of a one-line argument, or the whole line.
    lead: String,
    /// From the `=` on.
    assign: Option<String>,
    /// A comment behind code.
    comment: Option<&'a str>,
    /// Whether a following line may be aligned with this one.
    closed: bool,
}

fn render(text: &str) -> String {
    let tokens = lex(text, MAX_NESTING).tokens;
    let mut lines = split(text, &tokens);
    indent(&mut lines);
    for line in &mut lines {
        lay_out(line);
    }
    let lines = collapse(lines);
    let padding = align(&lines);
    let mut out = String::with_capacity(text.len());
    for (line, (assign, comment)) in lines.iter().zip(padding) {
        if !line.words.is_empty() {
            out.extend(std::iter::repeat_n(' ', 2 * line.indent));
            out.push_str(&line.lead);
            if let Some(text) = &line.assign {
                out.extend(std::iter::repeat_n(' ', assign));
                out.push_str(text);
            }
            if let Some(text) = line.comment {
                out.extend(std::iter::repeat_n(' ', comment));
                out.push_str(text);
            }
        }
        out.push('\n');
    }
    out
}

fn split<'a>(text: &'a str, tokens: &[Token]) -> Vec<Line<'a>> {
    let mut lines = vec![Line::default()];
    let mut spaced = false;
    for token in tokens {
        match token.kind {
            TokenKind::Space => spaced = true,
            TokenKind::Newline => {
                lines.push(Line::default());
                spaced = false;
            }
            kind => {
                let piece = text.get(token.span.clone()).unwrap_or_default();
                let piece = if kind == TokenKind::LineComment { piece.trim_end() } else { piece };
                if let Some(line) = lines.last_mut() {
                    line.words.push(FormatWord { kind, text: piece, spaced });
                }
                spaced = false;
            }
        }
    }
    lines
}

fn is_opening(word: &FormatWord<'_>) -> bool {
    word.kind == TokenKind::Punct && matches!(word.text, "(" | "[" | "{")
}

fn is_closing(word: &FormatWord<'_>) -> bool {
    word.kind == TokenKind::Punct && matches!(word.text, ")" | "]" | "}")
}

/// A line stands one step deeper than the line that opened the innermost bracket around it; one
/// that starts with closing brackets stands as the line that opened the last of them.
fn indent(lines: &mut [Line<'_>]) {
    let mut open: Vec<usize> = Vec::new();
    for line in lines {
        let leading = line.words.iter().take_while(|w| is_closing(w)).count();
        let mut own = open.last().map_or(0, |indent| indent + 1);
        for _ in 0..leading {
            own = open.pop().unwrap_or(0);
        }
        line.indent = own;
        for word in line.words.iter().skip(leading) {
            if is_opening(word) {
                open.push(own);
            } else if is_closing(word) {
                open.pop();
            }
        }
    }
}

fn lay_out(line: &mut Line<'_>) {
    let mut words: &[FormatWord<'_>] = &line.words;
    if let [code @ .., last] = words
        && last.kind == TokenKind::LineComment
        && !code.is_empty()
    {
        line.comment = Some(last.text);
        words = code;
    }
    let equals = words.iter().position(|w| w.kind == TokenKind::Punct && w.text == "=");
    let whole = |from: usize| {
        let tail = words.get(from..).unwrap_or_default();
        let opened = tail.iter().filter(|w| is_opening(w)).count();
        let closed = tail.iter().filter(|w| is_closing(w)).count();
        opened == closed
    };
    match equals {
        Some(at) if at > 0 && whole(at) && whole(0) => {
            line.lead = spaced(words.get(..at).unwrap_or_default());
            line.assign = Some(spaced(words.get(at..).unwrap_or_default()));
        }
        _ => line.lead = spaced(words),
    }
    line.closed = words.iter().any(|w| w.text.contains('\n'));
}

/// Words joined by the spaces that belong between them.
fn spaced(words: &[FormatWord<'_>]) -> String {
    let mut out = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 && space_before(words, index) {
            out.push(' ');
        }
        out.push_str(word.text);
    }
    out
}

fn space_before(words: &[FormatWord<'_>], index: usize) -> bool {
    let (Some(word), Some(before)) = (words.get(index), words.get(index.wrapping_sub(1))) else {
        return false;
    };
    let punct = |w: &FormatWord<'_>, text: &str| w.kind == TokenKind::Punct && w.text == text;
    let is = |text: &str| punct(word, text);
    let after = |text: &str| punct(before, text);
    // What the lexer does not know stays as it was.
    if word.kind == TokenKind::Bad || before.kind == TokenKind::Bad {
        return word.spaced;
    }
    // Comments stand apart, whatever is beside them.
    if word.kind == TokenKind::BlockComment || before.kind == TokenKind::BlockComment {
        return true;
    }
    if is(",") || is("...") || is(".") || is("::") || is(")") || is("]") {
        return false;
    }
    if after(".") || after("::") || after("(") || after("[") || after("!") {
        return false;
    }
    if is("}") {
        return !after("{");
    }
    if after("{") {
        return true;
    }
    if is("(") || is("[") {
        let keyword =
            before.kind == TokenKind::Ident && matches!(before.text, "in" | "if" | "for" | "else");
        let callee = match before.kind {
            TokenKind::Ident => !keyword,
            TokenKind::Str => is("["),
            TokenKind::Punct => is_closing(before) || (is("[") && before.text == "*"),
            _ => false,
        };
        return !callee;
    }
    if after("-") && is_unary(words, index - 1) {
        return false;
    }
    // The star of a splat.
    if (is("*") && after(".")) || (after("*") && splat(words, index - 1)) {
        return false;
    }
    true
}

/// Whether the `-` at `index` has nothing to its left that it could subtract from.
fn is_unary(words: &[FormatWord<'_>], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).and_then(|i| words.get(i)) else { return true };
    match before.kind {
        TokenKind::Ident => matches!(before.text, "in" | "if" | "return"),
        TokenKind::Punct => !(is_closing(before) || before.text == "*" && splat(words, index - 1)),
        TokenKind::BlockComment => true,
        _ => false,
    }
}

fn splat(words: &[FormatWord<'_>], index: usize) -> bool {
    index
        .checked_sub(1)
        .and_then(|i| words.get(i))
        .is_some_and(|w| w.kind == TokenKind::Punct && (w.text == "." || w.text == "["))
}

/// At most one blank line; none at the start, the end, or beside the inner side of a bracket.
fn collapse(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut kept: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    let mut blank = None;
    for line in lines {
        if line.words.is_empty() {
            blank = Some(line);
            continue;
        }
        if let Some(blank) = blank.take() {
            let opened = kept.last().is_none_or(|l| {
                l.words
                    .iter()
                    .rev()
                    .find(|w| w.kind != TokenKind::LineComment)
                    .is_some_and(is_opening)
            });
            if !opened && !line.words.first().is_some_and(is_closing) {
                kept.push(blank);
            }
        }
        kept.push(line);
    }
    kept
}

/// How many spaces stand before `=` and before a comment, for each line.
fn align(lines: &[Line<'_>]) -> Vec<(usize, usize)> {
    let mut padding = vec![(1, 1); lines.len()];
    let mut start = 0;
    // `=` first: comments are aligned behind what that makes of the lines.
    while start < lines.len() {
        let mut end = start;
        let mut widest = 0;
        while let Some(line) = lines.get(end).filter(|l| l.assign.is_some()) {
            let first = lines.get(start).map(|l| l.indent);
            if first != Some(line.indent) {
                break;
            }
            widest = widest.max(line.lead.width());
            end += 1;
            if line.closed {
                break;
            }
        }
        for (line, pad) in lines.iter().zip(&mut padding).take(end).skip(start) {
            pad.0 = widest - line.lead.width() + 1;
        }
        start = end.max(start + 1);
    }
    let width = |index: usize| {
        let (Some(line), Some((assign, _))) = (lines.get(index), padding.get(index)) else {
            return 0;
        };
        let code = match &line.assign {
            Some(text) => line.lead.width() + assign + last_line(text).width(),
            None => last_line(&line.lead).width(),
        };
        // A text of several lines starts its last one at the left edge.
        if line.closed { code } else { 2 * line.indent + code }
    };
    let widths: Vec<usize> = (0..lines.len()).map(width).collect();
    let mut start = 0;
    while start < lines.len() {
        let mut end = start;
        let mut widest = 0;
        while lines.get(end).is_some_and(|l| l.comment.is_some() && !l.closed) {
            widest = widest.max(widths.get(end).copied().unwrap_or(0));
            end += 1;
        }
        for (own, pad) in widths.iter().zip(&mut padding).take(end).skip(start) {
            pad.1 = widest - own + 1;
        }
        start = end.max(start + 1);
    }
    padding
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn formatted(text: &str) -> String {
        format(&Source::new("x.hcl", text)).unwrap_or_else(|d| panic!("{d:?}\n{text}"))
    }

    #[test]
    fn style() {
        for (before, after) in [
            ("a=1\nbcd =   2 # x\ne= 3# yy\n", "a   = 1\nbcd = 2 # x\ne   = 3 # yy\n"),
            ("a {\n\n\nb=1\n\n\nc=[1,2 ,3]\n\n}\n\n\n", "a {\n  b = 1\n\n  c = [1, 2, 3]\n}\n"),
            ("x  \"y\"   {}\n", "x \"y\" {}\n"),
            ("a = [{\nb=1\n}, {\nb=2\n}]\n", "a = [{\n  b = 1\n}, {\n  b = 2\n}]\n"),
            (
                "a = f( x [0] . y ,-1, - b, ! c, d -1, e... )\n",
                "a = f(x[0].y, -1, -b, !c, d - 1, e...)\n",
            ),
            (
                "a = {for k,v in [1] : k=>v... if v!=2}\n",
                "a = { for k, v in [1] : k => v... if v != 2 }\n",
            ),
            ("a = x[*].y.*.z[0]*2\n", "a = x[*].y.*.z[0] * 2\n"),
            ("a = b?c:-d\n", "a = b ? c : -d\n"),
            ("a = {b=1,c={}}\n", "a = { b = 1, c = {} }\n"),
            (
                "a = 1\nlonger = {\nb = 1\n}\nc = 2\nlonger_still = 3\n",
                "a = 1\nlonger = {\n  b = 1\n}\nc            = 2\nlonger_still = 3\n",
            ),
            (
                "a {\nx = <<-EOT\n    keep   this\n  EOT\nyy = 1\n}\n",
                "a {\n  x = <<-EOT\n    keep   this\n  EOT\n  yy = 1\n}\n",
            ),
            (
                "# one\n\n\n\n// two\n/* three\n   four */\na = 1 /* five */ + 2\n",
                "# one\n\n// two\n/* three\n   four */\na = 1 /* five */ + 2\n",
            ),
            ("a = f(\nx,\ny\n)\n", "a = f(\n  x,\n  y\n)\n"),
            ("\u{e4}\u{f6} = 1\nb = 2\n", "\u{e4}\u{f6} = 1\nb  = 2\n"),
            ("a = 1\r\nbb = 2\r\n", "a  = 1\r\nbb = 2\r\n"),
            ("\u{feff}a=1\n", "a = 1\n"),
            ("", ""),
            ("\n\n", ""),
            ("a = 1", "a = 1\n"),
            ("a { # why\n\nb = 1\n}\n", "a { # why\n  b = 1\n}\n"),
            ("a = \"${ x }\"\n", "a = \"${ x }\"\n"),
        ] {
            assert_eq!(formatted(before), after, "{before}");
            assert_eq!(formatted(after), after, "not stable: {after}");
        }
    }

    #[test]
    fn a_file_with_a_syntax_error_is_left_alone() {
        assert!(format(&Source::new("x.hcl", "a = \n")).is_err());
    }

    /// Texts that look like configuration, with arbitrary space between tokens.
    fn body() -> impl Strategy<Value = String> {
        let space = prop_oneof![Just(""), Just(" "), Just("   "), Just("\t")];
        let name = prop_oneof![Just("a"), Just("bb"), Just("long_name"), Just("in"), Just("for-x")];
        let value = prop_oneof![
            Just("1"),
            Just("-1"),
            Just("- x"),
            Just("a.b[0]"),
            Just("f(x, -1)"),
            Just("f( )"),
            Just("\"s  ${ a }  $${b}\""),
            Just("[1,2]"),
            Just("{a=1}"),
            Just("{ }"),
            Just("a?b:c"),
            Just("a-1"),
            Just("a - -1"),
            Just("!a&&b"),
            Just("[for x in y:x if x]"),
            Just("x[*].z"),
            Just("x.*.z"),
            Just("{for k,v in y:k=>v...}"),
            Just("[\n1,\n2\n]"),
            Just("{\na=1\nbbb=2\n}"),
            Just("<<EOT\n  keep  \n\n\nEOT"),
            Just("<<-E\n    x ${y}\n  E"),
            Just("(\na\n+b)"),
            Just("f([{\na=1\n},{\na=2\n}])"),
            Just("1 /* c */"),
            Just("a.0.b"),
            Just("-(a)*-b"),
            Just("a == b ? [1] : [2]"),
            Just("ns::f(1)"),
            Just("x[y[0]][-1]"),
            Just("1.5e3"),
        ];
        let comment = prop_oneof![Just(""), Just("# c"), Just("//d  "), Just("#")];
        let line =
            (name.clone(), space.clone(), space.clone(), value, space.clone(), comment.clone())
                .prop_map(|(n, s, t, v, u, c)| {
                    // A heredoc ends at a line that holds its mark alone: a comment behind it is text.
                    let c = if v.starts_with("<<") { "" } else { c };
                    format!("{n}{s}={t}{v}{u}{c}")
                });
        let other = prop_oneof![
            Just(String::new()),
            Just("  ".to_owned()),
            Just("# alone".to_owned()),
            Just("/* a\n  b */".to_owned())
        ];
        let item = prop_oneof![4 => line, 1 => other];
        let inner = proptest::collection::vec(item, 0..6);
        let block = (inner, proptest::bool::ANY, comment).prop_map(|(lines, block, c)| {
            // One name twice in a body is an error of its own.
            let mut number = 0;
            let lines: Vec<String> = lines
                .into_iter()
                .map(|l| match l.find('=') {
                    Some(_) if !l.starts_with(['#', '/']) => {
                        number += 1;
                        format!("k{number}{l}")
                    }
                    _ => l,
                })
                .collect();
            if block {
                format!("blk \"x\"  {{ {c}\n{}\n}}", lines.join("\n"))
            } else {
                format!("blk {{\n\n{}\n\n\n}}", lines.join("\n"))
            }
        });
        proptest::collection::vec(block, 0..4).prop_map(|b| b.join("\n"))
    }

    proptest! {
        #[test]
        fn formatting_keeps_meaning_and_settles(text in body()) {
            let source = Source::new("x.hcl", text.as_str());
            let before = parse_body(&source);
            prop_assume!(before.is_ok());
            let once = formatted(&text);
            prop_assert!(same_tokens(&text, &once));
            prop_assert_eq!(&formatted(&once), &once);
            let after = parse_body(&Source::new("x.hcl", once.as_str())).expect("still parses");
            let plain = |body: hcl::edit::structure::Body| hcl::Body::from(body);
            prop_assert_eq!(plain(before.expect("assumed")), plain(after));
            prop_assert!(!once.contains(" \n") || text.contains("keep"), "{:?}", once);
        }
    }
}
