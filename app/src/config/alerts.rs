//! `[alerts]`: who is told when a channel is not connected.

use std::time::Duration;

use switchboard_domain::secret::Secret;
use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::values;

/// Shortest key, in bytes: shorter ones can be guessed.
const KEY_BYTES_MIN: usize = 16;

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 512;

/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2_000;

/// `[alerts]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Where alerts are sent; `None`: nowhere. Secret: such addresses often carry a token.
    pub webhook_url: Option<Secret>,
    /// What they are signed with.
    pub hmac_key: Option<Secret>,
    /// How long a channel may not be connected before it is told.
    pub after: Duration,
    /// How often it is told again while it lasts; zero: once.
    pub repeat: Duration,
}

impl Alerts {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let allowed = "empty, or an address that begins with https:// or http://, of 2000 bytes at most";
        let webhook_url = section.parsed("webhook_url", None, allowed, |value| {
            let text = value.as_str()?.trim();
            if text.is_empty() {
                return Some(None);
            }
            let url = Url::parse(text).ok().filter(|_| text.len() <= URL_BYTES_MAX)?;
            let is_one = matches!(url.scheme(), "http" | "https") && url.has_host();
            is_one.then(|| Some(Secret::new(text)))
        })?;
        let allowed = "empty, or text of 16 to 512 bytes";
        let hmac_key = section.parsed("hmac_key", None, allowed, |value| {
            let text = value.as_str()?;
            let fits = (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&text.len());
            if text.is_empty() { Some(None) } else { fits.then(|| Some(Secret::new(text))) }
        })?;
        let range = Duration::from_secs(10)..=Duration::from_hours(24);
        let allowed = "a duration from \"10s\" to \"24h\", for example \"5m\"";
        let parse = |value: &toml::Value| values::duration(value, &range);
        let after = section.parsed("after", Duration::from_mins(5), allowed, parse)?;
        let range = Duration::from_mins(1)..=Duration::from_hours(24 * 7);
        let allowed = "\"0s\", which is once, or a duration from \"1m\" to \"168h\", for example \"4h\"";
        let parse = |value: &toml::Value| {
            let once = Duration::ZERO..=Duration::ZERO;
            values::duration(value, &range).or_else(|| values::duration(value, &once))
        };
        let repeat = section.parsed("repeat", Duration::from_hours(4), allowed, parse)?;
        Ok(Self { webhook_url, hmac_key, after, repeat })
    }
}
