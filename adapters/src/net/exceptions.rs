//! What `NO_PROXY` takes out: hosts that are reached without a proxy. Pure.
//!
//! The same rules as curl's and reqwest's, and beyond them a port behind an entry and `*.` before a domain. What neither
//! they nor we understand (`10.*`, `<local>`) is refused: passed over, it would send to a proxy what was to go past it.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;
use url::Host;

/// An entry of the list says nothing. Tells which, and repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "entry {number} of {count} is not understood; must be a list, with commas or spaces between, of domains (example.com, \
     .example.com, *.example.com), addresses, ranges (10.0.0.0/8) or *, each with :PORT behind it where only that port is \
     meant"
)]
pub struct ExceptionsError {
    /// Which one, counted from 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

/// Hosts that are reached directly. Nothing is excepted that is not named: loopback addresses are not either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    /// `None`: all ports.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Every,
    Network(IpNet),
    /// A domain in its ASCII form, without dots around it, and everything below it.
    Domain {
        name: String,
        /// Whether the domain itself is meant too (`*.` leaves it out).
        itself: bool,
    },
}

impl Exceptions {
    /// Reads a list: entries with commas or spaces between them, each one `*`, a domain (with or without a leading dot, or
    /// with `*.`), an address, or a range of addresses (`10.0.0.0/8`); each with `:PORT` behind it where only that
    /// port is meant.
    ///
    /// # Errors
    ///
    /// The first entry that is none of these.
    pub fn parse(list: &str) -> Result<Self, ExceptionsError> {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let read: Vec<Option<Exception>> = entries.map(Exception::parse).collect();
        if let Some(place) = read.iter().position(Option::is_none) {
            return Err(ExceptionsError { number: place.saturating_add(1), count: read.len() });
        }
        Ok(Self(read.into_iter().flatten().collect()))
    }

    /// Whether a host and port are reached directly. Names are not looked up: an address range excepts no name.
    #[must_use]
    pub fn contain(&self, host: &Host<&str>, port: u16) -> bool {
        let fits = |exception: &Exception| {
            exception.port.is_none_or(|only| only == port) && exception.hosts.contain(host)
        };
        self.0.iter().any(fits)
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::parse(entry) {
            return Some(Self { hosts, port: None });
        }
        let (hosts, port) = entry.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { hosts: Hosts::parse(hosts)?, port: Some(port) })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Every);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let address = || bare.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        if let Some(network) = bare.parse::<IpNet>().ok().or_else(address) {
            return Some(Self::Network(network));
        }
        let (name, itself) = match text.strip_prefix("*.") {
            Some(name) => (name, false),
            None => (text.strip_prefix('.').unwrap_or(text), true),
        };
        match Host::parse(name.strip_suffix('.').unwrap_or(name)).ok()? {
            Host::Domain(name) => is_name(&name).then_some(Self::Domain { name, itself }),
            // Whole addresses were read above. This is a piece of one ("10.", "192.168") that would be taken for another.
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    fn contain(&self, host: &Host<&str>) -> bool {
        match self {
            Self::Every => true,
            Self::Network(network) => match host {
                Host::Domain(_) => false,
                Host::Ipv4(address) => network.contains(&IpAddr::V4(*address)),
                Host::Ipv6(address) => network.contains(&IpAddr::V6(*address).to_canonical()),
            },
            Self::Domain { name, itself } => match host {
                Host::Domain(host) => {
                    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
                    match host.strip_suffix(name.as_str()) {
                        Some("") => *itself,
                        Some(before) => before.ends_with('.'),
                        None => false,
                    }
                }
                Host::Ipv4(_) | Host::Ipv6(_) => false,
            },
        }
    }
}

/// Whether a host in its ASCII form could be one: what a URL may carry is more than what a host can be called.
pub(super) fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use url::Url;

    use super::{Exceptions, ExceptionsError};

    fn excepted(list: &str, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        Exceptions::parse(list).unwrap().contain(&url.host().unwrap(), url.port_or_known_default().unwrap())
    }

    #[rstest]
    #[case("*", "wss://anything.example")]
    #[case("example.com", "https://example.com")]
    #[case("example.com", "https://a.b.example.com")]
    #[case("EXAMPLE.com", "https://Api.Example.COM")]
    #[case("example.com.", "https://api.example.com")]
    #[case("example.com", "https://api.example.com.")]
    #[case(".example.com", "https://example.com")]
    #[case(".example.com", "https://api.example.com")]
    #[case("*.example.com", "https://api.example.com")]
    #[case("例子.com", "https://api.xn--fsqu00a.com")]
    #[case("a.example,, b.example ,c.example", "http://b.example")]
    #[case("a.example b.example", "http://b.example")]
    #[case("127.0.0.1", "ws://127.0.0.1:9")]
    #[case("10.0.0.0/8", "http://10.200.3.4")]
    #[case("10.1.2.3/8", "http://10.200.3.4")]
    #[case("::1", "http://[::1]:8080")]
    #[case("[::1]", "http://[::1]:8080")]
    #[case("fd00::/8", "http://[fd12::1]")]
    #[case("10.0.0.0/8", "http://[::ffff:10.1.1.1]")]
    #[case("localhost", "http://localhost:3000")]
    #[case("example.com:443", "wss://api.example.com")]
    #[case("example.com:8443", "https://example.com:8443")]
    #[case("[::1]:80", "http://[::1]")]
    #[case("127.0.0.1:9", "ws://127.0.0.1:9")]
    #[case("*:9", "ws://anything.example:9")]
    fn what_is_named_is_excepted(#[case] list: &str, #[case] url: &str) {
        assert!(excepted(list, url));
    }

    #[rstest]
    #[case("", "http://127.0.0.1")]
    #[case("", "http://localhost")]
    #[case("example.com", "https://notexample.com")]
    #[case("example.com", "https://example.com.evil.test")]
    #[case("*.example.com", "https://example.com")]
    #[case("api.example.com", "https://example.com")]
    #[case("127.0.0.1", "http://localhost")]
    #[case("10.0.0.0/8", "http://11.0.0.1")]
    #[case("10.0.0.0/8", "http://10.example.com")]
    #[case("example.com:8443", "https://example.com")]
    #[case("127.0.0.1:9", "ws://127.0.0.1:8")]
    #[case(", ,", "https://example.com")]
    fn what_is_not_named_is_not(#[case] list: &str, #[case] url: &str) {
        assert!(!excepted(list, url));
    }

    #[rstest]
    #[case("example.com:port")]
    #[case("example.com:")]
    #[case("example.com:0")]
    #[case("example.com:65536")]
    #[case("10.0.0.0/33")]
    #[case("fd00::/129")]
    #[case("http://ann:s3cr3t@example.com")]
    #[case("ann:s3cr3t@example.com")]
    #[case("example.com/path")]
    #[case("ex*mple.com")]
    #[case("*.*.example.com")]
    #[case("**")]
    #[case("10.*")]
    #[case("10.")]
    #[case("192.168.")]
    #[case("127.1")]
    #[case("*.10.0.0.1")]
    #[case("<local>")]
    #[case("<-loopback>")]
    #[case("a..example")]
    #[case(".")]
    #[case("a.example;b.example")]
    #[case("'a.example'")]
    #[case("\"a.example\"")]
    fn what_says_nothing_is_refused_by_its_place_and_not_repeated(#[case] entry: &str) {
        let error = Exceptions::parse(&format!("a.example, {entry} 10.0.0.0/8")).unwrap_err();
        assert_eq!(error, ExceptionsError { number: 2, count: 3 });
        assert!(!error.to_string().contains("s3"));
    }
}
