//! String functions; characters are grapheme clusters, as people count them.

use unicode_segmentation::UnicodeSegmentation as _;

use super::args::{FunctionResult, TextPieces};
use super::function::{Call, Copes, Function};
use crate::value::{Type, Value};

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "chomp",
        params: &["text"],
        about: "The text without line breaks at its end.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.trim_end_matches(['\r', '\n']).into()),
    },
    Function {
        name: "endswith",
        params: &["text", "suffix"],
        about: "Whether the text ends with the suffix.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.ends_with(&call.text(1)?).into()),
    },
    Function {
        name: "indent",
        params: &["spaces", "text"],
        about: "Indents every line but the first.",
        copes: Copes::NOTHING,
        run: indent,
    },
    Function {
        name: "join",
        params: &["separator", "lists..."],
        about: "The elements of the lists with the separator between them.",
        copes: Copes::UNKNOWN,
        run: join,
    },
    Function {
        name: "lower",
        params: &["text"],
        about: "The text in lower case.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.chars().map(lower).collect::<String>().into()),
    },
    Function {
        name: "replace",
        params: &["text", "search", "replacement"],
        about: "Replaces every occurrence; a search in slashes, `/[a-z]+/`, is a regular expression whose groups are `$1` or `$name`.",
        copes: Copes::NOTHING,
        run: replace,
    },
    Function {
        name: "split",
        params: &["separator", "text"],
        about: "The pieces of the text between the separators.",
        copes: Copes::NOTHING,
        run: split,
    },
    Function {
        name: "startswith",
        params: &["text", "prefix"],
        about: "Whether the text starts with the prefix.",
        copes: Copes::UNKNOWN,
        run: startswith,
    },
    Function {
        name: "strcontains",
        params: &["text", "part"],
        about: "Whether the part occurs in the text.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.contains(&call.text(1)?).into()),
    },
    Function {
        name: "strrev",
        params: &["text"],
        about: "The characters in reverse order.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.graphemes(true).rev().collect::<String>().into()),
    },
    Function {
        name: "substr",
        params: &["text", "offset", "length"],
        about: "A part of the text, in characters; a negative offset counts from the end, a length of -1 takes the rest.",
        copes: Copes::NOTHING,
        run: substr,
    },
    Function {
        name: "title",
        params: &["text"],
        about: "The text with the first letter of every word in upper case.",
        copes: Copes::NOTHING,
        run: |call| Ok(title(&call.text(0)?).into()),
    },
    Function {
        name: "trim",
        params: &["text", "characters"],
        about: "The text without any of the characters at its start and end.",
        copes: Copes::NOTHING,
        run: |call| {
            let set: Vec<char> = call.text(1)?.chars().collect();
            Ok(call.text(0)?.trim_matches(|c| set.contains(&c)).into())
        },
    },
    Function {
        name: "trimprefix",
        params: &["text", "prefix"],
        about: "The text without the prefix, once.",
        copes: Copes::NOTHING,
        run: |call| {
            let (text, prefix) = (call.text(0)?, call.text(1)?);
            Ok(text.strip_prefix(&prefix).unwrap_or(&text).into())
        },
    },
    Function {
        name: "trimspace",
        params: &["text"],
        about: "The text without white space at its start and end.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.trim().into()),
    },
    Function {
        name: "trimsuffix",
        params: &["text", "suffix"],
        about: "The text without the suffix, once.",
        copes: Copes::NOTHING,
        run: |call| {
            let (text, suffix) = (call.text(0)?, call.text(1)?);
            Ok(text.strip_suffix(&suffix).unwrap_or(&text).into())
        },
    },
    Function {
        name: "upper",
        params: &["text"],
        about: "The text in upper case.",
        copes: Copes::NOTHING,
        run: |call| Ok(call.text(0)?.chars().map(upper).collect::<String>().into()),
    },
];

fn indent(call: &Call<'_>) -> FunctionResult {
    let spaces = call.int(0)?;
    let text = call.text(1)?;
    let spaces = usize::try_from(spaces)
        .map_err(|_| call.bad(0, "the number of spaces must not be negative"))?;
    let breaks = text.bytes().filter(|b| *b == b'\n').count();
    call.guard_text(breaks.saturating_mul(spaces).saturating_add(text.len()))?;
    if breaks == 0 {
        return Ok(text.into());
    }
    Ok(text.replace('\n', &format!("\n{}", " ".repeat(spaces))).into())
}

/// Elements are converted to strings; an unknown one stays a piece of the result.
fn join(call: &Call<'_>) -> FunctionResult {
    if call.args.iter().any(Value::is_unknown) {
        return Ok(call.opaque());
    }
    let separator = call.text(0)?;
    let mut pieces = TextPieces::default();
    let mut first = true;
    for index in 1..call.args.len() {
        for (position, value) in call.list(index)?.into_iter().enumerate() {
            if !std::mem::take(&mut first) {
                pieces.push_str(&separator);
            }
            match crate::value::convert::convert(value, &Type::String) {
                Ok(Value::String(text)) => pieces.push_str(&text),
                Ok(Value::Unknown(unknown)) => pieces.push_unknown(&unknown, str::to_owned),
                Ok(_) => {
                    return Err(call.bad(
                        index,
                        format_args!("`$[{position}]`: a string is required, not null"),
                    ));
                }
                Err(error) => {
                    let mut diagnostic =
                        call.bad(index, format_args!("`$[{position}]`: {}", error.message));
                    diagnostic.help = error.help;
                    return Err(diagnostic);
                }
            }
            call.guard_text(pieces.len())?;
        }
    }
    Ok(pieces.finish())
}

fn replace(call: &Call<'_>) -> FunctionResult {
    let (text, search, replacement) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if search.len() > 1
        && let Some(pattern) = search.strip_prefix('/').and_then(|s| s.strip_suffix('/'))
    {
        return super::regex::replace(call, &text, pattern, &replacement);
    }
    let count =
        if search.is_empty() { text.chars().count() + 1 } else { text.matches(&search).count() };
    call.guard_text(count.saturating_mul(replacement.len()).saturating_add(text.len()))?;
    Ok(text.replace(&search, &replacement).into())
}

/// What a text begins with may be known before the text is.
fn startswith(call: &Call<'_>) -> FunctionResult {
    let (Value::Unknown(text), Value::String(prefix)) =
        (call.arg(0).reveal(), call.arg(1).reveal())
    else {
        return match call.args.iter().any(Value::has_unknown) {
            true => Ok(call.opaque()),
            false => Ok(call.text(0)?.starts_with(&call.text(1)?).into()),
        };
    };
    let start = text.known_start();
    if start.starts_with(prefix.as_str()) {
        return Ok(true.into());
    }
    if !prefix.starts_with(start) {
        return Ok(false.into());
    }
    Ok(call.opaque())
}

fn split(call: &Call<'_>) -> FunctionResult {
    let (separator, text) = (call.text(0)?, call.text(1)?);
    if separator.is_empty() {
        call.guard_elements(text.len())?;
        return Ok(text.graphemes(true).collect());
    }
    call.guard_elements(text.matches(&separator).count())?;
    Ok(text.split(&separator).collect())
}

fn substr(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    let (offset, length) = (call.int(1)?, call.int(2)?);
    let count = text.graphemes(true).count();
    // What lies before the start or behind the end is cut off.
    let start = if offset < 0 {
        let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        count.saturating_sub(back)
    } else {
        usize::try_from(offset).unwrap_or(usize::MAX)
    };
    // Counted from the end, no length means the rest, as in Terraform.
    let length = if offset < 0 && length == 0 { -1 } else { length };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(text.graphemes(true).skip(start).take(length).collect::<String>().into())
}

fn title(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            result.push(c);
        } else {
            result.push(title_case(c));
        }
        inside = match c {
            c if c.is_ascii() => c.is_ascii_alphanumeric() || c == '_',
            c => c.is_alphanumeric() || !c.is_whitespace(),
        };
    }
    result
}

/// The one character that Unicode's simple mapping gives, as Go and with it Terraform use it: `ß`
/// has no capital there, and the length stays.
fn upper(c: char) -> char {
    match c {
        // Greek with an iota: the full mapping writes the iota apart.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        c => single(c.to_uppercase()).unwrap_or(c),
    }
}

fn lower(c: char) -> char {
    match c {
        'İ' => 'i',
        c => single(c.to_lowercase()).unwrap_or(c),
    }
}

fn title_case(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian has capitals, and no title case.
        'ა'..='ჿ' => c,
        c => upper(c),
    }
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    first.filter(|_| mapped.next().is_none())
}
