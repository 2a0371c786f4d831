//! RE2's syntax, which Terraform's functions take, in terms of the `regex` crate's.
//!
//! Both match alike once a pattern is read, but they read patterns differently: in RE2 `\d`, `\w`,
//! `\s` and `\b` are ASCII, a `{` that begins no repetition is itself, `\Q...\E` quotes, and there
//! are neither nested sets nor set operators nor `\<`. So every element of a pattern is read by
//! RE2's rules and written in a form that the crate cannot read in a second way; what RE2 refuses
//! is refused with its words.
//!
//! Source: <https://github.com/google/re2/wiki/Syntax>, and Go's `regexp/syntax/parse.go`.

use std::fmt::Write as _;

/// RE2's limit on `{n,m}`.
const MAX_REPEAT: u32 = 1000;

/// General categories that `\p{...}` takes; everything else is the name of a script.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
];

/// `[:name:]` and what it stands for.
const NAMED: &[(&str, &str)] = &[
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", r"\x00-\x7f"),
    ("blank", r"\t\x20"),
    ("cntrl", r"\x00-\x1f\x7f"),
    ("digit", "0-9"),
    ("graph", r"\x21-\x7e"),
    ("lower", "a-z"),
    ("print", r"\x20-\x7e"),
    ("punct", r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e"),
    ("space", r"\t-\r\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

/// Writes an RE2 pattern in the syntax of the `regex` crate.
///
/// # Errors
/// What RE2 refuses, in its words.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    reader.pattern()?;
    Ok(reader.out)
}

/// What stands before a repetition operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before<'p> {
    /// Nothing that could be repeated.
    Nothing,
    /// An element.
    Element,
    /// Another repetition, as written.
    Repetition(&'p str),
}

struct Reader<'p> {
    rest: &'p str,
    out: String,
}

impl<'p> Reader<'p> {
    fn take(&mut self, bytes: usize) -> &'p str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        Some(next)
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            _ = write!(self.out, "\\x{:02x}", u32::from(c));
        }
    }

    fn pattern(&mut self) -> Result<(), String> {
        let mut before = Before::Nothing;
        while let Some(first) = self.rest.chars().next() {
            let element = match first {
                '*' | '+' | '?' => {
                    before = self.repetition(1, before)?;
                    continue;
                }
                '{' => match repeat_count(self.rest)? {
                    Some(length) => {
                        before = self.repetition(length, before)?;
                        continue;
                    }
                    None => {
                        self.take(1);
                        self.literal('{');
                        Before::Element
                    }
                },
                '(' => self.group()?,
                '|' => {
                    self.take(1);
                    self.out.push('|');
                    Before::Nothing
                }
                ')' | '.' | '^' | '$' => {
                    self.take(1);
                    self.out.push(first);
                    Before::Element
                }
                '[' => {
                    self.class()?;
                    Before::Element
                }
                '\\' => {
                    self.escape()?;
                    Before::Element
                }
                _ => {
                    self.next();
                    self.literal(first);
                    Before::Element
                }
            };
            before = element;
        }
        Ok(())
    }

    /// `*`, `+`, `?` or `{n,m}`, with the `?` that makes it lazy.
    fn repetition(&mut self, length: usize, before: Before<'p>) -> Result<Before<'p>, String> {
        let lazy = self.rest.get(length..).is_some_and(|rest| rest.starts_with('?'));
        let operator = self.take(length + usize::from(lazy));
        match before {
            Before::Nothing => {
                Err(format!("missing argument to repetition operator: `{operator}`"))
            }
            Before::Repetition(other) => {
                Err(format!("invalid nested repetition operator: `{other}{operator}`"))
            }
            Before::Element => {
                self.out.push_str(operator);
                Ok(Before::Repetition(operator))
            }
        }
    }

    /// What opens a group, or sets flags.
    fn group(&mut self) -> Result<Before<'p>, String> {
        if !self.rest.starts_with("(?") {
            self.take(1);
            self.out.push('(');
            return Ok(Before::Nothing);
        }
        for opening in ["(?P<", "(?<"] {
            let Some(rest) = self.rest.strip_prefix(opening) else { continue };
            let end =
                rest.find('>').ok_or_else(|| format!("invalid named capture: `{}`", self.rest))?;
            let name = rest.get(..end).unwrap_or_default();
            let valid =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !valid {
                return Err(format!("invalid named capture: `{opening}{name}>`"));
            }
            self.take(opening.len() + end + 1);
            _ = write!(self.out, "(?P<{name}>");
            return Ok(Before::Nothing);
        }
        let end = self.rest.find([':', ')']);
        let flags = end.and_then(|end| self.rest.get(2..end)).unwrap_or_default();
        let (on, off) = flags.split_once('-').unwrap_or((flags, "i"));
        let known = |flags: &str| flags.bytes().all(|b| b"imsU".contains(&b));
        let some = self.rest.starts_with("(?:") || !(on.is_empty() && flags.is_empty());
        if end.is_none() || !known(on) || !known(off) || off.is_empty() || !some {
            return Err(format!("invalid or unsupported Perl syntax: `{}`", shown(self.rest)));
        }
        let written = self.take(end.unwrap_or_default() + 1);
        self.out.push_str(written);
        // `(?i)` alone repeats nothing and is repeated by nothing.
        Ok(Before::Nothing)
    }

    /// An escape outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.get(1..).and_then(|rest| rest.chars().next()) {
            Some('Q') => {
                self.take(2);
                let quoted = self.rest.split_once("\\E").map_or(self.rest, |(quoted, _)| quoted);
                self.take(quoted.len());
                self.take(2);
                for c in quoted.chars() {
                    self.literal(c);
                }
                Ok(())
            }
            Some('E') => {
                // The end of a quotation that nothing began.
                Err("invalid escape sequence: `\\E`".to_owned())
            }
            Some(c @ ('A' | 'z')) => {
                self.take(2);
                _ = write!(self.out, "\\{c}");
                Ok(())
            }
            Some(c @ ('b' | 'B')) => {
                self.take(2);
                _ = write!(self.out, "(?-u:\\{c})");
                Ok(())
            }
            _ => {
                if let Some(class) = self.perl_class()? {
                    _ = write!(self.out, "[{class}]");
                    return Ok(());
                }
                let c = self.escaped_char()?;
                self.literal(c);
                Ok(())
            }
        }
    }

    /// `\d` and its like, `\p{...}`: as an element of a bracket expression.
    fn perl_class(&mut self) -> Result<Option<String>, String> {
        let letter = self.rest.get(1..).and_then(|rest| rest.chars().next());
        let class = match letter {
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"\t\n\x0c\r\x20",
            Some('S') => r"[^\t\n\x0c\r\x20]",
            Some(letter @ ('p' | 'P')) => return self.unicode_class(letter == 'P').map(Some),
            _ => return Ok(None),
        };
        self.take(2);
        Ok(Some(class.to_owned()))
    }

    fn unicode_class(&mut self, mut negated: bool) -> Result<String, String> {
        let whole = self.rest;
        self.take(2);
        let mut name = match self.rest.strip_prefix('{') {
            Some(rest) => {
                let name = rest
                    .split_once('}')
                    .map(|(name, _)| name)
                    .ok_or_else(|| format!("invalid character class range: `{}`", shown(whole)))?;
                self.take(name.len() + 2);
                name
            }
            None => {
                let length = self.rest.chars().next().map_or(0, char::len_utf8);
                self.take(length)
            }
        };
        if let Some(rest) = name.strip_prefix('^') {
            negated = !negated;
            name = rest;
        }
        let sign = if negated { 'P' } else { 'p' };
        if name == "Any" {
            return Ok(format!("\\{sign}{{any}}"));
        }
        let known = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        let property = if CATEGORIES.contains(&name) { "gc" } else { "sc" };
        let class = format!("\\{sign}{{{property}={name}}}");
        if !known || regex::Regex::new(&class).is_err() {
            let written = whole.get(..whole.len() - self.rest.len()).unwrap_or_default();
            return Err(format!("invalid character class range: `{written}`"));
        }
        Ok(class)
    }

    /// A character that an escape names, inside brackets or outside.
    fn escaped_char(&mut self) -> Result<char, String> {
        let whole = self.rest;
        self.take(1);
        let Some(c) = self.next() else {
            return Err("trailing backslash at end of expression".to_owned());
        };
        let invalid = |rest: &str| {
            let written = whole.get(..whole.len() - rest.len()).unwrap_or_default();
            format!("invalid escape sequence: `{written}`")
        };
        let octal = |c: char| matches!(c, '0'..='7');
        let code = match c {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            // One digit alone would be a reference to a group.
            '1'..='7' if !self.rest.starts_with(octal) => return Err(invalid(self.rest)),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().filter(|c| octal(*c)) else { break };
                    self.take(1);
                    code = code * 8 + digit.to_digit(8).unwrap_or_default();
                }
                code
            }
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(rest) => {
                        let digits = rest.split_once('}').map(|(digits, _)| digits);
                        self.take(digits.map_or(self.rest.len(), |d| d.len() + 2));
                        digits.unwrap_or_default()
                    }
                    None => self.take(2),
                };
                let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
                hex.then(|| u32::from_str_radix(digits, 16).ok())
                    .flatten()
                    .ok_or_else(|| invalid(self.rest))?
            }
            c if c.is_ascii_punctuation() => u32::from(c),
            _ => return Err(invalid(self.rest)),
        };
        char::from_u32(code).ok_or_else(|| invalid(self.rest))
    }

    /// `[...]`.
    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        self.take(1);
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.take(1);
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.chars().next() else {
                return Err(format!("missing closing ]: `{}`", shown(whole)));
            };
            if c == ']' && !first {
                self.take(1);
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if let Some((name, _)) = self.rest.strip_prefix("[:").and_then(|r| r.split_once(":]")) {
                let (negation, bare) = match name.strip_prefix('^') {
                    Some(bare) => ("^", bare),
                    None => ("", name),
                };
                let Some((_, class)) = NAMED.iter().find(|(n, _)| *n == bare) else {
                    return Err(format!("invalid character class range: `[:{name}:]`"));
                };
                self.take(name.len() + 4);
                _ = write!(self.out, "[{negation}{class}]");
                continue;
            }
            if c == '\\'
                && let Some(class) = self.perl_class()?
            {
                self.out.push_str(&class);
                continue;
            }
            let range = self.rest;
            let low = self.class_char(whole)?;
            let mut high = low;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
                self.take(1);
                high = self.class_char(whole)?;
                if high < low {
                    let written = range.get(..range.len() - self.rest.len()).unwrap_or_default();
                    return Err(format!("invalid character class range: `{written}`"));
                }
            }
            _ = write!(self.out, "\\x{{{:x}}}", u32::from(low));
            if high != low {
                _ = write!(self.out, "-\\x{{{:x}}}", u32::from(high));
            }
        }
    }

    fn class_char(&mut self, whole: &str) -> Result<char, String> {
        if self.rest.starts_with('\\') {
            return self.escaped_char();
        }
        self.next().ok_or_else(|| format!("missing closing ]: `{}`", shown(whole)))
    }
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start; `None` where the brace is only itself.
fn repeat_count(text: &str) -> Result<Option<usize>, String> {
    let Some((inside, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return Ok(None);
    };
    let (least, most) = match inside.split_once(',') {
        Some((least, most)) => (least, Some(most)),
        None => (inside, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // A number with a leading zero is none here.
    let number = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
    if !number(least) || most.is_some_and(|most| !most.is_empty() && !number(most)) {
        return Ok(None);
    }
    let bounded = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MAX_REPEAT);
    let low = bounded(least);
    let high = match most {
        Some(most) if !most.is_empty() => bounded(most),
        _ => low,
    };
    match (low, high) {
        (Some(low), Some(high)) if low <= high => Ok(Some(inside.len() + 2)),
        _ => Err(format!("invalid repeat count: `{{{inside}}}`")),
    }
}

/// The beginning of a pattern, for a message.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
