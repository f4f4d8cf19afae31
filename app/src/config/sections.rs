//! The sections and their keys, with defaults and what is allowed. One `read` per section.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use switchboard_domain::secret::Secret;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::error::ConfigError;
use super::network::TlsFiles;
use super::redis_address;
use super::section::{Found, Section};
use super::values;

/// Shortest admin token that may be configured, in characters.
pub const ADMIN_TOKEN_CHARS_MIN: usize = 16;

/// Longest admin token that may be configured, in characters.
const ADMIN_TOKEN_CHARS_MAX: usize = 512;

/// Longest `server.shutdown_grace`.
const SHUTDOWN_GRACE_MAX: Duration = Duration::from_mins(10);

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `HOST:PORT` to listen on; port 0 takes a free one.
    pub listen: String,
    /// Where people reach the server, if it is known.
    pub public_url: Option<Url>,
    /// How long running turns may take to finish after a signal, at most 10 minutes.
    pub shutdown_grace: Duration,
    /// Sockets of one channel over all replicas, 1 to 10. This version opens one per replica.
    pub connections_per_channel: u8,
    /// Proxies in front of the server, whose word about their clients counts; at most 256.
    pub trusted_proxies: Vec<IpNet>,
    /// With these the server speaks https itself.
    pub tls: Option<TlsFiles>,
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let allowed = "HOST:PORT, for example \"127.0.0.1:8080\"; port 0 takes a free one";
        let listen = section.parsed("listen", String::from("127.0.0.1:8080"), allowed, values::listen)?;
        let public_url = public_url(section.take("public_url"))?;
        let allowed = "a duration from \"0s\" to \"10m\", for example \"20s\", \"500ms\", \"2m\"";
        let range = Duration::ZERO..=SHUTDOWN_GRACE_MAX;
        let parse = |value: &toml::Value| values::duration(value, &range);
        let shutdown_grace = section.parsed("shutdown_grace", Duration::from_secs(20), allowed, parse)?;
        let parse = |value: &toml::Value| values::integer(value, &(1..=10));
        let connections_per_channel =
            section.parsed("connections_per_channel", 2, "a whole number from 1 to 10", parse)?;
        let allowed =
            "a list of at most 256 addresses and ranges, for example [\"127.0.0.1\", \"10.0.0.0/8\"]";
        let trusted_proxies = section.parsed("trusted_proxies", Vec::new(), allowed, values::networks)?;
        let tls = TlsFiles::read(section)?;
        Ok(Self { listen, public_url, shutdown_grace, connections_per_channel, trusted_proxies, tls })
    }
}

fn public_url(found: Option<Found>) -> Result<Option<Url>, ConfigError> {
    let Some(found) = found else { return Ok(None) };
    let text = found.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(Some).ok_or_else(|| found.wrong("an address that begins with https:// or http://"))
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Which store.
    pub url: StoreUrl,
    /// Of all keys in a shared store; without effect for `file:` and `memory:`.
    pub prefix: String,
}

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// Forgets everything when the process ends.
    Memory,
    /// A folder.
    File(PathBuf),
    /// A Redis server or Cluster. Secret, because it may hold a password.
    Redis(Secret),
}

impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Redis(url) => {
                let (scheme, rest) = url.expose().split_once("://").unwrap_or_default();
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                write!(f, "{scheme}://{host}")
            }
        }
    }
}

impl Store {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let url = match section.take("url") {
            Some(found) => store_url(&found)?,
            None => StoreUrl::File(PathBuf::from("./switchboard-data")),
        };
        let allowed = "1 to 64 characters out of a-z, A-Z, 0-9, '-', '_', '.'";
        let prefix = section.parsed("prefix", String::from("switchboard"), allowed, |value| {
            let text = value.as_str()?;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            ((1..=64).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
        })?;
        Ok(Self { url, prefix })
    }
}

fn store_url(found: &Found) -> Result<StoreUrl, ConfigError> {
    StoreUrl::parse(found.text()?).map_err(|allowed| found.wrong(allowed))
}

impl StoreUrl {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What it has to be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let allowed =
            "\"file:FOLDER\", \"memory:\", \"redis://HOST:PORT\", \"rediss://…\" or \"redis-cluster://…\"";
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some((scheme @ ("redis" | "rediss" | "redis-cluster"), rest)) = text.split_once("://") {
            let is_one = redis_address::is_address(scheme, rest);
            return if is_one { Ok(Self::Redis(Secret::new(text))) } else { Err(redis_address::ALLOWED) };
        }
        let path = text.strip_prefix("file:").ok_or(allowed)?;
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err("\"file:FOLDER\" or \"file:///FOLDER\""),
            None => path,
        };
        if path.is_empty() { Err(allowed) } else { Ok(Self::File(PathBuf::from(path))) }
    }
}

/// `[security]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// A configured admin token, used as it is; `None`: one is made at first start.
    pub admin_token: Option<Secret>,
    /// Where the key of stored secrets is.
    pub encryption_key_file: PathBuf,
}

impl Security {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let allowed = "empty, or 16 to 512 visible ASCII characters without spaces";
        let admin_token = section.parsed("admin_token", None, allowed, |value| {
            let text = value.as_str()?;
            if text.is_empty() {
                return Some(None);
            }
            let fits = (ADMIN_TOKEN_CHARS_MIN..=ADMIN_TOKEN_CHARS_MAX).contains(&text.len());
            (fits && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Some(Secret::new(text)))
        })?;
        let default = PathBuf::from("./switchboard-data/key");
        let encryption_key_file =
            section.parsed("encryption_key_file", default, "the path of a file", |value| {
                value.as_str().filter(|text| !text.is_empty()).map(PathBuf::from)
            })?;
        Ok(Self { admin_token, encryption_key_file })
    }
}

/// `[telemetry]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Which log lines: a tracing filter such as `info` or `info,switchboard=debug`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where traces go (OTLP over HTTP); nowhere without.
    pub otlp_endpoint: Option<Url>,
    /// Whether `/metrics` needs no token.
    pub metrics_public: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Its word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        let allowed = "a tracing filter, for example \"info\" or \"warn,switchboard=debug\"";
        let log = section.parsed("log", String::from("info"), allowed, |value| {
            let text = value.as_str()?;
            EnvFilter::try_new(text).is_ok().then(|| text.to_owned())
        })?;
        let log_format = section.parsed("log_format", LogFormat::Text, "\"text\" or \"json\"", |value| {
            match value.as_str()? {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }
        })?;
        let allowed =
            "empty, or an address that begins with http:// or https://, without a name and password";
        let otlp_endpoint = section.parsed("otlp_endpoint", None, allowed, values::endpoint)?;
        let metrics_public = section.parsed("metrics_public", false, "true or false", values::flag)?;
        Ok(Self { log, log_format, otlp_endpoint, metrics_public })
    }
}
