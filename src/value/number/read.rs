//! Decimal text to numbers, by the grammar that Go's `big.ParseFloat` has for base ten.

use num_bigint::BigInt;

use super::wide::Exact;

/// The most digits of a text, and the largest exponent, that are looked at: more than any number has.
const MAX_DIGITS: usize = 20_000;

/// The value of a text, near enough to round as it does; `None` where it is not a number.
pub(super) fn decimal(text: &str) -> Option<Exact> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, power) = match rest.find(['e', 'E', 'p', 'P']) {
        None => (rest, Power::Ten(0)),
        Some(at) => {
            let (mantissa, power) = rest.split_at_checked(at)?;
            let exponent = exponent(power.get(1..)?)?;
            let is_ten = power.starts_with(['e', 'E']);
            (mantissa, if is_ten { Power::Ten(exponent) } else { Power::Two(exponent) })
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let mut value = BigInt::parse_bytes(digits.as_bytes(), 10)?;
    if negative {
        value = -value;
    }
    let places = i64::try_from(fraction.len()).ok()?;
    let (ten, two) = match power {
        Power::Ten(ten) => (ten - places, 0),
        Power::Two(two) => (-places, two),
    };
    let scale = BigInt::from(10).pow(u32::try_from(ten.unsigned_abs()).ok()?);
    let mut exact = if ten < 0 {
        let by = Exact::whole(scale);
        Exact::whole(value).divided_by(&by, super::PRECISION)?
    } else {
        Exact::whole(value * scale)
    };
    exact.exponent += two;
    Some(exact)
}

enum Power {
    Ten(i64),
    Two(i64),
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let exponent: i64 = plain.then(|| text.parse().ok())??;
    (exponent.unsigned_abs() <= MAX_DIGITS as u64).then_some(exponent)
}
