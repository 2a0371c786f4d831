//! Compiled conditions and their evaluation.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Condition operators", "Set operators for
//! multivalued context keys", "Single-valued vs. multivalued context keys".

use ipnet::IpNet;

use super::document::{Condition, LanguageVersion};
use super::matching::{ArnPattern, Pattern, Wildcards};
use super::operator::{Operator, SetPrefix, Test};
use super::request::RequestFacts;
use super::three_valued::Tri;
use super::values;

/// A compiled value of a condition.
#[derive(Clone, Debug)]
enum Value {
    Text(Pattern),
    Arn(ArnPattern),
    Number(f64),
    Instant(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    Range(IpNet),
    /// Not a value of its operator's type: matches nothing.
    Malformed,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct CompiledCondition {
    operator: Operator,
    /// In lower case.
    key: String,
    /// As the policy spells it.
    spelled: String,
    values: Vec<Value>,
}

impl CompiledCondition {
    /// Compiles a condition of a document of `version`.
    #[must_use]
    pub fn new(condition: &Condition, version: LanguageVersion) -> Self {
        let test = condition.operator.test;
        let values = condition
            .values
            .iter()
            .map(|item| compile(test, &item.text.symbolic(), version))
            .collect();
        Self {
            operator: condition.operator,
            key: condition.key.to_ascii_lowercase(),
            spelled: condition.key.clone(),
            values,
        }
    }

    /// The key as the policy spells it.
    #[must_use]
    pub fn spelled_key(&self) -> &str {
        &self.spelled
    }

    /// Whether the condition holds.
    #[must_use]
    pub fn holds(&self, facts: &mut RequestFacts<'_>) -> Tri {
        let Operator { test, prefix, if_exists } = self.operator;
        // Cloned because the values themselves may look at the facts, through variables.
        let found = facts.get(&self.key).map(|v| v.values().to_vec()).filter(|v| !v.is_empty());
        if test == Test::Null {
            let absent = found.is_none();
            return self
                .values
                .iter()
                .any(|v| matches!(v, Value::Bool(want) if *want == absent))
                .into();
        }
        // ForAllValues is also true, and ForAnyValue false, where the key is missing or resolves to a
        // null data set, such as an empty string ("Set operators for multivalued context keys").
        let null_set = |v: &[String]| v.iter().all(String::is_empty);
        match (prefix, found) {
            (None, None) => (if_exists || test.negated()).into(),
            (Some(SetPrefix::ForAllValues), None) => Tri::YES,
            (Some(SetPrefix::ForAnyValue), None) => if_exists.into(),
            (None, Some(given)) => match given.as_slice() {
                [one] => self.one(one, facts),
                // AWS asks for a set operator here and does not say what happens without.
                many => {
                    let each: Vec<Tri> = many.iter().map(|v| self.one(v, facts)).collect();
                    Tri { may: each.iter().any(|t| t.may), must: each.iter().all(|t| t.must) }
                }
            },
            (Some(SetPrefix::ForAllValues), Some(given)) => {
                if null_set(&given) {
                    return Tri::YES;
                }
                given.iter().fold(Tri::YES, |all, v| all.and(self.one(v, facts)))
            }
            (Some(SetPrefix::ForAnyValue), Some(given)) => {
                if null_set(&given) {
                    return Tri::NO;
                }
                given.iter().fold(Tri::NO, |any, v| any.or(self.one(v, facts)))
            }
        }
    }

    /// One value of the request against the listed ones: any of them, or none under negation.
    fn one(&self, given: &str, facts: &mut RequestFacts<'_>) -> Tri {
        let test = self.operator.test;
        let positive = test.positive();
        let typed = Typed::new(positive, given);
        let before = facts.unresolved();
        let hit = self.values.iter().fold(Tri::NO, |any, value| {
            if any.must { any } else { any.or(typed.matches(positive, value, facts)) }
        });
        if !test.negated() {
            hit
        } else if matches!(typed, Typed::Malformed) {
            // Whether a number differs from what is no number, no source says.
            Tri::DISPUTED
        } else if facts.unresolved() > before {
            // "If AWS cannot resolve a variable this might cause the entire statement to be invalid."
            hit.negate().and(Tri::DISPUTED)
        } else {
            hit.negate()
        }
    }
}

fn compile(test: Test, text: &str, version: LanguageVersion) -> Value {
    let pattern = |wildcards| Value::Text(Pattern::new(text, wildcards, version));
    match test.positive() {
        Test::StringLike => pattern(Wildcards::Active),
        Test::ArnEquals | Test::ArnLike => Value::Arn(ArnPattern::new(text, version)),
        Test::NumericEquals
        | Test::NumericLessThan
        | Test::NumericLessThanEquals
        | Test::NumericGreaterThan
        | Test::NumericGreaterThanEquals => {
            values::number(text).map_or(Value::Malformed, Value::Number)
        }
        Test::DateEquals
        | Test::DateLessThan
        | Test::DateLessThanEquals
        | Test::DateGreaterThan
        | Test::DateGreaterThanEquals => {
            values::instant(text).map_or(Value::Malformed, Value::Instant)
        }
        Test::Bool | Test::Null => values::boolean(text).map_or(Value::Malformed, Value::Bool),
        Test::BinaryEquals => values::base64(text).map_or(Value::Malformed, Value::Bytes),
        Test::IpAddress => values::cidr(text).map_or(Value::Malformed, Value::Range),
        _ => pattern(Wildcards::Literal),
    }
}

/// A value of the request, read once as its operator's type.
enum Typed<'g> {
    Text(&'g str),
    Number(f64),
    Instant(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    Range(IpNet),
    Malformed,
}

impl<'g> Typed<'g> {
    fn new(test: Test, given: &'g str) -> Self {
        match compile(test, given, LanguageVersion::V2008) {
            Value::Text(_) | Value::Arn(_) => Self::Text(given),
            Value::Number(n) => Self::Number(n),
            Value::Instant(i) => Self::Instant(i),
            Value::Bool(b) => Self::Bool(b),
            Value::Bytes(b) => Self::Bytes(b),
            Value::Range(r) => Self::Range(r),
            Value::Malformed => Self::Malformed,
        }
    }

    fn matches(&self, test: Test, value: &Value, facts: &mut RequestFacts<'_>) -> Tri {
        match (self, value) {
            (Self::Text(given), Value::Text(pattern)) => match test {
                Test::StringEqualsIgnoreCase => pattern.matches_ignoring_case(given, facts).into(),
                _ => pattern.matches(given, facts).into(),
            },
            (Self::Text(given), Value::Arn(pattern)) => pattern.matches_condition(given, facts),
            (Self::Number(a), Value::Number(b)) => compare(test, a.partial_cmp(b)).into(),
            (Self::Instant(a), Value::Instant(b)) => compare(test, Some(a.cmp(b))).into(),
            (Self::Bool(a), Value::Bool(b)) => (a == b).into(),
            (Self::Bytes(a), Value::Bytes(b)) => (a == b).into(),
            (Self::Range(a), Value::Range(b)) => b.contains(a).into(),
            _ => Tri::NO,
        }
    }
}

fn compare(test: Test, order: Option<std::cmp::Ordering>) -> bool {
    let Some(order) = order else { return false };
    match test {
        Test::NumericLessThan | Test::DateLessThan => order.is_lt(),
        Test::NumericLessThanEquals | Test::DateLessThanEquals => order.is_le(),
        Test::NumericGreaterThan | Test::DateGreaterThan => order.is_gt(),
        Test::NumericGreaterThanEquals | Test::DateGreaterThanEquals => order.is_ge(),
        _ => order.is_eq(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{ContextValue, RequestContext};
    use super::*;

    fn holds(operator: &str, values: &[&str], given: Option<ContextValue>) -> Tri {
        let (operator, _) = Operator::parse(operator).expect("operator");
        let condition = Condition::new(operator, "k:K", values.iter().copied());
        let mut context = RequestContext::default().with("k:var", "filled*");
        if let Some(given) = given {
            context.set("K:k", given);
        }
        CompiledCondition::new(&condition, LanguageVersion::V2012)
            .holds(&mut RequestFacts::new(&context, Vec::new()))
    }

    fn one(value: &str) -> Option<ContextValue> {
        Some(value.into())
    }

    fn many(values: &[&str]) -> Option<ContextValue> {
        Some(ContextValue::Many(values.iter().map(|v| (*v).to_owned()).collect()))
    }

    #[test]
    fn every_comparison() {
        for (operator, value, given, expected) in [
            ("StringEquals", "a", "a", true),
            ("StringEquals", "a", "A", false),
            ("StringEquals", "a*", "ab", false),
            ("StringEqualsIgnoreCase", "aB", "Ab", true),
            ("StringNotEqualsIgnoreCase", "aB", "Ab", false),
            ("StringLike", "a*:c", "a:b:c", true),
            ("StringNotLike", "a?", "ab", false),
            ("StringEquals", "${k:var}", "filled*", true),
            ("StringLike", "${k:var}", "filledx", false),
            ("StringEquals", "${k:none, 'd'}", "d", true),
            ("StringEquals", "${k:none}", "", false),
            ("NumericEquals", "5", "5.0", true),
            ("NumericNotEquals", "5", "6", true),
            ("NumericLessThan", "5", "4", true),
            ("NumericLessThan", "5", "5", false),
            ("NumericLessThanEquals", "5", "5", true),
            ("NumericGreaterThan", "5", "6", true),
            ("NumericGreaterThanEquals", "5", "4.99", false),
            ("NumericLessThan", "10", "9", true),
            ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", true),
            ("DateGreaterThan", "2026-01-01", "2026-01-01T00:00:01+00:00", true),
            ("DateEquals", "0", "1970-01-01", true),
            ("DateNotEquals", "1970", "1970-01-01T00:00:00Z", false),
            ("DateLessThanEquals", "1970", "0", true),
            ("DateGreaterThanEquals", "1970", "0", true),
            ("Bool", "true", "TRUE", true),
            ("Bool", "false", "true", false),
            ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", true),
            ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", false),
            ("IpAddress", "203.0.113.0/24", "203.0.113.9", true),
            ("IpAddress", "203.0.113.0/24", "203.0.114.9", false),
            ("IpAddress", "2001:db8::/32", "2001:db8:1::5", true),
            ("IpAddress", "203.0.113.9", "203.0.113.9", true),
            ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", false),
            ("IpAddress", "0.0.0.0/0", "::1", false),
            ("ArnLike", "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/a/b", true),
            ("ArnEquals", "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/a/b", true),
            ("ArnNotLike", "arn:aws:iam::*:role/*", "arn:aws:iam::1:user/a", true),
            ("ArnNotEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", false),
            ("NumericLessThan", "5", "x", false),
            ("Bool", "true", "yes", false),
        ] {
            assert_eq!(
                holds(operator, &[value], one(given)),
                expected.into(),
                "{operator} {value} {given}"
            );
        }
    }

    /// IAM User Guide, "ARN condition operators" against "String condition operators": a star of
    /// `ArnLike` stays within its component, one of `StringLike` crosses colons.
    #[test]
    fn arn_like_matches_per_segment_and_string_like_across() {
        let (pattern, given) = ("arn:aws:*:role/x", "arn:aws:iam::111122223333:role/x");
        assert_eq!(holds("StringLike", &[pattern], one(given)), Tri::YES);
        assert_eq!(holds("ArnLike", &[pattern], one(given)), Tri::NO);
    }

    /// IAM User Guide, "Condition operators": a key that is not in the request makes a condition
    /// false, and one that requires *no* match (negated operators) true.
    #[test]
    fn a_missing_key_fails_positive_operators_and_passes_negated_ones() {
        for (operator, value) in [
            ("StringEquals", "a"),
            ("StringLike", "*"),
            ("Bool", "true"),
            ("IpAddress", "0.0.0.0/0"),
            ("NumericLessThan", "5"),
            ("ArnLike", "arn:aws:iam::1:role/x"),
        ] {
            assert_eq!(holds(operator, &[value], None), Tri::NO, "{operator}");
            assert_eq!(
                holds(&format!("{operator}IfExists"), &[value], None),
                Tri::YES,
                "{operator}"
            );
        }
        for (operator, value) in [
            ("StringNotEquals", "a"),
            ("StringNotLike", "*"),
            ("NotIpAddress", "0.0.0.0/0"),
            ("ArnNotLike", "arn:aws:iam::1:role/x"),
        ] {
            assert_eq!(holds(operator, &[value], None), Tri::YES, "{operator}");
        }
    }

    /// IAM User Guide, "Null condition operator".
    #[test]
    fn null_tests_presence() {
        assert_eq!(holds("Null", &["true"], None), Tri::YES);
        assert_eq!(holds("Null", &["true"], one("x")), Tri::NO);
        assert_eq!(holds("Null", &["false"], one("x")), Tri::YES);
        assert_eq!(holds("Null", &["false"], None), Tri::NO);
        assert_eq!(holds("Null", &["true", "false"], None), Tri::YES);
    }

    /// IAM User Guide, "Set operators for multivalued context keys".
    #[test]
    fn set_operators() {
        for (operator, values, given, expected) in [
            ("ForAllValues:StringEquals", vec!["a", "b"], many(&["a"]), true),
            ("ForAllValues:StringEquals", vec!["a", "b"], many(&["a", "c"]), false),
            ("ForAllValues:StringEquals", vec!["a"], None, true),
            ("ForAllValues:StringEquals", vec!["a"], many(&[]), true),
            ("ForAllValues:StringEquals", vec!["a"], many(&[""]), true),
            ("ForAnyValue:StringEquals", vec!["a", "b"], many(&["c", "b"]), true),
            ("ForAnyValue:StringEquals", vec!["a"], many(&["c"]), false),
            ("ForAnyValue:StringEquals", vec!["a"], None, false),
            ("ForAnyValue:StringNotEquals", vec!["a"], None, false),
            ("ForAnyValue:StringEqualsIfExists", vec!["a"], None, true),
            ("ForAnyValue:StringNotEquals", vec!["a", "b"], many(&["a", "c"]), true),
            ("ForAnyValue:StringNotEquals", vec!["a", "b"], many(&["a", "b"]), false),
            ("ForAllValues:StringNotEquals", vec!["a", "b"], many(&["c", "d"]), true),
            ("ForAllValues:StringNotEquals", vec!["a", "b"], many(&["c", "b"]), false),
        ] {
            assert_eq!(holds(operator, &values, given), expected.into(), "{operator} {values:?}");
        }
    }

    #[test]
    fn a_variable_without_value_matches_nothing_and_is_disputed_under_negation() {
        assert_eq!(holds("StringEquals", &["${k:none}"], one("")), Tri::NO);
        assert_eq!(holds("StringNotEquals", &["${k:none}"], one("x")), Tri::DISPUTED);
    }

    /// IAM User Guide, "Logic for multiple context keys or values": several values of a negated
    /// operator are joined by NOR.
    #[test]
    fn negated_lists_are_nor() {
        assert_eq!(holds("StringNotEquals", &["a", "b"], one("b")), Tri::NO);
        assert_eq!(holds("StringNotEquals", &["a", "b"], one("c")), Tri::YES);
    }
}
