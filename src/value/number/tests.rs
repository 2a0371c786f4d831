//! Terraform 1.11.4's own answers, where a number is computed.

use super::*;

fn number(text: &str) -> Number {
    Number::parse(text).expect(text)
}

const THIRD: &str = "0.33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333335";

#[test]
fn operations_round_to_512_bits() {
    type Operation = fn(&Number, &Number) -> Option<Number>;
    let cases: [(&str, Operation, &str, &str); 18] = [
        ("0.1", Number::plus, "0.2", "0.3"),
        (
            "0.3",
            Number::minus,
            "0.1",
            "0.20000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002",
        ),
        ("19.99", Number::times, "100", "1999"),
        ("0.3", Number::divided_by, "0.1", "3"),
        ("1", Number::divided_by, "3", THIRD),
        (THIRD, Number::times, "3", "1"),
        (
            "5",
            Number::remainder,
            "0.3",
            "0.19999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999976",
        ),
        ("-7", Number::remainder, "3", "-1"),
        ("1e100", Number::remainder, "7", "4"),
        ("9223372036854775807", Number::plus, "1", "9223372036854775808"),
        ("-9223372036854775808", Number::minus, "1", "-9223372036854775809"),
        ("9223372036854775808", Number::minus, "1", "9223372036854775807"),
        ("-9223372036854775808", Number::divided_by, "-1", "9223372036854775808"),
        ("-9223372036854775808", Number::remainder, "-1", "0"),
        ("50", Number::log, "10", "1.6989700043360185"),
        ("2", Number::pow, "200", "1606938044258990300000000000000000000000000000000000000000000"),
        ("3", Number::pow, "100", "515377520732011400000000000000000000000000000000"),
        ("1.1", Number::pow, "30", "17.449402268886445"),
    ];
    for (a, operation, b, wanted) in cases {
        let result = operation(&number(a), &number(b)).expect(a);
        assert_eq!(result.to_string(), wanted, "{a} {b}");
    }
    // A double's digits are the shortest of a double; once more computed, all of them are there.
    let logarithm = number("50").log(&number("10")).unwrap();
    let sum = logarithm.plus(&Number::Int(0)).unwrap();
    assert_eq!(sum.to_string(), "1.6989700043360185244267768212012015283107757568359375");
    assert_eq!(sum, logarithm);
    assert!(!logarithm.outlives_its_text() && sum.outlives_its_text());
    assert_eq!(number("1").divided_by(&number("0")), None);
    assert_eq!(number("0").log(&number("10")), None);
    assert_eq!(number("1e4000").times(&number("1e4000")), None);
}

#[test]
fn texts_are_read_as_go_reads_them() {
    for (text, wanted) in [
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1p3", "8"),
        ("-1.50e1", "-15"),
        ("00012", "12"),
        ("-0", "0"),
        ("1e21", "1000000000000000000000"),
        ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        ("0.1234567890123456789012345678901234567890", "0.123456789012345678901234567890123456789"),
    ] {
        assert_eq!(number(text).to_string(), wanted, "{text}");
    }
    for text in [
        "",
        "-",
        ".",
        "e1",
        "1e",
        "1e+",
        "1_000",
        "0x10",
        " 5",
        "5 ",
        "inf",
        "NaN",
        "1e99999999999",
    ] {
        assert_eq!(Number::parse(text), None, "{text}");
    }
}

#[test]
fn whole_numbers_around_a_fraction() {
    let fraction = number("-1").divided_by(&number("3")).unwrap();
    assert_eq!(fraction.floor(), Some(Number::Int(-1)));
    assert_eq!(fraction.ceil(), Some(Number::Int(0)));
    assert_eq!(number("1e30").floor(), Some(number("1e30")));
    assert_eq!(number("19.99").times(&number("100")).unwrap().floor(), Some(Number::Int(1999)));
}

#[test]
fn formats_are_those_of_go() {
    let third = number("1").divided_by(&number("3")).unwrap();
    assert_eq!(third.decimal().fixed(6), "0.333333");
    assert_eq!(third.decimal().scientific(6), "3.333333e-01");
    assert_eq!(third.general(Some(3)), "0.333");
    assert_eq!(third.general(None), THIRD);
    assert_eq!(number("1000000").general(None), "1e+06");
    assert_eq!(number("0.00001").general(None), "1e-05");
    assert_eq!(number("0").decimal().scientific(2), "0.00e+00");
    assert_eq!(number("2.5").decimal().fixed(0), "2");
    assert_eq!(number("0.006").decimal().fixed(2), "0.01");
    assert_eq!(number("0.0001").decimal().fixed(2), "0.00");
    assert_eq!(number("99.99").decimal().fixed(1), "100.0");
}

#[test]
fn order_and_json_keep_every_digit() {
    let mut sorted: Vec<Number> = [
        "1e30",
        "0",
        "-1e30",
        "0.5",
        "-0.5",
        "9223372036854775808",
        "9223372036854775807",
        "1e-30",
    ]
    .map(number)
    .into();
    sorted.sort();
    let texts: Vec<String> = sorted.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "-1000000000000000000000000000000",
            "-0.5",
            "0",
            "0.000000000000000000000000000001",
            "0.5",
            "9223372036854775807",
            "9223372036854775808",
            "1000000000000000000000000000000"
        ]
    );
    for text in [THIRD, "1e30", "-0.1", "18446744073709551615", "7"] {
        let json = serde_json::Value::Number(number(text).to_json()).to_string();
        let read: serde_json::Number = serde_json::from_str(&json).unwrap();
        assert_eq!(Number::from_json(&read), Some(number(text)), "{text}");
    }
    // What was written as a double reads as the digits that it was written with.
    let read: serde_json::Number = serde_json::from_str("1e300").unwrap();
    assert_eq!(Number::from_json(&read), Some(number("1e300")));
}

#[test]
fn doubles_come_back() {
    for float in [0.1, -2.5, 1e300, 5e-324, f64::MIN_POSITIVE, f64::MAX, 3.0, 0.0, -1e-310] {
        let there = Number::from_f64(float).expect("finite");
        assert_eq!(there.as_f64(), float);
        assert_eq!(number(&there.to_string()).as_f64(), float, "{there}");
    }
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(number("1e400").as_f64(), f64::INFINITY);
}
