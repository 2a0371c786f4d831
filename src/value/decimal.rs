//! Arithmetic on numbers as they are written, so that `0.1 + 0.2` is `0.3` and `19.99 * 100` is 1999.
//!
//! A double stands for the shortest decimal that reads as it, which is what its author wrote. Sums,
//! products and quotients are computed of these decimals, exactly, and rounded to a double once, at
//! the end. Terraform computes with 512 bits, which gives the same wherever a result has at most 15
//! digits. What does not fit 128 bits is computed of the doubles themselves.

use super::Number;

/// A decimal: `digits` times ten to the power of `exponent`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    fn of(number: Number) -> Option<Self> {
        match number {
            Number::Int(int) => Some(Self { digits: int.into(), exponent: 0 }),
            Number::Float(float) => {
                // The shortest digits that read as this double.
                let text = format!("{float:e}");
                let (mantissa, exponent) = text.split_once('e')?;
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                let digits = format!("{whole}{fraction}").parse().ok()?;
                let places = i32::try_from(fraction.len()).ok()?;
                Some(Self { digits, exponent: exponent.parse::<i32>().ok()?.checked_sub(places)? })
            }
        }
    }

    /// The nearest number; whole ones that fit are integers.
    fn number(self) -> Option<Number> {
        let mut whole = self;
        while whole.exponent < 0 && whole.digits % 10 == 0 && whole.digits != 0 {
            whole.digits /= 10;
            whole.exponent += 1;
        }
        if whole.digits == 0 {
            return Some(Number::Int(0));
        }
        if whole.exponent >= 0
            && let Some(scale) = power(whole.exponent)
            && let Some(int) = whole.digits.checked_mul(scale)
            && let Ok(int) = i64::try_from(int)
        {
            return Some(Number::Int(int));
        }
        Number::from_f64(format!("{}e{}", whole.digits, whole.exponent).parse().ok()?)
    }
}

fn power(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

/// Both numbers in units of the same power of ten.
fn aligned(a: Number, b: Number) -> Option<(i128, i128, i32)> {
    let (a, b) = (Decimal::of(a)?, Decimal::of(b)?);
    let unit = a.exponent.min(b.exponent);
    let scaled = |d: Decimal| d.digits.checked_mul(power(d.exponent.checked_sub(unit)?)?);
    Some((scaled(a)?, scaled(b)?, unit))
}

impl Number {
    /// The sum, where it fits 128 bits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = aligned(self, other)?;
        Decimal { digits: a.checked_add(b)?, exponent }.number()
    }

    /// The difference, where it fits 128 bits.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = aligned(self, other)?;
        Decimal { digits: a.checked_sub(b)?, exponent }.number()
    }

    /// The product, where it fits 128 bits.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        let (a, b) = (Decimal::of(self)?, Decimal::of(other)?);
        let digits = a.digits.checked_mul(b.digits)?;
        Decimal { digits, exponent: a.exponent.checked_add(b.exponent)? }.number()
    }

    /// The quotient where it is a whole number.
    #[must_use]
    pub fn whole_quotient(self, other: Self) -> Option<Self> {
        let (a, b, _) = aligned(self, other)?;
        let whole = a.checked_rem(b)? == 0;
        i64::try_from(a.checked_div(b)?).ok().filter(|_| whole).map(Self::Int)
    }

    /// What a division leaves over, with the sign of the first, where it fits 128 bits.
    #[must_use]
    pub fn remainder(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = aligned(self, other)?;
        Decimal { digits: a.checked_rem(b)?, exponent }.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        crate::value::convert::parse_number(text).expect(text)
    }

    #[test]
    fn decimals_are_exact() {
        type Operation = fn(Number, Number) -> Option<Number>;
        let cases: [(&str, Operation, &str, &str); 9] = [
            ("0.1", Number::plus, "0.2", "0.3"),
            ("0.3", Number::minus, "0.1", "0.2"),
            ("19.99", Number::times, "100", "1999"),
            ("1.1", Number::times, "1.1", "1.21"),
            ("0.3", Number::whole_quotient, "0.1", "3"),
            ("-0.7", Number::remainder, "0.2", "-0.1"),
            ("0.5", Number::minus, "0.5", "0"),
            ("9223372036854775807", Number::plus, "0.5", "9223372036854775807.5"),
            ("1e15", Number::times, "0.001", "1000000000000"),
        ];
        for (a, operation, b, wanted) in cases {
            assert_eq!(operation(number(a), number(b)), Some(number(wanted)), "{a} {b}");
        }
        // What does not fit is left to the doubles.
        assert_eq!(number("1e300").plus(number("1e-300")), None);
        assert_eq!(number("0.1").whole_quotient(number("0.3")), None);
        assert_eq!(number("1").remainder(number("0")), None);
    }
}
