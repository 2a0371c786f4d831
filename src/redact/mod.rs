//! Secrets by their value: what is kept for others to read is searched for them, whatever it is called.
//!
//! A program that a gate starts may print its environment, a stack trace or a request, and people paste into
//! reasons what they should not. The name of a variable says little (`DB_PIN`, `DSN`); the value that this run
//! knows to be secret says all. It is looked for as it is and in the forms in which programs print it: escaped
//! for a URL or for JSON, in hexadecimal, and in base64, of which three alignments are possible, for the text
//! around it decides where a group of three bytes begins. Encoders differ in what they escape and where they break
//! lines: a text is searched as it is, with its escapes undone (those of HTML and of shells, too), without its line
//! breaks, and without what stands between the bytes of hexadecimal.
//!
//! Values shorter than [`LONG`] are found by accident: `1234` stands in half of all numbers. They are hidden in
//! the output of gates alone, where too much hidden does no harm, and a warning says so. Values shorter than
//! [`SHORT`] are not hidden at all. Keys of JSON objects are never touched: they are the form, not the content.
//!
//! Not found: a value that was encrypted, hashed, compressed, reversed or printed in pieces.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

/// Characters from which on a secret is hidden everywhere.
pub(crate) const LONG: usize = 8;
/// Characters from which on a secret is hidden in the output of gates.
pub(crate) const SHORT: usize = 4;
/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// Pieces of base64 shorter than this say little and are found by accident.
const PIECE: usize = 6;
/// What a URL may hold as it is (RFC 3986, unreserved characters).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Records, the audit log, history: secrets of [`LONG`] characters and more are hidden.
    Record,
    /// What a gate printed or was answered: secrets of [`SHORT`] characters and more are hidden.
    GateOutput,
}

/// The secrets that a run knows. Clones share them; what one part of the run learns, all of it hides.
#[derive(Clone, Default)]
pub struct Redactions(Arc<RwLock<SecretSet>>);

#[derive(Default)]
struct SecretSet {
    /// What each secret is called, by its value.
    secrets: BTreeMap<String, String>,
    record: Option<AhoCorasick>,
    gate_output: Option<AhoCorasick>,
    /// Names of short secrets that were told of.
    named: BTreeSet<String>,
}

/// Says nothing of what it holds.
impl fmt::Debug for Redactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactions")
    }
}

impl Redactions {
    /// Adds secrets, each with what it is called.
    pub fn learn(&self, secrets: impl IntoIterator<Item = (String, String)>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.secrets.len();
        for (name, value) in secrets {
            if value.chars().count() > 0 {
                known.secrets.entry(value).or_insert(name);
            }
        }
        if known.secrets.len() > before {
            known.record = automaton(&known.secrets, LONG);
            known.gate_output = automaton(&known.secrets, SHORT);
        }
    }

    /// `text` without any secret in it.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, audience: Audience) -> Cow<'t, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let automaton = match audience {
            Audience::Record => &known.record,
            Audience::GateOutput => &known.gate_output,
        };
        let Some(automaton) = automaton.as_ref() else { return Cow::Borrowed(text) };
        let mut found: Vec<Range<usize>> =
            automaton.find_iter(text).map(|found| found.range()).collect();
        let views = [Decoded::unescaped(text), Decoded::unbroken(text), Decoded::unseparated(text)];
        for view in views.into_iter().flatten() {
            found.extend(automaton.find_iter(&view.bytes).map(|found| view.source(found.range())));
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for range in found {
            if range.start >= end {
                out.push_str(text.get(end..range.start).unwrap_or_default());
                out.push_str(HIDDEN);
            }
            end = end.max(range.end);
        }
        out.push_str(text.get(end..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// The same for every text and number in a JSON value, keys excepted.
    pub fn json(&self, value: &mut Json, audience: Audience) {
        match value {
            Json::String(text) => {
                if let Cow::Owned(without) = self.text(text, audience) {
                    *text = without;
                }
            }
            Json::Number(number) => {
                let text = number.to_string();
                if matches!(self.text(&text, audience), Cow::Owned(_)) {
                    *value = json!(HIDDEN);
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item, audience)),
            Json::Object(map) => map.values_mut().for_each(|item| self.json(item, audience)),
            Json::Null | Json::Bool(_) => {}
        }
    }

    /// Whether a variable of the environment holds a secret, alone or within a longer text.
    #[must_use]
    pub fn is_in(&self, value: &str) -> bool {
        let exactly = || {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            value.chars().count() >= SHORT && known.secrets.contains_key(value)
        };
        exactly() || matches!(self.text(value, Audience::Record), Cow::Owned(_))
    }

    /// What the secrets are called that are too short to be hidden everywhere; each is told once.
    #[must_use]
    pub fn too_short(&self) -> BTreeSet<String> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let short = known.secrets.iter().filter(|(value, _)| value.chars().count() < LONG);
        let short: BTreeSet<String> = short
            .map(|(_, name)| name.clone())
            .filter(|name| !known.named.contains(name))
            .collect();
        known.named.extend(short.iter().cloned());
        short
    }
}

fn automaton(secrets: &BTreeMap<String, String>, shortest: usize) -> Option<AhoCorasick> {
    let patterns: BTreeSet<String> = secrets
        .keys()
        .filter(|secret| secret.chars().count() >= shortest)
        .flat_map(|secret| forms(secret))
        .collect();
    // The longest of those that begin at one place: one secret may be the beginning of another.
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns);
    built.ok().filter(|automaton| automaton.patterns_len() > 0)
}

/// Whether `kept` may be what was left of `original` when secrets were taken out of it.
#[must_use]
pub(crate) fn is_left_of(kept: &str, original: &str) -> bool {
    let Some((first, rest)) = kept.split_once(HIDDEN) else { return kept == original };
    let Some(mut original) = original.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once(HIDDEN).unwrap_or(("", rest));
    for piece in between.split(HIDDEN) {
        let Some((_, after)) = original.split_once(piece) else { return false };
        original = after;
    }
    original.ends_with(last)
}

/// The forms in which a secret may be printed.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([secret.to_owned()]);
    // A key in several lines may be printed line by line, with something in front of each.
    let lines = secret.lines().map(str::trim);
    let telling = |line: &&str| line.chars().count() >= LONG && !line.starts_with("-----");
    all.extend(lines.filter(telling).map(str::to_owned));
    for text in all.clone() {
        let percent = utf8_percent_encode(&text, UNRESERVED).to_string();
        all.insert(lower_percent(&percent));
        all.insert(percent.replace("%20", "+"));
        all.insert(percent);
        let escaped = json_escaped(&text);
        all.insert(escaped.replace('/', "\\/"));
        all.insert(ascii_escaped(&escaped));
        // JSON within JSON, as logs have it.
        all.insert(json_escaped(&escaped));
        all.insert(escaped);
        all.insert(data_encoding::HEXLOWER.encode(text.as_bytes()));
        all.insert(data_encoding::HEXUPPER.encode(text.as_bytes()));
        all.extend(base64_pieces(text.as_bytes()));
        // A document that was encoded as a whole, escapes and all.
        all.extend(base64_pieces(json_escaped(&text).as_bytes()));
        all.extend(base64_pieces(markup_escaped(&json_escaped(&text)).as_bytes()));
        all.extend(base64_pieces(utf8_percent_encode(&text, UNRESERVED).to_string().as_bytes()));
        // As Windows holds text, and its shell encodes commands.
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        all.insert(data_encoding::HEXLOWER.encode(&wide));
        all.insert(data_encoding::HEXUPPER.encode(&wide));
        all.extend(base64_pieces(&wide));
    }
    all
}

/// A text as it would be read, each byte with what it was written as.
struct Decoded {
    bytes: Vec<u8>,
    /// What of the text each byte was read from.
    from: Vec<Range<usize>>,
}

impl Decoded {
    /// With the escapes of URLs, JSON, HTML and quotes in shells undone, of whichever characters; nothing where there
    /// are none.
    fn unescaped(text: &str) -> Option<Self> {
        if !text.contains(['%', '\\', '&']) {
            return None;
        }
        let source = text.as_bytes();
        let mut view = Self { bytes: Vec::with_capacity(source.len()), from: Vec::new() };
        let mut place = 0;
        while let Some(byte) = source.get(place) {
            let rest = text.get(place + 1..).unwrap_or_default();
            let (length, character) = match byte {
                b'%' => match rest.get(..2).and_then(|d| u8::from_str_radix(d, 16).ok()) {
                    Some(byte) => {
                        view.push(place..place + 3, &[byte]);
                        place += 3;
                        continue;
                    }
                    None => (1, None),
                },
                b'\\' => json_escape(rest),
                b'&' => html_entity(rest),
                // The quote in the middle of a quoted argument: end, quote, begin.
                b'\'' if rest.starts_with("\\''") => (4, Some('\'')),
                _ => (1, None),
            };
            match character {
                Some(c) => view.push(place..place + length, c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => view.push(place..place + length, &[*byte]),
            }
            place += length;
        }
        Some(view)
    }

    /// Without line breaks, as they stand in the text or escaped in it; nothing where there are none.
    fn unbroken(text: &str) -> Option<Self> {
        let mut view = Self { bytes: Vec::new(), from: Vec::new() };
        let mut place = 0;
        while let Some(byte) = text.as_bytes().get(place) {
            let escaped =
                text.get(place..).is_some_and(|t| t.starts_with("\\n") || t.starts_with("\\r"));
            match byte {
                b'\n' | b'\r' => place += 1,
                _ if escaped => place += 2,
                byte => {
                    view.push(place..place + 1, &[*byte]);
                    place += 1;
                }
            }
        }
        (view.bytes.len() < text.len()).then_some(view)
    }

    /// Without colons and blanks between bytes in hexadecimal (`61:62`); nothing where there are none.
    fn unseparated(text: &str) -> Option<Self> {
        let source = text.as_bytes();
        let is_byte =
            |at: &[u8]| matches!(at, [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        let mut view = Self { bytes: Vec::new(), from: Vec::new() };
        for (place, byte) in source.iter().enumerate() {
            let before = place.checked_sub(2).and_then(|from| source.get(from..place));
            let between = matches!(byte, b':' | b' ' | b'-' | b'\n')
                && before.is_some_and(is_byte)
                && source.get(place + 1..place + 3).is_some_and(is_byte);
            if !between {
                view.push(place..place + 1, &[*byte]);
            }
        }
        (view.bytes.len() < source.len()).then_some(view)
    }

    fn push(&mut self, from: Range<usize>, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.from.extend(bytes.iter().map(|_| from.clone()));
    }

    /// What of the text was read there.
    fn source(&self, read: Range<usize>) -> Range<usize> {
        let from = self.from.get(read).unwrap_or_default();
        let first = from.first().map_or(0, |first| first.start);
        first..from.last().map_or(first, |last| last.end)
    }
}

/// What a JSON escape stands for, by what follows its backslash, and how long it is with it.
fn json_escape(rest: &str) -> (usize, Option<char>) {
    let unit = |rest: &str| {
        let digits = rest.strip_prefix('u')?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    match rest.chars().next() {
        Some(c @ ('"' | '\\' | '/' | '\'')) => (2, Some(c)),
        Some('n') => (2, Some('\n')),
        Some('r') => (2, Some('\r')),
        Some('t') => (2, Some('\t')),
        Some('u') => match unit(rest) {
            Some(high @ 0xd800..0xdc00) => {
                let low = rest.get(5..).and_then(|more| unit(more.strip_prefix('\\')?));
                let pair = low.filter(|low| (0xdc00..0xe000).contains(low));
                let c = pair.and_then(|low| {
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                });
                (if c.is_some() { 12 } else { 1 }, c)
            }
            Some(unit) => {
                let c = char::from_u32(unit);
                (if c.is_some() { 6 } else { 1 }, c)
            }
            None => (1, None),
        },
        _ => (1, None),
    }
}

/// What an entity of HTML stands for, by what follows its `&`, and how long it is with it.
fn html_entity(rest: &str) -> (usize, Option<char>) {
    let known = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("apos", '\'')];
    let end = rest.bytes().take(10).position(|b| b == b';');
    let Some(name) = end.and_then(|end| rest.get(..end)) else { return (1, None) };
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let character = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16),
            None => number(digits, 10),
        }
        .and_then(char::from_u32),
        None => known.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    match character {
        Some(c) => (name.len() + 2, Some(c)),
        None => (1, None),
    }
}

/// As Go writes JSON, so that it may stand in HTML.
fn markup_escaped(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn lower_percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut digits = 0;
    for c in text.chars() {
        out.push(if digits > 0 { c.to_ascii_lowercase() } else { c });
        digits = if c == '%' { 2 } else { u8::saturating_sub(digits, 1) };
    }
    out
}

fn json_escaped(text: &str) -> String {
    let quoted = json!(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// As encoders write JSON that keep to ASCII.
fn ascii_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// The characters of base64 that are those of the secret alone, whatever stands before and after it.
fn base64_pieces(secret: &[u8]) -> Vec<String> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret);
        // Six bits a character: those with a bit of what stands before, or after, are not the secret's.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&bytes);
            let piece = encoded.get(first..last).unwrap_or_default();
            if piece.len() >= PIECE {
                pieces.push(piece.to_owned());
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secrets: &[&str]) -> Redactions {
        let redactions = Redactions::default();
        redactions.learn(secrets.iter().map(|s| ("x".to_owned(), (*s).to_owned())));
        redactions
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "pass/w\u{f6}rd \"9?1~\"";
        let redactions = knowing(&[secret]);
        let json = json!({ "a": secret }).to_string();
        let forms = [
            format!("<{secret}>"),
            utf8_percent_encode(secret, UNRESERVED).to_string(),
            utf8_percent_encode(secret, UNRESERVED).to_string().replace("%20", "+"),
            json.clone(),
            json!({ "log": json }).to_string(),
            json.replace('\u{f6}', "\\u00f6"),
            data_encoding::HEXLOWER.encode(secret.as_bytes()),
            data_encoding::HEXUPPER.encode(secret.as_bytes()),
        ];
        for form in forms {
            let shown = redactions.text(&form, Audience::Record);
            assert!(shown.contains(HIDDEN) && !shown.contains("9?1"), "{form}: {shown}");
        }
    }

    /// What Python's `quote`, JavaScript's `encodeURIComponent` and its `encodeURI` leave as it is, besides.
    const PATH: &AsciiSet = &UNRESERVED.remove(b'/');
    const SCRIPT: &AsciiSet = &UNRESERVED.remove(b'\'').remove(b'(').remove(b'*').remove(b'!');
    const QUERY: &AsciiSet = &SCRIPT.remove(b'+').remove(b'&').remove(b'=').remove(b'/');

    #[test]
    fn whatever_an_encoder_escapes_and_wherever_it_breaks_lines() {
        let secret = "ab/cd+EF gh<ij>&kl's\"m==";
        let redactions = knowing(&[secret]);
        let percent = |escaped: &'static AsciiSet| utf8_percent_encode(secret, escaped).to_string();
        let go = markup_escaped(&json!({ "a": secret }).to_string());
        let broken = |text: String, columns: usize| {
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(columns)
                .filter_map(|l| std::str::from_utf8(l).ok())
                .collect();
            lines.join("\n")
        };
        let long = "0123456789 and more of it, a secret that no line of an encoder holds, not one";
        let both = knowing(&[secret, long]);
        let in_json = format!("{{\"a\":{}}}", json!(secret));
        for form in [
            percent(PATH),
            percent(SCRIPT),
            percent(QUERY),
            go.clone(),
            secret.replace('+', "\\u002B").replace('"', "\\u0022"),
            STANDARD_NO_PAD.encode(&in_json),
            STANDARD_NO_PAD.encode(&go),
            broken(STANDARD_NO_PAD.encode(long), 76),
            broken(STANDARD_NO_PAD.encode(long), 76).replace('\n', "\\n"),
            broken(data_encoding::HEXLOWER.encode(long.as_bytes()), 60),
            broken(data_encoding::HEXLOWER.encode(secret.as_bytes()), 2).replace('\n', ":"),
            broken(data_encoding::HEXUPPER.encode(secret.as_bytes()), 2).replace('\n', " "),
            STANDARD_NO_PAD.encode(percent(UNRESERVED)),
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('\'', "&#x27;"),
            format!("'{}'", secret.replace('\'', "'\\''")),
            STANDARD_NO_PAD
                .encode(secret.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ] {
            let shown = both.text(&form, Audience::Record);
            assert!(shown.contains(HIDDEN), "{form}: {shown}");
        }
        let around = format!("before %41 {} after \\u0041", percent(PATH));
        assert_eq!(redactions.text(&around, Audience::Record), "before %41 (hidden) after \\u0041");
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        let secret = "PLANTED-db-pass-91x";
        let redactions = knowing(&[secret]);
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "!", "!!", "\n"] {
                let text = format!("{before}{secret}{after}");
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let encoded = engine.encode(&text);
                    let shown = redactions.text(&encoded, Audience::Record);
                    assert!(shown.contains(HIDDEN), "{text}: {encoded}");
                    assert!(shown.len() <= encoded.len() - secret.len() + HIDDEN.len(), "{shown}");
                }
            }
        }
    }

    #[test]
    fn short_secrets_are_hidden_in_what_gates_print_alone() {
        let redactions = knowing(&["7391", "abc"]);
        assert_eq!(redactions.text("PIN=7391 abc", Audience::GateOutput), "PIN=(hidden) abc");
        assert_eq!(redactions.text("PIN=7391 abc", Audience::Record), "PIN=7391 abc");
        assert_eq!(redactions.too_short().len(), 1);
        assert!(redactions.is_in("7391") && !redactions.is_in("port 7391"));
        // In an escape that encoders of one language alone write.
        redactions.learn([("db".to_owned(), "hunter's(2)secret".to_owned())]);
        assert!(redactions.is_in("postgres://u:hunter's(2)%73ecret@db/x"));
        assert!(redactions.is_in(r#"{"p":"hunter\u0027s(2)secret"}"#));
    }

    #[test]
    fn what_was_left_of_a_text_is_recognised() {
        for (kept, original) in [
            ("all of it", "all of it"),
            ("(hidden)", "all of it"),
            ("(hidden)", "(hidden)"),
            ("a (hidden) b", "a secret b"),
            ("a (hidden) b (hidden)", "a 1 b 2"),
            ("(hidden)(hidden) b", "12 b"),
        ] {
            assert!(is_left_of(kept, original), "{kept} of {original}");
        }
        for (kept, original) in [
            ("all", "all of it"),
            ("a (hidden) b", "a secret c"),
            ("a (hidden) b", "b secret b"),
            ("a (hidden) b (hidden) c", "a 1 2 c"),
        ] {
            assert!(!is_left_of(kept, original), "{kept} of {original}");
        }
    }

    #[test]
    fn keys_of_json_stay() {
        let redactions = knowing(&["production", "7391739173"]);
        let mut value = json!({ "production": ["in production", 7_391_739_173_i64, 5] });
        redactions.json(&mut value, Audience::Record);
        assert_eq!(value, json!({ "production": ["in (hidden)", "(hidden)", 5] }));
    }

    #[test]
    fn lines_of_a_key_are_hidden_one_by_one() {
        let redactions =
            knowing(&["-----BEGIN KEY-----\nMIIabcdefgh\nIJKLmnopqr\n-----END KEY-----"]);
        let shown = redactions.text("1: MIIabcdefgh\n2: IJKLmnopqr", Audience::Record);
        assert_eq!(shown, "1: (hidden)\n2: (hidden)");
    }
}
