//! Base64, JSON, CSV and URLs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::args::{FunctionResult, TextPieces};
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::convert::MAX_DEPTH;
use crate::value::{Attrs, Number, Unknown, Value, json_once};

/// Longest text that is decoded.
pub(super) const MAX_DECODED: usize = 8 * 1024 * 1024;

/// What Go's `url.QueryEscape` leaves alone; a space becomes a plus.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "base64decode",
        params: &["text"],
        about: "The UTF-8 text that is encoded in Base64.",
        copes: Copes::NOTHING,
        run: |call| {
            let bytes = decoded(call, &call.text(0)?)?;
            String::from_utf8(bytes).map(Value::String).map_err(|_| {
                call.bad(0, "the decoded bytes are not UTF-8 text")
                    .help("`textdecodebase64` reads other encodings")
            })
        },
    },
    Function {
        name: "base64encode",
        params: &["text"],
        about: "The text's UTF-8 bytes in Base64.",
        copes: Copes::NOTHING,
        run: |call| Ok(STANDARD.encode(call.text(0)?).into()),
    },
    Function {
        name: "base64gzip",
        params: &["text"],
        about: "The text compressed with gzip, in Base64.",
        copes: Copes::NOTHING,
        run: base64gzip,
    },
    Function {
        name: "csvdecode",
        params: &["text"],
        about: "A list of objects from CSV text, whose first line names the attributes.",
        copes: Copes::NOTHING,
        run: csvdecode,
    },
    Function {
        name: "jsondecode",
        params: &["text"],
        about: "The value that the JSON text holds.",
        copes: Copes::NOTHING,
        run: jsondecode,
    },
    Function {
        name: "jsonencode",
        params: &["value"],
        about: "The value as JSON, keys sorted, `<`, `>` and `&` escaped.",
        copes: Copes::UNKNOWN,
        run: |call| to_json_text(call, 0, call.arg(0)),
    },
    Function {
        name: "textdecodebase64",
        params: &["text", "encoding"],
        about: "The text that is encoded in Base64 over `UTF-8`, `UTF-16LE`, `UTF-16BE`, `ISO-8859-1` or `US-ASCII`.",
        copes: Copes::NOTHING,
        run: textdecode,
    },
    Function {
        name: "textencodebase64",
        params: &["text", "encoding"],
        about: "The text in that encoding (`UTF-8`, `UTF-16LE`, `UTF-16BE`, `ISO-8859-1` or `US-ASCII`), in Base64.",
        copes: Copes::NOTHING,
        run: textencode,
    },
    Function {
        name: "urldecode",
        params: &["text"],
        about: "The text with `%` escapes and pluses decoded.",
        copes: Copes::NOTHING,
        run: urldecode,
    },
    Function {
        name: "urlencode",
        params: &["text"],
        about: "The text escaped for a URL's query.",
        copes: Copes::NOTHING,
        run: |call| {
            Ok(utf8_percent_encode(&call.text(0)?, UNRESERVED).to_string().replace(' ', "+").into())
        },
    },
];

/// Bits behind the last byte may be anything, as in Go.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn decoded(call: &Call<'_>, text: &str) -> Result<Vec<u8>, Diagnostic> {
    // Line breaks are no part of it, as in Go's `encoding/base64`.
    let text: Cow<'_, str> = match text.contains(['\r', '\n']) {
        true => text.replace(['\r', '\n'], "").into(),
        false => text.into(),
    };
    DECODER.decode(text.as_bytes()).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(offset, _)
            | base64::DecodeError::InvalidLastSymbol(offset, _) => {
                format!(" at character {}", offset + 1)
            }
            _ => String::new(),
        };
        call.bad(0, format_args!("this is not valid Base64{at}"))
    })
}

fn base64gzip(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    // No file name and no time: the same text gives the same bytes.
    let mut encoder = flate2::GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), flate2::Compression::default());
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    compressed
        .map(|bytes| STANDARD.encode(bytes).into())
        .map_err(|error| call.fail(format_args!("compression failed: {error}")))
}

fn csvdecode(call: &Call<'_>) -> FunctionResult {
    // As Go's `encoding/csv`: a line ends with `\n`, a `\r` before it is no part of it, and other ones are text.
    let text = call.text(0)?.replace("\r\n", "\n");
    let text = text.strip_suffix('\r').unwrap_or(&text);
    check_quotes(call, text)?;
    let mut reader = csv::ReaderBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(text.as_bytes());
    let explain = |error: &csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        let reason = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("there are {len} fields, and {expected_len} names in the first line")
            }
            _ => "the text is malformed".to_owned(),
        };
        call.bad(0, format_args!("line {line}: {reason}"))
    };
    let mut names: Vec<String> =
        reader.headers().map_err(|e| explain(&e))?.iter().map(str::to_owned).collect();
    // The reader drops a byte-order mark, which Terraform keeps.
    if text.starts_with('\u{feff}')
        && let Some(first) = names.first_mut()
        && !first.starts_with('\u{feff}')
    {
        first.insert(0, '\u{feff}');
    }
    if names.is_empty() {
        return Err(call.bad(0, "the first line, which names the attributes, is missing"));
    }
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|other| other == name) {
            return Err(call.bad(0, format_args!("the first line names `{name}` twice")));
        }
    }
    let mut rows = Vec::new();
    let mut cells = 0_usize;
    for record in reader.records() {
        let record = record.map_err(|e| explain(&e))?;
        cells = cells.saturating_add(names.len());
        call.guard_elements(cells)?;
        let row: Attrs = names.iter().cloned().zip(record.iter().map(Value::from)).collect();
        rows.push(Value::Map(row));
    }
    Ok(Value::list(rows))
}

/// Refuses quotes that the reader would guess about: RFC 4180, as Go's `encoding/csv` reads it.
fn check_quotes(call: &Call<'_>, text: &str) -> Result<(), Diagnostic> {
    let mut line = 1;
    let mut chars = text.chars().peekable();
    let mut field_start = true;
    while let Some(c) = chars.next() {
        match c {
            '"' if field_start => {
                let opened = line;
                loop {
                    match chars.next() {
                        None => {
                            let reason = "a quote opens a field and none closes it";
                            return Err(call.bad(0, format_args!("line {opened}: {reason}")));
                        }
                        Some('"') if chars.next_if_eq(&'"').is_some() => {}
                        Some('"') => break,
                        Some('\n') => line += 1,
                        Some(_) => {}
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n')) {
                    let reason = "something follows the closing quote of a field";
                    return Err(call.bad(0, format_args!("line {line}: {reason}")));
                }
            }
            '"' => {
                let reason = "a quote stands inside a field that is not quoted";
                return Err(call.bad(0, format_args!("line {line}: {reason}")));
            }
            '\n' => line += 1,
            _ => {}
        }
        field_start = matches!(c, ',' | '\n');
    }
    Ok(())
}

/// JSON text in which `\u` escapes of half a surrogate pair are those of the replacement character,
/// as Go's `encoding/json` reads them; `None` where there are no such escapes.
fn mend_surrogates(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let hex = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(hex, 16).ok()
    };
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        let length = match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                mended.push_str(text.get(copied..at).unwrap_or_default());
                mended.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            _ => 1 + text.get(at + 1..).and_then(|r| r.chars().next()).map_or(0, char::len_utf8),
        };
        at += length;
    }
    (copied > 0).then(|| mended + text.get(copied..).unwrap_or_default())
}

fn jsondecode(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    if text.len() > MAX_DECODED {
        return Err(call.bad(0, "the text is larger than 8 MiB"));
    }
    let text = mend_surrogates(&text).unwrap_or(text);
    let refused = |error: serde_json::Error| {
        let full = error.to_string();
        let reason = full.split(" at line ").next().unwrap_or(&full);
        call.bad(0, format_args!("line {}, column {}: {reason}", error.line(), error.column()))
    };
    json_once::check(&text).map_err(refused)?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(refused)?;
    if let Some(number) = beyond_numbers(&json) {
        return Err(call.bad(0, format_args!("`{number}` is too large or too small for a number")));
    }
    Ok(Value::from_json(&json))
}

/// The first number that is outside of the range of the language's.
fn beyond_numbers(json: &serde_json::Value) -> Option<&serde_json::Number> {
    match json {
        serde_json::Value::Number(number) if Number::from_json(number).is_none() => Some(number),
        serde_json::Value::Array(list) => list.iter().find_map(beyond_numbers),
        serde_json::Value::Object(map) => map.values().find_map(beyond_numbers),
        _ => None,
    }
}

/// JSON as Go writes it: sorted keys, no spaces, and `<`, `>`, `&` escaped. Strings of which only
/// pieces are known keep them.
pub(super) fn to_json_text(call: &Call<'_>, index: usize, value: &Value) -> FunctionResult {
    let mut pieces = TextPieces::default();
    let mut open = None;
    write_json(call, index, value, &mut pieces, 0, &mut open)?;
    match open {
        None => Ok(pieces.finish()),
        // Something in it has no known piece: nor has the text.
        Some(()) => Ok(Value::Unknown(Unknown::opaque(value.unknowns()))),
    }
}

fn write_json(
    call: &Call<'_>,
    index: usize,
    value: &Value,
    out: &mut TextPieces,
    depth: usize,
    open: &mut Option<()>,
) -> Result<(), Diagnostic> {
    if depth > MAX_DEPTH {
        return Err(call.bad(index, format_args!("the value nests deeper than {MAX_DEPTH} levels")));
    }
    call.guard_text(out.len())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::List(list) => write_array(call, index, list.iter(), out, depth, open)?,
        Value::Set(set) => write_array(call, index, set.iter(), out, depth, open)?,
        Value::Map(map) => {
            out.push_str("{");
            for (position, (key, value)) in map.iter().enumerate() {
                if position > 0 {
                    out.push_str(",");
                }
                out.push_str(&quoted(key));
                out.push_str(":");
                write_json(call, index, value, out, depth + 1, open)?;
            }
            out.push_str("}");
        }
        Value::Unknown(unknown) if unknown.parts.is_empty() => *open = Some(()),
        Value::Unknown(unknown) => {
            out.push_str("\"");
            out.push_unknown(unknown, |text| {
                let quoted = quoted(text);
                quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or("").to_owned()
            });
            out.push_str("\"");
        }
        Value::Sensitive(inner) => write_json(call, index, inner, out, depth, open)?,
        Value::Block(block) => {
            return Err(call
                .bad(index, format_args!("`{}` is a whole block", block.address))
                .help(format!("name one of its attributes, such as `{}.id`", block.address)));
        }
        Value::Secret(_) => {
            return Err(call
                .bad(index, "nothing can be computed from a secret reference")
                .help("give it whole to a config value"));
        }
    }
    Ok(())
}

fn write_array<'v>(
    call: &Call<'_>,
    index: usize,
    elements: impl Iterator<Item = &'v Value>,
    out: &mut TextPieces,
    depth: usize,
    open: &mut Option<()>,
) -> Result<(), Diagnostic> {
    out.push_str("[");
    for (position, element) in elements.enumerate() {
        if position > 0 {
            out.push_str(",");
        }
        write_json(call, index, element, out, depth + 1, open)?;
    }
    out.push_str("]");
    Ok(())
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

fn charset(call: &Call<'_>) -> Result<Charset, Diagnostic> {
    let name = call.text(1)?;
    Ok(match name.to_ascii_uppercase().replace('_', "-").as_str() {
        "UTF-8" | "UTF8" => Charset::Utf8,
        "UTF-16LE" => Charset::Utf16Le,
        "UTF-16BE" => Charset::Utf16Be,
        "ISO-8859-1" | "LATIN1" => Charset::Latin1,
        "US-ASCII" | "ASCII" => Charset::Ascii,
        _ => {
            return Err(call
                .bad(1, format_args!("there is no encoding `{name}`"))
                .help("the encodings are UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1 and US-ASCII"));
        }
    })
}

fn textencode(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    let narrow = |limit: u32| {
        text.chars()
            .map(|c| {
                u8::try_from(u32::from(c))
                    .ok()
                    .filter(|b| u32::from(*b) < limit)
                    .ok_or_else(|| call.bad(0, format_args!("the encoding has no character `{c}`")))
            })
            .collect::<Result<Vec<u8>, _>>()
    };
    let bytes = match charset(call)? {
        Charset::Utf8 => text.into_bytes(),
        Charset::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Charset::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Charset::Latin1 => narrow(256)?,
        Charset::Ascii => narrow(128)?,
    };
    Ok(STANDARD.encode(bytes).into())
}

fn textdecode(call: &Call<'_>) -> FunctionResult {
    let bytes = decoded(call, &call.text(0)?)?;
    let wrong = || call.bad(0, "the decoded bytes are not text in that encoding");
    let wide = |read: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).map(read));
        let units: Vec<u16> = pairs.collect::<Result<_, _>>().map_err(|_| wrong())?;
        String::from_utf16(&units).map_err(|_| wrong())
    };
    let text = match charset(call)? {
        Charset::Utf8 => String::from_utf8(bytes.clone()).map_err(|_| wrong())?,
        Charset::Utf16Le => wide(u16::from_le_bytes)?,
        Charset::Utf16Be => wide(u16::from_be_bytes)?,
        Charset::Latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
        Charset::Ascii if bytes.is_ascii() => bytes.iter().map(|b| char::from(*b)).collect(),
        Charset::Ascii => return Err(wrong()),
    };
    Ok(text.into())
}

fn urldecode(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once('%') {
        let valid = after.get(..2).is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        if !valid {
            let escape: String = after.chars().take(2).collect();
            return Err(call.bad(0, format_args!("`%{escape}` is no escape")));
        }
        rest = after;
    }
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8()
        .map(|decoded| decoded.into_owned().into())
        .map_err(|_| call.bad(0, "the decoded bytes are not UTF-8 text"))
}
