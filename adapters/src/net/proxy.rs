//! Which proxy a call goes through: one pure decision for HTTP and for sockets, so that they never disagree.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use switchboard_domain::secret::Secret;
use thiserror::Error;
use url::{Host, Url};

use super::exceptions::{Exceptions, is_name};

/// A proxy's address cannot be used. Says what is allowed and repeats nothing of it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// It is no address, or something in it has to be written in another way.
    #[error(
        "must be the address of a proxy: http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host where \
         it asks for them (special characters as %XX)"
    )]
    NotAnAddress,
    /// It is the address of something that we cannot speak to.
    #[error("must be the address of an http:// or https:// proxy; other kinds (SOCKS) are not supported")]
    Scheme,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// With the credentials, as the HTTP client wants it.
    url: Url,
    authorization: Option<Secret>,
}

impl Proxy {
    /// Reads an address: `http://` or `https://` (TLS to the proxy itself) or no scheme, which means `http://`; user
    /// and password percent-encoded before the host. `None`: the text is empty, there is no proxy.
    pub fn parse(text: &str) -> Result<Option<Self>, ProxyError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| ProxyError::NotAnAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyError::Scheme);
        }
        // Anything behind the host is a `/`, `?` or `#` of a password that was not encoded.
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_host = match url.host() {
            Some(Host::Domain(name)) => is_name(name),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        };
        if !is_host || !is_bare || url.port_or_known_default() == Some(0) {
            return Err(ProxyError::NotAnAddress);
        }
        let authorization = authorization(&url)?;
        Ok(Some(Self { url, authorization }))
    }

    /// Whether the connection to the proxy itself is TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Where it is.
    pub(super) fn host(&self) -> Option<(Host<&str>, u16)> {
        self.url.host().zip(self.url.port_or_known_default())
    }

    /// The value of `Proxy-Authorization`, where the address has a user.
    pub(super) fn authorization(&self) -> Option<&Secret> {
        self.authorization.as_ref()
    }
}

/// Without the credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Basic authentication (RFC 7617): the user must not contain a colon, because the first one ends it.
fn authorization(url: &Url) -> Result<Option<Secret>, ProxyError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user: Vec<u8> = percent_decode_str(url.username()).collect();
    if user.contains(&b':') {
        return Err(ProxyError::NotAnAddress);
    }
    let password: Vec<u8> = percent_decode_str(url.password().unwrap_or_default()).collect();
    let pair = [user.as_slice(), b":", password.as_slice()].concat();
    Ok(Some(Secret::new(format!("Basic {}", STANDARD.encode(pair)))))
}

/// The rules of the environment: a proxy for each kind of address, and what goes past them.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<Rules>);

#[derive(Debug, Default)]
struct Rules {
    plain: Option<Proxy>,
    tls: Option<Proxy>,
    exceptions: Exceptions,
}

impl Proxies {
    /// `plain` is for `http` and `ws`, `tls` for `https` and `wss`.
    #[must_use]
    pub fn new(plain: Option<Proxy>, tls: Option<Proxy>, exceptions: Exceptions) -> Self {
        Self(Arc::new(Rules { plain, tls, exceptions }))
    }

    /// Whether everything is reached directly.
    pub(super) fn are_none(&self) -> bool {
        self.0.plain.is_none() && self.0.tls.is_none()
    }

    /// The proxy for an address; `None`: it is reached directly.
    #[must_use]
    pub fn of(&self, url: &Url) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            "http" | "ws" => self.0.plain.as_ref(),
            "https" | "wss" => self.0.tls.as_ref(),
            _ => None,
        }?;
        let (host, port) = url.host().zip(url.port_or_known_default())?;
        (!self.0.exceptions.contain(&host, port)).then_some(proxy)
    }

    /// The names of the proxies' hosts.
    pub(super) fn names(&self) -> Vec<String> {
        let proxies = [&self.0.plain, &self.0.tls].into_iter().flatten();
        proxies.filter_map(|proxy| proxy.url.host_str()).map(str::to_owned).collect()
    }

    /// The same decision for the HTTP client, which wants the credentials in the address.
    pub(super) fn for_http(&self) -> reqwest::Proxy {
        let rules = self.clone();
        reqwest::Proxy::custom(move |url| rules.of(url).map(|proxy| proxy.url.clone()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use url::Url;

    use super::{Exceptions, Proxies, Proxy, ProxyError};

    fn parsed(text: &str) -> Proxy {
        Proxy::parse(text).unwrap().unwrap()
    }

    #[rstest]
    #[case("http://proxy.example:3128", "http://proxy.example:3128", None)]
    #[case("proxy.example:3128", "http://proxy.example:3128", None)]
    #[case(" proxy.example ", "http://proxy.example", None)]
    #[case("https://proxy.example/", "https://proxy.example", None)]
    #[case("HTTP://[::1]:3128", "http://[::1]:3128", None)]
    #[case("http://ann:secret@p:1", "http://p:1", Some("Basic YW5uOnNlY3JldA=="))]
    #[case("ann:secret@p:1", "http://p:1", Some("Basic YW5uOnNlY3JldA=="))]
    #[case("http://ann@p:1", "http://p:1", Some("Basic YW5uOg=="))]
    #[case("http://a%40b:p%3A%2F%C3%A9@p:1", "http://p:1", Some("Basic YUBiOnA6L8Op"))]
    fn addresses_are_read(#[case] text: &str, #[case] shown: &str, #[case] authorization: Option<&str>) {
        let proxy = parsed(text);
        assert_eq!(proxy.to_string(), shown);
        assert_eq!(proxy.authorization().map(switchboard_domain::secret::Secret::expose), authorization);
    }

    #[rstest]
    #[case("")]
    #[case("  ")]
    fn nothing_is_no_proxy(#[case] text: &str) {
        assert_eq!(Proxy::parse(text), Ok(None));
    }

    #[rstest]
    #[case("socks5://p:1080", ProxyError::Scheme)]
    #[case("ftp://p", ProxyError::Scheme)]
    #[case("http://", ProxyError::NotAnAddress)]
    #[case("http://p:99999", ProxyError::NotAnAddress)]
    #[case("http://p:0", ProxyError::NotAnAddress)]
    #[case("http://p:3128/path", ProxyError::NotAnAddress)]
    #[case("http://ann:s3cr3t#x@p:1", ProxyError::NotAnAddress)]
    #[case("http://ann:s3/cr3t@p:1", ProxyError::NotAnAddress)]
    #[case("http://ann:s3?cr3t@p:1", ProxyError::NotAnAddress)]
    #[case("http://a%3Ann:s3cr3t@p:1", ProxyError::NotAnAddress)]
    #[case("http://two words", ProxyError::NotAnAddress)]
    #[case("one,two", ProxyError::NotAnAddress)]
    #[case("http:/p:3128", ProxyError::NotAnAddress)]
    #[case("http//p:3128", ProxyError::NotAnAddress)]
    #[case("'http://p:3128'", ProxyError::NotAnAddress)]
    #[case("p:3128,q:3128", ProxyError::NotAnAddress)]
    fn what_is_no_proxy_is_refused_and_not_repeated(#[case] text: &str, #[case] expected: ProxyError) {
        let error = Proxy::parse(text).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("s3"));
    }

    #[test]
    fn credentials_are_never_shown() {
        let proxy = parsed("http://ann:s3cr3t@p:1");
        let rules = Proxies::new(Some(proxy.clone()), None, Exceptions::default());
        assert!(!format!("{proxy} {proxy:?} {rules:?}").contains("s3cr3t"));
    }

    #[rstest]
    #[case("http://a.example", Some("http://plain"))]
    #[case("ws://a.example", Some("http://plain"))]
    #[case("https://a.example", Some("https://tls:8443"))]
    #[case("wss://a.example", Some("https://tls:8443"))]
    #[case("wss://direct.example", None)]
    #[case("https://direct.example", None)]
    #[case("ws://127.0.0.1:9", Some("http://plain"))]
    #[case("ftp://a.example", None)]
    fn http_and_websockets_go_the_same_way(#[case] url: &str, #[case] expected: Option<&str>) {
        let rules = Proxies::new(
            Some(parsed("plain")),
            Some(parsed("https://tls:8443")),
            Exceptions::parse("direct.example").unwrap(),
        );
        let chosen = rules.of(&Url::parse(url).unwrap()).map(ToString::to_string);
        assert_eq!(chosen.as_deref(), expected);
    }
}
