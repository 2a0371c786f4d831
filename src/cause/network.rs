//! Why nothing was answered: refused, unknown, not trusted, cut, silent. Where a proxy stands before an endpoint, it is the
//! proxy that refuses and is not found.

use std::error::Error;
use std::io;

use super::{Cause, CauseKind, chain, endpoint, words};
use crate::trace::Destination;

/// What a request was sent to.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    endpoint: &'a str,
    proxy: Option<&'a str>,
}

impl<'a> Route<'a> {
    pub(super) fn of(place: Option<&'a Destination>) -> Self {
        let proxy = place.and_then(|place| place.proxy.as_deref());
        Self { endpoint: endpoint(place), proxy }
    }

    /// The same to another endpoint.
    pub(super) fn to(self, endpoint: &'a str) -> Self {
        Self { endpoint, ..self }
    }

    /// What is connected to.
    fn first(self) -> &'a str {
        self.proxy.unwrap_or(self.endpoint)
    }
}

/// No answer in time.
pub(super) fn silent(route: Route<'_>) -> Cause {
    let endpoint = route.endpoint;
    let (through, check) = match route.proxy {
        Some(proxy) => (
            format!(", through the proxy `{proxy}`"),
            "check the proxy (`HTTPS_PROXY`, `HTTP_PROXY`), or go past it (`NO_PROXY`)",
        ),
        None => (String::new(), "check the network and the proxy settings"),
    };
    Cause::new(
        CauseKind::Silent,
        format!("`{endpoint}` gave no answer in time{through}"),
        format!("{check}; `PALISADE_REQUEST_TIMEOUT` sets how long a request is waited for"),
    )
}

/// Nothing listens there.
pub(super) fn refused(route: Route<'_>) -> Cause {
    let endpoint = route.endpoint;
    let (message, advice) = match route.proxy {
        Some(proxy) => (
            format!("nothing listens at the proxy `{proxy}` (connection refused), which stands before `{endpoint}`"),
            format!("start the proxy, correct `HTTPS_PROXY` or `HTTP_PROXY`, or go past it (`NO_PROXY={}`)", host(endpoint)),
        ),
        None => (
            format!("nothing listens at `{endpoint}` (connection refused)"),
            "start the emulator or the proxy there, or correct the endpoint (`AWS_ENDPOINT_URL`, `endpoint_url`)".to_owned(),
        ),
    };
    Cause::new(CauseKind::NoConnection, message, advice)
}

/// Without its port.
fn host(endpoint: &str) -> &str {
    endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host)
}

/// The name of what is connected to is not known.
pub(super) fn unresolved(route: Route<'_>) -> Cause {
    let advice = match route.proxy {
        Some(_) => "it is the proxy's: correct `HTTPS_PROXY` or `HTTP_PROXY`",
        None => "check the Region, the endpoint and the name server",
    };
    let message = format!("the name `{}` cannot be resolved", route.first());
    Cause::new(CauseKind::NoConnection, message, advice)
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
pub(super) fn of(error: &(dyn Error + 'static), timed_out: bool, route: Route<'_>) -> Cause {
    let endpoint = route.endpoint;
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
        return unresolved(route);
    }
    if timed_out {
        return silent(route);
    }
    match io {
        Some(io::ErrorKind::ConnectionRefused) => refused(route),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => no_connection(
            format!("`{}` cannot be reached from here", route.first()),
            "check the network, the VPN and the proxy settings",
        ),
        _ if route.proxy.is_some() && says(&["tunnel error"]) => no_connection(
            format!("the proxy `{}` opens no way to `{endpoint}`", route.first()),
            "let the proxy pass this host and its port, give it the credentials that it wants (in `HTTPS_PROXY`), or go past it (`NO_PROXY`)",
        ),
        _ => no_connection(
            format!("the connection to `{endpoint}` was cut: {}", words(error)),
            "run again; where it stays so, check the network and the proxy settings",
        ),
    }
}
