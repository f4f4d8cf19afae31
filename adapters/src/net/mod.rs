//! The way out as every adapter uses it: trusted authorities, proxies, HTTP clients with time-outs and without redirects
//! to other hosts, sockets, bounded bodies.

mod authorities;
mod exceptions;
mod network;
mod proxy;
mod signing;
mod tunnel;

pub mod downloads;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::redirect::{Attempt, Policy};
use thiserror::Error;
use url::Url;

pub use authorities::{Authorities, AuthoritiesError};
pub use exceptions::{Exceptions, ExceptionsError};
pub use network::{DialError, Duplex, Network, Stream};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use signing::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};

/// Redirects followed within one origin before the redirecting answer itself is handed back.
const REDIRECTS_MAX: usize = 3;

/// Unused connections are closed after this, before the usual load balancer does (60 s): a request sent into a
/// closing connection is of unknown fate (R10).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections of a client to one host that are kept while nobody uses them: each has 27 KiB of buffers, and twice that with TLS. With
/// fewer, 128 answers at once would open two new ones for each message.
const POOL_IDLE_MAX: usize = 128;

/// Sent as `User-Agent`.
const USER_AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));

/// TLS or an HTTP client could not be set up.
#[derive(Debug, Error)]
pub enum ClientError {
    /// TLS.
    #[error("set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// An HTTP client.
    #[error("build an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// A body could not be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("read the answer: longer than {bytes_max} bytes")]
    TooLong {
        /// What was allowed.
        bytes_max: usize,
    },
    /// The connection broke, or the time was up.
    #[error("read the answer: the connection was cut")]
    Cut,
}

/// Within one origin, a few.
fn redirects() -> Policy {
    Policy::custom(|attempt| if within_origin(&attempt) { attempt.follow() } else { attempt.stop() })
}

fn within_origin(attempt: &Attempt<'_>) -> bool {
    let previous = attempt.previous();
    previous.len() <= REDIRECTS_MAX && previous.last().is_some_and(|from| same_origin(from, attempt.url()))
}

/// Whether two addresses have the same scheme, host and port.
#[must_use]
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Reads a body whole, at most `bytes_max` bytes of it. Safe to cancel: the connection is then dropped.
pub async fn read_bounded(mut response: Response, bytes_max: usize) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > bytes_max) {
        return Err(BodyError::TooLong { bytes_max });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Cut)? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(BodyError::TooLong { bytes_max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::{Authorities, BodyError, Network, Proxies, read_bounded};

    fn client() -> reqwest::Client {
        let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
        network.client(Duration::from_secs(5)).unwrap()
    }

    #[tokio::test]
    async fn a_body_within_the_bound_is_read_whole() {
        let server = MockServer::start().await;
        Mock::given(path("/a"))
            .respond_with(ResponseTemplate::new(200).set_body_string("12345"))
            .mount(&server)
            .await;
        let response = client().get(format!("{}/a", server.uri())).send().await.unwrap();
        assert_eq!(read_bounded(response, 5).await.unwrap(), "12345");
    }

    #[tokio::test]
    async fn a_longer_body_is_refused() {
        let server = MockServer::start().await;
        Mock::given(path("/a"))
            .respond_with(ResponseTemplate::new(200).set_body_string("123456"))
            .mount(&server)
            .await;
        let response = client().get(format!("{}/a", server.uri())).send().await.unwrap();
        assert_eq!(read_bounded(response, 5).await, Err(BodyError::TooLong { bytes_max: 5 }));
    }

    #[tokio::test]
    async fn a_redirect_to_another_origin_is_not_followed() {
        let (here, there) = (MockServer::start().await, MockServer::start().await);
        let away =
            ResponseTemplate::new(307).insert_header("location", format!("{}/b", there.uri()).as_str());
        Mock::given(path("/a")).respond_with(away).mount(&here).await;
        Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&there).await;
        let response = client().post(format!("{}/a", here.uri())).send().await.unwrap();
        assert_eq!(response.status(), 307);
    }

    #[tokio::test]
    async fn a_redirect_within_the_origin_is_followed() {
        let server = MockServer::start().await;
        let on = ResponseTemplate::new(307).insert_header("location", "/b");
        Mock::given(path("/a")).respond_with(on).mount(&server).await;
        Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
        let response = client().post(format!("{}/a", server.uri())).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }

    #[tokio::test]
    async fn endless_redirects_end() {
        let server = MockServer::start().await;
        let on = ResponseTemplate::new(307).insert_header("location", "/a");
        Mock::given(path("/a")).respond_with(on).mount(&server).await;
        let response = client().get(format!("{}/a", server.uri())).send().await.unwrap();
        assert_eq!(response.status(), 307);
    }
}
