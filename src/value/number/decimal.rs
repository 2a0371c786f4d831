//! Numbers in decimal digits, rounded and laid out as Go's `math/big` does it.

use num_bigint::BigUint;

use super::wide::Exact;

/// The size of a number in decimal digits: `0.DIGITS` times ten to the power of `point`. No digit of zero.
#[derive(Clone, Debug)]
pub struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// All digits of a number.
    pub(super) fn of(number: &Exact) -> Self {
        Self::scaled(number.mantissa.magnitude(), number.exponent)
    }

    fn scaled(mantissa: &BigUint, exponent: i64) -> Self {
        let (whole, places) = match u64::try_from(exponent) {
            Ok(shift) => (mantissa << shift, 0),
            // Half of ten is five: each division by two is one more decimal place.
            Err(_) => {
                let places = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
                (mantissa * BigUint::from(5_u32).pow(places), i64::from(places))
            }
        };
        let digits = whole.to_radix_be(10);
        let point = i64::try_from(digits.len()).unwrap_or(i64::MAX) - places;
        let mut all = Self { digits, point };
        all.trim();
        all
    }

    /// The fewest digits that read as this number where numbers have `precision` bits.
    pub(super) fn shortest(number: &Exact, precision: u32) -> Self {
        let mut digits = Self::of(number);
        // The bounds lie half a unit of the last place away; they count where a tie rounds to this number.
        let size = number.mantissa.magnitude();
        let wanted = u64::from(precision) + 1;
        let (size, exponent) = match wanted.checked_sub(size.bits()) {
            Some(shift) => (size << shift, number.exponent - i64::try_from(shift).unwrap_or(0)),
            None => return digits,
        };
        let lower = Self::scaled(&(&size - 1_u32), exponent);
        let upper = Self::scaled(&(&size + 1_u32), exponent);
        let inclusive = !size.bit(1);
        for at in 0..digits.digits.len() {
            let digit = digits.at(at);
            let (low, high) = (lower.at(at), upper.at(at));
            let last_of_lower = at + 1 == lower.digits.len();
            let may_go_down = low != digit || inclusive && last_of_lower;
            let may_go_up =
                digit != high && (inclusive || digit + 1 < high || at + 1 < upper.digits.len());
            match (may_go_down, may_go_up) {
                (true, true) => digits.round(at + 1),
                (true, false) => digits.round_down(at + 1),
                (false, true) => digits.round_up(at + 1),
                (false, false) => continue,
            }
            break;
        }
        digits
    }

    fn at(&self, index: usize) -> u8 {
        self.digits.get(index).copied().unwrap_or(0)
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    /// Keeps `count` digits, rounded to the nearest, from the middle to the even one.
    fn round(&mut self, count: usize) {
        if count >= self.digits.len() {
            return;
        }
        let next = self.at(count);
        let is_middle = next == 5 && count + 1 == self.digits.len();
        let is_odd = count.checked_sub(1).is_some_and(|last| self.at(last) % 2 == 1);
        if if is_middle { is_odd } else { next >= 5 } {
            self.round_up(count);
        } else {
            self.round_down(count);
        }
    }

    fn round_down(&mut self, count: usize) {
        self.digits.truncate(count);
        self.trim();
    }

    fn round_up(&mut self, count: usize) {
        self.digits.truncate(count);
        while self.digits.last() == Some(&9) {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(1);
                self.point += 1;
            }
        }
    }

    /// Keeps so many digits, given as a count from the first one that may be none at all.
    fn round_signed(&mut self, count: i64) {
        if let Ok(count) = usize::try_from(count) {
            self.round(count);
        }
    }

    fn text(&self, from: i64, to: i64) -> impl Iterator<Item = char> + '_ {
        (from..to).map(|at| {
            let digit = usize::try_from(at).map_or(0, |at| self.at(at));
            char::from(b'0' + digit)
        })
    }

    fn length(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    fn laid_out(&self, places: i64) -> String {
        let mut text: String = match self.point {
            ..=0 => "0".to_owned(),
            point => self.text(0, point).collect(),
        };
        if places > 0 {
            text.push('.');
            text.extend(self.text(self.point, self.point + places));
        }
        text
    }

    /// Without an exponent, as many places as there are digits.
    #[must_use]
    pub fn plain(&self) -> String {
        self.laid_out(self.length() - self.point)
    }

    /// `%f`: so many places.
    #[must_use]
    pub fn fixed(mut self, places: usize) -> String {
        let places = i64::try_from(places).unwrap_or(i64::MAX);
        self.round_signed(self.point.saturating_add(places));
        self.laid_out(places)
    }

    /// `%e`: one digit, so many places, and an exponent.
    #[must_use]
    pub fn scientific(mut self, places: usize) -> String {
        self.round(places.saturating_add(1));
        self.with_exponent(i64::try_from(places).unwrap_or(i64::MAX))
    }

    fn with_exponent(&self, places: i64) -> String {
        let mut text: String = self.text(0, 1).collect();
        if places > 0 {
            text.push('.');
            text.extend(self.text(1, places + 1));
        }
        let power = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if power < 0 { '-' } else { '+' };
        text + &format!("e{sign}{:02}", power.abs())
    }

    /// `%g`: the shorter of `%e` and `%f`, with so many digits, or with those that there are.
    #[must_use]
    pub fn general(mut self, precision: Option<usize>) -> String {
        let given = precision.map(|given| given.max(1));
        if let Some(given) = given {
            self.round(given);
        }
        let length = self.length();
        let digits = given.and_then(|given| i64::try_from(given).ok()).unwrap_or(length);
        let limit = match given {
            None => 6,
            Some(_) if digits > length && length >= self.point => length,
            Some(_) => digits,
        };
        let power = self.point - 1;
        if power < -4 || power >= limit {
            return self.with_exponent(digits.min(length) - 1);
        }
        let digits = if digits > self.point { length } else { digits };
        self.laid_out(digits - self.point)
    }
}
