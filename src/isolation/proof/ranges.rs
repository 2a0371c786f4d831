//! What one condition on a number, a date or an address decides of another on the same key: each names ranges, and those of
//! one lie within those of the other, or have nothing in common with them, or nothing is said.

use ipnet::IpNet;

use crate::iam::values::{cidr, instant, number};
use crate::iam::{Condition, Item, Test};

/// What `asked` is where `given` holds. Both are about the one value of a key, and compare it with plain texts.
pub(super) fn decided(given: &Condition, asked: &Condition) -> Option<bool> {
    let ours = Ranges::of(given)?;
    let excludes = given.operator.test.negated();
    if asked.operator.test == Test::Null {
        // What lies in a range is there.
        let present = |item: &Item| item.text.symbolic().eq_ignore_ascii_case("false");
        return (!excludes).then(|| asked.values.iter().any(present));
    }
    let theirs = Ranges::of(asked).filter(|_| asked.operator.prefix.is_none())?;
    let negated = asked.operator.test.negated();
    if excludes {
        // The value is in none of ours, or there is none.
        let settled = !asked.operator.if_exists || negated;
        return (settled && theirs.lie_within(&ours)).then_some(negated);
    }
    match (ours.lie_within(&theirs), ours.are_apart_from(&theirs)) {
        (true, _) => Some(!negated),
        (_, true) => Some(negated),
        _ => None,
    }
}

/// What a condition compares with, whether it wants the value in there or not.
enum Ranges {
    Numbers(Vec<Interval>),
    Moments(Vec<Interval>),
    Addresses(Vec<IpNet>),
}

impl Ranges {
    fn of(condition: &Condition) -> Option<Self> {
        let test = condition.operator.test.positive();
        let texts = || condition.values.iter().map(|item| item.text.symbolic());
        // Moments in milliseconds are whole numbers that a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "below 2^53 for all dates that AWS takes")]
        let moments = || texts().map(|text| instant(&text).map(|at| at as f64)).collect();
        let numbers = || texts().map(|text| number(&text)).collect();
        let intervals = |side: Side, bounds: Option<Vec<f64>>| -> Option<Vec<Interval>> {
            Some(bounds?.into_iter().map(|bound| Interval::of(side, bound)).collect())
        };
        Some(match test {
            Test::IpAddress => {
                Self::Addresses(texts().map(|text| cidr(&text)).collect::<Option<_>>()?)
            }
            Test::NumericEquals => Self::Numbers(intervals(Side::At, numbers())?),
            Test::NumericLessThan => Self::Numbers(intervals(Side::Below, numbers())?),
            Test::NumericLessThanEquals => Self::Numbers(intervals(Side::UpTo, numbers())?),
            Test::NumericGreaterThan => Self::Numbers(intervals(Side::Above, numbers())?),
            Test::NumericGreaterThanEquals => Self::Numbers(intervals(Side::From, numbers())?),
            Test::DateEquals => Self::Moments(intervals(Side::At, moments())?),
            Test::DateLessThan => Self::Moments(intervals(Side::Below, moments())?),
            Test::DateLessThanEquals => Self::Moments(intervals(Side::UpTo, moments())?),
            Test::DateGreaterThan => Self::Moments(intervals(Side::Above, moments())?),
            Test::DateGreaterThanEquals => Self::Moments(intervals(Side::From, moments())?),
            _ => return None,
        })
    }

    /// Whether every value in these ranges is in one of the others.
    fn lie_within(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::Addresses(ours), Self::Addresses(theirs)) => {
                ours.iter().all(|our| theirs.iter().any(|their| their.contains(our)))
            }
            (Self::Numbers(ours), Self::Numbers(theirs))
            | (Self::Moments(ours), Self::Moments(theirs)) => {
                ours.iter().all(|our| theirs.iter().any(|their| our.lies_within(their)))
            }
            _ => false,
        }
    }

    /// Whether no value is in both.
    fn are_apart_from(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::Addresses(ours), Self::Addresses(theirs)) => {
                let apart =
                    |one: &IpNet, other: &IpNet| !one.contains(other) && !other.contains(one);
                ours.iter().all(|our| theirs.iter().all(|their| apart(our, their)))
            }
            (Self::Numbers(ours), Self::Numbers(theirs))
            | (Self::Moments(ours), Self::Moments(theirs)) => {
                ours.iter().all(|our| theirs.iter().all(|their| our.is_apart_from(their)))
            }
            _ => false,
        }
    }
}

/// On which side of a bound the values lie.
#[derive(Clone, Copy)]
enum Side {
    Below,
    UpTo,
    At,
    From,
    Above,
}

/// The values between two bounds, each with whether it belongs to them.
struct Interval {
    low: (f64, bool),
    high: (f64, bool),
}

impl Interval {
    fn of(side: Side, bound: f64) -> Self {
        let (least, most) = ((f64::NEG_INFINITY, false), (f64::INFINITY, false));
        let (low, high) = match side {
            Side::Below => (least, (bound, false)),
            Side::UpTo => (least, (bound, true)),
            Side::At => ((bound, true), (bound, true)),
            Side::From => ((bound, true), most),
            Side::Above => ((bound, false), most),
        };
        Self { low, high }
    }

    fn lies_within(&self, other: &Self) -> bool {
        let from =
            other.low.0 < self.low.0 || (other.low.0 == self.low.0 && (other.low.1 || !self.low.1));
        let to = other.high.0 > self.high.0
            || (other.high.0 == self.high.0 && (other.high.1 || !self.high.1));
        from && to
    }

    fn is_apart_from(&self, other: &Self) -> bool {
        let ends_before = |one: &Self, next: &Self| {
            one.high.0 < next.low.0 || (one.high.0 == next.low.0 && !(one.high.1 && next.low.1))
        };
        ends_before(self, other) || ends_before(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Operator;

    fn condition(operator: &str, values: &[&str]) -> Condition {
        let (operator, _) = Operator::parse(operator).expect("an operator");
        Condition::new(operator, "aws:SourceIp", values.iter().copied())
    }

    #[test]
    fn one_range_decides_another() {
        for (given, asked, expected) in [
            (
                ("IpAddress", vec!["192.0.2.0/24"]),
                ("NotIpAddress", vec!["192.0.0.0/16"]),
                Some(false),
            ),
            (("IpAddress", vec!["192.0.2.0/24"]), ("IpAddress", vec!["192.0.0.0/16"]), Some(true)),
            (("IpAddress", vec!["192.0.0.0/16"]), ("IpAddress", vec!["192.0.2.0/24"]), None),
            (
                ("IpAddress", vec!["2001:db8::/32"]),
                ("NotIpAddress", vec!["192.0.0.0/16"]),
                Some(true),
            ),
            (
                ("IpAddress", vec!["192.0.2.1", "203.0.113.0/24"]),
                ("IpAddress", vec!["192.0.2.0/24"]),
                None,
            ),
            (
                ("NotIpAddress", vec!["192.0.0.0/16"]),
                ("IpAddress", vec!["192.0.2.0/24"]),
                Some(false),
            ),
            (
                ("NotIpAddress", vec!["192.0.0.0/16"]),
                ("IpAddressIfExists", vec!["192.0.2.0/24"]),
                None,
            ),
            (("NotIpAddress", vec!["192.0.2.0/24"]), ("NotIpAddress", vec!["192.0.0.0/16"]), None),
            (("NumericLessThan", vec!["1.2"]), ("NumericLessThan", vec!["1.3"]), Some(true)),
            (("NumericLessThan", vec!["1.3"]), ("NumericLessThan", vec!["1.2"]), None),
            (
                ("NumericLessThan", vec!["1.2"]),
                ("NumericGreaterThanEquals", vec!["1.2"]),
                Some(false),
            ),
            (("NumericLessThanEquals", vec!["5"]), ("NumericGreaterThanEquals", vec!["5"]), None),
            (("NumericGreaterThan", vec!["10"]), ("NumericNotEquals", vec!["10"]), Some(true)),
            (
                ("DateLessThan", vec!["2026-01-01"]),
                ("DateLessThan", vec!["2027-01-01"]),
                Some(true),
            ),
            (
                ("DateLessThan", vec!["2026-01-01"]),
                ("DateGreaterThan", vec!["2026-06-01"]),
                Some(false),
            ),
            (("NumericLessThan", vec!["x"]), ("NumericLessThan", vec!["1.3"]), None),
            (("NumericLessThan", vec!["1.2"]), ("Null", vec!["true"]), Some(false)),
            (("NumericNotEquals", vec!["1.2"]), ("Null", vec!["true"]), None),
            (("NumericLessThan", vec!["1.2"]), ("DateLessThan", vec!["2027-01-01"]), None),
        ] {
            let (given, asked) = (condition(given.0, &given.1), condition(asked.0, &asked.1));
            assert_eq!(decided(&given, &asked), expected, "{given:?} {asked:?}");
        }
    }
}
