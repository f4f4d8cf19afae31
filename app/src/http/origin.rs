//! Where a request really comes from: the client's address and whether it spoke https, also behind trusted proxies.
//!
//! A client can write any header. So what `X-Forwarded-*` and `Forwarded` (RFC 7239) say counts only as far as trusted
//! proxies said it: read from the right, where the nearest proxy writes, up to the first address that is none of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use super::state::Api;
use crate::config::Server;

/// Hops looked at, at most; beyond, the last one looked at counts as the client.
const HOPS_MAX: usize = 32;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const HTTP: &str = "http";
const HTTPS: &str = "https";

/// How a connection reached us; a request extension, set by [`super::serving`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Whether the connection is TLS of our own.
    pub tls: bool,
}

/// Where a request really comes from; an extension of every request in the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address; an IPv4 address is never wrapped in an IPv6 one.
    pub client: IpAddr,
    /// Whether the client sees https: cookies are to be `Secure` then.
    pub https: bool,
    /// `http` or `https`, where the connection or a trusted proxy says which; not where a proxy says nothing, or may stand in
    /// between without being configured.
    pub scheme: Option<&'static str>,
}

impl Origin {
    /// The origin of a request in the router.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let unknown = Self { client: IpAddr::V4(Ipv4Addr::UNSPECIFIED), https: false, scheme: None };
        request.extensions().get().copied().unwrap_or(unknown)
    }
}

/// Whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    proxies: Vec<IpNet>,
    /// `public_url` says that people reach the server by https.
    public_https: bool,
    /// Host and port in `public_url`.
    public_host: Option<String>,
}

impl Trust {
    /// As configured.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let public_https = server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let public_host = server.public_url.as_ref().map(|url| url.authority().to_owned());
        Self { proxies: server.trusted_proxies.clone(), public_https, public_host }
    }

    /// Whether a page is ours by its origin, as a browser writes it: of the configured address, or of the one that a request
    /// like this asked for in its `Host`. A page of the same host by the other scheme may be anybody's who sits on the line.
    #[must_use]
    pub fn is_ours(&self, page: &str, asked: Origin, host: Option<&str>) -> bool {
        let Some((scheme, name)) = page.split_once("://") else { return false };
        let configured = if self.public_https { HTTPS } else { HTTP };
        let is_public = self.public_host.as_deref() == Some(name);
        if is_public && scheme == configured {
            return true;
        }
        let expected = asked.scheme.or(is_public.then_some(configured));
        host == Some(name) && expected.is_none_or(|expected| expected == scheme)
    }

    /// The origin of a request with these headers.
    #[must_use]
    pub fn origin(&self, arrival: Arrival, headers: &HeaderMap) -> Origin {
        let peer = arrival.peer.ip().to_canonical();
        let https = arrival.tls || self.public_https;
        let own = arrival.tls.then_some(HTTPS);
        if !self.trusts(peer) {
            // Without any trusted proxy, one that ends TLS may stand in between all the same.
            let scheme = own.or((!self.proxies.is_empty()).then_some(HTTP));
            return Origin { client: peer, https, scheme };
        }
        let told = |client, proto: Option<&str>| {
            let scheme = proto.and_then(scheme);
            Origin { client, https: https || scheme == Some(HTTPS), scheme: own.or(scheme) }
        };
        // Most proxies write X-Forwarded-*, and pass a `Forwarded` of the client's own on. So the one is not looked at
        // where there is the other.
        if headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED_PROTO) {
            let (client, _) =
                self.client(peer, last_first(headers, &FORWARDED_FOR).map(|hop| (address(hop), hop)));
            let proto = last_first(headers, &FORWARDED_PROTO).next();
            return told(client, proto);
        }
        let hops =
            last_first(headers, &header::FORWARDED).map(|hop| (parameter(hop, "for").and_then(address), hop));
        let (client, hop) = self.client(peer, hops);
        told(client, hop.and_then(|hop| parameter(hop, "proto")))
    }

    /// Whether the address is a trusted proxy's; `address` is canonical.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }

    /// Follows the hops, nearest first, to the first address that is not trusted: the client. Also the hop that named
    /// it. A hop that names nobody ends the way: the proxy that wrote it is the last one known.
    fn client<'a>(
        &self,
        peer: IpAddr,
        hops: impl Iterator<Item = (Option<IpAddr>, &'a str)>,
    ) -> (IpAddr, Option<&'a str>) {
        let mut known = (peer, None);
        for (named, hop) in hops.take(HOPS_MAX) {
            let Some(named) = named else { break };
            known = (named, Some(hop));
            if !self.trusts(named) {
                break;
            }
        }
        known
    }
}

/// The elements of a list header, last first; several headers of the name are one list (RFC 9110 §5.3). A comma within
/// quotes is no address, so that it need not be told apart.
fn last_first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines: Vec<&str> =
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    lines.into_iter().rev().flat_map(|line| line.rsplit(',').map(str::trim))
}

/// A parameter of a `Forwarded` element, without quotes.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn scheme(proto: &str) -> Option<&'static str> {
    [HTTP, HTTPS].into_iter().find(|known| proto.eq_ignore_ascii_case(known))
}

/// Finds out where a request comes from, before anything else looks at it.
pub async fn set(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if let Some(arrival) = request.extensions().get::<Arrival>().copied() {
        let origin = api.trust.origin(arrival, request.headers());
        request.extensions_mut().insert(origin);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests;
