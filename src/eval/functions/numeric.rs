//! Numeric functions.

use num_bigint::BigInt;

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::{Number, Value};

/// The most digits that `parseint` reads: more than any number has, in base 2.
const MAX_DIGITS: usize = 20_000;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "abs",
        params: &["number"],
        about: "The number without its sign.",
        copes: Copes::NOTHING,
        run: |call| {
            let number = call.number(0)?;
            in_range(call, if number.is_negative() { number.negated() } else { Some(number) })
        },
    },
    Function {
        name: "ceil",
        params: &["number"],
        about: "The nearest whole number that is not smaller.",
        copes: Copes::NOTHING,
        run: |call| in_range(call, call.number(0)?.ceil()),
    },
    Function {
        name: "floor",
        params: &["number"],
        about: "The nearest whole number that is not larger.",
        copes: Copes::NOTHING,
        run: |call| in_range(call, call.number(0)?.floor()),
    },
    Function {
        name: "log",
        params: &["number", "base"],
        about: "The logarithm of a number to a base.",
        copes: Copes::NOTHING,
        run: |call| {
            let (number, base) = (call.number(0)?, call.number(1)?);
            number.log(&base).map(Value::Number).ok_or_else(|| not_finite(call))
        },
    },
    Function {
        name: "max",
        params: &["number", "numbers..."],
        about: "The largest of the numbers.",
        copes: Copes::NOTHING,
        run: |call| Ok(numbers(call)?.into_iter().max().map_or(Value::Null, Value::Number)),
    },
    Function {
        name: "min",
        params: &["number", "numbers..."],
        about: "The smallest of the numbers.",
        copes: Copes::NOTHING,
        run: |call| Ok(numbers(call)?.into_iter().min().map_or(Value::Null, Value::Number)),
    },
    Function {
        name: "parseint",
        params: &["text", "base"],
        about: "Reads a whole number in a base from 2 to 62.",
        copes: Copes::NOTHING,
        run: parseint,
    },
    Function {
        name: "pow",
        params: &["base", "exponent"],
        about: "The first number raised to the power of the second.",
        copes: Copes::NOTHING,
        run: |call| {
            let (base, exponent) = (call.number(0)?, call.number(1)?);
            base.pow(&exponent).map(Value::Number).ok_or_else(|| not_finite(call))
        },
    },
    Function {
        name: "signum",
        params: &["number"],
        about: "-1, 0 or 1 by the number's sign.",
        copes: Copes::NOTHING,
        run: |call| {
            let number = call.number(0)?;
            let Some(whole) = number.as_i64() else {
                return Err(call.bad(0, "the number must be whole, and below 2^63"));
            };
            Ok(Value::int(whole.signum()))
        },
    },
    Function {
        name: "sum",
        params: &["list"],
        about: "The sum of a list or set of numbers.",
        copes: Copes::NOTHING,
        run: sum,
    },
];

fn numbers(call: &Call<'_>) -> Result<Vec<Number>, Diagnostic> {
    (0..call.args.len()).map(|index| call.number(index)).collect()
}

fn not_finite(call: &Call<'_>) -> Diagnostic {
    call.fail("the result is not a finite number")
}

fn in_range(call: &Call<'_>, number: Option<Number>) -> FunctionResult {
    number
        .map(Value::Number)
        .ok_or_else(|| call.fail("the result is too large or too small for a number"))
}

fn parseint(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    let base = call.int(1)?;
    if !(2..=62).contains(&base) {
        return Err(call.bad(1, "the base must be from 2 to 62"));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let value_of = |digit: u8| match digit {
        b'0'..=b'9' => i64::from(digit - b'0'),
        b'a'..=b'z' => i64::from(digit - b'a') + 10,
        // Above base 36 the upper-case letters are digits of their own.
        b'A'..=b'Z' if base <= 36 => i64::from(digit - b'A') + 10,
        b'A'..=b'Z' => i64::from(digit - b'A') + 36,
        _ => base,
    };
    if digits.is_empty() || digits.bytes().any(|digit| value_of(digit) >= base) {
        return Err(call.bad(0, format_args!("`{text}` is not a whole number in base {base}")));
    }
    // More digits than any number has take no time to refuse.
    let mut total = (digits.len() <= MAX_DIGITS).then(BigInt::default);
    for digit in digits.bytes() {
        total = total.map(|total| total * base + value_of(digit));
    }
    total
        .and_then(|total| Number::whole(if negative { -total } else { total }))
        .map(Value::Number)
        .ok_or_else(|| call.bad(0, "the number is too large"))
}

fn sum(call: &Call<'_>) -> FunctionResult {
    let list = call.list(0)?;
    if list.is_empty() {
        return Err(call.bad(0, "an empty list has no sum"));
    }
    let mut total = Some(Number::Int(0));
    for (position, value) in list.iter().enumerate() {
        let number =
            match crate::value::convert::convert(value.clone(), &crate::value::Type::Number) {
                Ok(Value::Number(number)) => number,
                Ok(other) => {
                    let found = other.type_name();
                    let message = format!("`$[{position}]`: a number is required, not {found}");
                    return Err(call.bad(0, message));
                }
                Err(error) => return Err(call.bad(0, format_args!("`$[{position}]`: {error}"))),
            };
        total = total.and_then(|sum| sum.plus(&number));
    }
    in_range(call, total)
}
