//! Condition operators: the comparison, its set prefix and its `IfExists` suffix.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use std::fmt;

/// What a condition operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// Exact, case-sensitive.
    StringEquals,
    /// Exact, case-sensitive, negated.
    StringNotEquals,
    /// Exact, ignoring case.
    StringEqualsIgnoreCase,
    /// Exact, ignoring case, negated.
    StringNotEqualsIgnoreCase,
    /// With `*` and `?` across the whole value.
    StringLike,
    /// With `*` and `?`, negated.
    StringNotLike,
    /// Equal numbers.
    NumericEquals,
    /// Different numbers.
    NumericNotEquals,
    /// Request below policy value.
    NumericLessThan,
    /// Request at most the policy value.
    NumericLessThanEquals,
    /// Request above policy value.
    NumericGreaterThan,
    /// Request at least the policy value.
    NumericGreaterThanEquals,
    /// The same instant.
    DateEquals,
    /// Another instant.
    DateNotEquals,
    /// Before.
    DateLessThan,
    /// Before or at.
    DateLessThanEquals,
    /// After.
    DateGreaterThan,
    /// After or at.
    DateGreaterThanEquals,
    /// `true` or `false`.
    Bool,
    /// Base64, byte for byte.
    BinaryEquals,
    /// Within a CIDR range.
    IpAddress,
    /// Outside every CIDR range.
    NotIpAddress,
    /// ARN by segments; `*` and `?` work here as in `ArnLike`.
    ArnEquals,
    /// ARN by segments, negated.
    ArnNotEquals,
    /// ARN by segments.
    ArnLike,
    /// ARN by segments, negated.
    ArnNotLike,
    /// Whether the key is absent.
    Null,
}

/// Every test with its name in a policy.
pub const TESTS: [(&str, Test); 27] = [
    ("StringEquals", Test::StringEquals),
    ("StringNotEquals", Test::StringNotEquals),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase),
    ("StringNotEqualsIgnoreCase", Test::StringNotEqualsIgnoreCase),
    ("StringLike", Test::StringLike),
    ("StringNotLike", Test::StringNotLike),
    ("NumericEquals", Test::NumericEquals),
    ("NumericNotEquals", Test::NumericNotEquals),
    ("NumericLessThan", Test::NumericLessThan),
    ("NumericLessThanEquals", Test::NumericLessThanEquals),
    ("NumericGreaterThan", Test::NumericGreaterThan),
    ("NumericGreaterThanEquals", Test::NumericGreaterThanEquals),
    ("DateEquals", Test::DateEquals),
    ("DateNotEquals", Test::DateNotEquals),
    ("DateLessThan", Test::DateLessThan),
    ("DateLessThanEquals", Test::DateLessThanEquals),
    ("DateGreaterThan", Test::DateGreaterThan),
    ("DateGreaterThanEquals", Test::DateGreaterThanEquals),
    ("Bool", Test::Bool),
    ("BinaryEquals", Test::BinaryEquals),
    ("IpAddress", Test::IpAddress),
    ("NotIpAddress", Test::NotIpAddress),
    ("ArnEquals", Test::ArnEquals),
    ("ArnNotEquals", Test::ArnNotEquals),
    ("ArnLike", Test::ArnLike),
    ("ArnNotLike", Test::ArnNotLike),
    ("Null", Test::Null),
];

impl Test {
    /// The operator's name, without prefix and suffix.
    #[must_use]
    pub fn name(self) -> &'static str {
        TESTS.iter().find(|(_, test)| *test == self).map_or("Null", |(name, _)| name)
    }

    /// Whether this is a negated comparison: true when the key is missing, and true only if *no*
    /// listed value matches.
    #[must_use]
    pub fn negated(self) -> bool {
        self.positive() != self
    }

    /// The comparison that this one negates, or itself.
    #[must_use]
    pub fn positive(self) -> Self {
        match self {
            Self::StringNotEquals => Self::StringEquals,
            Self::StringNotEqualsIgnoreCase => Self::StringEqualsIgnoreCase,
            Self::StringNotLike => Self::StringLike,
            Self::NumericNotEquals => Self::NumericEquals,
            Self::DateNotEquals => Self::DateEquals,
            Self::NotIpAddress => Self::IpAddress,
            Self::ArnNotEquals => Self::ArnEquals,
            Self::ArnNotLike => Self::ArnLike,
            other => other,
        }
    }

    /// The test under the one name that normal forms use: `ArnEquals` and `ArnLike` behave alike.
    #[must_use]
    pub fn canonical(self) -> Self {
        match self {
            Self::ArnEquals => Self::ArnLike,
            Self::ArnNotEquals => Self::ArnNotLike,
            other => other,
        }
    }
}

/// How an operator treats a key with many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetPrefix {
    /// `ForAllValues:` every value of the request must match; true when there is none.
    ForAllValues,
    /// `ForAnyValue:` one value of the request must match; false when there is none.
    ForAnyValue,
}

/// A condition operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    /// The comparison.
    pub test: Test,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub prefix: Option<SetPrefix>,
    /// Whether a missing key makes it true.
    pub if_exists: bool,
}

impl Operator {
    /// The plain operator of a test.
    #[must_use]
    pub fn new(test: Test) -> Self {
        Self { test, prefix: None, if_exists: false }
    }

    /// Reads an operator's name in any case; the flag says whether the case was AWS's own.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let (prefix, rest) = match text.split_once(':') {
            Some((p, rest)) if p.eq_ignore_ascii_case("ForAllValues") => {
                (Some(SetPrefix::ForAllValues), rest)
            }
            Some((p, rest)) if p.eq_ignore_ascii_case("ForAnyValue") => {
                (Some(SetPrefix::ForAnyValue), rest)
            }
            Some(_) => return None,
            None => (None, text),
        };
        let stem_len = rest.len().saturating_sub("IfExists".len());
        let (stem, if_exists) = match (rest.get(..stem_len), rest.get(stem_len..)) {
            (Some(stem), Some(end)) if end.eq_ignore_ascii_case("IfExists") => (stem, true),
            _ => (rest, false),
        };
        let (_, test) = TESTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(stem))?;
        // `IfExists` may end any operator's name but that of `Null`.
        if if_exists && *test == Test::Null {
            return None;
        }
        let operator = Self { test: *test, prefix, if_exists };
        Some((operator, operator.to_string() == text))
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(SetPrefix::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(SetPrefix::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        f.write_str(self.test.name())?;
        if self.if_exists { f.write_str("IfExists") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_survives_its_name() {
        for (_, test) in TESTS {
            for prefix in [None, Some(SetPrefix::ForAllValues), Some(SetPrefix::ForAnyValue)] {
                for if_exists in [false, true] {
                    let operator = Operator { test, prefix, if_exists };
                    let parsed = Operator::parse(&operator.to_string());
                    if test == Test::Null && if_exists {
                        assert_eq!(parsed, None);
                    } else {
                        assert_eq!(parsed, Some((operator, true)));
                    }
                }
            }
        }
        for text in [
            "",
            "IfExists",
            "StringIs",
            "ForSome:StringEquals",
            "ForAnyValue:",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
        assert!(matches!(Operator::parse("stringequalsifexists"), Some((_, false))));
    }
}
