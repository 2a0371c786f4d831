//! What an answer says that is none of the operation's own: throttling, clocks, keys, closed accounts,
//! pages for people, and what nobody understands.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;

use super::codes::{self, CodeMeaning};
use super::{Cause, CauseKind};
use crate::trace::Destination;

/// What to do where something for people stands in between.
const PORTAL: &str = "a proxy or a captive portal stands between here and AWS: sign in to it, or let it pass these calls (`NO_PROXY`)";
/// Regions that no account can switch off: those from before 20 March 2019, and Osaka. All others are switched on first.
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
const ALWAYS_ENABLED: [&str; 21] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];
/// How much of a body is looked at.
const HEAD: usize = 4096;

/// What an answer that is no success says.
pub(super) fn refused(
    answer: &HttpResponse,
    code: Option<&str>,
    message: &str,
    place: Option<&Destination>,
    endpoint: &str,
) -> Option<Cause> {
    let status = answer.status().as_u16();
    let body = answer.body().bytes().unwrap_or_default();
    let said = code.and_then(codes::meaning);
    // AWS implements what the SDK asks: from there, the words of the answer tell more than its status.
    let emulated = place.is_none_or(|place| place.configured);
    if code.is_none()
        && let Some(title) = title(body).or_else(|| without_body(answer))
    {
        return Some(web_page(status, &title, endpoint, emulated));
    }
    if code.is_none()
        && region_of(answer).is_none()
        && let Some(host) = redirected(answer)
    {
        return Some(Cause::new(
            CauseKind::WebPage,
            format!("`{endpoint}` answered with a redirect to `{host}` (status {status})"),
            PORTAL,
        ));
    }
    if said == Some(CodeMeaning::Throttled) || status == 429 {
        let what = match message.trim() {
            "" => format!("`{endpoint}` answered with status {status}"),
            message => message.to_owned(),
        };
        return Some(Cause::new(
            CauseKind::Throttled,
            format!("throttled: {what}"),
            "wait a minute and run again; a smaller `--parallelism` asks less at once",
        ));
    }
    if is_skewed(said, message) {
        return Some(skewed(answer.headers().get("date")));
    }
    if said == Some(CodeMeaning::Expired) {
        return Some(Cause::new(
            CauseKind::Expired,
            "the session of the credentials has expired",
            "renew the credentials (`aws sso login`, or a new session token) and run again",
        ));
    }
    if said == Some(CodeMeaning::UnknownKey) {
        let region = place.map(|place| place.region.as_str()).filter(|region| !region.is_empty());
        let advice = match region {
            Some(region) if ALWAYS_ENABLED.contains(&region) => format!(
                "check the access key and its session token: the key was deleted or switched off, or the token is another's \
                 (the Region `{region}` is enabled in every account)"
            ),
            Some(region) => format!(
                "the Region `{region}` may not be enabled in the account, if the same credentials work elsewhere (AWS console: Account, AWS Regions); \
                 else check the access key and its session token"
            ),
            None => "check the access key and its session token".to_owned(),
        };
        return Some(Cause::new(CauseKind::UnknownKey, message.trim().to_owned(), advice));
    }
    if said == Some(CodeMeaning::RegionDisabled) {
        let region = place.map_or("", |place| place.region.as_str());
        return Some(Cause::new(
            CauseKind::RegionDisabled,
            message.trim().to_owned(),
            format!(
                "enable the Region `{region}` in the account (AWS console: Account, AWS Regions), or set another `region`"
            ),
        ));
    }
    let asked = place.map(|place| place.region.as_str()).filter(|asked| !asked.is_empty());
    // S3 tells the Region of a bucket with other errors too.
    if let Some(region) = region_of(answer).filter(|region| Some(region.as_str()) != asked) {
        let not = asked.map(|asked| format!(", not in `{asked}`")).unwrap_or_default();
        return Some(Cause::new(
            CauseKind::OtherRegion,
            format!("the bucket lies in the Region `{region}`{not}"),
            format!("set the Region `{region}` for it"),
        ));
    }
    if is_closed(said, message) {
        return Some(Cause::new(
            CauseKind::AccountClosed,
            match message.trim() {
                "" => "the account is closed or suspended".to_owned(),
                message => format!("the account is closed or suspended: {message}"),
            },
            "reopen it within 90 days through AWS Support, or take its block out of the configuration",
        ));
    }
    if emulated && (status == 501 || said == Some(CodeMeaning::NotImplemented)) {
        return Some(not_implemented(endpoint));
    }
    // AWS names an error in every refusal that has a body; proxies and gateways send words of their own. Of what is not
    // there whoever asked knows more.
    if code.is_none() && status >= 400 && status != 404 && !body.trim_ascii().is_empty() {
        return Some(Cause::new(
            CauseKind::WebPage,
            format!("`{endpoint}` answered with status {status} and no error of AWS's"),
            PORTAL,
        ));
    }
    // A success without the operation's form, or a body that holds no error.
    (code.is_none() && status < 300).then(|| garbled(endpoint))
}

/// The region that a bucket lies in, where S3 refuses to answer because it was asked for in another one: in a header, which
/// `HEAD` has too, or in the body.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (`PermanentRedirect`,
/// `AuthorizationHeaderMalformed`)
pub(crate) fn region_of(answer: &HttpResponse) -> Option<String> {
    if !matches!(answer.status().as_u16(), 301 | 307 | 400) {
        return None;
    }
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
    let of_body = || Some(body.split_once("<Region>")?.1.split_once("</Region>")?.0);
    let region = answer.headers().get("x-amz-bucket-region").or_else(of_body)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!region.is_empty() && region.chars().all(plain)).then(|| region.to_owned())
}

/// Whether the same request can be answered otherwise a little later.
pub(super) fn may_pass(code: &str, status: u16) -> bool {
    let says_so = matches!(codes::meaning(code), Some(CodeMeaning::Throttled | CodeMeaning::Busy));
    says_so || status == 429 || status >= 500
}

/// The time of a request has run out among its attempts, the last of which was refused. What became of the request is
/// as little known as without an answer.
pub(super) fn ran_out(refusal: &str, endpoint: &str) -> Cause {
    let (what, advice) = if codes::meaning(refusal) == Some(CodeMeaning::Throttled)
        || refusal == "status 429"
    {
        ("throttled: ", "wait a minute and run again; a smaller `--parallelism` asks less at once")
    } else {
        ("", "AWS, or what stands before it, does not work: wait a minute and run again")
    };
    Cause::new(
        CauseKind::Silent,
        format!(
            "{what}`{endpoint}` answered last with {refusal}, and the time for the request ran out"
        ),
        format!("{advice}; `PALISADE_REQUEST_TIMEOUT` sets how long a request is repeated"),
    )
}

fn not_implemented(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::NotImplemented,
        "the endpoint does not implement this".to_owned(),
        format!(
            "`{endpoint}` is an emulator without this operation: use another version of it, or leave out what needs it"
        ),
    )
}

/// An answer that nobody understands.
pub(super) fn garbled(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::Garbled,
        format!("the answer of `{endpoint}` cannot be understood"),
        "check that the endpoint (`AWS_ENDPOINT_URL`, `endpoint_url`) is AWS or an emulator, and that no proxy changes its answers",
    )
}

/// A body whose checksum is not the one that was sent with it.
pub(super) fn altered(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::Garbled,
        format!("what `{endpoint}` answered is not what was stored there: its checksum differs"),
        "check that no proxy on the way changes or cuts answers, and run again",
    )
}

fn web_page(status: u16, title: &str, endpoint: &str, emulated: bool) -> Cause {
    let named = if title.is_empty() { String::new() } else { format!(" (\"{title}\")") };
    // Emulators answer so for routes that they do not have.
    if emulated && matches!(status, 404 | 405 | 500 | 501) {
        return not_implemented(endpoint);
    }
    let advice = match status {
        407 => "the proxy wants its own credentials: put them into `HTTPS_PROXY`",
        _ => PORTAL,
    };
    Cause::new(
        CauseKind::WebPage,
        format!("a web page came in place of an answer{named}, with status {status}"),
        advice,
    )
}

/// A page for people in place of an object of the state.
pub(crate) fn page(body: &[u8]) -> Option<Cause> {
    title(body).map(|title| web_page(200, &title, "", false))
}

/// Other requests were throttled for so long that this one never left.
pub(super) fn held_back() -> Cause {
    Cause::new(
        CauseKind::Throttled,
        "throttled: AWS refused so many requests that this one was held back until its time ran out",
        "wait a minute and run again; a smaller `--parallelism` asks less at once, and `PALISADE_REQUEST_TIMEOUT` sets how long a request is repeated",
    )
}

/// A document from its own beginning on: behind a byte order mark, declarations of XML and comments.
fn behind_prolog(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (start, end) in [("<?", "?>"), ("<!--", "-->")] {
        while let Some((_, behind)) = rest.strip_prefix(start).and_then(|all| all.split_once(end)) {
            rest = behind.trim_start();
        }
    }
    rest
}

/// The title of an HTML page, empty where it has none; nothing where the body is no page.
fn title(body: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(body.get(..HEAD).unwrap_or(body)).into_owned();
    let head = behind_prolog(&head);
    let lower = head.to_ascii_lowercase();
    if !lower.starts_with("<!doctype html") && !lower.starts_with("<html") {
        return None;
    }
    let text = head;
    let from = lower.find("<title>").map(|at| at + "<title>".len());
    let title = from.and_then(|from| {
        let to = lower.get(from..)?.find("</title>")?;
        text.get(from..from + to)
    });
    let title = title.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    Some(title.chars().filter(|c| !c.is_control()).take(80).collect())
}

/// The host that an answer sends its reader on to. Not the rest of it: a query may hold what is nobody's business.
fn redirected(answer: &HttpResponse) -> Option<String> {
    let to = answer.headers().get("location").filter(|_| answer.status().as_u16() / 100 == 3)?;
    let (_, rest) = to.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(plain)).then(|| host.to_owned())
}

/// The same of an answer to `HEAD`, which has the head of a page alone. Only where a proxy refuses: an emulator says of
/// what is not there that it is a page, too.
fn without_body(answer: &HttpResponse) -> Option<String> {
    let is_empty = answer.body().bytes().is_none_or(<[u8]>::is_empty);
    let is_html = answer.headers().get("content-type").is_some_and(|t| t.starts_with("text/html"));
    let refuses = matches!(answer.status().as_u16(), 401 | 403 | 407 | 451 | 511);
    (is_empty && is_html && refuses).then(String::new)
}

fn is_skewed(said: Option<CodeMeaning>, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    said == Some(CodeMeaning::Skewed)
        || message.contains("signature expired")
        || message.contains("signature not yet current")
        || message.contains("time is too large")
}

/// Both clocks: this machine's, and the server's by the `Date` of its answer.
fn skewed(date: Option<&str>) -> Cause {
    let here = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let there = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let there = there.map(|there| there.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let message = match there {
        Some(there) => format!("this machine's clock says {here}, and the server's says {there}"),
        None => format!("this machine's clock says {here}, and the server's differs by minutes"),
    };
    Cause::new(
        CauseKind::ClockSkew,
        message,
        "set the clock of this machine (NTP) and run again: AWS refuses requests that are more than 5 minutes off, S3 15",
    )
}

fn is_closed(said: Option<CodeMeaning>, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    said == Some(CodeMeaning::Closed)
        || message.contains("account is closed")
        || message.contains("account is suspended")
        || message.contains("account has been suspended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_repeated_runs_out_of_time() {
        for (code, status, passes) in [
            ("SlowDown", 503, true),
            ("ThrottlingException", 400, true),
            ("status 429", 429, true),
            ("status 502", 502, true),
            ("NoSuchKey", 404, false),
            ("AccessDenied", 403, false),
        ] {
            assert_eq!(may_pass(code, status), passes, "{code}");
        }
    }

    #[test]
    fn pages_are_known_by_their_beginning() {
        assert_eq!(title(b"<html><head><TITLE>Sign\n in</TITLE>").as_deref(), Some("Sign in"));
        assert_eq!(title(b"\n<!DOCTYPE html><p>hello").as_deref(), Some(""));
        assert_eq!(title(b"<ErrorResponse/>"), None);
    }
}
