//! Numbers as Terraform has them: binary floats of 512 bits, rounded to the nearest, ties to even.
//!
//! Nearly all numbers of a configuration are small and whole, and stay an `i64`. All others are
//! [`Wide`]: whole numbers of any size and fractions, computed with whole numbers of `num-bigint`
//! and rounded once per operation, as Go's `math/big` does it for Terraform.

mod decimal;
mod float64;
mod read;
mod wide;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::BigInt;

pub use decimal::Decimal;
use wide::{Exact, Wide};

/// Bits of a number that is written in a configuration, and of what is computed from it.
const PRECISION: u32 = 512;

/// A number. Equal numbers are the same variant, so that they compare and hash alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// A whole number that fits.
    Int(i64),
    /// Any other number.
    Wide(Arc<Wide>),
}

impl Number {
    /// Reads a number as Terraform does: digits with an optional sign, fraction and exponent. `None` for
    /// every other text, and for a number outside of the range.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse::<i64>() {
            Ok(int) => Some(Self::Int(int)),
            Err(_) => read::decimal(text)?.rounded(PRECISION),
        }
    }

    /// From a double, with the precision of one; `None` for NaN and infinities.
    #[must_use]
    pub fn from_f64(number: f64) -> Option<Self> {
        Exact::from_f64(number)?.rounded(f64::MANTISSA_DIGITS)
    }

    /// A whole number of any size, kept exactly.
    #[must_use]
    pub fn whole(number: BigInt) -> Option<Self> {
        let precision = u32::try_from(number.bits()).ok()?.max(64);
        Exact::whole(number).rounded(precision)
    }

    /// The nearest double.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "documented: the nearest double")]
            Self::Int(int) => *int as f64,
            Self::Wide(wide) => wide.exact().to_f64(),
        }
    }

    /// As an integer, when it is whole and fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Wide(_) => None,
        }
    }

    /// As a whole number of any size, when it is one.
    #[must_use]
    pub fn as_whole(&self) -> Option<BigInt> {
        match self {
            Self::Int(int) => Some(BigInt::from(*int)),
            Self::Wide(wide) => wide.exact().as_whole(),
        }
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Int(0))
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match self {
            Self::Int(int) => *int < 0,
            Self::Wide(wide) => wide.exact().is_negative(),
        }
    }

    fn exact(&self) -> Exact {
        match self {
            Self::Int(int) => Exact::whole(BigInt::from(*int)),
            Self::Wide(wide) => wide.exact().clone(),
        }
    }

    fn precision(&self) -> u32 {
        match self {
            Self::Int(_) => PRECISION,
            Self::Wide(wide) => wide.precision(),
        }
    }

    /// The sum, rounded; `None` outside of the range of numbers, as for all operations below.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(*b)
        {
            return Some(Self::Int(sum));
        }
        self.exact().plus(&other.exact()).rounded(self.precision().max(other.precision()))
    }

    /// The difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(difference) = a.checked_sub(*b)
        {
            return Some(Self::Int(difference));
        }
        let negated = other.exact().negated();
        self.exact().plus(&negated).rounded(self.precision().max(other.precision()))
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(product) = a.checked_mul(*b)
        {
            return Some(Self::Int(product));
        }
        // Terraform gives a product 512 bits, whatever its factors have.
        let product = self.exact().times(&other.exact()).rounded(PRECISION)?;
        let precision = self.precision().max(other.precision());
        Some(product.with_precision_of_at_least(precision))
    }

    /// The quotient; `None` for a division by zero, too.
    #[must_use]
    pub fn divided_by(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && a.checked_rem(*b) == Some(0)
        {
            return a.checked_div(*b).map(Self::Int);
        }
        let precision = self.precision().max(other.precision());
        self.exact().divided_by(&other.exact(), precision)?.rounded(precision)
    }

    /// What a division leaves over, with the sign of the first; `None` for a division by zero, too.
    #[must_use]
    pub fn remainder(&self, other: &Self) -> Option<Self> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && *b != 0
        {
            // Of the least integer and -1 nothing is left over.
            return Some(Self::Int(a.checked_rem(*b).unwrap_or(0)));
        }
        // As Terraform computes it: each of the steps is rounded.
        let times = self.divided_by(other)?.truncated()?;
        let whole = times.exact().rounded(self.precision())?;
        let covered = other.exact().times(&whole.exact()).rounded(self.precision())?;
        self.exact().plus(&covered.exact().negated()).rounded(self.precision())
    }

    /// With the other sign.
    #[must_use]
    pub fn negated(&self) -> Option<Self> {
        match self {
            Self::Int(int) if *int != i64::MIN => Some(Self::Int(-int)),
            other => other.exact().negated().rounded(other.precision()),
        }
    }

    /// The whole number next to it towards zero.
    #[must_use]
    pub fn truncated(&self) -> Option<Self> {
        match self {
            Self::Int(int) => Some(Self::Int(*int)),
            Self::Wide(wide) => Exact::whole(wide.exact().truncated()).rounded(wide.precision()),
        }
    }

    /// The nearest whole number that is not larger.
    #[must_use]
    pub fn floor(&self) -> Option<Self> {
        let whole = self.truncated()?;
        if whole > *self { whole.minus(&Self::Int(1)) } else { Some(whole) }
    }

    /// The nearest whole number that is not smaller.
    #[must_use]
    pub fn ceil(&self) -> Option<Self> {
        let whole = self.truncated()?;
        if whole < *self { whole.plus(&Self::Int(1)) } else { Some(whole) }
    }

    /// The logarithm to a base, which Terraform computes of doubles; `None` where it is not finite.
    #[must_use]
    pub fn log(&self, base: &Self) -> Option<Self> {
        Self::from_f64(float64::log(self.as_f64()) / float64::log(base.as_f64()))
    }

    /// This number to the power of another, which Terraform computes of doubles; `None` where it is not
    /// finite.
    #[must_use]
    pub fn pow(&self, exponent: &Self) -> Option<Self> {
        Self::from_f64(float64::pow(self.as_f64(), exponent.as_f64()))
    }

    fn with_precision_of_at_least(self, precision: u32) -> Self {
        match self {
            Self::Wide(wide) if wide.precision() < precision => {
                Self::Wide(Arc::new(wide.with_precision(precision)))
            }
            other => other,
        }
    }

    /// The decimal digits of its size.
    #[must_use]
    pub fn decimal(&self) -> Decimal {
        Decimal::of(&self.exact())
    }

    /// The size by the format `%g`: with so many digits, or with the fewest that read as the same number.
    #[must_use]
    pub fn general(&self, digits: Option<usize>) -> String {
        let exact = self.exact();
        match digits {
            Some(digits) => Decimal::of(&exact).general(Some(digits)),
            None => Decimal::shortest(&exact, self.precision()).general(None),
        }
    }

    /// Whether its text reads as the same number: a logarithm's does not, for it has the digits of a double.
    #[must_use]
    pub fn outlives_its_text(&self) -> bool {
        match self {
            Self::Wide(wide) if wide.precision() != PRECISION => {
                Self::parse(&self.to_string()).is_some_and(|read| read == *self)
            }
            _ => true,
        }
    }

    /// From JSON; `None` outside of the range of numbers.
    #[must_use]
    pub fn from_json(number: &serde_json::Number) -> Option<Self> {
        match number.as_i64() {
            Some(int) => Some(Self::Int(int)),
            None => Self::parse(number.as_str()),
        }
    }

    /// To JSON, with every digit that it takes to read the same number again.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Number {
        match self {
            Self::Int(int) => (*int).into(),
            // Digits with a point or without one are JSON.
            Self::Wide(_) => self.to_string().parse().unwrap_or_else(|_| 0.into()),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            _ => self.exact().compare(&other.exact()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The shortest digits that read as the same number, never with an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => write!(f, "{int}"),
            Self::Wide(wide) => {
                let digits = Decimal::shortest(wide.exact(), wide.precision());
                write!(f, "{}{}", if self.is_negative() { "-" } else { "" }, digits.plain())
            }
        }
    }
}

#[cfg(test)]
mod tests;
