//! Why nothing was answered: refused, unknown, not trusted, cut, silent.

use std::error::Error;
use std::io;

use super::{Cause, CauseKind, chain, words};

/// No answer in time.
pub(super) fn silent(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::Silent,
        format!("`{endpoint}` gave no answer in time"),
        "check the network and the proxy settings; `PALISADE_REQUEST_TIMEOUT` sets how long a request is waited for",
    )
}

/// Nothing listens there.
pub(super) fn refused(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::NoConnection,
        format!("nothing listens at `{endpoint}` (connection refused)"),
        "start the emulator or the proxy there, or correct the endpoint (`AWS_ENDPOINT_URL`, `endpoint_url`)",
    )
}

/// Every attempt was cut off, until the time for the request was over.
pub(super) fn broken(endpoint: &str) -> Cause {
    Cause::new(
        CauseKind::NoConnection,
        format!("the connection to `{endpoint}` was cut, and the time for the request ran out"),
        "run again; where it stays so, check the network and the proxy settings",
    )
}

/// Whether the connection ended before the answer did.
pub(super) fn is_broken(error: &(dyn Error + 'static)) -> bool {
    const WORDS: [&str; 5] =
        ["end of file", "incomplete", "connection closed", "connection reset", "unexpected eof"];
    chain(error).any(|error| {
        let text = error.to_string().to_ascii_lowercase();
        WORDS.iter().any(|word| text.contains(word))
    })
}

/// Why a request did not come through.
pub(super) fn of(error: &(dyn Error + 'static), timed_out: bool, endpoint: &str) -> Cause {
    let no_connection =
        |message: String, advice: &str| Cause::new(CauseKind::NoConnection, message, advice);
    let io = chain(error).find_map(|error| error.downcast_ref::<io::Error>().map(io::Error::kind));
    let texts: Vec<String> =
        chain(error).map(|error| error.to_string().to_ascii_lowercase()).collect();
    let says =
        |words: &[&str]| texts.iter().any(|text| words.iter().any(|word| text.contains(word)));
    if says(&["certificate", "unknownissuer", "invalid peer", "tls"]) {
        return no_connection(
            format!("the certificate of `{endpoint}` is not trusted here: {}", words(error)),
            "a proxy that inspects TLS may stand between here and AWS: add its certificate to the machine's trust store, or name a bundle that holds it in `AWS_CA_BUNDLE`",
        );
    }
    if says(&["dns error", "failed to lookup", "name or service not known", "no such host"]) {
        return no_connection(
            format!("the name `{endpoint}` cannot be resolved"),
            "check the Region, the endpoint and the name server",
        );
    }
    if timed_out {
        return silent(endpoint);
    }
    match io {
        Some(io::ErrorKind::ConnectionRefused) => refused(endpoint),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => no_connection(
            format!("`{endpoint}` cannot be reached from here"),
            "check the network, the VPN and the proxy settings",
        ),
        _ => no_connection(
            format!("the connection to `{endpoint}` was cut: {}", words(error)),
            "run again; where it stays so, check the network and the proxy settings",
        ),
    }
}
