//! The forms of values in policies: numbers, instants, addresses, principals, variables.

use std::net::IpAddr;

use ipnet::IpNet;

use super::operator::Test;

/// A text in a policy that only looks like a variable: `${Account}` (no colon) or `<account>`.
///
/// IAM variables are `${prefix:key}`, with an optional default `${prefix:key, 'text'}`, and the
/// escapes `${*}`, `${?}`, `${$}` (IAM User Guide, "Policy elements: Variables and tags").
#[must_use]
pub fn odd_placeholder(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let tail = rest.get(at..).unwrap_or_default();
        let Some(len) = tail.find('}') else { return Some(tail) };
        let whole = tail.get(..=len).unwrap_or_default();
        let inner = tail.get(2..len).unwrap_or_default();
        let key = inner.split(',').next().unwrap_or_default().trim();
        let ok = matches!(inner, "*" | "?" | "$")
            || key.split_once(':').is_some_and(|(prefix, name)| {
                !prefix.is_empty()
                    && !name.is_empty()
                    && !key.contains(char::is_whitespace)
                    && !key.contains(['{', '$'])
            });
        if !ok {
            return Some(whole);
        }
        rest = tail.get(len + 1..).unwrap_or_default();
    }
    let start = text.find('<')?;
    let len = text.get(start..)?.find('>')?;
    text.get(start..=start + len).filter(|p| p.len() > 2)
}

/// Why a text cannot be a value of a condition operator, as advice.
#[must_use]
pub fn value_problem(test: Test, text: &str) -> Option<&'static str> {
    let (ok, wanted) = match test.positive() {
        Test::NumericEquals
        | Test::NumericLessThan
        | Test::NumericLessThanEquals
        | Test::NumericGreaterThan
        | Test::NumericGreaterThanEquals => (number(text).is_some(), "write a number"),
        Test::DateEquals
        | Test::DateLessThan
        | Test::DateLessThanEquals
        | Test::DateGreaterThan
        | Test::DateGreaterThanEquals => (
            instant(text).is_some(),
            "write a date such as `2027-01-31T00:00:00Z`, or epoch seconds",
        ),
        Test::Bool | Test::Null => (boolean(text).is_some(), "write `true` or `false`"),
        Test::IpAddress => {
            (cidr(text).is_some(), "write an address or CIDR range, such as `203.0.113.0/24`")
        }
        Test::BinaryEquals => (base64(text).is_some(), "write base64"),
        _ => (true, ""),
    };
    (!ok).then_some(wanted)
}

/// A number of a numeric condition.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // `parse` also takes "inf" and "nan", which no policy means.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

/// A boolean, in any case.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A CIDR range; a bare address is a range of one.
#[must_use]
pub fn cidr(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(net) => Some(net),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// The bytes of a base64 text.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An instant in milliseconds since 1970: an ISO 8601 date of the W3C profile, or epoch seconds.
///
/// Source: IAM User Guide, "Date condition operators".
#[must_use]
pub fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let date_like = text.len() == 4 || text.as_bytes().get(4) == Some(&b'-');
    if !date_like {
        let seconds = number(text)?;
        // Within the range of years that `days` handles.
        return (seconds.abs() < 1e12).then(|| to_millis(seconds));
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = digits(fields.next()?, 4)?;
    let month = fields.next().map_or(Some(1), |f| digits(f, 2))?;
    let day = fields.next().map_or(Some(1), |f| digits(f, 2))?;
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400_000;
    match time {
        None => Some(midnight),
        Some(time) => Some(midnight + time_of_day(time)?),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the caller bounds the value to 1e12 seconds")]
fn to_millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

fn digits(text: &str, len: usize) -> Option<i64> {
    (text.len() == len && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn time_of_day(text: &str) -> Option<i64> {
    let (clock, zone) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (text.get(..at)?, text.get(at..)?),
        None => (text, "Z"),
    };
    let mut fields = clock.split(':');
    let (hour, minute) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let millis = match fields.next() {
        None => 0,
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
            digits(whole, 2).filter(|s| *s <= 60)? * 1000 + digits(&fraction, 3)?
        }
    };
    if fields.next().is_some() || hour > 24 || minute > 59 {
        return None;
    }
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (h, m) =
                zone.get(1..)?.split_once(':').or_else(|| zone.get(1..)?.split_at_checked(2))?;
            sign * (digits(h, 2)? * 60 + digits(m, 2)?)
        }
    };
    Some((hour * 60 + minute - offset) * 60_000 + millis)
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Whether a text is twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Why a text cannot be a principal of type `AWS`, as advice.
#[must_use]
pub fn aws_principal_problem(text: &str) -> Option<&'static str> {
    if text == "*" || is_account_id(text) {
        return None;
    }
    if text.contains(['*', '?']) {
        return Some(
            "a principal cannot hold wildcards; use `*` with a condition on `aws:PrincipalArn`",
        );
    }
    // A principal that was deleted: AWS shows its unique id.
    let unique = |prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= 12 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
    };
    if unique("AROA") || unique("AIDA") {
        return None;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, resource] = parts.as_slice() else {
        return Some("write an account id, the ARN of an account, user, role or session, or `*`");
    };
    if !partition.starts_with("aws") {
        return Some("the ARN's partition is unknown");
    }
    // CloudFront's origin access identities live in an account of that name.
    if !is_account_id(account) && *account != "cloudfront" {
        return Some("the account in the ARN must be 12 digits");
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    match (*service, kind) {
        ("iam", "root") if name.is_empty() && !resource.contains('/') => None,
        ("iam", "user" | "role") if !name.is_empty() => None,
        ("iam", "group") => Some("a group cannot be a principal: name its users or a role"),
        ("sts", "assumed-role") if name.split('/').filter(|s| !s.is_empty()).count() == 2 => None,
        ("sts", "assumed-role") => Some("write `assumed-role/ROLE/SESSION`"),
        ("sts", "federated-user") if !name.is_empty() => None,
        ("sts", "self") => None,
        _ => Some("only accounts, users, roles and sessions can be principals"),
    }
}

/// Why a text cannot be a service principal, as advice.
#[must_use]
pub fn service_principal_problem(text: &str) -> Option<&'static str> {
    let label = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if text == "*" || (text.contains('.') && text.split('.').all(label)) {
        None
    } else {
        Some("write the service's host name, such as `lambda.amazonaws.com`")
    }
}

/// Why a text cannot be a federated principal, as advice.
#[must_use]
pub fn federated_principal_problem(text: &str) -> Option<&'static str> {
    const KNOWN: [&str; 4] = [
        "cognito-identity.amazonaws.com",
        "www.amazon.com",
        "graph.facebook.com",
        "accounts.google.com",
    ];
    if text == "*" || KNOWN.contains(&text) {
        return None;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, resource]
            if is_account_id(account)
                && (resource.starts_with("oidc-provider/")
                    || resource.starts_with("saml-provider/")) =>
        {
            None
        }
        ["arn", _, "sts", "", account, "self"] if is_account_id(account) => None,
        _ => Some("write the ARN of an OIDC or SAML provider"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_every_form() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970", 0),
            ("1970-01", 0),
            ("2000-03-01", 951_868_800_000),
            ("2026-11-23T10:00:00.5Z", 1_795_428_000_500),
            ("2026-11-23T12:00:00+02:00", 1_795_428_000_000),
            ("2026-11-23T10:00Z", 1_795_428_000_000),
            ("1795428000", 1_795_428_000_000),
        ] {
            assert_eq!(instant(text), Some(millis), "{text}");
        }
        for text in [
            "",
            "x",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T00:00:00+",
            "1e99",
            "20\u{e9}6",
            "2026-01-01T00:00+\u{e9}\u{e9}",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn variables_and_what_only_looks_like_one() {
        for text in [
            "x",
            "${aws:username}",
            "a${saml:x/y}b${*}",
            "${aws:PrincipalTag/t, 'd'}",
            "a < b",
            "<>",
        ] {
            assert_eq!(odd_placeholder(text), None, "{text}");
        }
        for (text, odd) in [
            ("a${Account}b", "${Account}"),
            ("${", "${"),
            ("${}", "${}"),
            ("<x>", "<x>"),
            ("${aws:x}<y>", "<y>"),
        ] {
            assert_eq!(odd_placeholder(text), Some(odd), "{text}");
        }
    }
}
