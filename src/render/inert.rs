//! Output that a CI runner does not obey.
//!
//! Runners take commands out of the output of what they run: GitHub's a line that begins with `::` (after
//! white space), and its older form `##[command]` anywhere in a line; Azure's `##vso[command]` anywhere.
//! Descriptions, file contents and arguments come from other people, and with a line break in front of it
//! any text begins a line. A lone carriage return is such a break too: GitHub's runner ends a line at it, and a
//! terminal writes over what stands there. So every text that goes to a terminal or a log passes through here, whatever
//! printed it: the first character of what would be a command is written as an escape, as
//! [`super::style::safe`] writes control characters. JSON has an escape of its own for it (`\u0023`), which
//! leaves the value what it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::style::is_unsafe;

/// `text` without anything that a runner would take for a command. `fresh` says whether it begins a line.
#[must_use]
pub fn inert(text: &str, fresh: bool) -> Cow<'_, str> {
    if text.contains('\r') {
        return Cow::Owned(without_commands(&without_returns(text), fresh).into_owned());
    }
    without_commands(text, fresh)
}

/// `text` with every carriage return that ends no line written as an escape.
fn without_returns(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() != Some(&'\n') => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out
}

fn without_commands(text: &str, fresh: bool) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_start();
        let mut rest = line;
        if (fresh || index > 0) && content.starts_with("::") {
            let (before, after) = line.split_at(line.len() - content.len());
            out.push_str(before);
            out.push_str("\\u{3a}");
            rest = after.get(1..).unwrap_or_default();
        }
        while let Some(at) = old_command(rest) {
            out.push_str(rest.get(..at).unwrap_or_default());
            out.push_str("\\u{23}");
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// Where `##[` or `##word[` stands.
fn old_command(text: &str) -> Option<usize> {
    text.match_indices("##").map(|(at, _)| at).find_map(|at| {
        // Of three in a row the last two count.
        let rest = text.get(at..)?.trim_start_matches('#');
        let at = text.len() - rest.len() - 2;
        rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[').then_some(at)
    })
}

/// `json` with escapes for `##` and for characters that could steer a terminal, reorder text or hide in it. In JSON all of
/// these occur only in strings, whose values do not change.
#[must_use]
pub fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains("##") && !json.chars().any(may_hide) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '#' if chars.peek() == Some(&'#') => out.push_str("\\u0023"),
            c if may_hide(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// What [`super::style::safe`] escapes, except the line ends and spaces between members.
fn may_hide(c: char) -> bool {
    !c.is_ascii() && is_unsafe(c) || c == '\u{7f}'
}

/// A writer of text that makes it inert, line by line.
#[derive(Debug)]
pub struct Inert<W: Write> {
    to: W,
    /// The line that is being written, as far as it was not passed on.
    line: Vec<u8>,
    /// Whether that line's beginning was passed on already.
    begun: bool,
}

impl<W: Write> Inert<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, line: Vec::new(), begun: false }
    }

    fn pass(&mut self, length: usize) -> io::Result<()> {
        let rest = self.line.split_off(length);
        let passed = std::mem::replace(&mut self.line, rest);
        let fresh = !self.begun;
        match passed.last() {
            None => return Ok(()),
            Some(last) => self.begun = *last != b'\n',
        }
        match std::str::from_utf8(&passed) {
            Ok(text) => self.to.write_all(inert(text, fresh).as_bytes()),
            Err(_) => self.to.write_all(inert(&String::from_utf8_lossy(&passed), fresh).as_bytes()),
        }
    }
}

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.pass(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.line.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Inert<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_command() {
        for (text, shown) in [
            ("::error::x", "\\u{3a}:error::x"),
            ("  \t::set-output name=a::b\n", "  \t\\u{3a}:set-output name=a::b\n"),
            ("a\n::add-mask::x\nb", "a\n\\u{3a}:add-mask::x\nb"),
            ("a ##[error]x", "a \\u{23}#[error]x"),
            ("###[group]", "#\\u{23}#[group]"),
            ("##vso[task.setvariable variable=a]b", "\\u{23}#vso[task.setvariable variable=a]b"),
            ("##[a]##[b]", "\\u{23}#[a]\\u{23}#[b]"),
            ("safe\r::error::x", "safe\\r::error::x"),
            ("ends\r\n::error::x\r", "ends\r\n\\u{3a}:error::x\\r"),
            ("## Heading [link](x)", "## Heading [link](x)"),
            ("arn:aws:s3:::bucket, ::/0", "arn:aws:s3:::bucket, ::/0"),
        ] {
            assert_eq!(inert(text, true), shown);
            assert!(!inert(&inert(text, true), true).contains("##["));
        }
        assert_eq!(inert("::/0", false), "::/0");
    }

    #[test]
    fn json_keeps_its_values() {
        let hidden = ['\u{7f}', '\u{9b}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{e0041}'];
        let value = serde_json::json!({"a": "###[error]x", "b": "#", "ü ☃": hidden.iter().collect::<String>()});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let inert = inert_json(&text);
        assert!(
            !inert.contains("##") && !inert.contains(hidden) && inert.contains("ü ☃"),
            "{inert}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&inert).unwrap(), value);
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut bytes = Vec::new();
        let mut out = Inert::new(&mut bytes);
        for piece in ["a\n ", ":", ":err", "or\n#", "#[x]"] {
            out.write_all(piece.as_bytes()).unwrap();
        }
        drop(out);
        assert_eq!(String::from_utf8(bytes).unwrap(), "a\n \\u{3a}:error\n\\u{23}#[x]");
    }

    #[test]
    fn a_return_that_ends_no_line_overwrites_none() {
        let mut bytes = Vec::new();
        let mut out = Inert::new(&mut bytes);
        for piece in ["plan: 3 to add\r", "plan: nothing\r\n", "a\r"] {
            out.write_all(piece.as_bytes()).unwrap();
        }
        drop(out);
        assert_eq!(String::from_utf8(bytes).unwrap(), "plan: 3 to add\\rplan: nothing\r\na\\r");
    }
}
