//! Numeric functions.

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::{Number, Value};

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "abs",
        params: &["number"],
        about: "The number without its sign.",
        copes: Copes::NOTHING,
        run: abs,
    },
    Function {
        name: "ceil",
        params: &["number"],
        about: "The nearest whole number that is not smaller.",
        copes: Copes::NOTHING,
        run: |call| rounded(call, f64::ceil),
    },
    Function {
        name: "floor",
        params: &["number"],
        about: "The nearest whole number that is not larger.",
        copes: Copes::NOTHING,
        run: |call| rounded(call, f64::floor),
    },
    Function {
        name: "log",
        params: &["number", "base"],
        about: "The logarithm of a number to a base.",
        copes: Copes::NOTHING,
        run: log,
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
        run: pow,
    },
    Function {
        name: "signum",
        params: &["number"],
        about: "-1, 0 or 1 by the number's sign.",
        copes: Copes::NOTHING,
        run: |call| {
            let number = call.number(0)?;
            Ok(Value::int(number.cmp(&Number::Int(0)) as i64))
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

fn finite(call: &Call<'_>, number: f64) -> FunctionResult {
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| call.fail("the result is not a finite number"))
}

fn abs(call: &Call<'_>) -> FunctionResult {
    match call.number(0)? {
        Number::Int(int) => match int.checked_abs() {
            Some(int) => Ok(Value::int(int)),
            None => finite(call, Number::Int(int).as_f64().abs()),
        },
        Number::Float(float) => finite(call, float.abs()),
    }
}

fn rounded(call: &Call<'_>, round: fn(f64) -> f64) -> FunctionResult {
    match call.number(0)? {
        Number::Int(int) => Ok(Value::int(int)),
        Number::Float(float) => finite(call, round(float)),
    }
}

fn log(call: &Call<'_>) -> FunctionResult {
    finite(call, call.number(0)?.as_f64().ln() / call.number(1)?.as_f64().ln())
}

fn pow(call: &Call<'_>) -> FunctionResult {
    let (base, exponent) = (call.number(0)?, call.number(1)?);
    if let (Number::Int(base), Number::Int(exponent)) = (base, exponent)
        && let Ok(exponent) = u32::try_from(exponent)
        && let Some(power) = base.checked_pow(exponent)
    {
        return Ok(Value::int(power));
    }
    finite(call, base.as_f64().powf(exponent.as_f64()))
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
    let mut total: i128 = 0;
    let mut valid = !digits.is_empty();
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => i64::from(digit - b'0'),
            b'a'..=b'z' => i64::from(digit - b'a') + 10,
            // Above base 36 the upper-case letters are digits of their own.
            b'A'..=b'Z' if base <= 36 => i64::from(digit - b'A') + 10,
            b'A'..=b'Z' => i64::from(digit - b'A') + 36,
            _ => base,
        };
        valid &= value < base;
        total = total.saturating_mul(i128::from(base)).saturating_add(i128::from(value));
    }
    if !valid {
        return Err(call.bad(0, format_args!("`{text}` is not a whole number in base {base}")));
    }
    i64::try_from(if negative { -total } else { total })
        .map(Value::int)
        .map_err(|_| call.bad(0, format_args!("`{text}` is too large")))
}

fn sum(call: &Call<'_>) -> FunctionResult {
    let list = call.list(0)?;
    if list.is_empty() {
        return Err(call.bad(0, "an empty list has no sum"));
    }
    let mut exact = Some(Number::Int(0));
    let mut total = 0.0;
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
        exact = exact.and_then(|sum| sum.plus(number));
        total += number.as_f64();
    }
    exact.map_or_else(|| finite(call, total), |sum| Ok(Value::Number(sum)))
}
