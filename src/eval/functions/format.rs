//! `format` and `formatlist`: printf verbs over values of the language.
//!
//! `%[flags][width][.precision][[index]]verb`. Width and precision count characters as people
//! see them. `%v` writes numbers plainly, as `tostring` does, so that an account id never turns
//! into an exponent.

use unicode_segmentation::UnicodeSegmentation as _;

use super::args::{FunctionResult, TextPieces};
use super::encoding;
use super::function::{Call, Copes, Function};
use super::weight::weight;
use crate::diag::Diagnostic;
use crate::value::convert::convert;
use crate::value::{Number, Type, Unknown, Value};

/// Widest field and highest precision.
const MAX_WIDTH: usize = 10_000;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "format",
        params: &["format", "values..."],
        about: "The format with its `%` verbs replaced: `%s` text, `%d` whole number, `%v` anything, `%q` quoted, `%f`, `%e`, `%g`, `%x`, `%o`, `%b`, `%t`.",
        copes: Copes::UNKNOWN,
        run: format,
    },
    Function {
        name: "formatlist",
        params: &["format", "values..."],
        about: "`format` for each element of the lists, which must be equally long; other values repeat.",
        copes: Copes::UNKNOWN,
        run: formatlist,
    },
];

fn format(call: &Call<'_>) -> FunctionResult {
    if call.arg(0).is_unknown() {
        return Ok(call.opaque());
    }
    let text = call.text(0)?;
    let values: Vec<&Value> = call.args.iter().skip(1).collect();
    render(call, &text, &values)
}

fn formatlist(call: &Call<'_>) -> FunctionResult {
    if call.arg(0).is_unknown() {
        return Ok(call.opaque());
    }
    let text = call.text(0)?;
    let mut length: Option<(usize, usize)> = None;
    let mut columns: Vec<(&Value, Option<Vec<&Value>>)> = Vec::new();
    for (index, value) in call.args.iter().enumerate().skip(1) {
        let elements = value.elements();
        if let Some(elements) = &elements {
            match length {
                Some((first, wanted)) if wanted != elements.len() => {
                    return Err(call.arg_error(
                        index,
                        format!(
                            "the lists given to `formatlist` must be equally long: argument {} has {} elements, argument {} has {wanted}",
                            index + 1,
                            elements.len(),
                            first + 1
                        ),
                    ));
                }
                Some(_) => {}
                None => length = Some((index, elements.len())),
            }
        }
        columns.push((value, elements));
    }
    // A set with unknown elements has no known order to pair up, nor length.
    let vague = call
        .args
        .iter()
        .skip(1)
        .any(|v| matches!(v, Value::Set(s) if s.iter().any(Value::has_unknown)));
    let lists_unknown = length.is_none()
        && call.args.iter().skip(1).any(|v| matches!(v, Value::Unknown(u) if u.parts.is_empty()));
    if vague || lists_unknown {
        return Ok(call.opaque());
    }
    let rows = length.map_or(1, |(_, rows)| rows);
    let mut results = Vec::with_capacity(rows);
    let mut bytes = 0_usize;
    for row in 0..rows {
        let values: Vec<&Value> = columns
            .iter()
            .map(|(single, list)| list.as_ref().and_then(|l| l.get(row).copied()).unwrap_or(single))
            .collect();
        let result = render(call, &text, &values)?;
        bytes = bytes.saturating_add(weight(&result));
        call.guard_text(bytes)?;
        results.push(result);
    }
    Ok(Value::list(results))
}

/// One `%...` of a format.
#[derive(Debug, Default)]
struct Verb {
    raw: String,
    zero: bool,
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
    index: Option<usize>,
    letter: char,
}

fn render(call: &Call<'_>, format: &str, values: &[&Value]) -> FunctionResult {
    let mut pieces = TextPieces::default();
    let mut next = 0;
    let mut used = 0;
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        pieces.push_str(rest.get(..start).unwrap_or_default());
        let (verb, after) = parse(call, rest.get(start..).unwrap_or_default())?;
        rest = after;
        if verb.letter == '%' {
            pieces.push_str("%");
            continue;
        }
        let index = verb.index.unwrap_or(next);
        next = index + 1;
        used = used.max(next);
        let Some(value) = values.get(index) else {
            return Err(call.bad(
                0,
                format_args!(
                    "`{}` needs value {}, and only {} {} given",
                    verb.raw,
                    index + 1,
                    values.len(),
                    if values.len() == 1 { "is" } else { "are" }
                ),
            ));
        };
        append(call, &verb, value, &mut pieces, index + 1)?;
        call.guard_text(pieces.len())?;
    }
    pieces.push_str(rest);
    if used < values.len() {
        return Err(call.arg_error(
            used + 1,
            format!("the format uses only {used} of the {} values", values.len()),
        ));
    }
    Ok(pieces.finish())
}

fn parse<'t>(call: &Call<'_>, text: &'t str) -> Result<(Verb, &'t str), Diagnostic> {
    let mut verb = Verb::default();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((_, c)) = chars.peek().copied() {
        match c {
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            '#' => verb.sharp = true,
            '+' => verb.plus = true,
            '-' => verb.minus = true,
            _ => break,
        }
        chars.next();
    }
    let digits = |chars: &mut std::iter::Peekable<_>| -> Result<Option<usize>, Diagnostic> {
        let mut number: Option<usize> = None;
        while let Some(digit) = peeked_digit(chars) {
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            chars.next();
        }
        match number {
            Some(number) if number > MAX_WIDTH => {
                Err(call.bad(0, format_args!("widths and precisions go up to {MAX_WIDTH}")))
            }
            number => Ok(number),
        }
    };
    verb.width = digits(&mut chars)?;
    if chars.next_if(|(_, c)| *c == '.').is_some() {
        verb.precision = digits(&mut chars)?;
        if verb.precision.is_none() {
            return Err(call.bad(0, "a `.` in a verb needs digits after it, as in `%.2f`"));
        }
    }
    if chars.next_if(|(_, c)| *c == '[').is_some() {
        let index = digits(&mut chars)?.filter(|n| *n > 0);
        if index.is_none() || chars.next_if(|(_, c)| *c == ']').is_none() {
            return Err(call.bad(0, "`[` in a verb takes the number of a value from 1 and `]`"));
        }
        verb.index = index.map(|n| n - 1);
    }
    let Some((at, letter)) = chars.next() else {
        return Err(call
            .bad(0, format_args!("`{text}` at the end is no verb"))
            .help("a percent sign is written `%%`"));
    };
    let (raw, rest) = text.split_at_checked(at + letter.len_utf8()).unwrap_or((text, ""));
    raw.clone_into(&mut verb.raw);
    verb.letter = letter;
    if !"%vtbdoxXeEfgGsq".contains(letter) {
        return Err(call.bad(0, format_args!("there is no verb `{raw}`")).help(
            "the verbs are %v %s %q %d %t %f %e %g %x %o %b; a percent sign is written `%%`",
        ));
    }
    Ok((verb, rest))
}

fn peeked_digit(
    chars: &mut std::iter::Peekable<impl Iterator<Item = (usize, char)>>,
) -> Option<usize> {
    chars.peek().and_then(|(_, c)| c.to_digit(10)).and_then(|d| usize::try_from(d).ok())
}

fn append(
    call: &Call<'_>,
    verb: &Verb,
    value: &Value,
    pieces: &mut TextPieces,
    index: usize,
) -> Result<(), Diagnostic> {
    if value.has_unknown() {
        match value {
            Value::Unknown(unknown)
                if matches!(verb.letter, 's' | 'v')
                    && !verb.sharp
                    && verb.width.is_none()
                    && verb.precision.is_none() =>
            {
                pieces.push_unknown(unknown, str::to_owned);
            }
            other => pieces.push_opaque(Unknown::opaque(other.unknowns())),
        }
        return Ok(());
    }
    if value.is_null() && verb.letter != 'v' {
        return Err(call.arg_error(index, format!("`{}` cannot format null", verb.raw)));
    }
    let to = |ty: &Type| {
        convert(value.clone(), ty).map_err(|error| {
            call.arg_error(index, format!("`{}` cannot format this value: {error}", verb.raw))
                .help_opt(error.help)
        })
    };
    let text = match verb.letter {
        'v' => match value {
            Value::String(text) if !verb.sharp => pad(verb, text.clone()),
            Value::Number(number) if !verb.sharp => pad(verb, number.to_string()),
            other => match encoding::to_json_text(call, index, other)? {
                Value::String(text) => pad(verb, text),
                _ => String::new(),
            },
        },
        't' => to(&Type::Bool)?.as_bool().unwrap_or_default().to_string(),
        's' | 'q' => {
            let value = to(&Type::String)?;
            let text = value.as_str().unwrap_or_default();
            let text = match verb.precision {
                Some(precision) if precision > 0 => {
                    text.graphemes(true).take(precision).collect::<String>()
                }
                _ => text.to_owned(),
            };
            pad(verb, if verb.letter == 'q' { encoding::quoted(&text) } else { text })
        }
        _ => match to(&Type::Number)? {
            Value::Number(number) => numeric(call, verb, &number, index)?,
            _ => String::new(),
        },
    };
    pieces.push_str(&text);
    Ok(())
}

fn pad(verb: &Verb, text: String) -> String {
    let Some(width) = verb.width else { return text };
    let count = text.graphemes(true).count();
    let fill = if verb.zero && !verb.minus { "0" } else { " " }.repeat(width.saturating_sub(count));
    if verb.minus { text + &fill } else { fill + &text }
}

fn numeric(
    call: &Call<'_>,
    verb: &Verb,
    number: &Number,
    index: usize,
) -> Result<String, Diagnostic> {
    let digits = if "bdoxX".contains(verb.letter) {
        let Some(whole) = number.as_whole() else {
            return Err(
                call.arg_error(index, format!("`{}` needs a whole number, not {number}", verb.raw))
            );
        };
        let (prefix, base) = match verb.letter {
            'b' => ("0b", 2),
            'o' => ("0", 8),
            'x' => ("0x", 16),
            'X' => ("0X", 16),
            _ => ("", 10),
        };
        let digits = whole.magnitude().to_str_radix(base);
        let digits = if verb.letter == 'X' { digits.to_uppercase() } else { digits };
        let digits = if verb.sharp { format!("{prefix}{digits}") } else { digits };
        "0".repeat(verb.precision.unwrap_or(0).saturating_sub(digits.len())) + &digits
    } else {
        let size = number.decimal();
        match verb.letter {
            'f' => size.fixed(verb.precision.unwrap_or(6)),
            'e' => size.scientific(verb.precision.unwrap_or(6)),
            'E' => size.scientific(verb.precision.unwrap_or(6)).to_uppercase(),
            'G' => number.general(verb.precision).to_uppercase(),
            _ => number.general(verb.precision),
        }
    };
    let negative = number.is_negative();
    let sign = match (negative, verb.plus, verb.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    let width = verb.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
    Ok(match (verb.minus, verb.zero) {
        (true, _) => format!("{sign}{digits}{}", " ".repeat(width)),
        (false, true) => format!("{sign}{}{digits}", "0".repeat(width)),
        (false, false) => format!("{}{sign}{digits}", " ".repeat(width)),
    })
}
