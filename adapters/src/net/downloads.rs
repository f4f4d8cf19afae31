//! Downloads from addresses that somebody else names: only from the public internet, whatever names resolve to.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use thiserror::Error;
use url::{Host, Url};

use super::{ClientError, Network};

/// Redirects followed on the same host.
const REDIRECTS_MAX: usize = 3;

/// A body that brings nothing for so long has stalled.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A name has no public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the name has no public address")]
pub struct NotPublic;

/// Where downloads may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by `https`.
    Public,
    /// Anywhere, by `https` or `http`: the operator's own platform is at a private address itself.
    Anywhere {
        /// Whether without TLS, too.
        plain: bool,
    },
}

impl Reach {
    /// The address to ask instead of this one; `None` for one that is not allowed. `http` becomes `https` where `http`
    /// is not allowed. Names pass: what they resolve to is looked at when a connection is made.
    #[must_use]
    pub fn admit(self, mut url: Url) -> Option<Url> {
        let is_clean = url.username().is_empty() && url.password().is_none();
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Anywhere { plain: true }) => {}
            ("http", Self::Public | Self::Anywhere { plain: false }) => url.set_scheme("https").ok()?,
            _ => return None,
        }
        let is_public_host = match url.host()? {
            Host::Domain(name) => !is_local_name(name),
            Host::Ipv4(address) => is_public(IpAddr::V4(address)),
            Host::Ipv6(address) => is_public(IpAddr::V6(address)),
        };
        let is_reachable = match self {
            Self::Public => is_public_host,
            Self::Anywhere { .. } => true,
        };
        (is_clean && is_reachable).then_some(url)
    }

    /// What follows from where the operator says that the platform is: a platform on this machine or in a private
    /// network gives out addresses there, everybody else's may not lead there.
    #[must_use]
    pub fn of_platform(base: &Url) -> Self {
        let is_private = match base.host() {
            Some(Host::Domain(name)) => is_local_name(name),
            Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
            None => false,
        };
        if is_private { Self::Anywhere { plain: base.scheme() == "http" } } else { Self::Public }
    }

    /// A client for downloads within this reach, by the network's authorities and proxies. It sends nothing that
    /// identifies anybody, keeps to one host, and connects to the very addresses that it looked at. It has no total
    /// time-out. Where a proxy stands between, it is the proxy that resolves the name: where it lets this server go is
    /// then the network's own rule, and only addresses and local names are still refused here.
    pub fn client(self, network: &Network, connect_timeout: Duration) -> Result<Client, ClientError> {
        self.client_within(network, connect_timeout, SILENCE_MAX)
    }

    fn client_within(
        self,
        network: &Network,
        connect_timeout: Duration,
        silence: Duration,
    ) -> Result<Client, ClientError> {
        let follow = Policy::custom(
            move |attempt| {
                if self.follows(&attempt) { attempt.follow() } else { attempt.stop() }
            },
        );
        let builder = network.builder(connect_timeout).read_timeout(silence).redirect(follow);
        let builder = match self {
            Self::Public => builder.dns_resolver(Arc::new(PublicOnly { except: network.proxy_names() })),
            Self::Anywhere { .. } => builder,
        };
        Ok(builder.build()?)
    }

    fn follows(self, attempt: &Attempt<'_>) -> bool {
        let previous = attempt.previous();
        let same_host = previous.last().is_some_and(|from| from.host() == attempt.url().host());
        // `admit` would make `https` of `http`; here it has to be that already.
        let admitted = self.admit(attempt.url().clone()).is_some_and(|url| url == *attempt.url());
        previous.len() <= REDIRECTS_MAX && same_host && admitted
    }
}

/// Whether a download failed because a name has no public address.
#[must_use]
pub fn is_not_public(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// Hands out public addresses only. What it hands out is what is connected to, so that a name that resolves otherwise a
/// moment later gains nothing.
struct PublicOnly {
    /// The operator's own proxies, which may be anywhere.
    except: Vec<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let excepted = self.except.iter().any(|proxy| proxy == name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|address| excepted || is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Names that mean this machine or this network (RFC 6761, RFC 6762, RFC 8375).
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    ["localhost", "local", "internal", "home.arpa"]
        .iter()
        .any(|zone| name.strip_suffix(zone).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

/// Whether an address is one of the public internet's: none of those set aside for private networks, this machine,
/// links, documentation, tests, multicast or later use (IANA's special-purpose registries), in whatever clothes.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let set_aside = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..=127).contains(&b),
        169 => b == 254,
        172 => (16..=31).contains(&b),
        192 => matches!((b, c), (168, _) | (0, 0 | 2) | (88, 99)),
        198 => matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !set_aside
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let [first, second, ..] = segments;
    // An IPv4 address behind the network's own translator (RFC 6052); the translator's local range is not public.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Global addresses begin with the bits 001.
    let is_global = first & 0xe000 == 0x2000;
    let set_aside = match first {
        // Protocol assignments, Teredo and ORCHID among them; documentation.
        0x2001 => second < 0x200 || second == 0xdb8,
        // IPv4 in IPv6 (6to4): could carry any address.
        0x2002 => true,
        // Documentation (RFC 9637).
        0x3fff => second < 0x1000,
        _ => false,
    };
    is_global && !set_aside
}

#[cfg(test)]
mod tests;
