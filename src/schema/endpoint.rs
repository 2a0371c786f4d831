//! Endpoints of emulators, wherever one is named: in blocks, and in the AWS configuration.

/// What an endpoint is, as advice.
pub const ENDPOINT: &str =
    "an endpoint must begin with http:// or https://, as in `http://localhost:4566`";

/// Whether requests can be sent there. The SDK takes any text, and says of each call that it was no URI.
#[must_use]
pub fn is_endpoint(url: &str) -> bool {
    let known = url.starts_with("http://") || url.starts_with("https://");
    known && url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(|h| !h.is_empty()))
}
