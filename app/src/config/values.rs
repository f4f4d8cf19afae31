//! Values as people write them in configuration.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use toml::Value;
use url::Url;

/// A duration: a whole number and `ms`, `s`, `m` or `h`, within bounds.
pub(super) fn duration(value: &Value, range: &RangeInclusive<Duration>) -> Option<Duration> {
    let text = value.as_str()?.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    millis.map(Duration::from_millis).filter(|duration| range.contains(duration))
}

/// A whole number within bounds; as text too, for environment variables.
pub(super) fn integer(value: &Value, range: &RangeInclusive<u8>) -> Option<u8> {
    let number = match value {
        Value::Integer(number) => u8::try_from(*number).ok(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    };
    number.filter(|number| range.contains(number))
}

/// `true` or `false`; as text too, for environment variables.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(flag) => Some(*flag),
        Value::String(text) => text.trim().parse().ok(),
        Value::Integer(_) | Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// Nothing, or the address of an HTTP server. Names and passwords in it would be told wherever it is.
#[expect(clippy::option_option, reason = "no address is allowed, and told from one that is wrong")]
pub(super) fn endpoint(value: &Value) -> Option<Option<Url>> {
    let text = value.as_str()?.trim();
    if text.is_empty() {
        return Some(None);
    }
    let url = Url::parse(text).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_plain && is_http).then_some(Some(url))
}

/// Address ranges in a list, at most.
const NETWORKS_MAX: usize = 256;

/// Addresses and ranges of addresses; in one text, with commas between them, for environment variables.
pub(super) fn networks(value: &Value) -> Option<Vec<IpNet>> {
    let texts: Vec<&str> = match value {
        Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::String(text) => text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => {
            return None;
        }
    };
    if texts.len() > NETWORKS_MAX {
        return None;
    }
    texts.into_iter().map(network).collect()
}

fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
    text.parse().ok().or_else(address)
}

/// `HOST:PORT`; IPv6 addresses in brackets.
pub(super) fn listen(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = !host.is_empty() && !host.contains([':', '/', '@']) && !host.contains(char::is_whitespace);
    (bracketed && text.parse::<std::net::SocketAddr>().is_ok() || plain).then(|| text.to_owned())
}
