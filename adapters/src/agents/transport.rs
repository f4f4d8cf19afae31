//! Says in a few words why an HTTP request got no answer. The library's own text would name addresses and queries.

use std::error::Error;
use std::io;

/// Why a request got no answer: a fragment without addresses, for details in logs.
pub(super) fn describe(error: &reqwest::Error) -> &'static str {
    if error.is_connect() && error.is_timeout() {
        return "connecting timed out";
    }
    causes(error).find_map(describe_cause).unwrap_or(if error.is_connect() {
        "the connection could not be made"
    } else {
        "the connection was closed without an answer"
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}

fn describe_cause(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(describe_tls(error));
    }
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        // An I/O error that wraps another does not show it among its causes.
        if let Some(inner) = error.get_ref() {
            return describe_cause(inner);
        }
        return (error.kind() == io::ErrorKind::ConnectionRefused).then_some("connection refused");
    }
    // The connectors' error types are private to their crates; their text is all there is.
    let text = cause.to_string();
    if text.starts_with("tunnel error: proxy authorization required") {
        return Some("the proxy asks for a user and password that it accepts");
    }
    if ["tunnel error: unsuccessful", "tunnel error: proxy response", "tunnel error: unexpected"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
    {
        return Some("the proxy refused the connection");
    }
    text.starts_with("dns error").then_some("the host name was not found")
}

fn describe_tls(error: &rustls::Error) -> &'static str {
    if matches!(error, rustls::Error::InvalidCertificate(_)) {
        "TLS failed: the certificate is not trusted"
    } else {
        "TLS failed"
    }
}
