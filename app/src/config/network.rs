//! `[network]`, the proxies of the environment, and files with certificates and keys.

use std::io::Read as _;
use std::path::PathBuf;

use switchboard_domain::secret::Secret;

use super::environment::Environment;
use super::error::ConfigError;
use super::section::{Found, Section, Whence};

/// Largest file with certificates or a key, in bytes. The public authorities of the world together are 0.25 MiB.
const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Variables with a proxy or with what goes past it. Each is read in capitals first and, where it is not set, in small
/// letters.
const HTTP_PROXY: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL_PROXY: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Whether this variable says something about proxies.
pub(super) fn is_proxy_variable(name: &str) -> bool {
    [HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY].as_flattened().contains(&name)
}

/// `[network]` and what the environment says about proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Authorities for outgoing TLS beside the system's.
    pub ca_file: Option<PemFile>,
    /// The proxy for `http` and `ws`.
    pub plain_proxy: Option<ProxyVariable>,
    /// The proxy for `https` and `wss`.
    pub tls_proxy: Option<ProxyVariable>,
    /// Hosts that are reached without one.
    pub no_proxy: ExceptedHosts,
}

/// The text of `NO_PROXY`, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptedHosts {
    /// The variable's name.
    pub name: &'static str,
    /// What it holds; empty where it is not set.
    pub list: String,
}

impl ExceptedHosts {
    fn of(environment: &Environment) -> Self {
        let [capitals, _] = NO_PROXY;
        let (name, list) = environment.first(NO_PROXY).unwrap_or((capitals, ""));
        Self { name, list: list.to_owned() }
    }

    /// A mistake in it.
    #[must_use]
    pub fn wrong(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError::new("environment", self.name, problem)
    }
}

impl Network {
    pub(super) fn read(section: &mut Section<'_>, environment: &Environment) -> Result<Self, ConfigError> {
        let allowed = "empty, or the path of a PEM file with certificates of authorities";
        let ca_file = PemFile::of(section.take("ca_file"), allowed)?;
        let proxy = |names| {
            ProxyVariable::of(environment, names).or_else(|| ProxyVariable::of(environment, ALL_PROXY))
        };
        let no_proxy = ExceptedHosts::of(environment);
        Ok(Self { ca_file, plain_proxy: proxy(HTTP_PROXY), tls_proxy: proxy(HTTPS_PROXY), no_proxy })
    }
}

/// A variable with a proxy's address, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyVariable {
    /// Its name.
    pub name: &'static str,
    /// The address; may hold a password.
    pub address: Secret,
}

impl ProxyVariable {
    /// An empty variable is as good as none.
    fn of(environment: &Environment, names: [&'static str; 2]) -> Option<Self> {
        let (name, address) = environment.first(names)?;
        (!address.trim().is_empty()).then(|| Self { name, address: Secret::new(address) })
    }

    /// A mistake in it.
    #[must_use]
    pub fn wrong(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError::new("environment", self.name, problem)
    }
}

/// A file with certificates or a key, and the key of the configuration that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    path: PathBuf,
    whence: Whence,
    allowed: &'static str,
}

impl PemFile {
    /// The file that a key names; empty names none.
    pub(super) fn of(found: Option<Found>, allowed: &'static str) -> Result<Option<Self>, ConfigError> {
        let Some(found) = found else { return Ok(None) };
        let text = found.value.as_str().ok_or_else(|| found.wrong(allowed))?;
        let path = PathBuf::from(text);
        Ok((!text.is_empty()).then(|| Self { path, whence: found.whence(), allowed }))
    }

    /// Its bytes, read now: a regular file, not empty, at most 4 MiB.
    pub fn read(&self) -> Result<Vec<u8>, ConfigError> {
        let unreadable = |error: std::io::Error| self.wrong(&format!("the file cannot be read: {error}"));
        // Opening a pipe would wait for its writer.
        if !std::fs::metadata(&self.path).map_err(unreadable)?.is_file() {
            return Err(self.wrong("it is not a file"));
        }
        let file = std::fs::File::open(&self.path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(PEM_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.is_empty() {
            return Err(self.wrong("the file is empty"));
        }
        if u64::try_from(bytes.len()).map_or(true, |length| length > PEM_BYTES_MAX) {
            return Err(self.wrong(&format!("the file may have {PEM_BYTES_MAX} bytes at most")));
        }
        Ok(bytes)
    }

    /// A mistake in the file; what is allowed is said behind it.
    #[must_use]
    pub fn wrong(&self, problem: &str) -> ConfigError {
        self.whence.wrong(&format!("{problem}; must be {}", self.allowed))
    }
}

/// The files with which the server proves its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `server.tls_cert`: the certificate and those between it and the authority.
    pub cert: PemFile,
    /// `server.tls_key`: its key.
    pub key: PemFile,
}

impl TlsFiles {
    /// Both or neither.
    pub(super) fn read(section: &mut Section<'_>) -> Result<Option<Self>, ConfigError> {
        let cert = PemFile::of(
            section.take("tls_cert"),
            "the path of a PEM file with the server's certificate first and the ones between it and the authority after it",
        )?;
        let key = PemFile::of(
            section.take("tls_key"),
            "the path of a PEM file with the key of the certificate in tls_cert, without a password",
        )?;
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Some(Self { cert, key })),
            (None, None) => Ok(None),
            (Some(one), None) => {
                Err(one.whence.wrong("must be given together with server.tls_key, or not at all"))
            }
            (None, Some(one)) => {
                Err(one.whence.wrong("must be given together with server.tls_cert, or not at all"))
            }
        }
    }
}
