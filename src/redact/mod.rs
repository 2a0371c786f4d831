//! Secrets by their value: what is kept for others to read is searched for them, whatever it is called.
//!
//! A program that a gate starts may print its environment, a stack trace or a request, and people paste into
//! reasons what they should not. The name of a variable says little (`DB_PIN`, `DSN`); the value that this run
//! knows to be secret says all. It is looked for as it is and in the forms in which programs print it: escaped
//! for a URL or for JSON, in hexadecimal, and in base64. Encoders differ in what they escape and where they break
//! lines, so a text is searched as it is, and as it is read ([`decoding`]): with its escapes undone, without its line breaks,
//! out of base64 and of dumps.
//!
//! Values shorter than [`LONG`] are found by accident: `1234` stands in half of all numbers. They are hidden in
//! the output of gates alone, where too much hidden does no harm, and a warning says so. Values shorter than
//! [`SHORT`] are not hidden at all. Keys of JSON objects are never touched: they are the form, not the content.
//!
//! Not found: a value that was encrypted, hashed, compressed, reversed, encoded twice in base64 or more than twice
//! otherwise, or printed in pieces; `docs/gates.md` says it to users.

mod decoding;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use decoding::Decoding;

/// Characters from which on a secret is hidden everywhere.
pub(crate) const LONG: usize = 8;
/// Characters from which on a secret is hidden in the output of gates.
pub(crate) const SHORT: usize = 4;
/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
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
        let (automaton, shortest) = match audience {
            Audience::Record => (&known.record, LONG),
            Audience::GateOutput => (&known.gate_output, SHORT),
        };
        let Some(automaton) = automaton.as_ref() else { return Cow::Borrowed(text) };
        let mut found = Vec::new();
        Decoding::of(text).each(shortest, &mut |decoding| {
            let hits = automaton.find_iter(decoding.bytes());
            found.extend(hits.map(|hit| whole_characters(text, decoding.source(hit.range()))));
        });
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for Range { start, end: over } in found {
            if start >= end {
                out.push_str(text.get(end..start).unwrap_or_default());
                out.push_str(HIDDEN);
            }
            end = end.max(over);
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

/// A place in a text, with the characters that it cuts through.
fn whole_characters(text: &str, mut place: Range<usize>) -> Range<usize> {
    while !text.is_char_boundary(place.start) {
        place.start -= 1;
    }
    while !text.is_char_boundary(place.end) {
        place.end += 1;
    }
    place
}

fn automaton(secrets: &BTreeMap<String, String>, shortest: usize) -> Option<AhoCorasick> {
    let patterns: BTreeSet<Vec<u8>> = secrets
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

/// The forms in which a secret is looked for in each decoding of a text.
fn forms(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::from([secret.to_owned()]);
    // A key in several lines may be printed line by line, with something in front of each.
    let lines = secret.lines().map(str::trim);
    let telling = |line: &&str| line.chars().count() >= LONG && !line.starts_with("-----");
    all.extend(lines.filter(telling).map(str::to_owned));
    let mut forms = BTreeSet::new();
    for text in &all {
        let percent = utf8_percent_encode(text, UNRESERVED).to_string();
        let escaped = json_escaped(text);
        let written = [
            // A blank in a form, where the rest is as it is.
            text.replace(' ', "+"),
            lower_percent(&percent),
            percent.replace("%20", "+"),
            percent,
            escaped.replace('/', "\\/"),
            ascii_escaped(&escaped),
            // JSON within JSON, as logs have it.
            json_escaped(&escaped),
            escaped,
        ];
        forms.extend(written.map(String::into_bytes));
        // As Windows holds text, and its shell encodes commands.
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        // As programs print it that write a byte for each character (ISO 8859-1).
        let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        for bytes in [text.as_bytes(), &wide].into_iter().chain(narrow.as_deref()) {
            forms.insert(bytes.to_vec());
            forms.insert(data_encoding::HEXLOWER.encode(bytes).into_bytes());
            forms.insert(data_encoding::HEXUPPER.encode(bytes).into_bytes());
        }
    }
    forms
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    use super::*;

    fn knowing(secrets: &[&str]) -> Redactions {
        let redactions = Redactions::default();
        redactions.learn(secrets.iter().map(|s| ("x".to_owned(), (*s).to_owned())));
        redactions
    }

    /// As Go writes JSON, so that it may stand in HTML.
    fn markup_escaped(json: &str) -> String {
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
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

    /// Lines of so many characters, with something between them.
    fn in_lines(text: &str, columns: usize, between: &str) -> String {
        let lines = text.as_bytes().chunks(columns);
        let lines: Vec<&str> = lines.map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join(between)
    }

    #[test]
    fn encodings_within_encodings_and_dumps_are_found() {
        let secret = "ab/cd+EF gh<ij>&kl's\"m==";
        let long = "0123456789 and more of it, a secret that no line of an encoder holds, not one";
        let redactions = knowing(&[secret, long]);
        let base64 = STANDARD.encode(long);
        let json = |text: &str| json!(text).to_string();
        let quoted = |escaped: &'static AsciiSet| utf8_percent_encode(secret, escaped).to_string();
        let bytes = |each: &dyn Fn(u8) -> String| secret.bytes().map(each).collect::<String>();
        let dump = |between: &str, columns: usize, ascii: bool| {
            let line = |(at, line): (usize, &[u8])| {
                let hex = data_encoding::HEXLOWER.encode(line);
                let hex = in_lines(&hex, columns, " ");
                let text = String::from_utf8_lossy(line);
                let text = if ascii { format!("  {text}") } else { String::new() };
                format!("{:08x}{between}{hex:<39}{text}\n", at * 16)
            };
            long.as_bytes().chunks(16).enumerate().map(line).collect::<String>()
        };
        for form in [
            format!("data:\n  key: |\n    {}\n  other: 1\n", in_lines(&base64, 64, "\n    ")),
            in_lines(&base64, 64, "\r\n\t"),
            in_lines(&base64, 64, "%0A"),
            in_lines(&base64, 64, "\\n"),
            json(&json(&in_lines(&base64, 64, "\n"))),
            STANDARD.encode(quoted(PATH)),
            STANDARD.encode(quoted(SCRIPT)),
            STANDARD.encode(quoted(QUERY).replace("%20", "+")),
            utf8_percent_encode(&STANDARD.encode(secret), NON_ALPHANUMERIC).to_string(),
            json(&markup_escaped(&json(secret))),
            json(&json(&json(secret))),
            quoted(PATH).replace('%', "%25"),
            bytes(&|byte| format!("\\x{byte:02x}")),
            bytes(&|byte| format!("\\{byte:03o}")),
            bytes(&|byte| format!("0x{byte:02X}, ")),
            bytes(&|byte| format!("&#{byte};")),
            secret.replace('\'', "'\"'\"'"),
            format!("'{}'", secret.replace('\'', "''")),
            format!("\"{}\"", secret.replace('"', "\"\"")),
            // `printf %q`
            bytes(&|byte| match byte.is_ascii_alphanumeric() {
                true => char::from(byte).to_string(),
                false => format!("\\{}", char::from(byte)),
            }),
            // `xxd`, `hexdump -C`, `od -An -tx1`
            dump(": ", 4, true),
            dump("  ", 2, true),
            in_lines(
                &in_lines(&data_encoding::HEXLOWER.encode(long.as_bytes()), 2, " "),
                48,
                "\n ",
            ),
        ] {
            let text = format!("before {form} after");
            let shown = redactions.text(&text, Audience::Record);
            assert!(shown.contains(HIDDEN), "{form}");
            for piece in ["cd", "63 64", "6364", "no line of", "holds, not one", &base64[80..90]] {
                assert!(!shown.contains(piece), "{piece}: {form}\n{shown}");
            }
            assert!(shown.starts_with("before") && shown.ends_with(" after"), "{shown}");
        }
    }

    #[test]
    fn a_byte_for_each_character_is_found() {
        let redactions = knowing(&["p\u{e4}ssw\u{f6}rd-\u{df}"]);
        for form in ["'p\\xe4ssw\\xf6rd-\\xdf'", "70e4737377f672642ddf", "p%E4ssw%F6rd-%DF"] {
            let shown = redactions.text(form, Audience::Record);
            assert!(shown.contains(HIDDEN) && !shown.contains("rd"), "{form}: {shown}");
        }
    }

    /// Work grows with the length of the text, whatever stands in it.
    #[test]
    fn long_texts_are_searched_in_linear_time() {
        let redactions = knowing(&["PLANTED-db-pass-91x", "7391"]);
        for unit in ["\\", "%25", "''", "\n ", "61:", "abcd", "00000000: 61\n", "\\n", "&#x2", "0x"]
        {
            let took = |times: usize| {
                let text = unit.repeat(times / unit.len());
                let began = std::time::Instant::now();
                assert_eq!(redactions.text(&text, Audience::GateOutput), text);
                began.elapsed()
            };
            took(1 << 14);
            let (short, long) = (took(1 << 14), took(1 << 17));
            // Eight times as much; quadratic work would be sixty-four times.
            assert!(
                long < short * 32 + std::time::Duration::from_millis(200),
                "{unit}: {short:?} {long:?}"
            );
        }
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
        for before in ["", "a", "ab", "pin="] {
            let encoded = STANDARD.encode(format!("{before}7391"));
            assert!(redactions.text(&encoded, Audience::GateOutput).contains(HIDDEN), "{encoded}");
            assert_eq!(redactions.text(&encoded, Audience::Record), encoded);
        }
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
