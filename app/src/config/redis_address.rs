//! The address of a store in Redis, looked at before anybody connects: a mistake in it is a mistake in the configuration.

/// What it has to be.
pub(super) const ALLOWED: &str = "\"redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\", the same with rediss:// for TLS, or \
    \"redis-cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT\"; special characters of USER and PASSWORD as %XX";

/// Whether an address of one of the three schemes can be one.
pub(super) fn is_address(scheme: &str, rest: &str) -> bool {
    let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    // They would end the address where they stand, and what follows would be somewhere else, or nowhere.
    if user.contains(['/', '?', '#']) || place.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        return false;
    }
    // A user alone would be left out, and everything done as another one.
    if rest.contains('@') && !user.contains(':') {
        return false;
    }
    if scheme == "redis-cluster" {
        let nodes = place.strip_suffix('/').unwrap_or(place);
        return nodes.split(',').all(is_host);
    }
    let (host, database) = place.split_once('/').unwrap_or((place, ""));
    is_host(host) && (database.is_empty() || database.parse::<u16>().is_ok())
}

/// A name or an address of a machine, with a port or without.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, port)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => {
            (v6, port.strip_prefix(':').or_else(|| port.is_empty().then_some("6379")))
        }
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("6379")),
        },
    };
    let is_port = port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    !host.is_empty() && !host.contains(['/', ',', '[', ']']) && is_port
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_address;

    #[rstest]
    #[case("redis", "127.0.0.1:6379")]
    #[case("redis", "redis.example.com")]
    #[case("rediss", "redis.example.com:6380/3")]
    #[case("redis", "switchboard:p%40ss@redis:6379/")]
    #[case("redis", ":pass@[::1]:6379")]
    #[case("redis", "[2001:db8::1]")]
    #[case("redis-cluster", "a:7000,b:7001,c:7002")]
    #[case("redis-cluster", "user:pass@a:7000,[::1]:7001/")]
    fn addresses(#[case] scheme: &str, #[case] rest: &str) {
        assert!(is_address(scheme, rest), "{rest}");
    }

    #[rstest]
    #[case("redis", "")]
    #[case("redis", ":6379")]
    #[case("redis", "/")]
    #[case("redis", "host:99999")]
    #[case("redis", "host:0")]
    #[case("redis", "host:port")]
    #[case("redis", "host:1,host:2")]
    #[case("redis", "host/abc")]
    #[case("redis", "host:6379/1/2")]
    #[case("redis", "host?password=secret")]
    #[case("redis", "host#part")]
    #[case("redis", "user:pa/ss@host")]
    #[case("redis", "user@host")]
    #[case("rediss", "@host")]
    #[case("redis-cluster", "user@a:7000,b:7001")]
    #[case("redis", "user:pa#ss@host")]
    #[case("redis", "user:pa?ss@host")]
    #[case("redis", "ho st")]
    #[case("redis", "[::1")]
    #[case("redis", "[nothing]:6379")]
    #[case("redis", "[::1]6379")]
    #[case("redis-cluster", "a:7000,")]
    #[case("redis-cluster", "a:7000/3")]
    fn no_addresses(#[case] scheme: &str, #[case] rest: &str) {
        assert!(!is_address(scheme, rest), "{rest}");
    }
}
