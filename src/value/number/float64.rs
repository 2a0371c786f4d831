//! Logarithms and powers of doubles, by the steps that Go takes: Terraform computes both of doubles, and
//! `ceil(log(n, 2))` has to come out the same to the last bit. `std` leaves that bit to the platform.

/// The natural logarithm, as a power of two times a fraction near one, and a polynomial for the fraction.
/// The coefficients are those that fdlibm has for it (Sun Microsystems, "e_log.c", 1993).
pub(super) fn log(number: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const ODD: [f64; 4] = [
        6.666_666_666_666_735e-1,
        2.857_142_874_366_239e-1,
        1.818_357_216_161_805e-1,
        1.479_819_860_511_658_6e-1,
    ];
    const EVEN: [f64; 3] =
        [3.999_999_999_940_942e-1, 2.222_219_843_214_978_4e-1, 1.531_383_769_920_937_3e-1];
    if number <= 0.0 || !number.is_finite() {
        return number.ln();
    }
    let (mut fraction, mut power) = split(number);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        power -= 1;
    }
    let over = fraction - 1.0;
    let power = f64::from(power);
    let slope = over / (2.0 + over);
    let square = slope * slope;
    let fourth = square * square;
    let sum = |terms: &[f64]| terms.iter().rev().copied().reduce(|all, term| term + fourth * all);
    let odd = square * sum(&ODD).unwrap_or(0.0);
    let even = fourth * sum(&EVEN).unwrap_or(0.0);
    let half = 0.5 * over * over;
    power * LN2_HIGH - ((half - (slope * (half + (odd + even)) + power * LN2_LOW)) - over)
}

/// The base to the power of the exponent: squares of the base for the whole part of the exponent.
#[expect(clippy::float_cmp, reason = "exact cases")]
pub(super) fn pow(base: f64, exponent: f64) -> f64 {
    const BEYOND: i32 = 1 << 12;
    let plain = exponent == 0.0 || base == 1.0 || base == 0.0 || exponent.abs() >= 2_f64.powi(63);
    if plain || !base.is_finite() || !exponent.is_finite() {
        return base.powf(exponent);
    }
    if exponent.abs() == 0.5 {
        let root = base.sqrt();
        return if exponent < 0.0 { 1.0 / root } else { root };
    }
    let mut whole = exponent.abs().trunc();
    let mut rest = exponent.abs() - whole;
    if rest != 0.0 && base < 0.0 {
        return f64::NAN;
    }
    let (mut result, mut result_power) = (1.0, 0_i32);
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        result = (rest * log(base)).exp();
    }
    let (mut square, mut power) = split(base);
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^63")]
    let mut left = whole as i64;
    while left != 0 {
        if power.abs() > BEYOND {
            // Too large or too small for a double, whatever comes.
            result_power += power;
            break;
        }
        if left & 1 == 1 {
            result *= square;
            result_power += power;
        }
        square *= square;
        power *= 2;
        if square < 0.5 {
            square += square;
            power -= 1;
        }
        left >>= 1;
    }
    if exponent < 0.0 {
        result = 1.0 / result;
        result_power = -result_power;
    }
    // In two steps, for either may be beyond what one double holds.
    let half = result_power / 2;
    result * 2_f64.powi(half) * 2_f64.powi(result_power - half)
}

/// A fraction from one half to one, and the power of two that it is multiplied by.
fn split(number: f64) -> (f64, i32) {
    if number == 0.0 {
        return (number, 0);
    }
    // The smallest doubles have no leading bit: they are scaled first.
    let (number, scaled) =
        if number.is_normal() { (number, 0) } else { (number * 2_f64.powi(54), 54) };
    let bits = number.to_bits();
    let power = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0) - 1022;
    let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    (fraction, power - scaled)
}
