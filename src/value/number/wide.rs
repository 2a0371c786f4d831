//! Numbers that are no small whole ones: exact values, and how they are rounded.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::{BigInt, BigUint, Sign};

use super::Number;

/// The largest power of two of a number, and with a minus the smallest: about 4,900 decimal digits on
/// either side of the point. Terraform goes further, to numbers that would take gigabytes to print.
const MAX_EXPONENT: i64 = 1 << 14;

/// A number that is no `i64`. Its mantissa is odd, so that equal numbers have equal parts.
#[derive(Clone, Debug)]
pub struct Wide {
    exact: Exact,
    /// How many bits it was rounded to. Its text has as many digits as that takes.
    precision: u32,
}

impl Wide {
    pub(super) fn exact(&self) -> &Exact {
        &self.exact
    }

    pub(super) fn precision(&self) -> u32 {
        self.precision
    }

    pub(super) fn with_precision(&self, precision: u32) -> Self {
        Self { exact: self.exact.clone(), precision }
    }
}

impl PartialEq for Wide {
    fn eq(&self, other: &Self) -> bool {
        self.exact == other.exact
    }
}

impl Eq for Wide {}

impl Hash for Wide {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.exact.hash(state);
    }
}

/// A mantissa times a power of two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Exact {
    pub(super) mantissa: BigInt,
    pub(super) exponent: i64,
}

impl Exact {
    pub(super) fn whole(mantissa: BigInt) -> Self {
        Self { mantissa, exponent: 0 }
    }

    /// The value of a double; `None` for NaN and infinities.
    pub(super) fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let bits = number.to_bits();
        let raw = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // The smallest ones have no leading bit.
        let (size, power) = if raw == 0 { (fraction, 1) } else { (fraction | (1 << 52), raw) };
        let sign = if number < 0.0 { Sign::Minus } else { Sign::Plus };
        let mantissa = BigInt::from_biguint(sign, BigUint::from(size));
        Some(Self { mantissa, exponent: i64::try_from(power).ok()? - 1075 })
    }

    /// The nearest double; an infinity beyond them.
    pub(super) fn to_f64(&self) -> f64 {
        let top = self.top();
        // Below 2^-1022 doubles have fewer bits the smaller they are.
        let bits = (top + 1074).clamp(0, 53);
        let rounded = self.to_bits(u64::try_from(bits).unwrap_or(0));
        let size = u64::try_from(rounded.mantissa.magnitude()).unwrap_or(0);
        let mut exponent = rounded.exponent;
        #[expect(clippy::cast_precision_loss, reason = "it has at most 53 bits")]
        let mut float = size as f64;
        // Every step is exact: the value has the bits that its place allows.
        while exponent > 0 && float.is_finite() && float != 0.0 {
            let step = exponent.min(1000);
            float *= power_of_two(step);
            exponent -= step;
        }
        while exponent < 0 && float != 0.0 {
            let step = (-exponent).min(1000);
            float /= power_of_two(step);
            exponent += step;
        }
        if self.is_negative() { -float } else { float }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.mantissa.sign() == Sign::Minus
    }

    /// The power of two above the highest bit: the size is below it, and half of it or more.
    fn top(&self) -> i64 {
        i64::try_from(self.mantissa.bits()).unwrap_or(i64::MAX).saturating_add(self.exponent)
    }

    pub(super) fn as_whole(&self) -> Option<BigInt> {
        let shift = u64::try_from(self.exponent).ok()?;
        Some(&self.mantissa << shift)
    }

    /// The whole number next to it towards zero.
    pub(super) fn truncated(&self) -> BigInt {
        match self.as_whole() {
            Some(whole) => whole,
            None => {
                let size = self.mantissa.magnitude() >> self.exponent.unsigned_abs();
                BigInt::from_biguint(self.mantissa.sign(), size)
            }
        }
    }

    pub(super) fn negated(&self) -> Self {
        Self { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    /// Both mantissas in units of the same power of two.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let unit = self.exponent.min(other.exponent);
        let scaled = |of: &Self| &of.mantissa << (of.exponent - unit).unsigned_abs();
        (scaled(self), scaled(other), unit)
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.aligned(other);
        Self { mantissa: a + b, exponent }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self {
            mantissa: &self.mantissa * &other.mantissa,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient with so many bits that it rounds to `precision` as the exact one does; `None` for a
    /// division by zero.
    pub(super) fn divided_by(&self, other: &Self, precision: u32) -> Option<Self> {
        if other.mantissa.sign() == Sign::NoSign {
            return None;
        }
        let (a, b) = (self.mantissa.magnitude(), other.mantissa.magnitude());
        let shift = (u64::from(precision) + 2 + b.bits()).saturating_sub(a.bits());
        let shifted = a << shift;
        let quotient = &shifted / b;
        let exact = &quotient * b == shifted;
        // What is left over counts as one more bit.
        let size = (quotient << 1_u32) + u32::from(!exact);
        let sign = self.mantissa.sign() * other.mantissa.sign();
        let exponent = self.exponent - other.exponent - i64::try_from(shift).ok()? - 1;
        Some(Self { mantissa: BigInt::from_biguint(sign, size), exponent })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let signs = self.mantissa.sign().cmp(&other.mantissa.sign());
        if signs.is_ne() || self.mantissa.sign() == Sign::NoSign {
            return signs;
        }
        let tops = self.top().cmp(&other.top());
        if tops.is_ne() {
            return if self.is_negative() { tops.reverse() } else { tops };
        }
        let (a, b, _) = self.aligned(other);
        a.cmp(&b)
    }

    /// Rounded to so many bits: to the nearest, and from the middle to the even one.
    fn to_bits(&self, bits: u64) -> Self {
        let size = self.mantissa.magnitude();
        let Some(dropped) = size.bits().checked_sub(bits).filter(|dropped| *dropped > 0) else {
            return self.clone();
        };
        let half = size.bit(dropped - 1);
        let above_half = size.trailing_zeros().is_some_and(|zeros| zeros < dropped - 1);
        let mut kept = size >> dropped;
        if half && (above_half || kept.bit(0)) {
            kept += 1_u32;
        }
        Self {
            mantissa: BigInt::from_biguint(self.mantissa.sign(), kept),
            exponent: self.exponent + i64::try_from(dropped).unwrap_or(i64::MAX),
        }
    }

    /// The number, rounded to `precision` bits; `None` outside of the range.
    pub(super) fn rounded(&self, precision: u32) -> Option<Number> {
        let rounded = self.to_bits(u64::from(precision));
        let Some(zeros) = rounded.mantissa.trailing_zeros() else { return Some(Number::Int(0)) };
        let mantissa = &rounded.mantissa >> zeros;
        let exact = Self { mantissa, exponent: rounded.exponent + i64::try_from(zeros).ok()? };
        let top = exact.top();
        if !(-MAX_EXPONENT..=MAX_EXPONENT).contains(&top) {
            return None;
        }
        if exact.exponent >= 0
            && top <= 64
            && let Some(int) = exact.as_whole().and_then(|whole| i64::try_from(whole).ok())
        {
            return Some(Number::Int(int));
        }
        Some(Number::Wide(Arc::new(Wide { exact, precision })))
    }
}

fn power_of_two(exponent: i64) -> f64 {
    2_f64.powi(i32::try_from(exponent).unwrap_or(i32::MAX))
}
